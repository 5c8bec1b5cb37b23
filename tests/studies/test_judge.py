"""The decision table: every way in which an estimate and its interval become a decision and its evidence."""

from __future__ import annotations

import math

import pytest

from accordance.evaluators.metric import Counts, Estimate, Interval, Statistic
from accordance.protocols.model import Criterion, IntervalSpec
from accordance.studies.judge import (
    NO_SPREAD,
    ROWS_INDEPENDENT,
    WITHIN_MC_ERROR,
    criterion_text,
    judge,
    margin,
    words,
)

STATISTIC = Statistic("share", "Share", "Successes over units.", "proportion", "higher", ("wilson",))


def interval(lower, upper, **fields):
    return Interval(lower, upper, 0.95, fields.pop("sides", "two"), fields.pop("method", "wilson"), **fields)


ONE_EACH = Counts(10, 10, 9)


def estimate(value, bounds=None, *, counts=ONE_EACH, error=None, **fields):
    own = None if bounds is None else interval(*bounds, **fields)
    return Estimate(STATISTIC, value, 0.1, own, counts, error=error)


def criterion(compare, operator, limit):
    return Criterion(compare=compare, operator=operator, limit=limit)


INF = math.inf
TABLE = [
    # compare, operator, limit, value, bounds -> decision, evidence
    ("lower", ">", 0.9, 0.95, (0.91, 0.98), "met", "shown"),
    ("lower", ">", 0.9, 0.95, (0.90, 0.98), "not_met", "open"),
    ("lower", ">=", 0.9, 0.95, (0.90, 0.98), "met", "shown"),
    ("lower", ">", 0.9, 0.95, (0.89, 0.98), "not_met", "open"),
    ("lower", ">", 0.9, 0.80, (0.70, 0.85), "not_met", "shown"),
    ("lower", ">", 0.9, 0.80, (0.70, 0.90), "not_met", "shown"),
    ("lower", ">=", 0.9, 0.80, (0.70, 0.90), "not_met", "open"),
    ("lower", ">", 0.9, 0.95, (0.91, INF), "met", "shown"),
    ("lower", ">", 0.9, 0.80, (0.70, INF), "not_met", "open"),
    ("upper", "<", 5.0, 3.0, (2.0, 4.9), "met", "shown"),
    ("upper", "<", 5.0, 3.0, (2.0, 5.0), "not_met", "open"),
    ("upper", "<=", 5.0, 3.0, (2.0, 5.0), "met", "shown"),
    ("upper", "<", 5.0, 6.0, (5.0, 7.0), "not_met", "shown"),
    ("upper", "<=", 5.0, 6.0, (5.0, 7.0), "not_met", "open"),
    ("upper", "<", 5.0, 3.0, (-INF, 4.9), "met", "shown"),
    ("both", "within", (-5.0, 5.0), 0.0, (-5.0, 5.0), "met", "shown"),
    ("both", "within", (-5.0, 5.0), 0.0, (-5.1, 4.0), "not_met", "open"),
    ("both", "within", (-5.0, 5.0), 0.0, (-4.0, 5.1), "not_met", "open"),
    ("both", "within", (-5.0, 5.0), 8.0, (6.0, 9.0), "not_met", "shown"),
    ("both", "within", (-5.0, 5.0), -8.0, (-9.0, -6.0), "not_met", "shown"),
    ("both", "<", 5.0, 3.0, (2.0, 4.0), "met", "shown"),
    ("both", ">", 5.0, 6.0, (4.0, 8.0), "not_met", "open"),
    ("lower", "within", (-5.0, 5.0), 4.0, (3.0, 6.0), "met", "open"),
    ("upper", ">", 0.9, 0.85, (0.80, 0.95), "met", "open"),
    ("point", "<=", 3.0, 2.9, (2.5, 3.4), "met", "open"),
    ("point", "<=", 3.0, 2.9, (2.5, 2.99), "met", "shown"),
    ("point", "<=", 3.0, 3.0, (2.5, 3.5), "met", "open"),
    ("point", "<", 3.0, 3.0, (2.5, 3.5), "not_met", "open"),
    ("point", "<=", 3.0, 3.2, (2.8, 3.6), "not_met", "open"),
    ("point", "<=", 3.0, 3.9, (3.5, 4.2), "not_met", "shown"),
    ("point", "within", (-1.0, 1.0), 0.5, (0.1, 0.9), "met", "shown"),
    ("point", "<=", 3.0, 2.9, None, "met", None),
    ("point", "<=", 3.0, 3.1, None, "not_met", None),
]


