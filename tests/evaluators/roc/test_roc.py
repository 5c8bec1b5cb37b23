"""Areas under ROC curves against R (pROC, clinfun, doAUCcluster) and by brute force.

diagnostic/oracle.json: `roc_asah_*`, `roc_edge_*`, `roc_paired_*`, `roc_unpaired_*` (pROC 1.19.0.1, the
direction always given), `auc_clustered_*` (Obuchowski 1997 by the FDA's `doAUCcluster`).
"""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from diagnostic import bounds, cases
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare

from accordance.evaluators import auc, compare_auc, compare_auc_unpaired, compare_versions, registry
from accordance.evaluators.metric import CannotComputeError, Columns
from accordance.evaluators.roc import counts as roc_counts
from accordance.evaluators.roc.counts import ScoreRows
from accordance.evaluators.roc.delong import delong

ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(-4, 4), st.integers(0, 5)), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


@pytest.fixture(scope="module")
def asah(reference_data):
    with (reference_data / "diagnostic" / "data" / "aSAH.csv").open() as file:
        rows = list(csv.DictReader(file))
    truth = np.array([row["outcome"] == "Poor" for row in rows]).astype(int)
    return (
        truth,
        {name: np.array([float(row[name]) for row in rows]) for name in ("s100b", "ndka", "wfns")},
        [row["gender"] for row in rows],
    )


@pytest.fixture(scope="module")
def vandyke(reference_data):
    with (reference_data / "diagnostic" / "data" / "vandyke_wide_clustered.csv").open() as file:
        rows = list(csv.DictReader(file))
    columns = {
        name: np.array([float(row[name]) for row in rows]) for name in ("truth", "rating.1", "rating.2")
    }
    return columns, [row["case"] for row in rows]


def area(*arguments, **options):
    return auc(*arguments, **options)["auc"]


@pytest.mark.parametrize("name", ["s100b", "wfns"])
def test_delong_against_proc(found, asah, name):
    """`pROC::roc(direction = "<")`, `var`, `ci`; `clinfun::roc.area.test` agrees. `wfns` has heavy ties."""
    expected = found[f"roc_asah_{name}"]["outputs"]
    plain, logit = (area(asah[0], asah[1][name], ci=ci) for ci in ("delong", "delong_logit"))
    compare("AUC", plain.value, expected["auc"])
    compare("AUC, DeLong variance", plain.standard_error**2, expected["delong"]["var"])
    compare("AUC, delong", (plain.interval.lower, plain.interval.upper), bounds(expected["delong"]))
    compare(
        "AUC, delong_logit", (logit.interval.lower, logit.interval.upper), bounds(expected["delong_logit"])
    )
    assert plain.counts.n_events == expected["n_cases"]


@pytest.mark.parametrize("name", ["s100b", "wfns"])
def test_bootstrap_against_proc(found, asah, name):
    """`ci.auc(method = "bootstrap", boot.stratified = FALSE, boot.n = 10000)`: Monte-Carlo, 0.01."""
    interval = area(asah[0], asah[1][name], ci="bootstrap_percentile").interval
    expected = bounds(found[f"roc_asah_{name}"]["outputs"]["bootstrap_unstratified"])
    compare("AUC, bootstrap (Monte-Carlo)", (interval.lower, interval.upper), expected, rel=0, abs=0.01)


@pytest.mark.parametrize("case", ["roc_edge_perfect", "roc_edge_useless_constant", "roc_edge_reversed"])
def test_no_variance_is_marked(found, case):
    """pROC gives an interval without width and a warning. A score upside down stays upside down."""
    inputs, expected = found[case]["inputs"], found[case]["outputs"]
    for ci in ("delong", "obuchowski", "cluster_t"):
        estimate = area(inputs["y"], inputs["x"], ci=ci)
        compare("AUC, edges", estimate.value, expected["auc"])
        assert estimate.interval.degenerate
        assert "says nothing" in estimate.warning
    if expected["auc"] in (0, 1):
        assert "infinite" in area(inputs["y"], inputs["x"], ci="delong_logit").error
    turned = area(inputs["y"], inputs["x"], direction="lower")
    assert turned.value == 1 - expected["auc"]


