"""Pairing in time: tables of any time scale as integer steps in canonical order, ready for `matching`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
    runs = keys.encode_runs([left.frame, right.frame], on)
    sides = [_canonical(*one) for one in zip((left, right), *runs, both, strict=True)]
    if spec.lone_test == "counted":
        return _counted(sides[0], sides[1], tolerance)
    reference, test = sides[0].timed, sides[1].timed
    untimed, untimed_test = sides[0].untimed, sides[1].untimed
    partner, why, why_test = matching.by_time(reference, test, tolerance)
    alone = np.flatnonzero(why_test != matching.NONE)
    rows = np.concatenate(
        [reference.rows(np.arange(reference.n)), untimed, _none(len(alone) + len(untimed_test))]
    )
    others = np.concatenate([test.rows(partner), _none(len(untimed)), test.rows(alone), untimed_test])
    nobody = np.full(len(untimed), matching.NO_PARTNER, dtype=np.int8)
    nobody_test = np.full(len(untimed_test), matching.NO_PARTNER, dtype=np.int8)
    whys = np.concatenate([why, nobody, why_test[alone], nobody_test])
    # Output order: `on`, then time, reference rows before lone test rows, then the rest of the key. Each
    # block is in canonical order already, and lexsort is stable.
    times = np.concatenate([reference.time, _last(len(untimed)), test.time[alone], _last(len(untimed_test))])
    group = np.concatenate([reference.group, sides[0].groups, test.group[alone], sides[1].groups])
    order = np.lexsort((times, group))
    return Matches(rows[order], others[order], whys[order])


@dataclass(frozen=True)
class _Canonical:
    """One table in time.

    Attributes:
        timed: Rows with a time, in canonical order.
        untimed: Rows without one.
        groups: Their groups.
    """

    timed: Timed
    untimed: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    groups: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def _none(n: int) -> IntArray:
    """No rows, n times."""
    return np.full(n, -1, dtype=np.int64)


def _last(n: int) -> IntArray:
    """A time after all times, n times."""
    return np.full(n, np.iinfo(np.int64).max, dtype=np.int64)


def _counted(left: _Canonical, right: _Canonical, tolerance: int) -> Matches:
    """Every reference row in order, and how many test rows of each group stay alone."""
    reference, test, untimed = left.timed, right.timed, left.untimed
    partner, why, _, counts = matching.counted(reference, test, tolerance)
    rows = np.concatenate([reference.rows(np.arange(reference.n)), untimed])
    others = np.concatenate([test.rows(partner), _none(len(untimed))])
    whys = np.concatenate([why, np.full(len(untimed), matching.NO_PARTNER, dtype=np.int8)])
    if len(untimed):
        times = np.concatenate([reference.time, _last(len(untimed))])
        order = np.lexsort((times, np.concatenate([reference.group, left.groups])))
        rows, others, whys = rows[order], others[order], whys[order]
    some = test.rows(test.starts)
    if len(right.untimed):
        some = np.concatenate([some, right.untimed])
        alone = np.zeros((len(right.untimed), 4), dtype=np.int64)
        alone[:, matching.NO_PARTNER] = 1
        counts = np.concatenate([counts, alone])
    return Matches(rows, others, whys, lone=(some, counts))


def _canonical(side: Side, groups: IntArray, starts: IntArray, time: pl.Series) -> _Canonical:
    """Rows with a time in canonical order, and rows without one.

    Args:
        side: The table.
        groups: Group of each run of rows.
        starts: Where these runs start.
        time: Times in whole steps.
    """
    if not time.null_count():
        as_read = Timed(groups, starts, time.to_numpy())
        if as_read.rising:
            return _Canonical(as_read)
    rest = [
        name for name in side.key if name not in (SUBJECT, side.time) and not side.frame[name].null_count()
    ]
    tie = keys.encode([side.frame], rest)[0] if rest else np.zeros(side.frame.height, dtype=np.int64)
    steps_, group = time.fill_null(0).to_numpy(), np.repeat(groups, np.diff(starts, append=len(time)))
    order = np.lexsort((tie, steps_, group))
    timed = time.is_not_null().to_numpy()
    rows, untimed = order[timed[order]], order[~timed[order]]
    return _Canonical(Timed.of(group[rows], steps_[rows], rows), untimed, group[untimed])


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
