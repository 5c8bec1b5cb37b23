"""From prepared versions to what a comparison says: one object an endpoint and candidate, and its rows.

Everything here works on prepared metrics. The improvement is turned so that positive is better; on the ratio
scale it is a natural logarithm, and the difference is printed as the ratio that it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock

import numpy as np

from ..evaluators.additive import AdditivePrepared, at_together
from ..evaluators.comparison.contrast import PairSummary, summary_of
from ..evaluators.comparison.family import AdjustedComparison, Member, adjusted_comparisons
from ..evaluators.comparison.improvement import Improvement
from ..evaluators.comparison.joint_deviations import JointDeviations
from ..evaluators.comparison.scales import checked_method, scaled_margin
from ..evaluators.comparison.verdict import Verdict
from ..evaluators.comparison.versions import Comparison as Found
from ..evaluators.comparison.versions import compare_summary
from ..evaluators.intervals import METHODS
from ..evaluators.metric import CannotComputeError, FloatArray, Interval, Metric, Prepared
from ..evaluators.weights import ResamplingWeights
from ..protocols.comparison import ComparedEndpoint, VersionComparison
from ..protocols.model import Protocol
from ..protocols.roles import metric_of
from . import comparison_words as wording
from .comparable import Comparable
from .kept_contrasts import KeptContrasts, KnownPart
from .kept_replicates import KeptReplicates
from .prepared_parts import PreparedPart
from .slices import endpoint_of

TOGETHER = 64
"""Versions' statistics that are resampled by one matrix product."""
POWER = 0.8
"""Power at which the smallest regression that could be detected is told."""


@dataclass(frozen=True)
class Compared:
    """One part of one endpoint, baseline and candidate.

    Attributes:
        ready: What was prepared.
        found: The comparison; None where it failed.
        improvement: The improvement as a function of level; None where it has no interval that may decide.
        error: Why it failed.
        summary: What was found, whatever level and margin.
    """

    ready: PreparedPart
    found: Found | None
    improvement: Improvement | None
    error: str | None = None
    summary: PairSummary | None = None

    @property
    def verdict(self) -> Verdict:
        """What the interval by itself says."""
        if self.found is None:
            return Verdict("not_evaluable", reason=self.error)
        return self.found.verdict


@dataclass(frozen=True)
class Line:
    """One endpoint and candidate with everything that was found.

    Attributes:
        plan: How the endpoint is compared.
        comparable: What was prepared.
        whole: All common units.
        parts: Levels of subgroups.
        adjusted: The whole, adjusted for the family; None for secondary endpoints and without adjustment.
    """

    plan: ComparedEndpoint
    comparable: Comparable
    whole: Compared
    parts: tuple[Compared, ...]
    adjusted: AdjustedComparison | None = None

    @property
    def verdict(self) -> Verdict:
        """What decides: the adjusted interval where there is one."""
        if self.whole.improvement is None or self.adjusted is None:
            return self.whole.verdict
        return self.adjusted.verdict


class Comparer:
    """Compares what was prepared, all at the same subject weights.

    Args:
        protocol: Resolved protocol.
        section: How versions are compared.
        weights: The one matrix of subject weights of the study.
        identical: Candidates whose outputs are the baseline's, byte for byte.
        contrasts: Where summaries and replicates are kept; None: they are not.
    """

    def __init__(
        self,
        protocol: Protocol,
        section: VersionComparison,
        weights: ResamplingWeights | None,
        identical: frozenset[str] = frozenset(),
        contrasts: KeptContrasts | None = None,
    ) -> None:
        self.protocol, self.section, self.weights = protocol, section, weights
        self.identical = identical
        self.contrasts = contrasts
        self.kept = KeptReplicates(None if contrasts is None else contrasts.store, weights)
        self._cached = lru_cache(maxsize=4)(self._weights_of)
        self._lock = Lock()

    def lines(self, ready: Sequence[Comparable], pool: ThreadPoolExecutor) -> list[Line]:
        """Every endpoint and candidate, adjusted for the family of primary ones."""
        return self._adjust(list(pool.map(self._line, ready)), pool)

    def _line(self, one: Comparable) -> Line:
        """One endpoint and candidate, by itself."""
        whole, *parts = (self._compare(one, part) for part in (one.whole, *one.parts))
        if self.contrasts is not None and one.place is not None and not one.all_known:
            self.contrasts.put(one.place, one.left_out, [_known(part) for part in (whole, *parts)])
        return Line(self.section.endpoints[one.endpoint_id], one, whole, tuple(parts))

    def _compare(self, one: Comparable, ready: PreparedPart) -> Compared:
        plan = self.section.endpoints[one.endpoint_id]
        if ready.problem is not None:
            return Compared(ready, None, None, ready.problem)
        metric = metric_of(self.protocol, endpoint_of(self.protocol, one.endpoint_id))
        summary = ready.known
        try:
            if summary is None:
                candidate, baseline = ready.versions()
                summary = summary_of(
                    metric, candidate=candidate, baseline=baseline, statistic=plan.statistic, scale=plan.scale
                )
            weights = self._weights(metric, ready)
            found = compare_summary(
                metric,
                summary,
                versions=ready.versions,
                statistic=plan.statistic,
                margin=plan.margin,
                scale=plan.scale,
                level=self.section.level,
                weights=weights,
            )
            if one.candidate in self.identical and found.verdict.decision == "not_evaluable":
                found = replace(found, verdict=replace(found.verdict, reason=wording.IDENTICAL))
            improvement = None
            if found.verdict.decision != "not_evaluable":
                improvement = Improvement(
                    metric, found.statistic, ready.versions, weights, plan.scale, summary
                )
        except CannotComputeError as error:
            return Compared(ready, None, None, str(error))
        except Exception as error:  # a plug-in's bug is a visible row, not a stopped comparison
            return Compared(ready, None, None, f"{type(error).__name__}: {error}")
        return Compared(ready, found, improvement, found.difference.error, summary)

    def _weights(self, metric: Metric, ready: PreparedPart) -> FloatArray | None:
        if self.weights is None or not METHODS[checked_method(metric, None)].resampling:
            return None
        return self._matrix(ready.subjects)

    def _matrix(self, subjects: tuple[str, ...]) -> FloatArray | None:
        with self._lock:  # drawn once, not once a thread; and not at all where replicates are known
            return self._cached(subjects)

    def _weights_of(self, subjects: tuple[str, ...]) -> FloatArray | None:
        return None if self.weights is None else self.weights.matrix(list(subjects))

    def _adjust(self, lines: list[Line], pool: ThreadPoolExecutor) -> list[Line]:
        """The primary lines with bounds and p values adjusted for all of them."""
        method = self.section.multiplicity
        places = [place for place, line in enumerate(lines) if line.plan.role == "primary"]
        if method == "none" or not places:
            return lines
        own = [lines[place] for place in places]
        members = [_member(line) for line in own]
        drawn: list[list[FloatArray | None]] = []

        def replicates(place: int) -> FloatArray:
            if not drawn:  # those of all, at once; and not at all where what follows from them is known
                drawn.append(self._replicates(own, pool))
            found = drawn[0][place]
            if found is None:
                raise CannotComputeError("there is nothing to resample")
            return found

        def remember(chosen: Sequence[int], compute: Callable[[], JointDeviations]) -> JointDeviations:
            named = [(members[place].name, own[place].comparable.place) for place in chosen]
            known = [(name, place) for name, place in named if place is not None]
            if self.contrasts is None or len(known) < len(named):
                return compute()
            return self.contrasts.joint(known, compute)

        found = adjusted_comparisons(
            members, method=method, level=self.section.level, replicates=replicates, remember=remember
        )
        for place, one in zip(places, found, strict=True):
            lines[place] = replace(lines[place], adjusted=one)
        return lines

    def _replicates(self, lines: Sequence[Line], pool: ThreadPoolExecutor) -> list[FloatArray | None]:
        """The replicates of each line's contrasts; each version is evaluated once."""
        sides: dict[tuple[int, str], tuple[Prepared, str, tuple[str, ...]]] = {}
        for line in lines:
            one = line.whole.improvement
            for part in (one.candidate, one.baseline) if one is not None else ():
                sides[id(part), line.whole.found.statistic.name] = (  # type: ignore[union-attr]
                    part,
                    line.whole.found.statistic.name,  # type: ignore[union-attr]
                    line.whole.ready.subjects,
                )
        columns = self._columns(sides, pool)
        found: list[FloatArray | None] = []
        for line in lines:
            one = line.whole.improvement
            if one is None:
                found.append(None)
                continue
            name = one.statistic.name
            found.append(one.replicates_of(columns[id(one.candidate), name], columns[id(one.baseline), name]))
        return found

    def _columns(
        self, sides: Mapping[tuple[int, str], tuple[Prepared, str, tuple[str, ...]]], pool: ThreadPoolExecutor
    ) -> dict[tuple[int, str], FloatArray]:
        """(B,) replicates of each version's statistic; what is a function of sums, many at a time."""
        smooth: dict[tuple[str, ...], list[tuple[tuple[int, str], AdditivePrepared, str]]] = {}
        alone = []
        for key, (part, statistic, subjects) in sides.items():
            if isinstance(part, AdditivePrepared) and type(part).at is AdditivePrepared.at:
                smooth.setdefault(subjects, []).append((key, part, statistic))
            else:
                alone.append((key, part, statistic, subjects))
        # as many at a time whatever the number of workers: other products have other last digits
        work = [
            (subjects, own[start : start + TOGETHER])
            for subjects, own in smooth.items()
            for start in range(0, len(own), TOGETHER)
        ]
        found: dict[tuple[int, str], FloatArray] = {}
        for (_, own), columns in zip(work, pool.map(lambda one: self._smooth(*one), work), strict=True):
            found.update({key: column for (key, _, _), column in zip(own, columns, strict=True)})
        for (key, *_), column in zip(alone, pool.map(lambda one: self._column(*one[1:]), alone), strict=True):
            found[key] = column
        return found

    def _smooth(
        self, subjects: tuple[str, ...], own: Sequence[tuple[tuple[int, str], AdditivePrepared, str]]
    ) -> list[FloatArray]:
        def computed() -> list[FloatArray]:
            values = at_together([part for _, part, _ in own], self._drawn(subjects))
            return [
                np.asarray(one[:, part.statistics.index(statistic)])
                for one, (_, part, statistic) in zip(values, own, strict=True)
            ]

        return self.kept.of(subjects, [(part, statistic) for _, part, statistic in own], computed)

    def _column(self, prepared: Prepared, statistic: str, subjects: tuple[str, ...]) -> FloatArray:
        return np.asarray(prepared.at(self._drawn(subjects))[:, prepared.statistics.index(statistic)])

    def _drawn(self, subjects: tuple[str, ...]) -> FloatArray:
        weights = self._matrix(subjects)
        if weights is None:
            raise CannotComputeError("there is nobody to resample")
        return weights


