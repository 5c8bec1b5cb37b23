"""The parts of the report's body: tables and figures for each section, ready for the templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from ..protocols.model import DECIDING, Endpoint
from ..studies import demographics as demographic
from ..studies import judge, slices
from ..studies.contrasts import kind_of
from ..studies.results import Results
from . import coverage, disparity, figures
from . import format as fmt
from . import judged as judging
from . import rows as words
from .methods import ROLE_WORDS, endpoint_words, sentence, titles
from .validity import capital

VIEWS = ("primary", *slices.VIEWS)


@dataclass(frozen=True)
class ResultLine:
    """One line of a results table: the row in print, and how it differs from the lines around it."""

    text: words.RowText
    version: str
    part: str
    decides: bool


@dataclass(frozen=True)
class EndpointBlock:
    """An endpoint's results.

    Attributes:
        id: Identifier.
        title: Title.
        facts: Role, metric, hypothesis and so on as (term, words).
        criterion: Criterion in words; empty without one.
        criterion_facts: Rationale, source and tier of the limit.
        decision: Decision of the deciding version with the interval's word.
        state: The decision for the eye.
        lines: All versions and statistics over all analysed rows.
        parts: The declared by-levels.
        figure: Its figure for the deciding version; None where its metric has none, or `figure_as` shows it.
        figure_as: Title of an earlier endpoint with the same figure; empty otherwise.
        pre_specified: `yes`, `no` or `no locked plan`.
        notes: Warnings and errors of the lines, each once.
        decided_by: Which pair or level decides, and of how many; empty where all analysed rows do.
        pairs: What its groups differ by; None where it declares no disparity.
        slope: Its change along a covariate; None for other endpoints.
        coverage: How much of the reference has an output at all, in a sentence; empty where that is the
            question.
    """

    id: str
    title: str
    facts: tuple[tuple[str, str], ...]
    criterion: str
    criterion_facts: tuple[tuple[str, str], ...]
    decision: str
    state: str
    lines: tuple[ResultLine, ...]
    parts: tuple[ResultLine, ...]
    figure: figures.AnyFigure | None
    figure_as: str
    pre_specified: str
    notes: tuple[str, ...]
    decided_by: str
    pairs: disparity.PairsBlock | None
    slope: disparity.SlopeBlock | None
    coverage: str


def endpoint_blocks(results: Results, *, deciding: bool) -> list[EndpointBlock]:
    """The deciding endpoints (section 12), or all others but the automatic ones (section 14)."""
    found: list[EndpointBlock] = []
    for entry in results.document["endpoints"]:
        declared = entry["id"] in results.protocol.endpoints
        if declared and (entry["role"] in DECIDING) == deciding:
            block = _endpoint_block(results, entry)
            same = next((one.title for one in found if figures.same_picture(one.figure, block.figure)), "")
            found.append(replace(block, figure=None, figure_as=same) if same else block)
    return found


def _endpoint_block(results: Results, entry: Mapping[str, Any]) -> EndpointBlock:
    endpoint = slices.endpoint_of(results.protocol, entry["id"])
    rows = results.endpoint(entry["id"])
    whole = rows.filter((pl.col("view") == "primary") & _whole())
    parts = rows.filter(
        (pl.col("view") == "primary") & pl.col("by").is_not_null() & pl.col("subgroup").is_null()
    )
    found = judging.judged(results, entry["id"])
    speaking = None if found is None else found.row
    pairs = disparity.pairs_block(results, entry["id"])
    slope = disparity.slope_block(results, entry["id"])
    drawn = pairs is None and slope is None
    lines = _lines(whole.iter_rows(named=True), speaking, results.deciding_version)
    return EndpointBlock(
        id=entry["id"],
        title=endpoint.title,
        facts=(*endpoint_words(results.protocol, endpoint), *_definition(speaking)),
        criterion=criteria(results, entry["id"]),
        criterion_facts=_criterion_facts(endpoint),
        decision=fmt.quoted(judge.words(speaking)) if speaking and entry["decision"] != "informative" else "",
        state=entry["decision"],
        lines=lines,
        parts=_lines(parts.iter_rows(named=True), None, results.deciding_version),
        figure=_figure(results, speaking) if drawn else None,
        figure_as="",
        pre_specified=specified(speaking),
        notes=notes(lines),
        decided_by=judging.part_words(results, found) if found else "",
        pairs=pairs,
        slope=slope,
        coverage=coverage.beside(results, entry["id"]),
    )


def _definition(row: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    """What exactly the number is, as its metric declares it (the parameters stand beside it)."""
    if row is None:
        return ()
    declared = words.definition(row)
    return (("Definition", sentence(declared)),) if declared else ()


def _whole() -> pl.Expr:
    return pl.col("by").is_null() & pl.col("subgroup").is_null()


def _lines(
    rows: Iterable[Mapping[str, Any]], speaking: Mapping[str, Any] | None, deciding: str
) -> tuple[ResultLine, ...]:
    return tuple(
        ResultLine(
            text=words.text(row),
            version=row["version"],
            part=words.slice_words(row),
            decides=speaking is not None
            and row["row_id"] == speaking["row_id"]
            and row["version"] == deciding,
        )
        for row in rows
    )


def criteria(results: Results, endpoint_id: str) -> str:
    """The criteria of an endpoint in words, joined as the protocol joins them; empty without one."""
    endpoint = slices.endpoint_of(results.protocol, endpoint_id)
    found = [
        f"{words.statistic_title(row)}, {words.criterion(row)}" for row in judging.each(results, endpoint_id)
    ]
    any_of = endpoint.criteria is not None and endpoint.criteria.any_of is not None
    return ("; or " if any_of else "; and ").join(dict.fromkeys(found))


def _criterion_facts(endpoint: Endpoint) -> tuple[tuple[str, str], ...]:
    if not endpoint.judged:
        return ()
    criterion = endpoint.judged[0]
    tiers = {
        "study": "set by this study",
        "primary": "read in the primary source",
        "secondary": "read in a secondary source",
        "unverified": "UNVERIFIED: the source was not read",
    }
    facts = [("Rationale", criterion.rationale), ("Source of the limit", criterion.source)]
    return (
        *((term, said) for term, said in facts if said),
        ("Provenance of the limit", tiers[criterion.tier]),
    )


def _figure(results: Results, row: Mapping[str, Any] | None) -> figures.AnyFigure | None:
    if row is None or not figures.has_figure(row) or not row["n_units"]:
        return None
    return figures.build(results, row["row_id"])


def specified(row: Mapping[str, Any] | None) -> str:
    """Whether a row was specified beforehand."""
    if row is None or row["pre_specified"] is None:
        return "no locked plan"
    return "yes" if row["pre_specified"] else "no: post hoc"


def notes(lines: Iterable[ResultLine]) -> tuple[str, ...]:
    """Warnings and errors of lines, each once, with the statistic they speak of."""
    return tuple(
        dict.fromkeys(f"{line.text.statistic}: {note}" for line in lines for note in line.text.notes)
    )


def yields(results: Results) -> list[ResultLine]:
    """The share of outputs that are results, for every version."""
    rows = [row for row in results.document["yield"] if row["view"] == "primary"]
    return list(_lines(rows, None, results.deciding_version))


def coverages(results: Results) -> list[ResultLine]:
    """The share of reference units with an output, for every version."""
    rows = coverage.lines(results)
    columns = [str(slices.endpoint_of(results.protocol, row["endpoint"]).test) for row in rows]
    lines = _lines(rows, None, results.deciding_version)
    if len(set(columns)) == 1:
        return list(lines)
    named = zip(lines, columns, strict=True)
    return [replace(line, part=", ".join(filter(None, (column, line.part)))) for line, column in named]


@dataclass(frozen=True)
class ViewTable:
    """One endpoint and version in every view."""

    title: str
    version: str
    lines: tuple[tuple[str, words.RowText], ...]


def views(results: Results) -> list[ViewTable]:
    """Endpoints for which indeterminate outputs can count in several ways, each way beside the others."""
    found = []
    for entry in results.document["endpoints"]:
        rows = results.endpoint(entry["id"]).filter(_whole() & pl.col("comparator").is_null())
        if not rows["view"].is_in(VIEWS).any():
            continue
        for version in results.document["versions"]:
            own = rows.filter(pl.col("version") == version)
            by_view = {row["view"]: row for row in own.iter_rows(named=True)}
            declared = slices.view_of(results.protocol, "primary")  # names the same rows as `primary`
            shown = [view for view in VIEWS if view in by_view and view != declared]
            lines = tuple((_view_words(results, view), words.text(by_view[view])) for view in shown)
            if len(lines) > 1:
                found.append(ViewTable(entry["title"], version, lines))
    return found


def _view_words(results: Results, view: str) -> str:
    if view != "primary":
        return words.VIEW_WORDS[view]
    declared = slices.view_of(results.protocol, "primary")
    return f"{words.VIEW_WORDS[declared]} (primary view)"


ONE_SIDED = frozenset({slices.YIELD, slices.COVERAGE, "prevalence"})
"""Metrics that look at one side alone: no output is held against a reference."""


def matrices(results: Results, version: str | None = None) -> list[figures.Matrix]:
    """The full table of output by reference for each pair of columns that endpoints compare, by version.

    Args:
        results: An opened run.
        version: That version only. Default: all, the one that decides first.
    """
    found: dict[tuple[str, ...], figures.Matrix] = {}
    for entry in results.document["endpoints"]:
        if entry["row_id"] is None or entry["id"] not in results.protocol.endpoints:
            continue
        row = results.row(entry["row_id"])
        endpoint = slices.endpoint_of(results.protocol, entry["id"])
        kind = slices.coding(results.protocol, endpoint).kind
        if row["metric"] in ONE_SIDED or kind in {"measurement", "score"}:
            continue
        where = repr(endpoint.where)
        for shown in [version] if version else results.document["versions"]:
            same = figures.headline(results, entry["id"], shown)
            compared = (endpoint.pairing, endpoint.reference, endpoint.test, endpoint.population)
            key = (*(str(name) for name in compared), where, shown)
            if same is not None and key not in found:
                found[key] = figures.confusion(results, same, endpoint)
    order = {version: at for at, version in enumerate(results.document["versions"])}
    deciding = results.deciding_version
    return [found[key] for key in sorted(found, key=lambda key: (key[-1] != deciding, order[key[-1]], key))]


def discordant(results: Results) -> list[tuple[str, tuple[tuple[str, str, int, int], ...]]]:
    """Outputs that disagree with the reference, from each full table of the version that decides.

    Returns:
        (what is compared, lines of: reference, output, units, units of that reference) of every table that
        has some.
    """
    found = []
    for model in matrices(results, results.deciding_version):
        lines = tuple(
            (row, column, model.counts[at][place], sum(model.counts[at]))
            for at, row in enumerate(model.rows)
            for place, column in enumerate(model.columns)
            if model.agree[at][place] is False and model.counts[at][place]
        )
        if lines:
            found.append((f"{model.column_title} against {model.row_title}", lines))
    return found


@dataclass(frozen=True)
class SubgroupBlock:
    """An endpoint's forest plots, with what could not be computed."""

    title: str
    pages: tuple[figures.Forest, ...]
    notes: tuple[str, ...]


def subgroups(results: Results) -> list[SubgroupBlock]:
    """Forest plots of every endpoint that has declared parts, for the deciding version."""
    found = []
    for entry in results.document["endpoints"]:
        pages = figures.forest(results, entry["id"])
        if pages:
            parts = results.endpoint(entry["id"]).filter(
                pl.col("subgroup").is_not_null()
                & (pl.col("version") == results.deciding_version)
                & pl.col("error").is_not_null()
            )
            errors = dict.fromkeys(
                f"{figures.group_words(results.protocol, row)[0]}, {row['level']}: {row['error']}"
                for row in parts.iter_rows(named=True)
                if kind_of(results.protocol, row) == "level"
            )
            found.append(SubgroupBlock(entry["title"], pages, tuple(errors)))
    return found


@dataclass(frozen=True)
class FlowBlock:
    """The accounting of one pairing and population: counts of every version."""

    title: str
    tables: tuple[tuple[str, tuple[Mapping[str, Any], ...]], ...]


def flows(results: Results) -> list[FlowBlock]:
    """Accounting by pairing and population."""
    protocol = results.protocol
    places: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for entry in results.document["accounting"]:
        places.setdefault((entry["pairing"], entry["population"]), []).append(entry)
    found = []
    for (pairing, population), entries in places.items():
        title = protocol.populations[population].title
        if len(protocol.pairings) > 1:
            title = f"{protocol.pairings[pairing].title or pairing}: {title}"
        tables = tuple((entry["version"], tuple(entry["steps"])) for entry in entries)
        found.append(FlowBlock(title, tables))
    return found


