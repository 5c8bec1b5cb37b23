"""Limits of agreement from a mixed model with a condition: activities, postures, sites."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate
from ..metric import Average, Columns, IntArray, MetricResult, Sides, Statistic
from .mixed_limits import STATISTICS, BlandAltmanMixed, Estimation, MixedPrepared, prepare_mixed
from .random_intercept import contrasts, effects

_TITLES = {
    "bias": "Bias in condition {}",
    "loa_lower": "Lower limit of agreement in condition {}",
    "loa_upper": "Upper limit of agreement in condition {}",
}
_DEFINITIONS = {
    "bias": "Fixed effect of the condition in the mixed model.",
    "loa_lower": "Bias in the condition minus the normal quantile times the SD of differences.",
    "loa_upper": "Bias in the condition plus the normal quantile times the SD of differences.",
}


class _ByCondition(BlandAltmanMixed):
    """The mixed model with a fixed effect for each condition; made for one call, not registered."""

    def __init__(self, names: tuple[str, ...], codes: IntArray) -> None:
        self.names, self.codes = names, codes
        plain = BlandAltmanMixed.statistics
        first = replace(
            plain[0],
            title="Bias, mean over conditions",
            definition="Plain mean of the biases of the conditions in the mixed model.",
        )
        self.statistics = (  # type: ignore[misc]
            first,
            *plain[1:],
            *(
                Statistic(
                    f"{kind}_{name}",
                    _TITLES[kind].format(name),
                    _DEFINITIONS[kind],
                    "same",
                    "near_zero",
                    BlandAltmanMixed.statistics[STATISTICS.index(kind)].intervals,
                )
                for name in names
                for kind in ("bias", "loa_lower", "loa_upper")
            ),
        )

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> MixedPrepared:
        """Sum the differences and the conditions up by subject."""
        del average
        given = checks.parameters(self, parameters)
        columns = checks.measurement_columns(columns)
        count = len(self.names)
        design = np.column_stack([np.ones(len(self.codes)), effects(self.codes, count)])
        plain = prepare_mixed(columns, design, given)
        named = zip(self.names, contrasts(count), strict=True)
        return replace(
            plain,
            contrasts=(*plain.contrasts, *named),
            statistics=tuple(statistic.name for statistic in self.statistics),
        )


def bland_altman_mixed_by_condition(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike,
    condition: ArrayLike,
    estimation: Estimation = "reml",
    agreement_level: float = 0.95,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Bias and limits of agreement in each condition, from one mixed model of all differences.

    test - reference = bias of the condition + subject + error. The bias is a fixed effect of its condition;
    the variances between and within subjects are common to all conditions, so each condition's limits lie the
    same distance from its own bias. Limits without a condition in their name lie about the plain mean of the
    biases; what conditions differ by is not in their width.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels.
        condition: (n,) condition labels, compared as text; at least two different ones.
        estimation: `reml` or `ml`.
        agreement_level: Share of differences between the limits if they are normal; 0.95 is the convention.
        ci: Interval method; as for `bland_altman_mixed`.
        level: Confidence level of the intervals.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Returns:
        The statistics of `bland_altman_mixed`, then `bias_<condition>`, `loa_lower_<condition>` and
        `loa_upper_<condition>` for each condition, in alphabetical order.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ParameterError: `estimation` or `agreement_level` is not acceptable.
        ValueError: Fewer than two conditions, or any other argument is not acceptable.

    References:
        Parker RA et al. PLoS One 2016;11:e0168321.

    Example:
        >>> result = bland_altman_mixed_by_condition(
        ...     [10, 20, 30, 40, 50, 60], [11, 22, 31, 43, 50, 61],
        ...     subject=list("aabbcc"), condition=["rest", "walk"] * 3, replicates=200,
        ... )
        >>> [round(result[name].value, 3) for name in ("bias_rest", "bias_walk", "bias")]
        [0.667, 2.0, 1.333]
    """
    first = checks.measurements("reference", reference)
    second = checks.measurements("test", test)
    checks.same_length(len(first), {"test": second, "condition": np.asarray(condition)})
    keys, label = checks.subject_labels(subject, len(first))
    names, codes = checks.subject_labels(condition, len(first))
    if len(names) < 2:
        raise ValueError(f"`condition` holds {len(names)} different labels; at least two are needed.")
    order = np.lexsort((codes, second, first, label))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=len(keys)))]).astype(np.int64)
    return evaluate(
        _ByCondition(names, codes[order]),
        Columns(first[order], second[order], offsets),
        keys,
        average="pooled",
        parameters={"estimation": estimation, "agreement_level": agreement_level},
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )
