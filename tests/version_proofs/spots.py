"""Weak spots: how often a search confirms one, where there is none and where there is one.

Six variables with 2 to 4 labels: 18 groups and 133 intersections. Subjects' improvements have mean 0 and
standard deviation 1; in the planted group the mean is lower.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from accordance.evaluators import improvement_of_sums, weak_spots

from .tally import Row, generator

LABELS = (2, 2, 3, 3, 4, 4)
SHAPES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "long tail of losses": lambda rng, n: 1 - rng.standard_exponential(n),
    "long tail of gains": lambda rng, n: rng.standard_exponential(n) - 1,
}
"""Mean 0 and standard deviation 1; the tails are exponential."""
NAIVE = "worst group on all subjects, unadjusted"
HELD_OUT = "search and confirmation"


def simulate(subjects: int, loss: float, *, studies: int, seed: int, shape: str = "normal") -> list[Row]:
    """Studies that claim a weak spot; with a loss, that claim one in which subjects are truly worse.

    Args:
        subjects: Number of them.
        loss: Loss in one label of a variable of three, in standard deviations; 0: none.
        studies: How many.
        seed: Of everything.
        shape: Of the subjects' improvements, a name of `SHAPES`.
    """
    rng = generator(seed, "spots", subjects, loss, shape)
    hits = dict.fromkeys((HELD_OUT, NAIVE), 0)
    for study in range(studies):
        groups = {f"v{i}": rng.integers(0, k, subjects) for i, k in enumerate(LABELS)}
        noise = SHAPES[shape](rng, subjects)
        improvement = noise - loss * (groups["v2"] == 0)
        evaluate = improvement_of_sums(improvement)
        found = weak_spots(evaluate, groups, seed=study)
        hits[HELD_OUT] += any(not loss or ("v2", "0") in spot.terms for spot in found.confirmed)
        if not loss:
            hits[NAIVE] += _naive(improvement, groups)
    what = "no weak spot" if not loss else f"loss {loss:g} in a third"
    name = f"{subjects} subjects, {what}{'' if shape == 'normal' else f', {shape}'}"
    return [
        Row("spots", name, method, int(count), studies)
        for method, count in hits.items()
        if not (loss and method == NAIVE)
    ]


def _naive(improvement: np.ndarray, groups: dict[str, np.ndarray]) -> bool:
    """Whether any group, tested on the subjects it was found in, is worse at one-sided 5%."""
    masks = [labels == label for labels in groups.values() for label in np.unique(labels)]
    names = [name for name, labels in groups.items() for _ in np.unique(labels)]
    masks += [masks[i] & masks[j] for i in range(len(masks)) for j in range(i) if names[i] != names[j]]
    members = np.array([mask for mask in masks if mask.sum() >= 20], dtype=float)
    n = members.sum(axis=1)
    mean = members @ improvement / n
    variance = (members @ np.square(improvement) / n - np.square(mean)) * n / (n - 1)
    return bool(np.any(special.stdtr(n - 1, mean / np.sqrt(variance / n)) <= 0.05))
