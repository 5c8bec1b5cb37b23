"""The p value that belongs to an interval: the error rate at which its bound would just reach the limit."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from .estimate import Study, interval_of
from .intervals import METHODS
from .metric import CannotComputeError, FloatArray, Interval, Prepared, Sides, Statistic

SMALLEST = 1e-9
"""Smallest p value that is told apart from 0."""
_LARGEST = 0.4999
IntervalAt = Callable[[float, Sides], Interval]


def interval_at(
    statistic: Statistic, prepared: Prepared, method: str, weights: FloatArray | None
) -> IntervalAt:
    """An interval of one statistic as a function of its level and sides; replicates are computed once.

    Args:
        statistic: As its metric declares it.
        prepared: The metric's summary of the rows.
        method: One of the statistic's interval methods.
        weights: (B, S) resampling weights, for methods that resample.
    """
    study = Study(prepared, weights)

    def at(level: float, sides: Sides) -> Interval:
        found = interval_of(study, statistic, method, level, sides)
        if found is None:
            raise CannotComputeError("the statistic has no interval")
        return found

    return at


def p_value(at: IntervalAt, method: str, *, side: Literal["lower", "upper"], limit: float) -> float:
    """One-sided p value of the hypothesis that the true value lies beyond a limit, by inverting an interval.

    It is the smallest alpha at which the one-sided bound of level 1 - alpha lies on the good side of the
    limit: "p at most alpha" and "the bound passes" always say the same. Above one half, it is one less the p
    value of the opposite hypothesis. Bootstrap bounds move in steps of a replicate, and so does p.

    Args:
        at: From `interval_at`.
        method: The interval's method; for one without one-sided bounds the two-sided interval of level
            1 - 2 alpha is used.
        side: `lower`: the lower bound has to lie above the limit. `upper`: the upper bound below it.
        limit: The limit.

    Raises:
        CannotComputeError: The interval cannot be computed.

    Example:
        >>> from scipy import stats
        >>> from accordance.evaluators.metric import Interval
        >>> def normal(level, sides):
        ...     z = stats.norm.ppf(level)
        ...     lower = 1.0 - z if sides == "lower" else -float("inf")
        ...     upper = 1.0 + z if sides == "upper" else float("inf")
        ...     return Interval(lower, upper, level, sides, "t")
        >>> round(p_value(normal, "t", side="lower", limit=-1.0), 4), round(float(stats.norm.sf(2.0)), 4)
        (0.0228, 0.0228)
    """
    own = _reach(at, method, side, limit)
    if own is not None:
        return own
    other: Literal["lower", "upper"] = "upper" if side == "lower" else "lower"
    opposite = _reach(at, method, other, limit)
    return 0.5 if opposite is None else 1 - opposite


def _reach(at: IntervalAt, method: str, side: Literal["lower", "upper"], limit: float) -> float | None:
    """The smallest alpha at which the bound passes; None where it does not even at one half."""
    two_sided = METHODS[method].two_sided_only if method in METHODS else False
    largest = _LARGEST / 2 if two_sided else _LARGEST

    def beyond(alpha: float) -> float:
        """How far the bound lies on the good side."""
        found = at(1 - 2 * alpha, "two") if two_sided else at(1 - alpha, side)
        return found.lower - limit if side == "lower" else limit - found.upper

    if beyond(largest) <= 0:
        return None
    if _passes(beyond, SMALLEST):
        return SMALLEST
    # Halved by logarithms: bounds of a bootstrap stand still in places, and one at the limit does not pass.
    low, high = math.log(SMALLEST), math.log(largest)
    while high - low > 1e-11:
        middle = (low + high) / 2
        if _passes(beyond, math.exp(middle)):
            high = middle
        else:
            low = middle
    return math.exp(high)


def _passes(beyond: Callable[[float], float], alpha: float) -> bool:
    """Whether the bound lies on the good side; where replicates are too few for a bound, it does not."""
    try:
        return beyond(alpha) > 0
    except CannotComputeError:
        return False
