"""Permutation test of two versions by swapping their labels within subjects, where its error holds.

The test asks whether the versions are exchangeable, which is more than that a metric is equal: it may reject
because the subjects' differences are skewed although the metric is the same. Simulated two-sided error at a
nominal 5% (4,000 studies, 999 permutations each, Monte-Carlo error below 0.7 percentage points), the metric
being equal:

| subjects' differences | 10 subjects | 20 | 40 | 85 | 200 |
|---|---|---|---|---|---|
| normal | 4.8 | 5.1 | 5.3 | 5.8 | 5.0 |
| t with 3 df | 5.4 | 4.3 | 4.3 | 5.9 | 4.8 |
| normal, log-normal variances | 5.0 | 4.7 | 4.7 | 4.6 | 5.0 |
| exponential | 10.0 | 7.9 | 7.6 | 5.5 | 5.8 |
| log-normal, sigma 1 | 14.1 | 14.0 | 11.1 | 8.8 | 7.9 |
| log-normal, sigma 1 less sigma 0.5 | 9.4 | 9.5 | 8.0 | 7.3 | 6.7 |
| log-normal, sigma 1.5 | 27.3 | 25.2 | 19.9 | 16.8 | 13.0 |

So it holds where differences are symmetric, however heavy their tails, and fails where they are skewed. It is
refused with fewer than 10 subjects, and where the skewness of the subjects' influence on the difference is
0.1 sqrt(subjects) or more. With that rule a false rejection happens in at most 5.8% of the studies in each
cell of the table. The rule cannot see a tail that the sample has missed: where the truth is strongly skewed
it almost always refuses, and the few samples that pass reject more often than 5%. One-sided errors are not
held (of the log-normal ones nearly all rejections are on one side), so only a two-sided p value is given.
The interval of `compare_versions` is the primary answer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..additive import AdditivePrepared
from ..functions import DEFAULT_SEED
from ..metric import CannotComputeError, Citation, FloatArray
from .difference import DifferencePrepared
from .results import HypothesisTest

FEWEST_SUBJECTS = 10
LARGEST_SKEWNESS = 0.1
"""Largest skewness of the subjects' influence, over the square root of the number of subjects."""

PITMAN = Citation(
    "pitman1937",
    "Pitman EJG. Significance tests which may be applied to samples from any populations. "
    "J R Stat Soc Suppl 1937;4:119-130.",
)
JANSSEN = Citation(
    "janssen1997",
    "Janssen A. Studentized permutation tests for non-i.i.d. hypotheses and the generalized Behrens-Fisher "
    "problem. Stat Probab Lett 1997;36:9-21.",
)

_TIE = 1e-10
_BLOCK = 2048


