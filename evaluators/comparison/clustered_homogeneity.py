"""Is a proportion the same in subgroups of different subjects, whose units are not independent?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .. import checks
from ..intervals import successes_and_units
from ..metric import CannotComputeError, Citation, FloatArray
from .results import HypothesisTest

DONNER = Citation(
    "donner1989",
    "Donner A. Statistical methods in ophthalmology: an adjusted chi-square approach. "
    "Biometrics 1989;45:605-611.",
)

_FEW = 10


def homogeneity_of_clustered_proportions(
    events: ArrayLike, units: ArrayLike, group: Sequence[object] | NDArray[np.generic]
) -> HypothesisTest:
    """Pearson's chi-square of proportions, adjusted for units that belong to subjects (Donner 1989).

    Each subgroup's part of the statistic is divided by its variance inflation
    sum(n_i (1 + (n_i - 1) icc)) / sum(n_i), n_i the units of its subjects. The intraclass correlation is
    estimated by analysis of variance within subgroups and common to them; an estimate below 0 counts as 0,
    for it would make the test reject more than with independent units. `subgroup_heterogeneity` compares the
    same proportions without a common correlation.

    Args:
        events: (k,) events of each subject.
        units: (k,) units of each; subjects without units are left out.
        group: (k,) label of each subject's subgroup, compared as text.

    Returns:
        The test; `details` hold each subgroup's proportion and inflation, and the correlation.

    Raises:
        CannotComputeError: Fewer than two subgroups with units; no more subjects than subgroups; or all units
            are events, or none is.
        ValueError: Lengths differ, or events outside 0 to units.

    Example:
        >>> result = homogeneity_of_clustered_proportions(
        ...     [4, 3, 5, 4, 2, 1, 3, 0], [5, 4, 5, 5, 4, 5, 4, 4], list("aaaabbbb")
        ... )
        >>> round(result.statistic, 4), round(result.p_value, 4)
        (6.8818, 0.0087)
    """
    y, n = np.asarray(events, dtype=np.float64), np.asarray(units, dtype=np.float64)
    if y.ndim != 1 or y.shape != n.shape or len(group) != len(y):
        raise ValueError(f"`events`, `units` and `group` hold {y.size}, {n.size} and {len(group)} values.")
    has = n != 0
    y, n = successes_and_units(y[has], n[has])
    labels, code = checks.subject_labels(np.asarray([str(label) for label in group])[has], len(y))
    k = len(labels)
    if k < 2:
        raise CannotComputeError("At least two subgroups with units are needed.")
    if len(y) <= k:
        raise CannotComputeError("No subgroup has two subjects; how alike a subject's units are is unknown.")
    pooled = float(y.sum() / n.sum())
    if not 0 < pooled < 1:
        raise CannotComputeError(
            f"{'Every' if pooled else 'No'} unit is an event; the subgroups cannot be told apart."
        )
    icc = _common_icc(y, n, code)
    size, sums = np.bincount(code, n), np.bincount(code, y)
    inflation = 1 + (np.bincount(code, n * n) / size - 1) * max(icc, 0.0)
    statistic = float(((sums - size * pooled) ** 2 / (size * inflation * pooled * (1 - pooled))).sum())
    fewest = int(np.bincount(code).min())
    few = f"A subgroup has {fewest} subjects; the chi-square distribution is approximate."
    return HypothesisTest(
        test="Homogeneity of proportions, chi-square adjusted for clusters",
        hypothesis="the proportion is the same in all subgroups",
        p_value=float(special.chdtrc(k - 1, statistic)),
        statistic=statistic,
        distribution=f"chi-square, {k - 1} df",
        n=len(y),
        counted="subjects",
        details={
            **{f"proportion {label}": float(share) for label, share in zip(labels, sums / size, strict=True)},
            **{f"inflation {label}": float(one) for label, one in zip(labels, inflation, strict=True)},
            "icc": icc,
        },
        warning=few if fewest < _FEW else None,
        citations=(DONNER,),
    )


def _common_icc(events: FloatArray, units: FloatArray, code: NDArray[np.int64]) -> float:
    """Intraclass correlation by analysis of variance within subgroups; 0 where no subject has two units."""
    subjects, total, k = len(units), float(units.sum()), int(code.max()) + 1
    if total <= subjects:
        return 0.0
    share = events / units
    expected = (np.bincount(code, events) / np.bincount(code, units))[code]
    between = float((units * np.square(share - expected)).sum() / (subjects - k))
    within = float((units * share * (1 - share)).sum() / (total - subjects))
    usual = (total - float((np.bincount(code, units**2) / np.bincount(code, units)).sum())) / (subjects - k)
    variance = between + (usual - 1) * within
    return (between - within) / variance if variance > 0 else 0.0
