"""Proportions of units, subject by subject: what sensitivity, accuracy, yield and the like have in common.

Per subject there are a few counts (TP, FP, FN, TN, or determinate and indeterminate). A proportion is the sum
of some of them (the events) over the sum of some of them (the units). Two averages of it exist and differ:

- `pooled`: events of all subjects over units of all subjects; a subject counts as often as it has units.
- `subject_mean`: the mean of the subjects' own proportions; every subject that has units counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..additive import AdditivePrepared, row_weights, subject_sums
from ..checks import row_weights as row_weights_checked
from ..functions import arrange, evaluate
from ..metric import (
    Average,
    Columns,
    Counts,
    FloatArray,
    IntArray,
    Interval,
    Metric,
    MetricResult,
    Sides,
    Statistic,
)
from .bounds import PROPORTION_INTERVALS, ProportionData, is_proportion_method, proportion_interval
from .clusters import uneven

COUNTED = ("squared weights", "events counted", "units counted")
"""Names of the last totals of every proportion; the first only where rows have weights."""


@dataclass(frozen=True)
class Ratio:
    """Which counts are events and which are units: index tuples into the counts."""

    events: tuple[int, ...]
    units: tuple[int, ...]

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Events over units, added up over subjects."""
        ratio = totals[..., list(self.events)].sum(axis=-1) / totals[..., list(self.units)].sum(axis=-1)
        return np.asarray(ratio)[..., None]


def mean_of_shares(totals: NDArray[Any]) -> NDArray[Any]:
    """Sum of the subjects' shares over the number of subjects that have one."""
    return np.asarray(totals[..., 0] / totals[..., 1])[..., None]


@dataclass(frozen=True, eq=False, kw_only=True)
class ProportionPrepared(AdditivePrepared):
    """Counts of each subject behind one proportion.

    The last two of `totals` are always the subject's events and units as counted, without row weights; before
    them, where there are weights, the sum of the squares of what its units weigh in the estimate. A row of
    weight 0 is not counted.

    Attributes:
        average: How subjects are put together.
        weighted: Row weights were given.
        empty: What to say where no subject has a unit.
    """

    average: Average
    weighted: bool
    empty: str

    @property
    def active(self) -> NDArray[np.bool_]:
        """(S,) which subjects have units; the others say nothing about this proportion."""
        return np.asarray(self.totals[:, -1] > 0)

    def counts(self, statistic: str) -> Counts:
        """Subjects that have units, units, and events among them: the fraction itself."""
        del statistic
        events, units = self.totals[:, -2:].sum(axis=0)
        return Counts(int(np.count_nonzero(self.active)), int(units), int(events))

    def reason_undefined(self, statistic: str) -> str:
        """Which class is empty."""
        if not np.any(self.active):
            return nobody(self.empty) if self.weighted and np.any(self.units) else self.empty
        return super().reason_undefined(statistic)

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """Any interval of a proportion, or `cluster_t`; see `bounds`.

        Raises:
            CannotComputeError: No units; row weights, or a mean of subjects with several units, with a method
                that counts units; fewer than two subjects with a method that takes them for clusters.
        """
        by_subject = self.average == "subject_mean"
        sizes = self.active.astype(np.float64)
        if isinstance(self.formula, Ratio):
            sizes = self.totals[:, list(self.formula.units)].sum(axis=1)
        if not is_proportion_method(method):
            other = super().interval(statistic, method, level, sides)
            return replace(other, warning=other.warning or uneven(sizes))
        found = ProportionData(
            events=self.totals[:, -2],
            units=self.totals[:, -1],
            value=float(self.estimate()[0]),
            standard_error=self.standard_error(statistic),
            sizes=sizes,
            weighted=self.weighted,
            by_subject=by_subject,
            empty=self.empty,
            squares=self.totals[:, -3] if self.weighted else None,
        )
        return proportion_interval(found, method, level, sides)


def prepare_proportion(
    columns: Columns,
    cells: Sequence[NDArray[np.bool_]],
    *,
    names: tuple[str, ...],
    ratio: Ratio,
    statistic: str,
    average: Average,
    empty: str,
) -> ProportionPrepared:
    """Add cells up by subject and attach the formula of the average.

    Args:
        columns: The rows.
        cells: One (n,) indicator a cell; which rows fall into it.
        names: See `proportion_of`.
        ratio: See `proportion_of`.
        statistic: See `proportion_of`.
        average: See `proportion_of`.
        empty: See `proportion_of`.
    """
    return proportion_of(
        columns,
        weighed(columns, cells),
        names=names,
        ratio=ratio,
        statistic=statistic,
        average=average,
        empty=empty,
    )


