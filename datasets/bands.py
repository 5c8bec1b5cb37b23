"""Categories that are made from a number of the same table, in the bands that the contract declares."""

from __future__ import annotations

import polars as pl

from ..protocols.model import Bands, Table
from .typed import DTYPES


def add(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The frame with the columns that the contract makes from others, all in the contract's order.

    Args:
        frame: Columns that were read, in contract types and units.
        table: The contract.

    Example:
        >>> from accordance.protocols.model import Column
        >>> severe = Column(
        ...     type="category",
        ...     levels=("mild", "severe"),
        ...     **{"from": Bands(column="ahi", edges=(15.0,))},
        ... )
        >>> table = Table(key=("subject",), columns={"ahi": Column(type="number"), "severity": severe})
        >>> add(pl.DataFrame({"ahi": [14.9, 15.0, None]}), table)["severity"].to_list()
        ['mild', 'severe', None]
    """
    made = [
        _banded(column.from_, column.levels or ()).alias(name)
        for name, column in table.columns.items()
        if column.from_ is not None and name not in table.of_units
    ]
    if not made:
        return frame
    found = frame.with_columns(made)
    return found.select(*(name for name in table.columns if name in found.columns))


def _banded(bands: Bands, levels: tuple[str, ...]) -> pl.Expr:
    """The level of each value's band; null where there is no number."""
    value = pl.col(bands.column).cast(pl.Float64).fill_nan(None)
    band = pl.lit(levels[0], dtype=DTYPES["category"])
    for edge, level in zip(bands.edges, levels[1:], strict=True):
        band = pl.when(value >= edge).then(pl.lit(level)).otherwise(band)
    return pl.when(value.is_not_null()).then(band)
