"""Quantiles over resampled subjects, errors and limits made of them, and their Woodruff intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare

from accordance.evaluators import median_absolute_error, nonparametric_limits, percentile_absolute_error
from accordance.evaluators.agreement import quantile_errors as module
from accordance.evaluators.functions import arrange
from accordance.evaluators.ordered import QUANTILES, SortedRows

NUMPY = {"type_6": "weibull", "type_7": "linear", "type_8": "median_unbiased"}
SIMPLE = ["pefr", "sbp", "milk", "creat", "giav", "scint"]
RANDOM = np.random.default_rng(7)


@pytest.mark.parametrize("definition", QUANTILES)
@pytest.mark.parametrize("data", SIMPLE)
def test_limits_against_r(oracle: Any, data: str, definition: Any) -> None:
    """`quantile(d, c(.025, .5, .975), type = 6 | 7 | 8)`."""
    values, rows = oracle.values(f"np_loa.{data}"), oracle.rows(f"np_loa.{data}")
    result = nonparametric_limits(rows.reference, rows.test, quantile=definition, replicates=200)
    found = [result[name].value for name in ("loa_lower", "median", "loa_upper")]
    compare("non-parametric limits", found, values[f"q025_975_{definition.replace('_', '')}"])


@pytest.mark.parametrize("data", SIMPLE)
def test_absolute_errors_against_r(oracle: Any, data: str) -> None:
    """`median(abs(d))`, `quantile(abs(d), 0.95, type = 7)`."""
    values, rows = oracle.values(f"error_metrics.{data}"), oracle.rows(f"error_metrics.{data}")
    pair = rows.reference, rows.test
    median = median_absolute_error(*pair, replicates=100)["median_absolute_error"].value
    p95 = percentile_absolute_error(*pair, percentile=95, replicates=100)["percentile_absolute_error"].value
    expected = [values["median_abs"], values["p95_abs_type7"]]
    compare("median and percentile absolute error", [median, p95], expected)


@pytest.mark.parametrize("definition", QUANTILES)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whole_weights_are_repeated_rows(definition: Any, data: st.DataObject) -> None:
    """NumPy's quantile of the rows, each as often as its subject is drawn, to the last digits."""
    subjects = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=40))
    values = np.array([data.draw(st.integers(-5, 5)) / 2 for _ in subjects])
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=6, max_size=6)), dtype=float)
    rows = SortedRows.of(values, np.array(subjects), np.ones(len(subjects)), 6)
    p = data.draw(st.sampled_from([0.025, 0.1, 1 / 3, 0.5, 0.9, 0.975]))
    found = rows.quantiles(counts[None, :], (p,), definition)[0, 0]
    repeated = np.repeat(values, counts[subjects].astype(int))
    if len(repeated) == 0:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(np.quantile(repeated, p, method=NUMPY[definition]), abs=1e-12)


