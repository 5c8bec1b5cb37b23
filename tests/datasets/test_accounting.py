"""The flow of a study's data adds up, whatever the data.

Oracle: counts made by looping over the rows one by one.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.datasets.accounting import COUNTS, accounting, check_sums
from accordance.datasets.pairing import pair
from accordance.datasets.pairs import Pairs
from accordance.protocols.errors import IntegrityError
from accordance.protocols.model import Protocol

LEVELS = ["af", "sinus", "inconclusive"]


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    """Three populations; exclusions by the data, by rules about a table, subjects, and the pair."""
    rhythm = {
        "type": "category",
        "levels": tuple(LEVELS),
        "indeterminate": ("inconclusive",),
        "missing": "allowed",
    }
    columns = {
        "subject": {"type": "text"},
        "epoch": {"type": "integer"},
        "rhythm": rhythm,
        "motion": {"type": "number", "missing": "allowed"},
        "code": {"type": "text"},
    }
    table = {"key": ("subject", "epoch"), "exclusion": "code", "columns": columns}
    people = {"key": ("subject",), "columns": {"subject": {"type": "text"}, "age": {"type": "integer"}}}
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
            "tables": {"reference": table, "test": table, "subjects": people},
            "pairings": {"main": {}},
            "exclusions": {
                "lead_off": {"title": "Lead off"},
                "moving": {"title": "Much motion", "table": "test", "where": {"motion": {"above": 5.0}}},
                "young": {"title": "Under 22", "table": "subjects", "where": {"age": {"below": 22.0}}},
                "disagree": {
                    "title": "Both inconclusive",
                    "where": {
                        "reference.rhythm": {"is": ("inconclusive",)},
                        "test.rhythm": {"is": ("inconclusive",)},
                    },
                },
            },
            "populations": {
                "full": {"title": "Full", "exclude": ()},
                "strict": {"title": "Strict"},
                "old": {"title": "Over 60", "where": {"age": {"above": 60.0}}, "exclude": ("lead_off",)},
            },
        }
    )


rows = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.integers(0, 4),
        st.sampled_from([*LEVELS, None]),
        st.sampled_from([0.0, 6.0, None]),
        st.sampled_from([None, None, "lead_off"]),
    ),
    max_size=20,
    unique_by=lambda row: row[:2],
)
people = st.lists(
    st.tuples(st.sampled_from("abcdefg"), st.integers(15, 80)), max_size=7, unique_by=lambda row: row[0]
)


def _pairs(protocol: Protocol, reference: list, test: list, who: list) -> Pairs:
    schema = {
        "subject": pl.String,
        "epoch": pl.Int64,
        "rhythm": pl.String,
        "motion": pl.Float64,
        "code": pl.String,
    }
    return pair(
        protocol,
        "main",
        version="1",
        reference=pl.DataFrame(reference, schema=schema, orient="row"),
        test=pl.DataFrame(test, schema=schema, orient="row"),
        subjects=pl.DataFrame(who, schema={"subject": pl.String, "age": pl.Int64}, orient="row"),
    )


def _looped(reference: list, test: list, who: list, population: str) -> dict[str, tuple[int, int, int]]:
    """Reference rows, test rows and pairs that each step removes, told row by row."""
    ages = dict(who)
    left, right = ({row[:2]: row for row in side} for side in (reference, test))
    exclude = {"full": (), "strict": ("lead_off", "moving", "young", "disagree"), "old": ("lead_off",)}[
        population
    ]
    told: dict[str, list[int]] = {}
    for key in left.keys() | right.keys():
        a, b = left.get(key), right.get(key)
        codes = []
        if key[0] not in ages:
            codes.append("orphan_subject")
        if a is None or b is None:
            codes.append("no_test" if b is None else "no_reference")
        if "lead_off" in ((a or [None] * 5)[4], (b or [None] * 5)[4]):
            codes.append("lead_off")
        if b is not None and b[3] == 6.0:
            codes.append("moving")
        if ages.get(key[0], 99) < 22:
            codes.append("young")
        if a and b and a[2] == b[2] == "inconclusive":
            codes.append("disagree")
        if population == "old" and not ages.get(key[0], 0) > 60:
            codes.append("not_in_population")
        values = [row[2] for row in (a, b) if row is not None]
        if None in values or a is None or b is None:
            codes.append("missing_value")
        if "inconclusive" in values:
            codes.append("indeterminate")
        structural = (
            "orphan_subject",
            "no_test",
            "no_reference",
            "not_in_population",
            "missing_value",
            "indeterminate",
        )
        code = next((one for one in codes if one in structural or one in exclude), "analysed")
        counts = told.setdefault(code, [0, 0, 0])
        counts[0] += a is not None
        counts[1] += b is not None
        counts[2] += a is not None and b is not None
    return {code: tuple(counts) for code, counts in told.items()}


@settings(max_examples=200, deadline=None)
@given(reference=rows, test=rows, who=people, population=st.sampled_from(["full", "strict", "old"]))
def test_every_row_is_told_once(
    protocol: Protocol, reference: list, test: list, who: list, population: str
) -> None:
    pairs = _pairs(protocol, reference, test, who)
    table = accounting(pairs, protocol, population, reference="rhythm", test="rhythm")
    for name in COUNTS:
        assert table[name][0] == table[name][1:].sum()
        assert table.schema[name] == pl.Int64
    subjects = {row[0] for row in (*reference, *test, *who)}
    first = table.row(0, named=True)
    assert (first["code"], first["n_subjects"]) == ("read", len(subjects))
    assert (first["n_reference_rows"], first["n_test_rows"]) == (len(reference), len(test))
    ours = {row[0]: row[1:] for row in table.select("code", *COUNTS[1:]).rows() if any(row[1:])}
    expected = _looped(reference, test, who, population)
    assert {code: counts for code, counts in ours.items() if code != "read"} == expected


def test_the_flow_by_example(protocol: Protocol) -> None:
    reference = [
        ("a", 0, "af", None, None),
        ("a", 1, "sinus", None, None),
        ("b", 0, "af", None, "lead_off"),
        ("d", 0, "af", None, None),
    ]
    test = [
        ("a", 0, "af", 0.0, None),
        ("a", 1, "inconclusive", 0.0, None),
        ("b", 0, "af", 9.0, None),
        ("c", 0, "af", 0.0, None),
    ]
    who = [("a", 70), ("b", 70), ("c", 70), ("e", 30)]
    pairs = _pairs(protocol, reference, test, who)
    table = accounting(pairs, protocol, "strict", reference="rhythm", test="rhythm")
    assert table.select("step", "code", *COUNTS).rows() == [
        (0, "read", 5, 4, 4, 3),
        (1, "no_rows", 1, 0, 0, 0),
        (2, "orphan_subject", 1, 1, 0, 0),
        (3, "no_reference", 1, 0, 1, 0),
        (4, "lead_off", 1, 1, 1, 1),
        (5, "moving", 0, 0, 0, 0),
        (6, "young", 0, 0, 0, 0),
        (7, "disagree", 0, 0, 0, 0),
        (8, "indeterminate", 0, 1, 1, 1),
        (9, "analysed", 1, 1, 1, 1),
    ]
    # All codes stay with the row, the first by precedence is its reason.
    b = pairs.frame.filter(subject="b").row(0, named=True)
    assert b["reason"] == "lead_off"
    assert b["reasons"] == pairs.bits(("lead_off", "moving"))
    positive = accounting(pairs, protocol, "strict", reference="rhythm", test="rhythm", view="as_positive")
    assert positive.filter(code="analysed")["n_pairs"].to_list() == [2]


def test_an_endpoint_may_keep_fewer_rows(protocol: Protocol) -> None:
    rows = [("a", 0, "af", None, None), ("a", 1, "sinus", None, None)]
    pairs = _pairs(protocol, rows, rows, [("a", 70)])
    where = {"epoch": protocol.exclusions["moving"].where["motion"].model_copy(update={"above": 0.0})}
    table = accounting(pairs, protocol, "full", where=where)
    assert table.filter(code="not_in_endpoint")["n_pairs"].to_list() == [1]


def test_counts_that_do_not_add_up() -> None:
    table = pl.DataFrame({"code": ["read", "analysed"]} | {name: [2, 1] for name in COUNTS})
    with pytest.raises(IntegrityError, match=r"n_subjects does not add up: 2 read, 1 told"):
        check_sums(table)


def test_undeclared_codes_are_refused(protocol: Protocol, refused: Callable) -> None:
    (violation,) = refused(_pairs, protocol, [("a", 0, "af", None, "leadoff")], [], [("a", 30)])
    assert violation.key == "reference.code"
    assert violation.suggestion == "lead_off"


def test_rules_that_do_not_fit(protocol: Protocol, refused: Callable) -> None:
    rule = {"title": "X", "table": "test", "where": {"moton": {"above": 1.0}, "rhythm": {"is": (1,)}}}
    wrong = Protocol.model_validate(protocol.model_dump(by_alias=True) | {"exclusions": {"x": rule}})
    violations = refused(_pairs, wrong, [], [("a", 0, "af", 0.0, None)], [])
    assert [violation.key for violation in violations] == [
        "exclusions.x.where.moton",
        "exclusions.x.where.rhythm",
    ]
    assert violations[0].suggestion == "motion"
    assert 'write text in quotes, such as "7"' in violations[1].message
