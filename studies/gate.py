"""One exit code for a continuous integration: may this version pass?"""

from __future__ import annotations

from dataclasses import dataclass

from .judge import OVERALL_WORDS, words
from .results import Results, interval_text, number

EXIT_CODES: dict[str, int] = {"met": 0, "not_met": 1, "not_evaluable": 3, "informative": 3}
"""A study in which nothing decides cannot let a version pass."""


@dataclass(frozen=True)
class GateOutcome:
    """The answer of a gate.

    Attributes:
        exit_code: 0 all met; 1 not met; 3 not evaluable, or nothing decides.
        decision: The study's decision.
        lines: The answer in words, then one line a deciding row.
    """

    exit_code: int
    decision: str
    lines: tuple[str, ...]


def gate(results: Results) -> GateOutcome:
    """Whether the deciding version met every primary and co-primary criterion."""
    lines = [OVERALL_WORDS[results.decision]]
    for row in results.deciding():
        shown = (
            f"{number(row['estimate'])} ({interval_text(row)})" if row["estimate"] is not None else "no value"
        )
        lines.append(f"{row['endpoint']}: {row['statistic']} {shown}; {row['criterion']}: {words(row)}")
    return GateOutcome(EXIT_CODES[results.decision], results.decision, tuple(lines))
