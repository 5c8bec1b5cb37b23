"""`--json`: one object on standard output for every verb, nothing else anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from accordance.app.cli import main


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, Any]:
    """The object that a command answers with."""
    capsys.readouterr()
    assert main([*map(str, words), "--json"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    answer: dict[str, Any] = json.loads(
        shown.out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON")
    )
    return answer


def test_a_study_from_check_to_explain(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checked = said(capsys, "check", tiny)
    assert checked["protocol"]["id"] == "tiny"
    assert {(table["table"], table["rows"]) for table in checked["tables"]} == {
        ("subjects", 4), ("reference", 7), ("test", 7),
    }  # fmt: skip
    assert said(capsys, "lock", tiny, "--who", "A. Tester")["lock"]["who"] == "A. Tester"
    ran = said(capsys, "run", tiny)
    assert (ran["decision"], ran["locked"], ran["exit_code"]) == ("met", True, 0)
    assert Path(ran["folder"], "results.parquet").is_file()
    assert [row["endpoint"] for row in ran["endpoints"]][:2] == ["closeness", "alarms"]
    gated = said(capsys, "gate", tiny)
    assert (gated["decision"], gated["exit_code"], gated["run"]) == ("met", 0, ran["run"])
    explained = said(capsys, "explain", tiny, "closeness")
    assert explained["row"]["row_id"] == ran["endpoints"][0]["row_id"]


def test_report_names_its_files(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = said(capsys, "run", tiny)["folder"]
    made = said(capsys, "report", run, "--format", "html", "--output", tmp_path / "out")
    assert any(name.endswith("report.html") for name in made["files"])
    assert not any(name.endswith("report.pdf") for name in made["files"])
    assert all(Path(name).is_file() for name in made["files"])


def test_protocols(capsys: pytest.CaptureFixture[str]) -> None:
    listed = said(capsys, "protocols", "list")["protocols"]
    assert listed
    shown = said(capsys, "protocols", "show", listed[0]["id"])
    assert shown["protocol"]["id"] == listed[0]["id"]
    assert len(shown["sha256"]) == 64
    schema = said(capsys, "protocols", "schema")
    assert schema["title"] == "Accordance protocol"
    assert "Endpoint" in schema["$defs"]


def test_init_lists_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = said(capsys, "init", tmp_path / "new", "--example", "pefr-1986")
    assert "study.yaml" in made["files"]
    assert (tmp_path / "new" / "study.yaml").is_file()


@pytest.mark.parametrize("words", [["run", "--bogus"], ["run", "/nowhere/at/all"], ["sign"]])
def test_errors_are_objects_too(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--json"]) == 2
    shown = capsys.readouterr()
    assert shown.err == ""
    assert json.loads(shown.out)["error"]["kind"] == "usage"
