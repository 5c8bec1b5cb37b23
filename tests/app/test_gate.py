"""The verb `gate`: which results it asks, its options, its files and what it says."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from comparison_documents import comparison, row, write

from accordance.app.cli import main

Capture = pytest.CaptureFixture[str]


def said(capsys: Capture, *words: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    capsys.readouterr()
    code = main([*map(str, words)])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


@pytest.mark.parametrize(("decision", "code"), [("superior", 0), ("inferior", 1), ("inconclusive", 3)])
def test_a_comparison_folder_and_the_latest_of_a_study(
    tmp_path: Path, decision: str, code: int, capsys: Capture
) -> None:
    write(comparison(row("not_evaluable")), tmp_path, "20250101T000000Z_00000000")
    place = write(comparison(row(decision)), tmp_path)
    by_folder = said(capsys, "gate", place)
    by_study = said(capsys, "gate", tmp_path, "--comparison")
    assert by_folder == by_study
    assert by_folder[0] == code
    assert by_folder[1].splitlines()[0].startswith("v2 against v1: ")
    assert by_folder[1].splitlines()[-1].startswith("The gate is ")


def test_files_are_written_before_a_failure(tmp_path: Path, capsys: Capture) -> None:
    place = write(comparison(row("inferior")), tmp_path)
    junit, summary = tmp_path / "out" / "junit.xml", tmp_path / "out" / "summary.md"
    for _ in range(2):  # an earlier answer is written anew
        code, _, _ = said(capsys, "gate", place, "--junit", junit, "--summary", summary)
        assert code == 1
    assert {file.name for file in junit.parent.iterdir()} == {"junit.xml", "summary.md"}
    assert ElementTree.parse(junit).getroot()[0].get("failures") == "1"
    assert "**The gate is closed.**" in summary.read_text(encoding="utf-8")


def test_a_summary_names_the_report_that_is_there(tmp_path: Path, capsys: Capture) -> None:
    place = write(comparison(row("superior")), tmp_path)
    (place / "report.html").write_text("", encoding="utf-8")
    said(capsys, "gate", place, "--summary", tmp_path / "summary.md")
    assert f"Report: `{place / 'report.html'}`" in (tmp_path / "summary.md").read_text(encoding="utf-8")


def test_files_that_cannot_be_written_are_74(tmp_path: Path, capsys: Capture) -> None:
    place = write(comparison(row("superior")), tmp_path)
    (tmp_path / "file").write_text("", encoding="utf-8")
    code, out, err = said(capsys, "gate", place, "--junit", tmp_path / "file" / "junit.xml")
    assert (code, out) == (74, "")
    assert "cannot be written" in err


def test_the_answer_as_an_object(tmp_path: Path, capsys: Capture) -> None:
    place = write(comparison(row("inconclusive")), tmp_path)
    code, out, err = said(capsys, "gate", place, "--inconclusive", "warn", "--json")
    answer = json.loads(out)
    assert (code, err) == (0, "")
    assert (answer["exit_code"], answer["decision"], answer["decisions"]) == (
        0, "inconclusive", {"v2": "inconclusive"},
    )  # fmt: skip
    assert [check["state"] for check in answer["checks"]] == ["warned"]
    assert len(answer["warnings"]) == 1


def test_warnings_are_visible(tmp_path: Path, capsys: Capture) -> None:
    place = write(comparison(row("inconclusive")), tmp_path)
    code, out, err = said(capsys, "gate", place, "--inconclusive", "warn")
    assert code == 0
    assert err.startswith("warning: sensitivity, v2: inconclusive")
    assert out.endswith("The gate is open.\n")


def test_requirements_repeat(tmp_path: Path, capsys: Capture) -> None:
    place = write(comparison(row("non_inferior"), row("superior", "mape")), tmp_path)
    options = ("--require", "sensitivity=superior", "--require", "v2:mape=superior")
    assert said(capsys, "gate", place, *options)[0] == 1
    code, _, err = said(capsys, "gate", place, "--require", "mpae=superior", "--require", "mape=superor")
    assert code == 2
    assert "Did you mean `mape`?" in err
    assert "Did you mean `superior`?" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--inconclusive", "ignore"], "neither warn nor fail"),
        (["--comparison"], ""),
    ],
)
def test_options_of_a_comparison(tmp_path: Path, words: list[str], message: str, capsys: Capture) -> None:
    place = write(comparison(row("superior")), tmp_path)
    code, _, err = said(capsys, "gate", place, *words)
    assert code == (2 if message else 0)
    assert message in err


def test_a_run_is_asked_as_before(tiny: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main(["run", str(tiny)]) == 0
    junit, summary = tmp_path / "junit.xml", tmp_path / "summary.md"
    code, out, _ = said(capsys, "gate", tiny, "--junit", junit, "--summary", summary)
    assert (code, out.splitlines()[0]) == (0, "Success criterion demonstrated: yes")
    assert "| passes | Bias of heart rate (`closeness`): " in summary.read_text(encoding="utf-8")
    assert ElementTree.parse(junit).getroot()[0].get("name") == "deciding"
    assert said(capsys, "gate", tiny, "--require", "closeness=met")[0] == 0
    for wrong, message in (
        (["--require", "alarms=met"], "has no criterion"),
        (["--inconclusive", "warn"], "is about comparisons"),
        (["--comparison"], "accordance compare"),
    ):
        code, _, err = said(capsys, "gate", tiny, *wrong)
        assert (code, message in err) == (2, True)
    (folder,) = (tiny / "runs").glob("[0-9]*")
    code, _, err = said(capsys, "gate", folder, "--comparison")
    assert (code, "is a run" in err) == (2, True)


def test_a_study_with_comparisons_only_says_so(tmp_path: Path, capsys: Capture) -> None:
    write(comparison(row("superior")), tmp_path)
    code, _, err = said(capsys, "gate", tmp_path)
    assert (code, "--comparison asks the latest of them" in err) == (2, True)
