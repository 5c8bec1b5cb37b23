"""Statistics of the four cells: identities, symmetries, subject weights, counts alone, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from diagnostic import rows
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare
from scipy import optimize, stats
from sklearn import metrics as sklearn_metrics

from accordance import evaluators
from accordance.evaluators import (
    accuracy,
    accuracy_at_prevalence,
    balanced_accuracy,
    diagnostic_odds_ratio,
    f1,
    f_beta,
    from_counts,
    lr_negative,
    lr_positive,
    mcc,
    npv,
    npv_at_prevalence,
    ppv,
    ppv_at_prevalence,
    prevalence,
    sensitivity,
    specificity,
    youden,
)
from accordance.evaluators.classification.cells import CellsPrepared
from accordance.evaluators.classification.f_scores import METRICS as F_SCORES
from accordance.evaluators.classification.likelihood_ratios import METRICS as RATIOS
from accordance.evaluators.classification.overall_accuracy import METRICS as OVERALL
from accordance.evaluators.classification.stated_prevalence import METRICS as STATED
from accordance.evaluators.classification.table_intervals import score_ratio
from accordance.evaluators.intervals import METHODS
from accordance.evaluators.metric import Columns, Counts

METRICS = [*OVERALL, *F_SCORES, *RATIOS, *STATED]
GIVEN = {"f_beta": {"beta": 2.0}} | {metric.name: {"prevalence": 0.2} for metric in STATED}
FUNCTIONS = [getattr(evaluators, metric.name) for metric in METRICS]
UNIT = st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 6))
UNITS = st.lists(UNIT, min_size=1, max_size=40)
CELL = st.integers(1, 60)
TABLE = st.tuples(CELL, CELL, CELL, CELL)
ANY_TABLE = st.tuples(*[st.integers(0, 8)] * 4)
every_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)


def columns(units, weights=None):
    """Units as (reference, test, subject), sorted by subject."""
    table = np.array(sorted(units, key=lambda unit: unit[2]), dtype=np.int64).reshape(-1, 3)
    subjects, counts = np.unique(table[:, 2], return_counts=True)
    return Columns(
        table[:, 0], table[:, 1], np.concatenate([[0], np.cumsum(counts)]), weights=weights
    ), subjects


def prepared(metric, units):
    found = metric.prepare(columns(units)[0], **GIVEN.get(metric.name, {}))
    assert isinstance(found, CellsPrepared)
    return found


def only(result):
    (estimate,) = result.values()
    return estimate


def call(function, units, **options):
    table = np.array(units, dtype=np.int64)
    options |= GIVEN.get(function.__name__, {})
    return only(function(table[:, 0], table[:, 1], subject=table[:, 2], **options))


def value(function, table, **options):
    return only(function(*rows(*table), **options)).value


@given(TABLE)
def test_identities(table):
    se, sp = value(sensitivity, table), value(specificity, table)
    half = value(balanced_accuracy, table)
    assert half == pytest.approx((se + sp) / 2)
    assert value(youden, table) == pytest.approx(2 * half - 1, abs=1e-12)
    assert value(accuracy_at_prevalence, table, prevalence=0.5) == pytest.approx(half)
    own = value(prevalence, table)
    assert value(ppv_at_prevalence, table, prevalence=own) == pytest.approx(value(ppv, table))
    assert value(npv_at_prevalence, table, prevalence=own) == pytest.approx(value(npv, table))
    assert value(accuracy_at_prevalence, table, prevalence=own) == pytest.approx(value(accuracy, table))
    assert value(f1, table) == pytest.approx(stats.hmean([se, value(ppv, table)]))
    assert value(f_beta, table, beta=1) == pytest.approx(value(f1, table))
    ratio = value(lr_positive, table) / value(lr_negative, table)
    assert value(diagnostic_odds_ratio, table) == pytest.approx(ratio)
    assert value(mcc, table) == pytest.approx(np.corrcoef(*rows(*table))[0, 1], abs=1e-12)


@given(TABLE)
def test_symmetries(table):
    """Other names for the classes, and reference and test exchanged."""
    tp, fp, fn, tn = table
    flipped, swapped = (tn, fn, fp, tp), (tp, fn, fp, tn)
    for function in (balanced_accuracy, youden, mcc, diagnostic_odds_ratio):
        assert value(function, flipped) == pytest.approx(value(function, table), abs=1e-12)
    for function in (f1, mcc, diagnostic_odds_ratio):
        assert value(function, swapped) == pytest.approx(value(function, table), abs=1e-12)
    assert value(lr_positive, flipped) == pytest.approx(1 / value(lr_negative, table))
    assert value(ppv_at_prevalence, flipped, prevalence=0.3) == pytest.approx(
        value(npv_at_prevalence, table, prevalence=0.7)
    )


def test_values_of_scikit_learn():
    """`sklearn.metrics`: F scores, matthews_corrcoef, balanced_accuracy_score, class_likelihood_ratios."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, 2, 50)
        call_ = np.where(rng.random(50) < 0.7, truth, 1 - truth)
        weights = rng.random(50) if seed % 2 else None
        positive, negative = sklearn_metrics.class_likelihood_ratios(truth, call_, sample_weight=weights)
        for function, expected, options in (
            (f1, sklearn_metrics.f1_score(truth, call_, sample_weight=weights), {}),
            (f_beta, sklearn_metrics.fbeta_score(truth, call_, beta=2, sample_weight=weights), {"beta": 2}),
            (mcc, sklearn_metrics.matthews_corrcoef(truth, call_, sample_weight=weights), {}),
            (
                balanced_accuracy,
                sklearn_metrics.balanced_accuracy_score(truth, call_, sample_weight=weights),
                {},
            ),
            (lr_positive, positive, {}),
            (lr_negative, negative, {}),
        ):
            found = only(function(truth, call_, weights=weights, **options)).value
            compare(f"2x2 table, {function.__name__} (scikit-learn)", found, expected)