def test_an_empty_class_is_named(found):
    case = found["roc_edge_one_class"]["inputs"]
    estimate = area(case["y"], case["x"])
    assert math.isnan(estimate.value)
    assert estimate.error == "There are no reference negatives."
    assert area([0, 0], [1, 2]).error == "There are no reference positives."
    assert area([], []).error == "There are no rows."
    one = area([0, 1], [1, 2])
    assert one.value == 1.0
    assert "two reference positives and two reference negatives" in one.error


def test_clustered_area_against_obuchowski(found, vandyke, asah):
    """`doAUCcluster`: five readings of each case as a cluster; one row a cluster is DeLong."""
    columns, case = vandyke
    one, two = (found["auc_clustered_vandyke"]["outputs"][key] for key in ("one", "two"))
    estimate = area(columns["truth"], columns["rating.1"], subject=case, ci="obuchowski")
    compare("AUC, Obuchowski", (estimate.value, estimate.standard_error), (one["auc"], one["auc.se"]))
    compare(
        "AUC, obuchowski", (estimate.interval.lower, estimate.interval.upper), (one["ci.bot"], one["ci.top"])
    )
    paired = compare_auc(columns["truth"], columns["rating.1"], columns["rating.2"], subject=case)
    compare(
        "difference of AUC, Obuchowski",
        (paired.baseline_variance, paired.candidate_variance, paired.difference, paired.standard_error,
         paired.interval.lower, paired.interval.upper, paired.p_value),
        (two["auc.var.A"], two["auc.var.B"], two["auc.AminusB"], two["auc.se.AminusB"],
         two["ci.bot.AminusB"], two["ci.top.AminusB"], two["p.value"]),
    )  # fmt: skip
    naive = area(columns["truth"], columns["rating.1"], subject=case, ci="delong")
    error = (naive.interval.upper - naive.value) / 1.959963984540054
    compare(
        "AUC, DeLong ignoring clusters",
        error,
        found["auc_clustered_vandyke"]["outputs"]["delong_ignoring_clusters"]["se"],
    )
    assert naive.interval.independent_rows
    assert "taken for independent" in naive.warning
    single = area(asah[0], asah[1]["s100b"], ci="obuchowski")
    expected = found["auc_clustered_degenerate_equals_delong"]["outputs"]["one"]
    compare("AUC, Obuchowski, one row each", single.standard_error, expected["auc.se"], rel=1e-11)


@pytest.mark.parametrize("pair", [("s100b", "ndka"), ("wfns", "s100b")])
def test_paired_delong_against_proc(found, asah, pair):
    """`roc.test(roc1, roc2, method = "delong", paired = TRUE)`; the difference is roc1 - roc2."""
    expected = found[f"roc_paired_{pair[0]}_vs_{pair[1]}"]["outputs"]
    result = compare_auc(asah[0], asah[1][pair[1]], asah[1][pair[0]])
    compare(
        "difference of AUC, paired DeLong",
        (result.candidate, result.baseline, result.difference, result.statistic, result.p_value,
         result.interval.lower, result.interval.upper, result.candidate_variance,
         result.baseline_variance, result.covariance),
        (expected["auc1"], expected["auc2"], expected["diff"], expected["z"], expected["p_two_sided"],
         *expected["ci_diff"], expected["var1"], expected["var2"], expected["cov"]),
    )  # fmt: skip
    apart = compare_auc_unpaired(asah[0], asah[1][pair[1]], asah[0], asah[1][pair[0]])
    other = expected["treated_as_unpaired"]
    compare(
        "difference of AUC, unpaired DeLong",
        (apart.statistic, apart.df, apart.p_value),
        (other["D"], other["df"], other["p"]),
    )


def test_unpaired_delong_against_proc(found, asah):
    """`roc.test(female, male, paired = FALSE)`: Satterthwaite degrees of freedom."""
    expected = found["roc_unpaired_s100b_by_gender"]["outputs"]
    woman = np.array(asah[2]) == "Female"
    score = asah[1]["s100b"]
    result = compare_auc_unpaired(asah[0][~woman], score[~woman], asah[0][woman], score[woman])
    compare(
        "difference of AUC, unpaired DeLong",
        (result.candidate, result.baseline, result.candidate_variance, result.baseline_variance,
         result.statistic, result.df, result.p_value),
        (expected["auc1"], expected["auc2"], expected["var1"], expected["var2"], expected["D"],
         expected["df"], expected["p"]),
    )  # fmt: skip
    assert "t, 106.46 df" in str(result)


