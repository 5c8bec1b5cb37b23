"""From an estimate to a decision: the rule the protocol fixed, and beside it what the interval says.

The hazard to guard against is a wrong pass. Whatever cannot support a decision (an error, a missing interval,
an interval without spread, an interval that takes the rows of one subject for independent) makes a
row `not_evaluable`; it never makes it `met`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..evaluators.metric import CannotComputeError, Counts, Estimate, Interval
from ..protocols.criteria import TableLimit, fixed_limit
from ..protocols.limit_tables import TABLES
from ..protocols.model import DECIDING, Criterion, IntervalSpec
from .schema import Decision, Evidence

NO_SPREAD = "the interval has no spread, so it cannot support a decision"
ROWS_INDEPENDENT = (
    "the interval takes rows for independent, but subjects have several units each; "
    "choose an interval that knows subjects, or declare `cluster: none` with its reason"
)
NOT_CONFIRMED = "the limit is from memory and nobody has confirmed it in the rule, so it informs only"
NOT_SET = "the limit is still to be set by the study (`limit: required`)"
BEYOND_TABLE = "no value is accepted there: the table ends before"
WITHIN_MC_ERROR = "decision lies within Monte-Carlo error; raise replicates"


@dataclass(frozen=True)
class Judgement:
    """A decision with its reasons.

    Attributes:
        decision: By the protocol's rule.
        evidence: Whether the whole interval lies on one side of the limit; None without a usable interval.
        reason: Why it is not evaluable; None otherwise.
        warning: What the reader should know about the decision.
        otherwise: What would be decided if the limit could be trusted.
    """

    decision: Decision
    evidence: Evidence | None = None
    reason: str | None = None
    warning: str | None = None
    otherwise: Decision | None = None


def settled(criterion: Criterion, found: Mapping[str, Estimate]) -> Criterion | None:
    """The criterion with a number for its limit: that of its table, where it has one.

    Args:
        criterion: A resolved criterion.
        found: The estimates of the same metric on the same rows, by statistic.

    Returns:
        None where the table ends before the value: nothing is accepted there.

    Raises:
        CannotComputeError: The value that the table is read by does not exist, or the limit is not set.
    """
    if criterion.is_open:
        raise CannotComputeError(NOT_SET)
    if not isinstance(criterion.limit, TableLimit):
        return criterion
    by = found[criterion.limit.by]
    if math.isnan(by.value):
        raise CannotComputeError(
            f"the limit is read by `{criterion.limit.by}`, which has no value: {by.error}"
        )
    limit = TABLES[criterion.limit.table].limit(by.value)
    return None if limit is None else criterion.model_copy(update={"limit": limit})


def judge_by(criterion: Criterion | None, found: Mapping[str, Estimate], spec: IntervalSpec) -> Judgement:
    """The decision on the criterion's statistic among estimates, tables read and provenance heeded.

    Args:
        criterion: None gives `informative`.
        found: The estimates of one metric on the same rows, by statistic.
        spec: The interval the protocol asks for.
    """
    if criterion is None:
        return Judgement("informative")
    try:
        known = settled(criterion, found)
    except CannotComputeError as error:
        return Judgement("not_evaluable", reason=str(error))
    if known is None:
        verdict = Judgement("not_met", warning=BEYOND_TABLE)
    else:
        verdict = judge(known, found[str(criterion.statistic)], spec)
    if criterion.trusted or verdict.decision == "not_evaluable":
        return verdict
    return Judgement("informative", warning=NOT_CONFIRMED, otherwise=verdict.decision)


def judge(criterion: Criterion | None, estimate: Estimate, spec: IntervalSpec) -> Judgement:
    """The decision on one statistic, and the evidence of its interval.

    Args:
        criterion: What is compared with which limit; None gives `informative`.
        estimate: The statistic, at full precision.
        spec: The interval the protocol asks for (`cluster` matters here).

    Returns:
        `met` or `not_met` by the protocol's rule on unrounded numbers; `not_evaluable` where the estimate has
        an error, the compared bound is missing, or the interval may not decide; `informative` without a
        criterion.
    """
    if criterion is None:
        return Judgement("informative")
    if estimate.error is not None or math.isnan(estimate.value):
        return Judgement("not_evaluable", reason=estimate.error or "the statistic has no value")
    flaw = interval_flaw(estimate.interval, estimate.counts, spec)
    if criterion.compare == "point":
        return _by_point(criterion, estimate, flaw)
    if estimate.interval is None:
        return Judgement("not_evaluable", reason="the criterion compares a bound, and there is no interval")
    if flaw:
        return Judgement("not_evaluable", reason=flaw)
    return _by_bound(criterion, estimate.interval)


def interval_flaw(interval: Interval | None, counts: Counts, spec: IntervalSpec) -> str | None:
    """Why an interval may not support a decision; None where it may, or where there is none."""
    if interval is None:
        return None
    if math.isnan(interval.lower) or math.isnan(interval.upper):
        return "the interval has no value"
    if interval.degenerate or interval.lower == interval.upper:
        return NO_SPREAD
    if interval.independent_rows and counts.n_units > counts.n_subjects and spec.cluster == "subject":
        return ROWS_INDEPENDENT
    return None


def _by_point(criterion: Criterion, estimate: Estimate, flaw: str | None) -> Judgement:
    """The point decides, as some standards ask; the interval is evidence beside it.

    Data without any spread (every difference the same, every unit a success in resampling) support no
    statement about other subjects, and a device that copies its reference looks just like that: nothing is
    decided.
    """
    if flaw and flaw != ROWS_INDEPENDENT:
        return Judgement("not_evaluable", reason=flaw)
    decision: Decision = "met" if satisfies(estimate.value, criterion) else "not_met"
    if estimate.interval is None or flaw:
        return Judgement(decision, warning=flaw)
    return Judgement(decision, evidence(estimate.interval, criterion))


def _by_bound(criterion: Criterion, interval: Interval) -> Judgement:
    """One bound decides, or both."""
    bounds = {"lower": (interval.lower,), "upper": (interval.upper,)}.get(
        criterion.compare, (interval.lower, interval.upper)
    )
    if not all(math.isfinite(bound) for bound in bounds):
        reason = (
            f"the criterion compares a bound ({criterion.compare}) that the one-sided interval leaves open"
        )
        return Judgement("not_evaluable", reason=reason)
    decision: Decision = "met" if all(satisfies(bound, criterion) for bound in bounds) else "not_met"
    warning = WITHIN_MC_ERROR if _within_mc_error(criterion, interval) else None
    return Judgement(decision, evidence(interval, criterion), warning=warning)


def satisfies(value: float, criterion: Criterion) -> bool:
    """Whether a number satisfies the criterion.

    Example:
        >>> satisfies(0.93, Criterion(compare="lower", operator=">", limit=0.9))
        True
        >>> satisfies(5.0, Criterion(compare="both", operator="within", limit=(-5.0, 5.0)))
        True
    """
    low, high = limits(criterion)
    if criterion.operator == ">":
        return value > low
    if criterion.operator == "<":
        return value < high and (value > low or not criterion.absolute)
    return low <= value <= high


def room(criterion: Criterion, row: Mapping[str, Any]) -> float:
    """How far the number that is compared lies inside the limit; below 0 beyond it, infinite where not known.

    Example:
        >>> goal = Criterion(compare="lower", operator=">", limit=0.9)
        >>> round(room(goal, {"estimate": 0.95, "ci_lower": 0.92, "ci_upper": 0.97, "margin": 0.9}), 3)
        0.02
    """
    names = {"point": ("estimate",), "lower": ("ci_lower",), "upper": ("ci_upper",)}
    if criterion.is_open or (isinstance(criterion.limit, TableLimit) and row.get("margin") is None):
        return math.inf
    known = criterion
    if isinstance(criterion.limit, TableLimit):
        known = criterion.model_copy(update={"limit": row["margin"]})
    low, high = limits(known)
    values = [row.get(name) for name in names.get(criterion.compare, ("ci_lower", "ci_upper"))]
    known_values = [value for value in values if value is not None]
    if len(known_values) < len(values):
        return math.inf
    return float(min(min(value - low, high - value) for value in known_values))


def limits(criterion: Criterion) -> tuple[float, float]:
    """The accepted range as (low, high); an open end is infinite."""
    limit = fixed_limit(criterion)
    if isinstance(limit, tuple):
        return limit
    if criterion.absolute:
        return -limit, limit
    return (limit, math.inf) if criterion.operator in (">", ">=") else (-math.inf, limit)


def evidence(interval: Interval, criterion: Criterion) -> Evidence:
    """`shown` where the whole interval lies on one side of the limit, `open` where the limit lies inside."""
    low, high = limits(criterion)
    both = satisfies(interval.lower, criterion) and satisfies(interval.upper, criterion)
    if criterion.operator == ">":
        beyond = interval.upper <= low
    elif criterion.operator == "<":
        beyond = interval.lower >= high or interval.upper <= low
    else:
        beyond = interval.upper < low or interval.lower > high
    return "shown" if both or beyond else "open"


def _within_mc_error(criterion: Criterion, interval: Interval) -> bool:
    """Whether another seed might decide otherwise: a limit within two Monte-Carlo errors of a bound."""
    if interval.mc_error is None:
        return False
    compared = {"lower": (0,), "upper": (1,)}.get(criterion.compare, (0, 1))
    bounds = (interval.lower, interval.upper)
    return any(
        abs(bounds[end] - limit) <= 2 * interval.mc_error[end]
        for end in compared
        for limit in limits(criterion)
        if math.isfinite(limit) and math.isfinite(bounds[end])
    )


def decides(row: Mapping[str, Any], version: str) -> bool:
    """Whether a row takes part in the study's decision."""
    return row["role"] in DECIDING and judged_here(row, version)


