"""What every reader has to do, as tests for its author to inherit.

    class TestMine(ReaderConformance):
        reader = MyReader()

        def write(self, path):       # a sound file of the format, with at least two rows
            ...

pytest then runs them. Whether values are right they do not know: that needs a file of others.
"""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import polars as pl

from ...protocols.errors import ContractError
from ..provenance import sha256_file
from ..sources import Reading
from .base import Opened, Reader, Rows

_CUTS = (0.1, 0.5, 0.9)
"""Shares of a file after which it is cut off."""


class ReaderConformance:
    """Tests of one reader; derive from it, name the reader, write a file.

    Attributes:
        reader: The reader.
        how: What of the file is read.
        file: Name of the file that is written.
        cut_is_seen: False for a format that cannot tell a file that was cut off from a shorter one. It may
            then be read, but never end in another error.
        flips: How many single bytes are changed, one at a time.
    """

    reader: ClassVar[Reader]
    how: ClassVar[Reading] = Reading()
    file: ClassVar[str] = ""
    cut_is_seen: ClassVar[bool] = True
    flips: ClassVar[int] = 60

    def write(self, path: Path) -> None:
        """Write a sound file with at least two rows; others that belong to it go beside it."""
        raise AssertionError("override `write`: it writes a sound file of the format")

    def _path(self, folder: Path) -> Path:
        path = folder / (self.file or f"file{self.reader.endings[0]}")
        self.write(path)
        return path

    def _opened(self, path: Path) -> Opened:
        return self.reader.open(path, path.name, self.how)

    def test_it_says_what_it_is(self) -> None:
        """A name, a title, endings with a dot in lower case, and keys that `reader` in study.yaml has."""
        one = self.reader
        _hold(
            bool(one.name and one.name == one.name.lower() and " " not in one.name),
            "name: one lower-case word",
        )
        _hold(bool(one.title), "title: the format in words")
        _hold(bool(one.endings), "endings: at least one")
        _hold(all(e.startswith(".") and e == e.lower() for e in one.endings), "endings: `.xyz`, lower case")
        _hold(one.keys <= set(Reading.model_fields), "keys: those of `reader` in study.yaml")

    def test_it_gives_the_asked_columns(self, tmp_path: Path) -> None:
        """Those columns, in that order, in types that a contract knows, missing values null."""
        opened = self._opened(self._path(tmp_path))
        _hold(len(set(opened.columns)) == len(opened.columns), "columns: none stands twice")
        whole = opened.read(opened.columns)
        _hold(tuple(whole.frame.columns) == tuple(opened.columns), "read: the asked columns, in that order")
        _hold(whole.frame.height >= 2, "write: at least two rows")
        for series in whole.frame.iter_columns():
            _hold(_known(series.dtype), f"`{series.name}` has type {series.dtype}")
            _hold(
                not series.dtype.is_float() or not series.is_nan().any(),
                f"`{series.name}` holds NaN; a missing value is null",
            )

    def test_a_column_is_the_same_alone(self, tmp_path: Path) -> None:
        """Asked for alone or in another order, a column has the same values."""
        path = self._path(tmp_path)
        opened = self._opened(path)
        whole = opened.read(opened.columns).frame
        turned = self._opened(path).read(opened.columns[::-1]).frame
        _hold(turned.select(whole.columns).equals(whole), "read: the order of asking changes nothing")
        for name in opened.columns:
            alone = self._opened(path).read([name]).frame
            _hold(alone.equals(whole.select(name)), f"read: `{name}` alone is another")

    def test_units_and_lines_are_those_of_the_rows(self, tmp_path: Path) -> None:
        """Units of columns that were asked for, one or one a row; lines in the order of the file."""
        opened = self._opened(self._path(tmp_path))
        rows: Rows = opened.read(opened.columns)
        for name, unit in rows.units.items():
            _hold(name in rows.frame.columns, f"units: `{name}` was not asked for")
            _hold(isinstance(unit, str) or len(unit) == rows.frame.height, f"units of `{name}`: one a row")
        if rows.lines is not None:
            _hold(len(rows.lines) == rows.frame.height, "lines: one a row")
            _hold(bool((rows.lines >= 1).all()), "lines: from 1")

    def test_files_are_named_and_left_alone(self, tmp_path: Path) -> None:
        """Every file that is read is named, and none is changed."""
        path = self._path(tmp_path)
        before = {other: sha256_file(other) for other in tmp_path.iterdir()}
        opened = self._opened(path)
        opened.read(opened.columns)
        _hold(bool(opened.files) and set(opened.files) <= set(before), "files: those that were read")
        _hold({other: sha256_file(other) for other in tmp_path.iterdir()} == before, "a file was changed")

    def test_what_is_no_such_file_is_refused_by_name(self, tmp_path: Path) -> None:
        """An empty file, and one of another kind, end in a ContractError that names the file."""
        path = self._path(tmp_path)
        for content in (b"", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8):
            path.write_bytes(content)
            try:
                self._opened(path).read(self._opened(path).columns)
            except ContractError as error:
                _hold(all(one.file for one in error.violations), "a violation names no file")
            else:
                raise AssertionError("what is no such file was read")

    def test_a_file_that_was_cut_off_is_refused(self, tmp_path: Path) -> None:
        """Cut at any place, a file ends in a ContractError, and in no other error."""
        path = self._path(tmp_path)
        content = path.read_bytes()
        for share in _CUTS:
            path.write_bytes(content[: int(len(content) * share)])
            try:
                opened = self._opened(path)
                opened.read(opened.columns)
            except ContractError:
                continue
            _hold(not self.cut_is_seen, f"cut off after {share:.0%} of its bytes, it was read")

    def test_no_byte_brings_it_down(self, tmp_path: Path) -> None:
        """Whichever byte is changed, the file is read or ends in a ContractError, and in no other error."""
        path = self._path(tmp_path)
        content = path.read_bytes()
        chance = random.Random(1)  # noqa: S311 - the same bytes in every run
        for _ in range(self.flips):
            changed = bytearray(content)
            changed[chance.randrange(len(changed))] = chance.randrange(256)
            path.write_bytes(bytes(changed))
            with suppress(ContractError):
                opened = self._opened(path)
                opened.read(opened.columns)

    def test_it_can_be_sniffed(self, tmp_path: Path) -> None:
        """What it says of a file can be read as it says."""
        path = self._path(tmp_path)
        found = self.reader.describe(path, path.name)
        _hold(bool(found["tables"]), "describe: at least one table")
        for table in found["tables"]:
            how = Reading.model_validate(table["reader"], strict=False)
            opened = self.reader.open(path, path.name, how)
            rows = opened.read(list(table.get("columns", opened.columns)))
            _hold(rows.frame.height > 0, f"describe: `{table['title']}` has no rows")


def _known(dtype: pl.DataType) -> bool:
    """Whether a contract has such a type."""
    if isinstance(dtype, pl.Datetime):
        return dtype.time_unit == "us" and dtype.time_zone in (None, "UTC")
    return dtype.is_numeric() or dtype in (pl.String, pl.Boolean, pl.Date)


def _hold(condition: bool, words: str) -> None:
    """What has to be so."""
    if not condition:
        raise AssertionError(words)
