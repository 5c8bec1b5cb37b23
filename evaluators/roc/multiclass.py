"""Areas of several classes: Hand and Till's mean over pairs of classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..codes import category_codes, check_codes, check_request
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED, evaluate
from ..intervals import t_interval
from ..metric import (
    Average,
    CannotComputeError,
    Citation,
    Columns,
    Counts,
    FloatArray,
    IntArray,
    Interval,
    Metric,
    MetricResult,
    Prepared,
    Sides,
    Statistic,
)
from .area import AUC, AucPrepared
from .counts import DIRECTION, Direction

HAND = Citation(
    "hand2001",
    "Hand DJ, Till RJ. A simple generalisation of the area under the ROC curve for multiple class "
    "classification problems. Mach Learn 2001;45:171-186.",
)


@dataclass(frozen=True, eq=False)
class HandTillPrepared(Prepared):
    """The areas of all pairs of classes, on the same subjects.

    Attributes:
        parts: One area a pair and direction, in the order of `pairs`.
        pairs: (class that counts as negative, as positive) of each part.
        levels: Names of the classes.
        units: (S,) rows of each subject.
    """

    parts: tuple[AucPrepared, ...]
    pairs: tuple[tuple[int, int], ...]
    levels: tuple[str, ...]
    units: IntArray
    statistics: tuple[str, ...] = ("hand_till_auc",)
    n_subjects: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_subjects", len(self.units))

    def at(self, weights: FloatArray, *, relative: bool = False) -> FloatArray:
        """The mean area at every weight vector; NaN where a class is empty. See `Prepared.at`."""
        del relative
        return np.asarray(np.mean([part.at(weights) for part in self.parts], axis=0))

    def jackknife(self) -> FloatArray:
        """(J, 1) with one of the subjects that have rows left out each."""
        return self.at((1.0 - np.eye(self.n_subjects))[self.units > 0])

    def estimate(self) -> FloatArray:
        """(1,) the mean area."""
        return np.asarray(np.mean([part.estimate() for part in self.parts], axis=0))

    def areas(self) -> FloatArray:
        """(c, c) area of each pair; both halves are filled, the diagonal is NaN."""
        table = np.full((len(self.levels), len(self.levels)), np.nan)
        sums, counts = np.zeros_like(table), np.zeros_like(table)
        for (i, j), part in zip(self.pairs, self.parts, strict=True):
            for place in ((i, j), (j, i)):
                sums[place] += part.estimate()[0]
                counts[place] += 1
        return np.asarray(np.divide(sums, counts, out=table, where=counts > 0))

    def counts(self, statistic: str) -> Counts:
        """Subjects with rows, and rows."""
        del statistic
        return Counts(int(np.count_nonzero(self.units)), int(self.units.sum()))

    def reason_undefined(self, statistic: str) -> str:
        """Which classes are empty."""
        del statistic
        if not self.units.sum():
            return "There are no rows."
        there = {
            cls
            for pair, part in zip(self.pairs, self.parts, strict=True)
            for cls, count in zip(
                pair, np.bincount(part.columns.reference.astype(np.int64), minlength=2), strict=True
            )
            if count
        }
        missing = [name for i, name in enumerate(self.levels) if i not in there]
        return f"There are no units of class {', '.join(missing)}."

    def standard_error(self, statistic: str) -> float:
        """Linearised, with subjects as clusters; NaN where a class comes from one subject."""
        del statistic
        if any(np.isnan(part.cluster_error()) for part in self.parts):
            return float("nan")
        z = np.zeros(self.n_subjects)
        for part in self.parts:
            z[part.units > 0] += part.influence() / len(self.parts)
        z = z[self.units > 0]
        return float(np.sqrt(len(z) / (len(z) - 1) * np.square(z - z.mean()).sum()))

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`cluster_t`.

        Raises:
            CannotComputeError: Another method, or a class that comes from a single subject.
        """
        if method != "cluster_t":
            raise CannotComputeError(f"`{statistic}` has no `{method}` interval.")
        value, error = float(self.estimate()[0]), self.standard_error(statistic)
        if not np.isfinite(error):
            raise CannotComputeError("The variance needs every class from at least two subjects.")
        lower, upper = t_interval(value, error, np.count_nonzero(self.units) - 1, level, sides)
        degenerate = error <= 1e-14
        return Interval(
            max(lower, 0.0), min(upper, 1.0), level, sides, method, degenerate=degenerate,
            warning="The variance is 0; the interval says nothing." if degenerate else None,
        )  # fmt: skip


