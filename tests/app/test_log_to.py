"""`accordance compare --log-to`: what MLflow and Weights & Biases hold afterwards, read from their stores."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from accordance.app.cli import main
from accordance.studies import tracked
from accordance.studies.comparison_folder import Comparison

from .test_compare import PROTOCOL, STUDY

SUBGROUPS = PROTOCOL.replace("pairings:", "PAIRINGS", 1).replace(
    "  reference:\n",
    "  subjects:\n    key: [subject]\n    columns:\n      subject: {type: text}\n"
    "      skin: {type: category, levels: [I/II, III+, VI]}\n  reference:\n",
    1,
)
SUBGROUPS = SUBGROUPS.replace("PAIRINGS", "subgroups: {skin: {by: skin}}\npairings:")
SUBGROUPS = SUBGROUPS.replace("metric: mae,", "metric: mae, subgroups: [skin],")
TWO = STUDY.replace("sources: {", "sources: {subjects: {file: data/subjects.csv}, ", 1)
TWO += "    v3: {sources: {test: {file: data/v3.csv}}}\n"
NAMES = [f"person-{i:02d}-x" for i in range(13)]


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two candidates, subgroups of which one is a single subject, and a subject that v2 lacks."""
    folder = tmp_path / "study"
    (folder / "data").mkdir(parents=True)
    keys = {"subject": [name for name in NAMES for _ in range(3)], "epoch": [0, 1, 2] * 13}
    rate = [60.0 + i for i in range(39)]
    off = [3 + (i % 5) / 10 for i in range(39)]
    frames = {"reference": rate, "v1": [a + b for a, b in zip(rate, off, strict=True)]}
    frames["v2"] = [a + b / 2 + (i % 7) / 20 for i, (a, b) in enumerate(zip(rate, off, strict=True))]
    frames["v3"] = [a + b * 2 + 0.12345678 for a, b in zip(rate, off, strict=True)]
    for name, column in frames.items():
        frame = pl.DataFrame({**keys, "rate": column})
        frame = frame.filter(pl.col("subject") != NAMES[12]) if name == "v2" else frame
        frame.write_csv(folder / "data" / f"{name}.csv")
    skin = ["I/II"] * 6 + ["III+"] * 6 + ["VI"]
    pl.DataFrame({"subject": NAMES, "skin": skin}).write_csv(folder / "data" / "subjects.csv")
    (folder / "protocol.yaml").write_text(SUBGROUPS)
    (folder / "study.yaml").write_text(TWO)
    for name in [one for one in os.environ if one.startswith(("MLFLOW_", "WANDB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.setenv("WANDB_MODE", "offline")
    for name in ("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
        place = tmp_path / "wandb" / name.lower()
        place.mkdir(parents=True)
        monkeypatch.setenv(name, str(place))
    yield folder
    if "wandb" in sys.modules:
        sys.modules["wandb"].teardown()  # its service remembers the folders of the first run


def compare(study: Path, *more: str) -> int:
    return main(["compare", str(study), "--baseline", "v1", "--overlap", *more])


def runs() -> dict[str, Any]:
    """Candidate -> run, as MLflow's client finds them."""
    import mlflow  # noqa: PLC0415 - heavy

    client = mlflow.MlflowClient()
    found = client.search_runs([one.experiment_id for one in client.search_experiments()])
    return {run.data.params["candidate"]: run for run in found}


def records(file: Path) -> list[Any]:
    """Records of an offline run: a header of 7 bytes, then LevelDB's log format with protobuf messages."""
    from wandb.proto import wandb_internal_pb2  # noqa: PLC0415

    data, place, found, part = file.read_bytes(), 7, [], b""
    assert data[:4] == b":W&B"
    while place + 7 <= len(data):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        check, length, kind = struct.unpack("<IHB", data[place : place + 7])
        body = data[place + 7 : place + 7 + length]
        assert check == zlib.crc32(body, zlib.crc32(bytes([kind]))) & 0xFFFFFFFF
        part += body
        if kind in {1, 4}:  # whole, or the last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(part)
            found.append(record)
            part = b""
        place += 7 + length
    return found


def everything(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file())


def test_mlflow_has_a_run_for_each_candidate(study: Path, tmp_path: Path, capsys) -> None:
    assert compare(study, "--log-to", "mlflow", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    found = Comparison.latest(study)
    logged = runs()
    assert set(logged) == {"v2", "v3"}
    assert [(one["to"], one["candidate"]) for one in answer["logged"]] == [("mlflow", "v2"), ("mlflow", "v3")]
    assert [one["run"] for one in answer["logged"]] == [logged[name].info.run_id for name in ("v2", "v3")]
    for candidate, run in logged.items():
        mae, rmse = found.of("mae", candidate), found.of("rmse", candidate)
        metrics = run.data.metrics
        assert metrics["mae.mae.baseline"] == mae["baseline_value"]
        assert metrics["mae.mae.candidate"] == mae["candidate_value"]
        assert metrics["mae.mae.improvement"] == mae["improvement"]["estimate"]
        assert metrics["mae.mae.improvement.lower"] == mae["improvement"]["lower"]
        assert metrics["mae.mae.improvement.adjusted.upper"] == mae["adjusted"]["upper"]
        assert metrics["mae.mae.margin"] == 1
        assert metrics["rmse.rmse.improvement.limit"] == rmse["limit"]
        assert metrics["rmse.rmse.n_subjects"] == (12 if candidate == "v2" else 13)
        (light,) = (part for part in mae["subgroups"] if part["level"] == "I/II")
        assert metrics["mae.mae.skin_I_II.improvement.lower"] == light["improvement"]["lower"]
        assert metrics["mae.mae.skin_III_.n_subjects"] == 6
        assert not any("skin_VI" in name for name in metrics), "a single subject's values"
        assert run.data.tags["decision"] == found.decision(candidate)
        assert run.data.tags["decision.mae"] == mae["decision"]
        assert run.data.tags["accordance.place"] == str(found.folder)
        assert run.info.status == "FINISHED"
        assert run.data.params == {
            "study": "versions",
            "algorithm": "Wrist",
            "baseline": "v1",
            "candidate": candidate,
            "level": "0.95",
            "multiplicity": "max_t",
            "comparison": found.run_id,
            "protocol_sha256": found.document["protocol_sha256"],
            "manifest_sha256": sha256(found, "manifest.json"),
        }
    (file,) = {one.read_text() for one in (tmp_path / "mlruns").rglob("comparison.json")}
    assert json.loads(file)["extract_of"] == sha256(found, "comparison.json")
    assert json.loads(file)["comparisons"][0]["improvement"] == found.comparisons[0]["improvement"]


def sha256(found: Comparison, name: str) -> str:
    from hashlib import sha256 as digest  # noqa: PLC0415

    assert found.folder is not None
    return digest((found.folder / name).read_bytes()).hexdigest()


def test_weights_and_biases_offline(study: Path, tmp_path: Path, capsys) -> None:
    assert compare(study, "--log-to", "wandb", "--candidate", "v3") == 0
    assert "Logged to wandb: v3, run " in capsys.readouterr().out
    found = Comparison.latest(study)
    (file,) = tmp_path.rglob("*.wandb")
    told = records(file)
    (run,) = {one.run.run_id: one.run for one in told if one.HasField("run")}.values()
    assert (run.run_group, run.job_type, run.display_name) == (found.run_id, "compare", "v3 against v1")
    assert list(run.tags) == [found.decision("v3")]
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert config["manifest_sha256"] == sha256(found, "manifest.json")
    assert (config["level"], config["place"]) == (0.95, str(found.folder))
    (history,) = (one.history for one in told if one.HasField("history"))
    metrics = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in history.item}
    mae = found.of("mae", "v3")
    assert metrics["mae_mae_improvement"] == mae["improvement"]["estimate"]
    assert metrics["mae_mae_improvement_adjusted_lower"] == mae["adjusted"]["lower"]
    assert metrics["mae_mae_skin_I_II_n_subjects"] == 6
    summary = {
        item.key: json.loads(item.value_json)
        for one in told
        if one.HasField("summary")
        for item in one.summary.update
    }
    assert summary["decision"] == found.decision("v3")
    assert summary["decision_rmse"] == found.of("rmse", "v3")["decision"]
    (artifact,) = (one.artifact for one in told if one.HasField("artifact"))
    assert artifact.type == "accordance-comparison"
    assert [entry.path for entry in artifact.manifest.contents] == ["comparison.json"]
    kinds = {one.WhichOneof("record_type") for one in told}
    assert not kinds & {"output", "output_raw", "stats", "environment"}, (
        "nothing of the machine or the terminal"
    )
    assert not run.host


def test_a_mode_that_keeps_nothing_is_said(study: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert compare(study, "--log-to", "wandb", "--candidate", "v2") == 0
    assert "(nothing kept: WANDB_MODE is disabled)" in capsys.readouterr().out
    assert not list(study.parent.rglob("*.wandb"))


def test_candidates_are_runs_of_their_own(study: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("WANDB_RUN_ID", "pipeline")
    monkeypatch.setenv("WANDB_RESUME", "allow")
    assert compare(study, "--log-to", "wandb") == 0
    ids = [
        one.run.run_id for file in tmp_path.rglob("*.wandb") for one in records(file) if one.HasField("run")
    ]
    assert len(set(ids)) == 2
    assert "pipeline" not in ids


def test_nothing_of_a_subject_goes_out(study: Path, tmp_path: Path) -> None:
    assert compare(study, "--log-to", "mlflow", "--log-to", "wandb") == 0
    found = Comparison.latest(study)
    assert found.folder is not None
    assert NAMES[12] in (found.folder / "comparison.json").read_text(), "it says whom v2 lacks"
    sent = everything(tmp_path / "mlruns") + everything(tmp_path / "wandb")
    assert found.run_id.encode() in sent
    assert not any(name.encode() in sent for name in NAMES)
    values = found.subjects.filter(pl.col("n_units") > 0)["candidate_value"].drop_nulls().unique()
    groups = {value for one in found.comparisons for value in (one["baseline_value"], one["candidate_value"])}
    own = [repr(value).encode() for value in values if value not in groups and len(repr(value)) > 8]
    assert own
    assert not any(value in sent for value in own)
    assert b"subjects.parquet" not in sent


def test_a_single_subject_is_no_group(study: Path) -> None:
    assert compare(study, "--candidate", "v3") == 0
    found = Comparison.latest(study)
    every = {part["label"] for one in found.comparisons for part in one["subgroups"]}
    assert every == {"skin=I/II", "skin=III+", "skin=VI"}
    told = {part["label"] for one in tracked.extract(found)["comparisons"] for part in one["subgroups"]}
    assert told == {"skin=I/II", "skin=III+"}


def test_names_that_would_be_the_same_are_told_apart() -> None:
    made = tracked.names({("a", "x<1"): 1.0, ("a", "x>1"): 2.0}, refused=r"\W", joint=".")
    assert made == {"a.x_1": 1.0, "a.x_1_2": 2.0}
    long = tracked.names({("a" * 300, "b"): 1.0, ("a" * 300, "c"): 2.0}, refused=r"\W", joint=".")
    assert len(long) == 2
    assert all(len(name) <= 250 for name in long)


def test_the_experiment_that_the_environment_names(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow  # noqa: PLC0415

    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "releases")
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    assert compare(study, "--log-to", "mlflow", "--candidate", "v2") == 0
    (run,) = runs().values()
    experiment = mlflow.MlflowClient().get_experiment_by_name("releases")
    assert run.info.experiment_id == experiment.experiment_id
    assert run.data.tags["mlflow.parentRunId"] == "0" * 32


def test_a_library_that_is_not_there(study: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)  # as if it were not installed
    assert compare(study, "--log-to", "mlflow", "--log-to", "comet") == 2
    said = capsys.readouterr().err
    assert 'pip install "accordance[mlflow]"' in said
    assert "`comet` is none of mlflow, wandb" in said
    assert not (study / "comparisons").exists(), "nothing was computed"


def test_a_tracker_that_cannot_be_reached(study: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:my-secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert compare(study, "--log-to", "mlflow", "--log-to", "wandb", "--json") == 74
    error = json.loads(capsys.readouterr().out)["error"]
    found = Comparison.latest(study)
    assert error["exit_code"] == 74
    start = f"the comparison is written ({found.folder}), but it could not be logged. MLflow: "
    assert error["message"].startswith(start)
    assert "127.0.0.1" in error["message"]
    assert "\n" not in error["message"]
    assert "my-secret" not in error["message"]
    assert list(study.parent.rglob("*.wandb")), "the other tracker was logged to"


OUTSIDE = """
import json, os, socket, sys
from pathlib import Path
from accordance.datasets.trackers import MLFLOW, WANDB

asked = []
def connect(self, address, _real=socket.socket.connect):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1"):
        asked.append(str(address))
        raise OSError("no network in this test")
    return _real(self, address)
def resolve(host, *more, _real=socket.getaddrinfo, **named):
    if host not in ("127.0.0.1", "localhost", "::1"):
        asked.append(str(host))
        raise OSError("no network in this test")
    return _real(host, *more, **named)
socket.socket.connect, socket.getaddrinfo = connect, resolve
if "plain" in sys.argv:
    import mlflow
else:
    from accordance.app.cli import main
    assert main(["compare", sys.argv[1], "--baseline", "v1", "--overlap", *sys.argv[2:]]) == 0
    mlflow = sys.modules.get("mlflow")
    if mlflow is None and "wandb" not in sys.modules:
        print(json.dumps("nothing loaded"))
        raise SystemExit
from mlflow.telemetry.utils import is_telemetry_disabled
core = []
for one in Path("/proc").glob("[0-9]*"):
    try:
        words, parent = (one / "cmdline").read_bytes().split(b"\\0"), (one / "stat").read_text()
    except OSError:
        continue  # it has ended
    if words[0].endswith(b"wandb-core") and int(parent.rpartition(")")[2].split()[1]) == os.getpid():
        core.append(words)
print(json.dumps({
    "disabled": is_telemetry_disabled(),
    "client": mlflow.telemetry.get_telemetry_client() is not None,
    "asked": asked,
    "wandb": [b"--no-observability" in words for words in core],
}))
"""


def outside(*arguments: str) -> Any:
    """Run in a process that no library takes for a test or for continuous integration."""
    keep = ("PATH", "HOME", "MLFLOW_", "WANDB_")
    environment = {name: value for name, value in os.environ.items() if name.startswith(keep)}
    for name in ("MLFLOW_DISABLE_TELEMETRY", "WANDB_ERROR_REPORTING"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", OUTSIDE, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_no_library_reports_to_its_makers(study: Path) -> None:
    assert outside("plain")["disabled"] is False, "without us, it would"
    found = outside(str(study), "--log-to", "mlflow", "--log-to", "wandb")
    assert found["disabled"] is True
    assert found["client"] is False
    assert found["asked"] == []
    assert found["wandb"], "its service runs"
    assert all(found["wandb"])


def test_no_library_is_loaded_unless_asked_for(study: Path) -> None:
    assert outside(str(study)) == "nothing loaded"
