"""Large values, large counts, tiny spreads: where naive sums of squares lose everything."""

from __future__ import annotations

import numpy as np
import pytest

from accordance.evaluators import bland_altman, mae, rmse
from accordance.evaluators.agreement import bland_altman as agreement
from accordance.evaluators.agreement import measurement_errors
from accordance.evaluators.functions import arrange

NOISE = np.random.default_rng(8).normal(0.0, 1e-3, size=60)
SUBJECT = np.repeat(np.arange(20), 3)


@pytest.mark.parametrize("truth", ["independent", "constant", "varying"])
def test_an_offset_of_1e9_leaves_the_spread_alone(truth: str) -> None:
    """Values near 1e9 are 1.2e-7 apart: rounding of 1e-4 in a spread of 1e-3, and no more."""
    reference = np.zeros(60)
    near = bland_altman(reference, NOISE, subject=SUBJECT, truth=truth, ci="bootstrap_bca")
    far = bland_altman(reference, NOISE + 1e9, subject=SUBJECT, truth=truth, ci="bootstrap_bca")
    assert far["bias"].value - 1e9 == pytest.approx(near["bias"].value, abs=2e-7)
    assert far["sd"].value == pytest.approx(near["sd"].value, rel=2e-4)
    for name in ("sd", "loa_lower"):
        expected, found = near[name].interval, far[name].interval
        shift = 0.0 if name == "sd" else 1e9
        assert found.upper - shift == pytest.approx(expected.upper, abs=5e-6)
        assert found.lower - shift == pytest.approx(expected.lower, abs=5e-6)


def test_both_devices_at_1e9() -> None:
    reference = np.full(60, 1e9) + np.repeat(np.arange(20), 3)
    result = bland_altman(reference, reference + NOISE, subject=SUBJECT, truth="constant")
    plain = bland_altman(reference - 1e9, reference - 1e9 + NOISE, subject=SUBJECT, truth="constant")
    assert result["sd"].value == pytest.approx(plain["sd"].value, rel=2e-4)


def test_counts_beyond_32_bits() -> None:
    """Two subjects, three thousand million rows each: frequencies stand for the rows."""
    columns, _ = arrange(np.array([100.0, 100.0]), np.array([101.0, 103.0]), np.array(["a", "b"]))
    weights = np.array([[3e9, 3e9]])
    bias, sd, *_ = agreement.BLAND_ALTMAN.prepare(columns, truth="independent").at(weights)[0]
    assert bias == 2.0
    assert sd == pytest.approx(1.0, rel=1e-9)
    assert measurement_errors.MAE.prepare(columns).at(weights)[0, 0] == 2.0
    offsets = np.array([0, 1, 2], dtype=np.int64)
    assert measurement_errors.MAE.prepare(columns).units.dtype == np.int64
    assert offsets.dtype == columns.offsets.dtype


def test_integers_do_not_overflow() -> None:
    """int8 readings: 100 - (-100) is 200 and its square 40,000."""
    reference, test = np.full(4, -100, dtype=np.int8), np.full(4, 100, dtype=np.int8)
    assert rmse(reference, test)["rmse"].value == 200.0
    assert mae(np.array([0, 0], dtype=np.uint8), np.array([255, 1], dtype=np.uint8))["mae"].value == 128.0


def test_differences_equal_up_to_rounding_have_no_spread() -> None:
    """1.1 - 1.0 and 2.1 - 2.0 are both 0.1, though not in binary."""
    reference = np.array([1.0, 2.0, 3.0, 4.0])
    result = bland_altman(reference, reference + 0.1, truth="independent")
    assert result["sd"].value == 0.0
    assert result["loa_upper"].value == pytest.approx(0.1)
    assert result["loa_upper"].interval.degenerate
    assert result["bias"].interval.degenerate
