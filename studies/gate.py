"""One exit code for a continuous integration: may this version pass?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..protocols.errors import UsageError
from .gate_requirements import Requirement, parse
from .judge import OVERALL_WORDS, decides, judged_here, words
from .results import Results, interval_text, number

EXIT_CODES: dict[str, int] = {"met": 0, "not_met": 1, "not_evaluable": 3, "informative": 3}
"""A study in which nothing decides cannot let a version pass."""

ANSWERS: dict[int, str] = {
    0: "The gate is open",
    1: "The gate is closed",
    3: "The gate is closed: not decided",
}
"""What an exit code says."""

State = Literal["passed", "warned", "open", "failed"]


@dataclass(frozen=True)
class Check:
    """One thing that a gate asks.

    Attributes:
        endpoint: The endpoint asked of; None where it is the decision of a whole candidate.
        candidate: The version asked of.
        row_id: The results row that answers, where one does.
        wanted: The decision asked for.
        found: The decision there is.
        state: `passed`; `warned`, let pass with a warning; `open`, not decided; `failed`.
        words: The decision in words.
        asked: Asked for by `--require`, and not by the study itself.
    """

    endpoint: str | None
    candidate: str
    row_id: str | None
    wanted: str
    found: str
    state: State
    words: str
    asked: bool = False


@dataclass(frozen=True)
class GateOutcome:
    """The answer of a gate.

    Attributes:
        exit_code: 0 all is as asked; 1 something is not: not met, inferior; 3 not decided: inconclusive, not
            evaluable, or nothing decides.
        decision: The study's decision; of a comparison, the worst among its candidates.
        lines: The answer in words, then one line a deciding row.
        warnings: What to know although it changes no exit code.
        checks: What was asked, one a row that answers.
    """

    exit_code: int
    decision: str
    lines: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def answer(self) -> str:
        """The exit code in words.

        Example:
            >>> GateOutcome(3, "inconclusive", ()).answer
            'The gate is closed: not decided'
        """
        return ANSWERS[self.exit_code]

    def check_of(self, row_id: str) -> Check | None:
        """What was asked of a row; None where nothing was."""
        return next((check for check in self.checks if check.row_id == row_id), None)


def exit_code(states: Sequence[State]) -> int:
    """One exit code for what was asked: 1 before 3 before 0; 3 where nothing was asked.

    Example:
        >>> exit_code(["passed", "open"]), exit_code(["open", "failed"]), exit_code([])
        (3, 1, 3)
    """
    if "failed" in states:
        return 1
    return 3 if "open" in states or not states else 0


def gate(results: Results, require: Sequence[str] = ()) -> GateOutcome:
    """Whether the deciding version met every primary and co-primary criterion, and what else is required.

    Args:
        results: A run.
        require: `ENDPOINT=met`, for criteria of other endpoints that have to be met besides.

    Raises:
        UsageError: Something is required that the run cannot answer; every such text is named.
    """
    required = {one.endpoint for one in _required(results, require)}
    version = results.deciding_version
    deciding, others = [], []
    for row in results.rows.iter_rows(named=True):
        if decides(row, version):
            deciding.append(row)
        elif row["endpoint"] in required and judged_here(row, version):
            others.append(row)
    checks = [_check(row, asked=row["endpoint"] in required) for row in (*deciding, *others)]
    lines = [OVERALL_WORDS[results.decision]]
    lines += [_line(row) for row in deciding]
    lines += [f"{_line(row)} (required)" for row in others]
    code = EXIT_CODES[results.decision]
    if others:
        asked = exit_code([_STATES[str(row["decision"])] for row in others])
        # where nothing of the study decides, what is required by name does
        code = asked if results.decision == "informative" else _worse(code, asked)
    return GateOutcome(code, results.decision, tuple(lines), checks=tuple(checks))


def _worse(*codes: int) -> int:
    """The exit code that counts: 1 before 3 before 0."""
    return max(codes, key=(0, 3, 1).index)


_STATES: Mapping[str, State] = {
    "met": "passed", "not_met": "failed", "not_evaluable": "open", "informative": "open",
}  # fmt: skip


def _check(row: Mapping[str, Any], *, asked: bool) -> Check:
    found = str(row["decision"])
    return Check(
        row["endpoint"], row["version"], row["row_id"], "met", found, _STATES[found], words(row), asked
    )


def _line(row: Mapping[str, Any]) -> str:
    shown = f"{number(row['estimate'])} ({interval_text(row)})" if row["estimate"] is not None else "no value"
    return f"{row['endpoint']}: {row['statistic']} {shown}; {row['criterion']}: {words(row)}"


def _required(results: Results, texts: Sequence[str]) -> tuple[Requirement, ...]:
    """What is required of a run, refused where an endpoint has no criterion that could be met."""
    if not texts:
        return ()
    version = results.deciding_version
    judged = {row["endpoint"] for row in results.rows.iter_rows(named=True) if judged_here(row, version)}
    endpoints = [entry["id"] for entry in results.document["endpoints"]]
    found, problems = parse(texts, endpoints=endpoints, candidates=(), decisions=("met",))
    problems += [
        f"--require {one.text}: endpoint `{one.endpoint}` has no criterion, so it cannot be met"
        for one in found
        if one.endpoint not in judged
    ]
    if problems:
        raise UsageError("\n".join(problems))
    return found
