"""Measurements: the draws, and what is computed from them; bias and limits of agreement here.

Averages of errors are in `averages`, lines in `slopes`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from accordance.evaluators import registry
from accordance.evaluators.agreement.limits import TOTALS, LimitsFormula
from accordance.evaluators.metric import Columns

from . import averages, designs, slopes, truths
from .designs import BIAS, CANDIDATE_SPREAD, SPREAD, Array, Layout
from .intervals import Tallies, analytic, bootstrap, studies_of, weights

BLOCK_CELLS = 4_000_000  # rows of all studies that are in memory at once


@dataclass(frozen=True)
class Templates:
    """Prepared metrics whose totals are exchanged for each study's."""

    limits: Any
    rows_independent: Any
    averages: averages.Templates
    slopes: dict[str, Any]


def templates(truth: str) -> Templates:
    """The product's own preparation of a small example, by truth."""
    columns = Columns(np.array([60.0, 70, 80, 90]), np.array([61.0, 70, 83, 90]), np.array([0, 2, 4]))

    def limits(which: str) -> Any:
        prepared = registry.get("bland_altman").prepare(columns, truth=which)
        return replace(prepared, formula=replace(prepared.formula, shift=0.0))

    return Templates(
        limits=limits(truth),
        rows_independent=limits("independent"),
        averages=averages.templates(columns),
        slopes=slopes.templates(columns),
    )


def limit_totals(difference: Array, plan: Layout) -> Array:
    """(C, S, k) totals of `limits.TOTALS`, shift 0, for pairs whose truth varies or that are alone."""
    n = plan.counts.astype(np.float64)
    total, square = plan.sums(difference), plan.sums(np.square(difference))
    mean = total / n
    result = np.zeros((*total.shape, len(TOTALS)))
    # on subtraction digits are lost, but means here are of the size of the spread
    values = {
        "n": n, "d": total, "dd": square, "subjects": 1.0, "mean": mean, "mean2": np.square(mean),
        "inverse": 1 / n, "within": np.maximum(square - total * mean, 0.0), "dd_n": total * mean,
        "nn": np.square(n),
    }  # fmt: skip
    for name, value in values.items():
        result[..., TOTALS.index(name)] = value
    return result


def simulate(
    subjects: int, rows: str, shape: str, *, studies: int, replicates: int, seed: int
) -> dict[Any, Any]:
    """Tallies by intraclass correlation. The draws are shared by all correlations of a design."""
    plan = designs.layout(subjects, rows)
    rng = np.random.default_rng([seed, subjects, designs.ROWS.index(rows), designs.SHAPES.index(shape), 1])
    tallies = {
        icc: Tallies(designs.truths(shape, icc) | {"rmse_mean": truths.subject_rmse(shape, icc, plan.counts)})
        for icc in designs.likenesses(rows)
    }
    parts = templates("independent" if rows == "1" else "varying")
    block = max(1, min(BLOCK_CELLS // plan.n_rows, 250, studies))
    done = 0
    while done < studies:
        count = min(block, studies - done)
        matrix = weights(subjects, replicates, seed + done // 250)
        b, b2, e, e2, own = _draws(shape, plan, rng, count)
        level = rng.uniform(*designs.LEVEL_RANGE, (count, subjects))
        reference = plan.spread(level) * rng.uniform(*designs.ROW_RANGE, (count, plan.n_rows))
        for icc, into in tallies.items():
            first = _errors(plan, b, e, SPREAD, icc)
            second = _errors(plan, b2, e2, CANDIDATE_SPREAD, icc)
            _limits(into, parts, first, plan, matrix)
            averages.tally(into, parts.averages, first, second, reference, plan, matrix)
            test = reference + first
            shaken = reference + _errors(plan, *own, SPREAD, icc, bias=0.0)
            pairs = {"slope_least_squares": (reference, test), "slope_deming": (shaken, test)}
            slopes.tally(into, parts.slopes, pairs, plan, matrix)
        done += count
    return tallies


def _draws(shape: str, plan: Layout, rng: np.random.Generator, count: int) -> tuple[Any, ...]:
    """Effects and row errors of two versions that are alike, and those of a reference device of its own."""
    b, other = (designs.draw(shape, rng, (count, len(plan.counts))) for _ in range(2))
    e, noise = (designs.draw(shape, rng, (count, plan.n_rows)) for _ in range(2))
    alike, rest = designs.ALIKE_SUBJECTS, np.sqrt(1 - designs.ALIKE_SUBJECTS**2)
    b2 = alike * b + rest * other
    alike, rest = designs.ALIKE_ROWS, np.sqrt(1 - designs.ALIKE_ROWS**2)
    # `other` and `noise` have nothing to do with the first version: they serve as errors of the reference
    return b, b2, e, alike * e + rest * noise, (other, noise)


def _errors(plan: Layout, b: Array, e: Array, spread: float, icc: float, *, bias: float = BIAS) -> Array:
    result = e * (spread * np.sqrt(1 - icc))
    result += plan.spread(bias + spread * np.sqrt(icc) * b)
    return result


def _limits(into: Tallies, parts: Templates, difference: Array, plan: Layout, matrix: Array) -> None:
    totals = limit_totals(difference, plan)
    studies = studies_of(parts.limits, totals, plan.counts)
    several = plan.n_rows > len(plan.counts)
    for method in ("t", "cluster_t", "z"):
        analytic(into, "bias", method, studies)
    for name in ("loa_lower", "loa_upper"):
        for method in ("mover", "t", "cluster_t", "z", *(() if several else ("noncentral_t", "bland_1986"))):
            analytic(into, name, method, studies)
    if several:  # what comes out if rows are called independent
        alone = studies_of(parts.rows_independent, totals, plan.counts)
        for name, method in (("bias", "t"), ("loa_lower", "mover"), ("loa_upper", "mover")):
            analytic(into, name, method, alone, label="naive_rows")
    formula: LimitsFormula = parts.limits.formula
    bootstrap(into, {0: "bias", 2: "loa_lower", 3: "loa_upper"}, formula, totals, matrix)
