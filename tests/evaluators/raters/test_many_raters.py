"""Several raters: Krippendorff, Conger, Light, Brennan-Prediger, plain agreement, Kendall's W.

diagnostic/oracle.json, `fleiss_diagnoses`, `gwet_raw4raters_with_missing`: irrCAC 1.0, irr 0.84.1. `irrCAC`
rounds coefficients and errors to 5 decimals: coefficients are recomputed from its p_a and p_e.
"""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from diagnostic import cases
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare
from scipy import stats

from accordance.evaluators import (
    CannotComputeError,
    brennan_prediger,
    brennan_prediger_raters,
    cohen_kappa,
    conger_kappa,
    fleiss_kappa,
    gwet_ac_raters,
    kendall_w,
    krippendorff_alpha,
    light_kappa,
    rater_agreement,
    registry,
)
from accordance.evaluators.metric import Columns

MANY = ["fleiss_diagnoses", "gwet_raw4raters_with_missing"]
WEIGHTINGS = ["unweighted", "linear", "quadratic"]
RAW = {
    "conger.kappa": (conger_kappa, "Conger kappa"),
    "bp.coeff": (brennan_prediger_raters, "Brennan-Prediger, several raters"),
    "pa.coeff": (rater_agreement, "agreement of several raters"),
    "fleiss.kappa": (fleiss_kappa, "Fleiss kappa, several raters"),
    "gwet.ac1": (gwet_ac_raters, "Gwet AC1, AC2, several raters"),
}
SCALES = {"unweighted": "nominal", "quadratic": "interval"}
RATINGS = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", None]), min_size=3, max_size=3), min_size=1, max_size=10
)


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


def read(case, folder):
    with (folder / "diagnostic" / case["inputs"]["ratings"]).open() as file:
        table = [[None if v in ("", "NA") else v for v in row] for row in list(csv.reader(file))[1:]]
    return table, sorted({value for row in table for value in row if value is not None})


def only(result):
    (estimate,) = result.values()
    return estimate


def against_irrcac(line, estimate, expected):
    """Value, error, interval as it is printed, p-value of no agreement beyond chance."""
    compare(line, estimate.value, (expected["pa"] - expected["pe"]) / (1 - expected["pe"]))
    df = estimate.counts.n_subjects - 1
    interval = estimate.interval
    reach = stats.t.ppf(0.975, df)
    error = (estimate.value - interval.lower) / reach
    compare(f"{line}: error, 5 decimals", error, expected["se"], rel=0, abs=5.001e-6)
    printed = [float(end) for end in expected["ci"].strip("()").split(",")]
    compare(f"{line}: interval, 3 decimals", (interval.lower, interval.upper), printed, rel=0, abs=5.1e-4)
    # from the rounded value and error, as R prints it
    p = 2 * stats.t.sf(abs(round(estimate.value, 5) / round(error, 5)), df)
    assert p == pytest.approx(expected["p"], rel=5e-3, abs=1e-11)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("name", RAW)
@pytest.mark.parametrize("case", MANY)
def test_coefficients_against_irrcac(found, reference_data, case, name, weighting):
    """`irrCAC::conger.kappa.raw`, `bp.coeff.raw`, `pa.coeff.raw`, `fleiss.kappa.raw`, `gwet.ac1.raw`."""
    table, levels = read(found[case], reference_data)
    function, line = RAW[name]
    estimate = only(function(table, levels=levels, weighting=weighting, ci="gwet_t"))
    against_irrcac(f"{line}, {weighting}", estimate, found[case]["outputs"][f"irrCAC_{name}.raw_{weighting}"])


@pytest.mark.parametrize("weighting", SCALES)
@pytest.mark.parametrize("case", MANY)
def test_alpha_against_irrcac(found, reference_data, case, weighting):
    """`irrCAC::krippen.alpha.raw`, unweighted and quadratic. Its `linear` is no scale of Krippendorff's."""
    table, levels = read(found[case], reference_data)
    scale = SCALES[weighting]
    estimate = only(krippendorff_alpha(table, levels=levels, scale=scale, ci="gwet_t"))
    expected = found[case]["outputs"][f"irrCAC_krippen.alpha.raw_{weighting}"]
    against_irrcac(f"Krippendorff alpha, {scale}", estimate, expected)


