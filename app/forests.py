"""Forest plots whose lines lead to their rows: subgroups, pairs of groups with their margin, sites.

Rows of the results are laid out here, in the record that the report's figures use; nothing is computed.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ..reports import figures
from ..reports import format as fmt
from ..reports import rows as words
from ..reports.figures import Axis, Forest, ForestRow
from ..studies.contrasts import Kind, kind_of
from ..studies.demographics import SMALL_CELL
from ..studies.results import Results

Row = Mapping[str, Any]
ALL = "All analysed"
SIGN_WORDS = {
    "difference": "later group \N{MINUS SIGN} earlier group",
    "ratio": "later group / earlier group",
}


@dataclass(frozen=True)
class Lines:
    """A forest plot, and the results row behind each of its lines.

    Attributes:
        model: The figure.
        rows: One for each line of the figure; None for headings.
    """

    model: Forest
    rows: tuple[Row | None, ...]


def part_words(row: Row) -> str:
    """Which rows and which view a results row speaks of, as the endpoint page calls it."""
    part = words.slice_words(row) or ALL
    return part if row["view"] == "primary" else f"{part} ({words.VIEW_WORDS[row['view']].lower()})"


def rows_of(results: Results, endpoint: str, version: str, kinds: Iterable[Kind]) -> list[dict[str, Any]]:
    """Rows of subgroups and sites of an endpoint in one version and the primary view, of these kinds."""
    wanted = set(kinds)
    found = results.endpoint(endpoint).filter(
        (pl.col("version") == version)
        & (pl.col("view") == "primary")
        & pl.col("comparator").is_null()
        & pl.col("subgroup").is_not_null()
    )
    return [row for row in found.iter_rows(named=True) if kind_of(results.protocol, row) in wanted]


def subgroups(results: Results, endpoint: str, version: str) -> list[Lines]:
    """The endpoint's subgroups beside the whole, as the report draws them."""
    whole = _whole(results, endpoint, version)
    if whole is None:
        return []
    own = results.endpoint(endpoint).filter(
        (pl.col("version") == version)
        & (pl.col("view") == "primary")
        & pl.col("comparator").is_null()
        & (pl.col("statistic") == whole["statistic"])
    )
    behind: dict[tuple[str, str], Row] = {}
    for row in own.iter_rows(named=True):
        if kind_of(results.protocol, row) not in {"level", "without_site"}:
            continue  # what sets groups apart has a figure of its own
        if row["subgroup"] is not None or row["by"] is not None:
            behind.setdefault(figures.group_words(results.protocol, row), row)
        else:
            behind[("", ALL)] = row
    return [
        Lines(model, tuple(_behind(model.rows, behind)))
        for model in figures.forest(results, endpoint, version=version)
    ]


def _behind(lines: Sequence[ForestRow], known: Mapping[tuple[str, str], Row]) -> Iterable[Row | None]:
    """The results row of each line, found by its heading and its label."""
    heading = ""
    for line in lines:
        if line.heading:
            heading = line.label.removesuffix(" (continued)")
            yield None
        else:
            yield known.get(("", ALL) if line.overall else (heading, line.label))


def between(results: Results, endpoint: str, version: str) -> list[Lines]:
    """What groups of subjects differ by, inside the margin: every pair, or a change along a covariate.

    One figure for every statistic that is compared; none where the endpoint compares no groups.
    """
    declared = results.protocol.endpoints.get(endpoint)
    if declared is None:
        return []
    if declared.disparity is None:
        along = _slope(results, endpoint, version)
        return [] if along is None else [along]
    compared = SIGN_WORDS[declared.disparity.contrast]
    by_statistic: dict[str, list[Row]] = {}
    for row in rows_of(results, endpoint, version, ("pair", "largest")):
        by_statistic.setdefault(row["statistic"], []).append(row)
    return [
        Lines(
            _margin(
                declared.title, rows[0], [line(row, _pair(results, row)) for row in rows], compared, version
            ),
            tuple(rows),
        )
        for rows in by_statistic.values()
    ]


def _pair(results: Results, row: Row) -> str:
    largest = kind_of(results.protocol, row) == "largest"
    return "Largest (not judged)" if largest else str(row["level"])


def _slope(results: Results, endpoint: str, version: str) -> Lines | None:
    """The change along a covariate inside its margin; None for endpoints that have no covariate."""
    declared = results.protocol.endpoints.get(endpoint)
    if declared is None or "covariate" not in declared.columns:
        return None
    row = figures.headline(results, endpoint, version)
    if row is None:
        return None
    label = _column_title(results, str(declared.columns["covariate"]))
    return Lines(_margin(declared.title, row, [line(row, label)], "", version), (row,))


