"""The totals behind Lin's concordance of rows, their formula and intervals; see `concordance`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..additive import AdditivePrepared, row_weights, subject_sums
from ..intervals import tail_levels
from ..metric import CannotComputeError, Columns, FloatArray, Interval, Sides
from .intervals import tail_quantiles, z_interval

Variance = Literal["population", "sample"]

STATISTICS = ("ccc", "precision", "accuracy", "scale_shift", "location_shift")
TOTALS = ("n", "x", "y", "xx", "yy", "xy")  # sums about the shifts of reference (x) and test (y)
_N, _X, _Y, _XX, _YY, _XY = range(len(TOTALS))
_ROW_METHODS = ("fisher_z", "lin_normal", "lin_logit")
_RANGE = {"ccc": (-1.0, 1.0), "precision": (-1.0, 1.0), "accuracy": (0.0, 1.0), "scale_shift": (0.0, np.inf)}
_FLAT = 1e-13  # a sum of squares that is this small a part of its terms is the rounding of a constant column
_SAME = 4e-15  # means that differ by this small a part of their size are the same but for rounding


@dataclass(frozen=True)
class Moments:
    """Means, variances and covariance of reference and test, n or n - 1 in the denominator."""

    n: Any
    difference: Any
    variance_x: Any
    variance_y: Any
    covariance: Any


@dataclass(frozen=True)
class ConcordanceFormula:
    """Concordance and its parts from totals kept about the shifts."""

    variance: Variance
    shift_x: float
    shift_y: float

    def moments(self, totals: NDArray[Any]) -> Moments:
        """Means and variances from added-up totals."""
        n, x, y = totals[..., _N], totals[..., _X], totals[..., _Y]
        divisor = n if self.variance == "population" else n - 1
        variance_x = _about_mean(totals[..., _XX], x, n) / divisor
        variance_y = _about_mean(totals[..., _YY], y, n) / divisor
        flat = (np.real(variance_x) == 0) | (np.real(variance_y) == 0)
        covariance = (totals[..., _XY] - x * y / n) / divisor
        apart = (self.shift_y - self.shift_x) + (y - x) / n
        size = abs(self.shift_x) + abs(self.shift_y) + np.abs(x / n) + np.abs(y / n)
        return Moments(
            n=n,
            # the real part alone: derivatives are taken along the imaginary one
            difference=np.where(np.abs(np.real(apart)) <= _SAME * size, apart - np.real(apart), apart),
            variance_x=variance_x,
            variance_y=variance_y,
            covariance=np.where(flat, covariance - np.real(covariance), covariance),
        )

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """The statistics in the order of `STATISTICS`."""
        m = self.moments(totals)
        both = np.sqrt(m.variance_x * m.variance_y)
        whole = m.variance_x + m.variance_y + m.difference * m.difference
        return np.stack(
            [
                2 * m.covariance / whole,
                m.covariance / both,
                2 * both / whole,
                np.sqrt(m.variance_y / m.variance_x),
                m.difference / np.sqrt(both),
            ],
            axis=-1,
        )


@dataclass(frozen=True, eq=False)
class ConcordancePrepared(AdditivePrepared):
    """Sums, squares and products of each subject; see `Prepared`.

    Attributes:
        weighted: Row weights were given.
    """

    weighted: bool = False

    @property
    def concordance(self) -> ConcordanceFormula:
        """The formula under its own type."""
        if not isinstance(self.formula, ConcordanceFormula):
            raise TypeError("The formula was replaced by another kind.")
        return self.formula

    @property
    def _several(self) -> bool:
        return bool(np.any(self.units > 1))

    @property
    def _rows_taken_as_independent(self) -> str | None:
        return "Rows are taken as independent, and subjects have several." if self._several else None

    def reason_undefined(self, statistic: str) -> str:
        """Too few rows, or a constant column."""
        rows = int(self.units.sum())
        if rows < 2:
            return f"Concordance needs at least two rows; there is {rows}."
        if statistic == "ccc":
            return "Concordance is 0/0: reference and test are constant and equal."
        return f"`{statistic}` needs variation in the reference and in the test; one of them is constant."

    def warning(self, statistic: str) -> str | None:
        """A constant column makes the coefficient 0 whatever the agreement."""
        if statistic != "ccc" or not np.any(self.active):
            return None
        m = self.concordance.moments(self.totals.sum(axis=0))
        if m.variance_x == 0 or m.variance_y == 0:
            return "The reference or the test is constant; the coefficient is 0 whatever the agreement."
        return None

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """Lin's intervals for independent rows; `cluster_fisher_z` and `cluster_t` for subjects.

        Raises:
            CannotComputeError: Too few rows or subjects, row weights where rows are counted, or a method that
                the statistic does not have.
        """
        value = float(self.estimate()[self.statistics.index(statistic)])
        if method == "cluster_fisher_z" and statistic in ("ccc", "precision"):
            subjects = int(np.count_nonzero(self.active))
            if subjects < 2:
                raise CannotComputeError("An interval needs at least two subjects.")
            quantile = tail_quantiles(level, sides, subjects - 1)
            error = AdditivePrepared.standard_error(self, statistic)
        elif method in _ROW_METHODS:
            if self.weighted:
                raise CannotComputeError(f"`{method}` counts rows, and these are weighted.")
            if method == "lin_logit" and statistic == "accuracy":
                return self._logit(value, level, sides)
            if method == "lin_normal" and statistic == "ccc":
                return self._normal(value, level, sides)
            quantile = tail_quantiles(level, sides)
            error = self._row_error(statistic)
        else:
            found = super().interval(statistic, method, level, sides)
            smallest, largest = _RANGE.get(statistic, (-np.inf, np.inf))
            return replace(found, lower=max(found.lower, smallest), upper=min(found.upper, largest))
        return z_interval(
            value, error, low=quantile[0], high=quantile[1], level=level, sides=sides, method=method,
            independent_rows=method == "fisher_z" and self._several,
        )  # fmt: skip

    def standard_error(self, statistic: str) -> float:
        """Lin's (1989, corrected 2000) for `ccc` where every subject has one row, else linearised."""
        if statistic == "ccc" and not (self._several or self.weighted):
            return lin_error(*self._parts())[0]
        return super().standard_error(statistic)

    def _parts(self) -> tuple[float, float, float, float]:
        """(rows, precision, accuracy, location shift), population moments, as Lin's errors use them."""
        formula = replace(self.concordance, variance="population")
        with np.errstate(all="ignore"):
            values = formula(self.totals.sum(axis=0))
        return float(self.units.sum()), float(values[1]), float(values[2]), float(values[4])

    def _row_error(self, statistic: str) -> float:
        n, r, accuracy, shift = self._parts()
        if statistic == "ccc":
            return lin_error(n, r, accuracy, shift)[0]
        if n <= 3:
            raise CannotComputeError("A Fisher z interval of a correlation needs at least four rows.")
        return float((1 - r * r) / np.sqrt(n - 3))

    def _normal(self, value: float, level: float, sides: Sides) -> Interval:
        error = lin_error(*self._parts())[0]
        if not np.isfinite(error):
            raise CannotComputeError("The standard error is undefined for these data.")
        low, high = tail_levels(level, sides)
        lower = -1.0 if low <= 0 else max(value + float(special.ndtri(low)) * error, -1.0)
        upper = 1.0 if high >= 1 else min(value + float(special.ndtri(high)) * error, 1.0)
        flat = error <= 1e-14
        note = "The coefficient does not vary; the interval has no width and says nothing." if flat else None
        return Interval(
            lower, upper, level, sides, "lin_normal", degenerate=flat, independent_rows=self._several,
            warning=note or self._rows_taken_as_independent,
        )  # fmt: skip

    def _logit(self, value: float, level: float, sides: Sides) -> Interval:
        """Accuracy on the logit scale (Lin et al. 2002, p. 261)."""
        n, r, accuracy, shift = self._parts()
        scale = float(self.estimate()[STATISTICS.index("scale_shift")])
        # 1 / accuracy - 1, without cancellation
        away = ((scale - 1) ** 2 / scale + shift**2) / 2 if scale > 0 else float("nan")
        if n <= 2 or not away > 1e-14:
            raise CannotComputeError("The accuracy is exactly 0 or 1, or rests on two rows; it has no logit.")
        ca, uu = accuracy, shift * shift
        bracket = (
            ca * ca * uu * (scale + 1 / scale - 2 * r)
            + ca * ca * (scale**2 + 1 / scale**2 + 2 * r * r) / 2
            + (1 + r * r) * (ca * uu - 1)
        )
        error = np.sqrt(max(bracket, 0.0) / (n - 2)) / (ca * away)
        low, high = tail_levels(level, sides)
        middle = special.logit(value)
        lower = 0.0 if low <= 0 else float(special.expit(middle + special.ndtri(low) * error))
        upper = 1.0 if high >= 1 else float(special.expit(middle + special.ndtri(high) * error))
        return Interval(
            lower, upper, level, sides, "lin_logit", independent_rows=self._several,
            warning=self._rows_taken_as_independent,
        )  # fmt: skip

    def aligned(self, other: AdditivePrepared) -> Self:
        """Self with its sums about the other's shifts."""
        if not isinstance(other, ConcordancePrepared):
            return super().aligned(other)
        here, there = self.concordance, other.concordance
        dx, dy = here.shift_x - there.shift_x, here.shift_y - there.shift_y
        t = self.totals.copy()
        n, x, y = (self.totals[:, i] for i in (_N, _X, _Y))
        t[:, _XX] += dx * (2 * x + dx * n)
        t[:, _YY] += dy * (2 * y + dy * n)
        t[:, _XY] += dx * y + dy * x + dx * dy * n
        t[:, _X] += dx * n
        t[:, _Y] += dy * n
        formula = replace(here, shift_x=there.shift_x, shift_y=there.shift_y)
        moved = replace(self, totals=t, formula=formula)
        return super(ConcordancePrepared, moved).aligned(other)


