"""Events in plain words: what each of them is, and which of two sides belong together."""

from __future__ import annotations

from .describe_parts import joined
from .events import Event, Matching
from .model import Pairing, Protocol

_MAPS = {
    "wfdb": "the table of the WFDB software for EC57",
    "de_chazal": "the table of the WFDB software for EC57, but with escape beats as N",
}


def sentences(protocol: Protocol, pairing: Pairing) -> list[str]:
    """How events are matched and become outcomes, a sentence a rule.

    Args:
        protocol: Resolved protocol.
        pairing: One of its pairings, by events.
    """
    match = pairing.match or Matching()
    equal = joined([name.replace("_", " ") for name in pairing.on or ()])
    none = _none(protocol, pairing, match)
    found = [
        f"Events of {pairing.reference} and of {pairing.test} with equal {equal} are matched one to one "
        f"{_rule(match)}. Each row is an outcome: an event of both sides, one that {pairing.test} missed, or "
        f"one that only {pairing.test} has; the side without an event has the class `{none}`."
    ]
    if match.same_class:
        found.append("Only events of one class match.")
    if match.learning is not None and match.learning.value > 0:
        found.append(f"The first {match.learning} of a session are not compared.")
    if match.within is not None:
        found.append(
            f"Only time within the stretches of `{match.within.table}` counts, `{match.within.start}` to "
            f"`{match.within.end}`; a session without one is left out and counted."
        )
    else:
        found.append(
            f"A session that {pairing.reference} has no row of is left out and counted; where only "
            f"{pairing.test} has no row, all events are missed."
        )
    return found


def _rule(match: Matching) -> str:
    if match.by == "beats":
        whose = "as WFDB 10.7.0 counts" if match.mode == "wfdb_compat" else "defects of WFDB 10.7.0 corrected"
        return (
            f"by the rule of EC57 for beats, at most {match.tolerance} apart ({whose}), at the recording's "
            f"{match.rate}"
        )
    if match.by == "points":
        return f"where they are at most {match.tolerance} apart: most pairs, then least distance"
    share = (
        f"share at least {match.least_overlap:g} of the time that either covers"
        if match.least_overlap
        else "overlap"
    )
    return f"where they {share}: most pairs, then largest overlap"


def _none(protocol: Protocol, pairing: Pairing, match: Matching) -> str:
    column = protocol.tables[pairing.reference].columns.get(match.reference or "")
    return column.event.none if column is not None and column.event is not None else "none"


def columns(protocol: Protocol) -> list[str]:
    """Each column that says what an event is, as a sentence."""
    return [
        _column(table, name, column.event)
        for table, contract in protocol.tables.items()
        for name, column in contract.columns.items()
        if column.event is not None
    ]


def _column(table: str, name: str, spec: Event) -> str:
    said = [f"{label} is {meaning}" for label, meaning in spec.classes.items() if label != meaning]
    if spec.map is not None:
        said.insert(0, f"symbols by {_MAPS[spec.map]}")
    if spec.ignored:
        said.append(f"no events: {joined(list(spec.ignored))}")
    if spec.unreadable is not None:
        said.append(f"{spec.unreadable} where nothing could be read")
    words = f" ({'; '.join(said)})" if said else ""
    return f"In `{table}`, `{name}` is the class of each event, from `{spec.of}`{words}."
