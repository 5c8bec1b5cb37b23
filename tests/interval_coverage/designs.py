"""The designs: subjects, rows a subject, likeness of a subject's rows, and the shape of errors.

An error is bias + spread * (sqrt(icc) * b + sqrt(1 - icc) * e), with b drawn once a subject and e once a row,
both of the shape, mean 0 and variance 1. The intraclass correlation of errors is then icc, and their mean and
variance are exact. All true values are formulas or integrals; none is simulated.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import integrate, special, stats

SUBJECTS = (10, 20, 40, 85, 200)
ROWS = ("1", "20", "500", "unequal")
ICC = (0.0, 0.1, 0.3, 0.8)
SHAPES = ("normal", "skewed", "heavy")
"""Normal; exponential (skewness 2, excess kurtosis 6); Student's t with 5 degrees of freedom (kurtosis 6)."""

Array = np.ndarray
T_DF = 5.0
T_SCALE = float(np.sqrt((T_DF - 2) / T_DF))  # makes the variance of t one


@dataclass(frozen=True)
class Layout:
    """How many rows each subject has."""

    counts: Array

    @property
    def n_rows(self) -> int:
        """All rows of a study."""
        return int(self.counts.sum())

    @property
    def offsets(self) -> Array:
        """Start of each subject's rows, and their end."""
        return np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)

    @property
    def subject(self) -> Array:
        """Subject of each row."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def spread(self, values: Array) -> Array:
        """(C, S) subject values as (C, n) row values."""
        return values[:, self.subject] if self.n_rows > len(self.counts) else values

    def sums(self, values: Array) -> Array:
        """(C, n) row values added up by subject, (C, S)."""
        if self.n_rows == len(self.counts):
            return values.astype(np.float64)
        if np.ptp(self.counts) == 0:
            return values.reshape(len(values), len(self.counts), -1).sum(axis=2)
        return np.add.reduceat(values, self.offsets[:-1], axis=1)


def layout(subjects: int, rows: str) -> Layout:
    """Rows of each subject; `unequal` runs from 5 to 500 in equal steps of the logarithm."""
    if rows == "unequal":
        return Layout(np.round(5 * 100 ** ((np.arange(subjects) + 0.5) / subjects)).astype(np.int64))
    return Layout(np.full(subjects, int(rows), dtype=np.int64))


def likenesses(rows: str) -> tuple[float, ...]:
    """Intraclass correlations that differ: with one row a subject there is none to vary."""
    return (0.0,) if rows == "1" else ICC


def draw(shape: str, rng: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Values with mean 0 and variance 1."""
    if shape == "normal":
        return rng.standard_normal(size)
    if shape == "skewed":
        return rng.standard_exponential(size) - 1
    if shape == "heavy":
        return rng.standard_t(T_DF, size) * T_SCALE
    raise ValueError(f"Unknown shape {shape!r}.")


def mean_absolute(shape: str, center: float, between: float, within: float) -> float:
    """E|center + between * b + within * e|, closed in e and integrated over b to about 1e-10."""
    if between == 0:
        return float(_absolute_given(shape, np.array(center), within))
    if shape == "normal":  # the sum is normal again
        return float(_absolute_given(shape, np.array(center), float(np.hypot(between, within))))

    def given(b: float) -> float:
        return float(_absolute_given(shape, np.array(center + between * b), within))

    return _over_effects(shape, given, [-center / between, -(center - within) / between])


def share_within(shape: str, tolerance: float, between: float, within: float) -> float:
    """P(|bias + between * b + within * e| <= tolerance), integrated over b to about 1e-10."""
    if shape == "normal":  # the sum is normal again
        between, within = 0.0, float(np.hypot(between, within))

    def given(b: float) -> float:
        ends = (np.array([tolerance, -tolerance]) - BIAS - between * b) / within
        upper, lower = _distribution(shape, ends)
        return float(upper - lower)

    if between == 0:
        return given(0.0)
    ends = [(sign * tolerance + part * within - BIAS) / between for sign in (1, -1) for part in (0, 1)]
    return _over_effects(shape, given, ends)


