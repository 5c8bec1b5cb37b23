"""Predicted probabilities against what happened, by sums: Brier score, its parts, and net benefit.

All are smooth functions of per-subject sums. The columns are a binary reference and a predicted probability
of a positive, from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .. import checks
from ..additive import AdditivePrepared, Formula, row_weights, subject_sums
from ..metric import (
    Average,
    Citation,
    Columns,
    Counts,
    FloatArray,
    IntArray,
    Metric,
    Parameter,
    Statistic,
    Unit,
)
from ..roc.area import score_columns

BRIER = Citation(
    "brier1950",
    "Brier GW. Verification of forecasts expressed in terms of probability. Mon Weather Rev 1950;78:1-3.",
)
MURPHY = Citation(
    "murphy1973",
    "Murphy AH. A new vector partition of the probability score. J Appl Meteorol 1973;12:595-600.",
)
STEPHENSON = Citation(
    "stephenson2008",
    "Stephenson DB, Coelho CAS, Jolliffe IT. Two extra components in the Brier score decomposition. "
    "Weather Forecast 2008;23:752-757.",
)
STEYERBERG = Citation(
    "steyerberg2010",
    "Steyerberg EW, Vickers AJ, Cook NR, et al. Assessing the performance of prediction models. "
    "Epidemiology 2010;21:128-138.",
)
VICKERS = Citation(
    "vickers2006",
    "Vickers AJ, Elkin EB. Decision curve analysis: a novel method for evaluating prediction models. "
    "Med Decis Making 2006;26:565-574.",
)
GOOD = Citation("good1952", "Good IJ. Rational decisions. J R Stat Soc B 1952;14:107-114.")
INTERVALS = ("cluster_t", "t", "bootstrap_percentile", "bootstrap_bca")
NOT_PROBABILITIES = (
    "`test` must hold probabilities from 0 to 1; {count:,} values lie outside, first at row {first}."
)


def probability_columns(
    metric: Metric, columns: Columns, average: str, parameters: dict[str, Any]
) -> Columns:
    """The columns of a metric of predicted probabilities, checked.

    Raises:
        ValueError: Values outside 0 to 1, or see `roc.area.score_columns`.
    """
    checked = score_columns(metric, columns, average, parameters)
    outside = np.flatnonzero((checked.test < 0) | (checked.test > 1))
    if len(outside):
        raise ValueError(NOT_PROBABILITIES.format(count=len(outside), first=int(outside[0])))
    return checked


def _safe(top: NDArray[Any], bottom: NDArray[Any]) -> NDArray[Any]:
    """Top / bottom, and 0 where an empty bin makes it 0/0."""
    empty = bottom.real == 0
    return np.asarray(np.where(empty, 0.0, top / np.where(empty, 1.0, bottom)))


def _brier(totals: NDArray[Any]) -> NDArray[Any]:
    """From n, events, sum of predictions and of squared errors."""
    n, events, predicted, squares = (totals[..., i] for i in range(4))
    rate = events / n
    brier = squares / n
    return np.stack([brier, 1 - brier / (rate * (1 - rate)), events / predicted], axis=-1)


def _log_loss(totals: NDArray[Any]) -> NDArray[Any]:
    """From n, the finite losses, and the number of infinite ones."""
    n, loss, impossible = (totals[..., i] for i in range(3))
    return np.asarray(np.where(impossible.real > 0, np.nan, loss / n))[..., None]


@dataclass(frozen=True)
class Decomposition:
    """From n, events, predictions and squared errors of each bin to the parts of the Brier score."""

    bins: int

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Reliability, resolution, uncertainty, within bins, expected calibration error."""
        n, y, p, squares = (totals[..., i * self.bins : (i + 1) * self.bins] for i in range(4))
        size, rate = n.sum(axis=-1), y.sum(axis=-1) / n.sum(axis=-1)
        observed, predicted = _safe(y, n), _safe(p, n)
        gap = predicted - observed
        reliability = (n * gap**2).sum(axis=-1) / size
        resolution = (n * (observed - rate[..., None]) ** 2).sum(axis=-1) / size
        uncertainty = rate * (1 - rate)
        within = squares.sum(axis=-1) / size - reliability + resolution - uncertainty
        apart = (n * np.where(gap.real < 0, -gap, gap)).sum(axis=-1) / size
        return np.stack([reliability, resolution, uncertainty, within, apart], axis=-1)


