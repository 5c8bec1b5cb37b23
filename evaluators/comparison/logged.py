"""Logarithms of what was prepared, so that the machinery of differences serves ratios.

A ratio of two positive statistics is the exponential of the difference of their logarithms. On that scale it
is nearer to normal and cannot become negative, and intervals are turned back by the exponential.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..additive import AdditivePrepared, Formula
from ..metric import CannotComputeError, Counts, FloatArray, Interval, Prepared, Sides
from .difference import active_subjects


@dataclass(frozen=True)
class _LogFormula:
    """Logarithms of what a formula gives; NaN where that is not above 0."""

    formula: Formula

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        values = self.formula(totals)
        return np.where(values.real > 0, np.log(np.where(values.real > 0, values, 1.0)), np.nan)


@dataclass(frozen=True, eq=False)
class _Logged(Prepared):
    """Logarithms of the statistics of something prepared that is no function of sums."""

    inner: Prepared
    statistics: tuple[str, ...] = field(init=False)
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "statistics", self.inner.statistics)
        object.__setattr__(self, "n_subjects", self.inner.n_subjects)

    @property
    def active(self) -> NDArray[np.bool_]:
        return active_subjects(self.inner)

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        return _log(self.inner.at(weights, relative=relative))

    def jackknife(self) -> FloatArray:
        return _log(self.inner.jackknife())

    def counts(self, statistic: str) -> Counts:
        return self.inner.counts(statistic)

    def reason_undefined(self, statistic: str) -> str:
        return self.inner.reason_undefined(statistic)

    def standard_error(self, statistic: str) -> float:
        del statistic
        return float("nan")

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        del statistic, level, sides
        raise CannotComputeError(f"A logarithm has no `{method}` interval.")


def logged(prepared: Prepared) -> Prepared:
    """Something prepared, with the natural logarithms of its statistics; NaN where they are not above 0."""
    if isinstance(prepared, AdditivePrepared):
        return replace(prepared, formula=_LogFormula(prepared.formula))
    return _Logged(prepared)


def _log(values: FloatArray) -> FloatArray:
    with np.errstate(all="ignore"):
        return np.asarray(np.where(values > 0, np.log(values), np.nan))
