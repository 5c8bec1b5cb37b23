"""What holds for reliability metrics whatever the rows: subject weights, row order, labels, units, parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.evaluators import registry
from accordance.evaluators.additive import AdditivePrepared
from accordance.evaluators.functions import arrange
from accordance.evaluators.metric import Columns

NAMES = ("ccc", "icc", "iso81060_3", "sd_of_subject_means", "repeatability", "test_retest")
every_metric = pytest.mark.parametrize("name", NAMES)

SCALED = {
    "bias", "sd_corrected", "sd_of_subject_means", "within_sd", "repeatability_coefficient",
    "sem_agreement", "sem_consistency", "mdc_agreement", "mdc_consistency",
}  # fmt: skip
"""Statistics in the unit of the measurement; the others have none."""

ROW = st.tuples(st.integers(20, 200), st.integers(-12, 12))
SUBJECTS = st.lists(st.lists(ROW, min_size=1, max_size=4), min_size=3, max_size=7)


def columns_of(subjects: list[list[tuple[int, int]]]) -> Columns:
    rows = np.array([row for subject in subjects for row in subject], dtype=float).reshape(-1, 2)
    offsets = np.concatenate([[0], np.cumsum([len(subject) for subject in subjects])]).astype(np.int64)
    return Columns(rows[:, 0], rows.sum(axis=1), offsets)


def prepared_of(name: str, columns: Columns) -> AdditivePrepared:
    prepared = registry.get(name).prepare(columns)
    assert isinstance(prepared, AdditivePrepared)
    return prepared


def same(found: Any, expected: Any) -> None:
    """Equal but for rounding, which is larger where a difference of sums is small beside them."""
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-5)


@every_metric
@settings(max_examples=30, deadline=None)
@given(SUBJECTS, st.data())
def test_integer_weights_are_repeated_subjects(name: str, subjects: list, data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(subjects), max_size=len(subjects)))
    if not any(counts):
        return
    weighted = prepared_of(name, columns_of(subjects)).at(np.array([counts], dtype=float))[0]
    repeated = [subject for subject, count in zip(subjects, counts, strict=True) for _ in range(count)]
    same(weighted, prepared_of(name, columns_of(repeated)).estimate())


@every_metric
@settings(max_examples=15, deadline=None)
@given(SUBJECTS, st.floats(0.01, 100))
def test_relative_weights_have_no_scale(name: str, subjects: list, factor: float) -> None:
    prepared = prepared_of(name, columns_of(subjects))
    weights = np.linspace(1, 2, len(subjects))[None, :]
    same(prepared.at(factor * weights, relative=True), prepared.at(weights, relative=True))
    ones = np.full((1, len(subjects)), factor)
    same(prepared.at(ones, relative=True)[0], prepared.estimate())


@every_metric
@settings(max_examples=15, deadline=None)
@given(SUBJECTS)
def test_jackknife_is_leaving_out(name: str, subjects: list) -> None:
    prepared = prepared_of(name, columns_of(subjects))
    left_out = [prepared_of(name, columns_of(subjects[:i] + subjects[i + 1 :])) for i in range(len(subjects))]
    same(prepared.jackknife(), [one.estimate() for one in left_out])


@every_metric
@settings(max_examples=15, deadline=None)
@given(SUBJECTS, SUBJECTS)
def test_parts_prepared_apart_are_put_together(name: str, here: list, there: list) -> None:
    together = prepared_of(name, columns_of(here)).concat(prepared_of(name, columns_of(there)))
    same(together.estimate(), prepared_of(name, columns_of(here + there)).estimate())


@every_metric
@settings(max_examples=15, deadline=None)
@given(SUBJECTS, st.randoms(use_true_random=False))
def test_row_order_and_labels_change_nothing(name: str, subjects: list, random: Any) -> None:
    rows = [(i, *row) for i, subject in enumerate(subjects) for row in subject]
    mixed = list(rows)
    random.shuffle(mixed)

    def estimate(table: list, label: str) -> Any:
        x = np.array([row[1] for row in table], dtype=float)
        y = x + np.array([row[2] for row in table], dtype=float)
        columns, _ = arrange(x, y, [label.format(row[0], 99 - row[0]) for row in table])
        return prepared_of(name, columns).estimate()

    same(estimate(mixed, "s{1}"), estimate(rows, "{0}"))


@every_metric
@settings(max_examples=15, deadline=None)
@given(SUBJECTS, st.sampled_from([0.001, 0.133322, 25.4, 1000.0]))
def test_units(name: str, subjects: list, factor: float) -> None:
    columns = columns_of(subjects)
    scaled = Columns(columns.reference * factor, columns.test * factor, columns.offsets)
    prepared = prepared_of(name, columns)
    expected = [
        value * (factor if statistic in SCALED else 1)
        for statistic, value in zip(prepared.statistics, prepared.estimate(), strict=True)
    ]
    np.testing.assert_allclose(
        prepared_of(name, scaled).estimate(), expected, rtol=1e-6, atol=1e-5 * max(factor, 1)
    )


@every_metric
def test_standard_error_is_the_derivative_in_the_weights(name: str) -> None:
    """The complex step against a central difference of `at`."""
    prepared = prepared_of(
        name, columns_of([[(60, 1), (70, -2)], [(80, 3), (84, 5)], [(90, 6), (95, 1), (93, 2)], [(120, -7)]])
    )
    step = 1e-5
    for i, found in enumerate(prepared.influence()):
        weights = np.ones((2, 4))
        weights[:, i] += [step, -step]
        above, below = prepared.at(weights)
        np.testing.assert_allclose(found, (above - below) / (2 * step), rtol=1e-5, atol=1e-7)


@every_metric
def test_subjects_without_rows_change_nothing(name: str) -> None:
    full = columns_of([[(60, 1), (70, -2)], [(80, 3), (84, 5)], [(90, 6), (50, 2)]])
    gaps = Columns(full.reference, full.test, np.array([0, 0, 2, 2, 4, 6, 6]))
    plain, sparse = prepared_of(name, full), prepared_of(name, gaps)
    assert sparse.n_subjects == 6
    same(sparse.estimate(), plain.estimate())
    for statistic in plain.statistics:
        assert sparse.counts(statistic) == plain.counts(statistic)
        assert sparse.standard_error(statistic) == pytest.approx(plain.standard_error(statistic), rel=1e-9)


@every_metric
def test_a_large_level_costs_no_digits(name: str) -> None:
    """1e9 plus a thousandth is told from 1e9; a coefficient of variation of such values is not compared."""
    near = columns_of([[(60, 1), (70, -2)], [(80, 3), (84, 5)], [(90, 6), (50, 2)]])
    far = Columns(near.reference / 1024 + 2.0**30, near.test / 1024 + 2.0**30, near.offsets)
    low, high = prepared_of(name, near), prepared_of(name, far)
    for statistic, value, other in zip(low.statistics, low.estimate(), high.estimate(), strict=True):
        if not statistic.startswith("cv_"):
            assert other == pytest.approx(value / (1024 if statistic in SCALED else 1), rel=1e-9), statistic