def participants(results: Results) -> list[figures.Flow]:
    """The flow of participants of every deciding endpoint; endpoints with the same flow share a figure."""
    same: list[tuple[Any, str, list[str]]] = []
    for entry in results.document.get("flow") or []:
        title = slices.endpoint_of(results.protocol, entry["endpoint"]).title
        known = next((one for one in same if one[0] == entry["stages"]), None)
        if known is None:
            same.append((entry["stages"], entry["version"], [title]))
        else:
            known[2].append(title)
    return [
        figures.participants(
            stages, name=f"participants-{number}", title=f"{titles(names)}, version {version}"
        )
        for number, (stages, version, names) in enumerate(same, 1)
    ]


@dataclass(frozen=True)
class DemographicTable:
    """Characteristics of the analysed subjects, and of those who were not analysed.

    Attributes:
        columns: Groups with their sizes, such as `All, 520`; last, those not analysed.
        rows: (label, is a heading, one cell a group).
    """

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, bool, tuple[str, ...]], ...]


NOT_ANALYSED = "Not analysed"


def demographics(results: Results) -> DemographicTable | None:
    """Characteristics of the deciding version's analysed subjects; small cells are hidden by the rule."""
    own = [
        entry for entry in results.document["demographics"] if entry["version"] == results.deciding_version
    ]
    groups = list(dict.fromkeys(entry["group"] for entry in own))
    if not groups:
        return None
    sizes = {entry["group"]: entry["n_subjects"] for entry in own}
    cells = {(entry["group"], entry["column"]): entry for entry in own}
    left_out = results.document.get("excluded") or []
    if left_out and left_out[0]["n_subjects"]:
        groups.append(NOT_ANALYSED)
        sizes[NOT_ANALYSED] = left_out[0]["n_subjects"]
        cells |= {(NOT_ANALYSED, entry["column"]): entry for entry in left_out}
    rows: list[tuple[str, bool, tuple[str, ...]]] = []
    for column in dict.fromkeys(entry["column"] for entry in own):
        if any(entry["group_by"] == column for entry in own):
            continue  # the groups themselves
        rows.extend(_characteristic([cells.get((group, column)) for group in groups]))
    return DemographicTable(
        columns=tuple((str(group or "All"), demographic.shown(sizes[group])) for group in groups),
        rows=tuple(rows),
    )


