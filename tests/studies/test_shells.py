"""The report's tables without data hold what a run will fill, and no number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from accordance.studies import named, run
from accordance.studies.shells import EACH, Shell, shells

MakeStudy = Callable[..., Path]
EXTRA = """\
requirements:
  enough: {title: Subjects, count: subjects, at_least: 40}
  ages: {count: subjects, each: age, bands: [18, 65, 120], at_least: required}
  cohorts: {title: Cohorts, share: subjects, each: cohort, at_least: 0.2}
  rows: {count: pairs, each: subject, at_least: 2}
intended_population:
  cohort: {A: 0.5, B: 0.3, C: 0.2}
families:
  all: {title: All, endpoints: [error], procedure: co_primary}
missing: {primary: worst_case}
"""
ENDPOINTS = """\
  error:
    title: Root mean square error
    role: primary
    metric: rmse
    average: pooled
    reference: rate
    test: rate
    interval: {method: bootstrap_bca}
    criterion: {compare: upper, operator: "<", limit: 10, unit: 1/min}
  each:
    title: Sensitivity in each cohort
    role: secondary
    metric: sensitivity
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [AF]
    interval: {method: cluster_t}
    subgroups: [age]
    by: [cohort]
    criterion: {compare: lower, operator: ">", limit: 0.5, applies_to: each_level}
  apart:
    title: Specificity
    role: secondary
    metric: specificity
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [AF]
    interval: {method: cluster_t}
    disparity: {between: cohort}