def _about_mean(squares: Any, total: Any, n: Any) -> Any:
    """Sum of squares about the mean; exactly 0 for a column that is constant but for rounding."""
    found = squares - total * total / n
    return np.where(np.real(found) > _FLAT * np.real(squares), found, 0.0 * found)


def lin_error(rows: float, precision: float, accuracy: float, shift: float) -> tuple[float, float]:
    """Large-sample standard errors of Lin's concordance of independent rows: (corrected 2000, printed 1989).

    The formula of 1989 has 4 and 2 where the correction of 2000 has 2 and 1/2; the second value is there to
    recognise older results, not to be used. Both divide by rows - 2. Written with the accuracy, so that a
    correlation of zero is no division by zero.

    Args:
        rows: Number of rows.
        precision: Pearson's correlation.
        accuracy: The bias correction factor C_b.
        shift: Location shift, difference of means over the root of the product of the standard deviations.

    Returns:
        Both NaN with fewer than three rows.

    Example:
        Peak flow of Bland & Altman 1986, first readings; `epiR::epi.ccc` in R has the corrected one:

        >>> corrected, printed = lin_error(17, 0.943279446890946, 0.999430693136343, 0.0190302500915971)
        >>> round(corrected, 6), round(printed, 6)
        (0.028617, 0.028659)
    """
    if not rows > 2:
        return float("nan"), float("nan")
    ccc, uu = precision * accuracy, shift * shift
    core = (1 - precision**2) * (1 - ccc**2) * accuracy**2
    first, second = 2 * ccc**2 * (1 - ccc) * uu * accuracy, 0.5 * ccc**2 * accuracy**2 * uu**2
    found = np.array([core + first - second, core + 2 * first - 4 * second]) / (rows - 2)
    errors = np.sqrt(np.where(found > 0, found, np.where(np.isnan(found), np.nan, 0.0)))
    return float(errors[0]), float(errors[1])


def prepare_concordance(columns: Columns, variance: Variance) -> ConcordancePrepared:
    """Sum reference and test up by subject, about their means, so that a large level costs no digits.

    Args:
        columns: Checked measurements.
        variance: Denominator n (`population`) or n - 1 (`sample`).
    """
    weights = row_weights(columns)
    x, shift_x = _centred(columns.reference)
    y, shift_y = _centred(columns.test)
    values = [weights, weights * x, weights * y, weights * x * x, weights * y * y, weights * x * y]
    return ConcordancePrepared(
        totals=np.column_stack([subject_sums(value, columns.offsets) for value in values]),
        names=TOTALS,
        statistics=STATISTICS,
        formula=ConcordanceFormula(variance, shift_x, shift_y),
        units=subject_sums(weights > 0, columns.offsets).astype(np.int64),
        weighted=columns.weights is not None,
    )


def _centred(values: FloatArray) -> tuple[FloatArray, float]:
    """Values about their mean; a column without variation becomes exact zeros."""
    if len(values) == 0:
        return values, 0.0
    if float(np.ptp(values)) == 0:
        return np.zeros(len(values)), float(values[0])
    shift = float(np.mean(values))
    return values - shift, shift
