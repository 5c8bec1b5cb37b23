"""Files of a source that were looked into: their columns are known, their rows not yet read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ..protocols.errors import ContractError, Violation
from ..protocols.model import Table
from . import alike, parquet, partitions
from .contract import ROW
from .csv_text import CsvFile, csv_of
from .file_sizes import check_size
from .finding import folder_of
from .located import Located
from .places import Part
from .roots import Format, Roots
from .sources import Source


@dataclass(frozen=True)
class Opened:
    """A CSV or Parquet file with its columns.

    Attributes:
        file: The file.
        text: Its text, if it is a CSV file.
        schema: Its columns' types, if it is a Parquet file.
        partition: What the names of its folders say, as far as the contract asks for it.
    """

    file: Located
    text: CsvFile | None
    schema: Mapping[str, pl.DataType] | None
    partition: Mapping[str, str | None]

    @property
    def shown(self) -> str:
        """The file as the study knows it."""
        return self.file.name

    @property
    def columns(self) -> list[str]:
        """Columns in the file itself."""
        return list(self.text.header if self.text is not None else self.schema or {})

    @property
    def names(self) -> list[str]:
        """Columns of the file and of its folders."""
        return list(dict.fromkeys([*self.columns, *self.partition]))

    def scan(self) -> pl.LazyFrame:
        """The columns of a Parquet file itself, unread."""
        return self.file.scan_parquet()

    def read(self, wanted: Sequence[str]) -> tuple[pl.DataFrame, Part]:
        """Those of the wanted columns that are in the file, and where its rows come from.

        Raises:
            ContractError: The file is damaged.
        """
        own = [name for name in wanted if name in self.columns]
        # Rows are counted even where all that is wanted stands in the names of folders.
        own = own or self.columns[:1]
        if self.text is None:
            frame = parquet.read(self.file, own)
            return frame, Part(self.shown, frame.height)
        frame = self.text.read(own)
        counted = self.text.part.n_rows
        if frame.height != counted:
            message = f"{counted:,} records counted but {frame.height:,} read; check its quotation marks."
            raise ContractError([Violation(message, file=self.shown)])
        return frame, self.text.part

    def stretch(self, first: int, n_rows: int, wanted: Sequence[str]) -> pl.DataFrame:
        """Rows that stand side by side; of the file, only what they lie in is read.

        Args:
            first: Position of the first of them.
            n_rows: How many.
            wanted: Columns, of the file or of its folders.
        """
        own = [name for name in wanted if name in self.columns] or self.columns[:1]
        with parquet.reading(self.file):
            return self.scan().select(own).slice(first, n_rows).collect()

    def of_subjects(
        self, subjects: Collection[str], wanted: Sequence[str], subject: str
    ) -> tuple[pl.DataFrame, pl.Series]:
        """The rows of some subjects, and their positions in the file.

        Args:
            subjects: Whose rows.
            wanted: Columns, of the file or of its folders.
            subject: The column that names the subject, as the data call it.
        """
        found = self.scan().select(name for name in wanted if name in self.columns).with_row_index(ROW)
        if subject in self.columns:
            found = found.filter(pl.col(subject).cast(pl.String).is_in(sorted(subjects)))
        elif self.partition.get(subject) not in subjects:
            found = found.head(0)
        with parquet.reading(self.file):
            rows = found.collect()
        frame = partitions.add(rows.drop(ROW), self.partition, wanted)
        return frame, rows[ROW].cast(pl.Int64)

    def disagreeing(self, frame: pl.DataFrame, part: Part, table: Table, source: Source) -> list[Violation]:
        """Columns as read of the file that do not hold what the names of its folders say."""
        from_text = self.text is not None
        return partitions.disagreeing(frame, part, self.partition, table, source, from_text=from_text)


def open_files(
    located: Sequence[tuple[Located, Format]], table: Table, source: Source, roots: Roots
) -> list[Opened]:
    """Look into each file of a source; there is at least one.

    Raises:
        ContractError: Files cannot be read, or differ in their columns or types; all are named.
        OutputError: A file cannot be read.
    """
    asked = {source.columns.get(column, column) for column in table.read}
    above = folder_of(source, roots)
    opened: list[Opened] = []
    violations: list[Violation] = []
    for file, form in located:
        said = partitions.below(file.place, above)
        partition = {name: value for name, value in said.items() if name in asked}
        try:
            text = csv_of(file) if form == "csv" else None
            schema = None if text else parquet.schema_of(file)
            opened.append(Opened(file, text, schema, partition))
        except ContractError as error:
            violations.extend(error.violations)
    violations = violations or alike.names([(one.shown, one.names) for one in opened], table, source)
    violations = violations or alike.types(
        [
            (one.shown, {name: one.schema.get(name, pl.String()) for name in one.names if name in asked})
            for one in opened
            if one.schema is not None
        ]
    )
    if violations:
        raise ContractError(violations)
    return opened


def from_folders(opened: Sequence[Opened], names: Sequence[str]) -> frozenset[str]:
    """Columns that no file has, only folders: text, whatever types the files' own columns have."""
    return frozenset(names).difference(*(one.columns for one in opened))


def refuse_text_too_large(located: Sequence[tuple[Located, Format]], limit: int | None, *, key: str) -> None:
    """CSV files are held whole, and once more without their header.

    Raises:
        ContractError: They cannot be held in memory.
    """
    texts = [(file.name, file.size) for file, form in located if form == "csv"]
    check_size(texts, limit, takes=2 * sum(size for _, size in texts), key=key)


def refuse_columns_too_large(
    opened: Sequence[Opened], table: Table, source: Source, limit: int | None, *, key: str
) -> None:
    """The columns that are read of Parquet files are held whole, whatever they take in the file.

    Raises:
        ContractError: They cannot be held in memory.
    """
    tables = [one for one in opened if one.schema is not None]
    sizes = [(one.shown, one.file.size) for one in tables]
    if limit is None or _MOST_COMPRESSED * sum(size for _, size in sizes) <= limit:
        return
    asked = {source.columns.get(column, column) for column in table.read}
    takes = 0
    for one in tables:
        width = sum(_width(dtype) for name, dtype in (one.schema or {}).items() if name in asked)
        with parquet.reading(one.file):
            takes += width * int(one.scan().select(pl.len()).collect().item())
    check_size(sizes, limit, takes=takes, key=key)


_MOST_COMPRESSED = 50
"""How many times as large as its file a table is at most, unless rows repeat each other: only above it are
rows counted."""


def _width(dtype: pl.DataType) -> int:
    """Bytes that a value takes in memory, at least."""
    if dtype == pl.String:
        return 16
    small = (pl.Boolean, pl.Int8, pl.UInt8, pl.Int16, pl.UInt16, pl.Categorical, pl.Enum)
    return 1 if dtype in small else 4 if dtype in (pl.Float32, pl.Int32, pl.UInt32, pl.Date) else 8
