"""`accordance plan` and the verbs that find, compare and begin protocols."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from accordance.app.cli import main
from accordance.protocols import library
from accordance.studies.start import init

SIZE = """\
sample_size:
  alarms: {endpoint: alarms, method: proportion_precision, expected: 0.9, half_width: 0.1}
"""


@pytest.fixture
def spa(tmp_path: Path) -> Path:
    """The simulated study, without its data: a plan comes before them."""
    folder = tmp_path / "spa"
    init(folder, example="spa-afib-ecg")
    for file in (folder / "data").iterdir():
        file.unlink()
    return folder


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, Any]:
    """The object that a command answers with."""
    capsys.readouterr()
    assert main([*map(str, words), "--json"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    answer: dict[str, Any] = json.loads(shown.out)
    return answer


def test_a_plan_prints_reasons_steps_saw_tooth_and_total(
    spa: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    assert main(["plan", str(spa)]) == 0
    printed = capsys.readouterr().out
    for words in (
        "231 evaluable subjects have a power of 0.81641", "217 of them have to count as successes",
        "inconclusive results replaced", "Power is saw-toothed", "More can be less: with 242",
        "270 subjects, 243 of them evaluable on average: power 0.83889; enough",
        "Subjects to enrol: 465", "Planned: 540", "power at least 0.7505",
    ):  # fmt: skip
        assert words in printed, words
    assert [line.split()[:3] for line in printed.splitlines() if "first with enough" in line] == [
        ["231", "217", "0.8164"], ["177", "170", "0.8353"],
    ]  # fmt: skip


def test_a_plan_as_json(spa: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = said(capsys, "plan", spa / "protocol.yaml")
    assert answer["protocol"]["id"] == "spa-afib-ecg"
    first, second = answer["plan"]["calculations"]
    assert (first["n"], first["critical"], second["n"], second["critical"]) == (231, 217, 177, 170)
    assert answer["plan"]["total"]["enrol"] == 465


def test_a_protocol_without_a_size_says_what_to_write(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(tiny)]) == 0
    assert "no `sample_size` block" in capsys.readouterr().out
    assert main(["plan", "library:heart-rate"]) == 0


def test_what_cannot_be_computed_is_printed_with_its_reason(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tiny / "protocol.yaml").open("a", encoding="utf-8") as file:
        file.write(SIZE + "  c: {endpoint: closeness, method: limits_precision, sd: 0, half_width: 1}\n")
    assert main(["plan", str(tiny)]) == 0
    printed = capsys.readouterr().out
    assert "Not computed: `sd` must be a number above 0" in printed
    assert "Subjects to enrol: at least" in printed
    assert "Without a number: c" in printed
    assert "without a calculation: closeness" in printed


def test_shells_of_the_example(spa: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(spa), "--shells"]) == 0
    printed = capsys.readouterr().out
    target = tmp_path / "tables.md"
    assert main(["plan", str(spa), "--shells", "-o", str(target)]) == 0
    assert target.read_text(encoding="utf-8") == printed
    tables = [block for block in printed.split("\n\n") if block.startswith("|")]
    assert len(tables) == printed.count("\n## Table ") > 5
    for table in tables:
        assert len({len(line) for line in table.splitlines()}) == 1, "columns stand below one another"
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert "Sensitivity for AF (co-primary)" in printed
    assert "lower > 0.9 " in printed
    assert "Share of recordings that the software classifies (key secondary)" in printed
    assert "0.8164" not in printed


def test_shells_as_json_name_the_file(spa: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "tables.md"
    answer = said(capsys, "plan", spa, "--shells", "-o", target)
    assert answer["file"] == str(target)
    assert answer["shells"][0]["columns"] == ["Stage", "Subjects", "Units"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["plan", "nowhere"], "no file or folder nowhere"),
        (["plan", "library:afib"], "no built-in protocol `afib`"),
        (["plan", "heart-rate", "--variant", "x"], "has no variants"),
        (["plan", "heart-rate", "-o", "tables.md"], "add --shells"),
        (["protocols", "diff", "heart-rate", "heart-rates"], "Did you mean `library:heart-rate`"),
        (["protocols", "show", "heart-rate", "--variant", "x"], "has no variants"),
        (["protocols", "new", "child.yaml"], "--from"),
    ],
)
def test_usage(
    words: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    shown = capsys.readouterr()
    assert (reason in shown.err, shown.out) == (True, "")
    assert list(tmp_path.iterdir()) == []


def test_a_broken_protocol_ends_with_its_places(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tiny / "protocol.yaml").open("a", encoding="utf-8") as file:
        file.write(SIZE.replace("0.9,", "90,").replace("half_width", "half_with"))
    for words in (["plan", str(tiny)], ["plan", str(tiny / "protocol.yaml"), "--shells"]):
        assert main(words) == 4
        shown = capsys.readouterr()
        assert "protocol.yaml:" in shown.err
        assert "half_width" in shown.err
        assert shown.out == ""


def test_nothing_is_overwritten_and_a_missing_folder_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "child.yaml"
    assert main(["protocols", "new", str(file), "--from", "heart-rate"]) == 0
    written = file.read_bytes()
    assert main(["protocols", "new", str(file), "--from", "method-comparison"]) == 2
    assert main(["plan", "heart-rate", "--shells", "-o", str(file)]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    assert file.read_bytes() == written
    assert main(["protocols", "new", str(tmp_path / "no" / "x.yaml"), "--from", "heart-rate"]) == 74


def test_a_child_differs_in_what_it_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")  # nothing is wrapped
    file = tmp_path / "my hr.yaml"
    made = said(capsys, "protocols", "new", file, "--from", "library:heart-rate")
    assert made["extends"]["id"] == "heart-rate"
    assert "extends: library:heart-rate" in file.read_text(encoding="utf-8")
    assert said(capsys, "protocols", "diff", "heart-rate", file)["changes"] == []
    with file.open("a", encoding="utf-8") as text:
        text.write("seed: 7\nobjective: " + "long " * 60 + "\n")
        text.write("endpoints: {mape: {criterion: {limit: 8}}}\n")
    answer = said(capsys, "protocols", "diff", "heart-rate", file)
    assert (answer["a"]["id"], answer["b"]["id"]) == ("heart-rate", "my-hr")
    changes = {one["key"]: (one["a"], one["b"]) for one in answer["changes"]}
    assert set(changes) == {"seed", "objective", "endpoints.mape.criterion.limit"}
    assert changes["endpoints.mape.criterion.limit"] == ("10.0", "8.0")
    assert changes["objective"][1] == ("long " * 60).strip(), "not cut"
    assert main(["protocols", "diff", "heart-rate", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "3 differences" in printed
    assert "long long  ..." not in printed
    assert " ..." in printed


def test_variants_are_listed_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = library.path("heart-rate").read_text(encoding="utf-8")
    text += "variants:\n  easy: {title: Easy, default: true}\n  hard: {title: Hard, changes: {seed: 9}}\n"
    (tmp_path / "heart-rate.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(library, "_FOLDER", tmp_path)
    listed = said(capsys, "protocols", "list")["protocols"][0]
    assert [(one["id"], one["default"]) for one in listed["variants"]] == [("easy", True), ("hard", False)]
    assert main(["protocols", "list"]) == 0
    assert "easy (default), hard" in " ".join(capsys.readouterr().out.split())
    assert main(["protocols", "show", "heart-rate", "--variant", "hard"]) == 0
    shown = capsys.readouterr().out
    assert "variant: hard" in shown
    assert "seed: 9" in shown
    assert said(capsys, "protocols", "show", "heart-rate", "--variant", "hard")["protocol"]["seed"] == 9
    changed = said(capsys, "protocols", "diff", "heart-rate@easy", "heart-rate@hard")["changes"]
    assert [one["key"] for one in changed] == ["seed"]
