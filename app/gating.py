"""The verb `gate`: which results are asked, what is asked of them, and which files tell the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..protocols.errors import UsageError
from .console import Output, shown
from .writing import write_anew

if TYPE_CHECKING:
    from ..studies.gate import Check, GateOutcome
    from ..studies.results import Results

REPORTS = ("report.html", "report.pdf")


@dataclass(frozen=True)
class Asked:
    """Options of the verb.

    Attributes:
        require: Decisions required by name.
        inconclusive: What an inconclusive endpoint does.
        junit: File for JUnit XML.
        summary: File for Markdown.
        identical: What a candidate does whose outputs are the baseline's.
    """

    require: tuple[str, ...] = ()
    inconclusive: str | None = None
    junit: Path | None = None
    summary: Path | None = None
    identical: str | None = None


def answer(output: Output, where: Path, *, comparison: bool, asked: Asked) -> int:
    """Ask a run or a comparison, write the files, say the answer, and give the exit code."""
    folder = _comparison(where, asked=comparison)
    if folder is not None:
        return _of_comparison(output, folder, asked)
    for option in ("inconclusive", "identical"):
        if getattr(asked, option) is not None:
            raise UsageError(f"--{option} is about comparisons; a run is met, not met or not evaluable")
    return _of_run(output, _run(where), asked)


def _comparison(where: Path, *, asked: bool) -> Path | None:
    """The comparison folder that is meant; None where it is a run."""
    from ..studies.comparison_folder import COMPARISON_FILE, Comparison  # noqa: PLC0415 - heavy
    from ..studies.results import DOCUMENT_FILE  # noqa: PLC0415

    if (where / COMPARISON_FILE).is_file():
        return where
    if not asked:
        return None
    if (where / DOCUMENT_FILE).is_file():
        raise UsageError(
            f"--comparison: {shown(where)} is a run; give the study folder, or a comparison folder"
        )
    return Comparison.latest(where).folder


def _run(where: Path) -> Results:
    """The run folder that is meant, or the latest run of a study."""
    from ..studies.comparison_folder import finished_comparisons  # noqa: PLC0415
    from ..studies.results import DOCUMENT_FILE, Results, finished_runs  # noqa: PLC0415

    if (where / DOCUMENT_FILE).is_file():
        return Results.open(where)
    if not finished_runs(where) and finished_comparisons(where):
        raise UsageError(f"{shown(where)} has comparisons and no run; --comparison asks the latest of them")
    return Results.latest(where)


def _of_run(output: Output, results: Results, asked: Asked) -> int:
    from ..reports.junit import junit  # noqa: PLC0415
    from ..reports.summary import summary  # noqa: PLC0415
    from ..studies.gate import gate  # noqa: PLC0415

    outcome = gate(results, asked.require)
    required = {check.endpoint for check in outcome.checks if check.asked and check.endpoint}
    files = _write(
        asked,
        junit=lambda: junit(results, required),
        summary=lambda: summary(results, outcome, files=_reports(results.folder)),
    )
    return _say(output, {"run": results.run_id, "decision": results.decision}, outcome, files)


def _of_comparison(output: Output, folder: Path, asked: Asked) -> int:
    from ..reports.junit_comparison import comparison_junit  # noqa: PLC0415
    from ..reports.summary_comparison import comparison_summary  # noqa: PLC0415
    from ..studies import gate_reading  # noqa: PLC0415
    from ..studies.gate_comparison import gate_comparison  # noqa: PLC0415

    document = gate_reading.read(folder)
    outcome = gate_comparison(
        document,
        asked.require,
        inconclusive=_tolerance("inconclusive", asked.inconclusive or "fail"),
        identical=_tolerance("identical", asked.identical or "warn"),
    )
    files = _write(
        asked,
        junit=lambda: comparison_junit(document, outcome),
        summary=lambda: comparison_summary(document, outcome, folder=folder, files=_reports(folder)),
    )
    facts = {
        "comparison": document["run"]["id"],
        "baseline": document["baseline"],
        "candidates": document["candidates"],
        "decision": outcome.decision,
        "decisions": {name: own["decision"] for name, own in document["decisions"].items()},
    }
    return _say(output, facts, outcome, files)


def _tolerance(option: str, text: str) -> Literal["fail", "warn"]:
    if text in {"warn", "fail"}:
        return "warn" if text == "warn" else "fail"
    raise UsageError(f"--{option}: `{text}` is neither warn nor fail")


def _reports(folder: Path | None) -> list[Path]:
    """The reports that lie in the folder, as one would type them."""
    found = [] if folder is None else [folder / name for name in REPORTS]
    return [Path(shown(file)) for file in found if file.is_file()]


def _write(asked: Asked, **texts: Callable[[], str]) -> list[str]:
    """Write what is asked for, before any exit code; a file that exists is written anew."""
    written = []
    for name, target in (("junit", asked.junit), ("summary", asked.summary)):
        if target is not None:
            write_anew(target, texts[name]())
            written.append(str(target))
    return written


def _say(output: Output, facts: Mapping[str, Any], outcome: GateOutcome, files: list[str]) -> int:
    output.answer(
        {
            **facts,
            "exit_code": outcome.exit_code,
            "answer": outcome.answer,
            "lines": outcome.lines,
            "warnings": outcome.warnings,
            "checks": [_facts(check) for check in outcome.checks],
            "files": files,
        }
    )
    for line in outcome.lines:
        output.text(line)
    if not output.as_json:
        for warning in outcome.warnings:
            output.side.print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)
    output.text(outcome.answer + ".")
    return outcome.exit_code


def _facts(check: Check) -> dict[str, Any]:
    names = ("endpoint", "candidate", "row_id", "wanted", "found", "state", "words", "asked")
    return {name: getattr(check, name) for name in names}
