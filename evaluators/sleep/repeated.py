"""Discrepancies of a night's measure where subjects have several nights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..additive import subject_sums
from ..agreement.random_intercept import InterceptModel
from ..functions import arrange
from ..intervals import Component, mover_variance, t_interval, tail_levels
from ..metric import CannotComputeError, FloatArray, IntArray
from ..result import number
from .discrepancy_rows import FACTOR, Bounded

NO_LINE = "There is no line of the bias: references that do not vary, or no residual about it."


@dataclass(frozen=True)
class RepeatedSleepDiscrepancy:
    """Device less reference of one measure, several nights a subject.

    Attributes:
        n_subjects: Subjects with a value on both sides.
        n_nights: Their nights.
        missing: Nights left out because one side has no value.
        bias: Mean difference over nights.
        sd_between: SD of the subjects' own biases; 0 where the analysis of variance gives less.
        sd_within: SD of the differences within a subject.
        sd_total: SD of one difference, between and within together.
        loa_lower: Lower limit of agreement of a single night.
        loa_upper: Upper limit.
        intercept: Intercept of the bias line on the reference, random intercept of subjects (REML).
        slope: Its slope.
        half_width: 1.96 total SD of the residuals about that line. Without a line all three say why.
        level: Confidence level.
    """

    n_subjects: int
    n_nights: int
    missing: int
    bias: Bounded
    sd_between: float
    sd_within: float
    sd_total: Bounded
    loa_lower: Bounded
    loa_upper: Bounded
    intercept: Bounded
    slope: Bounded
    half_width: Bounded
    level: float

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.n_subjects} subjects, {self.n_nights} nights, {self.missing} without a value",
                f"bias: {self.bias}; SD between {number(self.sd_between)}, within {number(self.sd_within)}",
                f"limits of agreement of a night: {self.loa_lower} to {self.loa_upper}",
                f"bias on the reference: {self.intercept} + {self.slope} x",
            ]
        )


@dataclass(frozen=True)
class _Components:
    """One-way random effects from mean squares: total variance = a MSB + b MSW."""

    between: float
    within: float
    parts: tuple[Component, ...]

    @property
    def total(self) -> float:
        return self.between + self.within

    @classmethod
    def of(cls, values: FloatArray, offsets: IntArray) -> _Components:
        units = np.diff(offsets).astype(np.float64)
        n, groups = units.sum(), len(units)
        about = values - values.mean()
        sums = subject_sums(about, offsets)
        msb = float((sums**2 / units).sum() / (groups - 1))
        rest = about - np.repeat(sums / units, units.astype(np.int64))
        df = int(n - groups)
        msw = float(rest @ rest) / df if df else 0.0
        m0 = float((n - (units**2).sum() / n) / (groups - 1))
        parts = (Component(1 / m0, msb, groups - 1), Component(1 - 1 / m0, msw, df))
        return cls(max(0.0, (msb - msw) / m0), msw, parts if df else parts[:1])

    def variance_ends(self, level: float) -> tuple[float, float]:
        """MOVER interval of the total variance; about a component set to 0 its reach stays the same."""
        low, high = tail_levels(level, "two")
        plain = sum(part.factor * part.variance for part in self.parts)
        lower, upper = mover_variance(self.parts, low, high)
        return max(lower - plain + self.total, 0.0), upper - plain + self.total


def repeated_sleep_discrepancy(
    reference: ArrayLike, device: ArrayLike, *, subject: ArrayLike, level: float = 0.95
) -> RepeatedSleepDiscrepancy:
    """Bias and limits of agreement of a measure of the night where subjects have several nights.

    Variance between and within subjects from a one-way analysis of variance with unequal numbers of nights;
    the bias is the mean over nights with SE^2 = s_b^2 sum(m_i^2) / N^2 + s_w^2 / N and Student's t with the
    number of subjects less one; limits have MOVER intervals (Zou 2013). The line of the bias on the reference
    has a random intercept of subjects (REML) and the model's own standard error, (X' V^-1 X)^-1, with the
    number of subjects less two.

    Args:
        reference: (n,) the measure by the reference, a row a night; NaN where it has none.
        device: (n,) the measure by the device.
        subject: (n,) subject of each night.
        level: Confidence level.

    Raises:
        CannotComputeError: Fewer than three subjects with a value on both sides.
        ValueError: Lengths differ or a subject is missing.

    References:
        Zou GY. Confidence interval estimation for the Bland-Altman limits of agreement with multiple
        observations per individual. Stat Methods Med Res 2013;22:630-642. Bland JM, Altman DG. J Biopharm
        Stat 2007;17:571-582.

    Example:
        >>> psg = [400.0, 410.0, 350.0, 365.0, 300.0, 320.0, 280.0]
        >>> watch = [412.0, 419.0, 351.0, 369.0, 311.0, 333.0, 287.0]
        >>> who = ["a", "a", "b", "b", "c", "c", "d"]
        >>> found = repeated_sleep_discrepancy(psg, watch, subject=who)
        >>> found.n_subjects, round(found.bias.value, 4), round(found.sd_within, 4)
        (4, 8.1429, 1.9149)
    """
    first, second = np.asarray(reference, dtype=np.float64), np.asarray(device, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            f"`reference` and `device` must be columns of equal length; their shapes are {first.shape} and "
            f"{second.shape}."
        )
    names, label = checks.subject_labels(subject, len(first))
    known = np.isfinite(first) & np.isfinite(second)
    owners = np.array(names)[label[known]] if len(names) else np.array([])
    columns, keys = arrange(first[known], second[known], owners)
    if len(keys) < 3:
        raise CannotComputeError(
            f"{len(keys)} subjects have a night with a value on both sides; 3 are needed."
        )
    x, offsets = columns.reference, columns.offsets
    d = columns.test - x
    parts, units = _Components.of(d, offsets), np.diff(offsets)
    n = len(d)
    bias = float(d.mean())
    error = float(np.sqrt(parts.between * (units.astype(float) ** 2).sum() / n**2 + parts.within / n))
    ends = t_interval(bias, error, len(keys) - 1, level, "two")
    center = Bounded(bias, *ends)
    total = _root(parts, level)
    line, residual = _line(x, d, offsets, len(keys), level)
    about = line[1] if residual is None else _root(_Components.of(residual, offsets), level)
    return RepeatedSleepDiscrepancy(
        n_subjects=len(keys),
        n_nights=n,
        missing=int((~known).sum()),
        bias=center,
        sd_between=float(np.sqrt(parts.between)),
        sd_within=float(np.sqrt(parts.within)),
        sd_total=total,
        loa_lower=_limit(center, total, -1),
        loa_upper=_limit(center, total, 1),
        intercept=line[0],
        slope=line[1],
        half_width=Bounded(FACTOR * about.value, FACTOR * about.lower, FACTOR * about.upper, about.reason),
        level=level,
    )


def _root(parts: _Components, level: float) -> Bounded:
    lower, upper = parts.variance_ends(level)
    return Bounded(float(np.sqrt(parts.total)), float(np.sqrt(lower)), float(np.sqrt(upper)))


def _limit(bias: Bounded, sd: Bounded, sign: int) -> Bounded:
    """Zou (2013), eq. 10 and 11, with the interval of the bias as it is."""
    value = bias.value + sign * FACTOR * sd.value
    below, above = sd.value - sd.lower, sd.upper - sd.value
    if sign < 0:
        below, above = above, below
    return Bounded(
        value,
        value - float(np.hypot(bias.value - bias.lower, FACTOR * below)),
        value + float(np.hypot(bias.upper - bias.value, FACTOR * above)),
    )


def _line(
    x: FloatArray, d: FloatArray, offsets: IntArray, subjects: int, level: float
) -> tuple[tuple[Bounded, Bounded], FloatArray | None]:
    """Intercept and slope of the mixed model, and the residuals about its fixed part.

    Without a subject of several nights there is no second variance, and the line is that of least squares.
    """
    middle = float(x.mean())  # about which the cross-products lose no digits
    design = np.column_stack([np.ones(len(x)), x - middle])
    if len(x) > subjects:
        fit = InterceptModel.of(design, d, offsets, reml=True).fit(np.ones((1, subjects)))
        beta, covariance = fit.beta[0], fit.covariance[0]
    else:
        spread = float(np.square(design[:, 1]).sum())
        beta = np.array([d.mean(), design[:, 1] @ d / spread if spread > 0 else np.nan])
        rest = d - design @ beta
        with np.errstate(all="ignore"):
            covariance = np.diag([1 / len(x), np.divide(1, spread)]) * (rest @ rest / (len(x) - 2))
    if not np.isfinite(beta[1]):
        lost = Bounded(np.nan, np.nan, np.nan, NO_LINE)
        return (lost, lost), None
    at_zero = np.array([1.0, -middle])
    errors = np.sqrt([at_zero @ covariance @ at_zero, covariance[1, 1]])
    values = (float(beta[0] - beta[1] * middle), float(beta[1]))
    found = [
        Bounded(value, *t_interval(value, error, subjects - 2, level, "two"))
        for value, error in zip(values, errors, strict=True)
    ]
    return (found[0], found[1]), d - design @ beta
