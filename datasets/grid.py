"""Units of time: which there are, and which rows of a stream belong to which.

A unit is `[origin + k * length, origin + (k + 1) * length)` of a block: a session, or a stretch of `within`.
All times are whole steps, so that no unit depends on rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..protocols.errors import ContractError, Violation
from ..protocols.model import Protocol, Unit
from ..protocols.streams import Within
from .keys import IntArray
from .moments import Mask, Scale, Timeline, steps_of, zone
from .sides import SUBJECT, called

_FAR = np.int64(2**62)

Span = tuple[IntArray, IntArray, IntArray]
"""Sessions that have rows, rising, the first moment of each, and the first moment after it."""


@dataclass(frozen=True)
class Blocks:
    """Where units of time lie: one entry a session, or a stretch of one.

    Attributes:
        session: Session of each block, rising.
        origin: Where its units start counting.
        start: First moment that counts.
        end: First moment that does not count.
        bounded: Rows outside of `[start, end)` belong to no unit. Otherwise the bounds say at most where the
            last unit is cut off.
        whole: Every unit of a block is a unit of the reference, whether it has rows or not.
        length: Length of a unit; None: each block is one unit.
    """

    session: IntArray
    origin: IntArray
    start: IntArray
    end: IntArray
    bounded: bool
    whole: bool
    length: int | None

    def first(self) -> IntArray:
        """Number of the first unit of each bounded block."""
        step = self.length
        return np.zeros_like(self.start) if step is None else (self.start - self.origin) // step

    def last(self) -> IntArray:
        """Number of the last unit of each bounded block."""
        step = self.length
        return np.zeros_like(self.start) if step is None else (self.end - 1 - self.origin) // step


@dataclass(frozen=True)
class Units:
    """Units of time, in order.

    Attributes:
        block: Block of each.
        number: Number of the unit in its block.
    """

    block: IntArray
    number: IntArray

    def bounds(self, blocks: Blocks) -> tuple[IntArray, IntArray, Mask]:
        """First moment of each unit, its length as far as it counts, and whether it is cut off."""
        low, high = blocks.start[self.block], blocks.end[self.block]
        if blocks.length is None:
            return low, high - low, np.zeros(len(low), dtype=bool)
        begin = blocks.origin[self.block] + self.number * blocks.length
        stop = begin + blocks.length
        if blocks.bounded:
            begin, end = np.maximum(begin, low), np.minimum(stop, high)
        else:
            end = np.where((begin < high) & (high < stop), high, stop)
        length = end - begin
        return begin, length, length < blocks.length


@dataclass(frozen=True)
class Assigned:
    """The rows of a stream that belong to a unit, unit by unit.

    Attributes:
        units: Units that have rows.
        heads: Where the rows of each unit start.
        row: Row of the stream at each place; None: every row, in order.
        time: Time of each row that counts in the unit, in steps: one number for all, or one a row.
        size: Number of places.
        held: A row may stand at several places.
    """

    units: Units
    heads: IntArray
    row: IntArray | None
    time: int | IntArray
    size: int
    held: bool = False

    @property
    def n(self) -> IntArray:
        """Rows of each unit."""
        return np.diff(self.heads, append=self.size)


def blocks_of(
    unit: Unit,
    method: str,
    spans: Sequence[Span],
    *,
    n_sessions: int,
    stretches: tuple[IntArray, IntArray, IntArray] | None,
    timed: bool,
) -> Blocks:
    """Where the units of a pairing lie.

    Args:
        unit: Resolved unit of the pairing.
        method: `windows`, `epochs` or `sessions`.
        spans: From where to where the rows of each session reach, of the reference first, then of the test
            table (none of it: where it is not known yet; only sessions without a reference row depend on it).
        n_sessions: Number of sessions.
        stretches: Session, start and end of each stretch of `within`, in order; None: there is no `within`.
        timed: Whether times count: both tables have them.
    """
    length = None if unit.length is None or method == "sessions" else steps_of(unit.length)
    low, high = _extents(spans, n_sessions)
    if stretches is not None:
        session, start, end = stretches
        origin = start if unit.origin == "session" or length is None else np.zeros_like(start)
        return Blocks(session, origin, start, end, bounded=True, whole=True, length=length)
    session = np.arange(n_sessions, dtype=np.int64)
    if method == "sessions":
        return Blocks(session, low, low, high, bounded=timed, whole=False, length=None)
    if unit.origin == "session":
        return Blocks(session, low, low, high, bounded=False, whole=False, length=length)
    far = np.full(n_sessions, _FAR)
    return Blocks(session, np.zeros_like(low), -far, far, bounded=False, whole=False, length=length)


def _extents(spans: Sequence[Span], n_sessions: int) -> tuple[IntArray, IntArray]:
    """First and last moment of each session's reference rows; of its test rows where it has no others."""
    low = np.zeros(n_sessions, dtype=np.int64)
    high = np.zeros(n_sessions, dtype=np.int64)
    for session, first, last in reversed(spans):
        low[session], high[session] = first, last
    return low, high


