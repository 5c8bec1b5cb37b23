"""The gate of a comparison: may a candidate take the place of the baseline?

Every primary endpoint of every candidate has to be non-inferior, or whatever is required of it by name. What
is not decided does not pass: an inconclusive endpoint only where that is tolerated aloud, one that could not
be evaluated never. A candidate whose outputs are the baseline's, byte for byte, is no other version: there is
nothing to decide, and it passes with a warning, so that a change elsewhere in a repository closes no gate.

Of a comparison that was held against a change control plan (`--pccp`) it also asks whether each candidate is
a permitted modification that reached what the plan asks of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ..protocols.errors import UsageError
from .comparison_words import IDENTICAL, ORDER, spoken
from .gate import Check, GateOutcome, State, exit_code
from .gate_requirements import parse

PASSING = "non_inferior"
PRIMARY = "primary"
REQUIRABLE = tuple(one for one in ORDER[::-1] if one != "not_evaluable")
"""Decisions that can be required: what could not be evaluated never passes."""
WITHIN = "within"
"""What is asked of a candidate that was held against the change control plan."""
_PLAN_STATES: Mapping[str, State] = {
    "within": "passed", "outside": "failed", "not_permitted": "failed", "not_evaluable": "open",
}  # fmt: skip
UNCHANGED = "unchanged: its outputs are those of {baseline}, byte for byte; nothing was compared"

Tolerance = Literal["fail", "warn"]
Row = Mapping[str, Any]


def gate_comparison(
    document: Mapping[str, Any],
    require: Sequence[str] = (),
    *,
    inconclusive: Tolerance = "fail",
    identical: Tolerance = "warn",
) -> GateOutcome:
    """Whether every candidate may take the place of the baseline.

    Args:
        document: The content of comparison.json, as `gate_reading.read` gives it.
        require: `ENDPOINT=DECISION` for all candidates, `CANDIDATE:ENDPOINT=DECISION` for one, which counts
            before the other. It takes the place of what is asked of a primary endpoint (`non_inferior`), and
            makes a secondary one count. `superior` satisfies `non_inferior`; any other decision has to be the
            very one.
        inconclusive: `warn` lets primary endpoints pass that are inconclusive, with a warning; not those of
            which something is required by name, and never what is inferior or not evaluable.
        identical: `warn` lets a candidate pass whose outputs are the baseline's, byte for byte, with a
            warning; not where more than `non_inferior` is required of it by name. `fail`: it is not decided.

    Returns:
        Exit code 0 where all is as asked; 1 where a decision is another; 3 where something is inconclusive or
        not evaluable, or nothing decides.

    Raises:
        UsageError: Something is required that the comparison cannot answer; every such text is named.
    """
    wanted = _required(document, require)
    checks: list[Check] = []
    warnings: list[str] = []
    for row in document["comparisons"]:
        asked = wanted.get((row["candidate"], row["endpoint"]))
        if row["role"] == PRIMARY or asked is not None:
            same = identical == "warn" and _unchanged(document, row)
            checks.append(_check(row, asked, inconclusive, unchanged=same))
            warnings += _warnings(row, checks[-1])
    checks += [check for name in document["candidates"] for check in _unexplained(document, name)]
    checks += _planned(document)
    worst = [str(document["decisions"][name]["decision"]) for name in document["candidates"]]
    return GateOutcome(
        exit_code([check.state for check in checks]),
        min(worst, key=ORDER.index),
        tuple(_lines(document, checks)),
        warnings=(*_of_the_whole(document), *warnings),
        checks=tuple(checks),
    )


def name_of(endpoint: str | None, candidate: str) -> str:
    """Which endpoint of which candidate, in a line.

    Example:
        >>> name_of("mape", "v2"), name_of(None, "v2")
        ('mape, v2', 'v2')
    """
    return candidate if endpoint is None else f"{endpoint}, {candidate}"


def _required(document: Mapping[str, Any], texts: Sequence[str]) -> dict[tuple[str, str], str]:
    """(candidate, endpoint) -> decision required by name."""
    endpoints = list(dict.fromkeys(row["endpoint"] for row in document["comparisons"]))
    candidates = list(document["candidates"])
    found, problems = parse(texts, endpoints=endpoints, candidates=candidates, decisions=REQUIRABLE)
    if problems:
        raise UsageError("\n".join(problems))
    general = {
        (name, one.endpoint): one.decision for one in found for name in candidates if not one.candidate
    }
    return general | {(one.candidate, one.endpoint): one.decision for one in found if one.candidate}


def _unchanged(document: Mapping[str, Any], row: Row) -> bool:
    """Whether a row decides nothing for no other reason than that both versions' outputs are the same."""
    both = {row["candidate"], document["baseline"]}
    same = any(both <= set(group) for group in document.get("identical") or [])
    return same and row["decision"] == "not_evaluable" and row.get("reason") == IDENTICAL


