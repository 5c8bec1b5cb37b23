"""The skewness-corrected score interval of one proportion.

`ratesci::scaspci` and `ratesci::clusterpci`, ratesci 1.0.0 in R 4.2.2, in diagnostic/oracle.json.
"""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic import bounds, cases
from hypothesis import given
from hypothesis import strategies as st
from oracle import compare
from scipy import stats

from accordance.evaluators.metric import CannotComputeError
from accordance.evaluators.proportions.clustered import anova_icc
from accordance.evaluators.proportions.clusters import clusters
from accordance.evaluators.proportions.skewness import scas

FRACTION = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
LEVEL = st.sampled_from([0.6, 0.8, 0.95, 0.99, 0.999, 0.9999])


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


def test_against_r(found):
    """All prop_* cases: 0/n, n/n, n = 1 and n = 100,000 among them."""
    used = [case for case in found.values() if case["topic"] == "proportion_ci"]
    assert len(used) == 11
    for case in used:
        x, n, level = (case["inputs"][key] for key in ("x", "n", "conf_level"))
        expected = bounds(case["outputs"]["ratesci_SCAS_skewness_corrected"])
        compare("proportion, scas", scas(x, n, level), expected)


@pytest.mark.parametrize("name", ["cluster_liang1992", "cluster_thyroids_pet", "cluster_orob2"])
def test_inflated_for_subjects_against_r(found, name):
    """The inflation of Saha, Miller & Wang 2016 is sum(n (1 + (n - 1) icc)) / sum(n)."""
    given, expected = found[name]["inputs"], found[name]["outputs"]["ratesci_clusterpci_skew"]
    x, n = np.array(given["x_per_cluster"]), np.array(given["n_per_cluster"])
    icc = anova_icc(clusters(x, n))
    inflation = float((n * (1 + (n - 1) * icc)).sum() / n.sum())
    compare("proportion, scas of clusters", [icc, inflation], [expected["icc"], expected["xihat"]])
    got = scas(x.sum(), n.sum(), given["conf_level"], inflation=inflation)
    compare("proportion, scas of clusters", got, bounds(expected))


def corrected(p, x, n, inflation):
    """Laud 2017, the score as a root of its quadratic, in the form of his appendix."""
    variance = inflation * p * (1 - p) / n
    skew = p * (1 - p) * (1 - 2 * p) / n**2 / (6 * variance**1.5)
    plain = (x / n - p) / np.sqrt(variance)
    return plain if skew == 0 else (np.sqrt(max(1 + 4 * skew * (plain + skew), 0)) - 1) / (2 * skew)


@given(FRACTION, LEVEL, st.sampled_from([1.0, 2.5]))
def test_bounds_are_where_the_corrected_score_passes_the_quantile(fraction, level, inflation):
    """By bisection; with few units and a level of 99.9% it never does, and the end is 0 or 1."""
    x, n = fraction
    lower, upper = scas(x, n, level, inflation=inflation)
    z = stats.norm.ppf((1 + level) / 2)
    for events, got in ((x, lower), (n - x, 1 - upper)):
        below, above = 0.0, 1.0
        for _ in range(80):
            middle = (below + above) / 2
            if corrected(middle, events, n, inflation) > z:
                below = middle
            else:
                above = middle
        assert got == pytest.approx(below if events else 0.0, abs=1e-9)


@given(FRACTION, LEVEL)
def test_events_and_others_are_exchangeable_and_the_share_lies_inside(fraction, level):
    x, n = fraction
    lower, upper = scas(x, n, level)
    assert (1 - upper, 1 - lower) == pytest.approx(scas(n - x, n, level), abs=1e-12)
    assert 0 <= lower <= x / n <= upper <= 1
    low, high = scas(x, n, 0.505, "lower")[0], scas(x, n, 0.505, "upper")[1]
    assert low <= x / n + 1e-12 and x / n - 1e-12 <= high


def test_one_sided_bounds_and_arrays():
    lower, upper = scas([3, 0], [20, 20], 0.9)
    assert scas(3, 20, 0.95, "lower") == pytest.approx((lower[0], 1))
    assert scas([3, 0], [20, 20], 0.95, "upper")[1] == pytest.approx(upper)


def test_what_is_refused():
    with pytest.raises(ValueError, match="from 1 on"):
        scas(3, 20, 0.95, inflation=0.5)
    with pytest.raises(CannotComputeError, match="at least one unit"):
        scas(0, 0, 0.95)
    with pytest.raises(ValueError, match="between 0 and `n`"):
        scas(3, 2, 0.95)
