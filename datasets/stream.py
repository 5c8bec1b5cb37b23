"""Streams: tables too long to hold, read some subjects at a time from the Parquet files they lie in.

What is known of a stream before any of its rows is read: its files, their hashes, and how many rows each
subject has in each of them. The contract is checked whenever rows are read, by the same code as for tables
that are read whole.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path, PurePath

import polars as pl

from ..protocols.errors import ContractError, Violation
from ..protocols.model import Conversion, Table
from . import alike, naming, partitions, reading
from .contract import ROW
from .finding import found
from .hash_cache import HashCache
from .located import record
from .opened import Opened, from_folders, open_files
from .places import Part, Places
from .provenance import FileRecord
from .read import Raw, TableData, checked, wanted_columns
from .roots import Roots
from .sources import Source
from .store import Store, key_of
from .stores import StoreOptions

_INDEX = "index"
_INDEX_FORM = 2
"""Which form the entries have: counts in the order of the file, and whether subjects stand together."""


@dataclass(frozen=True)
class StreamFile:
    """One file of a stream.

    Attributes:
        opened: Where it is, and its columns.
        record: Its name, hash and size.
        first_row: Position of its first row in the table.
        counts: Subject -> rows, in the order of the file where the rows of each subject stand together.
        together: Whether they do.
    """

    opened: Opened
    record: FileRecord
    first_row: int
    counts: Mapping[str, int]
    together: bool = False

    @property
    def path(self) -> PurePath:
        """Where it is."""
        return self.opened.file.place

    def stretch(self, subjects: Collection[str]) -> tuple[int, int] | None:
        """First row and number of rows of some subjects, where these stand side by side in the file.

        Args:
            subjects: Whose rows; those of others may not lie between.
        """
        if not self.together:
            return None
        names = list(self.counts)
        places = [place for place, name in enumerate(names) if name in subjects]
        if not places or places[-1] - places[0] + 1 != len(places):
            return None
        sizes = list(self.counts.values())
        return sum(sizes[: places[0]]), sum(sizes[places[0] : places[-1] + 1])

    @property
    def content_sha256(self) -> str:
        """Hash of its bytes and of what the names of its folders say."""
        if not self.opened.partition:
            return self.record.sha256
        return key_of(self.record.sha256, dict(sorted(self.opened.partition.items())))


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
    def mixed(self) -> list[Collection[str]]:
        """Subjects of each file in which rows of several lie among each other: better read once."""
        return [part.counts.keys() for part in self.parts if not part.together]

    @property
    def ends(self) -> list[str]:
        """The last subject of each file in which the rows of each subject stand together."""
        return [max(part.counts) for part in self.parts if part.together and part.counts]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return sum(self.counts.values())

    @cached_property
    def content_sha256(self) -> str:
        """Hash of the files' bytes (and of values in the names of their folders), whatever their order.

        Unlike that of a table that is read whole, it is the hash of files: the same rows in other files are
        another stream.
        """
        hashes = sorted(part.content_sha256 for part in self.parts)
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
        opened = [part.opened for part in self.parts]
        names = opened[0].names
        raw = Raw(
            self._joined(frames, chosen),
            names,
            Places(tuple(parts)),
            from_text=False,
            files=self.files,
            texts=from_folders(opened, names),
            positions=positions[0] if len(positions) == 1 else pl.concat(positions),
        )
        return checked(
            self.name,
            self.table,
            self.source,
            raw,
            conversions=self.conversions,
            exclusions=self.exclusions,
            may_be_empty=True,
        )

    @property
    def _subject(self) -> str:
        """The column that names the subject, as the data call it."""
        return self.source.columns.get(self.table.subject, self.table.subject)

    def _joined(self, frames: Sequence[pl.DataFrame], subjects: set[str]) -> pl.DataFrame:
        """The rows of all files; where subjects are in order, their column says so."""
        subject = self._subject
        if not (all(frame.schema[subject] == pl.String for frame in frames) and self._in_order(subjects)):
            return alike.joined(frames)
        frame = alike.joined(frames, in_pieces=[subject])
        return frame.with_columns(frame[subject].set_sorted())

    def _in_order(self, subjects: set[str]) -> bool:
        """Whether the rows of some subjects, file after file, stand in the order of these."""
        touched = self.touched(subjects)
        order = [name for part in touched for name in part.counts if name in subjects]
        return all(part.together for part in touched) and all(one <= two for one, two in pairwise(order))

    def _rows(self, part: StreamFile, subjects: set[str]) -> tuple[pl.DataFrame, pl.Series]:
        """Wanted columns of a file, the rows of some subjects, and where they stand in the stream."""
        names = wanted_columns(self.table, self.source, part.opened.names)
        opened = part.opened
        stretch = part.stretch(subjects)
        if subjects.issuperset(part.counts):
            frame, rows = opened.read(names)
            position = _positions(part.first_row, frame.height)
        elif stretch is not None:
            frame = opened.stretch(*stretch, names)
            position = _positions(part.first_row + stretch[0], frame.height)
            rows = Part(opened.shown, frame.height)
        else:
            frame, position = opened.of_subjects(subjects, names, self._subject)
            position += part.first_row
            rows = Part(opened.shown, frame.height)
        violations = opened.disagreeing(frame, rows, self.table, self.source)
        if violations:
            raise ContractError(violations)
        return partitions.add(frame, opened.partition, names), position


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
    stores: Mapping[str, StoreOptions] | None = None,
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
        stores: Name of a root in an object store -> how it is reached.
        hashes: Remembered hashes of files; None hashes every file.

    Raises:
        ContractError: Files are missing, damaged or differ in their columns, or there is no subject column.
        OutputError: A file cannot be read.
    """
    if source.sql is not None or naming.named(source) or reading.reader_of(source, f"sources.{name}"):
        return None  # read whole
    allowed = Roots.of(base, roots, stores)
    located = found(source, allowed, key=f"sources.{name}")
    if any(form != "parquet" for _, form in located):
        return None
    opened = open_files(located, table, source, allowed)
    _check_subject(opened[0], table, source)

    def look(one: Opened) -> tuple[FileRecord, Mapping[str, int], bool]:
        known = record(one.file, hashes)
        return known, *_counts(one, known, table, source, store)

    parts: list[StreamFile] = []
    first = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for one, (known, counts, together) in zip(opened, pool.map(look, opened), strict=True):
            parts.append(StreamFile(one, known, first, counts, together))
            first += sum(counts.values())
    declared = None if exclusions is None else tuple(exclusions)
    return Stream(name, table, source, tuple(parts), tuple(conversions), declared)


