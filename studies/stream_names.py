"""What batches of streams are named by: all that went into them, and nothing else.

The rules of a reference side leave aside what only concerns the test table, so that a reference which was
brought to units of time once serves every version.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from ..datasets.handled import Handled
from ..datasets.pairs import all_codes
from ..datasets.read import TableData
from ..datasets.sides import called, on_columns
from ..datasets.store import key_of
from ..datasets.stream import Stream
from ..datasets.unit_rows import value_columns
from ..protocols.canonical import canonical
from ..protocols.model import Protocol

Done = Mapping[str, tuple[Handled, ...]]
"""Stream -> what rules of reading did to its rows."""
_PLACES = {"file", "glob", "folder", "sql", "database", "format"}
"""Keys of a source that say where its rows are, not what they mean."""
_WORDS = frozenset({"title", "description", "device", "source", "note"})
"""Keys of a protocol that are words for people."""


def counts_of(side: Stream | TableData, protocol: Protocol) -> Mapping[str, int]:
    """Subject -> rows of a table."""
    if isinstance(side, Stream):
        return side.counts
    column = protocol.tables[side.name].subject
    return dict(side.frame.group_by(column).len().iter_rows())


def rows_of(
    side: Stream | TableData, protocol: Protocol, subjects: Collection[str]
) -> tuple[pl.DataFrame, tuple[Handled, ...]]:
    """The rows of some subjects of a table, and what rules of reading did to them just now."""
    if isinstance(side, Stream):
        read = side.read(subjects)
        return read.frame, read.handled
    return side.frame.filter(pl.col(protocol.tables[side.name].subject).is_in(list(subjects))), ()


def identity(side: Stream | TableData, subjects: Collection[str]) -> str:
    """Hash of what the rows of some subjects come from."""
    if isinstance(side, Stream):
        return key_of([(part.content_sha256, part.first_row) for part in side.touched(subjects)])
    return side.content_sha256


def rules(
    protocol: Protocol,
    pairing: str,
    sides: tuple[Stream | TableData, Stream | TableData],
    tables: Mapping[str, TableData],
) -> str:
    """Hash of all in protocol and study that pairing follows, and of the tables that are read whole."""
    told = json.loads(canonical(protocol))
    rule = _without_tipping(told["pairings"][pairing])
    named = {rule["reference"], rule["test"], *tables}
    compared = {
        (str(one.reference), str(one.test)) for one in protocol.endpoints.values() if one.pairing == pairing
    }
    return key_of(
        _plain(rule),
        {name: _plain(table) for name, table in told["tables"].items() if name in named},
        # names are of sorted keys: where an order has a meaning, it is said besides
        {name: list(table.columns) for name, table in protocol.tables.items() if name in named},
        all_codes(protocol.exclusions),
        _plain(told.get("exclusions", {})),
        told.get("unknown_exclusions"),
        told.get("conversions"),
        sorted(compared),
        [_meaning(side) for side in sides if isinstance(side, Stream)],
        {name: table.content_sha256 for name, table in tables.items()},
    )


def side_rules(protocol: Protocol, pairing: str, reference: Stream, tables: Mapping[str, TableData]) -> str:
    """Hash of all in protocol and study that bringing a reference to units of time follows."""
    told = json.loads(canonical(protocol))
    rule, spec = told["pairings"][pairing], protocol.pairings[pairing]
    left, right = protocol.tables[spec.reference], protocol.tables[spec.test]
    unit = {key: value for key, value in (rule.get("unit") or {}).items() if key != "test"}
    alignment = rule.get("alignment")
    within = spec.unit.within.table if spec.unit and spec.unit.within else None
    return key_of(
        rule["method"],
        unit,
        None if alignment is None else [alignment.get(key) for key in ("by", "reference", "events")],
        on_columns(spec, left, right),
        None if right.time is None else called(right.time, right),
        spec.reference,
        _plain(told["tables"][spec.reference]),
        list(left.columns),
        all_codes(protocol.exclusions),
        {
            code: _plain(told["exclusions"][code])
            for code, one in protocol.exclusions.items()
            if one.table == spec.reference
        },
        told.get("unknown_exclusions"),
        told.get("conversions"),
        value_columns(protocol, pairing)[0],
        _meaning(reference),
        within and [within, _plain(told["tables"][within]), tables[within].content_sha256],
    )


def _meaning(side: Stream) -> Any:
    """What a source says of its rows, and not where they are."""
    return side.source.model_dump(mode="json", exclude=_PLACES)


def _without_tipping(rule: dict[str, Any]) -> dict[str, Any]:
    """A pairing's rule without the errors of the clock that are tried: its pairs do not depend on them."""
    alignment = rule.get("alignment")
    if alignment is None:
        return rule
    kept = {key: value for key, value in alignment.items() if key != "tipping"}
    return {**rule, "alignment": kept}


def _plain(part: Any) -> Any:
    """A part of a protocol without the words that are for people."""
    if isinstance(part, dict):
        # a column may be called `device`: its contract is no text
        kept = (key for key, value in part.items() if not (key in _WORDS and isinstance(value, str)))
        return {key: _plain(part[key]) for key in kept}
    return [_plain(value) for value in part] if isinstance(part, list) else part
