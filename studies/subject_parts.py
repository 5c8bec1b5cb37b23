"""Levels of subgroups that are made of columns of the subjects table, from what was prepared of all rows.

A subject is in such a level with all rows or with none. Where a metric adds up what each subject brings, the
level is prepared without a look at any row: another declared subgroup reads none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

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
        self._levels: dict[tuple[str, str, tuple[str, ...]], list[Part] | None] = {}
        self._members: dict[
            tuple[str, str | None, tuple[str, ...]], tuple[NDArray[np.bool_], tuple[str, ...]]
        ] = {}
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
        parts = self._parts(endpoint, name, whole.subjects)
        if parts is None:
            return None
        found = []
        for part in parts:
            one = self.level(endpoint, part, whole)
            if one is None:
                return None
            found.append(one)
        return found

    def level(self, endpoint: Endpoint, part: Part, whole: SidePart) -> SidePart | None:
        """One level of a subgroup, prepared; None where rows are needed."""
        if part.subgroup is None or part.condition is None or whole.prepared is None:
            return None
        if not self.made_of_subjects(part.subgroup):
            return None
        inside = self._inside(part, part.condition, whole.subjects)
        if inside is None:
            return None
        chosen, subjects = inside
        if not subjects:
            return SidePart(part, problem=EMPTY)
        units = whole.units[chosen]
        if not units.any():
            return SidePart(part, subjects, units, None, EMPTY)
        metric = metric_of(self.protocol, endpoint)
        prepared: Prepared | None = metric.restricted(whole.prepared, chosen)
        return None if prepared is None else SidePart(part, subjects, units, prepared)

    def _parts(self, endpoint: Endpoint, name: str, subjects: tuple[str, ...]) -> list[Part] | None:
        """The levels of a subgroup among subjects, found once for all endpoints and versions."""
        key = name, str(endpoint.pairing), subjects
        if key not in self._levels:
            people = self._known(subjects)
            found = None if people is None else list(subgroup_parts(self.protocol, endpoint, name, people))
            self._levels[key] = found
        return self._levels[key]

    def _inside(
        self, part: Part, condition: pl.Expr, subjects: tuple[str, ...]
    ) -> tuple[NDArray[np.bool_], tuple[str, ...]] | None:
        """(S,) which subjects are in a level, and their names; None where one of them has no row."""
        key = str(part.subgroup), part.level, subjects
        if key not in self._members:
            people = self._known(subjects)
            if people is None:
                return None
            inside = set(people.filter(condition).get_column(self._key).to_list())
            chosen = np.array([subject in inside for subject in subjects], dtype=bool)
            self._members[key] = chosen, tuple(subject for subject in subjects if subject in inside)
        return self._members[key]

    def _known(self, subjects: Sequence[str]) -> pl.DataFrame | None:
        """Their rows of the subjects table; None where one of them has none."""
        if self._people is None:
            return None
        found = self._people.filter(pl.col(self._key).is_in(list(subjects)))
        return found if found.height == len(subjects) else None
