"""Files that an experiment tracker keeps: `mlflow://RUN/path` and `wandb://entity/project/name:version/path`.

They are downloaded by the tracker's own library into the study's cache, and read and hashed from there like
any file. A copy serves while the tracker says that the file is the same; `--rehash` downloads it again.
Server and credentials are the user's own configuration.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Protocol

import polars as pl

from ..protocols.errors import AccordanceError, ContractError, OutputError, Violation, nearest
from . import tracked_mlflow, tracked_wandb
from .cache_folder import cache_folder
from .hash_cache import State, state_of
from .located import LocalFile
from .stores import StoreOptions
from .trackers import TRACKERS, first_line

ADDRESS = re.compile(r"^(mlflow|wandb)://(.*)$")
FORMS = {
    "mlflow": "mlflow://RUN_ID/path/to/file.parquet",
    "wandb": "wandb://ENTITY/PROJECT/NAME:VERSION/path/to/file.parquet",
}
FOLDER = "tracked"
"""Folder of downloads in the study's cache."""
SHOWN = 8
"""Most files that a message lists."""


class Holder(Protocol):
    """What holds files in a tracker: a run, or a version of an artifact."""

    def files(self, below: str) -> Iterator[tuple[str, int, int, str]]:
        """Path, bytes, time in nanoseconds and identity of every file at a path or below it."""

    def fetch(self, path: str, folder: Path) -> Path:
        """Download a file below a folder."""

    def origin(self) -> dict[str, Any]:
        """What it says of itself."""

    def absent(self, error: Exception) -> bool:
        """Whether an error says that there is no such holder."""


@dataclass(frozen=True)
class TrackedRoot:
    """A declared root in a tracker.

    Attributes:
        name: Its name among the roots.
        tracker: `mlflow` or `wandb`.
        parts: What addresses below it begin with; none: everything in the tracker.
        base: The study folder.
        options: How it is reached.
    """

    name: str
    tracker: str
    parts: tuple[str, ...]
    base: Path
    options: StoreOptions = field(default_factory=StoreOptions)

    def contains(self, address: str) -> bool:
        """Whether an address lies under this root."""
        found = ADDRESS.match(address)
        return (
            found is not None
            and found[1] == self.tracker
            and _parts(found[2])[: len(self.parts)] == self.parts
        )

    def stat(self, address: str) -> TrackedFile | None:
        """The file at an address.

        Raises:
            ContractError: There is no such run, artifact or file, or the library is not there.
            OutputError: The tracker cannot be reached, or refuses.
        """
        holder, name, path = self._holder(address)
        if not path:
            raise _problem(f"names no file; expected {FORMS[self.tracker]}.", address)
        with self.problems(holder, address):
            for one in holder.files(path):
                if one[0] == path:
                    return self._file(holder, name, one)
            there = sorted(one[0] for one in holder.files(""))
        more = f" and {len(there) - SHOWN:,} more" if len(there) > SHOWN else ""
        listed = ", ".join(there[:SHOWN]) + more if there else "none"
        raise _problem(f"there is no such file; there are: {listed}.", address, nearest(path, there))

    def listed(self, address: str) -> list[TrackedFile]:
        """Files below an address, sorted by path; names that begin with a dot are left out.

        Raises:
            ContractError: There is no such run or artifact, or the library is not there.
            OutputError: The tracker cannot be reached, or refuses.
        """
        holder, name, path = self._holder(address)
        with self.problems(holder, address):
            seen = sorted(holder.files(path))
        below = len(_parts(path))
        return [
            self._file(holder, name, one)
            for one in seen
            if not any(part.startswith(".") for part in _parts(one[0])[below:])
        ]

    def _holder(self, address: str) -> tuple[Holder, str, str]:
        """What holds the file, its name, and the file's path in it."""
        tracker = TRACKERS[self.tracker]
        if not tracker.installed:
            raise _problem(f"{tracker.lacking}.", address)
        parts = _parts(address.partition("://")[2])
        count = tracked_mlflow.PARTS if self.tracker == "mlflow" else tracked_wandb.PARTS
        if len(parts) < count or (self.tracker == "wandb" and ":" not in parts[count - 1]):
            raise _problem(f"is no address of a file; expected {FORMS[self.tracker]}.", address)
        name, path = "/".join(parts[:count]), "/".join(parts[count:])
        made = tracked_mlflow.MlflowRun if self.tracker == "mlflow" else tracked_wandb.WandbArtifact
        return made(name, self.options.endpoint), name, path

    def _file(self, holder: Holder, name: str, seen: tuple[str, int, int, str]) -> TrackedFile:
        path, size, mtime_ns, identity = seen
        address = f"{self.tracker}://{name}/{path}"
        return TrackedFile(self, holder, path, State(address, size, mtime_ns, identity))

    @contextmanager
    def problems(self, holder: Holder, address: str) -> Iterator[None]:
        """What a tracker's library says when it cannot, in one line.

        Raises:
            ContractError: There is no such run or artifact.
            OutputError: The tracker cannot be reached, or refuses.
        """
        try:
            yield
        except AccordanceError:
            raise
        except Exception as error:  # libraries raise what they like, those that they rest on, too
            title = TRACKERS[self.tracker].title
            if holder.absent(error):
                what = "run" if self.tracker == "mlflow" else "artifact"
                raise _problem(f"there is no such {what} in {title}: {first_line(error)}", address) from None
            raise OutputError(f"{address}: cannot be read from {title}: {first_line(error)}") from None


