"""One signal on an even grid: rows at any times become values at whole steps, and gaps stay gaps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

REACH = 2.5
"""Rows without a length that are up to this many usual distances apart are joined by a line; beyond it there
is a gap."""
COVERED = 0.5
"""Share of a grid point's time that rows with a length have to cover."""
TREND = 300
"""Slower changes than so many steps are taken out: they say little about a lag and are full of drift."""
TREND_ROWS = 20
"""... and at least so many rows, of signals that have fewer rows than the grid has steps."""
_ENOUGH = 8000
_CLIP = 4.0
"""Values further from the middle than so many (robust) standard deviations are brought in: a second of
motion must not weigh as much as an hour."""


@dataclass(frozen=True)
class Signal:
    """Rows of one device in one session.

    Attributes:
        time: The middle of the time that each row stands for, seconds, in order.
        value: Values; NaN counts as no row.
        length: Time that each row stands for, seconds; None where the table does not say.
    """

    time: FloatArray
    value: FloatArray
    length: FloatArray | None = None

    def known(self) -> Signal:
        """The rows with a value."""
        has = np.isfinite(self.value)
        if has.all():
            return self
        length = None if self.length is None else self.length[has]
        return Signal(self.time[has], self.value[has], length)

    def near(self, other: Signal, search: float) -> Signal:
        """The rows that some offset within the search brings to where the other has rows."""
        low = int(np.searchsorted(self.time, other.time[0] - search, side="left"))
        high = int(np.searchsorted(self.time, other.time[-1] + search, side="right"))
        if low == 0 and high == len(self.time):
            return self
        part = slice(low, high)
        return Signal(self.time[part], self.value[part], None if self.length is None else self.length[part])

    def at(self, time: FloatArray) -> Signal:
        """The same rows at other times."""
        return replace(self, time=time)


@dataclass(frozen=True)
class Laid:
    """A signal on a grid.

    Attributes:
        origin: Time of the first grid point in seconds.
        values: Value at each grid point, NaN in gaps.
        spacing: Usual distance of two rows in seconds.
    """

    origin: float
    values: FloatArray
    spacing: float


def lay(signal: Signal, step: float) -> Laid:
    """Lay rows on a grid that begins at the first of them, so that even rows are taken as they are.

    Args:
        signal: Rows, at least one, none of them without a value (`Signal.known`).
        step: Distance of grid points in seconds.

    Example:
        >>> rows = Signal(np.array([0.0, 1.0, 2.0, 9.0]), np.array([5.0, 6.0, 7.0, 8.0]))
        >>> lay(rows, 1.0).values.tolist()
        [5.0, 6.0, 7.0, nan, nan, nan, nan, nan, nan, 8.0]
    """
    time = signal.time
    first, spacing = float(time[0]), _spacing(time, step)
    count = int(np.floor((time[-1] - first) / step + 0.5)) + 1
    return Laid(first, points(signal, first, count, step, spacing), spacing)


def points(signal: Signal, origin: float, count: int, step: float, spacing: float) -> FloatArray:
    """Rows on a given grid: NaN in gaps and beyond the rows.

    Rows with a length hold their value for that long; a grid point has their mean over one step, weighted by
    time, so that the mean of a rate between beats is beats over time. Rows without a length are moments:
    those nearest to one grid point are averaged, and grid points between get the value on the line that joins
    them.

    Args:
        signal: Rows, none of them without a value.
        origin: Time of the first grid point.
        count: Number of grid points.
        step: Their distance in seconds.
        spacing: Usual distance of two rows.
    """
    since = signal.time - origin
    if signal.length is None:
        return _joined(since, signal.value, count, step, REACH * max(spacing, step))
    return _held(since, signal.value, signal.length, count, step)


def _held(since: FloatArray, value: FloatArray, length: FloatArray, count: int, step: float) -> FloatArray:
    """Mean over each grid point's step of values that rows hold; of overlapping rows the earlier ends."""
    start = np.maximum.accumulate(since - length / 2)
    lasting = np.maximum(np.minimum(since + length / 2, np.append(start[1:], np.inf)) - start, 0.0)
    middle = float(value[0])
    weight = lasting * (value - middle)
    # seconds and value-seconds before each row, and in it up to the rim of a grid point
    time, whole = np.cumsum(lasting) - lasting, np.cumsum(weight) - weight
    rims = (np.arange(count + 1) - 0.5) * step
    first = np.clip(np.ceil(start / step + 0.5), 0, count + 1).astype(np.int64)
    row = np.cumsum(np.bincount(first, minlength=count + 2)[: count + 1]) - 1
    begun = row >= 0
    row = np.maximum(row, 0)
    into = np.where(begun, np.minimum(rims - start[row], lasting[row]), 0.0)
    covered = np.diff(np.where(begun, time[row], 0.0) + into)
    sums = np.diff(np.where(begun, whole[row], 0.0) + (value[row] - middle) * into)
    enough = covered >= COVERED * step * (1 - 1e-9)
    return np.where(enough, middle + sums / np.where(enough, covered, 1.0), np.nan)


