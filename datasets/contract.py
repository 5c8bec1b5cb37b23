"""The data contract: every way in which a table may not be what the protocol says, found in one look.

`check` takes a frame in contract types and returns every violation at once, each with its count and first
rows. It first asks only for totals (one parallel pass over the columns) and goes back for rows where a total
says so.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

import polars as pl

from ..protocols.errors import Violation, nearest, shorten
from ..protocols.model import Column, Table
from . import plausible
from .keys import duplicates, run_starts
from .places import SHOWN, Part, Places
from .typed import ACCEPTED, DTYPES

ROW = "row"
"""Name of the column that carries a row's position as read; no contract column may take it."""

MAX_TEXT = 10_000
"""Longest accepted text in bytes, as in a CSV file."""


def check_names(
    found: Sequence[str], table: Table, *, name: str, file: str | None, renamed: dict[str, str] | None = None
) -> list[Violation]:
    """Columns that are missing from the data or that the contract does not know.

    Args:
        found: Column names in the data.
        table: The contract.
        name: Name of the table, for messages.
        file: Where the columns were found.
        renamed: Contract column -> name in the data, where they differ.
    """
    renamed = renamed or {}
    expected = {renamed.get(column, column): column for column in table.read}
    made = [column for column in table.columns if column not in table.read]
    extra = [column for column in found if column not in (*expected, *made) and column != ROW]
    violations = [
        Violation(
            f"`source.columns` names a column that table `{name}` does not declare.",
            file=file,
            key=column,
            suggestion=nearest(column, table.columns),
        )
        for column in renamed
        if column not in table.columns
    ]
    violations.extend(
        Violation(
            f"column is made from `{_maker(table, column)}`, and the data have one of that name; remove it "
            "there, or declare it as one that is read.",
            file=file,
            key=column,
        )
        for column in made
        if column in found or column in renamed
    )
    for in_data, column in expected.items():
        if in_data in found or not table.columns[column].required:
            continue
        words = (
            "column is missing"
            if in_data == column
            else f"column is missing (called `{in_data}` in the data)"
        )
        violations.append(
            Violation(
                f"{words}; found: {_listed(found)}.",
                file=file,
                key=column,
                suggestion=nearest(in_data, extra),
            )
        )
    if table.extra_columns == "refused":
        absent = [in_data for in_data in expected if in_data not in found]
        violations.extend(
            Violation(
                f"column is not in the contract of table `{name}`; remove it, declare it, or say "
                "`extra_columns: ignored`.",
                file=file,
                key=column,
                suggestion=nearest(column, absent),
            )
            for column in extra
        )
    return violations


def _maker(table: Table, name: str) -> str | None:
    """The column that another one is made from."""
    column = table.columns[name]
    if column.from_ is not None:
        return column.from_.column
    return None if column.measure is None else column.measure.of


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    shown = ", ".join(f"`{shorten(name, 40)}`" for name in names[:20])
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown or "none"


def check(
    frame: pl.DataFrame,
    table: Table,
    *,
    name: str,
    file: str | None,
    places: Places | None = None,
    exclusions: Collection[str] | None = None,
) -> list[Violation]:
    """Everything in which a table violates its contract.

    Args:
        frame: The table with contract column names and types (see `typed.DTYPES`), rows as read.
        table: The contract.
        name: Name of the table, for messages.
        file: Where the table comes from, for messages.
        places: Where each row comes from; without it rows are numbered from 1.
        exclusions: Exclusion codes that the protocol declares; None: not checked here.

    Returns:
        Violations in the order of the contract's columns, then duplicate keys; empty when there are none.

    Example:
        >>> import polars as pl
        >>> from accordance.protocols.model import Column, Table
        >>> hr = Column(type="number", unit="1/min", range=(0, 300))
        >>> table = Table(key=("subject",), columns={"subject": Column(type="text"), "hr": hr})
        >>> frame = pl.DataFrame({"subject": ["001", "002"], "hr": [71.0, -3.0]})
        >>> print(check(frame, table, name="reference", file="hr.csv")[0])
        hr.csv: hr: outside the accepted range 0 to 300 1/min (found `-3.0`).
            row 2: -3.0
    """
    names = check_names(frame.columns, table, name=name, file=file)
    where = places or Places((Part(file or name, frame.height),))
    return names + check_values(frame, table, name=name, file=file, places=where, exclusions=exclusions)


