"""Repeatability and test-retest error against R, published values and hand calculation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from oracle import compare

from accordance import evaluators
from accordance.evaluators import MetricResult, icc, repeatability
from accordance.evaluators.reliability.repeatability import REPEATABILITY


def bounds(result: MetricResult, statistic: str) -> list[float]:
    interval = result[statistic].interval
    assert interval is not None
    return [interval.lower, interval.upper]


@pytest.mark.parametrize("data", ["cardiac", "sbp", "ox", "pefr"])
def test_within_subject_variance_against_base_r(oracle: Any, data: str) -> None:
    """One-way `aov` of each method's replicates; repeatability coefficient 1.96 sqrt(2) s_w."""
    values, rows = oracle.values(f"rm_const.{data}"), oracle.rows(f"rm_const.{data}")
    for of, key in (("test", "test"), ("reference", "ref")):
        result = repeatability(rows.reference, rows.test, subject=rows.subject, of=of)
        variance = values[f"within_var_{'reference' if of == 'reference' else 'test'}"]
        compare("within-subject SD", result["within_sd"].value, math.sqrt(variance))
        coefficient = result["repeatability_coefficient"].value
        wanted = values[f"repeatability_coef_{key}{'_1.96sqrt2' if of == 'test' else ''}"]
        compare("repeatability coefficient", coefficient, wanted)


def test_repeatability_as_printed() -> None:
    """Bland & Altman 1999, p. 150, from s_w^2 = 37.408 and 83.141: 16.95 and 25.27 mmHg."""
    factor = 1.959963984540054 * math.sqrt(2)
    assert round(factor * math.sqrt(37.408), 2) == 16.95
    rng = np.random.default_rng(8)
    subject = np.repeat(np.arange(10), 3)
    x = rng.normal(100, 15, 10)[subject] + rng.normal(0, 6, 30)
    result = repeatability(x, x, subject=subject)
    assert result["repeatability_coefficient"].value == pytest.approx(factor * result["within_sd"].value)


# Replicates of three subjects: 10, 12, 14; 20, 24; 30.
SUBJECT = ["a", "a", "a", "b", "b", "c"]
VALUES = [10.0, 12.0, 14.0, 20.0, 24.0, 30.0]


def test_by_hand() -> None:
    """Sums of squares 8 and 8 with 3 degrees of freedom; means 12, 22, 30; overall mean 110/6."""
    result = repeatability(VALUES, VALUES, subject=SUBJECT)
    sd = math.sqrt(16 / 3)
    logs = [np.log(v) for v in ([10.0, 12.0, 14.0], [20.0, 24.0], [30.0])]
    squares = sum(float(np.square(one - one.mean()).sum()) for one in logs)
    expected = [
        sd,
        1.959963984540054 * math.sqrt(2) * sd,
        100 * sd / (110 / 6),
        100 * math.sqrt((8 / 144 + 8 / 484) / 3),
        100 * (math.exp(math.sqrt(squares / 3)) - 1),
    ]
    compare("repeatability, by hand", [one.value for one in result.values()], expected)


def test_chi_square_interval_of_the_within_subject_standard_deviation() -> None:
    """sqrt(3 * 16/3 / qchisq(c(.975, .025), 3)); quantiles 9.348404 and 0.2157953 (R)."""
    result = repeatability(VALUES, VALUES, subject=SUBJECT, ci="chi_square")
    expected = [math.sqrt(16 / 9.348403604496148), math.sqrt(16 / 0.2157952826238981)]
    assert bounds(result, "within_sd") == pytest.approx(expected, rel=1e-10)
    upper = repeatability(VALUES, VALUES, subject=SUBJECT, ci="chi_square", sides="upper")
    assert bounds(upper, "within_sd")[0] == 0
    assert bounds(upper, "within_sd")[1] == pytest.approx(math.sqrt(16 / 0.3518463177492717), rel=1e-10)


