"""From a prepared metric to estimates: value, standard error, interval, and what went wrong where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from .few_subjects import few_subjects_warning
from .intervals import METHODS, tail_levels
from .metric import (
    CannotComputeError,
    Counts,
    Estimate,
    FloatArray,
    Interval,
    Metric,
    Prepared,
    Sides,
    Statistic,
)
from .resample import bca, percentile

_T = TypeVar("_T")
_ROUNDING = 128 * float(np.finfo(float).eps)
"""Ends of an interval closer than this, relatively, are one value."""
_ABOUT_ANOTHER = frozenset({"gee_exchangeable"})
"""Methods whose interval lies about another estimate, and says so itself."""
BESIDE = "The estimate lies outside this interval; such a statistic is at its limit, or very skewed."


def estimates(
    metric: Metric,
    prepared: Prepared,
    *,
    methods: Mapping[str, str],
    level: float,
    sides: Sides,
    weights: FloatArray | None,
    statistics: Sequence[str] | None = None,
) -> dict[str, Estimate]:
    """Every statistic of a prepared metric, each with the interval its method gives.

    One statistic that fails never stops the others: without a value it carries NaN and the reason; without an
    interval it keeps its value, and `error` says why the interval is missing. A resampling interval whose
    replicates are undefined more often than in 1% is such an error. An interval from fewer subjects than any
    interval of the statistic can support carries a warning (`few_subjects`).

    Args:
        metric: The metric.
        prepared: Its summary of the rows.
        methods: Statistic -> interval method; a statistic not named gets the first it offers.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        weights: (B, S) resampling weights, a row a replicate, a column a prepared subject; None where no
            method resamples.
        statistics: Which ones. Default: all that the metric declares.

    Returns:
        Estimates by statistic, in the order asked.

    Raises:
        ValueError: `level` or `sides` is not acceptable.
        KeyError: A statistic is not declared by the metric.
    """
    tail_levels(level, sides)
    wanted = tuple(statistics) if statistics is not None else tuple(item.name for item in metric.statistics)
    declared = {name: metric.statistic(name) for name in wanted}
    found = estimates_of(
        tuple(declared.values()), prepared, methods=methods, level=level, sides=sides, weights=weights
    )
    average = getattr(prepared, "average", "pooled")
    return {name: noted(metric.name, estimate, average=average) for name, estimate in found.items()}


def estimates_of(
    declared: Sequence[Statistic],
    prepared: Prepared,
    *,
    methods: Mapping[str, str],
    level: float,
    sides: Sides,
    weights: FloatArray | None,
) -> dict[str, Estimate]:
    """The same for statistics that no metric declares, such as differences of two versions."""
    tail_levels(level, sides)
    study = Study(prepared, weights)
    return {one.name: _one(study, one, methods.get(one.name), level, sides) for one in declared}


class Study:
    """One prepared metric; its replicates and jackknife are computed once, and only if needed."""

    def __init__(self, prepared: Prepared, weights: FloatArray | None) -> None:
        self.prepared = prepared
        self.weights = weights
        self.position = {name: i for i, name in enumerate(prepared.statistics)}
        self._values: FloatArray | None = None
        self._replicates: FloatArray | None = None
        self._jackknife: FloatArray | None = None

    def value(self, name: str) -> float:
        """A statistic at weights of one."""
        if self._values is None:
            self._values = self.prepared.estimate()
        return float(self._values[self.position[name]])

    def replicates(self, name: str) -> FloatArray:
        """(B,) values of a statistic at the resampling weights."""
        if self.weights is None:
            raise CannotComputeError("A resampling interval needs resampling weights, and none were given.")
        if self._replicates is None:
            self._replicates = self.prepared.at(self.weights)
        return self._replicates[:, self.position[name]]

    def jackknife(self, name: str) -> FloatArray:
        """(J,) values of a statistic with one subject left out each."""
        if self._jackknife is None:
            self._jackknife = self.prepared.jackknife()
        return self._jackknife[:, self.position[name]]


def _one(study: Study, statistic: Statistic, method: str | None, level: float, sides: Sides) -> Estimate:
    name, prepared = statistic.name, study.prepared
    counts, problem = attempt(lambda: prepared.counts(name))
    if counts is None:
        counts = Counts(0, 0)
    value, failure = attempt(lambda: study.value(name))
    if value is None or not np.isfinite(value):
        failure = (
            failure or attempt(lambda: prepared.reason_undefined(name))[0] or "The statistic has no value."
        )
        return Estimate(statistic, float("nan"), float("nan"), None, counts, error=failure)
    warning, trouble = attempt(lambda: prepared.warning(name))
    error = attempt(lambda: prepared.standard_error(name))[0]
    interval, missing = attempt(lambda: interval_of(study, statistic, method, level, sides))
    interval = None if interval is None else tidied(interval, value)
    if error is None or not np.isfinite(error):
        error = _bootstrap_error(study, name, interval)
    return Estimate(
        statistic,
        value,
        error,
        interval,
        counts,
        warning=_joined(warning, interval.warning if interval else None, problem, trouble),
        error=None if missing is None else f"No interval: {missing}",
    )


def interval_of(
    study: Study, statistic: Statistic, method: str | None, level: float, sides: Sides
) -> Interval | None:
    """The interval of a statistic by a method it offers; None where it offers none.

    Raises:
        CannotComputeError: The method is not offered, or these data do not support it.
    """
    if not statistic.intervals:
        return None
    chosen = method if method is not None else statistic.intervals[0]
    if chosen not in statistic.intervals:
        raise CannotComputeError(
            f"`{statistic.name}` offers {', '.join(statistic.intervals)}, not `{chosen}`."
        )
    if sides != "two" and METHODS[chosen].two_sided_only:
        raise CannotComputeError(f"`{chosen}` gives two-sided intervals only.")
    if chosen == "bootstrap_percentile":
        return percentile(study.replicates(statistic.name), level, sides)
    if chosen == "bootstrap_bca":
        replicates = study.replicates(statistic.name)
        return bca(replicates, study.value(statistic.name), study.jackknife(statistic.name), level, sides)
    return study.prepared.interval(statistic.name, chosen, level, sides)


def tidied(interval: Interval, value: float) -> Interval:
    """The interval, marked and with a note where it has no width, or does not hold its estimate.

    Ends that differ by rounding only are put in order and may not decide, whichever method made them: values
    tied by coarse reading, or a statistic at its limit, are not known without error. A percentile interval
    can lie beside its estimate; that is a property of the method, but has to be read.

    Args:
        interval: As the method made it.
        value: The estimate.
    """
    lower, upper = interval.lower, interval.upper
    ends = [abs(end) for end in (lower, upper) if np.isfinite(end)]
    slack = _ROUNDING * max(ends, default=0.0)
    flat = len(ends) == 2 and abs(upper - lower) <= slack
    notes = [interval.warning]
    if flat:
        lower, upper = min(lower, upper), max(lower, upper)
        if not interval.degenerate or interval.warning is None:
            notes.append("Both ends are the same value; the interval has no width and says nothing.")
    elif interval.method not in _ABOUT_ANOTHER and not lower - slack <= value <= upper + slack:
        notes.append(BESIDE)
    return replace(
        interval,
        lower=lower,
        upper=upper,
        degenerate=interval.degenerate or flat,
        warning=_joined(*notes),
    )


def _bootstrap_error(study: Study, name: str, interval: Interval | None) -> float:
    """Standard deviation of the replicates, where there is no analytic standard error."""
    if interval is None or not METHODS[interval.method].resampling:
        return float("nan")
    values = study.replicates(name)
    values = values[np.isfinite(values)]
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def attempt(compute: Callable[[], _T]) -> tuple[_T | None, str | None]:
    """The result, or the reason there is none. A plug-in's defect is a visible row too.

    Args:
        compute: Gives the result.

    Example:
        >>> attempt(lambda: 1 / 0)
        (None, 'ZeroDivisionError: division by zero')
    """
    try:
        return compute(), None
    except CannotComputeError as problem:
        return None, str(problem)
    except Exception as problem:
        return None, f"{type(problem).__name__}: {problem}"


def noted(metric: str, estimate: Estimate, *, average: str = "pooled", difference: bool = False) -> Estimate:
    """The estimate, with a warning where its interval rests on too few subjects; see `few_subjects`."""
    if estimate.interval is None:
        return estimate
    note = few_subjects_warning(
        metric,
        estimate.statistic.name,
        estimate.counts,
        average=average,
        difference=difference,
        # rows taken for independent are said to be so already
        method=None if estimate.interval.independent_rows else estimate.interval.method,
    )
    return replace(estimate, warning=_joined(estimate.warning, note)) if note else estimate


def _joined(*notes: str | None) -> str | None:
    return " ".join(note for note in notes if note) or None
