"""Intervals of a proportion of units that are not independent: rows of one subject resemble each other.

Most rest on the linearised standard error of the estimate with subjects as clusters, which also holds for row
weights and for means of subjects. Where every unit is an event, or none is, the subjects cannot differ and
the standard error says nothing; the methods with an effective number then take the units of one subject for
one (complete dependence: the widest answer), the others have no interval there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .intervals import clopper_pearson, tail_levels, wilson
from .metric import CannotComputeError, FloatArray, Sides

FEW = 10
"""Fewer subjects than this, and methods with normal quantiles carry a warning."""


@dataclass(frozen=True)
class Clusters:
    """A proportion of clustered units, and what its intervals need.

    Attributes:
        events: (k,) events of each subject that has units.
        units: (k,) units of each, above 0.
        value: The estimate.
        standard_error: Its linearised standard error with subjects as clusters.
        sizes: (k,) what a subject weighs in the estimate: its units, the sum of its row weights, or 1.
        counted: The estimate is events over units, each counted once.
    """

    events: FloatArray
    units: FloatArray
    value: float
    standard_error: float
    sizes: FloatArray
    counted: bool = True

    @property
    def uniform(self) -> bool:
        """Every unit is an event, or none is."""
        return not 0 < self.events.sum() < self.units.sum()


@dataclass(frozen=True)
class ClusterBounds:
    """Bounds of one method, with what the reader should know."""

    lower: float
    upper: float
    note: str | None = None


def clusters(x: ArrayLike, n: ArrayLike) -> Clusters:
    """Events and units of each subject, with the ratio estimate and its linearised standard error.

    The ratio estimate is the sum of events over the sum of units; its standard error is
    sqrt(k / (k - 1) * sum((x_i - n_i p)^2)) / sum(n_i), as `survey::svymean` in R. Subjects without units are
    left out.

    Args:
        x: (k,) events of each subject.
        n: (k,) units of each.

    Raises:
        CannotComputeError: No subject has a unit.
        ValueError: Lengths differ, or an x lies outside 0 to its n.

    Example:
        >>> found = clusters([3, 5, 0, 4], [4, 5, 3, 4])
        >>> found.value, round(found.standard_error, 4)
        (0.75, 0.1993)
    """
    events, units = np.asarray(x, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if events.shape != units.shape or events.ndim != 1:
        raise ValueError(f"`x` {events.shape} and `n` {units.shape} must be of one length.")
    if np.any(~((events >= 0) & (events <= units))):
        raise ValueError("`x` must lie between 0 and `n` for every subject.")
    events, units = events[units > 0], units[units > 0]
    if not len(units):
        raise CannotComputeError("A proportion needs at least one unit in its denominator.")
    k, total = len(units), units.sum()
    value = float(events.sum() / total)
    spread = float("nan")
    if k > 1:
        spread = float(np.sqrt(k / (k - 1) * np.square(events - units * value).sum()) / total)
    return Clusters(events, units, value, spread, sizes=units)


def effective_units(found: Clusters) -> tuple[float, str | None]:
    """Independent units that would be as informative, p (1 - p) / SE^2 (Rao & Scott 1992), and a note.

    Never more than there are units. Where all units are events, or none is: (sum n)^2 / sum n^2, the number
    under complete dependence within subjects, which is the number of subjects if they are of equal size.
    """
    _at_least_two(found)
    if found.uniform:
        note = (
            f"{'No unit is an event' if not found.events.sum() else 'Every unit is an event'}, so how alike "
            "the units of a subject are cannot be seen; they are taken for one."
        )
        return float(found.sizes.sum() ** 2 / np.square(found.sizes).sum()), note
    total = float(found.units.sum())
    variance = found.standard_error**2
    if variance * total <= found.value * (1 - found.value):
        return total, None
    return found.value * (1 - found.value) / variance, None


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

        >>> bounds = rao_scott_wilson(clusters([3, 5, 0, 4], [4, 5, 3, 4]), 0.95)
        >>> round(bounds.lower, 4), round(bounds.upper, 4)
        (0.3269, 0.9488)
    """
    size, note = effective_units(found)
    lower, upper = wilson(size * found.value, size, level, sides)
    return ClusterBounds(lower, upper, _joined(note, _few(found)))


