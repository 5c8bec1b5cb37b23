"""Intraclass correlations: the share of variance that lies between targets, in all six classical forms.

Two notations name the same estimates: Shrout & Fleiss write ICC(model, number), McGraw & Wong write A for
absolute agreement and C for consistency.

| statistic | Shrout & Fleiss | McGraw & Wong |
|---|---|---|
| `icc_1_1` | ICC(1,1) | ICC(1) |
| `icc_a_1` | ICC(2,1) | ICC(A,1) |
| `icc_c_1` | ICC(3,1) | ICC(C,1) |
| `icc_1_k` | ICC(1,k) | ICC(k) |
| `icc_a_k` | ICC(2,k) | ICC(A,k) |
| `icc_c_k` | ICC(3,k) | ICC(C,k) |

Whether raters are random or fixed changes the interpretation, not the number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..additive import row_weights
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, evaluate, labelled, measured
from ..metric import Average, Columns, FloatArray, Metric, MetricResult, Sides, Statistic
from .icc_forms import IccPrepared, prepare_icc
from .methods import MCGRAW, SHROUT

_SINGLE = (
    "cluster_fisher_z", "mcgraw_wong", "shrout_fleiss", "cluster_t", "bootstrap_bca", "bootstrap_percentile"
)  # fmt: skip
_MEAN = ("cluster_t", "mcgraw_wong", "shrout_fleiss", "bootstrap_bca", "bootstrap_percentile")

_SINGLE_WORDS = "of one rating"
_MEAN_WORDS = "of the mean of the k ratings"


def _statistic(name: str, title: str, formula: str, meaning: str) -> Statistic:
    single = name.endswith("_1")
    whose = _SINGLE_WORDS if single else _MEAN_WORDS
    return Statistic(
        name,
        f"{title}: {meaning}",
        f"{formula}: {meaning} {whose}, from mean squares between targets (MSB), within targets (MSW), "
        "between raters (MSC) and residual (MSE) of n targets.",
        "none",
        "higher",
        _SINGLE if single else _MEAN,
    )


class IntraclassCorrelation(Metric):
    """Six intraclass correlations of reference and test as two raters; the plain function is `icc`."""

    name = "icc"
    title = "Intraclass correlation"
    summary = "Share of the variance that lies between targets, with reference and test as two raters."
    kind = "measurement"
    route = "additive"
    headline = "icc_a_1"
    figure = "scatter"
    statistics = (
        _statistic(
            "icc_1_1",
            "ICC(1,1) = ICC(1)",
            "(MSB - MSW) / (MSB + (k-1) MSW)",
            "one-way, absolute agreement",
        ),
        _statistic(
            "icc_a_1",
            "ICC(2,1) = ICC(A,1)",
            "(MSB - MSE) / (MSB + (k-1) MSE + k (MSC - MSE) / n)",
            "two-way, absolute agreement",
        ),
        _statistic(
            "icc_c_1",
            "ICC(3,1) = ICC(C,1)",
            "(MSB - MSE) / (MSB + (k-1) MSE)",
            "two-way, consistency",
        ),
        _statistic("icc_1_k", "ICC(1,k) = ICC(k)", "(MSB - MSW) / MSB", "one-way, absolute agreement"),
        _statistic(
            "icc_a_k",
            "ICC(2,k) = ICC(A,k)",
            "(MSB - MSE) / (MSB + (MSC - MSE) / n)",
            "two-way, absolute agreement",
        ),
        _statistic("icc_c_k", "ICC(3,k) = ICC(C,k)", "(MSB - MSE) / MSB", "two-way, consistency"),
    )
    citations = (SHROUT, MCGRAW)

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> IccPrepared:
        """Summarise the rows once; see `Metric.prepare`."""
        if average != "pooled":
            raise ValueError("`icc` has the average `pooled` only.")
        checks.parameters(self, parameters)
        columns = checks.measurement_columns(columns)
        return prepare_icc(
            np.column_stack([columns.reference, columns.test]),
            columns.offsets,
            row_weights(columns),
            weighted=columns.weights is not None,
        )


ICC = IntraclassCorrelation()
METRICS: tuple[Metric, ...] = (ICC,)


def icc(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Intraclass correlations of reference and test, taken as two raters of the same targets (rows).

    All six forms are returned; see `icc_raters` for their formulas and for more than two raters. For a device
    against a reference the form that counts a bias as disagreement is `icc_a_1`, ICC(A,1) = ICC(2,1).
    Every row is a target; where subjects have several, only the intervals that know subjects hold, and the
    coefficient mixes spread between and within subjects.

    Args:
        reference: (n,) reference values.
        test: (n,) values of the device under test, in the same unit.
        subject: (n,) subject labels. Default: every row is a subject of its own.
        weights: (n,) row weights; only ratios matter.
        ci: Interval method. Default: `mcgraw_wong` where every row is a subject of its own, without weights;
            else `cluster_fisher_z` (single) and `cluster_t` (mean of two).
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        `icc_1_1`, `icc_a_1`, `icc_c_1`, `icc_1_k`, `icc_a_k`, `icc_c_k` with k = 2.

    Raises:
        NotNumericError: A column does not hold numbers.
        NotFiniteError: A column holds NaN or infinities.
        LengthError: Columns differ in length.
        ValueError: Any other argument is not acceptable.

    References:
        Shrout PE, Fleiss JL. Psychol Bull 1979;86:420-428. McGraw KO, Wong SP. Psychol Methods 1996;1:30-46,
        corrected on p. 390.

    Example:
        Peak flow, large against mini meter (Bland & Altman 1986, Table 1, first readings);
        `irr::icc(cbind(large, mini), "twoway", "agreement")` in R:

        >>> large = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
        >>> mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
        >>> found = icc(large, mini)["icc_a_1"]
        >>> print(f"{found.value:.4f} ({found.interval.lower:.4f} to {found.interval.upper:.4f})")
        0.9459 (0.8574 to 0.9801)
    """
    columns, keys = measured(reference, test, subject, weights)
    if ci is None and weights is None and not np.any(np.diff(columns.offsets) > 1):
        ci = "mcgraw_wong"
    return evaluate(
        ICC, columns, keys, average="pooled", parameters={}, ci=ci, level=level, sides=sides,
        replicates=replicates, seed=seed,
    )  # fmt: skip


def icc_raters(
    ratings: ArrayLike,
    *,
    subject: ArrayLike | None = None,
    rater: ArrayLike | None = None,
    ci: Method = "mcgraw_wong",
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Intraclass correlations of n subjects rated by the same k raters, once each.

    With mean squares between subjects (MSB), within subjects (MSW), between raters (MSC) and residual (MSE):

    - `icc_1_1`, ICC(1,1) = ICC(1): (MSB - MSW) / (MSB + (k-1) MSW). Raters differ from subject to subject.
    - `icc_a_1`, ICC(2,1) = ICC(A,1): (MSB - MSE) / (MSB + (k-1) MSE + k (MSC - MSE) / n). Same raters;
      differences between raters count as disagreement.
    - `icc_c_1`, ICC(3,1) = ICC(C,1): (MSB - MSE) / (MSB + (k-1) MSE). They do not count.
    - `icc_1_k`, `icc_a_k`, `icc_c_k`: the same for the mean of the k ratings.

    Intervals: `mcgraw_wong` (F; exact for the one-way and consistency forms, Satterthwaite degrees of freedom
    for agreement); `shrout_fleiss`, which differs for `icc_a_k` only: it steps the single-rater interval up,
    while `mcgraw_wong` puts ICC(A,k) itself into the degrees of freedom, as `irr` in R does; linearised,
    Fisher z and bootstrap with subjects as clusters. Negative estimates are kept. `icc_a_k` has a pole where
    MSB = (MSE - MSC) / n: beyond it, where the formula exceeds 1, it has no value, and a lower bound that
    reaches it is minus infinity (R's `irr` and `psych` print numbers above 1). A table with missing cells is
    refused: these forms are not defined for it.

    Args:
        ratings: (n, k) table, a row a subject, a column a rater; or one column, with `subject` and `rater`.
        subject: Subject labels of a long column.
        rater: Rater labels of a long column.
        ci: Interval method, for all statistics that offer it or by statistic.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates, where a bootstrap is asked for.
        seed: Seed of the bootstrap.

    Returns:
        The six forms. A statistic without a value says why.

    Raises:
        NotNumericError: The ratings are not numbers.
        NotFiniteError: They hold NaN or infinities.
        LengthError: Long columns differ in length.
        ValueError: Fewer than two raters, a cell given twice or missing, or another argument not acceptable.

    References:
        Shrout PE, Fleiss JL. Psychol Bull 1979;86:420-428. McGraw KO, Wong SP. Psychol Methods 1996;1:30-46,
        Tables 4 and 7, corrected on p. 390.

    Example:
        Shrout & Fleiss 1979, Table 2 (p. 423); their Table 4 prints .17, .29 and .71, and .44, .62 and .91:

        >>> table = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
        >>> result = icc_raters(table)
        >>> [round(result[name].value, 2) for name in result]
        [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]
        >>> found = result["icc_a_1"].interval
        >>> round(found.lower, 4), round(found.upper, 4)
        (0.0188, 0.7611)
    """
    table, keys = _table(ratings, subject, rater)
    prepared = prepare_icc(table, np.arange(len(table) + 1), np.ones(len(table)), weighted=False)
    return labelled(
        ICC, prepared, keys, average="pooled", parameters={"raters": table.shape[1]}, ci=ci, level=level,
        sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip


def _table(
    ratings: ArrayLike, subject: ArrayLike | None, rater: ArrayLike | None
) -> tuple[FloatArray, tuple[str, ...]]:
    """The complete (n, k) table, rows in an order that does not depend on how they came, and keys."""
    table: FloatArray
    if subject is None and rater is None:
        given = np.asarray(ratings)
        if given.ndim != 2:
            raise ValueError("`ratings` is one column; it needs `subject` and `rater`, or a row a subject.")
        table = checks.measurements("ratings", given.ravel()).reshape(given.shape)
        keys = tuple(f"{i:012d}" for i in range(len(table)))
        table = table[np.lexsort(table.T)] if table.size else table
    elif subject is None or rater is None:
        raise ValueError("`subject` and `rater` belong together: give both, or a table with neither.")
    else:
        keys, table = _pivot(checks.measurements("ratings", ratings), subject, rater)
    raters = int(table.shape[-1])
    if raters < 2:
        raise ValueError(f"An intraclass correlation needs at least two raters; there is {raters}.")
    return table, keys


def _pivot(values: FloatArray, subject: ArrayLike, rater: ArrayLike) -> tuple[tuple[str, ...], FloatArray]:
    keys, row = checks.subject_labels(subject, len(values))
    raters, column = checks.subject_labels(rater, len(values))
    filled = np.zeros((len(keys), len(raters)), dtype=np.int64)
    np.add.at(filled, (row, column), 1)
    twice, missing = int(np.count_nonzero(filled > 1)), int(np.count_nonzero(filled == 0))
    if twice or missing:
        raise ValueError(
            f"Every rater must rate every subject once; {missing:,} cells are missing and {twice:,} are "
            "given more than once."
        )
    table = np.empty(filled.shape)
    table[row, column] = values
    return keys, table
