"""Several comparisons of versions, one error rate: bounds, p values and verdicts that say the same.

The family are the pairs of endpoint and candidate that count. Two claims of each to the good side (better
than -margin: non-inferior; better than 0: superior) and two to the bad one (below 0: worse; below -margin:
inferior) are made at (1 - level) / 2 to either side, as by two-sided intervals.

- `bonferroni`: each interval at level 1 - (1 - level) / m.
- `max_t`: one quantile of the largest studentised deviation over all comparisons (Westfall and Young 1993)
  says which level each interval needs for all of them to hold together; each is then computed at that level
  by its own method (balanced, as in Beran 1988).
- `holm`: a graph (Bretz et al. 2009) in which each comparison begins with 1 / m of the error rate, for its
  first claim (non-inferior; without a margin superior). What the first claim has used passes to the second
  claim of the same comparison, and from there to the first claims of the others. Where no comparison has a
  margin this is Holm's procedure (1979). Bounds are those compatible with it (Strassburger and Bretz 2008):
  at the limit of the last claim made, or where the first claim not made was tested.

A comparison that has no interval, or one without width, stays in the family of `bonferroni` and `holm`, with
p = 1; `max_t` knows nothing of it and leaves it out: it makes no claim.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import special

from ..intervals import METHODS
from ..metric import CannotComputeError, Citation, FloatArray, Interval
from ..resample import percentile
from .graphs import Graph, graphical
from .improvement import Improvement
from .joint_deviations import JointDeviations, Remember, computed
from .methods import WESTFALL
from .multiplicity import HOLM
from .simultaneous import exceedance
from .verdict import CLOSE, NEAR, Decision, Verdict, verdict

Method = Literal["bonferroni", "holm", "max_t"]
Replicates = Callable[[int], FloatArray]
STRASSBURGER = Citation(
    "strassburger2008",
    "Strassburger K, Bretz F. Compatible simultaneous lower confidence bounds for the Holm procedure and "
    "other Bonferroni-based closed tests. Stat Med 2008;27:4914-4927.",
)
BERAN = Citation(
    "beran1988",
    "Beran R. Balanced simultaneous confidence sets. J Am Stat Assoc 1988;83:679-686.",
)
SOURCES: dict[str, tuple[Citation, ...]] = {
    "bonferroni": (),
    "holm": (HOLM, STRASSBURGER),
    "max_t": (WESTFALL, BERAN),
}
"""Where each procedure comes from."""


@dataclass(frozen=True)
class Member:
    """One comparison of the family.

    Attributes:
        name: Its name, for messages.
        improvement: The improvement; None where it has no interval of its own.
        margin: Non-inferiority margin as the improvement is measured; None where there is none.
    """

    name: str
    improvement: Improvement | None
    margin: float | None = None


@dataclass(frozen=True)
class AdjustedComparison:
    """One comparison, adjusted for all of its family.

    Attributes:
        interval: Interval of the improvement; None where there is none.
        verdict: What it says.
        p_superior: Adjusted one-sided p of improvement <= 0: superior where at most (1 - level) / 2.
        p_non_inferior: Likewise of improvement <= -margin; None without a margin.
        own_level: Level at which its own interval decides. Of Holm's procedure, whose levels depend on what
            else is claimed, the level it begins with: it decides at no higher one.
    """

    interval: Interval | None
    verdict: Verdict
    p_superior: float | None = None
    p_non_inferior: float | None = None
    own_level: float | None = None


def adjusted_comparisons(
    members: Sequence[Member],
    *,
    method: Method,
    level: float = 0.95,
    replicates: Replicates | None = None,
    remember: Remember = computed,
) -> tuple[AdjustedComparison, ...]:
    """Bounds, p values and verdicts of all comparisons of a family, in their order.

    Args:
        members: The comparisons.
        method: How they share the error rate; see the module.
        level: Confidence level of all together.
        replicates: For `max_t`: place -> what `Improvement.replicates` of that comparison would be, where it
            can be had for less.
        remember: For `max_t`: knows what was computed of replicates before.

    Where the replicates of a comparison cannot be used, it has no verdict under `max_t`; where those of all
    together cannot (each is undefined in others), the family falls back to `bonferroni`, and says so.

    Raises:
        ValueError: No such method.

    Example:
        >>> from accordance.evaluators import registry
        >>> from accordance.evaluators.metric import Columns
        >>> mae, offsets = registry.get("mae"), np.array([0, 2, 4, 6])
        >>> reference = np.array([60.0, 70, 80, 90, 60, 75])
        >>> old = mae.prepare(Columns(reference, reference + [3, 4, -3, 4, 2, 4], offsets))
        >>> new = mae.prepare(Columns(reference, reference + [1, 1, -1, 2, 1, 2], offsets))
        >>> one = Member("mae", Improvement.of(mae, mae.statistic("mae"), new, old))
        >>> both = adjusted_comparisons([one, one], method="bonferroni")
        >>> both[0].verdict.decision, round(both[0].p_superior, 5)
        ('superior', 0.0202)
    """
    objections = [_objection(member, level) for member in members]
    usable = [
        member if why is None else replace(member, improvement=None)
        for member, why in zip(members, objections, strict=True)
    ]
    if method == "bonferroni":
        found = _bonferroni(usable, level)
    elif method == "holm":
        found = _holm(usable, level)
    elif method == "max_t":
        found = _max_t(usable, level, replicates, remember)
    else:
        raise ValueError(f"`method` must be bonferroni, holm or max_t, not {method!r}.")
    return tuple(
        one if why is None else replace(one, verdict=replace(one.verdict, reason=why))
        for one, why in zip(found, objections, strict=True)
    )


def _objection(member: Member, level: float) -> str | None:
    """Why a comparison's own interval may not decide; None where it may."""
    if member.improvement is None:
        return None
    try:
        found = verdict(member.improvement.at(level, "two"), member.margin)
    except CannotComputeError as problem:
        return str(problem)
    return found.reason if found.decision == "not_evaluable" else None


