"""Differences on sizes: what they give at any subject weights, intervals, and what limits assume of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy import special, stats

from ..agreement.size_lines import Size, SizeRows
from ..intervals import t_interval
from ..metric import CannotComputeError, Columns, FloatArray, Interval
from ..resample import bca, percentile
from ..result import number
from ..weights import ResamplingWeights
from .averages import basic

Rules = Literal["interval", "effect"]
DiscrepancyInterval = Literal["classic", "percentile", "bca", "basic"]
Residuals = Literal["refitted", "kept"]

FACTOR = 1.96
"""Standard deviations from the bias to a limit, rounded as the SRI pipeline and yasa have it."""

NAMES = (
    "bias", "sd", "loa_lower", "loa_upper", "intercept", "slope", "half_width", "spread_intercept",
    "spread_slope", "ratio",
)  # fmt: skip
"""What rows give at a vector of weights."""


@dataclass(frozen=True)
class Bounded:
    """A value with its interval; NaN ends where it has none, and the reason."""

    value: float
    lower: float
    upper: float
    reason: str | None = None
    mc_error: tuple[float, float] | None = None

    @property
    def leaves_out_zero(self) -> bool:
        """Whether the interval lies wholly on one side of zero."""
        return bool(self.lower > 0 or self.upper < 0)

    def __str__(self) -> str:
        return f"{number(self.value)} [{number(self.lower)}, {number(self.upper)}]"


@dataclass(frozen=True)
class Assumption:
    """One question asked of the differences.

    Attributes:
        holds: Whether the assumption is kept.
        p_value: Of the test; of Shapiro-Wilk for normality, else of the slope.
        effects: What besides the p-value was looked at, such as r2, sd_ratio, skew, kurtosis.
    """

    holds: bool
    p_value: float
    effects: dict[str, float]


@dataclass(frozen=True, eq=False)
class DifferenceRows:
    """Differences on sizes, for every vector of subject weights."""

    rows: SizeRows
    difference: FloatArray
    logs: FloatArray | None
    kept: SizeRows | None = None  # absolute residuals of the data's own line, where they are not refitted

    def at(self, weights: FloatArray) -> FloatArray:
        """(B, 10) in the order of `NAMES`."""
        lines, shift = self.rows.lines(weights), self.rows.shift
        n = weights.sum(axis=1)
        bias, sd = _mean_and_sd(self.difference, weights, n)
        half = FACTOR * np.sqrt(lines.residual / (n - 1))
        ratio = np.full(len(n), np.nan)
        if self.logs is not None:
            ratio = euser(FACTOR * _mean_and_sd(self.logs, weights, n)[1])
        (b0, b1), (c0, c1) = lines.center.T, lines.spread.T
        if self.kept is not None:
            c0, c1 = self.kept.lines(weights).center.T
        return np.column_stack(
            [
                bias, sd, bias - FACTOR * sd, bias + FACTOR * sd, b0 - b1 * shift, b1, half, c0 - c1 * shift,
                c1, ratio,
            ]
        )  # fmt: skip


def euser(spread: Any) -> Any:
    """2 (e^u - 1) / (e^u + 1): half-width of the limits over the size, from limits +/- u of log ratios.

    Euser AM, Dekker FW, le Cessie S. J Clin Epidemiol 2008;61:978-982.
    """
    return 2 * np.tanh(np.asarray(spread) / 2)


def _mean_and_sd(values: FloatArray, weights: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
    middle = float(values.mean())
    about = values - middle
    with np.errstate(all="ignore"):
        mean = weights @ about / n
        square = np.maximum(weights @ np.square(about) - n * np.square(mean), 0.0)
        return mean + middle, np.sqrt(square / (n - 1))


def difference_rows(
    x: FloatArray, d: FloatArray, size: Size, offset: float | None, residuals: Residuals
) -> DifferenceRows:
    """Rows of pairs, and their log ratios where an offset is given.

    Raises:
        CannotComputeError: The sizes do not vary, or a value has no logarithm.
    """
    rows = SizeRows.of(Columns(x, x + d, np.arange(len(x) + 1)), size)
    lines = rows.lines(np.ones((1, len(x))))
    if not np.isfinite(lines.sxx[0]):
        raise CannotComputeError("The sizes do not vary; there is no line of differences on size.")
    kept = None
    if residuals == "kept":
        left = np.abs(rows.difference - lines.center[0, 0] - lines.center[0, 1] * rows.size)
        kept = replace(rows, difference=left, level=float(left.mean()))
    if offset is None:
        return DifferenceRows(rows, d, None, kept)
    if np.any(x + offset <= 0) or np.any(x + d + offset <= 0):
        raise CannotComputeError(
            "Values of zero have no logarithm. `log_offset` adds a constant first, with which the zeros "
            "decide the limits; limits without logarithms need none."
        )
    return DifferenceRows(rows, d, np.log(x + d + offset) - np.log(x + offset), kept)


def classic_intervals(rows: DifferenceRows, values: FloatArray, level: float) -> list[Bounded]:
    """Student's t intervals, in the order of `NAMES`."""
    n = len(rows.difference)
    bias, sd, lower, upper, b0, b1, half, c0, c1, ratio = values
    error = sd / np.sqrt(n)
    slopes, intercepts = _line_errors(rows)
    pieces = [
        (bias, error, n - 1),
        (sd, sd / np.sqrt(2 * n), n - 1),
        (lower, np.sqrt(3) * error, n - 1),
        (upper, np.sqrt(3) * error, n - 1),
        (b0, intercepts[0], n - 2),
        (b1, slopes[0], n - 2),
        (half, half / np.sqrt(2 * n), n - 2),
        (c0, intercepts[1], n - 2),
        (c1, slopes[1], n - 2),
    ]
    found = [Bounded(float(value), *t_interval(value, se, df, level, "two")) for value, se, df in pieces]
    if rows.logs is None:
        return [*found, Bounded(float(ratio), np.nan, np.nan)]
    spread = float(rows.logs.std(ddof=1))
    ends = t_interval(FACTOR * spread, np.sqrt(3 / n) * spread, n - 1, level, "two")
    return [*found, Bounded(float(ratio), float(euser(ends[0])), float(euser(ends[1])))]


