"""Decisions of comparisons in words, and the decision of a candidate from those of its endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..evaluators.comparison.verdict import Decision

ORDER: tuple[Decision, ...] = ("inferior", "not_evaluable", "inconclusive", "non_inferior", "superior")
"""Decisions from the worst to the best: a candidate has the worst of its primary endpoints."""
TITLES: Mapping[str, str] = {
    "superior": "Superior",
    "non_inferior": "Non-inferior",
    "inferior": "Inferior",
    "inconclusive": "Inconclusive",
    "not_evaluable": "Not evaluable",
}
"""Decisions as a reader's words."""


def spoken(decision: str) -> str:
    """A decision as one says it.

    Example:
        >>> spoken("non_inferior"), spoken("not_evaluable")
        ('non-inferior', 'not evaluable')
    """
    return TITLES[decision].lower()


IDENTICAL = "the outputs of both versions are identical, byte for byte: there is no difference to judge"


def words(
    decision: Decision, *, worse: bool, margin: bool, reason: str | None, at_limit: bool = False
) -> str:
    """A decision with what the interval says, as one line.

    Args:
        decision: The decision.
        worse: The whole interval lies below 0.
        margin: Whether a margin was declared.
        reason: Why it is not evaluable.
        at_limit: The bound is the limit itself: Holm's procedure claims what lies beyond, and no more.

    Example:
        >>> words("non_inferior", worse=True, margin=True, reason=None)
        'Non-inferior, and worse; the interval lies above the margin, and below 0'
        >>> words("inconclusive", worse=False, margin=False, reason=None)
        'Inconclusive; no margin is declared, so only superiority can be shown'
        >>> words("superior", worse=False, margin=True, reason=None, at_limit=True)
        "Superior; above 0 by Holm's procedure, whose bound stops there"
    """
    title = TITLES[decision]
    if decision == "not_evaluable":
        return f"{title}: {(reason or 'there is no interval').rstrip('.')}"
    told = _SAYS[decision, worse]
    if at_limit and decision in _AT_LIMIT:
        told = f"{_AT_LIMIT[decision]} by Holm's procedure, whose bound stops there"
    if decision == "inconclusive" and not margin:
        told = _WITHOUT_MARGIN[worse]
    also = ", and worse" if worse and decision in {"non_inferior", "inconclusive"} else ""
    return f"{title}{also}; {told}"


_SAYS: Mapping[tuple[str, bool], str] = {
    ("superior", False): "the whole interval lies above 0",
    ("non_inferior", False): "the interval lies above the margin",
    ("non_inferior", True): "the interval lies above the margin, and below 0",
    ("inferior", False): "the whole interval lies beyond the margin",
    ("inferior", True): "the whole interval lies beyond the margin",
    ("inconclusive", False): "the interval reaches beyond the margin",
    ("inconclusive", True): "the interval lies below 0 and reaches beyond the margin",
}
_AT_LIMIT: Mapping[str, str] = {
    "superior": "above 0",
    "non_inferior": "above the margin",
    "inferior": "beyond the margin",
}
_WITHOUT_MARGIN: Mapping[bool, str] = {
    False: "no margin is declared, so only superiority can be shown",
    True: "the interval lies below 0, and no margin is declared",
}


def candidate_decision(
    rows: Sequence[Mapping[str, Any]], weak: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """A candidate's decision from the objects of its primary endpoints.

    The worst of them, in the order of `ORDER`; `worse` where any of them is. `reasons` are the endpoints
    that it comes down to.

    Args:
        rows: The objects.
        weak: Endpoint -> confirmed weak spots, groups of subjects for whom the candidate is worse. They
            change no decision, and are said with it.

    Example:
        >>> rows = [
        ...     {"endpoint": "mape", "decision": "superior", "worse": False, "words": "Superior; ."},
        ...     {"endpoint": "within", "decision": "non_inferior", "worse": True, "words": "Non-inferior; ."},
        ... ]
        >>> found = candidate_decision(rows)
        >>> found["decision"], found["worse"], found["reasons"]
        ('non_inferior', True, ['within: Non-inferior; .'])
        >>> found["words"]
        'Non-inferior: within; worse on within; superior on mape'
        >>> candidate_decision(rows[:1], {"mape": ["skin=V", "skin=VI"]})["words"]
        'Superior on the primary endpoint; worse for skin=V, skin=VI (mape)'
    """
    weak = {name: list(groups) for name, groups in (weak or {}).items() if groups}
    if not rows:
        return {
            "decision": "not_evaluable",
            "worse": False,
            "worse_for": {},
            "words": "Not evaluable: no primary endpoint is compared",
            "reasons": [],
        }
    decision = min((row["decision"] for row in rows), key=ORDER.index)
    deciding = [row for row in rows if row["decision"] == decision]
    worse = [row["endpoint"] for row in rows if row["worse"]]
    superior = [row["endpoint"] for row in rows if row["decision"] == "superior"]
    if len(deciding) == len(rows):
        told = f"{TITLES[decision]} on {'the' if len(rows) == 1 else 'every'} primary endpoint"
    else:
        told = f"{TITLES[decision]}: {', '.join(row['endpoint'] for row in deciding)}"
    if worse:
        told += f"; worse on {', '.join(worse)}"
    if superior and decision != "superior":
        told += f"; superior on {', '.join(superior)}"
    for name, groups in weak.items():
        told += f"; worse for {', '.join(groups)} ({name})"
    return {
        "decision": decision,
        "worse": bool(worse),
        "worse_for": weak,
        "words": told,
        "reasons": [f"{row['endpoint']}: {row['words']}" for row in deciding],
    }
