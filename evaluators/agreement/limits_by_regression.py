"""Limits of agreement that change with the size of the measurement, by regression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate, measured
from ..intervals import t_interval
from ..metric import (
    Average,
    Better,
    CannotComputeError,
    Citation,
    Columns,
    Counts,
    FloatArray,
    Interval,
    Metric,
    MetricResult,
    Parameter,
    Prepared,
    Sides,
    Statistic,
    Unit,
)
from .bland_altman import BLAND_ALTMAN, sd_multiplier
from .size_lines import SIZE, Lines, Size, SizeRows, clustered_error

Spread = Literal["changing", "constant"]

STATISTICS = ("bias", "sd", "loa_lower", "loa_upper", "intercept", "slope", "sd_intercept", "sd_slope")
NORMAL_MEAN = float(np.sqrt(np.pi / 2))
"""Standard deviation of a normal residual over the mean of its absolute value."""

BLAND_1999 = Citation(
    "bland1999",
    "Bland JM, Altman DG. Measuring agreement in method comparison studies. Stat Methods Med Res "
    "1999;8:135-160 (section 3.2: a regression approach for nonuniform differences).",
)
_INTERVALS = ("cluster_t", "bootstrap_bca", "bootstrap_percentile")
_LINE_INTERVALS = ("cluster_t", "t", "bootstrap_bca", "bootstrap_percentile")


@dataclass(frozen=True, eq=False)
class RegressionLimitsPrepared(Prepared):
    """Rows of one slice for limits by regression; see `Prepared`.

    Attributes:
        rows: Differences and sizes.
        level: Size at which bias, SD and limits are read, in the unit of the measurement.
        multiplier: Standard deviations from the bias to a limit.
        spread: Whether the standard deviation changes with the size.
    """

    rows: SizeRows
    level: float
    multiplier: float
    spread: Spread
    statistics: tuple[str, ...] = STATISTICS
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_subjects", self.rows.n_subjects)

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """Every statistic at every weight vector; see `Prepared.at`."""
        return self._values(self.rows.lines(self.rows.frequencies(weights, relative=relative)))

    def _values(self, lines: Lines) -> FloatArray:
        x, shift = self.level - self.rows.shift, self.rows.shift
        intercept, slope = lines.center.T
        sd_intercept, sd_slope = NORMAL_MEAN * lines.spread.T
        if self.spread == "constant":
            with np.errstate(all="ignore"):
                sd_intercept = np.sqrt(np.where(lines.n > 2, lines.residual / (lines.n - 2), np.nan))
            sd_slope = np.zeros(len(sd_intercept))
        bias, sd = intercept + slope * x, sd_intercept + sd_slope * x
        # three rows or more; and a negative standard deviation is none
        defined = np.where((lines.n > 2 * (1 + 1e-9)) & (sd >= 0), 1.0, np.nan)
        lost = np.nan if self.spread == "constant" else 1.0
        return np.column_stack(
            [
                bias,
                sd * defined,
                (bias - self.multiplier * sd) * defined,
                (bias + self.multiplier * sd) * defined,
                intercept - slope * shift,
                slope,
                sd_intercept - sd_slope * shift,
                sd_slope * lost,
            ]
        )

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, and rows."""
        del statistic
        units = self.rows.units
        return Counts(int(np.count_nonzero(units)), int(units.sum()))

    def reason_undefined(self, statistic: str) -> str:
        """No rows, sizes that do not vary, or a line of the SD that falls below zero at the level."""
        if statistic == "sd_slope" and self.spread == "constant":
            return "The standard deviation is declared constant and has no slope."
        rows = int(self.rows.units.sum())
        if rows == 0:
            return "There are no pairs."
        lines = self.rows.lines(np.ones((1, self.n_subjects)))
        if rows < 3:
            return f"A line and its residuals need at least three pairs; there are {rows}."
        if not np.isfinite(lines.sxx[0]):
            return "The sizes do not vary; there is no line."
        return f"The fitted standard deviation is below zero at level {self.level:g}."

    def warning(self, statistic: str) -> str | None:
        """The level lies beyond the sizes that were seen."""
        used = self.rows.size[self.rows.weight > 0]
        if statistic not in ("bias", "sd", "loa_lower", "loa_upper") or len(used) == 0:
            return None
        low, high = float(used.min()) + self.rows.shift, float(used.max()) + self.rows.shift
        slack = 1e-12 * max(abs(low), abs(high))
        if low - slack <= self.level <= high + slack:
            return None
        return f"Level {self.level:g} lies beyond the sizes seen, {low:.6g} to {high:.6g}."

    def influence(self, statistic: str) -> FloatArray:
        """(J,) derivative of a statistic in the weight of each subject that has rows."""
        lines = self.rows.lines(np.ones((1, self.n_subjects)))
        first, second = self.rows.influence(lines, 0)
        x, shift = self.level - self.rows.shift, self.rows.shift
        at_level, at_zero, slope = np.array([1.0, x]), np.array([1.0, -shift]), np.array([0.0, 1.0])
        spread = NORMAL_MEAN * second
        if self.spread == "constant":
            spread = self._constant_influence(lines)
        sign = {"loa_lower": -1.0, "loa_upper": 1.0}.get(statistic, 0.0)
        if statistic in ("bias", "loa_lower", "loa_upper"):
            return np.asarray(first @ at_level + sign * self.multiplier * (spread @ at_level))
        if statistic in ("intercept", "slope"):
            return np.asarray(first @ (slope if statistic == "slope" else at_zero))
        return np.asarray(spread @ {"sd": at_level, "sd_intercept": at_zero, "sd_slope": slope}[statistic])

    def _constant_influence(self, lines: Lines) -> FloatArray:
        """Of the residual SD; the first line does not enter, for it minimises the squared residuals."""
        rows, center = self.rows, lines.center[0]
        squared = rows.weight * np.square(rows.difference - center[0] - center[1] * rows.size)
        owner = np.repeat(np.arange(rows.n_subjects), np.diff(rows.offsets))
        own = np.bincount(owner, weights=squared, minlength=rows.n_subjects)[rows.active]
        count = np.bincount(owner, weights=rows.weight, minlength=rows.n_subjects)[rows.active]
        df = lines.n[0] - 2
        sd = np.sqrt(lines.residual[0] / df)
        change = (own - lines.residual[0] / df * count) / (2 * df * sd)
        return np.column_stack([change, np.zeros(len(change))])

    def standard_error(self, statistic: str) -> float:
        """Linearised, subjects as clusters; both steps of the regression are in it."""
        with np.errstate(all="ignore"):
            return clustered_error(self.influence(statistic))

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_t` for all; `t` of ordinary least squares for the line of the differences.

        Raises:
            CannotComputeError: Too few subjects or rows, or several rows a subject with `t`.
        """
        value = float(self.estimate()[self.statistics.index(statistic)])
        subjects = int(np.count_nonzero(self.rows.active))
        if method == "t" and statistic in ("intercept", "slope"):
            error, df = self._least_squares(statistic)
        elif method == "cluster_t":
            error, df = self.standard_error(statistic), float(subjects - 1)
        else:
            raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")
        if subjects < 2 or not np.isfinite(error):
            raise CannotComputeError("An interval needs at least two subjects and three pairs.")
        lower, upper = t_interval(value, error, df, level, sides)
        flat = error <= 1e-14 * max(abs(value), np.finfo(float).tiny)
        note = "The subjects do not differ; the interval has no width and says nothing." if flat else None
        return Interval(lower, upper, level, sides, method, degenerate=bool(flat), warning=note)

    def _least_squares(self, statistic: str) -> tuple[float, float]:
        if np.any(self.rows.units > 1):
            raise CannotComputeError(
                "`t` takes rows for independent, and subjects have several; use `cluster_t`."
            )
        lines = self.rows.lines(np.ones((1, self.n_subjects)))
        n, df = float(lines.n[0]), float(lines.n[0]) - 2
        if df < 1:
            raise CannotComputeError("A residual variance needs at least three pairs.")
        place = -self.rows.shift - lines.mean[0]
        factor = 1 / lines.sxx[0] if statistic == "slope" else 1 / n + place**2 / lines.sxx[0]
        return float(np.sqrt(lines.residual[0] / df * factor)), df


def _statistic(
    name: str, title: str, definition: str, unit: Unit, better: Better, *, line: bool = False
) -> Statistic:
    return Statistic(name, title, definition, unit, better, _LINE_INTERVALS if line else _INTERVALS)


class RegressionLimits(Metric):
    """Limits of agreement by regression; the plain function `regression_limits` explains it."""

    name: ClassVar[str] = "regression_limits"
    title: ClassVar[str] = "Regression-based limits of agreement"
    summary: ClassVar[str] = (
        "Bias, standard deviation and limits of agreement at a stated size of the measurement, where they "
        "change with it along straight lines."
    )
    kind = "measurement"
    route = "refit"
    headline = "bias"
    figure = "scatter"
    statistics = (
        _statistic(
            "bias",
            "Bias at the level",
            "Least-squares line of the differences test - reference on the size, at the stated level.",
            "same",
            "near_zero",
        ),
        _statistic(
            "sd",
            "Standard deviation of differences at the level",
            "sqrt(pi / 2) times the least-squares line of the absolute residuals on the size, at the level; "
            "with `spread: constant` the residual standard deviation (n - 2).",
            "same",
            "lower",
        ),
        _statistic(
            "loa_lower",
            "Lower limit of agreement at the level",
            "Bias at the level minus the normal quantile (1.959964 for 95%) times the SD there.",
            "same",
            "near_zero",
        ),
        _statistic(
            "loa_upper",
            "Upper limit of agreement at the level",
            "Bias at the level plus the normal quantile (1.959964 for 95%) times the SD there.",
            "same",
            "near_zero",
        ),
        _statistic(
            "intercept",
            "Intercept of the bias",
            "Bias that the line of the differences has at size zero.",
            "same",
            "none",
            line=True,
        ),
        _statistic(
            "slope",
            "Slope of the bias",
            "Change of the bias per unit of size (proportional bias).",
            "none",
            "near_zero",
            line=True,
        ),
        _statistic(
            "sd_intercept",
            "Intercept of the standard deviation",
            "Standard deviation that its line has at size zero; it may be below zero.",
            "same",
            "none",
        ),
        _statistic(
            "sd_slope",
            "Slope of the standard deviation",
            "Change of the standard deviation of differences per unit of size.",
            "none",
            "near_zero",
        ),
    )
    parameters = (
        Parameter(
            "at",
            "number",
            "Size at which bias, SD and limits are read, in the unit of the measurement. No default: they "
            "differ from size to size; several sizes are several endpoints.",
        ),
        SIZE,
        Parameter(
            "spread",
            "choice",
            "`changing`: the standard deviation is a line in the size too; `constant`: it is the residual "
            "standard deviation of the line of the differences.",
            default="changing",
            choices=("changing", "constant"),
        ),
        BLAND_ALTMAN.parameter("agreement_level"),
    )
    citations = (BLAND_1999,)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> RegressionLimitsPrepared:
        """Take differences and sizes; see `Metric.prepare`."""
        if average != "pooled":
            raise ValueError("`regression_limits` has no `average`; every pair counts once.")
        given = checks.parameters(self, parameters)
        columns = checks.measurement_columns(columns)
        return RegressionLimitsPrepared(
            rows=SizeRows.of(columns, given["size"]),
            level=float(given["at"]),
            multiplier=sd_multiplier(given["agreement_level"]),
            spread=given["spread"],
        )


REGRESSION_LIMITS = RegressionLimits()
METRICS: tuple[Metric, ...] = (REGRESSION_LIMITS,)


def regression_limits(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    at: float,
    size: Size = "mean",
    spread: Spread = "changing",
    agreement_level: float = 0.95,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Bias and limits of agreement at a stated size, where both change with the size of the measurement.

    With d = test - reference and A the size:

    1. d is regressed on A: bias(A) = b0 + b1 A.
    2. The absolute residuals |d - bias(A)| are regressed on A: c0 + c1 A.
    3. sd(A) = sqrt(pi / 2) (c0 + c1 A), because the mean of |x| of a normal x is sd sqrt(2 / pi).
    4. Limits: bias(A) - z sd(A) and bias(A) + z sd(A).

    Every pair counts once. Intervals: `cluster_t` (linearised with both steps, subjects as clusters; the
    default), `t` for intercept and slope where each subject has one pair (ordinary least squares, n - 2
    degrees of freedom), subject bootstrap (both lines are fitted again in every replicate).

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        at: Size at which bias, SD and limits are read, in the unit of the measurement. Beyond the sizes seen
            the result carries a warning.
        size: `mean` of reference and test, or `reference`.
        spread: `changing` with the size, or `constant` (residual standard deviation of step 1).
        agreement_level: Share of differences between the limits if they are normal; 0.95 is the convention.
        ci: Interval method, for all statistics that offer it or by statistic. Default: `cluster_t`.
        level: Confidence level of the intervals.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `bias`, `sd`, `loa_lower`, `loa_upper` at the level, and both lines: `intercept`, `slope`,
        `sd_intercept`, `sd_slope`.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `at`, `size`, `spread` or `agreement_level` is not acceptable.
        ValueError: Any other argument is not acceptable.

    References:
        Bland JM, Altman DG. Stat Methods Med Res 1999;8:135-160, section 3.2.

    Example:
        >>> reference = [40, 60, 80, 100, 120, 140, 160, 180]
        >>> test = [41, 60, 83, 101, 126, 143, 171, 183]
        >>> result = regression_limits(reference, test, at=100)
        >>> round(result["bias"].value, 3), round(result["sd"].value, 3), round(result["slope"].value, 4)
        (2.975, 2.331, 0.0446)
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        REGRESSION_LIMITS, columns, keys, average="pooled",
        parameters={"at": at, "size": size, "spread": spread, "agreement_level": agreement_level},
        ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
