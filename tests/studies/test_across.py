"""What is seen across tables, and what rules of reading did: refused, or said everywhere it should be."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import accordance as ac
from accordance.app.cli import main
from accordance.protocols.errors import ContractError
from accordance.studies.check import check, examine
from accordance.studies.run import run

from .conftest import PROTOCOL, STUDY, SUBJECTS, rows

KEEP_FIRST = PROTOCOL.replace("  test:\n    key:", "  test:\n    repeated: first\n    key:")
TIMED = """\
schema: accordance/protocol/1
id: timed
version: "1"
title: Two clocks
intended_use: Tests.
objective: To compare times.
tables:
  reference: {key: [subject, at], time: at, columns: {subject: {type: text}, at: {type: datetime}, x: {type: number, unit: u}}}
  test: {key: [subject, at], time: at, columns: {subject: {type: text}, at: {type: datetime}, x: {type: number, unit: u}}}
pairings: {all: {METHOD}}
endpoints:
  error: {title: Error, role: secondary, metric: mae, average: pooled, reference: x, test: x}
resampling: {replicates: 500}
seed: 1
"""  # noqa: E501 - one table a line


def spelt(*names: str) -> dict[str, dict[str, list]]:
    """Test tables in which the first subjects are called otherwise."""
    other = dict(zip(SUBJECTS["subject"], names, strict=False))
    made = rows()
    return {"test_v1": {**made, "subject": [other.get(name, name) for name in made["subject"]]}}


def test_a_subject_under_two_spellings(make_study) -> None:
    with pytest.raises(ContractError) as caught:
        check(make_study(tables=spelt("1", "S-002")))
    (violation,) = caught.value.violations
    assert violation.examples == ("`001` in subjects, reference, test (v2); `1` in test (v1)",)
    assert "`spellings: distinct` in study.yaml" in violation.message


def test_two_people_whose_names_look_alike(make_study) -> None:
    folder = make_study(tables=spelt("1"), study=STUDY + "spellings: distinct\n")
    assert check(folder).config.spellings == "distinct"


def test_spellings_in_data_frames() -> None:
    protocol = TIMED.replace("METHOD", "")
    at = datetime(2026, 1, 1)
    one, other = ({"subject": [name], "at": [at], "x": [1.0]} for name in ("S01", "s1"))
    with pytest.raises(ContractError, match="`S01` in reference; `s1` in test"):
        ac.evaluate(one, other, protocol=protocol)
    assert ac.evaluate(one, other, protocol=protocol, spellings="distinct").rows.height


def timed(make_study, tmp_path: Path, source: str, offset: str, method: str = "") -> Path:
    at = datetime(2026, 7, 1, 8)
    times = [at + timedelta(minutes=number) for number in range(3)]
    own = {"subject": ["a"] * 3, "x": [1.0, 2.0, 3.0]}
    study = STUDY.replace("  subjects: {file: data/subjects.csv}\n", "").split("    v2:")[0]
    study = study.replace("{test: {file: data/test_v1.csv}}", f"{{test: {{file: data/test_v1.csv{source}}}}}")
    return make_study(
        study=study,
        protocol=TIMED.replace("METHOD", method),
        endpoints="",
        tables={
            "reference": {**own, "at": [f"{when.isoformat()}{offset}" for when in times]},
            "test_v1": {**own, "at": [when.isoformat() for when in times]},
        },
    )


@pytest.mark.parametrize("method", ["", "method: nearest, tolerance: 5 s"])
def test_instants_beside_times_without_a_zone(make_study, tmp_path: Path, method: str) -> None:
    with pytest.raises(ContractError) as caught:
        check(timed(make_study, tmp_path, "", "+02:00", method))
    (violation,) = caught.value.violations
    assert violation.file == "data/test_v1.csv"
    assert violation.key == "pairings.all"
    assert "(`reference.at`)" in violation.message
    assert "(`test.at`)" in violation.message
    assert "`zone` in the source of `test`" in violation.message


def test_the_zone_is_the_way_out(make_study, tmp_path: Path) -> None:
    folder = timed(make_study, tmp_path, ", zone: Europe/Berlin", "+02:00")
    assert run(folder).rows.filter(pl.col("endpoint") == "error")["estimate"][0] == 0


def repeating(make_study) -> Path:
    made = rows()
    doubled = {name: [*values, values[0], values[5]] for name, values in made.items()}
    return make_study(protocol=KEEP_FIRST, tables={"test_v1": doubled})


def test_rows_left_out_are_told_by_check(make_study, capsys) -> None:
    folder = repeating(make_study)
    assert main(["check", str(folder)]) == 0
    said = capsys.readouterr()
    words = "test, v1: 2 rows that repeat a key (subject, epoch) were left out; the first of each was kept"
    assert words in " ".join((said.out + said.err).split())
    assert main(["check", str(folder), "--json"]) == 0
    tables = json.loads(capsys.readouterr().out)["tables"]
    found = {(one["table"], one["version"]): [done["rows"] for done in one["handled"]] for one in tables}
    assert found.pop(("test", "v1")) == [2]
    assert not any(found.values())


def test_rows_left_out_are_told_by_the_run(make_study, capsys) -> None:
    folder = repeating(make_study)
    assert main(["run", str(folder)]) == 0
    assert "2 rows that repeat a key" in " ".join(capsys.readouterr().out.split())
    results = ac.Results.open(next((folder / "runs").iterdir()))
    (entry,) = results.document["handled"]
    assert (entry["table"], entry["version"], entry["rule"], entry["rows"]) == ("test", "v1", "repeated", 2)
    assert results.folder is not None
    manifest = json.loads((results.folder / "manifest.json").read_text())
    inputs = {(one["table"], one["version"]): one for one in manifest["inputs"]}
    assert inputs["test", "v1"]["rows"] == 12
    assert inputs["test", "v1"]["handled"] == [
        {"rule": "repeated", "how": "first", "column": "subject, epoch", "rows": 2}
    ]
    assert inputs["test", "v2"]["handled"] == []
    log = [json.loads(line) for line in (results.folder / "log.jsonl").read_text().splitlines()]
    assert [one["rows"] for one in log if one["event"] == "rule applied on reading"] == [2]


def test_the_accounting_is_of_the_rows_that_were_kept(make_study) -> None:
    kept = run(repeating(make_study))
    plain = run(make_study("plain", protocol=KEEP_FIRST, tables={"test_v1": rows()}))
    assert kept.document["accounting"] == plain.document["accounting"]
    assert kept.rows.equals(plain.rows, null_equal=True)


def test_data_frames_are_told_of_too() -> None:
    at = [datetime(2026, 1, 1)] * 2
    frame = {"subject": ["a", "a"], "at": at, "x": [1.0, 2.0]}
    protocol = TIMED.replace("METHOD", "").replace("  test: {key", "  test: {repeated: last, key")
    results = ac.evaluate(
        {name: values[:1] for name, values in frame.items()}, frame, protocol=protocol, version="v9"
    )
    (entry,) = results.document["handled"]
    assert (entry["table"], entry["version"], entry["rows"]) == ("test", "v9", 1)


def test_nothing_is_said_where_nothing_was_done(make_study) -> None:
    folder = make_study()
    assert examine(folder).handled() == []
    assert run(folder).document["handled"] == []
