"""Cross-checks and defaults of pairings: which columns must be equal, which times and tolerances fit."""

from __future__ import annotations

from . import event_checks, unit_checks
from .alignment_checks import resolve_alignment
from .context import Context
from .model import Column, Pairing
from .nodes import Path
from .shape import listed
from .unit_checks import check_quantity


def resolve_pairing(context: Context, name: str, pairing: Pairing) -> Pairing:
    """The pairing with its columns written out."""
    path: Path = ("pairings", name)
    tables = context.protocol.tables
    both = [
        context.known((*path, side), table, tables, "table")
        for side, table in (("reference", pairing.reference), ("test", pairing.test))
    ]
    if not all(both):
        context.broken.add(name)
        return pairing
    if pairing.reference == pairing.test:
        message = "reference and test are two tables; a file that holds both is read once for each"
        context.report((*path, "test"), message, pairing.test)
        context.broken.add(name)
        return pairing
    reference, test = tables[pairing.reference], tables[pairing.test]
    if reference.subject != test.subject:
        message = (
            f"both tables must give the subject column the same name; `{pairing.reference}` has "
            f"`{reference.subject}` and `{pairing.test}` has `{test.subject}`"
        )
        context.report(path, message, at_key=True)
        context.broken.add(name)
        return pairing
    aside = set() if pairing.method == "key" else {reference.time, test.time}
    on = pairing.on
    if on is None:
        common = [key for key in reference.key if key in test.key and key not in aside]
        on = (reference.subject, *(key for key in common if key != reference.subject))
    _check_on(context, path, pairing, on, aside)
    if pairing.method == "nearest":
        _check_nearest(context, path, pairing)
    else:
        if pairing.tolerance is not None:
            message = "a tolerance belongs to `method: nearest`"
            context.report((*path, "tolerance"), message, str(pairing.tolerance))
        if pairing.lone_test != "listed":
            context.report((*path, "lone_test"), "this belongs to `method: nearest`", pairing.lone_test)
    unit = unit_checks.resolve_unit(context, path, pairing)
    match = event_checks.resolve_matching(context, path, pairing)
    alignment = resolve_alignment(context, path, pairing)
    return pairing.model_copy(update={"on": on, "unit": unit, "match": match, "alignment": alignment})


def _check_on(
    context: Context, path: Path, pairing: Pairing, on: tuple[str, ...], aside: set[str | None]
) -> None:
    reference, test = context.protocol.tables[pairing.reference], context.protocol.tables[pairing.test]
    for index, name in enumerate(on):
        place = (*path, "on", index)
        common = [one for one in reference.columns if one in test.columns]
        if not context.known(place, name, common, "column in both tables"):
            continue
        types = reference.columns[name].type, test.columns[name].type
        if types[0] != types[1]:
            message = f"the tables give this column different types: `{types[0]}` and `{types[1]}`"
            context.report(place, message, name)
        if name in aside:
            how = (
                "compared by `tolerance` and not by equality"
                if pairing.method == "nearest"
                else "cut into units and is not compared by equality"
            )
            context.report(place, f"with `{pairing.method}`, the time is {how}", name)
    if reference.subject not in on:
        context.report(
            (*path, "on"), f"rows of different subjects cannot pair; add `{reference.subject}`", ", ".join(on)
        )
    if pairing.method == "key":
        for table_name, table in ((pairing.reference, reference), (pairing.test, test)):
            missing = [key for key in table.key if key not in on and key in table.columns]
            if missing:
                message = (
                    f"several rows of `{table_name}` could pair with one row, because its key also has "
                    f"{listed(missing)}; pair on the whole key, or use `method: nearest`"
                )
                context.report((*path, "on"), message, ", ".join(on))


def _check_nearest(context: Context, path: Path, pairing: Pairing) -> None:
    tables = context.protocol.tables
    times: list[Column] = []
    for side, name in (("reference", pairing.reference), ("test", pairing.test)):
        table = tables[name]
        if table.time is None:
            context.report(
                (*path, side), "`nearest` needs the table's `time` column, and this table names none", name
            )
        elif table.time in table.columns:
            times.append(table.columns[table.time])
    if len(times) == 2:
        kinds = ["datetime" if column.type == "datetime" else f"numbers in {column.unit}" for column in times]
        if kinds[0] != kinds[1]:
            message = f"the tables measure time differently: {kinds[0]} and {kinds[1]}"
            context.report(path, message, at_key=True)
    if pairing.tolerance is None:
        message = "`nearest` needs a `tolerance`: the largest accepted distance in time, such as `5 s`"
        context.report(path, message, at_key=True)
        return
    scales = {str(column.unit) for column in times if column.type != "datetime" and column.unit}
    check_quantity(context, (*path, "tolerance"), pairing.tolerance, scales, "the tolerance", positive=False)
