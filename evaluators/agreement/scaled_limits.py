"""Limits of agreement of relative differences: in percent, or as ratios through logarithms.

Where differences grow with the size of the measurement, limits in the unit of measurement are too wide for
small values and too narrow for large ones. Percentages and ratios are two answers (Bland & Altman 1999,
section 3); `regression_limits` is the third.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..additive import row_weights, subject_sums
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate, measured
from ..metric import (
    Average,
    Citation,
    Columns,
    FloatArray,
    Interval,
    Metric,
    MetricResult,
    Parameter,
    Sides,
    Statistic,
)
from .bland_altman import BLAND_ALTMAN, Bias, Factor, natural_bias, sd_multiplier
from .limits import STATISTICS, TOTALS, BlandAltmanPrepared, LimitsFormula, Truth, levelled, prepare_limits

Of = Literal["mean", "reference"]
RATIO_STATISTICS = ("ratio", "log_sd", "loa_lower", "loa_upper")

EUSER = Citation(
    "euser2008",
    "Euser AM, Dekker FW, le Cessie S. A practical approach to Bland-Altman plots and variation coefficients "
    "for log transformed variables. J Clin Epidemiol 2008;61:978-982.",
)


@dataclass(frozen=True)
class ScaledFormula(LimitsFormula):
    """Limits of relative differences: NaN where a row has none, and ratios taken back from logarithms."""

    ratio: bool = False

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Centre, SD, lower and upper limit from added-up totals, of which the last counts lost rows."""
        values = super().__call__(totals)
        if self.ratio:
            values = np.where([True, False, True, True], np.exp(values), values)
        return np.where(totals[..., -1:].real > 0, np.nan, values)


@dataclass(frozen=True, eq=False)
class ScaledPrepared(BlandAltmanPrepared):
    """Totals of relative differences; see `Prepared`.

    Attributes:
        undefined: Words for rows that have no relative difference, with `{count}`.
    """

    undefined: str = ""

    @property
    def _inner(self) -> BlandAltmanPrepared:
        """The same on the scale of analysis, for model errors and intervals."""
        plain = {one.name: getattr(self.limits, one.name) for one in fields(LimitsFormula)}
        return BlandAltmanPrepared(
            self.totals[:, : len(TOTALS)], TOTALS, STATISTICS, LimitsFormula(**plain), self.units
        )

    def _name(self, statistic: str) -> str:
        return STATISTICS[self.statistics.index(statistic)]

    def _taken_back(self, statistic: str) -> bool:
        return isinstance(self.formula, ScaledFormula) and self.formula.ratio and statistic != "log_sd"

    def reason_undefined(self, statistic: str) -> str:
        """Rows without a relative difference, else as on the plain scale."""
        count = float(self.totals[:, -1].sum())
        if count:
            return self.undefined.format(count=round(count))
        return self._inner.reason_undefined(self._name(statistic))

    def warning(self, statistic: str) -> str | None:
        """As on the plain scale."""
        return self._inner.warning(self._name(statistic))

    def standard_error(self, statistic: str) -> float:
        """As on the plain scale; of a ratio by the delta method."""
        error = self._inner.standard_error(self._name(statistic))
        if not self._taken_back(statistic):
            return error
        return error * float(self.estimate()[self.statistics.index(statistic)])

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """As on the plain scale; of a ratio the exponential of both ends.

        Raises:
            CannotComputeError: As on the plain scale.
        """
        found = self._inner.interval(self._name(statistic), method, level, sides)
        if not self._taken_back(statistic):
            return found
        return replace(found, lower=float(np.exp(found.lower)), upper=float(np.exp(found.upper)))


def _prepare(
    columns: Columns,
    scaled: tuple[FloatArray, FloatArray],
    lost: NDArray[np.bool_],
    *,
    given: dict[str, Any],
    statistics: tuple[str, ...],
    undefined: str,
) -> ScaledPrepared:
    """Totals of the scaled columns, with the rows that have no scaled value counted in one total more."""
    plain = prepare_limits(
        replace(columns, reference=scaled[0], test=scaled[1]),
        truth=given["truth"],
        bias=natural_bias(given["truth"], given["bias"]),
        multiplier=sd_multiplier(given["agreement_level"], given["factor"]),
    )
    used = row_weights(columns) > 0
    count = subject_sums((lost & used).astype(np.float64), columns.offsets)
    own = {one.name: getattr(plain.limits, one.name) for one in fields(LimitsFormula)}
    return ScaledPrepared(
        totals=np.column_stack([plain.totals, count]),
        names=(*TOTALS, "undefined"),
        statistics=statistics,
        formula=ScaledFormula(**own, ratio=statistics == RATIO_STATISTICS),
        units=plain.units,
        weighted=columns.weights is not None,
        undefined=undefined,
    )


