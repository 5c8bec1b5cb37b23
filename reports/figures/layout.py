"""Where things go: axis ranges and label places that both painters use."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..format import fixed
from .model import Axis, Curve, CurvePoint, FloatArray, Forest, Scatter


def padded(low: float, high: float, share: float = 0.05) -> tuple[float, float]:
    """A range with air at both ends; a range without width gets some."""
    if high <= low:
        half = abs(low) * 0.1 or 1.0
        return low - half, high + half
    return low - share * (high - low), high + share * (high - low)


def scatter_ranges(model: Scatter) -> tuple[tuple[float, float], tuple[float, float]]:
    """Horizontal and vertical range that hold every point, level and interval."""
    x, y = _finite(model.points.x), _finite(model.points.y)
    marks = [
        end for level in model.levels for end in (level.value, level.lower, level.upper) if end is not None
    ]
    if model.identity:
        both = _span([*x, *y])
        return padded(*both), padded(*both)
    horizontal = padded(*_span(x), 0.03)
    if model.ranges is not None:
        marks += [*model.ranges.lower, *model.ranges.upper, *model.ranges.beside]
    vertical = padded(*_span([*y, *(mark for mark in marks if np.isfinite(mark))]), 0.06)
    return _declared(model.x, horizontal), _declared(model.y, vertical)


def forest_range(model: Forest) -> tuple[float, float]:
    """Horizontal range of a forest plot: every estimate, the goal, and the intervals but for outlying ones.

    An interval that reaches far beyond the others (a subgroup of a handful) would squeeze all others into a
    corner; bounds outside the outer fences of Tukey's box plot do not widen the axis, and painters mark them
    with an arrow.
    """
    limits = [*model.goal, *(mark for row in model.rows for mark in row.goal)]
    marks = [mark for mark in limits if np.isfinite(mark)] + ([] if model.null is None else [model.null])
    marks += [] if model.span is None else [model.span.low, model.span.high]
    marks += [row.value for row in model.rows if row.value is not None and np.isfinite(row.value)]
    for row in model.rows:
        marks += [end for end in (row.lower, row.upper) if row.overall and end is not None]
    for side in (0, 1):
        bounds = [
            pair[side]
            for row in model.rows
            for pair in ((row.lower, row.upper), row.wider)
            if pair is not None
        ]
        ends = [end for end in bounds if end is not None and np.isfinite(end)]
        if ends:
            first, third = np.quantile(ends, (0.25, 0.75))
            reach = 3 * max(third - first, 1e-12)
            marks += [end for end in ends if first - reach <= end <= third + reach]
    low, high = padded(*_span(marks), 0.04)
    if model.x.percent and model.null is None:  # a difference of proportions may be negative
        low, high = max(low, -0.005), min(high, 1.005)
    return _declared(model.x, (low, high))


def within(
    wider: tuple[float | None, float | None] | None, shown: tuple[float, float]
) -> tuple[float, float] | None:
    """A second interval as far as the axis goes; None where there is none.

    Example:
        >>> within((-3.0, None), (-2.0, 2.0))
        (-2.0, 2.0)
    """
    if wider is None or wider == (None, None):
        return None
    lower, upper = wider
    return max(shown[0], shown[0] if lower is None else lower), min(
        shown[1], shown[1] if upper is None else upper
    )


def curve_ranges(model: Curve) -> tuple[tuple[float, float], tuple[float, float]]:
    """Horizontal and vertical range that hold every position, estimate, bound and goal."""
    marks = [mark for mark in model.goal if np.isfinite(mark)]
    marks += [
        end for point in model.points for end in (point.value, point.lower, point.upper) if end is not None
    ]
    low, high = padded(*_span(marks), 0.08)
    if model.y.percent:
        low, high = max(low, -0.005), min(high, 1.005)
    return padded(*_span([point.x for point in model.points]), 0.04), (low, high)


FAR = 3.0
"""Positions farther apart than so many usual steps are not joined: nothing was looked at between them."""


def joined_points(model: Curve) -> list[list[CurvePoint]]:
    """The points of a curve that have a value, in stretches that a line may join."""
    known = [point for point in model.points if point.value is not None]
    if not model.joined:
        return []
    steps = [after.x - before.x for before, after in pairwise(known)]
    usual = float(np.median(steps)) if steps else 0.0
    stretches: list[list[CurvePoint]] = [[]]
    for place, point in enumerate(known):
        if place and steps[place - 1] > FAR * usual:
            stretches.append([])
        stretches[-1].append(point)
    return stretches


def _span(values: Sequence[float] | FloatArray) -> tuple[float, float]:
    array = np.asarray(values, dtype=np.float64)
    return (float(array.min()), float(array.max())) if array.size else (0.0, 1.0)


def _finite(values: FloatArray) -> FloatArray:
    return values[np.isfinite(values)]


def _declared(axis: Axis, found: tuple[float, float]) -> tuple[float, float]:
    return (found[0] if axis.low is None else axis.low, found[1] if axis.high is None else axis.high)


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Label places, moved apart until none overlaps and all lie in the range.

    Args:
        places: Wanted places, any order.
        gap: Smallest distance.
        low: Lower end of the range.
        high: Upper end of the range.

    Example:
        >>> spread([0.0, 0.1, 5.0], 1.0, 0.0, 10.0)
        [0.0, 1.0, 5.0]
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    floor = low
    for index in order:
        moved[index] = max(places[index], floor)
        floor = moved[index] + gap
    ceiling = high
    for index in reversed(order):
        moved[index] = min(moved[index], ceiling)
        ceiling = moved[index] - gap
    return moved


def wrapped(text: str, width: int, lines: int = 3) -> list[str]:
    """Text in lines of about `width` characters, with an ellipsis where it does not fit."""
    return textwrap.wrap(text, width, max_lines=lines, placeholder=" \u2026") or [""]


def shortened(text: str, width: int) -> str:
    """Text in at most `width` characters."""
    return text if len(text) <= width else text[: width - 1].rstrip() + "\u2026"


def tick_text(value: float, *, percent: bool, step: float) -> str:
    """An axis number: as many decimals as the step between ticks needs."""
    shown, scale = (value * 100, step * 100) if percent else (value, step)
    decimals = max(0, -int(np.floor(np.log10(scale) + 1e-9))) if scale > 0 else 0
    if scale > 0 and round(scale, decimals) != round(scale, decimals + 1):
        decimals += 1
    return fixed(round(shown, 12), decimals) + ("%" if percent else "")
