"""What all regression lines share: the base metric, decision levels, the jackknife, the labelled result."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..functions import Method, evaluate, measured
from ..intervals import t_interval
from ..metric import (
    Average,
    CannotComputeError,
    Citation,
    Columns,
    FloatArray,
    Interval,
    Metric,
    MetricResult,
    Parameter,
    Prepared,
    Sides,
    Statistic,
)

EP09 = Citation(
    "ep09",
    "CLSI. Measurement Procedure Comparison and Bias Estimation Using Patient Samples. 3rd ed. CLSI "
    "guideline EP09c. Clinical and Laboratory Standards Institute 2018.",
)

LEVEL_AT = Parameter(
    "level_at",
    "number",
    "Decision level: the reference value at which the bias of the line is wanted, in the unit of the "
    "measurement. No default: the claim names it. For several levels, one endpoint each.",
)
ERROR_RATIO = Parameter(
    "error_ratio",
    "number",
    "Variance of the reference's measurement error over variance of the test's (lambda). 1, the default, "
    "says that both measure equally well; below 1 the reference is the better one.",
    default=1.0,
    minimum=1e-6,
    maximum=1e6,
)

NO_SPREAD = "The reference has no spread; a line needs at least two different reference values."
_ROUNDING = 1e-12
_LAST = 64 * float(np.finfo(float).eps)
CLUSTERED = "Pairs are taken for independent, and subjects have several."


def line_statistics(
    line: str, intervals: tuple[str, ...], *, bias_intervals: tuple[str, ...] | None = None
) -> tuple[Statistic, ...]:
    """Slope, intercept and bias at a decision level, of the line that the words name."""
    return (
        Statistic(
            "slope",
            "Slope",
            f"Slope of the {line} of test on reference; 1 where both scale alike.",
            "none",
            "none",
            intervals,
        ),
        Statistic(
            "intercept",
            "Intercept",
            f"Test value at a reference of zero on the {line}.",
            "same",
            "near_zero",
            intervals,
        ),
        Statistic(
            "bias_at",
            "Bias at the decision level",
            f"Intercept + (slope - 1) * `level_at`: test - reference on the {line} at the decision level.",
            "same",
            "near_zero",
            intervals if bias_intervals is None else bias_intervals,
        ),
    )


class LineMetric(Metric):
    """Base of the regression lines. Subclasses fit; this says what a line yields."""

    kind = "measurement"
    headline = "slope"
    figure = "scatter"
    levels: ClassVar[tuple[float, ...] | None] = None
    """Decision levels of a plain function's call; None: the parameter `level_at` says it."""

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> Prepared:
        """Summarise or order the rows once; see `Metric.prepare`.

        Raises:
            ValueError: A parameter or a column is not acceptable.
        """
        if average != "pooled":
            raise ValueError(f"`{self.name}` has no `average`: every pair counts once.")
        given = checks.parameters(self, parameters)
        levels = self.levels if self.levels is not None else (float(given["level_at"]),)
        names = tuple(statistic.name for statistic in self.statistics)
        return self._fitted(checks.measurement_columns(columns), names, levels, given)

    @abstractmethod
    def _fitted(
        self, columns: Columns, names: tuple[str, ...], levels: tuple[float, ...], given: dict[str, Any]
    ) -> Prepared:
        """The prepared line: statistics `names`, with a bias for each of `levels`."""


def at_levels(metric: LineMetric, levels: tuple[float, ...]) -> LineMetric:
    """The metric with a bias statistic for each level, instead of the one of its parameter."""
    slope, intercept, bias = metric.statistics
    several = len(levels) > 1
    biases = [
        replace(bias, name=f"bias_at_{_shown(level)}", title=f"Bias at {_shown(level)}") if several else bias
        for level in levels
    ]
    changed = {
        "levels": levels,
        "statistics": (slope, intercept, *biases),
        "parameters": tuple(one for one in metric.parameters if one.name != "level_at"),
    }
    return cast(LineMetric, type(type(metric).__name__, (type(metric),), changed)())


def decision_levels(level_at: float | Sequence[float] | None) -> tuple[float, ...]:
    """The decision levels of a plain function's call.

    Raises:
        ValueError: They are not different finite numbers.
    """
    if level_at is None:
        return ()
    levels = checks.measurements("level_at", np.atleast_1d(np.asarray(level_at)))
    if len({_shown(level) for level in levels}) < len(levels):
        raise ValueError("`level_at` must hold different levels.")
    return tuple(float(level) for level in levels)


def _shown(level: float) -> str:
    """A level in as many digits as it has; six would make one name of two levels."""
    return f"{level:.15g}"


