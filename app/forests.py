"""Forest plots of the app: what groups differ by, and sites; lines are those of the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from ..reports import disparity, figures
from ..reports import format as fmt
from ..reports import rows as words
from ..reports.figures import Axis, Forest, ForestRow
from ..studies.contrasts import Kind, kind_of
from ..studies.results import Results

Row = Mapping[str, Any]
ALL = "All analysed"


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


def between(results: Results, endpoint: str, version: str) -> list[Forest]:
    """What groups of subjects differ by, inside the margin: every pair, or a change along a covariate.

    One figure for every statistic that is compared; none where the endpoint compares no groups.
    """
    declared = results.protocol.endpoints.get(endpoint)
    if declared is None:
        return []
    if disparity.is_slope(declared):
        along = disparity.slope_forest(results, [endpoint], version)
        return [] if along is None else [along]
    return disparity.pair_forests(results, endpoint, version, largest=True)


def sites(results: Results, endpoint: str, version: str) -> Forest | None:
    """The deciding statistic at every site and without each of them; None where sites are not asked for."""
    rule, whole = results.protocol.sites, figures.whole(results, endpoint, version=version)
    if rule is None or whole is None:
        return None
    own = [
        row
        for row in rows_of(results, endpoint, version, ("level", "without_site"))
        if row["subgroup"] == rule.by and row["statistic"] == whole["statistic"]
    ]
    if not own:
        return None
    lines = [figures.forest_row(whole, ALL, overall=True)]
    for heading, kind in (("At each site", "level"), ("Without one site", "without_site")):
        group = [row for row in own if kind_of(results.protocol, row) == kind]
        if group:
            lines.append(ForestRow(heading, heading=True))
            lines += [figures.forest_row(row, str(row["level"])) for row in group]
    title, proportion = words.statistic_title(whole), words.is_proportion(whole)
    goal = words.limits(whole)
    caption = f"{title} by site, version {version}; sites inform and do not decide."
    caption += f" Dash-dotted: goal {words.goal(whole)}." if goal else ""
    spoken = "; ".join(f"{one.label} {one.count}, {one.text}" for one in lines if not one.heading)
    level = f"{fmt.level(whole['ci_level'])} CI" if whole["ci_level"] else "no interval"
    return Forest(
        name=f"sites-{whole['row_id']}",
        title=f"{results.protocol.endpoints[endpoint].title}: sites",
        caption=caption,
        alt=f"Forest plot. {caption} {spoken}.",
        x=Axis(title, None if proportion else words.unit(whole).strip() or None, percent=proportion),
        rows=tuple(lines),
        goal=goal,
        goal_label=f"goal {words.goal(whole)}" if goal else "",
        count_title="n/N" if whole["n_events"] is not None else "units",
        text_title=f"Estimate ({level})",
    )
