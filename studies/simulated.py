"""Simulated studies of a protocol: drawn subjects, estimated and judged as in a run, against a known truth.

Nothing here knows of folders. The subjects of a run are the population (`evaluators.worlds`); a study draws
as many of them, within strata where the protocol has such, each with all rows.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from ..evaluators.intervals import wilson
from ..evaluators.metric import CannotComputeError, Columns, FloatArray, IntArray, Metric, Prepared
from ..evaluators.weights import ResamplingWeights
from ..evaluators.worlds import WAYS, Mover, World, drawn
from ..protocols.criteria import TableLimit
from ..protocols.model import Criterion, Endpoint, Protocol
from ..protocols.roles import metric_of
from .estimating import prepare
from .evaluation import estimated
from .judge import judge_by, limits, satisfies, settled
from .questions import Question
from .schema import Decision

Scene = Literal["limit", "lower_limit", "upper_limit", "half_way", "observed", "stated"]
SCENES: dict[Scene, str] = {
    "limit": "at the limit",
    "lower_limit": "at the lower limit",
    "upper_limit": "at the upper limit",
    "half_way": "half-way",
    "observed": "as observed",
    "stated": "as stated",
}
"""Where the truth lies, in words."""
DECISIONS: tuple[Decision, ...] = ("met", "not_met", "not_evaluable", "informative")
MC_LEVEL = 0.95
"""Confidence of the Wilson interval that tells the Monte-Carlo error of a rate."""
FAR = 0.05
"""A truth that misses the one asked for by more than this share of a standard error is said to."""
_CHUNK = 25
_DESIGN = "accordance/calibration/1"


def rate(n: int, of: int) -> dict[str, Any]:
    """A share of simulated studies with its Monte-Carlo error, a 95% Wilson interval.

    Example:
        >>> rate(25, 1000)["rate"], round(rate(25, 1000)["lower"], 4), round(rate(25, 1000)["upper"], 4)
        (0.025, 0.017, 0.0366)
    """
    if of == 0:
        return {"n": n, "of": of, "rate": None, "lower": None, "upper": None}
    lower, upper = wilson(n, of, MC_LEVEL)
    return {"n": n, "of": of, "rate": n / of, "lower": float(lower), "upper": float(upper)}


class Draws:
    """Which subjects each simulated study draws, and the resampling weights within it.

    Both follow from the protocol's seed and the subjects alone, so that all endpoints, truths and versions
    see the same studies, whatever the number of workers.

    Args:
        keys: Subjects of the study.
        seed: The protocol's.
        studies: How many are simulated.
        replicates: Bootstrap replicates within each.
        strata: Subject -> resampling stratum; default none.
    """

    def __init__(
        self,
        keys: Sequence[str],
        *,
        seed: int,
        studies: int,
        replicates: int,
        strata: Mapping[str, str] | None = None,
    ) -> None:
        # by stratum: the i-th drawn subject is then of the stratum that the i-th subject is of
        labels = {key: "" if strata is None else strata.get(key, "") for key in keys}
        self.keys = tuple(sorted(keys, key=lambda key: (labels[key], key)))
        own = [labels[key] for key in self.keys]
        outer = int(hashlib.sha256(f"{_DESIGN} {seed}".encode()).hexdigest()[:15], 16)
        self.studies = studies
        self.counts = ResamplingWeights(self.keys, seed=outer, replicates=studies, strata=own).matrix(
            list(self.keys)
        )
        self.inner = ResamplingWeights(self.keys, seed=seed, replicates=replicates, strata=own)

    @cached_property
    def weights(self) -> FloatArray:
        """(B, S) resampling weights within a simulated study."""
        return self.inner.matrix(list(self.keys))

    def chosen(self, study: int) -> IntArray:
        """(S,) positions of the subjects that a study drew."""
        return np.repeat(np.arange(len(self.keys)), self.counts[study].astype(np.int64))

    def places(self, subjects: Sequence[str]) -> IntArray:
        """(S,) position of each subject among those that have rows; -1 for the others."""
        own = {name: place for place, name in enumerate(subjects)}
        return np.array([own.get(key, -1) for key in self.keys], dtype=np.int64)


@dataclass(frozen=True)
class Target:
    """One statistic whose decision and interval are calibrated.

    Attributes:
        question: Endpoint, version, and part of the rows.
        statistic: The statistic.
        criterion: What it is judged by; None where it is only described.
        columns: Its rows.
        subjects: Their subjects, in order.
        resampled: Whether its interval resamples.
    """

    question: Question
    statistic: str
    criterion: Criterion | None
    columns: Columns
    subjects: tuple[str, ...]
    resampled: bool

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint."""
        return self.question.endpoint


