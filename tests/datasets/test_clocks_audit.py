"""The alignment audit of a pairing: one row a session, corrected times, each session by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from clock_sessions import Known, session
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.datasets.accounting import accounting
from accordance.datasets.pairing import pair
from accordance.datasets.pairs import Pairs
from accordance.protocols.errors import ContractError
from accordance.protocols.model import Column, Pairing, Protocol, Quantity, Table
from accordance.protocols.streams import Alignment

START = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # the hour in which European clocks change
RATE = Column(type="number", unit="1/min", missing="allowed")


def protocol(make: Callable[..., Protocol], *, number: str | None = None, **alignment: Any) -> Protocol:
    time = Column(type="datetime") if number is None else Column(type="number", unit=number)
    columns = {"subject": Column(type="text"), "night": Column(type="integer"), "time": time, "rate": RATE}
    marks = Column(type="category", levels=("none", "tap"), missing="allowed")
    table = Table(key=("subject", "night", "time"), time="time", columns={**columns, "mark": marks})
    given_ = {"reference": "rate", "test": "rate", "search": {"value": 120.0, "unit": "s"}, **alignment}
    spec = Pairing(
        method="nearest",
        on=("subject", "night"),
        tolerance=Quantity(value=2.0, unit="s"),
        alignment=Alignment.model_validate(given_),
    )
    return make(tables={"reference": table, "test": table}, pairings={"main": spec})


def frame(sessions: dict[tuple[str, int], Any], side: str, *, number: float | None = None) -> pl.DataFrame:
    """Rows of sessions as a table; times in `number` seconds a unit, or as moments."""
    parts = []
    for (subject, night), known in sessions.items():
        signal = getattr(known, side)
        micro = np.rint(signal.time * 1e6).astype(np.int64)
        stamp = pl.Series("time", micro)
        if number is None:
            stamp = (stamp + int(START.timestamp() * 1e6)).cast(pl.Datetime("us", "UTC"))
        else:
            stamp = pl.Series("time", signal.time / number)
        rows = pl.DataFrame([stamp, pl.Series("rate", signal.value)])
        parts.append(
            rows.select(
                pl.lit(subject).alias("subject"), pl.lit(night, dtype=pl.Int64).alias("night"), "time", "rate"
            )
        )
    return pl.concat(parts).with_columns(pl.lit(None, dtype=pl.String).alias("mark"))


def paired(spec: Protocol, reference: pl.DataFrame, test: pl.DataFrame, **options: Any) -> Pairs:
    return pair(spec, "main", reference=reference, test=test, version="1", **options)


@pytest.fixture(scope="module")
def known() -> dict[tuple[str, int], Known]:
    places = [("b", 1), ("b", 2), ("a", 1), ("c", 1)]
    return {
        place: session(
            seed, offset=(-1) ** seed * (10.0 + 7 * seed), ppm=30.0 * seed, seconds=7200, noise=1.0
        )
        for seed, place in enumerate(places)
    }


def test_one_row_a_session_with_its_clock(
    protocol_of: Callable[..., Protocol], known: dict[tuple[str, int], Known]
) -> None:
    spec = protocol(protocol_of, drift="linear")
    pairs = paired(spec, frame(known, "reference"), frame(known, "test"))
    audit = pairs.clocks
    assert audit is not None
    assert audit.select("subject", "night").rows() == [("a", 1), ("b", 1), ("b", 2), ("c", 1)]
    assert audit["status"].to_list() == ["resolved"] * 4 and not audit["applied"].any()
    for row in audit.iter_rows(named=True):
        one = known[row["subject"], row["night"]]
        assert row["n_reference"] == len(one.reference.time) and row["n_test"] == len(one.test.time)
        moment = (row["at"] - START).total_seconds()
        assert abs(row["offset_s"] - one.at(moment)) < row["offset_upper"] - row["offset_lower"]
        # one interval in twenty misses; twice its width hardly ever does
        assert abs(row["drift_ppm"] - one.ppm) < row["drift_upper"] - row["drift_lower"]
        assert row["agreement"] > (row["agreement_at_zero"] or -1)
        assert 0.5 < row["share"] <= 1 and row["n"] > 3000 and row["reason"] is None
    # without `apply`, times stay as they are
    assert "test.time_as_read" not in pairs.frame.columns


def test_times_are_corrected_where_the_protocol_says_so(
    protocol_of: Callable[..., Protocol], known: dict[tuple[str, int], Known]
) -> None:
    spec = protocol(protocol_of, drift="linear", apply=True)
    test = frame(known, "test")
    pairs = paired(spec, frame(known, "reference"), test)
    assert pairs.clocks is not None and pairs.clocks["applied"].all()
    rows = pairs.frame.filter(pl.col("test_row").is_not_null())
    assert rows.sort("test_row")["test.time_as_read"].to_list() == test["time"].to_list()
    moved = (rows["test.time"] - rows["test.time_as_read"]).dt.total_microseconds().to_numpy() / 1e6
    for subject, night, seconds, stamp in zip(
        rows["subject"], rows["night"], moved, rows["test.time_as_read"], strict=True
    ):
        one = known[subject, night]
        assert seconds == pytest.approx(one.at((stamp - START).total_seconds()), abs=0.7)
    # the formula of the audit, row by row
    audit = pairs.clocks.select("subject", "night", "at", "offset_s", "drift_ppm")
    by_hand = rows.join(audit, on=["subject", "night"], how="left", maintain_order="left")
    since = (by_hand["test.time_as_read"] - by_hand["at"]).dt.total_microseconds() / 1e6
    assert moved == pytest.approx(
        (by_hand["offset_s"] + by_hand["drift_ppm"] / 1e6 * since).to_numpy(), abs=2e-6
    )
    plain = paired(protocol(protocol_of), frame(known, "reference"), test)
    off = [
        (both["reference.rate"] - both["test.rate"]).abs().mean()
        for both in (one.frame.filter(pl.col("status") == "paired") for one in (plain, pairs))
    ]
    assert off[1] < 0.8 * off[0]


def test_an_audit_that_was_made_is_used_again_and_an_error_is_added(
    protocol_of: Callable[..., Protocol], known: dict[tuple[str, int], Known]
) -> None:
    spec = protocol(protocol_of, apply=True)
    reference, test = frame(known, "reference"), frame(known, "test")
    first = paired(spec, reference, test)
    again = paired(spec, reference, test, clocks=first.clocks)
    assert again.frame.equals(first.frame)
    later = paired(spec, reference, test, clocks=first.clocks, clock_error=1.5)
    moves = [
        one.frame.filter(pl.col("test_row").is_not_null()).sort("test_row")["test.time"]
        for one in (first, later)
    ]
    assert set((moves[1] - moves[0]).to_list()) == {timedelta(seconds=1.5)}


def test_neither_order_nor_company_changes_a_session(
    protocol_of: Callable[..., Protocol], known: dict[tuple[str, int], Known]
) -> None:
    spec = protocol(protocol_of, drift="linear", apply=True)
    reference, test = frame(known, "reference"), frame(known, "test")
    whole = paired(spec, reference, test)
    mixed = paired(
        spec,
        reference.sample(fraction=1, shuffle=True, seed=1),
        test.sample(fraction=1, shuffle=True, seed=2),
    )
    assert whole.clocks is not None and mixed.clocks is not None
    assert mixed.clocks.equals(whole.clocks)
    for subject in ("a", "b", "c"):
        here = pl.col("subject") == subject
        alone = paired(spec, reference.filter(here), test.filter(here))
        assert alone.clocks is not None and alone.clocks.equals(whole.clocks.filter(here))


@pytest.mark.parametrize(("unit", "seconds"), [("s", 1.0), ("ms", 1e-3), ("min", 60.0)])
def test_times_in_numbers(
    protocol_of: Callable[..., Protocol], known: dict[tuple[str, int], Known], unit: str, seconds: float
) -> None:
    moments = paired(protocol(protocol_of), frame(known, "reference"), frame(known, "test")).clocks
    sides = [frame(known, side, number=seconds) for side in ("reference", "test")]
    pairs = paired(protocol(protocol_of, number=unit, apply=True), *sides)
    assert moments is not None and pairs.clocks is not None
    assert pairs.clocks["offset_s"].to_numpy() == pytest.approx(moments["offset_s"].to_numpy(), abs=1e-4)
    moved = pairs.frame.filter(pl.col("test_row").is_not_null())
    shift = (moved["test.time"] - moved["test.time_as_read"]).to_numpy() * seconds
    offsets = moved.join(pairs.clocks, on=["subject", "night"], how="left", maintain_order="left")["offset_s"]
    assert shift == pytest.approx(offsets.to_numpy(), abs=2e-6)


def test_a_session_of_one_side_only_and_no_rows_at_all(
    protocol_of: Callable[..., Protocol], known: dict[tuple[str, int], Known]
) -> None:
    spec = protocol(protocol_of, apply=True)
    reference, test = frame(known, "reference"), frame(known, "test")
    audit = paired(
        spec, reference.filter(pl.col("subject") != "a"), test.filter(pl.col("subject") != "c")
    ).clocks
    assert audit is not None and audit.height == 4
    status = dict(audit.select(pl.concat_str("subject", "night"), "status").rows())
    assert status == {"a1": "no_overlap", "b1": "resolved", "b2": "resolved", "c1": "no_overlap"}
    told = dict(audit.select(pl.concat_str("subject", "night"), "reason").rows())
    assert "reference table" in told["a1"] and "test table" in told["c1"]
    empty = paired(spec, reference.clear(), test.clear())
    assert empty.clocks is not None and empty.clocks.height == 0
    assert empty.clocks.schema == audit.schema


def test_sessions_without_a_clock_are_left_out_where_the_protocol_says_so(
    protocol_of: Callable[..., Protocol], known: dict[tuple[str, int], Known]
) -> None:
    reference, test = frame(known, "reference"), frame(known, "test")
    flat = pl.col("subject") == "a"
    test = test.with_columns(pl.when(flat).then(70.0).otherwise("rate").alias("rate"))
    test = test.filter(pl.col("subject") != "c")
    kept, gone = (
        paired(protocol(protocol_of, apply=True, unresolved=how), reference, test)
        for how in ("as_is", "excluded")
    )
    assert gone.clocks is not None and kept.clocks is not None and gone.clocks.equals(kept.clocks)
    assert gone.clocks.filter(flat)["status"].to_list() == ["flat_signal"]
    bit = gone.bits(("clock_unresolved",))
    carries = (pl.col("reasons") & bit) != 0
    assert kept.frame.filter(carries).is_empty()
    # all rows of the session, of both tables, and no others: a session of one side is `no_test` as ever
    assert gone.frame.filter(carries).equals(gone.frame.filter(flat))
    assert set(gone.frame.filter(flat)["reason"]) == {"clock_unresolved"}
    assert set(gone.frame.filter(pl.col("subject") == "c")["reason"]) == {"no_test"}
    spec = protocol(protocol_of, apply=True, unresolved="excluded")
    steps = accounting(gone, spec, "all").select("code", "n_subjects", "n_reference_rows", "n_test_rows")
    counted = {row[0]: row[1:] for row in steps.rows()}
    rows = [one.filter(flat).height for one in (reference, test)]
    assert counted["clock_unresolved"] == (1, *rows)


def test_where_rows_stand_for_time_their_middles_meet(protocol_of: Callable[..., Protocol]) -> None:
    """A row a second by its start, against the same by its end: the clocks are a second apart on paper."""
    one = session(5, offset=0.0, seconds=3600, noise=0.3, motion=0, averaged=0, beats=False, gap=0)
    spec = protocol(protocol_of)
    second = Quantity(value=1.0, unit="s")
    tables = {
        name: table.model_copy(update={"interval": second, "stamp": stamp})
        for (name, table), stamp in zip(spec.tables.items(), ("start", "end"), strict=True)
    }
    spec = spec.model_copy(update={"tables": tables})
    audit = paired(spec, frame({("a", 1): one}, "reference"), frame({("a", 1): one}, "test")).clocks
    assert audit is not None
    assert audit["offset_s"][0] == pytest.approx(1.0, abs=0.15)


def events(rng: np.random.Generator, n: int, offset: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    taps = np.sort(rng.uniform(0, 20_000, n))
    sides = []
    for time in (taps, taps - offset + rng.normal(0, 0.02, n)):
        every = np.arange(0, 20_000, 60.0)
        rows = pl.DataFrame(
            {
                "subject": "a",
                "night": 1,
                "time": np.concatenate([time, every]),
                "rate": 60.0,
                "mark": ["tap"] * n + ["none"] * len(every),
            },
            schema_overrides={"night": pl.Int64},
        )
        micro = (pl.col("time") * 1e6).round().cast(pl.Int64) + int(START.timestamp() * 1e6)
        sides.append(rows.with_columns(micro.cast(pl.Datetime("us", "UTC")).alias("time")).sort("time"))
    return sides[0], sides[1]


@pytest.mark.parametrize("n", [1, 6])
def test_shared_events(protocol_of: Callable[..., Protocol], n: int) -> None:
    spec = protocol(protocol_of, by="events", reference="mark", test="mark", events=("tap",))
    audit = paired(spec, *events(np.random.default_rng(3), n, 12.0)).clocks
    assert audit is not None and audit["n"][0] == n
    assert audit["offset_s"][0] == pytest.approx(12.0, abs=0.1)
    assert audit["status"][0] == ("resolved" if n > 1 else "too_little_data")
    assert (audit["offset_lower"][0] is None) == (n == 1)


def test_how_finely_another_session_is_written_down_changes_no_interval(
    protocol_of: Callable[..., Protocol],
) -> None:
    spec = protocol(protocol_of, by="events", reference="mark", test="mark", events=("tap",))
    fine = events(np.random.default_rng(3), 8, 12.0)
    coarse = [side.with_columns(pl.col("time").dt.round("1s"), pl.lit("b").alias("subject")) for side in fine]
    alone = [paired(spec, *sides).clocks for sides in (fine, coarse)]
    together = paired(spec, *(pl.concat(pair_) for pair_ in zip(fine, coarse, strict=True))).clocks
    assert together is not None and alone[0] is not None and alone[1] is not None
    assert together.equals(pl.concat([alone[0], alone[1]]))
    width = (together["offset_upper"] - together["offset_lower"]).to_list()
    # times in whole seconds tell an offset to half a second each way at best; the others are far surer
    assert width[0] < 0.2 and width[1] >= 1.0


def test_no_times_is_one_answer(protocol_of: Callable[..., Protocol]) -> None:
    spec = protocol(protocol_of, number="sample")
    one = session(1, seconds=900)
    sides = [frame({("a", 1): one}, side, number=1.0) for side in ("reference", "test")]
    with pytest.raises(ContractError) as caught:
        paired(spec, *sides)
    assert len(caught.value.violations) == 2
    assert "unit of time" in str(caught.value)


@settings(max_examples=20, deadline=None)
@given(
    values=st.lists(st.one_of(st.none(), st.floats(allow_nan=True, width=32)), min_size=0, max_size=30),
    gaps=st.lists(st.integers(0, 4000), min_size=30, max_size=30),
)
def test_any_rows_get_an_answer(
    protocol_of_session: Callable[..., Protocol], values: list[float | None], gaps: list[int]
) -> None:
    """Empty cells, infinities, equal times: a status and never an exception."""
    time = np.cumsum(gaps[: len(values)]).astype(np.float64)
    rows = pl.DataFrame(
        {"subject": ["a"] * len(values), "night": [1] * len(values), "time": time, "rate": values},
        schema={"subject": pl.String, "night": pl.Int64, "time": pl.Float64, "rate": pl.Float64},
    ).with_columns(pl.lit(None, dtype=pl.String).alias("mark"))
    spec = protocol(protocol_of_session, number="s", drift="linear", apply=True)
    audit = paired(spec, rows, rows).clocks
    assert audit is not None and audit.height == min(1, len(values))
    assert not audit["applied"].any()