def _check_subject(first: Opened, table: Table, source: Source) -> None:
    """Without a column that names the subject there are no batches."""
    subject = source.columns.get(table.subject, table.subject)
    if subject not in first.names:
        message = f"there is no column `{subject}`, which names the subject of a row."
        raise ContractError([Violation(message, file=first.shown, key=table.subject)])


def _counts(
    opened: Opened, record: FileRecord, table: Table, source: Source, store: Store
) -> tuple[Mapping[str, int], bool]:
    """Rows of each subject in a file, and whether they stand together; known for a file looked at before."""
    counts, together = _counted(opened, record, table, source, store)
    if None in counts:
        message = "empty in a key column; every row needs its key."
        raise ContractError(
            [Violation(message, file=record.path_relative, key=table.subject, count=counts[None])]
        )
    return {str(subject): count for subject, count in counts.items()}, together


def _counted(
    opened: Opened, record: FileRecord, table: Table, source: Source, store: Store
) -> tuple[dict[str | None, int], bool]:
    """The same, with the rows that name no subject under None."""
    subject = source.columns.get(table.subject, table.subject)
    if subject not in opened.columns:  # a folder's name, the same for all rows
        return {opened.partition[subject]: int(opened.scan().select(pl.len()).collect().item())}, True
    key = key_of(_INDEX, _INDEX_FORM, record.sha256, subject)
    entry = store.get(_INDEX, key)
    if entry is not None:
        kept: dict[str | None, int] = {name: int(count) for name, count in entry.facts["counts"].items()}
        return kept, bool(entry.facts["together"])
    runs = _runs(opened, subject)
    together = not bool(runs["value"].is_duplicated().any())
    counted = runs.group_by("value", maintain_order=True).agg(pl.col("len").cast(pl.Int64).sum())
    found: dict[str | None, int] = dict(counted.select("value", "len").iter_rows())
    if None not in found:
        store.put(_INDEX, key, facts={"counts": found, "together": together})
    return found, together


_AT_ONCE = 5_000_000
"""Rows whose subjects are looked at together, in each file at hand: a tenth of a gigabyte."""


def _runs(opened: Opened, subject: str) -> pl.DataFrame:
    """Runs of rows with the same subject in the order of a file: `value`, `len`."""
    names = opened.scan().select(pl.col(subject).cast(pl.String))
    total = int(opened.scan().select(pl.len()).collect().item())
    parts = [
        names.slice(start, _AT_ONCE).collect().to_series().rle().struct.unnest()
        for start in range(0, max(total, 1), _AT_ONCE)
    ]
    runs = pl.concat(parts)
    if len(parts) == 1:
        return runs
    # a run that goes on where one look ends is one run
    number = pl.col("value").rle_id().alias("run")
    return runs.group_by(number, maintain_order=True).agg(pl.col("value").first(), pl.col("len").sum())
