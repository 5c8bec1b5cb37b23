"""Distances between predicted probabilities and the smoothed calibration curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from .. import checks
from ..metric import (
    Average,
    CannotComputeError,
    Citation,
    Columns,
    FloatArray,
    Metric,
    Parameter,
    Statistic,
)
from .fit import Refitted
from .loess import CLEVELAND, loess
from .scores import probability_columns

Smoother = Literal["lowess", "loess"]

AUSTIN = Citation(
    "austin2019",
    "Austin PC, Steyerberg EW. The Integrated Calibration Index (ICI) and related metrics for quantifying "
    "the calibration of logistic regression models. Stat Med 2019;38:4051-4065.",
)
HARRELL = Citation(
    "harrell2015",
    "Harrell FE. Regression Modeling Strategies. 2nd ed. Springer 2015, s. 10.11 (lowess without outlier "
    "rejection).",
)
SMOOTHER = Parameter(
    "smoother",
    "choice",
    "`lowess` (default): locally linear, span 2/3, no outlier rejection, as `rms::val.prob` in R. `loess`: "
    "locally quadratic, span 0.75, as `loess` in R with its defaults and in the paper. The numbers differ by "
    "tens of percent: say which wherever one is quoted.",
    default="lowess",
    choices=get_args(Smoother),
)
_SPAN = 2 / 3


@dataclass(frozen=True, eq=False)
class CurveGapPrepared(Refitted):
    """Distances between prediction and smoothed outcome; see `CalibrationIndex`.

    Attributes:
        smoother: Which smoother.
    """

    smoother: Smoother

    def fit(self, weights: FloatArray) -> FloatArray:
        """Mean, median, 90th percentile and largest distance.

        Raises:
            CannotComputeError: Too few rows, weights that repeat no whole number of rows, or too few
                different predictions for `loess`.
        """
        whole = np.rint(weights)
        if np.any(np.abs(weights - whole) > 1e-9):
            raise CannotComputeError("The smoothed curve needs whole numbers of rows as weights.")
        y = np.repeat(self.columns.reference.astype(np.float64), whole.astype(np.int64))
        p = np.repeat(self.columns.test, whole.astype(np.int64))
        if len(y) < 3 or y.min() == y.max():
            raise CannotComputeError("A smoothed curve needs three rows, positives and negatives among them.")
        gap = np.abs(_SMOOTHERS[self.smoother](y, p) - p)
        return np.array([gap.mean(), np.median(gap), np.quantile(gap, 0.9), gap.max()])


def smoothed(y: FloatArray, p: FloatArray) -> FloatArray:
    """(n,) lowess of the outcome on the prediction: span 2/3, locally linear, no outlier rejection.

    As `lowess(p, y, iter = 0)` in R, which interpolates within a hundredth of the range.
    """
    # here and not above: it brings pandas along, which nothing else of the statistics needs
    from statsmodels.nonparametric.smoothers_lowess import lowess  # noqa: PLC0415

    if p.min() == p.max():
        return np.full(len(p), y.mean())
    for delta in (0.01 * float(np.ptp(p)), 0.0):
        with np.errstate(all="ignore"):
            found = np.asarray(lowess(y, p, frac=_SPAN, it=0, delta=delta, return_sorted=False))
        if np.all(np.isfinite(found)):
            return found
    # neighbours that all have one prediction leave no distance to weigh by: their mean, as in R
    _, tied = np.unique(p, return_inverse=True)
    means = np.bincount(tied, weights=y) / np.bincount(tied)
    return np.asarray(np.where(np.isfinite(found), found, means[tied]))


_SMOOTHERS: dict[Smoother, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "lowess": smoothed,
    "loess": loess,
}


class CalibrationIndex(Metric):
    """ICI, E50, E90; the plain function is `calibration_index`."""

    name = "calibration_index"
    title = "Integrated calibration index"
    summary = "Distance between predicted probabilities and the smoothed calibration curve."
    kind = "score"
    route = "refit"
    headline = "ici"
    parameters = (SMOOTHER,)
    statistics = tuple(
        Statistic(
            name,
            f"{words} distance to the calibration curve ({name.upper()})",
            f"{words} |smoothed outcome - prediction| over units; smoothed by the stated smoother, without "
            "outlier rejection and not cut at 0 and 1. Another smoother gives another number.",
            "none",
            "lower",
            ("bootstrap_percentile",),
        )
        for name, words in (
            ("ici", "Mean"),
            ("e50", "Median"),
            ("e90", "90th percentile of"),
            ("emax", "Largest"),
        )
    )
    citations = (AUSTIN, HARRELL, CLEVELAND)

    def prepare(
        self, columns: Columns, *, average: Average = "pooled", **parameters: Any
    ) -> CurveGapPrepared:
        """Keep the rows.

        Raises:
            ValueError: Row weights, or see `probability_columns`.
        """
        checked = probability_columns(self, columns, average, parameters)
        if checked.weights is not None:
            raise ValueError("`calibration_index` takes no row weights; the smoother counts neighbours.")
        smoother = checks.parameters(self, parameters)["smoother"]
        return CurveGapPrepared(checked, ("ici", "e50", "e90", "emax"), smoother)


CALIBRATION_INDEX = CalibrationIndex()
METRICS: tuple[Metric, ...] = (CALIBRATION_INDEX,)
