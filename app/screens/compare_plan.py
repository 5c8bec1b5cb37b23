"""The part of the page Compare about the change control plan and the history of versions."""

from __future__ import annotations

from html import escape

import streamlit as st

from ...reports.comparison import change_control
from ...reports.comparison.change_control import Candidate, Cells
from ...reports.comparison.history import TERMS, forest
from ...reports.comparison.material import Material
from .. import widgets


def show(material: Material) -> None:
    """What became of every candidate under the plan, and how the versions developed."""
    if "change_control" not in material.document:
        return
    found = material.comparison
    st.subheader("Change control plan")
    for one in change_control.candidates(found):
        _candidate(one)
    entries = change_control.histories(found)
    if not entries:
        return
    st.subheader("History of versions")
    st.caption(" ".join(f"{name[:1].upper()}{name[1:]}: {meaning}." for name, meaning in TERMS))
    for note in material.document.get("history_notes") or []:
        st.caption(f":material/info: {note}")
    for entry in entries:
        model = forest(entry)
        widgets.figure(model, model.name)
        with st.expander(f"{entry['title']} in numbers"):
            rows = [tuple(map(escape, line)) for line in change_control.history_rows(entry)]
            widgets.table(change_control.HISTORY_HEAD, rows, right=(4, 5, 6))
            for reason in change_control.history_reasons(entry):
                st.caption(f":material/info: {reason}")


def _candidate(one: Candidate) -> None:
    title = f" ({one.title})" if one.title else ""
    widgets.banner(one.state, f"{one.name}{title}: {one.result}", one.reasons)
    with st.expander(f"{one.name}: what was declared, and what each criterion came to"):
        widgets.table(("", ""), [(escape(name), escape(text)) for name, text in (*one.plan, *one.declared)])
        for head, lines in (
            (change_control.CRITERIA_HEAD, one.criteria),
            (change_control.COMPARISONS_HEAD, one.comparisons),
        ):
            if lines:
                widgets.table(head, [_cells(line) for line in lines])


def _cells(line: Cells) -> tuple[str, ...]:
    *cells, last = line.cells
    return (*map(escape, cells), widgets.chip(line.state, last))
