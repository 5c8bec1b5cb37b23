"""What a study must be: each inconsistency of requirements, families and the like is said where it stands."""

from __future__ import annotations

import pytest

from accordance.protocols import describe, library
from accordance.protocols.errors import ContractError, Violation
from accordance.protocols.load import parse
from accordance.protocols.validity_checks import open_items

UPPER = """\
    criterion:
      statistic: loa_upper
      compare: upper
      operator: "<"
      limit: 10
"""
BOTH = "{endpoints: [sens, limit], procedure: "

REQUIREMENTS = {
    "nothing counted": ("{at_least: 3}", "r", "give one of `count`"),
    "two kinds": ("{count: pairs, share: pairs, at_least: 3}", "r", "give one of `count`"),
    "no bound": ("{count: pairs}", "r", "give a bound: one of `at_least`"),
    "share in percent": ("{share: pairs, at_least: 30}", "r.at_least", "a share lies between 0 and 1"),
    "share of a share": (
        "{share: pairs, at_least: 0, at_least_share: 0.1}",
        "r.at_least_share",
        "with `share`",
    ),
    "unknown column": ("{count: pairs, where: {gender: f}, at_least: 3}", "r.where.gender", "no column"),
    "unknown level": ("{count: pairs, where: {sex: f}, at_least: 3}", "r.where.sex.is[0]", "no such level"),
    "unknown each": ("{count: pairs, each: gender, at_least: 3}", "r.each", "no column of this name"),
    "each without levels": ("{count: pairs, each: site, at_least: 3}", "r.each", "declares no levels"),
    "each number": ("{count: pairs, each: age, at_least: 3}", "r.bands", None),
    "each decimal": ("{count: pairs, each: bmi, at_least: 3}", "r.each", "has no levels; give `bands`"),
    "bands of words": (
        "{count: pairs, each: sex, bands: [1, 2], at_least: 3}",
        "r.bands",
        "bands divide numbers",
    ),
    "bands backwards": ("{count: pairs, each: age, bands: [40, 20], at_least: 3}", "r.bands", "ascending"),
    "bands of nothing": ("{count: pairs, bands: [40, 50], at_least: 3}", "r.bands", "name it in `each`"),
    "levels of nothing": ("{count: pairs, levels: [a], at_least: 3}", "r.levels", "name it in `each`"),
    "unknown levels": ("{count: pairs, each: sex, levels: [f], at_least: 3}", "r.levels[0]", "no level"),
    "subjects of each subject": ("{count: subjects, each: subject, at_least: 3}", "r.each", "count `pairs`"),
    "covers without range": ("{covers: age}", "r", "needs the `range`"),
    "covers words": ("{covers: sex, range: [1, 2]}", "r.covers", "a range needs numbers"),
    "covers backwards": ("{covers: age, range: [2, 1]}", "r.range", "must lie below"),
    "covers with a bound": (
        "{covers: age, range: [1, 2], at_least: 3}",
        "r.at_least",
        "takes a `range` only",
    ),
    "range of a count": ("{count: pairs, at_least: 3, range: [1, 2]}", "r.range", "goes with `covers`"),
    "unknown population": ("{count: pairs, at_least: 3, population: all}", "r.population", "no population"),
    "unknown pairing": ("{count: pairs, at_least: 3, pairing: all}", "r.pairing", "no pairing"),
    "unknown endpoint": ("{count: pairs, at_least: 3, endpoints: [sense]}", "r.endpoints[0]", "no endpoint"),
    "references of a test column": (
        "{count: references, where: {test.quality: good}, at_least: 3, pairing: by_key}",
        "r.count",
        "counted whether or not they have a test row",
    ),
}


def check(text: str) -> tuple[Violation, ...]:
    with pytest.raises(ContractError) as caught:
        parse(text)
    return caught.value.violations


@pytest.mark.parametrize(("text", "key", "words"), REQUIREMENTS.values(), ids=REQUIREMENTS)
def test_a_requirement_that_cannot_be_checked(base: str, text: str, key: str, words: str | None) -> None:
    whole = base + f"requirements:\n  r: {text}\n"
    if words is None:  # a whole number may name its groups, if they are named
        whole = whole.replace("each: age", "each: age, levels: ['40']")
        assert parse(whole).requirements["r"].levels == ("40",)
        return
    violations = check(whole)
    found = [one for one in violations if one.key == f"requirements.{key}"]
    assert found and words in found[0].message, [(one.key, one.message) for one in violations]
    assert found[0].line == base.count("\n") + 2


def test_defaults_of_a_requirement_are_written_out(base: str) -> None:
    text = "requirements:\n  r: {share: subjects, each: sex, at_least: 0.3, source: ISO}\n"
    protocol = parse(base + text)
    found = protocol.requirements["r"]
    assert (found.population, found.pairing, found.levels) == ("full", "by_key", ("female", "male"))
    assert found.endpoints == ("sens", "limit")
    words = "Share of subjects, for every sex (female and male): at least 30% (ISO)."
    assert words in describe.summary(protocol)