@lru_cache(maxsize=64)
def truths(shape: str, icc: float) -> dict[str, float]:
    """True values of the measurement statistics that do not depend on the rows a subject has."""
    between, within = SPREAD * icc**0.5, SPREAD * (1 - icc) ** 0.5
    absolute = mean_absolute(shape, BIAS, between, within)
    limit = float(special.ndtri(0.975)) * SPREAD
    return {
        "bias": BIAS,
        "loa_lower": BIAS - limit,
        "loa_upper": BIAS + limit,
        "rmse": float(np.hypot(BIAS, SPREAD)),
        "mae": absolute,
        "mape": 100 * absolute * INVERSE_REFERENCE,
        "mape_mean": 100 * absolute * INVERSE_REFERENCE,
        "share_within": share_within(shape, TOLERANCE, between, within),
        "rmse_difference": float(np.hypot(BIAS, CANDIDATE_SPREAD) - np.hypot(BIAS, SPREAD)),
        # least squares: errors have nothing to do with the reference; Deming: both errors are equally large
        "slope_least_squares": 1.0,
        "slope_deming": 1.0,
    }


BIAS, SPREAD, CANDIDATE_SPREAD = 1.0, 3.0, 2.5
"""A wearable heart rate: a bias of 1 and errors of 3 beats a minute; a newer version with errors of 2.5."""

TOLERANCE = 5.0
"""Of the share within: 5 beats a minute, which 89% of normal errors keep."""

ALIKE_SUBJECTS, ALIKE_ROWS = 0.8, 0.6
"""Correlation of the two versions' subject effects and row errors."""

LEVEL_RANGE, ROW_RANGE = (60.0, 90.0), (0.8, 1.2)
"""Reference: a subject's level, uniform, times a factor of each row, uniform."""

INVERSE_REFERENCE = float(
    np.log(LEVEL_RANGE[1] / LEVEL_RANGE[0]) / (LEVEL_RANGE[1] - LEVEL_RANGE[0])
    * np.log(ROW_RANGE[1] / ROW_RANGE[0]) / (ROW_RANGE[1] - ROW_RANGE[0])
)  # fmt: skip
"""Mean of 1 / reference, which is independent of the error."""


def _absolute_given(shape: str, c: Array, s: float) -> Array:
    """E|c + s e|: c (1 - 2 F(z)) + 2 s M(z), z = -c / s, M(z) the integral of e's density times e above z."""
    if s == 0:
        return np.abs(c)
    z = -c / s
    if shape == "normal":
        below, above = special.ndtr(z), stats.norm.pdf(z)
    elif shape == "skewed":
        k = np.maximum(z + 1, 0.0)
        below, above = -np.expm1(-k), k * np.exp(-k)
    else:
        t = z / T_SCALE
        below = stats.t.cdf(t, T_DF)
        above = T_SCALE * (T_DF + t * t) / (T_DF - 1) * stats.t.pdf(t, T_DF)
    return np.asarray(c * (1 - 2 * below) + 2 * s * above)


def _over_effects(shape: str, given: Callable[[float], float], kinks: list[float]) -> float:
    """Mean of a function of the subject effect b, which may have kinks."""
    low, high = (-1.0, 60.0) if shape == "skewed" else (-400.0, 400.0)
    edges = sorted({low, max(low, -6.0), 6.0, high, *(point for point in kinks if low < point < high)})

    def integrand(b: float) -> float:
        return given(b) * _density(shape, b)

    pieces = itertools.pairwise(edges)
    return float(sum(integrate.quad(integrand, a, b, limit=400, epsabs=1e-12)[0] for a, b in pieces))


def _distribution(shape: str, z: Array) -> Array:
    """P(e <= z)."""
    if shape == "normal":
        return np.asarray(special.ndtr(z))
    if shape == "skewed":
        return np.asarray(-np.expm1(-np.maximum(z + 1, 0.0)))
    return np.asarray(stats.t.cdf(z / T_SCALE, T_DF))


def _density(shape: str, b: float) -> float:
    if shape == "skewed":
        return float(np.exp(-(b + 1))) if b >= -1 else 0.0
    return float(stats.t.pdf(b / T_SCALE, T_DF) / T_SCALE)
