"""One category against all others: the statistics of a 2 x 2 table, for a test with several categories.

Whatever the test calls instead of the category counts alike. A statistic of one category is not one of the
test; `class_averages` puts the categories together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..additive import AdditivePrepared
from ..codes import category_codes, check_codes, check_request
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, Method, arrange, evaluate
from ..metric import (
    REQUIRED,
    Average,
    Citation,
    Columns,
    Counts,
    Interval,
    Metric,
    MetricResult,
    Parameter,
    Sides,
    Statistic,
)
from ..proportions.proportion import COUNTED, ProportionPrepared, rows_that_count, weighed
from .binary import ALTMAN, Prevalence, Sensitivity, Specificity
from .cell_counts import CELLS
from .cells import CellsMetric, CellsPrepared
from .f_scores import F1, RIJSBERGEN
from .overall_accuracy import BalancedAccuracy
from .predictive_values import ALTMAN_PREDICTIVE, NegativePredictiveValue, PositivePredictiveValue

SOKOLOVA = Citation(
    "sokolova2009",
    "Sokolova M, Lapalme G. A systematic analysis of performance measures for classification tasks. "
    "Inf Process Manag 2009;45:427-437.",
)

_PROPORTIONS = (
    Sensitivity(),
    Specificity(),
    PositivePredictiveValue(),
    NegativePredictiveValue(),
    Prevalence(),
)
_OTHERS: tuple[CellsMetric, ...] = (F1(), BalancedAccuracy())
_COUNTED, _SQUARED = 4, 8  # after the four cells as weighted: as counted, then their squared weights


@dataclass(frozen=True)
class OneVsRestFormula:
    """Every statistic, from cells added up.

    Attributes:
        category: Which one; parts prepared for different ones are not put together.
    """

    category: str

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """In the order of `OneVsRest.statistics`."""
        cells = totals[..., :_COUNTED]
        proportions = [metric.ratio(cells) for metric in _PROPORTIONS]
        return np.concatenate([*proportions, *(metric.formula({})(cells) for metric in _OTHERS)], axis=-1)


@dataclass(frozen=True, eq=False, kw_only=True)
class OneVsRestPrepared(AdditivePrepared):
    """TP, FP, FN and TN of one category for each subject: as weighted, as counted, and weights squared.

    Attributes:
        weighted: Row weights were given.
    """

    weighted: bool

    def part(self, statistic: str) -> ProportionPrepared | CellsPrepared:
        """The same cells as prepared by the binary metric of that statistic."""
        counted, squared = self.totals[:, _COUNTED:_SQUARED], self.totals[:, _SQUARED:]
        for metric in _PROPORTIONS:
            if metric.name == statistic:
                events, units = (
                    counted[:, list(part)].sum(axis=1) for part in (metric.ratio.events, metric.ratio.units)
                )
                squares = [squared[:, list(metric.ratio.units)].sum(axis=1)] if self.weighted else []
                return ProportionPrepared(
                    totals=np.column_stack([self.totals[:, :_COUNTED], *squares, events, units]),
                    names=(*CELLS, *(COUNTED if self.weighted else COUNTED[1:])),
                    statistics=(statistic,),
                    formula=metric.ratio,
                    units=self.units,
                    bounds=(0.0, 1.0),
                    average="pooled",
                    weighted=self.weighted,
                    empty=metric.empty,
                )
        other = next(metric for metric in _OTHERS if metric.name == statistic)
        return CellsPrepared(
            totals=self.totals[:, :_SQUARED],
            names=self.names[:_SQUARED],
            statistics=(statistic,),
            formula=other.formula({}),
            units=self.units,
            bounds=other.bounds,
            metric=other,
            parameters=(),
            weighted=self.weighted,
        )

    def counts(self, statistic: str) -> Counts:
        """As the binary metric counts."""
        return self.part(statistic).counts(statistic)

    def reason_undefined(self, statistic: str) -> str:
        """As the binary metric says, of this category."""
        if not np.any(self.active):
            return super().reason_undefined(statistic)
        return f"Of category {self.category!r}: {self.part(statistic).reason_undefined(statistic)}"

    @property
    def category(self) -> str:
        """Which category is positive."""
        return self.formula.category if isinstance(self.formula, OneVsRestFormula) else ""

    def standard_error(self, statistic: str) -> float:
        """As that of the binary metric."""
        return self.part(statistic).standard_error(statistic)

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """As that of the binary metric.

        Raises:
            CannotComputeError: The binary metric has none.
        """
        return self.part(statistic).interval(statistic, method, level, sides)


def _statistic(metric: Metric) -> Statistic:
    own = metric.statistics[0]
    return Statistic(
        own.name,
        f"{own.title}, one category against the rest",
        f"{own.definition} Positive is the one category, negative every other.",
        own.unit,
        own.better,
        own.intervals,
    )


class OneVsRest(Metric):
    """The plain function is `one_vs_rest`."""

    name = "one_vs_rest"
    title = "One category against the rest"
    summary = "Sensitivity, specificity, predictive values and F1 of one category, all others taken together."
    kind = "categorical"
    route = "additive"
    statistics = tuple(_statistic(metric) for metric in (*_PROPORTIONS, *_OTHERS))
    headline = "sensitivity"
    parameters = (Parameter("category", "text", "Which category is positive.", default=REQUIRED),)
    citations = (SOKOLOVA, ALTMAN, ALTMAN_PREDICTIVE, RIJSBERGEN)
    figure = "confusion"

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> OneVsRestPrepared:
        """Count the cells of each subject.

        Raises:
            ValueError: Codes outside `levels`, an unknown average, or a category that is none of the levels.
        """
        check_request(self, columns, average, parameters)
        category = str(checks.parameters(self, parameters)["category"])
        if category not in columns.levels:
            raise checks.ParameterError(
                f"`category` is {category!r}; the levels are {', '.join(columns.levels) or 'not given'}."
            )
        k, code = len(columns.levels), columns.levels.index(category)
        check_codes("reference", columns.reference, k)
        check_codes("test", columns.test, k)
        truth, call = columns.reference == code, columns.test == code
        cells = (truth & call, ~truth & call, truth & ~call, ~(truth | call))
        return OneVsRestPrepared(
            totals=np.column_stack(weighed(columns, cells)),
            names=(*CELLS, *(f"{name} {how}" for how in ("counted", "squared") for name in CELLS)),
            statistics=tuple(statistic.name for statistic in self.statistics),
            formula=OneVsRestFormula(category),
            units=rows_that_count(columns),
            bounds=(0.0, 1.0),
            weighted=columns.weights is not None,
        )


METRICS: tuple[Metric, ...] = (OneVsRest(),)


def one_vs_rest(
    reference: ArrayLike,
    test: ArrayLike,
    *,
    category: Any,
    levels: Iterable[Any] | None = None,
    subject: Any = None,
    weights: ArrayLike | None = None,
    ci: Method = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """One category against all others: sensitivity, specificity, PPV, NPV, prevalence, F1, balanced accuracy.

    Each is what the binary function of that name gives with `positive=category` (Sokolova & Lapalme 2009).

    Args:
        reference: (n,) categories.
        test: (n,) categories.
        category: The one that is positive.
        levels: All categories. Default: those found.
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        weights: (n,) row weights, of which only the ratios matter.
        ci: One method for all statistics that offer it, or statistic -> method. Default: `korn_graubard` of
            proportions, which is `clopper_pearson` where every subject has one unit, and `cluster_t` of the
            others, but `mover_wilson` of balanced accuracy where every subject has one unit.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing or none of the levels, or a parameter is not
            acceptable.

    Example:
        >>> truth = ["wake", "rem", "n2", "n2", "n2", "rem"]
        >>> stage = ["wake", "n2", "n2", "n2", "rem", "rem"]
        >>> result = one_vs_rest(truth, stage, category="n2")
        >>> round(result["sensitivity"].value, 4), round(result["specificity"].value, 4)
        (0.6667, 0.6667)
    """
    truth, call, names = category_codes(reference, test, levels)
    given = None if weights is None else checks.row_weights(weights)
    columns, keys = arrange(truth, call, subject, given, names)
    several = bool(np.any(np.diff(columns.offsets) > 1)) or given is not None
    default: Method = None if several else {"balanced_accuracy": "mover_wilson"}
    return evaluate(
        OneVsRest(),
        columns,
        keys,
        average="pooled",
        parameters={"category": str(category)},
        ci=ci or default,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )
