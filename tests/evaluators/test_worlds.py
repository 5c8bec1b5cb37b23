"""Worlds with a known truth: the truth asked for is reached, drawn subjects are those that were seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.evaluators import registry
from accordance.evaluators.metric import CannotComputeError, Columns, Prepared
from accordance.evaluators.worlds import NEAR, Mover, World, drawn, latent_correlation, rows_of, ways_of


def measured(seed: int = 1, subjects: int = 12) -> Columns:
    """Unequal numbers of rows, errors alike within a subject."""
    random = np.random.default_rng(seed)
    sizes = random.integers(0, 9, subjects) + (np.arange(subjects) % 4 > 0)
    reference = random.uniform(50, 100, sizes.sum())
    error = np.repeat(random.normal(1, 2, subjects), sizes) + random.normal(0, 3, sizes.sum())
    return Columns(reference, reference + error, np.concatenate([[0], np.cumsum(sizes)]))


def judged(subjects: int = 400, rows: int = 10, seed: int = 3) -> Columns:
    """Outputs right and wrong, as alike within a subject as a beta-binomial of correlation 0.2."""
    random = np.random.default_rng(seed)
    share = random.beta(0.9 * 4, 0.1 * 4, subjects)  # 1 / (a + b + 1) = 0.2
    right = random.random(subjects * rows) < np.repeat(share, rows)
    reference = random.integers(0, 2, subjects * rows)
    return Columns(
        reference,
        np.where(right, reference, 1 - reference),
        np.arange(subjects + 1) * rows,
        levels=("negative", "positive"),
    )


def mover(name: str, statistic: str, columns: Columns, **parameters: object) -> Mover:
    metric = registry.get(name)
    average = metric.averages[0]
    return Mover(
        metric,
        statistic,
        columns,
        lambda found: metric.prepare(found, average=average, **parameters),
        seed=5,
    )


@settings(max_examples=25, deadline=None)
@given(truth=st.floats(0.01, 500), seed=st.integers(0, 50))
def test_measurements_reach_any_truth(truth: float, seed: int) -> None:
    columns = measured(seed)
    for name, by_hand in (
        ("mae", lambda e: np.mean(np.abs(e))),
        ("rmse", lambda e: np.sqrt(np.mean(e**2))),
    ):
        world = mover(name, name, columns).to(truth)
        error = world.columns.test - world.columns.reference
        assert by_hand(error) == pytest.approx(truth, rel=1e-8)
        assert world.truth == pytest.approx(truth, rel=1e-8)
        # relative sizes of errors stay
        before = columns.test - columns.reference
        assert np.allclose(error, before * (error[0] / before[0]))
    world = mover("bland_altman", "bias", columns, truth="constant").to(truth)
    assert world.way == "shift"
    error = world.columns.test - world.columns.reference
    assert np.ptp(error - (columns.test - columns.reference)) == pytest.approx(0, abs=1e-9 * truth + 1e-9)
    filled = np.flatnonzero(np.diff(columns.offsets))
    means = [error[columns.offsets[i] : columns.offsets[i + 1]].mean() for i in filled]
    assert np.mean(means) == pytest.approx(truth, rel=1e-8)


def test_outputs_are_made_right_or_wrong_until_sensitivity_is_what_was_asked() -> None:
    columns = judged()
    for truth in (0.6, 0.85, 0.97):
        world = mover("sensitivity", "sensitivity", columns).to(truth)
        positive = world.columns.reference == 1
        share = np.mean(world.columns.test[positive] == 1)
        assert share == pytest.approx(truth, abs=1 / positive.sum())
        assert world.truth == share
        changed = world.columns.test != columns.test
        right = columns.test == columns.reference
        # in one direction only
        assert not (changed & (right if truth > share_of(columns) else ~right)).any()


def share_of(columns: Columns) -> float:
    positive = columns.reference == 1
    return float(np.mean(columns.test[positive] == 1))


def icc(wrong: np.ndarray, rows: int) -> float:
    """One-way analysis of variance of equal groups."""
    table = wrong.reshape(-1, rows).astype(float)
    between = rows * table.mean(axis=1).var(ddof=1)
    within = table.var(axis=1, ddof=1).mean()
    return float((between - within) / (between + (rows - 1) * within))


def test_errors_stay_alike_within_subjects() -> None:
    columns = judged()
    before = icc(columns.test != columns.reference, 10)
    world = mover("accuracy", "accuracy", columns).to(0.8)
    after = icc(world.columns.test != world.columns.reference, 10)
    assert before == pytest.approx(0.2, abs=0.06)
    assert after == pytest.approx(before, abs=0.08)


def test_latent_correlation_gives_the_correlation_back() -> None:
    columns = judged()
    wrong = columns.test != columns.reference
    rho = latent_correlation(wrong, columns.offsets)
    random = np.random.default_rng(8)
    scores = np.sqrt(rho) * random.standard_normal((20_000, 1))
    scores = scores + np.sqrt(1 - rho) * random.standard_normal((20_000, 10))
    exceeds = scores < np.quantile(scores, wrong.mean())
    assert icc(exceeds.ravel(), 10) == pytest.approx(icc(wrong, 10), abs=0.02)
    assert latent_correlation(wrong, np.arange(len(wrong) + 1)) == 0  # one row a subject


def test_no_error_and_one_row_a_subject_reach_the_nearest_truth() -> None:
    reference = np.ones(50, dtype=np.int64)
    columns = Columns(reference, reference.copy(), np.arange(51), levels=("negative", "positive"))
    world = mover("sensitivity", "sensitivity", columns).to(0.89)
    assert world.truth == pytest.approx(0.89, abs=0.5 / 50 + 1e-12)


def test_scores_are_moved_apart() -> None:
    random = np.random.default_rng(2)
    reference = random.integers(0, 2, 200)
    columns = Columns(reference, random.normal(size=200), np.arange(201), levels=("negative", "positive"))
    world = mover("auc", "auc", columns).to(0.8)
    pairs = world.columns.test[reference == 1][:, None] > world.columns.test[reference == 0]
    assert pairs.mean() == pytest.approx(0.8, abs=1e-3)


def test_a_value_that_is_missing_between_two_others_is_stepped_over() -> None:
    columns = measured()
    mae = registry.get("mae")
    error = float(np.mean(np.abs(columns.test - columns.reference)))

    def prepare(found: Columns) -> Prepared:
        factor = float(np.mean(np.abs(found.test - found.reference))) / error
        if 1.4 < factor < 1.45:
            raise CannotComputeError("no value here")
        return mae.prepare(found)

    moving = Mover(mae, "mae", columns, prepare, seed=1)
    world = moving.to(1.425 * error)
    assert abs(world.truth - 1.425 * error) <= NEAR * moving.observed.prepared.standard_error("mae")
    assert not 1.4 < world.truth / error < 1.45


def test_a_truth_beyond_reach_says_what_was_tried() -> None:
    with pytest.raises(CannotComputeError, match=r"cannot be moved to -1 .*multiplied.*added"):
        mover("mae", "mae", measured()).to(-1.0)
    assert ways_of(registry.get("event_rate"), "rate") == ()


@pytest.mark.parametrize("name", ["mae", "bland_altman", "median_absolute_error", "pearson"])
def test_drawn_subjects_are_their_rows(name: str) -> None:
    """Picked totals are what the metric makes of the rows, read anew, as subjects of their own."""
    metric, columns = registry.get(name), measured(4)
    parameters = {"truth": "constant"} if name == "bland_altman" else {}

    def prepare(found: Columns) -> object:
        return metric.prepare(found, average=metric.averages[0], **parameters)

    chosen = np.array([1, 1, 2, 5, 7, 7, 7, 9])
    rows = [np.arange(columns.offsets[i], columns.offsets[i + 1]) for i in chosen]
    by_hand = Columns(
        columns.reference[np.concatenate(rows)],
        columns.test[np.concatenate(rows)],
        np.concatenate([[0], np.cumsum([len(r) for r in rows])]),
    )
    world = World(columns, prepare(columns), 0.0, "none", 0.0)  # type: ignore[arg-type]
    found = drawn(world, chosen, prepare)  # type: ignore[arg-type]
    assert np.allclose(found.estimate(), prepare(by_hand).estimate(), equal_nan=True)  # type: ignore[attr-defined]
    assert (rows_of(columns, chosen).test == by_hand.test).all()
