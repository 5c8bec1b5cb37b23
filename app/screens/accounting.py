"""Where every row went: the flow, the counts by reason, and the rows behind a reason."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from ...reports import figures
from ...reports import format as fmt
from ...studies.results import Results
from .. import charts, drill, state, widgets

COUNTS = ("n_subjects", "n_reference_rows", "n_test_rows", "n_pairs")
STAYS = ("read", "analysed")


def show(results: Results, _folder: Path) -> None:
    """The page."""
    st.title("Accounting")
    entry = chosen(results)
    counts, flow = st.tabs(["Counts", "Flow"])
    with flow:
        title = f"{entry['pairing']}, version {entry['version']}, {entry['population']}"
        model = figures.flow(entry, name="flow", title=title)
        chart = charts.clickable(model, "dark" if widgets.is_dark() else "light")
        st.plotly_chart(chart.figure, theme=None, alt=model.alt, key="flow", config={"displayModeBar": False})
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


def chosen(results: Results) -> dict[str, Any]:
    """The accounting of one pairing, version and population."""
    entries: dict[str, dict[str, Any]] = {
        f"{entry['pairing']} · {entry['version']} · {entry['population']}": entry
        for entry in sorted(
            results.document["accounting"], key=lambda entry: entry["version"] != results.deciding_version
        )
    }
    return entries[state.choice("accounting", "Pairing, version, population", list(entries))]


def step_cells(step: dict[str, Any]) -> tuple[str, ...]:
    """One step as table cells; losses are set in."""
    title = escape(str(step["title"]))
    shown = (
        f"<b>{title}</b>" if step["code"] in STAYS else f"<span style='padding-left: 1rem'>− {title}</span>"
    )
    return (shown, *(fmt.count(step.get(name)) for name in COUNTS))


def left_out(results: Results, entry: dict[str, Any]) -> None:
    """The rows behind one reason."""
    st.subheader("Rows left out")
    frame = results.pairs(entry["pairing"], entry["version"])
    found = drill.reasons(results.protocol, frame)
    if not found:
        st.success("No row was left out.", icon=":material/check:")
        return
    code = state.choice("reason", "Reason", list(found), words=lambda name: found[name])
    rows = drill.excluded_rows(results, entry["pairing"], entry["version"], code)
    st.caption(f"{rows.height:,} rows of {rows['subject'].n_unique():,} subjects, reason code `{code}`")
    st.dataframe(rows, hide_index=True, height=min(38 + 35 * rows.height, 420))
