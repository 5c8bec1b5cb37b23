"""Statistics of the ROC curve beside the whole area, as metrics; the plain functions are in `curves`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from .. import checks
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
    Parameter,
    Prepared,
    Sides,
    Statistic,
    Unit,
)
from ..raters.methods import PEPE
from .area import empty_class, score_columns
from .counts import DIRECTION, ScoreRows
from .shapes import (
    average_precision,
    best_threshold,
    partial_area,
    precision_recall_area,
    sensitivity_at,
    specificity_at,
)

Shape = Callable[[FloatArray, FloatArray], FloatArray]
"""(B, G) positives and negatives of each step -> (B, k) statistics."""

MCCLISH = Citation(
    "mcclish1989",
    "McClish DK. Analyzing a portion of the ROC curve. Med Decis Making 1989;9:190-195.",
)
YOUDEN = Citation("youden1950", "Youden WJ. Index for rating diagnostic tests. Cancer 1950;3:32-35.")
PERKINS = Citation(
    "perkins2006",
    'Perkins NJ, Schisterman EF. The inconsistency of "optimal" cutpoints obtained using two criteria based '
    "on the receiver operating characteristic curve. Am J Epidemiol 2006;163:670-675.",
)
DAVIS = Citation(
    "davis2006",
    "Davis J, Goadrich M. The relationship between precision-recall and ROC curves. Proc 23rd Int Conf "
    "Machine Learning 2006:233-240.",
)
KEILWAGEN = Citation(
    "keilwagen2014",
    "Keilwagen J, Grosse I, Grau J. Area under precision-recall curves for weighted and unweighted data. "
    "PLoS ONE 2014;9:e92209.",
)
_PERCENTILE = ("bootstrap_percentile",)
"""BCa takes its acceleration from the jackknife, which fails for what is read at one point of the curve."""
_BOOTSTRAP = (*_PERCENTILE, "bootstrap_bca")
_OPTIMISM = "The threshold is chosen on these data, so index, sensitivity and specificity there are too good."


@dataclass(frozen=True, eq=False)
class CurvePrepared(Prepared):
    """Sorted rows and a formula of their steps.

    Attributes:
        columns: The checked rows.
        rows: The same in order of score.
        statistics: Names of the statistics.
        shape: What is read off the curve.
        undefined: What to say where both classes are there and a statistic has no value.
        note: What every reader of these statistics should know.
    """

    columns: Columns
    rows: ScoreRows
    statistics: tuple[str, ...]
    shape: Shape
    undefined: str
    note: str | None = None
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_subjects", self.columns.n_subjects)

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """Every statistic at every weight vector; they depend on ratios only. See `Prepared.at`.

        Raises:
            ValueError: The weights do not have one column a subject.
        """
        del relative
        if weights.ndim != 2 or weights.shape[1] != self.n_subjects:
            raise ValueError(
                f"`weights` is {weights.shape}; one column for each of {self.n_subjects} subjects is needed."
            )
        result = np.full((len(weights), len(self.statistics)), np.nan)
        if not self.rows.n_steps:
            return result
        for start in range(0, len(weights), self.rows.block):
            p, n = self.rows.steps_at(weights[start : start + self.rows.block])
            both = (p.sum(axis=1) > 0) & (n.sum(axis=1) > 0)
            place = start + np.flatnonzero(both)
            result[place] = self.shape(p[both], n[both])
        return np.where(np.isfinite(result), result, np.nan)

    def jackknife(self) -> FloatArray:
        """(J, k) statistics with one of the subjects that have rows left out each."""
        left_out = np.flatnonzero(np.diff(self.columns.offsets))
        result = np.empty((len(left_out), len(self.statistics)))
        for start in range(0, len(left_out), self.rows.block):
            chosen = left_out[start : start + self.rows.block]
            weights = np.ones((len(chosen), self.n_subjects))
            weights[np.arange(len(chosen)), chosen] = 0.0
            result[start : start + len(chosen)] = self.at(weights)
        return result

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, rows, and reference positives among them."""
        del statistic
        positives = int(np.count_nonzero(self.columns.reference == 1))
        subjects = int(np.count_nonzero(np.diff(self.columns.offsets)))
        return Counts(subjects, len(self.columns.reference), positives)

    def reason_undefined(self, statistic: str) -> str:
        """Which class is empty, or what the statistic needs."""
        del statistic
        positives = int(np.count_nonzero(self.columns.reference == 1))
        both = 0 < positives < len(self.columns.reference)
        return self.undefined if both else empty_class(self.columns)

    def standard_error(self, statistic: str) -> float:
        """There is no analytic one; with a bootstrap the spread of the replicates is given."""
        del statistic
        return float("nan")

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """None analytic.

        Raises:
            CannotComputeError: Always.
        """
        del level, sides
        raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")

    def warning(self, statistic: str) -> str | None:
        """What every reader should know."""
        del statistic
        return self.note


