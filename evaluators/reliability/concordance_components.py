"""Concordance from variance components: the models, their coefficient and its standard error.

Reference and test of a row are turned into their scaled sum (x + y) / sqrt(2) and difference
(y - x) / sqrt(2). Under either model these are independent, each with one random effect of the subject, so
that restricted maximum likelihood is a search along one line for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import optimize, special

from ..metric import CannotComputeError, FloatArray
from .one_way_reml import Occasions, deviance, fit, fixed_effects, gradient, hessian, occupied

Errors = Literal["delta", "cccrm"]

_LEAST = 1e-9
"""A component up to this share of the whole is at its edge, 0."""

_NEWTON = 3

COMPONENTS = ("subjects", "subjects_method", "subjects_time", "method", "error")


@dataclass(frozen=True)
class Components:
    """Variance components of one fit, in the order of `COMPONENTS`, with what standard errors need.

    Attributes:
        values: (5,) components; those that the model lacks are 0, and those that would have been negative.
        difference: (T,) mean difference test - reference at each occasion.
        difference_variance: (T, T) variance of these.
    """

    values: FloatArray
    difference: FloatArray
    difference_variance: FloatArray

    @property
    def ccc(self) -> float:
        """Variance of the true values, which both methods share, as a part of all."""
        whole = float(self.values.sum())
        if not whole > 0:
            raise CannotComputeError("Nothing varies: concordance is 0/0.")
        return float((self.values[0] + self.values[2]) / whole)


def method_component(difference: FloatArray, variance: FloatArray) -> float:
    """Variance between two methods: half the mean squared difference, less what its errors add."""
    found = (float(difference @ difference) - float(np.trace(variance))) / (2 * len(difference))
    return max(found, 0.0)


def replicates(total: Occasions, apart: Occasions, weights: FloatArray) -> Components:
    """Components of y = method + subject + error.

    Args:
        total: Scaled sums of the rows, without occasions (one column).
        apart: Scaled differences, likewise.
        weights: (S,) how often each subject counts.

    Raises:
        CannotComputeError: The data do not tell the components apart.
    """
    rows = float(weights @ apart.rows)
    if rows < 2:
        raise CannotComputeError("Variance components need at least two rows.")
    mean = float(weights @ apart.sums[:, 0]) / rows
    squares = float(weights @ apart.squares) - rows * mean**2
    found = fit(total, weights, further_squares=max(squares, 0.0), further_df=rows - 1)
    difference = np.array([np.sqrt(2) * mean])
    variance = np.array([[2 * found.within / rows]])
    values = np.array([found.between / 2, 0.0, 0.0, method_component(difference, variance), found.within])
    return Components(values, difference, variance)


def own_differences_p(apart: Occasions) -> float:
    """P value of the F test that all subjects share one difference between methods (one-way analysis).

    NaN where there are no replicates to tell, or they do not vary.
    """
    here = apart.rows > 0
    rows, sums, squares = apart.rows[here], apart.sums[here, 0], apart.squares[here]
    df = len(rows) - 1, float(rows.sum()) - len(rows)
    of_subjects = float((sums**2 / rows).sum())
    between, within = of_subjects - float(sums.sum()) ** 2 / rows.sum(), float(squares.sum()) - of_subjects
    if min(df) < 1 or not within > 0:
        return float("nan")
    return float(special.fdtrc(*df, max(between, 0.0) / df[0] / (within / df[1])))


def longitudinal(total: Occasions, apart: Occasions, weights: FloatArray) -> Components:
    """Components of y = method at each occasion + subject + subject by method + subject by time + error.

    Args:
        total: Scaled sums of the rows.
        apart: Scaled differences.
        weights: (S,) how often each subject counts.

    Raises:
        CannotComputeError: The data do not tell the components apart.
    """
    both, difference = fit(total, weights), fit(apart, weights)
    subjects = (both.between - difference.between) / 2
    time = (both.within - difference.within) / 2
    effects, spread = difference.effects, difference.effects_variance
    found = np.array([subjects, difference.between, time, difference.within])
    if min(subjects, time) < 0:
        total, used = occupied(total, weights)
        apart, _ = occupied(apart, weights)
        found = _not_negative(total, apart, used, np.maximum(found, 0.0))
        effects, spread = fixed_effects(apart, used, found[1], found[3])
    effects, variance = np.sqrt(2) * effects, 2 * spread
    values = np.array([*found[:3], method_component(effects, variance), found[3]])
    return Components(values, effects, variance)


def _not_negative(total: Occasions, apart: Occasions, weights: FloatArray, start: FloatArray) -> FloatArray:
    """(4,) subjects, subjects by method, subjects by time, error: the largest likelihood, none below 0.

    Sums and differences no longer part: a component at 0 makes them share a variance.
    """
    scale = float(start.sum())

    def both(v: FloatArray) -> Any:
        a, ab, time, e = v * scale
        return deviance(total, weights, 2 * a + ab, 2 * time + e) + deviance(apart, weights, ab, e)

    search: Any = optimize.minimize  # whose types know no function of its own gradient
    found: FloatArray = search(
        lambda v: float(np.real(both(v))), start / scale, jac=lambda v: gradient(both, v), method="L-BFGS-B",
        bounds=[(0.0, None)] * 3 + [(_LEAST, None)], options={"ftol": 1e-15, "gtol": 1e-9},
    ).x  # fmt: skip
    free = found > _LEAST
    found[~free] = 0.0

    def inside(v: FloatArray) -> Any:
        whole = found.astype(v.dtype)
        whole[free] = v
        return both(whole)

    for _ in range(_NEWTON):  # the search stops at half the digits
        better = found[free] - np.linalg.solve(hessian(inside, found[free]), gradient(inside, found[free]))
        if not np.all(better > 0):
            break
        found[free] = better
    return np.asarray(found * scale)


def covariance(
    total: Occasions, apart: Occasions, found: Components, *, linked: bool, errors: Errors
) -> FloatArray:
    """(5, 5) large-sample covariance of the components, zero rows where the model lacks one.

    From the observed information of the restricted likelihood at weights of one; the method component adds
    the variance of a quadratic form. `delta` carries its dependence on the other components exactly; `cccrm`
    writes it as that package (3.0.5) does: with replicates / subjects where 1 / (replicates * subjects)
    belongs, and squares of single elements where a matrix product does.

    Raises:
        CannotComputeError: A component is 0, at the edge of what it can be.
    """
    here = [0, 1, 2, 4] if linked else [0, 4]
    if np.any(found.values[here] <= 0):
        raise CannotComputeError("A variance component is 0; the large-sample standard error does not hold.")
    ones = np.ones(len(total.squares))
    if linked:
        a, ab, time, e = found.values[here]
        both = np.array([2 * a + ab, 2 * time + e])
        alone = np.array([ab, e])
        information = np.zeros((4, 4))
        information[:2, :2] = hessian(lambda v: deviance(total, ones, v[0], v[1]), both) / 2
        information[2:, 2:] = hessian(lambda v: deviance(apart, ones, v[0], v[1]), alone) / 2
        turn = np.array([[0.5, 0, -0.5, 0], [0, 0, 1, 0], [0, 0.5, 0, -0.5], [0, 0, 0, 1]])
        small = turn @ np.linalg.inv(information) @ turn.T
    else:
        rows = float(apart.rows.sum())
        squares = float(apart.squares.sum()) - float(apart.sums.sum()) ** 2 / rows

        def whole(v: FloatArray) -> FloatArray:
            return np.asarray(
                deviance(total, ones, 2 * v[0], v[1]) + (rows - 1) * np.log(v[1]) + squares / v[1]
            )

        small = np.linalg.inv(hessian(whole, found.values[here]) / 2)
    result = np.zeros((5, 5))
    result[np.ix_(here, here)] = small
    _add_method(result, apart, found, linked=linked, errors=errors)
    return result


def _add_method(
    result: FloatArray, apart: Occasions, found: Components, *, linked: bool, errors: Errors
) -> None:
    """Fill the row and column of the method component."""
    delta, w = found.difference, found.difference_variance
    scale = 2 * len(delta)
    linear = 4 * float(delta @ w @ delta)
    if errors == "delta":
        slope = -_trace_slope(apart, found, linked=linked) / scale
        with_rest = result @ slope
        result[3, 3] = (2 * float(np.trace(w @ w)) + linear) / scale**2 + float(slope @ with_rest)
    else:
        # contrasts of cccrm: the first occasion's difference and the others' distance from it
        contrast = np.eye(len(delta))
        contrast[0] = 1
        single = np.diag(contrast @ w @ np.linalg.inv(contrast)) if len(delta) > 1 else np.diag(w)
        subjects = float(np.count_nonzero(apart.rows))
        if linked:
            with_rest = -(result[:, 1] + result[:, 4]) / subjects
        else:
            with_rest = -result[:, 4] * (float(apart.rows.sum()) / subjects) / subjects
        result[3, 3] = (2 * float((single**2).sum()) + linear) / scale**2
    with_rest = np.where(np.arange(5) == 3, 0.0, with_rest)
    result[3, :3], result[:3, 3] = with_rest[:3], with_rest[:3]
    result[3, 4], result[4, 3] = with_rest[4], with_rest[4]


def _trace_slope(apart: Occasions, found: Components, *, linked: bool) -> FloatArray:
    """(5,) derivatives of the trace of the differences' variance in the components."""
    slope = np.zeros(5)
    if not linked:
        slope[4] = 2 / float(apart.rows.sum())
        return slope
    counts = apart.counts
    for place in (1, 4):
        values = found.values[[1, 4]].astype(np.complex128)
        values[0 if place == 1 else 1] += 1e-30j
        between, within = values
        shrink = between / (within + apart.rows * between)
        inner = (np.diag(counts.sum(axis=0)) - (counts * shrink[:, None]).T @ counts) / within
        slope[place] = 2 * float(np.imag(np.trace(np.linalg.inv(inner)))) / 1e-30
    return slope


def ccc_gradient(values: FloatArray) -> FloatArray:
    """(5,) derivatives of the coefficient in the components."""
    whole, shared = float(values.sum()), float(values[0] + values[2])
    gradient = np.full(5, -shared / whole**2)
    gradient[[0, 2]] += 1 / whole
    return gradient
