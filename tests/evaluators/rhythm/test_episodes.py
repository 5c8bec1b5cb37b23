"""`compare_episodes` against `epicmp` of WFDB 10.7.0 (all cases of the reference), and against single
samples."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parent))

from reference_cases import corner, oracle, real

from accordance.evaluators.rhythm.annotations import Annotations
from accordance.evaluators.rhythm.episodes import EpisodeCounts, compare_episodes


def hold(found: EpisodeCounts, expected: dict[str, Any], fs: float) -> None:
    """Every number that `epicmp` printed."""
    for key, ratio in (("ep_se", found.episode_sensitivity), ("ep_pp", found.episode_ppv)):
        assert (ratio.numerator, ratio.denominator) == (expected[key]["num"], expected[key]["den"]), key
        _percent(ratio.percent, expected[key]["pct"])
    for key, ratio in (("dur_se", found.duration_sensitivity), ("dur_pp", found.duration_ppv)):
        assert ratio.numerator / fs == pytest.approx(expected[key]["num_s"], abs=0.000501), key
        assert ratio.denominator / fs == pytest.approx(expected[key]["den_s"], abs=0.000501), key
        _percent(ratio.percent, expected[key]["pct"])
    assert found.reference_duration / fs == pytest.approx(expected["ref_dur_s"], abs=0.000501)
    assert found.test_duration / fs == pytest.approx(expected["test_dur_s"], abs=0.000501)


def _percent(found: float, expected: float | None) -> None:
    assert math.isnan(found) if expected is None else abs(found - expected) <= 0.501


def test_every_real_record(reference_data: Path) -> None:
    cases = real(reference_data, "epicmp")
    assert len(cases) == 7
    for case in cases:
        hold(compare_episodes(case.reference, case.test, case.fs, case.length), case.expected, case.fs)


def test_every_corner_case_and_random_case(reference_data: Path) -> None:
    cases = corner(reference_data, "epicmp")
    assert len(cases) == 9 + 200
    for case in cases:
        try:
            found = compare_episodes(case.reference, case.test, case.fs, case.length, **case.options)
            hold(found, case.expected, case.fs)
        except AssertionError as failure:
            raise AssertionError(case.name) from failure


def test_a_record_of_unknown_length_counts_nothing_unless_corrected(reference_data: Path) -> None:
    case = next(case for case in real(reference_data, "epicmp") if case.name == "nsr001")
    found = compare_episodes(case.reference, case.test, case.fs, None)
    hold(found, oracle(reference_data)["unknown_length"]["epicmp"], case.fs)
    corrected = compare_episodes(case.reference, case.test, case.fs, None, mode="corrected")
    assert (corrected.reference_matched, corrected.reference_episodes) == (25, 28)


@st.composite
def rhythms(draw: st.DrawFn) -> Annotations:
    steps = draw(st.lists(st.integers(0, 40), max_size=14))
    texts = draw(st.lists(st.sampled_from(["(AFIB", "(N", "(AFL"]), min_size=len(steps), max_size=len(steps)))
    return Annotations.of(np.cumsum(steps, dtype=np.int64), "+", aux=texts)


def painted(found: Annotations, text: str, end: int) -> np.ndarray:
    """Sample by sample: the number of the episode that holds it, 0 for none."""
    line, number, before = np.zeros(700, dtype=int), 0, False
    marks = list(zip(found.sample.tolist(), found.aux.tolist(), strict=True))
    for k, (time, aux) in enumerate(marks):
        if aux.startswith(text):
            number += not before
            following = marks[k + 1][0] if k + 1 < len(marks) else max(end, time)
            line[time:following] = number
        before = aux.startswith(text)
    return line


@given(rhythms(), rhythms(), st.integers(0, 60), st.sampled_from([200, 400, 650]), st.booleans())
@settings(max_examples=300)
def test_the_same_as_sample_by_sample(
    reference: Annotations, test: Annotations, start: int, end: int, exclude: bool
) -> None:
    """At 1 Hz, corrected, over episodes that have a duration within the period."""
    found = compare_episodes(
        reference, test, 1, end, start=start, exclude_flutter=exclude, mode="corrected"
    )  # fmt: skip
    a, b = painted(reference, "(AFIB", end)[start:end], painted(test, "(AFIB", end)[start:end]
    free = ~((painted(reference, "(AFL", end)[start:end] > 0) & exclude)
    both = (a > 0) & (b > 0)
    assert found.overlap == found.test_overlap == both.sum()
    assert found.reference_duration == (a > 0).sum()
    assert found.test_duration == ((b > 0) & free).sum()
    assert found.reference_matched == len(set(a[both]))
    assert found.test_matched == len(set(b[both]))
    assert found.reference_episodes >= len(set(a[a > 0]))  # and those that end where the period starts
    assert found.test_episodes >= len(set(b[(b > 0) & free]))


def test_an_episode_that_begins_in_excluded_flutter() -> None:
    reference = Annotations.of([5000, 8000], "+", aux=["(AFL", "(N"])
    test = Annotations.of([6000, 9000], "+", aux=["(AFIB", "(N"])
    options = {"start": 0, "exclude_flutter": True}
    compat = compare_episodes(reference, test, 360, 21600, **options)
    corrected = compare_episodes(reference, test, 360, 21600, **options, mode="corrected")
    assert (compat.test_duration, corrected.test_duration) == (5000, 1000)


def test_ventricular_fibrillation_is_between_its_own_marks() -> None:
    reference = Annotations.of([100, 500, 900], np.array(["[", "]", "["]))
    test = Annotations.of([450, 600, 700], np.array(["[", "]", "+"]), aux=["", "", "(VF"])
    found = compare_episodes(reference, test, 1, 1000, rhythm="VF", start=0)
    assert str(found.episode_sensitivity) == "50.00% (1/2)"
    assert (found.overlap, found.reference_duration, found.test_duration) == (50, 500, 150)


def test_a_rhythm_without_a_text() -> None:
    reference = Annotations.of([100, 200], "+", aux=["(AFIB", None])
    with pytest.raises(ValueError, match=r"1 rhythm annotations \(`\+`\) have no text, first at index 1"):
        compare_episodes(reference, reference, 1, 1000, start=0)
    assert (
        compare_episodes(reference, reference, 1, 1000, start=0, mode="corrected").reference_duration == 100
    )


def test_empty_sides_and_bad_arguments() -> None:
    nothing = Annotations.of([], [])
    found = compare_episodes(nothing, nothing, 360, 7200, start=0)
    assert math.isnan(found.episode_sensitivity.value)
    with pytest.raises(ValueError, match="`rhythm` is `AFIB`; accepted: AF, VF"):
        compare_episodes(nothing, nothing, 360, 7200, start=0, rhythm="AFIB")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`shortest` must be a number from 0; it is -1"):
        compare_episodes(nothing, nothing, 360, 7200, start=0, shortest=-1)
