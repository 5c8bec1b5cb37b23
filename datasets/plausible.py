"""Times that cannot be: a unit of time that was taken for another one shows in dates, steps and lengths."""

from __future__ import annotations

import numpy as np
import polars as pl

from ..protocols.errors import Violation
from ..protocols.model import Table
from . import keys
from .epochs import EARLIEST, HIGHEST, LATEST, LOWEST, likely
from .order import sessions
from .places import SHOWN, Places
from .units import MICROSECONDS

LONGEST = round(100 * 365.2425) * MICROSECONDS["d"]
"""No session is longer: a hundred years, in microseconds."""

_THOUSANDS = {1e9: "ns", 1e6: "us", 1e3: "ms"}
_NEAR = 0.05
"""How near the median step has to be to a thousandfold of the interval to be taken for one."""
_STEPS = 8
"""Fewest steps that say something."""
_LOOKED_AT = 10_000
"""Rows of a session that are looked at where they are in order; where they are not, all are sorted."""


def dates(series: pl.Series, places: Places) -> list[Violation]:
    """Date-times before 1900 or from 2200 on.

    Args:
        series: Date-times.
        places: Where the rows came from.
    """
    numbers = series.to_physical()
    low, high = numbers.min(), numbers.max()
    if low is None or high is None or (int(str(low)) >= LOWEST and int(str(high)) < HIGHEST):
        return []
    outside = ((numbers < LOWEST) | (numbers >= HIGHEST)).fill_null(False)
    unit = _mistaken(numbers.filter(outside).cast(pl.Float64))
    hint = f" They were {unit}, taken for seconds: convert them where they are made." if unit else ""
    message = (
        f"no date of a study: accepted are {EARLIEST.year} to {LATEST.year - 1}. A unit of time was mistaken "
        f"for another, or a clock was never set.{hint}"
    )
    rows = outside.arg_true()
    first = rows.head(SHOWN).to_list()
    values = [f"{int(numbers[row]):,} us since 1970" for row in first]
    return [places.violation(message, first, values, key=series.name, count=len(rows))]


def _mistaken(micro: pl.Series) -> str | None:
    """The unit of numbers that somebody took for seconds."""
    unit = likely(micro / MICROSECONDS["s"])
    return {"ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}.get(unit or "")


def times(frame: pl.DataFrame, table: Table, places: Places) -> list[Violation]:
    """What the time column of a table says that cannot be: steps and lengths of sessions.

    Args:
        frame: The table in contract types and units, rows as read.
        table: Its contract.
        places: Where the rows came from.
    """
    column = table.time
    if column is None or column not in frame.columns or not frame.height:
        return []
    series = frame[column]
    size = _microseconds(series, table)
    if size is None:
        return []
    return _steps(frame, series, size, table, places) or _lengths(frame, series, size, table, places)


def _microseconds(series: pl.Series, table: Table) -> float | None:
    """Microseconds in one step of a time column; None where its unit is none of time."""
    if isinstance(series.dtype, pl.Datetime):
        return 1.0
    unit = table.columns[series.name].unit
    if not series.dtype.is_numeric() or unit not in MICROSECONDS:
        return None
    return float(MICROSECONDS[unit])


def _steps(
    frame: pl.DataFrame, series: pl.Series, size: float, table: Table, places: Places
) -> list[Violation]:
    """Files whose rows lie a thousand (million, ...) times as far apart as the interval they stand for."""
    if table.interval is None or table.interval.unit not in MICROSECONDS:
        return []
    expected = table.interval.value * MICROSECONDS[table.interval.unit] / size
    session = [name for name in dict.fromkeys((table.subject, *table.key)) if name != table.time]
    session = [name for name in session if name in frame.columns]
    violations = []
    start = 0
    for part in places.parts:
        rows = frame.slice(start, part.n_rows)
        start += part.n_rows
        found = _median_step(rows, series.name, session)
        if found is None or not found > 0:
            continue
        ratio = found / expected
        for factor, unit in _THOUSANDS.items():
            if abs(ratio / factor - 1) < _NEAR:
                violations.append(_wrong_step(part.name, table, unit, f"{factor:,.0f} times as much"))
            elif abs(ratio * factor - 1) < _NEAR:
                violations.append(_wrong_step(part.name, table, None, f"{factor:,.0f} times as little"))
    return violations


def _median_step(rows: pl.DataFrame, time: str, session: list[str]) -> float | None:
    """Median distance in time of the rows of a file's first session; None where there are too few."""
    if not rows.height:
        return None
    rows = pl.DataFrame([rows[name] for name in (time, *session)])
    for name in session:
        # A column that differs in every row (a row number) names no session.
        same = _like_the_first(rows, name)
        rows = same if same.height > _STEPS or name == session[0] else rows
    moments = rows[time].drop_nulls().to_physical().cast(pl.Float64).to_numpy()
    first = moments[:_LOOKED_AT]
    in_order = bool((first[1:] >= first[:-1]).all())
    steps = np.diff(first if in_order else np.sort(moments))
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) >= _STEPS else None


def _like_the_first(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """The rows with the first one's value in a column."""
    column = rows[name]
    if column.flags["SORTED_ASC"] and column[0] is not None:
        starts = keys.run_starts(column)
        return rows.head(int(starts[1])) if len(starts) > 1 else rows
    return rows.filter(column.eq_missing(column[0]))


def _wrong_step(file: str, table: Table, unit: str | None, ratio: str) -> Violation:
    interval, column = table.interval, str(table.time)
    stated = table.columns[column].unit
    hint = ""
    if stated is not None and unit is not None and MICROSECONDS.get(stated) == MICROSECONDS["s"]:
        hint = f" They look like {unit}: say `units: {{{column}: {unit}}}`, and declare the conversion."
    message = (
        f"the rows lie {ratio} apart as the table's `interval` of {interval} says: a unit of time was "
        f"mistaken for another.{hint}"
    )
    return Violation(message, file=file, key=column)


def _lengths(
    frame: pl.DataFrame, series: pl.Series, size: float, table: Table, places: Places
) -> list[Violation]:
    """Sessions of more than a hundred years."""
    numbers = series.to_physical()
    low, high = numbers.min(), numbers.max()
    if low is None or high is None or (float(str(high)) - float(str(low))) * size <= LONGEST:
        return []
    groups = sessions(frame, table)
    if groups is None:
        return []
    spans = (
        pl.DataFrame({"group": groups, "time": numbers.cast(pl.Float64)})
        .with_row_index()
        .group_by("group")
        .agg(pl.col("index").first(), (pl.col("time").max() - pl.col("time").min()).alias("span"))
        .filter(pl.col("span") * size > LONGEST)
        .sort("index")
    )
    if not spans.height:
        return []
    message = (
        "the session is longer than a hundred years: its times are in another unit than "
        f"{table.columns[series.name].unit or 'it seems'}, or clocks were not set."
    )
    first = spans["index"].head(SHOWN).to_list()
    values = [frame[table.subject][int(row)] for row in first]
    return [places.violation(message, first, values, key=series.name, count=spans.height)]
