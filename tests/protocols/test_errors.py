"""How violations read, and the exit code each kind of error ends with."""

from __future__ import annotations

from pathlib import Path

import pytest

from accordance.protocols import errors
from accordance.protocols.errors import ContractError, Violation, nearest, relative, shorten


@pytest.mark.parametrize(
    ("violation", "text"),
    [
        (Violation("it is empty"), "it is empty."),
        (Violation("it is empty.", file="a.csv"), "a.csv: it is empty."),
        (
            Violation("not known", "p.yaml", 3, 7, "seed", "x", "1"),
            "p.yaml:3:7: seed: not known (found `x`). Did you mean `1`?",
        ),
        (Violation("twice", "a.csv", 3, count=1), "a.csv:3: twice."),
        (
            Violation("twice", "a.csv", count=1234, examples=("row 1: x", "row 9: x")),
            "a.csv: twice [1,234 rows].\n    row 1: x\n    row 9: x",
        ),
    ],
)
def test_how_it_reads(violation: Violation, text: str) -> None:
    assert str(violation) == text


def test_all_violations_in_one_error() -> None:
    error = ContractError([Violation("one"), Violation("two")], "Two things are wrong:")
    assert str(error) == "Two things are wrong:\none.\ntwo."
    assert [one.message for one in error.violations] == ["one", "two"]


def test_exit_codes() -> None:
    codes = {
        "AccordanceError": 70,
        "UsageError": 2,
        "ContractError": 4,
        "IntegrityError": 5,
        "OutputError": 74,
    }
    assert {name: getattr(errors, name).exit_code for name in codes} == codes


def test_nearest() -> None:
    assert nearest("sensitivty", ["specificity", "sensitivity"]) == "sensitivity"
    assert nearest("colour", ["seed", "title"]) is None


def test_shorten() -> None:
    assert shorten("short") == "short"
    assert shorten("x" * 1_000_000) == "x" * 60 + "... (1,000,000 characters)"
    assert shorten(0.5) == "0.5"


def test_relative(tmp_path: Path) -> None:
    assert relative(tmp_path / "a" / "b.yaml", tmp_path) == "a/b.yaml"
    assert relative(Path("/elsewhere/b.yaml"), tmp_path) == "/elsewhere/b.yaml"
