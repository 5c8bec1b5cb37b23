"""The totals behind averages of errors, and their analytic intervals; see `measurement_errors`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..additive import AdditivePrepared, row_weights, subject_sums
from ..intervals import tail_levels
from ..metric import Average, CannotComputeError, Columns, Counts, FloatArray, Interval, Sides
from ..proportions.bounds import COUNTING, ProportionData, is_proportion_method, proportion_interval
from ..reliability.intervals import chi_square_bounds, log_t_interval
from .normal_check import NO_WIDTH, interval_warning, spread_ratio

_TOTALS = ("weight", "value", "undefined", "rows", "events", "squares")
_ALIKE = 1e-6
"""Subjects whose values differ by less than this share may do so by rounding."""
_WEIGHT, _VALUE, _UNDEFINED, _ROWS, _EVENTS, _SQUARES = range(len(_TOTALS))


@dataclass(frozen=True)
class _Mean:
    """Weighted mean of the row values, or its square root."""

    root: bool = False

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        mean = np.where(totals[..., _UNDEFINED].real > 0, np.nan, totals[..., _VALUE] / totals[..., _WEIGHT])
        return np.asarray((np.sqrt(mean) if self.root else mean)[..., None])


@dataclass(frozen=True, eq=False)
class ErrorPrepared(AdditivePrepared):
    """Totals of one slice for an average of errors; see `Prepared`.

    Attributes:
        average: Which average; with `subject_mean` a subject's row of totals is its own value.
        undefined: Words for what makes the average undefined, with the number of rows.
        proportion: The row values are 0 or 1.
    """

    average: Average = "pooled"
    undefined: str = ""
    proportion: bool = False

    def restricted(self, chosen: NDArray[np.bool_]) -> ErrorPrepared | None:
        """Some subjects alone, as if only their rows had been summed up; None where the rows may matter.

        Differences that agree to rounding in all rows are made equal (`limits.levelled`), which a few
        subjects' rows may do and those of all do not. Row weights are scaled over all rows.
        """
        if self.weighted:
            return None
        part = self.subset(chosen)
        if not self.proportion:
            used = part.totals[:, _WEIGHT] > 0
            own = part.totals[used, _VALUE] / part.totals[used, _WEIGHT]
            if len(own) < 2 or np.ptp(own) <= _ALIKE * np.abs(own).max():
                return None
        return part

    def counts(self, statistic: str) -> Counts:
        """Subjects and rows, and for a share the rows within the tolerance."""
        found = super().counts(statistic)
        if not self.proportion:
            return found
        return Counts(found.n_subjects, found.n_units, round(float(self.totals[:, _EVENTS].sum())))

    def reason_undefined(self, statistic: str) -> str:
        """No rows, or rows that have no value."""
        count = float(self.totals[:, _UNDEFINED].sum())
        return self.undefined.format(count=round(count)) if count else super().reason_undefined(statistic)

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_t`, also of the logarithm; `t` for subject means or one row each; those of a proportion.

        A root mean square has `chi_square`, too.

        Raises:
            CannotComputeError: The method does not fit the average or the rows.
        """
        if self.proportion and is_proportion_method(method):
            return self._proportion(statistic, method, level, sides)
        if method == "cluster_log_t":
            value, df = float(self.estimate()[0]), int(np.count_nonzero(self.active)) - 1
            error = self.standard_error(statistic)
            return log_t_interval(value, error, df, level=level, sides=sides, method=method)
        if method == "chi_square":
            return self._chi_square(statistic, level, sides)
        if method == "t" and self.average == "subject_mean":
            found = self.symmetric(statistic, method, level, sides)
        else:
            found = super().interval(statistic, method, level, sides)
        if found.sides == "upper" or found.lower >= 0:
            return found
        note = f"The {method} interval reaches below 0, where the measure cannot be: a sign of few subjects."
        return replace(found, warning=note)

    def _chi_square(self, statistic: str, level: float, sides: Sides) -> Interval:
        """Of a root mean square of n normal errors without bias: n rmse^2 is chi-square with n degrees.

        With a bias the mean square varies less than that, and the interval is wider than it need be.
        """
        if not (isinstance(self.formula, _Mean) and self.formula.root):
            raise CannotComputeError("`chi_square` is defined for the average `pooled`.")
        if self.weighted or np.any(self.units > 1):
            raise CannotComputeError(
                "`chi_square` takes rows for independent, each once; subjects have several, or rows have "
                "weights. Use `cluster_log_t`."
            )
        value, n = float(self.estimate()[0]), int(self.units.sum())
        lower, upper = np.sqrt(chi_square_bounds(value**2, n, *tail_levels(level, sides)))
        by_normal = value / float(np.sqrt(2 * n))
        note = interval_warning(
            spread_ratio((self.standard_error(statistic),), by_normal),
            "The errors are not normal: their root mean square varies",
        )
        if value == 0:
            note = NO_WIDTH
        return Interval(
            float(lower), float(upper), level, sides, "chi_square", degenerate=value == 0, warning=note
        )

    def _proportion(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        if method in COUNTING and (self.average != "pooled" or self.weighted):
            raise CannotComputeError(
                f"`{method}` needs a count of rows: average `pooled`, and no row weights."
            )
        found = ProportionData(
            events=self.totals[:, _EVENTS],
            units=self.totals[:, _ROWS],
            value=float(self.estimate()[0]),
            standard_error=self.standard_error(statistic),
            sizes=self.totals[:, _WEIGHT],
            weighted=self.weighted,
            by_subject=self.average == "subject_mean",
            empty="There are no rows.",
            squares=self.totals[:, _SQUARES] if self.weighted else None,
        )
        return proportion_interval(found, method, level, sides)


def prepare_errors(
    values: NDArray[Any],
    columns: Columns,
    *,
    name: str,
    average: Average,
    root: bool = False,
    proportion: bool = False,
    undefined: str = "",
) -> ErrorPrepared:
    """Sum the row values up by subject.

    Args:
        values: (n,) value of each row, NaN where it has none; for a proportion whether the row counts.
        columns: The checked rows.
        name: The statistic.
        average: `pooled`, or `subject_mean`, where a subject's totals become its own value.
        root: The statistic is the square root of the mean.
        proportion: The row values are 0 or 1.
        undefined: Words for rows without a value, with `{count}`.
    """
    totals = error_totals(values, columns, proportion=proportion)
    return prepared_errors(
        totals, columns, name=name, average=average, root=root, proportion=proportion, undefined=undefined
    )


def error_totals(values: NDArray[Any], columns: Columns, *, proportion: bool) -> FloatArray:
    """(S, k) totals of each subject, whichever average is taken of them; see `prepare_errors`."""
    weights = None if columns.weights is None else row_weights(columns)
    return _totals(values, weights, columns, events=proportion)


def prepared_errors(
    totals: FloatArray,
    columns: Columns,
    *,
    name: str,
    average: Average,
    root: bool,
    proportion: bool,
    undefined: str,
) -> ErrorPrepared:
    """An average from the totals of `error_totals`, which stay as they are; see `prepare_errors`."""
    if average == "subject_mean":
        totals = totals.copy()
        _own_value(totals, root=root)
    return ErrorPrepared(
        totals=totals,
        names=_TOTALS,
        statistics=(name,),
        formula=_Mean(root=root and average == "pooled"),
        units=totals[:, _ROWS].astype(np.int64),
        bounds=(0.0, 1.0) if proportion else (-np.inf, np.inf),
        average=average,
        undefined=undefined,
        proportion=proportion,
        weighted=columns.weights is not None,
    )


def _totals(values: FloatArray, weights: FloatArray | None, columns: Columns, *, events: bool) -> FloatArray:
    """(S, k) totals of each subject.

    Args:
        values: (n,) value of each row, NaN where it has none; or whether an event happened there.
        weights: (n,) row weights; None: each row once, so that most totals are counts.
        columns: The checked rows.
        events: The values are events: 0 or 1.
    """
    if weights is None:
        return _unweighted(values, columns, events=events)
    used = weights > 0
    lost = np.isnan(values) & used
    filled = np.where(np.isnan(values), 0.0, values)
    events_of = filled * used if events else np.zeros(len(values))
    sums = [weights, weights * filled, lost, used, events_of, np.square(weights)]
    return np.column_stack([subject_sums(column, columns.offsets) for column in sums])


def _unweighted(values: NDArray[Any], columns: Columns, *, events: bool) -> FloatArray:
    """(S, k) totals of rows that count once each: one sum, and the numbers of rows."""
    totals = np.zeros((columns.n_subjects, len(_TOTALS)))
    lost = np.isnan(values) if values.dtype.kind == "f" else np.zeros(0, dtype=bool)
    if lost.any():
        totals[:, _UNDEFINED] = subject_sums(lost, columns.offsets)
        values = np.where(lost, 0.0, values)
    totals[:, _VALUE] = subject_sums(values, columns.offsets)
    if events:
        totals[:, _EVENTS] = totals[:, _VALUE]
    totals[:, [_WEIGHT, _ROWS, _SQUARES]] = np.diff(columns.offsets)[:, None]
    return totals


def _own_value(totals: FloatArray, *, root: bool) -> None:
    """Turn a subject's sums into one value with weight one, in place."""
    some = totals[:, _WEIGHT] > 0
    whole = np.where(some, totals[:, _WEIGHT], 1.0)
    own = totals[:, _VALUE] / whole
    totals[:, _SQUARES] /= np.square(whole)
    totals[:, _VALUE] = np.sqrt(own) if root else own
    totals[:, _WEIGHT] = some