class _Scaled(Metric):
    """Base of both scales."""

    kind = "measurement"
    route = "additive"
    figure = "scatter"  # a difference plot in the unit of measurement has no place for these limits
    citations = (*(one for one in BLAND_ALTMAN.citations if one.key != "bland1986"), EUSER)

    def _given(self, columns: Columns, average: Average, parameters: dict[str, Any]) -> dict[str, Any]:
        if average != "pooled":
            raise ValueError(f"`{self.name}` has no `average`; its parameter `bias` says what counts once.")
        given = checks.parameters(self, parameters)
        if columns.weights is not None and given["truth"] != "independent":
            raise ValueError("Row weights are defined for `truth: independent` only.")
        return given


_LIMITS = BLAND_ALTMAN.statistic("loa_lower").intervals


class BlandAltmanPercent(_Scaled):
    """Limits of percentage differences; the plain function `bland_altman_percent` explains it."""

    name: ClassVar[str] = "bland_altman_percent"
    title: ClassVar[str] = "Bland-Altman agreement in percent"
    summary: ClassVar[str] = (
        "Mean difference test - reference as a percentage of the size of the measurement, and the limits "
        "between which most percentage differences lie."
    )
    headline = "bias"
    statistics = tuple(
        replace(
            BLAND_ALTMAN.statistic(name),
            title=f"{BLAND_ALTMAN.statistic(name).title}, percent",
            definition="Of 100 (test - reference) / size, size as `of` says. "
            + BLAND_ALTMAN.statistic(name).definition,
            unit="percent",
        )
        for name in STATISTICS
    )
    parameters = (
        Parameter(
            "of",
            "choice",
            "What 100% is: the size of the pair's `mean`, as Bland and Altman do, or of the `reference`, "
            "where that is close to the truth. No default: a small reference makes the two differ.",
            choices=("mean", "reference"),
        ),
        replace(BLAND_ALTMAN.parameter("truth"), choices=("independent", "varying")),
        BLAND_ALTMAN.parameter("agreement_level"),
        BLAND_ALTMAN.parameter("bias"),
        BLAND_ALTMAN.parameter("factor"),
    )

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> BlandAltmanPrepared:
        """Summarise the percentage differences once; see `Metric.prepare`."""
        given = self._given(columns, average, parameters)
        columns = checks.measurement_columns(columns)
        reference, test = columns.reference, columns.test
        size = np.abs(reference if given["of"] == "reference" else reference / 2 + test / 2)
        lost = size == 0
        size = np.where(lost, 1.0, size)
        percent = np.where(lost, 0.0, 100 * ((test - reference) / size))
        parts = 100 * ((np.abs(test) + np.abs(reference)) / size)  # each is rounded on its own
        percent = levelled(percent, 4 * np.finfo(float).eps * float(parts.max(initial=0.0)))
        what = "The reference" if given["of"] == "reference" else "The mean of reference and test"
        return _prepare(
            columns,
            (np.zeros(len(percent)), percent),
            lost,
            given=given,
            statistics=STATISTICS,
            undefined=what + " is zero in {count:,} rows; a percentage of zero is undefined.",
        )


class BlandAltmanRatio(_Scaled):
    """Limits of the ratio test / reference; the plain function `bland_altman_ratio` explains it."""

    name: ClassVar[str] = "bland_altman_ratio"
    title: ClassVar[str] = "Bland-Altman agreement as ratios"
    summary: ClassVar[str] = (
        "Geometric mean of the ratio test / reference, and the limits between which most ratios lie, from "
        "logarithms."
    )
    headline = "ratio"
    statistics = (
        Statistic(
            "ratio",
            "Geometric mean ratio",
            "Exponential of the mean of ln(test) - ln(reference); 1 is no bias. The mean is over pairs where "
            "pairs are independent, else of the subjects' means unless the protocol says `bias: pairs`.",
            "none",
            "none",
            BLAND_ALTMAN.statistic("bias").intervals,
        ),
        Statistic(
            "log_sd",
            "Standard deviation of log ratios",
            "Standard deviation of ln(test / reference), as in `bland_altman`; not transformed back.",
            "none",
            "lower",
            BLAND_ALTMAN.statistic("sd").intervals,
        ),
        Statistic(
            "loa_lower",
            "Lower limit of agreement of the ratio",
            "Exponential of the mean log ratio minus the normal quantile (1.959964 for 95%), or the stated "
            "`factor`, times its standard deviation.",
            "none",
            "none",
            _LIMITS,
        ),
        Statistic(
            "loa_upper",
            "Upper limit of agreement of the ratio",
            "Exponential of the mean log ratio plus the normal quantile (1.959964 for 95%), or the stated "
            "`factor`, times its standard deviation.",
            "none",
            "none",
            _LIMITS,
        ),
    )
    parameters = BLAND_ALTMAN.parameters

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> BlandAltmanPrepared:
        """Summarise the logarithms once; see `Metric.prepare`."""
        given = self._given(columns, average, parameters)
        columns = checks.measurement_columns(columns)
        lost = (columns.reference <= 0) | (columns.test <= 0)
        reference = np.log(np.where(lost, 1.0, columns.reference))
        test = np.log(np.where(lost, 1.0, columns.test))
        # a logarithm near 0 is no more exact than the value near 1 it is taken of
        noise = 4 * np.finfo(float).eps * (1 + float(np.abs([reference, test]).max(initial=0.0)))
        if len(test) and float(np.ptp(test - reference)) <= noise:
            test = reference + np.median(test - reference)
        return _prepare(
            columns,
            (reference, test),
            lost,
            given=given,
            statistics=RATIO_STATISTICS,
            undefined="Reference or test is not above zero in {count:,} rows; a log ratio is undefined.",
        )


