"""One table of a pairing, as pairing sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..protocols.errors import ContractError, Violation, nearest
from ..protocols.model import Pairing, Protocol, Table
from .contract import ROW

SUBJECT = "subject"
SUBJECTS = "subjects"
"""Name of the table of subjects in a protocol."""


@dataclass(frozen=True)
class Side:
    """One table of a pairing, its subject column called `subject`."""

    name: str
    table: Table
    frame: pl.DataFrame

    @property
    def key(self) -> tuple[str, ...]:
        """Key columns."""
        return tuple(called(name, self.table) for name in self.table.key)

    @property
    def time(self) -> str | None:
        """Time column, where the table has one."""
        return None if self.table.time is None else called(self.table.time, self.table)


def called(name: str, table: Table) -> str:
    """A column's name in pairing: the subject column is `subject` whatever the table calls it."""
    return SUBJECT if name == table.subject else name


def side_of(name: str, protocol: Protocol, frame: pl.DataFrame) -> Side:
    """A table ready for pairing: with row positions, and its subject column called `subject`."""
    table = protocol.tables[name]
    if ROW not in frame.columns:
        frame = frame.with_columns(pl.int_range(frame.height, dtype=pl.Int64).alias(ROW))
    if table.subject != SUBJECT:
        frame = frame.rename({table.subject: SUBJECT})
    return Side(name, table, frame)


def at(frame: pl.DataFrame, index: NDArray[np.signedinteger], *, identity: bool = False) -> pl.DataFrame:
    """Rows of a frame at positions; a row of nulls where the position is -1.

    Args:
        frame: The rows.
        index: Positions.
        identity: True: the positions are those of the frame, so nothing moves.
    """
    if identity or _all_in_order(index, frame.height):
        return frame
    places = pl.Series("place", index)
    if len(index) and int(index.min()) < 0:
        places = pl.select(pl.when(places >= 0).then(places)).to_series()
    return frame.select(pl.all().gather(places.cast(pl.get_index_type())))


def on_columns(spec: Pairing, reference: Table, test: Table) -> tuple[str, ...]:
    """Columns that must be equal in a pair, the subject (as `subject`) first.

    Unless the protocol names them: the key columns that both tables share; methods other than by key leave
    the times aside.
    """
    if spec.on is not None:
        named = [SUBJECT if name in (reference.subject, test.subject) else name for name in spec.on]
    else:
        theirs = {called(name, test) for name in test.key}
        times = set() if spec.method == "key" else {reference.time, test.time}
        named = [called(name, reference) for name in reference.key if name not in times]
        named = [name for name in named if name in theirs]
    return tuple(dict.fromkeys((SUBJECT, *named)))


def check_sides(sides: Sequence[Side], on: Sequence[str], key: str) -> None:
    """Every table has the columns to pair on, filled, and of the same types.

    Raises:
        ContractError: What they lack.
    """
    violations: list[Violation] = []
    for side in sides:
        columns = [name for name in side.frame.columns if name != ROW]
        for name in on:
            place = f"{key}.on"
            if name not in columns:
                message = f"table `{side.name}` has no column `{name}` to pair on."
                violations.append(Violation(message, key=place, suggestion=nearest(name, columns)))
            elif side.frame[name].null_count():
                message = f"column `{name}` of table `{side.name}` is empty in some rows; a key never is."
                violations.append(Violation(message, key=place, count=side.frame[name].null_count()))
    if not violations and len(sides) == 2:
        left, right = sides
        for name in on:
            types = left.frame.schema[name], right.frame.schema[name]
            if types[0] != types[1]:
                message = f"column `{name}` is {types[0]} in `{left.name}` but {types[1]} in `{right.name}`."
                violations.append(Violation(message, key=f"{key}.on"))
    if violations:
        raise ContractError(violations)


def _all_in_order(index: NDArray[np.signedinteger], height: int) -> bool:
    """Whether positions are those of all rows, in order."""
    if len(index) != height:
        return False
    return not height or (int(index[0]) == 0 and bool((np.diff(index) == 1).all()))
