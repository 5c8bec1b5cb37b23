"""Paired differences of two versions: both at the same subject weights, with a verdict."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare as matches
from scipy import stats

from accordance.evaluators import registry, subgroups
from accordance.evaluators.comparison.difference import DifferencePrepared
from accordance.evaluators.comparison.scales import INTERVALS
from accordance.evaluators.comparison.verdict import (
    equivalence_p,
    equivalent,
    non_inferiority_p,
    oriented,
    verdict,
)
from accordance.evaluators.comparison.versions import compare_prepared, compare_versions
from accordance.evaluators.functions import arrange
from accordance.evaluators.metric import CannotComputeError, Interval
from accordance.evaluators.weights import ResamplingWeights

INDEPENDENT = {"truth": "independent"}


def data(seed=3, subjects=12, rows=5, effect=0.0):
    """Reference, baseline, candidate and subject; the versions share the subject's and the row's error."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(subjects), rows)
    reference = rng.normal(80, 10, subjects * rows)
    shared = rng.normal(0, 2, subjects)[subject] + rng.normal(0, 1, len(subject))
    baseline = reference + shared + rng.normal(0, 1, len(subject))
    candidate = reference + shared * (1 - effect) + rng.normal(0, 1, len(subject))
    return reference, baseline, candidate, subject


def prepared(name, reference, test, subject, average="pooled", **parameters):
    columns, keys = arrange(np.asarray(reference), np.asarray(test), subject)
    return registry.get(name).prepare(columns, average=average, **parameters), keys


@pytest.mark.parametrize("name", ["pefr", "sbp", "milk", "creat", "giav", "scint"])
def test_difference_of_biases_is_the_paired_t_test(oracle, name):
    """`t.test(test, reference, paired = TRUE)` in R: the bias of the test against that of the reference."""
    rows, expected = oracle.rows(f"ttest.{name}"), oracle.values(f"ttest.{name}")
    found = compare_versions(
        "bland_altman", np.zeros(len(rows.reference)), rows.reference, rows.test, parameters=INDEPENDENT
    )
    bounds = found.difference.interval
    t = found.difference.value / found.difference.standard_error
    matches("paired difference, cluster t", [t, bounds.lower, bounds.upper], [expected["t"], *expected["ci"]])


@pytest.mark.parametrize("name", ["pefr", "sbp", "milk", "creat", "giav", "scint"])
def test_tests_of_equivalence_against_r(oracle, name):
    """`TOSTER::tsum_TOST` and `t.test` in R: both one-sided tests, and the 90% interval."""
    rows, expected = oracle.rows(f"tost_paired.{name}"), oracle.values(f"tost_paired.{name}")
    found = compare_versions(
        "bland_altman",
        np.zeros(len(rows.reference)),
        rows.reference,
        rows.test,
        parameters=INDEPENDENT,
        level=0.9,
    ).difference
    margin, df = expected["equivalence_bound"], expected["df"]
    arguments = (found.standard_error, df, margin)
    matches(
        "equivalence of a paired difference, TOST",
        [
            non_inferiority_p(found.value, *arguments),
            non_inferiority_p(-found.value, *arguments),
            equivalence_p(found.value, *arguments),
            found.interval.lower,
            found.interval.upper,
        ],
        [expected["p_lower"], expected["p_upper"], expected["p_tost"], *expected["ci90"]],
    )
    assert equivalent(found.interval, margin) == (expected["p_tost"] < 0.05)


def test_difference_of_means_of_subjects_is_a_paired_t_of_subject_means():
    """Closed form: with `subject_mean` the difference of MAE is the mean of the subjects' differences."""
    reference, baseline, candidate, subject = data()
    found = compare_versions("mae", reference, baseline, candidate, subject=subject, average="subject_mean")
    own = [
        np.mean(np.abs(candidate - reference)[subject == i])
        - np.mean(np.abs(baseline - reference)[subject == i])
        for i in range(12)
    ]
    expected = stats.ttest_1samp(own, 0).confidence_interval(0.95)
    interval = found.difference.interval
    np.testing.assert_allclose([interval.lower, interval.upper], [expected.low, expected.high], rtol=1e-10)
    jackknife = compare_versions(
        "mae", reference, baseline, candidate, subject=subject, average="subject_mean", ci="jackknife_t"
    ).difference.interval
    np.testing.assert_allclose([jackknife.lower, jackknife.upper], [expected.low, expected.high], rtol=1e-9)


