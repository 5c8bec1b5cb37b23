"""MAE, RMSE, MAPE against R. Values from agreement/oracle.json; each entry names its package and call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import compare

from accordance.evaluators import MetricResult, bland_altman, mae, mape, rmse

SIMPLE = ["pefr", "sbp", "milk", "creat", "giav", "scint"]
REPEATED = ["cardiac", "sbp", "ox", "pefr", "sareps"]
FUNCTIONS = {"mae": mae, "rmse": rmse, "mape": mape}


def matches(found: Any, expected: Any) -> bool:
    compare("MAE, RMSE, MAPE (base R, survey)", found, expected)
    return True


def bounds(result: MetricResult) -> list[float]:
    interval = result[result.metric].interval
    assert interval is not None
    return [interval.lower, interval.upper]


@pytest.mark.parametrize("data", SIMPLE)
@pytest.mark.parametrize(("name", "key"), [("mae", "mae"), ("rmse", "rmse"), ("mape", "mape_pct")])
def test_values_against_base_r(oracle: Any, data: str, name: str, key: str) -> None:
    values, rows = oracle.values(f"error_metrics.{data}"), oracle.rows(f"error_metrics.{data}")
    result = FUNCTIONS[name](rows.reference, rows.test)
    if name == "mape" and (rows.reference == 0).any():
        assert "zero" in (result["mape"].error or "")  # R would give Inf
        return
    assert matches(result[name].value, values[key])


@pytest.mark.parametrize("data", REPEATED)
@pytest.mark.parametrize(
    ("name", "value", "error", "interval"),
    [
        ("mae", "mae", "mae_se", "mae_ci_t"),
        ("rmse", "rmse_arms", "rmse_se_delta", "rmse_ci_t"),
        ("mape", "mape_pct", "mape_se", "mape_ci_t"),
    ],
)
def test_clustered_intervals_against_survey(
    oracle: Any, data: str, name: str, value: str, error: str, interval: str
) -> None:
    """`svymean(~abs + sq + ape, svydesign(ids = ~subject, weights = ~1))`, `svycontrast(quote(sqrt(sq)))`."""
    values, rows = oracle.values(f"err_cluster.{data}"), oracle.rows(f"err_cluster.{data}")
    result = FUNCTIONS[name](rows.reference, rows.test, subject=rows.subject, ci="cluster_t")
    assert matches(result[name].value, values[value])
    assert matches(result[name].standard_error, values[error])
    assert matches(bounds(result), values[interval])


@pytest.mark.parametrize("data", REPEATED)
def test_subject_means_against_base_r(oracle: Any, data: str) -> None:
    """mean(tapply(abs(d), subject, mean)) and its t interval; mean of the subjects' RMSEs."""
    values, rows = oracle.values(f"err_subject_equal.{data}"), oracle.rows(f"err_subject_equal.{data}")
    for method in ("t", "cluster_t"):
        result = mae(rows.reference, rows.test, subject=rows.subject, average="subject_mean", ci=method)
        assert matches(result["mae"].value, values["mean_of_subject_mae"])
        assert matches(bounds(result), values["mae_ci_t"])
    root = rmse(rows.reference, rows.test, subject=rows.subject, average="subject_mean")
    assert matches(root["rmse"].value, values["mean_of_subject_rmse"])


@pytest.mark.parametrize("data", REPEATED)
def test_row_weights_can_make_subjects_count_once(oracle: Any, data: str) -> None:
    """With weights 1 / rows of the subject, RMSE is the root of the mean of the subjects' mean squares."""
    values, rows = oracle.values(f"err_subject_equal.{data}"), oracle.rows(f"err_subject_equal.{data}")
    _, label, counts = np.unique(rows.subject, return_inverse=True, return_counts=True)
    result = rmse(rows.reference, rows.test, subject=rows.subject, weights=1 / counts[label])
    assert matches(result["rmse"].value, values["rmse_subject_weighted"])
    by_mean = bland_altman(rows.reference, rows.test, weights=1 / counts[label], truth="independent")
    assert matches(by_mean["bias"].value, values["bias_of_subject_means"])
