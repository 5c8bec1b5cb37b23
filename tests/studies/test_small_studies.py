"""Studies too small or too plain to answer: rows with their reason, not_evaluable, never a stopped run."""

from __future__ import annotations

import pytest

from accordance.studies.gate import gate
from accordance.studies.run import run

AGREEMENT = """\
  bias:
    title: Bias
    role: primary
    metric: bland_altman
    parameters: {truth: TRUTH}
    reference: rate
    test: rate
    subgroups: []
    criterion: {compare: both, operator: within, limit: [-5, 5], unit: 1/min, source: Made up.}
"""
SENSITIVITY = """\
  sensitivity:
    title: Sensitivity
    role: primary
    metric: sensitivity
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [AF]
    interval: {method: METHOD, DEGENERATE}
    subgroups: []
    criterion: {compare: lower, operator: ">", limit: LIMIT, source: Made up.}
"""
ONE_VERSION = """\
schema: accordance/study/1
id: made
title: A study made for a test
protocol: protocol.yaml
sources:
  subjects: {file: data/subjects.csv}
  reference: {file: data/reference.csv}
algorithm:
  name: Algorithm
  versions:
    v1: {sources: {test: {file: data/test_v1.csv}}}
"""


def table(subjects, rate, rhythm=None):
    n = len(rate) // len(subjects)
    return {
        "subject": [subject for subject in subjects for _ in range(n)],
        "epoch": [epoch for _ in subjects for epoch in range(n)],
        "rate": rate,
        "rhythm": rhythm or ["SR"] * len(rate),
    }


def tables(subjects, reference, test, truth=None, output=None):
    return {
        "subjects": {
            "subject": subjects,
            "cohort": ["A"] * len(subjects),
            "age": [50] * len(subjects),
            "exclusion": [None] * len(subjects),
        },
        "reference": table(subjects, reference, truth),
        "test_v1": table(subjects, test, output),
    }


def sensitivity(method="clopper_pearson", degenerate="degenerate: not_evaluable", limit="0.5"):
    text = SENSITIVITY.replace("METHOD", method).replace("DEGENERATE", degenerate)
    return text.replace("LIMIT", limit)


def outcome(study):
    results = run(study)
    decided = [
        row for row in results.rows.iter_rows(named=True) if row["criterion"] and row["view"] == "primary"
    ]
    assert len(decided) == 1
    assert results.decision == decided[0]["decision"]
    return results, decided[0]


@pytest.mark.parametrize(
    ("truth", "subjects", "reference", "test"),
    [
        ("varying", ["1"], [60.0, 70], [61.0, 72]),
        ("independent", ["1"], [60.0], [61.0]),
        ("independent", ["1", "2", "3"], [60.0, 70, 80], [62.0, 72, 82]),
        ("varying", ["1", "2"], [60.0, 70, 80, 90], [62.0, 72, 82, 92]),
    ],
    ids=["one subject", "one pair", "zero variance", "zero variance, repeated"],
)
def test_agreement_that_cannot_be_judged(make_study, truth, subjects, reference, test):
    made = make_study(
        study=ONE_VERSION,
        endpoints=AGREEMENT.replace("TRUTH", truth),
        tables=tables(subjects, reference, test),
    )
    results, row = outcome(made)
    assert row["decision"] == "not_evaluable"
    assert row["error"]
    assert row["evidence"] is None
    assert results.document["decision_words"] == "Success criterion demonstrated: not evaluable"
    assert gate(results).exit_code == 3


def test_several_pairs_a_subject_are_not_taken_for_independent(make_study):
    made = make_study(
        study=ONE_VERSION,
        endpoints=AGREEMENT.replace("TRUTH", "independent"),
        tables=tables(["1", "2"], [60.0, 70, 80, 90], [61.0, 72, 80, 93]),
    )
    _, row = outcome(made)
    assert row["decision"] == "not_evaluable"


def test_an_empty_class_is_a_row_with_its_reason(make_study):
    made = make_study(
        study=ONE_VERSION,
        endpoints=sensitivity(),
        tables=tables(["1", "2", "3"], [60.0] * 3, [60.0] * 3),
    )
    _, row = outcome(made)
    assert row["estimate"] is None
    assert row["decision"] == "not_evaluable"
    assert row["error"]
    assert row["n_units"] == 0


