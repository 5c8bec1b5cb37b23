"""The tolerance language: what it means, its canonical text, and where it says that something is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accordance.evaluators.tolerance import Tolerance, ToleranceError, parse, within

REFERENCE = np.array([-80.0, 0.0, 20.0, 100.0])


@pytest.mark.parametrize(
    ("text", "expected", "canonical"),
    [
        (5, [5, 5, 5, 5], "5"),
        ("5", [5, 5, 5, 5], "5"),
        ("0.5e1", [5, 5, 5, 5], "5"),
        (".5", [0.5] * 4, "0.5"),
        ("10%", [8, 0, 2, 10], "0.1*ref"),
        ("7 %", [5.6, 0, 1.4, 7.0], "0.07*ref"),
        ("max(5, 0.1*ref)", [8, 5, 5, 10], "max(5, 0.1*ref)"),
        ("min( 5,10% )", [5, 0, 2, 5], "min(5, 0.1*ref)"),
        ("2 + 5%", [6, 2, 3, 7], "2 + 0.05*ref"),
        ("max(1, 2, 5% + 1)", [5, 2, 2, 6], "max(1, 2, 0.05*ref + 1)"),
        ("(1 + 1) * 0.5 * ref", [80, 0, 20, 100], "(1 + 1)*0.5*ref"),
        ("max(1, min(ref, 50))", [50, 1, 20, 50], "max(1, min(ref, 50))"),
        ("((ref))", [80, 0, 20, 100], "ref"),
    ],
)
def test_meaning_and_canonical_text(text: str | float, expected: list[float], canonical: str) -> None:
    found = parse(text)
    np.testing.assert_allclose(found.at(REFERENCE), expected, rtol=1e-12)
    assert str(found) == canonical
    assert parse(str(found)) == parse(str(parse(str(found))))
    assert parse(found) is found


@pytest.mark.parametrize(
    ("text", "words", "position"),
    [
        ("", "is missing", 0),
        ("max(5, 1", "`)` is missing", 8),
        ("max(5)", "two parts", 5),
        ("max 5", "`(` is missing", 4),
        ("5 5", "`5` is not expected", 2),
        ("5 +", "is missing", 3),
        ("ref / 10", "`/` is not known", 4),
        ("-5", "never negative", 0),
        ("5 - 1", "`-` is not expected", 2),
        ("__import__('os')", "`'` is not known", 11),
        ("__import__(os)", "`__import__` is not known", 0),
        ("reference", "`reference` is not known", 0),
        ("5 bpm", "`bpm` is not expected", 2),
        ("1e999", "too large", 0),
        ("5%%", "`%` is not expected", 2),
        ("(" * 40 + "1" + ")" * 40, "Nested too deeply", 21),
        ("1" * 1_000_000, "Longer than 200", 200),
        (-1, "0 or more", 0),
        (float("nan"), "0 or more", 0),
        (True, "a number or text", 0),
        (None, "a number or text", 0),
        ([5], "a number or text", 0),
    ],
)
def test_errors_point_at_the_place(text, words: str, position: int) -> None:
    with pytest.raises(ToleranceError) as caught:
        parse(text)
    assert words in str(caught.value)
    assert caught.value.position == position
    assert f"character {position + 1}" in str(caught.value)
    assert len(str(caught.value)) < 500


LEAVES = st.one_of(
    st.floats(0, 1e6).map(lambda x: Tolerance("number", number=float(f"{x:.15g}"))), st.just(Tolerance("ref"))
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        Tolerance,
        st.sampled_from(["+", "*", "min", "max"]),
        st.lists(inner, min_size=2, max_size=3).map(tuple),
    ),
    max_leaves=6,
)


@given(TREES)
def test_canonical_text_means_the_same(tree: Tolerance) -> None:
    np.testing.assert_allclose(parse(str(tree)).at(REFERENCE), tree.at(REFERENCE), rtol=1e-12)


@given(st.text(alphabet="0123456789.e%()+*,-/ maxinref", max_size=30))
def test_any_text_parses_or_says_why(text: str) -> None:
    try:
        found = parse(text)
    except ToleranceError as problem:
        assert 0 <= problem.position <= len(text)
    else:
        assert (found.at(REFERENCE) >= 0).all()


@pytest.mark.parametrize(("reference", "test"), [(37.0, 37.2), (36.9, 36.7), (0.3, 0.1), (1000.2, 1000.4)])
def test_a_difference_equal_to_the_tolerance_is_within(reference: float, test: float) -> None:
    """None of these differences is 0.2 in binary; on paper all are."""
    assert within(np.array([reference]), np.array([test]), parse("0.2")).all()
    assert not within(np.array([reference]), np.array([test]), parse("0.19999")).any()
