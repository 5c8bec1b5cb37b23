"""Estimates for every endpoint, version, view and part of the data, as rows of the results table.

The rows of a pairing are read once for each population; after that everything works on a metric's small
summary. One matrix of subject weights serves the whole run. Workers are threads over independent questions,
each with single-threaded linear algebra, so their number never changes a digit.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ..evaluators import blocks, registry
from ..evaluators.estimate import estimates
from ..evaluators.intervals import METHODS, clopper_pearson
from ..evaluators.inversion import interval_at, p_value
from ..evaluators.metric import (
    CannotComputeError,
    Columns,
    Counts,
    Estimate,
    FloatArray,
    Interval,
    Metric,
    Prepared,
)
from ..evaluators.weights import ResamplingWeights
from ..protocols.model import Criterion, Endpoint, Protocol, View
from ..protocols.roles import metric_of, per_unit
from ..protocols.validity import Handling
from . import slices
from .coding import further_values
from .hypotheses import families_of
from .judge import Judgement, criterion_text, judge_by, limits, margin, settled
from .schema import SCHEMA_VERSION, row_id
from .slices import Coding, Part
from .verification import weighted

Row = dict[str, Any]
Progress = Callable[[str, float], None]

EMPTY = "no analysable rows in this part of the data"


@dataclass(frozen=True)
class Question:
    """One metric, asked of one version's rows in one view and part; `number` is its place in the answer."""

    number: int
    endpoint_id: str
    endpoint: Endpoint
    version: str
    view: str
    part: Part


@dataclass(frozen=True)
class Batch:
    """Questions on the same rows, seen in the same way."""

    how: Coding
    view: View
    part: Part
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Material:
    """The rows that questions on the same columns and population share.

    Attributes:
        rows: Population rows, results or not, with the subject as a running number in `_subject`.
        subjects: Name of each running number.
        problem: Why nothing can be estimated from these rows, in words.
    """

    rows: pl.DataFrame
    subjects: pl.Series
    problem: str | None = None


def answerer(
    protocol: Protocol,
    algorithm: str,
    pairs: Mapping[tuple[str, str], pl.DataFrame],
    *,
    strata: Mapping[str, str] | None = None,
    subjects: Sequence[str] | None = None,
) -> Answerer:
    """What answers every question of a run, with the one matrix of subject weights that all of them share.

    Args:
        protocol: Resolved protocol.
        algorithm: Name of the algorithm under validation.
        pairs: (pairing, version) -> frame of `Pairs`.
        strata: Subject -> resampling stratum; default none.
        subjects: All subjects of the study, over whom the resampling design is drawn. Default: those in the
            pairs.
    """
    endpoints = {**protocol.endpoints, **slices.automatic_yields(protocol)}
    weights = resampling_weights(protocol, endpoints, pairs, subjects=subjects, strata=strata)
    return Answerer(protocol, algorithm, weights)


