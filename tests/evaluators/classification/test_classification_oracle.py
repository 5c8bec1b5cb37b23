"""Proportions against R: epiR, DescTools, survey. Values in diagnostic/oracle.json, `kind: R-run`, 15 digits.

`DescTools::BinomCI(x, n, method = "wilson" | "clopper-pearson")` (prop_*),
`epiR::epi.tests(table, method = "exact" | "wilson")` (diag_*), `survey::svymean(~y, svydesign(~cluster))`
(cluster_*). Tolerance 1e-8 relative, 1e-12 absolute where the value is 0: closed forms, 15 digits printed.
"""

from __future__ import annotations

import math

import diagnostic
import numpy as np
import pytest
from diagnostic import bounds, rows, table
from oracle import compare

from accordance.evaluators import accuracy, npv, ppv, prevalence, sensitivity, specificity
from accordance.evaluators.intervals import clopper_pearson, wilson
from accordance.evaluators.metric import Counts

TABLES = [
    "diag_epir_scott2008", "diag_altman_liver", "diag_paired1_y1", "diag_asah_s100b_ge_0.205", "diag_zero_fn",
    "diag_zero_fp", "diag_perfect", "diag_no_positives_predicted", "diag_empty_diseased_class", "diag_n1",
    "diag_all_wrong",
]  # fmt: skip
CLUSTERED = ["cluster_liang1992", "cluster_thyroids_pet", "cluster_orob2"]
EPIR = {
    "sensitivity": "se",
    "specificity": "sp",
    "ppv": "pv.pos",
    "npv": "pv.neg",
    "accuracy": "diag.ac",
    "prevalence": "tp",
}
INTERVALS = {
    "clopper_pearson": "exact",
    "wilson": "wilson",
    "jeffreys": "jeffreys",
    "agresti_coull": "agresti",
}
"""Method -> the word `epi.tests` has for it."""
FUNCTIONS = {f.__name__: f for f in (sensitivity, specificity, ppv, npv, accuracy, prevalence)}


@pytest.fixture(scope="module")
def cases(reference_data):
    return diagnostic.cases(reference_data)


def test_no_proportion_of_the_oracle_is_left_out(cases):
    listed = {name for name, case in cases.items() if case["topic"] in ("proportion_ci", "diagnostic_2x2")}
    proportions = [name for name in listed if name.startswith("prop_")]
    assert set(TABLES) == listed - set(proportions)


def test_every_proportion_interval(cases):
    """All prop_* cases, 0/n, n/n and n = 1 among them."""
    chosen = [case for case in cases.values() if case["topic"] == "proportion_ci"]
    assert len(chosen) >= 11
    for case in chosen:
        x, n, level = (case["inputs"][key] for key in ("x", "n", "conf_level"))
        for method, function in (("wilson", wilson), ("clopper_pearson", clopper_pearson)):
            expected = case["outputs"][method]
            compare(f"proportion, {method} (DescTools)", function(x, n, level), bounds(expected))


def ends(printed, method):
    """Bounds of epiR, with 0 and 1 where it leaves the range of a proportion or the rule at 0 and n aside."""
    lower, upper = bounds(printed)
    if method == "jeffreys":  # Brown, Cai & DasGupta 2001, p. 113: the outer bound is 0 at 0 and 1 at n
        return (0.0 if printed["est"] == 0 else lower), (1.0 if printed["est"] == 1 else upper)
    return (max(lower, 0.0), min(upper, 1.0)) if method == "agresti_coull" else (lower, upper)


def epir(case, method):
    return case["outputs"][f"epi.tests_{INTERVALS[method]}"]


def numbers(estimate):
    return [estimate.value, estimate.interval.lower, estimate.interval.upper]


