"""Families of hypotheses: what their procedure came to, and why a p value is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..protocols import describe_validity
from ..studies.results import Results
from . import format as fmt
from . import judged as judging
from .methods import ROLE_WORDS
from .validity import capital, title_of


@dataclass(frozen=True)
class HypothesisLine:
    """One hypothesis of a family.

    Attributes:
        title: Endpoint.
        p: Its p value, or a dash.
        adjusted: Its adjusted p value, or a dash.
        rejected: What became of the null hypothesis.
        note: Why there is no p value, or why it was not used; empty otherwise.
    """

    title: str
    p: str
    adjusted: str
    rejected: str
    note: str


@dataclass(frozen=True)
class FamilyTable:
    """A family of hypotheses.

    Attributes:
        title: Its title.
        procedure: What its procedure does.
        alpha: One-sided error rate.
        outcome: Met, not met, not evaluable or not tested, in words.
        state: The same for the eye.
        lines: Its hypotheses.
    """

    title: str
    procedure: str
    alpha: str
    outcome: str
    state: str
    lines: tuple[HypothesisLine, ...]


STATES = {"met": "met as a whole", "not_met": "not met as a whole", "not_evaluable": "not evaluable"}
WORDS = {"met": "yes", "not_met": "no", "not_evaluable": "not evaluable", "informative": "informs only"}


def families(results: Results) -> list[FamilyTable]:
    """Families in the order in which they were tested."""
    found = []
    entries = results.document.get("families") or []
    states = {entry["id"]: _state(results, entry) for entry in entries}
    named = {entry["id"]: entry["title"] for entry in entries}
    for entry in entries:
        state = states[entry["id"]]
        outcome = STATES[state]
        if not entry["tested"]:
            before = entry["after"]
            was = "not evaluable" if states.get(before) == "not_evaluable" else "not met"
            outcome = f"not tested: \u201c{named.get(before, before)}\u201d was {was}"
        elif entry.get("otherwise"):
            outcome += f" (otherwise: {STATES[entry['otherwise']]})"
        found.append(
            FamilyTable(
                entry["title"],
                capital(describe_validity.PROCEDURES[entry["procedure"]]),
                fmt.plain(entry["alpha"]),
                outcome,
                state,
                tuple(_line(results, entry, one) for one in entry["hypotheses"]),
            )
        )
    return found


def _state(results: Results, entry: Mapping[str, Any]) -> str:
    """A family as a whole; for runs that did not record it, from the decisions of its endpoints."""
    if entry.get("decision"):
        return str(entry["decision"])
    own = {_decision(results, one) for one in entry["hypotheses"]}
    if own == {"met"}:
        return "met" if entry["met"] else "not_met"
    return "not_met" if "not_met" in own else "not_evaluable"


def _decision(results: Results, one: Mapping[str, Any]) -> str:
    """The decision of a hypothesis' endpoint."""
    found = one.get("decision") or next(
        (entry["decision"] for entry in results.document["endpoints"] if entry["id"] == one["endpoint"]),
        "not_evaluable",
    )
    return str(found)


def _line(results: Results, entry: Mapping[str, Any], one: Mapping[str, Any]) -> HypothesisLine:
    decision = _decision(results, one)
    rejected = WORDS[decision] if decision in {"not_evaluable", "informative"} else WORDS["not_met"]
    if one["rejected"]:
        rejected = WORDS["met"]
    if not entry["tested"]:
        rejected = "not tested"
    elif one.get("otherwise"):
        rejected += f" (otherwise: {WORDS[one['otherwise']]})"
    return HypothesisLine(
        title_of(results.protocol, one["endpoint"]),
        fmt.p_value(one["p"]),
        fmt.p_value(one["adjusted"]),
        rejected,
        _note(results, one, decision),
    )


def _note(results: Results, one: Mapping[str, Any], decision: str) -> str:
    """Why a hypothesis has no p value, or what its p value is of."""
    if one["p"] is None:
        return f"no p value: {fmt.quoted(str(one.get('reason') or 'the run recorded none'))}"
    if decision == "not_evaluable":
        return "computed, and not used: the decision was taken away"
    found = judging.judged(results, one["endpoint"])
    if found is not None and found.n > 1:
        return (
            f"the largest of {found.n} {'pairs' if found.n_pairs else 'levels'}, all of which have to be met"
        )
    return ""


def memberships(results: Results) -> list[tuple[str, str, str]]:
    """(endpoint, role, the family that its p values and intervals belong to) for every declared endpoint."""
    of = {
        one["endpoint"]: entry["title"]
        for entry in results.document.get("families") or []
        for one in entry["hypotheses"]
    }
    endpoints = results.protocol.endpoints
    order = [entry["id"] for entry in results.document["endpoints"] if entry["id"] in endpoints]
    return [
        (
            endpoints[name].title,
            ROLE_WORDS[endpoints[name].role],
            of.get(name, "none; not adjusted for multiplicity"),
        )
        for name in order
    ]
