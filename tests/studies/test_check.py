"""Before anything is computed, what contradicts itself is explained: file, line, key, and what would do."""

from __future__ import annotations

import json

import pytest

from accordance.app.cli import main
from accordance.protocols.errors import ContractError
from accordance.studies.check import check

from .conftest import ENDPOINTS, PROTOCOL, RHYTHM_V1, STUDY, SUBJECTS, V1, rows

CRITERION = '    criterion: {compare: upper, operator: "<", limit: 10, unit: 1/min, source: Made up.}\n'
NO_CRITERION = ENDPOINTS.replace("role: primary", "role: co_primary").replace(CRITERION, "")
TREND = """\
  trend:
    title: Trend of the differences
    role: secondary
    metric: difference_trend
    reference: rate
    test: rate
    criterion: {statistic: slope_p, compare: lower, operator: ">", limit: 0.05}
"""
QUOTA = "requirements:\n  quota: {count: subjects, each: cohort, at_least: 1}\n"
COHORT = "cohort: {type: category, levels: [A, B, C]"
VIEW = "indeterminate: {primary_view: classifiable_only, rationale: The claim is for results.}\n"
WRONG = {"test_v1": rows(rate=V1, rhythm=["AF", "Afib", *RHYTHM_V1[2:]])}


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


CONTRADICTIONS = {
    "a bound that the interval leaves open": (
        ENDPOINTS.replace("{method: bootstrap_bca}", "{method: bootstrap_bca, sides: lower}"),
        "compare: upper",
        "endpoints.error.criterion.compare",
        "the interval has `sides: lower` only; compare `lower`, or use `sides: two`",
        "upper",
    ),
    "a bound of a statistic without interval": (
        ENDPOINTS + TREND,
        "statistic: slope_p",
        "endpoints.trend.criterion.compare",
        "`slope_p` has no interval, so there is no bound to compare; use `point`",
        "lower",
    ),
    "a requirement on an absent column": (
        ENDPOINTS + "requirements:\n  tone: {count: subjects, where: {skin: dark}, at_least: 3}\n",
        "skin: dark",
        "requirements.tone.where.skin",
        "there is no column of this name; accepted: `cohort`, `age`",
        "skin",
    ),
    "a co-primary endpoint without criterion": (
        NO_CRITERION,
        "  error:",
        "endpoints.error",
        "a `co_primary` endpoint decides the study and needs a `criterion`",
        None,
    ),
    "weights above the alpha of the family": (
        ENDPOINTS + "families:\n  f: {endpoints: [error], procedure: graphical, weights: {error: 1.2}}\n",
        "weights:",
        "families.f.weights.error",
        "",
        "1.2",
    ),
    "a bound that errs more often than its family": (
        ENDPOINTS.replace("{method: bootstrap_bca}", "{method: bootstrap_bca, level: 0.8}")
        + "families:\n  f: {endpoints: [error], procedure: co_primary, alpha: 0.025}\n",
        "families:\n  f: {endpoints",
        "families.f.endpoints[0]",
        "errs in 0.1 (level 0.8), and the family's alpha is 0.025; accepted is an interval of level 0.95",
        "error",
    ),
}


@pytest.mark.parametrize("case", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_protocol_that_contradicts_itself(make_study, case):
    endpoints, part, key, words, value = case
    with pytest.raises(ContractError) as caught:
        check(make_study(endpoints=endpoints))
    assert caught.value.exit_code == 4
    found = [one for one in caught.value.violations if one.key == key and words in one.message]
    assert found, str(caught.value)
    assert str(found[0].file).endswith("protocol.yaml")
    line = line_of(PROTOCOL + endpoints, part) + part.count("\n")
    assert found[0].line == line
    assert found[0].found == value


def test_protocols_that_extend_one_another(make_study):
    folder = make_study(study=STUDY.replace("protocol.yaml", "a.yaml"))
    for own, parent in ("ab", "ba"):
        (folder / f"{own}.yaml").write_text(f"extends: {parent}.yaml\nid: {own}\nversion: '1'\n")
    with pytest.raises(ContractError, match=r"b\.yaml:1:10: extends: protocols extend one another in a ring"):
        check(folder)


def test_categories_that_are_not_the_protocols(make_study):
    with pytest.raises(ContractError) as caught:
        check(make_study(tables=WRONG))
    (found,) = caught.value.violations
    assert (found.file, found.line, found.key, found.found) == ("data/test_v1.csv", 3, "rhythm", "Afib")
    assert "`AF`, `SR`, `unclear`" in found.message


@pytest.mark.parametrize("absent", [True, False])
def test_a_quota_column_that_is_entirely_missing(make_study, absent):
    subjects = {**SUBJECTS, "cohort": [None] * 6}
    if absent:
        del subjects["cohort"]
    protocol = PROTOCOL.replace(COHORT, COHORT + ", missing: allowed, required: false")
    with pytest.raises(ContractError) as caught:
        check(make_study(endpoints=ENDPOINTS + QUOTA, protocol=protocol, tables={"subjects": subjects}))
    (found,) = caught.value.violations
    assert (found.file, found.line, found.key) == ("data/subjects.csv", 1, "subjects.cohort")
    assert "no value in any of 6 rows; accepted: `A`, `B`, `C`" in found.message


def test_everything_wrong_with_the_data_is_said_at_once(make_study):
    protocol = PROTOCOL.replace(COHORT, COHORT + ", missing: allowed")
    tables = {**WRONG, "subjects": {**SUBJECTS, "cohort": [None] * 6}}
    with pytest.raises(ContractError) as caught:
        check(make_study(endpoints=ENDPOINTS + QUOTA, protocol=protocol, tables=tables))
    assert {one.key for one in caught.value.violations} == {"rhythm", "subjects.cohort"}


def test_everything_wrong_with_the_protocol_is_said_at_once(make_study, capsys):
    endpoints = NO_CRITERION + "requirements:\n  tone: {count: subjects, where: {skin: dark}, at_least: 3}\n"
    folder = make_study(endpoints=endpoints, protocol=PROTOCOL.replace(VIEW, ""), tables=WRONG)
    assert main(["check", str(folder), "--json"]) == 4
    said = json.loads(capsys.readouterr().out)
    keys = {one["key"] for one in said["error"]["violations"]}
    assert keys == {
        "endpoints.error", "requirements.tone.where.skin", "endpoints.sensitivity.test", "rhythm",
    }, "the protocol and the data, which its tables describe all the same"  # fmt: skip
    assert main(["run", str(folder)]) == 4
    assert not (folder / "runs").exists(), "nothing was computed"


def test_data_are_not_read_by_tables_that_do_not_hold(make_study):
    protocol = PROTOCOL.replace("levels: [A, B, C]", "levels: []")
    with pytest.raises(ContractError) as caught:
        check(make_study(protocol=protocol, tables=WRONG))
    assert all(one.key.startswith("tables.") for one in caught.value.violations)


def test_outputs_that_are_no_result_need_a_declared_view(make_study):
    with pytest.raises(ContractError) as caught:
        check(make_study(protocol=PROTOCOL.replace(VIEW, "")))
    (found,) = caught.value.violations
    assert found.key == "endpoints.sensitivity.test" and found.line
    assert "`classifiable_only`, `as_positive` or `as_negative`" in found.message