def _none(member: Member) -> AdjustedComparison:
    return AdjustedComparison(None, verdict(None, member.margin))


def _bonferroni(members: Sequence[Member], level: float) -> tuple[AdjustedComparison, ...]:
    m = len(members)
    found = []
    for member in members:
        if member.improvement is None:
            found.append(_none(member))
            continue
        p = [None if one is None else min(1.0, m * one) for one in _tests(member)]
        found.append(_at(member, member.improvement, 1 - (1 - level) / m, p))
    return tuple(found)


def _at(
    member: Member, improvement: Improvement, level: float, p: Sequence[float | None]
) -> AdjustedComparison:
    """The comparison by its interval at a level, or with the reason why it has none there."""
    try:
        interval = improvement.at(level, "two")
    except CannotComputeError as problem:
        return AdjustedComparison(None, verdict(None, member.margin, reason=str(problem)), p[0], p[1], level)
    return AdjustedComparison(interval, verdict(interval, member.margin), p[0], p[1], level)


def _tests(member: Member) -> tuple[float | None, float | None]:
    """One-sided p values at 0 and at -margin, for this comparison alone."""
    if member.improvement is None:
        return None, None
    margin = member.margin
    return member.improvement.p(0.0), None if margin is None else member.improvement.p(-margin)


def _max_t(
    members: Sequence[Member], level: float, replicates: Replicates | None, remember: Remember
) -> tuple[AdjustedComparison, ...]:
    given = _drawn(members) if replicates is None else replicates
    improvements = {place: one.improvement for place, one in enumerate(members) if one.improvement}
    names = {place: members[place].name for place in improvements}
    joint = remember(
        tuple(improvements),
        lambda: JointDeviations.of(names, lambda place: improvements[place].values, given),
    )
    found = [
        _none(member)
        if place not in joint.problems
        else AdjustedComparison(None, verdict(None, member.margin, reason=joint.problems[place]))
        for place, member in enumerate(members)
    ]
    chosen = [place for place in improvements if place not in joint.problems]
    together = _together([members[place] for place in chosen], joint, level)
    for place, adjusted in zip(chosen, together, strict=True):
        found[place] = adjusted
    return tuple(found)


