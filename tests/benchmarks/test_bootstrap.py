"""The subject bootstrap of RMSE: weights times per-subject totals, against resampling rows by subject.

The peer is `scipy.stats.bootstrap` as one would use it for clustered rows: it resamples subject indices, and
the statistic gathers the rows of the drawn subjects. It is timed with a tenth of the replicates, three
times, and the fastest run is scaled up; finding each subject's rows, once, is not timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from accordance.evaluators.agreement import measurement_errors
from accordance.evaluators.estimate import estimates
from accordance.evaluators.functions import arrange
from accordance.evaluators.weights import ResamplingWeights

SUBJECTS, ROWS, REPLICATES, PEER_REPLICATES = 200, 500, 10_000, 1_000


def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Heart rates with an error that differs between subjects, in shuffled order."""
    random = np.random.default_rng(20)
    subject = np.repeat(np.arange(SUBJECTS), ROWS)
    reference = random.normal(75, 15, size=len(subject))
    error = np.repeat(random.normal(0, 2, size=SUBJECTS), ROWS) + random.normal(0, 4, size=len(subject))
    order = random.permutation(len(subject))
    return reference[order], (reference + error)[order], subject[order]


def timed(call: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Fastest of some runs, and the result."""
    best, result = float("inf"), None
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        best = min(best, time.perf_counter() - start)
    return best, result


def ours() -> Any:
    """Everything: sort and sum rows, draw weights, replicates, bounds with their Monte-Carlo error."""
    reference, test, subject = DATA
    columns, keys = arrange(reference, test, subject)
    prepared = measurement_errors.RMSE.prepare(columns, average="pooled")
    weights = ResamplingWeights(keys, seed=1, replicates=REPLICATES).matrix(keys)
    return estimates(
        measurement_errors.RMSE,
        prepared,
        methods={"rmse": "bootstrap_percentile"},
        level=0.95,
        sides="two",
        weights=weights,
    )["rmse"].interval


def theirs(replicates: int) -> Any:
    """Subject indices resampled by SciPy; the rows of the drawn subjects gathered for each replicate."""
    reference, test, _ = DATA

    def statistic(drawn: np.ndarray) -> float:
        chosen = np.concatenate([OF_SUBJECT[i] for i in drawn])
        return float(np.sqrt(np.mean(np.square(test[chosen] - reference[chosen]))))

    return stats.bootstrap(
        (np.arange(SUBJECTS),),
        statistic,
        n_resamples=replicates,
        method="percentile",
        vectorized=False,
        rng=np.random.default_rng(1),
    )


DATA = rows()
OF_SUBJECT = [np.flatnonzero(DATA[2] == i) for i in range(SUBJECTS)]


def test_subject_bootstrap_of_rmse(bench_row: Callable[..., Any]) -> None:
    mine, interval = timed(ours, repeats=5)
    few, peer = timed(lambda: theirs(PEER_REPLICATES), repeats=3)
    scaled = few * REPLICATES / PEER_REPLICATES
    ratio = scaled / mine
    bench_row(
        f"subject bootstrap of RMSE, {REPLICATES:,} replicates of {SUBJECTS} x {ROWS} rows "
        f"(scipy.stats.bootstrap over subjects; timed at {PEER_REPLICATES:,}, scaled)",
        ours=mine,
        peer=scaled,
        ratio=ratio,
        target=">= 50",
    )
    assert ratio >= 50
    # the peer has fewer replicates, hence the larger Monte-Carlo error
    spread = np.array(interval.mc_error) * (1 + REPLICATES / PEER_REPLICATES) ** 0.5
    found = np.array([interval.lower, interval.upper])
    expected = np.array([peer.confidence_interval.low, peer.confidence_interval.high])
    assert (np.abs(found - expected) < 4 * spread).all()
