"""What `accordance plan` prints: the reasoning behind the size of a study, and the report's empty tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from .tables import plain_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..protocols.model import Protocol
    from ..studies.shells import Shell

NEAR = 4
"""Numbers on both sides of the first one that the table of the saw-tooth shows."""

NO_PLAN = """\
The protocol has no `sample_size` block, so there is nothing to compute. One looks like this:

sample_size:
  sensitivity:
    endpoint: sensitivity          # an endpoint whose lower bound has to lie above a limit
    method: performance_goal
    expected: 0.95
    power: 0.8
    inconclusive: 0.1
    dropout: 0.05"""


def report(protocol: Protocol, plan: Mapping[str, Any]) -> Iterator[RenderableType]:
    """The whole plan, top to bottom."""
    yield Text(f"{protocol.title} ({protocol.id}, version {protocol.version})", style="bold")
    if not plan["calculations"]:
        yield Text(f"\n{NO_PLAN}")
        return
    for one in plan["calculations"]:
        yield Text()
        yield from _calculation(one)
    yield Text()
    yield from _total(plan)


def _calculation(one: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield Text.assemble((one["id"], "bold"), f": {one['title']} ({one['role'].replace('_', '-')})")
    if one["error"] is not None:
        yield Text(f"Not computed: {one['error'].rstrip('.')}.", style="yellow")
        return
    yield Text(one["words"])
    if one["rationale"]:
        yield Text(f"Why these expectations: {one['rationale']}")
    yield Text()
    yield _steps(one)
    if one["curve"]:
        yield Text()
        yield _curve(one)
        yield Text(_saw_tooth(one))
    if one["planned"] is not None:
        yield Text(
            f"Planned: {one['planned']['words']}.", style="green" if one["planned"]["enough"] else "yellow"
        )
    for note in one["notes"]:
        yield Text(f"Note: {note}", style="yellow")


def _steps(one: Mapping[str, Any]) -> RenderableType:
    table = plain_table("From what is needed to what is enrolled")
    table.add_column("Step", overflow="fold")
    table.add_column("Number", justify="right", no_wrap=True)
    table.add_column("How", overflow="fold")
    for step in one["steps"]:
        value = step["value"]
        shown = f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
        table.add_row(step["name"], shown, step["how"])
    return table


def _curve(one: Mapping[str, Any]) -> RenderableType:
    """Power around the first number, at the deepest dip, and where it stays above what is wanted."""
    lowest = one["lowest"] or {"n": one["n"]}
    marks = {one["n"]: "first with enough", one["stable_n"]: "from here on always enough"}
    marks.setdefault(lowest["n"], "deepest dip")
    shown = {*range(one["n"] - NEAR, one["n"] + NEAR + 1), lowest["n"], one["stable_n"] - 1, one["stable_n"]}
    table = plain_table(f"Power is saw-toothed in the number of {_counted(one)}")
    for name in ("n", "Successes needed", "Power", "Error at the goal"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for point in one["curve"]:
        if point["n"] in shown:
            enough = point["power"] >= one["expectations"]["power"]
            table.add_row(
                f"{point['n']:,}",
                f"{point['critical']:,}" if point["critical"] <= point["n"] else "none suffices",
                Text(f"{point['power']:.4f}", style="default" if enough else "yellow"),
                f"{point['actual_alpha']:.4f}",
                marks.get(point["n"], ""),
            )
    return table


def _counted(one: Mapping[str, Any]) -> str:
    return "evaluable subjects" if one["counted"] == "subjects" else "independent units"


def _saw_tooth(one: Mapping[str, Any]) -> str:
    if one["lowest"] is None:
        return "From the first number on, power never falls below what is wanted."
    dip = one["lowest"]
    return (
        f"More can be less: with {dip['n']:,} it is {dip['power']:.4f}. From {one['stable_n']:,} on it never "
        f"falls below {one['expectations']['power']:g} again; that would be {one['enrol_stable']:,} enrolled."
    )


def _total(plan: Mapping[str, Any]) -> Iterator[RenderableType]:
    total, together = plan["total"], plan["together"]
    if total is not None:
        least = "at least " if total["missing"] else ""
        line = f"Subjects to enrol: {least}{total['enrol']:,} ({total['words']})."
        if total["enrol_stable"] != total["enrol"]:
            line += f" Above every dip of the saw-tooth: {total['enrol_stable']:,}."
        if total["planned"] is not None:
            line += f" Planned: {total['planned']:,}."
        yield Text(line, style="bold")
    else:
        yield Text("Subjects to enrol: not known, as nothing could be computed.", style="bold yellow")
    if total is not None and total["missing"]:
        yield Text(f"Without a number: {', '.join(total['missing'])}.", style="yellow")
    if together is not None:
        yield Text(
            f"All goals together ({', '.join(together['endpoints'])}), at the numbers {together['at']}: "
            f"power at least {together['at_least']:.4f}; {together['if_independent']:.4f} if independent."
        )
    if plan["without"]:
        yield Text(f"Deciding endpoints without a calculation: {', '.join(plan['without'])}.", style="yellow")


def markdown(protocol: Protocol, shells: Iterable[Shell]) -> str:
    """The report's tables without data, as Markdown that reads as plain text, too."""
    parts = [
        f"# Tables of the report, without data: {protocol.title}",
        f"Protocol {protocol.id}, version {protocol.version}"
        + (f", variant {protocol.variant}" if protocol.variant else "")
        + ". Empty cells are filled by `accordance run`, for each version of the algorithm.",
    ]
    for at, shell in enumerate(shells, 1):
        parts.append(f"## Table {at}. {shell.title}")
        parts.append(aligned(shell.columns, shell.rows))
        parts += shell.notes
    return "\n\n".join(parts) + "\n"


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""A Markdown table whose columns stand below one another.

    Example:
        >>> print(aligned(("Group", "n"), [("All", ""), ("a|b", "")]))
        | Group | n |
        |-------|---|
        | All   |   |
        | a\|b  |   |
    """
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    head, *body = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    return "\n".join([head, "|" + "|".join("-" * (width + 2) for width in widths) + "|", *body])


WORDS = ("Pairing", "Version")
COUNTS = {
    "Batches": "batches",
    "Kept": "found",
    "To compute": "to_compute",
    "Reference rows to read": "reference_rows_to_read",
    "Test rows to read": "test_rows_to_read",
}
"""Columns of what a run would do, and what they hold."""


def run_tables(plan: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What `accordance run --dry-run` says: tables to read, pairs to make and why, endpoints to prepare."""
    tables = plain_table("Tables")
    for name in ("Table", "Version", "Rows", "Files", "Read"):
        tables.add_column(name, justify="right" if name in {"Rows", "Files"} else "left")
    for one in plan["tables"]:
        how = "some subjects at a time" if one["how"] == "stream" else "whole"
        rows, files = f"{one['rows']:,}", f"{one['files']:,}"
        tables.add_row(one["table"], one["version"] or "", rows, files, how)
    yield tables
    pairs = plain_table("Pairs")
    for name in (*WORDS, *COUNTS, "Why"):
        pairs.add_column(name, justify="right" if name in COUNTS else "left")
    for one in plan["pairings"]:
        if one["batches"] is None:
            pairs.add_row(one["pairing"], one["version"], "", "", *["all"] * 3, "tables are read whole")
            continue
        why = "\n".join(f"{count:,}: {words}" for words, count in one["why"].items())
        if one["errors_to_compute"]:
            why = f"{why}\n{one['errors_to_compute']:,}: with errors of the clock".strip()
        counts = [f"{one[name]:,}" for name in COUNTS.values()]
        pairs.add_row(one["pairing"], one["version"], *counts, why)
    yield pairs
    endpoints = plain_table("Endpoints")
    for name in ("Pairing", "Version", "Kept", "To be prepared from pairs"):
        endpoints.add_column(name, overflow="fold")
    for one in plan["pairings"]:
        found = one["endpoints"]
        kept, missing = ", ".join(found["kept"]), ", ".join(found["to_compute"])
        endpoints.add_row(one["pairing"], one["version"], kept or "none", missing or "none")
    yield endpoints
