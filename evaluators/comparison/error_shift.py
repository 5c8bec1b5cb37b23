"""How the absolute errors of two versions differ along their whole distribution: a shift function.

Two versions with the same mean error may differ where it matters: one is a little better nearly everywhere
and far worse in its worst hundredth. The shift function holds the quantiles of one version's absolute errors
against the same quantiles of the other's (Doksum 1974; with intervals by deciles, Wilcox 1995; Rousselet,
Pernet & Wilcox 2017). Quantiles pool all units, each counted once; subjects are resampled, for both versions
at once, so that the interval knows that versions are paired and that units of one subject are not
independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..estimate import tidied
from ..functions import DEFAULT_SEED, arrange
from ..metric import CannotComputeError, Citation, FloatArray, IntArray, Interval
from ..ordered import Quantile, SortedRows
from ..resample import percentile
from ..weights import ResamplingWeights

WILCOX = Citation(
    "wilcox1995",
    "Wilcox RR. Comparing two independent groups via multiple quantiles. Statistician 1995;44:91-99.",
)
ROUSSELET = Citation(
    "rousselet2017",
    "Rousselet GA, Pernet CR, Wilcox RR. Beyond differences in means: robust graphical methods to compare "
    "two groups in neuroscience. Eur J Neurosci 2017;46:1738-1748.",
)

PROBABILITIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""The deciles, as the sources have it, and two quantiles of the large errors that harm."""

SHIFT_REPLICATES = 1_000
"""Replicates of the subject bootstrap. Each asks for every quantile of all rows; with so many the Monte-Carlo
error of a 95% bound is about 8% of the standard error, and it is stated."""

FEW_BEYOND = 10
"""Subjects with errors as large as a quantile below which its interval carries a warning.

Chosen by a simulation of this method: two versions with normal errors, subjects with a bias of their own and
a log-normal scale (SD of the logarithm 0.3 with 10, 20, 40, 60, 100 and 200 subjects; 0.6 with 10, 20, 40),
50 units each, 300 replicates with bounds by definition 7, 400 data sets a setting (389 in the last);
quantiles 0.5, 0.9, 0.95 and 0.99.
Where fewer than ten subjects reached the quantile on average, nominal 95% intervals held the true difference
in 79.2% to 93.0% of data sets; where ten or more did, in 89.5% to 96.8% (Monte-Carlo standard error 1 to 2
points). The limit is one of judgement: coverage grows steadily with the count, and is not restored at ten."""

_DEFINITION: Quantile = "type_7"
_FEWEST = 2


@dataclass(frozen=True)
class ShiftPoint:
    """One quantile of the absolute errors of two versions.

    Attributes:
        probability: Which quantile, 0 to 1.
        baseline: Its value for the baseline, in the unit of the measurement.
        candidate: For the candidate.
        difference: Candidate - baseline: negative where the candidate's errors are smaller.
        interval: Percentile interval of the difference; None where it has none.
        error: Why not.
    """

    probability: float
    baseline: float
    candidate: float
    difference: float
    interval: Interval | None
    error: str | None = None


@dataclass(frozen=True, eq=False)
class ErrorShift:
    """A shift function before a confidence level is asked for.

    Attributes:
        probabilities: The k quantiles' probabilities.
        baseline: (k,) quantiles of the baseline's absolute errors, NaN without units.
        candidate: (k,) of the candidate's.
        replicates: (B, k) differences candidate - baseline at resampled subjects.
        n_subjects: Subjects that have units.
        beyond: (k,) subjects with an error at or above the quantile, of the version that has fewer.
    """

    probabilities: tuple[float, ...]
    baseline: FloatArray
    candidate: FloatArray
    replicates: FloatArray
    n_subjects: int
    beyond: IntArray

    def at(self, level: float = 0.95) -> tuple[ShiftPoint, ...]:
        """Every quantile with its interval at a confidence level, each by itself.

        Args:
            level: Confidence level of each interval.

        Raises:
            ValueError: `level` is not acceptable.
        """
        return tuple(self._point(place, level) for place in range(len(self.probabilities)))

    def _point(self, place: int, level: float) -> ShiftPoint:
        first, second = float(self.baseline[place]), float(self.candidate[place])
        difference = second - first
        interval, error = None, self._reason(difference)
        try:
            if error is None:
                interval = tidied(percentile(self.replicates[:, place], level, "two"), difference)
                interval = self._warned(interval, place)
        except CannotComputeError as problem:
            error = str(problem)
        return ShiftPoint(self.probabilities[place], first, second, difference, interval, error)

    def _warned(self, interval: Interval, place: int) -> Interval:
        """The interval, with a warning where its quantile rests on few subjects; see `FEW_BEYOND`."""
        count = int(self.beyond[place])
        if count >= FEW_BEYOND:
            return interval
        whose = "only one subject has" if count == 1 else f"only {count} subjects have"
        note = f"In one version {whose} errors this large; the interval is probably too narrow."
        return replace(interval, warning=f"{interval.warning} {note}" if interval.warning else note)

    def _reason(self, difference: float) -> str | None:
        """Why there is no interval, whatever its level."""
        if not np.isfinite(difference):
            return "There are no units."
        return "An interval needs at least two subjects." if self.n_subjects < _FEWEST else None


