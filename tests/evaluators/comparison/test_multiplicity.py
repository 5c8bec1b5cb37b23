"""Several hypotheses, one error rate: adjusted p values and graphical procedures."""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic import cases
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare

from accordance.evaluators.comparison.graphs import (
    Graph,
    closed_graphical,
    fallback_graph,
    fixed_sequence_graph,
    graphical,
    holm_graph,
)
from accordance.evaluators.comparison.multiplicity import METHODS, adjust

ADJUSTED = ("p4", "p3_gmcp", "p6_bretz2011", "ties", "with_one", "single")
R_NAMES = {"benjamini_hochberg": "BH", "benjamini_yekutieli": "BY"}
GRAPHS = (
    "holm4",
    "holm3_gmcp_unittest",
    "fixed_sequence_all",
    "fixed_sequence_stop",
    "fallback",
    "parallel_gatekeeping",
    "bretz2009_improved_gatekeeping_2x2",
    "simple_successive_1",
    "simple_successive_2",
    "hochberg3_closure",
)
P = st.lists(st.floats(0, 1), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


def drawn(case):
    """Thirds are written with 15 digits there, and rows then add up to a little less or more than 1."""
    given = case["inputs"]
    return Graph(np.array(given["weights"]), np.array(given["transitions"]))


@pytest.mark.parametrize("name", ADJUSTED)
@pytest.mark.parametrize("method", sorted(set(METHODS) - {"fixed_sequence"}))
def test_adjusted_p_against_r(found, name, method):
    """`p.adjust` of R 4.2.2; Holm also as printed in the unit tests of gMCP."""
    case = found[f"padjust_{name}"]
    result = adjust(case["inputs"]["p"], method=method)
    expected = np.atleast_1d(case["outputs"][R_NAMES.get(method, method)])
    compare(f"multiplicity, {method}", result.adjusted, expected)


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_against_r(found, name):
    """graphicalMCP 0.2.8 in R; the Holm graph also as printed in the unit tests of gMCP."""
    case = found[f"graph_{name}"]
    given, expected = case["inputs"], case["outputs"]
    result = graphical(given["p"], drawn(case), alpha=given["alpha"])
    compare("multiplicity, graphical", result.adjusted, expected["adjusted_p"])
    assert list(result.rejected) == expected["rejected"]
    compare("multiplicity, graph that is left", result.remaining.weights, expected["final_weights"])
    compare("multiplicity, graph that is left", result.remaining.transitions, expected["final_transitions"])


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("test", ["bonferroni", "simes", "hochberg"])
def test_closed_graphs_against_r(found, name, test):
    """`graph_test_closure` of graphicalMCP 0.2.8 in R."""
    case = found[f"graph_{name}"]
    expected = case["outputs"].get(f"closure_{test}_adjusted_p")
    if expected is None:  # R refuses Hochberg where shares are unequal, and so do we where it matters
        assert test == "hochberg"
        return
    result = closed_graphical(case["inputs"]["p"], drawn(case), test=test, alpha=case["inputs"]["alpha"])
    compare(f"multiplicity, closed {test}", result.adjusted, expected)


@settings(max_examples=60, deadline=None)
@given(P)
def test_known_procedures_are_graphs(p):
    m = len(p)
    for graph, method in ((holm_graph(m), "holm"), (fixed_sequence_graph(m), "fixed_sequence")):
        np.testing.assert_allclose(graphical(p, graph).adjusted, adjust(p, method=method).adjusted, rtol=1e-9)
    for test, method in (("simes", "hommel"), ("bonferroni", "holm")):
        closed = closed_graphical(p, holm_graph(m), test=test).adjusted
        np.testing.assert_allclose(closed, adjust(p, method=method).adjusted, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(
        closed_graphical(p, holm_graph(m), test="hochberg").adjusted,
        adjust(p, method="hochberg").adjusted,
        rtol=1e-9,
        atol=1e-15,
    )


@settings(max_examples=60, deadline=None)
@given(P, st.randoms(use_true_random=False))
def test_order_of_hypotheses_does_not_matter(p, random):
    order = list(range(len(p)))
    random.shuffle(order)
    for method in set(METHODS) - {"fixed_sequence"}:
        one = np.array(adjust(p, method=method).adjusted)
        other = adjust(np.array(p)[order], method=method).adjusted
        np.testing.assert_allclose(other, one[order], rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(P)
def test_powers_are_ordered(p):
    """Bonferroni is never below Holm, Holm never below Hochberg, Hochberg never below Hommel, all above p."""
    chain = [adjust(p, method=name).adjusted for name in ("bonferroni", "holm", "hochberg", "hommel")]
    for weaker, stronger in zip(chain, [*chain[1:], p], strict=True):
        assert np.all(np.array(weaker) >= np.array(stronger) - 1e-15)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=5), st.data())
def test_fallback_never_loses_to_its_own_bonferroni(p, data):
    shares = np.array(data.draw(st.lists(st.floats(0.1, 1), min_size=len(p), max_size=len(p))))
    shares /= shares.sum()
    weighted = np.minimum(np.array(p) / shares, 1)
    found = graphical(p, fallback_graph(shares))
    assert np.all(np.array(found.adjusted) <= weighted + 1e-12)
    closed = closed_graphical(p, fallback_graph(shares), test="bonferroni").adjusted
    np.testing.assert_allclose(found.adjusted, closed, rtol=1e-9)


def test_familywise_error_is_kept_under_dependence():
    """Simulated: correlated z values, all hypotheses true; any rejection at most in 5%."""
    rng = np.random.default_rng(4)
    z = rng.normal(size=(4000, 1)) * np.sqrt(0.5) + rng.normal(size=(4000, 4)) * np.sqrt(0.5)
    from scipy.stats import norm  # noqa: PLC0415

    graph = fallback_graph([0.4, 0.3, 0.2, 0.1])
    wrong = {"holm": 0, "hochberg": 0, "hommel": 0, "graph": 0}
    for p in norm.sf(z[:1500]):
        for method in ("holm", "hochberg", "hommel"):
            wrong[method] += any(adjust(p, method=method).rejected)
        wrong["graph"] += any(graphical(p, graph).rejected)
    assert max(wrong.values()) / 1500 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1500)
    assert min(wrong.values()) > 15


