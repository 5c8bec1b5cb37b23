"""Clocks in the report and in the app: the sessions, those without a clock, and where the decision turns."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from screen import page, words

from accordance.datasets.simulate.heart_rate import heart_rate_wear
from accordance.reports import clocks, figures
from accordance.reports.report import report
from accordance.studies.results import Results
from accordance.studies.run import run

PROTOCOL = """\
schema: accordance/protocol/1
id: clocks
version: "1"
title: Clocks
intended_use: Tests.
objective: To see what a clock error would do.
tables:
  reference:
    key: [subject, time]
    time: time
    duration: rr
    stamp: end
    extra_columns: ignored
    columns:
      subject: {type: text}
      time: {type: datetime}
      rr: {type: number, unit: s}
      heart_rate: {type: number, unit: 1/min}
  test:
    key: [subject, time]
    time: time
    interval: 1 s
    columns:
      subject: {type: text}
      time: {type: datetime}
      heart_rate: {type: number, unit: 1/min, missing: allowed}
pairings:
  seconds:
    title: Windows of ten seconds
    method: windows
    unit: {length: 10 s}
    alignment:
      {reference: heart_rate, test: heart_rate, search: 90 s, apply: true, drift: linear,
       unresolved: excluded, tipping: {up_to: 20 s, step: 10 s}}
endpoints:
  error:
    title: Mean absolute percentage error
    role: primary
    metric: mape
    average: subject_mean
    reference: heart_rate
    test: heart_rate
    interval: {method: cluster_t}
    criterion: {compare: point, operator: "<", limit: 2.3, unit: "%", source: Made up.}
seed: 3
"""
STUDY = """\
schema: accordance/study/1
id: clocks
title: Clocks
protocol: protocol.yaml
roots: {data: data}
sources:
  reference: {folder: data/reference}
algorithm:
  name: Rate
  decides: v2
  versions:
    v2: {sources: {test: {folder: data/test_v2}}}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five subjects, of whom the last has a constant signal; run once."""
    place = tmp_path_factory.mktemp("clocks")
    heart_rate_wear(n_subjects=5, hours=2.5, versions=["v2"]).write(place / "data")
    (last,) = (place / "data" / "test_v2").glob("*5/*.parquet")
    pl.read_parquet(last).with_columns(heart_rate=pl.lit(70, dtype=pl.Int16)).write_parquet(last)
    (place / "protocol.yaml").write_text(PROTOCOL, encoding="utf-8")
    (place / "study.yaml").write_text(STUDY, encoding="utf-8")
    run(place, workers=1)
    return place


@pytest.fixture(scope="module")
def results(study: Path) -> Results:
    return Results.latest(study)


def test_the_blocks_say_what_the_audit_says(results: Results) -> None:
    (block,) = clocks.clocks(results)
    audit = results.clocks("seconds", "v2")
    assert audit is not None
    assert block.title == "Windows of ten seconds" and "4 of 5 sessions" in block.words
    assert block.counts == (("constant signal", "1"), ("estimated", "4"))
    ((session, status, reason),) = block.unresolved
    assert (session, status) == (audit["subject"][4], "constant signal") and "constant" in reason
    assert len(block.least_sure) == 4 and block.more == 0
    offset, drift = block.figures
    known = audit.filter(pl.col("status") == "resolved")
    assert [point.value for point in offset.points] == known["offset_s"].sort().to_list()
    assert [point.lower for point in offset.points] == known.sort("offset_s")["offset_lower"].to_list()
    assert [point.value for point in drift.points] == known["drift_ppm"].sort().to_list()
    assert "1 sessions have none" in offset.caption


def test_the_tipping_figure_marks_where_it_is_decided_otherwise(results: Results) -> None:
    (entry,) = results.document["clock_tipping"]
    (block,) = clocks.tipping(results)
    curve = block.figure
    assert curve is not None and curve.span is not None
    assert [point.other for point in curve.points] == [
        one["decision"] == "not_met" for one in entry["points"]
    ]
    assert any(point.other for point in curve.points) and not curve.points[2].other
    assert (curve.span.low, curve.span.high) == (entry["uncertain"]["lower"], entry["uncertain"]["upper"])
    assert {turn.x for turn in curve.turns} == {turn["at"] for turn in entry["turns"]}
    assert curve.goal == (2.3,)


def test_both_painters_draw_them(results: Results) -> None:
    (block,) = clocks.clocks(results)
    (tipping,) = clocks.tipping(results)
    assert tipping.figure is not None
    for model in (*block.figures, tipping.figure):
        drawn = figures.svg(model)
        assert "<svg" in drawn and model.x.title.split()[0] in re.sub(r"<!-- | -->", "", drawn)
        screen = figures.plotly(model)
        marks = next(trace for trace in screen.data if trace.mode == "markers")
        assert np.asarray(marks.y).tolist() == [point.value for point in model.points]
        assert ("lines" in {trace.mode for trace in screen.data}) == model.joined
    marks = next(trace for trace in figures.plotly(tipping.figure).data if trace.mode == "markers")
    assert marks.marker.symbol.count("square-open") == sum(point.other for point in tipping.figure.points)
    assert [shape.type for shape in figures.plotly(tipping.figure).layout.shapes].count("rect") == 1


def test_the_report_has_clocks_and_their_tipping_point(results: Results, study: Path, tmp_path: Path) -> None:
    assert results.folder is not None
    report(results.folder, output=tmp_path, formats=["html"], study=study)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'id="clocks"' in text and 'id="alignment-tipping-point"' in text
    plain = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert "The clocks of 4 of 5 sessions could be estimated" in plain
    assert "Sessions whose clock could not be estimated." in plain
    assert "Shaded: where the clocks may be by their 95% intervals" in plain


def test_the_app_shows_them_beside_the_accounting(study: Path) -> None:
    shown = page(study, "accounting")
    assert "Clocks" in [element.value for element in shown.subheader]
    said = words(shown)
    assert "The clocks of 4 of 5 sessions could be estimated" in said
    assert "constant signal" in said and "Alignment tipping point" in said
    assert "none of them decides" in said
