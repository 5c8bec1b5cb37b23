"""Files that need a reader: which one, which of their columns, and what is wrong with the files as files."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..protocols.errors import ContractError, Violation, nearest
from ..protocols.model import Conversion, Table
from . import alike, naming, recorded_units
from .hash_cache import HashCache
from .places import Part, Places
from .provenance import FileRecord, file_record
from .readers import physionet, registry
from .readers.base import Opened, Reader, Rows, listed
from .roots import Roots, files
from .sources import Reading, Source
from .stores import is_address

_EVERYTHING = Reading()


@dataclass(frozen=True)
class Recorded:
    """What the files of a source gave.

    Attributes:
        frame: Columns named as in the data, units settled.
        parts: One a file, with the lines that its rows start on.
        files: Every file that was read.
        source: The source without what is dealt with.
    """

    frame: pl.DataFrame
    parts: tuple[Part, ...]
    files: tuple[FileRecord, ...]
    source: Source


def reader_of(source: Source, key: str) -> Reader | None:
    """The reader that a source needs; None for CSV, Parquet and SQL.

    Raises:
        ContractError: No such format, or keys that the format does not have.
    """
    violations = []
    if source.format is not None and source.format not in registry.formats():
        message = f"there is no such format; there are: {listed(registry.formats())}."
        hint = nearest(source.format, registry.formats())
        violations.append(Violation(message, key=f"{key}.format", found=source.format, suggestion=hint))
    name = source.file or source.glob
    if source.physionet is not None:
        reader = registry.get("wfdb")
    elif source.format is not None:
        reader = registry.get(source.format)
    else:
        reader = registry.by_ending(name) if name else None
    given = source.reader.model_fields_set if source.reader else set()
    accepted = reader.keys if reader else frozenset()
    form = reader.name if reader else source.format or "CSV, Parquet and SQL"
    violations.extend(
        Violation(
            f"means nothing to {form}; accepted: {listed(sorted(accepted))}.", key=f"{key}.reader.{one}"
        )
        for one in sorted(given - accepted)
    )
    if violations:
        raise ContractError(violations)
    return reader


def read(
    reader: Reader,
    table: Table,
    source: Source,
    roots: Roots,
    *,
    key: str,
    conversions: Sequence[Conversion] = (),
    hash_files: bool = True,
    hashes: HashCache | None = None,
) -> Recorded:
    """Read every file of a source; what is wrong with any of them is raised for all at once.

    Raises:
        ContractError: A file is damaged, lacks a column, or names other units.
        OutputError: A file cannot be read.
    """
    if source.physionet is not None:
        with tempfile.TemporaryDirectory(prefix="accordance-") as folder:
            place = Path(folder).resolve()
            header = physionet.fetch(source.physionet, source.reader or _EVERYTHING, place, key=key)
            local = source.model_copy(
                update={"physionet": None, "file": header.relative_to(place).as_posix(), "format": "wfdb"}
            )
            there = Roots(place, {physionet.FOLDER: place}, {physionet.FOLDER: physionet.FOLDER})
            return read(reader, table, local, there, key=key, conversions=conversions, hash_files=hash_files)
    how = source.reader or _EVERYTHING
    opened: list[tuple[str, Opened]] = []
    violations: list[Violation] = []
    for path in _paths(reader, source, roots, key):
        try:
            one = reader.open(path, roots.name(path), how)
        except ContractError as error:
            violations.extend(error.violations)
            continue
        opened.append((roots.name(path), one))
        violations.extend(
            roots.outside(roots.name(file), key=key) for file in one.files if not roots.contains(file)
        )
        violations.extend(_missing(one.columns, roots.name(path), table, source))
    if violations:
        raise ContractError(violations)
    wanted = _wanted(opened, table, source)
    rows: list[Rows] = []
    for _, one in opened:
        try:
            rows.append(one.read(wanted))
        except ContractError as error:
            violations.extend(error.violations)
    if violations:
        raise ContractError(violations)
    parts = tuple(
        Part(name, found.frame.height, lines=found.lines is not None, starts=found.lines)
        for (name, _), found in zip(opened, rows, strict=True)
    )
    violations = alike.types(
        [(name, found.frame.schema) for (name, _), found in zip(opened, rows, strict=True)]
    )
    if violations:
        raise ContractError(violations)
    frame = alike.joined([found.frame for found in rows])
    frame, source, violations = recorded_units.settle(
        frame, _units(rows), Places(parts), table=table, source=source, conversions=conversions
    )
    if violations:
        raise ContractError(violations)
    every = dict.fromkeys(file for _, one in opened for file in one.files)
    records = tuple(_record(path, roots.name(path), hashes, hash_files=hash_files) for path in every)
    return Recorded(frame, parts, records, source)


def _record(path: Path, name: str, hashes: HashCache | None, *, hash_files: bool) -> FileRecord:
    return file_record(path, name, hashes) if hash_files else FileRecord(name, "", path.stat().st_size)


def _paths(reader: Reader, source: Source, roots: Roots, key: str) -> list[Path]:
    """The files of a source. In a folder: those with the format's endings, hidden ones left out."""
    written = source.file or source.glob or source.folder
    if written is not None and is_address(written):
        message = (
            f"{reader.name} files are read from folders; an object in a store is CSV or Parquet (.parquet)."
        )
        raise ContractError([Violation(message, file=written, key=key, found=written)])
    plain = source.model_copy(update={"format": reader.name})
    if source.folder is None:
        return [path for path, _ in files(plain, roots, key=key)]
    found: list[Path] = []
    for ending in reader.endings:
        pattern = f"{source.folder.rstrip('/')}/**/*{ending}"
        try:
            inside = files(plain.model_copy(update={"folder": None, "glob": pattern}), roots, key=key)
        except ContractError as error:
            if any("no file matches" not in one.message for one in error.violations):
                raise
        else:
            found.extend(path for path, _ in inside)
    if not found:
        message = f"the folder holds no file ending in {', '.join(reader.endings)}."
        raise ContractError([Violation(message, file=source.folder, key=key, found=source.folder)])
    return sorted(found)


def _missing(columns: Sequence[str], name: str, table: Table, source: Source) -> list[Violation]:
    """Columns of the contract that a file does not have."""
    given = naming.named(source)
    return [
        Violation(
            f"column is missing{'' if in_data == column else f' (called `{in_data}` in the data)'}; the file "
            f"offers: {listed(columns)}.",
            file=name,
            key=column,
            suggestion=nearest(in_data, columns),
        )
        for column in table.read
        if table.columns[column].required and column not in given
        if (in_data := source.columns.get(column, column)) not in columns
    ]


def _wanted(opened: Sequence[tuple[str, Opened]], table: Table, source: Source) -> list[str]:
    """Names in the data of the contract's columns that every file has.

    Raises:
        ContractError: A column that may be absent is in some files only.
    """
    given = naming.named(source)
    names = {source.columns.get(column, column): column for column in table.read if column not in given}
    wanted = [name for name in names if all(name in one.columns for _, one in opened)]
    partly = [
        Violation(f"lacks a column that {file} has; files of one source have the same.", file=other, key=name)
        for name in names
        if name not in wanted
        for file in [next((file for file, one in opened if name in one.columns), None)]
        if file is not None
        for other in [next(other for other, one in opened if name not in one.columns)]
    ]
    if partly:
        raise ContractError(partly)
    return wanted


def _units(rows: Sequence[Rows]) -> dict[str, list[str | pl.Series | None]]:
    """Column -> the unit that each file names."""
    names = {name for found in rows for name in found.units}
    return {name: [found.units.get(name) for found in rows] for name in names}
