"""A study that is not what its protocol demands is no success: every kind of requirement, met and missed."""

from __future__ import annotations

import pytest

from accordance.protocols.errors import ContractError
from accordance.protocols.validity import Requirement
from accordance.studies import requirements
from accordance.studies.check import check
from accordance.studies.run import run

ENDPOINT = """\
  error:
    title: Root mean square error
    role: primary
    metric: rmse
    average: pooled
    reference: rate
    test: rate
    interval: {method: cluster_t}
    criterion: {compare: point, operator: "<", limit: 10, unit: 1/min, source: Made up.}
  bias:
    title: Bias
    role: secondary
    metric: bland_altman
    parameters: {truth: varying}
    reference: rate
    test: rate
    criterion: {compare: both, operator: within, limit: [-50, 50], unit: 1/min}
"""
# Six subjects with two epochs each; ages 20, 64, 65, 74, 75 and one unknown; rates from 55 to 90.


def results(make_study, requirement, **parts):
    return run(make_study(endpoints=f"{ENDPOINT}requirements:\n  r: {requirement}\n", **parts))


@pytest.mark.parametrize(
    "requirement",
    [
        "{count: subjects, at_least: 6}",
        "{count: subjects, equals: 6}",
        "{count: pairs, at_least: 12, at_most: 12}",
        "{count: pairs, each: subject, equals: 2}",
        "{count: references, where: {reference.rate: {above: 70}}, at_least: 5}",
        "{share: subjects, each: cohort, levels: [A, B], at_least: 0.5}",
        "{share: pairs, each: reference.rate, bands: [50, 60, 70, 90], at_least: 0.16}",
        "{count: subjects, where: {age: {at_least: 65}}, at_least: 2, at_least_share: 0.5}",
        "{covers: reference.rate, range: [55, 90]}",
        "{share: subjects, where: {age: {missing: false}}, above: 0.8}",
    ],
)
def test_what_the_study_has(make_study, requirement):
    found = results(make_study, requirement)
    assert found.decision == "met"
    (entry,) = found.document["requirements"]
    assert entry["met"] and entry["reason"] is None
    assert all(finding["met"] for finding in entry["findings"])


@pytest.mark.parametrize(
    ("requirement", "missed_by"),
    [
        ("{count: subjects, at_least: 10}", "6; at least 10 needed, 4 too few"),
        ("{count: subjects, above: 6}", "6; above 6 needed, 1 too few"),
        ("{count: pairs, at_most: 11}", "12; at most 11 needed, 1 too many"),
        ("{count: pairs, equals: 13}", "12; exactly 13 needed, 1 too few"),
        ("{count: pairs, each: subject, at_least: 3}", "001: 2; at least 3 needed, 1 too few"),
        (
            "{share: subjects, each: cohort, at_least: 0.2}",
            "C: 0 of 6 (0.0%); at least 20% needed, 2 too few",
        ),
        (
            "{share: pairs, each: reference.rate, bands: [50, 60, 70, 90], at_least: 0.3}",
            "50 to <60: 2 of 12 (16.7%); at least 30% needed, 2 too few",
        ),
        (
            "{count: subjects, where: {cohort: A}, at_least: 2, at_least_share: 0.75}",
            "3; at least 4.5 needed, 2 too few",
        ),
        ("{covers: age, range: [18, 75]}", "from 20 to 75; from 18 or below to 75 or above needed"),
        ("{count: subjects, at_least: required}", "still to be set by the study"),
        ("{share: pairs, each: reference.rate, bands: required, at_least: 0.3}", "still to be set"),
    ],
)
def test_what_the_study_lacks_takes_the_decision_away(make_study, requirement, missed_by):
    found = results(make_study, requirement)
    assert found.decision == "not_evaluable"
    (entry,) = found.document["requirements"]
    assert not entry["met"] and missed_by in entry["reason"]
    rows = {row["endpoint"]: row for row in found.rows.iter_rows(named=True) if row["criterion"]}
    assert (rows["error"]["decision"], rows["error"]["otherwise"]) == ("not_evaluable", "met")
    assert missed_by in rows["error"]["error"] and rows["error"]["estimate"] is not None
    assert (rows["bias"]["decision"], rows["bias"]["otherwise"]) == ("met", None)
    assert any("otherwise" in entry["decision_words"] for entry in found.document["endpoints"])
    assert missed_by in " ".join(found.document["decision_reasons"])


def test_a_requirement_may_concern_some_endpoints_only(make_study):
    found = results(make_study, "{count: subjects, at_least: 10, endpoints: [bias]}")
    assert found.decision == "met"
    rows = {row["endpoint"]: row["decision"] for row in found.rows.iter_rows(named=True) if row["criterion"]}
    assert rows == {"error": "met", "bias": "not_evaluable"}


def test_excluded_rows_do_not_count_and_lone_references_do(make_study):
    subjects = {
        "subject": ["001", "002", "003", "004", "005", "006"],
        "cohort": ["A", "A", "A", "B", "B", "B"],
        "age": [20, 64, 65, 74, 75, None],
        "exclusion": ["withdrawn", None, None, None, None, None],
    }
    found = results(make_study, "{count: subjects, equals: 5}", tables={"subjects": subjects})
    assert found.decision == "met"
    one = {"subject": ["002"], "epoch": [1], "rate": [70.0], "rhythm": ["SR"]}
    lone = results(
        make_study, "{count: references, equals: 10}", tables={"subjects": subjects, "test_v2": one}, name="b"
    )
    (entry,) = lone.document["requirements"]
    assert entry["findings"] == [
        {"group": None, "count": 10, "total": 10, "value": 10.0, "met": True, "missed_by": None}
    ]


def test_a_quota_column_without_any_value_is_said_before_anything_is_computed(make_study):
    subjects = {
        "subject": ["001", "002", "003", "004", "005", "006"],
        "cohort": ["A", "A", "A", "B", "B", "B"],
        "age": [None] * 6,
        "exclusion": [None] * 6,
    }
    asked = "requirements:\n  r: {share: subjects, where: {age: {above: 60}}, at_least: 0.1}\n"
    folder = make_study(endpoints=ENDPOINT + asked, tables={"subjects": subjects})
    for action in (check, run):
        with pytest.raises(
            ContractError, match="requirement `r` needs the column `age`, and it has no value"
        ) as caught:
            action(folder)
        assert caught.value.violations[0].key == "subjects.age"
    assert not (folder / "runs").exists()


def compared(rule: dict, count: int, total: int) -> requirements.Finding:
    """One count against one requirement."""
    return requirements._compared(Requirement.model_validate(rule), None, count, total)


def test_the_shortfall_of_a_share_is_the_smallest_number_that_suffices():
    """25% of 156 is 39, and 31 are 8 too few; as floating-point numbers they were 9 too few."""
    assert compared({"share": "pairs", "at_least": 0.25}, 31, 156).missed_by == (
        "31 of 156 (19.9%); at least 25% needed, 8 too few"
    )


@pytest.mark.parametrize("percent", [1, 3, 7, 10, 14, 25, 29, 30, 33, 57, 58, 70, 90, 95, 99])
@pytest.mark.parametrize("key", ["at_least", "above", "at_most"])
def test_every_share_and_shortfall_is_right_in_whole_numbers(percent, key):
    """Oracle: whole numbers only. Adding (or taking) the units that are said to lack suffices; one less does
    not."""

    def holds(count: int, total: int) -> bool:
        off = 100 * count - percent * total
        return {"at_least": off >= 0, "above": off > 0, "at_most": off <= 0}[key]

    rule = {"share": "pairs", key: percent / 100}
    for total in range(1, 301):
        for count in {0, total // 4, percent * total // 100, -(-percent * total // 100), total}:
            found = compared(rule, count, total)
            assert found.met == holds(count, total), (count, total)
            if not found.met:
                off, way = found.missed_by.rsplit(", ", 1)[1].split(" ", 1)
                sign = 1 if way == "too few" else -1
                assert holds(count + sign * int(off), total), (count, total, found.missed_by)
                assert not holds(count + sign * (int(off) - 1), total), (count, total, found.missed_by)


@pytest.mark.parametrize("total", [3, 7, 29, 100, 300])
def test_a_share_beside_a_count_is_exact(total):
    """The larger of 2 and 7% of all; 7% of 100 is 7 and not 7.000000000000001."""
    for count in range(total + 1):
        found = compared({"count": "pairs", "at_least": 2, "at_least_share": 0.07}, count, total)
        assert found.met == (count >= 2 and 100 * count >= 7 * total)
