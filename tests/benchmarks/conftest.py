"""Benchmarks: each prints one row, and all rows end in build/bench.jsonl and one table.

They compare two ways of getting the same numbers in one run, because a ratio survives a change of machine
and a time does not. `make bench` runs them; a plain `pytest` leaves them out (tests/conftest.py).
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))  # so that benchmarks can say `from stream_programs import SCAN`

REPOSITORY = Path(__file__).resolve().parents[2]
RESULTS = Path(os.environ.get("ACCORDANCE_BENCH", REPOSITORY / "build" / "bench.jsonl"))
_rows: list[dict[str, Any]] = []


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def target_held(target: str, ratio: float | None, ours: float | None) -> bool | None:
    """Whether `>= 50` or `<= 6` holds for the ratio, or for our own number where there is no ratio."""
    match = re.match(r"\s*(>=|<=|>|<)\s*([\d.]+)", target)
    value = ours if ratio is None else ratio
    if match is None or value is None:
        return None
    limit = float(match[2])
    return {">=": value >= limit, "<=": value <= limit, ">": value > limit, "<": value < limit}[match[1]]


@pytest.fixture
def bench_row(request: pytest.FixtureRequest) -> Callable[..., dict[str, Any]]:
    """`bench_row(name, ours=, peer=, ratio=, target=, unit=)`: note one measurement.

    `ours` and `peer` are in `unit` (default seconds); `peer` and `ratio` may be None. `ratio` is the number
    that `target` speaks of, such as `">= 50"` or `"<= 6"`; without a ratio the target speaks of `ours`.
    The test itself asserts what must hold.
    """

    def note(
        name: str,
        ours: float | None,
        peer: float | None = None,
        ratio: float | None = None,
        target: str | float = "",
        unit: str = "s",
    ) -> dict[str, Any]:
        words = str(target)
        row = {
            "name": name,
            "ours": ours,
            "peer": peer,
            "ratio": ratio,
            "target": words,
            "unit": unit,
            "held": target_held(words, ratio, ours),
            "test": request.node.nodeid,
        }
        _rows.append(row)
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        return row

    return note


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line a measurement, also when pytest captures the output."""
    if not _rows:
        return
    terminalreporter.section("benchmarks")
    for row in _rows:
        peer = "" if row["peer"] is None else f", peer {_number(row['peer'])} {row['unit']}"
        ratio = "" if row["ratio"] is None else f", ratio {_number(row['ratio'])}"
        held = {True: "held", False: "MISSED", None: ""}[row["held"]]
        target = f", target {row['target']} {held}" if row["target"] else ""
        terminalreporter.line(f"{row['name']}: {_number(row['ours'])} {row['unit']}{peer}{ratio}{target}")
