"""The rows of one side to units of time: one value a unit, its coverage, and what became of its rows.

Nothing here looks at the other side, so that what was made of a reference once serves every test table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..protocols.model import Column, Protocol, Table
from ..protocols.streams import Reduction, Unit
from . import bands, grid, measured, reduce, row_audit
from . import reasons as reasons_of
from .grid import Blocks, Span, Units
from .keys import IntArray
from .moments import Mask, Scale, Timeline, timeline_of
from .pairs import LOW_COVERAGE_REFERENCE, LOW_COVERAGE_TEST
from .reasons import Bits
from .reduce import Reduced, Rows
from .row_audit import N_ROWS, Fate, Placed
from .sides import Side, called

COVERAGE = "coverage"
LOW_COVERAGE = {"reference": LOW_COVERAGE_REFERENCE, "test": LOW_COVERAGE_TEST}
"""Code of a side's units with too little covered time."""


@dataclass(frozen=True)
class UnitRows:
    """The units of one side that have rows.

    Attributes:
        units: Which they are.
        values: The reduced columns, `coverage` and `n_rows`, one row a unit.
        bits: Exclusion codes of the rows of units without a value.
        short: Units without a value, for too little of them is covered.
        audit: What became of the rows: `side`, the session's columns, `reason`, `n_rows`.
        known: Whether coverage can be counted.
    """

    units: Units
    values: pl.DataFrame
    bits: Bits
    short: Mask
    audit: pl.DataFrame
    known: bool


@dataclass(frozen=True)
class ReferenceUnits:
    """The units of a reference, before any test row is known.

    Attributes:
        sessions: The `on` columns of its sessions, in order.
        span: From where to where its timed rows reach, session by session.
        scale: How it counts time; None: times do not count.
        session: Session of each unit that has rows.
        place: Which of the session's stretches (of blocks, see `grid`) the unit is in, from 0.
        rows: The units; their blocks are those of these sessions alone.
    """

    sessions: pl.DataFrame
    span: Span
    scale: Scale | None
    session: IntArray
    place: IntArray
    rows: UnitRows


def reference_units(
    protocol: Protocol,
    pairing: str,
    side: Side,
    *,
    on: tuple[str, ...],
    codes: tuple[str, ...],
    tables: Mapping[str, pl.DataFrame],
    scale: Scale | None,
) -> ReferenceUnits:
    """Bring a reference to one row a unit of time.

    Args:
        protocol: Resolved protocol.
        pairing: Identifier of a pairing by windows, epochs or sessions.
        side: The reference table.
        on: Columns that make a session.
        codes: All reason codes, in the order of their bits.
        tables: Further tables of the protocol by name, of which `within` needs one.
        scale: How it counts time; None: times do not count, as one of the two tables has none.

    Raises:
        ContractError: Times or stretches that cannot be.
        IntegrityError: Rows were lost or doubled; a defect of this program.
    """
    spec = protocol.pairings[pairing]
    unit = spec.unit or Unit()
    stream, sessions = timeline_of(side, on, scale, unit.place or "start")
    span = grid.span(stream)
    stretches = grid.stretches_of(
        protocol, unit.within, sessions, tables=tables, scale=scale, key=f"pairings.{pairing}.unit.within"
    )
    blocks = grid.blocks_of(
        unit,
        spec.method,
        [span],
        n_sessions=sessions.height,
        stretches=stretches,
        timed=scale is not None,
    )
    maker = Maker(protocol, pairing, unit, codes, sessions, blocks, scale)
    made = maker.make("reference", stream)
    block = made.units.block
    session = blocks.session[block]
    return ReferenceUnits(
        sessions, span, scale, session, block - np.searchsorted(blocks.session, session), made
    )


