"""Hashes of files, remembered by size and time, so that data at rest are not read again just to be named.

One small JSON file an entry, written to the side and renamed into place: two processes never see half an
entry, and neither undoes what the other wrote. An entry carries a checksum of itself; one that is damaged,
or belongs to another path, is no entry. The folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ..protocols.errors import IntegrityError, OutputError

SUBFOLDER = "hashes"
SETTLED = 2_000_000_000
"""Nanoseconds a file must have rested before its hash is kept: FAT counts time in steps of 2 s, and a change
within one step leaves no trace in it."""

_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class State:
    """What is seen of a file without reading it.

    Attributes:
        path: Absolute path, or address in an object store.
        size: Bytes.
        mtime_ns: When it was last changed, in nanoseconds since 1970.
        identity: Inode of a local file; the entity tag of an object in a store.
    """

    path: str
    size: int
    mtime_ns: int
    identity: str


def state_of(path: Path) -> State:
    """The state of a local file, symbolic links resolved.

    Raises:
        OutputError: It cannot be looked at.
    """
    try:
        real = path.resolve()
        seen = real.stat()
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}") from error
    return State(str(real), seen.st_size, seen.st_mtime_ns, str(seen.st_ino))


class HashCache:
    """Remembered hashes.

    Args:
        folder: The cache folder (`cache_folder`); None remembers nothing.
        rehash: True hashes every file again, and notes where a remembered hash is not what the bytes say.
    """

    def __init__(self, folder: Path | None = None, *, rehash: bool = False) -> None:
        self.folder = None if folder is None else folder / SUBFOLDER
        self.rehash = rehash
        self._changed: list[str] = []
        self._lock = threading.Lock()

    def sha256(self, name: str, state: Callable[[], State], compute: Callable[[], str]) -> str:
        """The hash of a file's bytes, in hex.

        Args:
            name: The file as messages name it.
            state: Looks at the file; asked before it is hashed, and after.
            compute: Hashes its bytes.

        Raises:
            OutputError: The file cannot be read.
        """
        if self.folder is None:
            return compute()
        before = state()
        known = self._read(before)
        if known is not None and not self.rehash:
            return known
        began = time.time_ns()
        found = compute()
        if known is not None and known != found:
            with self._lock:
                self._changed.append(name)
        elif known is None and before.mtime_ns < began - SETTLED and state() == before:
            self._write(before, found)
        return found

    def verify(self) -> None:
        """Refuse data that changed without a trace in size and time since their hash was remembered.

        Raises:
            IntegrityError: Names every such file. What was remembered stays, so that it is refused again.
        """
        if not self._changed:
            return
        names = ", ".join(sorted(set(self._changed)))
        raise IntegrityError(
            "the bytes of these files changed, but neither their size nor their time did since they were "
            f"last hashed: {names}. Where the change is meant, `touch` the files (or delete {self.folder}) "
            "and repeat; where not, the disk or somebody changed them: restore them"
        )

    def _place(self, state: State) -> Path:
        digest = hashlib.sha256(state.path.encode()).hexdigest()
        return Path(str(self.folder)) / digest[:2] / f"{digest[2:]}.json"

    def _read(self, state: State) -> str | None:
        """The remembered hash of a file in this state; None where there is none, or none that can be read."""
        try:
            entry = json.loads(self._place(state).read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(entry, dict):
            return None
        sha256 = entry.get("sha256")
        if not isinstance(sha256, str) or len(sha256) != 64 or not _HEX.issuperset(sha256):
            return None
        return sha256 if entry == _entry(state, sha256) else None

    def _write(self, state: State, sha256: str) -> None:
        """Keep an entry. A cache that cannot be written (a read-only disk) is no failure."""
        place = self._place(state)
        partial = place.with_name(f".{place.name}.{os.getpid()}.{threading.get_ident()}")
        with suppress(OSError):
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                partial.write_text(json.dumps(_entry(state, sha256)) + "\n", encoding="utf-8")
                partial.replace(place)
            finally:
                partial.unlink(missing_ok=True)


def _entry(state: State, sha256: str) -> dict[str, object]:
    """What is written: the state, the hash, and a checksum of both."""
    body = {**asdict(state), "sha256": sha256}
    return {**body, "check": hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()}
