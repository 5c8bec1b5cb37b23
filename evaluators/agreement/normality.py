"""Are the differences normal? The Shapiro-Wilk test, which limits of agreement rest on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from .. import checks
from ..functions import DEFAULT_SEED, evaluate, measured
from ..metric import (
    Average,
    CannotComputeError,
    Citation,
    Columns,
    Counts,
    FloatArray,
    IntArray,
    Interval,
    Metric,
    MetricResult,
    Prepared,
    Sides,
    Statistic,
)
from .limits import differences

SMALLEST, LARGEST = 3, 5000
"""Numbers of differences between which the Shapiro-Wilk test is defined (Royston 1995)."""

SHAPIRO = Citation(
    "shapiro1965",
    "Shapiro SS, Wilk MB. An analysis of variance test for normality (complete samples). Biometrika "
    "1965;52:591-611.",
)
ROYSTON = Citation(
    "royston1995",
    "Royston P. Remark AS R94: a remark on algorithm AS 181: the W-test for normality. Appl Stat "
    "1995;44:547-551.",
)


@dataclass(frozen=True, eq=False)
class NormalityPrepared(Prepared):
    """Differences of one slice for the Shapiro-Wilk test; see `Prepared`."""

    difference: FloatArray
    offsets: IntArray
    statistics: tuple[str, ...] = ("w", "p")
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_subjects", len(self.offsets) - 1)

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """W and p with each subject's rows as often as its whole-number weight says; else NaN."""
        if weights.ndim != 2 or weights.shape[1] != self.n_subjects:
            raise ValueError(
                f"`weights` is {weights.shape}; one column for each of {self.n_subjects} subjects is needed."
            )
        result = np.full((len(weights), 2), np.nan)
        lengths = np.diff(self.offsets)
        for i, row in enumerate(weights):
            counts = np.rint(row)
            if relative and np.all(row[lengths > 0] == row[lengths > 0].max(initial=0)):
                counts = np.ones(len(row))
            elif relative or np.any(counts != row):
                continue
            result[i] = _shapiro(np.repeat(self.difference, np.repeat(counts.astype(np.int64), lengths)))
        return result

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, and rows."""
        del statistic
        return Counts(int(np.count_nonzero(np.diff(self.offsets))), len(self.difference))

    def reason_undefined(self, statistic: str) -> str:
        """Too few or too many differences, or differences that do not vary."""
        del statistic
        n = len(self.difference)
        if not SMALLEST <= n <= LARGEST:
            return f"The Shapiro-Wilk test is defined for {SMALLEST} to {LARGEST:,} differences, not {n:,}."
        return "The differences do not vary."

    def warning(self, statistic: str) -> str | None:
        """Rows are taken for independent."""
        if statistic == "p" and np.any(np.diff(self.offsets) > 1):
            return "The test takes pairs for independent, and subjects have several."
        return None

    def standard_error(self, statistic: str) -> float:
        """A test has none."""
        del statistic
        return float("nan")

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """A test has none.

        Raises:
            CannotComputeError: Always.
        """
        raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")


def _shapiro(difference: FloatArray) -> tuple[float, float]:
    """W and p; NaN where they are undefined."""
    size = float(np.abs(difference).max(initial=0.0))
    if not SMALLEST <= len(difference) <= LARGEST or float(np.ptp(difference)) <= 1e-14 * size:
        return float("nan"), float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = stats.shapiro(difference)
    return float(found.statistic), float(found.pvalue)


class NormalityOfDifferences(Metric):
    """Shapiro-Wilk test of the differences; the plain function is `normality_of_differences`."""

    name: ClassVar[str] = "normality_of_differences"
    title: ClassVar[str] = "Normality of differences"
    summary: ClassVar[str] = "Shapiro-Wilk test of whether differences test - reference are normal."
    kind = "measurement"
    route = "refit"
    headline = "w"
    figure = "bland_altman"
    statistics = (
        Statistic(
            "w",
            "Shapiro-Wilk W",
            "How straight the ordered differences lie on normal order statistics; 1 is normal.",
            "none",
            "higher",
            (),
        ),
        Statistic(
            "p", "Shapiro-Wilk test, p", "P-value of W by Royston's approximation.", "none", "none", ()
        ),
    )
    citations = (SHAPIRO, ROYSTON)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> NormalityPrepared:
        """Take the differences; see `Metric.prepare`."""
        if average != "pooled":
            raise ValueError("`normality_of_differences` has no `average`; every pair counts once.")
        checks.parameters(self, parameters)
        columns = checks.measurement_columns(columns)
        if columns.weights is not None:
            raise ValueError("The Shapiro-Wilk test has no row weights.")
        return NormalityPrepared(differences(columns), columns.offsets)


NORMALITY_OF_DIFFERENCES = NormalityOfDifferences()
METRICS: tuple[Metric, ...] = (NORMALITY_OF_DIFFERENCES,)


def normality_of_differences(
    reference: ArrayLike, test: ArrayLike, *, subject: ArrayLike | None = None
) -> MetricResult:
    """Shapiro-Wilk test of the differences test - reference.

    For 3 to 5,000 differences, taken for independent; a warning says so where subjects have several. Limits
    of agreement mean what they say only where the differences are close to normal; a small p-value points to
    another scale (`bland_altman_percent`, `bland_altman_ratio`) or to `nonparametric_limits`.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.

    Returns:
        `w` and `p`, without intervals.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.

    References:
        Shapiro SS, Wilk MB. Biometrika 1965;52:591-611. Royston P. Appl Stat 1995;44:547-551.

    Example:
        Peak flow of Bland & Altman 1986, first readings; `shapiro.test(mini - large)` in R:

        >>> large = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
        >>> mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
        >>> result = normality_of_differences(large, mini)
        >>> round(result["w"].value, 4), round(result["p"].value, 4)
        (0.9579, 0.5931)
    """
    columns, keys = measured(reference, test, subject, None)
    return evaluate(
        NORMALITY_OF_DIFFERENCES, columns, keys, average="pooled", parameters={}, ci=None, level=0.95,
        sides="two", replicates=1, seed=DEFAULT_SEED,
    )  # fmt: skip
