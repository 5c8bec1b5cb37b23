"""At which further error of the clock a deciding endpoint would be decided otherwise.

The pairs are made again with all test times moved by an error, for a grid of errors both ways, and the
endpoints are estimated and judged from them as they are from the pairs themselves. Held against what is known
of the clocks, it says whether the conclusion rests on their alignment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

from ..datasets import units
from ..datasets.pairs import Pairs
from ..datasets.store import Store
from ..protocols.model import DECIDING, Endpoint, Protocol
from ..protocols.streams import Tipping
from . import clocks
from .decide import outcome
from .evaluation import Answerer, group_rows
from .kept import Kept
from .questions import groups
from .rows import Row

Repair = Callable[[str, str, float], Pairs]
"""Makes the pairs of a pairing and version again, test times moved by so many seconds."""
Told = Callable[[str, float], None]
PARTS_DECIDE = "The decision rests on differences between groups of subjects; no single tipping point exists."


def describe(
    answer: Answerer,
    pairs: Mapping[tuple[str, str], Pairs],
    version: str,
    repair: Repair,
    *,
    store: Store | None = None,
    tell: Told | None = None,
) -> list[dict[str, Any]]:
    """Follow the decision of every deciding endpoint along errors of the clock.

    Args:
        answer: What answers the questions of the run.
        pairs: (pairing, version) -> its pairs.
        version: The version that decides.
        repair: Makes pairs again.
        store: Where prepared metrics are kept.
        tell: Told what is being done and the share done.

    Returns:
        One entry a deciding endpoint whose pairing has `tipping`: `endpoint`, `pairing`, `version`, `points`
        (`at` [seconds added to the test times], `estimate`, `lower`, `upper` of the row that settles the
        decision without an error, `decision`, `settled_by` [the row that settles it there]), `turns`
        (`from`, `to`, `at`: the smallest error tried at which it is another decision, `after`: the largest
        before it), `uncertain` (see `clocks.uncertainty`) and `words`. These are sensitivity analyses: none
        of them decides.
    """
    found = []
    for name, rule in answer.protocol.pairings.items():
        tipping = None if rule.alignment is None else rule.alignment.tipping
        own = dict(_deciding(answer.protocol, name))
        if tipping is None or not own:
            continue
        followed = {key: one for key, one in own.items() if one.disparity is None}
        tried = _errors(tipping)
        rows: dict[float, dict[str, list[Row]]] = {}
        for place, error in enumerate(tried if followed else ()):
            if tell is not None:
                tell(f"clock error {error:+g} s, {name}", place / len(tried))
            made = pairs[name, version] if error == 0 else repair(name, version, error)
            rows[error] = _rows(answer, followed, made, version, store)
        audit = pairs[name, version].clocks
        applied = rule.alignment is not None and rule.alignment.apply
        uncertain = None if audit is None else clocks.uncertainty(audit, applied=applied)
        unknown = 0 if audit is None else audit.filter(audit["status"] != "resolved").height
        for key, endpoint in own.items():
            entry = {"endpoint": key, "pairing": name, "version": version, "uncertain": uncertain}
            curve = {error: found_[key] for error, found_ in rows.items()} if key in followed else {}
            found.append({**entry, **_curve(endpoint, version, curve, uncertain, unknown)})
    return found


def errors(protocol: Protocol, pairing: str) -> tuple[float, ...]:
    """The errors of the clock, in seconds, at which `describe` asks for a pairing's pairs again."""
    rule = protocol.pairings[pairing].alignment
    followed = any(one.disparity is None for _, one in _deciding(protocol, pairing))
    if rule is None or rule.tipping is None or not followed:
        return ()
    return tuple(error for error in _errors(rule.tipping) if error)


def _deciding(protocol: Protocol, pairing: str) -> Iterator[tuple[str, Endpoint]]:
    for name, endpoint in protocol.endpoints.items():
        if endpoint.role in DECIDING and endpoint.judged and endpoint.pairing == pairing:
            yield name, endpoint


def _errors(tipping: Tipping) -> list[float]:
    """Errors in seconds: none first, then both ways outwards, so that a stop leaves the nearest."""
    up_to, step = (one.value * units.MICROSECONDS[one.unit] / 1e6 for one in (tipping.up_to, tipping.step))
    count = int(up_to / step + 1e-9)
    return [0.0, *(sign * k * step for k in range(1, count + 1) for sign in (-1, 1))]


