"""The alignment audit: each session's clock as estimated, and times corrected where the protocol says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...protocols.alignment_checks import AS_READ
from ...protocols.errors import ContractError, Violation
from ...protocols.model import Alignment, Protocol, Table
from .. import keys, units
from ..keys import IntArray
from ..sides import Side, called
from . import events, signals
from .estimate import PPM, Estimate
from .grid import FloatArray, Signal

DEFAULT_STEP = 1.0
"""Grid of signals in seconds where the protocol says none."""
_S = 1e-6
_NUMBERS = (
    "share", "offset_s", "offset_lower", "offset_upper", "drift_ppm", "drift_lower", "drift_upper",
    "agreement", "agreement_at_zero", "second_offset_s", "second_agreement",
)  # fmt: skip


@dataclass(frozen=True)
class _Rows:
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

    def taken(self, which: Any) -> _Rows:
        """Some of the rows."""
        length = None if self.length is None else self.length[which]
        return _Rows(self.code[which], self.time[which], self.stamp[which], length, self.value[which])

    def signal(self, base: int) -> Signal:
        """The rows as a signal, in seconds since a moment."""
        return Signal(np.asarray((self.time - base) * _S, dtype=np.float64), self.value, self.length)


def aligned(
    protocol: Protocol,
    pairing: str,
    reference: Side,
    test: Side,
    on: Sequence[str],
    *,
    clocks: pl.DataFrame | None = None,
    error: float = 0.0,
) -> tuple[Side, pl.DataFrame | None]:
    """Estimate the clock of every session of a pairing, and correct the test times if the protocol says so.

    A session is all rows with equal `on` columns. Each stands for itself: the result depends neither on the
    order of rows nor on which other sessions are there.

    Args:
        protocol: The protocol.
        pairing: Identifier of the pairing.
        reference: The reference table.
        test: The test table of one version.
        on: Columns that name a session.
        clocks: An audit of these sessions that was made before; it is used in place of new estimates.
        error: Seconds that are added to all test times besides, to see what a clock error would do.

    Returns:
        The test table, with corrected times where `apply` holds (the original ones stay as `TIME_as_read`),
        and the audit, one row a session in order: the `on` columns, `n_reference` and `n_test` (rows with a
        time), `n` (grid points or events used), `share` (of the reference's), `at` (test time at which the
        offset holds), `offset_s`, `offset_lower`, `offset_upper` (seconds to add to the test clock),
        `drift_ppm`, `drift_lower`, `drift_upper`, `agreement`, `agreement_at_zero`, `second_offset_s`,
        `second_agreement`, `status`, `reason`, `applied`. None without `alignment`.

    Raises:
        ContractError: A table without times that can be compared.
    """
    rule = protocol.pairings[pairing].alignment
    if rule is None:
        return (test if not error else _moved(test, np.full(test.frame.height, error))), None
    key = f"pairings.{pairing}.alignment"
    audit = _audit(rule, reference, test, on, key) if clocks is None else clocks
    moves = np.full(test.frame.height, error)
    if rule.apply:
        moves += corrections(test, audit, on)
    if not rule.apply and not error:
        return test, audit
    return _moved(test, moves), audit


def corrections(test: Side, audit: pl.DataFrame, on: Sequence[str]) -> FloatArray:
    """Seconds to add to each test row's time: its session's offset and drift, 0 without an estimate."""
    own, known = keys.encode([test.frame, audit], on)
    order = np.argsort(known, kind="stable")
    # every session of the test table has its row in the audit
    place = order[np.searchsorted(known, own, sorter=order)] if len(known) else np.zeros(0, dtype=np.int64)
    stamp = _microseconds(test).fill_null(0).to_numpy()
    resolved = audit["applied"].to_numpy()
    at = _in_microseconds(audit["at"], test).fill_null(0).to_numpy()
    offset = audit["offset_s"].fill_null(0.0).to_numpy()
    drift = audit["drift_ppm"].fill_null(0.0).to_numpy() / PPM
    moved = offset[place] + drift[place] * ((stamp - at[place]) * _S)
    return np.where(resolved[place], moved, 0.0)


def unresolved(frame: pl.DataFrame, audit: pl.DataFrame, on: Sequence[str]) -> NDArray[np.bool_]:
    """Rows of sessions that have both tables' rows and whose clock could not be estimated."""
    lost = audit.filter(
        (pl.col("status") != "resolved") & (pl.col("n_reference") > 0) & (pl.col("n_test") > 0)
    )
    if lost.is_empty():
        return np.zeros(frame.height, dtype=bool)
    own, theirs = keys.encode([frame, lost], on)
    return np.isin(own, theirs)


