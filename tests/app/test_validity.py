"""A study with requirements and missing units, in the terminal and in the app."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from screen import page

from accordance.app.cli import main

MORE = """\
missing: {sensitivity: [worst_case, best_case, tipping_point]}
requirements:
  size: {title: At least a thousand subjects, count: subjects, at_least: 1000, source: Made up.}
  women: {title: Women, share: subjects, where: {sex: female}, at_least: 0.2}
"""


@pytest.fixture(scope="module")
def demanding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demanding") / "spa"
    assert main(["init", str(folder), "--example", "spa-afib-ecg"]) == 0
    (folder / "protocol.yaml").rename(folder / "base.yaml")
    head = "extends: base.yaml\nid: demanding\nversion: '1'\ntitle: A demanding study\n"
    (folder / "protocol.yaml").write_text(head + MORE, encoding="utf-8")
    return folder


def test_the_terminal_says_why_it_is_not_evaluable(
    demanding: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(demanding)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Success criterion demonstrated: not evaluable" in printed
    assert "requirement `size` is not met (At least a thousand subjects)" in printed
    assert "Requirements on the study:" in printed and "met." in printed
    assert "Missing units counted each way" in printed and "as errors" in printed
    assert "missing units are errors" in printed
    assert main(["gate", str(demanding)]) == 3


def test_every_row_can_be_explained(demanding: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["run", str(demanding), "--json"])
    run = json.loads(capsys.readouterr().out)
    assert main(["explain", str(demanding), "sensitivity", "--json"]) == 0
    explained = json.loads(capsys.readouterr().out)
    assert "otherwise: met" in json.dumps(explained)
    document = json.loads((Path(run["folder"]) / "results.json").read_text(encoding="utf-8"))
    rows = [row for entry in document["endpoints"] for row in entry["rows"] if row["view"] == "worst_case"]
    assert rows
    for row in rows:
        assert main(["explain", str(demanding), row["row_id"]]) == 0
    assert "counts as an error" in capsys.readouterr().out


def test_the_first_screen_shows_requirements_and_missing_units(demanding: Path) -> None:
    main(["run", str(demanding)])
    test = page(demanding)
    heads = [str(element.value) for element in test.subheader]
    assert "Requirements on the study" in heads and "Missing units counted each way" in heads
    bodies = "\n".join(element.proto.body for element in test.get("html"))
    assert "At least a thousand subjects" in bodies and "otherwise: met" in bodies