def test_alpha_against_irr(found, reference_data):
    """`irr::kripp.alpha(t(x), "nominal")` and `"ordinal"`, ratings missing."""
    case = found["gwet_raw4raters_with_missing"]
    table, levels = read(case, reference_data)
    for scale in ("nominal", "ordinal"):
        value = only(krippendorff_alpha(table, levels=levels, scale=scale)).value
        compare(f"Krippendorff alpha, {scale} (irr)", value, case["outputs"][f"irr_kripp_{scale}"])


@pytest.mark.parametrize("case", MANY)
def test_conger_and_light_against_irr(found, reference_data, case):
    """`irr::kappam.fleiss(exact = TRUE)`, `kappam.light`; both drop units that lack a rating."""
    table, levels = read(found[case], reference_data)
    whole = [row for row in table if None not in row]
    expected = found[case]["outputs"]
    conger, light = (only(f(whole, levels=levels)).value for f in (conger_kappa, light_kappa))
    compare("Conger kappa (irr)", conger, expected["irr_conger_exact"]["kappa"])
    compare("Light kappa", light, expected["irr_light"]["kappa"])
    plain = only(fleiss_kappa(whole, levels=levels))
    compare("Fleiss kappa (DescTools)", plain.value, expected["DescTools_KappaM_fleiss"]["kappa"])
    counts = expected["irr_kappam_fleiss"]
    assert (plain.counts.n_units, len(whole[0])) == (counts["subjects"], counts["raters"])


def test_kendall_against_irr(found, reference_data):
    """`irr::kendall(x, correct = TRUE)` on the units without a missing rating."""
    case = found["gwet_raw4raters_with_missing"]
    table, _ = read(case, reference_data)
    result = kendall_w([[float(v) for v in row] for row in table if None not in row])
    expected = case["outputs"]["irr_kendall_w"]
    compare(
        "Kendall W", (result.w, result.statistic, result.p_value), [expected[k] for k in ("W", "chisq", "p")]
    )
    assert "corrected for ties" in str(result)


TWO_TABLES = [
    "kappa_anxiety_r1r2", "kappa_diagnoses_r2r3", "kappa_irrCAC_4x4diagnosis", "kappa_irrCAC_3x3abstractors",
    "kappa_cass_binary", "kappa_paradox_high_prev", "kappa_perfect",
]  # fmt: skip


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("case", TWO_TABLES)
def test_two_raters_against_irrcac(found, case, weighting):
    """`irrCAC::scott2.table` (Fleiss' kappa of two raters) and `krippen2.table` share one error.

    Its variance divides by n where a sample's has n - 1.
    """
    cells = np.asarray(found[case]["inputs"]["table"])
    i, j = np.indices(cells.shape)
    pairs = np.stack([np.repeat(i.ravel(), cells.ravel()), np.repeat(j.ravel(), cells.ravel())], axis=1)
    outputs, n = found[case]["outputs"], int(cells.sum())
    scott = only(fleiss_kappa(pairs, levels=range(len(cells)), weighting=weighting))
    expected = outputs[f"irrCAC_scott2.table_{weighting}"]
    compare(
        f"Scott's pi, {weighting}",
        (scott.value, scott.standard_error * math.sqrt((n - 1) / n)),
        (expected["est"], expected["se"]),
    )
    if weighting in SCALES:
        alpha = only(
            krippendorff_alpha(pairs, levels=range(len(cells)), scale=SCALES[weighting], ci="gwet_t")
        )
        expected = outputs[f"irrCAC_krippen2.table_{weighting}"]
        compare(f"Krippendorff alpha, two raters, {SCALES[weighting]}", alpha.value, expected["est"])