def label_swap_test(
    candidate: AdditivePrepared,
    baseline: AdditivePrepared,
    *,
    statistic: str | None = None,
    permutations: int = 9999,
    seed: int = DEFAULT_SEED,
) -> HypothesisTest:
    """Two-sided p of a paired difference, by swapping the versions of whole subjects.

    Every permutation gives each subject's rows of one version to the other with probability one half, and the
    metric of both is computed again. With at most 13 subjects all permutations are counted; otherwise p is
    (1 + those at least as far from 0) / (1 + permutations).

    Args:
        candidate: The version in question, prepared by an additive metric.
        baseline: The other version, the same subjects in the same order.
        statistic: Which statistic. Default: the first.
        permutations: How many random ones.
        seed: Seed of the permutations.

    Raises:
        CannotComputeError: Its simulated error does not hold for such data: fewer than 10 subjects, or skewed
            differences (see the module); the metric is no smooth function of sums; no difference in any
            subject; or a permutation leaves the statistic without a value.
        ValueError: The versions differ in subjects or metric, or fewer than 99 permutations.

    Example:
        >>> from accordance.evaluators import registry
        >>> from accordance.evaluators.functions import measured
        >>> subject, reference = list("abcdefghijkl"), [70] * 12
        >>> candidate = [71, 71, 73, 71, 70, 72, 71, 70, 71, 72, 71, 70]
        >>> baseline = [73, 70, 74, 74, 70, 73, 73, 71, 71, 73, 73, 70]
        >>> mae = registry.get("mae")
        >>> parts = [mae.prepare(measured(reference, one, subject, None)[0]) for one in (candidate, baseline)]
        >>> result = label_swap_test(*parts)
        >>> round(result.p_value, 4), result.distribution
        (0.0234, 'all 4,096 swaps')
    """
    if permutations < 99:
        raise ValueError(f"`permutations` must be at least 99, not {permutations}.")
    both = DifferencePrepared(candidate, baseline)
    name = statistic or both.statistics[0]
    if name not in both.statistics:
        raise ValueError(f"`statistic` is {name!r}; there are {', '.join(both.statistics)}.")
    index = both.statistics.index(name)
    active = both.active
    subjects = int(np.count_nonzero(active))
    skewness = _check(both, index, subjects)
    observed = float(both.estimate()[index])
    exact = 2**subjects <= permutations + 1
    # of the same rows, whose weights are scaled alike
    stacked = replace(candidate, weighted=False).concat(replace(baseline, weighted=False))
    swaps = _all(subjects) if exact else _random(subjects, permutations, seed)
    extreme = 0
    for start in range(0, len(swaps), _BLOCK):
        keep = np.ones((len(swaps[start : start + _BLOCK]), both.n_subjects))
        keep[:, active] = 1.0 - swaps[start : start + _BLOCK]
        first = stacked.at(np.concatenate([keep, 1 - keep], axis=1))[:, index]
        second = stacked.at(np.concatenate([1 - keep, keep], axis=1))[:, index]
        found = np.abs(first - second)
        if np.any(~np.isfinite(found)):
            raise CannotComputeError("With some labels swapped the statistic has no value.")
        extreme += int(np.count_nonzero(found >= abs(observed) * (1 - _TIE)))
    return HypothesisTest(
        test="Label-swap permutation test, two-sided",
        hypothesis="the versions are exchangeable within subjects",
        p_value=extreme / len(swaps) if exact else (extreme + 1) / (len(swaps) + 1),
        statistic=observed,
        distribution=f"{'all' if exact else 'random'} {len(swaps):,} swaps",
        n=subjects,
        counted="subjects",
        details={"skewness": skewness},
        citations=(PITMAN, JANSSEN),
    )


def _check(both: DifferencePrepared, index: int, subjects: int) -> float:
    """Skewness of the subjects' influence on the difference, where the test's error holds.

    Raises:
        CannotComputeError: It does not.
    """
    if not np.isfinite(both.estimate()[index]):
        raise CannotComputeError(both.reason_undefined(both.statistics[index]))
    if subjects < FEWEST_SUBJECTS:
        raise CannotComputeError(
            f"The label-swap test is offered from {FEWEST_SUBJECTS} subjects on; there are {subjects}. Use "
            "an interval of the difference."
        )
    u = both.influence()[:, index]
    scale = float(np.abs(u).max())
    centred = u - u.mean()
    variance = float(np.square(centred).mean())
    if scale == 0 or variance <= 1e-24 * scale**2:
        raise CannotComputeError("The subjects' differences do not vary; the test has no value.")
    skewness = float((centred**3).mean() / variance**1.5)
    if abs(skewness) >= LARGEST_SKEWNESS * np.sqrt(subjects):
        raise CannotComputeError(
            f"The subjects' differences are skewed ({skewness:.2f} with {subjects} subjects, at most "
            f"{LARGEST_SKEWNESS * np.sqrt(subjects):.2f} is accepted): the error of the label-swap test does "
            "not hold. Use an interval of the difference."
        )
    return skewness


def _all(subjects: int) -> FloatArray:
    """(2^S, S) every way to swap."""
    numbers = np.arange(2**subjects)[:, None] >> np.arange(subjects)[None, :]
    return (numbers & 1).astype(np.float64)


def _random(subjects: int, count: int, seed: int) -> FloatArray:
    """(count, S) random swaps from the raw bits of PCG64, which do not change between releases."""
    words = -(-subjects * count // 64)
    raw = np.asarray(np.random.PCG64(np.random.SeedSequence(seed)).random_raw(words), dtype="<u8")
    bits = np.unpackbits(raw.view(np.uint8), bitorder="little")[: subjects * count]
    return bits.reshape(count, subjects).astype(np.float64)
