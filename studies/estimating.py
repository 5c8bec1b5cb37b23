"""From coded rows to what a metric takes: arrays, its summary, an exact bound where there is no spread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..evaluators import blocks
from ..evaluators.intervals import clopper_pearson
from ..evaluators.metric import CannotComputeError, Columns, Estimate, FloatArray, Interval, Metric, Prepared
from ..protocols.model import Endpoint
from . import slices
from .coding import further_values
from .slices import Coding

EMPTY = "no analysable rows in this part of the data"


def columns_of(how: Coding, rows: pl.DataFrame, subjects: pl.Series) -> tuple[Columns, tuple[str, ...]]:
    """Coded rows as arrays, and the subjects that have rows, in order."""
    present = np.unique(rows.get_column(slices.SUBJECT_NUMBER).to_numpy())
    return columns_over(how, rows, present), tuple(subjects.gather(present).to_list())


def columns_over(how: Coding, rows: pl.DataFrame, present: NDArray[Any]) -> Columns:
    """Coded rows as arrays over stated subjects, some of whom may have no rows.

    Args:
        how: How the rows were coded.
        rows: Coded rows, sorted by subject.
        present: (S,) running numbers of the subjects, in order, those of all rows among them.
    """
    number = rows.get_column(slices.SUBJECT_NUMBER).to_numpy()
    places = np.searchsorted(present, number).astype(np.int64)
    counts = np.bincount(places, minlength=len(present))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Columns(
        reference=rows.get_column("reference").to_numpy(),
        test=rows.get_column("test").to_numpy(),
        offsets=offsets,
        levels=how.levels,
        weights=rows.get_column(slices.WEIGHT).to_numpy() if slices.WEIGHT in rows.columns else None,
        roles=further_values(how, rows),
        role_levels={one.role.name: one.levels for one in how.further if one.role.kind == "category"},
    )


def prepare(metric: Metric, endpoint: Endpoint, columns: Columns) -> tuple[Prepared | None, str | None]:
    """The metric's summary, or why there is none. A plug-in's bug is a visible row, not a stopped study."""
    if len(columns.reference) == 0:
        return None, EMPTY
    try:
        average = endpoint.average or metric.averages[0]
        return blocks.prepare(metric, columns, average=average, **endpoint.parameters), None
    except CannotComputeError as error:
        return None, str(error)
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def with_exact_bound(estimate: Estimate, prepared: Prepared) -> Estimate:
    """An interval of a proportion that has no spread, replaced by the exact one over subjects.

    For the lower bound a subject is a success only where all its units are, for the upper one where any is:
    10 of 10 subjects then give [0.6915, 1] at level 0.95, not [1, 1], and ten subjects with half of their
    units each say nothing, [0, 1] (Clopper and Pearson, Biometrika 1934, 26(4): 404-413).
    """
    interval, unit = estimate.interval, estimate.statistic.unit
    if interval is None or not interval.degenerate or unit not in ("proportion", "percent"):
        return estimate
    position = prepared.statistics.index(estimate.statistic.name)
    scale = 100.0 if unit == "percent" else 1.0
    own = np.concatenate([prepared.at(block)[:, position] for block in _one_by_one(prepared.n_subjects)])
    own = own[~np.isnan(own)]
    if not len(own) or own.min() < 0 or own.max() > scale:
        return estimate  # a percentage that is no share of units
    successes = int(np.count_nonzero(own == scale))
    lower = clopper_pearson(successes, len(own), interval.level, interval.sides)[0]
    upper = clopper_pearson(int(np.count_nonzero(own > 0)), len(own), interval.level, interval.sides)[1]
    exact = Interval(
        float(lower) * scale, float(upper) * scale, interval.level, interval.sides, "clopper_pearson"
    )
    note = (
        f"the interval had no spread; exact bound over subjects, {successes} of {len(own)} without a failure"
    )
    return replace(estimate, interval=exact, warning=joined([estimate.warning, note]))


def _one_by_one(n_subjects: int, block: int = 500) -> Iterator[FloatArray]:
    """Weights that leave each subject alone in turn, some at a time to bound the memory."""
    for start in range(0, n_subjects, block):
        stop = min(start + block, n_subjects)
        weights = np.zeros((stop - start, n_subjects))
        weights[np.arange(stop - start), np.arange(start, stop)] = 1.0
        yield weights


def joined(texts: Sequence[str | None]) -> str | None:
    """Notes in one text, each once; None where there are none."""
    return "; ".join(dict.fromkeys(text for text in texts if text)) or None