def proportion_of(
    columns: Columns,
    cells: Weighed,
    *,
    names: tuple[str, ...],
    ratio: Ratio,
    statistic: str,
    average: Average,
    empty: str,
) -> ProportionPrepared:
    """A proportion of cells that are added up by subject already.

    Args:
        columns: The rows.
        cells: The sums of the k cells.
        names: The k cells' names.
        ratio: Which of them are events and units.
        statistic: The statistic's name.
        average: `pooled` or `subject_mean`.
        empty: What to say where no subject has a unit.
    """
    totals, counted, squared = cells
    events, units = counted[:, list(ratio.events)].sum(axis=1), counted[:, list(ratio.units)].sum(axis=1)
    squares = squared[:, list(ratio.units)].sum(axis=1)
    formula: Callable[[NDArray[Any]], NDArray[Any]] = ratio
    if average == "subject_mean":
        own = totals[:, list(ratio.units)].sum(axis=1)
        has = own > 0
        share, squares = (
            np.divide(part, whole, out=np.zeros(len(own)), where=has)
            for part, whole in ((totals[:, list(ratio.events)].sum(axis=1), own), (squares, np.square(own)))
        )
        totals, names, formula = np.stack([share, has], axis=1), ("share", "subjects"), mean_of_shares
    weighted = columns.weights is not None
    return ProportionPrepared(
        totals=np.column_stack([totals, *([squares] if weighted else []), events, units]),
        names=(*names, *(COUNTED if weighted else COUNTED[1:])),
        statistics=(statistic,),
        formula=formula,
        units=np.diff(columns.offsets),
        bounds=(0.0, 1.0),
        average=average,
        weighted=weighted,
        empty=empty,
    )


class Weighed(NamedTuple):
    """Cells added up by subject; without row weights, the same table three times.

    Attributes:
        totals: (S, k) sums of row weights.
        counted: (S, k) rows that have a weight.
        squared: (S, k) sums of squared row weights.
    """

    totals: FloatArray
    counted: FloatArray
    squared: FloatArray


def weighed(columns: Columns, cells: Sequence[NDArray[np.bool_]]) -> Weighed:
    """For each cell the subjects' sums of row weights, rows that have a weight, and sums of squared weights.

    A row of weight 0 (never verified, outside the population) says nothing: counted, it would add degrees of
    freedom, and a miss among such rows would hide that every unit that counts is an event.
    """
    if columns.weights is None:
        counted = np.stack([subject_sums(cell, columns.offsets) for cell in cells], axis=1)
        return Weighed(counted, counted, counted)
    weights = row_weights(columns)
    return Weighed(
        *(
            np.stack([subject_sums(cell * each, columns.offsets) for cell in cells], axis=1)
            for each in (weights, weights > 0, np.square(weights))
        )
    )


def rows_that_count(columns: Columns) -> IntArray:
    """(S,) rows of each subject, those of weight 0 left out."""
    if columns.weights is None:
        return np.diff(columns.offsets)
    return subject_sums(columns.weights > 0, columns.offsets).astype(np.int64)


def nobody(empty: str) -> str:
    """That a class is empty, where its rows have no weight."""
    return f"{empty.removesuffix('.')} with a weight above 0."


def proportion_statistic(name: str, title: str, definition: str, better: str) -> Statistic:
    """A statistic between 0 and 1 with the intervals of a proportion."""
    return Statistic(
        name=name,
        title=title,
        definition=definition,
        unit="proportion",
        better="higher" if better == "higher" else "none",
        intervals=PROPORTION_INTERVALS,
    )


def proportion_result(
    metric: Metric,
    reference: IntArray,
    test: IntArray,
    *,
    subject: Any,
    weights: ArrayLike | None,
    average: Average,
    ci: str | None,
    level: float,
    sides: Sides,
    replicates: int,
    seed: int,
) -> MetricResult:
    """A proportion of coded rows as a labelled result; what the plain functions share.

    Without `ci` the interval is the exact one where every subject has one unit, and otherwise that of Korn
    and Graubard, which is the same there.

    Raises:
        ValueError: Lengths differ, a weight is negative, or a parameter is not acceptable.
    """
    given = None if weights is None else row_weights_checked(weights)
    columns, keys = arrange(reference, test, subject, given)
    several = bool(np.any(np.diff(columns.offsets) > 1))
    default = "korn_graubard" if several or given is not None else "clopper_pearson"
    return evaluate(
        metric,
        columns,
        keys,
        average=average,
        parameters={},
        ci=ci or default,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )
