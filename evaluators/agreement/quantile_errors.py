"""Quantiles of differences: median and percentile absolute error, and limits of agreement without a model.

A quantile asks how large the error of a typical, or of an extreme, measurement is, whatever the shape of the
distribution. Sample quantiles have several definitions that differ in small samples; the one used is a
parameter and is printed with the result.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate, measured
from ..metric import Average, Citation, Columns, FloatArray, Metric, MetricResult, Parameter, Sides, Statistic
from ..ordered import QUANTILES, Quantile, QuantilesPrepared, own_quantiles, prepare_quantiles
from .error_averages import ErrorPrepared, prepare_errors
from .limits import differences

HYNDMAN_FAN = Citation(
    "hyndman1996",
    "Hyndman RJ, Fan Y. Sample quantiles in statistical packages. Am Stat 1996;50:361-365.",
)
BLAND1999 = Citation(
    "bland1999",
    "Bland JM, Altman DG. Measuring agreement in method comparison studies. Stat Methods Med Res "
    "1999;8:135-160 (section 4: non-parametric approach).",
)

QUANTILE = Parameter(
    "quantile",
    "choice",
    "Definition of a sample quantile by Hyndman and Fan: position (n + 1) p for `type_6`, (n - 1) p + 1 for "
    "`type_7`, (n + 1/3) p + 1/3 for `type_8`, interpolated linearly. `type_7` is what NumPy and R compute "
    "unless asked otherwise; the median is the same by all.",
    default="type_7",
    choices=QUANTILES,
)
_POOLED = ("bootstrap_percentile", "bootstrap_bca", "woodruff")
_INTERVALS = (*_POOLED, "cluster_t", "t")
_AVERAGES = (
    " Average `pooled`: the quantile of all rows, each counted once; `subject_mean`: the mean of the "
    "subjects' own quantiles."
)


class _QuantileMetric(Metric):
    """Base: a quantile of the absolute errors."""

    kind = "measurement"
    route = "ordered"
    averages: ClassVar[tuple[Average, ...]] = ("pooled", "subject_mean")
    figure = "scatter"

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> QuantilesPrepared | ErrorPrepared:
        """Sort the errors once; see `Metric.prepare`."""
        given = checks.parameters(self, parameters)
        columns = checks.measurement_columns(columns)
        errors = np.abs(differences(columns))
        probability, definition = given.get("percentile", 50.0) / 100, given["quantile"]
        if average == "subject_mean":
            return _mean_of_subjects(errors, columns, probability, definition, name=self.name)
        return prepare_quantiles(
            errors, columns, statistics=(self.name,), probabilities=(probability,), definition=definition
        )


def _mean_of_subjects(
    errors: FloatArray, columns: Columns, probability: float, definition: Quantile, *, name: str
) -> ErrorPrepared:
    """Every row of a subject is given the subject's own quantile: its mean over subjects is then additive."""
    own = own_quantiles(errors, columns, probability, definition)
    spread = np.repeat(own, np.diff(columns.offsets))
    return prepare_errors(np.asarray(spread), columns, name=name, average="subject_mean")


class MedianAbsoluteError(_QuantileMetric):
    """Median absolute error; the plain function is `median_absolute_error`."""

    name = "median_absolute_error"
    title = "Median absolute error"
    summary = "Half of the differences test - reference are no larger than this."
    headline = "median_absolute_error"
    statistics = (
        Statistic(
            "median_absolute_error",
            title,
            "Median of |test - reference|." + _AVERAGES,
            "same",
            "lower",
            _INTERVALS,
        ),
    )
    parameters = (QUANTILE,)
    citations = (HYNDMAN_FAN,)


class PercentileAbsoluteError(_QuantileMetric):
    """A percentile of the absolute error; the plain function is `percentile_absolute_error`."""

    name = "percentile_absolute_error"
    title = "Percentile of the absolute error"
    summary = "The size that a stated percentage of the differences test - reference do not exceed."
    headline = "percentile_absolute_error"
    statistics = (
        Statistic(
            "percentile_absolute_error",
            title,
            "The stated percentile of |test - reference|, by the stated definition of a sample quantile."
            + _AVERAGES,
            "same",
            "lower",
            _INTERVALS,
        ),
    )
    parameters = (
        Parameter(
            "percentile",
            "number",
            "Percentage of differences that are no larger, such as 95. No default: it is the claim.",
            minimum=0.1,
            maximum=99.9,
        ),
        QUANTILE,
    )
    citations = (HYNDMAN_FAN,)


class NonparametricLimits(Metric):
    """Limits of agreement as quantiles; the plain function is `nonparametric_limits`."""

    name = "nonparametric_limits"
    title = "Non-parametric limits of agreement"
    summary = (
        "Median difference test - reference, and the two quantiles between which the stated share of the "
        "observed differences lie."
    )
    kind = "measurement"
    route = "ordered"
    headline = "median"
    figure = "bland_altman"
    statistics = (
        Statistic("median", "Median difference", "Median of test - reference.", "same", "near_zero", _POOLED),
        Statistic(
            "loa_lower",
            "Lower limit of agreement (quantile)",
            "Quantile (1 - agreement level) / 2 of test - reference; 0.025 for 95%.",
            "same",
            "near_zero",
            _POOLED,
        ),
        Statistic(
            "loa_upper",
            "Upper limit of agreement (quantile)",
            "Quantile (1 + agreement level) / 2 of test - reference; 0.975 for 95%.",
            "same",
            "near_zero",
            _POOLED,
        ),
    )
    parameters = (
        Parameter(
            "agreement_level",
            "number",
            "Share of the observed differences between the limits; 0.95 is the field's convention.",
            default=0.95,
            minimum=0.5,
            maximum=0.9999,
        ),
        QUANTILE,
    )
    citations = (BLAND1999, HYNDMAN_FAN)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> QuantilesPrepared:
        """Sort the differences once; see `Metric.prepare`."""
        if average != "pooled":
            raise ValueError("`nonparametric_limits` has no `average`; every pair counts once.")
        given = checks.parameters(self, parameters)
        columns = checks.measurement_columns(columns)
        tail = round((1 - given["agreement_level"]) / 2, 15)
        return prepare_quantiles(
            differences(columns),
            columns,
            statistics=("median", "loa_lower", "loa_upper"),
            probabilities=(0.5, tail, 1 - tail),
            definition=given["quantile"],
        )


MEDIAN_ABSOLUTE_ERROR = MedianAbsoluteError()
PERCENTILE_ABSOLUTE_ERROR = PercentileAbsoluteError()
NONPARAMETRIC_LIMITS = NonparametricLimits()
METRICS: tuple[Metric, ...] = (MEDIAN_ABSOLUTE_ERROR, PERCENTILE_ABSOLUTE_ERROR, NONPARAMETRIC_LIMITS)


def median_absolute_error(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    average: Average = "pooled",
    quantile: Quantile = "type_7",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Median absolute error: median of |test - reference|.

    Not to be confused with the median absolute deviation, which subtracts the median first. Intervals:
    subject bootstrap (percentile by default; BCa), `woodruff` for `pooled` (analytic, knows the subjects),
    `cluster_t` and `t` for `subject_mean`.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        average: `pooled` (median of all rows) or `subject_mean` (mean of the subjects' own medians).
        quantile: Definition of a sample quantile; the median of unweighted rows is the same by all.
        ci: Interval method. Default: `bootstrap_percentile`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Returns:
        `median_absolute_error`, in the unit of the measurement.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `quantile` is not acceptable.
        ValueError: Any other argument is not acceptable.

    References:
        Hyndman RJ, Fan Y. Am Stat 1996;50:361-365. Interval: Woodruff RS. J Am Stat Assoc 1952;47:635-646.

    Example:
        >>> median_absolute_error([60, 62, 70, 75], [61, 60, 73, 75])["median_absolute_error"].value
        1.5
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        MEDIAN_ABSOLUTE_ERROR, columns, keys, average=average, parameters={"quantile": quantile}, ci=ci,
        level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def percentile_absolute_error(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    percentile: float,
    average: Average = "pooled",
    quantile: Quantile = "type_7",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """A percentile of the absolute error: the size that so many percent of the differences do not exceed.

    The 95th percentile is the non-parametric counterpart of a total deviation index of 95%. Intervals as for
    `median_absolute_error`; an upper bound of an extreme percentile needs many rows beyond it.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        percentile: Percentage of differences that are no larger, 0.1 to 99.9.
        average: `pooled` (percentile of all rows) or `subject_mean` (mean of the subjects' own percentiles).
        quantile: Definition of a sample quantile: `type_6`, `type_7` (as NumPy and R by default), `type_8`.
        ci: Interval method. Default: `bootstrap_percentile`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Returns:
        `percentile_absolute_error`, in the unit of the measurement.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `percentile` or `quantile` is not acceptable.
        ValueError: Any other argument is not acceptable.

    References:
        Hyndman RJ, Fan Y. Am Stat 1996;50:361-365. Interval: Woodruff RS. J Am Stat Assoc 1952;47:635-646.

    Example:
        >>> result = percentile_absolute_error([60, 62, 70, 75, 80], [61, 60, 73, 75, 84], percentile=90)
        >>> round(result["percentile_absolute_error"].value, 6)
        3.6
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        PERCENTILE_ABSOLUTE_ERROR, columns, keys, average=average,
        parameters={"percentile": percentile, "quantile": quantile}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip


def nonparametric_limits(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    agreement_level: float = 0.95,
    quantile: Quantile = "type_7",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Limits of agreement without a distribution: the quantiles of the differences themselves.

    For differences that are far from normal whatever the scale (Bland & Altman 1999, section 4). They rest on
    the few largest and smallest differences, and therefore need many pairs: below about 40 pairs the 2.5%
    quantile is interpolated from the two most extreme ones. Every pair counts once.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        agreement_level: Share of differences between the limits; 0.95 is the convention.
        quantile: Definition of a sample quantile: `type_6`, `type_7` (as NumPy and R by default), `type_8`.
        ci: Interval method: `bootstrap_percentile` (default), `bootstrap_bca`, `woodruff`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Returns:
        `median`, `loa_lower`, `loa_upper`, in the unit of the measurement.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `agreement_level` or `quantile` is not acceptable.
        ValueError: Any other argument is not acceptable.

    References:
        Bland JM, Altman DG. Stat Methods Med Res 1999;8:135-160. Hyndman RJ, Fan Y. Am Stat 1996;50:361-365.

    Example:
        Peak flow of Bland & Altman 1986, Table 1, first readings; `quantile(d, c(.025, .5, .975))` in R:

        >>> large = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
        >>> mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
        >>> result = nonparametric_limits(large, mini)
        >>> [round(result[name].value, 6) for name in ("loa_lower", "median", "loa_upper")]
        [-68.6, 8.0, 65.8]
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        NONPARAMETRIC_LIMITS, columns, keys, average="pooled",
        parameters={"agreement_level": agreement_level, "quantile": quantile}, ci=ci, level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
