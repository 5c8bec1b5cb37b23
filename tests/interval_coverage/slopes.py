"""Slopes of least squares and Deming's line; the errors of both devices are alike within subjects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from accordance.evaluators import registry
from accordance.evaluators.metric import Columns

from .designs import Array, Layout
from .intervals import Tallies, analytic, bootstrap, studies_of

METRICS = {"slope_least_squares": "ordinary_least_squares", "slope_deming": "deming"}
ANALYTIC = ("jackknife", "cluster_t", "model_t")
_SHIFT = (75.0, 76.0)  # the middle of the reference, and of a test with a bias of 1: sums lose no digits


def templates(columns: Columns) -> dict[str, Any]:
    """The product's own preparation of a small example, about a shift that all studies share."""
    found = {}
    for name, metric in METRICS.items():
        prepared = registry.get(metric).prepare(columns, level_at=75.0)
        found[name] = replace(prepared, formula=replace(prepared.formula, shift=_SHIFT))
    return found


def moment_totals(x: Array, y: Array, plan: Layout) -> Array:
    """(C, S, 7) totals of a line: weight, x, y, xx, xy, yy about the shift, unusable rows."""
    a, b = x - _SHIFT[0], y - _SHIFT[1]
    result = np.zeros((len(x), len(plan.counts), 7))
    result[..., 0] = plan.counts
    for place, values in enumerate((a, b, a * a, a * b, b * b), start=1):
        result[..., place] = plan.sums(values)
    return result


def tally(
    into: Tallies,
    parts: dict[str, Any],
    pairs: dict[str, tuple[Array, Array]],
    plan: Layout,
    matrix: Array,
) -> None:
    """Count all intervals of a block of studies; `pairs` has (C, n) reference and test by slope."""
    for name, (x, y) in pairs.items():
        totals = moment_totals(x, y, plan)
        studies = studies_of(parts[name], totals, plan.counts)
        for method in ANALYTIC:
            analytic(into, name, method, studies, statistic="slope")
        bootstrap(into, {0: name}, parts[name].formula, totals, matrix)