def _rows(
    answer: Answerer, endpoints: Mapping[str, Endpoint], made: Pairs, version: str, store: Store | None
) -> dict[str, list[Row]]:
    """The rows of endpoints on some pairs; what is prepared of them is kept under those pairs' own name."""
    place = (made.pairing, version)
    kept = Kept.of(store if made.key is not None else None, answer.protocol, {place: made})
    own = Answerer(answer.protocol, answer.algorithm, answer.weights, kept)
    # only the parts that the decision speaks of
    plain = {name: one.model_copy(update={"subgroups": ()}) for name, one in endpoints.items()}
    rows: dict[str, list[Row]] = {name: [] for name in endpoints}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for group in groups(answer.protocol, plain):
            for row in group_rows(own, group, version, made.data, pool):
                rows[row["endpoint"]].append(row)
    return rows


def _curve(
    endpoint: Endpoint,
    version: str,
    rows: Mapping[float, Sequence[Row]],
    uncertain: Mapping[str, float | None] | None,
    unknown: int,
) -> dict[str, Any]:
    """Points in order of the error, the turns of the decision, and both in words."""
    if not rows:
        return {"points": [], "turns": [], "words": PARTS_DECIDE}
    decided = {error: outcome(endpoint, own, version) for error, own in rows.items()}
    settled = decided[0.0].rows[:1]
    points = []
    for error in sorted(rows):
        by_id = {row["row_id"]: row for row in rows[error]}
        shown = by_id.get(settled[0], {}) if settled else {}
        settles = by_id.get(decided[error].rows[0]) if decided[error].rows else None
        points.append(
            {
                "at": error,
                "estimate": shown.get("estimate"),
                "lower": shown.get("ci_lower"),
                "upper": shown.get("ci_upper"),
                "decision": decided[error].decision,
                "settled_by": settles["row_id"] if settles else None,
            }
        )
    turns = [turn for side in (-1, 1) if (turn := _turn(points, side)) is not None]
    row_id = settled[0] if settled else None
    words = _words(points, turns, uncertain, unknown)
    return {"row_id": row_id, "points": points, "turns": turns, "words": words}


def _turn(points: Sequence[Mapping[str, Any]], side: int) -> dict[str, Any] | None:
    """The first error to one side at which the decision is another than without an error."""
    outwards = sorted((one for one in points if one["at"] * side >= 0), key=lambda one: abs(one["at"]))
    for before, after in pairwise(outwards):
        if after["decision"] != outwards[0]["decision"]:
            told = {"from": outwards[0]["decision"], "to": after["decision"]}
            return {**told, "after": before["at"], "at": after["at"]}
    return None


def _words(
    points: Sequence[Mapping[str, Any]],
    turns: Sequence[Mapping[str, Any]],
    uncertain: Mapping[str, float | None] | None,
    unknown: int,
) -> str:
    here = _said(next(one["decision"] for one in points if one["at"] == 0))
    furthest = max(one["at"] for one in points)
    if turns:
        told = f"Without a further error of the clock the decision is `{here}`; " + " and ".join(
            f"it turns to `{_said(turn['to'])}` between {turn['after']:+g} and {turn['at']:+g} s"
            for turn in turns
        )
        told += "." if len(turns) > 1 else f"; the other way it stays up to {furthest:g} s."
    else:
        told = (
            f"The decision is `{here}` with every further error of the clock, up to {furthest:g} s both ways."
        )
    return f"{told} {_against(turns, uncertain, unknown)}"


def _against(
    turns: Sequence[Mapping[str, Any]], uncertain: Mapping[str, float | None] | None, unknown: int
) -> str:
    """The tipping points held against what is known of the clocks."""
    lower, upper = (None, None) if uncertain is None else (uncertain["lower"], uncertain["upper"])
    if lower is None or upper is None:
        return "No session's clock could be estimated, so nothing says how likely such an error is."
    told = f"By the sessions' 95% intervals test times may be off by {lower:+.2f} to {upper:+.2f} s"
    reached = [turn for turn in turns if lower <= turn["at"] <= upper]
    open_ = [turn for turn in turns if turn not in reached and _reaches(turn, lower, upper)]
    if reached:
        told += ": the conclusion rests on the clocks."
    elif open_:
        told += ": that reaches to where it turns, and a finer step would tell."
    else:
        told += ": too little to change it."
    if unknown:
        sessions = "session has" if unknown == 1 else "sessions have"
        told += f" {unknown:,} {sessions} no estimate and may be off by more."
    return told


def _reaches(turn: Mapping[str, Any], lower: float, upper: float) -> bool:
    """Whether the uncertainty goes beyond the last error that changed nothing."""
    return bool(upper > turn["after"] if turn["at"] > 0 else lower < turn["after"])


def _said(decision: str) -> str:
    return decision.replace("_", " ")
