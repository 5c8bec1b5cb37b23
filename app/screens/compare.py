"""Compare: the decision on every candidate, its improvements, and for whom it is worse."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from ...reports import comparison as comparisons
from ...reports import format as fmt
from ...reports.comparison import blocks, figures, harmed, words
from ...reports.comparison.material import Material
from ...studies import lanes, signals, slices
from ...studies.comparison_folder import COMPARISON_FILE, SUBJECTS_FILE, finished_comparisons
from ...studies.disagreeing import DISAGREEMENTS_FILE
from ...studies.results import Results
from .. import charts, state, widgets
from . import between, compare_plan, report

COMPARISON, CANDIDATE, ENDPOINT, SUBJECT = "comparison", "candidate", "endpoint", "compared-subject"
COMPARE = "accordance compare {study} --baseline v1 --candidate v2"
DECLARE = """\
comparison:
  endpoints:
    mape: {margin: 1.0}          # a loss of so much is still acceptable
    coverage: {margin: 0.02}"""
MANY = 8
"""Candidates that the heat map shows beside each other."""

FILES = {
    "report.pdf": ("PDF/A with comparison, results, protocol and manifest attached", "application/pdf"),
    "report.html": ("One self-contained HTML file", "text/html"),
    COMPARISON_FILE: ("Decisions, improvements, subgroups", "application/json"),
    SUBJECTS_FILE: ("Every subject's own values", "application/vnd.apache.parquet"),
    DISAGREEMENTS_FILE: ("Units on which versions disagree most", "application/vnd.apache.parquet"),
}
MOST_HARMED = 10
"""Subjects in the table of the most harmed."""
BANNERS = 3
"""Candidates that have a banner of their own; more stand in a table."""

Row = Mapping[str, Any]


def show(study: Path) -> None:
    """The page."""
    places = {one.name: one for one in reversed(finished_comparisons(study))}
    st.title("Compare")
    if not places:
        st.info("This study has no comparison of versions yet.", icon=":material/compare_arrows:")
        st.markdown("Declare margins in the protocol, and start one in a terminal:")
        st.code(DECLARE, language="yaml")
        st.code(COMPARE.format(study=study.resolve()), language="shell")
        return
    names = list(places)
    name = (
        state.choice(COMPARISON, "Comparison (UTC)", names, words=state.run_words)
        if len(names) > 1
        else names[0]
    )
    material = opened(places[name])
    about(material)
    candidates(material)
    improvements(material)
    decisions(material)
    subjects(material, study)
    weak_spots(material)
    between.show(material, study)
    subgroups(material)
    left_out(material)
    sensitivity(material)
    compare_plan.show(material)
    st.subheader("Report")
    report.documents(material.folder, FILES, "This comparison has no report yet.")


def opened(folder: Path) -> Material:
    """A comparison, read once and again when its folder changes."""
    changed = (folder / COMPARISON_FILE).stat().st_mtime_ns
    return _opened(str(folder), changed)


@st.cache_resource(max_entries=8, show_spinner="Reading the comparison")
def _opened(folder: str, changed: int) -> Material:
    del changed  # part of the cache's key
    return comparisons.gather(Path(folder))


def about(material: Material) -> None:
    """What is compared with what, and on what it rests."""
    title = blocks.version_title(material, material.baseline)
    level = fmt.level(float(material.document["level"]))
    adjusted = words.MULTIPLICITY[str(material.document["multiplicity"])]
    st.caption(
        f"Baseline {material.baseline}{f' ({title})' if title else ''} · {blocks.rests_on(material)} · "
        f"{level} intervals, multiplicity: {adjusted} · {state.run_words(material.folder.name)}"
    )
    locked = blocks.pre_specified(material)
    st.caption(f":material/{'lock' if locked else 'lock_open'}: {blocks.plan(material)}")


def candidates(material: Material) -> None:
    """The decision on every candidate: a banner each, or a table where there are many."""
    found = blocks.candidates(material)
    if len(found) <= BANNERS:
        for one in found:
            candidate(one)
        return
    widgets.table(
        ("Candidate", "Decision", "What it rests on"),
        [
            (
                f"<b>{escape(one.id)}</b>{widgets.quiet(one.title)}",
                widgets.chip(one.state, one.decision),
                escape(one.words) + widgets.quiet(*one.reasons, one.identical),
            )
            for one in found
        ],
    )


def candidate(one: blocks.Candidate) -> None:
    """The decision on a candidate, in its colour."""
    title = f" ({one.title})" if one.title else ""
    more = [*filter(None, [one.words]), *one.reasons, *filter(None, [one.identical])]
    widgets.banner(one.state, f"{one.id}{title}: {one.decision}", more)


def improvements(material: Material) -> None:
    """A forest plot an endpoint, the margin shaded."""
    st.subheader("Improvements")
    for panel in blocks.panels(material):
        st.markdown(f"**{panel.title}**")
        widgets.figure(panel, panel.name)


HEADS = ("Candidate", "Improvement", "Interval", "Adjusted", "Margin", "Decision")


def decisions(material: Material) -> None:
    """Every endpoint of every candidate in numbers; folded up where there are many."""
    found = blocks.candidates(material)
    with st.expander("In numbers", expanded=len(found) <= BANNERS):
        widgets.grouped(
            ("Endpoint", material.baseline, *HEADS),
            [(escape(f"{one.id} {one.title}".strip()), [cells(text) for text in one.lines]) for one in found],
            right=(1, 2, 3, 4, 5, 6),
        )
        for version, endpoints, note in blocks.remarks(material):
            st.caption(f":material/info: {version}: {note} ({endpoints})")
        st.caption(
            "An improvement is turned so that positive is better. Of primary endpoints the adjusted interval "
            "decides."
        )


def cells(text: words.Text) -> tuple[str, ...]:
    """A comparison as a line of the table, as HTML."""
    return (
        escape(text.title) + widgets.quiet("" if text.role == "primary" else text.role),
        *map(escape, (text.baseline_value, text.candidate_value)),
        f"<b>{escape(text.improvement)}</b>",
        *map(escape, (text.interval, text.adjusted, text.margin)),
        widgets.chip(text.state, text.decision),
    )


def chosen(material: Material) -> Row:
    """The endpoint and candidate that the reader looks at."""
    titles = {str(row["endpoint"]): words.title(row) for row in material.comparisons}
    boxes = st.columns([4, 3, 5])
    with boxes[0]:
        endpoint = state.choice(ENDPOINT, "Endpoint", list(titles), words=titles.__getitem__)
    with boxes[1]:
        names = [str(row["candidate"]) for row in material.of(endpoint=endpoint)]
        name = state.choice(CANDIDATE, "Candidate", names)
    return material.of(endpoint=endpoint, candidate=name)[0]


def subjects(material: Material, study: Path) -> None:
    """Every subject's own improvement; a click on one opens what is known of it."""
    st.subheader("Who got worse")
    row = chosen(material)
    panel = harmed.panel(material, row, MOST_HARMED)
    model = panel.figure
    if panel.words:
        st.markdown(panel.words)
    if panel.warning:
        st.warning(panel.warning, icon=":material/warning:")
    if model is None:
        st.info(
            "This comparison holds no improvements of single subjects, or of too few of them, or all are the "
            "same.",
            icon=":material/info:",
        )
        return
    st.session_state.setdefault(SUBJECT, st.query_params.get("subject"))
    key = f"subjects-{material.document['run']['id']}-{model.name}"
    chart = charts.clickable(model, widgets.appearance(), subject=st.session_state[SUBJECT])
    st.plotly_chart(
        chart.figure,
        on_select=lambda: clicked(key),
        selection_mode="points",
        key=key,
        theme=None,
        alt=model.alt,
        config={"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]},
    )
    st.caption(f"{model.caption} Click a mark to open its subject.")
    most_harmed(material, panel)
    ordered = figures.ordered(material.subjects, row)
    subject(material, row, ordered["subject"].cast(pl.String).to_list(), study)


def most_harmed(material: Material, panel: harmed.Panel) -> None:
    """The subjects for whom it is worst, where subjects are ranked."""
    if not panel.lines:
        return
    heads = (
        "Rank", "Subject", "Units", material.baseline, "Candidate", "Measured", "Believed", "Interval",
        "P(worse)", "P(beyond margin)", "Expected rank",
    )  # fmt: skip
    with st.expander("The most harmed"):
        widgets.table(
            heads,
            [
                (
                    one.place,
                    escape(one.subject),
                    *map(escape, (one.units, one.baseline, one.candidate, one.measured)),
                    f"<b>{escape(one.believed)}</b>",
                    *map(escape, (one.interval, one.p_worse, one.p_beyond, one.expected_rank)),
                )
                for one in panel.lines
            ],
            right=(0, *range(2, len(heads))),
        )


def clicked(key: str) -> None:
    """Take over the subject that was clicked."""
    name, _ = charts.picked(st.session_state.get(key))
    if name is not None:
        st.session_state[SUBJECT] = name


def subject(material: Material, row: Row, known: list[str], study: Path) -> None:
    """The chosen subject under both versions, on every endpoint, with the ways to its data."""
    if st.session_state[SUBJECT] not in known:
        st.session_state[SUBJECT] = None
    name = st.selectbox(
        "Subject", known, key=SUBJECT, index=None, label_visibility="collapsed",
        placeholder="Click a mark above, or choose here",
    )  # fmt: skip
    state.remember("subject", name)
    if name is None:
        return
    own = material.subjects.filter(
        (pl.col("subject").cast(pl.String) == name) & (pl.col("candidate") == row["candidate"])
    )
    by_endpoint = {str(one["endpoint"]): one for one in own.iter_rows(named=True)}
    st.markdown(f"**Subject {name}**, {row['candidate']} against {material.baseline}")
    widgets.table(
        ("Endpoint", "Units", material.baseline, str(row["candidate"]), "Measured", "Believed", "P(worse)"),
        [
            (
                escape(words.title(other)),
                fmt.count(one["n_units"]),
                words.value(other, one["baseline"]),
                words.value(other, one["candidate_value"]),
                words.change(other, one["improvement"]),
                words.change(other, one["shrunk"]) + widgets.quiet(_interval(other, one)),
                fmt.p_value(one["p_worse"]),
            )
            for other in material.of(candidate=str(row["candidate"]))
            if (one := by_endpoint.get(str(other["endpoint"]))) is not None
        ],
        right=(1, 2, 3, 4, 5, 6),
    )
    ways(study, row, name, material.baseline)


def _interval(row: Row, one: Row) -> str:
    """The posterior interval, or why there is none."""
    return str(one["reason"] or "") if one["shrunk"] is None else harmed.interval(row, one)


def ways(study: Path, row: Row, name: str, baseline: str) -> None:
    """Links to the subject's signals or pairs, for both versions, in the study's chosen run."""
    folder = state.run_folder(study)
    results = None if folder is None else state.results(folder)
    endpoint = str(row["endpoint"])
    versions = set() if results is None else set(results.rows["version"].unique())
    if results is None or endpoint not in results.protocol.endpoints:
        st.caption("There is no finished run of this endpoint that would show this subject's data.")
        return
    for version in (str(row["candidate"]), baseline):
        if version not in versions:
            st.caption(f"The chosen run has no version {version}; its data cannot be shown.")
            continue
        if endpoint in lanes.in_time(results):
            widgets.link(
                "signals", f"Signals of {name}, {version}", endpoint=endpoint, version=version,
                subject=session(results, endpoint, version, name),
            )  # fmt: skip
        widgets.link(
            "endpoint", f"Pairs of {name}, {version}", endpoint=endpoint, version=version, subject=name
        )


def session(results: Results, endpoint: str, version: str, name: str) -> str:
    """The first session of a subject, as the signals page calls it."""
    declared = slices.endpoint_of(results.protocol, endpoint)
    known = signals.sessions(results, declared, version)
    own = next((one for one in known if one.get("subject") == name), {"subject": name})
    return " · ".join(own.values())


def weak_spots(material: Material) -> None:
    """Groups that looked worst in one half of the subjects, and whether the other half confirms it."""
    lines, unsearched = blocks.weak_spots(material), blocks.unsearched(material)
    if not lines and not unsearched:
        return
    st.subheader("Weak spots")
    for note in unsearched:
        st.caption(f":material/info: {note}")
    if not lines:
        return
    widgets.table(
        ("Candidate", "Endpoint", "Group", "Subjects", "Improvement", "Interval", "p", "Worse"),
        [
            (
                *map(escape, (one.candidate, one.title, one.name, one.subjects)),
                *map(escape, (one.improvement, one.interval, one.p)),
                widgets.chip("not_met", "confirmed") if one.confirmed else "not confirmed",
            )
            for one in lines
        ],
        right=(3, 4, 5, 6),
    )
    st.caption(
        "Found in one half of the subjects, held against the other half. Versions that are worse as a whole "
        "are left out. That none is confirmed does not show that there is none."
    )


def subgroups(material: Material) -> None:
    """Improvements by subgroup and candidate, shaded by size beside the margin."""
    maps = blocks.heat_maps(material, across=MANY)
    if not maps:
        return
    st.subheader("Subgroups")
    for one in maps:
        st.markdown(f"**{one.title}**" + (f" ({one.unit})" if one.unit else ""))
        st.caption(f"Intervals: {one.method}.")
        widgets.grouped(
            ("", *one.candidates),
            [
                (escape(subgroup), [(escape(level), *map(heat, cells)) for level, cells in lines])
                for subgroup, lines in one.groups
            ],
        )
    st.caption(
        "Shaded by the size of the improvement beside the margin: blue is better, orange is worse. "
        "\u201cBetter\u201d and \u201cworse\u201d stand where the whole interval lies on that side."
    )


def heat(cell: blocks.Cell) -> str:
    """A cell of the heat map as HTML."""
    side = f" {cell.side}" if cell.side else ""
    n = f"n {cell.subjects}" if cell.subjects else ""
    return (
        f"<div class='ac-heat {escape(cell.shade)}'><b>{escape(cell.improvement)}</b>{side}"
        f"{widgets.quiet(cell.interval, n)}</div>"
    )


def left_out(material: Material) -> None:
    """Units that only one version could analyse, and how coverage compares."""
    st.subheader("What was left out")
    lines = blocks.left_out(material)
    if lines:
        widgets.table(
            ("Endpoint", "Candidate", f"Units of {material.baseline} alone", "Units of the candidate alone"),
            [tuple(map(escape, line)) for line in lines],
            right=(2, 3),
        )
    else:
        st.markdown("Nothing: every version had an output for the same analysable units.")
    for note in blocks.notes(material):
        st.caption(f":material/info: {note}")


def sensitivity(material: Material) -> None:
    """The smallest regression that could be detected, and how much more would settle what is open."""
    lines = blocks.sensitivity(material)
    if not lines:
        return
    st.subheader("What could be detected, and how much more")
    widgets.table(
        ("Endpoint", "Candidate", "Detectable regression", "Power", "Margin", "Further subjects"),
        [
            (
                escape(one.title),
                escape(one.candidate),
                one.detectable,
                one.power or words.DASH,
                one.margin,
                f"{one.further or words.DASH}{widgets.quiet(one.words)}",
            )
            for one in lines
        ],
        right=(2, 3, 4),
    )
    interim = blocks.interim(lines)
    if interim:
        st.warning(interim, icon=":material/warning:")
