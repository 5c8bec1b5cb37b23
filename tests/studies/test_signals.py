"""What the page of signals rests on: rows of one session, its windows, and what counts as a disagreement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from accordance.datasets.one_subject import read_subject
from accordance.datasets.sources import Source
from accordance.protocols import load as protocols
from accordance.protocols.errors import ContractError, UsageError
from accordance.studies import folder, run, signals, slices

START = datetime(2026, 5, 4, 8, tzinfo=UTC)
PROTOCOL = """\
schema: accordance/protocol/1
id: wrist
version: "1"
title: Heart rate on the wrist
intended_use: Heart rate at rest.
objective: Is it close enough?
tables:
  reference:
    key: [subject, night, time]
    time: time
    exclusion: exclusion
    columns:
      subject: {type: text}
      night: {type: integer}
      time: {type: datetime}
      hr: {type: number, unit: beats/min, range: [20, 250]}
      exclusion: {type: text, missing: allowed}
  test:
    key: [subject, night, time]
    time: time
    columns:
      subject: {type: text}
      night: {type: integer}
      time: {type: datetime}
      hr: {type: number, unit: beats/min, range: [20, 250], missing: allowed}
pairings:
  near: {method: nearest, tolerance: 2 s, on: [subject, night]}
exclusions:
  artefact: {title: Noise in the ECG, table: reference}
populations:
  all: {title: All}
endpoints:
  bias:
    title: Bias
    role: primary
    metric: bland_altman
    parameters: {truth: varying}
    reference: hr
    test: hr
    criterion: {statistic: bias, compare: both, operator: within, limit: [-5, 5], unit: beats/min}
  error:
    title: Error
    role: secondary
    metric: mape
    average: pooled
    reference: hr
    test: hr
  close:
    title: Close
    role: secondary
    metric: share_within
    average: pooled
    parameters: {tolerance: "max(3, 0.1*ref)"}
    reference: hr
    test: hr
    where: {reference.hr: {above: 55}}
resampling: {replicates: 200}
seed: 1
"""
STUDY = """\
schema: accordance/study/1
id: wrist
title: Wrist
protocol: protocol.yaml
roots: {data: data}
sources:
  reference: {folder: data/reference}
algorithm:
  name: Wrist
  versions:
    one: {sources: {test: {file: data/test.csv}}}
"""
REFERENCE = [60.0, 62.0, 50.0, 80.0, 70.0, 70.0]
TEST = [61.0, 69.0, 51.0, 95.0, None, 71.0]


def at(*seconds: float) -> list[datetime]:
    return [START + timedelta(seconds=one) for one in seconds]


def rows(subject: str, night: int, times: list[datetime], values: list[float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {"subject": subject, "night": night, "time": times, "hr": pl.Series(values, dtype=pl.Float64)}
    ).with_columns(pl.col("time").dt.cast_time_unit("us"))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three subjects, the second with two nights; reference rows every 10 s, test rows a second later."""
    place = tmp_path_factory.mktemp("signals") / "wrist"
    tests = []
    for subject, nights in (("a/1", [1]), ("b", [1, 2]), ("c", [1])):
        both = []
        for night in nights:
            times = [one + timedelta(days=night) for one in at(0, 10, 20, 30, 40, 50)]
            exclusion = [None, None, None, None, None, "artefact" if subject == "b" and night == 1 else None]
            both.append(
                rows(subject, night, times, list(REFERENCE)).with_columns(
                    exclusion=pl.Series(exclusion, dtype=pl.String)
                )
            )
            later = [one + timedelta(seconds=1) for one in times]
            tests.append(rows(subject, night, later, TEST))
        path = place / "data" / "reference" / f"subject={subject.replace('/', '%2F')}" / "part.parquet"
        path.parent.mkdir(parents=True)
        pl.concat(both).write_parquet(path)
    pl.concat(tests).write_csv(place / "data" / "test.csv")
    (place / "study.yaml").write_text(STUDY, encoding="utf-8")
    (place / "protocol.yaml").write_text(PROTOCOL, encoding="utf-8")
    run.run(place)
    return place


