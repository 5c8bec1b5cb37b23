"""The improvement of the candidate in any group of subjects, as a function of which subjects those are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..additive import AdditivePrepared
from ..metric import CannotComputeError, FloatArray, Metric, Prepared, Statistic
from .difference import active_subjects

Mask = NDArray[np.bool_]

_BLOCK = 256  # subjects left out at a time
_NO_SPREAD = 1e-13  # of the larger of the values: a standard error that rounding leaves


@dataclass(frozen=True)
class GroupImprovement:
    """How much better the candidate is in a group of subjects.

    Attributes:
        estimate: Positive is better.
        standard_error: Its standard error, subjects as the independent units; above 0.
        df: Degrees of freedom of Student's t.
        n_subjects: Subjects that it rests on.
    """

    estimate: float
    standard_error: float
    df: float
    n_subjects: int


Evaluate = Callable[[Mask], GroupImprovement]
"""(S,) which subjects -> the improvement in them; raises `CannotComputeError` where there is none."""


def improvement_of_sums(sums: ArrayLike, units: ArrayLike | None = None) -> Evaluate:
    """Improvement in any group of subjects from what each subject adds to a mean.

    The estimate is sum(x_i) / sum(n_i) over the group's subjects, the standard error that of a ratio, with
    subjects as clusters (Cochran 1977, section 6.4): sqrt(k / (k - 1) sum (x_i - estimate n_i)^2) / sum(n_i),
    k the group's subjects that have units.

    Args:
        sums: (S,) sum of the units' improvements in each subject: of |error| of the baseline less that of the
            candidate, or of right answers of the candidate less those of the baseline.
        units: (S,) number of units of each subject, 0 or more. Default: 1, a subject's own mean.

    Raises:
        ValueError: Lengths differ, a value is missing, or a number of units is negative.

    Example:
        >>> evaluate = improvement_of_sums([2.0, -1.0, 3.0, 4.0], [10, 5, 10, 20])
        >>> found = evaluate(np.array([True, True, True, False]))
        >>> round(found.estimate, 3), round(found.standard_error, 3), found.df
        (0.16, 0.113, 2.0)
    """
    x = checks.measurements("sums", sums)
    n = np.ones(len(x)) if units is None else checks.measurements("units", units)
    if len(n) != len(x):
        raise ValueError(f"`units` has {len(n)} values for {len(x)} subjects.")
    if np.any(n < 0):
        raise ValueError("`units` must not be negative.")

    def evaluate(mask: Mask) -> GroupImprovement:
        chosen = mask & (n > 0)
        k, mine, size = int(np.count_nonzero(chosen)), x[chosen], n[chosen]
        _enough(k)
        estimate = float(mine.sum() / size.sum())
        residual = mine - estimate * size
        error = float(np.sqrt(k / (k - 1) * np.square(residual).sum()) / size.sum())
        return _checked(estimate, error, k, float(np.abs(mine).max() / size.mean()))

    return evaluate


def improvement_of_prepared(
    metric: Metric, candidate: Prepared, baseline: Prepared, *, statistic: str | None = None
) -> Evaluate:
    """Improvement in any group of subjects from what a metric has prepared for either version.

    The standard error is the jackknife's over the group's subjects (Miller 1974), leaving each out of both
    versions at once. It is not for statistics that are read from sorted rows, for which the jackknife fails.

    Args:
        metric: The metric that both were prepared with.
        candidate: The version in question.
        baseline: The version to compare with, the same subjects in the same order.
        statistic: Which statistic. Default: the headline.

    Raises:
        ValueError: The subjects differ in number, the statistic has no direction, or the metric's route is
            `ordered`.
        KeyError: No such statistic.

    Example:
        >>> from accordance.evaluators import registry
        >>> from accordance.evaluators.metric import Columns
        >>> mae, offsets = registry.get("mae"), np.arange(5)
        >>> zero = np.zeros(4)
        >>> baseline = mae.prepare(Columns(zero, np.array([2.0, 3.0, 1.0, 4.0]), offsets))
        >>> candidate = mae.prepare(Columns(zero, np.array([1.0, 1.0, 1.0, 6.0]), offsets))
        >>> found = improvement_of_prepared(mae, candidate, baseline)(np.array([True, True, True, False]))
        >>> found.estimate, round(found.standard_error, 4)
        (1.0, 0.5774)
    """
    declared = metric.statistic(statistic or metric.headline)
    if metric.route == "ordered":
        raise ValueError(
            f"`{metric.name}` is read from sorted rows, for which the jackknife fails; accepted are "
            "metrics of the routes additive and refit."
        )
    if declared.better == "none":
        raise ValueError(f"`{declared.name}` of `{metric.name}` has no direction, so nothing is worse.")
    if candidate.n_subjects != baseline.n_subjects:
        raise ValueError(
            f"`candidate` has {candidate.n_subjects:,} subjects and `baseline` {baseline.n_subjects:,}; the "
            "same are needed, in the same order."
        )

    def evaluate(mask: Mask) -> GroupImprovement:
        chosen = np.flatnonzero(mask & (active_subjects(candidate) | active_subjects(baseline)))
        k = len(chosen)
        _enough(k)
        sides = [_values(part, declared, mask, chosen) for part in (candidate, baseline)]
        whole = _turned(sides[0][0], sides[1][0], declared)
        left_out = _turned(sides[0][1], sides[1][1], declared)
        if not (np.isfinite(whole) and np.all(np.isfinite(left_out))):
            raise CannotComputeError("A version has no value, or none without one of the subjects.")
        error = float(np.sqrt((k - 1) / k * np.square(left_out - left_out.mean()).sum()))
        return _checked(float(whole), error, k, max(abs(float(side[0])) for side in sides))

    return evaluate


def _values(
    part: Prepared, declared: Statistic, mask: Mask, chosen: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """The statistic in a group, and without each of its chosen subjects."""
    index = part.statistics.index(declared.name)
    if isinstance(part, AdditivePrepared):  # the other subjects need not be touched
        part, mask = part.subset(chosen), np.ones(len(chosen), dtype=bool)
        if np.all(part.active):
            return part.estimate()[index], part.jackknife()[:, index]
        chosen = np.arange(len(chosen))
    ones = mask.astype(np.float64)
    left_out = np.empty(len(chosen))
    for start in range(0, len(chosen), _BLOCK):
        block = chosen[start : start + _BLOCK]
        weights = np.tile(ones, (len(block), 1))
        weights[np.arange(len(block)), block] = 0.0
        left_out[start : start + _BLOCK] = part.at(weights)[:, index]
    return part.at(ones[None, :])[0, index], left_out


def _turned(candidate: FloatArray, baseline: FloatArray, declared: Statistic) -> FloatArray:
    """Positive where the candidate is better."""
    if declared.better == "near_zero":
        return np.abs(baseline) - np.abs(candidate)
    return candidate - baseline if declared.better == "higher" else baseline - candidate


def _enough(subjects: int) -> None:
    if subjects < 2:
        raise CannotComputeError(f"A standard error needs at least two subjects; there are {subjects}.")


def _checked(estimate: float, error: float, subjects: int, size: float) -> GroupImprovement:
    if error <= _NO_SPREAD * max(size, abs(estimate), float(np.finfo(float).tiny)):
        raise CannotComputeError("The subjects' differences do not vary; the group says nothing.")
    return GroupImprovement(estimate, error, subjects - 1.0, subjects)
