"""Passing-Bablok and Theil-Sen lines: middles of the slopes between all pairs of points.

They need no normal errors and little heed outliers. Passing-Bablok lines allow errors in both devices; the
Theil-Sen line takes the reference as free of error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method
from ..metric import Citation, Columns, Metric, MetricResult, Parameter, Sides
from .lines import EP09, LEVEL_AT, LineMetric, line_result, line_statistics
from .methods import DUFEY2020, PASSING1983
from .pair_lines import PairLinePrepared
from .pair_slopes import Kind, Middle
from .rows import Rows

_WITH_KENDALL = ("jackknife", "bootstrap_bca", "bootstrap_percentile", "kendall_t")
"""The first holds for subjects with several pairs; alone, they have the interval of ranks (`line_result`)."""

BABLOK1988 = Citation(
    "bablok1988",
    "Bablok W, Passing H, Bender R, Schneider B. A general regression procedure for method transformation. J "
    "Clin Chem Clin Biochem 1988;26:783-790.",
)
THEIL1950 = Citation(
    "theil1950",
    "Theil H. A rank-invariant method of linear and polynomial regression analysis. Proc K Ned Akad Wet "
    "1950;53:386-392, 521-525, 1397-1412.",
)
SEN1968 = Citation(
    "sen1968",
    "Sen PK. Estimates of the regression coefficient based on Kendall's tau. J Am Stat Assoc "
    "1968;63:1379-1389.",
)

MIDDLE = Parameter(
    "middle",
    "choice",
    "What is averaged where the number of slopes is even: the two middle slopes (`slope`, the default, as in "
    "the publications) or their angles (`angle`, the default of R's mcr).",
    default="slope",
    choices=("slope", "angle"),
)


class _PairLine(LineMetric):
    """Base of the lines that rank slopes."""

    route = "refit"
    parameters = (LEVEL_AT, MIDDLE)
    _kind: ClassVar[Kind]

    def _fitted(
        self, columns: Columns, names: tuple[str, ...], levels: tuple[float, ...], given: dict[str, Any]
    ) -> PairLinePrepared:
        return PairLinePrepared(
            rows=Rows.of(columns), statistics=names, levels=levels, kind=self._kind, how=given["middle"]
        )


class PassingBablok(_PairLine):
    """The line of 1983; the plain function is `passing_bablok`."""

    name = "passing_bablok"
    title = "Passing-Bablok regression"
    summary = "Line whose slope is the shifted median of the slopes between all pairs, for errors in both."
    statistics = line_statistics(
        "Passing-Bablok line (1983)",
        ("jackknife", "bootstrap_bca", "bootstrap_percentile", "passing_bablok"),
        bias_intervals=("bootstrap_bca", "bootstrap_percentile", "jackknife"),
    )
    citations = (PASSING1983, EP09)
    _kind = "classic"


class PassingBablokEquivariant(_PairLine):
    """The scale-equivariant line; the plain function is `passing_bablok_equivariant`."""

    name = "passing_bablok_equivariant"
    title = "Equivariant Passing-Bablok regression"
    summary = "Line whose slope is the median size of the slopes between all pairs, whatever the units."
    statistics = line_statistics("equivariant Passing-Bablok line", _WITH_KENDALL)
    citations = (BABLOK1988, DUFEY2020, EP09)
    _kind = "equivariant"


class TheilSen(_PairLine):
    """The median of slopes; the plain function is `theil_sen`."""

    name = "theil_sen"
    title = "Theil-Sen regression"
    summary = "Line whose slope is the median of the slopes between all pairs, for a reference without error."
    statistics = line_statistics("Theil-Sen line", _WITH_KENDALL)
    citations = (THEIL1950, SEN1968, DUFEY2020)
    _kind = "theil_sen"


PASSING_BABLOK = PassingBablok()
PASSING_BABLOK_EQUIVARIANT = PassingBablokEquivariant()
THEIL_SEN = TheilSen()
METRICS: tuple[Metric, ...] = (PASSING_BABLOK, PASSING_BABLOK_EQUIVARIANT, THEIL_SEN)


def passing_bablok(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    level_at: float | Sequence[float] | None = None,
    middle: Middle = "slope",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Passing-Bablok line (1983) of a test device on a reference that both have errors, near the identity.

    Of the slopes between all pairs of points, those of identical points and those of exactly -1 are left out;
    vertical ones count as larger than all others. With N slopes, K of them below -1, the slope is the middle
    of the ordered slopes shifted by K places (for even N the mean of the two middle ones); the intercept is
    the median of test - slope * reference. Slopes are ranked in exact arithmetic where the values have a
    limited number of decimals, so that ties and slopes of -1 are what they are.

    It supposes a linear relation, errors of the same kind in both devices, and a slope near 1: a change of
    the unit of one device changes more than the slope's unit. `passing_bablok_equivariant` has no such limit.

    Intervals: `passing_bablok` (default for slope and intercept where every subject has one pair: slopes at
    ranks M1 = (N - C) / 2 and N - M1 + 1, shifted by K, with C = z sqrt(n (n - 1) (2n + 5) / 18); pairs are
    taken for independent). That of the intercept puts the slope's bounds into the median of
    test - slope * reference: it carries the error of the slope only and covers less than its level where the
    reference comes near 0 (in simulations of 40 pairs 93% over 50 to 150, 92% over 1 to 5, 91% over 0 to 1);
    below 0 it is refused. `jackknife` (their default where subjects have several pairs) and the subject
    bootstrap (default for the bias; the fit is repeated for each replicate: minutes beyond some thousand
    pairs) know the subjects.

    Args:
        reference: (n,) reference values; at most 10,000, for all pairs are compared.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every pair is a subject of its own.
        weights: (n,) row weights; a slope counts by the product of both points' weights.
        level_at: Decision level or levels, in the unit of the measurement, at which the bias is wanted.
            Default: none.
        middle: What is averaged where the number of slopes is even: the two middle slopes (`slope`, as
            published) or their angles (`angle`, as R's `mcr` does unless told otherwise).
        ci: Interval method. Default: the first each statistic offers.
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
        Passing H, Bablok W. J Clin Chem Clin Biochem 1983;21:709-720. CLSI EP09c, 2018.

    Example:
        Peak flow, large against mini meter, first readings (Bland & Altman 1986, Table 1). Exactly, the slope
        is 115/108 and the intercept -875/36:

        >>> large = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
        >>> mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
        >>> result = passing_bablok(large, mini)
        >>> for name, estimate in result.items():
        ...     ends = estimate.interval
        ...     print(f"{name} {estimate.value:.4f} [{ends.lower:.4f}, {ends.upper:.4f}]")
        slope 1.0648 [0.8371, 1.3968]
        intercept -24.3056 [-178.0317, 82.9382]
    """
    return line_result(
        PASSING_BABLOK, reference, test, subject=subject, weights=weights, level_at=level_at,
        parameters={"middle": middle}, ci=ci, alone="passing_bablok", level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def passing_bablok_equivariant(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    level_at: float | Sequence[float] | None = None,
    middle: Middle = "slope",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Passing-Bablok line that does not depend on the units: slope = median of the sizes of all slopes.

    The slope has the sign of Kendall's tau; the intercept is the median of test - slope * reference.
    Identical points have no slope; vertical ones count as larger than all others. In R:
    `mcr::mcreg(method.reg = "PBequi", slope.measure = "tangent")`; elsewhere the "scissors" estimator.

    Intervals: `kendall_t` (default where every subject has one pair; Dufey 2020, t with pairs - 2 degrees of
    freedom; pairs are taken for independent), `jackknife` (default where subjects have several), subject
    bootstrap.

    Args:
        reference: (n,) reference values; at most 10,000, for all pairs are compared.
        test: (n,) values of the device under test.
        subject: (n,) subject labels. Default: every pair is a subject of its own.
        weights: (n,) row weights; a slope counts by the product of both points' weights.
        level_at: Decision level or levels at which the bias is wanted. Default: none.
        middle: What is averaged where the number of slopes is even; see `passing_bablok`.
        ci: Interval method. Default: `kendall_t` or `jackknife`, see above.
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
        Bablok W, Passing H, Bender R, Schneider B. J Clin Chem Clin Biochem 1988;26:783-790. Dufey F. Int J
        Biostat 2020;16(2):20190157.

    Example:
        >>> result = passing_bablok_equivariant([1, 2, 3, 4, 5, 6], [2.1, 4.0, 6.2, 7.9, 10.1, 12.0])
        >>> print(f"{result['slope'].value:.4f}, {result['intercept'].value:.4f}")
        1.9800, 0.1200
    """
    return line_result(
        PASSING_BABLOK_EQUIVARIANT, reference, test, subject=subject, weights=weights, level_at=level_at,
        parameters={"middle": middle}, ci=ci, alone="kendall_t", level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def theil_sen(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    level_at: float | Sequence[float] | None = None,
    middle: Middle = "slope",
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Theil-Sen line: slope = median of the slopes between all pairs whose references differ.

    The intercept is the median of test - slope * reference. As least squares it takes the reference as free
    of error, but outliers hardly move it.

    Intervals: `kendall_t` (default where every subject has one pair; Dufey 2020, t with pairs - 2 degrees of
    freedom; pairs are taken for independent), `jackknife` (default where subjects have several), subject
    bootstrap.

    Args:
        reference: (n,) reference values; at most 10,000, for all pairs are compared.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every pair is a subject of its own.
        weights: (n,) row weights; a slope counts by the product of both points' weights.
        level_at: Decision level or levels at which the bias is wanted. Default: none.
        middle: What is averaged where the number of slopes is even; see `passing_bablok`.
        ci: Interval method. Default: `kendall_t` or `jackknife`, see above.
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
        Theil H. Proc K Ned Akad Wet 1950;53:386-392. Sen PK. J Am Stat Assoc 1968;63:1379-1389. Interval:
        Dufey F. Int J Biostat 2020;16(2):20190157.

    Example:
        >>> result = theil_sen([1, 2, 3, 4, 5, 6], [1.2, 2.1, 2.9, 14.0, 5.1, 6.0], level_at=4)
        >>> print(f"{result['slope'].value:.4f}, {result['bias_at'].value:.4f}")
        0.9750, 0.0875
    """
    return line_result(
        THEIL_SEN, reference, test, subject=subject, weights=weights, level_at=level_at,
        parameters={"middle": middle}, ci=ci, alone="kendall_t", level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