@every_metric
@given(units=UNITS, data=st.data())
@settings(max_examples=40, deadline=None)
def test_integer_weights_are_repeated_subjects(metric, units, data):
    found = prepared(metric, units)
    _, subjects = columns(units)
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(subjects), max_size=len(subjects)))
    repeated = [
        (r, t, 100 * s + copy)
        for s, weight in zip(subjects, weights, strict=True)
        for copy in range(weight)
        for r, t, owner in units
        if owner == s
    ]
    (at_weights,) = found.at(np.array([weights], dtype=float))
    expected = prepared(metric, repeated).estimate() if repeated else np.full(1, np.nan)
    if metric.name == "diagnostic_odds_ratio" or repeated:
        np.testing.assert_allclose(at_weights, expected, rtol=1e-11, atol=1e-14)


@every_metric
@given(units=UNITS, factor=st.sampled_from([0.25, 3.0, 1e6]))
@settings(max_examples=25, deadline=None)
def test_real_weights_have_no_scale(metric, units, factor):
    found = prepared(metric, units)
    weights = np.linspace(1, 2, found.n_subjects)[None, :]
    once, scaled = found.at(weights, relative=True), found.at(factor * weights, relative=True)
    np.testing.assert_allclose(scaled, once, rtol=1e-10, atol=1e-13)


