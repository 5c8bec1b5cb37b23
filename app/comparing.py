"""What `compare` prints. It computes nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ..studies import tracking
from ..studies.comparison_folder import Comparison, deciding_bounds
from ..studies.comparison_words import spoken
from ..studies.results import number
from ..studies.who_got_worse import worst
from .console import Output
from .failures import SOME_FAILED
from .tables import Fitting, plain_table

STYLES = {
    "superior": "bold green",
    "non_inferior": "green",
    "inferior": "bold red",
    "inconclusive": "bold yellow",
    "not_evaluable": "bold yellow",
}
SIGNS = {
    "superior": "\u2713",
    "non_inferior": "\u2713",
    "inferior": "\u2717",
    "inconclusive": "?",
    "not_evaluable": "?",
}
ADJUSTED = {
    "none": "not adjusted",
    "bonferroni": "adjusted (Bonferroni)",
    "holm": "adjusted (Holm)",
    "max_t": "adjusted (maximal t)",
}


def report(found: Comparison) -> Iterator[RenderableType]:
    """Decisions, one table of all comparisons, what was left out, and what the reader should know."""
    for candidate, one in found.decisions.items():
        style = STYLES[one["decision"]]
        yield Text.assemble(
            (f"{SIGNS[one['decision']]} ", style),
            (f"{candidate} against {found.baseline}: ", "bold"),
            (one["words"], style),
        )
    yield from _change_control(found)
    for candidate in found.candidates:
        yield Text()
        yield Fitting(table(found, candidate))
    yield from _reasons(found)
    yield from _notes(found)


_PLAN = {
    "within": "green",
    "outside": "bold red",
    "not_evaluable": "bold yellow",
    "not_permitted": "bold red",
}


def _change_control(found: Comparison) -> Iterator[Text]:
    """What the change control plan makes of each candidate, and why."""
    for candidate, one in (found.document.get("change_control") or {"candidates": {}})["candidates"].items():
        named = f" as `{one['modification']}`" if one["declared"] else ""
        yield Text.assemble((f"  {candidate}{named}: ", "bold"), (one["words"], _PLAN[one["result"]]))
        for reason in one["reasons"]:
            yield Text(f"    {reason}", style="yellow")


def table(found: Comparison, candidate: str) -> Table:
    """One line an endpoint: both values, the improvement, its intervals, the margin, the decision."""
    document = found.document
    level = f"{document['level'] * 100:g}%"
    adjusted = document["multiplicity"] != "none"
    shown = plain_table(
        f"Improvement of {candidate} over {found.baseline}, positive is better; {level} intervals"
    )
    shown.add_column("Endpoint", overflow="fold")
    for name in (found.baseline, candidate, "Improvement"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("Interval", no_wrap=True)
    if adjusted:
        shown.add_column("Adjusted", no_wrap=True)
    shown.add_column("Margin", justify="right", no_wrap=True)
    shown.add_column("Decision", overflow="fold", min_width=13)
    for one in found.comparisons:
        if one["candidate"] == candidate:
            shown.add_row(*_cells(one, adjusted=adjusted))
    return shown


def _cells(one: Mapping[str, Any], *, adjusted: bool) -> Iterator[Text]:
    yield Text(one["endpoint"] + ("" if one["role"] == "primary" else f" ({one['role']})"))
    yield Text(number(one["baseline_value"]))
    yield Text(number(one["candidate_value"]))
    yield Text(_shown(one, one["improvement"]["estimate"]))
    yield Text(_bounds(one, one["improvement"]["lower"], one["improvement"]["upper"]))
    if adjusted:
        yield Text(_bounds(one, *deciding_bounds(one)) if one["adjusted"] else "")
    yield Text(_margin(one))
    told = spoken(one["decision"])
    yield Text(told + (", worse" if one["worse"] else ""), style=STYLES[one["decision"]])


def _shown(one: Mapping[str, Any], value: float | None) -> str:
    """A number of the improvement; on the ratio scale as a ratio."""
    if value is not None and one["scale"] == "ratio":
        return f"x {number(math.exp(value))}"
    return number(value)


def _bounds(one: Mapping[str, Any], lower: float | None, upper: float | None) -> str:
    if lower is None or upper is None:
        return ""
    return f"{_shown(one, lower)} to {_shown(one, upper)}"


def _margin(one: Mapping[str, Any]) -> str:
    if one["margin"] is None:
        return "none"
    return f"x {number(one['margin'])}" if one["scale"] == "ratio" else number(one["margin"])


def _reasons(found: Comparison) -> Iterator[Text]:
    for one in found.comparisons:
        reason = one["error"] or one["reason"]
        if reason:
            yield Text(f"  {one['endpoint']}, {one['candidate']}: {reason}", style="yellow")


def _notes(found: Comparison) -> Iterator[Text]:
    document = found.document
    for one in found.comparisons:
        if one["further"]:
            yield Text(f"{one['endpoint']}, {one['candidate']}: {one['further']['words']}")
    yield from _who(found)
    yield from _weak_spots(found)
    for group in document["identical"]:
        yield Text(f"Identical outputs, byte for byte: {', '.join(group)}.", style="yellow")
    left: dict[str, list[str]] = {}
    for one in document["comparability"]["units"]:
        left.setdefault(one["words"], []).append(one["endpoint"])
    for told, endpoints in left.items():
        yield Text(f"Left out, {', '.join(endpoints)}: {told}.", style="yellow")
    for note in document["comparability"]["notes"]:
        yield Text(f"{note[0].upper()}{note[1:]}.", style="yellow")
    if document["multiplicity"] != "none" and document["family_size"] > 1:
        how = ADJUSTED[document["multiplicity"]]
        yield Text(f"Decisions of primary endpoints are {how} for {document['family_size']} comparisons.")
    if not document["locked"]:
        yield Text("No locked plan: nothing here is pre-specified.", style="yellow")


MOST_NAMED = 10
"""Subjects that a line names."""


def _who(found: Comparison) -> Iterator[Text]:
    """For whom each candidate is surely worse."""
    for entry, subjects in worst(found.document, found.subjects):
        if found.of(entry["endpoint"], entry["candidate"])["role"] != "primary":
            continue
        more = f" and {len(subjects) - MOST_NAMED:,} more" if len(subjects) > MOST_NAMED else ""
        yield Text(
            f"{entry['endpoint']}, {entry['candidate']}: {entry['worse']:,} of {entry['ranked']:,} subjects "
            f"are worse with a probability above {entry['sure']:.0%}: "
            f"{', '.join(subjects[:MOST_NAMED])}{more}.",
            style="yellow",
        )


def _weak_spots(found: Comparison) -> Iterator[Text]:
    """Groups confirmed to be worse where the candidate is not worse as a whole, and what was not searched."""
    told = found.document.get("weak_spots", {})
    for note in told.get("notes", []):
        yield Text(f"Not searched for weak spots: {note}.")
    unsearched: dict[str, list[str]] = {}
    for search in told.get("searches", []):
        if search.get("error"):
            place = f"{search['endpoint']}, {search['candidate']}"
            unsearched.setdefault(str(search["error"]).rstrip("."), []).append(place)
    for reason, places in unsearched.items():
        yield Text(f"Not searched for weak spots: {'; '.join(places)}: {reason}.")
    for search in told.get("searches", []):
        confirmed = [spot["name"] for spot in search["carried"] if spot["confirmed"]]
        if confirmed and not found.of(search["endpoint"], search["candidate"])["worse"]:
            half = f"found in {search['searched']:,} subjects, confirmed in {search['held_back']:,} others"
            where = f"{search['endpoint']}, {search['candidate']}"
            yield Text(f"Worse, {where}: {'; '.join(confirmed)} ({half}).", style="bold yellow")


def failed(found: Comparison) -> bool:
    """Whether a version that was compared has no outputs of somebody, because its program failed."""
    return any(entry["failed"] for entry in found.document.get("produced") or ())


def facts(found: Comparison) -> dict[str, Any]:
    """The JSON answer: where it is, what it decides, and all comparisons."""
    document = found.document
    kept = (
        "baseline", "candidates", "overlap", "level", "multiplicity", "identical", "decisions", "comparisons",
        "comparability", "produced",
    )  # fmt: skip
    return {
        "comparison": found.run_id,
        "folder": None if found.folder is None else str(found.folder.resolve()),
        **{name: document[name] for name in kept if name in document},
        **{
            name: document[name]
            for name in ("who", "change_control", "history", "history_notes")
            if name in document
        },
        "exit_code": SOME_FAILED if failed(found) else 0,
    }


def log(output: Output, found: Comparison, to: Sequence[str]) -> None:
    """Log the comparison to trackers, and say where; as JSON, with the answer.

    Raises:
        OutputError: A tracker could not be logged to.
    """
    logged = tracking.log(found, to)
    output.answer({**facts(found), "logged": [asdict(one) for one in logged]})
    for one in logged:
        output.text(f"Logged to {one.to}: {one.candidate}, run {one.run} ({one.where})")
