"""What is read off the ROC curve: formulas of the positives and negatives of each step of the score.

Everything takes (B, G) weights of positives and negatives, one row a replicate, one column a score, the score
that speaks most for a positive first, and gives (B,) or (B, k) values, NaN where undefined.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..metric import FloatArray, IntArray

Focus = Literal["specificity", "sensitivity"]
_FUZZ = 1e-12  # shares are quotients of counts; a wanted 0.9 is the curve's 0.9


def vertices(p: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(B, G + 1) sensitivity and 1 - specificity after each step, from (0, 0) to (1, 1)."""
    start = np.zeros((len(p), 1))
    with np.errstate(all="ignore"):
        sensitivity = np.cumsum(np.hstack([start, p]), axis=1) / p.sum(axis=1, keepdims=True)
        false = np.cumsum(np.hstack([start, n]), axis=1) / n.sum(axis=1, keepdims=True)
    return sensitivity, false


def partial_area(p: FloatArray, n: FloatArray, focus: Focus, low: float, high: float) -> FloatArray:
    """(B, 2) partial area over specificities (or sensitivities) from low to high, raw and corrected.

    Corrected by McClish (1989): (1 + (area - least) / (most - least)) / 2, least under the diagonal.
    """
    sensitivity, false = vertices(p, n)
    if focus == "specificity":
        x, y, ends = false, sensitivity, (1 - high, 1 - low)
        least = (ends[1] ** 2 - ends[0] ** 2) / 2
    else:
        x, y, ends = sensitivity, 1 - false, (low, high)
        least = (high - low) - (high**2 - low**2) / 2
    x0, x1, y0, y1 = x[:, :-1], x[:, 1:], y[:, :-1], y[:, 1:]
    left, right = np.clip(x0, *ends), np.clip(x1, *ends)
    slope = np.divide(y1 - y0, x1 - x0, out=np.zeros_like(x0), where=x1 > x0)
    heights = 2 * y0 + slope * (left + right - 2 * x0)
    area = ((right - left) * heights / 2).sum(axis=1)
    corrected = (1 + (area - least) / (high - low - least)) / 2
    return np.stack([area, corrected], axis=1)


def sensitivity_at(p: FloatArray, n: FloatArray, specificity: float) -> FloatArray:
    """(B, 2) sensitivity at a specificity: on the line between vertices, and at a vertex that attains it."""
    sensitivity, false = vertices(p, n)
    wanted = 1 - specificity
    last = (false <= wanted + _FUZZ).sum(axis=1) - 1
    return _between(sensitivity, false, last, wanted, np.minimum(last + 1, false.shape[1] - 1))


def specificity_at(p: FloatArray, n: FloatArray, sensitivity: float) -> FloatArray:
    """(B, 2) specificity at a sensitivity: on the line between vertices, and at a vertex that attains it."""
    reached, false = vertices(p, n)
    first = (reached < sensitivity - _FUZZ).sum(axis=1)
    first = np.minimum(first, reached.shape[1] - 1)
    return 1 - _between(false, reached, first, sensitivity, np.maximum(first - 1, 0))


def _between(
    values: FloatArray, places: FloatArray, at: IntArray, wanted: float, other: IntArray
) -> FloatArray:
    """(B, 2) value at a place on the line from vertex `at` to vertex `other`, and at `at` itself."""
    rows = np.arange(len(values))
    here, there = values[rows, at], values[rows, other]
    apart = places[rows, other] - places[rows, at]
    with np.errstate(all="ignore"):
        part = np.where(np.abs(apart) > _FUZZ, (wanted - places[rows, at]) / apart, 0.0)
    line = here + np.clip(part, 0.0, 1.0) * (there - here)
    return np.stack([line + 0 * apart, here + 0 * apart], axis=1)


def best_threshold(p: FloatArray, n: FloatArray, values: FloatArray) -> FloatArray:
    """(B, 4) threshold of the largest Youden index, the index, and sensitivity and specificity there.

    Of equal indices the threshold with the higher specificity. It lies halfway between the last score that is
    called positive and the next; NaN where calling nothing, or everything, positive is best.
    """
    sensitivity, false = vertices(p, n)
    rows = np.arange(len(p))
    index = sensitivity - false
    top = index.max(axis=1, keepdims=True, initial=-1.0)
    best = np.argmax(index >= top - _FUZZ, axis=1)
    columns = np.arange(len(values))
    present = p + n > 0
    after = present & (columns >= best[:, None])
    inside = (best > 0) & after.any(axis=1)
    before, following = np.maximum(best - 1, 0), np.argmax(after, axis=1)
    lower, upper = values[before], values[following]
    threshold = np.where(inside, lower + (upper - lower) / 2, np.nan)
    there = (index[rows, best], sensitivity[rows, best], 1 - false[rows, best])
    return np.stack([threshold, *there], axis=1)


def average_precision(p: FloatArray, n: FloatArray) -> FloatArray:
    """(B, 1) sum over steps of the gain in recall times the precision after the step."""
    found, called = np.cumsum(p, axis=1), np.cumsum(p + n, axis=1)
    precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
    total, others = p.sum(axis=1), n.sum(axis=1)
    with np.errstate(all="ignore"):
        value = (p * precision).sum(axis=1) / total
    return np.asarray(np.where(others > 0, value, np.nan))[:, None]


def precision_recall_area(p: FloatArray, n: FloatArray) -> FloatArray:
    """(B, 1) area under the precision-recall curve of Davis & Goadrich, integrated exactly.

    Between two thresholds false positives grow linearly with true positives, as on the ROC curve, so that
    precision t / (t + f(t)) is no straight line of recall; its integral is a logarithm.
    """
    start = np.zeros((len(p), 1))
    found, called = np.cumsum(p, axis=1), np.cumsum(p + n, axis=1)
    before, called_before = np.hstack([start, found[:, :-1]]), np.hstack([start, called[:, :-1]])
    some = p > 0
    growth = np.divide(p + n, p, out=np.ones_like(p), where=some)  # of calls with each true positive
    offset = called_before - growth * before  # calls at no true positive, were the line prolonged
    ratio = np.divide(called, called_before, out=np.ones_like(p), where=some & (called_before > 0))
    parts = np.where(some, p / growth - offset / growth**2 * np.log(ratio), 0.0)
    total, others = p.sum(axis=1), n.sum(axis=1)
    with np.errstate(all="ignore"):
        value = parts.sum(axis=1) / total
    return np.asarray(np.where(others > 0, value, np.nan))[:, None]
