"""Every reader by its format: built in, or of another package (entry points `accordance.readers`)."""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from .base import Reader

ENTRY_POINT_GROUP = "accordance.readers"
TABLES = ("csv", "parquet")
"""Formats that hold one table and are read without a reader."""

_BUILT_IN = ("edf", "wfdb_records", "sas", "apple_health", "open_mhealth")
"""Modules of this package, each with one `READER`. None imports its decoder before a file is opened."""


class ReaderPluginWarning(UserWarning):
    """A registered reader could not be used; the others work."""


@cache
def _table() -> dict[str, Reader]:
    """Built-in readers first; a plug-in may add formats and endings, never replace one."""
    table: dict[str, Reader] = {}
    for module in _BUILT_IN:
        reader: Reader = importlib.import_module(f".{module}", __package__).READER
        table[reader.name] = reader
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: (point.name, point.value)):
        try:
            loaded = point.load()
            reader = loaded() if isinstance(loaded, type) else loaded
            problem = _objection(reader, table)
        except Exception as failure:
            problem = f"{type(failure).__name__}: {failure}"
        if problem:
            words = f"Reader plug-in `{point.name}` ({point.value}) is not used: {problem}"
            warnings.warn(words, ReaderPluginWarning, 2)
        else:
            table[reader.name] = reader
    return table


def _objection(reader: object, table: dict[str, Reader]) -> str | None:
    if not isinstance(reader, Reader):
        return "it is not an accordance Reader."
    if reader.name in table or reader.name in TABLES:
        return f"the format `{reader.name}` is taken."
    taken = {ending for other in table.values() for ending in other.endings} | {".csv", ".parquet", ".pq"}
    both = sorted(taken & set(reader.endings))
    return f"the ending `{both[0]}` is taken." if both else None


def formats() -> tuple[str, ...]:
    """Words that `format` accepts.

    Example:
        >>> formats()[:4]
        ('csv', 'parquet', 'apple_health', 'edf')
    """
    return (*TABLES, *sorted(_table()))


def get(name: str) -> Reader | None:
    """The reader of a format; None: there is none (CSV and Parquet need none)."""
    return _table().get(name)


def by_ending(path: str | Path) -> Reader | None:
    """The reader for a file's ending (of a name or pattern), or None.

    Example:
        >>> by_ending("data/*.edf").name
        'edf'
    """
    ending = Path(path).suffix.lower()
    return next((reader for reader in _table().values() if ending in reader.endings), None)
