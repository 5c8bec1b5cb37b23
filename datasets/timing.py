"""Pairing in time: tables of any time scale as integer steps in canonical order, ready for `matching`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from ..protocols.errors import ContractError, Violation
from ..protocols.model import Pairing
from . import keys, matching, units
from .keys import IntArray
from .matching import Matches, Timed
from .sides import SUBJECT, Side


def by_time(spec: Pairing, left: Side, right: Side, on: Sequence[str], key: str) -> Matches:
    """Match two tables in time, rows without a time left alone.

    Args:
        spec: The pairing, with its tolerance.
        left: The reference table.
        right: The test table.
        on: Columns that must be equal.
        key: Dotted path of the pairing, for messages.

    Raises:
        ContractError: No time column, no tolerance, or units that cannot be compared.
    """
    tolerance, both = _times(spec, left, right, key)
    groups = keys.encode([left.frame, right.frame], on)
    sides = [
        _canonical(side, group, step) for side, group, step in zip((left, right), groups, both, strict=True)
    ]
    (reference, untimed), (test, untimed_test) = sides
    if spec.lone_test == "counted":
        return _counted(sides, tolerance, groups[0])
    partner, why, why_test = matching.by_time(reference, test, tolerance)
    alone = np.flatnonzero(why_test != matching.NONE)
    rows = np.concatenate(
        [reference.row, untimed, np.full(len(alone) + len(untimed_test), -1, dtype=np.int64)]
    )
    partners = np.where(partner >= 0, test.row[np.maximum(partner, 0)] if len(test.row) else -1, -1)
    others = np.concatenate(
        [partners, np.full(len(untimed), -1, dtype=np.int64), test.row[alone], untimed_test]
    )
    nobody = np.full(len(untimed), matching.NO_PARTNER, dtype=np.int8)
    nobody_test = np.full(len(untimed_test), matching.NO_PARTNER, dtype=np.int8)
    whys = np.concatenate([why, nobody, why_test[alone], nobody_test])
    # Output order: `on`, then time, reference rows before lone test rows, then the rest of the key. Each
    # block is in canonical order already, and lexsort is stable.
    last = np.int64(np.iinfo(np.int64).max)
    times = np.concatenate(
        [reference.time, np.full(len(untimed), last), test.time[alone], np.full(len(untimed_test), last)]
    )
    group = np.concatenate([reference.group, groups[0][untimed], test.group[alone], groups[1][untimed_test]])
    order = np.lexsort((times, group))
    return Matches(rows[order], others[order], whys[order])


def _counted(sides: Sequence[tuple[Timed, IntArray]], tolerance: int, reference_groups: IntArray) -> Matches:
    """Every reference row in order, and how many test rows of each group stay alone."""
    (reference, untimed), (test, untimed_test) = sides
    partner, why, found, counts = matching.counted(reference, test, tolerance)
    rows = np.concatenate([reference.row, untimed])
    partners = np.where(partner >= 0, test.row[np.maximum(partner, 0)] if len(test.row) else -1, -1)
    others = np.concatenate([partners, np.full(len(untimed), -1, dtype=np.int64)])
    whys = np.concatenate([why, np.full(len(untimed), matching.NO_PARTNER, dtype=np.int8)])
    if len(untimed):
        last = np.full(len(untimed), np.iinfo(np.int64).max)
        times = np.concatenate([reference.time, last])
        order = np.lexsort((times, np.concatenate([reference.group, reference_groups[untimed]])))
        rows, others, whys = rows[order], others[order], whys[order]
    some = test.row[np.searchsorted(test.group, found)]
    if len(untimed_test):
        some = np.concatenate([some, untimed_test])
        alone = np.zeros((len(untimed_test), 4), dtype=np.int64)
        alone[:, matching.NO_PARTNER] = 1
        counts = np.concatenate([counts, alone])
    return Matches(rows, others, whys, lone=(some, counts))


def _canonical(side: Side, group: IntArray, time: pl.Series) -> tuple[Timed, IntArray]:
    """Rows with a time in canonical order, and rows without one."""
    if not time.null_count():
        as_read = Timed(group, time.to_numpy(), np.arange(len(group), dtype=np.int64))
        if as_read.rising:
            return as_read, np.zeros(0, dtype=np.int64)
    rest = [
        name for name in side.key if name not in (SUBJECT, side.time) and not side.frame[name].null_count()
    ]
    tie = keys.encode([side.frame], rest)[0] if rest else np.zeros(side.frame.height, dtype=np.int64)
    order = np.lexsort((tie, time.fill_null(0).to_numpy(), group))
    timed = time.is_not_null().to_numpy()
    rows, untimed = order[timed[order]], order[~timed[order]]
    return Timed(group[rows], time.fill_null(0).to_numpy()[rows], rows), untimed


def _times(spec: Pairing, left: Side, right: Side, key: str) -> tuple[int, list[pl.Series]]:
    """The tolerance and both tables' times in whole steps."""
    violations: list[Violation] = []
    scales: list[str] = []
    for side in (left, right):
        unit = _time_unit(side, key, violations)
        if unit is not None:
            scales.append(unit)
    if spec.tolerance is None:
        violations.append(Violation("`method: nearest` needs a `tolerance`, such as `5 s`.", key=key))
    if violations or spec.tolerance is None:
        raise ContractError(violations)
    scales.append(spec.tolerance.unit)
    if not all(units.comparable(scales[0], other) for other in scales[1:]):
        message = (
            f"times in `{scales[0]}` (`{left.name}`) and `{scales[1]}` (`{right.name}`) and a tolerance in "
            f"`{scales[2]}` cannot be compared; accepted: one unit for all, or units of time "
            f"({', '.join(units.MICROSECONDS)})."
        )
        raise ContractError([Violation(message, key=f"{key}.tolerance", found=scales[2])])
    zones = {side.frame.schema[side.time or ""] for side in (left, right)}
    if len({getattr(dtype, "time_zone", None) for dtype in zones}) > 1:
        message = "one table's times have an offset from UTC and the other's have none; give both or neither."
        raise ContractError([Violation(message, key=key)])
    both = [
        steps(side.frame[side.time or ""], unit) for side, unit in zip((left, right), scales, strict=False)
    ]
    return round(spec.tolerance.value * units.step(spec.tolerance.unit)), both


def _time_unit(side: Side, key: str, violations: list[Violation]) -> str | None:
    """Unit of a table's time column (`us` for dates and times); None, with a violation, if it has none."""
    if side.time is None or side.time not in side.frame.columns:
        message = f"`method: nearest` needs a `time` column in table `{side.name}`."
        violations.append(Violation(message, key=key))
        return None
    dtype = side.frame.schema[side.time]
    if isinstance(dtype, pl.Datetime) or dtype == pl.Date:
        return "us"
    unit = side.table.columns[side.table.time or ""].unit
    if not dtype.is_numeric() or unit is None:
        message = (
            f"time column `{side.time}` of `{side.name}` is neither a date and time nor a number with a unit."
        )
        violations.append(Violation(message, key=key))
        return None
    return unit


def steps(series: pl.Series, unit: str) -> pl.Series:
    """Times in whole steps, null where missing."""
    dtype = series.dtype
    if isinstance(dtype, pl.Datetime) or dtype == pl.Date:
        return series.cast(pl.Datetime("us")).to_physical().cast(pl.Int64)
    return (series.cast(pl.Float64) * units.step(unit)).round().cast(pl.Int64)
