"""Restricted maximum likelihood of a one-way random-effects model with fixed occasion effects.

z = beta[occasion] + u[subject] + e, u of variance `between` and e of variance `within`. Everything is a
function of subject weights: a subject that counts twice enters as two subjects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from ..metric import CannotComputeError, FloatArray, IntArray

_GRID = np.linspace(-16, 16, 65)  # logarithms of between / within, where the minimum is looked for
_STEP = 1e-30


@dataclass(frozen=True, eq=False)
class Occasions:
    """Per-subject sums of one variable.

    Attributes:
        counts: (S, T) rows of each subject at each occasion.
        sums: (S, T) their sums.
        squares: (S,) sums of squares.
    """

    counts: FloatArray
    sums: FloatArray
    squares: FloatArray

    @property
    def rows(self) -> FloatArray:
        """(S,) rows of each subject."""
        return np.asarray(self.counts.sum(axis=1))


@dataclass(frozen=True)
class Fit:
    """Estimates of one fit.

    Attributes:
        between: Variance between subjects.
        within: Variance within subjects.
        effects: (T,) fixed effects.
        effects_variance: (T, T) their variance.
        df: Rows less fixed effects, and the further degrees of freedom.
    """

    between: float
    within: float
    effects: FloatArray
    effects_variance: FloatArray
    df: float


def occasions(values: FloatArray, offsets: IntArray, occasion: IntArray, n_occasions: int) -> Occasions:
    """Sum values up by subject and occasion.

    Args:
        values: (n,) values, sorted by subject, about a common centre.
        offsets: (S + 1,) start of each subject's rows.
        occasion: (n,) number of the occasion, from 0.
        n_occasions: How many there are.
    """
    subjects = len(offsets) - 1
    cell = np.repeat(np.arange(subjects), np.diff(offsets)) * n_occasions + occasion
    shape, size = (subjects, n_occasions), subjects * n_occasions
    label = np.repeat(np.arange(subjects), np.diff(offsets))
    return Occasions(
        counts=np.bincount(cell, minlength=size).reshape(shape).astype(np.float64),
        sums=np.bincount(cell, weights=values, minlength=size).astype(np.float64).reshape(shape),
        squares=np.bincount(label, weights=values**2, minlength=subjects).astype(np.float64),
    )


def _normal_equations(data: Occasions, weights: FloatArray, ratio: Any) -> tuple[Any, Any, Any]:
    """(X'V^-1 X, X'V^-1 z, z'V^-1 z) with within-subject variance 1 and `ratio` = between / within."""
    rows, total = data.rows, data.sums.sum(axis=1)
    shrink = weights * ratio / (1 + rows * ratio)
    inner = np.diag(weights @ data.counts) - (data.counts * shrink[:, None]).T @ data.counts
    outer = weights @ data.sums - (shrink * total) @ data.counts
    return inner, outer, weights @ data.squares - shrink @ total**2


def deviance(data: Occasions, weights: FloatArray, between: Any, within: Any) -> Any:
    """Minus twice the restricted log-likelihood, but for a constant; analytic in both variances."""
    inner, outer, squares = _normal_equations(data, weights, between / within)
    rest = (squares - outer @ np.linalg.solve(inner, outer)) / within
    spread = weights @ ((data.rows - 1) * np.log(within) + np.log(within + data.rows * between))
    return spread + _log_det(inner) - len(outer) * np.log(within) + rest


def _log_det(matrix: NDArray[Any]) -> Any:
    sign, size = np.linalg.slogdet(matrix)
    return size + (1j * np.angle(sign) if np.iscomplexobj(matrix) else 0.0)


def fit(
    data: Occasions, weights: FloatArray, *, further_squares: float = 0.0, further_df: float = 0.0
) -> Fit:
    """The variances that make the restricted likelihood largest, not below 0.

    Args:
        data: Sums of the subjects.
        weights: (S,) how often each subject counts.
        further_squares: A sum of squares from elsewhere that estimates the within-subject variance too.
        further_df: Its degrees of freedom.

    Raises:
        CannotComputeError: No subject has two rows and nothing else tells the variance within; or it is 0.
    """
    data, weights = occupied(data, weights)
    rows = data.rows
    df = float(weights @ rows) - data.counts.shape[1] + further_df
    if len(rows) < 2 or (float(rows.max(initial=0)) < 2 and further_df <= 0):
        raise CannotComputeError("Variance components need two subjects, and a subject with two rows.")

    def profile(ratio: Any) -> Any:
        inner, outer, squares = _normal_equations(data, weights, ratio)
        rest = squares - outer @ np.linalg.solve(inner, outer) + further_squares
        return df * np.log(rest / df) + weights @ np.log(1 + rows * ratio) + _log_det(inner)

    def slope(log_ratio: float) -> float:
        ratio = np.exp(log_ratio)
        return float(np.imag(profile(ratio * (1 + 1j * _STEP))) / _STEP)

    if not _residual(data, weights, further_squares) > 0:
        raise CannotComputeError("The values do not vary within subjects; a variance component is 0.")
    values = np.array([float(np.real(profile(np.exp(place)))) for place in _GRID])
    best = int(np.argmin(values))
    ratio = 0.0
    if 0 < best < len(_GRID) - 1:
        ratio = float(np.exp(optimize.brentq(slope, _GRID[best - 1], _GRID[best + 1], xtol=1e-13)))
    elif best == len(_GRID) - 1:
        raise CannotComputeError("The values hardly vary within subjects; components cannot be told apart.")
    inner, outer, squares = _normal_equations(data, weights, ratio)
    effects = np.linalg.solve(inner, outer)
    within = float((squares - outer @ effects + further_squares) / df)
    return Fit(ratio * within, within, effects, within * np.linalg.inv(inner), df)


def fixed_effects(
    data: Occasions, weights: FloatArray, between: float, within: float
) -> tuple[FloatArray, FloatArray]:
    """Fixed effects and their variance at given variances; the occasions all have rows."""
    inner, outer, _ = _normal_equations(data, weights, between / within)
    return np.linalg.solve(inner, outer), within * np.linalg.inv(inner)


def occupied(data: Occasions, weights: FloatArray) -> tuple[Occasions, FloatArray]:
    """Subjects that count and the occasions they have, with the subjects' weights."""
    here = (weights > 0) & (data.rows > 0)
    used = data.counts[here].sum(axis=0) > 0
    return Occasions(data.counts[here][:, used], data.sums[here][:, used], data.squares[here]), weights[here]


def _residual(data: Occasions, weights: FloatArray, further: float) -> float:
    """Squares about each subject's own mean, by far the larger part of what is left at any ratio."""
    own = data.squares - data.sums.sum(axis=1) ** 2 / np.maximum(data.rows, 1)
    scale = float(weights @ data.squares)
    left = float(weights @ own) + further
    return left if left > 1e-13 * (scale + further) else 0.0


def gradient(function: Any, at: FloatArray) -> FloatArray:
    """Derivatives of an analytic function by complex steps.

    Args:
        function: Takes a vector, complex too.
        at: Where.

    Example:
        >>> gradient(lambda v: v[0] ** 2 * v[1], np.array([1.0, 3.0]))
        array([6., 1.])
    """
    found = np.empty(len(at))
    for i in range(len(at)):
        stepped = at.astype(np.complex128)
        stepped[i] += 1j * _STEP
        found[i] = np.imag(function(stepped)) / _STEP
    return found


def hessian(function: Any, at: FloatArray) -> FloatArray:
    """Second derivatives of an analytic function: complex step in one variable, central in the other.

    Args:
        function: Takes a vector, complex too.
        at: Where; all above 0.

    Example:
        >>> hessian(lambda v: v[0] ** 2 * v[1], np.array([1.0, 3.0])).round(6)
        array([[6., 2.],
               [2., 0.]])
    """
    size = len(at)
    result = np.empty((size, size))
    for i in range(size):
        step = np.zeros(size)
        step[i] = 1e-5 * at[i]
        result[i] = (gradient(function, at + step) - gradient(function, at - step)) / (2 * step[i])
    return (result + result.T) / 2
