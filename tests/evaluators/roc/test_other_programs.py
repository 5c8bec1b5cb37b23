"""What else the reference holds on ROC curves, and what of it is not compared, with the reason.

diagnostic/oracle.json, `roc_*`, `auc_clustered_*`: pROC 1.19.0.1, clinfun 1.1.5, `doAUCcluster`.
"""

from __future__ import annotations

import csv

import numpy as np
import pytest
from diagnostic import bounds, cases
from oracle import compare
from scipy import stats

from accordance.evaluators import ResamplingWeights, auc, compare_auc, compare_versions, registry
from accordance.evaluators.metric import Columns

NOT_COMPARED = {
    "hanley_mcneil1982": "Its variance supposes exponentially distributed scores; DeLong's, from the same "
    "rows, supposes nothing. It serves planning, where there are no rows yet.",
    "var_obuchowski_binormal": "Its variance supposes normal scores; likewise.",
    "venkatraman": "A permutation test that two curves are the same everywhere, with Monte-Carlo p-values. A "
    "protocol compares areas, or sensitivities at a fixed specificity; equality of curves is no claim.",
    "precrec.auprc_nonlinear_interp": "Interpolated in a thousand places, an error of some 1e-7; held to "
    "1e-6 in test_roc_points, where `PRROC`'s integral is met to 1e-8.",
    "coords_youden_best.1.youden": "Sensitivity + specificity; the index, one less, is compared.",
    "auc": "Of `roc_edge_auto_direction_trap`: the direction chosen from the data. Below, it is refused.",
}
"""Beginnings of the names of outputs -> why no test compares them."""


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


@pytest.fixture(scope="module")
def asah(reference_data):
    with (reference_data / "diagnostic" / "data" / "aSAH.csv").open() as file:
        rows = list(csv.DictReader(file))
    truth = np.array([row["outcome"] == "Poor" for row in rows]).astype(int)
    return truth, {name: np.array([float(row[name]) for row in rows]) for name in ("s100b", "ndka", "wfns")}


def names(value, path=""):
    if not isinstance(value, dict):
        return [path]
    return [name for key, one in value.items() for name in names(one, f"{path}.{key}" if path else key)]


def test_what_is_not_compared_exists(found):
    topics = ("roc_single", "roc_paired")
    known = [n for case in found.values() if case["topic"] in topics for n in names(case["outputs"])]
    assert [start for start in NOT_COMPARED if not any(name.startswith(start) for name in known)] == []


@pytest.mark.parametrize("name", ["s100b", "wfns"])
def test_delong_of_clinfun(found, asah, name):
    """`clinfun::roc.area.test`; the number of cases and controls."""
    expected, estimate = found[f"roc_asah_{name}"]["outputs"], auc(asah[0], asah[1][name])["auc"]
    other = expected["clinfun_roc.area.test"]
    compare(
        "AUC, DeLong (clinfun)", (estimate.value, estimate.standard_error**2), (other["area"], other["var"])
    )
    compare("AUC, DeLong error", estimate.standard_error, expected["delong"]["se"])
    compare("AUC", estimate.value, expected["precrec"]["auroc"])
    assert estimate.counts.n_events == expected["n_cases"]
    assert estimate.counts.n_units == expected["n_cases"] + expected["n_controls"]


@pytest.mark.parametrize("name", ["s100b", "wfns"])
def test_stratified_bootstrap(found, asah, name):
    """`ci.auc(method = "bootstrap", boot.n = 10000)`, both classes of fixed size: strata of the weights."""
    y, x = asah[0], asah[1][name]
    keys = [f"{i:04d}" for i in range(len(y))]
    prepared = registry.get("auc").prepare(Columns(y, x, np.arange(len(y) + 1)))
    outputs = found[f"roc_asah_{name}"]["outputs"]
    for design, strata in (("stratified", y.astype(str).tolist()), ("unstratified", None)):
        weights = ResamplingWeights(keys, seed=1, replicates=10_000, strata=strata).matrix(keys)
        areas = prepared.at(weights)[:, 0]
        expected = outputs[f"bootstrap_{design}"]
        compare(
            "AUC, bootstrap (Monte-Carlo)",
            np.nanquantile(areas, [0.025, 0.5, 0.975]),
            (expected["lower"], expected["median"], expected["upper"]),
            rel=0,
            abs=0.01,
        )


