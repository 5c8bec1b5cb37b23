"""The same analysable units of two versions, prepared with each endpoint's metric.

Units are rows of the reference: two versions are held against the same one, so a unit is named by its subject
and the reference's row. Only what both versions have can be compared; whatever one of them lacks is counted,
and either refused or left out when that was asked for. Coverage asks who lacks what: it is compared on all
units of the reference, never on those that both have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Lock

import numpy as np
import polars as pl

from ..datasets.pairs import TEST, PairFrame
from ..protocols.comparison import ComparedEndpoint
from ..protocols.context import EVENTS
from ..protocols.errors import Violation
from ..protocols.model import Endpoint, Protocol
from ..protocols.roles import metric_of
from . import slices
from .estimating import EMPTY, columns_over, prepare
from .kept_contrasts import Contrasts, KeptContrasts, Place
from .kept_numbers import KeptNumbers
from .kept_sides import KeptSides, LeftOut, SidePart
from .matched_rows import ROW, Rows, Sides, match, match_outcomes, present_in, rows_of, unit_columns
from .prepared_parts import OWN_OUTPUT, BothSides, PreparedPart
from .slices import Coding, Part
from .splits import subgroup_parts
from .subject_numbers import SubjectNumbers
from .subject_parts import SubjectParts
from .within_subjects import Matched, Within, WithinSubjects


@dataclass(frozen=True)
class Comparable:
    """One endpoint of one candidate, ready to be compared with the baseline.

    Attributes:
        endpoint_id: The endpoint.
        candidate: The version in question.
        left_out: Units that only one version has.
        whole: All common units.
        parts: Levels of the endpoint's declared subgroups.
        within: What is chance in each subject's improvement; None where that was not asked for, or `numbers`
            are known.
        place: Names what may be kept of it; None: nothing is.
        numbers: Each subject's own values and rank, where they are known.
        all_known: Whether every part was summarised before.
    """

    endpoint_id: str
    candidate: str
    left_out: LeftOut
    whole: PreparedPart
    parts: tuple[PreparedPart, ...] = ()
    within: Within | None = None
    place: Place | None = None
    numbers: SubjectNumbers | None = None
    all_known: bool = False


class Matcher:
    """Prepares every endpoint of a group for baseline and candidates, rows read once a version.

    What was kept of pairs that have a name is not made again: then no row is read.

    Args:
        protocol: Resolved protocol.
        baseline: The version compared with.
        subjects: Every subject of the study, sorted.
        pairs: (pairing, version) -> rows of pairs.
        kept: What was kept of versions.
        contrasts: What was kept of two versions against each other; None: nothing.
        overlap: Whether units that one version lacks are left out. Otherwise nothing is prepared where there
            are any, and `violations` says which.
        besides: Told of each group and candidate while their rows are at hand; it may ask for a version's.
        ranked: How endpoints are compared, of those whose subjects are to be ranked.
        people: The subjects table, where there is one.
    """

    def __init__(
        self,
        protocol: Protocol,
        baseline: str,
        subjects: Sequence[str],
        pairs: Callable[[str, str], PairFrame],
        *,
        kept: KeptSides,
        contrasts: KeptContrasts | None = None,
        overlap: bool,
        besides: Callable[[Mapping[str, Endpoint], str, Callable[[str], Rows]], None] | None = None,
        ranked: Mapping[str, ComparedEndpoint] | None = None,
        people: pl.DataFrame | None = None,
    ) -> None:
        self.ranked = ranked or {}
        self.protocol, self.baseline, self.subjects = protocol, baseline, tuple(subjects)
        self.pairs, self.kept, self.overlap, self.besides = pairs, kept, overlap, besides
        self.contrasts = contrasts
        self.numbers = None if contrasts is None else KeptNumbers(contrasts)
        self.parts = SubjectParts(protocol, people)
        self.violations: list[Violation] = []
        self.rows_read = 0
        self._lock = Lock()
        self._loaded: dict[tuple[str, str, str | None], list[SidePart]] = {}

    def group(
        self, group: Mapping[str, Endpoint], candidates: Sequence[str], pool: ThreadPoolExecutor
    ) -> list[Comparable]:
        """Every endpoint of a group for every candidate."""
        work = _Group(self, group, pool)
        found = []
        for candidate in candidates:
            found += [work.endpoint(name, candidate) for name in group]
            if self.besides is not None and not self.violations:
                self.besides(group, candidate, work.rows)
        return found

    def place(self, name: str, endpoint: Endpoint, candidate: str) -> Place | None:
        """Names what may be kept of two versions in an endpoint."""
        plan = self.ranked.get(name)
        return None if plan is None else Place(endpoint, self.baseline, candidate, plan)

    def known_parts(
        self, group: Mapping[str, Endpoint], name: str, candidate: str, known: Contrasts
    ) -> list[PreparedPart]:
        """Parts that are known by their summaries, with the way to what these are summaries of."""

        def load(part: Part) -> BothSides:
            both = [
                next(
                    one
                    for one in self._side(group, name, version, candidate, known.left_out)
                    if one.part == part
                )
                for version in (self.baseline, candidate)
            ]
            return BothSides(both[1].subjects, both[1].units, both[0].prepared, both[1].prepared)

        return [
            PreparedPart(
                one.part, one.problem, one.n_subjects, one.n_units, partial(load, one.part), one.summary
            )
            for one in known.parts
        ]

    def _side(
        self, group: Mapping[str, Endpoint], name: str, version: str, candidate: str, left: LeftOut
    ) -> list[SidePart]:
        """What was prepared of a version, when it is asked for after all; from any thread."""
        other = candidate if version == self.baseline else self.baseline
        key = name, version, other if self.apart(group[name], left) else None
        with self._lock:
            if key not in self._loaded:
                with ThreadPoolExecutor(1) as pool:  # of its own: a thread of the other may be waiting here
                    work = _Group(self, group, pool)
                    self._loaded[key] = work.side(name, version, other, candidate=candidate, left=left)
            return self._loaded[key]

    def apart(self, endpoint: Endpoint, left: LeftOut) -> bool:
        """Whether versions have other rows, so that either is prepared over the subjects of both."""
        events = self.protocol.pairings[str(endpoint.pairing)].method == EVENTS
        return left.any or events  # extra events are a version's own, and so may be subjects with no others

    def columns(self, group: Mapping[str, Endpoint], name: str, candidate: str) -> Sides:
        """The rows of both versions over common units, as the endpoint's metric takes them."""
        with ThreadPoolExecutor(1) as pool:
            return _Group(self, group, pool).columns(name, candidate)

    def read(self, group: Mapping[str, Endpoint], version: str) -> Rows:
        """The rows of a group of endpoints."""
        pairing = str(next(iter(group.values())).pairing)
        found = Rows(self.protocol, group, self.pairs(pairing, version), self.subjects)
        self.rows_read += found.rows.height
        return found

    def refuse(self, name: str, candidate: str, left: LeftOut) -> None:
        """Note that the versions have different units."""
        self.violations.append(
            Violation(
                f"{left.words(self.baseline, candidate)}. Both versions have to be judged on the same units: "
                "supply the missing outputs, or compare on the units that both have with `--overlap`",
                key=f"comparison.endpoints.{name}",
                found=candidate,
            )
        )


