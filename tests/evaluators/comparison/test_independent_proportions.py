"""Difference and ratio of two proportions on different units."""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic import bounds, cases
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import compare
from scipy import stats

from accordance.evaluators.comparison.independent_proportions import (
    DIFFERENCES,
    RATIOS,
    proportion_difference,
    proportion_non_inferiority,
    proportion_ratio,
    score_statistic,
)
from accordance.evaluators.metric import CannotComputeError

CASES = ("indep_56_70_48_80", "indep_12_20_14_21", "indep_0_20_3_25", "indep_10_10_20_20")
KEYS = {
    "miettinen_nurminen_difference": "RD_miettinen_nurminen_ratesci",
    "mee": "RD_mee_ratesci",
    "newcombe_independent": "RD_newcombe",
    "wald_independent": "RD_wald",
    "agresti_caffo": "RD_agresti_caffo",
}
GROUP = st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


def groups(case):
    return tuple(case["inputs"][name] for name in ("x1", "n1", "x2", "n2"))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("method", KEYS)
def test_differences_against_r(found, name, method):
    """ratesci 1.0.0 (score, to 12 decimals) and contingencytables 3.0.1 in R."""
    result = proportion_difference(*groups(found[name]), ci=method)
    expected = found[name]["outputs"][KEYS[method]]
    tolerance = 2e-11 if "ratesci" in KEYS[method] else 1e-12
    compare(
        f"independent difference, {method}",
        (result.interval.lower, result.interval.upper),
        bounds(expected),
        abs=tolerance,
    )
    compare(f"independent difference, {method}", result.value, expected["est"], abs=5e-11)


def test_not_the_limits_of_a_known_defect():
    """statsmodels 0.15.0 gives an upper score limit of 0.3440 here; four R packages give 0.3382."""
    assert proportion_difference(56, 70, 48, 80).interval.upper == pytest.approx(0.338172940012, abs=1e-10)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    ("method", "key"), [("miettinen_nurminen_ratio", "RR_miettinen_nurminen"), ("log", "RR_katz_log")]
)
def test_ratios_against_r(found, name, method, key):
    """ratesci and contingencytables; Katz at 0 events has no interval, and no width where all are events.

    R prints 0.9999999927 to 1.0000000073 there, the square root of a rounding.
    """
    expected = found[name]["outputs"][key]
    if method == "log" and found[name]["inputs"]["x1"] == 0:
        with pytest.raises(CannotComputeError, match="koopman"):
            proportion_ratio(*groups(found[name]), ci=method)
        return
    result = proportion_ratio(*groups(found[name]), ci=method)
    if method == "log" and result.value == 1:
        assert result.interval.degenerate
        return
    compare(
        f"independent ratio, {method}",
        (result.interval.lower, result.interval.upper),
        bounds(expected),
        rel=1e-8,
    )
    compare(f"independent ratio, {method}", result.value, expected["est"], abs=5e-11)


@settings(max_examples=80, deadline=None)
@given(GROUP, GROUP, st.sampled_from(sorted(DIFFERENCES)))
def test_exchanging_groups_or_events_turns_differences_round(one, two, method):
    there = proportion_difference(*one, *two, ci=method)
    back = proportion_difference(*two, *one, ci=method)
    other = proportion_difference(one[1] - one[0], one[1], two[1] - two[0], two[1], ci=method)
    for found in (back, other):
        np.testing.assert_allclose(
            [found.value, found.interval.lower, found.interval.upper],
            [-there.value, -there.interval.upper, -there.interval.lower],
            atol=1e-9,
        )
    if method not in ("wald_independent", "agresti_caffo"):
        assert there.interval.lower <= there.value <= there.interval.upper
        assert not there.interval.degenerate


