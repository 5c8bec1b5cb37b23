"""What was planned: goals and where they come from, families of hypotheses, estimands, sample size."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import streamlit as st

from ...protocols.validity import Family
from ...reports import blocks, validity
from ...reports import families as family_blocks
from ...reports import format as fmt
from ...reports.figures import Flow, FlowStep
from ...reports.methods import joined
from ...studies.results import Results
from .. import widgets

DECLARE_FAMILY = """\
families:
  claim: {title: The claim, endpoints: [sensitivity, specificity], procedure: co_primary}
  further: {title: Further claims, endpoints: [yield], procedure: holm, after: claim}"""
DECLARE_ESTIMAND = """\
endpoints:
  sensitivity:
    estimand:
      population: Adults with AF at the time of the recording
      condition: One recording at rest, by the subject alone
      variable: Classified as AF
      intercurrent_events:
        inconclusive: {strategy: composite, handling: counts as not classified}
      summary: Proportion of recordings"""
DECLARE_SIZE = """\
sample_size:
  sensitivity: {endpoint: sensitivity, method: performance_goal, expected: 0.95, power: 0.9}"""
TIERS = {
    "study": "set by this study",
    "primary": "read in the rule",
    "secondary": "read in a text that reports the rule",
    "unverified": "from memory: nobody has read it in the rule",
}


def show(results: Results, _folder: Path) -> None:
    """The page."""
    st.title("Plan")
    st.caption(widgets.stamp(results))
    goals, families, estimands, size, parent = st.tabs(
        ["Goals", "Families of hypotheses", "Estimands", "Sample size", "Protocol it extends"]
    )
    with goals:
        show_goals(results)
    with families:
        show_families(results)
    with estimands:
        show_estimands(results)
    with size:
        show_size(results)
    with parent:
        show_parent(results)


def show_goals(results: Results) -> None:
    """Every acceptance criterion, and how sure the source of its limit is."""
    found = blocks.goals(results)
    if not found:
        widgets.nothing(
            "The protocol declares no acceptance criterion: the study describes and decides nothing.",
            "endpoints:\n  bias:\n    criterion: {statistic: bias, compare: both, operator: within, "
            "limit: [-5, 5]}",
        )
        return
    titles = {endpoint.title: endpoint for endpoint in results.protocol.endpoints.values()}
    widgets.table(
        ("Endpoint", "Hypothesis and goal", "Where the limit comes from"),
        [
            (
                f"{escape(title)}{widgets.quiet(role)}",
                f"{escape(criterion)}{widgets.quiet(_text(hypothesis), _text(rationale))}",
                _sources(titles[title].judged),
            )
            for title, role, hypothesis, criterion, rationale in found
        ],
    )


def _text(words: str) -> str:
    return "" if words == "\N{EN DASH}" else words


def _sources(criteria: Iterable[Any]) -> str:
    """The provenance of each limit, and who confirmed it."""
    lines = []
    for criterion in criteria:
        confirmed = criterion.confirmed
        by = f"confirmed by {confirmed.by}, {confirmed.clause}, {confirmed.date}" if confirmed else ""
        chip = "" if criterion.trusted else widgets.chip("not_evaluable", "decides nothing until confirmed")
        lines.append(f"{escape(TIERS[criterion.tier])}{widgets.quiet(criterion.source or '', by)}{chip}")
    return "".join(f"<div>{line}</div>" for line in dict.fromkeys(lines))


def show_families(results: Results) -> None:
    """Families in the order in which they were tested, with alpha and every p value."""
    found = family_blocks.families(results)
    if not found:
        widgets.nothing(
            "The protocol declares no family of hypotheses: no p value and no interval is adjusted for "
            "multiplicity.",
            DECLARE_FAMILY,
        )
        return
    if in_order(results):
        widgets.figure(order(results), "families-order")
    widgets.grouped(
        ("Hypothesis", "p", "Adjusted p", "Rejected", "Note"),
        [
            (
                f"{escape(family.title)} {widgets.chip(family.state, family.outcome)}"
                + widgets.quiet(f"{family.procedure}; one-sided alpha {family.alpha}"),
                [
                    tuple(map(escape, (one.title, one.p, one.adjusted, one.rejected, one.note)))
                    for one in family.lines
                ],
            )
            for family in found
        ],
        right=(1, 2),
    )
    st.caption(
        "P values are one-sided, against the criterion's limit. A criterion that compares the point estimate "
        "has none; there, rejected means that it is met."
    )
    for family in results.protocol.families.values():
        if family.transitions or family.weights:
            graph(results, family)
    with st.expander("The family of every endpoint"):
        widgets.table(
            ("Endpoint", "Role", "Family"),
            [tuple(map(escape, line)) for line in family_blocks.memberships(results)],
        )


def in_order(results: Results) -> bool:
    """Whether each family but the first waits for the one before it."""
    entries = results.document["families"]
    return len(entries) > 1 and all(after["after"] == before["id"] for before, after in pairwise(entries))


def order(results: Results) -> Flow:
    """Families under each other, each with its alpha and what came out."""
    steps = tuple(
        FlowStep(table.title, (f"one-sided alpha {table.alpha}", table.outcome))
        for table in family_blocks.families(results)
    )
    spoken = "; ".join(f"{step.title}: {', '.join(step.lines)}" for step in steps)
    return Flow(
        name="families",
        title="Families of hypotheses",
        caption="A family is tested once the one above it is met as a whole.",
        alt=f"Order of the families of hypotheses. {spoken}.",
        steps=steps,
    )


def graph(results: Results, family: Family) -> None:
    """How a graphical procedure shares and passes on its alpha, as declared."""
    endpoints = results.protocol.endpoints
    st.markdown(f"**How alpha is passed on: {family.title or joined(family.endpoints)}**")
    widgets.table(
        ("Hypothesis", "Share of alpha at the start", "Passes on, once met"),
        [
            (
                escape(endpoints[name].title),
                fmt.percent(family.weights.get(name, 0.0)),
                "<br>".join(
                    f"{fmt.percent(share)} to {escape(endpoints[to].title)}"
                    for to, share in family.transitions.get(name, {}).items()
                )
                or "nothing",
            )
            for name in family.endpoints
        ],
        right=(1,),
    )


def show_estimands(results: Results) -> None:
    """Estimands attribute by attribute (ICH E9(R1))."""
    found = validity.estimands(results)
    for one in found:
        st.markdown(f"**{one.endpoint}**")
        events = [
            (f"Intercurrent event: {name}", f"{validity.capital(strategy)}. {handling}")
            for name, strategy, handling in one.events
        ] or [("Intercurrent events", "none are declared")]
        widgets.table(
            ("", ""),
            [(escape(name), escape(text)) for name, text in (*one.attributes, *events)],
            named=True,
        )
    without = validity.without_estimand(results)
    if without:
        widgets.nothing(f"Without an estimand: {joined(without)}.", "" if found else DECLARE_ESTIMAND)


def show_size(results: Results) -> None:
    """The calculation behind the size of the study."""
    found = validity.plan(results)
    if found is None:
        widgets.nothing("The protocol holds no calculation of the sample size.", DECLARE_SIZE)
        return
    lines = [
        (
            escape(title),
            f"{escape(said)}{widgets.quiet(beside)}",
            *map(escape, numbers),
        )
        for title, said, beside, *numbers in found.lines
    ]
    if found.total:
        enrol, planned, said = found.total
        lines.append(("<b>All together</b>", escape(said), "", "", f"<b>{enrol}</b>", f"<b>{planned}</b>"))
    widgets.table(
        ("Endpoint", "Calculation", "Units needed", "Power stays from", "To enrol", "Planned"),
        lines,
        right=(2, 3, 4, 5),
    )
    if found.together:
        st.markdown(found.together)
    if found.without:
        st.caption(f"No calculation stands behind: {joined(found.without)}.")
    for number, curve in enumerate(found.figures):
        st.markdown(f"**{curve.title}**")
        widgets.figure(curve, f"power-{number}")


def show_parent(results: Results) -> None:
    """Every key in which the protocol differs from the one that it extends."""
    found = validity.parent(results)
    if found is None:
        st.info("This protocol extends no other one.", icon=":material/info:")
        return
    st.markdown(f"Extends **{found.parent}**, SHA-256 of its canonical form `{found.sha256}`.")
    if not found.changes:
        st.caption("Nothing differs from it.")
        return
    widgets.table(
        ("Key", "There", "Here"),
        [(f"<code>{escape(key)}</code>", escape(there), escape(here)) for key, there, here in found.changes],
        named=True,
    )
