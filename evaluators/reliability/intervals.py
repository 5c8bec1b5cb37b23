"""Analytic intervals of correlation-like coefficients, of variances, and of what cannot be negative."""

from __future__ import annotations

import numpy as np
from scipy import special

from ..intervals import tail_levels
from ..metric import CannotComputeError, Interval, Sides


def z_interval(
    value: float,
    standard_error: float,
    *,
    low: float | None,
    high: float | None,
    level: float,
    sides: Sides,
    method: str,
    independent_rows: bool = False,
) -> Interval:
    """Interval of a coefficient from -1 to 1 through Fisher's z, tanh(atanh(value) + q SE / (1 - value^2)).

    Args:
        value: The coefficient.
        standard_error: On its own scale.
        low: Quantile of the lower bound, negative; None: the bound is open, at -1.
        high: Quantile of the upper bound; None: open, at 1.
        level: Confidence level, for the label.
        sides: Sides, for the label.
        method: Method, for the label.
        independent_rows: The standard error takes rows as independent although subjects have several.

    Raises:
        CannotComputeError: The standard error is undefined.
    """
    if not np.isfinite(standard_error):
        raise CannotComputeError("The standard error is undefined for these data.")
    flat = abs(value) >= 1 or standard_error <= 1e-14
    note = "Rows are taken as independent, and subjects have several." if independent_rows else None
    if flat:
        note = "The coefficient does not vary; the interval has no width and says nothing."
        lower, upper = (value if low is not None else -1.0), (value if high is not None else 1.0)
    else:
        middle, spread = np.arctanh(value), standard_error / (1 - value * value)
        lower = -1.0 if low is None else float(np.tanh(middle + low * spread))
        upper = 1.0 if high is None else float(np.tanh(middle + high * spread))
    return Interval(
        float(lower), float(upper), level, sides, method, degenerate=flat,
        independent_rows=independent_rows, warning=note,
    )  # fmt: skip


def log_t_interval(
    value: float, standard_error: float, df: float, *, level: float, sides: Sides, method: str
) -> Interval:
    """Interval of what cannot be negative, on the logarithmic scale: value exp(q SE / value).

    Args:
        value: The estimate.
        standard_error: On its own scale.
        df: Degrees of freedom of Student's t.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then 0 or infinite.
        method: Method, for the label.

    Raises:
        CannotComputeError: No degrees of freedom, or an estimate of 0.
    """
    if df < 1:
        raise CannotComputeError("An interval needs at least two subjects.")
    if not value > 0:
        raise CannotComputeError("The estimate is 0; its logarithm is infinite.")
    if not np.isfinite(standard_error):
        raise CannotComputeError("The standard error is undefined for these data.")
    low, high = tail_quantiles(level, sides, df)
    relative = standard_error / value
    flat = relative <= 1e-14
    return Interval(
        0.0 if low is None else value * float(np.exp(low * relative)),
        float("inf") if high is None else value * float(np.exp(high * relative)),
        level, sides, method, degenerate=flat,
        warning="The subjects do not differ; the interval has no width and says nothing." if flat else None,
    )  # fmt: skip


def tail_quantiles(level: float, sides: Sides, df: float | None = None) -> tuple[float | None, float | None]:
    """Normal quantiles of the two bounds, or Student's with degrees of freedom; None for an open end.

    Raises:
        ValueError: `level` or `sides` is not acceptable.
    """
    low, high = (
        None if not 0 < p < 1 else float(special.ndtri(p) if df is None else special.stdtrit(df, p))
        for p in tail_levels(level, sides)
    )
    return low, high


def chi_square_bounds(variance: float, df: float, low: float, high: float) -> tuple[float, float]:
    """Bounds of a variance whose estimate has `df` degrees of freedom: df s^2 / chi-square quantiles.

    Args:
        variance: The estimate.
        df: Degrees of freedom, above 0.
        low: Probability of the lower bound; 0 leaves it at 0.
        high: Probability of the upper bound; 1 leaves it at infinity.

    Raises:
        CannotComputeError: No degrees of freedom.

    Example:
        >>> lower, upper = chi_square_bounds(4.0, 20, 0.025, 0.975)
        >>> round(lower, 3), round(upper, 3)
        (2.341, 8.341)
    """
    if not df > 0:
        raise CannotComputeError("A chi-square interval needs at least one degree of freedom.")
    lower = 0.0 if low <= 0 else df * variance / float(special.chdtri(df, low))
    upper = float("inf") if high >= 1 else df * variance / float(special.chdtri(df, high))
    return lower, upper
