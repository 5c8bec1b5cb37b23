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
    declared = results.protocol.subgroups[name]
    between = declared.title or name.replace("_", " ")
    rows = [
        row
        for row in results.endpoint(endpoint_id).iter_rows(named=True)
        if row["subgroup"] == name and row["view"] == "primary" and row["comparator"] is None
    ]
    sizes = _sizes(results, endpoint_id, endpoint)
    found = judged(results, endpoint_id)
    decides = None if found is None else found.row["row_id"]
    lines = []
    for row in rows:
        kind = contrasts.kind_of(results.protocol, row)
        if kind not in {"pair", "largest"}:
            continue
        largest = kind == "largest"
        text = words.text(row)
        lines.append(
            PairLine(
                version=row["version"],
                pair=_largest_words(row) if largest else row["level"],
                subjects="" if largest else _subjects(endpoint, row, sizes),
                text=replace(text, estimate=_beside(row, rows)) if largest else text,
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
        tuple(_forests(endpoint, own, between, sizes, results)),
    )


def _forests(
    endpoint: Endpoint,
    own: Sequence[Row],
    between: str,
    sizes: Mapping[str, tuple[int, int]],
    results: Results,
) -> list[figures.Forest]:
    """One forest plot a statistic."""
    by_statistic: dict[str, list[Row]] = {}
    for row in own:
        if contrasts.kind_of(results.protocol, row) == "pair":
            by_statistic.setdefault(row["statistic"], []).append(row)
    return [
        figures.contrasts.pairs(
            endpoint, rows, between=between, counts=[_subjects(endpoint, row, sizes) for row in rows]
        )
        for rows in by_statistic.values()
    ]


def _sizes(results: Results, endpoint_id: str, endpoint: Endpoint) -> dict[str, tuple[int, int]]:
    """Group -> (subjects, units) that the endpoint compares, counted in its rows; empty groups are there."""
    protocol, version = results.protocol, results.deciding_version
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
    """Subjects of both groups of a pair, in its order."""
    rule = endpoint.disparity
    if rule is None:
        return ""
    parts = contrasts.compared(row) or tuple(str(row["level"]).split(contrasts.SIGNS[rule.contrast]))
    if len(parts) != 2:  # a row of an older run, and a group whose own name holds the sign
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


def _beside(row: Row, rows: Sequence[Row]) -> str:
    """The largest difference, rounded as the pair is that it comes from."""
    same = [
        one
        for one in rows
        if one["version"] == row["version"]
        and one["statistic"] == row["statistic"]
        and one["row_id"] != row["row_id"]
        and one["estimate"] is not None
        and row["estimate"] is not None
        and abs(one["estimate"]) == abs(row["estimate"])
    ]
    if not same:
        return words.estimate(row)
    return words.estimate({**same[0], "estimate": row["estimate"]})


def _largest_words(row: Row) -> str:
    """Which groups the largest difference is of."""
    told = re.match(r"between (.+?) and (.+?);", str(row["warning"] or ""))
    return f"Largest: {told[1]} and {told[2]}" if told else "Largest"


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
    lines = [line for name in same for line in _slope_lines(results, name)]
    short = _short([label for label, _ in lines])
    lines = [
        (f"{label}, margin {words.goal(row)}" if row["criterion"] else label, row)
        for label, (_, row) in zip(short, lines, strict=True)
    ]
    column = str(endpoint.columns[COVARIATE])
    title, unit = _covariate(results, endpoint, column)
    row = next((one for _, one in _slope_lines(results, endpoint_id)), None)
    amount = f"{fmt.plain(float(endpoint.parameters['contrast']))}{f' {unit}' if unit else ''} of {title}"
    return SlopeBlock(
        forest=figures.contrasts.slopes(lines, contrast=amount, subject="Change of the bias")
        if lines and same[0] == endpoint_id
        else None,
        as_="" if same[0] == endpoint_id else first.title,
        along=figures.contrasts.along(results, row, endpoint, column=column, title=title, unit=unit)
        if row is not None and row["n_units"]
        else None,
    )


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


def _slope_lines(results: Results, name: str) -> list[tuple[str, Row]]:
    """(stratum, row) of the endpoint's headline statistic: all its rows, and each of its declared levels."""
    endpoint = slices.endpoint_of(results.protocol, name)
    headline = next((str(part.statistic) for part in endpoint.judged), registry.get(endpoint.metric).headline)
    found: list[tuple[str, Row]] = []
    for row in results.endpoint(name).iter_rows(named=True):
        own = row["version"] == results.deciding_version and row["view"] == "primary"
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
