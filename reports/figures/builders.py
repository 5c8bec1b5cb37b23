"""From results rows and analysis data to figure models. Bias, limits and bounds are read, never computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import polars as pl

from ...datasets.accounting import ANALYSED, READ
from ...evaluators import registry
from ...protocols.errors import UsageError
from ...protocols.model import Endpoint, Protocol
from ...studies import slices
from ...studies.contrasts import kind_of
from ...studies.results import Results
from .. import format as fmt
from .. import rows as words
from ..judged import deciding_row
from .forest_row import finite, forest_row
from .model import AnyFigure, Axis, Flow, FlowStep, Forest, ForestRow, Level, Matrix, Points, Scatter

Row = Mapping[str, Any]
SizeAxis = Literal["mean", "reference"]

SAME_SLICE = (
    "endpoint",
    "metric",
    "algorithm",
    "version",
    "comparator",
    "population",
    "view",
    "by",
    "subgroup",
    "level",
)
FOREST_LINES = 42
"""Lines of a forest plot that fit on one page; longer ones are split at a subgroup."""


def build(results: Results, row_id: str, *, size: SizeAxis = "mean") -> AnyFigure:
    """The figure that shows one results row: what its metric asks for, on exactly the rows behind it.

    Args:
        results: An opened run.
        row_id: A row of it, or the first digits of its id.
        size: Horizontal axis of a difference plot: the mean of both measurements (Bland and Altman 1986), or
            the reference where it is taken as true (Krouwer 2008).

    Raises:
        UsageError: No such row, or its metric has no figure of its own.
    """
    row = results.row(row_id)
    endpoint = slices.endpoint_of(results.protocol, row["endpoint"])
    metric = registry.get(row["metric"])
    if metric.figure == "bland_altman":
        return differences(results, row, endpoint, size)
    if metric.figure == "confusion":
        return confusion(results, row, endpoint)
    if metric.figure == "scatter":
        return scatter(results, row, endpoint)
    raise UsageError(f"metric `{row['metric']}` has no figure of its own; `forest` shows its subgroups")


def has_figure(row: Row) -> bool:
    """Whether `build` can draw the row."""
    return registry.get(row["metric"]).figure != "none"


def siblings(results: Results, row: Row) -> dict[str, Row]:
    """The statistics that were computed with this one: same endpoint, version, view and part. By name."""
    same = pl.all_horizontal(
        pl.col(name).eq_missing(pl.lit(row[name], dtype=pl.String)) for name in SAME_SLICE
    )
    found = results.endpoint(row["endpoint"]).filter(same)
    return {other["statistic"]: other for other in found.iter_rows(named=True)}


def measured_unit(protocol: Protocol, endpoint: Endpoint) -> str | None:
    """Unit of the endpoint's measurement."""
    pairing = protocol.pairings[str(endpoint.pairing)]
    return protocol.tables[pairing.reference].columns[str(endpoint.reference)].unit


def _part(row: Row) -> str:
    part = words.slice_words(row)
    return f", {part}" if part else ""


def _stamp(row: Row) -> str:
    """What a caption says of a row that differs from the locked plan."""
    return " Post hoc." if row["pre_specified"] is False else ""


def differences(results: Results, row: Row, endpoint: Endpoint, size: SizeAxis) -> Scatter:
    """A difference plot; with bias and limits of agreement where the endpoint has them."""
    data = results.slice(row["row_id"])
    reference, test = (data.get_column(name).to_numpy().astype(np.float64) for name in ("reference", "test"))
    unit = measured_unit(results.protocol, endpoint)
    horizontal = (reference + test) / 2 if size == "mean" else reference
    found = siblings(results, row)
    levels = _agreement_levels(found)
    title = "Mean of reference and test" if size == "mean" else "Reference"
    described = "; ".join(
        f"{level.label}, {level.detail}" if level.detail else level.label for level in levels if level.label
    )
    n_subjects = data.get_column("subject").n_unique()
    what = f"{data.height:,} pairs of {n_subjects:,} subjects"
    which = f"version {row['version']}{_part(row)}"
    return Scatter(
        name=f"differences-{row['row_id']}",
        title=f"{endpoint.title}: differences{_part(row)}",
        caption=f"Difference (test \u2212 reference) against the {title.lower()}, {what}, {which}. "
        + ("Shaded: the interval of each line." if any(level.lower is not None for level in levels) else "")
        + _stamp(row),
        alt=f"Difference plot of {endpoint.title}, {which}: {what}. {described}".rstrip(),
        x=Axis(title, unit),
        y=Axis("Test \u2212 reference", unit),
        points=Points(
            x=horizontal,
            y=test - reference,
            subjects=tuple(data.get_column("subject").cast(pl.String).to_list()),
            rows=tuple(range(data.height)),
        ),
        levels=(Level(0.0, "", role="zero"), *levels),
    )


