"""Subjects ranked by harm.

Oracles: Morris 1983's closed form with equal variances, the exact posterior by integration over the variance
between subjects, the Paule-Mandel equation and the restricted likelihood written out, and simulation.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats

sys.path.append(str(Path(__file__).resolve().parents[2]))

from version_proofs import subjects

from accordance.evaluators.comparison.harm import between_variance, rank_by_harm
from accordance.evaluators.comparison.unit_variances import (
    inverse_trigamma,
    prior_variance,
    subject_variances,
)

RNG = np.random.default_rng(5)
MEASURED = RNG.normal(0, 1, 15) + RNG.normal(0, 1, 15) * np.linspace(0.3, 2, 15)
VARIANCE = np.linspace(0.3, 2, 15) ** 2
VALUES = st.lists(st.floats(-50, 50), min_size=2, max_size=25)


def restricted_likelihood(t, d, v):
    """The mean integrated out: -1/2 log|V| - 1/2 log|X'V^-1 X| - RSS / 2."""
    covariance = np.diag(v + t)
    x = np.ones((len(d), 1))
    inverse = np.linalg.inv(covariance)
    beta = np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ d)
    residual = d - x[:, 0] * beta
    return -0.5 * (
        np.linalg.slogdet(covariance)[1]
        + np.linalg.slogdet(x.T @ inverse @ x)[1]
        + residual @ inverse @ residual
    )


def test_equal_variances_are_morriss_closed_form():
    """B = (k - 3) V / S, s^2 = V (1 - (k - 1) / k B) + 2 / (k - 3) B^2 (d - mean)^2 (Morris 1983)."""
    d, v = np.array([3.0, -1.0, 4.0, 0.5, -2.0, 6.0]), 1.5
    k, centre = len(d), d.mean()
    b = (k - 3) * v / np.square(d - centre).sum()
    variance = v * (1 - (k - 1) / k * b) + 2 / (k - 3) * b**2 * np.square(d - centre)
    for between in ("reml", "paule_mandel"):
        found = rank_by_harm(d, np.full(6, v), between=between, margin=1.0)
        np.testing.assert_allclose(found.shrunk, centre + (1 - b) * (d - centre), rtol=1e-9)
        np.testing.assert_allclose((found.upper - found.lower) / 2 / special.ndtri(0.975), np.sqrt(variance))
        np.testing.assert_allclose(found.p_worse, stats.norm.cdf(0, found.shrunk, np.sqrt(variance)))
        np.testing.assert_allclose(
            found.p_worse_than_margin, stats.norm.cdf(-1, found.shrunk, np.sqrt(variance))
        )
    assert [found.keys[i] for i in found.order] == ["5", "2", "4", "1", "3", "6"]


def test_the_posterior_is_near_the_exact_one_with_many_subjects():
    """Mean and variance with the between variance integrated out under a flat prior, by quadrature."""
    rng = np.random.default_rng(2)
    k = 150
    v = rng.uniform(0.2, 2, k)
    d = 0.4 + rng.normal(0, 1, k) + rng.normal(0, np.sqrt(v))
    grid = np.linspace(1e-6, 4, 800)
    log = np.array([restricted_likelihood(t, d, v) for t in grid])
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    means, seconds = np.zeros(k), np.zeros(k)
    for t, share in zip(grid, weight, strict=True):
        w = 1 / (v + t)
        centre, b = (w * d).sum() / w.sum(), v * w
        mean = d - b * (d - centre)
        means += share * mean
        seconds += share * (v * (1 - b) + b**2 / w.sum() + mean**2)
    found = rank_by_harm(d, v)
    np.testing.assert_allclose(found.shrunk, means, atol=0.03)
    width = (found.upper - found.lower) / 2 / special.ndtri(0.975)
    np.testing.assert_allclose(width, np.sqrt(seconds - means**2), rtol=0.02)


