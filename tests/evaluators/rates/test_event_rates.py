"""Event rates against R's `poisson.test`, statsmodels, and hand calculation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare
from scipy import stats
from statsmodels.stats.rates import confint_poisson

from accordance.evaluators import event_rate, event_rate_negative_binomial
from accordance.evaluators.rates.event_rates import EVENT_RATE, counted, poisson_exact, poisson_mid_p
from accordance.evaluators.rates.negative_binomial import EVENT_RATE_NEGATIVE_BINOMIAL

GARWOOD = {0: (0.0, 3.688879), 1: (0.02531781, 5.571643), 5: (1.623486, 11.668332), 10: (4.795389, 18.390356)}
"""`poisson.test(x)$conf.int` in R, as it prints."""


def simulated(seed: int, subjects: int, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Counts and exposure of subjects whose own rates follow a gamma distribution about 0.2."""
    rng = np.random.default_rng(seed)
    exposure = rng.uniform(5, 60, subjects)
    own = 0.2 * (rng.gamma(1 / alpha, alpha, subjects) if alpha else np.ones(subjects))
    return rng.poisson(own * exposure).astype(float), exposure


@pytest.mark.parametrize("events", GARWOOD)
def test_exact_interval_against_r(events: int) -> None:
    found = poisson_exact(events, 0.95)
    compare("Poisson exact, R (seven digits)", found, GARWOOD[events], rel=5e-7)


@pytest.mark.parametrize("events", [0, 1, 3, 10, 250, 100_000])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_exact_interval_against_statsmodels(events: int, level: float) -> None:
    """`statsmodels.stats.rates.confint_poisson(method="exact-c")`, whose lower bound of 0 events is NaN."""
    found = event_rate([events], [12.5], level=level)["rate"].interval
    assert found is not None
    wanted = np.nan_to_num(confint_poisson(events, 12.5, method="exact-c", alpha=1 - level))
    compare("Poisson exact, statsmodels", [found.lower, found.upper], wanted)


@pytest.mark.parametrize("events", [0, 1, 3, 10, 250])
def test_mid_p_interval_solves_its_equation(events: int) -> None:
    """P(X < x) + P(X = x) / 2 is 0.975 at the lower bound and 0.025 at the upper."""
    lower, upper = poisson_mid_p(events, 0.95)

    def below(mean: float) -> float:
        return float(stats.poisson.cdf(events - 1, mean) + stats.poisson.pmf(events, mean) / 2)

    assert below(upper) == pytest.approx(0.025, rel=1e-9)
    assert lower == 0 if events == 0 else below(lower) == pytest.approx(0.975, rel=1e-9)
    exact = poisson_exact(events, 0.95)
    assert exact[0] <= lower <= upper < exact[1]


def test_one_sided_bounds() -> None:
    """0 events in 300 subject-days: upper 95% bound -log(0.05) / 300."""
    found = event_rate([0], [300], sides="upper")["rate"].interval
    assert found is not None
    assert found.upper == pytest.approx(-np.log(0.05) / 300, rel=1e-12)
    assert found.lower == 0
    below = event_rate([5], [10], sides="lower")["rate"].interval
    assert below is not None and below.upper == float("inf")
    assert below.lower == pytest.approx(stats.chi2.ppf(0.05, 10) / 2 / 10, rel=1e-12)


def test_clustered_error_by_hand() -> None:
    """Three subjects, 2/10, 0/10, 7/20: r = 9/40; residuals y - r t are -0.25, -2.25, 2.5.

    SE^2 = 3/2 * (0.0625 + 5.0625 + 6.25) / 40^2; dispersion (0.0625/2.25 + 5.0625/2.25 + 6.25/4.5) / 2.
    """
    result = event_rate([1, 1, 0, 7], [4, 6, 10, 20], subject=["a", "a", "b", "c"])
    rate, dispersion = result["rate"], result["dispersion"]
    error = np.sqrt(1.5 * 11.375) / 40
    wanted = [9 / 40, error, (0.0625 / 2.25 + 5.0625 / 2.25 + 6.25 / 4.5) / 2]
    compare("event rate, clustered, by hand", [rate.value, rate.standard_error, dispersion.value], wanted)
    assert rate.interval is not None and rate.interval.method == "cluster_log_t"
    reach = stats.t.ppf(0.975, 2) * error / (9 / 40)
    assert rate.interval.upper == pytest.approx(9 / 40 * np.exp(reach), rel=1e-10)


def test_clustered_error_is_that_of_a_sandwich() -> None:
    """Poisson GLM with exposure and cluster-robust covariance, factor S / (S - 1), in `statsmodels`."""
    events, exposure = simulated(6, 40, 0.8)
    subject = np.repeat(np.arange(20), 2)
    result = event_rate(events, exposure, subject=subject)["rate"]
    model = sm.GLM(events, np.ones((40, 1)), family=sm.families.Poisson(), exposure=exposure)
    fitted = model.fit(cov_type="cluster", cov_kwds={"groups": subject})
    relative = result.standard_error / result.value
    compare("event rate, clustered: error", relative, float(fitted.bse[0]))
    compare("event rate, clustered", result.value, float(np.exp(fitted.params[0])))


@pytest.mark.parametrize(("seed", "subjects", "alpha"), [(1, 30, 1.0), (2, 120, 0.4), (3, 15, 3.0)])
def test_negative_binomial_against_statsmodels(seed: int, subjects: int, alpha: float) -> None:
    """`sm.NegativeBinomial(loglike_method="nb2", exposure=...)`: rate, alpha, and errors from the Hessian."""
    events, exposure = simulated(seed, subjects, alpha)
    model = sm.NegativeBinomial(events, np.ones((subjects, 1)), loglike_method="nb2", exposure=exposure)
    fitted = model.fit(disp=0, maxiter=500, method="newton", tol=1e-14)
    result = event_rate_negative_binomial(events, exposure)
    got = [result["rate"].value, result["alpha"].value]
    compare("negative binomial rate", got, [np.exp(fitted.params[0]), fitted.params[1]], rel=1e-6)
    relative = [result["rate"].standard_error / result["rate"].value, result["alpha"].standard_error]
    compare("negative binomial rate: errors", relative, fitted.bse, rel=1e-5)
    interval = result["rate"].interval
    assert interval is not None
    wanted = np.exp(fitted.params[0] + np.array([-1, 1]) * 1.959963984540054 * fitted.bse[0])
    compare("negative binomial rate: errors", [interval.lower, interval.upper], wanted, rel=1e-5)


def test_counts_without_extra_variation_are_poisson() -> None:
    result = event_rate_negative_binomial([2, 2, 2, 2], [10, 10, 10, 10])
    assert result["alpha"].value == 0
    assert result["rate"].value == pytest.approx(0.2)
    assert result["rate"].standard_error == pytest.approx(0.2 / np.sqrt(8))
    assert "no more than Poisson" in (result["rate"].warning or "")
    assert result["alpha"].interval is None


def test_clustering_widens_and_is_said() -> None:
    events, exposure = simulated(9, 25, 2.0)
    clustered = event_rate(events, exposure, subject=np.arange(25))["rate"]
    naive = event_rate(events, exposure)["rate"]
    assert clustered.interval is not None and naive.interval is not None
    width = clustered.interval.upper - clustered.interval.lower
    assert width > 1.5 * (naive.interval.upper - naive.interval.lower)
    assert "cluster" in (clustered.warning or "")
    assert naive.interval.independent_rows


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 50), st.integers(0, 4)), min_size=2, max_size=20),
    st.floats(0.01, 1000),
)
def test_order_labels_and_units(rows: list[tuple[int, int, int]], scale: float) -> None:
    events, exposure, subject = (np.array(column) for column in zip(*rows, strict=True))
    once = event_rate(events, exposure, subject=subject, ci="poisson_exact")["rate"]
    names = np.array([f"s{9 - one}" for one in subject[::-1]])
    again = event_rate(events[::-1], exposure[::-1] * scale, subject=names, per=scale, ci="poisson_exact")
    other = again["rate"]
    assert other.value == pytest.approx(once.value, rel=1e-9, abs=1e-12)
    assert once.interval is not None and other.interval is not None
    assert other.interval.upper == pytest.approx(once.interval.upper, rel=1e-9)
    assert once.interval.lower <= once.value <= once.interval.upper


def test_repeated_subjects_are_integer_weights() -> None:
    events, exposure = simulated(12, 8, 1.0)
    counts = np.array([1, 2, 0, 3, 1, 1, 0, 2])
    again = np.repeat(np.arange(8), counts)
    for metric in (EVENT_RATE, EVENT_RATE_NEGATIVE_BINOMIAL):
        columns, keys = counted(events, exposure, [f"s{i}" for i in range(8)])
        assert list(keys) == sorted(keys)
        weighted = metric.prepare(columns).at(counts[None, :].astype(float))[0]
        repeated = metric.prepare(counted(events[again], exposure[again], None)[0]).estimate()
        np.testing.assert_allclose(weighted, repeated, rtol=1e-8)


def test_subjects_without_exposure_are_no_degrees_of_freedom() -> None:
    """Thirty subjects who never wore the device must not make the interval of three that of 33."""
    alone = event_rate([1, 2, 0], [5, 6, 9], subject=["a", "b", "c"])
    more = event_rate(
        [1, 2, 0] + [0] * 30, [5, 6, 9] + [0] * 30, subject=["a", "b", "c", *map(str, range(30))]
    )
    for name in ("rate", "dispersion"):
        one, other = alone[name], more[name]
        assert one.interval is not None and other.interval is not None
        assert other.value == one.value
        assert other.standard_error == pytest.approx(one.standard_error, rel=1e-12)
        assert other.interval.upper == pytest.approx(one.interval.upper, rel=1e-12)
        assert other.counts.n_subjects == 3
    model = event_rate_negative_binomial([1, 9, 0] + [0] * 30, [5, 6, 9] + [0] * 30)["rate"]
    assert model.counts.n_subjects == 3


def test_few_subjects_of_the_model_are_warned_about() -> None:
    """Alpha is too small on average with few subjects, and the interval takes normal quantiles."""
    assert "Only 6 subjects" in (
        event_rate_negative_binomial([0, 1, 0, 7, 2, 0], [30] * 6)["rate"].warning or ""
    )
    assert event_rate_negative_binomial([0, 1, 0, 7, 2, 0] * 2, [30] * 12)["rate"].warning is None


def test_no_value_or_interval_says_why() -> None:
    none = event_rate([], [])
    assert none["rate"].error == "There is no exposure."
    zero = event_rate([0, 0], [10, 20], subject=["a", "b"])
    assert zero["rate"].value == 0
    assert "poisson_exact" in (zero["rate"].error or "")
    assert "no events" in (zero["dispersion"].error or "")
    one = event_rate([3], [10], subject=["a"])
    assert "two subjects" in (one["rate"].error or "")
    assert "at least two" in (one["dispersion"].error or "")
    model = event_rate_negative_binomial([0, 0], [10, 20])
    assert "no events" in (model["rate"].error or "")
    single = event_rate_negative_binomial([3], [10])
    assert "two subjects" in (single["rate"].error or "")


@pytest.mark.parametrize(
    ("events", "exposure", "words"),
    [
        ([1.5], [10.0], "not whole numbers"),
        ([-1], [10.0], "not whole numbers"),
        ([1], [-10.0], "below 0"),
        ([1], [0.0], "events in no time"),
        ([1, 2], [10.0], "as many"),
        ([float("nan")], [1.0], "NaN"),
    ],
)
def test_refusals(events: Any, exposure: Any, words: str) -> None:
    for function in (event_rate, event_rate_negative_binomial):
        with pytest.raises(ValueError, match=words):
            function(events, exposure)