class TrackedFile:
    """A file in a tracker.

    Args:
        root: The root it lies under.
        holder: The run or artifact that holds it.
        path: Its path there.
        seen: What the tracker says of it.
    """

    def __init__(self, root: TrackedRoot, holder: Holder, path: str, seen: State) -> None:
        self.root, self.holder, self.path, self.seen = root, holder, path, seen
        key = hashlib.sha256(f"{root.options.endpoint}\n{seen.path}".encode()).hexdigest()
        self.folder = cache_folder(root.base) / FOLDER / key[:32]
        self._fresh = False

    @property
    def name(self) -> str:
        """Its address."""
        return self.seen.path

    @property
    def place(self) -> PurePath:
        """Its address without the tracker."""
        return PurePosixPath(self.name.partition("://")[2])

    @property
    def size(self) -> int:
        """Bytes."""
        return self.local().size

    @property
    def origin(self) -> Mapping[str, Any]:
        """What its run says of itself."""
        self.local()
        return {**json.loads(self._record.read_text(encoding="utf-8"))["origin"], "file": self.path}

    def state(self) -> State:
        """What the tracker said of it when it was looked for."""
        return self.seen

    def sha256(self) -> str:
        """Hash of its bytes as the tracker gives them now, in hex."""
        if not self._fresh:
            self._download()
        return self.local().sha256()

    def head(self, count: int) -> bytes:
        """Its first bytes."""
        return self.local().head(count)

    def content(self) -> bytes:
        """All its bytes."""
        return self.local().content()

    def scan_parquet(self) -> pl.LazyFrame:
        """Its columns, unread."""
        return self.local().scan_parquet()

    def parquet_schema(self) -> dict[str, pl.DataType]:
        """Its columns' types, from its footer."""
        return self.local().parquet_schema()

    def read_parquet(self, columns: list[str]) -> pl.DataFrame:
        """Some of its columns."""
        return self.local().read_parquet(columns)

    def problems(self) -> AbstractContextManager[None]:
        """Its copy is on a disk, which answers for itself."""
        return nullcontext()

    def local(self) -> LocalFile:
        """Its copy in the study's cache, downloaded where there is none of this state."""
        if not self._fresh and not self._kept():
            self._download()
        return LocalFile(self._copy, self.name)

    @property
    def _copy(self) -> Path:
        return self.folder / self.place.name

    @property
    def _record(self) -> Path:
        return self.folder / "record.json"

    def _kept(self) -> bool:
        """Whether the copy is of this state, and as it was downloaded."""
        try:
            record = json.loads(self._record.read_bytes())
            return bool(
                record["seen"] == asdict(self.seen) and record["copy"] == asdict(state_of(self._copy))
            )
        except (OSError, ValueError, KeyError, TypeError, OutputError):
            return False

    def _download(self) -> None:
        """Download it to the side, then put it into its place with the record of it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".partial-", dir=self.folder) as aside:
                with self.root.problems(self.holder, self.name):
                    fetched = self.holder.fetch(self.path, Path(aside))
                    origin = self.holder.origin()
                fetched.replace(self._copy)
                record = {"seen": asdict(self.seen), "copy": asdict(state_of(self._copy)), "origin": origin}
                written = Path(aside) / "record.json"
                written.write_text(json.dumps(record, default=str) + "\n", encoding="utf-8")
                written.replace(self._record)
        except OSError as error:
            raise OutputError(f"{error.filename or self.folder}: {error.strerror or error}") from error
        self._fresh = True


def is_tracked(written: str) -> bool:
    """Whether a path is an address in a tracker.

    Example:
        >>> is_tracked("mlflow://1f0c/outputs.parquet"), is_tracked("s3://bucket/outputs.parquet")
        (True, False)
    """
    return ADDRESS.match(written) is not None


def declared(
    roots: Mapping[str, str], options: Mapping[str, StoreOptions], base: Path
) -> tuple[dict[str, TrackedRoot], list[Violation]]:
    """The roots that lie in trackers, and what is wrong with them.

    Args:
        roots: Name -> folder or address.
        options: Name of a root -> how it is reached.
        base: The study folder.

    Example:
        >>> found, wrong = declared({"runs": "mlflow://"}, {}, Path("study"))
        >>> found["runs"].contains("mlflow://1f0c/outputs.parquet"), wrong
        (True, [])
    """
    found: dict[str, TrackedRoot] = {}
    violations: list[Violation] = []
    for name, written in roots.items():
        match = ADDRESS.match(written)
        if match is None:
            continue
        own = options.get(name, StoreOptions())
        parts = _parts(match[2])
        if "@" in match[2]:
            message = "holds credentials; they never stand in a study. Set them in the environment."
            violations.append(Violation(message, key=f"roots.{name}"))
        elif ".." in parts:
            violations.append(Violation("a path may not contain `..`.", key=f"roots.{name}", found=written))
        else:
            found[name] = TrackedRoot(name, match[1], parts, base, own)
        violations.extend(
            Violation("means nothing to a tracker; accepted: endpoint.", key=f"stores.{name}.{key}")
            for key in sorted(own.model_fields_set - {"endpoint"})
        )
    return found, violations


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


def _problem(message: str, address: str, suggestion: str | None = None) -> ContractError:
    return ContractError([Violation(message, file=address, found=address, suggestion=suggestion)])
