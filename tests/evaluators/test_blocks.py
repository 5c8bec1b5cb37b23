"""Preparing in blocks gives what preparing in one piece gives.

Oracle: `metric.prepare` on all rows, which the other tests hold against R and published tables.
"""

from __future__ import annotations

import numpy as np
import pytest
from asked import required
from everything import columns_of

from accordance.evaluators import blocks, registry
from accordance.evaluators.metric import Columns


def _columns(kind: str, lengths: list[int], seed: int = 3) -> Columns:
    rng = np.random.default_rng(seed)
    n = sum(lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    if kind == "rate":
        return Columns(rng.uniform(1, 9, n), rng.poisson(2, n).astype(float), offsets)
    if kind == "measurement":
        reference = rng.normal(75, 12, n)
        roles = {"covariate": rng.normal(20, 30, n)}
        return Columns(reference, reference + rng.normal(1, 4, n), offsets, roles=roles)
    codes = rng.integers(0, 2, (2, n))
    return Columns(codes[0], codes[1], offsets, ("negative", "positive"))


@pytest.mark.parametrize(
    "name", [metric.name for metric in registry.all_metrics() if metric.route == "additive"]
)
def test_blocks_equal_one_piece(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 100)
    metric = registry.get(name)
    # One subject larger than a block, some without rows, the last one with a single row.
    sizes = [40, 0, 70, 350, 0, 20, 90, 60, 0, 1]
    columns = _columns(metric.kind if metric.one_unit else "rate", sizes)
    if name in {"beat_classes", "beat_detection", "episode_detection"}:  # they know their categories
        columns = columns_of(metric, sizes)
    weights = np.random.default_rng(1).integers(0, 3, (20, columns.n_subjects)).astype(float)
    for average in metric.averages:
        whole = metric.prepare(columns, average=average, **required(metric))
        made = blocks.prepare(metric, columns, average=average, **required(metric))
        assert made.n_subjects == whole.n_subjects
        np.testing.assert_allclose(made.at(weights), whole.at(weights), rtol=1e-11)
        for statistic in whole.statistics:
            assert made.counts(statistic) == whole.counts(statistic)
            assert made.standard_error(statistic) == pytest.approx(whole.standard_error(statistic), rel=1e-9)


def test_weighted_rows_are_prepared_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 10)
    plain = _columns("measurement", [15, 25, 30])
    weights = np.random.default_rng(2).random(70)
    columns = Columns(plain.reference, plain.test, plain.offsets, weights=weights)
    metric = registry.get("rmse")
    np.testing.assert_array_equal(
        blocks.prepare(metric, columns).estimate(), metric.prepare(columns).estimate()
    )


def test_errors_speak_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 10)
    plain = _columns("measurement", [15, 25, 30])
    plain.test[69] = np.nan
    with pytest.raises(ValueError, match="first at row 69"):
        blocks.prepare(registry.get("rmse"), plain)


def test_blocks_are_whole_subjects_and_cover_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 100)
    offsets = np.concatenate([[0], np.cumsum([60, 30, 30, 500, 0, 0, 100])])
    cuts = blocks._cuts(offsets)
    assert cuts[0] == 0 and cuts[-1] == 7 and cuts == sorted(set(cuts))
    rows = np.diff(offsets[cuts])
    assert max(rows[rows != 500]) <= 100
