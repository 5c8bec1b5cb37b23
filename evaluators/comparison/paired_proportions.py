"""Difference and ratio of two proportions on the same independent units, and non-inferiority between them.

b are units on which only the candidate succeeds, c those on which only the baseline does, of n. Everything is
candidate against baseline. Where units are clustered in subjects, `compare_versions` has the intervals.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import optimize, special

from ..intervals import tail_levels
from ..metric import CannotComputeError, Interval, Sides
from .methods import LIU, TANGO
from .paired_counts import PairedCounts
from .results import ComparedProportions, HypothesisTest
from .skewness import scas_paired_difference
from .verdict import checked_margin

Ends = tuple[float, float]


def paired_proportion_difference(
    counts: PairedCounts, *, ci: str = "newcombe_paired", level: float = 0.95, sides: Sides = "two"
) -> ComparedProportions:
    """Difference of two proportions on the same independent units, (b - c) / n.

    Args:
        counts: The four cells, from `paired_counts` or written down.
        ci: `newcombe_paired` (default: square-and-add of Wilson intervals with Newcombe's correlation,
            method 10 of Newcombe 1998; closed form, keeps its level in small samples), `tango` (score
            interval; what the score test of `paired_non_inferiority` inverts), `scas` (score with the factor
            n / (n - 1), corrected for skewness), `bonett_price`, `agresti_min`, or, for comparison with older
            reports, `newcombe_paired_8` (the correlation as it is; narrower) and `wald_paired` (too narrow in
            small samples).
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then -1 or 1.

    Raises:
        CannotComputeError: No units.
        ValueError: An unknown method.

    Example:
        Bentur 2009, `contingencytables` in R: -0.507 to -0.026 for test 1 - test 2; here turned round.

        >>> counts = PairedCounts(both=1, candidate_only=7, baseline_only=1, neither=12)
        >>> found = paired_proportion_difference(counts)
        >>> round(found.value, 4), round(found.interval.lower, 4), round(found.interval.upper, 4)
        (0.2857, 0.0256, 0.5069)
    """
    compute = _chosen(ci, DIFFERENCES)
    value = counts.difference
    lower, upper = compute(counts, *_z(level, sides))
    return ComparedProportions(
        name="Difference of paired proportions (candidate - baseline)",
        candidate=counts.candidate,
        baseline=counts.baseline,
        value=value,
        interval=_interval(
            max(lower, -1.0), min(upper, 1.0), level=level, sides=sides, method=ci, open_ends=(-1.0, 1.0)
        ),
        n=counts.n,
        standard_error=_wald_error(counts),
    )


def paired_proportion_ratio(
    counts: PairedCounts, *, ci: str = "tang", level: float = 0.95, sides: Sides = "two"
) -> ComparedProportions:
    """Ratio of two proportions on the same independent units, candidate / baseline.

    Args:
        counts: The four cells.
        ci: `tang` (default: score interval; Tang, Tang & Chan 2003; has an answer at empty cells),
            `bonett_price` (hybrid of Wilson intervals; Bonett & Price 2006), or `wald_log_paired`.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or infinite.

    Raises:
        CannotComputeError: No units; neither version ever succeeds; with `wald_log_paired`, one never does.
        ValueError: An unknown method.

    Example:
        `contingencytables` in R, test 2 / test 1 for Bentur 2009:

        >>> counts = PairedCounts(both=1, candidate_only=7, baseline_only=1, neither=12)
        >>> found = paired_proportion_ratio(counts)
        >>> round(found.value, 4), round(found.interval.lower, 4), round(found.interval.upper, 4)
        (4.0, 1.1027, 15.3188)
    """
    compute = _chosen(ci, RATIOS)
    first, second = counts.both + counts.candidate_only, counts.both + counts.baseline_only
    candidate, baseline = counts.candidate, counts.baseline
    if first == 0 and second == 0:
        raise CannotComputeError("Neither version ever succeeds; the ratio has no value.")
    lower, upper = compute(counts, *_z(level, sides))
    discordant = counts.candidate_only + counts.baseline_only
    return ComparedProportions(
        name="Ratio of paired proportions (candidate / baseline)",
        candidate=candidate,
        baseline=baseline,
        value=first / second if second else float("inf"),
        interval=_interval(lower, upper, level=level, sides=sides, method=ci, open_ends=(0.0, float("inf"))),
        n=counts.n,
        standard_error=float(np.sqrt(discordant / (first * second))) if first and second else None,
    )


def paired_non_inferiority(counts: PairedCounts, margin: float, *, method: str = "tango") -> HypothesisTest:
    """One-sided test that the candidate's proportion is not lower than the baseline's by the margin or more.

    - `tango` (default): the score statistic at a difference of -margin, with the variance estimated under the
      null hypothesis (Tango 1998; the same as Liu 2002, restricted maximum likelihood). p < alpha exactly
      where the lower bound of the `tango` interval of level 1 - 2 alpha lies above -margin.
    - `wald`: (difference + margin) over the unrestricted standard error.

    Args:
        counts: The four cells; success is what is good.
        margin: Above 0, as a difference of proportions.
        method: `tango` or `wald`.

    Raises:
        CannotComputeError: No units; with `wald`, no variance.
        ValueError: A margin outside 0 to 1, or an unknown method.

    Example:
        >>> counts = PairedCounts(both=20, candidate_only=5, baseline_only=5, neither=10)
        >>> found = paired_non_inferiority(counts, 0.15)
        >>> round(found.statistic, 4), round(found.p_value, 4)
        (1.784, 0.0372)
    """
    checked_margin(margin)
    if margin >= 1:
        raise ValueError(f"`margin` is a difference of proportions, below 1, not {margin!r}.")
    if method == "tango":
        difference, spread = _score(counts, -margin)
    elif method == "wald":
        difference, spread = counts.n * (counts.difference + margin), counts.n * _wald_error(counts)
    else:
        raise ValueError(f"`method` must be tango or wald, not {method!r}.")
    if spread == 0:
        raise CannotComputeError(f"The `{method}` test has no variance with these counts.")
    z = difference / spread
    return HypothesisTest(
        test=f"Non-inferiority of paired proportions, {method.capitalize()}",
        hypothesis=f"the candidate is lower by {margin:g} or more",
        p_value=float(special.ndtr(-z)),
        statistic=z,
        distribution="normal, one-sided",
        n=counts.n,
        counted="pairs",
        details={"difference": counts.difference, "margin": margin},
        citations=(TANGO, LIU) if method == "tango" else (LIU,),
    )


def _newcombe(counts: PairedCounts, low: float, high: float, *, corrected: bool = True) -> Ends:
    n, first, second = counts.n, counts.candidate, counts.baseline
    first_count = counts.both + counts.candidate_only
    second_count = counts.both + counts.baseline_only
    phi = _correlation(counts, corrected=corrected)

    def bound(z: float, sign: int) -> float:
        if np.isinf(z):
            return sign * 1.0
        one = abs(_wilson_end(first_count, n, sign * z) - first)
        two = abs(_wilson_end(second_count, n, -sign * z) - second)
        reach = one * one - 2 * phi * one * two + two * two
        return counts.difference + sign * float(np.sqrt(max(reach, 0.0)))

    return bound(-low, -1), bound(high, 1)


def _correlation(counts: PairedCounts, *, corrected: bool) -> float:
    """Correlation of the two results; corrected: n / 2 is taken from the numerator where that is positive."""
    a, b, c, d = counts.both, counts.candidate_only, counts.baseline_only, counts.neither
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if margins == 0:
        return 0.0
    numerator: float = a * d - b * c
    if corrected and numerator > 0:
        numerator = max(numerator - counts.n / 2, 0.0)
    return float(numerator / np.sqrt(float(margins)))


def _wald(counts: PairedCounts, low: float, high: float) -> Ends:
    error = _wald_error(counts)
    return counts.difference + _times(low, error), counts.difference + _times(high, error)


def _agresti_min(counts: PairedCounts, low: float, high: float) -> Ends:
    """Half a unit is added to each cell."""
    n, b, c = counts.n + 2, counts.candidate_only + 0.5, counts.baseline_only + 0.5
    error = float(np.sqrt(b + c - (b - c) ** 2 / n)) / n
    return (b - c) / n + _times(low, error), (b - c) / n + _times(high, error)


def _bonett_price(counts: PairedCounts, low: float, high: float) -> Ends:
    """One unit is added to each discordant cell."""
    n, b, c = counts.n + 2, counts.candidate_only + 1, counts.baseline_only + 1
    error = float(np.sqrt(b + c - (b - c) ** 2 / n)) / n
    return (b - c) / n + _times(low, error), (b - c) / n + _times(high, error)


def _wald_error(counts: PairedCounts) -> float:
    b, c, n = counts.candidate_only, counts.baseline_only, counts.n
    return float(np.sqrt(max(b + c - (b - c) ** 2 / n, 0.0))) / n


def _score(counts: PairedCounts, delta: float) -> Ends:
    """Numerator and standard error of Tango's score at a difference of delta."""
    n, b, c = counts.n, counts.candidate_only, counts.baseline_only
    linear = (2 * n - b + c) * delta - b - c
    constant = -c * delta * (1 - delta)
    share = (np.sqrt(max(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
    return b - c - n * delta, float(np.sqrt(max(n * (2 * share + delta * (1 - delta)), 0.0)))


def _tango(counts: PairedCounts, low: float, high: float) -> Ends:
    return _tango_lower(counts, -low), -_tango_lower(counts.swapped(), high)


def _tango_lower(counts: PairedCounts, z: float) -> float:
    """The difference below the estimate at which the score is z."""
    value, n = counts.difference, counts.n
    if np.isinf(z) or value == -1:
        return -1.0

    def excess(delta: float) -> float:
        difference, spread = _score(counts, delta)
        return difference - z * spread

    step = 0.01 * z * z / (n + z * z)  # no bound is nearer to the estimate than some z^2 / n
    return float(optimize.brentq(excess, -1.0, value - step, xtol=1e-16, rtol=1e-14))


def _scas(counts: PairedCounts, low: float, high: float) -> Ends:
    cells = (counts.both, counts.candidate_only, counts.baseline_only, counts.neither)
    return scas_paired_difference(cells, low, high)


def _wald_log(counts: PairedCounts, low: float, high: float) -> Ends:
    first, second = counts.both + counts.candidate_only, counts.both + counts.baseline_only
    if not (first and second):
        raise CannotComputeError("One version never succeeds; use `tang`, which has an interval there.")
    error = float(np.sqrt((counts.candidate_only + counts.baseline_only) / (first * second)))
    ratio = first / second
    return ratio * float(np.exp(_times(low, error))), ratio * float(np.exp(_times(high, error)))


def _tang(counts: PairedCounts, low: float, high: float) -> Ends:
    upper = _tang_lower(counts.swapped(), high)
    return _tang_lower(counts, -low), 1 / upper if upper > 0 else float("inf")


def _tang_lower(counts: PairedCounts, z: float) -> float:
    """The ratio below the estimate at which the score is z; that of the swapped counts is the upper bound."""
    a, b, c, n = counts.both, counts.candidate_only, counts.baseline_only, counts.n
    if np.isinf(z) or a + b == 0:
        return 0.0
    if a + c == 0:  # the score is then (b - z sqrt(b ratio)) / sqrt(b ratio)
        return b / z**2

    def excess(log_ratio: float) -> float:
        ratio = float(np.exp(log_ratio))
        linear = (a + c) * ratio**2 - (a + b + 2 * c)
        quadratic, constant = n * (1 + ratio), c * (1 - ratio) * (a + b + c) / n
        root = np.sqrt(max(linear**2 - 4 * quadratic * constant, 0.0))
        share = (root - linear) / (2 * quadratic)
        variance = n * (1 + ratio) * share + (a + b + c) * (ratio - 1)
        return a + b - (a + c) * ratio - z * float(np.sqrt(max(variance, 0.0)))

    top = float(np.log((a + b) / (a + c)))
    step = 0.001 * z * z / (n + z * z)
    bottom = top - step
    while excess(bottom) < 0:
        bottom -= 1.0
        if bottom < -700:
            return 0.0
    return float(np.exp(optimize.brentq(excess, bottom, top - step, xtol=1e-15, rtol=1e-14)))


def _bonett_price_ratio(counts: PairedCounts, low: float, high: float) -> Ends:
    return _hybrid_lower(counts, -low), 1 / lower if (lower := _hybrid_lower(counts.swapped(), high)) else (
        float("inf")
    )


def _hybrid_lower(counts: PairedCounts, z: float) -> float:
    """Wilson's lower bound of the candidate over the upper one of the baseline, at a narrower quantile."""
    any_success = counts.both + counts.candidate_only + counts.baseline_only
    first, second = counts.both + counts.candidate_only, counts.both + counts.baseline_only
    if np.isinf(z) or first == 0:
        return 0.0
    spread = np.sqrt((counts.candidate_only + counts.baseline_only + 2) / ((first + 1) * (second + 1)))
    one = np.sqrt((1 - (first + 1) / (any_success + 2)) / (first + 1))
    two = np.sqrt((1 - (second + 1) / (any_success + 2)) / (second + 1))
    narrow = float(z * spread / (one + two))
    return _wilson_end(first, any_success, -narrow) / _wilson_end(second, any_success, narrow)


def _wilson_end(x: int, n: int, z: float) -> float:
    """An end of Wilson's interval, the lower one where z is negative."""
    if (x == 0 and z < 0) or (x == n and z > 0):
        return x / n
    p = x / n
    return float((p + z * z / (2 * n) + z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n))


DIFFERENCES: dict[str, Callable[[PairedCounts, float, float], Ends]] = {
    "newcombe_paired": _newcombe,
    "newcombe_paired_8": partial(_newcombe, corrected=False),
    "tango": _tango,
    "scas": _scas,
    "bonett_price": _bonett_price,
    "agresti_min": _agresti_min,
    "wald_paired": _wald,
}
"""Intervals of the difference, by their names in `intervals.METHODS`."""

RATIOS: dict[str, Callable[[PairedCounts, float, float], Ends]] = {
    "tang": _tang,
    "bonett_price": _bonett_price_ratio,
    "wald_log_paired": _wald_log,
}
"""Intervals of the ratio."""


def _chosen(
    ci: str, offered: dict[str, Callable[[PairedCounts, float, float], Ends]]
) -> Callable[[PairedCounts, float, float], Ends]:
    if ci not in offered:
        raise ValueError(f"`ci` is {ci!r}; accepted: {', '.join(offered)}.")
    return offered[ci]


def _z(level: float, sides: Sides) -> Ends:
    """Normal quantiles of the two ends, infinite at an open one."""
    low, high = tail_levels(level, sides)
    return float(special.ndtri(low)), float(special.ndtri(high))


def _times(z: float, error: float) -> float:
    return z if np.isinf(z) else z * error


def _interval(
    lower: float, upper: float, *, level: float, sides: Sides, method: str, open_ends: Ends
) -> Interval:
    lower = lower if sides != "upper" else open_ends[0]
    upper = upper if sides != "lower" else open_ends[1]
    flat = lower == upper
    note = "The interval has no width and says nothing." if flat else None
    return Interval(float(lower), float(upper), level, sides, method, degenerate=flat, warning=note)
