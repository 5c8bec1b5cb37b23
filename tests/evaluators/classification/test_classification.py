"""Binary metrics: symmetries that hold for any data, averages, refusals, and what they say of themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.evaluators import registry
from accordance.evaluators.classification.binary import METRICS as SHARES
from accordance.evaluators.classification.binary import accuracy, prevalence, sensitivity, specificity
from accordance.evaluators.classification.confusion import confusion
from accordance.evaluators.classification.predictive_values import METRICS as PREDICTIVE
from accordance.evaluators.classification.predictive_values import npv, ppv
from accordance.evaluators.classification.reporting import Yield, reported_share
from accordance.evaluators.estimate import estimates
from accordance.evaluators.intervals import METHODS
from accordance.evaluators.metric import Columns, Counts

METRICS = (*SHARES, *PREDICTIVE)
FUNCTIONS = (sensitivity, specificity, ppv, npv, accuracy, prevalence)
UNIT = st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 6))
UNITS = st.lists(UNIT, min_size=1, max_size=40)


def columns(units):
    """Units as (reference, test, subject), sorted by subject."""
    table = np.array(sorted(units, key=lambda unit: unit[2]), dtype=np.int64).reshape(-1, 3)
    subjects, counts = np.unique(table[:, 2], return_counts=True)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return Columns(table[:, 0], table[:, 1], offsets), subjects


def only(result):
    (estimate,) = result.values()
    return estimate


def same(a, b):
    """Equal values and reasons alike; both may have none."""
    if math.isnan(a.value) or math.isnan(b.value):
        return math.isnan(a.value) and math.isnan(b.value)
    return a.value == pytest.approx(b.value, abs=1e-12) and a.standard_error == pytest.approx(
        b.standard_error, abs=1e-12, nan_ok=True
    )


def call(function, units, **options):
    table = np.array(units, dtype=np.int64)
    return only(function(table[:, 0], table[:, 1], subject=table[:, 2], **options))


@given(UNITS, st.sampled_from(["pooled", "subject_mean"]))
def test_complement_swaps_sensitivity_and_specificity(units, average):
    flipped = [(1 - r, 1 - t, s) for r, t, s in units]
    assert same(call(sensitivity, units, average=average), call(specificity, flipped, average=average))
    assert same(call(ppv, units, average=average), call(npv, flipped, average=average))
    assert same(call(accuracy, units, average=average), call(accuracy, flipped, average=average))


@given(UNITS, st.sampled_from(["pooled", "subject_mean"]))
def test_swapping_reference_and_test_swaps_sensitivity_and_ppv(units, average):
    swapped = [(t, r, s) for r, t, s in units]
    assert same(call(sensitivity, units, average=average), call(ppv, swapped, average=average))
    assert same(call(specificity, units, average=average), call(npv, swapped, average=average))
    assert same(call(accuracy, units, average=average), call(accuracy, swapped, average=average))


@given(UNITS)
def test_accuracy_is_the_average_of_sensitivity_and_specificity_by_prevalence(units):
    se, sp, p = (call(f, units).value for f in (sensitivity, specificity, prevalence))
    expected = (0 if p == 0 else se * p) + (0 if p == 1 else sp * (1 - p))
    assert call(accuracy, units).value == pytest.approx(expected, abs=1e-12)


@given(UNITS, st.randoms(use_true_random=False), st.sampled_from(FUNCTIONS))
def test_row_order_does_not_matter(units, random, function):
    shuffled = list(units)
    random.shuffle(shuffled)
    first, second = call(function, units), call(function, shuffled)
    assert first.value == second.value or math.isnan(first.value)
    assert first.interval == second.interval
    assert first.counts == second.counts
    assert first.error == second.error


@given(UNITS, st.data(), st.sampled_from(METRICS), st.sampled_from(["pooled", "subject_mean"]))
def test_integer_weights_are_repeated_subjects(units, data, metric, average):
    once, subjects = columns(units)
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(subjects), max_size=len(subjects)))
    repeated = [
        (r, t, 100 * s + copy)
        for s, weight in zip(subjects, weights, strict=True)
        for copy in range(weight)
        for r, t, owner in units
        if owner == s
    ]
    prepared = metric.prepare(once, average=average)
    (at_weights,) = prepared.at(np.array([weights], dtype=float))
    expected = np.full(1, np.nan)
    if repeated:
        expected = metric.prepare(columns(repeated)[0], average=average).estimate()
    np.testing.assert_allclose(at_weights, expected, rtol=1e-12)


@given(UNITS, st.sampled_from(FUNCTIONS), st.sampled_from([0.25, 3.0, 1e6]))
def test_equal_row_weights_change_nothing(units, function, weight):
    plain = call(function, units, ci="cluster_t")
    weighted = call(function, units, weights=np.full(len(units), weight), ci="cluster_t")
    assert same(plain, weighted)
    assert plain.counts == weighted.counts


@given(UNITS, st.sampled_from(METRICS))
def test_prepared_parts_add_up(units, metric):
    """Sites prepared apart and put together are the whole."""
    whole, subjects = columns(units)
    first = [unit for unit in units if unit[2] <= subjects[0]]
    rest = [unit for unit in units if unit[2] > subjects[0]]
    together = metric.prepare(columns(first)[0])
    if rest:
        together = together.concat(metric.prepare(columns(rest)[0]))
    np.testing.assert_allclose(together.estimate(), metric.prepare(whole).estimate(), rtol=1e-12)
    assert together.counts(metric.headline) == metric.prepare(whole).counts(metric.headline)


@given(UNITS)
def test_counts_are_the_fraction_and_the_cells_add_up(units):
    r, t, s = np.array(units).T
    table = confusion(r, t, 2)
    estimate = call(sensitivity, units)
    assert estimate.counts == Counts(len({*s[r == 1]}), int(table[1].sum()), int(table[1, 1]))
    assert table.sum() == len(units)


@given(UNITS)
@settings(max_examples=30)
def test_interval_holds_the_estimate_and_stays_within_zero_and_one(units):
    for method in ("clopper_pearson", "wilson", "cluster_t", "bootstrap_percentile"):
        estimate = call(accuracy, units, ci=method, replicates=400)
        if estimate.interval is None:
            assert estimate.error
            continue
        assert 0 <= estimate.interval.lower <= estimate.interval.upper <= 1
        if method in ("clopper_pearson", "wilson"):
            assert estimate.interval.lower <= estimate.value <= estimate.interval.upper


def test_subject_mean_counts_every_subject_with_a_denominator_once():
    # Subject a: 1 of 4 positives found; b: 2 of 2; c has no reference positives and says nothing.
    reference = [1, 1, 1, 1, 1, 1, 0, 0]
    test = [1, 0, 0, 0, 1, 1, 1, 0]
    subject = ["a"] * 4 + ["b"] * 2 + ["c"] * 2
    pooled = only(sensitivity(reference, test, subject=subject))
    mean = only(sensitivity(reference, test, subject=subject, average="subject_mean"))
    assert pooled.value == 3 / 6
    assert mean.value == (1 / 4 + 1) / 2
    assert mean.counts == pooled.counts == Counts(2, 6, 3)
    # mean of two shares: SE = |1 - 1/4| / 2, as sd(c(.25, 1)) / sqrt(2) in R
    assert mean.standard_error == pytest.approx(0.375, rel=1e-12)


def test_exact_interval_is_no_interval_of_a_subject_mean():
    options = {"subject": ["a", "a", "b"], "average": "subject_mean"}
    estimate = only(sensitivity([1, 1, 1], [1, 0, 1], ci="clopper_pearson", **options))
    assert estimate.value == 0.75
    assert estimate.interval is None
    assert "mean over subjects" in estimate.error
    single = only(sensitivity([1, 1], [1, 0], subject=["a", "b"], average="subject_mean", ci="wilson"))
    assert single.interval is not None


def test_row_wise_intervals_are_marked_where_a_subject_has_several_units():
    reference, test, subject = [1, 1, 1, 0, 0], [1, 0, 1, 0, 1], ["a", "a", "b", "c", "d"]
    several = only(sensitivity(reference, test, subject=subject, ci="wilson"))
    assert several.interval.independent_rows
    assert "independent" in several.warning
    # the negatives have one unit a subject each
    assert not only(specificity(reference, test, subject=subject, ci="wilson")).interval.independent_rows


def test_default_interval_knows_the_subjects():
    assert only(sensitivity([1, 1, 1], [1, 0, 1])).interval.method == "clopper_pearson"
    repeated = only(sensitivity([1, 1, 1], [1, 0, 1], subject=["a", "a", "b"]))
    assert repeated.interval.method == "korn_graubard"
    assert only(sensitivity([1, 1, 1], [1, 0, 1], weights=[1, 2, 1])).interval.method == "korn_graubard"


def test_weighted_rows():
    estimate = only(sensitivity([1, 1, 1, 0], [1, 0, 1, 1], weights=[1, 2, 1, 5]))
    assert estimate.value == 0.5
    assert estimate.counts == Counts(3, 3, 2)
    refused = only(sensitivity([1, 1, 1], [1, 0, 1], weights=[1, 2, 1], ci="clopper_pearson"))
    assert "weighted" in refused.error


@pytest.mark.parametrize("sides", ["lower", "upper"])
def test_one_sided_bound_is_the_end_of_a_wider_two_sided_interval(sides):
    """binom.test(18, 20, alternative = "greater", conf.level = 0.95): lower 0.7173815."""
    arguments = ([1] * 20, [1] * 18 + [0] * 2)
    one = only(sensitivity(*arguments, sides=sides)).interval
    two = only(sensitivity(*arguments, level=0.90)).interval
    assert one.sides == sides
    if sides == "lower":
        assert one.lower == pytest.approx(0.7173815, abs=5e-8)
        assert (one.lower, one.upper) == (pytest.approx(two.lower, rel=1e-12), 1.0)
    else:
        assert (one.lower, one.upper) == (0.0, pytest.approx(two.upper, rel=1e-12))


@pytest.mark.parametrize(
    ("function", "reference", "test", "said"),
    [
        (sensitivity, [0, 0], [0, 1], "There are no reference positives."),
        (specificity, [1, 1], [0, 1], "There are no reference negatives."),
        (ppv, [1, 0], [0, 0], "There are no test positives."),
        (npv, [1, 0], [1, 1], "There are no test negatives."),
        (accuracy, [], [], "There are no units."),
        (prevalence, [], [], "There are no units."),
    ],
)
@pytest.mark.parametrize("ci", ["clopper_pearson", "cluster_t", "bootstrap_bca"])
def test_empty_class_has_no_value_and_says_why(function, reference, test, said, ci):
    estimate = only(function(reference, test, ci=ci, replicates=300))
    assert math.isnan(estimate.value)
    assert estimate.error == said
    assert estimate.interval is None


def test_one_subject_has_no_cluster_interval():
    estimate = only(sensitivity([1, 1], [1, 0], subject=["a", "a"], ci="cluster_t"))
    assert estimate.value == 0.5
    assert estimate.error == "No interval: An interval needs at least two subjects."


def test_bootstrap_that_is_often_undefined_gives_no_interval():
    # one of four subjects holds the only positive: 32% of replicates have none
    estimate = only(sensitivity([1, 0, 0, 0], [1, 0, 0, 0], ci="bootstrap_percentile", replicates=1000))
    assert estimate.value == 1.0
    assert "undefined in" in estimate.error


def test_positive_names_values():
    reference, test = ["AF", "SR", "flutter"], ["AF", "AF", "SR"]
    assert only(sensitivity(reference, test, positive=["AF", "flutter"])).value == 0.5
    assert only(sensitivity(np.array(reference, dtype=object), test, positive="AF")).value == 1.0
    assert only(sensitivity([True, False], [True, True])).value == 1.0


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((["AF"], ["SR"]), {}, "say which are `positive`"),
        (([0, 2], [0, 1]), {}, "say which are `positive`"),
        (([0.0, math.nan], [0, 1]), {}, "`reference` holds 1 missing values, first at row 1"),
        ((["AF", "SR"], ["AF", None]), {"positive": "AF"}, "`test` holds 1 missing values, first at row 1"),
        (([0, 1], [0]), {}, "must be as many"),
        (([[0, 1]], [0, 1]), {}, "one column of values"),
        (([0, 1], [0, 1]), {"average": "median"}, "average"),
        (([0, 1], [0, 1]), {"ci": "mover"}, "offers agresti_coull, blaker, bootstrap_bca"),
        (([0, 1], [0, 1]), {"weights": [1, -1]}, "negative"),
        (([0, 1], [0, 1]), {"level": 1.5}, "level"),
        (([0, 1], [0, 1]), {"sides": "left"}, "sides"),
    ],
)
def test_refusals(arguments, options, said):
    with pytest.raises(ValueError, match=said):
        sensitivity(*arguments, **options)


def test_prepare_refuses_what_does_not_fit():
    good = Columns(np.array([0, 1]), np.array([0, 1]), np.array([0, 1, 2]))
    for metric in (*METRICS, Yield()):
        with pytest.raises(ValueError, match="not a parameter"):
            metric.prepare(good, threshold=1)
        with pytest.raises(ValueError, match="average"):
            metric.prepare(good, average="median")
        with pytest.raises(ValueError, match="codes from 0 to 1"):
            metric.prepare(Columns(np.array([0, 1]), np.array([0, 2]), np.array([0, 1, 2])))
        with pytest.raises(ValueError, match="integer codes"):
            metric.prepare(Columns(np.array([0, 1]), np.array([0.0, 1.0]), np.array([0, 1, 2])))
        with pytest.raises(ValueError, match="offsets"):
            metric.prepare(Columns(np.array([0, 1]), np.array([0, 1]), np.array([0, 1])))


def test_declarations():
    for metric in (*METRICS, Yield()):
        assert registry.get(metric.name) is not None
        assert metric.statistic(metric.headline).unit == "proportion"
        assert metric.averages == ("pooled", "subject_mean")
        assert set(metric.statistics[0].intervals) <= set(METHODS)
        assert metric.figure == ("none" if metric.name == "yield" else "confusion")


def test_yield():
    outputs = ["AF", "poor", "SR", None, "SR"]
    estimate = only(reported_share([0] * 5, outputs, indeterminate=("inconclusive", "poor"), ci="wilson"))
    assert estimate.value == 3 / 5
    assert estimate.counts == Counts(5, 5, 3)
    # prop.test(3, 5, correct = FALSE)$conf.int in R: 0.2307, 0.8824
    assert (round(estimate.interval.lower, 4), round(estimate.interval.upper, 4)) == (0.2307, 0.8824)
    assert only(reported_share([0, 0], [70.0, math.nan])).value == 0.5
    assert only(reported_share([], [])).error == "There are no units."


def test_yield_does_not_look_at_the_reference():
    cells = Columns(np.array([np.nan, 7.0]), np.array([1, 0]), np.array([0, 1, 2]))
    prepared = Yield().prepare(cells)
    result = estimates(Yield(), prepared, methods={}, level=0.95, sides="two", weights=None)
    assert result["yield"].value == 0.5


def test_confusion_refuses():
    with pytest.raises(ValueError, match="one length"):
        confusion([0, 1], [0], 2)
    with pytest.raises(ValueError, match="codes from 0 to 1"):
        confusion([0, 2], [0, 1], 2)
    assert confusion([], [], 2).tolist() == [[0, 0], [0, 0]]


def test_result_prints_the_fraction():
    text = str(sensitivity([1, 1, 1], [1, 0, 1]))
    assert "2/3" in text
    assert "Clopper-Pearson" in text
