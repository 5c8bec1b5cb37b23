"""One estimate from those of several completed data sets: Rubin's rules for multiple imputation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special, stats

from .intervals import tail_levels
from .metric import Estimate, FloatArray, Interval, Sides, Statistic

NO_ERROR = "No interval: no standard error to pool"


def pool(statistic: Statistic, each: Sequence[Estimate], *, level: float, sides: Sides) -> Estimate:
    """One estimate from those of the completed data sets, by Rubin's rules (Rubin 1987, ch. 3).

    The variance is the mean of the estimates' variances plus (1 + 1/m) times the variance between them.
    Student's t has the degrees of freedom of Barnard & Rubin (1999, Biometrika 86:948-955), with the number
    of subjects less one for complete data. The interval of a proportion of units, one a subject, is Wilson's
    with the variance inflated by what is missing (Lott & Reiter 2020, Am Stat 74:109-115): near 0 and 1,
    where completed data sets have hardly any variance, the usual one is far too narrow. Other proportions are
    pooled on the logit scale.

    Args:
        statistic: What was estimated.
        each: The estimate of each completed data set, with its standard error.
        level: Level of the interval.
        sides: Its sides.

    Returns:
        The pooled estimate with an interval of method `rubin`; without a value, or without an interval, where
        the completed data sets do not support one, and why.

    Example:
        >>> from accordance.evaluators import registry
        >>> from accordance.evaluators.metric import Counts
        >>> bias = registry.get("bland_altman").statistic("bias")
        >>> each = [Estimate(bias, value, 1.0, None, Counts(50, 50)) for value in (2.0, 2.5, 1.5)]
        >>> pooled = pool(bias, each, level=0.95, sides="two")
        >>> round(pooled.value, 3), round(pooled.standard_error, 3)
        (2.0, 1.155)
    """
    counts = each[0].counts
    values = np.array([one.value for one in each])
    errors = np.array([one.standard_error for one in each])
    if not np.isfinite(values).all():
        reason = next((one.error for one in each if one.error), "a completed data set has no value")
        return Estimate(statistic, math.nan, math.nan, None, counts, error=reason)
    if statistic.unit == "proportion" and all(one.counts.n_events is not None for one in each):
        return _share(statistic, each, values, errors, level=level, sides=sides)
    logit = statistic.unit == "proportion" and bool(((values > 0) & (values < 1)).all())
    scale = values * (1 - values) if logit else np.ones_like(values)
    inner = np.log(values / (1 - values)) if logit else values
    mean, within, between = _moments(inner, errors / scale)
    total = within + (1 + 1 / len(inner)) * between
    if not math.isfinite(total) or total <= 0:
        value = float(values.mean())
        return Estimate(statistic, value, math.nan, None, counts, error=NO_ERROR)
    degrees = _degrees(len(inner), within, between, counts.n_subjects - 1)
    ends = np.asarray(mean + stats.t.ppf(tail_levels(level, sides), degrees) * math.sqrt(total))
    value, error = mean, math.sqrt(total)
    if logit:
        ends, value = np.asarray(special.expit(ends)), float(special.expit(mean))
        error *= value * (1 - value)
    interval = Interval(float(ends[0]), float(ends[1]), level, sides, "rubin")
    return Estimate(statistic, value, error, interval, counts)


def _moments(values: FloatArray, errors: FloatArray) -> tuple[float, float, float]:
    """Mean, variance within (mean of squared errors) and variance between completed data sets."""
    between = float(values.var(ddof=1)) if len(values) > 1 else 0.0
    return float(values.mean()), float(np.mean(errors**2)), between


def _share(
    statistic: Statistic,
    each: Sequence[Estimate],
    values: FloatArray,
    errors: FloatArray,
    *,
    level: float,
    sides: Sides,
) -> Estimate:
    """A proportion of units, by Wilson's interval for multiple imputation."""
    counts, m = each[0].counts, len(values)
    mean, within, between = _moments(values, errors)
    units = float(np.mean([one.counts.n_units for one in each]))
    spread = float(np.mean(values * (1 - values)))
    if not math.isfinite(within) or units < 1 or (within <= 0 < between):
        return Estimate(statistic, mean, math.nan, None, counts, error=NO_ERROR)
    missing = 0.0  # where every data set has 0, or every one 1, there is nothing between them
    if within > 0:
        units = min(units, spread / within + 1)  # units that weigh unevenly are worth fewer
        missing = (1 + 1 / m) * between / (spread / units)
    degrees = _degrees(m, 1.0, missing / (1 + 1 / m), counts.n_subjects - 1)
    ends = _wilson(mean, units, missing, np.asarray(stats.t.ppf(tail_levels(level, sides), degrees)))
    interval = Interval(float(ends[0]), float(ends[1]), level, sides, "rubin")
    return Estimate(statistic, mean, math.sqrt(within + (1 + 1 / m) * between), interval, counts)


def _wilson(share: float, units: float, missing: float, reach: FloatArray) -> FloatArray:
    """Values p at which (share - p)^2 = t^2 (1 + r) p (1 - p) / n, in [0, 1] (Lott & Reiter 2020).

    Args:
        share: Mean of the completed data sets' proportions.
        units: n, units of the proportion.
        missing: r, the variance between data sets, times 1 + 1/m, over that within.
        reach: (2,) Student quantiles, minus and plus; infinite for an open end.
    """
    found = np.empty(2)
    for place, t in enumerate(reach):
        if not np.isfinite(t):
            found[place] = 0.0 if t < 0 else 1.0
            continue
        c = t * t * (1 + missing) / units
        middle, width = share + c / 2, math.sqrt(max(c * c / 4 + c * share * (1 - share), 0.0))
        found[place] = min(max((middle + math.copysign(width, t)) / (1 + c), 0.0), 1.0)
    return found


def _degrees(imputations: int, within: float, between: float, complete: float) -> float:
    """Degrees of freedom of Barnard and Rubin."""
    extra = (1 + 1 / imputations) * between
    share = extra / (within + extra)
    observed = (complete + 1) / (complete + 3) * complete * (1 - share)
    if share == 0:
        return max(observed, 1.0)
    old = (imputations - 1) / share**2
    return max(1 / (1 / old + 1 / observed), 1.0)
