"""Plain functions of what is read off ROC and precision-recall curves, and the curves themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, evaluate
from ..metric import CannotComputeError, FloatArray, Metric, MetricResult, Sides
from .area import empty_class, scored
from .counts import Direction, ScoreRows
from .points import (
    AVERAGE_PRECISION,
    OPTIMAL_THRESHOLD,
    PARTIAL_AUC,
    PR_AUC,
    SENSITIVITY_AT,
    SPECIFICITY_AT,
)
from .shapes import Focus, vertices


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve of a score, vertex by vertex, the strictest threshold first.

    A unit is called positive where its score lies beyond the threshold: above it, or below it if `lower`
    scores speak for a positive. Thresholds lie halfway between scores; the first and last are infinite.

    Attributes:
        thresholds: (G + 1,) of each vertex.
        sensitivity: (G + 1,) share of the positives called positive (recall).
        specificity: (G + 1,) share of the negatives not called positive.
        precision: (G + 1,) share of positives among those called; NaN at the first vertex, where none is.
        direction: Which scores speak for a positive.
    """

    thresholds: FloatArray
    sensitivity: FloatArray
    specificity: FloatArray
    precision: FloatArray
    direction: Direction


def roc_curve(
    reference: ArrayLike,
    score: ArrayLike,
    *,
    positive: Any = None,
    direction: Direction = "higher",
    subject: Any = None,
    weights: ArrayLike | None = None,
) -> Curve:
    """The empirical ROC curve, and precision beside it, at every threshold that tells scores apart.

    `sensitivity` against 1 - `specificity` is the ROC curve, `precision` against `sensitivity` the
    precision-recall curve.

    Args:
        reference: (n,) values of the reference.
        score: (n,) numbers of the index test.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        direction: `higher` scores (default) or `lower` ones speak for a positive. Never chosen from the data.
        subject: (n,) subject labels; the curve does not depend on them.
        weights: (n,) row weights, of which only the ratios matter.

    Raises:
        CannotComputeError: A class is empty.
        ValueError: Lengths differ, a value is missing, or the reference needs `positive`.

    Example:
        >>> curve = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8])
        >>> curve.thresholds.round(2).tolist(), curve.sensitivity.tolist(), curve.specificity.tolist()
        ([inf, 0.6, 0.25, -inf], [0.0, 0.5, 1.0, 1.0], [1.0, 1.0, 0.5, 0.0])
    """
    columns, _ = scored(reference, score, positive, subject, weights)
    checks.parameters(OPTIMAL_THRESHOLD, {"direction": direction})
    rows = ScoreRows.of(columns, direction)
    p, n = rows.steps
    if not p.sum() or not n.sum():
        raise CannotComputeError(empty_class(columns))
    seen = p + n > 0  # rows without weight make no vertex
    p, n, values = p[seen], n[seen], rows.values[seen]
    sensitivity, false = vertices(p[None, :], n[None, :])
    found, called = np.cumsum(p), np.cumsum(p + n)
    beyond = np.inf if direction == "higher" else -np.inf
    between = values[:-1] + np.diff(values) / 2
    return Curve(
        thresholds=np.concatenate([[beyond], between, [-beyond]]),
        sensitivity=sensitivity[0],
        specificity=1 - false[0],
        precision=np.concatenate([[np.nan], found / called]),
        direction=direction,
    )


def partial_auc(
    reference: ArrayLike,
    score: ArrayLike,
    *,
    focus: Focus = "specificity",
    low: float,
    high: float = 1.0,
    positive: Any = None,
    direction: Direction = "higher",
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Partial area under the ROC curve over a range of specificity or sensitivity (McClish 1989).

    The raw area, and the corrected one that is 0.5 for no discrimination and 1 for perfect: (1 + (area -
    least) / (most - least)) / 2, with the areas under the diagonal and under a perfect curve.


    Args:
        reference: (n,) values of the reference.
        score: (n,) numbers of the index test.
        focus: The range is one of `specificity` (default) or of `sensitivity`.
        low: Lower end of the range, such as 0.9.
        high: Upper end of the range.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        direction: `higher` scores (default) or `lower` ones speak for a positive. Never chosen from the data.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        ci: `bootstrap_percentile` (default) or `bootstrap_bca`, both over subjects.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing, the reference needs `positive`, or a parameter is not
            acceptable.

    Example:
        >>> found = partial_auc([0, 0, 0, 1, 1], [1, 2, 4, 3, 5], low=0.5, replicates=200)
        >>> round(found["partial_auc"].value, 4), round(found["partial_auc_corrected"].value, 4)
        (0.3333, 0.7778)
    """
    return _read(
        PARTIAL_AUC, reference, score,
        {"focus": focus, "low": low, "high": high, "direction": direction},
        positive=positive, subject=subject,
        weights=weights, ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def sensitivity_at_specificity(
    reference: ArrayLike,
    score: ArrayLike,
    *,
    specificity: float,
    positive: Any = None,
    direction: Direction = "higher",
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Sensitivity at a fixed specificity: attained by a threshold, and interpolated (Pepe 2003, ch. 4).

    `attained` is the largest sensitivity of a threshold with at least that specificity. `interpolated` lies
    on the straight line between vertices of the curve, as `coords` of R's pROC gives; with ties no threshold
    may attain it. The threshold is found again in every replicate; a threshold fixed beforehand is
    `sensitivity` of a classifier.


    Args:
        reference: (n,) values of the reference.
        score: (n,) numbers of the index test.
        specificity: The specificity asked for, such as 0.9.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        direction: `higher` scores (default) or `lower` ones speak for a positive. Never chosen from the data.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        ci: `bootstrap_percentile`, over subjects (BCa needs a jackknife, which fails at single points).
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing, the reference needs `positive`, or a parameter is not
            acceptable.

    Example:
        >>> found = sensitivity_at_specificity(
        ...     [0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 4, 6], specificity=0.8, replicates=200
        ... )
        >>> round(found["sensitivity_attained"].value, 4), round(found["sensitivity_interpolated"].value, 4)
        (0.3333, 0.5333)
    """
    return _read(
        SENSITIVITY_AT, reference, score,
        {"specificity": specificity, "direction": direction},
        positive=positive, subject=subject,
        weights=weights, ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def specificity_at_sensitivity(
    reference: ArrayLike,
    score: ArrayLike,
    *,
    sensitivity: float,
    positive: Any = None,
    direction: Direction = "higher",
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Specificity at a fixed sensitivity: attained by a threshold, and interpolated (Pepe 2003, ch. 4).

    As `sensitivity_at_specificity`, the other way round.


    Args:
        reference: (n,) values of the reference.
        score: (n,) numbers of the index test.
        sensitivity: The sensitivity asked for, such as 0.9.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        direction: `higher` scores (default) or `lower` ones speak for a positive. Never chosen from the data.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        ci: `bootstrap_percentile`, over subjects (BCa needs a jackknife, which fails at single points).
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing, the reference needs `positive`, or a parameter is not
            acceptable.

    Example:
        >>> found = specificity_at_sensitivity(
        ...     [0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 4, 6], sensitivity=0.5, replicates=200
        ... )
        >>> round(found["specificity_attained"].value, 4), round(found["specificity_interpolated"].value, 4)
        (0.6667, 0.8333)
    """
    return _read(
        SPECIFICITY_AT, reference, score,
        {"sensitivity": sensitivity, "direction": direction},
        positive=positive, subject=subject,
        weights=weights, ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def optimal_threshold(
    reference: ArrayLike,
    score: ArrayLike,
    *,
    positive: Any = None,
    direction: Direction = "higher",
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Threshold with the largest Youden index, sensitivity + specificity - 1 (Youden 1950).

    Halfway between the last score called positive and the next; of equal indices the one with the higher
    specificity. The threshold is sought again in every replicate, so its interval shows how little it is
    determined. Index, sensitivity and specificity at a threshold chosen on the same data are too good.


    Args:
        reference: (n,) values of the reference.
        score: (n,) numbers of the index test.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        direction: `higher` scores (default) or `lower` ones speak for a positive. Never chosen from the data.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        ci: `bootstrap_percentile`, over subjects (BCa needs a jackknife, which fails at single points).
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing, the reference needs `positive`, or a parameter is not
            acceptable.

    Example:
        >>> found = optimal_threshold([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6], replicates=200)
        >>> found["threshold"].value, round(found["youden_index"].value, 4)
        (4.5, 0.6667)
    """
    return _read(
        OPTIMAL_THRESHOLD, reference, score, {"direction": direction}, positive=positive, subject=subject,
        weights=weights, ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def average_precision(
    reference: ArrayLike,
    score: ArrayLike,
    *,
    positive: Any = None,
    direction: Direction = "higher",
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Average precision: the sum of (gain in recall) * precision over thresholds, the strictest first.

    Not interpolated, so that it is no more optimistic than the data; with heavy ties the trapezoid and the
    curve of Davis & Goadrich (`pr_auc`) are larger. It depends on the prevalence of the sample, which is its
    value for a score without information.


    Args:
        reference: (n,) values of the reference.
        score: (n,) numbers of the index test.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        direction: `higher` scores (default) or `lower` ones speak for a positive. Never chosen from the data.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        ci: `bootstrap_percentile` (default) or `bootstrap_bca`, both over subjects.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing, the reference needs `positive`, or a parameter is not
            acceptable.

    Example:
        >>> found = average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], replicates=200)
        >>> round(found["average_precision"].value, 4)
        0.8333
    """
    return _read(
        AVERAGE_PRECISION, reference, score, {"direction": direction}, positive=positive, subject=subject,
        weights=weights, ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def pr_auc(
    reference: ArrayLike,
    score: ArrayLike,
    *,
    positive: Any = None,
    direction: Direction = "higher",
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Area under the precision-recall curve after Davis & Goadrich (2006), integrated exactly.

    Between thresholds the curve follows the straight pieces of the ROC curve, on which precision is no
    straight line of recall. Where precision falls from one threshold to the next, as with heavy ties, it is
    larger than `average_precision`, which steps down at once, and smaller than the trapezoid, which is too
    optimistic; where precision rises it is the other way round. Davis and Goadrich
    add up trapezoids from one true positive to the next, which is this area but for their straight lines
    (Keilwagen 2014). It depends on the prevalence of the sample.

    Arguments and errors as for `average_precision`.

    Example:
        >>> found = pr_auc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8], replicates=200)
        >>> round(found["pr_auc"].value, 4)
        0.8873
    """
    return _read(
        PR_AUC, reference, score, {"direction": direction}, positive=positive, subject=subject,
        weights=weights, ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def _read(
    metric: Metric,
    reference: ArrayLike,
    score: ArrayLike,
    parameters: dict[str, Any],
    *,
    positive: Any,
    subject: Any,
    weights: ArrayLike | None,
    ci: str | None,
    level: float,
    sides: Sides,
    replicates: int,
    seed: int,
) -> MetricResult:
    columns, keys = scored(reference, score, positive, subject, weights)
    return evaluate(
        metric, columns, keys, average="pooled", parameters=parameters, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip
