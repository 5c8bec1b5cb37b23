"""Intervals of several estimates that hold together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from accordance.evaluators.comparison.multiplicity import adjust
from accordance.evaluators.comparison.simultaneous import simultaneous_intervals
from accordance.evaluators.comparison.subgroups import subgroups
from accordance.evaluators.comparison.verdict import verdict
from accordance.evaluators.metric import CannotComputeError
from accordance.evaluators.weights import ResamplingWeights


def equicorrelated(k, rho, draws=200_000, seed=1):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(draws, 1)) * np.sqrt(rho)
    return shared + rng.normal(size=(draws, k)) * np.sqrt(1 - rho)


def exact(k, rho, level, *, two=True):
    """Quantile of the largest (absolute) of k equicorrelated normals: integrated over their common part."""

    def missed(q):
        def inside(z):
            upper = stats.norm.cdf((q - np.sqrt(rho) * z) / np.sqrt(1 - rho))
            lower = stats.norm.cdf((-q - np.sqrt(rho) * z) / np.sqrt(1 - rho)) if two else 0.0
            return (upper - lower) ** k * stats.norm.pdf(z)

        return integrate.quad(inside, -9, 9)[0] - level

    return optimize.brentq(missed, 0.1, 6)


@pytest.mark.parametrize(("k", "rho"), [(1, 0.0), (3, 0.0), (3, 0.5), (9, 0.5)])
def test_critical_values_are_those_of_the_normal_distribution(k, rho):
    """By integration over the common part (Dunnett 1964: 2.35 for three); Sidak's where independent."""
    if rho == 0:
        assert exact(k, rho, 0.95) == pytest.approx(stats.norm.ppf((1 + 0.95 ** (1 / k)) / 2), rel=1e-6)
    found = simultaneous_intervals(np.zeros(k), equicorrelated(k, rho))
    assert found.critical == pytest.approx(exact(k, rho, 0.95), abs=0.015)
    one_sided = simultaneous_intervals(np.zeros(k), equicorrelated(k, rho), sides="lower", level=0.975)
    assert one_sided.critical == pytest.approx(exact(k, rho, 0.975, two=False), abs=0.02)


def test_bonferroni_in_closed_form():
    replicates = equicorrelated(4, 0.3, draws=5000) * [1, 2, 3, 4]
    found = simultaneous_intervals([1, 2, 3, 4], replicates, method="bonferroni", level=0.9)
    z = stats.norm.ppf(1 - 0.1 / 8)
    np.testing.assert_allclose(found.critical, z)
    np.testing.assert_allclose(found.standard_errors, replicates.std(axis=0, ddof=1))
    np.testing.assert_allclose(
        [one.upper for one in found.intervals], np.array([1, 2, 3, 4]) + z * replicates.std(axis=0, ddof=1)
    )
    p = 2 * stats.norm.sf(np.array([1, 2, 3, 4]) / replicates.std(axis=0, ddof=1))
    np.testing.assert_allclose(found.adjusted_p, adjust(p, method="bonferroni").adjusted)
    lower = simultaneous_intervals([1, 2, 3, 4], replicates, method="bonferroni", level=0.95, sides="lower")
    np.testing.assert_allclose([one.lower for one in lower.intervals], [one.lower for one in found.intervals])
    assert np.isinf(lower.intervals[0].upper)


def test_one_estimate_of_a_mean_is_students_interval():
    """With `df` the bootstrap of a mean is the t interval, up to Monte-Carlo error of its standard error."""
    values = np.random.default_rng(3).normal(2, 1, 12)
    weights = ResamplingWeights([str(i) for i in range(12)], seed=1, replicates=20_000).matrix()
    replicates = (weights @ values / 12)[:, None]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    found = simultaneous_intervals(values.mean(), replicates, method="bonferroni", df=11)
    got = found.intervals[0]
    assert got.upper - got.lower == pytest.approx(expected.high - expected.low, rel=4 / np.sqrt(2 * 20_000))
    error = values.std(ddof=1) / np.sqrt(12)
    given = simultaneous_intervals(
        values.mean(), replicates, method="bonferroni", df=11, standard_errors=[error]
    ).intervals[0]
    assert (given.lower, given.upper) == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_estimates_that_move_together_cost_nothing():
    replicates = np.repeat(equicorrelated(1, 0.0, draws=20_000), 5, axis=1)
    found = simultaneous_intervals(np.zeros(5), replicates)
    assert found.critical == pytest.approx(1.96, abs=0.05)
    assert simultaneous_intervals(np.zeros(5), replicates, method="bonferroni").critical > 2.5


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 1000), st.sampled_from(["max_t", "bonferroni"]), st.sampled_from(["two", "lower", "upper"])
)
def test_intervals_and_p_values_decide_alike(seed, method, sides):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 2.5, 4)
    replicates = values + equicorrelated(4, 0.4, draws=1999, seed=seed)
    df = rng.choice([None, 9.0])
    found = simultaneous_intervals(values, replicates, method=method, sides=sides, df=df)
    for one, p in zip(found.intervals, found.adjusted_p, strict=True):
        if abs(p - 0.05) > 0.01:
            assert (one.lower > 0 or one.upper < 0) == (p < 0.05)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(4)))
