"""The same analysable units of two versions, prepared with each endpoint's metric.

Units are rows of the reference: two versions are held against the same one, so a unit is named by its subject
and the reference's row. Only what both versions have can be compared; whatever one of them lacks is counted,
and either refused or left out when that was asked for. Coverage asks who lacks what: it is compared on all
units of the reference, never on those that both have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..datasets.pairs import TEST, PairFrame
from ..evaluators.metric import IntArray, Prepared
from ..protocols.errors import Violation
from ..protocols.model import Endpoint, Protocol
from ..protocols.roles import metric_of
from . import slices
from .estimating import columns_over, prepare
from .questions import material_of
from .slices import Coding, Part
from .splits import subgroup_parts

ROW = "reference_row"
MOST_SUBJECTS = 3
"""Subjects that a message names."""


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
class PreparedPart:
    """A part of the common units, prepared for both versions over the same subjects.

    Attributes:
        part: Which part.
        subjects: Subjects in order.
        units: (S,) units of each subject, of the candidate.
        baseline: What the metric made of the baseline's rows; None where it could not.
        candidate: Likewise of the candidate's.
        problem: Why one of them is missing.
    """

    part: Part
    subjects: tuple[str, ...] = ()
    units: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    baseline: Prepared | None = None
    candidate: Prepared | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Comparable:
    """One endpoint of one candidate, ready to be compared with the baseline.

    Attributes:
        endpoint_id: The endpoint.
        candidate: The version in question.
        left_out: Units that only one version has.
        whole: All common units.
        parts: Levels of the endpoint's declared subgroups.
    """

    endpoint_id: str
    candidate: str
    left_out: LeftOut
    whole: PreparedPart
    parts: tuple[PreparedPart, ...] = ()


class Rows:
    """The rows of one version that a group of endpoints rests on, subjects numbered through the whole study.

    Args:
        protocol: Resolved protocol.
        group: Endpoints that rest on the same rows (`questions.groups`).
        pairs: The version's pairs.
        subjects: Every subject of the study, sorted.
    """

    def __init__(
        self, protocol: Protocol, group: Mapping[str, Endpoint], pairs: PairFrame, subjects: Sequence[str]
    ) -> None:
        material = material_of(protocol, group, pairs, further=(ROW, *_on(protocol, group)))
        self.problem = material.problem or material.uncounted
        places = np.searchsorted(
            np.array(subjects, dtype=np.str_), material.subjects.to_numpy().astype(np.str_)
        )
        numbers = pl.Series(places.astype(np.uint32))
        number = pl.col(slices.SUBJECT_NUMBER)
        rows = material.rows.with_columns(
            numbers.gather(material.rows[slices.SUBJECT_NUMBER]).alias("_number")
        )
        rows = rows.drop(slices.SUBJECT_NUMBER).rename({"_number": slices.SUBJECT_NUMBER})
        self.rows = (
            rows if rows[slices.SUBJECT_NUMBER].is_sorted() else rows.sort(number, maintain_order=True)
        )
        self._protocol = protocol
        self._coded: dict[tuple[Coding, str], pl.DataFrame] = {}

    def coded(self, how: Coding) -> pl.DataFrame:
        """The rows as the metric takes them, in the view that decides."""
        view = slices.view_of(self._protocol, slices.PRIMARY)
        if (how, view) not in self._coded:
            self._coded[how, view] = slices.coded(how, self.rows, view)
        return self._coded[how, view]


def _on(protocol: Protocol, group: Mapping[str, Endpoint]) -> tuple[str, ...]:
    """Key columns that name a unit without a row of the reference, where such units are completed."""
    first = next(iter(group.values()))
    if not slices.coding(protocol, first).completes:
        return ()
    rule = protocol.pairings[str(first.pairing)]
    own = protocol.tables[rule.reference].subject
    return tuple(name for name in rule.on or () if name != own)


def match(
    first: pl.DataFrame, second: pl.DataFrame, on: Sequence[str], subjects: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame, LeftOut]:
    """The rows of baseline and candidate whose units both have, and what was left out on each side.

    Args:
        first: Coded rows of the baseline, numbered subjects and rows of the reference among their columns.
        second: Those of the candidate.
        on: Columns that name a unit.
        subjects: Names of the subjects by number.
    """
    names = list(on)
    if first.select(names).equals(second.select(names), null_equal=True):
        return first, second, LeftOut()
    one, other = first.select(names), second.select(names)
    alone = one.join(other, on=names, how="anti", nulls_equal=True)
    besides = other.join(one, on=names, how="anti", nulls_equal=True)
    number = slices.SUBJECT_NUMBER
    counted = (
        pl.concat([alone.select(number), besides.select(number)])
        .group_by(number)
        .len()
        .sort(["len", number], descending=[True, False])
        .head(MOST_SUBJECTS)
    )
    most = tuple((str(subjects[place]), int(count)) for place, count in counted.iter_rows())
    left = LeftOut(alone.height, besides.height, most)
    if not left.any:  # the same units in another order: by time in one, by row in the other
        return first.sort(names), second.sort(names), left
    kept = [
        rows.join(theirs, on=names, how="semi", nulls_equal=True, maintain_order="left")
        for rows, theirs in ((first, other), (second, one))
    ]
    return kept[0], kept[1], left


class Matcher:
    """Prepares every endpoint of a group for baseline and candidates, rows read once a version.

    Args:
        protocol: Resolved protocol.
        baseline: The version compared with.
        subjects: Every subject of the study, sorted.
        pairs: (pairing, version) -> rows of pairs.
        overlap: Whether units that one version lacks are left out. Otherwise nothing is prepared where there
            are any, and `violations` says which.
    """

    def __init__(
        self,
        protocol: Protocol,
        baseline: str,
        subjects: Sequence[str],
        pairs: Callable[[str, str], PairFrame],
        *,
        overlap: bool,
    ) -> None:
        self.protocol, self.baseline, self.subjects = protocol, baseline, tuple(subjects)
        self.pairs, self.overlap = pairs, overlap
        self.violations: list[Violation] = []

    def group(
        self, group: Mapping[str, Endpoint], candidates: Sequence[str], pool: ThreadPoolExecutor
    ) -> list[Comparable]:
        """Every endpoint of a group for every candidate."""
        pairing = str(next(iter(group.values())).pairing)
        base = Rows(self.protocol, group, self.pairs(pairing, self.baseline), self.subjects)
        shared: dict[tuple[str, Part], tuple[Prepared | None, str | None]] = {}
        found = []
        for candidate in candidates:
            other = Rows(self.protocol, group, self.pairs(pairing, candidate), self.subjects)
            for name, endpoint in group.items():
                found.append(self._endpoint(name, endpoint, candidate, (base, other), shared, pool))
        return found

    def _endpoint(
        self,
        name: str,
        endpoint: Endpoint,
        candidate: str,
        sides: tuple[Rows, Rows],
        shared: dict[tuple[str, Part], tuple[Prepared | None, str | None]],
        pool: ThreadPoolExecutor,
    ) -> Comparable:
        how = slices.coding(self.protocol, endpoint)
        problem = sides[0].problem or sides[1].problem
        if problem is not None:
            return Comparable(name, candidate, LeftOut(), PreparedPart(slices.WHOLE, problem=problem))
        first, second = (side.coded(how) for side in sides)
        on = (slices.SUBJECT_NUMBER, ROW, *_on(self.protocol, {name: endpoint}))
        common, theirs, left = match(first, second, on, self.subjects)
        if how.reports_coverage:  # a unit without an output is what it asks for
            common, theirs = first, second
        elif left.any and not self.overlap:
            self._refuse(name, candidate, left)
        if self.violations:
            return Comparable(name, candidate, left, PreparedPart(slices.WHOLE))
        known = {} if left.any else shared
        work = [slices.WHOLE, *self._parts(endpoint, common)]

        def ready(part: Part) -> PreparedPart:
            return self._part(name, endpoint, part, (common, theirs), known)

        whole, *parts = pool.map(ready, work)
        return Comparable(name, candidate, left, whole, tuple(parts))

    def _refuse(self, name: str, candidate: str, left: LeftOut) -> None:
        self.violations.append(
            Violation(
                f"{left.words(self.baseline, candidate)}. Both versions have to be judged on the same units: "
                "supply the missing outputs, or compare on the units that both have with `--overlap`",
                key=f"comparison.endpoints.{name}",
                found=candidate,
            )
        )

    def _parts(self, endpoint: Endpoint, rows: pl.DataFrame) -> list[Part]:
        """Levels of the endpoint's subgroups; a split by the version's own output has none."""
        found: list[Part] = []
        for name in endpoint.subgroups or ():
            subgroup = self.protocol.subgroups[name]
            columns = [*(subgroup.where or ()), *([subgroup.by] if subgroup.by else [])]
            if any(column.startswith(TEST) for column in columns):
                found.append(Part(subgroup=name))
            else:
                found.extend(subgroup_parts(self.protocol, endpoint, name, rows))
        return found

    def _part(
        self,
        name: str,
        endpoint: Endpoint,
        part: Part,
        rows: tuple[pl.DataFrame, pl.DataFrame],
        shared: dict[tuple[str, Part], tuple[Prepared | None, str | None]],
    ) -> PreparedPart:
        if part.subgroup is not None and part.level is None:
            message = "the subgroup is made of the version's own output, so its units differ between versions"
            return PreparedPart(part, problem=message)
        how, metric = slices.coding(self.protocol, endpoint), metric_of(self.protocol, endpoint)
        chosen = [one if part.condition is None else one.filter(part.condition) for one in rows]
        numbers = [one.get_column(slices.SUBJECT_NUMBER).to_numpy() for one in chosen]
        present: NDArray[np.int64] = np.union1d(*numbers).astype(np.int64)
        if not len(present):
            return PreparedPart(part, problem="no analysable rows in this part of the data")
        first = shared.get((name, part))
        if first is None:
            first = prepare(metric, endpoint, columns_over(how, chosen[0], present))
            shared[name, part] = first
        columns = columns_over(how, chosen[1], present)
        second = prepare(metric, endpoint, columns)
        problems = [
            f"{who}: {problem}"
            for who, problem in (("baseline", first[1]), ("candidate", second[1]))
            if problem is not None
        ]
        return PreparedPart(
            part,
            tuple(self.subjects[place] for place in present),
            np.diff(columns.offsets),
            first[0],
            second[0],
            "; ".join(problems) or None,
        )
