"""A calibration read back from its folder: how often the protocol's rules decide what, at known truths."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..protocols.errors import UsageError
from .opening import document_of, finished
from .results import MANIFEST_FILE, number

if TYPE_CHECKING:
    from rich.console import RenderableType

CALIBRATION_SCHEMA = "accordance/calibration/1"
CALIBRATION_FILE = "calibration.json"
CALIBRATIONS_FOLDER = "calibrations"


class Calibration:
    """Operating characteristics of a protocol.

    Attributes:
        document: The content of calibration.json.
        folder: The folder it was read from.
    """

    def __init__(self, document: Mapping[str, Any], *, folder: Path | None) -> None:
        self.document = dict(document)
        self.folder = folder

    @classmethod
    def open(cls, folder: Path | str) -> Calibration:
        """The calibration in a folder.

        Raises:
            UsageError: The folder holds no finished calibration.
            ContractError: It follows another schema; it is named.
            IntegrityError: It is not readable as JSON.
            OutputError: A file cannot be read.
        """
        place = Path(folder)
        document = document_of(place, "calibration", CALIBRATION_SCHEMA, (CALIBRATION_FILE,))
        return cls(document, folder=place)

    @classmethod
    def latest(cls, study: Path | str, *, protocol_sha256: str | None = None) -> Calibration:
        """The most recent finished calibration of a study folder.

        Args:
            study: The study folder.
            protocol_sha256: Only of the protocol with this hash.

        Raises:
            UsageError: There is none.
        """
        for place in reversed(finished_calibrations(Path(study))):
            found = cls.open(place)
            if protocol_sha256 in {None, found.document["protocol_sha256"]}:
                return found
        raise UsageError(
            f"{study} has no finished calibration yet; start one with `accordance calibrate {study}`"
        )

    @property
    def run_id(self) -> str:
        """Identifier of the calibration."""
        return str(self.document["run"]["id"])

    @property
    def endpoints(self) -> list[dict[str, Any]]:
        """One object an endpoint and statistic, each with its `scenarios`."""
        found: list[dict[str, Any]] = self.document["endpoints"]
        return found

    def of(self, endpoint: str, scenario: str, statistic: str | None = None) -> dict[str, Any]:
        """The only truth of that name of an endpoint.

        Raises:
            UsageError: There is none, or more than one.
        """
        found: list[dict[str, Any]] = [
            scene
            for one in self.endpoints
            if one["endpoint"] == endpoint and statistic in {None, one["statistic"]}
            for scene in one["scenarios"]
            if scene["scenario"] == scenario
        ]
        if len(found) != 1:
            there = ", ".join(dict.fromkeys(one["endpoint"] for one in self.endpoints))
            raise UsageError(f"{len(found)} truths `{scenario}` of endpoint `{endpoint}`; endpoints: {there}")
        return found[0]

    def __repr__(self) -> str:
        return f"<Calibration of {len(self.endpoints)} statistics, {self.document['studies']} studies each>"

    def __rich__(self) -> RenderableType:
        """A table for terminals and notebooks."""
        from rich.table import Table  # noqa: PLC0415 - only where something is shown
        from rich.text import Text  # noqa: PLC0415

        table = Table(title="Operating characteristics", title_justify="left")
        for name in HEADS:
            table.add_column(name, overflow="fold")
        for cells in lines(self.document):
            table.add_row(*(Text(cell) for cell in cells))
        return table

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in HEADS)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
            for cells in lines(self.document)
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


HEADS = (
    "Endpoint", "Statistic", "Scenario", "Truth", "Subjects", "Met, %", "Not met, %", "Undecided, %",
    "Coverage, %", "Width",
)  # fmt: skip
"""Columns of the table of a calibration."""


def lines(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The table of a calibration as text, one line a truth; a line with its reason where there is none."""
    found = []
    for one in document["endpoints"]:
        name = one["endpoint"] + (f" {one['by']}" if one["by"] else "")
        if one["error"]:
            found.append(
                (name, one["statistic"], f"not calibrated: {one['error']}", *[""] * (len(HEADS) - 3))
            )
        found += [(name, one["statistic"], *_scene(one, scene)) for scene in one["scenarios"]]
    return found


def _scene(one: Mapping[str, Any], scene: Mapping[str, Any]) -> tuple[str, ...]:
    if scene["error"]:
        told = f"{scene['title']}: not calibrated: {scene['error']}"
        return (told, number(scene["asked"]), *[""] * (len(HEADS) - 4))
    decisions = scene["decisions"]
    judged = one["criterion"] is not None
    undecided = decisions["not_evaluable"]
    return (
        scene["title"],
        _truth(scene),
        f"{scene['n_subjects']:,.0f}",
        rate_text(decisions["met"]) if judged else "",
        rate_text(decisions["not_met"]) if judged else "",
        rate_text(undecided) if judged and undecided["n"] else "0" if judged else "",
        rate_text(scene["coverage"]),
        number(scene["mean_width"]),
    )


def _truth(scene: Mapping[str, Any]) -> str:
    """The truth, the decision that is right there, and what stands against it.

    Example:
        >>> _truth({"truth": 0.95, "true_decision": "met", "note": None})
        '0.9500 (met)'
        >>> _truth({"truth": 0.5, "true_decision": None, "note": "the nearest to 0.55"})
        '0.5000 (the nearest to 0.55)'
    """
    right = scene.get("true_decision")
    told = "; ".join(filter(None, (right and right.replace("_", " "), scene.get("note"))))
    return f"{number(scene['truth'])} ({told})" if told else number(scene["truth"])


COMPARED_HEADS = (
    "Endpoint", "Candidate", "Scenario", "Improvement", "Superior, %", "Non-inferior or better, %",
    "Inferior, %", "Undecided, %", "Coverage, %",
)  # fmt: skip
"""Columns of the table of compared versions."""


def compared_lines(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The table of compared versions as text, one line an endpoint, candidate and truth."""
    found = []
    for scene in (document["comparison"] or {"scenarios": []})["scenarios"]:
        for one in scene["lines"]:
            head = (one["endpoint"], one["candidate"], scene["title"])
            if one["error"]:
                reason = f"{head[2]}: not calibrated: {one['error']}"
                found.append((*head[:2], reason, *[""] * (len(COMPARED_HEADS) - 3)))
                continue
            told = (one["superior"], one["at_least_non_inferior"], one["inferior"], one["undecided"])
            rates = [*(rate_text(each) for each in told), rate_text(one["coverage"])]
            found.append((*head, number(one["truth"]), *rates))
    return found


def rate_text(one: Mapping[str, Any]) -> str:
    """A rate in percent with its Monte-Carlo interval.

    Example:
        >>> rate_text({"n": 25, "of": 1000, "rate": 0.025, "lower": 0.017, "upper": 0.0367})
        '2.5 (1.7-3.7)'
    """
    if one["rate"] is None:
        return ""
    rate, lower, upper = (f"{100 * one[name]:.1f}" for name in ("rate", "lower", "upper"))
    return f"{rate} ({lower}-{upper})".replace("100.0", "100").replace("(0.0-", "(0-")


def finished_calibrations(study: Path) -> list[Path]:
    """The finished calibrations of a study, oldest first."""
    return finished(study / CALIBRATIONS_FOLDER, (CALIBRATION_FILE, MANIFEST_FILE))
