"""Slopes between all pairs of points, in exact arithmetic: what Passing-Bablok and Theil-Sen lines rank.

Which slopes are -1, which are vertical and which are equal decides the ranks, and decimal numbers subtracted
as floating point get that wrong (0.3 - 0.2 is not 0.1). Values with a limited number of decimals are made
whole numbers by a common power of ten. Their differences are exact, and a quotient of two exact whole
numbers below 2^53 is the nearest floating-point number: equal slopes come out equal, unequal ones in order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from ..metric import FloatArray, IntArray

Kind = Literal["classic", "equivariant", "theil_sen"]
Middle = Literal["slope", "angle"]

MOST_ROWS = 10_000
"""Beyond it the slopes (50 million) and their order would not fit in a gigabyte."""

_EXACT = 2.0**52
_DECIMALS = 15
_ROUNDING = 1e-12
"""Relative rounding of cumulated weights that are not whole numbers."""


def whole_numbers(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both columns times the smallest common power of ten that makes them whole; unchanged if there is none.

    Example:
        >>> whole_numbers(np.array([0.1, 2.0]), np.array([0.25, 1.5]))
        (array([ 10., 200.]), array([ 25., 150.]))
    """
    for decimals in range(_DECIMALS + 1):
        factor = 10.0**decimals
        scaled = np.round(x * factor), np.round(y * factor)
        if max(np.abs(scaled[0]).max(initial=0), np.abs(scaled[1]).max(initial=0)) >= _EXACT:
            break
        if np.array_equal(scaled[0] / factor, x) and np.array_equal(scaled[1] / factor, y):
            return scaled
    return x, y


def all_slopes(x: FloatArray, y: FloatArray, kind: Kind) -> FloatArray:
    """(n (n - 1) / 2,) slopes of the pairs (0, 1), (0, 2), ... (n - 2, n - 1).

    Identical points have no slope (NaN); vertical pairs are +inf, whichever way they point. `classic`: slopes
    of exactly -1 are NaN too. `equivariant`: slopes without their sign.
    """
    n = len(x)
    result = np.empty(n * (n - 1) // 2)
    start = 0
    with np.errstate(all="ignore"):
        for i in range(n - 1):
            dx, dy = x[i + 1 :] - x[i], y[i + 1 :] - y[i]
            part = result[start : start + len(dx)]
            np.divide(dy, dx, out=part)
            if kind == "classic":
                part[dy == -dx] = np.nan
            start += len(dx)
        if kind == "equivariant":
            np.abs(result, out=result)
        result[np.isneginf(result)] = np.inf
    return result


@dataclass(frozen=True, eq=False)
class PairSlopes:
    """The slopes between all pairs of points.

    Attributes:
        n: Number of points.
        kind: Which slopes count, and where their middle lies.
        slopes: See `all_slopes`.
    """

    n: int
    kind: Kind
    slopes: FloatArray
    _found: dict[int, float] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, x: FloatArray, y: FloatArray, kind: Kind) -> PairSlopes:
        """From the points."""
        return cls(len(x), kind, all_slopes(*whole_numbers(x, y), kind))

    @cached_property
    def used(self) -> int:
        """Slopes that are ranked: neither dropped nor, for Theil-Sen, vertical."""
        counted = np.isfinite(self.slopes) if self.kind == "theil_sen" else ~np.isnan(self.slopes)
        return int(np.count_nonzero(counted))

    @cached_property
    def offset(self) -> int:
        """Slopes below -1, by which the classic middle is shifted."""
        return int(np.count_nonzero(self.slopes < -1)) if self.kind == "classic" else 0

    @cached_property
    def pairs(self) -> tuple[IntArray, IntArray]:
        """First and second point of each slope."""
        counts = np.arange(self.n - 1, 0, -1)
        first = np.repeat(np.arange(self.n - 1), counts)
        second = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts) + first + 1
        return first, second

    @cached_property
    def _ordered(self) -> tuple[FloatArray, IntArray, IntArray]:
        """Ranked slopes ascending, with their points."""
        order = np.argsort(self.slopes, kind="stable")[: self.used]
        first, second = self.pairs
        return self.slopes[order], first[order], second[order]

    def ranked(self, ranks: list[int]) -> FloatArray:
        """Slopes by rank, counted from 1; NaN in the array sorts last."""
        new = sorted({rank - 1 for rank in ranks} - self._found.keys())
        if new:
            self._found.update(zip(new, np.partition(self.slopes, new)[new].tolist(), strict=True))
        return np.array([self._found[rank - 1] for rank in ranks])

    def middle(self, how: Middle) -> float:
        """The middle slope, shifted where the kind says so; NaN where there is none."""
        low, high = (self.used + 1) // 2 + self.offset, self.used // 2 + 1 + self.offset
        if self.used == 0 or high > self.used:
            return float("nan")
        below, above = self.ranked([low, high])
        return float(_between(below, above, how))

    def middles(self, weights: FloatArray, how: Middle) -> FloatArray:
        """(B,) middle slopes at (B, n) weights: a slope counts as often as the weights of both points say."""
        slopes, first, second = self._ordered
        result = np.full(len(weights), np.nan)
        below_minus_one = int(np.searchsorted(slopes, -1.0)) if self.kind == "classic" else 0
        for b, weight in enumerate(weights):
            running = np.cumsum(weight[first] * weight[second])
            if len(running) == 0 or not running[-1] > 0:
                continue
            target = running[-1] / 2 + (running[below_minus_one - 1] if below_minus_one else 0.0)
            room = _ROUNDING * running[-1]
            low = int(np.searchsorted(running, target - room))
            high = int(np.searchsorted(running, target + room, side="right"))
            if high < len(slopes):
                result[b] = _between(slopes[low], slopes[high], how)
        return result

    def direction(self, x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
        """(B,) sign of Kendall's tau between the columns at (B, n) weights, summed by rows of pairs."""
        total = np.zeros(len(weights))
        for i in range(self.n - 1):
            sign = np.sign(x[i + 1 :] - x[i]) * np.sign(y[i + 1 :] - y[i])
            total += weights[:, i] * (weights[:, i + 1 :] @ sign)
        return np.asarray(np.sign(total))


def _between(below: float, above: float, how: Middle) -> float:
    if below == above:
        return float(below)
    if how == "slope":
        return float((below + above) / 2)
    return float(np.tan((np.arctan(below) + np.arctan(above)) / 2))


def weighted_medians(values: FloatArray, weights: FloatArray) -> FloatArray:
    """(B,) medians of (B, n) values at (B, n) weights; a whole-number weight repeats the value.

    Example:
        >>> weighted_medians(np.array([[1.0, 2.0, 5.0]]), np.array([[1.0, 1.0, 2.0]]))
        array([3.5])
    """
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    running = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    total = running[:, -1:]
    low = (running < total * (0.5 - _ROUNDING)).sum(axis=1)
    high = np.minimum((running <= total * (0.5 + _ROUNDING)).sum(axis=1), values.shape[1] - 1)
    rows = np.arange(len(values))
    middle = (ordered[rows, low] + ordered[rows, high]) / 2
    return np.asarray(np.where(total[:, 0] > 0, middle, np.nan))