@pytest.fixture(scope="module")
def results(study: Path):
    from accordance.studies.results import Results  # noqa: PLC0415 - opened after the run

    return Results.latest(study)


ASKED = signals.Asked("bias", "one", (("subject", "b"), ("night", "1")))


def test_sessions_are_what_has_to_be_equal_in_a_pair(results):
    assert signals.shown(results) == ["bias", "error", "close"]
    endpoint = slices.endpoint_of(results.protocol, "bias")
    found = signals.sessions(results, endpoint, "one")
    assert [tuple(one.values()) for one in found] == [("a/1", "1"), ("b", "1"), ("b", "2"), ("c", "1")]
    assert signals.is_datetime(results.protocol, endpoint)


def test_windows_say_what_is_used_and_why_not(results):
    found = signals.windows(results, ASKED)
    assert found["reference"].to_list() == REFERENCE
    assert found["test"].to_list() == TEST
    assert found["difference"].to_list() == [1.0, 7.0, 1.0, 15.0, None, 1.0]
    assert found["used"].to_list() == [True, True, True, True, False, False]
    assert found["code"].to_list() == [None] * 4 + ["missing_value", "artefact"]
    assert found["why"].to_list()[4:] == ["Reference or test value is missing", "Noise in the ECG"]
    # with `nearest`, a window is the time within the tolerance of the reference row
    start = int((START + timedelta(days=1)).timestamp()) * signals.SECOND
    assert found["start"].to_list() == [start + signals.SECOND * (10 * place - 2) for place in range(6)]
    assert set(found["end"] - found["start"]) == {4 * signals.SECOND}


def test_what_is_tolerated_is_what_the_protocol_says(results):
    # the tolerance of an endpoint on the same values; used windows alone are outside of it
    found = signals.windows(results, ASKED)
    assert found["allowed"].to_list() == [6.0, 6.2, 5.0, 8.0, 7.0, 7.0]
    assert found["outside"].to_list() == [False, True, False, True, False, False]
    listed = signals.disagreements(found, largest_first=False)
    assert listed["difference"].to_list() == [7.0, 15.0]
    assert signals.disagreements(found, largest_first=True)["difference"].to_list() == [15.0, 7.0, 1.0, 1.0]
    endpoint = slices.endpoint_of(results.protocol, "bias")
    assert signals.allowed_words(results.protocol, endpoint) == "max(3, 0.1*ref) (tolerance of “Close”)"


@pytest.mark.parametrize(
    ("metric", "criterion", "allowed"),
    [
        (
            "bland_altman",
            "{statistic: bias, compare: both, operator: within, limit: [-5, 4], unit: beats/min}",
            5.0,
        ),
        ("mape", "{statistic: mape, compare: point, operator: '<=', limit: 10, unit: '%'}", 20.0),
        ("mape", "null", None),
    ],
)
def test_without_a_tolerance_it_is_the_criterions_limit(metric, criterion, allowed, tmp_path):
    parameters = "{truth: varying}" if metric == "bland_altman" else "{}"
    average = "" if metric == "bland_altman" else "average: pooled, "
    head = PROTOCOL.split("endpoints:", maxsplit=1)[0]
    text = (
        f"{head}endpoints:\n  one: {{title: One, role: secondary, metric: {metric}, "
        f"parameters: {parameters}, {average}reference: hr, test: hr, criterion: {criterion}}}\nseed: 1\n"
    )
    path = tmp_path / "protocol.yaml"
    path.write_text(text, encoding="utf-8")
    protocol = protocols.load(path)
    endpoint = protocol.endpoints["one"]
    found = signals.allowed(protocol, endpoint, pl.Series([200.0]).to_numpy())
    assert (found[0] == allowed) if allowed is not None else found[0] != found[0]
    assert (signals.allowed_words(protocol, endpoint) is None) == (allowed is None)


