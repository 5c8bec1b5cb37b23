"""Clocks in the results, and the clock error at which a decision turns.

Oracle: the same study with the error put into the data by hand, and with the clock taken as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from accordance.datasets import batches
from accordance.datasets.simulate.heart_rate import heart_rate_wear
from accordance.studies.evaluate import evaluate
from accordance.studies.results import Results, clocks_file
from accordance.studies.run import run

PROTOCOL = """\
schema: accordance/protocol/1
id: clocks
version: "1"
title: Clocks
intended_use: Tests.
objective: To see what a clock error would do.
tables:
  reference:
    key: [subject, time]
    time: time
    duration: rr
    stamp: end
    columns:
      subject: {type: text}
      time: {type: datetime}
      rr: {type: number, unit: s}
      heart_rate: {type: number, unit: 1/min}
  test:
    key: [subject, time]
    time: time
    interval: 1 s
    columns:
      subject: {type: text}
      time: {type: datetime}
      heart_rate: {type: number, unit: 1/min, missing: allowed}
pairings:
  seconds:
    method: windows
    unit: {length: 10 s}
    alignment: {reference: heart_rate, test: heart_rate, search: 90 s, TIPPING}
endpoints:
  error:
    title: Mean absolute percentage error
    role: primary
    metric: mape
    average: subject_mean
    reference: heart_rate
    test: heart_rate
    interval: {method: cluster_t}
    criterion: {compare: point, operator: "<", limit: LIMIT, unit: "%", source: Made up.}
  other:
    title: Root mean square
    role: secondary
    metric: rmse
    average: pooled
    reference: heart_rate
    test: heart_rate
    interval: {method: cluster_t}
seed: 3
"""
TIPPING = "apply: true, tipping: {up_to: 20 s, step: 5 s}"
STUDY = heart_rate_wear(n_subjects=4, hours=2, versions=["v2"])


@pytest.fixture(scope="module")
def tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    days = list(STUDY.days())
    reference = pl.concat([day.reference for day in days]).drop("activity", "exclusion")
    return reference, pl.concat([day.tests["v2"] for day in days])


def protocol(limit: float = 4.0, how: str = TIPPING) -> str:
    return PROTOCOL.replace("LIMIT", f"{limit:g}").replace("TIPPING", how)


def entry(found: Results) -> dict[str, Any]:
    (one,) = found.document["clock_tipping"]
    return dict(one)


def plain(found: Results) -> dict[str, Any]:
    """The entry without the names of rows, which hold the algorithm's name."""
    points = [{**point, "settled_by": None} for point in entry(found)["points"]]
    return {**entry(found), "row_id": None, "points": points}


def test_each_point_is_the_study_with_that_error_in_its_data(tables: Any) -> None:
    reference, test = tables
    found = evaluate(reference, test, protocol=protocol())
    curve = entry(found)
    assert [point["at"] for point in curve["points"]] == [-20, -15, -10, -5, 0, 5, 10, 15, 20]
    main = found.endpoint("error").filter(pl.col("criterion").is_not_null()).row(0, named=True)
    middle = curve["points"][4]
    assert (middle["estimate"], middle["lower"], middle["upper"]) == (
        main["estimate"],
        main["ci_lower"],
        main["ci_upper"],
    )
    assert curve["row_id"] == main["row_id"] and middle["decision"] == main["decision"]
    # by hand: correct each session as the audit says, add the error, and leave the clock alone
    audit = found.clocks("seconds", "test")
    assert audit is not None and audit["applied"].all()
    for at in (-15.0, 10.0):
        seconds = pl.col("offset_s") + at
        moved = test.join(audit.select("subject", "offset_s"), on="subject").with_columns(
            time=pl.col("time") + pl.duration(microseconds=(seconds * 1e6).round().cast(pl.Int64))
        )
        other = evaluate(reference, moved.drop("offset_s"), protocol=protocol(how="apply: false")).endpoint(
            "error"
        )
        row = other.filter(pl.col("criterion").is_not_null()).row(0, named=True)
        point = next(one for one in curve["points"] if one["at"] == at)
        assert point["estimate"] == pytest.approx(row["estimate"], rel=1e-12)
        assert (point["lower"], point["upper"]) == pytest.approx(
            (row["ci_lower"], row["ci_upper"]), rel=1e-12
        )
        assert point["decision"] == row["decision"]
    # an error of the clock makes it worse, both ways
    values = [point["estimate"] for point in curve["points"]]
    assert values[0] > values[2] > values[4] < values[6] < values[8]


def test_where_it_turns_and_what_that_means(tables: Any) -> None:
    points = {one["at"]: one["estimate"] for one in entry(evaluate(*tables, protocol=protocol()))["points"]}
    limit = round((max(points[5.0], points[-5.0]) + min(points[10.0], points[-10.0])) / 2, 4)
    curve = entry(evaluate(*tables, protocol=protocol(limit)))
    turns = {turn["at"]: turn for turn in curve["turns"]}
    assert set(turns) == {-10.0, 10.0}
    assert turns[10.0] == {"from": "met", "to": "not_met", "after": 5.0, "at": 10.0}
    assert (
        "it turns to `not met` between -5 and -10 s and it turns to `not met` between +5 and +10 s"
        in (curve["words"])
    )
    assert "too little to change it" in curve["words"]
    uncertain = curve["uncertain"]
    assert -3 < uncertain["lower"] < 0 < uncertain["upper"] < 3


