"""The data contract: what each rule says, in whatever source."""

from __future__ import annotations

import polars as pl
import pytest

from accordance.datasets.contract import check
from accordance.protocols.model import Column, Table

SUBJECT = Column(type="text")


def _check(column: Column, values: list, **table: object) -> list[str]:
    contract = Table(key=("subject",), columns={"subject": SUBJECT, "x": column}, **table)
    subjects = [f"s{number}" for number in range(len(values))]
    dtype = {"number": pl.Float64, "integer": pl.Int64}.get(column.type, pl.String)
    frame = pl.DataFrame({"subject": subjects, "x": pl.Series(values, dtype=dtype)})
    return [str(one) for one in check(frame, contract, name="t", file="t.parquet", exclusions=("motion",))]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        (
            Column(type="number", unit="%", range=(0, 100)),
            [50.0, 101.0, -0.5],
            "t.parquet: x: outside the accepted range 0 to 100 % (found `101.0`) [2 rows].\n"
            "    row 2: 101.0\n    row 3: -0.5",
        ),
        (
            Column(type="integer", range=(None, 9)),
            [9, 10],
            "t.parquet: x: outside the accepted range up to 9 (found `10`).\n    row 2: 10",
        ),
        (
            Column(type="number", range=(1.5, None)),
            [1.5, 1.0],
            "t.parquet: x: outside the accepted range 1.5 or more (found `1.0`).\n    row 2: 1.0",
        ),
        (
            Column(type="category", levels=("af", "sinus")),
            ["af", "Sinus"],
            "t.parquet: x: not one of the accepted levels `af`, `sinus` (found `Sinus`). "
            "Did you mean `sinus`?\n    row 2: 'Sinus'",
        ),
        (
            Column(type="number"),
            [1.0, None],
            "t.parquet: x: empty, and the contract refuses missing values (`missing: allowed` accepts "
            "them).\n    row 2: empty",
        ),
        (
            Column(type="number"),
            [float("nan"), float("-inf")],
            "t.parquet: x: not a finite number (NaN marks nothing: leave a missing value empty) "
            "(found `nan`) [2 rows].\n    row 1: nan\n    row 2: -inf",
        ),
    ],
)
def test_messages(column: Column, values: list, message: str) -> None:
    assert _check(column, values) == [message]


def test_what_is_accepted() -> None:
    assert _check(Column(type="number", range=(0, 1), missing="allowed"), [0.0, 1.0, None]) == []
    assert _check(Column(type="category", levels=("af",), indeterminate=("poor",)), ["af", "poor"]) == []
    assert _check(Column(type="text"), [" blanks are text "]) == []


def test_a_level_that_differs_in_case_is_recognised() -> None:
    (message,) = _check(Column(type="category", levels=("sinus", "af")), ["AF"])
    assert "Did you mean `af`?" in message


def test_only_the_first_five_rows_are_shown() -> None:
    (message,) = _check(Column(type="number", range=(0, 1)), [2.0] * 1234)
    assert "[1,234 rows]" in message
    assert message.endswith("row 5: 2.0\n    and 1,229 more")
    assert message.count("\n") == 6


def test_a_long_text_is_refused_and_shortened() -> None:
    (message,) = _check(Column(type="text"), ["x" * 10**6])
    assert "text of 1,000,000 characters; at most 10,000 are accepted" in message
    assert len(message) < 400


def test_an_exclusion_column_may_be_empty() -> None:
    assert _check(Column(type="text"), [None, "motion"], exclusion="x") == []
    (message,) = _check(Column(type="text"), [None, "x"], exclusion="x")
    assert "exclusion code that the protocol does not declare; declared: `motion`" in message


def test_subjects_with_blanks_are_not_keys() -> None:
    contract = Table(key=("subject",), columns={"subject": SUBJECT})
    frame = pl.DataFrame({"subject": ["007", "007 "]})
    (violation,) = check(frame, contract, name="t", file=None)
    assert "blanks before or after the value of a key column" in violation.message
    assert violation.examples == ("row 2: '007 '",)


def test_a_subject_outside_the_key_is_never_empty() -> None:
    contract = Table(
        key=("id",), columns={"id": Column(type="integer"), "subject": Column(type="text", missing="allowed")}
    )
    frame = pl.DataFrame({"id": [1, 2], "subject": ["a", None]})
    (violation,) = check(frame, contract, name="t", file=None)
    assert "empty in a key column" in violation.message


def test_wrong_types_and_no_rows() -> None:
    contract = Table(key=("subject",), columns={"subject": SUBJECT, "x": Column(type="number")})
    (violation,) = check(pl.DataFrame({"subject": ["a"], "x": [1]}), contract, name="t", file=None)
    assert violation.message.startswith("has type Int64; the contract says number")
    empty = pl.DataFrame(schema={"subject": pl.String, "x": pl.Float64})
    (violation,) = check(empty, contract, name="t", file=None)
    assert violation.message == "table `t` has no rows."
