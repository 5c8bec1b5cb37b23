"""Limits of agreement against other programs: SimplyAgree, blandr, MethComp.

They are second witnesses of values that `test_agreement_oracle.py` takes from base R. SimplyAgree prints
one-sided 95% bounds of the limits unless told otherwise. Entries that are known to deviate are not here.
"""

from __future__ import annotations

from typing import Any

import pytest
from oracle import compare
from scipy import special

from accordance.evaluators import (
    MetricResult,
    bland_altman,
    bland_altman_mixed,
    difference_trend,
    regression_limits,
)

SIMPLE = ["pefr", "sbp", "milk", "creat", "giav", "scint"]


def ends(result: MetricResult, statistic: str) -> list[float]:
    interval = result[statistic].interval
    assert interval is not None
    return [interval.lower, interval.upper]


@pytest.mark.parametrize(("entry", "method"), [("ba", "t"), ("mover", "mover")])
@pytest.mark.parametrize("data", SIMPLE)
def test_one_sided_bounds_of_simplyagree(oracle: Any, data: str, entry: str, method: str) -> None:
    """`agreement_limit(data_type = "simple", loa_calc = "blandaltman" | "mover", alpha = 0.05)`."""
    name = f"ba_simple_SimplyAgree_{entry}.{data}"
    values, rows = oracle.values(name, trust="cross_check"), oracle.rows(name)

    def call(sides: Any) -> MetricResult:
        return bland_altman(
            rows.reference, rows.test, truth="independent", ci={"loa_lower": method, "loa_upper": method},
            sides=sides,
        )  # fmt: skip

    line = f"limits of agreement, one-sided {method}, SimplyAgree"
    two, lower, upper = call("two"), call("lower"), call("upper")
    compare(line, ends(two, "bias"), [values["lower.CL"], values["upper.CL"]])
    compare(line, [two["sd"].value, two["bias"].standard_error], [values["sd_delta"], values["SE"]])
    compare(line, [two["loa_lower"].value, two["loa_upper"].value],
            [values["lower_loa"], values["upper_loa"]])  # fmt: skip
    compare(line, ends(lower, "loa_lower")[0], values["lower_loa_ci"])
    compare(line, ends(upper, "loa_upper")[1], values["upper_loa_ci"])


@pytest.mark.parametrize("data", SIMPLE)
def test_blandr(oracle: Any, data: str) -> None:
    """`blandr.statistics(test, reference, sig.level = 0.95)`: limits at 1.96, not at 1.959964."""
    name = f"ba_simple_blandr.{data}"
    values, rows = oracle.values(name, trust="cross_check"), oracle.rows(name)
    at_196 = float(2 * special.ndtr(1.96) - 1)
    result = bland_altman(
        rows.reference, rows.test, truth="independent", agreement_level=at_196, ci={"bias": "t"}
    )
    line = "limits of agreement, independent, blandr"
    compare(line, [estimate.value for estimate in result.values()],
            [values["bias"], values["sd"], *values["loa"]])  # fmt: skip
    compare(line, ends(result, "bias"), values["bias_ci"])


@pytest.mark.parametrize(("suffix", "level"), [("", 0.95), ("_TOST", 0.9)])
@pytest.mark.parametrize(
    ("entry", "truth", "data"),
    [
        *(("agree_nest", "varying", data) for data in ("cardiac", "sbp", "pefr", "sareps")),
        *(("agree_reps", "constant", data) for data in ("cardiac", "sbp", "pefr")),
    ],
)
def test_mover_of_repeated_pairs_in_simplyagree(
    oracle: Any, entry: str, truth: Any, data: str, suffix: str, level: float
) -> None:
    """`agree_nest(TOST = FALSE | TRUE)`, `agree_reps(...)`; `sareps` has readings without partner there."""
    name = f"rm_{entry}{suffix}.{data}"
    values, rows = oracle.values(name, trust="cross_check"), oracle.rows(name)
    result = bland_altman(rows.reference, rows.test, subject=rows.subject, truth=truth, level=level)
    line = f"limits of agreement, {truth} truth, SimplyAgree"
    compare(line, [result["bias"].value, result["sd"].value ** 2], [values["bias"], values["var_total"]])
    compare(line, [result["loa_lower"].value, result["loa_upper"].value], values["loa"])
    for statistic in ("loa_lower", "loa_upper"):
        compare(line, ends(result, statistic), values[f"{statistic}_ci"])


@pytest.mark.parametrize("data", ["cardiac", "sbp", "ox", "pefr"])
def test_linked_replicates_of_methcomp_are_the_mixed_model(oracle: Any, data: str) -> None:
    """`BA.est(Meth(.), linked = TRUE)`: for linked pairs its differences have our two variances."""
    name = f"rm_BAest_linked.{data}"
    values, rows = oracle.values(name, trust="cross_check")["LoA"], oracle.rows(name)
    result = bland_altman_mixed(rows.reference, rows.test, subject=rows.subject, replicates=20)
    line = "mixed-model limits of agreement, MethComp"
    compare(line, -result["bias"].value, values["Mean"], rel=1e-6)
    compare(line, result["sd"].value, values["SD"], rel=1e-5)


@pytest.mark.parametrize("data", SIMPLE)
def test_regression_of_methcomp(oracle: Any, data: str) -> None:
    """`DA.reg`: intercepts, slopes, residual SD and both tests."""
    values, rows = oracle.values(f"ba_regression.{data}")["DA.reg"], oracle.rows(f"ba_regression.{data}")
    level = float((rows.reference + rows.test).mean() / 2)
    result = regression_limits(rows.reference, rows.test, at=level)
    constant = regression_limits(rows.reference, rows.test, at=level, spread="constant")
    trend = difference_trend(rows.reference, rows.test, errors="independent")
    found = [result[name].value for name in ("intercept", "slope", "sd_intercept", "sd_slope")]
    expected = [values["int(t-f)"], values["slope(t-f)"], values["int(sd)"], values["slope(sd)"]]
    line = "regression-based limits of agreement, MethComp"
    compare(line, found, expected)
    compare(line, constant["sd"].value, values["sd(t-f)"])
    compare(line, [trend["slope_p"].value, trend["spread_slope_p"].value], [values["beta=1"], values["sd=K"]])
