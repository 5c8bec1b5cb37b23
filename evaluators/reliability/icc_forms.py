"""The totals behind intraclass correlations, their six forms, and their intervals; see `icc`.

Targets (rows of a complete table) are rated by the same k raters. The two-way analysis of variance has mean
squares between targets (MSB), within targets (MSW), between raters (MSC) and the residual (MSE).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..additive import AdditivePrepared, subject_sums
from ..intervals import tail_levels
from ..metric import CannotComputeError, FloatArray, IntArray, Interval, Sides
from .intervals import tail_quantiles, z_interval

STATISTICS = ("icc_1_1", "icc_a_1", "icc_c_1", "icc_1_k", "icc_a_k", "icc_c_k")
_N, _MM, _WITHIN, _FIRST = range(4)  # targets, squares of their means, squares about those, raters' sums
_FLAT = 1e-13  # a sum of squares that is this small a part of its terms is rounding


class MeanSquares(NamedTuple):
    """Mean squares of the two-way table, with the number of targets."""

    n: Any
    between: Any
    within: Any
    raters: Any
    residual: Any


class FTest(NamedTuple):
    """Test that an intraclass correlation is zero."""

    f: float
    df1: float
    df2: float
    p_value: float


@dataclass(frozen=True)
class IccFormula:
    """The six forms from totals whose ratings are kept about `shift`."""

    k: int
    shift: float

    def mean_squares(self, totals: NDArray[Any]) -> MeanSquares:
        """Mean squares from added-up totals."""
        n, k = totals[..., _N], self.k
        raters = totals[..., _FIRST:]
        whole = raters.sum(axis=-1)
        within = totals[..., _WITHIN]
        between = k * _less(totals[..., _MM], (whole / k) ** 2 / n)
        squares = (raters * raters).sum(axis=-1) / n
        by_rater = _less(squares, whole * whole / (n * k))
        return MeanSquares(
            n=n,
            between=between / (n - 1),
            within=within / (n * (k - 1)),
            raters=by_rater / (k - 1),
            residual=_less(within, by_rater, size=within + squares) / ((n - 1) * (k - 1)),
        )

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """The statistics in the order of `STATISTICS`."""
        ms, k = self.mean_squares(totals), self.k
        apart, alone = ms.between - ms.within, ms.between - ms.residual
        bias = (ms.raters - ms.residual) / ms.n
        of_mean = ms.between + bias  # k times the variance of the mean of the raters, as estimated
        return np.stack(
            [
                apart / (ms.between + (k - 1) * ms.within),
                alone / (ms.between + (k - 1) * ms.residual + k * bias),
                alone / (ms.between + (k - 1) * ms.residual),
                apart / ms.between,
                alone / np.where(of_mean.real > 0, of_mean, np.nan),
                alone / ms.between,
            ],
            axis=-1,
        )


def _less(first: Any, second: Any, size: Any = None) -> Any:
    """Difference of the two, exactly 0 where only rounding of terms of this `size` is left."""
    found = first - second
    scale = np.abs(np.real(first if size is None else size))
    return np.where(np.abs(np.real(found)) > _FLAT * scale, found, 0.0 * found)


@dataclass(frozen=True, eq=False)
class IccPrepared(AdditivePrepared):
    """Sums of each subject's targets for intraclass correlations; see `Prepared`.

    Attributes:
        weighted: Row weights were given.
    """

    weighted: bool = False

    @property
    def forms(self) -> IccFormula:
        """The formula under its own type."""
        if not isinstance(self.formula, IccFormula):
            raise TypeError("The formula was replaced by another kind.")
        return self.formula

    @property
    def mean_squares(self) -> MeanSquares:
        """Mean squares at weights of one."""
        with np.errstate(all="ignore"):
            found = self.forms.mean_squares(self.totals.sum(axis=0))
        return MeanSquares(*(float(np.real(value)) for value in found))

    def reason_undefined(self, statistic: str) -> str:
        """Too few targets, or ratings that do not vary between them."""
        targets = int(self.units.sum())
        if targets < 2:
            return f"An intraclass correlation needs at least two targets; there is {targets}."
        if statistic == "icc_a_k" and self.mean_squares.within > 0:
            return (
                "The targets differ so little that the variance of the raters' mean is estimated as 0 or "
                "less; the ratio would exceed 1."
            )
        return "The targets do not differ: the ratings leave nothing to correlate."

    def warning(self, statistic: str) -> str | None:
        """A negative estimate is kept, and explained."""
        if np.any(self.active) and float(self.estimate()[STATISTICS.index(statistic)]) < 0:
            return "Negative: targets differ less than their ratings do; usually read as no reliability."
        return None

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """F intervals `mcgraw_wong`, `shrout_fleiss`; `cluster_fisher_z` and `cluster_t` for subjects.

        Raises:
            CannotComputeError: Too few targets or subjects, no residual variance, or row weights with an F
                interval.
        """
        if method in ("mcgraw_wong", "shrout_fleiss"):
            return self._by_f(statistic, method, level, sides)
        if method == "cluster_fisher_z" and statistic.endswith("_1"):
            subjects = int(np.count_nonzero(self.active))
            if subjects < 2:
                raise CannotComputeError("An interval needs at least two subjects.")
            low, high = tail_quantiles(level, sides, subjects - 1)
            value = float(self.estimate()[STATISTICS.index(statistic)])
            return z_interval(
                value, self.standard_error(statistic), low=low, high=high, level=level, sides=sides,
                method=method,
            )  # fmt: skip
        return super().interval(statistic, method, level, sides)

    def f_test(self, statistic: str) -> FTest:
        """F test that the correlation is zero: MSB/MSW one-way, MSB/MSE two-way (Shrout & Fleiss 1979).

        Raises:
            CannotComputeError: Too few targets, or no variance to divide by.
        """
        ms, k = self.mean_squares, self.forms.k
        one_way = statistic in ("icc_1_1", "icc_1_k")
        below = ms.within if one_way else ms.residual
        if ms.n < 2 or not below > 0:
            raise CannotComputeError("The F test needs two targets and residual variance.")
        df2 = ms.n * (k - 1) if one_way else (ms.n - 1) * (k - 1)
        f = ms.between / below
        return FTest(f, ms.n - 1, df2, float(special.fdtrc(ms.n - 1, df2, f)))

    def _by_f(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        if self.weighted:
            raise CannotComputeError(f"`{method}` counts targets, and these are weighted.")
        ms, k = self.mean_squares, self.forms.k
        one_way = statistic in ("icc_1_1", "icc_1_k")
        if ms.n < 2:
            raise CannotComputeError(self.reason_undefined(statistic))
        if not (ms.within if one_way else ms.residual) > 0:
            raise CannotComputeError(
                "The ratings of a target do not differ; an F interval needs that they do."
            )
        tails = tail_levels(level, sides)
        if statistic in ("icc_a_1", "icc_a_k"):
            lower, upper = self._agreement(statistic, method, *tails)
        else:
            lower, upper = _exact(self.f_test(statistic), statistic, k, *tails)
        several, flat = bool(np.any(self.units > 1)), not ms.between > 0
        notes = ["Rows are taken as independent targets, and subjects have several."] if several else []
        if flat:
            upper = max(lower, upper)  # but for rounding they are equal
            notes.append("The targets' means do not differ; the interval has no width and says nothing.")
        return Interval(
            lower, upper, level, sides, method, degenerate=flat, independent_rows=several,
            warning=" ".join(notes) or None,
        )  # fmt: skip

    def _agreement(self, statistic: str, method: str, low: float, high: float) -> tuple[float, float]:
        """Bounds of ICC(A,1) and ICC(A,k) (McGraw & Wong 1996, Table 7); stepped up for `shrout_fleiss`.

        The coefficient of a mean has a pole: a bound that reaches it, as lower bounds do where targets hardly
        differ, is minus infinity. The formulas, taken beyond the pole, would give numbers above 1.
        """
        single = statistic == "icc_a_1" or method == "shrout_fleiss"
        lower, upper = self._agreement_bounds("icc_a_1" if single else "icc_a_k", low, high)
        if statistic == "icc_a_k" and single:
            lower, upper = _stepped_up(lower, self.forms.k), _stepped_up(upper, self.forms.k)
        return lower, upper

    def _agreement_bounds(self, statistic: str, low: float, high: float) -> tuple[float, float]:
        ms, k = self.mean_squares, self.forms.k
        df, n = self.agreement_df(statistic), ms.n
        if not df >= 1:  # as it can be where the coefficient is negative; an F quantile may then be below 1
            raise CannotComputeError("The F interval would have fewer than one degree of freedom.")
        if statistic == "icc_a_1":
            rest = k * ms.raters + (k * n - k - n) * ms.residual
        else:
            rest = ms.raters - ms.residual
        lower, upper = -float("inf"), 1.0
        if low > 0:
            f = float(special.fdtri(n - 1, df, 1 - low))
            lower = _above_pole(n * (ms.between - f * ms.residual), f * rest + n * ms.between)
        if high < 1:
            f = float(special.fdtri(df, n - 1, high))
            upper = _above_pole(n * (f * ms.between - ms.residual), rest + n * f * ms.between)
        return lower, upper

    def agreement_df(self, statistic: str) -> float:
        """Satterthwaite's degrees of freedom for the agreement forms (McGraw & Wong 1996, Table 7).

        For ICC(A,k) the table is read with that coefficient itself in a and b, as `irr::icc` in R does; with
        ICC(A,1) in it, the interval would be the stepped-up one of Shrout & Fleiss.
        """
        ms, k = self.mean_squares, self.forms.k
        r = float(self.estimate()[STATISTICS.index(statistic)])
        a = k * r / (ms.n * (1 - r))
        b = 1 + k * r * (ms.n - 1) / (ms.n * (1 - r))
        parts = (a * ms.raters) ** 2 / (k - 1) + (b * ms.residual) ** 2 / ((ms.n - 1) * (k - 1))
        return float((a * ms.raters + b * ms.residual) ** 2 / parts) if parts > 0 else float("nan")

    def aligned(self, other: AdditivePrepared) -> Self:
        """Self with its ratings about the other's shift."""
        if not isinstance(other, IccPrepared) or other.forms.k != self.forms.k:
            return super().aligned(other)
        delta, k = self.forms.shift - other.forms.shift, self.forms.k
        t = self.totals.copy()
        n = self.totals[:, _N]
        t[:, _MM] += delta * (2 * self.totals[:, _FIRST:].sum(axis=1) / k + delta * n)
        t[:, _FIRST:] += delta * n[:, None]
        moved = replace(self, totals=t, formula=replace(self.forms, shift=other.forms.shift))
        return super(IccPrepared, moved).aligned(other)