@settings(max_examples=60)
@given(VALUES, st.integers(0, 2**32 - 1))
def test_reml_is_the_highest_restricted_likelihood(values, seed):
    d, v = np.array(values), np.random.default_rng(seed).uniform(0.5, 20, len(values))
    found = between_variance(d, v)
    best = restricted_likelihood(found, d, v)
    others = [restricted_likelihood(t, d, v) for t in np.r_[0.0, np.geomspace(1e-4, 3000, 300)]]
    assert found >= 0
    assert best >= max(others) - 1e-8 * abs(best)


@settings(max_examples=60)
@given(VALUES, st.integers(0, 2**32 - 1))
def test_paule_and_mandel_make_the_weighted_squares_what_is_expected(values, seed):
    d, v = np.array(values), np.random.default_rng(seed).uniform(0.5, 20, len(values))
    found = between_variance(d, v, method="paule_mandel")
    w = 1 / (v + found)
    q = (w * np.square(d - (w * d).sum() / w.sum())).sum()
    assert q <= len(d) - 1 + 1e-6 if found == 0 else q == pytest.approx(len(d) - 1, rel=1e-6)


def test_reml_finds_the_higher_of_two_peaks():
    """One precise outlier and many imprecise values: the likelihood has a peak at 0 and another."""
    d = np.r_[np.zeros(3), 8.0, np.random.default_rng(0).normal(0, 10, 12)]
    v = np.r_[np.full(4, 0.01), np.full(12, 100.0)]
    grid = np.geomspace(1e-6, 1e4, 4000)
    best = grid[np.argmax([restricted_likelihood(t, d, v) for t in grid])]
    assert between_variance(d, v) == pytest.approx(best, rel=0.01)


@settings(max_examples=40)
@given(st.floats(0.01, 1000), st.floats(-100, 100), st.permutations(range(15)))
def test_units_shifts_and_order_do_not_matter(scale, shift, order):
    plain = rank_by_harm(MEASURED, VARIANCE)
    order = np.array(order)
    other = rank_by_harm(scale * MEASURED[order] + shift, scale**2 * VARIANCE[order])
    np.testing.assert_allclose(
        other.shrunk, scale * plain.shrunk[order] + shift, rtol=1e-6, atol=1e-6 * scale
    )
    assert other.rank.tolist() == plain.rank[order].tolist()


@settings(max_examples=60)
@given(st.integers(4, 30), st.integers(0, 2**32 - 1), st.floats(0, 3))
def test_what_is_believed_lies_between_the_mean_and_what_was_measured(k, seed, between):
    rng = np.random.default_rng(seed)
    v = rng.uniform(0.1, 3, k)
    d = rng.normal(0, between, k) + rng.normal(0, np.sqrt(v))
    found = rank_by_harm(d, v)
    assert np.all((found.shrinkage > 0) & (found.shrinkage <= (k - 3) / (k - 1) + 1e-12))
    inside = (np.minimum(d, found.mean) - 1e-9 <= found.shrunk) & (
        found.shrunk <= np.maximum(d, found.mean) + 1e-9
    )
    assert inside.all()
    assert np.all(found.lower < found.upper)
    assert sorted(found.rank) == list(range(1, k + 1))
    assert found.expected_rank.sum() == pytest.approx(k * (k + 1) / 2)


def test_a_known_loss_ranks_before_a_larger_one_of_few_units():
    rng = np.random.default_rng(8)
    d = np.r_[-6.0, -4.0, rng.normal(1, 0.5, 30)]
    v = np.r_[16.0, 0.05, np.full(30, 0.1)]
    found = rank_by_harm(d, v)
    assert found.rank[1] == 1 < found.rank[0]


def test_expected_ranks_of_the_most_harmed_are_those_of_all():
    rng = np.random.default_rng(4)
    values, variances = rng.normal(0, 1, 40), rng.uniform(0.1, 1, 40)
    every = rank_by_harm(values, variances)
    some = rank_by_harm(values, variances, most=7)
    first = every.order[:7]
    np.testing.assert_allclose(some.expected_rank[first], every.expected_rank[first], rtol=1e-12)
    assert np.isnan(some.expected_rank).sum() == 33


