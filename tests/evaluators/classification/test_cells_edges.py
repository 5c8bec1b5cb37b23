"""Statistics of the four cells where they could say more than the data do, towards a pass."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.evaluators import (
    balanced_accuracy,
    class_averages,
    diagnostic_odds_ratio,
    f1,
    from_counts,
    lr_negative,
    lr_positive,
    mcc,
    npv_at_prevalence,
    one_vs_rest,
    ppv_at_prevalence,
    youden,
)
from accordance.evaluators.classification.table_intervals import mercaldo

CELL = st.sampled_from([0, 1, 2, 5, 20, 300, 10**6, 3 * 10**9])
ANY_TABLE = st.tuples(CELL, CELL, CELL, CELL)


def only(result):
    (estimate,) = result.values()
    return estimate


@pytest.mark.parametrize(("tp", "fp", "fn", "tn"), [(0, 0, 0, 0), (0, 5, 0, 65), (7, 0, 3, 0)])
def test_added_halves_do_not_stand_for_a_class_of_nobody(tp, fp, fn, tn):
    """0.5 in each cell of an empty table makes an odds ratio of 1; of no positives, one above 10."""
    counted = from_counts(tp, fp, fn, tn, correction="haldane_anscombe")["diagnostic_odds_ratio"]
    reference, test = [1] * (tp + fn) + [0] * (fp + tn), [1] * tp + [0] * fn + [1] * fp + [0] * tn
    found = only(diagnostic_odds_ratio(reference, test, correction="haldane_anscombe"))
    for estimate in (counted, found):
        assert math.isnan(estimate.value)
        assert estimate.interval is None
        assert "There are no" in estimate.error


def test_subjects_with_true_negatives_only_are_none_of_f1():
    """Three subjects with positives: two degrees of freedom, however many others have nothing positive."""
    reference, test, subject = [1, 1, 1, 1, 1, 1], [1, 0, 1, 1, 0, 1], list("aabbcc")
    alone = only(f1(reference, test, subject=subject))
    more = only(f1(reference + [0] * 40, test + [0] * 40, subject=subject + list(range(40))))
    assert more.counts == alone.counts
    assert more.counts.n_subjects == 3
    assert more.standard_error == pytest.approx(alone.standard_error, rel=1e-12)
    assert (more.interval.lower, more.interval.upper) == (alone.interval.lower, alone.interval.upper)
    several = one_vs_rest(
        np.where(np.array(reference + [0] * 40), "x", "y"),
        np.where(np.array(test + [0] * 40), "x", "y"),
        category="x",
        subject=subject + list(range(40)),
    )["f1"]
    assert several.interval.lower == alone.interval.lower
    counts = from_counts(3, 1, 2, 1000)["f1"]
    rows = only(f1([1] * 5 + [0] * 1001, [1, 1, 1, 0, 0, 1] + [0] * 1000))
    assert counts.counts.n_subjects == rows.counts.n_subjects == 6
    assert counts.interval.lower == pytest.approx(rows.interval.lower, rel=1e-9)


@pytest.mark.parametrize("sides", ["two", "lower", "upper"])
@pytest.mark.parametrize(
    ("function", "method"),
    [
        (balanced_accuracy, "cluster_logit"),
        (balanced_accuracy, "cluster_t"),
        (lr_positive, "cluster_log"),
        (lr_negative, "cluster_log"),
        (diagnostic_odds_ratio, "cluster_log"),
        (f1, "cluster_logit"),
    ],
)
def test_a_bound_without_spread_never_decides(function, method, sides):
    """Five subjects with the same table: a one-sided bound is the estimate itself, and is marked."""
    reference, test = ([1] * 7 + [0] * 9) * 5, ([1] * 5 + [0] * 2 + [1] * 2 + [0] * 7) * 5
    found = only(function(reference, test, subject=np.repeat(range(5), 16), ci=method, sides=sides))
    assert found.interval.degenerate
    assert "no width" in found.warning


@pytest.mark.parametrize("sides", ["two", "lower", "upper"])
def test_a_bound_without_spread_never_decides_over_categories(sides):
    truth, call = ["a", "b", "c", "c"] * 5, ["a", "b", "c", "a"] * 5
    result = class_averages(truth, call, subject=np.repeat(range(5), 4), ci="cluster_logit", sides=sides)
    for found in result.values():
        assert found.interval.degenerate
        assert "no width" in found.warning


@pytest.mark.parametrize("sides", ["two", "lower", "upper"])
def test_a_ratio_without_spread_never_decides(sides):
    """Nobody is test positive: LR- is 1 with a variance of 0, which says nothing of the test."""
    from_rows = only(lr_negative([1] * 30 + [0] * 70, [0] * 100, ci="log", sides=sides)).interval
    counted = from_counts(0, 0, 30, 70, ci={"lr_negative": "log"}, sides=sides)["lr_negative"].interval
    for interval in (from_rows, counted):
        assert interval.degenerate
        assert "no width" in interval.warning


def test_a_class_of_few_subjects_is_said():
    """Three subjects with positives among 43: the interval takes 42 degrees of freedom."""
    rng = np.random.default_rng(1)
    subject = np.repeat(np.arange(43), 6)
    reference = (subject < 3).astype(int)
    test = np.where(rng.random(len(subject)) < 0.8, reference, 1 - reference)
    for function in (youden, balanced_accuracy, lr_positive, lr_negative, diagnostic_odds_ratio):
        found = only(function(reference, test, subject=subject))
        assert "Only 3 of 43 subjects have reference positives" in found.warning
        assert "negatives" not in found.warning
    assert only(f1(reference, test, subject=subject)).warning is None
    uneven = np.repeat(np.arange(30), [200, *[5] * 29])
    reference = rng.integers(0, 2, len(uneven))
    test = np.where(rng.random(len(uneven)) < 0.8, reference, 1 - reference)
    assert "reference positives weigh like only" in only(youden(reference, test, subject=uneven)).warning
    even = np.repeat(np.arange(30), 10)
    assert only(youden(reference[:300], test[:300], subject=even)).warning is None


@given(CELL, CELL)
def test_a_perfect_table_correlates_exactly(tp, tn):
    """Two square roots of margins gave 1.0000000000000002, and with it a lower bound above 1."""
    if tp and tn:
        assert from_counts(tp, 0, 0, tn)["mcc"].value == 1.0
        assert from_counts(0, tp, tn, 0)["mcc"].value == -1.0
    rows = only(mcc([1] * 3 + [0] * 7, [1] * 3 + [0] * 7, subject=[0] * 5 + [1] * 5))
    assert rows.value == rows.interval.lower == rows.interval.upper == 1.0


def test_no_true_positive_is_no_predictive_value():
    """0 of 20 positives found, 1 of 1,000 negatives called: enlarged counts say a PPV of 0.54 to 0.98."""
    cells = {"tp": 0, "fp": 1, "fn": 20, "tn": 999}
    enlarged = mercaldo(**cells, prevalence=0.2, negative=False, level=0.95, sides="lower")
    assert enlarged[0] > 0.5
    reference, test = [1] * 20 + [0] * 1000, [0] * 20 + [1] + [0] * 999
    for method in ("mercaldo", "mercaldo_adjusted"):
        for sides in ("two", "lower"):
            found = only(ppv_at_prevalence(reference, test, prevalence=0.2, ci=method, sides=sides))
            assert found.value == found.interval.lower == 0.0
    assert "A cell is 0" in only(npv_at_prevalence(reference, [0] * 1020, prevalence=0.2)).warning


@pytest.mark.parametrize("negative", [False, True])
def test_adjusted_predictive_values_are_those_of_enlarged_counts(negative):
    """z^2 / 2 added to every cell, for the interval only (Mercaldo, Lau & Zhou 2007)."""
    added = 1.959963984540054**2 / 2
    enlarged = mercaldo(
        *(cell + added for cell in (30, 2, 5, 65)), prevalence=0.2, negative=negative, level=0.95, sides="two"
    )
    name = "npv_at_prevalence" if negative else "ppv_at_prevalence"
    found = from_counts(30, 2, 5, 65, prevalence=0.2, ci="mercaldo_adjusted")[name]
    assert (found.interval.lower, found.interval.upper) == pytest.approx(enlarged, rel=1e-12)
    assert found.value == from_counts(30, 2, 5, 65, prevalence=0.2)[name].value


@given(
    ANY_TABLE,
    st.sampled_from([None, "koopman", "miettinen_nurminen_difference", "mercaldo_adjusted", "cluster_logit"]),
    st.sampled_from(["two", "lower", "upper"]),
    st.sampled_from([1e-3, 0.2, 0.99]),
)
@settings(max_examples=150, deadline=None)
def test_every_interval_holds_its_estimate(table, method, sides, prevalence):
    """Whatever the counts, up to billions; and what has no value has a reason."""
    for correction in ("none", "haldane_anscombe"):
        result = from_counts(*table, prevalence=prevalence, ci=method, sides=sides, correction=correction)
        for name, found in result.items():
            if math.isnan(found.value):
                assert found.error, name
            if found.interval is not None:
                lower, upper = found.interval.lower, found.interval.upper
                assert lower <= upper, name
                assert lower * (1 - 1e-12) - 1e-12 <= found.value <= upper * (1 + 1e-12) + 1e-12, name