def test_a_decision_that_never_turns(tables: Any) -> None:
    curve = entry(evaluate(*tables, protocol=protocol(90)))
    assert curve["turns"] == []
    assert "is `met` with every further error of the clock, up to 20 s both ways" in curve["words"]


def test_clocks_that_are_only_reported_may_be_off_by_all_of_it(tables: Any) -> None:
    found = evaluate(*tables, protocol=protocol(how="tipping: {up_to: 60 s, step: 20 s}"))
    curve, audit = entry(found), found.clocks("seconds", "test")
    assert audit is not None and not audit["applied"].any()
    assert curve["uncertain"] == {"lower": audit["offset_lower"].min(), "upper": audit["offset_upper"].max()}
    assert "reported only" in found.document["clocks"][0]["words"]


def test_what_the_results_say_of_the_clocks(tables: Any) -> None:
    reference, test = tables
    first = pl.col("subject") == test["subject"][0]
    flat = test.with_columns(heart_rate=pl.when(first).then(70).otherwise("heart_rate").cast(pl.Int16))
    found = evaluate(reference, flat, protocol=protocol(how="apply: true, unresolved: excluded"))
    assert found.document["clock_tipping"] == []
    (told,) = found.document["clocks"]
    assert (told["sessions"], told["resolved"], told["applied"]) == (4, 3, 3)
    assert told["status"] == {"flat_signal": 1, "resolved": 3}
    (lost,) = told["unresolved"]
    assert lost["session"] == test["subject"][0] and "constant" in lost["reason"]
    audit = found.clocks("seconds", "test")
    assert audit is not None
    known = audit.filter(pl.col("status") == "resolved")["offset_s"].sort()
    assert told["offset_s"]["0%"] == known[0] and told["offset_s"]["100%"] == known[2]
    assert told["offset_s"]["50%"] == known[1]
    assert [one["session"] for one in told["least_sure"]] == (
        audit.filter(pl.col("status") == "resolved")
        .sort(pl.col("offset_upper") - pl.col("offset_lower"), descending=True)["subject"]
        .to_list()
    )
    assert "clocks of 3 of 4 sessions" in told["words"] and "1 sessions are left out" in told["words"]
    pairs = found.pairs("seconds", "test")
    lost_rows = pairs.filter(pl.col("subject") == test["subject"][0])
    assert set(lost_rows["reason"]) == {"clock_unresolved"} and lost_rows.height > 0


def test_no_session_known_says_so(tables: Any) -> None:
    reference, test = tables
    flat = test.with_columns(heart_rate=pl.lit(70, dtype=pl.Int16))
    found = evaluate(reference, flat, protocol=protocol())
    (told,) = found.document["clocks"]
    assert told["resolved"] == 0 and told["offset_s"] is None
    assert "nothing says how likely" in entry(found)["words"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a study folder of Parquet trees, which are read some subjects at a time."""
    place = tmp_path_factory.mktemp("study")
    STUDY.write(place / "data")
    ignored = "    extra_columns: ignored\n    columns:\n      subject"
    text = protocol().replace("    columns:\n      subject", ignored)
    (place / "protocol.yaml").write_text(text, encoding="utf-8")
    (place / "study.yaml").write_text(
        "schema: accordance/study/1\nid: clocks\ntitle: Clocks\nprotocol: protocol.yaml\n"
        "roots: {data: data}\n"
        "sources:\n  reference: {folder: data/reference}\n"
        "algorithm:\n  name: Rate\n  decides: test\n  versions:\n"
        "    test: {sources: {test: {folder: data/test_v2}}}\n",
        encoding="utf-8",
    )
    return place


def test_streams_say_the_same_and_are_paired_once(
    folder: Path, tables: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "TARGET_ROWS", 50_000)
    whole = evaluate(*tables, protocol=protocol())
    found = run(folder, workers=1)
    assert found.document["clocks"] == whole.document["clocks"]
    # the algorithm has another name, and with it the row
    assert plain(found) == plain(whole)
    assert found.folder is not None
    written = pl.read_parquet(found.folder / clocks_file("seconds", "test"))
    audit = whole.clocks("seconds", "test")
    assert audit is not None and written.equals(audit)
    read = found.clocks("seconds", "test")
    assert read is not None and read.equals(audit)
    original = found.pairs("seconds", "test")
    assert original.equals(whole.pairs("seconds", "test"))
    # another limit, and fewer errors, read no row: all pairs, with and without errors, are there
    wanted = protocol(3.0, TIPPING.replace("up_to: 20 s", "up_to: 10 s"))
    text = wanted.replace(
        "    columns:\n      subject", "    extra_columns: ignored\n    columns:\n      subject"
    )
    (folder / "protocol.yaml").write_text(text, encoding="utf-8")
    again = run(folder, workers=1)
    assert again.folder is not None
    log = pl.read_ndjson(again.folder / "log.jsonl").filter(pl.col("event") == "batches")
    assert log["clock_error"].to_list() == [None, -5, 5, -10, 10]
    assert log["rows_read"].to_list() == [0] * 5
    assert [one["estimate"] for one in entry(again)["points"]] == [
        one["estimate"] for one in entry(found)["points"][2:7]
    ]


def test_without_alignment_there_are_no_clocks(tables: Any) -> None:
    text = protocol()
    start = text.index("    alignment:")
    text = text[:start] + text[text.index("endpoints:") :]
    found = evaluate(*tables, protocol=text)
    assert found.document["clocks"] == [] and found.document["clock_tipping"] == []
    assert found.clocks("seconds", "test") is None
