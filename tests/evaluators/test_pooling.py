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


def shares(hits, n, errors=None):
    return [
        Estimate(
            SENSITIVITY,
            one / n,
            math.sqrt(one / n * (1 - one / n) / (n - 1)) if errors is None else errors,
            None,
            Counts(n, n, one),
        )
        for one in hits
    ]


@pytest.mark.parametrize("hits", [[38, 40, 39, 40, 38], [20, 25, 22], [1, 0, 2, 1]])
def test_a_share_of_units_is_wilson_for_multiple_imputation(hits):
    """Lott & Reiter 2020: both roots, as in the R package bin2mi; t as Barnard and Rubin have it."""
    n, m = 40, len(hits)
    p = [one / n for one in hits]
    q = sum(p) / m
    between = sum((one - q) ** 2 for one in p) / (m - 1)
    within = sum(one * (1 - one) / n for one in p) / m
    r = (1 + 1 / m) * between / within
    share = r / (1 + r)
    t = stats.t.ppf(0.975, 1 / (share**2 / (m - 1) + 1 / (n / (n + 2) * (n - 1) * (1 - share))))
    a = 2 * q + t**2 / n + t**2 * r / n
    b = 1 + t**2 / n + t**2 * r / n
    reach = math.sqrt(a**2 / (4 * b**2) - q**2 / b)
    found = pool(SENSITIVITY, shares(hits, n), level=0.95, sides="two")
    assert found.value == pytest.approx(q)
    assert (found.interval.lower, found.interval.upper) == pytest.approx(
        (a / (2 * b) - reach, a / (2 * b) + reach), rel=1e-9
    )


def test_nothing_missing_is_wilson_with_students_t():
    """Each data set says 40 of 40: p at which (1 - p)^2 = t^2 p (1 - p) / n, that is n / (n + t^2)."""
    t = stats.t.ppf(0.975, 40 / 42 * 39)
    found = pool(SENSITIVITY, shares([40] * 5, 40), level=0.95, sides="two")
    assert (found.interval.lower, found.interval.upper) == pytest.approx((40 / (40 + t**2), 1.0))
    assert found.interval.lower < 0.92, "Rubin's t interval would be [1, 1]"
    lower = pool(SENSITIVITY, shares([40] * 5, 40), level=0.975, sides="lower").interval
    assert (lower.lower, lower.upper) == pytest.approx((40 / (40 + t**2), 1.0))


def test_units_that_weigh_unevenly_are_worth_fewer():
    even = pool(SENSITIVITY, shares([30, 31, 32], 40), level=0.95, sides="two").interval
    uneven = pool(SENSITIVITY, shares([30, 31, 32], 40, errors=0.12), level=0.95, sides="two").interval
    assert uneven.lower < even.lower < even.upper < uneven.upper


def test_a_share_that_jumps_between_none_and_all_has_no_interval():
    found = pool(SENSITIVITY, shares([0, 1, 1], 1, errors=0.0), level=0.95, sides="two")
    assert found.interval is None and "no standard error" in found.error
