"""Agreement of several raters with chance by the number of categories alone, or without any."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from numpy.typing import ArrayLike

from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED
from ..metric import MetricResult, Sides, Statistic
from .category_weights import Weighting
from .chance_agreement import BRENNAN
from .many_raters import INTERVALS, RatingsMetric, rated
from .methods import GWET_BOOK


class BrennanPredigerRaters(RatingsMetric):
    """Brennan-Prediger of several raters; the plain function is `brennan_prediger_raters`.

    With two raters it is `brennan_prediger`, so it is no metric of reference and test.
    """

    name = "brennan_prediger_raters"
    title = "Brennan-Prediger coefficient of several raters"
    summary = "Agreement of several raters beyond that of categories drawn blindly."
    headline = "brennan_prediger_raters"
    statistics = (
        Statistic(
            "brennan_prediger_raters",
            title,
            "(p_a - p_e) / (1 - p_e): p_a the mean over units of the mean credit of two of their ratings, "
            "p_e the mean credit of all pairs of categories (1 / k where unweighted).",
            "none",
            "higher",
            INTERVALS,
        ),
    )
    citations = (BRENNAN, GWET_BOOK)
    chance = "uniform"


class RaterAgreement(RatingsMetric):
    """Agreement of several raters, chance left in; the plain function is `rater_agreement`."""

    name = "rater_agreement"
    title = "Agreement of several raters"
    summary = "Mean share of pairs of raters who agree on a unit; chance is left in."
    headline = "rater_agreement"
    statistics = (
        Statistic(
            "rater_agreement",
            title,
            "Mean over units with at least two ratings of the mean credit of two of their ratings: without "
            "weights, the share of pairs of raters who agree.",
            "proportion",
            "higher",
            INTERVALS,
        ),
    )
    citations = (GWET_BOOK,)
    chance = "none"


def brennan_prediger_raters(
    ratings: ArrayLike,
    *,
    levels: Iterable[Any] | None = None,
    weighting: Weighting = "unweighted",
    subject: Any = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Brennan-Prediger coefficient of several raters, ratings may be missing (Gwet 2014).

    As `brennan_prediger`, with p_a as in `fleiss_kappa`. It depends on how many categories could have been
    chosen: name all of them in `levels`. Arguments and errors as for `fleiss_kappa`.

    Example:
        >>> table = [["a", "a", "a"], ["a", "b", "a"], ["b", "b", "b"], ["b", "b", None], ["a", "a", "b"]]
        >>> round(brennan_prediger_raters(table)["brennan_prediger_raters"].value, 4)
        0.4667
    """
    return rated(
        BrennanPredigerRaters(), ratings, levels=levels, weighting=weighting, subject=subject, ci=ci,
        level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def rater_agreement(
    ratings: ArrayLike,
    *,
    levels: Iterable[Any] | None = None,
    weighting: Weighting = "unweighted",
    subject: Any = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Mean share of pairs of raters who agree on a unit, not corrected for chance (Gwet 2014).

    The p_a of `fleiss_kappa` and its relatives; with weights the mean credit. High where one category is
    frequent, whatever the raters do. Arguments and errors as for `fleiss_kappa`.

    Example:
        >>> table = [["a", "a", "a"], ["a", "b", "a"], ["b", "b", "b"], ["b", "b", None], ["a", "a", "b"]]
        >>> round(rater_agreement(table)["rater_agreement"].value, 4)
        0.7333
    """
    return rated(
        RaterAgreement(), ratings, levels=levels, weighting=weighting, subject=subject, ci=ci, level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
