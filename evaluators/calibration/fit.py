"""Calibration intercept and slope, by logistic regression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from ..intervals import t_interval, tail_levels
from ..metric import (
    Average,
    CannotComputeError,
    Citation,
    Columns,
    Counts,
    FloatArray,
    Interval,
    Metric,
    Prepared,
    Sides,
    Statistic,
)
from ..roc.area import empty_class
from .scores import probability_columns

COX = Citation(
    "cox1958",
    "Cox DR. Two further applications of a model for binary regression. Biometrika 1958;45:562-565.",
)
VAN_CALSTER = Citation(
    "vancalster2019",
    "Van Calster B, McLernon DJ, van Smeden M, et al. Calibration: the Achilles heel of predictive "
    "analytics. BMC Med 2019;17:230.",
)
_STEPS = 60
_CLOSE = 1e-11
_FITTED = ("cluster_t", "glm_wald", "bootstrap_percentile", "bootstrap_bca")


@dataclass(frozen=True, eq=False)
class _Fit:
    """A logistic fit: coefficients, inverse information, and each row's score contribution."""

    coefficients: FloatArray
    covariance: FloatArray
    scores: FloatArray


def logistic(x: FloatArray, y: FloatArray, offset: FloatArray, weights: FloatArray) -> _Fit:
    """Logistic regression by Newton's method.

    Raises:
        CannotComputeError: A class is empty, the classes are separated, or the predictor is constant.
    """
    used = weights > 0
    x, y, offset, weights = x[used], y[used], offset[used], weights[used]
    if not len(y) or y.min() == y.max():
        raise CannotComputeError("A logistic fit needs positives and negatives.")
    beta = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        mean = special.expit(x @ beta + offset)
        spread = weights * mean * (1 - mean)
        information = x.T @ (x * spread[:, None])
        if np.linalg.cond(information) > 1e13:
            raise CannotComputeError(
                "The logistic fit has no finite solution: the predictions separate the classes, or do not "
                "vary."
            )
        step = np.linalg.solve(information, x.T @ (weights * (y - mean)))
        largest = float(np.abs(step).max())
        beta = beta + step * min(1.0, 5.0 / max(largest, 1e-300))
        if largest <= _CLOSE * max(1.0, float(np.abs(beta).max())):
            scores = np.zeros((len(used), x.shape[1]))
            scores[used] = x * (weights * (y - special.expit(x @ beta + offset)))[:, None]
            return _Fit(beta, np.asarray(np.linalg.inv(information), dtype=np.float64), scores)
    raise CannotComputeError("The logistic fit does not converge; the classes may be separated.")


