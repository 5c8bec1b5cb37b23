"""Cross-checks and defaults of events: columns that say what each event is, and how events are matched."""

from __future__ import annotations

from collections.abc import Mapping

from ..evaluators.rhythm.labels import CLASSES, DE_CHAZAL, WFDB, LabelMap
from .base import Quantity
from .context import EVENTS, TIME_UNITS, Context
from .events import Event, Matching
from .model import Column, Pairing, Table
from .nodes import Path
from .shape import listed
from .unit_checks import check_quantity, check_times, check_within

MAPS: Mapping[str, LabelMap] = {"wfdb": WFDB, "de_chazal": DE_CHAZAL}
"""Tables from symbols to classes by the names that protocols give them."""
TOLERANCE, LEARNING = Quantity(value=150, unit="ms"), Quantity(value=5, unit="min")
"""Of beats: those of EC57."""
_RATES = ("Hz", "1/s")


def check_event(context: Context, path: Path, table: Table, column: Column) -> None:
    """The labels are a column of the data, and each class they mean is a level."""
    spec = column.event
    if spec is None:
        return
    place: Path = (*path, "event")
    levels = column.levels or ()
    if column.type != "category":
        context.report(path, f"an event is a category, and this column is `{column.type}`", at_key=True)
    if column.from_ is not None or column.measure is not None:
        context.report(place, "a column is made by `from`, `measure` or `event`; keep one", at_key=True)
    if table.time is None:
        context.report(place, "events need the table's `time`, and it names none", at_key=True)
    for key, level in (("none", spec.none), ("unreadable", spec.unreadable)):
        if level is not None and levels:
            context.known((*place, key), level, levels, "level")
    if spec.map is None:
        for key in ("unreadable", "subtype"):
            if getattr(spec, key) is not None:
                context.report((*place, key), "this belongs to the symbols of WFDB annotations (`map`)")
    elif spec.subtype is not None and context.known(
        (*place, "subtype"), spec.subtype, table.columns, "column"
    ):
        found = table.columns[spec.subtype]
        if found.type != "integer" or found.missing == "allowed" or not found.required:
            message = "a subtype is a whole number that is never missing"
            context.report((*place, "subtype"), message, found.type)
    _check_labels(context, place, table, spec, levels)


def _check_labels(context: Context, place: Path, table: Table, spec: Event, levels: tuple[str, ...]) -> None:
    accepted = CLASSES if spec.map is not None else tuple(level for level in levels if level != spec.none)
    for label, meaning in spec.classes.items():
        context.known((*place, "classes", label), meaning, accepted, "class")
        if label in spec.ignored:
            context.report((*place, "classes", label), "this label is ignored, too", at_key=True)
    if spec.map is not None:
        unknown = sorted(set(CLASSES) - set(levels))
        if levels and unknown:
            message = f"these classes of beats are no levels of the column: {listed(unknown)}"
            context.report((*place, "map"), message, spec.map)
    if not context.known((*place, "of"), spec.of, table.columns, "column"):
        return
    source = table.columns[spec.of]
    if source.made or source.type not in {"text", "category"} or spec.of in {table.subject, table.time}:
        message = "events are labelled by a text or a category that the data bring"
        context.report((*place, "of"), message, spec.of)
    elif source.type == "category" and spec.map is None:
        classes = classes_of(spec, levels, source.levels or ())
        unclear = [one for one in source.levels or () if one not in classes and one not in spec.ignored]
        if unclear:
            message = (
                f"say in `classes` what {listed(unclear)} {'is' if len(unclear) == 1 else 'are'}, or in "
                "`ignored` that it is no event"
            )
            context.report(place, message, at_key=True)


def classes_of(spec: Event, levels: tuple[str, ...], labels: tuple[str, ...]) -> dict[str, str]:
    """Label -> class: what is written, and labels that are called like a level."""
    own = {one: one for one in labels if one in levels and one != spec.none and one not in spec.ignored}
    return {**own, **spec.classes}


def labels_of(spec: Event) -> LabelMap:
    """The symbols of annotations, with the classes that the protocol gives to some of them."""
    base = MAPS[spec.map or "wfdb"]
    others = (base.others | frozenset(spec.ignored)) - frozenset(spec.classes)
    beats = {**{one: found for one, found in base.beats.items() if one not in others}, **spec.classes}
    return LabelMap(base.name, beats, others)


def resolve_event(column: Column, table: Table) -> Column:
    """The column with its classes written out; it is never empty once events are matched."""
    spec = column.event
    if spec is None:
        return column
    source = table.columns.get(spec.of)
    if spec.map is None and source is not None and source.levels:
        classes = classes_of(spec, column.levels or (), source.levels)
        spec = spec.model_copy(update={"classes": classes})
    return column.model_copy(update={"event": spec, "missing": "refused", "required": True})


