"""Whether the study was what it had to be: requirements, subjects, sites, readers, events, dates, builds."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import streamlit as st

from ...protocols.model import DECIDING
from ...reports import blocks, validity
from ...reports import sites as site_blocks
from ...studies.demographics import RULE
from ...studies.results import Results
from .. import forests, state, widgets

DECLARE_REQUIREMENTS = """\
requirements:
  subjects: {title: At least 30 subjects, count: subjects, at_least: 30}
  sex: {title: Both sexes, share: subjects, each: sex, at_least: 0.3}"""
DECLARE_SUBJECTS = """\
tables:
  subjects:
    key: [subject]
    columns:
      subject: {type: text}
      sex: {type: category, levels: [female, male]}
      age: {type: integer, unit: years}"""
DECLARE_INTENDED = """\
intended_population:
  sex: {female: 0.5, male: 0.5}"""
DECLARE_SITES = """\
sites: {by: site, poolability_level: 0.10}     # a column of `subjects`"""
DECLARE_READS = """\
tables:
  reads:
    key: [subject, recording, reader]
    columns:
      reader: {type: text}
      rhythm: {type: category, levels: [AF, SR, unreadable]}
reads:
  unit: [subject, recording]
  value: rhythm
  rule: How the readings become the reference."""
DECLARE_EVENTS = {
    "deviations": """\
tables:
  deviations:
    key: [deviation]
    required: false
    columns:
      deviation: {type: text}
      subject: {type: text}
      category: {type: category, levels: [consent, eligibility, procedure]}""",
    "adverse_events": """\
tables:
  adverse_events:
    key: [event]
    required: false
    columns:
      event: {type: text}
      subject: {type: text}
      severity: {type: category, levels: [mild, moderate, severe]}""",
}
TABS = ("Requirements", "Subjects", "Sites", "Readers", "Deviations and events", "Dates and builds")


def show(results: Results, _folder: Path) -> None:
    """The page."""
    st.title("Study")
    st.caption("What the study had to be for its result to count, and what it was.")
    wanted = st.query_params.get("tab")
    tabs = st.tabs(TABS, default=wanted if wanted in TABS else None)
    bodies = (show_requirements, show_subjects, show_sites, show_readers, show_events, show_builds)
    for tab, body in zip(tabs, bodies, strict=True):
        with tab:
            body(results)


def show_requirements(results: Results) -> None:
    """Every requirement, those that are not met first."""
    found = validity.demands(results)
    if not found:
        widgets.nothing(
            "The protocol demands nothing of the study beside its endpoints: no count, share or range makes "
            "a result not evaluable.",
            DECLARE_REQUIREMENTS,
        )
        return
    requirements_table(sorted(found, key=lambda one: one.met))
    st.caption("A requirement that is not met makes every result that rests on it not evaluable.")


def requirements_table(found: Sequence[validity.Demand]) -> None:
    """Requirements with what was demanded and what was found."""
    widgets.table(
        ("Requirement", "Demanded", "Found", ""),
        [
            (
                f"{escape(one.title)}{widgets.quiet(f'for {one.rests}' if one.rests else '')}",
                f"{escape(one.demanded)}"
                + widgets.quiet(one.source, "from memory: its source was not read" if one.unverified else ""),
                "".join(
                    f"<div class='ac-kept'>{escape(f'{group}: {count}' if group else count)}</div>"
                    for group, count in one.found
                ),
                widgets.chip("met", "Met")
                if one.met
                else widgets.chip("not_met", "Not met") + widgets.quiet(one.reason),
            )
            for one in found
        ],
    )


def show_subjects(results: Results) -> None:
    """Analysed subjects beside the intended users and beside those who were not analysed."""
    found = blocks.demographics(results)
    if found is None:
        widgets.nothing(
            "The protocol declares no table of subjects, so there is nothing to summarise.", DECLARE_SUBJECTS
        )
        return
    st.subheader("Beside the intended users")
    intended = validity.intended(results)
    if intended:
        widgets.grouped(
            ("", "Intended users", "Analysed subjects"),
            [(escape(title), [tuple(map(escape, line)) for line in lines]) for title, lines in intended],
            right=(1, 2),
        )
    else:
        widgets.nothing("The protocol does not say what the intended users are like.", DECLARE_INTENDED)
    st.subheader("Analysed and not analysed")
    groups: list[tuple[str, list[tuple[str, ...]]]] = []
    for label, head, cells in found.rows:
        if head:
            groups.append((escape(label), []))
        else:
            groups[-1][1].append((escape(label), *map(escape, cells)))
    heads = [f"{name} (N = {size})" for name, size in found.columns]
    widgets.grouped(("Characteristic", *heads), groups, right=tuple(range(1, len(heads) + 1)))
    st.caption(f"Version {results.deciding_version}. {RULE}")
    if found.columns[-1][0] != blocks.NOT_ANALYSED:
        st.caption("Every subject was analysed.")


