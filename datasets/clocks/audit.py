"""The alignment audit: each session's clock as estimated, and times corrected where the protocol says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...protocols.alignment_checks import AS_READ
from ...protocols.errors import ContractError, IntegrityError, Violation
from ...protocols.model import Alignment, Protocol
from .. import keys, units
from ..keys import IntArray
from ..sides import Side, called
from . import events, signals
from .estimate import PPM, Estimate
from .grid import FloatArray
from .reference import Known, ReferenceClock, reference_clock
from .rows import SECOND, Rows, in_microseconds, microseconds, resolution_of, rows_of, seconds_of, unit_of

DEFAULT_STEP = 1.0
"""Grid of signals in seconds where the protocol says none."""
_NUMBERS = (
    "share", "offset_s", "offset_lower", "offset_upper", "drift_ppm", "drift_lower", "drift_upper",
    "agreement", "agreement_at_zero", "second_offset_s", "second_agreement",
)  # fmt: skip


def aligned(
    protocol: Protocol,
    pairing: str,
    reference: Side | ReferenceClock | None,
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
        reference: The reference table, or what was made of it before; None serves where `clocks` are given.
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
    audit = _audit(rule, _clock(rule, reference, test, on, key), test, on) if clocks is None else clocks
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
    stamp = microseconds(test).fill_null(0).to_numpy()
    resolved = audit["applied"].to_numpy()
    at = in_microseconds(audit["at"], test).fill_null(0).to_numpy()
    offset = audit["offset_s"].fill_null(0.0).to_numpy()
    drift = audit["drift_ppm"].fill_null(0.0).to_numpy() / PPM
    moved = offset[place] + drift[place] * ((stamp - at[place]) * SECOND)
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


def _audit(rule: Alignment, clock: ReferenceClock, test: Side, on: Sequence[str]) -> pl.DataFrame:
    """One row a session."""
    own, theirs = keys.encode([clock.sessions, test.frame], on)
    rows = rows_of(test, rule.test, theirs, rule)
    sessions = _sessions([(clock.sessions, own), (test.frame, theirs)], on)
    numbers = sessions["_code"].to_numpy()
    places = {int(code): place for place, code in enumerate(own)}
    low, high = (np.searchsorted(rows.code, numbers, side).tolist() for side in ("left", "right"))
    found = [
        _session(rule, clock.of(places.get(code)), rows.taken(slice(start, end)))
        for code, start, end in zip(numbers.tolist(), low, high, strict=True)
    ]
    return _frame(sessions.drop("_code"), found, rule, test)


def of_reference(
    protocol: Protocol, pairing: str, reference: Side, on: Sequence[str]
) -> ReferenceClock | None:
    """What estimates of a pairing's clocks need of the reference; None without `alignment`.

    Raises:
        ContractError: It has no times, or no such column.
    """
    rule = protocol.pairings[pairing].alignment
    if rule is None:
        return None
    violations: list[Violation] = []
    _check(reference, rule.reference, f"pairings.{pairing}.alignment", violations)
    if violations:
        raise ContractError(violations)
    return reference_clock(rule, reference, on)


def _clock(
    rule: Alignment, reference: Side | ReferenceClock | None, test: Side, on: Sequence[str], key: str
) -> ReferenceClock:
    """The reference's clock, both tables checked."""
    violations: list[Violation] = []
    if isinstance(reference, Side):
        _check(reference, rule.reference, key, violations)
    _check(test, rule.test, key, violations)
    if violations:
        raise ContractError(violations)
    if reference is None:
        raise IntegrityError(f"{key}: the reference's clock was not kept.")
    return reference_clock(rule, reference, on) if isinstance(reference, Side) else reference


def _check(side: Side, column: str, key: str, violations: list[Violation]) -> None:
    name = called(column, side.table)
    if name not in side.frame.columns:
        violations.append(Violation(f"table `{side.name}` has no column `{name}` to align by.", key=key))
    if side.time is None or side.time not in side.frame.columns:
        violations.append(Violation(f"table `{side.name}` has no `time` column to align.", key=key))
        return
    dtype = side.frame.schema[side.time]
    if not isinstance(dtype, pl.Datetime) and unit_of(side.table, side.table.time) is None:
        message = (
            f"time column `{side.time}` of `{side.name}` is neither a date and time nor a number with a "
        )
        violations.append(Violation(f"{message}unit of time ({', '.join(units.MICROSECONDS)}).", key=key))


def _sessions(tables: Sequence[tuple[pl.DataFrame, IntArray]], on: Sequence[str]) -> pl.DataFrame:
    """The sessions of both tables in order: their `on` columns and their code."""
    heads = []
    for frame, code in tables:
        first = np.unique(code, return_index=True)[1]
        head = frame.select(on)[first.tolist()]
        heads.append(head.with_columns(pl.Series("_code", code[first], dtype=pl.Int64)))
    both: pl.DataFrame = pl.concat(heads)
    return both.unique("_code", keep="first", maintain_order=True).sort("_code")


@dataclass(frozen=True)
class _Found:
    """One session's estimate with its number of rows; times count from `base` microseconds."""

    estimate: Estimate
    base: int
    n: tuple[int, int]


def _session(rule: Alignment, left: Known, right: Rows) -> _Found:
    counts = left.n, len(right.time)
    if not all(counts):
        which = "reference" if not counts[0] else "test"
        words = f"the {which} table has no row with a time in this session"
        return _Found(Estimate("no_overlap", words), 0, counts)
    base = left.base
    search, drift = seconds_of(rule.search.value, rule.search.unit), rule.drift == "linear"
    if rule.by == "signals":
        step = DEFAULT_STEP if rule.step is None else seconds_of(rule.step.value, rule.step.unit)
        estimate = signals.estimate(left.signal, right.signal(base), search=search, step=step, drift=drift)
        return _Found(estimate, base, counts)
    marks = [
        {level: one.time[one.value == place] for place, level in enumerate(rule.events)}
        for one in (left.signal, right.signal(base))
    ]
    resolution = max(left.written, resolution_of(right.stamp))
    estimate = events.estimate(*marks, search=search, resolution=resolution, drift=drift)
    return _Found(estimate, base, counts)


def _frame(sessions: pl.DataFrame, found: Sequence[_Found], rule: Alignment, test: Side) -> pl.DataFrame:
    """The audit as a table."""
    rows = [_told(one, rule) for one in found]
    numbers = {name: pl.Series(name, [row[name] for row in rows], dtype=pl.Float64) for name in _NUMBERS}
    dtype = test.frame.schema[test.time or ""]
    at = pl.Series("at", [row["at"] for row in rows], dtype=pl.Int64)
    if isinstance(dtype, pl.Datetime):
        at = at.cast(pl.Datetime("us", dtype.time_zone))
    else:
        at = at.cast(pl.Float64) / (unit_of(test.table, test.table.time) or 1)
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
        "at": None if one.middle is None else found.base + round(one.middle / SECOND),
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
    moved = microseconds(test) + pl.Series(np.rint(seconds / SECOND).astype(np.int64))
    if isinstance(old.dtype, pl.Datetime):
        new = moved.cast(pl.Datetime("us", old.dtype.time_zone))
    else:
        new = moved.cast(pl.Float64) / (unit_of(test.table, test.table.time) or 1)
    kept = old if name + AS_READ not in test.frame.columns else test.frame[name + AS_READ]
    return replace(test, frame=test.frame.with_columns(new.alias(name), kept.alias(name + AS_READ)))