def test_narrow_loops_do_not_stop_a_graph():
    """Arrows of 1e-8, as gatekeeping draws them: a row came out at 1 + 3e-9 and was refused."""
    rng = np.random.default_rng(0)
    for _ in range(500):
        m = int(rng.integers(3, 6))
        arrows = np.zeros((m, m))
        for row in range(m):
            others = [node for node in range(m) if node != row]
            arrows[row, others] = rng.dirichlet(np.ones(m - 1)) * 1e-8
            main = rng.choice(others)
            arrows[row, main] = 0
            arrows[row, main] = 1 - arrows[row].sum()
        p = rng.random(m) * 0.01
        found = graphical(p, Graph(rng.dirichlet(np.ones(m)), arrows))
        assert np.all(found.adjusted >= p * (1 - 1e-12))
        assert found.remaining.transitions.sum(axis=1).max() <= 1 + 1e-12


def test_without_a_share_nothing_is_rejected():
    graph = Graph([1, 0], [[0, 0], [0, 0]])
    assert graphical([0.2, 0.0], graph).rejected == (False, False)
    assert graphical([0.2, 0.0], graph).adjusted == (0.2, 1.0)
    assert closed_graphical([0.2, 0.0], graph).adjusted == (0.2, 1.0)
    assert graphical([0.02], holm_graph(1)).adjusted == (0.02,)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: adjust([]), "one column of p values"),
        (lambda: adjust([0.1, 1.2]), "number 2 is"),
        (lambda: adjust([0.1, np.nan]), "from 0 to 1"),
        (lambda: adjust([0.1], method="tukey"), "must be one of bonferroni"),
        (lambda: adjust([0.1], alpha=0), "`alpha`"),
        (lambda: adjust([0.1, 0.2], names=["a", "a"]), "2 different names"),
        (lambda: Graph([0.7, 0.7], [[0, 2], [0, 0.5]]), "`weights`.*row add up.*diagonal"),
        (lambda: Graph([0.5, 0.5], [[0, 1]]), "2 hypotheses need 2 x 2"),
        (lambda: Graph([[1]], [[0]]), "one column of shares"),
        (lambda: graphical([0.1], holm_graph(2)), "1 values for 2 nodes"),
        (lambda: closed_graphical([0.1] * 17, holm_graph(17)), "at most 16"),
        (lambda: closed_graphical([0.1], holm_graph(1), test="x"), "`test` must be one of"),
        (lambda: closed_graphical([0.1, 0.2], fallback_graph([0.6, 0.4]), test="hochberg"), "equal shares"),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_results_print():
    text = str(graphical([0.01, 0.2], holm_graph(2), names=["sensitivity", "specificity"]))
    assert "sensitivity: p = 0.01, adjusted 0.02, rejected" in text
    assert "Source: Bretz" in text
