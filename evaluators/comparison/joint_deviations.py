"""How far the comparisons of a family lie from their values together: what a maximal t needs of replicates.

It depends on no level and on no margin, so it can be kept and asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..metric import CannotComputeError, FloatArray
from .simultaneous import largest_deviations


@dataclass(frozen=True)
class JointDeviations:
    """The largest studentised deviation over all comparisons of a family, replicate by replicate.

    Attributes:
        largest: (B',) of the replicates in which all comparisons have a value; see `failure` where empty.
        undefined: Share of the other replicates.
        problems: Comparison -> why its replicates cannot be used; it is not among the others.
        failure: Why there are none of all together.
    """

    largest: FloatArray
    undefined: float = 0.0
    problems: Mapping[int, str] = field(default_factory=dict)
    failure: str | None = None

    @classmethod
    def of(
        cls,
        names: Mapping[int, str],
        values: Callable[[int], FloatArray],
        replicates: Callable[[int], FloatArray],
    ) -> JointDeviations:
        """From the replicates of every comparison.

        Args:
            names: Comparison -> its name, for messages.
            values: Gives (c,) contrasts of a comparison.
            replicates: Gives (B, c) replicates of the same, at shared subject weights.
        """
        problems: dict[int, str] = {}
        drawn: dict[int, FloatArray] = {}
        for place in names:
            try:
                block = replicates(place)
                largest_deviations(values(place), block, names=_labels(names[place], block))
            except CannotComputeError as problem:
                problems[place] = str(problem)
            else:
                drawn[place] = block
        if not drawn:
            return cls(np.zeros(0), problems=problems)
        labels = [label for place, block in drawn.items() for label in _labels(names[place], block)]
        every = np.concatenate([values(place) for place in drawn])
        try:
            found = largest_deviations(every, np.column_stack(list(drawn.values())), names=labels)
        except CannotComputeError as problem:
            return cls(np.zeros(0), problems=problems, failure=str(problem))
        return cls(*found, problems)


Remember = Callable[[Sequence[int], Callable[[], JointDeviations]], JointDeviations]
"""Gives what is known of the comparisons at these places, or computes it."""


def computed(places: Sequence[int], compute: Callable[[], JointDeviations]) -> JointDeviations:
    """Remember nothing."""
    del places
    return compute()


def _labels(name: str, block: FloatArray) -> list[str]:
    return [f"{name} ({place + 1})" for place in range(block.shape[1])]
