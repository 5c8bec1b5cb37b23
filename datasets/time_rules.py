"""The rules of time that a source and a table declare, applied to a table's typed columns in this order.

Naive date-times become instants of their zone; counters that begin again are counted on; rows that have to be
sorted are held against it. Nothing is done where nothing is declared.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ..protocols.errors import Violation, nearest
from ..protocols.model import Table
from . import order, zones
from .handled import Handled
from .places import Places
from .sources import Source


@dataclass(frozen=True)
class Ruled:
    """A table after its rules of time.

    Attributes:
        frame: Its columns, rows as read.
        handled: What was done.
        violations: What stands in the way.
        bad: Column -> rows whose time could not be told.
    """

    frame: pl.DataFrame
    handled: tuple[Handled, ...] = ()
    violations: tuple[Violation, ...] = ()
    bad: dict[str, pl.Series] | None = None


def apply(frame: pl.DataFrame, table: Table, source: Source, places: Places) -> Ruled:
    """Bring times to what the contract's language means by them.

    Args:
        frame: The table in contract types, rows as read, before units are converted.
        table: Its contract.
        source: The rules that are a property of the data.
        places: Where the rows came from.
    """
    if source.zone is None and not source.wraps and table.order == "any" and source.ambiguous == "refused":
        return Ruled(frame)
    file = places.parts[0].name
    violations = _declared(table, source, file)
    if violations:
        return Ruled(frame, (), tuple(violations))
    handled: list[Handled] = []
    bad: dict[str, pl.Series] = {}
    naive = [name for name, dtype in frame.schema.items() if dtype == pl.Datetime("us") and source.zone]
    counters = [name for name in source.wraps if name in frame.columns]
    groups = None
    if counters or (naive and source.ambiguous == "in_order"):
        groups = order.sessions(frame, table, counters)
    changed: list[pl.Series] = []
    for name in naive:
        told = zones.localize(frame[name], source, groups, places)
        _note(told, changed, handled, violations, bad)
    if groups is not None:
        for name in counters:
            unwrapped = order.unwrap(frame[name], source.wraps[name], groups, places)
            _note(unwrapped, changed, handled, violations, bad)
    frame = frame.with_columns(changed) if changed else frame
    if table.order == "sorted" and not bad:
        violations.extend(order.unsorted(frame, table, places))
    return Ruled(frame, tuple(handled), tuple(violations), bad)


def _note(
    found: zones.Localized | order.Unwrapped,
    changed: list[pl.Series],
    handled: list[Handled],
    violations: list[Violation],
    bad: dict[str, pl.Series],
) -> None:
    changed.append(found.series)
    handled.extend(found.handled)
    violations.extend(found.violations)
    if found.bad is not None:
        bad[found.series.name] = found.bad


def _declared(table: Table, source: Source, file: str) -> list[Violation]:
    """What is wrong with the rules themselves."""
    violations = []
    if source.zone is not None:
        wrong = zones.unknown(source.zone)
        violations += [wrong] if wrong else []
    else:
        for name in ("ambiguous", "nonexistent"):
            if getattr(source, name) != "refused":
                message = "speaks of the clocks of a zone; say which with `zone`."
                violations.append(Violation(message, file=file, key=f"source.{name}"))
    for name in source.wraps:
        key = f"source.wraps.{name}"
        spec = table.columns.get(name)
        if spec is None:
            message, hint = "names a column that the table does not declare.", nearest(name, table.columns)
            violations.append(Violation(message, file=file, key=key, found=name, suggestion=hint))
        elif spec.type not in ("number", "integer"):
            message = f"column `{name}` is no number, so it is no counter."
            violations.append(Violation(message, file=file, key=key, found=spec.type))
    return violations