def check_values(
    frame: pl.DataFrame,
    table: Table,
    *,
    name: str,
    file: str | None,
    places: Places,
    exclusions: Collection[str] | None = None,
    bad: Mapping[str, pl.Series] | None = None,
) -> list[Violation]:
    """What is wrong with the values of the columns that are there; arguments as for `check`.

    `bad` marks, by column, rows that are empty because their value did not fit its type: already reported, so
    they are not reported as missing.
    """
    bad = bad or {}
    violations: list[Violation] = []
    if frame.height == 0:
        return [Violation(f"table `{name}` has no rows.", file=file)]
    present = {key: column for key, column in table.columns.items() if key in frame.columns}
    violations.extend(_wrong_types(frame, present, file))
    sound = {key: column for key, column in present.items() if _has_type(frame.schema[key], column)}
    for key, column in sound.items():
        violations.extend(_missing(frame[key], column, table, places, bad.get(key)))
        violations.extend(_column(frame[key], column, table, places, exclusions))
    keys = [key for key in table.key if key in sound]
    refused = table.repeated == "refused"  # else one of each is kept, and the others are counted
    if refused and len(keys) == len(table.key) and not any(frame[key].null_count() for key in keys):
        violations.extend(_duplicates(frame, keys, places))
    return violations


def _has_type(dtype: pl.DataType, column: Column) -> bool:
    if column.type == "datetime":
        return isinstance(dtype, pl.Datetime)
    return dtype == DTYPES[column.type]


def _wrong_types(frame: pl.DataFrame, present: dict[str, Column], file: str | None) -> list[Violation]:
    return [
        Violation(
            f"has type {frame.schema[key]}; the contract says {column.type}: {ACCEPTED[column.type]}.",
            file=file,
            key=key,
            found=str(frame.schema[key]),
        )
        for key, column in present.items()
        if not _has_type(frame.schema[key], column)
    ]


def _column(
    series: pl.Series, column: Column, table: Table, places: Places, exclusions: Collection[str] | None
) -> list[Violation]:
    """Everything wrong with the values of one column, missing ones aside."""
    violations: list[Violation] = []
    if column.type == "datetime":
        violations += plausible.dates(series, places)
    elif column.type in ("number", "integer"):
        violations += _numbers(series, column, places)
    elif column.type in ("text", "category"):
        violations += _texts(series, column, table, places)
        if series.name == table.exclusion and exclusions is not None:
            violations += _codes(series, exclusions, places)
    return violations


def _report(
    series: pl.Series, bad: pl.Series, message: str, places: Places, suggestion: str | None = None
) -> list[Violation]:
    """A violation for the rows where `bad` holds; none when it holds nowhere."""
    rows = bad.fill_null(False).arg_true()
    if not len(rows):
        return []
    first = rows.head(SHOWN).to_list()
    values = series.gather(first).to_list()
    return [places.violation(message, first, values, key=series.name, count=len(rows), suggestion=suggestion)]


def _missing(
    series: pl.Series, column: Column, table: Table, places: Places, bad: pl.Series | None
) -> list[Violation]:
    """Empty cells where the contract refuses them. Keys never may be empty; exclusion codes always may."""
    is_key = series.name in table.key or series.name == table.subject
    if series.null_count() == 0 or series.name == table.exclusion:
        return []
    if column.missing == "allowed" and not is_key:
        return []
    message = (
        "empty in a key column; every row needs its key."
        if is_key
        else "empty, and the contract refuses missing values (`missing: allowed` accepts them)."
    )
    empty = series.is_null() if bad is None else series.is_null() & ~bad
    return _report(series, empty, message, places)