BLAND_ALTMAN_PERCENT = BlandAltmanPercent()
BLAND_ALTMAN_RATIO = BlandAltmanRatio()
METRICS: tuple[Metric, ...] = (BLAND_ALTMAN_PERCENT, BLAND_ALTMAN_RATIO)


def bland_altman_percent(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    of: Of,
    truth: Literal["independent", "varying"],
    agreement_level: float = 0.95,
    bias: Bias = "by_truth",
    factor: Factor = "normal",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Bias and limits of agreement of percentage differences.

    With `of="mean"` a difference is 100 (test - reference) / ((test + reference) / 2), and the limits cannot
    go beyond -200% and 200%; with `of="reference"` it is 100 (test - reference) / reference. The size is
    taken without its sign. A size of zero has no percentage; the result then says in how many rows. All
    else, intervals included, is as in `bland_altman`; `truth="constant"` has no percentage form, because its
    within-subject variances belong to the methods and not to their difference.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights, only ratios matter; `truth="independent"` only.
        of: What 100% is: `mean` of the pair, or `reference`. No default.
        truth: What the pairs of one subject are: `independent` or `varying`. No default.
        agreement_level: Share of differences between the limits if they are normal; 0.95 is the convention.
        bias: What counts once in the bias; see `bland_altman`.
        factor: Standard deviations from the bias to a limit; see `bland_altman`.
        ci: Interval method, for all statistics that offer it or by statistic. Default: the first each offers.
        level: Confidence level of the intervals.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `bias`, `sd`, `loa_lower`, `loa_upper`, in percent.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `of`, `truth`, `bias` or `agreement_level` is not acceptable.
        ValueError: Any other argument is not acceptable.

    References:
        Bland JM, Altman DG. Stat Methods Med Res 1999;8:135-160, section 3.1.

    Example:
        >>> result = bland_altman_percent(
        ...     [50, 100, 80, 200], [55, 105, 84, 210], of="reference", truth="independent"
        ... )
        >>> round(result["bias"].value, 6), round(result["loa_upper"].value, 3)
        (6.25, 11.15)
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        BLAND_ALTMAN_PERCENT, columns, keys, average="pooled",
        parameters={
            "of": of, "truth": truth, "agreement_level": agreement_level, "bias": bias, "factor": factor
        },
        ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def bland_altman_ratio(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    truth: Truth,
    agreement_level: float = 0.95,
    bias: Bias = "by_truth",
    factor: Factor = "normal",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Geometric mean ratio test / reference and its limits of agreement, through natural logarithms.

    `bland_altman` of the logarithms, with the bias and the limits, and the ends of their intervals,
    transformed back by the exponential: a ratio of 0.9 is a test 10% below the reference. Bland and Altman's
    preferred answer to differences that grow in proportion to the size. Values must be above zero; else the
    result says in how many rows they are not. The standard deviation stays on the log scale, where for small
    values it is a coefficient of variation.

    Args:
        reference: (n,) reference values, above zero.
        test: (n,) values of the device under test, above zero, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights, only ratios matter; `truth="independent"` only.
        truth: What the pairs of one subject are; see `bland_altman`. No default.
        agreement_level: Share of ratios between the limits if logarithms are normal; 0.95 is the convention.
        bias: What counts once in the mean log ratio; see `bland_altman`.
        factor: Standard deviations of the logarithms to a limit; see `bland_altman`.
        ci: Interval method, for all statistics that offer it or by statistic. Default: the first each offers.
        level: Confidence level of the intervals.
        sides: `two`, or the one bound wanted; the open end of a ratio's interval is 0 or infinity.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `ratio`, `log_sd`, `loa_lower`, `loa_upper`, without a unit.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `truth`, `bias` or `agreement_level` is not acceptable.
        ValueError: Any other argument is not acceptable.

    References:
        Bland JM, Altman DG. Stat Methods Med Res 1999;8:135-160, section 3.1. Euser AM et al. J Clin
        Epidemiol 2008;61:978-982.

    Example:
        >>> result = bland_altman_ratio([50, 100, 80, 200], [55, 105, 84, 210], truth="independent")
        >>> round(result["ratio"].value, 4), round(result["loa_lower"].value, 4)
        (1.0623, 1.0149)
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        BLAND_ALTMAN_RATIO, columns, keys, average="pooled",
        parameters={"truth": truth, "agreement_level": agreement_level, "bias": bias, "factor": factor},
        ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
