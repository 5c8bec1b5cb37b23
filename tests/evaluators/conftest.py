"""The agreement reference: values of R packages and published tables, with the data they came from.

`oracle.json` holds one entry a (method, data set), each with its source call. Only entries whose `trust` is
`reference` (exact) or `monte_carlo` (with a stated error) are given out; `known_deviant` values are recorded
so that nobody matches them.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))  # so that tests can say `from oracle import compare`

import oracle as proof


@dataclass(frozen=True)
class Rows:
    """Data of one entry."""

    reference: np.ndarray
    test: np.ndarray
    subject: np.ndarray


class AgreementOracle:
    """Entries by id, and their rows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        entries = json.loads((folder / "oracle.json").read_text(encoding="utf-8"))["entries"]
        self.entries: dict[str, dict[str, Any]] = {entry["id"]: entry for entry in entries}

    def values(self, name: str, trust: str = "reference") -> dict[str, Any]:
        entry = self.entries[name]
        assert entry["trust"] == trust, f"{name} is {entry['trust']}"
        return entry["values"]

    def rows(self, name: str) -> Rows:
        """Complete pairs of the entry's data set, first replicates only where the entry says so."""
        entry = self.entries[name]
        with (self.folder / "data" / entry["dataset"]).open(encoding="utf-8") as file:
            found = [row for row in csv.DictReader(file) if "NA" not in (row["reference"], row["test"])]
        if entry.get("filter") == "replicate == 1":
            found = [row for row in found if row["replicate"] == "1"]
        return Rows(
            np.array([float(row["reference"]) for row in found]),
            np.array([float(row["test"]) for row in found]),
            np.array([row["subject"] for row in found]),
        )


@pytest.fixture(scope="session")
def oracle(reference_data: Path) -> AgreementOracle:
    return AgreementOracle(reference_data / "agreement")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """What a test compared travels with its report, out of worker processes too.

    `tests/conftest.py` prints the table.
    """
    proof.taken()
    yield
    item.user_properties.extend(("oracle", record) for record in proof.taken())
