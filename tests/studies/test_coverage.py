"""Coverage as an endpoint: every unit with a reference, those without an output as such."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from accordance import evaluators
from accordance.studies import slices
from accordance.studies.evaluate import evaluate
from accordance.studies.results import Results

HEAD = """
schema: accordance/protocol/1
id: wear
version: "1"
title: Heart rate in wear
intended_use: Wear.
objective: To estimate the error.
tables:
  subjects: {key: [subject], columns: {subject: {type: text}, sex: {type: category, levels: [f, m]}}}
  reference:
    key: [subject, time]
    time: time
    interval: 1 s
    columns:
      subject: {type: text}
      time: {type: number, unit: s}
      rate: {type: number, unit: 1/min, range: [20, 250], missing: allowed}
      activity: {type: category, levels: [rest, run]}
  test:
    key: [subject, time]
    time: time
    interval: 1 s
    columns:
      subject: {type: text}
      time: {type: number, unit: s}
      rate: {type: number, unit: 1/min, range: [20, 250], missing: allowed}
exclusions:
  fast: {title: Too fast, table: reference, where: {rate: {above: 200}}}
subgroups: {sex: {by: sex}}
seed: 1
"""
ERROR = """
endpoints:
  error: {title: Error, role: primary, metric: mae, average: pooled, reference: rate, test: rate,
          where: {test.rate: {above: 0}}, criterion: {compare: point, operator: "<", limit: 5, unit: 1/min}}
"""
DECLARED = """
endpoints:
  covered: {title: Coverage, role: primary, metric: coverage, average: pooled, reference: rate, test: rate,
            by: [reference.activity], subgroups: [sex],
            criterion: {compare: point, operator: ">", limit: 0.4, unit: proportion}}
