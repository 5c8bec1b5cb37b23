"""Where everybody and every row went: the flow of participants, the counts by reason, the rows behind one."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from ...reports import blocks, coverage, figures
from ...reports import clocks as clock_blocks
from ...reports import format as fmt
from ...studies.handled import line
from ...studies.results import Results
from .. import drill, state, widgets

COUNTS = ("n_subjects", "n_reference_rows", "n_test_rows", "n_pairs")
STAYS = ("read", "analysed")
ROWS = 1_000
"""So many rows are sent to the browser at once; the run folder has them all."""


def show(results: Results, _folder: Path) -> None:
    """The page."""
    st.title("Accounting")
    participants(results)
    handled(results)
    units(results)
    clocks(results)
    st.subheader("Rows")
    entry = chosen(results)
    counts, flow = st.tabs(["Counts", "Flow"])
    with flow:
        title = f"{entry['pairing']}, version {entry['version']}, {entry['population']}"
        widgets.figure(figures.flow(used(entry), name="flow", title=title), "rows-flow")
    with counts:
        widgets.table(
            ("Step", "Subjects", "Reference rows", "Test rows", "Pairs"),
            [step_cells(step) for step in entry["steps"]],
            right=(1, 2, 3, 4),
        )
        st.caption(
            "Each row carries the first reason that applies to it. The counts add up to what was read."
        )
    left_out(results, entry)


def participants(results: Results) -> None:
    """The flow of participants (STARD) of the endpoints that decide, and every loss by its code."""
    st.subheader("Participants")
    flows = blocks.participants(results)
    if not flows:
        st.info("No endpoint of this study decides, so no flow is followed.", icon=":material/info:")
        return
    stages = different(results.document["flow"])
    names = {flow.name: flow.title for flow in flows}
    name = next(iter(names))
    if len(flows) > 1:
        name = state.choice("flow", "Endpoints", list(names), words=lambda one: names[one])
    at = list(names).index(name)
    widgets.figure(flows[at], f"stard-{name}")
    widgets.table(
        ("Stage", "Code", "Subjects", "Units"),
        [cells for stage in stages[at] for cells in stage_cells(stage)],
        right=(2, 3),
    )


def handled(results: Results) -> None:
    """What declared rules did to rows as they were read, where they did anything."""
    found = results.document.get("handled", [])
    if found:
        st.subheader("Rules applied as data were read")
        st.markdown("\n".join(f"- {escape(line(entry))}." for entry in found))


def units(results: Results) -> None:
    """How rows became units of time, or outcomes of events, where they did."""
    tables = coverage.units(results)
    if not tables:
        return
    st.subheader(f"Rows to {' and '.join(dict.fromkeys(table.became for table in tables))}")
    for table in tables:
        st.markdown(f"{table.title}, version {table.version}: {table.n_units} {table.became}")
        widgets.table(
            ("Step", "Sessions", "Rows"),
            [(escape(title), sessions, rows) for title, sessions, rows in table.steps],
            right=(1, 2),
        )
        if table.without:
            widgets.table(
                ("Measure", "Why a unit has none", "Units"),
                [(escape(title), escape(reason), n) for title, reason, n in table.without],
                right=(2,),
            )
    st.caption("Every row that was read was used or left out for one reason; the counts add up.")


def clocks(results: Results) -> None:
    """What is known of the devices' clocks, and what an error of them would do to the decision."""
    found = clock_blocks.clocks(results)
    if not found:
        return
    st.subheader("Clocks")
    block = found[0]
    if len(found) > 1:
        names = {f"{one.title} · version {one.version}": one for one in found}
        block = names[state.choice("clocks", "Pairing and version", list(names))]
    st.markdown(block.words)
    for number, model in enumerate(block.figures):
        widgets.figure(model, f"clocks-{number}")
    if block.least_sure:
        heads = ("Session", "Offset (s)", "95% interval", "Drift (ppm)", "Agreement")
        widgets.table(
            heads,
            [(escape(name), *map(widgets.plain, cells)) for name, *cells in block.least_sure],
            right=(1, 2, 3, 4),
        )
        st.caption(
            "The sessions that are least sure. The offset is added to the test device's clock; it holds the "
            "delay of the device's own averaging. All sessions are in `pairs/` of the run folder."
        )
    if block.unresolved:
        widgets.table(
            ("Session without a clock", "Status", "Reason"),
            [tuple(escape(cell) for cell in cells) for cells in block.unresolved],
        )
        if block.more:
            st.caption(f"{fmt.count(block.more)} more are in the alignment audit of the run folder.")
    tipping = clock_blocks.tipping(results)
    if tipping:
        st.markdown("**Alignment tipping point**")
        st.caption(
            "The pairs were made again with the test device's clock moved. These are sensitivity analyses; "
            "none of them decides."
        )
    for number, one in enumerate(tipping):
        st.markdown(f"**{one.title}.** {one.words}")
        if one.figure is not None:
            widgets.figure(one.figure, f"clock-tipping-{number}")


