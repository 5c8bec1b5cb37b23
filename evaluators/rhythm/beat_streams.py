"""The beats of one annotator as `bxb` reads them, with fibrillation and unreadable segments beside.

Beats within `[` ... `]` (ventricular flutter or fibrillation) are passed over. A noise annotation (`~`) whose
subtype says that no signal can be read starts a shutdown; a `~` of another subtype ends it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..metric import IntArray
from .annotations import FAR, SHUTDOWN_BITS, Annotations, Mode
from .labels import LabelMap

UNCOUNTED = 7
"""Code of the beat at time 0 that stands for "none yet"; pairs with it are not counted."""
REMEMBERED = 2
"""Segments of a kind that `bxb` remembers."""


@dataclass(frozen=True)
class Segments:
    """Segments of one kind in the order in which they are read.

    Attributes:
        onset: (m,) first samples.
        end: (m,) last samples; `FAR` where the segment is open.
        seen: (m,) index of the beat before which each is read; the number of beats after the last.
    """

    onset: IntArray
    end: IntArray
    seen: IntArray

    def holds(self, time: IntArray, current: IntArray, remembered: int | None) -> NDArray[np.bool_]:
        """(k,) whether each time lies in a segment that is remembered while each `current` beat is current.

        The beat after the current one has been read by then, and with it the segments before it.
        """
        inside = np.zeros(len(time), dtype=bool)
        if not len(self.onset):
            return inside
        known = np.searchsorted(self.seen, current + 1, side="right")
        for back in range(1, 1 + (len(self.onset) if remembered is None else remembered)):
            one = np.maximum(known - back, 0)
            inside |= (known >= back) & (self.onset[one] <= time) & (time <= self.end[one])
        return inside


@dataclass(frozen=True)
class Beats:
    """Beats of one annotator.

    The first is no beat but stands for "none yet", at time 0 (or at the first beat, if that is before).

    Attributes:
        time: (n + 1,) samples.
        code: (n + 1,) index into `CLASSES`, `FLUTTER`, or `UNCOUNTED` for the first.
        rr: (n + 1,) interval to the beat before; 0 where there is none.
        row: (n + 1,) index of the annotation; -1 for the first.
        fibrillation: Segments of ventricular flutter or fibrillation.
        shutdown: Segments in which nothing can be read.
    """

    time: IntArray
    code: NDArray[np.int8]
    rr: IntArray
    row: IntArray
    fibrillation: Segments
    shutdown: Segments


def read_beats(found: Annotations, labels: LabelMap, window: int, mode: Mode) -> Beats:
    """The beats of an annotator.

    Args:
        found: The annotations.
        labels: The table of symbols.
        window: Match window in samples; a shutdown without an end of its own keeps this distance from its
            neighbours.
        mode: `wfdb_compat` forgets all but the last two segments, and lets a fibrillation that is never ended
            end where the one before did.

    Raises:
        ValueError: Symbols that `labels` does not have.
    """
    codes = labels.codes(found.symbol)
    is_beat = codes >= 0
    noise = found.where("~")
    shut = noise[(found.subtype[noise] & SHUTDOWN_BITS) == SHUTDOWN_BITS]
    fibrillation = _fibrillation(found, mode)
    if fibrillation:
        hidden = np.zeros(len(found), dtype=bool)
        for one in fibrillation:
            hidden[one.first : one.last + 1] = True
        is_beat &= ~hidden
        shut = shut[~hidden[shut]]
    chosen = np.flatnonzero(is_beat)
    sample = found.sample[chosen]
    time = np.concatenate([[min(0, int(sample[0]) if len(sample) else 0)], sample])
    code = np.concatenate([np.array([UNCOUNTED], dtype=np.int8), codes[chosen]])
    rr = np.zeros(len(time), dtype=np.int64)
    np.subtract(time[1:], time[:-1], out=rr[1:])
    rr[1:] *= time[:-1] != 0
    shutdown = _shutdowns(found, shut, chosen, fibrillation, window)
    segments = [_segments(one, chosen) for one in (fibrillation, shutdown)]
    for kind in segments:
        _interrupt(rr, time, kind, None if mode == "corrected" else REMEMBERED)
    row = np.concatenate([[-1], chosen]).astype(np.int64)
    return Beats(time, code, rr, row, segments[0], segments[1])


@dataclass(frozen=True)
class _Segment:
    """One segment, with the first and last annotation that it takes."""

    onset: int
    end: int
    first: int
    last: int


def _fibrillation(found: Annotations, mode: Mode) -> list[_Segment]:
    """The segments `[` ... `]`."""
    offsets = found.where("]")
    segments: list[_Segment] = []
    last, end = -1, FAR
    for first in found.where("[").tolist():
        if first <= last:
            continue
        k = int(np.searchsorted(offsets, first))
        onset = int(found.sample[first])
        if k == len(offsets):
            segments.append(_Segment(onset, FAR if mode == "corrected" else end, first, len(found)))
            break
        last = int(offsets[k])
        end = int(found.sample[last])
        segments.append(_Segment(onset, end, first, last))
    return segments


def _shutdowns(
    found: Annotations, shut: IntArray, beats: IntArray, fibrillation: list[_Segment], window: int
) -> list[_Segment]:
    """The unreadable segments that start with the annotations `shut`.

    One that the next annotation ends lasts until then. Another, in the style of the AHA database, fills the
    gap between what is read before and after.
    """
    segments: list[_Segment] = []
    for k in shut.tolist():
        onset = int(found.sample[k])
        if k + 1 == len(found):
            segments.append(_Segment(onset, FAR, k, k))
            continue
        following = int(found.sample[k + 1])
        ends = found.symbol[k + 1] == "~" and (found.subtype[k + 1] & SHUTDOWN_BITS) != SHUTDOWN_BITS
        if ends:
            segments.append(_Segment(onset, following, k, k))
            continue
        before = int(np.searchsorted(beats, k))
        last = int(found.sample[beats[before - 1]]) if before else 0
        last = max([last, *(one.end for one in fibrillation if one.last < k)])
        end = following - window
        segments.append(_Segment(min(last + window, end), end, k, k))
    return segments


def _segments(listed: list[_Segment], beats: IntArray) -> Segments:
    """Segments with the beat before which each is read; the beat at time 0 comes before the first."""
    table = np.array([(one.onset, one.end, one.first) for one in listed], dtype=np.int64).reshape(-1, 3)
    return Segments(table[:, 0], table[:, 1], 1 + np.searchsorted(beats, table[:, 2]))


def _interrupt(rr: IntArray, time: IntArray, segments: Segments, remembered: int | None) -> None:
    """No interval where a remembered segment starts between the two beats."""
    if not len(segments.onset):
        return
    beat = np.searchsorted(time, segments.onset, side="right")
    read = (beat >= segments.seen) & (beat < len(time)) & (beat > 0)
    if remembered is not None:
        known = np.searchsorted(segments.seen, beat, side="right")
        read &= np.arange(len(beat)) >= known - remembered
    rr[beat[read]] = 0
