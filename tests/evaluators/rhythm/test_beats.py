"""`compare_beats` against `bxb` of WFDB 10.7.0 (all cases of the reference), and against a plain loop."""

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

import plain_beats
from reference_cases import Case, corner, oracle, real, records

from accordance.datasets.readers.wfdb_library import library
from accordance.evaluators.rhythm.annotations import Annotations, period, samples
from accordance.evaluators.rhythm.beat_matching import match_beats
from accordance.evaluators.rhythm.beats import ROWS, BeatCounts, compare_beats
from accordance.evaluators.rhythm.labels import DE_CHAZAL, WFDB, LabelMap

RATIOS = {
    "qrs_se": "qrs_sensitivity", "qrs_pp": "qrs_ppv", "veb_se": "veb_sensitivity", "veb_pp": "veb_ppv",
    "sveb_se": "sveb_sensitivity", "sveb_pp": "sveb_ppv", "missed_sd": "missed_in_shutdown",
    "veb_fpr": "veb_fpr",
}  # fmt: skip


def matrix(expected: dict[str, dict[str, int]], columns: str = "nsvfqox") -> np.ndarray:
    """The program's matrix; without S it prints the columns n v f q o x."""
    found = np.zeros((7, 7), dtype=np.int64)
    for row, cells in expected.items():
        for column, count in zip(columns, cells.values(), strict=False):
            found[ROWS.index(row), ROWS.index(column.upper())] = count
    return found


def hold(found: BeatCounts, expected: dict[str, Any]) -> None:
    """Every number that `bxb` printed."""
    np.testing.assert_array_equal(found.matrix, matrix(expected["matrix"]))
    if "nosveb_matrix" in expected:
        np.testing.assert_array_equal(
            found.without_supraventricular, matrix(expected["nosveb_matrix"], "nvfqox")
        )
    for key, name in RATIOS.items():
        if key in expected:
            ratio, wanted = getattr(found, name), expected[key]
            assert (ratio.numerator, ratio.denominator) == (wanted["num"], wanted["den"]), key
            if wanted["pct"] is None:
                assert math.isnan(ratio.percent)
            else:
                assert ratio.percent == pytest.approx(
                    wanted["pct"], abs=0.00501 if key != "veb_fpr" else 0.000501
                )
    rms = expected["rms_rr_ms"]
    assert math.isnan(found.rms_rr_error) if rms is None else abs(found.rms_rr_error - rms) <= 0.00501
    assert found.shutdown_seconds == expected["shutdown_s"]


def compared(case: Case) -> BeatCounts:
    return compare_beats(case.reference, case.test, case.fs, case.length, **case.options)


def test_every_real_record(reference_data: Path) -> None:
    cases = real(reference_data, "bxb")
    assert len(cases) == 112
    for case in cases:
        hold(compared(case), case.expected)


def test_every_corner_case_and_random_case(reference_data: Path) -> None:
    cases = corner(reference_data, "bxb")
    assert len(cases) == 35 + 200
    for case in cases:
        try:
            hold(compared(case), case.expected)
        except AssertionError as failure:
            raise AssertionError(case.name) from failure


def test_a_record_of_unknown_length(reference_data: Path) -> None:
    expected = oracle(reference_data)["unknown_length"]["bxb"]
    found = [
        compare_beats(case.reference, case.test, case.fs, None)
        for case in real(reference_data, "bxb")
        if case.name == "nsr001/pa"
    ]
    hold(found[0], expected)


@st.composite
def annotated(draw: st.DrawFn, most: int = 40) -> Annotations:
    """Beats close enough to each other to be ambiguous, with segments of all kinds between."""
    steps = draw(st.lists(st.integers(0, 90), min_size=0, max_size=most))
    symbols = st.sampled_from([*"NNNNNNVASF/!LQ", *"+|", "[", "]", "~", "~"])
    marks = draw(st.lists(symbols, min_size=len(steps), max_size=len(steps)))
    kinds = draw(st.lists(st.sampled_from([0, 48, 16, -1]), min_size=len(steps), max_size=len(steps)))
    return Annotations.of(1 + np.cumsum(steps, dtype=np.int64), marks, kinds)


@given(
    annotated(),
    annotated(),
    st.sampled_from([None, 0.0, 3.0]),
    st.sampled_from([None, 1800]),
    st.integers(0, 4),
)
@settings(max_examples=400)
def test_the_same_as_a_plain_loop(
    reference: Annotations, test: Annotations, end: float | None, length: int | None, start: int
) -> None:
    if end and end <= start:
        start = 0
    found = compare_beats(reference, test, 250, length, start=start, end=end)
    counts, squares, number = plain_beats.compare(reference, test, period(250, length, start=start, end=end))
    wanted = np.zeros((7, 7), dtype=np.int64)
    for (row, column), count in counts.items():
        wanted[ROWS.index(row), ROWS.index(column)] = count
    np.testing.assert_array_equal(found.matrix, wanted)
    assert (found.rr_squares, found.rr_count) == (squares, number)