class CurveMetric(Metric):
    """Base: what is read off the curve of a score."""

    kind = "score"
    route = "ordered"

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> CurvePrepared:
        """Sort the rows once.

        Raises:
            ValueError: Codes other than 0 and 1, scores that are no finite numbers, or a parameter that is
                not acceptable.
        """
        checked = score_columns(self, columns, average, parameters)
        given = checks.parameters(self, parameters)
        rows = ScoreRows.of(checked, given["direction"])
        return CurvePrepared(
            checked,
            rows,
            tuple(statistic.name for statistic in self.statistics),
            self.shape(rows, given),
            self.undefined,
            self.note,
        )

    undefined = "The statistic is undefined for these data."
    note: str | None = None

    def shape(self, rows: ScoreRows, given: dict[str, Any]) -> Shape:
        """What is read off the curve, with the parameters filled in."""
        raise TypeError(f"`{self.name}` does not say what it reads off the curve.")


def _statistic(name: str, title: str, definition: str, unit: Unit = "proportion") -> Statistic:
    smooth = name in {"partial_auc", "partial_auc_corrected", "average_precision", "pr_auc"}
    better: Better = "none" if name == "threshold" else "higher"
    return Statistic(name, title, definition, unit, better, _BOOTSTRAP if smooth else _PERCENTILE)


class PartialArea(CurveMetric):
    """Part of the area; the plain function is `partial_auc`."""

    name = "partial_auc"
    title = "Partial area under the ROC curve"
    summary = "Area under the part of the ROC curve that is of use: high specificity, or high sensitivity."
    headline = "partial_auc_corrected"
    statistics = (
        _statistic(
            "partial_auc_corrected",
            "Partial area, corrected (McClish)",
            "(1 + (area - least) / (most - least)) / 2, with the areas under the diagonal and under a "
            "perfect curve as least and most: 0.5 for no discrimination, 1 for perfect.",
        ),
        _statistic(
            "partial_auc",
            "Partial area, raw",
            "Area under the empirical curve, straight between its vertices, over the stated range of "
            "specificity (or of specificity over the stated range of sensitivity).",
        ),
    )
    parameters = (
        Parameter(
            "focus",
            "choice",
            "The range is one of `specificity` (default) or of `sensitivity`.",
            default="specificity",
            choices=("specificity", "sensitivity"),
        ),
        Parameter("low", "number", "Lower end of the range, such as 0.9.", minimum=0.0, maximum=0.999),
        Parameter("high", "number", "Upper end of the range.", default=1.0, minimum=0.001, maximum=1.0),
        DIRECTION,
    )
    citations = (MCCLISH,)

    def shape(self, rows: ScoreRows, given: dict[str, Any]) -> Shape:
        """The area between both ends.

        Raises:
            ParameterError: The ends are not in order.
        """
        del rows
        if given["low"] >= given["high"]:
            raise checks.ParameterError(f"`low` is {given['low']!r}; it must lie below `high`.")
        area = partial(partial_area, focus=given["focus"], low=given["low"], high=given["high"])
        return lambda p, n: area(p, n)[:, ::-1]


class SensitivityAtSpecificity(CurveMetric):
    """Sensitivity at a fixed specificity; the plain function is `sensitivity_at_specificity`."""

    name = "sensitivity_at_specificity"
    title = "Sensitivity at fixed specificity"
    summary = "Sensitivity of the score where its specificity is what was asked for."
    headline = "sensitivity_attained"
    statistics = (
        _statistic(
            "sensitivity_attained",
            "Sensitivity, attained",
            "Largest sensitivity of a threshold whose specificity is at least the stated one: what a device "
            "with one threshold can do.",
        ),
        _statistic(
            "sensitivity_interpolated",
            "Sensitivity, interpolated",
            "Sensitivity on the straight line between vertices of the empirical curve at the stated "
            "specificity; no single threshold may attain it.",
        ),
    )
    parameters = (
        Parameter(
            "specificity", "number", "The specificity asked for, such as 0.9.", minimum=0.0, maximum=1.0
        ),
        DIRECTION,
    )
    citations = (PEPE,)

    def shape(self, rows: ScoreRows, given: dict[str, Any]) -> Shape:
        """Both readings."""
        del rows
        return lambda p, n: sensitivity_at(p, n, given["specificity"])[:, ::-1]


