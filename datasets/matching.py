"""Which reference row belongs to which test row: the rules alone, on integer arrays.

Both rules are one-to-one and do not depend on the order in which rows were read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from . import keys
from .keys import IntArray

NONE, NO_PARTNER, OUTSIDE, NOT_NEAREST = range(4)
"""Why a row has no partner, as small integers."""

Why = NDArray[np.int8]


@dataclass(frozen=True)
class Matches:
    """Every reference and every test row once, in output order.

    Attributes:
        reference: Position of the reference row in its frame, -1 where there is none.
        test: Position of the test row in its frame, -1 where there is none.
        why: Why the row is alone (`NONE` for pairs).
        identity: True when row i of both frames are a pair and in order, so that nothing needs to be
            gathered.
        lone: Where test rows without a partner are counted and not told: for some row of each group that has
            test rows (G,), and how many rows of the group stay alone for each reason (G, 4).
    """

    reference: IntArray
    test: IntArray
    why: Why
    identity: bool = False
    lone: tuple[IntArray, IntArray] | None = None


def identical(n: int) -> Matches:
    """Row i of both tables is a pair, for n rows."""
    rows = np.arange(n, dtype=np.int64)
    return Matches(rows, rows, np.zeros(n, dtype=np.int8), identity=True)


def by_key(reference: IntArray, test: IntArray) -> Matches:
    """Rows with equal codes are pairs; the others are alone.

    Args:
        reference: Code of each reference row, all different and not negative (see `keys.encode`).
        test: Code of each test row, all different and not negative.

    Returns:
        Matches in the order of the codes.
    """
    top = max(int(reference.max(initial=-1)), int(test.max(initial=-1))) + 1
    left, right = (
        _by_address(reference, test, top)
        if top <= _ROOM * (len(reference) + len(test))
        else _by_search(reference, test)
    )
    alone = (left < 0) | (right < 0)
    return Matches(left, right, np.where(alone, NO_PARTNER, NONE).astype(np.int8))


_ROOM = 2
"""Codes up to this many times the number of rows serve as addresses: one pass and no sorting."""


def _by_address(reference: IntArray, test: IntArray, top: int) -> tuple[IntArray, IntArray]:
    """Write each row's position at the address of its code, then read the addresses in order."""
    places = []
    for codes in (reference, test):
        place = np.full(top, -1, dtype=np.int64)
        place[codes] = np.arange(len(codes), dtype=np.int64)
        places.append(place)
    left, right = places
    used = (left >= 0) | (right >= 0)
    return (left, right) if used.all() else (left[used], right[used])


def _by_search(reference: IntArray, test: IntArray) -> tuple[IntArray, IntArray]:
    """Sort where needed, look each test code up among the reference codes, and merge what is left over."""
    orders = [
        np.arange(len(codes)) if keys.strictly_increasing(codes) else np.argsort(codes, kind="stable")
        for codes in (reference, test)
    ]
    left, right = reference[orders[0]], test[orders[1]]
    place = np.searchsorted(left, right)
    found = place < len(left)
    found[found] = left[place[found]] == right[found]
    partner = np.full(len(left), -1, dtype=np.int64)
    partner[place[found]] = orders[1][found]
    lone = ~found
    rows = np.concatenate([orders[0], np.full(int(lone.sum()), -1, dtype=np.int64)])
    partners = np.concatenate([partner, orders[1][lone]])
    if not lone.any():
        return rows, partners
    merged = np.argsort(np.concatenate([left, right[lone]]), kind="stable")
    return rows[merged], partners[merged]


@dataclass(frozen=True)
class Timed:
    """Rows of one table that may be matched in time, in canonical order: group, time, rest of the key.

    Attributes:
        groups: Code of the columns that must be equal, joint over both tables, of each run of rows.
        starts: Where each of these runs starts.
        time: Time of each row in whole steps.
        order: Position in the frame of each row; None: they stand there in this order.
    """

    groups: IntArray
    starts: IntArray
    time: IntArray
    order: IntArray | None = None

    @classmethod
    def of(cls, group: IntArray, time: IntArray, order: IntArray | None = None) -> Timed:
        """From the group of each row."""
        starts = keys.starts_of(group)
        return cls(group[starts], starts, time, order)

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.time)

    @cached_property
    def group(self) -> IntArray:
        """Group of each row."""
        return np.repeat(self.groups, np.diff(self.starts, append=self.n))

    @cached_property
    def ends(self) -> IntArray:
        """Where each run ends."""
        return np.append(self.starts[1:], self.n).astype(np.int64) if self.n else self.starts

    @cached_property
    def rising(self) -> bool:
        """Whether groups are in order and times rise strictly within them."""
        later = self.time[1:] > self.time[:-1]
        later[self.starts[1:] - 1] = True
        return bool(later.all()) and keys.strictly_increasing(self.groups)

    def rows(self, places: IntArray) -> IntArray:
        """Positions in the frame of rows at these places, -1 where there is none."""
        if self.order is None or not self.n:
            return places
        return np.where(places >= 0, self.order[np.maximum(places, 0)], -1)


