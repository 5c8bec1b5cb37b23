"""One signal on an even grid: rows at any times become values at whole steps, and gaps stay gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

REACH = 2.5
"""Rows up to this many usual distances apart are joined by a line; beyond it there is a gap."""
TREND = 300
"""Slower changes than so many steps are taken out: they say little about a lag and are full of drift."""
TREND_ROWS = 20
"""... and at least so many rows, of signals that have fewer rows than the grid has steps."""
_CLIP = 4.0
"""Values further from the middle than so many (robust) standard deviations are brought in: a second of
motion must not weigh as much as an hour."""


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


def lay(time: FloatArray, value: FloatArray, step: float) -> Laid | None:
    """Lay rows on a grid that begins at the first of them, so that even rows are taken as they are.

    Rows nearest to one grid point are averaged, in value and in time; grid points between such averages get
    the value on the line that joins them.

    Args:
        time: Times in seconds, in order. The middle of the time that a row stands for.
        value: Values; NaN counts as no row.
        step: Distance of grid points in seconds.

    Returns:
        The signal, or None without any value.

    Example:
        >>> lay(np.array([0.0, 1.0, 2.0, 9.0]), np.array([5.0, 6.0, 7.0, 8.0]), 1.0).values.tolist()
        [5.0, 6.0, 7.0, nan, nan, nan, nan, nan, nan, 8.0]
    """
    known = np.isfinite(value)
    if not known.any():
        return None
    first, last = time[known.argmax()], time[len(known) - 1 - known[::-1].argmax()]
    count = int(np.floor((last - first) / step + 0.5)) + 1
    spacing = _spacing(time[known], step)
    return Laid(float(first), points(time, value, float(first), count, step), spacing)


def points(time: FloatArray, value: FloatArray, origin: float, count: int, step: float) -> FloatArray:
    """Rows on a given grid: `count` points, the first at `origin`; NaN in gaps and beyond the rows.

    Args:
        time: Times in seconds, in order.
        value: Values; NaN counts as no row.
        origin: Time of the first grid point.
        count: Number of grid points.
        step: Their distance in seconds.
    """
    known = np.isfinite(value)
    if not known.all():
        time, value = time[known], value[known]
    since = time - origin
    reach = REACH * max(_spacing(since, step), step)
    cell = np.floor(since / step + 0.5).astype(np.int64)
    if not (cell[1:] > cell[:-1]).all():
        starts = np.flatnonzero(np.diff(cell, prepend=cell[:1] - 1))
        counts = np.diff(starts, append=len(cell))
        since = np.add.reduceat(since, starts) / counts
        value = np.add.reduceat(value, starts) / counts
        cell = cell[starts]
    laid = np.full(count, np.nan)
    if not len(cell):
        return laid
    low, high = max(int(cell[0]), 0), min(int(cell[-1]) + 1, count)
    if high <= low:
        return laid
    laid[low:high] = np.interp(np.arange(low, high) * step, since, value)
    for place in np.flatnonzero(np.diff(since) > reach).tolist():
        # the grid points at both rims belong to their own rows
        laid[max(int(cell[place]) + 1, 0) : max(int(cell[place + 1]), 0)] = np.nan
    return laid


def _spacing(time: FloatArray, step: float) -> float:
    """Usual distance of two rows."""
    return float(np.median(np.diff(time))) if len(time) > 1 else step


def changes(values: FloatArray, width: int) -> FloatArray:
    """What changes within `width` grid points: smoothed a little, without its running mean, extremes brought in.

    Both filters are symmetric, so that neither moves anything in time. NaN stays NaN.

    Returns:
        The changes with 0 as their middle; all NaN where the signal has none (a constant).
    """
    smooth = values.copy()
    smooth[1:-1] = 0.25 * values[:-2] + 0.5 * values[1:-1] + 0.25 * values[2:]
    known = np.isfinite(smooth)
    filled = np.where(known, smooth, 0.0)
    middle = float(filled.sum() / max(int(known.sum()), 1))
    filled = np.where(known, smooth - middle, 0.0)
    half = max(1, width // 2)
    sums = np.concatenate(([0.0], np.cumsum(filled)))
    counts = np.concatenate(([0], np.cumsum(known)))
    place = np.arange(len(values))
    low, high = np.maximum(place - half, 0), np.minimum(place + half + 1, len(values))
    trend = (sums[high] - sums[low]) / np.maximum(counts[high] - counts[low], 1)
    found = np.where(known, filled - trend, np.nan)
    kept = found[known]
    if not len(kept):
        return found
    spread = float(np.sqrt(np.mean(kept**2)))
    # a signal that rests most of the time has hardly a median; its few changes are all it has to tell
    scale = max(float(np.median(np.abs(kept))) * 1.4826, spread / 2)
    if spread <= 1e-9 * max(1.0, abs(middle)):
        return np.full(len(values), np.nan)
    return np.clip(found, -_CLIP * scale, _CLIP * scale)
