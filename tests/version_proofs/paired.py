"""Two versions on the same subjects: false claims, power, and the error at the margin.

Measurements: every error is positive (20 standard deviations above 0), so that the mean absolute error is
the mean error and the truth is exact. Of a row, |error| of the baseline less that of the candidate has
variance 1, and its intraclass correlation within subjects is `icc`. Both versions share a difficulty of the
subject with variance 1, which the pairing removes. Calls: a unit is called right where a normal variable with
variance 1 lies below a threshold; half of the subjects' part of it is common to the versions.
Sensitivities are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from accordance.evaluators import ResamplingWeights, compare_prepared, registry
from accordance.evaluators.metric import Columns

from .tally import Row, generator

PRODUCT = ("jackknife_t", "cluster_t", "bootstrap_percentile", "bootstrap_bca")
ROW_WISE = "rows taken for independent"
UNPAIRED = "unpaired, subjects"

Array = np.ndarray


@dataclass(frozen=True)
class Design:
    """Subjects, rows a subject (an average, from a quarter to twice of it), and their likeness."""

    subjects: int = 40
    rows: int = 20
    icc: float = 0.3
    kind: str = "mae"

    @property
    def name(self) -> str:
        """As the page has it."""
        what = {"mae": "error", "sensitivity": "sensitivity 0.85"}[self.kind]
        return f"{what}, {self.subjects} subjects, ICC {self.icc:g}"


@dataclass(frozen=True)
class Study:
    """Rows of both versions."""

    kind: str
    reference: Array
    baseline: Array
    candidate: Array
    subject: Array

    def scores(self) -> tuple[Array, Array]:
        """What each row of baseline and candidate is worth, more is better."""
        if self.kind == "mae":
            return -np.abs(self.baseline - self.reference), -np.abs(self.candidate - self.reference)
        return self.baseline.astype(float), self.candidate.astype(float)


def draw(design: Design, improvement: float, rng: np.random.Generator) -> Study:
    """A study in which the candidate is truly better by so much."""
    counts = np.round(design.rows * np.linspace(0.25, 1.75, design.subjects)).astype(int)
    subject = np.repeat(np.arange(design.subjects), counts)
    n, icc = len(subject), design.icc

    def effects() -> Array:
        return rng.standard_normal(design.subjects)[subject]

    if design.kind == "mae":
        shared = 20 + effects()
        errors = [
            shared + np.sqrt(icc / 2) * effects() + np.sqrt((1 - icc) / 2) * rng.standard_normal(n)
            for _ in range(2)
        ]
        reference = rng.uniform(50, 110, n)
        return Study("mae", reference, reference + errors[0], reference + errors[1] - improvement, subject)
    shared = np.sqrt(icc / 2) * effects()
    calls = [
        shared + np.sqrt(icc / 2) * effects() + np.sqrt(1 - icc) * rng.standard_normal(n)
        < special.ndtri(level)
        for level in (0.85, 0.85 + improvement)
    ]
    return Study(design.kind, np.ones(n, dtype=int), *(call.astype(int) for call in calls), subject)


@lru_cache(maxsize=8)
def resampling(subjects: int, replicates: int) -> tuple[tuple[str, ...], Array]:
    """Keys and bootstrap weights, which are the same for every study of so many subjects."""
    keys = tuple(f"{i:04d}" for i in range(subjects))
    return keys, ResamplingWeights(keys, seed=1, replicates=replicates).matrix(keys)


def student(mean: float, error: float, df: float) -> tuple[float, float]:
    """A 95% t interval."""
    arm = float(special.stdtrit(df, 0.975)) * error
    return mean - arm, mean + arm


def intervals(
    study: Study, methods: tuple[str, ...], *, replicates: int = 999
) -> dict[str, tuple[float, float]]:
    """95% intervals of the improvement; (-inf, inf) where there is none."""
    counts = np.bincount(study.subject)
    keys, weights = resampling(len(counts), replicates)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    metric = registry.get(study.kind)
    parts = [
        metric.prepare(Columns(study.reference, test, offsets)) for test in (study.candidate, study.baseline)
    ]
    baseline, candidate = study.scores()
    found = {}
    for method in methods:
        if method == ROW_WISE:  # scipy.stats.ttest_rel
            better = candidate - baseline
            error = float(better.std(ddof=1) / np.sqrt(len(better)))
            found[method] = student(float(better.mean()), error, len(better) - 1)
        elif method == UNPAIRED:  # scipy.stats.ttest_ind(equal_var=False)
            means = [np.bincount(study.subject, score) / counts for score in (candidate, baseline)]
            squares = np.array([mean.var(ddof=1) / len(counts) for mean in means])
            df = float(squares.sum() ** 2 / (np.square(squares) / (len(counts) - 1)).sum())
            found[method] = student(
                float(means[0].mean() - means[1].mean()), float(np.sqrt(squares.sum())), df
            )
        else:
            got = compare_prepared(
                metric, candidate=parts[0], baseline=parts[1], keys=keys, ci=method, weights=weights
            )
            usable = got.interval is not None and not got.interval.degenerate
            found[method] = (got.interval.lower, got.interval.upper) if usable else (-np.inf, np.inf)
    return found


def simulate(
    table: str,
    design: Design,
    improvement: float,
    *,
    studies: int,
    seed: int,
    methods: tuple[str, ...],
    replicates: int = 999,
) -> list[Row]:
    """How often each method claims something.

    Args:
        table: `level`: 0 outside the interval; `power`: the whole interval above 0; `margin`: the interval
            above the true improvement, which is minus the margin.
        design: The design.
        improvement: The truth.
        studies: How many.
        seed: Of everything.
        methods: Names of interval methods.
        replicates: Of a bootstrap.
    """
    rng = generator(seed, table, design, improvement)
    hits = dict.fromkeys(methods, 0)
    for _ in range(studies):
        found = intervals(draw(design, improvement, rng), methods, replicates=replicates)
        for method, (lower, upper) in found.items():
            limit = improvement if table == "margin" else 0.0
            hits[method] += bool(lower > limit or (table == "level" and upper < 0))
    name = f"improvement {improvement:g}, {design.name}" if table == "power" else design.name
    return [Row(table, name, method, count, studies) for method, count in hits.items()]