_LEVELS: tuple[tuple[str, str, Literal["center", "limit"]], ...] = (
    ("bias", "Bias", "center"),
    ("loa_upper", "Upper limit", "limit"),
    ("loa_lower", "Lower limit", "limit"),
)


def _agreement_levels(found: Mapping[str, Row]) -> tuple[Level, ...]:
    """Bias, limits of agreement and their goals, as the rows hold them."""
    levels: list[Level] = []
    goals: list[Level] = []
    for name, label, role in _LEVELS:
        row = found.get(name)
        if row is None or row["estimate"] is None:
            continue
        bounds = words.interval(row)
        detail = f"{fmt.level(row['ci_level'])} CI {bounds}" if row["ci_level"] and bounds != "\u2013" else ""
        levels.append(
            Level(
                value=row["estimate"],
                label=f"{label} {words.number(row, row['estimate'])}",
                lower=finite(row["ci_lower"]),
                upper=finite(row["ci_upper"]),
                role=role,
                detail=detail,
            )
        )
        goals += [Level(mark, f"Goal {fmt.plain(mark)}", role="goal") for mark in words.limits(row)]
    return (*levels, *dict.fromkeys(goals))


def scatter(results: Results, row: Row, endpoint: Endpoint) -> Scatter:
    """Test against reference, with the line of identity."""
    data = results.slice(row["row_id"])
    reference, test = (data.get_column(name).to_numpy().astype(np.float64) for name in ("reference", "test"))
    unit = measured_unit(results.protocol, endpoint)
    what = f"{data.height:,} pairs, version {row['version']}{_part(row)}"
    subjects = tuple(data.get_column("subject").cast(pl.String).to_list())
    return Scatter(
        name=f"scatter-{row['row_id']}",
        title=f"{endpoint.title}{_part(row)}",
        caption=f"Test against reference, {what}. Dashed: identity.{_stamp(row)}",
        alt=f"Scatter of test against reference for {endpoint.title}: {what}, with the line of identity.",
        x=Axis("Reference", unit),
        y=Axis("Test", unit),
        points=Points(reference, test, subjects, tuple(range(data.height))),
        identity=True,
    )


def confusion(results: Results, row: Row, endpoint: Endpoint) -> Matrix:
    """The full table of output by reference: every reference level, every output with indeterminate ones.

    It shows the rows of the row's population and part as they came, before any view is taken.
    """
    protocol = results.protocol
    how = slices.coding(protocol, endpoint)
    frame = results.pairs(str(endpoint.pairing), row["version"])
    full = slices.population_rows(protocol, endpoint, frame)
    part = slices.rows(
        protocol, row["endpoint"], frame,
        view="primary" if len(how.views) == 1 else "as_negative",
        by=row["by"], subgroup=row["subgroup"], level=row["level"],
    )  # fmt: skip
    if words.slice_words(row):
        full = full.join(
            part.select("reference_row", "test_row"), on=["reference_row", "test_row"], how="semi"
        )
    cells = full.select(
        pl.col(how.reference).cast(pl.String).alias("r"), pl.col(how.test).cast(pl.String).alias("t")
    )
    counted = {(r, t): n for r, t, n in cells.group_by("r", "t").len().rows()}
    references = _levels(
        protocol, endpoint, "reference", how.reference_indeterminate, {r for r, _ in counted}
    )
    outputs = _levels(protocol, endpoint, "test", how.test_indeterminate, {t for _, t in counted})
    outputs += [level for level in how.test_indeterminate if level not in outputs]
    counts = tuple(tuple(counted.get((r, t), 0) for t in outputs) for r in references)
    agree = tuple(tuple(_agree(how, r, t) for t in outputs) for r in references)
    listed = "; ".join(
        f"reference {r}: " + ", ".join(f"{t} {n:,}" for t, n in zip(outputs, line, strict=True))
        for r, line in zip(references, counts, strict=True)
    )
    pairing = protocol.pairings[str(endpoint.pairing)]
    return Matrix(
        name=f"confusion-{row['row_id']}",
        title=f"Output by reference{_part(row)}",
        caption=f"All outputs by reference, version {row['version']}{_part(row)}: {full.height:,} pairs of "
        f"{full.get_column('subject').n_unique():,} subjects.",
        alt=f"Table of counts, output by reference, version {row['version']}{_part(row)}. {listed}.",
        row_title=protocol.tables[pairing.reference].columns[str(endpoint.reference)].title or "Reference",
        column_title=protocol.tables[pairing.test].columns[str(endpoint.test)].title or "Output",
        rows=tuple(references),
        columns=tuple(outputs),
        counts=counts,
        agree=agree,
    )


