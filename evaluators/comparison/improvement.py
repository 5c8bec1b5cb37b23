"""The improvement of one version over another as a function of level: bounds, p values, replicates.

A comparison by itself is one interval (`versions.compare_prepared`). Several comparisons that share an error
rate need each at levels that follow from the others, and p values that say the same as the bounds. What
touches the rows' summaries (jackknife, replicates) is done once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from ..estimate import Study, interval_of
from ..intervals import METHODS
from ..inversion import p_value
from ..metric import CannotComputeError, FloatArray, Interval, Metric, Prepared, Sides, Statistic
from .contrast import PairSummary, SummarisedContrast, contrasts_of, summary_of
from .difference import t_contrast
from .scales import Scale, checked_method
from .verdict import oriented
from .versions import distance


@dataclass(frozen=True, eq=False)
class Improvement:
    """How much better the candidate is, positive = better; on the ratio scale as a logarithm.

    Attributes:
        metric: The metric that both were prepared with.
        statistic: Which statistic of it.
        versions: Gives the candidate, and the baseline over the same subjects in the same order; asked where
            replicates are wanted, or nothing is known yet.
        weights: (B, S) resampling weights of those subjects; None where nothing is resampled.
        scale: `difference` or `ratio`.
        known: The summary of both, where it is known already.

    Example:
        >>> import numpy as np
        >>> from accordance.evaluators import registry
        >>> from accordance.evaluators.metric import Columns
        >>> mae, offsets = registry.get("mae"), np.array([0, 2, 4, 6])
        >>> reference = np.array([60.0, 70, 80, 90, 60, 75])
        >>> old = mae.prepare(Columns(reference, reference + [3, 4, -3, 4, 2, 4], offsets))
        >>> new = mae.prepare(Columns(reference, reference + [1, 1, -1, 2, 1, 2], offsets))
        >>> found = Improvement.of(mae, mae.statistic("mae"), new, old)
        >>> bounds = found.at(0.95, "two")
        >>> round(bounds.lower, 4), round(bounds.upper, 4), round(found.p(0.0), 5)
        (0.7579, 3.2421, 0.0101)
    """

    metric: Metric
    statistic: Statistic
    versions: Callable[[], tuple[Prepared, Prepared]]
    weights: FloatArray | None = None
    scale: Scale = "difference"
    known: PairSummary | None = None

    @classmethod
    def of(
        cls,
        metric: Metric,
        statistic: Statistic,
        candidate: Prepared,
        baseline: Prepared,
        *,
        weights: FloatArray | None = None,
        scale: Scale = "difference",
    ) -> Improvement:
        """Of two versions that are at hand.

        Args:
            metric: The metric that both were prepared with.
            statistic: Which statistic of it.
            candidate: The version in question.
            baseline: The version it is compared with, the same subjects in the same order.
            weights: (B, S) resampling weights of those subjects.
            scale: `difference` or `ratio`.
        """
        return cls(metric, statistic, lambda: (candidate, baseline), weights, scale)

    @cached_property
    def _both(self) -> tuple[Prepared, Prepared]:
        return self.versions()

    @property
    def candidate(self) -> Prepared:
        """The version in question."""
        return self._both[0]

    @property
    def baseline(self) -> Prepared:
        """The version it is compared with."""
        return self._both[1]

    @cached_property
    def method(self) -> str:
        """The interval's method: the default of the metric's route."""
        return checked_method(self.metric, None)

    @cached_property
    def summary(self) -> PairSummary:
        """What follows from the subjects' sums, whatever the level."""
        if self.known is not None:
            return self.known
        return summary_of(
            self.metric,
            candidate=self.candidate,
            baseline=self.baseline,
            statistic=self.statistic.name,
            scale=self.scale,
        )

    @cached_property
    def contrasts(self) -> tuple[SummarisedContrast, ...]:
        """Candidate - baseline; of a statistic that is best near zero also their sum."""
        return contrasts_of(self.statistic, self.summary, self.scale, lambda: (self.candidate, self.baseline))

    @cached_property
    def estimate(self) -> float:
        """The improvement itself; NaN where a version has no value, or the statistic no direction."""
        if self.statistic.better == "none":
            return float("nan")
        if self.statistic.better == "near_zero":
            return abs(self.summary.baseline) - abs(self.summary.candidate)
        value = self.summary.contrasts[0].value
        return value if self.statistic.better == "higher" else -value

    @cached_property
    def spreads(self) -> tuple[tuple[float, float], ...]:
        """Standard error and degrees of freedom of each contrast, where the method is a t interval.

        Raises:
            CannotComputeError: A version rests on fewer than two subjects, or the jackknife is undefined.
        """
        return tuple(one.spread() for one in self.contrasts)

    @cached_property
    def replicates(self) -> FloatArray:
        """(B, 1 or 2) contrasts at the resampling weights.

        Raises:
            CannotComputeError: There are no weights.
        """
        if self.weights is None:
            raise CannotComputeError("A resampling interval needs resampling weights, and none were given.")
        return np.column_stack([study.replicates(self.statistic.name) for study in self._studies])

    def replicates_of(self, candidate: FloatArray, baseline: FloatArray) -> FloatArray:
        """The same from (B,) replicates of the statistic of either version, where these are known already."""
        first, second = candidate, baseline
        if self.scale == "ratio":
            first, second = (
                np.where(one > 0, np.log(np.where(one > 0, one, 1.0)), np.nan) for one in (first, second)
            )
        both = [first - second, first + second] if self.statistic.better == "near_zero" else [first - second]
        return np.column_stack(both)

    @property
    def values(self) -> FloatArray:
        """(1 or 2,) contrasts of the data."""
        return np.array([one.value for one in self.summary.contrasts])

    def at(self, level: float, sides: Sides) -> Interval:
        """The interval of the improvement at a level.

        Raises:
            CannotComputeError: These data do not support it, or the statistic has no direction.
        """
        if self.statistic.better == "near_zero":
            wide = (1 + level) / 2 if sides == "two" else level
            one, two = (self._contrast_at(place, wide, "two") for place in (0, 1))
            return distance(one, two, level=level, sides=sides)
        turned: Sides = sides
        if self.statistic.better == "lower" and sides != "two":
            turned = "upper" if sides == "lower" else "lower"
        return oriented(self._contrast_at(0, level, turned), self.statistic.better)

    def p(self, limit: float) -> float:
        """One-sided p value of "the improvement is at most the limit"; small: it is more.

        At most alpha exactly where the lower bound at level 1 - alpha lies above the limit.

        Raises:
            CannotComputeError: There is no interval.
        """
        return self._p("lower", limit)

    def p_below(self, limit: float) -> float:
        """One-sided p value of "the improvement is at least the limit"; small: it is less.

        Raises:
            CannotComputeError: There is no interval.
        """
        return self._p("upper", limit)

    def _p(self, side: Literal["lower", "upper"], limit: float) -> float:
        if (side, limit) not in self._tested:
            self._tested[side, limit] = p_value(self.at, self.method, side=side, limit=limit)
        return self._tested[side, limit]

    @cached_property
    def _tested(self) -> dict[tuple[str, float], float]:
        return {}

    @cached_property
    def _studies(self) -> tuple[Study, ...]:
        return tuple(Study(one, self.weights) for one in self.contrasts)

    def _contrast_at(self, place: int, level: float, sides: Sides) -> Interval:
        if METHODS[self.method].resampling:
            named = replace(self.statistic, intervals=(self.method,))
            found = interval_of(self._studies[place], named, self.method, level, sides)
            if found is None:
                raise CannotComputeError("the statistic has no interval")
            return found
        value = self.summary.contrasts[place].value
        return t_contrast(value, self.spreads[place], self.method, level, sides)
