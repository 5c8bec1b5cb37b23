"""The report of a run or a comparison: to download where there is one, to render where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from ... import reports
from ...reports import format as fmt
from ...studies.results import Results

FILES = {
    "report.pdf": ("PDF/A with results, protocol and manifest attached", "application/pdf"),
    "report.html": ("One self-contained HTML file", "text/html"),
    "results.json": ("Study, protocol, decision, endpoints", "application/json"),
    "results.parquet": ("Every statistic, one row each", "application/vnd.apache.parquet"),
    "manifest.json": ("Inputs, hashes, versions", "application/json"),
}


def show(_results: Results, folder: Path) -> None:
    """The page."""
    st.title("Report")
    documents(folder, FILES, "This run has no report yet.")
    st.caption(f"Run folder: {folder.resolve()}")


def documents(folder: Path, files: Mapping[str, tuple[str, str]], absent: str) -> None:
    """The files of a folder to download; the report to render where there is none.

    Args:
        folder: A run's or a comparison's folder.
        files: File name -> (what it is, media type).
        absent: What to say where there is no report yet.
    """
    if not (folder / "report.pdf").is_file():
        st.info(absent, icon=":material/description:")
        if st.button("Render the report", icon=":material/print:"):
            render(folder)
    for name, (what, kind) in files.items():
        path = folder / name
        if path.is_file():
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{name}**  \n{what} · {fmt.size(path.stat().st_size)}", width="stretch")
                st.download_button(
                    "Download", path.read_bytes, file_name=name, mime=kind, key=name, on_click="ignore"
                )


def render(folder: Path) -> None:
    """Render both formats into the run folder."""
    try:
        with st.spinner("Rendering PDF and HTML"):
            reports.report(folder)
    except OSError as error:
        st.error(f"The report could not be written: {error.strerror or error}", icon=":material/error:")
        return
    st.rerun()