def test_numbers_that_the_study_has_to_set(base: str) -> None:
    text = base.replace("      limit: 0.9\n", "      limit: required\n      suggestion: 0.9\n")
    text += "requirements:\n  r: {count: subjects, each: bmi, bands: required, at_least: required}\n"
    assert open_items(parse(text)) == (
        "endpoints.sens.criterion.limit",
        "requirements.r.at_least",
        "requirements.r.bands",
    )
    assert "a limit that the study has still to set" in describe.summary(parse(text))


CRITERIA = {
    "criterion and criteria": (
        "    criterion:\n      compare: lower\n",
        "    criteria: {all_of: [{compare: lower, operator: '>', limit: 0.9}]}\n"
        "    criterion:\n      compare: lower\n",
        "endpoints.sens.criteria",
        "not both",
    ),
    "suggestion beside a limit": (
        "      limit: 0.9\n",
        "      limit: 0.9\n      suggestion: 0.8\n",
        "endpoints.sens.criterion.suggestion",
        "goes with `limit: required`",
    ),
    "absolute bound": (
        "      limit: 0.9\n",
        "      limit: 0.9\n      absolute: true\n",
        "endpoints.sens.criterion.absolute",
        "compared by its point",
    ),
    "levels of nothing": (
        "      limit: 10\n",
        "      limit: 10\n      applies_to: each_level\n",
        "endpoints.limit.criterion.applies_to",
        "it has none",
    ),
    "unknown table": (
        '      operator: "<"\n      limit: 10\n',
        '      operator: "<"\n      limit: {table: iso, by: bias}\n',
        "endpoints.limit.criterion.limit.table",
        "no limit table",
    ),
    "table of a bound": (
        '      operator: "<"\n      limit: 10\n',
        '      operator: "<"\n      limit: {table: iso81060-2-criterion-2, by: bias}\n',
        "endpoints.limit.criterion.compare",
        "use `compare: point`",
    ),
    "table in another unit": (
        '      operator: "<"\n      limit: 10\n',
        '      operator: "<"\n      limit: {table: iso81060-2-criterion-2, by: bias}\n',
        "endpoints.limit.criterion.limit.table",
        "the table is in mmHg, and the statistic in beats/min",
    ),
    "limit that is no number": (
        "      limit: 0.9\n",
        "      limit: requird\n",
        "endpoints.sens.criterion.limit",
        "expected a number",
    ),
    "both rules": (
        UPPER,
        "    criteria: {all_of: [], any_of: []}\n",
        "endpoints.limit.criteria",
        "give one of `all_of` and `any_of`",
    ),
    "one statistic twice": (
        UPPER,
        "    criteria:\n      all_of:\n        - {statistic: bias, compare: upper, operator: '<', limit: 5}\n"
        "        - {statistic: bias, compare: lower, operator: '>', limit: -5}\n",
        "endpoints.limit.criteria.all_of[1]",
        "a statistic has one criterion",
    ),
    "disparity of nobody": (
        "    title: Kappa\n",
        "    title: Kappa\n    disparity: {between: skin}\n",
        "endpoints.kappa.disparity.between",
        "no subgroup",
    ),
    "disparity of one group": (
        "    title: Kappa\n",
        "    title: Kappa\n    disparity: {between: running}\n",
        "endpoints.kappa.disparity.between",
        "one group only",
    ),
    "verification of a measurement": (
        "    title: Share within\n",
        "    title: Share within\n    verification: {}\n",
        "endpoints.share.verification",
        "this metric is none",
    ),
    "column that no metric takes": (
        "    title: Kappa\n",
        "    title: Kappa\n    columns: {condition: sex}\n",
        "endpoints.kappa.columns.condition",
        "no further column of `cohen_kappa`",
    ),
}


@pytest.mark.parametrize(("old", "new", "key", "words"), CRITERIA.values(), ids=CRITERIA)
def test_criteria_that_cannot_be_judged(base: str, old: str, new: str, key: str, words: str) -> None:
    assert old in base
    violations = check(base.replace(old, new, 1))
    found = [one for one in violations if one.key == key]
    assert any(words in one.message for one in found), [(one.key, one.message) for one in violations]


