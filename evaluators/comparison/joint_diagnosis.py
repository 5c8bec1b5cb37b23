"""Two measures of diagnosis at once: do two versions on the same units differ in either of them?

A joint test spends its error once. Where it does not reject, neither measure is claimed to differ; where it
does, the two are looked at one by one, adjusted for two (`adjust`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ..metric import CannotComputeError, Citation
from .paired_predictive_values import PairedDiagnosis
from .results import HypothesisTest

Pair = Literal["sensitivity_specificity", "predictive_values", "likelihood_ratios"]

ROLDAN_2019 = Citation(
    "roldan2019",
    "Roldan-Nofuentes JA, Sidaty-Regad SB. Recommended methods to compare the accuracy of two binary "
    "diagnostic tests subject to a paired design. J Stat Comput Simul 2019;89:2621-2644.",
)
ROLDAN_2012 = Citation(
    "roldan2012",
    "Roldan Nofuentes JA, Luna del Castillo JD, Montero Alonso MA. Global hypothesis test to simultaneously "
    "compare the predictive values of two binary diagnostic tests. Comput Stat Data Anal 2012;56:1161-1173.",
)
ROLDAN_2007 = Citation(
    "roldan2007",
    "Roldan Nofuentes JA, Luna del Castillo JD. Comparison of the likelihood ratios of two binary diagnostic "
    "tests in paired designs. Stat Med 2007;26:4179-4201.",
)

_STEP = 1e-30
_SINGULAR = 1e-10


def joint_diagnosis_test(
    counts: PairedDiagnosis, *, pair: Pair = "sensitivity_specificity"
) -> HypothesisTest:
    """Wald test that two versions are alike in both measures of a pair, chi-square with 2 df.

    The statistic is d' S^-1 d with d the two differences, candidate - baseline, and S their covariance by the
    multinomial delta method:

    - `sensitivity_specificity` (default): the measures rest on different units and do not covary.
    - `predictive_values`: of positive and negative calls.
    - `likelihood_ratios`: differences of the logarithms.

    Units are independent; where they are clustered in subjects, `compare_versions` has each difference.

    Args:
        counts: The cells, from `paired_diagnosis` or written down.
        pair: Which measures.

    Raises:
        CannotComputeError: A measure of a version has no value, or the differences do not vary.
        ValueError: An unknown pair.

    Example:
        The hypothetical data of `DTComPair` in R (Paired1):

        >>> from accordance.evaluators import PairedCounts
        >>> positives = PairedCounts(both=319, candidate_only=22, baseline_only=78, neither=32)
        >>> negatives = PairedCounts(both=31, candidate_only=22, baseline_only=53, neither=155)
        >>> result = joint_diagnosis_test(PairedDiagnosis(positives, negatives), pair="predictive_values")
        >>> round(result.statistic, 4)
        46.1102
    """
    if pair not in _PAIRS:
        raise ValueError(f"`pair` must be one of {', '.join(_PAIRS)}, not {pair!r}.")
    compute, names, source = _PAIRS[pair]
    cells = np.array([
        cell
        for one in (counts.positives, counts.negatives)
        for cell in (one.both, one.candidate_only, one.baseline_only, one.neither)
    ], dtype=np.float64)  # fmt: skip
    with np.errstate(all="ignore"):
        differences = compute(cells)
        slopes = np.imag(compute(cells + 1j * _STEP * np.eye(8))) / _STEP
    if not np.all(np.isfinite(differences)):
        raise CannotComputeError(f"A version has no value, or one of 0, in {names[0]} or {names[1]}.")
    covariance = (slopes * cells[:, None]).T @ slopes
    spread = np.sqrt(np.diag(covariance))
    if np.any(spread <= _SINGULAR) or np.linalg.cond(covariance / np.outer(spread, spread)) > 1 / _SINGULAR:
        raise CannotComputeError("The versions' differences do not vary, or one follows from the other.")
    statistic = max(float(differences @ np.linalg.solve(covariance, differences)), 0.0)
    return HypothesisTest(
        test=f"Joint test of {names[0]} and {names[1]}, Wald",
        hypothesis=f"candidate and baseline have the same {names[0]} and the same {names[1]}",
        p_value=float(special.chdtrc(2, statistic)),
        statistic=statistic,
        distribution="chi-square, 2 df",
        n=counts.n,
        counted="units",
        details={f"difference in {name}": float(one) for name, one in zip(names, differences, strict=True)},
        citations=(source,),
    )


Cells = NDArray[Any]


def _fractions(cells: Cells) -> tuple[Cells, Cells, Cells, Cells]:
    """Of candidate and baseline: true positive fractions, then false positive ones."""
    both, candidate, baseline, neither = cells[..., 0:4].T
    positives = both + candidate + baseline + neither
    false_both, false_candidate, false_baseline, right = cells[..., 4:8].T
    negatives = false_both + false_candidate + false_baseline + right
    return (
        (both + candidate) / positives,
        (both + baseline) / positives,
        (false_both + false_candidate) / negatives,
        (false_both + false_baseline) / negatives,
    )


def _accuracy(cells: Cells) -> Cells:
    first, second, false_first, false_second = _fractions(cells)
    return np.stack([first - second, false_second - false_first], axis=-1)


def _predictive(cells: Cells) -> Cells:
    both, candidate, baseline, neither, false_both, false_candidate, false_baseline, right = cells.T
    first, false_first = both + candidate, false_both + false_candidate
    second, false_second = both + baseline, false_both + false_baseline
    right_first, right_second = false_baseline + right, false_candidate + right
    missed_first, missed_second = baseline + neither, candidate + neither
    return np.stack(
        [
            first / (first + false_first) - second / (second + false_second),
            right_first / (right_first + missed_first) - right_second / (right_second + missed_second),
        ],
        axis=-1,
    )


def _likelihood(cells: Cells) -> Cells:
    first, second, false_first, false_second = _fractions(cells)
    return np.stack(
        [
            np.log(first) - np.log(false_first) - np.log(second) + np.log(false_second),
            np.log(1 - first) - np.log(1 - false_first) - np.log(1 - second) + np.log(1 - false_second),
        ],
        axis=-1,
    )


_PAIRS: dict[str, tuple[Callable[[Cells], Cells], tuple[str, str], Citation]] = {
    "sensitivity_specificity": (_accuracy, ("sensitivity", "specificity"), ROLDAN_2019),
    "predictive_values": (
        _predictive,
        ("positive predictive value", "negative predictive value"),
        ROLDAN_2012,
    ),
    "likelihood_ratios": (
        _likelihood,
        ("logarithmic positive likelihood ratio", "logarithmic negative likelihood ratio"),
        ROLDAN_2007,
    ),
}
