"""What holds for every metric, whatever its route: an estimate is a function of how often a subject counts.

The order of the rows, the order of the subjects and the unit of measurement are nothing; weights of one are
no weights; whole weights are subjects repeated; relative weights have no scale; leaving out is a weight of
zero; a subject without rows is nobody.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from everything import NAMES, columns_of, offsets_of, takes_row_weights, variants
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from accordance.evaluators import registry
from accordance.evaluators.additive import AdditivePrepared
from accordance.evaluators.metric import Columns, FloatArray, Prepared

CASES = [
    pytest.param(name, average, id=f"{name}-{average}")
    for name in NAMES
    for average in registry.get(name).averages
]
every_metric = pytest.mark.parametrize(("name", "average"), CASES)
few_examples = settings(max_examples=4, deadline=None, phases=(Phase.explicit, Phase.generate))
SEED = st.integers(0, 10_000)
SIZES = st.lists(st.integers(1, 5), min_size=5, max_size=8).map(lambda sizes: [2, 3, *sizes])
"""Rows of seven subjects or more, of whom two at least have several."""

ROWS_ARE_TIMES = {"ccc_longitudinal"}
"""Without a column of times, rows are occasions in the order they come in."""
WHOLE_ONLY = {"normality_of_differences", "calibration_index"}
"""Shapiro and Wilk's coefficients, and the neighbours of a smoother, are those of a whole number of rows."""
SQUARED = {"var_subjects", "var_subjects_method", "var_subjects_time", "var_method", "var_error"}
"""Variances, in the square of the unit."""
RANKS = {"auc", "average_precision", "partial_auc", "pr_auc", "sensitivity_at_specificity",
         "specificity_at_sensitivity"}  # fmt: skip
"""Metrics of scores that know only their order."""


def prepared(name: str, average: str, columns: Columns, **changed: Any) -> Prepared:
    metric = registry.get(name).of_levels(dict(columns.role_levels))
    return metric.prepare(columns, average=average, **{**variants(registry.get(name))[0], **changed})  # type: ignore[arg-type]


def taken(columns: Columns, rows: np.ndarray, offsets: Any) -> Columns:
    """Some rows, in that order, with new borders of the subjects."""
    return Columns(
        columns.reference[rows], columns.test[rows], offsets, columns.levels,
        None if columns.weights is None else columns.weights[rows],
        {part: values[rows] for part, values in columns.roles.items()}, columns.role_levels,
    )  # fmt: skip


def own_rows(columns: Columns, subject: int) -> np.ndarray:
    return np.arange(columns.offsets[subject], columns.offsets[subject + 1])


def repeated(columns: Columns, counts: Any) -> Columns:
    """Each subject so many times, as subjects of their own."""
    subjects = np.repeat(np.arange(columns.n_subjects), counts)
    rows = [own_rows(columns, subject) for subject in subjects]
    return taken(
        columns, np.concatenate(rows) if rows else np.zeros(0, int), offsets_of([len(one) for one in rows])
    )


def same(found: FloatArray, expected: FloatArray, tolerance: float = 1e-6) -> None:
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@every_metric
@few_examples
@given(SEED, SIZES)
def test_order_of_rows_and_of_subjects_is_nothing(name: str, average: str, seed: int, sizes: list) -> None:
    columns = columns_of(registry.get(name), sizes, seed=seed)
    random = np.random.default_rng(seed)
    order = random.permutation(len(sizes))
    rows = [own_rows(columns, one) for one in order]
    if name not in ROWS_ARE_TIMES:
        rows = [random.permutation(one) for one in rows]
    moved = taken(columns, np.concatenate(rows), offsets_of([len(one) for one in rows]))
    plain, other = prepared(name, average, columns), prepared(name, average, moved)
    weights = random.integers(1, 4, (1, len(sizes))).astype(float)
    same(other.estimate(), plain.estimate())
    same(other.at(weights[:, order]), plain.at(weights))
    for statistic in plain.statistics:
        assert other.counts(statistic) == plain.counts(statistic)
    for value, statistic in zip(plain.estimate(), plain.statistics, strict=True):
        if np.isfinite(value):
            same(other.standard_error(statistic), plain.standard_error(statistic), 1e-4)


@every_metric
@few_examples
@given(SEED, SIZES, st.data())
def test_whole_weights_are_repeated_subjects(
    name: str, average: str, seed: int, sizes: list, data: st.DataObject
) -> None:
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(sizes), max_size=len(sizes)))
    columns = columns_of(registry.get(name), sizes, seed=seed)
    found = prepared(name, average, columns).at(np.array([counts], dtype=float))[0]
    if not any(counts):
        assert np.isnan(found).all()
        return
    same(found, prepared(name, average, repeated(columns, counts)).estimate())


@every_metric
@few_examples
@given(SEED, SIZES)
def test_weights_of_one_are_none_and_relative_weights_have_no_scale(
    name: str, average: str, seed: int, sizes: list
) -> None:
    found = prepared(name, average, columns_of(registry.get(name), sizes, seed=seed))
    ones = np.ones((1, len(sizes)))
    same(found.at(ones)[0], found.estimate())
    if name in WHOLE_ONLY:
        return
    same(found.at(0.3 * ones, relative=True)[0], found.estimate())
    uneven = np.random.default_rng(seed).uniform(0.5, 2, (1, len(sizes)))
    same(found.at(40 * uneven, relative=True), found.at(uneven, relative=True))


@every_metric
@few_examples
@given(SEED, SIZES)
def test_leaving_out_is_a_weight_of_zero(name: str, average: str, seed: int, sizes: list) -> None:
    columns = columns_of(registry.get(name), sizes, seed=seed)
    found = prepared(name, average, columns)
    without = np.ones((len(sizes), len(sizes))) - np.eye(len(sizes))
    expected, left_out = found.at(without), found.jackknife()
    passed_over = np.tile(
        found.estimate(), (len(sizes) - len(left_out), 1)
    )  # whom the statistic does not count
    same(np.sort(np.concatenate([left_out, passed_over]), axis=0), np.sort(expected, axis=0))
    keep = np.array([0, *([1] * (len(sizes) - 1))])
    same(expected[0], prepared(name, average, repeated(columns, keep)).estimate())


@every_metric
def test_subjects_without_rows_are_nobody(name: str, average: str) -> None:
    sizes = [3, 2, 4, 1, 5, 2]
    columns = columns_of(registry.get(name), sizes, seed=3)
    wide = replace(columns, offsets=offsets_of([0, 3, 2, 0, 4, 1, 5, 2, 0]))
    plain, sparse = prepared(name, average, columns), prepared(name, average, wide)
    same(sparse.estimate(), plain.estimate(), 1e-10)
    same(sparse.at(np.ones((1, 9)), relative=True)[0], plain.estimate(), 1e-10)
    for statistic in plain.statistics:
        assert sparse.counts(statistic) == plain.counts(statistic)
        same(sparse.standard_error(statistic), plain.standard_error(statistic), 1e-8)


@pytest.mark.parametrize(
    "name",
    [name for name in NAMES if registry.get(name).kind == "measurement" and registry.get(name).one_unit],
)
@few_examples
@given(SEED, SIZES, st.sampled_from([0.25, 8.0]))
def test_unit_of_measurement_is_nothing(name: str, seed: int, sizes: list, factor: float) -> None:
    """mmHg or kPa: what is in the unit changes with it, shares and coefficients do not."""
    metric = registry.get(name)
    columns = columns_of(metric, sizes, seed=seed)
    known = {"level_at", "at", "allowance", "tolerance"} & {one.name for one in metric.parameters}
    given_now = variants(metric)[0]
    changed = {one: factor * float(given_now[one]) for one in known}
    scaled = replace(columns, reference=factor * columns.reference, test=factor * columns.test)
    for average in metric.averages:
        plain = prepared(name, average, columns).estimate()
        found = prepared(name, average, scaled, **changed).estimate()
        declared = metric.of_levels(dict(columns.role_levels)).statistics
        powers = [2 if one.name in SQUARED else one.unit == "same" for one in declared]
        same(found, plain * factor ** np.array(powers, dtype=float))


