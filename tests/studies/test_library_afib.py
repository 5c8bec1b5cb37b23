"""The ECG protocol on simulated studies: met, missed, not the study that was planned, goals not set."""

from __future__ import annotations

import polars as pl
import pytest

import accordance as ac
from accordance.datasets.simulate import afib_cohorts, afib_database
from accordance.datasets.simulate.afib import VersionTruth
from accordance.evaluators import sensitivity
from accordance.protocols import library
from accordance.protocols.load import parse
from accordance.protocols.validity_checks import open_items

OWN = """\
extends: library:afib-ecg
variant: {variant}
id: our-ecg
version: "1"
title: Our ECG software
resampling: {{replicates: 500}}
endpoints:
  sensitivity: {{criterion: {{limit: 0.90, suggestion: , tier: study, source: Agreed in a fiction}}}}
  specificity: {{criterion: {{limit: 0.92, suggestion: , tier: study, source: Agreed in a fiction}}}}
"""
COHORTS = "requirements: {cohorts: {at_least: 231}}\n"
TABLES = ("reads", "deviations", "adverse_events")
WEAK = VersionTruth(0.91, 0.985, 0.065, 0.10, 0.0, 3.6, 1.6)


CLINICAL = OWN.format(variant="clinical") + COHORTS


def study(own=CLINICAL, *, drop=(), tables=TABLES, **truth):
    made = afib_cohorts(**truth)
    return ac.evaluate(
        made.reference,
        made.test("v1_1"),
        subjects=made.subjects.drop(drop),
        protocol=own,
        tables={name: made.tables[name] for name in tables},
    )


def decided(found):
    return {
        entry["id"]: entry["decision"]
        for entry in found.document["endpoints"]
        if entry["role"] == "co_primary"
    }


def judged(found, endpoint):
    return found.endpoint(endpoint).filter(pl.col("criterion").is_not_null()).row(0, named=True)


@pytest.fixture(scope="module")
def met():
    return study()


def test_a_good_classifier_meets_both_goals(met):
    assert met.decision == "met", met.document["decision_reasons"]
    assert decided(met) == {"sensitivity": "met", "specificity": "met"}
    assert judged(met, "sensitivity")["criterion"] == "lower > 0.9"
    assert judged(met, "sensitivity")["ci_method"] == "clopper_pearson"


def test_a_weak_one_misses_one_goal_and_so_the_claim():
    found = study(version=WEAK)
    assert decided(found) == {"sensitivity": "not_met", "specificity": "met"}
    assert found.decision == "not_met"


def test_a_cohort_below_its_plan_is_not_evaluable_though_both_goals_are_passed():
    found = study(n_af=225)
    assert found.decision == "not_evaluable"
    assert set(decided(found).values()) == {"not_evaluable"}
    reason = found.document["decision_reasons"][0]
    assert "requirement `cohorts` is not met (Both cohorts as planned): AF: 2" in reason
    assert "at least 231 needed" in reason
    assert judged(found, "sensitivity")["otherwise"] == "met"


def test_nothing_is_decided_before_the_goals_are_set():
    assert open_items(library.load("afib-ecg")) == (
        "endpoints.sensitivity.criterion.limit",
        "endpoints.specificity.criterion.limit",
        "requirements.cohorts.at_least",
    )
    found = study('extends: library:afib-ecg\nid: a\nversion: "1"\ntitle: A\nresampling: {replicates: 200}\n')
    assert found.decision == "not_evaluable"
    assert "still to be set" in " ".join(found.document["decision_reasons"])


def test_what_stands_beside_the_decision(met):
    views = set(met.endpoint("sensitivity")["view"].unique())
    assert {"primary", "classifiable_only", "as_positive", "as_negative", "worst_case", "best_case"} <= views
    quality = met.endpoint("signal_quality").filter(pl.col("view") == "primary").row(0, named=True)
    assert 0.96 < quality["estimate"] < 1
    assert met.document["readers"]["n_readers"] == 3
    assert met.document["readers"]["agreement"]["fleiss_kappa"]["estimate"] > 0.9
    assert met.document["events"]["deviations"]["n_rows"] == 2
    assert met.document["events"]["adverse_events"]["n_rows"] == 1
    subgroups = set(met.endpoint("sensitivity")["subgroup"].drop_nulls())
    assert {"sex", "age", "race", "ethnicity", "skin_tone", "bmi", "wrist", "hardware", "site"} <= subgroups


def test_columns_and_tables_that_a_study_may_lack():
    optional = ["race", "ethnicity", "skin_tone", "bmi", "wrist_circumference", "hardware", "firmware"]
    found = study(drop=optional, tables=())
    assert found.decision == "met"
    assert found.document["events"]["deviations"]["recorded"] is False
    assert found.document["readers"] is None


def test_the_adjudicated_data_set_is_judged_by_its_records():
    made = afib_database()
    found = ac.evaluate(made.reference, made.test("v1_1"), protocol=OWN.format(variant="database"))
    assert found.decision == "met", found.document["decision_reasons"]
    row = judged(found, "sensitivity")
    assert (row["ci_method"], row["n_subjects"]) == ("korn_graubard", 60)
    weak = afib_database(version=WEAK)
    assert (
        ac.evaluate(weak.reference, weak.test("v1_1"), protocol=OWN.format(variant="database")).decision
        == "not_met"
    )
    assert set(parse(OWN.format(variant="database")).tables) == {"reference", "test"}


@pytest.mark.parametrize(
    ("right", "cases", "published"),
    # FDA DEN230041 (sensitivity for sleep apnoea) and K250507 (hypertension), as published in per cent
    [(167, 202, (82.7, 76.7, 87.6)), (241, 585, (41.2, 37.2, 45.3))],
)
def test_published_counts_by_the_interval_that_the_protocol_names(right, cases, published):
    method = library.load("afib-ecg").endpoints["sensitivity"].interval.methods["sensitivity"]
    found = sensitivity([1] * cases, [1] * right + [0] * (cases - right), average="pooled", ci=method)
    one = found["sensitivity"]
    shown = tuple(round(100 * value, 1) for value in (one.value, one.interval.lower, one.interval.upper))
    assert shown == published


def test_other_rhythms_are_counted_and_not_pooled(met):
    without = study(n_other=0)
    for endpoint in ("sensitivity", "specificity", "yield", "signal_quality"):
        rows = [
            found.endpoint(endpoint).filter(pl.col("subgroup").is_null())["estimate"].to_list()
            for found in (met, without)
        ]
        assert rows[0] == rows[1], endpoint
    others = met.endpoint("other_rhythms").filter(pl.col("view") == "primary").row(0, named=True)
    assert others["n_subjects"] < 24 and 0.7 < others["estimate"] <= 1
    none = without.endpoint("other_rhythms").filter(pl.col("view") == "primary").row(0, named=True)
    assert none["estimate"] is None and none["error"]