@dataclass(frozen=True)
class Outcomes:
    """What each simulated study found at one truth.

    Attributes:
        decisions: (R,) index into `DECISIONS`.
        shown: (R,) whether the whole interval agrees with the limit.
        lower: (R,) bounds, NaN without an interval.
        upper: (R,) likewise.
        estimates: (R,) estimates, NaN without one.
        subjects: (R,) subjects with rows.
    """

    decisions: IntArray
    shown: IntArray
    lower: FloatArray
    upper: FloatArray
    estimates: FloatArray
    subjects: IntArray


class Simulator:
    """Simulates studies of one statistic.

    Args:
        protocol: Resolved protocol.
        target: The statistic.
        draws: Which subjects each study draws.
    """

    def __init__(self, protocol: Protocol, target: Target, draws: Draws) -> None:
        self.protocol, self.target, self.draws = protocol, target, draws
        self.metric: Metric = metric_of(protocol, target.endpoint)
        self._places = draws.places(target.subjects)
        self.mover = Mover(
            self.metric,
            target.statistic,
            target.columns,
            self.prepare,
            seed=seed_of(protocol, target.question),
        )
        criterion = target.criterion
        # a limit that nobody has confirmed is taken at its word
        self._taken = None if criterion is None else criterion.model_copy(update={"tier": "study"})
        by = criterion.limit.by if criterion and isinstance(criterion.limit, TableLimit) else None
        self._wanted = tuple(dict.fromkeys([target.statistic, *([by] if by else [])]))

    def prepare(self, columns: Columns) -> Prepared:
        """The metric's summary.

        Raises:
            CannotComputeError: There is none.
        """
        return made(self.metric, self.target.endpoint, columns)

    def limits(self) -> tuple[float, float]:
        """The accepted range, read in its table at what was observed where it has one.

        Raises:
            CannotComputeError: There is no fixed limit.
        """
        criterion = self.target.criterion
        if criterion is None:
            return -math.inf, math.inf
        if isinstance(criterion.limit, TableLimit):
            raise CannotComputeError(
                "the limit is read in a table by another statistic, so no one truth lies at it"
            )
        known = settled(criterion, {})
        return (-math.inf, math.inf) if known is None else limits(known)

    def scenes(self, stated: Sequence[float] = ()) -> list[tuple[Scene, float]]:
        """Truths to simulate: at each limit, half-way from the nearer one to what was observed, observed.

        Raises:
            CannotComputeError: The statistic has no value in the data.
        """
        observed = self.mover.observed.truth
        try:
            low, high = self.limits()
        except CannotComputeError:
            low, high = -math.inf, math.inf
        known = [limit for limit in (low, high) if math.isfinite(limit)]
        found: list[tuple[Scene, float]] = []
        if len(known) == 2:
            found += [("lower_limit", low), ("upper_limit", high)]
        elif known:
            found.append(("limit", known[0]))
        if known:
            nearest = min(known, key=lambda limit: abs(limit - observed))
            found.append(("half_way", (nearest + observed) / 2))
        return [*found, ("observed", observed), *(("stated", float(truth)) for truth in stated)]

    def run(self, world: World, pool: ThreadPoolExecutor, tell: Callable[[int], None]) -> Outcomes:
        """Every study at one truth.

        Args:
            world: The population.
            pool: Workers.
            tell: Told how many studies are done.
        """
        starts = range(0, self.draws.studies, _CHUNK)
        rows: list[tuple[float, ...]] = []
        for part in pool.map(lambda start: self._some(world, start), starts):
            rows += part
            tell(len(rows))
        table = np.array(rows)
        return Outcomes(
            decisions=table[:, 0].astype(np.int64),
            shown=table[:, 1].astype(np.int64),
            lower=table[:, 2],
            upper=table[:, 3],
            estimates=table[:, 4],
            subjects=table[:, 5].astype(np.int64),
        )

    def _some(self, world: World, start: int) -> list[tuple[float, ...]]:
        stop = min(start + _CHUNK, self.draws.studies)
        return [self._one(world, study) for study in range(start, stop)]

    def _one(self, world: World, study: int) -> tuple[float, ...]:
        """Decision, evidence, bounds, estimate and subjects of one study."""
        places = self._places[self.draws.chosen(study)]
        there = places >= 0
        own = places[there]
        nothing = (DECISIONS.index("not_evaluable"), 0, math.nan, math.nan, math.nan, len(own))
        if not len(own):
            return nothing
        try:
            prepared = drawn(world, own, self.prepare)
        except CannotComputeError:
            return nothing
        weights = None
        if self.target.resampled:
            weights = self.draws.weights if there.all() else self.draws.weights[:, there]
        endpoint = self.target.endpoint
        found = estimated(
            self.protocol, endpoint, self.metric, prepared, weights=weights, statistics=self._wanted
        )
        verdict = judge_by(self._taken, found, endpoint.interval)
        one = found[self.target.statistic]
        lower, upper = (one.interval.lower, one.interval.upper) if one.interval else (math.nan, math.nan)
        shown = int(verdict.evidence == "shown")
        return DECISIONS.index(verdict.decision), shown, lower, upper, one.value, one.counts.n_subjects


