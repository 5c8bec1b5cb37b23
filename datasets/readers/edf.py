"""EDF, EDF+ and BDF: signals with their times, annotations, hypnograms. edfio decodes.

Signals: one row a sample, channels by their labels, beside them `time` (the file's clock, no zone), `seconds`
(since the first sample) and `sample` (its number, from 0). In a file with gaps (EDF+D) time jumps; nothing
is filled. Times are those of the data record plus the place in it, rounded once.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..sources import Reading
from . import edf_annotations
from .base import Opened, Reader, Rows, distinct, refuse, seconds_to_datetime
from .edf_header import Header, header

if TYPE_CHECKING:
    from edfio import Bdf, Edf

TIMES = ("time", "seconds", "sample")


class EdfReader(Reader):
    """EDF, EDF+ and BDF."""

    name = "edf"
    title = "EDF, EDF+ or BDF recording"
    endings = (".edf", ".bdf")
    keys = frozenset({"rows", "epoch", "labels", "other_texts", "encoding"})

    def open(self, path: Path, name: str, how: Reading) -> Opened:
        """Open a recording; see `Reader.open`."""
        head = header(path, name)
        rows = how.rows or "signals"
        if rows == "beats":
            message = "beats are read of WFDB annotations; of EDF: signals, annotations, epochs."
            raise refuse(message, name, key="reader.rows", found=rows)
        if rows == "signals":
            return _Signals(head)
        if not any(head.is_annotation):
            message = "holds no annotations (it is plain EDF, or EDF+ without an annotation signal)."
            raise refuse(message, name, key="reader.rows", found=rows)
        return _Annotated(head, how, rows == "epochs")

    def describe(self, path: Path, name: str) -> dict[str, Any]:
        """Signals by rate, and annotations by text; see `Reader.describe`."""
        from . import edf_describe  # noqa: PLC0415 - only where a file is sniffed

        return edf_describe.describe(header(path, name))


READER = EdfReader()


@dataclass(frozen=True)
class Channel:
    """One ordinary signal.

    Attributes:
        name: Its label, made distinct.
        unit: Its physical dimension; empty: not said.
        index: Its place among ordinary signals.
        samples: Samples a data record.
    """

    name: str
    unit: str
    index: int
    samples: int


def decoded(head: Header) -> Edf | Bdf:
    """The recording as edfio sees it; signals of EDF are read when they are asked for.

    Raises:
        ContractError: The head of a signal is damaged.
    """
    from edfio import read_bdf, read_edf  # noqa: PLC0415 - readers start without their decoders

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sizes and dates are checked here, and refused in words
            if head.width == 3:
                return read_bdf(head.path, header_encoding=head.encoding)
            return read_edf(head.path, header_encoding=head.encoding)
    except (ValueError, IndexError, ArithmeticError, UnboundLocalError) as error:
        raise refuse(f"has a damaged head: {error}.", head.name) from error


def channels(head: Header, recording: Edf | Bdf) -> tuple[Channel, ...]:
    """The ordinary signals of a file."""
    ordinary = [n for n, skip in zip(head.samples, head.is_annotation, strict=True) if not skip]
    labels = distinct([signal.label for signal in recording.signals], taken=TIMES)
    units = [signal.physical_dimension.strip() for signal in recording.signals]
    return tuple(Channel(*one) for one in zip(labels, units, range(len(labels)), ordinary, strict=True))


def start_us(head: Header, recording: Edf | Bdf) -> int | None:
    """Start as microseconds since 1970 on the recorder's clock, or None where the file hides its date."""
    start = head.start
    if head.plus:
        from edfio import AnonymizedDateError  # noqa: PLC0415

        try:
            start = datetime.combine(recording.recording.startdate, start.time())
        except AnonymizedDateError:
            if (start.year, start.month, start.day) == (1985, 1, 1):
                return None
        except (ValueError, IndexError):
            pass  # not in the form of EDF+: the old field holds
    return int(start.replace(tzinfo=UTC).timestamp()) * 1_000_000


