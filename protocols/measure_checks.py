"""Cross-checks and defaults of measures: columns that say what the rows of a unit of time amount to."""

from __future__ import annotations

from collections.abc import Mapping

from ..evaluators import measures
from ..evaluators.measures import Measure
from .context import TIME_UNITS, Context
from .metrics import resolve_parameters
from .model import Column, Table
from .nodes import Path
from .shape import listed
from .streams import Measured

_NUMBERS = ("number", "integer")


def check_measure(context: Context, path: Path, table: Table, column: Column) -> None:
    """The measure is known, and its column, unit, classes, parameters and times serve it."""
    spec = column.measure
    if spec is None:
        return
    place: Path = (*path, "measure")
    if column.type != "number":
        context.report(path, f"a measure is a number, and this column is `{column.type}`", at_key=True)
    if column.from_ is not None:
        context.report(place, "a column is made by `from` or by `measure`; keep one", at_key=True)
    if not context.known((*place, "name"), spec.name, measures.names(), "measure"):
        return
    measure = measures.get(spec.name)
    if column.type == "number" and column.unit not in {None, measure.unit}:
        message = f"{measure.title} is in `{measure.unit}`"
        context.report((*path, "unit"), message, column.unit, measure.unit)
    _check_time(context, place, table, measure)
    if context.known((*place, "of"), spec.of, table.columns, "column"):
        _check_source(context, place, table, spec, measure)
    given = resolve_parameters(context, place, measure, spec.parameters)
    if spec.of in table.columns and measure.kind == "category":
        classes = classes_of(table.columns[spec.of], spec, measure).values()
        refusal = measure.refusal([one for one in classes if one in measure.classes], given)
        if refusal is not None:
            context.report(place, f"{measure.title}: {refusal}", at_key=True)


def _check_source(context: Context, place: Path, table: Table, spec: Measured, measure: Measure) -> None:
    source = table.columns[spec.of]
    accepted = _NUMBERS if measure.kind == "number" else ("category",)
    if source.made or spec.of in {table.subject, table.time, table.exclusion, *table.key}:
        message = "rows are measured by a value column that the data bring"
        context.report((*place, "of"), message, spec.of)
    elif source.type not in accepted:
        words = " or ".join(f"`{one}`" for one in accepted)
        message = f"{measure.title} is made of a column of type {words}, and this one is `{source.type}`"
        context.report((*place, "of"), message, spec.of)
    elif measure.kind == "number":
        if measure.units and source.unit not in measure.units:
            message = f"{measure.title} needs `{spec.of}` in {listed(measure.units)}"
            context.report((*place, "of"), message, source.unit or "no unit")
        if spec.classes:
            context.report((*place, "classes"), "only categories have classes", at_key=True)
    else:
        _check_classes(context, place, source, spec, measure)


def _check_classes(context: Context, place: Path, source: Column, spec: Measured, measure: Measure) -> None:
    for level, meaning in spec.classes.items():
        here: Path = (*place, "classes", level)
        if context.known(here, level, source.levels or (), "level", at_key=True):
            context.known(here, meaning, measure.classes, "class")
        if level in source.indeterminate:
            context.report(here, "this level is no result, and can have no class", meaning)
    known = classes_of(source, spec, measure)
    unclear = [one for one in source.levels or () if one not in known and one not in source.indeterminate]
    if unclear:
        message = (
            f"say in `classes` what {listed(unclear)} {'is' if len(unclear) == 1 else 'are'} to "
            f"{measure.title}; accepted: {listed(measure.classes)}"
        )
        context.report((*place, "classes") if spec.classes else place, message, at_key=True)


def classes_of(source: Column, spec: Measured, measure: Measure) -> Mapping[str, str]:
    """Level -> class: what is written, and levels that are called like a class (in capitals or not)."""
    by_name = {one.casefold(): one for one in measure.classes}
    return {
        level: spec.classes.get(level, by_name.get(level.casefold(), ""))
        for level in source.levels or ()
        if level not in source.indeterminate and (level in spec.classes or level.casefold() in by_name)
    }


def _check_time(context: Context, place: Path, table: Table, measure: Measure) -> None:
    """Measures need to know when a row is, and how long it lasts, in units of time."""
    time = table.columns.get(table.time or "")
    if table.time is None or (table.interval is None and table.duration is None):
        message = (
            f"{measure.title} needs the table's `time`, and `interval` or `duration`: the time that a row "
            "stands for"
        )
        context.report(place, message, at_key=True)
    elif time is not None and time.type in _NUMBERS and time.unit is not None and time.unit not in TIME_UNITS:
        message = f"{measure.title} needs times in a unit of time: {listed(TIME_UNITS)}"
        context.report(place, message, time.unit, at_key=True)


def resolve_measured(context: Context, column: Column, table: Table) -> Column:
    """The column with its unit, classes and parameters written out; empty where rows make no measure."""
    spec = column.measure
    if spec is None or spec.name not in measures.names():
        return column
    measure, source = measures.get(spec.name), table.columns.get(spec.of)
    classes = dict(classes_of(source, spec, measure)) if source is not None else spec.classes
    aside = Context(context.protocol)  # what is wrong was reported already
    parameters = resolve_parameters(aside, (), measure, spec.parameters)
    written = spec.model_copy(update={"classes": classes, "parameters": parameters})
    return column.model_copy(
        update={"measure": written, "unit": measure.unit, "missing": "allowed", "required": True}
    )
