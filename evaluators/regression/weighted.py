"""Weighted Deming regression: errors of both devices in proportion to the level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method
from ..metric import Columns, FloatArray, Metric, MetricResult, Parameter, Sides
from ..moments import Centred, centre
from .lines import EP09, ERROR_RATIO, LEVEL_AT, NO_SPREAD, LineMetric, line_result, line_statistics
from .methods import LINNET1993
from .rows import Rows, RowsPrepared
from .sums import deming_slope

Weighting = Literal["iterated", "one_pass"]

_INTERVALS = ("jackknife", "bootstrap_bca", "bootstrap_percentile")
_STEPS = 500
_CLOSE = 1e-12
"""Relative change of slope and intercept at which the iteration has converged."""


@dataclass(frozen=True, eq=False)
class WeightedDemingPrepared(RowsPrepared):
    """Pairs of one slice for weighted Deming regression; see `Prepared`.

    Attributes:
        error_ratio: Variance of the reference's error over that of the test's.
        weighting: Weights from the measured values once, or from the fitted values until they settle.
    """

    error_ratio: float
    weighting: Weighting

    @property
    def _measured(self) -> FloatArray:
        """(n,) level of each pair as measured."""
        rows, ratio = self.rows, self.error_ratio
        return np.asarray((rows.x + ratio * rows.y) / (1 + ratio))

    def lines(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Slopes and intercepts; see `RowsPrepared.lines`."""
        if np.any(self._measured <= 0):
            return np.full(len(weights), np.nan), np.full(len(weights), np.nan)
        if self.weighting == "one_pass":
            return self._line(weights / np.square(self._measured))
        slope, intercept = self._line(weights)
        size = np.abs(self.rows.y).max()
        moving = np.flatnonzero(np.isfinite(slope))
        for _ in range(_STEPS):
            if len(moving) == 0:
                break
            old = slope[moving], intercept[moving]
            slope[moving], intercept[moving] = self._line(self._reweighted(weights[moving], *old))
            settled = np.abs(slope[moving] - old[0]) <= _CLOSE * np.abs(slope[moving])
            settled &= np.abs(intercept[moving] - old[1]) <= _CLOSE * size
            moving = moving[~settled & np.isfinite(slope[moving])]
        slope[moving] = np.nan
        return slope, intercept

    def _reweighted(self, weights: FloatArray, slope: FloatArray, intercept: FloatArray) -> FloatArray:
        """Weights by the inverse square of each pair's level on the line, NaN where one is not positive."""
        ratio, b = self.error_ratio, slope[:, None]
        off = self.rows.y - (intercept[:, None] + b * self.rows.x)
        part = off / (1 + ratio * b * b)
        level = (self.rows.x + ratio * b * part + ratio * (self.rows.y - part)) / (1 + ratio)
        return np.asarray(np.where(weights > 0, weights / np.where(level > 0, np.square(level), np.nan), 0.0))

    @cached_property
    def _products(self) -> tuple[FloatArray, tuple[float, float]]:
        """(6, n) what is summed up, of values about their weighted means, and the means."""
        x, y = self.rows.x, self.rows.y
        weights = self.rows.weight / np.square(self._measured)
        shift = centre(x, weights), centre(y, weights)
        a, b = x - shift[0], y - shift[1]
        return np.stack([np.ones(len(a)), a, b, a * a, a * b, b * b]), shift

    def _line(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Deming's line at (B, n) weights."""
        products, shift = self._products
        # not a matrix product, whose last digit may depend on how many replicates there are
        sums = Centred.of(np.einsum("ij,kj->ik", weights, products))
        slope = deming_slope(sums, self.error_ratio)
        return slope, (sums.y + shift[1]) - slope * (sums.x + shift[0])

    def reason_undefined(self, statistic: str) -> str:
        """No rows, levels that are not positive, no spread, or no convergence."""
        del statistic
        if len(self.rows.x) == 0:
            return "There are no rows."
        bad = int(np.count_nonzero(self._measured <= 0))
        if bad:
            return f"Weights of 1 / level^2 need positive levels; in {bad:,} rows the level is zero or below."
        if np.ptp(self.rows.x) == 0:
            return NO_SPREAD
        return (
            f"The weights did not settle in {_STEPS} steps, a fitted level is not positive, or reference and "
            "test are unrelated."
        )


class WeightedDeming(LineMetric):
    """Deming's line with weights of 1 / level^2; the plain function is `weighted_deming`."""

    name = "weighted_deming"
    title = "Weighted Deming regression"
    summary = "Deming's line where the errors of both devices grow in proportion to the level."
    route = "refit"
    statistics = line_statistics("weighted Deming line", _INTERVALS)
    parameters = (
        LEVEL_AT,
        ERROR_RATIO,
        Parameter(
            "weighting",
            "choice",
            "`iterated` (Linnet 1993): weights from the levels on the line, fitted again until they settle; "
            "`one_pass`: weights from the measured levels, once. Both go under Linnet's name and differ.",
            default="iterated",
            choices=("iterated", "one_pass"),
        ),
    )
    citations = (LINNET1993, EP09)

    def _fitted(
        self, columns: Columns, names: tuple[str, ...], levels: tuple[float, ...], given: dict[str, Any]
    ) -> WeightedDemingPrepared:
        return WeightedDemingPrepared(
            rows=Rows.of(columns),
            statistics=names,
            levels=levels,
            error_ratio=float(given["error_ratio"]),
            weighting=given["weighting"],
        )


WEIGHTED_DEMING = WeightedDeming()
METRICS: tuple[Metric, ...] = (WEIGHTED_DEMING,)


def weighted_deming(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    level_at: float | Sequence[float] | None = None,
    error_ratio: float = 1.0,
    weighting: Weighting = "iterated",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Deming's line with errors of both devices in proportion to the level (Linnet 1993).

    As `deming`, with sums weighted by 1 / level^2; a pair's level is (X + lambda Y) / (1 + lambda):

    - `weighting="iterated"`: X and Y are the pair's values on the line (the pair moved onto it along the
      direction that the error ratio sets); line and weights alternate, from the unweighted line, until
      neither changes by more than 1e-12. This is what R's `mcr` computes.
    - `weighting="one_pass"`: X and Y are the measured values. This is what NCSS and `SimplyAgree` compute.

    The level has to be positive in every pair.

    Intervals: `jackknife` (default; over subjects, and over pairs where no `subject` is given) and subject
    bootstrap; the line is fitted again for each subject left out and for each replicate.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every pair is a subject of its own.
        weights: (n,) further row weights; only ratios matter.
        level_at: Decision level or levels, in the unit of the measurement, at which the bias is wanted.
            Default: none.
        error_ratio: lambda, variance of the reference's errors over that of the test's. Default 1: both
            measure equally well.
        weighting: Which weights; see above.
        ci: Interval method. Default: `jackknife`.
        level: Confidence level of the intervals.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `slope` (no unit), `intercept` and `bias_at` (unit of the measurement); with several levels
        `bias_at_50`, `bias_at_126` and so on.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `error_ratio` or `weighting` is not acceptable.
        ValueError: Any other argument is not acceptable.

    References:
        Linnet K. Evaluation of regression procedures for methods comparison studies. Clin Chem
        1993;39:424-432. CLSI EP09c, 2018.

    Example:
        Example 1 of the NCSS manual's chapter on Deming regression, in the two weightings:

        >>> x = [7, 8.3, 10.5, 9, 5.1, 8.2, 10.2, 10.3, 7.1, 5.9]
        >>> y = [7.9, 8.2, 9.6, 9, 6.5, 7.3, 10.2, 10.6, 6.3, 5.2]
        >>> for weighting in ("iterated", "one_pass"):
        ...     result = weighted_deming(x, y, error_ratio=4, weighting=weighting)
        ...     print(f"{result['slope'].value:.6f}, {result['intercept'].value:.6f}")
        1.031228, -0.328376
        1.030927, -0.325120
    """
    return line_result(
        WEIGHTED_DEMING, reference, test, subject=subject, weights=weights, level_at=level_at,
        parameters={"error_ratio": error_ratio, "weighting": weighting}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip
