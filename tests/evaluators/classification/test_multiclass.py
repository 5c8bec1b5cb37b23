"""Several categories: each against the rest, and averages, against scikit-learn and the binary metrics."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare
from sklearn import metrics as sklearn_metrics

from accordance import evaluators
from accordance.evaluators import class_averages, confusion, one_vs_rest
from accordance.evaluators.classification.class_averages import ClassAverages
from accordance.evaluators.classification.one_vs_rest import OneVsRest
from accordance.evaluators.metric import Columns, Counts

LEVELS = ("n1", "n2", "rem", "wake")
UNIT = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 5))
UNITS = st.lists(UNIT, min_size=1, max_size=60)
OPTIONS = {OneVsRest: {"category": "n2"}, ClassAverages: {}}
BINARY = ("sensitivity", "specificity", "ppv", "npv", "prevalence", "f1", "balanced_accuracy")
KINDS = {"sensitivity": 1, "ppv": 0, "f1": 2}  # place in precision_recall_fscore_support
both = pytest.mark.parametrize("metric", [OneVsRest(), ClassAverages()], ids=lambda metric: metric.name)


def named(codes):
    return np.array(LEVELS)[np.array(codes, dtype=int)]


def staged(seed, n=120, subjects=8):
    """Stages of some nights: reference, test, subject."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, n, p=[0.1, 0.5, 0.2, 0.2])
    call = np.where(rng.random(n) < 0.7, truth, rng.integers(0, 4, n))
    return truth, call, rng.integers(0, subjects, n)


def prepared(metric, units):
    table = np.array(sorted(units, key=lambda unit: unit[2]), dtype=np.int64).reshape(-1, 3)
    _, counts = np.unique(table[:, 2], return_counts=True)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    columns = Columns(table[:, 0], table[:, 1], offsets, LEVELS)
    return metric.prepare(columns, **OPTIONS[type(metric)])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_averages_of_scikit_learn(seed, weighted):
    """`precision_recall_fscore_support(average=...)`, `accuracy_score`, `balanced_accuracy_score`."""
    truth, call, _ = staged(seed)
    weights = np.random.default_rng(seed).random(len(truth)) if weighted else None
    result = class_averages(named(truth), named(call), weights=weights)
    for average in ("macro", "weighted", "micro"):
        expected = sklearn_metrics.precision_recall_fscore_support(
            truth, call, average=average, sample_weight=weights
        )
        for kind, place in KINDS.items():
            name = "micro" if average == "micro" else f"{average}_{kind}"
            compare(f"categories, {name} (scikit-learn)", result[name].value, expected[place])
    compare(
        "categories, macro_sensitivity (scikit-learn)",
        result["macro_sensitivity"].value,
        sklearn_metrics.balanced_accuracy_score(truth, call, sample_weight=weights),
    )
    accuracy = sklearn_metrics.accuracy_score(truth, call, sample_weight=weights)
    compare("categories, micro (scikit-learn)", result["micro"].value, accuracy)
    assert result["weighted_sensitivity"].value == pytest.approx(result["micro"].value)


@pytest.mark.parametrize("category", range(4))
def test_one_category_of_scikit_learn(category):
    """`precision_recall_fscore_support(labels=[category])` and `multilabel_confusion_matrix`."""
    truth, call, _ = staged(11)
    result = one_vs_rest(named(truth), named(call), category=LEVELS[category])
    expected = sklearn_metrics.precision_recall_fscore_support(truth, call, labels=[category])
    for kind, place in KINDS.items():
        compare(f"categories, one vs rest {kind} (scikit-learn)", result[kind].value, expected[place][0])
    (tn, fp), (fn, tp) = sklearn_metrics.multilabel_confusion_matrix(truth, call, labels=[category])[0]
    assert result["sensitivity"].counts.n_events == tp
    assert result["npv"].counts == Counts(tn + fn, tn + fn, tn)
    assert result["specificity"].counts.n_units == tn + fp


def test_confusion_table_of_scikit_learn():
    truth, call, _ = staged(12)
    np.testing.assert_array_equal(confusion(truth, call, 4), sklearn_metrics.confusion_matrix(truth, call))


