"""Tables in: from the sources a study declares, or from data frames, into contract columns and types.

Every source goes the same way: find what it names (under the declared roots), read the columns that the
contract asks for, rename, bring to contract types, convert declared units, check the contract. All that is
wrong with a table is raised at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..protocols.errors import ContractError, Violation, nearest
from ..protocols.model import Conversion, Table
from . import (
    alike,
    bands,
    contract,
    epochs,
    file_sizes,
    naming,
    order,
    partitions,
    plausible,
    reading,
    sql,
    time_rules,
    typed,
    unit_changes,
    units,
)
from .contract import ROW
from .finding import found
from .frames import to_polars
from .handled import Handled
from .hash_cache import HashCache
from .located import record
from .opened import from_folders, open_files, refuse_columns_too_large, refuse_text_too_large
from .places import Part, Places
from .provenance import FileRecord, content_hash, file_record
from .roots import Roots
from .sources import Source
from .stores import StoreOptions

_EMPTY = Source()


@dataclass(frozen=True)
class TableData:
    """One table, read and checked.

    Attributes:
        name: Its name in the protocol.
        frame: Contract columns in contract types, in the contract's order, plus `row` (Int64): position as
            read. An optional column that the data do not have is there and empty.
        files: The files that were read, with their hashes.
        key: Columns that name a row.
        rows_read: Rows of the files or the query, those included that a declared rule left out.
        handled: What declared rules did to rows.
    """

    name: str
    frame: pl.DataFrame
    files: tuple[FileRecord, ...]
    key: tuple[str, ...]
    rows_read: int | None = None
    handled: tuple[Handled, ...] = ()

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.frame.height

    @cached_property
    def content_sha256(self) -> str:
        """Hash of the content, whatever the row order and file format; computed when first asked for."""
        return content_hash(self.frame, self.key)


@dataclass(frozen=True)
class Raw:
    """Columns as they arrived."""

    frame: pl.DataFrame
    names: list[str]
    places: Places
    from_text: bool
    files: tuple[FileRecord, ...] = ()
    texts: frozenset[str] = frozenset()
    """Columns that are text although the source has types: values in the names of folders."""
    positions: pl.Series | None = None
    """Where each row stands in the whole table, where these are some of its rows."""


def read_table(
    name: str,
    table: Table,
    source: Source,
    *,
    base: Path,
    roots: Mapping[str, str],
    conversions: Sequence[Conversion] = (),
    exclusions: Collection[str] | None = None,
    key: str | None = None,
    stores: Mapping[str, StoreOptions] | None = None,
    hash_files: bool = True,
    hashes: HashCache | None = None,
    memory: int | None = None,
) -> TableData:
    """Read one table of a study and check it against its contract.

    Args:
        name: Name of the table in the protocol.
        table: Its contract.
        source: Where its rows come from.
        base: The study folder, where relative paths start.
        roots: Name -> folder that may be read, relative to `base` or absolute.
        conversions: Unit conversions that the protocol declares.
        exclusions: Exclusion codes that the protocol declares; None: codes in the data are not checked.
        key: Dotted path of the source in study.yaml, for messages; default `sources.NAME`.
        stores: Name of a root in an object store -> how it is reached.
        hash_files: False: leave the file hashes empty (benchmarks).
        hashes: Remembered hashes of files; None hashes every file.
        memory: Bytes that CSV and Parquet files may take; None: what the system has. What takes more is
            refused before it is read.

    Raises:
        ContractError: Everything that is wrong with this table.
        OutputError: A file cannot be read.
    """
    key = key or f"sources.{name}"
    kinds = ("file", "glob", "folder", "sql", "physionet")
    given = [field for field in kinds if getattr(source, field) is not None]
    if len(given) != 1:
        raise ContractError(
            [
                Violation(
                    f"a source has exactly one of {', '.join(f'`{kind}`' for kind in kinds)}.",
                    key=key,
                    found=", ".join(given) or "none of them",
                )
            ]
        )
    allowed = Roots.of(base, roots, stores)
    reader = reading.reader_of(source, key)
    if source.sql is not None:
        raw = _from_sql(name, table, source, allowed, key, hashes=hashes)
    elif reader is not None:
        recorded = reading.read(
            reader,
            table,
            source,
            allowed,
            key=key,
            conversions=conversions,
            hash_files=hash_files,
            hashes=hashes,
        )
        source = recorded.source
        raw = Raw(recorded.frame, recorded.frame.columns, Places(recorded.parts), False, recorded.files)
    else:
        raw = _from_files(table, source, allowed, key, hash_files=hash_files, hashes=hashes, memory=memory)
    raw = _with_named(raw, table, source, key)
    return checked(name, table, source, raw, conversions=conversions, exclusions=exclusions)


def from_frame(
    name: str,
    table: Table,
    frame: Any,
    *,
    source: Source = _EMPTY,
    conversions: Sequence[Conversion] = (),
    exclusions: Collection[str] | None = None,
) -> TableData:
    """A table from a polars, pandas or pyarrow data frame or a dict of columns, checked against its contract.

    Args:
        name: Name of the table in the protocol.
        table: Its contract.
        frame: The data.
        source: `columns` and `units` of it apply, as for a file.
        conversions: Unit conversions that the protocol declares.
        exclusions: Exclusion codes that the protocol declares; None: codes in the data are not checked.

    Raises:
        ContractError: Everything that is wrong with this table.

    Example:
        >>> from accordance.protocols.model import Column, Table
        >>> hr = Column(type="number", unit="1/min", range=(20, 250))
        >>> table = Table(key=("subject",), columns={"subject": Column(type="text"), "hr": hr})
        >>> from_frame("reference", table, {"subject": ["001", "002"], "hr": [61, 74]}).frame["hr"].to_list()
        [61.0, 74.0]
    """
    data = to_polars(frame, name=name)
    places = Places((Part(name, data.height),))
    raw = Raw(_needed(data, table, source), data.columns, places, from_text=False)
    return checked(name, table, source, raw, conversions=conversions, exclusions=exclusions)


def _with_named(raw: Raw, table: Table, source: Source, key: str) -> Raw:
    """The columns that paths and constants of the source give, beside those of the data."""
    named = naming.columns(raw.names, raw.places, table, source, key=key)
    if not named:
        return raw
    return replace(
        raw,
        frame=raw.frame.with_columns(named),
        names=[*raw.names, *(series.name for series in named)],
        texts=raw.texts | {series.name for series in named},
    )


def wanted_columns(table: Table, source: Source, names: Sequence[str]) -> list[str]:
    """Names in the data of the contract's columns, those that are there."""
    return [in_data for column in table.read if (in_data := source.columns.get(column, column)) in names]


