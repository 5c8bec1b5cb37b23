"""Paired difference of two versions' sensitivity on the same reference positives."""

from __future__ import annotations

from typing import Any

import numpy as np

from accordance.evaluators.comparison.difference import DifferencePrepared
from accordance.evaluators.comparison.paired_counts import PairedCounts
from accordance.evaluators.comparison.paired_proportions import paired_proportion_difference

from . import classifications, designs
from .designs import Array, Layout
from .intervals import LEVEL, Tallies, analytic, attempt, bootstrap, weights

TABLES = {
    "0, of 0.9": (0.86, 0.04, 0.04, 0.06),
    "0.05, of 0.85": (0.80, 0.10, 0.05, 0.05),
    "0.02, of 0.96": (0.95, 0.03, 0.01, 0.01),
}
"""Probabilities of: both versions detect, the candidate only, the baseline only, neither."""

NAME = "sensitivity_difference"
ANALYTIC = ("cluster_t", "jackknife_t")
SINGLE = ("newcombe_paired", "tango", "bonett_price", "agresti_min", "wald_paired")
"""Intervals of pairs of independent units."""

NAIVE = "newcombe_paired"


def simulate(
    case: str, subjects: int, rows: str, icc: float, *, studies: int, replicates: int, seed: int
) -> Tallies:
    """Tallies of one design."""
    identity = [subjects, designs.ROWS.index(rows), designs.ICC.index(icc), tuple(TABLES).index(case)]
    rng = np.random.default_rng([seed, *identity, 5])
    plan = designs.layout(subjects, rows)
    _, candidate_only, baseline_only, _ = TABLES[case]
    tallies = Tallies({NAME: candidate_only - baseline_only})
    for start in range(0, studies, 250):
        matrix = weights(subjects, replicates, seed + start // 250)
        cells = classifications.tables(TABLES[case], plan, icc, rng, min(250, studies - start))
        tally(tallies, cells, plan, matrix)
    return tallies


def tally(into: Tallies, cells: Array, plan: Layout, matrix: Array) -> None:
    """Count all intervals of a block of studies, (C, S, 4) cells in the order of `TABLES`."""
    n = plan.counts.astype(np.float64)
    candidate, baseline = cells[..., 0] + cells[..., 1], cells[..., 0] + cells[..., 2]
    studied = zip(
        classifications.proportions(candidate, n), classifications.proportions(baseline, n), strict=True
    )
    pairs = [DifferencePrepared(*both) for both in studied]
    for method in ANALYTIC:
        analytic(into, NAME, method, pairs, statistic="sensitivity")
    several = plan.n_rows > len(plan.counts)
    pooled = [PairedCounts(*(int(count) for count in one)) for one in cells.sum(axis=1)]
    for method in (NAIVE,) if several else SINGLE:
        found = [attempt(lambda one=one, method=method: _interval(one, method)) for one in pooled]
        into.each(NAME, "naive_rows" if several else method, found)
    both = np.stack([candidate, baseline, np.broadcast_to(n, candidate.shape)], axis=-1)
    bootstrap(into, {0: NAME}, _difference, both, matrix)


def _interval(counts: PairedCounts, method: str) -> Any:
    return paired_proportion_difference(counts, ci=method, level=LEVEL).interval


def _difference(added: Array) -> Array:
    return np.asarray((added[..., 0] - added[..., 1]) / added[..., 2])[..., None]
