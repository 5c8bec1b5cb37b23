"""What a person reads in the terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from accordance.app.cli import app, main
from accordance.app.console import Output, jsonable, shown
from accordance.studies.contrasts import compared
from accordance.studies.results import Results
from accordance.studies.start import init


def test_run_prints_the_published_bias_and_sd(examples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bland and Altman, Lancet 1986; 327: 308: mean difference -2.1, SD 38.8 l/min (large minus mini)."""
    assert main(["run", str(examples / "pefr-1986")]) == 0
    printed = capsys.readouterr().out
    assert "2.1176" in printed
    assert "38.7651" in printed
    assert "Success criterion demonstrated: no" in printed
    assert "No locked plan" in printed
    assert "Not met; the interval leaves the goal open" in printed


def test_run_prints_every_view_and_version(examples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(examples / "spa-afib-ecg")]) == 0
    printed = capsys.readouterr().out
    assert "Success criterion demonstrated: yes" in printed
    assert "every result follows it" in printed
    for words in ("v1_1", "v1_0", "left out", "as positive", "as negative"):
        assert words in printed
    words = " ".join(printed.split())  # wherever the lines are broken
    assert (
        "Missing, sensitivity, specificity: 5 of 538 units, of 5 of 538 subjects, have no reference." in words
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_terminal(columns: int, examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    done = subprocess.run(
        [sys.executable, "-m", "accordance.app", "run", str(examples / "pefr-1986")],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    table = done.stdout.split("Estimates")[1].split("Run:")[0]
    assert max(map(len, table.splitlines())) <= columns
    assert "-117.5883 to -47.1096" in table, "an interval stays on one line"


def test_a_terminal_without_signs_is_no_error(examples: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "accordance.app", "run", str(examples / "pefr-1986")],
        capture_output=True, timeout=120, check=False, env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"2.1176" in done.stdout


def test_progress_goes_to_standard_error(examples: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(examples / "pefr-1986")]) == 0
    assert "evaluating bias" in capsys.readouterr().err


def test_protocols_show_prints_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "list"]) == 0
    name = capsys.readouterr().out.splitlines()[3].split()[0]
    assert main(["protocols", "show", name]) == 0
    assert capsys.readouterr().out.startswith(("#", "schema:"))
    assert main(["protocols", "show", "nothing-like-it"]) == 2


def test_demo_runs_twice_and_keeps_what_is_there(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "accordance.app", "demo", "my demo"]
    outputs = [
        subprocess.run(command, capture_output=True, text=True, timeout=200, check=True, cwd=tmp_path).stdout
        for _ in range(2)
    ]
    assert outputs[0].count("report.pdf") == 4, "as each is written, and in the list at the end"
    assert "lock    by" in outputs[0]
    assert outputs[1].count("kept as it is") == 2
    assert len(list((tmp_path / "my demo" / "pefr-1986" / "runs").iterdir())) == 2


def test_version() -> None:
    printed = CliRunner().invoke(app, ["--version"])
    assert (printed.exit_code, printed.output.split()[0]) == (0, "accordance")


def test_jsonable_keeps_json_valid() -> None:
    assert jsonable({1: float("nan"), "b": {"z", "a"}}) == {"1": None, "b": ["a", "z"]}


def test_paths_are_shown_as_one_would_type_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "a") == "a"
    assert shown(tmp_path.parent) == str(tmp_path.parent)


def test_output_as_json_says_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)
    output.text("words")
    output.show("more")
    output.answer({"a": 1})
    assert capsys.readouterr().out == '{\n  "a": 1\n}\n'


def test_run_prints_the_pair_of_groups_that_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Endpoints that are judged by pairs of groups decide like others, and stand in the list like others."""
    folder = tmp_path / "spo2"
    init(folder, example="spo2-fda2025")
    assert main(["run", str(folder)]) == 0
    results = Results.latest(folder)
    printed = capsys.readouterr().out.split("v1 (recalibrated): decides")[1].split("beside it")[0]
    for name, endpoint in results.protocol.endpoints.items():
        assert (f" {name}  " in printed) == (endpoint.criterion is not None), name
    entry = next(one for one in results.document["endpoints"] if one["id"] == "monk_low")
    judged = [row for row in entry["rows"] if row["row_id"] in entry["judged_rows"]]
    # the least room: the interval whose farther bound reaches farthest from no difference
    widest = max(judged, key=lambda row: max(abs(row["ci_lower"]), abs(row["ci_upper"])))
    assert entry["row_id"] == widest["row_id"]
    assert f"monk {' minus '.join(compared(widest))} decides among {len(judged)} pairs" in printed
