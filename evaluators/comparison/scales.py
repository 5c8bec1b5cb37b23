"""The scale and the interval method that two versions are compared with, and the margin on that scale."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..metric import Metric, Prepared, Statistic
from .logged import logged

Scale = Literal["difference", "ratio"]

INTERVALS = {
    "additive": ("jackknife_t", "cluster_t", "bootstrap_bca", "bootstrap_percentile"),
    "ordered": ("bootstrap_percentile", "bootstrap_bca"),
    "refit": ("bootstrap_percentile", "bootstrap_bca", "jackknife_t"),
}
"""Interval methods of a paired difference by the metric's route, the default first. The jackknife fails for
quantiles and is therefore not offered where a statistic is read from sorted rows (Miller 1974)."""


def checked_method(metric: Metric, ci: str | None) -> str:
    """The interval method asked for, or the default of the metric's route.

    Raises:
        ValueError: A paired difference of this metric has no such interval.
    """
    offered = INTERVALS[metric.route]
    if ci is None:
        return offered[0]
    if ci not in offered:
        raise ValueError(
            f"`ci` is {ci!r}; a paired difference of `{metric.name}` offers {', '.join(offered)}."
        )
    return ci


def scaled(
    declared: Statistic, candidate: Prepared, baseline: Prepared, scale: Scale
) -> tuple[Prepared, Prepared]:
    """Candidate and baseline as their difference takes them: on the ratio scale, their logarithms.

    Raises:
        ValueError: The statistic has no direction that a ratio could follow.
    """
    if scale == "difference":
        return candidate, baseline
    if declared.better not in ("higher", "lower"):
        raise ValueError(
            f"`{declared.name}` is best near zero, or has no direction; a ratio says nothing of it."
        )
    return logged(candidate), logged(baseline)


def scaled_margin(margin: float | None, scale: Scale) -> float | None:
    """The margin as the improvement is measured: on the ratio scale its logarithm.

    Raises:
        ValueError: On the ratio scale, the margin is no number above 1.
    """
    if scale == "difference" or margin is None:
        return margin
    if not (np.isfinite(margin) and margin > 1):
        raise ValueError(f"On the ratio scale, `margin` must be a number above 1, not {margin!r}.")
    return float(np.log(margin))
