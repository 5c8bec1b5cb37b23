"""Families of hypotheses: what their procedure rejects, and in which order families are tested.

A procedure can only take away: an endpoint that its family does not reject is not met, whatever its own
interval says; and what stands behind a family that was not met is not tested at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..evaluators.comparison.graphs import Graph, graphical
from ..evaluators.comparison.multiplicity import Adjusted, adjust
from ..protocols.describe_parts import number
from ..protocols.model import Protocol
from ..protocols.validity import Family
from .decide import outcome, withhold
from .judge import NOT_CONFIRMED, NOT_SET, judged_here
from .schema import Decision

Row = dict[str, Any]

ANY_OF = "met by any one of several criteria, which no single p value speaks for"
BY_POINT = "the criterion compares the point estimate, so there is no test"
NOTHING_JUDGED = "nothing was judged"
NO_TEST = "the interval cannot be inverted into a p value"


def apply(
    protocol: Protocol,
    rows: list[Row],
    version: str,
    lacking: Sequence[tuple[Iterable[str], str]] = (),
    dependent: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Test the families of a protocol in order, and take decisions away that nothing supports.

    What the study lacks takes away first. What would have been decided if it lacked nothing, families
    included, stays in `otherwise`.

    Args:
        protocol: Resolved protocol.
        rows: Rows of results, judged one by one; changed in place.
        version: The version that decides.
        lacking: Endpoints, and what the study they rest on does not have.
        dependent: Version -> why nothing can be decided about it, whatever the endpoint.

    Returns:
        One entry a family, in the order tested: `id`, `title`, `procedure`, `alpha`, `after`, `tested`,
        `met`, `decision` (`met`, `not_met` or `not_evaluable`), `otherwise` (what it would be if the study
        lacked nothing; null where that makes no difference), `reasons` (why it is not evaluable), and
        `hypotheses` with `endpoint`, `p` (the largest of the rows that the endpoint is judged by), `reason`
        (why there is no p), `adjusted`, `rejected`, `decision`, `otherwise`.
    """
    if not lacking and not dependent:
        return [_entry(protocol, rows, version, one) for one in _tested(protocol, rows, version)]
    complete = [dict(row) for row in rows]
    free = {
        one.name: _entry(protocol, complete, version, one) for one in _tested(protocol, complete, version)
    }
    for endpoints, reason in lacking:
        withhold(rows, endpoints, reason)
    for name, reason in (dependent or {}).items():
        withhold([row for row in rows if row["version"] == name], protocol.endpoints, reason)
    tested = _tested(protocol, rows, version)
    for row, other in zip(rows, complete, strict=True):
        if row["decision"] == "not_evaluable" and other["decision"] in {"met", "not_met"}:
            row["otherwise"] = other["decision"]
    return [_entry(protocol, rows, version, one, free[one.name]) for one in tested]


@dataclass(frozen=True)
class _Tested:
    """One family after its test: name, whether its turn came, and adjusted p and rejection by endpoint."""

    name: str
    tested: bool
    results: Mapping[str, tuple[float | None, bool]]


def _tested(protocol: Protocol, rows: list[Row], version: str) -> list[_Tested]:
    """Every family in order; decisions that its procedure, or a family before it, does not support go."""
    decided: dict[str, str] = {}
    found = []
    for name in _order(protocol):
        family = protocol.families[name]
        tested = family.after is None or decided[family.after] == "met"
        results: Mapping[str, tuple[float | None, bool]] = {}
        if tested:
            results = _test(protocol, name, family, rows, version)
        else:
            was = "was not met" if decided[str(family.after)] == "not_met" else "is not evaluable"
            withhold(rows, family.endpoints, f"not tested: family `{family.after}` before it {was}")
        decided[name] = _decision(protocol, family, rows, version)
        found.append(_Tested(name, tested, results))
    return found


def _decision(protocol: Protocol, family: Family, rows: Sequence[Row], version: str) -> Decision:
    """What a family amounts to: not met, then not evaluable, then met."""
    parts = {_outcome(protocol, rows, key, version) for key in family.endpoints}
    if parts == {"met"}:
        return "met"
    return "not_met" if "not_met" in parts else "not_evaluable"


def _outcome(protocol: Protocol, rows: Iterable[Row], endpoint: str, version: str) -> Decision:
    own = [row for row in rows if row["endpoint"] == endpoint]
    return outcome(protocol.endpoints[endpoint], own, version).decision


