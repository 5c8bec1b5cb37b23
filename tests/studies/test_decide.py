"""From judged rows to endpoints, and from endpoints to the study."""

from __future__ import annotations

import math

import pytest

from accordance.evaluators.metric import Counts, Estimate, Interval, Statistic
from accordance.protocols.criteria import Confirmation, Criteria, Criterion, TableLimit
from accordance.protocols.model import Endpoint, IntervalSpec
from accordance.studies.decide import outcome, overall, reasons, unverified, withhold
from accordance.studies.judge import (
    BEYOND_TABLE,
    NOT_CONFIRMED,
    NOT_SET,
    OVERALL_WORDS,
    criterion_text,
    decides,
    judge_by,
    margin,
    words,
)

WITHIN = {"compare": "both", "operator": "within", "limit": (-5.0, 5.0)}


def endpoint(role="primary", **fields):
    return Endpoint(title="Bias", role=role, metric="bland_altman", **fields)


def row(decision, statistic="bias", **fields):
    return {
        "row_id": f"{statistic} {decision} {fields.get('by', '')}",
        "endpoint": "bias",
        "role": "primary",
        "statistic": statistic,
        "criterion": "both within [-5, 5]",
        "version": "v2",
        "view": "primary",
        "decision": decision,
        "evidence": "shown",
        "otherwise": None,
        "error": None,
        **dict.fromkeys(("by", "subgroup", "level", "comparator")),
        **fields,
    }


ONE = endpoint(criterion=Criterion(statistic="bias", **WITHIN))
TWO = {name: Criterion(statistic=name, **WITHIN) for name in ("bias", "sd")}
ALL_OF = endpoint(criteria=Criteria(all_of=tuple(TWO.values())))
ANY_OF = endpoint(criteria=Criteria(any_of=tuple(TWO.values())))


@pytest.mark.parametrize(
    ("question", "decisions", "expected"),
    [
        (ONE, {"bias": ["met"]}, "met"),
        (ONE, {"bias": ["met", "not_met", "not_evaluable"]}, "not_met"),
        (ONE, {"bias": ["met", "not_evaluable"]}, "not_evaluable"),
        (ONE, {}, "not_evaluable"),
        (ALL_OF, {"bias": ["met"], "sd": ["met"]}, "met"),
        (ALL_OF, {"bias": ["met"], "sd": ["not_met"]}, "not_met"),
        (ALL_OF, {"bias": ["met"], "sd": ["not_evaluable"]}, "not_evaluable"),
        (ALL_OF, {"bias": ["met"]}, "not_evaluable"),
        (ANY_OF, {"bias": ["met"], "sd": ["not_met"]}, "met"),
        (ANY_OF, {"bias": ["not_met"], "sd": ["not_evaluable"]}, "not_evaluable"),
        (ANY_OF, {"bias": ["not_met"], "sd": ["not_met"]}, "not_met"),
        (ANY_OF, {"bias": ["met", "not_met"], "sd": ["not_met"]}, "not_met"),
        (endpoint(role="secondary"), {"bias": ["informative"]}, "informative"),
    ],
)
def test_the_decision_of_an_endpoint(question, decisions, expected):
    rows = [
        row(decision, name, by=f'{{"n":"{number}"}}')
        for name, found in decisions.items()
        for number, decision in enumerate(found)
    ]
    found = outcome(question, rows, "v2")
    assert found.decision == expected
    if any(expected in own for own in decisions.values()) and question.judged:
        assert found.rows[0].split()[1] == expected


@pytest.mark.parametrize(
    "fields",
    [{"criterion": None}, {"version": "v1"}, {"view": "as_positive"}, {"comparator": "v1"}],
)
def test_only_judged_rows_of_the_deciding_version_and_view_count(fields):
    other = row("not_met", **fields)
    assert not decides(other, "v2")
    assert outcome(ONE, [other, row("met")], "v2").decision == "met"


class Named:
    """What `overall` reads of a protocol."""

    def __init__(self, **endpoints):
        self.endpoints = endpoints
        self.requirements = {}


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ([], "informative"),
        (["met"], "met"),
        (["met", "met"], "met"),
        (["met", "not_evaluable"], "not_evaluable"),
        (["not_evaluable", "not_met", "met"], "not_met"),
        (["met", "informative"], "not_evaluable"),
        (["informative", "not_met"], "not_met"),
    ],
)
def test_the_study_is_as_good_as_its_worst_deciding_endpoint(decisions, expected):
    protocol = Named(**{str(n): ONE for n, _ in enumerate(decisions)})
    found = {str(n): outcome(ONE, [row(decision)], "v2") for n, decision in enumerate(decisions)}
    assert overall(protocol, found) == expected
    assert expected in OVERALL_WORDS


def test_secondary_endpoints_and_endpoints_without_criterion_decide_nothing():
    protocol = Named(a=endpoint(role="secondary", criterion=ONE.criterion), b=endpoint())
    found = {"a": outcome(protocol.endpoints["a"], [row("not_met")], "v2")}
    assert overall(protocol, found) == "informative"


