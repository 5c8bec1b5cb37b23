"""Roots in object stores, against a local S3 server; what can go wrong there is said in one line each."""

from __future__ import annotations

import hashlib
import io
import logging
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import polars as pl
import pytest
from moto.server import ThreadedMotoServer

from accordance.datasets import stores
from accordance.datasets.finding import found
from accordance.datasets.hash_cache import HashCache
from accordance.datasets.read import TableData, read_table
from accordance.datasets.roots import Roots
from accordance.datasets.sources import Source
from accordance.datasets.store import Store
from accordance.datasets.stores import StoreOptions
from accordance.datasets.stream import open_stream
from accordance.protocols.errors import ContractError, OutputError
from accordance.protocols.model import Table

SECRET = "a-secret-that-no-message-repeats"
HR = pl.DataFrame({"subject": ["001", "001", "002"], "epoch": [1, 2, 1], "hr": [60.0, 61.5, 70.0]})
CSV = b"subject,epoch,hr\n001,1,60\n001,2,61.5\n002,1,70\n"


def as_parquet(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.write_parquet(target)
    return target.getvalue()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def client(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An S3 client, and an environment that holds nothing but made-up credentials."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    made = boto3.client("s3", endpoint_url=server, region_name="us-east-1")
    made.create_bucket(Bucket="bucket")
    yield made
    urllib.request.urlopen(urllib.request.Request(f"{server}/moto-api/reset", method="POST"))
    made.close()


@pytest.fixture
def go(client: Any, server: str, study: Path, table: Table) -> Callable[..., TableData]:
    """`go(file=...)`: read from the bucket with the root `s3://bucket/trial`."""

    def read(contract: Table = table, endpoint: str = server, **given: Any) -> TableData:
        options = {"root": "s3://bucket/trial", "hashes": None, "anonymous": False} | {
            name: given.pop(name) for name in ("root", "hashes", "anonymous") if name in given
        }
        return read_table(
            "r",
            contract,
            Source(**given),
            base=study,
            roots={"data": "data", "cloud": options["root"]},
            stores={
                "cloud": StoreOptions(endpoint=endpoint, region="us-east-1", anonymous=options["anonymous"])
            },
            hashes=options["hashes"],
        )

    return read


def put(client: Any, key: str, body: bytes = b"") -> None:
    client.put_object(Bucket="bucket", Key=key, Body=body or as_parquet(HR))


def test_one_parquet_file(client: Any, go: Callable) -> None:
    put(client, "trial/hr.parquet")
    data = go(file="s3://bucket/trial/hr.parquet")
    assert data.frame.drop("row").equals(HR)
    body = as_parquet(HR)
    (record,) = data.files
    assert (record.path_relative, record.bytes) == ("s3://bucket/trial/hr.parquet", len(body))
    assert record.sha256 == hashlib.sha256(body).hexdigest()


def test_one_csv_file(client: Any, go: Callable) -> None:
    put(client, "trial/hr.csv", CSV)
    data = go(file="s3://bucket/trial/hr.csv")
    assert data.frame.drop("row").equals(HR)
    assert data.files[0].sha256 == hashlib.sha256(CSV).hexdigest()


def test_what_is_wrong_in_a_csv_file_has_its_line(client: Any, go: Callable, refused: Callable) -> None:
    put(client, "trial/hr.csv", CSV.replace(b"61.5", b"fast"))
    (violation,) = refused(go, file="s3://bucket/trial/hr.csv")
    assert (violation.file, violation.line, violation.found) == ("s3://bucket/trial/hr.csv", 3, "fast")


def test_a_tree_with_partitions(client: Any, go: Callable) -> None:
    for subject in ("007", "08"):
        body = as_parquet(HR.filter(pl.col("subject") == "001").drop("subject"))
        put(client, f"trial/device/subject={subject}/x.parquet", body)
    put(client, "trial/device/_SUCCESS", b"x")
    put(client, "trial/device/.hidden/x.parquet", b"x")
    put(client, "trial/device2/x.parquet", b"x")
    for source in (
        {"folder": "s3://bucket/trial/device"},
        {"folder": "s3://bucket/trial/device/"},
        {"glob": "s3://bucket/trial/device/subject=*/*.parquet"},
        {"glob": "s3://bucket/trial/device/**/*.parquet"},
    ):
        assert go(**source).frame["subject"].to_list() == ["007", "007", "08", "08"]


def test_a_stream_of_subjects(client: Any, server: str, study: Path, table: Table) -> None:
    for subject in ("007", "08"):
        put(client, f"trial/device/subject={subject}/x.parquet", as_parquet(HR.head(2).drop("subject")))
    stream = open_stream(
        "r", table, Source(folder="s3://bucket/trial/device"), base=study, roots={"c": "s3://bucket/trial"},
        stores={"c": StoreOptions(endpoint=server)}, store=Store(study / "cache"),
    )  # fmt: skip
    assert stream is not None
    assert stream.counts == {"007": 2, "08": 2}
    assert stream.read(["08"]).frame["hr"].to_list() == [60.0, 61.5]


def test_only_the_asked_columns_travel(client: Any, go: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table(key=("subject",), columns={"subject": {"type": "text"}}, extra_columns="ignored")  # type: ignore[dict-item]
    wide = HR.unique("subject").with_columns(noise=pl.lit("x" * 1000))
    put(client, "trial/wide.parquet", as_parquet(wide))
    asked: list[list[str]] = []
    original = stores.StoredFile.read_parquet

    def spy(self: stores.StoredFile, columns: list[str]) -> pl.DataFrame:
        asked.append(columns)
        return original(self, columns)

    monkeypatch.setattr(stores.StoredFile, "read_parquet", spy)
    go(table, file="s3://bucket/trial/wide.parquet")
    assert asked == [["subject"]]


def test_hashes_are_remembered_by_size_time_and_tag(
    client: Any, go: Callable, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("accordance.datasets.hash_cache.SETTLED", -(10**18))  # written this second
    put(client, "trial/hr.csv", CSV)
    hashed: list[str] = []
    original = stores.StoredFile.sha256
    monkeypatch.setattr(
        stores.StoredFile,
        "sha256",
        lambda self: hashed.append(self.name) or original(self),  # type: ignore[func-returns-value]
    )
    for _ in range(2):
        go(file="s3://bucket/trial/hr.csv", hashes=HashCache(tmp_path / "cache"))
    assert len(hashed) == 1
    put(client, "trial/hr.csv", CSV.replace(b"61.5", b"61.6"))  # the same size, perhaps the same second
    data = go(file="s3://bucket/trial/hr.csv", hashes=HashCache(tmp_path / "cache"))
    assert len(hashed) == 2
    assert data.files[0].sha256 == hashlib.sha256(CSV.replace(b"61.5", b"61.6")).hexdigest()


OUTSIDE = [
    {"file": "s3://bucket/other/hr.parquet"},
    {"file": "s3://bucket/trial2/hr.parquet"},
    {"file": "s3://other/trial/hr.parquet"},
    {"file": "gs://bucket/trial/hr.parquet"},
    {"folder": "s3://bucket"},
    {"glob": "s3://bucket/*/hr.parquet"},
    {"glob": "s3://*/trial/hr.parquet"},
    {"sql": "SELECT * FROM read_parquet('s3://bucket/other/hr.parquet')"},
]


@pytest.mark.parametrize("source", OUTSIDE, ids=str)
def test_outside_the_roots(client: Any, go: Callable, refused: Callable, source: dict[str, str]) -> None:
    put(client, "other/hr.parquet")
    (violation,) = refused(go, **source)
    assert "lies outside the declared roots (data: data, cloud: s3://bucket/trial)" in violation.message


def test_climbing(go: Callable, refused: Callable) -> None:
    (violation,) = refused(go, file="s3://bucket/trial/../other/hr.parquet")
    assert "may not contain `..`" in violation.message


def test_a_query_reads_local_files(go: Callable, refused: Callable) -> None:
    (violation,) = refused(go, sql="SELECT * FROM 's3://bucket/trial/hr.parquet'")
    assert "httpfs" in violation.message
    assert violation.found == "s3://bucket/trial/hr.parquet"


MISSING = {
    "key": ({"file": "s3://bucket/trial/none.parquet"}, "s3://bucket/trial", "there is no such object"),
    "prefix": ({"folder": "s3://bucket/trial/none"}, "s3://bucket/trial", "holds no object ending in"),
    "pattern": ({"glob": "s3://bucket/trial/*.csv"}, "s3://bucket/trial", "no object matches"),
    "bucket of a file": ({"file": "s3://none/trial/x.pq"}, "s3://none/trial", "there is no bucket `none`"),
    "bucket of a folder": ({"folder": "s3://none/trial"}, "s3://none/trial", "there is no bucket `none`"),
    "ending": ({"file": "s3://bucket/trial/x.edf"}, "s3://bucket/trial", "is CSV or Parquet ("),
}  # fmt: skip


@pytest.mark.parametrize("case", MISSING.values(), ids=MISSING)
def test_what_is_not_there(client: Any, go: Callable, refused: Callable, case: tuple[Any, ...]) -> None:
    put(client, "trial/x.edf")
    source, root, words = case
    began = time.monotonic()
    (violation,) = refused(go, root=root, **source)
    assert words in violation.message
    assert violation.file == next(iter(source.values()))
    assert time.monotonic() - began < 10


def test_files_of_two_kinds(client: Any, go: Callable, refused: Callable) -> None:
    put(client, "trial/a.csv", CSV)
    put(client, "trial/b.parquet")
    (violation,) = refused(go, folder="s3://bucket/trial")
    assert "CSV and Parquet files are mixed" in violation.message


def test_damaged_objects(client: Any, go: Callable, refused: Callable) -> None:
    put(client, "trial/a.parquet", as_parquet(HR)[:-20])
    put(client, "trial/b.parquet", CSV)
    put(client, "trial/c.parquet", as_parquet(HR))
    client.put_object(Bucket="bucket", Key="trial/d.parquet", Body=b"")
    told = {str(one.file)[-9:]: one.message for one in refused(go, folder="s3://bucket/trial")}
    assert "truncated or damaged" in told["a.parquet"]
    assert "is not a Parquet file" in told["b.parquet"]
    assert "is empty" in told["d.parquet"]
    assert len(told) == 3


@pytest.mark.parametrize(
    "source", [{"file": "s3://bucket/trial/hr.csv"}, {"folder": "s3://bucket/trial"}], ids=str
)
def test_a_server_that_does_not_answer(go: Callable, source: dict[str, str]) -> None:
    began = time.monotonic()
    with pytest.raises(OutputError, match=r"http://127\.0\.0\.1:9 cannot be reached") as caught:
        go(endpoint="http://127.0.0.1:9", **source)
    assert time.monotonic() - began < 10
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("credentials", "source"),
    [  # asked for a list without any credentials, the test server fails by itself
        ("wrong", {"file": "s3://bucket/trial/hr.csv"}),
        ("wrong", {"folder": "s3://bucket/trial"}),
        ("missing", {"file": "s3://bucket/trial/hr.csv"}),
    ],
    ids=str,
)
def test_credentials_that_do_not_do(
    client: Any, go: Callable, monkeypatch, credentials: str, source: dict[str, str]
) -> None:
    put(client, "trial/hr.csv", CSV)
    monkeypatch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0.0)
    if credentials == "missing":
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    began = time.monotonic()
    with pytest.raises(OutputError, match="access refused") as caught:
        go(**source)
    assert time.monotonic() - began < 15
    assert "AWS_ACCESS_KEY_ID" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "made-up" not in str(caught.value)


def test_a_refusal_while_columns_are_read(client: Any, go: Callable, monkeypatch) -> None:
    """Polars asks the store by itself, after it was listed: its answers are put in the same words."""
    put(client, "trial/hr.parquet")
    original = stores.StoredFile.head

    def then_no_more(self: stores.StoredFile, count: int) -> bytes:
        told = original(self, count)
        monkeypatch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0.0)
        return told

    monkeypatch.setattr(stores.StoredFile, "head", then_no_more)
    with pytest.raises(OutputError, match="access refused"):
        go(file="s3://bucket/trial/hr.parquet")


def test_the_endpoint_may_come_from_the_environment(
    client: Any, server: str, study: Path, table: Table, monkeypatch
) -> None:
    put(client, "trial/hr.parquet")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    data = read_table(
        "r", table, Source(file="s3://bucket/trial/hr.parquet"), base=study, roots={"c": "s3://bucket/trial"}
    )
    assert data.n_rows == 3


def test_a_public_bucket(client: Any, go: Callable, monkeypatch) -> None:
    client.put_object(Bucket="bucket", Key="trial/hr.parquet", Body=as_parquet(HR), ACL="public-read")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert go(file="s3://bucket/trial/hr.parquet", anonymous=True).n_rows == 3


BAD_ROOTS = {
    "s3://": "names no bucket",
    "s3://bucket/../other": "names no bucket and prefix",
    "s3://key:secret@bucket/x": "holds credentials",
    "azure://container/x": "accepted: a folder, `s3://...`, `gs://...`",
    "https://example.org/x": "accepted: a folder, `s3://...`, `gs://...`",
}


@pytest.mark.parametrize("written", BAD_ROOTS)
def test_roots_that_are_none(written: str, study: Path, refused: Callable) -> None:
    (violation,) = refused(Roots.of, study, {"cloud": written})
    assert violation.key == "roots.cloud"
    assert BAD_ROOTS[written] in violation.message
    assert "secret" not in str(violation)


def test_options_of_no_root(study: Path, refused: Callable) -> None:
    (violation,) = refused(
        Roots.of,
        study,
        {"data": "data"},
        {
            "data": StoreOptions(),
        },
    )
    assert violation.key == "stores.data"


@pytest.mark.parametrize("endpoint", ["minio:9000", "http://user:pass@host", "https://host/path"])
def test_an_endpoint_is_a_server(endpoint: str) -> None:
    with pytest.raises(ValueError, match="expected a server such as"):
        StoreOptions(endpoint=endpoint)


def test_google_storage_goes_the_same_way(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no server of its kind to test against: the way there ends at a port where nobody listens."""
    monkeypatch.setattr(stores, "CONNECT_SECONDS", 1)
    roots = Roots.of(
        study, {"c": "gs://bucket/trial"}, {"c": StoreOptions(endpoint="http://127.0.0.1:9", anonymous=True)}
    )
    with pytest.raises(
        (OutputError, ContractError), match=r"gs://bucket/trial/hr\.csv: http://127\.0\.0\.1:9 cannot"
    ):
        found(Source(file="gs://bucket/trial/hr.csv"), roots, key="sources.r")
