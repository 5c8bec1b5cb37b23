"""What reading did to rows by declared rules, table by table: for check, log, manifest and results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..datasets.handled import Handled
from ..datasets.read import TableData
from .folder import Tables

Streamed = Mapping[tuple[str, str | None], tuple[Handled, ...]]
"""(table, version or None) of a stream -> what was done to its rows as they were read."""


def of(tables: Tables, streamed: Streamed) -> list[dict[str, Any]]:
    """One entry a table, version and rule that rows met; empty where no rule did anything.

    Args:
        tables: The tables of a study.
        streamed: What is known of streams.

    Returns:
        `table`, `version`, `rule`, `how`, `column`, `rows`, and a sentence, `words`.
    """
    found = []
    for version, data in tables.every():
        own = data.handled if isinstance(data, TableData) else streamed.get((data.name, version), ())
        found += [{"table": data.name, "version": version, **one.facts()} for one in own]
    return found


def line(entry: Mapping[str, Any]) -> str:
    """An entry as a line for people.

    Example:
        >>> line({"table": "device", "version": "v2", "words": "3 rows were left out"})
        'device, v2: 3 rows were left out'
    """
    place = ", ".join(part for part in (entry["table"], entry["version"]) if part)
    return f"{place}: {entry['words']}"
