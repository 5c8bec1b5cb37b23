"""Lines that are formulas of sums: ordinary and weighted least squares, and Deming's line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from ..additive import AdditivePrepared, row_weights, subject_sums
from ..metric import CannotComputeError, Columns, FloatArray, Interval, Sides
from ..moments import TOTALS, Centred, MomentsPrepared, moment_totals
from .lines import NO_SPREAD, Size, error_or_nan, jackknife_error, jackknife_interval, line_interval, settled

Line = Literal["least_squares", "deming"]

_UNUSABLE = len(TOTALS)
"""Column of the rows that the line's own weights cannot take."""

_ROUNDING = 64 * float(np.finfo(float).eps)
"""A residual sum of squares below this share of the whole is rounding."""


@dataclass(frozen=True)
class LineFormula:
    """Slope, intercept and biases from totals about `shift`.

    Attributes:
        line: Which line.
        error_ratio: Variance of the reference's error over that of the test's; Deming only.
        levels: Decision levels.
        shift: What was subtracted from reference and test.
    """

    line: Line
    error_ratio: float
    levels: tuple[float, ...]
    shift: tuple[float, float]

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Slope, intercept, biases."""
        sums = Centred.of(totals)
        slope = np.where(totals[..., _UNUSABLE].real > 0, np.nan, self.slope(sums))
        x, y = sums.x + self.shift[0], sums.y + self.shift[1]
        # about the mean, so that a bias far from zero loses no digits through the intercept
        biases = [(y - level) + slope * (level - x) for level in self.levels]
        return np.stack([slope, y - slope * x, *biases], axis=-1)

    def slope(self, sums: Centred) -> NDArray[Any]:
        """The slope; not finite where there is none."""
        if self.line == "least_squares":
            return np.asarray(np.where(sums.xx.real > 0, sums.xy / sums.xx, np.nan))
        return deming_slope(sums, self.error_ratio)


def deming_slope(sums: Centred, ratio: float) -> NDArray[Any]:
    """Slope of Deming's line, by whichever of two equal forms does not subtract like from like.

    The root of ratio * xy * b^2 + (xx - ratio * yy) * b - xy = 0 with the sign of xy.
    """
    apart = sums.xx - ratio * sums.yy
    root = np.sqrt(apart * apart + 4 * ratio * sums.xy * sums.xy)
    wide = apart.real > 0
    slope = np.where(wide, 2 * sums.xy, root - apart) / np.where(wide, apart + root, 2 * ratio * sums.xy)
    return np.asarray(np.where(sums.xx.real > 0, slope, np.nan))


@dataclass(frozen=True, eq=False)
class LinePrepared(MomentsPrepared):
    """Totals of one slice for a line; see `Prepared`.

    Attributes:
        weighted: Row weights were given.
    """

    weighted: bool = False

    @property
    def _formula(self) -> LineFormula:
        return cast(LineFormula, self.formula)

    def reason_undefined(self, statistic: str) -> str:
        """No rows, no spread, or weights that the rows do not allow."""
        del statistic
        unusable = round(float(self.total[_UNUSABLE]))
        if unusable:
            return (
                f"The reference is zero or below in {unusable:,} rows; weights of 1 / reference^2 need "
                "it positive."
            )
        if not np.any(self.active):
            return "There are no rows."
        sums = Centred.of(self.total)
        if not sums.xx > 0:
            return NO_SPREAD
        return "Reference and test are unrelated and the test spreads more; no line is nearest to the pairs."

    def standard_error(self, statistic: str) -> float:
        """Jackknife over subjects."""
        column = self.statistics.index(statistic)
        return error_or_nan(lambda: jackknife_error(self.jackknife()[:, column]))

    def model_error(self, statistic: str) -> float:
        """Textbook standard error of the line: pairs independent, pairs - 2 degrees of freedom.

        Least squares: residual variance over the sum of squares (Draper & Smith 1998, section 1.4). Deming:
        slope * sqrt((1 / r^2 - 1) / (n - 2)); intercept and biases as for least squares, from that error.
        """
        sums, pairs = Centred.of(self.total), int(self.units.sum())
        if pairs < 3:
            raise CannotComputeError("A standard error of a line needs at least three pairs.")
        spread = float(sums.xx / sums.n)
        slope = float(self._formula.slope(sums))
        if self._formula.line == "deming":
            if not sums.xy != 0:
                raise CannotComputeError("The test has no spread; Deming's standard error is undefined.")
            share = _beyond_rounding(float(sums.xx * sums.yy / sums.xy**2) - 1, 1.0)
            variance = slope**2 * share / (pairs - 2)
        else:
            residual = _beyond_rounding(float(sums.yy - slope * sums.xy), float(sums.yy))
            variance = residual / (pairs - 2) / float(sums.xx)
        place = self._place(statistic)
        if place is None:
            return float(np.sqrt(variance))
        mean = float(sums.x) + self._formula.shift[0]
        return float(np.sqrt(variance * (spread + (place - mean) ** 2)))

    def estimate(self) -> FloatArray:
        """(k,) estimates at weights of one."""
        return self.evaluate(self.total)

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """Every statistic at every weight vector; see `Prepared.at`."""
        found = super().at(weights, relative=relative)
        return settled(found, self.estimate(), [self._rounding(name) for name in self.statistics])

    def _place(self, statistic: str) -> float | None:
        """The reference value at which a statistic reads the line; None for the slope."""
        places = {"intercept": 0.0, **dict(zip(self.statistics[2:], self._formula.levels, strict=True))}
        return places.get(statistic)

    def _rounding(self, statistic: str) -> float:
        with np.errstate(all="ignore"):
            sums = Centred.of(self.total)
            size = Size(
                slope=abs(float(self._formula.slope(sums))),
                x=float(sums.x) + self._formula.shift[0],
                y=float(sums.y) + self._formula.shift[1],
                spread=float(np.sqrt(sums.xx / sums.n)),
            )
            return size.rounding(self._place(statistic))

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`jackknife`, `model_t`, `cluster_t`.

        Raises:
            CannotComputeError: Too few subjects or pairs, or the method does not fit.
        """
        column = self.statistics.index(statistic)
        value, rounding = float(self.estimate()[column]), self._rounding(statistic)
        if method == "jackknife":
            left_out = self.jackknife()[:, column]
            return jackknife_interval(value, left_out, level=level, sides=sides, rounding=rounding)
        if method == "model_t":
            if self.weighted:
                raise CannotComputeError("`model_t` counts pairs; with row weights use the jackknife.")
            return line_interval(
                method,
                value,
                self.model_error(statistic),
                df=int(self.units.sum()) - 2,
                level=level,
                sides=sides,
                rounding=rounding,
                independent_rows=bool(np.any(self.units > 1)),
            )
        if method == "cluster_t":
            df = int(np.count_nonzero(self.active)) - 1
            if df < 1:
                raise CannotComputeError("An interval needs at least two subjects.")
            error = AdditivePrepared.standard_error(self, statistic)
            return line_interval(
                method, value, error, df=df, level=level, sides=sides, rounding=rounding
            )  # fmt: skip
        return super().interval(statistic, method, level, sides)


