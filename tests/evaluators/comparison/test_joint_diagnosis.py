"""Two measures of diagnosis at once, on the same units.

`testCompareR::compareR`, testCompareR 1.1.1 in R: joint tests, then single ones adjusted by Holm. DTComPair
1.2.2: the sum of both McNemar statistics.
"""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic import cases
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import compare
from scipy import special

from accordance.evaluators.classification.counts import from_counts
from accordance.evaluators.comparison.joint_diagnosis import joint_diagnosis_test
from accordance.evaluators.comparison.mcnemar import mcnemar
from accordance.evaluators.comparison.multiplicity import adjust
from accordance.evaluators.comparison.paired_counts import PairedCounts
from accordance.evaluators.comparison.paired_predictive_values import (
    PairedDiagnosis,
    predictive_value_test,
    relative_likelihood_ratio,
)
from accordance.evaluators.comparison.paired_proportions import paired_proportion_difference
from accordance.evaluators.metric import CannotComputeError

CASES = ("dx_paired1", "dx_cfpr_moskowitz_pepe")
PAIRS = {"acc": "sensitivity_specificity", "pv": "predictive_values", "lr": "likelihood_ratios"}
CELLS = st.builds(PairedCounts, *([st.integers(1, 40)] * 4))


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


def table(case):
    """Test 1 is the candidate, as testCompareR has its differences."""
    classes = [case["inputs"][name] for name in ("diseased", "nondiseased")]
    return PairedDiagnosis(
        *(PairedCounts(one["both_pos"], one["only1"], one["only2"], one["neither"]) for one in classes)
    )


@pytest.mark.parametrize("name", CASES)
def test_joint_tests_against_r(found, name):
    expected = found[name]["outputs"]["testCompareR_compareR"]
    tests = [joint_diagnosis_test(table(found[name]), pair=pair) for pair in PAIRS.values()]
    for key, test in zip(PAIRS, tests, strict=True):
        compare(
            f"joint test, {test.test.removeprefix('Joint test of ')}",
            (test.statistic, test.p_value),
            (expected[key]["glob.test.stat"], expected[key]["glob.p.value"]),
        )
    adjusted = adjust([test.p_value for test in tests]).adjusted
    compare("multiplicity, holm", adjusted, [expected[key]["glob.p.adj"] for key in PAIRS])


@pytest.mark.parametrize("name", CASES)
def test_single_tests_against_r(found, name):
    """Of proportions, compareR takes McNemar with continuity correction, and Wald in the large data."""
    counts, expected = table(found[name]), found[name]["outputs"]["testCompareR_compareR"]
    neg = counts.negatives
    right = PairedCounts(neg.neither, neg.baseline_only, neg.candidate_only, neg.both)
    statistics, p = [], []
    for cells in (counts.positives, right):
        if name == "dx_paired1":
            test = mcnemar(cells, method="continuity")
            statistics.append(test.statistic)
            p.append(test.p_value)
        else:
            gap = paired_proportion_difference(cells, ci="wald_paired")
            statistics.append((gap.value / gap.standard_error) ** 2)
            p.append(float(special.chdtrc(1, statistics[-1])))
    for value in ("ppv", "npv"):
        test = predictive_value_test(counts, value=value)
        statistics.append(test.statistic)
        p.append(test.p_value)
    for side in ("positive", "negative"):
        ratio = relative_likelihood_ratio(counts, side=side)
        statistics.append(abs(np.log(ratio.value)) / ratio.standard_error)
        p.append(float(2 * special.ndtr(-statistics[-1])))
    names = [("acc", "sens"), ("acc", "spec"), ("pv", "ppv"), ("pv", "npv"), ("lr", "plr"), ("lr", "nlr")]
    line = "single tests after a joint one"
    compare(line, statistics, [expected[key][f"{one}.test.stat"] for key, one in names])
    compare(line, p, [expected[key][f"{one}.p.value"] for key, one in names])
    compare(line, adjust(p).adjusted, [expected[key][f"{one}.p.adj"] for key, one in names])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("test", [1, 2])
