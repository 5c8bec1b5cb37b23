"""Rows to units of time: both sides of a pairing are brought to one row a window, an epoch or a session.

Afterwards they pair by key like any other tables, so that exclusions, accounting, missing data and endpoints
know nothing of streams. Every row that was read is in the audit once: used, or left out for a reason.

What is left out, in this order: rows without a time or a duration, rows outside of the time that counts, rows
with an exclusion code, rows without any value, rows of a unit that is cut off or has too little covered time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..protocols.context import UNIT_METHODS
from ..protocols.model import Pairing, Protocol, Table
from ..protocols.streams import Reduction, Unit
from . import bands, grid, reduce, row_audit
from . import reasons as reasons_of
from .contract import ROW
from .grid import Blocks, Units
from .keys import IntArray
from .moments import Mask, Scale, Timeline, scales, timelines_of
from .pairs import LOW_COVERAGE_REFERENCE, LOW_COVERAGE_TEST, NO_OVERLAP, PARTIAL_UNIT
from .reasons import Bits
from .reduce import Rows
from .row_audit import N_ROWS, Fate, Placed
from .sides import Side, called

COVERAGE = "coverage"


@dataclass(frozen=True)
class Regridded:
    """Both sides, one row a unit of time.

    Attributes:
        reference: Units of the reference: `on` columns, time, the reduced columns, `coverage`, `n_rows`.
        test: Units of the test table, likewise.
        codes: Rising code of each unit, equal where both sides have the same.
        bits: Reason codes of each unit, as bits.
        on: Columns that make a pair.
        audit: `side`, the session's columns, `reason`, `n_rows`.
    """

    reference: Side
    test: Side
    codes: tuple[IntArray, IntArray]
    bits: tuple[Bits, Bits]
    on: tuple[str, ...]
    audit: pl.DataFrame


def makes_units(spec: Pairing) -> bool:
    """Whether a pairing brings both sides to units of time first."""
    return spec.method in UNIT_METHODS


def regrid(
    protocol: Protocol,
    pairing: str,
    left: Side,
    right: Side,
    *,
    on: Sequence[str],
    codes: tuple[str, ...],
    tables: Mapping[str, pl.DataFrame],
) -> Regridded:
    """Bring both sides to one row a unit of time.

    Numbers depend on a subject's own rows only: neither on other subjects in the tables, nor on row order.

    Args:
        protocol: Resolved protocol.
        pairing: Identifier of a pairing by windows, epochs or sessions.
        left: The reference table.
        right: The test table.
        on: Columns that make a session.
        codes: All reason codes, in the order of their bits.
        tables: Further tables of the protocol by name, of which `within` needs one.

    Raises:
        ContractError: Times or stretches that cannot be.
        IntegrityError: Rows were lost or doubled; a defect of this program.
    """
    spec, key = protocol.pairings[pairing], f"pairings.{pairing}"
    unit = spec.unit or Unit()
    counts = scales(left, right, key)
    timed = counts[0] is not None and counts[1] is not None
    if not timed:
        counts = (None, None)
    place = unit.place or "start"
    reference, test, sessions = timelines_of(left, right, on, counts, place)
    stretches = grid.stretches_of(protocol, unit, sessions, tables=tables, scale=counts[0], key=key)
    both = (reference, test)
    blocks = grid.blocks_of(
        unit, spec.method, both, n_sessions=sessions.height, stretches=stretches, timed=timed
    )
    assigned = [grid.assign(stream, blocks, place) for stream in both]
    one, two, low, sizes = grid.codes_of(assigned[0][0].units, assigned[1][0].units, blocks)
    everything = grid.every(blocks, low, sizes) if blocks.whole else None
    apart = grid.no_overlap(both, sessions.height) if timed else np.zeros(sessions.height, dtype=bool)
    made = [
        _Maker(
            protocol=protocol,
            spec=spec,
            unit=unit,
            codes=codes,
            sessions=sessions,
            blocks=blocks,
            scale=counts[0],
            apart=apart,
            how=getattr(unit, name),
            low_coverage=code,
            values=values,
        ).make(name, Placed(stream, rows, outside, own), everything if name == "reference" else None)
        for name, stream, (rows, outside), code, own, values in zip(
            ("reference", "test"),
            both,
            assigned,
            (LOW_COVERAGE_REFERENCE, LOW_COVERAGE_TEST),
            (one, two),
            value_columns(protocol, pairing),
            strict=True,
        )
    ]
    audit = pl.concat([side.audit for side in made])
    time = () if counts[0] is None or left.time is None else (left.time,)
    ours = np.arange(int(sizes.sum()), dtype=np.int64) if everything is not None else one
    return Regridded(
        made[0].side, made[1].side, (ours, two), (made[0].bits, made[1].bits), (*on, *time), audit
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
        compared = tuple(dict.fromkeys(called(column, table) for column in sources if column in reducible))
        found.append(compared or tuple(called(column, table) for column in reducible))
    return found[0], found[1]


def _source(table: Table, name: str) -> str:
    made = table.columns[name].from_
    return name if made is None else made.column


def _kind(table: Table, name: str) -> str:
    """What becomes of a column: `number`, `level`, `same`, or `aside`."""
    column = table.columns[name]
    if name in {table.subject, table.time, table.exclusion} or column.from_ is not None:
        return "aside"
    return {"number": "number", "integer": "number", "category": "level"}.get(column.type, "same")


@dataclass(frozen=True)
class _Side:
    """What becomes of one side."""

    side: Side
    bits: Bits
    audit: pl.DataFrame


@dataclass(frozen=True)
class _Maker:
    """What the units of one side are made with."""

    protocol: Protocol
    spec: Pairing
    unit: Unit
    codes: tuple[str, ...]
    sessions: pl.DataFrame
    blocks: Blocks
    scale: Scale | None
    apart: Mask
    how: Reduction
    low_coverage: str
    values: tuple[str, ...]

    def make(self, name: str, placed: Placed, everything: Units | None) -> _Side:
        """The units of one side, their reason codes, and the audit of its rows."""
        stream, assigned = placed.stream, placed.assigned
        table, frame = stream.side.table, stream.side.frame
        excluded = reasons_of.of_table(self.protocol, self.codes, stream.side.name, table, frame)
        if excluded is not None and not excluded.any():
            excluded = None
        taken = frame if assigned.row is None else frame[assigned.row]
        carried = excluded if excluded is None or assigned.row is None else excluded[assigned.row]
        usable = None if carried is None else carried == 0
        rows = Rows(assigned.heads, assigned.time, usable, assigned.size)
        begin, length, partial = assigned.units.bounds(self.blocks)
        columns, coverage, n_rows, entered = self._reduce(table, taken, rows, length)
        short = coverage.short
        bits = np.zeros(len(begin), dtype=np.uint64)
        if carried is not None:
            found = np.bitwise_or.reduceat(carried, rows.heads) if len(rows.heads) else bits
            bits[short] |= np.asarray(found, dtype=np.uint64)[short]
        counted = partial & (self.unit.partial == "counted")
        counts = row_audit.audit(
            placed,
            Fate(
                excluded,
                entered,
                n_rows,
                np.where(counted, 1, np.where(short, 2, 0)),
                self.blocks.session[assigned.units.block],
            ),
            low_coverage=self.low_coverage,
            codes=self.codes,
            total=self.sessions.height,
        )
        made = pl.DataFrame(
            [*columns, pl.Series(COVERAGE, coverage.share).fill_nan(None), pl.Series(N_ROWS, n_rows)]
        )
        units = assigned.units
        if everything is not None:
            units = everything
            begin, length, partial = units.bounds(self.blocks)
            counted = partial & (self.unit.partial == "counted")
            made, bits, short = _spread(
                made, bits, short, placed.code, n=len(begin), known=self._known(stream)
            )
        self._add(bits, counted, PARTIAL_UNIT)
        self._add(bits, short, self.low_coverage)
        session = self.blocks.session[units.block]
        self._add(bits, self.apart[session], NO_OVERLAP)
        keyed = self.sessions[session]
        if self.scale is not None:
            time = called(str(self.protocol.tables[self.spec.reference].time), table)
            keyed = keyed.with_columns(self.scale.times(begin).alias(time))
        whole = keyed.hstack(made).with_columns(pl.int_range(keyed.height, dtype=pl.Int64).alias(ROW))
        audit = row_audit.table(name, counts, self.sessions)
        return _Side(Side(stream.side.name, table, whole), bits, audit)

    def _known(self, stream: Timeline) -> bool:
        """Whether coverage can be counted."""
        return self.scale is not None and not (isinstance(stream.length, int) and stream.length == 0)

    def _add(self, bits: Bits, rows: Mask, code: str) -> None:
        bits[rows] |= np.uint64(1 << self.codes.index(code))

    def _reduce(
        self, table: Table, taken: pl.DataFrame, rows: Rows, length: IntArray
    ) -> tuple[list[pl.Series], _Coverage, IntArray, Mask | None]:
        """Every column, coverage, the number of rows that entered, and which those were."""
        coverage = _Coverage.none(len(rows.heads))
        columns: dict[str, pl.Series] = {}
        entered: Mask | None = np.zeros(rows.size, dtype=bool)
        for name, column in table.columns.items():
            own = called(name, table)
            kind = _kind(table, name)
            if kind == "aside" or own in self.sessions.columns or own not in taken.columns:
                continue
            if kind == "same":
                columns[own] = reduce.same(rows, taken[own])
                continue
            found = (
                reduce.number(rows, taken[own], self.how)
                if kind == "number"
                else reduce.level(rows, taken[own], column, self.how)
            )
            share = _share(found.covered, length, rows)
            enough = (found.covered > 0) & (share >= self.how.min_coverage)
            values = found.values
            if not enough.all():
                values = values.set(pl.Series(~enough), None)
            columns[own] = values
            if own in self.values:
                coverage = coverage.with_column(share, values.is_not_null().to_numpy(), known=_timed(rows))
                if found.valid is None:
                    entered = None
                elif entered is not None:
                    entered |= found.valid
        if any(column.from_ is not None for column in table.columns.values()):
            columns = self._banded(table, columns, len(rows.heads))
        return list(columns.values()), coverage, rows.count(entered), entered

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


def _spread(
    made: pl.DataFrame, bits: Bits, short: Mask, own: IntArray, *, n: int, known: bool
) -> tuple[pl.DataFrame, Bits, Mask]:
    """Units that have rows among all units; the others have nothing, and cover nothing."""
    places = np.full(n, -1, dtype=np.int64)
    places[own] = np.arange(len(own))
    some = pl.Series(places).cast(pl.Int64)
    spread = made.select(pl.all().gather(some.set(some < 0, None)))
    covered = pl.col(COVERAGE).fill_null(0.0) if known else pl.col(COVERAGE)
    spread = spread.with_columns(covered, pl.col(N_ROWS).fill_null(0))
    all_bits, all_short = np.zeros(n, dtype=np.uint64), np.ones(n, dtype=bool)
    all_bits[own], all_short[own] = bits, short
    return spread, all_bits, all_short
