"""`calibrate` on the command line: a table for people, one object for programs, refusals as usage errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from accordance.app.calibrating import truths
from accordance.app.cli import main
from accordance.protocols.errors import UsageError


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published peak flow study with a run."""
    folder = tmp_path_factory.mktemp("calibrate") / "pefr"
    assert main(["init", str(folder), "--example", "pefr-1986"]) == 0
    assert main(["run", str(folder)]) == 0
    return folder


def test_a_table_for_people(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    assert main(["calibrate", str(study), "--studies", "20", "--endpoint", "bias"]) == 0
    said = capsys.readouterr()
    flat = " ".join(said.out.split())
    assert "-30.0000" in flat and "30.0000" in flat  # the limits
    assert "bias was moved by: the same number added to every test value" in flat
    assert "20 simulated studies of 17 subjects" in flat
    assert "simulating bias" in said.err


def test_one_object_for_programs(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["calibrate", str(study), "--studies", "20", "--endpoint", "bias", "--truth", "bias=10", "--json"]
    assert main(words) == 0
    answer = json.loads(capsys.readouterr().out)
    (one,) = answer["endpoints"]
    stated = next(scene for scene in one["scenarios"] if scene["scenario"] == "stated")
    assert stated["truth"] == pytest.approx(10)
    assert Path(answer["folder"]).name == answer["calibration"]
    assert (Path(answer["folder"]) / "calibration.json").is_file()


def test_refusals_are_usage_errors(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", str(study), "--endpoint", "bais"]) == 2
    assert "Did you mean `bias`?" in capsys.readouterr().err
    assert main(["calibrate", str(study), "--truth", "bias"]) == 2
    assert "`bias` is not `ID=VALUE`" in capsys.readouterr().err
    assert main(["calibrate", str(tmp_path)]) == 2


def test_all_truths_that_are_none_are_named() -> None:
    with pytest.raises(UsageError, match=r"`a=x`.*`b`"):
        truths(["a=x", "b", "c=1"])