def _audit(rule: Alignment, reference: Side, test: Side, on: Sequence[str], key: str) -> pl.DataFrame:
    """One row a session."""
    violations: list[Violation] = []
    for side, column in ((reference, rule.reference), (test, rule.test)):
        _check(side, column, key, violations)
    if violations:
        raise ContractError(violations)
    codes = keys.encode([reference.frame, test.frame], on)
    sides = [
        _rows(side, column, code, rule)
        for side, column, code in zip((reference, test), (rule.reference, rule.test), codes, strict=True)
    ]
    sessions = _sessions([reference, test], codes, on)
    resolution = max((_resolution(one.stamp) for one in sides), default=0.0) if rule.by == "events" else 0.0
    found = [
        _session(rule, left, right, resolution) for left, right in _split(sides, sessions["_code"].to_numpy())
    ]
    return _frame(sessions.drop("_code"), found, rule, test)


def _check(side: Side, column: str, key: str, violations: list[Violation]) -> None:
    name = called(column, side.table)
    if name not in side.frame.columns:
        violations.append(Violation(f"table `{side.name}` has no column `{name}` to align by.", key=key))
    if side.time is None or side.time not in side.frame.columns:
        violations.append(Violation(f"table `{side.name}` has no `time` column to align.", key=key))
        return
    dtype = side.frame.schema[side.time]
    if not isinstance(dtype, pl.Datetime) and _unit(side.table, side.table.time) is None:
        message = (
            f"time column `{side.time}` of `{side.name}` is neither a date and time nor a number with a "
        )
        violations.append(Violation(f"{message}unit of time ({', '.join(units.MICROSECONDS)}).", key=key))


def _unit(table: Table, column: str | None) -> int | None:
    """Microseconds in the unit of a column, None where it is no unit of time."""
    unit = table.columns[column].unit if column in table.columns else None
    return None if unit is None else units.MICROSECONDS.get(unit)


def _microseconds(side: Side) -> pl.Series:
    return _in_microseconds(side.frame[side.time or ""], side)


def _in_microseconds(series: pl.Series, side: Side) -> pl.Series:
    """Times in whole microseconds, null where missing."""
    if isinstance(series.dtype, pl.Datetime):
        return series.cast(pl.Datetime("us", series.dtype.time_zone)).to_physical().cast(pl.Int64)
    scale = _unit(side.table, side.table.time) or 1
    return (series.cast(pl.Float64) * scale).round().cast(pl.Int64)


def _rows(side: Side, column: str, code: IntArray, rule: Alignment) -> _Rows:
    """Rows with a time in order of session and time; equal times in order of value."""
    time = _microseconds(side)
    stamp = time.fill_null(0).to_numpy()
    series = side.frame[called(column, side.table)]
    length, moment = None, stamp
    if rule.by == "signals":
        value = series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        length = _length(side)
        if length is not None:
            sign = 1 if side.table.stamp == "start" else -1
            moment = stamp + np.rint(sign * length / 2 / _S).astype(np.int64)
    else:
        levels = {level: float(place) for place, level in enumerate(rule.events)}
        marks = series.cast(pl.String).replace_strict(levels, default=-1.0, return_dtype=pl.Float64)
        value = marks.fill_null(-1.0).to_numpy()
    rows = _Rows(code, moment, stamp, length, value)
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
        return np.full(side.frame.height, _seconds(table.interval.value, table.interval.unit))
    scale = _unit(table, table.duration)
    if table.duration is None or scale is None:
        return None
    lengths = side.frame[called(table.duration, table)].cast(pl.Float64).fill_null(0.0).fill_nan(0.0)
    return np.maximum(lengths.to_numpy() * (scale * _S), 0.0)


def _sessions(sides: Sequence[Side], codes: Sequence[IntArray], on: Sequence[str]) -> pl.DataFrame:
    """The sessions of both tables in order: their `on` columns and their code."""
    heads = []
    for side, code in zip(sides, codes, strict=True):
        first = np.unique(code, return_index=True)[1]
        head = side.frame.select(on)[first.tolist()]
        heads.append(head.with_columns(pl.Series("_code", code[first], dtype=pl.Int64)))
    both: pl.DataFrame = pl.concat(heads)
    return both.unique("_code", keep="first", maintain_order=True).sort("_code")


def _split(sides: Sequence[_Rows], sessions: IntArray) -> Iterator[tuple[_Rows, _Rows]]:
    """Both sides' rows of each session."""
    bounds = [
        (np.searchsorted(one.code, sessions, "left"), np.searchsorted(one.code, sessions, "right"))
        for one in sides
    ]
    for place in range(len(sessions)):
        left, right = (
            one.taken(slice(int(low[place]), int(high[place])))
            for one, (low, high) in zip(sides, bounds, strict=True)
        )
        yield left, right


