"""Trees of files whose folders hold a column's value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accordance.datasets import partitions
from accordance.datasets.read import TableData, read_table
from accordance.datasets.sources import Source
from accordance.protocols.errors import ContractError
from accordance.protocols.model import Column, Table

HR = Column(type="number", unit="1/min", range=(0, 300))
NIGHTS = Table(
    key=("subject", "session", "epoch"),
    columns={
        "subject": Column(type="text"),
        "session": Column(type="integer"),
        "epoch": Column(type="integer"),
        "hr": HR,
    },
)


def part(study: Path, where: str, frame: dict[str, Any], *, csv: bool = False) -> None:
    path = study / "data" / where
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pl.DataFrame(frame)
    if csv:
        table.write_csv(path)
    else:
        table.write_parquet(path)


def go(study: Path, table: Table = NIGHTS, **source: Any) -> TableData:
    given = {"folder": "data"} | source if not {"glob", "file"} & set(source) else source
    return read_table("r", table, Source(**given), base=study, roots={"data": "data"})


@pytest.mark.parametrize("csv", [False, True], ids=["parquet", "csv"])
def test_folders_are_columns_of_the_contracts_types(study: Path, csv: bool) -> None:
    ending = "csv" if csv else "parquet"
    part(study, f"subject=007/session=1/part.{ending}", {"epoch": [1, 2], "hr": [60.5, 61.0]}, csv=csv)
    part(study, f"subject=007/session=2/part.{ending}", {"epoch": [1], "hr": [70.0]}, csv=csv)
    part(study, f"subject=08/session=1/part.{ending}", {"epoch": [1], "hr": [80.0]}, csv=csv)
    data = go(study)
    assert data.frame["subject"].to_list() == ["007", "007", "007", "08"]
    assert data.frame["session"].to_list() == [1, 1, 2, 1]
    assert data.frame["hr"].to_list() == [60.5, 61.0, 70.0, 80.0]
    assert data.frame.schema["session"] == pl.Int64
    assert len(data.files) == 3


def test_by_a_pattern(study: Path) -> None:
    for subject in ("a", "b"):
        part(study, f"subject={subject}/session=1/x.parquet", {"epoch": [1], "hr": [60.0]})
    assert go(study, glob="data/subject=*/session=*/*.parquet").frame["subject"].to_list() == ["a", "b"]
    assert go(study, glob="data/**/*.parquet").frame["subject"].to_list() == ["a", "b"]


def test_what_duckdb_reads_of_the_tree_that_polars_wrote(study: Path) -> None:
    """Another library writes the tree, a third one reads it; percent escapes and missing values included."""
    subjects = ["007", "a/b", "x=y", "ä ö", "100%", None]
    frame = pl.DataFrame(
        {
            "subject": [subject for subject in subjects for _ in range(3)],
            "session": [1, 2, 3] * 6,
            "epoch": list(range(18)),
            "hr": [60.0 + number for number in range(18)],
        }
    )
    frame.write_parquet(
        pl.PartitionBy(study / "data", key=["subject", "session"], include_key=False), mkdir=True
    )
    table = NIGHTS.model_copy(
        update={
            "key": ("epoch",),
            "subject": "epoch",
            "columns": NIGHTS.columns | {"subject": Column(type="text", missing="allowed")},
        }
    )
    read = go(study, table).frame.drop("row").sort("epoch")
    assert read.equals(frame.select(read.columns).with_columns(pl.col("session").cast(pl.Int64)))
    theirs = duckdb.sql(
        f"SELECT subject, session, epoch, hr FROM read_parquet('{study}/data/**/*.parquet', "
        "hive_partitioning = true, hive_types_autocast = false) ORDER BY epoch"
    ).pl()
    assert read["subject"].to_list() == theirs["subject"].to_list()
    assert [str(value) for value in read["session"]] == theirs["session"].to_list()


def test_types_that_polars_writes_into_folder_names(study: Path) -> None:
    frame = pl.DataFrame(
        {
            "on": [date(2024, 2, 29), date(2026, 1, 1)],
            "at": [datetime(2026, 1, 1, 12, 30), datetime(2026, 1, 1, 0, 0, 0, 250_000)],
            "x": [1.5, -2.0],
            "yes": [True, False],
            "n": [1, 2],
        }
    )
    frame.write_parquet(pl.PartitionBy(study / "data", key=["on", "at", "x", "yes"], include_key=False))
    kinds = {"on": "date", "at": "datetime", "x": "number", "yes": "boolean", "n": "integer"}
    table = Table(key=("n",), subject="n", columns={name: Column(type=kind) for name, kind in kinds.items()})
    assert go(study, table).frame.drop("row").sort("n").equals(frame)


def test_a_missing_value_is_missing(study: Path, refused: Callable) -> None:
    part(study, "subject=a/session=1/x.parquet", {"epoch": [1], "hr": [60.0]})
    part(study, "subject=__HIVE_DEFAULT_PARTITION__/session=1/x.parquet", {"epoch": [1], "hr": [60.0]})
    (violation,) = refused(go, study)
    assert violation.key == "subject"
    assert "__HIVE_DEFAULT_PARTITION__" in str(violation.file)


def test_a_value_that_does_not_fit_its_type(study: Path, refused: Callable) -> None:
    part(study, "subject=a/session=1/x.parquet", {"epoch": [1], "hr": [60.0]})
    part(study, "subject=a/session=two/x.parquet", {"epoch": [1, 2], "hr": [60.0, 61.0]})
    (violation,) = refused(go, study)
    assert (violation.file, violation.key, violation.found, violation.count) == (
        "data/subject=a/session=two/x.parquet", "session", "two", 2,
    )  # fmt: skip


@pytest.mark.parametrize("csv", [False, True], ids=["parquet", "csv"])
def test_a_column_of_the_file_has_to_agree(study: Path, refused: Callable, csv: bool) -> None:
    ending = "csv" if csv else "parquet"
    rows = {"session": [1, 1], "epoch": [1, 2], "hr": [60.0, 61.0]}
    for subject in ("001", "002"):
        part(study, f"subject={subject}/session=01/x.{ending}", {"subject": [subject] * 2} | rows, csv=csv)
    assert go(study).frame["subject"].to_list() == ["001", "001", "002", "002"]
    wrong = {"subject": ["003", "004"]} | rows
    part(study, f"subject=003/session=1/x.{ending}", wrong, csv=csv)
    part(study, f"subject=004/session=1/x.{ending}", wrong, csv=csv)
    found = refused(go, study)
    assert [(one.file, one.key, one.found) for one in found] == [
        (f"data/subject=003/session=1/x.{ending}", "subject", "004"),
        (f"data/subject=004/session=1/x.{ending}", "subject", "003"),
    ]
    assert "the folder says `subject=003`" in found[0].message
    assert found[0].line == (3 if csv else None)


def test_zeros_lost_in_the_file_are_no_agreement(study: Path, refused: Callable) -> None:
    part(study, "subject=007/session=1/x.parquet", {"subject": [7], "epoch": [1], "hr": [60.0]})
    (violation,) = refused(go, study)
    assert "the folder says `subject=007`" in violation.message


def test_folders_that_nobody_asks_for_say_nothing(study: Path, table: Table) -> None:
    part(study, "site=A/x.parquet", {"subject": ["a"], "epoch": [1], "hr": [60.0]})
    assert go(study, table).frame.columns == ["subject", "epoch", "hr", "row"]


def test_renamed(study: Path) -> None:
    part(study, "participant=001/night=3/x.parquet", {"epoch": [1], "hr": [60.0]})
    data = go(study, columns={"subject": "participant", "session": "night"})
    assert data.frame.select("subject", "session").row(0) == ("001", 3)


def test_one_file_beside_the_folders(study: Path, refused: Callable) -> None:
    for subject in ("a", "b"):
        part(study, f"subject={subject}/session=1/x.parquet", {"epoch": [1], "hr": [60.0]})
    part(study, "x.parquet", {"epoch": [1], "hr": [60.0]})
    (violation,) = refused(go, study)
    assert violation.file == "data/x.parquet"
    assert "lacks `subject`, `session`" in violation.message


def test_all_that_is_wanted_may_stand_in_the_folders(study: Path) -> None:
    table = Table(key=("subject",), extra_columns="ignored", columns={"subject": Column(type="text")})
    part(study, "subject=a/x.parquet", {"hr": [60.0]})
    part(study, "subject=b/x.parquet", {"hr": [61.0]})
    assert go(study, table).frame["subject"].to_list() == ["a", "b"]


def test_a_single_file_stands_for_itself(study: Path, refused: Callable) -> None:
    part(study, "subject=a/session=1/x.parquet", {"epoch": [1], "hr": [60.0]})
    keys = {one.key for one in refused(go, study, file="data/subject=a/session=1/x.parquet")}
    assert keys == {"subject", "session"}


def test_partitions_with_other_columns_are_all_named(study: Path, refused: Callable) -> None:
    """The first one is the odd one here, and is named as such."""
    for number in range(5):
        frame = {"epoch": [1], "hr": [60.0]} if number else {"epoch": [1], "rate": [60.0]}
        part(study, f"subject={number}/session=1/x.parquet", frame)
    part(study, "subject=9/session=1/x.parquet", {"epoch": [1]})
    found = refused(go, study)
    assert {str(one.file)[5:14] for one in found} == {"subject=0", "subject=9"}
    assert all("than data/subject=1/session=1/x.parquet" in one.message for one in found)


def test_partitions_with_other_types_are_all_named(study: Path, refused: Callable) -> None:
    """Before any row is read; whole numbers beside numbers are one column."""
    values = [["60"], [60], [61.0], [62.5], ["61"], [datetime(2026, 1, 1)], [None]]
    for number, hr in enumerate(values):
        part(study, f"subject={number}/session=1/x.parquet", {"epoch": [1], "hr": hr})
    found = refused(go, study)
    assert [(str(one.file)[5:14], one.key) for one in found] == [
        ("subject=0", "hr"), ("subject=4", "hr"), ("subject=5", "hr"),
    ]  # fmt: skip
    assert "holds text here, numbers in data/subject=1/session=1/x.parquet" in found[0].message
    assert "holds date-times without a zone here" in found[2].message


def test_whole_numbers_beside_numbers(study: Path) -> None:
    for number, hr in enumerate([[60], [61.5], [None]]):
        part(study, f"subject={number}/session=1/x.parquet", {"epoch": [1], "hr": hr})
    table = NIGHTS.model_copy(
        update={"columns": NIGHTS.columns | {"hr": HR.model_copy(update={"missing": "allowed"})}}
    )
    assert go(study, table).frame["hr"].to_list() == [60.0, 61.5, None]


def test_date_times_of_any_precision_are_one_column(study: Path) -> None:
    table = Table(
        key=("subject", "at"), columns={"subject": Column(type="text"), "at": Column(type="datetime")}
    )
    when = datetime(2026, 3, 1, 8, 30)
    kinds = [pl.Datetime("ms"), pl.Datetime("us"), pl.Datetime("ns")]
    for number, dtype in enumerate(kinds):
        part(study, f"subject={number}/x.parquet", {"at": pl.Series([when], dtype=dtype)})
    assert go(study, table).frame["at"].to_list() == [when] * 3


@given(st.dictionaries(st.text(min_size=1, max_size=6), st.text(max_size=8), min_size=1, max_size=3))
def test_names_survive_the_way_into_folders_and_back(values: dict[str, str]) -> None:
    folders = "/".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in values.items())
    assert partitions.of(folders) == values


def test_not_found_is_still_said(study: Path) -> None:
    with pytest.raises(ContractError, match="holds no file"):
        go(study)
