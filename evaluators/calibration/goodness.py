"""Tests of calibration. All take units for independent, and none shows that a prediction is calibrated.

A test that does not reject says that the data did not suffice to reject; few data pass it most easily. They
are therefore no statistics of a protocol: an acceptance criterion belongs on the calibration slope, the
intercept or the calibration index with their intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..metric import CannotComputeError, Columns, FloatArray, IntArray
from ..result import number
from ..roc.area import scored
from .fit import CALIBRATION_SLOPE, logistic
from .scores import BRIER_SCORE, probability_columns


@dataclass(frozen=True, eq=False)
class HosmerLemeshow:
    """The Hosmer-Lemeshow test, with both numbers of degrees of freedom.

    Attributes:
        statistic: Sum over groups and both outcomes of (observed - expected)^2 / expected.
        df_development: Groups - 2: the model was fitted to these data.
        p_development: Its p-value.
        df_external: Groups: the predictions come from elsewhere.
        p_external: Its p-value.
        n_units: (G,) units of each group, lowest predictions first.
        observed: (G,) positives.
        expected: (G,) sum of the predictions.
    """

    statistic: float
    df_development: int
    p_development: float
    df_external: int
    p_external: float
    n_units: IntArray
    observed: IntArray
    expected: FloatArray

    def __str__(self) -> str:
        return (
            f"Hosmer-Lemeshow chi-square = {number(self.statistic)}; external predictions "
            f"({self.df_external} df) p = {number(self.p_external)}, model fitted to these data "
            f"({self.df_development} df) p = {number(self.p_development)}"
        )


@dataclass(frozen=True)
class CalibrationTest:
    """A test of calibration.

    Attributes:
        name: Which.
        statistic: Standard normal, or chi-square with `df` degrees of freedom, where calibration is perfect.
        df: Degrees of freedom; infinite for a normal statistic.
        p_value: Two-sided p-value of perfect calibration.
        n_units: Units.
    """

    name: str
    statistic: float
    df: float
    p_value: float
    n_units: int

    def __str__(self) -> str:
        kind = "z" if np.isinf(self.df) else f"chi-square({number(self.df)})"
        return f"{self.name}: {kind} = {number(self.statistic)}, p = {number(self.p_value)}"


def hosmer_lemeshow(
    reference: ArrayLike, probability: ArrayLike, *, groups: int = 10, positive: Any = None
) -> HosmerLemeshow:
    """Hosmer-Lemeshow test of calibration in groups of equal size by prediction (Hosmer & Lemeshow 1980).

    Groups lie between quantiles of the predictions (linear interpolation, upper ends included); equal
    predictions stay together, so there may be fewer. With predictions of a model that was fitted to other
    data the statistic has as many degrees of freedom as groups; two fewer if it was fitted to these. To
    validate a finished algorithm is the former.

    The result depends on the number of groups, units are taken for independent, and a large p-value is no
    evidence of calibration: few data give it for any prediction.

    Args:
        reference: (n,) values of the reference.
        probability: (n,) predicted probabilities of a positive, 0 to 1.
        groups: Number of groups, at least 3.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.

    Raises:
        CannotComputeError: There are no rows, or fewer than three groups can be formed.
        ValueError: Lengths differ, a value is missing or no probability, or `groups` is not acceptable.

    References:
        Hosmer DW, Lemeshow S. Commun Stat Theory Methods 1980;9:1043-1069. Degrees of freedom: Hosmer DW,
        Lemeshow S, Sturdivant RX. Applied Logistic Regression. 3rd ed. Wiley 2013, s. 5.2.2.

    Example:
        >>> outcome, predicted = [0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.5, 0.7, 0.9]
        >>> found = hosmer_lemeshow(outcome, predicted, groups=3)
        >>> round(found.statistic, 4), found.df_external, found.expected.round(2).tolist()
        (0.9363, 3, [0.3, 0.8, 1.6])
    """
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 3:
        raise ValueError(f"`groups` must be a whole number of at least 3, not {groups!r}.")
    columns = _columns(reference, probability, positive)
    p, y = columns.test, columns.reference
    edges = np.unique(_quantiles(np.sort(p), np.arange(groups + 1) / groups))
    if len(edges) < 4:
        raise CannotComputeError(f"The predictions form {max(len(edges) - 1, 1)} groups; three are needed.")
    group = np.searchsorted(edges[1:-1], p, side="left")
    count = len(edges) - 1
    units = np.bincount(group, minlength=count)
    observed = np.bincount(group[y == 1], minlength=count)
    expected: FloatArray = np.bincount(group, weights=p, minlength=count).astype(np.float64)
    statistic = _departure(observed, expected) + _departure(
        units - observed, np.asarray(units - expected, dtype=np.float64)
    )
    return HosmerLemeshow(
        statistic=statistic,
        df_development=count - 2,
        p_development=float(special.chdtrc(count - 2, statistic)),
        df_external=count,
        p_external=float(special.chdtrc(count, statistic)),
        n_units=units,
        observed=observed,
        expected=expected,
    )


def spiegelhalter_test(
    reference: ArrayLike, probability: ArrayLike, *, positive: Any = None
) -> CalibrationTest:
    """Spiegelhalter's test of calibration, from the Brier score (Spiegelhalter 1986).

    z = sum of (y - p)(1 - 2 p) over the square root of the sum of (1 - 2 p)^2 p (1 - p), for predictions p of
    a model fitted to other data. Units are taken for independent; a large p-value is no evidence of
    calibration.

    Args:
        reference: (n,) values of the reference.
        probability: (n,) predicted probabilities of a positive, 0 to 1.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.

    Raises:
        CannotComputeError: There are no rows, or all predictions are 0, 0.5 or 1, which have no variance.
        ValueError: Lengths differ, or a value is missing or no probability.

    References:
        Spiegelhalter DJ. Probabilistic prediction in patient management and clinical trials. Stat Med
        1986;5:421-433.

    Example:
        >>> found = spiegelhalter_test([0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.5, 0.7, 0.9])
        >>> round(found.statistic, 4), round(found.p_value, 4)
        (-0.2449, 0.8065)
    """
    columns = _columns(reference, probability, positive)
    p, y = columns.test, columns.reference
    lean = 1 - 2 * p
    variance = float((lean**2 * p * (1 - p)).sum())
    if variance <= 0:
        raise CannotComputeError("All predictions are 0, 0.5 or 1; the statistic has no variance.")
    z = float(((y - p) * lean).sum()) / float(np.sqrt(variance))
    return CalibrationTest("Spiegelhalter", z, np.inf, float(2 * special.ndtr(-abs(z))), len(p))


def recalibration_test(
    reference: ArrayLike, probability: ArrayLike, *, positive: Any = None
) -> CalibrationTest:
    """Likelihood-ratio test of calibration intercept 0 and slope 1 together (Cox 1958).

    Twice the difference of the log likelihoods of the logistic recalibration and of the predictions as they
    are: chi-square with 2 degrees of freedom for predictions of a model fitted to other data (the test of
    unreliability, U, of Miller, Hui & Tierney 1991). Units are taken for independent; a large p-value is no
    evidence of calibration.

    Args:
        reference: (n,) values of the reference.
        probability: (n,) predicted probabilities of a positive, above 0 and below 1.
        positive: The reference value, or values, that count as positive. Default: values are 0 and 1.

    Raises:
        CannotComputeError: There are no rows, a class is empty, a prediction is 0 or 1, predictions separate
            the classes, or do not vary.
        ValueError: Lengths differ, or a value is missing or no probability.

    References:
        Cox DR. Biometrika 1958;45:562-565. Miller ME, Hui SL, Tierney WM. Stat Med 1991;10:1213-1226.

    Example:
        >>> found = recalibration_test([0, 0, 1, 0, 1, 1, 0], [0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.9])
        >>> round(found.statistic, 4), round(found.p_value, 4)
        (1.2314, 0.5403)
    """
    columns = _columns(reference, probability, positive)
    prepared = CALIBRATION_SLOPE.prepare(columns)
    logit, y = prepared.logit(), columns.reference.astype(np.float64)
    predictors = np.column_stack([np.ones(len(y)), logit])
    beta = logistic(predictors, y, np.zeros(len(y)), np.ones(len(y))).coefficients
    statistic = 2 * max(_likelihood(y, predictors @ beta) - _likelihood(y, logit), 0.0)
    return CalibrationTest("recalibration", statistic, 2.0, float(special.chdtrc(2, statistic)), len(y))


def _likelihood(y: FloatArray, logit: FloatArray) -> float:
    """Log likelihood of outcomes at log odds."""
    return float((y * logit - np.logaddexp(0.0, logit)).sum())


def _columns(reference: ArrayLike, probability: ArrayLike, positive: Any) -> Columns:
    columns, _ = scored(reference, probability, positive, None, None)
    checked = probability_columns(BRIER_SCORE, columns, "pooled", {})
    if not len(checked.test):
        raise CannotComputeError("There are no rows.")
    return checked


def _departure(observed: IntArray, expected: FloatArray) -> float:
    """Sum of (observed - expected)^2 / expected; a cell that expects none and has none adds nothing."""
    impossible = (expected <= 0) & (observed > 0)
    if np.any(impossible):
        return float("inf")
    some = expected > 0
    return float((np.square(observed - expected)[some] / expected[some]).sum())


def _quantiles(ordered: FloatArray, shares: FloatArray) -> FloatArray:
    """Quantiles by linear interpolation; a place that is a whole number but for rounding is that value."""
    place = (len(ordered) - 1) * shares
    nearest = np.rint(place)
    place = np.where(np.abs(place - nearest) < 1e-9, nearest, place)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, len(ordered) - 1)
    part = place - low
    return np.asarray(np.where(part > 0, (1 - part) * ordered[low] + part * ordered[high], ordered[low]))
