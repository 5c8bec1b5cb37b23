"""A comparison with a version that was trained on test subjects decides nothing, whichever of the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import comparison_words as wording
from .rows import Row


def withhold(
    entries: Sequence[dict[str, Any]], rows: Sequence[Row], dependent: Mapping[str, str], baseline: str
) -> None:
    """Take the decisions away that rest on a version that knew test subjects; estimates stay.

    A baseline that was trained on them looks better than it is, as a candidate does: neither side may.

    Args:
        entries: Objects of `comparisons`; changed in place, levels of subgroups included.
        rows: Rows of results; changed in place.
        dependent: Version -> why nothing can be decided about it (`independence.reasons`).
        baseline: The version compared with.
    """
    for entry in entries:
        reason = _reason(dependent, baseline, entry["candidate"])
        for one in (entry, *entry["subgroups"]) if reason else ():
            told = "; ".join(filter(None, (one["reason"], reason)))
            words = wording.words("not_evaluable", worse=False, margin=True, reason=told)
            one.update(decision="not_evaluable", worse=False, words=words, reason=told)
    for row in rows:
        reason = _reason(dependent, baseline, row["version"])
        if reason:
            row["decision"] = "not_evaluable"
            row["error"] = "; ".join(filter(None, (row["error"], reason)))


def _reason(dependent: Mapping[str, str], baseline: str, candidate: str) -> str:
    return "; ".join(dependent[name] for name in (baseline, candidate) if name in dependent)
