"""Where simulation has shown that an interval does not hold its word with so few subjects."""

from __future__ import annotations

from collections.abc import Mapping

from .coverage_floors import METHOD_FLOORS
from .metric import Counts

SMALLEST, LARGEST = 10, 200
"""Fewest and most subjects that were simulated."""

FLOORS: Mapping[str, tuple[int, int]] = {
    name: (min(one for one, _ in found if one), min(several for _, several in found if several))
    for name, found in ((name, tuple(methods.values())) for name, methods in METHOD_FLOORS.items())
}
"""Statistic as simulated -> smallest number of subjects with one unit each, and with several, with which some
interval covered 93%. See `coverage_floors`."""

PROPORTIONS = (
    ("specificity", "specificity"),
    ("ppv", "ppv"),
    ("npv", "npv"),
    ("accuracy", "accuracy"),
    ("prevalence", "prevalence"),
    ("yield", "yield"),
    ("coverage", "coverage"),
    *(("one_vs_rest", name) for name in ("sensitivity", "specificity", "ppv", "npv", "prevalence")),
    *(("beat_detection", name) for name in ("qrs_sensitivity", "qrs_ppv")),
    *(("beat_classes", f"veb_{name}") for name in ("sensitivity", "ppv", "fpr")),
    *(("beat_classes", f"sveb_{name}") for name in ("sensitivity", "ppv")),
    *(("episode_detection", f"episode_{name}") for name in ("sensitivity", "ppv")),
)
"""Other proportions of units, which the simulation of sensitivity speaks for."""

SIMULATED: Mapping[tuple[str, str, str], str] = {
    ("bland_altman", "bias", "pooled"): "bias",
    ("bland_altman", "loa_lower", "pooled"): "loa_lower",
    ("bland_altman", "loa_upper", "pooled"): "loa_upper",
    ("rmse", "rmse", "pooled"): "rmse",
    ("rmse", "rmse", "subject_mean"): "rmse_mean",
    ("mae", "mae", "pooled"): "mae",
    ("mape", "mape", "pooled"): "mape",
    ("mape", "mape", "subject_mean"): "mape_mean",
    ("share_within", "share_within", "pooled"): "share_within",
    ("ordinary_least_squares", "slope", "pooled"): "slope_least_squares",
    ("deming", "slope", "pooled"): "slope_deming",
    ("sensitivity", "sensitivity", "pooled"): "sensitivity",
    ("sensitivity", "sensitivity", "subject_mean"): "sensitivity_mean",
    ("cohen_kappa", "kappa", "pooled"): "kappa",
    ("auc", "auc", "pooled"): "auc",
}
"""Metric, statistic and average -> the statistic's name in the simulation."""

_BORROWED: Mapping[tuple[str, str, str], tuple[str, str]] = {
    ("mae", "mae", "subject_mean"): ("mape_mean", "the mean over subjects of MAPE"),
    ("share_within", "share_within", "subject_mean"): (
        "sensitivity_mean",
        "the mean over subjects of sensitivity",
    ),
    **{(*name, "pooled"): ("sensitivity", "sensitivity") for name in PROPORTIONS},
    **{
        (metric, statistic, "subject_mean"): ("sensitivity_mean", "the mean over subjects of sensitivity")
        for metric, statistic in PROPORTIONS
        if metric != "one_vs_rest"  # which has no such average
    },
}
"""Statistics that were not simulated themselves -> the one that speaks for them, and its words."""

_DIFFERENCES: Mapping[str, tuple[str, str]] = {
    "rmse": ("rmse_difference", ""),
    "mae": ("rmse_difference", "the difference of two RMSE"),
    "mape": ("rmse_difference", "the difference of two RMSE"),
    "sensitivity": ("sensitivity_difference", ""),
    "share_within": ("sensitivity_difference", "the difference of two sensitivities"),
    **{
        metric: ("sensitivity_difference", "the difference of two sensitivities")
        for metric, statistic in PROPORTIONS
        if metric == statistic  # a difference is that of a metric's one statistic
    },
}
"""Metric -> the paired difference that was simulated, and its words where it is that of another metric."""

