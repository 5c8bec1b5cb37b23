"""What a report and the app show of a study in windows: rows to units, words of the method, coverage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from accordance.reports import coverage, report
from accordance.studies import run as runs
from accordance.studies.results import Results, units_file

STUDY = """
schema: accordance/study/1
id: wear
title: Wear
protocol: protocol.yaml
sources:
  reference: {file: data/reference.csv}
algorithm:
  name: Wrist
  versions:
    v1: {sources: {test: {file: data/test_v1.csv}}}
    v2: {sources: {test: {file: data/test_v2.csv}}}
"""
PROTOCOL = """
schema: accordance/protocol/1
id: wear
version: "1"
title: Heart rate in wear
intended_use: Wear.
objective: To estimate the error.
tables:
  reference:
    key: [subject, time]
    time: time
    interval: 1 s
    columns:
      subject: {type: text}
      time: {type: number, unit: s}
      rate: {type: number, unit: 1/min, range: [20, 250]}
      activity: {type: category, levels: [rest, run]}
  test:
    key: [subject, time]
    time: time
    interval: 1 s
    columns:
      subject: {type: text}
      time: {type: number, unit: s}
      rate: {type: number, unit: 1/min, range: [20, 250], missing: allowed}
pairings: {main: {method: windows, unit: {length: 5 s}}}
endpoints:
  error: {title: Error, role: primary, metric: mae, average: pooled, reference: rate, test: rate,
          by: [reference.activity], criterion: {compare: point, operator: "<", limit: 5, unit: 1/min}}
seed: 1
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Three subjects of whom the last has no output of the second version."""
    folder = tmp_path_factory.mktemp("wear")
    (folder / "data").mkdir()
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    (folder / "protocol.yaml").write_text(PROTOCOL, encoding="utf-8")
    rows = [(subject, t, 70.0 + t % 3) for subject in ("a", "b", "c") for t in range(20)]
    reference = pl.DataFrame(rows, schema=["subject", "time", "rate"], orient="row").with_columns(
        activity=pl.when(pl.col("time") < 10).then(pl.lit("rest")).otherwise(pl.lit("run"))
    )
    reference.write_csv(folder / "data" / "reference.csv")
    test = reference.drop("activity").with_columns(pl.col("rate") + 1)
    test.write_csv(folder / "data" / "test_v1.csv")
    less = test.filter(pl.col("subject") != "c").with_columns(
        pl.when(pl.col("time") % 10 < 4).then("rate").alias("rate")
    )
    less.write_csv(folder / "data" / "test_v2.csv")
    return runs.run(folder, workers=1)


def test_rows_to_units(results: Results) -> None:
    tables = coverage.units(results)
    assert [(table.title, table.version, table.n_units) for table in tables] == [
        ("reference (reference)", "v1", "12"),
        ("test (test)", "v1", "12"),
        ("test (test)", "v2", "8"),
    ]
    assert tables[2].steps == (
        ("Rows read", "2", "40"),
        ("Row without a value", "2", "24"),
        ("Rows used", "2", "16"),
    )
    assert results.folder is not None
    audit = pl.read_parquet(results.folder / units_file("main", "v2"))
    own = audit.filter(side="test").group_by("reason").agg(pl.col("n_rows").sum())
    assert dict(own.iter_rows()) == {"read": 40, "missing_value": 24, "used": 16}


def test_coverage_beside_the_errors(results: Results) -> None:
    sentence = coverage.beside(results, "error")
    assert sentence.startswith("Coverage: 33.3% (")
    assert "for 4/12 reference units of 3 subjects; the figures here speak of those only." in sentence
    assert coverage.beside(results, "coverage") == ""


def test_the_page_says_it_all(results: Results, plain: Callable[[str], str], tmp_path: Path) -> None:
    assert results.folder is not None
    report(results.folder, output=tmp_path, formats=["html"])
    page = tmp_path / "report.html"
    text = plain(page.read_text(encoding="utf-8"))
    assert (
        "Rows to units of time, version v2: test (test). The rows add up to its first line; they made 8 "
        "units." in text
    )
    assert "Coverage: 33.3%" in text
    assert "Coverage: share of the reference units for which the device gave an output." in text
    assert "windows of 5 s, counted from zero; units with the same start form a pair." in text
    assert "activity rest" in text


def test_older_runs_have_neither(results: Results) -> None:
    document = {name: part for name, part in results.document.items() if name not in {"coverage", "units"}}
    older = Results(results.rows, document)
    assert coverage.units(older) == []
    assert coverage.lines(older) == []
    assert coverage.beside(older, "error") == ""
