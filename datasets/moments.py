"""Rows of one table as a stream: sessions as runs of rows, times as whole steps, in one canonical order.

Everything that makes units of time works on these arrays. Tables of real wear are sorted by subject and time
already; that is verified in one cheap pass, and only what is not sorted is sorted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..protocols.base import Quantity
from ..protocols.errors import ContractError, Violation
from . import keys, units
from .keys import IntArray
from .sides import SUBJECT, Side, called

Mask = NDArray[np.bool_]

NO_TIME = "no_time"
NO_DURATION = "no_duration"
"""Why a row belongs to no unit of time."""


@dataclass(frozen=True)
class Timeline:
    """One side's rows that have a time, in canonical order: session, point in time, start, rest of the key.

    Attributes:
        side: The table; its frame holds these rows in this order.
        heads: Where each session's rows start; one entry a session that has rows.
        session: Number of the session of each of these runs, rising.
        start: First moment of the time that each row stands for, in steps; 0 where times do not count.
        length: How long that is, in steps: one number for all, or one a row; 0 where the table does not say.
        n_read: Rows that were read, one entry a session (those without a timed row among them).
        without: Reason code -> rows without a time or a duration, likewise.
    """

    side: Side
    heads: IntArray
    session: IntArray
    start: IntArray
    length: int | IntArray
    n_read: IntArray
    without: dict[str, IntArray]

    @property
    def n(self) -> int:
        """Rows."""
        return self.side.frame.height

    @property
    def sizes(self) -> IntArray:
        """Rows of each session that has any."""
        return np.diff(self.heads, append=self.n)

    @property
    def end(self) -> IntArray:
        """First moment after each row."""
        return self.start + self.length

    def point(self, place: str) -> IntArray:
        """The moment by which a row belongs to a unit: its start, or the middle of its time."""
        return self.start if place == "start" else self.start + self.length // 2

    def sessions(self) -> IntArray:
        """Session of each row."""
        return np.repeat(self.session, self.sizes)


@dataclass(frozen=True)
class Scale:
    """How a table counts time: steps in one of its units, and the type of its time column."""

    unit: str
    dtype: pl.DataType

    def steps(self, series: pl.Series) -> pl.Series:
        """Times in whole steps, null where missing."""
        if isinstance(series.dtype, pl.Datetime) or series.dtype == pl.Date:
            return series.cast(pl.Datetime("us", getattr(series.dtype, "time_zone", None))).to_physical()
        if series.dtype.is_integer() and not series.null_count():
            return pl.Series(series.cast(pl.Int64).to_numpy() * units.step(self.unit))
        scaled = series.cast(pl.Float64).fill_null(math.nan).to_numpy() * units.step(self.unit)
        gaps = np.isnan(scaled) if series.null_count() else None
        if gaps is not None:
            scaled[gaps] = 0.0
        steps = pl.Series(np.rint(scaled, out=scaled).astype(np.int64))
        return steps if gaps is None else steps.set(pl.Series(gaps), None)

    def times(self, steps: IntArray) -> pl.Series:
        """Steps as times of the table's kind; numbers become fractional where they have to."""
        values = pl.Series(steps)
        if isinstance(self.dtype, pl.Datetime):
            return values.cast(pl.Datetime("us", self.dtype.time_zone)).cast(self.dtype)
        return values.cast(pl.Float64) / units.step(self.unit)


def scales(left: Side, right: Side, key: str) -> tuple[Scale | None, Scale | None]:
    """How both tables count time; None for a table without a time column.

    Raises:
        ContractError: They cannot be compared.
    """
    found = scale_of(left), scale_of(right)
    _check_scales(*found, key)
    return found


def comparable(reference: Scale | None, test: Side, key: str) -> Scale | None:
    """How a test table counts time beside a reference; None where times do not count.

    Raises:
        ContractError: The two cannot be compared.
    """
    found = None if reference is None else scale_of(test)
    _check_scales(reference, found, key)
    return found


