"""Difference, ratio and odds ratio of two proportions on different units: two groups, two sites, two studies.

Units are independent of each other. First against second everywhere: x1 / n1 - x2 / n2, and
(x1 / n1) / (x2 / n2).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..classification.table_intervals import log_odds_ratio, log_ratio, score_difference, score_ratio
from ..intervals import successes_and_units, tail_levels, wilson
from ..metric import CannotComputeError, Interval, Sides
from ..proportions.methods import MIETTINEN
from .methods import FARRINGTON
from .results import ComparedProportions, HypothesisTest
from .skewness import most_likely, scas_difference, scas_odds_ratio, scas_ratio, score_odds_ratio
from .verdict import checked_margin

Ends = tuple[float, float]
Bounds = Callable[..., Ends]


def proportion_difference(
    x1: int,
    n1: int,
    x2: int,
    n2: int,
    *,
    ci: str = "miettinen_nurminen_difference",
    level: float = 0.95,
    sides: Sides = "two",
) -> ComparedProportions:
    """Difference of two independent proportions, x1 / n1 - x2 / n2.

    Args:
        x1: Events of the first group.
        n1: Its units.
        x2: Events of the second.
        n2: Its units.
        ci: `miettinen_nurminen_difference` (default: score interval; the test of `proportion_non_inferiority`
            decides alike), `newcombe_independent` (square-and-add of Wilson intervals; closed form), `mee`
            (score without the factor N / (N - 1)), `scas` (score, corrected for skewness: both sides miss
            equally often), `agresti_caffo`, or `wald_independent` (for comparison with older reports; too
            narrow in small samples, without width at 0 or n of n).
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then -1 or 1.

    Raises:
        CannotComputeError: A group has no units.
        ValueError: x lies outside 0 to n, or an unknown method.

    Example:
        Newcombe 1998, example (a): 56 of 70 against 48 of 80; `ratesci::scoreci(skew = FALSE)` in R.

        >>> found = proportion_difference(56, 70, 48, 80)
        >>> round(found.value, 4), round(found.interval.lower, 4), round(found.interval.upper, 4)
        (0.2, 0.0528, 0.3382)
    """
    compute = _chosen(ci, DIFFERENCES)
    p1, p2 = _shares(x1, n1, x2, n2)
    lower, upper = compute(x1, n1, x2, n2, level=level, sides=sides)
    lower = -1.0 if sides == "upper" else max(lower, -1.0)
    upper = 1.0 if sides == "lower" else min(upper, 1.0)
    return ComparedProportions(
        name="Difference of independent proportions (first - second)",
        candidate=p1,
        baseline=p2,
        value=p1 - p2,
        interval=_interval(lower, upper, level, sides, ci),
        n=int(n1 + n2),
        standard_error=_wald_error(x1, n1, x2, n2),
    )


def proportion_ratio(
    x1: int,
    n1: int,
    x2: int,
    n2: int,
    *,
    ci: str = "miettinen_nurminen_ratio",
    level: float = 0.95,
    sides: Sides = "two",
) -> ComparedProportions:
    """Ratio of two independent proportions, (x1 / n1) / (x2 / n2).

    Args:
        x1: Events of the first group.
        n1: Its units.
        x2: Events of the second.
        n2: Its units.
        ci: `miettinen_nurminen_ratio` (default: score interval; has an answer at 0 events), `koopman` (the
            same without the factor N / (N - 1)), `scas` (score, corrected for skewness), or `log` (normal on
            the logarithm; Katz 1978).
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or infinite.

    Raises:
        CannotComputeError: A group has no units; no events in either group, or with `log` in one of them.
        ValueError: x lies outside 0 to n, or an unknown method.

    Example:
        >>> found = proportion_ratio(56, 70, 48, 80)
        >>> round(found.value, 4), round(found.interval.lower, 4), round(found.interval.upper, 4)
        (1.3333, 1.079, 1.6721)
    """
    compute = _chosen(ci, RATIOS)
    p1, p2 = _shares(x1, n1, x2, n2)
    if p1 == 0 and p2 == 0:
        raise CannotComputeError("Neither group has events; the ratio has no value.")
    lower, upper = compute(x1, n1, x2, n2, level=level, sides=sides)
    spread = float(np.sqrt(1 / x1 - 1 / n1 + 1 / x2 - 1 / n2)) if x1 and x2 else None
    return ComparedProportions(
        name="Ratio of independent proportions (first / second)",
        candidate=p1,
        baseline=p2,
        value=p1 / p2 if p2 else float("inf"),
        interval=_interval(lower, upper, level, sides, ci),
        n=int(n1 + n2),
        standard_error=spread,
    )


def proportion_odds_ratio(
    x1: int,
    n1: int,
    x2: int,
    n2: int,
    *,
    ci: str = "miettinen_nurminen_odds_ratio",
    level: float = 0.95,
    sides: Sides = "two",
) -> ComparedProportions:
    """Odds ratio of two independent proportions, x1 (n2 - x2) / (x2 (n1 - x1)).

    Args:
        x1: Events of the first group.
        n1: Its units.
        x2: Events of the second.
        n2: Its units.
        ci: `miettinen_nurminen_odds_ratio` (default: score interval; has an answer at empty cells), `scas`
            (score, corrected for skewness and bias), or `log` (normal on the logarithm; Woolf 1955).
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or infinite.

    Raises:
        CannotComputeError: A group has no units; all units are events or none is; or, with `log`, a cell is
            empty.
        ValueError: x lies outside 0 to n, or an unknown method.

    Example:
        >>> found = proportion_odds_ratio(56, 70, 48, 80)
        >>> round(found.value, 4), round(found.interval.lower, 4), round(found.interval.upper, 4)
        (2.6667, 1.2816, 5.5402)
    """
    compute = _chosen(ci, ODDS_RATIOS)
    p1, p2 = _shares(x1, n1, x2, n2)
    if p1 == p2 and p1 in (0, 1):
        raise CannotComputeError(f"{'Every' if p1 else 'No'} unit is an event; the odds ratio has no value.")
    lower, upper = compute(x1, n1, x2, n2, level=level, sides=sides)
    cells = (x1, n1 - x1, x2, n2 - x2)
    return ComparedProportions(
        name="Odds ratio of independent proportions (first / second)",
        candidate=p1,
        baseline=p2,
        value=x1 * (n2 - x2) / (x2 * (n1 - x1)) if x2 and x1 < n1 else float("inf"),
        interval=_interval(lower, upper, level, sides, ci),
        n=int(n1 + n2),
        standard_error=float(np.sqrt(sum(1 / cell for cell in cells))) if min(cells) > 0 else None,
    )


def proportion_non_inferiority(x1: int, n1: int, x2: int, n2: int, margin: float) -> HypothesisTest:
    """One-sided score test that the first proportion is not lower than the second by the margin or more.

    The variance is estimated under the null hypothesis, with the factor N / (N - 1) (Miettinen & Nurminen
    1985; without the factor it is Farrington & Manning 1990). p < alpha exactly where the lower bound of the
    Miettinen-Nurminen interval of level 1 - 2 alpha lies above -margin.

    Args:
        x1: Events of the first group; an event is what is good.
        n1: Its units.
        x2: Events of the second.
        n2: Its units.
        margin: Above 0, below 1.

    Raises:
        CannotComputeError: A group has no units.
        ValueError: x lies outside 0 to n, or a margin outside 0 to 1.

    Example:
        >>> round(proportion_non_inferiority(90, 100, 92, 100, 0.1).p_value, 4)
        0.0321
    """
    checked_margin(margin)
    if margin >= 1:
        raise ValueError(f"`margin` is a difference of proportions, below 1, not {margin!r}.")
    p1, p2 = _shares(x1, n1, x2, n2)
    z = score_statistic(x1, n1, x2, n2, -margin)
    return HypothesisTest(
        test="Non-inferiority of independent proportions, Miettinen-Nurminen",
        hypothesis=f"the first is lower by {margin:g} or more",
        p_value=float(special.ndtr(-z)),
        statistic=z,
        distribution="normal, one-sided",
        n=int(n1 + n2),
        counted="units",
        details={"difference": p1 - p2, "margin": margin},
        citations=(MIETTINEN, FARRINGTON),
    )


def score_statistic(x1: float, n1: float, x2: float, n2: float, difference: float) -> float:
    """Score statistic of Miettinen & Nurminen at a difference strictly between -1 and 1."""
    first, second = most_likely(x1, n1, x2, n2, difference)
    variance = first * (1 - first) / n1 + second * (1 - second) / n2
    total = n1 + n2
    variance *= total / (total - 1)
    excess = x1 / n1 - x2 / n2 - difference
    if variance <= 0:
        return float(np.sign(excess) * np.inf) if excess else 0.0
    return float(excess / np.sqrt(variance))


def _newcombe(x1: float, n1: float, x2: float, n2: float, *, level: float, sides: Sides) -> Ends:
    p1, p2 = x1 / n1, x2 / n2
    other: dict[Sides, Sides] = {"two": "two", "lower": "upper", "upper": "lower"}
    lower1, upper1 = wilson(x1, n1, level, sides)
    lower2, upper2 = wilson(x2, n2, level, other[sides])
    lower, upper = np.hypot(p1 - lower1, upper2 - p2), np.hypot(upper1 - p1, p2 - lower2)
    return p1 - p2 - float(lower), p1 - p2 + float(upper)


def _wald(x1: float, n1: float, x2: float, n2: float, *, level: float, sides: Sides) -> Ends:
    low, high = (float(special.ndtri(tail)) for tail in tail_levels(level, sides))
    value, error = x1 / n1 - x2 / n2, _wald_error(x1, n1, x2, n2)
    return value + (low * error if low > -np.inf else low), value + (high * error if high < np.inf else high)


def _wald_error(x1: float, n1: float, x2: float, n2: float) -> float:
    p1, p2 = x1 / n1, x2 / n2
    return float(np.sqrt(p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2))


def _woolf(x1: float, n1: float, x2: float, n2: float, *, level: float, sides: Sides) -> Ends:
    if min(x1, n1 - x1, x2, n2 - x2) == 0:
        raise CannotComputeError(
            "`log` has no interval where a cell is empty; use `miettinen_nurminen_odds_ratio`, which has."
        )
    return log_odds_ratio(x1, x2, n1 - x1, n2 - x2, level=level, sides=sides)


def _agresti_caffo(x1: float, n1: float, x2: float, n2: float, *, level: float, sides: Sides) -> Ends:
    """One event and one other unit are added to each group."""
    return _wald(x1 + 1, n1 + 2, x2 + 1, n2 + 2, level=level, sides=sides)


DIFFERENCES: dict[str, Bounds] = {
    "miettinen_nurminen_difference": score_difference,
    "newcombe_independent": _newcombe,
    "mee": partial(score_difference, unbiased=False),
    "scas": scas_difference,
    "agresti_caffo": _agresti_caffo,
    "wald_independent": _wald,
}
"""Intervals of the difference, by their names in `intervals.METHODS`."""

RATIOS: dict[str, Bounds] = {
    "miettinen_nurminen_ratio": partial(score_ratio, unbiased=True),
    "koopman": score_ratio,
    "scas": scas_ratio,
    "log": log_ratio,
}
"""Intervals of the ratio."""

ODDS_RATIOS: dict[str, Bounds] = {
    "miettinen_nurminen_odds_ratio": score_odds_ratio,
    "scas": scas_odds_ratio,
    "log": _woolf,
}
"""Intervals of the odds ratio."""


def _chosen(ci: str, offered: dict[str, Bounds]) -> Bounds:
    if ci not in offered:
        raise ValueError(f"`ci` is {ci!r}; accepted: {', '.join(offered)}.")
    return offered[ci]


def _shares(x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike) -> Ends:
    (first, units1), (second, units2) = successes_and_units(x1, n1), successes_and_units(x2, n2)
    return float(first / units1), float(second / units2)


def _interval(lower: float, upper: float, level: float, sides: Sides, method: str) -> Interval:
    flat = lower == upper
    note = "The interval has no width and says nothing." if flat else None
    return Interval(float(lower), float(upper), level, sides, method, degenerate=flat, warning=note)
