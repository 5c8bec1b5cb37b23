"""How much more: studies of 400 subjects of whom 60 are looked at first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accordance.evaluators import further_subjects, verdict
from accordance.evaluators.intervals import t_interval
from accordance.evaluators.metric import Interval

from .tally import Row, generator

FIRST, ALL, MARGIN = 60, 400, 0.3


@dataclass
class Counted:
    """Inconclusive first looks and what became of them."""

    inconclusive: int = 0
    beyond: int = 0  # no number, or more subjects than there are
    predicted: float = 0.0  # sum of the predictive probabilities
    settled: int = 0
    followed: int = 0


def settled(values: np.ndarray, margin: float | None) -> bool:
    """Whether these subjects settle it."""
    n = len(values)
    lower, upper = t_interval(values.mean(), values.std(ddof=1) / np.sqrt(n), n - 1, 0.95, "two")
    found = verdict(Interval(float(lower), float(upper), 0.95, "two", "cluster_t"), margin)
    return found.decision != "inconclusive"


def simulate(
    *, studies: int, seed: int, truth: float | None = None, margin: float | None = MARGIN, draws: int = 500
) -> Counted:
    """Look at the first subjects; where they leave it open, add the number that is asked for.

    Args:
        studies: How many.
        seed: Of everything.
        truth: True improvement in standard deviations of a subject; None: uniform, three times as wide as
            what a first look leaves open.
        margin: The margin.
        draws: Truths drawn for each prediction.
    """
    rng = generator(seed, "extension", truth, margin)
    limit = 0.0 if margin is None else -margin
    found = Counted()
    for study in range(studies):
        mean = limit + rng.uniform(-0.8, 0.8) if truth is None else truth
        values = mean + rng.standard_normal(ALL)
        first = values[:FIRST]
        if settled(first, margin):
            continue
        found.inconclusive += 1
        error = float(first.std(ddof=1) / np.sqrt(FIRST))
        more = further_subjects(float(first.mean()), error, FIRST, margin=margin, draws=draws, seed=study)
        if more.subjects is None or more.chance is None or more.subjects > ALL - FIRST:
            found.beyond += 1
            continue
        found.followed += 1
        found.predicted += more.chance
        found.settled += settled(values[: FIRST + more.subjects], margin)
    return found


def rows(counted: Counted, name: str) -> list[Row]:
    """The counts as rows of the page."""
    cells = (
        ("more than 340 or never", counted.beyond, counted.inconclusive),
        ("predicted to settle", round(counted.predicted), counted.followed),
        ("settled", counted.settled, counted.followed),
    )
    return [Row("extension", name, method, hits, of) for method, hits, of in cells if of]
