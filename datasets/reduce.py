"""One value a unit of time: how the rows of a unit become a number, a level, or nothing.

Sums are taken over rows in canonical order, unit by unit, so that they depend neither on the order in which
rows were read, nor on what else is in the table, nor on threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..protocols.model import Column
from ..protocols.streams import Reduction
from . import keys
from .keys import IntArray
from .moments import Mask

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """The rows of all units, unit by unit.

    Attributes:
        heads: Where each unit's rows start.
        time: Time that each row counts for: one number for all, or one a row; 0 where it is not known.
        usable: Rows that may enter (no exclusion code); None: all.
        size: Number of rows.
    """

    heads: IntArray
    time: int | IntArray
    usable: Mask | None
    size: int

    @property
    def n(self) -> IntArray:
        """Rows of each unit."""
        return np.diff(self.heads, append=self.size)

    @property
    def weight(self) -> int | IntArray:
        """Time of each row; where it is not known every row counts the same."""
        return 1 if isinstance(self.time, int) and self.time == 0 else self.time

    def total(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sum over the rows of each unit."""
        found: NDArray[Any] = np.add.reduceat(values, self.heads)
        return found

    def covered(self, valid: Mask | None) -> IntArray:
        """Time of each unit's rows that are valid, or their number where time is not known."""
        weight = self.weight
        if isinstance(weight, int):
            return self.count(valid) * weight
        return np.asarray(self.total(weight if valid is None else np.where(valid, weight, 0)), dtype=np.int64)

    def count(self, valid: Mask | None) -> IntArray:
        """Number of each unit's rows that are valid."""
        if valid is None:
            return self.n
        return np.asarray(self.total(valid.astype(np.int64)), dtype=np.int64)

    def unit(self) -> IntArray:
        """Unit of each row."""
        return np.repeat(np.arange(len(self.heads), dtype=np.int64), self.n)


@dataclass(frozen=True)
class Reduced:
    """One column, unit by unit.

    Attributes:
        values: Null where no row had a value (or, asked for uniform levels, they differ).
        covered: Time of the rows with a value, or their number where time is not known.
        valid: Rows that had a value; None: all.
        reasons: Of a measure: why a unit has none, null where it has one.
    """

    values: pl.Series
    covered: IntArray
    valid: Mask | None
    reasons: pl.Series | None = None


def validity(rows: Rows, series: pl.Series) -> Mask | None:
    """Rows that may enter and have a value; None: all."""
    if not series.null_count():
        return rows.usable
    present = series.is_not_null().to_numpy()
    return present if rows.usable is None else present & rows.usable


def number(rows: Rows, series: pl.Series, how: Reduction) -> Reduced:
    """A column of numbers.

    Args:
        rows: The rows of all units.
        series: The column, row by row.
        how: The side's reduction.
    """
    valid = validity(rows, series)
    n, covered = rows.count(valid), rows.covered(valid)
    if how.numbers == "median":
        values = _median(rows, series, valid)
    else:
        x = series.cast(pl.Float64)
        filled = (x.fill_null(0.0) if x.null_count() else x).to_numpy()
        values = _average(rows, filled, valid, how.numbers, n)
    return Reduced(_where(values, n > 0).alias(series.name), covered, valid)


