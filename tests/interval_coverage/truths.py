"""True values that are integrals over two dimensions: the expected RMSE of a subject with so many rows.

Of n errors with mean square X, E sqrt(X) = 1 / (2 sqrt(pi n)) times the integral over u > 0 of
(1 - E exp(-u n X)) u^(-3/2). Given the subject's effect, the errors are independent, so the expectation
inside is the n-th power of that of one error, which is a formula or, for Student's t, an integral over the
variance of a normal. All integrands die out at both ends of a suitable scale, where equal steps converge
exponentially.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import special, stats

from .designs import BIAS, SPREAD, T_DF, T_SCALE, Array

_STEP = 0.1
_U = np.arange(-30.0, 40.0, _STEP)  # log of u
_G = np.arange(-16.0, 5.0, 0.125)  # log of the chi-square variable behind Student's t


def subject_rmse(shape: str, icc: float, counts: Array) -> float:
    """Expected mean over subjects of the subjects' own RMSE, to about 1e-8."""
    sizes, many = np.unique(np.asarray(counts), return_counts=True)
    return float(
        sum(k * _expected_root(shape, icc, int(n)) for n, k in zip(sizes, many, strict=True)) / many.sum()
    )


@lru_cache(maxsize=2048)
def _expected_root(shape: str, icc: float, n: int) -> float:
    log_laplace, weights = _one_error(shape, icc)
    kept = weights @ -np.expm1(n * log_laplace)  # (U,) 1 - E exp(-u n X)
    inside = _STEP * float(np.sum(kept / np.exp(_U / 2)))
    # below the first u, 1 - E exp(-u n X) is u n E X; above the last it is 1
    below = 2 * n * (BIAS**2 + SPREAD**2) * float(np.exp((_U[0] - _STEP / 2) / 2))
    above = 2 * float(np.exp(-(_U[-1] + _STEP / 2) / 2))
    return (below + inside + above) / (2 * float(np.sqrt(np.pi * n)))


@lru_cache(maxsize=32)
def _one_error(shape: str, icc: float) -> tuple[Array, Array]:
    """(K, U) log E exp(-u error^2) given each of K subject effects, and the effects' weights."""
    if icc == 0:
        effects, weights = np.zeros(1), np.ones(1)
    else:
        effects, weights = _effects(shape)
    centre = (BIAS + SPREAD * np.sqrt(icc) * effects)[:, None]
    spread = SPREAD * np.sqrt(1 - icc)
    u = np.exp(_U)[None, :]
    if shape == "normal":
        return _log_normal(u, centre, spread**2), weights
    if shape == "skewed":
        return _log_exponential(u, centre, spread), weights
    share = np.exp(_G) * stats.chi2.pdf(np.exp(_G), T_DF)
    found = np.zeros((len(effects), u.size))
    for one, g in zip(share / share.sum(), np.exp(_G), strict=True):
        # 1 - exp, so that the digits of a small u are kept
        found += one * -np.expm1(_log_normal(u, centre, (spread * T_SCALE) ** 2 * T_DF / g))
    return np.log1p(-np.minimum(found, 1 - 1e-15)), weights


def _effects(shape: str) -> tuple[Array, Array]:
    """Subject effects in equal steps of a suitable scale, with their probabilities."""
    if shape == "normal":
        x = np.arange(-9.0, 9.05, 0.1)
        effects, weights = x, stats.norm.pdf(x)
    elif shape == "skewed":
        x = np.arange(-25.0, 4.0, 0.1)
        effects, weights = np.exp(x) - 1, np.exp(x - np.exp(x))
    else:
        x = np.arange(-7.0, 7.05, 0.1)
        effects = np.sinh(x)
        weights = np.cosh(x) * stats.t.pdf(effects / T_SCALE, T_DF) / T_SCALE
    return effects, weights / weights.sum()


def _log_normal(u: Array, centre: Array, variance: float) -> Array:
    wide = 2 * u * variance
    return -0.5 * np.log1p(wide) - u * centre**2 / (1 + wide)


def _log_exponential(u: Array, centre: Array, spread: float) -> Array:
    """log of the integral over x > 0 of exp(-u (centre - spread + spread x)^2 - x)."""
    a, m = u * spread**2, (centre - spread) / spread
    z = (2 * a * m + 1) / (2 * np.sqrt(a))
    with np.errstate(all="ignore"):
        right = -a * m * m + 0.5 * np.log(np.pi / (4 * a)) + np.log(special.erfcx(z))
        left = m + 1 / (4 * a) + 0.5 * np.log(np.pi / a) + special.log_ndtr(-np.sqrt(2) * z)
    return np.where(z > 0, right, left)
