"""The history of versions in print: learning, potential and retention as lines, and as a forest plot.

What the terms mean and where they come from is said in `studies.history`; this module shows its entries.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...studies.comparison_words import TITLES
from .. import format as fmt
from ..figures.forest_row import finite
from ..figures.model import Axis, Forest, ForestRow, Span
from . import words

Entry = Mapping[str, Any]

TERMS = (
    ("Learning", "improvement over the previous version, on the version's own test set"),
    ("Total", "improvement over the first version there (this program's own measurement)"),
    ("Potential", "what the previous version lost by the change of the test set"),
    ("Retention", "improvement on an earlier test set over the last version that was introduced on it"),
)
"""The measurements and what each says."""


@dataclass(frozen=True)
class Line:
    """One measurement of a version in print.

    Attributes:
        version: The version.
        measure: One of the terms; of several that are the same comparison, all of them.
        against: The version that it is held against.
        test_set: Name of the test set; for potential, from which to which.
        before: What that version reached there.
        score: What the version reached there.
        improvement: Estimate; positive is better. A dash where there is none.
        interval: The interval that decided there.
        decision: In words.
        comparison: The comparison that it stands in; `this one` for the one at hand.
        reason: Why there is no estimate, no interval or no decision, or what was left out.
        found: The measurement itself.
    """

    version: str
    measure: str
    against: str
    test_set: str
    before: str
    score: str
    improvement: str
    interval: str
    decision: str
    comparison: str
    reason: str
    found: Mapping[str, Any]


def lines(entry: Entry) -> tuple[Line, ...]:
    """The measurements of every version after the first, in order; none twice.

    Args:
        entry: One object of `history`.
    """
    return tuple(line for step in entry["steps"] for line in _lines(entry, step))


def _lines(entry: Entry, step: Mapping[str, Any]) -> Iterator[Line]:
    named = [("Learning", step["learning"]), ("Total", step["total"])]
    named += [("Retention", one) for one in step["retention"]]
    same: dict[tuple[str, str], tuple[list[str], Mapping[str, Any]]] = {}
    for name, one in named:
        place = (one["baseline"], one["test_set"])
        same.setdefault(place, ([], one))[0].append(name)
    for names, one in same.values():
        first, *rest = names
        yield _line(entry, step, ", ".join([first, *(name.lower() for name in rest)]), one)
    yield _potential(entry, step)


def _line(entry: Entry, step: Mapping[str, Any], measure: str, one: Mapping[str, Any]) -> Line:
    row = _row(entry, one)
    known = one["estimate"] is not None
    return Line(
        version=str(step["version"]),
        measure=measure,
        against=str(one["baseline"]),
        test_set=str(one["test_set"]),
        before=words.value(row, one["baseline_value"]),
        score=words.value(row, one["candidate_value"]),
        improvement=words.change(row, one["estimate"]) if known else words.DASH,
        interval=words.bounds(row, one) if known else words.DASH,
        decision=TITLES.get(str(one["decision"]), words.DASH),
        comparison=words.DASH if not known else str(one["comparison"] or "this one"),
        reason=fmt.quoted(str(one["reason"] or "")),
        found=one,
    )


def _potential(entry: Entry, step: Mapping[str, Any]) -> Line:
    one = step["potential"]
    moved = one["from"] != one["test_set"]
    known = one["estimate"] is not None
    return Line(
        version=str(step["version"]),
        measure="Potential",
        against=str(one["version"]),
        test_set=f"{one['from']} to {one['test_set']}" if moved else str(one["test_set"]),
        before=words.DASH,
        score=words.DASH,
        improvement=words.change(_row(entry, one), one["estimate"]) if known else words.DASH,
        interval=words.DASH,
        decision=words.DASH,
        comparison=words.DASH,
        reason=fmt.quoted(str(one["reason"] or "")),
        found=one,
    )


def _row(entry: Entry, one: Mapping[str, Any]) -> dict[str, Any]:
    """What printing has to know of a measurement."""
    numbers = {name: one[name] for name in ("estimate", "lower", "upper")}
    kept = {name: entry[name] for name in ("unit", "scale", "margin", "better")}
    return {**kept, "improvement": numbers, "standard_error": None}


def forest(entry: Entry) -> Forest:
    """The history of one endpoint: every version's measurements, what was never compared among them.

    Args:
        entry: One object of `history`.
    """
    known = _row(entry, dict.fromkeys(("estimate", "lower", "upper")))
    null, floor = words.null(known), words.floor(known)
    percent = str(entry["unit"]) == "proportion" and not words.is_ratio(known)
    unit = "" if percent else words.unit(known)
    rows = tuple(_forest_rows(entry))
    spoken = "; ".join(f"{row.label}: {row.text}" for row in rows if not row.heading)
    margin = "" if floor is None else f" Shaded: a loss within the margin of {words.margin(known)}."
    what = "Ratio, turned so that above 1 is better" if words.is_ratio(known) else "Improvement"
    return Forest(
        name=f"history-{entry['endpoint']}",
        title=f"{words.title(entry)}: history of versions",
        caption=f"{words.title(entry)}: history of versions from {entry['first']} on. "
        + "; ".join(f"{name}: {meaning}" for name, meaning in TERMS)
        + f". Intervals as they decided in their comparisons.{margin} Dotted: no difference.",
        alt=f"Forest plot of the history of versions, {words.title(entry)}. {spoken}.",
        x=Axis(
            f"\u2190 worse   \u00b7   {what}{f' ({unit})' if unit else ''}   \u00b7   better \u2192",
            percent=percent,
        ),
        rows=rows,
        goal=() if floor is None else (floor,),
        goal_label="" if floor is None else "margin",
        count_title="subjects",
        text_title="Improvement (interval)",
        null=null,
        span=None if floor is None else Span(min(floor, null), max(floor, null), "acceptable loss"),
    )


def _forest_rows(entry: Entry) -> Iterator[ForestRow]:
    current = None
    for line in lines(entry):
        if line.version != current:
            current = line.version
            yield ForestRow(current, heading=True)
        label = f"{line.measure}, {line.against} on {line.test_set}"
        one = line.found
        estimate = finite(one["estimate"])
        if estimate is None:
            yield ForestRow(label, text="not compared")
            continue
        if one.get("from") is not None and one["from"] == one["test_set"]:
            yield ForestRow(label, text="same test set")
            continue
        bounds = "" if line.interval == words.DASH else f" ({line.interval})"
        yield ForestRow(
            label,
            value=words.shown(entry, estimate),
            lower=_shown(entry, one["lower"]),
            upper=_shown(entry, one["upper"]),
            count=fmt.count(one.get("n_subjects")),
            text=line.improvement + bounds,
            row_id=one.get("row_id"),
        )


def _shown(entry: Entry, value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else words.shown(entry, value)