def _levels(
    protocol: Protocol,
    endpoint: Endpoint,
    side: Literal["reference", "test"],
    without: Sequence[str],
    found: set[str],
) -> list[str]:
    """Declared determinate levels (positive ones first), then others found in the data."""
    pairing = protocol.pairings[str(endpoint.pairing)]
    table = pairing.reference if side == "reference" else pairing.test
    column = protocol.tables[table].columns[str(endpoint.reference if side == "reference" else endpoint.test)]
    declared = ("true", "false") if column.type == "boolean" else column.levels or ()
    positive = endpoint.positive or ("true",)
    ordered = sorted(
        (level for level in declared if level not in without), key=lambda level: level not in positive
    )
    return [*ordered, *sorted(found - set(ordered) - set(without))]


def _agree(how: slices.Coding, reference: str, test: str) -> bool | None:
    if test in how.test_indeterminate:
        return None
    if how.kind == "binary":
        return (reference in how.positive) == (test in how.positive)
    return reference == test


def forest(results: Results, endpoint_id: str, *, version: str | None = None) -> tuple[Forest, ...]:
    """The endpoint's subgroups under each other; several figures where they would not fit on one page.

    Args:
        results: An opened run.
        endpoint_id: An endpoint of it.
        version: Algorithm version; default the one that decides.

    Returns:
        No figure where the endpoint has no subgroups.
    """
    chosen = version or results.deciding_version
    overall = whole(results, endpoint_id, version=chosen)
    if overall is None:
        return ()
    same = (
        (pl.col("version") == chosen)
        & (pl.col("view") == "primary")
        & pl.col("comparator").is_null()
        & (pl.col("statistic") == overall["statistic"])
        & (pl.col("subgroup").is_not_null() | pl.col("by").is_not_null())
    )
    parts = results.endpoint(endpoint_id).filter(same)
    groups: dict[str, list[ForestRow]] = {}
    for row in parts.iter_rows(named=True):
        if kind_of(results.protocol, row) != "level":
            continue  # a difference or a test is no estimate on this scale; sites left out have a table
        name, label = group_words(results.protocol, row)
        absent = "no value" if row["n_units"] else "no rows"
        groups.setdefault(name, []).append(forest_row(row, label, absent=absent))
    if not groups:
        return ()
    endpoint = slices.endpoint_of(results.protocol, endpoint_id)
    pages = _pages([[ForestRow(name, heading=True), *lines] for name, lines in groups.items()])
    return tuple(
        _forest(results, endpoint, overall, lines, f"{number} of {len(pages)}" if len(pages) > 1 else "")
        for number, lines in enumerate(pages, 1)
    )


def headline(results: Results, endpoint_id: str, version: str) -> Row | None:
    """The row that speaks for an endpoint in one version, in the primary view.

    All analysed rows; or of the pairs or levels that the endpoint is judged by, the one that decides.
    """
    row = deciding_row(results, endpoint_id)
    if row is None:
        return None
    if row["version"] == version:
        return row
    for other in results.endpoint(endpoint_id).iter_rows(named=True):
        if other["version"] == version and all(
            other[name] == row[name]
            for name in ("statistic", "view", "by", "subgroup", "level", "comparator")
        ):
            return other
    return None


def whole(results: Results, endpoint_id: str, *, version: str | None = None) -> Row | None:
    """The row of all analysed rows for the statistic that an endpoint is judged by, if there is one."""
    row = headline(results, endpoint_id, version or results.deciding_version)
    if row is None or (row["by"] is None and row["subgroup"] is None):
        return row
    return _all_rows(results, row)


