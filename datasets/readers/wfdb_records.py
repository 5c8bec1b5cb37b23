"""WFDB records: signals, annotations, and beats with their intervals. The wfdb package decodes.

A record is named by its header (`100.hea`); signal files and annotation files lie beside it. An annotation
file without a header can be named itself (`file: data/100.atr`, `format: wfdb`); its times are sample numbers
then, unless it carries its own rate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..sources import Reading
from .base import Opened, Reader, Rows, distinct, first_bytes, listed, refuse, seconds_to_datetime
from .wfdb_library import library

if TYPE_CHECKING:
    from wfdb.io.annotation import Annotation

BEATS = ("N", "L", "R", "B", "A", "a", "J", "S", "V", "r", "F", "e", "j", "n", "E", "/", "f", "Q", "?", "!")
"""Symbols that mark a beat. Others (rhythm changes, noise, comments, waves) lie between beats and are none;
`!` is a flutter wave, which WFDB counts among beats. `ann2rr` of the wfdb package takes every annotation for
a beat, so its intervals differ wherever there are others."""

TIMES = ("time", "seconds", "sample")
ANNOTATIONS = ("sample", "symbol", "subtype", "chan", "num", "aux_note")
_DEFINITION = re.compile(r"## (time resolution: \d+\.?\d*|annotation type definitions|end of definitions)")
_NOT_ANNOTATORS = (".hea", ".dat", ".mat", ".xws")


class WfdbReader(Reader):
    """WFDB records and annotations."""

    name = "wfdb"
    title = "WFDB record"
    endings = (".hea",)
    keys = frozenset({"rows", "annotator", "normal", "encoding"})

    def open(self, path: Path, name: str, how: Reading) -> Opened:
        """Open a record or an annotation file; see `Reader.open`."""
        annotator = how.annotator
        alone = path.suffix.lower() not in _NOT_ANNOTATORS
        if alone and annotator is None:
            annotator = path.suffix[1:]
        rows = how.rows or ("annotations" if alone else "signals")
        head = None if alone and not path.with_suffix(".hea").is_file() else header(path, name)
        if rows == "signals":
            if head is None or alone:
                raise refuse("signals need the record's header, `NAME.hea`.", name, key="reader.rows")
            return _Signals(path, name, head)
        if rows == "epochs":
            message = "epochs are read of EDF annotations; of WFDB: signals, annotations, beats."
            raise refuse(message, name, key="reader.rows", found=rows)
        if annotator is None:
            there = annotators(path)
            message = f"say which `annotator`; annotation files beside the header: {listed(there)}."
            raise refuse(message, name, key="reader.annotator")
        return _Annotated(path, name, head, annotator, how)

    def describe(self, path: Path, name: str) -> dict[str, Any]:
        """Signals, and annotation files with their symbols; see `Reader.describe`."""
        from . import wfdb_describe  # noqa: PLC0415 - only where a file is sniffed

        return wfdb_describe.describe(path, name)


READER = WfdbReader()


@dataclass(frozen=True)
class Head:
    """What a header says.

    Attributes:
        record: The header as wfdb has it.
        rate: Frames a second.
        names: Signals, made distinct.
        samples: Samples a frame, of each signal.
        start_us: Start in microseconds since 1970 on the recorder's clock; None: not said.
        files: Header and signal files.
        n_frames: Length; None: not said.
    """

    record: Any
    rate: float
    names: tuple[str, ...]
    samples: tuple[int, ...]
    start_us: int | None
    files: tuple[Path, ...]
    n_frames: int | None


def annotators(path: Path) -> list[str]:
    """Endings of the files beside a header that are annotation files."""
    return sorted(
        other.suffix[1:]
        for other in path.parent.glob(f"{path.stem}.*")
        if other.stem == path.stem and other.suffix.lower() not in _NOT_ANNOTATORS and _annotation_like(other)
    )


def _annotation_like(path: Path) -> bool:
    """Whether a file ends as annotation files do."""
    size = path.stat().st_size
    if size < 2 or size % 2:
        return False
    with path.open("rb") as handle:
        handle.seek(size - 2)
        return handle.read(2) == b"\0\0"


def header(path: Path, name: str) -> Head:
    """The header of a record.

    Raises:
        ContractError: It is not one, or damaged.
    """
    place = path.with_suffix(".hea")
    first_bytes(place, name, 1)
    try:
        with library() as wfdb:
            record = wfdb.rdheader(str(path.with_suffix("")))
    except OSError as error:
        raise refuse(f"the header, or a header it names, cannot be read: {error}.", name) from error
    except Exception as error:
        raise refuse(f"is not a WFDB header, or it is damaged: {error}.", name) from error
    if not record.n_sig:
        return Head(record, float(record.fs or 0), (), (), _start(record), (place,), record.sig_len)
    if hasattr(record, "seg_name"):
        return _segmented(path, name, record)
    named = [file for file in record.file_name or () if file]
    if len(named) != record.n_sig or len(record.sig_name or ()) != record.n_sig:
        message = f"is cut off: its first line says {record.n_sig} signals, and {len(named)} follow."
        raise refuse(message, name)
    files = [path.parent / file for file in dict.fromkeys(named)]
    return Head(
        record,
        float(record.fs),
        distinct(_names(record), taken=TIMES),
        tuple(record.samps_per_frame),
        _start(record),
        (place, *files),
        record.sig_len,
    )


def _names(record: Any) -> list[str]:
    return [label or f"signal {i + 1}" for i, label in enumerate(record.sig_name)]


def _segmented(path: Path, name: str, record: Any) -> Head:
    """A record of several segments: the signals are those of all of them."""
    try:
        with library() as wfdb:
            whole = wfdb.rdheader(str(path.with_suffix("")), rd_segments=True)
            labels = list(whole.get_sig_name())
    except Exception as error:
        raise refuse(f"a segment of this record cannot be read: {error}.", name) from error
    files: list[Path] = []
    for segment in whole.segments:
        if segment is None:
            continue
        files.append(path.parent / f"{segment.record_name}.hea")
        files.extend(path.parent / file for file in segment.file_name or () if file != "~")
    return Head(
        record,
        float(record.fs),
        distinct(labels, taken=TIMES),
        (1,) * len(labels),
        _start(record),
        (path.with_suffix(".hea"), *dict.fromkeys(files)),
        record.sig_len,
    )


def _start(record: Any) -> int | None:
    if record.base_datetime is None:
        return None
    start: datetime = record.base_datetime
    return (start.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _no_start(name: str, rate: float) -> Exception:
    if not rate:
        message = (
            "neither header nor annotations say the rate, so there is no `time` or `seconds`; use `sample`."
        )
        return refuse(message, name, key="seconds")
    message = "the header gives no date and time, so there is no `time`; use `seconds` or `sample`."
    return refuse(message, name, key="time")


class _Signals(Opened):
    """The samples of a record."""

    def __init__(self, path: Path, name: str, head: Head) -> None:
        if not head.names:
            message = "holds no signals; read annotations with `reader: {rows: annotations}`."
            raise refuse(message, name)
        absent = [file.name for file in head.files if not file.is_file()]
        if absent:
            raise refuse(f"names signal files that are not there: {listed(absent)}.", name)
        self._path, self._name, self._head = path, name, head
        self.columns = (*TIMES, *head.names)
        self.files = head.files

    def read(self, columns: Sequence[str]) -> Rows:
        """The asked channels and times; see `Opened.read`."""
        head = self._head
        asked = [head.names.index(one) for one in columns if one in head.names]
        samples = {head.samples[index] for index in asked or range(len(head.names))}
        if len(samples) > 1:
            rates = [f"`{head.names[i]}` {head.samples[i] * head.rate:g} Hz" for i in asked]
            message = f"signals of one table need one rate: {', '.join(rates)}; read them as two tables."
            raise refuse(message, self._name)
        rate = head.rate * samples.pop()
        values, units = self._decoded(asked or [0])
        made: dict[str, pl.Series | NDArray[Any]] = {}
        n = len(values[0])
        if {"time", "seconds"} & set(columns):
            made["seconds"] = np.arange(n) / rate
        if "time" in columns:
            if head.start_us is None:
                raise _no_start(self._name, head.rate)
            made["time"] = seconds_to_datetime(head.start_us, _us(np.arange(n), rate), "time")
        made["sample"] = np.arange(n, dtype=np.int64)
        for index, series, _ in zip(asked, values, units, strict=False):
            # wfdb marks samples that were never recorded as NaN
            made[head.names[index]] = pl.Series(series, dtype=pl.Float64).fill_nan(None)
        frame = pl.DataFrame({one: made[one] for one in columns})
        named = {head.names[i]: unit for i, unit in zip(asked, units, strict=False) if unit and unit != "NU"}
        return Rows(frame, named)

    def _decoded(self, channels: list[int]) -> tuple[list[NDArray[np.float64]], list[str]]:
        """Physical values of channels, their sums held against those of the header."""
        try:
            with library() as wfdb:
                record = wfdb.rdrecord(
                    str(self._path.with_suffix("")), channels=channels, smooth_frames=False, m2s=True
                )
        except OSError as error:
            raise refuse(f"a file of this record cannot be read: {error}.", self._name) from error
        except Exception as error:
            told = (
                "" if self._head.n_frames is None else f"its header says {self._head.n_frames:,} frames, and "
            )
            message = f"is truncated or damaged: {told}the signal file cannot be read so ({error})."
            raise refuse(message, self._name) from error
        values = record.e_p_signal
        if values is None:
            values = [record.p_signal[:, i] for i in range(record.p_signal.shape[1])]
        self._check_sums(channels)
        return [np.asarray(one, dtype=np.float64) for one in values], list(record.units)

    def _check_sums(self, channels: list[int]) -> None:
        """The header's checksums, where a record has them."""
        told = getattr(self._head.record, "checksum", None)
        if not told or hasattr(self._head.record, "seg_name"):
            return
        with library() as wfdb:
            record = wfdb.rdrecord(
                str(self._path.with_suffix("")), channels=channels, smooth_frames=False, physical=False
            )
            found = record.calc_checksum(expanded=True)
        wrong = [
            self._head.names[index]
            for index, sum_ in zip(channels, found, strict=True)
            if told[index] is not None and (int(told[index]) - int(sum_)) % 65_536
        ]
        if wrong:
            message = f"is damaged: the samples of {listed(wrong)} do not add up to the header's checksum."
            raise refuse(message, self._name)


