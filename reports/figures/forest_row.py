"""A row of the results as a line of a forest plot, the same in every such figure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ...studies.demographics import SMALL_CELL
from .. import rows as words
from .model import ForestRow


def finite(value: float | None) -> float | None:
    """The value, or None where it is absent, not a number, or infinite."""
    return value if value is not None and math.isfinite(value) else None


def forest_row(
    row: Mapping[str, Any],
    label: str,
    *,
    count: str | None = None,
    overall: bool = False,
    goal: tuple[float, ...] = (),
    absent: str = "no value",
) -> ForestRow:
    """One results row as a line; of a handful of subjects only how few they are.

    Args:
        row: A row of the results.
        label: Its name in the figure.
        count: What it rests on, in words. Default: as the row is counted in print.
        overall: It speaks of all analysed rows.
        goal: Limits of this line alone.
        absent: Words where it has no estimate.
    """
    shown = words.text(row)
    rests = shown.count if count is None else count
    identity = str(row["row_id"])
    if words.hidden(row):
        few = f"fewer than {SMALL_CELL} subjects"
        return ForestRow(label, count=rests, text=few, row_id=identity)
    if finite(row["estimate"]) is None:
        return ForestRow(label, count=rests, text=absent, overall=overall, goal=goal, row_id=identity)
    bounds = "" if shown.interval == "\N{EN DASH}" else f" ({shown.interval})"
    return ForestRow(
        label,
        value=row["estimate"],
        lower=finite(row["ci_lower"]),
        upper=finite(row["ci_upper"]),
        count=rests,
        text=words.number(row, row["estimate"]) + bounds,
        overall=overall,
        goal=goal,
        row_id=identity,
    )
