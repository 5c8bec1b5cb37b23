"""Cross-checks and defaults of `alignment`: what clocks are held against each other by, and how far."""

from __future__ import annotations

from typing import Any

from .base import Quantity
from .context import TIME_UNITS, Context
from .model import Alignment, Column, Pairing, Table
from .nodes import Path
from .shape import listed

_NUMBERS = ("number", "integer")
SECONDS: dict[str, float] = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
"""Units of time in seconds."""
DEFAULT_STEP = Quantity(value=1.0, unit="s")
AS_READ = "_as_read"
"""After the name of a time column that was corrected: the times as they were read."""
MOST_LAGS = 200_000
"""Most offsets in steps of the grid, both ways, that a search may ask for."""


def resolve_alignment(context: Context, path: Path, pairing: Pairing) -> Alignment | None:
    """The alignment of a pairing with its defaults written out.

    Args:
        context: The pass of checks.
        path: Where the pairing stands.
        pairing: A pairing whose two tables are known.
    """
    rule = pairing.alignment
    if rule is None:
        return None
    place: Path = (*path, "alignment")
    tables = context.protocol.tables
    sides = (
        ("reference", tables[pairing.reference], rule.reference),
        ("test", tables[pairing.test], rule.test),
    )
    for side, table, column in sides:
        _check_time(context, (*place, side), table)
        _check_column(context, (*place, side), table, column, rule)
    _check_scales(context, place, [table for _, table, _ in sides])
    if pairing.method == "key" and rule.apply:
        message = "rows that pair by equal keys do not move with their times; report only, or pair by time"
        context.report((*place, "apply"), message, "true")
    if rule.apply:
        _check_kept(context, place, tables[pairing.test])
    search = _positive(context, (*place, "search"), rule.search, "the search")
    update: dict[str, Any] = {}
    if rule.by == "signals":
        if rule.events:
            message = "events belong to `by: events`"
            context.report((*place, "events"), message, ", ".join(rule.events))
        update["step"] = _step(context, place, rule, search)
    else:
        if not rule.events:
            message = "`by: events` needs the levels that are events, such as `[tap]`"
            context.report(place, message, at_key=True)
        if rule.step is not None:
            context.report((*place, "step"), "a grid belongs to `by: signals`", str(rule.step))
    if rule.tipping is not None:
        _check_tipping(context, (*place, "tipping"), rule)
    return rule.model_copy(update=update)


def _check_time(context: Context, path: Path, table: Table) -> None:
    """The table has times that are dates or numbers in a unit of time."""
    if table.time is None:
        context.report(path, "clocks are compared by the table's `time` column, and it names none")
        return
    column = table.columns.get(table.time)
    if column is not None and column.type in _NUMBERS and column.unit not in TIME_UNITS:
        message = f"times of clocks are dates or numbers in a unit of time: {listed(TIME_UNITS)}"
        context.report(path, message, column.unit)


def _check_scales(context: Context, path: Path, tables: list[Table]) -> None:
    """Both tables tell time by dates, or both by numbers."""
    times = [table.columns.get(table.time or "") for table in tables]
    kinds = {"datetime" if time.type == "datetime" else "numbers" for time in times if time is not None}
    if len(kinds) > 1:
        message = "one table has dates and times and the other numbers; their clocks cannot be compared"
        context.report(path, message, at_key=True)


def _check_column(context: Context, path: Path, table: Table, name: str, rule: Alignment) -> None:
    if not context.known(path, name, table.columns, "column"):
        return
    column: Column = table.columns[name]
    if rule.by == "signals":
        if column.type not in _NUMBERS:
            message = f"signals are numbers, and `{name}` is `{column.type}`"
            context.report(path, message, name)
        return
    if column.type != "category":
        context.report(path, f"events are levels of a category, and `{name}` is `{column.type}`", name)
        return
    for index, level in enumerate(rule.events):
        context.known((*path[:-1], "events", index), level, column.levels or (), f"level of `{name}`")


def _check_kept(context: Context, path: Path, table: Table) -> None:
    """The name under which original times stay is free."""
    kept = f"{table.time}{AS_READ}"
    if table.time is not None and kept in table.columns:
        message = f"corrected times keep the original ones as `{kept}`, and the table has that column"
        context.report((*path, "apply"), message, "true")


def _positive(context: Context, path: Path, quantity: Quantity, what: str) -> float | None:
    """Seconds of a length of time above zero; None, reported, where it is none."""
    if quantity.unit not in SECONDS:
        context.report(path, f"{what} needs a unit of time: {listed(TIME_UNITS)}", str(quantity))
        return None
    if not quantity.value > 0:
        context.report(path, f"{what} is longer than zero", str(quantity))
        return None
    return quantity.value * SECONDS[quantity.unit]


def _step(context: Context, path: Path, rule: Alignment, search: float | None) -> Quantity:
    """The step of the grid, shorter than the search and not too fine for it."""
    chosen = rule.step or DEFAULT_STEP
    step = _positive(context, (*path, "step"), chosen, "the step")
    if step is None or search is None:
        return chosen
    place = (*path, "step") if rule.step is not None else (*path, "search")
    found = str(chosen if rule.step is not None else rule.search)
    if step >= search:
        message = f"the step of the grid ({chosen}) is shorter than the search ({rule.search})"
        context.report(place, message, found)
    elif 2 * search / step > MOST_LAGS:
        message = (
            f"a search of {rule.search} both ways in steps of {chosen} asks for more than {MOST_LAGS:,} "
            "offsets; search less or step wider"
        )
        context.report(place, message, found)
    return chosen


def _check_tipping(context: Context, path: Path, rule: Alignment) -> None:
    tipping = rule.tipping
    if tipping is None:
        return
    up_to = _positive(context, (*path, "up_to"), tipping.up_to, "the largest error")
    step = _positive(context, (*path, "step"), tipping.step, "the step")
    if up_to is None or step is None:
        return
    if step > up_to:
        message = f"the step is no longer than the largest error ({tipping.up_to})"
        context.report((*path, "step"), message, str(tipping.step))
    elif up_to / step > 200:
        message = "at most 200 errors are tried each way, and each makes all pairs anew; step wider"
        context.report((*path, "step"), message, str(tipping.step))
