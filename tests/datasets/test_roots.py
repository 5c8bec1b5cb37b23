"""A study reads under its declared roots and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from accordance.datasets.read import read_table
from accordance.datasets.sources import Source
from accordance.protocols.model import Table

TEXT = "subject,epoch,hr\na,1,60\n"


@pytest.fixture
def outside(study: Path) -> Path:
    """A study with a secret beside its data folder, and links to it from inside."""
    (study / "data" / "hr.csv").write_text(TEXT)
    (study / "elsewhere").mkdir()
    (study / "elsewhere" / "secret.csv").write_text(TEXT)
    (study / "data" / "link.csv").symlink_to(study / "elsewhere" / "secret.csv")
    (study / "data" / "linked").symlink_to(study / "elsewhere", target_is_directory=True)
    return study


@pytest.mark.parametrize(
    "source",
    [
        {"file": "elsewhere/secret.csv"},
        {"file": "data/link.csv"},
        {"file": "data/linked/secret.csv"},
        {"file": "/etc/hostname"},
        {"glob": "elsewhere/*.csv"},
        {"glob": "data/*.csv"},
        {"folder": "elsewhere"},
        {"folder": "data/linked"},
        {"sql": "SELECT 1", "database": "elsewhere/secret.csv"},
    ],
    ids=str,
)
def test_outside_the_roots(source: dict, outside: Path, table: Table, refused: Callable) -> None:
    (violation,) = refused(read_table, "r", table, Source(**source), base=outside, roots={"data": "data"})
    assert "lies outside the declared roots (data: data)" in violation.message
    assert violation.key is not None
    assert violation.key.startswith("sources.r")


@pytest.mark.parametrize(
    "source", [{"file": "data/../data/hr.csv"}, {"glob": "../*/data/*.csv"}, {"folder": "data/.."}], ids=str
)
def test_climbing_is_refused(source: dict, outside: Path, table: Table, refused: Callable) -> None:
    (violation,) = refused(read_table, "r", table, Source(**source), base=outside, roots={"data": "data"})
    assert "may not contain `..`" in violation.message


def test_declaring_a_root_is_the_permission(outside: Path, table: Table) -> None:
    roots = {"data": "data", "shared": str(outside / "elsewhere")}
    for source in (
        Source(file="data/link.csv"),
        Source(file="elsewhere/secret.csv"),
        Source(file=str(outside / "elsewhere" / "secret.csv")),
        Source(glob=str(outside / "elsewhere" / "*.csv")),
    ):
        assert read_table("r", table, source, base=outside, roots=roots).n_rows == 1


def test_a_root_with_a_longer_name_is_another_folder(outside: Path, table: Table, refused: Callable) -> None:
    (outside / "data2").mkdir()
    (outside / "data2" / "hr.csv").write_text(TEXT)
    refused(read_table, "r", table, Source(file="data2/hr.csv"), base=outside, roots={"data": "data"})


def test_hidden_files_are_left_out(study: Path, table: Table) -> None:
    (study / "data" / "hr.csv").write_text(TEXT)
    (study / "data" / ".hidden.csv").write_text("x")
    (study / "data" / ".git").mkdir()
    (study / "data" / ".git" / "x.csv").write_text("x")
    assert read_table("r", table, Source(folder="data"), base=study, roots={"data": "data"}).n_rows == 1


def test_file_names_with_wildcards_and_spaces(study: Path, table: Table) -> None:
    for name in ("a [1].csv", "ü *.csv"):
        (study / "data" / name).write_text(TEXT)
        data = read_table("r", table, Source(file=f"data/{name}"), base=study, roots={"data": "data"})
        assert data.files[0].path_relative == f"data/{name}"
