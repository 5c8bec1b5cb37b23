"""DeLong's variance of the area under the ROC curve, for rows that are independent.

Two sorts and a search, or two where classes are tied: what it costs is that of sorting, also for ten million
rows. Ranks of ties are exact halves, and counts are 64-bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..metric import CannotComputeError, FloatArray, IntArray


@dataclass(frozen=True)
class Area:
    """The area with what its variance is made of.

    Attributes:
        value: The area under the empirical curve.
        positives: Number of reference positives.
        negatives: Number of reference negatives.
        spread_positives: Variance (n - 1) over positives of the share of negatives that each beats.
        spread_negatives: Variance (n - 1) over negatives of the share of positives that beat it.
    """

    value: float
    positives: int
    negatives: int
    spread_positives: float
    spread_negatives: float

    @property
    def variance(self) -> float:
        """DeLong's variance; NaN where a class has one row."""
        return self.spread_positives / self.positives + self.spread_negatives / self.negatives


def delong(positive: ArrayLike, negative: ArrayLike) -> Area:
    """Area under the ROC curve and its components (DeLong, DeLong & Clarke-Pearson 1988).

    The share of pairs of a positive and a negative in which the positive scores higher; ties count half.

    Args:
        positive: Scores of the reference positives.
        negative: Scores of the reference negatives.

    Raises:
        CannotComputeError: A class is empty.
        ValueError: A score is no number, NaN or infinite.

    Example:
        >>> area = delong([3, 4, 4, 6], [1, 2, 4])
        >>> round(area.value, 4), round(area.variance, 4)
        (0.8333, 0.0324)
    """
    return area_of(checks.measurements("positive", positive), checks.measurements("negative", negative))


def area_of(positive: FloatArray, negative: FloatArray) -> Area:
    """`delong` of scores that are checked already.

    Raises:
        CannotComputeError: A class is empty.
    """
    p, n = np.sort(positive), np.sort(negative)
    if not len(p) or not len(n):
        raise CannotComputeError(f"There are no reference {'negatives' if len(p) else 'positives'}.")
    below = np.searchsorted(n, p, "left")  # negatives below each positive
    tied = n[np.minimum(below, len(n) - 1)] == p
    up_to = np.searchsorted(n, p, "right") if tied.any() else below
    beats = below + up_to  # twice the share, to stay whole numbers
    value = int(beats.sum(dtype=np.int64)) / (2 * len(p) * len(n))
    above = _above(below, len(n))
    lost = above + (above if up_to is below else _above(up_to, len(n)))
    return Area(
        value, len(p), len(n), _variance(beats / (2 * len(n)), value), _variance(lost / (2 * len(p)), value)
    )


def _above(below: IntArray, negatives: int) -> IntArray:
    """Positives above each negative, from the number of negatives that lie below each positive."""
    return np.asarray(len(below) - np.cumsum(np.bincount(below, minlength=negatives + 1)[:negatives]))


def _variance(shares: FloatArray, mean: float) -> float:
    if len(shares) < 2:
        return float("nan")
    shares -= mean
    return float(np.einsum("i,i->", shares, shares) / (len(shares) - 1))
