"""Predictive values and likelihood ratios of two versions on the same units."""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic import cases
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare
from scipy import special

from accordance.evaluators.classification.counts import from_counts
from accordance.evaluators.comparison.mcnemar import mcnemar
from accordance.evaluators.comparison.paired_counts import PairedCounts
from accordance.evaluators.comparison.paired_predictive_values import (
    PairedDiagnosis,
    paired_diagnosis,
    predictive_value_test,
    relative_likelihood_ratio,
    relative_predictive_value,
)
from accordance.evaluators.comparison.paired_proportions import (
    paired_proportion_difference,
    paired_proportion_ratio,
)
from accordance.evaluators.comparison.versions import compare_versions
from accordance.evaluators.metric import CannotComputeError

CASES = ("dx_paired1", "dx_cfpr_moskowitz_pepe")
CELLS = st.builds(PairedCounts, *([st.integers(1, 40)] * 4))


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


def table(case):
    """Test 2 of DTComPair is the candidate, so that its differences test 2 - test 1 are ours."""
    classes = [case["inputs"][name] for name in ("diseased", "nondiseased")]
    return PairedDiagnosis(
        *(PairedCounts(one["both_pos"], one["only2"], one["only1"], one["neither"]) for one in classes)
    )


def rows(counts):
    """Reference, baseline, candidate, one row a unit."""
    found = [
        row
        for truth, cells in ((1, counts.positives), (0, counts.negatives))
        for calls, n in zip(
            ((1, 1), (0, 1), (1, 0), (0, 0)),
            (cells.both, cells.candidate_only, cells.baseline_only, cells.neither),
            strict=True,
        )
        for row in [(truth, *calls)] * n
    ]
    return np.array(found).T


# DTComPair 1.2.2 in R; the weighted score agrees with testCompareR there
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("value", ["ppv", "npv"])
@pytest.mark.parametrize(("method", "key"), [("score", "pv.gs_leisenring"), ("weighted", "pv.wgs_kosinski")])
def test_predictive_value_tests_against_r(found, name, value, method, key):
    expected = found[name]["outputs"][key][value]
    result = predictive_value_test(table(found[name]), value=value, method=method)
    compare(
        f"paired predictive values, {method}",
        [
            result.statistic,
            result.p_value,
            *(result.details[key] for key in ("difference", "baseline", "candidate")),
        ],
        [expected[key] for key in ("test.statistic", "p.value", "diff", "test1", "test2")],
    )


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("value", ["ppv", "npv"])
def test_relative_predictive_values_against_r(found, name, value):
    """`pv.rpv` of DTComPair; its standard errors equal a numerical delta method to 1e-9."""
    expected = found[name]["outputs"]["pv.rpv_moskowitz_pepe"][value]
    result = relative_predictive_value(table(found[name]), value=value)
    compare(
        "relative predictive value, Moskowitz-Pepe",
        [result.value, result.standard_error, result.interval.lower, result.interval.upper,
         np.log(result.value) / result.standard_error],
        [expected[f"r{value}"], expected[f"se.log.r{value}"], expected[f"lcl.r{value}"],
         expected[f"ucl.r{value}"], expected["test.statistic"]],
    )  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("side", "key"), [("positive", "pdlr"), ("negative", "ndlr")])
def test_relative_likelihood_ratios_against_r(found, name, side, key):
    """`dlr.regtest` of DTComPair gives test 1 / test 2: the candidate is test 1 here."""
    expected = found[name]["outputs"]["dlr.regtest"][key]
    counts = table(found[name])
    turned = PairedDiagnosis(counts.positives.swapped(), counts.negatives.swapped())
    result = relative_likelihood_ratio(turned, side=side)
    compare(
        "relative likelihood ratio, paired",
        [result.value, result.standard_error, result.interval.lower, result.interval.upper],
        [expected["ratio"], expected["se.log"], expected["lcl"], expected["ucl"]],
    )


