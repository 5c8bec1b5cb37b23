"""What groups of subjects differ by, and the subgroups of an endpoint beside the whole."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from ...reports import figures
from ...reports import rows as words
from ...studies.results import Results
from .. import forests, state, widgets
from .decision import between_groups

DECLARE_DISPARITY = """\
subgroups:
  tone: {title: Skin tone (Monk scale), by: monk, bands: [1, 5, 8, 11]}
endpoints:
  bias_between_tones:
    metric: mean_difference
    disparity: {between: tone}
    criterion: {statistic: mean_difference, compare: both, operator: within, limit: [-3.5, 3.5]}"""
DECLARE_SUBGROUPS = """\
subgroups:
  sex: {title: Sex, by: sex}
  age: {title: Age in years, by: age, bands: [18, 40, 65, 110]}"""


def show(results: Results, _folder: Path) -> None:
    """The page."""
    st.title("Subgroups")
    names = results.rows["version"].unique(maintain_order=True).to_list()
    version = widgets.version(dict.fromkeys([results.deciding_version, *names]))
    differences(results, version)
    parts(results, version)


def differences(results: Results, version: str) -> None:
    """Every endpoint that sets groups against each other: pairs inside their margin, and the groups."""
    st.subheader("Differences between groups")
    entries = [
        entry
        for entry in results.document["endpoints"]
        if entry["row_id"] and between_groups(results, entry["id"])
    ]
    if not entries:
        widgets.nothing("No endpoint of the protocol compares groups of subjects.", DECLARE_DISPARITY)
    for entry in entries:
        with st.container(border=True, key=f"groups-{entry['id']}"):
            decided = version == results.deciding_version and entry["judged_rows"]
            text = words.text(results.row(entry["row_id"]))
            chip = widgets.chip(text.state, text.brief) if decided and text.brief else ""
            st.html(f"<b style='font-size: 1.05rem'>{escape(str(entry['title']))}</b> &nbsp;{chip}")
            for model in forests.between(results, entry["id"], version):
                widgets.forest(results, model, f"{entry['id']}-{model.name}")
            groups(results, entry["id"], version)


def groups(results: Results, endpoint: str, version: str) -> None:
    """The groups themselves with their sizes, those too small to be compared too."""
    declared = results.protocol.endpoints[endpoint]
    if declared.disparity is None:
        return
    own = [
        row
        for row in forests.rows_of(results, endpoint, version, ("level",))
        if row["subgroup"] == declared.disparity.between
    ]
    if not own:
        return
    subgroup = results.protocol.subgroups[declared.disparity.between]
    texts = [(row, words.text(row)) for row in own]
    widgets.table(
        (
            subgroup.title or declared.disparity.between,
            "Subjects",
            "Units",
            texts[0][1].statistic,
            "Interval",
        ),
        [
            (
                f"{escape(str(row['level']))}{widgets.quiet(*text.notes)}",
                text.subjects,
                text.count,
                widgets.plain(text.estimate),
                widgets.plain(text.interval),
            )
            for row, text in texts
        ],
        right=(1, 2, 3, 4),
    )
    st.caption(
        f"Groups of fewer than {declared.disparity.minimum} subjects are shown with their number, and not "
        "compared."
    )


def parts(results: Results, version: str) -> None:
    """The subgroups of one endpoint beside the whole."""
    st.subheader("One endpoint, subgroup by subgroup")
    drawn = {
        entry["id"]: models
        for entry in results.document["endpoints"]
        if entry["row_id"] and (models := figures.forest(results, entry["id"], version=version))
    }
    if not drawn:
        widgets.nothing("The protocol declares no subgroups for any endpoint.", DECLARE_SUBGROUPS)
        return
    titles = {entry["id"]: str(entry["title"]) for entry in results.document["endpoints"]}
    endpoint = state.choice("endpoint", "Endpoint", list(drawn), words=lambda name: titles[name])
    for page in drawn[endpoint]:
        widgets.forest(results, page, page.name)
    widgets.link("endpoint", "Figure and data of this endpoint", endpoint=endpoint, version=version)
