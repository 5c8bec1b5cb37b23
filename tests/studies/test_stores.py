"""A study whose tables lie in an object store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from accordance.app.cli import main

from .conftest import STUDY

ROOTS = """\
roots: {data: data, cloud: s3://trial-data/made}
stores: {cloud: {endpoint: ENDPOINT, region: us-east-1}}
"""


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up-secret")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_the_same_results_as_from_the_disk(make_study, endpoint, capsys: pytest.CaptureFixture[str]) -> None:
    folder: Path = make_study()
    assert main(["run", str(folder), "--json"]) == 0
    local = json.loads(capsys.readouterr().out)
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="trial-data")
    for path in sorted((folder / "data").glob("test_v*.csv")):
        client.upload_file(str(path), "trial-data", f"made/{path.name}")
        path.unlink()
    client.close()
    text = STUDY.replace("{file: data/test", "{file: s3://trial-data/made/test")
    (folder / "study.yaml").write_text(
        text.replace("sources:\n", ROOTS.replace("ENDPOINT", endpoint) + "sources:\n", 1)
    )
    assert main(["run", str(folder), "--json"]) == 0
    stored = json.loads(capsys.readouterr().out)
    assert stored["endpoints"] == local["endpoints"]
    (run,) = (one for one in (folder / "runs").iterdir() if one.name in stored["run"])
    manifest = (run / "manifest.json").read_text()
    assert "s3://trial-data/made/test_v1.csv" in manifest
    for written in run.rglob("*"):
        if written.is_file():
            assert b"made-up-secret" not in written.read_bytes()


def test_what_is_wrong_with_the_store_is_one_line_and_an_exit_code(make_study, capsys) -> None:
    text = STUDY.replace("{file: data/test", "{file: s3://trial-data/made/test")
    text = text.replace("sources:\n", ROOTS.replace("ENDPOINT", "http://127.0.0.1:9") + "sources:\n", 1)
    assert main(["check", str(make_study(study=text)), "--json"]) == 74
    said = json.loads(capsys.readouterr().out)["error"]
    assert "http://127.0.0.1:9 cannot be reached" in said["message"]


def test_credentials_have_no_place_in_a_study(make_study, capsys) -> None:
    text = STUDY.replace("sources:\n", "stores: {cloud: {secret_access_key: x}}\nsources:\n", 1)
    assert main(["check", str(make_study(study=text)), "--json"]) == 4
    (violation,) = json.loads(capsys.readouterr().out)["error"]["violations"]
    assert violation["key"] == "stores.cloud.secret_access_key"
