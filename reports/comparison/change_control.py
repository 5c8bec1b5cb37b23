"""Change control in print: the performance evaluation of a modification protocol, as HTML and as Markdown.

For every candidate the modification as it was declared, its data, the criteria with estimates and intervals,
the comparisons with their margins, the decision, and whether all of it was fixed beforehand; then the history
of the versions. Everything comes from `change_control`, `comparisons` and `history` of comparison.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ...protocols.errors import UsageError
from ...studies.change_control import TITLES
from ...studies.comparison_folder import Comparison
from ...studies.history import SOURCE
from ...studies.writing import output_errors
from .. import format as fmt
from .. import html as pages
from .. import rows as printed
from ..assemble import Painter, templates
from . import words
from .history import TERMS, Line, forest, lines

HTML_FILE = "change-control.html"
MARKDOWN_FILE = "change-control.md"
TITLE = "Performance evaluation under the predetermined change control plan"
STATES: Mapping[str, str] = {
    "within": "met",
    "outside": "not_met",
    "not_evaluable": "not_evaluable",
    "not_permitted": "not_met",
}
"""The colour and sign of a result."""
DECLARED = (
    ("description", "Modification"),
    ("changes", "What may change"),
    ("data", "Data"),
    ("verification", "Verification and validation"),
    ("rollout", "Roll-out and monitoring"),
    ("impact", "Impact assessment"),
)
"""Texts of a modification, and their names in print."""
SAID = {True: "holds", False: "does not hold", None: "cannot be judged"}
_HOLD_STATES = {True: "met", False: "not_met", None: "not_evaluable"}


@dataclass(frozen=True)
class Cells:
    """One line of a table.

    Attributes:
        cells: Its cells, in the order of the table's head.
        state: Of the last cell: `met`, `not_met` or `not_evaluable`.
    """

    cells: tuple[str, ...]
    state: str


@dataclass(frozen=True)
class Candidate:
    """A candidate in print.

    Attributes:
        name: The version.
        title: The modification's title; empty where none is permitted.
        result: The result in words.
        state: For the eye: `met`, `not_met` or `not_evaluable`.
        reasons: Why it is not within the plan.
        declared: (name, text) of the modification as it was declared.
        plan: (name, text) about the plan and what was fixed beforehand.
        criteria: Its acceptance criteria.
        comparisons: What it had to reach against the baseline.
    """

    name: str
    title: str
    result: str
    state: str
    reasons: tuple[str, ...]
    declared: tuple[tuple[str, str], ...]
    plan: tuple[tuple[str, str], ...]
    criteria: tuple[Cells, ...]
    comparisons: tuple[Cells, ...]


CRITERIA_HEAD = ("Endpoint", "Statistic", "Estimate", "Interval", "Subjects", "Criterion", "Decision")
COMPARISONS_HEAD = (
    "Endpoint", "Baseline", "Version", "Improvement", "Deciding interval", "Margin", "Required", "Decision",
)  # fmt: skip
HISTORY_HEAD = (
    "Version", "Measurement", "Against", "Test set", "Before", "Version's own", "Improvement", "Interval",
    "Decision", "Comparison",
)  # fmt: skip


def candidates(found: Comparison) -> tuple[Candidate, ...]:
    """Every candidate of a comparison that was held against the plan.

    Raises:
        UsageError: The comparison was made without `--pccp`.
    """
    control = _control(found)
    return tuple(_candidate(found, name, one) for name, one in control["candidates"].items())


def _control(found: Comparison) -> Mapping[str, Any]:
    control: Mapping[str, Any] | None = found.document.get("change_control")
    if control is None:
        raise UsageError(
            f"{found.folder or 'the comparison'} was not held against a change control plan; compare again "
            "with `--pccp`"
        )
    return control


def _candidate(found: Comparison, name: str, one: Mapping[str, Any]) -> Candidate:
    declared = one["declared"] or {}
    compared = {entry["row_id"]: entry for entry in found.comparisons if entry["candidate"] == name}
    return Candidate(
        name=name,
        title=str(declared.get("title") or ""),
        result=str(one["words"]),
        state=STATES[one["result"]],
        reasons=tuple(fmt.quoted(str(reason)) for reason in one["reasons"]),
        declared=tuple((title, str(declared[key])) for key, title in DECLARED if declared.get(key)),
        plan=tuple(_plan(found, one)),
        criteria=tuple(
            cells for line in one["lines"] if line["kind"] == "criterion" for cells in _criterion(line)
        ),
        comparisons=tuple(
            _comparison(line, compared.get(line["row_id"]))
            for line in one["lines"]
            if line["kind"] == "comparison"
        ),
    )


def _plan(found: Comparison, one: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    document = found.document
    yield "Modification", str(one["modification"] or "none named")
    yield "Baseline", found.baseline
    yield "Protocol, SHA-256", str(document["protocol_sha256"])
    if one["declared"] is None:
        return
    yield "Fixed beforehand", _beforehand(one["pre_specified"])
    if one["version_locked"] is not None:
        yield (
            "Version among the locked ones",
            "yes" if one["version_locked"] else "no: it is later than the plan, or its data are",
        )


def _beforehand(pre_specified: bool | None) -> str:
    """Whether modification, criteria and margins were fixed beforehand, in words.

    Example:
        >>> _beforehand(None)
        'nothing is locked: the plan was not shown to be older than the results'
    """
    if pre_specified is None:
        return "nothing is locked: the plan was not shown to be older than the results"
    if pre_specified:
        return "yes: modification, criteria and margins are those that were locked"
    return "no: POST HOC, they differ from what was locked"


def _criterion(line: Mapping[str, Any]) -> Iterable[Cells]:
    """The rows that decide a criterion; a line that says so where there is none."""
    state = _HOLD_STATES[line["holds"]]
    title = f"{line['title']} ({line['endpoint']})"
    if not line["rows"]:
        dash = words.DASH
        yield Cells((title, dash, dash, dash, dash, str(line["required"]), str(line["words"])), state)
    for row in line["rows"]:
        text = printed.text(row)
        interval = f"{text.interval} ({text.interval_note})" if text.interval_note else text.interval
        stamp = ", post hoc" if text.post_hoc else ""
        cells = (title, text.statistic, text.estimate, interval, text.subjects, text.criterion)
        yield Cells(
            (*cells, f"{SAID[line['holds']].capitalize()}: {text.decision or line['words']}{stamp}"), state
        )


def _comparison(line: Mapping[str, Any], entry: Mapping[str, Any] | None) -> Cells:
    """One required decision with the numbers of its comparison."""
    state, said = _HOLD_STATES[line["holds"]], SAID[line["holds"]].capitalize()
    title = f"{line['title']} ({line['endpoint']})"
    if entry is None:
        blank = (words.DASH,) * 5
        return Cells((title, *blank, str(line["required"]), f"{said}: {line['reason']}"), state)
    text = words.text(entry)
    deciding = text.adjusted if entry.get("adjusted") else text.interval
    told = line["words"] if line["holds"] is not None else line["reason"]
    stamp = ", post hoc" if entry.get("pre_specified") is False else ""
    return Cells(
        (
            title, text.baseline_value, text.candidate_value, text.improvement, deciding, text.margin,
            str(line["required"]), f"{said}: {fmt.quoted(str(told))}{stamp}",
        ),
        state,
    )  # fmt: skip


def fragment(found: Comparison, painter: Painter = pages.painter) -> Markup:
    """The section as HTML, for a page or a report that brings its own styles.

    Args:
        found: A comparison made with `--pccp`.
        painter: How figures are shown.

    Raises:
        UsageError: The comparison was made without `--pccp`.
    """
    text = templates().get_template("change_control.html.j2").render(
        control=_control(found),
        title=TITLE,
        candidates=candidates(found),
        criteria_head=CRITERIA_HEAD,
        comparisons_head=COMPARISONS_HEAD,
        history_head=HISTORY_HEAD,
        history_notes=found.document.get("history_notes") or [],
        histories=[
            (entry, history_rows(entry), history_reasons(entry), forest(entry)) for entry in histories(found)
        ],
        terms=TERMS,
        source=SOURCE,
        paint=painter,
    )  # fmt: skip
    return Markup(text)  # noqa: S704 - the template escapes


def page(found: Comparison) -> str:
    """The section as one self-contained HTML page."""
    title = escape(f"{TITLE}: {found.document['algorithm']}")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{pages.css()}\n</style>\n</head>\n<body>\n<main>\n{fragment(found)}\n</main>\n</body>\n</html>\n"
    )


def histories(found: Comparison) -> list[Mapping[str, Any]]:
    """The history of every endpoint that has one."""
    return [entry for entry in found.document.get("history") or [] if entry["steps"]]


def history_rows(entry: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The measurements of one history, in the order of `HISTORY_HEAD`."""
    return [_history_cells(line) for line in lines(entry)]


