"""Bootstrap bounds: their definition, their Monte-Carlo error, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from accordance.evaluators.agreement import bland_altman as agreement
from accordance.evaluators.agreement import measurement_errors
from accordance.evaluators.functions import arrange
from accordance.evaluators.metric import CannotComputeError
from accordance.evaluators.resample import acceleration, bca, percentile
from accordance.evaluators.weights import ResamplingWeights


def test_percentile_interpolates_at_b_plus_one_p() -> None:
    """NumPy's `weibull` quantiles are the same definition (Hyndman & Fan 1996, type 6)."""
    replicates = np.random.default_rng(1).gamma(2.0, size=1234)
    found = percentile(replicates, 0.9, "two")
    expected = np.quantile(replicates, [0.05, 0.95], method="weibull")
    assert (found.lower, found.upper) == pytest.approx(tuple(expected), rel=1e-12)
    one = percentile(replicates, 0.95, "upper")
    assert (one.lower, one.upper) == (-np.inf, pytest.approx(expected[1]))
    assert np.isnan(one.mc_error[0])


def test_bca_without_bias_or_skewness_is_percentile() -> None:
    replicates = np.linspace(-1, 1, 2001)
    plain = percentile(replicates, 0.95, "two")
    corrected = bca(replicates, 0.0, np.array([-1.0, 1.0, -2.0, 2.0]), 0.95, "two")
    assert (corrected.lower, corrected.upper) == pytest.approx((plain.lower, plain.upper), abs=1e-12)
    assert corrected.mc_error != plain.mc_error, "the bias correction has a Monte-Carlo error of its own"


def test_bca_against_scipy() -> None:
    """scipy.stats.bootstrap(method="BCa") on a mean, whose two centres of the jackknife are the same."""
    data = np.random.default_rng(3).exponential(size=30)
    theirs = stats.bootstrap(
        (data,), np.mean, n_resamples=40_000, method="BCa", vectorized=True, rng=np.random.default_rng(5)
    )
    columns, keys = arrange(np.zeros(30), data)
    prepared = agreement.BLAND_ALTMAN.prepare(columns, truth="independent")
    weights = ResamplingWeights(keys, seed=5, replicates=40_000).matrix(keys)
    ours = bca(prepared.at(weights)[:, 0], data.mean(), prepared.jackknife()[:, 0], 0.95, "two")
    for mine, other, error in zip(
        (ours.lower, ours.upper), theirs.confidence_interval, ours.mc_error, strict=True
    ):
        assert abs(mine - other) < 4 * error * 2**0.5


def test_acceleration_of_a_mean_has_a_closed_form() -> None:
    """For a mean it is a sixth of the standardised third moment over sqrt(n) (Efron 1987, eq. 7.3)."""
    data = np.array([1.0, 2.0, 4.0, 9.0, 3.0])
    jackknife = (data.sum() - data) / (len(data) - 1)
    u = data - data.mean()
    expected = (u**3).sum() / (6 * (u**2).sum() ** 1.5)
    assert acceleration(data.mean(), jackknife) == pytest.approx(expected, rel=1e-12)
    assert acceleration(3.0, np.full(5, 3.0)) == 0.0
    tiny = acceleration(1e-200 * data.mean(), 1e-200 * jackknife)
    assert tiny == pytest.approx(expected, rel=1e-9), "cubes do not underflow"


@pytest.mark.parametrize("statistic", ["mae", "rmse"])
@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_monte_carlo_error_is_the_spread_over_seeds(statistic: str, method: str) -> None:
    """200 seeds of 2,000 replicates: the bounds' spread is what one run reports, within a quarter.

    The standard deviation over 200 seeds itself has a standard error of 5%.
    """
    random = np.random.default_rng(11)
    subject = np.repeat(np.arange(25), 8)
    error = random.normal(0.4, 1.0, size=200) + np.repeat(random.gamma(1.0, 1.0, size=25), 8)
    columns, keys = arrange(np.zeros(200), error, subject)
    metric = {"mae": measurement_errors.MAE, "rmse": measurement_errors.RMSE}[statistic]
    prepared = metric.prepare(columns, average="pooled")
    estimate, jackknife = prepared.estimate()[0], prepared.jackknife()[:, 0]
    found, reported = [], []
    for seed in range(200):
        replicates = prepared.at(ResamplingWeights(keys, seed=seed, replicates=2000).matrix(keys))[:, 0]
        if method == "bca":
            interval = bca(replicates, estimate, jackknife, 0.95, "two")
        else:
            interval = percentile(replicates, 0.95, "two")
        found.append((interval.lower, interval.upper))
        reported.append(interval.mc_error)
    ratio = np.std(found, axis=0, ddof=1) / np.mean(reported, axis=0)
    assert (ratio > 0.75).all()
    assert (ratio < 1.25).all()


def test_equal_replicates_are_degenerate() -> None:
    for interval in (
        percentile(np.full(500, 0.3), 0.95, "two"),
        bca(np.full(500, 0.3), 0.3, np.full(4, 0.3), 0.95, "two"),
        percentile(0.3 + 1e-18 * np.arange(500), 0.95, "two"),
    ):
        assert interval.degenerate
        assert "no width" in (interval.warning or "")


def test_undefined_replicates_are_counted_and_limited() -> None:
    replicates = np.random.default_rng(2).normal(size=1000)
    replicates[:10] = np.nan
    interval = percentile(replicates, 0.95, "two")
    assert interval.undefined_share == 0.01
    assert "1.00% of bootstrap replicates" in (interval.warning or "")
    replicates[10] = np.nan
    with pytest.raises(CannotComputeError, match="undefined in 11 of 1,000"):
        percentile(replicates, 0.95, "two")
    with pytest.raises(CannotComputeError, match="more than 1%"):
        percentile(np.array([]), 0.95, "two")


def test_too_few_replicates_for_the_level() -> None:
    with pytest.raises(CannotComputeError, match="too few"):
        percentile(np.arange(30.0), 0.95, "two")


@pytest.mark.parametrize(
    ("estimate", "jackknife", "words"),
    [
        (2.0, np.array([1.0, 2.0]), "one side"),
        (0.0, np.array([1.0]), "at least two subjects"),
        (0.0, np.array([1.0, np.nan]), "1 of 2 subjects"),
        (0.99, np.array([-9.0, 1.0, 1.0, 1.0, 1.0]), "acceleration is too large|beyond all"),
    ],
)
def test_bca_refuses(estimate: float, jackknife: np.ndarray, words: str) -> None:
    with pytest.raises(CannotComputeError, match=words):
        bca(np.linspace(-1, 1, 999), estimate, jackknife, 0.9999, "two")
