"""Lin's concordance of rows against R. Values from agreement/oracle.json; entries name package and call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import compare

from accordance.evaluators import MetricResult, ccc
from accordance.evaluators.checks import ParameterError
from accordance.evaluators.reliability.concordance_moments import lin_error

DATA = ["pefr", "sbp", "milk", "creat", "giav", "arsen", "ncssd", "ncsspb", "scint"]


def bounds(result: MetricResult, statistic: str) -> list[float]:
    interval = result[statistic].interval
    assert interval is not None
    return [interval.lower, interval.upper]


@pytest.mark.parametrize("data", DATA)
def test_rows_against_epir(oracle: Any, data: str) -> None:
    """`epiR::epi.ccc(x = reference, y = test)` 2.0.94, both of its intervals, and both standard errors."""
    values, rows = oracle.values(f"ccc.{data}"), oracle.rows(f"ccc.{data}")
    result = ccc(rows.reference, rows.test)
    parts = ["pearson_r", "C_b", "scale_shift_sdY_over_sdX", "location_shift_u"]
    compare("concordance, rows", [one.value for one in result.values()], [values[k] for k in ("ccc", *parts)])
    compare("concordance, rows, Fisher z interval", bounds(result, "ccc"), values["ci_z"])
    normal = ccc(rows.reference, rows.test, ci={"ccc": "lin_normal"})
    asymptotic = np.minimum(values["ci_asymptotic"], 1)  # the coefficient cannot exceed 1
    compare("concordance, rows, normal interval", bounds(normal, "ccc"), asymptotic)
    # the standard error is the oracle's, seen through the ends that R does not cut
    reach = 1.959963984540054 * result["ccc"].standard_error * np.array([-1, 1])
    compare("concordance, rows, normal interval", result["ccc"].value + reach, values["ci_asymptotic"])
    sample = ccc(rows.reference, rows.test, variance="sample")
    compare("concordance, rows, n - 1", sample["ccc"].value, values["ccc_if_ddof1_variances"])
    errors = lin_error(values["n"], *(values[k] for k in ("pearson_r", "C_b", "location_shift_u")))
    compare("concordance, rows, error as printed 1989", errors[1], values["se_1989_original_uncorrected"])
    assert result["ccc"].standard_error == pytest.approx(errors[0], rel=1e-12)
    compare("concordance, rows", result["ccc"].counts.n_units, values["n"])


@pytest.mark.parametrize("data", DATA)
def test_one_sided_bounds_against_agreement(oracle: Any, data: str) -> None:
    """`Agreement::agreement(x, y, error = "const", target = "random")` 0.8-1: one-sided 95% limits."""
    values, rows = oracle.values(f"lin2002_suite.{data}"), oracle.rows(f"lin2002_suite.{data}")
    result = ccc(rows.reference, rows.test, sides="lower")
    names = {"ccc": "CCC", "precision": "Precision", "accuracy": "Accuracy"}
    estimates, limits = values["Agreement_pkg_Estimate"], values["Agreement_pkg_Conf_Limit_onesided95"]
    got = [result[name].value for name in names]
    compare("concordance, precision, accuracy", got, [estimates[key] for key in names.values()])
    found = [bounds(result, name)[0] for name in names]
    # the entry states 1e-6; the logit of an accuracy near 1 has lost digits in R
    compare("concordance, precision, accuracy: bounds", found, [limits[k] for k in names.values()], rel=1e-8)
    assert bounds(result, "ccc")[1] == 1


@pytest.mark.parametrize("data", DATA)
def test_rows_against_simplyagree(oracle: Any, data: str) -> None:
    """`SimplyAgree::agree_test(x = test, y = reference)` 0.3.0: the same with reference and test swapped."""
    name = f"ccc_SimplyAgree.{data}"
    values, rows = oracle.values(name, "cross_check"), oracle.rows(name)
    result = ccc(rows.test, rows.reference)
    got = [result["ccc"].value, *bounds(result, "ccc")]
    compare("concordance, rows (cross-check)", got, [values["ccc"], *values["ci"]], rel=1e-6)


def test_several_rows_a_subject_are_never_taken_for_independent_by_default(oracle: Any) -> None:
    """Systolic blood pressure, 85 subjects x 3: rows as subjects give a standard error of about 0.028."""
    rows = oracle.rows("ccc_vc_rep.sbp")
    naive = ccc(rows.reference, rows.test)["ccc"]
    known = ccc(rows.reference, rows.test, subject=rows.subject)["ccc"]
    assert known.value == pytest.approx(naive.value, rel=1e-12)
    assert known.standard_error > 1.5 * naive.standard_error
    assert known.interval is not None and known.interval.method == "cluster_fisher_z"
    assert not known.interval.independent_rows
    asked = ccc(rows.reference, rows.test, subject=rows.subject, ci="fisher_z")["ccc"]
    assert asked.interval is not None and asked.interval.independent_rows
    for statistic, method in (("ccc", "fisher_z"), ("ccc", "lin_normal"), ("accuracy", "lin_logit")):
        asked = ccc(rows.reference, rows.test, subject=rows.subject, ci={statistic: method})[statistic]
        assert asked.interval is not None and asked.interval.independent_rows
        assert asked.warning is not None and "several" in asked.warning


def test_a_large_level_costs_no_digits() -> None:
    """1e9 added to both changes nothing; naive sums of squares keep no digit there."""
    rng = np.random.default_rng(3)
    x = rng.normal(0, 1, 200)
    y = x + rng.normal(0.1, 0.3, 200)
    low = ccc(x, y)
    high = ccc(x + 1e9, y + 1e9)
    for name in low:
        assert high[name].value == pytest.approx(low[name].value, rel=1e-6), name


@pytest.mark.parametrize(
    ("reference", "test", "words"),
    [([], [], "there is 0"), ([5.0], [6.0], "0/0"), ([2.0, 2.0], [2.0, 2.0], "constant and equal")],
)
def test_no_value_says_why(reference: list[float], test: list[float], words: str) -> None:
    found = ccc(reference, test)["ccc"]
    assert np.isnan(found.value) or found.value == 0
    if len(reference) != 1:
        assert found.error is not None and words in found.error


def test_one_row_has_no_interval() -> None:
    found = ccc([5.0], [6.0])["ccc"]
    assert found.value == 0 and found.interval is None and found.error is not None


def test_a_constant_reference_gives_zero_and_says_so() -> None:
    found = ccc([7.0, 7.0, 7.0], [1.0, 2.0, 3.0])
    assert found["ccc"].value == 0
    assert "constant" in (found["ccc"].warning or "")
    assert "constant" in (found["precision"].error or "")


def test_perfect_agreement_is_degenerate() -> None:
    found = ccc([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 4.0, 5.0])["ccc"]
    assert found.value == pytest.approx(1, abs=1e-15)
    assert found.interval is not None and found.interval.degenerate


def test_one_subject_has_a_value_without_an_interval() -> None:
    found = ccc([1.0, 2.0, 3.0], [1.1, 2.3, 2.7], subject=["a"] * 3)["ccc"]
    assert found.value == pytest.approx(3.2 / 3.39)  # 2 * 1.6 / (2 + 1.38667 + 3 * (1/30)^2)
    assert found.interval is None and "two subjects" in (found.error or "")


def test_refusals() -> None:
    with pytest.raises(ParameterError, match="variance"):
        ccc([1.0, 2.0], [1.0, 3.0], variance="other")  # type: ignore[arg-type]
    weighted = ccc([1.0, 2.0, 4.0], [1.0, 3.0, 4.0], weights=[1, 1, 2], ci={"ccc": "fisher_z"})["ccc"]
    assert weighted.interval is None and "weighted" in (weighted.error or "")