class SpecificityAtSensitivity(CurveMetric):
    """Specificity at a fixed sensitivity; the plain function is `specificity_at_sensitivity`."""

    name = "specificity_at_sensitivity"
    title = "Specificity at fixed sensitivity"
    summary = "Specificity of the score where its sensitivity is what was asked for."
    headline = "specificity_attained"
    statistics = (
        _statistic(
            "specificity_attained",
            "Specificity, attained",
            "Largest specificity of a threshold whose sensitivity is at least the stated one: what a device "
            "with one threshold can do.",
        ),
        _statistic(
            "specificity_interpolated",
            "Specificity, interpolated",
            "Specificity on the straight line between vertices of the empirical curve at the stated "
            "sensitivity; no single threshold may attain it.",
        ),
    )
    parameters = (
        Parameter(
            "sensitivity", "number", "The sensitivity asked for, such as 0.9.", minimum=0.0, maximum=1.0
        ),
        DIRECTION,
    )
    citations = (PEPE,)

    def shape(self, rows: ScoreRows, given: dict[str, Any]) -> Shape:
        """Both readings."""
        del rows
        return lambda p, n: specificity_at(p, n, given["sensitivity"])[:, ::-1]


class OptimalThreshold(CurveMetric):
    """Threshold of the largest Youden index; the plain function is `optimal_threshold`."""

    name = "optimal_threshold"
    title = "Optimal threshold (Youden)"
    summary = "The threshold with the largest sensitivity + specificity - 1, and how uncertain it is."
    headline = "threshold"
    statistics = (
        _statistic(
            "threshold",
            "Optimal threshold",
            "Halfway between the last score called positive and the next, where sensitivity + specificity "
            "- 1 is largest; of equal ones that with the higher specificity.",
            "same",
        ),
        _statistic(
            "youden_index",
            "Largest Youden index",
            "Sensitivity + specificity - 1 at the optimal threshold.",
            "none",
        ),
        _statistic(
            "sensitivity", "Sensitivity at the threshold", "Share of positives that the threshold finds."
        ),
        _statistic(
            "specificity", "Specificity at the threshold", "Share of negatives that the threshold leaves."
        ),
    )
    parameters = (DIRECTION,)
    citations = (YOUDEN, PERKINS)
    undefined = "No threshold between two scores is better than calling every unit alike."
    note = _OPTIMISM

    def shape(self, rows: ScoreRows, given: dict[str, Any]) -> Shape:
        """Threshold, index, sensitivity, specificity."""
        del given
        return partial(best_threshold, values=rows.values)


class AveragePrecision(CurveMetric):
    """Average precision; the plain function is `average_precision`."""

    name = "average_precision"
    title = "Average precision"
    summary = "Area under the precision-recall curve as a sum of steps; depends on the prevalence."
    headline = "average_precision"
    statistics = (
        _statistic(
            "average_precision",
            title,
            "Sum over thresholds, the strictest first, of the gain in recall (sensitivity) times the "
            "precision (PPV) there; not interpolated. A score without information has the prevalence.",
        ),
    )
    parameters = (DIRECTION,)
    citations = (DAVIS,)

    def shape(self, rows: ScoreRows, given: dict[str, Any]) -> Shape:
        """The sum of steps."""
        del rows, given
        return average_precision


class PrecisionRecallArea(CurveMetric):
    """Area under the interpolated precision-recall curve; the plain function is `pr_auc`."""

    name = "pr_auc"
    title = "Area under the precision-recall curve (Davis & Goadrich)"
    summary = (
        "Precision averaged over recall along the curve that the ROC curve implies; depends on prevalence."
    )
    headline = "pr_auc"
    statistics = (
        _statistic(
            "pr_auc",
            title,
            "Area under precision (PPV) against recall (sensitivity), between thresholds along the points "
            "that the straight pieces of the ROC curve pass through (Davis & Goadrich), integrated exactly. "
            "A score without information has the prevalence.",
        ),
    )
    parameters = (DIRECTION,)
    citations = (DAVIS, KEILWAGEN)

    def shape(self, rows: ScoreRows, given: dict[str, Any]) -> Shape:
        """The integral."""
        del rows, given
        return precision_recall_area


PARTIAL_AUC = PartialArea()
SENSITIVITY_AT = SensitivityAtSpecificity()
SPECIFICITY_AT = SpecificityAtSensitivity()
OPTIMAL_THRESHOLD = OptimalThreshold()
AVERAGE_PRECISION = AveragePrecision()
PR_AUC = PrecisionRecallArea()
METRICS: tuple[Metric, ...] = (
    PARTIAL_AUC, SENSITIVITY_AT, SPECIFICITY_AT, OPTIMAL_THRESHOLD, AVERAGE_PRECISION, PR_AUC,
)  # fmt: skip