@pytest.mark.parametrize("name", ["s100b", "wfns"])
def test_stratified_bootstrap_of_a_fixed_specificity(found, asah, name):
    """`ci.se(specificities = c(0.8, 0.9), boot.n = 10000)`; steps of 1 / 41 and Monte-Carlo: 0.025."""
    y, x = asah[0], asah[1][name]
    keys = [f"{i:04d}" for i in range(len(y))]
    weights = ResamplingWeights(keys, seed=2, replicates=10_000, strata=y.astype(str).tolist()).matrix(keys)
    expected = found[f"roc_asah_{name}"]["outputs"]["ci_se_bootstrap"]
    for i, specificity in enumerate(expected["at"]):
        metric = registry.get("sensitivity_at_specificity")
        prepared = metric.prepare(Columns(y, x, np.arange(len(y) + 1)), specificity=specificity)
        values = prepared.at(weights)[:, prepared.statistics.index("sensitivity_interpolated")]
        compare(
            "sensitivity at specificity, bootstrap (Monte-Carlo)",
            np.quantile(values, [0.025, 0.5, 0.975]),
            [expected[key][i] for key in ("lower", "median", "upper")],
            rel=0,
            abs=0.025,
        )


@pytest.mark.parametrize("pair", [("s100b", "ndka"), ("wfns", "s100b")])
def test_one_sided_and_bootstrap_tests(found, asah, pair):
    """`roc.test(alternative = "less" or "greater")`, from the same z.

    `method = "bootstrap"` there keeps the size of the classes, here subjects are drawn from all: 3%.
    """
    expected = found[f"roc_paired_{pair[0]}_vs_{pair[1]}"]["outputs"]
    scores = asah[1][pair[1]], asah[1][pair[0]]
    result = compare_auc(asah[0], *scores)
    compare(
        "difference of AUC, one-sided p",
        (stats.norm.cdf(result.statistic), stats.norm.sf(result.statistic)),
        (expected["p_less"], expected["p_greater"]),
    )
    boot = compare_versions("auc", asah[0], *scores, ci="bootstrap_percentile").difference
    z = boot.value / boot.standard_error
    other = expected["bootstrap"]
    compare("difference of AUC, bootstrap (Monte-Carlo)", z, other["D"], rel=0.03)
    p_value = 2 * stats.norm.sf(abs(z))
    compare("difference of AUC, bootstrap (Monte-Carlo)", p_value, other["p"], rel=0, abs=0.01)


def test_the_other_score_and_single_rows_of_the_clustered_area(found, reference_data, asah):
    """`doAUCcluster`: the second modality, the variance of the difference; one row a cluster."""
    with (reference_data / "diagnostic" / "data" / "vandyke_wide_clustered.csv").open() as file:
        rows = list(csv.DictReader(file))
    truth, first, second = ([float(row[name]) for row in rows] for name in ("truth", "rating.1", "rating.2"))
    case = [row["case"] for row in rows]
    two = found["auc_clustered_vandyke"]["outputs"]["two"]
    estimate = auc(truth, second, subject=case, ci="obuchowski")["auc"]
    compare(
        "AUC, obuchowski",
        (estimate.value, estimate.standard_error, estimate.interval.lower, estimate.interval.upper),
        (two["auc.B"], two["auc.se.B"], two["ci.bot.B"], two["ci.top.B"]),
    )
    variance = compare_auc(truth, first, second, subject=case).standard_error ** 2
    compare("difference of AUC, Obuchowski", variance, two["auc.var.AminusB"])
    single = found["auc_clustered_degenerate_equals_delong"]["outputs"]
    interval = auc(asah[0], asah[1]["s100b"], ci="obuchowski")["auc"].interval
    compare("AUC, obuchowski", (interval.lower, interval.upper), bounds_of(single["one"]))
    error = auc(asah[0], asah[1]["s100b"])["auc"].standard_error
    compare("AUC, Obuchowski, one row each", error, single["pROC_delong_se"])


def bounds_of(one):
    return bounds({"lower": one["ci.bot"], "upper": one["ci.top"]})


def test_the_direction_is_never_chosen_from_the_data(found):
    """pROC with `direction = "auto"` turns a score that is upside down into a perfect one."""
    trap = found["roc_edge_auto_direction_trap"]
    assert trap["outputs"]["auc"] == 1
    assert auc(trap["inputs"]["y"], trap["inputs"]["x"])["auc"].value == 0.0
    with pytest.raises(ValueError, match="higher, lower"):
        auc(trap["inputs"]["y"], trap["inputs"]["x"], direction=trap["inputs"]["direction"])
