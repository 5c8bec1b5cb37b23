"""What the plain metric functions share: rows in any order in, a labelled result out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import checks
from .estimate import estimates
from .intervals import METHODS
from .metric import Average, Columns, FloatArray, IntArray, Metric, MetricResult, Prepared, Sides
from .weights import ResamplingWeights

DEFAULT_REPLICATES = 10_000
DEFAULT_SEED = 20_080_808
"""Seed of a plain function's bootstrap when none is given: fixed, so that a result can be repeated."""

Method = str | Mapping[str, str] | None


def arrange(
    reference: NDArray[Any],
    test: NDArray[Any],
    subject: Any = None,
    weights: FloatArray | None = None,
    levels: tuple[str, ...] = (),
) -> tuple[Columns, tuple[str, ...]]:
    """Rows in any order as columns sorted by subject, with the subjects' keys.

    Rows of one subject are put in order of their values, so that no result depends on the order they came in.
    Without `subject` every row is a subject of its own.

    Args:
        reference: (n,) reference values, already checked.
        test: (n,) values of the index test.
        subject: (n,) subject labels; they are compared as text.
        weights: (n,) row weights.
        levels: Names of the categories.

    Raises:
        ValueError: Lengths differ or a subject label is missing.
    """
    rows = len(reference)
    checks.same_length(rows, {"test": test, "weights": weights})
    if subject is None:
        label, keys = np.zeros(rows, dtype=np.int64), tuple(f"{i:012d}" for i in range(rows))
        offsets: IntArray = np.arange(rows + 1)
    else:
        keys, label = checks.subject_labels(subject, rows)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=len(keys)))]).astype(np.int64)
    order = np.lexsort((*(() if weights is None else (weights,)), test, reference, label))
    chosen = None if weights is None else weights[order]
    return Columns(reference[order], test[order], offsets, levels, chosen), keys


def measured(
    reference: ArrayLike, test: ArrayLike, subject: ArrayLike | None, weights: ArrayLike | None
) -> tuple[Columns, tuple[str, ...]]:
    """Checked measurement columns, sorted by subject, with the subjects' keys."""
    return arrange(
        checks.measurements("reference", reference),
        checks.measurements("test", test),
        subject,
        None if weights is None else checks.row_weights(weights),
    )


def evaluate(
    metric: Metric,
    columns: Columns,
    keys: Sequence[str],
    *,
    average: Average,
    parameters: Mapping[str, Any],
    ci: Method,
    level: float,
    sides: Sides,
    replicates: int,
    seed: int,
) -> MetricResult:
    """Every statistic of a metric, as a labelled result.

    Raises:
        ValueError: A parameter, the average, or the interval method is not acceptable.
    """
    if average not in metric.averages:
        raise ValueError(f"`average` must be one of {', '.join(metric.averages)}, not {average!r}.")
    resolved = checks.parameters(metric, parameters)
    _methods(metric, ci)  # refuse before the rows are read
    prepared = metric.prepare(columns, average=average, **resolved)
    return labelled(
        metric, prepared, keys, average=average, parameters=resolved, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip


def labelled(
    metric: Metric,
    prepared: Prepared,
    keys: Sequence[str],
    *,
    average: Average,
    parameters: Mapping[str, Any],
    ci: Method,
    level: float,
    sides: Sides,
    replicates: int,
    seed: int,
) -> MetricResult:
    """Every statistic of what a metric has prepared, as a labelled result.

    Raises:
        ValueError: The interval method, the level or the sides are not acceptable.
    """
    methods = _methods(metric, ci)
    weights = None
    if keys and any(METHODS[method].resampling for method in methods.values()):
        weights = ResamplingWeights(keys, seed=seed, replicates=replicates).matrix(keys)
    return MetricResult(
        metric=metric.name,
        title=metric.title,
        average=average,
        parameters=parameters,
        estimates=estimates(metric, prepared, methods=methods, level=level, sides=sides, weights=weights),
        citations=metric.citations,
    )


def _methods(metric: Metric, ci: Method) -> dict[str, str]:
    """Statistic -> method: the one asked for where a statistic offers it, else the first it offers."""
    asked = [ci] if isinstance(ci, str) else [] if ci is None else list(ci.values())
    for method in asked:
        if not any(method in statistic.intervals for statistic in metric.statistics):
            offered = sorted({name for statistic in metric.statistics for name in statistic.intervals})
            raise ValueError(f"`ci` is {method!r}; `{metric.name}` offers {', '.join(offered)}.")
    names = [statistic.name for statistic in metric.statistics]
    if isinstance(ci, Mapping) and not set(ci) <= set(names):
        unknown = sorted(set(ci) - set(names))
        raise ValueError(f"`ci` names {', '.join(unknown)}; `{metric.name}` has {', '.join(names)}.")
    chosen = {}
    for statistic in metric.statistics:
        wanted = ci if isinstance(ci, str) else None if ci is None else ci.get(statistic.name)
        if wanted is not None and (wanted in statistic.intervals or not isinstance(ci, str)):
            chosen[statistic.name] = wanted
        elif statistic.intervals:
            chosen[statistic.name] = statistic.intervals[0]
    return chosen
