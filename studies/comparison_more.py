"""What stands beside a comparison: how many more subjects, the smallest loss it could see, weak spots."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import polars as pl

from ..evaluators.comparison import weak_spots as search_of
from ..evaluators.comparison.further import further_subjects, smallest_detectable
from ..evaluators.comparison.group_improvements import improvement_of_prepared
from ..evaluators.comparison.scales import scaled_margin
from ..evaluators.comparison.weak_spots import WeakSpot
from ..evaluators.intervals import METHODS
from ..evaluators.metric import CannotComputeError
from ..protocols.model import Protocol, Subgroup
from .compared import POWER, Line, finite, standard_error_of
from .slices import SUBJECTS
from .splits import band_label

ERROR_RATE = 0.05
"""Chance that any search of a comparison confirms a weak spot where there is none."""
MOST_SEARCHES = 24
"""More primary comparisons than this are not searched for weak spots: each would need a search of its own."""
NO_RATIOS = "groups are compared by differences, and this endpoint by a ratio"
NO_SUMS = (
    "this statistic is no sum over subjects: every group and every subject left out would be a fit of its own"
)
_GROUPING = ("category", "boolean")


def further(line: Line, level: float, seed: int) -> dict[str, Any] | None:
    """Further subjects that are expected to settle an inconclusive comparison.

    Args:
        line: The comparison.
        level: Confidence level of the comparison.
        seed: Of the draws that say how uncertain the number is.

    Returns:
        `subjects` with `lower` and `upper`, what they point to, and words; None for what is settled, or where
        there is no standard error.
    """
    one, error, found = line.whole.improvement, standard_error_of(line.whole), line.whole.found
    if line.verdict.decision != "inconclusive" or one is None or found is None or not error:
        return None
    interval = found.interval if line.adjusted is None else line.adjusted.interval
    if interval is None:
        return None
    try:
        told = further_subjects(
            one.estimate,
            error,
            found.difference.counts.n_subjects,
            margin=scaled_margin(line.plan.margin, line.plan.scale),
            level=level,
            df=_freedom(line),
            interval=(interval.lower, interval.upper),
            seed=seed,
        )
    except (
        ValueError
    ):  # an interval beside its estimate, or of too few subjects, says nothing of more of them
        return None
    names = ("subjects", "lower", "upper", "towards", "chance", "power", "likely", "reason", "words")
    return {name: getattr(told, name) for name in names}


def detectable(line: Line, level: float) -> dict[str, float] | None:
    """The smallest regression that would have been called worse in four of five such studies.

    Positive, in the unit of the improvement; on the ratio scale a ratio above 1. The level is that at which
    the comparison decides, adjusted where it is one of several (of Holm's procedure the one it begins with);
    a statistic that is best near zero, whose interval allows for either sign, has half the error.
    """
    error = standard_error_of(line.whole)
    if line.whole.improvement is None or error is None or not error > 0:
        return None
    own = None if line.adjusted is None else line.adjusted.own_level
    decides = level if own is None else own
    if line.whole.improvement.statistic.better == "near_zero":
        decides = (1 + decides) / 2
    try:
        size = smallest_detectable(error, _freedom(line) or math.inf, decides, POWER)
    except ValueError:
        return None
    return {"regression": math.exp(size) if line.plan.scale == "ratio" else size, "power": POWER}


def _freedom(line: Line) -> float | None:
    """Degrees of freedom of the standard error; None where it is resampled."""
    one = line.whole.improvement
    if one is None or METHODS[one.method].resampling:
        return None
    return min(freedom for _, freedom in one.spreads)


def searches(
    protocol: Protocol, lines: Sequence[Line], people: pl.DataFrame | None, pool: ThreadPoolExecutor
) -> dict[str, Any]:
    """Weak spots of every primary comparison: groups of subjects found in one half, confirmed on the other.

    Groups are the levels of the subjects' categories, the bands of declared subgroups, and their pairs. All
    searches of a comparison share one error rate, in equal parts: twenty searches at 5% each are expected
    to confirm one thing where there is nothing.

    Args:
        protocol: Resolved protocol.
        lines: The comparisons.
        people: The subjects table.
        pool: Threads.

    Returns:
        `searches`: one object a primary comparison; `notes`: why there are none.
    """
    primary = [line for line in lines if line.plan.role == "primary" and line.whole.improvement is not None]
    labels = {} if people is None else groupings(protocol, people)
    if not labels:
        return {"searches": [], "notes": ["the subjects have no categories to search"]}
    if len(primary) > MOST_SEARCHES:
        note = f"{len(primary)} primary comparisons are not searched, more than {MOST_SEARCHES} are too many"
        return {"searches": [], "notes": [note]}
    alpha = ERROR_RATE / max(1, len(primary))
    found = pool.map(lambda line: _search(line, labels, protocol.seed, alpha), primary)
    return {"searches": [one for one in found if one is not None], "notes": []}


def weak_spots(
    entries: Sequence[Mapping[str, Any]], found: Mapping[str, Any], candidate: str
) -> dict[str, list[str]]:
    """Endpoint -> groups that are confirmed to be worse with a candidate that is not worse as a whole.

    Args:
        entries: Objects of `comparisons`.
        found: What `searches` gave.
        candidate: The version in question.
    """
    better = {
        one["endpoint"]
        for one in entries
        if one["candidate"] == candidate and one["decision"] != "not_evaluable" and not one["worse"]
    }
    return {
        search["endpoint"]: [spot["name"] for spot in search["carried"] if spot["confirmed"]]
        for search in found["searches"]
        if search["candidate"] == candidate and search["endpoint"] in better
    }


def groupings(protocol: Protocol, people: pl.DataFrame) -> dict[str, dict[str, str]]:
    """Variable -> subject -> label: categories of the subjects table, and bands of declared subgroups."""
    table = protocol.tables[SUBJECTS]
    keys = people.get_column(table.subject).to_list()
    found: dict[str, dict[str, str]] = {}
    for name, column in table.columns.items():
        if (
            column.type in _GROUPING
            and name in people.columns
            and name not in {table.subject, table.exclusion}
        ):
            values = people.get_column(name).cast(pl.String).to_list()
            found[name] = {str(k): str(v) for k, v in zip(keys, values, strict=True) if v is not None}
    for name, subgroup in protocol.subgroups.items():
        if subgroup.by in people.columns and subgroup.bands and not subgroup.where:
            numbers = people.get_column(str(subgroup.by)).cast(pl.Float64).to_list()
            whole = table.columns[str(subgroup.by)].type == "integer"
            own = {str(k): _band(subgroup, v, whole=whole) for k, v in zip(keys, numbers, strict=True)}
            found[name] = {key: label for key, label in own.items() if label is not None}
    return {name: labels for name, labels in found.items() if len(set(labels.values())) > 1}


def _band(subgroup: Subgroup, value: float | None, *, whole: bool) -> str | None:
    if value is None:
        return None
    edges = (None, *(subgroup.bands or ()), None)
    for low, high in pairwise(edges):
        if (low is None or value >= low) and (high is None or value < high):
            return band_label(low, high, whole=whole)
    return None


def _search(
    line: Line, labels: Mapping[str, Mapping[str, str]], seed: int, alpha: float
) -> dict[str, Any] | None:
    one, subjects = line.whole.improvement, line.whole.ready.subjects
    if one is None:
        return None
    place = {"candidate": line.comparable.candidate, "endpoint": line.comparable.endpoint_id}
    unfit = NO_RATIOS if line.plan.scale == "ratio" else NO_SUMS if one.metric.route != "additive" else None
    if unfit is not None:
        return {**place, "words": f"Not searched: {unfit}", "carried": [], "error": unfit}
    groups = {name: [own.get(subject) for subject in subjects] for name, own in labels.items()}
    try:
        evaluate = improvement_of_prepared(
            one.metric, one.candidate, one.baseline, statistic=one.statistic.name
        )
        found = search_of.weak_spots(evaluate, groups, subject=list(subjects), alpha=alpha, seed=seed)
    except (ValueError, CannotComputeError) as error:
        return {**place, "words": f"Not searched: {error}", "carried": [], "error": str(error)}
    return {
        **place,
        "words": found.words,
        "searched": found.searched,
        "held_back": found.held_back,
        "looked_at": len(found.looked_at),
        "carried": [_spot(spot) for spot in found.carried],
        "error": None,
    }


def _spot(spot: WeakSpot) -> dict[str, Any]:
    held = spot.confirmation
    return {
        "name": spot.name,
        "terms": [list(term) for term in spot.terms],
        "confirmed": spot.confirmed,
        "n_subjects": None if held is None else held.n_subjects,
        "estimate": None if held is None else finite(held.estimate),
        "lower": finite(spot.lower),
        "upper": finite(spot.upper),
        "adjusted_p": finite(spot.adjusted_p),
        "reason": spot.reason,
    }
