"""What the command line prints of a study and of its results. It computes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..protocols.model import DECIDING
from ..studies import independence
from ..studies.contrasts import compared
from ..studies.decide import deciding
from ..studies.handled import line
from ..studies.judge import headline, words
from ..studies.results import Results, interval_text, number

if TYPE_CHECKING:
    from ..protocols.model import Protocol

STYLES = {
    "met": "bold green",
    "not_met": "bold red",
    "not_evaluable": "bold yellow",
    "informative": "default",
}
SIGNS = {"met": "\u2713", "not_met": "\u2717", "not_evaluable": "?", "informative": " "}
VIEW_WORDS = {
    "classifiable_only": "left out",
    "as_positive": "as positive",
    "as_negative": "as negative",
}
"""How outputs that are no result entered, in two words."""
MISSING_WORDS = {
    "complete_case": "left out",
    "worst_case": "as errors",
    "best_case": "as correct",
    "multiple_imputation": "imputed",
}
"""How units without an output or a reference entered, in two words."""
MOST_FAILED = 10
"""Most subjects that are named whose program failed."""


def decision_line(results: Results) -> Text:
    """The study's decision in words."""
    return Text(str(results.document["decision_words"]), style=STYLES[results.decision])


def pre_specified_line(results: Results) -> Text:
    """Whether a plan was locked before."""
    lock = results.document["lock"]
    if lock is None:
        return Text("No locked plan: nothing here is pre-specified.", style="yellow")
    n = results.rows.filter(~results.rows["pre_specified"].fill_null(value=False)).height
    stamp = f"Plan locked {lock['when']} by {lock['who']}"
    if not n:
        return Text(f"{stamp}; every result follows it.")
    decision = "" if results.document["decision_pre_specified"] else "; the decision itself is post hoc"
    return Text(f"{stamp}; {n:,} of {results.rows.height:,} results are post hoc{decision}.", style="yellow")


def decisions(results: Results) -> Iterator[Text]:
    """For each version, the deciding one first: the endpoints with a criterion, two lines a criterion."""
    deciding = results.deciding_version
    versions = results.rows["version"].unique(maintain_order=True).to_list()
    for version in [deciding, *(other for other in versions if other != deciding)]:
        found = list(_deciding(results, version))
        if found:
            yield Text(_version_words(results, version, alone=len(versions) == 1), style="bold")
            yield from found


def _deciding(results: Results, version: str) -> Iterator[Text]:
    """The row that decides each criterion, with its pair of groups or its level where it has one."""
    endpoints = results.protocol.endpoints
    for name in (entry["id"] for entry in results.document["endpoints"] if entry["id"] in endpoints):
        own = results.rows.filter((results.rows["endpoint"] == name) & (results.rows["version"] == version))
        rows = list(own.iter_rows(named=True))
        for row, among in deciding(endpoints[name], rows, version):
            yield _decision(row, _part_words(results, row, among, rows))


def _part_words(results: Results, row: Mapping[str, Any], among: int, rows: list[dict[str, Any]]) -> str:
    """Which pair of groups, or which level, decides, and among how many; nothing for the whole."""
    if row["by"] is not None:
        levels = ", ".join(f"{column} {level}" for column, level in json.loads(row["by"]).items())
        return f"{levels} decides among {among:,} levels"
    groups = compared(row)
    disparity = results.protocol.endpoints[row["endpoint"]].disparity
    if groups is None or disparity is None:
        return ""
    sign = {"difference": "minus", "ratio": "over"}[disparity.contrast]
    pairs = [one for one in rows if one["statistic"] == row["statistic"] and compared(one) is not None]
    left = len(pairs) - among
    many = "pair" if among == 1 else "pairs"
    told = f"{row['subgroup']} {groups[0]} {sign} {groups[1]} decides among {among:,} {many}"
    return f"{told}; {left:,} not compared" if left else told


def _headlines(results: Results, version: str) -> list[dict[str, Any]]:
    return [row for row in results.rows.iter_rows(named=True) if headline(row, version)]