def test_ten_of_ten_does_not_pass_by_resampling(make_study):
    subjects = [str(number) for number in range(10)]
    data = tables(subjects, [60.0] * 10, [60.0] * 10, ["AF"] * 10, ["AF"] * 10)
    made = make_study(study=ONE_VERSION, endpoints=sensitivity("bootstrap_percentile"), tables=data)
    _, row = outcome(made)
    assert (row["estimate"], row["ci_lower"], row["ci_upper"]) == (1, 1, 1)
    assert row["decision"] == "not_evaluable"
    assert "no spread" in row["error"]


@pytest.mark.parametrize(("limit", "decision"), [("0.69", "met"), ("0.70", "not_met")])
def test_ten_of_ten_is_judged_by_the_declared_exact_bound(make_study, limit, decision):
    """Oracle: R, `binom.test(10, 10)$conf.int`: 0.6915029, 1 (Clopper and Pearson 1934)."""
    subjects = [str(number) for number in range(10)]
    data = tables(subjects, [60.0] * 20, [60.0] * 20, ["AF"] * 20, ["AF"] * 20)
    exact = sensitivity("bootstrap_percentile", "degenerate: exact_subject", limit)
    _, row = outcome(make_study(study=ONE_VERSION, endpoints=exact, tables=data))
    assert (row["ci_lower"], row["ci_upper"]) == pytest.approx((0.6915029, 1.0), rel=1e-7)
    assert row["ci_method"] == "clopper_pearson"
    assert row["decision"] == decision
    assert "10 of 10" in row["warning"]


def test_the_exact_bound_of_subjects_who_are_all_half_right_says_nothing(make_study):
    """No subject is a success, none a failure: the upper bound of 0 of 10, 0.31, is below the estimate."""
    subjects = [str(number) for number in range(10)]
    data = tables(subjects, [60.0] * 20, [60.0] * 20, ["AF"] * 20, ["AF", "SR"] * 10)
    exact = sensitivity("bootstrap_percentile", "degenerate: exact_subject", "0.4")
    _, row = outcome(make_study(study=ONE_VERSION, endpoints=exact, tables=data))
    assert (row["estimate"], row["ci_lower"], row["ci_upper"]) == (0.5, 0.0, 1.0)
    assert row["decision"] == "not_met"


def test_a_binomial_interval_over_several_rows_a_subject_cannot_decide(make_study):
    subjects = [str(number) for number in range(10)]
    output = ["AF", "AF"] * 9 + ["AF", "SR"]
    data = tables(subjects, [60.0] * 20, [60.0] * 20, ["AF"] * 20, output)
    _, row = outcome(make_study(study=ONE_VERSION, endpoints=sensitivity(), tables=data))
    assert row["decision"] == "not_evaluable"
    declared = sensitivity(degenerate="cluster: none, cluster_rationale: Rows are independent by design.")
    _, row = outcome(make_study("declared", study=ONE_VERSION, endpoints=declared, tables=data))
    assert row["decision"] == "met"


def test_nothing_paired_is_said_and_does_not_stop_the_run(make_study):
    data = tables(["1", "2"], [60.0, 70], [61.0, 72])
    data["test_v1"]["epoch"] = [7, 8]
    made = make_study(study=ONE_VERSION, endpoints=AGREEMENT.replace("TRUTH", "independent"), tables=data)
    results, row = outcome(made)
    assert row["decision"] == "not_evaluable"
    assert "no analysable rows" in row["error"]
    frame = results.pairs("epochs", "v1")
    assert sorted(frame["reason"].to_list()) == ["no_reference"] * 2 + ["no_test"] * 2


def test_orphan_subjects_are_coded_and_left_out(make_study):
    data = tables(["1", "2", "3", "4"], [60.0, 70, 80, 90], [61.0, 72, 80, 93])
    data["subjects"] = {name: values[:3] for name, values in data["subjects"].items()}
    made = make_study(study=ONE_VERSION, endpoints=AGREEMENT.replace("TRUTH", "independent"), tables=data)
    results, row = outcome(made)
    assert row["n_subjects"] == 3
    reasons = dict(results.pairs("epochs", "v1").select("subject", "reason").iter_rows())
    assert reasons == {"1": None, "2": None, "3": None, "4": "orphan_subject"}
    steps = {step["code"]: step for step in results.document["accounting"][0]["steps"]}
    assert steps["orphan_subject"]["n_pairs"] == 1
