"""Predictive values and accuracy at a stated prevalence: what the intended users will see, not this sample.

A sample enriched with positives says nothing of predictive values by itself. Sensitivity and specificity are
carried over to a prevalence that is known from elsewhere, and taken as exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..additive import Formula
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED
from ..metric import REQUIRED, Citation, Interval, Metric, MetricResult, Parameter, Sides, Statistic
from ..proportions.clusters import joined
from ..proportions.methods import MERCALDO
from .cells import CellInterval, Cells, CellsMetric, cells_result, split
from .overall_accuracy import WeightedSumFormula, empty_class, mover_of_sum
from .table_intervals import mercaldo

ZHOU = Citation(
    "zhou2011",
    "Zhou XH, Obuchowski NA, McClish DK. Statistical Methods in Diagnostic Medicine. 2nd ed. Wiley 2011.",
)

PREVALENCE = Parameter(
    "prevalence",
    "number",
    "Share of positives among those whom the value is for, between 0 and 1; taken as known exactly.",
    default=REQUIRED,
    minimum=1e-9,
    maximum=1 - 1e-9,
)
_CLUSTERED = ("cluster_logit", "cluster_t", "bootstrap_bca", "bootstrap_percentile")


@dataclass(frozen=True)
class PredictiveFormula:
    """Bayes' theorem on sensitivity and specificity.

    Attributes:
        prevalence: Share of positives.
        negative: The negative predictive value.
    """

    prevalence: float
    negative: bool

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Correct calls of a kind over all calls of that kind, at the prevalence."""
        tp, fp, fn, tn = split(totals)
        positives, negatives = tp + fn, fp + tn
        share, rest = self.prevalence, 1 - self.prevalence
        if self.negative:
            right, wrong = tn / negatives * rest, fn / positives * share
        else:
            right, wrong = tp / positives * share, fp / negatives * rest
        return np.asarray(right / (right + wrong))[..., None]


def _mercaldo(*, negative: bool, adjusted: bool) -> CellInterval:
    def interval(
        cells: Cells, parameters: Mapping[str, Any], level: float, sides: Sides
    ) -> tuple[float, float]:
        prevalence = float(parameters["prevalence"])
        lower, upper = mercaldo(
            cells.tp,
            cells.fp,
            cells.fn,
            cells.tn,
            prevalence=prevalence,
            negative=negative,
            level=level,
            sides=sides,
            adjusted=adjusted,
        )
        counts = np.array([cells.tp, cells.fp, cells.fn, cells.tn])
        with np.errstate(all="ignore"):
            value = float(PredictiveFormula(prevalence, negative)(counts)[0])
        # that of enlarged counts may lie wholly above: of no true positive among 20, a PPV above 0.7
        return (lower, upper) if np.isnan(value) else (min(lower, value), max(upper, value))

    return interval


def _logit_intervals(*, negative: bool) -> dict[str, CellInterval]:
    return {
        "mercaldo": _mercaldo(negative=negative, adjusted=False),
        "mercaldo_adjusted": _mercaldo(negative=negative, adjusted=True),
    }


def _standardised_accuracy(
    cells: Cells, parameters: Mapping[str, Any], level: float, sides: Sides
) -> tuple[float, float]:
    share = float(parameters["prevalence"])
    return mover_of_sum(WeightedSumFormula(share, 1 - share))(cells, parameters, level, sides)


def _statistic(name: str, title: str, definition: str, intervals: tuple[str, ...]) -> tuple[Statistic, ...]:
    return (Statistic(name, title, definition, "proportion", "higher", (*_CLUSTERED, *intervals)),)


class _AtPrevalence(CellsMetric):
    """What the three share."""

    parameters = (PREVALENCE,)
    citations: ClassVar[tuple[Citation, ...]] = (MERCALDO, ZHOU)

    def undefined(self, cells: Cells) -> str:
        """An empty class, or no call of the kind."""
        if cells.positives == 0 or cells.negatives == 0:
            return empty_class(cells)
        kind = "negatives" if self.name.startswith("npv") else "positives"
        return f"There are no test {kind}."

    def unit_interval(
        self, cells: Cells, parameters: Mapping[str, Any], method: str, level: float, sides: Sides
    ) -> Interval:
        """See `CellsMetric.unit_interval`; says where the interval is one of enlarged counts."""
        found = super().unit_interval(cells, parameters, method, level, sides)
        if method != "mercaldo" or min(cells.tp, cells.fp, cells.fn, cells.tn) > 0:
            return found
        note = "A cell is 0, so the interval is that of enlarged counts, widened to hold the estimate."
        return replace(found, warning=joined(found.warning, note))


class PpvAtPrevalence(_AtPrevalence):
    """Positive predictive value; the plain function is `ppv_at_prevalence`."""

    name = "ppv_at_prevalence"
    title = "Positive predictive value at a stated prevalence"
    summary = "Share of true positives among positive calls, were positives as frequent as stated."
    headline = "ppv_at_prevalence"
    statistics = _statistic(
        "ppv_at_prevalence",
        title,
        "Se x P / (Se x P + (1 - Sp) x (1 - P)) with sensitivity and specificity from the units of all "
        "subjects and the stated prevalence P.",
        ("mercaldo", "mercaldo_adjusted"),
    )
    from_cells = _logit_intervals(negative=False)

    def formula(self, parameters: Mapping[str, Any]) -> Formula:
        """See `PredictiveFormula`."""
        return PredictiveFormula(float(parameters["prevalence"]), negative=False)


