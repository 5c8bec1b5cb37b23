"""Events as outcomes: real records as `bxb` counts them, every row accounted for, clear refusals."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from accordance.datasets.pairing import pair
from accordance.datasets.pairs import Pairs
from accordance.evaluators.rhythm.beats import ROWS
from accordance.protocols.errors import ContractError
from accordance.protocols.load import parse

sys.path.append(str(Path(__file__).parents[1] / "evaluators" / "rhythm"))

TABLE = """
    key: [subject, time, n]
    time: time
    columns:
      subject: {type: text}
      time: {type: number, unit: s}
      n: {type: integer}
      symbol: {type: text}
      subtype: {type: integer}
      beat: {type: category, levels: [N, S, V, F, Q, O, X],
             event: {of: symbol, map: wfdb, unreadable: X, subtype: subtype}}
"""
BEATS = f"""
schema: accordance/protocol/1
id: beats
version: "1.0"
title: Beats
intended_use: Adults
objective: Detection of beats
tables:
  reference: {TABLE}
  test: {TABLE}
  records:
    key: [subject]
    columns:
      subject: {{type: text}}
      begin: {{type: number, unit: s}}
      end: {{type: number, unit: s}}
pairings:
  beats:
    method: events
    on: [subject]
    match: {{by: beats, rate: RATE Hz, mode: wfdb_compat, within: {{table: records, start: begin, end: end}}}}
endpoints:
  qrs: {{title: QRS, role: secondary, metric: beat_detection, average: pooled, reference: beat, test: beat}}
seed: 1
"""


def of_record(name: str, found: Any, rate: float) -> pl.DataFrame:
    n = len(found.sample)
    return pl.DataFrame(
        {
            "subject": [name] * n, "time": found.sample / rate, "n": np.arange(n),
            "symbol": found.symbol.tolist(), "subtype": found.subtype,
        }
    )  # fmt: skip


def matrix(pairs: Pairs, subject: str | None = None) -> np.ndarray:
    frame = pairs.frame if subject is None else pairs.frame.filter(pl.col("subject") == subject)
    found = np.zeros((7, 7), dtype=np.int64)
    for row in frame.group_by("reference.beat", "test.beat").len().iter_rows():
        found[ROWS.index(row[0]), ROWS.index(row[1])] = row[2]
    return found


def test_records_are_counted_as_by_the_program(reference_data: Path) -> None:
    """Every pair of annotators of every record: the matrix of `bxb`, and an audit that adds up."""
    from reference_cases import real, records  # noqa: PLC0415

    from accordance.evaluators.rhythm.beats import compare_beats  # noqa: PLC0415

    lengths = records(reference_data)
    cases = [case for case in real(reference_data, "bxb") if not case.options]
    assert len(cases) > 50
    for rate in sorted({case.fs for case in cases}):
        own = [case for case in cases if case.fs == rate]
        names = [case.name for case in own]
        protocol = parse(BEATS.replace("RATE", f"{rate:g}"), file="beats.yaml")
        spans = pl.DataFrame(
            {"subject": names, "begin": [0.0] * len(own), "end": [(case.length or 0) / rate for case in own]}
        )
        pairs = pair(
            protocol, "beats", version="v1", tables={"records": spans},
            reference=pl.concat(of_record(case.name, case.reference, rate) for case in own),
            test=pl.concat(of_record(case.name, case.test, rate) for case in own),
        )  # fmt: skip
        for case in own:
            expected = compare_beats(case.reference, case.test, case.fs, case.length).matrix
            np.testing.assert_array_equal(matrix(pairs, case.name), expected, err_msg=case.name)
        audit = pairs.regrid
        assert audit is not None
        told = audit.group_by("side", pl.col("reason") == "read").agg(pl.col("n_rows").sum())
        totals = {(side, read): n for side, read, n in told.iter_rows()}
        assert totals["reference", True] == totals["reference", False]
        assert totals["test", True] == sum(len(case.test.sample) for case in own)
    assert lengths


SIDE = """
    key: [subject, night, time]
    time: time
    duration: seconds
    exclusion: why
    columns:
      subject: {type: text}
      night: {type: integer}
      time: {type: number, unit: s}
      seconds: {type: number, unit: s}
      label: {type: text}
      why: {type: text, missing: allowed}
      event: {type: category, levels: [apnoea, hypopnoea, none],
              event: {of: label, classes: {OA: apnoea, CA: apnoea}, ignored: [arousal], none: none}}