_LARGE_SAMPLE = ("bootstrap", "cluster", "jackknife", "rao_scott", "gee", "obuchowski", "delong")
"""How the names of methods begin that become right with many subjects; others are exact, or a model's."""

_OTHERS = frozenset({"asymptotic", "donner_klar", "korn_graubard", "wald", "logit"})


_PAIRED_COUNTS = " Those of pair counts did."


def few_subjects_warning(
    metric: str,
    statistic: str,
    counts: Counts,
    *,
    average: str = "pooled",
    difference: bool = False,
    method: str | None = None,
) -> str | None:
    """Words for an interval that rests on fewer subjects than it can support.

    They say whether no interval of the statistic does, or whether others do and not this method. Below 10
    subjects nothing was simulated; there, every method that needs many subjects is warned of.

    Args:
        metric: The metric's name.
        statistic: The statistic's name.
        counts: What the statistic rests on.
        average: Which average of the metric.
        difference: It is a paired difference of two versions.
        method: The interval's method; None where nothing is to be said about it in particular.

    Returns:
        The warning, or None.

    Example:
        >>> print(few_subjects_warning("rmse", "rmse", Counts(17, 340)))
        Only 17 subjects: in simulations, no 95% interval of this statistic covered 93% with fewer than 40.
        >>> few_subjects_warning("rmse", "rmse", Counts(85, 1700)) is None
        True
        >>> few_subjects_warning("auc", "auc", Counts(17, 17), method="obuchowski")[:57]
        'Only 17 subjects: in simulations, 95% intervals `obuchows'
        >>> print(few_subjects_warning("mcc", "mcc", Counts(6, 90), method="cluster_t"))
        Only 6 subjects: such intervals were simulated with 10 or more, and covered less the fewer there were.
    """
    simulated, words = _speaks_for(metric, statistic, average, difference)
    several, n = counts.n_units > counts.n_subjects, counts.n_subjects
    if simulated is not None:
        of = f" of {words}, which speak for this statistic," if words else ","
        whose = "" if words else " of this statistic"
        only = f"Only {n} subjects: in simulations"
        least = FLOORS[simulated][several]
        own = METHOD_FLOORS[simulated].get(method or "", (0, 0))[several]
        if n < least and least > SMALLEST:
            exact = "" if several or simulated != "sensitivity_difference" else _PAIRED_COUNTS
            return f"{only}{of} no 95% interval{whose} covered 93% {_with(least)}.{exact}"
        if n < own and own > SMALLEST:
            what = f"95% intervals `{method}`{whose} covered less than 93% {_with(own)}"
            return f"{only}{of} {what}; another reached it."
    if n < SMALLEST and _needs_many(method, several=several):
        return (
            f"Only {n} subjects: such intervals were simulated with {SMALLEST} or more, and covered less the "
            "fewer there were."
        )
    return None


def _with(floor: int) -> str:
    return f"with fewer than {floor}" if floor <= LARGEST else f"with up to {LARGEST}"


def _speaks_for(metric: str, statistic: str, average: str, difference: bool) -> tuple[str | None, str]:
    """The simulated statistic that speaks for this one, and its name in words where it is another."""
    if difference:
        found = average == "pooled" and statistic == metric
        return _DIFFERENCES.get(metric, (None, "")) if found else (None, "")
    key = (metric, statistic, average)
    own = SIMULATED.get(key)
    return (own, "") if own else _BORROWED.get(key, (None, ""))


def _needs_many(method: str | None, *, several: bool) -> bool:
    if method is None or (method == "korn_graubard" and not several):  # which is then exact
        return False
    return method in _OTHERS or method.startswith(_LARGE_SAMPLE)
