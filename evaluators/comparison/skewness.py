"""Skewness-corrected score intervals of two proportions (Laud 2017): counts in, (lower, upper) out.

A score is the estimated contrast less the supposed one, S, over its standard deviation at the most likely
proportions that have the supposed contrast. S is skewed where proportions are near 0 or 1, and the intervals
of Miettinen & Nurminen then miss more often on one side than on the other. With V its variance and M its
third moment, the corrected score z solves S / sqrt(V) = z + (z^2 - 1) / 6 times M / sqrt(V)^3 (Gart & Nam
1988, 1990). The variance carries the factor N / (N - 1), as in Miettinen & Nurminen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from ..intervals import tail_levels
from ..metric import Sides

Ends = tuple[float, float]

_FAR = 150.0  # logarithm of a ratio beyond which it is 0 or infinite
_HUGE = 1e300


class Moments(NamedTuple):
    """The score's distance from 0, its variance and its third moment."""

    distance: float
    variance: float
    third: float


def corrected(moments: Moments) -> float:
    """The z of a score, corrected for skewness; infinite without a variance, 0 at no distance."""
    distance, variance, third = moments
    if variance <= 0:
        return float(np.sign(distance)) * _HUGE
    plain, skew = distance / np.sqrt(variance), third / (6 * variance**1.5)
    if abs(skew) < 1e-12:
        return float(plain)
    return float((np.sqrt(max(1 + 4 * skew * (plain + skew), 0.0)) - 1) / (2 * skew))


def scas_difference(x1: float, n1: float, x2: float, n2: float, *, level: float, sides: Sides) -> Ends:
    """Of x1 / n1 - x2 / n2; an open end is -1 or 1.

    Example:
        >>> lower, upper = scas_difference(56, 70, 48, 80, level=0.95, sides="two")
        >>> round(lower, 6), round(upper, 6)
        (0.053388, 0.339755)
    """
    low, high = (float(special.ndtri(tail)) for tail in tail_levels(level, sides))

    def score(at: float) -> float:
        return corrected(difference_moments(at, x1, n1, x2, n2))

    found = x1 / n1 - x2 / n2
    return _bound(score, -low, found, -1.0), _bound(score, -high, found, 1.0)


def scas_ratio(x1: float, n1: float, x2: float, n2: float, *, level: float, sides: Sides) -> Ends:
    """Of (x1 / n1) / (x2 / n2), which zero cells do not stop; an open end is 0 or infinite.

    Example:
        >>> lower, upper = scas_ratio(8, 15, 4, 15, level=0.95, sides="two")
        >>> round(lower, 3), round(upper, 3)
        (0.794, 6.224)
    """
    return _ratio_ends(
        lambda at: corrected(ratio_moments(float(np.exp(at)), x1, n1, x2, n2)),
        level,
        sides,
        found=_quotient(x1 / n1, x2 / n2),
    )


def scas_odds_ratio(x1: float, n1: float, x2: float, n2: float, *, level: float, sides: Sides) -> Ends:
    """Of the odds ratio x1 (n2 - x2) / (x2 (n1 - x1)), its bias of order 1 / n removed (Gart 1985).

    Example:
        >>> lower, upper = scas_odds_ratio(24, 73, 53, 65, level=0.95, sides="two")
        >>> round(lower, 3), round(upper, 3)
        (0.05, 0.244)
    """
    return _ratio_ends(
        lambda at: corrected(odds_ratio_moments(float(np.exp(at)), x1, n1, x2, n2)),
        level,
        sides,
        found=_quotient(x1 * (n2 - x2), x2 * (n1 - x1)),
    )


