"""Subgroups of an endpoint beside the whole."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ...reports import figures
from ...studies.results import Results
from .. import charts, state, widgets


def show(results: Results, _folder: Path) -> None:
    """The page."""
    st.title("Subgroups")
    entries = {entry["id"]: entry for entry in results.document["endpoints"] if entry.get("row_id")}
    with_parts = {
        name: entry
        for name, entry in entries.items()
        if not results.endpoint(name).filter(~(results.endpoint(name)["subgroup"].is_null())).is_empty()
        or not results.endpoint(name).filter(~(results.endpoint(name)["by"].is_null())).is_empty()
    }
    if not with_parts:
        st.info("The protocol declares no subgroups for any endpoint.", icon=":material/account_tree:")
        return
    boxes = st.columns([5, 2, 5])
    with boxes[0]:
        endpoint = state.choice(
            "endpoint", "Endpoint", list(with_parts), words=lambda name: str(with_parts[name]["title"])
        )
    with boxes[1]:
        names = results.endpoint(endpoint)["version"].unique(maintain_order=True).to_list()
        version = state.choice("version", "Version", list(dict.fromkeys([results.deciding_version, *names])))
    appearance: charts.Appearance = "dark" if widgets.is_dark() else "light"
    for model in figures.forest(results, endpoint, version=version):
        chart = charts.clickable(model, appearance)
        st.plotly_chart(
            chart.figure,
            key=model.name,
            theme=None,
            alt=model.alt,
            config={"displaylogo": False, "displayModeBar": False},
        )
        st.caption(model.caption)
    widgets.link(
        "endpoint",
        "Figure and data of this endpoint",
        endpoint=endpoint,
        version=version,
    )
