"""What holds for every additive metric, whatever the rows: an estimate is a function of subject weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.evaluators.additive import AdditivePrepared
from accordance.evaluators.agreement import bland_altman as agreement
from accordance.evaluators.agreement import measurement_errors
from accordance.evaluators.functions import arrange
from accordance.evaluators.metric import Columns, Metric

CASES: dict[str, tuple[Metric, dict[str, Any]]] = {
    "independent": (agreement.BLAND_ALTMAN, {"truth": "independent"}),
    "constant": (agreement.BLAND_ALTMAN, {"truth": "constant"}),
    "varying": (agreement.BLAND_ALTMAN, {"truth": "varying"}),
    "varying pairs": (agreement.BLAND_ALTMAN, {"truth": "varying", "bias": "pairs"}),
    "mae": (measurement_errors.MAE, {"average": "pooled"}),
    "mae subjects": (measurement_errors.MAE, {"average": "subject_mean"}),
    "rmse": (measurement_errors.RMSE, {"average": "pooled"}),
    "rmse subjects": (measurement_errors.RMSE, {"average": "subject_mean"}),
    "mape": (measurement_errors.MAPE, {"average": "pooled"}),
    "mape subjects": (measurement_errors.MAPE, {"average": "subject_mean"}),
    "share": (measurement_errors.SHARE_WITHIN, {"average": "pooled", "tolerance": "max(1, 5%)"}),
    "share subjects": (measurement_errors.SHARE_WITHIN, {"average": "subject_mean", "tolerance": 2}),
}
every_case = pytest.mark.parametrize("case", CASES)

VALUE = st.floats(1, 200).map(lambda value: round(value, 3))
ERROR = st.floats(-20, 20).map(lambda value: round(value, 3))
SUBJECTS = st.lists(st.lists(st.tuples(VALUE, ERROR), min_size=1, max_size=5), min_size=2, max_size=6)


def columns_of(subjects: list[list[tuple[float, float]]]) -> Columns:
    rows = [row for subject in subjects for row in subject]
    reference = np.array([value for value, _ in rows])
    lengths = [len(subject) for subject in subjects]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Columns(reference, reference + np.array([error for _, error in rows]), offsets)


def prepared_of(case: str, columns: Columns) -> AdditivePrepared:
    metric, options = CASES[case]
    prepared = metric.prepare(columns, **options)
    assert isinstance(prepared, AdditivePrepared)
    return prepared


def same(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal up to the rounding of sums of squares of differences up to 20."""
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=2e-5)


@every_case
@settings(max_examples=30, deadline=None)
@given(SUBJECTS, st.data())
def test_integer_weights_are_repeated_subjects(case: str, subjects: list, data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(subjects), max_size=len(subjects)))
    if not any(counts):
        return
    weighted = prepared_of(case, columns_of(subjects)).at(np.array([counts], dtype=float))[0]
    repeated = [subject for subject, count in zip(subjects, counts, strict=True) for _ in range(count)]
    same(weighted, prepared_of(case, columns_of(repeated)).estimate())


@every_case
@settings(max_examples=20, deadline=None)
@given(SUBJECTS, st.floats(0.01, 100))
def test_relative_weights_have_no_scale(case: str, subjects: list, factor: float) -> None:
    prepared = prepared_of(case, columns_of(subjects))
    weights = np.linspace(1, 2, len(subjects))[None, :]
    once, scaled = prepared.at(weights, relative=True), prepared.at(factor * weights, relative=True)
    same(scaled, once)
    same(prepared.at(np.full((1, len(subjects)), factor), relative=True)[0], prepared.estimate())


@every_case
@settings(max_examples=20, deadline=None)
@given(SUBJECTS, st.data())
def test_zero_weights_are_a_subgroup(case: str, subjects: list, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.booleans(), min_size=len(subjects), max_size=len(subjects)))
    prepared = prepared_of(case, columns_of(subjects))
    mask = np.array(chosen)
    by_weight = prepared.at(mask[None, :].astype(float))[0]
    np.testing.assert_allclose(prepared.subset(mask).estimate(), by_weight, rtol=1e-12, atol=1e-12)
    if mask.any():
        fresh = prepared_of(case, columns_of([s for s, keep in zip(subjects, chosen, strict=True) if keep]))
        same(by_weight, fresh.estimate())


