"""Totals of one value a row within subjects: means between subjects and squares within them.

The one-way analysis of variance behind repeatability and behind the statistics of ISO 81060.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..additive import AdditivePrepared, subject_sums
from ..metric import FloatArray, IntArray, Interval, Sides
from .intervals import log_t_interval

TOTALS = ("rows", "subjects", "sum", "mean", "mean2", "within", "sum_mean", "rows2")
"""Values are kept about a shift: sums, subjects' means and their squares, sums times means; squares about the
subject's own mean; squared numbers of rows."""
_N, _S, _SUM, _MEAN, _MEAN2, _WITHIN, _SUM_MEAN, _NN = range(len(TOTALS))
_FLAT = 1e-13  # a sum of squares that is this small a part of its terms is rounding


@dataclass(frozen=True)
class OneWayFormula(ABC):
    """Sums of squares from totals whose values are kept about `shift`."""

    shift: float

    @abstractmethod
    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """The statistics from added-up totals."""

    def mean(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Mean over rows."""
        return np.asarray(self.shift + totals[..., _SUM] / totals[..., _N])

    def within(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Mean square within subjects; NaN where every subject has one row."""
        df = totals[..., _N] - totals[..., _S]
        return np.asarray(np.where(df.real > 0.5, totals[..., _WITHIN] / df, np.nan))

    def between(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Component of variance between subjects, (MSB - MSW) / m0; it can be negative."""
        n, subjects, total = totals[..., _N], totals[..., _S], totals[..., _SUM]
        squares = flushed(totals[..., _SUM_MEAN], total * total / n)
        m0 = (n - totals[..., _NN] / n) / (subjects - 1)
        return np.asarray((squares / (subjects - 1) - self.within(totals)) / m0)

    def about_pooled_mean(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Sum over subjects of (subject's mean - mean over rows)^2."""
        center = totals[..., _SUM] / totals[..., _N]
        squares = totals[..., _MEAN2] + center * center * totals[..., _S]
        return flushed(squares, 2 * center * totals[..., _MEAN])


def flushed(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Difference of two sums that cannot be negative; exactly 0 where only rounding is left."""
    found = first - second
    return np.asarray(np.where(np.real(found) > _FLAT * np.abs(np.real(first)), found, 0.0 * found))


@dataclass(frozen=True, eq=False)
class OneWayPrepared(AdditivePrepared):
    """Totals of each subject; see `Prepared`."""

    @property
    def one_way(self) -> OneWayFormula:
        """The formula under its own type."""
        if not isinstance(self.formula, OneWayFormula):
            raise TypeError("The formula was replaced by another kind.")
        return self.formula

    @property
    def total(self) -> FloatArray:
        """The totals at weights of one."""
        return np.asarray(self.totals.sum(axis=0))

    @property
    def df_within(self) -> int:
        """Rows beyond the first of each subject."""
        return int(self.units.sum()) - int(np.count_nonzero(self.active))

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_log_t` beside those of every additive metric.

        Raises:
            CannotComputeError: Fewer than two subjects, or an estimate of 0.
        """
        if method != "cluster_log_t":
            return super().interval(statistic, method, level, sides)
        value = float(self.estimate()[self.statistics.index(statistic)])
        df = int(np.count_nonzero(self.active)) - 1
        error = AdditivePrepared.standard_error(self, statistic)
        return log_t_interval(value, error, df, level=level, sides=sides, method=method)

    def aligned(self, other: AdditivePrepared) -> Self:
        """Self with its values about the other's shift."""
        if not isinstance(other, OneWayPrepared):
            return super().aligned(other)
        delta = self.one_way.shift - other.one_way.shift
        t = self.totals.copy()
        n, subjects, total, mean = (self.totals[:, i] for i in (_N, _S, _SUM, _MEAN))
        t[:, _SUM] += delta * n
        t[:, _MEAN] += delta * subjects
        t[:, _MEAN2] += delta * (2 * mean + delta * subjects)
        t[:, _SUM_MEAN] += delta * (2 * total + delta * n)
        moved = replace(self, totals=t, formula=replace(self.one_way, shift=other.one_way.shift))
        return super(OneWayPrepared, moved).aligned(other)


def center(values: FloatArray) -> float:
    """A shift about which the values cost no digits: their mean, or the constant they are."""
    if len(values) == 0:
        return 0.0
    return float(values[0]) if float(np.ptp(values)) == 0 else float(np.mean(values))


def one_way_totals(values: FloatArray, offsets: IntArray, shift: float) -> FloatArray:
    """(S, 8) totals of `TOTALS`.

    Args:
        values: (n,) one value a row, sorted by subject.
        offsets: (S + 1,) start of each subject's rows.
        shift: What the values are kept about.
    """
    kept = values - shift
    n = np.diff(offsets).astype(np.float64)
    some = n > 0
    total = subject_sums(kept, offsets)
    mean = total / np.where(some, n, 1.0)
    within = squares_within(kept, offsets)
    return np.column_stack([n, some, total, mean, mean**2, within, total * mean, n**2])


def squares_within(values: FloatArray, offsets: IntArray) -> FloatArray:
    """(S,) sum of squares about each subject's own mean; exactly 0 where its values are all equal."""
    lengths = np.diff(offsets)
    mean = subject_sums(values, offsets) / np.where(lengths > 0, lengths, 1)
    residual = values - np.repeat(mean, lengths)
    scale = np.abs(values).max(initial=0.0)
    residual[np.abs(residual) <= 4 * np.finfo(float).eps * scale] = 0.0
    return subject_sums(residual**2, offsets)