def value_columns(protocol: Protocol, pairing: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns of both sides that the pairing's endpoints compare.

    A side's coverage speaks of these: a unit has no value where none of them has. Where no endpoint compares
    any, all numbers and categories are.
    """
    spec = protocol.pairings[pairing]
    own = [one for one in protocol.endpoints.values() if one.pairing == pairing]
    found = []
    for side, name in (("reference", spec.reference), ("test", spec.test)):
        table = protocol.tables[name]
        used = dict.fromkeys(str(getattr(one, side)) for one in own)
        reducible = [column for column in table.columns if _kind(table, column) in {"number", "level"}]
        # A category made from a number is covered as its number is.
        sources = [_source(table, column) for column in used if column in table.columns]
        own_values = {*reducible, *(name for name, one in table.columns.items() if one.measure is not None)}
        compared = tuple(dict.fromkeys(called(column, table) for column in sources if column in own_values))
        found.append(compared or tuple(called(column, table) for column in reducible))
    return found[0], found[1]


def _source(table: Table, name: str) -> str:
    made = table.columns[name].from_
    return name if made is None else made.column


def _kind(table: Table, name: str) -> str:
    """What becomes of a column: `number`, `level`, `same`, `measure`, or `aside`."""
    column = table.columns[name]
    if column.measure is not None:
        return "measure"
    if name in {table.subject, table.time, table.exclusion} or column.from_ is not None:
        return "aside"
    return {"number": "number", "integer": "number", "category": "level"}.get(column.type, "same")


@dataclass(frozen=True)
class Maker:
    """What units of time are made with."""

    protocol: Protocol
    pairing: str
    unit: Unit
    codes: tuple[str, ...]
    sessions: pl.DataFrame
    blocks: Blocks
    scale: Scale | None

    def make(self, name: str, stream: Timeline) -> UnitRows:
        """The units of one side (`reference` or `test`) that have rows."""
        assigned, outside = grid.assign(stream, self.blocks, self.unit.place or "start")
        table, frame = stream.side.table, stream.side.frame
        excluded = reasons_of.of_table(self.protocol, self.codes, stream.side.name, table, frame)
        if excluded is not None and not excluded.any():
            excluded = None
        taken = frame if assigned.row is None else frame[assigned.row]
        carried = excluded if excluded is None or assigned.row is None else excluded[assigned.row]
        usable = None if carried is None else carried == 0
        rows = Rows(assigned.heads, assigned.time, usable, assigned.size)
        begin, length, partial = assigned.units.bounds(self.blocks)
        how: Reduction = getattr(self.unit, name)
        values = value_columns(self.protocol, self.pairing)[name == "test"]
        source = _Source(table, taken, rows, stream, assigned.row, begin, length)
        columns, coverage, n_rows, entered = self._reduce(source, how=how, compared=values)
        short = coverage.short
        bits = np.zeros(len(begin), dtype=np.uint64)
        if carried is not None:
            found = np.bitwise_or.reduceat(carried, rows.heads) if len(rows.heads) else bits
            bits[short] |= np.asarray(found, dtype=np.uint64)[short]
        counted = partial & (self.unit.partial == "counted")
        counts = row_audit.audit(
            Placed(stream, assigned, outside),
            Fate(
                excluded,
                entered,
                n_rows,
                np.where(counted, 1, np.where(short, 2, 0)),
                self.blocks.session[assigned.units.block],
            ),
            low_coverage=LOW_COVERAGE[name],
            codes=self.codes,
            total=self.sessions.height,
        )
        made = pl.DataFrame(
            [*columns, pl.Series(COVERAGE, coverage.share).fill_nan(None), pl.Series(N_ROWS, n_rows)]
        )
        audit = row_audit.table(name, counts, self.sessions)
        return UnitRows(assigned.units, made, bits, short, audit, self._known(stream))

    def _known(self, stream: Timeline) -> bool:
        """Whether coverage can be counted."""
        return self.scale is not None and not (isinstance(stream.length, int) and stream.length == 0)

    def _reduce(
        self, source: _Source, *, how: Reduction, compared: tuple[str, ...]
    ) -> tuple[list[pl.Series], _Coverage, IntArray, Mask | None]:
        """Every column, coverage, the number of rows that entered, and which those were."""
        table, taken, rows, length = source.table, source.taken, source.rows, source.length
        coverage = _Coverage.none(len(rows.heads))
        columns: dict[str, pl.Series] = {}
        reasons: dict[str, pl.Series] = {}
        entered: Mask | None = np.zeros(rows.size, dtype=bool)
        for name, column in table.columns.items():
            own = called(name, table)
            kind = _kind(table, name)
            absent = own not in taken.columns and kind != "measure"
            if kind == "aside" or own in self.sessions.columns or absent:
                continue
            if kind == "same":
                columns[own] = reduce.same(rows, taken[own])
                continue
            found = source.reduced(own, column, kind, how)
            share = _share(found.covered, length, rows)
            enough = (found.covered > 0) & (share >= how.min_coverage)
            values = found.values
            if not enough.all():
                values = values.set(pl.Series(~enough), None)
            columns[own] = values.alias(own)
            if found.reasons is not None:
                why = found.reasons.set(pl.Series(~enough), measured.TOO_LITTLE)
                reasons[own] = why.alias(own + measured.REASON)
            if own in compared:
                coverage = coverage.with_column(share, values.is_not_null().to_numpy(), known=_timed(rows))
                if found.valid is None:
                    entered = None
                elif entered is not None:
                    entered |= found.valid
        if any(column.from_ is not None for column in table.columns.values()):
            columns = self._banded(table, columns, len(rows.heads))
        return [*columns.values(), *reasons.values()], coverage, rows.count(entered), entered

    def _banded(self, table: Table, columns: dict[str, pl.Series], n: int) -> dict[str, pl.Series]:
        """Categories that are made from a number, from the unit's number."""
        made = {
            name: column
            for name, column in table.columns.items()
            if column.from_ is None or column.from_.column in columns
        }
        source = pl.DataFrame(columns) if columns else pl.DataFrame(height=n)
        found = bands.add(source, table.model_copy(update={"columns": made}))
        return {name: found[name] for name in found.columns}


@dataclass(frozen=True)
class _Source:
    """The rows of one side in their units: contract, columns, moments of rows, begin and length of units."""

    table: Table
    taken: pl.DataFrame
    rows: Rows
    stream: Timeline
    row: IntArray | None
    begin: IntArray
    length: IntArray

    def reduced(self, own: str, column: Column, kind: str, how: Reduction) -> Reduced:
        """One column, unit by unit."""
        if column.measure is not None:
            start = measured.starts(self.stream, self.row, self.begin, self.rows)
            return measured.measured(
                self.rows, column.measure, self.table, self.taken, start=start, length=self.length
            )
        if kind == "number":
            return reduce.number(self.rows, self.taken[own], how)
        return reduce.level(self.rows, self.taken[own], column, how)


@dataclass(frozen=True)
class _Coverage:
    """Coverage of a side: the largest of its value columns; short where none has a value."""

    share: reduce.Floats
    short: Mask

    @classmethod
    def none(cls, n: int) -> _Coverage:
        """Of no column."""
        return cls(np.full(n, np.nan), np.ones(n, dtype=bool))

    def with_column(self, share: reduce.Floats, has: Mask, *, known: bool) -> _Coverage:
        """With a further value column."""
        return _Coverage(np.fmax(self.share, share) if known else self.share, self.short & ~has)


def _timed(rows: Rows) -> bool:
    return not (isinstance(rows.time, int) and rows.time == 0)


def _share(covered: IntArray, length: IntArray, rows: Rows) -> reduce.Floats:
    """Share of each unit's time that is covered; 1 where time is not known."""
    if not _timed(rows):
        return np.ones(len(covered))
    return np.minimum(covered / np.maximum(length, 1), 1.0)
