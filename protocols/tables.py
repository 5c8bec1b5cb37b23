"""Cross-checks and defaults of what the data contract holds: tables, conversions, exclusions."""

from __future__ import annotations

import itertools

from .conditions import resolve_where
from .context import (
    BOOKKEEPING,
    MAX_CODES,
    RESERVED_CODES,
    SUBJECT,
    SUBJECTS,
    TIME_UNITS,
    Context,
    common,
    pair_scope,
    unmade,
)
from .event_checks import check_event, resolve_event
from .measure_checks import check_measure, resolve_measured
from .model import Bands, Column, Conversion, Exclusion, Table
from .nodes import Path
from .shape import listed
from .unit_checks import check_streams

_NUMBERS = ("number", "integer")


def check_table(context: Context, name: str, table: Table) -> None:
    """Key, subject, time and exclusion columns are declared and of a type that serves."""
    path: Path = ("tables", name)
    for column_name, column in table.columns.items():
        _check_column((*path, "columns", column_name), column, context)
        if column.from_ is not None:
            _check_bands((*path, "columns", column_name), column, column.from_, table, context)
        if column.measure is not None:
            check_measure(context, (*path, "columns", column_name), table, column)
        if column.event is not None:
            check_event(context, (*path, "columns", column_name), table, column)
        if column_name in BOOKKEEPING or (column_name == SUBJECT and table.subject != SUBJECT):
            message = "pairs use this name themselves; choose another (the study maps it to the data's)"
            context.report((*path, "columns", column_name), message, column_name, at_key=True)
    if not table.key:
        context.report((*path, "key"), "the key needs at least one column")
    pairings = context.protocol.pairings.values()
    needed = {SUBJECTS, *(side for one in pairings for side in (one.reference, one.test))}
    needed |= {one.stretches.table for one in pairings if one.stretches is not None}
    if not table.required and name in needed:
        message = "pairs are made of this table, so it cannot be `required: false`"
        context.report((*path, "required"), message, "false")
    if len(set(table.key)) < len(table.key):
        context.report((*path, "key"), "a column stands twice in the key", ", ".join(table.key))
    for index, key in enumerate(table.key):
        _check_role(context, (*path, "key", index), table, key, "key")
    _check_role(context, (*path, "subject"), table, table.subject, "subject")
    if table.time is not None:
        _check_role(context, (*path, "time"), table, table.time, "time")
    if table.exclusion is not None:
        _check_role(context, (*path, "exclusion"), table, table.exclusion, "exclusion")
    check_streams(context, name, table)
    if name == SUBJECTS and table.key and table.key != (table.subject,):
        context.report(
            (*path, "key"), f"the table `subjects` has one row a subject; its key is [{table.subject}]"
        )


def _check_role(context: Context, path: Path, table: Table, name: str, role: str) -> None:
    if not context.known(path, name, table.columns, "column"):
        return
    column = table.columns[name]
    accepted = {
        "key": ("text", "integer", "category", "boolean", "date", "datetime"),
        "subject": ("text",),
        "time": ("datetime", "number", "integer"),
        "exclusion": ("text", "category"),
    }[role]
    if role == "key" and name == table.time:
        accepted = (*accepted, "number")
    if column.type not in accepted:
        context.report(path, f"a {role} column is {_either(accepted)}; `{name}` is `{column.type}`", name)
    if column.made:
        context.report(path, f"a {role} column comes from the data, and `{name}` is made from another", name)
    if role == "time" and column.type in _NUMBERS and column.unit is None:
        context.report(path, f"a time in numbers needs a unit, such as {listed(TIME_UNITS[1:4])}", name)
    if role != "exclusion" and not column.required:
        context.report(path, f"a {role} column cannot be `required: false`", name)
    if role in {"key", "subject"} and column.missing == "allowed":
        context.report(path, f"a {role} column cannot have `missing: allowed`", name)


def _either(words: tuple[str, ...]) -> str:
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _check_column(path: Path, column: Column, context: Context) -> None:
    number, category = column.type in _NUMBERS, column.type == "category"
    if column.range is not None:
        low, high = column.range
        if not number:
            context.report((*path, "range"), f"only numbers have a range, and this column is `{column.type}`")
        elif low is not None and high is not None and low > high:
            context.report((*path, "range"), "the lower end lies above the upper end", f"{low:g}, {high:g}")
    if column.unit is not None and not number:
        context.report(
            (*path, "unit"), f"only numbers have a unit, and this column is `{column.type}`", column.unit
        )
    if category and not column.levels:
        context.report(path, "a category needs its `levels`: the accepted values, in order", at_key=True)
    if column.levels is not None:
        if not category:
            context.report(
                (*path, "levels"), f"only a category has levels, and this column is `{column.type}`"
            )
        _check_unique(context, (*path, "levels"), column.levels, "level")
    if column.indeterminate and not category:
        context.report(
            (*path, "indeterminate"), f"only a category has levels, and this column is `{column.type}`"
        )
    elif column.levels:
        for index, level in enumerate(column.indeterminate):
            context.known((*path, "indeterminate", index), level, column.levels, "level")


def _check_bands(path: Path, column: Column, bands: Bands, table: Table, context: Context) -> None:
    """A category made from a number of the same table, with one edge between two levels each."""
    place: Path = (*path, "from")
    if column.type != "category":
        context.report(place, f"bands make a category, and this column is `{column.type}`", at_key=True)
    if column.indeterminate:
        context.report((*path, "indeterminate"), "a band of a number is a result; leave the number empty")
    source = (*place, "column")
    if context.known(source, bands.column, table.columns, "column"):
        found = table.columns[bands.column]
        if found.type not in _NUMBERS:
            message = f"bands are made of a number, and `{bands.column}` is `{found.type}`"
            context.report(source, message, bands.column)
    if any(low >= high for low, high in itertools.pairwise(bands.edges)) or not bands.edges:
        given = ", ".join(f"{edge:g}" for edge in bands.edges) or "none"
        context.report((*place, "edges"), "expected edges in rising order, at least one", given)
    elif column.levels and len(column.levels) != len(bands.edges) + 1:
        message = f"{len(bands.edges)} edges make {len(bands.edges) + 1} bands; give as many levels"
        context.report((*path, "levels"), message, len(column.levels))


def resolve_table(context: Context, table: Table) -> Table:
    """The table with every column that is made from another as optional and as often empty as that one.

    A measure is empty wherever its rows do not make one.
    """
    columns = {
        name: resolve_event(resolve_measured(context, column, table), table)
        for name, column in table.columns.items()
    }
    columns = {
        name: column.model_copy(
            update={
                "required": columns[column.from_.column].required,
                "missing": columns[column.from_.column].missing,
            }
        )
        if column.from_ is not None and column.from_.column in columns
        else column
        for name, column in columns.items()
    }
    return table.model_copy(update={"columns": columns})


def _check_unique(context: Context, path: Path, values: tuple[str, ...], what: str) -> None:
    for index, value in enumerate(values):
        if value in values[:index]:
            context.report((*path, index), f"this {what} is listed twice", value)


def check_conversion(context: Context, index: int, conversion: Conversion) -> None:
    """A rule between two different units, with a factor that keeps the order of values."""
    path: Path = ("conversions", index)
    if conversion.factor <= 0:
        context.report((*path, "factor"), "expected a factor above 0", conversion.factor)
    if conversion.from_ == conversion.to:
        context.report((*path, "to"), "a unit converts to another unit, not to itself", conversion.to)
    for earlier in context.protocol.conversions[:index]:
        if (earlier.from_, earlier.to) == (conversion.from_, conversion.to):
            message = f"there is already a rule from `{conversion.from_}` to `{conversion.to}`; keep one"
            context.report(path, message)


def resolve_exclusion(context: Context, code: str, exclusion: Exclusion) -> Exclusion:
    """The exclusion with the values of its rule in the type of their columns."""
    path: Path = ("exclusions", code)
    tables = context.protocol.tables
    if code in RESERVED_CODES:
        context.report(
            path, "this reason code is given by pairing itself; choose another name", code, at_key=True
        )
    if exclusion.table is not None and not context.known((*path, "table"), exclusion.table, tables, "table"):
        return exclusion
    if not exclusion.where:
        carriers = [exclusion.table] if exclusion.table else list(tables)
        if not any(tables[name].exclusion for name in carriers):
            message = (
                "nothing can give this code: add `where`, or name the column that carries codes in the data "
                f"(`exclusion` of {listed(f'tables.{name}' for name in carriers)})"
            )
            context.report(path, message, at_key=True)
        return exclusion.model_copy(update={"where": None})
    # Without a table the rule speaks of pairs, and of every pairing's pairs.
    pairings = [p for name, p in context.protocol.pairings.items() if name not in context.broken]
    in_pairs = common([pair_scope(context.protocol, pairing) for pairing in pairings])
    scope = in_pairs
    if exclusion.table:
        own = tables[exclusion.table]
        later = unmade(own, "key")
        scope = {name: column for name, column in own.columns.items() if name not in later}
    where = resolve_where(context, (*path, "where"), exclusion.where, scope)
    return exclusion.model_copy(update={"where": where})


def check_codes(context: Context) -> None:
    """There are not more codes than pairs can hold."""
    declared, most = len(context.protocol.exclusions), MAX_CODES - len(RESERVED_CODES)
    if declared > most:
        context.report(("exclusions",), f"a protocol can declare {most} codes at most", declared, at_key=True)


def check_exclusion_levels(context: Context, name: str, table: Table) -> None:
    """The codes that a category may hold are declared."""
    if table.exclusion is None or table.exclusion not in table.columns:
        return
    for index, level in enumerate(table.columns[table.exclusion].levels or ()):
        place = ("tables", name, "columns", table.exclusion, "levels", index)
        context.known(place, level, context.protocol.exclusions, "exclusion")