@pytest.mark.parametrize("name", ["rmse", "mae", "median_absolute_error"])
def test_bootstrap_uses_one_matrix_for_both(name):
    """Percentile bounds equal those of subjects drawn by hand for both versions at once."""
    reference, baseline, candidate, subject = data(effect=0.3)
    found = compare_versions(
        name,
        reference,
        baseline,
        candidate,
        subject=subject,
        ci="bootstrap_percentile",
        replicates=999,
        seed=5,
    )
    keys = tuple(sorted({str(i) for i in subject}))
    counts = ResamplingWeights(keys, seed=5, replicates=999).matrix(keys).astype(int)

    def statistic(rows, values):
        error = np.abs(values - reference)[rows]
        return {"rmse": np.sqrt(np.mean(error**2)), "mae": np.mean(error)}.get(name, np.median(error))

    replicates = []
    for row in counts:
        rows = np.concatenate(
            [np.flatnonzero(subject == int(key)) for key, n in zip(keys, row, strict=True) for _ in range(n)]
        )
        replicates.append(statistic(rows, candidate) - statistic(rows, baseline))
    expected = np.sort(replicates)[[24, 974]]  # positions 25 and 975 of 999
    interval = found.difference.interval
    np.testing.assert_allclose([interval.lower, interval.upper], expected, rtol=1e-9)


def test_pairing_narrows_the_interval():
    reference, baseline, candidate, subject = data()
    paired = compare_versions("mae", reference, baseline, candidate, subject=subject).difference
    one, two = (prepared("mae", reference, values, subject)[0] for values in (baseline, candidate))
    unpaired = np.hypot(one.standard_error("mae"), two.standard_error("mae"))
    assert paired.standard_error < 0.5 * unpaired


OF_TWO_COLUMNS = [
    metric for metric in registry.all_metrics() if not any(role.needed for role in metric.columns)
]


@pytest.mark.parametrize("metric", OF_TWO_COLUMNS, ids=lambda metric: metric.name)
def test_every_metric_can_be_compared(metric):
    """A value with an interval, or a reason; for every statistic, and the verdict fits the direction."""
    if metric.name.startswith("shapiro") or metric.kind == "measurement":
        reference, baseline, candidate, subject = data(seed=8)
        if not metric.one_unit:  # events, and the time they were counted in
            baseline, candidate = np.random.default_rng(3).poisson(2, (2, len(reference)))
    else:
        rng = np.random.default_rng(2)
        reference, baseline, candidate = (rng.integers(0, 2, 60) for _ in range(3))
        subject = np.repeat(np.arange(12), 5)
        if metric.name.startswith("beat_"):  # which know their categories
            reference, baseline, candidate = np.array(["V", "O"])[[reference, baseline, candidate]]
    given = {
        parameter.name: {"truth": "independent", "tolerance": 2, "category": "1"}.get(
            parameter.name, parameter.choices[0] if parameter.choices else 0.5
        )
        for parameter in metric.parameters
        if repr(parameter.default) == "REQUIRED"
    }
    for statistic in metric.statistics:
        found = compare_versions(
            metric, reference, baseline, candidate, subject=subject, parameters=given,
            statistic=statistic.name, average=metric.averages[0], replicates=200, level=0.9, margin=1.0,
        )  # fmt: skip
        assert str(found)
        if found.difference.interval is None:
            assert found.difference.error
            assert found.verdict.decision == "not_evaluable"
        elif statistic.better == "none":
            assert found.verdict.decision == "not_evaluable"
            assert "direction" in found.verdict.reason


