"""What estimates of clocks need of a reference: its signal or its events, session by session.

It is made without a look at the test table, so that it can be kept and serve every version.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ...protocols.model import Alignment
from .. import keys
from ..keys import IntArray
from ..sides import SUBJECT, Side
from .grid import FloatArray, Signal
from .rows import SECOND, resolution_of, rows_of


@dataclass(frozen=True)
class Known:
    """The reference of one session.

    Attributes:
        n: Its rows with a time.
        base: Time of the first of them in microseconds.
        written: To how many seconds their times are written down; 0 where nobody asks.
        signal: Those with a value, or with an event, in seconds since that moment.
    """

    n: int
    base: int
    written: float
    signal: Signal


@dataclass(frozen=True)
class ReferenceClock:
    """The signal or the events of a reference.

    Attributes:
        sessions: The columns that name a session, one row each, in order.
        n: Rows with a time of each session.
        base: Time of the first of them, microseconds.
        written: To how many seconds the times of each session are written down; 0 where it has none.
        kept: Rows of each session that have a value, or an event.
        time: Time of these rows, microseconds, session by session and in order.
        value: Their values, or their event as its place in the declared ones.
        length: Seconds that each of them stands for; None where the table does not say.
    """

    sessions: pl.DataFrame
    n: IntArray
    base: IntArray
    written: FloatArray
    kept: IntArray
    time: IntArray
    value: FloatArray
    length: FloatArray | None

    def of(self, place: int | None) -> Known:
        """One session by its place; None: one without a reference row."""
        if place is None:
            return Known(0, 0, 0.0, Signal(np.zeros(0), np.zeros(0)))
        start = int(self.kept[:place].sum())
        rows = slice(start, start + int(self.kept[place]))
        base = int(self.base[place])
        time = np.asarray((self.time[rows] - base) * SECOND, dtype=np.float64)
        length = None if self.length is None else self.length[rows]
        signal = Signal(time, self.value[rows], length)
        return Known(int(self.n[place]), base, float(self.written[place]), signal)

    def of_subjects(self, subjects: Collection[str]) -> ReferenceClock:
        """The sessions of some subjects."""
        own = self.sessions[SUBJECT].is_in(sorted(subjects)).to_numpy()
        if own.all():
            return self
        rows = np.repeat(own, self.kept)
        return ReferenceClock(
            self.sessions.filter(pl.Series(own)),
            self.n[own],
            self.base[own],
            self.written[own],
            self.kept[own],
            self.time[rows],
            self.value[rows],
            None if self.length is None else self.length[rows],
        )


def reference_clock(rule: Alignment, side: Side, on: Sequence[str]) -> ReferenceClock:
    """The signal or the events of a reference table that has times.

    Args:
        rule: How clocks are held against each other.
        side: The reference table.
        on: Columns that name a session.
    """
    code = keys.encode([side.frame], on)[0]
    own, first = np.unique(code, return_index=True)
    rows = rows_of(side, rule.reference, code, rule)
    low, high = (np.searchsorted(rows.code, own, which) for which in ("left", "right"))
    n = (high - low).astype(np.int64)
    base = np.zeros(len(own), dtype=np.int64)
    base[n > 0] = rows.time[low[n > 0]]
    written = np.zeros(len(own))
    if rule.by == "events":
        written[:] = [resolution_of(rows.stamp[start:end]) for start, end in zip(low, high, strict=True)]
    has = np.isfinite(rows.value) if rule.by == "signals" else rows.value >= 0
    kept = np.searchsorted(own, rows.code[has])
    rows = rows if has.all() else rows.taken(has)
    return ReferenceClock(
        side.frame.select(on)[first.tolist()],
        n,
        base,
        written,
        np.bincount(kept, minlength=len(own)).astype(np.int64),
        rows.time,
        rows.value,
        rows.length,
    )


def joined(clocks: Sequence[ReferenceClock]) -> ReferenceClock:
    """The clocks of several groups of sessions, in order of the groups."""
    if len(clocks) == 1:
        return clocks[0]
    lengths = [one.length for one in clocks if one.length is not None]
    return ReferenceClock(
        pl.concat([one.sessions for one in clocks]),
        np.concatenate([one.n for one in clocks]),
        np.concatenate([one.base for one in clocks]),
        np.concatenate([one.written for one in clocks]),
        np.concatenate([one.kept for one in clocks]),
        np.concatenate([one.time for one in clocks]),
        np.concatenate([one.value for one in clocks]),
        np.concatenate(lengths) if lengths else None,
    )
