"""Comparisons as objects of comparison.json, and as rows of the results table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..evaluators.comparison.family import SOURCES
from ..evaluators.comparison.scales import scaled_margin
from ..evaluators.intervals import METHODS
from ..evaluators.metric import Interval
from ..protocols.comparison import VersionComparison
from ..protocols.model import Protocol
from ..protocols.roles import metric_of
from . import comparison_words as wording
from .compared import (
    Compared,
    Line,
    difference_of,
    finite,
    improvement_of,
    mc_error_of,
    p_values,
    standard_error_of,
)
from .comparison_more import detectable, further
from .estimating import joined
from .rows import Row, definition, unit_of
from .schema import COLUMNS, SCHEMA_VERSION, row_id
from .slices import endpoint_of

FAMILY = "comparison"
"""Name of the family in rows of results."""


class Describer:
    """Turns lines into objects and rows.

    Args:
        protocol: Resolved protocol.
        section: How versions are compared.
        algorithm: Name of the algorithm.
        baseline: The version compared with.
        pre_specified: (endpoint, candidate) -> whether the comparison was fixed beforehand.
    """

    def __init__(
        self,
        protocol: Protocol,
        section: VersionComparison,
        algorithm: str,
        baseline: str,
        pre_specified: Mapping[tuple[str, str], bool | None],
    ) -> None:
        self.protocol, self.section = protocol, section
        self.algorithm, self.baseline = algorithm, baseline
        self.pre_specified = pre_specified

    def described(self, line: Line) -> tuple[dict[str, Any], list[Row]]:
        """One object of `comparisons`, and the rows of results: the whole, then each level of a subgroup."""
        rows = [self.row(line, part) for part in (line.whole, *line.parts)]
        return self._entry(line, [str(row["row_id"]) for row in rows]), rows

    def _entry(self, line: Line, ids: Sequence[str]) -> dict[str, Any]:
        name, candidate = line.comparable.endpoint_id, line.comparable.candidate
        endpoint = endpoint_of(self.protocol, name)
        statistic = metric_of(self.protocol, endpoint).statistic(str(line.plan.statistic))
        verdict, found = line.verdict, line.whole.found
        interval = None if found is None else found.interval
        decided = verdict.decision
        told = wording.words(
            decided,
            worse=verdict.worse,
            margin=line.plan.margin is not None,
            reason=verdict.reason,
            at_limit=_at_limit(line),
        )
        p_superior, p_non_inferior = p_values(line)
        counts = None if found is None else found.difference.counts
        return {
            "row_id": ids[0],
            "endpoint": name,
            "title": endpoint.title,
            "role": line.plan.role,
            "metric": endpoint.metric,
            "statistic": statistic.name,
            "statistic_title": statistic.title,
            "unit": unit_of(self.protocol, endpoint, statistic.unit),
            "better": statistic.better,
            "scale": line.plan.scale,
            "margin": line.plan.margin,
            "limit": _limit(line),
            "baseline": self.baseline,
            "candidate": candidate,
            "baseline_value": None if found is None else finite(found.baseline),
            "candidate_value": None if found is None else finite(found.candidate),
            "difference": difference_of(line.whole),
            "improvement": improvement_of(line.whole),
            "p_superior": p_superior,
            "p_non_inferior": p_non_inferior,
            "adjusted": self._adjusted(line),
            "ci_level": self.section.level,
            "ci_method": None if interval is None else interval.method,
            "standard_error": standard_error_of(line.whole),
            "mc_error": mc_error_of(interval),
            "decision": decided,
            "worse": verdict.worse,
            "words": told,
            "reason": verdict.reason if decided == "not_evaluable" else None,
            "warning": _warning(line.whole, line),
            "error": line.whole.error,
            "n_subjects": 0 if counts is None else counts.n_subjects,
            "n_units": 0 if counts is None else counts.n_units,
            "left_out": {
                "baseline": line.comparable.left_out.baseline,
                "candidate": line.comparable.left_out.candidate,
                "subjects": [list(one) for one in line.comparable.left_out.subjects],
            },
            "pre_specified": self.pre_specified.get((name, candidate)),
            "detectable": detectable(line, self.section.level),
            "further": further(line, self.section.level, self.protocol.seed),
            "subgroups": [
                self._subgroup(line, part, name) for part, name in zip(line.parts, ids[1:], strict=True)
            ],
        }

    def _adjusted(self, line: Line) -> dict[str, Any] | None:
        one = line.adjusted
        if one is None:
            return None
        return {
            "lower": finite(one.interval.lower) if one.interval else None,
            "upper": finite(one.interval.upper) if one.interval else None,
            "method": self.section.multiplicity,
            "p_superior": one.p_superior,
            "p_non_inferior": one.p_non_inferior,
            "mc_error": mc_error_of(one.interval),
        }

    def _subgroup(self, line: Line, part: Compared, name: str) -> dict[str, Any]:
        one, verdict = part.ready.part, part.verdict
        counts = None if part.found is None else part.found.difference.counts
        found = part.found
        return {
            "row_id": name,
            "subgroup": one.subgroup,
            "level": one.level,
            "label": f"{one.subgroup}={one.level}" if one.level is not None else str(one.subgroup),
            "baseline_value": None if found is None else finite(found.baseline),
            "candidate_value": None if found is None else finite(found.candidate),
            "difference": difference_of(part),
            "improvement": improvement_of(part),
            "standard_error": standard_error_of(part),
            "n_subjects": part.ready.n_subjects if counts is None else counts.n_subjects,
            "n_units": part.ready.n_units if counts is None else counts.n_units,
            "decision": verdict.decision,
            "worse": verdict.worse,
            "words": wording.words(
                verdict.decision,
                worse=verdict.worse,
                margin=line.plan.margin is not None,
                reason=verdict.reason,
            ),
            "reason": verdict.reason if verdict.decision == "not_evaluable" else None,
            "warning": _warning(part),
            "error": part.error,
        }

    def row(self, line: Line, part: Compared) -> Row:
        """One row of results: the difference, or the ratio, with its own unadjusted interval."""
        name, candidate = line.comparable.endpoint_id, line.comparable.candidate
        endpoint = endpoint_of(self.protocol, name)
        metric, found = metric_of(self.protocol, endpoint), part.found
        statistic = metric.statistic(str(line.plan.statistic))
        whole = part is line.whole
        verdict = line.verdict if whole else part.verdict
        bounds = difference_of(part)
        interval = None if found is None else found.difference.interval
        counts = None if found is None else found.difference.counts
        ratio = line.plan.scale == "ratio"
        words = "Candidate / baseline" if ratio else "Candidate - baseline"
        p = p_values(line) if whole else (None, None)
        row: Row = {
            **dict.fromkeys(COLUMNS),
            "schema_version": SCHEMA_VERSION,
            "endpoint": name,
            "role": line.plan.role,
            "metric": metric.name,
            "statistic": statistic.name,
            "definition": f"{words}, both at the same subject weights. "
            f"{definition(metric, endpoint, statistic.definition)}",
            "unit": None if ratio else unit_of(self.protocol, endpoint, statistic.unit),
            "algorithm": self.algorithm,
            "version": candidate,
            "comparator": self.baseline,
            "population": endpoint.population,
            "view": "primary",
            "subgroup": part.ready.part.subgroup,
            "level": part.ready.part.level,
            "estimate": bounds["estimate"],
            "se": standard_error_of(part),
            "ci_lower": bounds["lower"],
            "ci_upper": bounds["upper"],
            "ci_level": self.section.level if interval is not None else None,
            "ci_sides": "two" if interval is not None else None,
            "ci_method": None if interval is None else interval.method,
            "mc_error": mc_error_of(interval),
            "p_value": p[0] if p[1] is None else p[1],
            "family": FAMILY if whole and line.adjusted is not None else None,
            "n_subjects": part.ready.n_subjects if counts is None else counts.n_subjects,
            "n_units": part.ready.n_units if counts is None else counts.n_units,
            "criterion": _criterion(line),
            "margin": line.plan.margin,
            "decision": verdict.decision,
            "pre_specified": self.pre_specified.get((name, candidate)),
            "method": self._method(line, interval, whole=whole),
            "reference": self._sources(interval, metric.citations, whole=whole),
            "warning": _warning(part, line if whole else None),
            "error": part.error or (verdict.reason if verdict.decision == "not_evaluable" else None),
        }
        row["row_id"] = row_id(row)
        return row

    def _method(self, line: Line, interval: Interval | None, *, whole: bool) -> str | None:
        """How the row's interval was made; and, where others than its bounds decide, which those are."""
        if interval is None:
            return None
        words = METHODS[interval.method].words
        adjusted = None if line.adjusted is None else line.adjusted.interval
        if not whole or adjusted is None:
            return words
        return (
            f"{words}; decided by the improvement's bounds adjusted for all primary comparisons "
            f"({self.section.multiplicity}): {adjusted.lower:.6g} to {adjusted.upper:.6g}"
        )

    def _sources(self, interval: Interval | None, own: Any, *, whole: bool) -> str | None:
        found = [*own, *(METHODS[interval.method].citations if interval is not None else ())]
        found += SOURCES.get(self.section.multiplicity, ()) if whole else ()
        return " | ".join(dict.fromkeys(citation.text for citation in found)) or None


