"""From a prepared proportion to its interval, by any method of a proportion; all such metrics share it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..metric import CannotComputeError, FloatArray, Interval, Sides
from .clustered import CLUSTERED
from .clusters import Clusters, uneven
from .intervals import BINOMIAL

PROPORTION_INTERVALS = (
    "korn_graubard",
    "clopper_pearson",
    "wilson",
    "cluster_t",
    "bootstrap_bca",
    "bootstrap_percentile",
    "rao_scott_wilson",
    "rao_scott_clopper_pearson",
    "cluster_logit",
    "cluster_logit_cr2",
    "cluster_arcsine",
    "donner_klar",
    "gee_independence",
    "gee_exchangeable",
    "wilson_cc",
    "mid_p",
    "blaker",
    "jeffreys",
    "agresti_coull",
    "logit",
    "wald",
)
"""Intervals that every proportion offers; the first knows subjects, and is exact with one unit each."""

COUNTING = frozenset(BINOMIAL)
"""Those that take units for independent."""


_UNEVEN = frozenset({"donner_klar", "gee_exchangeable", "cluster_logit_cr2"})
"""Those that stand very unequal subjects: by one correlation for all, or by fewer degrees of freedom."""


def is_proportion_method(method: str) -> bool:
    """Whether `proportion_interval` knows the method."""
    return method in BINOMIAL or method in CLUSTERED


@dataclass(frozen=True)
class ProportionData:
    """A proportion as its intervals see it.

    Attributes:
        events: (S,) events of each subject, counted without row weights.
        units: (S,) units of each, 0 for a subject that has none.
        value: The estimate.
        standard_error: Its linearised standard error with subjects as clusters.
        sizes: (S,) what a subject weighs in the estimate.
        weighted: Row weights were given.
        by_subject: The estimate is the mean of the subjects' own proportions.
        empty: What to say where there are no units.
        squares: (S,) sum of the squares of what a subject's units weigh in the estimate; None: its units
            weigh the same.
    """

    events: FloatArray
    units: FloatArray
    value: float
    standard_error: float
    sizes: FloatArray
    weighted: bool
    by_subject: bool
    empty: str
    squares: FloatArray | None = None


def proportion_interval(found: ProportionData, method: str, level: float, sides: Sides) -> Interval:
    """The interval by a method of `proportions.intervals` or `proportions.clustered`.

    Those of the first take units for independent and are marked so where a subject has several.

    Raises:
        CannotComputeError: No units; the method counts units and these are weighted, or a mean of subjects
            with several is asked for; or the method itself has no interval.
    """
    total = float(found.units.sum())
    if total == 0:
        raise CannotComputeError(found.empty)
    if method in CLUSTERED:
        return _clustered(found, method, level, sides)
    several = bool(np.any(found.units > 1))
    if found.weighted:
        raise CannotComputeError(
            f"`{method}` counts units, and these are weighted; use `cluster_t` or a bootstrap."
        )
    if several and found.by_subject:
        raise CannotComputeError(
            f"`{method}` is an interval of pooled units, and a mean over subjects is asked for; "
            "use `cluster_t` or a bootstrap."
        )
    lower, upper = BINOMIAL[method](float(found.events.sum()), total, level, sides)
    degenerate = lower == upper
    notes = ["Units are taken for independent, and subjects have several."] if several else []
    if degenerate:
        notes.append("The interval has no width and says nothing.")
    return Interval(
        lower=lower,
        upper=upper,
        level=level,
        sides=sides,
        method=method,
        degenerate=degenerate,
        independent_rows=several,
        warning=" ".join(notes) or None,
    )


def _clustered(found: ProportionData, method: str, level: float, sides: Sides) -> Interval:
    has = found.units > 0
    several = bool(np.any(found.units > 1))
    bounds = CLUSTERED[method](
        Clusters(
            events=found.events[has],
            units=found.units[has],
            value=found.value,
            standard_error=found.standard_error,
            sizes=found.sizes[has],
            counted=not found.weighted and not (found.by_subject and several),
            squares=None if found.squares is None else found.squares[has],
        ),
        level,
        sides,
    )
    degenerate = bounds.flat or bounds.lower == bounds.upper
    notes = [bounds.note]
    if degenerate:
        notes.append("The subjects do not differ; the interval has no width and says nothing.")
    if method not in _UNEVEN and not found.by_subject:
        notes.append(uneven(found.sizes[has]))
    return Interval(
        lower=bounds.lower,
        upper=bounds.upper,
        level=level,
        sides=sides,
        method=method,
        degenerate=degenerate,
        warning=" ".join(words for words in notes if words) or None,
    )
