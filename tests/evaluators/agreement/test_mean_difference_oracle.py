"""Mean differences and their tests against R. Values from agreement/oracle.json, each with its call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import compare
from scipy import stats

from accordance.evaluators.agreement.mean_differences import mean_difference
from accordance.evaluators.agreement.mean_tests import equivalence_test, non_inferiority_test

SIMPLE = ["pefr", "sbp", "milk", "creat", "giav", "scint"]


@pytest.mark.parametrize("data", SIMPLE)
@pytest.mark.parametrize("method", ["t", "cluster_t"])
def test_paired_t(oracle: Any, data: str, method: str) -> None:
    """`t.test(test, reference, paired = TRUE)`."""
    values, rows = oracle.values(f"ttest.{data}"), oracle.rows(f"ttest.{data}")
    found = mean_difference(rows.reference, rows.test, ci=method)["mean_difference"]
    t = found.value / found.standard_error
    compare("paired t", t, values["t"])
    compare("paired t", 2 * stats.t.sf(abs(t), values["df"]), values["p"], abs=0.0)
    compare("paired t", [found.interval.lower, found.interval.upper], values["ci"])


@pytest.mark.parametrize("data", SIMPLE)
def test_two_one_sided_tests(oracle: Any, data: str) -> None:
    """`t.test(..., mu = bound, alternative = ...)` twice; TOSTER's `tsum_TOST` gives the same."""
    values, rows = oracle.values(f"tost_paired.{data}"), oracle.rows(f"tost_paired.{data}")
    bound = values["equivalence_bound"]
    found = equivalence_test(rows.reference, rows.test, lower=-bound, upper=bound)
    assert found.df == values["df"]
    assert found.lower is not None
    assert found.upper is not None
    compare("TOST", [found.lower.t, found.upper.t], [values["t_lower"], values["t_upper"]])
    compare(
        "TOST",
        [found.lower.p, found.upper.p, found.p],
        [values["p_lower"], values["p_upper"], values["p_tost"]],
        abs=0.0,
    )
    compare("TOST", found.interval, values["ci90"])
    compare("TOST", [found.lower.t, found.upper.t], values["toster_t"][1:])
    assert found.shown == (-bound < values["ci90"][0] and values["ci90"][1] < bound)


@pytest.mark.parametrize("data", ["ox", "cardiac", "sbp"])
def test_clustered_error_against_survey(oracle: Any, data: str) -> None:
    """The linearised error of a mean of differences; of absolute ones it is survey's of the MAE."""
    values, rows = oracle.values(f"err_cluster.{data}"), oracle.rows(f"err_cluster.{data}")
    absolute = np.abs(rows.test - rows.reference)
    found = mean_difference(np.zeros(len(absolute)), absolute, subject=rows.subject)["mean_difference"]
    compare("mean difference, clustered", found.value, values["mae"])
    compare("mean difference, clustered", found.standard_error, values["mae_se"])
    compare("mean difference, clustered", [found.interval.lower, found.interval.upper], values["mae_ci_t"])


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_non_inferiority_is_a_one_sided_t_test(oracle: Any, better: str) -> None:
    """`t.test(test, reference, paired = TRUE, mu = -2, alternative = "greater")`, here by scipy."""
    rows = oracle.rows("ttest.scint")
    found = non_inferiority_test(rows.reference, rows.test, margin=2.0, better=better)
    side, bound = ("greater", -2.0) if better == "higher" else ("less", 2.0)
    expected = stats.ttest_1samp(rows.test - rows.reference, bound, alternative=side)
    one = found.lower if better == "higher" else found.upper
    assert one is not None
    compare("non-inferiority", [one.t, one.p, found.p], [expected.statistic, *[expected.pvalue] * 2])
    assert found.shown == (found.interval[0] > -2 if better == "higher" else found.interval[1] < 2)
