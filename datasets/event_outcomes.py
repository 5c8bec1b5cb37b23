"""Events to outcomes: both sides are brought to one row an outcome, matched, missed or extra.

Afterwards row i of both sides is a pair, so that exclusions, accounting and endpoints know nothing of events.
A side that has no event there says so by a class of its own, and its other columns are empty. Every row that
was read is in the audit once: used, or left out for a reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..evaluators.metric import IntArray
from ..protocols.errors import ContractError, IntegrityError, Violation
from ..protocols.events import Matching
from ..protocols.model import Protocol
from . import grid, reasons, row_audit
from .contract import ROW
from .event_classes import Labelled, labelled
from .event_rules import Found, Session, matched
from .moments import Mask, Scale, Timeline, jointly, renumbered, scales, steps_of, timeline_of
from .reasons import Bits
from .regrid import Regridded
from .sides import Side, at, called

_SIDES = ("reference", "test")
_FATES = (
    row_audit.OUTSIDE, row_audit.NO_SESSION, row_audit.NO_EVENT, row_audit.LEARNING, row_audit.UNCOUNTED,
    row_audit.USED,
)  # fmt: skip
"""What becomes of a row, in the order in which the audit names it."""


def outcomes(
    protocol: Protocol,
    pairing: str,
    left: Side,
    right: Side,
    *,
    on: Sequence[str],
    codes: tuple[str, ...],
    tables: Mapping[str, pl.DataFrame],
) -> Regridded:
    """Match the events of both sides and bring them to one row an outcome.

    Rows of the reference keep their number; an event that the reference does not have has that of the test,
    below zero, and the other way round.

    Args:
        protocol: Resolved protocol.
        pairing: Identifier of a pairing by events.
        left: The reference table.
        right: The test table.
        on: Columns that make a session.
        codes: All reason codes, in the order of their bits.
        tables: Further tables of the protocol by name, of which `within` needs one.

    Raises:
        ContractError: Labels that mean nothing, times or stretches that cannot be, records that are not
            longer than their learning period, or intervals of one side that overlap.
        IntegrityError: Rows were lost or doubled; a defect of this program.
    """
    spec, key = protocol.pairings[pairing], f"pairings.{pairing}"
    match = spec.match or Matching()
    counts = scales(left, right, key)
    if counts[0] is None or counts[1] is None:
        raise IntegrityError(f"events of `{pairing}`: a table has no times.")
    scale = counts[0]
    (ours, first), (theirs, second) = (
        timeline_of(side, on, own, "start") for side, own in ((left, scale), (right, counts[1]))
    )
    sessions, mine, others = jointly(first, second, on)
    streams = renumbered(ours, mine, sessions.height), renumbered(theirs, others, sessions.height)
    names = str(match.reference), str(match.test)
    sides = [labelled(stream, name) for stream, name in zip(streams, names, strict=True)]
    _refuse([found for _, problems in sides for found in problems])
    work = _Work(protocol, pairing, match, sessions, scale, streams, (sides[0][0], sides[1][0]), codes)
    return work.regridded(tuple(on), tables)


def _refuse(problems: Sequence[Violation]) -> None:
    if problems:
        raise ContractError(problems)


@dataclass(frozen=True)
class _Work:
    """Both sides, session by session."""

    protocol: Protocol
    pairing: str
    match: Matching
    sessions: pl.DataFrame
    scale: Scale
    streams: tuple[Timeline, Timeline]
    labels: tuple[Labelled, Labelled]
    codes: tuple[str, ...]

    def regridded(self, on: tuple[str, ...], tables: Mapping[str, pl.DataFrame]) -> Regridded:
        """The outcomes of all sessions as two sides of equal height."""
        spans = begin, end, known = self._spans(tables)
        inside = [self._inside(stream, begin, end) for stream in self.streams]
        learnt = begin + (0 if self.match.learning is None else steps_of(self.match.learning))
        found, problems = matched(self.match, self._sessions(spans, inside), self.labels)
        _refuse([Violation(problem, key=f"pairings.{self.pairing}.match") for problem in problems])
        if self.match.by != "beats":  # whose rule knows of the learning period
            found = found.only(found.time >= learnt[found.session])
        audits = [self._audit(side, found, inside[side], learnt, known) for side in (0, 1)]
        left, right = (self._side(place, found, on) for place in (0, 1))
        bits = self._bits(found)
        place = np.arange(len(found.time), dtype=np.int64)
        time = str(left.time)
        return Regridded(left, right, (place, place), (bits, bits.copy()), (*on, time), pl.concat(audits))

    def _spans(self, tables: Mapping[str, pl.DataFrame]) -> tuple[IntArray, IntArray, Mask]:
        """Of each session the first moment, the first one after it, and whether it counts.

        The end is the largest number where it is not known. A session counts if the reference has rows of it
        or, where stretches are declared, if it has one.
        """
        n, key = self.sessions.height, f"pairings.{self.pairing}.match.within"
        stretches = grid.stretches_of(
            self.protocol, self.match.within, self.sessions, tables=tables, scale=self.scale, key=key
        )
        known = self.streams[0].n_read > 0
        end = np.full(n, np.iinfo(np.int64).max, dtype=np.int64)
        if stretches is None:
            begin = np.zeros(n, dtype=np.int64)
            if isinstance(self.scale.dtype, pl.Datetime):
                begin[self.streams[0].session] = self.streams[0].start[self.streams[0].heads]
            return begin, end, known
        session, start, stop = stretches
        several = np.flatnonzero(np.bincount(session, minlength=n) > 1)
        if len(several):
            words = ", ".join(self._called(place) for place in several[:5].tolist())
            message = "events are matched over one stretch a session, and these have several"
            _refuse([Violation(f"{message}: {words}.", key=key, count=len(several))])
        begin, counts = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
        end[:] = 0  # nothing of a session without a stretch counts
        begin[session], end[session], counts[session] = start, stop, True
        return begin, end, counts

    def _called(self, place: int) -> str:
        return " ".join(str(value) for value in self.sessions.row(place))

    def _inside(self, stream: Timeline, begin: IntArray, end: IntArray) -> Mask:
        whose = stream.sessions()
        inside: Mask = (stream.start >= begin[whose]) & (stream.start < end[whose])
        return inside

    def _sessions(self, spans: tuple[IntArray, IntArray, Mask], inside: Sequence[Mask]) -> list[Session]:
        """The rows of every session that counts."""
        begin, end, counts = spans
        sizes, heads = (np.zeros((2, self.sessions.height), dtype=np.int64) for _ in range(2))
        for place, stream in enumerate(self.streams):
            sizes[place, stream.session], heads[place, stream.session] = stream.sizes, stream.heads
        chosen = [own.read & within for own, within in zip(self.labels, inside, strict=True)]
        if self.match.by == "beats":
            # whose rule knows of the end itself, and of beats that are found just before the beginning
            early = 0 if self.match.tolerance is None else steps_of(self.match.tolerance)
            chosen = [
                own.read & (stream.start >= begin[stream.sessions()] - (early if place else 0))
                for place, (own, stream) in enumerate(zip(self.labels, self.streams, strict=True))
            ]
        found = []
        for number in np.flatnonzero(counts).tolist():
            spread = [heads[k, number] + np.arange(sizes[k, number]) for k in (0, 1)]
            first, second = (own[chosen[k][own]] for k, own in enumerate(spread))
            found.append(
                Session(
                    number, self._called(number), int(begin[number]), int(end[number]), (first, second),
                    self.streams,
                )
            )  # fmt: skip
        return found

    def _audit(self, place: int, found: Found, inside: Mask, learnt: IntArray, known: Mask) -> pl.DataFrame:
        """Every row of a side once, under what became of it."""
        stream, labels = self.streams[place], self.labels[place]
        whose = stream.sessions()
        # of points and intervals nothing is left out but what was matched within the beginning of a session
        rest = row_audit.UNCOUNTED if self.match.by == "beats" else row_audit.LEARNING
        fate = np.full(stream.n, _FATES.index(rest), dtype=np.int8)
        fate[stream.start < learnt[whose]] = _FATES.index(row_audit.LEARNING)
        fate[~labels.event] = _FATES.index(row_audit.NO_EVENT)
        fate[~known[whose]] = _FATES.index(row_audit.NO_SESSION)
        fate[~inside] = _FATES.index(row_audit.OUTSIDE)
        used = found.rows[place]
        fate[used[used >= 0]] = _FATES.index(row_audit.USED)
        counts = {row_audit.READ: stream.n_read, **stream.without}
        for number, word in enumerate(_FATES):
            counts[word] = np.bincount(whose[fate == number], minlength=self.sessions.height).astype(np.int64)
        return row_audit.table(_SIDES[place], counts, self.sessions)

    def _side(self, place: int, found: Found, on: tuple[str, ...]) -> Side:
        """One side, a row an outcome."""
        stream, spec = self.streams[place], self.protocol.pairings[self.pairing]
        frame, table, rows = stream.side.frame, stream.side.table, found.rows[place]
        name = str((self.match.reference, self.match.test)[place])
        reference = self.protocol.tables[spec.reference]
        time = called(str(reference.time), reference)
        hidden = {*on, time, ROW, called(name, table), stream.side.time, table.exclusion}
        other = at(self.streams[1 - place].side.frame.select(ROW), found.rows[1 - place])[ROW]
        own = at(frame.select(ROW), rows)[ROW]
        whole = self.sessions[found.session].hstack(
            [
                self.scale.times(found.time).alias(time),
                *at(frame.select(one for one in frame.columns if one not in hidden), rows).get_columns(),
                pl.Series(called(name, table), self.labels[place].levels, dtype=pl.String).gather(
                    found.classes[place]
                ),
                own.fill_null(-other - 1).alias(ROW),
            ]
        )
        return Side(stream.side.name, table, whole)

    def _bits(self, found: Found) -> Bits:
        """Exclusion codes of each outcome: those of either event."""
        bits = np.zeros(len(found.time), dtype=np.uint64)
        for stream, rows in zip(self.streams, found.rows, strict=True):
            side = stream.side
            own = reasons.of_table(self.protocol, self.codes, side.name, side.table, side.frame)
            if own is not None:
                there = rows >= 0
                bits[there] |= own[rows[there]]
        return bits
