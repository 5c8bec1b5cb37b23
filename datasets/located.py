"""A file wherever it lies: what reading, hashing and remembering need to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Protocol

import polars as pl

from ..protocols.errors import OutputError
from .hash_cache import HashCache, State, state_of
from .provenance import FileRecord, sha256_file


class Located(Protocol):
    """A file on a disk or in an object store."""

    @property
    def name(self) -> str:
        """The file as messages and records show it."""

    @property
    def place(self) -> PurePath:
        """Where it lies, to be held against its source's folder."""

    @property
    def size(self) -> int:
        """Bytes."""

    def state(self) -> State:
        """What is seen of it without reading it."""

    def sha256(self) -> str:
        """Hash of its bytes, in hex."""

    def head(self, count: int) -> bytes:
        """Its first bytes."""

    def content(self) -> bytes:
        """All its bytes."""

    def scan_parquet(self) -> pl.LazyFrame:
        """Its columns, unread, if it is a Parquet file."""

    def parquet_schema(self) -> dict[str, pl.DataType]:
        """Its columns' types, if it is a Parquet file."""

    def read_parquet(self, columns: list[str]) -> pl.DataFrame:
        """Some of its columns, if it is a Parquet file."""

    def problems(self) -> AbstractContextManager[None]:
        """Turns what goes wrong on the way to it into words."""

    @property
    def origin(self) -> Mapping[str, Any] | None:
        """What an experiment tracker says that it comes from; None for a file from elsewhere."""


@dataclass(frozen=True)
class LocalFile:
    """A file on a disk.

    Attributes:
        path: Where it is.
        name: The file as the study knows it.
    """

    path: Path
    name: str

    @property
    def place(self) -> PurePath:
        """Where it lies."""
        return self.path

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    def state(self) -> State:
        """Size, time and inode."""
        return state_of(self.path)

    def sha256(self) -> str:
        """Hash of its bytes, in hex."""
        return sha256_file(self.path)

    def head(self, count: int) -> bytes:
        """Its first bytes.

        Raises:
            OutputError: It cannot be read.
        """
        try:
            with self.path.open("rb") as handle:
                return handle.read(count)
        except OSError as error:
            raise OutputError(f"{self.name}: cannot be read: {error.strerror}") from error

    def content(self) -> bytes:
        """All its bytes.

        Raises:
            OutputError: It cannot be read.
        """
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise OutputError(f"{self.name}: cannot be read: {error.strerror}") from error

    def scan_parquet(self) -> pl.LazyFrame:
        """Its columns, unread."""
        return pl.scan_parquet(self.path, hive_partitioning=False, glob=False)

    def parquet_schema(self) -> dict[str, pl.DataType]:
        """Its columns' types, from its footer."""
        return dict(pl.read_parquet_schema(self.path))

    def read_parquet(self, columns: list[str]) -> pl.DataFrame:
        """Some of its columns."""
        return pl.read_parquet(self.path, columns=columns, hive_partitioning=False, glob=False)

    def problems(self) -> AbstractContextManager[None]:
        """A disk answers for itself."""
        return nullcontext()

    @property
    def origin(self) -> None:
        """No tracker speaks of it."""
        return None


def record(file: Located, cache: HashCache | None = None) -> FileRecord:
    """The record of a file, wherever it lies.

    Args:
        file: The file.
        cache: Remembered hashes; None hashes the bytes.

    Raises:
        OutputError: The file cannot be read.
    """
    sha256 = (cache or HashCache()).sha256(file.name, file.state, file.sha256)
    return FileRecord(file.name, sha256, file.size, file.origin)