def _column_title(results: Results, name: str) -> str:
    """The title of a column as its table declares it, in lines that fit beside a figure."""
    table, _, column = name.rpartition(".")
    tables = results.protocol.tables
    where = [tables[table]] if table in tables else list(tables.values())
    title = next((one.columns[column].title for one in where if column in one.columns), None) or column
    return "\n".join(textwrap.wrap(title, 28))


def _whole(results: Results, endpoint: str, version: str) -> Row | None:
    """The row of the deciding statistic that speaks of all analysed rows."""
    speaking = figures.headline(results, endpoint, version)
    if speaking is None or speaking["subgroup"] is None:
        return speaking
    for row in results.endpoint(endpoint).iter_rows(named=True):
        whole = all(row[name] is None for name in ("by", "subgroup", "comparator"))
        if whole and all(row[name] == speaking[name] for name in ("statistic", "version", "view")):
            return row
    return None


def sites(results: Results, endpoint: str, version: str) -> Lines | None:
    """The deciding statistic at every site and without each of them; None where sites are not asked for."""
    rule = results.protocol.sites
    whole = _whole(results, endpoint, version)
    if rule is None or whole is None:
        return None
    own = [
        row
        for row in rows_of(results, endpoint, version, ("level", "without_site"))
        if row["subgroup"] == rule.by and row["statistic"] == whole["statistic"]
    ]
    if not own:
        return None
    at = [row for row in own if kind_of(results.protocol, row) == "level"]
    without = [row for row in own if kind_of(results.protocol, row) == "without_site"]
    lines: list[ForestRow] = [line(whole, ALL, overall=True)]
    rows: list[Row | None] = [whole]
    for heading, group in (("At each site", at), ("Without one site", without)):
        if group:
            lines += [ForestRow(heading, heading=True), *(line(row, str(row["level"])) for row in group)]
            rows += [None, *group]
    title = results.protocol.endpoints[endpoint].title
    model = _forest(
        whole,
        lines,
        name=f"sites-{whole['row_id']}",
        title=f"{title}: sites",
        caption=f"{words.statistic_title(whole)} by site, version {version}; sites inform and do not decide.",
        axis=words.statistic_title(whole),
        limit="goal",
    )
    return Lines(model, tuple(rows))


def line(row: Row, label: str, *, overall: bool = False) -> ForestRow:
    """One results row as a line of a forest plot; of a handful of subjects only how few they are."""
    shown = words.text(row)
    count = shown.count
    if words.hidden(row):
        return ForestRow(label, count=count, text=f"fewer than {SMALL_CELL} subjects")
    if _finite(row["estimate"]) is None:
        return ForestRow(label, count=count, text="no value", overall=overall)
    bounds = "" if shown.interval == "\N{EN DASH}" else f" ({shown.interval})"
    return ForestRow(
        label,
        value=row["estimate"],
        lower=_finite(row["ci_lower"]),
        upper=_finite(row["ci_upper"]),
        count=count,
        text=words.number(row, row["estimate"]) + bounds,
        overall=overall,
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _margin(title: str, row: Row, lines: Sequence[ForestRow], compared: str, version: str) -> Forest:
    statistic = words.statistic_title(row)
    what = f"{statistic}, {compared}" if compared else statistic
    judged = "Every pair's interval is judged by the margin. " if len(lines) > 1 else ""
    return _forest(
        row,
        lines,
        name=f"pairs-{row['row_id']}",
        title=f"{title}: between groups",
        caption=f"{what}, version {version}. {judged}".strip(),
        axis=what,
        limit="margin",
    )


def _forest(
    row: Row, lines: Sequence[ForestRow], *, name: str, title: str, caption: str, axis: str, limit: str
) -> Forest:
    proportion = words.is_proportion(row)
    goal = words.limits(row)
    level = f"{fmt.level(row['ci_level'])} CI" if row["ci_level"] else "no interval"
    said = f" Dash-dotted: {limit} {words.goal(row)}." if goal else ""
    spoken = "; ".join(f"{one.label} {one.count}, {one.text}" for one in lines if not one.heading)
    return Forest(
        name=name,
        title=title,
        caption=caption + said,
        alt=f"Forest plot. {caption}{said} {spoken}.",
        x=Axis(axis, None if proportion else words.unit(row).strip() or None, percent=proportion),
        rows=tuple(lines),
        goal=goal,
        goal_label=f"{limit} {words.goal(row)}" if goal else "",
        count_title="n/N" if row["n_events"] is not None else "units",
        text_title=f"Estimate ({level})",
    )
