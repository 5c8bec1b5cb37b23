"""A comparison read back from its folder: decisions, one object an endpoint and candidate, rows, subjects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ..protocols.errors import OutputError, UsageError
from ..protocols.model import Protocol
from . import disagreeing
from .opening import document_of, finished
from .results import MANIFEST_FILE, ROWS_FILE, conform, number

if TYPE_CHECKING:
    from rich.console import RenderableType

COMPARISON_SCHEMA = "accordance/comparison/1"
COMPARISON_FILE = "comparison.json"
SUBJECTS_FILE = "subjects.parquet"
COMPARISONS_FOLDER = "comparisons"
SUBJECT_COLUMNS: dict[str, pl.DataType] = {
    "candidate": pl.String(),
    "endpoint": pl.String(),
    "subject": pl.String(),
    "n_units": pl.Int64(),
    "baseline": pl.Float64(),
    "candidate_value": pl.Float64(),
    "improvement": pl.Float64(),
    "variance": pl.Float64(),
    "blocks": pl.Int64(),
    "shrunk": pl.Float64(),
    "shrunk_lower": pl.Float64(),
    "shrunk_upper": pl.Float64(),
    "p_worse": pl.Float64(),
    "p_worse_than_margin": pl.Float64(),
    "rank": pl.Int64(),
    "expected_rank": pl.Float64(),
    "reason": pl.String(),
}
"""Columns of subjects.parquet: one row a subject, endpoint and candidate. Comparisons made before subjects
were ranked have the first seven; the others are null then."""


class Comparison:
    """What a comparison of versions found.

    Attributes:
        document: The content of comparison.json.
        rows: One row a difference, columns as in `studies.schema.COLUMNS`; `comparator` is the baseline.
        subjects: Each subject's own values, columns as in `SUBJECT_COLUMNS`.
        folder: The folder it was read from.
    """

    def __init__(
        self, document: Mapping[str, Any], rows: pl.DataFrame, subjects: pl.DataFrame, *, folder: Path | None
    ) -> None:
        self.document = dict(document)
        self.rows = conform(rows, "the rows of a comparison")
        self.subjects = subjects_in_full(subjects)
        self.folder = folder

    @classmethod
    def open(cls, folder: Path | str) -> Comparison:
        """The comparison in a folder.

        Raises:
            UsageError: The folder holds no finished comparison.
            ContractError: The files follow another schema; it is named.
            IntegrityError: The document is not readable as JSON.
            OutputError: A file cannot be read.
        """
        place = Path(folder)
        names = (COMPARISON_FILE, ROWS_FILE, SUBJECTS_FILE)
        document = document_of(place, "comparison", COMPARISON_SCHEMA, names)
        try:
            rows, subjects = pl.read_parquet(place / ROWS_FILE), pl.read_parquet(place / SUBJECTS_FILE)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise OutputError(f"{place} cannot be read: {error}") from error
        return cls(document, rows, subjects, folder=place)

    @classmethod
    def latest(cls, study: Path | str) -> Comparison:
        """The most recent finished comparison of a study folder.

        Raises:
            UsageError: The study has no finished comparison.
        """
        found = finished_comparisons(Path(study))
        if not found:
            raise UsageError(
                f"{study} has no finished comparison yet; start one with "
                f"`accordance compare {study} --baseline VERSION --candidate VERSION`"
            )
        return cls.open(found[-1])

    @property
    def run_id(self) -> str:
        """Identifier of the comparison."""
        return str(self.document["run"]["id"])

    @property
    def baseline(self) -> str:
        """The version compared with."""
        return str(self.document["baseline"])

    @property
    def candidates(self) -> tuple[str, ...]:
        """The versions in question, in order."""
        return tuple(self.document["candidates"])

    @property
    def comparisons(self) -> list[dict[str, Any]]:
        """One object an endpoint and candidate, in the protocol's order."""
        found: list[dict[str, Any]] = self.document["comparisons"]
        return found

    @property
    def decisions(self) -> dict[str, dict[str, Any]]:
        """Candidate -> its decision, with `worse`, `words` and `reasons`."""
        found: dict[str, dict[str, Any]] = self.document["decisions"]
        return found

    @property
    def between_versions(self) -> list[dict[str, Any]]:
        """Candidates against the baseline itself, one object a pair of value columns and candidate.

        Empty for comparisons that were written before versions were held against each other.
        """
        found: list[dict[str, Any]] = self.document.get("between_versions", [])
        return found

    @cached_property
    def disagreements(self) -> pl.DataFrame:
        """The units on which versions disagree most, columns as in `disagreeing.DISAGREEMENT_COLUMNS`.

        Empty for comparisons of before.

        Raises:
            OutputError: The file cannot be read.
        """
        path = None if self.folder is None else self.folder / disagreeing.DISAGREEMENTS_FILE
        if path is None or not path.is_file():
            return disagreeing.empty()
        try:
            return pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise OutputError(f"{path} cannot be read: {error}") from error

    @property
    def who(self) -> list[dict[str, Any]]:
        """One object an endpoint and candidate: for how many subjects it is worse, or why that is not known.

        Empty for comparisons made before subjects were ranked. What is believed of each subject stands in
        `subjects`.
        """
        found: list[dict[str, Any]] = self.document.get("who") or []
        return found

    @cached_property
    def protocol(self) -> Protocol:
        """The resolved protocol that it follows."""
        return Protocol.model_validate_json(json.dumps(self.document["protocol"]))

    def decision(self, candidate: str) -> str:
        """A candidate's decision.

        Raises:
            UsageError: It was not compared; the message lists those that were.
        """
        if candidate not in self.decisions:
            raise UsageError(f"`{candidate}` was not compared; candidates: {', '.join(self.candidates)}")
        return str(self.decisions[candidate]["decision"])

    def of(self, endpoint: str, candidate: str | None = None) -> dict[str, Any]:
        """The object of one endpoint and candidate (the only one, where nothing is said).

        Raises:
            UsageError: There is none, or more than one.
        """
        wanted = candidate or (self.candidates[0] if len(self.candidates) == 1 else None)
        found = [c for c in self.comparisons if c["endpoint"] == endpoint and c["candidate"] == wanted]
        if len(found) != 1:
            there = ", ".join(dict.fromkeys(c["endpoint"] for c in self.comparisons))
            raise UsageError(
                f"no comparison of endpoint `{endpoint}` and candidate `{wanted}`; endpoints: {there}; "
                f"candidates: {', '.join(self.candidates)}"
            )
        return found[0]

    def __repr__(self) -> str:
        told = "; ".join(f"{name}: {one['words']}" for name, one in self.decisions.items())
        return f"<Comparison with {self.baseline}: {told}>"

    def __rich__(self) -> RenderableType:
        """A table for terminals and notebooks."""
        from rich.console import Group  # noqa: PLC0415 - only where something is shown
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(title=f"Compared with {self.baseline}", title_justify="left")
        for name in _OVERVIEW:
            table.add_column(name, justify="right" if name in _RIGHT else "left", no_wrap=name != "decision")
        for one in self.comparisons:
            table.add_row(*(Text(cell) for cell in _cells(one)))
        lines = (Text(f"{name}: {one['words']}", style="bold") for name, one in self.decisions.items())
        return Group(*lines, table)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in _OVERVIEW)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(one)) + "</tr>"
            for one in self.comparisons
        )
        lines = "".join(
            f"<p><strong>{escape(name)}: {escape(one['words'])}</strong></p>"
            for name, one in self.decisions.items()
        )
        return f"{lines}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def subjects_in_full(subjects: pl.DataFrame) -> pl.DataFrame:
    """A subjects' table with every column of `SUBJECT_COLUMNS`, in their order; those it lacks are null.

    Example:
        >>> old = pl.DataFrame({"subject": ["S1"], "improvement": [0.5]})
        >>> subjects_in_full(old).select("subject", "improvement", "shrunk").rows()
        [('S1', 0.5, None)]
    """
    return subjects.select(
        pl.col(name).cast(dtype) if name in subjects.columns else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in SUBJECT_COLUMNS.items()
    )


