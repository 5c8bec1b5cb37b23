"""The page of signals: what it shows at each zoom, where its buttons lead, what it says without the data."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from browser import MARKS, serving, settled, visit
from screen import page, words

from accordance.app import traces
from accordance.app.cli import main
from accordance.datasets.simulate import heart_rate_wear
from accordance.studies.results import Results
from accordance.studies.signals import SECOND, Trace

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROTOCOL = """\
extends: library:heart-rate
id: wrist
version: "1"
title: Heart rate on the wrist
seed: 3
tables:
  subjects:
    extra_columns: ignored
    columns: {skin_tone: {type: integer, range: [1, 10]}}
  reference:
    extra_columns: ignored
    columns:
      heart_rate: {type: number, unit: beats/min, range: [20, 300]}
      activity: {type: category, levels: [sleep, sitting, daily_living, walking, running, cycling]}
pairings:
  epochs: {tolerance: 0.5 s}
resampling: {replicates: 200}
"""
STUDY = """\
schema: accordance/study/1
id: wrist
title: Wrist
protocol: protocol.yaml
roots: {data: data}
sources:
  subjects: {file: data/subjects.parquet, columns: {skin_tone: monk}}
  reference: {folder: data/reference}
algorithm:
  name: Wrist
  versions:
    v2: {sources: {test: {folder: data/test_v2}}}
"""
MINUTES = """\
extends: library:heart-rate-wear
id: wrist
version: "1"
title: Heart rate on the wrist
seed: 3
pairings: {minutes: {alignment: {tipping: }}}
resampling: {replicates: 200}
"""
START = datetime(2026, 5, 4, 7, tzinfo=UTC).timestamp()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hours of two subjects, paired nearest in time."""
    place = tmp_path_factory.mktemp("signals") / "wrist"
    heart_rate_wear(n_subjects=2, hours=2, versions=["v2"]).write(place / "data")
    (place / "study.yaml").write_text(STUDY, encoding="utf-8")
    (place / "protocol.yaml").write_text(PROTOCOL, encoding="utf-8")
    assert main(["run", str(place)]) == 0
    return place


def button(test, label):
    (found,) = [one for one in test.button if one.label == label]
    return found