@given(
    st.lists(st.integers(0, 60), max_size=60), st.lists(st.integers(0, 60), max_size=60), st.integers(0, 120)
)
@settings(max_examples=400)
def test_matching_alone_is_the_rule_of_the_sequence(first: list[int], second: list[int], window: int) -> None:
    """Isolated pairs at once and clusters one by one, against the rule applied to everything."""
    a, b = np.cumsum(first, dtype=np.int64), np.cumsum(second, dtype=np.int64)
    far = 10**12
    partner, i, j = [-1] * len(a), 0, 0
    left, right = [*a.tolist(), far], [*b.tolist(), far]
    while i < len(a) and j < len(b):
        t, u, t2, u2 = left[i], right[j], left[i + 1], right[j + 1]
        rival = abs(t - u2) if u < t else abs(u - t2)
        if abs(t - u) <= window and (abs(t - u) < rival or abs(t2 - u2) < rival):
            partner[i] = j
            i, j = i + 1, j + 1
        elif u < t:
            j += 1
        else:
            i += 1
    assert match_beats(a, b, window).tolist() == partner


def test_the_window_is_rounded_up_and_inclusive() -> None:
    assert [samples(0.15, fs) for fs in (360, 128, 250, 100, 1000)] == [54, 19, 38, 15, 150]
    assert match_beats(np.array([100]), np.array([138]), 38).tolist() == [0]
    assert match_beats(np.array([100]), np.array([139]), 38).tolist() == [-1]


def simple(sample: list[int], symbol: str = "N", **columns: Any) -> Annotations:
    return Annotations.of(sample, symbol, **columns)


def test_corrected_counts_only_matched_intervals() -> None:
    reference = simple([360, 720, 1080, 1440, 1800])
    test = simple([360, 720, 1440, 1800])
    compat = compare_beats(reference, test, 360, 7200, start=0)
    found = compare_beats(reference, test, 360, 7200, start=0, mode="corrected")
    assert (compat.mode, found.mode) == ("wfdb_compat", "corrected")
    # the missed beat: 360 against 720 twice, once as a miss and once in the pair that follows it
    assert (compat.rr_squares, compat.rr_count) == (2 * 360**2, 4)
    assert (found.rr_squares, found.rr_count) == (360**2, 3)
    np.testing.assert_array_equal(found.matrix, compat.matrix)


def test_corrected_counts_supraventricular_beats_missed_in_a_shutdown() -> None:
    reference = simple([360, 720, 1080, 1440, 1800], np.array(list("NNASN")))
    test = Annotations.of([360, 720, 800, 1700, 1800], list("NN~~N"), [0, 0, 48, 0, 0])
    compat = compare_beats(reference, test, 360, 7200, start=0)
    found = compare_beats(reference, test, 360, 7200, start=0, mode="corrected")
    assert (compat.missed_in_shutdown.numerator, found.missed_in_shutdown.numerator) == (0, 2)


def test_corrected_counts_extra_beats_where_the_length_is_not_known() -> None:
    reference, test = simple([360, 720]), simple([360, 720, 1080, 1440])
    assert str(compare_beats(reference, test, 360, None, start=0).qrs_ppv) == "100.00% (2/2)"
    assert str(compare_beats(reference, test, 360, None, start=0, mode="corrected").qrs_ppv) == "50.00% (2/4)"


def test_corrected_remembers_all_segments_and_leaves_an_unended_fibrillation_open() -> None:
    reference = Annotations.of([500, 700, 1000, 1200, 1500, 1700, 1800], list("[][][]N"))
    test = simple([600, 1100, 1600, 1800])
    assert (
        compare_beats(reference, test, 360, 7200, start=0).matrix[5, 0] == 1
    )  # the first of three is forgotten
    assert compare_beats(reference, test, 360, 7200, start=0, mode="corrected").matrix[5, 0] == 0
    unended = Annotations.of([500, 700, 900, 1000], list("[]N["))
    late = simple([900, 1100, 1600])
    assert compare_beats(unended, late, 360, 7200, start=0).matrix[5, 0] == 2
    assert compare_beats(unended, late, 360, 7200, start=0, mode="corrected").matrix[5, 0] == 0


