"""The study's memory: an append-only, hash-chained list of what was done, when and by whom.

One JSON object a line. Each carries the hash of the line before it, so that a line that is changed, moved or
removed later breaks the chain, and the next command says so (exit code 5).
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from ..protocols.errors import IntegrityError, OutputError

FILE = "ledger.jsonl"
START = "0" * 64
FIELDS = ("seq", "when", "who", "what", "details", "previous")


def utc(now: datetime | None = None) -> str:
    """A moment as UTC text to the second, such as `2026-11-20T09:30:00Z`."""
    return (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def account() -> str:
    """The name of the account that runs this, for want of a person's name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # no entry in the password file, as in some containers
        return "unknown"


def digest(entry: Mapping[str, Any]) -> str:
    """The hash of a line: SHA-256 of its other fields as canonical JSON."""
    body = {name: entry.get(name) for name in FIELDS}
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def parse(text: str, name: str = FILE) -> list[dict[str, Any]]:
    """The entries of a ledger's text, with the chain verified.

    Raises:
        IntegrityError: A line is no JSON object, or the chain is broken; the message names the line.

    Example:
        >>> parse("")
        []
        >>> parse('{"seq": 0}')
        Traceback (most recent call last):
        ...
        accordance.protocols.errors.IntegrityError: ledger.jsonl:1: the line was changed after it was written
    """
    entries: list[dict[str, Any]] = []
    previous = START
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            raise IntegrityError(f"{name}:{number}: the line is not readable JSON") from error
        if not isinstance(entry, dict) or entry.get("hash") != digest(entry):
            raise IntegrityError(f"{name}:{number}: the line was changed after it was written")
        if entry["previous"] != previous or entry["seq"] != number - 1:
            raise IntegrityError(f"{name}:{number}: the line before it was changed, moved or removed")
        previous = entry["hash"]
        entries.append(entry)
    return entries


def read(study: Path) -> list[dict[str, Any]]:
    """The verified entries of a study's ledger, oldest first; none where there is no ledger yet.

    Raises:
        IntegrityError: The chain is broken.
        OutputError: The file cannot be read.
    """
    path = study / FILE
    try:
        data = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror}") from error
    return parse(_text(data))


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise IntegrityError(f"{FILE} is no longer the text that was written") from error


def append(
    study: Path, what: str, details: Mapping[str, Any], *, who: str | None = None, when: str | None = None
) -> dict[str, Any]:
    """Add one line, after verifying the chain. Safe against another process appending at the same time.

    Args:
        study: The study folder.
        what: `lock`, `run`, `sign`, ...
        details: Ids, counts and hashes; never measurements.
        who: Name of the person. Default: the account's name.
        when: UTC time. Default: now.

    Raises:
        IntegrityError: The chain is broken; nothing is added.
        OSError: The file cannot be written; nothing is left half-written.
    """
    with _locked(study / FILE) as file:
        file.seek(0)
        entries = parse(_text(file.read()))
        entry: dict[str, Any] = {
            "seq": len(entries),
            "when": when or utc(),
            "who": who or account(),
            "what": what,
            "details": dict(details),
            "previous": entries[-1]["hash"] if entries else START,
        }
        entry["hash"] = digest(entry)
        end = file.seek(0, os.SEEK_END)
        try:
            file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            file.truncate(end)
            raise
    return entry


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """The file, open for reading and appending, held by this process alone."""
    with path.open("a+b", buffering=0) as file:
        try:
            import fcntl  # noqa: PLC0415 - absent on Windows, where appending is not shared
        except ImportError:
            yield file
            return
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        try:
            yield file
        finally:
            fcntl.flock(file.fileno(), fcntl.LOCK_UN)
