"""Warnings about few subjects: derived from the committed simulation, and carried by results."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1]))

from interval_coverage import grid, table
from interval_coverage.designs import likenesses

from accordance.evaluators import (
    bland_altman,
    compare_versions,
    mcc,
    registry,
    rmse,
    sensitivity,
    specificity,
)
from accordance.evaluators import few_subjects as module
from accordance.evaluators.coverage_floors import METHOD_FLOORS
from accordance.evaluators.few_subjects import FLOORS, LARGEST, PROPORTIONS, SMALLEST, few_subjects_warning
from accordance.evaluators.metric import Counts

ALONE, SEVERAL = FLOORS["kappa"]
ROWS_OF_MEANS = {"rmse_mean": "mae", "mape_mean": "mape", "sensitivity_mean": "sensitivity"}
"""With one row a subject, a mean over subjects is the average over rows of this."""

CLASSIFICATIONS = ("sensitivity", "sensitivity_difference", "kappa", "auc")
FAMILY = {
    **dict.fromkeys(table.STATISTICS, "measurements"),
    **{name: name for name in CLASSIFICATIONS},
    "sensitivity_mean": "sensitivity",
}
"""Statistic -> which simulation draws it."""


def test_floors_are_those_of_the_committed_simulation() -> None:
    rows = table.read()
    one, several = (table.method_floors(rows, several=which) for which in (False, True))
    for mean, average in ROWS_OF_MEANS.items():
        one[mean] = {method: n for method, n in one[average].items() if method in several[mean]}
    derived = {
        name: {
            method: (one[name].get(method, 0), several[name].get(method, 0))
            for method in {*one[name], *several[name]}
        }
        for name in table.STATISTICS
    }
    assert {name: dict(methods) for name, methods in METHOD_FLOORS.items()} == derived
    one_unit, units = (table.floors(rows, several=which) for which in (False, True))
    one_unit |= {mean: one_unit[average] for mean, average in ROWS_OF_MEANS.items()}
    assert dict(FLOORS) == {name: (one_unit[name], units[name]) for name in table.STATISTICS}
    assert (table.SUBJECTS[0], table.SUBJECTS[-1]) == (SMALLEST, LARGEST)


def test_the_committed_simulation_holds_every_design() -> None:
    found = {(row.statistic, row.subjects, row.rows, row.icc, row.case) for row in table.read()}
    expected = set()
    for task in grid.tasks(grid.FAMILIES):
        if task[0] == "measurements":
            _, subjects, rows, case = task
            designs = [(subjects, rows, icc, case) for icc in likenesses(rows)]
        else:
            _, case, subjects, rows, icc = task
            designs = [(subjects, rows, icc, case)]
        expected |= {
            (name, *design)
            for name in table.STATISTICS
            if FAMILY[name] == task[0]
            for design in designs
            if not (name in ROWS_OF_MEANS and design[1] == "1")
        }
    assert found == expected


def test_every_simulated_statistic_is_looked_up_somewhere() -> None:
    used = {*module.SIMULATED.values(), *(name for name, _ in module._DIFFERENCES.values())}
    assert used == set(FLOORS)
    for metric, statistic, average in (*module.SIMULATED, *module._BORROWED):
        assert registry.get(metric).statistic(statistic)
        assert average in registry.get(metric).averages
    for metric in module._DIFFERENCES:
        assert registry.get(metric).headline == metric


def test_every_proportion_has_the_numbers_of_sensitivity() -> None:
    offered = {
        (metric.name, statistic.name)
        for metric in registry.all_metrics()
        for statistic in metric.statistics
        if "korn_graubard" in statistic.intervals and statistic.unit == "proportion"
    }
    assert offered == {*PROPORTIONS, ("sensitivity", "sensitivity"), ("share_within", "share_within")}
    assert "of sensitivity, which speak for" in (few_subjects_warning("ppv", "ppv", Counts(20, 400)) or "")


@pytest.mark.parametrize("n", [2, 17, ALONE - 1])
def test_below_the_floor_there_is_a_warning(n) -> None:
    assert f"Only {n} subjects" in (few_subjects_warning("cohen_kappa", "kappa", Counts(n, n)) or "")
    assert f"Only {n} subjects" in (few_subjects_warning("cohen_kappa", "kappa", Counts(n, 20 * n)) or "")


def test_several_units_a_subject_need_more_subjects() -> None:
    assert few_subjects_warning("cohen_kappa", "kappa", Counts(ALONE, ALONE)) is None
    assert few_subjects_warning("cohen_kappa", "kappa", Counts(ALONE, ALONE + 1)) is not None
    assert few_subjects_warning("cohen_kappa", "kappa", Counts(SEVERAL, 20 * SEVERAL)) is None


def test_a_method_that_needs_more_than_the_best_is_told_apart() -> None:
    least, own = FLOORS["auc"][0], METHOD_FLOORS["auc"]["obuchowski"][0]
    n = (least + own) // 2
    said = few_subjects_warning("auc", "auc", Counts(n, n), method="obuchowski") or ""
    assert "`obuchowski`" in said
    assert said.endswith("; another reached it.")
    assert few_subjects_warning("auc", "auc", Counts(n, n), method="obuchowski_logit") is None
    assert few_subjects_warning("auc", "auc", Counts(own, own), method="obuchowski") is None


def test_what_takes_rows_for_independent_is_not_told_twice() -> None:
    subject = np.repeat(np.arange(100), 3)
    call = np.ones(300, dtype=int)
    call[::17] = 0
    found = sensitivity(np.ones(300), call, subject=subject, ci="wilson")["sensitivity"]
    assert found.interval.independent_rows
    assert "Only" not in found.warning


def test_elsewhere_there_is_none() -> None:
    assert few_subjects_warning("no_such_metric", "rmse", Counts(3, 9)) is None


@pytest.mark.parametrize(("n", "warned"), [(12, True), (90, False)])
def test_results_carry_the_warning(n, warned) -> None:
    rng = np.random.default_rng(1)
    reference = rng.normal(70, 10, n)
    found = rmse(reference, reference + rng.normal(0, 3, n), average="pooled")["rmse"]
    assert ("Only 12 subjects" in (found.warning or "")) == warned
    assert found.interval is not None


def test_means_over_subjects_have_numbers_of_their_own() -> None:
    rng = np.random.default_rng(1)
    reference, subject = rng.normal(70, 10, 60), np.repeat(np.arange(12), 5).astype(str)
    noisy = reference + rng.normal(0, 3, 60)
    for average in ("pooled", "subject_mean"):
        found = rmse(reference, noisy, subject=subject, average=average)["rmse"]
        floor = FLOORS["rmse" if average == "pooled" else "rmse_mean"][1]
        assert ("Only 12" in (found.warning or "")) == (floor > 12)


def test_below_ten_subjects_approximate_intervals_are_not_backed_by_simulation() -> None:
    truth, call = np.tile([1, 1, 0, 0], 8), np.tile([1, 1, 0, 1], 8)
    call[5] = 0
    assert "Only 8" in (mcc(truth, call, subject=np.repeat(np.arange(8), 4))["mcc"].warning or "")
    assert "Only 10" not in (
        mcc(truth[:30], call[:30], subject=np.repeat(np.arange(10), 3))["mcc"].warning or ""
    )
    assert few_subjects_warning("mcc", "mcc", Counts(8, 32), method="bootstrap_bca") is not None
    assert few_subjects_warning("icc", "icc_1_1", Counts(8, 32), method="f") is None


def test_a_difference_has_numbers_of_its_own() -> None:
    rng = np.random.default_rng(2)
    subject = np.repeat(np.arange(12), 5)
    truth = rng.integers(0, 2, 60)
    truth[::5] = 1
    first, second = (np.where(rng.random(60) < 0.8, truth, 1 - truth) for _ in range(2))
    found = compare_versions("sensitivity", truth, first, second, subject=subject).difference
    assert ("Only 12" in (found.warning or "")) == (FLOORS["sensitivity_difference"][1] > 12)
    single = few_subjects_warning("mcc", "mcc", Counts(8, 8), difference=True, method="jackknife_t")
    assert single is not None
    assert few_subjects_warning("bland_altman", "sd", Counts(12, 24), difference=True) is None


def test_without_an_interval_there_is_no_word_about_it() -> None:
    found = rmse([70.0], [71.0], average="pooled")["rmse"]
    assert found.interval is None
    assert "Only" not in (found.warning or "")


def test_exact_intervals_of_single_units_are_supported_with_any_number() -> None:
    for function in (sensitivity, specificity):
        found = function([1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 1, 0])[function.__name__]
        assert found.interval is not None
        assert found.warning is None


def test_limits_of_agreement_with_seventeen_subjects_are_supported() -> None:
    rng = np.random.default_rng(1)
    reference = rng.normal(70, 10, 17)
    found = bland_altman(reference, reference + rng.normal(0, 3, 17), truth="independent")
    assert all("Only 17" not in (one.warning or "") for one in found.values())
