"""Exact intervals of limits of agreement: one limit (Carkeet 2015), both together, tolerance factors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import compare
from scipy import integrate, stats

from accordance.evaluators import CannotComputeError, bland_altman
from accordance.evaluators.agreement.limits_exact import limit_factor, tolerance_factor

SIMPLE = ["pefr", "sbp", "milk", "creat", "giav", "scint"]
Z = 1.959963984540054


def ends(result: Any, statistic: str) -> list[float]:
    interval = result[statistic].interval
    return [interval.lower, interval.upper]


@pytest.mark.parametrize("data", SIMPLE)
def test_one_limit_against_r(oracle: Any, data: str) -> None:
    """`uniroot(function(k) pt(k * sqrt(n), n - 1, qnorm(.975) * sqrt(n)) - p)` in base R."""
    values, rows = oracle.values(f"ba_simple.{data}"), oracle.rows(f"ba_simple.{data}")
    result = bland_altman(rows.reference, rows.test, truth="independent", ci="noncentral_t")
    for statistic in ("loa_lower", "loa_upper"):
        compare(
            "limits of agreement, exact (noncentral t)",
            ends(result, statistic),
            values[f"{statistic}_ci_exact_carkeet"],
        )
    found = [limit_factor(values["n"], p, Z) for p in (0.025, 0.975, 0.05, 0.95)]
    compare(
        "limits of agreement, exact (noncentral t)",
        found,
        [*values["carkeet_nct_k"], *values["carkeet_nct_k_onesided"]],
    )


@pytest.mark.parametrize("data", SIMPLE)
def test_both_limits_against_r(oracle: Any, data: str) -> None:
    """Own numerical integration in R, confirmed by `tolerance::K.factor(method = "EXACT")` to 1e-9."""
    entry = f"ba_simple_pairK.{data}"
    values, rows = oracle.values(entry), oracle.rows(entry)
    n = values["n"]
    compare(
        "tolerance factor, two-sided exact",
        [tolerance_factor(n, 0.95, c) for c in (0.025, 0.975, 0.95)],
        [values["k_inner_0.025"], values["k_outer_0.975"], values["k_0.95"]],
    )
    compare(
        "tolerance factor, two-sided exact",
        tolerance_factor(n, 0.95, 0.95),
        values["tolerance_pkg_EXACT_0.95"],
        rel=1e-9,
    )
    result = bland_altman(rows.reference, rows.test, truth="independent", ci="tolerance_pair")
    lower, upper = ends(result, "loa_lower"), ends(result, "loa_upper")
    compare("limits of agreement, both together", [lower[1], upper[0]], values["inner_interval"])
    compare("limits of agreement, both together", [lower[0], upper[1]], values["outer_interval"])


@pytest.mark.parametrize("n", [2, 3, 17, 400])
@pytest.mark.parametrize(("coverage", "confidence"), [(0.95, 0.95), (0.8, 0.025), (0.99, 0.99)])
def test_tolerance_factor_by_adaptive_integration(n: int, coverage: float, confidence: float) -> None:
    """The confidence of the factor, by scipy's quadrature over the sample mean."""
    k = tolerance_factor(n, coverage, confidence)

    def density(mean: float) -> float:
        needed = stats.ncx2.ppf(coverage, 1, mean**2)
        reached: float = stats.chi2.sf((n - 1) * needed / k**2, n - 1)
        return 2 * reached * stats.norm.pdf(mean, scale=n**-0.5)

    found = integrate.quad(density, 0, 8 / n**0.5, epsabs=1e-10, epsrel=1e-10)[0]
    assert found == pytest.approx(confidence, abs=1e-7)


@pytest.mark.parametrize("n", [2, 5, 30, 1e3, 1e5, 1e7])
def test_limit_factor_is_the_noncentral_t_distribution(n: float) -> None:
    low, high = limit_factor(n, 0.025, Z), limit_factor(n, 0.975, Z)
    assert low < Z < high
    error = np.sqrt((1 + Z**2 / 2) / n)
    if n >= 1e3:
        assert (high - low) / (2 * Z * error) == pytest.approx(1, rel=0.01), "large samples: delta method"
    else:
        assert stats.nct.cdf(high * n**0.5, n - 1, Z * n**0.5) == pytest.approx(0.975, abs=1e-9)


def test_one_sided_bounds_mirror() -> None:
    d = np.random.default_rng(3).normal(1, 2, size=25)
    for sides, statistic in (("lower", "loa_lower"), ("upper", "loa_upper")):
        one = bland_altman(np.zeros(25), d, truth="independent", ci="noncentral_t", sides=sides)
        two = bland_altman(np.zeros(25), d, truth="independent", ci="noncentral_t", level=0.9)
        index = 0 if sides == "lower" else 1
        assert ends(one, statistic)[index] == pytest.approx(ends(two, statistic)[index], rel=1e-10)
        assert np.isinf(ends(one, statistic)[1 - index])
    pair = bland_altman(np.zeros(25), d, truth="independent", ci="tolerance_pair", sides="lower")
    assert "two-sided intervals only" in (pair["loa_lower"].error or "")


def test_exact_intervals_are_for_independent_pairs() -> None:
    rows = [1.0, 2, 3, 4], [1.5, 2, 2, 5]
    for method in ("noncentral_t", "tolerance_pair"):
        repeated = bland_altman(*rows, subject=list("aabb"), truth="varying", ci=method)
        assert "exact for independent pairs" in (repeated["loa_upper"].error or "")
        declared = bland_altman(*rows, subject=list("aabb"), truth="independent", ci=method)
        assert declared["loa_upper"].interval.independent_rows
        one = bland_altman([1.0], [2.0], truth="independent", ci=method)["loa_upper"]
        assert "at least two pairs" in (one.error or "")
        flat = bland_altman([1.0, 2, 3], [2.0, 3, 4], truth="independent", ci=method)["loa_upper"]
        assert flat.interval.degenerate
    for compute in (limit_factor, tolerance_factor):
        with pytest.raises(CannotComputeError, match="at least two independent"):
            compute(1, 0.9, 0.9)
