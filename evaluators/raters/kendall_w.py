"""Kendall's coefficient of concordance: whether raters put units into the same order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from ..metric import CannotComputeError
from ..result import number


@dataclass(frozen=True)
class Concordance:
    """Kendall's W with the test that ranks are given at random.

    Attributes:
        w: Coefficient of concordance, 0 to 1.
        statistic: raters x (units - 1) x W, chi-square in large samples.
        df: Units less one.
        p_value: Of ranks given at random; small with W > 0 in any sample large enough.
        n_units: Units.
        n_raters: Raters.
        ties_corrected: Whether the correction for ties was applied.
    """

    w: float
    statistic: float
    df: int
    p_value: float
    n_units: int
    n_raters: int
    ties_corrected: bool

    def __str__(self) -> str:
        corrected = ", corrected for ties" if self.ties_corrected else ""
        return (
            f"Kendall's W{corrected} = {number(self.w)} ({self.n_raters} raters, {self.n_units} units); "
            f"chi-square({self.df}) = {number(self.statistic)}, p = {number(self.p_value)}"
        )


def kendall_w(ratings: ArrayLike, *, correct_ties: bool = True) -> Concordance:
    """Kendall's coefficient of concordance of several raters' orders of the units (Kendall & Smith 1939).

    W = 12 S / (m^2 (n^3 - n) - m T): S the sum of squared deviations of the units' rank sums, m raters, n
    units, T the sum of t^3 - t over ties of t units within a rater. It sees orders only, not whether raters
    give the same values, and units are taken for independent. It is no evidence of agreement: rejecting
    random ranks says that raters have anything in common.

    Args:
        ratings: (n, m) numbers, a row a unit, a column a rater.
        correct_ties: Take T off (default); without, ties make W smaller. `irr::kendall` in R has to be asked
            for it.

    Raises:
        CannotComputeError: Fewer than two units or raters, or all ratings of all raters are tied.
        ValueError: `ratings` is no table of finite numbers; a missing rating has no rank.

    References:
        Kendall MG, Babington Smith B. The problem of m rankings. Ann Math Stat 1939;10:275-287.

    Example:
        >>> found = kendall_w([[1, 2, 1], [2, 1, 2], [3, 3, 4], [4, 4, 3]])
        >>> round(found.w, 4), found.df
        (0.8222, 3)
    """
    table = np.asarray(ratings)
    if table.ndim != 2 or table.dtype.kind not in "iuf" or not np.all(np.isfinite(table)):
        raise ValueError("`ratings` must be a table of finite numbers, a row a unit, a column a rater.")
    n, m = table.shape
    if n < 2 or m < 2:
        raise CannotComputeError(f"There are {n} units and {m} raters; two of each are needed.")
    ranks = stats.rankdata(table, axis=0)
    spread = float(np.square(ranks.sum(axis=1) - m * (n + 1) / 2).sum())
    ties = 0.0
    for column in table.T:
        size = np.unique(column, return_counts=True)[1].astype(np.float64)
        ties += float((size**3 - size).sum())
    below = m**2 * (float(n) ** 3 - n) - (m * ties if correct_ties else 0.0)
    if below <= 0:
        raise CannotComputeError("Every rater rates all units alike; there is no order to compare.")
    w = 12 * spread / below
    statistic = m * (n - 1) * w
    return Concordance(w, statistic, n - 1, float(special.chdtrc(n - 1, statistic)), n, m, correct_ties)
