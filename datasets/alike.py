"""Files that are read as one table: they have to hold the same columns, in types that may stand in one.

The odd ones are named, not everything after the first: the measure is what most of the files hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import polars as pl

from ..protocols.errors import Violation
from ..protocols.model import Table
from .sources import Source


def names(files: Sequence[tuple[str, Sequence[str]]], table: Table, source: Source) -> list[Violation]:
    """Files whose columns are not those of most files.

    Args:
        files: Each file as the study knows it, with its column names.
        table: The contract; where it ignores further columns, so does this.
        source: Its `columns` say what the contract's are called in the data.
    """
    known = {source.columns.get(column, column) for column in table.read}
    if table.extra_columns == "ignored":
        files = [(shown, [column for column in columns if column in known]) for shown, columns in files]
    first, _ = _usual([(shown, frozenset(columns)) for shown, columns in files])
    usual = next(columns for shown, columns in files if shown == first)
    violations = []
    for shown, columns in files:
        missing = [column for column in usual if column not in columns]
        extra = [column for column in columns if column not in usual]
        if missing or extra:
            parts = [
                f"lacks {_ticked(missing)}" if missing else "",
                f"has {_ticked(extra)} besides" if extra else "",
            ]
            message = f"has other columns than {first}: {', '.join(part for part in parts if part)}."
            violations.append(Violation(message, file=shown))
    return violations


def types(files: Sequence[tuple[str, Mapping[str, pl.DataType]]]) -> list[Violation]:
    """Files that hold columns in other kinds of types than most files do.

    Whole numbers beside numbers, and date-times of any precision or zone, are one column. A column without
    any value fits everything.

    Args:
        files: Each file as the study knows it, with the types of the columns that are read.
    """
    violations: list[Violation] = []
    for column in files[0][1] if files else ():
        kinds = [(shown, kind(schema[column])) for shown, schema in files if schema[column] != pl.Null]
        if len({found for _, found in kinds}) <= 1:
            continue
        first, usual = _usual(kinds)
        odd = {shown: found for shown, found in kinds if found != usual}
        violations.extend(
            Violation(
                f"holds {found} here, {usual} in {first}; one type is needed.",
                file=shown,
                key=column,
                found=str(next(schema[column] for name, schema in files if name == shown)),
            )
            for shown, found in odd.items()
        )
    return violations


def kind(dtype: pl.DataType) -> str:
    """In words, what may stand in one column with a type.

    Example:
        >>> kind(pl.Int16()), kind(pl.Datetime("ns")), kind(pl.Datetime("us", "Europe/Berlin"))
        ('numbers', 'date-times without a zone', 'date-times with a zone')
    """
    if dtype == pl.String or isinstance(dtype, (pl.Categorical, pl.Enum)):
        return "text"
    if isinstance(dtype, pl.Datetime):
        return f"date-times {'without' if dtype.time_zone is None else 'with'} a zone"
    if dtype.is_numeric():
        return "numbers"
    return {pl.Boolean(): "true/false values", pl.Date(): "dates"}.get(dtype, f"values of type {dtype}")


def joined(frames: Sequence[pl.DataFrame], in_pieces: Collection[str] = ()) -> pl.DataFrame:
    """Frames with the same columns below each other.

    Date-times are in microseconds then, those with a zone in UTC. Each column is in one piece of memory, as
    arrays are made of them.

    Args:
        frames: Frames with the same columns.
        in_pieces: Columns that are left in the pieces they came in, of which a few places only are looked at.
    """
    whole = (
        pl.concat([_in_one_scale(frame) for frame in frames], how="vertical_relaxed", rechunk=False)
        if len(frames) > 1
        else frames[0]
    )
    return pl.DataFrame([one if one.name in in_pieces else one.rechunk() for one in whole.get_columns()])


def _in_one_scale(frame: pl.DataFrame) -> pl.DataFrame:
    casts = [
        pl.col(name).cast(pl.Datetime("us", dtype.time_zone and "UTC"))
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Datetime)
    ]
    return frame.with_columns(casts) if casts else frame


def _usual(files: Sequence[tuple[str, Any]]) -> tuple[str, Any]:
    """The commonest of the values, of equally common ones the first, and the first file that has it."""
    usual = Counter(value for _, value in files).most_common(1)[0][0]
    return next(shown for shown, value in files if value == usual), usual


def _ticked(columns: Sequence[str]) -> str:
    return ", ".join(f"`{column}`" for column in columns)
