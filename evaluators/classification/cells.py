"""Statistics of the four cells, TP, FP, FN and TN, that are no single proportion: what they have in common.

Every subject contributes its four cells; a statistic is a smooth formula of the cells added up. Intervals are
of two kinds: from the cells with units taken as independent (log, MOVER, score,
logit), and from the linearised standard error with subjects as clusters, on a scale that suits the statistic.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks
from ..additive import AdditivePrepared, Formula
from ..codes import binary_codes, check_request
from ..functions import arrange, evaluate
from ..metric import (
    Average,
    CannotComputeError,
    Columns,
    Counts,
    FloatArray,
    Interval,
    Metric,
    MetricResult,
    Sides,
)
from ..proportions.clustered import logit_t
from ..proportions.clusters import FEW, equal_subjects, joined, no_spread
from ..proportions.proportion import nobody, rows_that_count
from .cell_counts import CELLS, cell_counts
from .table_intervals import log_t

_COUNTED = tuple(f"{name} counted" for name in CELLS)


@dataclass(frozen=True)
class Cells:
    """Counts of a table of reference by test."""

    tp: float
    fp: float
    fn: float
    tn: float

    @property
    def positives(self) -> float:
        """Reference positives."""
        return self.tp + self.fn

    @property
    def negatives(self) -> float:
        """Reference negatives."""
        return self.fp + self.tn

    @property
    def total(self) -> float:
        """All units."""
        return self.tp + self.fp + self.fn + self.tn


CellInterval = Callable[[Cells, Mapping[str, Any], float, Sides], tuple[float, float]]
"""(cells, parameters, level, sides) -> (lower, upper)."""

SCALED: dict[str, Callable[[float, float, float, float, Sides], tuple[float, float]]] = {
    "cluster_logit": logit_t,
    "cluster_log": log_t,
}
"""Student's t intervals on another scale: (value, standard error, degrees of freedom, level, sides)."""


