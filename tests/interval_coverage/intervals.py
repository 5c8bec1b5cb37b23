"""From prepared studies to counts of what their intervals covered; many studies share one matrix product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import special

from accordance.evaluators.additive import AdditivePrepared
from accordance.evaluators.intervals import tail_levels
from accordance.evaluators.metric import CannotComputeError, Interval
from accordance.evaluators.resample import bca, percentile
from accordance.evaluators.weights import ResamplingWeights

LEVEL = 0.95
Array = np.ndarray
Evaluate = Callable[[Array], Array]
"""(B, C, k) added-up totals of C studies -> (B, C, m) statistics."""


@dataclass
class Tally:
    """What the intervals of one statistic and method did over the studies of one design."""

    truth: float
    studies: int = 0
    covered: int = 0
    under: int = 0
    over: int = 0
    missing: int = 0
    widths: list[float] = field(default_factory=list)

    def add(self, lower: Array, upper: Array) -> None:
        """Count intervals; NaN where a study has none."""
        lower, upper = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
        given = np.isfinite(lower) & np.isfinite(upper)
        # a bound that equals the true value up to rounding (1.0 of a proportion) covers it
        slack = 1e-12 * abs(self.truth)
        under = given & (upper < self.truth - slack)
        over = given & (lower > self.truth + slack)
        self.studies += len(lower)
        self.missing += int(np.count_nonzero(~given))
        self.under += int(np.count_nonzero(under))
        self.over += int(np.count_nonzero(over))
        self.covered += int(np.count_nonzero(given & ~under & ~over))
        self.widths.extend((upper - lower)[given].tolist())


class Tallies:
    """Tallies by (statistic, method)."""

    def __init__(self, truths: Mapping[str, float]) -> None:
        self.truths = truths
        self.found: dict[tuple[str, str], Tally] = {}

    def add(self, statistic: str, method: str, lower: Array, upper: Array) -> None:
        """Count the intervals of a block of studies."""
        key = statistic, method
        if key not in self.found:
            self.found[key] = Tally(self.truths[statistic])
        self.found[key].add(lower, upper)

    def each(self, statistic: str, method: str, intervals: list[Interval | None]) -> None:
        """Count intervals as the product gives them."""
        lower, upper = np.array([_ends(one) for one in intervals]).reshape(-1, 2).T
        self.add(statistic, method, lower, upper)


def _ends(found: Interval | None) -> tuple[float, float]:
    return (np.nan, np.nan) if found is None else (found.lower, found.upper)


def attempt(compute: Callable[[], Interval]) -> Interval | None:
    """The interval, or None where the product says that there is none."""
    try:
        return compute()
    except CannotComputeError:
        return None


def weights(subjects: int, replicates: int, seed: int) -> Array:
    """The product's resampling weights for so many subjects."""
    keys = [f"{i:05d}" for i in range(subjects)]
    return ResamplingWeights(keys, seed=seed, replicates=replicates).matrix()


def replicates_of(evaluate: Evaluate, totals: Array, matrix: Array) -> Array:
    """(B, C, m) statistics of C studies, (C, S, k) totals, at every row of the weights."""
    studies, subjects, k = totals.shape
    flat = np.ascontiguousarray(totals.transpose(1, 0, 2)).reshape(subjects, studies * k)
    with np.errstate(all="ignore"):
        values = evaluate((matrix @ flat).reshape(len(matrix), studies, k))
    return np.where(np.isfinite(values), values, np.nan)


def bootstrap(
    tallies: Tallies,
    names: Mapping[int, str],
    evaluate: Evaluate,
    totals: Array,
    matrix: Array,
) -> None:
    """Both bootstrap intervals of a block of studies.

    Args:
        tallies: Where they are counted.
        names: Position of a statistic in the formula's output -> its name in the tallies.
        evaluate: The formula.
        totals: (C, S, k) totals.
        matrix: (B, S) weights.
    """
    replicates = replicates_of(evaluate, totals, matrix)
    total = totals.sum(axis=1)
    with np.errstate(all="ignore"):
        estimates = evaluate(total)
        left_out = evaluate(total[:, None, :] - totals)
    for position, name in names.items():
        columns = np.ascontiguousarray(replicates[..., position].T)
        plain, corrected = bootstrap_ends(columns, estimates[:, position], left_out[..., position])
        tallies.add(name, "bootstrap_percentile", *plain)
        tallies.add(name, "bootstrap_bca", *corrected)


