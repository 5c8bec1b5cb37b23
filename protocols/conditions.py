"""Conditions: the columns they name exist, and their values fit the column's type."""

from __future__ import annotations

from .context import Context, Scope
from .errors import nearest
from .model import Column, Condition, Scalar, Where
from .nodes import Path
from .shape import fields_of, listed

_BOUNDS = ("at_least", "above", "at_most", "below")


def resolve_where(context: Context, path: Path, where: Where, scope: Scope) -> Where:
    """The conditions with their values in the type of their columns; violations are reported."""
    return {
        name: _condition(context, (*path, name), condition, scope[name])
        if context.known((*path, name), name, scope, "column", at_key=True)
        else condition
        for name, condition in where.items()
    }


def _condition(context: Context, path: Path, condition: Condition, column: Column) -> Condition:
    given = [name for name in _BOUNDS if getattr(condition, name) is not None]
    if not given and condition.is_ is None and condition.is_not is None and condition.missing is None:
        context.report(path, f"the condition says nothing; give one of {listed(fields_of(Condition))}")
    if given and column.type not in {"number", "integer"}:
        message = f"a bound needs numbers, and this column is `{column.type}`; use `is` or `is_not`"
        context.report((*path, given[0]), message, at_key=True)
    low = max((v for v in (condition.at_least, condition.above) if v is not None), default=None)
    high = min((v for v in (condition.at_most, condition.below) if v is not None), default=None)
    if low is not None and high is not None and low > high:
        context.report((*path, given[-1]), "no value can satisfy both bounds", f"from {low:g} to {high:g}")
    changed = {
        name: tuple(_value(context, (*path, key, index), value, column) for index, value in enumerate(values))
        for name, key, values in (("is_", "is", condition.is_), ("is_not", "is_not", condition.is_not))
        if values is not None
    }
    return condition.model_copy(update=changed)


def _value(context: Context, path: Path, value: Scalar, column: Column) -> Scalar:
    """One accepted value in the type of the column."""
    if column.type in {"datetime", "date"}:
        context.report(path, f"a `{column.type}` column can only be asked whether it is `missing`", value)
        return value
    if column.type in {"text", "category"}:
        text = value if isinstance(value, str) else context.written(path, value)
        if column.levels is not None and text not in column.levels:
            message = f"the column has no such level; its levels: {listed(column.levels)}"
            context.report(path, message, text, nearest(text, column.levels))
        return text
    if column.type == "boolean":
        if not isinstance(value, bool):
            context.report(path, "expected `true` or `false`, as the column is boolean", value)
        return value
    whole = column.type == "integer"
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        context.report(path, f"expected {kind}, as the column is `{column.type}`", value)
        return value
    return int(value) if whole else float(value)