@every_case
@settings(max_examples=20, deadline=None)
@given(SUBJECTS, SUBJECTS)
def test_parts_prepared_apart_are_put_together(case: str, here: list, there: list) -> None:
    """Another site's part has another shift; the whole is the same."""
    together = prepared_of(case, columns_of(here)).concat(prepared_of(case, columns_of(there)))
    same(together.estimate(), prepared_of(case, columns_of(here + there)).estimate())
    assert together.n_subjects == len(here) + len(there)


@every_case
@settings(max_examples=20, deadline=None)
@given(SUBJECTS)
def test_jackknife_is_leaving_out(case: str, subjects: list) -> None:
    prepared = prepared_of(case, columns_of(subjects))
    left_out = np.ones((len(subjects), len(subjects))) - np.eye(len(subjects))
    same(prepared.jackknife(), prepared.at(left_out))


@every_case
def test_subjects_without_rows_change_nothing(case: str) -> None:
    full = columns_of([[(60.0, 1.0), (70.0, -2.0)], [(80.0, 3.0)], [(90.0, 0.5), (50.0, 2.5)]])
    gaps = Columns(full.reference, full.test, np.array([0, 0, 2, 2, 3, 5, 5]))
    plain, sparse = prepared_of(case, full), prepared_of(case, gaps)
    assert sparse.n_subjects == 6
    for name in plain.statistics:
        assert sparse.counts(name) == plain.counts(name)
        assert sparse.standard_error(name) == pytest.approx(plain.standard_error(name), rel=1e-12)
    np.testing.assert_allclose(sparse.estimate(), plain.estimate(), rtol=1e-12)
    ones = np.ones((1, 6))
    np.testing.assert_allclose(sparse.at(ones, relative=True)[0], plain.estimate(), rtol=1e-12)


@every_case
def test_standard_error_is_the_derivative_in_the_weights(case: str) -> None:
    """The complex step against a central difference of `at`."""
    prepared = prepared_of(case, columns_of([[(60.0, 1.0), (70.0, -2.1)], [(80.0, 3.0)], [(90.0, 6.5)] * 3]))
    step = 1e-5
    for i, found in enumerate(prepared.influence()):
        weights = np.ones((2, 3))
        weights[:, i] += [step, -step]
        above, below = prepared.at(weights)
        np.testing.assert_allclose(found, (above - below) / (2 * step), rtol=1e-6, atol=1e-8)


@every_case
def test_many_weights_at_once_are_each_alone(case: str) -> None:
    prepared = prepared_of(case, columns_of([[(60.0, 1.0)], [(80.0, 3.0), (81.0, 2.0)], [(90.0, 6.5)]]))
    weights = np.random.default_rng(1).integers(1, 4, size=(2500, 3)).astype(float)
    whole = prepared.at(weights)
    for i in (0, 1023, 1024, 2499):
        np.testing.assert_allclose(prepared.at(weights[i : i + 1])[0], whole[i], rtol=1e-12, atol=1e-12)


def test_jackknife_of_a_mean_has_a_closed_form() -> None:
    """Leaving out i: (n mean - x_i) / (n - 1)."""
    x = np.array([1.0, 2.5, 4.0, 8.0])
    columns, _ = arrange(np.zeros(4), x)
    found = agreement.BLAND_ALTMAN.prepare(columns, truth="independent").jackknife()[:, 0]
    np.testing.assert_allclose(found, (x.sum() - x) / 3, rtol=1e-14)


def test_weights_of_another_width_are_refused() -> None:
    prepared = prepared_of("mae", columns_of([[(60.0, 1.0)], [(80.0, 3.0)]]))
    with pytest.raises(ValueError, match="one column for each of 2 subjects"):
        prepared.at(np.ones((1, 3)))
    with pytest.raises(ValueError, match="not 2 subjects x 4 names"):
        AdditivePrepared(
            np.ones((2, 3)), ("a",) * 4, ("s",), lambda totals: totals, np.ones(2, dtype=np.int64)
        )


def test_parts_of_other_metrics_are_not_put_together() -> None:
    columns = columns_of([[(60.0, 1.0)], [(80.0, 3.0)]])
    for first, second in (("mae", "rmse"), ("independent", "constant"), ("varying", "mae")):
        with pytest.raises(ValueError, match="same metric and parameters"):
            prepared_of(first, columns).concat(prepared_of(second, columns))  # type: ignore[arg-type]