def _version_words(results: Results, version: str, *, alone: bool) -> str:
    title = results.document["study"]["algorithm"]["versions"].get(version, {}).get("title")
    named = f"Version {version}" + (f" ({title})" if title and title != version else "")
    if alone:
        return named
    return f"{named}: decides" if version == results.deciding_version else f"{named}: beside it"


def _decision(row: Mapping[str, Any], part: str) -> Text:
    """The endpoint and its decision; under it what was compared with what, and where."""
    style = STYLES[row["decision"]]
    role = "" if row["role"] in DECIDING else f" ({row['role'].replace('_', ' ')})"
    return Text.assemble(
        (f"  {SIGNS[row['decision']]} ", style),
        (row["endpoint"], "bold"),
        f"{role}  ",
        (words(row), style),
        f"\n      {row['statistic']} {_estimate(row)}; goal: {row['criterion']}",
        f"\n      {part}" if part else "",
    )


def estimates(results: Results) -> Table:
    """Every statistic of the deciding version over all analysed rows."""
    rows = _headlines(results, results.deciding_version)
    table = plain_table("Estimates" + _level_words(rows))
    table.add_column("Endpoint and statistic", overflow="fold")
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("Estimate", justify="right", no_wrap=True)
    table.add_column("Interval", overflow="fold")
    table.add_column("Unit", overflow="fold")
    previous = None
    for row in rows:
        if row["endpoint"] != previous:
            table.add_row(Text(row["endpoint"], style="bold"))
        value = number(row["estimate"])
        interval = Text(interval_text(row)) if value else Text(row["error"] or "no value", style="yellow")
        table.add_row(f"  {row['statistic']}", _n(row), value, interval, _unit(row))
        previous = row["endpoint"]
    return table


def _level_words(rows: list[dict[str, Any]]) -> str:
    """The level of the intervals, where all have the same."""
    levels = {row["ci_level"] for row in rows if row["ci_level"] is not None}
    return f", {next(iter(levels)) * 100:g}% intervals" if len(levels) == 1 else ""


def reasons(results: Results) -> Iterator[Text]:
    """Why the study is not evaluable, what it lacks, and which limits nobody has confirmed."""
    for reason in results.document.get("decision_reasons", []):
        yield Text(f"  {reason}", style="yellow")
    demanded = results.document.get("requirements", [])
    if demanded:
        met = sum(entry["met"] for entry in demanded)
        yield Text(
            f"Requirements on the study: {met} of {len(demanded)} met.",
            style="" if met == len(demanded) else "yellow",
        )
    yield from _unavailable(results)
    yield from handled(line(entry) for entry in results.document.get("handled", []))
    yield from trained(results.document.get("independence", []))
    yield from produced(results.document.get("produced", []))
    for entry in results.document.get("missing", []):
        tipping = entry["tipping_point"]
        if tipping:
            yield Text(f"Missing units, {entry['endpoint']}: {tipping['words']}")


def trained(entries: Iterable[Mapping[str, Any]]) -> Iterator[Text]:
    """Whether versions were trained on subjects that they are tested on, and what else to look at."""
    for entry in entries:
        told = f"Training data, {independence.line(entry)}."
        yield Text(told, style="" if entry["independent"] else "yellow")
        for note in entry["notes"]:
            yield Text(f"  Attention: {note}.", style="yellow")


def produced(entries: Iterable[Mapping[str, Any]]) -> Iterator[Text]:
    """How many subjects' outputs were produced, and whose program failed."""
    for entry in entries:
        told = f"Produced, {entry['version']}: {entry['produced']:,} of {entry['subjects']:,} subjects"
        kept = f"; {entry['kept']:,} were there" if entry["kept"] else ""
        failed = entry["failed"]
        if not failed:
            yield Text(f"{told}{kept}.")
            continue
        yield Text(f"{told}{kept}; {len(failed):,} failed to execute:", style="yellow")
        for one in failed[:MOST_FAILED]:
            yield Text(f"  {one['subject']} {one['reason']}", style="yellow")
        if len(failed) > MOST_FAILED:
            yield Text(f"  and {len(failed) - MOST_FAILED:,} more (results.json, `produced`)", style="yellow")


