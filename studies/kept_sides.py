"""What a comparison keeps of the pairs of streams: which units versions share, and what was prepared of them.

Named, as all that is kept, by what it was made from: other levels, margins and ways to share an error rate
find everything there, and read no row.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..datasets.store import Store, key_of
from ..evaluators.freezing import FrozenError, freeze, thaw
from ..evaluators.metric import IntArray, Prepared
from ..protocols.model import Endpoint
from .kept import MOST_BYTES, Kept
from .splits import Part
from .within_subjects import Within

KIND_MATCHED, KIND_SIDE, KIND_WHOLE = "matched", "compared", "compared whole"
KIND_WITHIN = "within"


@dataclass(frozen=True)
class LeftOut:
    """Analysable units that only one of two versions has.

    Attributes:
        baseline: Units that only the baseline has: the candidate lacks them.
        candidate: Units that only the candidate has.
        subjects: Subjects most affected, with their units, most first.
    """

    baseline: int = 0
    candidate: int = 0
    subjects: tuple[tuple[str, int], ...] = ()

    @property
    def any(self) -> bool:
        """Whether the versions have different units."""
        return bool(self.baseline or self.candidate)

    def words(self, baseline: str, candidate: str) -> str:
        """Who lacks how many, and the subjects most affected."""
        lacks = [
            f"`{version}` lacks {count:,} {'unit' if count == 1 else 'units'} that `{other}` has"
            for version, other, count in (
                (candidate, baseline, self.baseline),
                (baseline, candidate, self.candidate),
            )
            if count
        ]
        most = ", ".join(f"{name} ({count:,})" for name, count in self.subjects)
        return f"{' and '.join(lacks)}; most affected: {most}"


@dataclass(frozen=True)
class SidePart:
    """A part of one version's units, prepared.

    Attributes:
        part: Which part.
        subjects: Subjects in order.
        units: (S,) units of each subject.
        prepared: What the metric made of the rows; None where it could not.
        problem: Why not.
    """

    part: Part
    subjects: tuple[str, ...] = ()
    units: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    prepared: Prepared | None = None
    problem: str | None = None


Levels = Callable[[Endpoint, str, SidePart], list[SidePart] | None]
"""Of an endpoint, the name of a subgroup, and the whole: its levels; None where that takes rows."""


class KeptSides:
    """What is kept of versions that were compared; without a store, or of pairs without a name, nothing is.

    Args:
        store: Where.
        kept: Knows the names of the pairs, and what rows of an endpoint depend on.
    """

    def __init__(self, store: Store | None, kept: Kept) -> None:
        self._store, self._kept = store, kept

    def match(self, endpoint: Endpoint, baseline: str, candidate: str) -> LeftOut | None:
        """What was left out of two versions, if that is known."""
        key = self._key(KIND_MATCHED, endpoint, baseline, candidate)
        entry = None if self._store is None or key is None else self._store.get(KIND_MATCHED, key)
        if entry is None:
            return None
        most = tuple((str(name), int(count)) for name, count in entry.facts["subjects"])
        return LeftOut(int(entry.facts["baseline"]), int(entry.facts["candidate"]), most)

    def put_match(self, endpoint: Endpoint, baseline: str, candidate: str, left: LeftOut) -> None:
        """Keep what was left out."""
        key = self._key(KIND_MATCHED, endpoint, baseline, candidate)
        if self._store is not None and key is not None:
            facts = {"baseline": left.baseline, "candidate": left.candidate, "subjects": left.subjects}
            self._store.put(KIND_MATCHED, key, facts=facts)

    def side(
        self, endpoint: Endpoint, version: str, against: str | None, levels: Levels
    ) -> list[SidePart] | None:
        """What was prepared of a version, if all of it was kept, or can be had from what was.

        Args:
            endpoint: The endpoint.
            version: The version.
            against: The other version, where units were left out because of it.
            levels: Prepares the levels of a subgroup from the whole, where that takes no row.
        """
        found = self._parts(self._side_key(endpoint, version, against))
        if found is not None:
            return [part for _, parts in found for part in parts]
        other = self._first(endpoint, version, against)
        found = None if other is None else self._parts(other)
        if found is None:
            return None
        (_, (whole,)), *kept = found
        known = {json.dumps(declared): parts for declared, parts in kept}
        parts = [whole]
        for declared in self._kept.subgroups(endpoint):
            own = known.get(json.dumps(declared)) or levels(endpoint, declared[0], whole)
            if own is None:
                return None
            parts += own
        return parts  # not kept anew: what is made of the whole can be made of it again

    def whole(self, endpoint: Endpoint, version: str, against: str | None) -> SidePart | None:
        """What was prepared of all units of a version, if it was kept.

        Args:
            endpoint: The endpoint.
            version: The version.
            against: The other version, where units were left out because of it.
        """
        found = self._parts(self._first(endpoint, version, against), 1)
        return None if found is None else found[0][1][0]

    def _first(self, endpoint: Endpoint, version: str, against: str | None) -> str | None:
        """The name of what was kept of the endpoint with the subgroups that it was compared with first."""
        key = self._key(KIND_WHOLE, endpoint, version, against)
        entry = None if self._store is None or key is None else self._store.get(KIND_WHOLE, key)
        return None if entry is None else str(entry.facts["side"])

    def _parts(self, key: str | None, most: int | None = None) -> list[tuple[Any, list[SidePart]]] | None:
        """The whole, and the levels of each subgroup with its declaration; or the first parts alone."""
        entry = None if self._store is None or key is None else self._store.get(KIND_SIDE, key)
        if entry is None:
            return None
        names = np.array(entry.facts["subjects"], dtype=np.object_)
        places, units = (np.load(io.BytesIO(entry.data(name))) for name in ("places", "units"))
        frozen, found, start, end = entry.data("prepared"), [], 0, 0
        for one in entry.facts["parts"][:most]:
            own = slice(start, start + one["n"])
            start, begin, end = start + one["n"], end, end + one["bytes"]
            try:
                prepared = thaw(frozen[begin:end]) if one["bytes"] else None
            except FrozenError:
                return None
            chosen = tuple(names[places[own]].tolist())
            part = Part(subgroup=one["subgroup"], level=one["level"])
            found.append(SidePart(part, chosen, units[own], prepared, one["problem"]))
        declared = [[None], *entry.facts["subgroups"]]
        return [(one, [part for part in found if part.part.subgroup == one[0]]) for one in declared]

    def put_side(
        self, endpoint: Endpoint, version: str, against: str | None, parts: Sequence[SidePart]
    ) -> None:
        """Keep what was prepared of a version, unless it cannot be written or is as long as its rows."""
        key, whole = (
            self._side_key(endpoint, version, against),
            self._key(KIND_WHOLE, endpoint, version, against),
        )
        if self._store is None or key is None or whole is None:
            return
        frozen = [b"" if one.prepared is None else freeze(one.prepared) for one in parts]
        if any(one is None for one in frozen) or sum(len(one or b"") for one in frozen) > MOST_BYTES:
            return
        names = sorted({name for one in parts for name in one.subjects})
        number = {name: place for place, name in enumerate(names)}
        places = [number[name] for one in parts for name in one.subjects]
        units = np.concatenate([one.units for one in parts])
        facts: dict[str, Any] = {
            "subjects": names,
            "subgroups": self._kept.subgroups(endpoint),
            "parts": [
                {
                    "subgroup": one.part.subgroup,
                    "level": one.part.level,
                    "problem": one.problem,
                    "n": len(one.subjects),
                    "bytes": len(data or b""),
                }
                for one, data in zip(parts, frozen, strict=True)
            ],
        }
        data = {
            "prepared": b"".join(one or b"" for one in frozen),
            "places": _bytes(np.array(places, dtype=np.int32)),
            "units": _bytes(units.astype(np.int64)),
        }
        self._store.put(KIND_SIDE, key, facts=facts, data=data)
        first = self._store.get(KIND_WHOLE, whole)
        if first is None or not self._store.has(KIND_SIDE, first.facts["side"]):
            self._store.remove(KIND_WHOLE, whole)
            self._store.put(KIND_WHOLE, whole, facts={"side": key})

    def _side_key(self, endpoint: Endpoint, version: str, against: str | None) -> str | None:
        """The name of what was prepared with all subgroups of the endpoint."""
        key = self._key(KIND_SIDE, endpoint, version, against)
        return None if key is None else key_of(KIND_SIDE, key, json.dumps(self._kept.subgroups(endpoint)))

    def within(
        self, endpoint: Endpoint, baseline: str, candidate: str, asked: Sequence[str]
    ) -> Within | None:
        """What is chance in the subjects' improvements, if that is known.

        Args:
            endpoint: The endpoint.
            baseline: The version compared with.
            candidate: The version in question.
            asked: Statistic and scale of the improvement.
        """
        key = self._key(KIND_WITHIN, endpoint, baseline, candidate, *asked)
        entry = None if self._store is None or key is None else self._store.get(KIND_WITHIN, key)
        if entry is None:
            return None
        variance, blocks = (np.load(io.BytesIO(entry.data(name))) for name in ("variance", "blocks"))
        return Within(variance, blocks, bool(entry.facts["single"]), entry.facts["problem"])

    def put_within(
        self, endpoint: Endpoint, baseline: str, candidate: str, asked: Sequence[str], found: Within
    ) -> None:
        """Keep what is chance in the subjects' improvements."""
        key = self._key(KIND_WITHIN, endpoint, baseline, candidate, *asked)
        if self._store is not None and key is not None:
            data = {"variance": _bytes(found.variance), "blocks": _bytes(found.blocks)}
            facts = {"single": found.single, "problem": found.problem}
            self._store.put(KIND_WITHIN, key, facts=facts, data=data)

    def _key(self, kind: str, endpoint: Endpoint, version: str, other: str | None, *asked: str) -> str | None:
        """The name of an entry; None where the pairs have none."""
        own = self._kept.identity(endpoint, version)
        theirs = None if other is None else self._kept.identity(endpoint, other)
        if own is None or (other is not None and theirs is None):
            return None
        return key_of(kind, own, theirs, *asked)


def _bytes(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
