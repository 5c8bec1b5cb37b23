"""Area under the ROC curve of normal scores; a subject's positives and negatives share part of its level."""

from __future__ import annotations

import numpy as np
from scipy import special

from accordance.evaluators import registry
from accordance.evaluators.metric import Columns

from . import designs
from .designs import Array, Layout
from .intervals import Tallies, analytic, bootstrap_ends, weights

AREAS = {"0.8": 0.8, "0.95": 0.95}
"""True areas: of a positive and a negative of two different subjects."""

ALIKE_CLASSES = 0.5
"""Correlation of a subject's level among its positives with that among its negatives."""

ANALYTIC = ("obuchowski", "obuchowski_logit", "cluster_t", "delong", "delong_logit")


def simulate(
    case: str, subjects: int, rows: str, icc: float, *, studies: int, replicates: int, seed: int
) -> Tallies:
    """Tallies of one design."""
    identity = [subjects, designs.ROWS.index(rows), designs.ICC.index(icc), tuple(AREAS).index(case)]
    rng = np.random.default_rng([seed, *identity, 4])
    plan = designs.layout(subjects, rows)
    positive = classes(plan)
    metric, tallies = registry.get("auc"), Tallies({"auc": AREAS[case]})
    for start in range(0, studies, 250):
        matrix = weights(subjects, replicates, seed + start // 250)
        studied = [
            metric.prepare(Columns(positive, scores(case, plan, positive, icc, rng), plan.offsets))
            for _ in range(min(250, studies - start))
        ]
        for method in ANALYTIC:
            analytic(tallies, "auc", method, studied)
        values = np.array([study.at(matrix)[:, 0] for study in studied])
        estimates = np.array([study.estimate()[0] for study in studied])
        left_out = np.array([study.jackknife()[:, 0] for study in studied])
        plain, corrected = bootstrap_ends(values, estimates, left_out)
        tallies.add("auc", "bootstrap_percentile", *plain)
        tallies.add("auc", "bootstrap_bca", *corrected)
    return tallies


def classes(plan: Layout) -> Array:
    """(n,) half of each subject's rows are positive; with one row each, every second subject is."""
    if plan.n_rows == len(plan.counts):
        return (np.arange(plan.n_rows) % 2).astype(np.int64)
    place = np.arange(plan.n_rows) - plan.offsets[:-1][plan.subject]
    return (place < plan.counts[plan.subject] // 2).astype(np.int64)


def scores(case: str, plan: Layout, positive: Array, icc: float, rng: np.random.Generator) -> Array:
    """(n,) scores of variance 1 whose classes lie apart so that the area is that of the case."""
    size = len(plan.counts)
    shared, *own = rng.standard_normal((3, size))
    level = np.sqrt(ALIKE_CLASSES) * shared + np.sqrt(1 - ALIKE_CLASSES) * np.array(own)
    noise = rng.standard_normal(plan.n_rows)
    apart = np.sqrt(2) * special.ndtri(AREAS[case])
    return apart * positive + np.sqrt(icc) * level[positive, plan.subject] + np.sqrt(1 - icc) * noise
