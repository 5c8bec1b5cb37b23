"""Measures of units of time: what the rows of each unit amount to, as a further column of its side."""

from __future__ import annotations

import numpy as np
import polars as pl

from ..evaluators import measures
from ..evaluators.measures import Stretches
from ..protocols.model import Column, Table
from ..protocols.streams import Measured
from .keys import IntArray
from .moments import Timeline
from .reduce import Floats, Reduced, Rows, validity
from .sides import called

REASON = ".reason"
"""What the name of a measure's column ends in, where its units say why they have none."""
TOO_LITTLE = "Too little of the time is covered by rows that enter the measure."
"""Reason of units that `min_coverage` leaves without a measure."""
_STEPS = 1e6
"""Steps of a second: times in units of time are whole microseconds."""


def measured(
    rows: Rows, spec: Measured, table: Table, taken: pl.DataFrame, *, start: IntArray, length: IntArray
) -> Reduced:
    """One measure of every unit.

    Rows with an exclusion code, without a value, or whose level is no result are gaps to the measure.

    Args:
        rows: The rows of all units, in order of time.
        spec: The measure, its classes and parameters written out.
        table: The contract.
        taken: The columns, row by row.
        start: (n,) steps from the beginning of its unit to that of each row.
        length: (U,) steps that each unit lasts.
    """
    measure = measures.get(spec.name)
    series, column = taken[called(spec.of, table)], table.columns[spec.of]
    valid = validity(rows, series)
    if measure.kind == "category":
        values = _classes(series, spec, measure.classes)
        has = values >= 0
    else:
        values = series.cast(pl.Float64).fill_null(np.nan).to_numpy() * _factor(measure.units, column)
        has = ~np.isnan(values)
    valid = has if valid is None else valid & has
    none = -1.0 if measure.kind == "category" else np.nan
    duration = np.broadcast_to(np.asarray(rows.time, dtype=np.float64) / _STEPS, (rows.size,))
    classes = tuple(dict.fromkeys(spec.classes.values()))
    found = measure.found(
        Stretches(
            np.where(valid, values, none), rows.heads, start / _STEPS, duration, length / _STEPS, classes
        ),
        **spec.parameters,
    )
    reasons = pl.Series([None, *found.reasons], dtype=pl.String).gather(found.codes)
    return Reduced(pl.Series(found.values).fill_nan(None), rows.covered(valid), valid, reasons)


def starts(stream: Timeline, row: IntArray | None, begin: IntArray, rows: Rows) -> IntArray:
    """(n,) steps from the beginning of each row's unit to the row; 0 where the row began before it.

    Args:
        stream: The rows of the side.
        row: Row of the stream at each place; None: every row, in order.
        begin: (U,) first moment of each unit.
        rows: The rows of all units.
    """
    moments = stream.start if row is None else stream.start[row]
    return np.maximum(moments - np.repeat(begin, rows.n), 0)


def _classes(series: pl.Series, spec: Measured, classes: tuple[str, ...]) -> Floats:
    place = {level: classes.index(meaning) for level, meaning in spec.classes.items()}
    text = series.cast(pl.String)
    if not place:
        return np.full(len(text), -1.0)
    return text.replace_strict(place, default=-1, return_dtype=pl.Int64).to_numpy().astype(np.float64)


def _factor(units: dict[str, float], column: Column) -> float:
    return units.get(str(column.unit), 1.0)
