"""The app: which pages it has, and what surrounds every one of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from ..studies.results import Results
from . import state, widgets
from .screens import accounting, decision, endpoint, provenance, report, subgroups

ICON = "\N{SCALES}"
"""An emoji is drawn by the browser itself; a material icon for the tab would be fetched from elsewhere."""

Body = Callable[[Results, Path], None]

PAGES: dict[str, tuple[Body, str]] = {
    "decision": (decision.show, ":material/gavel:"),
    "endpoint": (endpoint.show, ":material/scatter_plot:"),
    "subgroups": (subgroups.show, ":material/account_tree:"),
    "accounting": (accounting.show, ":material/filter_alt:"),
    "provenance": (provenance.show, ":material/fingerprint:"),
    "report": (report.show, ":material/description:"),
}
"""Address -> what it shows, and its icon; in the order of the menu."""


def main(first: str = "decision") -> None:
    """Run the app: choose study and run in the sidebar, then show the page asked for.

    Args:
        first: The page at the bare address.
    """
    st.set_page_config(page_title="Accordance", page_icon=ICON, layout="wide")
    widgets.style()
    pages = {
        name: st.Page(
            partial(widgets.run_page, body, name.capitalize()),
            title=name.capitalize(),
            icon=icon,
            url_path=name,
            default=name == first,
        )
        for name, (body, icon) in PAGES.items()
    }
    st.session_state[state.PAGES] = pages
    page = st.navigation(list(pages.values()))
    with st.sidebar:
        state.choose()
    page.run()