class NpvAtPrevalence(_AtPrevalence):
    """Negative predictive value; the plain function is `npv_at_prevalence`."""

    name = "npv_at_prevalence"
    title = "Negative predictive value at a stated prevalence"
    summary = "Share of true negatives among negative calls, were positives as frequent as stated."
    headline = "npv_at_prevalence"
    statistics = _statistic(
        "npv_at_prevalence",
        title,
        "Sp x (1 - P) / (Sp x (1 - P) + (1 - Se) x P) with sensitivity and specificity from the units of all "
        "subjects and the stated prevalence P.",
        ("mercaldo", "mercaldo_adjusted"),
    )
    from_cells = _logit_intervals(negative=True)

    def formula(self, parameters: Mapping[str, Any]) -> Formula:
        """See `PredictiveFormula`."""
        return PredictiveFormula(float(parameters["prevalence"]), negative=True)


class AccuracyAtPrevalence(_AtPrevalence):
    """Accuracy; the plain function is `accuracy_at_prevalence`."""

    name = "accuracy_at_prevalence"
    title = "Accuracy at a stated prevalence"
    summary = "Share of correct calls, were positives as frequent as stated."
    headline = "accuracy_at_prevalence"
    statistics = _statistic(
        "accuracy_at_prevalence",
        title,
        "P x sensitivity + (1 - P) x specificity, from all subjects' units, at the stated prevalence P.",
        ("mover_wilson",),
    )
    citations = (ZHOU,)
    from_cells = {"mover_wilson": _standardised_accuracy}  # noqa: RUF012

    def formula(self, parameters: Mapping[str, Any]) -> Formula:
        """See `WeightedSumFormula`."""
        share = float(parameters["prevalence"])
        return WeightedSumFormula(share, 1 - share)


METRICS: tuple[Metric, ...] = (PpvAtPrevalence(), NpvAtPrevalence(), AccuracyAtPrevalence())


def ppv_at_prevalence(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    prevalence: float,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Positive predictive value at a stated prevalence, by Bayes' theorem (Mercaldo et al. 2007).

    Se x P / (Se x P + (1 - Sp) x (1 - P)). Where a cell is 0, `mercaldo` is an interval of enlarged
    counts; the estimate stays that of the counts themselves (the R package `bdpv` enlarges both), and the
    interval is widened to hold it. `mercaldo_adjusted` enlarges the counts always.

    Args:
        reference: (n,) values of the reference.
        test: (n,) values of the index test.
        prevalence: Share of positives among those whom the value is for, between 0 and 1. It is taken as
            known: its own uncertainty is not in the interval.
        positive: The value, or the values, that count as positive. Default: values are 0 and 1.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        ci: `mercaldo` and `mercaldo_adjusted` (logit) take units for independent; `cluster_logit`,
            `cluster_t`, `bootstrap_bca` and `bootstrap_percentile` take subjects for clusters. Default:
            `mercaldo` where every subject has one unit, `cluster_logit` otherwise.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other is then 0 or 1.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing, values need `positive`, or a parameter is not
            acceptable (a prevalence of 0 or 1).

    Example:
        670 of 744 positives and 640 of 842 negatives called so; `bdpv::CIppvnpv` in R gives 0.2943 (0.2695
        to 0.3204) at a prevalence of 0.1.

        >>> reference, test = [1] * 744 + [0] * 842, [1] * 670 + [0] * 74 + [1] * 202 + [0] * 640
        >>> found = ppv_at_prevalence(reference, test, prevalence=0.1)["ppv_at_prevalence"]
        >>> round(found.value, 4), round(found.interval.lower, 4), round(found.interval.upper, 4)
        (0.2943, 0.2695, 0.3204)
    """
    return cells_result(
        PpvAtPrevalence(),
        reference,
        test,
        positive=positive,
        subject=subject,
        weights=weights,
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
        parameters={"prevalence": prevalence},
        independent="mercaldo",
    )


def npv_at_prevalence(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    prevalence: float,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Negative predictive value at a stated prevalence, by Bayes' theorem (Mercaldo et al. 2007).

    Sp x (1 - P) / (Sp x (1 - P) + (1 - Se) x P). Arguments and errors as for `ppv_at_prevalence`.

    Example:
        >>> reference, test = [1] * 744 + [0] * 842, [1] * 670 + [0] * 74 + [1] * 202 + [0] * 640
        >>> found = npv_at_prevalence(reference, test, prevalence=0.1)["npv_at_prevalence"]
        >>> round(found.value, 4), round(found.interval.lower, 4), round(found.interval.upper, 4)
        (0.9857, 0.9822, 0.9885)
    """
    return cells_result(
        NpvAtPrevalence(),
        reference,
        test,
        positive=positive,
        subject=subject,
        weights=weights,
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
        parameters={"prevalence": prevalence},
        independent="mercaldo",
    )


def accuracy_at_prevalence(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    prevalence: float,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Accuracy standardised to a stated prevalence: P x sensitivity + (1 - P) x specificity.

    At a prevalence of 0.5 it is the balanced accuracy. Arguments and errors as for `ppv_at_prevalence`;
    `mover_wilson` takes the place of `mercaldo`. Source: Zhou, Obuchowski & McClish 2011.

    Example:
        >>> reference, test = [1] * 744 + [0] * 842, [1] * 670 + [0] * 74 + [1] * 202 + [0] * 640
        >>> found = accuracy_at_prevalence(reference, test, prevalence=0.1)["accuracy_at_prevalence"]
        >>> round(found.value, 4), round(found.interval.lower, 4), round(found.interval.upper, 4)
        (0.7741, 0.7471, 0.7991)
    """
    return cells_result(
        AccuracyAtPrevalence(),
        reference,
        test,
        positive=positive,
        subject=subject,
        weights=weights,
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
        parameters={"prevalence": prevalence},
        independent="mover_wilson",
    )
