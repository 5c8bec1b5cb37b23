"""Discrepancies at the edges, and that bootstrap and classic intervals say alike where both are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.evaluators import (
    CannotComputeError,
    bland_altman,
    difference_trend,
    normality_of_differences,
    regression_limits,
    repeated_sleep_discrepancy,
    sleep_discrepancy,
)
from accordance.evaluators.agreement.limits_by_regression import NORMAL_MEAN


def measures(
    seed: int = 5, n: int = 60, slope: float = 0.0, growth: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.uniform(250, 480, n)
    return x, x + 8 + slope * (x - 365) + random.normal(0, 15 + growth * (x - 250))


def test_as_the_metrics_of_protocols_have_it() -> None:
    x, y = measures(slope=-0.2, growth=0.2)
    found = sleep_discrepancy(x, y)
    plain = bland_altman(x, y, truth="independent", factor="rounded")
    line = regression_limits(x, y, at=300, size="reference", ci="t")
    trend = difference_trend(x, y, size="reference", errors="independent")
    shape = normality_of_differences(x, y)
    assert found.bias.value == pytest.approx(plain["bias"].value)
    assert found.sd == pytest.approx(plain["sd"].value)
    assert found.loa_upper.value == pytest.approx(plain["loa_upper"].value)
    assert found.slope.value == pytest.approx(line["slope"].value)
    assert found.slope.lower == pytest.approx(line["slope"].interval.lower)  # type: ignore[union-attr]
    assert found.intercept.upper == pytest.approx(line["intercept"].interval.upper)  # type: ignore[union-attr]
    assert found.spread_slope.value * NORMAL_MEAN == pytest.approx(line["sd_slope"].value)
    assert found.kind == "changing"
    lower, upper = found.limits_at(300)
    assert (lower + upper) / 2 == pytest.approx(line["bias"].value) == pytest.approx(found.bias_at(300))
    assert (upper - lower) / (2 * 1.96) == pytest.approx(line["sd"].value)
    assert found.constant_bias.p_value == pytest.approx(trend["slope_p"].value)
    assert found.homoscedastic.p_value == pytest.approx(trend["spread_slope_p"].value)
    assert found.normal.p_value == pytest.approx(shape["p"].value)


@pytest.mark.parametrize(
    ("slope", "growth", "kind"), [(0.0, 0.0, "constant"), (-0.5, 0.0, "around_line"), (0.0, 0.3, "changing")]
)
@pytest.mark.parametrize("rules", ["interval", "effect"])
def test_the_limits_follow_from_the_answers(slope: float, growth: float, kind: str, rules: Any) -> None:
    found = sleep_discrepancy(*measures(n=200, slope=slope, growth=growth), rules=rules)
    assert found.kind == kind
    assert found.proportional == (slope != 0)
    lower, upper = found.limits_at(300)
    assert lower < found.bias_at(300) < upper
    assert str(found).startswith("n = 200, 0 without a value")


def test_bootstraps_come_near_the_classic_intervals_where_these_are_right() -> None:
    x, y = measures(n=200)
    classic = sleep_discrepancy(x, y)
    for ci in ("percentile", "bca", "basic"):
        found = sleep_discrepancy(x, y, ci=ci)  # type: ignore[arg-type]
        for name in ("bias", "slope", "half_width", "loa_upper", "spread_slope"):
            mine, theirs = getattr(found, name), getattr(classic, name)
            assert mine.value == theirs.value
            width = theirs.upper - theirs.lower
            assert abs(mine.lower - theirs.lower) < 0.25 * width, (ci, name)
            assert abs(mine.upper - theirs.upper) < 0.25 * width, (ci, name)


def test_limits_move_with_their_own_sd_and_not_with_the_bias_alone() -> None:
    """The pipeline's bootstrap keeps the SD; its limits then look as sure as the bias."""
    found = sleep_discrepancy(*measures(n=100), ci="percentile")
    of_bias, of_limit = (part.upper - part.lower for part in (found.bias, found.loa_upper))
    assert of_limit > 1.4 * of_bias  # about the root of three for normal differences


def test_nights_without_a_value_are_left_out_and_counted() -> None:
    x, y = measures(n=30)
    x[3], y[7] = np.nan, np.nan
    found = sleep_discrepancy(x, y)
    assert (found.n, found.missing) == (28, 2)
    assert "2 nights have no value on one side and are left out." in found.notes


