"""What a gate answered about a comparison, as Markdown for a pull request: the decision first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..studies.comparison_folder import deciding_bounds
from ..studies.comparison_words import spoken
from ..studies.gate import GateOutcome
from ..studies.gate_comparison import PRIMARY
from . import format as fmt
from .comparison import words
from .markdown import bullets, code, escape, page, table
from .summary import state, where_it_lies

Row = Mapping[str, Any]


def comparison_summary(
    document: Mapping[str, Any],
    outcome: GateOutcome,
    *,
    folder: Path | None = None,
    files: Sequence[Path] = (),
) -> str:
    """The answer of a gate about a comparison.

    Args:
        document: The content of comparison.json.
        outcome: What `studies.gate_comparison.gate_comparison` answered.
        folder: The comparison's folder.
        files: Where its report lies.
    """
    return page(
        [
            f"## {escape(_title(document))}",
            f"**{escape(outcome.answer)}.** {_decisions(document)}",
            f"Baseline {code(document['baseline'])}, comparison {code(document['run']['id'])}.",
            _table(document, outcome),
            _note(document),
            bullets("Change control plan", _planned(document)),
            bullets("Why", _reasons(document, outcome)),
            bullets("Left out", _left_out(document)),
            bullets("Warnings", _warnings(document, outcome)),
            where_it_lies(files, folder),
        ]
    )


def _title(document: Mapping[str, Any]) -> str:
    return str(document.get("title") or document["study"].get("title") or document["study"].get("id"))


def _decisions(document: Mapping[str, Any]) -> str:
    """Each candidate with its decision, in one line."""
    told = [
        f"{code(name)} is **{escape(spoken(document['decisions'][name]['decision']))}**"
        for name in document["candidates"]
    ]
    return ", ".join(told) + "."


def _table(document: Mapping[str, Any], outcome: GateOutcome) -> str:
    several = len(document["candidates"]) > 1
    columns = ["Gate", "Endpoint", "Baseline", "Candidate", "Improvement", "Margin", "Decision"]
    if several:
        columns.insert(2, "Version")
    lines = []
    for row in document["comparisons"]:
        cells = _line(row, state(outcome.check_of(row["row_id"])))
        if several:
            cells.insert(2, code(row["candidate"]))
        lines.append(cells)
    first = 3 if several else 2
    return table(columns, lines, right=range(first, first + 4))


def _line(row: Row, gate: str) -> list[str]:
    role = "" if row["role"] == PRIMARY else f", {escape(row['role'])}"
    return [
        gate,
        f"{escape(row.get('title') or row['endpoint'])} ({code(row['endpoint'])}){role}",
        escape(words.value(row, row.get("baseline_value"))),
        escape(words.value(row, row.get("candidate_value"))),
        escape(_improvement(row)),
        escape("none" if row.get("margin") is None else words.margin(row)),
        escape(fmt.quoted(str(row.get("words") or spoken(str(row["decision"])).capitalize()))),
    ]


def _planned(document: Mapping[str, Any]) -> list[str]:
    """Each candidate that was held against the change control plan, with what speaks against it."""
    control = document.get("change_control") or {"candidates": {}}
    return [
        "; ".join([f"{name}: {one['words']}", *map(str, one["reasons"])])
        for name, one in control["candidates"].items()
    ]


def _note(document: Mapping[str, Any]) -> str:
    name = str(document["multiplicity"])
    adjusted = f"adjusted for their number ({words.MULTIPLICITY.get(name, name)})"
    how = "each by itself" if name == "none" else adjusted
    level = fmt.level(document["level"])
    return (
        f"Improvements are positive where the candidate is better; {level} intervals, those of primary "
        f"endpoints {how}. A loss up to the margin is acceptable."
    )


def _reasons(document: Mapping[str, Any], outcome: GateOutcome) -> list[str]:
    """Why something did not pass, what the study could detect, and how much more would settle it."""
    found = []
    for name in document["candidates"]:
        found += [f"{name}: {reason}" for reason in document["decisions"][name].get("reasons") or []]
    for row in document["comparisons"]:
        check = outcome.check_of(row["row_id"])
        if check is None or check.state == "passed":
            continue
        where = f"{row['endpoint']}, {row['candidate']}"
        found += [f"{where}: {row[key]}" for key in ("reason", "error") if row.get(key)]
        if (row.get("further") or {}).get("words"):
            found.append(f"{where}: {row['further']['words']}")
        if (row.get("detectable") or {}).get("regression") is not None:
            found.append(f"{where}: {_detectable(row)}")
    return found


def _detectable(row: Row) -> str:
    able = row["detectable"]
    power = fmt.level(able.get("power"))
    smallest = words.loss(row, able["regression"])
    return f"the smallest regression that this study detects with power {power}: {smallest}"


def _left_out(document: Mapping[str, Any]) -> list[str]:
    """Units that only one side has, by endpoint and candidate."""
    units = (document.get("comparability") or {}).get("units") or []
    return [f"{one['endpoint']}, {one['candidate']}: {one['words']}" for one in units]


def _warnings(document: Mapping[str, Any], outcome: GateOutcome) -> list[str]:
    found = [*outcome.warnings, *((document.get("comparability") or {}).get("notes") or [])]
    if not document.get("locked"):
        found.append("no plan was locked: nothing here is pre-specified")
    return found + [f"post hoc: {one['message']}" for one in document.get("post_hoc") or []]


def _improvement(row: Row) -> str:
    """The improvement with the interval that decides."""
    found = words.found(row)
    told = words.change(row, found.get("estimate"))
    if not found:
        return told
    lower, upper = deciding_bounds({"adjusted": row.get("adjusted"), "improvement": found})
    interval = words.bounds(row, {"lower": lower, "upper": upper})
    return told if interval == words.DASH else f"{told} ({interval})"
