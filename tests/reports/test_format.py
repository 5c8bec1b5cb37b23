"""Rounding by the stated rule."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accordance.reports import format as fmt

MINUS = "\u2212"


@pytest.mark.parametrize(
    ("value", "lower", "upper", "se", "decimals"),
    [
        (2.1176, -17.8135, 22.0488, 9.4, 1),  # half-width 19.9: two digits need none, one is the least
        (-0.43, -0.61, -0.25, None, 2),  # 0.18
        (0.012345, 0.01, 0.0147, None, 4),  # 0.00235
        (5.0, None, None, 0.031, 3),  # no interval: the standard error
        (5.0, 4.5, math.inf, None, 2),  # one-sided: distance to the bound, 0.5
        (28.123456, None, None, None, 2),  # neither: four significant digits
        (0.0, None, None, None, 1),
        (1234567.0, None, None, None, 1),
        (3.0, 3.0, 3.0, None, 3),  # an interval without width says nothing
    ],
)
def test_decimals_follow_the_half_width(
    value: float, lower: float | None, upper: float | None, se: float | None, decimals: int
) -> None:
    assert fmt.decimals_for(value, lower, upper, se) == decimals


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (-1.25, 1, MINUS + "1.2"),  # half to even
        (1.35, 1, "1.4"),  # stored just above the half
        (0.5, 0, "0"),
        (1.5, 0, "2"),
        (-0.0004, 2, "0.00"),  # no negative zero
        (1234567.891, 1, "1,234,567.9"),
        (math.nan, 1, "\u2013"),
        (-math.inf, 1, MINUS + "\u221e"),
    ],
)
def test_fixed(value: float, decimals: int, text: str) -> None:
    assert fmt.fixed(value, decimals) == text


@pytest.mark.parametrize(
    ("value", "limits", "text"),
    [
        (0.9, (0.9,), "90.0%"),  # equal is equal
        (0.89996, (0.9,), "89.996%"),
        (0.90004, (0.9,), "90.004%"),
        (0.8996, (0.9,), "89.96%"),
        (0.9996, (), "99.96%"),
        (0.00001, (), "0.001%"),
        (1.0, (), "100.0%"),
        (0.0, (), "0.0%"),
        (None, (), "\u2013"),
    ],
)
def test_percentages_never_hide_the_side_of_a_limit(
    value: float | None, limits: tuple[float, ...], text: str
) -> None:
    assert fmt.percent(value, limits) == text


@given(
    value=st.floats(-1e4, 1e4).map(lambda number: round(number, 7)),
    limit=st.integers(-100, 100).map(lambda number: number / 10),
    decimals=st.integers(0, 3),
)
def test_printed_number_stands_to_its_limit_as_the_number_does(
    value: float, limit: float, decimals: int
) -> None:
    shown = float(fmt.measurement(value, decimals, (limit,)).replace(MINUS, "-").replace(",", ""))
    assert (shown > limit) == (value > limit)
    assert (shown < limit) == (value < limit)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0005, "< 0.001"), (0.001, "0.001"), (0.0416, "0.042"), (0.99951, "> 0.999"), (None, "\u2013")],
)
def test_p_values(value: float | None, text: str) -> None:
    assert fmt.p_value(value) == text


def test_counts_and_sizes() -> None:
    assert fmt.fraction(182, 1185) == "182/1,185"
    assert fmt.fraction(None, 4000) == "4,000"
    assert fmt.size(999) == "999 bytes"
    assert fmt.level(0.975) == "97.5%"
    assert fmt.plain(-0.1) == MINUS + "0.1"
