"""Likelihood ratios of a test result and the diagnostic odds ratio, with intervals on the log scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..additive import Formula
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED
from ..metric import Better, Citation, Metric, MetricResult, Parameter, Sides, Statistic
from .cells import CellInterval, Cells, CellsMetric, cells_result, split
from .table_intervals import log_odds_ratio, log_ratio, score_ratio

DEEKS = Citation(
    "deeks2004", "Deeks JJ, Altman DG. Diagnostic tests 4: likelihood ratios. BMJ 2004;329:168-169."
)
GLAS = Citation(
    "glas2003",
    "Glas AS, Lijmer JG, Prins MH, Bonsel GJ, Bossuyt PMM. The diagnostic odds ratio: a single indicator of "
    "test performance. J Clin Epidemiol 2003;56:1129-1135.",
)

_INTERVALS = (
    "cluster_log",
    "bootstrap_bca",
    "bootstrap_percentile",
    "log",
    "koopman",
    "miettinen_nurminen_ratio",
)


@dataclass(frozen=True)
class PositiveRatioFormula:
    """Share of test positives among reference positives over that among reference negatives."""

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """TP / (TP + FN) * (FP + TN) / FP."""
        tp, fp, fn, tn = split(totals)
        return np.asarray(tp * (fp + tn) / ((tp + fn) * fp))[..., None]


@dataclass(frozen=True)
class NegativeRatioFormula:
    """Share of test negatives among reference positives over that among reference negatives."""

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """FN / (TP + FN) * (FP + TN) / TN."""
        tp, fp, fn, tn = split(totals)
        return np.asarray(fn * (fp + tn) / ((tp + fn) * tn))[..., None]


@dataclass(frozen=True)
class OddsRatioFormula:
    """Odds of a positive test among reference positives over those among reference negatives.

    Attributes:
        added: What is added to each cell.
    """

    added: float

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """TP * TN / (FP * FN), undefined where a reference class is empty."""
        tp, fp, fn, tn = split(totals)
        # what is added to the cells does not stand for a class that nobody is of
        both = ((tp + fn).real > 0) & ((fp + tn).real > 0)
        tp, fp, fn, tn = (cell + self.added for cell in (tp, fp, fn, tn))
        return np.asarray(np.where(both, tp * tn / (fp * fn), np.nan))[..., None]


_Groups = tuple[float, float, float, float]


def _positive(cells: Cells) -> _Groups:
    return cells.tp, cells.positives, cells.fp, cells.negatives


def _negative(cells: Cells) -> _Groups:
    return cells.fn, cells.positives, cells.tn, cells.negatives


def _ratio_intervals(groups: Callable[[Cells], _Groups]) -> dict[str, CellInterval]:
    return {
        "log": lambda cells, _, level, sides: log_ratio(*groups(cells), level=level, sides=sides),
        "koopman": lambda cells, _, level, sides: score_ratio(*groups(cells), level=level, sides=sides),
        "miettinen_nurminen_ratio": lambda cells, _, level, sides: score_ratio(
            *groups(cells), level=level, sides=sides, unbiased=True
        ),
    }


def _added(parameters: Mapping[str, Any]) -> float:
    return 0.5 if parameters["correction"] == "haldane_anscombe" else 0.0


def _odds_ratio_log(
    cells: Cells, parameters: Mapping[str, Any], level: float, sides: Sides
) -> tuple[float, float]:
    added = _added(parameters)
    return log_odds_ratio(
        cells.tp + added,
        cells.fp + added,
        cells.fn + added,
        cells.tn + added,
        level=level,
        sides=sides,
    )


def _statistic(
    name: str, title: str, definition: str, better: Better, intervals: tuple[str, ...] = _INTERVALS
) -> tuple[Statistic, ...]:
    return (Statistic(name, title, definition, "none", better, intervals),)


class _LikelihoodRatio(CellsMetric):
    """What both ratios share."""

    bounds = (0.0, np.inf)
    citations = (DEEKS,)

    def undefined(self, cells: Cells) -> str:
        """An empty class, 0/0, or infinite with the bound that the score interval still has."""
        if cells.positives == 0:
            return "There are no reference positives."
        if cells.negatives == 0:
            return "There are no reference negatives."
        x1, n1, x0, n0 = _positive(cells) if self.name == "lr_positive" else _negative(cells)
        if x1 == 0 and x0 == 0:
            return f"The ratio is 0/0: no unit is test {self.name.removeprefix('lr_')}."
        lower, _ = score_ratio(x1, n1, x0, n0, level=0.95, sides="two")
        return (
            f"The ratio is infinite: no reference negative is test {self.name.removeprefix('lr_')}. Its 95% "
            f"score interval (Koopman, units independent) reaches from {lower:.5g} to infinity."
        )


class PositiveLikelihoodRatio(_LikelihoodRatio):
    """Sensitivity over 1 - specificity; the plain function is `lr_positive`."""

    name = "lr_positive"
    title = "Positive likelihood ratio"
    summary = "How much a positive test raises the odds of the condition."
    headline = "lr_positive"
    statistics = _statistic(
        "lr_positive", title, "Sensitivity / (1 - specificity), from the units of all subjects.", "higher"
    )
    from_cells = _ratio_intervals(_positive)

    def formula(self, parameters: Mapping[str, Any]) -> Formula:
        """See `PositiveRatioFormula`."""
        del parameters
        return PositiveRatioFormula()


class NegativeLikelihoodRatio(_LikelihoodRatio):
    """1 - sensitivity over specificity; the plain function is `lr_negative`."""

    name = "lr_negative"
    title = "Negative likelihood ratio"
    summary = "How much a negative test lowers the odds of the condition."
    headline = "lr_negative"
    statistics = _statistic(
        "lr_negative", title, "(1 - sensitivity) / specificity, from the units of all subjects.", "lower"
    )
    from_cells = _ratio_intervals(_negative)

    def formula(self, parameters: Mapping[str, Any]) -> Formula:
        """See `NegativeRatioFormula`."""
        del parameters
        return NegativeRatioFormula()


class DiagnosticOddsRatio(CellsMetric):
    """LR+ over LR-; the plain function is `diagnostic_odds_ratio`."""

    name = "diagnostic_odds_ratio"
    title = "Diagnostic odds ratio"
    summary = "Odds of a positive test among reference positives over those among reference negatives."
    headline = "diagnostic_odds_ratio"
    statistics = _statistic(
        "diagnostic_odds_ratio",
        title,
        "TP x TN / (FP x FN), from the units of all subjects.",
        "higher",
        ("cluster_log", "bootstrap_bca", "bootstrap_percentile", "log"),
    )
    parameters = (
        Parameter(
            "correction",
            "choice",
            "What is done about cells of 0: `none` (default: the ratio then has no value), or "
            "`haldane_anscombe`, which adds 0.5 to every cell, always.",
            default="none",
            choices=("none", "haldane_anscombe"),
        ),
    )
    bounds = (0.0, np.inf)
    citations = (GLAS,)
    from_cells = {"log": _odds_ratio_log}  # noqa: RUF012  (never written to)

    def formula(self, parameters: Mapping[str, Any]) -> Formula:
        """See `OddsRatioFormula`."""
        return OddsRatioFormula(_added(parameters))

    def undefined(self, cells: Cells) -> str:
        """An empty class, 0/0, or infinite."""
        if cells.positives == 0 or cells.negatives == 0:
            return f"There are no reference {'positives' if cells.positives == 0 else 'negatives'}."
        if cells.tp * cells.tn == 0:
            return "The ratio is 0/0: cells of both its numerator and its denominator are 0."
        return (
            "The ratio is infinite: there are no false positives, or no false negatives. "
            "`correction: haldane_anscombe` adds 0.5 to every cell."
        )


METRICS: tuple[Metric, ...] = (
    PositiveLikelihoodRatio(),
    NegativeLikelihoodRatio(),
    DiagnosticOddsRatio(),
)


def lr_positive(
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
    """Positive likelihood ratio: sensitivity / (1 - specificity) (Deeks & Altman 2004).

    It is infinite, and so has no value, where no reference negative is test positive; the reason then carries
    the lower bound of the score interval.

    Args:
        reference: (n,) values of the reference.
        test: (n,) values of the index test.
        positive: The value, or the values, that count as positive. Default: values are 0 and 1.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        ci: `log` (Simel 1991), `koopman` or `miettinen_nurminen_ratio` (score) take units for independent;
            `cluster_log`, `bootstrap_bca`, `bootstrap_percentile` take subjects for clusters. Default: `log`
            where every subject has one unit, `cluster_log` otherwise.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other is then 0 or infinite.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing, values need `positive`, or a parameter is not
            acceptable.

    Example:
        Liver scans (Altman & Bland 1994): sensitivity 231 of 258, specificity 54 of 86; `epiR::epi.tests` in
        R gives 2.4062 (1.8228 to 3.1765).

        >>> result = lr_positive([1] * 258 + [0] * 86, [1] * 231 + [0] * 27 + [1] * 32 + [0] * 54)
        >>> ratio = result["lr_positive"]
        >>> round(ratio.value, 4), round(ratio.interval.lower, 4), round(ratio.interval.upper, 4)
        (2.4062, 1.8228, 3.1765)
    """
    return cells_result(
        PositiveLikelihoodRatio(),
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
        independent="log",
    )


def lr_negative(
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
    """Negative likelihood ratio: (1 - sensitivity) / specificity (Deeks & Altman 2004).

    Arguments and errors as for `lr_positive`.

    Example:
        >>> result = lr_negative([1] * 258 + [0] * 86, [1] * 231 + [0] * 27 + [1] * 32 + [0] * 54)
        >>> ratio = result["lr_negative"]
        >>> round(ratio.value, 4), round(ratio.interval.lower, 4), round(ratio.interval.upper, 4)
        (0.1667, 0.1126, 0.2467)
    """
    return cells_result(
        NegativeLikelihoodRatio(),
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
        independent="log",
    )


def diagnostic_odds_ratio(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    correction: str = "none",
    positive: Any = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Diagnostic odds ratio: TP x TN / (FP x FN) (Glas et al. 2003).

    Args:
        reference: As for `lr_positive`, like all that are not named here.
        test: See there.
        correction: `none`, or `haldane_anscombe`: 0.5 is added to every cell, for estimate and interval.
        positive: See there.
        subject: See there.
        weights: See there.
        ci: `log` (Woolf) takes units for independent; `cluster_log` and the bootstraps take subjects for
            clusters. Default: `log` where every subject has one unit, `cluster_log` otherwise.
        level: See there.
        sides: See there.
        replicates: See there.
        seed: See there.

    Raises:
        ValueError: As for `lr_positive`.

    Example:
        >>> result = diagnostic_odds_ratio([1] * 258 + [0] * 86, [1] * 231 + [0] * 27 + [1] * 32 + [0] * 54)
        >>> ratio = result["diagnostic_odds_ratio"]
        >>> round(ratio.value, 2), round(ratio.interval.lower, 2), round(ratio.interval.upper, 2)
        (14.44, 7.99, 26.09)
    """
    return cells_result(
        DiagnosticOddsRatio(),
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
        parameters={"correction": correction},
        independent="log",
    )
