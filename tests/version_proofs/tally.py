"""What the simulations count: how many of how many."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Row:
    """One cell of a table of the page."""

    table: str
    design: str
    method: str
    hits: int
    studies: int

    @property
    def share(self) -> float:
        """The estimated probability."""
        return self.hits / self.studies

    @property
    def error(self) -> float:
        """Its Monte-Carlo standard error."""
        return float(np.sqrt(self.share * (1 - self.share) / self.studies))


def generator(seed: int, *names: object) -> np.random.Generator:
    """A stream for each design, whatever else is simulated."""
    return np.random.default_rng([seed, zlib.crc32("/".join(map(str, names)).encode())])


def write(rows: Iterable[Row], path: Path) -> None:
    """The table as CSV, in the order of tables, designs and methods as they come."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([field.name for field in fields(Row)])
        table.writerows(astuple(row) for row in rows)


def read(path: Path) -> list[Row]:
    """The rows of such a file."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(one["table"], one["design"], one["method"], int(one["hits"]), int(one["studies"]))
            for one in csv.DictReader(file)
        ]


def markdown(rows: list[Row]) -> str:
    """Designs down, methods across, in percent."""
    designs = list(dict.fromkeys(row.design for row in rows))
    methods = list(dict.fromkeys(row.method for row in rows))
    found = {(row.design, row.method): f"{100 * row.share:.1f}" for row in rows}
    lines = ["| | " + " | ".join(methods) + " |", "|---|" + "--:|" * len(methods)]
    lines += [
        f"| {design} | " + " | ".join(found.get((design, method), "") for method in methods) + " |"
        for design in designs
    ]
    return "\n".join(lines)
