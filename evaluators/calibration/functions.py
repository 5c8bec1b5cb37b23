"""Plain functions of calibration: Brier score, intercept and slope, smoothed curve, decision curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate
from ..intervals import wilson
from ..metric import CannotComputeError, FloatArray, IntArray, Metric, MetricResult, Sides
from ..roc.area import empty_class, scored
from .fit import CALIBRATION_SLOPE
from .scores import BRIER_DECOMPOSITION, BRIER_SCORE, LOG_LOSS, NET_BENEFIT, bin_of, probability_columns
from .smooth import CALIBRATION_INDEX, Smoother

FEWER_REPLICATES = 1_000
"""Replicates where a curve is smoothed again for each, which takes a thousand times as long as adding up."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """A reliability curve, bin by bin; bins without rows are left out.

    Attributes:
        predicted: (K,) mean predicted probability.
        observed: (K,) share of positives.
        lower: (K,) lower bound of the share (Wilson; units taken as independent).
        upper: (K,) upper bound.
        n_units: (K,) rows.
        n_events: (K,) positives among them.
        level: Confidence level of the bounds.
    """

    predicted: FloatArray
    observed: FloatArray
    lower: FloatArray
    upper: FloatArray
    n_units: IntArray
    n_events: IntArray
    level: float


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit over threshold probabilities.

    Attributes:
        thresholds: (K,) threshold probabilities.
        net_benefit: (K,) of acting on the prediction.
        treat_all: (K,) of acting on everyone; acting on no one has 0.
        interventions_avoided: (K,) net, against acting on everyone, as a share of all units.
    """

    thresholds: FloatArray
    net_benefit: FloatArray
    treat_all: FloatArray
    interventions_avoided: FloatArray


def reliability_curve(
    reference: ArrayLike,
    probability: ArrayLike,
    *,
    positive: Any = None,
    bins: int = 10,
    level: float = 0.95,
) -> Reliability:
    """Observed share of positives against mean prediction, in bins of equal width.

    Args:
        reference: (n,) values of the reference.
        probability: (n,) predicted probabilities of a positive, 0 to 1.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        bins: Number of bins of equal width from 0 to 1.
        level: Confidence level of the Wilson bounds, which take units for independent.

    Raises:
        CannotComputeError: There are no rows.
        ValueError: Lengths differ, a value is missing or no probability, or `bins` is not acceptable.

    Example:
        >>> curve = reliability_curve([0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.8, 0.9], bins=2)
        >>> curve.predicted.round(4).tolist(), curve.observed.round(4).tolist()
        ([0.2, 0.7667], [0.3333, 0.6667])
    """
    columns, _ = scored(reference, probability, positive, None, None)
    columns = probability_columns(BRIER_DECOMPOSITION, columns, "pooled", {"bins": bins})
    if not len(columns.test):
        raise CannotComputeError(empty_class(columns))
    own = bin_of(columns.test, bins)
    units = np.bincount(own, minlength=bins)
    events = np.bincount(own[columns.reference == 1], minlength=bins)
    sums = np.bincount(own, weights=columns.test, minlength=bins)
    some = units > 0
    lower, upper = wilson(events[some], units[some], level)
    return Reliability(
        predicted=sums[some] / units[some],
        observed=events[some] / units[some],
        lower=np.asarray(lower),
        upper=np.asarray(upper),
        n_units=units[some],
        n_events=events[some],
        level=level,
    )


def decision_curve(
    reference: ArrayLike,
    probability: ArrayLike,
    *,
    thresholds: Sequence[float],
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
) -> DecisionCurve:
    """Net benefit at several threshold probabilities; one with its interval is `net_benefit`.

    Args:
        reference: (n,) values of the reference.
        probability: (n,) predicted probabilities of a positive, 0 to 1.
        thresholds: Threshold probabilities, above 0 and below 1.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        subject: (n,) subject labels; the curve does not depend on them.
        weights: (n,) row weights, of which only the ratios matter.

    Raises:
        CannotComputeError: There are no rows.
        ValueError: Lengths differ, a value is missing or no probability, or a threshold is not acceptable.

    Example:
        >>> curve = decision_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], thresholds=[0.2, 0.5])
        >>> curve.net_benefit.round(4).tolist(), curve.treat_all.round(4).tolist()
        ([0.4375, 0.25], [0.375, 0.0])
    """
    columns, _ = scored(reference, probability, positive, subject, weights)
    if not len(columns.test):
        raise CannotComputeError(empty_class(columns))
    found = np.array(
        [NET_BENEFIT.prepare(columns, threshold=float(one)).estimate() for one in thresholds]
    ).reshape(-1, 4)
    return DecisionCurve(np.asarray(thresholds, dtype=np.float64), found[:, 0], found[:, 1], found[:, 3])


def brier_score(
    reference: ArrayLike,
    probability: ArrayLike,
    *,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Brier score, mean of (prediction - outcome)^2, with its scaled form and observed over expected.

    Smaller is better; it falls with the prevalence whatever the prediction, which the scaled form takes
    off: 1 - Brier / (r (1 - r)), r the share of positives (Brier 1950; Steyerberg 2010).


    Args:
        reference: (n,) values of the reference.
        probability: (n,) predicted probabilities of a positive, 0 to 1.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        ci: `cluster_t` (default), `t` where every subject has one row, `bootstrap_percentile` or
            `bootstrap_bca`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing or no probability, the reference needs `positive`, or a
            parameter is not acceptable.

    Example:
        >>> found = brier_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        >>> round(found["brier"].value, 4), round(found["brier_scaled"].value, 4)
        (0.1581, 0.3675)
    """
    return _read(
        BRIER_SCORE, reference, probability, {}, positive=positive, subject=subject,
        weights=weights, ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def log_loss(
    reference: ArrayLike,
    probability: ArrayLike,
    *,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Logarithmic score: minus the mean log of the probability given to what happened (Good 1952).

    Natural logarithm; smaller is better. Infinite where something happened to which a probability of 0 was
    given: no value, with that reason. Probabilities are not cut off at some small number, which would decide
    the result.

    Arguments and errors as for `brier_score`; source: Good IJ. Rational decisions. J R Stat Soc B
    1952;14:107-114.

    Example:
        >>> round(log_loss([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])["log_loss"].value, 4)
        0.4723
    """
    return _read(
        LOG_LOSS, reference, probability, {}, positive=positive, subject=subject,
        weights=weights, ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def brier_decomposition(
    reference: ArrayLike,
    probability: ArrayLike,
    *,
    bins: int = 10,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Brier score in parts: reliability - resolution + uncertainty + within bins (Murphy 1973).

    The fourth part is what predictions differ within a bin (Stephenson 2008 split it further); without it
    the parts add up only where all predictions of a bin are equal. `ece` is the expected calibration error of
    the same bins. All depend on the bins.


    Args:
        reference: (n,) values of the reference.
        probability: (n,) predicted probabilities of a positive, 0 to 1.
        bins: Number of bins of equal width from 0 to 1.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        ci: `cluster_t` (default), `t` where every subject has one row, `bootstrap_percentile` or
            `bootstrap_bca`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing or no probability, the reference needs `positive`, or a
            parameter is not acceptable.

    Example:
        >>> found = brier_decomposition([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], bins=2)
        >>> rel, res, unc, within, _ = (estimate.value for estimate in found.values())
        >>> round(rel - res + unc + within, 4)
        0.1581
    """
    return _read(
        BRIER_DECOMPOSITION, reference, probability, {"bins": bins}, positive=positive, subject=subject,
        weights=weights, ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def net_benefit(
    reference: ArrayLike,
    probability: ArrayLike,
    *,
    threshold: float,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Net benefit at a threshold probability (Vickers & Elkin 2006).

    (TP - FP t / (1 - t)) / n where the prediction is at least t, that of treating all, the difference of
    both, and the net interventions avoided.


    Args:
        reference: (n,) values of the reference.
        probability: (n,) predicted probabilities of a positive, 0 to 1.
        threshold: Threshold probability t at which harm and benefit of acting balance.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        ci: `cluster_t` (default), `t` where every subject has one row, `bootstrap_percentile` or
            `bootstrap_bca`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing or no probability, the reference needs `positive`, or a
            parameter is not acceptable.

    Example:
        >>> found = net_benefit([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], threshold=0.2)
        >>> round(found["net_benefit"].value, 4), round(found["over_treat_all"].value, 4)
        (0.4375, 0.0625)
    """
    return _read(
        NET_BENEFIT, reference, probability, {"threshold": threshold}, positive=positive, subject=subject,
        weights=weights, ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def calibration_slope(
    reference: ArrayLike,
    probability: ArrayLike,
    *,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Calibration in the large, intercept and slope, by logistic regression (Cox 1958).

    `in_the_large`: outcome with the logit of the prediction as offset. `intercept` and `slope`: outcome on
    the logit of the prediction. They are not the same intercept; say which. A prediction of 0 or 1 has an
    infinite logit: no value, with that reason.


    Args:
        reference: (n,) values of the reference.
        probability: (n,) predicted probabilities of a positive, 0 to 1.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        ci: `cluster_t` (robust, subjects as clusters; default), `glm_wald` (model's own error, units taken
            for independent), `bootstrap_percentile` or `bootstrap_bca` (fitted again for each replicate).
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing or no probability, the reference needs `positive`, or a
            parameter is not acceptable.

    Example:
        >>> outcome, predicted = [0, 0, 1, 0, 1, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
        >>> round(calibration_slope(outcome, predicted)["slope"].value, 3)
        0.988
    """
    return _read(
        CALIBRATION_SLOPE, reference, probability, {}, positive=positive, subject=subject,
        weights=weights, ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def calibration_index(
    reference: ArrayLike,
    probability: ArrayLike,
    *,
    smoother: Smoother = "lowess",
    positive: Any = None,
    subject: Any = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = FEWER_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Integrated calibration index with E50, E90 and the largest distance (Austin & Steyerberg 2019).

    Mean, median, 90th percentile (linear interpolation) and maximum over units of the distance between
    prediction and smoothed outcome. The default smoother is that of `rms::val.prob` in R, which the paper
    does not use; with the paper's `loess` the values differ by tens of percent. Say which one it was.


    Args:
        reference: (n,) values of the reference.
        probability: (n,) predicted probabilities of a positive, 0 to 1.
        smoother: `lowess` (default): locally linear, span 2/3, no outlier rejection. `loess`: locally
            quadratic, span 0.75, with the vertices and the interpolation of R's `loess`.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        ci: `bootstrap_percentile`, smoothed again for each replicate.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing or no probability, the reference needs `positive`, or a
            parameter is not acceptable.

    Example:
        >>> outcome, predicted = [0, 0, 1, 0, 1, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
        >>> round(calibration_index(outcome, predicted, replicates=100)["ici"].value, 3)
        0.122
    """
    return _read(
        CALIBRATION_INDEX, reference, probability, {"smoother": smoother}, positive=positive, subject=subject,
        weights=None, ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def _read(
    metric: Metric,
    reference: ArrayLike,
    probability: ArrayLike,
    parameters: dict[str, Any],
    *,
    positive: Any,
    subject: Any,
    weights: ArrayLike | None,
    ci: Method,
    level: float,
    sides: Sides,
    replicates: int,
    seed: int,
) -> MetricResult:
    columns, keys = scored(reference, probability, positive, subject, weights)
    return evaluate(
        metric, columns, keys, average="pooled", parameters=parameters, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip
