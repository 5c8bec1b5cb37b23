"""Bias, limits of agreement, RMSE, MAPE and the paired difference of two versions' RMSE."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from accordance.evaluators import registry
from accordance.evaluators.agreement.limits import TOTALS, LimitsFormula
from accordance.evaluators.comparison.difference import DifferencePrepared
from accordance.evaluators.intervals import t_interval
from accordance.evaluators.metric import Columns

from . import designs
from .designs import BIAS, CANDIDATE_SPREAD, SPREAD, Array, Layout
from .intervals import LEVEL, Tallies, analytic, bootstrap, studies_of, weights

BLOCK_CELLS = 4_000_000  # rows of all studies that are in memory at once


@dataclass(frozen=True)
class Templates:
    """Prepared metrics whose totals are exchanged for each study's."""

    limits: Any
    rows_independent: Any
    rmse: Any
    mape: Any


def templates(truth: str) -> Templates:
    """The product's own preparation of a small example, by truth."""
    columns = Columns(np.array([60.0, 70, 80, 90]), np.array([61.0, 70, 83, 90]), np.array([0, 2, 4]))

    def limits(which: str) -> Any:
        prepared = registry.get("bland_altman").prepare(columns, truth=which)
        return replace(prepared, formula=replace(prepared.formula, shift=0.0))

    return Templates(
        limits=limits(truth),
        rows_independent=limits("independent"),
        rmse=registry.get("rmse").prepare(columns, average="pooled"),
        mape=registry.get("mape").prepare(columns, average="pooled"),
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


def error_totals(values: Array, plan: Layout) -> Array:
    """(C, S, 5) totals of an average of errors: weight, value, undefined, rows, events."""
    sums = plan.sums(values)
    result = np.zeros((*sums.shape, 5))
    result[..., 0] = result[..., 3] = plan.counts
    result[..., 1] = sums
    return result


def simulate(
    subjects: int, rows: str, shape: str, *, studies: int, replicates: int, seed: int
) -> dict[Any, Any]:
    """Tallies by intraclass correlation. The draws are shared by all correlations of a design."""
    plan = designs.layout(subjects, rows)
    rng = np.random.default_rng([seed, subjects, designs.ROWS.index(rows), designs.SHAPES.index(shape), 1])
    tallies = {icc: Tallies(designs.truths(shape, icc)) for icc in designs.likenesses(rows)}
    parts = templates("independent" if rows == "1" else "varying")
    block = max(1, min(BLOCK_CELLS // plan.n_rows, 250, studies))
    done = 0
    while done < studies:
        count = min(block, studies - done)
        matrix = weights(subjects, replicates, seed + done // 250)
        b, b2, e, e2 = _draws(shape, plan, rng, count)
        level = rng.uniform(*designs.LEVEL_RANGE, (count, subjects))
        reference = plan.spread(level) * rng.uniform(*designs.ROW_RANGE, (count, plan.n_rows))
        for icc, into in tallies.items():
            first = _errors(plan, b, e, SPREAD, icc)
            second = _errors(plan, b2, e2, CANDIDATE_SPREAD, icc)
            _limits(into, parts, first, plan, matrix)
            _averages(into, parts, first, second, reference, plan, matrix)
        done += count
    return tallies


def _draws(shape: str, plan: Layout, rng: np.random.Generator, count: int) -> tuple[Array, ...]:
    b, other = (designs.draw(shape, rng, (count, len(plan.counts))) for _ in range(2))
    e, noise = (designs.draw(shape, rng, (count, plan.n_rows)) for _ in range(2))
    alike, rest = designs.ALIKE_SUBJECTS, np.sqrt(1 - designs.ALIKE_SUBJECTS**2)
    b2 = alike * b + rest * other
    alike, rest = designs.ALIKE_ROWS, np.sqrt(1 - designs.ALIKE_ROWS**2)
    noise *= rest
    noise += alike * e
    return b, b2, e, noise


def _errors(plan: Layout, b: Array, e: Array, spread: float, icc: float) -> Array:
    result = e * (spread * np.sqrt(1 - icc))
    result += plan.spread(BIAS + spread * np.sqrt(icc) * b)
    return result


def _limits(into: Tallies, parts: Templates, difference: Array, plan: Layout, matrix: Array) -> None:
    totals = limit_totals(difference, plan)
    studies = studies_of(parts.limits, totals, plan.counts)
    several = plan.n_rows > len(plan.counts)
    for method in ("t", "cluster_t"):
        analytic(into, "bias", method, studies)
    for name in ("loa_lower", "loa_upper"):
        for method in ("mover", "t", "cluster_t", *(() if several else ("noncentral_t",))):
            analytic(into, name, method, studies)
    if several:  # what comes out if rows are called independent
        alone = studies_of(parts.rows_independent, totals, plan.counts)
        for name, method in (("bias", "t"), ("loa_lower", "mover"), ("loa_upper", "mover")):
            analytic(into, name, method, alone, label="naive_rows")
    formula: LimitsFormula = parts.limits.formula
    bootstrap(into, {0: "bias", 2: "loa_lower", 3: "loa_upper"}, formula, totals, matrix)


def _averages(
    into: Tallies,
    parts: Templates,
    first: Array,
    second: Array,
    reference: Array,
    plan: Layout,
    matrix: Array,
) -> None:
    percent = np.abs(first)
    percent /= reference
    percent *= 100
    squares, others = np.square(first), np.square(second)
    totals = {
        "rmse": error_totals(squares, plan),
        "mape": error_totals(percent, plan),
        "candidate": error_totals(others, plan),
    }
    several = plan.n_rows > len(plan.counts)
    for name, template in (("rmse", parts.rmse), ("mape", parts.mape)):
        studies = studies_of(template, totals[name], plan.counts)
        analytic(into, name, "cluster_t", studies)
        bootstrap(into, {0: name}, template.formula, totals[name], matrix)
    if several:
        into.add("rmse", "naive_rows", *naive_rmse(squares))
        into.add("mape", "naive_rows", *naive_mean(percent))
        into.add("rmse_difference", "naive_rows", *naive_difference(squares, others))
    baseline = studies_of(parts.rmse, totals["rmse"], plan.counts)
    candidate = studies_of(parts.rmse, totals["candidate"], plan.counts)
    pairs = [DifferencePrepared(one, other) for one, other in zip(candidate, baseline, strict=True)]
    for method in ("cluster_t", "jackknife_t"):
        analytic(into, "rmse_difference", method, pairs, statistic="rmse")

    def difference(added: Array) -> Array:
        return parts.rmse.formula(added[..., :5]) - parts.rmse.formula(added[..., 5:])

    both = np.concatenate([totals["candidate"], totals["rmse"]], axis=2)
    bootstrap(into, {0: "rmse_difference"}, difference, both, matrix)


def naive_mean(values: Array) -> tuple[Array, Array]:
    """Student's t interval of each study's mean, all rows taken for independent."""
    n = values.shape[1]
    error = values.std(axis=1, ddof=1) / np.sqrt(n)
    return t_interval(values.mean(axis=1), error, n - 1, LEVEL, "two")


def naive_rmse(squares: Array) -> tuple[Array, Array]:
    """The linearised t interval of the RMSE with every row a subject of its own."""
    n = squares.shape[1]
    value = np.sqrt(squares.mean(axis=1))
    error = squares.std(axis=1, ddof=1) / np.sqrt(n) / (2 * value)
    return t_interval(value, error, n - 1, LEVEL, "two")


def naive_difference(squares: Array, others: Array) -> tuple[Array, Array]:
    """The same for the difference of two RMSE over the same rows."""
    n = squares.shape[1]
    first, second = np.sqrt(squares.mean(axis=1)), np.sqrt(others.mean(axis=1))
    slopes = others / (2 * second[:, None]) - squares / (2 * first[:, None])
    error = slopes.std(axis=1, ddof=1) / np.sqrt(n)
    return t_interval(second - first, error, n - 1, LEVEL, "two")