@settings(max_examples=60, deadline=None)
@given(GROUP, GROUP, st.sampled_from(["miettinen_nurminen_ratio", "koopman"]))
def test_exchanging_groups_inverts_ratios(one, two, method):
    assume(one[0] + two[0] > 0)
    there, back = proportion_ratio(*one, *two, ci=method), proportion_ratio(*two, *one, ci=method)
    for a, b in ((there.interval.lower, back.interval.upper), (there.interval.upper, back.interval.lower)):
        assert a == pytest.approx(1 / b if b else np.inf, rel=1e-7)


@settings(max_examples=60, deadline=None)
@given(GROUP, GROUP, st.floats(0.02, 0.4))
def test_the_score_test_and_the_score_interval_decide_alike(one, two, margin):
    bound = proportion_difference(*one, *two, level=0.975, sides="lower").interval
    assert bound.upper == 1
    assume(abs(bound.lower + margin) > 1e-8)
    assert (bound.lower > -margin) == (proportion_non_inferiority(*one, *two, margin).p_value < 0.025)


@settings(max_examples=40, deadline=None)
@given(GROUP, GROUP)
def test_at_no_difference_the_score_is_pearsons(one, two):
    """z^2 N / (N - 1) at 0 is Pearson's chi-square without continuity correction."""
    total = one[1] + two[1]
    assume(0 < one[0] + two[0] < total)
    table = [[one[0], one[1] - one[0]], [two[0], two[1] - two[0]]]
    expected = stats.chi2_contingency(table, correction=False).statistic
    assert score_statistic(*one, *two, 0.0) ** 2 * total / (total - 1) == pytest.approx(expected, abs=1e-9)


def test_score_bounds_are_roots_of_the_independent_score():
    """The closed form of Farrington & Manning at the bounds that a root search of the other form found."""
    found = proportion_difference(56, 70, 48, 80).interval
    z = stats.norm.ppf(0.975)
    assert score_statistic(56, 70, 48, 80, found.lower) == pytest.approx(z, rel=1e-9)
    assert score_statistic(56, 70, 48, 80, found.upper) == pytest.approx(-z, rel=1e-9)


@pytest.mark.parametrize("method", DIFFERENCES)
def test_one_sided_bounds_are_ends_of_the_wider_level(method):
    two = proportion_difference(12, 20, 14, 21, ci=method, level=0.9).interval
    lower = proportion_difference(12, 20, 14, 21, ci=method, sides="lower").interval
    upper = proportion_difference(12, 20, 14, 21, ci=method, sides="upper").interval
    assert (lower.lower, upper.upper) == pytest.approx((two.lower, two.upper))
    assert (lower.upper, upper.lower) == (1, -1)


def test_what_cannot_be_computed_has_a_reason():
    with pytest.raises(CannotComputeError, match="at least one unit"):
        proportion_difference(0, 0, 1, 2)
    with pytest.raises(CannotComputeError, match="Neither group"):
        proportion_ratio(0, 5, 0, 5)
    with pytest.raises(ValueError, match="between 0 and `n`"):
        proportion_difference(3, 2, 1, 2)
    with pytest.raises(ValueError, match="accepted: miettinen_nurminen_difference"):
        proportion_difference(1, 2, 1, 2, ci="score")
    with pytest.raises(ValueError, match="below 1"):
        proportion_non_inferiority(1, 2, 1, 2, 1)
    assert proportion_difference(3, 3, 3, 3, ci="wald_independent").interval.degenerate
    assert sorted(RATIOS) == ["koopman", "log", "miettinen_nurminen_ratio", "scas"]
    assert "Miettinen" in str(proportion_ratio(3, 5, 2, 5))
    assert "Source: Farrington" in str(proportion_non_inferiority(3, 5, 2, 5, 0.1))


def test_the_score_of_two_groups_without_variance_is_0():
    """0 of 5 and 0 of 7, all and all: the difference 0 is what was seen. It was NaN."""
    assert score_statistic(0, 5, 0, 7, 0.0) == score_statistic(5, 5, 7, 7, 0.0) == 0
