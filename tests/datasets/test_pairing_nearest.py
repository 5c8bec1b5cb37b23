"""Pairing in time, against a plain rewriting of the rule over all pairs of rows.

Oracle: `brute_force` below, written from the rule's words, with exact fractions and no sorting tricks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.datasets.pairing import pair
from accordance.protocols.model import Column, Pairing, Protocol, Quantity, Table

Row = tuple[str, int, int]  # subject, time in ms, lead


def brute_force(reference: list[Row], test: list[Row], tolerance: int) -> set[tuple]:
    """(reference row, test row, reason) of every row, by looking at all pairs."""

    def order(rows: list[Row], i: int) -> tuple[int, int]:
        return rows[i][1], rows[i][2]

    def nearest(row: Row, rows: list[Row]) -> tuple[int, int] | None:
        near = [
            (abs(rows[j][1] - row[1]), order(rows, j), j) for j in range(len(rows)) if rows[j][0] == row[0]
        ]
        return None if not near else (min(near)[2], min(near)[0])

    claims: dict[int, list[tuple]] = {}
    told: set[tuple] = set()
    for i, row in enumerate(reference):
        found = nearest(row, test)
        if found is None:
            told.add((i, None, "no_test"))
        elif found[1] > tolerance:
            told.add((i, None, "outside_tolerance"))
        else:
            claims.setdefault(found[0], []).append((found[1], order(reference, i), i))
    for j, claimants in claims.items():
        _, _, winner = min(claimants)
        told.add((winner, j, None))
        told.update((i, None, "not_nearest") for _, _, i in claimants if i != winner)
    for j, row in enumerate(test):
        if j in claims:
            continue
        found = nearest(row, reference)
        if found is None:
            told.add((None, j, "no_reference"))
        else:
            told.add((None, j, "outside_tolerance" if found[1] > tolerance else "not_nearest"))
    return told


def _protocol(
    protocol_of: Callable[..., Protocol], tolerance: str, units: tuple[str, str] = ("ms", "ms")
) -> Protocol:
    value, unit = tolerance.split()
    tables = {
        name: Table(
            key=("subject", "time", "lead"),
            time="time",
            columns={
                "subject": Column(type="text"),
                "time": Column(type="number", unit=own),
                "lead": Column(type="integer"),
            },
        )
        for name, own in zip(("reference", "test"), units, strict=True)
    }
    spec = Pairing(method="nearest", on=("subject",), tolerance=Quantity(value=float(value), unit=unit))
    return protocol_of(tables=tables, pairings={"main": spec})


def _frame(rows: list[Row], scale: Fraction = Fraction(1)) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "subject": [row[0] for row in rows],
            "time": [float(row[1] * scale) for row in rows],
            "lead": [row[2] for row in rows],
        },
        schema={"subject": pl.String, "time": pl.Float64, "lead": pl.Int64},
    )


def _told(frame: pl.DataFrame) -> set[tuple]:
    return set(frame.select("reference_row", "test_row", "reason").rows())


rows = st.lists(
    st.tuples(st.sampled_from(["a", "b", "10", "9"]), st.integers(0, 25), st.integers(0, 2)),
    max_size=14,
    unique=True,
)


@settings(max_examples=300, deadline=None)
@given(reference=rows, test=rows, tolerance=st.integers(0, 12))
def test_nearest_is_the_rule(
    protocol_of_session: Callable[..., Protocol], reference: list[Row], test: list[Row], tolerance: int
) -> None:
    protocol = _protocol(protocol_of_session, f"{tolerance} ms")
    pairs = pair(protocol, "main", reference=_frame(reference), test=_frame(test), version="1")
    assert _told(pairs.frame) == brute_force(reference, test, tolerance)


@settings(max_examples=80, deadline=None)
@given(reference=rows, test=rows, tolerance=st.integers(0, 12), seed=st.integers(0, 5))
def test_the_order_of_rows_and_the_unit_do_not_matter(
    protocol_of_session: Callable[..., Protocol],
    reference: list[Row],
    test: list[Row],
    tolerance: int,
    seed: int,
) -> None:
    def content(pairs_frame: pl.DataFrame) -> list[tuple]:
        return pairs_frame.select("subject", "reference.lead", "test.lead", "status", "reason").rows()

    plain = pair(
        _protocol(protocol_of_session, f"{tolerance} ms"), "main",
        reference=_frame(reference), test=_frame(test), version="1",
    )  # fmt: skip
    shuffled = pair(
        _protocol(protocol_of_session, f"{tolerance / 1000} s", ("s", "min")), "main",
        reference=_frame(reference, Fraction(1, 1000)).sample(fraction=1, shuffle=True, seed=seed),
        test=_frame(test, Fraction(1, 60_000)).sample(fraction=1, shuffle=True, seed=seed + 1),
        version="1",
    )  # fmt: skip
    assert content(shuffled.frame) == content(plain.frame)


def test_the_rule_by_example(protocol_of: Callable[..., Protocol]) -> None:
    # Two equally near test rows: the earlier one. The loser of a claim does not take the second nearest.
    reference = [("a", 10, 0), ("a", 11, 0), ("a", 12, 0), ("a", 100, 0), ("b", 5, 0)]
    test = [("a", 8, 0), ("a", 12, 0), ("a", 90, 0), ("c", 5, 0)]
    pairs = pair(
        _protocol(protocol_of, "5 ms"), "main", reference=_frame(reference), test=_frame(test), version="1"
    )
    assert pairs.frame.select("subject", "reference.time", "test.time", "reason").rows() == [
        ("a", 10.0, 8.0, None),
        ("a", 11.0, None, "not_nearest"),
        ("a", 12.0, 12.0, None),
        ("a", None, 90.0, "outside_tolerance"),
        ("a", 100.0, None, "outside_tolerance"),
        ("b", 5.0, None, "no_test"),
        ("c", None, 5.0, "no_reference"),
    ]


def test_the_tolerance_is_inclusive_in_decimal_numbers(protocol_of: Callable[..., Protocol]) -> None:
    # As floats 0.4 - 0.1 > 0.3; the times are 300,000 microseconds apart.
    assert 0.4 - 0.1 > 0.3
    frames = [pl.DataFrame({"subject": ["a"], "time": [time], "lead": [1]}) for time in (0.1, 0.4)]
    protocol = _protocol(protocol_of, "0.3 s", ("s", "s"))
    pairs = pair(protocol, "main", reference=frames[0], test=frames[1], version="1")
    assert pairs.frame["status"].to_list() == ["paired"]


def test_dates_and_times(protocol_of: Callable[..., Protocol]) -> None:
    table = Table(
        key=("subject", "at"), time="at",
        columns={"subject": Column(type="text"), "at": Column(type="datetime"), "x": Column(type="number")},
    )  # fmt: skip
    spec = Pairing(method="nearest", tolerance=Quantity(value=1, unit="min"))
    protocol = protocol_of(tables={"reference": table, "test": table}, pairings={"main": spec})
    start = datetime(2026, 3, 29, 1, 59, 30)
    reference = pl.DataFrame({"subject": ["a"], "at": [start], "x": [1.0]})
    test = pl.DataFrame(
        {"subject": ["a", "a"], "at": [start + timedelta(seconds=s) for s in (-61, 60)], "x": [2.0, 3.0]}
    )
    frame = pair(protocol, "main", reference=reference, test=test, version="1").frame
    assert frame.filter(pl.col("status") == "paired")["test.x"].to_list() == [3.0]
    assert frame.filter(pl.col("status") == "test_only")["reason"].to_list() == ["outside_tolerance"]


def test_rows_without_a_time_stay_alone(protocol_of: Callable[..., Protocol]) -> None:
    reference = pl.DataFrame({"subject": ["a", "a"], "time": [1.0, None], "lead": [1, 2]})
    test = pl.DataFrame({"subject": ["a", "b"], "time": [1.0, None], "lead": [1, 2]})
    protocol = _protocol(protocol_of, "5 ms")
    frame = pair(protocol, "main", reference=reference, test=test, version="1").frame
    assert frame.select("reference_row", "test_row", "reason").rows() == [
        (0, 0, None),
        (1, None, "no_test"),
        (None, 1, "no_reference"),
    ]


def test_any_scale_pairs_with_itself_alone(protocol_of: Callable[..., Protocol], refused: Callable) -> None:
    frame = pl.DataFrame({"subject": ["a"], "time": [3.0], "lead": [1]})
    protocol = _protocol(protocol_of, "2 sample", ("sample", "sample"))
    assert pair(protocol, "main", reference=frame, test=frame, version="1").frame["status"][0] == "paired"
    protocol = _protocol(protocol_of, "2 s", ("sample", "s"))
    (violation,) = refused(pair, protocol, "main", reference=frame, test=frame, version="1")
    assert "times in `sample` (`reference`) and `s` (`test`)" in violation.message


def test_what_nearest_needs(protocol_of: Callable[..., Protocol], refused: Callable) -> None:
    table = Table(key=("subject",), columns={"subject": Column(type="text"), "x": Column(type="number")})
    protocol = protocol_of(
        tables={"reference": table, "test": table}, pairings={"main": Pairing(method="nearest")}
    )
    frame = pl.DataFrame({"subject": ["a"], "x": [1.0]})
    violations = refused(pair, protocol, "main", reference=frame, test=frame, version="1")
    assert [violation.message.split(" table")[0] for violation in violations] == [
        "`method: nearest` needs a `time` column in",
        "`method: nearest` needs a `time` column in",
        "`method: nearest` needs a `tolerance`, such as `5 s`.",
    ]


def test_times_with_and_without_offset_are_not_compared(
    protocol_of: Callable[..., Protocol], refused: Callable
) -> None:
    table = Table(
        key=("subject", "at"),
        time="at",
        columns={"subject": Column(type="text"), "at": Column(type="datetime")},
    )
    spec = Pairing(method="nearest", tolerance=Quantity(value=1, unit="s"))
    protocol = protocol_of(tables={"reference": table, "test": table}, pairings={"main": spec})
    naive = pl.DataFrame({"subject": ["a"], "at": [datetime(2026, 1, 1)]})
    aware = naive.with_columns(pl.col("at").dt.replace_time_zone("UTC"))
    (violation,) = refused(pair, protocol, "main", reference=naive, test=aware, version="1")
    assert "give both or neither" in violation.message
