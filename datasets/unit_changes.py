"""A column that changes its unit from one file to the next: nothing in a file says so, only the others do.

The medians of the files fall into two groups that lie further apart than files of one group ever do, by a
ratio that is the ratio of two units, and the spread within files differs by the same ratio. All of it has to
be there: files of single subjects differ, and a restless one is no change of unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..protocols.errors import Violation
from ..protocols.model import Table
from .places import SHOWN, Places
from .sources import Source

FEWEST_FILES = 4
"""With fewer, nobody can say what files of one unit differ by."""
FEWEST_ROWS = 5
"""Rows with a value that a file needs to have a say."""
ROWS_LOOKED_AT = 1_000
"""Rows of a file that are looked at, spread evenly."""
APART = 5.0
"""Robust standard deviations of files of one group that the two groups lie apart, at least."""

MOST_SPREAD = 0.5
"""Where files of one group spread more (in logarithms), one that is far off is no surprise."""
EMPTY = 0.5
"""Share of the distance between the groups that no file lies in, at least."""

_LEAST_SPREAD = 0.02
"""Files of one unit are taken to differ by at least 2%."""
_NEAR = 0.1, 0.15
"""How near (in logarithms) the ratio has to be to that of two units: four times what files spread, but at
least the first, and at most the second times the ratio itself."""
_SAME_WIDTH = 1.1
"""How near (in logarithms) the ratio of spreads within files has to be to that of the two units."""


@dataclass(frozen=True)
class Scale:
    """Another unit: value in it = value * factor + offset."""

    unit: str
    factor: float
    offset: float = 0.0
    usual: tuple[float, float] = (0.0, np.inf)
    """Where values in the contract's unit lie: with an offset, any ratio is the right one somewhere."""


_TEMPERATURE = (Scale("degF", 1.8, 32.0, (20, 45)), Scale("K", 1.0, 273.15, (20, 45)))
_FROM_FAHRENHEIT = (Scale("degC", 1 / 1.8, -32 / 1.8, (68, 113)),)
_RATE = (Scale("Hz", 1 / 60),)
_ACCELERATION = (Scale("g", 1 / 9.80665),)
SCALES: dict[str, tuple[Scale, ...]] = {
    "1/min": _RATE, "bpm": _RATE, "/min": _RATE,
    "Hz": (Scale("1/min", 60),),
    "s": (Scale("ms", 1000), Scale("min", 1 / 60)),
    "ms": (Scale("s", 1 / 1000), Scale("us", 1000)),
    "min": (Scale("s", 60), Scale("h", 1 / 60)),
    "h": (Scale("min", 60),),
    "%": (Scale("fractions of 1", 1 / 100),),
    "1": (Scale("%", 100),),
    "degC": _TEMPERATURE, "°C": _TEMPERATURE, "Cel": _TEMPERATURE, "C": _TEMPERATURE,
    "degF": _FROM_FAHRENHEIT, "°F": _FROM_FAHRENHEIT, "F": _FROM_FAHRENHEIT,
    # glucose, creatinine, cholesterol
    "mg/dL": (Scale("mmol/L", 1 / 18.016), Scale("umol/L", 88.42), Scale("mmol/L", 1 / 38.67)),
    "mmol/L": (Scale("mg/dL", 18.016), Scale("mg/dL", 38.67)),
    "umol/L": (Scale("mg/dL", 1 / 88.42),),
    "mmHg": (Scale("kPa", 0.133322),),
    "kPa": (Scale("mmHg", 7.50062),),
    "kg": (Scale("g", 1000),),
    "m": (Scale("cm", 100), Scale("mm", 1000), Scale("in", 39.3701)),
    "cm": (Scale("m", 1 / 100), Scale("mm", 10)),
    "mm": (Scale("cm", 1 / 10), Scale("m", 1 / 1000), Scale("in", 1 / 25.4)),
    "mV": (Scale("uV", 1000), Scale("V", 1 / 1000)),
    "uV": (Scale("mV", 1 / 1000),),
    "L/min": (Scale("mL/min", 1000), Scale("L/s", 1 / 60)),
    "L": (Scale("mL", 1000),),
    "mL": (Scale("L", 1 / 1000),),
    "g": (Scale("m/s2", 9.80665), Scale("mg", 1000), Scale("kg", 1 / 1000)),
    "m/s2": _ACCELERATION, "m/s^2": _ACCELERATION,
}  # fmt: skip
"""Unit of a contract -> units that data of it are found in by mistake. Factors below five are left out, such
as pounds and kilograms: people differ by as much."""

ANY = (Scale("a unit 1,000 times as small", 1000), Scale("a unit 1,000 times as large", 1 / 1000))
"""Those of every unit."""


