"""Bad input through the command line: one clear message, exit code 4, and nothing computed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from accordance.app.cli import main

Spoil = Callable[[Path], None]


def in_text(name: str, old: str, new: str) -> Spoil:
    """Replace a text in a file of the study."""

    def spoil(study: Path) -> None:
        path = study / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil


def as_bytes(name: str, data: bytes) -> Spoil:
    """Replace a file of the study."""
    return lambda study: (study / name).write_bytes(data) and None  # type: ignore[func-returns-value]


def truncated_parquet(study: Path) -> None:
    path = study / "data" / "test.parquet"
    pl.DataFrame({"subject": ["001"] * 5000, "epoch": list(range(5000))}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-40])
    in_text("study.yaml", "data/test.csv", "data/test.parquet")(study)


def outside_the_roots(study: Path) -> None:
    (study.parent / "elsewhere.csv").write_bytes((study / "data" / "test.csv").read_bytes())
    in_text("study.yaml", "data/test.csv", "../elsewhere.csv")(study)


TEST = "data/test.csv"
CASES: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "YAML that does not parse": (
        in_text("protocol.yaml", "title: Heart rate on the wrist", "title: [Heart rate"),
        ("protocol.yaml:",),
    ),
    "misspelt key": (
        in_text("protocol.yaml", "objective:", "objectiv:"),
        ("protocol.yaml:6:1", "objectiv", "objective"),
    ),
    "unknown metric": (
        in_text("protocol.yaml", "metric: bland_altman", "metric: bland_altmann"),
        ("protocol.yaml:", "bland_altmann", "bland_altman"),
    ),
    "criterion on a bound that the interval has not": (
        in_text("protocol.yaml", "compare: both, operator: within, limit: [-5, 5], unit: beats/min}",
                "compare: upper, operator: '<', limit: 5, unit: beats/min}\n    interval: {sides: lower}"),
        ("protocol.yaml:", "upper"),
    ),
    "wrong unit of a criterion": (
        in_text("protocol.yaml", "limit: [-5, 5], unit: beats/min", "limit: [-5, 5], unit: mmHg"),
        ("protocol.yaml:", "mmHg", "beats/min"),
    ),
    "wrong unit of a column": (
        in_text("study.yaml", "test: {file: data/test.csv}", "test: {file: data/test.csv, units: {hr: Hz}}"),
        ("hr", "Hz", "beats/min"),
    ),
    "text in a numeric column": (in_text(TEST, "001,1,61", "001,1,fast"), (TEST, "hr", "fast")),
    "NaN": (in_text(TEST, "001,1,61", "001,1,NaN"), (TEST, "hr", "NaN")),
    "infinite": (in_text(TEST, "001,1,61", "001,1,inf"), (TEST, "hr", "inf")),
    "negative heart rate": (in_text(TEST, "001,1,61", "001,1,-61"), (TEST, "hr", "-61", "20")),
    "duplicate keys": (in_text(TEST, "001,2,70", "001,1,70"), (TEST, "epoch", "001")),
    "missing column": (in_text(TEST, "subject,epoch,hr", "subject,epoch,heart"), (TEST, "hr")),
    "empty file": (as_bytes(TEST, b""), (TEST, "empty")),
    "header only": (as_bytes(TEST, b"subject,epoch,hr,alarm\n"), (TEST, "row")),
    "truncated Parquet": (truncated_parquet, ("data/test.parquet",)),
    "a field of a million characters": (in_text(TEST, "001,1,61", f"001,1,{'6' * 10**6}"), (TEST,)),
    "CSV that is not UTF-8": (as_bytes(TEST, b"subject,epoch,hr,alarm\n001,1,61,\xe4\n"), (TEST, "UTF-8")),
    "a source outside the declared roots": (outside_the_roots, ("elsewhere.csv", "root")),
    "a source that is not there": (in_text("study.yaml", TEST, "data/tset.csv"), ("data/tset.csv",)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_before_anything_is_computed(
    name: str, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, said = CASES[name]
    spoil(tiny)
    assert main(["run", str(tiny)]) == 4
    shown = capsys.readouterr()
    for words in said:
        assert words in shown.err
    assert len(shown.err) < 4_000, "a long field does not flood the screen"
    assert "Traceback" not in shown.err
    assert shown.out == ""
    assert not (tiny / "runs").exists()


@pytest.mark.parametrize("verb", ["check", "run"])
def test_bad_input_as_json_is_one_object(verb: str, tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    in_text(TEST, "001,1,61", "001,1,-61")(tiny)
    in_text("protocol.yaml", "objective:", "objectiv:")(tiny)
    assert main([verb, str(tiny), "--json"]) == 4
    shown = capsys.readouterr()
    error = json.loads(shown.out)["error"]
    assert (error["kind"], error["exit_code"]) == ("contract", 4)
    assert {"file", "line", "column", "key", "message", "found", "suggestion"} <= set(error["violations"][0])
    assert shown.err == ""


def test_all_violations_are_shown_at_once_with_a_place_to_click(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_text(TEST, "001,1,61", "001,1,-61")(tiny)
    in_text(TEST, "002,1,83", "002,1,fast")(tiny)
    in_text("data/reference.csv", "003,2,91", "003,1,91")(tiny)
    assert main(["check", str(tiny)]) == 4
    lines = capsys.readouterr().err.splitlines()
    assert any(line.startswith(f"{tiny / TEST}:2") for line in lines), lines
    assert any(line.startswith(str(tiny / "data/reference.csv")) for line in lines)
    assert "3 violations" in lines[-1]


def results(study: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What `run --json` says of a study that runs."""
    capsys.readouterr()
    assert main(["run", str(study), "--json"]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def only(study: Path, *keep: str) -> None:
    """Keep these rows (subject,epoch) of both tables."""
    for name in ("reference", "test"):
        path = study / "data" / f"{name}.csv"
        head, *lines = path.read_text().splitlines()
        path.write_text("\n".join([head, *(line for line in lines if line.startswith(keep))]) + "\n")


@pytest.mark.parametrize(("name", "keep"), [("one subject", ("001,1", "001,2")), ("one pair", ("001,1",))])
def test_too_few_data_are_not_evaluable_and_complete(
    name: str, keep: tuple[str, ...], tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only(tiny, *keep)
    said = results(tiny, capsys)
    (row,) = [row for row in said["endpoints"] if row["endpoint"] == "closeness"]
    assert (said["decision"], row["decision"]) == ("not_evaluable", "not_evaluable"), name
    assert row["error"]
    assert main(["gate", str(tiny)]) == 3


def test_zero_variance_is_not_evaluable(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tiny / "data" / "test.csv").write_bytes((tiny / "data" / "reference.csv").read_bytes())
    said = results(tiny, capsys)
    assert said["decision"] == "not_evaluable"
    assert main(["gate", str(tiny)]) == 3


def test_an_empty_class_is_a_row_with_its_error(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tiny / "data" / "reference.csv"
    path.write_text(path.read_text().replace("true", "false"))
    said = results(tiny, capsys)
    (row,) = [row for row in said["endpoints"] if row["endpoint"] == "alarms"]
    assert row["estimate"] is None
    assert "positive" in row["error"]
    assert said["decision"] == "met", "an endpoint without a value does not stop the others"


def test_orphan_subjects_get_a_reason(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tiny / "data" / "subjects.csv"
    path.write_text(path.read_text().replace("004,male\n", ""))
    folder = Path(results(tiny, capsys)["folder"])
    document = json.loads((folder / "results.json").read_text())
    steps = {step["code"]: step for step in document["accounting"][0]["steps"]}
    assert steps["orphan_subject"]["n_subjects"] == 1
    assert steps["orphan_subject"]["n_reference_rows"] == 1
