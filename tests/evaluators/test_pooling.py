"""Rubin's rules by hand: Rubin 1987 (ch. 3) and Barnard & Rubin 1999 (Biometrika 86:948)."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from accordance.evaluators import registry
from accordance.evaluators.metric import Counts, Estimate
from accordance.evaluators.pooling import pool

BIAS = registry.get("bland_altman").statistic("bias")
SENSITIVITY = registry.get("sensitivity").statistic("sensitivity")


def each(statistic, values, errors, n=50):
    return [
        Estimate(statistic, value, error, None, Counts(n, n))
        for value, error in zip(values, errors, strict=True)
    ]


def test_by_hand():
    found = pool(BIAS, each(BIAS, [2.0, 2.5, 1.5, 2.2], [1.0, 1.1, 0.9, 1.0]), level=0.95, sides="two")
    within = (1.0 + 1.21 + 0.81 + 1.0) / 4
    between = sum((value - 2.05) ** 2 for value in (2.0, 2.5, 1.5, 2.2)) / 3
    total = within + 1.25 * between
    share = 1.25 * between / total
    observed = 50 / 52 * 49 * (1 - share)
    degrees = 1 / (share**2 / 3 + 1 / observed)
    reach = stats.t.ppf(0.975, degrees) * math.sqrt(total)
    assert found.value == pytest.approx(2.05)
    assert found.standard_error == pytest.approx(math.sqrt(total))
    assert (found.interval.lower, found.interval.upper) == pytest.approx((2.05 - reach, 2.05 + reach))


def test_equal_data_sets_give_the_complete_data_interval_of_barnard_and_rubin():
    found = pool(BIAS, each(BIAS, [2.0] * 5, [1.0] * 5), level=0.9, sides="lower")
    assert found.interval.lower == pytest.approx(2 - stats.t.ppf(0.9, 50 / 52 * 49))
    assert found.interval.upper == math.inf


def test_a_proportion_stays_one():
    found = pool(
        SENSITIVITY, each(SENSITIVITY, [0.97, 0.99, 0.98], [0.02, 0.01, 0.015]), level=0.95, sides="two"
    )
    assert 0 < found.interval.lower < found.value < found.interval.upper < 1
    one_sided = pool(SENSITIVITY, each(SENSITIVITY, [0.9, 0.92], [0.03, 0.03]), level=0.95, sides="upper")
    assert one_sided.interval.lower == 0.0


def test_what_cannot_be_pooled_says_why():
    no_value = pool(BIAS, each(BIAS, [2.0, math.nan], [1.0, 1.0]), level=0.95, sides="two")
    assert math.isnan(no_value.value) and no_value.error == "a completed data set has no value"
    no_error = pool(BIAS, each(BIAS, [2.0, 2.0], [0.0, 0.0]), level=0.95, sides="two")
    assert no_error.value == 2.0 and no_error.interval is None and "No interval" in no_error.error
