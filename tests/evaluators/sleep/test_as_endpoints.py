"""What `sleep_discrepancy` finds step by step, by the metrics that protocols name (docs/guide/sleep.md)."""

from __future__ import annotations

import numpy as np
import pytest

from accordance.evaluators import (
    bland_altman,
    bland_altman_ratio,
    regression_limits,
    repeated_sleep_discrepancy,
    sleep_discrepancy,
)

RNG = np.random.default_rng(17)
REFERENCE = RNG.uniform(280, 480, 40)
DEVICE = REFERENCE + 30 - 0.05 * (REFERENCE - 380) + RNG.normal(0, 0.08 * REFERENCE)


def value(result, name: str) -> float:
    return float(result[name].value)


def test_constant_bias_and_limits() -> None:
    found = sleep_discrepancy(REFERENCE, DEVICE)
    shown = bland_altman(REFERENCE, DEVICE, truth="independent")
    assert value(shown, "bias") == pytest.approx(found.bias.value, rel=1e-12)
    # Menghini's factor is 1.96, and that of the metric the normal quantile
    half = 1.96 / 1.959963984540054 * (value(shown, "loa_upper") - value(shown, "bias"))
    assert half == pytest.approx(found.loa_upper.value - found.bias.value, rel=1e-12)


def test_lines_of_bias_and_spread() -> None:
    found = sleep_discrepancy(REFERENCE, DEVICE)
    shown = regression_limits(REFERENCE, DEVICE, at=400, size="reference", ci="t")
    assert value(shown, "slope") == pytest.approx(found.slope.value, rel=1e-9)
    assert value(shown, "intercept") == pytest.approx(found.intercept.value, rel=1e-9)
    assert value(shown, "sd_slope") == pytest.approx(np.sqrt(np.pi / 2) * found.spread_slope.value, rel=1e-9)
    around = regression_limits(REFERENCE, DEVICE, at=400, size="reference", spread="constant")
    n = len(REFERENCE)
    about = found.half_width.value / 1.96 * np.sqrt((n - 1) / (n - 2))
    assert value(around, "sd") == pytest.approx(about, rel=1e-9)


def test_logarithms() -> None:
    found = sleep_discrepancy(REFERENCE, DEVICE, log=True)
    reach = 1.96 * value(bland_altman_ratio(REFERENCE, DEVICE, truth="independent"), "log_sd")
    assert found.ratio is not None
    assert 2 * (np.exp(reach) - 1) / (np.exp(reach) + 1) == pytest.approx(found.ratio.value, rel=1e-9)


def test_several_nights() -> None:
    subject = np.repeat(np.arange(20), 2)
    device = DEVICE + np.repeat(RNG.normal(0, 30, 20), 2)
    found = repeated_sleep_discrepancy(REFERENCE, device, subject=subject)
    assert found.sd_between > 0
    shown = bland_altman(REFERENCE, device, subject=subject, truth="varying")
    assert value(shown, "bias") == pytest.approx(found.bias.value, rel=1e-9)
    assert value(shown, "sd") == pytest.approx(found.sd_total.value, rel=1e-9)
