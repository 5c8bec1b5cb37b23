"""Times as recorded become times that can be compared, by declared rules only.

Oracle for zones: Python's zoneinfo, whose rules come from another copy of the time zone database.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.datasets import order, zones
from accordance.datasets.handled import Handled, together
from accordance.datasets.places import Part, Places
from accordance.datasets.read import TableData, from_frame, read_table
from accordance.datasets.sources import Source
from accordance.datasets.store import Store
from accordance.datasets.stream import open_stream
from accordance.protocols.model import Column, Table

TABLE = Table(
    key=("subject", "time"),
    time="time",
    columns={"subject": Column(type="text"), "time": Column(type="datetime")},
)
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def minutes(start: str, count: int, step: int = 1) -> list[datetime]:
    first = datetime.fromisoformat(start)
    return [first + timedelta(minutes=step * number) for number in range(count)]


def wall(zone: str, start: datetime, count: int, step: timedelta) -> tuple[list[datetime], list[datetime]]:
    """What a clock on the wall shows while time goes on, and the instants."""
    instants = [start + number * step for number in range(count)]
    return [at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for at in instants], instants


@pytest.fixture(params=["csv", "parquet", "frame"])
def go(request: pytest.FixtureRequest, study: Path) -> Callable[..., TableData]:
    """Read a column of times, as text or typed."""

    def read(
        times: list[Any],
        subjects: list[str] | None = None,
        table: Table = TABLE,
        more: dict | None = None,
        **rules: Any,
    ) -> TableData:
        frame = pl.DataFrame({"subject": subjects or ["a"] * len(times), "time": times} | (more or {}))
        if request.param == "frame":
            return from_frame("r", table, frame, source=Source(**rules))
        path = study / "data" / f"x.{request.param}"
        if request.param == "csv":
            frame.write_csv(path)
        else:
            frame.write_parquet(path)
        return read_table(
            "r", table, Source(file=f"data/{path.name}", **rules), base=study, roots={"data": "data"}
        )

    return read


# Zones


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, "Asia/Kolkata", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("day", ["2024-02-29", "2026-07-01", "2026-12-31"])
def test_naive_times_of_a_zone_are_instants(go: Callable, zone: str, day: str) -> None:
    local = minutes(f"{day}T20:00:00", 10)
    data = go(local, zone=zone)
    assert data.frame.schema["time"] == pl.Datetime("us", "UTC")
    expected = [at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for at in local]
    assert data.frame["time"].to_list() == expected
    assert data.handled == ()


def test_without_a_zone_times_stay_naive(go: Callable) -> None:
    assert go(minutes("2026-10-25T01:00:00", 200)).frame.schema["time"] == pl.Datetime("us")


BACK = {BERLIN: "2026-10-25T02:30:00", NEW_YORK: "2026-11-01T01:30:00"}
FORWARD = {BERLIN: "2026-03-29T02:30:00", NEW_YORK: "2026-03-08T02:30:00"}


@pytest.mark.parametrize("zone", BACK)
def test_times_that_occur_twice_are_refused_and_shown(go: Callable, refused: Callable, zone: str) -> None:
    local = [*minutes("2026-06-01T00:00:00", 3), datetime.fromisoformat(BACK[zone])]
    (violation,) = refused(go, local, zone=zone)
    assert "occurs twice" in violation.message
    assert zone in violation.message
    assert violation.found == BACK[zone].replace("T", " ")
    assert violation.key == "time"
    assert violation.line in (5, None)
    assert len(violation.examples) == 1


@pytest.mark.parametrize("zone", BACK)
@pytest.mark.parametrize(("rule", "fold"), [("earliest", 0), ("latest", 1)])
def test_times_that_occur_twice_by_rule(go: Callable, zone: str, rule: str, fold: int) -> None:
    local = datetime.fromisoformat(BACK[zone])
    data = go([local], zone=zone, ambiguous=rule)
    assert data.frame["time"].to_list() == [local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)]
    assert data.handled == (Handled("ambiguous", rule, "time", 1),)


@pytest.mark.parametrize("zone", FORWARD)
def test_times_that_do_not_exist(go: Callable, refused: Callable, zone: str) -> None:
    local = datetime.fromisoformat(FORWARD[zone])
    (violation,) = refused(go, [local], zone=zone)
    assert "does not exist" in violation.message
    data = go([local], zone=zone, nonexistent="shift")
    # PEP 495: fold=0 in a gap reads the time by the rule before it, which is what a clock not yet set shows.
    assert data.frame["time"].to_list() == [local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)]
    assert data.handled == (Handled("nonexistent", "shift", "time", 1),)


def test_a_day_that_was_skipped(go: Callable) -> None:
    """Samoa left out 30 December 2011."""
    data = go([datetime(2011, 12, 30, 12)], zone="Pacific/Apia", nonexistent="shift")
    expected = datetime(2011, 12, 30, 12, tzinfo=ZoneInfo("Pacific/Apia")).astimezone(UTC)
    assert data.frame["time"].to_list() == [expected]


@pytest.mark.parametrize(
    ("zone", "start", "step"),
    [
        (BERLIN, datetime(2026, 10, 24, 23, tzinfo=UTC), timedelta(seconds=30)),
        (NEW_YORK, datetime(2026, 11, 1, 4, tzinfo=UTC), timedelta(seconds=30)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 14, tzinfo=UTC), timedelta(seconds=10)),
        (BERLIN, datetime(2026, 3, 28, 23, tzinfo=UTC), timedelta(minutes=1)),
    ],
)
def test_in_file_order_both_hours_are_told_apart(
    go: Callable, zone: str, start: datetime, step: timedelta
) -> None:
    """Two subjects whose rows are interleaved; each clock is read by itself."""
    local, instants = wall(zone, start, 900, step)
    times = [at for at in local for _ in "ab"]
    data = go(times, subjects=["a", "b"] * len(local), zone=zone, ambiguous="in_order")
    assert data.frame["time"].to_list() == [at for at in instants for _ in "ab"]


def test_two_years_of_changes_in_one_session(go: Callable) -> None:
    local, instants = wall(BERLIN, datetime(2025, 1, 1, tzinfo=UTC), 24 * 2 * 730, timedelta(minutes=30))
    data = go(local, zone=BERLIN, ambiguous="in_order")
    assert data.frame["time"].to_list() == instants
    assert data.handled == (Handled("ambiguous", "in_order", "time", 8),)


def test_order_is_mute_where_one_of_the_hours_is_not_shown(go: Callable, refused: Callable) -> None:
    (violation,) = refused(go, minutes("2026-10-25T02:10:00", 20), zone=BERLIN, ambiguous="in_order")
    assert "has to show both hours" in violation.message
    assert violation.count == 20


def test_a_session_that_falls_back_twice_is_not_in_order(go: Callable, refused: Callable) -> None:
    times = minutes("2026-10-25T02:00:00", 20) + minutes("2026-10-25T02:05:00", 20, 2)
    times += [datetime(2026, 10, 25, 2, 1, 30)]
    (violation,) = refused(go, times, zone=BERLIN, ambiguous="in_order", nonexistent="shift")
    assert "order of the rows does not tell" in violation.message


def test_seconds_written_twice_by_the_change_are_no_duplicates(go: Callable) -> None:
    """In local time each second of the hour has its key twice; as instants, none does."""
    local, _ = wall(BERLIN, datetime(2026, 10, 24, 23, 30, tzinfo=UTC), 240, timedelta(minutes=1))
    assert len(set(local)) < len(local)
    data = go(local, zone=BERLIN, ambiguous="in_order")
    assert data.frame["time"].n_unique() == data.n_rows == 240


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from([BERLIN, NEW_YORK, "Australia/Sydney", "America/Sao_Paulo", "Europe/London"]),
    start=st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1)),
    step=st.integers(1, 3600),
    count=st.integers(1, 400),
)
def test_any_wall_clock_is_read_back(zone: str, start: datetime, step: int, count: int) -> None:
    """Whatever the order leaves open is refused, and whatever is told is right."""
    local, instants = wall(zone, start.replace(tzinfo=UTC), count, timedelta(seconds=step))
    series = pl.Series("time", local, dtype=pl.Datetime("us"))
    source = Source(zone=zone, ambiguous="in_order")
    found = zones.localize(series, source, np.zeros(count, dtype=np.int64), Places((Part("x", count),)))
    told = found.series.to_list()
    assert all(one is None or one == expected for one, expected in zip(told, instants, strict=True))
    for violation in found.violations:
        assert "occurs twice" in violation.message, "a clock on the wall shows no time that does not exist"
    assert sum(one is None for one in told) == sum(violation.count or 0 for violation in found.violations)


@pytest.mark.parametrize("name", ["Berlin", "europe/berlin ", "Mars/Olympus"])
def test_a_zone_that_is_none(go: Callable, refused: Callable, name: str) -> None:
    (violation,) = refused(go, [datetime(2026, 1, 1)], zone=name)
    assert violation.key == "source.zone"
    assert violation.suggestion == {"Berlin": BERLIN, "europe/berlin ": BERLIN}.get(name)


@pytest.mark.parametrize("rule", [{"ambiguous": "latest"}, {"nonexistent": "shift", "ambiguous": "latest"}])
def test_rules_of_a_zone_without_a_zone(go: Callable, refused: Callable, rule: dict) -> None:
    found = refused(go, [datetime(2026, 1, 1)], **rule)
    assert {one.key for one in found} == {f"source.{name}" for name in rule}


def test_instants_stay_what_they_are(go: Callable) -> None:
    at = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert go([at], zone=NEW_YORK).frame["time"].to_list() == [at]


def test_naive_and_zoned_in_one_column(read: Callable, refused: Callable) -> None:
    text = "subject,time\na,2026-01-01T08:00:00\na,2026-01-01T08:01:00+01:00\na,2026-01-01T08:02:00\n"
    for rules in ({}, {"zone": BERLIN}):
        (violation,) = refused(read, text, contract=TABLE, **rules)
        assert "has an offset from UTC, and 2 other rows have none" in violation.message
        assert (violation.line, violation.count) == (3, 1)
    turned = text.replace("08:00:00", "08:00:00Z")
    (violation,) = refused(read, turned, contract=TABLE)
    assert "has no offset from UTC, and 2 other rows have one" in violation.message
    assert violation.line == 4


def test_naive_and_zoned_in_files_of_one_source(study: Path, refused: Callable) -> None:
    for name, zone in (("a", None), ("b", None), ("c", "UTC")):
        series = pl.Series([datetime(2026, 1, 1, 8)]).dt.replace_time_zone(zone)
        pl.DataFrame({"subject": [name], "time": series}).write_parquet(study / "data" / f"{name}.parquet")
    (violation,) = refused(read_table, "r", TABLE, Source(folder="data"), base=study, roots={"data": "data"})
    assert violation.file == "data/c.parquet"
    assert "date-times with a zone here, date-times without a zone in data/a.parquet" in violation.message


# Numbers that are dates


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "min", "h", "d"])
def test_epoch_numbers(go: Callable, unit: str) -> None:
    at = datetime(2024, 2, 29, tzinfo=UTC)
    size = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400}[unit]
    data = go([round(at.timestamp() / size)], units={"time": unit})
    assert data.frame["time"].to_list() == [at]


def test_epoch_numbers_with_fractions(go: Callable) -> None:
    data = go([1772352000.25, 1772352000.000001], units={"time": "s"})
    start = datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert data.frame["time"].to_list() == [
        start + timedelta(milliseconds=250), start + timedelta(microseconds=1),
    ]  # fmt: skip


def test_nanoseconds_are_exact(go: Callable) -> None:
    data = go([1772352000123456789], units={"time": "ns"})
    assert data.frame["time"].to_list() == [datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("numbers", "unit"),
    [([1772352000000], "ms"), ([1772352000], "s"), ([1772352000.5], "s"), ([1772352000123456789], "ns")],
)
def test_numbers_are_not_taken_for_dates(go: Callable, refused: Callable, numbers: list, unit: str) -> None:
    """They are refused, with what they look like."""
    (violation,) = refused(go, numbers)
    assert f"`units: {{time: {unit}}}`" in violation.message


@pytest.mark.parametrize(
    ("number", "said", "meant"),
    [(1772352000000, "s", "ms"), (1772352000000000000, "ms", "ns"), (1772352000000000000, "s", "ns")],
)
def test_a_unit_taken_for_another(
    go: Callable, refused: Callable, number: int, said: str, meant: str
) -> None:
    (violation,) = refused(go, [number], units={"time": said})
    assert f"`units: {{time: {meant}}}`" in violation.message
    assert "between 1900 and 2199" in violation.message


@pytest.mark.parametrize("unit", ["sec", "weeks"])
def test_a_unit_that_is_none(go: Callable, refused: Callable, unit: str) -> None:
    found = refused(go, [1772352000], units={"time": unit})
    assert any("date-times as numbers are counted in one of" in one.message for one in found)


def test_dates_that_are_said_to_be_numbers(go: Callable, refused: Callable) -> None:
    (violation,) = refused(go, [datetime(2026, 1, 1)], units={"time": "ms"})
    assert "number" in violation.message


def test_infinite_and_missing_numbers(study: Path, refused: Callable) -> None:
    table = TABLE.model_copy(
        update={
            "columns": TABLE.columns | {"time": Column(type="datetime", missing="allowed")},
            "key": ("subject",),
        }
    )
    frame = pl.DataFrame({"subject": ["a", "b", "c"], "time": [1772352000.0, None, float("inf")]})
    (violation,) = refused(from_frame, "r", table, frame, source=Source(units={"time": "s"}))
    assert (violation.count, violation.found) == (1, "inf")


# Counters

COUNTER = Table(
    key=("subject", "tick"),
    time="tick",
    columns={"subject": Column(type="text"), "tick": Column(type="integer", unit="ms")},
)


@pytest.mark.parametrize("modulus", [2**16, 2**32, 1000])
def test_counters_that_begin_again(modulus: int) -> None:
    true = np.arange(0, 5 * modulus, modulus // 7, dtype=np.int64)
    frame = pl.DataFrame(
        {"subject": ["a", "b"] * len(true), "tick": np.repeat((true + modulus // 2) % modulus, 2)}
    )
    data = from_frame("r", COUNTER, frame, source=Source(wraps={"tick": modulus}))
    assert data.frame["tick"].to_list() == np.repeat(true + modulus // 2, 2).tolist()
    (handled,) = data.handled
    assert (handled.rule, handled.rows) == ("wraps", 2 * ((int(true[-1]) + modulus // 2) // modulus))


def test_a_counter_from_a_small_integer_type(study: Path) -> None:
    ticks = pl.Series([65534, 65535, 0, 1], dtype=pl.UInt16)
    pl.DataFrame({"subject": ["a"] * 4, "tick": ticks}).write_parquet(study / "data" / "x.parquet")
    source = Source(file="data/x.parquet", wraps={"tick": 65536})
    data = read_table("r", COUNTER, source, base=study, roots={"data": "data"})
    assert data.frame["tick"].to_list() == [65534, 65535, 65536, 65537]


def test_each_session_has_its_own_counter() -> None:
    table = Table(
        key=("subject", "session", "tick"), time="tick",
        columns={**COUNTER.columns, "session": Column(type="integer")},
    )  # fmt: skip
    frame = pl.DataFrame({"subject": ["a"] * 5, "session": [1, 1, 1, 2, 2], "tick": [900, 999, 5, 3, 950]})
    data = from_frame("r", table, frame, source=Source(wraps={"tick": 1000}))
    assert data.frame["tick"].to_list() == [900, 999, 1005, 3, 950]


def test_a_fall_that_is_no_wrap_is_refused(read: Callable, refused: Callable) -> None:
    text = "subject,tick\na,65000\na,64000\na,10\n"
    (violation,) = refused(read, text, contract=COUNTER, wraps={"tick": 65536})
    assert "falls by less than half of 65,536" in violation.message
    assert (violation.line, violation.found) == (3, "64000")


@pytest.mark.parametrize("value", [-1, 65536, 70000])
def test_a_value_that_the_counter_does_not_have(read: Callable, refused: Callable, value: int) -> None:
    (violation,) = refused(read, f"subject,tick\na,1\na,{value}\n", contract=COUNTER, wraps={"tick": 65536})
    assert "outside of a counter" in violation.message


@pytest.mark.parametrize("column", ["tock", "subject"])
def test_a_counter_that_is_none(read: Callable, refused: Callable, column: str) -> None:
    (violation,) = refused(read, "subject,tick\na,1\n", contract=COUNTER, wraps={column: 65536})
    assert violation.key == f"source.wraps.{column}"


def test_a_counter_that_is_not_in_the_key_and_has_gaps() -> None:
    table = Table(
        key=("subject", "epoch"),
        columns={
            "subject": Column(type="text"),
            "epoch": Column(type="integer"),
            "steps": Column(type="number", missing="allowed"),
        },
    )
    frame = pl.DataFrame(
        {"subject": ["a"] * 5, "epoch": [1, 2, 3, 4, 5], "steps": [250.5, None, 255.0, 3.5, None]}
    )
    data = from_frame("r", table, frame, source=Source(wraps={"steps": 256}))
    assert data.frame["steps"].to_list() == [250.5, None, 255.0, 259.5, None]


@settings(max_examples=80, deadline=None)
@given(
    modulus=st.integers(4, 2**33),
    steps=st.lists(st.floats(0, 0.49), min_size=1, max_size=60),
    start=st.floats(0, 1, exclude_max=True),
    sessions=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_any_counter_is_counted_on(
    modulus: int, steps: list[float], start: float, sessions: int, seed: int
) -> None:
    """Steps of less than half a round, whatever the interleaving of sessions."""
    true = int(start * modulus) + np.cumsum([0] + [int(step * modulus) for step in steps])
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(sessions), len(true)))
    position = np.array([int((groups[:row] == group).sum()) for row, group in enumerate(groups)])
    found = order.unwrap(
        pl.Series("t", true[position] % modulus),
        modulus,
        groups.astype(np.int64),
        Places((Part("x", len(groups)),)),
    )
    assert found.violations == ()
    assert found.series.to_list() == true[position].tolist()


# Sorted rows


SORTED = TABLE.model_copy(update={"order": "sorted"})


def test_sorted_rows_are_accepted(go: Callable) -> None:
    times = minutes("2026-01-01T00:00:00", 5)
    assert go([*times, *times], subjects=["b"] * 5 + ["a"] * 5, table=SORTED).n_rows == 10
    mixed = [at for at in times for _ in "ab"]
    assert go(mixed, subjects=["b", "a"] * 5, table=SORTED).n_rows == 10


def test_unsorted_rows_are_refused_and_shown(go: Callable, refused: Callable) -> None:
    times = minutes("2026-01-01T00:00:00", 6)
    times[2], times[3] = times[3], times[2]
    (violation,) = refused(go, times, table=SORTED)
    assert "earlier than the row before it" in violation.message
    assert violation.count == 1
    assert "time '2026-01-01 00:02:00', after '2026-01-01 00:03:00'" in violation.examples[0]
    assert violation.line in (5, None)
    assert go(times, table=TABLE).n_rows == 6


def test_sorted_in_local_time_is_not_sorted_in_time(go: Callable, refused: Callable) -> None:
    """A file sorted by what the clock on the wall showed."""
    local, _ = wall(BERLIN, datetime(2026, 10, 24, 23, 30, tzinfo=UTC), 120, timedelta(minutes=1))
    data = go(local, table=SORTED, zone=BERLIN, ambiguous="in_order")
    assert data.n_rows == 120


# Repeated rows


def test_repeated_rows_are_refused_unless_said_otherwise(go: Callable, refused: Callable) -> None:
    times = [at for at in minutes("2026-01-01T00:00:00", 3) for _ in range(2)]
    (violation,) = refused(go, times)
    assert "repeats the key" in violation.message
    assert violation.count == 3


@pytest.mark.parametrize(("rule", "kept"), [("first", [0, 2, 3]), ("last", [1, 2, 5])])
def test_one_of_repeated_rows_is_kept_and_the_others_are_counted(
    go: Callable, rule: str, kept: list[int]
) -> None:
    start = datetime(2026, 1, 1)
    times = [
        start,
        start,
        start + timedelta(1),
        start + timedelta(2),
        start + timedelta(2),
        start + timedelta(2),
    ]
    table = Table(
        key=TABLE.key, time="time", repeated=rule, columns={**TABLE.columns, "x": Column(type="integer")}
    )
    data = go(times, table=table, more={"x": list(range(6))})
    assert data.frame["x"].to_list() == kept
    assert data.frame["row"].to_list() == kept, "positions as read"
    assert (data.n_rows, data.rows_read) == (3, 6)
    assert data.handled == (Handled("repeated", rule, "subject, time", 3),)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 4)), min_size=1, max_size=30),
    st.sampled_from(["first", "last"]),
)
def test_kept_rows_are_those_of_another_library(rows: list[tuple[str, int]], rule: str) -> None:
    table = Table(
        key=("subject", "t"), repeated=rule,
        columns={"subject": Column(type="text"), "t": Column(type="integer")},
    )  # fmt: skip
    frame = pl.DataFrame(rows, schema=["subject", "t"], orient="row")
    data = from_frame("r", table, frame)
    left = frame.to_pandas().drop_duplicates(keep=rule)
    assert data.frame["row"].to_list() == left.index.to_list()
    assert data.n_rows + sum(one.rows for one in data.handled) == data.rows_read == len(rows)


def test_values_of_rows_that_are_left_out_have_to_hold_their_contract(refused: Callable) -> None:
    table = Table(
        key=("subject",), repeated="first",
        columns={"subject": Column(type="text"), "x": Column(type="number", range=(0, 1))},
    )  # fmt: skip
    (violation,) = refused(from_frame, "r", table, {"subject": ["a", "a"], "x": [0.5, 7.0]})
    assert violation.found == "7.0"


def test_a_stream_follows_the_same_rules(study: Path) -> None:
    """Some subjects of a stream: rules act as on the whole, positions are those in the whole."""
    table = Table(key=TABLE.key, time="time", repeated="last", columns=TABLE.columns)
    local, instants = wall(BERLIN, datetime(2026, 10, 24, 23, 30, tzinfo=UTC), 120, timedelta(minutes=1))
    frame = pl.DataFrame({"subject": [s for s in "abc" for _ in local], "time": local * 3})
    frame = pl.concat([frame, frame.tail(1)])
    frame.write_parquet(study / "data" / "x.parquet")
    source = Source(folder="data", zone=BERLIN, ambiguous="in_order")
    how = {"base": study, "roots": {"data": "data"}}
    stream = open_stream("r", table, source, store=Store(study / "cache"), **how)
    assert stream is not None
    part = stream.read(["c"])
    assert part.frame["time"].to_list() == instants
    assert part.frame["row"].to_list() == [*range(240, 359), 360]
    assert [(one.rule, one.rows) for one in part.handled] == [("ambiguous", 91), ("repeated", 1)]
    whole = read_table("r", table, source, **how).frame
    assert whole.filter(pl.col("subject") == "c").equals(part.frame)


def test_counts_of_parts_add_up() -> None:
    parts = [
        Handled("repeated", "first", "t", 2),
        (wraps := Handled("wraps", "256", "t", 1)),
        Handled("repeated", "first", "t", 3),
    ]
    assert together(parts) == (Handled("repeated", "first", "t", 5), wraps)
    for one in (*parts, Handled("ambiguous", "in_order", "t", 1), Handled("nonexistent", "shift", "t", 2)):
        assert f"{one.rows:,}" in one.words
        assert one.facts()["words"] == one.words
