"""What each version of `hr_weekly` does in truth: expectations over its distributions, without a draw.

Within a subject windows are drawn independently of each other, given fit and effects. The mean of a subject's
errors over the windows with an output so has the expectation of a single window with an output, and the mean
over subjects has that expectation averaged over tones and fits: exactly what endpoints with
`average: subject_mean` estimate, however many windows a subject has.

Closed form: MAPE, MAE and coverage (means of half-normal and log-normal variables), and the intraclass
correlation of absolute errors (the mean product of two correlated half-normal variables). The share within a
tolerance is an integral over subjects' multipliers (Gauss-Hermite) and heart rates (a grid), to 1e-6. Left
out is that values are rounded to 0.1/min and outputs kept inside what a device shows, which moves MAPE by
less than 0.002 points.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import ndtr

from . import weekly_versions as world
from .draws import FloatArray
from .weekly_versions import BASELINE, Version, original

HALF_NORMAL = float(np.sqrt(2.0 / np.pi))
"""Mean absolute value of a standard normal variable."""

HOW = (
    "Expectation of an endpoint averaged over subjects, by closed form; `within` by quadrature to 1e-6. "
    "Differences are candidate - v1; those `on_shared_windows` of the windows in which both answered."
)


def true_values(versions: Mapping[str, Version]) -> dict[str, Any]:
    """The true values of every version, and its differences from the baseline.

    Args:
        versions: Version -> how it errs and answers; `v1` among them.

    Returns:
        `how`: where the numbers come from; `shares` of skin tones and activities; `versions`: version ->
        endpoint (`mape` [%], `mae` [1/min], `within` and `coverage` [proportion]) -> `overall`, `skin_tone`,
        `dark` and `activity` by level, and `icc` of absolute percentage errors; `differences`: version ->
        the same of candidate minus baseline; `on_shared_windows`: version -> the same on windows that both
        answer, without coverage.

    Example:
        >>> from accordance.datasets.simulate.weekly_versions import VERSIONS
        >>> truth = true_values(VERSIONS)
        >>> round(truth["versions"]["v1"]["icc"], 2)
        0.31
        >>> {key: round(value, 2) for key, value in truth["differences"]["v2"]["mape"]["dark"].items()}
        {'I-IV': -1.11, 'V-VI': 1.11}
    """
    made = {name: versions[original(versions, name)] for name in versions}
    alone = {name: _summed(version, _weights(version)) for name, version in made.items()}
    base = made[BASELINE]
    differences, shared = {}, {}
    for name, version in made.items():
        if name == BASELINE:
            continue
        differences[name] = _minus(alone[name], alone[BASELINE])
        both = _weights(base) if original(versions, name) == BASELINE else _both(base, version)
        pair = (_summed(version, both), _summed(base, both))
        shared[name] = {key: value for key, value in _minus(*pair).items() if key != "coverage"}
    return {
        "how": HOW,
        "shares": {
            "skin_tone": dict(zip(world.TONES, world.TONE_SHARES.tolist(), strict=True)),
            "activity": dict(zip(world.ACTIVITIES, world.ACTIVITY_SHARES.tolist(), strict=True)),
        },
        "versions": {
            name: {"title": versions[name].title, **alone[name], "icc": _icc(made[name])} for name in versions
        },
        "differences": differences,
        "on_shared_windows": shared,
    }


def _minus(candidate: Mapping[str, Any], baseline: Mapping[str, Any]) -> dict[str, Any]:
    """Differences of numbers, however deep they lie."""
    return {
        key: _minus(value, baseline[key]) if isinstance(value, Mapping) else value - baseline[key]
        for key, value in candidate.items()
    }


def _kinds() -> FloatArray:
    """(2, 4, 2) probability of each kind of window (activity, hardness) given the fit."""
    hard = np.stack([1.0 - world.HARD, world.HARD], axis=-1)
    return np.asarray(world.ACTIVITY_SHARES[:, None] * hard)


def _weights(version: Version) -> FloatArray:
    """(2, 4, 2) probability of a kind of window with an output."""
    return np.asarray(_kinds() * np.array(version.answers))


def _both(first: Version, second: Version) -> FloatArray:
    """The same where both have an output: for the same reasons, or each for its own."""
    one, other = np.array(first.answers), np.array(second.answers)
    answer = world.SHARED_ANSWERS * np.minimum(one, other) + (1.0 - world.SHARED_ANSWERS) * one * other
    return np.asarray(_kinds() * answer)


def _spread(version: Version) -> FloatArray:
    """(6, 4, 2) SD of the percentage error of a subject whose own multiplier is 1."""
    tone = world.SPREAD * world.TONE_ERROR * np.where(world.DARK, version.dark, version.light)
    window = world.ACTIVITY_ERROR[:, None] * np.array([1.0, world.HARD_ERROR])
    return np.asarray(tone[:, None, None] * window)


def _errors(version: Version) -> dict[str, FloatArray]:
    """(6, 4, 2) expectation of a window of each endpoint that is an error."""
    spread = _spread(version)
    mape = HALF_NORMAL * np.exp(world.BETWEEN**2 / 2.0) * spread
    rate, chance = _rates()
    return {
        "mape": mape,
        "mae": mape * (rate @ chance)[:, None] / 100.0,
        "within": _within(spread),
    }


def _rates() -> tuple[FloatArray, FloatArray]:
    """Heart rates of each activity, (4, 2001), and the probability of each column."""
    grid = np.linspace(-8.0, 8.0, 2001)
    density = np.exp(-(grid**2) / 2.0)
    sd = float(np.hypot(world.RATE_BETWEEN, world.RATE_WITHIN))
    rate = np.clip(world.ACTIVITY_RATE[:, None] + sd * grid, *world.RATE_RANGE)
    return np.asarray(rate), np.asarray(density / density.sum())


def _within(spread: FloatArray) -> FloatArray:
    """Probability of an error of at most 5/min or 10% of the reference, whichever is more."""
    nodes, weights = hermegauss(64)
    multiplier = np.exp(world.BETWEEN * nodes)
    rates, probability = _rates()
    found = np.empty_like(spread)
    for place, rate in enumerate(rates):
        # Above 50/min every limit is 10%: most of the grid is one value.
        limit, times = np.unique(np.maximum(500.0 / rate, 10.0), return_inverse=True)
        chance = np.bincount(times, weights=probability)
        for tone, hard in np.ndindex(spread.shape[0], spread.shape[2]):
            inside = 2.0 * ndtr(limit[:, None] / (spread[tone, place, hard] * multiplier)) - 1.0
            found[tone, place, hard] = chance @ inside @ weights / weights.sum()
    return found


def _summed(version: Version, weights: FloatArray) -> dict[str, Any]:
    """Each endpoint overall, by tone, on light and dark skin, and by activity, over weighted windows."""
    errors = _errors(version)
    result = {key: _levels(weights, value) for key, value in errors.items()}
    answered = weights.sum(axis=2)
    share = answered / world.ACTIVITY_SHARES
    overall = float(world.FIT_SHARES @ answered.sum(axis=1))
    result["coverage"] = {
        "overall": overall,
        "skin_tone": dict.fromkeys(world.TONES, overall),
        "dark": {"I-IV": overall, "V-VI": overall},
        "activity": dict(zip(world.ACTIVITIES, (world.FIT_SHARES @ share).tolist(), strict=True)),
    }
    return result


def _levels(weights: FloatArray, value: FloatArray) -> dict[str, Any]:
    """Mean over subjects of a subject's mean over windows with an output."""
    by_fit = np.einsum("fah,tah->tf", weights, value) / weights.sum(axis=(1, 2))
    tone = by_fit @ world.FIT_SHARES
    within = np.einsum("fah,tah->taf", weights, value) / weights.sum(axis=2).T
    activity = world.TONE_SHARES @ (within @ world.FIT_SHARES)
    dark = world.DARK
    groups = {"I-IV": ~dark, "V-VI": dark}
    return {
        "overall": float(world.TONE_SHARES @ tone),
        "skin_tone": dict(zip(world.TONES, tone.tolist(), strict=True)),
        "dark": {
            name: float(np.average(tone[rows], weights=world.TONE_SHARES[rows]))
            for name, rows in groups.items()
        },
        "activity": dict(zip(world.ACTIVITIES, activity.tolist(), strict=True)),
    }


def _icc(version: Version) -> float:
    """Correlation of the absolute percentage errors of two windows of a subject, both with an output."""
    weights = _weights(version) / _weights(version).sum(axis=(1, 2), keepdims=True)
    people = world.TONE_SHARES[:, None] * world.FIT_SHARES
    spread = _spread(version)
    first = np.einsum("fah,tah->tf", weights, spread)
    second = np.einsum("fah,tah->tf", weights, spread**2)
    mean = HALF_NORMAL * np.exp(world.BETWEEN**2 / 2.0) * np.sum(people * first)
    square = np.exp(2.0 * world.BETWEEN**2)
    correlation = world.BIAS_SHARE
    product = (2.0 / np.pi) * (np.sqrt(1.0 - correlation**2) + correlation * np.arcsin(correlation))
    between = square * product * np.sum(people * first**2) - mean**2
    return float(between / (square * np.sum(people * second) - mean**2))