@dataclass(frozen=True, eq=False)
class ErrorQuantiles:
    """Quantiles of one version's absolute errors, of the data and of every replicate.

    Attributes:
        estimate: (k,) of the data.
        replicates: (B, k) at resampled subjects.
        n_subjects: Subjects that have units.
        beyond: (k,) subjects with an error at or above the quantile.
    """

    estimate: FloatArray
    replicates: FloatArray
    n_subjects: int
    beyond: IntArray


def error_quantiles(
    errors: FloatArray,
    offsets: IntArray,
    weights: FloatArray,
    probabilities: Sequence[float] = PROBABILITIES,
) -> ErrorQuantiles:
    """Quantiles of absolute errors, pooled over units: sorted once, then read at any subject weights.

    Args:
        errors: (n,) absolute errors, sorted by subject.
        offsets: (S + 1,) first row of each subject.
        weights: (B, S) subject weights.
        probabilities: The quantiles' probabilities.
    """
    counts = np.diff(offsets)
    subject = np.repeat(np.arange(len(counts)), counts)
    rows = SortedRows.of(errors, subject, np.ones(len(errors)), len(counts), reads=len(probabilities))
    ones = np.ones((1, len(counts)))
    estimate = rows.quantiles(ones, probabilities, _DEFINITION)[0]
    return ErrorQuantiles(
        estimate,
        rows.quantiles(weights, probabilities, _DEFINITION),
        int(np.count_nonzero(counts)),
        _beyond(errors, offsets, estimate),
    )


def _beyond(errors: FloatArray, offsets: IntArray, quantiles: FloatArray) -> IntArray:
    """(k,) subjects whose largest error is at or above each quantile."""
    starts = offsets[:-1][np.diff(offsets) > 0]
    largest = np.maximum.reduceat(errors, starts) if len(starts) else np.empty(0)
    return np.asarray(
        np.count_nonzero(largest[:, None] >= quantiles, axis=0).astype(np.int64), dtype=np.int64
    )


def shift_of(
    baseline: ErrorQuantiles, candidate: ErrorQuantiles, probabilities: Sequence[float] = PROBABILITIES
) -> ErrorShift:
    """The shift function of two versions whose quantiles were read at the same weights."""
    return ErrorShift(
        tuple(probabilities),
        baseline.estimate,
        candidate.estimate,
        candidate.replicates - baseline.replicates,
        candidate.n_subjects,
        np.minimum(baseline.beyond, candidate.beyond),
    )