def test_expected_ranks_are_those_of_draws_from_the_posterior():
    found = rank_by_harm(MEASURED, VARIANCE)
    error = (found.upper - found.lower) / 2 / special.ndtri(0.975)
    drawn = found.shrunk + error * np.random.default_rng(1).standard_normal((40_000, 15))
    ranks = drawn.argsort(axis=1).argsort(axis=1) + 1
    np.testing.assert_allclose(found.expected_rank, ranks.mean(axis=0), atol=0.1)


def test_one_subject_is_left_as_it_is():
    found = rank_by_harm([-2.0], [0.25], margin=1)
    assert found.shrunk.tolist() == [-2.0] and found.shrinkage.tolist() == [0.0]
    assert (found.lower[0], found.upper[0]) == pytest.approx((-2 - 0.98, -2 + 0.98), abs=1e-3)
    assert found.rank.tolist() == [1] and found.expected_rank.tolist() == [1.0]
    assert np.isnan(found.between_sd)
    assert "Only 1 subject with" in found.warning
    assert "measured -2" in str(found)


@pytest.mark.parametrize("count", [2, 3])
def test_two_or_three_subjects_are_not_shrunk(count):
    found = rank_by_harm(MEASURED[:count], VARIANCE[:count])
    np.testing.assert_array_equal(found.shrunk, MEASURED[:count])
    assert "nothing is shrunk" in found.warning


def test_zero_and_missing_variances_are_reasons_and_not_certainty():
    d, v = [-3.0, 1.0, 0.5, np.nan, 2.0, 1.5, 0.7], [0.0, np.nan, 0.1, 0.1, 0.2, 0.1, 0.3]
    found = rank_by_harm(d, v)
    assert "do not vary" in found.reasons[0] and "Give `n_units`" in found.reasons[0]
    assert "cannot be seen" in found.reasons[1]
    assert "no value" in found.reasons[3]
    assert np.isnan(found.p_worse[[0, 1, 3]]).all() and np.isfinite(found.p_worse[[2, 4, 5, 6]]).all()
    assert found.rank[[0, 1, 3]].tolist() == [5, 6, 7]
    assert "3 of 7 subjects have no posterior" in found.warning
    units = [20, 1, 10, 10, 8, 12, 6]
    filled = rank_by_harm(d, v, n_units=units)
    assert filled.within == "moderated"
    assert [reason is None for reason in filled.reasons] == [True, True, True, False, True, True, True]
    assert filled.rank[0] == 1


def test_versions_that_never_differ_leave_reasons_only():
    found = rank_by_harm(np.zeros(5), np.zeros(5), n_units=np.full(5, 10))
    assert all("do not vary" in reason for reason in found.reasons)
    assert np.isnan(found.mean) and np.isnan(found.shrunk).all()
    assert "0 of 5 subjects" in str(found)


def test_one_unit_each_says_nothing_of_chance():
    found = rank_by_harm([1.0, -1.0, 2.0], [np.nan] * 3, n_units=[1, 1, 1])
    assert all("cannot be seen" in reason for reason in found.reasons)


def test_pooled_variances_by_hand():
    own = np.array([0.4, 0.1, np.nan, 0.0])
    units = np.array([5.0, 21.0, 1.0, 3.0])
    pooled = (4 * 5 * 0.4 + 20 * 21 * 0.1 + 2 * 0) / (4 + 20 + 2)
    np.testing.assert_allclose(subject_variances(own, units, method="pooled"), pooled / units)
    np.testing.assert_array_equal(subject_variances(own, None, method="own"), own)


def test_moderated_variances_find_the_prior_they_were_drawn_from():
    """s^2 = sigma^2 chi^2 / df with sigma^2 = d0 s0^2 / chi^2(d0): what Smyth's moments estimate."""
    rng = np.random.default_rng(4)
    df = rng.integers(3, 20, 20_000).astype(float)
    sigma2 = 8 * 2.5 / rng.chisquare(8, 20_000)
    squares = sigma2 * rng.chisquare(df) / df
    d0, s0 = prior_variance(squares, df)
    assert d0 == pytest.approx(8, rel=0.05) and s0 == pytest.approx(2.5, rel=0.03)
    n = df + 1
    found = subject_variances(squares / n, n, method="moderated")
    np.testing.assert_allclose(found, (d0 * s0 + df * squares) / (d0 + df) / n)


