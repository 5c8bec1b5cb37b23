"""Writing a run so that it is there whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import polars as pl

from ..datasets.processes import alive
from ..protocols.errors import OutputError
from .opening import PARTIAL


@contextmanager
def output_errors(place: Path) -> Iterator[None]:
    """Say a failure to write (full disk, read-only folder) as what it is: exit code 74."""
    try:
        yield
    except (OSError, pl.exceptions.ComputeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        where = getattr(error, "filename", None) or place
        raise OutputError(f"{where} cannot be written: {reason}") from error


class PartialFolder:
    """A folder that becomes a run by being renamed, once everything in it is written.

    Until then its name begins with `.partial-`, which no reader takes for a run. Leaving the block without
    `finish` (an error, Ctrl-C) removes it; what a killed process leaves behind is removed by the next run.
    """

    def __init__(self, parent: Path) -> None:
        self.parent = parent
        self.path = parent / f"{PARTIAL}{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"

    def __enter__(self) -> PartialFolder:
        with output_errors(self.parent):
            self.parent.mkdir(parents=True, exist_ok=True)
            remove_stale(self.parent)
            self.path.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file."""
        target = self.path / name
        with output_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file; see `json_text`."""
        self.write_text(name, json_text(content))

    def write_frame(self, name: str, frame: pl.DataFrame | pl.LazyFrame) -> None:
        """Write a Parquet file; a lazy frame piece by piece."""
        target = self.path / name
        with output_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(frame, pl.LazyFrame):
                frame.sink_parquet(target, compression="zstd", compression_level=3, maintain_order=True)
            else:
                frame.write_parquet(target, compression="zstd", compression_level=3)

    def copy(self, name: str, source: Path) -> None:
        """Copy a file."""
        target = self.path / name
        with output_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    def finish(self, name: str) -> Path:
        """Give the folder its name; from here on it is a run."""
        target = self.parent / name
        with output_errors(target):
            self.path.rename(target)
        return target


def json_text(content: Mapping[str, Any]) -> str:
    """JSON with a line for each key, and for each object of a list: ten thousand stay readable, and quick.

    Numbers keep full precision.

    Raises:
        ValueError: A number that is none cannot be written.

    Example:
        >>> print(json_text({"run": {"id": "a"}, "comparisons": [{"p": 0.1}, {"p": 1}]}), end="")
        {
         "run": {"id": "a"},
         "comparisons": [
          {"p": 0.1},
          {"p": 1}
         ]
        }
    """
    lines = [f" {_json(key)}: {_listed(value)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _listed(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        return "[\n  " + ",\n  ".join(_json(one) for one in value) + "\n ]"
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def remove_stale(parent: Path) -> list[str]:
    """Remove what interrupted processes of this machine left behind; returns the names."""
    prefix = f"{PARTIAL}{socket.gethostname()}-"
    removed = []
    for place in sorted(parent.glob(f"{prefix}*")):
        process = place.name.removeprefix(prefix).partition("-")[0]
        if process.isdigit() and not alive(int(process)):
            shutil.rmtree(place, ignore_errors=True)
            removed.append(place.name)
    return removed


def run_name(parent: Path, hash8: str) -> str:
    """`<utc>_<hash8>`; a second later where a run has just taken this one, so that names sort by time."""
    while True:
        moment = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        if not any(parent.glob(f"{moment}_*")):
            return f"{moment}_{hash8}"
        time.sleep(0.05)
