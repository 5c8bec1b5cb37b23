"""Concordance of a complete table of subjects by times, without a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..additive import AdditivePrepared
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, labelled
from ..metric import (
    Average,
    CannotComputeError,
    Columns,
    FloatArray,
    Interval,
    Metric,
    MetricResult,
    Sides,
    Statistic,
)
from .concordance_repeated import paired_at_times
from .intervals import tail_quantiles, z_interval
from .methods import KING


@dataclass(frozen=True)
class _Formula:
    """Twice the covariance over the mean squared difference of any two subjects, each summed over times."""

    times: int

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        n, product, squares = totals[..., 0], totals[..., 1], totals[..., 2]
        x, y = totals[..., 3 : 3 + self.times], totals[..., 3 + self.times :]
        across = (x * y).sum(axis=-1) / n
        return np.asarray(2 * (product - across) / (squares - 2 * across))[..., None]


@dataclass(frozen=True, eq=False)
class UStatisticsPrepared(AdditivePrepared):
    """Sums, squares and products of each subject; see `Prepared`.

    Attributes:
        x: (S, T) reference values, about a common centre.
        y: (S, T) test values.
    """

    x: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    y: FloatArray = field(default_factory=lambda: np.empty((0, 0)))

    def reason_undefined(self, statistic: str) -> str:
        """No subjects, or nothing that varies."""
        subjects = len(self.x)
        return "There are no rows." if subjects == 0 else "Concordance is 0/0: nothing varies."

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_fisher_z` with the linearised standard error; `king_z` with that of cccrm.

        Raises:
            CannotComputeError: Fewer than two subjects.
        """
        if method not in ("cluster_fisher_z", "king_z"):
            return super().interval(statistic, method, level, sides)
        subjects = len(self.x)
        if subjects < 2:
            raise CannotComputeError("An interval needs at least two subjects.")
        known = method == "cluster_fisher_z"
        low, high = tail_quantiles(level, sides, subjects - 1 if known else None)
        error = self.standard_error(statistic) if known else self.cccrm_error()
        value = float(self.estimate()[0])
        return z_interval(value, error, low=low, high=high, level=level, sides=sides, method=method)

    def cccrm_error(self) -> float:
        """Standard error of the U-statistics as `cccrm::cccUst` computes it.

        U averages the squared differences within subjects, V those across. As both kernels take two subjects,
        the variances of both carry a factor of 4; cccrm gives U the factor 1, which makes the result too
        small. For comparison only.
        """
        n = len(self.x)
        within = np.square(self.x - self.y).sum(axis=1)
        u = float(within.mean())
        all_x, all_y = self.x.sum(axis=0), self.y.sum(axis=0)
        squares_x, squares_y = np.square(self.x).sum(axis=1), np.square(self.y).sum(axis=1)
        to_y = n * squares_x + squares_y.sum() - 2 * self.x @ all_y - within
        to_x = n * squares_y + squares_x.sum() - 2 * self.y @ all_x - within
        across = (to_y + to_x) / (2 * (n - 1))
        v = float(across.mean())
        own = (within + (within.sum() - within) / (n - 1)) / 2
        parts = np.column_stack([own - u, 2 * (across - v)])
        slope = np.array([-v, u]) * n * (n - 1) / (u + (n - 1) * v) ** 2
        return float(np.sqrt(np.square(parts @ slope).sum()) / n)


class _UStatistics(Metric):
    """Labels of the result; it needs times, which a protocol's rows do not carry."""

    name = "ccc_u_statistics"
    title = "Concordance correlation, U-statistics"
    summary = "Concordance of a complete table of subjects by times, without a model."
    kind = "measurement"
    route = "additive"
    headline = "ccc"
    statistics = (
        Statistic(
            "ccc",
            "Concordance correlation coefficient (U-statistics)",
            "Sum over times of twice the covariance of reference and test, over the sum of their variances "
            "and squared mean difference, n in the denominator.",
            "none",
            "higher",
            ("cluster_fisher_z", "king_z", "cluster_t", "bootstrap_bca", "bootstrap_percentile"),
        ),
    )
    citations = (KING,)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> UStatisticsPrepared:
        """Tables with as many rows of every subject, in the order of their times."""
        times = int(np.diff(columns.offsets).max(initial=0))
        x = columns.reference.reshape(-1, times) if times else np.empty((0, 0))
        y = columns.test.reshape(-1, times) if times else np.empty((0, 0))
        shift = np.mean([*x.mean(axis=0), *y.mean(axis=0)]) if times else 0.0
        x, y = x - shift, y - shift
        product, squares = (x * y).sum(axis=1), (x * x + y * y).sum(axis=1)
        return UStatisticsPrepared(
            totals=np.column_stack([np.ones(len(x)), product, squares, x, y]),
            names=("subjects", "products", "squares", *("x",) * times, *("y",) * times),
            statistics=("ccc",),
            formula=_Formula(times),
            units=np.full(len(x), times, dtype=np.int64),
            bounds=(-1.0, 1.0),
            x=x,
            y=y,
        )


CCC_U_STATISTICS = _UStatistics()


def ccc_u_statistics(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike,
    time: ArrayLike,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Concordance of a complete table of subjects by times, from U-statistics.

    With s_xy, s_x, s_y and means m at each time, n in the denominator:
    ccc = sum over times of 2 s_xy / sum over times of (s_x^2 + s_y^2 + (m_y - m_x)^2). The ratio of King's
    U-statistics reduces to this; at one time it is `ccc`. No distribution is assumed, but every subject must
    have every time once; `ccc_longitudinal` has no such need.

    Intervals: `cluster_fisher_z` (default: linearised standard error, subjects as clusters; agrees with the
    jackknife); `king_z`, the standard error of the R package cccrm, only to compare with it: it gives one of
    the two U-statistics a quarter of its variance and is too small.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels.
        time: (n,) labels of the times.
        ci: Interval method; also `cluster_t` and the subject bootstrap.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `ccc`, without unit.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: A subject lacks a time or has it twice, or another argument is not acceptable.

    References:
        King TS, Chinchilli VM, Carrasco JL. Stat Med 2007;26:3095-3113.

    Example:
        >>> reference, test = [10, 13, 15, 19, 20, 22, 30, 31], [11, 14, 17, 21, 20, 23, 32, 34]
        >>> result = ccc_u_statistics(reference, test, subject=list("aabbccdd"), time=[1, 2] * 4)
        >>> round(result["ccc"].value, 3)
        0.972
    """
    columns, keys, _, times = paired_at_times(reference, test, subject, time)
    rows = np.diff(columns.offsets)
    short = int(np.count_nonzero(rows != times))
    if short:
        raise ValueError(f"Every subject must have each of {times:,} times once; {short:,} subjects do not.")
    return labelled(
        CCC_U_STATISTICS, CCC_U_STATISTICS.prepare(columns), keys, average="pooled", parameters={}, ci=ci,
        level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
