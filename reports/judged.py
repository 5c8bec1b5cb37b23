"""Which row an endpoint was decided by, where several rows had to satisfy the same criterion.

Pairs of groups and levels of a condition are judged one by one, and all have to be met. A reader who sees one
line an endpoint has to see the one that is worst off: nothing is computed here, rows are put in order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..studies.contrasts import kind_of
from ..studies.decide import outcome
from ..studies.judge import judged_here
from ..studies.results import Results
from . import rows as words

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """The row that decides an endpoint, among those judged by the same criterion.

    Attributes:
        row: Of the rows with the endpoint's decision, the one whose compared numbers reach farthest
            beyond the limit, or come nearest to it.
        n: Rows judged by the criterion.
        n_pairs: How many of them are pairs of groups.
        not_compared: Pairs of groups that are too small to be judged.
    """

    row: Row
    n: int
    n_pairs: int
    not_compared: int


def judged(results: Results, endpoint_id: str) -> Judged | None:
    """The row that decides an endpoint; None where no row speaks for it."""
    entry = next((one for one in results.document["endpoints"] if one["id"] == endpoint_id), None)
    if entry is None or not entry.get("row_id"):
        return None
    first = results.row(entry["row_id"])
    ids = set(entry.get("judged_rows") or [])
    own = list(results.endpoint(endpoint_id).iter_rows(named=True))
    same = [row for row in own if row["row_id"] in ids and row["statistic"] == first["statistic"]]
    if len(same) < 2:
        return Judged(first, max(len(same), 1), 0, _not_compared(results, own))
    settling = [row for row in same if row["decision"] == first["decision"]]
    pairs = sum(kind_of(results.protocol, row) == "pair" for row in same)
    return Judged(min(settling, key=clearance), len(same), pairs, _not_compared(results, own))


def each(results: Results, endpoint_id: str) -> list[Row]:
    """The deciding row of every statistic that an endpoint has a criterion on, the one that decides first."""
    found = judged(results, endpoint_id)
    if found is None or not found.row["criterion"]:
        return []
    entry = next(one for one in results.document["endpoints"] if one["id"] == endpoint_id)
    others: dict[str, list[Row]] = {}
    for row_id in entry.get("judged_rows") or []:
        row = results.row(row_id)
        if row["statistic"] != found.row["statistic"]:
            others.setdefault(row["statistic"], []).append(row)
    order = ("not_met", "not_evaluable", "informative", "met")
    worst = (
        min(own, key=lambda row: (order.index(row["decision"]), clearance(row))) for own in others.values()
    )
    return [found.row, *worst]


def _not_compared(results: Results, own: Sequence[Row]) -> int:
    """Pairs of groups of the deciding version that are not judged."""
    return sum(
        kind_of(results.protocol, row) == "pair" and row["criterion"] is None
        for row in own
        if row["version"] == results.deciding_version
    )


def deciding_row(results: Results, endpoint_id: str) -> Row | None:
    """The row that decides an endpoint, or speaks for it where nothing does."""
    found = judged(results, endpoint_id)
    return None if found is None else found.row


def clearance(row: Row) -> float:
    """How far the compared numbers of a row lie inside its limits; negative beyond them.

    Example:
        >>> row = {"criterion": "both within [-3.5, 3.5]", "estimate": 1.0, "ci_lower": 0.5, "ci_upper": 1.5}
        >>> clearance(row)
        2.0
    """
    compare, operator, *_ = str(row["criterion"] or "none none").split()
    bounds = words.limits(row)
    names = {"lower": ("ci_lower",), "upper": ("ci_upper",), "both": ("ci_lower", "ci_upper")}
    values = [row[name] for name in names.get(compare, ("estimate",))]
    if not bounds or any(value is None or math.isnan(value) for value in values):
        return -math.inf
    if compare == "|point|":
        values = [abs(value) for value in values]
    low = bounds[0] if operator in {">", ">=", "within"} else -math.inf
    high = bounds[-1] if operator in {"<", "<=", "within"} else math.inf
    return float(min(min(value - low, high - value) for value in values))


def otherwise(results: Results, endpoint_id: str) -> str | None:
    """What an endpoint would have come to, had nothing taken its decisions away; None where nothing did."""
    own = list(results.endpoint(endpoint_id).iter_rows(named=True))
    version = results.deciding_version
    if not any(judged_here(row, version) and row["otherwise"] not in {None, row["decision"]} for row in own):
        return None
    free = [{**row, "decision": row["otherwise"] or row["decision"]} for row in own]
    return outcome(results.protocol.endpoints[endpoint_id], free, version).decision


def part_words(results: Results, found: Judged) -> str:
    """What a deciding row of several speaks of, and how many there were; empty for a row of everything.

    Example: `5–7 − 1–4, nearest to the limit of 3 pairs judged`.
    """
    row = found.row
    said = named(results, row)
    if not said:
        return ""
    what = "pair" if kind_of(results.protocol, row) == "pair" else "level"
    n = found.n_pairs if what == "pair" else found.n
    small = f"; {found.not_compared} not compared" if found.not_compared else ""
    if n < 2:
        return f"{said}, the only {what} judged{small}"
    place = "the farthest beyond the limit" if clearance(row) < 0 else "the nearest to the limit"
    if row["decision"] == "not_evaluable" and clearance(row) == -math.inf:
        place = "one without a value"
    return f"{said}, {place} of {n} {what}s judged{small}"


def named(results: Results, row: Row) -> str:
    """The part of the rows that a row speaks of: two groups, a level, or nothing for all."""
    if row["subgroup"] is not None:
        declared = results.protocol.subgroups.get(row["subgroup"])
        title = (declared.title if declared else None) or str(row["subgroup"]).replace("_", " ")
        return f"{title}: {row['level']}"
    return ", ".join(
        f"{name.removeprefix('reference.').removeprefix('test.').replace('_', ' ')}: {level}"
        for name, level in words.by_levels(row).items()
    )
