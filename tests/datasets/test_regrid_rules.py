"""Units of time: against other engines, what must not change the numbers, each rule by example, bad input."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from accordance.datasets.accounting import accounting
from accordance.datasets.pairing import pair, verify
from accordance.datasets.pairs import Pairs
from accordance.protocols.base import Quantity
from accordance.protocols.errors import ContractError, IntegrityError
from accordance.protocols.model import Bands, Column, Protocol, Table
from accordance.protocols.streams import Reduction, Unit

from .streams_cases import made, protocol, rows, table

LIGHTS = {"subject": pl.String, "off": pl.Float64, "on": pl.Float64}
WITHIN = {"table": "lights", "start": "off", "end": "on"}
TIME = {"type": "datetime"}
ROW_NUMBERS = ("reference_row", "test_row")


def of(text: str) -> Quantity:
    """A quantity."""
    return Quantity.from_text(text)


def lights(*stretches: tuple[str, float, float]) -> pl.DataFrame:
    """A table of stretches."""
    return pl.DataFrame(stretches, schema=LIGHTS, orient="row")


def unit(length: str, **more: Any) -> dict[str, Any]:
    """A unit as protocols write it."""
    return {"length": of(length), **more}


def wear(seed: int, n_subjects: int = 4, n: int = 4000) -> pl.DataFrame:
    """Seconds of several subjects, with gaps and missing values."""
    rng = np.random.default_rng(seed)
    frames = []
    for number in range(n_subjects):
        seconds = np.sort(rng.choice(2 * n, n, replace=False)).astype(float)
        rate = rng.normal(70, 10, n)
        frames.append(
            pl.DataFrame({"subject": [f"s{number}"] * n, "time": seconds, "rate": rate}).with_columns(
                pl.when(pl.Series(rng.random(n) > 0.1)).then("rate").alias("rate"),
                stage=pl.Series(rng.choice(["wake", "rem", "deep"], n)),
                site=pl.lit(None, dtype=pl.String),
                span=pl.lit(None, dtype=pl.Float64),
                code=pl.lit(None, dtype=pl.String),
            )
        )
    return pl.concat(frames)


def reason(pairs: Pairs, *columns: str) -> list[tuple[Any, ...]]:
    """Reason and further columns of every unit."""
    return pairs.frame.select("reason", *columns).rows()


def audit(pairs: Pairs, side: str) -> dict[str, int]:
    """Rows of a side by what became of them."""
    assert pairs.regrid is not None
    own = pairs.regrid.filter(pl.col("side") == side)
    return dict(own.group_by("reason").agg(pl.col("n_rows").sum()).iter_rows())


# --- other engines


def test_window_means_as_duckdb_buckets_them() -> None:
    frame = wear(1)
    pairs = made(protocol(unit("30 s", test=Reduction(min_coverage=0.5))), frame, frame)
    theirs = duckdb.sql(
        """
        select subject, floor(time / 30) * 30 as start, avg(rate) as mean, count(rate) as n, count(*) as rows,
            median(rate) as middle
        from frame group by all order by all
        """
    ).pl()
    ours = pairs.frame.select("subject", "time", "test.rate", "test.n_rows")
    assert ours["subject"].to_list() == theirs["subject"].to_list()
    assert ours["time"].to_list() == theirs["start"].to_list()
    assert ours["test.n_rows"].to_list() == theirs["rows"].to_list()
    enough = (theirs["n"] >= 15).to_numpy()
    assert 0.1 < enough.mean() < 0.9
    assert (ours["test.rate"].is_not_null().to_numpy() == enough).all()
    np.testing.assert_allclose(
        ours["test.rate"].to_numpy()[enough], theirs["mean"].to_numpy()[enough], rtol=1e-12
    )
    middle = made(protocol(unit("30 s", test=Reduction(numbers="median"))), frame, frame)
    assert middle.frame["test.rate"].drop_nulls().to_list() == theirs["middle"].filter(enough).to_list()


def test_window_means_as_polars_truncates_them() -> None:
    frame = wear(2)
    start = datetime(2026, 3, 28, 22, 0, 7, tzinfo=UTC)
    frame = frame.with_columns(time=start + pl.duration(seconds=pl.col("time")))
    columns = table().columns | {"time": Column(type="datetime")}
    pairs = made(
        protocol(unit("1 min"), reference=table(columns=columns), test=table(columns=columns)), frame, frame
    )
    theirs = (
        frame.group_by("subject", pl.col("time").dt.truncate("1m"))
        .agg(pl.col("rate").mean(), n=pl.col("rate").count())
        .sort("subject", "time")
    )
    assert pairs.frame["time"].to_list() == theirs["time"].to_list()
    enough = (theirs["n"] >= 30).to_numpy()
    np.testing.assert_allclose(
        pairs.frame["test.rate"].to_numpy()[enough], theirs["rate"].to_numpy()[enough], rtol=1e-12
    )
    assert pairs.frame["test.rate"].null_count() == (~enough).sum()


def test_time_weighted_rates_of_beats_are_beats_over_time() -> None:
    """60 / RR weighted by RR is the number of beats over the time that they took (in whole microseconds)."""
    rng = np.random.default_rng(3)
    spans = rng.uniform(0.5, 1.2, 500)
    ends = np.cumsum(spans)
    beats = rows(*[("a", t, 60 / rr, None, None, rr) for t, rr in zip(ends, spans, strict=True)])
    contract = table(duration="span", stamp="end")
    seconds = rows(*[("a", float(t), 60.0) for t in range(500)])
    found = {}
    for how in ("time_weighted", "beat_weighted"):
        # The table also has `span`, which is no rate: the language refuses to weight it by beats.
        rules = weighted(protocol(unit("30 s"), reference=contract), how)
        found[how] = made(rules, beats, seconds).frame
    for row in found["time_weighted"].iter_rows(named=True):
        mine = (ends - spans >= row["time"]) & (ends - spans < row["time"] + 30)
        if row["reference.rate"] is not None:
            assert row["reference.rate"] == pytest.approx(60 * mine.sum() / spans[mine].sum(), rel=1e-6)
    for row in found["beat_weighted"].iter_rows(named=True):
        mine = (ends - spans >= row["time"]) & (ends - spans < row["time"] + 30)
        if row["reference.rate"] is not None:
            assert row["reference.rate"] == pytest.approx(np.mean(60 / spans[mine]), rel=1e-6)


def weighted(rules: Protocol, how: str) -> Protocol:
    """The protocol with other weights of reference rows."""
    spec = rules.pairings["main"]
    assert spec.unit is not None
    changed = spec.unit.model_copy(update={"reference": Reduction(numbers=how)})
    return rules.model_copy(update={"pairings": {"main": spec.model_copy(update={"unit": changed})}})


# --- what must not change the numbers

SEEDS = st.integers(0, 10_000)
RULES = st.fixed_dictionaries(
    {
        "origin": st.sampled_from(["clock", "session"]),
        "place": st.sampled_from(["start", "middle"]),
        "test": st.builds(
            Reduction,
            numbers=st.sampled_from(["mean", "median", "time_weighted"]),
            categories=st.sampled_from(["majority", "uniform"]),
        ),
    }
)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, rules=RULES, cut=st.integers(1, 3))
def test_batches_of_subjects_give_the_same_units(seed: int, rules: dict[str, Any], cut: int) -> None:
    reference, test = wear(seed, n=150), wear(seed + 1, n=150)
    chosen = protocol(unit("7 s", **rules))
    whole = made(chosen, reference, test)
    parts = [
        made(chosen, *(frame.filter(pl.col("subject").is_in(names)) for frame in (reference, test)))
        for names in (["s0", "s1", "s2", "s3"][:cut], ["s0", "s1", "s2", "s3"][cut:])
    ]
    assert_frame_equal(
        whole.frame.drop(ROW_NUMBERS),
        pl.concat([part.frame.drop(ROW_NUMBERS) for part in parts]),
        check_exact=True,
    )
    audits = [part.regrid for part in parts if part.regrid is not None]
    assert whole.regrid is not None
    assert_frame_equal(whole.regrid, pl.concat(audits), check_row_order=False)
    before = parts[0].n_reference_rows
    numbered = pl.concat([parts[0].frame["reference_row"], parts[1].frame["reference_row"] + before])
    assert whole.frame["reference_row"].to_list() == numbered.to_list()


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, rules=RULES)
def test_the_order_of_rows_does_not_matter(seed: int, rules: dict[str, Any]) -> None:
    reference, test = wear(seed, n=150), wear(seed + 1, n=150)
    chosen = protocol(unit("7 s", **rules))
    one = made(chosen, reference, test)
    other = made(
        chosen,
        reference.sample(fraction=1, shuffle=True, seed=seed),
        test.sample(fraction=1, shuffle=True, seed=seed),
    )
    assert_frame_equal(one.frame, other.frame, check_exact=True)
    assert one.regrid is not None
    assert other.regrid is not None
    assert_frame_equal(one.regrid, other.regrid)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, rules=RULES, units=st.integers(-1000, 1000))
def test_whole_units_later_only_the_labels_change(seed: int, rules: dict[str, Any], units: int) -> None:
    reference, test = wear(seed, n=100), wear(seed + 1, n=100)
    chosen = protocol(unit("7 s", **rules))
    one = made(chosen, reference, test).frame
    later = made(
        chosen,
        reference.with_columns(pl.col("time") + 7 * units),
        test.with_columns(pl.col("time") + 7 * units),
    ).frame
    assert_frame_equal(one.with_columns(pl.col("time") + 7 * units), later, check_exact=True)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_halves_of_rows_weigh_as_much_as_the_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spans = rng.choice([0.5, 1.0, 2.0], 200)
    starts = np.cumsum(spans) - spans
    values = rng.normal(70, 5, 200)
    whole = rows(*[("a", t, x, None, None, d) for t, x, d in zip(starts, values, spans, strict=True)])
    halves = pl.concat(
        [
            whole.with_columns(pl.col("span") / 2),
            whole.with_columns(pl.col("time") + pl.col("span") / 2, pl.col("span") / 2),
        ]
    )
    # In units that no row reaches out of, so that no half falls into the next.
    length = f"{spans.sum():g} s"
    rules = protocol(
        unit(length, reference=Reduction(numbers="time_weighted")), reference=table(duration="span")
    )
    seconds = rows(("a", 0.0, 60.0))
    one, two = (made(rules, frame, seconds).frame for frame in (whole, halves))
    assert one["reference.rate"][0] == pytest.approx(two["reference.rate"][0], rel=1e-12)
    assert one["reference.coverage"].to_list() == two["reference.coverage"].to_list() == [1.0]


# --- rules by example


def test_epochs_of_a_minute_are_held_into_halves() -> None:
    rules = protocol(
        unit("30 s"), method="epochs", reference=table(interval=of("1 min")), test=table(interval=of("30 s"))
    )
    reference = rows(("a", 0.0, None, "wake"), ("a", 60.0, None, "rem"))
    test = rows(*[("a", 30.0 * number, None, "wake") for number in range(5)])
    pairs = made(rules, reference, test)
    found = pairs.frame.select("time", "reference.stage", "test.stage", "reason").rows()
    assert found == [
        (0.0, "wake", "wake", None),
        (30.0, "wake", "wake", None),
        (60.0, "rem", "wake", None),
        (90.0, "rem", "wake", None),
        (120.0, None, "wake", "no_reference"),
    ]
    assert audit(pairs, "reference") == {"read": 2, "used": 2}


def test_last_epoch() -> None:
    """A recording of 75 s has two epochs of 30 s and one that is cut off, on either side."""
    contract = table(interval=of("15 s"))
    frame = rows(*[("a", 1000.0 + 15 * number, None, "wake") for number in range(5)])
    counted = made(protocol(unit("30 s"), method="epochs", reference=contract, test=contract), frame, frame)
    assert reason(counted, "time", "reference.coverage") == [
        (None, 1000.0, 1.0),
        (None, 1030.0, 1.0),
        ("partial_unit", 1060.0, 1.0),
    ]
    assert audit(counted, "test") == {"read": 5, "used": 4, "partial_unit": 1}
    kept = made(
        protocol(unit("30 s", partial="kept"), method="epochs", reference=contract, test=contract),
        frame,
        frame,
    )
    assert reason(kept) == [(None,)] * 3
    assert audit(kept, "test") == {"read": 5, "used": 5}


def test_every_unit_of_a_stretch_counts_with_or_without_rows() -> None:
    rules = protocol(unit("10 s", within=WITHIN))
    seconds = [("a", float(t), 70.0) for t in range(5, 12)]
    pairs = made(
        rules, rows(*seconds), rows(("b", 0.0, 60.0)), lights(("a", 0, 35), ("b", 0, 10), ("c", 0, 10))
    )
    assert reason(pairs, "subject", "time", "reference.coverage", "reference.n_rows") == [
        ("no_test", "a", 0.0, 0.5, 5),
        ("no_test", "a", 10.0, 0.2, 2),
        ("no_test", "a", 20.0, 0.0, 0),
        ("no_test", "a", 30.0, 0.0, 0),
        ("low_coverage_reference", "b", 0.0, 0.0, 0),
    ]
    codes = [
        {code for place, code in enumerate(pairs.codes) if bits >> place & 1}
        for bits in pairs.frame["reasons"]
    ]
    assert codes[1] == {"no_test", "low_coverage_reference"}
    assert codes[3] == {"no_test", "low_coverage_reference", "partial_unit"}


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, rules=RULES)
def test_a_stretch_is_a_window_as_long_as_it(seed: int, rules: dict[str, Any]) -> None:
    reference, test = wear(seed, n=100), wear(seed + 1, n=100)
    rng = np.random.default_rng(seed)
    edges = [np.sort(rng.choice(220, 6, replace=False)).astype(float) for _ in range(4)]
    stretches = lights(*[(f"s{n}", own[k], own[k + 1]) for n, own in enumerate(edges) for k in (0, 2, 4)])
    chosen = {"within": WITHIN, "place": rules["place"], "test": rules["test"]}
    one = made(protocol(chosen, method="sessions"), reference, test, stretches)
    long = unit("1 d", origin="session", partial="kept", **chosen)
    other = made(protocol(long), reference, test, stretches)
    assert_frame_equal(one.frame, other.frame, check_exact=True)
    assert one.regrid is not None
    assert other.regrid is not None
    assert_frame_equal(one.regrid, other.regrid)


def test_a_subject_whose_rows_make_no_unit_is_counted() -> None:
    rules = protocol(unit("5 s"), reference=table(key=("subject", "site")))
    people = Table(key=("subject",), columns={"subject": Column(type="text")})
    rules = rules.model_copy(update={"tables": {**rules.tables, "subjects": people}})
    seconds = rows(*[("a", float(t), 60.0) for t in range(5)], ("b", None, 60.0, None, "1"))
    pairs = pair(
        rules,
        "main",
        reference=seconds,
        test=seconds.filter(subject="a"),
        subjects=pl.DataFrame({"subject": ["a", "b", "c"]}),
        version="1",
    )
    assert pairs.without_rows == ("b", "c")
    steps = accounting(pairs, rules, "all").rows_by_key("code", named=True)
    assert steps["read"][0]["n_subjects"] == 3
    assert steps["no_rows"][0]["title"] == "Subject without any unit of time"
    assert audit(pairs, "reference") == {"read": 6, "used": 5, "no_time": 1}


def test_sessions_are_one_row_each() -> None:
    rules = protocol(method="sessions")
    reference = rows(*[("a", float(t), 60.0 + t) for t in range(10)], ("b", 0.0, 50.0))
    test = rows(*[("a", float(t), 70.0) for t in range(-5, 5)], ("c", 3.0, 90.0))
    pairs = made(rules, reference, test)
    columns = ("subject", "time", "reference.rate", "test.rate", "test.coverage", "test.n_rows")
    assert reason(pairs, *columns) == [
        (None, "a", 0.0, 64.5, 70.0, 0.5, 5),
        ("no_test", "b", 0.0, 50.0, None, None, None),
        ("no_reference", "c", 3.0, None, 90.0, 1.0, 1),
    ]
    assert audit(pairs, "test") == {"read": 11, "used": 6, "outside_within": 5}


def test_sessions_without_times() -> None:
    night = table(key=("subject", "time"), time=None, interval=None)
    whatever = Reduction(min_coverage=0)
    rules = protocol(
        {"reference": whatever, "test": whatever},
        method="sessions",
        reference=night,
        test=night,
        on=("subject",),
    )
    frame = rows(("a", 1.0, 60.0), ("a", 2.0, 80.0), ("b", 1.0, 50.0))
    pairs = made(rules, frame, frame)
    assert "time" not in pairs.frame.columns
    assert reason(pairs, "subject", "test.rate", "test.coverage", "test.n_rows") == [
        (None, "a", 70.0, None, 2),
        (None, "b", 50.0, None, 1),
    ]


def test_sessions_that_share_no_time_say_so() -> None:
    rules = protocol(unit("5 s"))
    first = rows(*[("a", float(t), 60.0) for t in range(5)], *[("b", float(t), 60.0) for t in range(5)])
    later = first.with_columns(
        pl.when(subject="a").then(pl.col("time") + 1000).otherwise("time").alias("time")
    )
    pairs = made(rules, first, later)
    assert reason(pairs, "subject", "time") == [
        ("no_overlap", "a", 0.0),
        ("no_overlap", "a", 1000.0),
        (None, "b", 0.0),
    ]


def test_rows_with_a_code_leave_the_unit_a_value_where_enough_is_left() -> None:
    rules = protocol(unit("4 s"))
    times = range(8)
    codes = [None, None, None, "moved", None, "artefact", "moved", "artefact"]
    test = rows(*[("a", float(t), 60.0 + t, None, None, None, codes[t]) for t in times])
    pairs = made(rules, rows(*[("a", float(t), 60.0) for t in times]), test)
    assert reason(pairs, "test.rate", "test.coverage", "test.n_rows") == [
        (None, 61.0, 0.75, 3),
        ("artefact", None, 0.25, 1),
    ]
    assert audit(pairs, "test") == {"read": 8, "used": 3, "artefact": 2, "moved": 2, "low_coverage_test": 1}


def test_bands_are_those_of_the_units_number() -> None:
    slow = Column(type="category", levels=("slow", "fast"), **{"from": Bands(column="rate", edges=(60.0,))})
    contract = table(columns=table().columns | {"pace": slow})
    frame = rows(("a", 0.0, 50.0), ("a", 1.0, 55.0), ("a", 2.0, 90.0)).with_columns(
        pace=pl.Series(["slow", "slow", "fast"])
    )
    pairs = made(protocol(unit("3 s"), reference=contract, test=contract), frame, frame)
    assert pairs.frame.select("test.rate", "test.pace").rows() == [(65.0, "fast")]


def test_a_tie_goes_to_the_level_declared_first() -> None:
    frame = rows(("a", 0.0, None, "deep"), ("a", 1.0, None, "wake"))
    pairs = made(protocol(unit("2 s")), frame, frame)
    assert pairs.frame["test.stage"].to_list() == ["wake"]


def test_unscored_levels_can_be_ignored() -> None:
    frame = rows(*[("a", float(t), None, level) for t, level in enumerate(["unscored"] * 3 + ["rem"] * 2)])
    counted = made(protocol(unit("5 s")), frame, frame)
    assert counted.frame["test.stage"].to_list() == ["unscored"]
    some = Reduction(unscored="ignored", min_coverage=0.4)
    ignored = made(protocol(unit("5 s", reference=some, test=some)), frame, frame)
    assert ignored.frame.select("test.stage", "test.coverage").rows() == [("rem", 0.4)]
    more = Reduction(unscored="ignored", min_coverage=0.5)
    none = made(protocol(unit("5 s", reference=more, test=more)), frame, frame)
    assert reason(none, "test.stage") == [("low_coverage_reference", None)]


# --- bad input


def problems(rules: Protocol, stretches: pl.DataFrame) -> list[str]:
    """What is said of a table of stretches."""
    frame = rows(("a", 0.0, 60.0))
    with pytest.raises(ContractError) as caught:
        made(rules, frame, frame, stretches)
    return [one.message for one in caught.value.violations]


def test_stretches_that_overlap_or_end_before_they_start() -> None:
    rules = protocol(unit("10 s", within=WITHIN))
    stretches = lights(
        ("a", 0, 100), ("a", 50, 60), ("a", 200, 150), ("b", 5, 5), ("b", 7, 9), ("a", 99, 120)
    )
    assert problems(rules, stretches) == [
        "the stretch of row 3 ends before it starts, or when it starts (subject `a`).",
        "the stretch of row 4 ends before it starts, or when it starts (subject `b`).",
        "the stretches of rows 1 and 2 overlap (subject `a`); no moment counts twice.",
        "the stretches of rows 2 and 6 overlap (subject `a`); no moment counts twice.",
    ]


def test_stretches_have_to_be_given() -> None:
    frame = rows(("a", 0.0, 60.0))
    with pytest.raises(ContractError, match="`lights`, and it was not given"):
        made(protocol(unit("10 s", within=WITHIN)), frame, frame)


def test_a_duration_is_above_zero() -> None:
    rules = protocol(unit("10 s"), reference=table(duration="span"))
    beats = rows(("a", 0.0, 60.0, None, None, 1.0), ("a", 1.0, 60.0, None, None, 0.0))
    with pytest.raises(ContractError, match=r"time of 0 s.*row 2, subject `a`"):
        made(rules, beats, rows(("a", 0.0, 60.0)))


def test_rows_without_time_or_duration_are_counted() -> None:
    contract = table(duration="span", key=("subject", "site"))
    beats = rows(
        ("a", 0.0, 60.0, None, "1", 5.0),
        ("a", None, 60.0, None, "2", 5.0),
        ("a", 5.0, 60.0, None, "3", None),
        ("a", 6.0, None, None, "4", None),
    )
    pairs = made(protocol(unit("10 s"), reference=contract), beats, rows(("a", 0.0, 60.0)))
    assert audit(pairs, "reference") == {"read": 4, "used": 1, "no_time": 1, "no_duration": 2}


def test_zoned_and_naive_times_do_not_mix() -> None:
    columns = table().columns | {"time": Column(type="datetime")}
    rules = protocol(unit("1 min"), reference=table(columns=columns), test=table(columns=columns))
    naive = rows(("a", 0.0, 60.0)).with_columns(time=pl.lit(datetime(2026, 1, 1)))
    zoned = rows(("a", 0.0, 60.0)).with_columns(time=pl.lit(datetime(2026, 1, 1, tzinfo=UTC)))
    with pytest.raises(ContractError, match="offset from UTC"):
        made(rules, naive, zoned)
    found = made(rules, zoned, zoned.with_columns(pl.col("time") + timedelta(seconds=59)))
    assert found.frame["time"].to_list() == [datetime(2026, 1, 1, tzinfo=UTC)]


def test_an_audit_that_does_not_add_up_is_refused() -> None:
    frame = rows(*[("a", float(t), 60.0) for t in range(10)])
    pairs = made(protocol(unit("5 s")), frame, frame)
    assert pairs.regrid is not None
    lost = pairs.regrid.with_columns(
        pl.when(pl.col("reason") == "used").then(pl.col("n_rows") - 1).otherwise("n_rows").alias("n_rows")
    )
    with pytest.raises(IntegrityError, match="rows read are not the rows"):
        verify(replace(pairs, regrid=lost))


def test_one_side_may_have_no_row_of_a_batch() -> None:
    frame = rows(*[("a", float(t), 60.0) for t in range(10)])
    for within in (None, WITHIN):
        rules = protocol(unit("5 s", **({"within": within} if within else {})))
        stretches = lights(("a", 0, 10))
        assert reason(made(rules, frame, frame.clear(), stretches)) == [("no_test",)] * 2
        alone = "low_coverage_reference" if within else "no_reference"
        assert reason(made(rules, frame.clear(), frame, stretches)) == [(alone,)] * 2


def test_times_in_samples() -> None:
    columns = table().columns | {"time": Column(type="integer", unit="samples")}
    contract = table(columns=columns, interval=of("1 samples"))
    rules = protocol(unit("4 samples"), reference=contract, test=contract)
    frame = rows(*[("a", float(t), 60.0) for t in range(8)]).with_columns(pl.col("time").cast(pl.Int64))
    pairs = pair(rules, "main", reference=frame, test=frame, version="1")
    assert pairs.frame.select("time", "test.coverage").rows() == [(0.0, 1.0), (4.0, 1.0)]


def test_the_default_unit_of_the_model_is_a_session() -> None:
    assert Unit().length is None
