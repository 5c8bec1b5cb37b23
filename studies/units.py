"""How rows became units of time: what was read, used and left out, by side and reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from ..datasets.measured import REASON
from ..datasets.pairs import STRUCTURAL, Pairs
from ..datasets.row_audit import READ, REASONS, USED
from ..datasets.sides import called
from ..datasets.unit_rows import value_columns
from ..evaluators import measures
from ..protocols.model import Protocol, Table


def describe(protocol: Protocol, pairs: Mapping[tuple[str, str], Pairs]) -> list[dict[str, Any]]:
    """The accounting of rows before they are paired, for every pairing that makes units of time.

    Args:
        protocol: Resolved protocol.
        pairs: (pairing, version) -> audited pairs.

    Returns:
        One entry a pairing, version and side: `pairing`, `version`, `side`, `table`, `n_units`, and `steps`
        (`code`, `title`, `n_sessions`, `n_rows`): first what was read, last what was used; the rows add up.
        `without`: units that have no value of a measure that the pairing's endpoints compare (`column`,
        `title`, `reason`, `n_units`).
    """
    found = []
    for (name, version), own in pairs.items():
        if own.regrid is None:
            continue
        rule = protocol.pairings[name]
        compared = dict(zip(("reference", "test"), value_columns(protocol, name), strict=True))
        counts = {"reference": own.n_reference_rows, "test": own.n_test_rows}
        for side, table in (("reference", rule.reference), ("test", rule.test)):
            audit = own.regrid.filter(pl.col("side") == side)
            found.append(
                {
                    "pairing": name,
                    "version": version,
                    "side": side,
                    "table": table,
                    "steps": _steps(protocol, audit),
                    "n_units": counts[side],
                    "without": _without(own, side, protocol.tables[table], compared[side]),
                }
            )
    return found


def _without(own: Pairs, side: str, table: Table, compared: Collection[str]) -> list[dict[str, Any]]:
    """Units without a measure, by measure and reason, in the order of columns and the reasons' alphabet."""
    found = []
    known = set(own.names)
    for name, column in table.columns.items():
        place = f"{side}.{called(name, table)}{REASON}"
        if column.measure is None or place not in known or called(name, table) not in compared:
            continue
        title = column.title or measures.get(column.measure.name).title
        counts = own.columns(pl.col(place).alias("reason")).drop_nulls().group_by("reason").len("n_units")
        found += [{"column": name, "title": title, **row} for row in counts.sort("reason").to_dicts()]
    return found


def _steps(protocol: Protocol, audit: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows by reason: what was read, every reason there is, what was used."""
    counts = {
        row["reason"]: row
        for row in audit.group_by("reason")
        .agg(n_sessions=pl.len(), n_rows=pl.col("n_rows").sum())
        .iter_rows(named=True)
    }
    declared = [code for code in (*protocol.exclusions, *STRUCTURAL) if code not in REASONS]
    left_out = [code for code in (*REASONS, *declared) if code not in {READ, USED} and code in counts]
    nothing = {"n_sessions": 0, "n_rows": 0}
    return [
        {
            "code": code,
            "title": _title(protocol, code),
            "n_sessions": counts.get(code, nothing)["n_sessions"],
            "n_rows": counts.get(code, nothing)["n_rows"],
        }
        for code in (READ, *left_out, USED)
    ]


def _title(protocol: Protocol, code: str) -> str:
    if code in REASONS:
        return REASONS[code]
    return protocol.exclusions[code].title if code in protocol.exclusions else STRUCTURAL[code]
