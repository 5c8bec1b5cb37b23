"""What groups of subjects differ by: a row for every pair of groups, judged, and the largest, not judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ..datasets.pairs import PairFrame
from ..evaluators.comparison.group_contrasts import contrast_p_values, group_contrasts
from ..evaluators.metric import Counts, Estimate, FloatArray, Prepared, Statistic
from ..protocols.criteria import TableLimit
from ..protocols.model import Endpoint
from ..protocols.roles import metric_of
from ..protocols.validity import Disparity
from . import contrasts, slices
from .contrasts import Pair
from .estimating import EMPTY, columns_over, prepare
from .evaluation import Answerer
from .judge import limits
from .questions import Material, Question, material_of
from .resampling import methods
from .rows import Row
from .splits import Part

TOO_SMALL = "group {group} has {n} subjects, and groups of fewer than {minimum} are not compared"
NO_PAIR = "no two groups are large enough to be compared"
BIASED = (
    "between {later} and {earlier}; the largest of several differences is biased upward, so it is shown and "
    "not judged"
)
UNGROUPED = "{n} subjects belong to no group and are not compared"


@dataclass(frozen=True)
class _Groups:
    """The groups of an endpoint and version, prepared over the same subjects.

    Attributes:
        parts: Their rows, in order.
        prepared: Label -> prepared metric, of groups that have rows that can be summarised.
        weights: The run's resampling weights of those subjects.
        problems: Label -> why a group is not prepared.
        ungrouped: Subjects without a group.
    """

    parts: tuple[Part, ...]
    prepared: Mapping[str, Prepared]
    weights: FloatArray | None
    problems: Mapping[str, str]
    ungrouped: int

    def size(self, level: str, statistic: str) -> int:
        """Subjects that contribute to a statistic in a group."""
        found = self.prepared.get(level)
        return 0 if found is None else found.counts(statistic).n_subjects


def disparity_rows(
    answer: Answerer, pairs: Mapping[tuple[str, str], PairFrame], versions: Sequence[str]
) -> list[Row]:
    """Rows of every endpoint that declares a disparity, for every version, in the primary view."""
    return [
        row
        for name, endpoint in answer.protocol.endpoints.items()
        if endpoint.disparity is not None
        for version in versions
        for row in _rows(answer, name, endpoint, version, pairs[str(endpoint.pairing), version])
    ]


def _rows(answer: Answerer, name: str, endpoint: Endpoint, version: str, frame: PairFrame) -> list[Row]:
    rule = endpoint.disparity
    if rule is None:
        return []
    further = contrasts.columns(answer.protocol, rule.between)
    material = material_of(answer.protocol, {name: endpoint}, frame, further=further)
    found = _groups(answer, endpoint, material)
    metric = metric_of(answer.protocol, endpoint)
    judged = dict.fromkeys(str(part.statistic) for part in endpoint.judged)
    rows: list[Row] = []
    for statistic in judged or (metric.headline,):
        question = Question(0, name, endpoint, version, slices.PRIMARY, Part())
        rows += _of_statistic(answer, question, rule, metric.statistic(statistic), found)
    return rows


def _groups(answer: Answerer, endpoint: Endpoint, material: Material) -> _Groups:
    """Every group prepared over the subjects of all groups."""
    protocol, metric = answer.protocol, metric_of(answer.protocol, endpoint)
    how = slices.coding(protocol, endpoint)
    view = slices.view_of(protocol, slices.PRIMARY)
    parts = tuple(contrasts.groups(protocol, endpoint, material.rows))
    coded = slices.coded(how, material.rows, view)
    number = coded.get_column(slices.SUBJECT_NUMBER)
    present = np.unique(number.to_numpy())
    prepared: dict[str, Prepared] = {}
    problems: dict[str, str] = {}
    inside = pl.lit(value=False)
    for part in parts:
        condition = pl.lit(value=False) if part.condition is None else part.condition
        inside |= condition
        rows = coded.filter(condition)
        unknown = material.problem_in(how, view)
        if rows.is_empty() or unknown is not None:
            problems[str(part.level)] = unknown or EMPTY
            continue
        one, problem = prepare(metric, endpoint, columns_over(how, rows, present))
        if one is None:
            problems[str(part.level)] = str(problem)
        else:
            prepared[str(part.level)] = one
    ungrouped = coded.filter(~inside.fill_null(value=False)).get_column(slices.SUBJECT_NUMBER).n_unique()
    keys = material.subjects.gather(present).to_list()
    weights = None if answer.weights is None else answer.weights.matrix(keys)
    return _Groups(parts, prepared, weights, problems, ungrouped)


def _of_statistic(
    answer: Answerer, question: Question, rule: Disparity, statistic: Statistic, found: _Groups
) -> list[Row]:
    """The rows of one statistic: every pair, and the largest."""
    endpoint = question.endpoint
    every = contrasts.pairs(endpoint, found.parts)
    large = [pair for pair in every if _problem(rule, statistic.name, found, pair) is None]
    compared = group_contrasts(
        statistic,
        found.prepared,
        [(pair.later, pair.earlier) for pair in large],
        contrast=rule.contrast,
        simultaneous=rule.simultaneous,
        weights=found.weights,
        method=methods(answer.protocol, endpoint).get(statistic.name),
        level=endpoint.interval.level,
        sides=endpoint.interval.sides,
    )
    rows: list[Row] = []
    for pair in every:
        estimate = compared.get((pair.later, pair.earlier))
        # where nothing can be compared, every pair is judged, so that the decision says why there is none
        part = replace(pair.part, compared=estimate is not None or not large)
        if estimate is None:
            estimate = _not_compared(rule, statistic, found, pair)
        rows += answer.rows(replace(question, part=part), {statistic.name: estimate})
    if question.endpoint_id in answer.families:
        compared_pairs = [(pair.later, pair.earlier) for pair in large]
        _test(answer, question, rows, statistic, found, compared=compared_pairs)
    part = contrasts.largest(endpoint, found.parts)
    last = _largest(rule, statistic, found, compared)
    return [*rows, *answer.rows(replace(question, part=part), {statistic.name: last})]


def _test(
    answer: Answerer,
    question: Question,
    rows: list[Row],
    statistic: Statistic,
    found: _Groups,
    *,
    compared: Sequence[tuple[str, str]],
) -> None:
    """Add the p value of each judged pair of a hypothesis, and its family."""
    endpoint, rule = question.endpoint, question.endpoint.disparity
    judged = [row for row in rows if row["criterion"] is not None]
    for row in judged:
        row["family"] = answer.families[question.endpoint_id]
    criterion = next((one for one in endpoint.judged if one.statistic == statistic.name), None)
    if not compared or rule is None or criterion is None or criterion.compare == "point":
        return
    if criterion.is_open or isinstance(criterion.limit, TableLimit):
        return
    values = contrast_p_values(
        statistic,
        found.prepared,
        compared,
        limits(criterion),
        contrast=rule.contrast,
        simultaneous=rule.simultaneous,
        weights=found.weights,
        method=methods(answer.protocol, endpoint).get(statistic.name),
        sides=endpoint.interval.sides,
    )
    for pair, row in zip(compared, judged, strict=True):
        row["p_value"] = values[pair] if row["ci_method"] is not None else None


def _problem(rule: Disparity, statistic: str, found: _Groups, pair: Pair) -> str | None:
    """Why two groups are not compared."""
    for level in (pair.earlier, pair.later):
        n = found.size(level, statistic)
        if n < rule.minimum:
            reason = TOO_SMALL.format(group=level, n=n, minimum=rule.minimum)
            own = found.problems.get(level)
            return reason if own in {None, EMPTY} else f"{reason}: {own}"
    return None


def _not_compared(rule: Disparity, statistic: Statistic, found: _Groups, pair: Pair) -> Estimate:
    parts = [found.prepared[level] for level in (pair.earlier, pair.later) if level in found.prepared]
    own = [part.counts(statistic.name) for part in parts]
    counts = Counts(sum(one.n_subjects for one in own), sum(one.n_units for one in own))
    error = _problem(rule, statistic.name, found, pair)
    return Estimate(statistic, math.nan, math.nan, None, counts, error=error)


def _largest(
    rule: Disparity,
    statistic: Statistic,
    found: _Groups,
    compared: Mapping[tuple[str, str], Estimate],
) -> Estimate:
    """The largest absolute difference, or the ratio farthest from 1, as a number to look at."""
    own = [part.counts(statistic.name) for part in found.prepared.values()]
    counts = Counts(sum(one.n_subjects for one in own), sum(one.n_units for one in own))
    notes = [UNGROUPED.format(n=found.ungrouped)] if found.ungrouped else []
    known = {pair: one for pair, one in compared.items() if math.isfinite(one.value)}
    if not known:
        error = next((str(one.error) for one in compared.values() if one.error), NO_PAIR)
        return Estimate(statistic, math.nan, math.nan, None, counts, "; ".join(notes) or None, error)
    ratio = rule.contrast == "ratio"
    pair = max(known, key=lambda key: abs(math.log(known[key].value) if ratio else known[key].value))
    one = known[pair]
    words = "Ratio of two groups that is farthest from 1. " if ratio else "Largest difference of two groups. "
    named = replace(one.statistic, definition=words + statistic.definition, intervals=())
    notes = [BIASED.format(later=pair[0], earlier=pair[1]), *notes]
    value = one.value if ratio else abs(one.value)
    return Estimate(named, value, math.nan, None, counts, warning="; ".join(notes))
