"""Metrics of beats and episodes: their values are those of the counts, their intervals know the records."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))

from reference_cases import real

from accordance.evaluators import beat_classes, beat_detection, episode_detection, sensitivity
from accordance.evaluators.metric import Columns
from accordance.evaluators.rhythm.beat_metrics import outcomes
from accordance.evaluators.rhythm.beats import compare_beats
from accordance.evaluators.rhythm.episode_metrics import EPISODE_DETECTION
from accordance.evaluators.rhythm.episodes import episode_rows
from accordance.evaluators.rhythm.summaries import summarise_beats, summarise_episodes


@pytest.fixture(scope="module")
def records(reference_data: Path) -> dict[str, object]:
    return {
        case.name.split("/")[0]: compare_beats(
            case.reference, case.test, case.fs, case.length, mode="corrected"
        )
        for case in real(reference_data, "bxb")
        if case.name.endswith("/pb") and case.length < 1_000_000
    }


def test_beats_pooled_and_averaged_are_the_gross_and_average_statistics(records: dict) -> None:
    columns = [outcomes(counts) for counts in records.values()]
    reference, test = (np.concatenate([one[side] for one in columns]) for side in (0, 1))
    subject = np.repeat(list(records), [len(one[0]) for one in columns])
    summary = summarise_beats(records).statistics
    fpr = summarise_beats(records, supraventricular=False).statistics["veb_fpr"]
    for function in (beat_detection, beat_classes):
        pooled = function(reference, test, subject=subject)
        averaged = function(reference, test, subject=subject, average="subject_mean")
        for name, estimate in pooled.items():
            wanted = fpr if name == "veb_fpr" else summary[name]
            assert estimate.value == pytest.approx(wanted.gross, rel=1e-12), name
            assert averaged[name].value == pytest.approx(wanted.average, rel=1e-12), name
            assert averaged[name].counts.n_subjects == wanted.n, name
            assert estimate.interval.method == "korn_graubard"
            assert not estimate.interval.independent_rows


def test_intervals_are_those_of_a_proportion_of_the_same_units(records: dict) -> None:
    columns = [outcomes(counts) for counts in records.values()]
    reference, test = (np.concatenate([one[side] for one in columns]) for side in (0, 1))
    subject = np.repeat(list(records), [len(one[0]) for one in columns])
    truth = reference == "V"
    for method in ("korn_graubard", "clopper_pearson", "cluster_t"):
        found = beat_classes(reference, test, subject=subject, ci=method)["veb_sensitivity"]
        same = sensitivity(truth, test == "V", subject=subject, ci=method)["sensitivity"]
        assert found.value == same.value
        assert (found.interval.lower, found.interval.upper) == pytest.approx(
            (same.interval.lower, same.interval.upper), rel=1e-12
        )
        assert found.counts == same.counts


def test_episodes_pooled_and_averaged(reference_data: Path) -> None:
    rows = {
        case.name: episode_rows(case.reference, case.test, case.fs, case.length, mode="corrected")
        for case in real(reference_data, "epicmp")
    }
    duration = np.concatenate(
        [np.concatenate([r.reference_duration, r.test_duration]) / r.fs for r in rows.values()]
    )
    overlap = np.concatenate(
        [np.concatenate([r.reference_overlap, r.test_overlap]) / r.fs for r in rows.values()]
    )
    sides = [["reference"] * len(r.reference_overlap) + ["test"] * len(r.test_overlap) for r in rows.values()]
    subject = np.repeat(list(rows), [len(one) for one in sides])
    side = np.concatenate(sides)
    summary = summarise_episodes({name: r.counts for name, r in rows.items()}).statistics
    pooled = episode_detection(duration, overlap, side, subject=subject)
    averaged = episode_detection(duration, overlap, side, subject=subject, average="subject_mean")
    for name, estimate in pooled.items():
        assert estimate.value == pytest.approx(summary[name].gross, rel=1e-12), name
        assert averaged[name].value == pytest.approx(summary[name].average, rel=1e-12), name
    assert pooled["episode_ppv"].counts.n_units == sum(len(r.test_overlap) for r in rows.values())
    assert pooled["duration_ppv"].interval.method == "cluster_t"


def test_what_there_is_none_of_is_said() -> None:
    found = beat_classes(["N", "N"], ["N", "O"], subject=["a", "b"])
    assert found["veb_sensitivity"].error == "The reference has no ventricular ectopic beats (V)."
    assert beat_detection(["O"], ["N"])["qrs_sensitivity"].error == "The reference has no beats."
    assert episode_detection([3], [1], ["reference"])["episode_ppv"].error == "The test has no episodes."
    assert episode_detection([0], [0], ["test"])["duration_ppv"].error == "What there is has no duration."


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="PVC"):
        beat_classes(["PVC"], ["N"])
    with pytest.raises(ValueError, match="`O` or `X` must be one of them"):
        beat_detection(["N"], ["N"], levels=["N", "V"])
    with pytest.raises(ValueError, match="1 episodes have a negative time, or more overlap"):
        episode_detection([1, 2], [1, 3], ["test", "test"])
    with pytest.raises(ValueError, match="`side` is device somewhere; accepted: reference, test"):
        episode_detection([1], [1], ["device"])
    with pytest.raises(ValueError, match="`episode_detection` needs `side`"):
        EPISODE_DETECTION.prepare(Columns(np.ones(1), np.ones(1), np.array([0, 1])))