"""
KEY = "pairings: {main: {method: key}}"
NEAREST = "pairings: {main: {method: nearest, tolerance: 0.4 s}}"
WINDOWS = "pairings: {main: {method: windows, unit: {length: 5 s}}}"
PEOPLE = {"subject": ["a", "b", "c"], "sex": ["f", "m", "f"]}


def reference() -> pl.DataFrame:
    """Twenty seconds of three subjects; one second without a value, one above every rate."""
    frames = []
    for subject in "abc":
        rates = [70.0] * 20
        frames.append(
            pl.DataFrame({"subject": [subject] * 20, "time": [float(t) for t in range(20)], "rate": rates})
        )
    frame = pl.concat(frames).with_columns(activity=pl.Series((["rest"] * 10 + ["run"] * 10) * 3))
    first, last = (pl.col("time") == 0) & (pl.col("subject") == "a"), (pl.col("time") == 19)
    return frame.with_columns(
        pl.when(first)
        .then(None)
        .when(last & (pl.col("subject") == "b"))
        .then(240.0)
        .otherwise("rate")
        .alias("rate")
    )


def output() -> pl.DataFrame:
    """Subject a: all but the last five seconds; b: the first ten, of which one is empty; c: nothing."""
    rows = [("a", float(t), 71.0) for t in range(15)] + [("b", float(t), 71.0) for t in range(10)]
    rows[20] = ("b", 5.0, None)
    return pl.DataFrame(rows, schema=["subject", "time", "rate"], orient="row")


def found(pairing: str, endpoints: str = ERROR) -> Results:
    """Results of the three subjects."""
    return evaluate(reference(), output(), protocol=f"{HEAD}{pairing}\n{endpoints}", subjects=PEOPLE)


def one(results: Results, name: str = "coverage") -> dict[str, Any]:
    """The whole of an endpoint."""
    rows = results.endpoint(name).filter(
        pl.col("by").is_null() & pl.col("subgroup").is_null() & (pl.col("view") == "primary")
    )
    assert rows.height == 1
    return rows.to_dicts()[0]


def brute(frame: pl.DataFrame) -> tuple[int, int]:
    """Units with a reference, and those of them with an output, one after the other."""
    known = covered = 0
    for row in frame.iter_rows(named=True):
        value = row["reference.rate"]
        if row["reference_row"] is not None and value is not None and value <= 200:
            known += 1
            covered += row["test.rate"] is not None
    return known, covered


@pytest.mark.parametrize(
    ("pairing", "units", "covered"),
    [
        # 60 seconds, one without a reference value and one excluded; a: 14 of 19, b: 9 of 19
        (KEY, 58, 23),
        (NEAREST, 58, 23),
        # windows of 5 s; the excluded second leaves b's last window enough. a: 3 of 4, b: 2 of 4
        (WINDOWS, 12, 5),
    ],
)
def test_every_unit_with_a_reference_counts(pairing: str, units: int, covered: int) -> None:
    results = found(pairing)
    row = one(results)
    assert (row["n_units"], row["n_events"], row["n_subjects"]) == (units, covered, 3)
    assert row["estimate"] == covered / units
    assert row["role"] == "supportive"
    assert row["criterion"] is None
    assert brute(results.pairs("main", "test")) == (units, covered)
    assert one(results, "error")["n_units"] == covered


def test_interval_takes_subjects_as_the_independent_units() -> None:
    results = found(KEY)
    row = one(results)
    rows = slices.rows(results.protocol, "coverage", results.pairs("main", "test"))
    assert rows["subject"].to_list() == ["a"] * 19 + ["b"] * 19 + ["c"] * 20
    theirs = evaluators.coverage(
        rows["reference"], rows["test"].replace(0, None), subject=rows["subject"], ci=row["ci_method"]
    )["coverage"]
    assert row["ci_lower"] == pytest.approx(theirs.interval.lower, rel=1e-9)
    assert row["ci_upper"] == pytest.approx(theirs.interval.upper, rel=1e-9)


def test_a_declared_one_decides_by_level_and_subgroup() -> None:
    results = found(WINDOWS, DECLARED)
    assert results.decision == "met"
    assert "coverage" not in results.rows["endpoint"]
    rows = results.endpoint("covered")
    levels = {row["by"]: row["estimate"] for row in rows.iter_rows(named=True) if row["by"]}
    assert levels == {
        '{"reference.activity":"rest"}': pytest.approx(4 / 6),
        '{"reference.activity":"run"}': pytest.approx(1 / 6),
    }
    sexes = {row["level"]: row["estimate"] for row in rows.iter_rows(named=True) if row["subgroup"] == "sex"}
    assert sexes == {"f": pytest.approx(3 / 8), "m": pytest.approx(2 / 4)}


def test_the_automatic_one_has_the_levels_of_the_reference() -> None:
    by = ERROR.replace("reference: rate", "by: [reference.activity], reference: rate")
    rows = found(WINDOWS, by).endpoint("coverage")
    assert {row["by"]: (row["n_events"], row["n_units"]) for row in rows.iter_rows(named=True)} == {
        None: (5, 12),
        '{"reference.activity":"rest"}': (4, 6),
        '{"reference.activity":"run"}': (1, 6),
    }


def test_units_with_too_little_of_an_output_are_missing_for_it() -> None:
    results = evaluate(
        reference(),
        output().filter((pl.col("subject") != "a") | (pl.col("time") < 12)),
        protocol=f"{HEAD}{WINDOWS}\n{ERROR}".replace("where: {test.rate: {above: 0}}, ", ""),
        subjects=PEOPLE,
    )
    (entry,) = results.document["missing"]
    assert [(cause["code"], cause["units"]) for cause in entry["output_unavailable"]["causes"]] == [
        ("low_coverage_test", 1),
        ("no_test", 7),
    ]


def test_the_flow_of_its_rows_ends_at_the_units_with_a_reference() -> None:
    for pairing, units in ((KEY, 58), (NEAREST, 58), (WINDOWS, 12)):
        document = found(pairing, DECLARED).document
        (entry,) = [entry for entry in document["endpoints"] if entry["id"] == "covered"]
        last = entry["accounting"][0]["steps"][-1]
        assert (last["code"], last["n_reference_rows"], last["n_subjects"]) == ("analysed", units, 3)
        stages = document["flow"][0]["stages"]
        assert (stages[-1]["n_units"], stages[-1]["n_subjects"]) == (units, 3)


def test_missing_outputs_of_coverage_are_not_missing_data() -> None:
    policy = "missing: {primary: complete_case, sensitivity: [worst_case], rationale: Rare.}\n"
    results = found(f"{policy}{WINDOWS}", DECLARED)
    assert results.rows["view"].unique().to_list() == ["primary"]
    assert results.document["missing"] == []


def test_units_are_told_in_the_document() -> None:
    units = found(WINDOWS).document["units"]
    assert [(entry["side"], entry["n_units"]) for entry in units] == [("reference", 12), ("test", 5)]
    told = {step["code"]: step["n_rows"] for step in units[0]["steps"]}
    assert told == {"read": 60, "missing_value": 1, "fast": 1, "used": 58}
    assert {step["code"]: step["n_rows"] for step in units[1]["steps"]} == {
        "read": 25,
        "missing_value": 1,
        "used": 24,
    }
    assert found(KEY).document["units"] == []


def test_the_plain_function() -> None:
    result = evaluators.coverage([60, 61, 75, None], [61, None, 74, 80], subject=["a", "a", "b", "b"])
    assert result["coverage"].value == pytest.approx(2 / 3)
    assert evaluators.coverage([None], [1])["coverage"].error == "There are no reference units."
    assert evaluators.coverage(["AF", "SR"], ["AF", "poor"], indeterminate="poor")["coverage"].value == 0.5
    with pytest.raises(ValueError, match="test"):
        evaluators.coverage([1, 2], [1])
