"""Bland-Altman agreement: bias, standard deviation of differences, limits of agreement.

Which variance the limits rest on depends on what repeated pairs of a subject mean, and the caller says it:

- `independent`: one pair a subject, or pairs taken for independent. SD of the differences, n - 1 in the
  denominator (Bland & Altman 1986).
- `constant`: the subject's true value stays the same over its pairs, which are replicates and not linked.
  Variance of the subjects' mean differences, plus the within-subject variance of each method by the share
  that averaging over replicates has removed (Bland & Altman 1999, section 5.2; Zou 2013).
- `varying`: the true value changes from pair to pair, and the two values of a pair belong together.
  Components of the differences within and between subjects (Bland & Altman 1999, section 5.3, and 2007;
  Zou 2013).

With unequal numbers of pairs a mean over pairs and a mean of subject means are different biases. `bias` says
which; where a subject's mean counts once, the limits are Zou's and have MOVER intervals; where each pair
counts once, they are those of Bland & Altman 2007, from a one-way analysis of variance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from . import checks
from .additive import AdditivePrepared, row_weights, subject_sums
from .functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, arrange, evaluate
from .intervals import ZOU, Component, mover_limit, mover_variance, tail_levels
from .metric import (
    Average,
    CannotComputeError,
    Citation,
    Columns,
    FloatArray,
    Interval,
    Metric,
    MetricResult,
    Parameter,
    Sides,
    Statistic,
)

Truth = Literal["independent", "constant", "varying"]
Bias = Literal["by_truth", "pairs", "subject_means"]

_STATISTICS = ("bias", "sd", "loa_lower", "loa_upper")
_TOTALS = (
    "n", "d", "dd",  # rows (or their weights), sums of differences and their squares about the shift
    "subjects", "mean", "mean2", "inverse",  # one, the mean difference, its square, 1 / pairs of the subject
    "within", "within_reference", "within_test",  # sums of squares about the subject's own mean
    "dd_n", "nn",  # (sum of differences)^2 / pairs, pairs^2
)  # fmt: skip
_N, _D, _DD, _S, _M, _MM, _INV, _W, _WR, _WT, _DDN, _NN = range(len(_TOTALS))


@dataclass(frozen=True)
class _Formula:
    """Bias, SD and limits from totals whose differences are kept about `shift`."""

    truth: Truth
    bias: Literal["pairs", "subject_means"]
    multiplier: float
    shift: float

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        center = self.center(totals)
        variance = self.variance(totals)
        sd = np.sqrt(np.where(variance.real > 0, variance, 0.0 * variance))
        return np.stack([center, sd, center - self.multiplier * sd, center + self.multiplier * sd], axis=-1)

    def center(self, totals: NDArray[Any]) -> NDArray[Any]:
        """The bias."""
        if self.bias == "pairs":
            return np.asarray(self.shift + totals[..., _D] / totals[..., _N])
        return np.asarray(self.shift + totals[..., _M] / totals[..., _S])

    def variance(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Variance of a difference, as the truth and the bias define it."""
        if self.truth == "independent":
            n, d = totals[..., _N], totals[..., _D]
            return np.asarray((totals[..., _DD] - d * d / n) / (n - 1))
        if self.bias == "pairs":
            between, within = anova(totals)
            return np.asarray(np.where(between.real > 0, between, 0.0 * between) + within)
        removed = 1 - totals[..., _INV] / totals[..., _S]
        return np.asarray(variance_of_means(totals) + removed * self.within(totals))

    def within(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Within-subject variance that averaging over a subject's pairs removes in part."""
        if self.truth == "varying":
            return _within(totals, _W)
        return np.asarray(_within(totals, _WR) + _within(totals, _WT))


def variance_of_means(totals: NDArray[Any]) -> NDArray[Any]:
    """Sample variance of the subjects' mean differences."""
    n, mean = totals[..., _S], totals[..., _M]
    return np.asarray((totals[..., _MM] - mean * mean / n) / (n - 1))


def anova(totals: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Between- and within-subject variance of the differences from a one-way analysis of variance.

    The between-subject component can be negative; it is the caller's to truncate and to say so.
    """
    n, groups, d = totals[..., _N], totals[..., _S], totals[..., _D]
    between_ms = (totals[..., _DDN] - d * d / n) / (groups - 1)
    m0 = (n - totals[..., _NN] / n) / (groups - 1)
    within = _within(totals, _W)
    return np.asarray((between_ms - within) / m0), within


def _within(totals: NDArray[Any], column: int) -> NDArray[Any]:
    """Pooled within-subject variance; 0 where every subject has one pair: no limit then uses it."""
    df = totals[..., _N] - totals[..., _S]
    some = df.real > 0.5
    return np.asarray(np.where(some, totals[..., column] / np.where(some, df, 1.0), 0.0))


@dataclass(frozen=True, eq=False)
class BlandAltmanPrepared(AdditivePrepared):
    """Totals of one slice for bias and limits of agreement; see `Prepared`.

    Attributes:
        limits: The same as `formula`, under its own type.
    """

    @property
    def limits(self) -> _Formula:
        """The formula with its truth, bias and shift."""
        if not isinstance(self.formula, _Formula):
            raise TypeError("The formula was replaced by another kind.")
        return self.formula

    @property
    def _total(self) -> FloatArray:
        return np.asarray(self.totals.sum(axis=0))

    @property
    def _clustered(self) -> bool:
        """Pairs are declared independent, yet subjects have several."""
        return self.limits.truth == "independent" and bool(np.any(self.units > 1))

    def reason_undefined(self, statistic: str) -> str:
        """Too few pairs, or too few subjects."""
        pairs, subjects = int(self.units.sum()), int(np.count_nonzero(self.active))
        if pairs == 0:
            return "There are no pairs."
        if self.limits.truth == "independent":
            return f"A standard deviation needs at least two pairs; there is {pairs}."
        return f"A standard deviation between subjects needs at least two subjects; there is {subjects}."

    def warning(self, statistic: str) -> str | None:
        """What the declared truth does not fit in these data."""
        if statistic == "bias" or not np.any(self.active):
            return None
        limits, total = self.limits, self._total
        if self._clustered:
            return (
                f"{int(self.units.sum()):,} pairs of {int(np.count_nonzero(self.active)):,} subjects are "
                f"taken for "
                "independent, as declared."
            )
        if limits.truth != "independent" and not np.any(self.units > 1):
            return "Every subject has one pair: the limits are those of independent pairs."
        if limits.bias == "pairs" and limits.truth == "varying":
            between = float(np.real(anova(total)[0]))
            if between < 0:
                return f"The between-subject variance is estimated as {between:.3g} and was set to 0."
        return None

    def standard_error(self, statistic: str) -> float:
        """Linearised for the bias and for bias over pairs; from the model for SD and limits otherwise.

        For the limits, sqrt(SE(bias)^2 + z^2 Var(SD)) with Var(SD) by the delta method from chi-square
        variance components (Bland & Altman 1999, sections 2 and 5.2).
        """
        limits = self.limits
        modelled = limits.truth == "independent" or limits.bias == "subject_means"
        if statistic == "bias" or not modelled or self._clustered:
            return super().standard_error(statistic)
        return self._model_error(statistic)

    def _model_error(self, statistic: str) -> float:
        bias_se, parts = self._bias_error(), self._components()
        total = sum(part.factor * part.variance for part in parts)
        spread = sum(2 * (part.factor * part.variance) ** 2 / part.df for part in parts if part.factor > 0)
        of_sd = spread / (4 * total) if total > 0 else 0.0
        if statistic == "sd":
            return float(np.sqrt(of_sd))
        return float(np.sqrt(bias_se**2 + self.limits.multiplier**2 * of_sd))

    def _bias_error(self) -> float:
        """Standard error of the bias under the declared truth: pairs or subject means are independent."""
        total = self._total
        if self.limits.truth == "independent":
            return float(np.sqrt(max(float(self.limits.variance(total)), 0.0) / total[_N]))
        return float(np.sqrt(max(float(variance_of_means(total)), 0.0) / total[_S]))

    def _components(self) -> tuple[Component, ...]:
        """Variance components of a difference, each with its chi-square degrees of freedom."""
        total, limits = self._total, self.limits
        if limits.truth == "independent":
            return (Component(1.0, max(float(limits.variance(total)), 0.0), total[_N] - 1),)
        removed, df = 1 - total[_INV] / total[_S], total[_N] - total[_S]
        columns = (_W,) if limits.truth == "varying" else (_WT, _WR)
        return (
            Component(1.0, max(float(variance_of_means(total)), 0.0), total[_S] - 1),
            *(Component(removed, float(_within(total, column)), df) for column in columns),
        )

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_t` for all; `t` and `mover` as `BlandAltman` describes them.

        Raises:
            CannotComputeError: Too few pairs or subjects, or the method does not fit the bias over pairs.
        """
        if method == "cluster_t":
            return super().interval(statistic, method, level, sides)
        if self.limits.truth == "varying" and self.limits.bias == "pairs":
            raise CannotComputeError(
                f"`{method}` is defined for a bias of subject means; with `bias: pairs` use cluster_t or a "
                f"bootstrap."
            )
        value = float(self.estimate()[self.statistics.index(statistic)])
        df = self._total[_N if self.limits.truth == "independent" else _S] - 1
        if not (np.isfinite(value) and df > 0):
            raise CannotComputeError(self.reason_undefined("sd"))
        independent = self._clustered  # rows taken for independent although subjects have several
        if method == "t":
            error = self._bias_error() if statistic == "bias" else self._model_error(statistic)
            found = self.t_around(value, error, df, method=method, level=level, sides=sides)
            return replace(found, independent_rows=independent)
        if method == "mover" and statistic != "bias":
            return replace(self._mover(statistic, level, sides), independent_rows=independent)
        raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")

    def _mover(self, statistic: str, level: float, sides: Sides) -> Interval:
        parts = self._components()
        if statistic == "sd":
            low, high = tail_levels(level, sides)
            lower, upper = np.sqrt(mover_variance(parts, low, high))
        else:
            sign = -1 if statistic == "loa_lower" else 1
            lower, upper = mover_limit(
                bias=float(self.limits.center(self._total)),
                bias_se=self._bias_error(),
                components=parts,
                multiplier=sign * self.limits.multiplier,
                level=level,
                sides=sides,
            )
        flat = not any(part.factor * part.variance > 0 for part in parts)
        note = "The differences do not vary; the interval has no width and says nothing." if flat else None
        return Interval(float(lower), float(upper), level, sides, "mover", degenerate=flat, warning=note)

    def aligned(self, other: AdditivePrepared) -> Self:
        """Self with its sums about the other's shift."""
        if not isinstance(other, BlandAltmanPrepared):
            return super().aligned(other)
        delta = self.limits.shift - other.limits.shift
        t = self.totals.copy()
        t[:, _DD] += delta * (2 * t[:, _D] + delta * t[:, _N])
        t[:, _DDN] += delta * (2 * t[:, _D] + delta * t[:, _N])
        t[:, _D] += delta * t[:, _N]
        t[:, _MM] += delta * (2 * t[:, _M] + delta * t[:, _S])
        t[:, _M] += delta * t[:, _S]
        moved = replace(self, totals=t, formula=replace(self.limits, shift=other.limits.shift))
        return super(BlandAltmanPrepared, moved).aligned(other)


class BlandAltman(Metric):
    """Bias and limits of agreement; the plain function `bland_altman` explains variants and sources."""

    name: ClassVar[str] = "bland_altman"
    title: ClassVar[str] = "Bland-Altman agreement"
    summary: ClassVar[str] = (
        "Mean difference test - reference, its standard deviation, and the limits between which most "
        "differences lie."
    )
    kind = "measurement"
    route = "additive"
    headline = "bias"
    figure = "bland_altman"
    statistics = (
        Statistic(
            "bias",
            "Bias",
            "Mean difference test - reference: over pairs where pairs are independent, else the mean of the "
            "subjects' "
            "mean differences unless the protocol says `bias: pairs`.",
            "same",
            "near_zero",
            ("cluster_t", "t", "bootstrap_bca", "bootstrap_percentile"),
        ),
        Statistic(
            "sd",
            "Standard deviation of differences",
            "Square root of the variance of a difference: n - 1 in the denominator for independent pairs; "
            "the sum of "
            "between- and within-subject components for repeated pairs.",
            "same",
            "lower",
            ("mover", "t", "cluster_t", "bootstrap_bca", "bootstrap_percentile"),
        ),
        Statistic(
            "loa_lower",
            "Lower limit of agreement",
            "Bias minus the normal quantile (1.959964 for 95%) times the standard deviation of differences.",
            "same",
            "near_zero",
            ("mover", "t", "cluster_t", "bootstrap_bca", "bootstrap_percentile"),
        ),
        Statistic(
            "loa_upper",
            "Upper limit of agreement",
            "Bias plus the normal quantile (1.959964 for 95%) times the standard deviation of differences.",
            "same",
            "near_zero",
            ("mover", "t", "cluster_t", "bootstrap_bca", "bootstrap_percentile"),
        ),
    )
    parameters = (
        Parameter(
            "truth",
            "choice",
            "What the pairs of one subject are: `independent` (one each, or taken for independent), "
            "replicates of a "
            "`constant` true value, or linked measurements of a `varying` one. No default: the limits "
            "differ.",
            choices=("independent", "constant", "varying"),
        ),
        Parameter(
            "agreement_level",
            "number",
            "Share of differences that lie between the limits if they are normal; 0.95 is the field's "
            "convention.",
            default=0.95,
            minimum=0.5,
            maximum=0.9999,
        ),
        Parameter(
            "bias",
            "choice",
            "`pairs`: each pair counts once; `subject_means`: each subject counts once; `by_truth`: pairs "
            "where they are "
            "independent, else subject means, whose limits have MOVER intervals.",
            default="by_truth",
            choices=("by_truth", "pairs", "subject_means"),
        ),
    )
    citations = (
        Citation(
            "bland1986",
            "Bland JM, Altman DG. Statistical methods for assessing agreement between two methods of "
            "clinical "
            "measurement. Lancet 1986;327:307-310.",
        ),
        Citation(
            "bland1999",
            "Bland JM, Altman DG. Measuring agreement in method comparison studies. Stat Methods Med Res "
            "1999;8:135-160.",
        ),
        Citation(
            "bland2007",
            "Bland JM, Altman DG. Agreement between methods of measurement with multiple observations per "
            "individual. "
            "J Biopharm Stat 2007;17:571-582.",
        ),
        ZOU,
    )

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> BlandAltmanPrepared:
        """Summarise the differences once; see `Metric.prepare`."""
        if average != "pooled":
            raise ValueError("`bland_altman` has no `average`; its parameter `bias` says what counts once.")
        given = checks.parameters(self, parameters)
        columns = checks.measurement_columns(columns)
        truth, bias = given["truth"], _bias(given["truth"], given["bias"])
        if columns.weights is not None and truth != "independent":
            raise ValueError("Row weights are defined for `truth: independent` only.")
        difference = _differences(columns)
        shift = float(np.mean(difference)) if len(difference) else 0.0
        weights = row_weights(columns)
        return BlandAltmanPrepared(
            totals=_totals(columns, difference - shift, weights, truth),
            names=_TOTALS,
            statistics=_STATISTICS,
            formula=_Formula(truth, bias, float(special.ndtri((1 + given["agreement_level"]) / 2)), shift),
            units=subject_sums(weights > 0, columns.offsets).astype(np.int64),
        )


def _bias(truth: Truth, asked: Bias) -> Literal["pairs", "subject_means"]:
    natural: Literal["pairs", "subject_means"] = "pairs" if truth == "independent" else "subject_means"
    if asked == "by_truth":
        return natural
    if asked == natural or truth == "varying":
        return asked
    raise checks.ParameterError(f"`bias` is {asked!r}; with `truth` {truth!r} only {natural} is defined.")


def _differences(columns: Columns) -> FloatArray:
    """Differences test - reference; those that agree within the rounding of the values are made equal."""
    difference = np.asarray(columns.test - columns.reference)
    if len(difference) == 0:
        return difference
    size = max(float(np.abs(columns.reference).max()), float(np.abs(columns.test).max()))
    if float(np.ptp(difference)) <= 4 * np.finfo(float).eps * size:
        return np.full_like(difference, np.median(difference))
    return difference


def _totals(columns: Columns, d: FloatArray, weights: FloatArray, truth: Truth) -> FloatArray:
    """(S, k) totals; sums within subjects only where the truth uses them, for they take the longest."""
    offsets, lengths = columns.offsets, np.diff(columns.offsets)

    def sums(values: FloatArray) -> FloatArray:
        return subject_sums(values if columns.weights is None else weights * values, offsets)

    n = subject_sums(weights, offsets)
    some = n > 0
    pairs = np.where(some, n, 1.0)
    total = sums(d)
    mean = total / pairs

    def within(values: FloatArray) -> FloatArray:
        deviation = values - np.repeat(sums(values) / pairs, lengths)
        return sums(np.square(deviation, out=deviation))

    result = np.zeros((len(n), len(_TOTALS)))
    result[:, _N], result[:, _D], result[:, _DD] = n, total, sums(np.square(d))
    result[:, _S], result[:, _M], result[:, _MM] = some, mean, np.square(mean)
    result[:, _INV] = np.where(some, 1 / pairs, 0.0)
    if truth == "varying":
        result[:, _W] = within(d)
    elif truth == "constant":
        result[:, _WR], result[:, _WT] = within(columns.reference), within(columns.test)
    result[:, _DDN], result[:, _NN] = total * mean, np.square(n)
    return result


BLAND_ALTMAN = BlandAltman()
METRICS: tuple[Metric, ...] = (BLAND_ALTMAN,)


def bland_altman(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    truth: Truth,
    agreement_level: float = 0.95,
    bias: Bias = "by_truth",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Bias and limits of agreement of a test device against a reference, by Bland and Altman.

    With d = test - reference, z the normal quantile of the agreement level, S subjects and n_i pairs of
    subject i:

    - `truth="independent"`: bias = mean(d), sd^2 = sum((d - bias)^2) / (n - 1).
    - `truth="constant"`: bias = mean over subjects of their mean difference; sd^2 = variance of those means +
      (1 - mean(1/n_i)) * (within-subject variance of the reference + that of the test).
    - `truth="varying"`: the same bias; sd^2 = variance of those means + (1 - mean(1/n_i)) * within-subject
      variance of the differences. With `bias="pairs"`: bias = mean(d), and sd^2 = between + within component
      of a one-way analysis of variance; a negative between component is set to 0, with a warning.

    The limits are bias - z sd and bias + z sd. Intervals: `cluster_t` (linearised, subjects as clusters;
    equals the paired t interval where each subject has one pair); `t` (for the limits: Bland & Altman 1999);
    `mover` (limits and sd; asymmetric and nearer to nominal in small samples, therefore the default there;
    the exact chi-square interval for the sd of independent pairs); subject bootstrap.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights, only ratios matter; `truth="independent"` only.
        truth: What the pairs of one subject are. No default, because the limits differ.
        agreement_level: Share of differences between the limits if they are normal; 0.95 is the convention.
        bias: What counts once in the bias; see above.
        ci: Interval method, for all statistics that offer it or by statistic. Default: the first each offers.
        level: Confidence level of the intervals.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `bias`, `sd`, `loa_lower`, `loa_upper`, in the unit of the measurement. A statistic without a value
        says why.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `truth`, `bias` or `agreement_level` is not acceptable.
        ValueError: Any other argument is not acceptable.

    References:
        Bland JM, Altman DG. Lancet 1986;327:307-310. Stat Methods Med Res 1999;8:135-160. J Biopharm Stat
        2007;17:571-582. Zou GY. Stat Methods Med Res 2013;22:630-642.

    Example:
        Peak flow, large against mini meter, first readings (Bland & Altman 1986, Table 1); the paper prints a
        mean difference of -2.1 l/min (the other way round) and a standard deviation of 38.8 l/min:

        >>> large = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
        >>> mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
        >>> result = bland_altman(large, mini, truth="independent")
        >>> print(f"{result['bias'].value:.4f}, {result['sd'].value:.4f}")
        2.1176, 38.7651
        >>> interval = result["loa_upper"].interval
        >>> print(f"{result['loa_upper'].value:.1f} [{interval.lower:.1f}, {interval.upper:.1f}]")
        78.1 [51.3, 121.8]
    """
    columns, keys = measured(reference, test, subject, weights)
    return evaluate(
        BLAND_ALTMAN,
        columns,
        keys,
        average="pooled",
        parameters={"truth": truth, "agreement_level": agreement_level, "bias": bias},
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )


def measured(
    reference: ArrayLike, test: ArrayLike, subject: ArrayLike | None, weights: ArrayLike | None
) -> tuple[Columns, tuple[str, ...]]:
    """Checked measurement columns, sorted by subject, with the subjects' keys."""
    return arrange(
        checks.measurements("reference", reference),
        checks.measurements("test", test),
        subject,
        None if weights is None else checks.row_weights(weights),
    )