def score_odds_ratio(x1: float, n1: float, x2: float, n2: float, *, level: float, sides: Sides) -> Ends:
    """The score interval of Miettinen & Nurminen of an odds ratio: no skewness, no bias.

    Example:
        Fagerland, Lydersen & Laake 2015, 24 of 73 against 53 of 65:

        >>> lower, upper = score_odds_ratio(24, 73, 53, 65, level=0.95, sides="two")
        >>> round(lower, 3), round(upper, 3)
        (0.05, 0.245)
    """
    return _ratio_ends(
        lambda at: corrected(odds_ratio_moments(float(np.exp(at)), x1, n1, x2, n2, skewed=False)),
        level,
        sides,
        found=_quotient(x1 * (n2 - x2), x2 * (n1 - x1)),
    )


def most_likely(x1: float, n1: float, x2: float, n2: float, difference: float) -> Ends:
    """The most likely proportions with a difference, by the closed form of Farrington & Manning 1990."""
    ratio, p1, p2 = n2 / n1, x1 / n1, x2 / n2
    a = 1 + ratio
    b = -(1 + ratio + p1 + ratio * p2 + difference * (ratio + 2))
    c = difference**2 + difference * (2 * p1 + ratio + 1) + p1 + ratio * p2
    d = -p1 * difference * (1 + difference)
    v = (b / (3 * a)) ** 3 - b * c / (6 * a * a) + d / (2 * a)
    u = np.sqrt(max((b / (3 * a)) ** 2 - c / (3 * a), 0.0)) * (1 if v >= 0 else -1)
    angle = np.arccos(np.clip(v / u**3, -1, 1)) if u else 0.0
    first = 2 * u * np.cos((np.pi + angle) / 3) - b / (3 * a)
    first = min(max(float(first), 0.0, difference), 1.0, 1 + difference)
    return first, min(max(first - difference, 0.0), 1.0)


def difference_moments(
    at: float, x1: float, n1: float, x2: float, n2: float, *, unbiased: bool = True
) -> Moments:
    """Of the score of a difference (Gart & Nam 1990); `unbiased`: with the factor N / (N - 1)."""
    first, second = most_likely(x1, n1, x2, n2, at)
    one, two = first * (1 - first), second * (1 - second)
    return Moments(
        x1 / n1 - x2 / n2 - at,
        _factor(n1 + n2, unbiased=unbiased) * (one / n1 + two / n2),
        one * (1 - 2 * first) / n1**2 - two * (1 - 2 * second) / n2**2,
    )


def ratio_moments(at: float, x1: float, n1: float, x2: float, n2: float, *, unbiased: bool = True) -> Moments:
    """Of the score p1 - ratio p2 of a ratio (Gart & Nam 1988)."""
    # the smaller root of a quadratic is the most likely second proportion
    a, b, c = (n1 + n2) * at, -(at * (n1 + x2) + x1 + n2), x1 + x2
    second = 2 * c / (np.sqrt(max(b * b - 4 * a * c, 0.0)) - b)
    first = min(at * second, 1.0)
    one, two = first * (1 - first), second * (1 - second)
    return Moments(
        x1 / n1 - at * x2 / n2,
        _factor(n1 + n2, unbiased=unbiased) * (one / n1 + at**2 * two / n2),
        one * (1 - 2 * first) / n1**2 - at**3 * two * (1 - 2 * second) / n2**2,
    )


def odds_ratio_moments(
    at: float, x1: float, n1: float, x2: float, n2: float, *, unbiased: bool = True, skewed: bool = True
) -> Moments:
    """Of the score of a logarithmic odds ratio (Gart 1985); not `skewed`: without third moment and bias."""
    if at > 1:  # the other way round: small chances stay exact
        turned = odds_ratio_moments(1 / at, x2, n2, x1, n1, unbiased=unbiased, skewed=skewed)
        return Moments(-turned.distance, turned.variance, -turned.third)
    # the most likely x1 with the margins kept: the root of a quadratic, in a form that does not cancel
    events, linear = x1 + x2, n2 - (x1 + x2) + at * (n1 + x1 + x2)
    root = np.sqrt(max(linear**2 - 4 * at * (at - 1) * n1 * events, 0.0))
    expected = 2 * at * n1 * events / (linear + root) if linear > 0 else (linear - root) / (2 * (at - 1))
    first, second = expected / n1, (events - expected) / n2
    one, two = first * (n1 - expected), second * (n2 - events + expected)
    if one <= 0 or two <= 0:
        return Moments(x1 - expected, 0.0, 0.0)
    # S = (p1 - first) / (first (1 - first)) - (p2 - second) / (...), where both numerators are x1 - expected
    distance = (x1 - expected) * (1 / one + 1 / two)
    variance = _factor(n1 + n2, unbiased=unbiased) * (1 / one + 1 / two)
    if not skewed:
        return Moments(distance, variance, 0.0)
    return Moments(
        distance - (first - second) / (one + two),
        variance,
        (1 - 2 * first) / one**2 - (1 - 2 * second) / two**2,
    )