def brute(table, weights=None):
    """(S, S) pairs won by one subject's positives against another's negatives."""
    y, x, s = table.T
    w = np.ones(len(y)) if weights is None else weights * weights.sum() / (weights**2).sum()
    won = ((x[:, None] > x) + 0.5 * (x[:, None] == x)) * ((y[:, None] == 1) & (y == 0)) * np.outer(w, w)
    pairs = np.zeros((6, 6))
    np.add.at(pairs, (np.repeat(s, len(s)), np.tile(s, len(s))), won.ravel())
    return pairs


@given(ROWS, st.booleans(), st.data())
@settings(deadline=None)
def test_pairs_of_subjects_by_brute_force(rows, weighted, data):
    table = np.array(sorted(rows, key=lambda row: row[2]))
    weights = None
    if weighted:
        numbers = data.draw(st.lists(st.integers(1, 5), min_size=len(rows), max_size=len(rows)))
        weights = np.array(numbers, dtype=float)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(table[:, 2], minlength=6))])
    columns = Columns(table[:, 0], table[:, 1].astype(float), offsets, (), weights)
    sorted_rows, expected = ScoreRows.of(columns, "higher"), brute(table, weights)
    if sorted_rows.subject is not None:
        np.testing.assert_allclose(sorted_rows.between, expected, atol=1e-9)
    np.testing.assert_allclose(sorted_rows.wins[0], expected.sum(axis=1), atol=1e-9)
    np.testing.assert_allclose(sorted_rows.wins[1], expected.sum(axis=0), atol=1e-9)
    np.testing.assert_allclose(sorted_rows.own, np.diag(expected), atol=1e-9)


@pytest.mark.parametrize("levels", [2, 40, 100_000])
def test_pairs_of_subjects_in_many_blocks(levels):
    """Long ties are counted, not listed; both ways of weighting agree."""
    rng = np.random.default_rng(levels)
    n, subjects = 5000, 60
    subject = np.sort(rng.integers(0, subjects, n))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(subject, minlength=subjects))])
    columns = Columns(rng.integers(0, 2, n), rng.integers(0, levels, n).astype(float), offsets)
    rows = ScoreRows.of(columns, "lower")
    np.testing.assert_allclose(rows.between.sum(axis=1), rows.wins[0], rtol=1e-12)
    np.testing.assert_allclose(rows.between.sum(axis=0), rows.wins[1], rtol=1e-12)
    prepared = registry.get("auc").prepare(columns, direction="lower")
    weights = rng.integers(0, 3, (30, subjects)).astype(float)
    by_pairs = prepared.at(weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(roc_counts, "_SUBJECTS", 0)
        np.testing.assert_allclose(prepared.at(weights), by_pairs, rtol=1e-12)
        patch.setattr(roc_counts, "_CELLS", 50_000)
        np.testing.assert_allclose(prepared.at(weights), by_pairs, rtol=1e-12)


@given(ROWS, st.data())
@settings(deadline=None)
def test_integer_weights_are_repeated_subjects(rows, data):
    table = np.array(sorted(rows, key=lambda row: row[2]))
    counts = np.bincount(table[:, 2], minlength=6)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    metric = registry.get("auc")
    prepared = metric.prepare(Columns(table[:, 0], table[:, 1].astype(float), offsets), direction="higher")
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=6, max_size=6)))
    kept = np.repeat(table, np.repeat(weights, counts), axis=0)
    again = metric.prepare(
        Columns(kept[:, 0], kept[:, 1].astype(float), np.arange(len(kept) + 1)), direction="higher"
    )
    at_weights = prepared.at(weights[None, :].astype(float))[0]
    np.testing.assert_allclose(at_weights, again.estimate(), atol=1e-12)
    np.testing.assert_allclose(prepared.at(0.3 * weights[None, :])[0], at_weights, atol=1e-12)
    np.testing.assert_allclose(prepared.at(np.ones((1, 6)))[0], prepared.estimate(), atol=1e-12)
    leave_out = (1 - np.eye(6))[np.diff(offsets) > 0]
    np.testing.assert_allclose(prepared.jackknife(), prepared.at(leave_out), atol=1e-12)