@pytest.mark.parametrize(("compare", "operator", "limit", "value", "bounds", "decision", "evidence"), TABLE)
def test_decision_and_evidence(compare, operator, limit, value, bounds, decision, evidence):
    found = judge(criterion(compare, operator, limit), estimate(value, bounds), IntervalSpec())
    assert (found.decision, found.evidence) == (decision, evidence)
    assert found.reason is None


def test_a_decision_is_made_on_unrounded_numbers():
    just_below = math.nextafter(0.9, 0)
    just_above = math.nextafter(0.9, 1)
    rule = criterion("lower", ">", 0.9)
    assert judge(rule, estimate(0.95, (just_below, 0.98)), IntervalSpec()).decision == "not_met"
    assert judge(rule, estimate(0.95, (just_above, 0.98)), IntervalSpec()).decision == "met"


def test_without_a_criterion_a_row_is_informative_whatever_happened():
    failed = estimate(math.nan, error="no cases")
    assert judge(None, estimate(0.9, (0.8, 0.95)), IntervalSpec()).decision == "informative"
    assert judge(None, failed, IntervalSpec()).decision == "informative"


CANNOT_DECIDE = [
    ("no value", "lower", {"value": math.nan, "error": "no cases"}, "no cases"),
    ("no value, point", "point", {"value": math.nan, "error": "no cases"}, "no cases"),
    ("interval failed", "lower", {"value": 0.95, "error": "one subject"}, "one subject"),
    ("interval failed, point", "point", {"value": 0.95, "error": "one subject"}, "one subject"),
    (
        "interval missing",
        "lower",
        {"value": 0.95},
        "the criterion compares a bound, and there is no interval",
    ),
    ("no spread", "lower", {"value": 1.0, "bounds": (1.0, 1.0), "degenerate": True}, NO_SPREAD),
    ("no spread, one-sided", "lower", {"value": 1.0, "bounds": (1.0, INF), "degenerate": True}, NO_SPREAD),
    ("no width", "lower", {"value": 2.0, "bounds": (2.0, 2.0)}, NO_SPREAD),
    (
        "rows for independent",
        "lower",
        {"value": 0.95, "bounds": (0.91, 0.98), "independent_rows": True, "counts": Counts(10, 40, 38)},
        ROWS_INDEPENDENT,
    ),
    (
        "open end",
        "lower",
        {"value": 0.95, "bounds": (-INF, 0.98), "sides": "upper"},
        "the criterion compares a bound (lower) that the one-sided interval leaves open",
    ),
    (
        "open end, both",
        "both",
        {"value": 0.95, "bounds": (0.91, INF), "sides": "lower"},
        "the criterion compares a bound (both) that the one-sided interval leaves open",
    ),
]


@pytest.mark.parametrize(
    ("compare", "given", "reason"),
    [case[1:] for case in CANNOT_DECIDE],
    ids=[case[0] for case in CANNOT_DECIDE],
)
def test_what_cannot_support_a_decision_never_passes(compare, given, reason):
    found = judge(
        criterion(compare, ">", 0.9),
        estimate(**given),
        IntervalSpec(),
    )
    assert found.decision == "not_evaluable"
    assert found.evidence is None
    assert found.reason == reason


def test_one_unit_a_subject_needs_no_clusters():
    single = estimate(0.95, (0.91, 0.98), independent_rows=True, counts=Counts(40, 40, 38))
    assert judge(criterion("lower", ">", 0.9), single, IntervalSpec()).decision == "met"


