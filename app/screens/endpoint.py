"""One endpoint: its figure, its numbers, and behind a click the data of a subject."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from ...reports import coverage, figures, shares, validity
from ...reports import rows as words
from ...reports.figures.builders import measured_unit, siblings
from ...studies import lanes, slices
from ...studies.results import Results
from .. import charts, drill, forests, state, widgets

SUBJECT = "subject"
MARK = "mark"


def show(results: Results, _folder: Path) -> None:
    """The page."""
    row = chosen_row(results)
    st.title(entries(results)[row["endpoint"]]["title"])
    decision(results, row)
    if figures.has_figure(row) and row["n_units"]:
        figure(results, row)
    else:
        st.info("This metric has no figure of its own; its numbers are below.", icon=":material/table_chart:")
    error_matrix(results, row)
    statistics(results, row)


def decision(results: Results, row: dict[str, Any]) -> None:
    """What is decided on the row; where it is one of several that decide together, on all of them."""
    text = words.text(row)
    entry = entries(results)[row["endpoint"]]
    together = [results.row(row_id) for row_id in entry["judged_rows"]]
    if len(together) > 1 and row["row_id"] in entry["judged_rows"]:
        declared = slices.endpoint_of(results.protocol, row["endpoint"])
        any_of = declared.criteria is not None and declared.criteria.any_of is not None
        how = "One of these has to be met." if any_of else "All of these have to be met."
        widgets.banner(entry["decision"], words.text(together[0]).brief, [how])
        judged(together)
        for note in dict.fromkeys(note for one in together for note in words.text(one).notes):
            st.caption(f":material/info: {note}")
    elif text.decision:
        notes = [validity.capital(note) for note in text.notes]
        widgets.banner(text.state, text.brief, [f"Goal: {text.criterion}", *notes])
    else:
        for note in text.notes:
            st.caption(f":material/info: {note}")


def judged(rows: list[dict[str, Any]]) -> None:
    """Rows that decide together: criteria, pairs of groups, or levels."""
    texts = [(row, words.text(row)) for row in rows]
    widgets.table(
        ("", "n/N", "Estimate", "Interval", "Goal", "Decision"),
        [
            (
                widgets.plain(text.statistic) + widgets.quiet(words.slice_words(row)),
                text.count,
                widgets.plain(text.estimate),
                widgets.plain(text.interval),
                widgets.plain(text.criterion),
                widgets.chip(text.state, text.brief),
            )
            for row, text in texts
        ],
        right=(1, 2, 3),
    )


def entries(results: Results) -> dict[str, dict[str, Any]]:
    """Endpoints of the results by identifier."""
    return {entry["id"]: entry for entry in results.document["endpoints"] if entry.get("row_id")}


def chosen_row(results: Results) -> dict[str, Any]:
    """The results row that endpoint, version and part of the data name."""
    known = entries(results)
    boxes = st.columns([5, 2, 5])
    with boxes[0]:
        endpoint = state.choice(
            "endpoint", "Endpoint", list(known), words=lambda name: str(known[name]["title"])
        )
    whole = results.row(known[endpoint]["row_id"])
    rows = [
        row
        for row in results.endpoint(endpoint).iter_rows(named=True)
        if row["statistic"] == whole["statistic"] and row["comparator"] is None
    ]
    with boxes[1]:
        names = list(dict.fromkeys([results.deciding_version, *(row["version"] for row in rows)]))
        version = state.choice("version", "Version", names)
    own = [row for row in rows if row["version"] == version]
    own.sort(key=lambda row: row["row_id"] != whole["row_id"])  # what decides comes first
    parts = {forests.part_words(row): row for row in own}
    with boxes[2]:
        part = state.choice("part", "Part of the data", list(parts))
    return parts[part]


def figure(results: Results, row: dict[str, Any]) -> None:
    """The interactive figure, and under it what was clicked."""
    st.session_state.setdefault(SUBJECT, st.query_params.get(SUBJECT))
    model = state.figure(results, row["row_id"])
    key = f"figure-{row['row_id']}"
    appearance: charts.Appearance = "dark" if widgets.is_dark() else "light"
    chart = charts.clickable(model, appearance, subject=st.session_state[SUBJECT])
    st.plotly_chart(
        chart.figure,
        on_select=lambda: clicked(key),
        selection_mode="points",
        key=key,
        theme=None,
        alt=model.alt,
        config={"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]},
    )
    many = " Each mark stands for the pairs of one small square." if chart.bins else ""
    st.caption(
        f"{model.caption}{many} Click a {'cell' if chart.cells else 'mark'} to see the data behind it."
    )
    behind_mark(results, row, chart)
    subject_panel(results, row)


def clicked(key: str) -> None:
    """Take over what a click on the chart chose."""
    subject, mark = charts.picked(st.session_state.get(key))
    if subject is not None:
        st.session_state[SUBJECT] = subject
    if mark is not None:
        st.session_state[MARK] = (key, mark)


def behind_mark(results: Results, row: dict[str, Any], chart: charts.Chart) -> None:
    """The rows of the clicked bin or cell; a click on one of them opens its subject."""
    key, mark = st.session_state.get(MARK, (None, None))
    if key != f"figure-{row['row_id']}" or mark not in {*chart.cells, *chart.bins}:
        return
    if mark in chart.cells:
        reference, output = chart.cells[mark]
        found = drill.cell_rows(results, row, reference, output)
        title = f"Reference {reference}, output {output}"
    else:
        found = drill.bin_rows(results, row, chart.bins[mark])
        title = "Pairs behind the mark"
    st.subheader(f"{title}: {found.height:,} pairs of {found['subject'].n_unique():,} subjects")
    if found.is_empty():
        return
    st.caption("Choose a row to open its subject.")
    table = f"rows-{row['row_id']}-{mark}"
    subjects = found["subject"].cast(pl.String).to_list()
    st.dataframe(
        found,
        hide_index=True,
        key=table,
        on_select=lambda: opened(table, subjects),
        selection_mode="single-row",
        height=min(38 + 35 * found.height, 300),
    )


def opened(table: str, subjects: list[str]) -> None:
    """Take over the row that was chosen in a table."""
    rows = st.session_state[table]["selection"]["rows"]
    if rows:
        st.session_state[SUBJECT] = subjects[rows[0]]


def subject_panel(results: Results, row: dict[str, Any]) -> None:
    """All rows of the chosen subject, those left out too."""
    known = drill.subjects(results, row)
    wanted = st.session_state[SUBJECT]
    if wanted is not None and wanted not in known:
        st.warning(f"There is no subject {wanted} in these data.", icon=":material/person_off:")
        st.session_state[SUBJECT] = None
    st.subheader("Subject")
    chosen = st.selectbox("Subject", known, key=SUBJECT, placeholder="Click a mark above, or choose here",
                          index=None, label_visibility="collapsed")  # fmt: skip
    state.remember(SUBJECT, chosen)
    if chosen is None:
        return
    facts = drill.subject_facts(results, row, chosen)
    if facts:
        st.caption(" · ".join(f"{name} {value}" for name, value in facts.items()))
    found = drill.subject_rows(results, row, chosen)
    analysed = int(found[drill.ANALYSED].sum())
    rows = f"{found.height:,} row{'' if found.height == 1 else 's'}"
    st.markdown(f"**Subject {chosen}**: {rows}, {analysed:,} analysed here")
    if row["endpoint"] in lanes.in_time(results):
        widgets.link(
            "signals",
            "Signals of this subject",
            endpoint=row["endpoint"],
            version=row["version"],
            subject=chosen,
        )
    st.dataframe(found, hide_index=True, key="subject-rows", column_config=labels(results, row))


def labels(results: Results, row: dict[str, Any]) -> dict[str, str]:
    """Heads of the columns that hold measurements, with their unit."""
    unit = measured_unit(results.protocol, slices.endpoint_of(results.protocol, row["endpoint"]))
    suffix = f" ({unit})" if unit else ""
    heads = {"reference": "Reference", "test": "Test", drill.DIFFERENCE: "Test \N{MINUS SIGN} reference"}
    return {name: f"{head}{suffix}" for name, head in heads.items()}


def error_matrix(results: Results, row: dict[str, Any]) -> None:
    """Of several classes, the share of each that is called what, each subject counting once."""
    whole = all(row[part] is None for part in ("by", "subgroup", "level"))
    table = shares.share_table(results, row["endpoint"], row["version"]) if whole else None
    if table is None:
        return
    st.subheader("Error matrix in shares")
    widgets.table(
        (table.row_title, "Subjects", *table.columns),
        [
            (
                widgets.plain(name),
                n,
                *(widgets.plain(share) + widgets.quiet(ends) for share, ends in cells),
            )
            for name, n, cells in table.rows
        ],
        right=range(1, len(table.columns) + 2),
    )
    st.caption(table.caption)


def statistics(results: Results, row: dict[str, Any]) -> None:
    """Every statistic that was computed with this one."""
    st.subheader("Statistics")
    texts = [words.text(other) for other in siblings(results, row).values()]
    widgets.table(
        ("Statistic", "n/N", "Subjects", "Estimate", "Interval", "", "Decision"),
        [
            (
                widgets.plain(text.statistic),
                text.count,
                text.subjects,
                widgets.plain(text.estimate),
                widgets.plain(text.interval),
                widgets.plain(text.interval_note),
                widgets.chip(text.state, text.brief) if text.brief else "",
            )
            for text in texts
        ],
        right=(1, 2, 3, 4),
    )
    beside = coverage.beside(results, row["endpoint"])
    if beside:
        st.markdown(f":material/visibility: {beside}")
    definitions = {other["statistic"]: other for other in siblings(results, row).values()}
    with st.expander("Definitions and methods"):
        for other in definitions.values():
            st.markdown(f"**{words.statistic_title(other)}.** {other['definition']}")
            st.caption(
                " · ".join(str(other[name]) for name in ("method", "reference", "row_id") if other[name])
            )
