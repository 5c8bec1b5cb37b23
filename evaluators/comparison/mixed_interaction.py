"""Interaction of a subgroup of subjects with a slope, where each subject has several values (mixed model).

y_ij = a + b x_ij + g_i (c + d x_ij) + u_i + e_ij, with g_i = 1 in the second subgroup and a random intercept
u_i a subject, by restricted maximum likelihood. d is how much the slope differs between the subgroups.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from .. import checks
from ..agreement.random_intercept import InterceptModel
from ..metric import CannotComputeError, Citation
from .results import HypothesisTest

LAIRD = Citation(
    "laird1982", "Laird NM, Ware JH. Random-effects models for longitudinal data. Biometrics 1982;38:963-974."
)
SATTERTHWAITE = Citation(
    "satterthwaite1946",
    "Satterthwaite FE. An approximate distribution of estimates of variance components. "
    "Biometrics Bull 1946;2:110-114.",
)


def slope_interaction(
    values: ArrayLike,
    covariate: ArrayLike,
    group: Sequence[object] | NDArray[Any],
    subject: Sequence[object] | NDArray[Any],
) -> HypothesisTest:
    """Test that a slope is the same in two subgroups of subjects who have several values each.

    The statistic is the F of d with 1 and Satterthwaite's degrees of freedom, as `lmerTest` in R for
    `y ~ x * g + (1 | subject)`. For instance: does the error of a device grow with the heart rate in one skin
    tone more than in another? `details` hold both slopes, their difference (second - first subgroup, labels
    in the order of text) with its standard error, and the standard deviations.

    Args:
        values: (n,) values, such as errors.
        covariate: (n,) what they may change with.
        group: (n,) label of the subject's subgroup; two of them.
        subject: (n,) subject labels.

    Raises:
        CannotComputeError: Not two subgroups; a subject in both; too few subjects or values; a covariate that
            does not vary within a subgroup; or no variance between subjects, which leaves Satterthwaite's
            degrees of freedom without a value.
        ValueError: Lengths differ, or a value or label is missing.

    Example:
        >>> x = [0, 1, 2] * 6
        >>> y = [1, 2, 2, 3, 4, 6, 0, 1, 3, 2, 4, 7, 1, 4, 6, 4, 7, 9]
        >>> result = slope_interaction(y, x, list("a" * 9 + "b" * 9), np.repeat(np.arange(6), 3))
        >>> round(result.details["slope_difference"], 4), round(result.p_value, 4), result.distribution
        (1.3333, 0.0007, 'F, 1 and 10 df')
    """
    y, x = checks.measurements("values", values), checks.measurements("covariate", covariate)
    for name, column in (("covariate", x), ("group", group)):
        if len(column) != len(y):
            raise ValueError(f"`{name}` has {len(column)} values for {len(y)} rows.")
    keys, code = checks.subject_labels(subject, len(y))
    labels, member = checks.subject_labels(group, len(y))
    if len(labels) != 2:
        raise CannotComputeError(f"Two subgroups are compared, not {len(labels)}.")
    in_second = np.bincount(code, member, len(keys)) / np.maximum(np.bincount(code, minlength=len(keys)), 1)
    if np.any((in_second > 0) & (in_second < 1)):
        raise CannotComputeError("A subject is in both subgroups; use `subgroup_heterogeneity`.")
    if any(np.count_nonzero(in_second == i) < 2 for i in (0, 1)):
        raise CannotComputeError("Each subgroup needs at least two subjects.")
    centre = float(x.mean())  # the interaction does not depend on it; a large offset would cost digits
    design = np.column_stack([np.ones(len(y)), x - centre, member, member * (x - centre)])
    if np.linalg.matrix_rank(design) < 4 or len(y) <= 4:
        raise CannotComputeError("The covariate does not vary within a subgroup, or values are too few.")
    order = np.lexsort((y, x, code))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(code, minlength=len(keys)))]).astype(np.int64)
    model = InterceptModel.of(design[order], y[order], offsets, reml=True)
    ones = np.ones((1, len(keys)))
    fit = model.fit(ones)
    beta, covariance = fit.beta[0], fit.covariance[0]
    if not np.all(np.isfinite(beta)):
        raise CannotComputeError("The mixed model has no fit: the values do not vary within subjects.")
    contrast = np.array([0.0, 0.0, 0.0, 1.0])
    df = model.satterthwaite(fit, 0, contrast, ones[0])
    if not np.isfinite(df):
        raise CannotComputeError(
            "The variance between subjects is estimated as 0: Satterthwaite gives no degrees of freedom."
        )
    error = float(np.sqrt(covariance[3, 3]))
    statistic = float((beta[3] / error) ** 2)
    return HypothesisTest(
        test="Interaction of a subgroup with a slope, mixed model",
        hypothesis="the slope is the same in both subgroups",
        p_value=float(special.fdtrc(1, df, statistic)),
        statistic=statistic,
        distribution=f"F, 1 and {df:.5g} df",
        n=len(keys),
        counted="subjects",
        details={
            f"slope_{labels[0]}": float(beta[1]),
            f"slope_{labels[1]}": float(beta[1] + beta[3]),
            "slope_difference": float(beta[3]),
            "standard_error": error,
            "df": df,
            "sd_between": float(np.sqrt(fit.between[0])),
            "sd_within": float(np.sqrt(fit.within[0])),
        },
        citations=(LAIRD, SATTERTHWAITE),
    )