def _entry(
    protocol: Protocol,
    rows: Sequence[Row],
    version: str,
    one: _Tested,
    free: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A family in the document; `free` is the same if the study lacked nothing."""
    family = protocol.families[one.name]
    decision = _decision(protocol, family, rows, version)
    hypotheses = []
    for place, key in enumerate(family.endpoints):
        p, reason = _p(protocol, rows, key, version)
        adjusted, rejected = one.results.get(key, (None, False))
        own = _outcome(protocol, rows, key, version)
        otherwise = free["hypotheses"][place]["decision"] if free else None
        hypotheses.append(
            {
                "endpoint": key,
                "p": p,
                "reason": reason,
                "adjusted": adjusted,
                "rejected": rejected,
                "decision": own,
                "otherwise": None if otherwise == own else otherwise,
            }
        )
    return {
        "id": one.name,
        "title": family.title or one.name.replace("_", " "),
        "procedure": family.procedure,
        "alpha": family.alpha,
        "after": family.after,
        "tested": one.tested,
        "met": decision == "met",
        "decision": decision,
        "otherwise": None if free is None or free["decision"] == decision else free["decision"],
        "reasons": _reasons(family, rows, version) if decision == "not_evaluable" else [],
        "hypotheses": hypotheses,
    }


def _reasons(family: Family, rows: Iterable[Row], version: str) -> list[str]:
    """Why a family is not evaluable: each reason of its rows once."""
    found: dict[str, None] = {}
    for row in rows:
        if row["endpoint"] in family.endpoints and judged_here(row, version):
            if row["decision"] == "informative":
                found[NOT_CONFIRMED] = None
            elif row["decision"] == "not_evaluable" and row["error"]:
                found[str(row["error"])] = None
    return list(found)


def _order(protocol: Protocol) -> list[str]:
    """Families so that each comes after the one it waits for."""
    found: list[str] = []
    waiting = list(protocol.families)
    while waiting:
        ready = [name for name in waiting if protocol.families[name].after in {None, *found}]
        found += ready
        waiting = [name for name in waiting if name not in ready]
    return found


def _p(
    protocol: Protocol, rows: Iterable[Row], endpoint: str, version: str
) -> tuple[float | None, str | None]:
    """The p value of an endpoint, or why it has none.

    An endpoint is met where all its judged rows are (every criterion, level and pair of groups), so its p
    value is the largest of theirs (intersection-union test; Berger 1982, Technometrics 24:295).
    """
    one = protocol.endpoints[endpoint]
    if one.criteria is not None and one.criteria.any_of is not None:
        return None, ANY_OF
    judged = [row for row in rows if row["endpoint"] == endpoint and judged_here(row, version)]
    if not judged:
        return None, NOTHING_JUDGED
    for row in judged:
        if row["p_value"] is None:
            criterion = next(part for part in one.judged if part.statistic == row["statistic"])
            if criterion.compare == "point":
                return None, BY_POINT
            return None, NOT_SET if criterion.is_open else row["error"] or NO_TEST
    return max(row["p_value"] for row in judged), None


def _test(
    protocol: Protocol, name: str, family: Family, rows: list[Row], version: str
) -> dict[str, tuple[float | None, bool]]:
    """Adjusted p and rejection by endpoint; decisions that the procedure does not support are taken away."""
    if family.procedure == "co_primary":
        return {key: (None, _outcome(protocol, rows, key, version) == "met") for key in family.endpoints}
    # What cannot be evaluated supports nothing: it enters with p = 1.
    given = [
        _p(protocol, rows, key, version)[0]
        if _outcome(protocol, rows, key, version) in {"met", "not_met"}
        else None
        for key in family.endpoints
    ]
    result = procedure(family, [1.0 if p is None else p for p in given])
    found: dict[str, tuple[float | None, bool]] = {}
    for key, adjusted, rejected in zip(family.endpoints, result.adjusted, result.rejected, strict=True):
        found[key] = (adjusted, rejected)
        if not rejected:
            _reject_not(rows, key, version, name=name, family=family, adjusted=adjusted)
    return found


def procedure(family: Family, p: list[float]) -> Adjusted:
    """Adjusted p values of a family by its procedure."""
    names = list(family.endpoints)
    if family.procedure == "graphical":
        weights = np.array([family.weights.get(name, 0.0) for name in names])
        transitions = np.array(
            [[family.transitions.get(one, {}).get(other, 0.0) for other in names] for one in names]
        )
        return graphical(p, Graph(weights, transitions), alpha=family.alpha, names=names)
    return adjust(p, method=family.procedure, alpha=family.alpha, names=names)


def _reject_not(
    rows: list[Row], endpoint: str, version: str, *, name: str, family: Family, adjusted: float
) -> None:
    """Take `met` away from an endpoint that its family does not reject."""
    shown = f"adjusted p = {number(float(f'{adjusted:.3g}'))}, alpha {number(family.alpha)}"
    for row in rows:
        if row["endpoint"] == endpoint and judged_here(row, version) and row["decision"] == "met":
            note = f"met by itself, but not within family `{name}` ({family.procedure}, {shown})"
            row["otherwise"], row["decision"], row["evidence"] = "met", "not_met", "open"
            row["warning"] = f"{row['warning']}; {note}" if row["warning"] else note


def families_of(protocol: Protocol) -> Mapping[str, str]:
    """Endpoint -> its family."""
    return {key: name for name, family in protocol.families.items() for key in family.endpoints}
