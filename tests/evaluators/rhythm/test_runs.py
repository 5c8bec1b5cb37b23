"""`compare_runs` against `rxr` of WFDB 10.7.0 (all cases of the reference) and runs counted by hand."""

from __future__ import annotations

import math
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parent))

from reference_cases import Case, corner, real

from accordance.evaluators.rhythm.annotations import Annotations
from accordance.evaluators.rhythm.runs import RunCounts, RunTable, compare_runs

RATIOS = {
    "couplet_se": "couplet_sensitivity", "couplet_pp": "couplet_ppv", "short_se": "short_sensitivity",
    "short_pp": "short_ppv", "long_se": "long_sensitivity", "long_pp": "long_ppv",
}  # fmt: skip


def hold(found: RunTable, expected: dict[str, Any]) -> None:
    """Every number that `rxr` printed of one kind of runs."""
    np.testing.assert_array_equal(found.by_reference, expected["sens_matrix"])
    np.testing.assert_array_equal(found.by_test, expected["pp_matrix"])
    for key, name in RATIOS.items():
        ratio, wanted = getattr(found, name), expected[key]
        assert (ratio.numerator, ratio.denominator) == (wanted["num"], wanted["den"]), key
        assert (
            math.isnan(ratio.percent)
            if wanted["pct"] is None
            else abs(ratio.percent - wanted["pct"]) <= 0.501
        )


def compared(case: Case, mode: str = "wfdb_compat") -> RunCounts:
    return compare_runs(case.reference, case.test, case.fs, case.length, **case.options, mode=mode)


def test_every_real_record(reference_data: Path) -> None:
    cases = real(reference_data, "rxr")
    assert len(cases) == 112
    for case in cases:
        found = compared(case)
        hold(found.ventricular, case.expected["VE"])
        hold(found.supraventricular, case.expected["SVE"])


def test_every_corner_case_and_random_case(reference_data: Path) -> None:
    cases = corner(reference_data, "rxr")
    assert len(cases) == 6 + 200
    for case in cases:
        found = compared(case)
        try:
            hold(found.ventricular, case.expected["VE"])
            hold(found.supraventricular, case.expected["SVE"])
        except AssertionError as failure:
            raise AssertionError(case.name) from failure


def test_corrected_finds_a_record_against_itself_complete(reference_data: Path) -> None:
    """The cases in which the program does not: an episode of AF with a V before any S, and a V before VF."""
    named = {case.name: case for case in corner(reference_data, "rxr")}
    for name in ("AF_onset_then_V (issue physionet#29)", "V_then_VF"):
        case = named[name]
        found = compare_runs(case.reference, case.reference, case.fs, case.length, start=0, mode="corrected")
        for table in (found.ventricular, found.supraventricular):
            for matrix in (table.by_reference, table.by_test):
                np.testing.assert_array_equal(matrix, np.diag(np.diag(matrix)))
    compat = compared(named["V_then_VF"])
    corrected = compared(named["V_then_VF"], "corrected")
    assert (compat.mode, corrected.mode) == ("wfdb_compat", "corrected")
    assert compat.ventricular.by_reference[1, 6] == 1
    assert corrected.ventricular.by_reference[6, 6] == 1


def test_corrected_counts_a_run_that_is_open_at_the_end(reference_data: Path) -> None:
    case = next(case for case in corner(reference_data, "rxr") if case.name == "run_open_at_end_of_period")
    assert compared(case).ventricular.by_reference.sum() == 0
    assert compared(case, "corrected").ventricular.by_reference[2, 2] == 1


@given(st.text("NVFASQ", max_size=60), st.sampled_from(["wfdb_compat", "corrected"]))
def test_a_record_against_itself_has_its_own_runs(beats: str, mode: str) -> None:
    found = Annotations.of(np.arange(400, 400 + 200 * len(beats), 200), list(beats))
    counts = compare_runs(found, found, 360, 10**6, start=0, mode=mode)
    for table, members in ((counts.ventricular, "VF"), (counts.supraventricular, "AS")):
        wanted = np.zeros((7, 7), dtype=int)
        for inside, run in groupby(beats, lambda beat: beat in members):  # noqa: B023
            if inside:
                length = min(6, len(list(run)))
                wanted[length, length] += 1
        np.testing.assert_array_equal(table.by_reference, wanted)
        np.testing.assert_array_equal(table.by_test, wanted)


def test_normal_beats_are_supraventricular_in_atrial_fibrillation() -> None:
    def record(text: str) -> Annotations:
        return Annotations.of(
            [400, 700, 710, 1000, 1300, 1590, 1600],
            np.array(list("N+NNN+N")), aux=["", text, "", "", "", "(N", ""],
        )  # fmt: skip

    found = compare_runs(record("(AFIB"), record("(SBR"), 360, 7200, start=0)
    assert found.supraventricular.by_reference[6, 0] == 1
    assert found.supraventricular.by_test.sum() == 0


def test_empty_sides() -> None:
    nothing, some = Annotations.of([], []), Annotations.of([400, 800], ["V", "N"])
    found = compare_runs(nothing, some, 360, 7200, start=0, mode="corrected")
    assert found.ventricular.by_test[0, 1] == 1
    with pytest.raises(ValueError, match=r"start of the comparison: reference\. Where the length"):
        compare_runs(nothing, some, 360, None, start=0)
    assert compare_runs(nothing, some, 360, None, start=0, mode="corrected").ventricular.by_test[0, 1] == 1