def _joined(since: FloatArray, value: FloatArray, count: int, step: float, reach: float) -> FloatArray:
    """Moments averaged by grid point and joined by lines no longer than `reach`."""
    cell = np.floor(since / step + 0.5).astype(np.int64)
    if not (cell[1:] > cell[:-1]).all():
        starts = np.flatnonzero(np.diff(cell, prepend=cell[:1] - 1))
        counts = np.diff(starts, append=len(cell))
        since = np.add.reduceat(since, starts) / counts
        value = np.add.reduceat(value, starts) / counts
        cell = cell[starts]
    laid = np.full(count, np.nan)
    low, high = max(int(cell[0]), 0), min(int(cell[-1]) + 1, count)
    if high <= low:
        return laid
    laid[low:high] = np.interp(np.arange(low, high) * step, since, value)
    gaps = np.flatnonzero(np.diff(since) > reach)
    # the grid points at both rims belong to their own rows
    marks = np.zeros(count + 1, dtype=np.int64)
    np.add.at(marks, np.clip(cell[gaps] + 1, 0, count), 1)
    np.add.at(marks, np.clip(cell[gaps + 1], 0, count), -1)
    laid[np.cumsum(marks[:-1]) > 0] = np.nan
    return laid


def bridged(values: FloatArray) -> FloatArray:
    """The same with lines over gaps.

    Zeros would do harm: where both signals have the same gap, its rims agree perfectly at no lag at all.
    """
    known = np.isfinite(values)
    if known.all() or not known.any():
        return np.where(known, values, 0.0)
    found, gaps = values.copy(), np.flatnonzero(~known)
    places = np.flatnonzero(known)
    found[gaps] = np.interp(gaps, places, values[places])
    return found


def _spacing(time: FloatArray, step: float) -> float:
    """Usual distance of two rows."""
    return _middle(np.diff(time)) if len(time) > 1 else step


def _middle(values: FloatArray) -> float:
    """The median; of many values that of every so manyth, which is near enough for a scale."""
    return float(np.median(values[:: max(1, len(values) // _ENOUGH)]))


def changes(values: FloatArray, width: int) -> FloatArray:
    """What changes within `width` grid points: smoothed, without its running mean, extremes brought in.

    Both filters are symmetric, so that neither moves anything in time. NaN stays NaN.

    Returns:
        The changes with 0 as their middle; all NaN where the signal has none (a constant).
    """
    smooth = values.copy()
    smooth[1:-1] = 0.25 * (values[:-2] + values[2:]) + 0.5 * values[1:-1]
    known = np.isfinite(smooth)
    n = int(np.count_nonzero(known))
    if not n:
        return smooth
    filled = np.where(known, smooth, 0.0)
    middle = float(filled.sum()) / n
    filled[known] -= middle
    half = max(1, width // 2)
    sums = np.concatenate(([0.0], np.cumsum(filled)))
    counts = np.concatenate(([0], np.cumsum(known)))
    trend = _between(sums, half) / np.maximum(_between(counts, half), 1)
    found = filled - trend
    kept = found[known]
    spread = float(np.sqrt(np.mean(kept**2)))
    if spread <= 1e-9 * max(1.0, abs(middle)):
        return np.full(len(values), np.nan)
    # a signal that rests most of the time has hardly a median; its few changes are all it has to tell
    most = _CLIP * max(_middle(np.abs(kept)) * 1.4826, spread / 2)
    return np.where(known, np.clip(found, -most, most), np.nan)


def _between(sums: NDArray[Any], half: int) -> NDArray[Any]:
    """Sums over the places up to `half` on each side, from running sums that begin with 0."""
    count = len(sums) - 1
    half = min(half, count)
    high = np.concatenate([sums[half + 1 :], np.full(half, sums[-1])])
    low = np.concatenate([np.zeros(half, dtype=sums.dtype), sums[: count - half]])
    return np.asarray(high[:count] - low)
