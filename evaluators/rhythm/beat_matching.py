"""Which beat of the test belongs to which of the reference, by the rule of `bxb`.

The rule is sequential: of the next beat of either side the earlier one is looked at, and it pairs with the
other if they are within the window and neither has a better partner in the beat that follows. Nearly all
beats need no
sequence: a beat that has one candidate which has no other candidate always pairs with it, and a beat without
a candidate never pairs. Only what is left, clusters of beats that share candidates, goes through the rule one
by one.
"""

from __future__ import annotations

import numpy as np

from ..metric import IntArray
from .annotations import FAR

NONE = -1


def match_beats(reference: IntArray, test: IntArray, window: int) -> IntArray:
    """Partner of each reference beat.

    Args:
        reference: (n,) times of the reference's beats, never falling.
        test: (m,) times of the test's beats, likewise.
        window: Largest accepted distance, inclusive.

    Returns:
        (n,) index of the test beat, -1 for none. Indices rise: no two pairs cross.

    Example:
        A test beat at the same distance of two reference beats goes to the later one:

        >>> match_beats(np.array([100, 200, 300]), np.array([100, 250]), 50)
        array([ 0, -1,  1])
    """
    partner = np.full(len(reference), NONE, dtype=np.int64)
    if not len(reference) or not len(test):
        return partner
    low, high = _candidates(reference, test, window)
    # candidates are ranges that never fall, so that beats share one if neighbours do
    shares = high[:-1] > low[1:]
    alone = high - low == 1
    alone[1:] &= ~shares
    alone[:-1] &= ~shares
    partner[alone] = low[alone]
    shared = np.flatnonzero((high > low) & ~alone)
    if len(shared):
        joins = (np.diff(shared) == 1) & (low[shared[1:]] < high[shared[:-1]])
        edges = np.flatnonzero(~joins) + 1
        first, last = shared[np.concatenate([[0], edges])], shared[np.concatenate([edges - 1, [-1]])]
        for a, b in zip(first.tolist(), last.tolist(), strict=True):
            rows, columns = (a, b + 1), (int(low[a]), int(high[b]))
            found = _one_by_one(_part(reference, rows), _part(test, columns), window)
            for i, j in found:
                partner[a + i] = columns[0] + j
    return partner


def _candidates(reference: IntArray, test: IntArray, window: int) -> tuple[IntArray, IntArray]:
    """First test beat within the window of each reference beat, and the one after the last."""
    low = np.searchsorted(test, reference - window, side="left")
    latest = reference + window
    beyond = np.append(test, [FAR, FAR])
    high = low + (beyond[low] <= latest)
    several = np.flatnonzero(beyond[low + 1] <= latest)  # few, and only they need another search
    high[several] = np.searchsorted(test, latest[several], side="right")
    return low, high


def _part(times: IntArray, bounds: tuple[int, int]) -> list[int]:
    """The times from the first to before the last of `bounds`, and the one that follows."""
    found: list[int] = times[bounds[0] : bounds[1] + 1].tolist()
    return found if bounds[1] < len(times) else [*found, FAR]


def _one_by_one(reference: list[int], test: list[int], window: int) -> list[tuple[int, int]]:
    """The rule itself, for all but the last of either side, which are there for others to look at."""
    pairs, i, j = [], 0, 0
    while i < len(reference) - 1 and j < len(test) - 1:
        a, b, next_a, next_b = reference[i], test[j], reference[i + 1], test[j + 1]
        apart, between = abs(a - b), abs(next_a - next_b)
        rival = abs(a - next_b) if b < a else abs(b - next_a)
        if apart <= window and (apart < rival or between < rival):
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif b < a:
            j += 1
        else:
            i += 1
    return pairs