def history_reasons(entry: Mapping[str, Any]) -> list[str]:
    """Why measurements have no estimate, interval or decision, or what was left out: each reason once."""
    found: dict[str, list[str]] = {}
    for line in lines(entry):
        if line.reason:
            found.setdefault(line.reason, []).append(f"{line.version} ({line.measure})")
    return [f"{', '.join(places)}: {reason}" for reason, places in found.items()]


def _history_cells(line: Line) -> tuple[str, ...]:
    return (
        line.version, line.measure, line.against, line.test_set, line.before, line.score,
        line.improvement, line.interval, line.decision, line.comparison,
    )  # fmt: skip


def markdown(found: Comparison) -> str:
    """The section as Markdown.

    Raises:
        UsageError: The comparison was made without `--pccp`.
    """
    control = _control(found)
    parts = [f"# {TITLE}"]
    if control["title"]:
        parts.append(_cell(str(control["title"])))
    for one in candidates(found):
        parts.append(f"## {_cell(one.name)}: {_cell(one.title or TITLES['not_permitted'])}")
        parts.append(f"**{_cell(one.result)}**")
        parts.append("\n".join(f"- {_cell(reason)}" for reason in one.reasons))
        parts.append(_table(("Plan", ""), one.plan))
        if one.declared:
            parts.append(_table(("As declared", ""), one.declared))
        if one.criteria:
            parts.append(_table(CRITERIA_HEAD, [line.cells for line in one.criteria]))
        if one.comparisons:
            parts.append(_table(COMPARISONS_HEAD, [line.cells for line in one.comparisons]))
    if histories(found):
        parts.append("## History of versions")
        parts.append("\n".join(f"- {name}: {meaning}." for name, meaning in TERMS))
        parts.append("\n".join(f"- {_cell(note)}" for note in found.document.get("history_notes") or []))
        parts.append(f"Learning, potential and retention: {SOURCE}")
    for entry in histories(found):
        parts.append(f"### {_cell(str(entry['title']))}")
        parts.append(_table(HISTORY_HEAD, history_rows(entry)))
        parts.append("\n".join(f"- {_cell(reason)}" for reason in history_reasons(entry)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows)


def _cell(text: str) -> str:
    """A text inside Markdown: one line, nothing that ends a cell or begins a tag.

    Example:
        >>> _cell("<c> & d")
        '&lt;c&gt; &amp; d'
    """
    flat = " ".join(text.split())
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "\\|")


def write(found: Comparison, output: Path | None = None) -> list[Path]:
    """Write the section beside the comparison: `change-control.html` and `change-control.md`.

    Args:
        found: A comparison made with `--pccp`.
        output: Folder to write to. Default: that of the comparison.

    Raises:
        UsageError: The comparison was made without `--pccp`, or has no folder.
        OutputError: A file cannot be written.
    """
    folder = output or found.folder
    if folder is None:
        raise UsageError("the comparison has no folder; say with `output` where to write")
    written = []
    for name, text in ((HTML_FILE, page(found)), (MARKDOWN_FILE, markdown(found))):
        with output_errors(folder / name):
            (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written
