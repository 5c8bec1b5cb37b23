"""Worlds with a known truth: the subjects of a study, outputs moved until a statistic has a stated value.

Operating characteristics of a design need studies whose truth is known. Here the subjects that were seen are
the population: a simulated study draws subjects from it, each with all rows, so numbers of rows, likeness of
a subject's rows and what is missing are those of the study. The statistic of all subjects together is then
the truth, without any model. To ask about another truth, the test's values are moved in one way that is the
same for every subject, by an amount that is searched for.

Sources: B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 25 (power by moving the
population); A. C. Davison, D. V. Hinkley, Bootstrap Methods and their Application (1997), section 4.4 and
section 3.8 (hierarchical data).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from .additive import AdditivePrepared
from .metric import CannotComputeError, Columns, FloatArray, IntArray, Metric, Prepared

Way = Literal["none", "shift", "scale", "relabel", "separate"]
WAYS: dict[Way, str] = {
    "none": "as observed",
    "shift": "the same number added to every test value",
    "scale": "every error (test - reference) multiplied by the same factor",
    "relabel": "outputs made right or wrong at random, alike within a subject as the errors that there are",
    "separate": "the same number added to the score of every reference positive",
}
"""How test values are moved, in words."""
NEAR = 0.5
"""A statistic that moves in steps has to come this near to the truth asked for, in standard errors."""

_DOUBLINGS = 40
_MOST_STEPS = 100


@dataclass(frozen=True)
class World:
    """A population whose statistic is known.

    Attributes:
        columns: Its rows.
        prepared: What the metric makes of them.
        truth: The statistic of all its subjects.
        way: How test values were moved.
        amount: By how much.
    """

    columns: Columns
    prepared: Prepared
    truth: float
    way: Way
    amount: float


Prepare = Callable[[Columns], Prepared]
"""Makes a metric's summary of rows; raises ValueError (`CannotComputeError`) where it cannot."""


def ways_of(metric: Metric, statistic: str) -> tuple[Way, ...]:
    """Ways to move a metric's statistic, the one to try first ahead.

    A statistic that should be near zero (a bias) is shifted, others of errors are scaled; each the other way
    where that does not move it. Without a common unit of both sides an error has no meaning and nothing can
    be moved.
    """
    if metric.kind in {"binary", "categorical"}:
        return ("relabel",)
    if metric.kind == "score":
        return ("separate",)
    if not metric.one_unit:
        return ()
    return ("shift", "scale") if metric.statistic(statistic).better == "near_zero" else ("scale", "shift")


