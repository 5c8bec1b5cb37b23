"""The example beat-detector: what the study says is what the rule of beats counts, record by record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from accordance.datasets.simulate import SIMULATORS, beat_detector
from accordance.datasets.simulate.beats import MINUTES, RATE
from accordance.evaluators.rhythm.annotations import Annotations
from accordance.evaluators.rhythm.beats import compare_beats
from accordance.protocols.load import load
from accordance.studies.comparing import compare
from accordance.studies.folder import streamed_tables
from accordance.studies.run import run
from accordance.studies.start import EXAMPLES, init

N = 12


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beats") / "study"
    init(folder, example="beat-detector")
    beat_detector(n_subjects=N).write(folder / "data")
    return folder


def annotations(rows: pl.DataFrame, subject: str) -> Annotations:
    own = rows.filter(pl.col("subject") == subject)
    return Annotations.of(np.floor(own["time"].to_numpy() * RATE + 0.5), own["symbol"].to_list())


def counts(version: str) -> dict[str, np.ndarray]:
    """The matrix of every record by the rule itself."""
    drawn = beat_detector(n_subjects=N)
    return {
        subject: compare_beats(
            annotations(drawn.reference, subject), annotations(drawn.test(version), subject),
            RATE, MINUTES * 60 * RATE, mode="corrected",
        ).matrix
        for subject in drawn.subjects["subject"]
    }  # fmt: skip


def shares(matrix: np.ndarray) -> tuple[float, float]:
    """Sensitivity and positive predictivity of beats."""
    both = matrix[:5, :5].sum()
    return both / matrix[:5].sum(), both / matrix[:, :5].sum()


def test_results_are_those_of_the_rule(study: Path) -> None:
    found = run(study)
    for version in ("v1", "v2"):
        own = counts(version)
        pooled = shares(sum(own.values()))  # type: ignore[arg-type]
        averaged = np.mean([shares(one) for one in own.values()], axis=0)
        for endpoint, expected in (("qrs", pooled), ("qrs_subjects", averaged)):
            rows = found.rows.filter(
                pl.col("endpoint") == endpoint, pl.col("version") == version, pl.col("subgroup").is_null()
            )
            estimates = dict(rows.select("statistic", "estimate").rows())
            np.testing.assert_allclose(
                [estimates["qrs_sensitivity"], estimates["qrs_ppv"]], expected, rtol=1e-12
            )
    assert not [one for one in found.document["endpoints"] if one["id"].startswith("coverage")]


def test_versions_are_compared_with_their_own_extra_events(study: Path) -> None:
    found = compare(study, baseline="v1", candidates="v2")
    first, second = counts("v1"), counts("v2")
    for entry, place, average in zip(found.comparisons, (0, 1), (False, True), strict=True):
        values = [
            np.mean([shares(one)[place] for one in own.values()])
            if average
            else shares(sum(own.values()))[place]  # type: ignore[arg-type]
            for own in (first, second)
        ]
        assert [entry["baseline_value"], entry["candidate_value"]] == pytest.approx(values, rel=1e-12)
        assert entry["left_out"]["baseline"] == entry["left_out"]["candidate"] == 0
    subjects = found.subjects.filter(pl.col("endpoint") == "qrs_subjects").sort("subject")
    np.testing.assert_allclose(subjects["baseline"], [shares(first[one])[1] for one in sorted(first)])
    np.testing.assert_allclose(subjects["candidate_value"], [shares(second[one])[1] for one in sorted(first)])
    turned = compare(study, baseline="v2", candidates="v1")
    for entry, other in zip(found.comparisons, turned.comparisons, strict=True):
        assert entry["difference"]["estimate"] == pytest.approx(-other["difference"]["estimate"])
        assert entry["standard_error"] == pytest.approx(other["standard_error"])
    agreement = found.document["between_versions"][0]
    matched = sum(int(one[:5].sum()) for one in first.values())
    assert agreement["n_units"] == matched  # events of the reference alone


def test_a_version_that_lacks_a_record_misses_all_of_it(study: Path) -> None:
    path = study / "data" / "test_v1.csv"
    text = path.read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if not line.startswith("s003,")]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    try:
        rows = run(study).rows.filter(pl.col("endpoint") == "qrs", pl.col("subgroup").is_null())
        own = counts("v1")
        missed = int(own["s003"][:5].sum())
        own["s003"] = np.zeros((7, 7), dtype=np.int64)
        own["s003"][0, 5] = missed
        expected = shares(sum(own.values()))  # type: ignore[arg-type]
        found = rows.filter(pl.col("version") == "v1", pl.col("statistic") == "qrs_sensitivity")
        assert found["estimate"].item() == pytest.approx(expected[0], rel=1e-12)
    finally:
        path.write_text(text, encoding="utf-8")


def test_tables_of_events_are_read_whole() -> None:
    assert streamed_tables(load(EXAMPLES / "beat-detector" / "protocol.yaml")) == frozenset()


def test_a_subject_is_the_same_however_many_there_are() -> None:
    few, more = SIMULATORS["beat_detector"](n_subjects=2), beat_detector(n_subjects=3)
    for one, other in ((few.reference, more.reference), (few.test("v2"), more.test("v2"))):
        assert one.equals(other.filter(pl.col("subject").is_in(["s001", "s002"])))
    assert not beat_detector(n_subjects=2, seed=1).reference.equals(few.reference)
    with pytest.raises(ValueError, match="at least one subject"):
        beat_detector(n_subjects=0)


SMALL = """
schema: accordance/protocol/1
id: small
version: "1"
title: Events
intended_use: Adults
objective: Events
tables:
  spans: {key: [subject], columns: {subject: {type: text}, begin: {type: number, unit: s}, end: {type: number, unit: s}}}
  reference:
    key: [subject, time]
    time: time
    columns:
      subject: {type: text}
      time: {type: number, unit: s}
      label: {type: text}
      event: {type: category, levels: [E, O], event: {of: label}}
  test:
    key: [subject, time]
    time: time
    columns:
      subject: {type: text}
      time: {type: number, unit: s}
      label: {type: text}
      event: {type: category, levels: [E, O], event: {of: label}}
