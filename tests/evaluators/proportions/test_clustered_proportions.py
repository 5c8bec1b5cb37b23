"""Intervals of clustered proportions: R's survey, geepack, gee and ratesci, statsmodels, and the edges.

diagnostic/oracle.json, `cluster_*`: `survey::svyciprop` (survey 4.1.1), `geepack::geeglm` (1.3.9), `gee::gee`
(4.13.25), `ratesci::clusterpci` (1.0.0) and the ratio estimator in closed form, 15 digits.
"""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from diagnostic import bounds, cases, clustered
from hypothesis import given
from hypothesis import strategies as st
from oracle import compare
from scipy import special, stats

from accordance.evaluators import sensitivity, share_within
from accordance.evaluators.intervals import METHODS, clopper_pearson, wilson
from accordance.evaluators.metric import CannotComputeError
from accordance.evaluators.proportions.clustered import (
    CLUSTERED,
    anova_icc,
    bias_reduced,
    korn_graubard,
    rao_scott_wilson,
)
from accordance.evaluators.proportions.clusters import clusters, effective_units
from accordance.evaluators.proportions.gee import gee

CASES = ["cluster_liang1992", "cluster_thyroids_pet", "cluster_orob2"]
R = {
    "rao_scott_wilson": ("ratio_estimator", "wilson_neff"),
    "rao_scott_clopper_pearson": ("ratio_estimator", "clopper_pearson_neff"),
    "korn_graubard": ("svyciprop_beta",),
    "cluster_logit": ("svyciprop_xlogit",),
    "cluster_arcsine": ("svyciprop_asin",),
    "donner_klar": ("ratesci_clusterpci_wilson",),
    "gee_independence": ("geeglm_logit_independence_san.se",),
}
COUNTS = st.integers(1, 9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
SUBJECTS = st.lists(COUNTS, min_size=2, max_size=12)


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("method", R)
def test_intervals_against_r(found, name, method):
    """As an interval method of a metric, from rows."""
    expected = found[name]["outputs"]
    for key in R[method]:
        expected = expected[key]
    codes, subject = clustered(found[name])
    interval = sensitivity([1] * len(codes), codes, subject=subject, ci=method)["sensitivity"].interval
    compare(f"clustered proportion, {method}", (interval.lower, interval.upper), bounds(expected))
    assert not interval.independent_rows


@pytest.mark.parametrize("name", CASES)
def test_intraclass_correlation_and_effective_units(found, name):
    inputs, outputs = found[name]["inputs"], found[name]["outputs"]
    data = clusters(inputs["x_per_cluster"], inputs["n_per_cluster"])
    compare("clustered proportion, ANOVA ICC", anova_icc(data), outputs["anova_icc"]["icc"])
    compare(
        "clustered proportion, effective n", effective_units(data)[0], outputs["ratio_estimator"]["n_eff"]
    )


@pytest.mark.parametrize("name", CASES)
def test_standard_errors(found, name):
    """`clubSandwich::vcovCR` type CR1 is that of the ratio estimator; CR0 that of GEE, on its scale."""
    inputs, outputs = found[name]["inputs"], found[name]["outputs"]
    data = clusters(inputs["x_per_cluster"], inputs["n_per_cluster"])
    compare("clustered proportion, CR1", data.standard_error, outputs["clubSandwich_CR1"]["se"])
    fit = gee(data, exchangeable=False)
    expected = outputs["geeglm_logit_independence_san.se"]
    compare(
        "clustered proportion, gee_independence",
        (fit.log_odds, fit.standard_error),
        (expected["beta"], expected["se"]),
    )
    scale = data.value * (1 - data.value)
    compare("clustered proportion, CR0", fit.standard_error * scale, outputs["clubSandwich_CR0"]["se"])


@pytest.mark.parametrize("name", CASES)
def test_bias_reduced_error_and_its_degrees_of_freedom(found, name):
    """`clubSandwich::coef_test(lm(y ~ 1), vcov = "CR2", test = "Satterthwaite")` (0.5.8)."""
    inputs, outputs = found[name]["inputs"], found[name]["outputs"]
    expected = outputs["clubSandwich_CR2"]
    error, df = bias_reduced(clusters(inputs["x_per_cluster"], inputs["n_per_cluster"]))
    compare("clustered proportion, CR2", (error, df), (expected["se"], expected["df_satt"]))
    codes, subject = clustered(found[name])
    p, interval = (
        outputs["p"],
        sensitivity([1] * len(codes), codes, subject=subject, ci="cluster_logit_cr2")["sensitivity"].interval,
    )
    reach = stats.t.ppf(0.975, expected["df_satt"]) * expected["se"] / (p * (1 - p))
    ends = special.expit(special.logit(p) + np.array([-reach, reach]))
    compare("clustered proportion, cluster_logit_cr2", (interval.lower, interval.upper), ends)


def test_bias_reduced_intervals_cover_with_very_unequal_subjects():
    """Nine subjects of 5 rows and one of 200: 95% intervals; `cluster_logit` covers half of the time."""
    rng = np.random.default_rng(21)
    sizes = np.array([5] * 9 + [200])
    covered = dict.fromkeys(("cluster_logit", "cluster_logit_cr2"), 0)
    for _ in range(400):
        x = rng.binomial(sizes, rng.beta(0.8 * 4, 0.2 * 4, 10))
        for method in covered:
            interval = CLUSTERED[method](clusters(x, sizes), 0.95)
            covered[method] += interval.lower <= 0.8 <= interval.upper
    assert covered["cluster_logit"] < 0.75 * 400
    assert covered["cluster_logit_cr2"] > 0.94 * 400


@pytest.mark.parametrize("sides", ["two", "lower", "upper"])
@pytest.mark.parametrize("k", [(7, 10), (9, 11)])
@pytest.mark.parametrize(
    "method",
    [
        "cluster_t",
        "cluster_logit",
        "cluster_logit_cr2",
        "cluster_arcsine",
        "gee_independence",
        "gee_exchangeable",
    ],
)
def test_a_bound_without_spread_never_decides(method, k, sides):
    """Subjects all alike: the bound is the estimate, which the width of one side does not show."""
    x, n = k
    codes, subject = ([1] * x + [0] * (n - x)) * 6, np.repeat(range(6), n)
    found = sensitivity([1] * len(codes), codes, subject=subject, ci=method, sides=sides)["sensitivity"]
    assert found.interval.degenerate
    assert "no width" in found.warning


@pytest.mark.parametrize("name", CASES)
def test_svyciprop_logit_by_iteration(found, name):
    """`svyciprop(method = "logit")` fits a glm to its tolerance; the closed form agrees to 1e-11."""
    codes, subject = clustered(found[name])
    interval = sensitivity([1] * len(codes), codes, subject=subject, ci="cluster_logit")[
        "sensitivity"
    ].interval
    expected = bounds(found[name]["outputs"]["svyciprop_logit"])
    compare("clustered proportion, cluster_logit", (interval.lower, interval.upper), expected)


@pytest.mark.parametrize("name", CASES)
def test_exchangeable_gee_is_that_of_statsmodels(found, name):
    """The same moment estimate of the correlation: estimate, robust SE and correlation, to rounding."""
    codes, subject = clustered(found[name])
    model = sm.GEE(
        np.array(codes, dtype=float),
        np.ones((len(codes), 1)),
        subject,
        family=sm.families.Binomial(),
        cov_struct=sm.cov_struct.Exchangeable(),
    )
    other = model.fit(ctol=1e-12, maxiter=500, params_niter=1)
    inputs = found[name]["inputs"]
    fit = gee(clusters(inputs["x_per_cluster"], inputs["n_per_cluster"]), exchangeable=True)
    compare(
        "clustered proportion, gee_exchangeable (statsmodels)",
        (fit.log_odds, fit.standard_error, fit.correlation),
        (other.params[0], other.bse[0], float(other.cov_struct.dep_params)),
    )


@pytest.mark.parametrize("name", CASES)
def test_exchangeable_gee_against_r(found, name):
    """`gee::gee` stops at its tolerance of 0.001; `geepack` estimates the correlation otherwise."""
    inputs, outputs = found[name]["inputs"], found[name]["outputs"]
    fit = gee(clusters(inputs["x_per_cluster"], inputs["n_per_cluster"]), exchangeable=True)
    expected = outputs["gee_pkg_exchangeable"]
    compare(
        "clustered proportion, gee_exchangeable (R gee)",
        (fit.log_odds, fit.standard_error, fit.correlation),
        (expected["beta"], expected["robust_se"], expected["alpha"]),
        rel=2e-4,
    )


def test_exchangeable_interval_says_what_it_is_about(found):
    codes, subject = clustered(found["cluster_liang1992"])
    estimate = sensitivity([1] * len(codes), codes, subject=subject, ci="gee_exchangeable")["sensitivity"]
    assert estimate.value == pytest.approx(60 / 203)
    assert "about the estimate under an exchangeable correlation (0.319), 0.27708" in estimate.warning


@pytest.mark.parametrize("method", CLUSTERED)
def test_every_row_a_success(found, method):
    """8 subjects x 5 successes. R: NaN, zero width or an error. Here: 8 of 8 subjects, or a named reason."""
    codes, subject = clustered(found["cluster_all_success_8x5"])
    estimate = sensitivity([1] * 40, codes, subject=subject, ci=method)["sensitivity"]
    assert estimate.value == 1.0
    if method in ("cluster_logit", "cluster_logit_cr2", "gee_independence", "gee_exchangeable"):
        assert estimate.interval is None
        assert "log odds are infinite" in estimate.error
        return
    if method == "cluster_arcsine":
        assert estimate.interval is None
        assert "no width at an estimate of 0 or 1" in estimate.error
        return
    expected = (
        wilson(8, 8, 0.95) if "wilson" in method or method == "donner_klar" else (0.025 ** (1 / 8), 1.0)
    )
    assert (estimate.interval.lower, estimate.interval.upper) == pytest.approx(expected, rel=1e-12)
    assert "Every unit is an event" in estimate.warning
    assert not estimate.interval.degenerate


def test_every_row_a_success_with_unequal_subjects():
    """Under complete dependence the estimate has the variance p (1 - p) sum n^2 / (sum n)^2."""
    size, note = effective_units(clusters([0, 0, 0], [1, 2, 30]))
    assert size == pytest.approx(33**2 / (1 + 4 + 900))
    assert note.startswith("No unit is an event")


@pytest.mark.parametrize("method", CLUSTERED)
def test_one_subject_has_no_interval(method):
    estimate = sensitivity([1, 1, 1], [1, 0, 1], subject=[1, 1, 1], ci=method)["sensitivity"]
    assert estimate.interval is None
    assert "at least two subjects" in estimate.error


@pytest.mark.parametrize("method", CLUSTERED)
def test_no_subject_has_no_interval(method):
    estimate = sensitivity([0, 0], [1, 0], subject=["a", "b"], ci=method)["sensitivity"]
    assert estimate.interval is None
    assert estimate.error == "There are no reference positives."


def test_few_subjects_are_warned_about():
    few = rao_scott_wilson(clusters([3, 5, 0, 4], [4, 5, 3, 4]), 0.95)
    assert "Only 4 subjects" in few.note
    assert rao_scott_wilson(clusters([3, 5, 0, 4] * 3, [4, 5, 3, 4] * 3), 0.95).note is None
    assert korn_graubard(clusters([3, 5, 0, 4], [4, 5, 3, 4]), 0.95).note is None


@pytest.mark.parametrize(
    "method", ["cluster_t", "korn_graubard", "cluster_logit", "donner_klar", "cluster_logit_cr2"]
)
def test_very_unequal_subjects_are_warned_about(method):
    """Nine subjects of 5 rows and one of 200 weigh like 1.5 subjects; means of subjects do not mind."""
    sizes = [5] * 9 + [200]
    subject = np.repeat(np.arange(10), sizes)
    codes = np.random.default_rng(4).integers(0, 2, len(subject))
    found = sensitivity([1] * len(codes), codes, subject=subject, ci=method)["sensitivity"]
    if method in ("donner_klar", "cluster_logit_cr2"):
        assert "weigh like" not in (found.warning or "")
    else:
        assert "weigh like only 1.5 of equal size" in found.warning
    if method not in ("donner_klar", "cluster_logit_cr2"):
        mean = sensitivity([1] * len(codes), codes, subject=subject, ci=method, average="subject_mean")
        assert "weigh like" not in (mean["sensitivity"].warning or "")


@given(SUBJECTS, st.sampled_from(sorted(CLUSTERED)), st.randoms(use_true_random=False))
def test_order_and_complement(subjects, method, random):
    x, n = (np.array(column) for column in zip(*subjects, strict=True))
    order = list(range(len(x)))
    random.shuffle(order)

    def run(events, units):
        try:
            found = CLUSTERED[method](clusters(events, units), 0.95)
        except CannotComputeError:
            return None
        return found.lower, found.upper

    plain, shuffled, mirrored = run(x, n), run(x[order], n[order]), run(n - x, n)
    if plain is None:
        assert shuffled is None
        assert mirrored is None
        return
    assert 0 <= plain[0] <= plain[1] <= 1
    assert shuffled == pytest.approx(plain, abs=1e-9)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx(plain, abs=1e-9)


@given(SUBJECTS, st.sampled_from(["rao_scott_wilson", "korn_graubard", "rao_scott_clopper_pearson"]))
def test_effective_units_never_narrow_an_interval(subjects, method):
    """However regular the subjects, no interval is narrower than that of as many independent units."""
    x, n = (np.array(column) for column in zip(*subjects, strict=True))
    data = clusters(x, n)
    size, _ = effective_units(data)
    assert 0 < size <= n.sum()
    lower, upper = CLUSTERED[method](data, 0.95).lower, CLUSTERED[method](data, 0.95).upper
    if 0 < x.sum() < n.sum():
        naive = wilson(x.sum(), n.sum(), 0.95)
        assert upper - lower >= (naive[1] - naive[0]) * (1 - 1e-9)


@given(st.lists(st.integers(0, 1), min_size=3, max_size=30), st.sampled_from(["two", "lower", "upper"]))
def test_one_row_each_is_nearly_the_plain_method(codes, sides):
    """The variance then is p (1 - p) / (n - 1): the effective number is one less."""
    x = np.array(codes)
    if 0 < x.sum() < len(x):
        size, _ = effective_units(clusters(x, np.ones(len(x))))
        assert size == pytest.approx(len(x) - 1)
        found = rao_scott_wilson(clusters(x, np.ones(len(x))), 0.95, sides)
        assert (found.lower, found.upper) == pytest.approx(
            wilson(x.mean() * (len(x) - 1), len(x) - 1, 0.95, sides), abs=1e-12
        )
        assert gee(clusters(x, np.ones(len(x))), exchangeable=True).correlation == 0


@pytest.mark.parametrize("method", ["korn_graubard", "rao_scott_wilson", "cluster_logit"])
def test_row_weights_and_means_of_subjects_have_effective_units(method):
    """Inverse-probability row weights, as `svydesign(weights = )`: p (1 - p) / SE^2, weighted."""
    rng = np.random.default_rng(7)
    subject = np.repeat(np.arange(30), 6)
    test = (rng.random(180) < np.repeat(rng.beta(4, 2, 30), 6)).astype(int)
    weights = np.where(subject % 2, 1.0, 3.0)
    for options in ({"weights": weights}, {"average": "subject_mean"}):
        estimate = sensitivity([1] * 180, test, subject=subject, ci=method, **options)["sensitivity"]
        p, error, interval = estimate.value, estimate.standard_error, estimate.interval
        size = p * (1 - p) / error**2
        if method == "rao_scott_wilson":
            expected = wilson(size * p, size, 0.95)
        elif method == "cluster_logit":
            reach = stats.t.ppf(0.975, 29) * error / (p * (1 - p))
            expected = special.expit(special.logit(p) + np.array([-reach, reach]))
        else:
            size *= (stats.t.ppf(0.975, 179) / stats.t.ppf(0.975, 29)) ** 2
            expected = (
                stats.beta.ppf(0.025, size * p, size * (1 - p) + 1),
                stats.beta.ppf(0.975, size * p + 1, size * (1 - p)),
            )
        assert (interval.lower, interval.upper) == pytest.approx(expected, rel=1e-9)


def test_inverse_probability_weights_have_the_textbook_variance():
    """`svymean` with `weights = 1/p`: k / (k - 1) * sum over subjects of (sum of w (y - p) / sum of w)^2.

    The sum of a subject is about 0 (Binder 1983); scale of the weights is of no consequence.
    """
    rng = np.random.default_rng(8)
    subject = np.repeat(np.arange(15), rng.integers(1, 9, 15))
    test = rng.integers(0, 2, len(subject))
    weights = 1 / rng.uniform(0.1, 1, len(subject))
    p = np.sum(weights * test) / weights.sum()
    z = np.bincount(subject, weights * (test - p)) / weights.sum()
    expected = np.sqrt(15 / 14 * np.square(z).sum())
    for scale in (1.0, 1e-3, 1e6):
        found = sensitivity(
            [1] * len(test), test, subject=subject, weights=scale * weights, ci="cluster_logit"
        )
        compare("clustered proportion, inverse-probability weights", found["sensitivity"].value, p)
        compare(
            "clustered proportion, inverse-probability weights", found["sensitivity"].standard_error, expected
        )


@pytest.mark.parametrize(
    "method", ["donner_klar", "cluster_logit_cr2", "gee_independence", "gee_exchangeable"]
)
def test_methods_that_count_units_refuse_weights(method):
    options = {"subject": [1, 1, 2, 2], "ci": method}
    for extra in ({"weights": [1, 2, 1, 2]}, {"average": "subject_mean"}):
        estimate = sensitivity([1] * 4, [1, 0, 1, 1], **options, **extra)["sensitivity"]
        assert estimate.interval is None
        assert f"`{method}` counts units, each once" in estimate.error


@pytest.mark.parametrize("method", CLUSTERED)
def test_shares_within_a_tolerance_have_them_too(method):
    """The same counts by another metric."""
    codes = np.array([1, 1, 0, 1, 0, 1, 1, 0, 1, 1])
    subject = np.repeat([1, 2, 3, 4, 5], 2)
    share = share_within(np.zeros(10), np.where(codes, 0.0, 9.0), tolerance=1, subject=subject, ci=method)
    other = sensitivity([1] * 10, codes, subject=subject, ci=method)["sensitivity"]
    assert share["share_within"].interval == other.interval
    assert method in METHODS


def test_an_invalid_working_correlation_is_named():
    """Subjects of opposite pairs and one large one: the correlation is below -1 / (n - 1)."""
    with pytest.raises(CannotComputeError, match="leaves no valid covariance of 9 units"):
        gee(clusters([1] * 20 + [4], [2] * 20 + [9]), exchangeable=True)


def test_clusters_refuse_what_is_no_count():
    with pytest.raises(ValueError, match="of one length"):
        clusters([1, 2], [3])
    with pytest.raises(ValueError, match="for every subject"):
        clusters([4, 2], [3, 2])
    with pytest.raises(CannotComputeError, match="at least one unit"):
        clusters([0], [0])


@pytest.mark.parametrize("x", [0, 1, 7, 12])
@pytest.mark.parametrize("sides", ["two", "lower", "upper"])
def test_with_one_unit_a_subject_korn_graubard_is_clopper_pearson(x, sides):
    """There is no likeness to estimate: `binom.test` in R, whatever the number of subjects, one included."""
    for n in (12, max(x, 1)):
        found = korn_graubard(clusters([1] * x + [0] * (n - x), [1] * n), 0.95, sides)
        assert (found.lower, found.upper) == clopper_pearson(x, n, 0.95, sides)
        assert found.note is None


def test_one_subject_with_two_units_is_refused_by_korn_graubard():
    with pytest.raises(CannotComputeError, match="two subjects"):
        korn_graubard(clusters([1], [2]), 0.95)