def span(stream: Timeline) -> Span:
    """Sessions that have rows, their first moment and the first moment after them."""
    if not stream.n:
        none = np.zeros(0, dtype=np.int64)
        return none, none, none
    if isinstance(stream.length, int):  # rows are in order of their starts
        first = stream.start[stream.heads]
        last = stream.start[np.append(stream.heads[1:], stream.n) - 1] + stream.length
    else:
        first = np.minimum.reduceat(stream.start, stream.heads)
        last = np.maximum.reduceat(stream.end, stream.heads)
    return stream.session, first, np.maximum(last, first + 1)


def no_overlap(spans: Sequence[Span], n_sessions: int) -> Mask:
    """Sessions in which both sides have rows, and no moment lies within both."""
    bounds = []
    for session, first, last in spans:
        low, high = np.full(n_sessions, _FAR), np.full(n_sessions, -_FAR)
        low[session], high[session] = first, last
        bounds.append((low, high))
    (low, high), (low_test, high_test) = bounds
    both = (low < _FAR) & (low_test < _FAR)
    return both & ((high <= low_test) | (high_test <= low))


def stretches_of(
    protocol: Protocol,
    within: Within | None,
    sessions: pl.DataFrame,
    *,
    tables: Mapping[str, pl.DataFrame],
    scale: Scale | None,
    key: str,
) -> tuple[IntArray, IntArray, IntArray] | None:
    """Session, start and end of each stretch of `within`, in order; None without `within`.

    Raises:
        ContractError: The table is not there, a stretch ends before it starts, or two overlap.
    """
    if within is None:
        return None
    if within.table not in tables:
        message = f"the stretches of time are in table `{within.table}`, and it was not given."
        raise ContractError([Violation(message, key=f"{key}.table")])
    table = protocol.tables[within.table]
    frame = tables[within.table].drop("row", strict=False).with_row_index("row as read", offset=1)
    frame = frame.rename({table.subject: SUBJECT}) if table.subject != SUBJECT else frame
    names = [called(name, table) for name in (within.start, within.end)]
    if scale is not None and zone(frame.schema[names[0]]) != zone(scale.dtype):
        message = (
            "stretches have an offset from UTC and the reference's times have none, or the other way round."
        )
        raise ContractError([Violation(message, key=key)])
    counted = [
        Scale(str(table.columns[name].unit), frame.schema[own]).steps(frame[own]).alias(alias)
        for name, own, alias in zip(
            (within.start, within.end), names, ("start as steps", "end as steps"), strict=True
        )
    ]
    shared = [name for name in sessions.columns if name in frame.columns]
    own = frame.select("row as read", *shared).with_columns(counted)
    _check_stretches(own, within.table, shared)
    joined = (
        sessions.with_row_index("session as number")
        .join(own, on=shared, how="inner", maintain_order="left")
        .sort("session as number", "start as steps")
    )
    session, start, end = (
        joined[name].cast(pl.Int64).to_numpy()
        for name in ("session as number", "start as steps", "end as steps")
    )
    return session, start, end