@dataclass(frozen=True)
class _Found:
    """One session's estimate with its number of rows; times count from `base` microseconds."""

    estimate: Estimate
    base: int
    n: tuple[int, int]


def _session(rule: Alignment, left: _Rows, right: _Rows, resolution: float) -> _Found:
    counts = len(left.time), len(right.time)
    if not all(counts):
        which = "reference" if not counts[0] else "test"
        words = f"the {which} table has no row with a time in this session"
        return _Found(Estimate("no_overlap", words), 0, counts)
    base = int(left.time[0])
    search, drift = _seconds(rule.search.value, rule.search.unit), rule.drift == "linear"
    if rule.by == "signals":
        step = DEFAULT_STEP if rule.step is None else _seconds(rule.step.value, rule.step.unit)
        estimate = signals.estimate(
            left.signal(base), right.signal(base), search=search, step=step, drift=drift
        )
        return _Found(estimate, base, counts)
    marks = [
        {level: one.signal(base).time[one.value == place] for place, level in enumerate(rule.events)}
        for one in (left, right)
    ]
    estimate = events.estimate(*marks, search=search, resolution=resolution, drift=drift)
    return _Found(estimate, base, counts)


def _seconds(value: float, unit: str) -> float:
    return value * units.MICROSECONDS[unit] * _S


def _resolution(stamp: IntArray) -> float:
    """To how many seconds times are written down: a whole number of decimals that all of them share."""
    for step in (60_000_000, 1_000_000, 100_000, 10_000, 1_000):
        if len(stamp) and not (stamp % step).any():
            return step * _S
    return 0.0


def _frame(sessions: pl.DataFrame, found: Sequence[_Found], rule: Alignment, test: Side) -> pl.DataFrame:
    """The audit as a table."""
    rows = [_told(one, rule) for one in found]
    numbers = {name: pl.Series(name, [row[name] for row in rows], dtype=pl.Float64) for name in _NUMBERS}
    dtype = test.frame.schema[test.time or ""]
    at = pl.Series("at", [row["at"] for row in rows], dtype=pl.Int64)
    if isinstance(dtype, pl.Datetime):
        at = at.cast(pl.Datetime("us", dtype.time_zone))
    else:
        at = at.cast(pl.Float64) / (_unit(test.table, test.table.time) or 1)
    return sessions.with_columns(
        pl.Series("n_reference", [one.n[0] for one in found], dtype=pl.Int64),
        pl.Series("n_test", [one.n[1] for one in found], dtype=pl.Int64),
        pl.Series("n", [one.estimate.n for one in found], dtype=pl.Int64),
        numbers["share"],
        at.alias("at"),
        *(numbers[name] for name in _NUMBERS if name != "share"),
        pl.Series("status", [one.estimate.status for one in found], dtype=pl.String),
        pl.Series("reason", [one.estimate.reason or None for one in found], dtype=pl.String),
        pl.Series("applied", [one.estimate.resolved and rule.apply for one in found], dtype=pl.Boolean),
    )


def _told(found: _Found, rule: Alignment) -> dict[str, float | int | None]:
    one = found.estimate
    offset = one.offset or (None, None, None)
    drift = one.drift or (None, None, None)
    return {
        "share": one.share,
        "at": None if one.middle is None else found.base + round(one.middle / _S),
        "offset_s": offset[0],
        "offset_lower": offset[1],
        "offset_upper": offset[2],
        "drift_ppm": drift[0],
        "drift_lower": drift[1],
        "drift_upper": drift[2],
        "agreement": one.agreement,
        "agreement_at_zero": one.agreement_at_zero,
        "second_offset_s": one.second,
        "second_agreement": one.second_agreement,
    }


def _moved(test: Side, seconds: FloatArray) -> Side:
    """The test table with times moved row by row; the times as they were stay in a column of their own."""
    name = test.time or ""
    old = test.frame[name]
    moved = _microseconds(test) + pl.Series(np.rint(seconds / _S).astype(np.int64))
    if isinstance(old.dtype, pl.Datetime):
        new = moved.cast(pl.Datetime("us", old.dtype.time_zone))
    else:
        new = moved.cast(pl.Float64) / (_unit(test.table, test.table.time) or 1)
    kept = old if name + AS_READ not in test.frame.columns else test.frame[name + AS_READ]
    return replace(test, frame=test.frame.with_columns(new.alias(name), kept.alias(name + AS_READ)))
