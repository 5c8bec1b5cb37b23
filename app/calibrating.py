"""What `calibrate` prints. It computes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ..protocols.errors import UsageError
from ..studies.calibration_folder import (
    COMPARED_HEADS,
    HEADS,
    Calibration,
    compared_lines,
    lines,
    rate_text,
)
from .tables import Fitting, plain_table

_RIGHT = {"Truth", "Subjects", "Width"}


def truths(given: Sequence[str]) -> dict[str, list[float]]:
    """Endpoint -> true values that `--truth` names.

    Raises:
        UsageError: One of them is not `ID=VALUE`; all of them are named.

    Example:
        >>> truths(["mae=5", "mae=6.5"])
        {'mae': [5.0, 6.5]}
    """
    found: dict[str, list[float]] = {}
    problems = []
    for text in given:
        name, _, value = text.partition("=")
        try:
            found.setdefault(name.strip(), []).append(float(value))
        except ValueError:
            problems.append(f"--truth: `{text}` is not `ID=VALUE`, such as `sensitivity=0.95`")
    if problems:
        raise UsageError("; ".join(problems))
    return found


def report(found: Calibration) -> Iterator[RenderableType]:
    """One line a truth, how test values were moved, the study as a whole, and what it rests on."""
    document = found.document
    yield Fitting(table(found))
    for one in document["endpoints"]:
        for scene in one["scenarios"]:
            if scene["note"]:
                yield Text(f"  {one['endpoint']}, {scene['title']}: {scene['note']}", style="yellow")
    ways = {
        one["endpoint"]: scene["way_words"]
        for one in document["endpoints"]
        for scene in one["scenarios"]
        if scene["way"] not in {None, "none"}
    }
    for name, way in ways.items():
        yield Text(f"  {name} was moved by: {way}")
    yield from _joint(document["joint"])
    if document["comparison"] is not None:
        yield from _compared(document)
    yield Text(
        f"{document['studies']:,} simulated studies of {document['n_subjects']} subjects at each truth, from "
        f"run {document['source_run']}, version {document['version']}; in brackets the 95% interval of a "
        "rate for that number of studies."
    )


def table(found: Calibration) -> Table:
    """One line a truth."""
    shown = plain_table("Operating characteristics: how often simulated studies decide what")
    for name in HEADS:
        shown.add_column(name, justify="right" if name in _RIGHT else "left", overflow="fold")
    for cells in lines(found.document):
        shown.add_row(*(Text(cell) for cell in cells))
    return shown


def _compared(document: Mapping[str, Any]) -> Iterator[RenderableType]:
    """One line an endpoint, candidate and true improvement."""
    baseline = document["comparison"]["baseline"]
    shown = plain_table(f"How often simulated comparisons with {baseline} decide what")
    for name in COMPARED_HEADS:
        shown.add_column(name, justify="right" if name == "Improvement" else "left", overflow="fold")
    for cells in compared_lines(document):
        shown.add_row(*(Text(cell) for cell in cells))
    yield Fitting(shown)
    for left in document["comparison"]["left_out"]:
        yield Text(f"  Left out, {left['endpoint']}: {left['words']}.", style="yellow")


def _joint(joint: Mapping[str, Any]) -> Iterator[Text]:
    if joint["error"]:
        yield Text(f"The study as a whole: {joint['error']}", style="yellow")
        return
    told = ", ".join(
        f"{name.replace('_', ' ')} {rate_text(one)}%" for name, one in joint["decisions"].items() if one["n"]
    )
    yield Text(f"The study as a whole, all as observed: {told}")


def facts(found: Calibration) -> dict[str, Any]:
    """The JSON answer: where it is, and everything that was found."""
    document = found.document
    kept = (
        "version", "source_run", "studies", "replicates", "seed", "mc_level", "n_subjects", "endpoints",
        "joint", "comparison", "method", "assumptions",
    )  # fmt: skip
    return {
        "calibration": found.run_id,
        "folder": None if found.folder is None else str(found.folder.resolve()),
        **{name: document[name] for name in kept},
        "exit_code": 0,
    }