def test_one_category_only(found):
    """irrCAC gives NaN for Scott's pi and alpha; here the reason stands in its place."""
    outputs = found["kappa_one_class_only"]["outputs"]
    pairs = [[0, 0]] * 9
    assert outputs["irrCAC_scott2.table_unweighted"]["est"] == "NaN"
    for function in (fleiss_kappa, krippendorff_alpha, conger_kappa):
        assert "0/0" in only(function(pairs, levels=[0, 1])).error
    assert "put every unit into the same single category" in only(light_kappa(pairs, levels=[0, 1])).error


@given(RATINGS)
@settings(deadline=None)
def test_with_two_raters_conger_and_light_are_cohens(table):
    pairs = [row[:2] for row in table if None not in row[:2]]
    if not pairs:
        return
    plain = only(cohen_kappa(*zip(*pairs, strict=True), levels="abc", ci="asymptotic"))
    for function in (conger_kappa, light_kappa):
        other = only(function(pairs, levels="abc"))
        np.testing.assert_allclose(other.value, plain.value, atol=1e-12)
        np.testing.assert_allclose(other.standard_error, plain.standard_error, atol=1e-10)
    blind = only(brennan_prediger(*zip(*pairs, strict=True), levels="abc"))
    several = only(brennan_prediger_raters(pairs, levels="abc"))
    assert several.value == pytest.approx(blind.value, abs=1e-12)


def by_pairs(table, difference):
    """Alpha from every pair of ratings, written out."""
    units = [[value for value in row if value is not None] for row in table]
    units = [unit for unit in units if len(unit) > 1]
    everything = [value for unit in units for value in unit]
    n = len(everything)
    observed = sum(
        difference(a, b) / (len(unit) - 1)
        for unit in units
        for i, a in enumerate(unit)
        for j, b in enumerate(unit)
        if i != j
    )
    expected = sum(
        difference(a, b) for i, a in enumerate(everything) for j, b in enumerate(everything) if i != j
    )
    return 1 - (observed / n) / (expected / (n * (n - 1))) if expected else math.nan


@given(RATINGS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_alpha_by_its_definition(table, random):
    place = {"a": 0, "b": 1, "c": 2}
    kept = [value for row in table if sum(v is not None for v in row) > 1 for value in row if value]
    middle = {value: sum(place[v] < place[value] for v in kept) + kept.count(value) / 2 for value in place}
    differences = {
        "nominal": lambda a, b: float(a != b),
        "ordinal": lambda a, b: (middle[a] - middle[b]) ** 2,
        "interval": lambda a, b: (place[a] - place[b]) ** 2,
    }
    shuffled = [random.sample(row, 3) for row in random.sample(table, len(table))]
    for scale, difference in differences.items():
        estimate = only(krippendorff_alpha(table, levels="abc", scale=scale))
        np.testing.assert_allclose(estimate.value, by_pairs(table, difference), atol=1e-9)
        again = only(krippendorff_alpha(shuffled, levels="abc", scale=scale))
        assert again.value == estimate.value or math.isnan(estimate.value)
        assert (
            estimate.error is None
            or not math.isnan(estimate.value)
            or "0/0" in estimate.error
            or (estimate.error == "No unit has two ratings.")
        )


@given(RATINGS, st.data())
@settings(deadline=None, max_examples=50)
def test_integer_weights_are_repeated_subjects(table, data):
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(table), max_size=len(table)))
    codes = np.array([["abc".find(v) if v else -1 for v in row] for row in table])
    for metric in (registry.get("krippendorff_alpha"), registry.get("fleiss_kappa")):
        blank = np.zeros(len(codes), dtype=np.int64)
        columns = Columns(blank, blank, np.arange(len(codes) + 1), ("a", "b", "c"))
        prepared = metric.prepare_ratings(codes, columns)
        kept = np.repeat(codes, weights, axis=0)
        blank = np.zeros(len(kept), dtype=np.int64)
        again = metric.prepare_ratings(kept, Columns(blank, blank, np.arange(len(kept) + 1), ("a", "b", "c")))
        at_weights = prepared.at(np.array([weights], dtype=float))[0]
        np.testing.assert_allclose(at_weights, again.estimate(), atol=1e-10)
        relative = prepared.at(np.full((1, len(codes)), 0.3), relative=True)[0]
        np.testing.assert_allclose(relative, prepared.estimate(), atol=1e-10)


