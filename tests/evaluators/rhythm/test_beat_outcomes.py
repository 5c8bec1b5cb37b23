"""Beats one by one: together they are what `compare_beats` counts, and each annotation is there once."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.evaluators.rhythm.annotations import Annotations, Mode
from accordance.evaluators.rhythm.beat_outcomes import BeatOutcomes, beat_outcomes
from accordance.evaluators.rhythm.beats import ROWS, compare_beats
from accordance.evaluators.rhythm.labels import WFDB

from .test_beats import annotated


def holds_together(found: BeatOutcomes, reference: Annotations, test: Annotations) -> None:
    """Every annotation at most once, its class its own, the outcomes in order of time."""
    for rows, codes, side in (
        (found.reference, found.reference_class, reference),
        (found.test, found.test_class, test),
    ):
        used = rows[rows >= 0]
        assert len(np.unique(used)) == len(used)
        for row, code in zip(rows.tolist(), codes.tolist(), strict=True):
            own = None if row < 0 else WFDB.class_of(str(side.symbol[row]))
            assert ROWS[code] == own if own is not None else ROWS[code] in "OX"
    time = np.where(found.reference >= 0, reference.sample[found.reference], test.sample[found.test])
    assert np.all(np.diff(time) >= 0)


@given(
    annotated(), annotated(), st.sampled_from([None, 0.0, 3.0]), st.sampled_from([None, 1800]),
    st.integers(0, 4), st.sampled_from(["wfdb_compat", "corrected"]),
)  # fmt: skip
@settings(max_examples=400)
def test_the_matrix_is_that_of_all_beats_at_once(
    reference: Annotations, test: Annotations, end: float | None, length: int | None, start: int, mode: Mode
) -> None:
    if end and end <= start:
        start = 0
    asked = {"start": start, "end": end, "mode": mode}
    found = beat_outcomes(reference, test, 250, length, **asked)
    np.testing.assert_array_equal(found.matrix, compare_beats(reference, test, 250, length, **asked).matrix)
    if len(reference) and len(test):
        holds_together(found, reference, test)


def test_nobody_and_somebody() -> None:
    """Without any beat of one side all of the other are missed, or extra."""
    beats, none = Annotations.of([400, 760, 1120], list("NVN")), Annotations.of([], [])
    missed = beat_outcomes(beats, none, 360, 7200, start=0)
    assert (missed.reference.tolist(), missed.test.tolist()) == ([0, 1, 2], [-1, -1, -1])
    assert [ROWS[code] for code in missed.reference_class] == ["N", "V", "N"]
    extra = beat_outcomes(none, beats, 360, 7200, start=0, mode="corrected")
    assert (extra.reference.tolist(), extra.test.tolist()) == ([-1, -1, -1], [0, 1, 2])
    assert len(beat_outcomes(none, none, 360, 7200, start=0).reference) == 0
