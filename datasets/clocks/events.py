"""Offset and drift from events that both devices have marked: taps, button presses, a step of the protocol.

First the offset at which most events coincide; then events are matched one-to-one, each with its nearest,
and a line is fitted through the differences of the matched (least squares, Student's t from the residuals).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from .estimate import LEVEL, MOST_DRIFT, PPM, Estimate
from .grid import FloatArray

_NARROW = 50
"""Offsets are first looked for to this part of the search."""
_NEARLY = 0.8
"""Another offset with this share of the best one's coincidences leaves the matter open."""
_GATE, _MANY = 6.0, 10
"""Matched events further off the line than so many robust standard deviations are let go, where there are so
many that a standard deviation is known."""
_MOST_PAIRS = 4_000_000
_ROUNDS = 6

Events = Mapping[str, FloatArray]
"""Level -> its moments in seconds, in order."""


def estimate(
    reference: Events, test: Events, *, search: float, resolution: float = 0.0, drift: bool = False
) -> Estimate:
    """Estimate a session's clock from events.

    Args:
        reference: Level -> moments by the reference's clock, seconds, in order.
        test: Level -> moments by the test device's clock.
        search: Largest difference of the clocks looked for, both ways, seconds.
        resolution: To how many seconds moments are written down, of the coarser side. No interval is
            narrower.
        drift: Whether the clocks' rates may differ. It takes four matched events.

    Returns:
        The estimate, or why there is none. A single event gives an offset, but no uncertainty: unresolved.

    Example:
        >>> taps = np.array([10.0, 500.0, 1310.0, 2900.0])
        >>> off = np.array([0.02, -0.01, 0.0, 0.01])
        >>> found = estimate({"tap": taps}, {"tap": taps - 7.0 + off}, search=60)
        >>> found.status, round(found.offset[0], 1), found.n
        ('resolved', 7.0, 4)
    """
    levels = [level for level in reference if level in test]
    n = sum(len(moments) for moments in reference.values())
    others = sum(len(moments) for moments in test.values())
    if not n or not others:
        which = "reference" if not n else "test device"
        return Estimate("no_overlap", f"the {which} marked no event in this session")
    sides = [_joined(side, levels) for side in (reference, test)]
    pairs = _pairs(sides[0], sides[1], search)
    if pairs is None:
        words = f"more than {_MOST_PAIRS:,} pairs of events lie within {search:g} s; name rarer events"
        return Estimate("ambiguous", words)
    differences, when = pairs
    if not len(differences):
        return Estimate("no_overlap", f"no two events of one level lie within {search:g} s")
    width = max(search / _NARROW, 2 * resolution)
    slope, start, best, second = _coincidence(differences, when, width, drift=drift)
    base = Estimate("resolved", share=best / n, agreement=best / n)
    at_zero = int(np.count_nonzero(np.abs(differences) <= width / 2))
    base = replace(base, agreement_at_zero=min(at_zero, n) / n)
    if second is not None:
        base = replace(base, second=second[0], second_agreement=min(second[1], n) / n)
    center = float(when.mean())
    matched = _matched(sides, start, slope, center, width, drift=drift)
    base = replace(base, n=len(matched[0]), share=len(matched[0]) / n, agreement=len(matched[0]) / n)
    if not len(matched[0]):
        return replace(
            base, status="ambiguous", reason="no event of one device coincides with one of the other"
        )
    if second is not None and second[1] >= _NEARLY * len(matched[0]) and len(matched[0]) > 1:
        words = f"nearly as many events coincide at an offset of {second[0]:.1f} s"
        return replace(base, status="ambiguous", reason=words)
    return _fitted(base, matched, search=search, resolution=resolution, drift=drift)


def _joined(side: Events, levels: list[str]) -> tuple[FloatArray, NDArray[np.int64]]:
    """Moments of all levels in order of level and time, and each one's level."""
    moments = [np.asarray(side[level], dtype=np.float64) for level in levels]
    numbers = [np.full(len(one), number, dtype=np.int64) for number, one in enumerate(moments)]
    if not levels:
        return np.zeros(0), np.zeros(0, dtype=np.int64)
    return np.concatenate(moments), np.concatenate(numbers)


def _pairs(
    reference: tuple[FloatArray, NDArray[np.int64]],
    test: tuple[FloatArray, NDArray[np.int64]],
    search: float,
) -> tuple[FloatArray, FloatArray] | None:
    """Differences of all pairs of events of one level within the search, and the test moment of each."""
    differences: list[FloatArray] = []
    when: list[FloatArray] = []
    total = 0
    for level in np.unique(test[1]).tolist():
        own, other = reference[0][reference[1] == level], test[0][test[1] == level]
        low = np.searchsorted(own, other - search, side="left")
        high = np.searchsorted(own, other + search, side="right")
        count = high - low
        total += int(count.sum())
        if total > _MOST_PAIRS:
            return None
        which = np.repeat(np.arange(len(other)), count)
        place = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(low, count)
        differences.append(own[place] - other[which])
        when.append(other[which])
    if not differences:
        return np.zeros(0), np.zeros(0)
    return np.concatenate(differences), np.concatenate(when)


