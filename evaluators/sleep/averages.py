"""Means over subjects of values that some subjects do not have, with t and bootstrap intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..intervals import t_interval, tail_levels
from ..metric import CannotComputeError, FloatArray, Interval
from ..resample import bca, percentile
from ..weights import ResamplingWeights

AverageInterval = Literal["t", "percentile", "bca", "basic"]
_METHODS = ("t", "percentile", "bca", "basic")
TOO_FEW = "An interval of a mean over subjects needs two subjects with a value; there are {n}."


@dataclass(frozen=True)
class SubjectAverage:
    """Means over the subjects that have a value, in any shape.

    Attributes:
        mean: Mean of the subjects' values; NaN where no subject has one.
        sd: Their standard deviation, n - 1.
        n: Subjects that have a value.
        lower: Lower end of the interval of the mean; NaN where there is none.
        upper: Upper end.
        level: Confidence level.
        method: `t`, `percentile`, `bca` or `basic`.
        reasons: Flat position -> why there is no mean or no interval.
    """

    mean: FloatArray
    sd: FloatArray
    n: FloatArray
    lower: FloatArray
    upper: FloatArray
    level: float
    method: AverageInterval
    reasons: dict[int, str]

    def reshaped(self, start: int, shape: tuple[int, ...]) -> SubjectAverage:
        """A part of a row of averages, in its own shape."""
        size = int(np.prod(shape, dtype=np.int64))

        def cut(values: FloatArray) -> FloatArray:
            return values[start : start + size].reshape(shape)

        reasons = {i - start: text for i, text in self.reasons.items() if start <= i < start + size}
        mean, sd, n, lower, upper = map(cut, (self.mean, self.sd, self.n, self.lower, self.upper))
        return SubjectAverage(mean, sd, n, lower, upper, self.level, self.method, reasons)


def averages(
    values: FloatArray,
    keys: tuple[str, ...],
    bounds: FloatArray,
    *,
    ci: AverageInterval,
    level: float,
    replicates: int,
    seed: int,
) -> SubjectAverage:
    """Means of the columns over subjects.

    Args:
        values: (S, C), a row a subject; NaN where it has no value.
        keys: The subjects, for the seed of the bootstrap.
        bounds: (2, C) smallest and largest possible value; intervals end there.
        ci: `t` (n - 1 of the subjects with a value), or a bootstrap of subjects, all columns on the same
            replicates: `percentile`, `bca`, or `basic` (2 mean - quantile).
        level: Confidence level.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: `ci` or `level` is not acceptable.

    Example:
        >>> one = averages(np.array([[0.5], [0.7], [np.nan]]), ("a", "b", "c"), np.array([[0.0], [1.0]]),
        ...     ci="t", level=0.95, replicates=1, seed=1)
        >>> float(one.mean[0]), int(one.n[0])
        (0.6, 2)
    """
    if ci not in _METHODS:
        raise ValueError(f"`ci` must be one of {', '.join(_METHODS)}, not {ci!r}.")
    tail_levels(level, "two")
    known = np.isfinite(values)
    n = known.sum(axis=0).astype(np.float64)
    filled = np.where(known, values, 0.0)
    with np.errstate(all="ignore"):
        mean = filled.sum(axis=0) / n
        sd = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / (n - 1))
        sd[n < 2] = np.nan
    lower, upper = np.full(len(n), np.nan), np.full(len(n), np.nan)
    reasons = {int(i): TOO_FEW.format(n=int(n[i])) for i in np.flatnonzero(n < 2)}
    usable = np.flatnonzero(n >= 2)
    if ci == "t":
        if len(usable):
            ends = t_interval(mean[usable], (sd / np.sqrt(n))[usable], n[usable] - 1, level, "two")
            lower[usable], upper[usable] = (np.atleast_1d(end) for end in ends)
    elif len(usable):
        drawn = _replicates(filled, known, keys, replicates, seed)
        for i in usable:
            try:
                one = _bootstrapped(drawn[:, i], mean[i], filled[:, i], known[:, i], ci=ci, level=level)
                lower[i], upper[i] = one.lower, one.upper
            except CannotComputeError as problem:
                reasons[int(i)] = str(problem)
    return SubjectAverage(
        mean, sd, n, np.maximum(lower, bounds[0]), np.minimum(upper, bounds[1]), level, ci, reasons
    )


def _replicates(filled: FloatArray, known: Any, keys: tuple[str, ...], count: int, seed: int) -> FloatArray:
    """(B, C) means over resampled subjects: those that have a value, as often as they were drawn."""
    gaps = ~known.all(axis=0)
    sums, often = np.empty((count, filled.shape[1])), np.full((count, filled.shape[1]), float(len(keys)))
    for start, weights in ResamplingWeights(keys, seed=seed, replicates=count).chunks(keys):
        rows = slice(start, start + len(weights))
        sums[rows] = weights @ filled
        if np.any(gaps):
            often[rows, gaps] = weights @ known[:, gaps].astype(np.float64)
    with np.errstate(all="ignore"):
        return np.asarray(sums / often)


def _bootstrapped(
    drawn: FloatArray, mean: float, filled: FloatArray, known: Any, *, ci: AverageInterval, level: float
) -> Interval:
    if ci == "bca":
        n = known.sum()
        return bca(drawn, mean, ((filled.sum() - filled) / (n - 1))[known], level, "two")
    found = percentile(drawn, level, "two")
    return found if ci == "percentile" else basic(found, mean)


def basic(found: Interval, estimate: float) -> Interval:
    """The basic (reversed percentile) interval from the percentile interval of the same replicates.

    2 estimate - quantile (Davison & Hinkley 1997, eq. 5.6), as R's `boot.ci(type = "basic")`.
    """
    error = found.mc_error
    return Interval(
        2 * estimate - found.upper,
        2 * estimate - found.lower,
        found.level,
        found.sides,
        "bootstrap_basic",
        None if error is None else (error[1], error[0]),
        degenerate=found.degenerate,
        undefined_share=found.undefined_share,
        warning=found.warning,
    )
