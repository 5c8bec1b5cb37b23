"""What groups of subjects differ by: every pair beside its margin, the groups, and changes along a covariate.

Pairs are judged one by one; the largest difference is shown and not judged, as no protocol has a rule on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..evaluators import registry
from ..protocols.model import Endpoint
from ..studies import contrasts, slices
from ..studies.demographics import SMALL_CELL, shown
from ..studies.results import Results
from . import figures
from . import format as fmt
from . import rows as words
from .judged import judged

Row = Mapping[str, Any]
COVARIATE = "covariate"


@dataclass(frozen=True)
class GroupLine:
    """One group: its name, subjects and units, and its own estimate where the protocol asks for it."""

    name: str
    subjects: str
    units: str
    estimate: str
    interval: str


@dataclass(frozen=True)
class PairLine:
    """One pair of groups, or the largest difference of all.

    Attributes:
        version: Algorithm version.
        pair: The two groups; for the largest difference, which they are.
        subjects: Subjects of the later and of the earlier group.
        text: The row in print.
        reason: Why it is not compared, or not judged; empty where it is.
        decides: The pair decides its endpoint.
        largest: This is the largest difference, shown beside the pairs.
    """

    version: str
    pair: str
    subjects: str
    text: words.RowText
    reason: str
    decides: bool
    largest: bool


@dataclass(frozen=True)
class PairsBlock:
    """What the groups of an endpoint differ by."""

    between: str
    groups: tuple[GroupLine, ...]
    lines: tuple[PairLine, ...]
    interval: str
    """Level and method of the pairs' intervals, where all share them; empty otherwise."""
    figures: tuple[figures.Forest, ...]


def pairs_block(results: Results, endpoint_id: str) -> PairsBlock | None:
    """The pairs of an endpoint that declares a disparity; None for others."""
    endpoint = slices.endpoint_of(results.protocol, endpoint_id)
    if endpoint.disparity is None:
        return None
    name = endpoint.disparity.between
    between, rows = _compared(results, endpoint_id, name)
    sizes = _sizes(results, endpoint_id, endpoint, results.deciding_version)
    found = judged(results, endpoint_id)
    decides = None if found is None else found.row["row_id"]
    lines = []
    for row in rows:
        kind = contrasts.kind_of(results.protocol, row)
        if kind not in {"pair", "largest"}:
            continue
        largest = kind == "largest"
        text, source = words.text(row), _source(row, rows) if largest else None
        if source is not None:  # rounded as the pair is that it comes from
            text = replace(text, estimate=words.estimate({**source, "estimate": row["estimate"]}))
        lines.append(
            PairLine(
                version=row["version"],
                pair=_largest_words(endpoint, source) if largest else row["level"],
                subjects="" if largest else _subjects(endpoint, row, sizes),
                text=text,
                reason=_reason(row, largest=largest),
                decides=row["row_id"] == decides,
                largest=largest,
            )
        )
    own = [row for row in rows if row["version"] == results.deciding_version]
    notes = {line.text.interval_note for line in lines if line.text.interval_note}
    return PairsBlock(
        between,
        tuple(_group(endpoint, own, level, size) for level, size in sizes.items()),
        tuple(lines),
        notes.pop() if len(notes) == 1 else "",
        tuple(pair_forests(results, endpoint_id, results.deciding_version)),
    )


def pair_forests(
    results: Results, endpoint_id: str, version: str, *, largest: bool = False
) -> list[figures.Forest]:
    """A forest plot of the pairs of groups for each statistic that an endpoint compares.

    Args:
        results: An opened run.
        endpoint_id: An endpoint that declares a disparity; others have none.
        version: An algorithm version.
        largest: Whether the largest difference stands below the pairs; it is not judged.
    """
    endpoint = slices.endpoint_of(results.protocol, endpoint_id)
    if endpoint.disparity is None:
        return []
    between, rows = _compared(results, endpoint_id, endpoint.disparity.between)
    sizes = _sizes(results, endpoint_id, endpoint, version)
    by_statistic: dict[str, list[Row]] = {}
    wanted = {"pair", "largest"} if largest else {"pair"}
    for row in rows:
        if row["version"] == version and contrasts.kind_of(results.protocol, row) in wanted:
            by_statistic.setdefault(row["statistic"], []).append(row)
    return [
        figures.contrasts.pairs(
            endpoint,
            own,
            between=between,
            labels=[
                str(row["level"])
                if contrasts.kind_of(results.protocol, row) == "pair"
                else "Largest (not judged)"
                for row in own
            ],
            counts=[_subjects(endpoint, row, sizes) for row in own],
        )
        for own in by_statistic.values()
    ]


