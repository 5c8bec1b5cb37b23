"""What a run keeps of the pairs of streams: prepared metrics, and counts, so that nothing need be read again.

Everything here is named by what it was made from: the name of the pairs, the code, and those parts of the
protocol that it depends on. Levels, criteria and intervals are none of them: they are worked out anew from
what was kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..datasets.pairs import Pairs
from ..datasets.store import Store, key_of
from ..evaluators.freezing import FrozenError, freeze, thaw
from ..evaluators.metric import Prepared
from ..protocols.model import Endpoint, Protocol
from .coding import PRIMARY, coding
from .program import program
from .questions import Batch, Material, Question, places
from .splits import Part

T = TypeVar("T")
KIND_PREPARED, KIND_FACTS = "prepared", "facts"
MOST_BYTES = 64 * 2**20
"""A prepared metric larger than this is made again from the pairs: it is no summary of them."""
CODE = ("evaluators", "protocols", "datasets", "studies")
_JUDGING = frozenset(
    {
        "title", "hypothesis", "interval", "criterion", "criteria", "estimand", "role", "subgroups", "by",
        "disparity",
    }
)  # fmt: skip
"""What an endpoint says that its prepared metric does not depend on."""
_DECIDING = frozenset(
    {
        "title", "intended_use", "objective", "design", "endpoints", "families", "subgroups",
        "seed", "sample_size", "standards", "references", "comparison", "change_control",
    }
)  # fmt: skip
"""What a protocol says that no count of its pairs depends on, endpoints aside."""


@dataclass(frozen=True)
class Answerable:
    """A metric prepared from the rows of one question, or why it could not be.

    Attributes:
        prepared: The prepared metric.
        problem: Why there is none.
        subjects: Its subjects, in order.
        n_rows: Rows that there were.
    """

    prepared: Prepared | None
    problem: str | None
    subjects: tuple[str, ...]
    n_rows: int


class Kept:
    """What is kept of a run's pairs; without a store nothing is.

    Args:
        store: Where.
        protocol: Resolved protocol.
        keys: (pairing, version) -> name of the pairs, of those whose name is known.
    """

    def __init__(self, store: Store | None, protocol: Protocol, keys: Mapping[tuple[str, str], str]) -> None:
        versions = {version for _, version in keys}
        self._store = store
        self._keys = dict(keys) if store is not None else {}
        self.protocol = protocol
        data = self._data = protocol.model_dump(mode="json", by_alias=True)
        for rule in data["pairings"].values():  # which errors of the clock are tried changes no pair
            (rule["alignment"] or {}).pop("tipping", None)
        self._identities: dict[tuple[int, str], tuple[Endpoint, str]] = {}
        self._whole = set(self._keys) >= {
            (name, version) for name in data["pairings"] for version in versions
        }
        endpoints = [(name, _asked(one, but="role")) for name, one in data["endpoints"].items()]
        plan = [part for part in data.items() if part[0] not in _DECIDING]
        # as text, for the order of populations, requirements and reason codes has a meaning
        self._plan = json.dumps([plan, endpoints])
        rows = ("tables", "pairings", "exclusions", "unknown_exclusions", "indeterminate")
        self._rows = json.dumps([data[name] for name in rows])

    @staticmethod
    def of(store: Store | None, protocol: Protocol, pairs: Mapping[tuple[str, str], Pairs]) -> Kept:
        """Of pairs, some of which may have names."""
        return Kept(store, protocol, {place: own.key for place, own in pairs.items() if own.key is not None})

    def fact(self, what: str, version: str, compute: Callable[[], T]) -> T:
        """Something that is said of the run's pairs and that JSON can hold, computed once.

        It must depend on pairs, and on the protocol without levels, criteria and subgroups, alone.

        Args:
            what: Its name.
            version: The version that decides.
            compute: Makes it.
        """
        if self._store is None or not self._whole:
            return compute()
        keys = [[*place, key] for place, key in sorted(self._keys.items())]
        key = key_of(KIND_FACTS, what, version, keys, program(*CODE), self._plan)
        entry = self._store.get(KIND_FACTS, key)
        if entry is not None:
            found: T = entry.facts["answer"]
            return found
        answer = compute()
        self._store.put(KIND_FACTS, key, facts={"answer": json.loads(json.dumps(answer))})
        return answer

    def population(self, endpoint: Endpoint) -> Any:
        """What says which rows an endpoint rests on, beside tables, pairings and exclusions."""
        name = str(endpoint.population)
        where = endpoint.model_dump(mode="json", by_alias=True)["where"]
        return [self._data["populations"][name], where, (self._data["missing"] or {}).get("primary")]

    def answerable(
        self, group: Mapping[str, Endpoint], version: str
    ) -> list[list[tuple[Question, Answerable]]] | None:
        """All that is asked of a group of endpoints, by slice, if all of it was kept; else None."""
        found: dict[tuple[str, Part], list[tuple[Question, Answerable]]] = {}
        for name, endpoint in group.items():
            parts = self._parts(endpoint, version)
            if parts is None:
                return None
            for number, (view, part) in enumerate(places(coding(self.protocol, endpoint), parts)):
                question = Question(number, name, endpoint, version, view, part)
                known = self.get(question)
                if known is None:
                    return None
                found.setdefault((view, part), []).append((question, known))
        return list(found.values())

    def keep_parts(self, batches: Sequence[Batch], material: Material) -> None:
        """Keep which parts the rows of endpoints have, so that these need not be read to know what to ask.

        Where nothing can be estimated from the rows, that is found out anew.
        """
        if material.problem is not None or material.uncounted is not None:
            return
        asked: dict[str, list[Question]] = {}
        for batch in batches:
            for question in batch.questions:
                if question.view == PRIMARY:
                    asked.setdefault(question.endpoint_id, []).append(question)
        for questions in asked.values():
            first = questions[0]
            key = self._parts_key(first.endpoint, first.version)
            if self._store is not None and key is not None and not self._store.has(KIND_FACTS, key):
                ordered = sorted(questions, key=lambda question: question.number)
                parts = [(one.part.by, one.part.subgroup, one.part.level) for one in ordered]
                self._store.put(KIND_FACTS, key, facts={"parts": parts})

    def _parts(self, endpoint: Endpoint, version: str) -> list[Part] | None:
        """The parts of an endpoint's rows, without the conditions that find them."""
        key = self._parts_key(endpoint, version)
        entry = None if self._store is None or key is None else self._store.get(KIND_FACTS, key)
        return None if entry is None else [Part(*part) for part in entry.facts["parts"]]

    def identity(self, endpoint: Endpoint, version: str) -> str | None:
        """Names what an endpoint's rows and metric depend on, subgroups aside; None where pairs have none."""
        place = (str(endpoint.pairing), version)
        if place not in self._keys:
            return None
        known = self._identities.get((id(endpoint), version))
        if known is None:
            asked = _asked(endpoint.model_dump(mode="json", by_alias=True))
            rows = [self._rows, self.population(endpoint)]
            known = endpoint, key_of(self._keys[place], program(*CODE), rows, asked)
            self._identities[id(endpoint), version] = known  # holding the endpoint, its id stays its own
        return known[1]

    def declared(self, endpoint: Endpoint) -> dict[str, str | None]:
        """Declaration -> name of each of the endpoint's subgroups, all units (None) first."""
        named = [[name, self._data["subgroups"][name]] for name in endpoint.subgroups or ()]
        return {json.dumps(one): one[0] for one in ([None], *named)}

    def _parts_key(self, endpoint: Endpoint, version: str) -> str | None:
        place = (str(endpoint.pairing), version)
        if place not in self._keys:
            return None
        subgroups = [(name, self._data["subgroups"][name]) for name in endpoint.subgroups or ()]
        rows = [self._rows, self.population(endpoint), endpoint.reference, endpoint.test]
        splits = [endpoint.by, subgroups]
        columns = endpoint.model_dump(mode="json")["columns"]
        return key_of("parts", self._keys[place], program(*CODE), rows, splits, endpoint.metric, columns)

    def get(self, question: Question) -> Answerable | None:
        """The prepared metric of a question, if it was kept."""
        key = self._key(question)
        entry = None if self._store is None or key is None else self._store.get(KIND_PREPARED, key)
        if entry is None:
            return None
        facts = entry.facts
        try:
            prepared = thaw(entry.data("prepared")) if facts["problem"] is None else None
        except FrozenError:
            return None
        return Answerable(prepared, facts["problem"], tuple(facts["subjects"]), int(facts["n_rows"]))

    def put(self, question: Question, found: Answerable) -> None:
        """Keep the prepared metric of a question, unless it cannot be written or is as long as its rows."""
        key = self._key(question)
        if self._store is None or key is None:
            return
        data = {}
        if found.prepared is not None:
            frozen = freeze(found.prepared)
            if frozen is None or len(frozen) > MOST_BYTES:
                return
            data["prepared"] = frozen
        facts = {"problem": found.problem, "subjects": found.subjects, "n_rows": found.n_rows}
        self._store.put(KIND_PREPARED, key, facts=facts, data=data)

    def _key(self, question: Question) -> str | None:
        """The name of a question: the rows it rests on, and the metric that is asked."""
        endpoint, part = question.endpoint, question.part
        place = (str(endpoint.pairing), question.version)
        if place not in self._keys:
            return None
        asked = _asked(endpoint.model_dump(mode="json", by_alias=True))
        subgroup = self._data["subgroups"].get(part.subgroup) if part.subgroup else None
        # a part need not be one of a declared subgroup: those by site have the name of a column
        identity = [part.by, part.subgroup, subgroup, part.level, part.contrast, part.compared]
        rows = [self._rows, self.population(endpoint)]
        return key_of(KIND_PREPARED, self._keys[place], program(*CODE), rows, asked, question.view, identity)


def _asked(endpoint: Mapping[str, Any], but: str = "") -> dict[str, Any]:
    """An endpoint without what only its interval, decision and parts depend on, but for one of those."""
    return {name: value for name, value in endpoint.items() if name not in _JUDGING or name == but}
