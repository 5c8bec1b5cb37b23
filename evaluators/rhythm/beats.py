"""Beat by beat: reference and test classes, and the error of RR intervals, as `bxb` counts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metric import IntArray
from . import annotations as given
from .annotations import FAR, LEARNING, WINDOW, Annotations, Mode, Period
from .beat_matching import NONE, match_beats
from .beat_streams import REMEMBERED, UNCOUNTED, Beats, read_beats
from .labels import CLASSES, WFDB, LabelMap
from .ratios import Ratio

ROWS = (*CLASSES, "O", "X")
"""Rows and columns of the matrix: the classes; O: no beat; X: no beat, for the segment was unreadable."""
_N, _S, _V, _F, _Q, _O, _X = range(7)
_BEATS = slice(0, 5)
_NONE = slice(5, 7)


@dataclass(frozen=True, eq=False)
class BeatCounts:
    """Counts of one record, or added up over records.

    Attributes:
        mode: Whose counts these are; see `annotations.Mode`.
        matrix: (7, 7) beats by class of the reference (rows) and of the test (columns), both in the order of
            `ROWS`.
        rr_squares: Sum of squared differences of RR intervals, in samples^2.
        rr_count: How many differences.
        second: Samples a second.
        shutdown_seconds: Whole seconds in which the test says it cannot read.
    """

    mode: Mode
    matrix: IntArray
    rr_squares: int
    rr_count: int
    second: int
    shutdown_seconds: int

    @property
    def without_supraventricular(self) -> IntArray:
        """(7, 7) the matrix with S counted as N, for devices that do not tell them apart."""
        merged = self.matrix.copy()
        merged[_N] += merged[_S]
        merged[_S] = 0
        merged[:, _N] += merged[:, _S]
        merged[:, _S] = 0
        return merged

    @property
    def qrs_sensitivity(self) -> Ratio:
        """Matched beats among the reference's."""
        return Ratio(self._total(_BEATS, _BEATS), self._total(_BEATS, slice(0, 7)))

    @property
    def qrs_ppv(self) -> Ratio:
        """Matched beats among the test's."""
        return Ratio(self._total(_BEATS, _BEATS), self._total(slice(0, 7), _BEATS))

    @property
    def veb_sensitivity(self) -> Ratio:
        """Ventricular ectopic beats that the test calls so, among the reference's."""
        return Ratio(int(self.matrix[_V, _V]), int(self.matrix[_V].sum()))

    @property
    def veb_ppv(self) -> Ratio:
        """Right calls among the test's V; those of F and Q are neither right nor wrong."""
        return Ratio(int(self.matrix[_V, _V]), int(self.matrix[_V, _V]) + self._veb_false())

    @property
    def veb_fpr(self) -> Ratio:
        """False V among the test's beats that are no ventricular ectopic beats: the false positive rate."""
        negative = int(self.matrix[np.ix_([_N, _S, _F, _Q, _O, _X], [_N, _S, _F, _Q])].sum())
        return Ratio(self._veb_false(), negative + self._veb_false())

    @property
    def sveb_sensitivity(self) -> Ratio:
        """Supraventricular ectopic beats that the test calls so, among the reference's."""
        return Ratio(int(self.matrix[_S, _S]), int(self.matrix[_S].sum()))

    @property
    def sveb_ppv(self) -> Ratio:
        """Right calls among the test's S; those of unclassifiable beats are neither right nor wrong."""
        false = int(self.matrix[[_N, _V, _F, _O, _X], _S].sum())
        return Ratio(int(self.matrix[_S, _S]), int(self.matrix[_S, _S]) + false)

    @property
    def missed_in_shutdown(self) -> Ratio:
        """Reference beats missed while the test could not read; `wfdb_compat` leaves those of class S out."""
        missed = self.matrix[_BEATS, _X]
        left_out = int(missed[_S]) if self.mode == "wfdb_compat" else 0
        return Ratio(int(missed.sum()) - left_out, self._total(_BEATS, slice(0, 7)))

    @property
    def rms_rr_error(self) -> float:
        """Root mean square error of RR intervals, in milliseconds; NaN where no interval was compared.

        In `wfdb_compat` missed and extra beats enter, with the interval of whichever beat is next on the
        other side; in `corrected` matched beats only.
        """
        if not self.rr_count:
            return float("nan")
        return float(np.sqrt(self.rr_squares / self.rr_count) * 1000 / self.second)

    def _total(self, rows: slice, columns: slice) -> int:
        return int(self.matrix[rows, columns].sum())

    def _veb_false(self) -> int:
        return int(self.matrix[[_N, _S, _O, _X], _V].sum())