@given(ROWS)
@settings(deadline=None)
def test_symmetries(rows):
    """Turning the score, or the classes, mirrors the area; a rising transformation changes nothing."""
    y, x, s = np.array(rows).T
    first = area(y, x, subject=s)
    if math.isnan(first.value):
        assert first.error.startswith("There are no reference")
        return
    assert area(y, -x, subject=s).value == pytest.approx(1 - first.value, abs=1e-12)
    assert area(1 - y, x, subject=s).value == pytest.approx(1 - first.value, abs=1e-12)
    assert area(y, x, subject=s, direction="lower").value == pytest.approx(1 - first.value, abs=1e-12)
    other = area(y, np.exp(x / 2.0), subject=s)
    assert other.value == first.value
    np.testing.assert_allclose(other.standard_error, first.standard_error, rtol=1e-12)


@given(ROWS, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_order_of_rows_is_nothing(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    for ci in ("obuchowski", "cluster_t", "bootstrap_percentile"):
        results = []
        for table in (rows, shuffled):
            y, x, s = np.array(table).T
            results.append(area(y, x, subject=s, ci=ci, replicates=200))
        assert repr(results[0]) == repr(results[1])


def test_large_counts_do_not_overflow():
    """Class sizes whose product exceeds 2**31 (n = 140,000), and those whose rank sums do."""
    rng = np.random.default_rng(1)
    truth = rng.permutation(np.repeat([0, 1], 70_000))
    score = np.round(rng.normal(truth), 2)
    estimate = area(truth, score)
    p, n = np.unique(score[truth == 1], return_counts=True), np.unique(score[truth == 0], return_counts=True)
    below = {value: int(n[1][n[0] < value].sum()) for value in p[0].tolist()}
    ties = dict(zip(n[0].tolist(), n[1].tolist(), strict=True))
    twice = sum(
        int(count) * (2 * below[value] + ties.get(value, 0))
        for value, count in zip(p[0].tolist(), p[1].tolist(), strict=True)
    )
    assert estimate.value == pytest.approx(twice / (2 * 70_000**2), rel=1e-15)
    assert estimate.interval.upper - estimate.interval.lower < 0.01


def test_row_weights_are_repeated_rows():
    rng = np.random.default_rng(2)
    y, x, w = rng.integers(0, 2, 50), rng.normal(size=50), rng.integers(1, 4, 50)
    subject = rng.integers(0, 12, 50)
    weighted = area(y, x, subject=subject, weights=w)
    repeated = area(np.repeat(y, w), np.repeat(x, w), subject=np.repeat(subject, w), ci="cluster_t")
    assert weighted.value == pytest.approx(repeated.value, rel=1e-12)
    assert weighted.interval.method == "cluster_t"
    assert weighted.interval.lower == pytest.approx(repeated.interval.lower, rel=1e-10)
    assert "weighted" in area(y, x, weights=w, ci="delong").error


def test_one_sided_bounds():
    y, x = [0, 0, 0, 1, 1, 1], [1, 3, 4, 2, 5, 6]
    for ci in ("delong", "delong_logit", "cluster_t"):
        one, two = area(y, x, sides="lower", ci=ci).interval, area(y, x, level=0.9, ci=ci).interval
        assert one.lower == pytest.approx(two.lower)
        assert one.upper == 1.0
    low = compare_auc(y, x, [1, 2, 3, 3, 5, 6], sides="upper").interval
    assert low.lower == -1.0


def test_few_subjects_in_a_class():
    estimate = area([0, 0, 1, 1], [1, 2, 2, 3], subject=["a", "a", "b", "b"])
    assert "from at least two subjects each" in estimate.error
    with pytest.raises(CannotComputeError, match="two subjects"):
        compare_auc([0, 0, 1, 1], [1, 2, 2, 3], [1, 2, 2, 3], subject=["a", "a", "b", "b"])
    with pytest.raises(CannotComputeError, match="no reference negatives"):
        compare_auc([1, 1], [1, 2], [1, 2])


def test_the_same_score_twice_has_no_difference():
    y, x = [0, 0, 0, 1, 1, 1], [1, 3, 4, 2, 5, 6]
    result = compare_auc(y, x, x)
    assert result.difference == 0.0
    assert result.interval.degenerate
    assert math.isnan(result.p_value)


def test_bootstrap_of_the_paired_difference():
    """The shared weights of `compare_versions` give an interval like DeLong's."""
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, 300)
    first, second = rng.normal(y), rng.normal(1.5 * y)
    plain = compare_auc(y, first, second)
    boot = compare_versions("auc", y, first, second, ci="bootstrap_percentile", replicates=2000)
    assert boot.difference.value == pytest.approx(plain.difference, rel=1e-12)
    assert boot.difference.interval.lower == pytest.approx(plain.interval.lower, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (([0, 1], [1, math.nan]), {}, "NaN or infinite"),
        (([0, 1], ["a", "b"]), {}, "must hold numbers"),
        (([0, 2], [1, 2]), {}, "say which are `positive`"),
        (([0, 1], [1]), {}, "as many"),
        (([0, 1], [1, 2]), {"direction": "auto"}, "higher, lower"),
        (([0, 1], [1, 2]), {"ci": "wilson"}, "offers"),
    ],
)
def test_refusals(arguments, options, said):
    with pytest.raises(ValueError, match=said):
        auc(*arguments, **options)


