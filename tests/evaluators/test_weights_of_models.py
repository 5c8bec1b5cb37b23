"""For metrics that fit anew or sort: an estimate is a function of how often each subject counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.evaluators.agreement import (
    difference_checks,
    limits_by_regression,
    mixed_limits,
    normality,
    quantile_errors,
)
from accordance.evaluators.metric import Columns, Metric, Prepared

CASES: dict[str, tuple[Metric, dict[str, Any]]] = {
    "median error": (quantile_errors.MEDIAN_ABSOLUTE_ERROR, {}),
    "median error subjects": (quantile_errors.MEDIAN_ABSOLUTE_ERROR, {"average": "subject_mean"}),
    "percentile": (
        quantile_errors.PERCENTILE_ABSOLUTE_ERROR, {"percentile": 90, "quantile": "type_8"},
    ),
    "quantile limits": (quantile_errors.NONPARAMETRIC_LIMITS, {"quantile": "type_6"}),
    "regression": (limits_by_regression.REGRESSION_LIMITS, {"at": 90}),
    "regression constant": (
        limits_by_regression.REGRESSION_LIMITS, {"at": 90, "spread": "constant", "size": "reference"},
    ),
    "trend": (difference_checks.DIFFERENCE_TREND, {}),
    "trend independent": (difference_checks.DIFFERENCE_TREND, {"errors": "independent"}),
    "mixed": (mixed_limits.BLAND_ALTMAN_MIXED, {}),
    "mixed ml": (mixed_limits.BLAND_ALTMAN_MIXED, {"estimation": "ml"}),
    "normality": (normality.NORMALITY_OF_DIFFERENCES, {}),
}  # fmt: skip
every_case = pytest.mark.parametrize("case", CASES)
SMOOTH = pytest.mark.parametrize("case", [case for case in CASES if case != "normality"])


def subjects_of(seed: int, count: int = 6) -> list[np.ndarray]:
    """Unequal subjects; spread and bias grow with size."""
    random = np.random.default_rng(seed)
    result = []
    for _ in range(count):
        reference = random.uniform(40, 160, size=random.integers(1, 6))
        error = random.normal(random.normal(0, 3), 1 + 0.05 * reference)
        result.append(np.column_stack([reference, reference + error]))
    return result


def columns_of(subjects: list[np.ndarray]) -> Columns:
    rows = np.concatenate(subjects)
    offsets = np.concatenate([[0], np.cumsum([len(subject) for subject in subjects])]).astype(np.int64)
    return Columns(rows[:, 0], rows[:, 1], offsets)


def prepared_of(case: str, columns: Columns) -> Prepared:
    metric, options = CASES[case]
    return metric.prepare(columns, **options)


@every_case
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_whole_weights_are_repeated_subjects(case: str, seed: int, counts: list[int]) -> None:
    if not any(counts):
        return
    subjects = subjects_of(seed)
    weighted = prepared_of(case, columns_of(subjects)).at(np.array([counts], dtype=float))[0]
    repeated = [subject for subject, count in zip(subjects, counts, strict=True) for _ in range(count)]
    expected = prepared_of(case, columns_of(repeated)).estimate()
    np.testing.assert_allclose(weighted, expected, rtol=1e-7, atol=1e-8)


@SMOOTH
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_relative_weights_have_no_scale(case: str, seed: int, factor: float) -> None:
    prepared = prepared_of(case, columns_of(subjects_of(seed)))
    weights = np.linspace(1, 2, 6)[None, :]
    np.testing.assert_allclose(
        prepared.at(factor * weights, relative=True),
        prepared.at(weights, relative=True),
        rtol=1e-7,
        atol=1e-9,
    )
    equal = prepared.at(np.full((1, 6), factor), relative=True)[0]
    np.testing.assert_allclose(equal, prepared.estimate(), rtol=1e-7, atol=1e-9)


@every_case
def test_subjects_without_rows_change_nothing(case: str) -> None:
    full = columns_of(subjects_of(1))
    gaps = Columns(full.reference, full.test, np.insert(full.offsets, [0, 3, 7], full.offsets[[0, 3, 6]]))
    plain, sparse = prepared_of(case, full), prepared_of(case, gaps)
    assert sparse.n_subjects == 9
    np.testing.assert_allclose(sparse.estimate(), plain.estimate(), rtol=1e-12)
    for name in plain.statistics:
        assert sparse.counts(name) == plain.counts(name)
        np.testing.assert_allclose(sparse.standard_error(name), plain.standard_error(name), rtol=1e-10)


@every_case
def test_many_weights_at_once_are_each_alone(case: str) -> None:
    prepared = prepared_of(case, columns_of(subjects_of(2)))
    weights = np.random.default_rng(1).integers(1, 4, size=(700, 6)).astype(float)
    whole = prepared.at(weights)
    for i in (0, 511, 512, 699):
        np.testing.assert_allclose(prepared.at(weights[i : i + 1])[0], whole[i], rtol=1e-10, atol=1e-12)
    with pytest.raises(ValueError, match="one column for each of 6 subjects"):
        prepared.at(np.ones((1, 5)))


@every_case
def test_unit_of_measurement(case: str) -> None:
    metric, options = CASES[case]
    full = columns_of(subjects_of(3))
    scaled = Columns(0.25 * full.reference, 0.25 * full.test, full.offsets)
    moved = {**options, "at": 0.25 * options["at"]} if "at" in options else options
    plain, changed = metric.prepare(full, **options).estimate(), metric.prepare(scaled, **moved).estimate()
    factor = np.array([0.25 if one.unit == "same" else 1.0 for one in metric.statistics])
    np.testing.assert_allclose(changed, factor * plain, rtol=1e-9)


@every_case
def test_large_values(case: str) -> None:
    """1e9 plus a few thousandths: the differences keep their digits."""
    metric, options = CASES[case]
    moved = {**options, "at": options["at"] + 2.0**30} if "at" in options else options
    full = columns_of(subjects_of(4))
    rounded = Columns(np.round(full.reference * 64) / 64, np.round(full.test * 64) / 64, full.offsets)
    shifted = Columns(rounded.reference + 2.0**30, rounded.test + 2.0**30, full.offsets)
    plain, far = metric.prepare(rounded, **options), metric.prepare(shifted, **moved)
    for i, name in enumerate(plain.statistics):
        if "intercept" not in name:
            np.testing.assert_allclose(far.estimate()[i], plain.estimate()[i], rtol=1e-7, err_msg=name)