def compare_beats(
    reference: Annotations,
    test: Annotations,
    fs: float,
    length: int | None,
    *,
    start: float = LEARNING,
    end: float | None = None,
    window: float = WINDOW,
    labels: LabelMap = WFDB,
    mode: str = "wfdb_compat",
) -> BeatCounts:
    """Compare the beats of two annotators of one record, as `bxb` does.

    Args:
        reference: Annotations of the reference.
        test: Annotations of the device or algorithm.
        fs: Samples a second.
        length: Samples of the record; None or 0 where it is not known.
        start: Seconds of the learning period. Default: the 300 s of EC57.
        end: Seconds at which the comparison ends. Default: the end of the record. 0: where the first
            annotator ends.
        window: Match window in seconds, to either side, inclusive. Default: the 0.15 s of EC57.
        labels: The table of symbols.
        mode: `wfdb_compat`: the counts of WFDB 10.7.0. `corrected`: RR errors of matched beats only; beats of
            class S missed in a shutdown are counted as such; all segments are remembered, not the last two;
            an unended fibrillation is open; where the record's length is not known, test beats after the last
            reference beat are extra.

    Raises:
        ValueError: Symbols that `labels` does not have, a record not longer than its learning period, or
            another argument.

    References:
        ANSI/AAMI EC57:2012. `bxb` of the WFDB Software Package 10.7.0 (Moody G, PhysioNet).

    Example:
        >>> from accordance.evaluators.rhythm.annotations import Annotations
        >>> reference = Annotations.of([400, 760, 1120, 1480], list("NNVN"))
        >>> test = Annotations.of([402, 765, 1121, 1300], list("NNVN"))
        >>> counts = compare_beats(reference, test, fs=360, length=7200, start=0)
        >>> str(counts.qrs_sensitivity), str(counts.qrs_ppv), str(counts.veb_sensitivity)
        ('75.00% (3/4)', '75.00% (3/4)', '100.00% (1/1)')
    """
    return count_beats(*match_record(
        reference, test, given.period(fs, length, start=start, end=end, window=window), labels,
        given.mode(mode)
    ))  # fmt: skip


@dataclass(frozen=True)
class Matched:
    """Two annotators of a record, matched: indices into the beats of either side.

    Attributes:
        pairs: (2, p) reference and test beat of each pair.
        missed: (a,) reference beats without a partner, and
        missed_beside: (a,) the test beat that was next then.
        extra: (b,) test beats without a partner, and
        extra_beside: (b,) the reference beat that was next then.
    """

    pairs: IntArray
    missed: IntArray
    missed_beside: IntArray
    extra: IntArray
    extra_beside: IntArray


def match_record(
    reference: Annotations, test: Annotations, period: Period, labels: LabelMap, mode: Mode
) -> tuple[Beats, Beats, Matched, Period, Mode]:
    """The beats of both sides, and which belong together within the test period.

    Raises:
        ValueError: Symbols that `labels` does not have.
    """
    ours = read_beats(reference, labels, period.window, mode)
    theirs = read_beats(test, labels, period.window, mode)
    first, other, pair = _start(ours.time, theirs.time, period)
    begin = first + pair
    partner = match_beats(ours.time[begin:], theirs.time[other + pair :], period.window)
    hit = np.flatnonzero(partner != NONE)
    pairs = np.stack([hit + begin, partner[hit] + (other + pair)])
    if pair:
        pairs = np.concatenate([[[first], [other]], pairs], axis=1)
    missed = begin + np.flatnonzero(partner == NONE)
    free = np.ones(len(theirs.time), dtype=bool)
    free[: other + pair] = False
    free[pairs[1]] = False
    extra = np.flatnonzero(free)
    matched = Matched(
        pairs,
        missed,
        _next(ours.time[missed], missed, theirs.time, pairs, ties=False),
        extra,
        _next(theirs.time[extra], extra, ours.time, pairs[::-1], ties=True),
    )
    return ours, theirs, _within(matched, ours.time, theirs.time, period, mode), period, mode


def _start(reference: IntArray, test: IntArray, period: Period) -> tuple[int, int, int]:
    """The first compared beat of either side, and whether these two are a pair (1) whatever follows."""

    def time(beats: IntArray, index: int) -> int:
        return int(beats[index]) if index < len(beats) else FAR

    # the beat at time 0 is the first one of the reference where nothing is left out
    first = int(np.searchsorted(reference, period.start)) if period.start else 0
    after = 1 + int(np.searchsorted(test[1:], period.start))
    here, before, following = time(reference, first), time(test, after - 1), time(test, after)
    if here - before <= period.window and here - before < abs(here - following):
        return first, after - 1, 1
    second = time(test, after + 1)
    if following - period.start <= period.window and abs(here - second) < abs(here - following):
        after += 1
    return first, after, 0


