"""One table of a pairing, as pairing sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..protocols.model import Protocol, Table
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
    if identity:
        return frame
    places = pl.Series("place", index)
    if len(index) and int(index.min()) < 0:
        places = pl.select(pl.when(places >= 0).then(places)).to_series()
    return frame.select(pl.all().gather(places.cast(pl.get_index_type())))
