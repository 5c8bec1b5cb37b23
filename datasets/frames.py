"""Data frames of any make (polars, pandas, pyarrow, a dict of columns) as a Polars frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from ..protocols.errors import ContractError, Violation, shorten

_KINDS = "a polars, pandas or pyarrow table, or a dict of columns"


def to_polars(frame: Any, *, name: str) -> pl.DataFrame:
    """A Polars frame with the same columns.

    NaN in a pandas column is missing, as pandas means it; elsewhere NaN stays NaN, and the contract refuses
    it. The index of a pandas frame is not a column: call `reset_index()` where it holds data.

    Args:
        frame: Polars DataFrame or LazyFrame, pandas DataFrame, pyarrow Table or RecordBatch, or dict of
            columns.
        name: Name of the table, for messages.

    Raises:
        ContractError: Not a table, or columns that mix types or differ in length.
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    made_by = type(frame).__module__.split(".", maxsplit=1)[0]
    try:
        if made_by == "pandas" and hasattr(frame, "columns"):
            return _from_pandas(frame, name)
        if made_by == "pyarrow":
            converted = pl.from_arrow(frame)
            if isinstance(converted, pl.DataFrame):
                return converted
        if isinstance(frame, Mapping):
            return pl.DataFrame(dict(frame), strict=True)
    except (pl.exceptions.PolarsError, TypeError, ValueError, ArithmeticError) as error:
        reason = shorten(str(error).splitlines()[0], 200)
        raise ContractError(
            [Violation(f"table `{name}` cannot be read as columns: {reason}", file=name)]
        ) from error
    raise ContractError(
        [Violation(f"table `{name}` is a {type(frame).__name__}; accepted: {_KINDS}.", file=name)]
    )


def _from_pandas(frame: Any, name: str) -> pl.DataFrame:
    """Column by column, so that one that mixes types is named."""
    repeated = sorted({str(column) for column in frame.columns[frame.columns.duplicated()]})
    if repeated:
        raise ContractError(
            [Violation("column name appears more than once.", file=name, key=column) for column in repeated]
        )
    columns: list[pl.Series] = []
    violations: list[Violation] = []
    for label in frame.columns:
        try:
            columns.append(pl.from_pandas(frame[label]).alias(str(label)))
        except (pl.exceptions.PolarsError, TypeError, ValueError, ArithmeticError) as error:
            kinds = sorted({type(value).__name__ for value in frame[label].dropna()})
            mixed = f"mixes values of types {', '.join(kinds)}; a column has one type."
            words = mixed if len(kinds) > 1 else shorten(str(error).splitlines()[0], 200)
            violations.append(Violation(words, file=name, key=str(label)))
    if violations:
        raise ContractError(violations)
    return pl.DataFrame(columns)