def check(frame: pl.DataFrame, table: Table, source: Source, places: Places) -> list[Violation]:
    """Columns that some of a source's files seem to hold in another unit than the others.

    Args:
        frame: The table in contract types and units, rows as read.
        table: Its contract; columns without a unit are not looked at.
        source: Its `mixed_scales` names columns that truly differ.
        places: Which rows came from which file.
    """
    if len(places.parts) < FEWEST_FILES:
        return []
    columns = [
        name
        for name, spec in table.columns.items()
        if spec.type == "number"
        and spec.unit is not None
        and name in frame.columns
        and name not in (*source.mixed_scales, table.time, table.duration)
    ]
    if not columns:
        return []
    summary = _summary(frame, columns, places)
    violations = []
    for name in columns:
        unit = str(table.columns[name].unit)
        own = summary.filter(pl.col(f"{name} rows") >= FEWEST_ROWS, pl.col(f"{name} median") > 0)
        if own.height < max(FEWEST_FILES, 0.9 * summary.filter(pl.col(f"{name} rows") > 0).height):
            continue
        found = _changed(own[f"{name} median"].to_numpy(), own[f"{name} width"].to_numpy(), unit)
        if found is not None:
            odd, scale = found
            files = [places.parts[part].name for part in own["part"].gather(odd).to_list()]
            violations.append(_violation(name, unit, scale, files, own.height))
    return violations


def _summary(frame: pl.DataFrame, columns: Sequence[str], places: Places) -> pl.DataFrame:
    """Median and quartile distance of some rows of each file."""
    rows: list[NDArray[np.int64]] = []
    start = 0
    for part in places.parts:
        step = max(1, part.n_rows // ROWS_LOOKED_AT)
        rows.append(np.arange(start, start + part.n_rows, step, dtype=np.int64))
        start += part.n_rows
    numbers = np.repeat(np.arange(len(rows)), [len(one) for one in rows])
    looked_at = frame.select(columns)[np.concatenate(rows)].with_columns(pl.Series("part", numbers))
    found: list[pl.Expr] = []
    for name in columns:
        value = pl.col(name)
        found += [
            value.count().alias(f"{name} rows"),
            value.median().alias(f"{name} median"),
            (value.quantile(0.75) - value.quantile(0.25)).alias(f"{name} width"),
        ]
    return looked_at.group_by("part").agg(found).sort("part")


def _changed(
    medians: NDArray[np.float64], widths: NDArray[np.float64], unit: str
) -> tuple[list[int], Scale] | None:
    """Files in another unit, and which it seems to be."""
    order = np.argsort(medians, kind="stable")
    logs = np.log(medians[order])
    cut = int(np.argmax(np.diff(logs))) + 1
    low, high = logs[:cut], logs[cut:]
    centres = float(np.median(low)), float(np.median(high))
    apart = centres[1] - centres[0]
    left = np.abs(np.concatenate((low - centres[0], high - centres[1])))
    # The median of the lone file's own distance, nothing, would make the spread too small.
    others = np.concatenate([group for group, one in ((left[:cut], low), (left[cut:], high)) if len(one) > 1])
    spread = max(1.4826 * float(np.median(others)), _LEAST_SPREAD)
    empty = float(high[0] - low[-1])
    if spread > MOST_SPREAD or apart <= APART * spread or empty <= EMPTY * apart:
        return None
    widths = widths[order]
    wide = float(np.median(widths[:cut])), float(np.median(widths[cut:]))
    if min(wide) <= 0:
        return None
    ratio = float(np.log(wide[1] / wide[0]))
    groups = [(order[cut:], centres, ratio), (order[:cut], centres[::-1], -ratio)]
    # The smaller group is the odd one, unless that makes no sense and the other way round does.
    for odd, (usual, unusual), width in sorted(groups, key=lambda one: len(one[0])):
        for scale in _candidates(unit):
            if _is(scale, usual, unusual, width, spread):
                return sorted(odd.tolist()), scale
    return None


def _is(scale: Scale, usual: float, unusual: float, width: float, spread: float) -> bool:
    """Whether values are in another unit: by the logarithms of the groups' centres, and of their widths."""
    low, high = scale.usual
    expected = np.exp(usual) * scale.factor + scale.offset
    if not low <= np.exp(usual) <= high or expected <= 0:
        return False
    least, share = _NEAR
    near = min(max(least, 4 * spread), max(least, share * abs(np.log(scale.factor))))
    return bool(abs(np.log(expected) - unusual) <= near and abs(np.log(scale.factor) - width) <= _SAME_WIDTH)


def _candidates(unit: str) -> Iterator[Scale]:
    yield from SCALES.get(unit, ())
    yield from ANY


def _violation(column: str, unit: str, scale: Scale, files: list[str], n_files: int) -> Violation:
    count = f"{len(files):,} of {n_files:,} files hold" if len(files) > 1 else f"1 of {n_files:,} files holds"
    ratio = f"about {scale.factor:.3g} times those of the others" if scale.offset == 0 else "on another scale"
    seems = scale.unit if scale.unit.startswith("a unit") else f"`{scale.unit}`"
    message = (
        f"{count} values {ratio}, as if in {seems} and not in `{unit}`: the column seems to change its unit. "
        "Convert these files, make them a source of their own with `units`, or, if their values are right, "
        f"say `mixed_scales: [{column}]` in the source."
    )
    examples = [*files[:SHOWN], *([f"and {len(files) - SHOWN:,} more"] if len(files) > SHOWN else [])]
    return Violation(message, file=files[0], key=column, examples=tuple(examples))
