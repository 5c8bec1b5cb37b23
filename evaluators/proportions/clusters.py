"""Counts of clustered units: events and units of each subject, and how much they are worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..metric import CannotComputeError, FloatArray

FEW = 10
"""Fewer subjects than this, and methods with normal quantiles carry a warning."""

_EVEN = 20
"""Subjects of equal size that are enough."""


@dataclass(frozen=True)
class Clusters:
    """A proportion of clustered units, and what its intervals need.

    Attributes:
        events: (k,) events of each subject that has units.
        units: (k,) units of each, above 0.
        value: The estimate.
        standard_error: Its linearised standard error with subjects as clusters.
        sizes: (k,) what a subject weighs in the estimate: its units, the sum of its row weights, or 1.
        counted: The estimate is events over units, each counted once.
        squares: (k,) sum of the squares of what its units weigh in the estimate. Default: that of units of
            equal weight, size^2 / units.
    """

    events: FloatArray
    units: FloatArray
    value: float
    standard_error: float
    sizes: FloatArray
    counted: bool = True
    squares: FloatArray | None = None

    @property
    def most(self) -> float:
        """Equal units that would weigh like these, (sum w)^2 / sum w^2 (Kish 1965); their number, if equal.

        No effective number may exceed it. Where the few misses happen to be units of little weight, the
        linearised standard error is far too small: without this limit, 95% intervals of 300 units with
        log-normal weights (sigma 1.5) covered 87%.
        """
        squares = np.square(self.sizes) / self.units if self.squares is None else self.squares
        return float(self.sizes.sum() ** 2 / squares.sum())

    @property
    def uniform(self) -> bool:
        """Every unit is an event, or none is."""
        return not 0 < self.events.sum() < self.units.sum()


@dataclass(frozen=True)
class ClusterBounds:
    """Bounds of one method, with what the reader should know.

    Attributes:
        lower: Lower bound.
        upper: Upper bound.
        note: A warning.
        flat: The standard error is nothing but rounding, so that a bound is the estimate itself.
    """

    lower: float
    upper: float
    note: str | None = None
    flat: bool = False


def clusters(x: ArrayLike, n: ArrayLike) -> Clusters:
    """Events and units of each subject, with the ratio estimate and its linearised standard error.

    The ratio estimate is the sum of events over the sum of units; its standard error is
    sqrt(k / (k - 1) * sum((x_i - n_i p)^2)) / sum(n_i), as `survey::svymean` in R. Subjects without units are
    left out.

    Args:
        x: (k,) events of each subject.
        n: (k,) units of each.

    Raises:
        CannotComputeError: No subject has a unit.
        ValueError: Lengths differ, or an x lies outside 0 to its n.

    Example:
        >>> found = clusters([3, 5, 0, 4], [4, 5, 3, 4])
        >>> found.value, round(found.standard_error, 4)
        (0.75, 0.1993)
    """
    events, units = np.asarray(x, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if events.shape != units.shape or events.ndim != 1:
        raise ValueError(f"`x` {events.shape} and `n` {units.shape} must be of one length.")
    if np.any(~((events >= 0) & (events <= units))):
        raise ValueError("`x` must lie between 0 and `n` for every subject.")
    events, units = events[units > 0], units[units > 0]
    if not len(units):
        raise CannotComputeError("A proportion needs at least one unit in its denominator.")
    k, total = len(units), units.sum()
    value = float(events.sum() / total)
    spread = float("nan")
    if k > 1:
        spread = float(np.sqrt(k / (k - 1) * np.square(events - units * value).sum()) / total)
    return Clusters(events, units, value, spread, sizes=units)


def effective_units(found: Clusters) -> tuple[float, str | None]:
    """Independent units that would be as informative, p (1 - p) / SE^2 (Rao & Scott 1992), and a note.

    Never more than there are units, or than weigh like units of unequal weight (`Clusters.most`). Where all
    units are events, or none is: (sum n)^2 / sum n^2, the number under complete dependence within subjects,
    which is the number of subjects if they are of equal size.
    """
    at_least_two(found)
    if found.uniform:
        note = (
            f"{'No unit is an event' if not found.events.sum() else 'Every unit is an event'}, so how alike "
            "the units of a subject are cannot be seen; they are taken for one."
        )
        return float(found.sizes.sum() ** 2 / np.square(found.sizes).sum()), note
    variance = found.standard_error**2
    if variance * found.most <= found.value * (1 - found.value):
        return found.most, None
    return found.value * (1 - found.value) / variance, None


def uneven(sizes: FloatArray) -> str | None:
    """A warning where few subjects carry most of the estimate; None otherwise.

    Subjects of sizes n weigh like (sum n)^2 / sum n^2 of equal size. Below 20 of them, and below seven tenths
    of their number, the spread between subjects is known too poorly for intervals that rest on it: they cover
    the truth much less often than they say.

    Example:
        >>> uneven(np.array([5.0, 5.0, 6.0, 5.0])) is None
        True
        >>> uneven(np.array([5.0, 5.0, 5.0, 5.0, 200.0]))[:48]
        'The subjects weigh like only 1.2 of equal size, '
    """
    equal = equal_subjects(sizes)
    if equal is None:
        return None
    return (
        f"The subjects weigh like only {equal:.1f} of equal size, so their spread is poorly known and the "
        "interval probably too narrow; look at `cluster_logit_cr2` or `average: subject_mean` too."
    )


def equal_subjects(sizes: FloatArray) -> float | None:
    """How many subjects of equal size weigh like these, if too few (see `uneven`); None otherwise."""
    squares = float(np.square(sizes).sum())
    if squares == 0:
        return None
    equal = float(sizes.sum()) ** 2 / squares
    return None if equal >= _EVEN or equal >= 0.7 * np.count_nonzero(sizes) else equal


def no_spread(value: float, standard_error: float) -> bool:
    """Whether a standard error is nothing but rounding, which leaves about 1e-16 of the estimate."""
    return standard_error <= 1e-13 * abs(value)


def at_least_two(found: Clusters) -> None:
    """Refuse one subject."""
    if len(found.units) < 2:
        raise CannotComputeError("An interval needs at least two subjects.")


def counted_only(found: Clusters, method: str) -> None:
    """Refuse row weights and means of subjects."""
    if not found.counted:
        raise CannotComputeError(
            f"`{method}` counts units, each once; use `korn_graubard`, `cluster_logit` or a bootstrap."
        )


def few(found: Clusters) -> str | None:
    """A warning for methods with normal quantiles, where subjects are few."""
    k = len(found.units)
    if k >= FEW or found.uniform:
        return None
    return f"Only {k} subjects: normal quantiles are too narrow; prefer `korn_graubard` or `cluster_logit`."


def joined(*notes: str | None) -> str | None:
    """Notes as one text, or None."""
    return " ".join(note for note in notes if note) or None
