"""One number for a whole 2 x 2 table: balanced accuracy, Youden's index, Matthews correlation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..additive import Formula
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED
from ..metric import Citation, Metric, MetricResult, Sides, Statistic, Unit
from ..proportions.methods import NEWCOMBE_DIFFERENCE
from .cells import CellInterval, Cells, CellsMetric, cells_result, split
from .table_intervals import mover_wilson, score_difference

BRODERSEN = Citation(
    "brodersen2010",
    "Brodersen KH, Ong CS, Stephan KE, Buhmann JM. The balanced accuracy and its posterior distribution. "
    "Proc 20th Int Conf Pattern Recognition 2010:3121-3124.",
)
YOUDEN = Citation("youden1950", "Youden WJ. Index for rating diagnostic tests. Cancer 1950;3:32-35.")
MATTHEWS = Citation(
    "matthews1975",
    "Matthews BW. Comparison of the predicted and observed secondary structure of T4 phage lysozyme. "
    "Biochim Biophys Acta 1975;405:442-451.",
)

_CLUSTERED = ("cluster_t", "bootstrap_bca", "bootstrap_percentile")


@dataclass(frozen=True)
class WeightedSumFormula:
    """a * sensitivity + b * specificity + c.

    Attributes:
        a: Factor of the sensitivity.
        b: Factor of the specificity.
        c: What is added.
    """

    a: float
    b: float
    c: float = 0.0

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """The sum, undefined where a class is empty."""
        tp, fp, fn, tn = split(totals)
        return np.asarray(self.a * tp / (tp + fn) + self.b * tn / (fp + tn) + self.c)[..., None]


@dataclass(frozen=True)
class MatthewsFormula:
    """Correlation of two binary columns."""

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """(TP TN - FP FN) / sqrt of the product of the margins."""
        tp, fp, fn, tn = split(totals)
        # one root of a product of products: of a perfect table the root of a square, and the value exactly 1
        margins = np.sqrt(((tp + fp) * (tn + fn)) * ((tp + fn) * (tn + fp)))
        return np.asarray((tp * tn - fp * fn) / margins)[..., None]


def empty_class(cells: Cells) -> str:
    """Which reference class is empty."""
    which = "positives" if cells.positives == 0 else "negatives"
    return f"There are no reference {which}."


def mover_of_sum(weights: WeightedSumFormula) -> CellInterval:
    """The MOVER interval of such a sum, from the Wilson intervals of sensitivity and specificity."""

    def interval(cells: Cells, _: Mapping[str, Any], level: float, sides: Sides) -> tuple[float, float]:
        lower, upper = mover_wilson(
            cells.tp,
            cells.positives,
            cells.tn,
            cells.negatives,
            level=level,
            sides=sides,
            factors=(weights.a, weights.b),
        )
        return lower + weights.c, upper + weights.c

    return interval


def _score(cells: Cells, level: float, sides: Sides) -> tuple[float, float]:
    """Bounds of Youden's index as a difference: sensitivity less the share of false positives."""
    return score_difference(cells.tp, cells.positives, cells.fp, cells.negatives, level=level, sides=sides)


def _halved_score(cells: Cells, _: Mapping[str, Any], level: float, sides: Sides) -> tuple[float, float]:
    """The same of balanced accuracy, (index + 1) / 2."""
    lower, upper = _score(cells, level, sides)
    return (lower + 1) / 2, (upper + 1) / 2


def _statistic(
    name: str, title: str, definition: str, unit: Unit, intervals: tuple[str, ...]
) -> tuple[Statistic, ...]:
    return (Statistic(name, title, definition, unit, "higher", intervals),)


class BalancedAccuracy(CellsMetric):
    """Mean of sensitivity and specificity; the plain function is `balanced_accuracy`."""

    name = "balanced_accuracy"
    title = "Balanced accuracy"
    summary = "Mean of sensitivity and specificity: accuracy if both classes were as frequent."
    headline = "balanced_accuracy"
    statistics = _statistic(
        "balanced_accuracy",
        title,
        "(Sensitivity + specificity) / 2, from the units of all subjects.",
        "proportion",
        (*_CLUSTERED, "cluster_logit", "mover_wilson", "miettinen_nurminen_difference"),
    )
    citations = (BRODERSEN,)
    from_cells = {  # noqa: RUF012
        "mover_wilson": mover_of_sum(WeightedSumFormula(0.5, 0.5)),
        "miettinen_nurminen_difference": _halved_score,
    }

    def formula(self, parameters: Mapping[str, Any]) -> Formula:
        """See `WeightedSumFormula`."""
        del parameters
        return WeightedSumFormula(0.5, 0.5)

    def undefined(self, cells: Cells) -> str:
        """An empty class."""
        return empty_class(cells)