@pytest.mark.parametrize("name", CASES)
def test_sensitivities_and_specificities_against_r(found, name):
    """`sesp.mcnemar`, `sesp.exactbinom`, `sesp.diff.ci` and `sesp.rel` of DTComPair, and its global test."""
    outputs, counts = found[name]["outputs"], table(found[name])
    neg = counts.negatives
    right = PairedCounts(neg.neither, neg.baseline_only, neg.candidate_only, neg.both)
    whole = mcnemar(counts.positives, method="asymptotic").statistic
    whole += mcnemar(right, method="asymptotic").statistic
    compare("McNemar, sensitivity and specificity", whole, outputs["sesp.gen.mcnemar"]["test.statistic"][0])
    for what, cells in (("sensitivity", counts.positives), ("specificity", right)):
        expected = outputs["sesp.mcnemar"][what]
        result = mcnemar(cells, method="asymptotic")
        compare(
            "McNemar, asymptotic",
            (result.statistic, result.p_value),
            (expected["test.statistic"], expected["p.value"]),
        )
        exact = outputs["sesp.exactbinom"][what]
        compare("McNemar, exact", mcnemar(cells, method="exact").p_value, exact["p.value"])
        # of Agresti & Min and of Bonett & Price, DTComPair puts the adjusted error about the unadjusted
        # difference; both papers, and contingencytables, put it about the adjusted one, and so do we: the
        # widths agree, the places do not
        for method in ("agresti_min", "bonett_price"):
            expected = outputs[f"sesp.diff.ci_{method.replace('_', '-')}"][what]
            gap = paired_proportion_difference(cells, ci=method)
            reach = (gap.interval.upper - gap.interval.lower) / 2
            compare(
                f"paired difference, {method} (width)",
                [reach / special.ndtri(0.975), gap.value - reach, gap.value + reach],
                [expected[key] for key in ("diff.se", "diff.lcl", "diff.ucl")],
            )
        for method, key, rel in (("wald_paired", "ci_wald", 1e-8), ("tango", "ci_tango", 1e-4)):
            expected = outputs[f"sesp.diff.{key}"][what]  # its Tango is a coarse search (PropCIs)
            interval = paired_proportion_difference(cells, ci=method).interval
            compare(
                f"paired difference, {method}{' (PropCIs)' if method == 'tango' else ''}",
                (interval.lower, interval.upper),
                (expected["diff.lcl"], expected["diff.ucl"]),
                rel=rel,
            )
            if method == "wald_paired":
                gap = paired_proportion_difference(cells, ci=method)
                got = (gap.value, gap.standard_error, gap.candidate, gap.baseline)
                wanted = tuple(expected[key] for key in ("diff", "diff.se", "test2", "test1"))
                compare("paired difference, wald_paired", got, wanted)


@pytest.mark.parametrize("name", CASES)
def test_ratios_of_fractions_against_r(found, name):
    """`tpffpf.rel`: true and false positive fractions; p by the normal distribution of the logarithm."""
    outputs, counts = found[name]["outputs"], table(found[name])
    neg = counts.negatives
    right = PairedCounts(neg.neither, neg.baseline_only, neg.candidate_only, neg.both)
    for output, part, short, cells in (
        ("tpffpf.rel", "tpf", "tpf", counts.positives),
        ("tpffpf.rel", "fpf", "fpf", neg),
        ("sesp.rel", "sensitivity", "sens", counts.positives),
        ("sesp.rel", "specificity", "spec", right),
    ):
        expected, ratio = outputs[output][part], paired_proportion_ratio(cells, ci="wald_log_paired")
        compare(
            "paired ratio, wald_log_paired",
            [ratio.value, ratio.standard_error, ratio.interval.lower, ratio.interval.upper, two_sided(ratio)],
            [expected[f"{key}.{short}"] for key in ("rel", "se.log.rel", "lcl.rel", "ucl.rel", "pval.rel")],
            rel=1e-7,
        )


