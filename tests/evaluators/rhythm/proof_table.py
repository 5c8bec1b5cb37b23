"""The table of proof: every case of the reference programs, and whether all its numbers are equal.

ACCORDANCE_REFERENCE=/path/to/values python tests/evaluators/rhythm/proof_table.py
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))

import test_beats
import test_episodes
import test_runs
from reference_cases import Case, corner, real

from accordance.evaluators.rhythm.episodes import compare_episodes


def _beats(case: Case) -> None:
    test_beats.hold(test_beats.compared(case), case.expected)


def _runs(case: Case) -> None:
    found = test_runs.compared(case)
    test_runs.hold(found.ventricular, case.expected["VE"])
    test_runs.hold(found.supraventricular, case.expected["SVE"])


def _episodes(case: Case) -> None:
    found = compare_episodes(case.reference, case.test, case.fs, case.length, **case.options)
    test_episodes.hold(found, case.expected, case.fs)


HOLD: dict[str, Callable[[Case], None]] = {"bxb": _beats, "rxr": _runs, "epicmp": _episodes}
"""Program -> holds every number of a case against ours, and fails where one differs."""


def table(root: Path) -> list[tuple[str, str, bool]]:
    """(program, case, equal) of every case; `mxm` and `sumstats` have theirs in their tests."""
    rows: list[tuple[str, str, bool]] = []
    for program, hold in HOLD.items():
        for case in [*real(root, program), *corner(root, program)]:
            try:
                hold(case)
            except AssertionError:
                rows.append((program, case.name, False))
            else:
                rows.append((program, case.name, True))
    return rows


def lines(rows: list[tuple[str, str, bool]]) -> list[str]:
    """The table as text, with a sum for each program."""
    found: list[Any] = [
        f"{program:8} {name:45} {'equal' if equal else 'DIFFERS'}" for program, name, equal in rows
    ]
    for program in HOLD:
        own = [equal for name, _, equal in rows if name == program]
        found.append(f"{program}: {sum(own)} of {len(own)} cases equal")
    return found


if __name__ == "__main__":
    print("\n".join(lines(table(Path(os.environ["ACCORDANCE_REFERENCE"])))))
