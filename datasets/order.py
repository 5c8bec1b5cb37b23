"""Rules that need rows in the order they were read: sorted input, counters that wrap, repeated keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..protocols.errors import Violation
from ..protocols.model import Table
from . import keys
from .handled import Handled
from .keys import IntArray
from .places import SHOWN, Places


def sessions(frame: pl.DataFrame, table: Table, without: Sequence[str] = ()) -> IntArray | None:
    """For each row, a code of the session whose rows are compared in file order.

    A session is what the key names without its time: the subject, and a night or a device where the key has
    one. Where that leaves a session for every row, it is the subject alone.

    Args:
        frame: The table, in contract types.
        table: Its contract.
        without: Further columns of the key that run within a session, such as a counter.

    Returns:
        Codes; None where a cell of the key is missing, which is said elsewhere.
    """
    running = {table.time, *without}
    named = [table.subject, *(column for column in table.key if column not in running)]
    columns = list(dict.fromkeys(column for column in named if column in frame.columns))
    if not columns or any(frame[column].null_count() for column in columns):
        return None
    codes = keys.encode([frame], columns)[0]
    if len(columns) > 1 and table.subject in columns and keys.count_repeats(codes) == 0:
        codes = keys.encode([frame], [table.subject])[0]
    return codes


def unsorted(frame: pl.DataFrame, table: Table, places: Places) -> list[Violation]:
    """Rows that are earlier than the row before them of their session."""
    column = table.time
    groups = sessions(frame, table)
    if column is None or column not in frame.columns or groups is None:
        return []
    series = frame[column]
    rows = _rows_in_order(series, groups)
    values = series.to_physical().to_numpy()[rows]
    group = groups[rows]
    back = np.flatnonzero((values[1:] < values[:-1]) & (group[1:] == group[:-1])) + 1
    if not len(back):
        return []
    offending = np.sort(rows[back])
    first = offending[:SHOWN].tolist()
    before = {int(row): int(rows[place - 1]) for row, place in zip(rows[back], back, strict=True)}
    shown = [{column: str(series[row]), "after": str(series[before[row]])} for row in first]
    message = (
        "the row is earlier than the row before it of the same session, and the contract says `order: "
        "sorted`; sort the data, or say `order: any`."
    )
    return [places.violation(message, first, shown, key=column, count=len(offending))]


@dataclass(frozen=True)
class Unwrapped:
    """A counter that counts on, and what stands in the way."""

    series: pl.Series
    handled: tuple[Handled, ...] = ()
    violations: tuple[Violation, ...] = ()
    bad: pl.Series | None = None


def unwrap(counter: pl.Series, modulus: float, groups: IntArray, places: Places) -> Unwrapped:
    """A counter that begins again after `modulus` values, counted on in file order within each session.

    A fall by more than half of the modulus is a new beginning; a smaller one is rows out of order, and is
    refused. A gap of a whole round of the counter leaves no trace.

    Args:
        counter: The counter as recorded, from 0 to below the modulus.
        modulus: How many values it has, such as 65536.
        groups: For each row, a code of its session.
        places: Where the rows came from.
    """
    outside = ((counter < 0) | (counter >= modulus)).fill_null(False)
    if outside.any():
        message = f"outside of a counter that begins again at {modulus:,.15g}; check `wraps`."
        return Unwrapped(counter, (), (_violation(counter, outside, message, places),), outside)
    rows = _rows_in_order(counter, groups)
    values = counter.gather(rows).to_numpy()
    group = groups[rows]
    steps = np.diff(values)
    within = group[1:] == group[:-1]
    begins = within & (steps < -modulus / 2)
    falls = within & (steps < 0) & ~begins
    if falls.any():
        bad = np.zeros(len(counter), dtype=bool)
        bad[rows[np.flatnonzero(falls) + 1]] = True
        message = (
            f"the counter falls by less than half of {modulus:,.15g}, so it did not begin again: rows are "
            "out of order, or `wraps` is another number."
        )
        marked = pl.Series(bad)
        return Unwrapped(counter, (), (_violation(counter, marked, message, places),), marked)
    rounds = np.concatenate(([0], np.cumsum(begins)))
    starts = np.concatenate(([0], np.flatnonzero(~within) + 1)) if len(rows) else np.zeros(0, dtype=np.int64)
    session = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(rows)))
    rounds = rounds[: len(rows)] - rounds[starts][session]
    added = np.zeros(len(counter), dtype=np.int64)
    added[rows] = rounds
    how = f"{modulus:,.15g}"
    number = int(modulus) if counter.dtype.is_integer() else modulus
    series = (counter + pl.Series(added).cast(counter.dtype) * number).alias(counter.name)
    total = int(begins.sum())
    return Unwrapped(series, (Handled("wraps", how, counter.name, total),) if total else ())


def repeated(frame: pl.DataFrame, table: Table) -> IntArray:
    """Rows to leave out so that each key names one row, by the table's rule."""
    columns = list(table.key)
    if table.repeated == "first":
        return keys.duplicates(frame, columns)
    return np.sort(frame.height - 1 - keys.duplicates(frame.reverse(), columns))


def _rows_in_order(series: pl.Series, groups: IntArray) -> IntArray:
    """Rows with a value, session after session, each in file order."""
    if bool((groups[1:] >= groups[:-1]).all()):
        rows = np.arange(len(groups), dtype=np.int64)
    else:
        rows = np.argsort(groups, kind="stable")
    if series.null_count():
        rows = rows[series.is_not_null().to_numpy()[rows]]
    return rows


def _violation(series: pl.Series, rows: pl.Series, message: str, places: Places) -> Violation:
    where = rows.arg_true()
    first = where.head(SHOWN).to_list()
    return places.violation(message, first, series.gather(first).to_list(), key=series.name, count=len(where))
