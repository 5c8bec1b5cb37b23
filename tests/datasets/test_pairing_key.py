"""Pairing by key, against DuckDB's full outer join, and everything the result promises.

Oracle: DuckDB, a program of others, joins the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.datasets.pairing import on_columns, pair, verify
from accordance.datasets.pairs import STRUCTURAL
from accordance.protocols.errors import IntegrityError
from accordance.protocols.model import Column, Pairing, Protocol, Table

COLUMNS = {"subject": Column(type="text"), "night": Column(type="integer"), "x": Column(type="number")}
TABLE = Table(key=("subject", "night"), columns=COLUMNS)
Key = tuple[str, int]

keys = st.lists(
    st.tuples(st.text("abé0 ", min_size=1, max_size=3), st.integers(-3, 3) | st.just(2**61)),
    max_size=25,
    unique=True,
)


def _frame(rows: list[Key], start: float = 0.0) -> pl.DataFrame:
    schema = {"subject": pl.String, "night": pl.Int64, "x": pl.Float64}
    return pl.DataFrame(
        [(*row, start + place) for place, row in enumerate(rows)], schema=schema, orient="row"
    )


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return Protocol.model_validate(
        {
            "schema": "accordance/protocol/1",
            "id": "t",
            "version": "1",
            "title": "T",
            "intended_use": "U",
            "objective": "O",
            "seed": 1,
            "endpoints": {},
            "tables": {"reference": TABLE, "test": TABLE},
            "pairings": {"main": Pairing()},
        }
    )


@settings(max_examples=150, deadline=None)
@given(reference=keys, test=keys, same=st.booleans())
def test_key_pairing_is_a_full_outer_join(
    protocol: Protocol, reference: list[Key], test: list[Key], same: bool
) -> None:
    left, right = _frame(reference), _frame(reference if same else test, 100.0)
    pairs = pair(protocol, "main", reference=left, test=right, version="1")
    with duckdb.connect() as connection:
        connection.register("l", left.with_row_index("row").to_arrow())
        connection.register("r", right.with_row_index("row").to_arrow())
        joined = connection.sql(
            "SELECT coalesce(l.subject, r.subject), coalesce(l.night, r.night), l.row, r.row, l.x, r.x "
            "FROM l FULL JOIN r ON l.subject = r.subject AND l.night = r.night"
        ).fetchall()
    ours = pairs.frame.select("subject", "night", "reference_row", "test_row", "reference.x", "test.x").rows()
    assert sorted(ours, key=repr) == sorted(joined, key=repr)
    names = [(row[0].encode(), row[1]) for row in ours]
    assert all(first < second for first, second in pairwise(names))
    for row in pairs.frame.iter_rows(named=True):
        expected = {"paired": None, "reference_only": "no_test", "test_only": "no_reference"}[row["status"]]
        assert row["reason"] == expected
        assert row["reasons"] == (0 if expected is None else 1 << pairs.codes.index(expected))


@pytest.mark.parametrize("shuffled", [False, True])
def test_large_tables_with_gaps(protocol: Protocol, shuffled: bool) -> None:
    rows = [(f"S{number // 100:03d}", number % 100) for number in range(20_000)]
    reference, test = _frame(rows[::3] + rows[1::7]).unique(["subject", "night"]), _frame(rows[::2])
    reference = reference.sort("subject", "night")
    if shuffled:
        reference = reference.sample(fraction=1, shuffle=True, seed=1)
        test = test.sample(fraction=1, shuffle=True, seed=2)
    pairs = pair(protocol, "main", reference=reference, test=test, version="1")
    joined = reference.join(test, on=["subject", "night"], how="full", coalesce=True, suffix="_test")
    counts = dict(pairs.frame["status"].value_counts().rows())
    assert (
        counts["paired"] == joined.filter(pl.col("x").is_not_null() & pl.col("x_test").is_not_null()).height
    )
    assert pairs.frame.height == joined.height
    assert pairs.frame.select("subject", "night").equals(
        joined.select("subject", "night").sort("subject", "night")
    )


def test_wide_keys_are_searched_not_addressed(protocol: Protocol) -> None:
    rows = [(f"s{number % 5}", number * 1_000_003 * (-1) ** number) for number in range(500)]
    pairs = pair(protocol, "main", reference=_frame(rows[:400]), test=_frame(rows[100:]), version="1")
    counts = dict(pairs.frame["status"].value_counts().rows())
    assert counts == {"paired": 300, "reference_only": 100, "test_only": 100}
    both = pairs.frame.filter(pl.col("status") == "paired")
    assert (both["reference_row"] == both["test_row"] + 100).all()


def test_007_is_not_7(protocol: Protocol) -> None:
    pairs = pair(protocol, "main", reference=_frame([("007", 1)]), test=_frame([("7", 1)]), version="1")
    assert pairs.frame["status"].to_list() == ["reference_only", "test_only"]


@pytest.mark.parametrize(("reference", "test"), [([], []), ([("a", 1)], []), ([], [("a", 1)])])
def test_empty_tables(protocol: Protocol, reference: list[Key], test: list[Key]) -> None:
    pairs = pair(protocol, "main", reference=_frame(reference), test=_frame(test), version="1")
    assert pairs.frame.height == len(reference) + len(test)


def test_columns_and_their_types(protocol: Protocol) -> None:
    rows = [("a", 1), ("b", 1)]
    for test in (rows, rows[:1]):
        frame = pair(protocol, "main", reference=_frame(rows), test=_frame(test), version="1").frame
        assert dict(frame.schema) == {
            "subject": pl.String,
            "status": pl.String,
            "reason": pl.String,
            "reasons": pl.UInt64,
            "night": pl.Int64,
            "reference.x": pl.Float64,
            "reference_row": pl.Int64,
            "test.x": pl.Float64,
            "test_row": pl.Int64,
        }


def test_keys_that_do_not_name_one_row(protocol_of: Callable[..., Protocol], refused: Callable) -> None:
    protocol = protocol_of(
        tables={"reference": TABLE, "test": TABLE}, pairings={"main": Pairing(on=("subject",))}
    )
    frame = _frame([("a", 1), ("a", 2), ("b", 1)])
    violations = refused(pair, protocol, "main", reference=frame, test=frame.tail(1), version="1")
    assert [violation.key for violation in violations] == ["pairings.main.on"]
    assert "do not name one row of table `reference`" in violations[0].message
    assert violations[0].count == 1


def test_on_by_default(protocol_of: Callable[..., Protocol]) -> None:
    other = Table(
        subject="patient",
        key=("patient", "at", "night"),
        time="at",
        columns={
            "patient": Column(type="text"),
            "at": Column(type="datetime"),
            "night": Column(type="integer"),
        },
    )
    assert on_columns(Pairing(), TABLE, other) == ("subject", "night")
    assert on_columns(Pairing(), other, other) == ("subject", "at", "night")
    assert on_columns(Pairing(method="nearest"), other, other) == ("subject", "night")
    assert on_columns(Pairing(on=("patient",)), TABLE, other) == ("subject",)


def test_subject_columns_of_different_names(protocol_of: Callable[..., Protocol]) -> None:
    tables = {
        "reference": Table(subject="patient", key=("patient",), columns={"patient": Column(type="text")}),
        "test": Table(subject="id", key=("id",), columns={"id": Column(type="text")}),
        "subjects": Table(subject="who", key=("who",), columns={"who": Column(type="text")}),
    }
    protocol = protocol_of(tables=tables, pairings={"main": Pairing()})
    pairs = pair(
        protocol,
        "main",
        version="1",
        reference=pl.DataFrame({"patient": ["a", "b"]}),
        test=pl.DataFrame({"id": ["b", "c"]}),
        subjects=pl.DataFrame({"who": ["b", "c", "d"], "row": [0, 1, 2]}),
    )
    assert pairs.frame.select("subject", "status", "reason").rows() == [
        ("a", "reference_only", "orphan_subject"),
        ("b", "paired", None),
        ("c", "test_only", "no_reference"),
    ]
    assert pairs.without_rows == ("d",)
    a = pairs.frame.row(0, named=True)["reasons"]
    assert a == pairs.bits(("orphan_subject", "no_test"))


def test_columns_that_cannot_be_paired_on(protocol_of: Callable[..., Protocol], refused: Callable) -> None:
    protocol = protocol_of(tables={"reference": TABLE, "test": TABLE}, pairings={"main": Pairing()})
    good, text = _frame([("a", 1)]), pl.DataFrame({"subject": ["a"], "night": ["1"], "x": [1.0]})
    (violation,) = refused(pair, protocol, "main", reference=good, test=text, version="1")
    assert violation.message == "column `night` is Int64 in `reference` but String in `test`."
    (violation,) = refused(pair, protocol, "main", reference=good, test=good.drop("night"), version="1")
    assert violation.message == "table `test` has no column `night` to pair on."
    holes = good.with_columns(night=pl.lit(None, pl.Int64))
    (violation,) = refused(pair, protocol, "main", reference=good, test=holes, version="1")
    assert "is empty in some rows" in violation.message


def test_names_that_the_pairs_need(protocol_of: Callable[..., Protocol], refused: Callable) -> None:
    protocol = protocol_of(tables={"reference": TABLE, "test": TABLE}, pairings={"main": Pairing()})
    people = pl.DataFrame({"subject": ["a"], "status": ["x"], "night": [1]})
    frame = _frame([("a", 1)])
    violations = refused(pair, protocol, "main", reference=frame, test=frame, subjects=people, version="1")
    assert [violation.key for violation in violations] == [
        "tables.subjects.columns.status",
        "tables.subjects.columns.night",
    ]
    (violation,) = refused(
        pair,
        protocol,
        "main",
        reference=frame,
        test=frame,
        version="1",
        subjects=pl.DataFrame({"subject": ["a", "a"]}),
    )
    assert "more than one row for a subject" in violation.message


def test_verify_finds_what_was_lost_or_doubled(protocol: Protocol) -> None:
    pairs = pair(
        protocol,
        "main",
        reference=_frame([("a", 1), ("b", 1)]),
        test=_frame([("a", 1), ("c", 1)]),
        version="1",
    )
    verify(pairs)
    frame = pairs.frame
    broken = {
        "of 2 rows in reference_row": frame.head(1),
        "more than once": frame.with_columns(
            reference_row=pl.when(pl.col("reference_row") == 1).then(0).otherwise("reference_row")
        ),
        "status is not what it holds": frame.with_columns(status=pl.lit("paired")),
        "carries no reason code": frame.with_columns(reason=pl.lit(None, pl.String)),
    }
    for words, bad in broken.items():
        with pytest.raises(IntegrityError, match=words):
            verify(replace(pairs, data=bad))
    with pytest.raises(IntegrityError, match="2 of 3 rows in test_row"):
        verify(replace(pairs, n_test_rows=3))


def test_structural_codes_come_first(protocol: Protocol) -> None:
    pairs = pair(protocol, "main", reference=_frame([("a", 1)]), test=_frame([("a", 1)]), version="7")
    assert pairs.codes == tuple(STRUCTURAL)
    assert (pairs.version, pairs.pairing, pairs.n_reference_rows, pairs.n_test_rows) == ("7", "main", 1, 1)
