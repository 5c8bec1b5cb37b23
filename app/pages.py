"""The app: which pages it has, and what surrounds every one of them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from . import state, widgets

SCREENS = Path(__file__).with_name("screens")

PAGES: tuple[tuple[str, str, str], ...] = (
    ("decision", "Decision", ":material/gavel:"),
    ("endpoint", "Endpoint", ":material/scatter_plot:"),
    ("subgroups", "Subgroups", ":material/account_tree:"),
    ("accounting", "Accounting", ":material/filter_alt:"),
    ("provenance", "Provenance", ":material/fingerprint:"),
    ("report", "Report", ":material/description:"),
)
"""File in `screens`, title, icon; the first is the first screen."""


def main() -> None:
    """Run one page of the app: choose study and run in the sidebar, then show the page asked for."""
    st.set_page_config(page_title="Accordance", page_icon=":material/balance:", layout="wide")
    widgets.style()
    pages = [
        st.Page(
            SCREENS / f"{name}.py",
            title=title,
            icon=icon,
            url_path="" if number == 0 else name,
            default=number == 0,
        )
        for number, (name, title, icon) in enumerate(PAGES)
    ]
    page = st.navigation(pages)
    with st.sidebar:
        state.choose()
    page.run()