def _average(rows: Rows, x: Floats, valid: Mask | None, method: str, n: IntArray) -> Floats:
    """Mean by rows, by time, or by time and rate."""
    weight: Floats | None = None
    if not (method == "mean" or (method == "time_weighted" and isinstance(rows.weight, int))):
        weight = np.asarray(rows.weight, dtype=np.float64)
        weight = weight * x if method == "beat_weighted" else weight
    kept = x if weight is None else weight * x
    if valid is not None:
        kept = np.where(valid, kept, 0.0)
        weight = None if weight is None else np.where(valid, weight, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = rows.total(kept) / (n if weight is None else rows.total(weight))
    return found


def _median(rows: Rows, series: pl.Series, valid: Mask | None) -> Floats:
    """The middle value; of an even number, the mean of the two in the middle."""
    frame = pl.DataFrame({"unit": rows.unit(), "x": series.cast(pl.Float64)})
    if valid is not None:
        frame = frame.filter(pl.Series(valid))
    found = frame.group_by("unit", maintain_order=True).agg(pl.col("x").median())
    values = np.full(len(rows.heads), np.nan)
    values[found["unit"].to_numpy()] = found["x"].to_numpy()
    return values


def _where(values: Floats, some: Mask) -> pl.Series:
    """Values, null where there are none."""
    some = some & ~np.isnan(values)
    series = pl.Series(values)
    return series if some.all() else series.zip_with(pl.Series(some), pl.Series([None], dtype=pl.Float64))


def level(rows: Rows, series: pl.Series, column: Column, how: Reduction) -> Reduced:
    """A column of categories.

    Args:
        rows: The rows of all units.
        series: The column, row by row.
        column: Its contract, with its levels in order.
        how: The side's reduction.
    """
    levels = list(column.levels or ())
    codes = _codes(series, levels)
    valid = validity(rows, series)
    scored = [place for place, name in enumerate(levels) if name not in column.indeterminate]
    if how.unscored == "ignored" and len(scored) < len(levels):
        is_scored = np.isin(codes, scored)
        valid = is_scored if valid is None else valid & is_scored
    covered = rows.covered(valid)
    chosen = (
        _uniform(rows, codes, valid, len(levels))
        if how.categories == "uniform"
        else _majority(rows, codes, valid, len(levels))
    )
    names = pl.Series(series.name, levels, dtype=pl.String)
    places = pl.Series(chosen).cast(pl.Int64)
    return Reduced(names.gather(places.set(places < 0, None)).alias(series.name), covered, valid)


def _codes(series: pl.Series, levels: Sequence[str]) -> NDArray[np.int16]:
    """Place of each value in the levels, -1 where there is none."""
    kind = pl.Enum(list(levels))
    starts = keys.run_starts(series)
    if 4 * len(starts) < len(series):
        heads = series.gather(starts).cast(kind).to_physical().cast(pl.Int16).fill_null(-1).to_numpy()
        return np.repeat(heads, np.diff(starts, append=len(series)))
    return series.cast(kind).to_physical().cast(pl.Int16).fill_null(-1).to_numpy()


def _majority(rows: Rows, codes: NDArray[np.int16], valid: Mask | None, n: int) -> IntArray:
    """The level with most time, of equals the first; -1 for none."""
    best = np.zeros(len(rows.heads), dtype=np.int64)
    chosen = np.full(len(rows.heads), -1, dtype=np.int64)
    for place in range(n):
        own = codes == place
        time = rows.covered(own if valid is None else own & valid)
        more = time > best
        best[more], chosen[more] = time[more], place
    return chosen


def _uniform(rows: Rows, codes: NDArray[np.int16], valid: Mask | None, n: int) -> IntArray:
    """The level that all rows have; -1 where they differ, or there are none."""
    low = codes if valid is None else np.where(valid, codes, n)
    high = codes if valid is None else np.where(valid, codes, -1)
    least, most = np.minimum.reduceat(low, rows.heads), np.maximum.reduceat(high, rows.heads)
    return np.where(least == most, most, -1).astype(np.int64)


def same(rows: Rows, series: pl.Series) -> pl.Series:
    """A column of anything else: its value where all rows of the unit have the same, else nothing."""
    valid = validity(rows, series)
    units = rows.unit()
    if valid is not None:
        kept = np.flatnonzero(valid)
        units, series = units[kept], series.gather(kept)
    places = pl.Series(np.full(len(rows.heads), None), dtype=pl.Int64)
    if len(units):
        heads = np.flatnonzero(np.diff(units, prepend=-1))
        differs = series.ne_missing(series.shift(1)).to_numpy().copy()
        differs[heads] = False
        uniform = ~np.logical_or.reduceat(differs, heads)
        places = places.scatter(units[heads][uniform], heads[uniform])
    return series.gather(places)
