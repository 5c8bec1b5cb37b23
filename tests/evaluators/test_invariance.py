"""Results do not depend on the order of rows, the names of subjects, or the unit of measurement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.evaluators import MetricResult, bland_altman, mae, mape, rmse, share_within

RANDOM = np.random.default_rng(12)
SUBJECT = np.array([f"p{i:02d}" for i in RANDOM.integers(0, 9, size=40)])
REFERENCE = RANDOM.normal(80, 15, size=40).round(1)
TEST = (REFERENCE + RANDOM.normal(1, 4, size=40)).round(1)

CALLS: dict[str, Callable[..., MetricResult]] = {
    "independent": lambda *a, **k: bland_altman(*a, truth="independent", **k),
    "constant": lambda *a, **k: bland_altman(*a, truth="constant", **k),
    "varying": lambda *a, **k: bland_altman(*a, truth="varying", **k),
    "varying pairs": lambda *a, **k: bland_altman(*a, truth="varying", bias="pairs", **k),
    "mae": mae,
    "rmse": rmse,
    "rmse subjects": lambda *a, **k: rmse(*a, average="subject_mean", **k),
    "mape": mape,
    "share": lambda *a, **k: share_within(*a, tolerance="5%", **k),
}
every_call = pytest.mark.parametrize("name", CALLS)


def numbers(result: MetricResult, *, intervals: bool = True) -> dict[str, Any]:
    found = {}
    for name, estimate in result.estimates.items():
        interval = estimate.interval
        bounds = (interval.lower, interval.upper) if interval and intervals else None
        found[name] = (estimate.value, estimate.standard_error, bounds, estimate.counts)
    return found


@every_call
@pytest.mark.parametrize("method", [None, "bootstrap_bca"])
@settings(max_examples=5, deadline=None)
@given(order=st.permutations(range(40)))
def test_order_of_rows_is_nothing(name: str, method: str | None, order: list[int]) -> None:
    """To the last bit: rows are put in order before anything is added up."""
    call = CALLS[name]
    plain = call(REFERENCE, TEST, subject=SUBJECT, ci=method, replicates=500)
    shuffled = call(REFERENCE[order], TEST[order], subject=SUBJECT[order], ci=method, replicates=500)
    assert numbers(shuffled) == numbers(plain)


@every_call
def test_names_of_subjects_are_nothing(name: str) -> None:
    plain = CALLS[name](REFERENCE, TEST, subject=SUBJECT)
    renamed = CALLS[name](REFERENCE, TEST, subject=[f"q{99 - int(label[1:])}" for label in SUBJECT])
    for first, second in zip(plain.values(), renamed.values(), strict=True):
        assert second.value == pytest.approx(first.value, rel=1e-12)
        assert second.standard_error == pytest.approx(first.standard_error, rel=1e-12)


def test_labels_are_compared_as_text() -> None:
    """007 stays 007; a number and its text are one subject."""
    as_text = mae([1, 2, 3], [1, 3, 5], subject=["007", "7", "7"])
    assert as_text["mae"].counts.n_subjects == 2
    mixed = mae([1, 2, 3], [1, 3, 5], subject=np.array([7, "7", 8], dtype=object))
    assert mixed["mae"].counts.n_subjects == 2


@every_call
def test_change_of_unit(name: str) -> None:
    """From mmHg to kPa, say: measures with the unit scale, percentages and shares do not."""
    plain = CALLS[name](REFERENCE, TEST, subject=SUBJECT)
    scaled = CALLS[name](0.133322 * REFERENCE, 0.133322 * TEST, subject=SUBJECT)
    for first, second in zip(plain.values(), scaled.values(), strict=True):
        factor = 0.133322 if first.statistic.unit == "same" else 1.0
        assert second.value == pytest.approx(factor * first.value, rel=1e-9)
        if first.interval is not None and second.interval is not None:
            assert second.interval.upper == pytest.approx(factor * first.interval.upper, rel=1e-9)


@pytest.mark.parametrize("name", ["independent", "constant", "varying", "varying pairs", "mae", "rmse"])
def test_shift_of_both_devices(name: str) -> None:
    """From degrees Celsius to kelvin: differences stay."""
    plain = CALLS[name](REFERENCE, TEST, subject=SUBJECT)
    shifted = CALLS[name](REFERENCE + 273.15, TEST + 273.15, subject=SUBJECT)
    for first, second in zip(plain.values(), shifted.values(), strict=True):
        assert second.value == pytest.approx(first.value, rel=1e-9)


@pytest.mark.parametrize("name", ["independent", "constant", "varying", "varying pairs"])
def test_exchanging_the_devices_mirrors_the_limits(name: str) -> None:
    plain, mirrored = (
        CALLS[name](*pair, subject=SUBJECT, ci="cluster_t") for pair in ((REFERENCE, TEST), (TEST, REFERENCE))
    )
    assert mirrored["bias"].value == pytest.approx(-plain["bias"].value)
    assert mirrored["loa_lower"].value == pytest.approx(-plain["loa_upper"].value)
    assert mirrored["loa_lower"].interval.lower == pytest.approx(-plain["loa_upper"].interval.upper)


@pytest.mark.parametrize("name", ["independent", "mae", "rmse", "rmse subjects", "mape", "share"])
def test_row_weights_are_relative(name: str) -> None:
    weights = RANDOM.uniform(0.5, 2.0, size=40)
    first = CALLS[name](REFERENCE, TEST, subject=SUBJECT, weights=weights, ci="cluster_t")
    second = CALLS[name](REFERENCE, TEST, subject=SUBJECT, weights=7 * weights, ci="cluster_t")
    equal = CALLS[name](REFERENCE, TEST, subject=SUBJECT, weights=np.full(40, 3.0), ci="cluster_t")
    none = CALLS[name](REFERENCE, TEST, subject=SUBJECT, ci="cluster_t")
    for statistic in none:
        assert second[statistic].value == pytest.approx(first[statistic].value, rel=1e-12)
        assert equal[statistic].value == pytest.approx(none[statistic].value, rel=1e-12)
        assert equal[statistic].standard_error == pytest.approx(none[statistic].standard_error, rel=1e-12)


def test_row_weights_of_zero_take_rows_out() -> None:
    weights = np.where(SUBJECT == "p03", 0.0, 1.0)
    kept = weights > 0
    for name in ("independent", "mae", "rmse subjects", "share"):
        with_zeros = CALLS[name](REFERENCE, TEST, subject=SUBJECT, weights=weights, ci="cluster_t")
        without = CALLS[name](REFERENCE[kept], TEST[kept], subject=SUBJECT[kept], ci="cluster_t")
        for statistic in without:
            assert with_zeros[statistic].value == pytest.approx(without[statistic].value, rel=1e-12)
            assert with_zeros[statistic].counts == without[statistic].counts


def test_weighted_mean_absolute_error_is_the_weighted_mean() -> None:
    """numpy.average is the definition."""
    weights = RANDOM.uniform(0.0, 2.0, size=40)
    found = mae(REFERENCE, TEST, weights=weights)["mae"].value
    assert found == pytest.approx(np.average(np.abs(TEST - REFERENCE), weights=weights), rel=1e-12)


def test_subjects_are_sorted_as_text_whatever_they_are() -> None:
    """One order of keys, hence one set of resampling weights, for numbers and for their texts."""
    label = RANDOM.integers(8, 13, size=40)
    as_number = mae(REFERENCE, TEST, subject=label, ci="bootstrap_bca", replicates=500)
    as_text = mae(REFERENCE, TEST, subject=label.astype(str), ci="bootstrap_bca", replicates=500)
    assert numbers(as_number) == numbers(as_text)
