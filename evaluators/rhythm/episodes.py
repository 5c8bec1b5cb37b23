"""Episodes of atrial or ventricular fibrillation, by episode and by duration, as `epicmp` counts them.

An episode is found if any of it is: what a test adds or leaves out shows in the durations only. One episode
may match several of the other side, so that the episodes matched among the reference's and among the test's
are different counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..metric import IntArray
from .annotations import FAR, LEARNING, Annotations, Mode, period, samples
from .annotations import mode as checked_mode
from .ratios import Ratio

Rhythm = Literal["AF", "VF"]
RHYTHMS: tuple[Rhythm, ...] = ("AF", "VF")
FIBRILLATION, FLUTTER = "(AFIB", "(AFL"
"""Texts with which the annotation of the rhythm (`+`) begins."""
MOST_EXCLUDED = 100
"""Episodes of flutter that `epicmp` keeps."""


@dataclass(frozen=True)
class EpisodeCounts:
    """Counts of one record, or added up over records.

    Attributes:
        mode: Whose counts these are; see `annotations.Mode`.
        reference_matched: Episodes of the reference that the test overlaps.
        reference_episodes: Episodes of the reference.
        test_matched: Episodes of the test that the reference overlaps.
        test_episodes: Episodes of the test.
        overlap: Samples in which both are in an episode, by the reference's episodes.
        test_overlap: The same by the test's episodes; differs where short episodes are skipped on one side.
        reference_duration: Samples of the reference's episodes.
        test_duration: Samples of the test's episodes.
        fs: Samples a second.
    """

    mode: Mode
    reference_matched: int
    reference_episodes: int
    test_matched: int
    test_episodes: int
    overlap: int
    test_overlap: int
    reference_duration: int
    test_duration: int
    fs: float

    @property
    def episode_sensitivity(self) -> Ratio:
        """Matched episodes among the reference's."""
        return Ratio(self.reference_matched, self.reference_episodes)

    @property
    def episode_ppv(self) -> Ratio:
        """Matched episodes among the test's."""
        return Ratio(self.test_matched, self.test_episodes)

    @property
    def duration_sensitivity(self) -> Ratio:
        """Samples in which both are in an episode among those of the reference's."""
        return Ratio(self.overlap, self.reference_duration)

    @property
    def duration_ppv(self) -> Ratio:
        """Samples in which both are in an episode among those of the test's."""
        return Ratio(self.test_overlap, self.test_duration)


def rhythm_episodes(
    found: Annotations, rhythm: Rhythm, end: int, mode: Mode, text: str = FIBRILLATION
) -> IntArray:
    """(k, 2) first and last sample of each episode.

    Args:
        found: The annotations.
        rhythm: `AF`: from a `+` with the text to the next `+` with another. `VF`: from `[` to the next `]`.
        end: Where an episode that is never ended ends, if no annotation is later.
        mode: `wfdb_compat` refuses a `+` without a text; in `corrected` it ends an episode.
        text: How the text of an episode begins.

    Raises:
        ValueError: A `+` without a text, which ends the program (`wfdb_compat`).
    """
    if rhythm == "AF":
        marks = found.where("+")
        texts = found.aux[marks]
        empty = np.flatnonzero(texts == "")
        if len(empty) and mode == "wfdb_compat":
            raise ValueError(
                f"{len(empty):,} rhythm annotations (`+`) have no text, first at index "
                f"{int(marks[empty[0]])}; epicmp of WFDB breaks off there. `corrected` lets them end "
                "an episode."
            )
        within = np.char.startswith(texts, text)
    else:
        marks = np.sort(np.concatenate([found.where("["), found.where("]")]))
        within = found.symbol[marks] == "["
    return _segments(found.sample[marks], within, max([end, *found.sample[-1:].tolist()]))


def _segments(time: IntArray, within: NDArray[np.bool_], last: int) -> IntArray:
    """(k, 2) from each mark within an episode that follows one without, to the next without."""
    turns = np.diff(np.concatenate([[False], within, [False]]).astype(np.int8))
    ends = np.append(time, last)
    return np.column_stack([time[np.flatnonzero(turns == 1)], ends[np.flatnonzero(turns == -1)]]).astype(
        np.int64
    )


