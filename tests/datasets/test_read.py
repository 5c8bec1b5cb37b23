"""Tables in: every source gives the same frame, and text stays what was written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.datasets.provenance import sha256_file
from accordance.datasets.read import TableData, from_frame, read_table
from accordance.datasets.sources import Source
from accordance.protocols.errors import ContractError
from accordance.protocols.model import Bands, Column, Conversion, Table

HEAD = "subject,epoch,hr\n"
ROWS = [("007", 1, 60.5), ("007", 2, 61.0), ("010", 1, 72.25)]
TEXT = HEAD + "007,1,60.5\n007,2,61\n010,1,72.25\n"


def _values(data: TableData) -> list[tuple]:
    return data.frame.select("subject", "epoch", "hr").rows()


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        "\ufeff" + TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.rstrip("\n"),
        TEXT.replace("\n", "\n\n"),
        TEXT.replace("007", '"007"').replace("subject", '"subject"'),
        TEXT.replace(",", ", "),
        TEXT.replace(",61\n", ",61.\n").replace("60.5", "6.05e1"),
    ],
    ids=["plain", "bom", "crlf", "no last newline", "empty lines", "quoted", "blanks", "number forms"],
)
def test_csv_in_all_its_forms(content: str, read: Callable) -> None:
    data = read(content)
    assert _values(data) == ROWS
    assert data.frame["row"].to_list() == [0, 1, 2]
    assert data.frame.columns == ["subject", "epoch", "hr", "row"]


def test_quoted_commas_newlines_and_quotation_marks(read: Callable) -> None:
    note = Table(key=("subject",), columns={"subject": Column(type="text"), "note": Column(type="text")})
    data = read('subject,note\na,"x, y"\nb,"two\nlines"\nc,"say ""no"""\n', contract=note)
    assert data.frame["note"].to_list() == ["x, y", "two\nlines", 'say "no"']


def test_line_numbers_run_over_quoted_newlines_and_empty_lines(read: Callable, refused: Callable) -> None:
    (violation,) = refused(read, 'epoch,hr,subject\n1,60,"a\nb"\n\n2,x,c\n')
    assert violation.line == 5


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(
            st.characters(codec="utf-8", exclude_characters="\x00\r", exclude_categories=("Cs",)), max_size=12
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_text_survives_a_csv_file(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("csv")
    spec = Column(type="text", missing="allowed")
    contract = Table(key=("subject",), columns={"subject": Column(type="text"), "note": spec})
    frame = pl.DataFrame({"subject": [f"s{i}" for i in range(len(texts))], "note": texts})
    frame.write_csv(folder / "x.csv")
    data = read_table("t", contract, Source(file="x.csv"), base=folder, roots={"here": "."})
    assert data.frame["note"].to_list() == [text or None for text in texts]


def test_types_of_a_text_file(read: Callable) -> None:
    kinds = ("text", "integer", "number", "boolean", "category", "datetime", "date")
    columns = {name: Column(type=name, missing="allowed") for name in kinds}
    columns["category"] = Column(type="category", levels=("af", "sinus"), missing="allowed")
    contract = Table(subject="text", key=("text",), columns=columns)
    data = read(
        ",".join(kinds)
        + "\n0x1,7,1e-3,TRUE,af,2026-03-01T08:30:00.25,2026-03-01"
        + "\nb,5.0, -2 ,0,sinus,2026-03-01 08:31,2024-02-29\nc,,,,,,\n",
        contract=contract,
    )
    assert data.frame.select(kinds).rows() == [
        ("0x1", 7, 0.001, True, "af", datetime(2026, 3, 1, 8, 30, 0, 250000), date(2026, 3, 1)),
        ("b", 5, -2.0, False, "sinus", datetime(2026, 3, 1, 8, 31), date(2024, 2, 29)),
        ("c", None, None, None, None, None, None),
    ]


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("integer", "5.5"),
        ("integer", "9" * 20),
        ("boolean", "yes"),
        ("date", "1.3.2026"),
        ("date", "2026-02-30"),
        ("date", "2026-2-3"),
        ("datetime", "2026-03-01"),
        ("datetime", "8:30"),
        ("number", "1,5"),
        ("number", "0x1F"),
    ],
)
def test_what_does_not_fit_a_type(kind: str, cell: str, read: Callable, refused: Callable) -> None:
    contract = Table(key=("subject",), columns={"subject": Column(type="text"), "x": Column(type=kind)})
    (violation,) = refused(read, f'subject,x\na,"{cell}"\n', contract=contract)
    assert violation.key == "x"
    assert f"'{cell}'" in violation.examples[0]


