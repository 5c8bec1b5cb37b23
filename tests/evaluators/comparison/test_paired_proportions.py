"""Two binary results on the same units: McNemar and its relatives, differences, ratios, non-inferiority."""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic import bounds, cases, number
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import compare
from scipy import stats

from accordance.evaluators.comparison.mcnemar import clustered_mcnemar, mcnemar
from accordance.evaluators.comparison.paired_counts import (
    PairedCounts,
    clustered_cells,
    clustered_pairs,
    paired_counts,
)
from accordance.evaluators.comparison.paired_proportions import (
    DIFFERENCES,
    RATIOS,
    paired_non_inferiority,
    paired_proportion_difference,
    paired_proportion_ratio,
)
from accordance.evaluators.metric import CannotComputeError

CASES = (
    "pair_bentur2009",
    "pair_tangML_8_3_1_2",
    "pair_no_discordant",
    "pair_equal_discordant",
    "pair_all_discordant_one_way",
    "pair_n1",
)
COUNTS = st.builds(PairedCounts, *([st.integers(0, 30)] * 4)).filter(lambda counts: counts.n > 0)


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


def cells(case):
    """R's test 1 is the candidate, so that its differences test 1 - test 2 are ours."""
    given = case["inputs"]
    return PairedCounts(given["both"], given["only1"], given["only2"], given["neither"])


# contingencytables, ratesci, DTComPair and exact2x2 in R 4.2.2
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    ("method", "key"),
    [
        ("asymptotic", "mcnemar_asymptotic"),
        ("continuity", "mcnemar_cc_edwards"),
        ("exact", "mcnemar_exact"),
        ("mid_p", "mcnemar_midp_formula"),
    ],
)
def test_mcnemar_against_r(found, name, method, key):
    expected = found[name]["outputs"][key]
    if np.isnan(number(expected["p"])):
        with pytest.raises(CannotComputeError, match="exact: p = 1"):
            mcnemar(cells(found[name]), method=method)
        return
    result = mcnemar(cells(found[name]), method=method)
    compare(f"McNemar, {method}", result.p_value, number(expected["p"]))
    if "chisq" in expected:
        compare(f"McNemar, {method}", result.statistic, expected["chisq"])


def test_mid_p_where_programs_differ():
    """b = c: Fagerland 2013, 1 - f / 2 = 0.877 for 5 and 5; without discordant units p is 1."""
    assert mcnemar(PairedCounts(20, 5, 5, 10)).p_value == pytest.approx(1 - stats.binom.pmf(5, 10, 0.5) / 2)
    assert mcnemar(PairedCounts(20, 0, 0, 10)).p_value == 1


