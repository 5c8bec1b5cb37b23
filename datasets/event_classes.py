"""What the rows of a table of events are: the class of each label, and which rows are no events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..evaluators.metric import IntArray
from ..evaluators.rhythm.labels import CLASSES, LabelMap
from ..protocols.errors import Violation
from ..protocols.event_checks import labels_of
from ..protocols.events import Event
from .moments import Mask, Timeline
from .sides import called

_SEGMENTS = ("[", "]", "~")
"""Symbols that are no beats and that the rule of beats reads: fibrillation, and what cannot be read."""
_FLUTTER, _ASIDE = "!", '"'
_SHOWN = 8


@dataclass(frozen=True, eq=False)
class Labelled:
    """The rows of one side, in the order of its stream.

    Attributes:
        levels: Levels of the event column.
        place: (n,) place of each row's class in `levels`, -1 for what is no event.
        event: (n,) whether the row is an event.
        read: (n,) whether the row is looked at: an event or, of beats, the end of a segment.
        symbols: (n,) symbols that mean the same by the table of WFDB; of beats only.
        subtype: (n,) subtypes of annotations; of beats only.
        none: Place of the level that stands for no event.
        unreadable: Place of the level that stands for what could not be read.
    """

    levels: tuple[str, ...]
    place: IntArray
    event: Mask
    read: Mask
    symbols: NDArray[np.str_]
    subtype: IntArray
    none: int
    unreadable: int


def labelled(stream: Timeline, name: str) -> tuple[Labelled, list[Violation]]:
    """The classes of a side's rows, or the labels that mean nothing.

    Args:
        stream: The rows.
        name: The event column.
    """
    table = stream.side.table
    column = table.columns[name]
    spec, levels = column.event, column.levels or ()
    if spec is None:
        raise ValueError(f"`{name}` is no event column")
    labels = stream.side.frame[called(spec.of, table)].cast(pl.String)
    unique = labels.unique().sort().to_list()
    meaning, problems = _meanings(spec, levels, [one for one in unique if one is not None])
    if labels.null_count():
        problems.append("rows without a label")
    if problems:
        counts = dict(labels.value_counts().iter_rows())
        listed = [f"{one} ({counts.get(one.strip('`'), labels.null_count()):,} rows)" for one in problems]
        more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
        message = (
            f"labels of `{stream.side.name}` that neither are of a class nor `ignored`: "
            f"{', '.join(listed[:_SHOWN])}{more}."
        )
        key = f"tables.{stream.side.name}.columns.{name}.event"
        return _nothing(levels), [Violation(message, key=key, count=len(problems))]
    place = {one: levels.index(found) if found is not None else -1 for one, found in meaning.items()}
    at = labels.replace_strict(place, default=-1, return_dtype=pl.Int64).to_numpy().astype(np.int64)
    event, symbols = at >= 0, np.zeros(0, dtype=np.str_)
    read, subtype = event, np.zeros(0, dtype=np.int64)
    if spec.map is not None:
        own = {one: _symbol(labels_of(spec), one, found) for one, found in meaning.items()}
        symbols = (
            labels.replace_strict(own, default=_ASIDE, return_dtype=pl.String).to_numpy().astype(np.str_)
        )
        read = event | (symbols != _ASIDE)
        subtype = np.zeros(len(labels), dtype=np.int64)
        if spec.subtype is not None:
            subtype = stream.side.frame[called(spec.subtype, table)].to_numpy().astype(np.int64)
    none = levels.index(spec.none)
    unreadable = none if spec.unreadable is None else levels.index(spec.unreadable)
    return Labelled(levels, at, event, read, symbols, subtype, none, unreadable), []


def _meanings(
    spec: Event, levels: tuple[str, ...], labels: list[str]
) -> tuple[dict[str, str | None], list[str]]:
    """Label -> class, None for what is no event; and the labels that are neither."""
    found: dict[str, str | None] = {}
    unknown: list[str] = []
    beats = None if spec.map is None else labels_of(spec)
    for label in labels:
        if beats is not None:
            try:
                known = beats.class_of(label)
            except KeyError:
                unknown.append(f"`{label}`")
                continue
            found[label] = known if known in CLASSES else None
        elif label in spec.classes:
            found[label] = spec.classes[label]
        elif label in spec.ignored:
            found[label] = None
        elif label in levels and label != spec.none:
            found[label] = label
        else:
            unknown.append(f"`{label}`")
    return found, unknown


def _symbol(beats: LabelMap, label: str, found: str | None) -> str:
    """The symbol of the table of WFDB that means the same."""
    if found is not None:
        return found
    if beats.class_of(label) == "O":
        return _FLUTTER
    return label if label in _SEGMENTS else _ASIDE


def _nothing(levels: tuple[str, ...]) -> Labelled:
    none = np.zeros(0, dtype=np.int64)
    nobody = np.zeros(0, dtype=bool)
    return Labelled(levels, none, nobody, nobody, np.zeros(0, dtype=np.str_), none, -1, -1)