def by_time(reference: Timed, test: Timed, tolerance: int) -> tuple[IntArray, Why, Why]:
    """Nearest in time within a group, one-to-one.

    Each reference row claims the test row nearest to it; of two equally near it claims the earlier. A test
    row goes to the nearest of its claimants, of two equally near to the earlier. Whoever loses a claim stays
    alone: no row is ever paired with one that is not its nearest.

    Args:
        reference: Reference rows in canonical order.
        test: Test rows in canonical order.
        tolerance: Largest accepted distance in steps, inclusive.

    Returns:
        For each reference row the place of its test row in `test` or -1; why each reference row is alone; why
        each test row is alone.
    """
    claimed, distance = _nearest(reference, test)
    why = np.full(reference.n, NO_PARTNER, dtype=np.int8)
    known = claimed >= 0
    within = known & (distance <= tolerance)
    why[known] = OUTSIDE
    why[within] = NOT_NEAREST
    claims = np.flatnonzero(within)
    order = np.lexsort((claims, distance[claims], claimed[claims]))
    claims = claims[order]
    wanted = claimed[claims]
    wins = claims[np.concatenate(([True], wanted[1:] != wanted[:-1]))] if len(claims) else claims
    partner = np.full(reference.n, -1, dtype=np.int64)
    partner[wins] = claimed[wins]
    why[wins] = NONE
    return partner, why, _why_alone(reference, test, partner, tolerance)


def _why_alone(reference: Timed, test: Timed, partner: IntArray, tolerance: int) -> Why:
    """Why each test row is alone: nothing in its group, nothing near enough, or it was not the nearest."""
    found, distance = _nearest(test, reference)
    why = np.full(test.n, NO_PARTNER, dtype=np.int8)
    why[found >= 0] = OUTSIDE
    why[(found >= 0) & (distance <= tolerance)] = NOT_NEAREST
    why[partner[partner >= 0]] = NONE
    return why


def _nearest(from_: Timed, to: Timed) -> tuple[IntArray, IntArray]:
    """Place in `to` of the row nearest to each row of `from_` (the earlier of two) or -1; the distance."""
    n = from_.n
    if not to.n or not n:
        return np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=np.int64)
    both = [pl.DataFrame({"group": one.group, "time": one.time}) for one in (from_, to)]
    here, there = keys.encode(both, ["group", "time"])
    after = np.searchsorted(there, here, side="right")
    before = after - 1
    # Several rows at one time: the first of them in canonical order stands for all.
    starts = np.maximum.accumulate(
        np.where(np.diff(there, prepend=there[0] - 1) > 0, np.arange(len(there)), 0)
    )
    before = np.where(before >= 0, starts[np.maximum(before, 0)], -1)
    has_before = (before >= 0) & (to.group[np.maximum(before, 0)] == from_.group)
    capped = np.minimum(after, to.n - 1)
    has_after = (after < to.n) & (to.group[capped] == from_.group)
    back = from_.time - to.time[np.maximum(before, 0)]
    ahead = to.time[capped] - from_.time
    take_before = has_before & (~has_after | (back <= ahead))
    place = np.where(take_before, before, np.where(has_after, capped, -1))
    return place, np.where(take_before, back, np.where(has_after, ahead, 0))


