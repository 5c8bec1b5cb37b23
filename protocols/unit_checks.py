"""Cross-checks and defaults of streams: time that rows stand for, units of time."""

from __future__ import annotations

from .base import Quantity
from .context import TIME_UNITS, UNIT_NAMES, Context
from .errors import nearest
from .model import Column, Pairing, Table
from .nodes import Path
from .shape import listed
from .streams import Unit, Within

NUMBERS = ("number", "integer")
RATES = ("1/min", "1/s", "bpm", "beats/min", "Hz")
"""Units of a rate between beats: only these can be weighted by beats."""
_STEPS = dict(zip(TIME_UNITS, (1, 1e3, 1e6, 6e7, 3.6e9, 8.64e10), strict=True))
LONGEST = 3e17
"""Most steps (microseconds) of a stretch of time: times are whole 64-bit numbers."""
_OTHER_WORDS = {
    "sec": "s",
    "second": "s",
    "seconds": "s",
    "m": "min",
    "mins": "min",
    "minute": "min",
    "minutes": "min",
    "msec": "ms",
    "millisecond": "ms",
    "milliseconds": "ms",
    "hr": "h",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
}
"""What people write for a unit of time, and how it is written here."""
_DEFAULTS: dict[str, dict[str, str]] = {
    "windows": {"origin": "clock", "place": "start"},
    "epochs": {"origin": "session", "place": "middle"},
    "sessions": {"origin": "session", "place": "start"},
}


def scale_of(column: Column) -> str:
    """The unit in which a time column counts: `us` for dates and times."""
    return "us" if column.type == "datetime" else str(column.unit)


def check_quantity(
    context: Context, path: Path, quantity: Quantity, scales: set[str], what: str, *, positive: bool = True
) -> bool:
    """Whether a stretch of time is positive and counts in a unit that fits the times; reports it if not.

    Args:
        context: Of this pass.
        path: Where the quantity stands.
        quantity: The stretch.
        scales: Units in which the tables' times count, as far as known.
        what: The stretch in words, such as `the tolerance`.
        positive: Zero is refused too.
    """
    if quantity.value < 0 or (positive and quantity.value == 0):
        words = "expected a time above 0" if positive else "a distance in time is not negative"
        context.report(path, words, str(quantity))
        return False
    if quantity.value * _STEPS.get(quantity.unit, 1e6) > LONGEST:
        context.report(path, "expected a time of less than 10,000 years", str(quantity))
        return False
    in_time = not scales or scales <= set(TIME_UNITS)
    accepted = list(TIME_UNITS) if in_time else sorted(scales)
    if quantity.unit in accepted:
        return True
    meant = _OTHER_WORDS.get(quantity.unit.lower()) if in_time else nearest(quantity.unit, accepted)
    suggestion = f"{quantity.value:g} {meant}" if meant else None
    context.report(path, f"{what} needs a unit of time: {listed(accepted)}", str(quantity), suggestion)
    return False


def check_streams(context: Context, name: str, table: Table) -> None:
    """What a table says of the time of its rows fits its columns."""
    path: Path = ("tables", name)
    time = table.columns.get(table.time or "")
    said = [key for key in ("interval", "duration") if getattr(table, key) is not None]
    if table.time is None:
        for key in (*said, *(["order"] if table.order == "sorted" else [])):
            message = f"`{key}` speaks of time, and this table names no `time` column"
            context.report((*path, key), message, at_key=True)
    if len(said) == 2:
        message = "rows stand for the same time (`interval`) or for a time of their own; keep one"
        context.report((*path, "duration"), message, table.duration)
    if not said and table.stamp == "end":
        message = "the end of what? Say the time that a row stands for: `interval` or `duration`"
        context.report((*path, "stamp"), message, "end")
    scales = {scale_of(time)} - {"None"} if time is not None else set()
    if table.interval is not None:
        check_quantity(context, (*path, "interval"), table.interval, scales, "the interval")
    if table.duration is not None and table.interval is None:
        _check_duration(context, path, table, scales)


def _check_duration(context: Context, path: Path, table: Table, scales: set[str]) -> None:
    place: Path = (*path, "duration")
    name = str(table.duration)
    if not context.known(place, name, table.columns, "column"):
        return
    column = table.columns[name]
    if column.type not in NUMBERS:
        context.report(place, f"a duration is a number, and `{name}` is `{column.type}`", name)
    elif name == table.time or name in table.key:
        context.report(place, "this column says when a row is, not how long it lasts", name)
    elif not column.required:
        context.report(place, "a duration column cannot be `required: false`", name)
    elif column.unit is None or (
        column.unit not in (TIME_UNITS if not scales or scales <= set(TIME_UNITS) else scales)
    ):
        accepted = TIME_UNITS if not scales or scales <= set(TIME_UNITS) else sorted(scales)
        message = f"a duration needs a unit that can be compared with the time's: {listed(accepted)}"
        context.report(("tables", path[1], "columns", name, "unit"), message, column.unit)


