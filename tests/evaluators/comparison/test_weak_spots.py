"""Weak spots: what a group's improvement is, that halves are kept apart, and what is confirmed.

Oracles: Student's t and the ratio's standard error written out, the comparison of versions on the group's
rows alone, and simulation (`version_proofs.spots`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

sys.path.append(str(Path(__file__).resolve().parents[2]))

from version_proofs import spots

from accordance.evaluators import adjust, compare_versions, registry
from accordance.evaluators.comparison.group_improvements import improvement_of_prepared, improvement_of_sums
from accordance.evaluators.comparison.weak_spots import first_half, weak_spots
from accordance.evaluators.metric import CannotComputeError, Columns


def planted(subjects=240, loss=1.5, seed=3):
    rng = np.random.default_rng(seed)
    groups = {
        "skin": rng.choice(["I-II", "III-IV", "V-VI"], subjects),
        "sex": rng.choice(["f", "m"], subjects),
        "site": rng.choice(["a", "b", "c"], subjects),
    }
    return rng.normal(0.2, 1, subjects) - loss * (groups["skin"] == "V-VI"), groups


def test_one_unit_a_subject_is_a_t_test():
    values = np.random.default_rng(1).normal(0.3, 1, 30)
    mask = np.arange(30) < 18
    found = improvement_of_sums(values)(mask)
    oracle = stats.ttest_1samp(values[mask], 0)
    assert found.estimate / found.standard_error == pytest.approx(oracle.statistic)
    assert found.df == oracle.df == found.n_subjects - 1


@pytest.mark.parametrize(
    ("name", "ci"), [("mae", "jackknife_t"), ("rmse", "jackknife_t"), ("mean_difference", None)]
)
def test_prepared_groups_agree_with_the_comparison_of_their_rows(name, ci):
    rng = np.random.default_rng(7)
    counts = rng.integers(2, 9, 25)
    subject = np.repeat(np.arange(25), counts)
    reference = rng.normal(80, 10, len(subject))
    baseline, candidate = (reference + rng.normal(0.5, size, len(subject)) for size in (3, 2))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    metric = registry.get(name)
    parts = [metric.prepare(Columns(reference, test, offsets)) for test in (candidate, baseline)]
    mask = rng.random(25) < 0.6
    rows = mask[subject]
    found = improvement_of_prepared(metric, *parts)(mask)
    oracle = compare_versions(
        name, reference[rows], baseline[rows], candidate[rows], subject=subject[rows], ci=ci or "jackknife_t"
    )
    assert found.estimate == pytest.approx(oracle.improvement)
    assert found.n_subjects == mask.sum()
    if metric.statistic(metric.headline).better != "near_zero":  # its interval there is of another kind
        arm = stats.t.ppf(0.975, mask.sum() - 1) * found.standard_error
        assert oracle.interval.lower == pytest.approx(found.estimate - arm)


def test_sums_agree_with_a_prepared_mean():
    """The ratio's linearised error is the jackknife's to first order."""
    rng = np.random.default_rng(9)
    counts = rng.integers(20, 40, 60)
    subject, offsets = np.repeat(np.arange(60), counts), np.concatenate([[0], np.cumsum(counts)])
    reference = rng.normal(80, 10, len(subject))
    baseline, candidate = (reference + rng.normal(0, size, len(subject)) for size in (3, 2))
    metric = registry.get("mae")
    parts = [metric.prepare(Columns(reference, test, offsets)) for test in (candidate, baseline)]
    better = np.abs(baseline - reference) - np.abs(candidate - reference)
    sums = improvement_of_sums(np.bincount(subject, better), counts)(np.ones(60, dtype=bool))
    prepared = improvement_of_prepared(metric, *parts)(np.ones(60, dtype=bool))
    assert sums.estimate == pytest.approx(prepared.estimate)
    assert sums.standard_error == pytest.approx(prepared.standard_error, rel=0.02)


def test_subjects_without_rows_do_not_count():
    metric = registry.get("mae")
    offsets = np.array([0, 2, 2, 4, 5, 6])
    reference = np.zeros(6)
    baseline = metric.prepare(Columns(reference, np.array([2.0, 3, 1, 4, 2, 5]), offsets))
    candidate = metric.prepare(Columns(reference, np.array([1.0, 1, 1, 6, 1, 2]), offsets))
    found = improvement_of_prepared(metric, candidate, baseline)(np.array([True, True, True, True, False]))
    assert found.n_subjects == 3
    assert found.estimate == pytest.approx((2 + 3 + 1 + 4 + 2) / 5 - (1 + 1 + 1 + 6 + 1) / 5)
    sums = improvement_of_sums([3.0, 0.0, -2.0, 1.0, 3.0], [2, 0, 2, 1, 1])
    assert sums(np.array([True, True, True, True, False])).n_subjects == 3


def test_groups_that_say_nothing_are_reasons():
    with pytest.raises(CannotComputeError, match="at least two subjects"):
        improvement_of_sums([1.0, 2.0])(np.array([True, False]))
    with pytest.raises(CannotComputeError, match="do not vary"):
        improvement_of_sums([0.1, 0.1, 0.1])(np.ones(3, dtype=bool))


def test_metrics_that_cannot_be_left_out_are_refused():
    columns = Columns(np.zeros(4), np.arange(4.0), np.arange(5))
    median = registry.get("median_absolute_error")
    with pytest.raises(ValueError, match="jackknife fails"):
        improvement_of_prepared(median, median.prepare(columns), median.prepare(columns))
    mae = registry.get("mae")
    with pytest.raises(ValueError, match="same are needed"):
        fewer = Columns(np.zeros(3), np.arange(3.0), np.arange(4))
        improvement_of_prepared(mae, mae.prepare(columns), mae.prepare(fewer))


def test_sums_name_what_they_cannot_take():
    with pytest.raises(ValueError, match="3 values for 2"):
        improvement_of_sums([1.0, 2.0], [1, 2, 3])
    with pytest.raises(ValueError, match="negative"):
        improvement_of_sums([1.0, 2.0], [1, -2])


def test_a_planted_weak_spot_is_confirmed_by_subjects_that_were_not_searched():
    improvement, groups = planted()
    found = weak_spots(improvement_of_sums(improvement), groups)
    assert all(("skin", "V-VI") in spot.terms for spot in found.confirmed)
    assert found.confirmed[0].name == "skin=V-VI"
    spot = found.confirmed[0]
    held_back = ~first_half([str(i + 1) for i in range(240)], 0)
    values = improvement[held_back & (groups["skin"] == "V-VI")]
    oracle = stats.ttest_1samp(values, 0, alternative="less")
    assert spot.p == pytest.approx(oracle.pvalue)
    interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (spot.lower, spot.upper) == pytest.approx((interval.low, interval.high))
    adjusted = adjust([one.p for one in found.carried], method="holm").adjusted
    assert [one.adjusted_p for one in found.carried] == list(adjusted)
    assert "Confirmed to be worse: skin=V-VI" in found.words
    assert found.searched == found.held_back == 120
    searched = [one.p_search for one in found.looked_at]
    assert searched == sorted(searched)


def test_what_is_confirmed_owes_nothing_to_the_searched_half():
    """Other improvements there change what is carried over, never a group's numbers in the other half."""
    improvement, groups = planted()
    half = first_half([str(i + 1) for i in range(240)], 0)
    other = improvement + half * np.random.default_rng(1).normal(0, 0.05, 240)
    one, two = (weak_spots(improvement_of_sums(values), groups) for values in (improvement, other))
    numbers = [{spot.name: (spot.confirmation, spot.p) for spot in found.carried} for found in (one, two)]
    assert numbers[0] and set(numbers[0]) & set(numbers[1])
    for name in set(numbers[0]) & set(numbers[1]):
        assert numbers[0][name] == numbers[1][name]


