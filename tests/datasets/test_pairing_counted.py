"""Test rows without a partner, counted and not told: the same pairs and accounting as when listed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accordance.datasets import matching
from accordance.datasets.accounting import accounting
from accordance.datasets.matching import Timed
from accordance.datasets.pairing import pair
from accordance.datasets.pairs import Pairs
from accordance.protocols.model import Column, Pairing, Protocol, Quantity, Table

Row = tuple[str, int | None]


def protocol(protocol_of_session: Callable[..., Protocol], lone: str) -> Protocol:
    table = Table(
        key=("subject", "n"),
        time="t",
        columns={
            "subject": Column(type="text"),
            "n": Column(type="integer"),
            "t": Column(type="integer", unit="s", missing="allowed"),
        },
    )
    people = Table(key=("subject",), columns={"subject": Column(type="text")})
    spec = Pairing(
        method="nearest",
        on=("subject",),
        tolerance=Quantity(value=2, unit="s"),
        lone_test=lone,  # type: ignore[arg-type]
    )
    tables = {"reference": table, "test": table, "subjects": people}
    return protocol_of_session(tables=tables, pairings={"main": spec})


def frame(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(
        {"subject": [s for s, _ in rows], "n": range(len(rows)), "t": [t for _, t in rows]},
        schema={"subject": pl.String, "n": pl.Int64, "t": pl.Int64},
    )


def both(
    protocol_of_session: Callable[..., Protocol], reference: list[Row], test: list[Row]
) -> list[tuple[Protocol, Pairs]]:
    found = []
    for lone in ("listed", "counted"):
        own = protocol(protocol_of_session, lone)
        people = pl.DataFrame({"subject": ["A", "B", "D"]})
        pairs = pair(own, "main", reference=frame(reference), test=frame(test), subjects=people, version="1")
        found.append((own, pairs))
    return found


ROWS = st.lists(st.tuples(st.sampled_from("ABC"), st.one_of(st.none(), st.integers(0, 25))), max_size=14)


@settings(max_examples=150, deadline=None)
@given(reference=ROWS, test=ROWS)
@example(reference=[], test=[("A", 1), ("C", 2)])
@example(reference=[("A", 1)], test=[("B", 1), ("B", None), ("C", 1)])
@example(reference=[("A", 3), ("A", 4)], test=[("A", 3), ("A", 5), ("A", 9)])
def test_counting_changes_neither_pairs_nor_sums(
    protocol_of_session: Callable[..., Protocol], reference: list[Row], test: list[Row]
) -> None:
    (own, listed), (_, counted) = both(protocol_of_session, reference, test)
    with_reference = listed.frame.filter(pl.col("reference_row").is_not_null())
    assert counted.frame.select(pl.exclude("reasons")).equals(with_reference.select(pl.exclude("reasons")))
    lone = listed.frame.filter(pl.col("reference_row").is_null())
    expected = lone.group_by("subject", "reason").len().sort("subject", "reason")
    assert counted.lone_test is not None
    assert counted.lone_test.rows() == expected.rows()
    assert counted.without_rows == listed.without_rows
    assert accounting(counted, own, "all").rows() == accounting(listed, own, "all").rows()


def timed(rows: list[tuple[int, int]]) -> Timed:
    ordered = sorted(rows)
    group, time = (np.array([row[i] for row in ordered], dtype=np.int64) for i in (0, 1))
    return Timed.of(group, time)


PLACES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=25)


@settings(max_examples=300, deadline=None)
@given(reference=PLACES, test=PLACES, tolerance=st.integers(0, 9), unique=st.booleans())
def test_places_that_are_searched_for_are_those_found_row_by_row(
    reference: list[tuple[int, int]], test: list[tuple[int, int]], tolerance: int, unique: bool
) -> None:
    if unique:
        reference, test = list(set(reference)), list(set(test))
    left, right = timed(reference), timed(test)
    partner, why, why_test = matching.by_time(left, right, tolerance)
    found, reasons, groups, counts = matching.counted(left, right, tolerance)
    assert found.tolist() == partner.tolist()
    assert reasons.tolist() == why.tolist()
    for group, tally in zip(groups, counts, strict=True):
        assert np.bincount(why_test[right.group == group], minlength=4).tolist() == tally.tolist()
    assert counts.sum() == len(test)
