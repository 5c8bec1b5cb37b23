"""Measurements such as the heart rate, written as annotations, as `mxm` compares them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..metric import FloatArray, IntArray
from .annotations import LEARNING, Annotations, Mode, period
from .annotations import mode as checked_mode

MEASURE = "="
"""Symbol of a measurement; its text holds the value, its subtype says which measurement it is."""


@dataclass(frozen=True)
class MeasurementError:
    """Error of the measurements of one record.

    Attributes:
        mode: Whose error this is; see `annotations.Mode`.
        squares: Sum of squared differences, test - reference.
        reference_sum: Sum of the reference values that test values were held against.
        pairs: How many pairs these sums have.
        n: What the sums are divided by: in `wfdb_compat` all test values, in `corrected` the pairs.
        normalised: Whether `error` is in percent of the reference's mean.
    """

    mode: Mode
    squares: float
    reference_sum: float
    pairs: int
    n: int
    normalised: bool

    @property
    def reference_mean(self) -> float:
        """Mean reference value; NaN without any."""
        return self.reference_sum / self.n if self.n else float("nan")

    @property
    def error(self) -> float:
        """Root mean square error, in percent of the reference's mean if `normalised`; NaN where undefined."""
        if not self.n or (self.normalised and not self.reference_sum):
            return float("nan")
        if self.normalised:
            return float(100 * np.sqrt(self.squares * self.n) / self.reference_sum)
        return float(np.sqrt(self.squares / self.n))


def measurements_of(
    found: Annotations, subtype: int = 0, *, name: str = "annotations"
) -> tuple[IntArray, FloatArray]:
    """Samples and values of the measurements (`=`) of one kind.

    Args:
        found: The annotations.
        subtype: Which measurement.
        name: How messages call these annotations.

    Raises:
        ValueError: A text that is no number.
    """
    marks = found.where(MEASURE)
    marks = marks[found.subtype[marks] == subtype]
    values = []
    for k, text in zip(marks.tolist(), found.aux[marks].tolist(), strict=True):
        try:
            values.append(float(text))
        except ValueError:
            raise ValueError(
                f"{name}: the measurement at index {k} holds `{text}`; a number is needed."
            ) from None
    return found.sample[marks], np.array(values, dtype=np.float64)


def compare_measurements(
    reference: tuple[ArrayLike, ArrayLike],
    test: tuple[ArrayLike, ArrayLike],
    fs: float,
    length: int | None,
    *,
    start: float = LEARNING,
    end: float | None = None,
    normalised: bool = True,
    mode: str = "wfdb_compat",
) -> MeasurementError:
    """Hold each value of the test against the nearest value of the reference, as `mxm` does.

    A reference value that is nearer before than the next one is behind is taken, else the next one; there is
    no largest distance.

    Args:
        reference: Samples, never falling, and values of the reference.
        test: Samples and values of the device or algorithm.
        fs: Samples a second.
        length: Samples of the record; None or 0 where it is not known.
        start: Seconds of the learning period. Default: the 300 s of EC57.
        end: Seconds at which the comparison ends. Default: the end of the record.
        normalised: In percent of the mean reference value; False (option -u): in its unit.
        mode: `wfdb_compat`: the numbers of WFDB 10.7.0, which divides by the number of all test values, those
            of the learning period included, and holds the last value of the test against the last of the
            reference once more if that is not earlier. `corrected`: neither.

    Raises:
        ValueError: Samples out of order, values that are no numbers, or another argument.

    References:
        ANSI/AAMI EC57:2012. `mxm` of the WFDB Software Package 10.7.0 (Moody G, PhysioNet).

    Example:
        >>> rates = compare_measurements(([10, 20], [60, 80]), ([11, 21], [63, 80]), 1, 100, start=0)
        >>> round(rates.error, 4), rates.reference_mean
        (3.0305, 70.0)
    """
    whose = checked_mode(mode)
    span = period(fs, length, start=start, end=end)
    ref_time, ref_value = _checked("reference", *reference)
    time, value = _checked("test", *test)
    every = len(time)
    used = time >= span.start
    if span.end:
        used &= time <= span.end
    time, value = time[used], value[used]
    chosen = _nearest(ref_time, time)
    pairs = (value[: len(chosen)], ref_value[chosen])
    difference, taken = pairs[0] - pairs[1], pairs[1]
    if whose == "wfdb_compat" and len(time) and len(ref_time):
        late = (ref_time >= time[-1]) & ((ref_time <= span.end) if span.end else True)
        if np.any(late):
            last = ref_value[np.flatnonzero(late)[-1]]
            difference, taken = np.append(difference, value[-1] - last), np.append(taken, last)
    n = every if whose == "wfdb_compat" else len(difference)
    return MeasurementError(
        whose, float(np.dot(difference, difference)), float(taken.sum()), len(difference), n, normalised
    )


def _checked(name: str, time: ArrayLike, values: ArrayLike) -> tuple[IntArray, FloatArray]:
    found = Annotations.of(time, MEASURE, name=name).sample
    numbers = checks.measurements(f"{name} values", values)
    if len(numbers) != len(found):
        raise ValueError(f"{name}: there are {len(found):,} samples and {len(numbers):,} values.")
    return found, numbers


def _nearest(reference: IntArray, time: IntArray) -> IntArray:
    """Index of the nearest reference value of each time; the earlier one only if it is nearer."""
    if not len(reference):
        return np.zeros(0, dtype=np.int64)
    after = np.searchsorted(reference, time)
    before = np.maximum(after - 1, 0)
    last = len(reference) - 1
    earlier = (after > last) | (time - reference[before] < reference[np.minimum(after, last)] - time)
    return np.where(earlier, before, np.minimum(after, last))
