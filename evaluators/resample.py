"""Bootstrap intervals from replicates, with the Monte-Carlo error of each bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from .intervals import tail_levels
from .metric import CannotComputeError, FloatArray, Interval, Sides

UNDEFINED_LIMIT = 0.01
"""Largest share of replicates without a value: beyond it the rest no longer stand for all."""

_ROUNDING = 128 * float(np.finfo(float).eps)
"""Replicates closer than this, relatively, differ by the order of additions only."""


@dataclass(frozen=True)
class _Target:
    """Where a bound sits in the sorted replicates, and how an error of the bias correction moves it.

    Attributes:
        probability: Position of the bound.
        gain: d probability / d (share of replicates below the estimate); 0 for the percentile interval.
        below: Share of replicates below the estimate.
    """

    probability: float
    gain: float = 0.0
    below: float = 0.5


def percentile(replicates: FloatArray, level: float, sides: Sides) -> Interval:
    """Percentile interval (Davison & Hinkley 1997, eq. 5.18).

    The quantile at probability p of B replicates is interpolated linearly between order statistics at
    position (B + 1) p. Replicates without a value are left out and counted.

    Args:
        replicates: (B,) values of the statistic, NaN where undefined.
        level: Confidence level.
        sides: `two`, or the one bound wanted.

    Raises:
        CannotComputeError: More than 1% of replicates have no value, or there are too few for the level.

    Example:
        >>> interval = percentile(np.arange(1.0, 1000.0), 0.9, "two")
        >>> round(interval.lower, 6), round(interval.upper, 6)
        (50.0, 950.0)
    """
    ordered, share = _defined(replicates)
    low, high = tail_levels(level, sides)
    targets = (_Target(low), _Target(high))
    return _interval("bootstrap_percentile", ordered, share, level=level, sides=sides, targets=targets)


def bca(
    replicates: FloatArray, estimate: float, jackknife: FloatArray, level: float, sides: Sides
) -> Interval:
    """Bias-corrected and accelerated interval (Efron 1987).

    z0 is the normal quantile of the share of replicates below the estimate (ties count half); the
    acceleration is sum(u^3) / (6 sum(u^2)^1.5) with u = the estimate less the value without that subject.
    This is `empinf(type = "jack")` of R's `boot`; its default, regression, gives somewhat other bounds, and
    so does centring u at its mean. Quantiles as in `percentile`.

    Args:
        replicates: (B,) values of the statistic, NaN where undefined.
        estimate: The statistic of the data.
        jackknife: (S,) values with one subject left out each.
        level: Confidence level.
        sides: `two`, or the one bound wanted.

    Raises:
        CannotComputeError: More than 1% of replicates, or any jackknife value, is undefined; the estimate
            lies outside all replicates; or the correction reaches beyond them.
    """
    ordered, share = _defined(replicates)
    if _all_equal(ordered):
        return percentile(replicates, level, sides)  # degenerate either way, and marked so
    tied = np.abs(ordered - estimate) <= _ROUNDING / 32 * abs(estimate)
    below = float(np.mean((ordered < estimate) & ~tied) + 0.5 * np.mean(tied))
    if not 0 < below < 1:
        raise CannotComputeError(
            "BCa is undefined: all bootstrap replicates lie on one side of the estimate."
        )
    a = acceleration(estimate, jackknife)
    low, high = tail_levels(level, sides)
    targets = (_bca_target(low, below, a), _bca_target(high, below, a))
    return _interval("bootstrap_bca", ordered, share, level=level, sides=sides, targets=targets)


def acceleration(estimate: float, jackknife: FloatArray) -> float:
    """Acceleration constant from leave-one-subject-out values; 0 when they all equal the estimate.

    Raises:
        CannotComputeError: Some leave-one-out value is undefined, or there is only one subject.
    """
    if len(jackknife) < 2:
        raise CannotComputeError("BCa needs at least two subjects.")
    missing = int(np.count_nonzero(~np.isfinite(jackknife)))
    if missing:
        raise CannotComputeError(
            f"BCa is undefined: without one subject the statistic has no value ({missing} of "
            f"{len(jackknife)} subjects)."
        )
    influence = estimate - jackknife
    scale = float(np.abs(influence).max())
    if scale == 0:
        return 0.0
    influence = influence / scale  # cubes of small numbers would underflow
    return float((influence**3).sum() / (6 * (influence**2).sum() ** 1.5))


def _bca_target(probability: float, below: float, a: float) -> _Target:
    if probability in (0.0, 1.0):
        return _Target(probability)
    z0 = special.ndtri(below)
    reach = z0 + special.ndtri(probability)
    stretch = 1 - a * reach
    if stretch <= 0:
        raise CannotComputeError("BCa is undefined: the acceleration is too large for this confidence level.")
    z = z0 + reach / stretch
    # an error of the share below moves z0, and z0 moves the bound twice: directly and through the reach
    gain = _density(z) * (1 + 1 / stretch**2) / _density(z0)
    return _Target(float(special.ndtr(z)), float(gain), below)


def _all_equal(ordered: FloatArray) -> bool:
    return bool(ordered[-1] - ordered[0] <= _ROUNDING * max(abs(ordered[0]), abs(ordered[-1])))


def _between_is_nothing(ordered: FloatArray, targets: tuple[_Target, _Target]) -> bool:
    """Whether the interval has no width; of a one-sided one, that with its bound and the same tail beyond.

    A share of 0 or 1 in nearly every replicate is no more certain as one bound than as two.
    """
    low, high = (target.probability for target in targets)
    if not 0 < low < 1:
        low = 1 - high
    if not 0 < high < 1:
        high = 1 - low
    last = len(ordered)
    places = np.clip([(last + 1) * low, (last + 1) * high], 1, last)
    return _all_equal(np.sort([_at(ordered, float(place)) for place in places]))


def _density(z: float) -> float:
    return float(np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi))


def _defined(replicates: FloatArray) -> tuple[FloatArray, float]:
    """The replicates that have a value, sorted, and the share of those that have none."""
    finite = np.isfinite(replicates)
    undefined = int(len(replicates) - np.count_nonzero(finite))
    share = undefined / len(replicates) if len(replicates) else 1.0
    if share > UNDEFINED_LIMIT:
        raise CannotComputeError(
            f"The statistic is undefined in {undefined:,} of {len(replicates):,} bootstrap replicates "
            f"(more than {UNDEFINED_LIMIT:.0%})."
        )
    return np.sort(replicates[finite]), share


def _interval(
    method: str,
    ordered: FloatArray,
    undefined: float,
    *,
    level: float,
    sides: Sides,
    targets: tuple[_Target, _Target],
) -> Interval:
    degenerate = _all_equal(ordered) or _between_is_nothing(ordered, targets)
    bounds, errors = [-np.inf, np.inf], [np.nan, np.nan]
    for i, target in enumerate(targets):
        if 0 < target.probability < 1:
            bounds[i] = _quantile(ordered, target.probability)
            errors[i] = _mc_error(ordered, target)
        elif sides == "two":
            raise CannotComputeError("The corrected bound lies beyond all bootstrap replicates.")
    notes = []
    if degenerate:
        which = "All" if _all_equal(ordered) else "Nearly all"
        notes.append(f"{which} bootstrap replicates are equal; the interval has no width and says nothing.")
    if undefined:
        notes.append(
            f"The statistic is undefined in {undefined:.2%} of bootstrap replicates; they are left out."
        )
    return Interval(
        lower=float(bounds[0]),
        upper=float(bounds[1]),
        level=level,
        sides=sides,
        method=method,
        mc_error=(float(errors[0]), float(errors[1])),
        degenerate=degenerate,
        undefined_share=undefined,
        warning=" ".join(notes) or None,
    )


def _quantile(ordered: FloatArray, probability: float) -> float:
    position = (len(ordered) + 1) * probability
    if not 1 <= position <= len(ordered):
        raise CannotComputeError(
            f"{len(ordered):,} bootstrap replicates are too few for a bound at probability {probability:.2g}."
        )
    return _at(ordered, position)


def _at(ordered: FloatArray, position: float) -> float:
    below = int(np.floor(position))
    part = position - below
    lower, upper = ordered[below - 1], ordered[min(below, len(ordered) - 1)]
    return float(lower + part * (upper - lower)) if part else float(lower)


def _mc_error(ordered: FloatArray, target: _Target) -> float:
    """Monte-Carlo standard error of a bound: what another seed would change.

    Delta method on the empirical distribution of the replicates. A bound q at probability p moves by
    (gain * error of the share below the estimate - error of the share below q) / density at q; both shares
    are binomial and correlated. The density comes from order statistics one binomial standard deviation to
    each side.
    """
    count, p = len(ordered), target.probability
    step = np.sqrt(p * (1 - p) / count)
    ends = np.clip([(count + 1) * (p - step), (count + 1) * (p + step)], 1, count)
    width = (ends[1] - ends[0]) / (count + 1)
    if width <= 0:
        return float("nan")
    slope = (_at(ordered, float(ends[1])) - _at(ordered, float(ends[0]))) / width
    covariance = min(p, target.below) - p * target.below
    variance = p * (1 - p) + target.gain**2 * target.below * (1 - target.below) - 2 * target.gain * covariance
    return float(slope * np.sqrt(max(variance, 0.0) / count))
