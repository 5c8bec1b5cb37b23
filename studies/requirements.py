"""Is the study what its protocol demands? Counts, shares and ranges of the data against requirements.

Counted are the subjects and pairs of the deciding version that the analysis set holds, and reference rows
whether or not they found a partner. What is not met takes every decision away that rests on it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import polars as pl

from ..datasets.conditions import expression
from ..datasets.pairs import ORPHAN_SUBJECT, PairFrame
from ..protocols import describe_validity
from ..protocols.context import REFERENCE, SUBJECT, SUBJECTS, TEST
from ..protocols.describe_parts import number
from ..protocols.errors import Violation
from ..protocols.model import Column, Pairing, Protocol
from ..protocols.validity import Requirement
from . import slices
from .splits import band_label, label

NOT_SET = "a number is still to be set by the study (`required`)"
_SYMBOLS = {"at_least": "at least", "above": "above", "at_most": "at most", "equals": "exactly"}


@dataclass(frozen=True)
class Finding:
    """One number that a requirement looks at.

    Attributes:
        group: Level, band or subject it belongs to; None for all.
        count: Units that count; for a range None.
        total: Units there are; for a range None.
        value: The number compared: the count, or the share.
        met: Whether it is what the protocol demands.
        missed_by: How far off, in words; None where it is met.
    """

    group: str | None
    count: int | None
    total: int | None
    value: float | None
    met: bool
    missed_by: str | None = None


def check(
    protocol: Protocol, pairs: Mapping[tuple[str, str], PairFrame], version: str
) -> list[dict[str, Any]]:
    """Every requirement of a protocol against the data of one version.

    Args:
        protocol: Resolved protocol.
        pairs: (pairing, version) -> frame of `Pairs`.
        version: The version that decides.

    Returns:
        One entry a requirement, in order: `id`, `title`, `words`, `met`, `reason` (null where it is met),
        `endpoints`, `tier`, `source`, `findings`. Of requirements for each subject, `findings` are those that
        fail, and the smallest.
    """
    entries = []
    for name, one in protocol.requirements.items():
        frame = pairs[str(one.pairing), version]
        findings = list(_findings(protocol, one, frame))
        missed = [found for found in findings if not found.met]
        entries.append(
            {
                "id": name,
                "title": one.title or name.replace("_", " "),
                "words": describe_validity.requirement(protocol, name),
                "met": not missed,
                "reason": _reason(protocol, name, missed) if missed else None,
                "endpoints": list(one.endpoints or ()),
                "tier": one.tier,
                "source": one.source,
                "findings": [vars(found) for found in _shown(one, findings)],
            }
        )
    return entries


def empty_columns(
    protocol: Protocol, tables: Mapping[str, pl.DataFrame], files: Mapping[str, str] | None = None
) -> list[Violation]:
    """Columns that a requirement asks about and that hold no value at all.

    Args:
        protocol: Resolved protocol.
        tables: Table -> frame, in contract columns.
        files: Table -> the file it was read from, for the message.
    """
    found: dict[str, Violation] = {}
    for name, one in protocol.requirements.items():
        pairing = protocol.pairings[str(one.pairing)]
        asked = [*(one.where or ()), *filter(None, (one.each, one.covers))]
        for column in asked:
            for table, own in _homes(column, pairing):
                frame = tables.get(table)
                if frame is None or own not in frame.columns or frame.is_empty():
                    continue
                if frame[own].null_count() == frame.height:
                    key = f"{table}.{own}"
                    message = (
                        f"requirement `{name}` needs the column `{own}`, and it has no value in any of "
                        f"{frame.height:,} rows; accepted: {_accepted(protocol.tables[table].columns[own])}"
                    )
                    file = (files or {}).get(table)
                    line = 1 if file is not None and file.lower().endswith((".csv", ".csv.gz")) else None
                    found.setdefault(key, Violation(message, file=file, line=line, key=key, found="(empty)"))
    return list(found.values())


def _accepted(column: Column) -> str:
    """What a column may hold, in words."""
    if column.levels:
        return ", ".join(f"`{level}`" for level in column.levels)
    return f"values of type `{column.type}`" + (f" in {column.unit}" if column.unit else "")


def _homes(column: str, pairing: Pairing) -> list[tuple[str, str]]:
    """Tables in which a column of the pairs may stand, and its name there."""
    if column.startswith(REFERENCE):
        return [(pairing.reference, column.removeprefix(REFERENCE))]
    if column.startswith(TEST):
        return [(pairing.test, column.removeprefix(TEST))]
    return [(SUBJECTS, column)]


def _reason(protocol: Protocol, name: str, missed: list[Finding]) -> str:
    """Why a requirement is not met, in one sentence, with at most three of its groups."""
    one = protocol.requirements[name]
    told = "; ".join(
        f"{found.group}: {found.missed_by}" if found.group else str(found.missed_by) for found in missed[:3]
    )
    more = f"; and {len(missed) - 3:,} more" if len(missed) > 3 else ""
    return f"requirement `{name}` is not met ({one.title or name.replace('_', ' ')}): {told}{more}"


def _shown(one: Requirement, findings: list[Finding]) -> list[Finding]:
    """All findings; of one a subject only those that fail, or the smallest."""
    if one.each != SUBJECT:
        return findings
    missed = [found for found in findings if not found.met]
    return missed or sorted(findings, key=lambda found: found.value or 0.0)[:1]


def _findings(protocol: Protocol, one: Requirement, frame: PairFrame) -> Iterator[Finding]:
    rows = analysed(protocol, one, frame)
    if one.covers is not None:
        yield _range(one, rows)
        return
    unit = str(one.count or one.share)
    counts = rows.filter(expression(one.where)) if one.where else rows
    if one.each is None:
        yield _compared(one, None, _size(counts, unit), _size(rows, unit))
    elif one.each == SUBJECT:
        have = dict(counts.group_by("subject").len().iter_rows())
        for subject, total in rows.group_by("subject", maintain_order=True).len().iter_rows():
            yield _compared(one, str(subject), have.get(subject, 0), total)
    elif isinstance(one.bands, str):
        yield Finding(None, None, None, None, met=False, missed_by=NOT_SET)
    else:
        total = _size(rows, unit)
        for group, condition in _groups(one):
            yield _compared(one, group, _size(counts.filter(condition), unit), total)


def analysed(protocol: Protocol, one: Requirement, frame: PairFrame) -> pl.DataFrame:
    """The rows that a requirement counts: pairs of its population, or reference rows, alone or not.

    With the columns that it asks about, no others.
    """
    asked = list(dict.fromkeys(["subject", *(one.where or ()), *filter(None, (one.each, one.covers))]))
    population = protocol.populations[str(one.population)]
    endpoint = next(
        (
            protocol.endpoints[name]
            for name in (*(one.endpoints or ()), *protocol.endpoints)
            if protocol.endpoints[name].pairing == one.pairing
        ),
        None,
    )
    if endpoint is not None and (one.count or one.share) != "references":
        whole = endpoint.model_copy(update={"where": None, "population": one.population})
        return slices.population_rows(protocol, whole, frame, asked)
    excluding = protocol.exclusions if population.exclude is None else population.exclude
    bits = pl.lit(slices.mask(protocol, [ORPHAN_SUBJECT, *excluding]), dtype=pl.UInt64)
    keep = pl.col("reference_row").is_not_null() & ((pl.col("reasons") & bits) == 0)
    if population.where:
        keep &= expression(population.where)
    return frame.lazy().filter(keep).select(asked).collect()


def _size(rows: pl.DataFrame, unit: str) -> int:
    return rows.get_column("subject").n_unique() if unit == "subjects" else rows.height


def _groups(one: Requirement) -> Iterator[tuple[str, pl.Expr]]:
    """Groups of `each` with the rows of each; the last band includes its end."""
    name = str(one.each)
    if isinstance(one.bands, tuple):
        whole = all(edge == int(edge) for edge in one.bands)
        for low, high in pairwise(one.bands):
            last = high == one.bands[-1]
            value = pl.col(name)
            inside = (value >= low) & ((value <= high) if last else (value < high))
            text = f"{low:.15g} to {high:.15g}" if last or not whole else band_label(low, high, whole=False)
            yield text, inside.fill_null(value=False)
    else:
        for level in one.levels or ():
            yield level, label(name) == level


def _compared(one: Requirement, group: str | None, count: int, total: int) -> Finding:
    """A count or share against its bounds."""
    value = _exactly(count) if one.count else _exactly(count, total or 1)
    wanted = {key: getattr(one, key) for key in _SYMBOLS if getattr(one, key) is not None}
    if any(isinstance(bound, str) for bound in wanted.values()):
        return Finding(group, count, total, float(value), met=False, missed_by=NOT_SET)
    bounds = {key: _exactly(bound) for key, bound in wanted.items()}
    if one.at_least_share is not None:
        share = _exactly(one.at_least_share) * total
        bounds["at_least"] = max(bounds.get("at_least", share), share)
    failed = {key: bound for key, bound in bounds.items() if not _TESTS[key](value, bound)}
    if not failed:
        return Finding(group, count, total, float(value), met=True)
    missed_by = _missed(one, count, total, failed)
    return Finding(group, count, total, float(value), met=False, missed_by=missed_by)


_TESTS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "at_least": operator.ge,
    "above": operator.gt,
    "at_most": operator.le,
    "equals": operator.eq,
}


def _exactly(number: float, of: int = 1) -> Fraction:
    """The decimal number that was written down, as a fraction: 25% of 156 is 39, and not a little more."""
    return Fraction(repr(number)) / of


def _missed(one: Requirement, count: int, total: int, failed: Mapping[str, Fraction]) -> str:
    share = 100 * count / total if total else 0.0
    shown = f"{count:,}" if one.count else f"{count:,} of {total:,} ({share:.1f}%)"
    parts = []
    for key, bound in failed.items():
        wanted = f"{number(float(100 * bound))}%" if one.share else number(float(bound))
        parts.append(f"{_SYMBOLS[key]} {wanted} needed{_by(key, count, bound * (1 if one.count else total))}")
    return f"{shown}; {' and '.join(parts)}"


def _by(key: str, count: int, bound: Fraction) -> str:
    """By how many units a bound, in units, is missed."""
    if key == "equals" and bound.denominator > 1:
        return ""
    wanted = {"at_least": math.ceil(bound), "above": math.floor(bound) + 1}.get(key, math.floor(bound))
    off = wanted - count
    # of nothing at all, every share is missed by one
    return f", {-off:,} too many" if off < 0 else f", {max(1, off):,} too few"


def _range(one: Requirement, rows: pl.DataFrame) -> Finding:
    """The span of a column against the span it has to cover."""
    if not isinstance(one.range, tuple):
        return Finding(None, None, None, None, met=False, missed_by=NOT_SET)
    values = rows.get_column(str(one.covers)).drop_nulls()
    if values.is_empty():
        return Finding(None, None, None, None, met=False, missed_by=f"`{one.covers}` is empty in every row")
    low, high = float(values.min()), float(values.max())  # type: ignore[arg-type]
    met = low <= one.range[0] and high >= one.range[1]
    spans = f"from {number(low)} to {number(high)}; {describe_validity.bounds(one)} needed"
    return Finding(None, None, None, None, met=met, missed_by=None if met else spans)
