"""Slope of the differences on a covariate.

Oracle: `statsmodels.api.OLS(d, [1, x]).fit(cov_type="cluster", cov_kwds={"groups": subject,
"use_correction": False})`, whose standard error is that of `cluster_t` but for sqrt(S / (S - 1)); the
jackknife by refitting with each subject left out.
"""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from accordance.evaluators import bias_slope

S = 24


def data(seed=5):
    rng = np.random.default_rng(seed)
    units = rng.integers(1, 9, S)
    subject = np.repeat(np.arange(S), units)
    tone = np.repeat(rng.uniform(-60, 60, S), units)
    reference = rng.uniform(70, 100, len(subject))
    test = (
        reference
        + 0.5
        - 0.012 * tone
        + np.repeat(rng.normal(0, 1, S), units)
        + rng.normal(0, 2, len(subject))
    )
    return reference, test, tone, subject


def slope(reference, test, tone):
    return np.polyfit(tone, test - reference, 1)[0]


def test_slope_and_sandwich_are_those_of_statsmodels():
    reference, test, tone, subject = data()
    fit = sm.OLS(test - reference, sm.add_constant(tone)).fit(
        cov_type="cluster", cov_kwds={"groups": subject, "use_correction": False}
    )
    found = bias_slope(reference, test, covariate=tone, contrast=100, subject=subject, ci="cluster_t")
    one = found["slope_contrast"]
    assert one.value == pytest.approx(100 * fit.params[1], rel=1e-10)
    error = 100 * fit.bse[1] * np.sqrt(S / (S - 1))
    assert one.standard_error == pytest.approx(error, rel=1e-8)
    reach = stats.t.ppf(0.975, S - 1) * error
    assert (one.interval.lower, one.interval.upper) == pytest.approx((one.value - reach, one.value + reach))
    assert found["bias_at_mean"].value == pytest.approx(np.mean(test - reference), rel=1e-10)
    assert (one.counts.n_subjects, one.counts.n_units) == (S, len(subject))


def test_jackknife_by_refitting():
    reference, test, tone, subject = data()
    left_out = np.array([100 * slope(*(a[subject != s] for a in (reference, test, tone))) for s in range(S)])
    error = np.sqrt((S - 1) / S * np.square(left_out - left_out.mean()).sum())
    one = bias_slope(reference, test, covariate=tone, contrast=100, subject=subject)["slope_contrast"]
    assert one.interval.method == "jackknife_t"
    reach = stats.t.ppf(0.975, S - 1) * error
    assert one.interval.upper - one.value == pytest.approx(reach, rel=1e-8)


def test_order_of_rows_and_weights_do_not_matter():
    reference, test, tone, subject = data()
    order = np.random.default_rng(1).permutation(len(subject))
    first = bias_slope(reference, test, covariate=tone, contrast=100, subject=subject)
    second = bias_slope(
        reference[order], test[order], covariate=tone[order], contrast=100, subject=subject[order]
    )
    assert first["slope_contrast"] == second["slope_contrast"]
    twice = np.repeat(np.arange(len(subject)), 2)
    doubled = bias_slope(
        reference[twice], test[twice], covariate=tone[twice], contrast=100, subject=subject[twice]
    )
    assert doubled["slope_contrast"].value == pytest.approx(first["slope_contrast"].value)


def test_bootstrap_exists():
    reference, test, tone, subject = data()
    one = bias_slope(
        reference, test, covariate=tone, contrast=100, subject=subject, ci="bootstrap_percentile",
        replicates=2000,
    )["slope_contrast"]  # fmt: skip
    assert one.interval.lower < one.value < one.interval.upper


@pytest.mark.parametrize(
    ("tone", "subject", "words"),
    [
        ([7.1, 7.1, 7.1], "abc", "does not vary; there is no slope"),
        ([], "", "no rows"),
        ([1.0, 2.0, 3.0], "aaa", "No interval: An interval needs at least two subjects"),
        ([1.0, 1.0, 3.0], "aab", "No interval: Without one of the subjects the covariate does not vary"),
    ],
)
def test_what_cannot_be_computed_says_why(tone, subject, words):
    n = len(tone)
    found = bias_slope(np.arange(n), np.arange(n) ** 2.0, covariate=tone, contrast=10, subject=list(subject))[
        "slope_contrast"
    ]
    assert found.interval is None
    assert words in found.error


def test_bad_arguments():
    with pytest.raises(ValueError, match="covariate"):
        bias_slope([1, 2], [1, 2], covariate=[1, np.nan], contrast=1)
    with pytest.raises(ValueError, match="contrast"):
        bias_slope([1, 2], [1, 2], covariate=[1, 2], contrast=0)
    with pytest.raises(ValueError, match="covariate"):
        bias_slope([1, 2], [1, 2], covariate=[1, 2, 3], contrast=1)