class CellsMetric(Metric):
    """A statistic of the four cells. Subclasses say which; stateless, as every metric."""

    kind = "binary"
    route = "additive"
    figure = "confusion"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    from_cells: ClassVar[Mapping[str, CellInterval]] = {}
    """Interval methods that need the cells only and take units for independent."""
    rests_on: ClassVar[tuple[int, ...]] = (0, 1, 2, 3)
    """The cells that the statistic looks at: a subject with units in no other says nothing of it."""
    by_class: ClassVar[bool] = True
    """It puts a share of reference positives and one of reference negatives together."""

    @abstractmethod
    def formula(self, parameters: Mapping[str, Any]) -> Formula:
        """The statistic as a formula of the cells; NaN or infinite where it has no value."""

    @abstractmethod
    def undefined(self, cells: Cells) -> str:
        """Why there is no value, for cells where that is so."""

    def counts(self, cells: Cells) -> tuple[float, float]:
        """Events and units to print beside the statistic: agreement, of all units."""
        return cells.tp + cells.tn, cells.total

    def unit_interval(
        self, cells: Cells, parameters: Mapping[str, Any], method: str, level: float, sides: Sides
    ) -> Interval:
        """An interval from the cells alone, units taken as independent.

        Raises:
            CannotComputeError: The method has none for these cells.
        """
        lower, upper = self.from_cells[method](cells, parameters, level, sides)
        # of a one-sided interval the other end is open, and does not show that it has no width
        ends = (lower, upper) if sides == "two" else self.from_cells[method](cells, parameters, level, "two")
        flat = ends[0] == ends[1]
        note = "The interval has no width and says nothing." if flat else None
        return Interval(lower, upper, level, sides, method, degenerate=flat, warning=note)

    def prepare(self, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> CellsPrepared:
        """Count the cells of each subject.

        Raises:
            ValueError: Codes other than 0 and 1, an unknown average, or a parameter that is not acceptable.
        """
        check_request(self, columns, average, parameters)
        cells = cell_counts(columns)
        given = checks.parameters(self, parameters)
        return CellsPrepared(
            totals=np.column_stack([cells.totals, cells.counted]),
            names=(*CELLS, *_COUNTED),
            statistics=(self.headline,),
            formula=self.formula(given),
            units=rows_that_count(columns),
            bounds=self.bounds,
            metric=self,
            parameters=tuple(given.items()),
            weighted=columns.weights is not None,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class CellsPrepared(AdditivePrepared):
    """The cells of each subject: as weighted, then as counted.

    Attributes:
        metric: Whose cells they are.
        parameters: Its parameters.
        weighted: Row weights were given.
    """

    metric: CellsMetric
    parameters: tuple[tuple[str, Any], ...]
    weighted: bool

    @property
    def active(self) -> NDArray[np.bool_]:
        """(S,) which subjects have units in the cells that the statistic looks at."""
        return np.asarray(self.totals[:, [4 + cell for cell in self.metric.rests_on]].sum(axis=1) > 0)

    @property
    def cells(self) -> Cells:
        """All units, counted without row weights."""
        return Cells(*(float(total) for total in self.totals[:, 4:].sum(axis=0)))

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, and the events and units of the metric."""
        del statistic
        events, units = self.metric.counts(self.cells)
        return Counts(int(np.count_nonzero(self.active)), int(units), int(events))

    def reason_undefined(self, statistic: str) -> str:
        """No rows, or what the metric says of its cells."""
        if not np.any(self.units):
            return nobody("There are no rows.") if self.weighted else "There are no rows."
        return self.metric.undefined(self.cells)

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """From the cells where the metric has such a method; else from the linearised standard error.

        Raises:
            CannotComputeError: A method of the cells with row weights; fewer than two subjects with a method
                that takes them for clusters; or the method has no interval for these cells.
        """
        if method in self.metric.from_cells:
            return self._from_cells(method, level, sides)
        found = self._clustered(statistic, method, level, sides)
        notes = joined(found.warning, self._class_note())
        return replace(found, warning=notes)

    def _clustered(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        if method not in SCALED:
            return super().interval(statistic, method, level, sides)
        n = int(np.count_nonzero(self.active))
        if n < 2:
            raise CannotComputeError("An interval needs at least two subjects.")
        value, error = float(self.estimate()[0]), self.standard_error(statistic)
        lower, upper = SCALED[method](value, error, n - 1, level, sides)
        degenerate = no_spread(value, error)
        note = "The subjects do not differ; the interval has no width and says nothing."
        return Interval(
            lower, upper, level, sides, method, degenerate=degenerate, warning=note if degenerate else None
        )

    def _class_note(self) -> str | None:
        """A warning where one reference class lies with few subjects: the interval counts all of them."""
        if not self.metric.by_class:
            return None
        everyone, notes = int(np.count_nonzero(self.active)), []
        for name, cells in (("positives", (0, 2)), ("negatives", (1, 3))):
            sizes = self.totals[:, list(cells)].sum(axis=1)
            have = int(np.count_nonzero(sizes))
            equal = equal_subjects(sizes)
            if have < min(FEW, everyone):
                notes.append(
                    f"Only {have} of {everyone} subjects have reference {name}; the interval counts all of "
                    "them and is probably too narrow."
                )
            elif equal is not None:
                notes.append(
                    f"The subjects' reference {name} weigh like only {equal:.1f} subjects of equal size; the "
                    "interval is probably too narrow."
                )
        return joined(*notes)

    def _from_cells(self, method: str, level: float, sides: Sides) -> Interval:
        if self.weighted:
            raise CannotComputeError(
                f"`{method}` counts units, and these are weighted; use a method with subjects as clusters."
            )
        found = self.metric.unit_interval(self.cells, dict(self.parameters), method, level, sides)
        if not np.any(self.units > 1):
            return found
        notes = ("Units are taken for independent, and subjects have several.", found.warning)
        return replace(found, independent_rows=True, warning=joined(*notes))


def unit_standard_error(formula: Formula, cells: Cells, rests_on: tuple[int, ...]) -> float:
    """Linearised standard error with every unit a subject of its own, from the cells alone.

    What `CellsPrepared.standard_error` gives for one row a subject, without the rows. NaN below two units in
    the cells that the statistic rests on.
    """
    counts = np.array([cells.tp, cells.fp, cells.fn, cells.tn])
    looked_at = np.isin(np.arange(4), rests_on)
    n = counts[looked_at].sum()
    if n < 2:
        return float("nan")
    with np.errstate(all="ignore"):
        slopes: FloatArray = np.imag(formula(counts + 1j * 1e-30 * np.eye(4)))[:, 0] / 1e-30
    used = (counts > 0) & looked_at
    slopes, weight = slopes[used], counts[used]
    if not np.all(np.isfinite(slopes)):
        return float("nan")
    mean = (weight * slopes).sum() / n
    return float(np.sqrt((weight * np.square(slopes - mean)).sum() * n / (n - 1)))


def cells_result(
    metric: Metric,
    reference: ArrayLike,
    test: ArrayLike,
    *,
    positive: Any,
    subject: Any,
    weights: ArrayLike | None,
    ci: str | None,
    level: float,
    sides: Sides,
    replicates: int,
    seed: int,
    parameters: Mapping[str, Any] | None = None,
    independent: str | None = None,
) -> MetricResult:
    """A statistic of the cells as a labelled result; what the plain functions share.

    Without `ci` the interval is by `independent`, if there is such a method and every subject has one unit,
    else by the first method of the statistic.

    Raises:
        ValueError: Lengths differ, a weight is negative, or a parameter is not acceptable.
    """
    given = None if weights is None else checks.row_weights(weights)
    columns, keys = arrange(
        binary_codes("reference", reference, positive), binary_codes("test", test, positive), subject, given
    )
    several = bool(np.any(np.diff(columns.offsets) > 1))
    default = None if several or given is not None else independent
    return evaluate(
        metric,
        columns,
        keys,
        average="pooled",
        parameters=parameters or {},
        ci=ci or default,
        level=level,
        sides=sides,
        replicates=replicates,
        seed=seed,
    )


def split(totals: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """TP, FP, FN and TN of added-up totals."""
    return totals[..., 0], totals[..., 1], totals[..., 2], totals[..., 3]