pairings:
  events:
    method: events
    on: [subject]
    match: {by: points, tolerance: 1 s, within: {table: spans, start: begin, end: end}}
endpoints:
  ppv: {title: PPV, role: primary, metric: beat_detection, average: pooled, reference: event, test: event,
        criterion: {statistic: qrs_ppv, compare: lower, operator: ">", limit: 0.1}}
comparison: {endpoints: {ppv: {statistic: qrs_ppv, margin: 0.3}}}
resampling: {replicates: 200}
seed: 1
"""  # noqa: E501
CONFIG = """
schema: accordance/study/1
id: small
title: Small
protocol: protocol.yaml
sources: {spans: {file: data/spans.csv}, reference: {file: data/reference.csv}}
algorithm:
  name: Detector
  versions:
    v1: {sources: {test: {file: data/v1.csv}}}
    v2: {sources: {test: {file: data/v2.csv}}}
"""


def test_a_subject_with_extra_events_of_one_version_alone_is_one_of_both(tmp_path: Path) -> None:
    """`c` has no event of the reference; v1 has one in excess there, v2 has none at all."""
    names = ["a", "b", "c", "d"]

    def events(rows: list[tuple[str, float]]) -> pl.DataFrame:
        schema = {"subject": pl.String, "time": pl.Float64}
        return pl.DataFrame(rows, schema=schema, orient="row").with_columns(label=pl.lit("E"))

    reference = [(name, float(at)) for name in "abd" for at in (10, 20, 30, 40)]
    tables = {
        "spans": pl.DataFrame({"subject": names, "begin": [0.0] * 4, "end": [100.0] * 4}),
        "reference": events(reference),
        "v1": events([*reference, ("a", 50.0), ("c", 50.0), ("d", 60.0)]),
        "v2": events([*reference[1:], ("b", 70.0)]),
    }
    (tmp_path / "data").mkdir()
    for name, table in tables.items():
        table.write_csv(tmp_path / "data" / f"{name}.csv")
    (tmp_path / "protocol.yaml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "study.yaml").write_text(CONFIG, encoding="utf-8")
    (entry,) = compare(tmp_path, baseline="v1", candidates="v2").comparisons
    assert entry["error"] is None
    assert [entry["baseline_value"], entry["candidate_value"]] == pytest.approx([12 / 15, 11 / 12])
    assert entry["n_subjects"] == 4 and entry["left_out"]["baseline"] == 0
    (again,) = compare(tmp_path, baseline="v1", candidates="v2", level=0.9).comparisons
    assert again["difference"]["estimate"] == entry["difference"]["estimate"]
    (turned,) = compare(tmp_path, baseline="v2", candidates="v1").comparisons
    assert turned["standard_error"] == pytest.approx(entry["standard_error"])
