"""Event rates from the negative binomial model, where subjects differ in their own rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from .. import checks
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, labelled
from ..metric import (
    Average,
    CannotComputeError,
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
from ..proportions.clusters import FEW, joined
from ..reliability.intervals import tail_quantiles
from ..reliability.methods import LAWLESS
from ..reliability.one_way_reml import hessian
from .event_rates import counted, subject_totals

_BOOTSTRAP = ("bootstrap_percentile", "bootstrap_bca")
_SMALLEST, _LARGEST = np.log(1e-8), np.log(1e6)
"""Ends of the search for the logarithm of alpha; below the first the counts are as good as Poisson."""


def negative_log_likelihood(events: FloatArray, exposure: FloatArray, weights: FloatArray, point: Any) -> Any:
    """Minus the log-likelihood at (rate, alpha), but for a constant; analytic in both."""
    rate, alpha = point
    mean, size = rate * exposure, 1 / alpha
    parts = special.loggamma(events + size) - special.loggamma(size) + events * np.log(alpha * mean)
    return -(weights @ (parts - (events + size) * np.log1p(alpha * mean)))


@dataclass(frozen=True, eq=False)
class NegativeBinomialPrepared(Prepared):
    """Events and exposure of each subject; see `Prepared`.

    Attributes:
        events: (S,) counts.
        exposure: (S,) time under observation.
        units: (S,) rows.
        per: Units of exposure that a rate refers to.
    """

    events: FloatArray
    exposure: FloatArray
    units: FloatArray
    per: float
    n_subjects: int
    statistics: tuple[str, ...] = ("rate", "alpha")

    def fit(self, weights: FloatArray) -> tuple[float, float]:
        """(rate per unit, alpha) of largest likelihood; alpha 0 where counts vary no more than Poisson's.

        Raises:
            CannotComputeError: No exposure, no events, or one subject.
        """
        here = (self.exposure > 0) & (weights > 0)
        y, t, w = self.events[here], self.exposure[here], weights[here]
        total = float(w @ y)
        if not total > 0:
            raise CannotComputeError("There are no events, or no exposure; the model has no rate.")
        if len(y) < 2:
            raise CannotComputeError("A variance between subjects needs at least two subjects.")
        pooled = total / float(w @ t)

        def rate(alpha: float) -> float:
            """The rate that solves the score equation at this alpha."""

            def score(log_rate: float) -> float:
                mean = np.exp(log_rate) * t
                return float(w @ ((y - mean) / (1 + alpha * mean)))

            middle, reach = np.log(pooled), 1.0
            while score(middle - reach) < 0 or score(middle + reach) > 0:
                reach *= 2
            return float(np.exp(optimize.brentq(score, middle - reach, middle + reach, xtol=1e-14)))

        def profile(log_alpha: float) -> float:
            alpha = float(np.exp(log_alpha))
            return float(negative_log_likelihood(y, t, w, (rate(alpha), alpha)))

        def slope(log_alpha: float) -> float:
            alpha = float(np.exp(log_alpha))
            stepped = negative_log_likelihood(y, t, w, (rate(alpha), alpha * (1 + 1e-30j)))
            return float(np.imag(stepped) / 1e-30)

        mean = pooled * t
        if float(w @ ((y - mean) ** 2 - y)) <= 0 and slope(np.log(1e-4)) >= 0:
            return pooled, 0.0
        grid = np.linspace(_SMALLEST, _LARGEST, 60)
        best = int(np.argmin([profile(place) for place in grid]))
        if best == 0:
            return pooled, 0.0
        if best == len(grid) - 1:
            raise CannotComputeError("The counts vary so much that the model has no largest likelihood.")
        found = float(np.exp(optimize.brentq(slope, grid[best - 1], grid[best + 1], xtol=1e-12)))
        return rate(found), found

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """Rate and alpha at every weight vector, fitted again for each; only ratios of weights matter."""
        del relative
        result = np.full((len(weights), 2), np.nan)
        for i, row in enumerate(weights):
            try:
                rate, alpha = self.fit(row)
            except CannotComputeError:
                continue
            result[i] = self.per * rate, alpha
        return result

    def counts(self, statistic: str) -> Counts:
        """Subjects under observation, rows, and events."""
        del statistic
        return Counts(
            int(np.count_nonzero(self.exposure)), int(self.units.sum()), round(float(self.events.sum()))
        )

    def reason_undefined(self, statistic: str) -> str:
        """What keeps the model from being fitted."""
        try:
            self.fit(np.ones(self.n_subjects))
        except CannotComputeError as problem:
            return str(problem)
        return "The statistic has no value."

    def warning(self, statistic: str) -> str | None:
        """Counts that vary no more than Poisson's; few subjects, for which the interval is too narrow."""
        del statistic
        k = int(np.count_nonzero(self.exposure))
        return joined(
            "The counts vary no more than Poisson counts; alpha is 0."
            if self.fit(np.ones(self.n_subjects))[1] == 0
            else None,
            f"Only {k} subjects: alpha is known poorly and normal quantiles are too narrow."
            if k < FEW
            else None,
        )

    def standard_error(self, statistic: str) -> float:
        """From the observed information; for the rate at alpha 0 that of a Poisson rate."""
        try:
            return self._relative_error(statistic) * float(self.estimate()[self.statistics.index(statistic)])
        except CannotComputeError:
            return float("nan")

    def _relative_error(self, statistic: str) -> float:
        """Standard error of the logarithm."""
        rate, alpha = self.fit(np.ones(self.n_subjects))
        if alpha == 0:
            if statistic == "alpha":
                raise CannotComputeError("Alpha is 0, at the edge of the model; it has no standard error.")
            return float(1 / np.sqrt(self.events.sum()))
        here = self.exposure > 0
        y, t, w = self.events[here], self.exposure[here], np.ones(int(here.sum()))
        information = hessian(lambda point: negative_log_likelihood(y, t, w, point), np.array([rate, alpha]))
        place = self.statistics.index(statistic)
        variance = float(np.linalg.inv(information)[place, place])
        if not variance > 0:
            raise CannotComputeError("The likelihood is flat; there is no standard error.")
        return float(np.sqrt(variance)) / (rate, alpha)[place]

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`nb_wald`, on the logarithmic scale.

        Raises:
            CannotComputeError: Alpha is 0, or a method not offered.
        """
        if method != "nb_wald":
            raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")
        error = self._relative_error(statistic)
        value = float(self.estimate()[self.statistics.index(statistic)])
        low, high = tail_quantiles(level, sides)
        return Interval(
            0.0 if low is None else value * float(np.exp(low * error)),
            float("inf") if high is None else value * float(np.exp(high * error)),
            level,
            sides,
            method,
        )


class NegativeBinomialRate(Metric):
    """Events per exposure by a model; the plain function is `event_rate_negative_binomial`.

    In a protocol the reference column is the exposure of each row and the test column its events.
    """

    name = "event_rate_negative_binomial"
    title = "Event rate, negative binomial"
    summary = (
        "Events (test column) per unit of exposure (reference column, such as hours worn), where subjects "
        "differ in their own rates."
    )
    one_unit = False
    kind = "measurement"
    route = "refit"
    headline = "rate"
    statistics = (
        Statistic(
            "rate",
            "Event rate (negative binomial)",
            "Rate of largest likelihood where a subject's count has variance m + alpha m^2 about its mean m.",
            "per_reference",
            "none",
            ("nb_wald", *_BOOTSTRAP),
        ),
        Statistic(
            "alpha",
            "Negative binomial alpha",
            "Squared coefficient of variation of the subjects' own rates; 0 for Poisson counts.",
            "none",
            "none",
            ("nb_wald", *_BOOTSTRAP),
        ),
    )
    parameters = (
        Parameter("per", "number", "Units of exposure that a rate refers to.", default=1.0, minimum=1e-12),
    )
    citations = (LAWLESS,)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> NegativeBinomialPrepared:
        """Sum exposure (`reference`) and events (`test`) up by subject.

        Raises:
            ValueError: Counts that are none, time that is negative, events in no time, or row weights.
        """
        given = checks.parameters(self, parameters)
        events, exposure = subject_totals(self, columns)
        units = np.diff(columns.offsets).astype(np.float64)
        return NegativeBinomialPrepared(events, exposure, units, given["per"], len(units))


EVENT_RATE_NEGATIVE_BINOMIAL = NegativeBinomialRate()
METRICS: tuple[Metric, ...] = (EVENT_RATE_NEGATIVE_BINOMIAL,)


def event_rate_negative_binomial(
    events: ArrayLike,
    exposure: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    per: float = 1.0,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Event rate by negative binomial likelihood, where subjects differ in their own rates.

    The count of a subject with exposure t has mean m = r t and variance m + alpha m^2: subjects' own rates
    follow a gamma distribution about r with squared coefficient of variation alpha. Subjects with long
    exposure weigh less than in the pooled rate of `event_rate` once alpha is large. Where counts vary no more
    than Poisson's, alpha is 0 and the rate is the pooled one, with a warning.

    Args:
        events: (n,) counts, whole numbers from 0.
        exposure: (n,) time under observation of each row, in any unit.
        subject: (n,) subject labels; rows of one subject are added up. Default: every row is a subject.
        per: Units of exposure that the rate refers to.
        ci: Interval method: `nb_wald` (default), or a subject bootstrap, which fits again each time.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `rate`, events per `per` units of exposure; `alpha`.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Counts that are none, negative exposure, events in no time, or another argument.

    References:
        Lawless JF. Can J Stat 1987;15:209-225.

    Example:
        >>> result = event_rate_negative_binomial([0, 1, 0, 7, 2, 0], [30, 30, 28, 12, 20, 25], per=7)
        >>> round(result["rate"].value, 2), round(result["alpha"].value, 2)
        (0.79, 3.81)
    """
    columns, keys = counted(events, exposure, subject)
    resolved = checks.parameters(EVENT_RATE_NEGATIVE_BINOMIAL, {"per": per})
    return labelled(
        EVENT_RATE_NEGATIVE_BINOMIAL, EVENT_RATE_NEGATIVE_BINOMIAL.prepare(columns, **resolved), keys,
        average="pooled", parameters=resolved, ci=ci, level=level, sides=sides, replicates=replicates,
        seed=seed,
    )  # fmt: skip
