"""Do subgroups differ? From counts, independent values, standard errors, and rows clustered in subjects."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from diagnostic import cases
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare
from scipy import stats

from accordance.evaluators.comparison.heterogeneity import (
    cochran_q,
    homogeneity_of_means,
    homogeneity_of_proportions,
    interaction_of_means,
)
from accordance.evaluators.comparison.independent_proportions import proportion_difference
from accordance.evaluators.comparison.odds_ratios import homogeneity_of_odds_ratios, mantel_haenszel
from accordance.evaluators.comparison.subgroups import subgroup_difference, subgroup_heterogeneity, subgroups
from accordance.evaluators.metric import CannotComputeError

COUNTS = st.lists(
    st.integers(1, 12).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=4
)


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


@pytest.fixture(scope="module")
def asah(reference_data):
    """Turck 2010, from pROC: 113 patients with age groups; `pos` is s100b >= 0.205."""
    with (reference_data / "diagnostic" / "data" / "aSAH_subgroups.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


@pytest.mark.parametrize("name", ["subgroup_sens_gender", "subgroup_sens_age", "subgroup_spec_age"])
def test_proportions_against_r(found, name):
    """`chisq.test(correct = FALSE)`, `fisher.test` and a likelihood ratio in R 4.2.2."""
    given, expected = found[name]["inputs"], found[name]["outputs"]
    for method, key in (("pearson", "pearson"), ("likelihood_ratio", "lrt")):
        result = homogeneity_of_proportions(given["x"], given["n"], method=method)
        compare(
            f"homogeneity of proportions, {method}",
            (result.statistic, result.p_value, result.details["df"]),
            (expected[key]["chisq"], expected[key]["p"], expected[key]["df"]),
        )
        compare(
            f"homogeneity of proportions, {method}",
            [*result.details["proportions"], result.details["smallest expected count"]],
            [*expected["prop"], expected["pearson"]["min_expected"]],
        )
        assert (result.warning is None) == (expected["pearson"]["min_expected"] >= 5)
        assert "proportions (0." in str(result) and "..." not in str(result)
    exact = homogeneity_of_proportions(given["x"], given["n"], method="exact")
    compare("homogeneity of proportions, exact", exact.p_value, expected["fisher_exact_p"])


def test_gap_of_two_proportions_against_r(found):
    """ratesci (which rounds a probability to 10 decimals), contingencytables and base R."""
    given, expected = found["subgroup_sens_gender"]["inputs"], found["subgroup_sens_gender"]["outputs"]
    (x1, x2), (n1, n2) = given["x"], given["n"]
    for method, key, step in (
        ("miettinen_nurminen_difference", "miettinen_nurminen_RD", 5e-11),
        ("newcombe_independent", "newcombe_RD", 1e-12),
        ("wald_independent", "wald_RD", 1e-12),
    ):
        gap = proportion_difference(x1, n1, x2, n2, ci=method)
        got = (gap.interval.lower, gap.interval.upper)
        compare(
            f"independent difference, {method}",
            got,
            (expected[key]["lower"], expected[key]["upper"]),
            abs=step,
        )
        if "est" in expected[key]:
            compare(f"independent difference, {method}", gap.value, expected[key]["est"], abs=step)


def test_cochran_q_against_its_formula(found):
    """Closed form in R."""
    case = found["subgroup_cochran_q"]
    result, expected = cochran_q(case["inputs"]["est"], case["inputs"]["se"]), case["outputs"]
    compare(
        "Cochran Q",
        [
            result.statistic,
            result.p_value,
            result.details["df"],
            result.details["pooled"],
            result.details["I2"],
        ],
        [expected[name] for name in ("Q", "p", "df", "pooled", "I2")],
    )


def test_odds_ratios_against_r(found):
    """DescTools (Breslow-Day, Tarone, Woolf), `mantelhaen.test` and `glm` in R.

    Of `coef`, the table of the logistic regression, only the interaction is a result here; the intercept, the
    odds ratio of the first subgroup and the difference of the false positive rates are not.
    """
    expected = found["subgroup_interaction_dor_gender"]["outputs"]
    tables = expected["counts"]
    for method in ("breslow_day", "breslow_day_tarone"):
        result = homogeneity_of_odds_ratios(tables, method=method)
        compare(
            f"odds ratios, {method}",
            (result.statistic, result.p_value),
            (expected[method]["chisq"], expected[method]["p"]),
        )
    woolf = homogeneity_of_odds_ratios(tables, method="woolf")
    compare(
        "odds ratios, woolf",
        (woolf.statistic, woolf.p_value),
        (expected["woolf"]["chisq"], expected["woolf"]["p"]),
    )
    # with two subgroups Woolf's statistic is the squared z of the interaction; `glm` iterates to about 1e-7
    z = expected["coef"]["4"]["z value"]
    compare("odds ratios, logistic interaction", np.sqrt(woolf.statistic), z, rel=1e-6)
    ratio = homogeneity_of_odds_ratios(tables, method="likelihood_ratio")
    lrt = expected["lrt_interaction"]
    compare("odds ratios, likelihood ratio", (ratio.statistic, ratio.p_value), (lrt["chisq"], lrt["p"]))
    common, mh = mantel_haenszel(tables), expected["mantel_haenszel"]
    compare(
        "odds ratios, Mantel-Haenszel",
        [common.details["odds_ratio"], common.details["lower"], common.details["upper"], common.statistic,
         common.p_value],
        [mh["or"], *mh["ci"], mh["chisq"], mh["p"]],
    )  # fmt: skip


def test_means_against_r(found, asah):
    """`aov`, `oneway.test`, `kruskal.test`, `bartlett.test`, DescTools `LeveneTest`, `anova(lm)` in R."""
    expected = found["subgroup_mean_homogeneity"]["outputs"]
    values = asah["s100b"].astype(float)
    keys = {
        "anova": ("anova", "F"), "welch": ("welch_anova", "F"), "kruskal": ("kruskal", "chisq"),
        "bartlett": ("bartlett", "K2"), "brown_forsythe": ("brown_forsythe", "F"),
    }  # fmt: skip
    for method, (key, name) in keys.items():
        result = homogeneity_of_means(values, asah["ageg"], method=method)
        compare(
            f"homogeneity of means, {method}",
            (result.statistic, result.p_value),
            (expected[key][name], expected[key]["p"]),
        )
        for ours, theirs in (("df", "df1"), ("df_within", "df2"), ("df", "df")):
            if theirs in expected[key]:
                compare(f"homogeneity of means, {method}", result.details[ours], expected[key][theirs])
    gender = homogeneity_of_means(values, asah["gender"])
    t = expected["welch_t_gender"]  # with two groups, F is t squared
    got = (np.sqrt(gender.statistic), gender.p_value, gender.details["df_within"])
    compare("homogeneity of means, welch", got, (t["t"], t["p"], t["df"]))
    slices = subgroups(
        "bland_altman", np.zeros(len(values)), values, asah["gender"], parameters={"truth": "independent"}
    )
    gap = subgroup_difference(slices, "Male", "Female", statistic="bias").interval
    compare("subgroup gaps, Welch", (gap.lower, gap.upper), t["ci"])
    both = interaction_of_means(values, asah["ageg"], asah["gender"])
    f = expected["interaction_F"]
    got = (both.statistic, both.p_value, both.details["df"], both.details["df_within"])
    compare("interaction of means, F", got, (f["F"], f["p"], f["df1"], f["df2"]))
    assert both.distribution == "F, 2 and 107 df"


def test_gaps_against_r(found, asah):
    """Points in closed form; percentile bootstrap, `B` 5,000 replicates in R, within its Monte-Carlo error.

    R's standard error of a bound is at most sqrt(0.025 * 0.975 / 5000) over the density there; with a width w
    of a normal interval, w / 3.92 * 0.0022 / 0.0584 = 0.0097 w. Both sides are simulated and estimates are
    fractions of small counts: four of these, and one step of such a fraction.
    """
    expected = found["fairness_gaps_gender"]["outputs"]
    case, call = asah["case"].astype(int), asah["pos"].astype(int)
    gaps = {
        "tpr_diff": ("sensitivity", case, call, 1),
        "fpr_diff": ("specificity", case, call, -1),
        "ppv_diff": ("ppv", case, call, 1),
        "dp_diff": ("prevalence", call, call, 1),
    }
    for key, (metric, reference, test, sign) in gaps.items():
        slices = subgroups(metric, reference, test, asah["gender"])
        gap = subgroup_difference(slices, "Female", "Male", ci="bootstrap_percentile", seed=1)
        compare("subgroup gaps", sign * gap.value, expected["point"][key])
        got = sorted((sign * gap.interval.lower, sign * gap.interval.upper))
        wanted = expected["boot_percentile"][key]
        width = wanted[1] - wanted[0]
        compare("subgroup gaps, bootstrap (Monte Carlo)", got, wanted, rel=0, abs=4 * 0.0097 * width + 0.01)
        linear = subgroup_difference(slices, "Female", "Male")
        assert linear.interval.upper - linear.interval.lower == pytest.approx(
            gap.interval.upper - gap.interval.lower, rel=0.12
        )


def clustered(seed=5, subjects=30, rows=8):
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(subjects), rows)
    reference = rng.normal(80, 10, len(subject))
    test = reference + rng.normal(0, 2, subjects)[subject] + rng.normal(0, 1, len(subject))
    return reference, test, subject


def test_two_subgroups_are_the_squared_t_of_their_difference():
    """F(1, S - 1) is t^2 with S - 1 degrees of freedom: the test and the interval agree."""
    reference, test, subject = clustered()
    situation = np.tile(["rest", "rest", "walk", "walk"], len(subject) // 4)
    slices = subgroups("mae", reference, test, situation, subject=subject)
    result, gap = subgroup_heterogeneity(slices), subgroup_difference(slices, "rest", "walk")
    t = gap.value / gap.standard_error
    assert result.statistic == pytest.approx(t * t, rel=1e-9)
    assert result.p_value == pytest.approx(2 * stats.t.sf(abs(t), 29), rel=1e-9)
    assert (result.p_value < 0.05) == (gap.interval.lower > 0 or gap.interval.upper < 0)


@pytest.mark.parametrize("sites", ["abc", "ab"])
def test_subgroups_of_subjects_are_compared_by_welch(sites):
    """Of means of subjects, the test is `oneway.test` of their means in R, and the gap Welch's t test."""
    reference, test, subject = clustered()
    site = np.array(list(sites))[np.minimum(np.arange(30) // 4, len(sites) - 1)][subject]
    slices = subgroups("mae", reference, test, site, subject=subject, average="subject_mean")
    means = np.array([np.abs(test - reference)[subject == i].mean() for i in range(30)])
    expected = homogeneity_of_means(means, site[::8])
    result = subgroup_heterogeneity(slices)
    assert (result.statistic, result.p_value) == pytest.approx(
        (expected.statistic, expected.p_value), rel=1e-9
    )
    assert result.distribution == expected.distribution
    assert "Subgroup a rests on 4 subjects" in result.warning
    if len(sites) == 2:
        welch = stats.ttest_ind(means[:4], means[4:], equal_var=False).confidence_interval(0.95)
        for ci in ("cluster_t", "jackknife_t"):
            gap = subgroup_difference(slices, "a", "b", ci=ci)
            assert (gap.interval.lower, gap.interval.upper) == pytest.approx(
                (welch.low, welch.high), rel=1e-9
            )
            assert "Subgroup a rests on 4 subjects" in gap.warning


def test_a_small_subgroup_of_subjects_is_not_taken_for_well_known():
    """Simulated, three subjects against forty: with S - 1 degrees of freedom the gap covered in 81%."""
    rng, covered, wrong, studies = np.random.default_rng(1), 0, 0, 300
    subject = np.repeat(np.arange(43), 4)
    reference, site = np.full(172, 80.0), np.where(subject < 3, "a", "b")
    for _ in range(studies):
        test = reference + rng.normal(0, 1, 43)[subject] + rng.normal(0, 1, 172)
        slices = subgroups(
            "bland_altman", reference, test, site, subject=subject, parameters={"truth": "varying"}
        )
        interval = subgroup_difference(slices, "a", "b", statistic="bias").interval
        covered += interval.lower <= 0 <= interval.upper
        wrong += subgroup_heterogeneity(slices, statistic="bias").p_value < 0.05
    assert covered / studies >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / studies)
    assert wrong / studies <= 0.05 + 3 * np.sqrt(0.95 * 0.05 / studies)


def test_a_subgroup_without_spread_gives_no_interval():
    """One subject, or subjects that do not differ: the other subgroup's spread alone made the interval."""
    rng = np.random.default_rng(2)
    subject = np.r_[np.zeros(10, int), 1 + np.repeat(np.arange(30), 2)]
    call = np.r_[np.ones(5, int), np.zeros(5, int), rng.integers(0, 2, 60)]
    one = subgroups("sensitivity", np.ones(70, int), call, np.where(subject == 0, "a", "b"), subject=subject)
    gap = subgroup_difference(one, "a", "b")
    assert gap.interval is None and "at least two subjects" in gap.error
    with pytest.raises(CannotComputeError, match="Subgroup a rests on one subject"):
        subgroup_heterogeneity(one)
    perfect = subgroups(
        "sensitivity", np.ones(70, int), np.where(subject < 12, 1, call), np.where(subject < 12, "a", "b"),
        subject=subject,
    )  # fmt: skip
    gap = subgroup_difference(perfect, "a", "b")
    assert gap.value > 0.3 and gap.interval is None and "do not differ" in gap.error
    with pytest.raises(CannotComputeError, match="subgroup a do not differ"):
        subgroup_heterogeneity(perfect)


def test_it_keeps_its_level_where_rows_are_alike():
    """Simulated: subgroups of subjects without a difference; the naive test of rows rejects far too often."""
    rng = np.random.default_rng(3)
    wrong, naive, studies = 0, 0, 300
    for _ in range(studies):
        risk = rng.beta(4, 1, 30)
        subject = np.repeat(np.arange(30), 20)
        call = (rng.random(600) < risk[subject]).astype(int)
        site = np.where(subject < 15, "a", "b")
        wrong += (
            subgroup_heterogeneity(
                subgroups("sensitivity", np.ones(600, int), call, site, subject=subject)
            ).p_value
            < 0.05
        )
        events = [call[site == label].sum() for label in "ab"]
        naive += homogeneity_of_proportions(events, [300, 300]).p_value < 0.05
    assert wrong / studies <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies)
    assert naive / studies > 0.15