def _characteristic(entries: Sequence[Mapping[str, Any] | None]) -> list[tuple[str, bool, tuple[str, ...]]]:
    first = next(entry for entry in entries if entry is not None)
    unit = f", {first['unit']}" if first["unit"] else ""
    head = (f"{capital(first['title'])}{unit}", True, ("",) * len(entries))
    if first["kind"] == "number":
        # A mean of a handful of people describes persons: it is hidden as a small count is.
        few = [entry is None or 0 < entry["n"] < demographic.SMALL_CELL for entry in entries]
        shown = list(zip(entries, few, strict=True))
        lines = [
            (
                "Mean (SD)",
                False,
                tuple("\u2013" if hide or e is None else _pair(e["mean"], e["sd"]) for e, hide in shown),
            ),
            (
                "Median (range)",
                False,
                tuple("\u2013" if hide or e is None else _range(e) for e, hide in shown),
            ),
        ]
        if any(entry and entry["missing"] for entry in entries):
            lines.append(
                (
                    "Missing",
                    False,
                    tuple("\u2013" if e is None else demographic.shown(e["missing"]) for e in entries),
                )
            )
        return [head, *lines]
    levels = list(dict.fromkeys(level["level"] for entry in entries if entry for level in entry["levels"]))
    lines = []
    for level in levels:
        counted = [
            next((one["n"] for one in entry["levels"] if one["level"] == level), 0) if entry else None
            for entry in entries
        ]
        lines.append((level, False, tuple("\u2013" if n is None else demographic.shown(n) for n in counted)))
    return [head, *lines]


