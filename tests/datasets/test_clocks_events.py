"""Clocks from events: simulated truth, and an ordinary regression as the oracle where nothing is missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from accordance.datasets.clocks.events import estimate


def moments(seed: int, n: int, span: float = 3600.0) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).uniform(0, span, n))


def test_without_losses_it_is_ordinary_regression() -> None:
    rng = np.random.default_rng(4)
    taps = moments(1, 12, 40_000)
    test = (taps - 7.0) * (1 + 80e-6) + rng.normal(0, 0.1, 12)
    told = estimate({"tap": taps}, {"tap": test}, search=60, drift=True)
    assert told.resolved and told.offset and told.drift and told.n == 12 and told.middle is not None
    oracle = stats.linregress(test - test.mean(), taps - test)
    assert told.middle == pytest.approx(test.mean())
    assert told.offset[0] == pytest.approx(oracle.intercept, abs=1e-9)
    assert told.drift[0] == pytest.approx(1e6 * oracle.slope, rel=1e-6)
    t = stats.t.ppf(0.975, 10)
    assert told.drift[2] - told.drift[0] == pytest.approx(1e6 * t * oracle.stderr, rel=1e-6)
    assert told.offset[2] - told.offset[0] == pytest.approx(t * oracle.intercept_stderr, rel=1e-6)


def test_two_and_more_without_drift_are_a_mean_with_its_t_interval() -> None:
    taps = np.array([10.0, 700.0, 1500.0])
    test = taps - np.array([5.1, 5.3, 5.2])
    told = estimate({"tap": taps}, {"tap": test}, search=60)
    interval = stats.t.interval(0.95, 2, 5.2, 0.1 / np.sqrt(3))
    assert told.offset == pytest.approx((5.2, *interval))


@pytest.mark.parametrize(
    ("n", "span", "sd", "lost", "extra", "drift"),
    [
        (5, 3600, 0.1, 0.0, 0, False),
        (20, 3600, 0.1, 0.2, 3, False),
        (20, 86400, 0.3, 0.2, 3, True),
        (200, 86400, 0.5, 0.3, 50, True),
    ],
)
def test_intervals_cover_the_truth(
    n: int, span: float, sd: float, lost: float, extra: int, drift: bool
) -> None:
    rng = np.random.default_rng(n)
    covered, drifts = [], []
    for _ in range(200):
        offset, rate = rng.uniform(-50, 50), 1e-6 * rng.uniform(-100, 100) * drift
        true = np.sort(rng.uniform(0, span, n))
        test = true - offset - rate * (true - offset - span / 2) + rng.normal(0, sd, n)
        test = np.sort(np.r_[test[rng.uniform(size=n) >= lost], rng.uniform(0, span, rng.poisson(extra))])
        kept = true[rng.uniform(size=n) >= lost / 2]
        told = estimate({"a": kept}, {"a": test}, search=60, drift=drift)
        if not told.resolved or told.offset is None or told.middle is None:
            continue
        covered.append(told.offset[1] <= offset + rate * (told.middle - span / 2) <= told.offset[2])
        if told.drift:
            drifts.append(told.drift[1] <= 1e6 * rate <= told.drift[2])
    assert len(covered) >= 190
    for hits in (covered, drifts):
        if hits:
            assert sum(hits) >= stats.binom.ppf(0.001, len(hits), 0.93)


def test_levels_match_their_own_only() -> None:
    """Two kinds of events a second apart: only the right kind says 5 s."""
    taps = moments(2, 8)
    told = estimate({"tap": taps, "turn": taps + 20}, {"turn": taps + 15, "tap": taps - 5}, search=60)
    assert told.resolved and told.offset and told.n == 16
    assert told.offset[0] == pytest.approx(5)


def test_one_event_has_an_offset_and_no_uncertainty() -> None:
    told = estimate({"tap": np.array([100.0])}, {"tap": np.array([93.0])}, search=60)
    assert told.status == "too_little_data" and told.offset == (7.0, None, None)
    assert "single event" in told.reason


def test_regular_events_are_ambiguous() -> None:
    taps = np.arange(0, 3600, 20.0)
    told = estimate({"tap": taps}, {"tap": taps - 4}, search=60)
    assert told.status == "ambiguous" and told.second is not None
    assert (told.second - 4) % 20 == pytest.approx(0, abs=1e-6)


def test_no_event_and_none_near() -> None:
    taps = moments(1, 5)
    assert estimate({}, {"tap": taps}, search=60).status == "no_overlap"
    assert "test device" in estimate({"tap": taps}, {"tap": np.zeros(0)}, search=60).reason
    assert estimate({"tap": taps}, {"tap": taps + 9000}, search=60).status == "no_overlap"
    assert estimate({"tap": taps}, {"turn": taps}, search=60).status == "no_overlap"


def test_an_offset_at_the_boundary_counts_as_none() -> None:
    taps = moments(3, 9, 20_000)
    told = estimate({"tap": taps}, {"tap": taps - 60}, search=60)
    assert told.status == "at_boundary" and told.offset is None


def test_no_interval_is_narrower_than_the_stamps() -> None:
    taps = np.round(moments(5, 30, 30_000))
    told = estimate({"tap": taps}, {"tap": taps - 3}, search=60, resolution=1.0)
    assert told.offset == pytest.approx((3.0, 2.5, 3.5))


@settings(max_examples=60, deadline=None)
@given(shift=st.floats(-30, 30), seed=st.integers(0, 50), n=st.integers(3, 30))
def test_shifting_and_swapping(shift: float, seed: int, n: int) -> None:
    taps = moments(seed, n, 20_000)
    noise = np.random.default_rng(seed).normal(0, 0.05, n)
    told, moved, swapped = (
        estimate({"a": one}, {"a": other}, search=90)
        for one, other in ((taps, taps + noise), (taps, taps + noise + shift), (taps + noise, taps))
    )
    if told.resolved and moved.resolved and swapped.resolved:
        assert told.offset and moved.offset and swapped.offset
        assert moved.offset == pytest.approx([bound - shift for bound in told.offset], abs=1e-6)
        assert swapped.offset[0] == pytest.approx(-told.offset[0], abs=1e-9)
    else:
        assert told.status == moved.status == swapped.status or n < 6
