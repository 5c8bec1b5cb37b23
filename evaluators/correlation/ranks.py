"""Spearman's correlation at any subject weights: sorted once, ranks from cumulative weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..additive import effective
from ..metric import CannotComputeError, Columns, Counts, FloatArray, IntArray, Interval, Prepared, Sides
from ..regression.rows import Rows
from .intervals import clipped, clustered_error, fisher_interval, jackknifed_error, row_wise_error

_CELLS = 1 << 17
"""Replicates times rows of one block: a megabyte, so that what is in the making stays in the cache."""

_FLAT = 1e-12


@dataclass(frozen=True, eq=False)
class Order:
    """One column in order of size.

    Attributes:
        order: (n,) rows from smallest to largest.
        starts: (g,) where each different value starts; None where no value is repeated.
        level: (n,) which of the different values a row has.
        subject: (n,) whose row it is, in order.
        weight: (n,) weight of the row within its subject, in order; None where rows have none.
    """

    order: IntArray
    starts: IntArray | None
    level: IntArray
    subject: IntArray
    weight: FloatArray | None

    @classmethod
    def of(cls, values: FloatArray, rows: Rows) -> Order:
        """From the values of the rows."""
        different, level = np.unique(values, return_inverse=True)
        order = np.argsort(level, kind="stable")
        starts = np.searchsorted(level[order], np.arange(len(different)))
        tied = len(different) < len(values)
        weight = rows.weight[order] if rows.weighted else None
        return cls(order, starts if tied else None, level, rows.subject[order], weight)

    def rows(self, weights: FloatArray) -> FloatArray:
        """(B, n) weights of the rows in order, from (B, S) weights of the subjects."""
        found = np.take(weights, self.subject, axis=1)
        return found if self.weight is None else np.multiply(found, self.weight, out=found)

    def levels(self, rows: FloatArray) -> FloatArray:
        """(B, g) sums over the rows of each level, from (B, n) values in order."""
        return rows if self.starts is None else np.add.reduceat(rows, self.starts, axis=1)

    def above(self, values: FloatArray) -> FloatArray:
        """(n,) for each row, the values of rows on higher levels and half of those on its own."""
        own = self.levels(values[None, self.order])[0]
        higher = own.sum() - np.cumsum(own)
        return np.asarray((higher + own / 2)[self.level])


def middles(own: FloatArray) -> FloatArray:
    """(B, g) mid-rank of each level less the mean rank, from the levels' weights: its own counts by half."""
    found = np.cumsum(own, axis=1)
    half = found[:, -1:] / 2
    found -= own / 2
    found -= half
    return found


