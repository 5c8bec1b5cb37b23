"""One estimate from those of several completed data sets: Rubin's rules for multiple imputation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special, stats

from .intervals import tail_levels
from .metric import Estimate, Interval, Sides, Statistic


def pool(statistic: Statistic, each: Sequence[Estimate], *, level: float, sides: Sides) -> Estimate:
    """One estimate from those of the completed data sets, by Rubin's rules (Rubin 1987, ch. 3).

    The variance is the mean of the estimates' variances plus (1 + 1/m) times the variance between them.
    Student's t has the degrees of freedom of Barnard & Rubin (1999, Biometrika 86:948-955), with the number
    of subjects less one for complete data. Proportions between 0 and 1 are pooled on the logit scale.

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
    logit = statistic.unit == "proportion" and bool(((values > 0) & (values < 1)).all())
    scale = values * (1 - values) if logit else np.ones_like(values)
    inner = np.log(values / (1 - values)) if logit else values
    mean, within = float(inner.mean()), float(np.mean((errors / scale) ** 2))
    between = float(inner.var(ddof=1)) if len(inner) > 1 else 0.0
    total = within + (1 + 1 / len(inner)) * between
    if not math.isfinite(total) or total <= 0:
        value = float(values.mean())
        return Estimate(
            statistic, value, math.nan, None, counts, error="No interval: no standard error to pool"
        )
    degrees = _degrees(len(inner), within, between, counts.n_subjects - 1)
    ends = np.asarray(mean + stats.t.ppf(tail_levels(level, sides), degrees) * math.sqrt(total))
    value, error = mean, math.sqrt(total)
    if logit:
        ends, value = np.asarray(special.expit(ends)), float(special.expit(mean))
        error *= value * (1 - value)
    interval = Interval(float(ends[0]), float(ends[1]), level, sides, "rubin")
    return Estimate(statistic, value, error, interval, counts)


def _degrees(imputations: int, within: float, between: float, complete: float) -> float:
    """Degrees of freedom of Barnard and Rubin."""
    extra = (1 + 1 / imputations) * between
    share = extra / (within + extra)
    observed = (complete + 1) / (complete + 3) * complete * (1 - share)
    if share == 0:
        return max(observed, 1.0)
    old = (imputations - 1) / share**2
    return max(1 / (1 / old + 1 / observed), 1.0)