def made(metric: Metric, endpoint: Endpoint, columns: Columns) -> Prepared:
    """A metric's summary of rows.

    Raises:
        CannotComputeError: There is none; the message says why.
    """
    prepared, problem = prepare(metric, endpoint, columns)
    if prepared is None:
        raise CannotComputeError(str(problem))
    return prepared


def seed_of(protocol: Protocol, question: Question) -> int:
    """The seed of what is random in moving outputs: another for each endpoint and part."""
    name = [_DESIGN, protocol.seed, question.endpoint_id, question.part.by]
    return int(hashlib.sha256(json.dumps(name).encode()).hexdigest()[:15], 16)


def summary(scene: Scene, asked: float, world: World, outcomes: Outcomes, target: Target) -> dict[str, Any]:
    """One truth, and how often the studies decided what, covered it, and how wide their intervals were."""
    studies = len(outcomes.decisions)
    usable = ~(np.isnan(outcomes.lower) | np.isnan(outcomes.upper))
    inside = (outcomes.lower[usable] <= world.truth) & (world.truth <= outcomes.upper[usable])
    widths = outcomes.upper[usable] - outcomes.lower[usable]
    values = outcomes.estimates[np.isfinite(outcomes.estimates)]
    error, criterion = world.prepared.standard_error(target.statistic), target.criterion
    far = math.isfinite(error) and abs(world.truth - asked) > FAR * error
    note = f"the nearest to {asked:.6g} that so few units can have" if far else None
    fixed = criterion is not None and not criterion.is_open and not isinstance(criterion.limit, TableLimit)
    return {
        "scenario": scene,
        "title": SCENES[scene],
        "asked": asked,
        "truth": world.truth,
        "true_decision": _true(world.truth, criterion, error) if fixed and criterion is not None else None,
        "way": world.way,
        "way_words": WAYS[world.way],
        "amount": world.amount,
        "note": note,
        "n_studies": studies,
        "n_subjects": float(np.mean(outcomes.subjects)),
        "decisions": {
            name: rate(int(np.count_nonzero(outcomes.decisions == place)), studies)
            for place, name in enumerate(DECISIONS)
        },
        "shown": rate(int(np.count_nonzero(outcomes.shown)), studies),
        "coverage": rate(int(np.count_nonzero(inside)), int(np.count_nonzero(usable))),
        "without_interval": int(studies - np.count_nonzero(usable)),
        "mean_width": float(np.mean(widths)) if len(widths) and np.isfinite(widths).all() else None,
        "mean_estimate": float(np.mean(values)) if len(values) else None,
        "error": None,
    }


def _true(truth: float, criterion: Criterion, error: float) -> str:
    """What the truth itself would be called; at the limit nothing is met, but for rounding."""
    near = 1e-9 * error if math.isfinite(error) else 0.0  # a limit of 0 has no relative distance
    at = any(
        math.isfinite(limit) and math.isclose(truth, limit, rel_tol=1e-9, abs_tol=near)
        for limit in limits(criterion)
    )
    return "met" if satisfies(truth, criterion) and not at else "not_met"
