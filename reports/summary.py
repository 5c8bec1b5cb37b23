"""What a gate answered about a run, as Markdown for a pull request: the decision, then what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..studies.explain import left_out
from ..studies.gate import Check, GateOutcome
from ..studies.results import Results
from . import rows as printed
from .markdown import bullets, code, escape, page, table

Row = Mapping[str, Any]

STATES = {
    "passed": "passes",
    "warned": "passes, with a warning",
    "open": "**not decided**",
    "failed": "**fails**",
}
"""What a gate says of one thing that it asks."""
INFORMS = "informs"


def summary(results: Results, outcome: GateOutcome, *, files: Sequence[Path] = ()) -> str:
    """The answer of a gate about a run.

    Args:
        results: The run.
        outcome: What `studies.gate.gate` answered.
        files: Where its report lies.
    """
    study = results.document["study"]
    decision = str(results.document["decision_words"])
    return page(
        [
            f"## {escape(study.get('title') or results.protocol.title)}",
            f"**{escape(outcome.answer)}. {escape(decision)}.**",
            f"Version {code(results.deciding_version)}, run {code(results.run_id)}.",
            _table(results, outcome),
            bullets("Why", list(results.document.get("decision_reasons", []))),
            bullets("Left out", _left_out(results, outcome)),
            bullets("Warnings", [*outcome.warnings, *_warnings(results, outcome)]),
            where_it_lies(files, results.folder),
        ]
    )


def where_it_lies(files: Sequence[Path], folder: Path | None) -> str:
    """Where the report is, or how to make one."""
    if files:
        return "Report: " + ", ".join(code(file) for file in files)
    return "" if folder is None else f"No report yet: {code(f'accordance report {folder}')} writes one."


def state(check: Check | None) -> str:
    """What the gate says of a row."""
    return INFORMS if check is None else STATES[check.state]


def _table(results: Results, outcome: GateOutcome) -> str:
    """Every row that the gate asked of, then one line for each other endpoint."""
    asked = [(results.row(check.row_id), check) for check in outcome.checks if check.row_id]
    named = {row["endpoint"] for row, _ in asked}
    others = [(row, None) for row in results.overview() if row["endpoint"] not in named]
    titles = {entry["id"]: entry["title"] for entry in results.document["endpoints"]}
    lines = [_line(row, check, titles.get(row["endpoint"], "")) for row, check in (*asked, *others)]
    return table(("Gate", "Endpoint", "Estimate", "Interval", "Criterion", "Decision"), lines, right=(2, 3))


def _line(row: Row, check: Check | None, title: str) -> tuple[str, ...]:
    text = printed.text(row)
    part = printed.slice_words(row)
    name = f"{escape(title)} ({code(row['endpoint'])}): {escape(text.statistic)}"
    return (
        state(check),
        name + (f", {escape(part)}" if part else ""),
        escape(text.estimate),
        escape(text.interval),
        escape(text.criterion or "none"),
        escape(text.decision or "no criterion"),
    )


def _left_out(results: Results, outcome: GateOutcome) -> list[str]:
    """Rows that are not behind the endpoints asked of, by reason."""
    found: dict[str, list[str]] = {}
    for name, row in _first_rows(results, outcome).items():
        counts = left_out(results, row)
        told = "; ".join(f"{count:,} rows, {reason}" for reason, count in counts.items()) or "nothing"
        found.setdefault(told, []).append(name)
    return [f"{', '.join(names)}: {told}" for told, names in found.items()]


def _warnings(results: Results, outcome: GateOutcome) -> list[str]:
    found = [
        f"{row['endpoint']}: {row['warning']}"
        for check in outcome.checks
        if check.row_id and (row := results.row(check.row_id))["warning"]
    ]
    if results.document["lock"] is None:
        found.append("no plan was locked: nothing here is pre-specified")
    elif results.document["decision_pre_specified"] is False:
        found.append("the decision does not follow the locked plan: it is post hoc")
    return found


def _first_rows(results: Results, outcome: GateOutcome) -> dict[str, Row]:
    """Endpoint -> a row of it that was asked of."""
    found: dict[str, Row] = {}
    for check in outcome.checks:
        if check.row_id and check.endpoint:
            found.setdefault(check.endpoint, results.row(check.row_id))
    return found
