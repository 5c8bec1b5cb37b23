"""One subject under two spellings is found, and two subjects are not taken for one."""

from __future__ import annotations

import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accordance.datasets import spellings

SAME = [
    ("S01", "s01"), ("S01", "S-01"), ("S1", "S01"), ("S01", "S01 "), ("S01", "S_01"), ("S01", "S 01"),
    ("S01", "\uff33\uff10\uff11"), ("S01", "S\u00a001"), ("MU\u0308LLER", "m\u00fcller"),
    ("Stra\u00dfe", "STRASSE"), ("007", "7"), ("A-007-b", "a7B"), ("x\u00b2", "x2"), ("S\u0661", "S1"),
    ("0", "000"), ("\u212b1", "\u00e51"),
]  # fmt: skip
DIFFERENT = [
    ("1-12", "11-2"), ("S1", "S10"), ("S1", "S2"), ("A1B", "AB1"), ("01-001", "01-002"), ("S01a", "S01b"),
    ("-", "+"), ("S", "S0"), ("12", "1 2"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one(one: str, other: str) -> None:
    (group,) = spellings.twice({"a": [one], "b": [other]})
    assert {name for name, _ in group} == {one, other}


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_names_of_two(one: str, other: str) -> None:
    assert spellings.twice({"a": [one, other]}) == []


def test_one_spelling_in_many_tables_is_one() -> None:
    assert spellings.twice({"a": ["S01"], "b": ["S01"], "c": ["S02"]}) == []


def test_every_group_is_listed_with_its_tables() -> None:
    (violation,) = spellings.check(
        {"subjects": ["S01", "S02", "S03"], "device (v1)": ["s1", "S02"], "device (v2)": ["S-01", "S3"]}, "so"
    )
    assert violation.examples == (
        "`S-01` in device (v2); `S01` in subjects; `s1` in device (v1)",
        "`S03` in subjects; `S3` in device (v2)",
    )
    assert "2 subjects seem to be there under more than one spelling" in violation.message
    assert "say so" in violation.message


def test_many_groups_are_counted() -> None:
    names = [f"S{number}" for number in range(1, 40)]
    (violation,) = spellings.check({"a": names, "b": [name.lower() for name in names]}, "so")
    assert len(violation.examples) == spellings.SHOWN + 1
    assert violation.examples[-1] == "and 19 more"


def test_names_of_a_column() -> None:
    column = pl.Series(["b", "b", "a", None, "b", "a"])
    assert sorted(spellings.subjects(column)) == ["a", "b"]
    assert spellings.subjects(pl.Series([], dtype=pl.String)) == []


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9999)), max_size=5), st.randoms())
def test_case_zeros_and_separators_never_matter(parts: list, random) -> None:
    def spelt() -> str:
        made = ""
        for letter, number in parts:
            made += random.choice([letter, letter.upper()]) + random.choice(["", "-", "_", " ", "."])
            made += "0" * random.randint(0, 3) + str(number) + random.choice(["", "-", " "])
        return made

    assert spellings.folded(spelt()) == spellings.folded(spelt())


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_numbers_are_names_of_their_own(one: int, other: int) -> None:
    assert (spellings.folded(str(one)) == spellings.folded(str(other))) == (one == other)


@given(st.text(max_size=8))
def test_any_text_has_a_folded_form_that_normal_forms_share(text: str) -> None:
    assert spellings.folded(text)
    assert spellings.folded(unicodedata.normalize("NFD", text)) == spellings.folded(text)
