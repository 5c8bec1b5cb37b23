"""Passing-Bablok and Theil-Sen lines against exact rational arithmetic and R. Values from oracle.json."""

from __future__ import annotations

from typing import Any

import pytest
from oracle import compare

from accordance.evaluators import MetricResult
from accordance.evaluators.regression.ranks import passing_bablok, passing_bablok_equivariant, theil_sen

DATA = ["pefr", "sbp", "milk", "creat", "giav", "arsen", "ncssd", "ncsspb", "scint"]
MIDDLE = {"radian": "angle", "tangent": "slope"}

ON_THE_LINE = {
    ("pbequi", "creat"),
    ("pbequi", "ncsspb"),
    ("theilsen", "sbp"),
    ("theilsen", "creat"),
    ("theilsen", "ncsspb"),
}
"""Points lie exactly on the line. R's floating point puts them on one side of it or the other, and that moves
the intercept's standard error: naive floating point reproduces theilsen.sbp and theilsen.ncsspb to 1e-14."""


def row(result: MetricResult, name: str) -> list[float]:
    found = result[name]
    assert found.interval is not None, found.error
    return [found.value, found.interval.lower, found.interval.upper]


@pytest.mark.parametrize("data", DATA)
def test_classic_against_exact_rational_arithmetic(oracle: Any, data: str) -> None:
    """Python fractions; M1 rounded half to even, vertical slopes as +inf, slopes of -1 dropped."""
    values = oracle.values(f"paba_exact_rational.{data}")
    rows = oracle.rows(f"paba_exact_rational.{data}")
    result = passing_bablok(rows.reference, rows.test)
    for name in ("slope", "intercept"):
        compare("Passing-Bablok, exact", row(result, name), [values[name], *values[f"{name}_ci"]], rel=1e-13)


def test_classic_against_every_trusted_program(oracle: Any) -> None:
    """mcr (radian and tangent), deming::pbreg, MethComp::PBreg, SimplyAgree::pb_reg, where they are right."""
    names = [
        name
        for name, entry in oracle.entries.items()
        if entry["method"] == "passing_bablok" and entry["trust"] == "reference" and "exact" not in name
    ]
    assert len(names) > 10
    for name in names:
        values, rows = oracle.values(name), oracle.rows(name)
        how = MIDDLE.get(name.split(".")[0].removeprefix("paba_"), "slope")
        result = passing_bablok(rows.reference, rows.test, middle=how)
        for i, one in enumerate(("intercept", "slope")):
            if "coef" in values:
                ci = values["ci"][i] if "ci" in values else [values["ci_lower"][i], values["ci_upper"][i]]
                expected = [values["coef"][i], *ci]
            else:
                expected = [values[one if one in values else one.title()], *values[f"{one}_ci"]]
            compare("Passing-Bablok, programs", row(result, one), expected)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("prefix", ["pbequi", "theilsen"])
def test_equivariant_and_theil_sen_against_mcr(oracle: Any, prefix: str, data: str) -> None:
    """`mcreg(x, y, method.reg = "PBequi" or "TS", method.ci = "analytical")`; it averages angles."""
    values, rows = oracle.values(f"{prefix}.{data}"), oracle.rows(f"{prefix}.{data}")
    function = passing_bablok_equivariant if prefix == "pbequi" else theil_sen
    result = function(rows.reference, rows.test, middle="angle")
    title = "Passing-Bablok, equivariant" if prefix == "pbequi" else "Theil-Sen"
    compare(title, row(result, "slope"), [values["slope"], *values["slope_ci"]])
    compare(title, result["slope"].standard_error, values["slope_se"])
    compare(title, result["intercept"].value, values["intercept"])
    errors = result["intercept"].standard_error, values["intercept_se"]
    if (prefix, data) in ON_THE_LINE:
        compare(f"{title}, points on the line", *errors, rel=0.011)
    else:
        compare(title, *errors)
        compare(title, row(result, "intercept")[1:], values["intercept_ci"])


@pytest.mark.parametrize("data", [name for name in DATA if name != "creat"])
def test_jackknife_against_mcr(oracle: Any, data: str) -> None:
    """`mcreg(x, y, method.reg = "PaBa", method.ci = "jackknife")`; for creatinine mcr loses slopes of -1."""
    values, rows = oracle.values(f"paba_jack.{data}", "cross_check"), oracle.rows(f"paba_jack.{data}")
    result = passing_bablok(rows.reference, rows.test, middle="angle", ci="jackknife")
    for name in ("slope", "intercept"):
        expected = [values[name], *values[f"{name}_ci"]]
        compare("Passing-Bablok, jackknife", row(result, name), expected)


def test_scissors_are_the_equivariant_line(oracle: Any) -> None:
    """`deming::pbreg(y ~ x, method = 3)` and `SimplyAgree::pb_reg(method = "scissors")`, the points only."""
    for name, entry in oracle.entries.items():
        if entry["trust"] == "cross_check" and ("pkg_m3." in name or "scissors." in name):
            values, rows = oracle.values(name, "cross_check"), oracle.rows(name)
            result = passing_bablok_equivariant(rows.reference, rows.test, middle="angle")
            found = [result["intercept"].value, result["slope"].value]
            compare("Passing-Bablok, equivariant", found, values["coef"])