@pytest.mark.parametrize("definition", QUANTILES)
def test_many_rows_in_many_bins(definition: Any) -> None:
    """Unequal subjects, ties, far more rows than bins: the refinement inside the bin is exact."""
    subject = np.sort(RANDOM.integers(0, 60, size=30_000) ** 2 // 60)
    values = RANDOM.standard_t(2, size=30_000).round(2)
    rows = SortedRows.of(values, subject, np.ones(30_000), 60)
    assert len(rows.edges) > 50
    weights = RANDOM.multinomial(60, np.ones(60) / 60, size=30).astype(float)
    found = rows.quantiles(weights, (0.001, 0.5, 0.975), definition)
    for row, counts in zip(found, weights.astype(int), strict=True):
        repeated = np.repeat(values, counts[subject])
        expected = np.quantile(repeated, [0.001, 0.5, 0.975], method=NUMPY[definition])
        np.testing.assert_allclose(row, expected, rtol=1e-12, atol=1e-12)


def test_weights_have_no_scale_when_relative() -> None:
    columns, _ = arrange(np.zeros(300), RANDOM.normal(size=300), RANDOM.integers(0, 20, size=300))
    prepared = module.NONPARAMETRIC_LIMITS.prepare(columns)
    weights = RANDOM.uniform(0.1, 2.0, size=(5, 20))
    once = prepared.at(weights, relative=True)
    np.testing.assert_allclose(prepared.at(1e-3 * weights, relative=True), once, rtol=1e-12)
    equal = prepared.at(np.full((1, 20), 0.25), relative=True)[0]
    np.testing.assert_allclose(equal, prepared.estimate(), rtol=1e-12)
    with pytest.raises(ValueError, match="one column for each of 20 subjects"):
        prepared.at(np.ones((1, 3)))


def test_jackknife_leaves_one_subject_out() -> None:
    columns, keys = arrange(np.zeros(90), RANDOM.normal(size=90), RANDOM.integers(0, 9, size=90))
    found = module.NONPARAMETRIC_LIMITS.prepare(columns).jackknife()
    assert len(found) == len(keys)
    start, end = columns.offsets[4], columns.offsets[5]
    rest = np.delete(columns.test, slice(start, end))
    np.testing.assert_allclose(found[4], np.quantile(rest, [0.5, 0.025, 0.975]), rtol=1e-12)


def test_subject_mean_is_the_mean_of_own_quantiles() -> None:
    test, subject = RANDOM.normal(size=70), RANDOM.integers(0, 8, size=70)
    expected = [np.quantile(np.abs(test[subject == label]), 0.9) for label in range(8)]
    result = percentile_absolute_error(
        np.zeros(70), test, subject=subject, percentile=90, average="subject_mean", ci="cluster_t"
    )["percentile_absolute_error"]
    assert result.value == pytest.approx(np.mean(expected), rel=1e-12)
    assert result.standard_error == pytest.approx(np.std(expected, ddof=1) / np.sqrt(8), rel=1e-12)
    assert (result.counts.n_subjects, result.counts.n_units) == (8, 70)


@pytest.mark.parametrize("average", ["pooled", "subject_mean"])
def test_percentile_50_is_the_median_by_every_definition(average: Any) -> None:
    test, subject = RANDOM.normal(size=41), RANDOM.integers(0, 6, size=41)
    found = [
        percentile_absolute_error(
            np.zeros(41), test, subject=subject, percentile=50, average=average, quantile=q, replicates=50
        )["percentile_absolute_error"].value
        for q in QUANTILES
    ]
    median = median_absolute_error(np.zeros(41), test, subject=subject, average=average, replicates=50)
    assert found == pytest.approx([median["median_absolute_error"].value] * 3, rel=1e-12)
    if average == "pooled":
        assert found[0] == pytest.approx(np.median(np.abs(test)))


def test_woodruff_by_hand() -> None:
    """Woodruff 1952: median of 25 independent rows; t interval of the share 13/25 below, read back."""
    test = RANDOM.normal(size=25)
    result = nonparametric_limits(np.zeros(25), test, ci="woodruff")["median"]
    share = 13 / 25  # the median is the 13th value
    error = np.sqrt(share * (1 - share) / 24)
    half = 2.063898561628021 * error  # qt(0.975, 24)
    expected = np.quantile(test, [0.5 - half, 0.5 + half])
    assert [result.interval.lower, result.interval.upper] == pytest.approx(expected, rel=1e-10)
    width = (expected[1] - expected[0]) / (2 * 2.063898561628021)
    assert result.standard_error == pytest.approx(width, rel=1e-10)
    one_sided = nonparametric_limits(np.zeros(25), test, ci="woodruff", sides="lower")["median"].interval
    assert one_sided.upper == np.inf
    assert result.interval.lower < one_sided.lower < result.value


def test_woodruff_of_an_extreme_quantile_needs_rows_beyond_it() -> None:
    limits = nonparametric_limits(np.zeros(20), RANDOM.normal(size=20), ci="woodruff")
    assert limits["median"].interval is not None
    assert "do not reach far enough" in (limits["loa_upper"].error or "")
    assert math.isfinite(limits["loa_upper"].value)


@pytest.mark.parametrize("method", ["bootstrap_percentile", "bootstrap_bca", "woodruff"])
def test_small_samples(method: str) -> None:
    nobody = nonparametric_limits([], [], ci=method)["median"]
    assert math.isnan(nobody.value)
    assert nobody.error == "There are no rows."
    one = nonparametric_limits([5.0], [7.0], ci=method)["loa_upper"]
    assert one.value == 2.0
    assert one.error or one.interval.degenerate
    same = median_absolute_error([1, 2, 3, 4.0], [2, 3, 4, 5.0], ci=method)["median_absolute_error"]
    assert same.value == 1.0
    assert same.error or same.interval.degenerate
    single = median_absolute_error([1, 2, 3.0], [2, 4, 7.0], subject=["a"] * 3, ci=method)
    assert single["median_absolute_error"].value == 2.0
    found = single["median_absolute_error"]
    assert found.error or found.interval.degenerate


def test_row_weights() -> None:
    """Equal weights change nothing; a weight of zero takes the row out."""
    test, subject = RANDOM.normal(size=60), RANDOM.integers(0, 7, size=60)
    for average in ("pooled", "subject_mean"):
        plain, equal = (
            median_absolute_error(
                np.zeros(60), test, subject=subject, weights=w, average=average, replicates=50
            )["median_absolute_error"].value
            for w in (None, np.full(60, 3.0))
        )
        assert equal == pytest.approx(plain, rel=1e-12)
        kept = subject != 3
        without = median_absolute_error(
            np.zeros(kept.sum()), test[kept], subject=subject[kept], average=average, replicates=50
        )["median_absolute_error"]
        zeros = median_absolute_error(
            np.zeros(60), test, subject=subject, weights=kept.astype(float), average=average, replicates=50
        )["median_absolute_error"]
        assert zeros.value == pytest.approx(without.value, rel=1e-12)
        assert zeros.counts == without.counts


def test_order_of_rows_unit_and_exchange() -> None:
    reference, subject = RANDOM.normal(80, 9, size=50), RANDOM.integers(0, 9, size=50)
    test = reference + RANDOM.normal(1, 3, size=50)
    plain = nonparametric_limits(reference, test, subject=subject, replicates=300)
    order = RANDOM.permutation(50)
    shuffled = nonparametric_limits(reference[order], test[order], subject=subject[order], replicates=300)
    mirrored = nonparametric_limits(test, reference, subject=subject, replicates=300)
    scaled = nonparametric_limits(2.5 * reference, 2.5 * test, subject=subject, replicates=300)
    for name in plain:
        assert shuffled[name].value == plain[name].value
        assert shuffled[name].interval == plain[name].interval
        assert scaled[name].value == pytest.approx(2.5 * plain[name].value, rel=1e-9)
    assert mirrored["loa_lower"].value == pytest.approx(-plain["loa_upper"].value, rel=1e-12)


def test_parameters_are_checked() -> None:
    with pytest.raises(ValueError, match=r"at most 99\.9"):
        percentile_absolute_error([1.0], [2.0], percentile=100)
    with pytest.raises(ValueError, match="accepted: type_6, type_7, type_8"):
        nonparametric_limits([1.0], [2.0], quantile="type_1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no `average`"):
        module.NONPARAMETRIC_LIMITS.prepare(arrange(np.zeros(2), np.zeros(2))[0], average="subject_mean")