def _all_rows(results: Results, row: Row) -> Row | None:
    """The row of the same statistic that speaks of all analysed rows."""
    for other in results.endpoint(row["endpoint"]).iter_rows(named=True):
        whole = all(other[name] is None for name in ("by", "subgroup", "comparator"))
        if whole and all(other[name] == row[name] for name in ("statistic", "version", "view")):
            return other
    return None


def group_words(protocol: Protocol, row: Row) -> tuple[str, str]:
    """Heading and label of a part: the subgroup's title and its level."""
    if row["subgroup"]:
        declared = protocol.subgroups.get(row["subgroup"])
        name = str(row["subgroup"])
        title = (declared.title if declared else None) or name.replace("_", " ").capitalize()
        return title, str(row["level"])
    levels = words.by_levels(row)
    names = [name.removeprefix("reference.").removeprefix("test.").replace("_", " ") for name in levels]
    return "By " + " and ".join(names), ", ".join(levels.values())


def _pages(groups: list[list[ForestRow]]) -> list[list[ForestRow]]:
    pages: list[list[ForestRow]] = [[]]
    for group in groups:
        rest = group
        if pages[-1] and len(pages[-1]) + len(rest) > FOREST_LINES:
            pages.append([])
        while len(rest) > FOREST_LINES:
            pages[-1].extend(rest[:FOREST_LINES])
            rest = [ForestRow(group[0].label + " (continued)", heading=True), *rest[FOREST_LINES:]]
            pages.append([])
        pages[-1].extend(rest)
    return [page for page in pages if page]


def _forest(results: Results, endpoint: Endpoint, whole: Row, lines: list[ForestRow], part: str) -> Forest:
    proportion = words.is_proportion(whole)
    title = words.statistic_title(whole)
    level = f"{fmt.level(whole['ci_level'])} CI" if whole["ci_level"] else "no interval"
    suffix = f" ({part})" if part else ""
    spoken = "; ".join(f"{line.label} {line.count}, {line.text}" for line in lines if not line.heading)
    first = forest_row(whole, "All analysed", overall=True)
    goal = words.limits(whole)
    return Forest(
        name=f"forest-{whole['row_id']}-{part[:2].strip() or '1'}",
        title=f"{endpoint.title}: subgroups{suffix}",
        caption=f"{title} by subgroup{suffix}, version {whole['version']}; intervals are not adjusted for "
        "multiplicity. "
        "Arrows: the interval reaches beyond the axis."
        + (f" Dash-dotted: goal {words.goal(whole)}." if goal else "")
        + _stamp(whole),
        alt=f"Forest plot of {title} by subgroup{suffix}, version {whole['version']}. All analysed "
        f"{first.count}, {first.text}; {spoken}.",
        x=Axis(title, None if proportion else words.unit(whole).strip() or None, percent=proportion),
        rows=(first, *lines),
        goal=goal,
        goal_label=f"goal {words.goal(whole)}" if goal else "",
        count_title="n/N" if whole["n_events"] is not None else "units",
        text_title=f"Estimate ({level})",
    )


def flow(entry: Mapping[str, Any], *, name: str, title: str) -> Flow:
    """The accounting of one pairing, version and population as a flow of boxes.

    Args:
        entry: One accounting record of results.json.
        name: Identifier of the figure.
        title: Its title.
    """
    steps = tuple(_flow_step(step) for step in entry["steps"])
    spoken = "; ".join(f"{step.title}: {', '.join(step.lines)}" for step in steps)
    return Flow(
        name=name,
        title=title,
        caption=f"{title}. Dashed boxes leave the analysis; each row carries the first reason that applies.",
        alt=f"Flow of {title}. {spoken}.",
        steps=steps,
    )


def _flow_step(step: Mapping[str, Any]) -> FlowStep:
    leaves = step["code"] not in (READ, ANALYSED)
    lines = [
        f"{fmt.count(step[key])} {word if step[key] != 1 else word.removesuffix('s')}"
        for key, word in (("n_subjects", "subjects"), ("n_pairs", "pairs"))
        if step.get(key) is not None and (step[key] or not leaves or key == "n_subjects")
    ]
    sides = [
        f"{fmt.count(step[key])} {word}"
        for key, word in (("n_reference_rows", "reference"), ("n_test_rows", "test"))
        if step.get(key)
    ]
    if sides:
        lines.append(f"rows: {', '.join(sides)}")
    return FlowStep(title=str(step["title"]), lines=tuple(lines), leaves=leaves)
