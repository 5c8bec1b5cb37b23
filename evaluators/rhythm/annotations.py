"""Annotations of one record by one annotator, checked, and the period of the record that is compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..metric import IntArray
from .labels import code_points

Mode = Literal["wfdb_compat", "corrected"]
"""`wfdb_compat`: the counts of WFDB 10.7.0, its defects included. `corrected`: without these defects."""
MODES: tuple[Mode, ...] = ("wfdb_compat", "corrected")

WINDOW = 0.15
"""Match window of EC57 in seconds, to either side."""
LEARNING = 300.0
"""Learning period of EC57 in seconds: the comparison starts after it."""
FAR = 1 << 60
"""A time after everything."""
SHUTDOWN_BITS = 0x30
"""Both bits of the subtype of a noise annotation: the signals can not be read."""


@dataclass(frozen=True, eq=False)
class Annotations:
    """What one annotator says about one record, in order of time.

    Attributes:
        sample: (n,) sample numbers, never falling.
        symbol: (n,) symbols, as in WFDB annotation files: `N`, `V`, `+`, `~`, `[`, ...
        subtype: (n,) subtypes; of `~` they say what can be read.
        aux: (n,) texts; of `+` they name the rhythm, of `=` they hold the value.
    """

    sample: IntArray
    symbol: NDArray[np.str_]
    subtype: IntArray
    aux: NDArray[np.str_]

    @classmethod
    def of(
        cls,
        sample: ArrayLike,
        symbol: ArrayLike | Sequence[str],
        subtype: ArrayLike | None = None,
        aux: Sequence[Any] | NDArray[Any] | None = None,
        *,
        name: str = "annotations",
    ) -> Annotations:
        """Annotations of one record, from columns.

        Args:
            sample: (n,) sample numbers, whole numbers that never fall. Detectors may put a first beat before
                sample 0.
            symbol: (n,) symbols as in WFDB annotation files, or one symbol for all.
            subtype: (n,) subtypes. Default: 0.
            aux: (n,) texts. Default: none; a missing text (None) is an empty one.
            name: How messages call these annotations, such as `reference`.

        Raises:
            ValueError: Times that are no whole numbers or not in order, or columns of different lengths; all
                problems in one message.

        Example:
            >>> len(Annotations.of([77, 370, 662], "N"))
            3
        """
        problems: list[str] = []
        times = _whole_numbers("sample", sample, problems)
        known = not problems  # or there is nothing to hold the other columns against
        falls = np.flatnonzero(times[1:] < times[:-1]) + 1 if len(times) > 1 else np.zeros(0, dtype=np.int64)
        if len(falls):
            first = int(falls[0])
            problems.append(
                f"`sample` falls {len(falls):,} times, first at index {first} (from {times[first - 1]:,} to "
                f"{times[first]:,}); annotations must be in order of time."
            )
        marks = np.full(len(times), symbol) if isinstance(symbol, str) else np.asarray(symbol)
        if marks.dtype.kind != "U":
            marks = marks.astype(np.str_)
        kinds = (
            np.zeros(len(times), dtype=np.int64)
            if subtype is None
            else _whole_numbers("subtype", subtype, problems)
        )
        texts = _texts(aux, len(times))
        for column, values in (("symbol", marks), ("subtype", kinds), ("aux", texts)):
            if known and (values.ndim != 1 or len(values) != len(times)):
                problems.append(f"`{column}` has the shape {values.shape}; {len(times):,} values are needed.")
        if problems:
            raise ValueError(f"{name}: " + " ".join(problems))
        return cls(times, marks, kinds, texts)

    def __len__(self) -> int:
        return len(self.sample)

    def where(self, symbol: str) -> IntArray:
        """Indices of the annotations with a symbol."""
        points = code_points(self.symbol)
        same = self.symbol == symbol if points is None or len(symbol) != 1 else points == ord(symbol)
        return np.flatnonzero(same)


def _whole_numbers(name: str, values: ArrayLike, problems: list[str]) -> IntArray:
    array = np.asarray(values)
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        problems.append(
            f"`{name}` must be one column of whole numbers; it holds {array.dtype} of shape {array.shape}."
        )
        return np.zeros(0, dtype=np.int64)
    if array.dtype.kind == "f" and not np.all(array == np.floor(array)):  # NaN, too
        first = int(np.argmax(~(array == np.floor(array))))
        problems.append(f"`{name}` must hold whole numbers; index {first} holds {array[first]}.")
        return np.zeros(0, dtype=np.int64)
    return array.astype(np.int64, copy=False)


def _texts(aux: Sequence[Any] | NDArray[Any] | None, count: int) -> NDArray[np.str_]:
    if aux is None:
        return np.zeros(count, dtype="U1")
    if isinstance(aux, np.ndarray) and aux.dtype.kind == "U":
        return aux
    return np.array(["" if one is None else str(one).rstrip("\x00") for one in aux], dtype=np.str_)


@dataclass(frozen=True)
class Period:
    """The part of a record that is compared, in samples.

    Attributes:
        fs: Samples a second.
        start: First sample of the test period.
        end: Last sample; None where the length of the record is not known; 0 stops at the shorter annotator.
        window: Match window in samples, to either side, inclusive.
    """

    fs: float
    start: int
    end: int | None
    window: int

    @property
    def second(self) -> int:
        """Samples a second, rounded."""
        return samples(1.0, self.fs)


def samples(seconds: float, fs: float) -> int:
    """Seconds as samples, halves rounded up: 0.15 s at 250 Hz are 38 samples."""
    return math.floor(seconds * fs + 0.5)


def period(
    fs: float,
    length: int | None,
    *,
    start: float = LEARNING,
    end: float | None = None,
    window: float = WINDOW,
) -> Period:
    """The test period of a record.

    Args:
        fs: Samples a second.
        length: Samples of the record; None or 0: not known.
        start: Seconds of the learning period, which is not compared. Default: the 300 s of EC57.
        end: Seconds at which the comparison ends. Default: the end of the record. 0: where one annotator
            ends.
        window: Seconds by which times may differ. Default: the 0.15 s of EC57.

    Raises:
        ValueError: The record is not longer than its learning period, or an argument is not acceptable; all
            problems in one message.

    Example:
        >>> period(250, 250 * 1800)
        Period(fs=250, start=75000, end=450000, window=38)
    """
    problems = [
        f"`{name}` must be a number {words}; it is {value}."
        for name, value, words, good in (
            ("fs", fs, "above 0", math.isfinite(fs) and fs > 0),
            ("length", length, "from 0, or None", length is None or length >= 0),
            ("start", start, "from 0", math.isfinite(start) and start >= 0),
            ("end", end, "from 0, or None", end is None or (math.isfinite(end) and end >= 0)),
            ("window", window, "from 0", math.isfinite(window) and window >= 0),
        )
        if not good
    ]
    if problems:
        raise ValueError(" ".join(problems))
    first = samples(start, fs)
    last = (length or None) if end is None else samples(end, fs)
    if last is not None and last > 0 and last <= first:
        what = f"The record has {last / fs:g} s" if end is None else f"The comparison ends at {end:g} s"
        raise ValueError(
            f"{what} and the learning period takes {start:g} s: nothing is left to compare. The programs "
            "refuse this, too; give a shorter `start` where the protocol allows for it."
        )
    return Period(fs, first, last, samples(window, fs))


def mode(value: str) -> Mode:
    """A mode, checked.

    Raises:
        ValueError: There is no such mode.
    """
    for one in MODES:
        if one == value:
            return one
    raise ValueError(f"`mode` is `{value}`; accepted: {', '.join(MODES)}.")
