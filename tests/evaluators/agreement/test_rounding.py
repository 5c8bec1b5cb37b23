"""Differences that are equal on paper are equal: the rounding of binary numbers is no spread to decide by.

Readings with one decimal, test always 0.1 above the reference: 30.2 - 30.1 and 200.3 - 200.2 differ by 1e-14.
Taken for spread, that gives intervals of next to no width that do not look degenerate, variances of a mixed
model, and significant trends. `bland_altman` knew; everything else here did not.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from accordance.evaluators import (
    CannotComputeError,
    bland_altman,
    bland_altman_mixed,
    bland_altman_percent,
    bland_altman_ratio,
    coverage_probability,
    difference_trend,
    equivalence_test,
    iso81060_3,
    mae,
    mape,
    mean_difference,
    median_absolute_error,
    nonparametric_limits,
    normality_of_differences,
    regression_limits,
    rmse,
    sd_of_subject_means,
    tolerance_limits,
    total_deviation_index,
)

REFERENCE = np.array([30.1, 45.3, 62.7, 66.6, 90.4, 120.9, 131.3, 200.2])
TEST = REFERENCE + 0.1
SUBJECT = list("aabbccdd")


def test_these_differences_are_not_equal_in_binary() -> None:
    assert len(np.unique(TEST - REFERENCE)) > 1


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (mae, {}),
        (rmse, {}),
        (mean_difference, {}),
        (total_deviation_index, {"share": 0.9}),
        (coverage_probability, {"allowance": 0.3}),
        (regression_limits, {"at": 60.0}),
        (median_absolute_error, {"replicates": 200}),
        (nonparametric_limits, {"replicates": 200}),
        (nonparametric_limits, {"ci": "woodruff"}),
        (bland_altman, {"truth": "independent"}),
        (bland_altman, {"truth": "varying"}),
        (iso81060_3, {}),
        (sd_of_subject_means, {}),
        (difference_trend, {}),
    ],
)
def test_no_interval_of_equal_differences_can_decide(function: Any, options: dict[str, Any]) -> None:
    for name, estimate in function(REFERENCE, TEST, subject=SUBJECT, **options).items():
        assert estimate.interval is None or estimate.interval.degenerate, name
        assert estimate.interval is None or estimate.warning, name


def test_a_mixed_model_of_equal_differences_has_no_variances() -> None:
    result = bland_altman_mixed(REFERENCE, TEST, subject=SUBJECT, replicates=20)
    for estimate in result.values():
        assert math.isnan(estimate.value)
        assert "do not vary" in (estimate.error or "")
    limits = tolerance_limits(REFERENCE, TEST, subject=SUBJECT, model="mixed")
    assert "do not vary" in (limits["tolerance_upper"].error or "")
    plain = tolerance_limits(REFERENCE, TEST, model="independent")
    assert plain["tolerance_lower"].value == plain["tolerance_upper"].value


def test_rounding_is_neither_a_trend_nor_a_distribution() -> None:
    trend = difference_trend(REFERENCE, TEST)
    assert "no residual" in (trend["slope_p"].error or "")
    normal = normality_of_differences(REFERENCE, TEST)
    assert "do not vary" in (normal["w"].error or "")


def test_relative_differences_that_are_equal() -> None:
    """1.1 times the reference: values near 1, whose logarithms are near 0, too."""
    for low, high in ((0.9, 1.1), (20.0, 300.0)):
        for seed in range(20):
            reference = np.random.default_rng(seed).uniform(low, high, 12)
            ratio = bland_altman_ratio(reference, 1.1 * reference, truth="independent")
            assert ratio["log_sd"].value == 0.0
            assert ratio["ratio"].interval.degenerate
            assert ratio["loa_upper"].interval.degenerate
            percent = bland_altman_percent(reference, 1.1 * reference, of="reference", truth="independent")
            assert percent["loa_upper"].interval.degenerate
            assert mape(reference, 1.1 * reference)["mape"].interval.degenerate


def test_subjects_whose_means_are_equal_have_no_spread_between_them() -> None:
    """-0.1, 0.1 and 0.3 in every subject: each has the mean 0.1, though not in binary."""
    reference = np.array([30.1, 66.6, 131.3, 45.3, 90.4, 200.2, 62.7, 120.9, 70.3])
    test, subject = reference + np.tile([-0.1, 0.1, 0.3], 3), np.repeat(list("abc"), 3)
    means = (test - reference).reshape(3, 3).mean(axis=1)
    assert len(np.unique(means)) > 1, "binary"
    for average in ("pooled", "subject_mean"):
        found = mean_difference(reference, test, subject=subject, average=average)["mean_difference"]
        assert found.value == pytest.approx(0.1)
        assert found.interval.degenerate
    assert bland_altman(reference, test, subject=subject, truth="varying")["bias"].interval.degenerate
    with pytest.raises(CannotComputeError, match="do not vary"):
        equivalence_test(reference, test, subject=subject, lower=0.0999, upper=0.1001)


def test_errors_without_variance_have_no_correlation_and_no_effective_number() -> None:
    """0 / 0 is no correlation of 0: it would count every pair as an independent one."""
    result = iso81060_3(REFERENCE, TEST, subject=SUBJECT)
    assert result["sd_corrected"].value == 0.0
    for name in ("icc", "n_effective"):
        assert math.isnan(result[name].value)
        assert "do not vary" in (result[name].error or "")
