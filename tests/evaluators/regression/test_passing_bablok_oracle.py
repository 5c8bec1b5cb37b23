"""Passing-Bablok and Theil-Sen lines against exact rational arithmetic and R. Values from oracle.json."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import compare
from scipy import stats

from accordance.evaluators import MetricResult
from accordance.evaluators.metric import Columns
from accordance.evaluators.regression.pair_lines import PairLinePrepared
from accordance.evaluators.regression.passing_bablok_intervals import rank_bounds
from accordance.evaluators.regression.ranks import (
    PASSING_BABLOK,
    passing_bablok,
    passing_bablok_equivariant,
    theil_sen,
)

DATA = ["pefr", "sbp", "milk", "creat", "giav", "arsen", "ncssd", "ncsspb", "scint"]
MIDDLE = {"radian": "angle", "tangent": "slope"}

EQUAL_RESIDUALS = {
    ("pbequi", "creat"),
    ("pbequi", "ncsspb"),
    ("theilsen", "sbp"),
    ("theilsen", "creat"),
    ("theilsen", "ncsspb"),
}
"""Several points have exactly the same residual, or lie on the line. R's floating point makes them unequal,
as rounding falls, and the intercept's standard error counts which is the larger: one unit in the last digit
of the slope moves it by up to 2%. Ours takes equal ones as equal; `in_floating_point` gives R's value."""


def prepared_of(rows: Any) -> PairLinePrepared:
    columns = Columns(rows.reference, rows.test, np.arange(len(rows.test) + 1))
    prepared = PASSING_BABLOK.prepare(columns, level_at=0)
    assert isinstance(prepared, PairLinePrepared)
    return prepared


def row(result: MetricResult, name: str) -> list[float]:
    found = result[name]
    assert found.interval is not None, found.error
    return [found.value, found.interval.lower, found.interval.upper]


def in_floating_point(x: np.ndarray, y: np.ndarray, slope: float, error: float, *, theil_sen: bool) -> float:
    """Standard error of the intercept by Dufey's formulas, equality left to floating point as in mcr 1.3.3.1.

    Residuals are equal where they differ by less than 1e-12 of themselves, which near 0 they never do;
    positions are never equal, so that pairs whose slope is the negative of the line's count as in order.
    """
    n, residual = len(x), y - slope * x
    along = x if theil_sen else y + slope * x
    sizes = residual[:, None]
    off = sizes - sizes.T
    off[np.abs(off) < 1e-12 * (np.abs(sizes) + np.abs(sizes.T)) / 2] = 0
    place = np.argsort(np.lexsort((residual, along)))
    own = (np.sign(off) * np.sign(place[:, None] - place)).sum(axis=1)
    pairs = n * (n - 1)
    variance = max((4 * np.square(own).sum() - 2 * pairs) / pairs / (n - 2) / (n - 3), 1e-5)
    last = round((n + 1) / 2 - 1.4 * np.sqrt(n / 4))
    ordered = np.sort(residual)
    spread = (ordered[n - last] - ordered[last - 1]) / 2.8

    order = np.argsort(residual - np.median(residual), kind="stable")
    z, along = (residual - np.median(residual))[order], along[order]
    for i in range(n - 1):
        if abs(z[i] - z[i + 1]) < 1e-12 * (abs(z[i]) + abs(z[i + 1])) / 2:
            z[i] = z[i + 1] = (z[i] + z[i + 1]) / 2
    apart = [
        stats.kendalltau(z[side], along[side]).statistic * side.sum() * (side.sum() - 1)
        for side in (z > 0, z < 0)
    ]
    correlation = 2 * (apart[0] - apart[1]) / pairs / np.sqrt(n * variance)
    low, high = (np.median(y - (slope + sign * 1.4 * error) * x) for sign in (-1, 1))
    pivot = (low - high) / (2.8 * error) - spread / error * correlation
    return float(np.hypot(spread * np.sqrt(1 - correlation**2), error * pivot))


@pytest.mark.parametrize("data", DATA)
def test_classic_against_exact_rational_arithmetic(oracle: Any, data: str) -> None:
    """Python fractions; M1 rounded half to even, vertical slopes as +inf, slopes of -1 dropped."""
    values = oracle.values(f"paba_exact_rational.{data}")
    rows = oracle.rows(f"paba_exact_rational.{data}")
    result = passing_bablok(rows.reference, rows.test)
    for name in ("slope", "intercept"):
        compare("Passing-Bablok, exact", row(result, name), [values[name], *values[f"{name}_ci"]], rel=1e-13)
    found = prepared_of(rows).slopes
    vertical = int(np.count_nonzero(np.isinf(found.slopes)))
    dropped = values["n_slope_eq_minus1_dropped"] + values["n_identical_pairs_dropped"]
    counts = [found.n, found.used, found.offset, vertical, len(found.slopes) - found.used]
    expected = [*(values[key] for key in ("n", "N_slopes", "K_lt_minus1", "n_vertical")), dropped]
    compare("Passing-Bablok, exact: counts", counts, expected, rel=0)
    # C is seen through the ranks it leads to
    bounds = found.ranked([values["M1"] + found.offset, values["M2"] + found.offset])
    compare("Passing-Bablok, exact: counts", rank_bounds(found, 0.95, "two"), bounds, rel=0)


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
        if "n_slopes_used" in values:  # MethComp ranks every pair, those that we drop too
            slopes = prepared_of(rows).slopes
            compare("Passing-Bablok, programs", len(slopes.slopes), values["n_slopes_used"], rel=0)
            if np.all(np.isfinite(slopes.slopes)):  # of the others it counts some below -1
                compare("Passing-Bablok, programs", slopes.offset, values["K"], rel=0)


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
    if (prefix, data) in EQUAL_RESIDUALS:
        assert errors[0] == pytest.approx(errors[1], rel=0.011)
        naive = [
            in_floating_point(
                rows.reference, rows.test, slope, values["slope_se"], theil_sen=prefix != "pbequi"
            )
            for slope in values["slope"] + np.spacing(0.5) * np.arange(-4, 5)  # printed to 15 digits
        ]
        nearest = min(naive, key=lambda one: abs(one - values["intercept_se"]))
        assert max(naive) / min(naive) > 1.0005 or (prefix, data) == ("pbequi", "creat")
        compare(f"{title}, equal residuals, in floating point", nearest, values["intercept_se"])
        reach = stats.t.ppf(0.975, len(rows.test) - 2) * nearest * np.array([-1, 1])
        ends = result["intercept"].value + reach
        compare(f"{title}, equal residuals, in floating point", ends, values["intercept_ci"])
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