class _Group:
    """The endpoints of a group at work: the baseline's rows, and those of one candidate after the other."""

    def __init__(self, matcher: Matcher, group: Mapping[str, Endpoint], pool: ThreadPoolExecutor) -> None:
        self.matcher, self.group, self.pool = matcher, group, pool
        self.protocol = matcher.protocol
        self._rows: dict[str, Rows] = {}
        self._alone: dict[tuple[str, str], list[SidePart]] = {}
        self._matched: dict[tuple[Coding, str], tuple[pl.DataFrame, pl.DataFrame, LeftOut]] = {}
        self._ready: dict[tuple[str, str, str], list[SidePart]] = {}
        self._wholes: dict[tuple[str, str, str | None], SidePart | None] = {}
        self._made: dict[tuple[str, str, str | None, str], list[SidePart] | None] = {}
        self._within = WithinSubjects(
            self.protocol,
            matcher.ranked,
            group,
            (slices.SUBJECT_NUMBER, ROW, *unit_columns(self.protocol, group)),
            pool,
        )

    def rows(self, version: str) -> Rows:
        """The rows of a version; those of the baseline stay."""
        if version not in self._rows:
            self._rows = {v: rows for v, rows in self._rows.items() if v == self.matcher.baseline}
            self._rows[version] = self.matcher.read(self.group, version)
        return self._rows[version]

    def endpoint(self, name: str, candidate: str) -> Comparable:
        """One endpoint of one candidate."""
        endpoint, matcher = self.group[name], self.matcher
        place = matcher.place(name, endpoint, candidate)
        known = None if place is None or matcher.contrasts is None else matcher.contrasts.get(place)
        matched: tuple[pl.DataFrame, pl.DataFrame] | None = None
        if known is not None:
            left = known.left_out
        else:
            sides = self.rows(matcher.baseline), self.rows(candidate)
            problem = sides[0].problem or sides[1].problem
            if problem is not None:
                return Comparable(name, candidate, LeftOut(), PreparedPart.none(slices.WHOLE, problem))
            *matched_, left = self._match(name, candidate)
            matched = matched_[0], matched_[1]
        coverage = slices.coding(self.protocol, endpoint).reports_coverage
        if left.any and not matcher.overlap and not coverage:
            matcher.refuse(name, candidate, left)
        if matcher.violations:
            return Comparable(name, candidate, left, PreparedPart.none(slices.WHOLE))
        parts = None if known is None else self._known_parts(name, candidate, known)
        if parts is None:
            first, second = (
                self.side(name, version, other, candidate=candidate, left=left, matched=matched)
                for version, other in ((matcher.baseline, candidate), (candidate, matcher.baseline))
            )
            found = {} if known is None else {one.part: one.summary for one in known.parts}
            parts = [
                PreparedPart.joined(one, two, found.get(one.part))
                for one, two in zip(first, second, strict=True)
            ]
        whole, *levels = parts
        numbers = None if place is None or matcher.numbers is None else matcher.numbers.get(place)
        within = None if numbers is not None else self.within(name, candidate, whole)
        return Comparable(
            name, candidate, left, whole, tuple(levels), within, place, numbers,
            all_known=known is not None and not known.lacking,
        )  # fmt: skip

    def _known_parts(self, name: str, candidate: str, known: Contrasts) -> list[PreparedPart] | None:
        """Every part, where what is not known can be had from what was prepared of all units."""
        found = self.matcher.known_parts(self.group, name, candidate, known)
        apart = self.matcher.apart(self.group[name], known.left_out)
        for subgroup in known.lacking:
            sides = [
                self._levels(name, version, other if apart else None, str(subgroup))
                for version, other in ((self.matcher.baseline, candidate), (candidate, self.matcher.baseline))
            ]
            if sides[0] is None or sides[1] is None:
                return None
            found += [PreparedPart.joined(*both) for both in zip(sides[0], sides[1], strict=True)]
        order = [None, *(self.group[name].subgroups or ())]
        return sorted(found, key=lambda one: order.index(one.part.subgroup))

    def _levels(self, name: str, version: str, against: str | None, subgroup: str) -> list[SidePart] | None:
        """The levels of a subgroup of subjects of one version; None where these take rows."""
        place = name, version, against
        if place not in self._wholes:
            self._wholes[place] = self.matcher.kept.whole(self.group[name], version, against)
        whole, key = self._wholes[place], (*place, subgroup)
        if key not in self._made:
            parts, endpoint = self.matcher.parts, self.group[name]
            self._made[key] = None if whole is None else parts.levels(endpoint, subgroup, whole)
        return self._made[key]

    def within(self, name: str, candidate: str, whole: PreparedPart) -> Within | None:
        """What is chance in each subject's improvement, where its subjects are to be ranked."""
        if self._within.asked(name) is None or whole.problem is not None:
            return None
        second, first = whole.versions()
        return self._within.of(name, candidate, (first, second), lambda: self._matched_rows(name, candidate))

    def _matched_rows(self, name: str, candidate: str) -> Matched:
        first, second, _ = self._match(name, candidate)
        how = slices.coding(self.protocol, self.group[name])
        return Matched(first, second, first is self.rows(self.matcher.baseline).coded(how))

    def columns(self, name: str, candidate: str) -> Sides:
        """The rows of both versions over the subjects that either has units of."""
        problem = self.rows(self.matcher.baseline).problem or self.rows(candidate).problem
        if problem is not None:
            return Sides((), None, None, LeftOut(), problem)
        *both, left = self._match(name, candidate)
        present = present_in(both)
        if not len(present):
            return Sides((), None, None, left, EMPTY)
        how = slices.coding(self.protocol, self.group[name])
        first, second = (columns_over(how, one, present) for one in both)
        names = tuple(self.matcher.subjects[place] for place in present)
        return Sides(names, first, second, left)

    def _match(self, name: str, candidate: str) -> tuple[pl.DataFrame, pl.DataFrame, LeftOut]:
        """Coded rows of both versions over common units; for coverage, over all of them."""
        how = slices.coding(self.protocol, self.group[name])
        if (how, candidate) not in self._matched:
            self._matched = {key: one for key, one in self._matched.items() if key[1] == candidate}
            first, second = (self.rows(v).coded(how) for v in (self.matcher.baseline, candidate))
            on = (slices.SUBJECT_NUMBER, ROW, *unit_columns(self.protocol, self.group))
            rule = self.protocol.pairings[str(self.group[name].pairing)]
            find = match_outcomes if rule.method == EVENTS else match
            common, theirs, left = find(first, second, on, self.matcher.subjects)
            # a unit without an output is what coverage asks for
            both = (first, second) if how.reports_coverage else (common, theirs)
            self._matched[how, candidate] = (*both, left)
        return self._matched[how, candidate]

    def side(
        self,
        name: str,
        version: str,
        other: str,
        *,
        candidate: str,
        left: LeftOut,
        matched: tuple[pl.DataFrame, pl.DataFrame] | None = None,
    ) -> list[SidePart]:
        """What was prepared of one version, from what was kept or from its rows."""
        endpoint = self.group[name]
        against = other if self.matcher.apart(endpoint, left) else None
        if against is None and (name, version) in self._alone:
            return self._alone[name, version]
        found = self.matcher.kept.side(endpoint, version, against, self.matcher.parts.levels)
        if found is None:
            if (name, version, candidate) not in self._ready:
                both = matched or self._match(name, candidate)[:2]
                self._ready = {key: one for key, one in self._ready.items() if key[2] == candidate}
                own_first = both if version == self.matcher.baseline else both[::-1]
                # the other version's rows count where it has subjects of its own
                sides = own_first[:1] if against is None else own_first
                for alike, parts in self._prepare(name, both[0], sides).items():
                    self._ready[alike, version, candidate] = parts
            found = self._ready.pop((name, version, candidate))
            self.matcher.kept.put_side(endpoint, version, against, found)
        if against is None:
            self._alone[name, version] = found
        return found

    def _prepare(
        self, name: str, baseline: pl.DataFrame, sides: Sequence[pl.DataFrame]
    ) -> dict[str, list[SidePart]]:
        """Every part of one version's rows, over the subjects that either version has units of.

        Rows are cut once for all endpoints, from this one on, that take them coded alike; levels that whole
        subjects are in need no rows where a metric can do without.

        Args:
            name: The endpoint.
            baseline: Rows of the baseline, which say what levels there are.
            sides: The version's rows, and the other version's where that has other units.
        """
        how, names = slices.coding(self.protocol, self.group[name]), list(self.group)
        alike = [
            other
            for other in names[names.index(name) :]
            if slices.coding(self.protocol, self.group[other]) == how
        ]
        parts_of = {
            chosen: [slices.WHOLE, *self._parts(chosen, baseline)]
            for chosen in {self.group[other].subgroups for other in alike}
        }
        asked = {other: parts_of[self.group[other].subgroups] for other in alike}

        def ready(part: Part, wanted: Sequence[str] = ()) -> dict[str, SidePart]:
            own = wanted or [other for other in alike if part in asked[other]]
            if part.subgroup is not None and part.level is None:
                return dict.fromkeys(own, SidePart(part, problem=OWN_OUTPUT))
            chosen = [rows_of(how, one, part.condition) for one in sides]
            present = present_in(chosen)
            if not len(present):
                return dict.fromkeys(own, SidePart(part, problem=EMPTY))
            columns = columns_over(how, chosen[0], present)
            people, units = tuple(self.matcher.subjects[place] for place in present), np.diff(columns.offsets)
            found = {}
            for other in own:
                endpoint = self.group[other]
                prepared, problem = prepare(metric_of(self.protocol, endpoint), endpoint, columns)
                found[other] = SidePart(part, people, units, prepared, problem)
            return found

        every = list(dict.fromkeys(part for parts in asked.values() for part in parts))
        levels = self.matcher.parts
        later = [part for part in every if part.subgroup and levels.made_of_subjects(part.subgroup)]
        cut = [part for part in every if part not in later]
        done = dict(zip(cut, self.pool.map(ready, cut), strict=True))

        def from_whole(part: Part) -> dict[str, SidePart]:
            own = [other for other in alike if part in asked[other]]
            whole = done[slices.WHOLE]
            known = {other: levels.level(self.group[other], part, whole[other]) for other in own}
            found = {other: one for other, one in known.items() if one is not None}
            lacking = [other for other in own if other not in found]
            return found | (ready(part, lacking) if lacking else {})

        done |= dict(zip(later, self.pool.map(from_whole, later), strict=True))
        return {other: [done[part][other] for part in parts] for other, parts in asked.items()}

    def _parts(self, subgroups: Sequence[str] | None, rows: pl.DataFrame) -> list[Part]:
        """Levels of subgroups; a split by the version's own output has none."""
        found: list[Part] = []
        endpoint = next(iter(self.group.values()))  # all of the group have the same columns
        for name in subgroups or ():
            subgroup = self.protocol.subgroups[name]
            columns = [*(subgroup.where or ()), *([subgroup.by] if subgroup.by else [])]
            if any(column.startswith(TEST) for column in columns):
                found.append(Part(subgroup=name))
            else:
                found.extend(subgroup_parts(self.protocol, endpoint, name, rows))
        return found
