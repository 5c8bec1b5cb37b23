"""Two signals held against each other part by part: how well each part agrees at every whole-step lag.

A part is a stretch of the reference; beside it lies every stretch of the test signal that a lag within the
search could bring there. All sums over products of the two are taken at once by the Fourier transform, with
gaps as zeros in the signals and in the counts, so that a day at one value a second takes milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from .grid import FloatArray

_AT_ONCE = 200_000
"""Grid points transformed together; bounds the memory of sessions of weeks and of wide searches."""


@dataclass(frozen=True)
class Parts:
    """Sums of products by part (rows) and lag (columns).

    Attributes:
        cross: Sum of reference times test.
        reference: Sum of squares of the reference where the test has a value.
        test: Sum of squares of the test where the reference has a value.
        offsets: Offset in seconds that each lag stands for, falling.
        start: First grid point of each part in the reference.
        length: Grid points of a part.
        place: Middle of each part in seconds on the reference grid, weighted by how much changes when.
        origin: Time of the first reference grid point.
    """

    cross: FloatArray
    reference: FloatArray
    test: FloatArray
    offsets: FloatArray
    start: NDArray[np.int64]
    length: int
    place: FloatArray

    def agreement(self) -> FloatArray:
        """Correlation of all parts together at each lag, 0 where nothing overlaps."""
        return correlation(self.cross.sum(axis=0), self.reference.sum(axis=0), self.test.sum(axis=0))


def correlation(cross: FloatArray, reference: FloatArray, test: FloatArray) -> FloatArray:
    """Correlation from sums of products of signals whose middle is 0."""
    size = np.sqrt(np.maximum(reference, 0.0) * np.maximum(test, 0.0))
    found: FloatArray = np.divide(cross, size, out=np.zeros_like(cross), where=size > 0)
    return found


def compare(
    reference: FloatArray,
    test: FloatArray,
    *,
    between: float,
    step: float,
    search: float,
    length: int,
) -> Parts | None:
    """Sums for every part of the reference and every lag within the search.

    Args:
        reference: Changes of the reference on its grid, NaN in gaps.
        test: Changes of the test signal on its grid.
        between: First grid point of the reference less the first of the test, seconds.
        step: Distance of grid points, seconds.
        search: Largest offset, seconds.
        length: Grid points of a part.

    Returns:
        The sums, parts without any product left out; None where the signals do not meet at any lag.
    """
    # grid point i of the reference meets i + n of the test at offset `between - n * step`
    first = int(np.ceil((between - search) / step - 1e-9))
    last = int(np.floor((between + search) / step + 1e-9))
    lags = np.arange(first, last + 1)
    begin, end = max(0, -last), min(len(reference), len(test) - first)
    if end <= begin or not len(lags):
        return None
    count = max(1, round((end - begin) / length))
    start = begin + np.arange(count) * length
    own = windows(reference, start, length)
    other = windows(test, start + first, length + len(lags) - 1)
    known = np.isfinite(own).any(axis=1) & np.isfinite(other).any(axis=1)
    own, other, start = own[known], other[known], start[known]
    if not len(start):
        return None
    sums = [np.empty((len(start), len(lags))) for _ in range(3)]
    together = max(1, _AT_ONCE // other.shape[1])
    for low in range(0, len(start), together):
        chunk = slice(low, low + together)
        for whole, part in zip(sums, _sums(own[chunk], other[chunk], len(lags)), strict=True):
            whole[chunk] = part
    meets = (sums[1].max(axis=1) > 0) & (sums[2].max(axis=1) > 0)
    if not meets.any():
        return None
    cross, left, right = (whole[meets] for whole in sums)
    start, own = start[meets], own[meets]
    return Parts(
        cross,
        left,
        right,
        np.asarray(between - lags * step, dtype=np.float64),
        start,
        length,
        _middles(own, start) * step,
    )


def windows(values: FloatArray, start: NDArray[np.int64], length: int) -> FloatArray:
    """Stretches of a signal from some grid points on, NaN beyond its ends."""
    before = max(0, -int(start[0]))
    after = max(0, int(start[-1]) + length - len(values))
    padded = np.pad(values, (before, after), constant_values=np.nan) if before or after else values
    view = np.lib.stride_tricks.sliding_window_view(padded, length)
    return np.asarray(view[start + before], dtype=np.float64)


def _sums(own: FloatArray, other: FloatArray, lags: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    size = fft.next_fast_len(other.shape[1], real=True)

    def transforms(values: FloatArray) -> list[NDArray[np.complex128]]:
        mask = np.isfinite(values)
        filled = np.where(mask, values, 0.0)
        return [fft.rfft(one, size, axis=1) for one in (filled, mask.astype(np.float64), filled**2)]

    def together(one: NDArray[np.complex128], two: NDArray[np.complex128]) -> FloatArray:
        found: FloatArray = fft.irfft(np.conj(one) * two, size, axis=1)[:, :lags]
        return found

    left, right = transforms(own), transforms(other)
    cross = together(left[0], right[0])
    # rounding leaves 1e-16 of the largest where there is nothing
    squares = [together(left[2], right[1]), together(left[1], right[2])]
    for one in squares:
        one[one < 1e-9 * one.max(axis=1, keepdims=True)] = 0.0
    cross[(squares[0] == 0) | (squares[1] == 0)] = 0.0
    return cross, squares[0], squares[1]


def _middles(own: FloatArray, start: NDArray[np.int64]) -> FloatArray:
    """Where in the reference's grid each part lies, weighted by the squares of its slope."""
    slope = np.diff(own, axis=1) ** 2
    slope[~np.isfinite(slope)] = 0.0
    total = slope.sum(axis=1)
    place = np.arange(slope.shape[1]) + 0.5
    even = np.full(len(own), own.shape[1] / 2)
    inside = np.divide(slope @ place, total, out=even, where=total > 0)
    return np.asarray(start + inside, dtype=np.float64)