def test_each_version_alone_against_r(found, name, test):
    """Percentages and ratios to the one decimal that compareR keeps, with its log intervals of the ratios.

    Its intervals of proportions are those of Yu, Guo & Xu 2014, which are not offered here; `cont` repeats
    the data, and a standard error of one digit is compared with all its digits elsewhere (DTComPair).
    """
    given, expected = found[name]["inputs"], found[name]["outputs"]["testCompareR_compareR"]
    positives, negatives = (given[key] for key in ("diseased", "nondiseased"))
    own, other = f"only{test}", f"only{3 - test}"
    alone = from_counts(
        tp=positives["both_pos"] + positives[own], fp=negatives["both_pos"] + negatives[own],
        fn=positives["neither"] + positives[other], tn=negatives["neither"] + negatives[other],
        ci=dict.fromkeys(("lr_positive", "lr_negative"), "log"),
    )  # fmt: skip
    line = "2 x 2 table of one version (testCompareR)"
    shares = (
        expected["acc"]["accuracies"][f"Test {test}"] | expected["pv"]["predictive.values"][f"Test {test}"]
    )
    shares["prevalence"] = expected["prev"]["Prevalence"]
    for key, values in shares.items():
        compare(line, round(100 * alone[key.lower()].value, 1), values["Estimate"])
    for key, values in expected["lr"]["likelihood.ratios"][f"Test {test}"].items():
        ratio = alone[{"PLR": "lr_positive", "NLR": "lr_negative"}[key]]
        got = [round(value, 1) for value in (ratio.value, ratio.interval.lower, ratio.interval.upper)]
        compare(line, got, [values[what] for what in ("Estimate", "Lower CI", "Upper CI")])
    compare(line, alone["youden"].value, expected["other"][f"Youden{test}"])


@pytest.mark.parametrize("name", CASES)
def test_two_mcnemar_tests_add_up(found, name):
    """`DTComPair::sesp.gen.mcnemar`: both statistics, chi-square with 2 df."""
    counts, expected = table(found[name]), found[name]["outputs"]["sesp.gen.mcnemar"]
    neg = counts.negatives
    both = sum(mcnemar(cells, method="asymptotic").statistic for cells in (counts.positives, neg))
    compare(
        "McNemar, sensitivity and specificity",
        [both, float(special.chdtrc(2, both))],
        [*expected["test.statistic"], *expected["p.value"]],
    )


@settings(max_examples=40, deadline=None)
@given(CELLS, CELLS, st.sampled_from(sorted(PAIRS.values())))
def test_swapping_versions_changes_only_signs(positives, negatives, pair):
    counts = PairedDiagnosis(positives, negatives)
    other = PairedDiagnosis(positives.swapped(), negatives.swapped())
    try:
        one, two = (joint_diagnosis_test(each, pair=pair) for each in (counts, other))
    except CannotComputeError:  # both likelihood ratios are 1: they then go together
        assume(False)
    assert two.statistic == pytest.approx(one.statistic, rel=1e-9, abs=1e-12)
    for name, value in one.details.items():
        assert two.details[name] == pytest.approx(-value, abs=1e-15)


def test_versions_that_are_alike_have_p_1():
    counts = PairedDiagnosis(PairedCounts(20, 5, 5, 10), PairedCounts(3, 4, 4, 30))
    for pair in PAIRS.values():
        assert joint_diagnosis_test(counts, pair=pair).p_value == pytest.approx(1)


def test_it_keeps_its_level():
    """Simulated: 300 units, versions alike; at most 5% false rejections, within error."""
    rng, studies = np.random.default_rng(3), 500
    wrong = dict.fromkeys(PAIRS.values(), 0)
    for _ in range(studies):
        counts = PairedDiagnosis(
            PairedCounts(*(int(n) for n in rng.multinomial(120, [0.7, 0.1, 0.1, 0.1]))),
            PairedCounts(*(int(n) for n in rng.multinomial(180, [0.1, 0.1, 0.1, 0.7]))),
        )
        for pair in wrong:
            wrong[pair] += joint_diagnosis_test(counts, pair=pair).p_value < 0.05
    for count in wrong.values():
        assert count / studies <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies)


def test_what_cannot_be_computed_has_a_reason():
    same = PairedDiagnosis(PairedCounts(5, 0, 0, 2), PairedCounts(3, 0, 0, 4))
    with pytest.raises(CannotComputeError, match="do not vary"):
        joint_diagnosis_test(same)
    empty = PairedDiagnosis(PairedCounts(5, 1, 0, 2), PairedCounts(0, 0, 0, 0))
    with pytest.raises(CannotComputeError, match="specificity"):
        joint_diagnosis_test(empty)
    perfect = PairedDiagnosis(PairedCounts(5, 1, 2, 2), PairedCounts(0, 0, 1, 4))
    with pytest.raises(CannotComputeError, match="likelihood ratio"):
        joint_diagnosis_test(perfect, pair="likelihood_ratios")
    with pytest.raises(ValueError, match="`pair` must be one of"):
        joint_diagnosis_test(same, pair="accuracy")