def _pair(mean: float | None, sd: float | None) -> str:
    if mean is None:
        return "\u2013"
    return f"{fmt.fixed(mean, 1)} ({fmt.fixed(sd, 1)})" if sd is not None else fmt.fixed(mean, 1)


def _range(entry: Mapping[str, Any]) -> str:
    if entry["median"] is None:
        return "\u2013"
    low, high = (fmt.plain(round(entry[name], 4)) for name in ("minimum", "maximum"))
    return f"{fmt.plain(round(entry['median'], 4))} ({low} to {high})"


@dataclass(frozen=True)
class Listed:
    """One line of the full listing."""

    text: words.RowText
    endpoint: str
    version: str
    view: str
    part: str
    pre_specified: str


LISTED_AT_MOST = 1_500
"""More rows than this (some 40 pages) are not printed one by one; those of parts stay in the files."""


def printed(listed: Sequence[Listed]) -> list[Listed]:
    """The rows that the listing prints: all, or with very many those that speak of the whole."""
    return list(listed) if len(listed) <= LISTED_AT_MOST else [line for line in listed if not line.part]


def listing(results: Results) -> list[Listed]:
    """Every row of the results, in order."""
    return [
        Listed(
            text=words.text(row),
            endpoint=row["endpoint"],
            version=row["version"],
            view=words.VIEW_WORDS.get(row["view"], row["view"]),
            part=words.slice_words(row),
            pre_specified={None: "\u2013", True: "yes", False: "no"}[row["pre_specified"]],
        )
        for row in results.rows.iter_rows(named=True)
    ]


def post_hoc(results: Results) -> list[Listed]:
    """The rows that were not specified beforehand."""
    return [line for line in listing(results) if line.pre_specified == "no"]


def goals(results: Results) -> list[tuple[str, str, str, str, str]]:
    """Hypotheses and goals: (endpoint, role, hypothesis, criterion, rationale)."""
    found = []
    order = [
        entry["id"] for entry in results.document["endpoints"] if entry["id"] in results.protocol.endpoints
    ]
    for name in order:
        endpoint = results.protocol.endpoints[name]
        row = figures.headline(results, name, results.deciding_version)
        if endpoint.judged and row is not None:
            found.append(
                (
                    endpoint.title,
                    ROLE_WORDS[endpoint.role],
                    endpoint.hypothesis or "\u2013",
                    criteria(results, name),
                    endpoint.judged[0].rationale or "\u2013",
                )
            )
    return found
