"""The shift function of absolute errors, against NumPy: quantiles of rows repeated as subjects were drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accordance.evaluators import error_density, error_shift
from accordance.evaluators.comparison.error_shift import (
    PROBABILITIES,
    SHIFT_REPLICATES,
    error_quantiles,
    shift_of,
)
from accordance.evaluators.weights import ResamplingWeights


def rows(seed: int = 5, subjects: int = 14, decimals: int | None = None):
    """Reference, baseline, candidate and subject of unequal numbers of rows, in a mixed order."""
    rng = np.random.default_rng(seed)
    subject = np.repeat([f"s{i:02}" for i in range(subjects)], rng.integers(1, 30, subjects))
    reference = rng.uniform(50, 120, len(subject))
    noise = rng.normal(0, 3, len(subject))
    baseline, candidate = reference + noise, reference + 0.7 * noise + rng.standard_t(2, len(subject))
    order = rng.permutation(len(subject))
    found = [column[order] for column in (reference, baseline, candidate)]
    if decimals is not None:
        found = [np.round(column, decimals) for column in found]
    return (*found, subject[order])


def repeated(errors, subject, keys, counts):
    """Quantiles by `numpy.quantile` (definition 7) of rows repeated as often as their subject was drawn."""
    drawn = dict(zip(keys, counts.astype(int), strict=True))
    return np.quantile(np.repeat(errors, [drawn[one] for one in subject]), PROBABILITIES)


@pytest.mark.parametrize("decimals", [None, 0])
def test_every_replicate_is_that_of_the_rows_repeated(decimals: int | None) -> None:
    reference, baseline, candidate, subject = rows(decimals=decimals)
    keys = sorted(set(subject))
    weights = ResamplingWeights(keys, seed=7, replicates=300)
    matrix = weights.matrix(keys)
    points = error_shift(reference, baseline, candidate, subject=subject, replicates=300, seed=7, level=0.9)
    first, second = np.abs(baseline - reference), np.abs(candidate - reference)
    differences = np.array(
        [repeated(second, subject, keys, one) - repeated(first, subject, keys, one) for one in matrix]
    )
    assert [one.baseline for one in points] == pytest.approx(np.quantile(first, PROBABILITIES), rel=1e-12)
    assert [one.candidate for one in points] == pytest.approx(np.quantile(second, PROBABILITIES), rel=1e-12)
    for place, point in enumerate(points):
        assert point.difference == point.candidate - point.baseline
        # Davison & Hinkley 1997, eq. 5.18: position (B + 1) p, which is definition 6 of a quantile
        bounds = np.quantile(differences[:, place], [0.05, 0.95], method="weibull")
        assert point.interval is not None
        assert [point.interval.lower, point.interval.upper] == pytest.approx(bounds, rel=1e-10, abs=1e-12)
        assert point.interval.level == 0.9


def test_versions_share_their_replicates() -> None:
    """A candidate whose error is everywhere larger by the same amount is worse by that in every replicate."""
    reference, baseline, _, subject = rows()
    candidate = baseline + 2.5 * np.sign(baseline - reference)
    for point in error_shift(reference, baseline, candidate, subject=subject, replicates=200):
        assert point.difference == pytest.approx(2.5)
        assert point.interval is not None
        assert (point.interval.lower, point.interval.upper) == pytest.approx((2.5, 2.5))
        assert point.interval.degenerate


@given(st.permutations(range(40)))
def test_the_order_of_rows_changes_nothing(order: list[int]) -> None:
    reference, baseline, candidate, subject = (column[:40] for column in rows(subjects=9))
    usual = error_shift(reference, baseline, candidate, subject=subject, replicates=50)
    mixed = [column[order] for column in (reference, baseline, candidate, subject)]
    assert error_shift(*mixed[:3], subject=mixed[3], replicates=50) == usual


def test_one_preparation_serves_every_level() -> None:
    errors = np.arange(20.0)
    offsets = np.arange(0, 21, 4)
    weights = ResamplingWeights(list("abcde"), seed=1, replicates=400).matrix()
    one, two = error_quantiles(errors, offsets, weights), error_quantiles(errors[::-1] * 2, offsets, weights)
    shift = shift_of(one, two)
    wide, narrow = shift.at(0.99), shift.at(0.6)
    assert shift.replicates.shape == (400, len(PROBABILITIES))
    for a, b in zip(wide, narrow, strict=True):
        assert a.difference == b.difference
        assert a.interval is not None and b.interval is not None
        assert a.interval.lower <= b.interval.lower <= b.interval.upper <= a.interval.upper


def test_one_subject_has_quantiles_and_no_interval() -> None:
    points = error_shift([1, 2, 3], [2, 2, 5], [1, 2, 4], subject=["a"] * 3, probabilities=(0.5,))
    assert (points[0].baseline, points[0].candidate, points[0].interval) == (1.0, 0.0, None)
    assert points[0].error == "An interval needs at least two subjects."


def test_no_row_is_a_point_with_its_reason() -> None:
    (point,) = error_shift([], [], [], probabilities=(0.5,))
    assert np.isnan(point.difference)
    assert (point.interval, point.error) == (None, "There are no units.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"baseline": [1.0]}, "baseline"),
        ({"candidate": [1.0, np.nan]}, "candidate"),
        ({"probabilities": (0.5, 1.2)}, "between 0 and 1"),
        ({"probabilities": ()}, "at least one"),
        ({"level": 1.0}, "level"),
        ({"replicates": 0}, "replicates"),
    ],
)
def test_what_is_not_acceptable_is_said(arguments: dict, message: str) -> None:
    given_ = {"reference": [1.0, 2.0], "baseline": [1.0, 3.0], "candidate": [2.0, 2.0], **arguments}
    with pytest.raises(ValueError, match=message):
        error_shift(**given_)


def test_few_replicates_give_no_interval_beyond_them() -> None:
    reference, baseline, candidate, subject = rows()
    point = error_shift(reference, baseline, candidate, subject=subject, replicates=10)[0]
    assert point.interval is None
    assert point.error is not None
    assert SHIFT_REPLICATES >= 1000


def test_the_density_counts_every_unit_once() -> None:
    reference, baseline, candidate, _ = rows()
    first, second = np.abs(baseline - reference), np.abs(candidate - reference)
    found = error_density(first, second)
    assert found.counts.sum() == len(first)
    assert found.step in {0.1, 0.2, 0.25, 0.5, 1.0}
    edges = np.append(found.edges, np.inf)
    expected, *_ = np.histogram2d(first, second, bins=[np.where(np.isinf(edges), 1e9, edges)] * 2)
    assert np.array_equal(found.counts, expected)
    assert found.edges[-1] >= max(np.quantile(first, 0.99), np.quantile(second, 0.99))


def test_whole_numbers_lie_in_bins_of_their_own() -> None:
    found = error_density(np.arange(20), np.zeros(20))
    assert found.step == 1.0
    assert found.counts[:20, 0].tolist() == [1] * 20
    tenths = error_density(np.arange(20) / 10, np.zeros(20))
    assert tenths.step == 0.1
    assert tenths.counts[:20, 0].tolist() == [1] * 20


def test_errors_of_nothing_lie_in_the_first_bin() -> None:
    found = error_density([0, 0, 0], [0, 0, 0])
    assert found.counts[0, 0] == 3
    assert error_density([], []).counts.sum() == 0


def test_one_large_error_among_none_has_a_bin() -> None:
    found = error_density(np.zeros(1000), np.append(np.zeros(999), 50.0))
    assert found.counts[0, 0] == 999
    assert found.counts.sum() == 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(([1], [1, 2]), "as long"), (([-1.0], [1.0]), "at least 0"), (([np.nan], [1.0]), "at least 0")],
)
def test_errors_that_are_none_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        error_density(*arguments)


def test_too_few_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        error_density([1.0], [1.0], bins=2)
