"""Intervals of what two independent proportions make: ratios, odds ratios, sums, predictive values.

In a table of reference by test the two proportions are the share of test positives among reference positives
and that among reference negatives. Counts in, (lower, upper) out; units are taken as independent.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import optimize, special

from ..intervals import tail_levels, wilson
from ..metric import CannotComputeError, Sides


def log_ratio(
    x1: float, n1: float, x0: float, n0: float, *, level: float, sides: Sides
) -> tuple[float, float]:
    """Normal interval of log((x1 / n1) / (x0 / n0)), transformed back (Simel, Samsa & Matchar 1991).

    Args:
        x1: Events of the numerator.
        n1: Its units.
        x0: Events of the denominator.
        n0: Its units.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or infinite.

    Raises:
        CannotComputeError: A group has no events or no units.

    Example:
        Positive likelihood ratio of 670 of 744 to 202 of 842; `epiR::epi.tests` in R:

        >>> lower, upper = log_ratio(670, 744, 202, 842, level=0.95, sides="two")
        >>> round(lower, 4), round(upper, 4)
        (3.3207, 4.2432)
    """
    _groups(n1, n0)
    if x1 == 0 or x0 == 0:
        raise CannotComputeError(
            "`log` has no interval where one of the proportions is 0; use `koopman`, which has."
        )
    spread = float(np.sqrt(1 / x1 - 1 / n1 + 1 / x0 - 1 / n0))
    return _exponential(float(np.log(x1 / n1) - np.log(x0 / n0)), spread, level, sides)


def log_odds_ratio(
    tp: float, fp: float, fn: float, tn: float, *, level: float, sides: Sides
) -> tuple[float, float]:
    """Normal interval of log(tp * tn / (fp * fn)), transformed back (Woolf 1955).

    Raises:
        CannotComputeError: A cell is 0.

    Example:
        >>> lower, upper = log_odds_ratio(670, 202, 74, 640, level=0.95, sides="two")
        >>> round(lower, 3), round(upper, 3)
        (21.518, 38.242)
    """
    if min(tp, fp, fn, tn) == 0:
        raise CannotComputeError(
            "`log` has no interval where a cell is 0; `correction: haldane_anscombe` adds 0.5 to each."
        )
    spread = float(np.sqrt(1 / tp + 1 / fp + 1 / fn + 1 / tn))
    return _exponential(float(np.log(tp) + np.log(tn) - np.log(fp) - np.log(fn)), spread, level, sides)


def score_ratio(
    x1: float, n1: float, x0: float, n0: float, *, level: float, sides: Sides, unbiased: bool = False
) -> tuple[float, float]:
    """Score interval of (x1 / n1) / (x0 / n0), which zero cells do not stop (Koopman 1984).

    All ratios that the score statistic does not reject, with the variance at the maximum of the likelihood
    under that ratio. `unbiased` multiplies the variance with N / (N - 1) (Miettinen & Nurminen 1985).

    Arguments as for `log_ratio`.

    Raises:
        CannotComputeError: A group has no units.

    Example:
        30 of 35 to 0 of 65: no upper bound, but a lower one.

        >>> lower, upper = score_ratio(30, 35, 0, 65, level=0.95, sides="two")
        >>> round(lower, 2), upper
        (15.34, inf)
    """
    _groups(n1, n0)
    low, high = tail_levels(level, sides)
    factor = (n1 + n0) / (n1 + n0 - 1) if unbiased and n1 + n0 > 1 else 1.0
    p1, p0 = x1 / n1, x0 / n0

    def score(log_ratio: float) -> float:
        ratio = float(np.exp(log_ratio))
        # the maximum-likelihood p0 under p1 = ratio * p0: the smaller root of a quadratic
        a, b, c = (n1 + n0) * ratio, -(ratio * (n1 + x0) + x1 + n0), x1 + x0
        root = 2 * c / (-b + np.sqrt(max(b * b - 4 * a * c, 0.0)))
        under0, under1 = root, min(ratio * root, 1.0)
        variance = under1 * (1 - under1) / n1 + ratio**2 * under0 * (1 - under0) / n0
        if variance <= 0:
            return float(np.sign(p1 - ratio * p0) * np.inf) if p1 != ratio * p0 else 0.0
        return float((p1 - ratio * p0) / np.sqrt(factor * variance))

    lower, upper = 0.0, float("inf")
    if low > 0 and x1 > 0:
        lower = _root(score, -float(special.ndtri(low)))
    if high < 1 and x0 > 0:
        upper = _root(score, -float(special.ndtri(high)))
    return lower, upper


def score_difference(
    x1: float, n1: float, x0: float, n0: float, *, level: float, sides: Sides, unbiased: bool = True
) -> tuple[float, float]:
    """Score interval of x1 / n1 - x0 / n0 (Miettinen & Nurminen 1985).

    All differences that the score statistic does not reject, with the variance at the maximum of the
    likelihood under that difference, times N / (N - 1); without that factor (Mee 1984) if not `unbiased`.

    Arguments as for `log_ratio`; an open end is -1 or 1.

    Raises:
        CannotComputeError: A group has no units.

    Example:
        56 of 70 against 48 of 80 (Newcombe 1998, example a); `ratesci::scoreci(skew = FALSE)` in R:

        >>> lower, upper = score_difference(56, 70, 48, 80, level=0.95, sides="two")
        >>> round(lower, 4), round(upper, 4)
        (0.0528, 0.3382)
    """
    _groups(n1, n0)
    low, high = tail_levels(level, sides)
    factor = (n1 + n0) / (n1 + n0 - 1) if unbiased and n1 + n0 > 1 else 1.0
    found = x1 / n1 - x0 / n0

    def score(difference: float) -> float:
        p0 = _likeliest(x1, n1, x0, n0, difference)
        p1 = min(max(p0 + difference, 0.0), 1.0)
        variance = p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0
        if variance <= 0:
            return 0.0 if difference == found else float(np.sign(found - difference)) * np.inf
        return float((found - difference) / np.sqrt(factor * variance))

    def bound(target: float, end: float) -> float:
        if found == end:
            return end
        inside = (found, end) if end > found else (end, found)
        return float(optimize.brentq(lambda at: _finite(score(at)) - target, *inside, xtol=1e-15, rtol=1e-14))

    lower = bound(-float(special.ndtri(low)), -1.0) if low > 0 else -1.0
    upper = bound(-float(special.ndtri(high)), 1.0) if high < 1 else 1.0
    return lower, upper


def mover_wilson(
    x1: float,
    n1: float,
    x0: float,
    n0: float,
    *,
    level: float,
    sides: Sides,
    factors: tuple[float, float] = (1.0, 1.0),
) -> tuple[float, float]:
    """Interval of a weighted sum of two independent proportions from their Wilson intervals.

    The distances to the bounds of each, squared, weighted and added (Newcombe 1998, method 10, for a
    difference; Zou & Donner 2008 in general).

    Args:
        x1: Events of the first proportion.
        n1: Its units.
        x0: Events of the second.
        n0: Its units.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or the sum of the factors.
        factors: Not negative; (1, 1) for sensitivity plus specificity.

    Raises:
        CannotComputeError: A group has no units.

    Example:
        Youden's index of 26 of 41 and 58 of 72, as `ratesci::moverci` in R:

        >>> lower, upper = mover_wilson(26, 41, 58, 72, level=0.95, sides="two")
        >>> round(lower - 1, 4), round(upper - 1, 4)
        (0.2537, 0.5897)
    """
    _groups(n1, n0)
    a, b = factors
    p, q = x1 / n1, x0 / n0
    (lower1, upper1), (lower0, upper0) = wilson(x1, n1, level, sides), wilson(x0, n0, level, sides)
    value = a * p + b * q
    lower = value - float(np.hypot(a * (p - lower1), b * (q - lower0))) if sides != "upper" else 0.0
    upper = value + float(np.hypot(a * (upper1 - p), b * (upper0 - q))) if sides != "lower" else a + b
    return max(lower, 0.0), min(upper, a + b)


def mercaldo(
    tp: float,
    fp: float,
    fn: float,
    tn: float,
    *,
    prevalence: float,
    negative: bool,
    level: float,
    sides: Sides,
    adjusted: bool = False,
) -> tuple[float, float]:
    """Logit interval of a predictive value at a stated prevalence (Mercaldo, Lau & Zhou 2007).

    The variance of the log odds is that of the logarithm of a likelihood ratio. Where a cell is 0, z^2 / 2
    events and as many other units are added to both classes first, as they advise. It is then an interval
    about the value of the enlarged counts and need not hold that of the counts themselves.

    Args:
        tp: True positives; `fp`, `fn`, `tn` likewise.
        fp: False positives.
        fn: False negatives.
        tn: True negatives.
        prevalence: Between 0 and 1.
        negative: The negative predictive value is meant.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or 1.
        adjusted: Enlarge the counts even where no cell is 0 (their adjusted logit interval).

    Raises:
        CannotComputeError: A reference class is empty.

    Example:
        `bdpv::CIppvnpv` in R, at a prevalence of 0.1:

        >>> lower, upper = mercaldo(
        ...     670, 202, 74, 640, prevalence=0.1, negative=False, level=0.95, sides="two"
        ... )
        >>> round(lower, 4), round(upper, 4)
        (0.2695, 0.3204)
    """
    _groups(tp + fn, fp + tn)
    low, high = tail_levels(level, sides)
    added = 0.0
    if adjusted or min(tp, fp, fn, tn) == 0:
        added = float(special.ndtri(low if low > 0 else high)) ** 2 / 2
    tp, fp, fn, tn = (cell + added for cell in (tp, fp, fn, tn))
    # odds of a predictive value: a likelihood ratio times the odds of the class
    hit, miss, odds = (
        (tn, fn, (1 - prevalence) / prevalence) if negative else (tp, fp, prevalence / (1 - prevalence))
    )
    hits, misses = (fp + tn, tp + fn) if negative else (tp + fn, fp + tn)
    centre = float(np.log(hit / hits) - np.log(miss / misses) + np.log(odds))
    spread = float(np.sqrt(1 / hit - 1 / hits + 1 / miss - 1 / misses))
    lower = float(special.expit(centre + special.ndtri(low) * spread)) if low > 0 else 0.0
    upper = float(special.expit(centre + special.ndtri(high) * spread)) if high < 1 else 1.0
    return lower, upper


def log_t(value: float, standard_error: float, df: float, level: float, sides: Sides) -> tuple[float, float]:
    """Student's t interval of the logarithm of a positive estimate, transformed back.

    Args:
        value: The estimate.
        standard_error: Its standard error on its own scale; that of the logarithm is it over the value.
        df: Degrees of freedom.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or infinite.

    Raises:
        CannotComputeError: The estimate is not above 0, or the standard error is undefined.

    Example:
        >>> lower, upper = log_t(4.0, 1.0, 20, 0.95, "two")
        >>> round(lower, 3), round(upper, 3)
        (2.375, 6.738)
    """
    low, high = tail_levels(level, sides)
    if value <= 0:
        raise CannotComputeError("The logarithm of an estimate of 0 is infinite.")
    if not np.isfinite(standard_error) or df < 1:
        raise CannotComputeError("The standard error is undefined for these data.")
    centre, spread = float(np.log(value)), standard_error / value
    lower = float(np.exp(centre + special.stdtrit(df, low) * spread)) if low > 0 else 0.0
    upper = float(np.exp(centre + special.stdtrit(df, high) * spread)) if high < 1 else float("inf")
    return lower, upper


def _likeliest(x1: float, n1: float, x0: float, n0: float, difference: float) -> float:
    """p0 of the largest likelihood under p1 = p0 + difference: a root of a cubic, in closed form.

    Miettinen & Nurminen 1985, appendix I.
    """
    total, events = n1 + n0, x1 + x0
    a = (n1 + 2 * n0) * difference - total - events
    b = (n0 * difference - total - 2 * x0) * difference + events
    c = x0 * difference * (1 - difference)
    third = a / (3 * total)
    q = third**3 - a * b / (6 * total**2) + c / (2 * total)
    radius = float(np.copysign(np.sqrt(max(third**2 - b / (3 * total), 0.0)), q))
    cosine = q / radius**3 if radius else 0.0
    angle = (np.pi + np.arccos(min(max(cosine, -1.0), 1.0))) / 3
    p0 = 2 * radius * float(np.cos(angle)) - third
    return float(min(max(p0, 0.0, -difference), 1.0, 1.0 - difference))


def _finite(value: float) -> float:
    """A number that a root search can subtract from."""
    return float(np.clip(value, -1e300, 1e300))


def _groups(n1: float, n0: float) -> None:
    if n1 <= 0 or n0 <= 0:
        raise CannotComputeError("A reference class is empty.")


def _exponential(centre: float, spread: float, level: float, sides: Sides) -> tuple[float, float]:
    low, high = tail_levels(level, sides)
    lower = float(np.exp(centre + special.ndtri(low) * spread)) if low > 0 else 0.0
    upper = float(np.exp(centre + special.ndtri(high) * spread)) if high < 1 else float("inf")
    return lower, upper


def _root(score: Callable[[float], float], target: float) -> float:
    """The ratio at which a falling score statistic of its logarithm has a value."""
    below, above = -1.0, 1.0
    while score(below) <= target and below > -600:
        below *= 2
    while score(above) >= target and above < 600:
        above *= 2
    if score(below) <= target:
        return 0.0
    if score(above) >= target:
        return float("inf")
    return float(np.exp(optimize.brentq(lambda at: score(at) - target, below, above, xtol=1e-15, rtol=1e-15)))
