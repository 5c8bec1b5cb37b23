"""Least squares and Deming lines of a test device on a reference, with the bias at decision levels.

A line says how a bias changes with level, which a mean difference cannot. Which line fits depends on where
the errors are: least squares takes the reference as free of error, Deming's line divides it between both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method
from ..metric import Citation, Columns, Metric, MetricResult, Sides
from .lines import EP09, ERROR_RATIO, LEVEL_AT, LineMetric, line_result, line_statistics
from .methods import CORNBLEET1979, DRAPER1998, LINNET1993
from .sums import Line, LinePrepared, prepare_line

_INTERVALS = ("jackknife", "cluster_t", "bootstrap_bca", "bootstrap_percentile", "model_t")

DEMING1943 = Citation("deming1943", "Deming WE. Statistical Adjustment of Data. Wiley 1943, ch. 11.")


class _MomentsLine(LineMetric):
    """Base of the lines that are formulas of sums."""

    route = "additive"
    _line: ClassVar[Line] = "least_squares"
    _inverse_square: ClassVar[bool] = False

    def _fitted(
        self, columns: Columns, names: tuple[str, ...], levels: tuple[float, ...], given: dict[str, Any]
    ) -> LinePrepared:
        return prepare_line(
            columns,
            line=self._line,
            names=names,
            levels=levels,
            error_ratio=float(given.get("error_ratio", 1.0)),
            inverse_square=self._inverse_square,
        )


class OrdinaryLeastSquares(_MomentsLine):
    """Least squares; the plain function is `ordinary_least_squares`."""

    name = "ordinary_least_squares"
    title = "Ordinary least squares"
    summary = "Line of test on reference with the smallest squared vertical distances."
    statistics = line_statistics("least-squares line", _INTERVALS)
    parameters = (LEVEL_AT,)
    citations = (DRAPER1998, EP09)


class WeightedLeastSquares(_MomentsLine):
    """Least squares weighted by 1 / reference^2; the plain function is `weighted_least_squares`."""

    name = "weighted_least_squares"
    title = "Weighted least squares"
    summary = "Line of test on reference by least squares, each pair weighted by 1 / reference^2."
    statistics = line_statistics("least-squares line weighted by 1 / reference^2", _INTERVALS)
    parameters = (LEVEL_AT,)
    citations = (DRAPER1998, EP09)
    _inverse_square = True


class Deming(_MomentsLine):
    """Deming's line; the plain function is `deming`."""

    name = "deming"
    title = "Deming regression"
    summary = "Line through pairs in which both devices have errors, of a known ratio of variances."
    statistics = line_statistics("Deming line", _INTERVALS)
    parameters = (LEVEL_AT, ERROR_RATIO)
    citations = (DEMING1943, CORNBLEET1979, LINNET1993, EP09)
    _line = "deming"


ORDINARY_LEAST_SQUARES = OrdinaryLeastSquares()
WEIGHTED_LEAST_SQUARES = WeightedLeastSquares()
DEMING = Deming()
METRICS: tuple[Metric, ...] = (ORDINARY_LEAST_SQUARES, WEIGHTED_LEAST_SQUARES, DEMING)


