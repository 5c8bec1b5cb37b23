"""The rows of one subject are those that reading the whole table gives."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from accordance.datasets.one_subject import read_subject
from accordance.datasets.read import read_table
from accordance.datasets.sources import Source
from accordance.protocols.errors import ContractError
from accordance.protocols.model import Column, Table

TABLE = Table(
    key=("subject", "t"),
    time="t",
    columns={"subject": Column(type="text"), "t": Column(type="integer", unit="s")},
)
HOW = {"roots": {"data": "data"}}


def write(study: Path, where: str, subject: str | None, times: list[int]) -> None:
    path = study / "data" / where
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame({"t": times})
    (frame if subject is None else frame.with_columns(subject=pl.lit(subject))).write_parquet(path)


@pytest.mark.parametrize("in_folders", [True, False])
def test_one_of_several(study: Path, in_folders: bool) -> None:
    for subject in ("007", "08"):
        for part in (0, 1):
            where = f"subject={subject}/{part}.parquet" if in_folders else f"{subject}-{part}.parquet"
            write(study, where, None if in_folders else subject, [part * 10, part * 10 + 1])
    source = Source(folder="data")
    whole = read_table("r", TABLE, source, base=study, **HOW).frame.filter(pl.col("subject") == "08")
    found = read_subject("r", TABLE, source, "08", base=study, **HOW)
    assert found.frame.drop("row").equals(whole.drop("row"))
    if in_folders:
        assert all("subject=08" in record.path_relative for record in found.files)


def test_a_subject_that_is_not_there(study: Path) -> None:
    write(study, "subject=007/x.parquet", None, [1])
    assert read_subject("r", TABLE, Source(folder="data"), "none", base=study, **HOW).n_rows == 0


def test_no_column_for_the_subject(study: Path) -> None:
    write(study, "x.parquet", None, [1])
    with pytest.raises(ContractError, match="there is no column `subject`"):
        read_subject("r", TABLE, Source(folder="data"), "007", base=study, **HOW)