def test_alike_variances_are_pooled():
    rng = np.random.default_rng(6)
    n = np.full(400, 10.0)
    own = rng.chisquare(9, 400) / 9 / n
    found = subject_variances(own, n, method="moderated") * n
    assert np.ptp(found) < 0.2 * np.ptp(own * n)


@given(st.floats(1e-6, 1e6))
def test_trigamma_is_inverted(value):
    assert float(special.polygamma(1, inverse_trigamma(value))) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("unequal", [0.0, 0.5])
def test_intervals_of_subjects_cover(unequal):
    rows = {row.method: row for row in subjects.simulate(40, 0.5, unequal, studies=150, seed=1)}
    assert rows["moderated"].share >= 0.93
    assert rows["moderated, ranked first"].share >= 0.88
    assert rows["alone"].share < rows["moderated"].share


def test_morriss_interval_covers_where_subjects_do_not_differ():
    rows = {row.method: row for row in subjects.simulate(8, 0.0, 0.0, studies=300, seed=2)}
    assert rows["moderated"].share >= 0.95


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (([1.0, 2.0], [1.0]), {}, "`variance` has the shape"),
        (([1.0, 2.0], [1.0, -1.0]), {}, "must not be negative; subject 2 has -1"),
        (([1.0, np.inf], [1.0, 1.0]), {}, "`improvement` holds an infinite number, first at subject 2"),
        (([1.0, 2.0], [1.0, 1.0]), {"n_units": [0, 2]}, "`n_units` must be 1 or more; subject 1 has 0"),
        (([], []), {}, "one number a subject"),
        (([1.0, 2.0], [1.0, 1.0]), {"subject": ["a", "a"]}, "2 different keys; it holds 1"),
        (([1.0, 2.0], [1.0, 1.0]), {"level": 1.0}, "`level` must lie between"),
        (([1.0, 2.0], [1.0, 1.0]), {"margin": 0.0}, "`margin` must be a positive number"),
        (([1.0, 2.0], [1.0, 1.0]), {"between": "ml"}, "one of reml, paule_mandel"),
        (([1.0, 2.0], [1.0, 1.0]), {"within": "pooled"}, "needs `n_units`"),
        (([1.0, 2.0], [1.0, 1.0]), {"within": "other"}, "one of moderated, pooled, own"),
    ],
)
def test_what_is_not_acceptable_is_named(arguments, options, words):
    with pytest.raises(ValueError, match=words):
        rank_by_harm(*arguments, **options)


def test_all_objections_to_numbers_come_together():
    with pytest.raises(ValueError, match=r"infinite.*negative.*1 or more"):
        rank_by_harm([1.0, np.inf], [1.0, -1.0], n_units=[0, 1])


@pytest.mark.parametrize(
    ("values", "variances", "options", "words"),
    [
        ([1.0], [1.0], {}, "at least two"),
        ([1.0, 2.0], [1.0, 0.0], {}, "above 0"),
        ([1.0, 2.0], [1.0, 1.0], {"method": "dl"}, "one of reml"),
    ],
)
def test_between_variance_names_what_it_cannot_take(values, variances, options, words):
    with pytest.raises(ValueError, match=words):
        between_variance(values, variances, **options)


def test_the_maximum_of_reml_agrees_with_a_general_optimiser():
    found = between_variance(MEASURED, VARIANCE)
    other = optimize.minimize_scalar(
        lambda t: -restricted_likelihood(t, MEASURED, VARIANCE), bounds=(0, 20), method="bounded",
        options={"xatol": 1e-10},
    )  # fmt: skip
    assert found == pytest.approx(other.x, rel=1e-5)
