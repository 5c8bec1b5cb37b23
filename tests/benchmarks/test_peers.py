"""Subject bootstraps against what a user would otherwise call: scikit-learn, confidenceinterval, pingouin.

The peers resample rows, or subjects whose rows are then gathered; each is timed with few replicates, which
are scaled up to 10,000. Both sides start from the same rows, and must agree on the estimate. Peers that come
with the dependency group `bench` are skipped without it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats
from sklearn import metrics as sklearn_metrics

from accordance.evaluators import registry
from accordance.evaluators.estimate import estimates
from accordance.evaluators.functions import arrange
from accordance.evaluators.metric import Columns
from accordance.evaluators.roc.delong import delong
from accordance.evaluators.weights import ResamplingWeights

SUBJECTS, ROWS, REPLICATES = 200, 500, 10_000


def timed(call: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """Fastest of some runs, and the result."""
    best, result = float("inf"), None
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        best = min(best, time.perf_counter() - start)
    return best, result


def rows(per_subject: int = ROWS, subjects: int = SUBJECTS) -> tuple[np.ndarray, ...]:
    """Truth, call, score and subject of rows whose subjects differ."""
    random = np.random.default_rng(7)
    subject = np.repeat(np.arange(subjects), per_subject)
    truth = (random.random(len(subject)) < 0.3).astype(np.int64)
    own = np.repeat(random.normal(0, 0.5, size=subjects), per_subject)
    score = random.normal(1.2 * truth + own)
    return truth, (score > 0.7).astype(np.int64), score, subject


TRUTH, CALL, SCORE, SUBJECT = rows()


def bootstrapped(name: str, test: np.ndarray, replicates: int = REPLICATES) -> Any:
    """Everything of a metric's subject bootstrap, from rows to the interval."""
    metric = registry.get(name)
    levels = ("negative", "positive") if metric.kind == "binary" else ()
    columns, keys = arrange(TRUTH, test, SUBJECT, None, levels)
    prepared = metric.prepare(columns)
    weights = ResamplingWeights(keys, seed=1, replicates=replicates).matrix(keys)
    methods = {metric.headline: "bootstrap_percentile"}
    found = estimates(metric, prepared, methods=methods, level=0.95, sides="two", weights=weights)
    return found[metric.headline]


def by_subject(statistic: Callable[..., float], test: np.ndarray, replicates: int) -> float:
    """Seconds of 10,000 replicates of a scikit-learn score: draw subjects, gather their rows, score."""
    random = np.random.default_rng(1)
    of_subject = np.arange(len(TRUTH)).reshape(SUBJECTS, ROWS)

    def run() -> None:
        for _ in range(replicates):
            chosen = of_subject[random.integers(0, SUBJECTS, SUBJECTS)].ravel()
            statistic(TRUTH[chosen], test[chosen])

    return timed(run, 1)[0] * REPLICATES / replicates


@pytest.mark.parametrize(
    ("name", "statistic"),
    [
        ("sensitivity", sklearn_metrics.recall_score),
        ("f1", sklearn_metrics.f1_score),
        ("mcc", sklearn_metrics.matthews_corrcoef),
    ],
)
def test_classification_against_scikit_learn(
    name: str, statistic: Callable[..., float], bench_row: Callable[..., Any]
) -> None:
    ours, found = timed(lambda: bootstrapped(name, CALL))
    theirs = by_subject(statistic, CALL, 30)
    assert found.value == pytest.approx(statistic(TRUTH, CALL), rel=1e-12)
    bench_row(f"bootstrap of {name}, 1e5 rows (scikit-learn)", ours, theirs, theirs / ours, ">= 50")
    assert theirs / ours >= 50


def test_auc_against_scikit_learn(bench_row: Callable[..., Any]) -> None:
    ours, found = timed(lambda: bootstrapped("auc", SCORE), 1)
    theirs = by_subject(sklearn_metrics.roc_auc_score, SCORE, 20)
    assert found.value == pytest.approx(sklearn_metrics.roc_auc_score(TRUTH, SCORE), rel=1e-12)
    bench_row("bootstrap of AUC, 1e5 rows (scikit-learn)", ours, theirs, theirs / ours, ">= 5")
    assert theirs / ours >= 5


def test_scipy_bootstrap_of_rows(bench_row: Callable[..., Any]) -> None:
    """Sensitivity by `scipy.stats.bootstrap` of pairs of columns, as its documentation shows it."""

    def statistic(truth: np.ndarray, call: np.ndarray) -> float:
        return float(call[truth == 1].mean())

    def theirs() -> Any:
        return stats.bootstrap(
            (TRUTH, CALL), statistic, paired=True, vectorized=False, n_resamples=30, method="percentile"
        )

    ours, _ = timed(lambda: bootstrapped("sensitivity", CALL))
    spent = timed(theirs, 1)[0] * REPLICATES / 30
    bench_row("bootstrap of sensitivity, 1e5 rows (scipy)", ours, spent, spent / ours, ">= 50")
    assert spent / ours >= 50


