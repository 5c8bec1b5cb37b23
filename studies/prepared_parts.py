"""A part of the units of two versions: at hand, or known by its summary and prepared when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..evaluators.comparison.contrast import PairSummary
from ..evaluators.metric import IntArray, Prepared
from .estimating import EMPTY
from .kept_sides import SidePart
from .splits import Part

NO_RESULT = "nothing was prepared"
OWN_OUTPUT = "the subgroup is made of the version's own output, so its units differ between versions"
_OF_BOTH = frozenset({OWN_OUTPUT, EMPTY})
"""Problems that are not those of one version."""


@dataclass(frozen=True)
class BothSides:
    """Both versions over the same subjects.

    Attributes:
        subjects: Subjects in order.
        units: (S,) units of each subject, of the candidate.
        baseline: What the metric made of the baseline's rows; None where it could not.
        candidate: Likewise of the candidate's.
    """

    subjects: tuple[str, ...]
    units: IntArray
    baseline: Prepared | None
    candidate: Prepared | None


@dataclass(frozen=True, eq=False)
class PreparedPart:
    """A part of the common units, prepared for both versions over the same subjects.

    Attributes:
        part: Which part.
        problem: Why a version has no summary there; None where both have.
        n_subjects: Subjects.
        n_units: Units of the candidate.
        load: Gives both versions.
        known: What was found of them before, whatever level and margin.
    """

    part: Part
    problem: str | None
    n_subjects: int
    n_units: int
    load: Callable[[], BothSides]
    known: PairSummary | None = None

    @classmethod
    def at_hand(
        cls, part: Part, sides: BothSides, problem: str | None = None, known: PairSummary | None = None
    ) -> PreparedPart:
        """Of two versions that are at hand.

        Args:
            part: Which part.
            sides: Both versions.
            problem: Why one of them is missing.
            known: What was found of them before.
        """
        if problem is None and (sides.baseline is None or sides.candidate is None):
            problem = NO_RESULT
        return cls(part, problem, len(sides.subjects), int(sides.units.sum()), lambda: sides, known)

    @classmethod
    def none(cls, part: Part, problem: str = NO_RESULT) -> PreparedPart:
        """Nothing, and why."""
        return cls.at_hand(part, BothSides((), np.zeros(0, dtype=np.int64), None, None), problem)

    @classmethod
    def joined(cls, first: SidePart, second: SidePart, known: PairSummary | None = None) -> PreparedPart:
        """Of what was prepared of the baseline, and of the candidate.

        Args:
            first: The baseline's.
            second: The candidate's.
            known: What was found of them before.
        """
        problems = [
            problem if problem in _OF_BOTH else f"{who}: {problem}"
            for who, problem in (("baseline", first.problem), ("candidate", second.problem))
            if problem is not None
        ]
        sides = BothSides(second.subjects, second.units, first.prepared, second.prepared)
        return cls.at_hand(first.part, sides, "; ".join(dict.fromkeys(problems)) or None, known)

    @cached_property
    def sides(self) -> BothSides:
        """Both versions."""
        return self.load()

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects in order."""
        return self.sides.subjects

    @property
    def units(self) -> IntArray:
        """(S,) units of each subject, of the candidate."""
        return self.sides.units

    @property
    def baseline(self) -> Prepared | None:
        """What the metric made of the baseline's rows; None where it could not."""
        return self.sides.baseline

    @property
    def candidate(self) -> Prepared | None:
        """What the metric made of the candidate's rows; None where it could not."""
        return self.sides.candidate

    def versions(self) -> tuple[Prepared, Prepared]:
        """Candidate and baseline of a part without a problem."""
        candidate, baseline = self.candidate, self.baseline
        if candidate is None or baseline is None:
            raise ValueError(self.problem or NO_RESULT)
        return candidate, baseline