def test_what_is_withheld_says_why_and_what_it_would_have_been():
    rows = [row("met"), row("not_met"), row("not_evaluable", error="no cases"), row("met", criterion=None)]
    withhold(rows, ["bias"], "too few subjects: 8, at least 10 needed")
    assert [one["decision"] for one in rows] == ["not_evaluable"] * 3 + ["met"]
    assert [one["otherwise"] for one in rows] == ["met", "not_met", None, None]
    assert rows[2]["error"] == "no cases; too few subjects: 8, at least 10 needed"
    assert words(rows[0]) == "Not evaluable: too few subjects: 8, at least 10 needed (otherwise: met)"
    other = [row("met", endpoint="sd")]
    withhold(other, ["bias"], "x")
    assert other == [row("met", endpoint="sd")]


STATISTICS = {
    name: Statistic(name, name, name, "same", "near_zero", ("t",)) for name in ("bias", "sd_of_means")
}


def estimates(bias, sd, interval=None):
    found = {"bias": bias, "sd_of_means": sd}
    return {
        name: Estimate(
            STATISTICS[name], value, 0.1, interval, Counts(85, 255), error="x" if math.isnan(value) else None
        )
        for name, value in found.items()
    }


BY_TABLE = Criterion(
    statistic="sd_of_means",
    compare="point",
    operator="<=",
    limit=TableLimit(table="iso81060-2-criterion-2", by="bias"),
)


@pytest.mark.parametrize(
    ("bias", "sd", "expected", "limit"),
    [
        # ISO 81060-2:2018, 5.2.4.1.2 b), as reported by others: a mean of 4.2 allows 5.49; ends of table 1.
        (-4.2, 5.49, "met", 5.49),
        (4.2, 5.50, "not_met", 5.49),
        (0.0, 6.95, "met", 6.95),
        (5.0, 4.79, "met", 4.79),
        (4.25, 5.41, "met", 5.41),  # rounded half away from zero: 4.3
        (5.05, 0.1, "not_met", None),  # beyond the table nothing is accepted
    ],
)
def test_a_limit_by_table(bias, sd, expected, limit):
    found = judge_by(BY_TABLE, estimates(bias, sd), IntervalSpec())
    assert found.decision == expected
    assert (found.warning == BEYOND_TABLE) == (limit is None)


def test_a_table_cannot_be_read_by_what_has_no_value():
    found = judge_by(BY_TABLE, estimates(math.nan, 3.0), IntervalSpec())
    assert found.decision == "not_evaluable"
    assert "the limit is read by `bias`, which has no value: x" in found.reason
    assert margin(BY_TABLE) is None
    assert criterion_text(BY_TABLE) == "point <= iso81060-2-criterion-2(|bias|)"


@pytest.mark.parametrize(
    ("value", "bounds", "decision", "evidence"),
    [
        (-4.9, (-4.99, -4.8), "met", "shown"),
        (-5.0, (-5.5, -4.5), "met", "open"),
        (-5.1, (-5.5, -4.5), "not_met", "open"),
        (6.0, (5.5, 6.5), "not_met", "shown"),
        (-6.0, (-6.5, -5.5), "not_met", "shown"),
    ],
)
def test_an_absolute_value_is_judged_on_both_sides(value, bounds, decision, evidence):
    rule = Criterion(statistic="bias", compare="point", operator="<=", limit=5.0, absolute=True)
    found = judge_by(rule, estimates(value, 1.0, Interval(*bounds, 0.95, "two", "t")), IntervalSpec())
    assert (found.decision, found.evidence) == (decision, evidence)
    strict = rule.model_copy(update={"operator": "<"})
    at_limit = judge_by(strict, estimates(-5.0, 1.0, Interval(-5.5, -4.5, 0.95, "two", "t")), IntervalSpec())
    assert at_limit.decision == "not_met"


def test_a_limit_from_memory_informs_until_somebody_confirms_it():
    rule = Criterion(statistic="bias", compare="point", operator="<=", limit=5.0, tier="unverified")
    found = judge_by(rule, estimates(1.0, 1.0), IntervalSpec())
    assert (found.decision, found.otherwise, found.warning) == ("informative", "met", NOT_CONFIRMED)
    confirmed = rule.model_copy(update={"confirmed": Confirmation(by="A. Reader", clause="5.2.4")})
    assert judge_by(confirmed, estimates(1.0, 1.0), IntervalSpec()).decision == "met"
    protocol = Named(bias=endpoint(criterion=rule))
    rows = [row("informative", otherwise="met")]
    assert reasons(protocol, rows, "v2") == [f"Bias: {NOT_CONFIRMED}"]
    assert words(rows[0]) == f"Informs only: {NOT_CONFIRMED} (otherwise: met)"
    assert unverified(protocol) == ["endpoints.bias"]
    assert unverified(Named(bias=endpoint(criterion=confirmed))) == []


def test_a_limit_that_is_still_to_be_set_decides_nothing():
    rule = Criterion(statistic="bias", compare="point", operator="<=", limit="required", suggestion=5.0)
    found = judge_by(rule, estimates(1.0, 1.0), IntervalSpec())
    assert (found.decision, found.reason) == ("not_evaluable", NOT_SET)
    assert criterion_text(rule) == "point <= required"
