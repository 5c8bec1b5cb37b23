"""A file too large for memory is refused before it is read."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from accordance.datasets import file_sizes
from accordance.datasets.file_sizes import available, check_size
from accordance.datasets.read import read_table
from accordance.datasets.sources import Source
from accordance.protocols.errors import ContractError
from accordance.protocols.model import Table

GB = 2**30
HOW = {"roots": {"data": "data"}}


def test_the_memory_of_this_machine() -> None:
    found = available()
    assert found is not None
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    assert 0 < found <= total


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_sizes, "_GROUP", tmp_path)
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.max").write_text("1000\n")
    assert available() == 300
    (tmp_path / "memory.max").write_text("max\n")
    assert (available() or 0) > 1000


def test_a_system_that_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_sizes, "_GROUP", tmp_path)
    monkeypatch.setattr(file_sizes, "_MEMINFO", tmp_path / "none")
    assert (available() or 0) > 0, "then the memory that is built in"


def test_up_to_the_limit() -> None:
    check_size([("a", 60), ("b", 40)], 100)
    check_size([("a", 10**15)], None)
    check_size([("a", 10**15)], 100, takes=100)
    with pytest.raises(ContractError):
        check_size([("a", 60), ("b", 41)], 100)
    with pytest.raises(ContractError):
        check_size([("a", 1)], 100, takes=101)


def test_the_largest_are_named() -> None:
    with pytest.raises(ContractError) as caught:
        check_size([(f"data/{n}.csv", n * GB) for n in range(8)], GB, key="sources.r")
    (violation,) = caught.value.violations
    assert (violation.file, violation.key, violation.found) == ("data/7.csv", "sources.r", "7 GB")
    assert violation.examples[0] == "data/7.csv: 7 GB"
    assert violation.examples[-1] == "and 3 more"
    assert "28 GB in 8 files" in violation.message
    assert "1 GB may be taken" in violation.message
    assert "`--memory`" in violation.message


def test_a_csv_file_far_too_large(study: Path, table: Table, refused: Callable) -> None:
    """Without disk: a file with a hole of 10 TB."""
    with (study / "data" / "hr.csv").open("wb") as file:
        file.write(b"subject,epoch,hr\n")
        file.truncate(10_000 * GB)
    began = time.monotonic()
    (violation,) = refused(read_table, "r", table, Source(file="data/hr.csv"), base=study, **HOW)
    assert violation.file == "data/hr.csv"
    assert "Is it the right file?" in violation.message
    assert time.monotonic() - began < 5


def test_the_limit_may_be_declared(study: Path, table: Table, refused: Callable) -> None:
    (study / "data" / "hr.csv").write_text("subject,epoch,hr\na,1,60\n")
    source = Source(file="data/hr.csv")
    assert read_table("r", table, source, base=study, memory=1000, **HOW).n_rows == 1
    refused(read_table, "r", table, source, base=study, memory=40, **HOW)


def test_what_counts_of_parquet_is_what_is_read(study: Path, table: Table, refused: Callable) -> None:
    """A column that nobody asks for may be as large as it likes; a small file may hold many rows."""
    asked = pl.DataFrame({"subject": ["a"] * 100_000, "epoch": range(100_000), "hr": [60.0] * 100_000})
    asked.with_columns(noise=pl.Series(range(100_000)).hash(1)).write_parquet(study / "data" / "hr.parquet")
    ignoring = table.model_copy(update={"extra_columns": "ignored"})
    source = Source(file="data/hr.parquet")
    needed = 100_000 * (16 + 8 + 8)
    assert read_table("r", ignoring, source, base=study, memory=needed, **HOW).n_rows == 100_000
    (violation,) = refused(read_table, "r", ignoring, source, base=study, memory=needed - 1, **HOW)
    assert "3.05 MB" in violation.message
