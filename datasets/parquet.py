"""Parquet files: only the columns that the contract asks for are read."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ..protocols.errors import ContractError, OutputError, Violation


def schema_of(path: Path, name: str) -> dict[str, pl.DataType]:
    """Column names and types of a Parquet file, from its footer.

    Raises:
        ContractError: Empty, truncated, or not a Parquet file.
        OutputError: The file cannot be read.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(4)
    except OSError as error:
        raise OutputError(f"{name}: cannot be read: {error.strerror}") from error
    if not head:
        raise ContractError([Violation("the file is empty; a Parquet file was expected.", file=name)])
    if head != b"PAR1":
        raise ContractError([Violation("is not a Parquet file (it does not start with `PAR1`).", file=name)])
    try:
        return dict(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(name) from error


def scan(path: Path) -> pl.LazyFrame:
    """A file's own columns, unread."""
    return pl.scan_parquet(path, hive_partitioning=False, glob=False)


def read(path: Path, name: str, columns: list[str]) -> pl.DataFrame:
    """The asked columns, in that order.

    Raises:
        ContractError: The file is truncated or damaged.
    """
    try:
        frame = pl.read_parquet(path, columns=columns, hive_partitioning=False, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(name) from error
    # Pairing and metrics want contiguous columns; one at a time, so that no second copy of the table is held.
    series = frame.select(columns).get_columns()
    del frame
    for place, column in enumerate(series):
        series[place] = column.rechunk()
    return pl.DataFrame(series)


def _damaged(name: str) -> ContractError:
    message = (
        "is truncated or damaged: it starts as a Parquet file but cannot be read to its end. Copy it again."
    )
    return ContractError([Violation(message, file=name)])
