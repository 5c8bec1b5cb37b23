"""What data are, as hashes: of a file's bytes, and of a table's content whatever file it came in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..protocols.errors import OutputError
from . import keys
from .contract import ROW
from .hash_cache import HashCache, state_of

_CHUNK = 1 << 20


@dataclass(frozen=True)
class FileRecord:
    """One file that was read.

    Attributes:
        path_relative: Path relative to the study folder (absolute where it lies outside).
        sha256: Hash of its bytes.
        bytes: Its size.
        origin: What the experiment tracker says that it comes from; None for files from elsewhere.
    """

    path_relative: str
    sha256: str
    bytes: int
    origin: Mapping[str, Any] | None = field(default=None, compare=False)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex.

    Raises:
        OutputError: The file cannot be read.
    """
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}") from error


def file_record(path: Path, name: str, cache: HashCache | None = None) -> FileRecord:
    """The record of a file on a disk.

    Args:
        path: The file.
        name: Its path relative to the study folder.
        cache: Remembered hashes; None hashes the bytes.

    Raises:
        OutputError: The file cannot be read.
    """
    known = cache or HashCache()
    sha256 = known.sha256(name, lambda: state_of(path), lambda: sha256_file(path))
    return FileRecord(name, sha256, path.stat().st_size)


def content_hash(frame: pl.DataFrame, key: Sequence[str]) -> str:
    """SHA-256 of a table's content, in hex.

    Independent of the order of rows and columns, of the file format, its compression and its encodings: equal
    exactly when names, types and values are. Rows are sorted by the key; where it does not name a row, by the
    other columns too. `row`, the position as read, is no content. -0.0 counts as 0.0.

    Args:
        frame: The table, in contract types.
        key: Columns that name a row.

    Example:
        >>> import polars as pl
        >>> frame = pl.DataFrame({"subject": ["b", "a"], "hr": [61.0, 70.0]})
        >>> content_hash(frame, ["subject"]) == content_hash(frame.reverse(), ["subject"])
        True
        >>> content_hash(frame, ["subject"])[:16]
        'aaa0ad191080c682'
    """
    content = frame.select(sorted(column for column in frame.columns if column != ROW))
    content = content.with_columns(_canonical(content[name]) for name in content.columns)
    content = _sorted(content, [name for name in key if name in content.columns])
    digest = hashlib.sha256(f"accordance/content/1 {content.height}\n".encode())
    for series in content.iter_columns():
        _update(digest, series)
    return digest.hexdigest()


def _canonical(series: pl.Series) -> pl.Series:
    """One type for all that mean the same."""
    dtype = series.dtype
    if isinstance(dtype, (pl.Categorical, pl.Enum)):
        return series.cast(pl.String)
    if dtype.is_integer():
        return series.cast(pl.Int64)
    if dtype.is_float():
        return series.cast(pl.Float64)
    if isinstance(dtype, pl.Datetime):
        return series.cast(pl.Datetime("us", dtype.time_zone and "UTC"))
    return series


def _sorted(content: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    nulls = any(content[name].null_count() for name in key)
    if key and not nulls:
        codes = keys.encode([content], key)[0]
        if keys.strictly_increasing(codes):
            return content
        order = np.argsort(codes, kind="stable")
        ordered = codes[order]
        if not (ordered[1:] == ordered[:-1]).any():
            return content[order]
    rest = [name for name in content.columns if name not in key]
    return content.sort([*key, *rest], nulls_last=False)


def _update(digest: Any, series: pl.Series) -> None:
    """Add a column: a header, then nulls, then values without gaps, little-endian."""
    nulls = series.null_count()
    head = {"name": series.name, "type": str(series.dtype), "nulls": nulls}
    digest.update(json.dumps(head, ensure_ascii=False, sort_keys=True).encode() + b"\n")
    if nulls:
        digest.update(np.packbits(series.is_null().to_numpy()).tobytes())
    if series.dtype == pl.String:
        filled = series.fill_null("")
        digest.update(_little(filled.str.len_bytes().to_numpy(), "<u4"))
        for start in range(0, len(filled), _CHUNK):
            digest.update("".join(filled.slice(start, _CHUNK).to_list()).encode())
    elif series.dtype == pl.Boolean:
        digest.update(np.packbits(series.fill_null(False).to_numpy()).tobytes())
    elif series.dtype == pl.Float64:
        # Adding 0.0 makes -0.0 a 0.0.
        digest.update(_little(series.fill_null(0.0).to_numpy() + 0.0, "<f8"))
    else:
        digest.update(_little(series.to_physical().cast(pl.Int64).fill_null(0).to_numpy(), "<i8"))


def _little(values: np.ndarray[Any, Any], dtype: str) -> memoryview:
    return np.ascontiguousarray(values, dtype=dtype).data
