"""Folders that hold a column's value in their name: `subject=001/session=1/part.parquet`.

The value becomes a column where the contract asks for it, as text until the contract says what it is: `007`
stays `007`. Where the file has the column too, both have to say the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from urllib.parse import unquote

import polars as pl

from ..protocols.errors import Violation
from ..protocols.model import Table
from . import typed
from .places import SHOWN, Part, Places
from .sources import Source

MISSING = "__HIVE_DEFAULT_PARTITION__"
"""Name that stands for a missing value."""

Partition = Mapping[str, str | None]


def of(folders: PurePath | str) -> dict[str, str | None]:
    """The values in the names of folders, percent escapes decoded; None where a value is missing.

    Args:
        folders: Path of the file's folder below the source's own.

    Example:
        >>> of("site=A%2FB/subject=007/night=__HIVE_DEFAULT_PARTITION__")
        {'site': 'A/B', 'subject': '007', 'night': None}
    """
    found: dict[str, str | None] = {}
    for part in PurePath(folders).parts:
        name, equals, value = part.partition("=")
        if equals and name:
            found[unquote(name)] = None if value == MISSING else unquote(value)
    return found


def below(path: PurePath, above: PurePath | None) -> dict[str, str | None]:
    """The values in the folders between a source's folder and a file; none for a single file."""
    if above is None or not path.is_relative_to(above):
        return {}
    return of(path.relative_to(above).parent)


def add(frame: pl.DataFrame, partition: Partition, columns: Sequence[str]) -> pl.DataFrame:
    """A file's columns with those that its folders name; `columns` says which and in what order."""
    own = [
        pl.lit(partition[column], dtype=pl.String).alias(column)
        for column in columns
        if column not in frame.columns
    ]
    return frame.with_columns(own).select(columns) if own else frame


def disagreeing(
    frame: pl.DataFrame, part: Part, partition: Partition, table: Table, source: Source, *, from_text: bool
) -> list[Violation]:
    """Columns of a file that do not hold what its folders say.

    Args:
        frame: The columns that the file itself holds.
        part: Where its rows come from.
        partition: What its folders say.
        table: The contract, by whose types both are compared.
        source: Its `columns` say what the contract's are called in the data.
        from_text: True for a CSV file.
    """
    violations = []
    for column, spec in table.columns.items():
        name = source.columns.get(column, column)
        if name not in partition or name not in frame.columns:
            continue
        places = Places((part,))
        said = typed.convert(
            pl.Series(column, [partition[name]], dtype=pl.String), spec, from_text=True, places=places
        )
        held = typed.convert(frame[name].alias(column), spec, from_text=from_text, places=places)
        if said.violations or held.violations:
            continue  # said once, where the table is held against its contract
        other = held.series.ne_missing(said.series.new_from_index(0, frame.height))
        rows = other.arg_true().head(SHOWN).to_list()
        if rows:
            value = MISSING if partition[name] is None else partition[name]
            message = f"the folder says `{name}={value}`, and the column of that name says otherwise."
            values = frame[name].gather(rows).to_list()
            violations.append(
                places.violation(message, rows, values, key=column, count=int(other.sum() or 0))
            )
    return violations
