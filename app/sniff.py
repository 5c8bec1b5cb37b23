"""What `accordance sniff` prints: what a file seems to be, and the YAML that would read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.text import Text

from .tables import plain_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..datasets.guess import ColumnGuess
    from ..datasets.sniff import Looked, Sniffed

SHOWN = 40
"""Columns of one table that are printed; `--json` has all of them."""


def facts(found: Sniffed) -> dict[str, Any]:
    """The answer for programs."""
    return asdict(found)


def report(found: Sniffed) -> Iterator[RenderableType | str]:
    """The whole answer for people, top to bottom; `str` is what is pasted, printed as it is."""
    yield Text.assemble((found.file, "bold"), f": {found.title}, {found.bytes:,} bytes")
    for word, value in found.facts.items():
        yield Text(f"  {word}: {_value(value)}")
    detailed = [one for one in found.tables if one.name]
    for one in detailed:
        yield Text()
        yield from _table(one)
    others = [one for one in found.tables if not one.name]
    if others:
        yield Text()
        yield Text("Also there:" if detailed else "There:", style="bold")
        for one in others:
            yield Text(f"  {one.title}{f' ({one.notes[0]})' if one.notes else ''}")
        if any(not one.notes for one in others):
            yield Text("Look into one of them with --table and a part of its title.")


def yaml(one: Looked) -> str:
    """What to paste: into study.yaml, then into the protocol."""
    return f"# study.yaml\n{one.source}\n# protocol.yaml\n{one.table}"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} ({_value(inner)})" for key, inner in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def _table(one: Looked) -> Iterator[RenderableType | str]:
    rows = "" if one.rows is None else f"{one.rows:,} rows"
    even = f", one every {one.interval_s:.6g} s" if one.interval_s else ""
    yield Text.assemble((one.title, "bold"), f": {rows}{even}")
    yield Text(f"  key: {', '.join(one.key)}{f'; time: {one.time}' if one.time else ''}")
    yield Text()
    yield _columns(one)
    for note in one.notes:
        yield Text(f"Note: {note}.", style="yellow")
    yield Text()
    yield yaml(one).rstrip()


def _columns(one: Looked) -> RenderableType:
    table = plain_table("Columns")
    for head in ("Column", "Type", "Unit", "Smallest", "Largest", "Empty"):
        table.add_column(head, overflow="fold", justify="right" if head == "Empty" else "left")
    for column in one.columns[:SHOWN]:
        table.add_row(*_row(column))
    if len(one.columns) > SHOWN:
        table.add_row(f"and {len(one.columns) - SHOWN:,} more")
    return table


def _row(column: ColumnGuess) -> tuple[str, ...]:
    unit = f"{column.unit}?" if column.unit_from == "name" else column.unit or ""
    levels = ", ".join(column.levels)
    return (
        column.in_data,
        column.type,
        unit,
        column.low or levels,
        column.high or "",
        f"{column.missing:,}" if column.missing else "",
    )
