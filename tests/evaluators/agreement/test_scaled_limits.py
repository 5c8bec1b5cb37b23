"""Limits of agreement in percent and as ratios."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare

from accordance.evaluators import MetricResult, bland_altman, bland_altman_percent, bland_altman_ratio
from accordance.evaluators.agreement import scaled_limits as module
from accordance.evaluators.blocks import prepare
from accordance.evaluators.functions import arrange

SIMPLE = ["pefr", "sbp", "milk", "creat", "giav", "scint"]
RANDOM = np.random.default_rng(5)
SUBJECT = RANDOM.integers(0, 8, size=40)
REFERENCE = RANDOM.uniform(20, 200, size=40).round(1)
TEST = (REFERENCE * RANDOM.normal(1.05, 0.1, size=40)).round(1)


def ends(result: MetricResult, statistic: str) -> list[float]:
    interval = result[statistic].interval
    assert interval is not None
    return [interval.lower, interval.upper]


def values(result: MetricResult) -> list[float]:
    return [estimate.value for estimate in result.values()]


@pytest.mark.parametrize("of", ["mean", "reference"])
@pytest.mark.parametrize("data", SIMPLE)
def test_percent_against_base_r(oracle: Any, data: str, of: Any) -> None:
    """`d <- 100 * (test - reference) / ((test + reference) / 2)`, or over reference; mean, sd, qt, qchisq."""
    entry = f"ba_pct_{'mean' if of == 'mean' else 'ref'}.{data}"
    expected, rows = oracle.values(entry), oracle.rows(entry)

    def call(**options: Any) -> MetricResult:
        return bland_altman_percent(rows.reference, rows.test, of=of, truth="independent", **options)

    line = f"limits of agreement, percent of {of}"
    compare(line, values(call()), [expected["bias"], expected["sd"], *expected["loa"]])
    compare(line, ends(call(ci="t"), "bias"), expected["bias_ci_t"])
    compare(line, call()["bias"].standard_error, expected["bias_se"])
    compare(line, call()["loa_lower"].standard_error, expected["loa_se_1999"])
    for statistic in ("loa_lower", "loa_upper"):
        compare(line, ends(call(ci="t"), statistic), expected[f"{statistic}_ci_1999_t"])
        compare(line, ends(call(ci="mover"), statistic), expected[f"{statistic}_ci_mover"])
        compare(line, ends(call(ci="noncentral_t"), statistic), expected[f"{statistic}_ci_exact_carkeet"])
    compare(line, ends(call(sides="lower"), "loa_lower")[0], expected["loa_lower_onesided_bound_mover"])
    compare(line, ends(call(sides="upper"), "loa_upper")[1], expected["loa_upper_onesided_bound_mover"])


@pytest.mark.parametrize("data", SIMPLE)
def test_ratio_against_base_r(oracle: Any, data: str) -> None:
    """`d <- log(test / reference)`; `exp()` of bias, limits and the ends of their intervals."""
    expected, rows = oracle.values(f"ba_logratio.{data}"), oracle.rows(f"ba_logratio.{data}")

    def call(**options: Any) -> MetricResult:
        return bland_altman_ratio(rows.reference, rows.test, truth="independent", **options)

    line = "limits of agreement, log ratio"
    compare(line, values(call()), [expected["ratio_bias"], expected["sd"], *expected["ratio_loa"]])
    by_t, exact = call(ci="t"), call(ci="noncentral_t")
    compare(line, ends(by_t, "ratio"), expected["ratio_bias_ci_t"])
    compare(line, call()["ratio"].standard_error / expected["ratio_bias"], expected["bias_se"])
    for statistic in ("loa_lower", "loa_upper"):
        compare(line, ends(by_t, statistic), expected[f"ratio_{statistic}_ci_1999_t"])
        compare(line, ends(exact, statistic), expected[f"ratio_{statistic}_ci_exact"])
        compare(line, np.log(ends(call(), statistic)), expected[f"{statistic}_ci_mover"])
    logs = [100 * np.log(call()[name].value) for name in ("ratio", "loa_lower", "loa_upper")]
    compare(line, logs, [expected["sympercent_bias"], *expected["sympercent_loa"]])


@pytest.mark.parametrize("truth", ["independent", "constant", "varying"])
@pytest.mark.parametrize("method", ["cluster_t", "t", "mover"])
def test_ratio_is_bland_altman_of_logarithms(truth: Any, method: str) -> None:
    logs = bland_altman(np.log(REFERENCE), np.log(TEST), subject=SUBJECT, truth=truth, ci=method)
    ratio = bland_altman_ratio(REFERENCE, TEST, subject=SUBJECT, truth=truth, ci=method)
    for (name, plain), (own, scaled) in zip(logs.items(), ratio.items(), strict=True):
        back = np.exp if own != "log_sd" else np.asarray
        assert scaled.value == pytest.approx(back(plain.value), rel=1e-12), name
        assert scaled.counts == plain.counts
        if plain.interval is not None:
            assert ends(ratio, own) == pytest.approx(back(ends(logs, name)), rel=1e-12)
        if own != "log_sd":
            assert scaled.standard_error == pytest.approx(plain.standard_error * scaled.value, rel=1e-10)


def test_ratio_bootstrap_replicates_are_taken_back() -> None:
    logs = bland_altman(np.log(REFERENCE), np.log(TEST), truth="independent", ci="bootstrap_percentile")
    ratio = bland_altman_ratio(REFERENCE, TEST, truth="independent", ci="bootstrap_percentile")
    assert ends(ratio, "ratio") == pytest.approx(np.exp(ends(logs, "bias")), rel=1e-3)
    one_sided = bland_altman_ratio(REFERENCE, TEST, truth="independent", sides="upper")
    assert ends(one_sided, "loa_upper")[0] == 0.0


def test_exchanging_the_devices_inverts_the_ratio() -> None:
    there = bland_altman_ratio(REFERENCE, TEST, subject=SUBJECT, truth="varying")
    back = bland_altman_ratio(TEST, REFERENCE, subject=SUBJECT, truth="varying")
    assert back["ratio"].value == pytest.approx(1 / there["ratio"].value, rel=1e-12)
    assert ends(back, "loa_lower") == pytest.approx([1 / end for end in ends(there, "loa_upper")[::-1]])
    percent = [
        bland_altman_percent(*pair, of="mean", truth="independent")
        for pair in ((REFERENCE, TEST), (TEST, REFERENCE))
    ]
    assert percent[1]["bias"].value == pytest.approx(-percent[0]["bias"].value, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(factor=st.floats(1e-3, 1e3), order=st.permutations(range(40)))
def test_unit_and_order_of_rows_are_nothing(factor: float, order: list[int]) -> None:
    for call, options in (
        (bland_altman_ratio, {"truth": "varying"}),
        (bland_altman_percent, {"truth": "varying", "of": "reference"}),
    ):
        plain = call(REFERENCE, TEST, subject=SUBJECT, **options)
        scaled = call(factor * REFERENCE, factor * TEST, subject=SUBJECT, **options)
        shuffled = call(REFERENCE[order], TEST[order], subject=SUBJECT[order], **options)
        assert values(scaled) == pytest.approx(values(plain), rel=1e-9)
        assert values(shuffled) == values(plain)


def test_rows_without_a_relative_difference_are_said() -> None:
    reference, test, subject = [0.0, 2, 3, 4, 5], [1.0, 2, 0, 5, 5], ["a", "a", "b", "c", "d"]
    percent = bland_altman_percent(reference, test, subject=subject, of="reference", truth="varying")
    assert "reference is zero in 1 rows" in (percent["bias"].error or "")
    mean = bland_altman_percent([-1.0, 3], [1.0, 4], of="mean", truth="independent")
    assert "mean of reference and test is zero in 1 rows" in (mean["loa_upper"].error or "")
    ratio = bland_altman_ratio(reference, test, subject=subject, truth="varying")
    assert "not above zero in 2 rows" in (ratio["ratio"].error or "")
    weighted = bland_altman_percent(
        [0.0, 2, 4], [1.0, 3, 6], weights=[0, 1, 1], of="reference", truth="independent"
    )
    assert weighted["bias"].value == pytest.approx(50.0), "a row without weight is not there"
    columns, _ = arrange(np.array(reference), np.array(test), subject)
    some = module.BLAND_ALTMAN_RATIO.prepare(columns, truth="varying").subset(np.array([2, 3]))
    assert math.isfinite(some.estimate()[0]), "subjects without such rows have their ratio"


def test_negative_sizes_are_taken_without_their_sign() -> None:
    result = bland_altman_percent([-50.0, -50], [-40.0, -45], of="reference", truth="independent")
    assert result["bias"].value == pytest.approx(15.0)


def test_same_relative_difference_everywhere_has_no_spread() -> None:
    reference = np.array([1.1, 2.3, 37.7, 911.0])
    for result in (
        bland_altman_percent(reference, 1.1 * reference, of="reference", truth="independent"),
        bland_altman_ratio(reference, 1.1 * reference, truth="independent"),
    ):
        assert result["loa_upper"].value == pytest.approx(result["loa_lower"].value, rel=1e-12)
        assert result["loa_upper"].interval.degenerate


def test_no_rows_and_one_pair() -> None:
    assert "There are no pairs" in (bland_altman_ratio([], [], truth="varying")["ratio"].error or "")
    one = bland_altman_ratio([2.0], [3.0], truth="independent")
    assert one["ratio"].value == pytest.approx(1.5)
    assert "at least two pairs" in (one["loa_lower"].error or "")


def test_prepared_in_blocks_and_put_together() -> None:
    rows = 300_000
    subject = np.sort(RANDOM.integers(0, 40, size=rows))
    reference = RANDOM.uniform(50, 150, size=rows)
    columns, _ = arrange(reference, reference * RANDOM.normal(1, 0.1, size=rows), subject)
    for metric, options in (
        (module.BLAND_ALTMAN_RATIO, {"truth": "constant"}),
        (module.BLAND_ALTMAN_PERCENT, {"truth": "varying", "of": "mean"}),
    ):
        whole = metric.prepare(columns, **options).estimate()
        np.testing.assert_allclose(prepare(metric, columns, **options).estimate(), whole, rtol=1e-9)


def test_what_is_not_defined_is_refused() -> None:
    with pytest.raises(ValueError, match="accepted: independent, varying"):
        bland_altman_percent([1.0], [2.0], of="mean", truth="constant")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`of` has to be given"):
        module.BLAND_ALTMAN_PERCENT.prepare(arrange(REFERENCE, TEST)[0], truth="independent")
    with pytest.raises(ValueError, match="independent` only"):
        bland_altman_ratio([1.0, 2], [2.0, 3], weights=[1, 2], truth="varying")
    with pytest.raises(ValueError, match="no `average`"):
        module.BLAND_ALTMAN_RATIO.prepare(arrange(REFERENCE, TEST)[0], average="subject_mean")
