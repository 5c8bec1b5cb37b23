"""Several hypotheses: how often a procedure claims anything that is not so.

Subjects' improvements in four endpoints are normal with correlation 0.5; one-sided tests of each at 2.5%.
"""

from __future__ import annotations

import numpy as np

from accordance.evaluators import Graph, adjust, fallback_graph, graphical, non_inferiority_p

from .tally import Row, generator

ALPHA = 0.025
TRUTHS = {
    "no endpoint better": (0.0, 0.0, 0.0, 0.0),
    "first better": (0.6, 0.0, 0.0, 0.0),
    "first two better": (0.6, 0.6, 0.0, 0.0),
    "last better": (0.0, 0.0, 0.0, 0.6),
}
GATEKEEPING = Graph([0.5, 0.5, 0, 0], [[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.5], [0, 0, 0, 1], [0, 0, 1, 0]])
"""Two primary and two secondary hypotheses (Bretz 2009)."""

PROCEDURES = {
    "none": lambda p: np.array(p) <= ALPHA,
    "Holm": lambda p: adjust(p, method="holm", alpha=ALPHA).rejected,
    "Hommel": lambda p: adjust(p, method="hommel", alpha=ALPHA).rejected,
    "fixed sequence": lambda p: adjust(p, method="fixed_sequence", alpha=ALPHA).rejected,
    "fallback": lambda p: graphical(p, fallback_graph([0.4, 0.3, 0.2, 0.1]), alpha=ALPHA).rejected,
    "gatekeeping graph": lambda p: graphical(p, GATEKEEPING, alpha=ALPHA).rejected,
}


def simulate(truth: str, *, studies: int, seed: int, subjects: int = 40) -> list[Row]:
    """Studies with at least one false claim, by procedure."""
    rng = generator(seed, "families", truth)
    means = np.array(TRUTHS[truth])
    correlation = np.full((4, 4), 0.5) + 0.5 * np.eye(4)
    false = means <= 0
    hits = dict.fromkeys(PROCEDURES, 0)
    for _ in range(studies):
        values = means + rng.standard_normal((subjects, 4)) @ np.linalg.cholesky(correlation).T
        errors = values.std(axis=0, ddof=1) / np.sqrt(subjects)
        p = [
            non_inferiority_p(float(mean), float(error), subjects - 1)
            for mean, error in zip(values.mean(axis=0), errors, strict=True)
        ]
        for name, procedure in PROCEDURES.items():
            hits[name] += bool(np.any(np.asarray(procedure(p)) & false))
    return [Row("families", truth, name, count, studies) for name, count in hits.items()]
