"""Plain functions of two raters' agreement beyond chance, other than Cohen's kappa."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, arrange, evaluate
from ..metric import Metric, MetricResult, Sides
from .category_weights import Weighting
from .chance_agreement import BRENNAN_PREDIGER, GWET_AC
from .kappa import ordered_codes

METRICS: tuple[Metric, ...] = (GWET_AC, BRENNAN_PREDIGER)


def gwet_ac(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    levels: Iterable[Any] | None = None,
    weighting: Weighting = "unweighted",
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Gwet's agreement coefficient: AC1 without weights, AC2 with them (Gwet 2008, 2014).

    (p_a - p_e) / (1 - p_e) with p_a the mean credit of the units for agreement and p_e = T / (k (k - 1))
    times the sum of q (1 - q) over k categories, q the average share of a category in both columns and T the
    sum of the credits of all pairs of categories. Unlike kappa it does not fall to nothing where one category
    is rare, and where all units are in one category it is 1; it depends on how many categories could have
    been chosen, so name all of them in `levels`.

    Args:
        reference: (n,) categories.
        test: (n,) categories.
        levels: All categories, in order. Default: those found; it has to be given with weights.
        weighting: `unweighted` (default), `linear` or `quadratic`: see `cohen_kappa`.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter; `asymptotic` is then not available.
        ci: `asymptotic`, `cluster_t`, `bootstrap_bca` or `bootstrap_percentile`. Default: `asymptotic` where
            every subject has one unit, `cluster_t` otherwise.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other is then the end of the range.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing or none of the levels, `levels` is needed for the
            weighting, or a parameter is not acceptable.

    Example:
        High agreement on a rare finding: kappa is below zero, AC1 is not (`irrCAC::gwet.ac1.table` in R
        gives 0.9408 with standard error 0.0230).

        >>> result = gwet_ac([1] * 123 + [0] * 2, [1] * 118 + [0] * 5 + [1] * 2)
        >>> found = result["gwet_ac"]
        >>> round(found.value, 4), round(found.interval.lower, 4), round(found.interval.upper, 4)
        (0.9408, 0.8958, 0.9858)
    """
    return _coefficient(
        GWET_AC, reference, test, levels=levels, weighting=weighting, subject=subject, weights=weights,
        ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def brennan_prediger(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    levels: Iterable[Any] | None = None,
    weighting: Weighting = "unweighted",
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Brennan-Prediger coefficient: agreement beyond that of categories drawn blindly, all equally likely.

    (p_a - p_e) / (1 - p_e) with p_e the mean credit of all pairs of categories: 1 / k without weights. With
    two categories it is PABAK (see `pabak`, which also gives the indices that belong to it); some call it so
    with more.

    Arguments and errors as for `gwet_ac`; source: Brennan RL, Prediger DJ. Educ Psychol Meas
    1981;41:687-699.

    Example:
        >>> found = brennan_prediger(["a", "a", "b", "c"], ["a", "b", "b", "c"])["brennan_prediger"]
        >>> round(found.value, 4)
        0.625
    """
    return _coefficient(
        BRENNAN_PREDIGER, reference, test, levels=levels, weighting=weighting, subject=subject,
        weights=weights, ci=ci, level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def _coefficient(
    metric: Metric,
    reference: ArrayLike,
    test: ArrayLike,
    *,
    levels: Iterable[Any] | None,
    weighting: Weighting,
    subject: Any,
    weights: ArrayLike | None,
    ci: str | None,
    level: float,
    sides: Sides,
    replicates: int,
    seed: int,
) -> MetricResult:
    truth, call, names = ordered_codes(reference, test, levels, weighting)
    given = None if weights is None else checks.row_weights(weights)
    columns, keys = arrange(truth, call, subject, given, names)
    several = bool(np.any(np.diff(columns.offsets) > 1))
    default = "cluster_t" if several or given is not None else "asymptotic"
    return evaluate(
        metric, columns, keys, average="pooled", parameters={"weighting": weighting}, ci=ci or default,
        level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
