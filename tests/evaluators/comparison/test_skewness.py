"""Skewness-corrected score intervals of two proportions, and the odds ratio's score interval.

ratesci 1.0.0 in R 4.2.2 (diagnostic/oracle.json; it rounds probabilities to 10 decimals), and printed values
as the tests of ratesci quote them.
"""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic import bounds, cases, number
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import compare
from scipy import optimize, stats

from accordance.evaluators.comparison.independent_proportions import (
    ODDS_RATIOS,
    proportion_difference,
    proportion_odds_ratio,
    proportion_ratio,
)
from accordance.evaluators.comparison.paired_counts import PairedCounts
from accordance.evaluators.comparison.paired_proportions import paired_proportion_difference
from accordance.evaluators.comparison.skewness import (
    Moments,
    corrected,
    difference_moments,
    odds_ratio_moments,
    paired_moments,
    ratio_moments,
)
from accordance.evaluators.metric import CannotComputeError

INDEPENDENT = ("indep_56_70_48_80", "indep_12_20_14_21", "indep_0_20_3_25", "indep_10_10_20_20")
PAIRED = (
    "pair_bentur2009",
    "pair_tangML_8_3_1_2",
    "pair_no_discordant",
    "pair_equal_discordant",
    "pair_all_discordant_one_way",
    "pair_n1",
)
GROUP = st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
Z = stats.norm.ppf(0.975)


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


@pytest.mark.parametrize("name", INDEPENDENT)
def test_differences_against_r(found, name):
    """`scoreci(contrast = "RD")`. Its estimate is where the corrected score is 0; ours is the plain one."""
    groups = [found[name]["inputs"][key] for key in ("x1", "n1", "x2", "n2")]
    expected = found[name]["outputs"]["RD_SCAS"]
    interval = proportion_difference(*groups, ci="scas").interval
    compare("independent difference, scas", (interval.lower, interval.upper), bounds(expected), abs=1e-10)
    if expected["est"] != 0:  # where all units are events the score is 0 at three differences
        centre = optimize.brentq(lambda at: corrected(difference_moments(at, *groups)), -0.9, 0.9, xtol=1e-14)
        compare("independent difference, scas", centre, expected["est"], abs=1e-10)


@pytest.mark.parametrize("name", INDEPENDENT)
def test_odds_ratios_against_r(found, name):
    """Woolf's, from contingencytables; R gives 0 to infinity, or NaN, where a cell is empty."""
    given, expected = found[name]["inputs"], found[name]["outputs"]["OR_woolf"]
    groups = [given[key] for key in ("x1", "n1", "x2", "n2")]
    if np.isinf(number(expected["upper"])):
        with pytest.raises(CannotComputeError, match=r"cell is empty|Every unit is an event"):
            proportion_odds_ratio(*groups, ci="log")
        return
    result = proportion_odds_ratio(*groups, ci="log")
    got = (result.value, result.interval.lower, result.interval.upper)
    compare("independent odds ratio, log", got, (expected["est"], *bounds(expected)))


@pytest.mark.parametrize("name", PAIRED)
def test_paired_differences_against_r(found, name):
    """`pairbinci(contrast = "RD", skew = TRUE, bcf = TRUE)`; of one pair it has no bounds."""
    given, expected = found[name]["inputs"], found[name]["outputs"]["diff_asr_skew_bcf"]
    cells = tuple(given[key] for key in ("both", "only1", "only2", "neither"))
    interval = paired_proportion_difference(PairedCounts(*cells), ci="scas").interval
    compare("paired difference, scas", (interval.lower, interval.upper), bounds(expected), abs=2e-12)
    if sum(cells) > 1:
        # without discordant pairs the score is 0 at three differences; R finds the lowest
        ends = (-0.999, -0.001) if cells[1] + cells[2] == 0 else (-0.999, 0.999)
        centre = optimize.brentq(lambda at: corrected(paired_moments(at, cells)), *ends, xtol=1e-14)
        compare("paired difference, scas", centre, expected["est"], abs=1e-11)


def roots(score, low, high):
    return [optimize.brentq(lambda at, z: score(at) - z, low, high, args=(z,), xtol=1e-14) for z in (Z, -Z)]


