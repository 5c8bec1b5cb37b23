"""The reference of a pairing by units of time, brought to them before any test row is known.

It is all that pairing takes of its rows: a row a unit, and the signal or the events that clocks are estimated
by. Kept, it serves every version, and every error of the clock that is tried. Frames and facts are what a
store keeps of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .clocks import reference as clock_of
from .clocks.grid import FloatArray
from .clocks.reference import ReferenceClock
from .grid import Units
from .keys import IntArray
from .moments import Scale
from .sides import SUBJECT
from .store import Entry
from .unit_rows import ReferenceUnits, UnitRows

# Identifiers of a protocol have no space, so that none of its columns is called like one of these.
_FIRST, _END, _SCALE = "first moment", "end moment", "time as read"
_SESSION, _PLACE, _NUMBER, _BITS, _SHORT = "session no", "place no", "unit no", "reason bits", "is short"
_N, _BASE, _WRITTEN, _KEPT = "n rows", "first time", "written to", "rows kept"
_STEP, _VALUE, _LENGTH = "step", "value", "length"


@dataclass(frozen=True)
class ReferenceSide:
    """A reference as units of time.

    Attributes:
        units: Its units.
        clock: What estimates of clocks need of it; None: the pairing has no `alignment`, or clocks that are
            known already.
    """

    units: ReferenceUnits
    clock: ReferenceClock | None

    @property
    def sessions(self) -> pl.DataFrame:
        """The `on` columns of its sessions."""
        return self.units.sessions

    def of_subjects(self, subjects: Collection[str]) -> ReferenceSide:
        """The part of some subjects."""
        chosen = sorted(subjects)
        units = self.units
        own = units.sessions[SUBJECT].is_in(chosen).to_numpy()
        if own.all():
            return self
        number = np.cumsum(own, dtype=np.int64) - 1
        session, first, end = units.span
        timed, kept = own[session], own[units.session]
        rows = units.rows
        part = ReferenceUnits(
            units.sessions.filter(pl.Series(own)),
            (number[session[timed]], first[timed], end[timed]),
            units.scale,
            number[units.session[kept]],
            units.place[kept],
            UnitRows(
                Units(rows.units.block[kept], rows.units.number[kept]),
                rows.values.filter(pl.Series(kept)),
                rows.bits[kept],
                rows.short[kept],
                rows.audit.filter(pl.col(SUBJECT).is_in(chosen)),
                rows.known,
            ),
        )
        return ReferenceSide(part, None if self.clock is None else self.clock.of_subjects(chosen))

    def frames(self) -> dict[str, pl.DataFrame | pl.LazyFrame]:
        """Its frames, as a store keeps them."""
        units, clock = self.units, self.clock
        session, *moments = units.span
        bounds = []
        for name, values in zip((_FIRST, _END), moments, strict=True):
            places = np.full(units.sessions.height, -1, dtype=np.int64)
            places[session] = np.arange(len(session))
            known = pl.Series(places).set(pl.Series(places < 0), None)
            bounds.append(pl.Series(name, values, dtype=pl.Int64).gather(known))
        if units.scale is not None:
            bounds.append(pl.Series(_SCALE, [None] * units.sessions.height, dtype=units.scale.dtype))
        numbers = {
            _SESSION: units.session,
            _PLACE: units.place,
            _NUMBER: units.rows.units.number,
            _BITS: units.rows.bits,
            _SHORT: units.rows.short,
        }
        frames: dict[str, pl.DataFrame | pl.LazyFrame] = {
            "sessions": units.sessions.hstack(bounds),
            "units": pl.DataFrame(numbers).hstack(units.rows.values),
            "audit": units.rows.audit,
        }
        if clock is not None:
            counts = {_N: clock.n, _BASE: clock.base, _WRITTEN: clock.written, _KEPT: clock.kept}
            frames["clocks"] = clock.sessions.hstack(pl.DataFrame(counts))
            columns = {_STEP: np.diff(clock.time, prepend=0), _VALUE: _packed(clock.value)}
            if clock.length is not None:
                columns[_LENGTH] = _packed(clock.length)
            frames["signal"] = pl.DataFrame(columns)
        return frames

    def facts(self) -> dict[str, Any]:
        """What JSON can hold of it, beside the frames."""
        scale = self.units.scale
        return {"scale": None if scale is None else scale.unit, "known": self.units.rows.known}

    @classmethod
    def of(cls, entry: Entry, *, clock: bool = True) -> ReferenceSide:
        """As it was kept.

        Args:
            entry: Where.
            clock: False leaves the clock aside.
        """
        made = _units(entry.frame("sessions"), entry.frame("units"), entry.frame("audit"), entry.facts)
        if not (clock and entry.has("signal")):
            return cls(made, None)
        return cls(made, _clock(entry.frame("clocks"), entry.frame("signal")))


def _units(
    sessions: pl.DataFrame, units: pl.DataFrame, audit: pl.DataFrame, facts: Mapping[str, Any]
) -> ReferenceUnits:
    scale = None if facts["scale"] is None else Scale(facts["scale"], sessions.schema[_SCALE])
    timed = np.flatnonzero(sessions[_FIRST].is_not_null().to_numpy()).astype(np.int64)
    moments = sessions.select(_FIRST, _END).drop_nulls()
    numbers = {name: units[name].to_numpy() for name in (_SESSION, _PLACE, _NUMBER, _BITS, _SHORT)}
    rows = UnitRows(
        Units(numbers[_PLACE], numbers[_NUMBER]),
        units.drop(*numbers),
        numbers[_BITS],
        numbers[_SHORT],
        audit,
        bool(facts["known"]),
    )
    return ReferenceUnits(
        sessions.drop(_FIRST, _END, _SCALE, strict=False),
        (timed, moments[_FIRST].to_numpy(), moments[_END].to_numpy()),
        scale,
        numbers[_SESSION],
        numbers[_PLACE],
        rows,
    )


def _clock(sessions: pl.DataFrame, signal: pl.DataFrame) -> ReferenceClock:
    n, base, written, kept = (sessions[name].to_numpy() for name in (_N, _BASE, _WRITTEN, _KEPT))
    length = signal[_LENGTH].cast(pl.Float64).to_numpy() if _LENGTH in signal.columns else None
    return ReferenceClock(
        sessions.drop(_N, _BASE, _WRITTEN, _KEPT),
        n,
        base,
        written,
        kept,
        np.cumsum(signal[_STEP].to_numpy(), dtype=np.int64),
        signal[_VALUE].cast(pl.Float64).to_numpy(),
        length,
    )


def _packed(values: FloatArray) -> NDArray[Any]:
    """The same numbers with half the bytes, where that changes no digit."""
    with np.errstate(over="ignore"):
        short = values.astype(np.float32)
    return short if np.array_equal(short.astype(np.float64), values) else values


def joined(sides: Sequence[ReferenceSide]) -> ReferenceSide:
    """Several groups of subjects, those that come first in order first, as one.

    Args:
        sides: Groups without a subject in common, at least one.
    """
    if len(sides) == 1:
        return sides[0]
    units = [one.units for one in sides]
    heights = [one.sessions.height for one in units]
    before = [int(count) for count in np.cumsum([0, *heights[:-1]])]

    def whole(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(parts)

    def moved(parts: Sequence[IntArray]) -> IntArray:
        return np.concatenate([part + first for part, first in zip(parts, before, strict=True)])

    rows = [one.rows for one in units]
    made = ReferenceUnits(
        pl.concat([one.sessions for one in units]),
        (
            moved([one.span[0] for one in units]),
            whole([one.span[1] for one in units]),
            whole([one.span[2] for one in units]),
        ),
        units[0].scale,
        moved([one.session for one in units]),
        whole([one.place for one in units]),
        replace(
            rows[0],
            units=Units(whole([one.units.block for one in rows]), whole([one.units.number for one in rows])),
            values=pl.concat([one.values for one in rows]),
            bits=whole([one.bits for one in rows]),
            short=whole([one.short for one in rows]),
            audit=pl.concat([one.audit for one in rows]),
        ),
    )
    clocks = [one.clock for one in sides if one.clock is not None]
    return ReferenceSide(made, clock_of.joined(clocks) if len(clocks) == len(sides) else None)