@pytest.mark.parametrize("category", LEVELS)
@pytest.mark.parametrize("clustered", [False, True])
def test_one_category_is_the_binary_metric(category, clustered):
    """Value, standard error, counts and every interval of the function of that name."""
    truth, call, subject = staged(13)
    options = {"subject": subject if clustered else None}
    for name in BINARY:
        statistic = OneVsRest().statistic(name)
        function = getattr(evaluators, name)
        for method in statistic.intervals:
            if method.startswith("bootstrap") and not clustered:
                continue  # rows without subjects are resampled in the order of their codes, which differ
            extra = {"ci": {name: method}, "replicates": 999, **options}
            found = one_vs_rest(named(truth), named(call), category=category, **extra)[name]
            extra["ci"] = method
            expected = function(named(truth), named(call), positive=category, **extra)[name]
            assert found.value == expected.value
            assert found.standard_error == pytest.approx(expected.standard_error, rel=1e-12)
            assert found.counts == expected.counts
            assert found.error == expected.error
            if found.interval is None:
                continue
            assert found.interval.warning == expected.interval.warning
            got, other = found.interval, expected.interval
            assert (got.lower, got.upper) == pytest.approx((other.lower, other.upper), rel=1e-12)


def test_two_categories_are_a_binary_test():
    """Macro-averaged sensitivity is the balanced accuracy; its MOVER-free interval the same `cluster_t`."""
    truth, call, subject = staged(14)
    truth, call = truth // 2, call // 2
    averages = class_averages(truth, call, subject=subject)
    binary = evaluators.balanced_accuracy(truth, call, subject=subject, ci="cluster_t")["balanced_accuracy"]
    found = averages["macro_sensitivity"]
    assert found.value == pytest.approx(binary.value)
    assert found.interval.lower == pytest.approx(binary.interval.lower, rel=1e-10)
    accuracy = evaluators.accuracy(truth, call, subject=subject, ci="cluster_logit")["accuracy"]
    micro = class_averages(truth, call, subject=subject, ci="cluster_logit")["micro"]
    assert micro.interval.upper == pytest.approx(accuracy.interval.upper, rel=1e-10)
    assert micro.counts == accuracy.counts


@both
@given(units=UNITS, data=st.data())
@settings(max_examples=40, deadline=None)
def test_integer_weights_are_repeated_subjects(metric, units, data):
    found = prepared(metric, units)
    subjects = sorted({unit[2] for unit in units})
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(subjects), max_size=len(subjects)))
    repeated = [
        (r, t, 100 * s + copy)
        for s, weight in zip(subjects, weights, strict=True)
        for copy in range(weight)
        for r, t, owner in units
        if owner == s
    ]
    if repeated:
        at_weights = found.at(np.array([weights], dtype=float))[0]
        np.testing.assert_allclose(at_weights, prepared(metric, repeated).estimate(), rtol=1e-12)


@both
@given(units=UNITS, factor=st.sampled_from([0.25, 3.0, 1e6]))
@settings(max_examples=25, deadline=None)
def test_real_weights_have_no_scale(metric, units, factor):
    found = prepared(metric, units)
    weights = np.linspace(1, 2, found.n_subjects)[None, :]
    once, scaled = found.at(weights, relative=True), found.at(factor * weights, relative=True)
    np.testing.assert_allclose(scaled, once, rtol=1e-11)