DIFFERENCE_KEYS = {
    "newcombe_paired": "diff_newcombe_square_and_add_method10",
    "newcombe_paired_8": "diff_newcombe_m8_ratesci",
    "tango": "diff_tango_ratesci_closed",
    "bonett_price": "diff_bonett_price",
    "agresti_min": "diff_wald_agresti_min",
    "wald_paired": "diff_wald",
}
RATIO_KEYS = {
    "tang": "ratio_tang_ratesci",
    "bonett_price": "ratio_bonett_price",
    "wald_log_paired": "ratio_wald",
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("method", DIFFERENCE_KEYS)
def test_differences_against_r(found, name, method):
    """contingencytables; ratesci for Tango and method 8, which prints 12 decimals. `scas`: test_skewness."""
    expected = found[name]["outputs"][DIFFERENCE_KEYS[method]]
    result = paired_proportion_difference(cells(found[name]), ci=method)
    got = (result.interval.lower, result.interval.upper)
    compare(f"paired difference, {method}", got, bounds(expected), abs=2e-12)
    compare(
        f"paired difference, {method}",
        [result.value, result.candidate, result.baseline, result.n],
        [found[name]["outputs"][key] for key in ("diff_1_minus_2", "p1", "p2", "n")],
    )


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("method", RATIOS)
def test_ratios_against_r(found, name, method):
    """contingencytables; ratesci for Tang, which prints 12 decimals."""
    expected = found[name]["outputs"][RATIO_KEYS[method]]
    if method == "wald_log_paired" and name == "pair_all_discordant_one_way":
        with pytest.raises(CannotComputeError, match="never succeeds"):
            paired_proportion_ratio(cells(found[name]), ci=method)
        return
    result = paired_proportion_ratio(cells(found[name]), ci=method)
    got = (result.interval.lower, result.interval.upper)
    compare(f"paired ratio, {method}", got, bounds(expected), abs=2e-12)
    compare(f"paired ratio, {method}", result.value, number(expected["est"]), abs=1e-11)


@pytest.mark.parametrize("name", CASES)
def test_non_inferiority_against_r(found, name):
    """The score at a difference of -margin: the formula of Tango 1998, and ratesci with `theta0`."""
    for expected in found[name]["outputs"]["noninferiority"]:
        margin = expected["margin"]
        result = paired_non_inferiority(cells(found[name]), margin)
        compare(
            "paired non-inferiority, Tango",
            (result.statistic, result.p_value),
            (number(expected["tango_score_z_formula"]), number(expected["p_one_sided"])),
        )
        theirs = expected["ratesci_theta0"]
        compare(
            "paired non-inferiority, Tango",
            (result.statistic, 1 - result.p_value, result.p_value, -result.details["margin"]),
            tuple(theirs[key] for key in ("scorenull", "pval_left", "pval_right", "theta0")),
        )
        if theirs["chisq"] > 0:  # without discordant units, or as many either way, McNemar's statistic is 0
            test = mcnemar(cells(found[name]), method="asymptotic")
            compare(
                "McNemar, asymptotic", (test.statistic, test.p_value), (theirs["chisq"], theirs["pval2sided"])
            )
        if np.isinf(number(expected["wald_z"])):
            with pytest.raises(CannotComputeError, match="no variance"):
                paired_non_inferiority(cells(found[name]), margin, method="wald")
            continue
        wald = paired_non_inferiority(cells(found[name]), margin, method="wald")
        compare(
            "paired non-inferiority, Wald",
            (wald.statistic, wald.p_value),
            (number(expected["wald_z"]), number(expected["wald_p"])),
        )


@pytest.mark.parametrize("name", ["cluster_paired_psychiatry", "cluster_paired_thyroids"])
@pytest.mark.parametrize("method", ["obuchowski", "durkalski", "yang", "eliasziw_donner"])
def test_clustered_mcnemar_against_r(found, name, method):
    """clust.bin.pair 0.1.2 in R; data of Donner & Banting 1989, and thyroids of Obuchowski 1998."""
    key = {"eliasziw_donner": "eliasziw"}.get(method, method)
    given, expected = found[name]["inputs"], found[name]["outputs"]
    pairs = clustered_cells(np.stack([given[key] for key in ("ak", "bk", "ck", "dk")], axis=1))
    result = clustered_mcnemar(pairs, method=method)
    compare(
        f"clustered McNemar, {method}",
        (result.statistic, result.p_value),
        (expected[key]["statistic"], expected[key]["p"]),
    )
    pooled = mcnemar(pairs.pooled(), method="asymptotic")
    compare(
        "McNemar, asymptotic",
        (pooled.statistic, pooled.p_value),
        (expected["mcnemar"]["statistic"], expected["mcnemar"]["p"]),
    )


def test_eliasziw_donner_at_its_ends():
    """No correlation, a negative one, or one unit a subject: McNemar's test; discordant units all alike."""
    rows = np.repeat([[1, 1], [0, 1], [1, 0], [0, 0]], [9, 7, 2, 5], axis=0)
    single = clustered_pairs(rows[:, 0], rows[:, 1])
    plain = mcnemar(single.pooled(), method="asymptotic").statistic
    assert clustered_mcnemar(single, method="eliasziw_donner").statistic == pytest.approx(plain)
    spread = clustered_mcnemar(
        clustered_cells([[1, 1, 1, 1], [1, 2, 0, 1], [1, 1, 1, 1]]), method="eliasziw_donner"
    )
    assert spread.details["inflation"] == 1 and spread.details["correlation"] == 0
    assert spread.statistic == pytest.approx(4 / 6)
    alike = clustered_cells([[0, 4, 0, 0], [0, 0, 4, 0], [0, 4, 0, 0], [4, 0, 0, 0], [0, 0, 0, 4]] * 4)
    found = clustered_mcnemar(alike, method="eliasziw_donner")
    assert found.details["correlation"] == pytest.approx(1)
    assert found.statistic == pytest.approx(16**2 / 48 / 4)  # as many independent units as subjects
    assert "Clustered McNemar, Eliasziw-Donner" in str(found)


@pytest.mark.parametrize("method", ["obuchowski", "durkalski", "yang", "eliasziw_donner"])
def test_clustered_tests_keep_their_level(method):
    """Simulated: 40 subjects with 6 alike units and no difference; McNemar's own test rejects too often."""
    rng, wrong, naive, studies = np.random.default_rng(8), 0, 0, 400
    for _ in range(studies):
        chances = rng.dirichlet([1.0, 0.6, 0.6, 1.0], 40)
        pairs = clustered_cells(np.stack([rng.multinomial(6, chance) for chance in chances]))
        wrong += clustered_mcnemar(pairs, method=method).p_value < 0.05
        naive += mcnemar(pairs.pooled(), method="asymptotic").p_value < 0.05
    assert wrong / studies <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies)
    assert naive / studies > 0.1