def _us(samples: NDArray[np.int64], rate: float) -> NDArray[np.int64]:
    """Sample numbers as microseconds, rounded once."""
    return np.round(samples * (1_000_000 / rate)).astype(np.int64)


class _Annotated(Opened):
    """The annotations of one annotator: all of them, or the beats."""

    def __init__(self, path: Path, name: str, head: Head | None, annotator: str, how: Reading) -> None:
        self._head, self._how = head, how
        self._place = path.with_suffix(f".{annotator}")
        self._name = name if self._place == path else f"{name[: -len(path.suffix)]}.{annotator}"
        if not self._place.is_file():
            there = annotators(path)
            message = f"there is no such annotation file; there are: {listed(there)}."
            raise refuse(message, self._name, key="reader.annotator", found=annotator)
        self._beats = how.rows == "beats"
        more = ("rr", "hr") if self._beats else ()
        self.columns = ("time", "seconds", *ANNOTATIONS, *more)
        self.files = (self._place, *(() if head is None else head.files[:1]))

    def read(self, columns: Sequence[str]) -> Rows:
        """The asked columns of the annotations; see `Opened.read`."""
        found = annotation_file(self._place, self._name)
        rate = float(found.fs or (self._head.rate if self._head else 0) or 0)
        frame = self._table(found)
        if self._beats:
            frame = frame.filter(pl.col("symbol").is_in(BEATS))
            if not frame.height:
                raise refuse(f"holds no beats ({listed(BEATS)}).", self._name)
        samples = frame["sample"].to_numpy()
        if {"time", "seconds", "rr", "hr"} & set(columns):
            if not rate:
                raise _no_start(self._name, rate)
            frame = frame.with_columns(seconds=pl.Series(samples / rate))
        if "time" in columns:
            start = self._head.start_us if self._head else None
            if start is None:
                raise _no_start(self._name, rate)
            frame = frame.with_columns(seconds_to_datetime(start, _us(samples, rate), "time"))
        if self._beats and {"rr", "hr"} & set(columns):
            frame = frame.with_columns(self._intervals(frame, rate))
        return Rows(frame.select(columns), {"rr": "s", "hr": "1/min"} if self._beats else {})

    def _table(self, found: Annotation) -> pl.DataFrame:
        notes = [(note or "").rstrip("\0") or None for note in found.aux_note]
        if self._how.encoding != "latin-1":  # wfdb takes every byte for a character
            notes = [self._decoded(note, i) for i, note in enumerate(notes)]
        return pl.DataFrame(
            {
                "sample": pl.Series(found.sample, dtype=pl.Int64),
                "symbol": pl.Series(list(found.symbol), dtype=pl.String),
                "subtype": pl.Series(found.subtype, dtype=pl.Int64),
                "chan": pl.Series(found.chan, dtype=pl.Int64),
                "num": pl.Series(found.num, dtype=pl.Int64),
                "aux_note": pl.Series(notes, dtype=pl.String),
            }
        )

    def _decoded(self, note: str | None, row: int) -> str | None:
        if note is None or note.isascii():
            return note
        try:
            return note.encode("latin-1").decode(self._how.encoding)
        except UnicodeDecodeError as error:
            message = (
                f"the note of annotation {row + 1:,} is not {self._how.encoding.upper()}; if it is Latin-1, "
                "say `reader: {encoding: latin-1}`."
            )
            raise refuse(message, self._name, found=repr(note.encode("latin-1"))[2:-1]) from error

    def _intervals(self, frame: pl.DataFrame, rate: float) -> list[pl.Series]:
        """Seconds since the beat before, and 60 over them; empty at the first beat and off `normal`."""
        samples = frame["sample"].to_numpy()
        back = np.flatnonzero(np.diff(samples) <= 0)
        if len(back):
            at = int(samples[back[0] + 1])
            message = "beats are not in order of time, so there are no intervals between them."
            raise refuse(message, self._name, found=f"sample {at:,}", count=len(back))
        rr = pl.Series("rr", np.diff(samples, prepend=samples[:1]) / rate)
        normal = frame["symbol"].is_in(self._how.normal or BEATS)
        counts = (normal & normal.shift(1)).fill_null(False)
        rr = pl.select(pl.when(counts).then(pl.lit(rr)).alias("rr")).to_series()
        return [rr, (60 / rr).alias("hr")]