def test_datetimes_with_offset_become_utc_and_are_not_mixed(read: Callable, refused: Callable) -> None:
    contract = Table(key=("subject",), columns={"subject": Column(type="text"), "t": Column(type="datetime")})
    data = read("subject,t\na,2026-03-01T08:30:00+01:00\nb,2026-03-01T08:30:00Z\n", contract=contract)
    assert data.frame["t"].to_list() == [
        datetime(2026, 3, 1, 7, 30, tzinfo=UTC),
        datetime(2026, 3, 1, 8, 30, tzinfo=UTC),
    ]
    (violation,) = refused(
        read, "subject,t\na,2026-03-01T08:30:00\nb,2026-03-01T08:30:00Z\n", contract=contract
    )
    assert violation.examples == ("line 3: '2026-03-01T08:30:00Z'",)


def test_every_source_gives_the_same_content(table: Table, study: Path) -> None:
    folder = study / "data"
    typed = pl.DataFrame(ROWS, schema=["subject", "epoch", "hr"], orient="row")
    (folder / "all.csv").write_text(TEXT)
    typed.write_parquet(folder / "all.parquet", compression="zstd")
    typed.with_columns(pl.col("subject").cast(pl.Categorical), pl.col("epoch").cast(pl.Int16)).write_parquet(
        folder / "encoded.parquet", compression="uncompressed"
    )
    (folder / "parts").mkdir()
    for number, part in enumerate((typed.head(1), typed.tail(2))):
        part.write_parquet(folder / "parts" / f"{number}.parquet")
    with duckdb.connect(str(folder / "all.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT * FROM typed")
    sources = [
        Source(file="data/all.csv"),
        Source(file="data/all.parquet"),
        Source(file="data/encoded.parquet"),
        Source(folder="data/parts"),
        Source(glob="data/parts/*.parquet"),
        Source(sql="SELECT * FROM 'data/all.parquet'"),
        Source(sql="SELECT * FROM t", database="data/all.duckdb"),
    ]
    read = [read_table("reference", table, source, base=study, roots={"data": "data"}) for source in sources]
    frames = [
        typed.sample(fraction=1, shuffle=True, seed=2),
        typed.lazy(),
        typed.to_pandas(),
        typed.to_arrow(),
        typed.to_dict(as_series=False),
        {name: np.array(values) for name, values in typed.to_dict(as_series=False).items()},
    ]
    read += [from_frame("reference", table, frame) for frame in frames]
    assert len({data.content_sha256 for data in read}) == 1
    assert all(_values(data) == ROWS for data in read if data.frame["subject"][0] == "007")
    assert read[0].files[0].path_relative == "data/all.csv"
    assert read[0].files[0].sha256 == sha256_file(folder / "all.csv")
    assert [record.path_relative for record in read[3].files] == [
        "data/parts/0.parquet",
        "data/parts/1.parquet",
    ]
    assert [record.path_relative for record in read[5].files] == ["data/all.parquet"]
    assert [record.path_relative for record in read[6].files] == ["data/all.duckdb"]


def test_columns_are_renamed_and_units_converted(read: Callable, study: Path) -> None:
    contract = Table(
        key=("subject",),
        columns={"subject": Column(type="text"), "hr": Column(type="number", unit="1/min", range=(0, 300))},
    )
    (study / "data" / "x.csv").write_text("ID,Pulse\n007,1.25\n")
    rules = (Conversion.model_validate({"from": "Hz", "to": "1/min", "factor": 60.0}),)
    source = Source(file="data/x.csv", columns={"subject": "ID", "hr": "Pulse"}, units={"hr": "Hz"})
    data = read_table("r", contract, source, base=study, roots={"data": "data"}, conversions=rules)
    assert data.frame.select("subject", "hr").rows() == [("007", 75.0)]


def test_range_holds_after_conversion(study: Path, refused: Callable) -> None:
    temperature = Column(type="number", unit="degC", range=(25, 45))
    contract = Table(key=("subject",), columns={"subject": Column(type="text"), "t": temperature})
    (study / "data" / "x.csv").write_text("subject,t\na,98.6\nb,36.6\n")
    rules = (
        Conversion.model_validate({"from": "degF", "to": "degC", "factor": 5 / 9, "offset": -160 / 9}),
        Conversion.model_validate({"from": "K", "to": "degC", "factor": 1.0, "offset": -273.15}),
    )
    options = {"base": study, "roots": {"data": "data"}, "conversions": rules}
    source = Source(file="data/x.csv", units={"t": "degF"})
    (violation,) = refused(read_table, "r", contract, source, **options)
    assert (violation.line, violation.count) == (3, 1)
    (violation,) = refused(
        read_table, "r", contract, Source(file="data/x.csv", units={"t": "deg F"}), **options
    )
    assert violation.suggestion == "degF"
    assert "`degF` to `degC`; `K` to `degC`" in violation.message


def test_a_conversion_is_not_inverted(study: Path, refused: Callable, read: Callable) -> None:
    contract = Table(
        key=("subject",), columns={"subject": Column(type="text"), "x": Column(type="number", unit="Hz")}
    )
    rules = (Conversion.model_validate({"from": "Hz", "to": "1/min", "factor": 60.0}),)
    (study / "data" / "x.csv").write_text("subject,x\na,60\n")
    source = Source(file="data/x.csv", units={"x": "1/min"})
    options = {"base": study, "roots": {"data": "data"}, "conversions": rules}
    (violation,) = refused(read_table, "r", contract, source, **options)
    assert "no declared conversion from `1/min` to `Hz`" in violation.message


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ({"subject": "Hz"}, "gives column `subject` no unit"),
        ({"puls": "Hz"}, "does not declare"),
        ({"epoch": "h"}, "declare column `epoch` as a number"),
    ],
)
def test_units_of_columns_that_have_none(units: dict, words: str, study: Path, refused: Callable) -> None:
    columns = {
        "subject": Column(type="text"),
        "epoch": Column(type="integer", unit="s"),
        "hr": Column(type="number"),
    }
    contract = Table(key=("subject",), columns=columns)
    (study / "data" / "x.csv").write_text(HEAD + "a,1,60\n")
    rules = (Conversion.model_validate({"from": "h", "to": "s", "factor": 3600.0}),)
    options = {"base": study, "roots": {"data": "data"}, "conversions": rules}
    (violation,) = refused(read_table, "r", contract, Source(file="data/x.csv", units=units), **options)
    assert words in violation.message


