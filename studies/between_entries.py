"""What two versions say of each other as objects of comparison.json, each with a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..evaluators import registry
from ..evaluators.comparison.error_shift import ShiftPoint
from ..evaluators.estimate import estimates
from ..evaluators.metric import Estimate, Interval, Prepared
from ..protocols.model import Protocol
from .between_versions import CATEGORY, NUMBER, Between, Found, Value
from .coding import said
from .compared import finite, mc_error_of
from .results import number

LIMITS = dict.fromkeys(("bias", "sd", "loa_lower", "loa_upper"), "cluster_t")
KAPPA = {"kappa": "bootstrap_bca"}


def entries(between: Between, candidates: Sequence[str], level: float) -> list[dict[str, Any]]:
    """One object a pair of value columns and candidate, in the order of the endpoints.

    Args:
        between: What was found.
        candidates: The versions in question.
        level: Confidence level of every interval.
    """
    between.wait()
    names = titles(between.protocol, between.values)
    return [
        {**_entry(between, value, candidate, found, level), "value": names[value.endpoint_id]}
        for value in between.values
        for candidate in candidates
        if (found := between.found.get((value.endpoint_id, candidate))) is not None
    ]


def _entry(between: Between, value: Value, candidate: str, found: Found, level: float) -> dict[str, Any]:
    endpoint, facts = value.endpoint, found.facts
    place = {
        "candidate": candidate,
        "baseline": between.baseline,
        "endpoint": value.endpoint_id,
        "endpoints": list(value.endpoints),
        "title": endpoint.title,
        "pairing": endpoint.pairing,
        "reference": endpoint.reference,
        "test": endpoint.test,
        "population": endpoint.population,
        "unit": unit_of(between.protocol, value),
        "level": level,
        "kind": facts.get("kind"),
        "n_units": facts.get("n_units", 0),
        "n_subjects": facts.get("n_subjects", 0),
    }
    if found.problem is not None:
        return {**place, "words": f"Not compared: {found.problem}.", "error": found.problem}
    units, equal = int(facts["n_units"]), int(facts["equal"])
    listed = {"listed": found.units.height, "disagreeing": units - equal}
    made = {**place, "equal": equal, "share_equal": equal / units, **listed}
    made |= _numbers(found, level) if facts["kind"] == NUMBER else _categories(between, found, level)
    return {**made, "words": words(made), "error": None}


def titles(protocol: Protocol, values: Sequence[Value]) -> dict[str, str]:
    """Endpoint -> what its output is called; with the endpoint's title where several are called the same."""
    found = {}
    for value in values:
        rule = protocol.pairings[said(value.endpoint.pairing)]
        name = said(value.endpoint.test)
        title = protocol.tables[rule.test].columns[name].title
        found[value.endpoint_id] = title or name.replace("_", " ").capitalize()
    counted = Counter(found.values())
    return {
        value.endpoint_id: name if counted[name] == 1 else f"{name}, as in \u201c{value.endpoint.title}\u201d"
        for value in values
        for name in (found[value.endpoint_id],)
    }


def unit_of(protocol: Protocol, value: Value) -> str | None:
    """The unit of the outputs."""
    rule = protocol.pairings[said(value.endpoint.pairing)]
    return protocol.tables[rule.test].columns[said(value.endpoint.test)].unit


def _numbers(found: Found, level: float) -> dict[str, Any]:
    facts = found.facts
    told = _estimates("bland_altman", found.agreement, LIMITS, level, None)
    shift = None if found.shift is None else [_point(point) for point in found.shift.at(level)]
    return {
        "agreement": told or {name: _missing(facts["agreement_error"]) for name in LIMITS},
        "nearer": facts.get("nearer"),
        "farther": facts.get("farther"),
        "shift": shift,
        "shift_error": facts.get("shift_error"),
        "replicates": None if found.shift is None else len(found.shift.replicates),
        "density": facts.get("density"),
    }


def _categories(between: Between, found: Found, level: float) -> dict[str, Any]:
    facts = found.facts
    told = _estimates("cohen_kappa", found.agreement, KAPPA, level, between.drawn(found.subjects))
    confusion = facts["confusion"]
    shares = {name: [_shares(row) for row in table] for name, table in confusion.items()}
    moved = [
        None if one is None or two is None else [b - a for a, b in zip(one, two, strict=True)]
        for one, two in zip(shares["baseline"], shares["candidate"], strict=True)
    ]
    return {
        "agreement": told or {name: _missing(facts["agreement_error"]) for name in KAPPA},
        "levels": facts["levels"],
        "cross": facts["cross"],
        "outcomes": facts["outcomes"],
        "patterns": facts["patterns"],
        "confusion": confusion,
        "moved": moved,
    }