@dataclass(frozen=True, eq=False)
class Refitted(Prepared):
    """Rows kept for fitting again."""

    columns: Columns
    statistics: tuple[str, ...]
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_subjects", self.columns.n_subjects)

    def fit(self, weights: FloatArray) -> FloatArray:
        """(k,) statistics at row weights.

        Raises:
            CannotComputeError: There is no fit.
        """
        raise TypeError("Subclasses fit.")

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """Every statistic at every weight vector, fitted again for each. See `Prepared.at`.

        Raises:
            ValueError: The weights do not have one column a subject.
        """
        del relative
        if weights.ndim != 2 or weights.shape[1] != self.n_subjects:
            raise ValueError(
                f"`weights` is {weights.shape}; one column for each of {self.n_subjects} subjects is needed."
            )
        sizes, own = np.diff(self.columns.offsets), self.columns.weights
        result = np.full((len(weights), len(self.statistics)), np.nan)
        for i, frequencies in enumerate(weights):
            rows = np.repeat(frequencies, sizes)
            try:
                result[i] = self.fit(rows if own is None else rows * own)
            except CannotComputeError:
                continue
        return result

    def jackknife(self) -> FloatArray:
        """(J, k) statistics with one of the subjects that have rows left out each."""
        left_out = np.flatnonzero(np.diff(self.columns.offsets))
        return self.at((1.0 - np.eye(self.n_subjects))[left_out])

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, rows, and reference positives among them."""
        del statistic
        positives = int(np.count_nonzero(self.columns.reference == 1))
        subjects = int(np.count_nonzero(np.diff(self.columns.offsets)))
        return Counts(subjects, len(self.columns.reference), positives)

    def reason_undefined(self, statistic: str) -> str:
        """Which class is empty, or why there is no fit."""
        del statistic
        positives = int(np.count_nonzero(self.columns.reference == 1))
        if not 0 < positives < len(self.columns.reference):
            return empty_class(self.columns)
        try:
            rows = np.ones(len(self.columns.reference))
            self.fit(rows if self.columns.weights is None else self.columns.weights)
        except CannotComputeError as problem:
            return str(problem)
        return "The statistic is undefined for these data."

    def standard_error(self, statistic: str) -> float:
        """None analytic; with a bootstrap the spread of the replicates is given."""
        del statistic
        return float("nan")

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """None analytic.

        Raises:
            CannotComputeError: Always.
        """
        del level, sides
        raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")


@dataclass(frozen=True, eq=False)
class SlopePrepared(Refitted):
    """Logit of the prediction against the outcome; see `CalibrationSlope`."""

    def logit(self) -> FloatArray:
        """(n,) log odds of the predictions.

        Raises:
            CannotComputeError: A prediction is 0 or 1.
        """
        p = self.columns.test
        extreme = int(np.count_nonzero((p == 0) | (p == 1)))
        if extreme:
            raise CannotComputeError(
                f"{extreme:,} predicted probabilities are 0 or 1, whose logit is infinite."
            )
        return np.asarray(special.logit(p), dtype=np.float64)

    def _large(self, weights: FloatArray) -> _Fit:
        """The fit of the intercept alone, at slope one."""
        logit = self.logit()
        return logistic(np.ones((len(logit), 1)), self._outcome, logit, weights)

    def _both(self, weights: FloatArray) -> _Fit:
        """The fit of intercept and slope."""
        logit = self.logit()
        predictors = np.column_stack([np.ones(len(logit)), logit])
        return logistic(predictors, self._outcome, np.zeros(len(logit)), weights)

    @property
    def _outcome(self) -> FloatArray:
        return np.asarray(self.columns.reference, dtype=np.float64)

    @property
    def _rows(self) -> FloatArray:
        """Row weights at subject weights of one."""
        own = self.columns.weights
        return np.ones(len(self.columns.test)) if own is None else own

    def fit(self, weights: FloatArray) -> FloatArray:
        """Calibration in the large, intercept and slope; one fit may exist where the other does not."""
        found = np.full(3, np.nan)
        for model, places in ((self._large, slice(0, 1)), (self._both, slice(1, 3))):
            try:
                found[places] = model(weights).coefficients
            except CannotComputeError:
                continue
        return found

    def reason_undefined(self, statistic: str) -> str:
        """Which class is empty, or why there is no fit."""
        if len(set(self.columns.reference.tolist())) == 2:
            try:
                self._fitted(statistic)
            except CannotComputeError as problem:
                return str(problem)
        return super().reason_undefined(statistic)

    def _fitted(self, statistic: str) -> tuple[_Fit, int]:
        """The fit behind a statistic, and the coefficient's place in it."""
        large = statistic == "in_the_large"
        return (self._large if large else self._both)(self._rows), int(statistic == "slope")

    def _error(self, statistic: str, *, clustered: bool) -> float:
        model, index = self._fitted(statistic)
        own = float(np.sqrt(model.covariance[index, index]))
        if not clustered:
            return own
        sizes = np.diff(self.columns.offsets)
        whose = np.repeat(np.arange(self.n_subjects), sizes)
        change = model.scores @ model.covariance[index]
        z = np.bincount(whose, weights=change, minlength=self.n_subjects)[sizes > 0]
        n = len(z)
        if n < 2:
            return float("nan")
        robust = float(np.sqrt(n / (n - 1) * np.square(z - z.mean()).sum()))
        # subjects that are alike leave rounding of the fit, about 1e-11 of the model's error
        return robust if robust > 1e-9 * own else 0.0

    def standard_error(self, statistic: str) -> float:
        """Robust, with subjects as clusters (the sandwich with S / (S - 1))."""
        return self._error(statistic, clustered=True)

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_t` with the robust error, or `glm_wald` with that of the model.

        Raises:
            CannotComputeError: There is no fit, row weights with `glm_wald`, or fewer than two subjects.
        """
        value = float(self.estimate()[self.statistics.index(statistic)])
        sizes = np.diff(self.columns.offsets)
        if method == "cluster_t":
            n = int(np.count_nonzero(sizes))
            if n < 2:
                raise CannotComputeError("An interval needs at least two subjects.")
            error = self._error(statistic, clustered=True)
            lower, upper = t_interval(value, error, n - 1, level, sides)
            note = "The subjects do not differ; the interval has no width and says nothing."
            alike = error == 0
            return Interval(
                lower, upper, level, sides, method, degenerate=alike, warning=note if alike else None
            )
        if method != "glm_wald":
            return super().interval(statistic, method, level, sides)
        if self.columns.weights is not None:
            raise CannotComputeError("`glm_wald` counts units, and these are weighted; use `cluster_t`.")
        reach = special.ndtri(np.array(tail_levels(level, sides)))
        lower, upper = (value + reach * self._error(statistic, clustered=False)).tolist()
        several = bool(np.any(sizes > 1))
        taken = "Units are taken for independent, and subjects have several." if several else None
        return Interval(lower, upper, level, sides, method, independent_rows=several, warning=taken)


class CalibrationSlope(Metric):
    """Logistic recalibration; the plain function is `calibration_slope`."""

    name = "calibration_slope"
    title = "Calibration intercept and slope"
    summary = "Whether predicted probabilities are too high or low on average, and too extreme."
    kind = "score"
    route = "refit"
    headline = "slope"
    statistics = (
        Statistic(
            "in_the_large",
            "Calibration in the large",
            "Intercept of a logistic regression of the outcome with the logit of the prediction as offset; 0 "
            "is best, above 0 the predictions are too low.",
            "none",
            "near_zero",
            _FITTED,
        ),
        Statistic(
            "intercept",
            "Calibration intercept",
            "Intercept of a logistic regression of the outcome on the logit of the prediction (slope free).",
            "none",
            "near_zero",
            _FITTED,
        ),
        Statistic(
            "slope",
            "Calibration slope",
            "Slope of that regression; 1 is best, below 1 the predictions are too extreme.",
            "none",
            "none",
            _FITTED,
        ),
    )
    citations = (COX, VAN_CALSTER)

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> SlopePrepared:
        """Keep the rows.

        Raises:
            ValueError: See `probability_columns`.
        """
        checked = probability_columns(self, columns, average, parameters)
        return SlopePrepared(checked, ("in_the_large", "intercept", "slope"))


CALIBRATION_SLOPE = CalibrationSlope()
METRICS: tuple[Metric, ...] = (CALIBRATION_SLOPE,)