def judged_here(row: Mapping[str, Any], version: str) -> bool:
    """Whether a row is one that its endpoint is judged by: the deciding version, in the view that decides."""
    judged = row["criterion"] is not None and row["comparator"] is None
    return judged and row["version"] == version and row["view"] == "primary"


def headline(row: Mapping[str, Any], version: str) -> bool:
    """Whether a row speaks of the whole: the deciding version, the primary view, every analysed subject."""
    whole = all(row[name] is None for name in ("by", "subgroup", "level", "comparator"))
    return row["version"] == version and row["view"] == "primary" and whole


def criterion_text(criterion: Criterion) -> str:
    """The criterion as one short line.

    Example:
        >>> criterion_text(Criterion(compare="lower", operator=">", limit=0.9))
        'lower > 0.9'
        >>> criterion_text(Criterion(compare="both", operator="within", limit=(-5.0, 5.0)))
        'both within [-5, 5]'
        >>> criterion_text(Criterion(compare="point", operator="<=", limit=5.0, absolute=True))
        '|point| <= 5'
    """
    compared = f"|{criterion.compare}|" if criterion.absolute else criterion.compare
    limit = criterion.limit
    if isinstance(limit, tuple):
        shown = f"[{limit[0]:.15g}, {limit[1]:.15g}]"
    elif isinstance(limit, TableLimit):
        shown = f"{limit.table}(|{limit.by}|)"
    else:
        shown = limit if isinstance(limit, str) else f"{limit:.15g}"
    return f"{compared} {criterion.operator} {shown}"


