"""What `run --dry-run` prints: rows of either side, and why."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from accordance.app.planning import run_tables

ONE: dict[str, Any] = {
    "pairing": "rate",
    "batches": 5,
    "found": 5,
    "to_compute": 0,
    "errors_to_compute": 0,
    "rows_to_read": 0,
    "reference_rows_to_read": 0,
    "test_rows_to_read": 0,
    "why": {},
    "endpoints": {"kept": ["bias"], "to_compute": []},
}


def printed(*pairings: dict[str, Any]) -> list[str]:
    console = Console(width=160, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(*run_tables({"tables": [], "pairings": list(pairings)}))
    return capture.get().splitlines()


def row(lines: list[str], version: str) -> list[str]:
    """The row of a version in the table of pairs, word by word."""
    return next(line.split() for line in lines if line.split()[1:2] == [version])


def test_rows_of_either_side_are_told_by_themselves() -> None:
    new = {"found": 0, "to_compute": 5, "rows_to_read": 26_000, "test_rows_to_read": 26_000}
    lines = printed(
        {**ONE, "version": "v1"},
        {**ONE, **new, "version": "v2", "why": {"not computed yet": 5}, "errors_to_compute": 5},
    )
    heads = next(line for line in lines if line.startswith("Pairing"))
    assert heads.index("Reference rows to read") < heads.index("Test rows to read")
    assert row(lines, "v1") == ["rate", "v1", "5", "5", "0", "0", "0"]
    assert row(lines, "v2")[:7] == ["rate", "v2", "5", "0", "5", "0", "26,000"]
    assert row(lines, "v2")[7:] == ["5:", "not", "computed", "yet"]
    assert any(line.split() == ["5:", "with", "errors", "of", "the", "clock"] for line in lines)


def test_tables_that_are_read_whole_have_no_batches() -> None:
    lines = printed({**ONE, "version": "v1", "batches": None})
    assert row(lines, "v1") == ["rate", "v1", *["all"] * 3, *["tables", "are", "read", "whole"]]
