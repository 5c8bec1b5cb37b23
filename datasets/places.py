"""Where a row was read from, so that a message can point at the line somebody has to look at."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..protocols.errors import Violation, shorten

SHOWN = 5
"""How many offending rows a message shows."""


@dataclass(frozen=True)
class Part:
    """The rows that came from one file, query or data frame.

    Attributes:
        name: The file as the study knows it.
        n_rows: How many rows it gave.
        lines: True for a text file, whose rows are lines; False for anything that only has rows.
        starts: Line on which each row starts; None when row i starts on line i + 2, under the header.
    """

    name: str
    n_rows: int
    lines: bool = False
    starts: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Places:
    """The parts a table was read from, in order; row numbers run through all of them."""

    parts: tuple[Part, ...]
    ends: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ends", tuple(np.cumsum([part.n_rows for part in self.parts]).tolist()))

    def part(self, row: int) -> tuple[Part, int]:
        """The part that holds a row, and the row's position in it, from 0."""
        index = min(bisect.bisect_right(self.ends, row), len(self.parts) - 1)
        return self.parts[index], row - (self.ends[index - 1] if index else 0)

    def line(self, row: int) -> int | None:
        """Line in the file, from 1; None where the source has no lines."""
        part, inner = self.part(row)
        if not part.lines:
            return None
        return inner + 2 if part.starts is None else int(part.starts[inner])

    def text(self, row: int) -> str:
        """`line 17`, or `row 16` where there are no lines; with the file's name where there are several."""
        part, inner = self.part(row)
        line = self.line(row)
        place = f"row {inner + 1:,}" if line is None else f"line {line:,}"
        return place if len(self.parts) == 1 else f"{part.name}, {place}"

    def violation(
        self,
        message: str,
        rows: Iterable[int],
        values: Sequence[object],
        *,
        key: str | None,
        count: int,
        suggestion: str | None = None,
    ) -> Violation:
        """A violation found in rows: it points at the first and shows the first few.

        Args:
            message: What is wrong and what would be accepted.
            rows: The first offending rows, 0-based as read.
            values: What was found in each of them.
            key: Column concerned.
            count: How many rows there are in all.
            suggestion: A fix.
        """
        shown = list(rows)[:SHOWN]
        examples = [f"{self.text(row)}: {_shown(value)}" for row, value in zip(shown, values, strict=False)]
        if count > len(shown):
            examples.append(f"and {count - len(shown):,} more")
        part, _ = self.part(shown[0])
        return Violation(
            message,
            file=part.name,
            line=self.line(shown[0]),
            key=key,
            found=None if values[0] is None or isinstance(values[0], dict) else shorten(values[0]),
            suggestion=suggestion,
            count=count,
            examples=tuple(examples),
        )


def _shown(value: object) -> str:
    """A value as a message shows it: text in quotes, everything else as printed."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(inner)}" for name, inner in value.items())
    return f"'{shorten(value)}'" if isinstance(value, str) else shorten(str(value))