@pytest.mark.parametrize("case", TABLES)
@pytest.mark.parametrize("method", INTERVALS)
@pytest.mark.parametrize("metric", FUNCTIONS)
def test_fractions_of_the_2x2_table(cases, case, method, metric):
    reference, test = rows(*table(cases[case]))
    estimate = FUNCTIONS[metric](reference, test, ci=method)[metric]
    expected = epir(cases[case], method)[EPIR[metric]]
    if epir(cases[case], "wilson")[EPIR[metric]]["est"] == "NaN":
        assert math.isnan(estimate.value)
        assert estimate.error.startswith("There are no ")
        assert estimate.interval is None
    else:
        compare(f"2x2 table, fractions, {method} (epiR)", numbers(estimate)[1:], ends(expected, method))
        if method != "agresti_coull":  # epiR prints the shrunken centre of the interval there
            compare("2x2 table, fractions (epiR)", estimate.value, expected["est"])
        assert not estimate.interval.independent_rows


@pytest.mark.parametrize("case", CLUSTERED)
def test_clustered_standard_error_and_t_interval(cases, case):
    """survey::svymean: ratio estimator with linearised SE; its t interval has clusters - 1 df."""
    inputs, outputs = cases[case]["inputs"], cases[case]["outputs"]
    x, n = inputs["x_per_cluster"], inputs["n_per_cluster"]
    test = [code for xi, ni in zip(x, n, strict=True) for code in [1] * xi + [0] * (ni - xi)]
    subject = np.repeat(np.arange(len(n)), n)
    estimate = sensitivity([1] * len(test), test, subject=subject, ci="cluster_t")["sensitivity"]
    name = "clustered proportion, linearised (survey)"
    compare(name, [estimate.value] * 2, [outputs["p"], outputs["svymean"]["est"]])
    errors = [outputs["ratio_estimator"]["se"], outputs["svymean"]["se"]]
    compare(name, [estimate.standard_error] * 2, errors)
    found = [estimate.interval.lower, estimate.interval.upper]
    compare(name, found, bounds(outputs["ratio_estimator"]["wald_t_df_kminus1"]))
    assert estimate.counts == Counts(len(n), sum(n), sum(x))


def test_percentile_bootstrap_of_clusters_against_boot(cases):
    """boot::boot by cluster, 20,000 replicates: equal within Monte-Carlo error (0.1 SE of a bound)."""
    case = cases["cluster_liang1992"]
    x, n = case["inputs"]["x_per_cluster"], case["inputs"]["n_per_cluster"]
    test = [code for xi, ni in zip(x, n, strict=True) for code in [1] * xi + [0] * (ni - xi)]
    subject = np.repeat(np.arange(len(n)), n)
    options = {"subject": subject, "ci": "bootstrap_percentile", "replicates": 20_000}
    interval = sensitivity([1] * len(test), test, **options)["sensitivity"].interval
    expected = case["outputs"]["cluster_bootstrap"]
    assert interval.lower == pytest.approx(expected["percentile"]["lower"], abs=0.1 * expected["se"])
    assert interval.upper == pytest.approx(expected["percentile"]["upper"], abs=0.1 * expected["se"])
    assert interval.mc_error[0] < 0.05 * expected["se"]


def test_every_row_a_success_never_gives_a_usable_cluster_interval(cases):
    """cluster_all_success_8x5: survey gives [1, 1] or NaN; here the interval is marked degenerate."""
    inputs = cases["cluster_all_success_8x5"]["inputs"]
    subject = np.repeat(np.arange(8), inputs["n_per_cluster"])
    for method in ("cluster_t", "bootstrap_percentile", "bootstrap_bca"):
        estimate = sensitivity([1] * 40, [1] * 40, subject=subject, ci=method, replicates=500)["sensitivity"]
        assert estimate.value == 1.0
        assert estimate.interval.degenerate, method
    exact = sensitivity([1] * 40, [1] * 40, subject=subject, ci="clopper_pearson")["sensitivity"].interval
    assert exact.independent_rows


@pytest.mark.parametrize(
    ("events", "units", "printed"),
    [(167, 202, (82.7, 76.7, 87.6)), (241, 585, (41.2, 37.2, 45.3))],
)
def test_published_fractions(events, units, printed):
    """Printed in percent with exact intervals, to one decimal: 82.7 (76.7-87.6), 41.2 (37.2-45.3)."""
    estimate = sensitivity([1] * units, [1] * events + [0] * (units - events))["sensitivity"]
    interval = estimate.interval
    assert tuple(round(100 * v, 1) for v in (estimate.value, interval.lower, interval.upper)) == printed