def test_order_and_units_do_not_matter(order):
    values, scale = np.array([0.5, -1.0, 2.0, 0.0]), np.array([1.0, 10.0, 0.1, 1e6])
    replicates = values + equicorrelated(4, 0.4, draws=1999)
    one = simultaneous_intervals(values, replicates)
    other = simultaneous_intervals((scale * values)[order], (scale * replicates)[:, order])
    np.testing.assert_allclose(
        [end.upper for end in other.intervals],
        np.array([scale[i] * one.intervals[i].upper for i in order]),
        rtol=1e-9,
    )
    np.testing.assert_allclose(other.adjusted_p, np.array(one.adjusted_p)[order])


def gaps(slices, weights, labels):
    """Each subgroup less the first: estimates, replicates at shared weights."""
    ones = np.ones((1, weights.shape[1]))
    values = {label: slices[label].at(ones)[0, 0] for label in labels}
    drawn = {label: slices[label].at(weights)[:, 0] for label in labels}
    first, *rest = labels
    return (
        np.array([values[label] - values[first] for label in rest]),
        np.stack([drawn[label] - drawn[first] for label in rest], axis=1),
    )


@pytest.mark.parametrize("method", ["max_t", "bonferroni"])
def test_subgroup_gaps_are_covered_together(method):
    """Simulated: five situations that 20 subjects pass through, four gaps from the first, all 0.

    Of pointwise intervals one of the four misses in far more than 5% of studies.
    """
    rng, subjects, studies = np.random.default_rng(5), 20, 300
    labels = list("abcde")
    subject, situation = np.repeat(np.arange(subjects), 15), np.tile(np.repeat(labels, 3), subjects)
    weights = ResamplingWeights([f"{i:02d}" for i in range(subjects)], seed=2, replicates=999).matrix()
    together, pointwise = 0, 0
    for _ in range(studies):
        error = rng.normal(0, 1, (subjects, 5))[subject, np.searchsorted(labels, situation)]
        error = error + rng.normal(0, 0.5, len(subject))
        slices = subgroups(
            "bland_altman", np.zeros(len(subject)), error, situation,
            subject=np.array([f"{i:02d}" for i in subject]), parameters={"truth": "varying"},
        )  # fmt: skip
        values, replicates = gaps(slices, weights, labels)
        found = simultaneous_intervals(values, replicates, method=method, df=subjects - 1)
        together += all(one.lower <= 0 <= one.upper for one in found.intervals)
        t = stats.t.ppf(0.975, subjects - 1)
        pointwise += np.all(np.abs(values) <= t * np.array(found.standard_errors))
    assert together / studies >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / studies)
    assert pointwise / studies < 0.9


def test_results_print_and_support_verdicts():
    replicates = [0.5, 0.1] + equicorrelated(2, 0.5, draws=4999) * 0.1
    found = simultaneous_intervals([0.5, 0.1], replicates, names=["rest", "walk"])
    assert "maximal t, simultaneous" in str(found) and "Romano" in str(found)
    assert verdict(found["rest"], 0.2).decision == "superior"
    assert verdict(found["walk"], 0.2).decision in ("non_inferior", "inconclusive")
    assert found["walk"].mc_error[0] > 0
    with pytest.raises(KeyError, match="no estimate 'run'; there are rest, walk"):
        found["run"]
    short = simultaneous_intervals([0.5, 0.1], np.vstack([replicates, [[np.nan, 1.0]] * 5]))
    assert short.intervals[0].undefined_share == pytest.approx(5 / 5004)
    assert "0.10% of replicates" in short.intervals[0].warning


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda r: ([0, np.nan], r), CannotComputeError, "H2 has no value"),
        (lambda r: ([0, 1], r * [1, 0]), CannotComputeError, "H2 does not vary"),
        (lambda r: ([0, 1], np.where(r > 1, np.nan, r)), CannotComputeError, "more than 1%"),
        (lambda r: ([0, 1], r[:10]), CannotComputeError, "too few for a bound"),
        (lambda r: ([0, 1], r[:1]), CannotComputeError, "At least two bootstrap"),
        (lambda r: ([0, 1], r[:0]), CannotComputeError, "more than 1%"),
        (lambda r: ([0, 1, 2], r), ValueError, "one column for each of 3"),
        (lambda r: ([], r), ValueError, "one column of numbers"),
    ],
)
def test_what_cannot_be_computed_has_a_reason(call, error, words):
    with pytest.raises(error, match=words):
        simultaneous_intervals(*call(equicorrelated(2, 0.0, draws=999)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "holm"}, "max_t or bonferroni"),
        ({"df": 0}, "`df` must be at least 1"),
        ({"level": 1.0}, "`level`"),
        ({"sides": "both"}, "`sides`"),
        ({"standard_errors": [1, 0]}, "2 numbers above 0"),
        ({"standard_errors": [1]}, "2 numbers above 0"),
        ({"names": ["a", "a"]}, "2 different names"),
    ],
)
def test_what_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        simultaneous_intervals([0, 1], equicorrelated(2, 0.0, draws=999), **options)
