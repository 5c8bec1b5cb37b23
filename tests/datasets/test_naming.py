"""Columns from paths and constants, for every kind of source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from accordance.datasets import naming
from accordance.datasets.read import read_table
from accordance.datasets.sources import Source
from accordance.protocols.model import Column, Table

TABLE = Table(
    key=("subject", "night", "epoch"),
    columns={
        "subject": Column(type="text"),
        "night": Column(type="integer"),
        "epoch": Column(type="integer"),
        "hr": Column(type="number"),
    },
)
ROWS = [("007", 1, 1, 60.5), ("007", 1, 2, 61.0), ("P 10", 2, 1, 72.0)]


@pytest.fixture
def nights(study: Path) -> Path:
    """The same rows as CSV and as Parquet, one file a night, subject and night in the path only."""
    frame = pl.DataFrame(ROWS, schema=["subject", "night", "epoch", "hr"], orient="row")
    for (subject, night), part in frame.group_by("subject", "night"):
        folder = study / "data" / str(subject)
        folder.mkdir(exist_ok=True)
        part.select("epoch", "hr").write_csv(folder / f"night_{night}.csv")
        part.select("epoch", "hr").write_parquet(folder / f"night_{night}.parquet")
    return study


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_paths_name_columns_in_text_and_typed_files(ending: str, nights: Path) -> None:
    source = Source(glob=f"data/*/*.{ending}", from_path=f"data/{{subject}}/night_{{night}}.{ending}")
    data = read_table("t", TABLE, source, base=nights, roots={"data": "data"})
    assert data.frame.select("subject", "night", "epoch", "hr").rows() == ROWS


def test_a_pattern_without_folders_is_of_the_file_name(nights: Path) -> None:
    source = Source(glob="data/007/*.csv", from_path="night_{night}.csv", constants={"subject": "007"})
    data = read_table("t", TABLE, source, base=nights, roots={"data": "data"})
    assert data.frame.select("subject", "night").rows() == [("007", 1), ("007", 1)]


def test_constants_of_a_query(nights: Path) -> None:
    with duckdb.connect(str(nights / "data" / "x.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT 3 AS epoch, 64.5 AS hr")
    constants = {"subject": "001", "night": "2"}
    source = Source(sql="SELECT * FROM t", database="data/x.duckdb", constants=constants)
    data = read_table("t", TABLE, source, base=nights, roots={"data": "data"})
    assert data.frame.select("subject", "night", "epoch", "hr").rows() == [("001", 2, 3, 64.5)]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"from_path": "{subject}-{night}.csv"}, "does not fit"),
        ({"from_path": "data/subject.csv"}, "expected columns in braces"),
        ({"from_path": "data/{subject.csv"}, "expected columns in braces"),
        ({"constants": {"subjct": "1"}}, "does not declare"),
        ({"constants": {"subject": "1", "night": "one"}}, "not an integer"),
        ({"constants": {"subject": "1", "night": "1", "epoch": "1"}}, "take it from one place"),
    ],
)
def test_what_cannot_be_named(given: dict, words: str, nights: Path, refused: Callable) -> None:
    source = Source(glob="data/*/*.csv", **given)
    violations = refused(read_table, "t", TABLE, source, base=nights, roots={"data": "data"})
    assert any(words in violation.message for violation in violations)


def test_the_same_name_twice_is_the_same_text() -> None:
    wanted = naming.pattern("{subject}/{subject}_{night}.edf")
    assert wanted.fullmatch("a/a_1.edf")
    assert wanted.fullmatch("a/b_1.edf") is None


def test_reader_keys_of_other_formats_are_refused(nights: Path, refused: Callable) -> None:
    source = Source.model_validate({"glob": "data/*/*.csv", "reader": {"rows": "beats"}})
    (violation,) = refused(read_table, "t", TABLE, source, base=nights, roots={"data": "data"})
    assert violation.key == "sources.t.reader.rows"
    source = Source(glob="data/*/*.csv", format="cvs")
    (violation,) = refused(read_table, "t", TABLE, source, base=nights, roots={"data": "data"})
    assert violation.suggestion == "csv"
