"""The subject bootstrap of Spearman's correlation, against ranking the drawn subjects' rows each time.

The peer draws subjects, gathers their rows and calls `scipy.stats.spearmanr`, as `scipy.stats.bootstrap`
with a statistic over subject indices would; its loop over fewer replicates is scaled up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from accordance.evaluators.correlation import correlations as correlation
from accordance.evaluators.functions import arrange
from accordance.evaluators.weights import ResamplingWeights

SUBJECTS, ROWS, REPLICATES, OURS, PEER = 200, 500, 10_000, 1_000, 30


def test_spearman(bench_row: Callable[..., dict[str, Any]]) -> None:
    """100,000 rows without ties; both are scaled to 10,000 replicates."""
    random = np.random.default_rng(1)
    subject = np.repeat(np.arange(SUBJECTS), ROWS)
    reference = random.normal(75, 15, size=len(subject))
    test = reference + random.normal(0, 4, size=len(subject))
    columns, keys = arrange(reference, test, subject)
    weights = ResamplingWeights(keys, seed=1, replicates=OURS).matrix(keys)
    start = time.perf_counter()
    prepared = correlation.SPEARMAN.prepare(columns)
    prepared.estimate()
    sorting = time.perf_counter() - start
    start = time.perf_counter()
    found = prepared.at(weights)
    ours = sorting + (time.perf_counter() - start) * REPLICATES / OURS
    rows = np.arange(len(subject)).reshape(SUBJECTS, ROWS)
    start = time.perf_counter()
    values = []
    for _ in range(PEER):
        drawn = rows[random.integers(0, SUBJECTS, SUBJECTS)].ravel()
        values.append(stats.spearmanr(columns.reference[drawn], columns.test[drawn]).statistic)
    peer = (time.perf_counter() - start) * REPLICATES / PEER
    assert np.isfinite(found).all()
    assert abs(np.mean(values) - found.mean()) < 6 * np.std(values) / np.sqrt(PEER)
    ratio = peer / ours
    bench_row("bootstrap of Spearman, 1e5 rows", ours=ours, peer=peer, ratio=ratio, target=">= 5")
    assert ratio >= 5
