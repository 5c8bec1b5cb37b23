"""Cross-checks: each inconsistency of a protocol is one violation at the place where it can be mended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from accordance.evaluators import registry
from accordance.evaluators.intervals import METHODS
from accordance.evaluators.metric import Columns, Metric, Parameter, Prepared, Statistic
from accordance.protocols.errors import ContractError, Violation
from accordance.protocols.load import parse
from accordance.protocols.model import Protocol
from accordance.protocols.resolve import resolve
from accordance.protocols.source import read_yaml, validate

Spoil = Callable[[str, str], tuple[str, int, int]]


def check(text: str) -> tuple[Violation, ...]:
    with pytest.raises(ContractError) as caught:
        parse(text)
    return caught.value.violations


# old text, new text with a mark, key, part of the message, found, suggestion
METRICS = {
    "unknown metric": (
        "metric: bland_altman",
        "metric: ¤bland_altmann",
        "endpoints.limit.metric",
        "no metric of this name; accepted: `accuracy`",
        "bland_altmann",
        "bland_altman",
    ),
    "misspelt parameter": (
        "parameters: {truth: varying}",
        "parameters: {¤thruth: varying}",
        "endpoints.limit.parameters.thruth",
        "`bland_altman` has no such parameter; accepted: `truth`, `agreement_level`",
        "thruth",
        "truth",
    ),
    "parameter of another name": (
        "    metric: cohen_kappa\n",
        "    metric: cohen_kappa\n    parameters: {¤weights: linear}\n",
        "endpoints.kappa.parameters.weights",
        "`cohen_kappa` has no such parameter; accepted: `weighting`",
        "weights",
        "weighting",
    ),
    "required parameter": (
        "    parameters: {truth: varying}\n",
        "    ¤parameters: {agreement_level: 0.9}\n",
        "endpoints.limit.parameters.truth",
        "`bland_altman` needs this parameter; expected one of `independent`, `constant`, `varying`",
        None,
        None,
    ),
    "parameter's choice": (
        "truth: varying",
        "truth: ¤variing",
        "endpoints.limit.parameters.truth",
        "expected one of `independent`, `constant`, `varying`",
        "variing",
        "varying",
    ),
    "parameter out of range": (
        "{truth: varying}",
        "{truth: varying, agreement_level: ¤95}",
        "endpoints.limit.parameters.agreement_level",
        "expected a number of at least 0.5 and at most 0.9999",
        "95",
        None,
    ),
    "parameter not a number": (
        "{truth: varying}",
        "{truth: varying, agreement_level: ¤high}",
        "endpoints.limit.parameters.agreement_level",
        "expected a number",
        "high",
        None,
    ),
    "tolerance": (
        'tolerance: "max(5, 10%)"',
        'tolerance: ¤"max(5; 10%)"',
        "endpoints.share.parameters.tolerance",
        "expected a tolerance, such as `5` or `max(5, 0.1*ref)`",
        "max(5; 10%)",
        None,
    ),
    "average left open": (
        "  sens:\n    title: Sensitivity\n    role: co_primary\n    metric: sensitivity\n"
        "    average: pooled\n",
        "  ¤sens:\n    title: Sensitivity\n    role: co_primary\n    metric: sensitivity\n",
        "endpoints.sens.average",
        "`sensitivity` offers `pooled`, `subject_mean`: `pooled` counts each row once",
        None,
        None,
    ),
    "average not offered": (
        "    metric: cohen_kappa\n",
        "    metric: cohen_kappa\n    average: ¤subject_mean\n",
        "endpoints.kappa.average",
        "`cohen_kappa` offers `pooled`",
        "subject_mean",
        None,
    ),
}

COLUMNS = {
    "unknown reference column": (
        "reference: rate",
        "reference: ¤rat",
        "endpoints.limit.reference",
        "no value column in `reference` of this name; accepted: `rate`, `rhythm`, `activity`",
        "rat",
        "rate",
    ),
    "measurement on a category": (
        "reference: rate",
        "reference: ¤rhythm",
        "endpoints.limit.reference",
        "`bland_altman` needs `number` or `integer` columns, and this one is `category`",
        "rhythm",
        None,
    ),
    "binary on a number": (
        "    reference: rhythm\n    test: ecg\n    positive: [AF]\n",
        "    reference: rhythm\n    test: ¤heart_rate\n    positive: [AF]\n",
        "endpoints.sens.test",
        "`sensitivity` needs `category` or `boolean` columns, and this one is `number`",
        "heart_rate",
        None,
    ),
    "value column left open": (
        "    reference: rhythm\n    test: ecg\n    positive: [AF]\n",
        "    reference: rhythm\n    positive: [AF]\n",
        "endpoints.sens.test",
        "name the value column of `test`: one of `ecg`, `quality`",
        None,
        None,
    ),
    "no column that fits": (
        "      heart_rate: {type: number, unit: beats/min, range: [20, 250]}\n",
        "",
        "endpoints.limit.test",
        "name the value column of `test`: and `test` has none of type `number` or `integer`",
        None,
        None,
    ),
    "column that may be absent": (
        "levels: [AF, SR]}",
        "levels: [AF, SR], required: false}",
        "endpoints.sens.reference",
        "cannot be `required: false`",
        "rhythm",
        None,
    ),
    "different units": (
        "heart_rate: {type: number, unit: beats/min",
        "heart_rate: {type: number, unit: 1/s",
        "endpoints.limit.test",
        "the reference is in `beats/min` and the test in `1/s`; declare both in one unit",
        None,
        None,
    ),
    "no unit on one side": (
        "heart_rate: {type: number, unit: beats/min",
        "heart_rate: {type: number",
        "endpoints.limit.test",
        "the reference is in `beats/min` and the test in no unit",
        None,
        None,
    ),
    "different levels": (
        "levels: [AF, SR, poor]",
        "levels: [AF, SR, AFL, poor]",
        "endpoints.kappa.test",
        "the reference has `AF`, `SR` and the test `AF`, `SR`, `AFL`",
        None,
        None,
    ),
    "positive left open": (
        "    positive: [AF]\n",
        "",
        "endpoints.sens.positive",
        "say which levels count as positive: some of `AF`, `SR`",
        None,
        None,
    ),
    "positive unknown": (
        "positive: [AF]",
        "positive: [AF, ¤AFib]",
        "endpoints.sens.positive[1]",
        "no level in either column of this name; accepted: `AF`, `SR`, `poor`",
        "AFib",
        "AF",
    ),
    "positive is no result": (
        "positive: [AF]",
        "positive: [AF, ¤poor]",
        "endpoints.sens.positive[1]",
        "this level is `indeterminate` and cannot be positive",
        "poor",
        None,
    ),
    "positive of a metric without": (
        "    metric: cohen_kappa\n",
        "    metric: cohen_kappa\n    positive: ¤[AF]\n",
        "endpoints.kappa.positive",
        "`cohen_kappa` does not distinguish positive from negative",
        None,
        None,
    ),
    "no policy for no result": (
        "indeterminate:\n  primary_view: classifiable_only\n",
        "",
        "endpoints.sens.test",
        "say in `indeterminate.primary_view` what decides: `classifiable_only`, `as_positive` or",
        None,
        None,
    ),
    "yield without no result": (
        "yield\n    average: pooled\n    pairing: by_key\n    reference: rhythm\n    test: ecg\n",
        "yield\n    average: pooled\n    pairing: by_key\n    reference: rhythm\n    ¤test: quality\n",
        "endpoints.reported.test",
        "no level of the test column is `indeterminate`",
        None,
        None,
    ),
}

CRITERIA = {
    "unknown statistic": (
        "statistic: loa_upper",
        "statistic: ¤loa_uper",
        "endpoints.limit.criterion.statistic",
        "no statistic of `bland_altman` of this name; accepted: `bias`, `sd`, `loa_lower`, `loa_upper`",
        "loa_uper",
        "loa_upper",
    ),
    "lower bound below a limit": (
        'compare: lower\n      operator: ">"\n      limit: 0.9\n',
        'statistic: sensitivity\n      compare: lower\n      operator: ¤"<"\n      limit: 0.9\n',
        "endpoints.sens.criterion.operator",
        "a lower bound below a limit proves nothing",
        "<",
        None,
    ),
    "upper bound above a limit": (
        'operator: "<"\n      limit: 10\n',
        'operator: ¤">"\n      limit: 10\n',
        "endpoints.limit.criterion.operator",
        "an upper bound above a limit proves nothing",
        ">",
        None,
    ),
    "rewards the worse": (
        'compare: lower\n      operator: ">"\n      limit: 0.9\n',
        'compare: upper\n      operator: ¤"<"\n      limit: 0.9\n',
        "endpoints.sens.criterion.operator",
        "higher `sensitivity` is better; this operator rewards the worse device",
        "<",
        ">",
    ),
    "percent for a proportion": (
        "limit: 0.9",
        "limit: ¤90",
        "endpoints.sens.criterion.limit",
        "`sensitivity` is a proportion from 0 to 1",
        "90",
        "0.9",
    ),
    "unit of another scale": (
        "limit: 0.9",
        'limit: 0.9\n      unit: ¤"%"',
        "endpoints.sens.criterion.unit",
        "`sensitivity` is in `proportion`",
        "%",
        "proportion",
    ),
    "unit of another measurement": (
        "limit: 10\n",
        "limit: 10\n      unit: ¤mmHg\n",
        "endpoints.limit.criterion.unit",
        "`loa_upper` is in `beats/min`",
        "mmHg",
        "beats/min",
    ),
    "within one limit": (
        'compare: upper\n      operator: "<"\n      limit: 10\n',
        "compare: both\n      operator: within\n      limit: ¤10\n",
        "endpoints.limit.criterion.limit",
        "`within` needs two limits, such as [-5, 5]",
        "10.0",
        None,
    ),
    "limits in the wrong order": (
        'compare: upper\n      operator: "<"\n      limit: 10\n',
        "compare: both\n      operator: within\n      limit: ¤[5, -5]\n",
        "endpoints.limit.criterion.limit",
        "the lower limit must lie below the upper limit",
        "5, -5",
        None,
    ),
    "within by one bound": (
        'compare: upper\n      operator: "<"\n      limit: 10\n',
        "compare: ¤upper\n      operator: within\n      limit: [-5, 5]\n",
        "endpoints.limit.criterion.compare",
        "`within` compares the `point` or `both` bounds",
        "upper",
        None,
    ),
    "two limits without within": (
        "limit: 10\n",
        "limit: ¤[-10, 10]\n",
        "endpoints.limit.criterion.limit",
        "`<` needs one limit; two go with `within`",
        "-10, 10",
        None,
    ),
    "both bounds without within": (
        "compare: upper\n",
        "compare: ¤both\n",
        "endpoints.limit.criterion.compare",
        "`both` bounds are compared by `within` two limits",
        "both",
        None,
    ),
    "bound on the open side": (
        "method: wilson\n    criterion:\n      compare: lower",
        "sides: upper\n    criterion:\n      compare: ¤lower",
        "endpoints.sens.criterion.compare",
        "the interval has `sides: upper` only; compare `upper`, or use `sides: two`",
        "lower",
        None,
    ),
    "both bounds of one side": (
        "criterion:\n      statistic: loa_upper\n      compare: upper\n"
        '      operator: "<"\n      limit: 10\n',
        "interval: {sides: lower}\n    criterion:\n      compare: ¤both\n      operator: within\n"
        "      limit: [-5, 5]\n",
        "endpoints.limit.criterion.compare",
        "the interval has `sides: lower` only",
        "both",
        None,
    ),
    "method not offered": (
        "method: wilson",
        "method: ¤mover",
        "endpoints.sens.interval.method",
        "`sensitivity` offers: `korn_graubard`, `clopper_pearson`, `wilson`",
        "mover",
        None,
    ),
    "no such method": (
        "method: wilson",
        "method: ¤wilsen",
        "endpoints.sens.interval.method",
        "there is no such interval method; `sensitivity` offers: `korn_graubard`",
        "wilsen",
        "wilson",
    ),
    "method for a statistic that is not there": (
        "method: wilson",
        "methods: {¤specificity: wilson}",
        "endpoints.sens.interval.methods.specificity",
        "no statistic of this name; accepted: `sensitivity`",
        "specificity",
        "sensitivity",
    ),
    "method of a statistic": (
        "method: wilson",
        "methods: {sensitivity: ¤t}",
        "endpoints.sens.interval.methods.sensitivity",
        "`sensitivity` offers: `korn_graubard`",
        "t",
        None,
    ),
    "rows as independent without a reason": (
        "method: wilson",
        "cluster: ¤none",
        "endpoints.sens.interval.cluster",
        "say in `cluster_rationale` why that holds",
        "none",
        None,
    ),
    "exact bound of a mean": (
        "parameters: {truth: varying}\n",
        "parameters: {truth: varying}\n    interval: {degenerate: ¤exact_subject}\n",
        "endpoints.limit.interval.degenerate",
        "an exact bound exists for proportions only, and `bland_altman` yields none",
        "exact_subject",
        None,
    ),
}

NAMES = {
    "unknown pairing": (
        "pairing: by_time",
        "pairing: ¤by_tme",
        "endpoints.limit.pairing",
        "no pairing of this name; accepted: `by_key`, `by_time`",
        "by_tme",
        "by_time",
    ),
    "pairing left open": (
        "    pairing: by_time\n",
        "",
        "endpoints.limit.pairing",
        "there are several; say which: `by_key`, `by_time`",
        None,
        None,
    ),
    "unknown population": (
        "population: adults",
        "population: ¤adult",
        "endpoints.limit.population",
        "no population of this name; accepted: `full`, `adults`",
        "adult",
        "adults",
    ),
    "population left open": (
        "    population: adults\n",
        "",
        "endpoints.limit.population",
        "there are several; say which: `full`, `adults`",
        None,
        None,
    ),
    "subgroup twice": (
        "subgroups: [age]",
        "subgroups: [age, ¤age]",
        "endpoints.share.subgroups[1]",
        "this subgroup is listed twice",
        "age",
        None,
    ),
    "unknown subgroup": (
        "subgroups: [age]",
        "subgroups: [¤ages]",
        "endpoints.share.subgroups[0]",
        "no subgroup of this name; accepted: `sex`, `age`, `running`",
        "ages",
        "age",
    ),
    "unknown exclusion": (
        "exclude: [withdrawn]",
        "exclude: [¤withdrew]",
        "populations.adults.exclude[0]",
        "no exclusion of this name; accepted: `withdrawn`, `artefact`",
        "withdrew",
        "withdrawn",
    ),
    "unknown column in by": (
        "by: [reference.activity]",
        "by: [¤activity]",
        "endpoints.sens.by[0]",
        "no column of this name; accepted: ",
        "activity",
        "reference.activity",
    ),
    "by a number": (
        "by: [reference.activity]",
        "by: [¤bmi]",
        "endpoints.sens.by[0]",
        "the column is `number` and has no levels; declare a subgroup with `bands`",
        "bmi",
        None,
    ),
    "by twice": (
        "by: [reference.activity]",
        "by: [sex, ¤sex]",
        "endpoints.sens.by[1]",
        "this column is listed twice",
        "sex",
        None,
    ),
}

CONDITIONS = {
    "unknown column": (
        "where: {sex: female}",
        "where: {¤sx: female}",
        "endpoints.share.where.sx",
        "no column of this name; accepted: ",
        "sx",
        "sex",
    ),
    "column without its table": (
        "where: {reference.activity: run}",
        "where: {¤activity: run}",
        "subgroups.running.where.activity",
        "no column of this name",
        "activity",
        "reference.activity",
    ),
    "unknown level": (
        "where: {sex: female}",
        "where: {sex: ¤femal}",
        "endpoints.share.where.sex.is[0]",
        "the column has no such level; its levels: `female`, `male`",
        "femal",
        "female",
    ),
    "unknown level in a list": (
        "where: {sex: female}",
        "where: {sex: {is_not: [female, ¤Male]}}",
        "endpoints.share.where.sex.is_not[1]",
        "the column has no such level",
        "Male",
        "male",
    ),
    "bound on a category": (
        "where: {sex: female}",
        "where: {sex: {¤above: 1}}",
        "endpoints.share.where.sex.above",
        "a bound needs numbers, and this column is `category`; use `is` or `is_not`",
        None,
        None,
    ),
    "text for a number": (
        "where: {sex: female}",
        "where: {bmi: ¤high}",
        "endpoints.share.where.bmi.is[0]",
        "expected a number, as the column is `number`",
        "high",
        None,
    ),
    "fraction for a whole number": (
        "where: {sex: female}",
        "where: {age: ¤30.5}",
        "endpoints.share.where.age.is[0]",
        "expected a whole number, as the column is `integer`",
        "30.5",
        None,
    ),
    "word for a boolean": (
        "where: {sex: female}",
        "where: {pregnant: ¤no}",
        "endpoints.share.where.pregnant.is[0]",
        "expected `true` or `false`, as the column is boolean",
        "no",
        None,
    ),
    "value of a date": (
        "where: {sex: female}",
        "where: {enrolled: ¤2026-01-01}",
        "endpoints.share.where.enrolled.is[0]",
        "a `date` column can only be asked whether it is `missing`",
        "2026-01-01",
        None,
    ),
    "bounds that exclude everything": (
        "where: {age: {at_least: 21}}",
        "where: {age: {at_least: 21, below: ¤20}}",
        "populations.adults.where.age.below",
        "no value can satisfy both bounds",
        "from 21 to 20",
        None,
    ),
    "condition that says nothing": (
        "where: {age: {at_least: 21}}",
        "where: {age: ¤{}}",
        "populations.adults.where.age",
        "the condition says nothing; give one of `is`, `is_not`, `at_least`",
        None,
        None,
    ),
    "exclusion speaks of another table": (
        "where: {rate: {above: 220}}",
        "where: {¤heart_rate: {above: 220}}",
        "exclusions.artefact.where.heart_rate",
        "no column of this name; accepted: `subject`, `epoch`, `time`, `rate`",
        "heart_rate",
        None,
    ),
}


GROUPS = {
    "subgroup without split": (
        "sex: {by: sex}",
        "¤sex: {title: Sex}",
        "subgroups.sex",
        "a subgroup needs `by` (a column) or `where` (conditions)",
        None,
        None,
    ),
    "subgroup by unknown column": (
        "sex: {by: sex}",
        "sex: {by: ¤sx}",
        "subgroups.sex.by",
        "no column of this name",
        "sx",
        "sex",
    ),
    "subgroup by a number without bands": (
        "sex: {by: sex}",
        "sex: {by: ¤bmi}",
        "subgroups.sex.by",
        "the column is `number`; give `bands`",
        "bmi",
        None,
    ),
    "bands out of order": (
        "bands: [18, 65, 101]",
        "bands: ¤[18, 65, 65]",
        "subgroups.age.bands",
        "expected edges in ascending order",
        "18, 65, 65",
        None,
    ),
    "no bands": (
        "bands: [18, 65, 101]",
        "bands: ¤[]",
        "subgroups.age.bands",
        "at least one edge",
        None,
        None,
    ),
    "bands of text": (
        "{by: age, bands: [18, 65, 101]}",
        "{by: site, bands: ¤[18, 65]}",
        "subgroups.age.bands",
        "bands divide numbers, and the column is `text`",
        "site",
        None,
    ),
    "bands of nothing": (
        "{by: age, bands: [18, 65, 101]}",
        "{where: {sex: male}, bands: ¤[18, 65]}",
        "subgroups.age.bands",
        "bands divide a column; name it in `by`",
        None,
        None,
    ),
    "strata": (
        "strata: [sex]",
        "strata: [¤sx]",
        "resampling.strata[0]",
        "no column of `subjects` of this name",
        "sx",
        "sex",
    ),
    "strata twice": (
        "strata: [sex]",
        "strata: [sex, ¤sex]",
        "resampling.strata[1]",
        "this column is listed twice",
        "sex",
        None,
    ),
    "strata of numbers": (
        "strata: [sex]",
        "strata: [¤bmi]",
        "resampling.strata[0]",
        "the column is `number`; strata are columns with levels",
        "bmi",
        None,
    ),
    "exclusion that nothing gives": (
        "    title: Withdrew\n    table: subjects\n",
        "    title: Withdrew\n    table: test\n",
        "exclusions.withdrawn",
        "nothing can give this code: add `where`, or name the column that carries codes in the data "
        "(`exclusion` of `tables.test`)",
        None,
        None,
    ),
    "exclusion of an unknown table": (
        "    title: Withdrew\n    table: subjects\n",
        "    title: Withdrew\n    table: ¤subject\n",
        "exclusions.withdrawn.table",
        "no table of this name; accepted: `subjects`, `reference`, `test`",
        "subject",
        "subjects",
    ),
    "exclusion of pairs by a column of one table": (
        "    table: reference\n    where: {rate: {above: 220}}",
        "    where: {¤rate: {above: 220}}",
        "exclusions.artefact.where.rate",
        "no column of this name; accepted: `sex`, `site`",
        "rate",
        "reference.rate",
    ),
    "code of pairing itself": (
        "  artefact:\n",
        "  ¤no_test:\n",
        "exclusions.no_test",
        "given by pairing itself; choose another name",
        "no_test",
        None,
    ),
}

TABLES = {
    "key that is no column": (
        "subjects:\n    key: [subject]",
        "subjects:\n    key: [¤subjct]",
        "tables.subjects.key[0]",
        "no column of this name; accepted: `subject`, `sex`",
        "subjct",
        "subject",
    ),
    "no key": (
        "subjects:\n    key: [subject]",
        "subjects:\n    key: ¤[]",
        "tables.subjects.key",
        "at least one",
        None,
        None,
    ),
    "subjects with another key": (
        "subjects:\n    key: [subject]",
        "subjects:\n    key: ¤[subject, site]",
        "tables.subjects.key",
        "has one row a subject; its key is [subject]",
        None,
        None,
    ),
    "exclusion that is no column": (
        "    exclusion: exclusion\n",
        "    exclusion: ¤exclude\n",
        "tables.subjects.exclusion",
        "no column of this name",
        "exclude",
        "exclusion",
    ),
    "subject in numbers": (
        "      subject: {type: text}\n      sex:",
        "      subject: {type: integer}\n      sex:",
        "tables.subjects.subject",
        "a subject column is `text`; `subject` is `integer`",
        "subject",
        None,
    ),
    "key that may be empty": (
        "      subject: {type: text}\n      sex:",
        "      subject: {type: text, missing: allowed}\n      sex:",
        "tables.subjects.subject",
        "a subject column cannot have `missing: allowed`",
        "subject",
        None,
    ),
    "range of text": (
        "site: {type: text}",
        "site: {type: text, range: ¤[1, 2]}",
        "tables.subjects.columns.site.range",
        "only numbers have a range, and this column is `text`",
        None,
        None,
    ),
    "range upside down": (
        "range: [10, 80]",
        "range: ¤[80, 10]",
        "tables.subjects.columns.bmi.range",
        "the lower end lies above the upper end",
        "80, 10",
        None,
    ),
    "unit of text": (
        "site: {type: text}",
        "site: {type: text, unit: ¤m}",
        "tables.subjects.columns.site.unit",
        "only numbers have a unit, and this column is `text`",
        "m",
        None,
    ),
    "levels of text": (
        "site: {type: text}",
        "site: {type: text, levels: ¤[a, b]}",
        "tables.subjects.columns.site.levels",
        "only a category has levels, and this column is `text`",
        None,
        None,
    ),
    "category without levels": (
        "site: {type: text}",
        "¤site: {type: category}",
        "tables.subjects.columns.site",
        "a category needs its `levels`",
        None,
        None,
    ),
    "level twice": (
        "levels: [good, bad]",
        "levels: [good, ¤good]",
        "tables.test.columns.quality.levels[1]",
        "this level is listed twice",
        "good",
        None,
    ),
    "no result that is no level": (
        "levels: [good, bad]",
        "levels: [good, bad], indeterminate: [¤bd]",
        "tables.test.columns.quality.indeterminate[0]",
        "no level of this name; accepted: `good`, `bad`",
        "bd",
        "bad",
    ),
    "no result of text": (
        "site: {type: text}",
        "site: {type: text, indeterminate: ¤[x]}",
        "tables.subjects.columns.site.indeterminate",
        "only a category has levels",
        None,
        None,
    ),
    "name that pairs use": (
        "site: {type: text}",
        "¤status: {type: text}",
        "tables.subjects.columns.status",
        "pairs use this name themselves; choose another",
        "status",
        None,
    ),
    "conversion to itself": (
        "{from: 1/s, to: beats/min, factor: 60}",
        "{from: 1/s, to: ¤1/s, factor: 60}",
        "conversions[0].to",
        "a unit converts to another unit",
        "1/s",
        None,
    ),
    "conversion by nothing": (
        "factor: 60",
        "factor: ¤0",
        "conversions[0].factor",
        "expected a factor above 0",
        "0.0",
        None,
    ),
    "two conversions": (
        "  - {from: 1/s, to: beats/min, factor: 60}\n",
        "  - {from: 1/s, to: beats/min, factor: 60}\n  - ¤{from: 1/s, to: beats/min, factor: 61}\n",
        "conversions[1]",
        "there is already a rule from `1/s` to `beats/min`",
        None,
        None,
    ),
}

PAIRINGS = {
    "unknown table": (
        "  by_key:\n    method: key\n",
        "  by_key:\n    method: key\n    test: ¤tests\n",
        "pairings.by_key.test",
        "no table of this name; accepted: `subjects`, `reference`, `test`",
        "tests",
        "test",
    ),
    "a table with itself": (
        "  by_key:\n    method: key\n",
        "  by_key:\n    method: key\n    test: ¤reference\n",
        "pairings.by_key.test",
        "reference and test are two tables",
        "reference",
        None,
    ),
    "on a column of one table": (
        "  by_key:\n    method: key\n",
        "  by_key:\n    method: key\n    on: [subject, epoch, ¤activity]\n",
        "pairings.by_key.on[2]",
        "no column in both tables of this name; accepted: `subject`, `epoch`, `time`",
        "activity",
        None,
    ),
    "without the subject": (
        "  by_time:\n    method: nearest\n",
        "  by_time:\n    method: nearest\n    on: ¤[epoch]\n",
        "pairings.by_time.on",
        "rows of different subjects cannot pair; add `subject`",
        "epoch",
        None,
    ),
    "on the time": (
        "  by_time:\n    method: nearest\n",
        "  by_time:\n    method: nearest\n    on: [subject, ¤time]\n",
        "pairings.by_time.on[1]",
        "the time is compared by `tolerance` and not by equality",
        "time",
        None,
    ),
    "no tolerance": (
        "    tolerance: 5 s\n",
        "",
        "pairings.by_time",
        "`nearest` needs a `tolerance`: the largest accepted distance in time, such as `5 s`",
        None,
        None,
    ),
    "tolerance in no time": (
        "tolerance: 5 s",
        "tolerance: ¤5 m",
        "pairings.by_time.tolerance",
        "the tolerance needs a unit of time: `us`, `ms`, `s`, `min`, `h`, `d`",
        "5 m",
        "5 min",
    ),
    "negative tolerance": (
        "tolerance: 5 s",
        "tolerance: ¤-5 s",
        "pairings.by_time.tolerance",
        "a distance in time is not negative",
        "-5 s",
        None,
    ),
    "tolerance without nearest": (
        "  by_key:\n    method: key\n",
        "  by_key:\n    method: key\n    tolerance: ¤5 s\n",
        "pairings.by_key.tolerance",
        "a tolerance belongs to `method: nearest`",
        "5 s",
        None,
    ),
}

ALL = {
    f"{group}: {name}": case
    for group, cases in {
        "metric": METRICS,
        "columns": COLUMNS,
        "criterion": CRITERIA,
        "names": NAMES,
        "condition": CONDITIONS,
        "groups": GROUPS,
        "tables": TABLES,
        "pairings": PAIRINGS,
    }.items()
    for name, case in cases.items()
}


@pytest.mark.parametrize(("old", "new", "key", "message", "found", "suggestion"), ALL.values(), ids=ALL)
def test_inconsistency(
    spoil: Spoil, old: str, new: str, key: str, message: str, found: str | None, suggestion: str | None
) -> None:
    text, line, column = spoil(old, new)
    violations = [one for one in check(text) if one.key == key]
    assert len(violations) == 1, [one.key for one in check(text)]
    [violation] = violations
    assert violation.file == "protocol.yaml"
    if "¤" in new:
        assert (violation.line, violation.column) == (line, column)
    else:
        assert violation.line is not None
    assert message in violation.message
    assert violation.found == found
    assert violation.suggestion == suggestion


@pytest.mark.parametrize(
    ("old", "new", "key"), [(case[0], case[1], case[2]) for case in ALL.values()], ids=ALL
)
def test_one_mistake_is_not_buried(spoil: Spoil, old: str, new: str, key: str) -> None:
    """At most one message for each of the three endpoints that a column or a table can break."""
    keys = {one.key for one in check(spoil(old, new)[0])}
    assert key in keys
    assert len(keys) <= 3, keys


def changed(base: str, *edits: tuple[str, str]) -> tuple[Violation, ...]:
    for old, new in edits:
        assert base.count(old) == 1, old
        base = base.replace(old, new)
    return check(base)


def only(violations: tuple[Violation, ...], key: str) -> str:
    assert [one.key for one in violations] == [key]
    return violations[0].message


def at(violations: tuple[Violation, ...], key: str) -> str:
    return " ".join(one.message for one in violations if one.key == key)


def test_a_deciding_endpoint_needs_a_criterion(base: str) -> None:
    start, end = base.index("    criterion:\n      statistic: loa_upper"), base.index("  share:\n")
    rule = base[start:end]
    message = only(changed(base, (rule, "")), "endpoints.limit")
    assert "a `co_primary` endpoint decides the study and needs a `criterion`" in message


def test_two_primary_endpoints(base: str) -> None:
    text = base.replace("role: co_primary", "role: primary")
    [violation] = check(text)
    assert violation.key == "endpoints.limit.role"
    assert "`sens` is `primary` already" in violation.message
    assert violation.suggestion == "co_primary"


def test_no_endpoint(base: str) -> None:
    start, end = base.index("endpoints:\n"), base.index("subgroups:\n")
    text = base[:start] + "endpoints: {}\n" + base[end:]
    assert "at least one endpoint" in only(check(text), "endpoints")


def test_two_bounds_and_one_operator_each_say_their_own(base: str) -> None:
    found = changed(base, ("limit: 0.9", "limit: [0.9, 95]"))
    assert {one.key for one in found} == {
        "endpoints.sens.criterion.limit",
        "endpoints.sens.criterion.limit[1]",
    }
    assert {one.suggestion for one in found} == {None, "0.95"}


def test_subject_columns_of_different_names(base: str) -> None:
    before_rate = "{type: text}\n      epoch: {type: integer}\n      time: {type: datetime}\n      heart_rate"
    found = changed(
        base,
        (
            "  test:\n    key: [subject, epoch]\n",
            "  test:\n    subject: patient\n    key: [patient, epoch]\n",
        ),
        (f"      subject: {before_rate}", f"      patient: {before_rate}"),
    )
    assert {one.key for one in found} == {"pairings.by_key", "pairings.by_time"}
    assert "`reference` has `subject` and `test` has `patient`" in found[0].message


def test_pairing_on_less_than_the_key(base: str) -> None:
    found = changed(base, ("  by_key:\n    method: key\n", "  by_key:\n    method: key\n    on: [subject]\n"))
    assert [one.key for one in found] == ["pairings.by_key.on"] * 2
    assert (
        "several rows of `reference` could pair with one row, because its key also has `epoch`"
        in found[0].message
    )


def test_key_columns_of_different_types(base: str) -> None:
    found = changed(
        base,
        (
            "epoch: {type: integer}\n      time: {type: datetime}\n      heart_rate",
            "epoch: {type: text}\n      time: {type: datetime}\n      heart_rate",
        ),
    )
    assert {one.key for one in found} == {"pairings.by_key.on[1]", "pairings.by_time.on[1]"}
    assert "different types: `integer` and `text`" in found[0].message


def test_nearest_without_a_time_column(base: str) -> None:
    found = changed(
        base, ("  test:\n    key: [subject, epoch]\n    time: time\n", "  test:\n    key: [subject, epoch]\n")
    )
    assert "needs the table's `time` column" in only(found, "pairings.by_time.test")


def test_times_of_different_kinds(base: str) -> None:
    old = "time: {type: datetime}\n      heart_rate"
    found = changed(base, (old, "time: {type: number, unit: s}\n      heart_rate"))
    assert "datetime and numbers in s" in only(found, "pairings.by_time")
    found = changed(base, (old, "time: {type: number}\n      heart_rate"))
    assert "a time in numbers needs a unit" in at(found, "tables.test.time")
    found = changed(base, (old, "time: {type: text}\n      heart_rate"))
    assert "a time column is `datetime`, `number` or `integer`" in at(found, "tables.test.time")


def test_own_scale_of_time(base: str) -> None:
    text = base.replace("time: {type: datetime}", "time: {type: number, unit: sample}")
    assert "`sample`" in only(check(text), "pairings.by_time.tolerance")
    assert parse(text.replace("tolerance: 5 s", "tolerance: 5 sample")).id == "base"


def test_codes_that_nobody_declared(base: str) -> None:
    found = changed(
        base,
        (
            "exclusion: {type: text, missing: allowed}",
            "exclusion: {type: category, levels: [withdrawn, moved], missing: allowed}",
        ),
    )
    assert "no exclusion of this name" in only(found, "tables.subjects.columns.exclusion.levels[1]")


def test_more_codes_than_pairs_can_hold(base: str) -> None:
    codes = "".join(f"  code{index}: {{title: Code, table: subjects}}\n" for index in range(56))
    found = changed(base, ("exclusions:\n", f"exclusions:\n{codes}"))
    assert only(found, "exclusions") == "a protocol can declare 51 codes at most"
    assert found[0].found == "58"


def test_strata_without_subjects(base: str) -> None:
    start, end = base.index("  subjects:\n"), base.index("  reference:\n")
    found = check(base[:start] + base[end:])
    assert "there is no such table" in at(found, "resampling.strata")


def test_subgroup_of_another_pairing(base: str) -> None:
    text = base.replace(
        "  by_time:\n    method: nearest\n", "  by_time:\n    method: nearest\n    on: [subject]\n"
    )
    text = text.replace("  running:", "  epoch: {by: epoch}\n  running:")
    found = check(text.replace("    pairing: by_time\n", "    pairing: by_time\n    subgroups: [epoch]\n"))
    assert "the endpoint's pairing does not have" in only(found, "endpoints.limit.subgroups[0]")
    assert parse(text).endpoints["limit"].subgroups == ("sex", "age", "running")
    assert parse(text).endpoints["sens"].subgroups == ("sex", "age", "epoch", "running")


def test_a_misfit_does_not_hide_an_inconsistency(base: str) -> None:
    found = changed(
        base,
        ("method: nearest", "method: neerest"),
        ("    average: subject_mean\n", "    averge: subject_mean\n"),
        ("metric: bland_altman", "metric: bland_altmann"),
        ("{by: sex}", "{by: sx}"),
        ("      limit: 0.9\n", "      limit: none\n"),
        ("seed: 1\n", "seed: 1.0\n"),
    )
    assert [(one.key, one.suggestion) for one in found] == [
        ("pairings.by_time.method", "nearest"),
        ("endpoints.sens.criterion.limit", None),
        ("endpoints.limit.metric", "bland_altman"),
        ("endpoints.share.averge", "average"),
        ("subgroups.sex.by", "sex"),
        ("seed", "1"),
    ]


def test_the_only_endpoint_is_a_misfit(base: str) -> None:
    start, end = base.index("endpoints:\n"), base.index("subgroups:\n")
    text = f"{base[:start]}endpoints:\n  one: {{title: One}}\n{base[end:]}".replace("{by: sex}", "{by: sx}")
    assert [one.key for one in check(text)] == [
        "endpoints.one.metric",
        "endpoints.one.role",
        "subgroups.sex.by",
    ]


def test_without_a_file_messages_name_keys(base: str) -> None:
    protocol = validate(Protocol, read_yaml(base.replace("limit: 0.9", "limit: 90")))
    with pytest.raises(ContractError) as caught:
        resolve(protocol)
    assert str(caught.value) == (
        "endpoints.sens.criterion.limit: `sensitivity` is a proportion from 0 to 1 (found `90`). "
        "Did you mean `0.9`?"
    )


class Odd(Metric):
    """A metric with every kind of parameter, and a statistic without an interval."""

    name = "odd"
    title = "Odd"
    summary = "Odd."
    kind = "measurement"
    route = "additive"
    statistics = (
        Statistic("plain", "Plain", "No interval.", "none", "none", ()),
        Statistic("bounded", "Bounded", "Intervals.", "same", "near_zero", ("two_only", "t")),
    )
    headline = "plain"
    parameters = (
        Parameter("order", "integer", "Whole.", default=1, minimum=0, maximum=5),
        Parameter("label", "text", "Words.", default="none"),
        Parameter("cap", "number", "May be off.", default=None),
    )

    def prepare(self, columns: Columns, *, average: Any = "pooled", **parameters: Any) -> Prepared:
        raise NotImplementedError


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch, base: str) -> str:
    table = {**registry._table(), "odd": Odd()}
    monkeypatch.setattr(registry, "_table", lambda: table)
    two_only = replace(METHODS["t"], name="two_only", two_sided_only=True)
    monkeypatch.setitem(METHODS, "two_only", two_only)
    start, end = base.index("  share:\n"), base.index("  kappa:\n")
    endpoint = "  odd:\n    title: Odd\n    role: secondary\n    metric: odd\n"
    endpoint += "    pairing: by_key\n    population: full\n"
    return base[:start] + endpoint + base[end:]


def rule(text: str, lines: str) -> str:
    return text.replace("    metric: odd\n", f"    metric: odd\n    {lines}\n")


def test_a_bound_that_the_metric_cannot_supply(odd: str) -> None:
    text = rule(odd, 'criterion: {compare: lower, operator: ">", limit: 1}')
    assert "`plain` has no interval, so there is no bound to compare" in only(
        check(text), "endpoints.odd.criterion.compare"
    )
    text = rule(odd, "interval: {method: t}\n    criterion: {compare: point, operator: '>', limit: 1}")
    assert "`plain` offers: none" in only(check(text), "endpoints.odd.interval.method")
    text = rule(odd, "criterion: {compare: point, operator: '>', limit: 1, unit: s}")
    assert "`plain` has no unit; remove this key" in only(check(text), "endpoints.odd.criterion.unit")


def test_a_method_without_one_sided_bounds(odd: str) -> None:
    text = rule(odd, "interval: {sides: lower, method: two_only}")
    assert "no one-sided bounds" in only(check(text), "endpoints.odd.interval.method")
    one_sided = parse(rule(odd, "interval: {sides: lower}")).endpoints["odd"].interval
    assert one_sided.methods == {"bounded": "t"}
    assert parse(odd).endpoints["odd"].interval.methods == {"bounded": "two_only"}


@pytest.mark.parametrize("value", ["6", "-1", "1.5", "x", "true"])
def test_a_whole_number_out_of_range(odd: str, value: str) -> None:
    message = only(check(rule(odd, f"parameters: {{order: {value}}}")), "endpoints.odd.parameters.order")
    assert message == "expected a whole number of at least 0 and at most 5"


def test_parameters_in_their_types(odd: str) -> None:
    given = parse(rule(odd, "parameters: {order: 2, label: 007, cap: 3}")).endpoints["odd"].parameters
    assert given == {"order": 2, "label": "007", "cap": 3.0}
    assert isinstance(given["cap"], float)
    assert parse(rule(odd, "parameters: {cap: null, label: 1.50}")).endpoints["odd"].parameters == {
        "order": 1,
        "label": "1.50",
        "cap": None,
    }
