"""Proportions of rows with weights: standardised, or weighted by the inverse probability of verification.

Values and standard errors against statsmodels (weighted least squares on a constant, clustered covariance,
which is the linearised ratio estimator), intervals against `survey::svyciprop(method = "beta")` of R written
out, and the formula of Begg & Greenes (Biometrics 1983;39:207-215) for verification that depends on the test.
"""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare
from scipy import stats

from accordance.evaluators import (
    balanced_accuracy,
    class_averages,
    f1,
    lr_positive,
    one_vs_rest,
    sensitivity,
    specificity,
    youden,
)
from accordance.evaluators.intervals import clopper_pearson
from accordance.evaluators.metric import Counts
from accordance.evaluators.proportions.clusters import Clusters, effective_units

EFFECTIVE = ("korn_graubard", "rao_scott_wilson", "rao_scott_clopper_pearson")


def only(result):
    (estimate,) = result.values()
    return estimate


def simulated(seed, subjects=25, largest=9):
    """Rows of one class: hits, subjects of unequal size and hit rate, weights."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(subjects), rng.integers(1, largest, subjects))
    hits = (rng.random(len(subject)) < rng.beta(5, 2, subjects)[subject]).astype(int)
    return hits, subject, 1 / rng.uniform(0.3, 1, len(subject))


@pytest.mark.parametrize("seed", range(5))
def test_estimate_and_error_are_those_of_clustered_least_squares(seed):
    """`statsmodels.WLS(y, 1, weights).fit(cov_type="cluster")`, whose factor is k / (k - 1) here."""
    hits, subject, weights = simulated(seed)
    model = sm.WLS(hits.astype(float), np.ones((len(hits), 1)), weights=weights)
    fitted = model.fit(cov_type="cluster", cov_kwds={"groups": subject})
    given = {"subject": subject, "weights": weights, "ci": "cluster_t"}
    found = only(sensitivity(np.ones(len(hits), int), hits, **given))
    name = "weighted proportion, cluster_t (statsmodels)"
    compare(name, (found.value, found.standard_error), (fitted.params[0], fitted.bse[0]))
    reach = stats.t.ppf(0.975, subject.max()) * fitted.bse[0]
    ends = np.clip([fitted.params[0] - reach, fitted.params[0] + reach], 0, 1)
    compare(name, (found.interval.lower, found.interval.upper), ends)


@pytest.mark.parametrize("seed", range(5))
def test_korn_graubard_is_svyciprop_beta(seed):
    """The body of `svyciprop` (survey 4.1), with estimate and variance of the weighted least squares above.

    n.eff <- coef * (1 - coef) / vcov * (qt(a / 2, nrow - 1) / qt(a / 2, degf))^2
    qbeta(c(a / 2, 1 - a / 2), c(n.eff p, n.eff p + 1), c(n.eff (1 - p) + 1, n.eff (1 - p)))
    """
    hits, subject, weights = simulated(seed)
    model = sm.WLS(hits.astype(float), np.ones((len(hits), 1)), weights=weights)
    fitted = model.fit(cov_type="cluster", cov_kwds={"groups": subject})
    p, variance = fitted.params[0], fitted.bse[0] ** 2
    ratio = stats.t.ppf(0.025, len(hits) - 1) / stats.t.ppf(0.025, subject.max())
    size = p * (1 - p) / variance * ratio**2
    assert size < weights.sum() ** 2 / np.square(weights).sum()  # within the limit that R does not have
    found = only(
        sensitivity(np.ones(len(hits), int), hits, subject=subject, weights=weights, ci="korn_graubard")
    )
    expected = (
        stats.beta.ppf(0.025, size * p, size * (1 - p) + 1),
        stats.beta.ppf(0.975, size * p + 1, size * (1 - p)),
    )
    compare("weighted proportion, korn_graubard", (found.interval.lower, found.interval.upper), expected)


def test_inverse_probability_of_verification():
    """263 of 429 abnormal and 81 of 221 normal scans verified: Begg and Greenes' sensitivity, specificity."""
    reference = [1] * 231 + [0] * 32 + [1] * 27 + [0] * 54
    test = [1] * 263 + [0] * 81
    weights = [429 / 263] * 263 + [221 / 81] * 81
    hits, misses = 429 * 231 / 263, 221 * 27 / 81
    name = "weighted proportion, Begg-Greenes"
    compare(name, only(sensitivity(reference, test, weights=weights)).value, hits / (hits + misses))
    right, wrong = 221 * 54 / 81, 429 * 32 / 263
    compare(name, only(specificity(reference, test, weights=weights)).value, right / (right + wrong))
    weighed = only(sensitivity(reference, test, weights=weights, ci="korn_graubard")).interval
    assert weighed.upper < 231 / 258  # the share among the verified, which overstates it


