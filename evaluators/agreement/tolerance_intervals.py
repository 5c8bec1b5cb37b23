"""Tolerance limits: where, with stated confidence, at least a stated share of all differences lies.

Limits of agreement are estimates of where most differences lie. A tolerance interval is wider by what the
sample does not know, so one interval serves where limits of agreement need an interval for each end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from .. import checks
from ..additive import effective
from ..functions import DEFAULT_SEED, evaluate, measured
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
from .bland_altman import sd_multiplier
from .limits import BlandAltmanPrepared, prepare_limits
from .limits_exact import tolerance_factor
from .mixed_limits import BOUNDARY, MixedPrepared, prepare_mixed
from .normal_check import statistic_warning

Model = Literal["independent", "mixed"]
STATISTICS = ("tolerance_lower", "tolerance_upper", "factor")

WALD = Citation(
    "wald1946",
    "Wald A, Wolfowitz J. Tolerance limits for a normal distribution. Ann Math Stat 1946;17:208-215.",
)
FRANCQ = Citation(
    "francq2020",
    "Francq BG, Berger M, Boachie C. To tolerate or to agree: a tutorial on tolerance intervals in method "
    "comparison studies with BivRegBLS R package. Stat Med 2020;39:4334-4349.",
)


@dataclass(frozen=True, eq=False)
class TolerancePrepared(Prepared):
    """Sums of one slice for tolerance limits; see `Prepared`.

    Attributes:
        inner: Limits of agreement of independent pairs, or of the mixed model.
        coverage: Share of differences between the limits.
        confidence: Probability that at least so many lie there.
    """

    inner: BlandAltmanPrepared | MixedPrepared
    coverage: float
    confidence: float
    statistics: tuple[str, ...] = STATISTICS
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_subjects", self.inner.n_subjects)

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """Both limits and the factor at every weight vector; see `Prepared.at`."""
        units = self.inner.model.units if isinstance(self.inner, MixedPrepared) else self.inner.units
        values = self.inner.at(weights, relative=relative)
        used = effective(weights, units > 0) if relative else weights
        bias, sd = values[:, 0], values[:, 1]
        if isinstance(self.inner, MixedPrepared):
            factor, spread = self._mixed(self.inner, used, sd)
        else:
            factor = np.array([self._exact(float(n)) for n in used @ self.inner.totals[:, 0]])
            spread = sd
        factor = np.where(np.isfinite(spread), factor, np.nan)
        return np.column_stack([bias - factor * spread, bias + factor * spread, factor])

    def _exact(self, n: float) -> float:
        return tolerance_factor(n, self.coverage, self.confidence) if n > 1 else float("nan")

    def _mixed(
        self, inner: MixedPrepared, weights: FloatArray, sd: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Factor, and the standard error of a new difference about the estimated bias."""
        fit = inner.model.fit(weights)
        df = np.array(
            [inner.model.satterthwaite(fit, i, np.ones(1), row) for i, row in enumerate(weights)]
        ).reshape(-1)
        with np.errstate(all="ignore"):
            factor = sd_multiplier(self.coverage) * np.sqrt(df / special.chdtri(df, self.confidence))
        return factor, np.sqrt(fit.covariance[:, 0, 0] + np.square(sd))

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, and rows."""
        del statistic
        return self.inner.counts("bias")

    def reason_undefined(self, statistic: str) -> str:
        """As for the limits of agreement they widen, or a variance at its boundary."""
        del statistic
        if isinstance(self.inner, MixedPrepared) and float(self.inner.fitted.between[0]) == 0:
            return BOUNDARY.replace("use a bootstrap", "use `model: independent`")
        return self.inner.reason_undefined("sd")

    def warning(self, statistic: str) -> str | None:
        """As for the limits of agreement they widen; or the differences are clearly not normal."""
        if statistic == "factor":
            return self.inner.warning("sd")
        shape = self.inner.spread_ratio if self.counts(statistic).n_subjects > 1 else 1.0
        notes = (self.inner.warning("sd"), statistic_warning(shape, "`nonparametric_limits`"))
        return " ".join(note for note in notes if note) or None

    def standard_error(self, statistic: str) -> float:
        """A tolerance limit is a bound itself and has none."""
        del statistic
        return float("nan")

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """A tolerance limit is a bound itself and has none.

        Raises:
            CannotComputeError: Always.
        """
        raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")


class ToleranceLimits(Metric):
    """Two-sided normal tolerance limits of the differences; the plain function is `tolerance_limits`."""

    name: ClassVar[str] = "tolerance_limits"
    title: ClassVar[str] = "Tolerance limits of differences"
    summary: ClassVar[str] = (
        "Interval that holds at least the stated share of all differences test - reference, with the stated "
        "confidence."
    )
    kind = "measurement"
    route = "refit"
    headline = "tolerance_upper"
    figure = "scatter"
    statistics = (
        Statistic(
            "tolerance_lower",
            "Lower tolerance limit",
            "Bias minus the tolerance factor times the standard deviation of a new difference.",
            "same",
            "near_zero",
            (),
        ),
        Statistic(
            "tolerance_upper",
            "Upper tolerance limit",
            "Bias plus the tolerance factor times the standard deviation of a new difference.",
            "same",
            "near_zero",
            (),
        ),
        Statistic(
            "factor",
            "Tolerance factor",
            "Independent pairs: exact two-sided normal factor. Mixed model: normal quantile times "
            "sqrt(df / chi-square quantile), df by Satterthwaite.",
            "none",
            "none",
            (),
        ),
    )
    parameters = (
        Parameter(
            "model",
            "choice",
            "`independent`: pairs are independent, the factor is exact; `mixed`: subjects have a random "
            "intercept, the factor is approximate. No default: the limits differ.",
            choices=("independent", "mixed"),
        ),
        Parameter(
            "coverage",
            "number",
            "Share of all differences between the limits; 0.95 as for limits of agreement.",
            default=0.95,
            minimum=0.5,
            maximum=0.9999,
        ),
        Parameter(
            "confidence",
            "number",
            "Probability that at least this share lies there.",
            default=0.95,
            minimum=0.5,
            maximum=0.9999,
        ),
    )
    citations = (WALD, FRANCQ)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> TolerancePrepared:
        """Sum the differences up by subject; see `Metric.prepare`."""
        if average != "pooled":
            raise ValueError("`tolerance_limits` has no `average`.")
        given = checks.parameters(self, parameters)
        columns = checks.measurement_columns(columns)
        if columns.weights is not None:
            raise ValueError("Row weights are not defined for tolerance limits.")
        inner: BlandAltmanPrepared | MixedPrepared
        if given["model"] == "independent":
            inner = prepare_limits(columns, truth="independent", bias="pairs", multiplier=1.0)
        else:
            options = {"estimation": "reml", "agreement_level": given["coverage"]}
            inner = prepare_mixed(columns, np.ones((len(columns.test), 1)), options)
        return TolerancePrepared(inner, float(given["coverage"]), float(given["confidence"]))


TOLERANCE_LIMITS = ToleranceLimits()
METRICS: tuple[Metric, ...] = (TOLERANCE_LIMITS,)


def tolerance_limits(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    model: Model,
    coverage: float = 0.95,
    confidence: float = 0.95,
) -> MetricResult:
    """Tolerance limits: with the stated confidence, at least the stated share of differences lies between.

    - `model="independent"`: mean difference -+ k sd with the exact two-sided normal tolerance factor k.
    - `model="mixed"`: bias -+ k s of a mixed model with a random intercept by subject (REML), where s^2 is
      the variance of a new difference (between + within) plus the squared standard error of the bias, and
      k = z sqrt(df / chi-square quantile of 1 - confidence), df by Satterthwaite (Francq et al. 2020).

    They are bounds themselves and have no interval. Where the differences are clearly not normal they carry a
    warning (`normal_check`).

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        model: `independent` or `mixed`. No default.
        coverage: Share of all differences, 0.5 to 0.9999.
        confidence: Probability, 0.5 to 0.9999.

    Returns:
        `tolerance_lower` and `tolerance_upper` in the unit of the measurement, and `factor`.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `model`, `coverage` or `confidence` is not acceptable.

    References:
        Wald A, Wolfowitz J. Ann Math Stat 1946;17:208-215. Francq BG et al. Stat Med 2020;39:4334-4349.

    Example:
        Peak flow of Bland & Altman 1986, first readings:

        >>> large = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
        >>> mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
        >>> result = tolerance_limits(large, mini, model="independent")
        >>> [round(result[name].value, 3) for name in result]
        [-109.073, 113.308, 2.868]
    """
    columns, keys = measured(reference, test, subject, None)
    return evaluate(
        TOLERANCE_LIMITS, columns, keys, average="pooled",
        parameters={"model": model, "coverage": coverage, "confidence": confidence}, ci=None, level=0.95,
        sides="two", replicates=1, seed=DEFAULT_SEED,
    )  # fmt: skip