def test_alpha_as_a_metric_of_reference_and_test():
    metric = registry.get("krippendorff_alpha")
    r, t = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 2])
    prepared = metric.prepare(Columns(r, t, np.array([0, 2, 5]), ("a", "b", "c")), scale="interval")
    plain = only(krippendorff_alpha(np.stack([r, t], axis=1), levels=range(3), scale="interval"))
    assert prepared.estimate()[0] == pytest.approx(plain.value, rel=1e-12)


def test_raters_of_conger_and_light_are_columns():
    """A rater who calls everything one step higher: exchangeable raters would disagree more."""
    table = [[i % 3, (i + 1) % 3, i % 3] for i in range(12)] + [[0, 1, 0]] * 6
    assert only(conger_kappa(table)).value > only(fleiss_kappa(table)).value
    swapped = [[row[1], row[0], row[2]] if i % 2 else row for i, row in enumerate(table)]
    assert only(conger_kappa(swapped)).value != pytest.approx(only(conger_kappa(table)).value)
    assert only(fleiss_kappa(swapped)).value == pytest.approx(only(fleiss_kappa(table)).value)


def test_clusters_and_bootstrap():
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 3, 40)
    table = np.where(rng.random((40, 3)) < 0.7, truth[:, None], rng.integers(0, 3, (40, 3)))
    for function in (krippendorff_alpha, conger_kappa, light_kappa, brennan_prediger_raters, rater_agreement):
        once = only(function(table, levels=range(3)))
        ten = only(function(np.repeat(table, 10, axis=0), levels=range(3), subject=np.repeat(range(40), 10)))
        assert ten.standard_error == pytest.approx(once.standard_error, rel=0.01)
        boot = only(function(table, levels=range(3), ci="bootstrap_percentile", replicates=1000)).interval
        width = once.interval.upper - once.interval.lower
        assert boot.upper - boot.lower == pytest.approx(width, rel=0.2)


@pytest.mark.parametrize("function", [krippendorff_alpha, conger_kappa, light_kappa])
def test_edges(function):
    assert "No unit has two ratings." in only(function([["a", None], ["b", None]], levels="ab")).error
    assert only(function(np.empty((0, 3), dtype=object), levels="ab")).error == "There are no rows."
    assert "two subjects" in only(function([["a", "b"], ["b", "b"]], subject=[1, 1])).error
    with pytest.raises(ValueError, match="a column a rater"):
        function(["a", "b"])
    with pytest.raises(ValueError, match="offers"):
        function([["a", "b"]], ci="wilson")


def test_refusals():
    with pytest.raises(ValueError, match="give `levels`"):
        krippendorff_alpha([["a", "b"]], scale="ordinal")
    with pytest.raises(ValueError, match="nominal, ordinal, interval"):
        krippendorff_alpha([["a", "b"]], levels="ab", scale="ratio")
    apart = [["a", "b", None], ["b", "b", None], ["b", "a", None], ["a", None, "a"], ["b", None, "a"]]
    assert only(light_kappa(apart)).error == "Raters 2 and 3 have no kappa: they have no unit in common."
    with pytest.raises(ValueError, match="finite numbers"):
        kendall_w([[1.0, math.nan], [2.0, 1.0]])
    with pytest.raises(CannotComputeError, match="two of each"):
        kendall_w([[1, 2]])
    with pytest.raises(CannotComputeError, match="no order"):
        kendall_w([[1, 2], [1, 2]])


def test_kendall_by_spearman():
    """W = ((m - 1) mean rho + 1) / m, without ties (Kendall & Gibbons 1990, s. 6.4)."""
    table = np.random.default_rng(1).permuted(np.tile(np.arange(9), (4, 1)), axis=1).T
    rho = stats.spearmanr(table).statistic
    mean = (rho.sum() - 4) / 12
    assert kendall_w(table).w == pytest.approx((3 * mean + 1) / 4, rel=1e-12)
