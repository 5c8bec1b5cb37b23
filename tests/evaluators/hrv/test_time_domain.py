"""Time-domain heart rate variability: by hand, against a plain loop, and what gaps and artefacts do."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.evaluators import measures
from accordance.evaluators.measures import Stretches

BY_HAND = [800.0, 850.0, 790.0, 900.0]
"""Differences 50, -60, 110: RMSSD sqrt((2500 + 3600 + 12100) / 3), two of three above 50 ms."""


def stretches(*units: list[tuple[float, float]]) -> Stretches:
    """Units of (start in seconds, interval in ms)."""
    rows = [row for unit in units for row in unit]
    heads = np.cumsum([0, *(len(unit) for unit in units)])[:-1]
    values = np.array([value for _, value in rows], dtype=np.float64)
    duration = np.nan_to_num(values, nan=1000.0) / 1000
    start = np.array([begin for begin, _ in rows], dtype=np.float64)
    return Stretches(values, heads.astype(np.int64), start, duration, np.full(len(units), 300.0))


def chain(intervals: list[float], begin: float = 0.0) -> list[tuple[float, float]]:
    """Intervals that follow each other."""
    ends = begin + np.cumsum(intervals) / 1000
    return [(end - value / 1000, value) for end, value in zip(ends, intervals, strict=True)]


def value(name: str, rows: Stretches, **parameters: float | None) -> list[float]:
    return list(measures.get(name).values(rows, **parameters))


def test_by_hand() -> None:
    rows = stretches(chain(BY_HAND))
    assert value("rmssd", rows) == [pytest.approx(math.sqrt(18_200 / 3), rel=1e-14)]
    assert value("pnn50", rows) == [pytest.approx(200 / 3, rel=1e-14)]
    assert value("sdnn", rows) == [pytest.approx(statistics.stdev(BY_HAND), rel=1e-14)]
    assert value("mean_rate", rows) == [pytest.approx(4 * 60_000 / sum(BY_HAND), rel=1e-14)]


def test_a_pause_breaks_the_succession_and_a_rounding_does_not() -> None:
    first, second = BY_HAND[:2], BY_HAND[2:]
    paused = stretches([*chain(first), *chain(second, begin=5.0)])
    assert value("rmssd", paused) == [pytest.approx(math.sqrt((2500 + 12_100) / 2))]
    rounded = stretches([(round(begin, 2), one) for begin, one in chain(BY_HAND)])
    assert value("rmssd", rounded) == [pytest.approx(math.sqrt(18_200 / 3))]


def test_an_artefact_enters_nothing_and_breaks_the_succession() -> None:
    rows = stretches(chain([800.0, 850.0, 2500.0, 790.0, 900.0]))
    assert value("rmssd", rows) == [pytest.approx(math.sqrt((2500 + 12_100) / 2))]
    assert value("sdnn", rows) == [pytest.approx(statistics.stdev(BY_HAND))]
    assert value("sdnn", rows, highest=3000.0)[0] > 500


def test_too_few_intervals_are_no_measure() -> None:
    rows = stretches(chain([800.0]), [(0.0, math.nan), (1.0, math.nan)], chain([800.0, 810.0]))
    assert np.isnan(value("rmssd", rows)[:2]).all() and value("rmssd", rows)[2] == pytest.approx(10.0)
    assert np.isnan(value("sdnn", rows)[:2]).all()
    assert np.isnan(value("pnn50", rows)[:2]).all() and value("pnn50", rows)[2] == 0.0
    assert value("mean_rate", rows)[0] == pytest.approx(75.0) and math.isnan(value("mean_rate", rows)[1])


def looped(unit: list[tuple[float, float]], lowest: float, highest: float) -> dict[str, float]:
    """The same by a plain loop over one unit."""
    normal = [one for _, one in unit if lowest <= one <= highest]
    steps = [
        second - first
        for (begin, first), (then, second) in itertools.pairwise(unit)
        if lowest <= first <= highest and lowest <= second <= highest
        and abs(then - (begin + (1.0 if math.isnan(first) else first / 1000))) * 1000 <= 100
    ]  # fmt: skip
    return {
        "sdnn": statistics.stdev(normal) if len(normal) > 1 else math.nan,
        "rmssd": math.sqrt(sum(one**2 for one in steps) / len(steps)) if steps else math.nan,
        "pnn50": 100 * sum(abs(one) > 50 for one in steps) / len(steps) if steps else math.nan,
        "mean_rate": 60_000 * len(normal) / sum(normal) if normal else math.nan,
    }


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_many_stretches_at_once_are_a_loop_over_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    units = []
    for _ in range(rng.integers(1, 6)):
        intervals = rng.normal(800, 300, rng.integers(1, 30))
        intervals[rng.random(len(intervals)) < 0.1] = np.nan
        begins = np.cumsum(
            np.nan_to_num(intervals, nan=1000.0) / 1000 + 5 * (rng.random(len(intervals)) < 0.1)
        )
        units.append(list(zip(begins.tolist(), intervals.tolist(), strict=True)))
    rows = stretches(*units)
    for name in ("sdnn", "rmssd", "pnn50", "mean_rate"):
        expected = [looped(unit, 300.0, 2000.0)[name] for unit in units]
        np.testing.assert_allclose(value(name, rows), expected, rtol=1e-9, err_msg=name)