def needed_start(head: Header, wanted: Sequence[str]) -> int:
    """The start for `time` and `end`; 0 where nobody asks for them.

    Raises:
        ContractError: They are asked for, and the file's date was removed.
    """
    if not {"time", "end"} & set(wanted):
        return 0
    start = start_us(head, decoded(head))
    if start is None:
        message = "its start date was removed (`Startdate X`), so there is no `time`; use `seconds`."
        raise refuse(message, head.name, key="time")
    return start


class _Signals(Opened):
    """The samples of a recording."""

    def __init__(self, head: Header) -> None:
        self._head = head
        self._recording = decoded(head)
        self._channels = {one.name: one for one in channels(head, self._recording)}
        if not self._channels:
            message = "holds no signals, only annotations; read them with `reader: {rows: annotations}`."
            raise refuse(message, head.name)
        self.columns = (*TIMES, *self._channels)
        self.files = (head.path,)

    def read(self, columns: Sequence[str]) -> Rows:
        """The asked channels and times; see `Opened.read`."""
        asked = [self._channels[name] for name in columns if name in self._channels]
        samples = self._samples(asked or list(self._channels.values()))
        made: dict[str, pl.Series | NDArray[Any]] = {}
        if set(TIMES) & set(columns):
            onsets = record_onsets(self._head)
            start = needed_start(self._head, columns)
            place = np.arange(samples, dtype=np.int64) * self._head.record_us  # in units of 1/samples us
            within = (2 * place + samples) // (2 * samples)
            made["time"] = seconds_to_datetime(start, (onsets[:, None] + within).ravel(), "time")
            after = (onsets[:, None] - onsets[0]) * samples + place
            made["seconds"] = after.ravel() / (samples * 1_000_000)
            made["sample"] = np.arange(after.size, dtype=np.int64)
        for one in asked:
            made[one.name] = self._values(one)
        frame = pl.DataFrame({name: made[name] for name in columns})
        return Rows(frame, {one.name: one.unit for one in asked if one.unit})

    def _samples(self, asked: list[Channel]) -> int:
        """Samples a record of all that are asked for; rows need one rate."""
        samples = {one.samples for one in asked}
        if len(samples) > 1:
            seconds = self._head.record_us / 1e6
            rates = [f"`{one.name}` {one.samples / seconds:g} Hz" for one in asked]
            message = f"signals of one table need one rate: {', '.join(rates)}; read them as two tables."
            raise refuse(message, self._head.name)
        return samples.pop()

    def _values(self, one: Channel) -> NDArray[np.float64]:
        try:
            return np.asarray(self._recording.signals[one.index].data, dtype=np.float64)
        except (ValueError, ArithmeticError) as error:
            message = f"the scale of this signal is damaged: {error}."
            raise refuse(message, self._head.name, key=one.name) from error


def record_onsets(head: Header) -> NDArray[np.int64]:
    """Starts of the data records, in microseconds after the file's start time.

    Raises:
        ContractError: Data records overlap, or do not say when they start.
    """
    onsets = edf_annotations.read(head, texts=False).record_onsets
    back = np.flatnonzero(np.diff(onsets) < head.record_us - 1)
    if len(back):
        at = int(back[0])
        message = (
            f"data record {at + 2:,} starts at {onsets[at + 1] / 1e6:g} s, before the one before it ends "
            f"({(onsets[at] + head.record_us) / 1e6:g} s)."
        )
        raise refuse(message, head.name, count=len(back))
    return onsets


class _Annotated(Opened):
    """The annotations of a recording."""

    def __init__(self, head: Header, how: Reading, epochs: bool) -> None:
        self._head, self._how, self._epochs = head, how, epochs
        self.columns = edf_annotations.EPOCHS if epochs else edf_annotations.ROWS
        self.files = (head.path,)

    def read(self, columns: Sequence[str]) -> Rows:
        """The asked columns of the annotations; see `Opened.read`."""
        found = edf_annotations.read(self._head, self._how.encoding)
        start = needed_start(self._head, columns)
        make = edf_annotations.as_epochs if self._epochs else edf_annotations.as_rows
        frame = make(found, self._how, self._head, start).select(columns)
        return Rows(frame, {} if self._epochs else {"duration": "s"})
