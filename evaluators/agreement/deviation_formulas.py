"""Formulas of the total deviation index and of the coverage probability, from sums of differences.

They carry complex steps, so that standard errors are their derivatives: comparisons look at the real part,
and the normal distribution function continues by its density.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .limits_exact import half_width

Approach = Literal["normal", "lin"]


@dataclass(frozen=True)
class Moments:
    """Base of both formulas: mean and variance of the differences from sums about `shift`."""

    shift: float

    def mean(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Mean difference."""
        return np.asarray(self.shift + totals[..., 1] / totals[..., 0])

    def squares(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Sum of squares about the mean; below rounding it is nothing."""
        n, d, dd = (totals[..., k] for k in range(3))
        rest = dd - d * d / n
        return np.asarray(np.where(rest.real > 1e-14 * np.abs(dd.real), rest, 0.0 * rest))


@dataclass(frozen=True)
class DeviationFormula(Moments):
    """Total deviation index from added-up totals."""

    share: float
    approach: Approach

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """The index, by Lin's approximation or from the normal distribution."""
        n, mean = totals[..., 0], self.mean(totals)
        enough = np.where(n.real > 1 + 1e-9, n, np.nan)
        squares = self.squares(totals)
        if self.approach == "lin":
            z = special.ndtri((1 + self.share) / 2)
            return np.asarray((z * np.sqrt((squares + n * mean * mean) / (enough - 1)))[..., None])
        sd = np.sqrt(squares / (enough - 1))
        return self._root(mean, sd)[..., None]

    def _root(self, mean: NDArray[Any], sd: NDArray[Any]) -> NDArray[Any]:
        """The k with Phi((k - mean) / sd) - Phi((-k - mean) / sd) = share; |mean| where nothing varies."""
        size = np.where(mean.real < 0, -mean, mean)
        flat = ~(sd.real > 0)
        spread = np.where(flat, 1.0, sd)
        relative = np.asarray((size / spread).real, dtype=np.float64)
        root = half_width(np.where(np.isfinite(relative), relative, 0.0), self.share) * spread.real
        # one more step of Newton's, with what is complex left in, carries derivatives through
        missed = _inside(root, size, spread) - self.share
        slope = (density((root - size) / spread) + density((-root - size) / spread)) / spread
        found = root - missed / slope
        return np.asarray(np.where(np.isnan(sd.real), np.nan, np.where(flat, size, found)))


@dataclass(frozen=True)
class CoverageFormula(Moments):
    """Coverage probability from added-up totals."""

    allowance: float
    lost: int

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """The normal probability between -allowance and allowance."""
        n = totals[..., 0]
        df = np.where(n.real > self.lost + 1e-9, n - self.lost, np.nan)
        mean, sd = self.mean(totals), np.sqrt(self.squares(totals) / df)
        flat = sd.real == 0
        found = _inside(self.allowance, mean, np.where(flat, 1.0, sd))
        certain = (np.abs(mean.real) <= self.allowance).astype(np.float64)
        return np.asarray(np.where(flat, certain, found)[..., None])


def _inside(reach: Any, mean: NDArray[Any], sd: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(_cumulative((reach - mean) / sd) - _cumulative((-reach - mean) / sd))


def _cumulative(x: NDArray[Any]) -> NDArray[Any]:
    """Normal distribution function; the imaginary part carries the first derivative."""
    value = special.ndtr(np.asarray(x.real, dtype=np.float64))
    return np.asarray(value + 1j * x.imag * density(x.real)) if np.iscomplexobj(x) else np.asarray(value)


def density(x: NDArray[Any]) -> NDArray[Any]:
    """Standard normal density."""
    return np.asarray(np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi))
