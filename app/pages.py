"""The app: which pages it has, and what surrounds every one of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from ..studies.results import Results
from . import state, widgets
from .screens import (
    accounting,
    decision,
    endpoint,
    missing,
    plan,
    provenance,
    report,
    signals,
    study,
    subgroups,
)

ICON = "\N{SCALES}"
"""An emoji is drawn by the browser itself; a material icon for the tab would be fetched from elsewhere."""

Body = Callable[[Results, Path], None]

PAGES: dict[str, tuple[Body, str, str]] = {
    "decision": (decision.show, "Decision", ":material/gavel:"),
    "endpoint": (endpoint.show, "Endpoint", ":material/scatter_plot:"),
    "signals": (signals.show, "Signals", ":material/monitor_heart:"),
    "subgroups": (subgroups.show, "Subgroups", ":material/account_tree:"),
    "missing": (missing.show, "Missing results", ":material/grid_off:"),
    "study": (study.show, "Study", ":material/groups:"),
    "accounting": (accounting.show, "Accounting", ":material/filter_alt:"),
    "plan": (plan.show, "Plan", ":material/checklist:"),
    "provenance": (provenance.show, "Provenance", ":material/fingerprint:"),
    "report": (report.show, "Report", ":material/description:"),
}
"""Address -> what it shows, its title, and its icon."""

MENU: dict[str, tuple[str, ...]] = {
    "Results": ("decision", "endpoint", "signals", "subgroups", "missing"),
    "What they rest on": ("study", "accounting", "plan", "provenance"),
    "Documents": ("report",),
}
"""The menu: sections with their pages, in order."""


def main(first: str = "decision") -> None:
    """Run the app: choose study and run in the sidebar, then show the page asked for.

    Args:
        first: The page at the bare address.
    """
    st.set_page_config(page_title="Accordance", page_icon=ICON, layout="wide")
    widgets.style()
    pages = {
        name: st.Page(
            partial(widgets.run_page, body, title),
            title=title,
            icon=icon,
            url_path=name,
            default=name == first,
        )
        for name, (body, title, icon) in PAGES.items()
    }
    st.session_state[state.PAGES] = pages
    page = st.navigation({section: [pages[name] for name in names] for section, names in MENU.items()})
    with st.sidebar:
        state.choose()
    page.run()