def test_the_default_interval_is_positive_and_holds_the_estimate() -> None:
    for estimate in repeatability(VALUES, VALUES, subject=SUBJECT).values():
        assert estimate.interval is not None
        assert estimate.interval.method == "cluster_log_t"
        assert 0 < estimate.interval.lower < estimate.value < estimate.interval.upper
        middle = math.sqrt(estimate.interval.lower * estimate.interval.upper)
        assert middle == pytest.approx(estimate.value, rel=1e-10)


def test_units() -> None:
    """In other units standard deviations scale, coefficients of variation do not."""
    once = repeatability(VALUES, VALUES, subject=SUBJECT)
    other = repeatability(VALUES, np.array(VALUES) * 25.4, subject=SUBJECT)
    for name in ("within_sd", "repeatability_coefficient"):
        assert other[name].value == pytest.approx(25.4 * once[name].value, rel=1e-12)
    for name in ("cv_within", "cv_rms", "cv_log"):
        assert other[name].value == pytest.approx(once[name].value, rel=1e-12)


def test_chi_square_interval_covers_its_level() -> None:
    """1,500 simulated sets of 12 subjects x 3; Monte-Carlo error of the coverage is 0.006."""
    rng = np.random.default_rng(20)
    offsets = np.arange(0, 37, 3)
    inside = 0
    for _ in range(1500):
        x = np.repeat(rng.normal(100, 10, 12), 3) + rng.normal(0, 2, 36)
        columns = evaluators.metric.Columns(x, x, offsets)
        prepared = REPEATABILITY.prepare(columns)
        found = prepared.interval("within_sd", "chi_square", 0.95, "two")
        inside += found.lower <= 2 <= found.upper
    assert inside / 1500 == pytest.approx(0.95, abs=0.02)


def test_chi_square_interval_takes_rows_as_independent() -> None:
    """Subjects that vary differently (lognormal, 0.5) make it too narrow: it may not decide."""
    rng = np.random.default_rng(3)
    inside, sets, true = {"chi_square": 0, "cluster_log_t": 0}, 200, math.sqrt(math.exp(0.5))
    for _ in range(sets):
        spread = np.repeat(np.exp(rng.normal(0, 0.5, 20)), 10)
        x = np.repeat(rng.normal(100, 10, 20), 10) + spread * rng.normal(0, 1, 200)
        prepared = REPEATABILITY.prepare(evaluators.metric.Columns(x, x, np.arange(0, 201, 10)))
        for method in inside:
            found = prepared.interval("within_sd", method, 0.95, "two")
            inside[method] += found.lower <= true <= found.upper
            assert found.independent_rows == (method == "chi_square")
    assert inside["chi_square"] / sets < 0.65
    assert inside["cluster_log_t"] / sets > 0.8


@pytest.mark.parametrize(
    ("values", "subject", "statistic", "words"),
    [
        ([], [], "within_sd", "no rows"),
        ([1.0, 2.0], ["a", "b"], "within_sd", "No subject has two rows"),
        ([1.0, -2.0, 3.0], ["a", "a", "b"], "cv_log", "1 values are not above 0"),
        ([1.0, -2.0, 3.0], ["a", "a", "b"], "cv_rms", "1 subjects have a mean"),
        ([-1.0, -2.0], ["a", "a"], "cv_within", "The mean is not above 0"),
    ],
)
def test_no_value_says_why(values: list[float], subject: list[str], statistic: str, words: str) -> None:
    found = repeatability(values, values, subject=subject)[statistic]
    assert np.isnan(found.value)
    assert words in (found.error or "")


def test_replicates_without_spread_have_no_interval_that_says_anything() -> None:
    x = [0.1, 0.1, 0.1, 0.3, 0.3]
    subject = ["a", "a", "a", "b", "b"]
    assert repeatability(x, x, subject=subject)["within_sd"].value == 0
    by_log = repeatability(x, x, subject=subject)["within_sd"]
    assert by_log.interval is None and "is 0" in (by_log.error or "")
    found = repeatability(x, x, subject=subject, ci="chi_square")["within_sd"].interval
    assert found is not None and found.degenerate


