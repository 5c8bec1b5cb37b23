"""Lines against R's mcr, SimplyAgree and MethComp: values of agreement/oracle.json with package and call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from oracle import compare

from accordance.evaluators import MetricResult
from accordance.evaluators.metric import Columns, Metric
from accordance.evaluators.regression.least_squares import (
    DEMING,
    ORDINARY_LEAST_SQUARES,
    deming,
    ordinary_least_squares,
    weighted_least_squares,
)
from accordance.evaluators.regression.sums import LinePrepared

DATA = ["pefr", "sbp", "milk", "creat", "giav", "arsen", "ncssd", "ncsspb", "scint"]
POSITIVE = [name for name in DATA if name != "arsen"]  # arsenate has zeros, R refuses it too


def interval(result: MetricResult, name: str) -> list[float]:
    found = result[name].interval
    assert found is not None, result[name].error
    return [found.lower, found.upper]


def against_mcr(method: str, result: MetricResult, values: Mapping[str, Any], rel: float = 1e-8) -> None:
    for name in ("slope", "intercept"):
        lower, upper = interval(result, name)
        compare(method, [result[name].value, lower, upper], [values[name], *values[f"{name}_ci"]], rel=rel)


def model_errors(method: str, metric: Metric, rows: Any, values: Mapping[str, Any]) -> None:
    """Standard errors of the model: the result of a line shows the jackknife's instead."""
    columns = Columns(rows.reference, rows.test, np.arange(len(rows.test) + 1))
    prepared = metric.prepare(columns, level_at=0)
    assert isinstance(prepared, LinePrepared)
    for name in ("slope", "intercept"):
        compare(method, prepared.model_error(name), values[f"{name}_se"])


@pytest.mark.parametrize("data", DATA)
def test_least_squares_against_mcr(oracle: Any, data: str) -> None:
    """`mcr::mcreg(x, y, method.reg = "LinReg", method.ci = "analytical")`, equal to `lm`."""
    values, rows = oracle.values(f"ols.{data}"), oracle.rows(f"ols.{data}")
    result = ordinary_least_squares(rows.reference, rows.test, ci="model_t")
    against_mcr("least squares", result, values)
    model_errors("least squares", ORDINARY_LEAST_SQUARES, rows, values)
    compare("least squares", [result["intercept"].value, result["slope"].value], values["stats_lm"])


@pytest.mark.parametrize("data", POSITIVE)
def test_weighted_least_squares_against_mcr(oracle: Any, data: str) -> None:
    """`mcreg(x, y, method.reg = "WLinReg", method.ci = "jackknife")`."""
    values, rows = oracle.values(f"wlinreg.{data}"), oracle.rows(f"wlinreg.{data}")
    result = weighted_least_squares(rows.reference, rows.test)
    against_mcr("least squares, 1/x^2", result, values)
    errors = [result[name].standard_error for name in ("slope", "intercept")]
    compare("least squares, 1/x^2", errors, [values["slope_se"], values["intercept_se"]])


def test_weighted_least_squares_refuses_zeros_as_mcr_does(oracle: Any) -> None:
    rows = oracle.rows("wlinreg.arsen")
    result = weighted_least_squares(rows.reference, rows.test)
    assert "zero or below" in (result["slope"].error or "")


@pytest.mark.parametrize("data", DATA)
def test_deming_model_against_mcr(oracle: Any, data: str) -> None:
    """`mcreg(x, y, method.reg = "Deming", error.ratio = 1, method.ci = "analytical")`."""
    values, rows = oracle.values(f"deming1_analytical.{data}"), oracle.rows(f"deming1_analytical.{data}")
    against_mcr("Deming, analytic", deming(rows.reference, rows.test, ci="model_t"), values)
    model_errors("Deming, analytic", DEMING, rows, values)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("ratio", ["1", "2", "0.5", "4"])
def test_deming_jackknife_against_mcr(oracle: Any, data: str, ratio: str) -> None:
    """`mcreg(x, y, method.reg = "Deming", error.ratio = ratio, method.ci = "jackknife")`."""
    name = f"deming{ratio}_jack.{data}"
    values, rows = oracle.values(name), oracle.rows(name)
    result = deming(rows.reference, rows.test, error_ratio=float(ratio))
    against_mcr("Deming, jackknife", result, values)
    errors = [result[name].standard_error for name in ("slope", "intercept")]
    compare("Deming, jackknife", errors, [values["slope_se"], values["intercept_se"]])


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("ratio", [1, 4])
def test_direction_of_the_error_ratio(oracle: Any, data: str, ratio: int) -> None:
    """MethComp's `Deming(x, y, vr)` states var(error y) / var(error x), the inverse; SimplyAgree ours."""
    rows = oracle.rows(f"deming_MethComp_vr{ratio}.{data}")
    inverse = oracle.values(f"deming_MethComp_vr{ratio}.{data}", "cross_check")
    result = deming(rows.reference, rows.test, error_ratio=1 / ratio)
    found = [result["slope"].value, result["intercept"].value]
    compare("Deming, cross-checks", found, [inverse["Slope"], inverse["Intercept"]])
    same = oracle.values(f"dem_reg_SimplyAgree_{ratio}.{data}", "cross_check")
    result = deming(rows.reference, rows.test, error_ratio=ratio)
    for i, name in enumerate(("intercept", "slope")):
        expected = [same["coef"][i], same["se"][i], same["ci_lower"][i], same["ci_upper"][i]]
        found = [result[name].value, result[name].standard_error, *interval(result, name)]
        compare("Deming, cross-checks", found, expected)


def test_clustered_jackknife_leaves_out_subjects(oracle: Any) -> None:
    """By its definition, sd of the pseudovalues over root S, with the subjects' rows taken out by hand."""
    rows = oracle.rows("err_cluster.ox")
    result = deming(rows.reference, rows.test, subject=rows.subject, level_at=80)
    labels = np.unique(rows.subject)
    left_out = [
        deming(rows.reference[rows.subject != one], rows.test[rows.subject != one], level_at=80)
        for one in labels
    ]
    for name in result:
        values = np.array([one[name].value for one in left_out])
        pseudo = len(labels) * result[name].value - (len(labels) - 1) * values
        expected = pseudo.std(ddof=1) / len(labels) ** 0.5
        assert result[name].standard_error == pytest.approx(expected, rel=1e-9)