def test_cluster_none_lets_a_row_wise_interval_decide():
    several = estimate(0.95, (0.91, 0.98), independent_rows=True, counts=Counts(10, 40, 38))
    spec = IntervalSpec(cluster="none", cluster_rationale="One recording a subject by design.")
    assert judge(criterion("lower", ">", 0.9), several, spec).decision == "met"


def test_the_point_decides_without_evidence_where_its_interval_takes_rows_for_independent():
    several = estimate(0.95, (0.91, 0.98), independent_rows=True, counts=Counts(10, 40, 38))
    found = judge(criterion("point", ">", 0.9), several, IntervalSpec())
    assert (found.decision, found.evidence, found.warning) == ("met", None, ROWS_INDEPENDENT)


@pytest.mark.parametrize(
    ("given", "flaw"),
    [
        ({"bounds": (1.0, 1.0), "degenerate": True}, NO_SPREAD),
        ({"bounds": (0.95, 0.95)}, NO_SPREAD),
    ],
)
def test_data_without_spread_decide_nothing_not_even_by_the_point(given, flaw):
    found = judge(criterion("point", ">", 0.9), estimate(0.95, **given), IntervalSpec())
    assert (found.decision, found.evidence, found.reason) == ("not_evaluable", None, flaw)


@pytest.mark.parametrize(
    ("compare", "operator", "limit", "warned"),
    [
        ("lower", ">", 0.899, True),
        ("lower", ">", 0.9019, True),
        ("lower", ">", 0.9021, False),
        ("lower", ">", 0.897, False),
        ("upper", "<", 0.981, True),
        ("upper", "<", 0.99, False),
        ("both", "within", (0.8, 0.981), True),
        ("both", "within", (0.8, 1.0), False),
        ("point", ">", 0.9, False),
    ],
)
def test_a_limit_within_two_monte_carlo_errors_is_flagged(compare, operator, limit, warned):
    resampled = estimate(0.95, (0.90, 0.98), method="bootstrap_bca", mc_error=(0.001, 0.001))
    found = judge(criterion(compare, operator, limit), resampled, IntervalSpec())
    assert found.warning == (WITHIN_MC_ERROR if warned else None)


@pytest.mark.parametrize(
    ("decision", "evidence", "text", "expected"),
    [
        ("met", "shown", "lower > 0.9", "Met"),
        ("met", "open", "upper > 0.9", "Met by the bound; the interval reaches beyond the limit"),
        ("met", "shown", "point <= 3", "Met; the whole interval agrees"),
        (
            "met",
            "open",
            "point <= 3",
            "Met by the point, as the standard asks; the interval reaches beyond the limit",
        ),
        ("met", None, "point <= 3", "Met by the point; no interval stands beside it"),
        ("not_met", "shown", "lower > 0.9", "Not met; the whole interval lies beyond the limit"),
        ("not_met", "open", "lower > 0.9", "Not met; the interval leaves the goal open"),
        ("not_met", "open", "point <= 3", "Not met; the interval leaves the goal open"),
        ("not_met", None, "point <= 3", "Not met by the point; no interval stands beside it"),
        ("not_evaluable", None, "lower > 0.9", "Not evaluable: one subject"),
        ("informative", None, None, "No criterion"),
    ],
)
def test_words(decision, evidence, text, expected):
    assert (
        words({"decision": decision, "evidence": evidence, "criterion": text, "error": "one subject"})
        == expected
    )


def test_criterion_as_text_and_margin():
    assert criterion_text(criterion("point", "<=", 0.1)) == "point <= 0.1"
    assert criterion_text(criterion("both", "within", (-30.0, 30.0))) == "both within [-30, 30]"
    assert margin(criterion("both", "within", (-30.0, 30.0))) == 30
    assert margin(criterion("both", "within", (-20.0, 30.0))) is None
    assert margin(criterion("lower", ">", 0.92)) == 0.92