def resolve_unit(context: Context, path: Path, pairing: Pairing) -> Unit | None:
    """The unit of time with its defaults written out, checked; None with other methods."""
    place: Path = (*path, "unit")
    method, unit = pairing.method, pairing.unit
    if method not in _DEFAULTS:
        if unit is not None:
            message = f"a unit of time belongs to {listed(_DEFAULTS)}, and the method is `{method}`"
            context.report(place, message, at_key=True)
        return unit
    if unit is None and method != "sessions":
        message = f"`{method}` need a `unit` with its `length`, such as `unit: {{length: 30 s}}`"
        context.report(path, message, at_key=True)
        return None
    unit = unit or Unit()
    scales = check_times(context, path, pairing)
    if unit.within is not None:
        check_within(context, (*place, "within"), unit.within, pairing, scales)
    _check_length(context, place, unit, method, scales)
    _check_start(context, pairing)
    for side, name in (("reference", pairing.reference), ("test", pairing.test)):
        _check_side(context, path, unit, side, name)
    if method == "epochs":
        _check_epochs(context, path, pairing, unit)
    defaults = {key: value for key, value in _DEFAULTS[method].items() if getattr(unit, key) is None}
    return unit.model_copy(update=defaults)


def check_times(context: Context, path: Path, pairing: Pairing) -> set[str]:
    """Both tables name their time, and the times can be compared; gives the units they count in."""
    kinds: dict[str, str] = {}
    scales: set[str] = set()
    for side, name in (("reference", pairing.reference), ("test", pairing.test)):
        table = context.protocol.tables[name]
        column = table.columns.get(table.time or "")
        if table.time is None and pairing.method != "sessions":
            message = f"`{pairing.method}` need the table's `time` column, and this table names none"
            context.report((*path, side), message, name)
        if column is not None:
            scales |= {scale_of(column)} - {"None"}
            kinds[name] = "datetime" if column.type == "datetime" else f"numbers in {column.unit}"
    datetimes = [kind == "datetime" for kind in kinds.values()]
    if scales and (len(set(datetimes)) > 1 or not (scales <= set(TIME_UNITS) or len(scales) == 1)):
        message = f"the tables measure time differently: {' and '.join(kinds.values())}"
        context.report(path, message, at_key=True)
    return scales


def _check_start(context: Context, pairing: Pairing) -> None:
    """The unit's start has the name of the reference's time; in the test table nothing else has it."""
    reference, test = (context.protocol.tables[name] for name in (pairing.reference, pairing.test))
    if reference.time in test.columns and test.time not in {None, reference.time}:
        message = "the unit's start has this name, that of the reference's time; choose another"
        path: Path = ("tables", pairing.test, "columns", str(reference.time))
        context.report(path, message, reference.time, at_key=True)


def _check_length(context: Context, place: Path, unit: Unit, method: str, scales: set[str]) -> None:
    if method == "sessions":
        for key in ("length", "origin"):
            if getattr(unit, key) is not None and not (key == "origin" and unit.origin == "session"):
                message = f"a session is as long as it is; `{key}` belongs to `windows` and `epochs`"
                context.report((*place, key), message, str(getattr(unit, key)))
    elif unit.length is None:
        context.report(place, f"`{method}` need the `length` of a unit, such as `30 s`", at_key=True)
    else:
        check_quantity(context, (*place, "length"), unit.length, scales, "the length")


