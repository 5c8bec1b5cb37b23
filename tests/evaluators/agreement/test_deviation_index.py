"""Total deviation index, coverage probability and tolerance limits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare
from scipy import stats

from accordance.evaluators import MetricResult, share_within, tolerance_limits
from accordance.evaluators import coverage_probability as cp
from accordance.evaluators import total_deviation_index as tdi
from accordance.evaluators.functions import arrange
from accordance.evaluators.registry import get

DATA = ["pefr", "sbp", "milk", "creat", "giav", "arsen", "ncssd", "ncsspb", "scint"]
RANDOM = np.random.default_rng(17)
SUBJECT = np.repeat(np.arange(12), RANDOM.integers(1, 7, size=12))
REFERENCE = RANDOM.normal(100, 15, size=len(SUBJECT))
TEST = REFERENCE + RANDOM.normal(2, 5, 12)[SUBJECT] + RANDOM.normal(0, 2, size=len(SUBJECT))


def ends(result: MetricResult, statistic: str) -> list[float]:
    interval = result[statistic].interval
    assert interval is not None
    return [interval.lower, interval.upper]


@pytest.mark.parametrize("data", DATA)
def test_against_lin_and_exact_roots(oracle: Any, data: str) -> None:
    """Agreement 0.8-1 (`agreement(x, y, error = "const", target = "random")`); own roots in R to 1e-13."""
    values, rows = oracle.values(f"lin2002_suite.{data}"), oracle.rows(f"lin2002_suite.{data}")
    own, allowance = values["own"], values["TDI_allowance"]
    pair = rows.reference, rows.test
    exact = [tdi(*pair, share=share)["tdi"].value for share in (0.9, 0.95)]
    compare("total deviation index, normal", exact, [own["tdi90_exact_normal"], own["tdi95_exact_normal"]])
    by_lin = [tdi(*pair, share=share, approach="lin")["tdi"].value for share in (0.9, 0.95)]
    compare("total deviation index, Lin", by_lin, [own["tdi90_lin_approx"], own["tdi95_lin_approx"]])
    compare("total deviation index, Lin", by_lin[0], values["Agreement_pkg_Estimate"]["TDI"])
    bound = tdi(*pair, share=0.9, approach="lin", ci="lin_asymptotic", sides="upper")
    upper = ends(bound, "tdi")[1]
    compare("total deviation index, Lin", upper, own["tdi90_upper95"])
    compare("total deviation index, Lin", upper, values["Agreement_pkg_Conf_Limit_onesided95"]["TDI"])
    plain = cp(*pair, allowance=allowance)["coverage_probability"].value
    compare("coverage probability", plain, own["cp_at_allowance_normal_sd1"])
    options = {"allowance": allowance, "denominator": "n_minus_3", "ci": "lin_asymptotic", "sides": "lower"}
    theirs = cp(*pair, **options)
    compare(
        "coverage probability, Lin",
        [theirs["coverage_probability"].value, ends(theirs, "coverage_probability")[0]],
        [own["cp_at_allowance_Agreement_sd2"], values["Agreement_pkg_Conf_Limit_onesided95"]["CP"]],
    )


@pytest.mark.parametrize("data", DATA)
def test_share_of_rows_against_r(oracle: Any, data: str) -> None:
    """`mean(abs(d) <= allowance)`, `prop.test(correct = FALSE)`, `binom.test`."""
    values, rows = oracle.values(f"lin2002_suite.{data}"), oracle.rows(f"lin2002_suite.{data}")
    own = values["own"]
    for method, key in (("wilson", "cp_wilson95"), ("clopper_pearson", "cp_clopper_pearson95")):
        result = share_within(rows.reference, rows.test, tolerance=float(values["TDI_allowance"]), ci=method)
        compare("share within tolerance", result["share_within"].value, own["empirical_cp"])
        compare("share within tolerance", ends(result, "share_within"), own[key])


@pytest.mark.parametrize("data", ["pefr", "sbp", "milk", "creat", "giav", "scint"])
def test_tolerance_limits_of_independent_pairs(oracle: Any, data: str) -> None:
    """Mean -+ K sd with `tolerance::K.factor(n, alpha = .05, P = .95, side = 2, method = "EXACT")`."""
    values, rows = oracle.values(f"ba_simple_pairK.{data}"), oracle.rows(f"ba_simple_pairK.{data}")
    result = tolerance_limits(rows.reference, rows.test, model="independent")
    found = [result[name].value for name in ("tolerance_lower", "tolerance_upper")]
    compare("tolerance limits, independent", found, values["tolerance_interval_95_95"])
    compare("tolerance limits, independent", result["factor"].value, values["k_0.95"])


@pytest.mark.parametrize("data", ["simplyagree_reps", "ox", "sbp_1999"])
def test_tolerance_limits_of_a_mixed_model(oracle: Any, data: str) -> None:
    """SimplyAgree `tolerance_limit(tol_method = "approx")`: gls with compound symmetry.

    Its degrees of freedom come from emmeans (60.846 on `ox`, where lmerTest has 60.894, as we): the factor
    differs by as much as that explains, and is exact at their degrees of freedom.
    """
    values, rows = oracle.values(f"tolerance_limit.{data}"), oracle.rows(f"tolerance_limit.{data}")
    result = tolerance_limits(rows.reference, rows.test, subject=rows.subject, model="mixed")
    found = [result[name].value for name in ("tolerance_lower", "tolerance_upper")]
    line = "tolerance limits, mixed model"
    compare(line, found, [values["lower.TL"], values["upper.TL"]], rel=3e-4)
    theirs = stats.norm.ppf(0.975) * np.sqrt(values["df"] / stats.chi2.ppf(0.05, values["df"]))
    compare(line, values["bias"] + theirs * values["SEP"], values["upper.TL"])
    center = (found[0] + found[1]) / 2
    compare(line, center, values["bias"], rel=1e-6)
    compare(line, (found[1] - center) / result["factor"].value, values["SEP"], rel=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.floats(-30, 30), st.floats(0.1, 20), st.floats(0.55, 0.99))
def test_index_and_probability_are_inverse(bias: float, sd: float, share: float) -> None:
    d = bias + sd * stats.zscore(np.arange(12.0), ddof=1)
    k = tdi(np.zeros(12), d, share=share)["tdi"].value
    assert cp(np.zeros(12), d, allowance=k)["coverage_probability"].value == pytest.approx(share, rel=1e-9)
    assert stats.norm.cdf(k, bias, sd) - stats.norm.cdf(-k, bias, sd) == pytest.approx(share, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("total_deviation_index", {"share": 0.9}),
        ("total_deviation_index", {"share": 0.9, "approach": "lin"}),
        ("coverage_probability", {"allowance": 6}),
        ("coverage_probability", {"allowance": 6, "denominator": "n_minus_3"}),
    ],
)
def test_weights_errors_and_parts(name: str, options: dict[str, Any]) -> None:
    columns, _ = arrange(REFERENCE, TEST, SUBJECT)
    prepared: Any = get(name).prepare(columns, **options)
    step = 1e-5
    for i, found in enumerate(prepared.influence()[:, 0]):
        weights = np.ones((2, 12))
        weights[:, i] += [step, -step]
        above, below = prepared.at(weights)[:, 0]
        assert found == pytest.approx((above - below) / (2 * step), rel=1e-5, abs=1e-9)
    half = prepared.subset(np.arange(5)).concat(prepared.subset(np.arange(5, 12)))
    assert half.estimate() == pytest.approx(prepared.estimate(), rel=1e-12)
    first, _ = arrange(REFERENCE[SUBJECT < 5], TEST[SUBJECT < 5], SUBJECT[SUBJECT < 5])
    second, _ = arrange(REFERENCE[SUBJECT >= 5], TEST[SUBJECT >= 5], SUBJECT[SUBJECT >= 5])
    apart: Any = get(name).prepare(first, **options)
    together = apart.concat(get(name).prepare(second, **options))
    assert together.estimate() == pytest.approx(prepared.estimate(), rel=1e-10)
    twice = np.full((1, 12), 2.0)
    doubled = np.concatenate([SUBJECT, SUBJECT + 100])
    repeated: Any = get(name).prepare(arrange(np.tile(REFERENCE, 2), np.tile(TEST, 2), doubled)[0], **options)
    assert prepared.at(twice)[0] == pytest.approx(repeated.estimate(), rel=1e-12)
    assert prepared.at(7 * twice, relative=True)[0] == pytest.approx(prepared.estimate(), rel=1e-12)
    zero: Any = get(name).prepare(
        arrange(REFERENCE, TEST, SUBJECT, (SUBJECT != 3).astype(float))[0], **options
    )
    kept: Any = get(name).prepare(
        arrange(REFERENCE[SUBJECT != 3], TEST[SUBJECT != 3], SUBJECT[SUBJECT != 3])[0], **options
    )
    assert zero.estimate() == pytest.approx(kept.estimate(), rel=1e-10)


def test_exchange_unit_and_order() -> None:
    order = RANDOM.permutation(len(SUBJECT))
    plain = tdi(REFERENCE, TEST, subject=SUBJECT, share=0.9)["tdi"]
    back = tdi(TEST, REFERENCE, subject=SUBJECT, share=0.9)["tdi"]
    scaled = tdi(0.1 * REFERENCE, 0.1 * TEST, subject=SUBJECT, share=0.9)["tdi"]
    shuffled = tdi(REFERENCE[order], TEST[order], subject=SUBJECT[order], share=0.9)["tdi"]
    assert back.value == pytest.approx(plain.value, rel=1e-12)
    assert scaled.value == pytest.approx(0.1 * plain.value, rel=1e-9)
    assert (shuffled.value, shuffled.interval) == (plain.value, plain.interval)
    for model in ("independent", "mixed"):
        there = tolerance_limits(REFERENCE, TEST, subject=SUBJECT, model=model)
        mirrored = tolerance_limits(TEST, REFERENCE, subject=SUBJECT, model=model)
        assert mirrored["tolerance_lower"].value == pytest.approx(-there["tolerance_upper"].value, rel=1e-7)


def test_tolerance_limits_at_weights() -> None:
    """Whole-number weights are repeated subjects, by both models."""
    columns, keys = arrange(REFERENCE, TEST, SUBJECT)  # keys are sorted as text
    counts = np.array([2, 1, 1, 0, 1, 3, 1, 1, 2, 1, 1, 0])
    rows = [(int(key), k) for key, count in zip(keys, counts, strict=True) for k in range(count)]
    parts = [(REFERENCE[s == SUBJECT], TEST[s == SUBJECT], f"{s}-{k}") for s, k in rows]
    label = np.concatenate([[name] * len(r) for r, _, name in parts])
    again = arrange(np.concatenate([r for r, _, _ in parts]), np.concatenate([t for _, t, _ in parts]), label)
    for model in ("independent", "mixed"):
        metric = get("tolerance_limits")
        weighted = metric.prepare(columns, model=model).at(counts[None, :].astype(float))[0]
        assert weighted == pytest.approx(metric.prepare(again[0], model=model).estimate(), rel=1e-7)
        same = metric.prepare(columns, model=model).at(np.full((1, 12), 5.0), relative=True)[0]
        assert same == pytest.approx(metric.prepare(columns, model=model).estimate(), rel=1e-9)


def test_few_rows_and_no_spread() -> None:
    assert "There are no pairs" in (tdi([], [], share=0.9)["tdi"].error or "")
    assert "at least 2 pairs" in (tdi([1.0], [2.0], share=0.9)["tdi"].error or "")
    three = cp([1.0, 2, 3], [2.0, 4, 3], allowance=2, denominator="n_minus_3")["coverage_probability"]
    assert "at least 4 pairs" in (three.error or "")
    flat = tdi([1.0, 2, 3, 4], [3.0, 4, 5, 6], share=0.9)["tdi"]
    assert flat.value == 2.0
    assert flat.interval.degenerate
    assert cp([1.0, 2, 3], [3.0, 4, 5], allowance=2)["coverage_probability"].value == 1.0
    assert cp([1.0, 2, 3], [3.0, 4, 5], allowance=1)["coverage_probability"].value == 0.0
    no = cp([1.0, 2, 3, 4], [3.0, 4, 5, 6], allowance=2, ci="lin_asymptotic")["coverage_probability"]
    assert "at least four pairs" in (no.error or "")
    wrong = tdi([1.0, 2, 3, 4], [3.0, 4, 5, 7], share=0.9, ci="lin_asymptotic")["tdi"]
    assert "approach: lin" in (wrong.error or "")
    repeated = tdi(REFERENCE, TEST, subject=SUBJECT, share=0.9, approach="lin", ci="lin_asymptotic")["tdi"]
    assert repeated.interval.independent_rows
    for model, words in (("independent", "at least two pairs"), ("mixed", "at least two subjects")):
        result = tolerance_limits([1.0], [2.0], model=model)
        assert math.isnan(result["tolerance_upper"].value)
        assert words in (result["tolerance_upper"].error or "")
    boundary = tolerance_limits(
        np.zeros(8), [-2.0, 2.0, -1.9, 2.1, -2.1, 1.9, 2.0, -2.0], subject=list("aabbccdd"), model="mixed"
    )
    assert "model: independent" in (boundary["tolerance_lower"].error or "")
    same = tolerance_limits([1.0, 2, 3], [2.0, 3, 4], model="independent")
    assert same["tolerance_lower"].value == same["tolerance_upper"].value == 1.0
    assert same["tolerance_upper"].interval is None
    with pytest.raises(ValueError, match="`model` has to be given"):
        get("tolerance_limits").prepare(arrange(REFERENCE, TEST)[0])


def test_tolerance_limits_hold_what_they_say() -> None:
    """4,000 samples of 12 normal differences: the share held is at least 90% in 95% of them."""
    random = np.random.default_rng(8)
    d = random.normal(3, 2, size=(4000, 12))
    factor = tolerance_limits(np.zeros(12), d[0], model="independent", coverage=0.9)["factor"].value
    low = d.mean(axis=1) - factor * d.std(axis=1, ddof=1)
    high = d.mean(axis=1) + factor * d.std(axis=1, ddof=1)
    held = stats.norm.cdf(high, 3, 2) - stats.norm.cdf(low, 3, 2)
    assert np.mean(held >= 0.9) == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 4000))