"""
EVENTS = f"""
schema: accordance/protocol/1
id: breath
version: "1.0"
title: Breathing events
intended_use: Adults
objective: Detection of events
tables:
  reference: {SIDE}
  test: {SIDE}
exclusions:
  artefact: {{title: Artefact}}
pairings:
  events: {{method: events, on: [subject, night], match: MATCH}}
endpoints:
  kinds: {{title: Kinds, role: secondary, metric: cohen_kappa, reference: event, test: event}}
seed: 1
"""


def events(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """Rows of subject, night, time, seconds, label and, where there is one, the reason for exclusion."""
    names = ("subject", "night", "time", "seconds", "label", "why")
    schema = dict(
        zip(names, (pl.String, pl.Int64, pl.Float64, pl.Float64, pl.String, pl.String), strict=True)
    )
    return pl.DataFrame([(*row, None)[:6] for row in rows], schema=schema, orient="row")


def outcomes(pairs: Pairs) -> list[tuple[Any, ...]]:
    columns = ("subject", "night", "time", "reference.event", "test.event", "reference_row", "test_row")
    return pairs.frame.select(columns).rows()


def paired(match: str, reference: pl.DataFrame, test: pl.DataFrame, text: str = EVENTS) -> Pairs:
    protocol = parse(text.replace("MATCH", match), file="events.yaml")
    return pair(protocol, "events", version="v1", reference=reference, test=test)


def fates(pairs: Pairs) -> dict[tuple[str, str], int]:
    assert pairs.regrid is not None
    told = pairs.regrid.group_by("side", "reason").agg(pl.col("n_rows").sum())
    return {(side, reason): n for side, reason, n in told.iter_rows()}


REFERENCE = events(
    ("a", 1, 10, 20, "OA"), ("a", 1, 100, 15, "hypopnoea"), ("a", 1, 300, 12, "arousal"),
    ("a", 2, 50, 20, "CA"), ("b", 1, 40, 10, "hypopnoea", "artefact"),
)  # fmt: skip
TEST = events(
    ("a", 1, 14, 10, "apnoea"), ("a", 1, 102, 20, "OA"), ("a", 1, 200, 30, "hypopnoea"),
    ("b", 1, 41, 10, "hypopnoea"), ("c", 1, 5, 10, "OA"),
)  # fmt: skip


@pytest.mark.parametrize(
    "match", ["{by: points, tolerance: 5 s}", "{by: intervals}", "{by: intervals, least_overlap: 0.4}"]
)
def test_points_and_intervals_by_hand(match: str) -> None:
    """Matched, missed and extra, in order of time; a night without test rows is missed whole, one without
    reference rows is left out."""
    found = paired(match, REFERENCE, TEST)
    assert outcomes(found) == [
        ("a", 1, 10.0, "apnoea", "apnoea", 0, 0),
        ("a", 1, 100.0, "hypopnoea", "apnoea", 1, 1),
        ("a", 1, 200.0, "none", "hypopnoea", -3, 2),
        ("a", 2, 50.0, "apnoea", "none", 3, -4),
        ("b", 1, 40.0, "hypopnoea", "hypopnoea", 4, 3),
    ]
    assert fates(found) == {
        ("reference", "read"): 5, ("reference", "used"): 4, ("reference", "no_event"): 1,
        ("test", "read"): 5, ("test", "used"): 4, ("test", "no_session"): 1,
    }  # fmt: skip
    reasons = dict(found.frame.select("subject", "reason").rows())
    assert reasons == {"a": None, "b": "artefact"}


def test_one_class_a_tolerance_and_a_beginning() -> None:
    apart = paired("{by: points, tolerance: 5 s, same_class: true}", REFERENCE, TEST)
    assert [row[3:5] for row in outcomes(apart)][1:3] == [("hypopnoea", "none"), ("none", "apnoea")]
    close = paired("{by: points, tolerance: 3 s}", REFERENCE, TEST)
    assert [row[3:5] for row in outcomes(close)][:2] == [("apnoea", "none"), ("none", "apnoea")]
    late = paired("{by: points, tolerance: 5 s, learning: 1 min}", REFERENCE, TEST)
    assert [row[2] for row in outcomes(late)] == [100.0, 200.0]
    assert fates(late)["reference", "learning"] == 3 and fates(late)["test", "learning"] == 2
    edge = paired("{by: points, tolerance: 5 s, learning: 12 s}", REFERENCE, TEST)  # matched, and too early
    assert fates(edge)["reference", "learning"] == 1 and fates(edge)["test", "learning"] == 1
    little = paired("{by: intervals, least_overlap: 0.55}", REFERENCE, TEST)  # 10 of 20 s, and 13 of 22 s
    assert [row[3:5] for row in outcomes(little)][:3] == [
        ("apnoea", "none"), ("none", "apnoea"), ("hypopnoea", "apnoea")
    ]  # fmt: skip


def test_subjects_do_not_depend_on_others_nor_on_the_order_of_rows() -> None:
    whole = paired("{by: points, tolerance: 5 s}", REFERENCE, TEST)
    turned = paired("{by: points, tolerance: 5 s}", REFERENCE.reverse(), TEST.reverse())
    plain = [row[:5] for row in outcomes(whole)]
    assert [row[:5] for row in outcomes(turned)] == plain
    alone = paired(
        "{by: points, tolerance: 5 s}", *(one.filter(pl.col("subject") == "a") for one in (REFERENCE, TEST))
    )
    assert [row[:5] for row in outcomes(alone)] == plain[:4]


def test_what_labels_mean_nothing_is_said_at_once() -> None:
    strange = events(("a", 1, 10, 20, "XX"), ("a", 1, 60, 5, "XX"), ("a", 1, 90, 5, "yawn"))
    with pytest.raises(ContractError) as refusal:
        paired("{by: points, tolerance: 5 s}", strange, strange)
    told = str(refusal.value)
    assert told.count("`XX` (2 rows), `yawn` (1 rows)") == 2
    assert "tables.reference.columns.event.event" in told and "tables.test.columns.event.event" in told


def test_overlapping_intervals_of_one_side_are_refused() -> None:
    twice = events(("a", 1, 10, 20, "OA"), ("a", 1, 15, 20, "OA"))
    with pytest.raises(ContractError) as refusal:
        paired("{by: intervals}", twice, pl.concat([twice, TEST]))
    told = str(refusal.value)
    assert "`reference` has 1 events that begin before" in told and "first in a 1, 15 s after" in told
    assert "`test` has 2 events" in told
    apart = events(("a", 1, 10, 20, "OA"), ("a", 1, 15, 20, "hypopnoea"))
    assert paired("{by: intervals, same_class: true}", apart, TEST).frame.height == 4
    with pytest.raises(ContractError, match="begin before"):
        paired("{by: intervals}", apart, TEST)


@pytest.mark.parametrize("match", ["{by: points, tolerance: 5 s}", "{by: intervals}"])
def test_tables_without_a_row(match: str) -> None:
    none = events()
    assert paired(match, none, none).frame.height == 0
    missed = paired(match, REFERENCE, none)
    assert missed.frame["test.event"].unique().to_list() == ["none"] and missed.frame.height == 4
    assert fates(paired(match, none, TEST)) == {("test", "read"): 5, ("test", "no_session"): 5}
    text = BEATS.replace("RATE", "250")
    schema = {
        "subject": pl.String,
        "time": pl.Float64,
        "n": pl.Int64,
        "symbol": pl.String,
        "subtype": pl.Int64,
    }
    empty = pl.DataFrame(schema=schema)
    spans = pl.DataFrame({"subject": ["a"], "begin": [0.0], "end": [900.0]})
    protocol = parse(text, file="beats.yaml")
    found = pair(protocol, "beats", version="v1", reference=empty, test=empty, tables={"records": spans})
    assert found.frame.height == 0


def test_records_not_longer_than_the_learning_period_are_named_together() -> None:
    protocol = parse(BEATS.replace("RATE", "250"), file="beats.yaml")
    rows = pl.concat(
        pl.DataFrame({"subject": [name], "time": [1.0], "n": [0], "symbol": ["N"], "subtype": [0]})
        for name in ("a", "b", "c")
    )
    spans = pl.DataFrame({"subject": ["a", "b", "c"], "begin": [0.0] * 3, "end": [200.0, 200.0, 900.0]})
    with pytest.raises(
        ContractError, match=r"a, b: The record has 200 s and the learning period takes 300 s"
    ):
        pair(protocol, "beats", version="v1", reference=rows, test=rows, tables={"records": spans})
    several = pl.concat([spans, spans.with_columns(begin=1000.0, end=2000.0)])
    with pytest.raises(ContractError, match="one stretch a session, and these have several: a, b, c"):
        pair(protocol, "beats", version="v1", reference=rows, test=rows, tables={"records": several})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("match: MATCH", "match: {by: points}", "points need a `tolerance`"),
        ("match: MATCH", "match: {by: intervals, tolerance: 5 s}", "a tolerance belongs to points"),
        ("match: MATCH", "match: {by: beats, rate: 250 Hz}", "the event column needs `map`"),
        ("match: MATCH", "match: {by: points, tolerance: 5 s, rate: 1 Hz}", "samples are counted by"),
        ("match: MATCH", "match: {by: points, tolerance: 5 s, test: label}", "no event column of this name"),
        ("method: events", "method: nearest, tolerance: 5 s", "events are matched by `method: events`"),
        ("{OA: apnoea, CA: apnoea}", "{OA: apnea}", "there is no class of this name"),
        ("none: none", "none: nothing", "there is no level of this name"),
        ("ignored: [arousal]", "ignored: [arousal], unreadable: none", "belongs to the symbols of WFDB"),
        ("    duration: seconds\n", "", "intervals last"),
        ("metric: cohen_kappa", "metric: coverage", "coverage of events would always be 100%"),
    ],
)  # fmt: skip
def test_what_a_protocol_may_not_say(old: str, new: str, message: str) -> None:
    text = EVENTS.replace(old, new)
    text = text.replace("MATCH", "{by: intervals}" if "duration" in old else "{by: points, tolerance: 5 s}")
    with pytest.raises(ContractError) as refusal:
        parse(text, file="events.yaml")
    assert message in str(refusal.value)


def test_an_event_column_is_nothing_to_other_pairings() -> None:
    text = EVENTS.replace(
        "{method: events, on: [subject, night], match: MATCH}", "{method: nearest, tolerance: 5 s}"
    )
    with pytest.raises(ContractError, match="events are compared once they are matched; pair by `events`"):
        parse(text, file="events.yaml")


def test_beats_before_the_stretch_that_counts_are_outside() -> None:
    """A recording that begins at 400 s: what was annotated before is neither missed nor extra."""
    text = BEATS.replace("RATE Hz,", "250 Hz, learning: 0 s,").replace("mode: wfdb_compat", "mode: corrected")
    times = [100.0, 200.0, 399.99, 401.0, 402.0]
    rows = pl.DataFrame(
        {"subject": ["a"] * 5, "time": times, "n": range(5), "symbol": ["N"] * 5, "subtype": [0] * 5}
    )
    found = rows.with_columns(pl.col("time") + 0.01)
    spans = pl.DataFrame({"subject": ["a"], "begin": [400.0], "end": [900.0]})
    pairs = pair(
        parse(text, file="beats.yaml"), "beats", version="v1", reference=rows, test=found,
        tables={"records": spans},
    )  # fmt: skip
    assert pairs.frame["time"].to_list()[-2:] == [401.0, 402.0]
    assert pairs.frame.filter(pl.col("reference.beat") != "O").height == 2
    assert fates(pairs)["reference", "outside_within"] == 3
    assert fates(pairs)["test", "outside_within"] == 2
