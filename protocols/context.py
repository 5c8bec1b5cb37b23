"""What the cross-checks share: the protocol, where each key stands, and the violations found so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .errors import Violation, nearest, shorten
from .model import Column, Pairing, Protocol, Table
from .nodes import Locator, Path, dotted
from .shape import listed

SUBJECTS = "subjects"
"""Name of the table with one row a subject."""
SUBJECT = "subject"
"""Name of the subject column in pairs, whatever the tables call it."""
REFERENCE = "reference."
TEST = "test."

RESERVED_CODES = frozenset(
    {
        "orphan_subject",
        "no_test",
        "no_reference",
        "outside_tolerance",
        "not_nearest",
        "unlisted_exclusion",
        "missing_value",
        "indeterminate",
        "no_overlap",
        "low_coverage_reference",
        "low_coverage_test",
        "partial_unit",
        "clock_unresolved",
    }
)
"""Reason codes that pairing gives by itself; a protocol cannot declare them again."""

BOOKKEEPING = ("row", "status", "reason", "reasons", "reference_row", "test_row")
"""Column names that pairs use for themselves."""

UNIT_METHODS = ("windows", "epochs", "sessions")
"""Pairing methods that first bring both sides to one row a unit of time."""

EVENTS = "events"
"""The pairing method whose rows are outcomes of events."""

UNIT_NAMES = ("coverage", "n_rows")
"""Columns that both sides of such pairs have besides: share of the unit's time that rows with a value cover,
and the number of rows that entered."""

MAX_CODES = 64
"""Most reason codes a study can have, those of pairing included: pairs hold one bit for each."""

TIME_UNITS = ("us", "ms", "s", "min", "h", "d")
"""Units of time that are exact by definition."""

SPLITTING = ("text", "category", "boolean", "integer", "date")
"""Column types whose values can name groups."""

Scope = dict[str, Column]
"""Columns by the names a condition or a split may use."""


@dataclass
class Context:
    """One pass of cross-checks over one protocol."""

    protocol: Protocol
    locator: Locator | None = None
    violations: list[Violation] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """Pairings that do not say which rows pair: what depends on them is not looked at."""

    def report(
        self,
        path: Path,
        message: str,
        found: object = None,
        suggestion: str | None = None,
        *,
        at_key: bool = False,
    ) -> None:
        """Add a violation at a path; `at_key` points at the key instead of the value."""
        place = None
        if self.locator is not None:
            place = self.locator.key_place(path) if at_key else self.locator.place(path)
        self.violations.append(
            Violation(
                message,
                file=(place.file if place else None) or (self.locator.file if self.locator else None),
                line=place.line if place else None,
                column=place.column if place else None,
                key=dotted(path) or None,
                found=None if found is None else shorten(found),
                suggestion=suggestion,
            )
        )

    def known(
        self, path: Path, name: str, accepted: Iterable[str], what: str, *, at_key: bool = False
    ) -> bool:
        """Whether a name is among the accepted ones; reports it with the nearest one otherwise."""
        names = list(accepted)
        if name in names:
            return True
        offer = f"accepted: {listed(names)}" if names else "none is declared"
        self.report(path, f"there is no {what} of this name; {offer}", name, hint(name, names), at_key=at_key)
        return False

    def written(self, path: Path, value: object) -> str:
        """A scalar as its author wrote it, or as text where that is not known."""
        text = self.locator.written(path) if self.locator is not None else None
        return str(value) if text is None else text


def hint(name: str, accepted: Iterable[str]) -> str | None:
    """The accepted name that was probably meant: with its table's prefix, or the nearest in spelling."""
    names = list(accepted)
    prefixed = [one for one in (REFERENCE + name, TEST + name) if one in names]
    if len(prefixed) == 1:
        return prefixed[0]
    return nearest(name, names)


def pair_scope(protocol: Protocol, pairing: Pairing) -> Scope:
    """The columns of a pairing's pairs: `subject`, key and subject columns, `reference.x`, `test.x`."""
    reference, test = protocol.tables.get(pairing.reference), protocol.tables.get(pairing.test)
    scope: Scope = {SUBJECT: Column(type="text")}
    keys = set(pairing.on or ())
    if reference is not None:
        keys |= {reference.subject}
        scope |= {name: reference.columns[name] for name in pairing.on or () if name in reference.columns}
        scope.pop(reference.subject if reference.subject != SUBJECT else "", None)
    subjects = protocol.tables.get(SUBJECTS)
    if subjects is not None:
        scope = {n: c for n, c in subjects.columns.items() if n != subjects.subject} | scope
    sides = [table for table in (reference, test) if table is not None and table.time in table.columns]
    if pairing.method in {*UNIT_METHODS, EVENTS} and len(sides) == 2:  # without a time, times do not count
        time = str(sides[0].time)
        scope |= {time: _of_unit(sides[0].columns[time])}
    for prefix, table in ((REFERENCE, reference), (TEST, test)):
        if table is not None:
            scope |= {prefix + name: column for name, column in _side(pairing, table, keys).items()}
    return scope


def _side(pairing: Pairing, table: Table, keys: set[str]) -> Scope:
    """The columns of one side of the pairs, by the table's names."""
    hidden: set[str | None] = {*keys, *unmade(table, pairing.method)}
    if pairing.method not in {*UNIT_METHODS, EVENTS}:
        return {name: column for name, column in table.columns.items() if name not in hidden}
    if pairing.method == EVENTS:  # of a side that has no event, all but the event's class is missing
        hidden |= {table.time, table.exclusion}
        return {
            name: column if column.event else column.model_copy(update={"missing": "allowed"})
            for name, column in table.columns.items()
            if name not in hidden
        }
    aside = hidden | {table.time, table.exclusion}
    found = {name: _of_unit(column) for name, column in table.columns.items() if name not in aside}
    return found | {
        "coverage": Column(type="number", unit="proportion", range=(0, 1), missing="allowed"),
        "n_rows": Column(type="integer", range=(0, None)),
    }


def unmade(table: Table, method: str) -> frozenset[str]:
    """The columns of a table that rows do not have when they are paired by a method."""
    units = frozenset() if method in UNIT_METHODS else table.of_units
    return units if method == EVENTS else units | table.of_events


def _of_unit(column: Column) -> Column:
    """A column after rows became units: whole numbers may have become broken ones."""
    return column.model_copy(update={"type": "number"}) if column.type == "integer" else column


def common(scopes: Sequence[Scope]) -> Scope:
    """The columns that all of them have."""
    if not scopes:
        return {}
    return {name: column for name, column in scopes[0].items() if all(name in other for other in scopes)}


def levels_of(column: Column) -> tuple[str, ...]:
    """The levels of a category, or of a boolean column."""
    return ("false", "true") if column.type == "boolean" else column.levels or ()


def determinate(column: Column) -> tuple[str, ...]:
    """The levels that are results."""
    return tuple(level for level in levels_of(column) if level not in column.indeterminate)
