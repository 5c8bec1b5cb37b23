"""SAS transport files (XPT, versions 5 and 8) and SAS data files (sas7bdat). pyreadstat decodes.

Numbers stay numbers, text stays text; columns with a date or datetime format become dates and datetimes,
those with a time format seconds since midnight. SAS's missing values, the special ones too, are missing, and
so is empty text, as SAS itself has it.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ..sources import Reading
from .base import Opened, Reader, Rows, exact_quotient, first_bytes, refuse, unreadable

_RECORD = 80
_XPT = b"HEADER RECORD*******LIB"
_SAS7BDAT = bytes.fromhex("000000000000000000000000c2ea8160b31411cfbd92080009c7318c181f1011")
_ROWS_START = re.compile(rb"HEADER RECORD\*{7}OBS(?:V8)? +HEADER RECORD!{7}([ 0-9]{1,32})")
_MEMBER = re.compile(rb"HEADER RECORD\*{7}MEMB(?:ER|V8) +HEADER RECORD")


class SasReader(Reader):
    """SAS transport and data files."""

    name = "sas"
    title = "SAS transport (XPT) or data file"
    endings = (".xpt", ".sas7bdat")
    keys = frozenset({"encoding"})

    def open(self, path: Path, name: str, how: Reading) -> Opened:
        """Open a file; see `Reader.open`."""
        return _Table(path, name, how)

    def describe(self, path: Path, name: str) -> dict[str, Any]:
        """Title and rows of the data set; see `Reader.describe`."""
        table = _Table(path, name, Reading())
        facts = {"data set": table.meta.table_name, "columns": len(table.columns)}
        words = {one: label for one, label in table.meta.column_names_to_labels.items() if label}
        return {"facts": facts, "tables": [{"title": self.title, "reader": {}, "words": words}]}


READER = SasReader()


class _Table(Opened):
    """The one table of a file."""

    def __init__(self, path: Path, name: str, how: Reading) -> None:
        head = first_bytes(path, name, len(_SAS7BDAT))
        self._xpt = head.startswith(_XPT)
        if not self._xpt and head != _SAS7BDAT:
            message = (
                "is neither a SAS transport file (XPT) nor a SAS data file (sas7bdat): wrong first bytes."
            )
            raise refuse(message, name, found=repr(head[:16])[2:-1])
        self._path, self._name = path, name
        self._encoding = None if how.encoding == "utf-8" else how.encoding
        _, self.meta = self._decode(metadataonly=True)
        if not self.meta.column_names:
            raise refuse("holds no columns.", name)
        self._length = _check_length(path, name, self.meta) if self._xpt else self.meta.number_rows
        self.columns = tuple(self.meta.column_names)
        self.files = (path,)

    def read(self, columns: Sequence[str]) -> Rows:
        """The asked columns; see `Opened.read`."""
        # one column has to be asked for, or all are read
        frame, _ = self._decode(usecols=list(columns) or [self.columns[0]])
        if frame.height == 0:
            raise refuse("holds no rows.", self._name)
        if self._length is not None and frame.height != self._length:
            message = f"is truncated: its head says {self._length:,} rows, and {frame.height:,} are there."
            raise refuse(message, self._name)
        return Rows(pl.DataFrame([_plain(frame[column]) for column in columns]))

    def _decode(self, **options: Any) -> tuple[pl.DataFrame, Any]:
        import pyreadstat  # noqa: PLC0415 - readers start without their decoders

        decode = pyreadstat.read_xport if self._xpt else pyreadstat.read_sas7bdat
        try:
            frame, meta = decode(str(self._path), encoding=self._encoding, output_format="polars", **options)
        except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError) as error:
            raise refuse(f"is truncated or damaged: {str(error).rstrip('.')}.", self._name) from error
        except UnicodeDecodeError as error:
            message = "holds text that is not UTF-8; if it is Latin-1, say `reader: {encoding: latin-1}`."
            raise refuse(message, self._name) from error
        except OSError as error:
            raise unreadable(self._name, error) from error
        except (ValueError, ArithmeticError) as error:  # a date that no calendar has
            raise refuse(f"is damaged: {error}.", self._name) from error
        return frame, meta


def _plain(series: pl.Series) -> pl.Series:
    """A column in a type that a contract knows."""
    if series.dtype == pl.String:
        return series.set(series == "", None)
    if series.dtype == pl.Time:
        return exact_quotient(series.cast(pl.Int64), 1_000_000_000).alias(series.name)
    return series.fill_nan(None) if series.dtype.is_float() else series


def _check_length(path: Path, name: str, meta: Any) -> int | None:
    """Number of rows of a transport file where its head says it.

    Version 5 does not, so the data are held against the length of a row: whole 80-byte records, and after the
    last whole row nothing but the blanks that fill the last record. (A cut between two rows that falls on the
    end of a record leaves no trace in such a file.)

    Raises:
        ContractError: Truncated, or more than one data set.
    """
    size = path.stat().st_size
    if size % _RECORD:
        message = (
            f"is truncated: a transport file is whole records of {_RECORD} bytes, and this has {size:,}."
        )
        raise refuse(message, name)
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = _ROWS_START.search(data)
        if start is None:
            raise refuse("is truncated: it ends before its rows.", name)
        if sum(1 for _ in _MEMBER.finditer(data)) > 1:
            raise refuse("holds more than one data set; write each to a file of its own.", name)
        begin = start.start() + _RECORD
        length = sum(
            8 if meta.readstat_variable_types[column] == "double" else meta.variable_storage_width[column]
            for column in meta.column_names
        )
        rest = (size - begin) % length if length else 0
        if rest and data[size - rest : size].strip(b" "):
            message = f"is truncated: after its last whole row of {length:,} bytes stands a part of a row."
            raise refuse(message, name)
        told = start[1].split()
        return int(told[0]) if start[0].find(b"V8") > 0 and told and int(told[0]) else None
