"""The totals behind limits of agreement, their formulas, and their analytic intervals; see `bland_altman`."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..additive import AdditivePrepared, row_weights, subject_sums
from ..intervals import Component, mover_limit, mover_variance, tail_levels
from ..metric import CannotComputeError, Columns, FloatArray, IntArray, Interval, Sides
from ..reliability.one_way import center
from .limits_exact import limit_factor, tolerance_factor
from .normal_check import interval_warning, spread_ratio

Truth = Literal["independent", "constant", "varying"]

STATISTICS = ("bias", "sd", "loa_lower", "loa_upper")
TOTALS = (
    "n", "d", "dd",  # rows (or their weights), sums of differences and their squares about the shift
    "subjects", "mean", "mean2", "inverse",  # one, the mean difference, its square, 1 / pairs of the subject
    "within", "within_reference", "within_test",  # sums of squares about the subject's own mean
    "dd_n", "nn",  # (sum of differences)^2 / pairs, pairs^2
)  # fmt: skip
_N, _D, _DD, _S, _M, _MM, _INV, _W, _WR, _WT, _DDN, _NN = range(len(TOTALS))

_AT_95 = 1.959963984540054
"""Normal quantile of 95% limits, at which differences are held against normal ones, whatever the limits."""

_ROWS_AT_ONCE = 16_384
"""Rows whose squares are taken together."""


@dataclass(frozen=True)
class LimitsFormula:
    """Bias, SD and limits from totals whose differences are kept about `shift`."""

    truth: Truth
    bias: Literal["pairs", "subject_means"]
    multiplier: float
    shift: float

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Bias, SD, lower and upper limit from added-up totals."""
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
    def limits(self) -> LimitsFormula:
        """The formula with its truth, bias and shift."""
        if not isinstance(self.formula, LimitsFormula):
            raise TypeError("The formula was replaced by another kind.")
        return self.formula

    @property
    def _total(self) -> FloatArray:
        return np.asarray(self.totals.sum(axis=0))

    @property
    def _clustered(self) -> bool:
        """Pairs are declared independent, yet subjects have several."""
        return self.limits.truth == "independent" and bool(np.any(self.units > 1))

    @property
    def spread_ratio(self) -> float:
        """By how much 95% limits vary more between subjects than those of normal differences: `normal_check`.

        1 where pairs are declared independent though subjects have several: likeness of a subject's pairs
        would count as a lack of normality.
        """
        if self._clustered:
            return 1.0
        by_subject: Literal["pairs", "subject_means"] = (
            "pairs" if self.limits.truth == "independent" else "subject_means"
        )
        plain = replace(self, formula=replace(self.limits, multiplier=_AT_95, bias=by_subject))
        lower, upper = (AdditivePrepared.standard_error(plain, name) for name in ("loa_lower", "loa_upper"))
        return spread_ratio((lower, upper), plain._model_error("loa_upper"))

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
        """`cluster_t` for all; `t`, `mover` and the exact ones as `BlandAltman` describes them.

        All but `cluster_t` take the differences for normal where SD and limits are concerned, and carry a
        warning where these are clearly not (`normal_check`).

        Raises:
            CannotComputeError: Too few pairs or subjects, or the method does not fit the truth or the bias.
        """
        if method == "cluster_t":
            return super().interval(statistic, method, level, sides)
        found = self._by_model(statistic, method, level, sides)
        if statistic == "bias" or found.degenerate:
            return found
        notes = (found.warning, interval_warning(self.spread_ratio))
        return replace(found, warning=" ".join(note for note in notes if note) or None)

    def _by_model(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """The interval that the declared model of the differences gives."""
        if method in ("noncentral_t", "tolerance_pair") and self.limits.truth != "independent":
            raise CannotComputeError(
                f"`{method}` is exact for independent pairs; with `truth: {self.limits.truth}` use mover."
            )
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
        if method in ("t", "z", "bland_1986"):
            error = self._error_of(statistic, method)
            freedom = np.inf if method == "z" else df
            found = self.t_around(value, error, freedom, method=method, level=level, sides=sides)
            return replace(found, independent_rows=independent)
        if method == "mover" and statistic != "bias":
            return replace(self._mover(statistic, level, sides), independent_rows=independent)
        if method in ("noncentral_t", "tolerance_pair") and statistic in ("loa_lower", "loa_upper"):
            return replace(self._exact(statistic, method, level, sides), independent_rows=independent)
        raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")

    def _error_of(self, statistic: str, method: str) -> float:
        """Standard error of the model: Bland & Altman 1999, or of a limit as in 1986.

        Raises:
            CannotComputeError: The method does not fit the truth or the statistic.
        """
        if method != "bland_1986":
            return self._bias_error() if statistic == "bias" else self._model_error(statistic)
        if self.limits.truth != "independent":
            raise CannotComputeError("`bland_1986` is defined for independent pairs; use mover.")
        if statistic not in ("loa_lower", "loa_upper"):
            raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")
        return self._bias_error() * float(np.sqrt(1 + self.limits.multiplier**2 / 2))

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
        return self._limit(float(lower), float(upper), level, sides, "mover")

    def _exact(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """Multiples of the SD about the bias: of this limit alone, or of both limits at once."""
        n, multiplier = float(self._total[_N]), self.limits.multiplier
        low, high = tail_levels(level, sides)
        sign = -1.0 if statistic == "loa_lower" else 1.0
        if sign < 0:  # the factors count from the bias outwards
            low, high = 1 - high, 1 - low
        sd = float(np.sqrt(max(float(self.limits.variance(self._total)), 0.0)))
        bias, coverage = float(self.limits.center(self._total)), 2 * float(special.ndtr(multiplier)) - 1

        def end(probability: float) -> float:
            if probability in (0.0, 1.0):
                return float("inf") if probability else -float("inf")
            if method == "noncentral_t":
                return limit_factor(n, probability, multiplier) * sd
            return tolerance_factor(n, coverage, probability) * sd

        ends = sorted((bias + sign * end(low), bias + sign * end(high)))
        return self._limit(ends[0], ends[1], level, sides, method)

    def _limit(self, lower: float, upper: float, level: float, sides: Sides, method: str) -> Interval:
        flat = not any(part.factor * part.variance > 0 for part in self._components())
        note = "The differences do not vary; the interval has no width and says nothing." if flat else None
        return Interval(lower, upper, level, sides, method, degenerate=flat, warning=note)

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


def prepare_limits(
    columns: Columns, *, truth: Truth, bias: Literal["pairs", "subject_means"], multiplier: float
) -> BlandAltmanPrepared:
    """Sum the differences up by subject, about their mean, so that a large bias costs no digits.

    Args:
        columns: Checked measurements.
        truth: What the pairs of one subject are.
        bias: What counts once.
        multiplier: Standard deviations from the bias to a limit.
    """
    difference = differences(columns)
    shift = center(difference)
    difference -= shift
    units = np.diff(columns.offsets)
    if columns.weights is not None:
        units = subject_sums(columns.weights > 0, columns.offsets).astype(np.int64)
    return BlandAltmanPrepared(
        totals=_totals(columns, difference, truth, rounding(columns)),
        names=TOTALS,
        statistics=STATISTICS,
        formula=LimitsFormula(truth, bias, multiplier, shift),
        units=units,
        weighted=columns.weights is not None,
    )


def limits_of_sums(units: IntArray, sums: FloatArray, within: FloatArray) -> BlandAltmanPrepared:
    """Limits of pairs that vary within their subject, from sums of each subject alone.

    Args:
        units: (S,) pairs.
        sums: (S,) sums of the differences about a common shift.
        within: (S,) sums of their squares about the subject's own mean.
    """
    n = units.astype(np.float64)
    some = n > 0
    pairs = np.where(some, n, 1.0)
    mean = sums / pairs
    totals = np.zeros((len(n), len(TOTALS)))
    totals[:, _N], totals[:, _D], totals[:, _DD], totals[:, _W] = n, sums, within + sums * mean, within
    totals[:, _S], totals[:, _M], totals[:, _MM] = some, mean, np.square(mean)
    totals[:, _INV], totals[:, _DDN], totals[:, _NN] = np.where(some, 1 / pairs, 0.0), sums * mean, n * n
    formula = LimitsFormula("varying", "subject_means", _AT_95, 0.0)
    return BlandAltmanPrepared(totals, TOTALS, STATISTICS, formula, units)


def rounding(columns: Columns) -> float:
    """By how much differences that are equal on paper may differ, for values of this size are rounded."""
    if len(columns.test) == 0:
        return 0.0
    size = max(float(end) for one in (columns.reference, columns.test) for end in (one.max(), -one.min()))
    return float(4 * np.finfo(float).eps * size)


def differences(columns: Columns) -> FloatArray:
    """Differences test - reference; those that agree within the rounding of the values are made equal.

    90.5 - 90.4 and 30.2 - 30.1 differ by 1e-14. Taken for spread, that would give intervals of next to no
    width, which look as if they could decide.
    """
    return levelled(np.asarray(columns.test - columns.reference), rounding(columns))


def levelled(values: FloatArray, allowance: float) -> FloatArray:
    """Values that all agree within the allowance are made equal; others are left as they are."""
    if len(values) and float(np.ptp(values)) <= allowance:
        return np.full_like(values, np.median(values))
    return values


def flattened(totals: FloatArray, counts: FloatArray, allowance: float) -> FloatArray:
    """(S,) sums of differences about their mean: 0 where no subject's own mean is further from it than that.

    Args:
        totals: (S,) sums of each subject.
        counts: (S,) rows or weights behind them.
        allowance: The rounding of a difference.
    """
    return np.zeros_like(totals) if np.all(np.abs(totals) <= allowance * counts) else totals


def _totals(columns: Columns, d: FloatArray, truth: Truth, allowance: float) -> FloatArray:
    """(S, k) totals; sums within subjects only where the truth uses them, for they take the longest."""
    offsets = columns.offsets
    weights = None if columns.weights is None else row_weights(columns)

    def sums(values: FloatArray) -> FloatArray:
        return subject_sums(values if weights is None else weights * values, offsets)

    n = np.diff(offsets).astype(np.float64) if weights is None else subject_sums(weights, offsets)
    some = n > 0
    pairs = np.where(some, n, 1.0)
    total = flattened(sums(d), n, allowance)
    mean = total / pairs

    def within(values: FloatArray) -> FloatArray:
        means = sums(values) / pairs
        if weights is None:
            return _squares(values, offsets, means)
        return sums(np.square(values - np.repeat(means, np.diff(offsets))))

    result = np.zeros((len(n), len(TOTALS)))
    squares = _squares(d, offsets) if weights is None else sums(np.square(d))
    result[:, _N], result[:, _D], result[:, _DD] = n, total, squares
    result[:, _S], result[:, _M], result[:, _MM] = some, mean, np.square(mean)
    result[:, _INV] = np.where(some, 1 / pairs, 0.0)
    if truth == "varying":
        result[:, _W] = within(d)
    elif truth == "constant":
        result[:, _WR], result[:, _WT] = within(columns.reference), within(columns.test)
    result[:, _DDN], result[:, _NN] = total * mean, np.square(n)
    return result


def _squares(values: FloatArray, offsets: IntArray, about: FloatArray | None = None) -> FloatArray:
    """(S,) sums of squares of each subject's values, about 0 or a value each.

    Some subjects at a time: their squares stay in the cache.
    """
    result = np.empty(len(offsets) - 1)
    stops = np.searchsorted(offsets, np.arange(0, offsets[-1], _ROWS_AT_ONCE), "right") - 1
    edges = np.unique([0, *stops.tolist(), len(result)])
    for first, last in itertools.pairwise(edges.tolist()):
        rows, own = values[offsets[first] : offsets[last]], offsets[first : last + 1] - offsets[first]
        deviation = rows if about is None else rows - np.repeat(about[first:last], np.diff(own))
        result[first:last] = subject_sums(deviation * deviation, own)
    return result