class Mover:
    """Moves the outputs of one population.

    Args:
        metric: The metric.
        statistic: Its statistic that is to have a stated value.
        columns: The rows as they are.
        prepare: Makes the metric's summary of rows.
        seed: Of the random choice which outputs are made right or wrong.

    Example:
        >>> from accordance.evaluators import registry
        >>> metric = registry.get("mae")
        >>> columns = Columns(np.zeros(4), np.array([1.0, -1.0, 2.0, 0.0]), np.array([0, 2, 4]))
        >>> mover = Mover(metric, "mae", columns, metric.prepare, seed=1)
        >>> mover.observed.truth, mover.to(3.0).truth, mover.to(3.0).way
        (1.0, 3.0, 'scale')
    """

    def __init__(
        self, metric: Metric, statistic: str, columns: Columns, prepare: Prepare, *, seed: int
    ) -> None:
        self.metric, self.statistic, self.columns = metric, statistic, columns
        self.prepare, self.seed = prepare, seed

    @cached_property
    def observed(self) -> World:
        """The population as it is.

        Raises:
            CannotComputeError: The statistic has no value there.
        """
        prepared = self.prepare(self.columns)
        value = self._value(prepared)
        if not math.isfinite(value):
            raise CannotComputeError(prepared.reason_undefined(self.statistic))
        return World(self.columns, prepared, value, "none", 0.0)

    def to(self, truth: float) -> World:
        """The population with a stated truth, or, where the statistic moves in steps, the nearest to it.

        Raises:
            CannotComputeError: No way moves the statistic there; the message says what was tried.
        """
        if not math.isfinite(truth):
            raise CannotComputeError("the truth asked for is no number")
        if truth == self.observed.truth:
            return self.observed
        ways = ways_of(self.metric, self.statistic)
        if not ways:
            raise CannotComputeError(
                f"`{self.statistic}` cannot be moved: reference and test of `{self.metric.name}` have no "
                "common unit, so there is no error to shift or to scale"
            )
        tried = []
        for way in ways:
            found = self._search(way, truth)
            if found is not None and abs(found.truth - truth) <= self._tolerance(truth, found):
                return found
            tried.append(
                f"{WAYS[way]}: " + ("does not reach it" if found is None else f"nearest {found.truth:.6g}")
            )
        raise CannotComputeError(f"`{self.statistic}` cannot be moved to {truth:.6g} ({'; '.join(tried)})")

    def _tolerance(self, truth: float, found: World) -> float:
        errors = [one.prepared.standard_error(self.statistic) for one in (self.observed, found)]
        error = max((one for one in errors if math.isfinite(one)), default=0.0)
        return max(NEAR * error, 1e-9 * max(1.0, abs(truth)))

    def _value(self, prepared: Prepared) -> float:
        return float(prepared.estimate()[prepared.statistics.index(self.statistic)])

    def _search(self, way: Way, truth: float) -> World | None:
        """The world of one way that is nearest to the truth; None where nothing reaches beyond it."""
        seen: dict[float, float] = {_START[way]: self.observed.truth}

        def gap(amount: float) -> float:
            if amount not in seen:
                try:
                    seen[amount] = self._value(self.prepare(self.moved(way, amount)))
                except ValueError:
                    seen[amount] = math.nan
            return seen[amount] - truth

        bracket = self._bracket(way, gap)
        if bracket is not None:
            # steps have no root, and between them a value may be missing: what was tried nearest is taken
            with suppress(ValueError):
                optimize.brentq(
                    gap, *bracket, xtol=1e-13 * max(map(abs, bracket)), maxiter=_MOST_STEPS, disp=False
                )
        known = {amount: value for amount, value in seen.items() if math.isfinite(value)}
        if bracket is None and not any(value == truth for value in known.values()):
            return None
        amount = min(known, key=lambda one: (abs(known[one] - truth), abs(one - _START[way]), one))
        columns = self.moved(way, amount)
        return World(columns, self.prepare(columns), known[amount], way, amount)

    def _bracket(self, way: Way, gap: Callable[[float], float]) -> tuple[float, float] | None:
        """Two amounts between which the truth is passed, the nearer to no move the better."""
        start = _START[way]
        first = gap(start)
        for path in self._paths(way):
            before, sign = start, first
            for amount in path:
                now = gap(amount)
                if not math.isfinite(now):
                    break
                if now == 0 or (now > 0) != (sign > 0):
                    return before, amount
                before, sign = amount, now
        return None

    def _paths(self, way: Way) -> list[list[float]]:
        """Amounts to try, in each of the two directions."""
        if way == "relabel":
            grid = [0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0]
            return [grid, [-amount for amount in grid]]
        if way == "scale":
            return [
                [1 + 2.0 ** (power / 2 - 6) for power in range(_DOUBLINGS)],
                [1 - 2.0**-power for power in (5, 4, 3, 2, 1)] + [0.25, 0.1, 0.01, 0.0],
            ]
        values = self.columns.test - self.columns.reference if way == "shift" else self.columns.test
        unit = float(np.std(np.asarray(values, dtype=np.float64))) or 1.0
        steps = [unit * 2.0 ** (power - 8) for power in range(_DOUBLINGS)]
        return [steps, [-step for step in steps]]

    def moved(self, way: Way, amount: float) -> Columns:
        """The rows with test values moved.

        Args:
            way: How.
            amount: What is added (`shift`, `separate`), the factor (`scale`), or the share of right outputs
                that are made wrong (`relabel`; below 0 the share of wrong ones that are made right).
        """
        reference, test = self.columns.reference, self.columns.test
        values: NDArray[Any]
        if way == "shift":
            values = test + amount
        elif way == "scale":
            values = reference + amount * (test - reference)
        elif way == "separate":
            values = test + amount * (reference == 1)
        elif way == "relabel":
            values = self._relabelled(amount)
        else:
            values = test
        return Columns(
            reference,
            values,
            self.columns.offsets,
            levels=self.columns.levels,
            weights=self.columns.weights,
            roles=self.columns.roles,
            role_levels=self.columns.role_levels,
        )

    def _relabelled(self, amount: float) -> IntArray:
        reference = np.asarray(self.columns.reference, dtype=np.int64)
        test = np.asarray(self.columns.test, dtype=np.int64)
        scores, wrong = self._scores
        if amount < 0:
            return np.where((test != reference) & (scores < -amount), reference, test)
        return np.where((test == reference) & (scores < amount), wrong, test)

    @cached_property
    def _scores(self) -> tuple[FloatArray, IntArray]:
        """(n,) uniform scores, alike within a subject, and what each output would be if it were wrong."""
        reference = np.asarray(self.columns.reference, dtype=np.int64)
        test = np.asarray(self.columns.test, dtype=np.int64)
        sizes = np.diff(self.columns.offsets)
        random = np.random.Generator(np.random.PCG64(self.seed))
        common = latent_correlation(test != reference, self.columns.offsets)
        own = np.repeat(random.standard_normal(len(sizes)), sizes)
        scores = special.ndtr(
            math.sqrt(common) * own + math.sqrt(1 - common) * random.standard_normal(len(test))
        )
        return scores, _wrong(reference, test, max(len(self.columns.levels), 2), random)


