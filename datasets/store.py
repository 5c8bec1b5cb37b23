"""A content-addressed store: what was computed once from the same inputs is not computed again.

An entry is named by the hash of all that went into it, so it is never out of date: other inputs have another
name. Entries are written whole or not at all, verified by hash when they are read, bounded in their total
size, and safe to delete at any time, one by one or all together.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ..protocols.errors import OutputError
from .cache_folder import LIMIT
from .processes import alive

SCHEMA = "accordance/store/1"
_FACTS = "entry.json"
_PARTIAL = ".partial-"


def key_of(*parts: Any) -> str:
    """The name of an entry: SHA-256 of what went into it, as canonical JSON.

    Example:
        >>> key_of({"b": 1, "a": 2}) == key_of({"a": 2, "b": 1})
        True
        >>> key_of("pairs", 1) == key_of("pairs", 2)
        False
    """
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Entry:
    """One verified entry.

    Attributes:
        path: Its folder.
        facts: What was noted beside its frames.
    """

    path: Path
    facts: Mapping[str, Any]

    def file(self, name: str) -> Path:
        """Path of one of its frames, a Parquet file."""
        return self.path / f"{name}.parquet"

    def has(self, name: str) -> bool:
        """Whether it holds a frame of that name."""
        return self.file(name).is_file()

    def frame(self, name: str) -> pl.DataFrame:
        """One of its frames."""
        return pl.read_parquet(self.file(name), glob=False, hive_partitioning=False)

    def scan(self, name: str) -> pl.LazyFrame:
        """One of its frames, to be read when it is asked for."""
        return pl.scan_parquet(self.file(name), glob=False, hive_partitioning=False)

    def data(self, name: str) -> bytes:
        """One of its files that is no frame."""
        return (self.path / name).read_bytes()


class Store:
    """Entries below a folder.

    Args:
        folder: Where they are; made when the first entry is written.
        limit: Bytes it may take; see `trim`.
    """

    def __init__(self, folder: Path, *, limit: int = LIMIT) -> None:
        self.folder = folder
        self.limit = limit
        self._used: set[Path] = set()

    def get(self, kind: str, key: str) -> Entry | None:
        """An entry, if it is there and its files are what they were when it was written.

        A damaged entry is removed: it is computed again.
        """
        place = self._place(kind, key)
        facts = _verified(place)
        if facts is None:
            if place.exists():
                shutil.rmtree(place, ignore_errors=True)
            return None
        self._used.add(place)
        with contextlib.suppress(OSError):  # a store that can be read and not written serves as well
            os.utime(place / _FACTS)  # when it was last used, for `trim`
        return Entry(place, facts)

    def has(self, kind: str, key: str) -> bool:
        """Whether an entry is there, unverified."""
        return (self._place(kind, key) / _FACTS).is_file()

    def remove(self, kind: str, key: str) -> None:
        """Remove an entry, if it is there."""
        shutil.rmtree(self._place(kind, key), ignore_errors=True)

    def put(
        self,
        kind: str,
        key: str,
        *,
        frames: Mapping[str, pl.DataFrame | pl.LazyFrame] | None = None,
        facts: Mapping[str, Any] | None = None,
        data: Mapping[str, bytes] | None = None,
    ) -> Entry:
        """Write an entry.

        Args:
            kind: What sort of entry it is: the name of a folder.
            key: Its name, from `key_of`.
            frames: Its frames by name; a lazy one is written piece by piece.
            facts: What JSON can hold, to be noted beside them.
            data: Further files by name.

        Raises:
            OutputError: It cannot be written.
        """
        place = self._place(kind, key)
        partial = self.folder / f"{_PARTIAL}{os.getpid()}-{secrets.token_hex(4)}"
        try:
            partial.mkdir(parents=True)
            for name, frame in (frames or {}).items():
                _write(frame, partial / f"{name}.parquet")
            for name, content in (data or {}).items():
                (partial / name).write_bytes(content)
            files = {file.name: _sha256(file) for file in sorted(partial.iterdir())}
            noted = {"schema": SCHEMA, "kind": kind, "key": key, "facts": dict(facts or {}), "files": files}
            text = json.dumps({**noted, "sha256": key_of(noted)}, ensure_ascii=False)
            (partial / _FACTS).write_text(text, encoding="utf-8")
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.exists() and _verified(place) is None:
                shutil.rmtree(place, ignore_errors=True)
            try:
                partial.rename(place)
            except OSError:
                if _verified(place) is None:  # nobody else has written the same meanwhile
                    raise
        except (OSError, pl.exceptions.ComputeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise OutputError(f"{self.folder}: the cache cannot be written: {reason}") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        self._used.add(place)
        return Entry(place, dict(facts or {}))

    def trim(self) -> int:
        """Remove what was not used for longest until the rest fits the limit; what this run used stays.

        Returns:
            How many entries were removed.
        """
        self._remove_partial()
        found = sorted(self.folder.glob(f"*/*/*/{_FACTS}"), key=lambda file: file.stat().st_mtime)
        sizes = {file.parent: sum(one.stat().st_size for one in file.parent.iterdir()) for file in found}
        total, removed = sum(sizes.values()), 0
        for place, size in sizes.items():
            if total <= self.limit:
                break
            if place not in self._used:
                shutil.rmtree(place, ignore_errors=True)
                total -= size
                removed += 1
        return removed

    def _place(self, kind: str, key: str) -> Path:
        return self.folder / kind / key[:2] / key

    def _remove_partial(self) -> None:
        """Remove what killed processes left behind."""
        for place in self.folder.glob(f"{_PARTIAL}*"):
            process = place.name.removeprefix(_PARTIAL).partition("-")[0]
            if process.isdigit() and not alive(int(process)):
                shutil.rmtree(place, ignore_errors=True)


def _verified(place: Path) -> Mapping[str, Any] | None:
    """The facts of an entry whose files hash to what was noted; None for anything else."""
    try:
        content = json.loads((place / _FACTS).read_text(encoding="utf-8"))
        noted = content.pop("sha256")
        if content.get("schema") != SCHEMA or key_of(content) != noted:
            return None
        if any(_sha256(place / name) != sha256 for name, sha256 in content["files"].items()):
            return None
        facts: Mapping[str, Any] = content["facts"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return facts


def _write(frame: pl.DataFrame | pl.LazyFrame, file: Path) -> None:
    if isinstance(frame, pl.LazyFrame):
        frame.sink_parquet(file, compression="lz4", maintain_order=True)
    else:
        frame.write_parquet(file, compression="lz4")


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