def shown(test) -> list[datetime]:
    """First and last moment shown, as the caption says."""
    (caption,) = [one.value for one in test.caption if "Drag over" in one.value]
    head = caption.split(": ")[0] if ": " in caption else caption
    return [
        datetime.strptime(one[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) for one in head.split(" to ")
    ]


def test_the_whole_session_and_closer(study: Path) -> None:
    test = page(study, "signals", subject="s00002")
    text = words(test)
    assert "windows" in text
    assert "beyond max(5, 0.1*ref)" in text
    assert "Thinned to what a screen can show" in text
    low, high = shown(test)
    assert 1.9 < (high - low).total_seconds() / 3600 < 2.1
    assert button(test, "Earlier").disabled
    test.segmented_control(key="signals-span").set_value(600).run()
    assert not test.exception
    low, high = shown(test)
    assert (high - low).total_seconds() == 600
    assert test.query_params["span"] in ("600", ["600"])
    button(test, "Later").click().run()
    assert (shown(test)[0] - low).total_seconds() == pytest.approx(600, abs=1)
    test.segmented_control(key="signals-span").set_value(30).run()
    low, high = shown(test)
    assert (high - low).total_seconds() == pytest.approx(30, abs=1)
    assert "Thinned" not in words(test)


def test_from_disagreement_to_disagreement(study: Path) -> None:
    test = page(study, "signals", subject="s00001")
    button(test, "Next").click().run()
    assert not test.exception
    assert "**Looked at**" in words(test)
    first = shown(test)
    assert (first[1] - first[0]).total_seconds() == 600
    button(test, "Next").click().run()
    second = shown(test)
    assert second[0] >= first[0]
    button(test, "Previous").click().run()
    assert shown(test) == first
    test.selectbox(key="order").select("largest first").run()
    test.session_state["window"] = None
    test.run()
    button(test, "Next").click().run()
    frame = Results.latest(study).pairs("epochs", "v2").filter(pl.col("subject") == "s00001")
    used = frame.filter(pl.col("reason").is_null())
    largest = (used["test.heart_rate"] - used["reference.heart_rate"]).abs().max()
    difference = next(one.value for one in test.markdown if "**Looked at**" in one.value).split(
        "difference "
    )[1]
    assert abs(float(difference.split()[0].strip(".*"))) == pytest.approx(largest, abs=0.051)
    assert button(test, "Previous").disabled


def test_a_link_opens_a_place(study: Path) -> None:
    middle = datetime(2026, 5, 4, 8, 30, tzinfo=UTC).timestamp()
    test = page(study, "signals", subject="s00002", span="30", at=str(middle))
    assert [one.strftime("%H:%M:%S") for one in shown(test)] == ["08:29:45", "08:30:15"]
    # what cannot be read is as if it were not there; beyond the ends, the nearest place
    test = page(study, "signals", subject="s00002", span="x", at="y")
    assert "windows" in words(test)
    test = page(study, "signals", subject="s00002", span="30", at="0")
    assert shown(test)[0].strftime("%H") == "07"


def test_without_the_data_the_pairs_are_shown(study: Path, tmp_path: Path) -> None:
    place = tmp_path / "wrist"
    shutil.copytree(study, place)
    shutil.rmtree(place / "data")
    text = words(page(place, "signals", subject="s00001"))
    assert "cannot be read any more, so only the pairs of the run are shown" in text
    assert "there is no such folder" in text
    assert "values of the windows" in text


def test_changed_data_are_said_to_be(study: Path, tmp_path: Path) -> None:
    place = tmp_path / "wrist"
    shutil.copytree(study, place)
    path = place / "data" / "test_v2" / "subject=s00001" / "part.parquet"
    pl.read_parquet(path, hive_partitioning=False).head(2000).write_parquet(path)
    text = words(page(place, "signals", subject="s00001"))
    assert "not what the run has read" in text
    assert "data/test_v2/subject=s00001/part.parquet" in text
    assert "not what the run has read" not in words(page(place, "signals", subject="s00002"))


def test_a_study_without_times_says_so(examples: Path) -> None:
    assert "there are no signals" in words(page(examples / "pefr-1986", "signals"))


@pytest.fixture(scope="module")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hours of two subjects in windows of a minute, clocks aligned; the second's is not known."""
    place = tmp_path_factory.mktemp("signals") / "minutes"
    made = heart_rate_wear(n_subjects=2, hours=3, versions=["v2"])
    made.write(place / "data")
    flat = place / "data" / "test_v2" / "subject=s00002" / "part.parquet"
    frame = pl.read_parquet(flat, hive_partitioning=False)
    frame.with_columns(heart_rate=pl.lit(70, dtype=pl.Int16)).write_parquet(flat)
    text = STUDY.replace(
        "{file: data/subjects.parquet, columns: {skin_tone: monk}}", "{file: data/subjects.parquet}"
    )
    (place / "study.yaml").write_text(text, encoding="utf-8")
    (place / "protocol.yaml").write_text(MINUTES, encoding="utf-8")
    assert main(["run", str(place)]) == 0
    return place


def test_the_devices_time_is_shown_corrected_or_as_written(aligned: Path) -> None:
    test = page(aligned, "signals", subject="s00001", span="60", at=str(START + 900))
    text = words(test)
    truth = heart_rate_wear(n_subjects=1, hours=3).day(1).clock
    added = f"{-truth['apparent_offset_s'] - 0.5:+.0f}".replace("-", "\N{MINUS SIGN}")[:3]
    assert f"To the device's time {added}" in text
    assert "The run paired by corrected times." in text
    assert "by the reference's clock" in figure_text(test)
    corrected = device(test)
    test.segmented_control(key="clock").set_value("as written").run()
    assert not test.exception
    assert "by the reference's clock" not in figure_text(test)
    written = device(test)
    assert corrected != written
    # the minute's own value stands beside it, and is the reference's windows' either way
    assert "Bars: the value of each window." in words(test)


def test_a_clock_that_is_not_known_is_said_to_be(aligned: Path) -> None:
    test = page(aligned, "signals", subject="s00002")
    assert "The clock of this session is not known" in words(test)
    assert "clock" not in test.session_state or not [
        one for one in test.segmented_control if one.key == "clock"
    ]


def figure_text(test) -> str:
    return str(test.get("plotly_chart")[0].proto.spec)


def device(test) -> object:
    spec = json.loads(figure_text(test))
    (found,) = [one for one in spec["data"] if one["name"] == "Device"]
    return found["x"]


def trace(time, value, excluded=None) -> Trace:
    rows = pl.DataFrame({"time": time, "value": value}, schema={"time": pl.Int64, "value": pl.Float64})
    codes = pl.Series("excluded", excluded or [None] * rows.height, dtype=pl.String)
    return Trace("t", "v", rows.with_columns(codes))


def test_thinning_keeps_extremes_and_gaps() -> None:
    """A day at 1 Hz with one spike and one hole: both are among two thousand points."""
    time = np.concatenate([np.arange(0, 40_000), np.arange(43_600, 86_400)]) * SECOND
    value = 60 + np.sin(time / SECOND / 600)
    value[12_345] = 190.0
    value[50_000] = 31.0
    line = traces.visible(trace(time, value), (0, 86_400 * SECOND))
    assert line.n_rows == 82_800
    assert len(line.time) <= traces.POINTS + 1
    assert np.nanmax(line.value) == 190.0
    assert np.nanmin(line.value) == 31.0
    (gap,) = np.flatnonzero(np.isnan(line.value))
    assert line.time[gap - 1] < 40_000 * SECOND <= line.time[gap] < 43_600 * SECOND <= line.time[gap + 1]


def test_a_line_reaches_the_edges_of_what_is_shown() -> None:
    line = traces.visible(trace([0, 10, 20, 30, 40], [1.0, 2.0, 3.0, 4.0, 5.0]), (15, 25))
    assert line.n_rows == 1
    assert line.time.tolist() == [10, 20, 30]


def test_runs_join_windows_of_one_state_and_reason() -> None:
    windows = pl.DataFrame(
        {
            "start": [0, 10, 20, 30, 50, 60, 70, 80],
            "end": [10, 20, 30, 40, 60, 70, 80, 90],
            "used": [True, True, False, False, False, False, True, True],
            "outside": [False, False, False, False, False, False, True, False],
            "code": [
                None,
                None,
                "low_coverage_test",
                "low_coverage_reference",
                "no_test",
                "artefact",
                None,
                None,
            ],
            "why": [None, None, "device", "reference", "alone", "noise", None, None],
        }
    )
    found = traces.runs(windows)
    assert found["state"].to_list() == [
        "used",
        "coverage",
        "coverage",
        "alone",
        "excluded",
        "outside",
        "used",
    ]
    assert found["n"].to_list() == [2, 1, 1, 1, 1, 1, 1]
    assert found.row(0, named=True)["end"] == 20
    assert found["n"].sum() == windows.height
    # very many become columns, each with its most frequent state
    many = traces.columns(windows, (0, 90), n=1)
    assert many.select("state", "n").row(0) == ("used", 3)


def test_every_state_differs_from_the_others_by_more_than_colour() -> None:
    patterns = [pattern for _, pattern, _ in traces.STATES.values()]
    titles = [title for title, _, _ in traces.STATES.values()]
    assert len(set(patterns)) == len(patterns)
    assert len(set(titles)) == len(titles)


class TestInABrowser:
    """Dragging over a stretch shows it closer; AppTest can not drag."""

    pytestmark = MARKS

    def test_dragging_over_a_stretch_shows_it_closer(self, study: Path) -> None:
        def body(chrome: Page) -> None:
            chrome.goto(f"{address}/signals?subject=s00002")
            strip = chrome.locator(".js-plotly-plot .nsewdrag").first
            strip.wait_for()
            settled(chrome)
            box = strip.bounding_box()
            assert box is not None
            y = box["y"] + box["height"] / 2
            chrome.mouse.move(box["x"] + 0.25 * box["width"], y)
            chrome.mouse.down()
            chrome.mouse.move(box["x"] + 0.4 * box["width"], y, steps=5)
            chrome.mouse.move(box["x"] + 0.5 * box["width"], y, steps=5)
            chrome.mouse.up()
            chrome.wait_for_url("**span=*")
            settled(chrome)
            seen = chrome.get_by_text("Drag over a stretch").inner_text()
            low, high = (
                datetime.strptime(one[:19], "%Y-%m-%d %H:%M:%S") for one in seen.split(": ")[0].split(" to ")
            )
            assert 1_600 < (high - low).total_seconds() < 2_000, seen  # a quarter of two hours
            chrome.get_by_role("button", name="Next").click()
            chrome.get_by_text("Looked at").wait_for()

        with serving(study) as address:
            assert visit(body) == {address.removeprefix("http://")}, "nothing leaves the machine"
