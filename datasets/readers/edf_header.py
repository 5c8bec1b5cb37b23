"""The head of an EDF, EDF+ or BDF file, held against the file's size before anything of it is believed.

Layout: Kemp B et al., Electroencephalogr Clin Neurophysiol 1992;82:391-393 (EDF); Kemp B, Olivan J, Clin
Neurophysiol 2003;114:1755-1761 (EDF+).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .base import first_bytes, refuse

_FIXED = 256
_MAGIC = {b"0       ": 2, b"\xffBIOSEMI": 3}
"""First eight bytes, and bytes a sample."""
_MAX_SIGNALS = 9_999


@dataclass(frozen=True)
class Header:
    """What the head says of the data after it.

    Attributes:
        path: The file.
        name: The file as the study knows it.
        width: Bytes a sample: 2 in EDF, 3 in BDF.
        plus: `C` or `D` (EDF+, continuous or not), or empty.
        offset: Where the data begin.
        n_records: Number of data records.
        record_us: Length of a data record in microseconds.
        samples: Samples a record, of each signal.
        is_annotation: Which signals hold annotations.
        start: Start as the two old fields give it, date and time without zone.
        encoding: Encoding that the head's texts are in.
    """

    path: Path
    name: str
    width: int
    plus: str
    offset: int
    n_records: int
    record_us: int
    samples: tuple[int, ...]
    is_annotation: tuple[bool, ...]
    start: datetime
    encoding: str

    @property
    def record_bytes(self) -> int:
        """Bytes a data record."""
        return sum(self.samples) * self.width

    def raw(self, signal: int) -> NDArray[np.uint8]:
        """Bytes of one signal, one row a data record."""
        start = sum(self.samples[:signal]) * self.width
        whole: NDArray[np.uint8] = np.memmap(
            self.path,
            dtype=np.uint8,
            mode="r",
            offset=self.offset,
            shape=(self.n_records, self.record_bytes),
        )
        return np.array(whole[:, start : start + self.samples[signal] * self.width])


def header(path: Path, name: str) -> Header:
    """Read the head and hold it against the file's size.

    Raises:
        ContractError: Not EDF, damaged, truncated, more or less data than the head says, or no signals.
        OutputError: The file cannot be read.
    """
    fixed = first_bytes(path, name, _FIXED)
    width = _MAGIC.get(fixed[:8])
    if width is None:
        message = "is not an EDF or BDF file: it does not start with `0` and seven blanks."
        raise refuse(message, name, found=repr(fixed[:8])[2:-1])
    if len(fixed) < _FIXED:
        raise refuse(f"ends in its head, after {len(fixed)} of {_FIXED} bytes.", name)
    n_signals = _whole(fixed[252:256], "number of signals", name)
    if not 0 < n_signals <= _MAX_SIGNALS:
        raise refuse(f"holds {n_signals} signals; at least one is needed.", name)
    offset = _FIXED * (n_signals + 1)
    head = first_bytes(path, name, offset)
    if len(head) < offset:
        raise refuse(f"ends in its head, after {len(head):,} of {offset:,} bytes.", name)
    told = _whole(fixed[184:192], "number of bytes in the head", name)
    if told != offset:
        raise refuse(f"says that its head has {told:,} bytes; {n_signals} signals make {offset:,}.", name)
    labels = [head[_FIXED + 16 * i : _FIXED + 16 * (i + 1)].rstrip() for i in range(n_signals)]
    at = _FIXED + 216 * n_signals
    samples = tuple(
        _whole(head[at + 8 * i : at + 8 * (i + 1)], f"samples a record of signal {i + 1}", name)
        for i in range(n_signals)
    )
    if min(samples) < 0 or sum(samples) == 0:
        raise refuse("holds no samples: its head gives every signal none.", name)
    found = Header(
        path=path,
        name=name,
        width=width,
        plus=_plus(fixed[192:236]),
        offset=offset,
        n_records=_whole(fixed[236:244], "number of data records", name),
        record_us=_microseconds(fixed[244:252], name),
        samples=samples,
        is_annotation=tuple(label in (b"EDF Annotations", b"BDF Annotations") for label in labels),
        start=_start(fixed[168:176], fixed[176:184], name),
        encoding=_encoding(head),
    )
    _check_size(found, path.stat().st_size)
    return found


def _text(raw: bytes) -> str:
    return raw.decode("latin-1").strip()


def _whole(raw: bytes, what: str, name: str) -> int:
    try:
        return int(_text(raw))
    except ValueError:
        raise refuse(f"has a damaged head: the {what} is no number.", name, found=_text(raw)) from None


def _microseconds(raw: bytes, name: str) -> int:
    try:
        value = Decimal(_text(raw))
    except InvalidOperation:
        message = "has a damaged head: the length of a data record is no number."
        raise refuse(message, name, found=_text(raw)) from None
    if not value.is_finite() or value < 0:
        raise refuse("has a damaged head: the length of a data record is negative.", name, found=_text(raw))
    return int((value * 1_000_000).to_integral_value())


def _plus(reserved: bytes) -> str:
    match = re.match(r"(?:EDF|BDF)\+([CD])", _text(reserved))
    return match[1] if match else ""


def _start(day: bytes, clock: bytes, name: str) -> datetime:
    """`dd.mm.yy` and `hh.mm.ss`; years 85 to 99 are of the last century."""
    parts = re.findall(r"\d+", _text(day) + " " + _text(clock))
    try:
        date, month, year, hour, minute, second = map(int, parts)
        return datetime(year + (1900 if year >= 85 else 2000), month, date, hour, minute, second)
    except ValueError:
        found = f"{_text(day)} {_text(clock)}"
        message = "has a damaged head: its start is not a date and time such as `01.03.26` and `22.30.00`."
        raise refuse(message, name, found=found) from None


def _encoding(head: bytes) -> str:
    """The standard demands ASCII; what writes `µV` there uses UTF-8 or Latin-1."""
    try:
        head.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _check_size(head: Header, size: int) -> None:
    """As many data records as the head says, to the byte."""
    there = (size - head.offset) / head.record_bytes
    shown = f"{there:,.0f}" if there.is_integer() else f"{there:,.1f}"
    if there != head.n_records:  # a byte too few or too many shows in bytes only
        shown += f" ({size - head.offset:,} bytes where {head.n_records * head.record_bytes:,} belong)"
    if head.n_records < 0:
        message = (
            f"was never closed: its head says {head.n_records} data records, {there:,.1f} are there. Let the "
            "recording software repair it."
        )
        raise refuse(message, head.name, found=str(head.n_records))
    if there < head.n_records:
        message = f"is truncated: its head says {head.n_records:,} data records, and {shown} are there."
        raise refuse(message, head.name)
    if there > head.n_records:
        message = f"goes on after its data: its head says {head.n_records:,} data records; {shown} are there."
        raise refuse(message, head.name)
    if head.n_records == 0:
        raise refuse("holds no data records.", head.name)