def test_printed_intervals_without_the_factor():
    """Gart & Nam 1988 (ratios) and 1990 (a difference), which know no N / (N - 1)."""
    for groups, printed in (((8, 15, 4, 15), (0.806, 6.148)), ((6, 10, 6, 20), (0.822, 4.954))):
        ends = roots(lambda at: corrected(ratio_moments(np.exp(at), *groups, unbiased=False)), -5, 5)  # noqa: B023
        np.testing.assert_allclose(np.exp(ends), printed, atol=5e-4)
    ends = roots(lambda at: corrected(difference_moments(at, 7, 25, 2, 25, unbiased=False)), -0.9, 0.9)
    np.testing.assert_allclose(ends, (-0.014, 0.414), atol=5e-4)


def test_printed_odds_ratios():
    """Score: Fagerland & Newcombe 2013 (three examples), Gart & Thomas 1982 without N / (N - 1).

    Skewness: Gart 1985, example 1, whose score is taken nearer to 0 by half its variance (continuity).
    """
    for groups, printed in (
        ((24, 73, 53, 65), (0.050, 0.245)),
        ((29, 55, 11, 11), (0, 0.417)),
        ((7, 18, 1, 18), (1.416, 76.428)),
    ):
        interval = proportion_odds_ratio(*groups).interval
        np.testing.assert_allclose((interval.lower, interval.upper), printed, atol=5e-4)
    plain = roots(
        lambda at: corrected(odds_ratio_moments(np.exp(at), 28, 51, 71, 230, unbiased=False, skewed=False)),
        -3, 5,
    )  # fmt: skip
    np.testing.assert_allclose(np.exp(plain), (1.476, 5.035), atol=5e-4)

    def continuous(at):
        distance, variance, third = odds_ratio_moments(np.exp(at), 28, 99, 23, 182, unbiased=False)
        return corrected(Moments(distance - np.sign(distance) * variance / 2, variance, third))

    np.testing.assert_allclose(np.exp(roots(continuous, -3, 5)), (1.40, 5.33), atol=5e-3)


@pytest.mark.parametrize("at", [0.3, 1.0, 2.5])
def test_moments_are_those_of_the_binomial(at):
    """Variance and third moment of each score by adding up all outcomes at the most likely proportions."""
    x1, n1, x2, n2 = 7, 12, 4, 15
    outcomes = np.stack(np.meshgrid(np.arange(n1 + 1), np.arange(n2 + 1), indexing="ij"), axis=-1)
    p, q = outcomes[..., 0] / n1, outcomes[..., 1] / n2

    def likeliest(second_to_first):
        best = optimize.minimize_scalar(
            lambda second: -(
                stats.binom.logpmf(x1, n1, second_to_first(second)) + stats.binom.logpmf(x2, n2, second)
            ),
            bounds=(1e-6, 1 - 1e-6), method="bounded", options={"xatol": 1e-12},
        ).x  # fmt: skip
        return second_to_first(best), best

    difference = at / 5
    for moments, score, proportions in (
        (difference_moments(difference, x1, n1, x2, n2, unbiased=False), lambda *_: p - q,
         likeliest(lambda second: min(second + difference, 1 - 1e-9))),
        (ratio_moments(at, x1, n1, x2, n2, unbiased=False), lambda *_: p - at * q,
         likeliest(lambda second: min(at * second, 1 - 1e-9))),
        (odds_ratio_moments(at, x1, n1, x2, n2, unbiased=False),
         lambda one, two: p / (one * (1 - one)) - q / (two * (1 - two)),
         likeliest(lambda second: at * second / (1 - second + at * second))),
    ):  # fmt: skip
        one, two = proportions
        chance = np.outer(
            stats.binom.pmf(np.arange(n1 + 1), n1, one), stats.binom.pmf(np.arange(n2 + 1), n2, two)
        )
        values = score(one, two)
        centred = values - (chance * values).sum()
        assert moments.variance == pytest.approx((chance * centred**2).sum(), rel=1e-4)
        assert moments.third == pytest.approx((chance * centred**3).sum(), rel=1e-3)