def _coincidence(
    differences: FloatArray, when: FloatArray, width: float, *, drift: bool
) -> tuple[float, float, int, tuple[float, int] | None]:
    """Drift, offset and count of the window that holds most differences, and the next best window apart."""
    elapsed = when - when.mean()
    far = float(np.abs(elapsed).max())
    slopes = [0.0]
    if drift and far > 0:
        count = int(np.ceil(MOST_DRIFT / PPM * far / (width / 2)))
        slopes = sorted((np.arange(-count, count + 1) * width / 2 / far).tolist(), key=abs)
    best = (0.0, 0.0, 0, np.zeros(0), np.zeros(0, dtype=np.int64))
    for slope in slopes:
        ordered = np.sort(differences - slope * elapsed)
        held = np.searchsorted(ordered, ordered + width, side="right") - np.arange(len(ordered))
        first = int(np.argmax(held))
        if int(held[first]) > best[2]:
            middle = float(np.median(ordered[first : first + int(held[first])]))
            best = (float(slope), middle, int(held[first]), ordered, held)
    slope, middle, most, ordered, held = best
    apart = (ordered + width < middle - width / 2) | (ordered > middle + width / 2)
    if not apart.any():
        return slope, middle, most, None
    other = int(np.argmax(np.where(apart, held, -1)))
    found = float(np.median(ordered[other : other + int(held[other])])), int(held[other])
    return slope, middle, most, found


def _matched(
    sides: list[tuple[FloatArray, NDArray[np.int64]]],
    start: float,
    slope: float,
    center: float,
    width: float,
    *,
    drift: bool,
) -> tuple[FloatArray, FloatArray]:
    """Differences and test moments of events matched one-to-one, the line through them found step by step."""
    (own, level), (other, other_level) = sides
    gate = width
    differences, when = np.zeros(0), np.zeros(0)
    for _ in range(_ROUNDS):
        expected = other + start + slope * (other - center)
        pairs = _nearest(own, level, expected, other_level, gate)
        if not len(pairs[0]):
            return np.zeros(0), np.zeros(0)
        differences, when = own[pairs[0]] - other[pairs[1]], other[pairs[1]]
        if drift and len(when) > 3 and np.ptp(when) > 0:
            line = stats.theilslopes(differences, when - center)
            # two events seconds apart say nothing about a rate
            slope = float(np.clip(line.slope, -2 * MOST_DRIFT / PPM, 2 * MOST_DRIFT / PPM))
        start = float(np.median(differences - slope * (when - center)))
        off = np.abs(differences - start - slope * (when - center))
        spread = 1.4826 * float(np.median(off))
        gate = float(np.clip(_GATE * spread, 1e-3 * width, 4 * width)) if len(when) >= _MANY else gate
    return differences, when


def _nearest(
    own: FloatArray,
    level: NDArray[np.int64],
    expected: FloatArray,
    other_level: NDArray[np.int64],
    gate: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of pairs that are each other's nearest, of one level and within the gate."""
    left: list[int] = []
    right: list[int] = []
    for one in np.unique(other_level).tolist():
        mine, theirs = np.flatnonzero(level == one), np.flatnonzero(other_level == one)
        if not len(mine) or not len(theirs):
            continue
        forth = _closest(own[mine], expected[theirs])
        back = _closest(expected[theirs], own[mine])
        for place, partner in enumerate(forth.tolist()):
            near = abs(own[mine[partner]] - expected[theirs[place]]) <= gate
            if near and back[partner] == place:
                left.append(int(mine[partner]))
                right.append(int(theirs[place]))
    return np.array(left, dtype=np.int64), np.array(right, dtype=np.int64)


def _closest(sorted_: FloatArray, wanted: FloatArray) -> NDArray[np.int64]:
    """Place of the nearest value, the earlier of two."""
    after = np.clip(np.searchsorted(sorted_, wanted), 0, len(sorted_) - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.abs(wanted - sorted_[before]) <= np.abs(sorted_[after] - wanted)
    return np.where(nearer, before, after).astype(np.int64)


def _fitted(
    base: Estimate,
    matched: tuple[FloatArray, FloatArray],
    *,
    search: float,
    resolution: float,
    drift: bool,
) -> Estimate:
    differences, when = matched
    n, middle = len(when), float(when.mean())
    elapsed = when - middle
    drift = drift and n > 3 and float(np.ptp(elapsed)) > 0
    offset = float(differences.mean())
    if n < 2:
        words = "a single event gives an offset, but not how sure it is"
        return replace(
            base, status="too_little_data", reason=words, middle=middle, offset=(offset, None, None)
        )
    if abs(offset) >= search - max(resolution, 1e-9):
        words = f"the best offset lies at the end of the search, {search:g} s"
        return replace(base, status="at_boundary", reason=words)
    slope = float(elapsed @ differences) / float(elapsed @ elapsed) if drift else 0.0
    left = differences - offset - slope * elapsed
    freedom = n - (2 if drift else 1)
    sd = float(np.sqrt(left @ left / freedom))
    t = float(stats.t.ppf((1 + LEVEL) / 2, freedom))
    reach = max(t * sd / float(np.sqrt(n)), resolution / 2)
    rate = None
    if drift:
        spread = float(np.sqrt(elapsed @ elapsed))
        wide = max(t * sd / spread, resolution / 2 / float(np.ptp(elapsed))) * PPM
        rate = (slope * PPM, slope * PPM - wide, slope * PPM + wide)
        if wide >= MOST_DRIFT:
            return _fitted(base, matched, search=search, resolution=resolution, drift=False)
        if abs(slope) * PPM >= MOST_DRIFT:
            words = f"the drift lies at the end of what is looked for, {MOST_DRIFT:g} ppm"
            return replace(base, status="at_boundary", reason=words)
    return replace(base, middle=middle, offset=(offset, offset - reach, offset + reach), drift=rate)