@settings(max_examples=30, deadline=None)
@given(COUNTS)
def test_exact_p_is_fishers_for_two_groups(counts):
    (x1, n1), (x2, n2) = counts[:2]
    if not 0 < x1 + x2 < n1 + n2:
        return
    result = homogeneity_of_proportions([x1, x2], [n1, n2], method="exact")
    assert result.p_value == pytest.approx(stats.fisher_exact([[x1, n1 - x1], [x2, n2 - x2]])[1], rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(COUNTS, st.randoms(use_true_random=False))
def test_order_of_subgroups_and_meaning_of_events_do_not_matter(counts, random):
    x, n = np.array(counts).T
    if not 0 < x.sum() < n.sum():
        return
    order = list(range(len(x)))
    random.shuffle(order)
    for method in ("pearson", "likelihood_ratio", "exact"):
        one = homogeneity_of_proportions(x, n, method=method).p_value
        assert homogeneity_of_proportions(x[order], n[order], method=method).p_value == pytest.approx(one)
        assert homogeneity_of_proportions((n - x)[order], n[order], method=method).p_value == pytest.approx(
            one
        )


def test_rows_in_any_order_and_subjects_under_any_name():
    reference, test, subject = clustered()
    group = np.array(["x", "y", "z"])[np.arange(len(subject)) % 3]
    order = np.random.default_rng(0).permutation(len(subject))
    one = subgroup_heterogeneity(subgroups("rmse", reference, test, group, subject=subject))
    other = subgroup_heterogeneity(
        subgroups("rmse", 2 * reference[order], 2 * test[order], group[order], subject=(100 - subject)[order])
    )
    assert other.statistic == pytest.approx(one.statistic, rel=1e-8)


def test_what_cannot_be_computed_has_a_reason():
    reference, test, subject = clustered()
    everything = subgroups("mae", reference, test, ["a"] * len(subject), subject=subject)
    with pytest.raises(CannotComputeError, match="At least two subgroups"):
        subgroup_heterogeneity(everything)
    with pytest.raises(KeyError, match="no subgroup 'b'; there are a"):
        subgroup_difference(everything, "a", "b")
    empty = subgroups("sensitivity", [1, 1, 0], [1, 0, 0], ["a", "a", "b"])
    with pytest.raises(CannotComputeError, match="Subgroup b has no value: There are no reference positives"):
        subgroup_heterogeneity(empty)
    with pytest.raises(CannotComputeError, match="too few to compare"):
        subgroup_heterogeneity(
            subgroups("mae", range(8), [1, 3, 2, 7, 5, 5, 9, 4], list("abcdabcd"), subject=list("11112222"))
        )
    with pytest.raises(CannotComputeError, match="smooth function of sums"):
        subgroup_heterogeneity(
            subgroups("median_absolute_error", reference, test, subject % 2, subject=subject)
        )
    with pytest.raises(CannotComputeError, match="do not differ"):
        subgroup_heterogeneity(subgroups("mae", [1, 2, 3, 4], [2, 3, 4, 5], ["a", "a", "b", "b"]))
    with pytest.raises(CannotComputeError, match="No unit is an event"):
        homogeneity_of_proportions([0, 0], [3, 4])
    with pytest.raises(CannotComputeError, match="At least two"):
        homogeneity_of_proportions([1], [3])
    with pytest.raises(CannotComputeError, match="too many tables"):
        homogeneity_of_proportions([5000] * 3, [10**4] * 3, method="exact")
    with pytest.raises(CannotComputeError, match="not above 0"):
        cochran_q([1, 2], [1, 0])
    with pytest.raises(CannotComputeError, match="At least two estimates"):
        cochran_q([1], [1])
    with pytest.raises(CannotComputeError, match="one value"):
        homogeneity_of_means([1, 2, 3], ["a", "a", "b"])
    with pytest.raises(CannotComputeError, match="do not vary"):
        homogeneity_of_means([1, 1, 2, 2], ["a", "a", "b", "b"])
    with pytest.raises(CannotComputeError, match="All values are equal"):
        homogeneity_of_means([1, 1, 1, 1], ["a", "a", "b", "b"], method="kruskal")
    with pytest.raises(CannotComputeError, match="fewer than two levels"):
        interaction_of_means([1, 2, 3], ["a", "a", "a"], ["x", "y", "y"])
    with pytest.raises(CannotComputeError, match="too few values"):
        interaction_of_means([1, 2, 3, 4], list("aabb"), list("xyxy"))
    with pytest.raises(CannotComputeError, match="infinite"):
        mantel_haenszel([[3, 0, 0, 4], [2, 0, 0, 2]])
    with pytest.raises(CannotComputeError, match="both classes"):
        homogeneity_of_odds_ratios([[3, 2, 0, 0], [1, 1, 2, 2]])
    with pytest.raises(CannotComputeError, match="breslow_day_tarone"):
        homogeneity_of_odds_ratios([[3, 0, 1, 4], [1, 1, 2, 2]], method="woolf")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: homogeneity_of_proportions([1, 2], [3, 4], method="x"),
            "pearson, likelihood_ratio or exact",
        ),
        (lambda: homogeneity_of_proportions([5, 2], [3, 4]), "between 0 and `n`"),
        (lambda: homogeneity_of_means([1, 2, 3, 4], list("aabb"), method="x"), "must be one of welch"),
        (lambda: homogeneity_of_means([1, 2, 3], list("aabb")), "4 labels for 3 values"),
        (lambda: cochran_q([1, 2], [1]), "1 values for 2"),
        (lambda: homogeneity_of_odds_ratios([[1, 2, 3]]), "four columns"),
        (lambda: homogeneity_of_odds_ratios([[1, 2, 3, -1]]), "counts"),
        (lambda: homogeneity_of_odds_ratios([[1, 2, 3, 1]], method="x"), "must be one of breslow"),
        (lambda: subgroups("mae", [1, 2], [1, 2], ["a"]), "1 labels for 2 rows"),
        (lambda: interaction_of_means([1, 2], ["a"], ["b", "c"]), "1 labels for 2 values"),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
