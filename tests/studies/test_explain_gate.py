"""Where a number comes from, and what a gate answers."""

from __future__ import annotations

import hashlib

import polars as pl
import pytest

from accordance.studies.explain import explain, text
from accordance.studies.gate import gate
from accordance.studies.run import run


def edit(study, old, new):
    path = study / "protocol.yaml"
    before = path.read_text(encoding="utf-8")
    assert old in before
    path.write_text(before.replace(old, new), encoding="utf-8")


def find(results, **place):
    wanted = {"view": "primary", "version": "v2", "by": None, "subgroup": None, **place}
    (row,) = [
        row for row in results.rows.iter_rows(named=True) if all(row[k] == v for k, v in wanted.items())
    ]
    return row


def test_a_decision_is_explained_down_to_its_files(make_study):
    study = make_study()
    results = run(study)
    row = find(results, endpoint="error")
    found = explain(results, row["row_id"])
    assert found["row"] == row
    assert found["decision"]["part"] == "takes part in the study's decision"
    assert found["decision"]["rule"] == "the upper bound of the interval must be < 10 1/min"
    assert found["decision"]["compared"] == repr(row["ci_upper"])
    assert found["interval"]["seed"] == 7
    assert found["interval"]["resampling"] == "500 replicates of subjects, strata: none"
    assert found["statistic"]["direction"] == "test minus reference"
    assert found["rows"]["analysed_rows"] == 12
    sha256 = hashlib.sha256((study / "data" / "test_v2.csv").read_bytes()).hexdigest()
    assert found["data"]["test"] == ["12 rows", f"data/test_v2.csv sha256 {sha256}"]
    assert found["question"]["pre_specified"] == "no plan was locked"


def test_what_was_left_out_is_counted_by_reason(make_study):
    subjects = {
        "subject": ["001", "002", "003", "004", "005"],
        "cohort": ["A", "A", "A", "B", "B"],
        "age": [20, 64, 65, 74, 75],
        "exclusion": ["withdrawn", None, None, None, None],
    }
    results = run(make_study(tables={"subjects": subjects}))
    found = explain(results, find(results, endpoint="sensitivity")["row_id"])["rows"]
    assert found["left_out"] == {
        "indeterminate: The algorithm gave no determinate result": 1,
        "orphan_subject: Subject is not in the subjects table": 2,
        "withdrawn: Subject withdrew": 2,
    }
    assert found["analysed_rows"] + sum(found["left_out"].values()) == 12
    assert found["view"] == "outputs that are no result are left out (the declared primary view)"
    assert found["positive"] == "AF"


def test_a_part_is_named(make_study):
    results = run(make_study())
    by = explain(results, find(results, endpoint="sensitivity", by='{"cohort":"A"}')["row_id"])
    subgroup = explain(results, find(results, endpoint="error", subgroup="age", level="65–74")["row_id"])
    assert by["rows"]["part"] == "cohort = A"
    assert by["rows"]["analysed_rows"] + by["rows"]["in_other_parts"] == 10
    assert subgroup["rows"]["part"] == "subgroup age: 65–74"
    assert subgroup["decision"] == {"decision": "No criterion"}


def test_what_does_not_decide_says_why(spa):
    results = run(spa)
    parts = {
        place: explain(
            results, find(results, endpoint="specificity", version=place[0], view=place[1])["row_id"]
        )
        for place in (("v1_1", "primary"), ("v1_0", "primary"), ("v1_1", "as_positive"))
    }
    assert {place: found["decision"]["part"] for place, found in parts.items()} == {
        ("v1_1", "primary"): "takes part in the study's decision",
        ("v1_0", "primary"): "does not decide the study: version v1_1 does",
        ("v1_1", "as_positive"): "does not decide the study: the primary view does",
    }


def test_every_row_can_be_explained_in_words(spa):
    results = run(spa)
    for row in results.rows.iter_rows(named=True):
        lines = text(explain(results, row["row_id"])).splitlines()
        assert lines[0].startswith(f"{row['endpoint']}: {row['statistic']} = ")
        assert {"Question", "Statistic", "Rows", "Interval", "Decision", "Data", "Reproduce"} <= set(lines)


def test_a_failed_row_says_why(make_study):
    results = run(make_study())
    row = find(results, endpoint="error", subgroup="cohort", level="C")
    lines = text(explain(results, row["row_id"])).splitlines()
    assert lines[0] == "error: rmse = no value 1/min"
    assert "  error: no analysable rows in this part of the data" in lines
    assert "  interval: none" in lines


@pytest.mark.parametrize(
    ("old", "new", "code", "decision", "said"),
    [
        ("seed: 7", "seed: 7", 0, "met", "upper < 10: Met"),
        (
            "limit: 10,",
            "limit: 0.1,",
            1,
            "not_met",
            "upper < 0.1: Not met; the whole interval lies beyond the limit",
        ),
        ("replicates: 500", "replicates: 500", 0, "met", "error: rmse "),
    ],
)
def test_a_gate_answers_by_the_decision(make_study, old, new, code, decision, said):
    study = make_study()
    edit(study, old, new)
    outcome = gate(run(study))
    assert (outcome.exit_code, outcome.decision) == (code, decision)
    assert said in outcome.lines[1]
    assert outcome.lines[0].startswith("Success criterion demonstrated: ")


def test_a_gate_never_opens_where_nothing_decides(make_study):
    study = make_study()
    edit(study, "role: primary", "role: secondary")
    outcome = gate(run(study))
    assert (outcome.exit_code, outcome.decision, len(outcome.lines)) == (3, "informative", 1)


def test_a_gate_does_not_open_for_what_cannot_be_evaluated(make_study):
    study = make_study()
    frame = pl.read_csv(study / "data" / "test_v2.csv", infer_schema=False).head(1)
    frame.write_csv(study / "data" / "test_v2.csv")
    outcome = gate(run(study))
    assert (outcome.exit_code, outcome.decision) == (3, "not_evaluable")
    assert "Not evaluable: " in outcome.lines[1]
