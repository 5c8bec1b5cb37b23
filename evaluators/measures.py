"""Measures: what the rows of a stretch of time amount to, such as a night's total sleep time.

A measure takes the rows of many stretches at once, in order of time, and gives one number a stretch.
Protocols use them as columns of a table (`measure`); reference and test are then compared night by night or
window by window, with any metric of numbers.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np

from .metric import Citation, FloatArray, IntArray, Parameter

_BUILT_IN: tuple[str, ...] = ("hrv.time_domain", "sleep.measures")
"""Modules of this package that hold measures, each in a tuple `MEASURES`."""


@dataclass(frozen=True, eq=False)
class Stretches:
    """The rows of many stretches of time, one stretch after the other, each in order of time.

    Attributes:
        values: (n,) numbers, NaN where there is none; of categories the place of the class among the
            measure's `classes`, -1 where there is none.
        heads: (U,) where the rows of each stretch start.
        start: (n,) seconds from the beginning of the stretch to that of the row.
        duration: (n,) seconds that each row stands for.
        length: (U,) seconds that each stretch lasts.
        classes: Of categories, the classes that are told apart, whether or not a row has them; empty: those
            of the rows.
    """

    values: FloatArray
    heads: IntArray
    start: FloatArray
    duration: FloatArray
    length: FloatArray
    classes: tuple[str, ...] = ()

    @property
    def count(self) -> IntArray:
        """(U,) rows of each stretch."""
        return np.diff(self.heads, append=len(self.values))

    @property
    def stretch(self) -> IntArray:
        """(n,) stretch of each row."""
        return np.repeat(np.arange(len(self.heads), dtype=np.int64), self.count)

    def total(self, values: FloatArray) -> FloatArray:
        """(U,) sums over the rows of each stretch."""
        found = np.bincount(self.stretch, weights=values, minlength=len(self.heads))
        return np.asarray(found, dtype=np.float64)


NOT_GIVEN = "The rows do not give what the definition asks for."
"""Reason of measures that have no words of their own."""


@dataclass(frozen=True, eq=False)
class Found:
    """A measure of many stretches, and why some have none.

    Attributes:
        values: (U,) the measure, NaN where a stretch has none.
        codes: (U,) 0 where there is a value, else the place of the reason in `reasons`, counted from 1.
        reasons: Why a stretch can be without a value, a sentence each.
    """

    values: FloatArray
    codes: IntArray
    reasons: tuple[str, ...]


class Measure(ABC):
    """What the rows of a stretch of time amount to.

    Attributes:
        name: Identifier in protocols, such as `rmssd`.
        title: Words for a report.
        definition: One sentence that fixes which variant it is.
        kind: What the rows hold: numbers, or categories.
        unit: Unit of the measure.
        units: Units that the rows' numbers may have, and what brings each to the one that `values` takes.
        classes: What a category may be to the measure, in the order of their codes.
        parameters: Options, as a protocol sees them.
        citations: Sources.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    definition: ClassVar[str]
    kind: ClassVar[Literal["number", "category"]]
    unit: ClassVar[str]
    units: ClassVar[dict[str, float]] = {}
    classes: ClassVar[tuple[str, ...]] = ()
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    citations: ClassVar[tuple[Citation, ...]] = ()

    @abstractmethod
    def values(self, rows: Stretches, **parameters: Any) -> FloatArray:
        """(U,) the measure of each stretch, NaN where it is not defined."""

    def found(self, rows: Stretches, **parameters: Any) -> Found:
        """The measure of each stretch, and why some have none."""
        values = self.values(rows, **parameters)
        return Found(values, np.isnan(values).astype(np.int64), (NOT_GIVEN,))

    def said(self, parameters: Mapping[str, Any]) -> str:
        """One sentence that says what the measure is under these options."""
        del parameters
        return self.definition

    def refusal(self, classes: Collection[str], parameters: Mapping[str, Any]) -> str | None:
        """Why the measure cannot be made of these classes under these options; None where it can."""
        del classes, parameters
        return None


@cache
def _table() -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    for module in _BUILT_IN:
        for measure in importlib.import_module(f".{module}", __package__).MEASURES:
            found[measure.name] = measure
    return found


def names() -> list[str]:
    """Names of all measures, sorted."""
    return sorted(_table())


def get(name: str) -> Measure:
    """The measure of a name.

    Raises:
        KeyError: There is none; the message lists those there are.
    """
    try:
        return _table()[name]
    except KeyError:
        raise KeyError(f"there is no measure `{name}`; there are: {', '.join(names())}") from None
