"""First screen: what the run decides, endpoint by endpoint, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from ...protocols.model import DECIDING
from ...reports import figures
from ...reports import rows as words
from ...studies.coding import HANDLINGS, VIEWS
from ...studies.judge import headline
from ...studies.results import Results
from .. import state, widgets


def show(results: Results, folder: Path) -> None:
    """The page."""
    study = results.document["study"]
    st.title(study["title"])
    st.caption(f"{study['id']} · run {state.run_words(folder.name)}")
    version = results.deciding_version
    widgets.banner(
        results.decision,
        results.document["decision_words"],
        [
            f"Decided by version {version} of {study['algorithm']['name']}.",
            widgets.stamp(results),
            *results.document.get("decision_reasons", []),
        ],
    )
    rows = results.overview()
    endpoints(results, "Endpoints that decide", [row for row in rows if row["role"] in DECIDING])
    counted_each_way(results, version, "Indeterminate outputs counted each way", VIEWS)
    counted_each_way(results, version, "Missing units counted each way", HANDLINGS)
    for entry in results.document.get("missing", []):
        if entry["tipping_point"]:
            st.caption(f"{titled(results, entry['endpoint'])}: {entry['tipping_point']['words']}")
    requirements(results)
    accounting(results, version)
    endpoints(results, "Other endpoints", [row for row in rows if row["role"] not in DECIDING])
    versions(results)


def endpoints(results: Results, title: str, rows: list[dict[str, Any]]) -> None:
    """Endpoints under each other, each with the row that counts."""
    if not rows:
        return
    st.subheader(title)
    with st.container(border=True, key=f"endpoints-{title.split(maxsplit=1)[0].lower()}"):
        for number, row in enumerate(rows):
            if number:
                st.divider()
            endpoint(results, row)


def endpoint(results: Results, row: dict[str, Any]) -> None:
    """One endpoint: what was found, what was asked, what follows."""
    text = words.text(row)
    entry = next(each for each in results.document["endpoints"] if each["id"] == row["endpoint"])
    name, found, decided = st.columns([6, 5, 5], vertical_alignment="center")
    with name, st.container(gap=None):
        widgets.link("endpoint", f"**{entry['title']}**", endpoint=str(row["endpoint"]))
        st.caption(f"{text.statistic} · {str(row['role']).replace('_', '-')}")
    found.html(
        f"<b style='font-size: 1.15rem'>{escape(text.estimate)}</b> &nbsp;{escape(text.interval)}"
        f"<div class='ac-quiet'>n {escape(text.count)} · {escape(text.interval_note)}</div>"
    )
    if text.decision:
        goal = f"<div class='ac-quiet' style='margin-top: .3rem'>Goal: {escape(text.criterion)}</div>"
        decided.html(widgets.chip(text.state, text.decision) + goal)
    for note in text.notes:
        st.caption(f":material/info: {note}")


def titled(results: Results, endpoint: str) -> str:
    """The title of an endpoint."""
    return next(str(entry["title"]) for entry in results.document["endpoints"] if entry["id"] == endpoint)


def requirements(results: Results) -> None:
    """What the protocol demands of the study, and what the study has."""
    demanded = results.document.get("requirements", [])
    if not demanded:
        return
    st.subheader("Requirements on the study")
    widgets.table(
        ("Requirement", "Demanded", ""),
        [
            (
                escape(entry["title"]),
                escape(entry["words"]),
                widgets.chip("met", "Met")
                if entry["met"]
                else widgets.chip("not_evaluable", escape(entry["reason"])),
            )
            for entry in demanded
        ],
    )


def counted_each_way(results: Results, version: str, title: str, views: Sequence[str]) -> None:
    """The deciding endpoints in each of some views, which decide nothing."""
    rows = [
        row
        for row in results.rows.iter_rows(named=True)
        if row["role"] in DECIDING and row["view"] in views and row["criterion"]
        and headline({**row, "view": "primary"}, version)
    ]  # fmt: skip
    if not rows:
        return
    st.subheader(title)
    texts = [(row, words.text(row)) for row in rows]
    titles = {entry["id"]: str(entry["title"]) for entry in results.document["endpoints"]}
    widgets.table(
        ("Endpoint", "Counted", "n/N", "Estimate", "Interval", "Would be"),
        [
            (
                escape(titles[row["endpoint"]]),
                escape(words.VIEW_WORDS[row["view"]]),
                text.count,
                text.estimate,
                text.interval,
                widgets.chip(text.state, text.decision),
            )
            for row, text in texts
        ],
        right=(2, 3, 4),
    )


def accounting(results: Results, version: str) -> None:
    """From what was read to what was analysed, first pairing and population of the deciding version."""
    entries = [entry for entry in results.document["accounting"] if entry["version"] == version]
    if not entries:
        return
    st.subheader("From rows read to pairs analysed")
    entry = entries[0]
    widgets.strip(figures.flow(entry, name="strip", title="").steps)
    widgets.link("accounting", "All accounting")


def versions(results: Results) -> None:
    """Algorithm versions with their builds."""
    st.subheader("Versions")
    algorithm = results.document["study"]["algorithm"]
    widgets.table(
        ("Version", "Title", "Build", "Released build", "Hardware", "Firmware", ""),
        [
            (
                escape(name),
                *(
                    escape(str(spec.get(key) or "–"))
                    for key in ("title", "build", "release_build", "hardware", "firmware")
                ),
                "decides" if name == results.deciding_version else "",
            )
            for name, spec in algorithm["versions"].items()
        ],
    )
