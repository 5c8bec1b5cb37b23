"""How much two categories disagree: the weights of kappa and its relatives.

Weighted agreement gives part of the credit to a near miss. Weights are kept here as whole numbers of
disagreement, so that tables of counts are compared without rounding and a denominator of zero is exactly
zero.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from ..metric import FloatArray, Parameter

Weighting = Literal["unweighted", "linear", "quadratic"]
"""`unweighted`: any disagreement counts fully; `linear`, `quadratic`: by the distance of the categories."""

WEIGHTING = Parameter(
    "weighting",
    "choice",
    "Credit for a near miss between categories i and j of k in their declared order: none (`unweighted`), "
    "1 - |i - j| / (k - 1) (`linear`), or 1 - (i - j)^2 / (k - 1)^2 (`quadratic`). Anything but `unweighted` "
    "assumes that the categories are ordered and equally far apart.",
    default="unweighted",
    choices=get_args(Weighting),
)


def disagreement(k: int, weighting: Weighting) -> FloatArray:
    """(k, k) disagreement of each pair of categories, in whole numbers; 0 on the diagonal.

    Example:
        >>> disagreement(3, "quadratic").astype(int).tolist()
        [[0, 1, 4], [1, 0, 1], [4, 1, 0]]
    """
    apart = np.abs(np.subtract.outer(np.arange(k), np.arange(k))).astype(np.float64)
    if weighting == "unweighted":
        return np.asarray((apart > 0).astype(np.float64))
    return apart if weighting == "linear" else np.square(apart)


def largest(k: int, weighting: Weighting) -> float:
    """The largest disagreement there can be: what `disagreement` is divided by to lie between 0 and 1."""
    if weighting == "unweighted" or k < 2:
        return 1.0
    return float(k - 1) if weighting == "linear" else float((k - 1) ** 2)
