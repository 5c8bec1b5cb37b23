"""Log a finished comparison to experiment trackers, through their libraries, as their user configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..datasets.trackers import TRACKERS, first_line
from ..protocols.errors import OutputError, UsageError
from . import tracking_mlflow, tracking_wandb
from .comparison_folder import Comparison


@dataclass(frozen=True)
class Logged:
    """Where one candidate was logged.

    Attributes:
        to: Word of the tracker.
        candidate: The version.
        run: The tracker's identifier of the run.
        where: What the run is found by: the address of the server, or a folder.
    """

    to: str
    candidate: str
    run: str
    where: str


_LOG: Mapping[str, Callable[[Comparison], list[tuple[str, str, str]]]] = {
    "mlflow": tracking_mlflow.log,
    "wandb": tracking_wandb.log,
}


def refuse(to: Sequence[str]) -> None:
    """Refuse trackers that cannot be logged to, before anything is computed.

    Args:
        to: Words of trackers, as asked for.

    Raises:
        UsageError: A word that names no tracker, or one whose library is not there; all are said.
    """
    problems = []
    for word in dict.fromkeys(to):
        if word not in TRACKERS:
            problems.append(f"--log-to: `{word}` is none of {', '.join(TRACKERS)}")
        elif not TRACKERS[word].installed:
            problems.append(f"--log-to {word}: {TRACKERS[word].lacking}")
    if problems:
        raise UsageError("; ".join(problems))


def log(found: Comparison, to: Sequence[str]) -> list[Logged]:
    """Log a comparison, one run a candidate: numbers, decisions, hashes and its place, nothing of a subject.

    Args:
        found: The comparison, as written.
        to: Words of trackers: `mlflow`, `wandb`.

    Raises:
        UsageError: As `refuse`.
        OutputError: A tracker could not be logged to; the others were. The comparison stays as it is.
    """
    refuse(to)
    logged: list[Logged] = []
    failed: list[str] = []
    for word in dict.fromkeys(to):
        try:
            runs = _LOG[word](found)
        except Exception as error:  # whatever a library and its server come up with, the comparison is there
            failed.append(f"{TRACKERS[word].title}: {first_line(error)}")
        else:
            logged += [Logged(word, *one) for one in runs]
    if failed:
        where = "" if found.folder is None else f" is written ({found.folder}), but it"
        raise OutputError(f"the comparison{where} could not be logged. {'. '.join(failed)}")
    return logged
