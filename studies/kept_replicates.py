"""Replicates of versions' statistics, kept: another level or margin asks for the same ones again.

They are named by what they are computed from: the design of the weights, the subjects, and the sums of each
subject with the formula of each statistic that is evaluated in one matrix product, for the last digits of a
product depend on what is in it.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..datasets.store import Store, key_of
from ..evaluators.additive import AdditivePrepared
from ..evaluators.metric import FloatArray
from ..evaluators.weights import ResamplingWeights
from .program import program

KIND = "replicates"
CODE = ("evaluators", "studies")
Asked = tuple[AdditivePrepared, str]
"""A version's summary, and the name of a statistic."""


class KeptReplicates:
    """What is kept of replicates; without a store nothing is.

    Args:
        store: Where.
        weights: The weights of the study; None: there are none.
    """

    def __init__(self, store: Store | None, weights: ResamplingWeights | None) -> None:
        self._store, self._weights = store, weights

    def of(
        self, subjects: Sequence[str], asked: Sequence[Asked], compute: Callable[[], list[FloatArray]]
    ) -> list[FloatArray]:
        """(B,) replicates of each statistic.

        Args:
            subjects: The subjects that they all rest on, in order.
            asked: What is evaluated together.
            compute: Computes them.
        """
        key = self._key(subjects, asked)
        entry = None if self._store is None or key is None else self._store.get(KIND, key)
        if entry is not None:
            return list(np.load(io.BytesIO(entry.data("replicates")), allow_pickle=False))
        found = compute()
        if self._store is not None and key is not None:
            buffer = io.BytesIO()
            np.save(buffer, np.array(found), allow_pickle=False)
            self._store.put(KIND, key, data={"replicates": buffer.getvalue()})
        return found

    def _key(self, subjects: Sequence[str], asked: Sequence[Asked]) -> str | None:
        """Their name; None where nothing is kept, or what they are computed from cannot be named."""
        if self._store is None or self._weights is None:
            return None
        named = [_named(one, statistic) for one, statistic in asked]
        if any(one is None for one in named):
            return None
        design = [self._weights.digest, self._weights.replicates]
        return key_of(KIND, program(*CODE), design, list(subjects), named)


def _named(prepared: AdditivePrepared, statistic: str) -> list[Any] | None:
    """What a statistic's replicates follow from; None where a metric evaluates sums in a way of its own."""
    if type(prepared).evaluate is not AdditivePrepared.evaluate:
        return None
    try:
        formula = pickle.dumps(prepared.formula, protocol=5)
    except (pickle.PicklingError, AttributeError, TypeError):  # a local function
        return None
    totals = np.ascontiguousarray(prepared.totals, dtype=np.float64)
    return [
        f"{type(prepared).__module__}.{type(prepared).__qualname__}",
        list(prepared.statistics),
        statistic,
        hashlib.sha256(formula).hexdigest(),
        list(totals.shape),
        hashlib.sha256(totals.data).hexdigest(),
    ]
