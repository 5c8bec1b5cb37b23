"""What the command line prints of a study and of its results. It computes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ..protocols.model import DECIDING
from ..studies.judge import headline, words
from ..studies.results import Results, interval_text, number
from .console import shown

if TYPE_CHECKING:
    from ..protocols.model import Protocol

STYLES = {
    "met": "bold green",
    "not_met": "bold red",
    "not_evaluable": "bold yellow",
    "informative": "default",
}
VIEW_WORDS = {
    "classifiable_only": "left out",
    "as_positive": "as positive",
    "as_negative": "as negative",
}
"""How outputs that are no result entered, in two words."""


def decision_line(results: Results) -> Text:
    """The study's decision in words."""
    return Text(str(results.document["decision_words"]), style=STYLES[results.decision])


def pre_specified_line(results: Results) -> Text:
    """Whether a plan was locked before."""
    lock = results.document["lock"]
    if lock is None:
        return Text("No locked plan: nothing here is pre-specified.", style="yellow")
    n = results.rows.filter(~results.rows["pre_specified"].fill_null(False)).height
    stamp = f"Plan locked {lock.get('when', '')} by {lock.get('who', '')}"
    return Text(f"{stamp}; {n:,} rows are post hoc." if n else f"{stamp}; every row follows it.")


def endpoint_tables(results: Results) -> Iterator[Table]:
    """The deciding version in full, each other version with the endpoints that have a criterion."""
    deciding = results.deciding_version
    versions = results.rows["version"].unique(maintain_order=True).to_list()
    titles = results.document["study"]["algorithm"]["versions"]
    for version in [deciding, *(other for other in versions if other != deciding)]:
        name = (titles.get(version) or {}).get("title")
        label = f"Version {version}" + (f" ({name})" if name and name != version else "")
        if version == deciding:
            title, keep = (f"{label}, which decides" if len(versions) > 1 else label), None
        else:
            title, keep = f"{label}, beside it", "criterion"
        rows = [row for row in results.rows.iter_rows(named=True) if headline(row, version)]
        yield _table(title, [row for row in rows if keep is None or row["criterion"] is not None])


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Endpoint", overflow="fold")
    table.add_column("Statistic", overflow="fold")
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("Estimate (interval)", overflow="fold")
    table.add_column("Criterion", overflow="fold")
    table.add_column("Decision", overflow="fold", min_width=14)
    previous = None
    for row in rows:
        table.add_row(
            "" if row["endpoint"] == previous else row["endpoint"],
            row["statistic"],
            _n(row),
            _estimate(row),
            row["criterion"] or "",
            Text(words(row), style=STYLES[row["decision"]]) if row["criterion"] else "",
        )
        previous = row["endpoint"]
    return table


def view_table(results: Results) -> Table | None:
    """The deciding endpoints with indeterminate outputs counted each way; None without such views."""
    rows = [
        row
        for row in results.rows.iter_rows(named=True)
        if row["view"] in VIEW_WORDS
        and row["role"] in DECIDING
        and row["criterion"] is not None
        and headline({**row, "view": "primary"}, results.deciding_version)
    ]
    if not rows:
        return None
    table = Table(
        title="Indeterminate outputs counted each way",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("Endpoint", overflow="fold")
    table.add_column("Counted", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("Estimate (interval)", overflow="fold")
    table.add_column("Would be", overflow="fold", min_width=14)
    previous = None
    for row in rows:
        name = "" if row["endpoint"] == previous else row["endpoint"]
        table.add_row(name, VIEW_WORDS[row["view"]], _n(row), _estimate(row), words(row))
        previous = row["endpoint"]
    return table


def _n(row: Mapping[str, Any]) -> str:
    if row["n_units"] is None:
        return ""
    return f"{row['n_units']:,}" if row["n_events"] is None else f"{row['n_events']:,}/{row['n_units']:,}"


def _estimate(row: Mapping[str, Any]) -> Text:
    """Estimate with its interval; the reason where there is none."""
    if row["estimate"] is None or not number(row["estimate"]):
        return Text(row["error"] or "no value", style="yellow")
    interval = interval_text(row)
    unit = f" {row['unit']}" if row["unit"] and row["unit"] not in ("proportion", "none") else ""
    return Text(number(row["estimate"]) + unit + (f" ({interval})" if interval else ""))


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

    table = Table(
        title=f"{protocol.title} ({protocol.id}, version {protocol.version})",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for name in ("Endpoint", "Role", "Metric", "Criterion"):
        table.add_column(name, overflow="fold")
    for name, endpoint in protocol.endpoints.items():
        criterion = endpoint.criterion
        stated = f"{criterion.statistic or ''} {criterion_text(criterion)}".strip() if criterion else ""
        table.add_row(name, endpoint.role.replace("_", "-"), endpoint.metric, stated)
    return table


def data_table(read: list[dict[str, Any]]) -> Table:
    """The tables that were read."""
    table = Table(title="Data", title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("Table", "Version", "Rows", "Subjects", "Files"):
        table.add_column(name, justify="right" if name in ("Rows", "Subjects") else "left", overflow="fold")
    for facts in read:
        files = facts["files"]
        shown_files = ", ".join(files[:3]) + (f" and {len(files) - 3:,} more" if len(files) > 3 else "")
        counts = f"{facts['rows']:,}", f"{facts['subjects']:,}"
        table.add_row(facts["table"], facts["version"] or "", *counts, shown_files)
    return table


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
            yield f"  {shown(folder / name)}  {what}"


def library_table(found: list[dict[str, Any]]) -> Table:
    """The built-in protocols."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("ID", "Version", "Title", "Domain"):
        table.add_column(name, overflow="fold")
    for facts in found:
        table.add_row(facts["id"], facts["version"], facts["title"], facts["domain"] or "")
    return table
