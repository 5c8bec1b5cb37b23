"""SAS: files that pyreadstat wrote are read as pandas, another decoder, reads them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest

N = 57


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    value = rng.normal(70, 9, N)
    value[3] = np.nan
    return pd.DataFrame(
        {
            "USUBJID": [f"S-{i:03}" for i in range(N)],
            "VSSTRESN": value,
            "VISITNUM": np.arange(N, dtype=float),
            "SEX": ["F", "M", ""] * (N // 3),
            "VSDT": [date(2026, 3, 1 + i % 28) if i else None for i in range(N)],
            "VSDTM": [datetime(2026, 3, 1, 8, i, 0, 250_000) for i in range(N)],
            "VSTM": [time(1, 2, i) for i in range(N)],
        }
    )


@pytest.fixture(params=[5, 8])
def xpt(request: pytest.FixtureRequest, study: Path) -> Path:
    path = study / "data" / "vs.xpt"
    pyreadstat.write_xport(frame(), str(path), file_format_version=request.param, table_name="VS")
    return path


COLUMNS = {"subject": "USUBJID", "value": "VSSTRESN", "visit": "VISITNUM", "sex": "SEX"}
TYPES = {"subject": "text", "value": "number", "visit": "integer", "sex": "text"}


def test_values_are_those_that_pandas_reads(xpt: Path, take: Callable, contract: Callable) -> None:
    data = take(contract(key=("subject",), **TYPES), file="data/vs.xpt", columns=COLUMNS, constants={})
    if b"LIBV8" in xpt.read_bytes()[:80]:
        theirs = frame()  # pandas reads version 5 only
    else:
        theirs = pd.read_sas(xpt, format="xport", encoding="utf-8")
    np.testing.assert_allclose(data.frame["value"].to_numpy(), theirs["VSSTRESN"].to_numpy(), rtol=1e-14)
    assert data.frame["value"][3] is None
    assert data.frame["subject"].to_list() == theirs["USUBJID"].to_list()
    assert data.frame["visit"].to_list() == list(range(N))
    assert data.frame["sex"][:3].to_list() == ["F", "M", None]


def test_dates_and_times_have_their_types(xpt: Path, take: Callable, contract: Callable) -> None:
    columns = {"subject": "USUBJID", "day": "VSDT", "moment": "VSDTM", "clock": "VSTM"}
    table = contract(key=("subject",), subject="text", day="date", moment="datetime", clock="number")
    got = take(table, file="data/vs.xpt", columns=columns, constants={}).frame
    assert got["day"][:2].to_list() == [None, date(2026, 3, 2)]
    assert got["moment"][9] == datetime(2026, 3, 1, 8, 9, 0, 250_000)
    assert got["clock"][9] == 3_600 + 2 * 60 + 9


@pytest.mark.parametrize("cut", [7, 80, 400, 2_000])
def test_truncated_transport_files(
    cut: int, xpt: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    xpt.write_bytes(xpt.read_bytes()[:-cut])
    (violation,) = refused(
        take, contract(key=("subject",), **TYPES), file="data/vs.xpt", columns=COLUMNS, constants={}
    )
    assert "is truncated" in violation.message
    assert violation.file == "data/vs.xpt"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.xpt", b"", "the file is empty"),
        ("x.xpt", b"PK\x03\x04" + bytes(400), "is neither a SAS transport file"),
        ("x.sas7bdat", b"HEADER RECORD" + bytes(400), "is neither a SAS transport file"),
        (
            "x.sas7bdat",
            bytes(12) + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011") + bytes(99),
            "damaged",
        ),
    ],
)
def test_what_is_no_sas_file(
    name: str, content: bytes, words: str, study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    (study / "data" / name).write_bytes(content)
    (violation,) = refused(take, contract(value={}), file=f"data/{name}")
    assert words in violation.message


def test_two_data_sets_in_one_file(
    study: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    path = study / "data" / "two.xpt"
    pyreadstat.write_xport(frame(), str(path), file_format_version=5, table_name="VS")
    data = path.read_bytes()
    path.write_bytes(data + data[240:])  # a second member after the first
    (violation,) = refused(
        take, contract(key=("subject",), **TYPES), file="data/two.xpt", columns=COLUMNS, constants={}
    )
    assert "more than one data set" in violation.message


def test_a_missing_column_names_those_there_are(
    xpt: Path, take: Callable, contract: Callable, refused: Callable
) -> None:
    (violation,) = refused(
        take, contract(key=("subject",), subject="text", USUBJD="text"), file="data/vs.xpt"
    )
    assert violation.suggestion == "USUBJID"
