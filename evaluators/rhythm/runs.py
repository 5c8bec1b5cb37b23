"""Runs of ventricular and supraventricular ectopic beats, as `rxr` counts them.

A run of one side is held against the longest run of the other side within its time, more or less the match
window. Runs are counted by length: single beats, couplets, short runs of 3 to 5 beats, and long ones of 6 and
more, which episodes of ventricular fibrillation (and, of supraventricular beats, atrial fibrillation) are,
too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..metric import IntArray
from .annotations import FAR, LEARNING, SHUTDOWN_BITS, WINDOW, Annotations, Mode, Period, period
from .annotations import mode as checked_mode
from .labels import FLUTTER, WFDB, LabelMap
from .ratios import Ratio

LONGEST = 6
"""Lengths from here are counted together."""

_N, _S, _V, _F, _Q = range(5)
_UNREADABLE, _AF_ON, _VF_ON, _AF_OFF, _VF_OFF, _NOTHING = range(5, 11)
_OFF = frozenset({_AF_OFF, _VF_OFF})


@dataclass(frozen=True)
class _Kind:
    """A kind of run: whose beats make it, what breaks it, and the rhythm that is a long one."""

    members: frozenset[int]
    breakers: frozenset[int]
    onset: int
    offset: int
    other_onset: int


_VENTRICULAR = _Kind(frozenset({_V, _F}), frozenset({_N, _Q, _UNREADABLE, _S}), _VF_ON, _VF_OFF, _AF_ON)
_SUPRAVENTRICULAR = _Kind(frozenset({_S}), frozenset({_N, _Q, _UNREADABLE, _V, _F}), _AF_ON, _AF_OFF, _VF_ON)


@dataclass(frozen=True, eq=False)
class RunTable:
    """Runs of one kind, by their length in reference (rows) and test (columns), 0 to 6 or more.

    Attributes:
        by_reference: (7, 7) each run of the reference, with the longest of the test in its time.
        by_test: (7, 7) each run of the test, with the longest of the reference in its time.
    """

    by_reference: IntArray
    by_test: IntArray

    @property
    def couplet_sensitivity(self) -> Ratio:
        """Couplets of the reference in which the test has two beats or more."""
        return Ratio(int(self.by_reference[2, 2:].sum()), int(self.by_reference[2].sum()))

    @property
    def couplet_ppv(self) -> Ratio:
        """Couplets of the test in which the reference has two beats or more."""
        return Ratio(int(self.by_test[2:, 2].sum()), int(self.by_test[:, 2].sum()))

    @property
    def short_sensitivity(self) -> Ratio:
        """Runs of 3 to 5 beats of the reference in which the test has three or more."""
        return Ratio(int(self.by_reference[3:6, 3:].sum()), int(self.by_reference[3:6].sum()))

    @property
    def short_ppv(self) -> Ratio:
        """Runs of 3 to 5 beats of the test in which the reference has three or more."""
        return Ratio(int(self.by_test[3:, 3:6].sum()), int(self.by_test[:, 3:6].sum()))

    @property
    def long_sensitivity(self) -> Ratio:
        """Runs of 6 beats and more of the reference in which the test has as many."""
        return Ratio(int(self.by_reference[6, 6]), int(self.by_reference[6].sum()))

    @property
    def long_ppv(self) -> Ratio:
        """Runs of 6 beats and more of the test in which the reference has as many."""
        return Ratio(int(self.by_test[6, 6]), int(self.by_test[:, 6].sum()))


@dataclass(frozen=True)
class RunCounts:
    """Counts of one record, or added up over records.

    Attributes:
        mode: Whose counts these are; see `annotations.Mode`.
        ventricular: Runs of ventricular ectopic and fusion beats.
        supraventricular: Runs of supraventricular ectopic beats.
    """

    mode: Mode
    ventricular: RunTable
    supraventricular: RunTable


def compare_runs(
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
) -> RunCounts:
    """Compare the runs of two annotators of one record, as `rxr` does.

    Args:
        reference: Annotations of the reference.
        test: Annotations of the device or algorithm.
        fs: Samples a second.
        length: Samples of the record; None or 0 where it is not known.
        start: Seconds of the learning period. Default: the 300 s of EC57.
        end: Seconds at which the comparison ends. Default: the end of the record. 0: no end.
        window: Seconds by which runs may be apart. Default: the 0.15 s of EC57.
        labels: The table of symbols. Beats of class N are S during atrial fibrillation.
        mode: `wfdb_compat`: the counts of WFDB 10.7.0. `corrected`: the time of an episode begins and ends
            with its own marks, not with those of the run before; an episode that begins within a run makes it
            a long one; a run that is open when the comparison ends is counted; nothing is carried over from
            one pass to the next.

    Raises:
        ValueError: Symbols that `labels` does not have, a record not longer than its learning period, or, in
            `wfdb_compat`, a record of unknown length in which one annotator says nothing after it.

    References:
        ANSI/AAMI EC57:2012. `rxr` of the WFDB Software Package 10.7.0 (Moody G, PhysioNet).

    Example:
        >>> from accordance.evaluators.rhythm.annotations import Annotations
        >>> times = [400, 760, 1120, 1480, 1840, 2200]
        >>> reference = Annotations.of(times, list("NVVNNN"))
        >>> test = Annotations.of(times, list("NVVVNN"))
        >>> counts = compare_runs(reference, test, fs=360, length=7200, start=0)
        >>> str(counts.ventricular.couplet_sensitivity), str(counts.ventricular.short_ppv)
        ('100.00% (1/1)', '0.00% (0/1)')
    """
    whose = checked_mode(mode)
    span = period(fs, length, start=start, end=end, window=window)
    ours, theirs = _stream(reference, labels), _stream(test, labels)
    if whose == "wfdb_compat" and span.end is None:
        _refuse_silence({"reference": ours, "test": theirs}, span)
    tables, corrected = [], whose == "corrected"
    left = {"ours": _NOTHING, "theirs": _NOTHING}
    for kind in (_VENTRICULAR, _SUPRAVENTRICULAR):
        first = _OneWay(ours, theirs, kind, span, corrected=corrected, left_over=left["theirs"])
        by_reference = first.run()
        second = _OneWay(theirs, ours, kind, span, corrected=corrected, left_over=first.last_of_side)
        by_test = second.run().T
        left = {"ours": second.current[1], "theirs": second.last_of_side}
        tables.append(RunTable(by_reference, by_test))
    return RunCounts(whose, tables[0], tables[1])


Stream = tuple[list[int], list[int]]
"""Times and labels of annotations."""


def _refuse_silence(sides: dict[str, Stream], span: Period) -> None:
    """Refuse what the program leaves without a word.

    Raises:
        ValueError: An annotator says nothing after the learning period.
    """
    silent = [name for name, (times, _) in sides.items() if not times or times[-1] < span.start]
    if silent:
        raise ValueError(
            f"No annotation at or after the start of the comparison: {', '.join(silent)}. Where the length "
            "of a record is not known, rxr of WFDB ends there without output; `corrected` counts."
        )


def _stream(found: Annotations, labels: LabelMap) -> Stream:
    """Times and labels of all annotations; rhythm and readability are carried from one to the next."""
    codes = labels.codes(found.symbol).astype(np.int64)
    codes[(codes < 0) | (codes == FLUTTER)] = _NOTHING
    rhythm, since, unreadable = "", 0, False
    for k in np.sort(np.concatenate([found.where(symbol) for symbol in "+[]~"])).tolist():
        if found.symbol[k] == "~":
            shut = bool(found.subtype[k] & SHUTDOWN_BITS == SHUTDOWN_BITS)
            codes[k] = _UNREADABLE if shut and not unreadable else _NOTHING
            unreadable = shut
            continue
        now, codes[k] = _turn(rhythm, str(found.symbol[k]), str(found.aux[k]))
        if rhythm == "AF" and now != "AF":
            _supraventricular(codes[since:k])
        if now == "AF" and rhythm != "AF":
            since = k
        rhythm = now
    if rhythm == "AF":
        _supraventricular(codes[since:])
    return found.sample.tolist(), codes.tolist()


def _turn(rhythm: str, symbol: str, text: str) -> tuple[str, int]:
    """The rhythm after a mark, and what the mark is: one that changes nothing is none."""
    if symbol == "[" or (symbol == "+" and text.startswith("(VF")):
        return "VF", _NOTHING if rhythm == "VF" else _VF_ON
    if symbol == "+" and text.startswith("(AF"):
        return "AF", _NOTHING if rhythm == "AF" else _AF_ON
    if rhythm == "VF":
        return "", _VF_OFF
    if rhythm == "AF" and symbol == "+":
        return "", _AF_OFF
    return rhythm, _NOTHING


def _supraventricular(codes: IntArray) -> None:
    """Beats of class N are S in atrial fibrillation."""
    codes[codes == _N] = _S


class _OneWay:
    """One pass: the runs of one side, and the longest of the other side in the time of each.

    Attributes:
        current: Time and label of the annotation of the other side that is looked at. Before the first it is
            what was read last in the pass before, at time 0.
        last_of_side: Label of the last annotation read of the side itself.
    """

    def __init__(
        self, side: Stream, other: Stream, kind: _Kind, span: Period, *, corrected: bool, left_over: int
    ) -> None:
        self.side, self.kind, self.span = side, kind, span
        self.corrected = corrected
        self.time, self.label = other
        self.at, self.exhausted = -1, False
        self.current = (-FAR, _NOTHING) if self.corrected else (0, left_over)
        self.known_end = -FAR if self.corrected else 0
        self.last_of_side = _NOTHING
        self.matrix = np.zeros((LONGEST + 1, LONGEST + 1), dtype=np.int64)
        self.length = self.low = self.high = 0

    def run(self) -> IntArray:
        """(7, 7) runs of the side by their length (rows) and the longest of the other (columns)."""
        times, labels = self.side
        window, end = self.span.window, self.span.end
        k = self._before_start()
        while k < len(times) and not (end and times[k] > end):
            self._take(times[k], labels[k], window)
            k += 1
        if k == len(times) or self.corrected:
            self._close()
        if times:
            self.last_of_side = labels[min(k, len(times) - 1)]
        return self.matrix

    def _before_start(self) -> int:
        """Whether the period begins within an episode; index of its first annotation."""
        times, labels = self.side
        k = 0
        while k < len(times) and times[k] < self.span.start:
            if labels[k] == self.kind.onset:
                self.length = LONGEST
            elif labels[k] in _OFF:
                self.length = 0
            k += 1
        if self.length:
            self.low, self.high = self.span.start - self.span.window, self.span.start + self.span.window
        return k

    def _take(self, time: int, label: int, window: int) -> None:
        """One annotation of the side."""
        kind = self.kind
        if label in kind.members:
            if not self.length:
                self.low = time - window
            self.length, self.high = min(LONGEST, self.length + 1), time + window
        elif label == kind.onset:
            if not self.length:
                self.length, self.low = LONGEST, time - window
            if self.corrected:
                self.length, self.high = LONGEST, time + window
        elif label == kind.offset:
            if self.length:
                self.high = time + window
        elif label in kind.breakers:
            self._close()

    def _close(self) -> None:
        if self.length:
            self.matrix[self.length, self._longest()] += 1
        self.length = 0

    def _read(self) -> bool:
        """The next annotation of the other side; False where there is none."""
        if self.at + 1 == len(self.time):
            self.exhausted = True
            return False
        self.at += 1
        self.current = (self.time[self.at], self.label[self.at])
        return True

    def _follow(self) -> None:
        """From the onset of an episode of the other side to its end."""
        ends = {_AF_OFF, _VF_OFF, self.kind.other_onset, _UNREADABLE}
        while self._read():
            if self.current[1] in ends:
                self.known_end = self.current[0]
                return
        self.known_end = FAR

    def _longest(self) -> int:
        """Length of the longest run of the other side in the time of the run that is closed."""
        if self.known_end > self.low:
            return LONGEST
        if self.exhausted:
            return 0
        while self.current[0] < self.low:
            if self.current[1] == self.kind.onset:
                self._follow()
                if self.known_end > self.low:
                    return LONGEST
            if not self._read():
                return 0
        return self._within()

    def _within(self) -> int:
        """The longest run among the annotations up to the end of the time."""
        length = best = 0
        while self.current[0] <= self.high:
            label = self.current[1]
            if label in self.kind.members:
                length = min(LONGEST, length + 1)
                best = max(best, length)
            elif label == self.kind.onset:
                self._follow()
                return LONGEST
            elif label in self.kind.breakers or label == self.kind.other_onset:
                length = 0
            if not self._read():
                break
        return best
