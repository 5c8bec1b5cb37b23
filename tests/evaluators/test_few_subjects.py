"""Warnings about few subjects: derived from the committed simulation, and carried by results."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1]))

from interval_coverage import table

from accordance.evaluators import bland_altman, rmse, sensitivity
from accordance.evaluators.few_subjects import FLOORS, PROPORTIONS, few_subjects_warning
from accordance.evaluators.metric import Counts

METRICS = {
    "bias": ("bland_altman", "bias"),
    "loa_lower": ("bland_altman", "loa_lower"),
    "loa_upper": ("bland_altman", "loa_upper"),
    "rmse": ("rmse", "rmse"),
    "mape": ("mape", "mape"),
    "sensitivity": ("sensitivity", "sensitivity"),
    "kappa": ("cohen_kappa", "kappa"),
    "auc": ("auc", "auc"),
}
ALONE, SEVERAL = FLOORS["rmse", "rmse"]


def test_floors_are_those_of_the_committed_simulation() -> None:
    rows, smallest = table.read(), table.SUBJECTS[0]
    one, several = (table.floors(rows, several=which) for which in (False, True))
    derived = {METRICS[name]: (one[name], several[name]) for name in one if name in METRICS}
    copies = {(name, name) for name in PROPORTIONS if name != "sensitivity"}
    declared = {key: value for key, value in FLOORS.items() if key not in copies}
    assert {key: value for key, value in derived.items() if max(value) > smallest} == declared
    assert {FLOORS[key] for key in copies} == {FLOORS["sensitivity", "sensitivity"]}


@pytest.mark.parametrize("n", [2, 17, ALONE - 1])
def test_below_the_floor_there_is_a_warning(n) -> None:
    assert f"Only {n} subjects" in (few_subjects_warning("rmse", "rmse", Counts(n, n)) or "")
    assert f"Only {n} subjects" in (few_subjects_warning("rmse", "rmse", Counts(n, 20 * n)) or "")


def test_several_units_a_subject_need_more_subjects() -> None:
    assert few_subjects_warning("rmse", "rmse", Counts(ALONE, ALONE)) is None
    assert few_subjects_warning("rmse", "rmse", Counts(ALONE, ALONE + 1)) is not None
    assert few_subjects_warning("rmse", "rmse", Counts(SEVERAL, 20 * SEVERAL)) is None


def test_elsewhere_there_is_none() -> None:
    assert few_subjects_warning("no_such_metric", "rmse", Counts(3, 9)) is None


@pytest.mark.parametrize(("n", "warned"), [(12, True), (90, False)])
def test_results_carry_the_warning(n, warned) -> None:
    rng = np.random.default_rng(1)
    reference = rng.normal(70, 10, n)
    found = rmse(reference, reference + rng.normal(0, 3, n), average="pooled")["rmse"]
    assert ("Only 12 subjects" in (found.warning or "")) == warned
    assert found.interval is not None


def test_means_over_subjects_were_not_simulated() -> None:
    rng = np.random.default_rng(1)
    reference, subject = rng.normal(70, 10, 60), np.repeat(np.arange(12), 5).astype(str)
    noisy = reference + rng.normal(0, 3, 60)
    pooled = rmse(reference, noisy, subject=subject, average="pooled")["rmse"]
    mean = rmse(reference, noisy, subject=subject, average="subject_mean")["rmse"]
    assert "Only 12" in (pooled.warning or "")
    assert "Only 12" not in (mean.warning or "")


def test_without_an_interval_there_is_no_word_about_it() -> None:
    found = rmse([70.0], [71.0], average="pooled")["rmse"]
    assert found.interval is None
    assert "Only" not in (found.warning or "")


def test_exact_intervals_of_single_units_are_supported_with_any_number() -> None:
    found = sensitivity([1, 1, 1, 1, 0], [1, 1, 1, 0, 0])["sensitivity"]
    assert found.interval is not None
    assert found.warning is None


def test_limits_of_agreement_with_seventeen_subjects_are_supported() -> None:
    rng = np.random.default_rng(1)
    reference = rng.normal(70, 10, 17)
    found = bland_altman(reference, reference + rng.normal(0, 3, 17), truth="independent")
    assert all("Only 17" not in (one.warning or "") for one in found.values())
