"""SQL sources: relative paths start at the study, and a query reads the roots and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from accordance.datasets.read import read_table
from accordance.datasets.sources import Source
from accordance.protocols.model import Table

TEXT = "subject,epoch,hr\n007,1,60\n008,1,61\n"


@pytest.fixture
def run(study: Path, table: Table) -> Callable[..., pl.DataFrame]:
    """`run(sql)`: the table a query gives, in a study with one file inside its root and one outside."""
    (study / "data" / "hr.csv").write_text(TEXT)
    (study / "outside.csv").write_text(TEXT)
    (study / "data" / "link.csv").symlink_to(study / "outside.csv")

    def go(sql: str, **source: str) -> pl.DataFrame:
        return read_table(
            "r", table, Source(sql=sql, **source), base=study, roots={"data": "data"}, conversions=()
        ).frame

    return go


TYPED = "read_csv('data/hr.csv', types={'subject': 'VARCHAR'})"


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT * FROM {TYPED}",
        f"WITH x AS (FROM {TYPED}) SELECT subject, epoch, hr + 0 AS hr FROM x;",
        "SELECT * FROM read_csv(['data/hr.csv'], all_varchar = false, types = {'subject': 'VARCHAR'})",
        "SELECT subject, epoch::INT AS epoch, hr::DOUBLE AS hr FROM 'data/hr.csv' WHERE 'é' <> 'x'",
        "SELECT lpad(subject, 3, '0') AS subject, epoch, hr FROM \"data/hr.csv\" -- note",
        "SELECT /* ünïcode before */ * FROM read_csv('data/h?.csv', types={'subject': 'VARCHAR'})",
    ],
)
def test_relative_paths_start_at_the_study(sql: str, run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert run(sql).select("subject", "epoch", "hr").rows() == [("007", 1, 60.0), ("008", 1, 61.0)]


FORBIDDEN = [
    "SELECT * FROM read_csv('outside.csv')",
    "SELECT * FROM 'outside.csv'",
    "SELECT * FROM read_csv('data/../outside.csv')",
    "SELECT * FROM read_csv('data/link.csv')",
    "SELECT * FROM read_csv('data/*.csv')",
    "SELECT * FROM read_csv('data/' || '../outside.csv')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_csv('https://example.com/x.csv')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
]


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_a_query_reads_nothing_outside_the_roots(sql: str, run: Callable, refused: Callable) -> None:
    violations = refused(run, sql)
    assert any(word in str(violations[0]) for word in ("declared roots", "may not contain `..`")), violations


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO 'data/out.csv'",
        "CREATE TABLE x AS SELECT 1",
        "ATTACH 'data/x.duckdb'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SELECT 1; SELECT 2",
        "SELECT 1; COPY (SELECT 1) TO 'data/out.csv'",
        "PRAGMA database_list",
        "selec 1",
        "-- nothing",
    ],
)
def test_only_one_select_is_accepted(sql: str, run: Callable, refused: Callable, study: Path) -> None:
    before = sorted(path.name for path in (study / "data").iterdir()) if (study / "data").is_dir() else []
    (violation,) = refused(run, sql)
    assert violation.key == "sources.r.sql"
    assert sorted(path.name for path in (study / "data").iterdir()) == before


def test_python_variables_are_out_of_reach(run: Callable, refused: Callable) -> None:
    secret = pl.DataFrame({"subject": ["a"], "epoch": [1], "hr": [60.0]})
    assert secret.height == 1
    (violation,) = refused(run, "SELECT * FROM secret")
    assert "secret does not exist" in violation.message


def test_a_database_is_opened_read_only(study: Path, table: Table, run: Callable) -> None:
    path = study / "data" / "x.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t (subject VARCHAR, epoch INT, hr DECIMAL(5, 1))")
        connection.execute("INSERT INTO t VALUES ('007', 1, 60.5)")
    before = path.read_bytes()
    frame = run("SELECT * FROM t", database="data/x.duckdb")
    assert frame["hr"].to_list() == [60.5]
    assert path.read_bytes() == before


def test_duplicate_names_and_broken_queries(run: Callable, refused: Callable) -> None:
    (violation,) = refused(run, "SELECT 1 AS hr, 2 AS hr")
    assert "gives this column more than once" in violation.message
    (violation,) = refused(run, "SELECT nothing FROM 'data/hr.csv'")
    assert violation.message.startswith("the query fails: Binder Error")


def test_a_file_that_is_no_database(study: Path, run: Callable, refused: Callable) -> None:
    (violation,) = refused(run, "SELECT 1", database="data/hr.csv")
    assert "the query fails" in violation.message
    (violation,) = refused(run, "SELECT 1", database="data/no.duckdb")
    assert "there is no such database file" in violation.message
