"""What a comparison keeps of two versions whatever level and margin are asked for.

The summary of every part, the ranking of the subjects, and how far the comparisons of a family lie from their
values together. With them another level or margin needs neither rows nor prepared metrics. Named by the pairs
of both versions and by what the endpoint's rows and metric depend on (`Kept.identity`).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..datasets.store import Store, key_of
from ..evaluators.comparison.contrast import PairSummary
from ..evaluators.comparison.joint_deviations import JointDeviations
from ..evaluators.weights import ResamplingWeights
from ..protocols.comparison import ComparedEndpoint
from ..protocols.model import Endpoint
from .kept import Kept
from .kept_sides import LeftOut
from .splits import Part

KIND, KIND_JOINT = "contrasts", "joint"


@dataclass(frozen=True)
class KnownPart:
    """A part of two versions' units, summarised.

    Attributes:
        part: Which part.
        problem: Why a version has no summary there.
        n_subjects: Subjects.
        n_units: Units of the candidate.
        summary: What was found, whatever level and margin; None where there is a problem.
    """

    part: Part
    problem: str | None
    n_subjects: int
    n_units: int
    summary: PairSummary | None


@dataclass(frozen=True)
class Contrasts:
    """What is known of two versions in an endpoint.

    Attributes:
        left_out: Units that only one version has.
        parts: Known parts, all units first.
        lacking: Subgroups whose levels are not known.
    """

    left_out: LeftOut
    parts: tuple[KnownPart, ...]
    lacking: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Place:
    """Two versions in one endpoint.

    Attributes:
        endpoint: The endpoint.
        baseline: The version compared with.
        candidate: The version in question.
        plan: How it is compared.
    """

    endpoint: Endpoint
    baseline: str
    candidate: str
    plan: ComparedEndpoint


class KeptContrasts:
    """What is kept; without a store, or of pairs without a name, nothing is.

    Args:
        store: Where.
        kept: Knows the names of the pairs, and what rows of an endpoint depend on.
        weights: The subject weights that replicates are made at.
    """

    def __init__(self, store: Store | None, kept: Kept, weights: ResamplingWeights | None) -> None:
        self.store, self._kept = store, kept
        self._design = None if weights is None else [weights.digest, weights.replicates]

    def key(self, place: Place) -> str | None:
        """The name of two versions in an endpoint; None where their pairs have none."""
        own, theirs = (self._kept.identity(place.endpoint, v) for v in (place.baseline, place.candidate))
        if self.store is None or own is None or theirs is None:
            return None
        return key_of(KIND, own, theirs, place.plan.statistic, place.plan.scale)

    def get(self, place: Place) -> Contrasts | None:
        """What was kept of two versions in an endpoint."""
        key = self.key(place)
        entry = None if self.store is None or key is None else self.store.get(KIND, key)
        if entry is None:
            return None
        left, asked = entry.facts["left_out"], self._kept.declared(place.endpoint)
        most = tuple((str(name), int(count)) for name, count in left["subjects"])
        held = {one: parts for one, parts in entry.facts["parts"].items() if one in asked}
        return Contrasts(
            LeftOut(left["baseline"], left["candidate"], most),
            tuple(_known(part) for one in asked for part in held.get(one, ())),
            tuple(name for one, name in asked.items() if one not in held),
        )

    def put(self, place: Place, left: LeftOut, parts: Sequence[KnownPart]) -> None:
        """Keep every part of two versions, beside what is kept of subgroups that are not asked for now.

        Args:
            place: The versions in an endpoint.
            left: Units that only one version has.
            parts: All units first, then the levels of every subgroup.
        """
        key = self.key(place)
        if self.store is None or key is None:
            return
        entry = self.store.get(KIND, key)
        held: dict[str, Any] = {} if entry is None else dict(entry.facts["parts"])
        for declared, name in self._kept.declared(place.endpoint).items():
            held[declared] = [_facts(one) for one in parts if one.part.subgroup == name]
        facts = {"left_out": asdict(left), "parts": held}
        self.store.remove(KIND, key)
        self.store.put(KIND, key, facts=facts)

    def joint(
        self, places: Sequence[tuple[str, Place]], compute: Callable[[], JointDeviations]
    ) -> JointDeviations:
        """How far the comparisons of a family, each with its name, lie from their values together."""
        keys = [self.key(place) for _, place in places]
        if self.store is None or None in keys or self._design is None:
            return compute()
        key = key_of(KIND_JOINT, keys, [name for name, _ in places], self._design)
        entry = self.store.get(KIND_JOINT, key)
        if entry is not None:
            facts = entry.facts
            problems = {int(one): why for one, why in facts["problems"].items()}
            largest = np.load(io.BytesIO(entry.data("largest")), allow_pickle=False)
            return JointDeviations(largest, facts["undefined"], problems, facts["failure"])
        found = compute()
        buffer = io.BytesIO()
        np.save(buffer, found.largest, allow_pickle=False)
        facts = {
            "undefined": found.undefined,
            "problems": {str(one): why for one, why in found.problems.items()},
            "failure": found.failure,
        }
        self.store.put(KIND_JOINT, key, facts=facts, data={"largest": buffer.getvalue()})
        return found


def _facts(one: KnownPart) -> dict[str, Any]:
    return {
        "subgroup": one.part.subgroup,
        "level": one.part.level,
        "problem": one.problem,
        "n_subjects": one.n_subjects,
        "n_units": one.n_units,
        "summary": None if one.summary is None else one.summary.facts,
    }


def _known(facts: Mapping[str, Any]) -> KnownPart:
    summary = facts["summary"]
    return KnownPart(
        Part(subgroup=facts["subgroup"], level=facts["level"]),
        facts["problem"],
        facts["n_subjects"],
        facts["n_units"],
        None if summary is None else PairSummary.of_facts(summary),
    )
