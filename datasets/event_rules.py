"""The rules by which events of two sides belong together, over sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..evaluators.events.matching import EventMatches, match_intervals, match_points
from ..evaluators.metric import IntArray
from ..evaluators.rhythm.annotations import Annotations
from ..evaluators.rhythm.beat_outcomes import beat_outcomes
from ..evaluators.rhythm.beats import ROWS
from ..evaluators.rhythm.labels import CLASSES, WFDB
from ..protocols.events import Matching
from .event_classes import Labelled
from .moments import Mask, Timeline, steps_of

_SECOND = 1e6
"""Steps of a second: times in units of time are whole microseconds."""
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Session:
    """The events of one session.

    Attributes:
        number: Its number.
        name: Its name, for messages.
        begin: First moment, in steps.
        end: First moment after it; the largest number where it is not known.
        rows: Rows of the reference's and of the test's stream that are looked at, in order of time.
        streams: Both streams.
    """

    number: int
    name: str
    begin: int
    end: int
    rows: tuple[IntArray, IntArray]
    streams: tuple[Timeline, Timeline]

    @property
    def length(self) -> int | None:
        """Steps that it lasts; None where that is not known."""
        return None if self.end == np.iinfo(np.int64).max else self.end - self.begin


@dataclass(frozen=True, eq=False)
class Found:
    """Outcomes of all sessions, in order of session and time.

    Attributes:
        session: (n,) number of the session.
        time: (n,) moment of the reference's event, or of the test's where the reference has none.
        rows: (n,) row of either stream, -1 where it has no event.
        classes: (n,) place of either side's class among its levels.
    """

    session: IntArray
    time: IntArray
    rows: tuple[IntArray, IntArray]
    classes: tuple[IntArray, IntArray]

    def only(self, chosen: Mask) -> Found:
        """Some of the outcomes."""
        first, second = (one[chosen] for one in self.rows)
        own, other = (one[chosen] for one in self.classes)
        return Found(self.session[chosen], self.time[chosen], (first, second), (own, other))


def matched(
    match: Matching, sessions: Sequence[Session], labels: tuple[Labelled, Labelled]
) -> tuple[Found, list[str]]:
    """The outcomes of all sessions, or what is wrong with some.

    Args:
        match: The rule.
        sessions: The sessions.
        labels: Classes of either side's rows.
    """
    if match.by == "beats":
        return _beats(match, sessions, labels)
    return _others(match, sessions, labels)


def _beats(
    match: Matching, sessions: Sequence[Session], labels: tuple[Labelled, Labelled]
) -> tuple[Found, list[str]]:
    rate = match.rate.value if match.rate is not None else float("nan")
    start, window = (
        0.0 if one is None else steps_of(one) / _SECOND for one in (match.learning, match.tolerance)
    )
    places = [_places(own) for own in labels]
    parts: list[_Part] = []
    problems: dict[str, list[str]] = {}
    for one in sessions:
        ours, theirs = (
            _annotations(one, rows, stream, own, rate)
            for rows, stream, own in zip(one.rows, one.streams, labels, strict=True)
        )
        length = None if one.length is None else _samples(one.length, rate)
        try:
            found = beat_outcomes(
                ours, theirs, rate, length, start=start, window=window, labels=WFDB, mode=match.mode
            )
        except ValueError as problem:
            problems.setdefault(str(problem), []).append(one.name)
            continue
        first, second = (
            np.append(rows, -1)[own]
            for rows, own in zip(one.rows, (found.reference, found.test), strict=True)
        )
        classes = places[0][found.reference_class], places[1][found.test_class]
        parts.append(_Part(one.number, (first, second), classes))
    return _joined(parts, sessions), [_of(names, problem) for problem, names in problems.items()]


def _of(names: list[str], problem: str) -> str:
    """A problem with the sessions that have it."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}: {problem}"


def _samples(steps: int, rate: float) -> int:
    return int(np.floor(steps / _SECOND * rate + 0.5))


def _annotations(
    session: Session, rows: IntArray, stream: Timeline, labels: Labelled, rate: float
) -> Annotations:
    """The rows of a session as annotations of its recording, samples counted from its beginning."""
    seconds = (stream.start[rows] - session.begin) / _SECOND
    sample = np.floor(seconds * rate + 0.5).astype(np.int64)
    aux = np.zeros(len(rows), dtype="U1")
    return Annotations(sample, labels.symbols[rows], labels.subtype[rows], aux)


def _places(labels: Labelled) -> IntArray:
    """Place in `ROWS` -> place in the levels of the event column."""
    own = [labels.levels.index(one) for one in CLASSES]
    return np.array([*own, labels.none, labels.unreadable], dtype=np.int64)[: len(ROWS)]


