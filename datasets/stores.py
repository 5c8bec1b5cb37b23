"""Data roots in object stores: `s3://bucket/prefix` and `gs://bucket/prefix`.

Objects are listed, looked at, hashed and, where they are text, fetched through pyarrow's file systems; Polars
reads the columns of Parquet files from the store itself. Credentials come from where these libraries look for
them (environment variables, the machine's role, their own configuration files), never from a study, and no
message repeats what a store answered in full. Attempts and waits are bounded.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import PurePath, PurePosixPath
from typing import Any

import polars as pl
from pydantic import Field, field_validator

from ..protocols.errors import AccordanceError, ContractError, OutputError, Violation
from ..protocols.model import Model, Text
from .hash_cache import State

ADDRESS = re.compile(r"^(s3|gs)://([^/]*)/?(.*)$")
REMOTE = re.compile(r"^(s3|gs|mlflow|wandb)://")
CONNECT_SECONDS = 5
REQUEST_SECONDS = 30
ATTEMPTS = 3
_CHUNK = 1 << 22
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")

_REFUSED = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY|SIGNATURE_DOES_NOT_MATCH|INVALID_CLIENT_TOKEN|UNRECOGNIZED_CLIENT"
    r"|EXPIRED_TOKEN|INVALID_TOKEN|MISSING_AUTHENTICATION|HTTP status 40[13]|\b40[13] |Permission denied"
    r"|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|Unauthenticated|PermissionDenied|credential",
    re.IGNORECASE,
)
_UNREACHABLE = re.compile(
    r"NETWORK_CONNECTION|curlCode|could not connect|couldn't connect|tcp connect|timed? ?out|REQUEST_TIMEOUT"
    r"|resolve host|dns error|error sending request|Unavailable|connection",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"PermanentRedirect|301|incorrect region|AuthorizationHeaderMalformed", re.IGNORECASE)


class StoreOptions(Model):
    """How an object store, or the server of a tracker, is reached. Credentials never stand here."""

    endpoint: Text | None = Field(
        default=None,
        description="The server, such as `https://minio.example.org`. Default: what AWS_ENDPOINT_URL says, "
        "else the cloud's.",
    )
    region: Text | None = Field(
        default=None, description="Region of the bucket. Default: what AWS_REGION says, else the cloud's."
    )
    anonymous: bool = Field(default=False, description="true: a public bucket, read without credentials.")

    @field_validator("endpoint")
    @classmethod
    def _is_a_server(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^/@\s]+/?", value):
            raise ValueError(
                "expected a server such as https://minio.example.org, without path or credentials"
            )
        return value.rstrip("/") if value is not None else None


@dataclass(frozen=True)
class Store:
    """A declared root in an object store.

    Attributes:
        name: Its name among the roots.
        scheme: `s3` or `gs`.
        bucket: The bucket.
        prefix: What keys begin with, without slashes around it; "" for the whole bucket.
        options: How it is reached.
    """

    name: str
    scheme: str
    bucket: str
    prefix: str
    options: StoreOptions = field(default_factory=StoreOptions)

    def contains(self, address: str) -> bool:
        """Whether an address lies under this root."""
        found = ADDRESS.match(address)
        if found is None or (found[1], found[2]) != (self.scheme, self.bucket):
            return False
        key = found[3].strip("/")
        return not self.prefix or key == self.prefix or key.startswith(f"{self.prefix}/")

    def address(self, path: str) -> str:
        """`bucket/key` as an address."""
        return f"{self.scheme}://{path}"

    @property
    def endpoint(self) -> str | None:
        """Where the server is, if it is not the cloud's own."""
        return self.options.endpoint or (_environment(_ENDPOINTS) if self.scheme == "s3" else None)

    @cached_property
    def filesystem(self) -> Any:
        """Pyarrow's file system, made when first asked for."""
        from pyarrow import fs  # noqa: PLC0415 - a second to load, for those who have such roots

        secure, host = "https", None
        if self.endpoint:
            secure, _, host = self.endpoint.rpartition("://")
        with self.problems(self.address(self.bucket)):
            if self.scheme == "gs":
                return fs.GcsFileSystem(
                    anonymous=self.options.anonymous,
                    endpoint_override=host,
                    scheme=secure or "https",
                    retry_time_limit=timedelta(seconds=CONNECT_SECONDS),
                )
            return fs.S3FileSystem(
                anonymous=self.options.anonymous,
                endpoint_override=host,
                scheme=secure or "https",
                region=self.options.region or _environment(_REGIONS),
                connect_timeout=CONNECT_SECONDS,
                request_timeout=REQUEST_SECONDS,
                retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
            )

    @property
    def polars_options(self) -> dict[str, Any]:
        """How Polars reaches it."""
        options: dict[str, Any] = {"max_retries": ATTEMPTS - 1, "retry_timeout_ms": 1000 * REQUEST_SECONDS}
        if self.scheme == "s3":
            region = self.options.region or _environment(_REGIONS) or ("us-east-1" if self.endpoint else None)
            options |= {"region": region} if region else {}
            options |= {"endpoint_url": self.endpoint} if self.endpoint else {}
            options |= {"skip_signature": "true"} if self.options.anonymous else {}
        elif self.options.anonymous:
            options |= {"google_skip_signature": "true"}
        if (self.endpoint or "").startswith("http://"):
            options["allow_http"] = "true"
        return options

    @contextmanager
    def problems(self, address: str) -> Iterator[None]:
        """What a store answers when it cannot, in words.

        Raises:
            ContractError: There is no such bucket or object.
            OutputError: It cannot be reached, or refuses.
        """
        try:
            yield
        except pl.exceptions.PolarsError as error:
            if "object-store" not in str(error):  # the object itself, not the way to it
                raise
            raise self._explained(error, address) from None
        except (OSError, ValueError) as error:
            raise self._explained(error, address) from None

    def _explained(self, error: Exception, address: str) -> AccordanceError:
        said = str(error)
        if "NO_SUCH_BUCKET" in said or "NoSuchBucket" in said:
            return _violation(f"there is no bucket `{self.bucket}`.", address, f"roots.{self.name}")
        if isinstance(error, FileNotFoundError):
            return _violation("there is no such object.", address, f"roots.{self.name}")
        where = self.endpoint or "the cloud"
        if _ELSEWHERE.search(said):
            return OutputError(
                f"{address}: the bucket lies in another region; name it in `stores.{self.name}.region`"
            )
        if _REFUSED.search(said):
            return OutputError(
                f"{address}: access refused by {where}. Credentials are missing, wrong or not allowed to "
                f"read here; they are taken from {self._credentials()}, never from the study. A public "
                f"bucket needs `anonymous: true` in `stores.{self.name}`"
            )
        if _UNREACHABLE.search(said):
            return OutputError(
                f"{address}: {where} cannot be reached ({ATTEMPTS} attempts); check the network and "
                f"`stores.{self.name}.endpoint`"
            )
        return OutputError(f"{address}: cannot be read from {where} ({type(error).__name__})")

    def _credentials(self) -> str:
        if self.scheme == "gs":
            return "GOOGLE_APPLICATION_CREDENTIALS or the machine's service account"
        return "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws, or the machine's role"

    def stat(self, address: str) -> StoredFile | None:
        """The object at an address; None where there is none.

        Raises:
            ContractError: There is no such bucket.
            OutputError: The store cannot be reached, or refuses.
        """
        from pyarrow import fs  # noqa: PLC0415

        path = address.partition("://")[2]
        with self.problems(address):
            found = self.filesystem.get_file_info(path)
            if found.is_file:
                return StoredFile(self, path, found.size, found.mtime_ns or 0)
            self.filesystem.get_file_info(fs.FileSelector(self.bucket))  # says so where it is the bucket
        return None

    def listed(self, address: str) -> list[StoredFile]:
        """Objects below an address, sorted by key; names that begin with a dot are left out.

        Raises:
            ContractError: There is no such bucket.
            OutputError: The store cannot be reached, or refuses.
        """
        from pyarrow import fs  # noqa: PLC0415

        path = address.partition("://")[2].rstrip("/")
        with self.problems(address):
            try:  # `allow_not_found` would hide a missing bucket, too
                found = self.filesystem.get_file_info(fs.FileSelector(path, recursive=True))
            except FileNotFoundError:
                return []
        below = len(PurePosixPath(path).parts)
        return sorted(
            (
                StoredFile(self, one.path, one.size, one.mtime_ns or 0)
                for one in found
                if one.is_file
                and not any(part.startswith(".") for part in PurePosixPath(one.path).parts[below:])
            ),
            key=lambda one: one.path,
        )


@dataclass(frozen=True)
class StoredFile:
    """An object in a store.

    Attributes:
        store: The root it lies under.
        path: Bucket and key.
        size: Bytes.
        mtime_ns: When it was written, in nanoseconds since 1970.
    """

    store: Store
    path: str
    size: int
    mtime_ns: int

    @property
    def name(self) -> str:
        """Its address."""
        return self.store.address(self.path)

    @property
    def place(self) -> PurePath:
        """Bucket and key."""
        return PurePosixPath(self.path)

    def state(self) -> State:
        """Size, time and entity tag, asked for anew."""
        with self.problems(), self.store.filesystem.open_input_stream(self.path) as stream:
            told: Mapping[bytes | str, bytes] = stream.metadata() or {}
        tags = {_text(key).lower(): _text(value) for key, value in told.items()}
        size = int(tags.get("content-length", self.size))
        return State(self.name, size, self.mtime_ns, tags.get("etag") or tags.get("generation", ""))

    def problems(self) -> AbstractContextManager[None]:
        """Turns what goes wrong on the way to it into words."""
        return self.store.problems(self.name)

    @property
    def origin(self) -> None:
        """No tracker speaks of it."""
        return None

    def sha256(self) -> str:
        """Hash of its bytes, in hex."""
        digest = hashlib.sha256()
        with self.problems(), self.store.filesystem.open_input_stream(self.path) as stream:
            while block := stream.read(_CHUNK):
                digest.update(block)
        return digest.hexdigest()

    def head(self, count: int) -> bytes:
        """Its first bytes."""
        with self.problems(), self.store.filesystem.open_input_file(self.path) as file:
            return bytes(file.read_at(min(count, self.size), 0))

    def content(self) -> bytes:
        """All its bytes."""
        with self.problems(), self.store.filesystem.open_input_stream(self.path) as stream:
            return bytes(stream.read())

    def scan_parquet(self) -> pl.LazyFrame:
        """Its columns, unread; only those that are asked for travel."""
        return pl.scan_parquet(
            self.name, hive_partitioning=False, glob=False, storage_options=self.store.polars_options
        )

    def parquet_schema(self) -> dict[str, pl.DataType]:
        """Its columns' types, from its footer."""
        return dict(self.scan_parquet().collect_schema())

    def read_parquet(self, columns: list[str]) -> pl.DataFrame:
        """Some of its columns."""
        return self.scan_parquet().select(columns).collect()