def _check_scales(reference: Scale | None, test: Scale | None, key: str) -> None:
    if reference is None or test is None:
        return
    if not units.comparable(reference.unit, test.unit):
        message = f"times in `{reference.unit}` and in `{test.unit}` cannot be compared."
        raise ContractError([Violation(message, key=key)])
    kinds = {(isinstance(one.dtype, pl.Datetime), zone(one.dtype)) for one in (reference, test)}
    if len(kinds) > 1:
        message = "one table's times have an offset from UTC and the other's have none; give both or neither."
        raise ContractError([Violation(message, key=key)])


def zone(dtype: pl.DataType) -> bool:
    """Whether times of this type have an offset from UTC."""
    return getattr(dtype, "time_zone", None) is not None


def scale_of(side: Side) -> Scale | None:
    """How a table counts time; None for one without a time column."""
    if side.time is None or side.time not in side.frame.columns:
        return None
    dtype = side.frame.schema[side.time]
    if isinstance(dtype, pl.Datetime) or dtype == pl.Date:
        return Scale("us", dtype if isinstance(dtype, pl.Datetime) else pl.Datetime("us"))
    return Scale(str(side.table.columns[side.table.time or ""].unit), dtype)


def steps_of(quantity: Quantity) -> int:
    """A stretch of time in whole steps."""
    return round(quantity.value * units.step(quantity.unit))


def timeline_of(
    side: Side, on: Sequence[str], scale: Scale | None, place: str
) -> tuple[Timeline, pl.DataFrame]:
    """One table as a stream, its sessions numbered among themselves.

    Args:
        side: The table.
        on: Columns that make a session.
        scale: How the table counts time; None: times do not count.
        place: `start` or `middle`: the point by which rows are ordered.

    Returns:
        The stream; its sessions' `on` columns, one row each, in order.

    Raises:
        ContractError: A duration is not above zero.
    """
    heads = _heads(side.frame, on)
    tops = keys.heads_of(side.frame, on, heads)
    code = keys.encode([tops], on)[0]
    own, first = np.unique(code, return_index=True)
    made = _timeline(side, _Runs(heads, np.searchsorted(own, code), len(own)), scale, place, on)
    return made, tops[first]


def jointly(
    left: pl.DataFrame, right: pl.DataFrame, on: Sequence[str]
) -> tuple[pl.DataFrame, IntArray, IntArray]:
    """The sessions that two tables have between them, in order, and the number in it of each of theirs."""
    codes = keys.encode([left, right], on)
    joined, first = np.unique(np.concatenate(codes), return_index=True)
    one, two = (np.searchsorted(joined, code).astype(np.int64) for code in codes)
    return pl.concat([left, right])[first], one, two


def renumbered(stream: Timeline, number: IntArray, total: int) -> Timeline:
    """The same stream with its sessions numbered among more of them.

    Args:
        stream: The stream.
        number: New number of each of its sessions, rising.
        total: How many there are.
    """

    def among(counts: IntArray) -> IntArray:
        found = np.zeros(total, dtype=np.int64)
        found[number] = counts
        return found

    return replace(
        stream,
        session=number[stream.session],
        n_read=among(stream.n_read),
        without={code: among(counts) for code, counts in stream.without.items()},
    )


@dataclass(frozen=True)
class _Runs:
    """Runs of rows of one session: where they start, whose they are, how many sessions there are."""

    heads: IntArray
    session: IntArray
    total: int

    def rows(self, n: int) -> IntArray:
        """Session of each of n rows."""
        return np.repeat(self.session, np.diff(self.heads, append=n))

    def count(self, n: int) -> IntArray:
        """Rows of each session."""
        sizes = np.diff(self.heads, append=n).astype(np.float64)
        return np.bincount(self.session, weights=sizes, minlength=self.total).astype(np.int64)


