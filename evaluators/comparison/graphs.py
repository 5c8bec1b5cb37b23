"""Sequentially rejective procedures that are drawn as a graph (Bretz et al. 2009, 2011).

A node is a hypothesis with its share of alpha; an arrow says which part of that share goes where once the
hypothesis is rejected. Fixed sequence, fallback, Holm and gatekeeping are all such graphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..metric import Citation, FloatArray
from .multiplicity import Adjusted, checked_alpha, checked_names, checked_p

LocalTest = Literal["bonferroni", "simes", "hochberg"]

BRETZ = Citation(
    "bretz2009",
    "Bretz F, Maurer W, Brannath W, Posch M. A graphical approach to sequentially rejective multiple test "
    "procedures. Stat Med 2009;28:586-604.",
)
BRETZ_2011 = Citation(
    "bretz2011",
    "Bretz F, Posch M, Glimm E, Klinglmueller F, Maurer W, Rohmeyer K. Graphical approaches for multiple "
    "comparison procedures using weighted Bonferroni, Simes, or parametric tests. Biom J 2011;53:894-913.",
)

_MOST = 16  # hypotheses of a closed test: 65,535 intersections
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Graph:
    """Shares of alpha and where they go.

    Attributes:
        weights: (m,) share of alpha of each hypothesis; not negative, together at most 1.
        transitions: (m, m) part of a rejected hypothesis's share that goes to each other; rows not negative,
            together at most 1, zero on the diagonal.

    Raises:
        ValueError: The shapes or the numbers are not these.
    """

    weights: FloatArray
    transitions: FloatArray

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights, dtype=np.float64)
        transitions = np.asarray(self.transitions, dtype=np.float64)
        problems = _problems(weights, transitions)
        if problems:
            raise ValueError(" ".join(problems))
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "transitions", transitions)

    def without(self, node: int) -> Graph:
        """The graph after one hypothesis is rejected; its own weight and arrows are then 0."""
        w, g = self.weights, self.transitions
        weights = w + w[node] * g[node]
        through = np.outer(g[:, node], g[node])
        loops = g[:, node] * g[node]
        keep = 1 - loops
        ratio = np.divide(g + through, keep[:, None], out=np.zeros_like(g), where=keep[:, None] > _ROUNDING)
        np.fill_diagonal(ratio, 0.0)
        ratio[node], ratio[:, node], weights[node] = 0.0, 0.0, 0.0
        # dividing by what a narrow loop keeps enlarges rounding; a row hands on no more than it has
        ratio /= np.maximum(ratio.sum(axis=1, keepdims=True), 1.0)
        return Graph(weights, ratio)


@dataclass(frozen=True)
class GraphResult(Adjusted):
    """Adjusted p values of a graph, and the graph that is left.

    Attributes:
        remaining: The graph after the rejected hypotheses are taken out, with what is left of alpha.
    """

    remaining: Graph


def holm_graph(m: int) -> Graph:
    """Holm's procedure: equal shares, each passed on equally."""
    return Graph(np.full(m, 1 / m), (1 - np.eye(m)) / max(m - 1, 1))


def fixed_sequence_graph(m: int) -> Graph:
    """Fixed sequence: all of alpha to the first, then on to the next."""
    weights = np.zeros(m)
    weights[:1] = 1.0
    return Graph(weights, np.eye(m, k=1))


def fallback_graph(weights: ArrayLike) -> Graph:
    """Fallback: shares in a fixed order, each passed on to the next (Wiens & Dmitrienko 2005).

    Example:
        >>> fallback_graph([0.5, 0.3, 0.2]).transitions[0]
        array([0., 1., 0.])
    """
    shares = np.asarray(weights, dtype=np.float64)
    return Graph(shares, np.eye(len(shares), k=1))


def graphical(
    p: ArrayLike, graph: Graph, *, alpha: float = 0.05, names: Sequence[str] | None = None
) -> GraphResult:
    """The sequentially rejective Bonferroni procedure of a graph (Bretz et al. 2009, algorithm 1).

    The hypothesis with the smallest p / share is rejected if p is at most its share of alpha; its share is
    passed on along its arrows, and so on. The result does not depend on the order of rejections. Any
    dependence between the p values.

    Args:
        p: p values, from 0 to 1.
        graph: Shares and arrows, fixed before the data are seen.
        alpha: Familywise error rate.
        names: Names of the hypotheses. Default: H1, H2, ...

    Raises:
        ValueError: As many p values as nodes are needed, from 0 to 1.

    Example:
        Parallel gatekeeping, two primary and two secondary hypotheses (Bretz 2009):

        >>> arrows = [[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.5], [0, 0, 0, 1], [0, 0, 1, 0]]
        >>> result = graphical([0.02, 0.03, 0.01, 0.04], Graph([0.5, 0.5, 0, 0], arrows))
        >>> result.adjusted
        (0.04, 0.06, 0.04, 0.06)
        >>> result.remaining.weights
        array([0. , 0.5, 0. , 0.5])
    """
    values = _values(p, graph)
    adjusted, current, left = np.ones(len(values)), graph, list(range(len(values)))
    so_far = 0.0
    while left:
        ratios = _over(values[left], current.weights[left])
        chosen = left[int(np.argmin(ratios))]
        so_far = max(so_far, float(ratios.min()))
        adjusted[chosen] = min(so_far, 1.0)
        current = current.without(chosen)
        left.remove(chosen)
    found = Adjusted(
        method="graphical procedure, Bonferroni",
        alpha=checked_alpha(alpha),
        names=checked_names(names, len(values)),
        p=tuple(values.tolist()),
        adjusted=tuple(adjusted.tolist()),
        citation=BRETZ,
    )
    remaining = graph
    for node, done in enumerate(found.rejected):
        if done:
            remaining = remaining.without(node)
    return GraphResult(**found.__dict__, remaining=remaining)