def is_address(written: str | None) -> bool:
    """Whether a path is an address in an object store, or in an experiment tracker.

    Example:
        >>> is_address("s3://bucket/data"), is_address("data/hr.csv"), is_address(None)
        (True, False, False)
    """
    return written is not None and REMOTE.match(written) is not None


def declared(roots: Mapping[str, str], options: Mapping[str, StoreOptions]) -> dict[str, Store]:
    """The roots that lie in object stores.

    Args:
        roots: Name -> folder or address.
        options: Name of a root -> how its store is reached.

    Raises:
        ContractError: An address without bucket, with credentials in it, or of a store that is not known;
            options of no such root.

    Example:
        >>> declared({"data": "data", "cloud": "s3://bucket/trial/"}, {})["cloud"].prefix
        'trial'
    """
    found: dict[str, Store] = {}
    violations: list[Violation] = []
    for name, written in roots.items():
        scheme, separator, rest = written.partition("://")
        if not separator:
            continue
        key = f"roots.{name}"
        parts = ADDRESS.match(written)
        if parts is None:
            message = (
                "is in no store that can be read; accepted: a folder, `s3://...`, `gs://...`, `mlflow://...` "
                "or `wandb://...`."
            )
            violations.append(Violation(message, key=key, found=f"{scheme}://"))
        elif "@" in parts[2] or ":" in parts[2]:
            message = "holds credentials; they never stand in a study. Set them in the environment."
            violations.append(Violation(message, key=key))
        elif not parts[2] or ".." in rest.split("/"):
            message = "names no bucket and prefix; accepted: such as `s3://bucket/prefix`."
            violations.append(Violation(message, key=key, found=written))
        else:
            prefix = parts[3].strip("/")
            found[name] = Store(name, parts[1], parts[2], prefix, options.get(name, StoreOptions()))
    violations.extend(
        Violation(
            f"there is no root of this name in an object store; there are: {', '.join(found) or 'none'}.",
            key=f"stores.{name}",
        )
        for name in options
        if name not in found and name not in {one.key.partition(".")[2] for one in violations if one.key}
    )
    if violations:
        raise ContractError(violations)
    return found


def matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether the parts of a path match those of a pattern; `**` stands for any number of folders.

    Example:
        >>> matches(["a", "b", "x.csv"], ["a", "**", "*.csv"]), matches(["a", "x.csv"], ["a", "**", "*.csv"])
        (True, True)
    """
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return matches(parts, pattern[1:]) or (bool(parts) and matches(parts[1:], pattern))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and matches(parts[1:], pattern[1:])


def _violation(message: str, address: str, key: str) -> ContractError:
    return ContractError([Violation(message, file=address, key=key, found=address)])


def _environment(names: Sequence[str]) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