def resolve_matching(context: Context, path: Path, pairing: Pairing) -> Matching | None:
    """How events are matched, with its defaults written out, checked; None with other methods."""
    place: Path = (*path, "match")
    match = pairing.match
    if pairing.method != EVENTS:
        if match is not None:
            message = f"events are matched by `method: events`, and the method is `{pairing.method}`"
            context.report(place, message, at_key=True)
        return match
    match = match or Matching()
    scales = check_times(context, path, pairing)
    if scales and not scales <= set(TIME_UNITS):
        context.report(path, f"events need times in a unit of time: {listed(TIME_UNITS)}", at_key=True)
    update = {side: _column(context, place, pairing, side, match) for side in ("reference", "test")}
    match = match.model_copy(update={key: name for key, name in update.items() if name is not None})
    if match.within is not None:
        check_within(context, (*place, "within"), match.within, pairing, scales)
    for key in ("tolerance", "learning"):
        quantity = getattr(match, key)
        if quantity is not None:
            check_quantity(context, (*place, key), quantity, set(TIME_UNITS), f"the {key}", positive=False)
    if match.by == "beats":
        return _of_beats(context, place, pairing, match)
    _check_generic(context, path, pairing, match)
    return match


def _column(context: Context, place: Path, pairing: Pairing, side: str, match: Matching) -> str | None:
    """The event column of a side: the one named, or the only one."""
    name, table = getattr(match, side), context.protocol.tables[getattr(pairing, side)]
    names = [one for one, column in table.columns.items() if column.event is not None]
    if name is not None:
        return name if context.known((*place, side), name, names, "event column") else None
    if len(names) == 1:
        return names[0]
    message = (
        f"say which event column of `{getattr(pairing, side)}` is matched (`match.{side}`): {listed(names)}"
        if names
        else f"table `{getattr(pairing, side)}` has no column that says what an event is; add one (`event`)"
    )
    context.report(place[:-1], message, at_key=True)
    return None


def _of_beats(context: Context, place: Path, pairing: Pairing, match: Matching) -> Matching:
    """Beats: symbols of annotations, counted in samples."""
    if match.rate is None:
        message = "`by: beats` counts in samples: give the recording's `rate`, such as `360 Hz`"
        context.report(place, message, at_key=True)
    elif match.rate.unit not in _RATES or not match.rate.value > 0:
        message = "expected samples a second above 0, such as `360 Hz`"
        context.report((*place, "rate"), message, str(match.rate))
    for key in ("same_class", "least_overlap"):
        if getattr(match, key):
            context.report((*place, key), "this does not belong to `by: beats`", getattr(match, key))
    for side in ("reference", "test"):
        spec = _spec(context, pairing, side, match)
        if spec is not None and spec.map is None:
            message = "`by: beats` reads symbols of WFDB annotations: the event column needs `map`"
            context.report((*place, side), message, getattr(match, side), at_key=True)
    return match.model_copy(
        update={"tolerance": match.tolerance or TOLERANCE, "learning": match.learning or LEARNING}
    )


def _check_generic(context: Context, path: Path, pairing: Pairing, match: Matching) -> None:
    """Points have a tolerance, and intervals a duration."""
    place: Path = (*path, "match")
    if match.rate is not None:
        context.report((*place, "rate"), "samples are counted by `by: beats`", str(match.rate))
    if match.mode != "corrected":
        context.report((*place, "mode"), "there is no other program to follow but by `by: beats`", match.mode)
    if match.by == "points":
        if match.tolerance is None:
            message = "points need a `tolerance`: the largest accepted distance in time, such as `5 s`"
            context.report(place, message, at_key=True)
        if match.least_overlap:
            context.report((*place, "least_overlap"), "points do not overlap", match.least_overlap)
        return
    if match.tolerance is not None:
        message = "intervals overlap or they do not; a tolerance belongs to points"
        context.report((*place, "tolerance"), message, str(match.tolerance))
    for side in ("reference", "test"):
        table = context.protocol.tables[getattr(pairing, side)]
        if table.duration is None and table.interval is None:
            message = "intervals last: the table needs `duration` (a column) or `interval`"
            context.report((*path, side), message, getattr(pairing, side))


def _spec(context: Context, pairing: Pairing, side: str, match: Matching) -> Event | None:
    column = context.protocol.tables[getattr(pairing, side)].columns.get(getattr(match, side) or "")
    return None if column is None else column.event