def _numbers(series: pl.Series, column: Column, places: Places) -> list[Violation]:
    violations: list[Violation] = []
    finite = series
    if series.dtype.is_float() and not _all_finite(series):
        unusable = ~series.is_finite()
        if unusable.any():
            message = "not a finite number (NaN marks nothing: leave a missing value empty)."
            violations += _report(series, unusable, message, places)
            finite = series.set(unusable.fill_null(False), None)
    if column.range is None:
        return violations
    low, high = column.range
    smallest, largest = finite.min(), finite.max()
    if not isinstance(smallest, int | float) or not isinstance(largest, int | float):
        return violations
    below = low is not None and smallest < low
    above = high is not None and largest > high
    if below or above:
        message = f"outside the accepted range {_range(column)}."
        outside = pl.Series([False]).new_from_index(0, len(series))
        if below:
            outside = outside | (finite < low).fill_null(False)
        if above:
            outside = outside | (finite > high).fill_null(False)
        violations += _report(series, outside, message, places)
    return violations


def _all_finite(series: pl.Series) -> bool:
    """Whether all numbers are finite; their sum is then, unless it is beyond all numbers."""
    return math.isfinite(series.sum()) or bool(series.is_finite().all())


def _range(column: Column) -> str:
    low, high = column.range or (None, None)
    unit = f" {column.unit}" if column.unit else ""
    if low is None:
        return f"up to {high:g}{unit}"
    if high is None:
        return f"{low:g}{unit} or more"
    return f"{low:g} to {high:g}{unit}"


def _texts(series: pl.Series, column: Column, table: Table, places: Places) -> list[Violation]:
    """Unknown levels, blanks around keys, overlong text; looked for among the distinct values first."""
    distinct = _distinct(series)
    violations: list[Violation] = []
    if column.levels is not None:
        accepted = tuple(dict.fromkeys((*column.levels, *column.indeterminate)))
        unknown = distinct.filter(~distinct.is_in(list(accepted)))
        if len(unknown):
            listed = ", ".join(f"`{level}`" for level in accepted)
            hint = _closest(str(unknown.sort()[0]), accepted) if len(unknown) == 1 else None
            message = f"not one of the accepted levels {listed}."
            violations += _report(series, series.is_in(unknown.to_list()), message, places, hint)
    elif series.name in table.key or series.name == table.subject:
        padded = distinct.filter(distinct != distinct.str.strip_chars())
        if len(padded):
            message = "blanks before or after the value of a key column; remove them (` 007` is not `007`)."
            violations += _report(series, series.is_in(padded.to_list()), message, places)
    longest = distinct.str.len_bytes().max()
    if isinstance(longest, int) and longest > MAX_TEXT:
        message = f"text of {longest:,} characters; at most {MAX_TEXT:,} are accepted."
        violations += _report(series, series.str.len_bytes() > MAX_TEXT, message, places)
    return violations


def _distinct(series: pl.Series) -> pl.Series:
    """Distinct texts; where rows with the same text stand together, as in what a device writes, one a run."""
    starts = run_starts(series)
    heads = series.gather(starts) if 8 * len(starts) < len(series) else series
    return heads.unique().drop_nulls()


def _closest(name: str, accepted: Collection[str]) -> str | None:
    """The accepted name that differs in case alone, else the nearest one."""
    folded = [other for other in accepted if other.casefold() == name.casefold()]
    return folded[0] if folded else nearest(name, accepted)


def _codes(series: pl.Series, exclusions: Collection[str], places: Places) -> list[Violation]:
    """Exclusion codes that the protocol does not declare."""
    distinct = series.unique().drop_nulls()
    unknown = distinct.filter(~distinct.is_in(sorted(exclusions)))
    if not len(unknown):
        return []
    listed = ", ".join(f"`{code}`" for code in exclusions) or "none"
    hint = _closest(str(unknown.sort()[0]), exclusions) if len(unknown) == 1 else None
    message = f"exclusion code that the protocol does not declare; declared: {listed}."
    return _report(series, series.is_in(unknown.to_list()), message, places, hint)


def _duplicates(frame: pl.DataFrame, keys: list[str], places: Places) -> list[Violation]:
    """Rows that repeat an earlier row's key."""
    repeats = duplicates(frame, keys)
    if not len(repeats):
        return []
    first = repeats[:SHOWN].tolist()
    values = [{key: frame[key][row] for key in keys} for row in first]
    message = "the row repeats the key of an earlier row; a key must name one row."
    return [places.violation(message, first, values, key=", ".join(keys), count=len(repeats))]
