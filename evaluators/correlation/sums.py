"""The totals behind Pearson's and the repeated-measures correlation; see `correlations`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..additive import AdditivePrepared, row_weights, subject_sums
from ..metric import CannotComputeError, Columns, FloatArray, Interval, Sides
from ..moments import TOTALS, Centred, MomentsPrepared, moment_totals
from .intervals import clipped, clustered_error, fisher_interval, jackknifed_error, row_wise_error

WITHIN = ("rows", "subjects", "xx", "xy", "yy")
_XX, _XY, _YY = range(2, 5)


@dataclass(frozen=True)
class PearsonFormula:
    """Product-moment correlation from totals about `shift`."""

    shift: tuple[float, float]

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """The correlation."""
        sums = Centred.of(totals)
        return _ratio(sums.xx, sums.xy, sums.yy)


@dataclass(frozen=True)
class WithinFormula:
    """Correlation of deviations from the subjects' own means."""

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """The correlation."""
        return _ratio(totals[..., _XX], totals[..., _XY], totals[..., _YY])


def _ratio(xx: NDArray[Any], xy: NDArray[Any], yy: NDArray[Any]) -> NDArray[Any]:
    """(..., 1) correlation; roots apart, so that the product of two small sums does not vanish."""
    return np.asarray(clipped(xy / (np.sqrt(xx) * np.sqrt(yy))))[..., None]


@dataclass(frozen=True, eq=False)
class _FisherIntervals(AdditivePrepared):
    """What both correlations share: intervals on Fisher's scale.

    Attributes:
        weighted: Row weights were given.
    """

    weighted: bool = False
    unrelated: ClassVar[str] = ""

    def rows_for_fisher(self) -> int:
        """What stands for the number of independent rows in Fisher's standard error."""
        return int(self.units.sum())

    def reason_undefined(self, statistic: str) -> str:
        """No rows, or one of the two does not vary."""
        if not np.any(self.active):
            return super().reason_undefined(statistic)
        return self.unrelated

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`jackknife_fisher_z`, `cluster_fisher_z` and `fisher_z`.

        Raises:
            CannotComputeError: Too few subjects or rows, or row weights with a method that counts rows.
        """
        r = float(self.estimate()[0])
        df = int(np.count_nonzero(self.active)) - 1
        if method == "jackknife_fisher_z":
            error = jackknifed_error(self.jackknife()[:, 0], r)
            return fisher_interval(r, error, method=method, level=level, sides=sides, df=df)
        if method == "cluster_fisher_z":
            error = clustered_error(self.influence()[:, 0], r)
            return fisher_interval(r, error, method=method, level=level, sides=sides, df=df)
        if method != "fisher_z":
            return super().interval(statistic, method, level, sides)
        if self.weighted:
            raise CannotComputeError("`fisher_z` counts rows; with row weights use jackknife_fisher_z.")
        error = row_wise_error(method, r, self.rows_for_fisher())
        several = bool(np.any(self.units > 1))
        return fisher_interval(r, error, method=method, level=level, sides=sides, independent_rows=several)


@dataclass(frozen=True, eq=False)
class PearsonPrepared(MomentsPrepared, _FisherIntervals):
    """Totals of one slice for Pearson's correlation; see `Prepared`."""

    unrelated = "Reference or test does not vary; their correlation is undefined."


@dataclass(frozen=True, eq=False)
class WithinPrepared(_FisherIntervals):
    """Within-subject totals of one slice for the repeated-measures correlation; see `Prepared`."""

    unrelated = "Within subjects, reference or test does not vary; their correlation is undefined."

    @property
    def df(self) -> int:
        """Degrees of freedom: rows - subjects - 1."""
        return int(self.units.sum()) - int(np.count_nonzero(self.active)) - 1

    def rows_for_fisher(self) -> int:
        """Degrees of freedom + 2."""
        return self.df + 2

    def reason_undefined(self, statistic: str) -> str:
        """No subject with several rows, or no variation within subjects."""
        if not np.any(self.active):
            return "No subject has two rows or more; there is nothing to correlate within subjects."
        return super().reason_undefined(statistic)


def prepare_pearson(columns: Columns) -> PearsonPrepared:
    """Sum both measurements up by subject, about their means."""
    weights = row_weights(columns)
    totals, shift = moment_totals(columns.reference, columns.test, weights, columns.offsets)
    return PearsonPrepared(
        totals=totals,
        names=TOTALS,
        statistics=("pearson",),
        formula=PearsonFormula(shift),
        units=subject_sums(weights > 0, columns.offsets).astype(np.int64),
        bounds=(-1.0, 1.0),
        weighted=columns.weights is not None,
    )


def prepare_within(columns: Columns) -> WithinPrepared:
    """Sum squares and products of deviations from the subjects' own means; single rows say nothing."""
    weights = row_weights(columns)
    rows = subject_sums(weights > 0, columns.offsets)
    several = rows > 1
    x, y = _deviations(columns.reference, weights, columns), _deviations(columns.test, weights, columns)
    squares = [subject_sums(weights * part, columns.offsets) for part in (x * x, x * y, y * y)]
    totals = np.column_stack([rows, np.ones(len(rows)), *squares]) * several[:, None]
    return WithinPrepared(
        totals=totals,
        names=WITHIN,
        statistics=("rmcorr",),
        formula=WithinFormula(),
        units=np.where(several, rows, 0).astype(np.int64),
        bounds=(-1.0, 1.0),
        weighted=columns.weights is not None,
    )


def _deviations(values: FloatArray, weights: FloatArray, columns: Columns) -> FloatArray:
    """(n,) values less their subject's weighted mean; exactly 0 where a subject's values are equal."""
    lengths = np.diff(columns.offsets)
    first = values[np.minimum(columns.offsets[:-1], max(len(values) - 1, 0))] if len(values) else values
    off = values - np.repeat(first, lengths) if len(values) else values
    total = subject_sums(weights, columns.offsets)
    mean = subject_sums(weights * off, columns.offsets) / np.where(total > 0, total, 1.0)
    return np.asarray(off - np.repeat(mean, lengths))
