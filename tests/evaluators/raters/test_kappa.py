"""Cohen's kappa against R (vcd, psych, DescTools) and by its symmetries."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import compare

from accordance.evaluators import confusion, registry
from accordance.evaluators.intervals import METHODS
from accordance.evaluators.metric import Columns, Counts
from accordance.evaluators.raters.kappa import CohenKappa, cohen_kappa, kappa_with_error

TABLES = [
    "kappa_anxiety_r1r2", "kappa_diagnoses_r2r3", "kappa_irrCAC_4x4diagnosis", "kappa_irrCAC_3x3abstractors",
    "kappa_cass_binary", "kappa_paradox_high_prev", "kappa_perfect", "kappa_one_class_only",
]  # fmt: skip
UNITS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def cases(reference_data):
    document = json.loads((reference_data / "diagnostic" / "oracle.json").read_text())
    return {case["id"]: case for case in document["cases"]}


def close(value):
    return pytest.approx(value, rel=1e-8, abs=1e-12)


def rows(table):
    """A table as units: reference in rows, test in columns."""
    cells = np.asarray(table)
    i, j = np.indices(cells.shape)
    return np.repeat(i.ravel(), cells.ravel()), np.repeat(j.ravel(), cells.ravel())


def kappa_of(units, **options):
    r, t, s = np.array(units).T
    return cohen_kappa(r, t, subject=s, levels=range(4), **options)["kappa"]


def test_no_table_of_the_oracle_is_left_out(cases):
    assert set(TABLES) == {name for name, case in cases.items() if case["topic"] == "kappa_two_raters"}


@pytest.mark.parametrize("case", TABLES)
def test_kappa_and_large_sample_error(cases, case):
    """`vcd::Kappa(table)`: unweighted value and ASE (Fleiss, Cohen & Everitt 1969); psych agrees."""
    table, outputs = cases[case]["inputs"]["table"], cases[case]["outputs"]
    expected = outputs["vcd_unweighted"]
    value, error = kappa_with_error(table)
    estimate = cohen_kappa(*rows(table), levels=range(len(table)), ci="asymptotic")["kappa"]
    if expected["kappa"] == "NaN":
        assert math.isnan(value)
        assert math.isnan(estimate.value)
        assert "0/0" in estimate.error
        assert estimate.interval is None
        return
    assert value == close(expected["kappa"])
    assert error == close(expected["ase"])
    assert estimate.value == close(expected["kappa"])
    assert estimate.interval.lower == close(expected["lower"])
    assert estimate.interval.upper == close(min(expected["upper"], 1.0))
    n, agreed = int(np.sum(table)), int(np.trace(table))
    assert estimate.counts == Counts(n, n, agreed)
    # with a unit a subject the linearised error is the large-sample one with S / (S - 1)
    assert estimate.standard_error == pytest.approx(expected["ase"] * math.sqrt(n / (n - 1)), abs=1e-9)


@pytest.mark.parametrize("weighting", ["unweighted", "linear", "quadratic"])
@pytest.mark.parametrize("case", TABLES)
def test_weighted_kappa_against_r(cases, case, weighting):
    """`vcd::Kappa(table, weights = "Equal-Spacing" or "Fleiss-Cohen")`; DescTools, psych 2.5.3, irrCAC agree.

    psych 2.2.9 has another variance, which is wrong, and epiR three others.
    """
    table, expected = cases[case]["inputs"]["table"], cases[case]["outputs"][f"vcd_{weighting}"]
    if expected["kappa"] == "NaN":
        assert all(math.isnan(number) for number in kappa_with_error(table, weighting))
        return
    compare(
        f"Cohen's kappa, {weighting}",
        kappa_with_error(table, weighting),
        (expected["kappa"], expected["ase"]),
    )
    estimate = cohen_kappa(*rows(table), levels=range(len(table)), weighting=weighting, ci="asymptotic")
    interval = estimate["kappa"].interval
    compare(
        f"Cohen's kappa, {weighting}, asymptotic",
        (estimate["kappa"].value, interval.lower, interval.upper),
        (expected["kappa"], expected["lower"], min(expected["upper"], 1.0)),
    )


def test_weights_need_an_order():
    with pytest.raises(ValueError, match="give `levels`, lowest first"):
        cohen_kappa(["wake", "n1"], ["n1", "n1"], weighting="linear")


@given(UNITS)
def test_reversing_the_order_changes_no_weighted_kappa(units):
    turned = [(3 - r, 3 - t, s) for r, t, s in units]
    for weighting in ("linear", "quadratic"):
        first, second = kappa_of(units, weighting=weighting), kappa_of(turned, weighting=weighting)
        np.testing.assert_allclose(first.value, second.value, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(first.standard_error, second.standard_error, rtol=1e-9, atol=1e-12)


@given(UNITS)
def test_two_categories_leave_nothing_to_weight(units):
    r, t, s = np.array(units).T
    values = [
        cohen_kappa(r > 1, t > 1, subject=s, levels=[False, True], weighting=weighting)["kappa"].value
        for weighting in ("unweighted", "linear", "quadratic")
    ]
    np.testing.assert_allclose(values, values[0], rtol=1e-12, atol=1e-12)


def test_perfect_agreement_is_marked_degenerate():
    interval = cohen_kappa([0, 0, 1], [0, 0, 1], ci="asymptotic")["kappa"].interval
    assert interval.degenerate
    assert (interval.lower, interval.upper) == (1.0, 1.0)
    bootstrap = cohen_kappa([0, 0, 1, 1] * 5, [0, 0, 1, 1] * 5, ci="bootstrap_percentile", replicates=300)
    assert bootstrap["kappa"].interval.degenerate


def test_constant_rater_has_kappa_zero_and_no_error():
    """Chance agreement equals observed agreement whatever the other says; vcd::Kappa gives 0 with ASE 0."""
    value, error = kappa_with_error([[30, 10], [0, 0]])
    assert (value, error) == (pytest.approx(0.0, abs=1e-15), 0.0)


@given(UNITS)
def test_swapping_the_raters_changes_nothing(units):
    first = kappa_of(units)
    second = kappa_of([(t, r, s) for r, t, s in units])
    np.testing.assert_allclose(first.value, second.value, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(first.standard_error, second.standard_error, rtol=1e-9, atol=1e-12)


@given(UNITS, st.permutations(range(4)))
def test_renaming_the_categories_changes_nothing(units, names):
    first = kappa_of(units)
    second = kappa_of([(names[r], names[t], s) for r, t, s in units])
    np.testing.assert_allclose(first.value, second.value, rtol=1e-12, atol=1e-12)


@given(UNITS)
def test_levels_that_never_occur_change_nothing(units):
    r, t, s = np.array(units).T
    found = cohen_kappa(r, t, subject=s, ci="cluster_t")["kappa"]
    np.testing.assert_allclose(found.value, kappa_of(units).value, rtol=1e-12, atol=1e-12)


@given(UNITS, st.randoms(use_true_random=False))
def test_row_order_does_not_matter(units, random):
    shuffled = list(units)
    random.shuffle(shuffled)
    first, second = kappa_of(units), kappa_of(shuffled)
    assert first.value == second.value or math.isnan(first.value)
    assert first.interval == second.interval


@given(UNITS, st.data())
def test_integer_weights_are_repeated_subjects(units, data):
    table = np.array(sorted(units, key=lambda unit: unit[2]))
    subjects, counts = np.unique(table[:, 2], return_counts=True)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    levels = ("a", "b", "c", "d")
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(subjects), max_size=len(subjects)))
    prepared = CohenKappa().prepare(Columns(table[:, 0], table[:, 1], offsets, levels))
    (at_weights,) = prepared.at(np.array([weights], dtype=float))
    kept = np.repeat(table, np.repeat(weights, counts), axis=0)
    expected = np.nan
    if len(kept):
        expected, _ = kappa_with_error(confusion(kept[:, 0], kept[:, 1], 4))
    np.testing.assert_allclose(at_weights, [expected], rtol=1e-12, atol=1e-12)


def test_clusters_widen_the_interval_where_subjects_repeat_themselves():
    rng = np.random.default_rng(5)
    reference, test = rng.integers(0, 2, 30), rng.integers(0, 2, 30)
    once = cohen_kappa(reference, test, ci="asymptotic")["kappa"].interval
    ten = {"subject": np.repeat(np.arange(30), 10)}
    naive = cohen_kappa(np.repeat(reference, 10), np.repeat(test, 10), ci="asymptotic", **ten)["kappa"]
    knowing = cohen_kappa(np.repeat(reference, 10), np.repeat(test, 10), ci="cluster_t", **ten)["kappa"]
    assert naive.interval.independent_rows
    width = knowing.interval.upper - knowing.interval.lower
    assert width >= once.upper - once.lower > 2 * (naive.interval.upper - naive.interval.lower)
    default = cohen_kappa(np.repeat(reference, 10), np.repeat(test, 10), **ten)["kappa"].interval
    assert default.method == "bootstrap_bca"
    assert default.upper - default.lower > 2 * (naive.interval.upper - naive.interval.lower)


def test_one_sided():
    arguments = ([0, 0, 1, 1, 1], [0, 1, 1, 1, 1])
    one = cohen_kappa(*arguments, sides="lower", ci="asymptotic")["kappa"].interval
    two = cohen_kappa(*arguments, level=0.9, ci="asymptotic")["kappa"].interval
    assert one.lower == pytest.approx(two.lower, rel=1e-12)
    assert one.upper == 1.0


def test_weighted_rows_have_no_large_sample_interval():
    estimate = cohen_kappa([0, 1, 1], [0, 1, 0], weights=[1, 2, 1], ci="asymptotic")["kappa"]
    assert "weighted" in estimate.error
    assert estimate.value == pytest.approx(kappa_with_error([[1, 0], [1, 2]])[0], rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((["a"], ["b"]), {"levels": ["a"]}, "none of the levels a; first 'b'"),
        ((["a"], ["b"]), {"levels": ["a", "b", "a"]}, "twice"),
        ((["a", None], ["b", "a"]), {}, "missing"),
        ((["a"], ["b"]), {"average": "subject_mean"}, "average"),
        ((["a"], ["b"]), {"ci": "wilson"}, "asymptotic"),
    ],
)
def test_refusals(arguments, options, said):
    with pytest.raises(ValueError, match=said):
        cohen_kappa(*arguments, **options)


def test_table_refusals():
    with pytest.raises(ValueError, match="square"):
        kappa_with_error([[1, 2]])
    with pytest.raises(ValueError, match="counts"):
        kappa_with_error([[0, 0], [0, 0]])


def test_no_rows():
    estimate = cohen_kappa([], [])["kappa"]
    assert estimate.error == "There are no rows."


def test_declarations():
    metric = registry.get("cohen_kappa")
    assert metric.kind == "categorical"
    assert metric.figure == "confusion"
    assert set(metric.statistics[0].intervals) <= set(METHODS)
