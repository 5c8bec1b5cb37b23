"""The YAML that reads a file: a `sources` entry for study.yaml and a table for the protocol, to be edited."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .guess import ColumnGuess
from .sources import AS_RECORDED


def scalar(value: object) -> str:
    """A value as YAML, in quotes where it needs them.

    Example:
        >>> scalar("Heart Rate"), scalar("001"), scalar("data/a.edf"), scalar(True)
        ('Heart Rate', '"001"', 'data/a.edf', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./ -]*[A-Za-z0-9_/]|[A-Za-z_]", text)
    return text if plain and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=False)


_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def flow(value: Any) -> str:
    """A mapping or list on one line.

    Example:
        >>> flow({"rows": "epochs", "labels": {"Sleep stage W": "wake"}, "types": ["a"]})
        '{rows: epochs, labels: {Sleep stage W: wake}, types: [a]}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    return scalar(value)


def source(
    name: str, given: Mapping[str, Any], columns: Sequence[ColumnGuess], subject: Mapping[str, Any]
) -> str:
    """A `sources` entry.

    Args:
        name: Name of the table.
        given: Keys of the source that say which file, and how it is read.
        columns: Its columns.
        subject: Keys that give the subject where the data do not: `from_path` or `constants`.
    """
    lines = ["sources:", f"  {scalar(name)}:"]
    lines += [f"    {key}: {flow(value)}" for key, value in given.items() if value]
    lines += [f"    {key}: {flow(value)}  # check: whose the rows are" for key, value in subject.items()]
    renamed = {one.name: one.in_data for one in columns if one.name != one.in_data}
    if renamed:
        lines += ["    columns:", *(f"      {key}: {scalar(value)}" for key, value in renamed.items())]
    units = {one.name: one.epoch for one in columns if one.epoch is not None}
    units |= {one.name: AS_RECORDED for one in columns if any("several units" in note for note in one.notes)}
    if units:
        lines.append(f"    units: {flow(units)}")
    return "\n".join(lines) + "\n"


def table(
    name: str,
    columns: Sequence[ColumnGuess],
    *,
    key: Sequence[str],
    time: str | None,
    interval: str | None,
    partial: bool,
    extra: bool,
) -> str:
    """A table of the protocol.

    Args:
        name: Its name.
        columns: Its columns, the subject's as `subject`.
        key: Columns that name a row.
        time: The column with the time of a row.
        interval: The time that a row stands for, such as `0.01 s`.
        partial: More rows are there than were looked at, so any cell may be empty.
        extra: Whether the data have columns that are not proposed.
    """
    lines = ["tables:", f"  {scalar(name)}:", f"    key: {flow(list(key))}"]
    if time is not None:
        lines.append(f"    time: {time}")
    if interval is not None:
        lines.append(f"    interval: {interval}")
    if extra:
        lines.append("    extra_columns: ignored")
    lines.append("    columns:")
    lines += [f"      {one.name}: {_column(one, one.name in {*key, time}, partial)}" for one in columns]
    return "\n".join(lines) + "\n"


def _column(one: ColumnGuess, in_key: bool, partial: bool) -> str:
    given: dict[str, Any] = {"type": one.type}
    if one.unit is not None and one.type in ("number", "integer"):
        given["unit"] = one.unit
    if one.levels:
        given["levels"] = list(one.levels)
    if (one.missing or partial) and not in_key:
        given["missing"] = "allowed"
    said = []
    if one.low is not None and one.type in ("number", "integer"):
        said.append(f"seen {one.low} to {one.high}; range: [smallest, largest accepted]")
    if one.unit_from == "name":
        said.append("unit guessed")
    elif one.unit is None and one.type == "number":
        said.append("unit: ...")
    return flow(given) + (f"  # {'; '.join(said)}" if said else "")
