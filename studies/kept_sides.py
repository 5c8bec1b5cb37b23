"""What a comparison keeps of each version: what was prepared of the units that it shares with the baseline.

Named, as all that is kept, by what it was made from. Another subgroup of subjects is made of it without a
look at any row.
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

KIND = "compared"
_ALL = json.dumps([None])
"""Stands in the place of a subgroup's declaration for all units."""


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
        found = self._parts(self._key(endpoint, version, against))
        if found is None:
            return None
        parts = found[_ALL]
        for declared, name in self._kept.declared(endpoint).items():
            if name is None:
                continue
            own = found.get(declared) or levels(endpoint, name, parts[0])
            if own is None:
                return None
            parts = [*parts, *own]
        return parts  # not kept anew: what was made of the whole can be made of it again

    def whole(self, endpoint: Endpoint, version: str, against: str | None) -> SidePart | None:
        """What was prepared of all units of a version, if it was kept.

        Args:
            endpoint: The endpoint.
            version: The version.
            against: The other version, where units were left out because of it.
        """
        found = self._parts(self._key(endpoint, version, against), 1)
        return None if found is None else found[_ALL][0]

    def _parts(self, key: str | None, most: int | None = None) -> dict[str, list[SidePart]] | None:
        """Declaration of a subgroup -> its levels, all units first; or the first parts alone."""
        entry = None if self._store is None or key is None else self._store.get(KIND, key)
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
        places_of: dict[str, list[SidePart]] = {declared: [] for declared in entry.facts["declared"]}
        for one, side in zip(entry.facts["parts"], found, strict=False):
            places_of[one["declared"]].append(side)
        return places_of

    def put_side(
        self, endpoint: Endpoint, version: str, against: str | None, parts: Sequence[SidePart]
    ) -> None:
        """Keep what was prepared of a version, unless it cannot be written or is as long as its rows."""
        key = self._key(endpoint, version, against)
        if self._store is None or key is None:
            return
        own = {name: text for text, name in self._kept.declared(endpoint).items()}
        told = [(own[one.part.subgroup], one) for one in parts]
        held = self._parts(key) or {}  # of subgroups that are not asked for now
        told += [(text, one) for text, ones in held.items() if text not in own.values() for one in ones]
        frozen = [b"" if one.prepared is None else freeze(one.prepared) for _, one in told]
        if any(one is None for one in frozen) or sum(len(one or b"") for one in frozen) > MOST_BYTES:
            return
        names = sorted({name for _, one in told for name in one.subjects})
        number = {name: place for place, name in enumerate(names)}
        places = [number[name] for _, one in told for name in one.subjects]
        facts: dict[str, Any] = {
            "subjects": names,
            "declared": list(dict.fromkeys([*own.values(), *held])),
            "parts": [
                {
                    "declared": text,
                    "subgroup": one.part.subgroup,
                    "level": one.part.level,
                    "problem": one.problem,
                    "n": len(one.subjects),
                    "bytes": len(data or b""),
                }
                for (text, one), data in zip(told, frozen, strict=True)
            ],
        }
        data = {
            "prepared": b"".join(one or b"" for one in frozen),
            "places": _bytes(np.array(places, dtype=np.int32)),
            "units": _bytes(np.concatenate([one.units for _, one in told]).astype(np.int64)),
        }
        self._store.remove(KIND, key)
        self._store.put(KIND, key, facts=facts, data=data)

    def _key(self, endpoint: Endpoint, version: str, other: str | None) -> str | None:
        """The name of what was prepared of a version; None where its pairs have none."""
        own = self._kept.identity(endpoint, version)
        theirs = None if other is None else self._kept.identity(endpoint, other)
        if own is None or (other is not None and theirs is None):
            return None
        return key_of(KIND, own, theirs)


def _bytes(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
