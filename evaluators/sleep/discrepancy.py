"""Discrepancies of a night's measure: bias and limits of agreement, constant or changing with its size.

The steps are those of Menghini et al. (2021): is the bias constant or a line in the size, is the spread
constant or a line, are the differences normal; the limits of agreement follow from the answers. What decides
is declared (`rules`), for programs differ: an interval that leaves zero out, or a small p-value together with
an effect that matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..agreement.limits_by_regression import NORMAL_MEAN
from ..agreement.size_lines import Size
from ..functions import DEFAULT_REPLICATES, DEFAULT_SEED
from ..intervals import tail_levels
from ..metric import CannotComputeError, FloatArray
from ..result import number
from .discrepancy_rows import (
    FACTOR,
    NAMES,
    Assumption,
    Bounded,
    DiscrepancyInterval,
    Residuals,
    Rules,
    assumptions,
    bootstrap_intervals,
    classic_intervals,
    difference_rows,
)

Kind = Literal["constant", "around_line", "changing", "ratio"]
FEWEST = 4
"""Pairs below which there is no discrepancy analysis."""


@dataclass(frozen=True)
class SleepDiscrepancy:
    """Device less reference of one measure, one value a subject.

    Attributes:
        n: Pairs.
        missing: Pairs left out because one side has no value.
        kind: What the limits are: `constant` bias and limits; limits at a constant distance `around_line`;
            `changing` along a line, or as a `ratio` of the size (logarithms).
        proportional: Whether the bias is a line in the size.
        reference: Mean and SD of the reference.
        device: Mean and SD of the device.
        bias: Mean difference.
        sd: SD of the differences, n - 1.
        loa_lower: Constant lower limit of agreement; it stands also where `kind` says that it does not apply.
        loa_upper: Constant upper limit.
        intercept: Intercept of the bias line.
        slope: Slope of the bias line.
        half_width: 1.96 SD (n - 1) of the residuals about the line.
        spread_intercept: Intercept of the absolute residuals' line.
        spread_slope: Its slope. The limits' half-width at x is 1.96 sqrt(pi / 2) (intercept + slope x).
        ratio: Half-width of log-transformed limits over the size (Euser et al. 2008); None unless asked for.
        constant_bias: The first assumption.
        homoscedastic: The second.
        normal: The third, of the differences (of the logarithms' where these are used).
        size: What stands on the horizontal axis.
        rules: What decided.
        ci: Interval method.
        level: Confidence level.
        sizes: Smallest and largest size seen.
        notes: What to know.
    """

    n: int
    missing: int
    kind: Kind
    proportional: bool
    reference: tuple[float, float]
    device: tuple[float, float]
    bias: Bounded
    sd: float
    loa_lower: Bounded
    loa_upper: Bounded
    intercept: Bounded
    slope: Bounded
    half_width: Bounded
    spread_intercept: Bounded
    spread_slope: Bounded
    ratio: Bounded | None
    constant_bias: Assumption
    homoscedastic: Assumption
    normal: Assumption
    size: Size
    rules: Rules
    ci: DiscrepancyInterval
    level: float
    sizes: tuple[float, float]
    notes: tuple[str, ...]

    def bias_at(self, size: float) -> float:
        """The bias at a size: the line where it is proportional, else the mean."""
        return self.intercept.value + self.slope.value * size if self.proportional else self.bias.value

    def limits_at(self, size: float) -> tuple[float, float]:
        """Limits of agreement at a size.

        Raises:
            CannotComputeError: The line of the spread is below zero there.
        """
        if self.kind == "constant":
            return self.loa_lower.value, self.loa_upper.value
        if self.kind == "ratio" and self.ratio is not None:
            reach = self.ratio.value * size
        elif self.kind == "around_line":
            reach = self.half_width.value
        else:
            spread = self.spread_intercept.value + self.spread_slope.value * size
            if spread < 0:
                raise CannotComputeError(f"The fitted spread is below zero at size {size:g}.")
            reach = FACTOR * NORMAL_MEAN * spread
        return self.bias_at(size) - reach, self.bias_at(size) + reach

    def __str__(self) -> str:
        line = f"{self.intercept} + {self.slope} x {self.size}"
        spread = f"({self.spread_intercept} + {self.spread_slope} x {self.size})"
        limits = {
            "constant": f"{self.loa_lower} to {self.loa_upper}",
            "around_line": f"bias +/- {self.half_width}",
            "changing": f"bias +/- {FACTOR * NORMAL_MEAN:.4g} {spread}",
            "ratio": f"bias +/- {self.ratio} x {self.size}",
        }[self.kind]
        lines = [
            f"n = {self.n}, {self.missing} without a value; device {number(self.device[0])} "
            f"(SD {number(self.device[1])}), reference {number(self.reference[0])} "
            f"(SD {number(self.reference[1])})",
            f"bias: {line if self.proportional else self.bias}",
            f"limits of agreement: {limits}",
            *self.notes,
        ]
        return "\n".join(lines)


def sleep_discrepancy(
    reference: ArrayLike,
    device: ArrayLike,
    *,
    size: Size = "reference",
    rules: Rules = "interval",
    log: bool = False,
    log_offset: float = 0.0,
    ci: DiscrepancyInterval = "classic",
    residuals: Residuals = "refitted",
    level: float = 0.95,
    replicates: int = DEFAULT_REPLICATES,
    seed: int = DEFAULT_SEED,
    subject: Any = None,
) -> SleepDiscrepancy:
    """Bias and limits of agreement of a measure of the night by the rules of Menghini et al. (2021).

    Args:
        reference: (n,) the measure by the reference, one night a subject; NaN where it has none.
        device: (n,) the measure by the device.
        size: On what the lines stand: the `reference` (as both programs; its own error then makes a slope),
            or the `mean` of both.
        rules: `interval`: the bias is proportional and the spread changes where the slope's interval leaves
            out zero (the SRI pipeline); `effect`: where p < 0.05 and besides r2 > 0.1, or the fitted spread
            changes by more than 1.5 times over the sizes seen (yasa 0.8.1; normality is then lost where
            p < 0.05 and |skew| > 1 or excess kurtosis > 2).
        log: Whether the limits are those of log ratios, as a share of the size.
        log_offset: What is added to both sides first. Default 0: zeros are then refused; the SRI pipeline
            adds 0.0001, with which one zero decides the limits.
        ci: `classic` (Student's t; of half-widths with a standard error of SD / sqrt(2 n)), or a bootstrap of
            subjects: `percentile`, `bca` or `basic`.
        residuals: Of a bootstrap of the spread's line: `refitted` about every replicate's own bias line, or
            `kept` as they are about that of the data (yasa), which takes that line for known.
        level: Confidence level.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.
        subject: (n,) names of the subjects, for the bootstrap's seed. They may not repeat: see
            `repeated_sleep_discrepancy`.

    Raises:
        CannotComputeError: Fewer than four pairs, sizes that do not vary, or logarithms of zero.
        ValueError: Lengths differ, a subject repeats, or an option is not acceptable.

    References:
        Menghini L, Cellini N, Goldstone A, Baker FC, de Zambotti M. A standardized framework for testing the
        performance of sleep-tracking technology. Sleep 2021;44:zsaa170. Bland JM, Altman DG. Stat Methods Med
        Res 1999;8:135-160. Euser AM, Dekker FW, le Cessie S. J Clin Epidemiol 2008;61:978-982.

    Example:
        >>> psg = [400.5, 350.0, 310.5, 421.0, 290.0, 365.5]
        >>> watch = [410.0, 362.5, 300.0, 441.5, 311.0, 380.0]
        >>> found = sleep_discrepancy(psg, watch)
        >>> found.kind, round(found.bias.value, 3), round(found.loa_upper.value, 2)
        ('constant', 11.25, 33.92)
    """
    x, d, keys, missing = _pairs(reference, device, subject)
    _check(rules, ci, level, size, residuals)
    rows = difference_rows(x, d, size, log_offset if log else None, residuals)
    values = rows.at(np.ones((1, len(x))))[0]
    intervals = classic_intervals(rows, values, level) if ci == "classic" else bootstrap_intervals(
        rows, values, keys, ci=ci, level=level, replicates=replicates, seed=seed
    )  # fmt: skip
    parts = dict(zip(NAMES, intervals, strict=True))
    tested = rows.logs if rows.logs is not None else rows.difference
    found = assumptions(rows, parts, tested, rules)
    constant, even, normal = found
    proportional = not constant.holds
    kind: Kind = (
        "ratio" if log else "changing" if not even.holds else "around_line" if proportional else "constant"
    )
    sizes = (float(rows.rows.size.min() + rows.rows.shift), float(rows.rows.size.max() + rows.rows.shift))
    return SleepDiscrepancy(
        n=len(x),
        missing=missing,
        kind=kind,
        proportional=proportional,
        reference=(float(x.mean()), float(x.std(ddof=1))),
        device=(float((x + d).mean()), float((x + d).std(ddof=1))),
        sd=float(values[1]),
        ratio=parts.pop("ratio") if log else None,
        constant_bias=constant,
        homoscedastic=even,
        normal=normal,
        size=size,
        rules=rules,
        ci=ci,
        level=level,
        sizes=sizes,
        notes=_notes(kind, parts, normal, sizes, offset=log_offset if log else 0.0, missing=missing),
        **{name: part for name, part in parts.items() if name not in ("sd", "ratio")},
    )


def _pairs(reference: Any, device: Any, subject: Any) -> tuple[FloatArray, FloatArray, tuple[str, ...], int]:
    first = np.asarray(reference, dtype=np.float64)
    second = np.asarray(device, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            f"`reference` and `device` must be columns of equal length; their shapes are {first.shape} and "
            f"{second.shape}."
        )
    keys: tuple[str, ...] = tuple(f"{i:012d}" for i in range(len(first)))
    if subject is not None:
        names, label = checks.subject_labels(subject, len(first))
        if len(names) < len(first):
            raise ValueError(
                f"`subject` names {len(names)} subjects for {len(first)} nights; nights of one subject are "
                f"not independent. `repeated_sleep_discrepancy` takes them."
            )
        keys = tuple(names[i] for i in label)
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < FEWEST:
        raise CannotComputeError(
            f"{int(known.sum())} of {len(first)} nights have a value on both sides; at least {FEWEST} are "
            f"needed."
        )
    kept = tuple(key for key, use in zip(keys, known, strict=True) if use)
    x, y = first[known], second[known]
    order = np.argsort(np.array(kept), kind="stable")
    return x[order], (y - x)[order], tuple(kept[i] for i in order), int((~known).sum())


def _check(rules: str, ci: str, level: float, size: str, residuals: str) -> None:
    problems = [
        f"`{name}` must be one of {', '.join(known)}, not {value!r}."
        for name, value, known in (
            ("rules", rules, ("interval", "effect")),
            ("ci", ci, ("classic", "percentile", "bca", "basic")),
            ("size", size, ("reference", "mean")),
            ("residuals", residuals, ("refitted", "kept")),
        )
        if value not in known
    ]
    if problems:
        raise ValueError(" ".join(problems))
    tail_levels(level, "two")


def _notes(
    kind: Kind, parts: dict[str, Bounded], normal: Assumption, sizes: tuple[float, float], *, offset: float,
    missing: int,
) -> tuple[str, ...]:  # fmt: skip
    """What to know beside the numbers."""
    notes = []
    if missing:
        notes.append(f"{missing} nights have no value on one side and are left out.")
    if not normal.holds:
        notes.append(
            "The differences do not look normal; a bootstrap interval assumes less than a classic one."
        )
    spread = [parts["spread_intercept"].value + parts["spread_slope"].value * end for end in sizes]
    if kind == "changing" and min(spread) < 0:
        notes.append(
            "The line of the spread falls below zero within the sizes seen; there are no limits there."
        )
    if offset:
        notes.append(f"{offset:g} was added before taking logarithms; values near it decide the limits.")
    return tuple(notes)
