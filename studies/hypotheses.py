"""Families of hypotheses: what their procedure rejects, and in which order families are tested.

A procedure can only take away: an endpoint that its family does not reject is not met, whatever its own
interval says; and what stands behind a family that was not met is not tested at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..evaluators.comparison.graphs import Graph, graphical
from ..evaluators.comparison.multiplicity import Adjusted, adjust
from ..protocols.describe_parts import number
from ..protocols.model import Protocol
from ..protocols.validity import Family
from .decide import outcome, withhold
from .judge import judged_here

Row = dict[str, Any]


def apply(protocol: Protocol, rows: list[Row], version: str) -> list[dict[str, Any]]:
    """Test the families of a protocol in order, and take decisions away that they do not support.

    Args:
        protocol: Resolved protocol.
        rows: Rows of results, judged one by one; changed in place.
        version: The version that decides.

    Returns:
        One entry a family, in the order tested: `id`, `title`, `procedure`, `alpha`, `after`, `tested`,
        `met`, and `hypotheses` with `endpoint`, `p`, `adjusted`, `rejected`.
    """
    met: dict[str, bool] = {}
    entries = []
    for name in _order(protocol):
        family = protocol.families[name]
        tested = family.after is None or met[family.after]
        if tested:
            hypotheses = _test(protocol, name, family, rows, version)
        else:
            hypotheses = [_hypothesis(key, _p(rows, key, version)) for key in family.endpoints]
            withhold(rows, family.endpoints, f"not tested: family `{family.after}` before it was not met")
        met[name] = tested and all(
            outcome(
                protocol.endpoints[key], [row for row in rows if row["endpoint"] == key], version
            ).decision
            == "met"
            for key in family.endpoints
        )
        facts = {"id": name, "title": family.title or name.replace("_", " "), "procedure": family.procedure}
        entries.append(
            {
                **facts,
                "alpha": family.alpha,
                "after": family.after,
                "tested": tested,
                "met": met[name],
                "hypotheses": hypotheses,
            }
        )
    return entries


def _order(protocol: Protocol) -> list[str]:
    """Families so that each comes after the one it waits for."""
    found: list[str] = []
    waiting = list(protocol.families)
    while waiting:
        ready = [name for name in waiting if protocol.families[name].after in {None, *found}]
        found += ready
        waiting = [name for name in waiting if name not in ready]
    return found


def _hypothesis(
    endpoint: str, p: float | None, adjusted: float | None = None, *, rejected: bool = False
) -> dict[str, Any]:
    return {"endpoint": endpoint, "p": p, "adjusted": adjusted, "rejected": rejected}


def _p(rows: Iterable[Row], endpoint: str, version: str) -> float | None:
    """The p value of an endpoint's judged row; None where it has none or may not decide."""
    for row in rows:
        if row["endpoint"] == endpoint and judged_here(row, version):
            return row["p_value"] if row["decision"] in {"met", "not_met"} else None
    return None


def _test(
    protocol: Protocol, name: str, family: Family, rows: list[Row], version: str
) -> list[dict[str, Any]]:
    """The hypotheses of a family, tested; decisions that its procedure does not support are taken away."""
    if family.procedure == "co_primary":
        return [
            _hypothesis(
                key,
                _p(rows, key, version),
                rejected=outcome(
                    protocol.endpoints[key], [row for row in rows if row["endpoint"] == key], version
                ).decision
                == "met",
            )
            for key in family.endpoints
        ]
    given = [_p(rows, key, version) for key in family.endpoints]
    # What cannot be evaluated supports nothing: it enters with p = 1.
    result = procedure(family, [1.0 if p is None else p for p in given])
    found = []
    for key, p, adjusted, rejected in zip(
        family.endpoints, given, result.adjusted, result.rejected, strict=True
    ):
        found.append(_hypothesis(key, p, adjusted, rejected=rejected))
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
