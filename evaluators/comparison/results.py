"""The labelled results of hypothesis tests and of intervals that compare two proportions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..intervals import METHODS
from ..metric import Citation, Interval
from ..result import interval_label, number


@dataclass(frozen=True)
class HypothesisTest:
    """What a test found, with the name of the test and its source.

    Attributes:
        test: Name of the test, such as "McNemar, mid-P".
        hypothesis: The null hypothesis in words.
        p_value: The p value.
        statistic: The test statistic, or None where the test has none.
        distribution: What the statistic is compared with, such as "chi-square, 1 df".
        n: Number of units, pairs or subjects that the test rests on, as `counted` says.
        counted: What `n` counts.
        details: Further numbers by name.
        warning: What the reader should know.
        citations: Sources.
    """

    test: str
    hypothesis: str
    p_value: float
    statistic: float | None
    distribution: str
    n: int
    counted: str
    details: Mapping[str, Any] = field(default_factory=dict)
    warning: str | None = None
    citations: tuple[Citation, ...] = ()

    def __str__(self) -> str:
        value = "" if self.statistic is None else f"statistic {number(self.statistic)}, "
        lines = [
            f"{self.test} (null hypothesis: {self.hypothesis})",
            f"{value}{self.distribution}, p = {number(self.p_value)}; {self.n:,} {self.counted}",
        ]
        if self.details:
            lines.append(", ".join(f"{name} {_shown(value)}" for name, value in self.details.items()))
        if self.warning:
            lines.append(self.warning)
        lines += [f"Source: {citation.text}" for citation in self.citations]
        return "\n".join(lines)


@dataclass(frozen=True)
class ComparedProportions:
    """A difference or ratio of two proportions with its interval, candidate against baseline.

    Attributes:
        name: What is estimated, such as "Difference of paired proportions (candidate - baseline)".
        candidate: Proportion of the candidate, or of the first group.
        baseline: Proportion of the baseline, or of the second group.
        value: The estimate; infinite for a ratio to 0.
        interval: Its interval.
        n: Units: pairs, or of both groups together.
        standard_error: Of the estimate, or of its logarithm for a ratio; None where the method has none.
    """

    name: str
    candidate: float
    baseline: float
    value: float
    interval: Interval
    n: int
    standard_error: float | None = None

    def __str__(self) -> str:
        method = METHODS[self.interval.method]
        lines = [
            f"{self.name}: {number(self.value)} [{number(self.interval.lower)}, "
            f"{number(self.interval.upper)}] ({interval_label(self.interval)})",
            f"candidate {number(self.candidate)}, baseline {number(self.baseline)}; {self.n:,} units",
        ]
        if self.interval.warning:
            lines.append(self.interval.warning)
        lines += [f"Source: {citation.text}" for citation in method.citations]
        return "\n".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(_shown(one) for one in value)})"
    return number(value) if isinstance(value, float) else str(value)
