"""CSV files as text: the structure is checked byte by byte first, so that no line is ever guessed into shape.

Accepted: UTF-8 (a byte order mark is skipped), fields separated by commas, quoted as in RFC 4180 (a quotation
    mark
inside a quoted field is doubled), one header line, lines ended by LF or CRLF. Empty lines are skipped.
Every field is read as text; `typed` turns it into the contract's type, so `007` stays `007`.
"""

from __future__ import annotations

import codecs
import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..protocols.errors import ContractError, Violation, shorten
from .located import LocalFile, Located
from .places import SHOWN, Part

MAX_FIELD = 10_000
"""Longest accepted field in bytes. No measurement or identifier is longer; a broken quotation mark is."""

_CHUNK = 1 << 24
_COMMA, _NEWLINE, _RETURN, _QUOTE = b',\n\r"'


@dataclass(frozen=True)
class CsvFile:
    """One CSV file in memory, its structure already checked.

    Attributes:
        name: The file as the study knows it.
        header: Column names.
        body: Bytes after the header, without empty lines.
        part: Rows and the lines they start on.
    """

    name: str
    header: tuple[str, ...]
    body: bytes
    part: Part

    def read(self, columns: list[str]) -> pl.DataFrame:
        """The asked columns as text; empty cells are null.

        Raises:
            ContractError: The reader refuses what the structure check let pass.
        """
        try:
            frame = pl.read_csv(
                self.body,
                has_header=False,
                schema=dict.fromkeys(self.header, pl.String),
                columns=[self.header.index(name) for name in columns],
                null_values="",
                infer_schema=False,
            )
        except pl.exceptions.PolarsError as error:
            first = str(error).splitlines()[0]
            raise ContractError([Violation(f"cannot be read as CSV: {first}", file=self.name)]) from error
        return frame.select(columns)


def open_csv(path: Path, name: str) -> CsvFile:
    """`csv_of` for a file on a disk that messages call `name`."""
    return csv_of(LocalFile(path, name))


def csv_of(file: Located) -> CsvFile:
    """Read a CSV file's bytes and check its structure.

    Raises:
        ContractError: Empty, header only, not UTF-8, binary, ragged lines, an overlong field, a quotation
            mark that is never closed, or duplicate column names.
        OutputError: The file cannot be read.
    """
    name = file.name
    data = file.content().removeprefix(codecs.BOM_UTF8)
    _check_text(data, name)
    scan = _scan(data, name)
    header = _header(data[: scan.header_end], name)
    _check_shape(scan, len(header), name)
    return CsvFile(name, header, scan.body, Part(name, len(scan.fields), lines=True, starts=scan.starts))


def _fail(
    message: str,
    name: str,
    line: int | None = None,
    *,
    found: str | None = None,
    count: int | None = None,
    examples: tuple[str, ...] = (),
) -> ContractError:
    return ContractError(
        [Violation(message, file=name, line=line, found=found, count=count, examples=examples)]
    )


def _check_text(data: bytes, name: str) -> None:
    """Not empty, UTF-8, no NUL."""
    if not data or data.isspace():
        raise _fail("the file is empty; a header line and at least one row are needed.", name)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _fail("is UTF-16, not UTF-8; save the file as UTF-8.", name, 1)
    nul = data.find(b"\0")
    if nul >= 0:
        raise _fail("holds a NUL byte, so it is not a text file.", name, data.count(b"\n", 0, nul) + 1)
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _CHUNK):
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(data[start : start + _CHUNK], final=start + _CHUNK >= len(data))
        except UnicodeDecodeError as error:
            at = start - held + error.start
            raise _fail(
                "is not UTF-8 (perhaps Windows-1252 or Latin-1); save the file as UTF-8.",
                name,
                data.count(b"\n", 0, at) + 1,
                found=f"byte 0x{data[at]:02X}",
                examples=(f"byte 0x{data[at]:02X} at position {at:,} of the file",),
            ) from error


@dataclass(frozen=True)
class _Scan:
    """What the byte scan found.

    Attributes:
        header_end: Where the header record ends.
        fields: Number of fields of each record after the header, empty lines left out.
        starts: Line each record starts on, or None when record i starts on line i + 2.
        body: Bytes after the header without empty lines.
    """

    header_end: int
    fields: NDArray[np.int64]
    starts: NDArray[np.int64] | None
    body: bytes


def _scan(data: bytes, name: str) -> _Scan:
    """Find records, fields and lines outside quotation marks, in chunks, with NumPy."""
    array = np.frombuffer(data, dtype=np.uint8)
    quoted = 0
    last_quote = -1
    ends: list[NDArray[np.int64]] = []
    commas: list[NDArray[np.int64]] = []
    for start in range(0, len(array), _CHUNK):
        block = array[start : start + _CHUNK]
        newline, comma = block == _NEWLINE, block == _COMMA
        quotes = block == _QUOTE
        if quoted or quotes.any():
            inside = (np.cumsum(quotes, dtype=np.uint8) & 1) ^ quoted
            outside = inside == 0
            newline &= outside
            comma &= outside
            quoted = int(inside[-1])
            positions = np.flatnonzero(quotes)
            last_quote = start + int(positions[-1]) if len(positions) else last_quote
        ends.append(np.flatnonzero(newline) + start)
        commas.append(np.flatnonzero(comma) + start)
    if quoted:
        raise _fail("a quotation mark is never closed.", name, data.count(b"\n", 0, last_quote) + 1)
    record_ends = np.concatenate(ends)
    if len(record_ends) == 0 or record_ends[-1] != len(array) - 1:
        record_ends = np.append(record_ends, len(array))
    separators = np.concatenate(commas)
    _check_lengths(data, record_ends, separators, name)
    return _records(data, array, record_ends, separators)