def test_optional_columns_may_be_absent(read: Callable) -> None:
    contract = Table(
        key=("subject",),
        columns={
            "subject": Column(type="text"),
            "site": Column(type="text", required=False, missing="allowed"),
        },
    )
    data = read("subject\na\n", contract=contract)
    assert data.frame.rows() == [("a", None, 0)]
    assert data.frame.schema["site"] == pl.String


def test_extra_columns_are_ignored_where_the_contract_says_so(read: Callable, table: Table) -> None:
    data = read(
        "subject,epoch,hr,\n007,1,60,x\n", contract=table.model_copy(update={"extra_columns": "ignored"})
    )
    assert data.frame.columns == ["subject", "epoch", "hr", "row"]


def test_only_needed_parquet_columns_are_read(
    table: Table, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = pl.DataFrame(ROWS, schema=["subject", "epoch", "hr"], orient="row").with_columns(extra=pl.lit("x"))
    wide.write_parquet(study / "data" / "x.parquet")
    asked: list[list[str]] = []
    original = pl.read_parquet

    def spy(path: Path, **options: object) -> pl.DataFrame:
        asked.append(list(options["columns"]))
        return original(path, **options)

    monkeypatch.setattr(pl, "read_parquet", spy)
    contract = table.model_copy(update={"extra_columns": "ignored"})
    read_table("r", contract, Source(file="data/x.parquet"), base=study, roots={"data": "data"})
    assert asked == [["subject", "epoch", "hr"]]


def test_pandas_says_missing_by_nan(table: Table, refused: Callable) -> None:
    frame = pd.DataFrame({"subject": ["a", "b"], "epoch": [1, 2], "hr": [60.0, np.nan]})
    (violation,) = refused(from_frame, "reference", table, frame)
    assert "the contract refuses missing values" in violation.message
    allowed = table.model_copy(
        update={"columns": table.columns | {"hr": Column(type="number", missing="allowed")}}
    )
    assert from_frame("reference", allowed, frame).frame["hr"].to_list() == [60.0, None]


def test_nan_of_a_polars_frame_is_refused(table: Table, refused: Callable) -> None:
    frame = pl.DataFrame({"subject": ["a"], "epoch": [1], "hr": [float("nan")]})
    (violation,) = refused(from_frame, "reference", table, frame)
    assert str(violation).startswith("reference: hr: not a finite number")


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (
            pd.DataFrame({"subject": ["a", 7], "epoch": [1, 2], "hr": [1.0, 2.0]}),
            "mixes values of types int, str",
        ),
        (
            pd.DataFrame([["a", 1, 2.0, 3.0]], columns=["subject", "epoch", "hr", "hr"]),
            "appears more than once",
        ),
        ({"subject": ["a"], "epoch": [1, 2]}, "cannot be read as columns"),
        ([1, 2], "is a list; accepted: a polars, pandas or pyarrow table"),
        (pl.DataFrame({"subject": [], "epoch": [], "hr": []}), "has no rows"),
    ],
    ids=["mixed", "twice", "lengths", "list", "empty"],
)
def test_frames_that_are_no_table(frame: object, words: str, table: Table, refused: Callable) -> None:
    assert any(words in str(violation) for violation in refused(from_frame, "reference", table, frame))


