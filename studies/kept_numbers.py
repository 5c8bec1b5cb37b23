"""The subjects' own values and ranks of two versions, kept: no level and no margin changes them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..datasets.store import key_of
from ..evaluators.comparison.harm import HarmRanking, sources
from ..evaluators.metric import FloatArray
from .kept_contrasts import KeptContrasts, Place
from .subject_numbers import SubjectNumbers
from .within_subjects import Within

KIND, KIND_NAMES = "subjects", "subject names"
_RANKED = ("variance", "shrinkage", "shrunk", "error", "p_worse", "rank", "expected_rank")
"""Columns of a ranking that depend on no level and no margin."""


class KeptNumbers:
    """What is kept of subjects, under the names of the versions' contrasts.

    Args:
        contrasts: Knows those names, and the store.
    """

    def __init__(self, contrasts: KeptContrasts) -> None:
        self._contrasts, self._store = contrasts, contrasts.store
        self._known: dict[str, tuple[str, ...]] = {}

    def get(self, place: Place) -> SubjectNumbers | None:
        """The subjects of two versions in an endpoint, if they are known."""
        key = self._key(place)
        entry = None if self._store is None or key is None else self._store.get(KIND, key)
        if entry is None:
            return None
        facts = entry.facts
        subjects = self._subjects(facts["subjects"])
        if subjects is None:
            return None
        columns = iter(np.load(io.BytesIO(entry.data("columns")), allow_pickle=False))
        units, first, second, improvement = (next(columns) for _ in range(4))
        within = None
        if facts["within"] is not None:
            single, problem = facts["within"]
            found = (np.zeros(0), np.zeros(0)) if problem is not None else (next(columns), next(columns))
            within = Within(found[0], found[1].astype(np.int64), single, problem)
        ranking = None
        if facts["ranking"] is not None:
            known = dict(zip(_RANKED, columns, strict=True))
            ranking = _ranking(subjects, improvement, known, facts["ranking"])
        return SubjectNumbers(
            subjects,
            units.astype(np.int64),
            first,
            second,
            improvement,
            within=within,
            ranking=ranking,
            reason=facts["reason"],
        )

    def put(self, place: Place, numbers: SubjectNumbers) -> None:
        """Keep the subjects of two versions in an endpoint."""
        key = self._key(place)
        if self._store is None or key is None:
            return
        within, ranking = numbers.within, numbers.ranking
        columns = [numbers.units, numbers.baseline, numbers.candidate, numbers.improvement]
        if within is not None and within.problem is None:
            columns += [within.variance, within.blocks]
        if ranking is not None:
            columns += [getattr(ranking, name) for name in _RANKED]
        facts = {
            "subjects": self._named(numbers.subjects),
            "reason": numbers.reason,
            "within": None if within is None else [within.single, within.problem],
            "ranking": None
            if ranking is None
            else {
                "mean": ranking.mean,
                "between_sd": ranking.between_sd,
                "level": ranking.level,
                "between": ranking.between,
                "within": ranking.within,
                "warning": ranking.warning,
                "reasons": {str(i): why for i, why in enumerate(ranking.reasons) if why is not None},
            },
        }
        buffer = io.BytesIO()
        np.save(buffer, np.array([np.asarray(one, dtype=np.float64) for one in columns]), allow_pickle=False)
        self._store.put(KIND, key, facts=facts, data={"columns": buffer.getvalue()})

    def _named(self, subjects: tuple[str, ...]) -> str:
        """The name under which a list of subjects is kept: that of most comparisons is the same."""
        key = key_of(KIND_NAMES, subjects)
        if self._store is not None and not self._store.has(KIND_NAMES, key):
            self._store.put(KIND_NAMES, key, facts={"subjects": subjects})
        return key

    def _subjects(self, key: str) -> tuple[str, ...] | None:
        if key not in self._known:
            entry = None if self._store is None else self._store.get(KIND_NAMES, key)
            if entry is None:
                return None
            self._known[key] = tuple(entry.facts["subjects"])
        return self._known[key]

    def _key(self, place: Place) -> str | None:
        own = self._contrasts.key(place)
        return None if own is None else key_of(KIND, own)


def _ranking(
    subjects: tuple[str, ...],
    improvement: FloatArray,
    known: Mapping[str, FloatArray],
    facts: Mapping[str, Any],
) -> HarmRanking:
    reasons: list[str | None] = [None] * len(subjects)
    for place, why in facts["reasons"].items():
        reasons[int(place)] = why
    return HarmRanking(
        keys=subjects,
        improvement=improvement,
        variance=known["variance"],
        shrinkage=known["shrinkage"],
        shrunk=known["shrunk"],
        error=known["error"],
        lower=known["shrunk"],
        upper=known["shrunk"],
        p_worse=known["p_worse"],
        p_worse_than_margin=None,
        rank=known["rank"].astype(np.int64),
        expected_rank=known["expected_rank"],
        mean=facts["mean"],
        between_sd=facts["between_sd"],
        level=facts["level"],
        margin=None,
        between=facts["between"],
        within=facts["within"],
        reasons=tuple(reasons),
        warning=facts["warning"],
        citations=sources(facts["between"], facts["within"]),
    ).at(facts["level"], None)
