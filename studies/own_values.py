"""A subject's own values: what a metric says of one subject alone, and how much better a version is there."""

from __future__ import annotations

import numpy as np

from ..evaluators.additive import AdditivePrepared
from ..evaluators.comparison.scales import Scale
from ..evaluators.metric import FloatArray, Prepared


def improved(first: FloatArray, second: FloatArray, better: str, scale: Scale) -> FloatArray:
    """By how much second values are better than first ones; on the ratio scale as a logarithm."""
    if scale == "ratio":
        with np.errstate(all="ignore"):
            first, second = (np.log(np.where(one > 0, one, np.nan)) for one in (first, second))
    if better == "near_zero":
        return np.abs(first) - np.abs(second)
    found = {"higher": second - first, "lower": first - second}.get(better)
    return np.full(len(first), np.nan) if found is None else found


def is_sum(prepared: Prepared) -> bool:
    """Whether the metric is a formula of sums over subjects and nothing else."""
    return isinstance(prepared, AdditivePrepared) and type(prepared).at is AdditivePrepared.at


def alone(prepared: Prepared, statistic: str, block: int = 500) -> FloatArray:
    """(S,) values of a statistic, one subject alone each."""
    place, n = prepared.statistics.index(statistic), prepared.n_subjects
    if isinstance(prepared, AdditivePrepared) and is_sum(prepared):
        return np.asarray(prepared.evaluate(prepared.totals)[:, place])
    result = np.full(n, np.nan)
    for start in range(0, n, block):
        stop = min(start + block, n)
        weights = np.zeros((stop - start, n))
        weights[np.arange(stop - start), np.arange(start, stop)] = 1.0
        result[start:stop] = prepared.at(weights)[:, place]
    return result
