"""A proportion by generalised estimating equations: one intercept, a logit link, robust standard error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ..intervals import tail_levels
from ..metric import CannotComputeError, FloatArray, Sides
from .clusters import ClusterBounds, Clusters, at_least_two, counted_only, few, joined, no_spread

_ITERATIONS = 500


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
        >>> from accordance.evaluators.proportions.clusters import clusters
        >>> fit = gee(clusters([3, 5, 0, 4], [4, 5, 3, 4]), exchangeable=True)
        >>> round(fit.value, 4), round(fit.correlation, 4)
        (0.7006, 0.5237)
    """
    at_least_two(found)
    counted_only(found, "gee_exchangeable" if exchangeable else "gee_independence")
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
        if abs(p - before) <= 1e-14:
            break
    else:
        if exchangeable:
            raise CannotComputeError(
                "The estimating equations with exchangeable correlation do not converge."
            )
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
    return ClusterBounds(bounds.lower, bounds.upper, joined(note, bounds.note), bounds.flat)


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
    # on the scale of the log odds an error of 1e-13 is one of rounding, whatever the log odds
    return ClusterBounds(lower, upper, few(found), flat=no_spread(1.0, fit.standard_error))
