"""Simulated wear: what is known of it holds, subject by subject, and it is written without being held."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from accordance.datasets.simulate import SIMULATORS, heart_rate_wear
from accordance.datasets.simulate.heart_rate_wrist import Algorithm

PERFECT = {"exact": Algorithm(noise=0.0, lock=0.0, loss=0.0, tone=0.0, weight=0.0)}


def seconds(frame: pl.DataFrame, clock) -> np.ndarray:
    """Seconds since the start of the session, by the table's own clock."""
    start = datetime.fromisoformat(clock["start"]).timestamp()
    return frame["time"].dt.epoch("ms").to_numpy() / 1000.0 - start


@pytest.fixture(scope="module")
def study():
    return heart_rate_wear(n_subjects=3, hours=3)


@pytest.fixture(scope="module")
def day(study):
    return study.day(2)


def test_a_subject_is_the_same_however_many_there_are(day):
    other = heart_rate_wear(n_subjects=500, hours=3, versions=["v2"]).day(2)
    assert other.subject == day.subject
    assert other.clock == day.clock
    assert_frame_equal(other.reference, day.reference)
    assert_frame_equal(other.tests["v2"], day.tests["v2"])
    assert list(other.tests) == ["v2"]


def test_another_seed_is_another_subject(day):
    other = heart_rate_wear(seed=1, hours=3).day(2)
    assert other.clock != day.clock
    assert not other.reference.equals(day.reference)


def test_beats_are_intervals_that_end_at_them(day):
    time = day.reference["time"]
    assert time.dtype == pl.Datetime("us", "UTC")
    gaps = time.diff().dt.total_milliseconds().to_numpy()[1:] / 1000.0
    np.testing.assert_allclose(gaps, day.reference["rr"].to_numpy()[1:], atol=1e-9)
    np.testing.assert_allclose(day.reference["heart_rate"], 60.0 / day.reference["rr"], atol=0.006)
    assert gaps.min() > 0.2
    assert gaps.max() < 3.0
    assert (day.reference["time"][-1] - time[0]).total_seconds() == pytest.approx(3 * 3600, abs=10)


def test_the_heart_follows_what_is_done():
    """At rest, walking and running in that order; half a minute into an exercise half of the way is made."""
    day = heart_rate_wear(n_subjects=1, hours=4).day(1)
    rates = dict(day.reference.group_by("activity").agg(60.0 / pl.col("rr").mean()).iter_rows())
    assert set(rates) >= {"sleep", "sitting", "daily_living", "walking", "running", "cycling"}
    assert rates["sleep"] < rates["sitting"] < rates["walking"] < rates["running"]
    time = seconds(day.reference, day.clock)
    rr = day.reference["rr"].to_numpy()

    def around(moment: float) -> float:
        return 60.0 / rr[np.abs(time - moment) < 15].mean()

    before, half, after = around(580), around(625), around(880)
    assert before < half < after
    assert 0.25 < (half - before) / (after - before) < 0.85


def test_the_device_averages_the_eight_seconds_before(day):
    """Counted by hand: whole beats and the parts of the first and last one, over eight seconds."""
    exact = heart_rate_wear(n_subjects=2, hours=3, algorithms=PERFECT).day(2)
    test = exact.tests["exact"].with_row_index().filter(pl.col("heart_rate").is_not_null())
    shown = seconds(test, exact.clock)
    true = (shown - exact.clock["offset_s"]) / (1 + 1e-6 * exact.clock["drift_ppm"])
    beat = seconds(exact.reference, exact.clock)
    rr = exact.reference["rr"].to_numpy()
    differences = []
    for place in range(100, test.height, 517):
        low, high = true[place] - 8.0, true[place]
        overlap = np.clip(np.minimum(beat, high) - np.maximum(beat - rr, low), 0.0, None)
        differences.append(test["heart_rate"][place] - 60.0 / 8.0 * float((overlap / rr).sum()))
    assert len(differences) > 10
    # What is left is rounding, and the subject's own bias.
    assert np.ptp(differences) <= 1.0
    assert abs(np.mean(differences)) < 2.0