def _check_stretches(own: pl.DataFrame, table: str, shared: Sequence[str]) -> None:
    """Every stretch ends after it starts, and no two of a session overlap."""
    violations = [
        Violation(
            f"the stretch of row {row} ends before it starts, or when it starts (subject `{subject}`).",
            file=table,
            key=table,
        )
        for row, subject in own.filter(pl.col("end as steps") <= pl.col("start as steps"))
        .select("row as read", SUBJECT)
        .head(20)
        .iter_rows()
    ]
    before = (
        own.filter(pl.col("end as steps") > pl.col("start as steps"))
        .sort(*shared, "start as steps", "row as read")
        .with_columns(
            pl.col("end as steps").cum_max().shift(1).over(shared).alias("reach"),
            pl.col("row as read").shift(1).over(shared).alias("other"),
        )
        .filter(pl.col("reach") > pl.col("start as steps"))
    )
    for other, row, subject in before.select("other", "row as read", SUBJECT).head(20).iter_rows():
        message = (
            f"the stretches of rows {other} and {row} overlap (subject `{subject}`); no moment counts twice."
        )
        violations.append(Violation(message, file=table, key=table))
    if violations:
        raise ContractError(violations)


def assign(stream: Timeline, blocks: Blocks, place: str) -> tuple[Assigned, Mask | None]:
    """The unit of every row of a stream.

    A row belongs to the unit that holds its point (`place`), with all the time it stands for. A row that
    stands for more than a unit is held: it counts in every unit whose own point it holds, with the time that
    both share.

    Args:
        stream: Rows in canonical order.
        blocks: Where the units lie.
        place: `start` or `middle`.

    Returns:
        The rows by unit; the timed rows that lie outside of every unit (None: none does).
    """
    held = blocks.length is not None and bool(np.any(np.greater(stream.length, blocks.length)))
    if held:
        return _held(stream, blocks, place)
    point = stream.point(place)
    if not blocks.bounded:
        return _runs(stream, blocks, None, stream.session, point), None
    found = _by_runs(stream, point, blocks)
    outside = found < 0
    rows = np.flatnonzero(~outside)
    return _runs(stream, blocks, rows, found[rows], point[rows]), outside if outside.any() else None


def _runs(
    stream: Timeline, blocks: Blocks, rows: IntArray | None, block: IntArray, point: IntArray
) -> Assigned:
    """Rows whose units rise, cut where the unit changes.

    Args:
        stream: The stream.
        blocks: The blocks.
        rows: Rows of the stream that are in a unit, rising; None: all.
        block: Block at the head of each run of rows of one block; runs start at `stream.heads` where rows are
            all, else one entry a row.
        point: Point of each of these rows.
    """
    per_row = rows is not None
    n = len(point)
    if not n:
        none = np.zeros(0, dtype=np.int64)
        return Assigned(Units(none, none), none, none, 0, 0)
    if blocks.length is None:
        number = None
    elif per_row:
        number = (point - blocks.origin[block]) // blocks.length
    elif (blocks.origin == blocks.origin[0]).all():
        number = (point - blocks.origin[0] if blocks.origin[0] else point) // blocks.length
    else:
        number = (point - np.repeat(blocks.origin[block], stream.sizes)) // blocks.length
    changes = np.zeros(n, dtype=bool)
    changes[0] = True
    if number is not None:
        np.not_equal(number[1:], number[:-1], out=changes[1:])
    if per_row:
        changes[1:] |= block[1:] != block[:-1]
    else:
        changes[stream.heads] = True
    heads = np.flatnonzero(changes).astype(np.int64)
    of_unit = block[heads] if per_row else block[np.searchsorted(stream.heads, heads, side="right") - 1]
    units = Units(of_unit, np.zeros_like(heads) if number is None else number[heads])
    time = stream.length
    if rows is not None and len(rows) == stream.n:
        rows = None
    if rows is not None and not isinstance(time, int):
        time = time[rows]
    return Assigned(units, heads, rows, time, n)


def _by_runs(stream: Timeline, point: IntArray, blocks: Blocks) -> IntArray:
    """Block of each row, -1 for none; points rise within a session, so that two searches a block do."""
    found = np.full(stream.n, -1, dtype=np.int64)
    place = np.searchsorted(stream.session, blocks.session)
    ends = np.append(stream.heads, stream.n)
    for block in range(len(blocks.session)):
        run = place[block]
        if run == len(stream.session) or stream.session[run] != blocks.session[block]:
            continue
        low, high = ends[run], ends[run + 1]
        own = point[low:high]
        first, last = np.searchsorted(own, (blocks.start[block], blocks.end[block]))
        found[low + first : low + last] = block
    return found