def test_both_sides_miss_equally_often():
    """Exact, 20 units a group: how often the interval lies above and below the true ratio, on average.

    2.1% and 2.4% with the correction; 1.7% and 2.9% for Miettinen and Nurminen.
    """
    n = 20
    missed = {}
    for ci in ("scas", "miettinen_nurminen_ratio"):
        ends = np.zeros((n + 1, n + 1, 2))
        ends[0, 0] = 0, np.inf
        for x, y in np.ndindex(n + 1, n + 1):
            if x + y:
                interval = proportion_ratio(x, n, y, n, ci=ci).interval
                ends[x, y] = interval.lower, interval.upper
        sides = []
        for second in np.linspace(0.05, 0.4, 15):
            for ratio in (1.3, 1.7, 2.2):
                one, two = (stats.binom.pmf(np.arange(n + 1), n, p) for p in (ratio * second, second))
                chance = np.outer(one, two)
                sides.append((chance[ends[..., 0] > ratio].sum(), chance[ends[..., 1] < ratio].sum()))
        missed[ci] = np.mean(sides, axis=0)
    assert np.all(missed["scas"] < 0.025)
    assert abs(np.diff(missed["scas"])) < 0.004
    assert abs(np.diff(missed["miettinen_nurminen_ratio"])) > 0.01


@settings(max_examples=60, deadline=None)
@given(GROUP, GROUP, st.sampled_from(sorted(ODDS_RATIOS)))
def test_exchanging_groups_or_events_inverts_odds_ratios(one, two, method):
    assume(one[0] + two[0] > 0 and (one[0] < one[1] or two[0] < two[1]))
    assume(method != "log" or (0 < one[0] < one[1] and 0 < two[0] < two[1]))
    there = proportion_odds_ratio(*one, *two, ci=method)
    back = proportion_odds_ratio(*two, *one, ci=method)
    other = proportion_odds_ratio(one[1] - one[0], one[1], two[1] - two[0], two[1], ci=method)
    for found in (back, other):
        for a, b in (
            (there.interval.lower, found.interval.upper),
            (there.interval.upper, found.interval.lower),
            (there.value, found.value),
        ):
            assert a == pytest.approx(1 / b if b else np.inf, rel=1e-7)
    assert there.interval.lower <= there.value <= there.interval.upper


@settings(max_examples=60, deadline=None)
@given(GROUP, GROUP)
def test_exchanging_groups_turns_ratios_and_differences_round(one, two):
    assume(one[0] + two[0] > 0)
    there, back = (proportion_ratio(*a, *b, ci="scas").interval for a, b in ((one, two), (two, one)))
    for a, b in ((there.lower, back.upper), (there.upper, back.lower)):
        assert a == pytest.approx(1 / b if b else np.inf, rel=1e-7)
    there, back = (proportion_difference(*a, *b, ci="scas").interval for a, b in ((one, two), (two, one)))
    assert (there.lower, there.upper) == pytest.approx((-back.upper, -back.lower), abs=1e-9)


@settings(max_examples=80, deadline=None)
@given(GROUP, GROUP, st.sampled_from([0.505, 0.6, 0.8, 0.975]))
def test_bounds_lie_on_their_side_at_any_level(one, two, level):
    """Near the estimate the corrected score is not monotone; a lower bound of 0.505 must not pass it."""
    assume(0 < one[0] + two[0] < one[1] + two[1])
    for compute in (proportion_difference, proportion_ratio, proportion_odds_ratio):
        lower = compute(*one, *two, ci="scas", level=level, sides="lower")
        upper = compute(*one, *two, ci="scas", level=level, sides="upper")
        assert lower.interval.lower <= lower.value <= upper.interval.upper
    cells = (one[0], one[1] - one[0], two[0], two[1] - two[0])
    for turned in (cells, (cells[1], 0, 0, cells[0])):
        assume(sum(turned) > 0)
        counts = PairedCounts(*turned)
        lower = paired_proportion_difference(counts, ci="scas", level=level, sides="lower")
        upper = paired_proportion_difference(counts, ci="scas", level=level, sides="upper")
        assert lower.interval.lower <= lower.value <= upper.interval.upper


def test_odds_ratios_without_a_value_have_a_reason():
    with pytest.raises(CannotComputeError, match="No unit is an event"):
        proportion_odds_ratio(0, 5, 0, 5)
    with pytest.raises(CannotComputeError, match="Every unit"):
        proportion_odds_ratio(5, 5, 4, 4)
    with pytest.raises(CannotComputeError, match="at least one unit"):
        proportion_odds_ratio(0, 0, 4, 4)
    with pytest.raises(ValueError, match="accepted: miettinen"):
        proportion_odds_ratio(1, 5, 2, 4, ci="exact")
    edge = proportion_odds_ratio(5, 5, 2, 4, ci="scas", sides="lower")
    assert edge.value == edge.interval.upper == np.inf and edge.interval.lower > 0
    assert "Odds ratio" in str(edge) and "Laud" in str(edge)
