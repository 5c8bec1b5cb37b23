"""Statistics that are 0 in exact arithmetic: rounding makes them neither negative nor a p without a value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from accordance.evaluators import PairedCounts, mcnemar, paired_proportion_difference
from accordance.evaluators.comparison.heterogeneity import (
    cochran_q,
    homogeneity_of_means,
    homogeneity_of_proportions,
    interaction_of_means,
)
from accordance.evaluators.comparison.odds_ratios import homogeneity_of_odds_ratios
from accordance.evaluators.metric import CannotComputeError

MEANS = ("welch", "anova", "kruskal", "bartlett", "brown_forsythe")
ODDS = ("breslow_day_tarone", "breslow_day", "woolf", "likelihood_ratio")


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(2, 4))
def test_equal_proportions_have_p_1(x, others, k):
    """3 of 9 and 3 of 9 gave G = -4e-16 and no p."""
    for case in ((x, x + others), (3, 9)):
        for method in ("pearson", "likelihood_ratio"):
            found = homogeneity_of_proportions([case[0]] * k, [case[1]] * k, method=method)
            assert 0 <= found.statistic < 1e-12
            assert found.p_value == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("method", MEANS)
def test_subgroups_of_the_same_values_have_p_1(method):
    """The same values in another order: SciPy gives F = -5e-33, and for Bartlett no p."""
    rng, compared = np.random.default_rng(0), 0
    for _ in range(300):
        base = np.round(rng.normal(0, 3, rng.integers(3, 6)), rng.integers(0, 3)) + rng.choice([0, 0.3, 1e5])
        k = rng.integers(2, 4)
        values = np.concatenate([rng.permutation(base) for _ in range(k)])
        try:
            found = homogeneity_of_means(values, np.repeat(np.arange(k), len(base)), method=method)
        except CannotComputeError:
            continue
        compared += 1
        assert 0 <= found.statistic < 1e-9
        assert found.p_value == pytest.approx(1, abs=1e-4)
    assert compared > 150


def test_two_values_a_subgroup_show_no_spread_of_distances():
    """Both lie equally far from their median: F was infinite, p 0, whatever the values."""
    for values in ([1, 3, 2, 8], [0.1, 0.4, 0.2, 0.9]):
        with pytest.raises(CannotComputeError, match="distances from the median do not vary"):
            homogeneity_of_means(values, list("aabb"), method="brown_forsythe")


def test_factors_that_add_up_have_no_interaction():
    """The larger model fits no worse; the difference of residuals came out at -7e-16."""
    first, second = np.repeat([0, 1], 4), np.tile([0, 0, 1, 1], 2)
    rng = np.random.default_rng(1)
    for _ in range(300):
        noise = np.tile([0.1, -0.1], 4) * rng.integers(1, 4)
        values = rng.integers(0, 3, 2)[first] * 0.1 + rng.integers(0, 4, 2)[second] * 0.3 + noise
        found = interaction_of_means(values, first, second)
        assert 0 <= found.statistic < 1e-12
        assert found.p_value == pytest.approx(1, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=4, max_size=4), st.lists(st.integers(1, 4), min_size=2, max_size=3)
)
def test_equal_odds_ratios_have_p_1(table, times):
    for method in ODDS:
        found = homogeneity_of_odds_ratios(np.outer(times, table), method=method)
        assert 0 <= found.statistic < 1e-9
        assert found.p_value == pytest.approx(1, abs=1e-4)


def test_small_standard_errors_do_not_overflow():
    """1 / SE^2 is infinite below 1e-154; the weights' ratios are not."""
    small, plain = cochran_q([3e-200, 5e-201], [1e-200, 2e-200]), cochran_q([3, 0.5], [1, 2])
    assert small.statistic == pytest.approx(plain.statistic, rel=1e-12)
    assert small.p_value == pytest.approx(plain.p_value, rel=1e-12)


def test_the_exact_test_counts_whole_units_in_any_order():
    """2.5 of 7.5 gave p = 1 without a word; the largest subgroup had to come last."""
    with pytest.raises(ValueError, match="whole numbers"):
        homogeneity_of_proportions([2.5, 3], [7.5, 7], method="exact")
    last = homogeneity_of_proportions([1, 1, 2], [7, 7, 4_000_000], method="exact").p_value
    assert homogeneity_of_proportions([2, 1, 1], [4_000_000, 7, 7], method="exact").p_value == last


def test_tests_of_counts_beyond_32_bits():
    """From 2^31 discordant pairs on `special.bdtr` has no value; the binomial is then all but normal."""
    counts = PairedCounts(5_000_000_000, 3_000_000_000, 2_999_900_000, 7)
    normal = 2 * float(special.ndtr(-100_000 / 5_999_900_000**0.5))
    assert mcnemar(counts, method="mid_p").p_value == pytest.approx(normal, rel=1e-8)
    continuity = mcnemar(counts, method="continuity").p_value
    assert mcnemar(counts, method="exact").p_value == pytest.approx(continuity, rel=1e-8)
    for ci in ("newcombe_paired", "tango", "agresti_min", "bonett_price", "wald_paired"):
        found = paired_proportion_difference(counts, ci=ci).interval
        assert found.lower < 100_000 / 10_999_900_007 < found.upper
