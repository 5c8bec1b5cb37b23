"""Intervals of Passing-Bablok and Theil-Sen lines from ranks and from the variance of Kendall's tau."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from ..intervals import tail_levels
from ..metric import CannotComputeError, FloatArray, Sides
from .pair_slopes import PairSlopes

_STEP = 1.4
"""Normal quantile at which the spread of residuals is read (McKean and Schrader's standard error)."""

_LEAST = 1e-5
"""Smallest variance of tau: with all pairs in one direction its estimate is not positive."""

_EQUAL = 1e-12
"""Residuals closer than this, relative to the largest value, are equal but for rounding."""


def rank_bounds(slopes: PairSlopes, level: float, sides: Sides) -> tuple[float, float]:
    """Bounds of the classic slope: ranked slopes at distance C / 2 from the middle (Passing & Bablok 1983).

    C = z sqrt(n (n - 1) (2n + 5) / 18) with n points; M1 = (N - C) / 2, rounded half to even, with N slopes.

    Raises:
        CannotComputeError: There are too few points, or the ranks reach beyond the slopes.
    """
    n, low, high = slopes.n, *tail_levels(level, sides)
    spread = np.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    first = round((slopes.used - abs(float(special.ndtri(low or 1 - high))) * spread) / 2)
    ranks = first + slopes.offset, slopes.used - first + 1 + slopes.offset
    wanted = [rank for rank, open_end in zip(ranks, (low == 0, high == 1), strict=True) if not open_end]
    if first < 1 or max(wanted) > slopes.used:
        raise CannotComputeError(
            f"{n:,} pairs with {slopes.used:,} slopes are too few, or too weakly related, for a bound at "
            "this confidence level."
        )
    found = slopes.ranked(wanted)
    if np.any(np.isinf(found)):
        raise CannotComputeError("The interval reaches vertical slopes; the reference has too many ties.")
    return float(found[0]) if low > 0 else -np.inf, float(found[-1]) if high < 1 else np.inf


@dataclass(frozen=True)
class KendallError:
    """Standard errors of a line by inverting Kendall's tau (Dufey 2020).

    Attributes:
        slope: Standard error of the slope.
        residual: Standard error of the line where it does not depend on the slope.
        pivot: The reference value where that is.
    """

    slope: float
    residual: float
    pivot: float

    def at(self, level: float) -> float:
        """Standard error of the line at a reference value; of the intercept at 0."""
        return float(np.hypot(self.residual, self.slope * (level - self.pivot)))


def kendall_error(slopes: PairSlopes, x: FloatArray, y: FloatArray, slope: float) -> KendallError:
    """Standard errors of an equivariant Passing-Bablok or Theil-Sen line.

    The slopes between which tau of residuals is compatible with zero, at 95%, give the slope's error (their
    distance over twice Student's t); the spread of the residuals and their correlation with tau give the
    rest. Identical points count in the ranks of the equivariant line, as in R's `mcr`; points on the line
    are on neither side of it.

    Args:
        slopes: Slopes of all pairs.
        x: (n,) reference values.
        y: (n,) test values, turned so that the slope is positive where the line is equivariant.
        slope: The estimate.

    Raises:
        CannotComputeError: There are fewer than five points, or the residuals do not vary.
    """
    n = slopes.n
    if n < 5:
        raise CannotComputeError("A variance of Kendall's tau needs at least five pairs.")
    variance = _variance_of_tau(slopes, slope)
    t = float(special.stdtrit(n - 2, 0.975))
    reach = min(t * np.sqrt(variance), 1 - 1e-8)
    total = slopes.used if slopes.kind == "theil_sen" else n * (n - 1) // 2
    ranks = [min(max(round(total * share), 1), slopes.used) for share in ((1 - reach) / 2, (1 + reach) / 2)]
    below, above = slopes.ranked(ranks)
    error = (above - below) / (2 * t)
    if not np.isfinite(error):
        raise CannotComputeError("The interval reaches vertical slopes; the reference has too many ties.")
    residual = y - slope * x
    spread = _median_error(residual)
    if error == 0:
        return KendallError(0.0, spread, float(np.median(x)))
    scale = float(np.abs(y).max())
    along = x if slopes.kind == "theil_sen" else y + slope * x
    correlation = _correlation(residual, along, scale) / np.sqrt(n * variance)
    moved = [float(np.median(y - (slope + sign * _STEP * error) * x)) for sign in (-1, 1)]
    pivot = (moved[0] - moved[1]) / (2 * _STEP * error) - spread / error * correlation
    return KendallError(error, spread * float(np.sqrt(max(1 - correlation**2, 0.0))), pivot)


def _variance_of_tau(slopes: PairSlopes, slope: float) -> float:
    """Variance of tau between residuals and position, from each point's own share of it."""
    n = slopes.n
    off = slopes.slopes - slope
    size = np.where(np.isfinite(slopes.slopes), np.abs(slopes.slopes), 0.0)
    sign = np.where(np.isnan(off) | (np.abs(off) <= _EQUAL * (size + abs(slope))), 0.0, np.sign(off))
    first, second = slopes.pairs
    own = np.bincount(first, sign, n) + np.bincount(second, sign, n)
    raw = (4 * float(np.square(own).sum()) - 2 * n * (n - 1)) / (n * (n - 1) * (n - 2) * (n - 3))
    return max(raw, _LEAST)


def _median_error(residual: FloatArray) -> float:
    """Standard error of the median from order statistics (McKean & Schrader 1984)."""
    n, ordered = len(residual), np.sort(residual)
    place = max(round((n + 1) / 2 - _STEP * np.sqrt(n / 4)), 1)
    return float((ordered[n - place] - ordered[place - 1]) / (2 * _STEP))


def _correlation(residual: FloatArray, along: FloatArray, scale: float) -> float:
    """Unscaled covariance of the median of the residuals with tau: tau above less tau below the line."""
    n = len(residual)
    off = residual - np.median(residual)
    off[np.abs(off) <= _EQUAL * scale] = 0.0
    levels, places = _levels(off, scale), _levels(along, float(np.abs(along).max()))
    above, below = off > 0, off < 0
    return 2 * (_tau(levels[above], places[above]) - _tau(levels[below], places[below])) / (n * (n - 1))


def _tau(first: FloatArray, second: FloatArray) -> float:
    """Kendall's tau-b times the number of ordered pairs; 0 where one of them does not vary."""
    n = len(first)
    if n < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(stats.kendalltau(first, second).statistic) * n * (n - 1)


def _levels(values: FloatArray, scale: float) -> FloatArray:
    """Values as numbers of their level in order, those within rounding of each other on one level."""
    order = np.argsort(values, kind="stable")
    steps = np.diff(values[order], prepend=values[order][:1]) > _EQUAL * scale
    result = np.empty(len(values))
    result[order] = np.cumsum(steps)
    return result
