"""Predictive values: how far a call can be believed, at the prevalence of the sample at hand."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from ..codes import binary_codes
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED
from ..metric import Average, Citation, Metric, MetricResult, Sides
from ..proportions.proportion import Ratio, proportion_result, proportion_statistic
from .binary import BinaryProportion
from .cell_counts import CELLS

_TP, _FP, _FN, _TN = range(len(CELLS))

ALTMAN_PREDICTIVE = Citation(
    "altman1994b", "Altman DG, Bland JM. Diagnostic tests 2: predictive values. BMJ 1994;309:102."
)


class PositivePredictiveValue(BinaryProportion):
    """TP / (TP + FP)."""

    name = "ppv"
    title = "Positive predictive value"
    summary = "Share of test positives that are reference positives, at the prevalence of this sample."
    headline = "ppv"
    statistics = (
        proportion_statistic(
            "ppv",
            "Positive predictive value",
            "True positives over test positives, TP / (TP + FP), at the prevalence of this sample.",
            "higher",
        ),
    )
    ratio = Ratio((_TP,), (_TP, _FP))
    empty = "There are no test positives."
    citations = (ALTMAN_PREDICTIVE,)


class NegativePredictiveValue(BinaryProportion):
    """TN / (TN + FN)."""

    name = "npv"
    title = "Negative predictive value"
    summary = "Share of test negatives that are reference negatives, at the prevalence of this sample."
    headline = "npv"
    statistics = (
        proportion_statistic(
            "npv",
            "Negative predictive value",
            "True negatives over test negatives, TN / (TN + FN), at the prevalence of this sample.",
            "higher",
        ),
    )
    ratio = Ratio((_TN,), (_TN, _FN))
    empty = "There are no test negatives."
    citations = (ALTMAN_PREDICTIVE,)


METRICS: tuple[Metric, ...] = (PositivePredictiveValue(), NegativePredictiveValue())


def ppv(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    average: Average = "pooled",
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Positive predictive value, TP / (TP + FP), at the prevalence of this sample.

    A sample enriched with positives overstates it; it then says nothing about the intended users.

    Arguments and errors as for `sensitivity`; source: Altman DG, Bland JM. BMJ 1994;309:102.

    Example:
        >>> round(ppv([1, 1, 0, 0], [1, 1, 1, 0])["ppv"].value, 4)
        0.6667
    """
    return proportion_result(
        PositivePredictiveValue(),
        binary_codes("reference", reference, positive),
        binary_codes("test", test, positive),
        subject=subject,
        weights=weights,
        average=average,
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )


def npv(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    average: Average = "pooled",
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Negative predictive value, TN / (TN + FN), at the prevalence of this sample.

    A sample enriched with positives understates it; it then says nothing about the intended users.

    Arguments and errors as for `sensitivity`; source: Altman DG, Bland JM. BMJ 1994;309:102.

    Example:
        >>> npv([1, 1, 0, 0], [1, 1, 1, 0])["npv"].value
        1.0
    """
    return proportion_result(
        NegativePredictiveValue(),
        binary_codes("reference", reference, positive),
        binary_codes("test", test, positive),
        subject=subject,
        weights=weights,
        average=average,
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )
