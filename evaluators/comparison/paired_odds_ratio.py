"""The conditional odds ratio of two results on the same independent units: of discordant units only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..intervals import clopper_pearson, tail_levels, wilson
from ..metric import CannotComputeError, Interval, Sides
from ..proportions.intervals import mid_p
from ..proportions.skewness import scas
from .paired_counts import PairedCounts
from .results import ComparedProportions

PAIRED_ODDS_RATIOS: dict[str, Callable[..., tuple[Any, Any]]] = {
    "clopper_pearson": clopper_pearson,
    "mid_p": mid_p,
    "scas": scas,
    "wilson": wilson,
}
"""Intervals of the share of discordant units on which the candidate succeeds, by their names."""


def paired_odds_ratio(
    counts: PairedCounts, *, ci: str = "clopper_pearson", level: float = 0.95, sides: Sides = "two"
) -> ComparedProportions:
    """Conditional odds ratio, candidate only / baseline only.

    It is the odds ratio within units, common to all of them, which concordant units say nothing about; an
    interval p to q of the candidate's share of the discordant units becomes p / (1 - p) to q / (1 - q). It is
    usually further from 1 than the odds ratio of the two proportions.

    Args:
        counts: The four cells, from `paired_counts` or written down.
        ci: `clopper_pearson` (default: exact; excludes 1 where the exact McNemar test rejects), `mid_p`,
            `scas` or `wilson`.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or infinite.

    Raises:
        CannotComputeError: No units, or no discordant ones.
        ValueError: An unknown method.

    Example:
        Bentur 2009, `exact2x2` in R, turned round: 7 to 1.

        >>> found = paired_odds_ratio(PairedCounts(both=1, candidate_only=7, baseline_only=1, neither=12))
        >>> round(found.value, 4), round(found.interval.lower, 4), round(found.interval.upper, 4)
        (7.0, 0.8993, 315.4834)
    """
    if ci not in PAIRED_ODDS_RATIOS:
        raise ValueError(f"`ci` is {ci!r}; accepted: {', '.join(PAIRED_ODDS_RATIOS)}.")
    tail_levels(level, sides)
    candidate, baseline = counts.candidate, counts.baseline
    first, second = counts.candidate_only, counts.baseline_only
    if first + second == 0:
        raise CannotComputeError("No unit is discordant; the conditional odds ratio has no value.")
    lower, upper = PAIRED_ODDS_RATIOS[ci](first, first + second, level, sides)
    return ComparedProportions(
        name="Conditional odds ratio of paired proportions (candidate only / baseline only)",
        candidate=candidate,
        baseline=baseline,
        value=_odds(first / (first + second)) if second == 0 else first / second,
        interval=Interval(_odds(lower), _odds(upper), level, sides, ci),
        n=counts.n,
        standard_error=(1 / first + 1 / second) ** 0.5 if first and second else None,
    )


def _odds(share: float) -> float:
    return share / (1 - share) if share < 1 else float("inf")
