"""The table of proof counts what was compared, and nothing that did not agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import compare, summary, table, taken


def test_compared_values_are_on_record() -> None:
    taken()
    compare("this table", [1.0, 1e-13, float("nan")], [1.0 + 1e-12, 0.0, float("nan")])
    compare("this table", 2.0, 2.0)
    records = taken()
    assert [(method, count) for method, count, *_ in records] == [("this table", 3), ("this table", 1)]
    assert records[0][2] == pytest.approx(1e-12, rel=0.01)
    assert table(records)[1].split() == ["this", "table", "4", "1.0e-12"]


@given(st.floats(1, 2))
def test_numbers_that_are_drawn_are_counted_and_not_kept_as_reference_values(value: float) -> None:
    taken()
    compare("this table", value, value)
    assert taken() == [("this table", 1, 0.0, [])]


def test_reference_values_are_kept_without_sign() -> None:
    taken()
    compare("this table", [-2.0, float("nan"), 1.0, 2.0], [-2.0, float("nan"), 1.0, 2.0])
    assert taken()[0][-1] == [1.0, 2.0]


@pytest.mark.parametrize("wrong", [[1.0, 2.001], [1.0], [1.0, float("nan")]])
def test_what_does_not_agree_fails_and_is_not_on_record(wrong: list[float]) -> None:
    taken()
    with pytest.raises(AssertionError, match="this table"):
        compare("this table", wrong, [1.0, 2.0])
    assert taken() == []


def test_the_table_is_printed_and_written_with_the_reasons_of_what_was_skipped(tmp_path: Path) -> None:
    passed = [
        SimpleNamespace(user_properties=[("oracle", ["bias, t", 4, 1e-12, [1.0]]), ("other", 1)]),
        SimpleNamespace(user_properties=[("oracle", ["bias, t", 2, 3e-12, [2.0]])]),
    ]
    skipped = [SimpleNamespace(nodeid="tests/evaluators/test_x.py::y", longrepr=("f", 1, "Skipped: no data"))]
    lines = summary(passed, skipped, tmp_path / "build" / "oracle.json")
    assert lines[1].split() == ["bias,", "t", "6", "3.0e-12"]
    assert lines[-1] == "skipped 1: no data"
    document = json.loads((tmp_path / "build" / "oracle.json").read_text())
    assert document["methods"] == [{"method": "bias, t", "values": 6, "worst_relative_error": 3e-12}]
    assert document["skipped"] == {"no data": 1}
    assert summary([], skipped, tmp_path / "none.json") == []
    assert not (tmp_path / "none.json").exists()


def test_records_come_home_from_worker_processes(tmp_path: Path, repository: Path) -> None:
    """As `make test` runs it: the whole suite on two processes, the tests of statistics among them."""
    for name in ("conftest.py", "evaluators/conftest.py", "evaluators/oracle.py"):
        target = tmp_path / "tests" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((repository / "tests" / name).read_text())
    for i in range(2):
        test = (
            f"from oracle import compare\ndef test_it():\n    compare('one method', {i + 1}.0, {i + 1}.0)\n"
        )
        (tmp_path / "tests" / "evaluators" / f"test_{i}.py").write_text(test)
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
    command = [sys.executable, "-m", "pytest", "-q", "-n2", "--dist=loadfile", "--import-mode=importlib"]
    environment = {name: value for name, value in os.environ.items() if name != "ACCORDANCE_REFERENCE"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 methods, 2 values" in done.stdout
    assert json.loads((tmp_path / "build" / "oracle.json").read_text())["methods"][0]["values"] == 2