"""


@pytest.fixture
def made(make_study: MakeStudy) -> dict[str, Shell]:
    """The tables of a study with every part that has one, by identifier."""
    found = shells(named.find(str(make_study(endpoints=ENDPOINTS + EXTRA))).protocol)
    return {one.id: one for one in found}


def column(shell: Shell, name: str) -> list[str]:
    return [row[shell.columns.index(name)] for row in shell.rows]


def test_every_row_has_all_its_cells(made: dict[str, Shell]) -> None:
    for shell in made.values():
        assert {len(row) for row in shell.rows} == {len(shell.columns)}, shell.id


def test_deciding_endpoints_come_first_and_the_automatic_ones_are_there(made: dict[str, Shell]) -> None:
    assert list(made) == [
        "flow-error", "demographics", "requirements", "endpoint-error", "endpoint-each",
        "endpoint-apart", "disparity-apart", "endpoint-yield", "endpoint-coverage_epochs_rate",
        "endpoint-coverage_epochs_rhythm", "families", "missing",
    ]  # fmt: skip


def test_the_flow_has_stages_and_each_loss_above_what_it_leaves(made: dict[str, Shell]) -> None:
    assert column(made["flow-error"], "Stage") == [
        "Enrolled",
        "- less: Subject is not in the subjects table (orphan_subject)",
        "- less: Subject withdrew (withdrawn)",
        "Eligible",
        "- less: Test row without a reference row (no_reference)",
        "- less: No value of the reference (missing_value)",
        "- less: Subject without any row (no_rows)",
        "Reference available",
        "- less: Reference row without a test row (no_test)",
        "- less: No value of the test (missing_value)",
        "Test available",
        "Analysed",
    ]


def test_the_flow_of_a_run_fills_the_shell(spa: Path) -> None:
    results = run.run(spa, workers=1)
    shell = next(one for one in shells(results.protocol) if one.id == "flow-sensitivity")
    assert "Sensitivity for AF; Specificity" in shell.title, "both have the same flow"
    stages = results.document["flow"][0]["stages"]
    assert [line for line in column(shell, "Stage") if line[0] != "-"] == [one["title"] for one in stages]
    lost = [f"- less: {loss['title']} ({loss['code']})" for one in stages for loss in one["losses"]]
    assert len(lost) > 3
    assert set(lost) <= set(column(shell, "Stage"))


def test_demographics_have_cohorts_and_intended_users(made: dict[str, Shell]) -> None:
    shell = made["demographics"]
    assert shell.columns == (
        "Characteristic", "All (N = )", "A (N = )", "B (N = )", "C (N = )", "Intended users",
    )  # fmt: skip
    assert column(shell, "Characteristic") == [
        "Age (years): n", "Age (years): mean (SD)", "Age (years): median (minimum to maximum)",
        "Age: missing",
    ]  # fmt: skip


def test_requirements_say_what_is_demanded(made: dict[str, Shell]) -> None:
    assert [row[:2] for row in made["requirements"].rows] == [
        ("Subjects", "at least 40"),
        ("Number of subjects, for every band of age (18 to 65 and 65 to 120), age 18 to 65",
         "at least a number still to be set"),
        ("Number of subjects, for every band of age (18 to 65 and 65 to 120), age 65 to 120",
         "at least a number still to be set"),
        ("Cohorts, cohort A", "at least 20%"),
        ("Cohorts, cohort B", "at least 20%"),
        ("Cohorts, cohort C", "at least 20%"),
        ("Number of pairs, for every subject, every subject", "at least 2"),
    ]  # fmt: skip


def test_a_criterion_stands_where_it_is_judged(made: dict[str, Shell]) -> None:
    error, each = made["endpoint-error"], made["endpoint-each"]
    assert column(error, "Criterion")[0] == "upper < 10"
    assert set(column(error, "Criterion")[1:]) == {""}
    primary = [row for row in each.rows if row[2] == "no result left out"]
    assert [(row[1], row[7]) for row in primary] == [
        ("all analysed", ""),
        ("cohort: A", "lower > 0.5"), ("cohort: B", "lower > 0.5"), ("cohort: C", "lower > 0.5"),
        ("age: 18–64", ""), ("age: 65–74", ""),
    ]  # fmt: skip
    others = [row for row in each.rows if row[2] != "no result left out"]
    assert {row[2] for row in others} == {"no result counted as positive", "no result counted as negative"}
    assert {row[7] for row in others} == {""}
    assert [row[0] for row in made["disparity-apart"].rows] == ["B minus A", "C minus A", "C minus B"]


def test_no_cell_that_data_fill_holds_anything(made: dict[str, Shell]) -> None:
    for name in ("Subjects", "Estimate", "Decision"):
        for shell in made.values():
            if name in shell.columns and shell.id.startswith("endpoint"):
                assert set(column(shell, name)) == {""}


def test_levels_only_the_data_know_are_one_row(spa: Path) -> None:
    found = {one.id: one for one in shells(named.find(str(spa)).protocol)}
    assert f"Site: {EACH}" in column(found["endpoint-sensitivity"], "Rows")
    assert f"Site: {EACH}, n (%)" in column(found["demographics"], "Characteristic")


def test_the_rows_are_those_of_the_run(make_study: MakeStudy) -> None:
    """Statistics and parts of the first endpoint: the shell names those that the results have."""
    study = make_study(
        tables={"subjects": {
            "subject": ["001", "002", "003", "004", "005", "006"], "cohort": ["A", "A", "A", "B", "B", "C"],
            "age": [20, 64, 65, 74, 70, 30], "exclusion": [None] * 6,
        }}
    )  # fmt: skip
    results = run.run(study, workers=1)
    own = results.endpoint("error").filter(results.endpoint("error")["version"] == "v1")
    ran = {
        f"{row['subgroup']}: {row['level']}" if row["subgroup"] else "all analysed"
        for row in own.iter_rows(named=True)
    }
    shell = next(one for one in shells(results.protocol) if one.id == "endpoint-error")
    assert set(column(shell, "Rows")) == ran
    ran_by = set(results.endpoint("sensitivity")["by"].drop_nulls().to_list())
    shell = next(one for one in shells(results.protocol) if one.id == "endpoint-sensitivity")
    assert {
        f'{{"cohort":"{row[-1]}"}}' for row in column(shell, "Rows") if row.startswith("cohort")
    } == ran_by
