"""Limits of agreement from a mixed model with a condition: activities, postures, sites."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate
from ..metric import (
    Average,
    CannotComputeError,
    ColumnRole,
    Columns,
    Metric,
    MetricResult,
    Sides,
    Statistic,
)
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


@dataclass(frozen=True, eq=False)
class ByConditionPrepared(MixedPrepared):
    """The mixed model with conditions; see `Prepared`.

    Attributes:
        absent: Conditions without rows, as they stand in the statistics' names.
    """

    absent: tuple[str, ...] = ()

    def reason_undefined(self, statistic: str) -> str:
        """A condition without rows, else as without conditions."""
        for name in self.absent:
            if statistic.endswith(f"_{name}"):
                return f"No rows in condition {name}."
        return super().reason_undefined(statistic)

    def warning(self, statistic: str) -> str | None:
        """Conditions that the mean over conditions leaves out, else as without conditions."""
        found = super().warning(statistic)
        if not self.absent or statistic not in ("bias", "loa_lower", "loa_upper"):
            return found
        note = f"No rows in {', '.join(self.absent)}: the mean is over the other conditions."
        return f"{note} {found}" if found else note


class BlandAltmanMixedByCondition(BlandAltmanMixed):
    """The mixed model with a fixed effect for each condition.

    The plain function is `bland_altman_mixed_by_condition`.
    """

    name = "bland_altman_mixed_by_condition"
    title = "Bland-Altman agreement by condition, mixed model"
    summary = (
        "Bias and limits of agreement in each condition (an activity, a posture), from one linear mixed "
        "model with a random intercept for each subject; statistics for each declared level of the condition."
    )
    columns = (
        ColumnRole(
            "condition", "category", "The condition of each pair: an activity, a posture, a temperature."
        ),
    )
    statistics = (
        replace(
            BlandAltmanMixed.statistics[0],
            title="Bias, mean over conditions",
            definition="Plain mean of the biases of the conditions in the mixed model.",
        ),
        *BlandAltmanMixed.statistics[1:],
    )

    def of_levels(self, levels: Mapping[str, tuple[str, ...]]) -> BlandAltmanMixedByCondition:
        """With `bias_X`, `loa_lower_X` and `loa_upper_X` for each condition X.

        Raises:
            ValueError: Two conditions differ only in characters that a statistic's name cannot have.
        """
        labels = levels["condition"]
        names = [identifier(label) for label in labels]
        if len(set(names)) < len(names):
            raise ValueError(f"the conditions {', '.join(labels)} give statistics of the same name")
        made = type(self)()
        made.statistics = (  # type: ignore[misc]
            *type(self).statistics,
            *(
                Statistic(
                    f"{kind}_{name}",
                    _TITLES[kind].format(label),
                    _DEFINITIONS[kind],
                    "same",
                    "near_zero",
                    BlandAltmanMixed.statistics[STATISTICS.index(kind)].intervals,
                )
                for name, label in zip(names, labels, strict=True)
                for kind in ("bias", "loa_lower", "loa_upper")
            ),
        )
        return made

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> ByConditionPrepared:
        """Sum the differences and the conditions up by subject.

        Raises:
            CannotComputeError: Fewer than two conditions have rows.
            ValueError: A parameter or a column is not acceptable.
        """
        del average
        given = checks.parameters(self, parameters)
        names = [identifier(label) for label in columns.role_levels["condition"]]
        codes = np.asarray(columns.roles["condition"])
        columns = checks.measurement_columns(columns)
        if len(codes) != len(columns.reference) or np.any((codes < 0) | (codes >= len(names))):
            raise ValueError("`condition` must name a condition in every row.")
        present, own = np.unique(codes, return_inverse=True)
        if len(present) < 2:
            only = f"only {names[int(present[0])]} has rows" if len(present) else "none has rows"
            raise CannotComputeError(f"Conditions need rows in at least two of them; {only}.")
        count = len(present)
        design = np.column_stack([np.ones(len(own)), effects(own.astype(np.int64), count)])
        plain = prepare_mixed(columns, design, given)
        known = dict(zip((names[int(code)] for code in present), contrasts(count), strict=True))
        nothing = np.full(count, np.nan)
        return ByConditionPrepared(
            plain.model,
            plain.shift,
            plain.multiplier,
            contrasts=(*plain.contrasts, *((name, known.get(name, nothing)) for name in names)),
            statistics=(
                *STATISTICS,
                *(f"{kind}_{name}" for name in names for kind in ("bias", "loa_lower", "loa_upper")),
            ),
            absent=tuple(name for name in names if name not in known),
        )


def identifier(label: str) -> str:
    """A level as part of a statistic's name, which protocols can say.

    Example:
        >>> identifier("stationary bike")
        'stationary_bike'
    """
    return re.sub(r"[^A-Za-z0-9_-]+", "_", label)


BLAND_ALTMAN_MIXED_BY_CONDITION = BlandAltmanMixedByCondition()
METRICS: tuple[Metric, ...] = (BLAND_ALTMAN_MIXED_BY_CONDITION,)


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
        `loa_upper_<condition>` for each condition, in alphabetical order; characters of a condition that are
        neither letters, digits, `_` nor `-` become `_`.

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
        BLAND_ALTMAN_MIXED_BY_CONDITION.of_levels({"condition": names}),
        Columns(
            first[order],
            second[order],
            offsets,
            roles={"condition": codes[order]},
            role_levels={"condition": names},
        ),
        keys,
        average="pooled",
        parameters={"estimation": estimation, "agreement_level": agreement_level},
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )
