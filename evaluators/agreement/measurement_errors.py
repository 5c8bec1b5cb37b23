"""How far the test device is from the reference: MAE, RMSE (Arms), MAPE, and the share within a tolerance.

Each is an average, and the caller has to say of what: `pooled` takes every row once, so subjects with many
rows weigh more; `subject_mean` computes the measure in each subject and takes the mean over subjects.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate, measured
from ..metric import (
    REQUIRED,
    Average,
    Better,
    Citation,
    Columns,
    FloatArray,
    Metric,
    MetricResult,
    Parameter,
    Prepared,
    Sides,
    Statistic,
    Unit,
)
from ..proportions.bounds import PROPORTION_INTERVALS
from ..tolerance import Gaps, parse
from .error_averages import ErrorPrepared, error_totals, prepared_errors
from .limits import differences, levelled

_INTERVALS = ("cluster_log_t", "cluster_t", "t", "bootstrap_bca", "bootstrap_percentile")

WILLMOTT = Citation(
    "willmott2005",
    "Willmott CJ, Matsuura K. Advantages of the mean absolute error (MAE) over the root mean square error "
    "(RMSE) in assessing average model performance. Clim Res 2005;30:79-82.",
)
ARMS = Citation(
    "iso80601-2-61",
    "ISO 80601-2-61:2017. Medical electrical equipment, part 2-61: pulse oximeter equipment (accuracy as the "
    "root mean "
    "square difference, Arms).",
)
HYNDMAN = Citation(
    "hyndman2006",
    "Hyndman RJ, Koehler AB. Another look at measures of forecast accuracy. Int J Forecast 2006;22:679-688.",
)
LIN2002 = Citation(
    "lin2002",
    "Lin L, Hedayat AS, Sinha B, Yang M. Statistical methods in assessing agreement: models, issues, and "
    "tools. "
    "J Am Stat Assoc 2002;97:257-270 (coverage probability).",
)


class _ErrorMetric(Metric):
    """Base: an average of a value of each row."""

    kind = "measurement"
    route = "additive"
    averages: ClassVar[tuple[Average, ...]] = ("pooled", "subject_mean")
    figure = "scatter"
    _root: ClassVar[bool] = False
    _undefined: ClassVar[str] = ""

    @abstractmethod
    def _values(self, columns: Columns, parameters: dict[str, Any]) -> NDArray[Any]:
        """(n,) value of each row, NaN where it has none; of a share, whether the row counts."""

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> ErrorPrepared:
        """Summarise the errors once; see `Metric.prepare`.

        Rows are summed up once for both averages.
        """
        given = checks.parameters(self, parameters)
        proportion = self.statistics[0].unit == "proportion"
        checked = _checked(columns)
        place = f"errors: {type(self).__module__} {type(self).__qualname__} {sorted(given.items())!r}"
        if place not in columns.shared:
            totals = error_totals(self._values(checked, given), checked, proportion=proportion)
            totals.flags.writeable = False  # several summaries rest on them
            columns.shared[place] = totals
        return prepared_errors(
            columns.shared[place],
            checked,
            name=self.name,
            average=average,
            root=self._root,
            proportion=proportion,
            undefined=self._undefined,
        )

    def restricted(self, whole: Prepared, chosen: NDArray[np.bool_]) -> Prepared | None:
        """Some subjects alone; see `Metric.restricted`."""
        return whole.restricted(chosen) if isinstance(whole, ErrorPrepared) else None


def _checked(columns: Columns) -> Columns:
    """The checked rows, looked at once for all metrics that take them."""
    if "measurements" not in columns.shared:
        columns.shared["measurements"] = checks.measurement_columns(columns)
    found: Columns = columns.shared["measurements"]
    return found


def _gaps(columns: Columns) -> Gaps:
    """Sizes of the differences, made once for all tolerances."""
    if "gaps" not in columns.shared:
        columns.shared["gaps"] = Gaps.of(columns.reference, columns.test)
    found: Gaps = columns.shared["gaps"]
    return found


def _statistic(
    name: str, title: str, definition: str, *, unit: Unit, better: Better, intervals: tuple[str, ...]
) -> tuple[Statistic, ...]:
    words = " Average `pooled`: every row once; `subject_mean`: the mean of the subjects' own values."
    return (Statistic(name, title, definition + words, unit, better, intervals),)


class MeanAbsoluteError(_ErrorMetric):
    """Mean absolute error; the plain function is `mae`."""

    name = "mae"
    title = "Mean absolute error"
    summary = "Mean size of the difference test - reference."
    headline = "mae"
    statistics = _statistic(
        "mae", title, "Mean of |test - reference|.", unit="same", better="lower", intervals=_INTERVALS
    )
    citations = (WILLMOTT,)

    def _values(self, columns: Columns, parameters: dict[str, Any]) -> FloatArray:
        return np.asarray(np.abs(differences(columns)))


class RootMeanSquareError(_ErrorMetric):
    """Root mean square error; the plain function is `rmse`."""

    name = "rmse"
    title = "Root mean square error"
    summary = "Square root of the mean squared difference test - reference; Arms in pulse oximetry."
    headline = "rmse"
    statistics = _statistic(
        "rmse",
        "Root mean square error (Arms)",
        "Square root of the mean of (test - reference)^2, without subtracting the bias.",
        unit="same",
        better="lower",
        intervals=(*_INTERVALS, "chi_square"),
    )
    citations = (ARMS,)
    _root = True

    def _values(self, columns: Columns, parameters: dict[str, Any]) -> FloatArray:
        return np.asarray(np.square(differences(columns)))


class MeanAbsolutePercentageError(_ErrorMetric):
    """Mean absolute percentage error; the plain function is `mape`."""

    name = "mape"
    title = "Mean absolute percentage error"
    summary = "Mean size of the difference as a percentage of the reference."
    headline = "mape"
    statistics = _statistic(
        "mape",
        title,
        "Mean of 100 |test - reference| / |reference|.",
        unit="percent",
        better="lower",
        intervals=_INTERVALS,
    )
    citations = (HYNDMAN,)
    _undefined = "The reference is zero in {count:,} rows; a percentage of zero is undefined."

    def _values(self, columns: Columns, parameters: dict[str, Any]) -> FloatArray:
        size = np.abs(columns.reference)
        some = size > 0
        size = np.where(some, size, 1.0)
        share = np.abs(columns.test - columns.reference) / size
        noise = float(((np.abs(columns.test) + size) / size).max(initial=0.0, where=some))
        share[some] = levelled(share[some], 2 * np.finfo(float).eps * noise)
        return np.asarray(np.where(some, 100 * share, np.nan))


class ShareWithin(_ErrorMetric):
    """Share of rows within a tolerance; the plain function is `share_within`."""

    name = "share_within"
    title = "Share within tolerance"
    summary = "Share of measurements that differ from the reference by no more than the tolerance."
    headline = "share_within"
    statistics = _statistic(
        "share_within",
        title,
        "Rows with |test - reference| at most the tolerance, as a share of all rows.",
        unit="proportion",
        better="higher",
        intervals=PROPORTION_INTERVALS,
    )
    parameters = (
        Parameter(
            "tolerance",
            "tolerance",
            "Largest accepted difference: a number in the unit of the measurement, `10%` of the reference, "
            "or such as "
            "`max(5, 0.1*ref)`. No default: it is the claim.",
            default=REQUIRED,
        ),
    )
    citations = (LIN2002,)

    def _values(self, columns: Columns, parameters: dict[str, Any]) -> NDArray[np.bool_]:
        return _gaps(columns).within(parse(parameters["tolerance"]))


MAE = MeanAbsoluteError()
RMSE = RootMeanSquareError()
MAPE = MeanAbsolutePercentageError()
SHARE_WITHIN = ShareWithin()
METRICS: tuple[Metric, ...] = (MAE, RMSE, MAPE, SHARE_WITHIN)


def mae(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    average: Average = "pooled",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Mean absolute error: mean of |test - reference|.

    Intervals: `cluster_log_t` (default: linearised standard error of the logarithm with subjects as clusters,
    subjects - 1 degrees of freedom), `cluster_t` (the same without the logarithm; as in other software it is
    not cut at 0, and a warning says so), `t` where each subject has one row or with `subject_mean`, subject
    bootstrap. In simulations the first missed the truth less often than the second on both sides, with any
    number of subjects and at the same width; its upper end, which most limits are compared with, is higher.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        average: `pooled` (every row once, the default of the plain function, as in other software) or
            `subject_mean` (mean of the subjects' own mean absolute errors).
        ci: Interval method. Default: `cluster_log_t`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `mae`, in the unit of the measurement.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Any other argument is not acceptable.

    References:
        Willmott CJ, Matsuura K. Clim Res 2005;30:79-82. Interval: Binder DA. Int Stat Rev 1983;51:279-292.

    Example:
        >>> result = mae([60, 62, 70, 75], [61, 60, 73, 75], subject=["a", "a", "b", "b"])
        >>> result["mae"].value
        1.5
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        MAE, columns, keys, average=average, parameters={}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip


def rmse(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    average: Average = "pooled",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Root mean square error, called Arms in pulse oximetry: sqrt(mean((test - reference)^2)).

    The bias is part of it: rmse^2 = bias^2 + variance of the differences (n in the denominator).

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        average: `pooled` (root of the mean over all rows, as ISO 80601-2-61 defines Arms) or `subject_mean`
            (mean of the subjects' own root mean square errors, which is never larger for equal numbers of
            rows).
        ci: Interval method, as for `mae`, and `chi_square` where each subject has one row: exact for normal
            errors without bias, wider than need be with one. Default: `cluster_log_t`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `rmse`, in the unit of the measurement.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Any other argument is not acceptable.

    References:
        ISO 80601-2-61:2017. Interval: Binder DA. Int Stat Rev 1983;51:279-292.

    Example:
        >>> result = rmse([97, 95, 90, 88], [98, 95, 92, 86], subject=["a", "a", "b", "b"])
        >>> result["rmse"].value
        1.5
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        RMSE, columns, keys, average=average, parameters={}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip


def mape(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    average: Average = "pooled",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Mean absolute percentage error: mean of 100 |test - reference| / |reference|, in percent.

    A reference of zero makes it undefined; the result then says in how many rows.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        average: `pooled` (every row once) or `subject_mean` (mean of the subjects' own values).
        ci: Interval method, as for `mae`. Default: `cluster_log_t`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `mape`, in percent.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Any other argument is not acceptable.

    References:
        Hyndman RJ, Koehler AB. Int J Forecast 2006;22:679-688. Interval: Binder DA. Int Stat Rev
        1983;51:279-292.

    Example:
        >>> result = mape([50, 100, 80, 200], [55, 110, 84, 190], subject=["a", "a", "b", "b"])
        >>> result["mape"].value
        7.5
        >>> mape([0, 100], [1, 100])["mape"].error
        'The reference is zero in 1 rows; a percentage of zero is undefined.'
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        MAPE, columns, keys, average=average, parameters={}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip


def share_within(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    tolerance: str | float,
    average: Average = "pooled",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Share of measurements within a tolerance of the reference, both ends inclusive.

    Intervals: `korn_graubard` (default: exact where every subject has one row, and an allowance for likeness
    and for few subjects otherwise; of 95% intervals with several rows it covered 88% with 10 subjects, 92%
    with 40 and 95% with 200), `cluster_t` (83%, 90%, 94%) and others of a proportion with subjects as
    clusters, subject bootstrap; `wilson`, `clopper_pearson` and their like take rows for independent and
    need `pooled`.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        tolerance: Largest accepted difference, such as `5`, `"10%"`, `"max(5, 0.1*ref)"`; see
            `accordance.evaluators.tolerance`.
        average: `pooled` (every row once) or `subject_mean` (mean of the subjects' own shares).
        ci: Interval method. Default: `korn_graubard`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `share_within`, a proportion from 0 to 1.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: The tolerance cannot be read.
        ValueError: Any other argument is not acceptable.

    References:
        Lin L, Hedayat AS, Sinha B, Yang M. J Am Stat Assoc 2002;97:257-270.

    Example:
        >>> result = share_within([60, 62, 100, 120], [64, 69, 110, 131], tolerance="max(5, 10%)")
        >>> result["share_within"].value, result["share_within"].counts.n_events
        (0.75, 3)
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        SHARE_WITHIN, columns, keys, average=average, parameters={"tolerance": tolerance}, ci=ci, level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
