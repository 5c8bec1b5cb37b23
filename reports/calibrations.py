"""Operating characteristics in a report: a calibration of the same protocol, where the study has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..protocols.errors import UsageError
from ..studies.calibration_folder import (
    COMPARED_HEADS,
    HEADS,
    Calibration,
    compared_lines,
    lines,
    rate_text,
)
from . import format as fmt


@dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes:
        caption: What it shows.
        heads: Titles of its columns.
        lines: Cells.
    """

    caption: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Operating:
    """How often the rules of the protocol decide what, where the truth is known.

    Attributes:
        words: How it was found, and what it rests on.
        assumptions: One sentence each.
        tables: Endpoints, and versions compared.
        moved: (endpoint, how its test values were moved).
        joint: The study as a whole, in a sentence.
    """

    words: str
    assumptions: tuple[str, ...]
    tables: tuple[Table, ...]
    moved: tuple[tuple[str, str], ...]
    joint: str


def of_protocol(study: Path, protocol_sha256: str) -> Mapping[str, Any] | None:
    """The study's latest calibration of a protocol; None where there is none."""
    try:
        return Calibration.latest(study, protocol_sha256=protocol_sha256).document
    except UsageError:
        return None


def operating(document: Mapping[str, Any] | None) -> Operating | None:
    """What a report says of a calibration; None without one."""
    if document is None:
        return None
    size = (
        f"{fmt.count(document['studies'])} studies of {fmt.count(document['n_subjects'])} subjects were "
        f"simulated at each truth, with {fmt.count(document['replicates'])} bootstrap replicates within each "
        f"where an interval resamples (calibration {document['run']['id']}, drawn from run "
        f"{document['source_run']}, version {document['version']})."
    )
    tables = [
        Table(
            "How often simulated studies decide what, and how often intervals cover the truth. At the limit "
            "“met” is an error; where the truth is better it is power.",
            HEADS,
            tuple(lines(document)),
        )
    ]
    if document["comparison"] is not None:
        baseline = document["comparison"]["baseline"]
        caption = f"How often simulated comparisons with {baseline} decide what, by the true improvement."
        tables.append(Table(caption, COMPARED_HEADS, tuple(compared_lines(document))))
    moved = {
        one["title"]: scene["way_words"]
        for one in document["endpoints"]
        for scene in one["scenarios"]
        if scene["way"] not in {None, "none"}
    }
    return Operating(
        f"{document['method']} {size}",
        tuple(document["assumptions"]),
        tuple(tables),
        tuple(moved.items()),
        _joint(document["joint"]),
    )


def _joint(joint: Mapping[str, Any]) -> str:
    if joint["error"]:
        return f"The decisions of all endpoints together were not simulated: {joint['error']}."
    told = ", ".join(
        f"{name.replace('_', ' ')} in {rate_text(one)}%"
        for name, one in joint["decisions"].items()
        if one["n"]
    )
    return f"All deciding endpoints together, nothing moved: {told} of the studies."