def paired_moments(at: float, cells: tuple[int, int, int, int], *, unbiased: bool = True) -> Moments:
    """Of the score of a paired difference, at Tango's most likely cells (Laud 2025, ratesci 1.0).

    The third moment is that of a unit's difference d, which is 1, -1 or 0: E(d - delta)^3.

    Args:
        at: The supposed difference delta.
        cells: Units on which both, only the first, only the second, and neither succeed.
        unbiased: With the factor n / (n - 1).
    """
    _, b, c, _ = cells
    n = sum(cells)
    linear = (2 * n - b + c) * at - b - c
    root = np.sqrt(max(linear**2 + 8 * n * c * at * (1 - at), 0.0))
    second = max((root - linear) / (4 * n), 0.0)
    first = max(second + at, 0.0)
    equal = max(1 - first - second, 0.0)
    variance = first + second - at * at
    third = first * (1 - at) ** 3 - second * (1 + at) ** 3 - equal * at**3
    return Moments((b - c) / n - at, max(_factor(n, unbiased=unbiased) * variance / n, 0.0), third / n**2)


def scas_paired_difference(cells: tuple[int, int, int, int], low: float, high: float) -> Ends:
    """Of a paired difference, first - second, at two normal quantiles; infinite ones leave an end open.

    One pair says nothing: n / (n - 1) is infinite.
    """
    if sum(cells) == 1:
        return -1.0, 1.0

    def score(at: float) -> float:
        return corrected(paired_moments(at, cells))

    found = (cells[1] - cells[2]) / sum(cells)
    return _bound(score, -low, found, -1.0), _bound(score, -high, found, 1.0)


def _factor(total: float, *, unbiased: bool) -> float:
    return total / (total - 1) if unbiased and total > 1 else 1.0


def _bound(score: Callable[[float], float], z: float, found: float, end: float) -> float:
    """The difference between what was found and an end at which the falling score is z.

    Only that side is searched: where all units are events, or no pair is discordant, the corrected score
    jumps at what was found, and values from -1 to 1 occur on both sides of it. A level so low that the bound
    would pass what was found gives what was found; where the score has no such value, the end.
    """
    sign = 1.0 if end < found else -1.0
    if np.isinf(z) or found == end or sign * (score(end) - z) <= 0:
        return end
    if sign * (score(found) - z) >= 0:
        return found
    return float(optimize.brentq(lambda at: score(at) - z, end, found, xtol=1e-15, rtol=1e-14))


def _quotient(above: float, below: float) -> float:
    return above / below if below else float("inf")


def _ratio_ends(log_score: Callable[[float], float], level: float, sides: Sides, *, found: float) -> Ends:
    """Both bounds of a ratio from the falling score of its logarithm; what was found may be 0 or infinite."""
    low, high = (float(special.ndtri(tail)) for tail in tail_levels(level, sides))
    inside = -_FAR if found == 0 else min(float(np.log(found)), _FAR)
    lower = _bound(log_score, -low, inside, -_FAR)
    upper = _bound(log_score, -high, inside, _FAR)
    return (
        0.0 if lower <= -_FAR else found if lower == inside else float(np.exp(lower)),
        float("inf") if upper >= _FAR else found if upper == inside else float(np.exp(upper)),
    )
