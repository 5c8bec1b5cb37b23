"""`accordance compare` as it is typed: what it prints, its JSON, its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from accordance.app.cli import main

PROTOCOL = """\
schema: accordance/protocol/1
id: versions
version: "1"
title: Versions of a heart rate
intended_use: Heart rate.
objective: To compare versions.
tables:
  reference:
    key: [subject, epoch]
    columns: {subject: {type: text}, epoch: {type: integer}, rate: {type: number, unit: 1/min}}
  test:
    key: [subject, epoch]
    columns: {subject: {type: text}, epoch: {type: integer}, rate: {type: number, unit: 1/min}}
pairings: {epochs: {on: [subject, epoch]}}
resampling: {replicates: 500}
seed: 11
endpoints:
  mae: {title: Error, role: secondary, metric: mae, average: pooled}
  rmse: {title: RMSE, role: secondary, metric: rmse, average: pooled}
comparison:
  endpoints: {mae: {margin: 1}, rmse: {scale: ratio, margin: 1.2}}
"""
STUDY = """\
schema: accordance/study/1
id: versions
title: Versions
protocol: protocol.yaml
sources: {reference: {file: data/reference.csv}}
algorithm:
  name: Wrist
  versions:
    v1: {sources: {test: {file: data/v1.csv}}}
    v2: {sources: {test: {file: data/v2.csv}}}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    keys = {"subject": [f"s{i}" for i in range(12) for _ in range(3)], "epoch": [0, 1, 2] * 12}
    rate = [60.0 + i for i in range(36)]
    off = [3 + (i % 5) / 10 for i in range(36)]
    frames = {"reference": rate, "v1": [a + b for a, b in zip(rate, off, strict=True)]}
    frames["v2"] = [a + b / 2 + (i % 7) / 20 for i, (a, b) in enumerate(zip(rate, off, strict=True))]
    for name, column in frames.items():
        pl.DataFrame({**keys, "rate": column}).write_csv(tmp_path / "data" / f"{name}.csv")
    (tmp_path / "protocol.yaml").write_text(PROTOCOL)
    (tmp_path / "study.yaml").write_text(STUDY)
    return tmp_path


def test_what_it_prints(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["compare", str(study), "--baseline", "v1", "--candidate", "v2"]) == 0
    printed = capsys.readouterr()
    assert "v2 against v1: Superior on every primary endpoint" in printed.out
    assert "Improvement of v2 over v1, positive is better; 95% intervals" in printed.out
    ratio = next(line for line in printed.out.splitlines() if line.startswith("rmse"))
    assert "x 1." in ratio and "x 1.2000" in ratio and "superior" in ratio
    assert "Decisions of primary endpoints are adjusted (maximal t) for 2 comparisons." in printed.out
    assert "Comparison: " in printed.out
    assert "preparing mae" in printed.err


def test_a_narrow_terminal_gets_lines_instead_of_columns(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["compare", str(study), "--baseline", "v1", "--candidate", "v2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60 or "comparisons" in max(lines, key=len)  # a path is not broken
    start = lines.index("mae")
    assert lines[start + 1].startswith("  v1: 3.1")
    assert "Decision: superior" in " ".join(lines[start + 1 : start + 5])


def test_its_json(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(study), "--baseline", "v1", "--json", "--level", "0.9"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["decisions"]["v2"]["decision"] == "superior"
    assert answer["level"] == 0.9
    assert (Path(answer["folder"]) / "comparison.json").is_file()


def test_an_inferior_candidate_is_a_completed_comparison(study: Path) -> None:
    assert main(["compare", str(study), "--baseline", "v2", "--candidate", "v1"]) == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--baseline", "v1", "--candidate", "v1"], 2, "cannot be a candidate"),
        (["--baseline", "v3"], 2, "there is no version `v3`"),
        (["--candidate", "v2"], 2, "--baseline"),
    ],
)
def test_usage(
    study: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    assert main(["compare", str(study), *words]) == code
    assert message in capsys.readouterr().err


def test_different_units_violate_the_contract_unless_asked_for(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = study / "data" / "v2.csv"
    pl.read_csv(file).slice(2).write_csv(file)
    words = ["compare", str(study), "--baseline", "v1", "--candidate", "v2"]
    assert main(words) == 4
    refused = capsys.readouterr().err
    assert "`v2` lacks 2 units that `v1` has; most affected: s0 (2)" in " ".join(refused.split())
    assert "--overlap" in refused
    assert main([*words, "--overlap"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Left out, mae, rmse: `v2` lacks 2 units" in printed