def _unavailable(results: Results) -> Iterator[Text]:
    """Units without a reference or an output, excluded ones included, by the endpoints they concern."""
    found: dict[str, list[str]] = {}
    for entry in results.document.get("missing", []):
        for key in ("reference_unavailable", "output_unavailable"):
            one = entry.get(key)
            if one is not None and one["units"]:
                found.setdefault(one["words"], []).append(entry["endpoint"])
    for told, endpoints in found.items():
        yield Text(f"Missing, {', '.join(endpoints)}: {told}")


def view_tables(results: Results) -> Iterator[Table]:
    """The deciding endpoints with indeterminate outputs, and with missing units, counted each way."""
    for title, named in (
        ("Indeterminate outputs counted each way", VIEW_WORDS),
        ("Missing units counted each way", MISSING_WORDS),
    ):
        table = _view_table(results, title, named)
        if table is not None:
            yield table


def _view_table(results: Results, title: str, named: Mapping[str, str]) -> Table | None:
    rows = [
        row
        for row in results.rows.iter_rows(named=True)
        if row["view"] in named
        and row["role"] in DECIDING
        and row["criterion"] is not None
        and headline({**row, "view": "primary"}, results.deciding_version)
    ]
    if not rows:
        return None
    table = plain_table(title)
    table.add_column("Endpoint", overflow="fold")
    table.add_column("Counted", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("Estimate", justify="right", no_wrap=True)
    table.add_column("Interval", no_wrap=True)
    table.add_column("Would be", overflow="fold", min_width=7)
    previous = None
    for row in rows:
        name = "" if row["endpoint"] == previous else row["endpoint"]
        decided = Text(row["decision"].replace("_", " "), style=STYLES[row["decision"]])
        table.add_row(name, named[row["view"]], _n(row), number(row["estimate"]), interval_text(row), decided)
        previous = row["endpoint"]
    return table


def plain_table(title: str) -> Table:
    """A table without frame, its title above it."""
    style: dict[str, Any] = {
        "title_justify": "left",
        "title_style": "bold",
        "box": SIMPLE_HEAD,
        "show_edge": False,
    }
    return Table(title=title, pad_edge=False, padding=(0, 1, 0, 0), **style)


@dataclass(frozen=True)
class Fitting:
    """A table; in a terminal too narrow for it, its rows one below the other, each cell with its name.

    Attributes:
        table: The table; its cells are texts, the first of a row is its name.
    """

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """What is printed in the width there is."""
        natural = Measurement.get(console, options.update_width(_ANY_WIDTH), self.table).maximum
        if natural <= options.max_width:
            yield self.table
            return
        yield Text(str(self.table.title), style="bold")
        heads = [str(column.header) for column in self.table.columns]
        for row in zip(*(column.cells for column in self.table.columns), strict=True):
            name, *cells = (cell if isinstance(cell, Text) else Text(str(cell)) for cell in row)
            yield Text.assemble((name.plain, "bold"))
            said = [
                Text.assemble(f"{head}: ", cell) for head, cell in zip(heads[1:], cells, strict=True) if cell
            ]
            yield Padding(Text("; ").join(said), (0, 0, 0, 2))


_ANY_WIDTH = 10_000


def _n(row: Mapping[str, Any]) -> str:
    if row["n_units"] is None:
        return ""
    return f"{row['n_units']:,}" if row["n_events"] is None else f"{row['n_events']:,}/{row['n_units']:,}"


def _unit(row: Mapping[str, Any]) -> str:
    return "" if row["unit"] in (None, "proportion", "none") else str(row["unit"])


def _estimate(row: Mapping[str, Any]) -> str:
    """Estimate with its unit and interval; the reason where there is none."""
    value = number(row["estimate"])
    if not value:
        return str(row["error"] or "no value")
    interval = interval_text(row)
    return f"{value} {_unit(row)}".rstrip() + (f" ({interval})" if interval else "")


def run_facts(results: Results, *, code: int = 0) -> dict[str, Any]:
    """The JSON answer of `run`: where it is, what it decides, and the row that counts of every endpoint."""
    return {
        "run": results.run_id,
        "folder": None if results.folder is None else str(results.folder.resolve()),
        "decision": results.decision,
        "decision_words": results.document["decision_words"],
        "deciding_version": results.deciding_version,
        "locked": results.document["lock"] is not None,
        "endpoints": results.overview(),
        "exit_code": code,
    }


def study_facts(protocol: Protocol, folder: Path, read: list[dict[str, Any]]) -> dict[str, Any]:
    """The JSON answer of `check`."""
    return {
        "study": str(folder.resolve()),
        "protocol": {"id": protocol.id, "version": protocol.version, "title": protocol.title},
        "tables": read,
        "endpoints": {
            name: {"title": endpoint.title, "role": endpoint.role, "metric": endpoint.metric}
            for name, endpoint in protocol.endpoints.items()
        },
        "violations": [],
    }


def study_table(protocol: Protocol) -> Table:
    """The endpoints that a protocol declares."""
    from ..studies.judge import criterion_text  # noqa: PLC0415

    table = plain_table(f"{protocol.title} ({protocol.id}, version {protocol.version})")
    for name in ("Endpoint", "Role", "Metric", "Criterion"):
        table.add_column(name, overflow="fold")
    for name, endpoint in protocol.endpoints.items():
        stated = "; ".join(f"{one.statistic or ''} {criterion_text(one)}".strip() for one in endpoint.judged)
        table.add_row(name, endpoint.role.replace("_", "-"), endpoint.metric, stated)
    return table


def data_table(read: list[dict[str, Any]]) -> Table:
    """The tables that were read."""
    table = plain_table("Data")
    for name in ("Table", "Version", "Rows", "Subjects", "Files"):
        table.add_column(name, justify="right" if name in ("Rows", "Subjects") else "left", overflow="fold")
    for facts in read:
        files = facts["files"]
        shown_files = ", ".join(files[:3]) + (f" and {len(files) - 3:,} more" if len(files) > 3 else "")
        counts = f"{facts['rows']:,}", f"{facts['subjects']:,}"
        table.add_row(facts["table"], facts["version"] or "", *counts, shown_files)
    return table


def handled(lines: Iterable[str]) -> Iterator[Text]:
    """What rules of reading did to rows."""
    for told in lines:
        yield Text(f"On reading, {told}.", style="yellow")


def files_lines(folder: Path) -> Iterator[str]:
    """Where a run's files are, and what each is for."""
    for name, what in (
        ("report.pdf", "the report"),
        ("report.html", "the report for a browser"),
        ("results.json", "decision and endpoints"),
        ("results.parquet", "every statistic, one row each"),
        ("pairs", "the analysis data, with every exclusion"),
        ("manifest.json", "inputs, hashes, versions"),
    ):
        if (folder / name).exists():
            yield f"  {name:<16} {what}"


def library_table(found: list[dict[str, Any]]) -> Table:
    """The built-in protocols."""
    table = plain_table("Protocols of the library")
    for name in ("ID", "Version", "Title", "Domain", "Variants"):
        table.add_column(name, overflow="fold")
    for facts in found:
        variants = ", ".join(
            f"{one['id']}{' (default)' if one['default'] else ''}" for one in facts["variants"]
        )
        table.add_row(facts["id"], facts["version"], facts["title"], facts["domain"] or "", variants)
    return table


def changes_table(first: str, second: str, changes: list[dict[str, Any]]) -> Table:
    """Every key in which two protocols differ, with what both say."""
    table = plain_table(f"{len(changes):,} differences")
    for name in ("Key", first, second):
        table.add_column(name, overflow="fold")
    for change in changes:
        table.add_row(
            change["key"], *("(nothing)" if change[side] is None else change[side] for side in ("a", "b"))
        )
    return table