def line_result(
    metric: LineMetric,
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None,
    weights: ArrayLike | None,
    level_at: float | Sequence[float] | None,
    parameters: Mapping[str, Any],
    ci: Method,
    level: float,
    sides: Sides,
    replicates: int,
    seed: int,
    alone: str | None = None,
) -> MetricResult:
    """A line with its biases at the decision levels, as a labelled result.

    Without `ci` the interval is by `alone`, if there is such a method and every subject has one pair, and
    otherwise by the first method of each statistic.
    """
    columns, keys = measured(reference, test, subject, weights)
    levels = decision_levels(level_at)
    line = at_levels(metric, levels)
    if ci is None and alone is not None and weights is None and not np.any(np.diff(columns.offsets) > 1):
        ci = {one.name: alone for one in line.statistics if alone in one.intervals}
    result = evaluate(
        line, columns, keys, average="pooled", parameters=parameters, ci=ci, level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
    said = {"level_at": levels[0] if len(levels) == 1 else levels} if levels else {}
    return replace(result, parameters={**result.parameters, **said})


def with_biases(slope: FloatArray, intercept: FloatArray, levels: Sequence[float]) -> FloatArray:
    """(B, 2 + levels) slope, intercept and the bias at each level."""
    return np.stack([slope, intercept, *(intercept + (slope - 1) * level for level in levels)], axis=-1)


def jackknife_error(left_out: FloatArray) -> float:
    """Standard error from leave-one-out values: the standard deviation of the pseudovalues over root n.

    Raises:
        CannotComputeError: Without one of the subjects there is no value.
    """
    n = len(left_out)
    missing = int(np.count_nonzero(~np.isfinite(left_out)))
    if missing:
        raise CannotComputeError(
            f"The jackknife is undefined: without one subject the line has no value ({missing} of {n} "
            "subjects)."
        )
    return float(np.sqrt((n - 1) / n * np.square(left_out - left_out.mean()).sum()))


def jackknife_interval(
    value: float, left_out: FloatArray, *, level: float, sides: Sides, rounding: float
) -> Interval:
    """Interval by Student's t and the jackknife error, subjects - 2 degrees of freedom (Linnet 1993).

    Raises:
        CannotComputeError: Fewer than three subjects, or a line without one of them has no value.
    """
    df = len(left_out) - 2
    if df < 1:
        raise CannotComputeError("The jackknife of a line needs at least three subjects.")
    error = jackknife_error(left_out)
    return line_interval("jackknife", value, error, df=df, level=level, sides=sides, rounding=rounding)


def line_interval(
    method: str,
    value: float,
    error: float,
    *,
    df: float,
    level: float,
    sides: Sides,
    rounding: float,
    independent_rows: bool = False,
) -> Interval:
    """A t interval, marked degenerate where it has no width, and where pairs only seem independent.

    Args:
        method: Its name.
        value: The estimate.
        error: Its standard error.
        df: Degrees of freedom.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        rounding: A standard error up to this is rounding; see `Size.rounding`.
        independent_rows: Pairs are taken for independent although subjects have several.
    """
    lower, upper = t_interval(value, error, df, level, sides)
    flat = bool(error <= rounding)
    notes = [CLUSTERED] if independent_rows else []
    if flat:
        notes.append(
            "All pairs lie on one line, or all subjects have the same; the interval has no width and says "
            "nothing."
        )
    return Interval(
        lower, upper, level, sides, method,
        degenerate=flat, independent_rows=independent_rows, warning=" ".join(notes) or None,
    )  # fmt: skip


@dataclass(frozen=True)
class Size:
    """Where the pairs lie, against which rounding is judged.

    Attributes:
        slope: Size of the slope.
        x: Mean of the reference.
        y: Mean of the test.
        spread: Standard deviation of the reference.
    """

    slope: float
    x: float
    y: float
    spread: float

    def rounding(self, place: float | None) -> float:
        """What rounding alone moves the slope (None), or the line at a reference value, at most."""
        if place is None:
            return _ROUNDING * self.slope
        distance = abs(place - self.x) + self.spread
        return _ROUNDING * self.slope * distance + _LAST * (
            self.slope * abs(self.x) + abs(self.y) + abs(place)
        )


def settled(values: FloatArray, estimate: FloatArray, rounding: Sequence[float]) -> FloatArray:
    """(B, k) replicates with those that differ from the estimate by rounding only made equal to it.

    Where all pairs lie on the line a resampling interval then has no width and is seen to say nothing.
    """
    return np.where(np.abs(values - estimate) <= np.asarray(rounding), estimate, values)


def error_or_nan(compute: Callable[[], float]) -> float:
    """A standard error, NaN where these data have none."""
    try:
        return compute()
    except CannotComputeError:
        return float("nan")
