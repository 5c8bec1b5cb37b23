"""The size of a study, from its protocol: every calculation, what they come to together, and what is missing.

Nothing here reads data; what it gives is plain data for the command line, results.json and the report.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..protocols.model import DECIDING, Protocol
from .sizing import calculate

APART = {"sensitivity": "with", "specificity": "without"}
"""Statistics that count subjects with the condition only, or without it only."""


def plan(protocol: Protocol) -> dict[str, Any]:
    """The reasoning behind the size of a study.

    Args:
        protocol: Resolved protocol.

    Returns:
        `calculations`: one entry for each of `sample_size`, as `sizing.calculate` gives it; `total`: subjects
        to enrol for all of them (`enrol, enrol_stable, planned, parts, words, missing`), null where none
        could be computed; `together`: the power to meet every performance goal that decides (`at_least`,
        `if_independent`, `at`, `endpoints`), null for fewer than two; `without`: deciding endpoints that
        nothing was calculated for.

    Example:
        >>> from accordance.protocols import library
        >>> plan(library.load("method-comparison"))["calculations"]
        []
    """
    found = [calculate(protocol, name) for name in protocol.sample_size]
    known = {one["endpoint"] for one in found if one["error"] is None}
    return {
        "calculations": found,
        "total": _total(found),
        "together": _together(found),
        "without": [
            name
            for name, endpoint in protocol.endpoints.items()
            if endpoint.role in DECIDING and name not in known
        ],
    }


def _total(found: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Subjects to enrol for all calculations.

    One subject serves every endpoint. Only sensitivity and specificity need different ones: among subjects
    enrolled together each has its prevalence and the larger number has enough of both; enrolled separately
    (a prevalence of 1) both numbers add up.
    """
    known = [one for one in found if one["error"] is None]
    if not known:
        return None
    parts = {"all": [], "with": [], "without": []}  # type: dict[str, list[Mapping[str, Any]]]
    for one in known:
        parts[APART.get(one["statistic"], "all")].append(one)
    separate = _separate(parts["with"], parts["without"])
    enrol, stable = (_sum(parts, key, separate) for key in ("enrol", "enrol_stable"))
    planned = None
    if all(one["planned"] for one in found):
        numbers = {
            name: [{"planned": one["planned"]["n"]} for one in members] for name, members in parts.items()
        }
        planned = _sum(numbers, "planned", separate) if len(known) == len(found) else None
    missing = [one["id"] for one in found if one["error"] is not None]
    return {
        "enrol": enrol,
        "enrol_stable": stable,
        "planned": planned,
        "parts": {one["id"]: one["enrol"] for one in known},
        "words": _total_words(parts, separate=separate),
        "missing": missing,
    }


def _separate(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> bool:
    """Whether subjects with and without the condition are enrolled separately."""
    both = [*first, *second]
    return bool(first and second) and any(one["expectations"]["prevalence"] == 1 for one in both)


def _sum(parts: Mapping[str, Sequence[Mapping[str, Any]]], key: str, separate: bool) -> int:
    largest = {name: max((int(one[key]) for one in own), default=0) for name, own in parts.items()}
    cases = largest["with"] + largest["without"] if separate else max(largest["with"], largest["without"])
    return max(largest["all"], cases)


def _total_words(parts: Mapping[str, Sequence[Mapping[str, Any]]], *, separate: bool) -> str:
    if separate:
        words = "subjects with and without the condition are enrolled separately, and their numbers add up"
        if any(one["expectations"]["prevalence"] < 1 for one in (*parts["with"], *parts["without"])):
            words += "; if they are enrolled together, give both endpoints a prevalence below 1"
        return words
    if parts["with"] and parts["without"]:
        words = "subjects with and without the condition are enrolled together; the larger number has both"
        highest = [max(one["expectations"]["prevalence"] for one in parts[name]) for name in APART.values()]
        if sum(highest) > 1 + 1e-9:
            words += "; their prevalences add up to more than 1, which cannot be"
        return words
    if sum(map(len, parts.values())) > 1:
        return "the same subjects serve every endpoint; the largest number has enough for all"
    return "the only calculation"


def _together(found: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The power to meet all goals that decide: each at its planned number, or at the one needed."""
    goals = [
        one for one in found if one["error"] is None and one["power"] is not None and one["role"] in DECIDING
    ]
    if len(goals) < 2:
        return None
    planned = all(one["planned"] for one in goals)
    powers = [float(one["planned"]["power"] if planned else one["power"]) for one in goals]
    return {
        "endpoints": list(dict.fromkeys(one["endpoint"] for one in goals)),
        "at": "planned" if planned else "needed",
        "at_least": max(0.0, 1 - math.fsum(1 - power for power in powers)),
        "if_independent": math.prod(powers),
    }