def show_sites(results: Results) -> None:
    """Sites, whether they may be pooled, and the result at each and without each of them."""
    found = site_blocks.sites(results)
    if found is None:
        widgets.nothing("The protocol does not ask for results by site.", DECLARE_SITES)
        return
    st.subheader("May the sites be pooled?")
    level = results.protocol.sites.poolability_level if results.protocol.sites else 0.0
    widgets.table(
        ("Endpoint", "p", "Test", "Note"),
        [
            (escape(one.endpoint), escape(one.p), escape(one.test), escape(one.note))
            for one in found.poolability
        ],
        right=(1,),
    )
    st.caption(f"A p value below {level:g} is called out: sites may differ.")
    st.subheader("Site by site")
    deciding = [
        entry["id"]
        for entry in results.document["endpoints"]
        if entry["role"] in DECIDING and entry["row_id"]
    ]
    titles = {entry["id"]: str(entry["title"]) for entry in results.document["endpoints"]}
    drawn = {
        name: model
        for name in deciding
        if (model := forests.sites(results, name, results.deciding_version)) is not None
    }
    if drawn:
        name = state.choice("endpoint", "Endpoint", list(drawn), words=lambda one: titles[one])
        widgets.forest(results, drawn[name], f"sites-{name}")
    widgets.table(
        ("Site", "Subjects", "Units"), [tuple(map(escape, line)) for line in found.lines], right=(1, 2)
    )


def show_readers(results: Results) -> None:
    """Who read the reference, and how far they agreed."""
    found = validity.readers(results)
    if found is None:
        if results.protocol.reads is not None:
            st.warning(
                "The protocol declares single readings, and this study holds none: how often readers agreed "
                "is not known.",
                icon=":material/visibility_off:",
            )
        else:
            widgets.nothing("The reference of this study has no single readings.", DECLARE_READS)
        return
    st.markdown(f"**Rule.** {found['rule']}")
    widgets.table(("", ""), [tuple(map(escape, fact)) for fact in found["facts"]], named=True)
    if not found["agreement"]:
        st.caption("With fewer than two readers there is no agreement to report.")
        return
    st.subheader("Agreement of the readers beyond chance")
    widgets.table(
        ("Coefficient", "Estimate", "95% interval"),
        [
            (f"{escape(name)}{widgets.quiet(error)}", value, interval)
            for name, value, interval, error in found["agreement"]
        ],
        right=(1, 2),
    )
    st.caption("Adjudicators' readings do not enter, and subjects are the independent units.")


def show_events(results: Results) -> None:
    """Deviations from the protocol, and adverse events."""
    for sentence in validity.unlisted(results):
        st.warning(sentence, icon=":material/report:")
    for name, title in validity.EVENT_TITLES.items():
        st.subheader(title)
        found = validity.events(results, name)
        if found is None:
            widgets.nothing(f"The protocol has no table `{name}`.", DECLARE_EVENTS[name])
        elif not found.recorded:
            st.warning(
                f"The protocol has a table `{name}`, and this study brought none: whether there were any is "
                "not known.",
                icon=":material/help:",
            )
        else:
            st.markdown(found.sentence)
            if found.groups:
                widgets.grouped(
                    ("", "Number"),
                    [
                        (escape(head), [tuple(map(escape, line)) for line in lines])
                        for head, lines in found.groups
                    ],
                    right=(1,),
                )


def show_builds(results: Results) -> None:
    """When what was frozen, and whether the evaluated build is the one to be released."""
    st.subheader("Freeze dates")
    dates = validity.freeze(results)
    widgets.table([title for title, _ in dates], [[escape(day) for _, day in dates]])
    for problem in validity.freeze_problems(results):
        st.warning(problem, icon=":material/event_busy:")
    if all(day == validity.NOT_RECORDED for _, day in dates):
        st.caption("study.yaml records them under `freeze`; `lock` records that of the protocol.")
    st.subheader("Versions")
    versions(results)


def versions(results: Results) -> None:
    """Algorithm versions with their builds."""
    algorithm = results.document["study"]["algorithm"]
    keys = ("title", "build", "release_build", "hardware", "firmware")
    widgets.table(
        ("Version", "Title", "Build", "Released build", "Hardware", "Firmware", ""),
        [
            (
                escape(name),
                *(escape(str(spec.get(key) or "\N{EN DASH}")) for key in keys),
                " ".join(
                    filter(None, ["decides" if name == results.deciding_version else "", _differs(spec)])
                ),
            )
            for name, spec in algorithm["versions"].items()
        ],
    )


def _differs(spec: dict[str, str | None]) -> str:
    """A mark where what was evaluated is not what will be released."""
    build, release = spec.get("build"), spec.get("release_build")
    if not build or not release or build == release:
        return ""
    return widgets.chip("not_evaluable", "not the released build")