def _drawn(members: Sequence[Member]) -> Replicates:
    def of(place: int) -> FloatArray:
        one = members[place].improvement
        if one is None:
            raise CannotComputeError("there is nothing to resample")
        return one.replicates

    return of


def _together(
    members: Sequence[Member], joint: JointDeviations, level: float
) -> tuple[AdjustedComparison, ...]:
    """The comparisons whose replicates can be used, by one quantile for all of them."""
    if not members:
        return ()
    failure = joint.failure
    if failure is None:
        try:
            quantile = percentile(joint.largest, level, "upper")
        except CannotComputeError as problem:
            failure = str(problem)
    if failure is not None:
        note = f"Bonferroni in place of the maximal t, which cannot be computed: {failure}"
        return tuple(
            replace(one, verdict=replace(one.verdict, reason=_joined(note, one.verdict.reason)))
            for one in _bonferroni(members, level)
        )
    # never narrower than by itself, so that the larger of both p values always agrees with the bound
    critical = max(quantile.upper, float(special.ndtri((1 + level) / 2)))
    relative = (quantile.mc_error[1] if quantile.mc_error else 0.0) / critical
    own_level = max(level, float(1 - 2 * special.ndtr(-critical)))
    found = []
    for member, p in zip(members, _steps([_tests(one) for one in members], joint.largest), strict=True):
        if member.improvement is None:
            continue
        one = _at(member, member.improvement, own_level, p)
        if one.interval is not None:
            interval = _with_error(one.interval, relative, joint.undefined)
            one = replace(one, interval=interval, verdict=verdict(interval, member.margin))
        found.append(one)
    return tuple(found)


def _joined(*notes: str | None) -> str:
    return " ".join(note for note in notes if note)


def _with_error(interval: Interval, relative: float, undefined: float) -> Interval:
    """The interval with what another seed would move the quantile, and so its bounds, by."""
    half = (interval.upper - interval.lower) / 2 * relative
    own = interval.mc_error or (0.0, 0.0)
    errors = float(np.hypot(own[0], half)), float(np.hypot(own[1], half))
    share = max(undefined, interval.undefined_share)
    return replace(interval, mc_error=errors, undefined_share=share)


def _steps(
    tests: Sequence[tuple[float | None, float | None]], largest: FloatArray
) -> list[tuple[float | None, float | None]]:
    """Single-step adjusted one-sided p: half the chance that any deviation is as large, to either side."""
    own = np.array([[np.nan if p is None else p for p in both] for both in tests])
    z = -special.ndtri(np.minimum(own, 1 - 1e-16))
    beyond = np.full(own.shape, 0.5)
    outside = z > 0
    beyond[outside] = exceedance(largest, z[outside]) / 2
    adjusted = np.maximum(own, beyond)
    return [
        (None if np.isnan(first) else float(first), None if np.isnan(second) else float(second))
        for first, second in adjusted
    ]


@dataclass(frozen=True)
class _Ladder:
    """The claims of all comparisons to one side: the first of each, then the second.

    Attributes:
        owner: Claim -> place of its comparison.
        limits: Claim -> improvement that it is about.
        p: Claim -> one-sided p value.
    """

    owner: tuple[int, ...]
    limits: tuple[float, ...]
    p: tuple[float, ...]

    def of(self, place: int) -> list[int]:
        """The claims of a comparison, in order."""
        return [claim for claim, owner in enumerate(self.owner) if owner == place]

    def graph(self, m: int) -> Graph:
        """Equal shares on first claims; first -> second of the same, last -> first of the others."""
        weights, arrows = np.zeros(len(self.owner)), np.zeros((len(self.owner),) * 2)
        firsts = [self.of(place)[0] for place in range(m)]
        for place in range(m):
            first, *second = self.of(place)
            weights[first] = 1 / m
            last = second[0] if second else first
            if second:
                arrows[first, last] = 1.0
            for other in firsts if m > 1 else ():
                if other != first:
                    arrows[last, other] = 1 / (m - 1)
        return Graph(weights, arrows)