def test_the_clock_is_the_stated_one():
    """Best lag of the two signals in the first and the last hours, by brute force, gives offset and drift."""
    day = heart_rate_wear(n_subjects=1, hours=24, versions=["v2"]).day(1)
    grid = np.arange(0.0, 86400.0, 0.5)
    beat = seconds(day.reference, day.clock)
    reference = np.interp(grid, beat, 60.0 / day.reference["rr"].to_numpy())
    reference = np.convolve(reference, np.ones(16) / 16, mode="same")
    test = day.tests["v2"].drop_nulls()
    shown = seconds(test, day.clock)

    def best(low: float, high: float) -> float:
        part = (grid > low) & (grid < high)
        lags = np.arange(-70.0, 70.0, 0.5)
        scores = [
            np.corrcoef(reference[part], np.interp(grid[part] + lag, shown, test["heart_rate"]))[0, 1]
            for lag in lags
        ]
        return float(lags[int(np.argmax(scores))])

    first, last = best(300, 5000), best(80000, 86000)
    assert first == pytest.approx(day.clock["apparent_offset_s"], abs=1.5)
    expected = day.clock["apparent_offset_s"] + 1e-6 * day.clock["drift_ppm"] * 83000
    assert last == pytest.approx(expected, abs=2.0)


def test_the_better_version_errs_less_and_shows_less(tmp_path: Path):
    study = heart_rate_wear(n_subjects=6, hours=3)
    shown, spread = {}, {}
    for version in ("v1", "v2"):
        days = [day.tests[version]["heart_rate"] for day in study.days()]
        shown[version] = sum(values.count() for values in days)
        spread[version] = float(np.median([values.diff().abs().mean() for values in days]))
    assert shown["v2"] < shown["v1"]
    assert spread["v2"] < spread["v1"]


def test_ten_in_a_row_cover_the_scale_of_skin_tones():
    study = heart_rate_wear(n_subjects=10, hours=2, versions=["v2"])
    assert sorted(day.subject["monk"] for day in study.days()) == list(range(1, 11))


def test_rows_are_missing_where_the_device_charged_and_empty_where_it_showed_nothing(day):
    for frame in day.tests.values():
        steps = frame["time"].diff().dt.total_seconds().drop_nulls()
        assert steps.min() == 1
        assert (steps > 1).sum() == 1
        assert 0 < frame["heart_rate"].null_count() < 0.3 * frame.height
    assert day.tests["v1"]["time"].equals(day.tests["v2"]["time"])
    noisy = day.reference["exclusion"].drop_nulls()
    assert set(noisy) == {"reference_artefact"}
    assert len(noisy) < 0.1 * day.reference.height


def test_write(tmp_path: Path, study):
    folder = tmp_path / "with space" / "data"
    written = study.write(folder)
    names = [path.relative_to(folder).as_posix() for path in written]
    assert names[0] == "subjects.parquet"
    assert names[1:4] == [
        f"{table}/subject=s00001/part.parquet" for table in ("reference", "test_v1", "test_v2")
    ]
    assert names[-1] == "truth.json"
    assert len(names) == 2 + 9
    subjects = pl.read_parquet(folder / "subjects.parquet")
    assert subjects["subject"].to_list() == ["s00001", "s00002", "s00003"]
    day = study.day(3)
    assert_frame_equal(
        pl.read_parquet(folder / "reference/subject=s00003/part.parquet", hive_partitioning=False),
        day.reference,
    )
    # A reader that knows such trees finds the same.
    tree = pl.scan_parquet(folder / "test_v2", hive_partitioning=True)
    found = tree.filter(pl.col("subject") == "s00003").select(day.tests["v2"].columns).collect()
    assert_frame_equal(found, day.tests["v2"])
    truth = json.loads((folder / "truth.json").read_text())
    assert truth["truth"]["clocks"]["s00003"] == day.clock
    first = [path.read_bytes() for path in written]
    assert first == [path.read_bytes() for path in study.write(folder)]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"n_subjects": 0}, "at least one subject"),
        ({"hours": 1.5}, "hours must be at least 2, not 1.5"),
        ({"hours": float("nan")}, "hours must be at least 2"),
        ({"versions": ["v9"]}, "versions must be of v1, v2, not v9"),
        ({"versions": []}, "not none"),
    ],
)
def test_refuses(asked, message):
    with pytest.raises(ValueError, match=message):
        SIMULATORS["heart_rate_wear"](**asked)
