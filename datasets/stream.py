"""Streams: tables too long to hold, read some subjects at a time from the Parquet files they lie in.

What is known of a stream before any of its rows is read: its files, their hashes, and how many rows each
subject has in each of them. The contract is checked whenever rows are read, by the same code as for tables
that are read whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl

from ..protocols.errors import ContractError, Violation
from ..protocols.model import Conversion, Table
from . import parquet
from .contract import ROW
from .hash_cache import HashCache
from .places import Part, Places
from .provenance import FileRecord, file_record
from .read import Raw, TableData, checked, differing, differing_types, wanted_columns
from .roots import Roots, files
from .sources import Source
from .store import Store, key_of

_INDEX = "index"


@dataclass(frozen=True)
class StreamFile:
    """One file of a stream.

    Attributes:
        path: Where it is.
        record: Its name, hash and size.
        first_row: Position of its first row in the table.
        counts: Subject -> rows.
    """

    path: Path
    record: FileRecord
    first_row: int
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Stream:
    """A table that is read some subjects at a time.

    Attributes:
        name: Its name in the protocol.
        table: Its contract.
        source: Where its rows come from.
        parts: Its files in order of their paths.
        conversions: Unit conversions that the protocol declares.
        exclusions: Exclusion codes that data may carry; None: any.
    """

    name: str
    table: Table
    source: Source
    parts: tuple[StreamFile, ...]
    conversions: tuple[Conversion, ...] = ()
    exclusions: tuple[str, ...] | None = None
    positions: bool = field(default=True, repr=False)

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that name a row."""
        return self.table.key

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """Its files, with their hashes."""
        return tuple(part.record for part in self.parts)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Subject -> rows, subjects in order."""
        found: dict[str, int] = {}
        for part in self.parts:
            for subject, count in part.counts.items():
                found[subject] = found.get(subject, 0) + count
        return dict(sorted(found.items()))

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return sum(self.counts.values())

    @cached_property
    def content_sha256(self) -> str:
        """Hash of the files' bytes, whatever their names and order.

        Unlike that of a table that is read whole, it is the hash of files: the same rows in other files are
        another stream.
        """
        hashes = sorted(part.record.sha256 for part in self.parts)
        return hashlib.sha256(f"accordance/stream/1 {' '.join(hashes)}".encode()).hexdigest()

    def touched(self, subjects: Collection[str]) -> list[StreamFile]:
        """The files that hold rows of these subjects."""
        chosen = set(subjects)
        return [part for part in self.parts if not chosen.isdisjoint(part.counts)]

    def read(self, subjects: Collection[str]) -> TableData:
        """All rows of some subjects, held against the contract.

        Args:
            subjects: Whose rows.

        Returns:
            The table in contract columns; `row` is the position in the whole stream.

        Raises:
            ContractError: Everything that is wrong with these rows.
            OutputError: A file cannot be read.
        """
        chosen = set(subjects)
        frames, parts, positions = [], [], []
        for part in self.touched(chosen):
            frame, position = self._rows(part, chosen)
            frames.append(frame)
            positions.append(position)
            parts.append(Part(part.record.path_relative, frame.height))
        if not frames:
            part = self.parts[0]
            frames, parts, positions = [self._rows(part, set())[0]], [Part("", 0)], [_positions(0, 0)]
        violations = differing_types(frames, parts)
        if violations:
            raise ContractError(violations)
        frame = frames[0] if len(frames) == 1 else pl.concat(frames, how="vertical_relaxed", rechunk=True)
        raw = Raw(frame, frame.columns, Places(tuple(parts)), from_text=False, files=self.files)
        found = checked(
            self.name,
            self.table,
            self.source,
            raw,
            conversions=self.conversions,
            exclusions=self.exclusions,
            may_be_empty=True,
        )
        placed = found.frame.with_columns(pl.concat(positions).alias(ROW))
        return TableData(found.name, placed, found.files, found.key)

    def _rows(self, part: StreamFile, subjects: set[str]) -> tuple[pl.DataFrame, pl.Series]:
        """Wanted columns of a file, the rows of some subjects, and where they stand in the stream."""
        shown = part.record.path_relative
        names = wanted_columns(self.table, self.source, parquet.columns_of(part.path, shown))
        if subjects.issuperset(part.counts):
            frame = parquet.read(part.path, shown, names)
            return frame, _positions(part.first_row, frame.height)
        subject = self.source.columns.get(self.table.subject, self.table.subject)
        found = (
            pl.scan_parquet(part.path, hive_partitioning=False, glob=False)
            .select(names)
            .with_row_index(ROW, part.first_row)
            .filter(pl.col(subject).cast(pl.String).is_in(sorted(subjects)))
            .collect()
        )
        return found.drop(ROW), found[ROW].cast(pl.Int64)


def _positions(first: int, count: int) -> pl.Series:
    return pl.int_range(first, first + count, dtype=pl.Int64, eager=True).alias(ROW)


def open_stream(
    name: str,
    table: Table,
    source: Source,
    *,
    base: Path,
    roots: Mapping[str, str],
    store: Store,
    conversions: Sequence[Conversion] = (),
    exclusions: Collection[str] | None = None,
    hashes: HashCache | None = None,
) -> Stream | None:
    """A stream of the Parquet files that a source names; None where the source is of another kind.

    Args:
        name: Name of the table in the protocol.
        table: Its contract.
        source: Where its rows come from.
        base: The study folder, where relative paths start.
        roots: Name -> folder that may be read.
        store: Where it is noted how many rows each subject has in a file.
        conversions: Unit conversions that the protocol declares.
        exclusions: Exclusion codes that the protocol declares; None: codes in the data are not checked.
        hashes: Remembered hashes of files; None hashes every file.

    Raises:
        ContractError: Files are missing, damaged or differ in their columns, or there is no subject column.
        OutputError: A file cannot be read.
    """
    if source.sql is not None:
        return None
    allowed = Roots.of(base, roots)
    found = files(source, allowed, key=f"sources.{name}")
    if any(form != "parquet" for _, form in found):
        return None
    opened = [(path, allowed.name(path)) for path, _ in found]
    _check_columns(opened, table, source)
    parts: list[StreamFile] = []
    first = 0
    for path, shown in opened:
        record = file_record(path, shown, hashes)
        counts = _counts(path, record, table, source, store)
        parts.append(StreamFile(path, record, first, counts))
        first += sum(counts.values())
    declared = None if exclusions is None else tuple(exclusions)
    return Stream(name, table, source, tuple(parts), tuple(conversions), declared)


def _check_columns(opened: list[tuple[Path, str]], table: Table, source: Source) -> None:
    """Files that cannot be read, or whose columns are not those of the first."""
    columns = []
    violations: list[Violation] = []
    for path, shown in opened:
        try:
            columns.append((path, shown, None, parquet.columns_of(path, shown)))
        except ContractError as error:
            violations.extend(error.violations)
    violations = violations or differing(columns, table, source)
    subject = source.columns.get(table.subject, table.subject)
    if not violations and subject not in columns[0][3]:
        message = f"there is no column `{subject}`, which names the subject of a row."
        violations = [Violation(message, file=columns[0][1], key=table.subject)]
    if violations:
        raise ContractError(violations)


def _counts(path: Path, record: FileRecord, table: Table, source: Source, store: Store) -> Mapping[str, int]:
    """Rows of each subject in a file; known for a file that was looked at before."""
    subject = source.columns.get(table.subject, table.subject)
    key = key_of(_INDEX, record.sha256, subject)
    entry = store.get(_INDEX, key)
    if entry is not None:
        return {str(name): int(count) for name, count in entry.facts["counts"].items()}
    counted = (
        pl.scan_parquet(path, hive_partitioning=False, glob=False)
        .group_by(pl.col(subject).cast(pl.String).alias("subject"))
        .len()
        .sort("subject", nulls_last=False)
        .collect()
    )
    if counted["subject"].null_count():
        empty = int(counted["len"][0])
        message = "empty in a key column; every row needs its key."
        raise ContractError([Violation(message, file=record.path_relative, key=table.subject, count=empty)])
    counts = {str(name): int(count) for name, count in counted.iter_rows()}
    store.put(_INDEX, key, {}, {"counts": counts})
    return counts
