"""Intervals of a proportion of units that are not independent: rows of one subject resemble each other.

Most rest on the linearised standard error of the estimate with subjects as clusters, which also holds for row
weights and for means of subjects. Where every unit is an event, or none is, the subjects cannot differ and
the standard error says nothing; the methods with an effective number then take the units of one subject for
one (complete dependence: the widest answer), the others have no interval there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from ..intervals import clopper_pearson, tail_levels, wilson
from ..metric import CannotComputeError, Sides
from .clusters import (
    ClusterBounds,
    Clusters,
    at_least_two,
    counted_only,
    effective_units,
    few,
    joined,
    no_spread,
)
from .gee import gee_exchangeable, gee_independence


def rao_scott_wilson(found: Clusters, level: float, sides: Sides = "two") -> ClusterBounds:
    """Wilson's interval at the effective number of units (Rao & Scott 1992).

    Args:
        found: Events and units, as `clusters` gives them.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or 1.

    Raises:
        CannotComputeError: Fewer than two subjects.

    Example:
        Four subjects with 3 of 4, 5 of 5, 0 of 3 and 4 of 4:

        >>> from accordance.evaluators.proportions.clusters import clusters
        >>> bounds = rao_scott_wilson(clusters([3, 5, 0, 4], [4, 5, 3, 4]), 0.95)
        >>> round(bounds.lower, 4), round(bounds.upper, 4)
        (0.3269, 0.9488)
    """
    size, note = effective_units(found)
    lower, upper = wilson(size * found.value, size, level, sides)
    return ClusterBounds(lower, upper, joined(note, few(found)))


def rao_scott_clopper_pearson(found: Clusters, level: float, sides: Sides = "two") -> ClusterBounds:
    """Clopper and Pearson's interval at the effective number of units.

    `korn_graubard` is the same with allowance for few subjects. Arguments and errors as for
    `rao_scott_wilson`.
    """
    size, note = effective_units(found)
    lower, upper = clopper_pearson(size * found.value, size, level, sides)
    return ClusterBounds(lower, upper, joined(note, few(found)))


def korn_graubard(found: Clusters, level: float, sides: Sides = "two") -> ClusterBounds:
    """Clopper and Pearson's interval at the effective number, corrected for few subjects.

    Korn & Graubard 1998. The effective number is multiplied with the squared ratio of Student's t quantiles,
    of units - 1 to those of subjects - 1 degrees of freedom, as `survey::svyciprop(method = "beta")` in R,
    and is never above the number of units, or of equal units that would weigh like these (`Clusters.most`;
    R has no such limit). Where all units are events, or none is, and the subjects are of equal size, this is
    the exact interval of subjects.

    With one unit a subject there is nothing to estimate: the effective number is that of the units, and the
    interval Clopper and Pearson's own. (R's `svyciprop` takes one unit less there, by its n - 1.) It is thus
    right for independent and for clustered units, and the default of a proportion.

    Arguments and errors as for `rao_scott_wilson`; a single subject is refused only if it has several units.

    Example:
        Eight subjects, all of whose five units are events; `binom.test(8, 8)` in R gives 0.6306 to 1:

        >>> from accordance.evaluators.proportions.clusters import clusters
        >>> bounds = korn_graubard(clusters([5] * 8, [5] * 8), 0.95)
        >>> round(bounds.lower, 4), bounds.upper
        (0.6306, 1.0)
    """
    total, k = float(found.units.sum()), len(found.units)
    if found.counted and total == k:
        return ClusterBounds(*clopper_pearson(float(found.events.sum()), total, level, sides))
    size, note = effective_units(found)
    low, high = tail_levels(level, sides)
    if not found.uniform:
        tail = low if low > 0 else 1 - high
        ratio = float(special.stdtrit(total - 1, tail) / special.stdtrit(k - 1, tail))
        variance = found.standard_error**2
        size = found.most
        if variance > 0:
            size = min(size, found.value * (1 - found.value) / variance * ratio**2)
    lower, upper = clopper_pearson(size * found.value, size, level, sides)
    return ClusterBounds(lower, upper, note)


def cluster_logit(found: Clusters, level: float, sides: Sides = "two") -> ClusterBounds:
    """Student's t interval of the log odds with the linearised standard error, transformed back.

    Subjects - 1 degrees of freedom, as `survey::svyciprop(method = "xlogit")` in R.

    Arguments as for `rao_scott_wilson`.

    Raises:
        CannotComputeError: Fewer than two subjects; or the estimate is 0 or 1.

    Example:
        >>> from accordance.evaluators.proportions.clusters import clusters
        >>> bounds = cluster_logit(clusters([3, 5, 0, 4], [4, 5, 3, 4]), 0.95)
        >>> round(bounds.lower, 4), round(bounds.upper, 4)
        (0.0925, 0.9888)
    """
    at_least_two(found)
    lower, upper = logit_t(found.value, found.standard_error, len(found.units) - 1, level, sides)
    return ClusterBounds(lower, upper, flat=no_spread(found.value, found.standard_error))


def cluster_logit_cr2(found: Clusters, level: float, sides: Sides = "two") -> ClusterBounds:
    """Student's t interval of the log odds with the bias-reduced standard error of Bell & McCaffrey (2002).

    For subjects of very unequal size. A large subject pulls the estimate towards itself, so that its
    residual, and with it the linearised standard error, is too small: each squared residual is divided by the
    share of the units that its subject does not have. The degrees of freedom are Satterthwaite's for
    independent units of equal variance; of nine subjects with 5 units and one with 200 they are 1.4, not 9.
    Standard error and degrees of freedom as `clubSandwich::vcovCR(type = "CR2")` and `coef_test` in R. In
    simulations of such subjects the 95% interval covered at least 96% where that of `cluster_logit` covered
    39% to 77%.

    Arguments as for `rao_scott_wilson`.

    Raises:
        CannotComputeError: Fewer than two subjects; row weights, or a mean of subjects; or the estimate is 0
            or 1.

    Example:
        >>> from accordance.evaluators.proportions.clusters import clusters
        >>> bounds = cluster_logit_cr2(clusters([3, 5, 0, 4], [4, 5, 3, 4]), 0.95)
        >>> round(bounds.lower, 4), round(bounds.upper, 4)
        (0.0911, 0.989)
    """
    at_least_two(found)
    counted_only(found, "cluster_logit_cr2")
    error, df = bias_reduced(found)
    lower, upper = logit_t(found.value, error, df, level, sides)
    return ClusterBounds(lower, upper, flat=no_spread(found.value, error))


def bias_reduced(found: Clusters) -> tuple[float, float]:
    """Standard error CR2 of a share of clustered units, and its degrees of freedom (Bell & McCaffrey 2002).

    Example:
        >>> from accordance.evaluators.proportions.clusters import clusters
        >>> error, df = bias_reduced(clusters([3, 5, 0, 4], [4, 5, 3, 4]))
        >>> round(error, 4), round(df, 2)
        (0.196, 2.89)
    """
    n, total = found.units, float(found.units.sum())
    others = 1 - n / total
    error = float(np.sqrt((np.square(found.events - n * found.value) / others).sum())) / total
    # the variance is a quadratic form of the units; these are the sums over its matrix, subjects by subjects
    squares = np.square(n / total) / others
    across = (squares.sum() ** 2 - np.square(squares).sum()) / total**2
    within = np.square(n / total**2).sum()
    return error, max(1.0, float(1 / total**2 / (across + within)))


def cluster_arcsine(found: Clusters, level: float, sides: Sides = "two") -> ClusterBounds:
    """Student's t interval of arcsin(sqrt(p)) with the linearised standard error, transformed back.

    Subjects - 1 degrees of freedom, as `survey::svyciprop(method = "asin")` in R; cut where the arcsine ends.

    Arguments as for `rao_scott_wilson`.

    Raises:
        CannotComputeError: Fewer than two subjects; or the estimate is 0 or 1.

    Example:
        >>> from accordance.evaluators.proportions.clusters import clusters
        >>> bounds = cluster_arcsine(clusters([3, 5, 0, 4], [4, 5, 3, 4]), 0.95)
        >>> round(bounds.lower, 4), round(bounds.upper, 4)
        (0.0959, 1.0)
    """
    at_least_two(found)
    low, high = tail_levels(level, sides)
    p, df = found.value, len(found.units) - 1
    if not 0 < p < 1:
        raise CannotComputeError("The arcsine interval has no width at an estimate of 0 or 1.")
    centre, spread = np.arcsin(np.sqrt(p)), found.standard_error / (2 * np.sqrt(p * (1 - p)))

    def bound(probability: float) -> float:
        end = float(np.clip(centre + special.stdtrit(df, probability) * spread, 0, np.pi / 2))
        return float(np.sin(end) ** 2)

    lower, upper = bound(low) if low > 0 else 0.0, bound(high) if high < 1 else 1.0
    return ClusterBounds(lower, upper, flat=no_spread(p, found.standard_error))


def donner_klar(found: Clusters, level: float, sides: Sides = "two") -> ClusterBounds:
    """Wilson's interval at the units divided by a variance inflation from the ANOVA intraclass correlation.

    The inflation is 1 + (sum n^2 / sum n - 1) * ICC (Donner & Klar 2000), not below 1; it takes the
    correlation for the same in all subjects.

    Arguments as for `rao_scott_wilson`.

    Raises:
        CannotComputeError: Fewer than two subjects; row weights, or a mean of subjects.

    Example:
        >>> from accordance.evaluators.proportions.clusters import clusters
        >>> bounds = donner_klar(clusters([3, 5, 0, 4], [4, 5, 3, 4]), 0.95)
        >>> round(bounds.lower, 4), round(bounds.upper, 4)
        (0.3312, 0.9478)
    """
    at_least_two(found)
    counted_only(found, "donner_klar")
    total = float(found.units.sum())
    if found.uniform:
        size, note = effective_units(found)
    else:
        inflation = 1 + (np.square(found.units).sum() / total - 1) * anova_icc(found)
        size, note = total / max(1.0, inflation), None
    lower, upper = wilson(size * found.value, size, level, sides)
    return ClusterBounds(lower, upper, joined(note, few(found)))


def anova_icc(found: Clusters) -> float:
    """Intraclass correlation of events by analysis of variance (Donner & Klar 2000).

    0 where no subject has two units; undefined, and 0 here, where every unit is an event or none is.

    Example:
        >>> from accordance.evaluators.proportions.clusters import clusters
        >>> round(anova_icc(clusters([3, 5, 0, 4], [4, 5, 3, 4])), 4)
        0.7354
    """
    n, k, total = found.units, len(found.units), float(found.units.sum())
    if total <= k or found.uniform:
        return 0.0
    share = found.events / n
    between = float((n * np.square(share - found.events.sum() / total)).sum() / (k - 1))
    within = float((n * share * (1 - share)).sum() / (total - k))
    usual = (total - float(np.square(n).sum()) / total) / (k - 1)
    return (between - within) / (between + (usual - 1) * within)


CLUSTERED: dict[str, Callable[[Clusters, float, Sides], ClusterBounds]] = {
    "rao_scott_wilson": rao_scott_wilson,
    "rao_scott_clopper_pearson": rao_scott_clopper_pearson,
    "korn_graubard": korn_graubard,
    "cluster_logit": cluster_logit,
    "cluster_logit_cr2": cluster_logit_cr2,
    "cluster_arcsine": cluster_arcsine,
    "donner_klar": donner_klar,
    "gee_independence": gee_independence,
    "gee_exchangeable": gee_exchangeable,
}
"""Every interval of a proportion of clustered units, by its name in `intervals.METHODS`."""


def logit_t(
    value: float, standard_error: float, df: float, level: float, sides: Sides
) -> tuple[float, float]:
    """Student's t interval of the log odds of anything between 0 and 1, transformed back.

    Args:
        value: The estimate.
        standard_error: Its standard error on its own scale; that of the log odds is it over v (1 - v).
        df: Degrees of freedom.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or 1.

    Raises:
        CannotComputeError: The estimate is 0 or 1, or the standard error is undefined.

    Example:
        >>> lower, upper = logit_t(0.9, 0.04, 20, 0.95, "two")
        >>> round(lower, 4), round(upper, 4)
        (0.7808, 0.9579)
    """
    low, high = tail_levels(level, sides)
    if not 0 < value < 1:
        raise CannotComputeError(
            f"The log odds are infinite at an estimate of {value:g}; use a method that is exact there."
        )
    if not np.isfinite(standard_error) or df < 1:
        raise CannotComputeError("The standard error is undefined for these data.")
    odds, spread = float(special.logit(value)), standard_error / (value * (1 - value))
    lower = float(special.expit(odds + special.stdtrit(df, low) * spread)) if low > 0 else 0.0
    upper = float(special.expit(odds + special.stdtrit(df, high) * spread)) if high < 1 else 1.0
    return lower, upper
