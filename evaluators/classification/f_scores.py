"""F scores: sensitivity and positive predictive value in one number, without the true negatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..additive import Formula
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED
from ..metric import REQUIRED, Citation, Metric, MetricResult, Parameter, Sides, Statistic
from .cells import Cells, CellsMetric, cells_result, split

RIJSBERGEN = Citation(
    "rijsbergen1979", "van Rijsbergen CJ. Information Retrieval. 2nd ed. Butterworths 1979, ch. 7."
)

_INTERVALS = ("cluster_t", "bootstrap_bca", "bootstrap_percentile", "cluster_logit")


@dataclass(frozen=True)
class FFormula:
    """Weighted harmonic mean of sensitivity and positive predictive value.

    Attributes:
        beta: How many times as much the sensitivity weighs.
    """

    beta: float

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """(1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP)."""
        tp, fp, fn, _ = split(totals)
        square = self.beta**2
        return np.asarray((1 + square) * tp / ((1 + square) * tp + square * fn + fp))[..., None]


def _score(name: str, title: str, definition: str) -> tuple[Statistic, ...]:
    return (Statistic(name, title, definition, "proportion", "higher", _INTERVALS),)


class _FScore(CellsMetric):
    """What both scores share."""

    summary = "Harmonic mean of sensitivity and positive predictive value, at the prevalence of this sample."
    citations = (RIJSBERGEN,)
    rests_on = (0, 1, 2)
    by_class = False

    def undefined(self, cells: Cells) -> str:
        """Nothing positive anywhere."""
        del cells
        return "The score is 0/0: there are neither reference positives nor test positives."

    def counts(self, cells: Cells) -> tuple[float, float]:
        """True positives, of units that are positive in either."""
        return cells.tp, cells.tp + cells.fp + cells.fn


class FBeta(_FScore):
    """F score with any weight; the plain function is `f_beta`."""

    name = "f_beta"
    title = "F-beta score"
    headline = "f_beta"
    statistics = _score(
        "f_beta",
        title,
        "(1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP), from the units of all subjects; sensitivity weighs b "
        "times as much as the positive predictive value.",
    )
    parameters = (
        Parameter(
            "beta",
            "number",
            "How many times as much the sensitivity weighs as the positive predictive value; above 0.",
            default=REQUIRED,
            minimum=1e-3,
            maximum=1e3,
        ),
    )

    def formula(self, parameters: Mapping[str, Any]) -> Formula:
        """See `FFormula`."""
        return FFormula(float(parameters["beta"]))


class F1(_FScore):
    """F score with equal weights; the plain function is `f1`."""

    name = "f1"
    title = "F1 score"
    headline = "f1"
    statistics = _score(
        "f1",
        title,
        "2 TP / (2 TP + FN + FP), from the units of all subjects: the harmonic mean of sensitivity and "
        "positive predictive value.",
    )

    def formula(self, parameters: Mapping[str, Any]) -> Formula:
        """See `FFormula`."""
        del parameters
        return FFormula(1.0)


METRICS: tuple[Metric, ...] = (F1(), FBeta())


def f1(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """F1 score: 2 TP / (2 TP + FN + FP) (van Rijsbergen 1979).

    It ignores true negatives and depends on the prevalence of the sample. Arguments and errors as for
    `balanced_accuracy`, without `mover_wilson`; the default interval is `cluster_t`.

    Example:
        >>> round(f1([1, 1, 0, 0], [1, 1, 1, 0])["f1"].value, 4)
        0.8
    """
    return cells_result(
        F1(),
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
    )


def f_beta(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    beta: float,
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """F-beta score: (1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP) (van Rijsbergen 1979).

    `beta` above 1 favours sensitivity, below 1 the positive predictive value. Other arguments and errors as
    for `f1`.

    Example:
        >>> round(f_beta([1, 1, 0, 0], [1, 1, 1, 0], beta=2)["f_beta"].value, 4)
        0.9091
    """
    return cells_result(
        FBeta(),
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
        parameters={"beta": beta},
    )