def _compared(results: Results, endpoint_id: str, name: str) -> tuple[str, list[Row]]:
    """The title of the split whose groups are compared, and its rows in the primary view."""
    rows: list[Row] = [
        row
        for row in results.endpoint(endpoint_id).iter_rows(named=True)
        if row["subgroup"] == name and row["view"] == "primary" and row["comparator"] is None
    ]
    return results.protocol.subgroups[name].title or name.replace("_", " "), rows


def _sizes(
    results: Results, endpoint_id: str, endpoint: Endpoint, version: str
) -> dict[str, tuple[int, int]]:
    """Group -> (subjects, units) that the endpoint compares, counted in its rows; empty groups are there."""
    protocol = results.protocol
    frame = results.pairs(str(endpoint.pairing), version)
    found = {}
    for part in contrasts.groups(protocol, endpoint, slices.population_rows(protocol, endpoint, frame)):
        rows = slices.rows(
            protocol, endpoint_id, frame, view=slices.PRIMARY, by=None,
            subgroup=part.subgroup, level=part.level,
        )  # fmt: skip
        found[str(part.level)] = (rows.get_column("subject").n_unique(), rows.height)
    return found


def _subjects(endpoint: Endpoint, row: Row, sizes: Mapping[str, tuple[int, int]]) -> str:
    """Subjects of both groups of a pair, in its order; of another row, all of its."""
    parts = _groups_of(endpoint, row)
    if parts is None:
        return fmt.count(row["n_subjects"])
    return " and ".join(shown(sizes[one][0]) if one in sizes else "\u2013" for one in parts)


def _group(endpoint: Endpoint, own: Sequence[Row], level: str, size: tuple[int, int]) -> GroupLine:
    """A group; its own estimate stands there where the endpoint is estimated by this subgroup."""
    judged_ = [str(part.statistic) for part in endpoint.judged]
    row = next((one for one in own if one["level"] == level and one["statistic"] in judged_), None)
    if row is None:
        row = next((one for one in own if one["level"] == level), None)
    text = words.text(row) if row is not None else None
    few = 0 < size[0] < SMALL_CELL
    return GroupLine(
        name=level,
        subjects=shown(size[0]),
        units="\u2013" if few else fmt.count(size[1]),
        estimate=text.estimate if text else "\u2013",
        interval=text.interval if text else "\u2013",
    )


def _source(largest: Row, rows: Sequence[Row]) -> Row | None:
    """The pair whose difference is the largest."""
    for row in rows:
        same = all(row[name] == largest[name] for name in ("version", "statistic"))
        other = row["row_id"] != largest["row_id"] and None not in (row["estimate"], largest["estimate"])
        if same and other and abs(row["estimate"]) == abs(largest["estimate"]):
            return row
    return None


def _largest_words(endpoint: Endpoint, source: Row | None) -> str:
    """Which groups the largest difference is of."""
    parts = None if source is None else _groups_of(endpoint, source)
    return f"Largest: {parts[0]} and {parts[1]}" if parts else "Largest"


def _groups_of(endpoint: Endpoint, row: Row) -> tuple[str, ...] | None:
    """The two groups of a pair; None for a row of an older run where a group's name holds the sign."""
    rule = endpoint.disparity
    if rule is None:
        return None
    parts = contrasts.compared(row) or tuple(str(row["level"]).split(contrasts.SIGNS[rule.contrast]))
    return parts if len(parts) == 2 else None


def _reason(row: Row, *, largest: bool) -> str:
    """Why a line is not judged."""
    if row["error"]:
        return masked(fmt.quoted(str(row["error"])))
    if largest:
        return "shown, not judged: the largest of several differences is biased upward"
    return "" if row["criterion"] else "not judged"


def masked(text: str) -> str:
    """Words in which a group of a handful of subjects has its number hidden by the stated rule.

    Example:
        >>> masked("group 8 has 2 subjects, and groups of fewer than 5 are not compared")
        'group 8 has <5 subjects, and groups of fewer than 5 are not compared'
    """
    return re.sub(r"\bhas ([1-4]) subjects?\b", f"has <{SMALL_CELL} subjects", text)


@dataclass(frozen=True)
class SlopeBlock:
    """Changes along a covariate: the differences along it, and every stratum's change beside its margin.

    Attributes:
        forest: The changes of all endpoints along the same covariate; None where an earlier one shows them.
        as_: Title of that earlier endpoint; empty otherwise.
        along: The endpoint's differences along the covariate; None without rows.
    """

    forest: figures.Forest | None
    as_: str
    along: figures.Scatter | None


def is_slope(endpoint: Endpoint) -> bool:
    """Whether an endpoint asks for a change along a covariate."""
    return COVARIATE in (endpoint.columns or {}) and "contrast" in (endpoint.parameters or {})


def slope_block(results: Results, endpoint_id: str) -> SlopeBlock | None:
    """The change of an endpoint along its covariate; None for other endpoints."""
    endpoint = slices.endpoint_of(results.protocol, endpoint_id)
    if not is_slope(endpoint):
        return None
    same = [name for name in _in_order(results) if _alike(results, name, endpoint)]
    first = slices.endpoint_of(results.protocol, same[0])
    version = results.deciding_version
    column = str(endpoint.columns[COVARIATE])
    title, unit = _covariate(results, endpoint, column)
    row = next((one for _, one in _slope_lines(results, endpoint_id, version)), None)
    return SlopeBlock(
        forest=slope_forest(results, same, version) if same[0] == endpoint_id else None,
        as_="" if same[0] == endpoint_id else first.title,
        along=figures.contrasts.along(results, row, endpoint, column=column, title=title, unit=unit)
        if row is not None and row["n_units"]
        else None,
    )


def slope_forest(results: Results, endpoints: Sequence[str], version: str) -> figures.Forest | None:
    """The changes of endpoints along the same covariate, each beside its margin; None without rows.

    Args:
        results: An opened run.
        endpoints: Endpoints that ask for the same change.
        version: An algorithm version.
    """
    lines = [line for name in endpoints for line in _slope_lines(results, name, version)]
    if not lines:
        return None
    short = _short([label for label, _ in lines])
    lines = [
        (f"{label}, margin {words.goal(row)}" if row["criterion"] else label, row)
        for label, (_, row) in zip(short, lines, strict=True)
    ]
    endpoint = slices.endpoint_of(results.protocol, endpoints[0])
    title, unit = _covariate(results, endpoint, str(endpoint.columns[COVARIATE]))
    amount = f"{fmt.plain(float(endpoint.parameters['contrast']))}{f' {unit}' if unit else ''} of {title}"
    return figures.contrasts.slopes(lines, contrast=amount, subject="Change of the bias")


def _in_order(results: Results) -> list[str]:
    endpoints = results.protocol.endpoints
    return [entry["id"] for entry in results.document["endpoints"] if entry["id"] in endpoints]


def _alike(results: Results, name: str, endpoint: Endpoint) -> bool:
    """Whether another endpoint asks for the same change of the same measurement."""
    other = results.protocol.endpoints[name]
    return (
        is_slope(other)
        and other.columns[COVARIATE] == endpoint.columns[COVARIATE]
        and other.parameters["contrast"] == endpoint.parameters["contrast"]
        and (other.metric, other.test, other.pairing) == (endpoint.metric, endpoint.test, endpoint.pairing)
    )


def _slope_lines(results: Results, name: str, version: str) -> list[tuple[str, Row]]:
    """(stratum, row) of the endpoint's headline statistic: all its rows, and each of its declared levels."""
    endpoint = slices.endpoint_of(results.protocol, name)
    headline = next((str(part.statistic) for part in endpoint.judged), registry.get(endpoint.metric).headline)
    found: list[tuple[str, Row]] = []
    for row in results.endpoint(name).iter_rows(named=True):
        own = row["version"] == version and row["view"] == "primary"
        if not own or row["statistic"] != headline or row["subgroup"] or row["comparator"]:
            continue
        part = words.slice_words(row)
        found.append((f"{endpoint.title}, {part}" if part else endpoint.title, row))
    return found


def _short(titles: Sequence[str]) -> list[str]:
    """Titles without the words that they begin with in common.

    Example:
        >>> _short(["Change, low range", "Change, high range"]), _short(["Change"])
        (['low range', 'high range'], ['Change'])
    """
    heads = {title.rpartition(", ")[0] for title in titles}
    if len(titles) < 2 or len(heads) != 1 or heads == {""}:
        return list(titles)
    return [title.rpartition(", ")[2] for title in titles]


def _covariate(results: Results, endpoint: Endpoint, column: str) -> tuple[str, str | None]:
    """Title and unit of the covariate as its table declares them."""
    side, _, bare = column.partition(".")
    pairing = results.protocol.pairings[str(endpoint.pairing)]
    own = {"reference": pairing.reference, "test": pairing.test}.get(side if bare else "")
    names = [own] if own else list(results.protocol.tables)
    for name in names:
        declared = results.protocol.tables[name].columns.get(bare or column)
        if declared is not None:
            return declared.title or (bare or column).replace("_", " "), declared.unit
    return column.replace("_", " "), None