def _ladder(members: Sequence[Member], *, good: bool) -> _Ladder:
    owner: list[int] = []
    limits: list[float] = []
    p: list[float] = []
    for place, member in enumerate(members):
        steps = [0.0] if member.margin is None else [-member.margin, 0.0]
        for limit in steps if good else reversed(steps):
            one = member.improvement
            owner.append(place)
            limits.append(limit)
            p.append(1.0 if one is None else one.p(limit) if good else one.p_below(limit))
    return _Ladder(tuple(owner), tuple(limits), tuple(p))


def _holm(members: Sequence[Member], level: float) -> tuple[AdjustedComparison, ...]:
    alpha, m = (1 - level) / 2, len(members)
    good, bad = _ladder(members, good=True), _ladder(members, good=False)
    better = graphical(good.p, good.graph(m), alpha=alpha) if m else None
    lesser = graphical(bad.p, bad.graph(m), alpha=alpha) if m else None
    found = []
    for place, member in enumerate(members):
        if member.improvement is None or better is None or lesser is None:
            found.append(_none(member))
            continue
        lower, low = _bound(
            member, good, better.rejected, better.remaining, place=place, alpha=alpha, good=True
        )
        upper, high = _bound(
            member, bad, lesser.rejected, lesser.remaining, place=place, alpha=alpha, good=False
        )
        claims = [better.rejected[claim] for claim in good.of(place)]
        against = [lesser.rejected[claim] for claim in bad.of(place)]
        adjusted = [better.adjusted[claim] for claim in good.of(place)]
        opposite = [lesser.adjusted[claim] for claim in bad.of(place)]
        resampled = METHODS[member.improvement.method].resampling
        close = resampled and _close(member.improvement, [*adjusted, *opposite], alpha=alpha, m=m)
        found.append(
            AdjustedComparison(
                Interval(
                    lower, upper, level, "two", member.improvement.method,
                    mc_error=(low, high) if resampled else None,
                ),
                Verdict(
                    _claimed(claims, against, member.margin), against[0], member.margin,
                    CLOSE if close else None,
                ),
                adjusted[-1],
                adjusted[0] if member.margin is not None else None,
                1 - (1 - level) / m,
            )
        )  # fmt: skip
    return tuple(found)


def _close(improvement: Improvement, adjusted: Sequence[float], *, alpha: float, m: int) -> bool:
    """Whether another seed might make, or not make, a claim.

    A p value of B replicates that is just alpha / m has a standard error of sqrt(alpha / (m B)), and m times
    that once it is adjusted.
    """
    if improvement.weights is None:
        return False
    error = float(np.sqrt(alpha * m / len(improvement.weights)))
    return any(abs(one - alpha) <= NEAR * error for one in adjusted)


def _claimed(good: Sequence[bool], bad: Sequence[bool], margin: float | None) -> Decision:
    """The decision that the claims make."""
    if good[-1]:
        return "superior"
    if margin is not None and good[0]:
        return "non_inferior"
    if margin is not None and bad[-1]:
        return "inferior"
    return "inconclusive"


def _bound(
    member: Member,
    ladder: _Ladder,
    rejected: Sequence[bool],
    remaining: Graph,
    *,
    place: int,
    alpha: float,
    good: bool,
) -> tuple[float, float]:
    """The bound to one side that is compatible with the claims made, and its Monte-Carlo error.

    Where the bound is the limit of a claim it has no error: NaN.
    """
    improvement = member.improvement
    if improvement is None:
        return float("nan"), float("nan")
    own = ladder.of(place)
    made = [ladder.limits[claim] for claim in own if rejected[claim]]
    open_ = [claim for claim in own if not rejected[claim]]
    if open_:
        share = float(remaining.weights[open_[0]])
    elif all(rejected):
        share = 1 / (max(ladder.owner) + 1)
    else:
        return made[-1], float("nan")
    side: Literal["lower", "upper"] = "lower" if good else "upper"
    try:
        found = improvement.at(1 - alpha * share, side)
    except CannotComputeError:  # too few replicates for a bound at this level
        bound, error = float("-inf") if good else float("inf"), float("nan")
    else:
        bound = found.lower if good else found.upper
        error = (found.mc_error or (float("nan"),) * 2)[0 if good else 1]
    if made and (bound < made[-1] if good else bound > made[-1]):
        return made[-1], float("nan")
    return bound, error
