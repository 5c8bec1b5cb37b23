"""Two lines on the size of the measurement: of the differences, and of their absolute residuals.

Bland & Altman (1999, section 3.2) let the bias be a straight line in the size A and the standard deviation
another: the differences are regressed on A, then the absolute residuals R on A. The mean of |R| of a normal
residual is its standard deviation times sqrt(2 / pi).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..additive import effective, row_weights, subject_sums
from ..metric import Columns, FloatArray, IntArray, Parameter
from .limits import differences

Size = Literal["mean", "reference"]
SIZE = Parameter(
    "size",
    "choice",
    "Size of the measurement on the horizontal axis: `mean` of reference and test (Bland & Altman), or "
    "`reference`, which is right only where the reference has next to no error, for else its error makes a "
    "slope of its own.",
    default="mean",
    choices=("mean", "reference"),
)

_CELLS = 4_000_000  # most residuals held at once


@dataclass(frozen=True)
class Lines:
    """Both lines at each of B weight vectors, about the sizes' centre.

    Attributes:
        n: (B,) rows, or the sum of their weights.
        center: (B, 2) intercept at the centre and slope of the differences.
        spread: (B, 2) the same of the absolute residuals.
        sxx: (B,) sum of squares of the sizes about their own mean.
        mean: (B,) that mean, about the centre.
        residual: (B,) sum of squared residuals of the differences.
        residual_spread: (B,) the same of the absolute residuals.
    """

    n: FloatArray
    center: FloatArray
    spread: FloatArray
    sxx: FloatArray
    mean: FloatArray
    residual: FloatArray
    residual_spread: FloatArray


@dataclass(frozen=True, eq=False)
class SizeRows:
    """Differences and sizes of one slice, sorted by subject.

    Attributes:
        size: (n,) size of each row less `shift`.
        difference: (n,) test - reference.
        weight: (n,) row weights that add up to the effective number of rows; ones where there are none.
        offsets: (S + 1,) start of each subject's rows.
        shift: The sizes' centre.
        level: The differences' centre, about which they are added up.
        weighted: Row weights were given.
    """

    size: FloatArray
    difference: FloatArray
    weight: FloatArray
    offsets: IntArray
    shift: float
    level: float
    weighted: bool
    units: IntArray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", subject_sums(self.weight > 0, self.offsets).astype(np.int64))

    @classmethod
    def of(cls, columns: Columns, size: Size) -> SizeRows:
        """From checked columns."""
        weight = row_weights(columns)
        chosen = columns.reference if size == "reference" else columns.reference / 2 + columns.test / 2
        total = float(weight.sum())
        difference = differences(columns)
        shift, level = (
            float(weight @ values) / total if total > 0 else 0.0 for values in (chosen, difference)
        )
        weighted = columns.weights is not None
        return cls(chosen - shift, difference, weight, columns.offsets, shift, level, weighted)

    @property
    def n_subjects(self) -> int:
        """Subjects, those without rows included."""
        return len(self.units)

    @property
    def active(self) -> NDArray[np.bool_]:
        """(S,) which subjects have rows."""
        return self.units > 0

    def frequencies(self, weights: FloatArray, *, relative: bool) -> FloatArray:
        """Weights as frequencies.

        Raises:
            ValueError: They do not have one column a subject.
        """
        if weights.ndim != 2 or weights.shape[1] != self.n_subjects:
            raise ValueError(
                f"`weights` is {weights.shape}; one column for each of {self.n_subjects} subjects is needed."
            )
        return effective(weights, self.active) if relative else weights

    def lines(self, weights: FloatArray) -> Lines:
        """Both lines at every weight vector; NaN where the sizes do not vary."""
        block = max(1, _CELLS // max(len(self.size), 1))
        parts = [self._lines(weights[i : i + block]) for i in range(0, max(len(weights), 1), block)]
        return Lines(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in Lines.__dataclass_fields__)
        )

    def _lines(self, weights: FloatArray) -> Lines:
        w, x, d = self.weight, self.size, self.difference - self.level
        columns = (w, w * x, w * d, w * x * x, w * x * d, w * d * d)
        sums = np.column_stack([subject_sums(value, self.offsets) for value in columns])
        n, sx, sd, sxx, sxd, sdd = (weights @ sums).T
        scale = float(np.square(x).max(initial=0.0))
        line, spread_of_size, mean = _line(n, sx, sd, sxx, sxd, scale=scale)
        with np.errstate(all="ignore"):
            condition = np.maximum(sxx / spread_of_size, 1.0)
        residual = d - line[:, 1:] * x
        residual -= line[:, :1]
        np.abs(residual, out=residual)
        if self.weighted:
            residual *= w
        sr = self._totals(weights, residual)
        residual *= x
        sxr = self._totals(weights, residual)
        spread = _line(n, sx, sr, sxx, sxr, scale=scale)[0]
        squared = _left(sdd, line[:, 0] * sd, line[:, 1] * sxd, condition)
        spread[squared == 0] = 0.0  # the residuals are rounding, and so would be a line through them
        squared_spread = _left(squared, spread[:, 0] * sr, spread[:, 1] * sxr, condition)
        center = line + np.array([self.level, 0.0])
        return Lines(n, center, spread, spread_of_size, mean, squared, squared_spread)

    def _totals(self, weights: FloatArray, values: FloatArray) -> FloatArray:
        """(B,) sums over rows, each subject's as often as its weight says."""
        filled = np.diff(self.offsets) > 0
        if not np.any(filled):
            return np.zeros(len(weights))
        sums = np.add.reduceat(values, self.offsets[:-1][filled], axis=1)
        return np.asarray((sums * weights[:, filled]).sum(axis=1))

    def influence(
        self, lines: Lines, index: int, weights: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """(J, 2) derivatives of both lines in the weight of each subject that has rows, at vector `index`.

        `weights` is that vector, (S,); ones if not given.

        The second line rests on the first: its derivative holds the change of the residuals (stacked
        estimating equations).
        """
        w, x = self.weight, self.size
        residual = self.difference - lines.center[index, 0] - lines.center[index, 1] * x
        rest = np.abs(residual) - lines.spread[index, 0] - lines.spread[index, 1] * x
        basis = np.column_stack([np.ones(len(x)), x])

        def scores(values: FloatArray) -> FloatArray:
            return np.column_stack(
                [subject_sums(w * values * basis[:, k], self.offsets)[self.active] for k in (0, 1)]
            )

        bread = _inverse(lines, index)
        first = scores(residual) @ bread
        often = w if weights is None else w * np.repeat(weights, np.diff(self.offsets))
        turned = (basis * (often * np.sign(residual))[:, None]).T @ basis
        second = (scores(rest) - first @ turned) @ bread
        return first, second


def _inverse(lines: Lines, index: int) -> FloatArray:
    """Inverse of the cross-products of (1, size)."""
    n, mean, sxx = lines.n[index], lines.mean[index], lines.sxx[index]
    return np.array([[1 / n + mean**2 / sxx, -mean / sxx], [-mean / sxx, 1 / sxx]])


def _left(
    squares: FloatArray, by_level: FloatArray, by_slope: FloatArray, condition: FloatArray
) -> FloatArray:
    """Sum of squares that a least-squares line leaves; nothing where it is rounding.

    `condition` is the sum of squared sizes over that about their own mean: by so much roundings grow.
    """
    rest = squares - by_level - by_slope
    noise = 2e-14 * condition * (np.abs(squares) + np.abs(by_level) + np.abs(by_slope))
    return np.where(np.isnan(rest) | (rest > noise), rest, 0.0)


def _line(
    n: FloatArray, sx: FloatArray, sy: FloatArray, sxx: FloatArray, sxy: FloatArray, *, scale: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(B, 2) intercept and slope, (B,) sum of squares of the sizes and (B,) their mean.

    `scale` is the square of the largest size: sums of squares below its rounding are no spread.
    """
    with np.errstate(all="ignore"):
        mean = sx / n
        spread = sxx - n * mean**2
        spread = np.where(spread > 1e-13 * n * scale, spread, np.nan)
        slope = (sxy - mean * sy) / spread
        return np.stack([sy / n - slope * mean, slope], axis=-1), spread, mean


def clustered_error(influence: FloatArray) -> float:
    """Linearised standard error from subjects' derivatives; NaN with one subject."""
    n = len(influence)
    if n < 2:
        return float("nan")
    return float(np.sqrt(n / (n - 1) * np.square(influence - influence.mean()).sum()))