def test_the_order_of_subjects_changes_nothing() -> None:
    x, y = measures(n=20)
    who = [f"s{i:02}" for i in range(20)]
    order = np.random.default_rng(1).permutation(20)
    first = sleep_discrepancy(x, y, subject=who, ci="percentile")
    again = sleep_discrepancy(x[order], y[order], subject=[who[i] for i in order], ci="percentile")
    assert first.loa_upper == again.loa_upper
    assert first.spread_slope == again.spread_slope


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"rules": "p"}, ValueError, "`rules` must be one of interval, effect, not 'p'"),
        ({"ci": "wald", "size": "device"}, ValueError, "`ci` must be one of.*`size` must be one of"),
        ({"residuals": "none"}, ValueError, "`residuals` must be one of refitted, kept"),
        ({"level": 2}, ValueError, "`level` must lie"),
        ({"subject": ["a"] * 60}, ValueError, "names 1 subjects for 60 nights.*repeated_sleep_discrepancy"),
        ({"device": np.zeros(3)}, ValueError, "columns of equal length"),
        ({"reference": np.full(60, 400.0)}, CannotComputeError, "The sizes do not vary"),
        ({"reference": np.full(60, np.nan)}, CannotComputeError, "0 of 60 nights have a value on both sides"),
    ],
)
def test_what_is_not_accepted_is_named(change: dict[str, Any], error: type[Exception], words: str) -> None:
    x, y = measures()
    columns = {"reference": change.pop("reference", x), "device": change.pop("device", y)}
    with pytest.raises(error, match=words):
        sleep_discrepancy(columns["reference"], columns["device"], **change)


def test_a_spread_below_zero_has_no_limits_there() -> None:
    x, y = measures(n=200, growth=0.3)
    found = sleep_discrepancy(x, y)
    assert found.kind == "changing"
    with pytest.raises(CannotComputeError, match="below zero at size -1000"):
        found.limits_at(-1000)


def test_log_limits_are_a_share_of_the_size() -> None:
    random = np.random.default_rng(4)
    x = random.uniform(20, 120, 300)
    y = x * np.exp(random.normal(0, 0.2, 300))
    found = sleep_discrepancy(x, y, log=True)
    assert found.kind == "ratio" and found.ratio is not None
    # 2 (e^u - 1) / (e^u + 1), u = 1.96 * 0.2
    assert found.ratio.value == pytest.approx(2 * np.tanh(0.196), abs=0.03)
    lower, upper = found.limits_at(50)
    assert upper - lower == pytest.approx(2 * 50 * found.ratio.value)


def test_single_nights_give_what_independent_ones_give() -> None:
    x, y = measures(n=25)
    found = repeated_sleep_discrepancy(x, y, subject=[f"s{i}" for i in range(25)])
    plain = sleep_discrepancy(x, y)
    assert found.sd_total.value == pytest.approx(plain.sd)
    assert (found.bias.lower, found.bias.upper) == pytest.approx((plain.bias.lower, plain.bias.upper))
    assert found.loa_upper.value == pytest.approx(plain.loa_upper.value)
    assert found.slope.value == pytest.approx(plain.slope.value, abs=1e-6)


def test_repeated_nights_with_more_spread_within_than_between() -> None:
    random = np.random.default_rng(8)
    x = random.uniform(300, 450, 40)
    d = np.tile([-10.0, 10.0], 20) + random.normal(0, 0.1, 40)
    found = repeated_sleep_discrepancy(x, x + d, subject=np.repeat(np.arange(20), 2))
    assert found.sd_between == 0
    assert found.sd_total.value == pytest.approx(found.sd_within)
    assert found.sd_total.lower < found.sd_total.value < found.sd_total.upper


def test_repeated_nights_refuse_what_they_cannot_do() -> None:
    with pytest.raises(CannotComputeError, match="2 subjects have a night"):
        repeated_sleep_discrepancy(
            [1.0, 2.0, 3.0, np.nan], [1.0, 2.0, 3.0, 4.0], subject=["a", "a", "b", "c"]
        )
    with pytest.raises(ValueError, match="columns of equal length"):
        repeated_sleep_discrepancy([1.0], [1.0, 2.0], subject=["a"])
    for subject in ("aabbcc", "abcdef"):
        found = repeated_sleep_discrepancy([5.0] * 6, np.arange(6.0), subject=list(subject))
        assert found.bias.value == -2.5
        assert found.slope.reason is not None and "references that do not vary" in found.slope.reason
        assert np.isnan(found.half_width.value) and found.half_width.reason == found.slope.reason


@given(st.integers(0, 10_000), st.floats(0.5, 3), st.floats(-50, 50))
@settings(max_examples=30)
def test_units_and_shifts(seed: int, factor: float, shift: float) -> None:
    x, y = measures(seed, n=15)
    found, other = sleep_discrepancy(x, y), sleep_discrepancy(factor * x, factor * y)
    assert other.bias.value == pytest.approx(factor * found.bias.value, abs=1e-9)
    assert other.half_width.upper == pytest.approx(factor * found.half_width.upper)
    assert other.slope.value == pytest.approx(found.slope.value, abs=1e-9)
    moved = sleep_discrepancy(x, y + shift)
    assert moved.bias.value == pytest.approx(found.bias.value + shift, abs=1e-9)
    assert moved.spread_slope.value == pytest.approx(found.spread_slope.value, abs=1e-9)
