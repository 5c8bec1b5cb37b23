"""Every beat of a record as an outcome: matched, missed or extra, with the annotations that it comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..metric import IntArray
from . import annotations as given
from .annotations import LEARNING, WINDOW, Annotations
from .beat_streams import UNCOUNTED
from .beats import ROWS, match_record, silences
from .labels import CLASSES, WFDB, LabelMap

NO_ROW = -1
"""Stands in the place of the annotation that a side does not have."""


@dataclass(frozen=True, eq=False)
class BeatOutcomes:
    """Outcomes of one record, in order of time.

    Attributes:
        reference: (n,) index of the reference's annotation, -1 for an extra beat.
        test: (n,) index of the test's annotation, -1 for a missed beat.
        reference_class: (n,) index into `ROWS`.
        test_class: (n,) index into `ROWS`.
    """

    reference: IntArray
    test: IntArray
    reference_class: IntArray
    test_class: IntArray

    @property
    def matrix(self) -> IntArray:
        """(7, 7) how often each pair of classes comes up, as in `BeatCounts`."""
        k = len(ROWS)
        return np.bincount(self.reference_class * k + self.test_class, minlength=k * k).reshape(k, k)


def beat_outcomes(
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
) -> BeatOutcomes:
    """The beats that `compare_beats` counts, one by one.

    Beats that it does not count have no outcome: those of the learning period, of the reference's
    fibrillation, and flutter waves that neither side calls a beat.

    Args:
        reference: Annotations of the reference.
        test: Annotations of the device or algorithm.
        fs: Samples a second.
        length: Samples of the record; None or 0 where it is not known.
        start: Seconds of the learning period. Default: the 300 s of EC57.
        end: Seconds at which the comparison ends. Default: the end of the record.
        window: Match window in seconds, to either side, inclusive. Default: the 0.15 s of EC57.
        labels: The table of symbols.
        mode: `wfdb_compat` or `corrected`; see `compare_beats`.

    Raises:
        ValueError: As for `compare_beats`.

    Example:
        >>> reference = Annotations.of([400, 760, 1120, 1480], list("NNVN"))
        >>> test = Annotations.of([402, 765, 1121, 1300], list("NNVN"))
        >>> found = beat_outcomes(reference, test, fs=360, length=7200, start=0)
        >>> for row in zip(found.reference.tolist(), found.test.tolist()):
        ...     print(row)
        (0, 0)
        (1, 1)
        (2, 2)
        (-1, 3)
        (3, -1)
    """
    whose = given.mode(mode)
    ours, theirs, found, _, _ = match_record(
        reference, test, given.period(fs, length, start=start, end=end, window=window), labels, whose
    )
    unread, silent = silences(ours, theirs, found, whose)
    pairs = found.pairs
    first = np.concatenate([ours.row[pairs[0]], ours.row[found.missed], _none(found.extra)])
    second = np.concatenate([theirs.row[pairs[1]], _none(found.missed), theirs.row[found.extra]])
    # the codes of beats are places in `ROWS`: a flutter wave is O
    rows = np.concatenate([ours.code[pairs[0]], ours.code[found.missed], silent]).astype(np.int64)
    columns = np.concatenate([theirs.code[pairs[1]], unread, theirs.code[found.extra]]).astype(np.int64)
    somebody = np.minimum(rows, columns) < len(CLASSES)
    counted = (rows != UNCOUNTED) & (columns != UNCOUNTED) & somebody
    time = np.concatenate([ours.time[pairs[0]], ours.time[found.missed], theirs.time[found.extra]])
    order = np.lexsort((second, first, time))
    order = order[counted[order]]
    return BeatOutcomes(first[order], second[order], rows[order], columns[order])


def _none(like: IntArray) -> IntArray:
    return np.full(len(like), NO_ROW, dtype=np.int64)
