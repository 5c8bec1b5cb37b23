"""Probabilities of a normal mean and an independent standard deviation, on which several powers rest."""

from __future__ import annotations

import numpy as np
from scipy import special

_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(400)
_REACH = 10.0


def both_sides_within(
    *, mean: float, error: float, sd: float, df: float, factor: float, limit: float
) -> float:
    """P(mean + factor s < limit and mean - factor s > -limit) of an estimated mean and standard deviation s.

    The mean is normal with its standard error; s^2 is sd^2 chi-square(df) / df, independent of it. The
    probability given s is integrated over the distribution of s (Gauss-Legendre; exact to about 1e-12). With
    a multiple of the standard error as the factor this is the power of two one-sided t tests.

    Args:
        mean: True mean.
        error: Standard error of the estimated mean.
        sd: True standard deviation.
        df: Degrees of freedom of the estimated one.
        factor: Multiple of s that is added and subtracted.
        limit: What both sums must lie within.

    Example:
        `PowerTOST::power.TOST(CV = 0.25, n = 24, theta0 = 0.95)` in R gives 0.739:

        >>> cv = np.sqrt(np.log(1 + 0.25**2))
        >>> error, t = cv * np.sqrt(2 / 24), special.stdtrit(22, 0.95)
        >>> found = both_sides_within(
        ...     mean=np.log(0.95), error=error, sd=cv, df=22, factor=t * np.sqrt(2 / 24), limit=np.log(1.25)
        ... )
        >>> round(found, 3)
        0.739
    """
    root = np.sqrt(df)
    low = max(0.0, root - _REACH)
    high = min(root + _REACH, limit / factor / sd * root)  # a larger s leaves nothing within
    if high <= low:
        return 0.0
    chi = low + (high - low) * (_NODES + 1) / 2
    logarithm = (
        special.xlogy(df - 1, chi) - chi * chi / 2 - special.gammaln(df / 2) - (df / 2 - 1) * np.log(2)
    )
    density = np.exp(logarithm) * _NODE_WEIGHTS * (high - low) / 2
    reach = limit - factor * sd * chi / root
    inside = special.ndtr((reach - mean) / error) - special.ndtr((-reach - mean) / error)
    return float(min(1.0, max(0.0, density @ np.maximum(inside, 0.0))))