def test_delong_of_two_columns():
    with pytest.raises(CannotComputeError, match="no reference positives"):
        delong([], [1.0])
    assert math.isnan(delong([2.0], [1.0, 0.0]).variance)


def test_versions_that_differ_in_three_of_very_many_rows():
    """k neighbours change places: the difference is k / (m n), and its variance can be written down.

    V1 + V2 - 2 C loses it: all three agree to more digits than a float has.
    """
    half, k = 200_000, 3
    baseline = np.arange(2.0 * half)
    truth, candidate = np.tile([0, 1], half), baseline.copy()
    for i in (10_000, 100_000, 250_000):  # negative, then positive: the positive falls below
        candidate[[i, i + 1]] = baseline[[i + 1, i]]
    result = compare_auc(truth, baseline, candidate)
    assert result.difference == pytest.approx(-k / half**2, rel=1e-9)
    share = 1 / half  # that each of the k positives loses, and each of the k negatives wins
    spread = (k * share**2 - (k * share) ** 2 / half) / (half - 1)
    assert result.standard_error == pytest.approx(math.sqrt(2 * spread / half), rel=1e-9)
    # both rows of a change belong to one subject: twice the variance
    clustered = compare_auc(truth, baseline, candidate, subject=np.arange(2 * half) // 4)
    assert clustered.standard_error == pytest.approx(math.sqrt(2) * result.standard_error, rel=1e-4)


def test_one_subject_with_all_positives_says_nothing_of_others():
    """How positives vary between subjects is unknown, not nothing: no interval, as with Obuchowski's."""
    rng = np.random.default_rng(0)
    y = np.repeat([1, 0], [20, 200])
    subject, x = np.repeat(np.arange(11), 20), rng.normal(1.5 * y)
    for weights in (None, np.ones(220)):
        estimate = area(y, x, subject=subject, ci="cluster_t", weights=weights)
        assert estimate.interval is None
        assert "from at least two subjects each" in estimate.error
        assert math.isnan(estimate.standard_error)


def test_subjects_of_both_groups_are_named():
    groups = ([0, 0, 1, 1], [1, 3, 2, 4], [0, 0, 1, 1], [1, 2, 2, 4])
    shared = compare_auc_unpaired(*groups, subject_baseline=list("abcd"), subject_candidate=list("cdef"))
    assert shared.interval.warning.startswith("2 subject labels occur in both groups")
    apart = compare_auc_unpaired(*groups, subject_baseline=list("abcd"), subject_candidate=list("efgh"))
    assert apart.interval.warning is None


def test_subjects_without_any_row():
    """Weights of subjects none of whom has a row: no area, and no crash."""
    prepared = registry.get("auc").prepare(Columns(np.zeros(0, int), np.zeros(0), np.zeros(4, int)))
    assert np.isnan(prepared.at(np.ones((2, 3)))).all()
    assert prepared.jackknife().shape == (0, 1)
