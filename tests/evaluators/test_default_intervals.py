"""The first interval that a statistic lists is a default: it has to hold where subjects have several rows.

A row-wise one there would make a study of clustered rows not evaluable, or, if it could decide, wrong: the
coverage of intervals of rows taken for independent is in docs/coverage.md. With one row a subject a default
has to hold as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from everything import LEVELS

from accordance.evaluators import cohen_kappa, compare_versions, registry, sensitivity, share_within
from accordance.evaluators.intervals import METHODS
from accordance.evaluators.metric import REQUIRED, CannotComputeError, Columns, Metric, Prepared

SUBJECTS = 40
GIVEN: dict[str, Any] = {
    "level_at": 70.0, "at": 70.0, "tolerance": "5", "allowance": 5.0, "share": 0.9, "percentile": 90.0,
    "prevalence": 0.2, "beta": 2.0, "threshold": 0.5, "category": "a", "low": 0.8, "specificity": 0.9,
    "sensitivity": 0.9, "of": "mean", "truth": "varying", "contrast": 10.0,
}  # fmt: skip
"""Parameters without a default."""


def columns(kind: str, rows: int) -> Columns:
    """Forty subjects that differ, with so many rows each."""
    rng, n = np.random.default_rng(0), SUBJECTS * rows
    offsets = np.arange(0, n + 1, rows)
    if kind == "measurement":
        reference = rng.normal(70, 10, n)
        own = np.repeat(rng.normal(0, 2, SUBJECTS), rows)
        roles = {"covariate": rng.normal(0, 1, n), "condition": np.arange(n) % 2}
        levels = {"condition": ("rest", "walk")}
        test = reference + own + rng.normal(1, 3, n)
        return Columns(reference, test, offsets, roles=roles, role_levels=levels)
    if kind == "categorical":
        truth = rng.integers(0, 3, n)
        call = np.where(rng.random(n) < 0.8, truth, rng.integers(0, 3, n))
        return Columns(truth, call, offsets, ("a", "b", "c"))
    truth = rng.integers(0, 2, n)
    if kind == "binary":
        return Columns(truth, np.where(rng.random(n) < 0.85, truth, 1 - truth), offsets)
    score = 1 / (1 + np.exp(-(truth + rng.normal(0, 1, n) - 0.5)))
    return Columns(truth, score, offsets)


def prepared(metric: Metric, rows: int) -> Prepared:
    given = {one.name: GIVEN[one.name] for one in metric.parameters if one.default is REQUIRED}
    if "level_at" in {one.name for one in metric.parameters}:
        given["level_at"] = GIVEN["level_at"]
    found = columns(metric.kind, rows)
    found = replace(found, levels=LEVELS.get(metric.name, found.levels))
    if metric.name == "episode_detection":  # an episode of either side of every subject, some of them found
        n, sides = SUBJECTS * rows, np.repeat(np.arange(2), SUBJECTS * rows)
        both = np.where(np.random.default_rng(1).random(2 * n) < 0.8, 1.0, 0.0)
        order = np.argsort(np.tile(np.arange(n), 2), kind="stable")
        return metric.prepare(
            Columns(np.full(2 * n, 2.0), both[order], found.offsets * 2, (), None,
                    {"side": sides[order]}, {"side": ("reference", "test")}),
        )  # fmt: skip
    if not metric.one_unit:  # events in a time, not two measurements of one quantity
        found = replace(found, test=np.abs(found.test - found.reference).round())
    levels = {"condition": found.role_levels["condition"]} if "condition" in found.roles else {}
    return metric.of_levels(levels).prepare(found, average=metric.averages[0], **given)


WITH_INTERVALS = [
    metric.name for metric in registry.all_metrics() if any(one.intervals for one in metric.statistics)
]


@pytest.mark.parametrize("name", WITH_INTERVALS)
def test_the_first_interval_of_every_statistic_knows_the_subjects(name) -> None:
    metric = registry.get(name)
    study = prepared(metric, rows=4)
    for statistic in metric.statistics:
        if not statistic.intervals or METHODS[statistic.intervals[0]].resampling:
            continue  # subjects are what is resampled
        try:
            found = study.interval(statistic.name, statistic.intervals[0], 0.95, "two")
        except CannotComputeError as problem:
            assert "independent" not in str(problem), statistic.name
            assert "one row" not in str(problem), statistic.name
        else:
            assert not found.independent_rows, statistic.name


PROPORTIONS = [
    (metric.name, statistic.name)
    for metric in registry.all_metrics()
    for statistic in metric.statistics
    if "korn_graubard" in statistic.intervals
]


@pytest.mark.parametrize(("name", "statistic"), PROPORTIONS)
def test_the_first_interval_of_a_proportion_is_exact_with_one_row_a_subject(name, statistic) -> None:
    study = prepared(registry.get(name), rows=1)
    assert registry.get(name).statistic(statistic).intervals[0] == "korn_graubard"
    first, exact = (
        study.interval(statistic, method, 0.95, "two") for method in ("korn_graubard", "clopper_pearson")
    )
    assert (first.lower, first.upper) == (exact.lower, exact.upper)


def test_the_first_interval_of_an_area_is_delong_on_the_logit_scale_with_one_row_a_subject() -> None:
    study = prepared(registry.get("auc"), rows=1)
    first, known = (
        study.interval("auc", method, 0.95, "two") for method in ("obuchowski_logit", "delong_logit")
    )
    assert (first.lower, first.upper) == pytest.approx((known.lower, known.upper), rel=1e-12)


def test_plain_functions_choose_by_the_rows() -> None:
    alone, several = columns("binary", 1), columns("binary", 4)
    subject = np.repeat(np.arange(SUBJECTS), 4)
    assert sensitivity(alone.reference, alone.test)["sensitivity"].interval.method == "clopper_pearson"
    found = sensitivity(several.reference, several.test, subject=subject)["sensitivity"]
    assert found.interval.method == "korn_graubard"
    for rows, method in ((columns("binary", 1), "bootstrap_bca"), (columns("binary", 5), "asymptotic")):
        kappa = cohen_kappa(rows.reference, rows.test)["kappa"]  # 40 and 200 subjects of one row each
        assert kappa.interval.method == method
    measured = columns("measurement", 4)
    share = share_within(measured.reference, measured.test, tolerance=5, subject=subject)["share_within"]
    assert share.interval.method == "korn_graubard"
    better = measured.reference + 0.8 * (measured.test - measured.reference)
    found = compare_versions("rmse", measured.reference, measured.test, better, subject=subject)
    assert found.difference.interval.method == "jackknife_t"