@every_metric
@given(units=UNITS, random=st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_row_order_labels_and_equal_row_weights_do_not_matter(metric, units, random):
    function = getattr(evaluators, metric.name)
    shuffled = [(r, t, 50 - s) for r, t, s in units]
    random.shuffle(shuffled)
    plain = call(function, units)
    weighted = call(function, units, weights=np.full(len(units), 3.5))
    for other in (call(function, shuffled), weighted):
        assert other.value == pytest.approx(plain.value, rel=1e-12, abs=1e-13, nan_ok=True)
        assert other.standard_error == pytest.approx(plain.standard_error, rel=1e-9, abs=1e-12, nan_ok=True)
        assert other.counts == plain.counts


@every_metric
def test_standard_error_is_the_derivative_in_the_weights(metric):
    units = [
        (1, 1, 0),
        (1, 0, 0),
        (0, 0, 1),
        (0, 1, 1),
        (1, 1, 2),
        (0, 0, 2),
        (0, 0, 2),
        (1, 1, 3),
        (0, 1, 3),
    ]
    found, step = prepared(metric, units), 1e-5
    for i, slope in enumerate(found.influence()):
        weights = np.ones((2, found.n_subjects))
        weights[:, i] += [step, -step]
        above, below = found.at(weights)
        np.testing.assert_allclose(slope, (above - below) / (2 * step), rtol=1e-6, atol=1e-8)


@every_metric
def test_parts_prepared_apart_are_put_together(metric):
    here = [(1, 1, 0), (1, 0, 0), (0, 0, 1), (0, 1, 1)]
    there = [(1, 1, 2), (0, 0, 2), (0, 0, 3), (1, 1, 3), (0, 1, 3)]
    together = prepared(metric, here).concat(prepared(metric, there))
    np.testing.assert_allclose(together.estimate(), prepared(metric, here + there).estimate(), rtol=1e-13)
    left_out = np.ones((4, 4)) - np.eye(4)
    np.testing.assert_allclose(together.jackknife(), together.at(left_out), rtol=1e-12)


@every_metric
def test_every_method_gives_an_interval_around_the_estimate(metric):
    rng = np.random.default_rng(3)
    subject = np.repeat(np.arange(25), 8)
    truth = rng.integers(0, 2, 200)
    test = np.where(rng.random(200) < np.repeat(rng.beta(8, 2, 25), 8), truth, 1 - truth)
    units = list(zip(truth, test, subject, strict=True))
    function = getattr(evaluators, metric.name)
    for method in metric.statistics[0].intervals:
        for sides in ("two", "lower", "upper"):
            found = call(function, units, ci=method, sides=sides, replicates=999)
            assert found.error is None
            assert found.interval.lower < found.value < found.interval.upper
            assert found.interval.independent_rows == (method in metric.from_cells)
        assert method in METHODS
    default = call(function, units).interval.method
    assert default == metric.statistics[0].intervals[0]


@given(TABLE, st.sampled_from(["koopman", "miettinen_nurminen_ratio", "log"]))
@settings(max_examples=50, deadline=None)
def test_score_bounds_are_those_of_the_likelihood(table, method):
    """At a bound the score statistic, with the maximum of the likelihood found numerically, is 1.96^2."""
    tp, fp, fn, tn = table
    groups = (tp, tp + fn, fp, fp + tn)
    found = only(lr_positive(*rows(*table), ci=method))
    assert found.interval.lower < found.value < found.interval.upper
    if method == "log":
        return
    x1, n1, x0, n0 = groups
    for bound in (found.interval.lower, found.interval.upper):

        def negative(p0, bound=bound):
            p1 = bound * p0
            return -(stats.binom.logpmf(x1, n1, min(p1, 1)) + stats.binom.logpmf(x0, n0, p0))

        top = min(1, 1 / bound)
        p0 = optimize.minimize_scalar(
            negative, bounds=(1e-12, top * (1 - 1e-12)), method="bounded", options={"xatol": 1e-12}
        ).x
        p1 = bound * p0
        variance = p1 * (1 - p1) / n1 + bound**2 * p0 * (1 - p0) / n0
        if method != "koopman":
            variance *= (n1 + n0) / (n1 + n0 - 1)
        assert (x1 / n1 - bound * x0 / n0) ** 2 / variance == pytest.approx(1.959963984540054**2, rel=1e-3)


@given(TABLE)
def test_score_interval_of_the_inverse_is_the_inverse(table):
    tp, fp, fn, tn = table
    found = score_ratio(tp, tp + fn, fp, fp + tn, level=0.95, sides="two")
    inverse = score_ratio(fp, fp + tn, tp, tp + fn, level=0.95, sides="two")
    assert (1 / inverse[1], 1 / inverse[0]) == pytest.approx(found, rel=1e-9)


@given(ANY_TABLE)
@settings(max_examples=150, deadline=None)
def test_counts_say_what_rows_say(table):
    """Every statistic from counts equals that from as many rows, each a subject of its own."""
    from_table = from_counts(*table, prevalence=0.2)
    for name, found in from_table.items():
        options = {"prevalence": 0.2} if name.endswith("_at_prevalence") else {}
        offered = found.statistic.intervals
        first = ("clopper_pearson", "mover_wilson", "mercaldo", "log", "cluster_t")
        method = next(one for one in first if one in offered)
        expected = only(getattr(evaluators, name)(*rows(*table), ci=method, **options))
        assert found.value == pytest.approx(expected.value, rel=1e-12, nan_ok=True)
        assert found.standard_error == pytest.approx(
            expected.standard_error, rel=1e-8, abs=1e-12, nan_ok=True
        )
        assert found.counts == expected.counts
        assert expected.error in {found.error, "There are no rows."}
        if found.interval:
            got, other = found.interval, expected.interval
            assert (got.lower, got.upper) == pytest.approx((other.lower, other.upper), rel=1e-7, abs=1e-9)


def test_counts_of_hundreds_of_millions_keep_their_digits():
    """Margins whose products go beyond 2^53, counts beyond 2^31."""
    table = (3_000_000_000, 200_000_000, 500_000_000, 9_000_000_000)
    small = tuple(count // 100_000_000 for count in table)
    large, little = from_counts(*table, prevalence=0.1), from_counts(*small, prevalence=0.1)
    for name, found in large.items():
        assert found.value == pytest.approx(little[name].value, rel=1e-14)
        assert found.interval.upper - found.interval.lower < 1e-2 * max(1, found.value)
        assert found.counts.n_units > 2**31


def test_counts_take_methods_by_statistic():
    result = from_counts(30, 2, 5, 65, ci={"sensitivity": "mid_p", "lr_positive": "koopman"})
    assert result["sensitivity"].interval.method == "mid_p"
    assert result["lr_positive"].interval.method == "koopman"
    assert result["specificity"].interval.method == "clopper_pearson"
    wilson = from_counts(30, 2, 5, 65, ci="wilson")
    assert wilson["ppv"].interval.method == "wilson"
    assert wilson["youden"].interval.method == "mover_wilson"
    assert "tp=30, fp=2, fn=5, tn=65" in str(wilson)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((1, 2, -3, 4), {}, "`fn` is -3"),
        ((1.5, 2, 3, True), {}, r"`tp` is 1\.5.*`tn` is True"),
        ((1, 2, 3, 4), {"ci": "mover"}, "counts offer agresti_coull"),
        ((1, 2, 3, 4), {"ci": "bootstrap_bca"}, "counts offer"),
        ((1, 2, 3, 4), {"ci": {"auc": "wilson"}}, "names auc"),
        ((1, 2, 3, 4), {"ci": {"mcc": "wilson"}}, "`mcc` has no `wilson` from counts; it offers cluster_t"),
        ((1, 2, 3, 4), {"prevalence": 1.0}, "`prevalence` is 1.0"),
        ((1, 2, 3, 4), {"correction": "yates"}, "`correction` is 'yates'"),
        ((1, 2, 3, 4), {"level": 95}, "`level` must lie"),
    ],
)
def test_counts_refuse(arguments, options, said):
    with pytest.raises(ValueError, match=said):
        from_counts(*arguments, **options)