def _check(row: Row, asked: str | None, inconclusive: Tolerance, *, unchanged: bool) -> Check:
    found, wanted = str(row["decision"]), asked or PASSING
    tolerated = inconclusive == "warn" and asked is None
    state = _state(found, wanted, tolerated=tolerated)
    if unchanged and wanted == PASSING:
        state = "warned"
    said = str(row.get("words") or spoken(found).capitalize())
    return Check(
        row["endpoint"], row["candidate"], row["row_id"], wanted, found, state, said, asked is not None
    )


def _state(found: str, wanted: str, *, tolerated: bool) -> State:
    """What a decision means for the gate.

    Example:
        >>> _state("superior", "non_inferior", tolerated=False)
        'passed'
        >>> _state("non_inferior", "superior", tolerated=True)
        'failed'
        >>> _state("inconclusive", "non_inferior", tolerated=True)
        'warned'
        >>> _state("not_evaluable", "non_inferior", tolerated=True)
        'open'
    """
    if found == "not_evaluable":
        return "open"
    if found == wanted or (found, wanted) == ("superior", "non_inferior"):
        return "passed"
    if found == "inconclusive":
        return "warned" if tolerated else "open"
    return "failed"


def _unexplained(document: Mapping[str, Any], candidate: str) -> list[Check]:
    """A candidate's decision that is worse than every one of its primary endpoints, as a check of its own."""
    own = document["decisions"][candidate]
    found = str(own["decision"])
    rows = [
        str(row["decision"])
        for row in document["comparisons"]
        if row["candidate"] == candidate and row["role"] == PRIMARY
    ]
    place = ORDER.index
    if not rows or place(found) >= min(map(place, rows)):
        return []
    state = _state(found, PASSING, tolerated=False)
    return [Check(None, candidate, None, PASSING, found, state, _words(own))]


def _planned(document: Mapping[str, Any]) -> list[Check]:
    """Every candidate that was held against the change control plan, as a check of its own."""
    control = document.get("change_control") or {"candidates": {}}
    return [
        Check(None, name, None, WITHIN, str(one["result"]), _PLAN_STATES[one["result"]], str(one["words"]))
        for name, one in control["candidates"].items()
    ]


def asked_of(check: Check) -> str:
    """What a check asks, in words.

    Example:
        >>> asked_of(Check("mape", "v2", "r1", "superior", "superior", "passed", "Superior"))
        'superior'
        >>> asked_of(Check(None, "v2", None, "within", "outside", "failed", "Outside the plan"))
        'within the change control plan'
    """
    return "within the change control plan" if check.wanted == WITHIN else spoken(check.wanted)


def _words(decision: Mapping[str, Any]) -> str:
    return str(decision.get("words") or spoken(str(decision["decision"])).capitalize())


def _warnings(row: Row, check: Check) -> list[str]:
    """What to know of a row that a check asks about."""
    name = name_of(check.endpoint, check.candidate)
    found = []
    if check.state == "warned" and check.found == "not_evaluable":
        found.append(f"{name}: {UNCHANGED.format(baseline=row['baseline'])}")
    elif check.state == "warned":
        found.append(f"{name}: inconclusive, and let pass because --inconclusive warn says so")
    if row.get("worse") and check.state in {"passed", "warned"}:
        found.append(
            f"{name}: worse than {row['baseline']}, though within the margin: the interval lies below 0"
        )
    if row["role"] != PRIMARY:
        found.append(f"{name}: secondary, so its interval is not adjusted for the number of comparisons")
    if row.get("warning"):
        found.append(f"{name}: {row['warning']}")
    return found


def _of_the_whole(document: Mapping[str, Any]) -> list[str]:
    """What to know of the comparison before any of its rows."""
    found = [
        f"{' and '.join(group)} gave the same outputs, byte for byte"
        for group in document.get("identical") or []
        if document["baseline"] in group
    ]
    if not any(row["role"] == PRIMARY for row in document["comparisons"]):
        found.append("no endpoint of the comparison is primary, so none decides but those required by name")
    if document.get("overlap"):
        found.append(
            "compared on the units that both versions have; what was left out is not in the decision"
        )
    return found


def _lines(document: Mapping[str, Any], checks: Sequence[Check]) -> list[str]:
    """A line a candidate, each with its endpoints below."""
    lines = []
    for candidate in document["candidates"]:
        own = document["decisions"][candidate]
        lines.append(f"{candidate} against {document['baseline']}: {_words(own)}")
        for check in checks:
            if check.candidate == candidate and check.endpoint is not None:
                asked = f" (required: {asked_of(check)})" if check.asked else ""
                lines.append(f"  {check.endpoint}: {check.words}{asked}")
            elif check.candidate == candidate and check.wanted == WITHIN:
                lines.append(f"  change control plan: {check.words}")
    return lines
