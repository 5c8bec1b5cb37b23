"""Tests that a mean difference test - reference lies within bounds stated beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..functions import measured
from ..intervals import t_interval
from ..metric import Average, CannotComputeError, Citation
from ..result import number
from .mean_differences import MEAN_DIFFERENCE

SCHUIRMANN = Citation(
    "schuirmann1987",
    "Schuirmann DJ. A comparison of the two one-sided tests procedure and the power approach for assessing "
    "the equivalence of average bioavailability. J Pharmacokinet Biopharm 1987;15:657-680.",
)


@dataclass(frozen=True)
class OneSided:
    """A one-sided t test of the mean difference against a bound.

    Attributes:
        bound: The bound, in the unit of the measurement.
        t: (difference - bound) / standard error.
        p: Its p value; small where the difference lies on the good side of the bound.
    """

    bound: float
    t: float
    p: float


@dataclass(frozen=True)
class MeanTest:
    """What a test of equivalence or non-inferiority found.

    Attributes:
        test: Its name.
        difference: Mean of test - reference.
        standard_error: Its standard error, subjects as clusters.
        df: Degrees of freedom: subjects - 1.
        interval: The interval that decides the same: level 1 - 2 alpha, two-sided; for non-inferiority only
            the tested end is finite.
        lower: The test against the lower bound, None where there is none.
        upper: The test against the upper bound, None where there is none.
        p: The p value: the larger of those there are.
        alpha: Significance level.
        n_subjects: Subjects.
        n_units: Rows.
        average: What counted once.
    """

    test: Literal["equivalence", "non-inferiority"]
    difference: float
    standard_error: float
    df: int
    interval: tuple[float, float]
    lower: OneSided | None
    upper: OneSided | None
    p: float
    alpha: float
    n_subjects: int
    n_units: int
    average: Average

    @property
    def shown(self) -> bool:
        """Whether the difference is shown to lie within the bounds."""
        return self.p < self.alpha

    def __str__(self) -> str:
        ends = " to ".join(number(end) for end in self.interval)
        size = 1 - (2 * self.alpha if self.test == "equivalence" else self.alpha)
        sides = "two-sided" if self.test == "equivalence" else "one-sided"
        lines = [
            f"{self.test.capitalize()} of means, test - reference (average={self.average}): "
            f"{'shown' if self.shown else 'not shown'} at alpha {self.alpha:g}, p = {number(self.p)}",
            f"mean difference {number(self.difference)}, standard error {number(self.standard_error)}, "
            f"{self.df:,} degrees of freedom ({self.n_subjects:,} subjects, {self.n_units:,} rows)",
            f"{100 * size:.6g}% interval, {sides}: {ends}",
        ]
        for name, part in (("above", self.lower), ("below", self.upper)):
            if part is not None:
                lines.append(f"{name} {number(part.bound)}: t = {number(part.t)}, p = {number(part.p)}")
        lines.append(f"Source: {SCHUIRMANN.text}")
        return "\n".join(lines)


def equivalence_test(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    lower: float,
    upper: float,
    average: Average = "pooled",
    alpha: float = 0.05,
) -> MeanTest:
    """Two one-sided tests that the mean difference test - reference lies within bounds (Schuirmann 1987).

    t against each bound with the linearised standard error of subjects as clusters and subjects - 1 degrees
    of freedom; with one row a subject they are paired t tests (R: `t.test(test, reference, paired = TRUE,
    mu = lower, alternative = "greater")` and the mirror image). Equivalence is shown at alpha where both are
    significant, which is where the interval of level 1 - 2 alpha lies within the bounds.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        lower: Smallest difference that is still equivalent, in the unit of the measurement.
        upper: Largest difference that is still equivalent.
        average: `pooled` (every row once) or `subject_mean` (every subject's mean difference once).
        alpha: Significance level of each of the two tests, and of both together.

    Returns:
        Difference, both tests, the deciding interval; `shown` says whether equivalence is shown.

    Raises:
        CannotComputeError: Fewer than two subjects, or their differences do not vary.
        ValueError: The bounds are not in order, or any other argument is not acceptable.

    References:
        Schuirmann DJ. J Pharmacokinet Biopharm 1987;15:657-680.

    Example:
        >>> reference = [62, 71, 58, 80, 75, 66, 90, 69]
        >>> found = equivalence_test(reference, [63, 70, 59, 82, 75, 65, 92, 70], lower=-2, upper=2)
        >>> print(f"p = {found.p:.4f}, {found.interval[0]:.2f} to {found.interval[1]:.2f}, {found.shown}")
        p = 0.0068, -0.17 to 1.42, True
    """
    if not (np.isfinite(lower) and np.isfinite(upper) and lower < upper):
        raise ValueError(f"`lower` and `upper` must be numbers in that order, not {lower!r} and {upper!r}.")
    return _tested(reference, test, subject, weights, bounds=(lower, upper), average=average, alpha=alpha)


def non_inferiority_test(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    margin: float,
    better: Literal["higher", "lower"] = "higher",
    average: Average = "pooled",
    alpha: float = 0.025,
) -> MeanTest:
    """One-sided t test that the mean of the test is not worse than that of the reference by the margin.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        margin: Largest difference for the worse that is accepted, 0 or above; 0 tests superiority.
        better: Whether `higher` values are better (test - reference above -margin is shown) or `lower` ones
            (below margin).
        average: `pooled` (every row once) or `subject_mean` (every subject's mean difference once).
        alpha: One-sided significance level; 0.025 is the convention of trials, as one end of a 95% interval.

    Returns:
        Difference, the test, the deciding bound; `shown` says whether non-inferiority is shown.

    Raises:
        CannotComputeError: Fewer than two subjects, or their differences do not vary.
        ValueError: The margin is negative, or any other argument is not acceptable.

    References:
        Schuirmann DJ. J Pharmacokinet Biopharm 1987;15:657-680 (each of the two tests).

    Example:
        >>> reference = [62, 71, 58, 80, 75, 66, 90, 69]
        >>> found = non_inferiority_test(reference, [63, 70, 59, 82, 75, 65, 92, 70], margin=1)
        >>> print(f"p = {found.p:.4f}, above {found.interval[0]:.2f}, {found.shown}")
        p = 0.0031, above -0.37, True
    """
    if not (np.isfinite(margin) and margin >= 0):
        raise ValueError(f"`margin` must be 0 or a positive number, not {margin!r}.")
    if better not in ("higher", "lower"):
        raise ValueError(f"`better` must be higher or lower, not {better!r}.")
    bounds = (-margin, None) if better == "higher" else (None, margin)
    return _tested(reference, test, subject, weights, bounds=bounds, average=average, alpha=alpha)


def _tested(
    reference: ArrayLike,
    test: ArrayLike,
    subject: ArrayLike | None,
    weights: ArrayLike | None,
    *,
    bounds: tuple[float | None, float | None],
    average: Average,
    alpha: float,
) -> MeanTest:
    if average not in MEAN_DIFFERENCE.averages:
        raise ValueError(f"`average` must be one of {', '.join(MEAN_DIFFERENCE.averages)}, not {average!r}.")
    if not 0 < alpha < 0.25:
        raise ValueError(f"`alpha` must lie between 0 and 0.25, for example 0.05, not {alpha!r}.")
    columns, _ = measured(reference, test, subject, weights)
    prepared = MEAN_DIFFERENCE.prepare(columns, average=average)
    counts = prepared.counts("mean_difference")
    if counts.n_subjects < 2:
        raise CannotComputeError("A test of a mean difference needs at least two subjects.")
    difference, error = float(prepared.estimate()[0]), prepared.standard_error("mean_difference")
    if prepared.interval("mean_difference", "cluster_t", 0.95, "two").degenerate:
        raise CannotComputeError("The subjects' differences do not vary; no test is possible.")
    df = counts.n_subjects - 1
    lower = None if bounds[0] is None else _one_sided(difference, error, df, bounds[0], sign=1)
    upper = None if bounds[1] is None else _one_sided(difference, error, df, bounds[1], sign=-1)
    ends = t_interval(difference, error, df, 1 - 2 * alpha, "two")
    both = lower is not None and upper is not None
    return MeanTest(
        test="equivalence" if both else "non-inferiority",
        difference=difference,
        standard_error=error,
        df=df,
        interval=(
            float(ends[0]) if lower is not None else -np.inf,
            float(ends[1]) if upper is not None else np.inf,
        ),
        lower=lower,
        upper=upper,
        p=max(part.p for part in (lower, upper) if part is not None),
        alpha=alpha,
        n_subjects=counts.n_subjects,
        n_units=counts.n_units,
        average=average,
    )


def _one_sided(difference: float, error: float, df: int, bound: float, *, sign: int) -> OneSided:
    t = (difference - bound) / error
    return OneSided(bound, t, float(special.stdtr(df, -sign * t)))
