"""Metrics of cells and of several categories in a protocol: the same numbers as their plain functions.

Oracle: the functions of `accordance.evaluators`, which are held against R and scikit-learn.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from accordance import evaluators
from accordance.studies.evaluate import evaluate

LEVELS = ("wake", "n2", "rem")
TABLE = (
    "{subject: subject, key: [subject, epoch], columns: {subject: {type: text}, epoch: {type: integer}, "
    "stage: {type: category, levels: [wake, n2, rem]}}}"
)
PROTOCOL = f"""
schema: accordance/protocol/1
id: stages
version: "1.0"
title: Sleep stages
intended_use: Sleep staging at home.
objective: To estimate agreement on stages.
seed: 1
tables:
  reference: {TABLE}
  test: {TABLE}
pairings:
  epochs: {{reference: reference, test: test, method: key, on: [subject, epoch]}}
endpoints:
  sensitivity: {{title: Sensitivity, role: secondary, metric: sensitivity, average: pooled, positive: [rem],
    interval: {{method: korn_graubard}}}}
  lr_positive: {{title: LR+, role: secondary, metric: lr_positive, positive: [rem]}}
  ppv_at_prevalence: {{title: PPV, role: secondary, metric: ppv_at_prevalence, positive: [rem],
    parameters: {{prevalence: 0.2}}}}
  youden: {{title: Youden, role: secondary, metric: youden, positive: [rem],
    interval: {{method: mover_wilson}}}}
  f_beta: {{title: F2, role: secondary, metric: f_beta, positive: [rem], parameters: {{beta: 2}}}}
  one_vs_rest: {{title: N2, role: secondary, metric: one_vs_rest, parameters: {{category: CATEGORY}},
    interval: {{method: cluster_t}}}}
  class_averages: {{title: Averages, role: secondary, metric: class_averages,
    interval: {{method: cluster_logit}}}}
"""


@pytest.fixture(scope="module")
def staged():
    random = np.random.default_rng(5)
    subject = np.repeat([f"s{i:02d}" for i in range(12)], 20)
    truth = random.integers(0, 3, 240)
    call = np.where(random.random(240) < 0.8, truth, random.integers(0, 3, 240))
    epoch = np.tile(np.arange(20), 12)
    return tuple(
        pl.DataFrame({"subject": subject, "epoch": epoch, "stage": np.array(LEVELS)[codes]})
        for codes in (truth, call)
    )


@pytest.fixture(scope="module")
def rows(staged):
    found = evaluate(*staged, protocol=PROTOCOL.replace("CATEGORY", "n2")).rows
    return found.filter(pl.col("view") == "primary")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sensitivity", {"positive": "rem", "ci": "korn_graubard"}),
        ("lr_positive", {"positive": "rem"}),
        ("ppv_at_prevalence", {"positive": "rem", "prevalence": 0.2}),
        ("youden", {"positive": "rem", "ci": "mover_wilson"}),
        ("f_beta", {"positive": "rem", "beta": 2}),
        ("one_vs_rest", {"category": "n2", "ci": "cluster_t"}),
        ("class_averages", {"ci": "cluster_logit"}),
    ],
)
def test_rows_carry_the_numbers_of_the_function(staged, rows, name, options):
    reference, test = staged
    expected = getattr(evaluators, name)(
        reference["stage"].to_numpy(),
        test["stage"].to_numpy(),
        subject=reference["subject"].to_numpy(),
        **options,
    )
    found = rows.filter(pl.col("endpoint") == name)
    assert found["statistic"].to_list() == list(expected)
    for row, estimate in zip(found.iter_rows(named=True), expected.values(), strict=True):
        assert row["error"] is None
        assert row["estimate"] == pytest.approx(estimate.value, rel=1e-12)
        assert row["se"] == pytest.approx(estimate.standard_error, rel=1e-9)
        assert (row["ci_lower"], row["ci_upper"]) == pytest.approx(
            (estimate.interval.lower, estimate.interval.upper), rel=1e-9
        )
        assert row["ci_method"] == estimate.interval.method
        assert row["n_events"] == estimate.counts.n_events


def test_a_category_that_is_none_of_the_levels_is_a_row_with_its_reason(staged):
    found = evaluate(*staged, protocol=PROTOCOL.replace("CATEGORY", "n5")).rows
    errors = found.filter((pl.col("endpoint") == "one_vs_rest") & (pl.col("view") == "primary"))["error"]
    assert all("`category` is 'n5'; the levels are wake, n2, rem" in error for error in errors)