def _next(time: IntArray, index: IntArray, others: IntArray, pairs: IntArray, *, ties: bool) -> IntArray:
    """The first beat of the other side that is not used up when each unmatched beat is passed over.

    Beats of the other side that are earlier are used up (with `ties`, those at the same time, too), and the
    partners of the beats before.
    """
    passed = np.searchsorted(others, time, side="right" if ties else "left")
    k = np.searchsorted(pairs[0], index)
    last = pairs[1, k - 1] + 1 if pairs.size else np.zeros(len(index), dtype=np.int64)
    return np.maximum(passed, np.where(k > 0, last, 0))


def _within(found: Matched, reference: IntArray, test: IntArray, period: Period, mode: Mode) -> Matched:
    """What belongs to the test period; pairs that it cuts in two do."""
    pairs = found.pairs
    if period.end is not None and period.end > 0:
        before = [int(np.searchsorted(beats, period.end, side="right")) for beats in (reference, test)]
        begun = max(int(np.searchsorted(side, k)) for side, k in zip(pairs, before, strict=True))
        pairs = pairs[:, :begun]
        missed = reference[found.missed] <= period.end
        extra = test[found.extra] <= period.end
    else:
        missed = np.ones(len(found.missed), dtype=bool)
        extra = np.ones(len(found.extra), dtype=bool)
        if period.end == 0:
            missed = found.missed_beside < len(test)
        if period.end == 0 or mode == "wfdb_compat":
            extra = found.extra_beside < len(reference)
    return Matched(
        pairs,
        found.missed[missed],
        found.missed_beside[missed],
        found.extra[extra],
        found.extra_beside[extra],
    )


def count_beats(ours: Beats, theirs: Beats, found: Matched, period: Period, mode: Mode) -> BeatCounts:
    """Counts of matched annotators."""
    remembered = REMEMBERED if mode == "wfdb_compat" else None
    unread, silent = silences(ours, theirs, found, mode)
    matrix = _table(ours.code[found.pairs[0]], theirs.code[found.pairs[1]])
    matrix += _table(ours.code[found.missed], unread)
    matrix += _table(silent, theirs.code[found.extra])
    matrix[_NONE, _NONE] = 0
    squares, count = _rr_error(ours, theirs, found, mode)
    return BeatCounts(
        mode, matrix, squares, count, period.second, _shutdown_seconds(theirs, found, period, remembered)
    )


def silences(
    ours: Beats, theirs: Beats, found: Matched, mode: Mode
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What stands in the place of beats that one side does not have.

    Returns:
        Of each missed beat the column of the matrix, and of each extra beat the row: O, X where the side
        without it could not read, or `UNCOUNTED` where the reference is in fibrillation.
    """
    remembered = REMEMBERED if mode == "wfdb_compat" else None
    unread = theirs.shutdown.holds(ours.time[found.missed], found.missed_beside, remembered)
    extra = theirs.time[found.extra]
    silent = np.where(ours.shutdown.holds(extra, found.extra_beside, remembered), _X, _O)
    silent[ours.fibrillation.holds(extra, found.extra_beside, remembered)] = UNCOUNTED
    return np.where(unread, _X, _O), silent


def _table(rows: NDArray[Any], columns: NDArray[Any]) -> IntArray:
    """(7, 7) how often each pair of codes comes up, `UNCOUNTED` left out."""
    pairs = rows.astype(np.int64) * (UNCOUNTED + 1) + columns
    counts = np.bincount(pairs, minlength=(UNCOUNTED + 1) ** 2)
    return counts.reshape(UNCOUNTED + 1, UNCOUNTED + 1)[:7, :7].astype(np.int64)


def _rr_error(ours: Beats, theirs: Beats, found: Matched, mode: Mode) -> tuple[int, int]:
    """Sum of squares and number of differences of RR intervals."""
    sides = [(found.pairs[0], found.pairs[1])]
    if mode == "wfdb_compat":
        sides += [(found.missed, found.missed_beside), (found.extra_beside, found.extra)]
    squares, count = 0, 0
    for a, b in sides:
        known = (a < len(ours.rr)) & (b < len(theirs.rr))
        left, right = (a, b) if known.all() else (a[known], b[known])
        x, y = ours.rr[left], theirs.rr[right]
        both = (x != 0) & (y != 0)
        difference = (x - y) * both
        squares += int(np.dot(difference, difference))
        count += int(np.count_nonzero(both))
    return squares, count


def _shutdown_seconds(theirs: Beats, found: Matched, period: Period, remembered: int | None) -> int:
    """Whole seconds of the shutdowns that have been read when the comparison ends, open ones to its end."""
    segments = theirs.shutdown
    if not len(segments.onset):
        return 0
    used = max([0, *(int(one.max()) + 1 for one in (found.pairs[1], found.extra) if len(one))])
    read = segments.seen <= used + 1
    end = np.where(segments.end == FAR, period.end or 0, segments.end)
    total = int((end - segments.onset)[read].sum())
    return int((given.samples(0.5, period.fs) + total) // period.fs)