class Youden(CellsMetric):
    """Sensitivity + specificity - 1; the plain function is `youden`."""

    name = "youden"
    title = "Youden's index"
    summary = "Sensitivity + specificity - 1: 0 for a test that tells nothing, 1 for a perfect one."
    headline = "youden"
    statistics = _statistic(
        "youden",
        title,
        "Sensitivity + specificity - 1, from the units of all subjects.",
        "none",
        (*_CLUSTERED, "mover_wilson", "miettinen_nurminen_difference"),
    )
    bounds = (-1.0, 1.0)
    citations = (YOUDEN, NEWCOMBE_DIFFERENCE)
    from_cells = {  # noqa: RUF012
        "mover_wilson": mover_of_sum(WeightedSumFormula(1.0, 1.0, -1.0)),
        "miettinen_nurminen_difference": lambda cells, _, level, sides: _score(cells, level, sides),
    }

    def formula(self, parameters: Mapping[str, Any]) -> Formula:
        """See `WeightedSumFormula`."""
        del parameters
        return WeightedSumFormula(1.0, 1.0, -1.0)

    def undefined(self, cells: Cells) -> str:
        """An empty class."""
        return empty_class(cells)


class Matthews(CellsMetric):
    """Correlation of reference and test; the plain function is `mcc`."""

    name = "mcc"
    title = "Matthews correlation coefficient"
    summary = "Correlation of reference and test as 0 and 1 (phi), at the prevalence of this sample."
    headline = "mcc"
    statistics = _statistic(
        "mcc",
        title,
        "(TP x TN - FP x FN) / sqrt((TP + FP)(TP + FN)(TN + FP)(TN + FN)), from the units of all subjects.",
        "none",
        _CLUSTERED,
    )
    bounds = (-1.0, 1.0)
    citations = (MATTHEWS,)
    by_class = False

    def formula(self, parameters: Mapping[str, Any]) -> Formula:
        """See `MatthewsFormula`."""
        del parameters
        return MatthewsFormula()

    def undefined(self, cells: Cells) -> str:
        """A constant column."""
        which = "reference" if cells.positives * cells.negatives == 0 else "test"
        return f"The correlation is 0/0: the {which} puts every unit into one class."


METRICS: tuple[Metric, ...] = (BalancedAccuracy(), Youden(), Matthews())


def balanced_accuracy(
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
    """Balanced accuracy: (sensitivity + specificity) / 2 (Brodersen et al. 2010).

    Args:
        reference: (n,) values of the reference.
        test: (n,) values of the index test.
        positive: The value, or the values, that count as positive. Default: values are 0 and 1.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        ci: `mover_wilson` and `miettinen_nurminen_difference` take units for independent; `cluster_t`,
            `cluster_logit`, `bootstrap_bca` and `bootstrap_percentile` take subjects for clusters. Default:
            `mover_wilson` where every subject has one unit, `cluster_t` otherwise.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other is then the end of the scale.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing, values need `positive`, or a parameter is not
            acceptable.

    Example:
        >>> result = balanced_accuracy([1] * 258 + [0] * 86, [1] * 231 + [0] * 27 + [1] * 32 + [0] * 54)
        >>> found = result["balanced_accuracy"]
        >>> round(found.value, 4), round(found.interval.lower, 4), round(found.interval.upper, 4)
        (0.7616, 0.7046, 0.8115)
    """
    return cells_result(
        BalancedAccuracy(),
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
        independent="mover_wilson",
    )


def youden(
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
    """Youden's index: sensitivity + specificity - 1 (Youden 1950); some programs call the sum the index.

    Arguments and errors as for `balanced_accuracy`, without `cluster_logit`. The limits of `mover_wilson` are
    joint; adding the limits of sensitivity and specificity would be too wide.

    Example:
        >>> result = youden([1] * 258 + [0] * 86, [1] * 231 + [0] * 27 + [1] * 32 + [0] * 54)
        >>> found = result["youden"]
        >>> round(found.value, 4), round(found.interval.lower, 4), round(found.interval.upper, 4)
        (0.5233, 0.4091, 0.6231)
    """
    return cells_result(
        Youden(),
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
        independent="mover_wilson",
    )


def mcc(
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
    """Matthews correlation coefficient, also phi (Matthews 1975).

    Where reference or test is constant it is 0/0: no value, with that reason (some programs return 0).
    Arguments and errors as for `balanced_accuracy`; intervals are `cluster_t` (default) and the bootstraps.

    Example:
        >>> round(mcc([1, 1, 0, 0], [1, 1, 1, 0])["mcc"].value, 4)
        0.5774
    """
    return cells_result(
        Matthews(),
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
