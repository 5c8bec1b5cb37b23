"""Per-subject sums, squares and products of two measurements: what lines and correlations rest on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray

from .additive import AdditivePrepared, subject_sums
from .metric import FloatArray, IntArray

TOTALS = ("weight", "x", "y", "xx", "xy", "yy")
_W, _X, _Y, _XX, _XY, _YY = range(len(TOTALS))

_ROUNDING = 64 * float(np.finfo(float).eps)
"""A sum of squares about the mean below this share of the raw one is rounding, not spread."""


class MomentsFormula(Protocol):
    """A formula of totals that are kept about two shifts."""

    @property
    def shift(self) -> tuple[float, float]:
        """What was subtracted from reference and test before adding up."""

    def __call__(self, totals: NDArray[Any]) -> NDArray[Any]:
        """Statistics from added-up totals."""


@dataclass(frozen=True)
class Centred:
    """Weight, means, and sums of squares and products about the means.

    Attributes:
        n: Sum of weights.
        x: Mean of the reference, from its shift.
        y: Mean of the test, from its shift.
        xx: Sum of squares of the reference; exactly 0 where nothing but rounding is left.
        xy: Sum of products.
        yy: Sum of squares of the test; exactly 0 likewise.
    """

    n: NDArray[Any]
    x: NDArray[Any]
    y: NDArray[Any]
    xx: NDArray[Any]
    xy: NDArray[Any]
    yy: NDArray[Any]

    @classmethod
    def of(cls, totals: NDArray[Any]) -> Centred:
        """From added-up totals (..., 6)."""
        n = totals[..., _W]
        x, y = totals[..., _X] / n, totals[..., _Y] / n
        xx = totals[..., _XX] - totals[..., _X] * x
        yy = totals[..., _YY] - totals[..., _Y] * y
        xy = totals[..., _XY] - totals[..., _X] * y
        flat_x = xx.real <= _ROUNDING * totals[..., _XX].real
        flat_y = yy.real <= _ROUNDING * totals[..., _YY].real
        return cls(
            n=n,
            x=x,
            y=y,
            xx=np.where(flat_x, 0.0, xx),
            xy=np.where(flat_x | flat_y, 0.0, xy),
            yy=np.where(flat_y, 0.0, yy),
        )


@dataclass(frozen=True, eq=False)
class MomentsPrepared(AdditivePrepared):
    """Totals about shifts; parts prepared apart are put together about one of them."""

    @property
    def total(self) -> FloatArray:
        """The added-up totals at weights of one."""
        return np.asarray(self.totals.sum(axis=0))

    def aligned(self, other: AdditivePrepared) -> Self:
        """Self with its sums about the other's shifts."""
        if type(other) is not type(self):
            return super().aligned(other)
        here, there = cast(MomentsFormula, self.formula).shift, cast(MomentsFormula, other.formula).shift
        moved = replace(
            self,
            totals=moved_totals(self.totals, here[0] - there[0], here[1] - there[1]),
            formula=replace(cast(Any, self.formula), shift=there),
        )
        return super(MomentsPrepared, moved).aligned(other)


def moved_totals(totals: FloatArray, dx: float, dy: float) -> FloatArray:
    """The same sums with `dx` and `dy` added to every value; further columns as they are."""
    w, x, y, xx, xy, yy, *others = np.moveaxis(totals, -1, 0)
    return np.stack(
        [
            w,
            x + dx * w,
            y + dy * w,
            xx + dx * (2 * x + dx * w),
            xy + dx * y + dy * x + dx * dy * w,
            yy + dy * (2 * y + dy * w),
            *others,
        ],
        axis=-1,
    )


def centre(values: FloatArray, weights: FloatArray) -> float:
    """A value near the weighted mean: sums about it lose no digits, and a constant is exactly itself."""
    used = values[weights > 0]
    if len(used) == 0:
        return 0.0
    if used.min() == used.max():
        return float(used[0])
    return float(np.average(values, weights=weights))


def moment_totals(
    x: FloatArray, y: FloatArray, weights: FloatArray, offsets: IntArray
) -> tuple[FloatArray, tuple[float, float]]:
    """(S, 6) totals of each subject about the means, and the means.

    Args:
        x: (n,) reference values.
        y: (n,) test values.
        weights: (n,) weight of each row.
        offsets: (S + 1,) start of each subject's rows.
    """
    shift = centre(x, weights), centre(y, weights)
    a, b = x - shift[0], y - shift[1]
    columns = [weights, weights * a, weights * b, weights * a * a, weights * a * b, weights * b * b]
    return np.column_stack([subject_sums(column, offsets) for column in columns]), shift