def ordinary_least_squares(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    level_at: float | Sequence[float] | None = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Least-squares line of test on reference: slope = Sxy / Sxx, intercept = mean(y) - slope * mean(x).

    It takes the reference as free of error; errors of the reference flatten it. Where both devices have
    errors use `deming`.

    Intervals: `jackknife` (default: over subjects, subjects - 2 degrees of freedom), `cluster_t`
    (linearised), subject bootstrap; `model_t` is the textbook interval (R: `confint(lm(test ~ reference))`),
    which takes pairs for independent and their scatter as equal at all levels.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every pair is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        level_at: Decision level or levels, in the unit of the measurement, at which the bias is wanted.
            Default: none.
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
        ValueError: Any other argument is not acceptable.

    References:
        Draper NR, Smith H. Applied Regression Analysis. 3rd ed. Wiley 1998, ch. 1. CLSI EP09c, 2018.

    Example:
        >>> result = ordinary_least_squares([1, 2, 3, 4], [1.1, 2.3, 2.9, 4.1], level_at=2.5, ci="model_t")
        >>> print(f"{result['slope'].value:.2f}, {result['intercept'].value:.2f}")
        0.96, 0.20
        >>> print(f"{result['bias_at'].value:.2f}")
        0.10
    """
    return line_result(
        ORDINARY_LEAST_SQUARES, reference, test, subject=subject, weights=weights, level_at=level_at,
        parameters={}, ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def weighted_least_squares(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    level_at: float | Sequence[float] | None = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Least-squares line of test on reference with each pair weighted by 1 / reference^2.

    For a test whose scatter grows in proportion to the level, and a reference free of error. A reference of
    zero or below makes it undefined.

    Args:
        reference: (n,) reference values, positive.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every pair is a subject of its own.
        weights: (n,) further row weights, multiplied with 1 / reference^2; only ratios matter.
        level_at: Decision level or levels; see `ordinary_least_squares`. Default: none.
        ci: Interval method, as for `ordinary_least_squares`. Default: `jackknife`; `model_t` is R's
            `confint(lm(test ~ reference, weights = 1 / reference^2))`.
        level: Confidence level of the intervals.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `slope`, `intercept`, and the biases at the decision levels.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Any other argument is not acceptable.

    References:
        Draper NR, Smith H. Applied Regression Analysis. 3rd ed. Wiley 1998, ch. 9. CLSI EP09c, 2018.

    Example:
        >>> result = weighted_least_squares([1, 2, 4, 8], [1.1, 2.1, 4.4, 8.3])
        >>> print(f"{result['slope'].value:.4f}, {result['intercept'].value:.4f}")
        1.0511, 0.0443
        >>> weighted_least_squares([0, 1, 2], [0, 1, 2])["slope"].error
        'The reference is zero or below in 1 rows; weights of 1 / reference^2 need it positive.'
    """
    return line_result(
        WEIGHTED_LEAST_SQUARES, reference, test, subject=subject, weights=weights, level_at=level_at,
        parameters={}, ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def deming(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    level_at: float | Sequence[float] | None = None,
    error_ratio: float = 1.0,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Deming's line: both devices have errors, whose ratio of variances is known.

    With x the reference, y the test, and lambda = variance of the errors of x / variance of the errors of y:

        slope = (lambda Syy - Sxx + sqrt((Sxx - lambda Syy)^2 + 4 lambda Sxy^2)) / (2 lambda Sxy)
        intercept = mean(y) - slope * mean(x)

    lambda = 1 is orthogonal regression; lambda towards 0 (a reference without error) is least squares. The
    direction is that of R's `mcr` and `SimplyAgree`; `MethComp` states the inverse.

    Intervals: `jackknife` (default: over subjects, subjects - 2 degrees of freedom; without `subject` this is
    Linnet's jackknife over pairs), `cluster_t` (linearised), subject bootstrap; `model_t` with the standard
    error slope * sqrt((1 / r^2 - 1) / (n - 2)), which takes pairs for independent and normal.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every pair is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        level_at: Decision level or levels, in the unit of the measurement, at which the bias is wanted.
            Default: none.
        error_ratio: lambda, from replicates of both devices. Default 1: both measure equally well.
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
        ParameterError: `error_ratio` is not a positive number.
        ValueError: Any other argument is not acceptable.

    References:
        Deming WE. Statistical Adjustment of Data. Wiley 1943. Cornbleet PJ, Gochman N. Clin Chem
        1979;25:432-438. Linnet K. Clin Chem 1993;39:424-432. CLSI EP09c, 2018.

    Example:
        Peak flow, large against mini meter, first readings (Bland & Altman 1986, Table 1); R's
        `mcr::mcreg(large, mini, method.reg = "Deming", method.ci = "analytical")` gives a slope of 0.97088
        [0.78282, 1.15894]:

        >>> large = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
        >>> mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
        >>> result = deming(large, mini, level_at=[200, 600], ci="model_t")
        >>> interval = result["slope"].interval
        >>> print(f"{result['slope'].value:.5f} [{interval.lower:.5f}, {interval.upper:.5f}]")
        0.97088 [0.78282, 1.15894]
        >>> print(f"{result['bias_at_200'].value:.2f}, {result['bias_at_600'].value:.2f}")
        9.41, -2.24
    """
    return line_result(
        DEMING, reference, test, subject=subject, weights=weights, level_at=level_at,
        parameters={"error_ratio": error_ratio}, ci=ci, level=level, sides=sides, replicates=replicates,
        seed=seed,
    )  # fmt: skip
