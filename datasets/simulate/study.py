"""The shape every simulator returns: tables as a study would read them, and the true values behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import polars as pl

FileFormat = Literal["csv", "parquet"]


class Drawn(Protocol):
    """What every simulator returns: it can be written into a study's `data` folder."""

    @property
    def name(self) -> str:
        """Name of the simulator, a key of `SIMULATORS`."""

    @property
    def seed(self) -> int:
        """The seed that reproduces it."""

    def write(self, folder: Path) -> list[Path]:
        """Write every table and `truth.json`; the files written, in order."""


@dataclass(frozen=True)
class SimulatedStudy:
    """A simulated study: what a site would deliver, and what nobody but the simulator knows.

    Attributes:
        name: Name of the simulator, a key of `SIMULATORS`.
        seed: The seed that reproduces it.
        tables: Table name -> frame, for tables shared by all algorithm versions (`subjects`, `reference`).
        versions: Algorithm version -> test table name -> frame.
        truth: The values the data were drawn from (true sensitivity, ...), for tests of the software
            and for teaching; a study never reads them.
    """

    name: str
    seed: int
    tables: Mapping[str, pl.DataFrame]
    versions: Mapping[str, Mapping[str, pl.DataFrame]]
    truth: Mapping[str, Any]

    @property
    def subjects(self) -> pl.DataFrame:
        """One row a subject."""
        return self.tables["subjects"]

    @property
    def reference(self) -> pl.DataFrame:
        """The reference table."""
        return self.tables["reference"]

    def test(self, version: str, table: str = "test") -> pl.DataFrame:
        """The test table of one algorithm version; KeyError names an unknown version."""
        return self.versions[version][table]

    def files(self, file_format: FileFormat = "csv") -> dict[str, pl.DataFrame]:
        """File name -> frame, as `write` lays them out: `subjects.csv`, `test_v1_0.csv`, ..."""
        named = {f"{table}.{file_format}": frame for table, frame in self.tables.items()}
        for version, tables in self.versions.items():
            named |= {f"{table}_{version}.{file_format}": frame for table, frame in tables.items()}
        return named

    def write(self, folder: Path, file_format: FileFormat = "csv") -> list[Path]:
        """Write every table into a folder, and the true values beside them as `truth.json`.

        Args:
            folder: Where to; made if it does not exist. Files of the same name are replaced.
            file_format: `csv` (default: a person can open it) or `parquet`.

        Returns:
            The files written, in order.

        Raises:
            OSError: The folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for name, frame in self.files(file_format).items():
            path = folder / name
            if file_format == "csv":
                frame.write_csv(path)
            else:
                frame.write_parquet(path)
            written.append(path)
        truth = folder / "truth.json"
        document = {"simulator": self.name, "seed": self.seed, "truth": self.truth}
        truth.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        return [*written, truth]
