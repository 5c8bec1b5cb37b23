"""Weighted Deming regression against R: mcr (iterated), SimplyAgree (one pass). Values from oracle.json."""

from __future__ import annotations

from typing import Any

import pytest
from oracle import compare

from accordance.evaluators.regression.weighted import weighted_deming

DATA = ["pefr", "sbp", "milk", "creat", "giav", "ncssd", "ncsspb", "scint"]


def row(result: Any, name: str) -> list[float]:
    found = result[name]
    assert found.interval is not None, found.error
    return [found.value, found.standard_error, found.interval.lower, found.interval.upper]


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("ratio", [1, 4])
def test_iterated_against_mcr(oracle: Any, data: str, ratio: int) -> None:
    """`mcr::mcreg(x, y, method.reg = "WDeming", error.ratio = ratio, method.ci = "jackknife")`."""
    name = f"wdeming{ratio}_jack.{data}"
    values, rows = oracle.values(name), oracle.rows(name)
    result = weighted_deming(rows.reference, rows.test, error_ratio=ratio)
    for one in ("slope", "intercept"):
        expected = [values[one], values[f"{one}_se"], *values[f"{one}_ci"]]
        compare("weighted Deming, iterated", row(result, one), expected)


@pytest.mark.parametrize("data", DATA)
def test_one_pass_against_simplyagree(oracle: Any, data: str) -> None:
    """`SimplyAgree::dem_reg(y ~ x, weighted = TRUE, error.ratio = 4)`."""
    name = f"wdem_reg_SimplyAgree_4.{data}"
    values, rows = oracle.values(name, "cross_check"), oracle.rows(name)
    result = weighted_deming(rows.reference, rows.test, error_ratio=4, weighting="one_pass")
    for i, one in enumerate(("intercept", "slope")):
        expected = [values[key][i] for key in ("coef", "se", "ci_lower", "ci_upper")]
        compare("weighted Deming, one pass", row(result, one), expected)
