"""Metrics that need the rows in order of size: sorted once, then read at any subject weights.

A quantile of rows whose subjects are drawn again and again is the place where the cumulative weight of the
sorted rows reaches a target. Cumulating all rows for every replicate would cost as much as sorting them.
Rows are therefore put into bins by rank, subject by bin, once; a matrix product gives every replicate's bin
totals, and only the rows of the bin that holds the target are cumulated, so the result is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from .additive import effective, row_weights, subject_sums
from .intervals import t_interval, tail_levels
from .metric import CannotComputeError, Columns, Counts, FloatArray, IntArray, Interval, Prepared, Sides

Quantile = Literal["type_6", "type_7", "type_8"]
"""Definitions of a sample quantile, numbered by Hyndman & Fan (1996)."""

QUANTILES: tuple[Quantile, ...] = get_args(Quantile)

_BLOCK = 512  # replicates at a time, fixed, so that no number depends on how many are asked for
_CELLS = 16_000_000  # most cells of the table of subjects by bins
_GATHER = 400  # a gathered and cumulated row costs about as much as this many multiplications
_FUZZ = 4 * float(np.finfo(float).eps)
_ROUNDING = 1e-12  # relative rounding of cumulated weights that are not whole numbers


def position(total: FloatArray, probability: float, definition: Quantile) -> FloatArray:
    """Where a quantile lies among `total` ordered values, counted from 1 (Hyndman & Fan 1996).

    `type_6` is (n + 1) p, `type_7` (n - 1) p + 1, `type_8` (n + 1/3) p + 1/3; within 1 and n.

    Example:
        >>> position(np.array([17.0]), 0.025, "type_7")
        array([1.4])
    """
    if definition == "type_6":
        place = (total + 1) * probability
    elif definition == "type_7":
        place = (total - 1) * probability + 1
    else:
        place = (total + 1 / 3) * probability + 1 / 3
    return np.asarray(np.clip(place, np.minimum(1.0, total), total))


@dataclass(frozen=True, eq=False)
class SortedRows:
    """Rows in order of value, with the table that finds a cumulative weight without cumulating all of them.

    Attributes:
        values: (n,) ascending.
        subject: (n,) whose row it is.
        weight: (n,) weight of the row within its subject; ones where rows have none.
        n_subjects: Number of subjects, those without rows included.
        bins: (S, K) weight of each subject's rows in each bin.
        edges: (K + 1,) first row of each bin.
    """

    values: FloatArray
    subject: IntArray
    weight: FloatArray
    n_subjects: int
    bins: FloatArray = field(repr=False)
    edges: IntArray = field(repr=False)

    @classmethod
    def of(
        cls, values: FloatArray, subject: IntArray, weight: FloatArray, n_subjects: int, *, reads: int = 1
    ) -> SortedRows:
        """Sort rows; rows without weight are dropped.

        Args:
            values: (n,) values.
            subject: (n,) whose row it is.
            weight: (n,) weights of rows.
            n_subjects: Number of subjects.
            reads: Quantiles that will be read at each weight vector: many ask for finer bins.
        """
        used = np.flatnonzero(weight > 0)
        order = used[np.argsort(values[used], kind="stable")]
        values, subject, weight = values[order], subject[order], weight[order]
        edges = _edges(len(values), n_subjects, reads)
        count = len(edges) - 1
        which = np.repeat(np.arange(count), np.diff(edges))
        table = np.bincount(subject * count + which, weights=weight, minlength=n_subjects * count)
        bins: FloatArray = table.astype(np.float64).reshape(n_subjects, count)
        return cls(values, subject, weight, n_subjects, bins, edges)

    def quantiles(
        self, weights: FloatArray, probabilities: Sequence[float], definition: Quantile
    ) -> FloatArray:
        """(B, k) quantiles at every weight vector, NaN where the rows have no weight together.

        A whole-number weight repeats the subject's rows. Other weights follow the same definition with n the
        sum of weights and x(j) the first value at which the cumulative weight reaches j.

        Args:
            weights: (B, S) frequencies.
            probabilities: The k quantiles' probabilities, 0 to 1.
            definition: Which quantile.
        """
        result = np.full((len(weights), len(probabilities)), np.nan)
        if len(self.values) == 0:
            return result
        for start in range(0, len(weights), _BLOCK):
            block = weights[start : start + _BLOCK]
            cumulative = np.cumsum(block @ self.bins, axis=1)
            total = cumulative[:, -1]
            filled = total > 0
            for column, probability in enumerate(probabilities):
                place = position(total, probability, definition)
                whole, part = _parted(place)
                below = self._reaching(block, cumulative, np.where(whole >= 1, whole, place))
                between = filled & (part > 0)
                above = below.copy()
                above[between] = self._reaching(
                    block[between], cumulative[between], np.minimum(whole + 1, total)[between]
                )
                found = below + np.where(part > 0, part * (above - below), 0.0)
                result[start : start + _BLOCK, column] = np.where(filled, found, np.nan)
        return result

    def _reaching(self, weights: FloatArray, cumulative: FloatArray, target: FloatArray) -> FloatArray:
        """(B,) first value at which the cumulative weight reaches the target."""
        if len(weights) == 0:
            return np.empty(0)
        allowed = target - _ROUNDING * cumulative[:, -1]
        inside = np.minimum((cumulative < allowed[:, None]).sum(axis=1), cumulative.shape[1] - 1)
        rest = allowed - np.where(
            inside > 0, cumulative[np.arange(len(inside)), np.maximum(inside - 1, 0)], 0.0
        )
        result = np.empty(len(weights))
        order = np.argsort(inside, kind="stable")
        starts = np.flatnonzero(np.diff(inside[order], prepend=-1))
        for first, last in zip(starts, [*starts[1:], len(order)], strict=True):
            chosen = order[first:last]
            rows = slice(self.edges[inside[chosen[0]]], self.edges[inside[chosen[0]] + 1])
            running = np.cumsum(weights[np.ix_(chosen, self.subject[rows])] * self.weight[rows], axis=1)
            place = np.minimum((running < rest[chosen, None]).sum(axis=1), running.shape[1] - 1)
            result[chosen] = self.values[rows][self._with_weight(running, place)]
        return result

    @staticmethod
    def _with_weight(running: FloatArray, place: IntArray) -> IntArray:
        """Back from trailing rows of subjects that are not drawn: the last row that added weight."""
        at = running[np.arange(len(place)), place]
        return np.asarray(np.argmax(running >= at[:, None], axis=1))


def _edges(rows: int, subjects: int, reads: int) -> IntArray:
    """Bins of equal numbers of rows: as many as balance the product against the refinements."""
    count = int(np.sqrt(_GATHER * rows * reads / max(subjects, 1)))
    count = max(1, min(count, rows, _CELLS // max(subjects, 1)))
    return np.linspace(0, rows, count + 1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class QuantilesPrepared(Prepared):
    """Quantiles of one value a row; see `Prepared`.

    Attributes:
        rows: The rows in order.
        statistics: One name a quantile.
        probabilities: Their probabilities.
        definition: Which quantile.
        units: (S,) rows of each subject.
    """

    rows: SortedRows
    statistics: tuple[str, ...]
    probabilities: tuple[float, ...]
    definition: Quantile
    units: IntArray
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_subjects", len(self.units))

    @property
    def active(self) -> NDArray[np.bool_]:
        """(S,) which subjects have rows."""
        return self.units > 0

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """Every quantile at every weight vector; see `Prepared.at`.

        Raises:
            ValueError: The weights do not have one column a subject.
        """
        if weights.ndim != 2 or weights.shape[1] != self.n_subjects:
            raise ValueError(
                f"`weights` is {weights.shape}; one column for each of {self.n_subjects} subjects is needed."
            )
        used = effective(weights, self.active) if relative else weights
        return self.rows.quantiles(used, self.probabilities, self.definition)

    def jackknife(self) -> FloatArray:
        """(J, k) quantiles with one of the subjects that have rows left out each."""
        left_out = np.flatnonzero(self.active)
        result = np.empty((len(left_out), len(self.statistics)))
        for start in range(0, len(left_out), _BLOCK):
            chosen = left_out[start : start + _BLOCK]
            weights = np.ones((len(chosen), self.n_subjects))
            weights[np.arange(len(chosen)), chosen] = 0.0
            result[start : start + _BLOCK] = self.at(weights)
        return result

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, and rows."""
        del statistic
        return Counts(n_subjects=int(np.count_nonzero(self.active)), n_units=int(self.units.sum()))

    def reason_undefined(self, statistic: str) -> str:
        """A quantile has no value only where there are no rows."""
        del statistic
        return "There are no rows."

    def standard_error(self, statistic: str) -> float:
        """Width of the 95% Woodruff interval over twice Student's t; NaN where that has no two ends."""
        try:
            found = self._woodruff(statistic, 0.95, "two")
        except CannotComputeError:
            return float("nan")
        half = t_interval(0.0, 1.0, int(np.count_nonzero(self.active)) - 1, 0.95, "two")[1]
        return float((found.upper - found.lower) / (2 * half))

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`woodruff`: the quantiles at the ends of the interval of the share of rows below.

        Raises:
            CannotComputeError: Fewer than two subjects, or the interval reaches beyond the rows.
        """
        if method != "woodruff":
            raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")
        return self._woodruff(statistic, level, sides)

    def _woodruff(self, statistic: str, level: float, sides: Sides) -> Interval:
        subjects = int(np.count_nonzero(self.active))
        if subjects < 2:
            raise CannotComputeError("An interval needs at least two subjects.")
        tail_levels(level, sides)
        index = self.statistics.index(statistic)
        probability = self.probabilities[index]
        spread = self._share_error(float(self.estimate()[index]))
        ends = t_interval(probability, spread, subjects - 1, level, sides)
        bounds = [-np.inf, np.inf]
        for i, end in enumerate(ends):
            if np.isinf(end):
                continue
            if not 0 < end < 1:
                raise CannotComputeError(
                    f"The rows of {subjects:,} subjects do not reach far enough beyond quantile "
                    f"{probability:g} for a bound at this confidence level; use a bootstrap."
                )
            bounds[i] = float(
                self.rows.quantiles(np.ones((1, self.n_subjects)), (end,), self.definition)[0, 0]
            )
        flat = bounds[0] == bounds[1]
        note = "Both ends are the same value; the interval has no width and says nothing." if flat else None
        return Interval(bounds[0], bounds[1], level, sides, "woodruff", degenerate=flat, warning=note)

    def _share_error(self, value: float) -> float:
        """Linearised standard error, subjects as clusters, of the share of rows at most the value."""
        rows = self.rows
        total = np.bincount(rows.subject, weights=rows.weight, minlength=self.n_subjects)[self.active]
        inside = rows.values <= value
        share = np.bincount(rows.subject, weights=rows.weight * inside, minlength=self.n_subjects)
        z = (share[self.active] - share.sum() / total.sum() * total) / total.sum()
        n = len(z)
        return float(np.sqrt(n / (n - 1) * np.square(z - z.mean()).sum()))


def prepare_quantiles(
    values: FloatArray,
    columns: Columns,
    *,
    statistics: tuple[str, ...],
    probabilities: tuple[float, ...],
    definition: Quantile,
) -> QuantilesPrepared:
    """Sort one value a row, for quantiles over all rows.

    Args:
        values: (n,) value of each row.
        columns: The checked rows the values belong to.
        statistics: One name a quantile.
        probabilities: Their probabilities.
        definition: Which quantile.
    """
    weights = row_weights(columns)
    subject = np.repeat(np.arange(columns.n_subjects), np.diff(columns.offsets))
    return QuantilesPrepared(
        rows=SortedRows.of(values, subject, weights, columns.n_subjects),
        statistics=statistics,
        probabilities=probabilities,
        definition=definition,
        units=subject_sums(weights > 0, columns.offsets).astype(np.int64),
    )


def own_quantiles(
    values: FloatArray, columns: Columns, probability: float, definition: Quantile
) -> FloatArray:
    """(S,) the same quantile of each subject's own rows, NaN for a subject without rows (or row weight)."""
    result = np.full(columns.n_subjects, np.nan)
    lengths = np.diff(columns.offsets)
    some = np.flatnonzero(lengths)
    if columns.weights is None:
        owner = np.repeat(np.arange(columns.n_subjects), lengths)
        ordered = values[np.lexsort((values, owner))]
        place = position(lengths[some].astype(np.float64), probability, definition)
        whole, part = _parted(place)
        start = columns.offsets[some] - 1
        below = ordered[start + whole.astype(np.int64)]
        above = ordered[start + np.minimum(whole + 1, lengths[some]).astype(np.int64)]
        result[some] = below + np.where(part > 0, part * (above - below), 0.0)
        return result
    for i in some:
        own = slice(columns.offsets[i], columns.offsets[i + 1])
        count = own.stop - own.start
        part_of = Columns(values[own], values[own], np.array([0, count]), weights=columns.weights[own])
        rows = SortedRows.of(values[own], np.zeros(count, dtype=np.int64), row_weights(part_of), 1)
        result[i] = rows.quantiles(np.ones((1, 1)), (probability,), definition)[0, 0]
    return result


def _parted(place: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Whole and fractional part of a position; what is within rounding of a whole number is one."""
    slack = _FUZZ * np.maximum(place, 1.0)
    whole = np.floor(place + slack)
    return whole, np.where(np.abs(place - whole) < slack, 0.0, place - whole)
