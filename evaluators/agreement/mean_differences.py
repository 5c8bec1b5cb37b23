"""The mean difference test - reference, and tests that it lies within stated bounds.

That two means do not differ significantly shows nothing; that their difference lies within bounds stated
beforehand does. Equivalence needs both bounds, non-inferiority the one that matters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..additive import AdditivePrepared, row_weights, subject_sums
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate, measured
from ..intervals import BINDER, STUDENT
from ..metric import Average, Columns, Interval, Metric, MetricResult, Sides, Statistic
from ..reliability.one_way import center
from .limits import differences, flattened, rounding

TOTALS = ("weight", "difference")
_WEIGHT, _DIFFERENCE = range(2)


@dataclass(frozen=True)
class MeanFormula:
    """Weighted mean of differences that are kept about `shift`."""

    shift: float

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """The mean."""
        return np.asarray(self.shift + totals[..., _DIFFERENCE] / totals[..., _WEIGHT])[..., None]


@dataclass(frozen=True, eq=False)
class MeanDifferencePrepared(AdditivePrepared):
    """Differences of one slice summed up by subject; see `Prepared`.

    Attributes:
        average: Which average; with `subject_mean` a subject's row of totals is its own mean.
    """

    average: Average = "pooled"

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_t`; `t` for subject means or one row each.

        Raises:
            CannotComputeError: Fewer than two subjects, or `t` where rows are not independent.
        """
        if method == "t" and self.average == "subject_mean":
            return self.symmetric(statistic, method, level, sides)
        return super().interval(statistic, method, level, sides)

    def aligned(self, other: AdditivePrepared) -> Self:
        """Self with its sums about the other's shift."""
        here, there = self.formula, other.formula
        if not (isinstance(here, MeanFormula) and isinstance(there, MeanFormula)):
            return super().aligned(other)
        totals = self.totals.copy()
        totals[:, _DIFFERENCE] += (here.shift - there.shift) * totals[:, _WEIGHT]
        moved = replace(self, totals=totals, formula=there)
        return super(MeanDifferencePrepared, moved).aligned(other)


class MeanDifference(Metric):
    """Mean of test - reference; the plain function is `mean_difference`."""

    name = "mean_difference"
    title = "Mean difference"
    summary = "Mean of the differences test - reference, over rows or over subjects."
    kind = "measurement"
    route = "additive"
    headline = "mean_difference"
    averages = ("pooled", "subject_mean")
    figure = "bland_altman"
    statistics = (
        Statistic(
            "mean_difference",
            "Mean difference",
            "Mean of test - reference. Average `pooled`: every row once; `subject_mean`: the mean of the "
            "subjects' own means.",
            "same",
            "near_zero",
            ("cluster_t", "t", "bootstrap_bca", "bootstrap_percentile"),
        ),
    )
    citations = (STUDENT, BINDER)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> MeanDifferencePrepared:
        """Sum the differences up by subject; see `Metric.prepare`.

        Raises:
            ValueError: A parameter, the average or a column is not acceptable.
        """
        checks.parameters(self, parameters)
        columns = checks.measurement_columns(columns)
        weights = row_weights(columns)
        difference = differences(columns)
        shift = center(difference)
        weight = subject_sums(weights, columns.offsets)
        total = subject_sums(weights * (difference - shift), columns.offsets)
        total = flattened(total, weight, rounding(columns))
        if average == "subject_mean":
            some = weight > 0
            total, weight = total / np.where(some, weight, 1.0), some.astype(np.float64)
        return MeanDifferencePrepared(
            totals=np.column_stack([weight, total]),
            names=TOTALS,
            statistics=("mean_difference",),
            formula=MeanFormula(shift),
            units=subject_sums(weights > 0, columns.offsets).astype(np.int64),
            weighted=columns.weights is not None,
            average=average,
        )


MEAN_DIFFERENCE = MeanDifference()
METRICS: tuple[Metric, ...] = (MEAN_DIFFERENCE,)


def mean_difference(
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
    """Mean difference test - reference.

    For a claim that it is small enough give the interval a criterion (equivalence: a two-sided interval of
    level 1 - 2 alpha within the bounds), or see `equivalence_test` and `non_inferiority_test` for p values.

    Intervals: `cluster_t` (default: linearised standard error with subjects as clusters, subjects - 1 degrees
    of freedom; with one row a subject it is the paired t interval), `t` where each subject has one row or
    with `subject_mean`, subject bootstrap.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        average: `pooled` (every row once, the default of the plain function) or `subject_mean` (mean of the
            subjects' own mean differences).
        ci: Interval method. Default: `cluster_t`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `mean_difference`, in the unit of the measurement.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Any other argument is not acceptable.

    References:
        Student. Biometrika 1908;6:1-25. Binder DA. Int Stat Rev 1983;51:279-292.

    Example:
        >>> result = mean_difference([60, 62, 70, 75], [61, 60, 73, 75], subject=["a", "a", "b", "b"])
        >>> result["mean_difference"].value
        0.5
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        MEAN_DIFFERENCE, columns, keys, average=average, parameters={}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip
