"""Several categories in one number: macro, weighted and micro averages of sensitivity, PPV and F1."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..additive import AdditivePrepared, subject_sums
from ..codes import category_codes, check_codes, check_request
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, arrange, evaluate
from ..metric import (
    Average,
    CannotComputeError,
    Columns,
    Counts,
    Interval,
    Metric,
    MetricResult,
    Sides,
    Statistic,
)
from ..proportions.clustered import logit_t
from ..proportions.clusters import no_spread
from ..proportions.proportion import rows_that_count
from ..raters.kappa import subject_tables
from .one_vs_rest import SOKOLOVA

_INTERVALS = ("cluster_t", "bootstrap_bca", "bootstrap_percentile", "cluster_logit")
_OF = (
    ("sensitivity", "sensitivity", "units of a category that the test calls so"),
    ("ppv", "positive predictive value", "units called a category that are of it"),
    ("f1", "F1 score", "2 TP / (2 TP + FN + FP) of a category against the rest"),
)


@dataclass(frozen=True)
class ClassAveragesFormula:
    """From added-up cells of the k x k table (row by row) to the averages.

    Attributes:
        levels: The categories; parts prepared with others are not put together.
    """

    levels: tuple[str, ...]

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Macro and weighted averages of sensitivity, PPV and F1, then micro."""
        k = len(self.levels)
        table = totals[..., : k * k].reshape(*totals.shape[:-1], k, k)
        right = np.diagonal(table, axis1=-2, axis2=-1)
        truth, called = table.sum(axis=-1), table.sum(axis=-2)
        n = truth.sum(axis=-1)
        results = []
        for values in (right / truth, right / called, 2 * right / (truth + called)):
            # a category that no unit is of has no weight, whatever its value
            weighted = np.where(truth.real > 0, truth * values, 0).sum(axis=-1) / n
            results += [values.mean(axis=-1), weighted]
        return np.stack([*results, right.sum(axis=-1) / n], axis=-1)


@dataclass(frozen=True, eq=False, kw_only=True)
class ClassAveragesPrepared(AdditivePrepared):
    """The k x k table of each subject, and its units in agreement.

    Attributes:
        levels: The categories.
    """

    levels: tuple[str, ...]

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, units, and units on which reference and test agree."""
        del statistic
        agreed = int(self.totals[:, -1].sum())
        return Counts(int(np.count_nonzero(self.active)), int(self.units.sum()), agreed)

    def reason_undefined(self, statistic: str) -> str:
        """Which categories have no value of their own."""
        if not np.any(self.active):
            return super().reason_undefined(statistic)
        k = len(self.levels)
        table = self.totals.sum(axis=0)[: k * k].reshape(k, k)
        truth, called = table.sum(axis=1), table.sum(axis=0)
        if statistic.endswith("sensitivity"):
            words, absent = "no unit of the reference is", truth == 0
        elif statistic.endswith("ppv"):
            words, absent = "the test calls no unit", called == 0
            if statistic.startswith("weighted"):
                absent &= truth > 0
        else:
            words, absent = "neither reference nor test has a unit of", truth + called == 0
        names = ", ".join(name for name, out in zip(self.levels, absent, strict=True) if out)
        return f"An average over categories has no value where one of them has none: {words} {names}."

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_t`, or `cluster_logit`.

        Raises:
            CannotComputeError: Fewer than two subjects; or an estimate of 0 or 1 with `cluster_logit`.
        """
        if method != "cluster_logit":
            return super().interval(statistic, method, level, sides)
        n = int(np.count_nonzero(self.active))
        if n < 2:
            raise CannotComputeError("An interval needs at least two subjects.")
        value = float(self.estimate()[self.statistics.index(statistic)])
        error = self.standard_error(statistic)
        lower, upper = logit_t(value, error, n - 1, level, sides)
        flat = no_spread(value, error)
        note = "The subjects do not differ; the interval has no width and says nothing." if flat else None
        return Interval(lower, upper, level, sides, method, degenerate=flat, warning=note)


def _statistics() -> tuple[Statistic, ...]:
    found = []
    for key, words, definition in _OF:
        found += [
            Statistic(
                f"macro_{key}",
                f"Macro-averaged {words}",
                f"Mean over the categories, each counted once, of the share of {definition}."
                if key != "f1"
                else f"Mean over the categories, each counted once, of {definition}.",
                "proportion",
                "higher",
                _INTERVALS,
            ),
            Statistic(
                f"weighted_{key}",
                f"Weighted {words}",
                "Mean over the categories, each weighted by its units in the reference, of "
                f"{'the share of ' if key != 'f1' else ''}{definition}."
                + (" It equals the accuracy." if key == "sensitivity" else ""),
                "proportion",
                "higher",
                _INTERVALS,
            ),
        ]
    micro = Statistic(
        "micro",
        "Micro average",
        "Cells of all categories against the rest added up: sensitivity, positive predictive value and F1 "
        "are then one number, the share of units on which test and reference agree (accuracy).",
        "proportion",
        "higher",
        _INTERVALS,
    )
    return (*found, micro)


class ClassAverages(Metric):
    """The plain function is `class_averages`."""

    name = "class_averages"
    title = "Averages over categories"
    summary = "Macro, weighted and micro averages of sensitivity, positive predictive value and F1."
    kind = "categorical"
    route = "additive"
    statistics = _statistics()
    headline = "macro_f1"
    citations = (SOKOLOVA,)
    figure = "confusion"

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> ClassAveragesPrepared:
        """Count the table of each subject.

        Raises:
            ValueError: Codes outside `levels`, an unknown average, or any parameter.
        """
        check_request(self, columns, average, parameters)
        levels = columns.levels or ("0", "1")
        k = len(levels)
        check_codes("reference", columns.reference, k)
        check_codes("test", columns.test, k)
        agreed = columns.reference == columns.test
        if columns.weights is not None:
            agreed &= columns.weights > 0
        return ClassAveragesPrepared(
            totals=np.column_stack([subject_tables(columns, k), subject_sums(agreed, columns.offsets)]),
            names=(*(f"cell {i},{j}" for i in range(k) for j in range(k)), "agreed counted"),
            statistics=tuple(statistic.name for statistic in self.statistics),
            formula=ClassAveragesFormula(tuple(levels)),
            units=rows_that_count(columns),
            bounds=(0.0, 1.0),
            weighted=columns.weights is not None,
            levels=tuple(levels),
        )


METRICS: tuple[Metric, ...] = (ClassAverages(),)


def class_averages(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    levels: Iterable[Any] | None = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Averages over categories of sensitivity, positive predictive value and F1 (Sokolova & Lapalme 2009).

    `macro`: each category counts once (macro-averaged sensitivity is the balanced accuracy of several
    categories). `weighted`: each counts by its units in the reference. `micro`: the cells are added up first,
    which makes all three the accuracy. Where a category has no value (nobody is of it, or is called so), an
    average over it has none either, and the reason names it; some programs count a 0 instead.

    Args:
        reference: (n,) categories.
        test: (n,) categories.
        levels: All categories. Default: those found.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        ci: `cluster_t` (default), `cluster_logit`, `bootstrap_bca` or `bootstrap_percentile`; or statistic ->
            method.
        level: Confidence level.
        sides: `two`, or the one bound wanted; the other is then 0 or 1.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing or none of the levels, or a parameter is not
            acceptable.

    Example:
        `sklearn.metrics.f1_score(truth, stage, average="macro")` gives the same:

        >>> truth = ["wake", "rem", "n2", "n2", "n2", "rem"]
        >>> stage = ["wake", "n2", "n2", "n2", "rem", "rem"]
        >>> result = class_averages(truth, stage)
        >>> round(result["macro_f1"].value, 4), round(result["micro"].value, 4)
        (0.7222, 0.6667)
    """
    truth, call, names = category_codes(reference, test, levels)
    given = None if weights is None else checks.row_weights(weights)
    columns, keys = arrange(truth, call, subject, given, names)
    return evaluate(
        ClassAverages(),
        columns,
        keys,
        average="pooled",
        parameters={},
        ci=ci,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )
