"""Which events of the test are which of the reference: points within a tolerance, or intervals that overlap.

Points and one-to-one intervals are matched for the largest number of pairs and, among such matchings, for the
least distance (the largest overlap). In one dimension the best matching never needs two pairs that cross, so
that it is found in order of time, over candidates only: the cost is the number of pairs of candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..metric import FloatArray, IntArray

Rule = Literal["any", "one_to_one"]
RULES: tuple[Rule, ...] = ("any", "one_to_one")

Within = Callable[[IntArray, IntArray], list[tuple[int, int]]]
"""Indices of the reference's and of the test's events of one group -> pairs of them."""
Allowed = Callable[[int, int], bool]
"""Row and column -> whether they may be a pair."""


@dataclass(frozen=True, eq=False)
class EventMatches:
    """Events of the test and of the reference that belong together.

    Attributes:
        pairs: (p, 2) indices of reference and test, by reference, then by test.
        missed: (a,) indices of the reference's events without a partner.
        extra: (b,) indices of the test's events without a partner.
        subjects: Labels of the subjects, sorted; empty where none were given.
        counts: (S, 4) of each subject: matched events of the reference, missed ones, matched events of the
            test, extra ones. One row of all events where no subjects were given.
    """

    pairs: IntArray
    missed: IntArray
    extra: IntArray
    subjects: tuple[str, ...]
    counts: IntArray


def match_points(
    reference: ArrayLike,
    test: ArrayLike,
    tolerance: float,
    *,
    reference_class: ArrayLike | None = None,
    test_class: ArrayLike | None = None,
    reference_subject: ArrayLike | None = None,
    test_subject: ArrayLike | None = None,
) -> EventMatches:
    """Match points in time one-to-one: most pairs, then least total distance, then the earlier partner.

    This is not the rule of `bxb` (see `rhythm.beat_matching`), which looks one beat ahead.

    Args:
        reference: (n,) times of the reference's events, in any order.
        test: (m,) times of the test's events, in the same unit.
        tolerance: Largest accepted distance, inclusive, in that unit.
        reference_class: (n,) classes; with `test_class`, only events of one class match.
        test_class: (m,) classes.
        reference_subject: (n,) subjects; with `test_subject`, only events of one subject match.
        test_subject: (m,) subjects.

    Raises:
        ValueError: Times that are no finite numbers, a negative tolerance, columns of different lengths, or
            classes or subjects for one side only; all problems in one message.

    Example:
        >>> found = match_points([10, 20, 30], [11, 19, 21, 50], tolerance=2)
        >>> found.pairs.tolist(), found.missed.tolist(), found.extra.tolist()
        ([[0, 0], [1, 1]], [2], [2, 3])
    """
    problems: list[str] = []
    a, b = _times("reference", reference, problems), _times("test", test, problems)
    if not (np.isfinite(tolerance) and tolerance >= 0):
        problems.append(f"`tolerance` must be a number from 0; it is {tolerance}.")
    columns = {"class": (reference_class, test_class), "subject": (reference_subject, test_subject)}
    groups = _groups((len(a), len(b)), columns, problems)

    def within(left: IntArray, right: IntArray) -> list[tuple[int, int]]:
        first, second = left[np.argsort(a[left], kind="stable")], right[np.argsort(b[right], kind="stable")]
        x, y = a[first], b[second]
        # a time and a tolerance that are decimal fractions add up to a distance that is just beyond it
        largest = float(np.abs(np.concatenate([x, y])).max(initial=1))
        slack = tolerance + 4 * np.finfo(float).eps * largest
        low, high = np.searchsorted(y, x - slack, side="left"), np.searchsorted(y, x + slack, side="right")
        found = best_in_order(low, high, lambda i, j: abs(float(x[i] - y[j])))
        return [(int(first[i]), int(second[j])) for i, j in found]

    return _matched((len(a), len(b)), groups, within)


def match_intervals(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    rule: Rule = "any",
    least_iou: float = 0.0,
    merge: bool = False,
    reference_class: ArrayLike | None = None,
    test_class: ArrayLike | None = None,
    reference_subject: ArrayLike | None = None,
    test_subject: ArrayLike | None = None,
) -> EventMatches:
    """Match intervals that overlap.

    - `any`: every pair that overlaps matches, so that one interval may match several (as in `epicmp`);
    - `one_to_one`: most pairs, then largest total intersection over union.

    Args:
        reference: (n, 2) starts and ends of the reference's events, in any order.
        test: (m, 2) starts and ends of the test's events.
        rule: `any` or `one_to_one`.
        least_iou: Least intersection over union of a pair, 0 to 1. Default 0: any overlap above 0; intervals
            that only touch do not overlap.
        merge: Unite overlapping intervals of one side, class and subject into one. Default: they are refused.
        reference_class: (n,) classes; with `test_class`, only events of one class match.
        test_class: (m,) classes.
        reference_subject: (n,) subjects; with `test_subject`, only events of one subject match.
        test_subject: (m,) subjects.

    Returns:
        Indices of the given intervals; of merged ones that of the first.

    Raises:
        ValueError: Intervals that are no pairs of finite numbers, end before they start, or overlap each
            other, or another argument; all problems in one message.

    Example:
        >>> found = match_intervals([(0, 10), (20, 30)], [(1, 4), (5, 12)])
        >>> found.pairs.tolist(), found.missed.tolist()
        ([[0, 0], [0, 1]], [1])
        >>> match_intervals([(0, 10), (20, 30)], [(1, 4), (5, 12)], rule="one_to_one").pairs.tolist()
        [[0, 1]]
    """
    problems: list[str] = []
    a, b = interval_rows("reference", reference, problems), interval_rows("test", test, problems)
    if rule not in RULES:
        problems.append(f"`rule` is `{rule}`; accepted: {', '.join(RULES)}.")
    if not 0 <= least_iou <= 1:
        problems.append(f"`least_iou` must be a number from 0 to 1; it is {least_iou}.")
    columns = {"class": (reference_class, test_class), "subject": (reference_subject, test_subject)}
    groups = _groups((len(a), len(b)), columns, problems)
    kept = []
    for name, intervals, labels in (("reference", a, groups.reference), ("test", b, groups.test)):
        united, chosen = disjoint(name, intervals, labels, merge=merge)
        kept.append(chosen)
        intervals[:] = united

    def within(left: IntArray, right: IntArray) -> list[tuple[int, int]]:
        first = left[np.lexsort((a[left, 1], a[left, 0]))]
        second = right[np.lexsort((b[right, 1], b[right, 0]))]
        x, y = a[first], b[second]
        low = np.searchsorted(y[:, 1], x[:, 0], side="right")
        high = np.searchsorted(y[:, 0], x[:, 1], side="left")

        def share(i: int, j: int) -> float:
            """Intersection over union; 0 for intervals that do not overlap."""
            both = max(0.0, float(min(x[i, 1], y[j, 1]) - max(x[i, 0], y[j, 0])))
            return both / (float(np.diff(x[i])[0] + np.diff(y[j])[0]) - both) if both else 0.0

        def overlap(i: int, j: int) -> bool:
            return share(i, j) > 0 and share(i, j) >= least_iou

        if rule == "one_to_one":
            found = best_in_order(low, high, lambda i, j: 1 - share(i, j), overlap)
        else:
            found = [(i, j) for i in range(len(x)) for j in range(int(low[i]), int(high[i])) if overlap(i, j)]
        return [(int(first[i]), int(second[j])) for i, j in found]

    return _matched((len(a), len(b)), groups, within, kept)


def best_in_order(
    low: IntArray,
    high: IntArray,
    cost: Callable[[int, int], float],
    allowed: Allowed = lambda _i, _j: True,
) -> list[tuple[int, int]]:
    """The non-crossing one-to-one matching with most pairs and, among these, least total cost.

    Args:
        low: (n,) first candidate of each row, never falling.
        high: (n,) one after the last candidate, never falling.
        cost: Of a row and a column, from 0.
        allowed: Whether a candidate may be taken at all.

    Returns:
        Pairs of row and column, in order.
    """
    pairs: list[tuple[int, int]] = []
    start = 0
    n = len(low)
    while start < n:
        stop = start + 1
        while stop < n and low[stop] < high[stop - 1]:
            stop += 1
        pairs += _cluster(start, low[start:stop].tolist(), high[start:stop].tolist(), cost, allowed)
        start = stop
    return pairs


_SKIP_COLUMN, _SKIP_ROW, _TAKE = range(3)


def _cluster(
    first: int, low: list[int], high: list[int], cost: Callable[[int, int], float], allowed: Allowed
) -> list[tuple[int, int]]:
    """Dynamic programming over the candidates of rows that share columns.

    `best[k]` is the best (pairs, minus cost) of the rows so far with columns before `base` + k. Columns after
    a row's last candidate add nothing to it, and later rows never look before their own first one.
    """
    choices: list[list[int]] = []
    best, base = [(0, 0.0)], low[0]
    for r, (a, b) in enumerate(zip(low, high, strict=True)):
        now, chosen = [best[min(a - base, len(best) - 1)]], [_SKIP_ROW]
        for j in range(a, b):
            value, choice = now[-1], _SKIP_COLUMN
            without = best[min(j + 1 - base, len(best) - 1)]
            if without > value:
                value, choice = without, _SKIP_ROW
            if allowed(first + r, j):
                count, gain = best[min(j - base, len(best) - 1)]
                paired = (count + 1, gain - cost(first + r, j))
                if paired > value:
                    value, choice = paired, _TAKE
            now.append(value)
            chosen.append(choice)
        choices.append(chosen)
        best, base = now, a
    return _traced(first, low, high, choices)


def _traced(first: int, low: list[int], high: list[int], choices: list[list[int]]) -> list[tuple[int, int]]:
    """The pairs that the choices lead to, from the last row back."""
    pairs: list[tuple[int, int]] = []
    r, j = len(low) - 1, high[-1]
    while r >= 0:
        j = min(j, high[r])
        choice = choices[r][j - low[r]] if j > low[r] else _SKIP_ROW
        if choice == _SKIP_COLUMN:
            j -= 1
            continue
        if choice == _TAKE:
            j -= 1
            pairs.append((first + r, j))
        r -= 1
    return pairs[::-1]


@dataclass(frozen=True, eq=False)
class _Groups:
    """Which events may match which: those of one group.

    Attributes:
        reference: (n,) group of each event of the reference.
        test: (m,) group of each event of the test.
        subjects: Labels of the subjects.
        subject: (n,) and (m,) index of the subject of each event.
    """

    reference: IntArray
    test: IntArray
    subjects: tuple[str, ...]
    subject: tuple[IntArray, IntArray]


def _groups(
    sizes: tuple[int, int],
    columns: Mapping[str, tuple[ArrayLike | None, ArrayLike | None]],
    problems: list[str],
) -> _Groups:
    """Groups of events by class and subject.

    Raises:
        ValueError: There are problems, with these columns or before.
    """
    codes = np.zeros(sum(sizes), dtype=np.int64)
    subjects: tuple[str, ...] = ()
    subject = np.zeros(sum(sizes), dtype=np.int64)
    for name, (left, right) in columns.items():
        if left is None and right is None:
            continue
        if left is None or right is None:
            problems.append(f"Give `reference_{name}` and `test_{name}`, or neither.")
            continue
        sides = [np.asarray(left), np.asarray(right)]
        for side, found, expected in zip(("reference", "test"), sides, sizes, strict=True):
            if found.ndim != 1 or len(found) != expected:
                problems.append(
                    f"`{side}_{name}` has the shape {found.shape}; there are {expected:,} events."
                )
        if problems:
            continue
        labels = np.concatenate([side.astype(np.str_) for side in sides])
        keys, index = np.unique(labels, return_inverse=True)
        codes = codes * (len(keys) + 1) + index
        if name == "subject":
            subjects, subject = tuple(keys.tolist()), index
    if problems:
        raise ValueError(" ".join(problems))
    n = sizes[0]
    return _Groups(codes[:n], codes[n:], subjects, (subject[:n], subject[n:]))


def _matched(
    sizes: tuple[int, int], groups: _Groups, within: Within, kept: list[IntArray] | None = None
) -> EventMatches:
    """Pairs of all groups, and what is left, of the kept events."""
    left, right = kept or [np.arange(size) for size in sizes]
    pairs: list[tuple[int, int]] = []
    for group in np.intersect1d(groups.reference[left], groups.test[right]):
        pairs += within(left[groups.reference[left] == group], right[groups.test[right] == group])
    table = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    missed, extra = np.setdiff1d(left, table[:, 0]), np.setdiff1d(right, table[:, 1])
    subject = groups.subject
    columns = [subject[0][np.unique(table[:, 0])], subject[0][missed], subject[1][np.unique(table[:, 1])],
               subject[1][extra]]  # fmt: skip
    rows = max(1, len(groups.subjects))
    counts = np.column_stack([np.bincount(column, minlength=rows) for column in columns])
    return EventMatches(table, missed, extra, groups.subjects, counts.astype(np.int64))


def _times(name: str, values: ArrayLike, problems: list[str]) -> FloatArray:
    try:
        return checks.measurements(name, values)
    except ValueError as problem:
        problems.append(str(problem))
        return np.zeros(0)


def interval_rows(name: str, values: ArrayLike, problems: list[str]) -> FloatArray:
    """(n, 2) starts and ends; what is wrong with them is added to `problems`."""
    array = np.asarray(values)
    if array.size == 0:
        return np.zeros((0, 2))
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iuf":
        problems.append(f"`{name}` must hold a start and an end in each row; its shape is {array.shape}.")
        return np.zeros((0, 2))
    found = np.array(array, dtype=np.float64)
    if not np.isfinite(found).all():
        first = int(np.argmin(np.isfinite(found).all(axis=1)))
        problems.append(f"`{name}` holds NaN or infinities, first in row {first}.")
    backward = np.flatnonzero(found[:, 1] < found[:, 0])
    if len(backward):
        problems.append(
            f"`{name}` ends before it starts in {len(backward):,} rows, first in row {int(backward[0])}."
        )
    return found


def disjoint(
    name: str, intervals: FloatArray, group: IntArray, *, merge: bool
) -> tuple[FloatArray, IntArray]:
    """Intervals of which none overlaps another of its group, and the indices of those that are left.

    Args:
        name: How messages call them.
        intervals: (n, 2) starts and ends.
        group: (n,) which may not overlap each other.
        merge: Unite those that overlap; the first takes the others in.

    Raises:
        ValueError: Some overlap, and `merge` is False.
    """
    found = intervals.copy()
    kept: list[int] = []
    overlapping: list[tuple[int, int]] = []
    for k in np.lexsort((intervals[:, 1], intervals[:, 0], group)).tolist():
        last = kept[-1] if kept else -1
        if kept and group[last] == group[k] and found[k, 0] < found[last, 1]:
            overlapping.append((last, k))
            found[last, 1] = max(found[last, 1], found[k, 1])
        else:
            kept.append(k)
    if overlapping and not merge:
        raise ValueError(
            f"`{name}` has {len(overlapping):,} overlapping intervals of one class and subject, first rows "
            f"{overlapping[0][0]} and {overlapping[0][1]}. Give `merge=True` to unite them."
        )
    return found, np.array(sorted(kept), dtype=np.int64)
