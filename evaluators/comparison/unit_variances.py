"""Variances within subjects that have few units: what the other subjects say about them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import optimize, special

from ..metric import Citation, FloatArray

SMYTH = Citation(
    "smyth2004",
    "Smyth GK. Linear models and empirical Bayes methods for assessing differential expression in microarray "
    "experiments. Stat Appl Genet Mol Biol 2004;3:article 3.",
)

Within = Literal["moderated", "pooled", "own"]

_METHODS = ("moderated", "pooled", "own")
_FEWEST = 3  # subjects with a spread of their own from which the prior's two numbers are estimated


def subject_variances(
    variance: FloatArray, n_units: FloatArray | None, *, method: Within, df: FloatArray | None = None
) -> FloatArray:
    """Variance of each subject's mean, from its own units and those of the others.

    - `own`: as given.
    - `pooled`: one variance of a unit for all, sum (n_i - 1) s_i^2 / sum (n_i - 1) with s_i^2 = n_i v_i,
      divided by each subject's n_i.
    - `moderated`: s_i^2 drawn to a common s_0^2, (d_0 s_0^2 + (n_i - 1) s_i^2) / (d_0 + n_i - 1), where d_0
      says how alike the subjects' units are; both from the moments of log s_i^2 (Smyth 2004, section 6.2). A
      subject with one unit takes s_0^2, one whose units do not vary is not taken for certain. With fewer than
      three subjects whose units vary it is `pooled`.

    Args:
        variance: (S,) variances of the subjects' means; NaN where they cannot be seen.
        n_units: (S,) units, 1 or more; not needed for `own`.
        method: Which of these.
        df: (S,) degrees of freedom of each variance, in place of n_i - 1: where units follow each other in
            time, one less than the blocks that they were cut into.

    Returns:
        (S,) variances; NaN where there is none, for all of them where no subject has two units.

    Raises:
        ValueError: An unknown method, or no `n_units` where they are needed.

    Example:
        >>> own = np.array([0.4, 0.1, np.nan])
        >>> subject_variances(own, np.array([5.0, 21.0, 1.0]), method="pooled").round(3)
        array([0.417, 0.099, 2.083])
    """
    if method not in _METHODS:
        raise ValueError(f"`within` must be one of {', '.join(_METHODS)}, not {method!r}.")
    if method == "own":
        return variance.copy()
    if n_units is None:
        raise ValueError(f"`within` is {method!r}, which needs `n_units`; without them accepted: own.")
    freedom = n_units - 1 if df is None else df
    known = np.isfinite(variance) & (freedom > 0)
    df = np.where(known, freedom, 0.0)
    square = np.where(known, variance * n_units, 0.0)
    if not np.any(known):
        return np.full(len(variance), np.nan)
    varying = known & (square > 0)
    if method == "pooled" or np.count_nonzero(varying) < _FEWEST:
        return np.asarray(float((df * square).sum() / df.sum()) / n_units)
    prior_df, prior = prior_variance(square[varying], df[varying])
    if np.isinf(prior_df):
        return np.asarray(prior / n_units)
    return np.asarray((prior_df * prior + df * square) / (prior_df + df) / n_units)


def prior_variance(squares: FloatArray, df: FloatArray) -> tuple[float, float]:
    """Degrees of freedom and size of the scaled inverse chi-square that the subjects' variances come from.

    Args:
        squares: (k,) variances s^2 above 0.
        df: (k,) their degrees of freedom.

    Returns:
        d_0 (infinite where they differ by no more than chance) and s_0^2.

    Example:
        >>> prior_variance(np.array([2.0, 2.0, 2.0]), np.array([10.0, 10.0, 10.0]))[0]
        inf
    """
    logs = np.log(squares) - special.digamma(df / 2) + np.log(df / 2)
    centre = float(logs.mean())
    beyond = float(logs.var(ddof=1) - special.polygamma(1, df / 2).mean())
    if beyond <= 0:
        return float("inf"), float((df * squares).sum() / df.sum())
    half = inverse_trigamma(beyond)
    return 2 * half, float(np.exp(centre + special.digamma(half) - np.log(half)))


def inverse_trigamma(value: float) -> float:
    """The x above 0 whose trigamma is a positive value.

    Example:
        >>> round(inverse_trigamma(float(special.polygamma(1, 2.5))), 10)
        2.5
    """
    low = 1 / value  # trigamma(x) lies between 1 / x and 1 / x + 1 / x^2
    high = (1 + np.sqrt(1 + 4 * value)) / (2 * value)

    def excess(x: float) -> float:
        return float(special.polygamma(1, x)) - value

    return float(optimize.brentq(excess, low, high, xtol=1e-14, rtol=1e-12))
