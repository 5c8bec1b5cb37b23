"""Versions whose outputs lie in MLflow or Weights & Biases, read through the trackers' own libraries.

MLflow's store is a folder; Weights & Biases is a server on this machine that answers its library's queries.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from accordance.app.cli import main
from accordance.datasets import tracked_files
from accordance.datasets.tracked_mlflow import MlflowRun
from accordance.datasets.trackers import MLFLOW, WANDB
from accordance.reports import artefacts
from accordance.studies.results import Results

from .conftest import STUDY

COMMIT = "4f2c91a0d1"
LONG_AGO = 1_700_000_000_000
"""Milliseconds: when runs ended, so that their files count as settled."""


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """MLflow's client on a store of its own."""
    for name in [one for one in os.environ if one.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    return MLFLOW.load().MlflowClient()


@pytest.fixture
def wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The library of Weights & Biases with folders of its own; nobody is logged in."""
    for name in [one for one in os.environ if one.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    for name in ("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "HOME"):
        place = tmp_path / "wandb" / name.lower()
        place.mkdir(parents=True)
        monkeypatch.setenv(name, str(place))
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    library = WANDB.load()
    yield library
    library.teardown()


def logged(mlflow: Any, *files: Path, folder: str | None = "outputs", ended: int | None = LONG_AGO) -> str:
    """A run that has logged files."""
    tags = {"mlflow.source.git.commit": COMMIT, "mlflow.source.git.repoURL": "https://git.example.org/wrist"}
    run = mlflow.create_run("0", tags=tags, run_name="evaluation").info.run_id
    mlflow.log_param(run, "lr", 0.1)
    for file in files:
        mlflow.log_artifact(run, str(file), folder)
    if ended is not None:
        mlflow.set_terminated(run, end_time=ended)
    return str(run)


def pointed(study: Path, root: str, address: str, more: str = "") -> Path:
    """The study with v2's outputs at an address below a root."""
    text = STUDY.replace("{file: data/test_v2.csv}", address)
    roots = f"roots: {{data: data, tracked: '{root}'}}\n{more}sources:\n"
    (study / "study.yaml").write_text(text.replace("sources:\n", roots, 1))
    return study


def answer(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    assert main([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], study: Path) -> str:
    (violation,) = answer(capsys, "check", str(study), code=4)["error"]["violations"]
    return str(violation["message"])


def test_outputs_of_an_mlflow_run(make_study, mlflow, capsys) -> None:
    study: Path = make_study()
    local = answer(capsys, "run", str(study))
    there = study / "data" / "test_v2.csv"
    run = logged(mlflow, there)
    sha256 = tracked_files.LocalFile(there, "").sha256()
    there.unlink()
    address = f"mlflow://{run}/outputs/test_v2.csv"
    pointed(study, f"mlflow://{run}", f"{{file: '{address}'}}")
    assert answer(capsys, "run", str(study))["endpoints"] == local["endpoints"]
    results = Results.latest(study)
    assert results.folder is not None
    manifest = json.loads((results.folder / "manifest.json").read_text())
    (entry,) = (one for one in manifest["inputs"] if one["version"] == "v2")
    assert [(file["path"], file["sha256"]) for file in entry["files"]] == [(address, sha256)]
    first, second = manifest["versions"]
    assert "runs" not in first
    expected = {
        "tracker": "mlflow",
        "run": run,
        "name": "evaluation",
        "repository": "https://git.example.org/wrist",
        "commit": COMMIT,
        "parameters": {"lr": "0.1"},
        "files": ["outputs/test_v2.csv"],
    }
    assert second["runs"] == [expected]
    outputs = answer(capsys, "check", str(study))["outputs"]
    assert [one["runs"] for one in outputs] == [[], [expected]]
    assert main(["check", str(study)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"mlflow run {run}, commit {COMMIT}" in printed
    assert dict(artefacts.facts(None, runs=second["runs"])) == {
        "Outputs from": f"MLflow, run {run}, evaluation, https://git.example.org/wrist, commit {COMMIT}",
        "Parameters of the run": "lr 0.1",
    }


def test_the_report_says_which_run(make_study, mlflow, tmp_path: Path) -> None:
    study = make_study()
    run = logged(mlflow, study / "data" / "test_v2.csv")
    pointed(study, "mlflow://", f"{{file: 'mlflow://{run}/outputs/test_v2.csv'}}")
    assert main(["run", str(study)]) == 0
    assert main(["report", str(study), "--format", "html", "--output", str(tmp_path / "out")]) == 0
    (page,) = (tmp_path / "out").glob("*.html")
    assert f"MLflow, run {run}, evaluation" in page.read_text()


def test_a_copy_serves_until_the_run_changes(
    make_study, mlflow, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    fetched: list[str] = []
    original = MlflowRun.fetch

    def spy(self: MlflowRun, path: str, folder: Path) -> Path:
        fetched.append(path)
        return original(self, path, folder)

    monkeypatch.setattr(MlflowRun, "fetch", spy)
    study = make_study()
    file = study / "data" / "test_v2.csv"
    run = logged(mlflow, file)
    pointed(study, "mlflow://", f"{{file: 'mlflow://{run}/outputs/test_v2.csv'}}")
    before = answer(capsys, "check", str(study))["outputs"][1]["sha256"]
    answer(capsys, "check", str(study))
    assert fetched == ["outputs/test_v2.csv"], "the second time the copy serves"
    (copy,) = (study / ".accordance" / "cache" / "tracked").glob("*/test_v2.csv")
    copy.write_text(copy.read_text().replace("61.2", "99.9"))
    assert answer(capsys, "check", str(study))["outputs"][1]["sha256"] == before
    assert len(fetched) == 2, "a copy that somebody changed is no copy"
    file.write_text(file.read_text().replace("61.2", "99.9"))  # the same size
    mlflow.log_artifact(run, str(file), "outputs")
    assert answer(capsys, "check", str(study))["outputs"][1]["sha256"] == before
    error = answer(capsys, "check", str(study), "--rehash", code=5)["error"]
    assert f"mlflow://{run}/outputs/test_v2.csv" in error["message"]
    mlflow.set_terminated(run, end_time=LONG_AGO + 1000)
    assert answer(capsys, "check", str(study))["outputs"][1]["sha256"] != before


def test_a_run_that_goes_on_is_asked_every_time(make_study, mlflow, capsys) -> None:
    study = make_study()
    file = study / "data" / "test_v2.csv"
    run = logged(mlflow, file, ended=None)
    pointed(study, "mlflow://", f"{{file: 'mlflow://{run}/outputs/test_v2.csv'}}")
    before = answer(capsys, "check", str(study))["outputs"][1]["sha256"]
    file.write_text(file.read_text().replace("61.2", "99.9"))
    mlflow.log_artifact(run, str(file), "outputs")
    assert answer(capsys, "check", str(study))["outputs"][1]["sha256"] != before


def test_several_parquet_files_of_a_run(make_study, mlflow, tmp_path: Path, capsys) -> None:
    study = make_study()
    whole = answer(capsys, "check", str(study))["outputs"][1]["sha256"]
    frame = pl.read_csv(study / "data" / "test_v2.csv", schema_overrides={"subject": pl.String})
    for number, part in enumerate((frame[:5], frame[5:])):
        (tmp_path / "parts" / f"part={number}").mkdir(parents=True)
        part.write_parquet(tmp_path / "parts" / f"part={number}" / "rows.parquet")
    run = logged(mlflow)
    mlflow.log_artifacts(run, str(tmp_path / "parts"), "outputs/rows")
    mlflow.log_dict(run, {}, "outputs/notes.json")
    mlflow.log_artifact(run, str(study / "data" / "test_v1.csv"), "outputs/rows/.checkpoints")
    for source in ("{glob: 'mlflow://RUN/outputs/**/*.parquet'}", "{folder: 'mlflow://RUN/outputs/rows'}"):
        pointed(study, f"mlflow://{run}/outputs", source.replace("RUN", run))
        found = answer(capsys, "check", str(study))["outputs"][1]
        assert found["sha256"] == whole
        files = [f"outputs/rows/part={number}/rows.parquet" for number in (0, 1)]
        assert [one["files"] for one in found["runs"]] == [files]


def test_what_is_wrong_is_one_clear_message(
    make_study, mlflow, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    study = make_study()
    run = logged(mlflow, study / "data" / "test_v1.csv", study / "data" / "test_v2.csv")

    def said(root: str, address: str) -> str:
        return refused(capsys, pointed(study, root, f"{{file: '{address}'}}"))

    absent = said("mlflow://", f"mlflow://{'0' * 32}/outputs/test_v2.csv")
    assert absent.startswith("there is no such run in MLflow: ")
    lacking = said("mlflow://", f"mlflow://{run}/outputs/test_v3.csv")
    assert lacking == "there is no such file; there are: outputs/test_v1.csv, outputs/test_v2.csv."
    assert "expected mlflow://RUN_ID/path" in said("mlflow://", f"mlflow://{run}")
    assert "lies outside the declared roots" in said("mlflow://other", f"mlflow://{run}/outputs/test_v2.csv")
    assert "may not contain `..`" in said("mlflow://", f"mlflow://{run}/../x.csv")
    assert "is CSV or Parquet" in said("mlflow://", f"mlflow://{run}/outputs/x.edf")
    monkeypatch.setitem(sys.modules, "mlflow", None)  # as if it were not installed
    assert 'pip install "accordance[mlflow]"' in said("mlflow://", f"mlflow://{run}/outputs/test_v2.csv")


def test_no_server_is_named(make_study, mlflow, monkeypatch, tmp_path: Path, capsys) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")  # MLflow's default lies there
    study = pointed(make_study(), "mlflow://", "{file: 'mlflow://1f0c/test.csv'}")
    said = answer(capsys, "check", str(study), code=74)["error"]["message"]
    assert "no server is named in MLFLOW_TRACKING_URI" in said
    assert "install the whole of mlflow" in said


@pytest.mark.parametrize(
    ("root", "more", "key", "words"),
    [
        ("mlflow://user:secret@host/x", "", "roots.tracked", "holds credentials"),
        ("wandb://team/../x", "", "roots.tracked", "may not contain `..`"),
        ("mlflow://", "stores: {tracked: {region: eu}}\n", "stores.tracked.region", "accepted: endpoint"),
        ("comet://x", "", "roots.tracked", "`mlflow://...` or `wandb://...`"),
    ],
)
def test_roots_that_cannot_be(make_study, capsys, root: str, more: str, key: str, words: str) -> None:
    study = pointed(make_study(), root, "{file: data/test_v2.csv}", more)
    found = answer(capsys, "check", str(study), code=4)["error"]["violations"]
    assert any(one["key"] == key and words in one["message"] for one in found)
    assert "secret" not in json.dumps(found)


def test_an_mlflow_server_that_cannot_be_reached(
    make_study, mlflow, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    more = "stores: {tracked: {endpoint: 'http://127.0.0.1:9'}}\n"
    study = pointed(make_study(), "mlflow://", "{file: 'mlflow://1f0c/test.csv'}", more)
    said = answer(capsys, "check", str(study), code=74)["error"]["message"]
    assert said.startswith("mlflow://1f0c/test.csv: cannot be read from MLflow: ")
    assert "127.0.0.1" in said
    assert "\n" not in said


def test_outputs_of_an_artifact(
    make_study, wandb, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    from .wandb_server import KEY, serving  # noqa: PLC0415 - loads the library

    study = make_study()
    local = answer(capsys, "run", str(study))
    there = study / "data" / "test_v2.csv"
    content = there.read_bytes()
    there.unlink()
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with serving({"test/v2.csv": content, "notes.txt": b"x"}, tmp_path / "files") as server:
        more = f"stores: {{tracked: {{endpoint: '{server.url}'}}}}\n"
        address = "wandb://team/proj/outputs:v3/test/v2.csv"
        pointed(study, "wandb://team/proj", f"{{file: '{address}'}}", more)
        assert answer(capsys, "run", str(study))["endpoints"] == local["endpoints"]
        (outputs,) = (one for one in answer(capsys, "check", str(study))["outputs"] if one["runs"])
        assert outputs["runs"] == [
            {
                "tracker": "wandb",
                "artifact": "team/proj/outputs:v3",
                "version": "v3",
                "run": "r1u2n3",
                "name": "evaluation",
                "repository": None,
                "commit": "4f2c91a0",
                "parameters": {"depth": 4, "lr": 0.1},
                "files": ["test/v2.csv"],
            }
        ]
        assert sum(one.startswith("/artifactsV2") for one in server.asked) == 1, "downloaded once"
        assert KEY not in json.dumps(outputs)
        pointed(study, "wandb://", "{file: 'wandb://team/proj/outputs:v9/test/v2.csv'}", more)
        assert refused(capsys, study).startswith("there is no such artifact in Weights & Biases: ")
        pointed(study, "wandb://", "{file: 'wandb://team/proj/outputs:latest/test/v3.csv'}", more)
        assert refused(capsys, study) == "there is no such file; there are: notes.txt, test/v2.csv."
        pointed(study, "wandb://", "{file: 'wandb://team/proj/outputs/test/v3.csv'}", more)
        assert "expected wandb://ENTITY/PROJECT/NAME:VERSION/path" in refused(capsys, study)


def test_an_alias_that_moves_on_is_seen(
    make_study, wandb, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    from .wandb_server import KEY, serving  # noqa: PLC0415 - loads the library

    study = make_study()
    content = (study / "data" / "test_v2.csv").read_bytes()
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with serving({"v2.csv": content}, tmp_path / "files") as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        server.run = False
        pointed(study, "wandb://", "{file: 'wandb://team/proj/outputs:latest/v2.csv'}")
        first = answer(capsys, "check", str(study))["outputs"][1]
        assert (first["runs"][0]["run"], first["runs"][0]["parameters"]) == (None, {})
        server.files["v2.csv"] = content.replace(b"61.2", b"99.9")
        second = answer(capsys, "check", str(study))["outputs"][1]
        assert first["sha256"] != second["sha256"]


def test_nobody_logged_in(make_study, wandb, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    study = pointed(make_study(), "wandb://", "{file: 'wandb://team/proj/outputs:v3/v2.csv'}")
    said = answer(capsys, "check", str(study), code=74)["error"]["message"]
    assert said.startswith("wandb://team/proj/outputs:v3/v2.csv: cannot be read from Weights & Biases: ")
    assert "API key" in said