def test_without_anything_said_the_largest_differences_are_listed():
    found = pl.DataFrame(
        {"start": range(50), "difference": [float(-one) for one in range(50)], "used": True, "outside": False,
         "allowed": pl.Series([None] * 50, dtype=pl.Float64)}
    )  # fmt: skip
    listed = signals.disagreements(found, largest_first=True)
    assert listed["start"].to_list() == list(range(49, -1, -1))
    assert signals.disagreements(found, largest_first=False)["start"].to_list() == list(range(30, 50))


def test_an_endpoints_own_conditions_count(results):
    found = signals.windows(results, signals.Asked("close", "one", ASKED.session))
    assert found["used"].to_list() == [True, True, False, True, False, False]
    assert found["code"].to_list()[2] == signals.NOT_HERE


@pytest.mark.parametrize("side", signals.SIDES)
def test_traces_are_the_rows_of_that_session(side, results, study):
    trace = signals.trace(results, folder.load(study), ASKED, side)
    assert trace.changed == ()
    assert trace.rows["value"].to_list() == (REFERENCE if side == "reference" else TEST)
    start = int((START + timedelta(days=1, seconds=0 if side == "reference" else 1)).timestamp())
    assert trace.rows["time"].to_list() == [(start + 10 * place) * signals.SECOND for place in range(6)]
    excluded = trace.rows["excluded"].to_list()
    assert excluded == ([None] * 5 + ["artefact"] if side == "reference" else [None] * 6)


def test_a_name_that_is_escaped_in_the_path_is_found(results, study):
    asked = signals.Asked("bias", "one", (("subject", "a/1"), ("night", "1")))
    assert signals.trace(results, folder.load(study), asked, "reference").rows.height == 6


def test_only_the_subjects_own_files_are_opened(results, study):
    """Damage to another subject's file is not noticed, so it was not opened."""
    path = next((study / "data" / "reference").glob("subject=c/*.parquet"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    try:
        assert signals.trace(results, folder.load(study), ASKED, "reference").rows.height == 6
        other = signals.Asked("bias", "one", (("subject", "c"), ("night", "1")))
        with pytest.raises(ContractError, match="damaged"):
            signals.trace(results, folder.load(study), other, "reference")
    finally:
        path.write_bytes(whole)


def test_files_that_changed_since_the_run_are_named(results, study):
    path = next((study / "data" / "reference").glob("subject=b/*.parquet"))
    whole = path.read_bytes()
    pl.read_parquet(path, hive_partitioning=False).with_columns(hr=pl.col("hr") + 1).write_parquet(path)
    try:
        trace = signals.trace(results, folder.load(study), ASKED, "reference")
        assert trace.changed == ("data/reference/subject=b/part.parquet",)
    finally:
        path.write_bytes(whole)


def test_a_version_that_study_yaml_no_longer_has_is_named(results, study):
    with pytest.raises(UsageError, match="no longer names version `two`"):
        signals.trace(results, folder.load(study), signals.Asked("bias", "two", ASKED.session), "test")


def test_rows_of_a_subject_are_those_of_the_whole_table(study):
    """Against polars on the files themselves; a plain Parquet file and a CSV file give the same."""
    loaded = folder.load(study)
    table = loaded.protocol.tables["reference"]
    whole = pl.scan_parquet(study / "data" / "reference", hive_partitioning=False).collect()
    whole.write_parquet(study / "data" / "one.parquet")
    whole.write_csv(study / "data" / "one.csv")
    for source in (
        Source(folder="data/reference"),
        Source(file="data/one.parquet"),
        Source(file="data/one.csv"),
        Source(sql="SELECT * FROM 'data/one.parquet'"),
    ):
        for subject in ("a/1", "b", "nobody"):
            found = read_subject(
                "reference",
                table,
                source,
                subject,
                base=study,
                roots={"data": "data"},
                exclusions=("artefact",),
            )
            expected = whole.filter(pl.col("subject") == subject)
            assert_frame_equal(found.frame.drop("row"), expected, check_row_order=False, check_dtypes=False)