def test_verdict_is_oriented_by_the_direction_of_the_metric():
    reference, baseline, candidate, subject = data(effect=0.9, subjects=30)
    better = compare_versions("mae", reference, baseline, candidate, subject=subject, margin=0.1)
    assert better.difference.value < 0 < better.improvement
    assert better.verdict.decision == "superior"
    swapped = compare_versions("mae", reference, candidate, baseline, subject=subject, margin=0.1)
    assert (swapped.verdict.decision, swapped.verdict.worse) == ("inferior", True)
    np.testing.assert_allclose(
        [swapped.interval.lower, swapped.interval.upper],
        [-better.interval.upper, -better.interval.lower],
        rtol=1e-12,
    )


def test_one_sided_bounds_are_bounds_of_the_improvement():
    reference, baseline, candidate, subject = data(effect=0.3)
    two = compare_versions("mae", reference, baseline, candidate, subject=subject, level=0.95)
    lower = compare_versions(
        "mae", reference, baseline, candidate, subject=subject, level=0.975, sides="lower"
    )
    assert lower.interval.sides == "lower" and np.isinf(lower.interval.upper)
    np.testing.assert_allclose(lower.interval.lower, two.interval.lower, rtol=1e-12)


def test_distance_from_zero_of_a_signed_statistic():
    """Candidate at -1, baseline at 3: two closer to zero, whatever the signs."""
    rng = np.random.default_rng(1)
    reference = rng.normal(80, 10, 50)
    noise = rng.normal(0, 1, 50)
    baseline, candidate = reference + 3 + noise, reference - 1 + noise + rng.normal(0, 0.2, 50)
    found = compare_versions(
        "bland_altman", reference, baseline, candidate, parameters=INDEPENDENT, margin=0.5
    )
    assert found.improvement == pytest.approx(abs(found.baseline) - abs(found.candidate))
    assert found.interval.lower < found.improvement < found.interval.upper
    assert found.verdict.decision == "superior"
    back = compare_versions(
        "bland_altman", reference, candidate, baseline, parameters=INDEPENDENT, margin=0.5
    )
    assert back.verdict.decision == "inferior"
    np.testing.assert_allclose(
        [back.interval.lower, back.interval.upper], [-found.interval.upper, -found.interval.lower], rtol=1e-9
    )


@pytest.mark.parametrize(("baseline", "candidate"), [(0.0, 0.0), (0.5, -0.5), (0.0, 0.3), (2.0, 2.0)])
def test_distance_from_zero_holds_its_level(baseline, candidate):
    """Simulated coverage of 95% intervals is at least 95% at zero, where a bootstrap of |bias| fails."""
    rng = np.random.default_rng(11)
    truth, hits, studies = abs(baseline) - abs(candidate), 0, 200
    for _ in range(studies):
        shared = rng.normal(0, 1, 20)
        one, two = (value + shared + rng.normal(0, 1, 20) for value in (baseline, candidate))
        found = compare_versions("bland_altman", np.zeros(20), one, two, parameters=INDEPENDENT)
        hits += found.interval.lower <= truth <= found.interval.upper
    assert hits / studies >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / studies)


def test_two_equal_versions_decide_nothing():
    reference, baseline, _, subject = data()
    for ci in INTERVALS["additive"]:
        found = compare_versions(
            "mae", reference, baseline, baseline, subject=subject, margin=1, ci=ci, replicates=200
        )
        assert found.difference.value == 0
        assert found.verdict.decision == "not_evaluable", ci


@pytest.mark.parametrize("name", ["mae", "median_absolute_error"])
def test_versions_that_differ_by_a_constant_decide_nothing(name):
    """Every subject's difference is 0.1, up to rounding: the percentile interval said superior."""
    rng = np.random.default_rng(0)
    reference = rng.normal(80, 10, 60)
    baseline = reference + np.abs(rng.normal(0, 1, 60)) + 0.5
    for ci in INTERVALS[registry.get(name).route]:
        found = compare_versions(
            name,
            reference,
            baseline,
            baseline - 0.1,
            subject=np.repeat(np.arange(20), 3),
            ci=ci,
            replicates=999,
        )
        assert found.difference.value == pytest.approx(-0.1)
        assert found.verdict.decision == "not_evaluable", ci