def rao_scott_clopper_pearson(found: Clusters, level: float, sides: Sides = "two") -> ClusterBounds:
    """Clopper and Pearson's interval at the effective number of units.

    `korn_graubard` is the same with allowance for few subjects. Arguments and errors as for
    `rao_scott_wilson`.
    """
    size, note = effective_units(found)
    lower, upper = clopper_pearson(size * found.value, size, level, sides)
    return ClusterBounds(lower, upper, _joined(note, _few(found)))


def korn_graubard(found: Clusters, level: float, sides: Sides = "two") -> ClusterBounds:
    """Clopper and Pearson's interval at the effective number, corrected for few subjects.

    Korn & Graubard 1998. The effective number is multiplied with the squared ratio of Student's t quantiles,
    of units - 1 to those of subjects - 1 degrees of freedom, as `survey::svyciprop(method = "beta")` in R,
    and is never above the number of units. Where all units are events, or none is, and the subjects are of
    equal size, this is the exact interval of subjects.

    Arguments and errors as for `rao_scott_wilson`.

    Example:
        Eight subjects, all of whose five units are events; `binom.test(8, 8)` in R gives 0.6306 to 1:

        >>> bounds = korn_graubard(clusters([5] * 8, [5] * 8), 0.95)
        >>> round(bounds.lower, 4), bounds.upper
        (0.6306, 1.0)
    """
    size, note = effective_units(found)
    total, k = float(found.units.sum()), len(found.units)
    low, high = tail_levels(level, sides)
    if not found.uniform:
        tail = low if low > 0 else 1 - high
        ratio = float(special.stdtrit(total - 1, tail) / special.stdtrit(k - 1, tail))
        variance = found.standard_error**2
        size = total
        if variance > 0:
            size = min(total, found.value * (1 - found.value) / variance * ratio**2)
    lower, upper = clopper_pearson(size * found.value, size, level, sides)
    return ClusterBounds(lower, upper, note)


def cluster_logit(found: Clusters, level: float, sides: Sides = "two") -> ClusterBounds:
    """Student's t interval of the log odds with the linearised standard error, transformed back.

    Subjects - 1 degrees of freedom, as `survey::svyciprop(method = "xlogit")` in R.

    Arguments as for `rao_scott_wilson`.

    Raises:
        CannotComputeError: Fewer than two subjects; or the estimate is 0 or 1.

    Example:
        >>> bounds = cluster_logit(clusters([3, 5, 0, 4], [4, 5, 3, 4]), 0.95)
        >>> round(bounds.lower, 4), round(bounds.upper, 4)
        (0.0925, 0.9888)
    """
    _at_least_two(found)
    lower, upper = logit_t(found.value, found.standard_error, len(found.units) - 1, level, sides)
    return ClusterBounds(lower, upper)


def cluster_arcsine(found: Clusters, level: float, sides: Sides = "two") -> ClusterBounds:
    """Student's t interval of arcsin(sqrt(p)) with the linearised standard error, transformed back.

    Subjects - 1 degrees of freedom, as `survey::svyciprop(method = "asin")` in R; cut where the arcsine ends.

    Arguments as for `rao_scott_wilson`.

    Raises:
        CannotComputeError: Fewer than two subjects; or the estimate is 0 or 1.

    Example:
        >>> bounds = cluster_arcsine(clusters([3, 5, 0, 4], [4, 5, 3, 4]), 0.95)
        >>> round(bounds.lower, 4), round(bounds.upper, 4)
        (0.0959, 1.0)
    """
    _at_least_two(found)
    low, high = tail_levels(level, sides)
    p, df = found.value, len(found.units) - 1
    if not 0 < p < 1:
        raise CannotComputeError("The arcsine interval has no width at an estimate of 0 or 1.")
    centre, spread = np.arcsin(np.sqrt(p)), found.standard_error / (2 * np.sqrt(p * (1 - p)))
    ends = np.clip(centre + special.stdtrit(df, np.array([max(low, 1e-300), high])) * spread, 0, np.pi / 2)
    lower, upper = np.square(np.sin(ends))
    return ClusterBounds(float(lower) if low > 0 else 0.0, float(upper) if high < 1 else 1.0)


