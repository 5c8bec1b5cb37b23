"""Every metric by name: built in, or registered by another package (entry points `accordance.metrics`)."""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from importlib.metadata import entry_points

from .metric import Metric

ENTRY_POINT_GROUP = "accordance.metrics"

_BUILT_IN: tuple[str, ...] = (
    "agreement.bland_altman",
    "agreement.measurement_errors",
    "classification.binary",
    "classification.predictive_values",
    "raters.kappa",
    "classification.reporting",
    "classification.overall_accuracy",
    "classification.f_scores",
    "classification.likelihood_ratios",
    "classification.stated_prevalence",
    "classification.one_vs_rest",
    "classification.class_averages",
    "regression.least_squares",
    "agreement.quantile_errors",
    "agreement.scaled_limits",
    "reliability.concordance",
    "regression.weighted",
    "reliability.icc",
    "agreement.limits_by_regression",
    "agreement.difference_checks",
    "agreement.iso81060",
    "regression.ranks",
    "raters.two_raters",
    "raters.pabak",
    "raters.many_raters",
    "raters.krippendorff",
    "reliability.repeatability",
    "reliability.retest",
    "agreement.mixed_limits",
    "agreement.mixed_conditions",
    "rates.event_rates",
    "rates.negative_binomial",
    "correlation.correlations",
    "agreement.mean_differences",
    "agreement.deviation_index",
    "agreement.tolerance_intervals",
    "agreement.bias_slope",
    "roc.area",
    "reliability.concordance_repeated",
    "agreement.normality",
    "roc.points",
    "calibration.scores",
    "calibration.fit",
    "calibration.smooth",
    "rhythm.beat_metrics",
    "rhythm.episode_metrics",
)
"""Modules of this package that hold metrics, each in a tuple `METRICS`."""


class PluginWarning(UserWarning):
    """A registered metric could not be used; the others work."""


@cache
def _table() -> dict[str, Metric]:
    """Built-in metrics first; a plug-in may add names, never replace one."""
    table: dict[str, Metric] = {}
    for module in _BUILT_IN:
        for metric in importlib.import_module(f".{module}", __package__).METRICS:
            table[metric.name] = metric
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: (point.name, point.value)):
        try:
            loaded = point.load()
            metric = loaded() if isinstance(loaded, type) else loaded
            problem = _objection(metric, table)
        except Exception as failure:
            problem = f"{type(failure).__name__}: {failure}"
        if problem:
            warnings.warn(
                f"Metric plug-in `{point.name}` ({point.value}) is not used: {problem}", PluginWarning, 2
            )
        else:
            table[metric.name] = metric
    return table


def _objection(metric: object, table: dict[str, Metric]) -> str | None:
    if not isinstance(metric, Metric):
        return "it is not an accordance Metric."
    if metric.name in table:
        return f"the name `{metric.name}` is taken."
    return None


def names() -> tuple[str, ...]:
    """Names of all metrics, sorted."""
    return tuple(sorted(_table()))


def get(name: str) -> Metric:
    """The metric of that name.

    Raises:
        KeyError: There is none.

    Example:
        >>> get("rmse").title
        'Root mean square error'
    """
    return _table()[name]


def all_metrics() -> tuple[Metric, ...]:
    """All metrics, sorted by name."""
    return tuple(_table()[name] for name in names())
