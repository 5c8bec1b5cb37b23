"""Which row an endpoint was decided by, where several had to satisfy the same criterion; how to name it.

Pairs of groups and levels of a condition are judged one by one, and all have to be met. A reader who sees one
line an endpoint has to see the one that is worst off. Which that is, `studies.decide` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..studies import judge, slices
from ..studies.contrasts import kind_of
from ..studies.decide import deciding, outcome
from ..studies.judge import judged_here
from ..studies.results import Results
from . import rows as words

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """The row that decides an endpoint, among those judged by the same criterion.

    Attributes:
        row: The row.
        n: Rows judged by the criterion.
        n_pairs: How many of them are pairs of groups.
        not_compared: Pairs of groups that are too small to be judged.
        beyond: Its compared number lies beyond the limit.
    """

    row: Row
    n: int
    n_pairs: int
    not_compared: int
    beyond: bool


def judged(results: Results, endpoint_id: str) -> Judged | None:
    """The row that decides an endpoint, or speaks for it where nothing does; None where no row speaks."""
    entry = next((one for one in results.document["endpoints"] if one["id"] == endpoint_id), None)
    if entry is None or not entry.get("row_id"):
        return None
    first = results.row(entry["row_id"])
    own = list(results.endpoint(endpoint_id).iter_rows(named=True))
    endpoint = slices.endpoint_of(results.protocol, endpoint_id)
    for row, n in deciding(endpoint, own, results.deciding_version):
        if row["statistic"] == first["statistic"]:
            pair = kind_of(results.protocol, row) == "pair"
            part = next(one for one in endpoint.judged if one.statistic == row["statistic"])
            small = _not_compared(results, own, str(row["statistic"]))
            return Judged(row, n, n if pair else 0, small, judge.room(part, row) < 0)
    return Judged(first, 1, 0, 0, beyond=False)


def deciding_row(results: Results, endpoint_id: str) -> Row | None:
    """The row that decides an endpoint, or speaks for it where nothing does."""
    found = judged(results, endpoint_id)
    return None if found is None else found.row


def each(results: Results, endpoint_id: str) -> list[Row]:
    """The deciding row of every criterion of an endpoint, the one that decides the endpoint first."""
    found = judged(results, endpoint_id)
    if found is None or not found.row["criterion"]:
        return []
    own = list(results.endpoint(endpoint_id).iter_rows(named=True))
    endpoint = slices.endpoint_of(results.protocol, endpoint_id)
    others = [row for row, _ in deciding(endpoint, own, results.deciding_version)]
    return [found.row, *(row for row in others if row["statistic"] != found.row["statistic"])]


def _not_compared(results: Results, own: Sequence[Row], statistic: str) -> int:
    """Pairs of groups of the deciding version that are not judged."""
    return sum(
        kind_of(results.protocol, row) == "pair" and row["criterion"] is None
        for row in own
        if row["version"] == results.deciding_version and row["statistic"] == statistic
    )


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

    Example: `5–7 − 1–4, the nearest to the limit of 3 pairs judged`.
    """
    row = found.row
    said = named(results, row)
    if not said:
        return ""
    what = "pair" if kind_of(results.protocol, row) == "pair" else "level"
    small = f"; {found.not_compared} not compared" if found.not_compared else ""
    if found.n < 2:
        return f"{said}, the only {what} judged{small}"
    place = "the farthest beyond the limit" if found.beyond else "the nearest to the limit"
    if row["estimate"] is None:
        place = "without a value, one"
    return f"{said}, {place} of {found.n} {what}s judged{small}"


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
