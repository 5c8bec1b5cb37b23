"""Rows to units of time: both sides of a pairing are brought to one row a window, an epoch or a session.

Afterwards they pair by key like any other tables, so that exclusions, accounting, missing data and endpoints
know nothing of streams. Every row that was read is in the audit once: used, or left out for a reason.

What is left out, in this order: rows without a time or a duration, rows outside of the time that counts, rows
with an exclusion code, rows without any value, rows of a unit that is cut off or has too little covered time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import polars as pl

from ..protocols.context import UNIT_METHODS
from ..protocols.errors import IntegrityError
from ..protocols.model import Pairing, Protocol
from ..protocols.streams import Unit
from . import grid
from .contract import ROW
from .grid import Blocks, Units
from .keys import IntArray
from .moments import Mask, Scale, comparable, jointly, renumbered, scales, timeline_of
from .pairs import NO_OVERLAP, PARTIAL_UNIT
from .reasons import Bits
from .row_audit import N_ROWS
from .sides import Side, called
from .unit_rows import COVERAGE, LOW_COVERAGE, Maker, ReferenceUnits, UnitRows, reference_units


class Given(TypedDict):
    """What both ways of making units are told beside their tables."""

    on: Sequence[str]
    codes: tuple[str, ...]
    tables: Mapping[str, pl.DataFrame]


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
    key = f"pairings.{pairing}"
    counts = scales(left, right, key)
    scale = None if counts[1] is None else counts[0]
    made = reference_units(protocol, pairing, left, on=tuple(on), codes=codes, tables=tables, scale=scale)
    return with_test(protocol, pairing, made, right, on=on, codes=codes, tables=tables)


def with_test(
    protocol: Protocol,
    pairing: str,
    reference: ReferenceUnits,
    right: Side,
    *,
    on: Sequence[str],
    codes: tuple[str, ...],
    tables: Mapping[str, pl.DataFrame],
) -> Regridded:
    """Bring a test table to units of time beside a reference that was brought to them before.

    Args:
        protocol: Resolved protocol.
        pairing: Identifier of a pairing by windows, epochs or sessions.
        reference: The reference's units, made by the same rules.
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
    scale = comparable(reference.scale, right, key)
    if reference.scale is not None and scale is None:
        raise IntegrityError(
            f"units of time of `{right.name}`: it has no times, and those of the reference do."
        )
    stream, own = timeline_of(right, on, scale, unit.place or "start")
    sessions, mine, theirs = jointly(reference.sessions, own, on)
    stream = renumbered(stream, theirs, sessions.height)
    stretches = grid.stretches_of(
        protocol, unit.within, sessions, tables=tables, scale=reference.scale, key=f"{key}.unit.within"
    )
    session, first, last = reference.span
    spans = (mine[session], first, last), grid.span(stream)
    timed = reference.scale is not None
    blocks = grid.blocks_of(
        unit, spec.method, spans, n_sessions=sessions.height, stretches=stretches, timed=timed
    )
    whose = mine[reference.session]
    ours = replace(
        reference.rows,
        units=Units(np.searchsorted(blocks.session, whose) + reference.place, reference.rows.units.number),
    )
    test = Maker(protocol, pairing, unit, codes, sessions, blocks, scale).make("test", stream)
    one, two, low, sizes = grid.codes_of(ours.units, test.units, blocks)
    apart = grid.no_overlap(spans, sessions.height) if timed else np.zeros(sessions.height, dtype=bool)
    finish = _Finish(protocol, spec, unit, codes, sessions, blocks, reference.scale, apart)
    if blocks.whole:
        ours = _spread(ours, grid.every(blocks, low, sizes), one)
        one = np.arange(int(sizes.sum()), dtype=np.int64)
    left, bits = finish.side("reference", ours)
    right, test_bits = finish.side("test", test)
    time = left.time
    on = (*on, time) if timed and time is not None else tuple(on)
    audit = pl.concat([ours.audit, test.audit])
    return Regridded(left, right, (one, two), (bits, test_bits), on, audit)


@dataclass(frozen=True)
class _Finish:
    """What turns the units of one side into rows that pair by key."""

    protocol: Protocol
    spec: Pairing
    unit: Unit
    codes: tuple[str, ...]
    sessions: pl.DataFrame
    blocks: Blocks
    scale: Scale | None
    apart: Mask

    def side(self, name: str, made: UnitRows) -> tuple[Side, Bits]:
        """The rows of one side (`reference` or `test`), and their reason codes."""
        called_ = getattr(self.spec, name)
        table = self.protocol.tables[called_]
        begin, _, partial = made.units.bounds(self.blocks)
        bits = made.bits.copy()
        self._add(bits, partial & (self.unit.partial == "counted"), PARTIAL_UNIT)
        self._add(bits, made.short, LOW_COVERAGE[name])
        session = self.blocks.session[made.units.block]
        self._add(bits, self.apart[session], NO_OVERLAP)
        keyed = self.sessions[session]
        if self.scale is not None:
            time = called(str(self.protocol.tables[self.spec.reference].time), table)
            keyed = keyed.with_columns(self.scale.times(begin).alias(time))
        whole = keyed.hstack(made.values).with_columns(pl.int_range(keyed.height, dtype=pl.Int64).alias(ROW))
        return Side(called_, table, whole), bits

    def _add(self, bits: Bits, rows: Mask, code: str) -> None:
        bits[rows] |= np.uint64(1 << self.codes.index(code))


def _spread(made: UnitRows, everything: Units, own: IntArray) -> UnitRows:
    """Units that have rows among all units; the others have nothing, and cover nothing."""
    n = len(everything.block)
    places = np.full(n, -1, dtype=np.int64)
    places[own] = np.arange(len(own))
    some = pl.Series(places).cast(pl.Int64)
    spread = made.values.select(pl.all().gather(some.set(some < 0, None)))
    covered = pl.col(COVERAGE).fill_null(0.0) if made.known else pl.col(COVERAGE)
    spread = spread.with_columns(covered, pl.col(N_ROWS).fill_null(0))
    bits, short = np.zeros(n, dtype=np.uint64), np.ones(n, dtype=bool)
    bits[own], short[own] = made.bits, made.short
    return replace(made, units=everything, values=spread, bits=bits, short=short)
