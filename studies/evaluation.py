"""Estimates for every endpoint, version, view and part of the data, as rows of the results table.

The rows of a pairing are read once for each population; after that everything works on a metric's small
summary. One matrix of subject weights serves the whole run. Workers are threads over independent questions,
each with single-threaded linear algebra, so their number never changes a digit.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import itemgetter

import polars as pl
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ..datasets.pairs import PairFrame
from ..evaluators.estimate import estimates
from ..evaluators.inversion import interval_at, p_value
from ..evaluators.metric import CannotComputeError, Columns, Counts, Estimate, FloatArray, Metric, Prepared
from ..evaluators.weights import ResamplingWeights
from ..protocols.model import Endpoint, Protocol
from ..protocols.roles import metric_of
from . import slices
from .estimating import columns_of, prepare, with_exact_bound
from .hypotheses import families_of
from .judge import limits, settled
from .kept import Answerable, Kept
from .questions import Batch, Material, Question, batches, groups, material_of
from .resampling import methods, resamples, resampling_weights
from .rows import Row, criterion_of, rows_of

Progress = Callable[[str, float], None]


def answerer(
    protocol: Protocol,
    algorithm: str,
    pairs: Mapping[tuple[str, str], PairFrame],
    *,
    strata: Mapping[str, str] | None = None,
    subjects: Sequence[str] | None = None,
    kept: Kept | None = None,
) -> Answerer:
    """What answers every question of a run, with the one matrix of subject weights that all of them share.

    Args:
        protocol: Resolved protocol.
        algorithm: Name of the algorithm under validation.
        pairs: (pairing, version) -> frame of `Pairs`.
        strata: Subject -> resampling stratum; default none.
        subjects: All subjects of the study, over whom the resampling design is drawn. Default: those in the
            pairs.
        kept: What was kept of the pairs. Default: nothing.
    """
    endpoints = {**protocol.endpoints, **slices.automatic_endpoints(protocol)}
    weights = resampling_weights(protocol, endpoints, pairs, subjects=subjects, strata=strata)
    return Answerer(protocol, algorithm, weights, kept)


def evaluate_protocol(
    answer: Answerer,
    pairs: Mapping[tuple[str, str], PairFrame],
    versions: Sequence[str],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """Rows for every endpoint of a protocol, and for those that are always reported.

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
    endpoints = {**protocol.endpoints, **slices.automatic_endpoints(protocol)}
    grouped = groups(protocol, endpoints)
    found: dict[tuple[str, str], list[tuple[int, list[Row]]]] = {}
    with threadpool_limits(limits=1), ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        for step, (version, group) in enumerate((v, g) for v in versions for g in grouped):
            if progress:
                progress(f"{', '.join(group)}, {version}", step / (len(versions) * len(grouped)))
            pairing = str(next(iter(group.values())).pairing)
            for question, rows in _answers(answer, group, version, pairs[pairing, version], pool):
                found.setdefault((question.endpoint_id, version), []).append((question.number, rows))
    ordered = [sorted(found[name, version], key=itemgetter(0)) for name in endpoints for version in versions]
    return [row for answers in ordered for _, rows in answers for row in rows]


def group_rows(
    answer: Answerer, group: Mapping[str, Endpoint], version: str, pairs: PairFrame, pool: ThreadPoolExecutor
) -> list[Row]:
    """The rows of a group of endpoints that rest on the same rows (`questions.groups`), in order."""
    found = sorted(_answers(answer, group, version, pairs, pool), key=lambda one: one[0].number)
    return [row for _, rows in found for row in rows]


def _answers(
    answer: Answerer, group: Mapping[str, Endpoint], version: str, pairs: PairFrame, pool: ThreadPoolExecutor
) -> Iterator[tuple[Question, list[Row]]]:
    """The rows of all questions to a group of endpoints; pairs are read unless all was kept."""
    kept = answer.kept.answerable(group, version)
    if kept is None:
        material = material_of(answer.protocol, group, pairs)
        own = batches(answer.protocol, group, version, material)
        answer.kept.keep_parts(own, material)
        for answers in pool.map(answer, own, [material] * len(own)):
            yield from answers
    else:
        for answers in pool.map(answer.from_kept, kept):
            yield from answers


