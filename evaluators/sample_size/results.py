"""What a sample size calculation found, with everything that went into it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..metric import Citation, FloatArray, IntArray
from ..result import number

Solved = Literal["n", "power", "half_width"]

_WIDTH = 110


@dataclass(frozen=True)
class Step:
    """One line of a calculation, such as "divided by the prevalence".

    Attributes:
        name: What the number is.
        value: The number, not rounded unless the step is the rounding.
        how: How it follows from the lines above.
    """

    name: str
    value: float
    how: str


@dataclass(frozen=True, eq=False)
class PowerCurve:
    """Exact power at every number of subjects: a saw-tooth, for a figure.

    Attributes:
        n: Numbers of subjects, ascending without gaps.
        power: Power at each.
        critical: The count of events from which the goal is met (at most which, where fewer are better); a
            number outside 0 to n where no outcome meets it.
        actual_alpha: Probability to meet the goal when the truth is the goal itself.
    """

    n: IntArray
    power: FloatArray
    critical: IntArray
    actual_alpha: FloatArray


@dataclass(frozen=True)
class SampleSize:
    """A sample size with the power or precision it has, the method, its parameters and sources.

    Attributes:
        title: What was calculated, and by which method.
        n: The number needed, or the one that was given.
        counted: What `n` counts.
        solved_for: `n`, or what was computed at a given `n`: `power` or `half_width`.
        parameters: Everything that was assumed or asked, by name.
        power: Power at `n`; None where precision is planned.
        half_width: Half the width of the interval at `n`; None where power is planned.
        unrounded: What `n` was rounded up from; None where whole numbers were searched.
        details: Further numbers by name.
        steps: The calculation line by line, where it has several.
        curve: Power at every number of subjects; None but for exact tests of one proportion.
        warning: What the reader should know.
        citations: Sources.
    """

    title: str
    n: int
    counted: str
    solved_for: Solved
    parameters: Mapping[str, Any]
    power: float | None = None
    half_width: float | None = None
    unrounded: float | None = None
    details: Mapping[str, float] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    curve: PowerCurve | None = None
    warning: str | None = None
    citations: tuple[Citation, ...] = ()

    def __str__(self) -> str:
        given = ", ".join(f"{name}={_shown(value)}" for name, value in self.parameters.items())
        lines = textwrap.wrap(f"{self.title} ({given})", _WIDTH, subsequent_indent="  ")
        lines.append(self._answer())
        if self.details:
            words = ", ".join(f"{name} {_shown(value)}" for name, value in self.details.items())
            lines += textwrap.wrap(words, _WIDTH, subsequent_indent="  ")
        lines += self._table()
        if self.curve is not None:
            first, last = int(self.curve.n[0]), int(self.curve.n[-1])
            lines.append(f"The power curve runs from {first:,} to {last:,}.")
        if self.warning:
            lines += textwrap.wrap(self.warning, _WIDTH, subsequent_indent="  ")
        lines += [f"Source: {citation.text}" for citation in self.citations]
        return "\n".join(lines)

    def _answer(self) -> str:
        words = f"{self.n:,} {self.counted}"
        if self.solved_for == "n":
            from_what = "" if self.unrounded is None else f", rounded up from {number(self.unrounded)}"
            words = f"needed: {words}{from_what}"
        if self.power is not None:
            words += f"; power {number(self.power)}"
        if self.half_width is not None:
            words += f"; half-width {number(self.half_width)}"
        return words

    def _table(self) -> list[str]:
        """The steps as aligned columns."""
        if not self.steps:
            return []
        names = max(len(step.name) for step in self.steps)
        values = max(len(number(step.value)) for step in self.steps)
        return [
            f"  {step.name:<{names}}  {number(step.value):>{values}}  {step.how}".rstrip()
            for step in self.steps
        ]


def _shown(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)