def _heads(frame: pl.DataFrame, on: Sequence[str]) -> IntArray:
    """Where runs of equal `on` columns start."""
    starts = [keys.run_starts(frame[name]) for name in on]
    return starts[0] if len(starts) == 1 else np.unique(np.concatenate(starts))


def _timeline(side: Side, runs: _Runs, scale: Scale | None, place: str, on: Sequence[str]) -> Timeline:
    n_read = runs.count(side.frame.height)
    stamp, no_time = _filled(
        None if scale is None else scale.steps(side.frame[str(side.time)]), side.frame.height
    )
    length, no_length = _lengths(side, scale)
    start = stamp - length if side.table.stamp == "end" else stamp
    without: dict[str, IntArray] = {}
    if no_time is not None or no_length is not None:
        nothing = np.zeros(side.frame.height, dtype=bool)
        no_time = nothing if no_time is None else no_time
        no_length = nothing if no_length is None else no_length & ~no_time
        number = runs.rows(side.frame.height)
        for code, rows in ((NO_TIME, no_time), (NO_DURATION, no_length)):
            without[code] = np.bincount(number[rows], minlength=runs.total)
        keep = np.flatnonzero(~(no_time | no_length))
        side, start = Side(side.name, side.table, side.frame[keep]), start[keep]
        length = length if isinstance(length, int) else length[keep]
        runs = _runs_of(number[keep], runs.total)
    n = side.frame.height
    point = start if place == "start" else start + length // 2
    rising = point[1:] > point[:-1]
    rising[runs.heads[1:] - 1] = True
    if keys.strictly_increasing(runs.session) and bool(rising.all()):
        return Timeline(side, runs.heads, runs.session, start, length, n_read, without)
    rest = [name for name in side.key if name not in (*on, side.time) and not side.frame[name].null_count()]
    if scale is None and side.time is not None and side.time in side.key:
        rest.insert(0, side.time)
    tie = keys.encode([side.frame], rest)[0] if rest else np.zeros(n, dtype=np.int64)
    number = runs.rows(n)
    order = np.lexsort((tie, start, point, number))
    runs = _runs_of(number[order], runs.total)
    return Timeline(
        Side(side.name, side.table, side.frame[order]),
        runs.heads,
        runs.session,
        start[order],
        length if isinstance(length, int) else length[order],
        n_read,
        without,
    )


def _runs_of(number: IntArray, total: int) -> _Runs:
    heads = np.flatnonzero(np.diff(number, prepend=-1)).astype(np.int64)
    return _Runs(heads, number[heads], total)


def _filled(steps: pl.Series | None, n: int) -> tuple[IntArray, Mask | None]:
    """Values without gaps, and where there were gaps."""
    if steps is None:
        return np.zeros(n, dtype=np.int64), None
    if not steps.null_count():
        return steps.to_numpy(), None
    return steps.fill_null(0).to_numpy(), steps.is_null().to_numpy()


def _lengths(side: Side, scale: Scale | None) -> tuple[int | IntArray, Mask | None]:
    """How long each row lasts in steps, and the rows that do not say."""
    if scale is None:
        return 0, None
    if side.table.interval is not None:
        return steps_of(side.table.interval), None
    name = None if side.table.duration is None else called(side.table.duration, side.table)
    if name is None:
        return 0, None
    unit = str(side.table.columns[str(side.table.duration)].unit)
    series = Scale(unit, side.frame.schema[name]).steps(side.frame[name])
    values, gaps = _filled(series, side.frame.height)
    wrong = values <= 0
    if gaps is not None:
        wrong &= ~gaps
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        message = (
            f"a row of `{side.name}` stands for a time of {side.frame[name][at]:g} {unit}, and a duration is "
            f"above zero; first in row {_row(side, at)}, subject `{side.frame[SUBJECT][at]}`."
        )
        raise ContractError([Violation(message, key=f"tables.{side.name}.duration", count=int(wrong.sum()))])
    return values, gaps


def _row(side: Side, at: int) -> int:
    """Row as read, counted from 1."""
    return int(side.frame["row"][at]) + 1