@given(st.permutations(range(40)), st.integers(0, 5))
def test_halves_follow_from_keys_and_seed_only(order, seed):
    keys = [f"s{i}" for i in range(40)]
    plain = dict(zip(keys, first_half(keys, seed), strict=True))
    shuffled = [keys[i] for i in order]
    assert dict(zip(shuffled, first_half(shuffled, seed), strict=True)) == plain
    assert sum(plain.values()) == 20


def test_another_seed_divides_otherwise_and_an_odd_number_holds_back_more():
    keys = [f"s{i}" for i in range(41)]
    assert (first_half(keys, 1) != first_half(keys, 2)).any()
    assert first_half(keys, 1).sum() == 20


def test_the_order_of_subjects_does_not_matter():
    improvement, groups = planted(120)
    keys = np.array([f"s{i}" for i in range(120)])
    order = np.random.default_rng(0).permutation(120)
    one = weak_spots(improvement_of_sums(improvement), groups, subject=keys)
    two = weak_spots(
        improvement_of_sums(improvement[order]),
        {name: labels[order] for name, labels in groups.items()},
        subject=keys[order],
    )
    assert [spot.name for spot in one.looked_at] == [spot.name for spot in two.looked_at]
    assert [spot.confirmed for spot in one.looked_at] == [spot.confirmed for spot in two.looked_at]


def test_groups_are_counted_and_those_passed_over_named():
    improvement, groups = planted(200)
    groups["rare"] = np.where(np.arange(200) < 5, "yes", "no").astype(object)
    groups["rare"][5:10] = None
    groups["everybody"] = np.array(["x"] * 200)
    groups["sex again"] = groups["sex"]
    found = weak_spots(improvement_of_sums(improvement), groups, min_subjects=8)
    reasons = {spot.name: spot.reason for spot in found.passed_over}
    assert "8 in each are needed" in reasons["rare=yes"]
    assert reasons["everybody=x"] == "All subjects are in it."
    assert reasons["sex again=f"] == "The same subjects as sex=f."
    assert "rare=no" in {spot.name for spot in found.looked_at}
    assert not {spot.name for spot in found.looked_at} & set(reasons)
    shallow = weak_spots(improvement_of_sums(improvement), groups, depth=1)
    assert {len(spot.terms) for spot in shallow.looked_at} == {1}


def test_groups_much_the_same_are_not_carried_over_twice():
    improvement, groups = planted(300)
    groups["nearly"] = groups["skin"].copy()
    groups["nearly"][:6] = "other"
    found = weak_spots(improvement_of_sums(improvement), groups, depth=1)
    named = [spot.name for spot in found.carried]
    assert sum("V-VI" in name for name in named) == 1
    assert len(named) <= found.carry


def test_a_loss_within_what_is_acceptable_is_no_weak_spot():
    improvement, groups = planted(loss=0.8)
    assert weak_spots(improvement_of_sums(improvement), groups).confirmed
    found = weak_spots(improvement_of_sums(improvement), groups, worse_than=1.0)
    assert not found.confirmed
    assert "worse by more than 1" in found.words


def test_a_group_that_cannot_be_tested_stays_in_the_family():
    improvement, groups = planted()
    half = first_half([str(i + 1) for i in range(240)], 0)
    plain = improvement_of_sums(improvement)

    def evaluate(mask):
        if not np.any(mask & half) and np.all(groups["skin"][mask] == "V-VI"):
            raise CannotComputeError("nothing to see")
        return plain(mask)

    found = weak_spots(evaluate, groups)
    lost = next(spot for spot in found.carried if spot.name == "skin=V-VI")
    assert (lost.p, lost.confirmed, lost.reason, lost.confirmation) == (1.0, False, "nothing to see", None)


def test_subjects_without_units_do_not_make_a_group_large_enough():
    """60 of 240 subjects are of skin V-VI, far worse, but few of them were measured."""
    improvement, groups = planted()
    half = first_half([str(i + 1) for i in range(240)], 0)
    spot = groups["skin"] == "V-VI"
    for where, place in ((half, "search"), (~half, "confirmation")):
        units = np.ones(240)
        units[np.flatnonzero(spot & where)[3:]] = 0
        found = weak_spots(improvement_of_sums(improvement * units, units), {"skin": groups["skin"]})
        (one,) = [x for x in (*found.looked_at, *found.passed_over) if x.name == "skin=V-VI"]
        assert not one.confirmed
        assert one.reason == "Only 3 subjects have units; 10 are needed."
        assert one.carried == (place == "confirmation")


def test_too_few_subjects_are_said():
    found = weak_spots(improvement_of_sums(np.arange(10.0)), {"sex": list("fmfmfmfmfm")})
    assert found.looked_at == () and found.carried == ()
    assert "nothing was looked at" in found.words


def test_null_studies_confirm_in_about_five_percent():
    rows = {row.method: row for row in spots.simulate(200, 0.0, studies=300, seed=11)}
    held_out = rows[spots.HELD_OUT]
    assert held_out.share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
    assert held_out.share >= 0.015
    assert rows[spots.NAIVE].share > 0.7


def test_a_planted_spot_is_mostly_found():
    assert spots.simulate(200, 1.0, studies=60, seed=12)[0].share > 0.7


def test_all_objections_come_together():
    with pytest.raises(ValueError, match=r"labels for.*`depth`.*`carry`.*`alpha`"):
        weak_spots(
            improvement_of_sums([1.0, 2.0]), {"a": ["x"]}, subject=["1", "2"], depth=3, carry=0, alpha=2.0
        )
    with pytest.raises(ValueError, match="no variable"):
        weak_spots(improvement_of_sums([1.0, 2.0]), {})
    with pytest.raises(ValueError, match="2 different keys"):
        weak_spots(improvement_of_sums([1.0, 2.0]), {"a": ["x", "y"]}, subject=["1", "1"])
