"""Limits of agreement by regression, trends of differences and of their spread, normality."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from oracle import compare
from scipy import stats

from accordance.evaluators import difference_trend, normality_of_differences, regression_limits
from accordance.evaluators.functions import arrange
from accordance.evaluators.registry import get

SIMPLE = ["pefr", "sbp", "milk", "creat", "giav", "scint"]
LINE = "regression-based limits of agreement"
RANDOM = np.random.default_rng(11)
SUBJECT = np.repeat(np.arange(12), RANDOM.integers(1, 7, size=12))
REFERENCE = RANDOM.uniform(30, 180, size=len(SUBJECT))
TEST = REFERENCE * 1.05 + RANDOM.normal(0, 1, 12)[SUBJECT] + RANDOM.normal(0, 0.05 * REFERENCE)


def ends(result: Any, statistic: str) -> list[float]:
    interval = result[statistic].interval
    return [interval.lower, interval.upper]


@pytest.mark.parametrize("data", SIMPLE)
def test_limits_against_lm(oracle: Any, data: str) -> None:
    """`lm(d ~ A)`, `lm(abs(resid) ~ A)`, sd = sqrt(pi / 2) * fitted; confirmed by MethComp::DA.reg."""
    values, rows = oracle.values(f"ba_regression.{data}"), oracle.rows(f"ba_regression.{data}")
    for i, level in enumerate(values["at_mean"]):
        result = regression_limits(rows.reference, rows.test, at=level)
        compare(LINE, result["bias"].value, values["bias_at"][i])
        if values["sd_at"][i] < 0:
            assert "below zero" in (result["loa_upper"].error or ""), "R extrapolates into negative SDs"
        else:
            for name in ("sd", "loa_lower", "loa_upper"):
                compare(LINE, result[name].value, values[f"{name}_at"][i])
        constant = regression_limits(rows.reference, rows.test, at=level, spread="constant")
        compare(LINE, constant["sd"].value, values["resid_sd"])
        for name in ("loa_lower", "loa_upper"):
            compare(LINE, constant[name].value, values[f"{name}_constant_sd_at"][i])
    result = regression_limits(rows.reference, rows.test, at=level, ci="t")
    compare(LINE, result["intercept"].value, values["diff_on_mean_intercept"])
    compare(LINE, result["sd_intercept"].value, values["sd_intercept"])
    compare(LINE, result["sd_slope"].value, values["sd_slope"])
    compare(LINE, ends(result, "slope"), values["slope_ci"])
    n = len(rows.reference)
    half = ends(result, "intercept")[1] - result["intercept"].value
    slope_half = values["slope_ci"][1] - values["diff_on_mean_slope"]
    t = slope_half / values["slope_se"]
    compare(LINE, half / t, values["intercept_se"])
    assert result["slope"].counts.n_units == n


@pytest.mark.parametrize("data", SIMPLE)
def test_trend_against_lm(oracle: Any, data: str) -> None:
    """`summary(lm(d ~ A))$coefficients`, `summary(lm(abs(resid) ~ A))$coefficients`."""
    values, rows = oracle.values(f"ba_regression.{data}"), oracle.rows(f"ba_regression.{data}")
    result = difference_trend(rows.reference, rows.test, errors="independent", ci="t")
    expected = [values[f"{part}_slope{end}"] for part in ("diff_on_mean", "absresid") for end in ("", "_p")
                if f"{part}_slope{end}" in values]  # fmt: skip
    expected.insert(1, values["slope_p"])
    compare("proportional bias and heteroscedasticity, lm", [e.value for e in result.values()], expected)
    compare("proportional bias and heteroscedasticity, lm", ends(result, "slope"), values["slope_ci"])


@pytest.mark.parametrize("data", SIMPLE)
def test_normality_against_r(oracle: Any, data: str) -> None:
    """`shapiro.test(d)`; R prints W and p from Royston's approximation, good to 1e-5 across platforms."""
    values, rows = oracle.values(f"normality.{data}"), oracle.rows(f"normality.{data}")
    result = normality_of_differences(rows.reference, rows.test)
    compare("Shapiro-Wilk", [result["w"].value, result["p"].value], [values["W"], values["p"]], rel=1e-5)


@pytest.mark.parametrize("spread", ["changing", "constant"])
def test_standard_errors_are_derivatives_in_the_weights(spread: Any) -> None:
    """Both steps: a central difference of `at` in each subject's weight."""
    columns, _ = arrange(REFERENCE, TEST, SUBJECT)
    prepared: Any = get("regression_limits").prepare(columns, at=100, spread=spread)
    step = 1e-6
    for index, name in enumerate(prepared.statistics):
        if name == "sd_slope" and spread == "constant":
            continue
        influence = prepared.influence(name)
        for subject in range(12):
            weights = np.ones((2, 12))
            weights[:, subject] += [step, -step]
            above, below = prepared.at(weights)[:, index]
            assert influence[subject] == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-7)
        error = np.sqrt(12 / 11 * np.square(influence - influence.mean()).sum())
        assert prepared.standard_error(name) == pytest.approx(error, rel=1e-12)


def test_clustered_slope_is_the_sandwich() -> None:
    """Liang & Zeger by hand for `lm(d ~ A)` with the factor S / (S - 1)."""
    result = difference_trend(REFERENCE, TEST, subject=SUBJECT)
    size, d = (REFERENCE + TEST) / 2, TEST - REFERENCE
    x = np.column_stack([np.ones(len(d)), size])
    bread = np.linalg.inv(x.T @ x)
    residual = d - x @ bread @ x.T @ d
    rows = [np.flatnonzero(label == SUBJECT) for label in range(12)]
    scores = np.array([x[own].T @ residual[own] for own in rows])
    error = np.sqrt((12 / 11 * bread @ scores.T @ scores @ bread)[1, 1])
    assert result["slope"].standard_error == pytest.approx(error, rel=1e-9)
    p = 2 * stats.t.sf(abs(result["slope"].value / error), 11)
    assert result["slope_p"].value == pytest.approx(p, rel=1e-9)
    assert result["slope_p"].interval is None
    assert result["slope_p"].error is None