@pytest.mark.parametrize("name", sorted(RANKS))
@few_examples
@given(SEED, SIZES)
def test_only_the_order_of_scores_counts(name: str, seed: int, sizes: list) -> None:
    columns = columns_of(registry.get(name), sizes, seed=seed)
    raised = replace(columns, test=np.exp(3 * columns.test))
    turned = replace(columns, test=-columns.test)
    plain = prepared(name, "pooled", columns).estimate()
    same(prepared(name, "pooled", raised).estimate(), plain)
    same(prepared(name, "pooled", turned, direction="lower").estimate(), plain)


WEIGHED = [name for name in NAMES if takes_row_weights(registry.get(name), variants(registry.get(name))[0])]


@pytest.mark.parametrize("name", WEIGHED)
def test_row_weights_are_not_passed_over(name: str) -> None:
    metric = registry.get(name)
    plain = columns_of(metric, [4] * 15, seed=6)
    unequal = replace(plain, weights=np.random.default_rng(6).exponential(1, 60))
    for average in metric.averages:
        first, second = (prepared(name, average, one).estimate() for one in (plain, unequal))
        assert not np.allclose(first, second, rtol=1e-6, atol=1e-9, equal_nan=True)


ADDITIVE = [name for name in WEIGHED if registry.get(name).route == "additive"]


@pytest.mark.parametrize("name", ADDITIVE)
def test_parts_with_row_weights_are_not_put_together(name: str) -> None:
    """Each has scaled its own weights to its own effective number of rows."""
    columns = columns_of(registry.get(name), [3, 2, 4, 1], seed=1)
    found = prepared(name, "pooled", replace(columns, weights=np.arange(1.0, 11.0)))
    assert isinstance(found, AdditivePrepared)
    with pytest.raises(ValueError, match="row weights cannot be put together"):
        found.concat(found)


@pytest.mark.parametrize("name", WEIGHED)
@few_examples
@given(SEED, SIZES)
def test_row_weights(name: str, seed: int, sizes: list) -> None:
    """Ones are none, only ratios count, a weight of zero is no row, and none is counted."""
    metric = registry.get(name)
    columns = columns_of(metric, sizes, seed=seed)
    n = len(columns.reference)
    uneven = np.random.default_rng(seed).uniform(0.1, 3, n)
    for average in metric.averages:
        plain = prepared(name, average, columns).estimate()
        ones = prepared(name, average, replace(columns, weights=np.ones(n)))
        same(ones.estimate(), plain)
        weighed = prepared(name, average, replace(columns, weights=uneven))
        same(prepared(name, average, replace(columns, weights=7 * uneven)).estimate(), weighed.estimate())
        there = np.ones(n)
        there[1] = 0.0  # of a subject who has two rows
        kept = np.delete(np.arange(n), 1)
        fewer = taken(columns, kept, offsets_of([sizes[0] - 1, *sizes[1:]]))
        dropped = prepared(name, average, replace(columns, weights=there))
        gone = prepared(name, average, fewer)
        same(dropped.estimate(), gone.estimate())
        for statistic in gone.statistics:
            assert dropped.counts(statistic) == gone.counts(statistic)
        nobody = prepared(
            name, average, replace(columns, weights=np.repeat([0.0, 1.0], [sizes[0], n - sizes[0]]))
        )
        others = repeated(columns, [0, *([1] * (len(sizes) - 1))])
        absent = prepared(name, average, replace(others, weights=np.ones(n - sizes[0])))
        same(nobody.estimate(), absent.estimate())
        for value, statistic in zip(absent.estimate(), absent.statistics, strict=True):
            assert nobody.counts(statistic) == absent.counts(statistic)
            if np.isfinite(value):
                same(nobody.standard_error(statistic), absent.standard_error(statistic), 1e-5)