def margin(criterion: Criterion) -> float | None:
    """The limit as one number; for a range around zero its half-width, for any other range None.

    None, too, for a limit that is not set or has not been looked up.
    """
    if criterion.is_open or isinstance(criterion.limit, TableLimit):
        return None
    limit = fixed_limit(criterion)
    if not isinstance(limit, tuple):
        return limit
    low, high = limit
    return high if low == -high else None


_WORDS: dict[tuple[str, str | None, bool], str] = {
    ("met", "shown", True): "Met; the whole interval agrees",
    ("met", "shown", False): "Met",
    ("met", "open", True): "Met by the point, as the standard asks; the interval reaches beyond the limit",
    ("met", "open", False): "Met by the bound; the interval reaches beyond the limit",
    ("met", None, True): "Met by the point; no interval stands beside it",
    ("not_met", "shown", True): "Not met; the whole interval lies beyond the limit",
    ("not_met", "shown", False): "Not met; the whole interval lies beyond the limit",
    ("not_met", "open", True): "Not met; the interval leaves the goal open",
    ("not_met", "open", False): "Not met; the interval leaves the goal open",
    ("not_met", None, True): "Not met by the point; no interval stands beside it",
}


_OTHERWISE = {"met": " (otherwise: met)", "not_met": " (otherwise: not met)"}


def words(row: Mapping[str, Any]) -> str:
    """A row's decision with the interval's own word beside it, for a reader.

    Example:
        >>> words({"decision": "not_met", "evidence": "open", "criterion": "lower > 0.9", "error": None})
        'Not met; the interval leaves the goal open'
        >>> words({"decision": "not_evaluable", "evidence": None, "criterion": "", "error": "no cases"})
        'Not evaluable: no cases'
    """
    otherwise = _OTHERWISE.get(row.get("otherwise") or "", "")
    if row["decision"] == "informative":
        return f"Informs only: {NOT_CONFIRMED}{otherwise}" if row["criterion"] else "No criterion"
    if row["decision"] == "not_evaluable":
        return (f"Not evaluable: {row['error']}" if row["error"] else "Not evaluable") + otherwise
    by_point = str(row["criterion"]).startswith(("point", "|point|"))
    return _WORDS[row["decision"], row["evidence"], by_point]


OVERALL_WORDS: dict[str, str] = {
    "met": "Success criterion demonstrated: yes",
    "not_met": "Success criterion demonstrated: no",
    "not_evaluable": "Success criterion demonstrated: not evaluable",
    "informative": "No success criterion was declared; the results are informative",
}
