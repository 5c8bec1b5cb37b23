"""Rows of one table as the estimates of clocks take them: by session, in order of time, in microseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ...protocols.model import Alignment, Table
from .. import units
from ..keys import IntArray
from ..sides import Side, called
from .grid import FloatArray, Signal

SECOND = 1e-6
"""Seconds in a microsecond."""


@dataclass(frozen=True)
class Rows:
    """One side's rows with a time, by session and in order of time.

    Attributes:
        code: Session of each row.
        time: Microseconds, the middle of the time that each row stands for.
        stamp: Microseconds as stamped.
        length: Seconds that each row stands for; None where the table does not say.
        value: Numbers, or each row's event as its place in the declared ones and -1 for none.
    """

    code: IntArray
    time: IntArray
    stamp: IntArray
    length: FloatArray | None
    value: FloatArray

    def taken(self, which: Any) -> Rows:
        """Some of the rows."""
        length = None if self.length is None else self.length[which]
        return Rows(self.code[which], self.time[which], self.stamp[which], length, self.value[which])

    def signal(self, base: int) -> Signal:
        """The rows as a signal, in seconds since a moment."""
        return Signal(np.asarray((self.time - base) * SECOND, dtype=np.float64), self.value, self.length)


def unit_of(table: Table, column: str | None) -> int | None:
    """Microseconds in the unit of a column, None where it is no unit of time."""
    unit = table.columns[column].unit if column in table.columns else None
    return None if unit is None else units.MICROSECONDS.get(unit)


def microseconds(side: Side) -> pl.Series:
    """Times of a table in whole microseconds, null where missing."""
    return in_microseconds(side.frame[side.time or ""], side)


def in_microseconds(series: pl.Series, side: Side) -> pl.Series:
    """Times in whole microseconds, null where missing."""
    if isinstance(series.dtype, pl.Datetime):
        return series.cast(pl.Datetime("us", series.dtype.time_zone)).to_physical().cast(pl.Int64)
    scale = unit_of(side.table, side.table.time) or 1
    return (series.cast(pl.Float64) * scale).round().cast(pl.Int64)


def rows_of(side: Side, column: str, code: IntArray, rule: Alignment) -> Rows:
    """Rows with a time in order of session and time; equal times in order of value."""
    time = microseconds(side)
    stamp = time.fill_null(0).to_numpy()
    series = side.frame[called(column, side.table)]
    length, moment = None, stamp
    if rule.by == "signals":
        value = series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        length = _length(side)
        if length is not None:
            sign = 1 if side.table.stamp == "start" else -1
            moment = stamp + np.rint(sign * length / 2 / SECOND).astype(np.int64)
    else:
        levels = {level: float(place) for place, level in enumerate(rule.events)}
        marks = series.cast(pl.String).replace_strict(levels, default=-1.0, return_dtype=pl.Float64)
        value = marks.fill_null(-1.0).to_numpy()
    rows = Rows(code, moment, stamp, length, value)
    known = time.is_not_null().to_numpy()
    if not known.all():
        rows = rows.taken(known)
    steps = np.diff(rows.code), np.diff(rows.time)
    if not ((steps[0] > 0) | ((steps[0] == 0) & (steps[1] > 0))).all():
        ties = [] if rows.length is None else [rows.length]
        rows = rows.taken(np.lexsort([rows.value, *ties, rows.time, rows.code]))
    return rows


def _length(side: Side) -> FloatArray | None:
    """Seconds that each row stands for, 0 where that is missing; None where the table does not say."""
    table = side.table
    if table.interval is not None and table.interval.unit in units.MICROSECONDS:
        return np.full(side.frame.height, seconds_of(table.interval.value, table.interval.unit))
    scale = unit_of(table, table.duration)
    if table.duration is None or scale is None:
        return None
    lengths = side.frame[called(table.duration, table)].cast(pl.Float64).fill_null(0.0).fill_nan(0.0)
    return np.maximum(lengths.to_numpy() * (scale * SECOND), 0.0)


def seconds_of(value: float, unit: str) -> float:
    """A stretch of time in seconds."""
    return value * units.MICROSECONDS[unit] * SECOND


def resolution_of(stamp: IntArray) -> float:
    """To how many seconds times are written down: a whole number of decimals that all of them share."""
    for step in (60_000_000, 1_000_000, 100_000, 10_000, 1_000):
        if len(stamp) and not (stamp % step).any():
            return step * SECOND
    return 0.0