def _beyond_rounding(remainder: float, of: float) -> float:
    """What is left of a sum of squares, 0 where it is rounding."""
    return remainder if remainder > _ROUNDING * of else 0.0


def prepare_line(
    columns: Columns,
    *,
    line: Line,
    names: tuple[str, ...],
    levels: tuple[float, ...],
    error_ratio: float = 1.0,
    inverse_square: bool = False,
) -> LinePrepared:
    """Sum the pairs up by subject.

    Args:
        columns: Checked measurements.
        line: Which line.
        names: Statistics: slope, intercept, and a bias for each level.
        levels: Decision levels.
        error_ratio: See `LineFormula`.
        inverse_square: Weight each pair by 1 / reference^2.
    """
    weights = row_weights(columns)
    used = weights > 0
    unusable = used & (columns.reference <= 0) & inverse_square
    if inverse_square:
        weights = _inverse_square(columns.reference, np.where(unusable, 0.0, weights))
    totals, shift = moment_totals(columns.reference, columns.test, weights, columns.offsets)
    return LinePrepared(
        totals=np.column_stack([totals, subject_sums(unusable, columns.offsets)]),
        names=(*TOTALS, "unusable"),
        statistics=names,
        formula=LineFormula(line, error_ratio, levels, shift),
        units=subject_sums(used, columns.offsets).astype(np.int64),
        weighted=columns.weights is not None,
    )


def _inverse_square(reference: FloatArray, weights: FloatArray) -> FloatArray:
    used = weights > 0
    return np.asarray(np.where(used, weights / np.square(np.where(used, reference, 1.0)), 0.0))
