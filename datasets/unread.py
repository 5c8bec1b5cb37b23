"""Tables whose rows are read when they are asked for: what their files hold was found out before, and kept.

A table is named by all that reading it depends on: the bytes of its files, its contract, its source. The rows
of such a name are always the same, so that counts, hashes and what declared rules did need no second look.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, TypeVar

import polars as pl

from ..protocols.errors import ContractError, Violation
from . import reading
from .finding import found
from .handled import Handled
from .hash_cache import HashCache
from .located import record
from .provenance import FileRecord
from .read import TableData
from .roots import Roots
from .sources import Source

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")


def records(source: Source, roots: Roots, hashes: HashCache, *, key: str) -> tuple[FileRecord, ...] | None:
    """The files of a source, hashed and not read; None where only reading says which files they are.

    CSV and Parquet files are all that such a table is made of. What a query or a reader of recordings opens
    besides is not known before.

    Args:
        source: The source.
        roots: What may be read.
        hashes: Remembered hashes.
        key: Dotted path of the source, for messages.

    Raises:
        ContractError: Files are missing or lie outside the roots.
        OutputError: A file cannot be read.
    """
    if source.sql is not None or reading.reader_of(source, key) is not None:
        return None
    return tuple(record(file, hashes) for file, _ in found(source, roots, key=key))


@dataclass(frozen=True)
class Known:
    """What is known of a table before its rows are read.

    Attributes:
        key: Name of all that went into it.
        files: Its files, with their hashes.
        n_rows: Its rows.
        content_sha256: Hash of its content.
        rows_read: Rows of the files, those included that a declared rule left out.
        handled: What declared rules did to rows.
    """

    key: str
    files: tuple[FileRecord, ...]
    n_rows: int
    content_sha256: str
    rows_read: int | None
    handled: tuple[Handled, ...]

    @staticmethod
    def of(key: str, table: TableData) -> Known:
        """Of a table that was read."""
        return Known(key, table.files, table.n_rows, table.content_sha256, table.rows_read, table.handled)

    def facts(self) -> dict[str, Any]:
        """As JSON, to be kept; the files are in the name."""
        return {
            "n_rows": self.n_rows,
            "content_sha256": self.content_sha256,
            "rows_read": self.rows_read,
            "handled": [asdict(one) for one in self.handled],
        }

    @staticmethod
    def from_facts(key: str, files: tuple[FileRecord, ...], facts: Mapping[str, Any]) -> Known:
        """As it was kept."""
        handled = tuple(Handled(**one) for one in facts["handled"])
        return Known(key, files, facts["n_rows"], facts["content_sha256"], facts["rows_read"], handled)


class UnreadTable(TableData):
    """A table that is read when its rows are asked for, and then once.

    Args:
        name: Its name in the protocol.
        columns: Columns that name a row.
        known: What is known of it.
        read: Reads it.
        table: What was read of it just now; None: nothing was.
    """

    def __init__(
        self,
        name: str,
        columns: tuple[str, ...],
        known: Known,
        read: Callable[[], TableData],
        table: TableData | None = None,
    ) -> None:
        facts = {
            "name": name,
            "key": columns,
            "files": known.files,
            "rows_read": known.rows_read,
            "handled": known.handled,
            "identity": known.key,
            "times_read": 0 if table is None else 1,
            "_known": known,
            "_read": read,
        }
        self.__dict__.update(facts)
        if table is not None:
            self.__dict__["frame"] = table.frame

    identity: str
    """Name of all that went into it, where `key` names its rows."""
    times_read: int
    """How often its rows were read."""
    _known: Known
    _read: Callable[[], TableData]

    @cached_property
    def frame(self) -> pl.DataFrame:
        """Its rows.

        Raises:
            ContractError: The files are no longer those that it is named by.
        """
        table = self._read()
        if table.files != self._known.files or table.n_rows != self._known.n_rows:
            names = ", ".join(one.path_relative for one in self._known.files)
            message = "its files were changed while they were at work; start again."
            raise ContractError([Violation(message, key=f"sources.{self.name}", found=names)])
        self.__dict__["times_read"] += 1
        return table.frame

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self._known.n_rows

    @cached_property
    def content_sha256(self) -> str:
        """Hash of the content, whatever the row order and file format."""
        return self._known.content_sha256

    def release(self) -> None:
        """Let its rows go; they are read again when they are asked for."""
        self.__dict__.pop("frame", None)


class Later(Mapping[K, V]):
    """A mapping whose values are made when they are asked for, each time.

    Args:
        of: Key -> what a value is made of.
        make: Makes it.

    Example:
        >>> lengths = Later({"a": "one", "b": "three"}, len)
        >>> lengths["b"], list(lengths)
        (5, ['a', 'b'])
    """

    def __init__(self, of: Mapping[K, T], make: Callable[[T], V]) -> None:
        self._of: Mapping[K, Any] = of
        self._make: Callable[[Any], V] = make

    def __getitem__(self, key: K) -> V:
        return self._make(self._of[key])

    def __iter__(self) -> Iterator[K]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)


def as_text(part: Any) -> str:
    """JSON in the order that things were declared in, for names: an order may have a meaning."""
    return json.dumps(part, ensure_ascii=False)