def test_standardised_to_another_mix():
    """Weights of stratum share in the population over that in the sample: sum of W_h p_h, SE^2 of W_h^2."""
    hits = np.array([1] * 18 + [0] * 2 + [1] * 40 + [0] * 40)
    stratum = np.array([0] * 20 + [1] * 80)
    mix = np.array([0.6, 0.4])
    weights = (mix / np.bincount(stratum) * 100)[stratum]
    found = only(sensitivity([1] * 100, hits, weights=weights))
    compare("weighted proportion, standardised", found.value, 0.6 * 0.9 + 0.4 * 0.5)
    p = found.value
    z = weights * (hits - p) / weights.sum()
    expected = np.sqrt(100 / 99 * np.square(z).sum())
    compare("weighted proportion, standardised", found.standard_error, expected)
    # strata taken as fixed have less variance: the interval is on the safe side
    assert found.standard_error > np.sqrt(0.36 * 0.09 / 20 + 0.16 * 0.25 / 80)


@pytest.mark.parametrize("method", EFFECTIVE)
def test_a_miss_of_no_weight_is_not_seen(method):
    """40 hits of 8 subjects and a miss of weight 0: the interval of 8 of 8, not of 41 units."""
    subject = [*np.repeat(range(8), 5), 7]
    weighted = {"subject": subject, "weights": [1] * 40 + [0], "ci": method}
    found = only(sensitivity([1] * 41, [1] * 40 + [0], **weighted))
    without = only(sensitivity([1] * 40, [1] * 40, subject=subject[:40], ci=method))
    assert found.value == 1.0
    assert found.counts == Counts(8, 40, 40)
    assert (found.interval.lower, found.interval.upper) == (without.interval.lower, without.interval.upper)
    assert "Every unit is an event" in found.warning


@pytest.mark.parametrize("function", [sensitivity, f1, youden, balanced_accuracy, lr_positive])
def test_subjects_of_no_weight_are_no_degrees_of_freedom(function):
    """Twenty subjects that weigh nothing must not make three subjects' interval that of 23."""
    reference = [1, 1, 0, 0] * 3
    test = [1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0]
    subject = [*np.repeat(range(3), 4), *range(10, 30)]
    weights = [1] * 12 + [0] * 20
    method = "cluster_log" if function is lr_positive else "cluster_t"
    found = only(
        function(reference + [1, 0] * 10, test + [1, 0] * 10, subject=subject, weights=weights, ci=method)
    )
    alone = only(function(reference, test, subject=subject[:12], ci=method))
    assert found.counts == alone.counts
    assert found.standard_error == pytest.approx(alone.standard_error, rel=1e-12)
    assert found.interval.lower == pytest.approx(alone.interval.lower, rel=1e-9, abs=1e-12)


def test_averages_over_categories_leave_out_what_weighs_nothing():
    stages = ["a", "b", "c", "a", "b", "c"]
    calls = ["a", "b", "a", "a", "c", "c"]
    subject = [1, 1, 1, 2, 2, 2]
    extra = ["a"] * 9
    alone = class_averages(stages, calls, subject=subject)["macro_f1"]
    found = class_averages(
        stages + extra, calls + extra, subject=subject + list(range(10, 19)), weights=[1] * 6 + [0] * 9
    )["macro_f1"]
    assert found.counts == alone.counts
    assert found.standard_error == pytest.approx(alone.standard_error, rel=1e-12)
    assert found.interval.upper == pytest.approx(alone.interval.upper, rel=1e-12)


def test_no_weight_at_all():
    nothing = {"weights": [0, 0, 0]}
    assert only(sensitivity([1, 1, 0], [1, 0, 0], **nothing)).error == (
        "There are no reference positives with a weight above 0."
    )
    assert only(youden([1, 1, 0], [1, 0, 0], **nothing)).error == "There are no rows with a weight above 0."


@pytest.mark.parametrize("method", EFFECTIVE)
def test_units_of_little_weight_do_not_make_an_interval_narrow(method):
    """Ten heavy hits, 89 light ones, one light miss: not more than the 13.9 equal units that weigh like them.

    p (1 - p) / SE^2 is above 500 here, for the miss weighs nothing; with the number of rows as the only limit
    the lower bound was 0.960, above the 0.767 of no miss at all.
    """
    weights = np.array([50.0] * 10 + [1.0] * 90)
    equal = weights.sum() ** 2 / np.square(weights).sum()
    found = only(sensitivity([1] * 100, [1] * 99 + [0], weights=weights, ci=method))
    perfect = only(sensitivity([1] * 100, [1] * 100, weights=weights, ci=method))
    assert found.interval.lower < perfect.interval.lower
    if method != "rao_scott_wilson":
        p = found.value
        expected = clopper_pearson(equal * p, equal, 0.95)
        assert (found.interval.lower, found.interval.upper) == pytest.approx(expected, rel=1e-12)


def test_a_mean_of_subjects_is_not_worth_its_rows():
    """Nine subjects with one hit and one with 990 of 1,000: 11.1 equal units, not 1,009."""
    subject = [*range(9), *[9] * 1000]
    options = {"subject": subject, "average": "subject_mean", "ci": "korn_graubard"}
    found = only(sensitivity([1] * 1009, [1] * 999 + [0] * 10, **options))
    size = 100 / (9 + 1 / 1000)
    expected = clopper_pearson(size * 0.999, size, 0.95)
    assert (found.interval.lower, found.interval.upper) == pytest.approx(expected, rel=1e-9)


def test_intervals_of_weighted_rows_cover():
    """300 units of unequal weight, P = 0.95: 97.5% lower bounds that are above the truth in at most 4%.

    With the number of rows as the only limit of the effective number they were so in 14%.
    """
    rng = np.random.default_rng(11)
    above = 0
    for _ in range(300):
        weights = np.exp(1.5 * rng.standard_normal(300))
        hits = (rng.random(300) < 0.95).astype(int)
        found = only(sensitivity([1] * 300, hits, weights=weights, ci="korn_graubard"))
        above += found.interval.lower > 0.95
    assert above <= 12


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5), st.integers(1, 9)), min_size=2, max_size=40),
    st.sampled_from(["pooled", "subject_mean"]),
)
def test_one_category_has_the_same_weighted_intervals(rows, average):
    """And no interval is that of more units than weigh like the rows."""
    hits, subject, weights = (np.array(column) for column in zip(*rows, strict=True))
    options = {"subject": subject, "weights": weights, "ci": "korn_graubard"}
    binary = only(sensitivity(np.ones(len(hits), int), hits, average=average, **options))
    if average == "pooled":
        several = one_vs_rest(["x"] * len(hits), np.where(hits, "x", "y"), category="x", **options)
        other = several["sensitivity"]
        assert other.error == binary.error
        if binary.interval is not None:  # rows of a subject are added up in another order
            ends = (binary.interval.lower, binary.interval.upper)
            assert (other.interval.lower, other.interval.upper) == pytest.approx(ends, rel=1e-9)
    if binary.interval is not None:
        share = weights
        if average == "subject_mean":
            share = weights / np.bincount(subject, weights)[subject]
        most = share.sum() ** 2 / np.square(share).sum()
        assert binary.interval.lower <= clopper_pearson(most * binary.value, most, 0.95)[0] + 1e-9


def test_effective_units_of_equal_weights_are_at_most_the_units():
    """Without squares, units of a subject weigh the same."""
    x, n = np.array([1.0, 1.0, 1.0]), np.array([2.0, 2.0, 2.0])
    assert effective_units(Clusters(x, n, 0.5, 0.0, sizes=n)) == (6.0, None)
    assert effective_units(Clusters(x, n, 0.5, 0.0, sizes=n, squares=2 * n)) == (3.0, None)