def bootstrap_ends(
    replicates: Array, estimates: Array, left_out: Array
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Percentile and BCa bounds of many studies at once; a test holds them to `percentile` and `bca`.

    Studies with undefined replicates, or that need the fine print otherwise, go through those themselves.

    Args:
        replicates: (C, B) values.
        estimates: (C,) values of the studies.
        left_out: (C, S) values with one subject left out each.
    """
    plain, corrected = np.full((2, len(replicates), 2), np.nan)
    tails = np.array(tail_levels(LEVEL, "two"))
    easy = np.isfinite(replicates).all(axis=1) & np.isfinite(left_out).all(axis=1) & np.isfinite(estimates)
    ordered = np.sort(replicates[easy], axis=1)
    centre = estimates[easy][:, None]
    size = np.maximum(np.abs(ordered[:, 0]), np.abs(ordered[:, -1]))
    spread = ordered[:, -1] - ordered[:, 0] > 1e-12 * size
    apart = np.abs(ordered - centre) > 1e-12 * np.abs(centre)
    below = np.mean((ordered < centre) & apart, axis=1) + 0.5 * np.mean(~apart, axis=1)
    influence = centre - left_out[easy]
    squares = np.square(influence).sum(axis=1)
    with np.errstate(all="ignore"):
        z0 = special.ndtri(below)[:, None]
        a = ((influence**3).sum(axis=1) / (6 * squares**1.5))[:, None]
        reach = z0 + special.ndtri(tails)
        places = special.ndtr(z0 + reach / (1 - a * reach))
        usual = spread & (squares > 0) & np.all(np.isfinite(places) & (a * reach < 1), axis=1)
    count = ordered.shape[1]
    usual &= np.all((places * (count + 1) >= 1) & (places * (count + 1) <= count), axis=1)
    where = np.flatnonzero(easy)[usual]
    plain[where] = _quantiles(ordered[usual], np.broadcast_to(tails, (len(where), 2)))
    corrected[where] = _quantiles(ordered[usual], places[usual])
    for i in np.setdiff1d(np.arange(len(replicates)), where):
        if np.isfinite(estimates[i]):
            values, estimate, without = replicates[i], float(estimates[i]), left_out[i]
            plain[i] = _ends(attempt(lambda values=values: percentile(values, LEVEL, "two")))
            corrected[i] = _ends(
                attempt(
                    lambda values=values, estimate=estimate, without=without: bca(
                        values, estimate, without, LEVEL, "two"
                    )
                )
            )
    return (plain[:, 0], plain[:, 1]), (corrected[:, 0], corrected[:, 1])


def _quantiles(ordered: Array, places: Array) -> Array:
    """(C, 2) values at probabilities, interpolated at position (B + 1) p."""
    position = (ordered.shape[1] + 1) * places
    below = np.floor(position).astype(np.int64)
    part = position - below
    low = np.take_along_axis(ordered, below - 1, axis=1)
    high = np.take_along_axis(ordered, np.minimum(below, ordered.shape[1] - 1), axis=1)
    return np.asarray(low + part * (high - low))


def studies_of(template: AdditivePrepared, totals: Array, units: Array, **changes: Any) -> list[Any]:
    """Each study's totals as the product prepares them."""
    return [replace(template, totals=one, units=units, **changes) for one in totals]


def analytic(
    tallies: Tallies, name: str, method: str, studies: list[Any], *, statistic: str = "", label: str = ""
) -> None:
    """Count one analytic interval of every study.

    Args:
        tallies: Where they are counted.
        name: The statistic in the tallies.
        method: The interval method.
        studies: Prepared studies.
        statistic: The statistic's own name, where it is another.
        label: The method in the tallies, where it is another.
    """
    found = [
        attempt(lambda one=one: one.interval(statistic or name, method, LEVEL, "two")) for one in studies
    ]
    tallies.each(name, label or method, found)