def different(entries: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The stages of the endpoints, those of endpoints with the same flow once, in order."""
    found: list[list[dict[str, Any]]] = []
    for entry in entries:
        if entry["stages"] not in found:
            found.append(entry["stages"])
    return found


def stage_cells(stage: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A stage, and before it what was lost on the way to it."""
    lost = [
        (
            f"<span style='padding-left: 1rem'>\N{MINUS SIGN} {escape(str(loss['title']))}</span>",
            f"<code>{escape(str(loss['code']))}</code>",
            fmt.count(loss["n_subjects"]),
            fmt.count(loss["n_units"]),
        )
        for loss in stage["losses"]
    ]
    counts = (f"<b>{fmt.count(stage[name])}</b>" for name in ("n_subjects", "n_units"))
    return [*lost, (f"<b>{escape(str(stage['title']))}</b>", "", *counts)]


def chosen(results: Results) -> dict[str, Any]:
    """The accounting of one pairing, version and population."""
    protocol = results.protocol
    entries: dict[str, dict[str, Any]] = {
        f"{entry['pairing']} · {entry['version']} · {entry['population']}": entry
        for entry in sorted(
            results.document["accounting"], key=lambda entry: entry["version"] != results.deciding_version
        )
    }

    def said(name: str) -> str:
        entry = entries[name]
        population = protocol.populations[entry["population"]].title
        return f"{entry['pairing']} · version {entry['version']} · {population}"

    return entries[state.choice("accounting", "Pairing, version, population", list(entries), words=said)]


def step_cells(step: dict[str, Any]) -> tuple[str, ...]:
    """One step as table cells; losses are set in."""
    title = escape(str(step["title"]))
    shown = (
        f"<b>{title}</b>"
        if step["code"] in STAYS
        else f"<span style='padding-left: 1rem'>\N{MINUS SIGN} {title}</span>"
    )
    return (shown, *(fmt.count(step.get(name)) for name in COUNTS))


def used(entry: dict[str, Any]) -> dict[str, Any]:
    """The accounting without the reasons that took nothing away."""
    kept = [
        step for step in entry["steps"] if step["code"] in STAYS or any(step.get(name) for name in COUNTS)
    ]
    return {**entry, "steps": kept}


def left_out(results: Results, entry: dict[str, Any]) -> None:
    """The rows behind one reason."""
    st.subheader("Rows with a reason")
    frame = results.pairs(entry["pairing"], entry["version"])
    found = drill.reasons(results.protocol, frame)
    if not found:
        st.success("No row of this pairing carries a reason to be left out.", icon=":material/check:")
        return
    code = state.choice("reason", "First reason", list(found), words=lambda name: found[name])
    rows = drill.excluded_rows(results, entry["pairing"], entry["version"], code)
    st.caption(
        f"{rows.height:,} rows of {rows['subject'].n_unique():,} subjects; their first reason has the code "
        f"`{code}`. A value that is missing or indeterminate leaves the row out where an endpoint needs it."
    )
    if rows.height > ROWS:
        st.caption(f"The first {ROWS:,} rows; all of them are in `pairs/` of the run folder.")
    shown = rows.head(ROWS)
    shown = shown.select(name for name in shown.columns if shown[name].null_count() < shown.height)
    st.dataframe(shown, hide_index=True, height=min(38 + 35 * shown.height, 420))