def _above_pole(numerator: float, denominator: float) -> float:
    """The ratio, minus infinity where its denominator has reached 0."""
    return numerator / denominator if denominator > 0 else -float("inf")


def _stepped_up(single: float, k: int) -> float:
    """Coefficient of the mean of k ratings from that of one (Spearman-Brown)."""
    if np.isinf(single):
        return single
    return _above_pole(k * single, 1 + (k - 1) * single)


def _exact(test: FTest, statistic: str, k: int, low: float, high: float) -> tuple[float, float]:
    """Bounds of the one-way and consistency forms: exact where the components are normal."""
    single = statistic.endswith("_1")

    def to_icc(f: float) -> float:
        return (f - 1) / (f + k - 1) if single else 1 - 1 / f

    lower = -float("inf") if low <= 0 else to_icc(test.f / float(special.fdtri(test.df1, test.df2, 1 - low)))
    upper = 1.0 if high >= 1 else to_icc(test.f * float(special.fdtri(test.df2, test.df1, high)))
    return lower, upper


def prepare_icc(
    ratings: FloatArray, offsets: IntArray, weights: FloatArray, *, weighted: bool
) -> IccPrepared:
    """Sum the ratings up by subject, about their grand mean, so that a large level costs no digits.

    Args:
        ratings: (n, k) complete table, a row a target, sorted by subject.
        offsets: (S + 1,) start of each subject's rows.
        weights: (n,) row weights, ones where none were given.
        weighted: They were given.
    """
    k = ratings.shape[1]
    shift = float(np.mean(ratings)) if ratings.size else 0.0
    if ratings.size and float(np.ptp(ratings)) == 0:
        shift = float(ratings.flat[0])
    centred = ratings - shift
    means = centred.mean(axis=1)
    within = np.square(centred - means[:, None]).sum(axis=1)
    values = [weights, weights * means**2, weights * within, *(weights * centred[:, j] for j in range(k))]
    return IccPrepared(
        totals=np.column_stack([subject_sums(value, offsets) for value in values]),
        names=("targets", "means squared", "within", *(f"rater {j + 1}" for j in range(k))),
        statistics=STATISTICS,
        formula=IccFormula(k, shift),
        units=subject_sums(weights > 0, offsets).astype(np.int64),
        bounds=(-np.inf, 1.0),
        weighted=weighted,
    )
