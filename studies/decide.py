"""From judged rows to the decision of each endpoint, and from those to the study's.

A row is judged by itself (`judge`). What several rows say together, what a study that is not what it must be
takes away, and what the whole amounts to, is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..protocols.model import DECIDING, Endpoint, Protocol
from .judge import NOT_CONFIRMED, decides, judged_here, room
from .schema import Decision

Row = dict[str, Any]
_WORST_FIRST: tuple[Decision, ...] = ("not_met", "not_evaluable", "informative", "met")
_BEST_FIRST: tuple[Decision, ...] = ("met", "not_evaluable", "informative", "not_met")


@dataclass(frozen=True)
class Outcome:
    """What an endpoint amounts to.

    Attributes:
        decision: Of all its criteria together.
        rows: `row_id` of the judged rows, those that settled the decision first; of several pairs of groups
            or levels, the one with the least room to the limit comes first.
    """

    decision: Decision
    rows: tuple[str, ...]


def outcome(endpoint: Endpoint, rows: Sequence[Row], version: str) -> Outcome:
    """The decision of an endpoint from its judged rows.

    Each criterion is met only when every row that it speaks of is (all levels, all pairs of groups); then
    `all_of` takes the worst of its criteria, `any_of` the best.

    Args:
        endpoint: A resolved endpoint.
        rows: Its rows of results.
        version: The version that decides.
    """
    judged = [row for row in rows if judged_here(row, version)]
    if not endpoint.judged or not judged:
        return Outcome("not_evaluable" if endpoint.judged else "informative", ())
    found: dict[str, list[Decision]] = {}
    for row in judged:
        found.setdefault(row["statistic"], []).append(row["decision"])
    decision = together(endpoint, found)
    settling = _closest_first(endpoint, [row for row in judged if row["decision"] == decision])
    others = [row["row_id"] for row in judged if row["decision"] != decision]
    return Outcome(decision, (*(row["row_id"] for row in settling), *others))


def together(endpoint: Endpoint, found: Mapping[str, Sequence[Decision]]) -> Decision:
    """What the decisions on an endpoint's statistics amount to.

    Args:
        endpoint: A resolved endpoint.
        found: Statistic -> its decisions, one a level or pair of groups.
    """
    parts = [_first(found.get(str(part.statistic), ()), _WORST_FIRST) for part in endpoint.judged]
    any_of = endpoint.criteria is not None and endpoint.criteria.any_of is not None
    return _first(parts, _BEST_FIRST if any_of else _WORST_FIRST)


def worst(found: Iterable[Decision]) -> Decision:
    """The worst of decisions that all have to be met; not evaluable where one informs only."""
    decision = _first(found, _WORST_FIRST)
    return "not_evaluable" if decision == "informative" else decision


def deciding(endpoint: Endpoint, rows: Iterable[Row], version: str) -> list[tuple[Row, int]]:
    """The row that decides each criterion of an endpoint, and among how many: levels, or pairs of groups.

    Args:
        endpoint: A resolved endpoint.
        rows: Its rows of results.
        version: A version, whether it is the one that decides or not.
    """
    judged = [row for row in rows if judged_here(row, version)]
    found = []
    for part in endpoint.judged:
        own = [row for row in judged if row["statistic"] == part.statistic]
        decision = _first([row["decision"] for row in own], _WORST_FIRST)
        settling = _closest_first(endpoint, [row for row in own if row["decision"] == decision])
        found += [(row, len(own)) for row in settling[:1]]
    return found


def _closest_first(endpoint: Endpoint, rows: Sequence[Row]) -> list[Row]:
    """Rows by criterion in the order found, and of each the least room first: what decides."""
    parts = {part.statistic: part for part in endpoint.judged}
    order = {name: place for place, name in enumerate(dict.fromkeys(row["statistic"] for row in rows))}

    def key(row: Row) -> tuple[int, float]:
        return order[row["statistic"]], room(parts[row["statistic"]], row)

    return sorted(rows, key=key)


def _first(found: Iterable[Decision], order: Sequence[Decision]) -> Decision:
    """The first of an order that was found; `not_evaluable` where nothing was."""
    there = set(found)
    return next((decision for decision in order if decision in there), "not_evaluable")


def overall(protocol: Protocol, outcomes: Mapping[str, Outcome]) -> Decision:
    """The study's decision: not met, then not evaluable, then met; informative where nothing decides.

    A deciding endpoint whose limit nobody has confirmed informs only, and a study that rests on it is not
    evaluable.
    """
    found = {
        outcomes[name].decision
        for name, endpoint in protocol.endpoints.items()
        if endpoint.role in DECIDING and endpoint.judged and name in outcomes
    }
    if not found:
        return "informative"
    return worst(found)


def withhold(rows: Iterable[Row], endpoints: Iterable[str], reason: str) -> None:
    """Take away the decisions of endpoints that rest on something the study does not have.

    What would have been decided stays in `otherwise`.

    Args:
        rows: Rows of results; changed in place.
        endpoints: Identifiers of the endpoints concerned.
        reason: What is missing, and by how much.
    """
    concerned = set(endpoints)
    for row in rows:
        if row["endpoint"] not in concerned or row["criterion"] is None:
            continue
        if row["decision"] in {"met", "not_met"}:
            row["otherwise"] = row["decision"]
            row["evidence"] = None
        if row["decision"] != "informative":
            row["decision"] = "not_evaluable"
            row["error"] = f"{row['error']}; {reason}" if row["error"] else reason


def reasons(protocol: Protocol, rows: Iterable[Row], version: str) -> list[str]:
    """Why the study is not evaluable: one sentence a reason, each once, in the order of the rows."""
    found: dict[str, None] = {}
    for row in rows:
        if not decides(row, version):
            continue
        title = protocol.endpoints[row["endpoint"]].title
        if row["decision"] == "not_evaluable" and row["error"]:
            found[f"{title}: {row['error']}"] = None
        elif row["decision"] == "informative":
            found[f"{title}: {NOT_CONFIRMED}"] = None
    return list(found)


def unverified(protocol: Protocol) -> list[str]:
    """Dotted keys of limits and requirements whose number nobody has read in the rule."""
    found = []
    for name, endpoint in protocol.endpoints.items():
        if not all(part.trusted for part in endpoint.judged):
            found.append(f"endpoints.{name}")
    return found + [
        f"requirements.{name}" for name, one in protocol.requirements.items() if one.tier == "unverified"
    ]