def test_a_version_on_one_subject_has_no_interval():
    """Its influence is 0, so that the standard error was that of the other version alone."""
    reference, baseline, candidate, subject = data()
    first, keys = prepared("mae", reference, baseline, subject)
    mine = subject == 3  # one subject of twelve
    offsets = np.where(np.arange(13) > 3, 5, 0)
    second = registry.get("mae").prepare(
        type(arrange(reference, baseline, subject)[0])(reference[mine], candidate[mine], offsets)
    )
    for ci in ("cluster_t", "jackknife_t"):
        found = compare_prepared(
            registry.get("mae"), candidate=second, baseline=first, keys=keys, ci=ci, margin=5.0
        )
        assert "the candidate rests on 1" in found.difference.error
        assert found.verdict.decision == "not_evaluable"


def test_the_distance_from_zero_needs_two_intervals_with_width():
    """Errors that mirror each other: their sum does not vary, and a bound would be exact."""
    baseline = np.array([9.0, 10.0, 11.0, 10.5, 9.5])
    found = compare_versions("bland_altman", np.zeros(5), baseline, 12 - baseline, parameters=INDEPENDENT)
    assert found.improvement == pytest.approx(8)
    assert found.verdict.decision == "not_evaluable"


def test_one_subject_and_no_rows_have_reasons():
    reference, baseline, candidate, _ = data()
    one = compare_versions("mae", reference, baseline, candidate, subject=["a"] * len(reference), margin=1)
    assert np.isfinite(one.difference.value)
    assert "two subjects" in one.difference.error and one.verdict.decision == "not_evaluable"
    none = compare_versions("mae", [], [], [], margin=1)
    assert np.isnan(none.difference.value) and "no rows" in none.difference.error
    empty = compare_versions("sensitivity", [0, 0, 0], [1, 0, 0], [0, 0, 1])
    assert "no reference positives" in empty.difference.error


def test_versions_with_other_rows_are_compared_and_it_is_said():
    reference, baseline, candidate, subject = data()
    first, keys = prepared("mae", reference, baseline, subject)
    fewer = subject != 3
    offsets = np.arange(13) * 5 - np.where(np.arange(13) > 3, 5, 0)
    columns = type(arrange(reference, baseline, subject)[0])(reference[fewer], candidate[fewer], offsets)
    second = registry.get("mae").prepare(columns)
    found = compare_prepared(registry.get("mae"), candidate=second, baseline=first, keys=keys)
    assert "55 units of 11 subjects" in found.difference.warning
    assert found.difference.counts.n_subjects == 12
    jackknife = compare_prepared(
        registry.get("mae"), candidate=second, baseline=first, keys=keys, ci="jackknife_t"
    )
    assert jackknife.difference.interval.upper == pytest.approx(found.difference.interval.upper, rel=0.05)
    with pytest.raises(ValueError, match="12 subjects and `baseline` 5"):
        DifferencePrepared(first, first.subset(np.arange(5)))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.permutations(list(range(12))))
def test_order_labels_and_units_do_not_matter(seed, labels):
    reference, baseline, candidate, subject = data(seed=seed)
    order = np.random.default_rng(seed).permutation(len(subject))
    one = compare_versions("rmse", reference, baseline, candidate, subject=subject)
    other = compare_versions(
        "rmse", *(3 * values[order] for values in (reference, baseline, candidate)),
        subject=np.array(labels)[subject][order],
    )  # fmt: skip
    np.testing.assert_allclose(
        [other.difference.value, other.interval.lower, other.interval.upper],
        [3 * one.difference.value, 3 * one.interval.lower, 3 * one.interval.upper],
        rtol=1e-8,
        atol=1e-10,
    )


