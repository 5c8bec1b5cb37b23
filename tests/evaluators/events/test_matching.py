"""Matching of events against SciPy's assignment and plain double loops; false alarms and burden."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from accordance.evaluators import event_rate
from accordance.evaluators.events.burden import episode_burden
from accordance.evaluators.events.false_alarms import false_alarm_rate
from accordance.evaluators.events.matching import match_intervals, match_points

TIMES = st.lists(st.integers(0, 60), max_size=14)


def assigned(allowed: np.ndarray, cost: np.ndarray) -> tuple[int, float]:
    """Most pairs, and the least cost among the assignments with as many."""
    if not allowed.size:
        return 0, 0.0
    worst = cost.max() * min(allowed.shape) + 1
    rows, columns = linear_sum_assignment(np.where(allowed, cost - worst, 0))
    chosen = allowed[rows, columns]
    return int(chosen.sum()), float(cost[rows, columns][chosen].sum())


@given(TIMES, TIMES, st.integers(0, 12))
@settings(max_examples=300)
def test_points_are_matched_as_well_as_can_be(first: list[int], second: list[int], tolerance: int) -> None:
    a, b = np.array(first, dtype=float), np.array(second, dtype=float)
    distance = np.abs(a[:, None] - b[None, :])
    found = match_points(a, b, tolerance)
    number, cost = assigned(distance <= tolerance, distance)
    got = distance[found.pairs[:, 0], found.pairs[:, 1]]
    assert (len(got), got.sum()) == (number, cost)
    assert (got <= tolerance).all()
    assert sorted([*found.pairs[:, 0], *found.missed]) == list(range(len(a)))
    assert sorted([*found.pairs[:, 1], *found.extra]) == list(range(len(b)))
    assert found.counts.tolist() == [[number, len(a) - number, number, len(b) - number]]


@st.composite
def episodes(draw: st.DrawFn) -> np.ndarray:
    steps = draw(st.lists(st.integers(0, 15), max_size=12))
    ends = np.cumsum(steps, dtype=float)
    return ends[: len(ends) // 2 * 2].reshape(-1, 2)


@given(episodes(), episodes(), st.sampled_from([0.0, 0.2, 0.5]), st.randoms())
@settings(max_examples=300)
def test_intervals_are_matched_as_well_as_can_be(
    a: np.ndarray, b: np.ndarray, least: float, random: object
) -> None:
    both = np.minimum(a[:, None, 1], b[None, :, 1]) - np.maximum(a[:, None, 0], b[None, :, 0])
    both = np.maximum(both, 0)
    union = np.diff(a, axis=1) + np.diff(b, axis=1).T - both
    iou = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    allowed = (both > 0) & (iou >= least)
    order, other = (np.array(random.sample(range(len(x)), len(x)), dtype=int) for x in (a, b))  # type: ignore[attr-defined]
    every = match_intervals(a[order], b[other], least_iou=least)
    assert every.pairs.tolist() == np.argwhere(allowed[order][:, other]).tolist()
    one = match_intervals(a[order], b[other], rule="one_to_one", least_iou=least)
    number, cost = assigned(allowed, 1 - iou)
    got = (1 - iou)[order[one.pairs[:, 0]], other[one.pairs[:, 1]]]
    assert len(got) == number
    assert got.sum() == pytest.approx(cost)
    assert len(set(one.pairs[:, 0])) == len(set(one.pairs[:, 1])) == number


def test_a_decimal_tolerance_is_inclusive() -> None:
    assert len(match_points([0.1], [0.25], 0.15).pairs) == 1
    assert len(match_points([0.1], [0.2500001], 0.15).pairs) == 0


def test_equal_distances_go_to_the_earlier_partner() -> None:
    assert match_points([10], [8, 12], 2).pairs.tolist() == [[0, 0]]
    assert match_points([8, 12], [10], 2).pairs.tolist() == [[0, 0]]


def test_classes_and_subjects_do_not_mix() -> None:
    found = match_points(
        [1, 2, 1, 5], [1, 2, 1, 9], 0.5,
        reference_class=["fall", "trip", "fall", "fall"], test_class=["trip", "trip", "fall", "fall"],
        reference_subject=["b", "b", "a", "a"], test_subject=["b", "b", "a", "c"],
    )  # fmt: skip
    assert found.pairs.tolist() == [[1, 1], [2, 2]]
    assert found.subjects == ("a", "b", "c")
    assert found.counts.tolist() == [[1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 1]]


def test_overlapping_episodes_are_refused_or_united() -> None:
    with pytest.raises(
        ValueError, match=r"`test` has 2 overlapping intervals .* first rows 1 and 0"
    ) as caught:
        match_intervals([(0, 1)], [(5, 9), (0, 6), (8, 12)])
    assert "merge=True" in str(caught.value)
    found = match_intervals([(11, 13)], [(5, 9), (0, 6), (8, 12)], merge=True)
    assert (found.pairs.tolist(), found.extra.tolist()) == ([[0, 1]], [])
    apart = match_intervals([(0, 1)], [(5, 9), (0, 6)], reference_class=["AF"], test_class=["AF", "VF"])
    assert apart.extra.tolist() == [0, 1]


def test_touching_is_no_overlap() -> None:
    assert match_intervals([(0, 5)], [(5, 9)]).pairs.tolist() == []


def test_bad_input_is_said_at_once() -> None:
    with pytest.raises(ValueError) as caught:
        match_points([1, float("nan")], ["x"], -1, reference_class=["a"])
    for words in (
        "`reference` holds 1 values",
        "`test` must hold numbers",
        "`tolerance` must be",
        "or neither",
    ):
        assert words in str(caught.value)
    with pytest.raises(ValueError) as caught:
        match_intervals([(3, 1)], [1, 2], rule="all", least_iou=2)  # type: ignore[arg-type]
    for words in ("ends before it starts", "a start and an end", "`rule` is `all`", "`least_iou` must be"):
        assert words in str(caught.value)
    with pytest.raises(ValueError, match=r"`test_subject` has the shape \(1,\); there are 2 events"):
        match_points([1], [1, 2], 1, reference_subject=["a"], test_subject=["a"])
    with pytest.raises(ValueError, match="NaN or infinities, first in row 1"):
        match_intervals([(1, 2), (3, float("inf"))], [(1, 2)])


def test_empty_sides() -> None:
    assert match_points([], [], 1).counts.tolist() == [[0, 0, 0, 0]]
    assert match_points([], [3.0], 1).extra.tolist() == [0]
    assert match_intervals([(1, 2)], []).missed.tolist() == [0]


def test_false_alarms_are_event_rates() -> None:
    extra, hours, subject = [0, 2, 1, 5], [24.0, 30.0, 12.0, 20.0], ["a", "a", "b", "c"]
    for per, scale in (("hour", 1), ("day", 24), ("user_year", 8766)):
        found = false_alarm_rate(extra, hours, subject=subject, per=per)["rate"]  # type: ignore[arg-type]
        wanted = event_rate(extra, hours, subject=subject, per=scale)["rate"]
        assert (found.value, found.interval) == (wanted.value, wanted.interval)
        assert found.value == pytest.approx(8 / 86 * scale)
    assert false_alarm_rate(extra, hours)["rate"].interval.method == "poisson_exact"
    with pytest.raises(ValueError, match="accepted: hour, day, user_year"):
        false_alarm_rate(extra, hours, per="week")  # type: ignore[arg-type]


@given(episodes(), episodes(), episodes())
def test_burden_is_the_share_of_analysable_samples(a: np.ndarray, b: np.ndarray, time: np.ndarray) -> None:
    def painted(rows: np.ndarray) -> np.ndarray:
        line = np.zeros(200, dtype=bool)
        for start, end in rows.astype(int):
            line[start:end] = True
        return line

    usable = painted(time)
    if not len(time):
        a, b = a[:0], b[:0]
    found = episode_burden(a, b, time)
    for share, rows in ((found.reference, a), (found.test, b)):
        if usable.any():
            assert share[0] == pytest.approx((painted(rows) & usable).sum() / usable.sum())
        else:
            assert not np.isfinite(share).any()


def test_burden_by_subject() -> None:
    found = episode_burden(
        [(0, 50), (40, 60), (0, 10)], [(0, 60)], [(0, 100), (0, 20), (50, 100)],
        reference_subject=["b", "b", "a"], test_subject=["b"], analysable_subject=["b", "a", "a"],
    )  # fmt: skip
    assert found.subjects == ("a", "b")
    assert found.analysable.tolist() == [70, 100]
    np.testing.assert_allclose(found.reference, [10 / 70, 0.6])
    np.testing.assert_allclose(found.difference, [-10 / 70, 0], atol=1e-15)
    with pytest.raises(ValueError, match="`test` has episodes of subjects without analysable time: c"):
        episode_burden(
            [], [(0, 1)], [(0, 1)], reference_subject=[], test_subject=["c"], analysable_subject=["a"]
        )
    with pytest.raises(ValueError, match="Subjects are given, but not `test_subject`, `analysable_subject`"):
        episode_burden([(0, 1)], [], [(0, 1)], reference_subject=["a"])
