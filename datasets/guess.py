"""What a column seems to be: type, unit, range, time, subject. Guesses for people to confirm, never rules."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from ..protocols.context import BOOKKEEPING
from ..protocols.model import Column, ColumnType
from . import typed
from .places import Part, Places
from .recorded_units import canonical

FEW_LEVELS = 12
"""A text column with at most so many values, each of them several times, is proposed as a category."""
SUBJECT_NAMES = (
    "subject", "subject_id", "subjectid", "usubjid", "subjid", "participant", "participant_id", "patient",
    "patient_id", "user", "user_id", "pid", "id",
)  # fmt: skip
"""Names of columns that tell whose a row is, the surest first."""
_TIME_NAME = re.compile(
    r"(?i)(^|_)(date_?time|time_?stamp|time|ts|epoch|unix|start|onset|seconds|t)(_|$|ms$|s$)"
)
_EPOCH_UNITS = (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9))
_CENTURY = (datetime(2000, 1, 1, tzinfo=UTC).timestamp(), datetime(2060, 1, 1, tzinfo=UTC).timestamp())
_NAMED_UNITS: tuple[tuple[str, str], ...] = (
    (r"(?i)(^|_)(hr|heart_?rate|pulse_?rate|bpm)(_|$)", "1/min"),
    (r"(?i)(^|_)(rr|breathing_?rate|respiratory_?rate)_?(bpm|rate)(_|$)", "1/min"),
    (r"(?i)(spo2|sao2|saturation)", "%"),
    (r"(?i)(^|_)(sbp|dbp|systolic|diastolic|map|mmhg)(_|$)", "mmHg"),
    (r"(?i)(^|_)(seconds|secs?)$", "s"),
    (r"(?i)_(ms|us|s|min|h)$", ""),
)
_KINDS: tuple[ColumnType, ...] = ("integer", "number", "boolean", "date", "datetime")
_IN_BRACKETS = re.compile(r"[\[(]\s*([^\])]{1,12})\s*[\])]\s*$")


@dataclass(frozen=True)
class ColumnGuess:
    """A column as it is proposed.

    Attributes:
        in_data: Its name in the data.
        name: Its name in the contract.
        type: Its type.
        unit: Its unit; None: not known.
        unit_from: `data`, or `name` where it is a guess.
        low: Smallest value, as text; None where there is no order worth telling.
        high: Largest value.
        levels: Values of a category.
        missing: How many cells are empty.
        epoch: Unit of date-times that are numbers in the data.
        notes: What somebody should know.
    """

    in_data: str
    name: str
    type: ColumnType
    unit: str | None = None
    unit_from: str | None = None
    low: str | None = None
    high: str | None = None
    levels: tuple[str, ...] = ()
    missing: int = 0
    epoch: str | None = None
    notes: tuple[str, ...] = ()


def contract_names(names: Iterable[str]) -> dict[str, str]:
    """Names in the data -> names that the language accepts, none twice.

    Example:
        >>> contract_names(["Heart Rate (bpm)", "heart_rate", "row", "SpO2 %"])
        {'Heart Rate (bpm)': 'heart_rate_bpm', 'heart_rate': 'heart_rate', 'row': 'row_2', 'SpO2 %': 'spo2'}
    """
    names = list(names)
    fits = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
    taken = {*BOOKKEEPING, *(name for name in names if fits.fullmatch(name))}
    given: dict[str, str] = {}
    for name in names:
        if fits.fullmatch(name) and name not in BOOKKEEPING:
            given[name] = name
            continue
        base = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()[:56] or "column"
        base = base if base[0].isalpha() else f"c_{base}"
        number, made = 1, base
        while made in taken:
            number += 1
            made = f"{base}_{number}"
        taken.add(made)
        given[name] = made
    return given


def typed_text(raw: pl.Series) -> pl.Series:
    """A column of a text file in the type that all of its values fit; text where one has a leading zero."""
    filled = raw.drop_nulls()
    if not len(filled) or filled.str.contains(r"^\s*[-+]?0\d").any():
        return raw
    places = Places((Part("", len(raw)),))
    for kind in _KINDS:
        made = typed.convert(raw, Column(type=kind), from_text=True, places=places)
        if made.bad is None:
            return made.series
    return raw


def columns(
    frame: pl.DataFrame, units: Mapping[str, str | pl.Series], *, names: Mapping[str, str], partial: bool
) -> list[ColumnGuess]:
    """A guess a column.

    Args:
        frame: Rows that were looked at.
        units: Units that the data name.
        names: Names in the data -> names in the contract.
        partial: More rows are there than were looked at: levels are then not complete.
    """
    return [_column(frame[name], units.get(name), names[name], partial) for name in frame.columns]


def _column(series: pl.Series, unit: str | pl.Series | None, name: str, partial: bool) -> ColumnGuess:
    kind = _kind(series)
    notes: list[str] = []
    unit_from = None
    if isinstance(unit, pl.Series):
        found = unit.drop_nulls().unique(maintain_order=True).to_list()
        if len({canonical(one) for one in found}) > 1:
            notes.append(
                f"names several units ({', '.join(found[:5])}): declare their conversions in the protocol"
            )
        unit = found[0] if found else None
    if unit:
        unit, unit_from = canonical(unit), "data"
    elif kind in ("number", "integer"):
        unit = _unit_by_name(series.name)
        unit_from = "name" if unit else None
    levels: tuple[str, ...] = ()
    if kind == "text" and not partial and _few(series):
        kind, levels = "category", tuple(sorted(series.drop_nulls().unique().to_list()))
    low, high = _range(series) if kind not in ("text", "category", "boolean") else (None, None)
    epoch = epoch_unit(series) if kind in ("number", "integer") and unit_from != "data" else None
    if epoch:
        first, last = (
            datetime.fromtimestamp(float(value) / dict(_EPOCH_UNITS)[epoch], UTC) for value in _ends(series)
        )
        notes.append(f"read as {_WORDS[epoch]} since 1970: {first:%Y-%m-%d} to {last:%Y-%m-%d}")
        kind, unit, unit_from, low, high = "datetime", None, None, _shown(first), _shown(last)
    if unit in ("1", "%") and high is not None and kind == "number" and 0 < float(high) <= 1:
        notes.append("at most 1: perhaps shares, not percent (conversion from `1` to `%`: factor 100)")
    return ColumnGuess(
        in_data=series.name,
        name=name,
        type=kind,
        unit=unit or None,
        unit_from=unit_from,
        low=low,
        high=high,
        levels=levels,
        missing=series.null_count(),
        epoch=epoch,
        notes=tuple(notes),
    )


_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9, "min": 1 / 60, "h": 1 / 3_600}
"""How many of each unit of time a second has."""
_WORDS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


def _kind(series: pl.Series) -> ColumnType:
    dtype = series.dtype
    if dtype == pl.Boolean:
        return "boolean"
    if dtype == pl.Date:
        return "date"
    if isinstance(dtype, pl.Datetime):
        return "datetime"
    if dtype.is_integer():
        return "integer"
    return "number" if dtype.is_numeric() else "text"


def _few(series: pl.Series) -> bool:
    n = series.n_unique()
    return 1 < n <= FEW_LEVELS and n * 2 <= len(series)


def _ends(series: pl.Series) -> tuple[Any, Any]:
    values = series.drop_nulls()
    if values.dtype.is_float():
        values = values.filter(values.is_finite())
    return values.min(), values.max()


def _range(series: pl.Series) -> tuple[str | None, str | None]:
    low, high = _ends(series)
    if low is None:
        return None, None
    return (_shown(low), _shown(high))


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)


def _unit_by_name(name: str) -> str | None:
    inside = _IN_BRACKETS.search(name)
    if inside:
        return canonical(inside[1])
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name)
    for pattern, unit in _NAMED_UNITS:
        match = re.search(pattern, plain)
        if match:
            return unit or match[1]
    return None


def epoch_unit(series: pl.Series) -> str | None:
    """The unit in which numbers are a time since 1970, by their size; None: they are none.

    Numbers count as such where all of them, read in that unit, lie between 2000 and 2060.

    Example:
        >>> epoch_unit(pl.Series([1_772_353_800_000, 1_772_353_801_000])), epoch_unit(pl.Series([61, 72]))
        ('ms', None)
    """
    low, high = _ends(series)
    if low is None or not (math.isfinite(low) and math.isfinite(high)):
        return None
    for unit, scale in _EPOCH_UNITS:
        if _CENTURY[0] <= low / scale and high / scale <= _CENTURY[1]:
            return unit
    return None


def subject_of(guesses: Sequence[ColumnGuess], frame: pl.DataFrame) -> ColumnGuess | None:
    """The column that seems to tell whose a row is; an `id` that is another in each row tells which row."""
    by_name = {re.sub(r"[^a-z0-9]+", "_", one.in_data.lower()): one for one in reversed(guesses)}
    for name in SUBJECT_NAMES:
        one = by_name.get(name)
        if one is None or one.missing or one.type not in _SUBJECTS:
            continue
        if name != "id" or frame.height < 2 or not frame[one.in_data].is_unique().all():
            return one
    return None


_SUBJECTS = ("text", "category", "integer")
_IN_KEYS = ("integer", "text", "date", "datetime", "category")


def time_of(guesses: Sequence[ColumnGuess]) -> ColumnGuess | None:
    """The column that seems to be the time of a row: a date and time, one since 1970, or one by its name."""
    moments = [one for one in guesses if one.type == "datetime"]
    named = [
        one
        for one in guesses
        if one.type in ("number", "integer") and _TIME_NAME.search(one.in_data) and not one.missing
    ]
    starts = [one for one in moments if re.search(r"(?i)start|^time", one.in_data)]
    return next(iter([*starts, *moments, *named]), None)


def rate_of(frame: pl.DataFrame, time: ColumnGuess, subject: ColumnGuess | None) -> float | None:
    """Seconds between rows, where they are evenly spaced: the median step of the first subject."""
    rows = frame
    if subject is not None:
        rows = rows.filter(pl.col(subject.in_data) == rows[subject.in_data][0])
    series = rows[time.in_data].drop_nulls()
    if len(series) < 3:
        return None
    if isinstance(series.dtype, pl.Datetime):
        values, scale = series.cast(pl.Datetime("us")).to_physical().to_numpy(), 1e6
    else:
        unit = time.epoch or time.unit
        if unit not in _SECOND:
            return None
        values, scale = series.to_numpy(), _SECOND[unit]
    steps = np.diff(np.sort(values)) / scale
    middle = float(np.median(steps))
    even = np.mean(np.abs(steps - middle) <= 0.02 * middle) if middle > 0 else 0
    return middle if even > 0.9 else None


def key_of(
    frame: pl.DataFrame, guesses: Sequence[ColumnGuess], first: Sequence[ColumnGuess]
) -> list[ColumnGuess] | None:
    """Columns that name a row: the ones given, and as many more as it takes; None where nothing does."""
    key = [one for one in first if not one.missing]
    rest = [one for one in guesses if one not in key and not one.missing and one.type in _IN_KEYS]
    rest.sort(key=lambda one: one.type == "category")
    for more in (None, *rest[:3]):
        if more is not None:
            key.append(more)
        if key and frame.select(one.in_data for one in key).is_unique().all():
            return key
    return None
