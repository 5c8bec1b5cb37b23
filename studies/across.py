"""What can only be seen across tables: subjects under two spellings, times with and without a zone."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from ..datasets import spellings
from ..datasets.read import TableData
from ..datasets.stream import Stream
from ..protocols.errors import Violation
from ..protocols.model import Pairing, Protocol


def spelt_twice(
    protocol: Protocol, tables: Mapping[str, TableData | Stream], way_out: str
) -> list[Violation]:
    """Subjects that are in the data under more than one spelling.

    Args:
        protocol: The protocol.
        tables: Every table of the study, by a name for people; those of several versions one by one.
        way_out: How to say that they are different subjects.
    """
    return spellings.check(
        {
            name: list(data.counts)
            if isinstance(data, Stream)
            else spellings.subjects(data.frame[protocol.tables[data.name].subject])
            for name, data in tables.items()
            if isinstance(data, Stream) or protocol.tables[data.name].subject in data.frame.columns
        },
        way_out,
    )


def zones_mixed(protocol: Protocol, tables: Mapping[str, TableData | Stream]) -> list[Violation]:
    """Pairings of which one table has instants and another one date-times without a zone.

    Args:
        protocol: The protocol.
        tables: Table -> data, of one version.
    """
    violations = []
    for name, rule in protocol.pairings.items():
        zoned = {
            f"{table}.{column}": has
            for table, column in _times(protocol, rule)
            if table in tables and (has := _zoned(tables[table], column)) is not None
        }
        if len(set(zoned.values())) < 2:
            continue
        with_, without = (
            ", ".join(f"`{place}`" for place, has in zoned.items() if has is wanted)
            for wanted in (True, False)
        )
        first = next(place.partition(".")[0] for place, has in zoned.items() if not has)
        files = tables[first].files
        message = (
            f"instants ({with_}) cannot be compared with date-times that have no zone ({without}); say which "
            f"zone the latter are of: `zone` in the source of `{first}`."
        )
        violations.append(
            Violation(message, file=files[0].path_relative if files else first, key=f"pairings.{name}")
        )
    return violations


def _times(protocol: Protocol, rule: Pairing) -> list[tuple[str, str]]:
    """Columns whose times a pairing compares."""
    found = [(table, protocol.tables[table].time) for table in (rule.reference, rule.test)]
    found += [(table, column) for table in (rule.reference, rule.test) for column in rule.on or ()]
    within = rule.stretches
    if within is not None:
        found += [(within.table, within.start), (within.table, within.end)]
    return [(table, column) for table, column in dict.fromkeys(found) if column is not None]


def _zoned(data: TableData | Stream, column: str) -> bool | None:
    """Whether a column holds instants; None where it holds no date-times, or nobody knows yet."""
    if isinstance(data, TableData):
        dtype = data.frame.schema.get(column)
        return dtype.time_zone is not None if isinstance(dtype, pl.Datetime) else None
    spec = data.table.columns.get(column)
    if spec is None or spec.type != "datetime":
        return None
    if data.source.zone is not None or column in data.source.units:
        return True
    schema = data.parts[0].opened.schema or {}
    raw = schema.get(data.source.columns.get(column, column))
    return raw.time_zone is not None if isinstance(raw, pl.Datetime) else None
