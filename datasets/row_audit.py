"""What became of every row that was read before units of time were paired, session by session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..protocols.errors import IntegrityError
from .grid import Assigned
from .keys import IntArray
from .moments import Mask, Timeline
from .pairs import LOW_COVERAGE_REFERENCE, LOW_COVERAGE_TEST, MISSING_VALUE, PARTIAL_UNIT
from .reasons import Bits

READ = "read"
USED = "used"
OUTSIDE = "outside_within"
NO_EVENT, LEARNING, UNCOUNTED, NO_SESSION = "no_event", "learning", "uncounted", "no_session"
N_ROWS = "n_rows"

REASONS: dict[str, str] = {
    READ: "Rows read",
    "no_time": "Row without a time",
    "no_duration": "Row that does not say how long it lasts",
    OUTSIDE: "Row outside of the time that counts",
    MISSING_VALUE: "Row without a value",
    PARTIAL_UNIT: "Row of a unit that is cut off",
    LOW_COVERAGE_REFERENCE: "Row of a unit with too little covered time",
    LOW_COVERAGE_TEST: "Row of a unit with too little covered time",
    NO_EVENT: "Row that is no event",
    LEARNING: "Event of the beginning of a session, which is not compared",
    UNCOUNTED: "Event that is not counted: the reference is in fibrillation, or neither side calls it one",
    NO_SESSION: "Event of a session that the reference has no row of",
    USED: "Rows used",
}
"""What the audit says of rows, in words; exclusion codes have those of the protocol."""


@dataclass(frozen=True)
class Placed:
    """The rows of one side in their units.

    Attributes:
        stream: The rows.
        assigned: The rows that are in a unit.
        outside: Rows that are in none; None: there are none.
    """

    stream: Timeline
    assigned: Assigned
    outside: Mask | None


@dataclass(frozen=True)
class Fate:
    """What decides on rows.

    Attributes:
        excluded: Exclusion codes of each row of the stream; None: none has any.
        entered: Which of the rows in units entered a value; None: all.
        n_entered: How many did, of each unit.
        state: Of each unit: 0 it has a value, 1 it is cut off, 2 too little of it is covered.
        session: Session of each unit.
    """

    excluded: Bits | None
    entered: Mask | None
    n_entered: IntArray
    state: IntArray
    session: IntArray


def audit(
    placed: Placed, fate: Fate, *, low_coverage: str, codes: Sequence[str], total: int
) -> dict[str, IntArray]:
    """Rows by reason and session: what was read, and each row once under what became of it.

    Args:
        placed: The rows.
        fate: What decides on them.
        low_coverage: Code of units of this side with too little covered time.
        codes: All reason codes, in the order of their bits.
        total: Number of sessions.

    Returns:
        Reason -> rows, one entry a session; `read` first.

    Raises:
        IntegrityError: A row is not there once; a defect of this program.
    """
    stream = placed.stream
    counts: dict[str, IntArray] = {READ: stream.n_read, **stream.without}
    if placed.outside is not None:
        counts[OUTSIDE] = _sessions_of(stream, np.flatnonzero(placed.outside), total)
    inside = fate.excluded
    if inside is not None:
        rows = np.flatnonzero(inside if placed.outside is None else np.where(placed.outside, 0, inside))
        first = _first_code(inside[rows])
        for place in np.unique(first).tolist():
            counts[codes[place]] = _sessions_of(stream, rows[first == place], total)
    words = (USED, PARTIAL_UNIT, low_coverage)
    counts.update(
        _once(placed, fate, words, total) if placed.assigned.held else _by_unit(placed, fate, words, total)
    )
    told = sum((count for word, count in counts.items() if word != READ), np.zeros(total, dtype=np.int64))
    if not np.array_equal(told, counts[READ]):
        raise IntegrityError(
            f"units of time of `{stream.side.name}`: {int(told.sum()):,} rows told of "
            f"{int(counts[READ].sum()):,} read."
        )
    return counts


def table(side: str, counts: Mapping[str, IntArray], sessions: pl.DataFrame) -> pl.DataFrame:
    """The audit of one side as a table: `side`, the session's columns, `reason`, `n_rows`.

    Args:
        side: `reference` or `test`.
        counts: As from `audit`.
        sessions: The sessions' columns, one row each.
    """
    parts = [
        sessions.filter(pl.Series(count > 0)).with_columns(
            pl.lit(side).alias("side"), pl.lit(word).alias("reason"), pl.Series(N_ROWS, count[count > 0])
        )
        for word, count in counts.items()
    ]
    order = {word: place for place, word in enumerate(counts)}
    return (
        pl.concat(parts)
        .select("side", *sessions.columns, "reason", N_ROWS)
        .sort(*sessions.columns, pl.col("reason").replace_strict(order))
    )


def _sessions_of(stream: Timeline, rows: IntArray, total: int) -> IntArray:
    """Some rows of a stream, counted by session."""
    runs = np.searchsorted(stream.heads, rows, side="right") - 1
    return np.bincount(stream.session[runs], minlength=total).astype(np.int64)


def _first_code(bits: Bits) -> IntArray:
    """Place of the lowest bit that is set."""
    lowest = bits & (~bits + np.uint64(1))
    return np.log2(lowest.astype(np.float64)).astype(np.int64)


def _weighted(session: IntArray, weights: IntArray, total: int) -> IntArray:
    """Whole numbers added up by session; exact below 2^53."""
    return np.bincount(session, weights=weights, minlength=total).astype(np.int64)


def _by_unit(placed: Placed, fate: Fate, words: Sequence[str], total: int) -> dict[str, IntArray]:
    """Where every row is in one unit at most: units are counted, not rows."""
    found = {}
    for place, word in enumerate(words):
        own = fate.state == place
        found[word] = _weighted(fate.session[own], fate.n_entered[own], total)
    if fate.entered is not None:
        assigned = placed.assigned
        lacking = assigned.n - fate.n_entered
        if fate.excluded is not None and len(assigned.heads):
            carried = fate.excluded if assigned.row is None else fate.excluded[assigned.row]
            lacking -= np.add.reduceat((carried != 0).astype(np.int64), assigned.heads)
        found[MISSING_VALUE] = _weighted(fate.session, lacking, total)
    return found


def _once(placed: Placed, fate: Fate, words: Sequence[str], total: int) -> dict[str, IntArray]:
    """Where a row may be in several units: it has the best of their states, and a value if it entered one."""
    stream, assigned = placed.stream, placed.assigned
    rows = np.arange(stream.n, dtype=np.int64) if assigned.row is None else assigned.row
    best, lacking = np.full(stream.n, len(words)), len(words)
    entered = np.ones(len(rows), dtype=bool) if fate.entered is None else fate.entered
    state = np.where(entered, np.repeat(fate.state, assigned.n), lacking)
    np.minimum.at(best, rows, state)
    counted = np.zeros(stream.n, dtype=bool)
    counted[rows] = True
    if fate.excluded is not None:
        counted &= fate.excluded == 0
    return {
        word: _sessions_of(stream, np.flatnonzero(counted & (best == place)), total)
        for place, word in enumerate((*words, MISSING_VALUE))
    }
