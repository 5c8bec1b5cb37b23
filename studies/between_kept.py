"""What was found of two versions against each other, kept for pairs that have a name.

Nothing in it depends on a confidence level: counts, the prepared agreement, the replicates of the shift
function, and the few units that disagree most. A comparison at another level reads no row.
"""

from __future__ import annotations

import io

import numpy as np

from ..datasets.store import Store, key_of
from ..evaluators.comparison.error_shift import SHIFT_REPLICATES, ErrorShift
from ..evaluators.freezing import FrozenError, freeze, thaw
from ..evaluators.weights import ResamplingWeights
from ..protocols.model import Endpoint
from .between_versions import Found, Keeping
from .kept import Kept

KIND = "between"


class KeptBetween(Keeping):
    """What is kept; without a store, or of pairs without a name, nothing is.

    Args:
        store: Where.
        kept: Knows the names of the pairs, and what rows of an endpoint depend on.
        weights: The subject weights that replicates were made at.
    """

    def __init__(self, store: Store | None, kept: Kept, weights: ResamplingWeights | None) -> None:
        self._store, self._kept = store, kept
        self._design = None
        if weights is not None and store is not None:
            self._design = [weights.digest, min(weights.replicates, SHIFT_REPLICATES)]

    def get(self, endpoint: Endpoint, baseline: str, candidate: str) -> Found | None:
        """What was found before, if all of it was kept."""
        key = self._key(endpoint, baseline, candidate)
        entry = None if self._store is None or key is None else self._store.get(KIND, key)
        if entry is None:
            return None
        facts = dict(entry.facts)
        subjects, frozen = tuple(facts.pop("subjects")), facts.pop("prepared")
        shape, beyond = facts.pop("shift"), facts.pop("beyond", None)
        if shape is not None and beyond is None:  # kept before it was counted
            return None
        try:
            agreement = thaw(entry.data("agreement")) if frozen else None
        except FrozenError:
            return None
        shift = None
        if shape is not None:
            numbers = np.load(io.BytesIO(entry.data("shift")))
            shift = ErrorShift(
                tuple(shape), numbers[0], numbers[1], numbers[2:], len(subjects), np.array(beyond)
            )
        return Found(facts, subjects, agreement, shift, entry.frame("units"))

    def put(self, endpoint: Endpoint, baseline: str, candidate: str, found: Found) -> None:
        """Keep what was found, unless it cannot be written."""
        key = self._key(endpoint, baseline, candidate)
        if self._store is None or key is None:
            return
        frozen = None if found.agreement is None else freeze(found.agreement)
        if found.agreement is not None and frozen is None:
            return
        data = {"agreement": frozen or b""}
        if found.shift is not None:
            one = found.shift
            data["shift"] = _bytes(np.vstack([one.baseline, one.candidate, one.replicates]))
        facts = {
            **found.facts,
            "subjects": list(found.subjects),
            "prepared": frozen is not None,
            "shift": None if found.shift is None else list(found.shift.probabilities),
            "beyond": None if found.shift is None else found.shift.beyond.tolist(),
        }
        self._store.put(KIND, key, facts=facts, data=data, frames={"units": found.units})

    def _key(self, endpoint: Endpoint, baseline: str, candidate: str) -> str | None:
        """The name of an entry; None where the pairs have none."""
        own, theirs = (self._kept.identity(endpoint, version) for version in (baseline, candidate))
        if own is None or theirs is None:
            return None
        return key_of(KIND, own, theirs, self._design)


def _bytes(array: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
