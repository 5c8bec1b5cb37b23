"""Bland-Altman against R. Values from agreement/oracle.json; each entry names its package, version and call.

Exact values are matched to 1e-8 relative, or 1e-12 absolute near zero: R printed 15 digits.
"""

from __future__ import annotations

from typing import Any

import pytest
from oracle import compare

from accordance.evaluators import MetricResult, bland_altman

SIMPLE = ["pefr", "sbp", "milk", "creat", "giav", "scint"]
REPEATED = ["cardiac", "sbp", "ox", "pefr", "sareps"]
UNLINKED = ["cardiac", "sbp", "ox", "pefr"]
"""Without `sareps`: its entry uses 20 test and 18 reference readings apart, where we take pairs."""


def matches(found: Any, expected: Any) -> bool:
    compare("limits of agreement, moments (base R, epiR, survey)", found, expected)
    return True


def bounds(result: MetricResult, statistic: str) -> list[float]:
    interval = result[statistic].interval
    assert interval is not None
    return [interval.lower, interval.upper]


def estimates(result: MetricResult) -> list[float]:
    return [estimate.value for estimate in result.estimates.values()]


@pytest.mark.parametrize("data", SIMPLE)
def test_independent_pairs_against_base_r(oracle: Any, data: str) -> None:
    """mean, sd, qnorm, qt; limits' t intervals of Bland & Altman 1999 and MOVER intervals of Zou 2013."""
    values, rows = oracle.values(f"ba_simple.{data}"), oracle.rows(f"ba_simple.{data}")
    result = bland_altman(rows.reference, rows.test, truth="independent")
    assert matches(estimates(result), [values["bias"], values["sd"], *values["loa"]])
    assert result["bias"].counts.n_units == values["n"]
    assert matches(result["bias"].standard_error, values["bias_se"])
    assert matches(result["loa_lower"].standard_error, values["loa_se_1999"])
    assert matches(bounds(result, "bias"), values["bias_ci_t"])
    assert matches(bounds(result, "loa_lower"), values["loa_lower_ci_mover"])
    assert matches(bounds(result, "loa_upper"), values["loa_upper_ci_mover"])
    by_t = bland_altman(rows.reference, rows.test, truth="independent", ci="t")
    assert matches(bounds(by_t, "bias"), values["bias_ci_t"])
    assert matches(bounds(by_t, "loa_lower"), values["loa_lower_ci_1999_t"])
    assert matches(bounds(by_t, "loa_upper"), values["loa_upper_ci_1999_t"])


@pytest.mark.parametrize("data", SIMPLE)
def test_one_sided_mover_bounds_against_base_r(oracle: Any, data: str) -> None:
    values, rows = oracle.values(f"ba_simple.{data}"), oracle.rows(f"ba_simple.{data}")
    lower = bland_altman(rows.reference, rows.test, truth="independent", sides="lower")
    upper = bland_altman(rows.reference, rows.test, truth="independent", sides="upper")
    assert matches(bounds(lower, "loa_lower"), [values["loa_lower_onesided_bound_mover"], float("inf")])
    assert matches(bounds(upper, "loa_upper"), [-float("inf"), values["loa_upper_onesided_bound_mover"]])


@pytest.mark.parametrize("data", SIMPLE)
def test_bias_interval_is_the_paired_t_test(oracle: Any, data: str) -> None:
    """`t.test(test, reference, paired = TRUE)$conf.int`."""
    values, rows = oracle.values(f"ttest.{data}"), oracle.rows(f"ttest.{data}")
    for method in ("t", "cluster_t"):
        result = bland_altman(rows.reference, rows.test, truth="independent", ci={"bias": method})
        assert matches(bounds(result, "bias"), values["ci"])
    assert matches(result["bias"].value / result["bias"].standard_error, values["t"])


@pytest.mark.parametrize("data", UNLINKED)
def test_constant_truth_against_base_r(oracle: Any, data: str) -> None:
    """Bland & Altman 1999 s5.1-5.2 with Zou's harmonic mean of replicates; MOVER two-sided 95% and 90%."""
    values, rows = oracle.values(f"rm_const.{data}"), oracle.rows(f"rm_const.{data}")
    result = bland_altman(rows.reference, rows.test, subject=rows.subject, truth="constant")
    expected = [values["bias_mean_of_subject_means"], values["total_sd"], *values["loa"]]
    assert matches(estimates(result), expected)
    assert result["bias"].counts.n_subjects == values["n_subjects"]
    assert matches(result["bias"].standard_error, values["bias_se"])
    assert matches(result["loa_upper"].standard_error, values["loa_se_1999"])
    assert matches(bounds(result, "bias"), values["bias_ci_t"])
    _mover(result, values["mover_two_sided_95"])
    at_90 = bland_altman(rows.reference, rows.test, subject=rows.subject, truth="constant", level=0.9)
    _mover(at_90, values["mover_TOST_90"])