def donner_klar(found: Clusters, level: float, sides: Sides = "two") -> ClusterBounds:
    """Wilson's interval at the units divided by a variance inflation from the ANOVA intraclass correlation.

    The inflation is 1 + (sum n^2 / sum n - 1) * ICC (Donner & Klar 2000), not below 1; it takes the
    correlation for the same in all subjects.

    Arguments as for `rao_scott_wilson`.

    Raises:
        CannotComputeError: Fewer than two subjects; row weights, or a mean of subjects.

    Example:
        >>> bounds = donner_klar(clusters([3, 5, 0, 4], [4, 5, 3, 4]), 0.95)
        >>> round(bounds.lower, 4), round(bounds.upper, 4)
        (0.3312, 0.9478)
    """
    _at_least_two(found)
    _counted(found, "donner_klar")
    total = float(found.units.sum())
    if found.uniform:
        size, note = effective_units(found)
    else:
        inflation = 1 + (np.square(found.units).sum() / total - 1) * anova_icc(found)
        size, note = total / max(1.0, inflation), None
    lower, upper = wilson(size * found.value, size, level, sides)
    return ClusterBounds(lower, upper, _joined(note, _few(found)))


def anova_icc(found: Clusters) -> float:
    """Intraclass correlation of events by analysis of variance (Donner & Klar 2000).

    0 where no subject has two units; undefined, and 0 here, where every unit is an event or none is.

    Example:
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


@dataclass(frozen=True)
class GeeFit:
    """A proportion by generalised estimating equations, intercept only, logit link.

    Attributes:
        value: The estimate on the scale of the proportion.
        log_odds: The intercept.
        standard_error: Robust (sandwich) standard error of the intercept, without small-sample correction.
        correlation: Exchangeable working correlation within subjects; 0 for independence.
    """

    value: float
    log_odds: float
    standard_error: float
    correlation: float


def gee(found: Clusters, *, exchangeable: bool) -> GeeFit:
    """Solve the estimating equations of Liang & Zeger (1986) for a proportion.

    With one intercept the equation is p = sum(w_i x_i) / sum(w_i n_i), w_i = 1 / (1 + (n_i - 1) * alpha), so
    an exchangeable correlation counts large subjects less, and its estimate is not the share of events.
    alpha is the moment estimate of the `gee` package in R and of statsmodels: the sum of products of Pearson
    residuals over pairs within subjects, over (pairs - 1), over the scale (sum of squared residuals over
    units - 1). `geepack` uses another moment estimate, and so differs in the third digit of alpha.

    Args:
        found: Events and units, as `clusters` gives them.
        exchangeable: False: independence, where the estimate is the share of events.

    Raises:
        CannotComputeError: Fewer than two subjects; every unit is an event or none is; row weights; or the
            correlation leaves no valid working covariance.

    Example:
        >>> fit = gee(clusters([3, 5, 0, 4], [4, 5, 3, 4]), exchangeable=True)
        >>> round(fit.value, 4), round(fit.correlation, 4)
        (0.7006, 0.5237)
    """
    _at_least_two(found)
    _counted(found, "gee_exchangeable" if exchangeable else "gee_independence")
    if found.uniform:
        raise CannotComputeError(
            "The log odds are infinite: every unit is an event, or none is. Use `korn_graubard`."
        )
    x, n = found.events, found.units
    p, alpha = float(x.sum() / n.sum()), 0.0
    for _ in range(_ITERATIONS if exchangeable else 0):
        alpha = _moment_correlation(x, n, p)
        if 1 + (n.max() - 1) * alpha <= 0:
            raise CannotComputeError(
                f"The exchangeable correlation, {alpha:.3g}, leaves no valid covariance of "
                f"{n.max():.0f} units. Use `gee_independence` or `korn_graubard`."
            )
        w = 1 / (1 + (n - 1) * alpha)
        before, p = p, float((w * x).sum() / (w * n).sum())
        if abs(p - before) <= 1e-15:
            break
    w = 1 / (1 + (n - 1) * alpha)
    information = float((w * n).sum()) * p * (1 - p)
    spread = float(np.sqrt(np.square(w * (x - n * p)).sum())) / information
    return GeeFit(p, float(special.logit(p)), spread, alpha)


def gee_independence(found: Clusters, level: float, sides: Sides = "two") -> ClusterBounds:
    """Normal interval of the log odds with the robust standard error of GEE, independence working model.

    Arguments as for `rao_scott_wilson`; errors as for `gee`.
    """
    return _gee_bounds(gee(found, exchangeable=False), found, level, sides)


def gee_exchangeable(found: Clusters, level: float, sides: Sides = "two") -> ClusterBounds:
    """Normal interval of the log odds with the robust standard error of GEE, exchangeable working model.

    It lies about the estimate of that model, which the note gives: not the share of events. Arguments as for
    `rao_scott_wilson`; errors as for `gee`.
    """
    fit = gee(found, exchangeable=True)
    bounds = _gee_bounds(fit, found, level, sides)
    note = (
        f"The interval lies about the estimate under an exchangeable correlation ({fit.correlation:.4g}), "
        f"{fit.value:.5g}, not about the share of units."
    )
    return ClusterBounds(bounds.lower, bounds.upper, _joined(note, bounds.note))


CLUSTERED: dict[str, Callable[[Clusters, float, Sides], ClusterBounds]] = {
    "rao_scott_wilson": rao_scott_wilson,
    "rao_scott_clopper_pearson": rao_scott_clopper_pearson,
    "korn_graubard": korn_graubard,
    "cluster_logit": cluster_logit,
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


_ITERATIONS = 500


def _moment_correlation(x: FloatArray, n: FloatArray, p: float) -> float:
    pairs = float((n * (n - 1)).sum() / 2)
    if pairs <= 1:
        return 0.0
    # squared Pearson residuals of a subject's units, and of their sum
    squares = (x * (1 - p) ** 2 + (n - x) * p**2) / (p * (1 - p))
    sums = np.square(x - n * p) / (p * (1 - p))
    scale = float(squares.sum() / (n.sum() - 1))
    return float((sums - squares).sum() / 2 / (pairs - 1) / scale)


def _gee_bounds(fit: GeeFit, found: Clusters, level: float, sides: Sides) -> ClusterBounds:
    low, high = tail_levels(level, sides)
    lower = float(special.expit(fit.log_odds + special.ndtri(low) * fit.standard_error)) if low > 0 else 0.0
    upper = float(special.expit(fit.log_odds + special.ndtri(high) * fit.standard_error)) if high < 1 else 1.0
    return ClusterBounds(lower, upper, _few(found))


def _at_least_two(found: Clusters) -> None:
    if len(found.units) < 2:
        raise CannotComputeError("An interval needs at least two subjects.")


def _counted(found: Clusters, method: str) -> None:
    if not found.counted:
        raise CannotComputeError(
            f"`{method}` counts units, each once; use `korn_graubard`, `cluster_logit` or a bootstrap."
        )


def _few(found: Clusters) -> str | None:
    k = len(found.units)
    if k >= FEW or found.uniform:
        return None
    return f"Only {k} subjects: normal quantiles are too narrow; prefer `korn_graubard` or `cluster_logit`."


def _joined(*notes: str | None) -> str | None:
    return " ".join(note for note in notes if note) or None