@dataclass(frozen=True, eq=False)
class EpisodeRows:
    """Every episode that is compared.

    Attributes:
        mode: Whose counts these are; see `annotations.Mode`.
        fs: Samples a second.
        reference_overlap: (n,) samples of each episode of the reference in which the test is in one, and
        reference_duration: (n,) its samples.
        test_overlap: (m,) samples of each episode of the test in which the reference is in one, and
        test_duration: (m,) its samples.
    """

    mode: Mode
    fs: float
    reference_overlap: IntArray
    reference_duration: IntArray
    test_overlap: IntArray
    test_duration: IntArray

    @property
    def counts(self) -> EpisodeCounts:
        """Episodes, matched ones, and durations."""
        return EpisodeCounts(
            self.mode,
            int(np.count_nonzero(self.reference_overlap > 0)),
            len(self.reference_overlap),
            int(np.count_nonzero(self.test_overlap > 0)),
            len(self.test_overlap),
            int(self.reference_overlap.sum()),
            int(self.test_overlap.sum()),
            int(self.reference_duration.sum()),
            int(self.test_duration.sum()),
            self.fs,
        )


def compare_episodes(
    reference: Annotations,
    test: Annotations,
    fs: float,
    length: int | None,
    *,
    rhythm: Rhythm = "AF",
    start: float = LEARNING,
    end: float | None = None,
    shortest: float = 0.0,
    ignore_short: bool = False,
    exclude_flutter: bool = False,
    mode: str = "wfdb_compat",
) -> EpisodeCounts:
    """Compare the episodes of two annotators of one record, as `epicmp` does.

    Args:
        reference: Annotations of the reference.
        test: Annotations of the device or algorithm.
        fs: Samples a second.
        length: Samples of the record; None or 0 where it is not known.
        rhythm: `AF` or `VF`.
        start: Seconds of the learning period. Default: the 300 s of EC57.
        end: Seconds at which the comparison ends. Default: the end of the record. 0: no end.
        shortest: Seconds; shorter episodes are not counted (option -i).
        ignore_short: They are no match for episodes of the other side either (option -I).
        exclude_flutter: Atrial flutter of the reference does not count against the test's positive
            predictivity (option -x).
        mode: `wfdb_compat`: the counts of WFDB 10.7.0, which are all 0 where the length is not known.
            `corrected`: there the comparison ends with the later annotator; excluded flutter is taken off the
            duration of an episode that begins in it, too, where the program adds it, and there may be more
            than 100 of them; a `+` without a text ends an episode.

    Raises:
        ValueError: A `+` without a text (`wfdb_compat`), a record not longer than its learning period, or
            another argument.

    References:
        ANSI/AAMI EC57:2012. `epicmp` of the WFDB Software Package 10.7.0 (Moody G, PhysioNet).

    Example:
        >>> from accordance.evaluators.rhythm.annotations import Annotations
        >>> reference = Annotations.of([5000, 15000], "+", aux=["(AFIB", "(N"])
        >>> test = Annotations.of([5000, 8000, 9000, 15000], "+", aux=["(AFIB", "(N", "(AFIB", "(N"])
        >>> counts = compare_episodes(reference, test, fs=360, length=21600, start=0)
        >>> str(counts.episode_sensitivity), str(counts.episode_ppv)
        ('100.00% (1/1)', '100.00% (2/2)')
        >>> round(counts.duration_sensitivity.value, 2)
        0.9
    """
    return episode_rows(
        reference, test, fs, length, rhythm=rhythm, start=start, end=end, shortest=shortest,
        ignore_short=ignore_short, exclude_flutter=exclude_flutter, mode=mode,
    ).counts  # fmt: skip