class HandTill(Metric):
    """Hand and Till's area; the plain function is `hand_till_auc`.

    Its scores are a column a class, which the table of a study does not hold: it is not registered.
    """

    name = "hand_till_auc"
    title = "Area under the ROC curve of several classes (Hand & Till)"
    summary = "Mean over pairs of classes of the area under the ROC curve between them."
    kind = "categorical"
    route = "ordered"
    headline = "hand_till_auc"
    parameters = (DIRECTION,)
    statistics = (
        Statistic(
            "hand_till_auc",
            title,
            "Mean over pairs of classes i, j of (A(i|j) + A(j|i)) / 2: A(i|j) the probability that a unit of "
            "class i has a higher score for i than a unit of class j, ties counting half. Every pair counts "
            "the same, however rare.",
            "proportion",
            "higher",
            ("cluster_t", "bootstrap_percentile", "bootstrap_bca"),
        ),
    )
    citations = (HAND,)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> HandTillPrepared:
        """One area a pair of classes and direction.

        Args:
            columns: `reference` codes into `levels`; `test` (n, c) scores, or (n,) of ordered classes.
            average: Only `pooled`.
            parameters: See the metric.

        Raises:
            ValueError: Fewer than two classes, codes outside, or scores of another shape.
        """
        check_request(self, columns, average, parameters)
        direction: Direction = checks.parameters(self, parameters)["direction"]
        classes = len(columns.levels)
        if classes < 2:
            raise ValueError("There is one class only; name all classes in `levels`.")
        check_codes("reference", columns.reference, classes)
        parts, pairs = [], []
        for i, j in combinations(range(classes), 2):
            # one score of ordered classes: the later one is the positive; a score a class: both ways
            for negative, positive in ((i, j),) if columns.test.ndim == 1 else ((i, j), (j, i)):
                score = columns.test if columns.test.ndim == 1 else columns.test[:, positive]
                parts.append(_between(columns, score, negative, positive, direction))
                pairs.append((negative, positive))
        return HandTillPrepared(tuple(parts), tuple(pairs), columns.levels, np.diff(columns.offsets))


def _between(
    columns: Columns, score: FloatArray, negative: int, positive: int, direction: Direction
) -> AucPrepared:
    """The area between two classes; subjects without rows of them stay."""
    chosen = (columns.reference == negative) | (columns.reference == positive)
    offsets = np.concatenate([[0], np.cumsum(chosen)])[columns.offsets].astype(np.int64)
    truth = (columns.reference[chosen] == positive).astype(np.int64)
    return AUC.prepare(Columns(truth, score[chosen], offsets), direction=direction)


HAND_TILL = HandTill()


def hand_till_auc(
    reference: ArrayLike,
    scores: ArrayLike,
    *,
    levels: Iterable[Any],
    direction: Direction = "higher",
    subject: Any = None,
    ci: str | None = None,
    level: float = 0.95,
    sides: Sides = "two",
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
) -> MetricResult:
    """Area under the ROC curve of several classes: the mean over all pairs of classes (Hand & Till 2001).

    A score a class: between classes i and j the mean of the area of the score for i and of that for j. One
    score of ordered classes: the area between them, later classes having higher scores. The direction is
    declared and the same for all pairs; R's `multiclass.roc` turns every pair on its own to at least 0.5,
    which hides pairs in the wrong order.

    Args:
        reference: (n,) classes.
        scores: (n, c) a column a class in the order of `levels`, such as probabilities; or (n,) one score.
        levels: All classes, in order.
        direction: `higher` scores (default) or `lower` ones speak for a class (for later classes).
        subject: (n,) subject labels, compared as text. Default: every row is a subject of its own.
        ci: `cluster_t` (default), `bootstrap_percentile` or `bootstrap_bca`.
        level: Confidence level.
        sides: `two`, or the one bound wanted.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: Lengths differ, a value is missing or none of the levels, there is not one column a class,
            or a parameter is not acceptable. An empty class is no exception: `error` names it.

    Example:
        >>> scores = [[0.8, 0.1, 0.1], [0.3, 0.5, 0.2], [0.2, 0.6, 0.2], [0.5, 0.2, 0.3], [0.1, 0.2, 0.7]]
        >>> found = hand_till_auc(["a", "a", "b", "b", "c"], scores, levels=["a", "b", "c"])
        >>> round(found["hand_till_auc"].value, 4)
        0.875
    """
    table = np.asarray(scores)
    if table.ndim not in (1, 2):
        raise ValueError(f"`scores` must hold a row a unit; its shape is {table.shape}.")
    codes, _, names = category_codes(reference, reference, levels)
    if table.ndim == 2 and table.shape[1] != len(names):
        raise ValueError(
            f"`scores` has {table.shape[1]} columns; one for each of {len(names)} levels is needed."
        )
    columns = [checks.measurements("scores", column) for column in np.atleast_2d(table.T)]
    numbers = columns[0] if table.ndim == 1 else np.stack(columns, axis=1)
    checks.same_length(len(codes), {"scores": numbers})
    if subject is None:
        keys, label = tuple(f"{i:012d}" for i in range(len(codes))), np.zeros(len(codes), dtype=np.int64)
        offsets = np.arange(len(codes) + 1)
    else:
        keys, label = checks.subject_labels(subject, len(codes))
        offsets = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=len(keys)))]).astype(np.int64)
    order = np.lexsort((*columns, codes, label))
    sorted_rows = Columns(codes[order], numbers[order], offsets, names)
    return evaluate(
        HAND_TILL, sorted_rows, keys, average="pooled", parameters={"direction": direction}, ci=ci,
        level=level, sides=sides, replicates=replicates, seed=seed,
    )  # fmt: skip
