"""Lines through the middle of the slopes between all pairs of points; see `ranks`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..metric import CannotComputeError, FloatArray, Interval, Sides
from .lines import CLUSTERED, NO_SPREAD, line_interval, with_biases
from .pair_slopes import MOST_ROWS, Kind, Middle, PairSlopes, weighted_medians
from .passing_bablok_intervals import KendallError, kendall_error, rank_bounds
from .rows import RowsPrepared


@dataclass(frozen=True, eq=False)
class PairLinePrepared(RowsPrepared):
    """Pairs of one slice with the slopes between them; see `Prepared`.

    Attributes:
        kind: Which line.
        how: What is averaged where the number of slopes is even.
    """

    kind: Kind
    how: Middle

    @cached_property
    def slopes(self) -> PairSlopes:
        """The slopes between all pairs of points."""
        return PairSlopes.of(self.rows.x, self.rows.y, self.kind)

    @property
    def _possible(self) -> bool:
        return 1 < len(self.rows.x) <= MOST_ROWS

    @cached_property
    def _estimate(self) -> FloatArray:
        """At weights of one; without row weights nothing has to be put in order."""
        if self.rows.weighted or not self._possible:
            return np.asarray(self._at(np.ones((1, self.n_subjects)))[0])
        ones = np.ones((1, len(self.rows.x)))
        slope = np.array([self.slopes.middle(self.how)]) * self._direction(ones)
        slope = np.where(np.isfinite(slope), slope, np.nan)
        return np.asarray(with_biases(slope, self._intercepts(slope, ones), self.levels)[0])

    def lines(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Slopes and intercepts; see `RowsPrepared.lines`."""
        if not self._possible:
            return np.full(len(weights), np.nan), np.full(len(weights), np.nan)
        slope = self.slopes.middles(weights, self.how) * self._direction(weights)
        return slope, self._intercepts(slope, weights)

    def _direction(self, weights: FloatArray) -> FloatArray:
        """Whether the equivariant line, whose slopes have lost their sign, rises or falls."""
        if self.kind != "equivariant":
            return np.ones(len(weights))
        sign = self.slopes.direction(self.rows.x, self.rows.y, weights)
        return np.where(sign == 0, np.nan, sign)

    def _intercepts(self, slope: FloatArray, weights: FloatArray) -> FloatArray:
        return weighted_medians(self.rows.y - slope[:, None] * self.rows.x, weights)

    def reason_undefined(self, statistic: str) -> str:
        """No rows, too many, no spread, or pairs that are not related."""
        del statistic
        n = len(self.rows.x)
        if n == 0:
            return "There are no rows."
        if n > MOST_ROWS:
            return (
                f"{n:,} rows have {n * (n - 1) // 2:,} slopes between them; at most {MOST_ROWS:,} rows are "
                "taken. Use one value a subject, or `deming`."
            )
        if np.ptp(self.rows.x) == 0:
            return NO_SPREAD
        return (
            "Reference and test are not positively related, or most of the reference is tied; no line fits."
        )

    def warning(self, statistic: str) -> str | None:
        """Classic Passing-Bablok supposes that both devices rise together."""
        del statistic
        if self.kind != "classic" or not self._possible:
            return None
        if np.count_nonzero(self.slopes.slopes < 0) <= self.slopes.used / 4:
            return None
        return (
            "More than a quarter of the slopes between pairs fall: the devices hardly rise together, which "
            "Passing and Bablok suppose."
        )

    def standard_error(self, statistic: str) -> float:
        """From Kendall's tau where the line has that, else none: leaving out each subject takes long."""
        try:
            return self._error(statistic)
        except CannotComputeError:
            return float("nan")

    @cached_property
    def _kendall(self) -> KendallError:
        slope = float(self.estimate()[0])
        sign = -1.0 if self.kind == "equivariant" and slope < 0 else 1.0
        return kendall_error(self.slopes, self.rows.x, sign * self.rows.y, sign * slope)

    def _error(self, statistic: str) -> float:
        if self.kind == "classic":
            raise CannotComputeError("The classic line has no standard error in closed form.")
        self._refuse_weights("kendall_t")
        place = self.place(statistic)
        return self._kendall.slope if place is None else self._kendall.at(place)

    def _refuse_weights(self, method: str) -> None:
        if self.rows.weighted:
            raise CannotComputeError(f"`{method}` counts pairs; with row weights use a bootstrap.")

    def interval(self, statistic: str, method: str, level: float, sides: Sides) -> Interval:
        """`passing_bablok` or `kendall_t`, as the line has it, and `jackknife`.

        Raises:
            CannotComputeError: Too few pairs, or the method does not fit the line.
        """
        if method == "passing_bablok" and self.kind == "classic":
            return self._ranked(statistic, level, sides)
        if method == "kendall_t":
            return line_interval(
                method,
                float(self.estimate()[self.statistics.index(statistic)]),
                self._error(statistic),
                df=len(self.rows.x) - 2,
                level=level,
                sides=sides,
                rounding=self.rounding(statistic),
                independent_rows=self.rows.clustered,
            )
        return super().interval(statistic, method, level, sides)

    def _ranked(self, statistic: str, level: float, sides: Sides) -> Interval:
        self._refuse_weights("passing_bablok")
        if statistic == "slope":
            lower, upper = rank_bounds(self.slopes, level, sides)
        elif statistic == "intercept":
            below = int(np.count_nonzero(self.rows.x < 0))
            if below:
                raise CannotComputeError(
                    "Ranked slopes bound the intercept where the reference is not below 0; it is in "
                    f"{below:,} pairs. Use a bootstrap."
                )
            # the steepest slope gives the lowest intercept
            other: dict[Sides, Sides] = {"two": "two", "lower": "upper", "upper": "lower"}
            ends = rank_bounds(self.slopes, level, other[sides])
            upper, lower = (
                float(np.median(self.rows.y - end * self.rows.x)) if np.isfinite(end) else -end
                for end in ends
            )
        else:
            raise CannotComputeError("Ranked slopes give no interval of a bias; use a bootstrap.")
        flat = lower == upper
        notes = [CLUSTERED] if self.rows.clustered else []
        if flat:
            notes.append("Both ends are the same value; the interval has no width and says nothing.")
        return Interval(
            lower, upper, level, sides, "passing_bablok",
            degenerate=flat, independent_rows=self.rows.clustered, warning=" ".join(notes) or None,
        )  # fmt: skip
