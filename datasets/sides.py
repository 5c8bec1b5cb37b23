"""One table of a pairing, as pairing sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ..protocols.model import Protocol, Table
from .contract import ROW
from .keys import IntArray

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


def take(series: pl.Series, index: IntArray, *, identity: bool = False) -> pl.Series:
    """Values at positions; null where the position is -1."""
    if identity:
        return series
    if len(index) and index.min() < 0:
        if not len(series):
            return pl.Series(series.name, [None], dtype=series.dtype).new_from_index(0, len(index))
        taken = series.gather(np.maximum(index, 0))
        return pl.select(pl.when(pl.Series(index >= 0)).then(taken).alias(series.name)).to_series()
    return series.gather(index)
