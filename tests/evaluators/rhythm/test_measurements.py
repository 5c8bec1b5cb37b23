"""`compare_measurements` against `mxm` of WFDB 10.7.0, and against a plain search of the nearest value."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parent))

from reference_cases import annotators, oracle, records

from accordance.evaluators.rhythm.annotations import Annotations
from accordance.evaluators.rhythm.measurements import compare_measurements, measurements_of

SERIES = st.lists(st.tuples(st.integers(0, 30), st.integers(40, 180)), min_size=1, max_size=20)


def test_every_record_and_option(reference_data: Path) -> None:
    count = 0
    for record, modes in oracle(reference_data)["mxm"].items():
        fs, length = records(reference_data)[record]
        reference, test = (
            measurements_of(annotators(reference_data)[record, name]) for name in ("hrr", "hrt")
        )
        for name, wanted in modes.items():
            start = 0.0 if name.endswith("_f0") else 300.0
            found = compare_measurements(
                reference, test, fs, length, start=start, normalised=not name.startswith("un")
            )
            assert found.n == wanted["n"]
            assert found.error == pytest.approx(wanted["rms"], abs=5.1e-5)
            assert found.reference_mean == pytest.approx(wanted["mean_ref"], abs=5.1e-5)
            count += 1
    assert count == 28


def series(rows: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return np.cumsum([step for step, _ in rows]).tolist(), [value for _, value in rows]


@given(SERIES, SERIES, st.integers(0, 40))
def test_the_same_as_a_plain_search(
    first: list[tuple[int, int]], second: list[tuple[int, int]], start: int
) -> None:
    reference, test = series(first), series(second)
    found = compare_measurements(reference, test, 1, None, start=start, normalised=False, mode="corrected")
    squares, count = 0, 0
    for time, value in zip(*test, strict=True):
        if time < start:
            continue
        later = [k for k, at in enumerate(reference[0]) if at >= time]
        earlier = [k for k, at in enumerate(reference[0]) if at < time]
        k = later[0] if later else earlier[-1]
        if later and earlier and time - reference[0][earlier[-1]] < reference[0][later[0]] - time:
            k = earlier[-1]
        squares, count = squares + (value - reference[1][k]) ** 2, count + 1
    assert (found.squares, found.n) == (squares, count)


def test_the_program_counts_the_learning_period_and_the_last_pair_twice() -> None:
    reference, test = ([10, 40, 70], [60, 60, 60]), ([10, 40, 70], [61, 60, 66])
    compat = compare_measurements(reference, test, 1, 100, start=20, normalised=False)
    corrected = compare_measurements(reference, test, 1, 100, start=20, normalised=False, mode="corrected")
    assert (compat.mode, corrected.mode) == ("wfdb_compat", "corrected")
    assert (compat.squares, compat.pairs, compat.n) == (72, 3, 3)
    assert (corrected.squares, corrected.pairs, corrected.n) == (36, 2, 2)


def test_empty_sides_and_bad_input() -> None:
    some = ([10], [60])
    assert math.isnan(compare_measurements(some, ([], []), 1, 100, start=0).error)
    assert math.isnan(compare_measurements(([], []), some, 1, 100, start=0).error)
    with pytest.raises(ValueError, match="test: there are 2 samples and 1 values"):
        compare_measurements(some, ([1, 2], [60]), 1, 100, start=0)
    with pytest.raises(ValueError, match="test: `sample` falls 1 times"):
        compare_measurements(some, ([2, 1], [60, 60]), 1, 100, start=0)
    with pytest.raises(ValueError, match="NaN"):
        compare_measurements(some, ([2], [float("nan")]), 1, 100, start=0)
    text = Annotations.of([5, 6, 7], "=", [0, 1, 0], ["61.5", "x", "fast"])
    with pytest.raises(ValueError, match="test: the measurement at index 2 holds `fast`; a number is needed"):
        measurements_of(text, name="test")
    with pytest.raises(ValueError, match="index 1 holds `x`"):
        measurements_of(text, 1)