@given(UNITS, st.permutations(range(4)), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_names_order_and_labels_do_not_matter(units, permuted, random):
    """Categories renamed and put in another order, rows shuffled, subjects relabelled."""
    truth, call, subject = (np.array(column) for column in zip(*units, strict=True))
    order = list(range(len(units)))
    random.shuffle(order)
    plain = class_averages(named(truth), named(call), subject=subject, levels=LEVELS)
    renamed = np.array(permuted)
    other = class_averages(
        named(renamed[truth])[order],
        named(renamed[call])[order],
        subject=9 - subject[order],
        levels=LEVELS[::-1],
    )
    for name, found in plain.items():
        assert other[name].value == pytest.approx(found.value, rel=1e-12, nan_ok=True)
        assert other[name].standard_error == pytest.approx(
            found.standard_error, rel=1e-9, abs=1e-12, nan_ok=True
        )


@both
def test_standard_error_is_the_derivative_in_the_weights(metric):
    truth, call, subject = staged(15, subjects=5)
    found, step = prepared(metric, list(zip(truth, call, subject, strict=True))), 1e-5
    for i, slope in enumerate(found.influence()):
        weights = np.ones((2, found.n_subjects))
        weights[:, i] += [step, -step]
        above, below = found.at(weights)
        np.testing.assert_allclose(slope, (above - below) / (2 * step), rtol=1e-6, atol=1e-8)


@both
def test_parts_prepared_apart_are_put_together(metric):
    truth, call, subject = staged(16)
    units = list(zip(truth, call, subject, strict=True))
    here, there = ([u for u in units if (u[2] < 4) == side] for side in (True, False))
    together = prepared(metric, here).concat(prepared(metric, there))
    np.testing.assert_allclose(together.estimate(), prepared(metric, units).estimate(), rtol=1e-13)
    for name in together.statistics:
        assert together.standard_error(name) == pytest.approx(
            prepared(metric, units).standard_error(name), rel=1e-12
        )


def test_parts_of_other_categories_are_not_put_together():
    columns = Columns(np.array([0, 1]), np.array([0, 1]), np.array([0, 1, 2]), LEVELS)
    first, second = (OneVsRest().prepare(columns, category=name) for name in LEVELS[:2])
    with pytest.raises(ValueError, match="same metric and parameters"):
        first.concat(second)


def test_a_category_without_units_is_named():
    """Some programs count 0 for it; here the average has no value, and the others keep theirs."""
    result = class_averages(["a", "a", "b"], ["a", "c", "b"])
    assert math.isnan(result["macro_sensitivity"].value)
    assert result["macro_sensitivity"].error.endswith("no unit of the reference is c.")
    assert result["weighted_sensitivity"].value == pytest.approx(2 / 3)
    assert result["macro_ppv"].value == pytest.approx(2 / 3)
    result = class_averages(["a", "a", "b", "c"], ["a", "a", "b", "a"], levels=["a", "b", "c", "d"])
    assert result["macro_ppv"].error.endswith("the test calls no unit c, d.")
    assert result["weighted_ppv"].error.endswith("the test calls no unit c.")
    assert result["macro_f1"].error.endswith("neither reference nor test has a unit of d.")
    assert result["weighted_f1"].value == pytest.approx((2 * 0.8 + 1) / 4)
    rest = one_vs_rest(["a", "b"], ["a", "b"], category="c", levels="abc")
    assert rest["sensitivity"].error == "Of category 'c': There are no reference positives."
    assert rest["specificity"].value == 1.0


def test_no_rows_one_subject_and_perfect_agreement():
    for result in (class_averages([], [], levels=LEVELS), one_vs_rest([], [], levels=LEVELS, category="n2")):
        assert {found.error for found in result.values()} == {"There are no rows."}
    truth = list(LEVELS) * 2
    for result in (
        class_averages(truth, truth, subject=[1] * 8),
        one_vs_rest(truth, truth, category="rem", subject=[1] * 8),
    ):
        for found in result.values():
            assert math.isfinite(found.value)
            assert "at least two subjects" in found.error
    perfect = class_averages(truth, truth, subject=[1] * 4 + [2] * 4)
    assert all(found.value == 1 and found.interval.degenerate for found in perfect.values())
    logit = class_averages(truth, truth, subject=[1] * 4 + [2] * 4, ci="cluster_logit")
    assert all("log odds are infinite" in found.error for found in logit.values())


def test_refusals():
    with pytest.raises(ValueError, match="`category` is 'n5'; the levels are n1, n2, rem, wake"):
        one_vs_rest(LEVELS, LEVELS, category="n5")
    with pytest.raises(ValueError, match="none of the levels"):
        class_averages(["a"], ["z"], levels=["a", "b"])
    with pytest.raises(ValueError, match="offers bootstrap_bca"):
        class_averages(LEVELS, LEVELS, ci="mover")


def test_bootstrap_counts_what_it_could_not_compute():
    """A category of one subject is missing from many replicates: an error, not a silent value."""
    truth = ["a"] * 20 + ["b"] * 2
    result = class_averages(truth, truth, subject=[i // 2 for i in range(22)], ci="bootstrap_percentile")
    assert "undefined in" in result["macro_sensitivity"].error
    assert result["weighted_sensitivity"].interval.degenerate
