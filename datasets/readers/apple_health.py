"""Apple Health's export: `export.xml`, or the `export.zip` as the phone writes it.

The file is read as a stream: gigabytes pass, and only the records of the asked types are kept. Dates carry
their offset and become moments in UTC. Records of the types named are rows, in the order of the file:
`type`, `value`, `unit`, `start`, `end`, `created`, `source`, `source_version`, `device`.

Apple writes 97 % as 0.97 with the unit `%`. The unit of such values is taken for what it is, `1`, so that a
contract in percent needs a declared conversion from `1` to `%`.
"""

from __future__ import annotations

import zipfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any
from xml.parsers import expat

import numpy as np
import polars as pl

from ...protocols.errors import ContractError, Violation, nearest, shorten
from ..places import SHOWN
from ..sources import Reading
from .base import Opened, Reader, Rows, first_bytes, listed, refuse, unreadable

_CHUNK = 1 << 20
_ROOT = "HealthData"
_NUMBERS = "HKQuantityType"
COLUMNS = ("type", "value", "unit", "start", "end", "created", "source", "source_version", "device")
_TEXTS = {
    "type": "type",
    "unit": "unit",
    "source": "sourceName",
    "source_version": "sourceVersion",
    "device": "device",
}
_DATES = {"start": "startDate", "end": "endDate", "created": "creationDate"}


class AppleHealthReader(Reader):
    """The export of Apple Health."""

    name = "apple_health"
    title = "Apple Health export"
    endings = (".xml", ".zip")
    keys = frozenset({"types"})

    def open(self, path: Path, name: str, how: Reading) -> Opened:
        """Open an export; see `Reader.open`."""
        if not how.types:
            message = "say which record types are read, such as `types: [HKQuantityTypeIdentifierHeartRate]`."
            raise refuse(message, name, key="reader.types")
        kinds = {one.startswith(_NUMBERS) for one in how.types}
        if len(kinds) > 1:
            message = "the value is a number in some of these types and a word in others; read two tables."
            raise refuse(message, name, key="reader.types", found=", ".join(how.types))
        first_bytes(path, name, 1)
        return _Records(path, name, how.types, numbers=kinds.pop())

    def describe(self, path: Path, name: str) -> dict[str, Any]:
        """Record types with their counts; see `Reader.describe`."""
        counts: Counter[str] = Counter()
        stream(path, name, lambda attributes, _: counts.update([attributes.get("type", "")]))
        tables = [
            {"title": f"{kind}: {n:,} records", "reader": {"types": [kind]}}
            for kind, n in counts.most_common()
        ]
        return {"facts": {"records": counts.total(), "types": len(counts)}, "tables": tables}


READER = AppleHealthReader()


class _Stop(Exception):  # noqa: N818 - carries words out of expat's callbacks
    """The document says something that is not accepted."""


def stream(path: Path, name: str, record: Callable[[dict[str, str], int], None]) -> None:
    """Call `record(attributes, line)` for every `Record` element of an export.

    Raises:
        ContractError: Not an export, not well-formed (cut off, say), or it declares entities.
        OutputError: The file cannot be read.
    """
    parser = expat.ParserCreate()
    depth = [0]

    def start(tag: str, attributes: dict[str, str]) -> None:
        if depth[0] == 0 and tag != _ROOT:
            raise _Stop(f"is not an Apple Health export: its root is `{shorten(tag)}`, not `{_ROOT}`.")
        depth[0] += 1
        if tag == "Record" and depth[0] == 2:  # those within a Correlation stand on their own, too
            record(attributes, parser.CurrentLineNumber)

    def end(_tag: str) -> None:
        depth[0] -= 1

    def entity(*_: object) -> None:
        raise _Stop("declares XML entities, which an export does not; it is not read.")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.EntityDeclHandler = entity
    try:
        with _opened(path, name) as handle:
            while chunk := handle.read(_CHUNK):
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
    except _Stop as stop:
        raise refuse(str(stop), name, line=parser.CurrentLineNumber) from None
    except expat.ExpatError as error:
        words = expat.errors.messages[error.code]
        cut = {expat.errors.XML_ERROR_NO_ELEMENTS, expat.errors.XML_ERROR_UNCLOSED_TOKEN}
        meant = "; the file is cut off" if words in cut or (depth[0] and error.code in _CUT) else ""
        message = f"is not well-formed XML: {words} in column {error.offset + 1:,}{meant}."
        raise refuse(message, name, line=error.lineno) from error
    except (zipfile.BadZipFile, EOFError) as error:
        raise refuse(f"is damaged: {error}.", name) from error
    except OSError as error:
        raise unreadable(name, error) from error


_CUT = {
    expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
}


@contextmanager
def _opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    """The XML, out of the zip where it lies in one."""
    if not zipfile.is_zipfile(path):
        if path.suffix.lower() == ".zip":
            raise refuse("is truncated, or not a zip file.", name)
        with path.open("rb") as handle:
            yield handle
        return
    with zipfile.ZipFile(path) as archive:
        inside = [
            one
            for one in archive.infolist()
            # the export's name is in the phone's language; the clinical document beside it is another format
            if one.filename.lower().endswith(".xml")
            and not one.filename.lower().endswith("_cda.xml")
            and one.filename.count("/") <= 1
        ]
        if len(inside) != 1:
            message = "holds no `export.xml`" if not inside else "holds more than one XML file"
            raise refuse(f"{message}; found: {listed(archive.namelist(), 5)}.", name)
        with archive.open(inside[0]) as handle:
            yield handle


