"""Everything that a published 2 x 2 table can say, from its four counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import checks
from ..functions import Method
from ..intervals import t_interval, tail_levels
from ..metric import (
    CannotComputeError,
    Citation,
    Counts,
    Estimate,
    Interval,
    Metric,
    MetricResult,
    Sides,
    Statistic,
)
from ..proportions.clusters import no_spread
from ..proportions.intervals import BINOMIAL
from .binary import METRICS as SHARES
from .binary import BinaryProportion
from .cells import SCALED, Cells, CellsMetric, unit_standard_error
from .f_scores import F1
from .likelihood_ratios import METRICS as RATIOS
from .overall_accuracy import METRICS as OVERALL
from .predictive_values import METRICS as PREDICTIVE
from .stated_prevalence import METRICS as STATED

_NAMES = ("tp", "fp", "fn", "tn")
_FIRST = ("clopper_pearson", "mover_wilson", "mercaldo", "log", "cluster_t")
"""The default of a statistic is the first of these that it offers."""


def from_counts(
    tp: int,
    fp: int,
    fn: int,
    tn: int,
    *,
    prevalence: float | None = None,
    correction: str = "none",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
) -> MetricResult:
    """Every statistic of a 2 x 2 table of independent units, from the counts alone.

    Sensitivity, specificity, predictive values, accuracy, prevalence, balanced accuracy, Youden's index, F1,
    Matthews correlation, likelihood ratios and diagnostic odds ratio; with `prevalence` also the values
    standardised to it. The same numbers as from as many rows, one a subject. Counts say nothing of subjects:
    where one has several units, the intervals are too narrow, and rows with `subject` are needed.

    Args:
        tp: True positives.
        fp: False positives.
        fn: False negatives.
        tn: True negatives.
        prevalence: Adds predictive values and accuracy at this prevalence.
        correction: Of the diagnostic odds ratio: `none`, or `haldane_anscombe`.
        ci: One method for all statistics that offer it, or statistic -> method. Default: `clopper_pearson` of
            proportions, `mover_wilson` of balanced accuracy and Youden's index, `log` of ratios, `mercaldo`
            of predictive values at a prevalence, `cluster_t` (each unit a subject) of the rest.
        level: Confidence level.
        sides: `two`, or the one bound wanted.

    Raises:
        ValueError: Counts that are not whole and not negative, or a parameter that is not acceptable; all are
            listed.

    Example:
        Liver scans (Altman & Bland 1994):

        >>> result = from_counts(tp=231, fp=32, fn=27, tn=54, prevalence=0.25)
        >>> for name in ("sensitivity", "lr_positive", "ppv_at_prevalence"):
        ...     found, interval = result[name].value, result[name].interval
        ...     print(name, round(found, 3), round(interval.lower, 3), round(interval.upper, 3))
        sensitivity 0.895 0.851 0.93
        lr_positive 2.406 1.823 3.176
        ppv_at_prevalence 0.445 0.378 0.514
    """
    cells = _checked(tp, fp, fn, tn)
    tail_levels(level, sides)
    metrics: list[Metric] = [*SHARES, *PREDICTIVE, *OVERALL, F1(), *RATIOS]
    if prevalence is not None:
        metrics += STATED
    given: dict[str, Any] = {"correction": correction, "prevalence": prevalence}
    parameters = [
        checks.parameters(metric, {one.name: given[one.name] for one in metric.parameters})
        for metric in metrics
    ]
    methods = _methods([metric.statistics[0] for metric in metrics], ci)
    estimates = {
        metric.headline: _estimate(
            metric, cells, own, method=methods[metric.headline], level=level, sides=sides
        )
        for metric, own in zip(metrics, parameters, strict=True)
    }
    sources: dict[str, Citation] = {one.key: one for metric in metrics for one in metric.citations}
    stated = {name: value for name, value in given.items() if value not in (None, "none")}
    return MetricResult(
        metric="from_counts",
        title="2 x 2 table",
        average="pooled",
        parameters={"tp": int(tp), "fp": int(fp), "fn": int(fn), "tn": int(tn), **stated},
        estimates=estimates,
        citations=tuple(sources.values()),
    )


def _checked(tp: int, fp: int, fn: int, tn: int) -> Cells:
    problems = [
        f"`{name}` is {value!r}; a whole number, not negative, is needed."
        for name, value in zip(_NAMES, (tp, fp, fn, tn), strict=True)
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0
    ]
    if problems:
        raise ValueError(" ".join(problems))
    return Cells(float(tp), float(fp), float(fn), float(tn))


def _offered(statistic: Statistic) -> tuple[str, ...]:
    """Methods that counts can feed: all but the bootstraps and those that need the units of subjects."""
    able = {
        *BINOMIAL,
        *SCALED,
        "cluster_t",
        "log",
        "koopman",
        "miettinen_nurminen_ratio",
        "miettinen_nurminen_difference",
        "mover_wilson",
        "mercaldo",
        "mercaldo_adjusted",
    }
    return tuple(name for name in statistic.intervals if name in able)


def _methods(statistics: list[Statistic], ci: Method) -> dict[str, str]:
    """Statistic -> method."""
    offered = {statistic.name: _offered(statistic) for statistic in statistics}
    asked = {} if ci is None else dict(ci) if isinstance(ci, Mapping) else dict.fromkeys(offered, ci)
    problems = [
        f"`ci` names {name}; there are {', '.join(offered)}." for name in asked if name not in offered
    ]
    if isinstance(ci, Mapping):
        problems += [
            f"`{name}` has no `{method}` from counts; it offers {', '.join(offered[name])}."
            for name, method in asked.items()
            if name in offered and method not in offered[name]
        ]
    elif ci is not None and not any(ci in methods for methods in offered.values()):
        known = sorted({name for methods in offered.values() for name in methods})
        problems.append(f"`ci` is {ci!r}; counts offer {', '.join(known)}.")
    if problems:
        raise ValueError(" ".join(problems))
    return {
        name: asked[name] if asked.get(name) in methods else next(one for one in _FIRST if one in methods)
        for name, methods in offered.items()
    }


def _estimate(
    metric: Metric, cells: Cells, parameters: Mapping[str, Any], *, method: str, level: float, sides: Sides
) -> Estimate:
    table = _Table(metric, cells, parameters)
    statistic, counts = metric.statistics[0], Counts(int(table.subjects), int(table.units), int(table.events))
    if not np.isfinite(table.value):
        return Estimate(statistic, float("nan"), float("nan"), None, counts, error=table.reason)
    try:
        interval = table.interval(method, level, sides)
    except CannotComputeError as problem:
        return Estimate(
            statistic, table.value, table.standard_error, None, counts, error=f"No interval: {problem}"
        )
    return Estimate(statistic, table.value, table.standard_error, interval, counts, warning=interval.warning)


class _Table:
    """One statistic of one table: its value, standard error and intervals, every unit a subject."""

    def __init__(self, metric: Metric, cells: Cells, parameters: Mapping[str, Any]) -> None:
        self.metric, self.cells, self.parameters = metric, cells, parameters
        self.bounds = (0.0, 1.0)
        self.subjects = cells.total
        totals = np.array([cells.tp, cells.fp, cells.fn, cells.tn])
        if isinstance(metric, BinaryProportion):
            self.events = float(totals[list(metric.ratio.events)].sum())
            self.units = self.subjects = float(totals[list(metric.ratio.units)].sum())
            self.reason = metric.empty
            self.value = self.events / self.units if self.units else float("nan")
            spread = self.value * (1 - self.value) / (self.units - 1) if self.units > 1 else float("nan")
            self.standard_error = float(np.sqrt(spread))
        elif isinstance(metric, CellsMetric):
            formula = metric.formula(parameters)
            self.events, self.units = metric.counts(cells)
            self.subjects = float(totals[list(metric.rests_on)].sum())
            self.bounds = metric.bounds
            with np.errstate(all="ignore"):
                self.value = float(formula(totals)[0])
            self.reason = "There are no units." if cells.total == 0 else ""
            if cells.total and not np.isfinite(self.value):
                self.reason = metric.undefined(cells)
            self.standard_error = unit_standard_error(formula, cells, metric.rests_on)

    def interval(self, method: str, level: float, sides: Sides) -> Interval:
        if isinstance(self.metric, CellsMetric) and method in self.metric.from_cells:
            return self.metric.unit_interval(self.cells, self.parameters, method, level, sides)
        flat = False
        if method in BINOMIAL:
            lower, upper = BINOMIAL[method](self.events, self.units, level, sides)
        elif self.subjects < 2:
            raise CannotComputeError("An interval needs at least two subjects.")
        elif method in SCALED:
            lower, upper = SCALED[method](self.value, self.standard_error, self.subjects - 1, level, sides)
            flat = no_spread(self.value, self.standard_error)
        else:
            low, high = t_interval(self.value, self.standard_error, self.subjects - 1, level, sides)
            lower, upper = max(low, self.bounds[0]), min(high, self.bounds[1])
            flat = no_spread(self.value, self.standard_error)
        flat = flat or lower == upper
        note = "The interval has no width and says nothing." if flat else None
        return Interval(lower, upper, level, sides, method, degenerate=flat, warning=note)
