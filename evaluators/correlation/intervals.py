"""Intervals and tests of correlations on Fisher's scale, artanh(r)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..intervals import tail_levels
from ..metric import CannotComputeError, FloatArray, Interval, Sides

ROWS_INDEPENDENT = "Rows are taken for independent, and subjects have several."

_PERFECT = 1 - 16 * float(np.finfo(float).eps)
"""Beyond it a correlation differs from 1 by rounding only."""

_NO_ERROR = 1e-14
"""Subjects that do not differ leave a standard error up to this, by rounding."""


def fisher_interval(
    r: float,
    error: float,
    *,
    method: str,
    level: float,
    sides: Sides,
    df: float = np.inf,
    independent_rows: bool = False,
) -> Interval:
    """tanh(artanh(r) plus and minus a quantile times the standard error).

    Args:
        r: The correlation.
        error: Standard error of artanh(r).
        method: Name of the interval.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other end is then -1 or 1.
        df: Degrees of freedom of Student's t; infinite for the normal quantile.
        independent_rows: Rows are taken for independent although subjects have several.

    Example:
        `cor.test(x, y)$conf.int` in R, for r = 0.943279 of 17 pairs:

        >>> found = fisher_interval(0.943279446890946, 14**-0.5, method="fisher_z", level=0.95, sides="two")
        >>> round(found.lower, 4), round(found.upper, 4)
        (0.8464, 0.9797)
    """
    perfect = abs(r) >= 1
    flat = perfect or error <= _NO_ERROR
    notes = [ROWS_INDEPENDENT] if independent_rows else []
    if flat:
        why = "The correlation is perfect" if perfect else "The subjects do not differ"
        notes.append(f"{why}; the interval has no width and says nothing.")
    bounds = [-1.0, 1.0]
    for i, probability in enumerate(tail_levels(level, sides)):
        if 0 < probability < 1:
            quantile = special.ndtri(probability) if np.isinf(df) else special.stdtrit(df, probability)
            bounds[i] = r if flat else float(np.tanh(np.arctanh(r) + quantile * error))
    return Interval(
        bounds[0], bounds[1], level, sides, method,
        degenerate=flat, independent_rows=independent_rows, warning=" ".join(notes) or None,
    )  # fmt: skip


def row_wise_error(method: str, r: float, rows: int) -> float:
    """Standard error of artanh(r) of independent rows, as `fisher_z`, `fieller_z` or `bonett_wright` has it.

    Args:
        method: Which.
        r: The correlation.
        rows: Number of rows, or what stands for it (degrees of freedom + 2 of a repeated-measures one).

    Raises:
        CannotComputeError: Fewer than four rows.
    """
    if rows < 4:
        raise CannotComputeError("An interval of a correlation needs at least four independent rows.")
    factor = {"fisher_z": 1.0, "fieller_z": 1.06, "bonett_wright": 1 + r * r / 2}[method]
    return float(np.sqrt(factor / (rows - 3)))


def clustered_error(influence: FloatArray, r: float) -> float:
    """Linearised standard error of artanh(r), subjects as clusters (Binder 1983).

    Args:
        influence: (S,) derivative of r in each subject's weight.
        r: The correlation.

    Raises:
        CannotComputeError: Fewer than two subjects.
    """
    n = len(influence)
    if n < 2:
        raise CannotComputeError("An interval needs at least two subjects.")
    if abs(r) >= 1:
        return 0.0
    spread = float(np.sqrt(n / (n - 1) * np.square(influence - influence.mean()).sum()))
    return spread / (1 - r * r)


def jackknifed_error(left_out: FloatArray, r: float) -> float:
    """Jackknife standard error of artanh(r) over subjects (Miller 1974).

    Args:
        left_out: (S,) correlations with one subject left out each.
        r: The correlation of all.

    Raises:
        CannotComputeError: Fewer than two subjects, or without one of them there is no correlation below 1.
    """
    n = len(left_out)
    if n < 2:
        raise CannotComputeError("An interval needs at least two subjects.")
    if abs(r) >= 1:
        return 0.0
    if not np.all(np.abs(left_out) < 1):
        raise CannotComputeError(
            "The jackknife is undefined: without one subject the correlation is perfect, or has no value."
        )
    z = np.arctanh(left_out)
    return float(np.sqrt((n - 1) / n * np.square(z - z.mean()).sum()))


def correlation_p(r: float, df: float) -> float:
    """Two-sided p value of a correlation of zero: t = r sqrt(df / (1 - r^2)) with df degrees of freedom.

    Args:
        r: The correlation.
        df: Degrees of freedom: rows - 2, or rows - subjects - 1 for a repeated-measures correlation.

    Raises:
        CannotComputeError: Fewer than one degree of freedom.

    Example:
        Bland & Altman 1995, pH and PaCO2 of 8 subjects, r = -0.51 with 38 degrees of freedom:

        >>> f"{correlation_p(-0.506769742233062, 38):.4f}"
        '0.0008'
    """
    if df < 1:
        raise CannotComputeError("A test of a correlation needs at least one degree of freedom.")
    if abs(r) >= 1:
        return 0.0
    return float(2 * special.stdtr(df, -abs(r) * np.sqrt(df / (1 - r * r))))


def clipped(r: NDArray[np.generic]) -> NDArray[np.generic]:
    """A correlation that differs from 1 or -1 by rounding only, made that; else as it is, with derivative."""
    size = np.real(r)
    return np.asarray(np.where(size > _PERFECT, 1.0, np.where(size < -_PERFECT, -1.0, r)))
