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
    compare,
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

Page = tuple[Callable[[], None], str, str]


def _of_run(body: Callable[[Results, Path], None], title: str, icon: str) -> Page:
    """A page of the chosen run."""
    return partial(widgets.run_page, body, title), title, icon


PAGES: dict[str, Page] = {
    "decision": _of_run(decision.show, "Decision", ":material/gavel:"),
    "endpoint": _of_run(endpoint.show, "Endpoint", ":material/scatter_plot:"),
    "signals": _of_run(signals.show, "Signals", ":material/monitor_heart:"),
    "subgroups": _of_run(subgroups.show, "Subgroups", ":material/account_tree:"),
    "missing": _of_run(missing.show, "Missing results", ":material/grid_off:"),
    "compare": (partial(widgets.study_page, compare.show), "Compare", ":material/compare_arrows:"),
    "study": _of_run(study.show, "Study", ":material/groups:"),
    "accounting": _of_run(accounting.show, "Accounting", ":material/filter_alt:"),
    "plan": _of_run(plan.show, "Plan", ":material/checklist:"),
    "provenance": _of_run(provenance.show, "Provenance", ":material/fingerprint:"),
    "report": _of_run(report.show, "Report", ":material/description:"),
}
"""Address -> what it shows, its title, and its icon."""

MENU: dict[str, tuple[str, ...]] = {
    "Results": ("decision", "endpoint", "signals", "subgroups", "missing", "compare"),
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
        name: st.Page(body, title=title, icon=icon, url_path=name, default=name == first)
        for name, (body, title, icon) in PAGES.items()
    }
    st.session_state[state.PAGES] = pages
    page = st.navigation({section: [pages[name] for name in names] for section, names in MENU.items()})
    with st.sidebar:
        state.choose()
    page.run()
