"""From estimates to rows of results: every column of the table, and the judgement beside the number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..evaluators import registry
from ..evaluators.intervals import METHODS
from ..evaluators.metric import CannotComputeError, Estimate, Interval, Metric
from ..protocols.model import Criterion, Endpoint, Protocol
from ..protocols.roles import metric_of, per_unit
from . import slices
from .estimating import joined
from .judge import Judgement, criterion_text, judge_by, margin, settled
from .questions import Question
from .schema import SCHEMA_VERSION, row_id
from .slices import Part

Row = dict[str, Any]


def rows_of(
    protocol: Protocol, algorithm: str, question: Question, found: Mapping[str, Estimate]
) -> list[Row]:
    """Estimates of one metric on the same rows, judged, as rows of results.

    Args:
        protocol: Resolved protocol.
        algorithm: Name of the algorithm.
        question: What was asked.
        found: The metric's estimates, by statistic.
    """
    return [_row(protocol, algorithm, question, name=name, found=found) for name in found]


def _row(
    protocol: Protocol, algorithm: str, question: Question, *, name: str, found: Mapping[str, Estimate]
) -> Row:
    estimate = found[name]
    metric = metric_of(protocol, question.endpoint)
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
        "unit": unit_of(protocol, endpoint, statistic.unit),
        "algorithm": algorithm,
        "version": question.version,
        "comparator": None,
        "population": endpoint.population,
        "view": question.view,
        "by": question.part.by,
        "subgroup": question.part.subgroup,
        "level": question.part.level,
        "contrast": question.part.contrast,
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


def unit_of(protocol: Protocol, endpoint: Endpoint, unit: str) -> str | None:
    """The unit of a statistic in words; `same` is that of the reference column, or of a score."""
    if unit == "per_reference":
        table = protocol.tables[protocol.pairings[str(endpoint.pairing)].reference]
        return per_unit(table.columns[str(endpoint.reference)].unit, endpoint.parameters.get("per", 1.0))
    if unit == "same":
        pairing = protocol.pairings[str(endpoint.pairing)]
        if registry.get(endpoint.metric).kind == "score":
            return protocol.tables[pairing.test].columns[str(endpoint.test)].unit
        return protocol.tables[pairing.reference].columns[str(endpoint.reference)].unit
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
    return joined([estimate.warning, outcome.warning])