@pytest.mark.parametrize("data", REPEATED)
def test_varying_truth_against_base_r(oracle: Any, data: str) -> None:
    """Zou 2013 section 3 for linked pairs (subject means), confirmed by SimplyAgree::agree_nest."""
    values, rows = oracle.values(f"rm_varies.{data}"), oracle.rows(f"rm_varies.{data}")
    result = bland_altman(rows.reference, rows.test, subject=rows.subject, truth="varying")
    expected = [
        values["bias_mean_of_subject_means"],
        values["total_var_Zou"] ** 0.5,
        *values["mover_two_sided_95"]["loa"],
    ]
    assert matches(estimates(result), expected)
    assert matches(result["bias"].standard_error, values["bias_se"])
    assert matches(result["loa_lower"].standard_error, values["loa_se_delta"])
    assert matches(bounds(result, "bias"), values["bias_ci_t"])
    _mover(result, values["mover_two_sided_95"])
    at_90 = bland_altman(rows.reference, rows.test, subject=rows.subject, truth="varying", level=0.9)
    _mover(at_90, values["mover_TOST_90"])


@pytest.mark.parametrize("data", REPEATED)
def test_varying_truth_over_pairs_against_epir(oracle: Any, data: str) -> None:
    """Bland & Altman 2007; `epi.ccc(test, reference, rep.measure = TRUE, subjectid = subject)$sblalt`."""
    values, rows = oracle.values(f"rm_varies.{data}"), oracle.rows(f"rm_varies.{data}")
    result = bland_altman(rows.reference, rows.test, subject=rows.subject, truth="varying", bias="pairs")
    expected = [
        values["bias_pooled"],
        values["total_sd_BA2007_truncated"],
        *values["loa_BA2007_pooled_bias"],
    ]
    assert matches(estimates(result), expected)
    epir = oracle.values(f"rm_epiR.{data}")
    assert matches(estimates(result), [epir["est"], epir["delta_sd"], *epir["loa"]])
    error = result["loa_lower"].error
    assert error is not None
    assert "subject means" in error, "MOVER does not belong to this bias, and says so"


@pytest.mark.parametrize("data", REPEATED)
def test_pairs_taken_for_independent_still_get_a_clustered_bias_interval(oracle: Any, data: str) -> None:
    """`svymean(~diff, svydesign(ids = ~subject, weights = ~1))` with t on subjects - 1."""
    values, rows = oracle.values(f"err_cluster.{data}"), oracle.rows(f"err_cluster.{data}")
    result = bland_altman(rows.reference, rows.test, subject=rows.subject, truth="independent")
    assert matches(result["bias"].value, values["bias"])
    assert matches(result["bias"].standard_error, values["bias_se"])
    assert matches(bounds(result, "bias"), values["bias_ci_t"])
    naive = oracle.values(f"rm_varies.{data}")
    assert matches(result["sd"].value, naive["naive_sd_ignoring_clusters"])
    assert matches([result["loa_lower"].value, result["loa_upper"].value], naive["loa_naive"])
    interval = result["loa_lower"].interval
    assert interval is not None
    assert interval.independent_rows, "limits of pairs taken for independent may not decide"


def test_peak_flow_of_bland_and_altman_1986(oracle: Any) -> None:
    """First readings, mini minus large meter: the paper prints -2.1 (large minus mini) and 38.8 l/min."""
    rows = oracle.rows("ba_simple.pefr")
    result = bland_altman(rows.reference, rows.test, subject=rows.subject, truth="independent")
    assert f"{result['bias'].value:.4f}" == "2.1176"
    assert f"{result['sd'].value:.4f}" == "38.7651"


def _mover(result: MetricResult, values: dict[str, Any]) -> None:
    assert matches([result["loa_lower"].value, result["loa_upper"].value], values["loa"])
    assert matches(bounds(result, "loa_lower"), values["loa_lower_ci"])
    assert matches(bounds(result, "loa_upper"), values["loa_upper_ci"])
    assert matches([bound**2 for bound in bounds(result, "sd")], values["total_var_ci_mover"])
