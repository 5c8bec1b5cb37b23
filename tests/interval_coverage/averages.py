"""Averages of errors: RMSE, MAE, MAPE, share within a tolerance, means over subjects, paired difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from accordance.evaluators import registry
from accordance.evaluators.comparison.difference import DifferencePrepared
from accordance.evaluators.intervals import t_interval
from accordance.evaluators.metric import Columns

from .designs import TOLERANCE, Array, Layout
from .intervals import LEVEL, Tallies, analytic, bootstrap, studies_of

SHARE_METHODS = (
    "cluster_t", "clopper_pearson", "wilson", "korn_graubard", "rao_scott_wilson", "cluster_logit",
    "cluster_logit_cr2", "donner_klar",
)  # fmt: skip
"""Of the many of a proportion; all of them are simulated for sensitivity."""


@dataclass(frozen=True)
class Templates:
    """Prepared metrics whose totals are exchanged for each study's."""

    rmse: Any
    mae: Any
    mape: Any
    share: Any
    rmse_mean: Any
    mape_mean: Any


def templates(columns: Columns) -> Templates:
    """The product's own preparation of a small example."""

    def of(name: str, average: str = "pooled", **parameters: Any) -> Any:
        return registry.get(name).prepare(columns, average=average, **parameters)

    return Templates(
        rmse=of("rmse"),
        mae=of("mae"),
        mape=of("mape"),
        share=of("share_within", tolerance=str(TOLERANCE)),
        rmse_mean=of("rmse", "subject_mean"),
        mape_mean=of("mape", "subject_mean"),
    )


def error_totals(values: Array, plan: Layout, *, proportion: bool = False) -> Array:
    """(C, S, 6) totals of an average of errors: weight, value, undefined, rows, events, squared weights."""
    sums = plan.sums(values)
    result = np.zeros((*sums.shape, 6))
    result[..., 0] = result[..., 3] = result[..., 5] = plan.counts
    result[..., 1] = sums
    if proportion:
        result[..., 4] = sums
    return result


def own_totals(pooled: Array, *, root: bool = False) -> Array:
    """The same where each subject's own value counts once."""
    result = pooled.copy()
    own = pooled[..., 1] / pooled[..., 0]
    result[..., 1] = np.sqrt(own) if root else own
    result[..., 5] /= np.square(pooled[..., 0])
    result[..., 0] = 1.0
    return result


def tally(
    into: Tallies,
    parts: Templates,
    first: Array,
    second: Array,
    reference: Array,
    plan: Layout,
    matrix: Array,
) -> None:
    """Count all intervals of a block of studies.

    Args:
        into: Where they are counted.
        parts: What the product prepares.
        first: (C, n) errors of the version in question.
        second: (C, n) errors of the newer one.
        reference: (C, n) reference values.
        plan: Rows of each subject.
        matrix: (B, S) resampling weights.
    """
    several = plan.n_rows > len(plan.counts)
    absolute = np.abs(first)
    percent = 100 * absolute / reference
    squares, others = np.square(first), np.square(second)
    for name, values in (("rmse", squares), ("mae", absolute), ("mape", percent)):
        _average(into, name, getattr(parts, name), error_totals(values, plan), plan, matrix)
    if several:
        into.add("rmse", "naive_rows", *naive_rmse(squares))
        into.add("mae", "naive_rows", *naive_mean(absolute))
        into.add("mape", "naive_rows", *naive_mean(percent))
        into.add("rmse_difference", "naive_rows", *naive_difference(squares, others))
        # with one row a subject, the mean over subjects is an average over rows
        means = {
            "rmse_mean": own_totals(error_totals(squares, plan), root=True),
            "mape_mean": own_totals(error_totals(percent, plan)),
        }
        for name, totals in means.items():
            _average(into, name, getattr(parts, name), totals, plan, matrix)
    _share(into, parts, (absolute <= TOLERANCE).astype(np.float64), plan, matrix)
    _difference(into, parts, error_totals(squares, plan), error_totals(others, plan), plan, matrix)


def _average(into: Tallies, name: str, template: Any, totals: Array, plan: Layout, matrix: Array) -> None:
    studies = studies_of(template, totals, plan.counts)
    alone = name == "rmse" and plan.n_rows == len(plan.counts)
    for method in ("cluster_t", "cluster_log_t", *(("chi_square",) if alone else ())):
        analytic(into, name, method, studies, statistic=template.statistics[0])
    bootstrap(into, {0: name}, template.formula, totals, matrix)


def _share(into: Tallies, parts: Templates, within: Array, plan: Layout, matrix: Array) -> None:
    totals = error_totals(within, plan, proportion=True)
    studies = studies_of(parts.share, totals, plan.counts)
    for method in SHARE_METHODS:
        analytic(into, "share_within", method, studies)
    bootstrap(into, {0: "share_within"}, parts.share.formula, totals, matrix)


def _difference(
    into: Tallies, parts: Templates, before: Array, after: Array, plan: Layout, matrix: Array
) -> None:
    baseline = studies_of(parts.rmse, before, plan.counts)
    candidate = studies_of(parts.rmse, after, plan.counts)
    pairs = [DifferencePrepared(one, other) for one, other in zip(candidate, baseline, strict=True)]
    for method in ("cluster_t", "jackknife_t"):
        analytic(into, "rmse_difference", method, pairs, statistic="rmse")

    def difference(added: Array) -> Array:
        return np.asarray(parts.rmse.formula(added[..., :6]) - parts.rmse.formula(added[..., 6:]))

    both = np.concatenate([after, before], axis=2)
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
