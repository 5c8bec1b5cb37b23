"""The operating characteristics of each judged statistic of a protocol, and of the study as a whole.

Endpoints, limits and intervals are the protocol's, rows those of a run's deciding version (`simulated`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ..evaluators.metric import CannotComputeError, Columns
from ..protocols.canonical import canonical, digest
from ..protocols.errors import UsageError
from ..protocols.model import DECIDING, Endpoint, Protocol
from ..protocols.roles import metric_of
from . import slices
from .calibration_folder import CALIBRATION_SCHEMA
from .decide import together, worst
from .estimating import EMPTY, columns_of
from .judge import criterion_text
from .questions import Batch, Material, Question, batches, groups, material_of
from .resampling import methods, resamples
from .results import Results
from .rows import criterion_of, unit_of
from .run import Log
from .schema import Decision
from .simulated import DECISIONS, MC_LEVEL, SCENES, Draws, Outcomes, Scene, Simulator, Target, rate, summary
from .simulated_comparisons import Comparisons

Progress = Callable[[str, float], None]
STUDIES = 1000
"""Simulated studies by default: a rate of 2.5% is then known to within one percentage point."""
FEWEST_SUBJECTS = 8
"""Fewer subjects are no population to draw studies from."""
METHOD = (
    "The subjects of the study were taken as the population: each simulated study drew as many of them with "
    "replacement, each with all rows, so that numbers of rows, the likeness of a subject's rows and missing "
    "outputs are those of the study. The value of all subjects together is the truth. For another truth the "
    "test values of all subjects were moved in one way until the value of all subjects was the one stated. "
    "Every simulated study was estimated and judged by the code and the rules of the run. In brackets behind "
    "a rate: its 95% Wilson interval for the finite number of simulated studies."
)
ASSUMPTIONS = (
    "Subjects are drawn independently, and those of the study stand for those to come.",
    "Moving the test values keeps the shape of errors (shift), their relative sizes (scale), or how alike "
    "they are within a subject (made right or wrong at random).",
    "Rows excluded from the run, and subjects without any row in it, take no part.",
    "Families of hypotheses, requirements on the study and differences between groups of subjects are not "
    "simulated: where the protocol has them, its study is met less often than its endpoints.",
    "Each statistic is moved by itself; only where nothing is moved do the decisions of several belong "
    "together.",
)


@dataclass(frozen=True)
class Asked:
    """What a calibration was asked for.

    Attributes:
        studies: Simulated studies at each truth.
        replicates: Bootstrap replicates within each; None: the protocol's.
        endpoints: Which endpoints; empty: all.
        truths: Endpoint -> further truths.
        baseline: Version that others are compared with; None: the one that decides.
        candidates: Versions in question; empty: all others.
    """

    studies: int = STUDIES
    replicates: int | None = None
    endpoints: tuple[str, ...] = ()
    truths: Mapping[str, tuple[float, ...]] | None = None
    baseline: str | None = None
    candidates: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        """As the manifest holds it."""
        return {
            "studies": self.studies,
            "replicates": self.replicates,
            "endpoints": list(self.endpoints),
            "truths": {name: list(values) for name, values in (self.truths or {}).items()},
            "baseline": self.baseline,
            "candidates": list(self.candidates),
        }


@dataclass(frozen=True)
class Calibrated:
    """One statistic, and what every study found where nothing was moved."""

    target: Target | None
    entry: dict[str, Any]
    observed: Outcomes | None = None


class Work:
    """One calibration at work."""

    def __init__(
        self, results: Results, asked: Asked, *, workers: int | None, tell: Progress, log: Log
    ) -> None:
        self.results, self.asked, self.tell, self.log = results, asked, tell, log
        self.protocol, self.version = results.protocol, results.deciding_version
        self.workers = workers or os.cpu_count() or 1
        self.order = [one["id"] for one in results.document["endpoints"]]

    def document(self) -> dict[str, Any]:
        """calibration.json, but for the run's own identity."""
        draws = self.draws((self.version,))
        wanted = {
            name: self.protocol.endpoints[name]
            for name in self.order
            if name in self.protocol.endpoints and (not self.asked.endpoints or name in self.asked.endpoints)
        }
        with threadpool_limits(limits=1), ThreadPoolExecutor(self.workers) as pool:
            found = self._endpoints(wanted, draws, pool)
            compared = self._comparison(pool)
        return {
            "schema": CALIBRATION_SCHEMA,
            "study": self.results.document["study"],
            "protocol": json.loads(canonical(self.protocol)),
            "protocol_sha256": digest(self.protocol),
            "algorithm": self.results.document["algorithm"],
            "version": self.version,
            "source_run": self.results.run_id,
            "studies": self.asked.studies,
            "replicates": self.asked.replicates or self.protocol.resampling.replicates,
            "seed": self.protocol.seed,
            "mc_level": MC_LEVEL,
            "n_subjects": len(draws.keys),
            "endpoints": [one.entry for one in found],
            "joint": self._joint(found),
            "comparison": compared,
            "method": METHOD,
            "assumptions": list(ASSUMPTIONS),
        }

    def _comparison(self, pool: ThreadPoolExecutor) -> dict[str, Any] | None:
        """Versions compared; None where the protocol compares none, or the run has one version only."""
        versions = [str(name) for name in self.results.document["versions"]]
        baseline = self.asked.baseline or self.version
        candidates = self.asked.candidates or tuple(name for name in versions if name != baseline)
        if self.protocol.comparison is None or not candidates or self.asked.endpoints:
            return None
        work = Comparisons(self.results, baseline, candidates, self.draws((baseline, *candidates)))
        return work.document(pool, self.tell)

    def draws(self, versions: Sequence[str]) -> Draws:
        """The subjects of the pairs of versions, and which of them each study draws."""
        names: set[str] = set()
        strata: dict[str, str] = {}
        columns = self.protocol.resampling.strata
        for name, version in product(self.protocol.pairings, versions):
            pairs = self.results.pairs(name, version)
            names.update(pairs.get_column("subject").drop_nulls().unique().to_list())
            if columns and set(columns) <= set(pairs.columns):
                labels = pairs.select("subject", *(slices.label(c).alias(f"stratum {c}") for c in columns))
                for row in labels.unique(subset="subject", maintain_order=True).iter_rows():
                    strata.setdefault(str(row[0]), json.dumps(row[1:], ensure_ascii=False))
        if len(names) < FEWEST_SUBJECTS:
            raise UsageError(
                f"the run has {len(names)} subjects; simulated studies are drawn from at least "
                f"{FEWEST_SUBJECTS}"
            )
        return Draws(
            sorted(names),
            seed=self.protocol.seed,
            studies=self.asked.studies,
            replicates=self.asked.replicates or self.protocol.resampling.replicates,
            strata=strata or None,
        )

    def _endpoints(
        self, wanted: Mapping[str, Endpoint], draws: Draws, pool: ThreadPoolExecutor
    ) -> list[Calibrated]:
        ready = self._targets(wanted)
        return [
            one if one.target is None else self._one(one.target, one.entry, draws, pool, (at, len(ready)))
            for at, one in enumerate(ready)
        ]

    def _targets(self, wanted: Mapping[str, Endpoint]) -> list[Calibrated]:
        """Every judged statistic with its rows; the headline of endpoints that are not judged."""
        found: dict[str, list[Calibrated]] = {name: [] for name in wanted}
        for group in groups(self.protocol, wanted):
            pairing = str(next(iter(group.values())).pairing)
            material = material_of(self.protocol, group, self.results.pairs(pairing, self.version))
            for batch in batches(self.protocol, group, self.version, material):
                for name, one in self._of_batch(batch, material):
                    found[name].append(one)
        for name, endpoint in wanted.items():
            if not found[name]:
                found[name] += self._nothing(name, endpoint)
        return [one for own in found.values() for one in own]

    def _of_batch(self, batch: Batch, material: Material) -> list[tuple[str, Calibrated]]:
        """What is calibrated on one slice of the rows."""
        asked = [
            (question, name)
            for question in batch.questions
            if question.view == slices.PRIMARY
            for name in statistics_of(self.protocol, question)
        ]
        if not asked:
            return []
        problem = material.problem_in(batch.how, batch.view)
        columns: Columns | None = None
        subjects: tuple[str, ...] = ()
        if problem is None:
            part = batch.part.condition
            chosen = material.rows if part is None else material.rows.filter(part)
            coded = slices.coded(batch.how, chosen, batch.view)
            columns, subjects = columns_of(batch.how, coded, material.subjects)
            problem = None if len(columns.reference) else EMPTY
        found = []
        for question, name in asked:
            entry, endpoint = self._entry(question, name), question.endpoint
            if columns is None or problem is not None:
                found.append((question.endpoint_id, Calibrated(None, {**entry, "error": problem})))
                continue
            criterion = criterion_of(endpoint, name, question.part)
            resampled = resamples(self.protocol, endpoint)
            target = Target(question, name, criterion, columns, subjects, resampled)
            found.append((question.endpoint_id, Calibrated(target, entry)))
        return found

    def _nothing(self, name: str, endpoint: Endpoint) -> list[Calibrated]:
        """The statistics of an endpoint of which there are no rows to draw."""
        headline = metric_of(self.protocol, endpoint).headline
        reason = "no rows to judge it by"
        if endpoint.disparity is not None:
            reason = "differences of subgroups are not moved"
        question = Question(0, name, endpoint, self.version, slices.PRIMARY, slices.WHOLE)
        statistics = [str(part.statistic) for part in endpoint.judged] or [headline]
        return [Calibrated(None, {**self._entry(question, one), "error": reason}) for one in statistics]

    def _entry(self, question: Question, statistic: str) -> dict[str, Any]:
        endpoint = question.endpoint
        metric = metric_of(self.protocol, endpoint)
        declared = metric.statistic(statistic)
        criterion = criterion_of(endpoint, statistic, question.part)
        return {
            "endpoint": question.endpoint_id,
            "title": endpoint.title,
            "role": endpoint.role,
            "metric": metric.name,
            "statistic": statistic,
            "statistic_title": declared.title,
            "unit": unit_of(self.protocol, endpoint, declared.unit),
            "by": question.part.by,
            "criterion": criterion_text(criterion) if criterion else None,
            "ci_method": methods(self.protocol, endpoint).get(statistic),
            "ci_level": endpoint.interval.level,
            "ci_sides": endpoint.interval.sides,
            "observed": None,
            "error": None,
            "scenarios": [],
        }

    def _one(
        self,
        target: Target,
        entry: dict[str, Any],
        draws: Draws,
        pool: ThreadPoolExecutor,
        place: tuple[int, int],
    ) -> Calibrated:
        """One statistic at every truth."""
        name = target.question.endpoint_id
        simulator = Simulator(self.protocol, target, draws)
        stated = (self.asked.truths or {}).get(name, ())
        try:
            scenes = simulator.scenes(stated)
        except CannotComputeError as error:
            return Calibrated(target, {**entry, "error": str(error)})
        entry = {**entry, "observed": simulator.mover.observed.truth}
        try:
            simulator.limits()
        except CannotComputeError as error:
            entry["scenarios"] = [_failed("limit", None, str(error))]
        observed = None
        for at, (scene, asked) in enumerate(scenes):

            def told(done: int, at: int = at) -> None:
                share = (at + done / self.asked.studies) / len(scenes)
                self.tell(f"simulating {name}, {target.statistic}", (place[0] + share) / place[1])

            try:
                world = simulator.mover.to(asked)
            except CannotComputeError as error:
                entry["scenarios"] = [*entry["scenarios"], _failed(scene, asked, str(error))]
                continue
            outcomes = simulator.run(world, pool, told)
            observed = outcomes if scene == "observed" else observed
            told_ = summary(scene, asked, world, outcomes, target)
            entry["scenarios"] = [*entry["scenarios"], told_]
            self.log("simulated", endpoint=name, statistic=target.statistic, scenario=scene)
        return Calibrated(target, entry, observed)

    def _joint(self, found: Sequence[Calibrated]) -> dict[str, Any]:
        """How often the whole study decides what where nothing is moved: one draw serves all endpoints."""
        empty: dict[str, Any] = {"decisions": None, "error": None}
        deciding = {
            name: endpoint
            for name, endpoint in self.protocol.endpoints.items()
            if endpoint.role in DECIDING and endpoint.judged
        }
        if not deciding:
            return {**empty, "error": "no endpoint decides"}
        if self.protocol.families:
            return {**empty, "error": "families of hypotheses are not simulated together"}
        by_endpoint = {
            name: [one for one in found if one.entry["endpoint"] == name and one.entry["criterion"]]
            for name in deciding
        }
        lacking = [
            name for name, own in by_endpoint.items() if not own or any(one.observed is None for one in own)
        ]
        if lacking:
            return {**empty, "error": f"not calibrated: {', '.join(lacking)}"}
        tally = dict.fromkeys(DECISIONS, 0)
        for study in range(self.asked.studies):
            outcomes = [_outcome(deciding[name], own, study) for name, own in by_endpoint.items()]
            tally[worst(outcomes)] += 1
        return {
            "decisions": {name: rate(n, self.asked.studies) for name, n in tally.items()},
            "error": None,
        }