def _others(
    match: Matching, sessions: Sequence[Session], labels: tuple[Labelled, Labelled]
) -> tuple[Found, list[str]]:
    """Points within a tolerance, or intervals that overlap, within each session."""
    rows = [np.concatenate([np.zeros(0, dtype=np.int64), *(one.rows[k] for one in sessions)]) for k in (0, 1)]
    number = [
        np.repeat([one.number for one in sessions], [len(one.rows[k]) for one in sessions]) for k in (0, 1)
    ]
    streams = sessions[0].streams if sessions else None
    if streams is None:
        return _joined([], sessions), []
    problems = [] if match.by == "points" else _overlapping(match, sessions, labels)
    if problems:
        return _joined([], sessions), problems
    found = _matches(match, streams, rows, number, labels)
    pairs = found.pairs
    first = np.concatenate([rows[0][pairs[:, 0]], rows[0][found.missed], np.full(len(found.extra), -1)])
    second = np.concatenate([rows[1][pairs[:, 1]], np.full(len(found.missed), -1), rows[1][found.extra]])
    whose = np.concatenate([number[0][pairs[:, 0]], number[0][found.missed], number[1][found.extra]])
    classes = tuple(
        np.where(own >= 0, np.append(label.place, -1)[own], label.none)
        for own, label in zip((first, second), labels, strict=True)
    )
    return _ordered(whose, (first, second), (classes[0], classes[1]), streams), []


def _matches(
    match: Matching,
    streams: tuple[Timeline, Timeline],
    rows: Sequence[IntArray],
    number: Sequence[IntArray],
    labels: tuple[Labelled, Labelled],
) -> EventMatches:
    starts = [stream.start[own].astype(np.float64) for stream, own in zip(streams, rows, strict=True)]
    names = [np.array(label.levels)[label.place[own]] for label, own in zip(labels, rows, strict=True)]
    groups: dict[str, Any] = {
        "reference_subject": number[0].astype(str),
        "test_subject": number[1].astype(str),
    }
    if match.same_class:
        groups |= {"reference_class": names[0], "test_class": names[1]}
    if match.by == "points":
        tolerance = 0.0 if match.tolerance is None else float(steps_of(match.tolerance))
        return match_points(starts[0], starts[1], tolerance, **groups)
    ends = [_ends(stream, own).astype(np.float64) for stream, own in zip(streams, rows, strict=True)]
    first, second = (np.column_stack(both) for both in zip(starts, ends, strict=True))
    return match_intervals(first, second, rule="one_to_one", least_iou=match.least_overlap, **groups)


def _ends(stream: Timeline, rows: IntArray) -> IntArray:
    """First moment after each event."""
    length = stream.length if isinstance(stream.length, int) else stream.length[rows]
    return np.asarray(stream.start[rows] + length)


def _overlapping(
    match: Matching, sessions: Sequence[Session], labels: tuple[Labelled, Labelled]
) -> list[str]:
    """Of either side the events that begin before the one before (of their class, if it counts) has ended."""
    found = []
    for place, label in enumerate(labels):
        count, first = 0, ""
        for one in sessions:
            stream, rows = one.streams[place], one.rows[place]
            kinds = label.place[rows] if match.same_class else np.zeros(len(rows), dtype=np.int64)
            for kind in np.unique(kinds):
                own = rows[kinds == kind]
                start, end = stream.start[own], _ends(stream, own)
                late = np.flatnonzero(start[1:] < np.maximum.accumulate(end)[:-1])
                if len(late) and not first:
                    seconds = (start[late[0] + 1] - one.begin) / _SECOND
                    first = f"{one.name}, {seconds:g} s after its beginning"
                count += len(late)
        if count:
            found.append(
                f"`{sessions[0].streams[place].side.name}` has {count:,} events that begin before the one "
                f"before has ended, first in {first}. Which of them is met could not be said: unite them in "
                "the data, or let classes match apart (`same_class`)"
            )
    return found


@dataclass(frozen=True, eq=False)
class _Part:
    """Outcomes of one session."""

    session: int
    rows: tuple[IntArray, IntArray]
    classes: tuple[IntArray, IntArray]


def _joined(parts: Sequence[_Part], sessions: Sequence[Session]) -> Found:
    none = np.zeros(0, dtype=np.int64)
    if not sessions:
        return Found(none, none, (none, none), (none, none))
    whose = np.repeat([one.session for one in parts], [len(one.rows[0]) for one in parts]).astype(np.int64)
    first, second, own, other = (
        np.concatenate([none, *columns])
        for columns in (
            [one.rows[0] for one in parts], [one.rows[1] for one in parts],
            [one.classes[0] for one in parts], [one.classes[1] for one in parts],
        )
    )  # fmt: skip
    return _ordered(whose, (first, second), (own, other), sessions[0].streams)


def _ordered(
    whose: IntArray,
    rows: tuple[IntArray, IntArray],
    classes: tuple[IntArray, IntArray],
    streams: tuple[Timeline, Timeline],
) -> Found:
    """Outcomes in order of session and time."""
    starts = [np.append(stream.start, 0) for stream in streams]
    time = np.where(rows[0] >= 0, starts[0][rows[0]], starts[1][rows[1]])
    order = np.lexsort((rows[1], rows[0], time, whose))
    first, second = (one[order] for one in rows)
    own, other = (one[order] for one in classes)
    return Found(whose[order], time[order], (first, second), (own, other))
