"""What a comparison report is made from, read once from the comparison's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from ...protocols.errors import IntegrityError
from ...studies.comparison_folder import COMPARISON_FILE, SUBJECTS_FILE, Comparison
from ...studies.config import StudyConfig
from ...studies.disagreeing import DISAGREEMENTS_FILE, empty
from ...studies.manifest import sha256_file
from ...studies.opening import read_json
from ...studies.results import MANIFEST_FILE, ROWS_FILE

FILES = (COMPARISON_FILE, MANIFEST_FILE, ROWS_FILE, SUBJECTS_FILE, DISAGREEMENTS_FILE)
"""The comparison's own files."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Material:
    """A comparison, opened.

    Attributes:
        document: The content of comparison.json.
        manifest: Its manifest; empty where there is none.
        rows: The long table of results.parquet.
        subjects: One row a subject, endpoint and candidate.
        folder: The comparison's folder.
        config: The study's study.yaml as it was recorded; None where it does not hold.
        hashes: SHA-256 of the comparison's own files by name.
        disagreements: The units on which versions disagree most; none in older comparisons.
    """

    document: Mapping[str, Any]
    manifest: Mapping[str, Any]
    rows: pl.DataFrame
    subjects: pl.DataFrame
    folder: Path
    config: StudyConfig | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    disagreements: pl.DataFrame = field(default_factory=empty)

    @property
    def finished(self) -> str:
        """When it finished: the only time in its report, so that it can be made again byte for byte."""
        return str(self.document["run"]["finished"])

    @property
    def comparisons(self) -> Sequence[Row]:
        """One record an endpoint and candidate, in the protocol's order."""
        found: Sequence[Row] = self.document["comparisons"]
        return found

    @property
    def candidates(self) -> Sequence[str]:
        """The versions compared with the baseline."""
        found: Sequence[str] = self.document["candidates"]
        return found

    @property
    def baseline(self) -> str:
        """The version they are compared with."""
        return str(self.document["baseline"])

    @property
    def comparison(self) -> Comparison:
        """The comparison itself."""
        return Comparison(self.document, self.rows, self.subjects, folder=self.folder)

    def of(self, *, endpoint: str | None = None, candidate: str | None = None) -> list[Row]:
        """The records of an endpoint, of a candidate, or of both."""
        return [
            row
            for row in self.comparisons
            if endpoint in {None, row["endpoint"]} and candidate in {None, row["candidate"]}
        ]

    def endpoints(self) -> list[str]:
        """The compared endpoints, in order."""
        return list(dict.fromkeys(str(row["endpoint"]) for row in self.comparisons))


def gather(folder: Path) -> Material:
    """Read a comparison's folder.

    Args:
        folder: What `accordance compare` wrote.

    Raises:
        UsageError: The folder holds no finished comparison.
        ContractError: It follows another schema; it is named.
        IntegrityError: A file is not what its manifest says, or not readable.
        OutputError: A file cannot be read.
    """
    found = Comparison.open(folder)
    manifest = _manifest(folder / MANIFEST_FILE)
    names = [name for name in FILES if (folder / name).is_file()]
    hashes = {name: sha256_file(folder / name) for name in names}
    for name, expected in manifest.get("results", {}).items():
        if hashes.get(name, expected) != expected:
            raise IntegrityError(
                f"{folder / name} was changed after the comparison: its SHA-256 is not the manifest's"
            )
    return Material(
        document=found.document,
        manifest=manifest,
        rows=found.rows,
        subjects=found.subjects,
        folder=folder,
        config=_config(found.document),
        hashes=hashes,
        disagreements=found.disagreements,
    )


def _manifest(path: Path) -> dict[str, Any]:
    """The manifest; empty where there is none."""
    return read_json(path) if path.is_file() else {}


def _config(document: Mapping[str, Any]) -> StudyConfig | None:
    try:
        return StudyConfig.model_validate_json(json.dumps(document["study"]))
    except ValidationError:
        return None