def evaluate_protocol(
    answer: Answerer,
    pairs: Mapping[tuple[str, str], pl.DataFrame],
    versions: Sequence[str],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """Rows for every endpoint of a protocol, and for the yields that are always reported.

    Args:
        answer: From `answerer`.
        pairs: (pairing, version) -> frame of `Pairs`.
        versions: Versions in order.
        workers: Threads; default one a processor. The numbers do not depend on it.
        progress: Told what is being done and the share done.

    Returns:
        Rows in the protocol's order, without `pre_specified`.
    """
    protocol = answer.protocol
    endpoints = {**protocol.endpoints, **slices.automatic_yields(protocol)}
    groups = _groups(protocol, endpoints)
    found: dict[tuple[str, str], list[tuple[int, list[Row]]]] = {}
    with threadpool_limits(limits=1), ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        for step, (version, group) in enumerate((v, g) for v in versions for g in groups):
            if progress:
                progress(f"{', '.join(group)}, {version}", step / (len(versions) * len(groups)))
            pairing = str(next(iter(group.values())).pairing)
            material = material_of(protocol, group, pairs[pairing, version])
            batches = _batches(protocol, group, version, material)
            for answers in pool.map(answer, batches, [material] * len(batches)):
                for question, rows in answers:
                    found.setdefault((question.endpoint_id, version), []).append((question.number, rows))
    ordered = [sorted(found[name, version], key=itemgetter(0)) for name in endpoints for version in versions]
    return [row for answers in ordered for _, rows in answers for row in rows]


def resampling_weights(
    protocol: Protocol,
    endpoints: Mapping[str, Endpoint],
    pairs: Mapping[tuple[str, str], pl.DataFrame],
    *,
    subjects: Sequence[str] | None,
    strata: Mapping[str, str] | None,
) -> ResamplingWeights | None:
    """The one weight matrix of a run; None where no endpoint resamples or there is no subject."""
    if not any(resamples(protocol, endpoint) for endpoint in endpoints.values()):
        return None
    keys = set(subjects or ())
    for frame in pairs.values():
        keys.update(frame.get_column("subject").unique().to_list())
    if not keys:
        return None
    order = sorted(keys)
    labels = None if strata is None else [strata.get(key, "") for key in order]
    return ResamplingWeights(
        order, seed=protocol.seed, replicates=protocol.resampling.replicates, strata=labels
    )


def resamples(protocol: Protocol, endpoint: Endpoint) -> bool:
    """Whether an endpoint asks for anything that the bootstrap gives."""
    if endpoint.disparity is not None:
        return True
    return any(METHODS[method].resampling for method in methods(protocol, endpoint).values())


def methods(protocol: Protocol, endpoint: Endpoint) -> dict[str, str]:
    """Statistic -> interval method, every statistic of the metric that has one."""
    said = endpoint.interval.methods or {}
    found = {}
    for statistic in metric_of(protocol, endpoint).statistics:
        method = said.get(statistic.name)
        if method is None and endpoint.interval.method in statistic.intervals:
            method = endpoint.interval.method
        if method is None and statistic.intervals:
            method = statistic.intervals[0]
        if method is not None:
            found[statistic.name] = method
    return found


def _groups(protocol: Protocol, endpoints: Mapping[str, Endpoint]) -> list[dict[str, Endpoint]]:
    """Endpoints that rest on the same rows, together."""
    groups: dict[str, dict[str, Endpoint]] = {}
    for name, endpoint in endpoints.items():
        where = {c: condition.model_dump(mode="json") for c, condition in (endpoint.where or {}).items()}
        verified = endpoint.verification.model_dump(mode="json") if endpoint.verification else None
        needed = [[one.role.kind, one.columns] for one in slices.coding(protocol, endpoint).further]
        columns = [endpoint.reference, endpoint.test, needed]
        key = [endpoint.pairing, endpoint.population, where, columns, verified]
        groups.setdefault(json.dumps(key, sort_keys=True), {})[name] = endpoint
    return list(groups.values())


def material_of(
    protocol: Protocol,
    group: Mapping[str, Endpoint],
    pairs: pl.DataFrame,
    handling: Handling | None = None,
    further: Sequence[str] = (),
) -> Material:
    """The rows of a group of endpoints, with only the columns they ask for, and further ones."""
    first = next(iter(group.values()))
    how = slices.coding(protocol, first)
    wanted = dict.fromkeys([how.reference, how.test, *how.further_columns, *further])
    for endpoint in group.values():
        wanted.update(dict.fromkeys(endpoint.by))
        wanted.update(dict.fromkeys(endpoint.verification.within if endpoint.verification else ()))
        for name in endpoint.subgroups or ():
            subgroup = protocol.subgroups[name]
            wanted.update(dict.fromkeys([*(subgroup.where or ()), *([subgroup.by] if subgroup.by else [])]))
    subject = pairs.get_column("subject")
    numbered = pairs.with_columns(subject.rle_id().alias(slices.SUBJECT_NUMBER))
    rows = slices.population_rows(
        protocol, first, numbered, [slices.SUBJECT_NUMBER, *wanted], handling=handling
    )
    problem = None
    if first.verification is not None:
        try:
            rows = weighted(protocol, first, pairs, rows)
        except CannotComputeError as error:
            problem = str(error)
    return Material(rows.rechunk(), subject.rle().struct.field("value"), problem)


def _batches(
    protocol: Protocol, group: Mapping[str, Endpoint], version: str, material: Material
) -> list[Batch]:
    """All that is asked of a group of endpoints, by the slice of rows that it is asked of."""
    batches: dict[tuple[Coding, View, Part], list[Question]] = {}
    for name, endpoint in group.items():
        how = slices.coding(protocol, endpoint)
        for number, (view, part) in enumerate(_places(protocol, endpoint, how, material)):
            question = Question(number, name, endpoint, version, view, part)
            batches.setdefault((how, slices.view_of(protocol, view), part), []).append(question)
    return [Batch(*place, tuple(questions)) for place, questions in batches.items()]


def _places(
    protocol: Protocol, endpoint: Endpoint, how: Coding, material: Material
) -> Iterator[tuple[str, Part]]:
    """Views and parts of an endpoint: the whole and by-levels in each view, subgroups in the first."""
    parts = slices.parts(protocol, endpoint, material.rows)
    for view in how.views:
        for part in parts:
            if view == slices.PRIMARY or part.subgroup is None:
                yield view, part


class Answerer:
    """Answers batches of questions: reads their slice once, then asks each metric."""

    def __init__(self, protocol: Protocol, algorithm: str, weights: ResamplingWeights | None) -> None:
        self.protocol = protocol
        self.algorithm = algorithm
        self.weights = weights
        self.families = families_of(protocol)
        if weights is not None:
            weights.matrix(weights.keys[:1])  # drawn once here, not once a thread

    def __call__(self, batch: Batch, material: Material) -> list[tuple[Question, list[Row]]]:
        """The rows of each question, one a statistic."""
        if material.problem is not None:
            counts = Counts(0, 0)
            return [(asked, self.failed(asked, counts, material.problem)) for asked in batch.questions]
        part = batch.part.condition
        chosen = material.rows if part is None else material.rows.filter(part)
        columns, keys = columns_of(batch.how, slices.coded(batch.how, chosen, batch.view), material.subjects)
        resampled = any(resamples(self.protocol, question.endpoint) for question in batch.questions)
        weights = self.weights.matrix(list(keys)) if resampled and self.weights is not None else None
        return [(question, self._answer(question, columns, weights)) for question in batch.questions]

    def on(self, question: Question, coded: pl.DataFrame, material: Material) -> list[Row]:
        """The rows of one question on rows that are coded already (`slices.coded`)."""
        columns, keys = columns_of(slices.coding(self.protocol, question.endpoint), coded, material.subjects)
        return self._answer(question, columns, self._weights(question, keys))

    def estimates_on(
        self, question: Question, coded: pl.DataFrame, material: Material
    ) -> dict[str, Estimate]:
        """As `on`, the estimates themselves, with analytic intervals only."""
        columns, _ = columns_of(slices.coding(self.protocol, question.endpoint), coded, material.subjects)
        endpoint, metric = question.endpoint, metric_of(self.protocol, question.endpoint)
        prepared, problem = prepare(metric, endpoint, columns)
        if prepared is None:
            counts = Counts(columns.n_subjects, len(columns.reference))
            return {
                one.name: Estimate(one, math.nan, math.nan, None, counts, error=problem)
                for one in metric.statistics
            }
        level, sides = endpoint.interval.level, endpoint.interval.sides
        return estimates(metric, prepared, methods={}, level=level, sides=sides, weights=None)

    def _weights(self, question: Question, keys: Sequence[str]) -> FloatArray | None:
        if self.weights is None or not resamples(self.protocol, question.endpoint):
            return None
        return self.weights.matrix(list(keys))

    def _answer(self, question: Question, columns: Columns, weights: FloatArray | None) -> list[Row]:
        endpoint = question.endpoint
        metric = metric_of(self.protocol, endpoint)
        prepared, problem = prepare(metric, endpoint, columns)
        if prepared is None:
            counts = Counts(columns.n_subjects, len(columns.reference))
            return self.failed(question, counts, str(problem))
        found = estimates(
            metric,
            prepared,
            methods=methods(self.protocol, endpoint),
            level=endpoint.interval.level,
            sides=endpoint.interval.sides,
            weights=weights,
        )
        if endpoint.interval.degenerate == "exact_subject":
            found = {name: with_exact_bound(estimate, prepared) for name, estimate in found.items()}
        rows = self.rows(question, found)
        if question.endpoint_id in self.families:
            self._test(question, prepared, weights, rows)
        return rows

    def _test(
        self, question: Question, prepared: Prepared, weights: FloatArray | None, rows: list[Row]
    ) -> None:
        """Add the p value of each judged row of a hypothesis, and its family."""
        endpoint, metric = question.endpoint, metric_of(self.protocol, question.endpoint)
        for row in rows:
            criterion = criterion_of(endpoint, row["statistic"], question.part)
            if criterion is None:
                continue
            row["family"] = self.families[question.endpoint_id]
            if row["ci_method"] is None or criterion.compare == "point" or criterion.is_open:
                continue
            at = interval_at(metric.statistic(row["statistic"]), prepared, row["ci_method"], weights)
            low, high = limits(criterion)
            try:
                lower = p_value(at, row["ci_method"], side="lower", limit=low) if math.isfinite(low) else 0.0
                upper = (
                    p_value(at, row["ci_method"], side="upper", limit=high) if math.isfinite(high) else 0.0
                )
                row["p_value"] = max(lower, upper)
            except CannotComputeError:
                continue  # the row says already why its interval cannot be had

    def failed(self, question: Question, counts: Counts, problem: str) -> list[Row]:
        """Rows without a value, with the reason, one a statistic."""
        metric = metric_of(self.protocol, question.endpoint)
        found = {
            statistic.name: Estimate(statistic, math.nan, math.nan, None, counts, error=problem)
            for statistic in metric.statistics
        }
        return self.rows(question, found)

    def rows(self, question: Question, found: Mapping[str, Estimate]) -> list[Row]:
        """Estimates of one metric on the same rows, judged, as rows of results."""
        metric = metric_of(self.protocol, question.endpoint)
        return [self._row(question, metric, name, found) for name in found]

    def _row(self, question: Question, metric: Metric, name: str, found: Mapping[str, Estimate]) -> Row:
        estimate = found[name]
        endpoint, statistic, interval = question.endpoint, estimate.statistic, estimate.interval
        criterion = criterion_of(endpoint, statistic.name, question.part)
        outcome = judge_by(criterion, found, endpoint.interval)
        row: Row = {
            "schema_version": SCHEMA_VERSION,
            "endpoint": question.endpoint_id,
            "role": endpoint.role,
            "metric": metric.name,
            "statistic": statistic.name,
            "definition": definition(metric, endpoint, statistic.definition),
            "unit": self._unit(endpoint, statistic.unit),
            "algorithm": self.algorithm,
            "version": question.version,
            "comparator": None,
            "population": endpoint.population,
            "view": question.view,
            "by": question.part.by,
            "subgroup": question.part.subgroup,
            "level": question.part.level,
            "estimate": _finite(estimate.value),
            "se": _finite(estimate.standard_error),
            **_interval_fields(interval, criterion.compare if criterion else None),
            "p_value": None,
            "family": None,
            "n_subjects": estimate.counts.n_subjects,
            "n_units": estimate.counts.n_units,
            "n_events": estimate.counts.n_events,
            **_criterion_fields(criterion, found),
            "decision": outcome.decision,
            "evidence": outcome.evidence,
            "otherwise": outcome.otherwise,
            "pre_specified": None,
            "method": METHODS[interval.method].words if interval else None,
            "reference": _citations(metric, interval),
            "warning": _warnings(estimate, outcome),
            "error": estimate.error or outcome.reason,
        }
        row["row_id"] = row_id(row)
        return row

    def _unit(self, endpoint: Endpoint, unit: str) -> str | None:
        """The unit of a statistic in words; `same` is that of the reference column, or of a score."""
        if unit == "per_reference":
            table = self.protocol.tables[self.protocol.pairings[str(endpoint.pairing)].reference]
            return per_unit(table.columns[str(endpoint.reference)].unit, endpoint.parameters.get("per", 1.0))
        if unit == "same":
            pairing = self.protocol.pairings[str(endpoint.pairing)]
            if registry.get(endpoint.metric).kind == "score":
                return self.protocol.tables[pairing.test].columns[str(endpoint.test)].unit
            return self.protocol.tables[pairing.reference].columns[str(endpoint.reference)].unit
        return {"percent": "%", "proportion": "proportion"}.get(unit)


def criterion_of(endpoint: Endpoint, statistic: str, part: Part) -> Criterion | None:
    """The criterion that a statistic is judged by in a part of the rows."""
    for criterion in endpoint.judged:
        if endpoint.disparity is not None:
            there = part.compared
        elif criterion.applies_to == "each_level":
            there = part.by is not None
        else:
            there = part == slices.WHOLE
        if criterion.statistic == statistic and there:
            return criterion
    return None


def _criterion_fields(criterion: Criterion | None, found: Mapping[str, Estimate]) -> Row:
    """The criterion with the limit that it came down to, where that was read in a table."""
    if criterion is None:
        return dict.fromkeys(("criterion", "margin", "tier"))
    try:
        known = settled(criterion, found) or criterion
    except CannotComputeError:
        known = criterion
    return {"criterion": criterion_text(known), "margin": margin(known), "tier": criterion.tier}


def columns_of(how: Coding, rows: pl.DataFrame, subjects: pl.Series) -> tuple[Columns, tuple[str, ...]]:
    """Coded rows as arrays, and the subjects that have rows, in order."""
    present = np.unique(rows.get_column(slices.SUBJECT_NUMBER).to_numpy())
    return columns_over(how, rows, present), tuple(subjects.gather(present).to_list())


def columns_over(how: Coding, rows: pl.DataFrame, present: NDArray[Any]) -> Columns:
    """Coded rows as arrays over stated subjects, some of whom may have no rows.

    Args:
        how: How the rows were coded.
        rows: Coded rows, sorted by subject.
        present: (S,) running numbers of the subjects, in order, those of all rows among them.
    """
    number = rows.get_column(slices.SUBJECT_NUMBER).to_numpy()
    places = np.searchsorted(present, number).astype(np.int64)
    counts = np.bincount(places, minlength=len(present))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Columns(
        reference=rows.get_column("reference").to_numpy(),
        test=rows.get_column("test").to_numpy(),
        offsets=offsets,
        levels=how.levels,
        weights=rows.get_column(slices.WEIGHT).to_numpy() if slices.WEIGHT in rows.columns else None,
        roles=further_values(how, rows),
        role_levels={one.role.name: one.levels for one in how.further if one.role.kind == "category"},
    )


def prepare(metric: Metric, endpoint: Endpoint, columns: Columns) -> tuple[Prepared | None, str | None]:
    """The metric's summary, or why there is none. A plug-in's bug is a visible row, not a stopped study."""
    if len(columns.reference) == 0:
        return None, EMPTY
    try:
        average = endpoint.average or metric.averages[0]
        return blocks.prepare(metric, columns, average=average, **endpoint.parameters), None
    except CannotComputeError as error:
        return None, str(error)
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def with_exact_bound(estimate: Estimate, prepared: Prepared) -> Estimate:
    """An interval of a proportion that has no spread, replaced by the exact one over subjects.

    A subject is a success only where all its units are: 10 of 10 subjects then give [0.6915, 1] at level
    0.95, not [1, 1] (Clopper and Pearson, Biometrika 1934, 26(4): 404-413).
    """
    interval, unit = estimate.interval, estimate.statistic.unit
    if interval is None or not interval.degenerate or unit not in ("proportion", "percent"):
        return estimate
    position = prepared.statistics.index(estimate.statistic.name)
    scale = 100.0 if unit == "percent" else 1.0
    own = np.concatenate([prepared.at(block)[:, position] for block in _one_by_one(prepared.n_subjects)])
    own = own[~np.isnan(own)]
    successes = int(np.count_nonzero(own == scale))
    lower, upper = clopper_pearson(successes, len(own), interval.level, interval.sides)
    exact = Interval(
        float(lower) * scale, float(upper) * scale, interval.level, interval.sides, "clopper_pearson"
    )
    note = (
        f"the interval had no spread; exact bound over subjects, {successes} of {len(own)} without a failure"
    )
    return replace(estimate, interval=exact, warning=_joined([estimate.warning, note]))


def _one_by_one(n_subjects: int, block: int = 500) -> Iterator[FloatArray]:
    """Weights that leave each subject alone in turn, some at a time to bound the memory."""
    for start in range(0, n_subjects, block):
        stop = min(start + block, n_subjects)
        weights = np.zeros((stop - start, n_subjects))
        weights[np.arange(stop - start), np.arange(start, stop)] = 1.0
        yield weights


def definition(metric: Metric, endpoint: Endpoint, words: str) -> str:
    """A statistic's definition with everything the protocol chose."""
    chosen = [f"{name} = {value}" for name, value in sorted(endpoint.parameters.items())]
    if len(metric.averages) > 1:
        chosen.append(f"average = {endpoint.average or metric.averages[0]}")
    if metric.kind in {"binary", "score"} and endpoint.positive:
        chosen.append(f"positive = {', '.join(endpoint.positive)}")
    return f"{words} [{'; '.join(chosen)}]" if chosen else words


def _interval_fields(interval: Interval | None, compare: str | None) -> Row:
    if interval is None:
        return dict.fromkeys(("ci_lower", "ci_upper", "ci_level", "ci_sides", "ci_method", "mc_error"))
    return {
        "ci_lower": _finite(interval.lower),
        "ci_upper": _finite(interval.upper),
        "ci_level": interval.level,
        "ci_sides": interval.sides,
        "ci_method": interval.method,
        "mc_error": _mc_error(interval, compare),
    }


def _mc_error(interval: Interval, compare: str | None) -> float | None:
    """Monte-Carlo error of the bound that is compared, or the larger of both."""
    if interval.mc_error is None:
        return None
    ends = {"lower": interval.mc_error[:1], "upper": interval.mc_error[1:]}.get(
        compare or "", interval.mc_error
    )
    finite = [error for error in ends if math.isfinite(error)]
    return float(max(finite)) if finite else None


def _finite(value: float) -> float | None:
    """A number, or None for what is not one (no value, an open end of a one-sided interval)."""
    return float(value) if math.isfinite(value) else None


def _citations(metric: Metric, interval: Interval | None) -> str | None:
    found = [*metric.citations, *(METHODS[interval.method].citations if interval else ())]
    return " | ".join(dict.fromkeys(citation.text for citation in found)) or None


def _warnings(estimate: Estimate, outcome: Judgement) -> str | None:
    return _joined([estimate.warning, outcome.warning])


def _joined(texts: Sequence[str | None]) -> str | None:
    return "; ".join(dict.fromkeys(text for text in texts if text)) or None