def test_confidenceinterval(bench_row: Callable[..., Any]) -> None:
    """Its bootstrap resamples rows, one replicate after the other."""
    peer = pytest.importorskip("confidenceinterval", reason="the group `bench` is not installed")
    ours, found = timed(lambda: bootstrapped("sensitivity", CALL))

    def theirs() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return peer.tpr_score(TRUTH, CALL, method="bootstrap_percentile", n_resamples=20)

    spent, (value, _) = timed(theirs, 1)
    assert found.value == pytest.approx(value, rel=1e-9)  # it is right to 3e-12
    spent *= REPLICATES / 20
    bench_row("bootstrap of sensitivity, 1e5 rows (confidenceinterval)", ours, spent, spent / ours, ">= 50")
    assert spent / ours >= 50


def test_pingouin(bench_row: Callable[..., Any]) -> None:
    """`compute_bootci` of a correlation: rows are resampled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = pytest.importorskip("pingouin", reason="the group `bench` is not installed")
    test = SCORE + np.random.default_rng(3).normal(size=len(SCORE))
    metric = registry.get("pearson")

    def mine() -> Any:
        columns, keys = arrange(SCORE, test, SUBJECT)
        weights = ResamplingWeights(keys, seed=1, replicates=REPLICATES).matrix(keys)
        methods = {"pearson": "bootstrap_percentile"}
        found = estimates(
            metric, metric.prepare(columns), methods=methods, level=0.95, sides="two", weights=weights
        )
        return found["pearson"]

    ours, found = timed(mine)
    spent, _ = timed(
        lambda: peer.compute_bootci(
            SCORE, test, func="pearson", method="per", paired=True, n_boot=30, seed=1
        ),
        1,
    )
    assert found.value == pytest.approx(np.corrcoef(SCORE, test)[0, 1], rel=1e-9)
    spent *= REPLICATES / 30
    bench_row("bootstrap of Pearson, 1e5 rows (pingouin)", ours, spent, spent / ours, ">= 50")
    assert spent / ours >= 50


def test_replicates_cost_subjects_and_not_rows(bench_row: Callable[..., Any]) -> None:
    """10,000 replicates of 200 subjects: ten times the rows, the same time."""
    metric = registry.get("f1")
    spent = []
    for per_subject in (500, 5_000):
        truth, call, _, subject = rows(per_subject)
        columns, keys = arrange(truth, call, subject, None, ("negative", "positive"))
        prepared = metric.prepare(columns)
        weights = ResamplingWeights(keys, seed=1, replicates=REPLICATES).matrix(keys)
        spent.append(timed(lambda p=prepared, w=weights: p.at(w), 7)[0])
    ratio = spent[1] / spent[0]
    bench_row("replicates of F1, 1e6 rows to 1e5 rows, 200 subjects", spent[1], spent[0], ratio, "<= 2")
    assert ratio <= 2


def test_delong_of_ten_million_rows(bench_row: Callable[..., Any]) -> None:
    """To one `np.argsort` of the scores."""
    random = np.random.default_rng(5)
    truth = random.random(10_000_000) < 0.3
    score = random.normal(truth)
    positive, negative = score[truth], score[~truth]
    ours, found = timed(lambda: delong(positive, negative), 2)
    peer, _ = timed(lambda: np.argsort(score), 2)
    assert found.value == pytest.approx(stats.norm.cdf(2**-0.5), abs=6 * found.variance**0.5)
    bench_row("AUC with DeLong's variance, 1e7 rows, to np.argsort", ours, peer, ours / peer, "<= 3")
    assert ours / peer <= 3


def test_limits_of_agreement_to_one_group_by(bench_row: Callable[..., Any]) -> None:
    """Limits with their intervals, 1e6 rows of 1,000 subjects, to Polars' group-by of what they need."""
    random = np.random.default_rng(6)
    subjects, per_subject = 1_000, 1_000
    subject = np.repeat(np.arange(subjects), per_subject)
    reference = random.normal(75, 15, size=len(subject))
    own = np.repeat(random.normal(0, 2, size=subjects), per_subject)
    test = reference + own + random.normal(0, 4, size=len(subject))
    metric = registry.get("bland_altman")
    columns = Columns(reference, test, np.arange(0, len(subject) + 1, per_subject))
    frame = pl.DataFrame({"subject": subject, "reference": reference, "test": test})
    methods = {one.name: one.intervals[0] for one in metric.statistics}

    def mine() -> Any:
        prepared = metric.prepare(columns, truth="varying")
        return estimates(metric, prepared, methods=methods, level=0.95, sides="two", weights=None)

    def grouped() -> pl.DataFrame:
        difference = pl.col("test") - pl.col("reference")
        needed = (pl.len(), difference.mean().alias("mean"), difference.var().alias("variance"))
        return frame.group_by("subject").agg(*needed)

    ours, found = timed(mine, 9)
    peer, parts = timed(grouped, 9)
    assert found["bias"].value == pytest.approx(parts["mean"].mean(), rel=1e-9)
    bench_row(
        "limits of agreement, 1e6 rows x 1,000 subjects, to one group-by", ours, peer, ours / peer, "<= 2"
    )
    assert ours / peer <= 2
