"""Open mHealth and IEEE 1752.1 data points: JSON with `header` and `body`.

A file is one data point, an array of them, or one a line (NDJSON). Rows are the data points of the named
schemas: `schema`, `id`, `user`, `created`, `source`, `modality`, `start`, `end`, and fields of the body: a
number with a unit becomes a column with that unit, deeper fields are named with dots. `start` and `end` come
from `effective_time_frame`: a `date_time` is a start without an end; of a `time_interval` any two of start,
end and duration will do. Times carry an offset and become moments in UTC.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...protocols.errors import ContractError, Violation, nearest, shorten
from ..places import SHOWN
from ..sources import Reading
from .base import Opened, Reader, Rows, distinct, listed, refuse, unreadable

HEAD = ("schema", "id", "user", "created", "source", "modality", "start", "end")
_MOMENTS = ("created", "start", "end")
_DURATIONS = {
    "us": 1, "ms": 1_000, "sec": 1_000_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000,
    "d": 86_400_000_000, "wk": 604_800_000_000,
}  # fmt: skip
"""Units of a duration, in microseconds; months and years have no fixed length."""


class OpenMHealthReader(Reader):
    """Open mHealth and IEEE 1752.1 data points."""

    name = "open_mhealth"
    title = "Open mHealth / IEEE 1752 data points"
    endings = (".json", ".ndjson", ".jsonl")
    keys = frozenset({"types"})

    def open(self, path: Path, name: str, how: Reading) -> Opened:
        """Open a file; see `Reader.open`."""
        points, counts = _chosen(path, name, how.types)
        if not how.types and len(counts) > 1:
            message = f"holds several schemas ({listed(counts)}); say which in `types`."
            raise refuse(message, name, key="reader.types")
        if not points:
            hint = nearest(how.types[0], counts) if how.types else None
            message = f"holds no data point of these schemas; it holds: {listed(counts)}."
            raise refuse(message, name, key="reader.types", found=", ".join(how.types), suggestion=hint)
        return _Points(path, name, points)

    def describe(self, path: Path, name: str) -> dict[str, Any]:
        """Schemas with their counts; see `Reader.describe`."""
        counts = Counter(_schema(point) for _, point in data_points(path, name))
        tables = [
            {"title": f"{schema}: {n:,} data points", "reader": {"types": [schema]}}
            for schema, n in counts.most_common()
        ]
        return {"facts": {"data points": counts.total(), "schemas": len(counts)}, "tables": tables}


READER = OpenMHealthReader()

Point = tuple[int, dict[str, Any]]
"""A data point, and the line it starts on or its number in the array."""


def _chosen(path: Path, name: str, types: Sequence[str]) -> tuple[list[Point], Counter[str]]:
    counts: Counter[str] = Counter()
    kept = []
    for point in data_points(path, name):
        schema = _schema(point[1])
        counts[schema] += 1
        if not types or schema in types:
            kept.append(point)
    return kept, counts


def _schema(point: dict[str, Any]) -> str:
    return str(point["header"]["schema_id"]["name"])


def data_points(path: Path, name: str) -> Iterator[Point]:
    """Every data point of a file, each with header and body as they have to be.

    Raises:
        ContractError: Not JSON, a bad line, or something that is no data point; the first ones are named.
        OutputError: The file cannot be read.
    """
    bad: list[tuple[int, str]] = []
    count = 0
    for place, value in _values(path, name):
        problem = value if isinstance(value, str) else _objection(value)
        if problem is None:
            yield place, value
            continue
        count += 1
        if len(bad) < SHOWN:
            bad.append((place, problem))
    if bad:
        lines = _by_line(path, name)
        word = "line" if lines else "data point"
        message = "holds what is no data point with header (`schema_id`) and body."
        raise ContractError(
            [
                Violation(
                    message,
                    name,
                    bad[0][0] if lines else None,
                    found=bad[0][1],
                    count=count,
                    examples=tuple(f"{word} {place:,}: {words}" for place, words in bad),
                )
            ]
        )


def _objection(value: Any) -> str | None:
    if not isinstance(value, dict):
        return f"{type(value).__name__} in place of a data point"
    head, body = value.get("header"), value.get("body")
    if not isinstance(head, dict) or not isinstance(body, dict):
        return "no header" if not isinstance(head, dict) else "no body"
    schema = head.get("schema_id")
    if not isinstance(schema, dict) or not isinstance(schema.get("name"), str):
        return "the header has no schema_id with a name"
    return None


def _by_line(path: Path, name: str) -> bool:
    """Whether a file holds one data point a line: it begins with `{`, and its first line is whole."""
    try:
        with path.open("rb") as handle:
            first = next((line for line in handle if line.strip()), b"")
    except OSError as error:
        raise unreadable(name, error) from error
    if not first.lstrip(b"\xef\xbb\xbf \t").startswith(b"{"):
        return False
    try:
        json.loads(first)
    except ValueError:
        return path.suffix.lower() in (".ndjson", ".jsonl")
    return True


def _values(path: Path, name: str) -> Iterator[tuple[int, Any]]:
    """(place, value): what JSON holds, or words where a line is none."""
    if not path.stat().st_size:
        raise refuse("the file is empty.", name)
    if _by_line(path, name):
        with path.open("rb") as handle:
            for number, line in enumerate(handle, start=1):
                if not line.strip():
                    continue
                try:
                    yield number, json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
                except ValueError as error:
                    yield number, f"not JSON ({error})"
        return
    try:
        document = json.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise refuse(f"is not UTF-8, as JSON has to be (byte {error.start:,}).", name) from error
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(error.doc.rstrip()) or "Unterminated" in error.msg
        message = (
            f"is not JSON: {error.msg} in column {error.colno:,}{'; the file is cut off' if at_end else ''}."
        )
        raise refuse(message, name, line=error.lineno) from error
    except OSError as error:
        raise unreadable(name, error) from error
    points = document if isinstance(document, list) else [document]
    if not points:
        raise refuse("holds an empty array; at least one data point is needed.", name)
    yield from enumerate(points, start=1)


@dataclass
class _Field:
    """One field of the bodies.

    Attributes:
        values: By position of the data point.
        units: By position, where the field has units.
    """

    values: dict[int, Any] = field(default_factory=dict)
    units: dict[int, str] = field(default_factory=dict)


class _Points(Opened):
    """The data points of some schemas."""

    def __init__(self, path: Path, name: str, points: list[Point]) -> None:
        self._path, self._name, self._points = path, name, points
        fields: dict[str, _Field] = {}
        for position, (_, point) in enumerate(points):
            body = {key: one for key, one in point["body"].items() if key != "effective_time_frame"}
            for key, value, unit in _flat(body, ""):
                one = fields.setdefault(key, _Field())
                one.values[position] = value
                if unit is not None:
                    one.units[position] = unit
        self._fields = dict(zip(distinct(fields, taken=HEAD), fields.values(), strict=True))
        self.columns = (*HEAD, *self._fields)
        self.files = (path,)

    def read(self, columns: Sequence[str]) -> Rows:
        """The asked columns of the data points; see `Opened.read`."""
        made: list[pl.Series] = []
        units: dict[str, str | pl.Series] = {}
        for column in columns:
            if column in _MOMENTS:
                made.append(self._moments(column))
            elif column in HEAD:
                texts = [_head(point, column) for _, point in self._points]
                made.append(pl.Series(column, texts, dtype=pl.String))
            else:
                one = self._fields[column]
                made.append(self._series(column, one))
                if one.units:
                    named = [one.units.get(i) for i in range(len(self._points))]
                    units[column] = pl.Series(column, named, dtype=pl.String)
        places = None
        if _by_line(self._path, self._name):
            places = np.array([place for place, _ in self._points], dtype=np.int64)
        return Rows(pl.DataFrame(made), units, places)

    def _series(self, column: str, one: _Field) -> pl.Series:
        """Values of one kind: numbers, true and false, or text."""
        kinds = {"number" if _is_number(value) else type(value).__name__ for value in one.values.values()}
        if len(kinds) > 1:
            by_kind: dict[str, int] = {}
            for position, value in one.values.items():
                by_kind.setdefault("number" if _is_number(value) else type(value).__name__, position)
            words = [f"{self._place(position)}: {kind}" for kind, position in by_kind.items()]
            message = "holds values of different kinds; one is needed."
            raise refuse(message, self._name, key=column, found=words[-1], examples=words)
        kind = kinds.pop()
        dtype = {"number": pl.Float64(), "bool": pl.Boolean()}.get(kind, pl.String())
        values = [one.values.get(i) for i in range(len(self._points))]
        if kind == "number" and all(isinstance(value, int) for value in one.values.values()):
            dtype = pl.Int64()
        return pl.Series(column, values, dtype=dtype, strict=False)

    def _place(self, position: int) -> str:
        word = "line" if _by_line(self._path, self._name) else "data point"
        return f"{word} {self._points[position][0]:,}"

    def _moments(self, column: str) -> pl.Series:
        get: Callable[[dict[str, Any]], int | None] = {
            "created": _created,
            "start": lambda point: _frame(point)[0],
            "end": lambda point: _frame(point)[1],
        }[column]
        moments: list[int | None] = []
        bad: list[str] = []
        count, first = 0, 0
        for position, (place, point) in enumerate(self._points):
            try:
                moments.append(get(point))
            except ValueError as error:
                count += 1
                first = first or place
                if len(bad) < SHOWN:
                    bad.append(f"{self._place(position)}: {error}")
        if bad:
            message = "times that cannot be read; accepted: 2026-03-01T08:30:00Z, or with an offset."
            line = first if _by_line(self._path, self._name) else None
            raise refuse(
                message,
                self._name,
                line=line,
                key=column,
                found=bad[0].split(": ", 1)[1],
                count=count,
                examples=bad,
            )
        return pl.Series(column, moments, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flat(value: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any, str | None]]:
    """(name, value, unit) of all that is no mapping; `{value, unit}` is one value. Lists are not read."""
    for key, inner in value.items():
        name = f"{prefix}{key}"
        if isinstance(inner, dict) and set(inner) <= {"value", "unit"} and "value" in inner:
            unit = inner.get("unit")
            yield name, inner["value"], None if unit is None else str(unit)
        elif isinstance(inner, dict):
            yield from _flat(inner, f"{name}.")
        elif inner is not None and not isinstance(inner, list):
            yield name, inner, None


def _head(point: dict[str, Any], column: str) -> str | None:
    head = point["header"]
    provenance = head.get("acquisition_provenance") or {}
    found = {
        "schema": head["schema_id"]["name"],
        "id": head.get("id", head.get("uuid")),
        "user": head.get("user_id"),
        "source": provenance.get("source_name"),
        "modality": head.get("modality", provenance.get("modality")),
    }[column]
    return None if found is None else str(found)


def _created(point: dict[str, Any]) -> int | None:
    head = point["header"]
    text = head.get("source_creation_date_time", head.get("creation_date_time"))
    return None if text is None else _instant(text)


def _frame(point: dict[str, Any]) -> tuple[int, int | None]:
    """Start and end of the time that a data point speaks of, in microseconds since 1970 UTC.

    Raises:
        ValueError: There is none, or it cannot be read.
    """
    given = point["body"].get("effective_time_frame")
    if not isinstance(given, dict):
        raise ValueError("no effective_time_frame")  # noqa: TRY004 - the data, not the caller, is wrong
    if "date_time" in given:
        return _instant(given["date_time"]), None
    interval = given.get("time_interval")
    if not isinstance(interval, dict):
        raise ValueError("neither date_time nor time_interval")  # noqa: TRY004
    start, end = (
        _instant(interval[key]) if key in interval else None for key in ("start_date_time", "end_date_time")
    )
    length = _duration(interval["duration"]) if "duration" in interval else None
    if start is None and end is not None and length is not None:
        start = end - length
    if start is None:
        raise ValueError(f"a time_interval of {', '.join(sorted(interval)) or 'nothing'}")
    if end is None and length is not None:
        end = start + length
    return start, end


def _duration(given: Any) -> int:
    unit = given.get("unit") if isinstance(given, dict) else None
    if unit not in _DURATIONS or not _is_number(given.get("value")):
        raise ValueError(f"duration {shorten(given, 40)}")
    length: float = given["value"] * _DURATIONS[unit]
    return round(length)


def _instant(text: Any) -> int:
    """Microseconds since 1970 UTC of an RFC 3339 date and time."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ValueError(f"'{shorten(str(text), 40)}'") from None
    if moment.tzinfo is None:
        raise ValueError(f"'{text}' has no offset")
    since: timedelta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1)
