"""Parts of the rows that set groups against each other, and parts by site: their names and their rows.

In the results such a row carries the subgroup (or the column of sites), a level in words (`LATER − EARLIER`
or `LATER / EARLIER`, `largest`; `poolability`, `without SITE`), and in `contrast`, as canonical JSON, what it
is. What a level is called says nothing: a level may be named `largest`, and a site `without A`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import polars as pl

from ..protocols.model import DECIDING, Endpoint, Protocol
from .schema import NOT_RECORDED
from .splits import MISSING, Part, by_text, label, levels_of, subgroup_parts

LARGEST: Literal["largest"] = "largest"
POOLABILITY: Literal["poolability"] = "poolability"
WITHOUT = "without {site}"
SIGNS = {"difference": " − ", "ratio": " / "}

Kind = Literal["level", "pair", "largest", "poolability", "without_site"]


@dataclass(frozen=True)
class Pair:
    """Two groups of subjects, and the part of the rows that both are."""

    earlier: str
    later: str
    part: Part


def columns(protocol: Protocol, subgroup: str) -> tuple[str, ...]:
    """The columns that a declared subgroup reads."""
    one = protocol.subgroups[subgroup]
    return (*(one.where or ()), *([one.by] if one.by else []))


def groups(protocol: Protocol, endpoint: Endpoint, rows: pl.DataFrame) -> list[Part]:
    """The groups that an endpoint's disparity compares, in order; rows without a group are in none."""
    if endpoint.disparity is None:
        return []
    parts = subgroup_parts(protocol, endpoint, endpoint.disparity.between, rows)
    return [part for part in parts if part.level != MISSING]


def pairs(endpoint: Endpoint, found: Sequence[Part]) -> list[Pair]:
    """Every two groups, the later against the earlier one."""
    if endpoint.disparity is None:
        return []
    sign = SIGNS[endpoint.disparity.contrast]
    return [
        Pair(
            str(earlier.level),
            str(later.level),
            Part(
                subgroup=endpoint.disparity.between,
                level=f"{later.level}{sign}{earlier.level}",
                contrast=_contrast("pair", later=str(later.level), earlier=str(earlier.level)),
                condition=_either([earlier, later]),
            ),
        )
        for earlier, later in combinations(found, 2)
    ]


def largest(endpoint: Endpoint, found: Sequence[Part]) -> Part:
    """The part that the largest difference rests on: the rows of all groups."""
    between = endpoint.disparity.between if endpoint.disparity else None
    return Part(subgroup=between, level=LARGEST, contrast=_contrast(LARGEST), condition=_either(found))


def _either(found: Sequence[Part]) -> pl.Expr:
    condition = pl.lit(value=False)
    for part in found:
        if part.condition is not None:
            condition |= part.condition
    return condition


def sites(protocol: Protocol, endpoint: Endpoint, rows: pl.DataFrame) -> list[Part]:
    """One part a site, declared ones first; rows without a site last."""
    if protocol.sites is None or endpoint.role not in DECIDING:
        return []
    by = protocol.sites.by
    return [
        Part(subgroup=by, level=site, condition=label(by) == site)
        for site in levels_of(protocol, endpoint, by, rows)
    ]


def pooled(protocol: Protocol) -> Part:
    """The part that a test of poolability rests on: all rows with a site."""
    by = protocol.sites.by if protocol.sites else ""
    return Part(
        subgroup=by,
        level=POOLABILITY,
        contrast=_contrast(POOLABILITY),
        condition=pl.col(by).is_not_null(),
    )


def without(part: Part) -> Part:
    """All rows but those of a site."""
    there = pl.lit(value=False) if part.condition is None else part.condition
    site = str(part.level)
    contrast = _contrast("without_site", site=site)
    return replace(part, level=WITHOUT.format(site=site), contrast=contrast, condition=~there)


def named(protocol: Protocol, endpoint: Endpoint, subgroup: str, rows: pl.DataFrame) -> Iterator[Part]:
    """Every part that rows of results with this subgroup may speak of."""
    if endpoint.disparity is not None and endpoint.disparity.between == subgroup:
        found = groups(protocol, endpoint, rows)
        yield from (pair.part for pair in pairs(endpoint, found))
        yield largest(endpoint, found)
    if protocol.sites is not None and protocol.sites.by == subgroup:
        own = sites(protocol, endpoint, rows)
        yield from own
        yield from (without(part) for part in own)
        yield pooled(protocol)
    if subgroup in protocol.subgroups:
        yield from subgroup_parts(protocol, endpoint, subgroup, rows)


def _contrast(kind: Kind, **more: str) -> str:
    """What a part is, as canonical JSON."""
    return by_text({"kind": kind, **more})


def compared(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """The later and the earlier group that a row of results compares; None for other rows.

    Example:
        >>> compared({"contrast": '{"earlier":"light","kind":"pair","later":"dark"}'})
        ('dark', 'light')
    """
    told = json.loads(row["contrast"]) if row["contrast"] else {}
    return (told["later"], told["earlier"]) if told.get("kind") == "pair" else None


def kind_of(protocol: Protocol, row: Mapping[str, Any]) -> Kind:
    """What a row of results with a subgroup is: one level's own, or one of those that set levels apart."""
    if row["contrast"] == NOT_RECORDED:
        return _kind_by_words(protocol, row)
    kind: Kind = json.loads(row["contrast"])["kind"] if row["contrast"] else "level"
    return kind


def _kind_by_words(protocol: Protocol, row: Mapping[str, Any]) -> Kind:
    """The same for rows that were written before `contrast` was a column, from the words of their level."""
    level, subgroup = str(row["level"]), row["subgroup"]
    endpoint = protocol.endpoints.get(row["endpoint"])
    if subgroup is None or endpoint is None:
        return "level"
    if protocol.sites is not None and subgroup == protocol.sites.by:
        if level == POOLABILITY:
            return "poolability"
        if level.startswith(WITHOUT.format(site="")):
            return "without_site"
    if endpoint.disparity is not None and subgroup == endpoint.disparity.between:
        if level == LARGEST:
            return "largest"
        if SIGNS[endpoint.disparity.contrast] in level:
            return "pair"
    return "level"
