"""Lines that are fitted again for every weighting of the subjects: the rows are kept, not summed."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..additive import effective, row_weights, subject_sums
from ..metric import CannotComputeError, Columns, Counts, FloatArray, IntArray, Interval, Prepared, Sides
from .lines import Size, error_or_nan, jackknife_error, jackknife_interval, settled, with_biases

_CELLS = 1 << 17
"""Replicates times rows of one block: a megabyte, so that what is in the making stays in the cache."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Pairs that count, with whose they are.

    Attributes:
        x: (n,) reference values.
        y: (n,) test values.
        subject: (n,) whose pair it is.
        weight: (n,) weight of the pair within its subject; ones where pairs have none.
        units: (S,) pairs of each subject.
        weighted: Row weights were given.
    """

    x: FloatArray
    y: FloatArray
    subject: IntArray
    weight: FloatArray
    units: IntArray
    weighted: bool

    @classmethod
    def of(cls, columns: Columns) -> Rows:
        """The pairs of checked columns that have weight."""
        weight = row_weights(columns)
        used = weight > 0
        subject = np.repeat(np.arange(columns.n_subjects), np.diff(columns.offsets))
        return cls(
            columns.reference[used],
            columns.test[used],
            subject[used],
            weight[used],
            subject_sums(used, columns.offsets).astype(np.int64),
            columns.weights is not None,
        )

    @property
    def clustered(self) -> bool:
        """Some subject has several pairs."""
        return bool(np.any(self.units > 1))


@dataclass(frozen=True, eq=False)
class RowsPrepared(Prepared):
    """Pairs of one slice for a line that is refitted; see `Prepared`. Subclasses fit.

    Attributes:
        rows: The pairs.
        statistics: Slope, intercept, and a bias for each level.
        levels: Decision levels.
    """

    rows: Rows
    statistics: tuple[str, ...]
    levels: tuple[float, ...]
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_subjects", len(self.rows.units))

    @abstractmethod
    def lines(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B,) slopes and intercepts at (B, n) weights of the pairs, NaN where there is no line."""

    @property
    def active(self) -> NDArray[np.bool_]:
        """(S,) which subjects have pairs."""
        return self.rows.units > 0

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """Every statistic at every weight vector; see `Prepared.at`.

        Raises:
            ValueError: The weights do not have one column a subject.
        """
        found = self._at(weights, relative=relative)
        if len(self.rows.x) == 0:
            return found
        return settled(found, self.estimate(), [self.rounding(name) for name in self.statistics])

    def estimate(self) -> FloatArray:
        """(k,) estimates at weights of one."""
        return self._estimate

    @cached_property
    def _estimate(self) -> FloatArray:
        return np.asarray(self._at(np.ones((1, self.n_subjects)))[0])

    def _at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        if weights.ndim != 2 or weights.shape[1] != self.n_subjects:
            raise ValueError(
                f"`weights` is {weights.shape}; one column for each of {self.n_subjects} subjects is needed."
            )
        result = np.full((len(weights), len(self.statistics)), np.nan)
        if len(self.rows.x) == 0:
            return result
        block = max(1, _CELLS // len(self.rows.x))
        for start in range(0, len(weights), block):
            used = weights[start : start + block]
            if relative:
                used = effective(used, self.active)
            with np.errstate(all="ignore"):
                slope, intercept = self.lines(used[:, self.rows.subject] * self.rows.weight)
            good = np.isfinite(slope) & np.isfinite(intercept)
            found = with_biases(np.where(good, slope, np.nan), np.where(good, intercept, np.nan), self.levels)
            result[start : start + block] = found
        return result

    def jackknife(self) -> FloatArray:
        """(J, k) statistics with one of the subjects that have pairs left out each."""
        return self._left_out

    @cached_property
    def _left_out(self) -> FloatArray:
        left_out = np.flatnonzero(self.active)
        result = np.empty((len(left_out), len(self.statistics)))
        block = max(1, _CELLS // max(len(self.rows.x), 1))
        for start in range(0, len(left_out), block):
            chosen = left_out[start : start + block]
            weights = np.ones((len(chosen), self.n_subjects))
            weights[np.arange(len(chosen)), chosen] = 0.0
            result[start : start + block] = self.at(weights)
        return result

    def counts(self, statistic: str) -> Counts:
        """Subjects with pairs, and pairs."""
        del statistic
        return Counts(n_subjects=int(np.count_nonzero(self.active)), n_units=len(self.rows.x))

    def standard_error(self, statistic: str) -> float:
        """Jackknife over subjects."""
        column = self.statistics.index(statistic)
        return error_or_nan(lambda: jackknife_error(self.jackknife()[:, column]))

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`jackknife`; lines with more methods extend this.

        Raises:
            CannotComputeError: Fewer than three subjects, or a method not offered.
        """
        if method != "jackknife":
            raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")
        column = self.statistics.index(statistic)
        value = float(self.estimate()[column])
        left_out = self.jackknife()[:, column]
        rounding = self.rounding(statistic)
        return jackknife_interval(value, left_out, level=level, sides=sides, rounding=rounding)

    def place(self, statistic: str) -> float | None:
        """The reference value at which a statistic reads the line; None for the slope."""
        places = {"intercept": 0.0, **dict(zip(self.statistics[2:], self.levels, strict=True))}
        return places.get(statistic)

    def rounding(self, statistic: str) -> float:
        """What rounding alone moves a statistic, at most."""
        x, y = self.rows.x, self.rows.y
        slope = abs(float(self.estimate()[0]))
        return Size(slope, float(x.mean()), float(y.mean()), float(x.std())).rounding(self.place(statistic))