FAMILIES = {
    "a bound that errs more often than the family": (
        "a: {endpoints: [sens, limit], procedure: co_primary, alpha: 0.001}",
        "a.endpoints[0]",
        "and the family's alpha is 0.001; accepted is an interval of level 0.998 or more",
    ),
    "unknown endpoint": (
        "a: {endpoints: [sens, limit, x], procedure: co_primary}",
        "a.endpoints[2]",
        "no endpoint",
    ),
    "no endpoint": (
        "a: {endpoints: [sens, limit], procedure: co_primary}\n  b: {endpoints: [], procedure: holm}",
        "b.endpoints",
        "at least one",
    ),
    "twice": (
        "a: {endpoints: [sens, limit], procedure: co_primary}\n  b: {endpoints: [sens], procedure: holm}",
        "b.endpoints[0]",
        "belongs to family `a` already",
    ),
    "nothing to test": (
        "a: {endpoints: [sens, limit, kappa], procedure: co_primary}",
        "a.endpoints[2]",
        "has none",
    ),
    "ring": (
        "a: {endpoints: [sens], procedure: holm, after: b}\n"
        "  b: {endpoints: [limit], procedure: holm, after: a}",
        "a.after",
        "in a ring",
    ),
    "unknown family": ("a: {endpoints: [sens, limit], procedure: holm, after: b}", "a.after", "no family"),
    "weights of Holm": (
        "a: {endpoints: [sens, limit], procedure: holm, weights: {sens: 1}}",
        "a.weights",
        "graphical",
    ),
    "no weights": ("a: {endpoints: [sens, limit], procedure: graphical}", "a", "needs `weights`"),
    "too much alpha": (
        "a: {endpoints: [sens, limit], procedure: graphical, weights: {sens: 0.6, limit: 0.6}}",
        "a.weights",
        "more than the family's alpha",
    ),
    "too much passed on": (
        "a: {endpoints: [sens, limit], procedure: graphical, weights: {sens: 1},"
        " transitions: {sens: {limit: 0.7, sens: 0.7}}}",
        "a.transitions.sens",
        "more than its own alpha",
    ),
}


@pytest.mark.parametrize(("text", "key", "words"), FAMILIES.values(), ids=FAMILIES)
def test_families_that_cannot_be_tested(base: str, text: str, key: str, words: str) -> None:
    violations = check(f"{base}families:\n  {text}\n")
    found = [one for one in violations if one.key == f"families.{key}"]
    assert any(words in one.message for one in found), [(one.key, one.message) for one in violations]


def test_a_deciding_endpoint_outside_every_family(base: str) -> None:
    violations = check(f"{base}families:\n  a: {{endpoints: [sens], procedure: holm}}\n")
    assert [one.key for one in violations] == ["endpoints.limit.role"]


FACTS = {
    "sites": ("sites: {by: centre}", "sites.by", "no column of `subjects`"),
    "reads": ("reads: {unit: [subject], value: rhythm, rule: Majority.}", "reads.table", "no table"),
    "reads columns": (
        "reads: {table: reference, unit: [subject, x], value: y, rule: Majority.}",
        "reads.value",
        "no column of `reference`",
    ),
    "intended users": ("intended_population: {sex: {f: 0.5}}", "intended_population.sex.f", "no level"),
    "shares": (
        "intended_population: {sex: {female: 0.6, male: 0.6}}",
        "intended_population.sex",
        "add up to more than 1",
    ),
    "predictors": (
        "missing: {imputation: {predictors: [age]}}",
        "missing.imputation.predictors",
        "nothing is imputed",
    ),
    "predictor": (
        "missing: {primary: multiple_imputation, imputation: {predictors: [ages]}}",
        "missing.imputation.predictors[0]",
        "no column",
    ),
    "sample size": (
        "sample_size: {a: {endpoint: sens, method: performance_goal}}",
        "sample_size.a",
        "needs `expected`",
    ),
    "sample size of nothing": (
        "sample_size: {a: {endpoint: s, method: performance_goal, expected: 0.9}}",
        "sample_size.a.endpoint",
        "no endpoint",
    ),
    "goal of a secondary": (
        "sample_size: {a: {endpoint: kappa, method: performance_goal, expected: 0.9}}",
        "sample_size.a.endpoint",
        "no such criterion",
    ),
    "expected in percent": (
        "sample_size: {a: {endpoint: sens, method: performance_goal, expected: 95}}",
        "sample_size.a.expected",
        "between 0 and 1",
    ),
}


@pytest.mark.parametrize(("text", "key", "words"), FACTS.values(), ids=FACTS)
def test_facts_about_columns_that_are_not_there(base: str, text: str, key: str, words: str) -> None:
    violations = check(f"{base}{text}\n")
    found = [one for one in violations if one.key == key]
    assert any(words in one.message for one in found), [(one.key, one.message) for one in violations]


def test_a_paired_table_is_never_optional(base: str) -> None:
    violations = check(base.replace("  test:\n    key:", "  test:\n    required: false\n    key:", 1))
    assert [one.key for one in violations] == ["tables.test.required"]


def test_a_protocol_without_these_blocks_keeps_the_hash_it_had() -> None:
    assert "requirements" not in describe.summary(library.load("heart-rate"))
