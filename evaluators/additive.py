"""Metrics that are smooth functions of per-subject sums: the route that makes resampling a matrix product.

A subject contributes a few totals (counts, sums, sums of squares, derived terms such as a subject's mean). A
statistic is a formula of the totals added up over subjects, each as often as its weight says. Ten thousand
bootstrap replicates of a thousand subjects are then `formula(W @ totals)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .intervals import t_interval
from .metric import CannotComputeError, Columns, Counts, FloatArray, IntArray, Interval, Prepared, Sides

Formula = Callable[[NDArray[Any]], NDArray[Any]]
"""(..., k) added-up totals -> (..., m) statistics, NaN where undefined.

It has to be analytic (no `abs` of a total, comparisons on `.real` only), because standard errors are its
complex-step derivatives.
"""

_BLOCK = 1024  # rows of W at a time, fixed, so that no number depends on how many are asked for
_ONE_THREAD = 200_000  # products of this many multiplications stay in one thread of the BLAS
_STEP = 1e-30  # complex step; squares of it vanish beside one


@dataclass(frozen=True, eq=False)
class AdditivePrepared(Prepared):
    """Per-subject totals with the formula that turns their sum into statistics.

    Attributes:
        totals: (S, k) float64.
        names: The k totals' names.
        statistics: The m statistics' names, in the formula's order.
        formula: From added-up totals to statistics.
        units: (S,) rows of each subject.
        bounds: Smallest and largest value the statistics can have; symmetric intervals are cut there.
        weighted: Row weights were given.
    """

    totals: FloatArray
    names: tuple[str, ...]
    statistics: tuple[str, ...]
    formula: Formula
    units: IntArray
    bounds: tuple[float, float] = (-np.inf, np.inf)
    weighted: bool = False
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        if self.totals.shape != (len(self.units), len(self.names)):
            raise ValueError(
                f"`totals` is {self.totals.shape}, not {len(self.units)} subjects x {len(self.names)} names."
            )
        object.__setattr__(self, "n_subjects", len(self.units))

    @property
    def active(self) -> NDArray[np.bool_]:
        """(S,) which subjects have rows."""
        return self.units > 0

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """Every statistic at every weight vector; see `Prepared.at`.

        Raises:
            ValueError: The weights do not have one column a subject.
        """
        if weights.ndim != 2 or weights.shape[1] != self.n_subjects:
            raise ValueError(
                f"`weights` is {weights.shape}; one column for each of {self.n_subjects} subjects is needed."
            )
        result = np.empty((len(weights), len(self.statistics)))
        for start in range(0, len(weights), _BLOCK):
            block = weights[start : start + _BLOCK]
            if relative:
                block = effective(block, self.active)
            result[start : start + _BLOCK] = self.evaluate(_product(block, self.totals))
        return result

    def jackknife(self) -> FloatArray:
        """(J, m) statistics with one of the subjects that have rows left out each."""
        return self.evaluate(self.totals.sum(axis=0) - self.totals[self.active])

    def influence(self) -> FloatArray:
        """(J, m) derivative of each statistic in each subject's weight, at weights of one."""
        total = self.totals.sum(axis=0)
        with np.errstate(all="ignore"):
            stepped = self.formula(total + 1j * _STEP * self.totals[self.active])
        return np.asarray(np.imag(stepped) / _STEP)

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, and rows."""
        del statistic
        return Counts(n_subjects=int(np.count_nonzero(self.active)), n_units=int(self.units.sum()))

    def reason_undefined(self, statistic: str) -> str:
        """Why there is no value; metrics that can say more override this."""
        if not np.any(self.active):
            return "There are no rows."
        return f"`{statistic}` is undefined for these data (zero denominator)."

    def standard_error(self, statistic: str) -> float:
        """Linearised standard error with subjects as clusters (Binder 1983).

        sqrt(S / (S - 1) * sum((z - mean(z))^2)) with z the derivative in each subject's weight; the same as
        `survey::svymean` in R for a single-stage cluster sample without finite population correction.
        NaN with one subject.
        """
        z = self.influence()[:, self.statistics.index(statistic)]
        if len(z) < 2:
            return float("nan")
        return float(np.sqrt(len(z) / (len(z) - 1) * np.square(z - z.mean()).sum()))

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_t`, and `t` where each subject has one row; metrics with more methods extend this.

        Raises:
            CannotComputeError: Fewer than two subjects, several rows a subject with `t`, or a method not
                offered.
        """
        if method == "cluster_t":
            return self.symmetric(statistic, method, level, sides)
        if method == "t":
            if np.any(self.units > 1):
                raise CannotComputeError(
                    "`t` takes rows for independent, and subjects have several; use `cluster_t`."
                )
            return self.symmetric(statistic, method, level, sides)
        raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")

    def symmetric(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """Estimate plus and minus t times the linearised standard error, subjects - 1 degrees of freedom."""
        n = int(np.count_nonzero(self.active))
        if n < 2:
            raise CannotComputeError("An interval needs at least two subjects.")
        value = float(self.estimate()[self.statistics.index(statistic)])
        spread = AdditivePrepared.standard_error(self, statistic)  # linearised, whatever a subclass models
        return self.t_around(value, spread, n - 1, method=method, level=level, sides=sides)

    def t_around(
        self, value: float, standard_error: float, df: float, *, method: str, level: float, sides: Sides
    ) -> Interval:
        """A t interval cut at the statistic's bounds, marked degenerate where the standard error is zero.

        Raises:
            CannotComputeError: The standard error is undefined.
        """
        if not np.isfinite(standard_error):
            raise CannotComputeError("The standard error is undefined for these data.")
        lower, upper = t_interval(value, standard_error, df, level, sides)
        # rounding leaves about 1e-16 where the spread between subjects is exactly nothing
        degenerate = standard_error <= 1e-14 * max(abs(value), np.finfo(float).tiny)
        return Interval(
            lower=max(lower, self.bounds[0]),
            upper=min(upper, self.bounds[1]),
            level=level,
            sides=sides,
            method=method,
            degenerate=degenerate,
            warning="The subjects do not differ; the interval has no width and says nothing."
            if degenerate
            else None,
        )

    def subset(self, chosen: NDArray[Any]) -> Self:
        """The chosen subjects only, by mask or index: as if their rows had been prepared, unread."""
        return replace(self, totals=self.totals[chosen], units=self.units[chosen])

    def concat(self, *others: Self) -> Self:
        """These subjects and others, prepared elsewhere with the same metric and parameters.

        Raises:
            ValueError: The others were prepared differently, or with row weights: each part has scaled its
                own (`row_weights`), so that the rows of one would weigh more than those of another.
        """
        if any(part.weighted for part in (self, *others)):
            raise ValueError(
                "Parts prepared with row weights cannot be put together; prepare all their rows."
            )
        parts = [self, *(other.aligned(self) for other in others)]
        return replace(
            self,
            totals=np.concatenate([part.totals for part in parts]),
            units=np.concatenate([part.units for part in parts]),
        )

    def aligned(self, other: AdditivePrepared) -> Self:
        """Self, expressed so that its totals can stand under those of `other`."""
        if (type(self), self.names, self.statistics, self.formula) != (
            type(other),
            other.names,
            other.statistics,
            other.formula,
        ):
            raise ValueError("Only parts prepared with the same metric and parameters can be put together.")
        return self

    def evaluate(self, totals: NDArray[Any]) -> FloatArray:
        """The formula of added-up totals, NaN for what is not finite."""
        with np.errstate(all="ignore"):
            values = self.formula(totals)
        return np.where(np.isfinite(values), values, np.nan)


def at_together(prepared: Sequence[AdditivePrepared], weights: FloatArray) -> list[FloatArray]:
    """What `at` of each gives at the same weights, from one matrix product: the weights are read once.

    Ten thousand weight vectors are far longer than the totals of a metric; reading them again for every
    metric and version is what takes the time. The last digits can differ from those of `at`, and depend on
    which are asked together and on the threads of the BLAS: hold these to one where numbers have to repeat.

    Args:
        prepared: Summaries over the same subjects, with formulas of their own.
        weights: (B, S) weights of those subjects.

    Example:
        >>> totals = np.array([[1.0, 2.0], [3.0, 1.0]])
        >>> def mean(added): return added[..., :1] / added[..., 1:]
        >>> one = AdditivePrepared(totals, ("sum", "n"), ("mean",), mean, np.array([1, 2]))
        >>> [found.tolist() for found in at_together([one, one], np.ones((1, 2)))]
        [[[1.3333333333333333]], [[1.3333333333333333]]]
    """
    stacked = np.hstack([one.totals for one in prepared])
    ends = np.cumsum([one.totals.shape[1] for one in prepared])
    results = [np.empty((len(weights), len(one.statistics))) for one in prepared]
    for start in range(0, len(weights), _BLOCK):
        block = slice(start, start + _BLOCK)
        added = weights[block] @ stacked
        for one, end, result in zip(prepared, ends, results, strict=True):
            result[block] = one.evaluate(added[:, end - one.totals.shape[1] : end])
    return results


def _product(weights: FloatArray, totals: FloatArray) -> FloatArray:
    """Matrix product in pieces so small that the BLAS does not share them out between threads.

    The totals have few columns: handing pieces to threads costs more than it saves (18 times more where other
    work keeps the cores busy), and one thread adds up in one order.
    """
    rows = max(1, _ONE_THREAD // max(totals.size, 1))
    result = np.empty((len(weights), totals.shape[1]))
    for start in range(0, len(weights), rows):
        np.matmul(weights[start : start + rows], totals, out=result[start : start + rows])
    return result


def effective(weights: FloatArray, active: NDArray[np.bool_]) -> FloatArray:
    """Weights scaled to add up to the effective number, (sum w)^2 / sum w^2; equal ones become 1.

    Example:
        >>> effective(np.array([[3.0, 3.0], [2.0, 0.0]]), np.array([True, True]))
        array([[1., 1.],
               [1., 0.]])
    """
    used = weights[:, active]
    squares = np.square(used).sum(axis=1)
    with np.errstate(all="ignore"):
        scale = np.where(squares > 0, used.sum(axis=1) / squares, 0.0)
    return np.asarray(weights * scale[:, None])


def subject_sums(values: NDArray[Any], offsets: IntArray) -> FloatArray:
    """(S,) sums of each subject's values (pairwise summation); 0 for a subject without rows."""
    starts, lengths = offsets[:-1], np.diff(offsets)
    filled = lengths > 0
    sums = np.zeros(len(lengths))
    if np.any(filled):
        sums[filled] = np.add.reduceat(values, starts[filled], dtype=np.float64)
    return sums


def row_weights(columns: Columns) -> FloatArray:
    """(n,) row weights scaled to add up to the effective number of rows; ones where none were given."""
    if columns.weights is None:
        return np.ones(len(columns.reference))
    squares = float(np.square(columns.weights).sum())
    if squares == 0:
        return np.zeros(len(columns.weights))
    return np.asarray(columns.weights * (columns.weights.sum() / squares))
