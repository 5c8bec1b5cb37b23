"""The metrics of a binary test on ten million rows: the cells counted once, or by each metric anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from accordance.evaluators import blocks, registry
from accordance.evaluators.additive import AdditivePrepared
from accordance.evaluators.metric import REQUIRED, Columns, Metric, Prepared

ROWS, SUBJECTS = 10_000_000, 1_000
METRICS = [one for one in registry.all_metrics() if one.kind == "binary" and one.route == "additive"]


def _prepare(metric: Metric, columns: Columns) -> Prepared:
    required = [one for one in metric.parameters if one.default is REQUIRED]
    return blocks.prepare(metric, columns, **{one.name: 0.3 for one in required})


def _timed(call: Callable[[], list[Prepared]]) -> tuple[float, list[Prepared]]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def test_cells_are_counted_once_a_slice(bench_row: Callable[..., dict[str, Any]]) -> None:
    rng = np.random.default_rng(20260101)
    truth = rng.random(ROWS) < 0.3
    seen = truth ^ (rng.random(ROWS) < 0.05)
    offsets = np.arange(0, ROWS + 1, ROWS // SUBJECTS)
    columns = Columns(truth.astype(np.int64), seen.astype(np.int64), offsets, ("sinus", "af"))

    # `replace` makes columns that have shared nothing yet.
    each, alone = _timed(lambda: [_prepare(metric, replace(columns)) for metric in METRICS])
    fresh = replace(columns)
    once, shared = _timed(lambda: [_prepare(metric, fresh) for metric in METRICS])

    name = f"{len(METRICS)} metrics of a binary test on 1e7 rows, to counting cells for each"
    bench_row(name, once, each, each / once)
    for one, other in zip(shared, alone, strict=True):
        assert isinstance(one, AdditivePrepared)
        assert isinstance(other, AdditivePrepared)
        assert one.totals.tobytes() == other.totals.tobytes()