_START: dict[Way, float] = {"none": 0.0, "shift": 0.0, "scale": 1.0, "relabel": 0.0, "separate": 0.0}


def _wrong(reference: IntArray, test: IntArray, levels: int, random: np.random.Generator) -> IntArray:
    """For every row a category that is not the reference's, as often as such errors were seen."""
    draws = random.random(len(test))
    found = np.zeros(len(test), dtype=np.int64)
    for level in range(levels):
        rows = reference == level
        counts = np.bincount(test[rows & (test != level) & (test >= 0)], minlength=levels).astype(float)
        if not counts.any():
            counts = np.ones(levels)
        counts[level] = 0.0
        cuts = np.cumsum(counts) / counts.sum()
        found[rows] = np.searchsorted(cuts, draws[rows], side="right").clip(max=levels - 1)
    return found


def latent_correlation(wrong: NDArray[np.bool_], offsets: IntArray) -> float:
    """How alike the normal scores of one subject have to be for errors as alike as those that were seen.

    The intraclass correlation of the errors (one-way analysis of variance, unequal sizes) is that of
    exceedances of a threshold by two normal variables: Phi2(z, z; rho) - p^2 = icc p (1 - p), z = Phi^-1(p).

    Args:
        wrong: (n,) which outputs are wrong.
        offsets: (S + 1,) start of each subject's rows.

    Returns:
        0 to 0.99; 0 where there is no error, nothing but errors, or one row a subject.

    Example:
        >>> latent_correlation(np.array([True, True, False, False]), np.array([0, 2, 4]))
        0.99
        >>> latent_correlation(np.array([False, False]), np.array([0, 1, 2]))
        0.0
    """
    sizes = np.diff(offsets)
    filled = sizes[sizes > 0].astype(np.float64)
    n, groups = float(filled.sum()), len(filled)
    p = float(np.mean(wrong)) if len(wrong) else 0.0
    if not 0 < p < 1 or n <= groups or groups < 2:
        return 0.0
    sums = np.add.reduceat(wrong.astype(np.float64), offsets[:-1][sizes > 0])
    between = float(np.sum(filled * (sums / filled - p) ** 2)) / (groups - 1)
    within = float(n * p * (1 - p) - np.sum(filled * (sums / filled - p) ** 2)) / (n - groups)
    usual = (n - float(np.sum(filled**2)) / n) / (groups - 1)
    total = between + (usual - 1) * within
    icc = (between - within) / total if total > 0 else 0.0
    if icc <= 0:
        return 0.0
    z, wanted = float(special.ndtri(p)), icc * p * (1 - p) + p * p

    def gap(rho: float) -> float:
        both = stats.multivariate_normal.cdf([z, z], mean=[0.0, 0.0], cov=[[1.0, rho], [rho, 1.0]])
        return float(both) - wanted

    most = 0.99
    return most if gap(most) <= 0 else float(optimize.brentq(gap, 0.0, most, xtol=1e-6))


def drawn(world: World, chosen: IntArray, prepare: Prepare) -> Prepared:
    """What the metric makes of a study of drawn subjects; a subject that is drawn twice is two subjects.

    Totals of additive metrics are picked, nothing is read again; other metrics get the rows.

    Args:
        world: The population.
        chosen: (N,) positions of the subjects that were drawn.
        prepare: Makes the metric's summary of rows.
    """
    if isinstance(world.prepared, AdditivePrepared) and world.columns.weights is None:
        return world.prepared.subset(chosen)
    return prepare(rows_of(world.columns, chosen))


def rows_of(columns: Columns, chosen: IntArray) -> Columns:
    """The rows of drawn subjects, one after the other.

    Example:
        >>> columns = Columns(np.arange(3.0), np.arange(3.0) + 10, np.array([0, 1, 3]))
        >>> found = rows_of(columns, np.array([1, 1, 0]))
        >>> found.test.tolist(), found.offsets.tolist()
        ([11.0, 12.0, 11.0, 12.0, 10.0], [0, 2, 4, 5])
    """
    starts, sizes = columns.offsets[:-1][chosen], np.diff(columns.offsets)[chosen]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    rows = np.repeat(starts - offsets[:-1], sizes) + np.arange(offsets[-1])
    return replace(
        columns,
        reference=columns.reference[rows],
        test=columns.test[rows],
        offsets=offsets,
        weights=None if columns.weights is None else columns.weights[rows],
        roles={name: values[rows] for name, values in columns.roles.items()},
    )