def test_whole_numbers_name_subjects_as_text(table: Table) -> None:
    data = from_frame("reference", table, {"subject": [7, 10], "epoch": [1.0, 1.0], "hr": [60, 70]})
    assert data.frame.rows() == [("7", 1, 60.0, 0), ("10", 1, 70.0, 1)]


@pytest.mark.parametrize(
    ("kind", "values", "accepted"),
    [
        ("text", [1.5], False),
        ("integer", [1.5], False),
        ("integer", [2.0**60], False),
        ("boolean", [1], False),
        ("datetime", [date(2026, 1, 1)], False),
        ("number", [True], False),
        ("category", [True], True),
        ("datetime", ["2026-01-01T00:00:00"], True),
        ("date", ["2026-01-01"], True),
        ("number", [None], True),
    ],
)
def test_types_of_typed_sources(kind: str, values: list, accepted: bool, refused: Callable) -> None:
    spec = Column(type=kind, missing="allowed")
    contract = Table(key=("subject",), columns={"subject": Column(type="text"), "x": spec})
    frame = pl.DataFrame({"subject": ["a"], "x": values})
    if accepted:
        assert from_frame("r", contract, frame).n_rows == 1
    else:
        (violation,) = refused(from_frame, "r", contract, frame)
        assert violation.key == "x"


def test_arrow_dictionaries_and_decimals(table: Table) -> None:
    arrow = pa.table(
        {
            "subject": pa.array(["a", "b"]).dictionary_encode(),
            "epoch": pa.array([1, 2], pa.uint8()),
            "hr": pa.array([Decimal("60.5"), Decimal("61.0")]),
        }
    )
    assert from_frame("reference", table, arrow).frame["hr"].to_list() == [60.5, 61.0]


AHI = Table(
    key=("subject",),
    columns={
        "subject": Column(type="text"),
        "severity": Column(
            type="category",
            levels=("none", "mild", "moderate", "severe"),
            missing="allowed",
            **{"from": Bands(column="ahi", edges=(5.0, 15.0, 30.0))},
        ),
        "ahi": Column(type="number", unit="1/h", missing="allowed"),
    },
)


def test_a_category_is_made_from_a_number() -> None:
    values = [0.0, 4.999, 5.0, 15.0, 29.9, 30.0, 300.0, None]
    found = from_frame("reference", AHI, {"subject": [str(n) for n in range(8)], "ahi": values})
    words = ["none", "none", "mild", "moderate", "moderate", "severe", "severe", None]
    assert found.frame["severity"].to_list() == words
    assert found.frame.columns == ["subject", "severity", "ahi", "row"]


def test_bands_are_those_of_the_contracts_unit() -> None:
    rule = Conversion(**{"from": "1/min"}, to="1/h", factor=60.0)
    source = Source(units={"ahi": "1/min"})
    data = {"subject": ["1", "2"], "ahi": [0.2, 0.3]}
    found = from_frame("reference", AHI, data, source=source, conversions=(rule,))
    assert found.frame["severity"].to_list() == ["mild", "moderate"]


@pytest.mark.parametrize("extra", ["refused", "ignored"])
def test_data_may_not_bring_what_is_made(extra: str) -> None:
    table = AHI.model_copy(update={"extra_columns": extra})
    with pytest.raises(ContractError, match="column is made from `ahi`"):
        from_frame("reference", table, {"subject": ["1"], "ahi": [7.0], "severity": ["severe"]})


def test_without_the_number_there_is_no_category() -> None:
    columns = {name: one.model_copy(update={"required": False}) for name, one in AHI.columns.items()}
    columns["subject"] = AHI.columns["subject"]
    found = from_frame("reference", AHI.model_copy(update={"columns": columns}), {"subject": ["1"]})
    assert found.frame["severity"].to_list() == [None]


@settings(max_examples=50)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30))
def test_bands_are_half_open(values: list[float]) -> None:
    found = from_frame("reference", AHI, {"subject": [str(n) for n in range(len(values))], "ahi": values})
    codes = np.searchsorted([5.0, 15.0, 30.0], values, side="right")
    levels = AHI.columns["severity"].levels or ()
    assert found.frame["severity"].to_list() == [levels[code] for code in codes]
