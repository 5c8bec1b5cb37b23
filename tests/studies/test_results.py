"""Results: one table, one document, readable again and never misread."""

from __future__ import annotations

import json

import polars as pl
import pytest
from rich.console import Console

from accordance.protocols.errors import ContractError, IntegrityError, OutputError, UsageError
from accordance.protocols.model import Protocol
from accordance.studies.results import Results, conform, interval_text, number
from accordance.studies.run import run
from accordance.studies.schema import row_id


@pytest.fixture
def results(make_study):
    return run(make_study())


def test_rows_are_found_by_the_first_digits_of_their_id(results):
    row = results.rows.row(0, named=True)
    assert results.row(row["row_id"]) == row
    assert results.row(row["row_id"][:12]) == row
    for unknown in ("", "zzzz"):
        with pytest.raises(UsageError, match="with an id that begins with"):
            results.row(unknown)


def test_row_ids_name_what_a_row_is_and_not_its_numbers(results):
    row = results.rows.row(0, named=True)
    assert row_id({**row, "estimate": 1.0, "decision": "met", "unit": None}) == row["row_id"]
    assert row_id({**row, "version": "v9"}) != row["row_id"]


def test_an_unknown_endpoint_is_answered_with_those_there_are(results):
    with pytest.raises(
        UsageError, match="no endpoint `bias` in these results; there are: error, sensitivity, yield"
    ):
        results.endpoint("bias")


def test_pairs_that_are_not_there(results):
    with pytest.raises(UsageError, match="no pairs of pairing `epochs` and version `v9`"):
        results.pairs("epochs", "v9")


def test_the_protocol_comes_back_resolved(results):
    assert isinstance(results.protocol, Protocol)
    assert results.protocol.endpoints["error"].interval.methods == {"rmse": "bootstrap_bca"}


def test_a_terminal_shows_decision_and_endpoints(results):
    console = Console(width=160, record=True, file=None)
    with console.capture() as capture:
        console.print(results)
    text = capture.get()
    assert text.splitlines()[0].strip() == "Success criterion demonstrated: yes"
    assert "error" in text
    assert "upper < 10" in text
    assert repr(results).startswith("<Results of made: Success criterion demonstrated: yes; ")


def test_a_notebook_shows_escaped_html(make_study):
    study = make_study()
    path = study / "protocol.yaml"
    results = run(study)
    html = results._repr_html_()
    assert html.count("<tr>") == 1 + len(results.overview())
    assert "upper &lt; 10" in html
    assert path.exists()


def rewrite(folder, **columns):
    frame = pl.read_parquet(folder / "results.parquet")
    frame.with_columns(**columns).write_parquet(folder / "results.parquet")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"schema_version": pl.lit(0, dtype=pl.Int64)},
            "version 0 of the results schema; this version reads 3",
        ),
        ({"mood": pl.lit("good")}, "mood: unknown column"),
        ({"estimate": pl.lit("1.0")}, "estimate: column has type String, not Float64"),
    ],
)
def test_another_schema_is_refused_by_name(results, columns, message):
    rewrite(results.folder, **columns)
    with pytest.raises(ContractError) as caught:
        Results.open(results.folder)
    assert message in str(caught.value)
    assert "results.parquet" in str(caught.value)


def test_all_that_is_wrong_with_a_table_is_said_at_once(results):
    with pytest.raises(ContractError) as caught:
        conform(results.rows.drop("view", "level"), "rows")
    assert [violation.key for violation in caught.value.violations] == ["view", "level"]


def test_another_document_schema_is_refused_by_name(results):
    path = results.folder / "results.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**document, "schema": "accordance/results/0"}), encoding="utf-8")
    with pytest.raises(ContractError, match="accordance/results/0"):
        Results.open(results.folder)


def test_files_that_cannot_be_read(results):
    (results.folder / "results.json").write_text("{", encoding="utf-8")
    with pytest.raises(IntegrityError, match="not readable as JSON"):
        Results.open(results.folder)
    (results.folder / "results.json").write_text('{"schema": "accordance/results/1"}', encoding="utf-8")
    (results.folder / "results.parquet").write_bytes(b"PAR1")
    with pytest.raises(OutputError, match="cannot be read"):
        Results.open(results.folder)


def test_a_folder_without_results_is_no_run(tmp_path):
    with pytest.raises(UsageError, match=r"no results\.json and no results\.parquet"):
        Results.open(tmp_path)
    with pytest.raises(UsageError, match="no finished run"):
        Results.latest(tmp_path / "nowhere")


def test_results_json_has_no_nan(results):
    text = (results.folder / "results.json").read_text(encoding="utf-8")
    json.loads(text, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.11764705882353, "2.1176"),
        (-1234.5, "-1,234.5000"),
        (0.0, "0.0000"),
        (4.2e-6, "4.2e-06"),
        (None, ""),
    ],
)
def test_numbers_for_a_first_look(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("lower", "upper", "text"),
    [
        (1.0, 2.0, "1.0000 to 2.0000"),
        (1.0, None, "from 1.0000"),
        (None, 2.0, "up to 2.0000"),
        (None, None, ""),
    ],
)
def test_intervals_for_a_first_look(lower, upper, text):
    assert interval_text({"ci_lower": lower, "ci_upper": upper}) == text


def test_rows_written_before_there_was_otherwise_are_read(results):
    path = results.folder / "results.parquet"
    before = (
        pl.read_parquet(path)
        .drop("otherwise", "contrast")
        .with_columns(pl.lit(1, dtype=pl.Int64).alias("schema_version"))
    )
    before.write_parquet(path)
    found = Results.open(results.folder)
    assert found.rows["otherwise"].null_count() == found.rows.height
    assert found.rows["decision"].to_list() == results.rows["decision"].to_list()
