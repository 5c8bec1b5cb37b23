"""Conditions of a protocol (`where`) as Polars expressions.

A missing value satisfies no condition other than `missing: true`: `is_not: [sport]` does not let a row
through whose activity is unknown. All conditions of a column and all columns of a `where` must hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import and_

import polars as pl

from ..protocols.errors import Violation, nearest
from ..protocols.model import Condition, Scalar, Where


def expression(where: Where) -> pl.Expr:
    """A boolean expression that is never null: True where every condition holds.

    An empty `where` holds everywhere.

    Example:
        >>> import polars as pl
        >>> from accordance.protocols.model import Condition
        >>> frame = pl.DataFrame({"activity": ["rest", None, "run"]})
        >>> frame.filter(expression({"activity": Condition(is_not=("run",))}))["activity"].to_list()
        ['rest']
    """
    parts = [part for name, condition in where.items() for part in _parts(pl.col(name), condition)]
    if not parts:
        return pl.lit(True)
    return reduce(and_, [part.fill_null(False) for part in parts])


def _parts(column: pl.Expr, condition: Condition) -> list[pl.Expr]:
    parts: list[pl.Expr] = []
    if condition.is_ is not None:
        parts.append(_any_of(column, condition.is_))
    if condition.is_not is not None:
        parts.append(column.is_not_null() & ~_any_of(column, condition.is_not))
    if condition.at_least is not None:
        parts.append(column >= condition.at_least)
    if condition.above is not None:
        parts.append(column > condition.above)
    if condition.at_most is not None:
        parts.append(column <= condition.at_most)
    if condition.below is not None:
        parts.append(column < condition.below)
    if condition.missing is not None:
        parts.append(column.is_null() if condition.missing else column.is_not_null())
    return parts


def _any_of(column: pl.Expr, values: tuple[Scalar, ...]) -> pl.Expr:
    result = pl.lit(False)
    for value in values:
        result = result | (column == pl.lit(value))
    return result


def check(
    where: Where, schema: Mapping[str, pl.DataType], *, key: str, file: str | None = None
) -> list[Violation]:
    """Names that the frame does not have, and values that its columns cannot equal.

    Args:
        where: The conditions.
        schema: Column name -> type of the frame they will be applied to.
        key: Dotted path of the protocol key, for messages.
        file: The protocol's file, for messages.
    """
    violations: list[Violation] = []
    for name, condition in where.items():
        place = f"{key}.{name}"
        if name not in schema:
            accepted = ", ".join(f"`{column}`" for column in schema)
            violations.append(
                Violation(
                    f"names a column that is not there; accepted: {accepted}.",
                    file=file,
                    key=place,
                    found=name,
                    suggestion=nearest(name, schema),
                )
            )
            continue
        dtype = schema[name]
        values = (*(condition.is_ or ()), *(condition.is_not or ()))
        wrong = [value for value in values if not _comparable(dtype, value)]
        if wrong:
            violations.append(
                Violation(
                    f"compares a column of {_kind(dtype)} with {wrong[0]!r}; write {_example(dtype)}.",
                    file=file,
                    key=place,
                    found=repr(wrong[0]),
                )
            )
        ordered = (condition.at_least, condition.above, condition.at_most, condition.below)
        if any(limit is not None for limit in ordered) and not dtype.is_numeric():
            violations.append(
                Violation(
                    f"compares a column of {_kind(dtype)} with a number; only numbers have an order here.",
                    file=file,
                    key=place,
                )
            )
    return violations


def _comparable(dtype: pl.DataType, value: Scalar) -> bool:
    if isinstance(value, bool):
        return dtype == pl.Boolean
    if isinstance(value, str):
        return dtype == pl.String
    return dtype.is_numeric()


def _kind(dtype: pl.DataType) -> str:
    if dtype == pl.String:
        return "text"
    if dtype == pl.Boolean:
        return "true/false values"
    return "numbers" if dtype.is_numeric() else f"type {dtype}"


def _example(dtype: pl.DataType) -> str:
    if dtype == pl.String:
        return 'text in quotes, such as "7"'
    return "`true` or `false`" if dtype == pl.Boolean else "a number without quotes"
