"""`accordance sniff`: what it proposes is pasted into a study, and `accordance check` accepts it."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import polars as pl
import pytest

from accordance.app.cli import main
from accordance.datasets.sniff import Looked, sniff
from accordance.studies import check


def _device_files() -> ModuleType:
    """The writers of files that the tests of the readers use."""
    path = Path(__file__).parents[1] / "datasets" / "readers" / "device_files.py"
    spec = importlib.util.spec_from_file_location("device_files", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


device_files = _device_files()


STUDY = """\
schema: accordance/study/1
id: s
title: S
protocol: protocol.yaml
roots: {data: data}
sources:
  reference: {file: data/plain.csv}
algorithm: {name: A, versions: {v1: {sources: {test: {file: data/plain.csv}}}}}
"""
PROTOCOL = """\
schema: accordance/protocol/1
id: p
version: "1"
title: P
intended_use: U
objective: O
tables:
  reference: {key: [subject], columns: {subject: {type: text}, x: {type: number}}}
  test: {key: [subject], columns: {subject: {type: text}, x: {type: number}}}
pairings:
  pairs: {reference: reference, test: test, method: key, on: [subject]}
endpoints:
  error: {title: E, role: exploratory, metric: rmse, average: pooled, reference: x, test: x}
seed: 1
"""


def table() -> pl.DataFrame:
    n = 60
    return pl.DataFrame(
        {
            "Participant ID": [f"{i // 30:03}" for i in range(n)],
            "timestamp_ms": [1_772_353_800_000 + 1_000 * (i % 30) for i in range(n)],
            "Heart Rate (bpm)": [60.5 + i for i in range(n)],
            "activity": ["rest", "walk", "run"] * (n // 3),
            "worn": [True, False] * (n // 2),
            "note": [None if i % 7 else f"n{i}" for i in range(n)],
        }
    )


def csv(path: Path) -> None:
    table().write_csv(path)


def parquet(path: Path) -> None:
    made = pl.col("timestamp_ms").cast(pl.Datetime("ms")).alias("time")
    table().with_columns(made).drop("timestamp_ms").write_parquet(path)


def database(path: Path) -> None:
    frame = table()
    assert frame.height
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE hr AS SELECT * FROM frame")
        connection.execute(
            'CREATE VIEW "a view" AS SELECT "Participant ID" AS subject, count(*) n FROM hr GROUP BY 1'
        )


FILES: dict[str, tuple[Callable[[Path], None], str, int]] = {
    "P01_night1.edf": (device_files.edf, "edf", 4),
    "P01_latin.edf": (device_files.latin, "edf", 4),
    "100.hea": (device_files.wfdb, "wfdb", 3),
    "101.atr": (device_files.atr, "wfdb", 2),
    "vs.xpt": (device_files.xpt, "sas", 1),
    "export.xml": (device_files.apple, "apple_health", 2),
    "points.json": (device_files.mhealth, "open_mhealth", 1),
    "hr.csv": (csv, "csv", 1),
    "hr.parquet": (parquet, "parquet", 1),
    "hr.duckdb": (database, "duckdb", 2),
}


@pytest.fixture(params=FILES)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / request.param
    FILES[request.param][0](path)
    return path


def accepted(one: Looked, folder: Path) -> int:
    """Paste a proposal into a study, check it, and give the rows that it reads."""
    (folder / "data" / "plain.csv").write_text("subject,x\n001,1\n")
    study = STUDY.replace("sources:\n", one.source, 1)
    protocol = PROTOCOL.replace("tables:\n", one.table, 1)
    (folder / "study.yaml").write_text(study)
    (folder / "protocol.yaml").write_text(protocol)
    checked = check.examine(folder)
    return next(row["rows"] for row in checked.summary() if row["table"] == one.name)


def test_what_is_proposed_is_accepted(file: Path) -> None:
    _, form, n_tables = FILES[file.name]
    found = sniff(file)
    assert (found.format, len(found.tables)) == (form, n_tables)
    for one in found.tables:
        assert one.name, one.notes
        assert accepted(one, file.parent.parent) == one.rows


def test_the_verb_prints_the_same_proposal(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent.parent)
    assert main(["sniff", f"data/{file.name}"]) == 0
    printed = capsys.readouterr().out
    assert main(["sniff", f"data/{file.name}", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["tables"]
    for one in answer["tables"]:
        assert one["source"] in printed
        assert one["table"].rstrip() in printed


def column(one: Looked, name: str) -> dict[str, Any]:
    found = next(one for one in one.columns if one.in_data == name)
    return {"type": found.type, "unit": found.unit, "low": found.low, "levels": found.levels}


def test_guesses_of_a_table(tmp_path: Path) -> None:
    csv(tmp_path / "hr.csv")
    (one,) = sniff(tmp_path / "hr.csv").tables
    assert one.key == ("subject", "timestamp_ms")
    assert (one.time, one.interval_s) == ("timestamp_ms", 1.0)
    assert column(one, "Heart Rate (bpm)") == {"type": "number", "unit": "1/min", "low": "60.5", "levels": ()}
    assert column(one, "timestamp_ms")["type"] == "datetime"
    assert "units: {timestamp_ms: ms}" in one.source
    assert column(one, "activity")["levels"] == ("rest", "run", "walk")
    assert column(one, "Participant ID")["type"] == "text"
    assert any("milliseconds since 1970: 2026-03-01 to 2026-03-01" in note for note in one.notes)


def test_a_signal_file_is_known_by_its_header(tmp_path: Path) -> None:
    device_files.wfdb(tmp_path / "100.hea")
    found = sniff(tmp_path / "100.dat")
    assert (found.format, found.file) == ("wfdb", "data/100.hea")
    assert found.tables[0].title == "1 signal at 250 Hz"


def test_shares_called_percent_are_pointed_out(tmp_path: Path) -> None:
    device_files.apple(tmp_path / "export.xml")
    found = sniff(tmp_path / "export.xml", tables="OxygenSaturation")
    assert [one.rows for one in found.tables] == [20]
    assert any("perhaps shares, not percent" in note for note in found.tables[0].notes)


def test_no_row_of_a_subject_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = pl.DataFrame(
        {"subject": [f"secret-{i}" for i in range(40)], "note": [f"private {i}" for i in range(40)]}
    )
    rows.write_csv(tmp_path / "x.csv")
    for more in ([], ["--json"]):
        assert main(["sniff", str(tmp_path / "x.csv"), *more]) == 0
        printed = capsys.readouterr().out
        assert "secret" not in printed
        assert "private" not in printed


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["data/none.edf"], 2, "there is no such file"),
        (["data"], 2, "is a folder"),
        (["data/hr.csv", "--format", "cvs"], 2, "there is no format"),
        (["data/hr.csv", "--table", "x"], 2, "nothing here is called"),
        (["data/cut.edf"], 4, "is truncated"),
        (["data/empty.parquet"], 4, "the file is empty"),
        (["data/no.duckdb"], 4, "is not a DuckDB database"),
    ],
)
def test_what_cannot_be_sniffed(
    arguments: list[str],
    code: int,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    csv(tmp_path / "data" / "hr.csv")
    device_files.edf(tmp_path / "data" / "whole.edf")
    (tmp_path / "data" / "cut.edf").write_bytes((tmp_path / "data" / "whole.edf").read_bytes()[:-99])
    (tmp_path / "data" / "empty.parquet").write_bytes(b"")
    (tmp_path / "data" / "no.duckdb").write_bytes(b"nothing of the kind" * 99)
    assert main(["sniff", *arguments]) == code
    assert words in capsys.readouterr().err