def counted(reference: Timed, test: Timed, tolerance: int) -> tuple[IntArray, Why, IntArray, IntArray]:
    """As `by_time`, with the test rows that stay alone counted by group, not told one by one.

    Where times rise strictly within groups on both sides, as in what a device writes, no test row is looked
    at by itself: those near a reference row lie between two places that are searched for.

    Args:
        reference: Reference rows in canonical order.
        test: Test rows in canonical order.
        tolerance: Largest accepted distance in steps, inclusive.

    Returns:
        For each reference row the place of its test row in `test` or -1; why each reference row is alone; the
        groups of test rows in order; for each of them (G, 4) how many rows have a pair (`NONE`) or are alone
        for each reason.
    """
    if not (reference.rising and test.rising):
        partner, why, why_test = by_time(reference, test, tolerance)
        place = np.repeat(np.arange(len(test.groups)), test.ends - test.starts)
        counts = np.bincount(place * 4 + why_test, minlength=4 * len(test.groups)).reshape(-1, 4)
        return partner, why, test.groups, counts.astype(np.int64)
    partner = np.full(reference.n, -1, dtype=np.int64)
    why = np.full(reference.n, NO_PARTNER, dtype=np.int8)
    counts = np.zeros((len(test.groups), 4), dtype=np.int64)
    counts[:, NO_PARTNER] = test.ends - test.starts
    places = {group: place for place, group in enumerate(test.groups.tolist())}
    runs = zip(reference.groups.tolist(), reference.starts, reference.ends, strict=True)
    for group, begin, end in runs:
        if group not in places:
            continue
        at = places[group]
        first = test.starts[at]
        times, others = reference.time[begin:end], test.time[first : test.ends[at]]
        own, why[begin:end], counts[at] = _one_group(times, others, tolerance)
        partner[begin:end] = np.where(own >= 0, own + first, -1)
    return partner, why, test.groups, counts


def _one_group(
    times: IntArray, others: IntArray, tolerance: int
) -> tuple[IntArray, Why, tuple[int, int, int, int]]:
    """Partners of reference rows among the test rows of one group, reasons, and the tally of test rows.

    Args:
        times: Reference times, strictly rising, at least one.
        others: Test times, strictly rising, at least one.
        tolerance: Largest accepted distance, inclusive.
    """
    after = np.searchsorted(others, times, side="right")
    # One moment before all others and one after them, both out of reach: every time has its two neighbours.
    first, last = min(times[0], others[0]), max(times[-1], others[-1])
    out_of_reach = 2 * (last - first) + tolerance + 1
    fenced = np.concatenate(([first - out_of_reach], others, [last + out_of_reach]))
    back, ahead = times - fenced[after], fenced[after + 1] - times
    earlier = back <= ahead
    nearest = after - earlier
    distance = np.where(earlier, back, ahead)
    within = distance <= tolerance
    why = np.where(within, NOT_NEAREST, OUTSIDE).astype(np.int8)
    # claimants of one test row stand side by side: the nearest wins, of equals the earlier
    claims = np.flatnonzero(within)
    wanted = nearest[claims]
    order = np.lexsort((distance[claims], wanted)) if (wanted[1:] == wanted[:-1]).any() else slice(None)
    claims, wanted = claims[order], wanted[order]
    wins = claims[np.concatenate(([True], wanted[1:] != wanted[:-1]))] if len(claims) else claims
    partner = np.full(len(times), -1, dtype=np.int64)
    partner[wins] = nearest[wins]
    why[wins] = NONE
    # test rows within the tolerance of any reference row: the union of the stretches around them
    low, high = _around(fenced, after, times - tolerance, times + tolerance)
    low = np.concatenate((low[:1], np.maximum(low[1:], high[:-1])))
    near = int(np.maximum(high - low, 0).sum())
    return partner, why, (len(wins), 0, len(others) - near, near - len(wins))


_STEPS = 4
"""Rows that are stepped over on both sides before a place is searched for."""


def _around(fenced: IntArray, after: IntArray, lower: IntArray, upper: IntArray) -> tuple[IntArray, IntArray]:
    """The first place not below `lower` and the first above `upper`, from a place in between.

    Devices write about as often as the tolerance allows, so both are a few steps away: taking them is several
    times quicker than a search. What is farther is searched for.

    Args:
        fenced: Times, strictly rising, between one below all bounds and one above them.
        after: For each pair of bounds a place up to which all times lie at or below `upper`, and from which
            on all lie at or above `lower`; places are those of the times without the fence.
        lower: Lower bounds, inclusive.
        upper: Upper bounds, inclusive.
    """
    low, high = after, after
    for _ in range(_STEPS):
        farther = fenced[low] >= lower
        if not farther.any():
            break
        low = low - farther
    else:
        low = np.searchsorted(fenced[1:-1], lower, side="left")
    for _ in range(_STEPS):
        farther = fenced[high + 1] <= upper
        if not farther.any():
            break
        high = high + farther
    else:
        high = np.searchsorted(fenced[1:-1], upper, side="right")
    return low, high
