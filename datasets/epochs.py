"""Date-times that arrive as numbers: the time since midnight UTC of 1970, in a unit that the source says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from .units import MICROSECONDS

UNITS = ("ns", *MICROSECONDS)
"""Units of time that epoch numbers may have."""

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Between them lie all date-times of a study; a date outside is a unit of time mistaken for another."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LOWEST = round((EARLIEST - _EPOCH).total_seconds()) * 1_000_000
HIGHEST = round((LATEST - _EPOCH).total_seconds()) * 1_000_000


@dataclass(frozen=True)
class Instants:
    """Instants, and what of them cannot be.

    Attributes:
        series: Date-times in UTC; null where the number is missing or no plausible time.
        bad: Rows whose number is no plausible time; None where all are.
        unit: The unit in which they would be, if there is one.
    """

    series: pl.Series
    bad: pl.Series | None = None
    unit: str | None = None


def instants(numbers: pl.Series, unit: str) -> Instants:
    """Epoch numbers as instants, to the microsecond.

    Args:
        numbers: Integers or floats; NaN and infinities are no time.
        unit: One of `UNITS`.

    Example:
        >>> instants(pl.Series([1772352000500]), "ms").series.to_list()
        [datetime.datetime(2026, 3, 1, 8, 0, 0, 500000, tzinfo=zoneinfo.ZoneInfo(key='UTC'))]
        >>> instants(pl.Series([1772352000500]), "s").unit
        'ms'
    """
    size = _size(unit)
    rough = numbers.cast(pl.Float64) * size
    good = rough.is_between(LOWEST, HIGHEST, closed="left").fill_null(False)
    kept = (
        numbers.set(~good, None)
        if numbers.dtype.is_float()
        else pl.select(pl.when(good).then(numbers.cast(pl.Int64)).otherwise(None)).to_series()
    )
    if numbers.dtype.is_integer():
        micro = kept // 1000 if unit == "ns" else kept * int(size)
    else:
        micro = (kept * size).round().cast(pl.Int64)
    series = micro.cast(pl.Datetime("us", "UTC")).alias(numbers.name)
    bad = numbers.is_not_null() & ~good
    if not bad.any():
        return Instants(series)
    return Instants(series, bad, likely(numbers.cast(pl.Float64).filter(bad)))


def likely(numbers: pl.Series) -> str | None:
    """The unit in which epoch numbers are all dates of this age, if exactly one does."""
    low, high = numbers.min(), numbers.max()
    if not isinstance(low, float) or not isinstance(high, float):
        return None
    # Since about the first wearables: in the wider range, two units could fit.
    earliest = (datetime(2000, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds() * 1e6
    latest = (datetime(2100, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds() * 1e6
    fitting = [
        unit
        for unit in ("s", "ms", "us", "ns")
        if earliest <= low * _size(unit) <= high * _size(unit) < latest
    ]
    return fitting[0] if len(fitting) == 1 else None


def _size(unit: str) -> float:
    """Microseconds in a unit."""
    return 1e-3 if unit == "ns" else float(MICROSECONDS[unit])
