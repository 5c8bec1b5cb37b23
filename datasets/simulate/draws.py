"""Random draws that the simulators share: independent named streams, truncation, exact averages."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm

FloatArray = NDArray[np.float64]


def stream(seed: int, *names: str) -> np.random.Generator:
    """A generator for one purpose, independent of every other purpose under the same seed.

    Adding an algorithm version or a column therefore leaves all other draws as they were.

    Example:
        >>> float(stream(1, "age").random()) == float(stream(1, "age").random())
        True
        >>> float(stream(1, "age").random()) == float(stream(1, "bmi").random())
        False
    """
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def truncated_normal(
    rng: np.random.Generator, size: int, *, mean: float | FloatArray, sd: float, low: float, high: float
) -> FloatArray:
    """Normal values kept inside [low, high] by inverting the distribution function (no rejection loop)."""
    p_low, p_high = norm.cdf((low - mean) / sd), norm.cdf((high - mean) / sd)
    u = rng.uniform(size=size)
    values = mean + sd * norm.ppf(p_low + u * (p_high - p_low))
    return np.asarray(np.clip(values, low, high), dtype=np.float64)


def pick(rng: np.random.Generator, shares: Sequence[tuple[str, float]], size: int) -> list[str]:
    """Names drawn with the given shares (which must add up to 1)."""
    names = [name for name, _ in shares]
    cumulative = np.cumsum([share for _, share in shares])
    index = np.searchsorted(cumulative, rng.uniform(size=size), side="right")
    return [names[i] for i in np.minimum(index, len(names) - 1)]


def probabilities(average: float, effects: FloatArray) -> FloatArray:
    """One probability a subject, whose logits differ by `effects` and whose average is exactly `average`.

    This is what makes a stated probability the true marginal one although sites and subjects differ.

    Example:
        >>> round(float(probabilities(0.1, np.array([-1.0, 0.0, 2.0])).mean()), 12)
        0.1
    """
    if effects.size == 0:
        return effects

    def excess(shift: float) -> float:
        return float(expit(effects + shift).mean()) - average

    width = float(np.abs(effects).max()) + 1.0
    shift = brentq(excess, float(logit(average)) - width, float(logit(average)) + width, xtol=1e-14)
    return np.asarray(expit(effects + shift), dtype=np.float64)


def correlated_uniform(common: FloatArray, own: FloatArray, correlation: float) -> FloatArray:
    """Uniforms that two algorithm versions share in part (Gaussian copula), from standard normal draws.

    Versions run on the same recordings, so a recording that defeats one tends to defeat the other.
    """
    mixed = np.sqrt(correlation) * common + np.sqrt(1.0 - correlation) * own
    return np.asarray(norm.cdf(mixed), dtype=np.float64)