def _check_lengths(
    data: bytes, record_ends: NDArray[np.int64], separators: NDArray[np.int64], name: str
) -> None:
    """No field is longer than MAX_FIELD."""
    starts = np.concatenate(([0], record_ends[:-1] + 1))
    if len(record_ends) and int((record_ends - starts).max()) <= MAX_FIELD:
        return
    marks = np.union1d(record_ends, separators)
    lengths = np.diff(marks, prepend=-1) - 1
    long = np.flatnonzero(lengths > MAX_FIELD)
    if not len(long):
        return
    lines = [data.count(b"\n", 0, int(marks[i]) - int(lengths[i])) + 1 for i in long[:SHOWN]]
    raise _fail(
        f"a field of {int(lengths[long[0]]):,} characters; at most {MAX_FIELD:,} are accepted.",
        name,
        lines[0],
        count=len(long),
        examples=tuple(
            f"line {line:,}: '{shorten(_excerpt(data, int(marks[i]), int(lengths[i])), 40)}'"
            for line, i in zip(lines, long[:SHOWN], strict=True)
        ),
    )


def _excerpt(data: bytes, end: int, length: int) -> str:
    return data[end - length : end].decode("utf-8", errors="replace")


def _records(
    data: bytes, array: NDArray[np.uint8], record_ends: NDArray[np.int64], separators: NDArray[np.int64]
) -> _Scan:
    """Fields and first lines of the records, empty lines dropped."""
    starts = np.concatenate(([0], record_ends[:-1] + 1))
    lengths = record_ends - starts
    lengths -= (lengths > 0) & (array[np.maximum(record_ends - 1, 0)] == _RETURN)
    filled = lengths > 0
    header = int(np.argmax(filled))
    fields = np.diff(np.searchsorted(separators, record_ends), prepend=0) + 1
    after = filled.copy()
    after[: header + 1] = False
    lines: NDArray[np.int64] | None = None
    every_newline = np.count_nonzero(array == _NEWLINE)
    newlines_as_records = every_newline == len(record_ends) - (0 if data.endswith(b"\n") else 1)
    if newlines_as_records:
        lines = None if header == 0 and bool(filled.all()) else np.flatnonzero(after) + 1
    else:
        physical = np.flatnonzero(array == _NEWLINE)
        lines = np.searchsorted(physical, starts[after]) + 1
    body = data[int(record_ends[header]) + 1 :]
    if not filled[header + 1 :].all():
        keep = np.ones(len(array), dtype=bool)
        for index in np.flatnonzero(~filled):
            keep[starts[index] : record_ends[index] + 1] = False
        keep[: int(record_ends[header]) + 1] = False
        body = array[keep].tobytes()
    return _Scan(int(record_ends[header]), fields[after], lines, body)


def _header(record: bytes, name: str) -> tuple[str, ...]:
    """Column names, blanks around them stripped."""
    names = tuple(cell.strip() for cell in next(csv.reader([record.decode().strip("\r\n")]), []))
    repeated = sorted({column for column in names if names.count(column) > 1 and column})
    if repeated:
        raise ContractError(
            [
                Violation(
                    f"column name appears {names.count(column)} times in the header.", name, 1, key=column
                )
                for column in repeated
            ]
        )
    other = next((mark for mark in (";", "\t", "|") if len(names) == 1 and mark in names[0]), None)
    if other is not None:
        raise _fail("fields are separated by commas; the header has none.", name, 1, found=names[0][:60])
    # A nameless column (an index that somebody exported) cannot be asked for; a number keeps it apart.
    return tuple(column or f"(column {position})" for position, column in enumerate(names, start=1))


def _check_shape(scan: _Scan, n_columns: int, name: str) -> None:
    """At least one row, and as many fields in each as the header has."""
    if len(scan.fields) == 0:
        raise _fail("holds a header but no rows.", name, 1)
    ragged = np.flatnonzero(scan.fields != n_columns)
    if not len(ragged):
        return
    lines = [int(scan.starts[i]) if scan.starts is not None else int(i) + 2 for i in ragged[:SHOWN]]
    examples = [
        f"line {line:,}: {int(scan.fields[i]):,} fields"
        for line, i in zip(lines, ragged[:SHOWN], strict=True)
    ]
    if len(ragged) > SHOWN:
        examples.append(f"and {len(ragged) - SHOWN:,} more")
    raise _fail(
        f"lines with another number of fields than the header's {n_columns:,} (separated by commas).",
        name,
        lines[0],
        count=len(ragged),
        examples=tuple(examples),
    )