def annotation_file(place: Path, name: str) -> Annotation:
    """An annotation file, its end held against what every one ends with.

    Raises:
        ContractError: Truncated, not an annotation file, or empty.
    """
    data = first_bytes(place, name, place.stat().st_size)
    if len(data) % 2 or data[-2:] != b"\0\0":
        message = "is truncated, or no WFDB annotation file: those end with two zero bytes."
        raise refuse(message, name, found=repr(data[-2:])[2:-1])
    try:
        with library() as wfdb:
            known = b"##" not in data or _known_definitions(wfdb.io.annotation, data)
            found: Annotation | None = (
                wfdb.rdann(str(place.with_suffix("")), place.suffix[1:]) if known else None
            )
    except Exception as error:
        raise refuse(f"is damaged, or no WFDB annotation file: {error}.", name) from error
    if found is None:
        raise refuse("is damaged: it holds definitions that cannot be read.", name)
    if not len(found.sample):
        raise refuse("holds no annotations.", name)
    if any(symbol is None or symbol != symbol for symbol in found.symbol):  # noqa: PLR0124 - NaN
        raise refuse("is damaged, or no WFDB annotation file: it holds codes that mean nothing.", name)
    return found


def _known_definitions(module: Any, data: bytes) -> bool:
    """Whether notes that begin as definitions are such; at any other wfdb goes round for ever."""
    pairs = np.frombuffer(data, dtype=np.uint8).reshape(-1, 2)
    notes = [note for note in module.proc_ann_bytes(pairs, None)[-1] if (note or "").startswith("## ")]
    rates = sum("time resolution" in note for note in notes)
    return rates <= 1 and all(_DEFINITION.match(note) for note in notes)
