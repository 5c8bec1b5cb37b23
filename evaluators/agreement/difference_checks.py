"""Do the differences, or does their spread, change with the size of the measurement? What limits assume.

A test that finds nothing has not shown that there is nothing: with few subjects it seldom finds anything, and
with many it finds what does not matter. Slopes are therefore given with their intervals, in the unit that
shows whether they matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .. import checks
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate, measured
from ..intervals import t_interval
from ..metric import (
    Average,
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
)
from .size_lines import SIZE, Lines, Size, SizeRows, clustered_error

Errors = Literal["clustered", "independent"]

_STATISTICS = ("slope", "slope_p", "spread_slope", "spread_slope_p")
SMALLEST = 3
"""Pairs that a line and its residuals need."""

_INTERVALS = ("cluster_t", "t", "bootstrap_bca", "bootstrap_percentile")
BLAND_1999 = Citation(
    "bland1999",
    "Bland JM, Altman DG. Measuring agreement in method comparison studies. Stat Methods Med Res "
    "1999;8:135-160 (section 3.2).",
)


@dataclass(frozen=True, eq=False)
class TrendPrepared(Prepared):
    """Rows of one slice for the slopes of differences and of their absolute residuals; see `Prepared`.

    Attributes:
        rows: Differences and sizes.
        errors: Which standard errors the p-values rest on.
    """

    rows: SizeRows
    errors: Errors
    statistics: tuple[str, ...] = _STATISTICS
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_subjects", self.rows.n_subjects)

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """Slopes and p-values at every weight vector; see `Prepared.at`."""
        used = self.rows.frequencies(weights, relative=relative)
        lines = self.rows.lines(used)
        slopes = np.column_stack([lines.center[:, 1], lines.spread[:, 1]])
        slopes[lines.n < SMALLEST * (1 - 1e-9)] = np.nan
        if self.errors == "independent":
            df = lines.n - 2
            with np.errstate(all="ignore"):
                error = np.column_stack(
                    [np.sqrt(rest / df / lines.sxx) for rest in (lines.residual, lines.residual_spread)]
                )
        else:
            df = used[:, self.rows.active].sum(axis=1) - 1
            error = np.array([self._clustered(lines, i, used[i]) for i in range(len(used))]).reshape(-1, 2)
        error[lines.residual == 0] = np.nan  # an exact line leaves nothing to test against
        p = _two_sided_p(slopes, error, df)
        return np.column_stack([slopes[:, 0], p[:, 0], slopes[:, 1], p[:, 1]])

    def _clustered(self, lines: Lines, index: int, weights: FloatArray) -> FloatArray:
        """(2,) linearised standard errors of both slopes, each subject as often as its weight says."""
        if not np.isfinite(lines.sxx[index]):
            return np.full(2, np.nan)
        z = np.column_stack([part[:, 1] for part in self.rows.influence(lines, index, weights)])
        often = weights[self.rows.active]
        n = often.sum()
        with np.errstate(all="ignore"):
            return np.asarray(np.sqrt(n / (n - 1) * (often @ np.square(z - often @ z / n))))

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, and rows."""
        del statistic
        return Counts(int(np.count_nonzero(self.rows.units)), int(self.rows.units.sum()))

    def reason_undefined(self, statistic: str) -> str:
        """Too few rows or subjects, sizes that do not vary, or no residual."""
        rows, subjects = int(self.rows.units.sum()), int(np.count_nonzero(self.rows.units))
        if rows == 0:
            return "There are no pairs."
        if rows < SMALLEST:
            return f"A line and its residuals need at least three pairs; there are {rows}."
        lines = self.rows.lines(np.ones((1, self.n_subjects)))
        if not np.isfinite(lines.sxx[0]):
            return "The sizes do not vary; there is no slope."
        if self.errors == "clustered" and subjects < 2:
            return "A clustered test needs at least two subjects."
        return "The differences lie on the line; there is no residual to test against."

    def warning(self, statistic: str) -> str | None:
        """Rows are taken for independent although subjects have several."""
        if statistic.endswith("_p") and self.errors == "independent" and np.any(self.rows.units > 1):
            return "Rows are taken for independent, as asked, and subjects have several."
        return None

    def standard_error(self, statistic: str) -> float:
        """Linearised, subjects as clusters."""
        if statistic.endswith("_p"):
            return float("nan")
        lines = self.rows.lines(np.ones((1, self.n_subjects)))
        with np.errstate(all="ignore"):
            return clustered_error(self.rows.influence(lines, 0)[statistic == "spread_slope"][:, 1])

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_t`, and `t` of ordinary least squares.

        Raises:
            CannotComputeError: Too few subjects or rows, or several rows a subject with `t`.
        """
        value = float(self.estimate()[self.statistics.index(statistic)])
        if method == "cluster_t":
            error, df = self.standard_error(statistic), float(np.count_nonzero(self.rows.active)) - 1
        elif np.any(self.rows.units > 1):
            raise CannotComputeError(
                "`t` takes rows for independent, and subjects have several; use `cluster_t`."
            )
        else:
            lines = self.rows.lines(np.ones((1, self.n_subjects)))
            df = float(lines.n[0]) - 2
            rest = lines.residual if statistic == "slope" else lines.residual_spread
            error = float(np.sqrt(rest[0] / df / lines.sxx[0])) if df > 0 else float("nan")
        if not np.isfinite(error):
            raise CannotComputeError("An interval needs at least two subjects and three pairs.")
        lower, upper = t_interval(value, error, df, level, sides)
        flat = bool(error <= 1e-14 * max(abs(value), np.finfo(float).tiny))
        note = "The subjects do not differ; the interval has no width and says nothing." if flat else None
        return Interval(lower, upper, level, sides, method, degenerate=flat, warning=note)


def _two_sided_p(value: FloatArray, error: FloatArray, df: FloatArray) -> FloatArray:
    """Two-sided p-values of Student's t; NaN where the standard error is nothing or undefined."""
    with np.errstate(all="ignore"):
        t = np.where(error > 1e-13 * np.abs(value), value / error, np.nan)
        degrees = np.where(df >= 1 - 1e-9, df, np.nan)[:, None]
        return np.asarray(2 * special.stdtr(degrees, -np.abs(t)))


class DifferenceTrend(Metric):
    """Tests of proportional bias and of changing spread; the plain function is `difference_trend`."""

    name: ClassVar[str] = "difference_trend"
    title: ClassVar[str] = "Trend of differences with size"
    summary: ClassVar[str] = (
        "Slopes of the differences (proportional bias) and of their absolute residuals (heteroscedasticity) "
        "on the size of the measurement, each with its test."
    )
    kind = "measurement"
    route = "refit"
    headline = "slope"
    figure = "bland_altman"
    statistics = (
        Statistic(
            "slope",
            "Slope of differences on size",
            "Least-squares slope of test - reference on the size.",
            "none",
            "near_zero",
            _INTERVALS,
        ),
        Statistic(
            "slope_p",
            "Test of proportional bias, p",
            "Two-sided p-value of Student's t for a slope of zero; degrees of freedom subjects - 1 "
            "(clustered) or rows - 2 (independent).",
            "none",
            "none",
            (),
        ),
        Statistic(
            "spread_slope",
            "Slope of absolute residuals on size",
            "Least-squares slope of |residual| on the size, residuals from the line of the differences.",
            "none",
            "near_zero",
            _INTERVALS,
        ),
        Statistic(
            "spread_slope_p",
            "Test of heteroscedasticity, p",
            "Two-sided p-value of Student's t for a slope of zero of the absolute residuals; degrees of "
            "freedom as for the differences.",
            "none",
            "none",
            (),
        ),
    )
    parameters = (
        SIZE,
        Parameter(
            "errors",
            "choice",
            "Standard errors of the tests: `clustered` (linearised, rows of a subject may be alike; with one "
            "row each they hold for unequal spread too) or `independent` (ordinary least squares, as printed "
            "by other software).",
            default="clustered",
            choices=("clustered", "independent"),
        ),
    )
    citations = (BLAND_1999,)

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> TrendPrepared:
        """Take differences and sizes; see `Metric.prepare`."""
        if average != "pooled":
            raise ValueError("`difference_trend` has no `average`; every pair counts once.")
        given = checks.parameters(self, parameters)
        columns = checks.measurement_columns(columns)
        return TrendPrepared(rows=SizeRows.of(columns, given["size"]), errors=given["errors"])


DIFFERENCE_TREND = DifferenceTrend()
METRICS: tuple[Metric, ...] = (DIFFERENCE_TREND,)


def difference_trend(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    size: Size = "mean",
    errors: Errors = "clustered",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Proportional bias and heteroscedasticity: do differences, or their spread, change with the size?

    The differences d = test - reference are regressed on the size A, and the absolute residuals of that line
    on A again (Bland & Altman 1999, section 3.2; a Glejser test). A slope of differences on the mean arises
    without any proportional bias where the two methods differ in variance.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        size: `mean` of reference and test, or `reference`.
        errors: Standard errors of the tests: `clustered` or `independent` (ordinary least squares).
        ci: Interval method of the slopes: `cluster_t` (default), `t` where each subject has one row, subject
            bootstrap.
        level: Confidence level of the intervals.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `slope`, `slope_p`, `spread_slope`, `spread_slope_p`.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `size` or `errors` is not acceptable.
        ValueError: Any other argument is not acceptable.

    References:
        Bland JM, Altman DG. Stat Methods Med Res 1999;8:135-160, section 3.2.

    Example:
        >>> reference = [40, 60, 80, 100, 120, 140, 160, 180]
        >>> test = [41, 60, 83, 101, 126, 143, 171, 183]
        >>> result = difference_trend(reference, test, errors="independent")
        >>> [round(result[name].value, 4) for name in ("slope", "slope_p", "spread_slope_p")]
        [0.0446, 0.0937, 0.0082]
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        DIFFERENCE_TREND, columns, keys, average="pooled", parameters={"size": size, "errors": errors}, ci=ci,
        level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