@dataclass
class _Kept:
    """Records of the asked types, column by column, as small as they can be held."""

    lines: array[int] = field(default_factory=lambda: array("q"))
    numbers: array[float] = field(default_factory=lambda: array("d"))
    words: dict[str, array[int]] = field(default_factory=dict)
    codes: dict[str, dict[str | None, int]] = field(default_factory=dict)
    moments: dict[str, array[int]] = field(default_factory=dict)

    def word(self, column: str, text: str | None) -> None:
        known = self.codes.setdefault(column, {})
        self.words.setdefault(column, array("q")).append(known.setdefault(text, len(known)))

    def text(self, column: str) -> pl.Series:
        levels = pl.Series(list(self.codes.get(column, {})), dtype=pl.String)
        codes = np.frombuffer(self.words.get(column, array("q")), dtype=np.int64)
        return levels.gather(codes).alias(column)


class _Records(Opened):
    """The records of some types."""

    columns = COLUMNS

    def __init__(self, path: Path, name: str, types: Sequence[str], *, numbers: bool) -> None:
        self._path, self._name, self._types, self._numbers = path, name, types, numbers
        self.files = (path,)

    def read(self, columns: Sequence[str]) -> Rows:
        """The asked columns of the records; see `Opened.read`."""
        kept, count, others = _Kept(), 0, Counter[str]()
        bad: list[tuple[int, str]] = []
        wanted, texts = set(self._types), {one: _TEXTS[one] for one in columns if one in _TEXTS}
        texts["unit"] = "unit"
        dates = {one: _DATES[one] for one in columns if one in _DATES}
        keep_value, numbers = "value" in columns, self._numbers

        def record(attributes: dict[str, str], line: int) -> None:
            nonlocal count
            kind = attributes.get("type", "")
            if kind not in wanted:
                others[kind] += 1
                return
            try:
                if keep_value and numbers:
                    kept.numbers.append(float(attributes["value"]))
                elif keep_value:
                    kept.word("value", attributes.get("value"))
                for column, attribute in dates.items():
                    moment = instant(attributes[attribute])
                    kept.moments.setdefault(column, array("q")).append(moment)
            except (KeyError, ValueError) as error:
                count += 1
                if len(bad) < SHOWN:
                    bad.append((line, shorten(str(error))))
                return
            for column, attribute in texts.items():
                kept.word(column, attributes.get(attribute))
            kept.lines.append(line)

        stream(self._path, self._name, record)
        if bad:
            raise _damaged(self._name, bad, count)
        if not kept.lines:
            hint = nearest(self._types[0], others)
            message = f"holds no record of these types; it holds: {listed(dict(others.most_common(10)))}."
            raise refuse(
                message, self._name, key="reader.types", found=", ".join(self._types), suggestion=hint
            )
        made: dict[str, pl.Series] = {column: kept.text(column) for column in texts}
        if keep_value and numbers:
            made["value"] = pl.Series("value", np.frombuffer(kept.numbers, dtype=np.float64))
        elif keep_value:
            made["value"] = kept.text("value")
        for column, moments in kept.moments.items():
            values = np.frombuffer(moments, dtype=np.int64)
            made[column] = pl.Series(column, values).cast(pl.Datetime("us", "UTC"))
        units: dict[str, str | pl.Series] = {}
        if keep_value and numbers:  # 0.97 with the unit `%` is 97 %: a share, whose unit is 1
            units["value"] = made["unit"].replace("%", "1")
        frame = pl.DataFrame([made[column] for column in columns])
        return Rows(frame, units, np.array(kept.lines, dtype=np.int64))


def _damaged(name: str, bad: Sequence[tuple[int, str]], count: int) -> ContractError:
    message = (
        "records without a value or date that can be read; a value is a number, a date is such as "
        "2026-03-01 08:30:00 +0100."
    )
    examples = tuple(f"line {line:,}: {words}" for line, words in bad)
    return ContractError(
        [Violation(message, name, bad[0][0], found=bad[0][1], count=count, examples=examples)]
    )


_EPOCH = datetime(1970, 1, 1)


def instant(text: str) -> int:
    """Microseconds since 1970 UTC of `2026-03-01 08:30:00 +0100`.

    Raises:
        ValueError: Not a date and time with an offset.

    Example:
        >>> instant("1970-01-01 01:00:00 +0100")
        0
    """
    local, sign = text[:19], text[20:21]
    if len(text) != 25 or text[19] != " " or sign not in "+-" or not text[21:].isdigit():
        raise ValueError(f"date '{text}'")
    offset = int(text[21:23]) * 60 + int(text[23:25])
    try:
        since = datetime.fromisoformat(local) - _EPOCH
    except ValueError:
        raise ValueError(f"date '{text}'") from None
    since -= timedelta(minutes=offset if sign == "+" else -offset)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