def check_within(context: Context, place: Path, within: Within, pairing: Pairing, scales: set[str]) -> None:
    """Stretches come from a third table, one row a stretch of a subject, in the same kind of time."""
    protocol = context.protocol
    others = [name for name in protocol.tables if name not in (pairing.reference, pairing.test)]
    if not context.known((*place, "table"), within.table, others, "further table"):
        return
    table, reference = protocol.tables[within.table], protocol.tables[pairing.reference]
    if table.subject != reference.subject:
        message = (
            f"both tables must give the subject column the same name; `{within.table}` has `{table.subject}` "
            f"and `{pairing.reference}` has `{reference.subject}`"
        )
        context.report((*place, "table"), message, within.table)
    time = reference.columns.get(reference.time or "")
    for key, name in (("start", within.start), ("end", within.end)):
        if not context.known((*place, key), name, table.columns, "column"):
            continue
        column = table.columns[name]
        accepted = "datetime" if time is not None and time.type == "datetime" else "a number with a unit"
        fits = column.type == "datetime" if accepted == "datetime" else column.type in NUMBERS and column.unit
        if not fits or not ({scale_of(column)} | scales <= set(TIME_UNITS) or {scale_of(column)} == scales):
            message = f"a stretch is bounded by moments like the reference's times ({accepted})"
            context.report((*place, key), message, name)
        if column.missing == "allowed" or not column.required:
            context.report((*place, key), "a bound of a stretch is never missing", name)
    if time is None and pairing.method == "sessions":
        message = "stretches of time need the reference table's `time` column, and it names none"
        context.report(place, message, at_key=True)


def _check_side(context: Context, path: Path, unit: Unit, side: str, name: str) -> None:
    """One side's rows say how much time they stand for, as far as its reduction asks for it."""
    table, how = context.protocol.tables[name], getattr(unit, side)
    timed = table.time is not None and (table.interval is not None or table.duration is not None)
    place: Path = (*path, "unit", side)
    needs = "`interval` or `duration`, and `time`" if table.time is None else "`interval` or `duration`"
    if not timed and how.min_coverage > 0:
        message = (
            f"coverage is counted in time, and `{name}` does not say how much of it a row stands for: add "
            f"{needs} to `tables.{name}`, or write `min_coverage: 0`"
        )
        context.report((*path, side), message, name)
    elif not timed and how.numbers in {"time_weighted", "beat_weighted"}:
        message = f"`{how.numbers}` needs the time that a row of `{name}` stands for: {needs}"
        context.report((*place, "numbers"), message, how.numbers)
    if how.numbers == "beat_weighted":
        _check_rates(context, (*place, "numbers"), name, table)
    for taken in UNIT_NAMES:
        if taken in table.columns:
            message = (
                "units of time use this name themselves; choose another (the study maps it to the data's)"
            )
            context.report(("tables", name, "columns", taken), message, taken, at_key=True)
    bands = [
        key for key, column in table.columns.items() if column.from_ and column.from_.column == table.time
    ]
    for key in bands:
        message = "bands of the time have no meaning where rows become units of time"
        context.report(("tables", name, "columns", key, "from"), message, at_key=True)


def _check_rates(context: Context, place: Path, name: str, table: Table) -> None:
    """Only rates, which are never negative, can be weighted by beats."""
    aside = {table.time, table.duration, *table.key}
    numbers = {
        key: column for key, column in table.columns.items() if column.type in NUMBERS and key not in aside
    }
    for key, column in numbers.items():
        if column.unit not in RATES:
            message = (
                f"only rates between beats ({listed(RATES)}) can be weighted by beats, and `{name}.{key}` is "
                f"in `{column.unit or 'no unit'}`; `time_weighted` weights by time"
            )
            context.report(place, message, "beat_weighted", "time_weighted")
        elif column.range is None or column.range[0] is None or column.range[0] < 0:
            message = f"a rate that is a weight is never negative: give `{key}` a `range` from 0 or above"
            context.report(("tables", name, "columns", key), message, at_key=True)


def _check_epochs(context: Context, path: Path, pairing: Pairing, unit: Unit) -> None:
    """Both lengths are declared, and they fit the unit's unless a rule is written that resolves it."""
    tables = context.protocol.tables
    for side, name in (("reference", pairing.reference), ("test", pairing.test)):
        table = tables[name]
        if table.interval is None:
            message = f"epochs have a declared length: add `interval` to `tables.{name}`, such as `30 s`"
            context.report((*path, side), message, name)
        elif unit.length is not None and unit.place is None and not _fit(table.interval, unit.length):
            message = (
                f"epochs of {table.interval} (`{name}`) do not fit units of {unit.length}: neither length is "
                "a whole multiple of the other. Choose a `length` that fits, or write `place` (`middle` or "
                "`start`): the point of an epoch that decides its unit"
            )
            context.report((*path, "unit", "length"), message, str(unit.length))


def _fit(one: Quantity, other: Quantity) -> bool:
    """Whether one length is a whole multiple of the other."""
    low, high = sorted((_micro(one), _micro(other)))
    return low > 0 and (high / low) % 1 == 0


def _micro(quantity: Quantity) -> float:
    return round(quantity.value * _STEPS.get(quantity.unit, 1e6))
