"""Intervals that hold together: of several subgroups, or several differences, all at one confidence level.

Each of twenty 95% intervals misses in one study of twenty; that any of them misses is then likely.
Simultaneous intervals are wider, so that all of them hold together in 95% of studies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..intervals import METHODS, tail_levels
from ..metric import CannotComputeError, FloatArray, Interval, Sides
from ..resample import UNDEFINED_LIMIT, percentile
from ..result import interval_label, number
from .multiplicity import checked_names

Method = Literal["max_t", "bonferroni"]

_NO_SPREAD = 1e-14


@dataclass(frozen=True)
class SimultaneousIntervals:
    """Estimates with intervals of one joint level.

    Attributes:
        names: Names of the estimates.
        estimates: The estimates.
        standard_errors: What the intervals are multiples of.
        critical: The multiple.
        intervals: The intervals, in the same order; their `level` is that of all together.
        adjusted_p: p values that an estimate is 0 (with one bound: 0 or on the other side of it), adjusted
            for all of them: below 1 - level where the interval excludes 0, up to Monte-Carlo error.
    """

    names: tuple[str, ...]
    estimates: tuple[float, ...]
    standard_errors: tuple[float, ...]
    critical: float
    intervals: tuple[Interval, ...]
    adjusted_p: tuple[float, ...]

    def __getitem__(self, name: str) -> Interval:
        try:
            return self.intervals[self.names.index(name)]
        except ValueError:
            raise KeyError(f"no estimate {name!r}; there are {', '.join(self.names)}") from None

    def __str__(self) -> str:
        first = self.intervals[0]
        lines = [f"{len(self.names)} estimates together, {interval_label(first)}: {number(self.critical)} SE"]
        lines += [
            f"{name}: {number(value)} [{number(one.lower)}, {number(one.upper)}], adjusted p = {number(p)}"
            for name, value, one, p in zip(
                self.names, self.estimates, self.intervals, self.adjusted_p, strict=True
            )
        ]
        return "\n".join([*lines, *(f"Source: {source.text}" for source in METHODS[first.method].citations)])


def simultaneous_intervals(
    estimates: ArrayLike,
    replicates: ArrayLike,
    *,
    method: Method = "max_t",
    standard_errors: ArrayLike | None = None,
    df: float | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    names: Sequence[str] | None = None,
) -> SimultaneousIntervals:
    """Intervals of k estimates that hold together, from bootstrap replicates at shared subject weights.

    Each is its estimate plus and minus c standard errors, with one c for all:

    - `max_t` (default): c is the quantile of the largest studentised deviation over all estimates, replicate
      by replicate: max |replicate - estimate| / (standard deviation of the replicates). It knows how the
      estimates move together, so it is narrower than `bonferroni` where subgroups share subjects or a
      comparator, and never much wider.
    - `bonferroni`: c is the normal quantile with an error of (1 - level) / k each; for any dependence.

    Every row of `replicates` must come from the same subject weights for all columns, as
    `prepared.at(weights)` gives them; replicates drawn separately for each subgroup hide the dependence.

    Args:
        estimates: (k,) estimates, such as differences of subgroups from the others.
        replicates: (B, k) replicates of the same, B at least some thousand.
        method: Which c.
        standard_errors: (k,) above 0, such as linearised ones. Default: the replicates' standard deviations;
            with `df` times sqrt((df + 1) / df), which a bootstrap of so few subjects varies too little by.
        df: Degrees of freedom of the standard errors, usually subjects - 1: c is raised from the normal to
            Student's t distribution; without it few subjects give intervals that are too narrow. Default:
            infinite.
        level: The confidence level of all together.
        sides: `two`, or the one bound wanted of each.
        names: Names of the estimates. Default: H1, H2, ...

    Raises:
        CannotComputeError: An estimate is undefined, more than 1% of replicates are, an estimate does not
            vary over the replicates, or there are too few for the level. Leaving such an estimate out changes
            the family and is the caller's to declare.
        ValueError: The shapes do not fit, an unknown method, a standard error not above 0, or degrees of
            freedom below 1.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> replicates = [0.5, 0.1] + rng.normal(size=(4999, 1)) * 0.1 + rng.normal(size=(4999, 2)) * 0.1
        >>> found = simultaneous_intervals([0.5, 0.1], replicates, names=["rest", "walk"])
        >>> print(str(found).split("Source")[0].strip())
        2 estimates together, 95% Subject bootstrap, maximal t, simultaneous: 2.1878 SE
        rest: 0.5 [0.1916, 0.8084], adjusted p = 0.00040025
        walk: 0.1 [-0.20988, 0.40988], adjusted p = 0.70161
    """
    if method not in ("max_t", "bonferroni"):
        raise ValueError(f"`method` must be max_t or bonferroni, not {method!r}.")
    freedom = float("inf") if df is None else float(df)
    if not freedom >= 1:
        raise ValueError(f"`df` must be at least 1, not {df!r}.")
    tail_levels(level, sides)
    values, drawn = _checked(estimates, replicates)
    labels = checked_names(names, len(values))
    drawn, undefined = _defined(values, drawn, labels)
    spreads = _spreads(drawn, labels)
    if standard_errors is None:
        errors, own = spreads * (1 + 1 / freedom) ** 0.5, True
    else:
        errors, own = _errors(standard_errors, len(values)), False
    largest = _outward((drawn - values) / spreads, sides).max(axis=1)
    tails = _normal(_outward(values / errors, sides), freedom)
    compute = _max_t if method == "max_t" else _bonferroni
    quantile, relative, p = compute(largest, tails, level, sides)
    critical = _student(quantile, freedom)
    # another seed would move the quantile, and the standard errors where they are the replicates'
    relative = float(np.hypot(relative, 1 / np.sqrt(2 * len(drawn)) if own else 0.0))
    note = f"A value is undefined in {undefined:.2%} of replicates; they are left out." if undefined else None
    intervals = tuple(
        Interval(
            lower=float(value - critical * error) if sides != "upper" else -np.inf,
            upper=float(value + critical * error) if sides != "lower" else np.inf,
            level=level,
            sides=sides,
            method=f"bootstrap_{method}",
            mc_error=(
                float(relative * critical * error) if sides != "upper" else np.nan,
                float(relative * critical * error) if sides != "lower" else np.nan,
            ),
            undefined_share=undefined,
            warning=note,
        )
        for value, error in zip(values, errors, strict=True)
    )
    return SimultaneousIntervals(
        names=labels,
        estimates=tuple(values.tolist()),
        standard_errors=tuple(errors.tolist()),
        critical=critical,
        intervals=intervals,
        adjusted_p=tuple(p.tolist()),
    )


def largest_deviations(
    estimates: ArrayLike, replicates: ArrayLike, *, sides: Sides = "two", names: Sequence[str] | None = None
) -> tuple[FloatArray, float]:
    """The largest studentised deviation over all estimates, replicate by replicate.

    What `simultaneous_intervals` takes its `max_t` quantile of; for callers that turn the quantile into
    another kind of interval.

    Args:
        estimates: (k,) estimates.
        replicates: (B, k) replicates at shared subject weights.
        sides: Deviations to both sides, or to one.
        names: Names of the estimates, for messages.

    Returns:
        (B',) deviations in standard deviations of the replicates, of replicates in which all estimates are
        defined, and the share of the others.

    Raises:
        CannotComputeError: As for `simultaneous_intervals`.

    Example:
        >>> drawn = np.random.default_rng(1).normal(size=(4000, 2)) @ np.diag([0.1, 5.0]) + [0.5, 3.0]
        >>> largest, undefined = largest_deviations([0.5, 3.0], drawn)
        >>> bool(2.1 < np.quantile(largest, 0.95) < 2.4), undefined
        (True, 0.0)
    """
    values, drawn = _checked(estimates, replicates)
    labels = checked_names(names, len(values))
    drawn, undefined = _defined(values, drawn, labels)
    return _outward((drawn - values) / _spreads(drawn, labels), sides).max(axis=1), undefined


def _max_t(largest: FloatArray, tails: FloatArray, level: float, _: Sides) -> tuple[float, float, FloatArray]:
    """Quantile of the largest deviations, its relative Monte-Carlo error, and the single-step p values."""
    found = percentile(largest, level, "upper")
    error = found.mc_error[1] if found.mc_error else 0.0
    return found.upper, error / found.upper, exceedance(largest, tails)


def exceedance(largest: FloatArray, deviations: FloatArray) -> FloatArray:
    """Chance that the largest deviation is beyond each of some, from its replicates.

    The inverse of `resample.percentile`: interpolated between order statistics at positions 1 to B of B + 1.
    So it is below 1 - level exactly where a deviation lies beyond the quantile of that level, and a p value
    never contradicts its interval. It is never below 1 / (B + 1).

    Args:
        largest: (B,) replicates.
        deviations: (k,) deviations, 0 or more.

    Example:
        >>> exceedance(np.arange(1.0, 20.0), np.array([0.0, 18.0, 18.5, 19.0, 40.0])).round(3)
        array([1.   , 0.1  , 0.075, 0.05 , 0.05 ])
    """
    ordered = np.concatenate([[0.0], np.sort(largest)])
    place = np.searchsorted(ordered, deviations, side="right") - 1
    following = np.minimum(place + 1, len(ordered) - 1)
    gap = ordered[following] - ordered[place]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(gap > 0, (deviations - ordered[place]) / gap, 0.0)
    return np.asarray(1 - (place + part) / len(ordered))


def _bonferroni(
    _: FloatArray, tails: FloatArray, level: float, sides: Sides
) -> tuple[float, float, FloatArray]:
    ways = len(tails) * (2 if sides == "two" else 1)
    quantile = -float(special.ndtri(round(1 - level, 15) / ways))
    return quantile, 0.0, np.asarray(np.minimum(ways * special.ndtr(-tails), 1.0))


def _outward(values: FloatArray, sides: Sides) -> FloatArray:
    """How far values lie out on the side, or sides, of the bounds."""
    if sides == "two":
        return np.abs(values)
    return values if sides == "lower" else -values


def _checked(estimates: ArrayLike, replicates: ArrayLike) -> tuple[FloatArray, FloatArray]:
    values = np.atleast_1d(np.asarray(estimates, dtype=np.float64))
    drawn = np.asarray(replicates, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"`estimates` must be one column of numbers; its shape is {values.shape}.")
    if drawn.ndim != 2 or drawn.shape[1] != len(values):
        raise ValueError(
            f"`replicates` is {drawn.shape}; one column for each of {len(values)} estimates is needed."
        )
    return values, drawn


def _defined(values: FloatArray, drawn: FloatArray, labels: Sequence[str]) -> tuple[FloatArray, float]:
    """Replicates in which all columns have a value, and the share of the others."""
    for label, value in zip(labels, values, strict=True):
        if not np.isfinite(value):
            raise CannotComputeError(f"{label} has no value.")
    whole = np.isfinite(drawn).all(axis=1)
    undefined = int(len(drawn) - np.count_nonzero(whole))
    share = undefined / len(drawn) if len(drawn) else 1.0
    if share > UNDEFINED_LIMIT:
        raise CannotComputeError(
            f"An estimate is undefined in {undefined:,} of {len(drawn):,} bootstrap replicates (more than "
            f"{UNDEFINED_LIMIT:.0%})."
        )
    if len(drawn) - undefined < 2:
        raise CannotComputeError("At least two bootstrap replicates are needed.")
    return drawn[whole], share


def _spreads(drawn: FloatArray, labels: Sequence[str]) -> FloatArray:
    """Standard deviations of the replicates, all above rounding."""
    spreads = np.asarray(drawn.std(axis=0, ddof=1))
    size = np.maximum(np.abs(drawn).max(axis=0), float(np.finfo(float).tiny))
    for label, flat in zip(labels, spreads <= _NO_SPREAD * size, strict=True):
        if flat:
            raise CannotComputeError(f"{label} does not vary over the replicates; its error is unknown.")
    return spreads


def _errors(standard_errors: ArrayLike, k: int) -> FloatArray:
    errors = np.atleast_1d(np.asarray(standard_errors, dtype=np.float64))
    if errors.shape != (k,) or np.any(~(np.isfinite(errors) & (errors > 0))):
        raise ValueError(f"`standard_errors` must hold {k} numbers above 0.")
    return errors


def _student(z: float, df: float) -> float:
    """The Student quantile of the same tail as a normal one."""
    return z if np.isinf(df) else -float(special.stdtrit(df, float(special.ndtr(-z))))


def _normal(t: FloatArray, df: float) -> FloatArray:
    """The normal quantile of the same tail as a Student one."""
    if np.isinf(df):
        return t
    return np.asarray(np.sign(t) * -special.ndtri(special.stdtr(df, -np.abs(t))))
