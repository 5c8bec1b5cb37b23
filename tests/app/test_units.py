"""What the app shows of a study in windows: rows to units, and coverage beside the numbers."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from screen import page, words

from accordance.studies import run as runs

STUDY = """
schema: accordance/study/1
id: wear
title: Wear
protocol: protocol.yaml
sources:
  reference: {file: data/reference.csv}
algorithm: {name: Wrist, versions: {v1: {sources: {test: {file: data/test.csv}}}}}
"""
TABLE = """
    key: [subject, time]
    time: time
    interval: 1 s
    columns:
      subject: {type: text}
      time: {type: number, unit: s}
      rate: {type: number, unit: 1/min, range: [20, 250]}
"""
PROTOCOL = f"""
schema: accordance/protocol/1
id: wear
version: "1"
title: Heart rate in wear
intended_use: Wear.
objective: To estimate the error.
tables:
  reference:{TABLE}
  test:{TABLE}
pairings: {{main: {{method: windows, unit: {{length: 5 s}}}}}}
endpoints:
  error: {{title: Error, role: primary, metric: mae, average: pooled, reference: rate, test: rate,
          criterion: {{compare: point, operator: "<", limit: 5, unit: 1/min}}}}
seed: 1
"""


def test_rows_to_units_and_coverage(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "study.yaml").write_text(STUDY, encoding="utf-8")
    (tmp_path / "protocol.yaml").write_text(PROTOCOL, encoding="utf-8")
    seconds = pl.DataFrame(
        [(subject, t, 70.0) for subject in ("a", "b") for t in range(20)],
        schema=["subject", "time", "rate"],
        orient="row",
    )
    seconds.write_csv(tmp_path / "data" / "reference.csv")
    seconds.filter(pl.col("time") < 12).write_csv(tmp_path / "data" / "test.csv")
    runs.run(tmp_path, workers=1)
    shown = words(page(tmp_path, "accounting"))
    assert "Rows to units of time" in shown
    assert "reference (reference), version v1: 8 units" in shown
    assert "test (test), version v1: 6 units" in shown
    assert "Every row that was read was used or left out for one reason" in shown
    numbers = words(page(tmp_path, "endpoint", endpoint="error"))
    assert "Coverage: 50.0%" in numbers
    assert "The device gave an output for 4/8 reference units of 2 subjects" in numbers
