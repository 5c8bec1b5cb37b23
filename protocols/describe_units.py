"""Units of time in words: how rows of both sides become one value each before they are paired."""

from __future__ import annotations

from .describe_parts import joined
from .model import Column, Pairing, Protocol, Table
from .streams import Alignment, Reduction, Unit

_NUMBERS = {
    "mean": "the mean of its rows",
    "median": "the median of its rows",
    "time_weighted": "the mean of its rows weighted by the time that each stands for",
    "beat_weighted": "the mean of its rows weighted by the beats that each stands for",
}
_CATEGORIES = {
    "majority": "the level with most time (of equals the first one declared)",
    "uniform": "the level that all of its rows have, or none",
}


def sentences(protocol: Protocol, pairing: Pairing) -> list[str]:
    """How rows become units of time and these become pairs, a sentence a rule.

    Args:
        protocol: Resolved protocol.
        pairing: One of its pairings, by windows, epochs or sessions.
    """
    unit = pairing.unit or Unit()
    reference, test = protocol.tables[pairing.reference], protocol.tables[pairing.test]
    equal = joined([name.replace("_", " ") for name in pairing.on or ()])
    time = reference.columns.get(reference.time or "")
    rows = f"Rows of {pairing.reference} and rows of {pairing.test} with equal {equal}"
    if pairing.method == "sessions":
        one = "stretch" if unit.within else "session"
        found = [f"{rows} are first brought to one row a {one}; those of the same {one} form a pair."]
    else:
        found = [
            f"{rows} are first brought to one row a unit of time: {_units(pairing, unit, time)}; units with "
            "the same start form a pair."
        ]
    if unit.within is not None:
        found.append(
            f"Only time within the stretches of `{unit.within.table}` counts, from `{unit.within.start}` to "
            f"`{unit.within.end}`; rows outside of them are counted and enter nothing."
        )
    if pairing.method != "sessions" and (unit.within is not None or unit.origin == "session"):
        cut = "are left out and counted" if unit.partial == "counted" else "are kept with the time they have"
        found.append(f"Units that are cut off at the end {cut}.")
    if pairing.method != "sessions":
        found.append(_belongs(unit, (reference, test)))
    if unit.reference == unit.test:
        found += _reduced("On both sides", unit.reference, (reference, test))
    else:
        found += _reduced(f"In {pairing.reference}", unit.reference, (reference,))
        found += _reduced(f"In {pairing.test}", unit.test, (test,))
    if pairing.alignment is not None:
        found.append(clocks(pairing.alignment))
    return found


def _units(pairing: Pairing, unit: Unit, time: Column | None) -> str:
    if unit.origin == "session":
        origin = "the first reference row" if unit.within is None else "the start of the stretch"
    else:
        dates = time is not None and time.type == "datetime"
        origin = "midnight UTC" if dates else "zero"
    return f"{pairing.method} of {unit.length}, counted from {origin}"


def _belongs(unit: Unit, tables: tuple[Table, Table]) -> str:
    """Which unit a row belongs to."""
    words = f"A row belongs to the unit that holds the {unit.place} of the time it stands for"
    stands = dict.fromkeys(
        f"`{table.duration}`" if table.duration else str(table.interval)
        for table in tables
        if table.duration or table.interval
    )
    held = "; a row that stands for more than a unit counts in every unit whose own point it holds"
    return f"{words}{f' ({joined(list(stands))})' if stands else ''}{held}."


def _reduced(where: str, how: Reduction, tables: tuple[Table, ...]) -> list[str]:
    """How one side's rows become one value."""
    types = {column.type for table in tables for column in table.columns.values()}
    parts = []
    if types & {"number", "integer"}:
        parts.append(f"a number is {_NUMBERS[how.numbers]}")
    if "category" in types:
        parts.append(f"a category is {_CATEGORIES[how.categories]}")
    found = [f"{where}, {joined(parts)}."] if parts else []
    if how.min_coverage > 0:
        found.append(
            f"{where}, rows with a value have to cover at least {how.min_coverage:.6g} of the unit's time; "
            "otherwise it has none."
        )
    if how.unscored == "ignored" and any(
        column.indeterminate for table in tables for column in table.columns.values()
    ):
        found.append(f"{where}, levels that are no result are not scored time and cannot be the majority.")
    return found


def clocks(one: Alignment) -> str:
    """How the two clocks are held against each other, in a sentence."""
    by = "by the signals" if one.by == "signals" else f"by marked events ({joined(list(one.events))})"
    drift = " and its linear drift" if one.drift == "linear" else ""
    applied = "and corrected before pairing" if one.apply else "and reported, without correcting it"
    return (
        f"The offset of the test device's clock{drift} is estimated {by}, up to {one.search} either way, "
        f"{applied}."
    )