def test_one_subject_has_a_chi_square_interval_only() -> None:
    found = repeatability([5.0, 6.0, 7.0], [5.0, 6.0, 7.0], subject=["a"] * 3)
    assert found["within_sd"].value == 1
    assert found["within_sd"].interval is None and "two subjects" in (found["within_sd"].error or "")
    exact = repeatability([5.0, 6.0, 7.0], [5.0, 6.0, 7.0], subject=["a"] * 3, ci="chi_square")
    assert exact["within_sd"].interval is not None


def test_row_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="without row weights"):
        repeatability([1.0, 2.0], [1.0, 2.0], weights=[1, 2])


def test_retest_is_the_analysis_of_variance(oracle: Any) -> None:
    """SD sqrt(1 - ICC) with the variance components of the same analysis, and mean squares by NumPy."""
    rows = oracle.rows("ccc.pefr")
    result = evaluators.test_retest(rows.reference, rows.test)
    both = np.column_stack([rows.reference, rows.test])
    n = len(both)
    means = both.mean(axis=1)
    between = 2 * np.square(means - means.mean()).sum() / (n - 1)
    within = np.square(both - means[:, None]).sum() / n
    assert result["sem_agreement"].value == pytest.approx(math.sqrt(within), rel=1e-12)
    one_way = icc(rows.reference, rows.test)["icc_1_1"].value
    variance = (between - within) / 2 + within
    assert result["sem_agreement"].value == pytest.approx(math.sqrt(variance * (1 - one_way)), rel=1e-9)
    difference = rows.test - rows.reference
    expected = difference.std(ddof=1) / math.sqrt(2)
    assert result["sem_consistency"].value == pytest.approx(expected, rel=1e-12)
    assert result["mdc_consistency"].value == pytest.approx(1.959963984540054 * difference.std(ddof=1))


def test_retest_chi_square_interval() -> None:
    """Changes 2, 4, 0: sqrt(2 * 2 / qchisq(c(.975, .025), 2)); quantiles 7.377759 and 0.05063562 (R)."""
    result = evaluators.test_retest([60, 70, 80], [62, 74, 80], ci="chi_square")
    expected = [math.sqrt(4 / 7.377758908227871), math.sqrt(4 / 0.05063561596857975)]
    assert bounds(result, "sem_consistency") == pytest.approx(expected, rel=1e-10)
    several = evaluators.test_retest([60, 70, 80], [62, 74, 80], subject=["a", "a", "b"], ci="chi_square")[
        "sem_consistency"
    ]
    assert several.interval is not None and several.interval.independent_rows


def test_retest_leaves_a_shift_out_of_consistency_only() -> None:
    x, y = np.array([60.0, 70, 80, 75]), np.array([61.0, 74, 79, 77])
    before, after = evaluators.test_retest(x, y), evaluators.test_retest(x, y + 10)
    assert after["sem_consistency"].value == pytest.approx(before["sem_consistency"].value, rel=1e-12)
    assert after["sem_agreement"].value > before["sem_agreement"].value + 5


def test_retest_edges() -> None:
    assert evaluators.test_retest([], [])["sem_agreement"].error == "There are no pairs."
    one = evaluators.test_retest([60.0], [62.0])
    assert one["sem_agreement"].value == pytest.approx(math.sqrt(2))
    assert "there is 1" in (one["sem_consistency"].error or "")
    same = evaluators.test_retest([60.0, 70.0], [60.0, 70.0])["sem_agreement"]
    assert same.value == 0 and "is 0" in (same.error or "")
    weighted = evaluators.test_retest([1.0, 2], [2.0, 2], weights=[1, 2], ci="chi_square")["sem_agreement"]
    assert "weighted" in (weighted.error or "")