def two_sided(ratio):
    """p of a ratio of 1 by the normal distribution of the logarithm."""
    return float(2 * special.ndtr(-abs(np.log(ratio.value)) / ratio.standard_error))


@pytest.mark.parametrize("name", CASES)
def test_tests_of_ratios_against_r(found, name):
    """z and p that go with the intervals of `pv.rpv` and `dlr.regtest`.

    Of `Sigma`, the covariance of both logarithms, the off-diagonal is no output here: `joint_diagnosis_test`
    takes it into account for the differences.
    """
    outputs, counts = found[name]["outputs"], table(found[name])
    rpv = outputs["pv.rpv_moskowitz_pepe"]
    ratios = [relative_predictive_value(counts, value=value) for value in ("ppv", "npv")]
    line = "relative predictive value, Moskowitz-Pepe"
    compare(line, [two_sided(one) for one in ratios], [rpv[value]["p.value"] for value in ("ppv", "npv")])
    compare(line, [one.standard_error**2 for one in ratios], [rpv["Sigma"][0], rpv["Sigma"][3]])
    delta = outputs["delta_method_multinomial_check"]
    for one, value in zip(ratios, ("ppv", "npv"), strict=True):
        got = (np.log(one.value), one.standard_error)
        compare(line, got, (delta[f"log_r{value}"], delta[f"se_log_r{value}"]), rel=1e-8)
    turned = PairedDiagnosis(counts.positives.swapped(), counts.negatives.swapped())
    for side, key in (("positive", "pdlr"), ("negative", "ndlr")):
        one = relative_likelihood_ratio(turned, side=side)
        compare(
            "relative likelihood ratio, paired",
            [np.log(one.value) / one.standard_error, two_sided(one), one.candidate, one.baseline],
            [outputs["dlr.regtest"][key][what] for what in ("test.statistic", "p.value", "test1", "test2")],
        )


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("test", [1, 2])
def test_each_version_alone_against_r(found, name, test):
    """`acc.1test`: Wald intervals of proportions, logarithmic ones of likelihood ratios."""
    expected, given = found[name]["outputs"][f"acc_Test{test}"], found[name]["inputs"]
    positives, negatives = (given[key] for key in ("diseased", "nondiseased"))
    own, other = f"only{test}", f"only{3 - test}"
    alone = from_counts(
        tp=positives["both_pos"] + positives[own], fp=negatives["both_pos"] + negatives[own],
        fn=positives["neither"] + positives[other], tn=negatives["neither"] + negatives[other],
        ci=dict.fromkeys(("sensitivity", "specificity", "ppv", "npv"), "wald")
        | dict.fromkeys(("lr_positive", "lr_negative"), "log"),
    )  # fmt: skip
    for key, value in expected.items():
        one = alone[{"pdlr": "lr_positive", "ndlr": "lr_negative"}.get(key, key)]
        error = np.log(one.interval.upper / one.interval.lower) / (2 * special.ndtri(0.975))
        if "se" in value:
            error = (one.interval.upper - one.interval.lower) / (2 * special.ndtri(0.975))
        compare(
            "2 x 2 table of one version",
            [one.value, error, one.interval.lower, one.interval.upper],
            [value["est"], value.get("se", value.get("se.ln")), value["lcl"], value["ucl"]],
        )


@settings(max_examples=40, deadline=None)
@given(CELLS, CELLS, st.sampled_from(["ppv", "npv"]))
def test_rows_and_counts_agree_and_swapping_changes_only_the_sign(positives, negatives, value):
    counts = PairedDiagnosis(positives, negatives)
    reference, baseline, candidate = rows(counts)
    assert paired_diagnosis(reference, baseline, candidate) == counts
    swapped = paired_diagnosis(reference, candidate, baseline)
    for method in ("weighted", "score"):
        one, other = (predictive_value_test(each, value=value, method=method) for each in (counts, swapped))
        assert other.statistic == pytest.approx(one.statistic, rel=1e-9, abs=1e-12)
        assert other.details["difference"] == pytest.approx(-one.details["difference"])
    one, other = (relative_predictive_value(each, value=value) for each in (counts, swapped))
    assert other.interval.lower == pytest.approx(1 / one.interval.upper)