# What further programs give for the same intervals, with the precision of their searches. Not matched are the
# mid-P of exactci at b = c, 1, and that of contingencytables without discordant units, 0.5: see `mcnemar`.
OTHERS = (
    ("diff_tango_contingencytables", "tango", 1e-7),
    ("diff_tango_ratesci_iterative", "tango", 1e-10),
    ("diff_tango_PropCIs", "tango", 5e-7),
    ("diff_newcombe_m10_ratesci", "newcombe_paired", 1e-11),
)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("key", "method", "step"), OTHERS)
def test_other_programs_find_the_same(found, name, key, method, step):
    result = paired_proportion_difference(cells(found[name]), ci=method)
    got = (result.interval.lower, result.interval.upper)
    source = key.rpartition("_")[2]
    compare(f"paired difference, {method} ({source})", got, bounds(found[name]["outputs"][key]), abs=step)


@pytest.mark.parametrize("name", CASES)
def test_tang_by_another_program(found, name):
    """contingencytables, whose search ends within 1e-6 or so."""
    expected = found[name]["outputs"]["ratio_tang_contingencytables"]
    interval = paired_proportion_ratio(cells(found[name]), ci="tang").interval
    compare(
        "paired ratio, tang (contingencytables)", (interval.lower, interval.upper), bounds(expected), rel=1e-6
    )


@pytest.mark.parametrize("name", CASES)
def test_other_exact_tests_agree(found, name):
    """`exactci::mcnemar.exact(midp = TRUE)` and contingencytables, but for b = c (Fagerland 2013)."""
    outputs, counts = found[name]["outputs"], cells(found[name])
    if counts.candidate_only != counts.baseline_only:
        for key in ("exactci_midp", "mcnemar_midp"):
            compare("McNemar, mid_p", mcnemar(counts).p_value, outputs[key]["p"])
    compare("McNemar, exact", mcnemar(counts, method="exact").p_value, outputs["exact2x2_mcnemar_exact"]["p"])


def test_one_unit_a_subject_is_mcnemar():
    """Durkalski 2003: with clusters of one unit the statistic is McNemar's."""
    counts = PairedCounts(9, 7, 2, 5)
    rows = np.repeat([[1, 1], [0, 1], [1, 0], [0, 0]], [9, 7, 2, 5], axis=0)
    pairs = clustered_pairs(rows[:, 0], rows[:, 1])
    assert pairs.pooled() == counts == paired_counts(rows[:, 0], rows[:, 1])
    single = clustered_mcnemar(pairs, method="durkalski").statistic
    assert single == pytest.approx(mcnemar(counts, method="asymptotic").statistic)
    assert clustered_mcnemar(pairs).statistic == pytest.approx(single * 22 / 23)


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.sampled_from(sorted(DIFFERENCES)))
def test_swapping_versions_turns_differences_round(counts, method):
    one = paired_proportion_difference(counts, ci=method)
    other = paired_proportion_difference(counts.swapped(), ci=method)
    np.testing.assert_allclose(
        [other.value, other.interval.lower, other.interval.upper],
        [-one.value, -one.interval.upper, -one.interval.lower],
        atol=1e-12,
    )
    assert -1 <= one.interval.lower <= one.interval.upper <= 1
    if method in ("newcombe_paired", "tango"):
        assert one.interval.lower <= one.value <= one.interval.upper and not one.interval.degenerate


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.sampled_from(sorted(RATIOS)))
def test_swapping_versions_inverts_ratios(counts, method):
    assume(counts.both + counts.candidate_only > 0 and counts.both + counts.baseline_only > 0)
    one = paired_proportion_ratio(counts, ci=method)
    other = paired_proportion_ratio(counts.swapped(), ci=method)
    np.testing.assert_allclose(
        [other.value, other.interval.lower, other.interval.upper],
        [1 / one.value, 1 / one.interval.upper, 1 / one.interval.lower],
        rtol=1e-9,
    )


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.floats(0.02, 0.4))
def test_the_score_test_and_the_score_interval_decide_alike(counts, margin):
    bound = paired_proportion_difference(counts, ci="tango", level=0.975, sides="lower").interval
    assert bound.upper == 1
    assume(abs(bound.lower + margin) > 1e-9)
    assert (bound.lower > -margin) == (paired_non_inferiority(counts, margin).p_value < 0.025)