def estimated(
    protocol: Protocol,
    endpoint: Endpoint,
    metric: Metric,
    prepared: Prepared,
    *,
    weights: FloatArray | None,
    statistics: Sequence[str] | None = None,
) -> dict[str, Estimate]:
    """A metric's estimates with the intervals that the protocol asks for, of a run or of a simulation.

    Args:
        protocol: Resolved protocol.
        endpoint: One of its endpoints.
        metric: Its metric.
        prepared: What the metric made of the rows.
        weights: (B, S) resampling weights; None where nothing resamples.
        statistics: Which. Default: all of them.
    """
    found = estimates(
        metric,
        prepared,
        methods=methods(protocol, endpoint),
        level=endpoint.interval.level,
        sides=endpoint.interval.sides,
        weights=weights,
        statistics=statistics,
    )
    if endpoint.interval.degenerate == "exact_subject":
        found = {name: with_exact_bound(estimate, prepared) for name, estimate in found.items()}
    return found


class Answerer:
    """Answers batches of questions: reads their slice once, then asks each metric."""

    def __init__(
        self, protocol: Protocol, algorithm: str, weights: ResamplingWeights | None, kept: Kept | None = None
    ) -> None:
        self.protocol = protocol
        self.algorithm = algorithm
        self.weights = weights
        self.kept = kept or Kept(None, protocol, {})
        self.families = families_of(protocol)
        if weights is not None:
            weights.matrix(weights.keys[:1])  # drawn once here, not once a thread

    def __call__(self, batch: Batch, material: Material) -> list[tuple[Question, list[Row]]]:
        """The rows of each question, one a statistic."""
        problem = material.problem_in(batch.how, batch.view)
        if problem is not None:
            return [(asked, self.failed(asked, Counts(0, 0), problem)) for asked in batch.questions]
        ready = [self.kept.get(question) for question in batch.questions]
        if any(known is None for known in ready):
            part = batch.part.condition
            chosen = material.rows if part is None else material.rows.filter(part)
            coded = slices.coded(batch.how, chosen, batch.view)
            columns, keys = columns_of(batch.how, coded, material.subjects)
            ready = [
                known or self._prepare(question, columns, keys)
                for question, known in zip(batch.questions, ready, strict=True)
            ]
        answerable = zip(batch.questions, ready, strict=True)
        return self.from_kept([(question, known) for question, known in answerable if known is not None])

    def from_kept(self, ready: Sequence[tuple[Question, Answerable]]) -> list[tuple[Question, list[Row]]]:
        """The rows of questions to the same slice, from what was prepared of it."""
        resampled = any(resamples(self.protocol, question.endpoint) for question, _ in ready)
        weights: FloatArray | None = None
        subjects: tuple[str, ...] | None = None
        answers = []
        for question, known in ready:
            if resampled and self.weights is not None and known.subjects != subjects:
                weights, subjects = self.weights.matrix(list(known.subjects)), known.subjects
            answers.append((question, self._answer(question, known, weights)))
        return answers

    def _prepare(self, question: Question, columns: Columns, keys: tuple[str, ...]) -> Answerable:
        """A question's metric, prepared and kept."""
        metric = metric_of(self.protocol, question.endpoint)
        prepared, problem = prepare(metric, question.endpoint, columns)
        found = Answerable(prepared, problem, keys, len(columns.reference))
        self.kept.put(question, found)
        return found

    def on(self, question: Question, coded: pl.DataFrame, material: Material) -> list[Row]:
        """The rows of one question on rows that are coded already (`slices.coded`)."""
        columns, keys = columns_of(slices.coding(self.protocol, question.endpoint), coded, material.subjects)
        prepared, problem = prepare(metric_of(self.protocol, question.endpoint), question.endpoint, columns)
        known = Answerable(prepared, problem, keys, len(columns.reference))
        return self._answer(question, known, self._weights(question, keys))

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

    def _answer(self, question: Question, known: Answerable, weights: FloatArray | None) -> list[Row]:
        endpoint, prepared = question.endpoint, known.prepared
        metric = metric_of(self.protocol, endpoint)
        if prepared is None:
            return self.failed(question, Counts(len(known.subjects), known.n_rows), str(known.problem))
        found = estimated(self.protocol, endpoint, metric, prepared, weights=weights)
        rows = self.rows(question, found)
        if question.endpoint_id in self.families:
            self._test(question, prepared, weights, found, rows)
        return rows

    def _test(
        self,
        question: Question,
        prepared: Prepared,
        weights: FloatArray | None,
        found: Mapping[str, Estimate],
        rows: list[Row],
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
            try:
                known = settled(criterion, found)
                if known is None:
                    continue  # the table ends before the value: there is no limit to test against
                low, high = limits(known)
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
        return rows_of(self.protocol, self.algorithm, question, found)