def _needed(frame: pl.DataFrame, table: Table, source: Source) -> pl.DataFrame:
    return frame.select(wanted_columns(table, source, frame.columns))


def _from_sql(
    name: str, table: Table, source: Source, roots: Roots, key: str, *, hashes: HashCache | None
) -> Raw:
    answer = sql.query(source, roots, key=key, name=name)
    places = Places((Part(f"{key}.sql", answer.frame.height),))
    records = tuple(file_record(path, roots.name(path), hashes) for path in answer.files)
    return Raw(_needed(answer.frame, table, source), answer.frame.columns, places, False, records)


def _from_files(
    table: Table,
    source: Source,
    roots: Roots,
    key: str,
    *,
    hash_files: bool,
    hashes: HashCache | None,
    memory: int | None,
) -> Raw:
    """Read each file; what is wrong with the files as files is raised for all of them at once."""
    located = found(source, roots, key=key)
    limit = file_sizes.available() if memory is None else memory
    refuse_text_too_large(located, limit, key=key)
    opened = open_files(located, table, source, roots)
    refuse_columns_too_large(opened, table, source, limit, key=key)
    names = opened[0].names
    wanted = wanted_columns(table, source, names)
    violations: list[Violation] = []
    frames: list[pl.DataFrame] = []
    parts: list[Part] = []
    for one in opened:
        try:
            frame, part = one.read(wanted)
        except ContractError as error:
            violations.extend(error.violations)
            continue
        violations += one.disagreeing(frame, part, table, source)
        frames.append(partitions.add(frame, one.partition, wanted))
        parts.append(part)
    if violations:
        raise ContractError(violations)
    records = tuple(
        record(one.file, hashes) if hash_files else FileRecord(one.shown, "", one.file.size) for one in opened
    )
    is_text = opened[0].text is not None
    return Raw(
        alike.joined(frames), names, Places(tuple(parts)), is_text, records, from_folders(opened, names)
    )


