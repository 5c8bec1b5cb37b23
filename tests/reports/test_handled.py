"""What declared rules of reading did to rows stands in the report."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from accordance.reports import report
from accordance.studies import run as runs
from accordance.studies import start


def test_rows_that_a_rule_left_out_are_in_the_disposition(tmp_path: Path) -> None:
    folder = tmp_path / "pefr"
    start.init(folder, example="pefr-1986")
    protocol = folder / "protocol.yaml"
    text = protocol.read_text(encoding="utf-8")
    protocol.write_text(text.replace("  test:\n", "  test:\n    repeated: first\n", 1), encoding="utf-8")
    file = folder / "data" / "test.csv"
    frame = pl.read_csv(file, infer_schema=False)
    pl.concat([frame, frame.head(2)]).write_csv(file)
    results = runs.run(folder, workers=1)
    report(results.folder, output=tmp_path, formats=("html",))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Rules applied as data were read" in text
    assert "2 rows that repeat a key" in text


def test_without_such_rules_nothing_is_said(pefr, tmp_path: Path) -> None:
    report(pefr.folder, output=tmp_path, formats=("html",))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Rules applied as data were read" not in text
