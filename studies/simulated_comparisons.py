"""Simulated comparisons of versions: both versions' rows of drawn subjects, against a known improvement.

The candidate's test values are moved until it is better than the baseline by a stated amount in all subjects
together; everything else is as for one version (`simulated`), and the comparing code is that of `compare`,
with the adjustment for all primary endpoints and candidates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..evaluators.comparison.scales import scaled_margin
from ..evaluators.metric import CannotComputeError, IntArray, Interval, Metric, Prepared
from ..evaluators.worlds import WAYS, Mover, World, drawn
from ..protocols.comparison import ComparedEndpoint, VersionComparison
from ..protocols.model import Endpoint, Protocol
from ..protocols.roles import metric_of
from .comparable import Comparable, Matcher
from .compared import Comparer, Line
from .comparison_words import ORDER, candidate_decision
from .kept import Kept
from .kept_sides import KeptSides
from .matched_rows import Sides
from .own_values import improved
from .prepared_parts import BothSides, PreparedPart
from .questions import Question, groups
from .results import Results
from .simulated import Draws, made, rate, seed_of
from .slices import PRIMARY, WHOLE, endpoint_of

Scene = Literal["no_difference", "at_margin", "observed"]
SCENES: dict[Scene, str] = {
    "no_difference": "no difference",
    "at_margin": "worse by the margin",
    "observed": "as observed",
}
"""How much better the candidate is, in words."""
_CHUNK = 10


@dataclass(frozen=True)
class Pair:
    """One endpoint of baseline and candidate.

    Attributes:
        endpoint_id: The endpoint.
        candidate: The version in question.
        plan: How it is compared.
        sides: The rows of both.
        subjects: (S,) position of each subject of the study among those with rows; -1 without.
        baseline: The baseline as it is.
        mover: Moves the candidate.
        prepare: Makes the metric's summary of rows.
        better: Direction that is good.
    """

    endpoint_id: str
    candidate: str
    plan: ComparedEndpoint
    sides: Sides
    subjects: IntArray
    baseline: World
    mover: Mover
    prepare: Callable[[Any], Prepared]
    better: str

    def improvement(self, world: World) -> float:
        """True improvement of a moved candidate."""
        first, second = np.array([self.baseline.truth]), np.array([world.truth])
        found = float(improved(first, second, self.better, self.plan.scale)[0])
        # the order of additions is no difference
        return 0.0 if abs(found) <= 1e-12 * max(1.0, abs(self.baseline.truth)) else found

    def to(self, improvement: float) -> World:
        """The candidate, better than the baseline by a stated amount.

        Raises:
            CannotComputeError: It cannot be moved there.
        """
        first, observed = self.baseline.truth, self.mover.observed.truth
        if self.better == "none":
            raise CannotComputeError("the statistic has no direction that is better")
        sign = -1.0 if self.better == "lower" else 1.0
        if self.plan.scale == "ratio":
            return self.mover.to(first * math.exp(sign * improvement))
        if self.better == "near_zero":
            size = abs(first) - improvement
            if size < 0:
                raise CannotComputeError("no value lies nearer to zero than zero")
            return self.mover.to(math.copysign(size, observed))
        return self.mover.to(first + sign * improvement)


@dataclass(frozen=True)
class Decided:
    """What one simulated comparison found, without what was prepared for it.

    Attributes:
        endpoint_id: The endpoint.
        candidate: The version in question.
        role: `primary` or `secondary`.
        decision: What decides: of the adjusted interval where there is one.
        interval: The unadjusted interval of the improvement; None where there is none.
    """

    endpoint_id: str
    candidate: str
    role: str
    decision: str
    interval: Interval | None

    @staticmethod
    def of(line: Line) -> Decided:
        """Of a line."""
        return Decided(
            line.comparable.endpoint_id,
            line.comparable.candidate,
            line.plan.role,
            line.verdict.decision,
            None if line.whole.found is None else line.whole.found.interval,
        )


class Comparisons:
    """All comparisons of a protocol, simulated together.

    Args:
        results: The run whose pairs are drawn.
        baseline: The version compared with.
        candidates: The versions in question.
        draws: Which subjects each study draws.
    """

    def __init__(self, results: Results, baseline: str, candidates: Sequence[str], draws: Draws) -> None:
        self.protocol: Protocol = results.protocol
        if self.protocol.comparison is None:
            raise ValueError("the protocol compares no versions")
        self.section: VersionComparison = self.protocol.comparison
        self.baseline, self.candidates, self.draws = baseline, tuple(candidates), draws
        self.results = results
        self.comparer = Comparer(self.protocol, self.section, draws.inner)
        self.left_out: list[dict[str, str]] = []

    def document(self, pool: ThreadPoolExecutor, tell: Callable[[str, float], None]) -> dict[str, Any]:
        """What is found at each truth, as JSON holds it."""
        pairs, failed = self._pairs()
        scenes = []
        for place, (scene, title) in enumerate(SCENES.items()):

            def told(done: int, place: int = place, title: str = title) -> None:
                share = (place + done / self.draws.studies) / len(SCENES)
                tell(f"simulating comparisons, {title}", share)

            scenes.append(self._scene(scene, pairs, failed, pool, told))
        return {
            "baseline": self.baseline,
            "candidates": list(self.candidates),
            "level": self.section.level,
            "multiplicity": self.section.multiplicity,
            "left_out": self.left_out,
            "scenarios": scenes,
        }

    def _pairs(self) -> tuple[list[Pair], list[dict[str, Any]]]:
        """Every endpoint and candidate in the section's order, and those that cannot be had."""
        endpoints = {name: endpoint_of(self.protocol, name) for name in self.section.endpoints}
        matcher = Matcher(
            self.protocol,
            self.baseline,
            sorted(self.draws.keys),
            self.results.pairs,
            kept=KeptSides(None, Kept(None, self.protocol, {})),
            overlap=True,
        )
        found, failed = [], []
        for group in groups(self.protocol, endpoints):
            for name in group:
                for candidate in self.candidates:
                    try:
                        found.append(self._pair(group, matcher, name, candidate))
                    except CannotComputeError as error:
                        failed.append({"endpoint": name, "candidate": candidate, "error": str(error)})
        order = {name: place for place, name in enumerate(self.section.endpoints)}
        found.sort(key=lambda one: (order[one.endpoint_id], self.candidates.index(one.candidate)))
        return found, failed

    def _pair(self, group: dict[str, Endpoint], matcher: Matcher, name: str, candidate: str) -> Pair:
        endpoint, plan = group[name], self.section.endpoints[name]
        sides = matcher.columns(group, name, candidate)
        if sides.baseline is None or sides.candidate is None:
            raise CannotComputeError(str(sides.problem))
        if sides.left_out.any:
            told = sides.left_out.words(self.baseline, candidate)
            self.left_out.append({"endpoint": name, "candidate": candidate, "words": told})
        metric: Metric = metric_of(self.protocol, endpoint)
        statistic = plan.statistic or metric.headline

        def prepare(columns: Any) -> Prepared:
            return made(metric, endpoint, columns)

        question = Question(0, name, endpoint, candidate, PRIMARY, WHOLE)
        seed = seed_of(self.protocol, question)
        first = Mover(metric, statistic, sides.baseline, prepare, seed=seed).observed
        mover = Mover(metric, statistic, sides.candidate, prepare, seed=seed)
        mover.observed  # noqa: B018 - a candidate without a value is said to be so here
        return Pair(
            name,
            candidate,
            plan,
            sides,
            self.draws.places(sides.subjects),
            first,
            mover,
            prepare,
            metric.statistic(statistic).better,
        )

    def _scene(
        self,
        scene: Scene,
        pairs: Sequence[Pair],
        failed: Sequence[dict[str, Any]],
        pool: ThreadPoolExecutor,
        tell: Callable[[int], None],
    ) -> dict[str, Any]:
        """All comparisons at one truth; what cannot be moved stays as it is, and is said to."""
        worlds, errors = [], []
        for pair in pairs:
            world, error = _moved(pair, scene)
            worlds.append(world)
            errors.append(error)
        starts = range(0, self.draws.studies, _CHUNK)
        studies: list[list[Decided]] = []
        for part in pool.map(lambda start: self._some(pairs, worlds, start), starts):
            studies += part
            tell(len(studies))
        return {
            "scenario": scene,
            "title": SCENES[scene],
            "lines": [
                *(
                    self._line(pair, worlds[at], errors[at], [lines[at] for lines in studies])
                    for at, pair in enumerate(pairs)
                ),
                *failed,
            ],
            "candidates": {
                name: None if any(errors) or failed else self._candidate(name, studies)
                for name in self.candidates
            },
        }

    def _some(self, pairs: Sequence[Pair], worlds: Sequence[World], start: int) -> list[list[Decided]]:
        stop = min(start + _CHUNK, self.draws.studies)
        with ThreadPoolExecutor(1) as own:
            return [self._one(pairs, worlds, study, own) for study in range(start, stop)]

    def _one(
        self, pairs: Sequence[Pair], worlds: Sequence[World], study: int, pool: ThreadPoolExecutor
    ) -> list[Decided]:
        """The lines of one study, without what was prepared for them."""
        chosen = self.draws.chosen(study)
        ready = []
        for pair, world in zip(pairs, worlds, strict=True):
            places = pair.subjects[chosen]
            there = places >= 0
            names = tuple(key for key, have in zip(self.draws.keys, there, strict=True) if have)
            part = _part(pair, world, places[there], names)
            ready.append(Comparable(pair.endpoint_id, pair.candidate, pair.sides.left_out, part))
        return [Decided.of(line) for line in self.comparer.lines(ready, pool)]

    def _line(self, pair: Pair, world: World, error: str | None, lines: Sequence[Decided]) -> dict[str, Any]:
        decisions = [line.decision for line in lines]
        truth, n = pair.improvement(world), len(lines)

        def share(*names: str) -> dict[str, Any]:
            return rate(sum(one in names for one in decisions), n)

        usable = [line.interval for line in lines if line.interval is not None]
        inside = sum(one.lower <= truth <= one.upper for one in usable)
        return {
            "endpoint": pair.endpoint_id,
            "candidate": pair.candidate,
            "role": pair.plan.role,
            "statistic": pair.mover.statistic,
            "scale": pair.plan.scale,
            "margin": pair.plan.margin,
            "truth": truth,
            "way": world.way,
            "way_words": WAYS[world.way],
            "superior": share("superior"),
            "at_least_non_inferior": share("superior", "non_inferior"),
            "inferior": share("inferior"),
            "undecided": share("inconclusive", "not_evaluable"),
            "not_evaluable": share("not_evaluable"),
            "coverage": rate(inside, len(usable)),
            "mean_width": float(np.mean([one.upper - one.lower for one in usable])) if usable else None,
            "error": error,
        }

    def _candidate(self, candidate: str, studies: Sequence[Sequence[Decided]]) -> dict[str, Any]:
        """How often the candidate's own decision is what."""
        found = [
            candidate_decision(
                [
                    {"endpoint": line.endpoint_id, "decision": line.decision, "worse": False, "words": ""}
                    for line in lines
                    if line.candidate == candidate and line.role == "primary"
                ]
            )["decision"]
            for lines in studies
        ]
        return {name: rate(found.count(name), len(found)) for name in reversed(ORDER)}


def _moved(pair: Pair, scene: Scene) -> tuple[World, str | None]:
    """The candidate of a scene; as it is, with the reason, where it cannot be had."""
    observed = pair.mover.observed
    if scene == "observed":
        return observed, None
    margin = scaled_margin(pair.plan.margin, pair.plan.scale)
    try:
        if scene == "no_difference":
            return pair.to(0.0), None
        if margin is None:
            return pair.to(0.0), "no margin is declared"
        return pair.to(-margin), None
    except CannotComputeError as error:
        return observed, str(error)


def _part(pair: Pair, world: World, places: IntArray, names: tuple[str, ...]) -> PreparedPart:
    """Both versions of drawn subjects."""
    if not len(places):
        return PreparedPart.none(WHOLE, "no subject was drawn that has rows")
    try:
        first, second = (drawn(one, places, pair.prepare) for one in (pair.baseline, world))
    except CannotComputeError as error:
        return PreparedPart.none(WHOLE, str(error))
    units = np.diff(world.columns.offsets)[places]
    return PreparedPart.at_hand(WHOLE, BothSides(names, units, first, second))