def checked(
    name: str,
    table: Table,
    source: Source,
    raw: Raw,
    *,
    conversions: Sequence[Conversion],
    exclusions: Collection[str] | None,
    may_be_empty: bool = False,
) -> TableData:
    """Rename, type, convert units, check; raise everything that is wrong."""
    file = raw.places.parts[0].name
    violations = contract.check_names(raw.names, table, name=name, file=file, renamed=dict(source.columns))
    if ROW in table.columns:
        message = f"`{ROW}` is the name of the position as read; call the column otherwise."
        violations.append(Violation(message, file=file, key=ROW))
    columns: list[pl.Series] = []
    bad: dict[str, pl.Series] = {}
    for column in table.read:
        spec = table.columns[column]
        in_data = source.columns.get(column, column)
        if in_data not in raw.frame.columns:
            if not spec.required:
                empty = pl.Series(column, [None], dtype=typed.DTYPES[spec.type])
                columns.append(empty.new_from_index(0, raw.frame.height))
            continue
        made = typed.convert(
            raw.frame[in_data].alias(column),
            spec,
            from_text=raw.from_text or in_data in raw.texts,
            places=raw.places,
            epoch=_epoch(source, table, column),
        )
        violations.extend(made.violations)
        if made.bad is not None:
            bad[column] = made.bad
        columns.append(made.series)
    frame = pl.DataFrame(columns)
    ruled = time_rules.apply(frame, table, source, raw.places)
    frame = ruled.frame
    violations.extend(ruled.violations)
    for column, rows in (ruled.bad or {}).items():
        bad[column] = rows | bad[column] if column in bad else rows
    rules, wrong = _rules(table, source, conversions, file)
    violations.extend(wrong)
    frame = frame.with_columns(
        units.convert(pl.col(column), rule) for column, rule in rules.items() if column in frame.columns
    )
    if not wrong and not bad:
        violations.extend(plausible.times(frame, table, raw.places))
        violations.extend(unit_changes.check(frame, table, source, raw.places))
    unchecked = [column for column in source.units if column not in rules]
    violations.extend(
        []
        if may_be_empty and not frame.height
        else contract.check_values(
            # A value in an unknown unit says nothing about the contract's range.
            frame.drop(unchecked, strict=False) if wrong else frame,
            table,
            name=name,
            file=file,
            places=raw.places,
            exclusions=exclusions,
            bad=bad,
        )
    )
    if violations:
        raise ContractError(violations)
    read = frame.height
    positions = pl.int_range(read, dtype=pl.Int64, eager=True) if raw.positions is None else raw.positions
    frame = bands.add(frame, table).with_columns(positions.alias(ROW))
    frame, dropped = _without_repeats(frame, table)
    return TableData(name, frame, raw.files, table.key, read, (*ruled.handled, *dropped))


def _without_repeats(frame: pl.DataFrame, table: Table) -> tuple[pl.DataFrame, tuple[Handled, ...]]:
    """One row a key, where the contract says which; and how many were left out."""
    if table.repeated == "refused":
        return frame, ()
    rows = order.repeated(frame, table)
    if not len(rows):
        return frame, ()
    kept = np.ones(frame.height, dtype=bool)
    kept[rows] = False
    left_out = Handled("repeated", table.repeated, ", ".join(table.key), len(rows))
    return frame.filter(pl.Series(kept)), (left_out,)


def _epoch(source: Source, table: Table, column: str) -> str | None:
    """Unit of date-times that the source says are numbers."""
    unit = source.units.get(column)
    return unit if table.columns[column].type == "datetime" and unit in epochs.UNITS else None


def _rules(
    table: Table, source: Source, conversions: Sequence[Conversion], file: str | None
) -> tuple[dict[str, Conversion], list[Violation]]:
    """Column -> the declared rule that brings its data to the contract's unit."""
    rules: dict[str, Conversion] = {}
    violations: list[Violation] = []
    for column, unit in source.units.items():
        spec = table.columns.get(column)
        place = f"source.units.{column}"
        if spec is None:
            message = "names a column that the table does not declare."
            hint = nearest(column, table.columns)
            violations.append(Violation(message, file=file, key=place, found=column, suggestion=hint))
        elif spec.type == "datetime":
            if unit not in epochs.UNITS:
                accepted = ", ".join(epochs.UNITS)
                message = f"date-times as numbers are counted in one of {accepted} since 1970, UTC."
                hint = nearest(unit, epochs.UNITS)
                violations.append(Violation(message, file=file, key=place, found=unit, suggestion=hint))
        elif spec.unit is None or spec.type not in ("number", "integer"):
            message = f"the contract gives column `{column}` no unit, so none can be converted to."
            violations.append(Violation(message, file=file, key=place, found=unit))
        elif unit != spec.unit:
            rule = units.find(conversions, unit, spec.unit)
            if rule is None:
                violations.append(units.no_rule(conversions, unit, spec.unit, file=file, key=place))
            elif spec.type == "integer":
                message = f"a conversion makes fractions; declare column `{column}` as a number."
                violations.append(Violation(message, file=file, key=place, found=unit))
            else:
                rules[column] = rule
    return rules, violations