def episode_rows(
    reference: Annotations,
    test: Annotations,
    fs: float,
    length: int | None,
    *,
    rhythm: Rhythm = "AF",
    start: float = LEARNING,
    end: float | None = None,
    shortest: float = 0.0,
    ignore_short: bool = False,
    exclude_flutter: bool = False,
    mode: str = "wfdb_compat",
) -> EpisodeRows:
    """The episodes themselves that `compare_episodes` counts; its arguments and errors.

    Example:
        >>> from accordance.evaluators.rhythm.annotations import Annotations
        >>> reference = Annotations.of([5000, 15000], "+", aux=["(AFIB", "(N"])
        >>> test = Annotations.of([8000, 9000, 16000, 17000], "+", aux=["(AFIB", "(N", "(AFIB", "(N"])
        >>> episode_rows(reference, test, fs=360, length=21600, start=0).test_overlap.tolist()
        [1000, 0]
    """
    whose = checked_mode(mode)
    if rhythm not in RHYTHMS:
        raise ValueError(f"`rhythm` is `{rhythm}`; accepted: {', '.join(RHYTHMS)}.")
    if not (np.isfinite(shortest) and shortest >= 0):
        raise ValueError(f"`shortest` must be a number from 0; it is {shortest}.")
    span = period(fs, length, start=start, end=end)
    last = -1 if span.end is None else span.end
    if span.end is None and whose == "corrected":
        last = max([0, *reference.sample[-1:].tolist(), *test.sample[-1:].tolist()])
    sides = [rhythm_episodes(one, rhythm, last, whose) for one in (reference, test)]
    flutter = np.zeros((0, 2), dtype=np.int64)
    if exclude_flutter and rhythm == "AF":
        flutter = rhythm_episodes(reference, rhythm, last, whose, FLUTTER)
        if whose == "wfdb_compat":
            flutter = flutter[:MOST_EXCLUDED]
    rules = _Rules(span.start, last or FAR, samples(shortest, fs), ignore_short, whose)
    ours = _one_way(sides[0], sides[1], rules)
    theirs = _one_way(sides[1], sides[0], rules, flutter)
    return EpisodeRows(whose, fs, *ours, *theirs)


@dataclass(frozen=True)
class _Rules:
    """What counts as an episode: first and last sample, least duration, whether shorter ones are no match."""

    start: int
    end: int
    least: int
    ignore_short: bool
    mode: Mode


def _one_way(
    episodes: IntArray, others: IntArray, rules: _Rules, excluded: IntArray | None = None
) -> tuple[IntArray, IntArray]:
    """(k,) overlap and (k,) duration of one side's episodes, against the other's."""
    chosen = episodes[(episodes[:, 1] >= rules.start) & (episodes[:, 0] < rules.end)]
    chosen = np.clip(chosen, rules.start, rules.end)
    chosen = chosen[np.diff(chosen, axis=1)[:, 0] >= rules.least]
    if rules.ignore_short:
        others = others[np.diff(others, axis=1)[:, 0] >= rules.least]
    duration = np.diff(chosen, axis=1)[:, 0]
    if excluded is not None and len(excluded):
        gone = _overlaps(chosen, excluded)
        chosen = chosen[~((gone > 0) & (gone == duration))]  # nothing but flutter
        duration = np.diff(chosen, axis=1)[:, 0] - _excluded(chosen, excluded, rules.mode)
    return _overlaps(chosen, others), duration


def _overlaps(episodes: IntArray, others: IntArray) -> IntArray:
    """(k,) samples of each episode that lie in any of the others, which do not overlap each other."""

    def covered(time: IntArray) -> IntArray:
        """Samples of the others before each time."""
        before = np.searchsorted(others[:, 0], time, side="right")
        full = np.concatenate([[0], np.cumsum(np.diff(others, axis=1)[:, 0])])
        past = np.concatenate([others[:, 1], [0]])[before - 1] - time
        return np.where(before > 0, full[before] - np.maximum(past, 0), 0)

    return covered(episodes[:, 1]) - covered(episodes[:, 0])


def _excluded(episodes: IntArray, excluded: IntArray, mode: Mode) -> IntArray:
    """(k,) excluded samples; the program adds those of an exclusion in which the episode begins."""
    gone = _overlaps(episodes, excluded)
    if mode == "corrected":
        return gone
    before = np.searchsorted(excluded[:, 0], episodes[:, 0], side="left")
    holds = (before > 0) & (excluded[before - 1, 1] > episodes[:, 0])
    begun = np.where(holds, np.minimum(excluded[before - 1, 1], episodes[:, 1]) - episodes[:, 0], 0)
    return np.asarray(gone - 2 * begun)
