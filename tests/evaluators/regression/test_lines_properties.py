"""What holds for every line and correlation: an estimate is a function of subject weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from accordance.evaluators.additive import AdditivePrepared
from accordance.evaluators.agreement import mean_differences
from accordance.evaluators.correlation import correlations as correlation
from accordance.evaluators.metric import Columns, Metric, Prepared
from accordance.evaluators.regression import least_squares as regression
from accordance.evaluators.regression import ranks as regression_ranks
from accordance.evaluators.regression import weighted

AT = {"level_at": 90.0}
CASES: dict[str, tuple[Metric, dict[str, Any]]] = {
    "least squares": (regression.ORDINARY_LEAST_SQUARES, AT),
    "weighted least squares": (regression.WEIGHTED_LEAST_SQUARES, AT),
    "deming": (regression.DEMING, AT),
    "deming 2": (regression.DEMING, {**AT, "error_ratio": 2.0}),
    "weighted deming": (weighted.WEIGHTED_DEMING, AT),
    "weighted deming, one pass": (weighted.WEIGHTED_DEMING, {**AT, "weighting": "one_pass"}),
    "passing bablok": (regression_ranks.PASSING_BABLOK, AT),
    "equivariant": (regression_ranks.PASSING_BABLOK_EQUIVARIANT, {**AT, "middle": "angle"}),
    "theil sen": (regression_ranks.THEIL_SEN, AT),
    "pearson": (correlation.PEARSON, {}),
    "spearman": (correlation.SPEARMAN, {}),
    "kendall": (correlation.KENDALL, {}),
    "rmcorr": (correlation.RMCORR, {}),
    "mean difference": (mean_differences.MEAN_DIFFERENCE, {}),
    "mean difference, subjects": (mean_differences.MEAN_DIFFERENCE, {"average": "subject_mean"}),
}
every_case = pytest.mark.parametrize("case", CASES)
LINES = [name for name, (metric, _) in CASES.items() if metric.headline == "slope"]
ADDITIVE = [name for name, (metric, _) in CASES.items() if metric.route == "additive"]

VALUE = st.integers(50, 150)
ERROR = st.integers(-60, 60).map(lambda value: value / 10)
SUBJECTS = st.lists(st.lists(st.tuples(VALUE, ERROR), min_size=1, max_size=4), min_size=4, max_size=7)


def columns_of(subjects: list[list[tuple[int, float]]]) -> Columns:
    rows = [row for subject in subjects for row in subject]
    reference = np.array([float(value) for value, _ in rows])
    test = np.array([float(value + error) for value, error in rows])
    offsets = np.concatenate([[0], np.cumsum([len(subject) for subject in subjects])]).astype(np.int64)
    return Columns(reference, test, offsets)


def prepared_of(case: str, columns: Columns) -> Prepared:
    metric, options = CASES[case]
    return metric.prepare(columns, **options)


def same(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-7) -> None:
    """Equal but for rounding, which a nearly vertical line or a nearly flat column enlarges."""
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * 100)


@every_case
@settings(max_examples=30, deadline=None)
@given(SUBJECTS, st.data())
def test_integer_weights_are_repeated_subjects(case: str, subjects: list, data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(subjects), max_size=len(subjects)))
    assume(any(counts))
    found = prepared_of(case, columns_of(subjects)).at(np.array([counts], dtype=float))[0]
    repeated = [subject for subject, count in zip(subjects, counts, strict=True) for _ in range(count)]
    expected = prepared_of(case, columns_of(repeated)).estimate()
    assume(not (np.abs(expected) > 1e6).any())  # all but vertical
    same(found, expected, 1e-6)


@every_case
@settings(max_examples=20, deadline=None)
@given(SUBJECTS, st.floats(0.01, 100))
def test_relative_weights_have_no_scale(case: str, subjects: list, factor: float) -> None:
    prepared = prepared_of(case, columns_of(subjects))
    weights = np.linspace(1, 2, len(subjects))[None, :]
    once = prepared.at(weights, relative=True)
    assume(not (np.abs(once) > 1e6).any())
    same(prepared.at(factor * weights, relative=True), once, 1e-6)
    ones = prepared.at(np.ones((1, len(subjects))))[0]
    same(prepared.at(np.full((1, len(subjects)), factor), relative=True)[0], ones, 1e-6)


@every_case
@settings(max_examples=20, deadline=None)
@given(SUBJECTS)
def test_ones_are_the_estimate_and_zeros_leave_out(case: str, subjects: list) -> None:
    prepared = prepared_of(case, columns_of(subjects))
    n = len(subjects)
    estimate = prepared.at(np.ones((1, n)))[0]
    np.testing.assert_allclose(prepared.estimate(), estimate, rtol=1e-12, atol=1e-9)
    left_out = prepared.at(np.ones((n, n)) - np.eye(n))[prepared.active]  # type: ignore[attr-defined]
    assume(not (np.abs(left_out) > 1e6).any())
    same(prepared.jackknife(), left_out, 1e-6)


@every_case
def test_equal_row_weights_are_none(case: str) -> None:
    columns = columns_of([[(60, 1.0), (70, -2.0)], [(80, 3.0)], [(90, 0.5), (50, 2.5)], [(120, -1.0)]])
    weighted = Columns(columns.reference, columns.test, columns.offsets, weights=np.full(6, 3.0))
    same(prepared_of(case, weighted).estimate(), prepared_of(case, columns).estimate(), 1e-9)


@every_case
def test_subjects_without_rows_change_nothing(case: str) -> None:
    full = columns_of([[(60, 1.0), (70, -2.0)], [(80, 3.0), (85, 1.0)], [(90, 0.5), (50, 2.5)]])
    gaps = Columns(full.reference, full.test, np.array([0, 0, 2, 2, 4, 6, 6]))
    plain, sparse = prepared_of(case, full), prepared_of(case, gaps)
    same(sparse.estimate(), plain.estimate(), 1e-12)
    for name in plain.statistics:
        assert sparse.counts(name) == plain.counts(name)
        np.testing.assert_allclose(sparse.standard_error(name), plain.standard_error(name), rtol=1e-9)
    assert len(sparse.jackknife()) == 3


@pytest.mark.parametrize("case", ADDITIVE)
@settings(max_examples=20, deadline=None)
@given(SUBJECTS, SUBJECTS)
def test_parts_prepared_apart_are_put_together(case: str, here: list, there: list) -> None:
    first, second = prepared_of(case, columns_of(here)), prepared_of(case, columns_of(there))
    assert isinstance(first, AdditivePrepared)
    assert isinstance(second, AdditivePrepared)
    expected = prepared_of(case, columns_of(here + there)).estimate()
    assume(not (np.abs(expected) > 1e6).any())
    same(first.concat(second).estimate(), expected, 1e-6)


@pytest.mark.parametrize("case", [*ADDITIVE, "spearman", "kendall"])
def test_influence_is_the_derivative_in_the_weights(case: str) -> None:
    """The complex step, or the closed forms of rank correlations, against a central difference of `at`."""
    prepared = prepared_of(
        case,
        columns_of(
            [[(60, 1.0), (70, -2.1)], [(80, 3.0), (70, 2.0)], [(90, 6.5), (95, 1.5)], [(70, 4.0)] * 2]
        ),
    )
    step = 1e-5
    influence = prepared.influence()  # type: ignore[attr-defined]
    for i, found in enumerate(influence.reshape(4, -1)):
        weights = np.ones((2, 4))
        weights[:, i] += [step, -step]
        above, below = prepared.at(weights)
        np.testing.assert_allclose(found, (above - below) / (2 * step), rtol=1e-5, atol=1e-8)


@settings(max_examples=30, deadline=None)
@given(SUBJECTS, st.data())
def test_spearman_at_frequencies_is_scipy_on_repeated_rows(subjects: list, data: st.DataObject) -> None:
    columns = columns_of(subjects)
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(subjects), max_size=len(subjects)))
    rows = np.repeat(np.repeat(counts, np.diff(columns.offsets)), 1)
    reference, test = np.repeat(columns.reference, rows), np.repeat(columns.test, rows)
    assume(len(reference) > 2 and np.ptp(reference) > 0 and np.ptp(test) > 0)
    found = prepared_of("spearman", columns).at(np.array([counts], dtype=float))[0, 0]
    assert found == pytest.approx(stats.spearmanr(reference, test).statistic, abs=1e-12)


@pytest.mark.parametrize("case", LINES)
@settings(max_examples=20, deadline=None)
@given(SUBJECTS)
def test_units_scale_the_intercept_and_leave_the_slope(case: str, subjects: list) -> None:
    columns = columns_of(subjects)
    twice = Columns(2 * columns.reference, 2 * columns.test, columns.offsets)
    once, scaled = prepared_of(case, columns).estimate(), prepared_of(case, twice).estimate()
    assume(not (np.abs(once) > 1e6).any())
    same(scaled[:2], once[:2] * [1, 2], 1e-6)


@settings(max_examples=30, deadline=None)
@given(SUBJECTS, st.sampled_from([0.25, 1.0, 3.0]))
def test_deming_swapped_is_the_same_line(subjects: list, ratio: float) -> None:
    """y on x with lambda is x on y with 1 / lambda."""
    columns = columns_of(subjects)
    swapped = Columns(columns.test, columns.reference, columns.offsets)
    there = regression.DEMING.prepare(columns, level_at=0, error_ratio=ratio).estimate()[0]
    back = regression.DEMING.prepare(swapped, level_at=0, error_ratio=1 / ratio).estimate()[0]
    assume(0.01 < abs(there) < 100)
    assert there * back == pytest.approx(1.0, rel=1e-8)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(VALUE, ERROR), min_size=3, max_size=11))
def test_passing_bablok_swapped_is_the_same_line(rows: list[tuple[int, float]]) -> None:
    """Where the number of slopes is odd the middle slope of the swapped devices is its inverse, exactly."""
    columns = columns_of([[row] for row in rows])
    swapped = Columns(columns.test, columns.reference, columns.offsets)
    there = regression_ranks.PASSING_BABLOK.prepare(columns, level_at=0)
    back = regression_ranks.PASSING_BABLOK.prepare(swapped, level_at=0)
    slope = there.estimate()[0]
    assume(there.slopes.used % 2 == 1 and slope > 0)  # type: ignore[attr-defined]
    assert slope * back.estimate()[0] == pytest.approx(1.0, rel=1e-14)