def _shares(row: Sequence[int]) -> list[float] | None:
    """A row of counts as shares; None where nothing is in it."""
    total = sum(row)
    return None if total == 0 else [count / total for count in row]


def _estimates(
    metric: str, prepared: Prepared | None, methods: Mapping[str, str], level: float, weights: Any
) -> dict[str, Any]:
    if prepared is None:
        return {}
    found = estimates(
        registry.get(metric),
        prepared,
        methods=methods,
        level=level,
        sides="two",
        weights=weights,
        statistics=list(methods),
    )
    return {name: _told(one) for name, one in found.items()}


def _told(one: Estimate) -> dict[str, Any]:
    method = None if one.interval is None else one.interval.method
    return {
        "estimate": finite(one.value),
        **_bounds(one.interval),
        "method": method,
        "warning": one.warning,
        "error": one.error,
    }


def _missing(error: str | None) -> dict[str, Any]:
    return {
        "estimate": None,
        "lower": None,
        "upper": None,
        "method": None,
        "warning": None,
        "error": error,
    }


def _point(one: ShiftPoint) -> dict[str, Any]:
    interval = one.interval
    return {
        "probability": one.probability,
        "baseline": finite(one.baseline),
        "candidate": finite(one.candidate),
        "difference": finite(one.difference),
        **_bounds(interval),
        "mc_error": mc_error_of(interval),
        "warning": None if interval is None else interval.warning,
        "error": one.error,
    }


def _bounds(interval: Interval | None) -> dict[str, float | None]:
    ends = (None, None) if interval is None else (interval.lower, interval.upper)
    return dict(zip(("lower", "upper"), map(finite, ends), strict=True))


def words(entry: Mapping[str, Any]) -> str:
    """What two versions say of each other, in a sentence or two.

    Example:
        >>> agreement = {
        ...     "bias": {"estimate": 0.5}, "loa_lower": {"estimate": -2},
        ...     "loa_upper": {"estimate": 3}}
        >>> entry = {"candidate": "v2", "baseline": "v1", "kind": "number", "unit": "1/min", "n_units": 200,
        ...     "n_subjects": 20, "equal": 50, "disagreeing": 150, "nearer": 90, "farther": 60,
        ...     "agreement": agreement}
        >>> same, nearer = words(entry).split(". ")
        >>> same.split("; ")[0]
        'v2 and v1 give the same value in 50 of 200 units of 20 subjects (25.0%)'
        >>> same.split("; ")[1]
        'v2 - v1 is 0.5000 1/min on average, 95% limits of agreement -2.0000 to 3.0000'
        >>> nearer
        'v2 is nearer to the reference in 90 units, farther in 60.'
    """
    candidate, baseline = entry["candidate"], entry["baseline"]
    share = 100 * entry["equal"] / entry["n_units"]
    same = (
        f"{entry['equal']:,} of {_counted(entry['n_units'], 'unit')} of "
        f"{_counted(entry['n_subjects'], 'subject')} ({share:.1f}%)"
    )
    if not entry["disagreeing"]:
        units, subjects = _counted(entry["n_units"], "unit"), _counted(entry["n_subjects"], "subject")
        return f"{candidate} and {baseline} give the same in all {units} of {subjects}."
    if entry["kind"] == CATEGORY:
        return _of_categories(entry, f"{candidate} and {baseline} agree in {same}")
    told = f"{candidate} and {baseline} give the same value in {same}"
    bias, low, high = (entry["agreement"][name]["estimate"] for name in ("bias", "loa_lower", "loa_upper"))
    if bias is not None:
        told += f"; {candidate} - {baseline} is {number(bias)}{_unit(entry)} on average"
    if low is not None and high is not None:
        told += f", 95% limits of agreement {number(low)} to {number(high)}"
    if entry["nearer"] is None:
        return f"{told}."
    return (
        f"{told}. {candidate} is nearer to the reference in {_counted(entry['nearer'], 'unit')}, "
        f"farther in {entry['farther']:,}."
    )


def _of_categories(entry: Mapping[str, Any], same: str) -> str:
    kappa, apart, who = entry["agreement"]["kappa"]["estimate"], entry["disagreeing"], entry["outcomes"]
    told = same if kappa is None else f"{same}, kappa {number(kappa)}"
    right = [f"{entry['baseline']} was right in {who['baseline_right']:,}"]
    right.append(f"{entry['candidate']} in {who['candidate_right']:,}")
    if who["neither"]:
        right.append(f"neither in {who['neither']:,}")
    return f"{told}. Of {_counted(apart, 'unit')} on which they differ {', '.join(right)}."


def _unit(entry: Mapping[str, Any]) -> str:
    return f" {entry['unit']}" if entry["unit"] else ""


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
