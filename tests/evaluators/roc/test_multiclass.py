"""Areas of several classes against R (pROC) and scikit-learn, and by brute force."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from diagnostic import cases
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare
from sklearn.metrics import roc_auc_score

from accordance.evaluators import auc, hand_till_auc
from accordance.evaluators.metric import Columns
from accordance.evaluators.roc.multiclass import HAND_TILL

ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 4)),
    min_size=1,
    max_size=25,
)


def only(result):
    (estimate,) = result.values()
    return estimate


@pytest.fixture(scope="module")
def asah(reference_data):
    with (reference_data / "diagnostic" / "data" / "aSAH.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [row["gos6"] for row in rows], np.array([float(row["s100b"]) for row in rows])


def test_one_score_against_proc(reference_data, asah):
    """`pROC::multiclass.roc(gos6, s100b)`: each pair turned on its own, so that none is below 0.5.

    With one direction for all, one of the six pairs of outcomes is in the wrong order and counts as that.
    """
    expected = cases(reference_data)["roc_multiclass_hand_till_gos6_s100b"]["outputs"]["auc"]
    levels, codes = np.unique(asah[0], return_inverse=True)
    prepared = HAND_TILL.prepare(
        Columns(codes, asah[1], np.arange(len(codes) + 1), tuple(levels)), direction="lower"
    )
    pairs = prepared.areas()[np.triu_indices(4, 1)]
    compare("Hand-Till, pairs turned (pROC)", np.maximum(pairs, 1 - pairs).mean(), expected)
    assert (pairs < 0.5).sum() == 1
    found = only(hand_till_auc(*asah, levels=levels, direction="lower"))
    assert found.value == pytest.approx(pairs.mean(), rel=1e-12)
    assert found.value < expected


def test_a_score_a_class_against_scikit_learn(reference_data):
    """`roc_auc_score(multi_class="ovo", average="macro")` is Hand and Till's; posteriors of `MASS::lda`."""
    with (reference_data / "diagnostic" / "data" / "iris_lda_posterior.csv").open() as file:
        rows = list(csv.DictReader(file))
    levels = ["setosa", "versicolor", "virginica"]
    scores = np.array([[float(row[level]) for level in levels] for row in rows])
    species = [row["Species"] for row in rows]
    scores /= scores.sum(axis=1, keepdims=True)
    wanted = roc_auc_score(species, scores, multi_class="ovo", average="macro")
    compare("Hand-Till (scikit-learn)", only(hand_till_auc(species, scores, levels=levels)).value, wanted)


@given(ROWS)
@settings(deadline=None)
def test_by_brute_force(rows):
    table = np.array(rows)
    y, x = table[:, 0], table[:, 1:4].astype(float)
    estimate = only(hand_till_auc(y, x, levels=range(3), subject=table[:, 4]))
    if len(set(y.tolist())) < 3:
        assert math.isnan(estimate.value)
        assert estimate.error.startswith("There are no units of class ")
        return
    areas = []
    for i in range(3):
        for j in range(3):
            if i != j:
                won, lost = x[y == i, i][:, None], x[y == j, i]
                areas.append(np.mean((won > lost) + 0.5 * (won == lost)))
    assert estimate.value == pytest.approx(np.mean(areas), abs=1e-12)
    turned = only(hand_till_auc(y, -x, levels=range(3), subject=table[:, 4], direction="lower"))
    assert turned.value == pytest.approx(estimate.value, abs=1e-12)


@given(ROWS, st.data())
@settings(deadline=None, max_examples=30)
def test_integer_weights_are_repeated_subjects(rows, data):
    table = np.array(sorted(rows, key=lambda row: row[4]))
    counts = np.bincount(table[:, 4], minlength=5)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    levels = ("a", "b", "c")
    prepared = HAND_TILL.prepare(Columns(table[:, 0], table[:, 1:4].astype(float), offsets, levels))
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=5, max_size=5)))
    kept = np.repeat(table, np.repeat(weights, counts), axis=0)
    again = HAND_TILL.prepare(
        Columns(kept[:, 0], kept[:, 1:4].astype(float), np.arange(len(kept) + 1), levels)
    )
    at_weights = prepared.at(weights[None, :].astype(float))[0]
    np.testing.assert_allclose(at_weights, again.estimate(), atol=1e-12)
    leave_out = (1 - np.eye(5))[counts > 0]
    np.testing.assert_allclose(prepared.jackknife(), prepared.at(leave_out), atol=1e-12)


def test_two_classes_are_the_area():
    rng = np.random.default_rng(3)
    y, s = rng.integers(0, 2, 80), rng.integers(0, 16, 80)
    x = rng.normal(y)
    plain = auc(y, x, subject=s, ci="cluster_t")["auc"]
    for scores in (x, np.stack([-x, x], axis=1)):
        found = only(hand_till_auc(y, scores, levels=[0, 1], subject=s))
        assert found.value == pytest.approx(plain.value, rel=1e-12)
        assert found.interval.lower == pytest.approx(plain.interval.lower, rel=1e-10)


def test_intervals_agree():
    rng = np.random.default_rng(5)
    y = np.tile([0, 1, 2], 50)
    x = rng.normal(size=(150, 3)) + 1.2 * np.eye(3)[y]
    subject = rng.integers(0, 40, 150)
    linear = only(hand_till_auc(y, x, levels=range(3), subject=subject)).interval
    for ci in ("bootstrap_percentile", "bootstrap_bca"):
        boot = only(hand_till_auc(y, x, levels=range(3), subject=subject, ci=ci, replicates=2000)).interval
        assert boot.lower == pytest.approx(linear.lower, abs=0.02)
        assert boot.upper == pytest.approx(linear.upper, abs=0.02)


def test_edges():
    assert only(hand_till_auc([], np.empty((0, 3)), levels="abc")).error == "There are no rows."
    estimate = only(hand_till_auc(["a", "b"], [1, 2], levels="abc"))
    assert estimate.error == "There are no units of class c."
    alone = only(hand_till_auc(list("aabbc"), [1, 2, 2, 3, 4], levels="abc"))
    assert "every class from at least two subjects" in alone.error
    apart = only(hand_till_auc(list("aabbcc"), [1, 2, 3, 4, 5, 6], levels="abc"))
    assert apart.value == 1.0
    assert apart.interval.degenerate
    with pytest.raises(ValueError, match="2 columns; one for each of 3 levels"):
        hand_till_auc(["a"], [[1, 2]], levels="abc")
    with pytest.raises(ValueError, match="one class only"):
        hand_till_auc(["a"], [1], levels="a")
    with pytest.raises(ValueError, match="a row a unit"):
        hand_till_auc(["a"], [[[1]]], levels="ab")
    with pytest.raises(ValueError, match="higher, lower"):
        hand_till_auc(["a", "b"], [1, 2], levels="ab", direction="auto")
