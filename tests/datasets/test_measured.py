"""Measures of units of time in pairs: beats of two devices, window by window."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from accordance.datasets.pairing import pair
from accordance.protocols.load import parse
from accordance.studies.evaluate import evaluate

from ..protocols.test_measures import TEXT


def beats(seed: int, n_subjects: int = 3, minutes: int = 15) -> pl.DataFrame:
    """Intervals of a few subjects; `time` is the end of each."""
    rng = np.random.default_rng(seed)
    frames = []
    for number in range(n_subjects):
        rr = rng.normal(800 + 50 * number, 40, minutes * 90).round()
        ends = np.cumsum(rr) / 1000
        frames.append(pl.DataFrame({"subject": [f"s{number}"] * len(rr), "time": ends, "rr": rr}))
    return pl.concat(frames).filter(pl.col("time") < minutes * 60)


def by_hand(frame: pl.DataFrame) -> dict[tuple[str, float], float]:
    """RMSSD of 5-minute windows by Polars, for beats without a gap."""
    windowed = frame.with_columns(
        begin=((pl.col("time") - pl.col("rr") / 1000).round(6) // 300 * 300)
    ).with_columns(step=pl.col("rr").diff().over("subject", "begin"))
    found = windowed.group_by("subject", "begin").agg((pl.col("step") ** 2).mean().sqrt())
    return {(subject, begin): value for subject, begin, value in found.rows()}


def test_windows_have_the_rmssd_of_their_beats() -> None:
    protocol = parse(TEXT)
    reference, test = beats(1), beats(2)
    frame = pair(protocol, "windows", reference=reference, test=test, version="v1").frame
    assert frame.height == 9
    for side, own in (("reference", by_hand(reference)), ("test", by_hand(test))):
        for subject, begin, value in frame.select("subject", "time", f"{side}.rmssd").rows():
            assert value == pytest.approx(own[subject, begin], rel=1e-12)


def test_a_window_with_too_few_beats_has_a_reason() -> None:
    protocol = parse(TEXT)
    reference = beats(1)
    lost = (pl.col("subject") == "s0") & (pl.col("time") > 100) & (pl.col("time") < 300)
    test = beats(2).filter(~lost)
    frame = pair(protocol, "windows", reference=reference, test=test, version="v1").frame
    first = frame.filter(pl.col("subject") == "s0", pl.col("time") == 0)
    assert first["reason"].to_list() == ["low_coverage_test"]
    assert first["test.rmssd"].to_list() == [None]
    assert frame["reason"].null_count() == 8


def test_excluded_rows_are_gaps() -> None:
    text = TEXT.replace(
        "seed: 1", "exclusions: {spike: {title: Spike, table: ppg, where: {rr: {above: 950}}}}\nseed: 1"
    )
    test = beats(2)
    frame = pair(parse(text), "windows", reference=beats(1), test=test, version="v1").frame
    kept = test.with_columns(
        begin=((pl.col("time") - pl.col("rr") / 1000).round(6) // 300 * 300), bad=pl.col("rr") > 950
    ).with_columns(
        step=pl.when(~pl.col("bad") & ~pl.col("bad").shift(1).over("subject", "begin")).then(
            pl.col("rr").diff().over("subject", "begin")
        )
    )
    expected = (
        kept.group_by("subject", "begin").agg((pl.col("step") ** 2).mean().sqrt()).sort("subject", "begin")
    )
    np.testing.assert_allclose(frame["test.rmssd"].to_numpy(), expected["step"].to_numpy(), rtol=1e-12)


def test_row_order_changes_nothing_and_an_endpoint_is_estimated() -> None:
    reference, test = beats(1), beats(2)
    found = evaluate(reference, test, protocol=parse(TEXT))
    shuffled = evaluate(reference.sample(fraction=1, shuffle=True, seed=3), test, protocol=parse(TEXT))
    one, other = (each.rows.filter(pl.col("statistic") == "bias") for each in (found, shuffled))
    assert one["estimate"].to_list() == other["estimate"].to_list()
    assert one["n_units"].to_list() == [9] and not math.isnan(one["estimate"][0])
    assert one["unit"].to_list() == ["ms"]
