"""The cells of a slice are counted once, and are those of each metric on rows of its own.

Oracle: the same metric on a copy of the rows that no other metric has seen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from asked import required

from accordance.evaluators import blocks, registry
from accordance.evaluators.additive import AdditivePrepared
from accordance.evaluators.classification import cell_counts
from accordance.evaluators.metric import Columns

BINARY = [one for one in registry.all_metrics() if one.kind == "binary" and one.route == "additive"]


def _rows(weighted: bool = False) -> Columns:
    rng = np.random.default_rng(11)
    codes = rng.integers(0, 2, (2, 300))
    offsets = np.array([0, 40, 40, 150, 299, 300])
    return Columns(*codes, offsets, ("no", "yes"), rng.random(300) if weighted else None)


@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_that_share_the_cells_give_the_bits_they_give_alone(
    weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 100)
    together = _rows(weighted)
    for metric in BINARY:
        for average in metric.averages:
            shared = blocks.prepare(metric, together, average=average, **required(metric))
            alone = blocks.prepare(metric, _rows(weighted), average=average, **required(metric))
            assert isinstance(shared, AdditivePrepared)
            assert isinstance(alone, AdditivePrepared)
            assert shared.totals.tobytes() == alone.totals.tobytes(), metric.name


@pytest.mark.parametrize("block_rows", [100, 1000])
def test_rows_are_counted_once_however_many_metrics_ask(
    block_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    count = cell_counts._count
    monkeypatch.setattr(blocks, "BLOCK_ROWS", block_rows)
    monkeypatch.setattr(
        cell_counts, "_count", lambda columns: (counted.append(len(columns.test)), count(columns))[1]
    )
    columns = _rows()
    for name in ("sensitivity", "specificity", "ppv", "f1", "mcc", "lr_positive"):
        blocks.prepare(registry.get(name), columns)
    assert sum(counted) == len(columns.test)


def test_other_rows_have_cells_of_their_own() -> None:
    columns = _rows()
    before = cell_counts.cell_counts(columns).counted
    after = cell_counts.cell_counts(replace(columns, test=1 - columns.test)).counted
    np.testing.assert_array_equal(after, before[:, [2, 3, 0, 1]])  # TP and FN, FP and TN change places


def test_shared_cells_can_not_be_changed() -> None:
    for table in cell_counts.cell_counts(_rows(weighted=True)):
        with pytest.raises(ValueError, match="read-only"):
            table[0, 0] = 5.0


def test_codes_are_refused_each_time_they_are_asked_for() -> None:
    columns = Columns(np.array([0, 2]), np.array([0, 1]), np.array([0, 2]))
    for name in ("sensitivity", "f1"):
        with pytest.raises(ValueError, match="`reference` must hold codes from 0 to 1"):
            registry.get(name).prepare(columns)
