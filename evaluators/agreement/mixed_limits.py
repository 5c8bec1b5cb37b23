"""Limits of agreement from a mixed model: a bias, a variance between subjects and one within them.

Unlike the moment estimates of `bland_altman`, the likelihood weighs subjects by what they know: with very
unequal numbers of pairs its bias lies between the mean over pairs and the mean over subjects.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..additive import effective
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate, measured
from ..intervals import t_interval
from ..metric import (
    Average,
    CannotComputeError,
    Citation,
    Columns,
    Counts,
    FloatArray,
    Interval,
    Metric,
    MetricResult,
    Parameter,
    Prepared,
    Sides,
    Statistic,
)
from ..reliability.one_way import center
from ..resample import percentile
from .bland_altman import BLAND_ALTMAN, sd_multiplier
from .limits import differences, limits_of_sums
from .normal_check import interval_warning
from .random_intercept import Fit, InterceptModel

Estimation = Literal["reml", "ml"]

STATISTICS = ("bias", "sd", "loa_lower", "loa_upper", "sd_between", "sd_within")
BOUNDARY = (
    "The between-subject variance is estimated as 0, where its precision is undefined; use a bootstrap."
)
_BOOTSTRAP = ("bootstrap_percentile", "bootstrap_bca", "parametric_bootstrap")

PARKER = Citation(
    "parker2016",
    "Parker RA, Weir CJ, Rubio N, et al. Application of mixed effects limits of agreement in the presence of "
    "multiple sources of variability: exemplar from the comparison of several devices to measure respiratory "
    "rate in COPD patients. PLoS One 2016;11:e0168321.",
)
PATTERSON = Citation(
    "patterson1971",
    "Patterson HD, Thompson R. Recovery of inter-block information when block sizes are unequal. "
    "Biometrika 1971;58:545-554.",
)


@dataclass(frozen=True, eq=False)
class MixedPrepared(Prepared):
    """Subject sums of one slice for limits from a mixed model; see `Prepared`.

    Attributes:
        model: The sums, with the response less `shift`.
        shift: Mean difference of all rows.
        multiplier: Standard deviations from a bias to its limits.
        contrasts: Name of each bias and its coefficients; the first is the one of `bias`.
        statistics: Names, in the order of `at`.
    """

    model: InterceptModel
    shift: float
    multiplier: float
    contrasts: tuple[tuple[str, FloatArray], ...] = (("", np.ones(1)),)
    statistics: tuple[str, ...] = STATISTICS
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_subjects", len(self.model.units))

    @cached_property
    def fitted(self) -> Fit:
        """The model of the data, every subject once."""
        return self.model.fit(np.ones((1, self.n_subjects)))

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """Every statistic at every weight vector, the model fitted anew; see `Prepared.at`.

        Raises:
            ValueError: The weights do not have one column a subject.
        """
        if weights.ndim != 2 or weights.shape[1] != self.n_subjects:
            raise ValueError(
                f"`weights` is {weights.shape}; one column for each of {self.n_subjects} subjects is needed."
            )
        return self._values(self.model.fit(effective(weights, self.model.units > 0) if relative else weights))

    def _values(self, fit: Fit) -> FloatArray:
        sd = np.sqrt(fit.between + fit.within)
        reach = self.multiplier * sd
        biases = [self.shift + fit.beta @ coefficients for _, coefficients in self.contrasts]
        columns = [biases[0], sd, biases[0] - reach, biases[0] + reach]
        columns += [np.sqrt(fit.between), np.sqrt(fit.within)]
        for bias in biases[1:]:
            columns += [bias, bias - reach, bias + reach]
        return np.column_stack(columns)

    @property
    def spread_ratio(self) -> float:
        """See `BlandAltmanPrepared.spread_ratio`: of the same rows, as pairs that vary within their subject.

        1 with conditions, whose differences would count as a lack of normality.
        """
        if len(self.contrasts) > 1:
            return 1.0
        return limits_of_sums(
            self.model.units, self.model.sums[:, -1], self.model.cross[:, -1, -1]
        ).spread_ratio

    @cached_property
    def _simulated(self) -> FloatArray:
        """Every statistic in each simulated study.

        Raises:
            CannotComputeError: The model has conditions.
        """
        if len(self.contrasts) > 1:
            raise CannotComputeError("`parametric_bootstrap` is offered for the model without conditions.")
        fit = self.model.simulated(self.fitted, DEFAULT_REPLICATES, DEFAULT_SEED)
        return self._values(fit)

    def jackknife(self) -> FloatArray:
        """(J, k) estimates with one of the subjects that have rows left out each."""
        left_out = np.flatnonzero(self.model.units)
        weights = np.ones((len(left_out), self.n_subjects))
        weights[np.arange(len(left_out)), left_out] = 0.0
        return self.at(weights)

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, and rows."""
        del statistic
        return Counts(int(np.count_nonzero(self.model.units)), int(self.model.units.sum()))

    def reason_undefined(self, statistic: str) -> str:
        """What keeps the two variances from being told apart."""
        units = self.model.units[self.model.units > 0]
        if len(units) == 0:
            return "There are no pairs."
        if len(units) < 2:
            return "A variance between subjects needs at least two subjects; there is 1."
        if np.all(units == 1):
            return (
                "Every subject has one pair: variances between and within subjects cannot be told apart; "
                "use `bland_altman`."
            )
        return "The differences of a subject do not vary: there is no variance within subjects to estimate."

    def warning(self, statistic: str) -> str | None:
        """The likelihood is largest without a variance between subjects."""
        if statistic.startswith("bias") or float(self.fitted.between[0]) > 0:
            return None
        return "The between-subject variance is estimated as 0, at the boundary of what it can be."

    @cached_property
    def variance_covariance(self) -> FloatArray:
        """(2, 2) covariance of the estimated (between, within) variance, from the observed information.

        Raises:
            CannotComputeError: The between-subject variance is at its boundary, 0.
        """
        between, within = float(self.fitted.between[0]), float(self.fitted.within[0])
        if not between > 0:
            raise CannotComputeError(BOUNDARY)
        return np.asarray(2 * np.linalg.inv(self.model.information(between, within)))

    def standard_error(self, statistic: str) -> float:
        """Of the fixed effects from the model; of the others by the delta method from the information."""
        kind, coefficients = self._parts(statistic)
        bias = float(coefficients @ self.fitted.covariance[0] @ coefficients)
        if kind == "bias":
            return float(np.sqrt(bias))
        try:
            covariance = self.variance_covariance
        except CannotComputeError:
            return float("nan")
        between, within = float(self.fitted.between[0]), float(self.fitted.within[0])
        if kind in ("sd_between", "sd_within"):
            index, variance = (0, between) if kind == "sd_between" else (1, within)
            return float(np.sqrt(covariance[index, index] / (4 * variance)))
        of_sd = float(covariance.sum()) / (4 * (between + within))
        return float(np.sqrt(of_sd if kind == "sd" else bias + self.multiplier**2 * of_sd))

    def satterthwaite_df(self, coefficients: FloatArray) -> float:
        """Satterthwaite's degrees of freedom of a contrast of the fixed effects.

        Raises:
            CannotComputeError: The between-subject variance is at its boundary, 0.
        """
        found = self.model.satterthwaite(self.fitted, 0, coefficients, np.ones(self.n_subjects))
        if not np.isfinite(found):
            raise CannotComputeError(BOUNDARY)
        return found

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`satterthwaite`, `kenward_roger` and `z` for a bias, `parametric_bootstrap` for all.

        Raises:
            CannotComputeError: Another statistic, or a between-subject variance at its boundary.
        """
        if method == "parametric_bootstrap":
            found = percentile(self._simulated[:, self.statistics.index(statistic)], level, sides)
            notes = (found.warning, None if statistic == "bias" else interval_warning(self.spread_ratio))
            warning = " ".join(note for note in notes if note) or None
            return replace(found, method=method, warning=warning)
        kind, coefficients = self._parts(statistic)
        if kind != "bias" or method not in ("satterthwaite", "kenward_roger", "z"):
            raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")
        value = float(self.estimate()[self.statistics.index(statistic)])
        error, df = self.standard_error(statistic), float("inf")
        if method == "satterthwaite":
            df = self.satterthwaite_df(coefficients)
        elif method == "kenward_roger":
            error, df = self._kenward_roger(coefficients)
        if df < 1:
            raise CannotComputeError(
                f"`{method}` finds {df:.2g} degrees of freedom, fewer than the one a t interval needs; use a "
                f"bootstrap."
            )
        lower, upper = t_interval(value, error, df, level, sides)
        return Interval(lower, upper, level, sides, method)

    def _kenward_roger(self, coefficients: FloatArray) -> tuple[float, float]:
        between, within = float(self.fitted.between[0]), float(self.fitted.within[0])
        if not self.model.reml:
            raise CannotComputeError("`kenward_roger` is defined for `estimation: reml`.")
        if not between > 0:
            raise CannotComputeError(BOUNDARY)
        return self.model.kenward_roger(between, within, coefficients)

    def _parts(self, statistic: str) -> tuple[str, FloatArray]:
        """What kind of statistic it is, and the coefficients of its bias."""
        if statistic in STATISTICS:
            return statistic, self.contrasts[0][1]
        for name, coefficients in self.contrasts[1:]:
            for kind in ("bias", "loa_lower", "loa_upper"):
                if statistic == f"{kind}_{name}":
                    return kind, coefficients
        raise KeyError(statistic)


class BlandAltmanMixed(Metric):
    """Limits of agreement from a mixed model; the plain function is `bland_altman_mixed`."""

    name: ClassVar[str] = "bland_altman_mixed"
    title: ClassVar[str] = "Bland-Altman agreement, mixed model"
    summary: ClassVar[str] = (
        "Bias, variances between and within subjects, and limits of agreement from a linear mixed model with "
        "a random intercept for each subject."
    )
    kind = "measurement"
    route = "refit"
    headline = "bias"
    figure = "bland_altman"
    statistics: ClassVar[tuple[Statistic, ...]] = (
        Statistic(
            "bias",
            "Bias",
            "Intercept of the mixed model of the differences test - reference: subjects weighted by what "
            "their number of pairs tells.",
            "same",
            "near_zero",
            ("satterthwaite", "kenward_roger", *_BOOTSTRAP, "z"),
        ),
        Statistic(
            "sd",
            "Standard deviation of differences",
            "Square root of the sum of the variances between and within subjects.",
            "same",
            "lower",
            _BOOTSTRAP,
        ),
        Statistic(
            "loa_lower",
            "Lower limit of agreement",
            "Bias minus the normal quantile (1.959964 for 95%) times the standard deviation of differences.",
            "same",
            "near_zero",
            _BOOTSTRAP,
        ),
        Statistic(
            "loa_upper",
            "Upper limit of agreement",
            "Bias plus the normal quantile (1.959964 for 95%) times the standard deviation of differences.",
            "same",
            "near_zero",
            _BOOTSTRAP,
        ),
        Statistic(
            "sd_between",
            "Standard deviation between subjects",
            "Square root of the variance of the random intercept; 0 where the likelihood is largest there.",
            "same",
            "lower",
            _BOOTSTRAP,
        ),
        Statistic(
            "sd_within",
            "Standard deviation within subjects",
            "Square root of the residual variance.",
            "same",
            "lower",
            _BOOTSTRAP,
        ),
    )
    parameters = (
        Parameter(
            "estimation",
            "choice",
            "`reml`: restricted maximum likelihood, whose variances are those of the analysis of variance "
            "where subjects have equally many pairs; `ml`: maximum likelihood, whose variance between "
            "subjects is too small with few of them.",
            default="reml",
            choices=("reml", "ml"),
        ),
        BLAND_ALTMAN.parameter("agreement_level"),
    )
    citations = (PARKER, PATTERSON)

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> MixedPrepared:
        """Sum the differences up by subject; see `Metric.prepare`."""
        if average != "pooled":
            raise ValueError(f"`{self.name}` has no `average`; the model weighs the subjects.")
        given = checks.parameters(self, parameters)
        columns = checks.measurement_columns(columns)
        return prepare_mixed(columns, np.ones((len(columns.test), 1)), given)


def prepare_mixed(columns: Columns, design: FloatArray, given: dict[str, Any]) -> MixedPrepared:
    """Subject sums of checked columns and a design matrix whose first column is one.

    Raises:
        ValueError: Row weights were given.
    """
    if columns.weights is not None:
        raise ValueError("Row weights are not defined for a mixed model.")
    difference = differences(columns)
    shift = center(difference)
    model = InterceptModel.of(design, difference - shift, columns.offsets, reml=given["estimation"] == "reml")
    contrast = np.zeros(design.shape[1])
    contrast[0] = 1.0
    return MixedPrepared(model, shift, sd_multiplier(given["agreement_level"]), contrasts=(("", contrast),))


BLAND_ALTMAN_MIXED = BlandAltmanMixed()
METRICS: tuple[Metric, ...] = (BLAND_ALTMAN_MIXED,)


def bland_altman_mixed(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike,
    estimation: Estimation = "reml",
    agreement_level: float = 0.95,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Bias and limits of agreement from a mixed model of the differences, with a random intercept by subject.

    test - reference = bias + subject + error, both random parts normal; sd^2 = variance between + variance
    within; limits bias - z sd and bias + z sd (Parker et al. 2016). For pairs that change within a subject
    (`truth: varying` of `bland_altman`) and very unequal numbers of pairs. The likelihood is maximised
    exactly on one line; a variance between subjects of 0 is kept, with a warning. Needs subjects with several
    pairs.

    Intervals: `satterthwaite` and, with REML, `kenward_roger` for the bias, and `z` (`confint(fit, method =
    "Wald")` of lme4), which is too narrow with few subjects; subject bootstrap for all, the
    model fitted again in every replicate and a subject drawn twice taken as two; `parametric_bootstrap` for
    all, from studies simulated from the fitted model, which holds as far as the model does and needs fewer
    subjects (with a warning where the differences are clearly not normal, see `normal_check`).

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels; the model is about them.
        estimation: `reml` or `ml`.
        agreement_level: Share of differences between the limits if they are normal; 0.95 is the convention.
        ci: Interval method, for all statistics that offer it or by statistic. Default: `satterthwaite` for
            the bias, `bootstrap_percentile` for the others.
        level: Confidence level of the intervals.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Returns:
        `bias`, `sd`, `loa_lower`, `loa_upper`, `sd_between`, `sd_within`, in the unit of the measurement.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `estimation` or `agreement_level` is not acceptable.
        ValueError: Any other argument is not acceptable.

    References:
        Parker RA et al. PLoS One 2016;11:e0168321. Patterson HD, Thompson R. Biometrika 1971;58:545-554.

    Example:
        Balanced data: the variances are those of the analysis of variance.

        >>> result = bland_altman_mixed(
        ...     [10, 20, 30, 40, 50, 60], [11, 22, 31, 43, 50, 61], subject=list("aabbcc"), replicates=500
        ... )
        >>> round(result["bias"].value, 6), round(result["sd_within"].value, 6)
        (1.333333, 1.0)
    """
    columns, keys = measured(reference, test, subject, None)
    return evaluate(
        BLAND_ALTMAN_MIXED, columns, keys, average="pooled",
        parameters={"estimation": estimation, "agreement_level": agreement_level}, ci=ci, level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