_OVERVIEW = ("endpoint", "candidate", "baseline", "value", "improvement", "interval", "margin", "decision")
_RIGHT = {"baseline", "value", "improvement", "interval", "margin"}


def _cells(one: Mapping[str, Any]) -> tuple[str, ...]:
    lower, upper = deciding_bounds(one)
    return (
        one["endpoint"],
        one["candidate"],
        number(one["baseline_value"]),
        number(one["candidate_value"]),
        number(one["improvement"]["estimate"]),
        f"{number(lower)} to {number(upper)}" if lower is not None and upper is not None else "",
        number(one["margin"]),
        str(one["words"]),
    )


def deciding_bounds(one: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """The bounds of an improvement that decide: adjusted where there are such.

    Example:
        >>> deciding_bounds({"adjusted": None, "improvement": {"lower": 0.1, "upper": 0.5}})
        (0.1, 0.5)
    """
    found = one["adjusted"] or one["improvement"]
    return found["lower"], found["upper"]


def finished_comparisons(study: Path) -> list[Path]:
    """The finished comparisons of a study (or of a folder of them), oldest first."""
    folder = study / COMPARISONS_FOLDER if (study / COMPARISONS_FOLDER).is_dir() else study
    return finished(folder, (MANIFEST_FILE, COMPARISON_FILE, ROWS_FILE))
