"""Parquet files: only the columns that the contract asks for are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from ..protocols.errors import ContractError, Violation
from .located import Located


def schema_of(file: Located) -> dict[str, pl.DataType]:
    """Column names and types of a Parquet file, from its footer.

    Raises:
        ContractError: Empty, truncated, or not a Parquet file.
        OutputError: The file cannot be read.
    """
    head = file.head(4)
    if not head:
        raise ContractError([Violation("the file is empty; a Parquet file was expected.", file=file.name)])
    if head != b"PAR1":
        message = "is not a Parquet file (it does not start with `PAR1`)."
        raise ContractError([Violation(message, file=file.name)])
    with reading(file):
        return file.parquet_schema()


def read(file: Located, columns: list[str]) -> pl.DataFrame:
    """The asked columns, in that order.

    Raises:
        ContractError: The file is truncated or damaged.
        OutputError: The file cannot be read.
    """
    with reading(file):
        frame = file.read_parquet(columns)
    # Pairing and metrics want contiguous columns; one at a time, so that no second copy of the table is held.
    series = frame.select(columns).get_columns()
    del frame
    for place, column in enumerate(series):
        series[place] = column.rechunk()
    return pl.DataFrame(series)


@contextmanager
def reading(file: Located) -> Iterator[None]:
    """What goes wrong in Polars, in words: what a store refuses is not a damaged file."""
    try:
        with file.problems():
            yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(file.name) from error


def _damaged(name: str) -> ContractError:
    message = (
        "is truncated or damaged: it starts as a Parquet file but cannot be read to its end. Copy it again."
    )
    return ContractError([Violation(message, file=name)])