def test_no_rows_and_empty_classes_say_so():
    for function in FUNCTIONS:
        options = GIVEN.get(function.__name__, {})
        empty = only(function([], [], **options))
        assert math.isnan(empty.value)
        assert empty.error == "There are no rows."
        assert empty.counts == Counts(0, 0, 0)
    for function in (lr_positive, lr_negative, youden, balanced_accuracy):
        assert only(function([1, 1], [1, 0])).error == "There are no reference negatives."
        assert only(function([0, 0], [1, 0])).error == "There are no reference positives."
    assert only(mcc([1, 1], [1, 0])).error.startswith("The correlation is 0/0: the reference")
    assert only(mcc([1, 0], [1, 1])).error.startswith("The correlation is 0/0: the test")
    assert only(f1([0, 0], [0, 0])).error.startswith("The score is 0/0")
    assert only(ppv_at_prevalence([1, 0], [0, 0], prevalence=0.1)).error == "There are no test positives."
    assert only(npv_at_prevalence([1, 0], [1, 1], prevalence=0.1)).error == "There are no test negatives."
    assert "0/0" in only(diagnostic_odds_ratio([1, 0], [0, 0])).error
    assert "infinite" in only(diagnostic_odds_ratio([1, 0], [1, 0])).error
    assert "0/0: no unit is test positive" in only(lr_positive([1, 0], [0, 0])).error


def test_one_subject_keeps_its_value_without_a_clustered_interval():
    for function in FUNCTIONS:
        found = call(function, [(1, 1, 0), (1, 0, 0), (0, 0, 0), (0, 1, 0)])
        assert math.isfinite(found.value)
        assert found.interval is None
        assert "at least two subjects" in found.error


def test_weighted_rows_and_several_units_a_subject():
    units = [(1, 1, 0), (1, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 2), (0, 0, 2)]
    refused = call(lr_positive, units, ci="koopman", weights=[1, 2, 1, 1, 1, 1])
    assert "counts units, and these are weighted" in refused.error
    several = call(lr_positive, units, ci="koopman").interval
    assert several.independent_rows
    assert several.warning == "Units are taken for independent, and subjects have several."


def test_perfect_calls():
    """Every statistic of a perfect test has its value, or says why not; no interval without width decides."""
    for function in FUNCTIONS:
        found = call(function, [(i % 2, i % 2, i // 4) for i in range(40)])
        if math.isnan(found.value) or found.interval is None:
            assert "infinite" in found.error
        else:
            assert found.interval.degenerate


@pytest.mark.parametrize("beta", [0, -1, math.nan, "2"])
def test_beta_is_a_positive_number(beta):
    with pytest.raises(ValueError, match="`beta` is"):
        f_beta([1, 0], [1, 0], beta=beta)
