"""Exact factors for limits of independent normal differences: of one limit, and of both together.

All are multiples of the sample standard deviation, to be added to and subtracted from the mean difference.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import optimize, special

from ..metric import CannotComputeError, FloatArray

_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(160)
_REACH = 9.0  # standard errors of the mean that the integral covers; the rest is below 1e-18


@lru_cache(maxsize=1024)
def limit_factor(n: float, probability: float, multiplier: float) -> float:
    """Factor k with P(bias + k sd <= true limit) = 1 - probability, from the noncentral t distribution.

    The limit lies `multiplier` true standard deviations above the true bias. k is the quantile `probability`
    of t with n - 1 degrees of freedom and noncentrality multiplier sqrt(n), over sqrt(n) (Carkeet 2015).

    Args:
        n: Number of independent differences, above 1.
        probability: 0.025 and 0.975 for the two ends of a 95% interval.
        multiplier: 1.96 for a 95% limit.

    Raises:
        CannotComputeError: n is not above 1.

    Example:
        `uniroot(function(k) pt(k * sqrt(17), 16, 1.959964 * sqrt(17)) - 0.975, c(0, 9))` in R:

        >>> round(limit_factor(17, 0.975, 1.959963984540054), 6)
        3.148271
    """
    if not n > 1:
        raise CannotComputeError("An exact interval of a limit needs at least two independent differences.")
    root = float(np.sqrt(n))
    found = float(special.nctdtrit(n - 1, multiplier * root, probability)) / root
    if not np.isfinite(found):
        raise CannotComputeError(f"The noncentral t quantile at {n:g} differences could not be found.")
    return found


@lru_cache(maxsize=1024)
def tolerance_factor(n: float, coverage: float, confidence: float) -> float:
    """Two-sided tolerance factor of a normal sample, exact.

    The factor k for which, with probability `confidence`, mean - k sd to mean + k sd contains at least the
    share `coverage` of the population (Wald & Wolfowitz 1946; integral as in ISO 16269-6). With confidence
    0.025 and 0.975 it gives the inner and outer interval of both limits of agreement together (Carkeet 2015).

    Args:
        n: Number of independent values, above 1.
        coverage: Share of the population, 0 to 1.
        confidence: Probability, 0 to 1.

    Raises:
        CannotComputeError: n is not above 1.

    Example:
        `tolerance::K.factor(17, alpha = 0.05, P = 0.95, side = 2, method = "EXACT")` in R:

        >>> round(tolerance_factor(17, 0.95, 0.95), 6)
        2.868312
    """
    if not n > 1:
        raise CannotComputeError("A tolerance factor needs at least two independent values.")
    df, scale = n - 1, 1 / np.sqrt(n)
    mean = 0.5 * _REACH * scale * (_NODES + 1)
    density = _NODE_WEIGHTS * np.exp(-0.5 * n * np.square(mean))
    density /= density.sum()  # half of a normal density, by the same nodes
    needed = np.square(half_width(mean, coverage))

    def excess(log_factor: float) -> float:
        reached = special.chdtrc(df, df * needed * np.exp(-2 * log_factor))
        return float(density @ reached) - confidence

    low, high = np.log(special.ndtri((1 + coverage) / 2)) - 12.0, np.log(1e12)
    root = optimize.brentq(excess, low, high, xtol=1e-14, rtol=8.9e-16, maxiter=500)
    return float(np.exp(root))


def half_width(mean: FloatArray, coverage: float) -> FloatArray:
    """Half-width r of the interval around each mean that holds `coverage` of a standard normal."""
    z = float(special.ndtri((1 + coverage) / 2))
    half = np.maximum(z, mean + special.ndtri(coverage))
    for _ in range(60):
        inside = special.ndtr(half + mean) - special.ndtr(mean - half)
        density = (np.exp(-0.5 * (half + mean) ** 2) + np.exp(-0.5 * (half - mean) ** 2)) / np.sqrt(2 * np.pi)
        step = (inside - coverage) / np.maximum(density, 1e-300)
        half = np.maximum(half - np.clip(step, -1.0, 1.0), 1e-12)
        if float(np.abs(step).max()) < 1e-15 * float(half.max()):
            break
    return np.asarray(half)