def _known(one: Compared) -> KnownPart:
    ready = one.ready
    return KnownPart(ready.part, ready.problem, ready.n_subjects, ready.n_units, one.summary)


def _member(line: Line) -> Member:
    name = f"{line.comparable.endpoint_id}, {line.comparable.candidate}"
    return Member(name, line.whole.improvement, scaled_margin(line.plan.margin, line.plan.scale))


def finite(value: float | None) -> float | None:
    """A number, or None for what is not one."""
    return float(value) + 0.0 if value is not None and math.isfinite(value) else None  # one zero


def _bounds(estimate: float | None, interval: Interval | None) -> dict[str, float | None]:
    return {
        "estimate": finite(estimate),
        "lower": finite(interval.lower) if interval else None,
        "upper": finite(interval.upper) if interval else None,
    }


def difference_of(one: Compared) -> dict[str, float | None]:
    """Candidate - baseline with its interval, or the ratio with its."""
    if one.found is None:
        return _bounds(None, None)
    found = _bounds(one.found.difference.value, one.found.difference.interval)
    if one.found.scale == "ratio":
        return {name: None if value is None else math.exp(value) for name, value in found.items()}
    return found


def improvement_of(one: Compared) -> dict[str, float | None]:
    """The improvement with its unadjusted interval."""
    if one.found is None:
        return _bounds(None, None)
    return _bounds(one.found.improvement, one.found.interval)


def standard_error_of(one: Compared) -> float | None:
    """Standard error of the difference (of the log ratio on the ratio scale)."""
    return None if one.found is None else finite(one.found.difference.standard_error)


def mc_error_of(interval: Interval | None) -> float | None:
    """The larger Monte-Carlo error of an interval's bounds."""
    if interval is None or interval.mc_error is None:
        return None
    found = [error for error in interval.mc_error if math.isfinite(error)]
    return max(found) if found else None


def p_values(line: Line) -> tuple[float | None, float | None]:
    """One-sided p values at 0 and at -margin of this comparison alone."""
    one, margin = line.whole.improvement, scaled_margin(line.plan.margin, line.plan.scale)
    if one is None:
        return None, None
    try:
        return one.p(0.0), None if margin is None else one.p(-margin)
    except CannotComputeError:
        return None, None
