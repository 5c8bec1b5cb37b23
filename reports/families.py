"""Families of hypotheses: what their procedure came to, and why a p value is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..protocols import describe_validity
from ..studies.contrasts import kind_of
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
        elif state == "not_evaluable":
            outcome += _otherwise(results, entry)
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


def _decisions(results: Results) -> dict[str, str]:
    return {entry["id"]: str(entry["decision"]) for entry in results.document["endpoints"]}


def _state(results: Results, entry: Mapping[str, Any]) -> str:
    """A family as a whole: not met, then not evaluable, then met, as the study's own decision."""
    if entry["met"]:
        return "met"
    decisions = _decisions(results)
    own = {decisions.get(one["endpoint"], "not_evaluable") for one in entry["hypotheses"]}
    if not entry["tested"] or "not_met" in own or own == {"met"}:
        return "not_met"
    return "not_evaluable"


def _otherwise(results: Results, entry: Mapping[str, Any]) -> str:
    """What a family whose hypotheses all have to be met would have come to."""
    if entry["procedure"] != "co_primary":  # an adjusted p value was never computed
        return ""
    decisions = _decisions(results)
    free = {
        judging.otherwise(results, one["endpoint"]) or decisions.get(one["endpoint"])
        for one in entry["hypotheses"]
    }
    if free == {"met"}:
        return " (otherwise: met as a whole)"
    return " (otherwise: not met as a whole)" if "not_met" in free else ""


def _line(results: Results, entry: Mapping[str, Any], one: Mapping[str, Any]) -> HypothesisLine:
    decision = _decisions(results).get(one["endpoint"], "not_evaluable")
    rejected = "yes" if one["rejected"] else "no"
    if not entry["tested"]:
        rejected = "not tested"
    elif decision in {"not_evaluable", "informative"}:
        free = judging.otherwise(results, one["endpoint"])
        rejected = "not evaluable"
        if free and entry["procedure"] == "co_primary":
            rejected += f" (otherwise: {'yes' if free == 'met' else 'no'})"
    p, note = _p(results, one)
    return HypothesisLine(
        title_of(results.protocol, one["endpoint"]),
        fmt.p_value(p),
        fmt.p_value(one["adjusted"]),
        rejected,
        note,
    )


def _p(results: Results, one: Mapping[str, Any]) -> tuple[float | None, str]:
    """The p value of a hypothesis; or that of its row, which was not used; or why there is none."""
    found = judging.judged(results, one["endpoint"])
    if found is None:
        return None, "no p value: nothing could be computed"
    row = found.row
    if row["p_value"] is None:
        return None, f"no p value: {_without(results, row)}"
    if one["p"] is None:
        return row["p_value"], "computed, and not used: the decision was taken away"
    if found.n > 1:
        return row["p_value"], f"p of the {'pair' if found.n_pairs else 'level'} that decides, of {found.n}"
    return one["p"], ""


def _without(results: Results, row: Mapping[str, Any]) -> str:
    """Why a judged row has no p value."""
    if row["error"] and row["estimate"] is None:
        return fmt.quoted(str(row["error"]))
    if str(row["criterion"] or "").startswith(("point", "|point|")):
        return "the criterion compares the estimate itself"
    if kind_of(results.protocol, row) == "pair":
        return "every pair's interval is compared with the margin"
    return "its limit or its interval does not give one"


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