@dataclass(frozen=True)
class NetBenefit:
    """From n, events, true and false positives at the threshold to the net benefits."""

    threshold: float

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Of the prediction, of treating all, their difference, and interventions avoided."""
        n, events, tp, fp = (totals[..., i] for i in range(4))
        odds = self.threshold / (1 - self.threshold)
        own, everyone = (tp - fp * odds) / n, (events - (n - events) * odds) / n
        return np.stack([own, everyone, own - everyone, (own - everyone) / odds], axis=-1)


@dataclass(frozen=True, eq=False, kw_only=True)
class ProbabilityPrepared(AdditivePrepared):
    """Sums of each subject.

    Attributes:
        events: (S,) reference positives of each subject, as counted.
    """

    events: IntArray

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, rows, and reference positives among them."""
        return Counts(super().counts(statistic).n_subjects, int(self.units.sum()), int(self.events.sum()))

    def subset(self, chosen: NDArray[Any]) -> Self:
        """The chosen subjects only; see `AdditivePrepared.subset`."""
        return replace(super().subset(chosen), events=self.events[chosen])

    def concat(self, *others: Self) -> Self:
        """These subjects and others; see `AdditivePrepared.concat`."""
        events = np.concatenate([part.events for part in (self, *others)])
        return replace(super().concat(*others), events=events)

    def reason_undefined(self, statistic: str) -> str:
        """No rows, one class only, or nothing predicted."""
        if not np.any(self.active):
            return "There are no rows."
        if statistic == "log_loss":
            count = int(np.count_nonzero(self.totals[:, 2]))
            return (
                f"The loss is infinite: in {count:,} subjects something happened to which a probability of 0 "
                "was given."
            )
        if statistic == "observed_expected":
            return "All predicted probabilities are 0."
        return "The reference has one class only; its variance, which this is divided by, is 0."


def _prepared(
    columns: Columns, rows: tuple[FloatArray, ...], names: tuple[str, ...], metric: Metric, formula: Formula
) -> ProbabilityPrepared:
    weights = row_weights(columns)
    sums = [subject_sums(values * weights, columns.offsets) for values in rows]
    return ProbabilityPrepared(
        totals=np.stack(sums, axis=1),
        names=names,
        statistics=tuple(statistic.name for statistic in metric.statistics),
        formula=formula,
        units=np.diff(columns.offsets),
        weighted=columns.weights is not None,
        events=subject_sums(columns.reference == 1, columns.offsets).astype(np.int64),
    )


def _statistic(
    name: str, title: str, definition: str, *, better: str = "lower", unit: Unit = "none"
) -> Statistic:
    return Statistic(name, title, definition, unit, better, INTERVALS)  # type: ignore[arg-type]


class BrierScore(Metric):
    """Mean squared error of predicted probabilities; the plain function is `brier_score`."""

    name = "brier_score"
    title = "Brier score"
    summary = "Mean squared difference of predicted probability and outcome; observed over expected."
    kind = "score"
    route = "additive"
    headline = "brier"
    statistics = (
        _statistic("brier", "Brier score", "Mean of (predicted probability - outcome)^2."),
        _statistic(
            "brier_scaled",
            "Scaled Brier score",
            "1 - Brier score / (r (1 - r)), r the share of positives in the sample: 0 for predicting r for "
            "every unit, 1 for perfect.",
            better="higher",
        ),
        _statistic(
            "observed_expected",
            "Observed over expected",
            "Number of positives over the sum of predicted probabilities; 1 is best.",
            better="none",
        ),
    )
    citations = (BRIER, STEYERBERG)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> ProbabilityPrepared:
        """Add up the rows of each subject.

        Raises:
            ValueError: See `probability_columns`.
        """
        columns = probability_columns(self, columns, average, parameters)
        y, p = columns.reference.astype(np.float64), columns.test
        rows = (np.ones(len(y)), y, p, np.square(p - y))
        return _prepared(columns, rows, ("n", "events", "predicted", "squares"), self, _brier)


class LogLoss(Metric):
    """Logarithmic score of predicted probabilities; the plain function is `log_loss`."""

    name = "log_loss"
    title = "Logarithmic score"
    summary = "Minus the mean log of the probability given to what happened."
    kind = "score"
    route = "additive"
    headline = "log_loss"
    statistics = (
        _statistic(
            "log_loss",
            title,
            "Mean of -ln(p) for positives and -ln(1 - p) for negatives, p the predicted probability; not cut "
            "off, so infinite where what happened had a probability of 0.",
        ),
    )
    citations = (GOOD, STEYERBERG)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> ProbabilityPrepared:
        """Add up the rows of each subject.

        Raises:
            ValueError: See `probability_columns`.
        """
        columns = probability_columns(self, columns, average, parameters)
        positive, p = columns.reference == 1, columns.test
        impossible = p == np.where(positive, 0.0, 1.0)
        loss = np.zeros(len(p))
        np.log(p, out=loss, where=positive & ~impossible)
        np.log1p(-p, out=loss, where=~positive & ~impossible)
        rows = (np.ones(len(p)), -loss, impossible.astype(np.float64))
        return _prepared(columns, rows, ("n", "loss", "impossible"), self, _log_loss)