@settings(max_examples=60, deadline=None)
@given(COUNTS)
def test_exact_p_is_the_binomial_test(counts):
    b, c = counts.candidate_only, counts.baseline_only
    assume(b + c > 0)
    assert mcnemar(counts, method="exact").p_value == pytest.approx(stats.binomtest(b, b + c).pvalue)
    point = stats.binom.pmf(b, b + c, 0.5)
    mid = 1 - point / 2 if b == c else 2 * stats.binom.cdf(min(b, c), b + c, 0.5) - point
    assert mcnemar(counts).p_value == pytest.approx(mid)


def test_large_counts_neither_overflow_nor_vanish():
    big = PairedCounts(3_000_000_000, 3_000_000, 3_000_500, 10**9)
    assert 0.8 < mcnemar(big).p_value < 0.9
    assert paired_proportion_difference(big, ci="tango").interval.lower < 0
    assert paired_proportion_ratio(big).interval.lower < 1
    assert 0 <= mcnemar(PairedCounts(0, 5000, 0, 0)).p_value < 1e-300


def test_a_ratio_to_nothing_has_a_bound_at_any_level():
    """The baseline never succeeds: b / z^2 in closed form; at levels near 0.5 a root search broke off."""
    for level in (0.5001, 0.9, 0.975):
        bound = paired_proportion_ratio(PairedCounts(0, 10_000, 0, 5), level=level, sides="lower").interval
        assert bound.lower == pytest.approx(10_000 / stats.norm.ppf(level) ** 2, rel=1e-9)


def test_what_cannot_be_computed_has_a_reason():
    empty = PairedCounts(0, 0, 0, 0)
    for compute in (mcnemar, paired_proportion_difference, paired_proportion_ratio):
        with pytest.raises(CannotComputeError, match="no units"):
            compute(empty)
    with pytest.raises(CannotComputeError, match="Neither version"):
        paired_proportion_ratio(PairedCounts(0, 0, 0, 4))
    with pytest.raises(CannotComputeError, match="clustered_pairs"):
        paired_counts([1, 0], [1, 1], subject=["a", "a"])
    with pytest.raises(CannotComputeError, match="two subjects"):
        clustered_mcnemar(clustered_pairs([1, 0], [1, 1], subject=["a", "a"]))
    with pytest.raises(CannotComputeError, match="one cell"):
        clustered_mcnemar(clustered_cells([[0, 3, 0, 0], [0, 2, 0, 0]]), method="eliasziw_donner")
    with pytest.raises(CannotComputeError, match="No subject has a difference"):
        clustered_mcnemar(clustered_pairs([1, 0], [1, 0]))
    assert "only 2 subjects" in clustered_mcnemar(clustered_pairs([1, 0], [1, 1])).warning


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: PairedCounts(1, -1, 0, 0), "`candidate_only` must be a whole number"),
        (lambda: PairedCounts(1, 0.5, 0, 0), "`candidate_only`"),
        (lambda: mcnemar(PairedCounts(1, 1, 1, 1), method="chi"), "`method` must be one of exact"),
        (
            lambda: clustered_mcnemar(clustered_cells([[1, 1, 1, 1]]), method="eliasziw"),
            "one of obuchowski",
        ),
        (lambda: clustered_cells([[1, 2, 3]]), "four columns"),
        (lambda: clustered_cells([[1, 2, 3, 0.5]]), "whole numbers"),
        (lambda: clustered_cells([[1, 2, 3, np.inf]]), "whole numbers"),
        (lambda: paired_proportion_difference(PairedCounts(1, 1, 1, 1), ci="x"), "accepted: newcombe_paired"),
        (lambda: paired_non_inferiority(PairedCounts(1, 1, 1, 1), 0), "positive number"),
        (lambda: paired_non_inferiority(PairedCounts(1, 1, 1, 1), 1.5), "below 1"),
        (lambda: paired_non_inferiority(PairedCounts(1, 1, 1, 1), 0.1, method="x"), "tango or wald"),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_results_print():
    counts = PairedCounts(1, 7, 1, 12)
    assert "McNemar, mid-P" in str(mcnemar(counts)) and "Fagerland" in str(mcnemar(counts))
    assert "Newcombe, paired" in str(paired_proportion_difference(counts))
    assert "lower bound" in str(paired_proportion_ratio(counts, sides="lower"))
    assert "Source: Tango" in str(paired_non_inferiority(counts, 0.1))
