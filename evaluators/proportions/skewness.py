"""The skewness-corrected score interval of one proportion (Laud 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..intervals import Bounds, plain, successes_and_units, tail_levels
from ..metric import FloatArray, Sides


def scas(x: ArrayLike, n: ArrayLike, level: float, sides: Sides = "two", *, inflation: float = 1.0) -> Bounds:
    """Skewness-corrected score interval of x events in n units (Laud 2017, "SCAS").

    Wilson's interval with a term for the skewness of the binomial distribution, so that both tails miss
    equally often on average; coverage is close to that of `mid_p`. A bound p solves
    (x / n - p) / sqrt(V) = z + (z^2 - 1) / 6 times M / sqrt(V)^3, where V = p (1 - p) / n is the variance of
    x / n and M = p (1 - p) (1 - 2 p) / n^2 its third moment: a quadratic. Where it has no root (very few
    units and a level of 99.9%), and at 0 of n and n of n, that end is 0 or 1.

    Args:
        x: Events, 0 to n.
        n: Units, above 0.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or 1.
        inflation: Factor of V for units that belong to subjects, at least 1; Saha, Miller & Wang 2016 take
            sum(n_i (1 + (n_i - 1) icc)) / sum(n_i) with the ANOVA intraclass correlation.

    Raises:
        CannotComputeError: n is not above 0.
        ValueError: x lies outside 0 to n, or the inflation is below 1.

    Example:
        `ratesci::scaspci(81, 263)` in R:

        >>> lower, upper = scas(81, 263, 0.95)
        >>> round(lower, 6), round(upper, 6)
        (0.254461, 0.365709)
    """
    events, units = successes_and_units(x, n)
    low, high = tail_levels(level, sides)
    if not (np.isfinite(inflation) and inflation >= 1):
        raise ValueError(f"`inflation` must be a number from 1 on, not {inflation!r}.")
    lower, upper = np.zeros(events.shape), np.ones(events.shape)
    if low > 0:
        lower = np.where(events == 0, 0.0, _lower(events, units, -float(special.ndtri(low)), inflation))
    if high < 1:
        other = _lower(units - events, units, float(special.ndtri(high)), inflation)
        upper = np.where(events == units, 1.0, 1.0 - other)
    return plain(lower), plain(upper)


def _lower(events: FloatArray, units: FloatArray, z: float, inflation: float) -> FloatArray:
    """The p below x / n at which the corrected score is z; 0 where there is none."""
    skew = (z * z - 1) / (3 * units * inflation)
    a, b, width = events / units - skew / 2, 1 - skew, z * z * inflation / units
    half = a * b + width / 2
    root = (half - np.sqrt(np.maximum(half**2 - (b * b + width) * a * a, 0.0))) / (b * b + width)
    # squaring has added the root of -z, and the score is one branch of a quadratic of its own
    spread = np.sqrt(np.maximum(inflation * root * (1 - root) / units, 0.0))
    branch = 1 + z * np.divide(
        1 - 2 * root, 3 * units * inflation * spread, out=np.zeros_like(root), where=spread > 0
    )
    within = np.clip(root, 0.0, events / units)  # at levels near one half the correction would pass x / n
    return np.asarray(np.where((a - b * root >= 0) & (branch >= 0), within, 0.0))