def _held(stream: Timeline, blocks: Blocks, place: str) -> tuple[Assigned, Mask | None]:
    """As `assign`, where some rows stand for more than a unit."""
    step = blocks.length or 1
    half = 0 if place == "start" else step // 2
    length = np.broadcast_to(np.asarray(stream.length, dtype=np.int64), (stream.n,))
    session, point = stream.sessions(), stream.point(place)
    begin, end = stream.start, stream.end
    short, wide = np.flatnonzero(length <= step), np.flatnonzero(length > step)
    row, block = short, session[short]
    row_, block_ = wide, session[wide]
    if blocks.bounded:
        row, block = _reached(short, point[short], point[short] + 1, session[short], blocks)
        row_, block_ = _reached(wide, begin[wide], end[wide], session[wide], blocks)
    number = (point[row] - blocks.origin[block]) // step
    low = -((blocks.origin[block_] + half - begin[row_]) // step)
    high = -((blocks.origin[block_] + half - end[row_]) // step)
    if blocks.bounded:
        low, high = np.maximum(low, blocks.first()[block_]), np.minimum(high, blocks.last()[block_] + 1)
    count = np.maximum(high - low, 0)
    spread = np.repeat(np.arange(len(row_)), count)
    number_ = low[spread] + np.arange(len(spread)) - np.repeat(np.cumsum(count) - count, count)
    row_, block_ = row_[spread], block_[spread]
    first, size, _ = Units(block_, number_).bounds(blocks)
    shared = np.minimum(first + size, end[row_]) - np.maximum(first, begin[row_])
    some = np.flatnonzero(shared > 0)
    row_, block_, number_, shared = row_[some], block_[some], number_[some], shared[some]
    rows = np.concatenate([row, row_])
    of_block, of_number = np.concatenate([block, block_]), np.concatenate([number, number_])
    time = np.concatenate([length[row], shared])
    order = np.lexsort((rows, of_number, of_block))
    rows, of_block, of_number, time = (one[order] for one in (rows, of_block, of_number, time))
    changes = np.ones(len(rows), dtype=bool)
    changes[1:] = (of_block[1:] != of_block[:-1]) | (of_number[1:] != of_number[:-1])
    heads = np.flatnonzero(changes).astype(np.int64)
    units = Units(of_block[heads], of_number[heads])
    inside = np.zeros(stream.n, dtype=bool)
    inside[rows] = True
    outside = ~inside
    found = Assigned(units, heads, rows, time, len(rows), held=True)
    return found, outside if outside.any() else None


def _reached(
    rows: IntArray, begin: IntArray, end: IntArray, session: IntArray, blocks: Blocks
) -> tuple[IntArray, IntArray]:
    """Every row with every block of its session that `[begin, end)` reaches into."""
    frame = pl.DataFrame({"row": rows, "begin": begin, "end": end, "session": session})
    held = pl.DataFrame({"session": blocks.session, "low": blocks.start, "high": blocks.end}).with_row_index(
        "block"
    )
    joined = (
        frame.join(held, on="session", maintain_order="left")
        .filter((pl.col("begin") < pl.col("high")) & (pl.col("end") > pl.col("low")))
        .sort("row", "block")
    )
    return joined["row"].to_numpy(), joined["block"].cast(pl.Int64).to_numpy()


def codes_of(reference: Units, test: Units, blocks: Blocks) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """One rising code a unit, equal for the same unit of both sides; first number and size of each block."""
    n = len(blocks.session)
    low, high = np.full(n, _FAR), np.full(n, -_FAR)
    for units in (reference, test):
        if len(units.block):
            heads = np.flatnonzero(np.diff(units.block, prepend=-1))
            tails = np.append(heads[1:], len(units.block)) - 1
            at = units.block[heads]
            low[at] = np.minimum(low[at], units.number[heads])
            high[at] = np.maximum(high[at], units.number[tails])
    if blocks.whole:
        low, high = blocks.first(), blocks.last()
    low, high = np.where(low == _FAR, 0, low), np.where(high == -_FAR, -1, high)
    sizes = high - low + 1
    offset = np.cumsum(sizes) - sizes
    one, two = (offset[units.block] + units.number - low[units.block] for units in (reference, test))
    return one, two, low, sizes


def every(blocks: Blocks, low: IntArray, sizes: IntArray) -> Units:
    """All units of all blocks."""
    block = np.repeat(np.arange(len(blocks.session), dtype=np.int64), sizes)
    number = np.arange(int(sizes.sum()), dtype=np.int64) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return Units(block, number + low[block])
