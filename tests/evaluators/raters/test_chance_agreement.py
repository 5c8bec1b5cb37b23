"""Gwet, Brennan-Prediger, Fleiss and PABAK against R (irrCAC, irr, epiR) and by their symmetries.

diagnostic/oracle.json, `kappa_*`, `fleiss_diagnoses`, `gwet_raw4raters_with_missing`: irrCAC 1.0, irr 0.84.1,
epiR 2.0.94. `irrCAC::*.raw` rounds coefficients and errors to 5 decimals: coefficients are recomputed from
its p_a and p_e, errors are matched to that rounding.
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
    accuracy,
    brennan_prediger,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac,
    gwet_ac_raters,
    pabak,
    registry,
)
from accordance.evaluators.metric import Columns

TABLES = [
    "kappa_anxiety_r1r2", "kappa_diagnoses_r2r3", "kappa_irrCAC_4x4diagnosis", "kappa_irrCAC_3x3abstractors",
    "kappa_cass_binary", "kappa_paradox_high_prev", "kappa_perfect", "kappa_one_class_only",
]  # fmt: skip
BINARY = TABLES[4:]
WEIGHTINGS = ["unweighted", "linear", "quadratic"]
MANY = ["fleiss_diagnoses", "gwet_raw4raters_with_missing"]
TWO = {"gwet.ac1": gwet_ac, "bp2": brennan_prediger}
SEVERAL = {"fleiss.kappa": fleiss_kappa, "gwet.ac1": gwet_ac_raters}
UNITS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 4)), min_size=1, max_size=30)
RATINGS = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", None]), min_size=4, max_size=4), min_size=2, max_size=12
)


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


def rows(table):
    cells = np.asarray(table)
    i, j = np.indices(cells.shape)
    return np.repeat(i.ravel(), cells.ravel()), np.repeat(j.ravel(), cells.ravel())


def only(result):
    (estimate,) = result.values()
    return estimate


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("case", TABLES)
def test_two_raters_against_irrcac(found, case, name, weighting):
    """`irrCAC::gwet.ac1.table`, `bp2.table` with weights; the standard error in large samples."""
    table, expected = (
        found[case]["inputs"]["table"],
        found[case]["outputs"][f"irrCAC_{name}.table_{weighting}"],
    )
    estimate = only(TWO[name](*rows(table), levels=range(len(table)), weighting=weighting, ci="asymptotic"))
    error = (estimate.value - estimate.interval.lower) / stats.norm.ppf(0.975)
    line = "Gwet AC1, AC2" if name == "gwet.ac1" else "Brennan-Prediger"
    compare(f"{line}, two raters, {weighting}", (estimate.value, error), (expected["est"], expected["se"]))
    n = np.sum(table)
    assert estimate.standard_error == pytest.approx(expected["se"] * math.sqrt(n / (n - 1)), abs=1e-9)


def raters(case, folder):
    with (folder / "diagnostic" / case["inputs"]["ratings"]).open() as file:
        table = [[None if v in ("", "NA") else v for v in row] for row in list(csv.reader(file))[1:]]
    return table, sorted({value for row in table for value in row if value is not None})


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("case", MANY)
def test_several_raters_against_irrcac(found, reference_data, case, name, weighting):
    """`irrCAC::fleiss.kappa.raw`, `gwet.ac1.raw`; the second data set has missing ratings."""
    table, levels = raters(found[case], reference_data)
    expected = found[case]["outputs"][f"irrCAC_{name}.raw_{weighting}"]
    estimate = only(SEVERAL[name](table, levels=levels, weighting=weighting, ci="gwet_t"))
    value = (expected["pa"] - expected["pe"]) / (1 - expected["pe"])
    line = f"{'Fleiss kappa' if name == 'fleiss.kappa' else 'Gwet AC1, AC2'}, several raters, {weighting}"
    compare(line, estimate.value, value)
    error = (estimate.value - estimate.interval.lower) / stats.t.ppf(0.975, estimate.counts.n_subjects - 1)
    compare(f"{line}: error, 5 decimals", error, expected["se"], rel=0, abs=5.001e-6)


def test_fleiss_against_irr(found, reference_data):
    """`irr::kappam.fleiss`, which drops units with a missing rating; its error holds if kappa is zero."""
    for case in MANY:
        table, levels = raters(found[case], reference_data)
        whole = [row for row in table if None not in row]
        compare(
            "Fleiss kappa (irr)",
            only(fleiss_kappa(whole, levels=levels)).value,
            found[case]["outputs"]["irr_kappam_fleiss"]["kappa"],
        )


@pytest.mark.parametrize("case", BINARY)
def test_pabak_against_epir(found, case):
    """`epiR::epi.kappa()$pabak` (Clopper-Pearson, transformed) and closed forms; its index errors deviate."""
    ((a, b), (c, d)), expected = found[case]["inputs"]["table"], found[case]["outputs"]
    units = ([1] * (a + b) + [0] * (c + d), [1] * a + [0] * b + [1] * c + [0] * d)
    result = pabak(*units)
    interval = result["pabak"].interval
    other = expected["epiR_fleiss"]["pabak"]
    compare("PABAK", result["pabak"].value, expected["PABAK"])
    compare(
        "PABAK, clopper_pearson", (interval.lower, interval.upper), (other["lower"], min(other["upper"], 1.0))
    )
    names = {"prevalence_index": 1, "bias_index": -1, "positive_agreement": 1, "negative_agreement": 1}
    for name, sign in names.items():
        wanted = expected[name.replace("positive_agree", "pos_agree").replace("negative_agree", "neg_agree")]
        if wanted == "NaN":
            assert result[name].error == "Neither reference nor test is ever negative."
        else:  # the bias index is test - reference here
            compare(f"{name}, of kappa", sign * result[name].value, wanted)


@pytest.mark.parametrize("case", BINARY)
def test_pabak_by_wilson(found, case):
    """`2 * DescTools::BinomCI(x, n) - 1`."""
    ((a, b), (c, d)), expected = found[case]["inputs"]["table"], found[case]["outputs"]
    units = ([1] * (a + b) + [0] * (c + d), [1] * a + [0] * b + [1] * c + [0] * d)
    interval = pabak(*units, ci="wilson")["pabak"].interval
    wanted = expected["PABAK_wilson_transformed"]
    compare("PABAK, wilson", (interval.lower, interval.upper), (wanted["lwr.ci"], wanted["upr.ci"]))


@given(UNITS)
def test_two_categories_make_pabak_of_brennan_prediger(units):
    r, t, s = np.array(units).T
    plain = pabak(r > 0, t > 0, subject=s)["pabak"]
    other = only(brennan_prediger(r > 0, t > 0, levels=[False, True], subject=s))
    assert other.value == pytest.approx(plain.value, abs=1e-12)
    np.testing.assert_allclose(other.standard_error, plain.standard_error, atol=1e-12)
    assert plain.value == pytest.approx(2 * accuracy(r > 0, t > 0)["accuracy"].value - 1, abs=1e-12)


@given(UNITS, st.sampled_from(WEIGHTINGS))
def test_two_raters_as_a_table_of_ratings(units, weighting):
    r, t, s = np.array(units).T
    two = only(gwet_ac(r, t, levels=range(3), weighting=weighting, subject=s))
    several = only(gwet_ac_raters(np.stack([r, t], axis=1), levels=range(3), weighting=weighting, subject=s))
    assert several.value == pytest.approx(two.value, abs=1e-12)
    np.testing.assert_allclose(several.standard_error, two.standard_error, atol=1e-12)


@given(RATINGS, st.randoms(use_true_random=False))
def test_raters_and_rows_have_no_order(table, random):
    shuffled = [random.sample(row, len(row)) for row in table]
    random.shuffle(shuffled)
    for function in (fleiss_kappa, gwet_ac_raters):
        first, second = only(function(table, levels="abc")), only(function(shuffled, levels="abc"))
        assert first.value == second.value or math.isnan(first.value)
        np.testing.assert_array_equal(first.standard_error, second.standard_error)


@given(RATINGS)
def test_without_missing_ratings_gwets_variance_is_the_linearised(table):
    whole = [[value or "a" for value in row] for row in table]
    for function in (fleiss_kappa, gwet_ac_raters):
        first, second = only(function(whole, levels="abc")), only(function(whole, levels="abc", ci="gwet_t"))
        if first.interval is not None and not first.interval.degenerate:
            bounds = (first.interval.lower, first.interval.upper)
            assert (second.interval.lower, second.interval.upper) == pytest.approx(bounds, abs=1e-9)


@given(UNITS, st.data())
@settings(deadline=None)
def test_integer_weights_are_repeated_subjects(units, data):
    table = np.array(sorted(units, key=lambda unit: unit[2]))
    subjects, counts = np.unique(table[:, 2], return_counts=True)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(subjects), max_size=len(subjects)))
    kept = np.repeat(table, np.repeat(weights, counts), axis=0)
    for name in ("gwet_ac", "brennan_prediger", "fleiss_kappa", "gwet_ac_raters", "pabak"):
        metric = registry.get(name)
        levels = () if name == "pabak" else ("a", "b", "c")
        top = 1 if name == "pabak" else 2
        prepared = metric.prepare(Columns(*np.minimum(table[:, :2], top).T, offsets, levels))
        again = metric.prepare(Columns(*np.minimum(kept[:, :2], top).T, np.array([0, len(kept)]), levels))
        at_weights = prepared.at(np.array([weights], dtype=float))[0]
        np.testing.assert_allclose(at_weights, again.estimate(), rtol=1e-12, atol=1e-12)
        ones = prepared.at(np.ones((1, len(subjects))))[0]
        np.testing.assert_allclose(prepared.at(np.full((1, len(subjects)), 0.37))[0], ones, atol=1e-12)


def test_gwet_stands_where_kappa_falls():
    """One category only: kappa 0/0, AC1 1 (irrCAC gives NaN and 1); the categories have to be named."""
    units = ([1] * 9, [1] * 9)
    assert "0/0" in only(cohen_kappa(*units, levels=[0, 1])).error
    assert only(gwet_ac(*units, levels=[0, 1])).value == 1.0
    assert "name all that could have been chosen" in only(gwet_ac(*units)).error


def test_zero_width_is_marked():
    units = ([0, 1, 1], [0, 1, 1])
    assert only(gwet_ac(*units)).interval.degenerate
    assert pabak(*units)["bias_index"].interval.degenerate
    assert not pabak(*units)["pabak"].interval.degenerate


@pytest.mark.parametrize("function", [gwet_ac, brennan_prediger, cohen_kappa])
def test_edges(function):
    assert only(function([], [])).error == "There are no rows."
    one = only(function(["a"], ["b"], ci="cluster_t"))
    assert one.value is not None
    assert "at least two subjects" in one.error
    subject = only(function(["a", "b"], ["a", "a"], subject=[1, 1], ci="cluster_t"))
    assert "at least two subjects" in subject.error
    with pytest.raises(ValueError, match="none of the levels"):
        function(["a"], ["b"], levels=["a"])


def test_edges_of_several_raters():
    assert "No unit has two ratings." in only(fleiss_kappa([["a", None], ["b", None]])).error
    assert only(fleiss_kappa(np.empty((0, 3), dtype=object))).error == "There are no rows."
    assert "0/0" in only(fleiss_kappa([["a", "a"], ["a", "a"]], levels="ab")).error
    assert only(fleiss_kappa([[1, 2], [2, 2]], levels=[1, 2], subject=[7, 7])).error.startswith("No interval")
    with pytest.raises(ValueError, match="a column a rater"):
        fleiss_kappa(["a", "b"])
    with pytest.raises(ValueError, match="give `levels`"):
        fleiss_kappa([["a", "b"]], weighting="linear")
    with pytest.raises(ValueError, match="none of the levels"):
        fleiss_kappa([["a", "z"]], levels="ab")


def test_whole_numbers_among_missing_ones_are_whole_numbers():
    """A column of numbers with gaps is read as decimals; 1.0 is the level 1."""
    assert only(fleiss_kappa([[1.0, 1.0], [2.0, math.nan], [2.0, 1.0]], levels=[1, 2])).counts.n_units == 3


def test_clusters_widen_the_interval():
    rng = np.random.default_rng(3)
    r, t = rng.integers(0, 2, 30), rng.integers(0, 2, 30)
    once, ten = gwet_ac(r, t, ci="cluster_t"), np.repeat(np.arange(30), 10)
    knowing = only(gwet_ac(np.repeat(r, 10), np.repeat(t, 10), subject=ten))
    naive = only(gwet_ac(np.repeat(r, 10), np.repeat(t, 10), subject=ten, ci="asymptotic"))
    assert naive.interval.independent_rows
    assert knowing.standard_error == pytest.approx(only(once).standard_error, rel=1e-9)
    boot = only(gwet_ac(r, t, ci="bootstrap_percentile", replicates=2000)).interval
    width = only(once).interval.upper - only(once).interval.lower
    assert boot.upper - boot.lower == pytest.approx(width, rel=0.15)


@pytest.mark.parametrize("function", [fleiss_kappa, gwet_ac_raters])
def test_a_missing_word_is_no_category(function):
    """A list of words with a NaN among them: NumPy would make it the word "nan"."""
    gaps = [["a", "a", math.nan], ["b", "a", math.nan], ["b", "b", "b"]]
    nothing = [["a", "a", None], ["b", "a", None], ["b", "b", "b"]]
    assert only(function(gaps)).value == only(function(nothing)).value


def test_fleiss_has_no_least_value_where_ratings_are_missing():
    """Chance is taken from 102 units, agreement from 2: -50.5, and its interval lies around it."""
    table = [["a", "b"], ["a", "b"], *([["a", None]] * 100)]
    estimate = only(fleiss_kappa(table))
    shares = np.array([101, 1]) / 102
    assert estimate.value == pytest.approx(1 - 1 / (2 * shares[0] * shares[1]), rel=1e-12)
    assert estimate.interval.lower < estimate.value < estimate.interval.upper
