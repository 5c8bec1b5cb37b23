"""Levels of subgroups that are made of columns of the subjects table, from what was prepared of all rows.

A subject is in such a level with all rows or with none. Where a metric adds up what each subject brings, the
level is prepared without a look at any row: another declared subgroup reads none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from ..evaluators.metric import Prepared
from ..protocols.model import Endpoint, Protocol
from ..protocols.roles import metric_of
from .estimating import EMPTY
from .kept_sides import SidePart
from .splits import SUBJECTS, Part, subgroup_parts


class SubjectParts:
    """Knows in which levels subjects are.

    Args:
        protocol: Resolved protocol.
        people: The subjects table; None: there is none.
    """

    def __init__(self, protocol: Protocol, people: pl.DataFrame | None) -> None:
        self.protocol = protocol
        self._people, self._key = people, ""
        if people is not None:
            self._key = protocol.tables[SUBJECTS].subject
            self._people = people.with_columns(pl.col(self._key).cast(pl.String))

    def made_of_subjects(self, name: str) -> bool:
        """Whether a declared subgroup asks for columns of the subjects table alone."""
        if self._people is None:
            return False
        subgroup, own = self.protocol.subgroups[name], self.protocol.tables[SUBJECTS].columns
        asked = {*(subgroup.where or ()), *([subgroup.by] if subgroup.by else [])}
        return all(column in own and column != self._key for column in asked)

    def levels(self, endpoint: Endpoint, name: str, whole: SidePart) -> list[SidePart] | None:
        """Every level of a subgroup, prepared; None where rows are needed."""
        if not self.made_of_subjects(name) or whole.prepared is None or not (whole.units > 0).all():
            return None
        people = self._known(whole.subjects)
        if people is None:
            return None
        found = []
        for part in subgroup_parts(self.protocol, endpoint, name, people):
            one = self.level(endpoint, part, whole)
            if one is None:
                return None
            found.append(one)
        return found

    def level(self, endpoint: Endpoint, part: Part, whole: SidePart) -> SidePart | None:
        """One level of a subgroup, prepared; None where rows are needed."""
        if part.subgroup is None or part.condition is None or whole.prepared is None:
            return None
        people = self._known(whole.subjects) if self.made_of_subjects(part.subgroup) else None
        if people is None:
            return None
        inside = set(people.filter(part.condition).get_column(self._key).to_list())
        chosen = np.array([subject in inside for subject in whole.subjects], dtype=bool)
        if not chosen.any():
            return SidePart(part, problem=EMPTY)
        subjects = tuple(subject for subject, own in zip(whole.subjects, chosen, strict=True) if own)
        units = whole.units[chosen]
        if not units.any():
            return SidePart(part, subjects, units, None, EMPTY)
        metric = metric_of(self.protocol, endpoint)
        prepared: Prepared | None = metric.restricted(whole.prepared, chosen)
        return None if prepared is None else SidePart(part, subjects, units, prepared)

    def _known(self, subjects: Sequence[str]) -> pl.DataFrame | None:
        """Their rows of the subjects table; None where one of them has none."""
        if self._people is None:
            return None
        found = self._people.filter(pl.col(self._key).is_in(list(subjects)))
        return found if found.height == len(subjects) else None
