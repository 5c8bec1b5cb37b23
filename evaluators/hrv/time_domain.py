"""Time-domain heart rate variability: SDNN, RMSSD, pNN50, of the intervals of a stretch of time.

Intervals outside of declared limits are artefacts: they enter nothing, and break the succession, as a gap in
the record does. Differences are only taken between intervals that follow each other without a break, so that
neither a missed beat nor a pause of the sensor passes for variability.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..measures import Measure, Stretches
from ..metric import Citation, FloatArray, Parameter

Mask = NDArray[np.bool_]

TASK_FORCE = Citation(
    "taskforce1996",
    "Task Force of the European Society of Cardiology and the North American Society of Pacing and "
    "Electrophysiology. Heart rate variability: standards of measurement, physiological interpretation and "
    "clinical use. Circulation 1996;93:1043-1065 (table 1).",
)

PARAMETERS = (
    Parameter(
        "lowest",
        "number",
        "Shortest interval that is taken for one between normal beats, in milliseconds; 300 is 200 beats a "
        "minute.",
        default=300.0,
        minimum=0.0,
    ),
    Parameter(
        "highest",
        "number",
        "Longest such interval, in milliseconds; 2000 is 30 beats a minute.",
        default=2000.0,
        minimum=0.0,
    ),
    Parameter(
        "largest_gap",
        "number",
        "Time between the end of an interval and the start of the next, in milliseconds, up to which the two "
        "follow each other. Shorter than any interval, longer than rounding.",
        default=100.0,
        minimum=0.0,
    ),
)


class TimeDomain(Measure):
    """What the time-domain measures share: which intervals are normal, and which follow each other."""

    kind = "number"
    unit = "ms"
    units: ClassVar[dict[str, float]] = {"ms": 1.0, "s": 1000.0}
    parameters = PARAMETERS
    citations = (TASK_FORCE,)

    def values(self, rows: Stretches, **parameters: Any) -> FloatArray:
        """(U,) the measure of each stretch; NaN where there are too few intervals."""
        limits = {one.name: one.default for one in self.parameters} | parameters
        follows = _follows(rows, float(limits["largest_gap"]))
        with np.errstate(invalid="ignore"):
            normal = (rows.values >= limits["lowest"]) & (rows.values <= limits["highest"])
        follows[1:] &= normal[1:] & normal[:-1]
        return self.of(rows, normal, follows)

    @abstractmethod
    def of(self, rows: Stretches, normal: Mask, follows: Mask) -> FloatArray:
        """The measure from intervals that are normal, and those that follow a normal one without a break."""


def _follows(rows: Stretches, gap: float) -> Mask:
    """(n,) whether a row begins where the one before, of the same stretch, ends."""
    found = np.zeros(len(rows.values), dtype=bool)
    pause = (rows.start[1:] - (rows.start + rows.duration)[:-1]) * 1000
    found[1:] = np.abs(pause) <= gap
    found[rows.heads] = False
    return found


def _differences(rows: Stretches) -> FloatArray:
    """(n,) change against the row before; 0 for the first."""
    found: FloatArray = np.diff(rows.values, prepend=rows.values[:1])
    return found


class Sdnn(TimeDomain):
    """Standard deviation of normal intervals."""

    name = "sdnn"
    title = "SDNN"
    definition = (
        "Standard deviation (divisor n - 1) of the intervals between normal beats, in milliseconds; two or "
        "more."
    )

    def of(self, rows: Stretches, normal: Mask, follows: Mask) -> FloatArray:
        """Standard deviation about each stretch's own mean."""
        del follows
        filled = np.where(normal, rows.values, 0.0)
        n = rows.total(normal.astype(np.float64))
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = rows.total(filled) / n
            squares = rows.total(np.where(normal, np.square(filled - mean[rows.stretch]), 0.0))
            return np.where(n > 1, np.sqrt(squares / (n - 1)), np.nan)


class Rmssd(TimeDomain):
    """Root mean square of successive differences."""

    name = "rmssd"
    title = "RMSSD"
    definition = (
        "Square root of the mean squared difference of successive intervals between normal beats, in "
        "milliseconds; one pair or more."
    )

    def of(self, rows: Stretches, normal: Mask, follows: Mask) -> FloatArray:
        """Over pairs that follow each other without a break."""
        del normal
        squares = rows.total(np.where(follows, np.square(_differences(rows)), 0.0))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.sqrt(squares / rows.total(follows.astype(np.float64)))


class Pnn50(TimeDomain):
    """Share of successive differences above 50 ms."""

    name = "pnn50"
    title = "pNN50"
    definition = (
        "Pairs of successive intervals between normal beats that differ by more than 50 ms, as a percentage "
        "of such pairs; one or more."
    )
    unit = "%"

    def of(self, rows: Stretches, normal: Mask, follows: Mask) -> FloatArray:
        """Over pairs that follow each other without a break."""
        del normal
        large = follows & (np.abs(_differences(rows)) > 50)
        with np.errstate(invalid="ignore", divide="ignore"):
            return 100 * rows.total(large.astype(np.float64)) / rows.total(follows.astype(np.float64))


class MeanRate(TimeDomain):
    """Mean heart rate: beats over time."""

    name = "mean_rate"
    title = "Mean heart rate"
    definition = (
        "60,000 over the mean interval between normal beats: beats over the time they take, not the mean of "
        "momentary rates, which is larger; one interval or more."
    )
    unit = "1/min"

    def of(self, rows: Stretches, normal: Mask, follows: Mask) -> FloatArray:
        """Number of normal intervals over their sum."""
        del follows
        with np.errstate(invalid="ignore", divide="ignore"):
            total = rows.total(np.where(normal, rows.values, 0.0))
            return 60_000 * rows.total(normal.astype(np.float64)) / total


MEASURES: tuple[Measure, ...] = (Sdnn(), Rmssd(), Pnn50(), MeanRate())