def test_empty_sides() -> None:
    nothing, some = simple([]), simple([400, 800])
    for mode in ("wfdb_compat", "corrected"):
        both = compare_beats(nothing, nothing, 360, 7200, start=0, mode=mode)
        assert both.matrix.sum() == 0
        assert math.isnan(both.qrs_sensitivity.value)
        assert math.isnan(both.rms_rr_error)
        assert (
            str(compare_beats(some, nothing, 360, 7200, start=0, mode=mode).qrs_sensitivity) == "0.00% (0/2)"
        )
        assert str(compare_beats(nothing, some, 360, 7200, start=0, mode=mode).qrs_ppv) == "0.00% (0/2)"


def test_a_record_within_the_learning_period_is_refused() -> None:
    with pytest.raises(ValueError, match=r"The record has 240 s and the learning period takes 300 s"):
        compare_beats(simple([100]), simple([100]), 360, 240 * 360)
    with pytest.raises(ValueError, match=r"The comparison ends at 10 s"):
        compare_beats(simple([100]), simple([100]), 360, 7200, end=10)


def test_what_is_wrong_with_annotations_is_said_at_once() -> None:
    with pytest.raises(ValueError) as caught:
        Annotations.of([5, 3, 9], ["N", "N"], [0], name="test")
    assert str(caught.value) == (
        "test: `sample` falls 1 times, first at index 1 (from 5 to 3); annotations must be in order of time. "
        "`symbol` has the shape (2,); 3 values are needed. `subtype` has the shape (1,); 3 values are needed."
    )
    with pytest.raises(ValueError, match=r"index 1 holds 2\.5"):
        Annotations.of([1.0, 2.5], "N")
    with pytest.raises(ValueError, match="holds <U1"):
        Annotations.of(["1", "2"], "N")


def test_bad_arguments_are_said_at_once() -> None:
    with pytest.raises(ValueError, match="`fs` must be a number above 0; it is -1") as caught:
        compare_beats(simple([1]), simple([1]), -1, 100, window=-0.1)
    assert "`window` must be a number from 0" in str(caught.value)
    with pytest.raises(ValueError, match="accepted: wfdb_compat, corrected"):
        compare_beats(simple([1]), simple([1]), 360, 7200, start=0, mode="strict")


def test_symbols_outside_the_table_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"2 annotations have symbols .* first at index 1: `Y`, `é`"):
        compare_beats(simple([1, 2, 3], np.array(list("NYé"))), simple([1]), 360, 7200, start=0)
    with pytest.raises(ValueError, match="`PVC`"):
        compare_beats(simple([1, 2], np.array(["N", "PVC"])), simple([1]), 360, 7200, start=0)


def test_tables_of_ones_own() -> None:
    words = LabelMap("words", {"PVC": "V", "normal": "N"}, frozenset({"start"}))
    found = compare_beats(
        Annotations.of([1, 400, 800], ["start", "PVC", "normal"]), Annotations.of([405, 800], ["PVC", "PVC"]),
        360, 7200, start=0, labels=words,
    )  # fmt: skip
    assert str(found.veb_ppv) == "50.00% (1/2)"
    escape = Annotations.of([400, 800], ["e", "j"])
    assert compare_beats(escape, escape, 360, 7200, start=0).matrix[1, 1] == 2
    assert compare_beats(escape, escape, 360, 7200, start=0, labels=DE_CHAZAL).matrix[0, 0] == 2
    assert [WFDB.class_of(symbol) for symbol in "Bn!~"] == ["N", "S", "O", None]
    with pytest.raises(
        ValueError, match=r"No classes of beats: `A`: `SVEB`.*Beats and no beats at once: `\+`"
    ):
        LabelMap("bad", {"A": "SVEB", "+": "N"})


def test_annotation_files_through_the_library(tmp_path: Path, reference_data: Path) -> None:
    """Written and read by `wfdb`, the annotations count the same."""
    case = next(case for case in real(reference_data, "bxb") if case.name == "208/pb")
    sides = []
    for extension, side in (("atr", case.reference), ("tst", case.test)):
        with library() as wfdb:
            wfdb.wrann(
                "208", extension, side.sample, side.symbol.tolist(), side.subtype,
                aux_note=side.aux.tolist(), fs=case.fs, write_dir=str(tmp_path),
            )  # fmt: skip
            read = wfdb.rdann(str(tmp_path / "208"), extension)
        sides.append(Annotations.of(read.sample, read.symbol, read.subtype, read.aux_note))
    fs, length = records(reference_data)["208"]
    hold(compare_beats(sides[0], sides[1], fs, length), case.expected)