@dataclass(frozen=True, eq=False)
class SpearmanPrepared(Prepared):
    """Rows in both orders; see `Prepared`.

    Attributes:
        rows: The pairs.
    """

    rows: Rows
    statistics: tuple[str, ...] = ("spearman",)
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_subjects", len(self.rows.units))

    @cached_property
    def _orders(self) -> tuple[Order, Order]:
        return Order.of(self.rows.x, self.rows), Order.of(self.rows.y, self.rows)

    @cached_property
    def _across(self) -> tuple[IntArray | None, IntArray]:
        """Level in x and level in y of each row in the order of x; None where every row has its own."""
        by_x, by_y = self._orders
        own = None if by_x.starts is None else by_x.level[by_x.order]
        return own, by_y.level[by_x.order]

    @property
    def active(self) -> NDArray[np.bool_]:
        """(S,) which subjects have rows."""
        return self.rows.units > 0

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """The correlation at every weight vector; see `Prepared.at`.

        Raises:
            ValueError: The weights do not have one column a subject.
        """
        if weights.ndim != 2 or weights.shape[1] != self.n_subjects:
            raise ValueError(
                f"`weights` is {weights.shape}; one column for each of {self.n_subjects} subjects is needed."
            )
        result = np.full((len(weights), 1), np.nan)
        if len(self.rows.x) == 0:
            return result
        block = max(1, _CELLS // len(self.rows.x))
        for start in range(0, len(weights), block):
            used = weights[start : start + block]
            if relative:
                used = effective(used, self.active)
            result[start : start + block, 0] = self._correlations(used)
        return result

    def _correlations(self, weights: FloatArray) -> FloatArray:
        by_x, by_y = self._orders
        in_x, in_y = self._across
        rows = by_x.rows(weights)
        own_x, own_y = by_x.levels(rows), by_y.levels(by_y.rows(weights))
        x, y = middles(own_x), middles(own_y)
        total = weights @ np.bincount(self.rows.subject, self.rows.weight, self.n_subjects)
        xx, yy = np.einsum("ij,ij,ij->i", own_x, x, x), np.einsum("ij,ij,ij->i", own_y, y, y)
        rows *= x if in_x is None else np.take(x, in_x, axis=1)
        xy = np.einsum("ij,ij->i", rows, np.take(y, in_y, axis=1))
        spread = np.minimum(xx, yy) > _FLAT * total**3
        with np.errstate(all="ignore"):
            found = clipped(xy / np.sqrt(xx * yy))
        return np.asarray(np.where(spread, found, np.nan), dtype=np.float64)

    def influence(self) -> FloatArray:
        """(J,) derivative of the correlation in the weight of each subject that has rows.

        A row moves the correlation by its own ranks and by the ranks of the rows above it.
        """
        w = self.rows.weight
        by_x, by_y = self._orders
        x, y = (middles(order.levels(w[None, order.order]))[0][order.level] for order in (by_x, by_y))
        xx, xy, yy = ((w * a * b).sum() for a, b in ((x, x), (x, y), (y, y)))
        of_xy = x * y + by_x.above(w * y) + by_y.above(w * x)
        of_xx, of_yy = x * x + 2 * by_x.above(w * x), y * y + 2 * by_y.above(w * y)
        own = of_xy / np.sqrt(xx * yy) - xy / np.sqrt(xx * yy) / 2 * (of_xx / xx + of_yy / yy)
        z = np.bincount(self.rows.subject, weights=w * own, minlength=self.n_subjects)
        return np.asarray(z[self.active], dtype=np.float64)

    def jackknife(self) -> FloatArray:
        """(J, 1) correlations with one of the subjects that have rows left out each."""
        left_out = np.flatnonzero(self.active)
        result = np.empty((len(left_out), 1))
        block = max(1, _CELLS // max(len(self.rows.x), 1))
        for start in range(0, len(left_out), block):
            chosen = left_out[start : start + block]
            weights = np.ones((len(chosen), self.n_subjects))
            weights[np.arange(len(chosen)), chosen] = 0.0
            result[start : start + block] = self.at(weights)
        return result

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, and rows."""
        del statistic
        return Counts(n_subjects=int(np.count_nonzero(self.active)), n_units=len(self.rows.x))

    def reason_undefined(self, statistic: str) -> str:
        """No rows, or one of the two does not vary."""
        del statistic
        if len(self.rows.x) == 0:
            return "There are no rows."
        return "Reference or test does not vary; their correlation is undefined."

    def standard_error(self, statistic: str) -> float:
        """Linearised, subjects as clusters; NaN with one subject."""
        del statistic
        z = self.influence()
        n = len(z)
        return float(np.sqrt(n / (n - 1) * np.square(z - z.mean()).sum())) if n > 1 else float("nan")

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_fisher_z`, `jackknife_fisher_z`, and three that take rows for independent.

        Raises:
            CannotComputeError: Too few subjects or rows, or row weights with a method that counts rows.
        """
        r = float(self.estimate()[0])
        df = int(np.count_nonzero(self.active)) - 1
        if method == "jackknife_fisher_z":
            error = jackknifed_error(self.jackknife()[:, 0], r)
            return fisher_interval(r, error, method=method, level=level, sides=sides, df=df)
        if method == "cluster_fisher_z":
            error = clustered_error(self.influence(), r)
            return fisher_interval(r, error, method=method, level=level, sides=sides, df=df)
        if method not in ("fisher_z", "fieller_z", "bonett_wright"):
            raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")
        if self.rows.weighted:
            raise CannotComputeError(f"`{method}` counts rows; with row weights use cluster_fisher_z.")
        error = row_wise_error(method, r, len(self.rows.x))
        several = self.rows.clustered
        return fisher_interval(r, error, method=method, level=level, sides=sides, independent_rows=several)


def prepare_spearman(columns: Columns) -> SpearmanPrepared:
    """Keep the rows that have weight; they are put in order when first asked."""
    return SpearmanPrepared(Rows.of(columns))
