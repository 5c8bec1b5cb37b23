"""p values by inverting intervals: equal to the test that the interval comes from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from accordance.evaluators import registry
from accordance.evaluators.inversion import SMALLEST, interval_at, p_value
from accordance.evaluators.metric import Columns
from accordance.evaluators.weights import ResamplingWeights


def prepared(metric, reference, test, **parameters):
    columns = Columns(np.asarray(reference), np.asarray(test), np.arange(len(reference) + 1))
    if metric.kind == "binary":
        columns = Columns(columns.reference, columns.test, columns.offsets, ("negative", "positive"))
    return metric.prepare(columns, **parameters)


def sensitivity(hits, cases, method="clopper_pearson", weights=None):
    metric = registry.get("sensitivity")
    found = prepared(metric, np.ones(cases, np.int64), (np.arange(cases) < hits).astype(np.int64))
    return interval_at(metric.statistic("sensitivity"), found, method, weights)


@pytest.mark.parametrize(("hits", "cases"), [(95, 100), (90, 100), (100, 100), (217, 231)])
def test_clopper_pearson_gives_the_exact_binomial_test(hits, cases):
    expected = stats.binomtest(hits, cases, 0.9, alternative="greater").pvalue
    found = p_value(sensitivity(hits, cases), "clopper_pearson", side="lower", limit=0.9)
    assert found == pytest.approx(max(expected, SMALLEST), rel=1e-6) or expected > 0.5


def test_the_other_side():
    expected = stats.binomtest(80, 100, 0.9, alternative="less").pvalue
    assert p_value(sensitivity(80, 100), "clopper_pearson", side="upper", limit=0.9) == pytest.approx(
        expected
    )
    assert p_value(sensitivity(80, 100), "clopper_pearson", side="lower", limit=0.9) == pytest.approx(
        1 - expected
    )


def test_students_t():
    rng = np.random.default_rng(4)
    reference = rng.normal(100, 10, 30)
    test = reference + rng.normal(1, 3, 30)
    metric = registry.get("bland_altman")
    at = interval_at(
        metric.statistic("bias"), prepared(metric, reference, test, truth="independent"), "cluster_t", None
    )
    expected = stats.ttest_1samp(test - reference, 2.0, alternative="less").pvalue
    assert p_value(at, "cluster_t", side="upper", limit=2.0) == pytest.approx(expected, rel=1e-6)


def test_p_and_the_bound_always_agree():
    weights = ResamplingWeights([str(n) for n in range(60)], seed=1, replicates=2000).matrix(
        [str(n) for n in range(60)]
    )
    for method in ("clopper_pearson", "wilson", "bootstrap_percentile", "bootstrap_bca"):
        at = sensitivity(55, 60, method, weights)
        for limit in (0.7, 0.8, 0.85):
            p = p_value(at, method, side="lower", limit=limit)
            for alpha in (0.025, 0.05, 0.2):
                if abs(p - alpha) > 2e-3:
                    assert (p <= alpha) == (at(1 - alpha, "lower").lower > limit), (method, limit, alpha, p)
