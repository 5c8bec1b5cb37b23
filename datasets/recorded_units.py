"""Units that files and records name themselves, held against what contract and source say.

A unit changes a measurement's meaning, so it is compared and never assumed: two units in one column, or one
that is not the contract's, are refused until a declared rule converts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ..protocols.errors import Violation, shorten
from ..protocols.model import Column, Conversion, Table
from . import units
from .places import Places
from .sources import AS_RECORDED, Source

_SPELLINGS: tuple[tuple[str, ...], ...] = (
    ("1/min", "bpm", "BPM", "beats/min", "count/min", "/min", "breaths/min", "min-1", "{beats}/min"),
    ("uV", "µV", "μV"),
    ("us", "µs", "μs"),
    ("mmHg", "mm Hg", "mm[Hg]"),
    ("%", "percent"),
    ("degC", "°C", "deg C", "Cel", "celsius"),
    ("degF", "°F", "deg F", "[degF]", "fahrenheit"),
    ("s", "sec"),
    ("1", "count"),
)
"""Spellings of the same unit; nothing here has a factor."""
_CANONICAL = {spelling: words[0] for words in _SPELLINGS for spelling in words}


def same(left: str, right: str) -> bool:
    """Whether two words mean the same unit.

    Example:
        >>> same("count/min", "1/min"), same("mV", "uV")
        (True, False)
    """
    return canonical(left) == canonical(right)


def canonical(unit: str) -> str:
    """One spelling of a unit."""
    return _CANONICAL.get(unit.strip(), unit.strip())


@dataclass(frozen=True)
class _Seen:
    """A unit, and the first row it stands in."""

    unit: str
    row: int


def settle(
    frame: pl.DataFrame,
    recorded: Mapping[str, Sequence[str | pl.Series | None]],
    places: Places,
    *,
    table: Table,
    source: Source,
    conversions: Sequence[Conversion],
) -> tuple[pl.DataFrame, Source, list[Violation]]:
    """Values in one unit a column, the source without the units that are dealt with, and what is wrong.

    Args:
        frame: Columns as they arrived, named as in the data.
        recorded: Name in the data -> what each part says: a unit, one a row, or None.
        places: Where the rows came from.
        table: The contract.
        source: The source.
        conversions: Rules that the protocol declares.
    """
    violations: list[Violation] = []
    done = []
    for column in table.read:
        in_data = source.columns.get(column, column)
        if in_data not in frame.columns:
            continue
        given = _by_row(recorded.get(in_data, ()), places)
        declared = source.units.get(column)
        if given is None:
            if declared == AS_RECORDED:
                message = "the data name no unit of this column; say which it is, in place of `as_recorded`."
                violations.append(Violation(message, file=places.parts[0].name, key=column))
                done.append(column)
            continue
        seen = _seen(given, frame[in_data])
        if declared == AS_RECORDED:
            done.append(column)
            values, wrong = _converted(
                frame[in_data].alias(column), given, seen, table.columns[column], conversions, places=places
            )
            values = values.alias(in_data)
            violations.extend(wrong)
            frame = frame.with_columns(values)
        else:
            violations.extend(_one(seen, column, declared or table.columns[column].unit, declared, places))
    left = {column: unit for column, unit in source.units.items() if column not in done}
    return frame, source.model_copy(update={"units": left}), violations


def _by_row(parts: Sequence[str | pl.Series | None], places: Places) -> pl.Series | None:
    """One unit a row; None where no part names any."""
    if all(part is None for part in parts):
        return None
    return pl.concat(
        [
            unit
            if isinstance(unit, pl.Series)
            else pl.Series([unit], dtype=pl.String).new_from_index(0, part.n_rows)
            for unit, part in zip(parts, places.parts, strict=True)
        ]
    )


def _seen(given: pl.Series, values: pl.Series) -> list[_Seen]:
    """Units of rows that have a value, each with its first row; different spellings apart."""
    firsts = (
        pl.DataFrame({"unit": given, "row": pl.int_range(len(given), eager=True, dtype=pl.Int64)})
        .filter(values.is_not_null() & given.is_not_null())
        .group_by("unit")
        .agg(pl.col("row").min())
        .sort("row")
    )
    return [_Seen(unit, row) for unit, row in firsts.iter_rows()]


def _one(
    seen: Sequence[_Seen], column: str, expected: str | None, declared: str | None, places: Places
) -> list[Violation]:
    """One unit in all rows, and the one that is expected."""
    apart = {canonical(one.unit): one for one in reversed(seen)}
    if len(apart) > 1:
        both = sorted(apart.values(), key=lambda one: one.row)
        examples = tuple(f"{_place(one.row, places)}: `{one.unit}`" for one in both[:5])
        message = (
            f"changes its unit: {', '.join(f'`{one.unit}`' for one in both[:5])}. Declare the rules under "
            f"`conversions` and say `units: {{{column}: as_recorded}}`."
        )
        part, _ = places.part(both[1].row)
        line = places.line(both[1].row)
        return [Violation(message, part.name, line, key=column, count=len(both), examples=examples)]
    if seen and expected is not None and not same(seen[0].unit, expected):
        part, _ = places.part(seen[0].row)
        who = "`units` of the source says" if declared else "the contract says"
        unit = shorten(seen[0].unit, 20)
        hint = "" if declared else f"; if values are to be converted, say `units: {{{column}: {unit}}}`"
        message = f"the data say `{unit}`, {who} `{expected}`{hint}."
        return [Violation(message, part.name, places.line(seen[0].row), key=column, found=seen[0].unit)]
    return []


def _place(row: int, places: Places) -> str:
    part, inner = places.part(row)
    line = places.line(row)
    return f"{part.name}, {f'row {inner + 1:,}' if line is None else f'line {line:,}'}"


def _converted(
    values: pl.Series,
    given: pl.Series,
    seen: Sequence[_Seen],
    spec: Column,
    conversions: Sequence[Conversion],
    *,
    places: Places,
) -> tuple[pl.Series, list[Violation]]:
    """Each row by the rule of its unit."""
    target, file, column = spec.unit, places.parts[0].name, values.name
    if target is None or spec.type != "number" or not values.dtype.is_numeric():
        message = f"`as_recorded` converts numbers that have a unit in the contract; `{column}` is none."
        return values, [Violation(message, file=file, key=column)]
    violations: list[Violation] = []
    bare = (given.is_null() & values.is_not_null()).arg_true()
    if len(bare):
        message = "the data name no unit here, so no rule can be chosen."
        rows = bare.head(5).to_list()
        violations.append(places.violation(message, rows, [None] * len(rows), key=column, count=len(bare)))
    rules: dict[str, Conversion] = {}
    for one in seen:
        if same(one.unit, target):
            continue
        rule = units.find(conversions, one.unit, target) or units.find(
            conversions, canonical(one.unit), target
        )
        if rule is None:
            part, _ = places.part(one.row)
            violations.append(units.no_rule(conversions, one.unit, target, file=part.name, key=column))
        else:
            rules[one.unit] = rule
    result = values.cast(pl.Float64)
    for unit, rule in rules.items():
        result = pl.select(
            pl.when((given == unit).fill_null(False))
            .then(units.convert(pl.lit(result), rule))
            .otherwise(pl.lit(result))
        ).to_series()
    return result.alias(values.name), violations