def _at_limit(line: Line) -> bool:
    """Whether the bound that decides is the limit that it decides about."""
    found = None if line.adjusted is None else line.adjusted.interval
    if found is None:
        return False
    margin = scaled_margin(line.plan.margin, line.plan.scale)
    lost = None if margin is None else -margin
    limits = {
        "superior": (found.lower, 0.0),
        "non_inferior": (found.lower, lost),
        "inferior": (found.upper, lost),
    }
    bound, limit = limits.get(line.verdict.decision, (0.0, None))
    return limit is not None and bound == limit


def _limit(line: Line) -> float | None:
    """What the improvement has to lie above for non-inferiority, as the improvement is measured."""
    margin = line.plan.margin
    if margin is None:
        return None
    return -math.log(margin) if line.plan.scale == "ratio" else -margin


def _criterion(line: Line) -> str:
    margin = line.plan.margin
    if margin is None:
        return "improvement: lower > 0"
    if line.plan.scale == "ratio":
        return f"improvement as a ratio: lower > 1 / {margin:.15g}"
    return f"improvement: lower > -{margin:.15g}"


def _warning(part: Compared, line: Line | None = None) -> str | None:
    """What the reader should know of a number, and of the decision that it led to."""
    notes = [] if part.found is None else [part.found.difference.warning]
    verdict = part.verdict if line is None else line.verdict
    if verdict.decision != "not_evaluable":
        notes.append(verdict.reason)
    if line is not None and line.comparable.left_out.any:
        left = line.comparable.left_out
        notes.append(
            f"Only one version has {left.baseline + left.candidate:,} units: {left.baseline:,} the baseline, "
            f"{left.candidate:,} the candidate."
        )
    return joined(notes)
