"""How the bias changes along a covariate: skin tone in degrees of ITA, body-mass index, temperature.

Two groups with the same mean difference may hide a device whose error grows steadily from one end of a scale
to the other. The slope, times a stated contrast (such as 100 degrees of ITA), is a difference in the unit of
the measurement that can be held against a margin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..additive import row_weights, subject_sums
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate
from ..intervals import BINDER
from ..metric import (
    Average,
    CannotComputeError,
    Citation,
    ColumnRole,
    Columns,
    Interval,
    Metric,
    MetricResult,
    Parameter,
    Sides,
    Statistic,
)
from ..moments import TOTALS, Centred, MomentsPrepared, moment_totals
from .limits import differences

BELL = Citation(
    "bell2002",
    "Bell RM, McCaffrey DF. Bias reduction in standard errors for linear regression with multi-stage "
    "samples. Surv Methodol 2002;28:169-181.",
)
_INTERVALS = ("jackknife_t", "cluster_t", "bootstrap_bca", "bootstrap_percentile")


@dataclass(frozen=True)
class SlopeFormula:
    """Slope of the differences on the covariate, times the contrast, and the mean difference."""

    shift: tuple[float, float]
    contrast: float

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Both statistics; the slope is NaN where the covariate does not vary."""
        centred = Centred.of(totals)
        slope = np.where(centred.xx.real > 0, centred.xy / centred.xx, np.nan)
        return np.stack([self.contrast * slope, self.shift[1] + centred.y], axis=-1)


@dataclass(frozen=True, eq=False)
class SlopePrepared(MomentsPrepared):
    """Sums of covariate and difference by subject; see `Prepared`."""

    def reason_undefined(self, statistic: str) -> str:
        """No rows, or a covariate without spread."""
        if not np.any(self.active):
            return "There are no rows."
        if statistic == "slope_contrast":
            return "The covariate does not vary; there is no slope."
        return super().reason_undefined(statistic)

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_t`, linearised; `jackknife_t`, each subject left out in turn. Subjects - 1 df for both.

        Raises:
            CannotComputeError: Fewer than two subjects, or without one of them the covariate does not vary.
        """
        if method != "jackknife_t":
            return super().interval(statistic, method, level, sides)
        index, n = self.statistics.index(statistic), int(np.count_nonzero(self.active))
        if n < 2:
            raise CannotComputeError("An interval needs at least two subjects.")
        left_out = self.jackknife()[:, index]
        if not np.all(np.isfinite(left_out)):
            raise CannotComputeError("Without one of the subjects the covariate does not vary.")
        error = float(np.sqrt((n - 1) / n * np.square(left_out - left_out.mean()).sum()))
        value = float(self.estimate()[index])
        return self.t_around(value, error, n - 1, method=method, level=level, sides=sides)


class BiasSlope(Metric):
    """Change of the bias along a covariate; the plain function is `bias_slope`."""

    name = "bias_slope"
    title = "Change of the bias along a covariate"
    summary = "Least-squares slope of the differences test - reference on a covariate, per stated contrast."
    kind = "measurement"
    route = "additive"
    headline = "slope_contrast"
    figure = "bland_altman"
    statistics = (
        Statistic(
            "slope_contrast",
            "Change of the bias per contrast of the covariate",
            "Least-squares slope of the differences test - reference on the covariate, every row once, times "
            "`contrast`.",
            "same",
            "near_zero",
            _INTERVALS,
        ),
        Statistic(
            "bias_at_mean",
            "Bias at the mean of the covariate",
            "Height of the least-squares line at the covariate's mean: the mean difference of all rows.",
            "same",
            "near_zero",
            _INTERVALS,
        ),
    )
    parameters = (
        Parameter(
            "contrast",
            "number",
            "Step of the covariate that the slope is stated for, in the covariate's unit, such as 100 "
            "degrees of ITA; there is no default, for the limit belongs to it.",
            minimum=1e-12,
        ),
    )
    columns = (
        ColumnRole(
            "covariate", "number", "The number along which the bias may change, such as the ITA in degrees."
        ),
    )
    citations = (BINDER, BELL)

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> SlopePrepared:
        """Sum covariate and differences up by subject; see `Metric.prepare`.

        Raises:
            ValueError: A parameter or a column is not acceptable.
        """
        del average
        given = checks.parameters(self, parameters)
        if "covariate" not in columns.roles:
            raise ValueError("`bias_slope` needs the column `covariate`.")
        covariate = checks.measurements("covariate", columns.roles["covariate"])
        columns = checks.measurement_columns(columns)
        checks.same_length(len(columns.reference), {"covariate": covariate})
        weights = row_weights(columns)
        totals, shift = moment_totals(covariate, differences(columns), weights, columns.offsets)
        return SlopePrepared(
            totals=totals,
            names=TOTALS,
            statistics=("slope_contrast", "bias_at_mean"),
            formula=SlopeFormula(shift, given["contrast"]),
            units=subject_sums(weights > 0, columns.offsets).astype(np.int64),
            weighted=columns.weights is not None,
        )


BIAS_SLOPE = BiasSlope()
METRICS: tuple[Metric, ...] = (BIAS_SLOPE,)


def bias_slope(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    covariate: ArrayLike,
    contrast: float,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Change of the bias per stated contrast along a covariate.

    test - reference = a + b * covariate + error, by least squares with every row once; the result is
    b * `contrast`. Only the standard error knows the subjects.

    Intervals, all with subjects as clusters: `jackknife_t` (default) leaves each subject out in turn
    (Bell & McCaffrey's CR3 up to (S - 1) / S and centring), which allows for subjects far out on the scale;
    `cluster_t` is the linearised sandwich times S / (S - 1), narrower where few subjects hold the line;
    Student's t with subjects - 1 degrees of freedom for both; the subject bootstrap.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        covariate: (n,) numbers, one value a row; it may be the same in all rows of a subject.
        contrast: Step of the covariate that the slope is stated for, above 0.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        ci: Interval method.
        level: Confidence level of the intervals.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `slope_contrast` and `bias_at_mean`, in the unit of the measurement.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `contrast` is not above 0.
        ValueError: Any other argument is not acceptable.

    References:
        Binder DA. Int Stat Rev 1983;51:279-292. Bell RM, McCaffrey DF. Surv Methodol 2002;28:169-181.

    Example:
        >>> result = bias_slope(
        ...     [95, 90, 85, 80], [96, 92, 88, 84], covariate=[50, 0, -50, -100], contrast=100
        ... )
        >>> round(result["slope_contrast"].value, 6), result["bias_at_mean"].value
        (-2.0, 2.5)
    """
    first = checks.measurements("reference", reference)
    second = checks.measurements("test", test)
    along = checks.measurements("covariate", covariate)
    checks.same_length(len(first), {"test": second, "covariate": along})
    weight = None if weights is None else checks.row_weights(weights)
    checks.same_length(len(first), {"weights": weight})
    if subject is None:
        label, keys = np.arange(len(first)), tuple(f"{i:012d}" for i in range(len(first)))
    else:
        keys, label = checks.subject_labels(subject, len(first))
    order = np.lexsort((*(() if weight is None else (weight,)), along, second, first, label))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=len(keys)))]).astype(np.int64)
    columns = Columns(
        first[order],
        second[order],
        offsets,
        weights=None if weight is None else weight[order],
        roles={"covariate": along[order]},
    )
    return evaluate(
        BIAS_SLOPE, columns, keys, average="pooled", parameters={"contrast": contrast}, ci=ci, level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