class BrierDecomposition(Metric):
    """Reliability, resolution, uncertainty; the plain function is `brier_decomposition`."""

    name = "brier_decomposition"
    title = "Decomposition of the Brier score"
    summary = (
        "Brier score = reliability - resolution + uncertainty + within bins; expected calibration error."
    )
    kind = "score"
    route = "additive"
    headline = "reliability"
    statistics = (
        _statistic(
            "reliability",
            "Reliability (calibration)",
            "Mean over units of (mean prediction - observed share)^2 of their bin.",
        ),
        _statistic(
            "resolution",
            "Resolution (refinement)",
            "Mean over units of (observed share of their bin - share of positives in the sample)^2.",
            better="higher",
        ),
        _statistic(
            "uncertainty", "Uncertainty", "r (1 - r), r the share of positives in the sample.", better="none"
        ),
        _statistic(
            "within_bins",
            "Within bins",
            "Brier score - reliability + resolution - uncertainty: what predictions differ within bins.",
            better="none",
        ),
        _statistic(
            "ece",
            "Expected calibration error",
            "Mean over units of |mean prediction - observed share| of their bin; grows with the number of "
            "bins.",
        ),
    )
    parameters = (
        Parameter(
            "bins",
            "integer",
            "Number of bins of equal width from 0 to 1, the upper edge belonging to the next bin.",
            default=10,
            minimum=1,
            maximum=1000,
        ),
    )
    citations = (MURPHY, STEPHENSON)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> ProbabilityPrepared:
        """Add up the rows of each subject and bin.

        Raises:
            ValueError: See `probability_columns`, or `bins` is not acceptable.
        """
        columns = probability_columns(self, columns, average, parameters)
        bins = int(checks.parameters(self, parameters)["bins"])
        y, p = columns.reference.astype(np.float64), columns.test
        whose = np.repeat(np.arange(columns.n_subjects), np.diff(columns.offsets))
        cell, weights = whose * bins + bin_of(p, bins), row_weights(columns)
        shape = (columns.n_subjects, bins)
        sums = [
            np.bincount(cell, weights=values * weights, minlength=shape[0] * shape[1]).reshape(shape)
            for values in (np.ones(len(y)), y, p, np.square(p - y))
        ]
        words = ("n", "events", "predicted", "squares")
        return ProbabilityPrepared(
            totals=np.hstack(sums),
            names=tuple(f"{word} {k}" for word in words for k in range(bins)),
            statistics=tuple(statistic.name for statistic in self.statistics),
            formula=Decomposition(bins),
            units=np.diff(columns.offsets),
            weighted=columns.weights is not None,
            events=subject_sums(columns.reference == 1, columns.offsets).astype(np.int64),
        )


class DecisionNetBenefit(Metric):
    """Net benefit at a threshold probability; the plain function is `net_benefit`."""

    name = "net_benefit"
    title = "Net benefit"
    summary = "True positives less false positives at the exchange rate of a threshold probability."
    kind = "score"
    route = "additive"
    headline = "net_benefit"
    statistics = (
        _statistic(
            "net_benefit",
            title,
            "(TP - FP t / (1 - t)) / n, positive where the prediction is at least the threshold t.",
            better="higher",
        ),
        _statistic(
            "treat_all",
            "Net benefit of treating all",
            "r - (1 - r) t / (1 - t), r the share of positives in the sample.",
            better="none",
        ),
        _statistic(
            "over_treat_all",
            "Net benefit over treating all",
            "Net benefit less that of treating all; treating none has 0.",
            better="higher",
        ),
        _statistic(
            "interventions_avoided",
            "Net interventions avoided",
            "(Net benefit less that of treating all) (1 - t) / t: a share of all units.",
            better="higher",
        ),
    )
    parameters = (
        Parameter(
            "threshold",
            "number",
            "Threshold probability t at which harm and benefit of acting balance. No default: it is a value "
            "judgement.",
            minimum=0.0001,
            maximum=0.9999,
        ),
    )
    citations = (VICKERS,)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> ProbabilityPrepared:
        """Count the rows of each subject.

        Raises:
            ValueError: See `probability_columns`, or `threshold` is not acceptable.
        """
        columns = probability_columns(self, columns, average, parameters)
        threshold = float(checks.parameters(self, parameters)["threshold"])
        y, called = columns.reference.astype(np.float64), columns.test >= threshold
        rows = (np.ones(len(y)), y, y * called, (1 - y) * called)
        return _prepared(columns, rows, ("n", "events", "tp", "fp"), self, NetBenefit(threshold))


BRIER_SCORE = BrierScore()
BRIER_DECOMPOSITION = BrierDecomposition()
NET_BENEFIT = DecisionNetBenefit()
LOG_LOSS = LogLoss()
METRICS: tuple[Metric, ...] = (BRIER_SCORE, BRIER_DECOMPOSITION, NET_BENEFIT, LOG_LOSS)


def bin_of(p: FloatArray, bins: int) -> NDArray[np.int64]:
    """(n,) bin of each probability, of equal width; 1 belongs to the last.

    Example:
        >>> bin_of(np.array([0.0, 0.1, 0.29, 1.0]), 10).tolist()
        [0, 1, 2, 9]
    """
    edges = np.arange(1, bins) / bins
    return np.searchsorted(edges, p, side="right").astype(np.int64)
