"""Agreement epoch by epoch: against scikit-learn and the metrics of protocols, and at the edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare
from sklearn import metrics as sklearn_metrics

from accordance.evaluators import cohen_kappa, epoch_agreement, one_vs_rest, pabak
from accordance.evaluators.sleep.epochs import BY_STAGE, OVERALL

STAGES = ("wake", "n1", "n2", "n3", "rem")


def nights(seed: int = 3, count: int = 12, length: int = 200) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = np.repeat(random.integers(0, 5, (count, length // 10)), 10, axis=1)
    device = np.where(random.random(truth.shape) < 0.7, truth, random.integers(0, 5, truth.shape))
    return truth, device


def test_as_the_metrics_of_protocols_and_scikit_learn_have_it() -> None:
    truth, device = nights()
    found = epoch_agreement(truth, device)
    t, d = truth.ravel(), device.ravel()
    named = {"levels": STAGES}
    words = [[STAGES[code] for code in side] for side in (t, d)]
    kappa = cohen_kappa(*words, **named)["kappa"].value
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(t, d),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(t, d),
        "kappa": sklearn_metrics.cohen_kappa_score(t, d),
        "mcc": sklearn_metrics.matthews_corrcoef(t, d),
        "weighted_ppv": sklearn_metrics.precision_score(t, d, average="weighted"),
        "weighted_f1": sklearn_metrics.f1_score(t, d, average="weighted"),
    }
    compare(
        "sleep, all stages, scikit-learn",
        [found.overall_pooled[name] for name in OVERALL],
        [expected[name] for name in OVERALL],
    )
    assert found.overall_pooled["kappa"] == pytest.approx(kappa, rel=1e-12)
    for i, stage in enumerate(STAGES):
        rest = one_vs_rest(*words, category=stage, **named)
        for name in ("sensitivity", "specificity", "ppv", "npv", "prevalence", "f1"):
            assert found.pooled[name][i] == pytest.approx(rest[name].value, rel=1e-12)
        adjusted = pabak((t == i).astype(int), (d == i).astype(int))
        for name in ("pabak", "prevalence_index", "bias_index"):
            assert found.pooled[name][i] == pytest.approx(adjusted[name].value, rel=1e-12)
        for name, theirs in (
            ("kappa", sklearn_metrics.cohen_kappa_score),
            ("mcc", sklearn_metrics.matthews_corrcoef),
        ):
            assert found.pooled[name][i] == pytest.approx(theirs(t == i, d == i), rel=1e-10)


def test_intervals_of_averages_are_those_of_the_subjects_values() -> None:
    truth, device = nights()
    found = epoch_agreement(truth, device)
    values = found.by_subject["kappa"][:, 2]
    mean = found.averaged["kappa"]
    assert mean.mean[2] == pytest.approx(values.mean())
    assert mean.upper[2] == pytest.approx(
        values.mean() + 2.200985160082949 * values.std(ddof=1) / np.sqrt(12)
    )  # t(11)
    for ci in ("percentile", "bca", "basic"):
        other = epoch_agreement(truth, device, ci=ci).averaged["kappa"]  # type: ignore[arg-type]
        assert other.method == ci
        assert other.lower[2] < mean.mean[2] < other.upper[2]
        assert abs(other.lower[2] - mean.lower[2]) < mean.sd[2]


def test_every_bootstrap_repeats_and_ignores_the_order_of_nights() -> None:
    truth, device = nights()
    who = [f"s{i:02}" for i in range(12)]
    order = np.random.default_rng(1).permutation(12)
    first = epoch_agreement(truth, device, subject=who, ci="percentile")
    again = epoch_agreement(truth[order], device[order], subject=[who[i] for i in order], ci="percentile")
    for name in BY_STAGE:
        np.testing.assert_array_equal(first.averaged[name].lower, again.averaged[name].lower)


def test_nights_of_one_subject_are_added_up() -> None:
    truth, device = nights(count=4)
    found = epoch_agreement(truth, device, subject=["a", "a", "b", "b"])
    assert found.subjects == ("a", "b")
    assert found.tables[0].sum() == 400
    alone = epoch_agreement([truth[:2].ravel()], [device[:2].ravel()])
    np.testing.assert_array_equal(found.tables[0], alone.tables[0])


def test_epochs_that_either_side_did_not_score_are_left_out_and_counted() -> None:
    found = epoch_agreement([[0, 1, -1, 1, -2]], [[0, -1, 1, 1, 0]])
    assert found.left_out.tolist() == [3]
    assert found.tables.sum() == 2
    none = epoch_agreement([[-1, -1]], [[0, 1]])
    assert none.reason("kappa", "wake", "1") == "Subject '1' has no epoch that both sides scored."
    assert none.reason("accuracy", "wake") == "There is no epoch that both sides scored."


def test_a_stage_that_nobody_or_one_side_has() -> None:
    found = epoch_agreement([[0, 1, 1, 1], [0, 0, 1, 4]], [[0, 1, 1, 4], [0, 1, 1, 4]])
    assert found.reason("sensitivity", "n3") == "The reference never scores n3."
    assert found.reason("ppv", "n3") == "The device never calls n3."
    assert found.reason("kappa", "n3") == "Neither side ever has n3."
    assert found.reason("sensitivity", "rem", "1") == "The reference never scores rem."
    assert found.averaged["sensitivity"].n[4] == 1
    assert (
        found.averaged["sensitivity"].reasons[4].startswith("An interval of a mean over subjects needs two")
    )
    assert np.isnan(found.averaged["sensitivity"].lower[4])
    assert found.averaged["sensitivity"].mean[4] == 1
    assert found.by_subject["npv"][0, 4] == 1  # exists without a reference epoch
    assert found.averaged["prevalence"].n[3] == 2 and found.averaged["prevalence"].mean[3] == 0
    assert np.isnan(found.error_matrix.mean[3]).all() and found.error_matrix.n[3].tolist() == [0] * 5
    everything = epoch_agreement([[1, 1]], [[1, 1]])
    assert everything.reason("specificity", "n1") == "The reference scores nothing but n1."
    assert everything.reason("npv", "n1") == "The device calls nothing but n1."
    assert everything.reason("kappa", "n1") == "One side has nothing but n1."


def test_undefined_replicates_have_a_reason_and_no_interval() -> None:
    truth, device = nights(count=6)
    truth = np.where(truth == 3, 2, truth)
    truth[0, :5] = 3
    truth[1, :5] = 3
    found = epoch_agreement(truth, device, ci="percentile").averaged["sensitivity"]
    assert found.n[3] == 2
    assert "undefined in" in found.reasons[3]
    assert np.isnan(found.upper[3])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ci": "wald"}, "`ci` must be one of t, percentile, bca, basic"),
        ({"level": 0.3}, "`level` must lie between"),
    ],
)
def test_what_is_not_accepted_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        epoch_agreement(*nights(), **options)


def test_the_result_prints_what_it_rests_on() -> None:
    text = str(epoch_agreement(*nights()))
    assert text.startswith("12 subjects, 2,400 epochs; 0 unscored")
    assert "sensitivity, n3: subjects' mean" in text


@given(st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 4)), min_size=1, max_size=60))
@settings(max_examples=60)
def test_what_holds_of_any_night(pairs: list[tuple[int, int]]) -> None:
    truth, device = ([one[side] for one in pairs] for side in (0, 1))
    found, turned = epoch_agreement([truth], [device]), epoch_agreement([device], [truth])
    np.testing.assert_array_equal(found.pooled_matrix, turned.pooled_matrix.T)
    np.testing.assert_allclose(found.pooled["sensitivity"], turned.pooled["ppv"])
    np.testing.assert_allclose(found.pooled["bias_index"], -turned.pooled["bias_index"])
    np.testing.assert_allclose(found.pooled["kappa"], turned.pooled["kappa"], atol=1e-12)
    np.testing.assert_allclose(2 * found.pooled["accuracy"] - 1, found.pooled["pabak"])
    assert found.tables.sum() + found.left_out.sum() == len(pairs)
    rows = found.error_matrix.mean.sum(axis=1)
    assert np.allclose(rows[np.isfinite(rows)], 1)
    for name in ("sensitivity", "specificity", "npv"):
        for i, stage in enumerate(STAGES):
            assert np.isnan(found.pooled[name][i]) == (found.reason(name, stage) is not None)
    two = epoch_agreement([truth], [device], into="two")
    np.testing.assert_allclose(two.pooled["sensitivity"][0], found.pooled["sensitivity"][0])
