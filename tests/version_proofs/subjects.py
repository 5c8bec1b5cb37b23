"""Who got worse: how often the intervals of subjects hold their true improvements."""

from __future__ import annotations

import numpy as np
from scipy import special

from accordance.evaluators import rank_by_harm

from .tally import Row, generator

METHODS = ("alone", "own", "pooled", "moderated")
WORST = "moderated, ranked first"


def simulate(
    subjects: int, between: float, unequal: float, *, studies: int, seed: int, few: int = 2, many: int = 30
) -> list[Row]:
    """Subjects whose 95% interval holds the true improvement.

    Args:
        subjects: Number of them, with `few` to `many` units each.
        between: Standard deviation of true improvements; that of a unit is 1 on average.
        unequal: Standard deviation of the logarithm of the subjects' unit standard deviations.
        studies: How many.
        seed: Of everything.
        few: Fewest units of a subject, 2 or more.
        many: Most.
    """
    rng = generator(seed, "subjects", subjects, between, unequal)
    hits = dict.fromkeys((*METHODS, WORST), 0)
    for _ in range(studies):
        truth = 0.2 + between * rng.standard_normal(subjects)
        sd = np.exp(unequal * rng.standard_normal(subjects) - unequal**2)
        n = rng.integers(few, many + 1, subjects)
        measured = truth + sd / np.sqrt(n) * rng.standard_normal(subjects)
        variance = np.square(sd) * rng.chisquare(n - 1) / (n - 1) / n
        reach = special.ndtri(0.975) * np.sqrt(variance)
        hits["alone"] += np.count_nonzero(np.abs(measured - truth) <= reach)
        for method in METHODS[1:]:
            found = rank_by_harm(measured, variance, n_units=n, within=method)
            held = (found.lower <= truth) & (truth <= found.upper)
            hits[method] += np.count_nonzero(held)
            if method == "moderated":
                hits[WORST] += bool(held[found.order[0]])
    name = f"{subjects} subjects, SD between {between:g}, units {'unequal' if unequal else 'alike'}"
    return [
        Row("subjects", name, method, int(count), studies if method == WORST else studies * subjects)
        for method, count in hits.items()
    ]