def test_lines_do_not_depend_on_the_level_and_limits_lie_on_them() -> None:
    first, second = (regression_limits(REFERENCE, TEST, subject=SUBJECT, at=at) for at in (50, 150))
    for name in ("intercept", "slope", "sd_intercept", "sd_slope"):
        assert second[name].value == pytest.approx(first[name].value, rel=1e-9)
    for result, at in ((first, 50), (second, 150)):
        bias = result["intercept"].value + at * result["slope"].value
        sd = result["sd_intercept"].value + at * result["sd_slope"].value
        assert result["bias"].value == pytest.approx(bias)
        assert result["loa_upper"].value == pytest.approx(bias + 1.959963984540054 * sd)


def test_exchanging_the_devices_mirrors_on_the_mean() -> None:
    there, back = (
        regression_limits(*pair, subject=SUBJECT, at=100) for pair in ((REFERENCE, TEST), (TEST, REFERENCE))
    )
    assert back["slope"].value == pytest.approx(-there["slope"].value)
    assert back["loa_lower"].value == pytest.approx(-there["loa_upper"].value)
    assert ends(back, "loa_lower")[0] == pytest.approx(-ends(there, "loa_upper")[1])


def test_level_beyond_the_sizes_is_said() -> None:
    result = regression_limits(REFERENCE, TEST, subject=SUBJECT, at=500)
    assert "beyond the sizes seen" in (result["loa_upper"].warning or "")
    assert result["slope"].warning is None
    inside = regression_limits(REFERENCE, TEST, subject=SUBJECT, at=100, size="reference")
    assert inside["bias"].warning is None


@pytest.mark.parametrize("function", [lambda *a, **k: regression_limits(*a, at=5, **k), difference_trend])
def test_too_little_for_a_line(function: Any) -> None:
    for rows, words in (
        (([], []), "There are no pairs"),
        (([1.0, 2], [1.0, 3]), "at least three pairs"),
        (([5.0, 5, 5, 5], [5.0, 5, 5, 5]), "do not vary"),
    ):
        result = function(*rows)
        for name in ("sd", "slope_p"):
            if name in result:
                assert math.isnan(result[name].value)
                assert words in (result[name].error or ""), name
    one = function([1.0, 2, 3, 5], [1.0, 3, 3, 7], subject=["a"] * 4)
    assert math.isfinite(one["slope"].value)
    assert "at least two subjects" in (one["slope"].error or "")


def test_exact_line_has_no_residual_to_test() -> None:
    reference = np.arange(1.0, 9.0)
    result = difference_trend(reference, 2 * reference, size="reference", errors="independent")
    assert result["slope"].value == pytest.approx(1.0)
    assert "no residual" in (result["slope_p"].error or "")
    flat = regression_limits(reference, 2 * reference, at=4, size="reference")
    assert flat["sd"].value == pytest.approx(0.0, abs=1e-12)


def test_t_needs_one_row_a_subject() -> None:
    for result in (
        regression_limits(REFERENCE, TEST, subject=SUBJECT, at=100, ci="t")["slope"],
        difference_trend(REFERENCE, TEST, subject=SUBJECT, ci="t")["slope"],
    ):
        assert "use `cluster_t`" in (result.error or "")
    naive = difference_trend(REFERENCE, TEST, subject=SUBJECT, errors="independent")
    assert "taken for independent" in (naive["slope_p"].warning or "")


def test_bootstrap_fits_again() -> None:
    result = regression_limits(
        REFERENCE, TEST, subject=SUBJECT, at=100, ci="bootstrap_percentile", replicates=2000
    )
    linear = regression_limits(REFERENCE, TEST, subject=SUBJECT, at=100)
    for name in ("bias", "loa_upper", "slope"):
        width = ends(result, name)[1] - ends(result, name)[0]
        assert width == pytest.approx(ends(linear, name)[1] - ends(linear, name)[0], rel=0.4)


def test_row_weights() -> None:
    kept = SUBJECT != 4
    for function in (lambda *a, **k: regression_limits(*a, at=90, **k), difference_trend):
        plain = function(REFERENCE, TEST, subject=SUBJECT)
        equal = function(REFERENCE, TEST, subject=SUBJECT, weights=np.full(len(SUBJECT), 7.0))
        zeros = function(REFERENCE, TEST, subject=SUBJECT, weights=kept.astype(float))
        without = function(REFERENCE[kept], TEST[kept], subject=SUBJECT[kept])
        for name in plain:
            assert equal[name].value == pytest.approx(plain[name].value, rel=1e-10)
            assert zeros[name].value == pytest.approx(without[name].value, rel=1e-10)
            if math.isfinite(without[name].standard_error):
                assert zeros[name].standard_error == pytest.approx(without[name].standard_error, rel=1e-9)


def test_normality_has_its_range() -> None:
    assert "3 to 5,000" in (normality_of_differences([1.0, 2], [2.0, 2])["w"].error or "")
    many = RANDOM.normal(size=5001)
    assert "not 5,001" in (normality_of_differences(np.zeros(5001), many)["p"].error or "")
    assert "do not vary" in (normality_of_differences([1.0, 2, 3], [2.0, 3, 4])["w"].error or "")
    repeated = normality_of_differences(REFERENCE, TEST, subject=SUBJECT)
    assert "subjects have several" in (repeated["p"].warning or "")
    assert repeated["w"].interval is None
    assert repeated["w"].error is None