def test_methods_that_do_not_fit_are_refused():
    reference, baseline, candidate, _ = data()
    with pytest.raises(ValueError, match="offers bootstrap_percentile"):
        compare_versions("median_absolute_error", reference, baseline, candidate, ci="jackknife_t")
    with pytest.raises(ValueError, match="`margin` must be a positive number"):
        compare_versions("mae", reference, baseline, candidate, margin=0)
    with pytest.raises(ValueError, match="`average`"):
        compare_versions(
            "bland_altman", reference, baseline, candidate, average="subject_mean", parameters=INDEPENDENT
        )


def test_p_values_agree_with_the_bounds():
    """p < 0.025 exactly where the lower bound of the 95% t interval is above -margin."""
    reference, baseline, candidate, subject = data(effect=0.2)
    found = compare_versions("mae", reference, baseline, candidate, subject=subject)
    error = found.difference.standard_error
    assert non_inferiority_p(found.improvement, error, 11, -found.interval.lower) == pytest.approx(0.025)
    with pytest.raises(CannotComputeError, match="do not differ"):
        non_inferiority_p(0.1, 0.0, 11)
    with pytest.raises(CannotComputeError, match="two subjects"):
        equivalence_p(0.1, 1.0, 0, 1.0)
    with pytest.raises(CannotComputeError, match="needs an estimate"):
        non_inferiority_p(float("nan"), 1.0, 11)


@pytest.mark.parametrize(
    ("bounds", "margin", "expected"),
    [
        ((0.1, 0.3), None, "superior"),
        ((0.0, 0.3), 0.1, "non-inferior"),
        ((-0.1, 0.3), 0.1, "inconclusive"),  # on the margin is not above it
        ((-0.3, -0.1), 0.1, "inconclusive, worse"),
        ((-0.3, -0.11), 0.1, "inferior, worse"),
        ((-0.05, -0.01), 0.1, "non-inferior, worse"),
        ((-0.3, -0.2), None, "inconclusive, worse"),
    ],
)
def test_verdicts(bounds, margin, expected):
    assert str(verdict(Interval(*bounds, 0.95, "two", "cluster_t"), margin)) == expected


def test_a_verdict_within_monte_carlo_error_is_flagged():
    interval = Interval(0.001, 0.3, 0.95, "two", "bootstrap_percentile", mc_error=(0.002, 0.002))
    assert "more replicates" in verdict(interval).reason
    assert not equivalent(interval, 0.2) and equivalent(interval, 0.31)
    assert oriented(interval, "lower").mc_error == (0.002, 0.002)
    with pytest.raises(CannotComputeError):
        oriented(interval, "none")
    assert verdict(Interval(np.nan, 1, 0.95, "two", "cluster_t")).decision == "not_evaluable"
    assert verdict(None, reason="x").reason == "x"
    point = Interval(1.0, 1.0, 0.95, "two", "wilson")
    assert verdict(point, 0.1).decision == "not_evaluable" and not equivalent(point, 2.0)


@pytest.mark.parametrize(
    ("metric", "column"), [("bland_altman_mixed_by_condition", "condition"), ("bias_slope", "covariate")]
)
def test_a_metric_that_needs_a_further_column_is_refused_by_name(metric, column):
    rows = [60, 70, 80, 90], [61, 72, 80, 94]
    with pytest.raises(ValueError, match=f"`{metric}` needs the further column `{column}`, which `compare_v"):
        compare_versions(metric, rows[0], rows[1], rows[1])
    with pytest.raises(ValueError, match=f"`{metric}` needs the further column `{column}`, which `subgroups"):
        subgroups(metric, *rows, list("aabb"))


def test_further_raters_are_optional_and_two_are_compared():
    found = compare_versions("fleiss_kappa", [1, 2, 3, 4, 3], [1, 2, 3, 5, 3], [2, 2, 3, 4, 3])
    assert -1 <= found.baseline <= 1 and found.difference.value == found.candidate - found.baseline
