"""Parts of an endpoint's rows: by-levels and subgroups, in a fixed order, with nobody lost in between."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import polars as pl

from ..datasets.conditions import expression
from ..datasets.pairs import REFERENCE, TEST
from ..protocols.model import Column, Endpoint, Protocol, Subgroup
from .coding import determinate, said, text

SUBJECTS = "subjects"
MISSING = "(missing)"
"""Level of the rows whose splitting column is empty."""
SUBGROUP_YES = "yes"
"""Level of a subgroup that a condition defines."""


@dataclass(frozen=True)
class Part:
    """A part of an endpoint's rows: all of them, a combination of by-levels, or one level of a subgroup.

    `contrast`: it sets levels against each other, or leaves one out, and is no level itself (`contrasts`).
    `compared`: it is two groups, one held against the other; an endpoint with a disparity is judged there.
    """

    by: str | None = None
    subgroup: str | None = None
    level: str | None = None
    contrast: str | None = None
    condition: pl.Expr | None = field(default=None, compare=False)
    compared: bool = False


WHOLE = Part()


def label(column: str) -> pl.Expr:
    """The level of each row in a splitting column, as text."""
    return text(column).fill_null(MISSING)


def by_text(by: Mapping[str, str]) -> str:
    """By-levels as canonical JSON, as the results hold them.

    Example:
        >>> by_text({"cohort": "sinus"})
        '{"cohort":"sinus"}'
    """
    return json.dumps(dict(by), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def parts(protocol: Protocol, endpoint: Endpoint, rows: pl.DataFrame) -> list[Part]:
    """Every part of an endpoint's population rows in a fixed order: the whole, by-levels, subgroups.

    A declared level stays even when no row has it: its rows of results then say so.
    """
    found = [WHOLE]
    if endpoint.by:
        combinations = _combinations(protocol, endpoint, rows)
        found += [by_part(dict(zip(endpoint.by, levels, strict=True))) for levels in combinations]
    for name in endpoint.subgroups or ():
        found.extend(subgroup_parts(protocol, endpoint, name, rows))
    return found


def by_part(levels: Mapping[str, str]) -> Part:
    """The part of the rows with these by-levels."""
    condition = pl.lit(value=True)
    for column, level in levels.items():
        condition &= label(column) == level
    return Part(by=by_text(levels), condition=condition)


def _combinations(protocol: Protocol, endpoint: Endpoint, rows: pl.DataFrame) -> list[tuple[str, ...]]:
    """By-levels: every declared level of one column; the observed combinations of several."""
    ranks = [
        {level: rank for rank, level in enumerate(levels_of(protocol, endpoint, c, rows))}
        for c in endpoint.by
    ]
    if len(ranks) == 1:
        return [(level,) for level in ranks[0]]
    observed = rows.select(label(column).alias(column) for column in endpoint.by).unique().rows()
    return sorted(
        observed, key=lambda levels: [rank[level] for rank, level in zip(ranks, levels, strict=True)]
    )


def levels_of(protocol: Protocol, endpoint: Endpoint, column: str, rows: pl.DataFrame) -> list[str]:
    """Declared levels in order, then others found, in order; rows without a value last."""
    contract = _contract(protocol, endpoint, column)
    found = rows.get_column(column).unique().sort()
    observed = [str(value) for value in found.drop_nulls().cast(pl.String).to_list()]
    declared = [] if contract is None else list(determinate(contract)) + list(contract.indeterminate)
    missing = [MISSING] if found.null_count() else []
    return list(dict.fromkeys([*declared, *observed, *missing]))


def _contract(protocol: Protocol, endpoint: Endpoint, column: str) -> Column | None:
    """The declared column behind a name in the pairs."""
    pairing = protocol.pairings[said(endpoint.pairing)]
    if column.startswith(REFERENCE):
        tables, name = [pairing.reference], column.removeprefix(REFERENCE)
    elif column.startswith(TEST):
        tables, name = [pairing.test], column.removeprefix(TEST)
    else:
        tables, name = [SUBJECTS, pairing.reference, pairing.test], column
    for table in tables:
        if table in protocol.tables and name in protocol.tables[table].columns:
            return protocol.tables[table].columns[name]
    return None


def subgroup_parts(protocol: Protocol, endpoint: Endpoint, name: str, rows: pl.DataFrame) -> Iterator[Part]:
    """The levels of one declared subgroup."""
    subgroup = protocol.subgroups[name]
    within = expression(subgroup.where) if subgroup.where else pl.lit(value=True)
    if subgroup.by is None:
        yield Part(subgroup=name, level=SUBGROUP_YES, condition=within)
    elif subgroup.bands is None:
        for level in levels_of(protocol, endpoint, subgroup.by, rows.filter(within)):
            yield Part(subgroup=name, level=level, condition=within & (label(subgroup.by) == level))
    else:
        for level, condition in _bands(protocol, endpoint, subgroup, rows.filter(within)):
            yield Part(subgroup=name, level=level, condition=within & condition)


def _bands(
    protocol: Protocol, endpoint: Endpoint, subgroup: Subgroup, rows: pl.DataFrame
) -> list[tuple[str, pl.Expr]]:
    """Half-open bands [a, b) with labels; what lies below, above or nowhere is shown where there is any."""
    column, edges = str(subgroup.by), tuple(subgroup.bands or ())
    contract = _contract(protocol, endpoint, column)
    whole = contract is not None and contract.type == "integer" and all(edge == int(edge) for edge in edges)
    value = pl.col(column)
    inner = [
        (band_label(low, high, whole=whole), (value >= low) & (value < high)) for low, high in pairwise(edges)
    ]
    below = (band_label(None, edges[0], whole=whole), value < edges[0])
    above = (band_label(edges[-1], None, whole=whole), value >= edges[-1])
    missing = (MISSING, value.is_null())
    found = rows.select(
        (value < edges[0]).any().alias("below"),
        (value >= edges[-1]).any().alias("above"),
        value.is_null().any().alias("missing"),
    ).row(0)
    outer = [len(edges) == 1 or found[0], len(edges) == 1 or found[1], found[2]]
    return [
        *([below] if outer[0] else []),
        *inner,
        *([above] if outer[1] else []),
        *([missing] if outer[2] else []),
    ]


def band_label(low: float | None, high: float | None, *, whole: bool) -> str:
    """A half-open band in words; `whole` for columns of whole numbers.

    Example:
        >>> band_label(65, 75, whole=True), band_label(75, None, whole=True), band_label(None, 18, whole=True)
        ('65–74', '75 and over', 'under 18')
        >>> band_label(70.0, 80.0, whole=False)
        '70 to <80'
    """
    if low is None:
        return f"under {high:.15g}"
    if high is None:
        return f"{low:.15g} and over"
    return f"{low:.15g}–{high - 1:.15g}" if whole else f"{low:.15g} to <{high:.15g}"
