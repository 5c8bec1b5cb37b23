"""Times that cannot be are refused, with what they seem to be; times that can be are not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accordance.datasets import epochs
from accordance.datasets.read import from_frame, read_table
from accordance.datasets.sources import Source
from accordance.protocols.base import Quantity
from accordance.protocols.model import Column, Conversion, Table

DATED = Table(
    key=("subject", "time"),
    time="time",
    columns={"subject": Column(type="text"), "time": Column(type="datetime")},
)


def numbered(unit: str | None, interval: str | None = None, **more: Any) -> Table:
    """A table whose time is a number."""
    value = None if interval is None else Quantity.from_text(interval)
    return Table(
        key=("subject", "t"), time="t", interval=value,
        columns={"subject": Column(type="text"), "t": Column(type="number", unit=unit)}, **more,
    )  # fmt: skip


def steps(step: float, count: int = 20, subject: str = "a", start: float = 0.0) -> dict[str, list]:
    return {"subject": [subject] * count, "t": [start + step * number for number in range(count)]}


@pytest.mark.parametrize(
    ("when", "unit"),
    [
        (1772352000000 * 10**6, "milliseconds"),  # in the year 58133
        (-(10**17), None),  # 1200 BC
    ],
)
def test_dates_of_no_study(refused: Callable, when: int, unit: str | None) -> None:
    frame = pl.DataFrame({"subject": ["a"], "time": pl.Series([when]).cast(pl.Datetime("us"))})
    (violation,) = refused(from_frame, "r", DATED, frame)
    assert "accepted are 1900 to 2199" in violation.message
    assert (f"They were {unit}, taken for seconds" in violation.message) == (unit is not None)
    assert violation.key == "time"


@pytest.mark.parametrize("year", [1900, 1970, 2199])
def test_dates_at_the_edges(year: int) -> None:
    frame = {"subject": ["a"], "time": [datetime(year, 1, 1)]}
    assert from_frame("r", DATED, frame).n_rows == 1


def test_missing_dates_say_nothing() -> None:
    table = Table(
        key=("subject",),
        columns={"subject": Column(type="text"), "time": Column(type="datetime", missing="allowed")},
    )
    frame = pl.DataFrame({"subject": ["a"], "time": [None]}, schema_overrides={"time": pl.Datetime("us")})
    assert from_frame("r", table, frame).n_rows == 1


@pytest.mark.parametrize(
    ("step", "words"),
    [(1e3, "1,000 times as much"), (1e6, "1,000,000 times as much"), (1e-3, "1,000 times as little")],
)
def test_steps_in_another_unit_than_the_interval(refused: Callable, step: float, words: str) -> None:
    (violation,) = refused(from_frame, "r", numbered("s", "1 s"), steps(step))
    assert words in violation.message
    assert violation.key == "t"
    assert ("`units: {t: ms}`" in violation.message) == (step == 1e3)


def test_the_suggestion_works() -> None:
    rule = Conversion.model_validate({"from": "ms", "to": "s", "factor": 0.001})
    data = from_frame(
        "r", numbered("s", "1 s"), steps(1000), source=Source(units={"t": "ms"}), conversions=[rule]
    )
    assert data.frame["t"].to_list() == pytest.approx(list(range(20)))


def test_steps_of_dates(refused: Callable) -> None:
    table = DATED.model_copy(update={"interval": Quantity(value=1, unit="s")})
    start = datetime(2026, 1, 1)
    for step, wrong in ((timedelta(seconds=1), False), (timedelta(seconds=1000), True)):
        frame = {"subject": ["a"] * 20, "time": [start + number * step for number in range(20)]}
        if wrong:
            (violation,) = refused(from_frame, "r", table, frame)
            assert "1,000 times as much" in violation.message
            assert "units" not in violation.message
        else:
            assert from_frame("r", table, frame).n_rows == 20


@pytest.mark.parametrize("step", [0.9, 1.0, 1.1, 60.0, 30.0, 900.0, 3600.0, 24 * 3600.0])
def test_steps_that_can_be(step: float) -> None:
    """A device may write rarely, or irregularly; only thousandfolds are units mistaken."""
    assert from_frame("r", numbered("s", "1 s"), steps(step)).n_rows == 20


def test_gaps_repeats_and_few_rows_say_nothing() -> None:
    times = [*range(10), *range(5000, 5012)]
    frame = {"subject": ["a"] * len(times), "t": times}
    assert from_frame("r", numbered("s", "1 s"), frame).n_rows == 22
    assert from_frame("r", numbered("s", "1 s"), steps(1000, count=5)).n_rows == 5


def test_rows_in_no_order_and_subjects_between_each_other(refused: Callable) -> None:
    both = pl.concat([pl.DataFrame(steps(1.0)), pl.DataFrame(steps(1.0, subject="b", start=0.25))])
    for seed in range(5):
        shuffled = both.sample(fraction=1, shuffle=True, seed=seed)
        assert from_frame("r", numbered("s", "1 s"), shuffled).n_rows == 40
        wrong = shuffled.with_columns(pl.col("t") * 1000)
        assert len(refused(from_frame, "r", numbered("s", "1 s"), wrong)) == 1


@pytest.mark.parametrize("csv", [True, False])
def test_the_file_in_another_unit_is_named(study: Path, refused: Callable, csv: bool) -> None:
    for name, step in (("a", 1.0), ("b", 1000.0), ("c", 1.0)):
        path = study / "data" / f"{name}.{'csv' if csv else 'parquet'}"
        frame = pl.DataFrame(steps(step, subject=name))
        if csv:
            frame.write_csv(path)
        else:
            frame.write_parquet(path)
    source = Source(folder="data")
    (violation,) = refused(read_table, "r", numbered("s", "1 s"), source, base=study, roots={"data": "data"})
    assert str(violation.file).startswith("data/b.")


@pytest.mark.parametrize(("unit", "span"), [("s", 3.2e9), ("ms", 3.2e12), ("d", 36600)])
def test_a_session_of_more_than_a_hundred_years(refused: Callable, unit: str, span: float) -> None:
    frame = {"subject": ["a", "b", "b"], "t": [5.0, 0.0, span]}
    (violation,) = refused(from_frame, "r", numbered(unit), frame)
    assert "longer than a hundred years" in violation.message
    assert "row 2: 'b'" in violation.examples[0]


def test_sessions_far_apart_are_not_one_long_session() -> None:
    frame = {"subject": ["a", "a", "b", "b"], "t": [0.0, 9.0, 4e9, 4e9 + 9]}
    assert from_frame("r", numbered("s"), frame).n_rows == 4


@pytest.mark.parametrize("unit", [None, "samples"])
def test_times_in_no_unit_of_time(unit: str | None) -> None:
    assert from_frame("r", numbered(unit), {"subject": ["a", "a"], "t": [0.0, 1e15]}).n_rows == 2


@given(st.datetimes(datetime(2000, 1, 2), datetime(2099, 1, 1)), st.sampled_from(["s", "ms", "us", "ns"]))
def test_the_unit_of_recent_dates_is_told(at: datetime, unit: str) -> None:
    size = {"s": 1e-6, "ms": 1e-3, "us": 1.0, "ns": 1e3}[unit]
    micro = (at - datetime(1970, 1, 1)) / timedelta(microseconds=1)
    assert epochs.likely(pl.Series([micro * size])) == unit


@given(st.floats(allow_nan=False))
def test_any_number_is_a_date_or_is_reported(number: float) -> None:
    found = epochs.instants(pl.Series([number]), "s")
    assert (found.series[0] is None) == (found.bad is not None)


@pytest.mark.parametrize("shuffled", [False, True])
def test_of_long_sessions_in_order_some_steps_are_enough(refused: Callable, shuffled: bool) -> None:
    frame = pl.DataFrame(steps(1e3, 20_000))
    frame = frame.sample(fraction=1, shuffle=True, seed=1) if shuffled else frame
    (violation,) = refused(from_frame, "r", numbered("s", "1 s"), frame)
    assert "1,000 times as much" in violation.message
