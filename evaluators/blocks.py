"""Preparing many rows: block by block of whole subjects, so that what is in the making stays in the cache.

Totals of different subjects only have to be put under each other, so the rows of ten million pairs need not
pass through memory once for every intermediate array. Blocks follow from the offsets alone; numbers do not
depend on the machine. They are cut once: what metrics share of a block (`Columns.shared`) serves every metric
that is asked of the same columns.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from .additive import AdditivePrepared
from .metric import Average, Columns, IntArray, Metric, Prepared

BLOCK_ROWS = 1 << 17
"""Rows of a block: a megabyte a column, which fits the cache of a core."""


def prepare(metric: Metric, columns: Columns, *, average: Average = "pooled", **parameters: Any) -> Prepared:
    """What `metric.prepare` returns, made in blocks where the metric is additive and there are many rows.

    Rows with weights are prepared in one piece: weights are scaled over all rows.

    Args:
        metric: The metric.
        columns: The rows, sorted by subject.
        average: See `Metric.prepare`.
        parameters: See `Metric.prepare`.

    Raises:
        ValueError: As `metric.prepare`.

    Example:
        >>> from accordance.evaluators import registry
        >>> reference, test = np.arange(6.0), np.arange(6.0) + 0.5
        >>> columns = Columns(reference, test, np.array([0, 2, 6]))
        >>> prepare(registry.get("mae"), columns).estimate()
        array([0.5])
    """
    if metric.route != "additive" or columns.weights is not None:
        return metric.prepare(columns, average=average, **parameters)
    blocks = _blocks(columns)
    if len(blocks) < 2:
        return metric.prepare(columns, average=average, **parameters)
    try:
        parts = [metric.prepare(block, average=average, **parameters) for block in blocks]
    except ValueError:
        # Said of all rows: what one block lacks another may have, and row numbers count from the start.
        return metric.prepare(columns, average=average, **parameters)
    additive = [part for part in parts if isinstance(part, AdditivePrepared)]
    if len(additive) < len(parts):
        return metric.prepare(columns, average=average, **parameters)
    return additive[0].concat(*additive[1:])


def _blocks(columns: Columns) -> list[Columns]:
    """The rows in blocks, the same ones whenever these columns are asked for them."""
    if "blocks" not in columns.shared:
        cuts = _cuts(np.asarray(columns.offsets, dtype=np.int64))
        columns.shared["blocks"] = [_block(columns, first, last) for first, last in pairwise(cuts)]
    found: list[Columns] = columns.shared["blocks"]
    return found


def _cuts(offsets: IntArray) -> list[int]:
    """Subjects at which blocks start and end: whole subjects, BLOCK_ROWS rows or the one larger subject."""
    cuts = [0]
    while cuts[-1] < len(offsets) - 1:
        end = int(np.searchsorted(offsets, offsets[cuts[-1]] + BLOCK_ROWS, side="right")) - 1
        cuts.append(max(cuts[-1] + 1, end))
    return cuts


def _block(columns: Columns, first: int, last: int) -> Columns:
    """The rows of subjects `first` to `last`, exclusive."""
    start, end = int(columns.offsets[first]), int(columns.offsets[last])
    return Columns(
        columns.reference[start:end],
        columns.test[start:end],
        columns.offsets[first : last + 1] - start,
        columns.levels,
        roles={name: values[start:end] for name, values in columns.roles.items()},
        role_levels=columns.role_levels,
    )
