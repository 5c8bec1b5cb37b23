"""Several shares of the same rows, subject by subject: what metrics of beats and episodes have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..additive import AdditivePrepared
from ..metric import Average, Counts, FloatArray, IntArray, Interval, Sides
from ..proportions.proportion import COUNTED, ProportionPrepared, Ratio, mean_of_shares, nobody

_PARTS = 5  # of a share: two of its value, squared weights, events and units as counted


@dataclass(frozen=True)
class SharesFormula:
    """Each share: the sum of its first total over that of its second."""

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """(..., 5 k) totals -> (..., k) shares."""
        return np.asarray(totals[..., 0::_PARTS] / totals[..., 1::_PARTS])


@dataclass(frozen=True)
class Share:
    """What one share is made of, by subject.

    Attributes:
        name: The statistic.
        part: (S,) what is above the line, and
        whole: (S,) below it: rows, weights of rows, or times.
        events: (S,) rows above, as counted, and
        units: (S,) below.
        squares: (S,) squared weights of the rows below; as `units` without weights.
        empty: What to say where no subject has a unit.
        proportion: Whether it is one of units, so that the intervals of proportions hold.
    """

    name: str
    part: FloatArray
    whole: FloatArray
    events: FloatArray
    units: FloatArray
    squares: FloatArray
    empty: str
    proportion: bool = True


@dataclass(frozen=True, eq=False, kw_only=True)
class SharesPrepared(AdditivePrepared):
    """Counts of each subject behind several shares.

    Attributes:
        average: How subjects are put together.
        weighted: Row weights were given.
        empty: Of each statistic, what to say where no subject has a unit.
        proportions: Of each statistic, whether it is a share of units.
    """

    average: Average
    weighted: bool
    empty: tuple[str, ...]
    proportions: tuple[bool, ...]

    def share(self, statistic: str) -> ProportionPrepared:
        """The same counts as those of one proportion."""
        k = self.statistics.index(statistic)
        own = self.totals[:, _PARTS * k : _PARTS * (k + 1)]
        chosen = [0, 1, *([2] if self.weighted else []), 3, 4]
        pooled = self.average == "pooled"
        return ProportionPrepared(
            totals=own[:, chosen],
            names=("part", "whole", *(COUNTED if self.weighted else COUNTED[1:])),
            statistics=(statistic,),
            formula=Ratio((0,), (1,)) if pooled else mean_of_shares,
            units=self.units,
            bounds=self.bounds,
            average=self.average,
            weighted=self.weighted,
            empty=self.empty[k],
        )

    def counts(self, statistic: str) -> Counts:
        """Subjects that have units, units, and events among them."""
        return self.share(statistic).counts(statistic)

    def reason_undefined(self, statistic: str) -> str:
        """What there is none of."""
        k = self.statistics.index(statistic)
        if not np.any(self.totals[:, _PARTS * k + 4] > 0):
            return nobody(self.empty[k]) if self.weighted and np.any(self.units) else self.empty[k]
        return "What there is has no duration." if not self.proportions[k] else "There is no value."

    def standard_error(self, statistic: str) -> float:
        """Linearised standard error with subjects as clusters; of the subjects that have units."""
        return self.share(statistic).standard_error(statistic)

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """As that of a proportion of units; of times, `cluster_t` only.

        Raises:
            CannotComputeError: These data do not support it, or there is no such interval.
        """
        if self.proportions[self.statistics.index(statistic)]:
            return self.share(statistic).interval(statistic, method, level, sides)
        return super().interval(statistic, method, level, sides)


def prepare_shares(
    shares: Sequence[Share], *, units: IntArray, average: Average, weighted: bool
) -> SharesPrepared:
    """Put shares beside each other, pooled or as means of the subjects' own shares."""
    columns, names = [], []
    for one in shares:
        part, whole, squares = one.part, one.whole, one.squares
        if average == "subject_mean":
            has = whole > 0
            part, squares = (
                np.divide(above, below, out=np.zeros(len(whole)), where=has)
                for above, below in ((part, whole), (squares, np.square(whole)))
            )
            whole = has.astype(np.float64)
        columns += [part, whole, squares, one.events, one.units]
        names += [f"{one.name}: {what}" for what in (f"{average} part", "whole", *COUNTED)]
    return SharesPrepared(
        totals=np.column_stack(columns).astype(np.float64),
        names=tuple(names),
        statistics=tuple(one.name for one in shares),
        formula=SharesFormula(),
        units=units,
        bounds=(0.0, 1.0),
        average=average,
        weighted=weighted,
        empty=tuple(one.empty for one in shares),
        proportions=tuple(one.proportion for one in shares),
    )