@settings(max_examples=20, deadline=None)
@given(CELLS, CELLS)
def test_npv_is_the_ppv_of_the_complement(positives, negatives):
    counts = PairedDiagnosis(positives, negatives)
    reference, baseline, candidate = rows(counts)
    complement = paired_diagnosis(1 - reference, 1 - baseline, 1 - candidate)
    for method in ("weighted", "score"):
        npv = predictive_value_test(counts, value="npv", method=method).statistic
        assert predictive_value_test(complement, method=method).statistic == pytest.approx(npv, abs=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_difference_agrees_with_the_delta_method(found, name):
    """The multinomial Wald standard error of Wang 2006 is the linearised one, up to n / (n - 1)."""
    counts = table(found[name])
    expected = found[name]["outputs"]["delta_method_multinomial_check"]
    reference, baseline, candidate = rows(counts)
    for value in ("ppv", "npv"):
        got = compare_versions(value, reference, baseline, candidate).difference
        called = counts.called(value)
        units = float((called.right + called.wrong).sum())
        compare("paired predictive values, linearised difference",
                [got.value, got.standard_error * np.sqrt((units - 1) / units)],
                [expected[f"diff_{value}"], expected[f"se_diff_{value}"]], rel=1e-7)  # fmt: skip


def test_what_cannot_be_computed_has_a_reason():
    never = PairedDiagnosis(PairedCounts(0, 0, 3, 2), PairedCounts(0, 0, 1, 4))
    with pytest.raises(CannotComputeError, match="candidate has no positive predictive value"):
        predictive_value_test(never)
    right = PairedDiagnosis(PairedCounts(5, 1, 1, 2), PairedCounts(0, 0, 0, 4))
    with pytest.raises(CannotComputeError, match="All calls of both versions are right"):
        predictive_value_test(right)
    same = PairedDiagnosis(PairedCounts(5, 0, 0, 2), PairedCounts(3, 0, 0, 4))
    for method in ("weighted", "score"):
        with pytest.raises(CannotComputeError, match="same calls"):
            predictive_value_test(same, method=method)
    assert relative_predictive_value(same).interval.degenerate
    with pytest.raises(CannotComputeError, match="of 0"):
        relative_predictive_value(PairedDiagnosis(PairedCounts(0, 0, 2, 2), PairedCounts(1, 1, 0, 4)))
    with pytest.raises(CannotComputeError, match="no positive calls"):
        relative_likelihood_ratio(PairedDiagnosis(PairedCounts(2, 0, 2, 2), PairedCounts(0, 0, 1, 4)))
    with pytest.raises(CannotComputeError, match="compare_versions"):
        paired_diagnosis([1, 1], [1, 0], [1, 1], subject=["a", "a"])
    with pytest.raises(ValueError, match="ppv or npv"):
        predictive_value_test(same, value="accuracy")
    with pytest.raises(ValueError, match="weighted or score"):
        predictive_value_test(same, method="x")
    with pytest.raises(ValueError, match="positive or negative"):
        relative_likelihood_ratio(same, side="x")


def test_one_sided_bounds_are_open_on_the_other_side():
    counts = PairedDiagnosis(PairedCounts(9, 3, 1, 2), PairedCounts(2, 1, 2, 9))
    lower = relative_predictive_value(counts, level=0.975, sides="lower").interval
    assert lower.upper == np.inf
    assert lower.lower == pytest.approx(relative_predictive_value(counts).interval.lower)
    assert relative_predictive_value(counts, sides="upper").interval.lower == 0