def error_shift(
    reference: ArrayLike,
    baseline: ArrayLike,
    candidate: ArrayLike,
    *,
    subject: Any = None,
    probabilities: Sequence[float] = PROBABILITIES,
    level: float = 0.95,
    replicates: int = SHIFT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> tuple[ShiftPoint, ...]:
    """The shift function of two versions' absolute errors on the same units, after Wilcox (1995).

    For each probability p the p-quantile of |candidate - reference| less that of |baseline - reference|, over
    all units (definition 7 of Hyndman & Fan 1996, NumPy's and R's default). The sources use the estimator of
    Harrell and Davis; a sample quantile is used here because it can be read exactly at any subject weights.
    Intervals are percentile intervals of a bootstrap of subjects that draws both versions together; each
    holds by itself, they are not adjusted for being several. With few subjects those of the outer quantiles,
    which rest on the few subjects with the largest errors, are too narrow: an interval carries a warning
    where fewer than ten subjects have errors as large as its quantile, in either version (`FEW_BEYOND`).

    Args:
        reference: (n,) values of the reference.
        baseline: (n,) values of the version to compare with, in the same unit.
        candidate: (n,) values of the version in question.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        probabilities: Which quantiles, each from 0 to 1. Default: the deciles, 0.95 and 0.99.
        level: Confidence level of each interval.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Returns:
        One point a quantile, in the order asked.

    Raises:
        ValueError: Lengths differ, a value is missing or no number, or a probability, the level or the number
            of replicates is not acceptable.

    Example:
        The candidate is a little better on small errors and much worse on the largest:

        >>> baseline, candidate = [61, 72, 77, 94, 62, 66], [61, 71, 79, 92, 61, 85]
        >>> reference, wanted = [60, 70, 80, 90, 60, 61], (0.25, 0.5, 1.0)
        >>> points = error_shift(reference, baseline, candidate, probabilities=wanted)
        >>> [(one.baseline, one.candidate, one.difference) for one in points]
        [(2.0, 1.0, -1.0), (2.5, 1.0, -1.5), (5.0, 24.0, 19.0)]
    """
    wanted = tuple(float(one) for one in probabilities)
    if not wanted or not all(0 <= one <= 1 for one in wanted):
        raise ValueError(f"`probabilities` must lie between 0 and 1, at least one; found {list(wanted)}.")
    truth = checks.measurements("reference", reference)
    first, second = checks.measurements("baseline", baseline), checks.measurements("candidate", candidate)
    checks.same_length(len(truth), {"baseline": first, "candidate": second})
    columns, keys = arrange(np.abs(first - truth), np.abs(second - truth), subject)
    offsets = columns.offsets
    weights = (
        ResamplingWeights(keys, seed=seed, replicates=replicates).matrix(keys) if keys else np.ones((1, 0))
    )
    one, two = (
        error_quantiles(values, offsets, weights, wanted) for values in (columns.reference, columns.test)
    )
    return shift_of(one, two, wanted).at(level)


@dataclass(frozen=True, eq=False)
class ErrorDensity:
    """How many units have which absolute error under either version.

    Attributes:
        edges: (k,) lower edge of each bin, from 0; the last bin has no upper edge.
        counts: (k, k) units, baseline's bin by candidate's bin.
    """

    edges: FloatArray
    counts: IntArray

    @property
    def step(self) -> float:
        """Width of a bin."""
        return float(self.edges[1])


def error_density(baseline: ArrayLike, candidate: ArrayLike, *, bins: int = 25) -> ErrorDensity:
    """Counts of units by their absolute error under two versions: a picture of all units without any of them.

    Bins are equally wide, a round number (1, 2, 2.5 or 5 times a power of ten), and reach the 99th percentile
    of the errors of both versions; what is larger is in the last one.

    Args:
        baseline: (n,) absolute errors of the baseline.
        candidate: (n,) of the candidate, the same units in the same order.
        bins: Number of bins along each side, at least 3.

    Raises:
        ValueError: Lengths differ, an error is negative or no number, or there are too few bins.

    Example:
        >>> found = error_density([0, 1, 1, 3, 9], [0, 2, 1, 1, 1], bins=4)
        >>> found.edges.tolist()
        [0.0, 5.0, 10.0, 15.0]
        >>> found.counts[:2, :2].tolist()
        [[4, 0], [1, 0]]
    """
    first, second = np.asarray(baseline, dtype=np.float64), np.asarray(candidate, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(
            f"`baseline` and `candidate` must be as long as each other, not {first.shape} and {second.shape}."
        )
    if bins < 3:
        raise ValueError(f"`bins` must be at least 3, not {bins}.")
    if not (np.all(first >= 0) and np.all(second >= 0)):
        raise ValueError("Absolute errors are numbers of at least 0.")
    edges = np.round(np.arange(bins) * (step := _step(first, second, bins - 1)), _decimals(step))
    places = [np.searchsorted(edges, values, side="right") - 1 for values in (first, second)]
    counts = np.bincount(places[0] * bins + places[1], minlength=bins * bins).reshape(bins, bins)
    return ErrorDensity(edges, counts.astype(np.int64))


def _step(first: FloatArray, second: FloatArray, bins: int) -> float:
    """A round width of which so many bins hold 99% of the errors."""
    reach = max((float(np.quantile(values, 0.99)) for values in (first, second) if len(values)), default=0.0)
    if reach <= 0:
        reach = max((float(values.max()) for values in (first, second) if len(values)), default=0.0) or 1.0
    power = 10.0 ** np.floor(np.log10(reach / bins))
    return float(next(size * power for size in (1, 2, 2.5, 5, 10) if size * power * bins >= reach))


def _decimals(step: float) -> int:
    """Decimals that write a round width exactly."""
    return max(0, 2 - int(np.floor(np.log10(step))))