def _line_errors(rows: DifferenceRows) -> tuple[FloatArray, FloatArray]:
    """(2,) ordinary standard errors of the slopes and of the intercepts, of differences and of spread."""
    lines = rows.rows.lines(np.ones((1, len(rows.difference))))
    n, sxx = lines.n[0], lines.sxx[0]
    variance = np.array([lines.residual[0], lines.residual_spread[0]]) / (n - 2)
    middle = rows.rows.shift + lines.mean[0]
    return np.sqrt(variance / sxx), np.sqrt(variance * (1 / n + middle**2 / sxx))


def bootstrap_intervals(
    rows: DifferenceRows, values: FloatArray, keys: tuple[str, ...], *, ci: DiscrepancyInterval, level: float,
    replicates: int, seed: int,
) -> list[Bounded]:  # fmt: skip
    """Bootstrap intervals, in the order of `NAMES`, all from the same resampled subjects."""
    drawn = np.concatenate(
        [rows.at(part) for _, part in ResamplingWeights(keys, seed=seed, replicates=replicates).chunks(keys)]
    )
    n = len(keys)
    left_out = rows.at(np.ones((n, n)) - np.eye(n)) if ci == "bca" else None
    found = []
    for i, value in enumerate(values):
        if not np.isfinite(value):
            found.append(Bounded(float(value), np.nan, np.nan))
            continue
        try:
            if left_out is not None:
                one: Interval = bca(drawn[:, i], float(value), left_out[:, i], level, "two")
            else:
                one = percentile(drawn[:, i], level, "two")
                one = basic(one, float(value)) if ci == "basic" else one
            found.append(Bounded(float(value), one.lower, one.upper, one.warning, one.mc_error))
        except CannotComputeError as problem:
            found.append(Bounded(float(value), np.nan, np.nan, str(problem)))
    return found


def assumptions(
    rows: DifferenceRows, parts: dict[str, Bounded], tested: FloatArray, rules: Rules
) -> tuple[Assumption, Assumption, Assumption]:
    """Constant bias, constant spread, normal differences: whether each holds by the rules."""
    n, slopes = len(rows.difference), _line_errors(rows)[0]
    values = np.array([parts["slope"].value, parts["spread_slope"].value])
    with np.errstate(all="ignore"):
        t = values / slopes
        p = 2 * special.stdtr(n - 2, -np.abs(t))
        r2 = t**2 / (t**2 + n - 2)
    ends = np.array([rows.rows.size.min(), rows.rows.size.max()]) + rows.rows.shift
    fitted = np.maximum(parts["spread_intercept"].value + parts["spread_slope"].value * ends, 1e-9)
    change = float(fitted[1] / fitted[0])
    with np.errstate(all="ignore"):
        w, shapiro = stats.shapiro(tested) if np.ptp(tested) > 0 else (np.nan, np.nan)
    skew, kurtosis = (float(one(tested, bias=False)) for one in (stats.skew, stats.kurtosis))
    if rules == "interval":
        kept = [not parts[name].leaves_out_zero for name in ("slope", "spread_slope")]
        normal = not shapiro <= 0.05
    else:
        kept = [not (p[0] < 0.05 and r2[0] > 0.1), not (p[1] < 0.05 and max(change, 1 / change) > 1.5)]
        normal = not (shapiro < 0.05 and (abs(skew) > 1 or kurtosis > 2))
    return (
        Assumption(kept[0], float(p[0]), {"r2": float(r2[0])}),
        Assumption(kept[1], float(p[1]), {"r2": float(r2[1]), "sd_ratio": change}),
        Assumption(normal, float(shapiro), {"w": float(w), "skew": skew, "kurtosis": kurtosis}),
    )
