"""Intervals of one proportion of independent units, beside Wilson's and Clopper and Pearson's in `intervals`.

All take x events in n units, the level and the sides, scalars or arrays, and return (lower, upper). Of an
exact method, the ends at 0 of n and n of n are exactly 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from ..intervals import Bounds, clopper_pearson, plain, successes_and_units, tail_levels, wilson
from ..metric import CannotComputeError, FloatArray, Sides
from .beta import beta_quantile

_BISECTIONS = 90  # more halvings than a double has bits, from brackets already narrow


def wilson_cc(x: ArrayLike, n: ArrayLike, level: float, sides: Sides = "two") -> Bounds:
    """Wilson score interval with continuity correction (Newcombe 1998, method 4).

    Args:
        x: Events, 0 to n.
        n: Units, above 0.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or 1.

    Raises:
        CannotComputeError: n is not above 0.
        ValueError: x lies outside 0 to n.

    Example:
        Newcombe 1998, table I: 81 of 263; `prop.test(81, 263)$conf.int` in R:

        >>> lower, upper = wilson_cc(81, 263, 0.95)
        >>> round(lower, 4), round(upper, 4)
        (0.2535, 0.3682)
    """
    events, units = successes_and_units(x, n)
    low, high = tail_levels(level, sides)
    p = events / units

    def bound(probability: float, sign: int) -> FloatArray:
        z = abs(float(special.ndtri(probability)))
        # Newcombe's formula for the lower end; the upper one is the lower one of the complement
        share = p if sign < 0 else 1 - p
        under = z * z - 2 - 1 / units + 4 * share * (units * (1 - share) + 1)
        end = (2 * units * share + z * z - 1 - z * np.sqrt(np.maximum(under, 0))) / (2 * (units + z * z))
        end = np.maximum(end, 0.0)
        return np.asarray(end if sign < 0 else 1 - end)

    lower = np.where(events == 0, 0.0, bound(low, -1)) if low > 0 else np.zeros(p.shape)
    upper = np.where(events == units, 1.0, bound(high, 1)) if high < 1 else np.ones(p.shape)
    return plain(lower), plain(upper)


def mid_p(x: ArrayLike, n: ArrayLike, level: float, sides: Sides = "two") -> Bounds:
    """Mid-P exact interval: half the probability of the observed number is counted (Lancaster 1961).

    The lower bound solves P(X > x) + P(X = x) / 2 = alpha / 2, to the last digit by bisection. Its coverage
    is close to the level on average and may fall below it; that of Clopper and Pearson may not.

    Arguments and errors as for `wilson_cc`.

    Example:
        Newcombe 1998, table I: 0 of 20, printed as 0 to 0.1391:

        >>> lower, upper = mid_p(0, 20, 0.95)
        >>> lower, round(upper, 4)
        (0.0, 0.1391)
    """
    events, units = successes_and_units(x, n)
    low, high = tail_levels(level, sides)
    lower = _mid_lower(events, units, low) if low > 0 else np.zeros(events.shape)
    upper = 1 - _mid_lower(units - events, units, 1 - high) if high < 1 else np.ones(events.shape)
    return plain(lower), plain(upper)


def agresti_coull(x: ArrayLike, n: ArrayLike, level: float, sides: Sides = "two") -> Bounds:
    """Normal interval after adding z^2 / 2 events and as many other units (Agresti & Coull 1998).

    It is cut at 0 and 1, and contains that of Wilson (without continuity correction).

    Arguments and errors as for `wilson_cc`.

    Example:
        `DescTools::BinomCI(81, 263, method = "agresti-coull")` in R:

        >>> lower, upper = agresti_coull(81, 263, 0.95)
        >>> round(lower, 4), round(upper, 4)
        (0.2552, 0.3663)
    """
    events, units = successes_and_units(x, n)
    low, high = tail_levels(level, sides)

    def bound(probability: float) -> FloatArray:
        z = special.ndtri(probability)
        enlarged = units + z * z
        centre = (events + z * z / 2) / enlarged
        return np.asarray(np.clip(centre + z * np.sqrt(centre * (1 - centre) / enlarged), 0.0, 1.0))

    lower = bound(low) if low > 0 else np.zeros(events.shape)
    upper = bound(high) if high < 1 else np.ones(events.shape)
    return plain(lower), plain(upper)


def jeffreys(x: ArrayLike, n: ArrayLike, level: float, sides: Sides = "two") -> Bounds:
    """Equal-tailed interval of the beta(x + 1/2, n - x + 1/2) posterior.

    Brown, Cai & DasGupta 2001, s. 3.1.3. At no events the lower bound is 0, and at events only the upper
    bound is 1, as they advise; the interval of highest posterior density is another one.

    Arguments and errors as for `wilson_cc`.

    Example:
        >>> lower, upper = jeffreys(0, 20, 0.95)
        >>> lower, round(upper, 4)
        (0.0, 0.1166)
    """
    events, units = successes_and_units(x, n)
    low, high = tail_levels(level, sides)
    a, b = events + 0.5, units - events + 0.5
    lower = np.where(events == 0, 0.0, beta_quantile(a, b, low)) if low > 0 else np.zeros(a.shape)
    upper = np.where(events == units, 1.0, beta_quantile(a, b, high)) if high < 1 else np.ones(a.shape)
    return plain(lower), plain(upper)


def logit(x: ArrayLike, n: ArrayLike, level: float, sides: Sides = "two") -> Bounds:
    """Normal interval of log(x / (n - x)), transformed back (Brown, Cai & DasGupta 2001).

    Arguments and errors as for `wilson_cc`, and:

    Raises:
        CannotComputeError: x is 0 or n; the log odds are infinite there.

    Example:
        `DescTools::BinomCI(81, 263, method = "logit")` in R:

        >>> lower, upper = logit(81, 263, 0.95)
        >>> round(lower, 4), round(upper, 4)
        (0.2551, 0.3664)
    """
    events, units = successes_and_units(x, n)
    low, high = tail_levels(level, sides)
    if np.any((events == 0) | (events == units)):
        raise CannotComputeError(
            "`logit` has no interval where no unit or every unit is an event; use `clopper_pearson` or "
            "`wilson`."
        )
    odds = np.log(events / (units - events))
    spread = np.sqrt(units / (events * (units - events)))
    lower = special.expit(odds + special.ndtri(low) * spread) if low > 0 else np.zeros(odds.shape)
    upper = special.expit(odds + special.ndtri(high) * spread) if high < 1 else np.ones(odds.shape)
    return plain(lower), plain(upper)


def wald(x: ArrayLike, n: ArrayLike, level: float, sides: Sides = "two") -> Bounds:
    """Normal interval p +- z sqrt(p (1 - p) / n), cut at 0 and 1.

    Here to compare with publications. Brown, Cai & DasGupta (2001) show how poor its coverage is; at 0 of n
    and n of n it has no width.

    Arguments and errors as for `wilson_cc`.

    Example:
        >>> lower, upper = wald(81, 263, 0.95)
        >>> round(lower, 4), round(upper, 4)
        (0.2522, 0.3638)
    """
    events, units = successes_and_units(x, n)
    low, high = tail_levels(level, sides)
    p = events / units
    spread = np.sqrt(p * (1 - p) / units)
    lower = np.clip(p + special.ndtri(low) * spread, 0.0, 1.0) if low > 0 else np.zeros(p.shape)
    upper = np.clip(p + special.ndtri(high) * spread, 0.0, 1.0) if high < 1 else np.ones(p.shape)
    return plain(lower), plain(upper)


def blaker(x: ArrayLike, n: ArrayLike, level: float, sides: Sides = "two") -> Bounds:
    """Exact interval of the parameters whose acceptability exceeds alpha (Blaker 2000).

    The acceptability of p is the smaller tail of x plus the largest tail of the other side that does not
    exceed it. The interval is the smallest one around all accepted p; it lies within that of Clopper and
    Pearson. Bounds are roots, not steps of a grid.

    Arguments and errors as for `wilson_cc` (x and n are whole numbers), and:

    Raises:
        CannotComputeError: One bound is asked for; the method is two-sided.

    Example:
        `DescTools::BinomCI(9, 10, method = "blaker")` in R gives 0.5555 and 0.9949:

        >>> lower, upper = blaker(9, 10, 0.95)
        >>> round(lower, 4), round(upper, 4)
        (0.5556, 0.9949)
    """
    events, units = successes_and_units(x, n)
    tail_levels(level, sides)
    if sides != "two":
        raise CannotComputeError("`blaker` gives two-sided intervals only.")
    alpha = round(1 - level, 15)
    lower = np.vectorize(lambda k, m: _blaker_lower(k, m, alpha), otypes=[float])(events, units)
    upper = 1 - np.vectorize(lambda k, m: _blaker_lower(k, m, alpha), otypes=[float])(units - events, units)
    return plain(lower), plain(upper)


BINOMIAL: dict[str, Callable[..., tuple[Any, Any]]] = {
    "clopper_pearson": clopper_pearson,
    "wilson": wilson,
    "wilson_cc": wilson_cc,
    "mid_p": mid_p,
    "agresti_coull": agresti_coull,
    "jeffreys": jeffreys,
    "blaker": blaker,
    "logit": logit,
    "wald": wald,
}
"""Every interval of a proportion of independent units, by its name in `intervals.METHODS`."""


def _mid_lower(events: FloatArray, units: FloatArray, tail: float) -> FloatArray:
    """The p with P(X > x) + P(X = x) / 2 = tail, between the bounds that count all or nothing of P(X = x)."""
    some, rest = np.maximum(events, 1.0), units - events
    below = np.where(events == 0, 0.0, beta_quantile(some, rest + 1, tail))
    above = np.where(rest == 0, 1.0, beta_quantile(events + 1, np.maximum(rest, 1.0), tail))
    for _ in range(_BISECTIONS):
        middle = (below + above) / 2
        at_least = special.betainc(some, rest + 1, middle)
        more = np.where(rest == 0, 0.0, special.betainc(events + 1, np.maximum(rest, 1.0), middle))
        under = (at_least + more) / 2 < tail
        below, above = np.where(under, middle, below), np.where(under, above, middle)
    return np.asarray(np.where(events == 0, 0.0, (below + above) / 2))


def _blaker_lower(events: float, units: float, alpha: float) -> float:
    """Smallest accepted p.

    At the lower Clopper-Pearson bound the tail of x is alpha / 2. From there upwards the acceptability is
    continuous until one more number enters the other tail; at that point both tails are equal and above
    alpha / 2, so the bound lies at it, or before it where the acceptability passes alpha.
    """
    if events == 0:
        return 0.0
    start = float(beta_quantile(events, units - events + 1, alpha / 2))

    def tail(p: float) -> float:  # P(X >= x)
        return float(special.betainc(events, units - events + 1, p))

    def other(k: float, p: float) -> float:  # P(X <= k)
        return float(special.betaincc(k + 1, units - k, p)) if k >= 0 else 0.0

    low, high = -1.0, events - 1  # P(X <= low) is at most alpha / 2 at the start, P(X <= high) is above
    while high - low > 1:
        middle = float((low + high) // 2)
        low, high = (middle, high) if other(middle, start) <= alpha / 2 else (low, middle)
    entry = float(optimize.brentq(lambda p: tail(p) - other(low + 1, p), start, 1.0, xtol=1e-16, rtol=1e-14))
    if tail(entry) + other(low, entry) <= alpha:
        return entry
    return float(
        optimize.brentq(lambda p: tail(p) + other(low, p) - alpha, start, entry, xtol=1e-16, rtol=1e-14)
    )
