"""First screen: what the run decides, endpoint by endpoint, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from ...protocols.model import DECIDING
from ...reports import disparity, figures, validity
from ...reports import rows as words
from ...reports.methods import ROLE_WORDS, joined
from ...studies.results import Results
from .. import state, widgets
from . import accounting as accounting_page
from . import missing, study

REASONS = 6
"""So many reasons stand in the banner; the rest is counted."""
NO_BREAK = "\N{NON-BREAKING HYPHEN}"
JUDGED = 4
"""An endpoint shows so many judged rows; the rest is on its own page."""


def show(results: Results, folder: Path) -> None:
    """The page."""
    about = results.document["study"]
    st.title(about["title"])
    st.caption(f"{about['id']} · run {state.run_words(folder.name)}")
    widgets.banner(results.decision, results.document["decision_words"], banner_lines(results))
    cautions(results)
    deciding = [entry for entry in results.document["endpoints"] if entry["role"] in DECIDING]
    others = [entry for entry in results.document["endpoints"] if entry["role"] not in DECIDING]
    endpoints(results, "Endpoints that decide", deciding)
    requirements(results)
    missing.summary(results)
    accounting(results)
    endpoints(results, "Other endpoints", others)
    st.subheader("Versions")
    study.versions(results)


def banner_lines(results: Results) -> list[str]:
    """What stands under the decision: what fails, why nothing could be decided, who decided, the plan."""
    reasons = validity.reasons(results) if results.decision != "met" else []
    more = len(reasons) - REASONS
    algorithm = results.document["study"]["algorithm"]["name"]
    return [
        *failing(results),
        *reasons[:REASONS],
        *([f"and {more} more reasons, with the endpoints below."] if more > 0 else []),
        f"Decided by version {results.deciding_version} of {algorithm}.",
        widgets.stamp(results),
    ]


def failing(results: Results) -> list[str]:
    """The deciding endpoints that are not met, and whether it is only groups that differ."""
    entries = [
        entry
        for entry in results.document["endpoints"]
        if entry["role"] in DECIDING and entry["decision"] != "informative"
    ]
    failed = [entry for entry in entries if entry["decision"] == "not_met"]
    if not failed:
        return []
    met = sum(entry["decision"] == "met" for entry in entries)
    said = [f"Not met: {joined(str(entry['title']) for entry in failed)}."]
    if met and all(between_groups(results, entry["id"]) for entry in failed):
        said = [
            f"Fails only in what groups of subjects differ by: {joined(str(e['title']) for e in failed)}."
        ]
    return [f"{said[0]} Of {len(entries)} endpoints that decide, {met} {'is' if met == 1 else 'are'} met."]


def between_groups(results: Results, endpoint: str) -> bool:
    """Whether an endpoint compares groups of subjects, or follows a covariate of theirs."""
    declared = results.protocol.endpoints.get(endpoint)
    return declared is not None and (declared.disparity is not None or disparity.is_slope(declared))


def cautions(results: Results) -> None:
    """What a reader must know before believing the banner."""
    limits = [what for what, _ in validity.unverified(results)]
    if limits:
        one = len(limits) == 1
        st.warning(
            f"{len(limits)} number{'' if one else 's'} that nobody has read in the rule: {joined(limits)}. "
            f"{'It decides' if one else 'They decide'} nothing until somebody confirms "
            f"{'it' if one else 'them'} with clause and name.",
            icon=":material/menu_book:",
        )
    for sentence in validity.unlisted(results):
        st.warning(sentence, icon=":material/report:")
    for problem in validity.freeze_problems(results):
        st.warning(f"Dates out of order: {problem}", icon=":material/event_busy:")


def endpoints(results: Results, title: str, entries: list[dict[str, Any]]) -> None:
    """Endpoints under each other, each with the rows that count."""
    shown = [entry for entry in entries if entry["row_id"]]
    if not shown:
        return
    st.subheader(title)
    with st.container(border=True, key=f"endpoints-{title.split(maxsplit=1)[0].lower()}"):
        for number, entry in enumerate(shown):
            if number:
                st.divider()
            endpoint(results, entry)


def endpoint(results: Results, entry: dict[str, Any]) -> None:
    """One endpoint: what was found, what was asked, what follows."""
    judged = [results.row(row_id) for row_id in entry["judged_rows"]] or [results.row(entry["row_id"])]
    row = judged[0]
    text = words.text(row)
    name, found, decided = st.columns([6, 5, 5], vertical_alignment="center")
    role = ROLE_WORDS[row["role"]].replace("-", NO_BREAK)
    with name, st.container(gap=None):
        widgets.link("endpoint", f"**{entry['title']}**", **widgets.place(row))
        st.caption(f"{role} · {text.statistic}" if len(judged) == 1 else role)
    goals = {words.text(one).criterion for one in judged}
    found.html(single(text) if len(judged) == 1 else several(judged, goals=len(goals) > 1))
    if text.brief:
        goal = f"<div class='ac-quiet' style='margin-top: .3rem'>Goal: {escape(text.criterion)}</div>"
        decided.html(widgets.chip(text.state, text.brief) + (goal if len(goals) == 1 else ""))
    for note in notes(judged):
        st.caption(f":material/info: {validity.capital(note)}")


def single(text: words.RowText) -> str:
    """The one row that speaks for an endpoint, as HTML."""
    return (
        f"<b style='font-size: 1.15rem'>{escape(text.estimate)}</b> &nbsp;{escape(text.interval)}"
        f"<div class='ac-quiet'>n {escape(text.count)} · {escape(text.interval_note)}</div>"
    )


def several(judged: Sequence[dict[str, Any]], *, goals: bool) -> str:
    """Several judged rows of one endpoint (criteria, pairs, levels), as HTML; with their goals."""
    lines = []
    for row in judged[:JUDGED]:
        text = words.text(row)
        label = str(row["level"]) if row["level"] else text.statistic
        goal = f" · goal: {text.criterion}" if goals else ""
        lines.append(
            f"<div style='margin-bottom: .2rem'>{widgets.SIGNS[text.state]} "
            f"<b>{escape(text.estimate)}</b> &nbsp;{escape(text.interval)}"
            f"<div class='ac-quiet' style='margin-left: 1.1rem'>{escape(label)} · n {escape(text.count)}"
            f"{escape(goal)}</div></div>"
        )
    if len(judged) > JUDGED:
        lines.append(f"<div class='ac-quiet'>and {len(judged) - JUDGED} more</div>")
    return "".join(lines)


def notes(judged: Sequence[dict[str, Any]]) -> list[str]:
    """Warnings and errors, each once; what the study lacks stands in the banner already."""
    withheld = {row["row_id"] for row in judged if row["otherwise"] and row["decision"] == "not_evaluable"}
    return list(
        dict.fromkeys(
            note
            for row in judged
            for note in words.text(row if row["row_id"] not in withheld else {**row, "error": None}).notes
        )
    )


def requirements(results: Results) -> None:
    """What the study lacks in full; of what it has, how many demands are met."""
    found = validity.demands(results)
    if not found:
        return
    st.subheader("Requirements on the study")
    unmet = [one for one in found if not one.met]
    if unmet:
        study.requirements_table(unmet)
        st.caption(f"{len(found) - len(unmet)} of {len(found)} requirements are met.")
    else:
        every = (
            "The one requirement is met." if len(found) == 1 else f"All {len(found)} requirements are met."
        )
        st.html(f"{widgets.chip('met', every)}")
    widgets.link("study", "All requirements", tab="Requirements")


def accounting(results: Results) -> None:
    """From what was read to what was analysed, first pairing and population of the deciding version."""
    entries = [
        entry for entry in results.document["accounting"] if entry["version"] == results.deciding_version
    ]
    if not entries:
        return
    st.subheader("From rows read to pairs analysed")
    steps = figures.flow(accounting_page.used(entries[0]), name="strip", title="").steps
    widgets.strip(steps)
    widgets.link("accounting", "All accounting")
