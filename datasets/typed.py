"""From the types that data arrive in to the types that the contract declares.

Text (CSV) becomes numbers, dates and the rest only when every character fits; a typed source (Parquet, SQL, a
data frame) may be widened (integers to numbers or text, whole numbers to integers) but text in it is never
taken for a number. What does not fit is reported with its rows; nothing becomes missing on the way.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ..protocols.errors import Violation
from ..protocols.model import Column, ColumnType
from . import epochs
from .places import SHOWN, Places

DTYPES: dict[ColumnType, pl.DataType] = {
    "text": pl.String(),
    "category": pl.String(),
    "number": pl.Float64(),
    "integer": pl.Int64(),
    "boolean": pl.Boolean(),
    "datetime": pl.Datetime("us"),
    "date": pl.Date(),
}
"""Polars type of each contract type. Datetimes with an offset are `Datetime('us', 'UTC')` instead."""

ACCEPTED: dict[ColumnType, str] = {
    "text": "text",
    "category": "text",
    "number": "a number such as 72.5 or 7e1",
    "integer": "a whole number",
    "boolean": "`true` or `false` (or 1 or 0)",
    "datetime": "a date and time such as 2026-03-01T08:30:00 or, with an offset, 2026-03-01T08:30:00+01:00",
    "date": "a date such as 2026-03-01",
}

_NAIVE = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")
_AWARE = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M%#z")
_MISSING_WORDS = {"na", "n/a", "nan", "null", "none", "missing", "-", "."}


@dataclass(frozen=True)
class Typed:
    """A column in its contract type.

    Attributes:
        series: Values; null where the value is missing or does not fit.
        bad: Rows whose value does not fit; None when all do.
        violations: What is wrong, for the reader.
    """

    series: pl.Series
    bad: pl.Series | None = None
    violations: tuple[Violation, ...] = ()


def convert(
    series: pl.Series, column: Column, *, from_text: bool, places: Places, epoch: str | None = None
) -> Typed:
    """One column in its contract type, and what does not fit.

    Args:
        series: The column as it arrived, named as in the contract.
        column: Its contract.
        from_text: True for CSV, where every value is still text.
        places: Where its rows came from.
        epoch: Unit of date-times that are numbers of it since 1970, UTC; None: they are not.

    Returns:
        The converted column with what does not fit.
    """
    if epoch is not None and column.type == "datetime":
        return _from_epochs(series, epoch, from_text=from_text, places=places)
    typed = _from_text(series, column.type) if from_text else _from_typed(series, column.type)
    if typed is None:
        found = _describe(series.dtype)
        hint = _epoch_hint(series) if column.type == "datetime" and series.dtype.is_numeric() else ""
        message = f"holds {found}; the contract says {column.type}: {ACCEPTED[column.type]}.{hint}"
        empty = pl.Series(series.name, [None], dtype=DTYPES[column.type]).new_from_index(0, len(series))
        wrong = Violation(message, file=places.parts[0].name, key=series.name, found=found)
        return Typed(empty, series.is_not_null() | True, (wrong,))
    if typed.bad is None:
        return typed
    rows = typed.bad.arg_true()
    first = rows.head(SHOWN).to_list()
    values = series.gather(first).to_list()
    if column.type == "datetime" and from_text:
        mixed = _mixed(series, typed, places)
        if mixed is not None:
            return Typed(typed.series, typed.bad, (mixed,))
    words = {str(value).strip().lower() for value in values} & _MISSING_WORDS
    hint = "; leave a missing value empty" if words else ""
    message = f"not {_a(column.type)}; accepted: {ACCEPTED[column.type]}{hint}."
    if column.type == "datetime" and from_text:
        numbers = series.gather(rows).str.strip_chars().cast(pl.Float64, strict=False)
        message += _epoch_hint(numbers) if not numbers.null_count() else ""
    wrong = places.violation(message, first, values, key=series.name, count=len(rows))
    return Typed(typed.series, typed.bad, (wrong,))


def _mixed(raw: pl.Series, typed: Typed, places: Places) -> Violation | None:
    """Date-times with an offset beside such without, if that is all that is wrong."""
    text = raw.str.strip_chars()
    aware, naive = _aware(text).is_not_null(), _naive(text).is_not_null()
    if typed.bad is None or not aware.any() or not naive.any() or (typed.bad & ~aware & ~naive).any():
        return None
    fewer, others = (aware, "none") if int(aware.sum()) <= int(naive.sum()) else (naive, "one")
    has = "an offset from UTC" if others == "none" else "no offset from UTC"
    rows = fewer.arg_true()
    first = rows.head(SHOWN).to_list()
    message = (
        f"has {has}, and {len(raw) - raw.null_count() - len(rows):,} other rows have {others}; one column "
    )
    message += "has either. Times without an offset become instants by the source's `zone`."
    return places.violation(message, first, raw.gather(first).to_list(), key=raw.name, count=len(rows))


def _from_epochs(raw: pl.Series, unit: str, *, from_text: bool, places: Places) -> Typed:
    """Numbers since 1970 as date-times in UTC."""
    numbers = raw
    unread: pl.Series | None = None
    if from_text or raw.dtype == pl.String:
        whole = raw.str.strip_chars().cast(pl.Int64, strict=False)
        # Whole numbers as such: a float cannot tell nanoseconds of our days apart.
        numbers = whole if _misfit(raw, whole) is None else _parse(raw.str.strip_chars(), "number")
        unread = _misfit(raw, numbers)
    elif not raw.dtype.is_numeric() and raw.dtype != pl.Null:
        found = _describe(raw.dtype)
        message = (
            f"holds {found}, and the source says that they are numbers: `units: {{{raw.name}: {unit}}}`."
        )
        empty = pl.Series(raw.name, [None], dtype=pl.Datetime("us", "UTC")).new_from_index(0, len(raw))
        wrong = Violation(message, file=places.parts[0].name, key=raw.name, found=found)
        return Typed(empty, raw.is_not_null() | True, (wrong,))
    if numbers.dtype == pl.Null:
        numbers = numbers.cast(pl.Int64)
    made = epochs.instants(numbers, unit)
    bad = unread if made.bad is None else made.bad if unread is None else unread | made.bad
    if bad is None:
        return Typed(made.series)
    rows = bad.arg_true()
    first = rows.head(SHOWN).to_list()
    hint = f" They look like `{made.unit}`: say `units: {{{raw.name}: {made.unit}}}`." if made.unit else ""
    message = f"no date between 1900 and 2199 as a number of `{unit}` since 1970, UTC.{hint}"
    values = raw.gather(first).to_list()
    return Typed(made.series, bad, (places.violation(message, first, values, key=raw.name, count=len(rows)),))


def _epoch_hint(raw: pl.Series) -> str:
    """What numbers need to be taken for date-times."""
    unit = epochs.likely(raw.cast(pl.Float64).drop_nulls())
    example = unit or "s"
    seem = f"They look like `{unit}` since 1970; " if unit else "Numbers since 1970 are date-times where "
    say = "say so: " if unit else "the source says so: "
    return f" {seem}{say}`units: {{{raw.name}: {example}}}`."


def _a(kind: ColumnType) -> str:
    return f"an {kind}" if kind == "integer" else f"a {kind}"


def _misfit(raw: pl.Series, cast: pl.Series) -> pl.Series | None:
    """Rows that had a value before and have none after."""
    if cast.null_count() == raw.null_count():
        return None
    return raw.is_not_null() & cast.is_null()


def _from_text(raw: pl.Series, kind: ColumnType) -> Typed:
    if kind in ("text", "category"):
        return Typed(raw)
    cast = _parse(raw, kind)
    bad = _misfit(raw, cast)
    if bad is not None:
        # Blanks around a number are harmless (`1, 2`); looked at only when something did not fit.
        stripped = raw.str.strip_chars()
        blank = stripped == ""
        if blank.any():
            stripped = stripped.set(blank, None)
            raw = raw.set(blank, None)
        cast = _parse(stripped, kind)
        bad = _misfit(raw, cast)
    if kind == "datetime" and bad is not None and cast.null_count() == len(cast):
        # A column that is naive as a whole was tried first; one with offsets is tried as such.
        cast = _aware(raw.str.strip_chars())
        bad = _misfit(raw, cast)
    return Typed(cast, bad)


def _parse(raw: pl.Series, kind: ColumnType) -> pl.Series:
    if kind == "number":
        cast = raw.cast(pl.Float64, strict=False)
        return _without_underscores(raw, cast)
    if kind == "integer":
        cast = raw.cast(pl.Int64, strict=False)
        if cast.null_count() != raw.null_count():
            cast = cast.fill_null(_whole(raw.cast(pl.Float64, strict=False)))
        return _without_underscores(raw, cast)
    if kind == "boolean":
        lower = raw.str.to_lowercase()
        return lower.replace_strict(
            {"true": True, "1": True, "false": False, "0": False}, default=None, return_dtype=pl.Boolean
        )
    if kind == "date":
        return raw.set(raw.str.len_bytes() != 10, None).str.strptime(pl.Date, "%Y-%m-%d", strict=False)
    return _naive(raw)


def _without_underscores(raw: pl.Series, cast: pl.Series) -> pl.Series:
    """The parser takes `1_000` for a thousand; a data file that says so is more likely broken."""
    odd = raw.str.contains("_", literal=True)
    return cast.set(odd.fill_null(False), None) if odd.any() else cast


def _whole(number: pl.Series) -> pl.Series:
    """Whole numbers as integers, everything else null (beyond 2^53 a float no longer names one integer)."""
    fits = (number == number.round()) & (number.abs() <= 2**53)
    return number.set(~fits.fill_null(False), None).cast(pl.Int64)


def _naive(raw: pl.Series) -> pl.Series:
    return _first_format(raw, _NAIVE, pl.Datetime("us"))


def _aware(raw: pl.Series) -> pl.Series:
    return _first_format(raw, _AWARE, pl.Datetime("us", "UTC"))


def _first_format(raw: pl.Series, formats: tuple[str, ...], dtype: pl.Datetime) -> pl.Series:
    parsed = raw.str.strptime(dtype, formats[0], strict=False)
    for form in formats[1:]:
        if parsed.null_count() == raw.null_count():
            break
        parsed = parsed.fill_null(raw.str.strptime(dtype, form, strict=False))
    return parsed


def _from_typed(raw: pl.Series, kind: ColumnType) -> Typed | None:  # noqa: PLR0911 - one return a contract type
    dtype = raw.dtype
    if dtype == pl.Null:
        return Typed(raw.cast(DTYPES[kind]))
    if isinstance(dtype, (pl.Categorical, pl.Enum)):
        raw, dtype = raw.cast(pl.String), pl.String()
    if kind in ("text", "category") and (dtype == pl.String or dtype.is_integer()):
        return Typed(raw.cast(pl.String))
    if kind in ("text", "category") and dtype == pl.Boolean:
        return Typed(raw.cast(pl.String))
    if kind == "number" and dtype.is_numeric():
        return Typed(raw.cast(pl.Float64))
    if kind == "integer" and dtype.is_numeric():
        cast = raw.cast(pl.Int64, strict=False) if dtype.is_integer() else _whole(raw.cast(pl.Float64))
        return Typed(cast, _misfit(raw, cast))
    if kind == "boolean" and dtype == pl.Boolean:
        return Typed(raw)
    if kind == "datetime" and isinstance(dtype, pl.Datetime):
        zone = None if dtype.time_zone is None else "UTC"
        aware = raw if zone is None else raw.dt.convert_time_zone("UTC")
        return Typed(aware.cast(pl.Datetime("us", zone)))
    if kind == "date" and dtype == pl.Date:
        return Typed(raw)
    if kind in ("datetime", "date") and dtype == pl.String:
        return _from_text(raw, kind)
    return None


def _describe(dtype: pl.DataType) -> str:
    """A Polars type in words."""
    words = {
        pl.String: "text",
        pl.Boolean: "true/false values",
        pl.Date: "dates",
        pl.Datetime: "dates with times",
    }
    for kind, word in words.items():
        if dtype == kind:
            return word
    if dtype.is_numeric():
        return "whole numbers" if dtype.is_integer() else "numbers"
    return f"values of type {dtype}"