def closed_graphical(
    p: ArrayLike,
    graph: Graph,
    *,
    test: LocalTest = "simes",
    alpha: float = 0.05,
    names: Sequence[str] | None = None,
) -> Adjusted:
    """Closed test of a graph: every intersection of hypotheses is tested with the shares the graph leaves it.

    A hypothesis is rejected if all intersections that contain it are. With `bonferroni` this is `graphical`;
    `simes` (weighted) and `hochberg` (equal shares only) gain power and need independent or positively
    dependent p values (Bretz et al. 2011).

    Args:
        p: p values, from 0 to 1.
        graph: Shares and arrows; at most 16 hypotheses.
        test: Test of an intersection.
        alpha: Familywise error rate.
        names: Names of the hypotheses. Default: H1, H2, ...

    Raises:
        ValueError: An unknown test, too many hypotheses, or `hochberg` where the shares are not equal.

    Example:
        With the graph of Holm's procedure, Simes tests give Hommel's:

        >>> closed_graphical([0.01, 0.05, 0.03, 0.02], holm_graph(4)).adjusted
        (0.04, 0.05, 0.05, 0.045)
    """
    values = _values(p, graph)
    m = len(values)
    tests = {"bonferroni": _bonferroni, "simes": _simes, "hochberg": _hochberg}
    if test not in tests:
        raise ValueError(f"`test` must be one of {', '.join(tests)}, not {test!r}.")
    if m > _MOST:
        raise ValueError(f"A closed test takes at most {_MOST} hypotheses, not {m}; use `graphical`.")
    adjusted = np.zeros(m)
    for size in range(m):
        for removed in combinations(range(m), size):
            current = graph
            for node in removed:
                current = current.without(node)
            kept = [node for node in range(m) if node not in removed]
            found = min(tests[test](values[kept], current.weights[kept]), 1.0)
            adjusted[kept] = np.maximum(adjusted[kept], found)
    return Adjusted(
        method=f"graphical procedure, closed {test} tests",
        alpha=checked_alpha(alpha),
        names=checked_names(names, m),
        p=tuple(values.tolist()),
        adjusted=tuple(adjusted.tolist()),
        citation=BRETZ_2011,
    )


def _over(p: FloatArray, weights: FloatArray) -> FloatArray:
    """The p values over their shares; infinite without a share, for nothing can then be rejected."""
    return np.asarray(np.divide(p, weights, out=np.full(len(p), np.inf), where=weights > 0))


def _bonferroni(p: FloatArray, weights: FloatArray) -> float:
    return float(_over(p, weights).min())


def _simes(p: FloatArray, weights: FloatArray) -> float:
    """Smallest p over the sum of the shares of all p values that are no larger, among those with a share."""
    p, weights = p[weights > 0], weights[weights > 0]
    if not len(p):
        return 1.0
    order = np.argsort(p, kind="stable")
    ordered, sums = p[order], np.cumsum(weights[order])
    return float((ordered / sums).min())


def _hochberg(p: FloatArray, weights: FloatArray) -> float:
    """Smallest (k - i + 1) p_(i) over the sum of the shares, of the k p values with a share."""
    p, weights = p[weights > 0], weights[weights > 0]
    if not len(p):
        return 1.0
    if np.ptp(weights) > _ROUNDING:
        raise ValueError("`hochberg` needs equal shares in every intersection; use simes or bonferroni.")
    ordered = np.sort(p)
    return float((ordered * np.arange(len(p), 0, -1)).min() / weights.sum())


def _values(p: ArrayLike, graph: Graph) -> FloatArray:
    values = checked_p(p)
    if len(values) != len(graph.weights):
        raise ValueError(f"`p` holds {len(values)} values for {len(graph.weights)} nodes of the graph.")
    return values


def _problems(weights: FloatArray, transitions: FloatArray) -> list[str]:
    """What is wrong with a graph, all at once."""
    if weights.ndim != 1 or not len(weights):
        return [f"`weights` must be one column of shares; its shape is {weights.shape}."]
    m = len(weights)
    if transitions.shape != (m, m):
        return [f"`transitions` is {transitions.shape}; {m} hypotheses need {m} x {m}."]
    problems = []
    if np.any(~(weights >= 0)) or weights.sum() > 1 + _ROUNDING:
        problems.append(f"`weights` must not be negative and add up to at most 1, not {weights.tolist()}.")
    rows = transitions.sum(axis=1)
    if np.any(~(transitions >= 0)) or np.any(rows > 1 + _ROUNDING):
        problems.append("`transitions` must not be negative, and each row add up to at most 1.")
    if np.any(np.diag(transitions) != 0):
        problems.append("`transitions` must be 0 on the diagonal.")
    return problems