def _outcome(endpoint: Endpoint, own: Sequence[Calibrated], study: int) -> Decision:
    """The decision of an endpoint in one study, from those of its statistics."""
    judged = {
        str(part.statistic): [
            DECISIONS[int(one.observed.decisions[study])]
            for one in own
            if one.observed is not None and one.entry["statistic"] == part.statistic
        ]
        for part in endpoint.judged
    }
    return together(endpoint, judged)


def statistics_of(protocol: Protocol, question: Question) -> list[str]:
    """What is calibrated in a part of the rows: what is judged there, or the headline of the whole."""
    endpoint = question.endpoint
    judged = [
        str(part.statistic)
        for part in endpoint.judged
        if criterion_of(endpoint, str(part.statistic), question.part) is part
    ]
    if not endpoint.judged and question.part == slices.WHOLE:
        return [metric_of(protocol, endpoint).headline]
    return judged


def _failed(scene: Scene, asked: float | None, error: str) -> dict[str, Any]:
    """A truth that could not be made, with its reason, in the form of the others."""
    empty = (
        "truth", "true_decision", "way", "way_words", "amount", "note", "n_subjects", "decisions", "shown",
        "coverage", "without_interval", "mean_width", "mean_estimate",
    )  # fmt: skip
    return {
        "scenario": scene,
        "title": SCENES[scene],
        "asked": asked,
        **dict.fromkeys(empty),
        "n_studies": 0,
        "error": error,
    }
