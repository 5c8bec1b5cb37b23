"""Several scorers: consensus, ranking, ties, missing parts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accordance.evaluators import common_window, scorer_agreement
from accordance.evaluators.sleep.scorers import consensus, soft_agreement


def codes(*scorers: list[int]) -> np.ndarray:
    return np.array([[one] for one in scorers], dtype=np.int8)


def test_a_tie_goes_to_the_best_ranked_among_the_tied() -> None:
    """The source's program gives it to the best-ranked scorer even where nobody else has that stage."""
    found = consensus(codes([1], [2], [2], [3], [3]), 5)
    assert found.codes.tolist() == [[2]]
    assert found.share.tolist() == [[0.4]]
    assert found.tied.tolist() == [1]
    assert consensus(codes([1], [3], [2], [2], [3]), 5).codes.tolist() == [[3]]


def test_an_unscored_epoch_is_no_vote_or_one_for_nothing() -> None:
    table = codes([-1, -1, 2], [-1, -1, 2], [3, -1, -1])
    out = consensus(table, 5)
    assert out.codes.tolist() == [[3, -1, 2]]
    assert out.share.tolist() == [[1.0, 0.0, 1.0]]
    assert out.votes.tolist() == [[1, 0, 2]]
    voting = consensus(table, 5, "as_vote")
    assert voting.codes.tolist() == [[-1, -1, 2]]
    assert voting.share[0].tolist() == pytest.approx([2 / 3, 1, 2 / 3])
    assert np.isnan(soft_agreement(codes([-1], [2], [2]), 5)[0, 0])
    assert soft_agreement(codes([-1, 2], [2, 2], [2, 2]), 5).tolist() == [[1.0, 1.0, 1.0]]


def test_a_scorer_who_left_half_a_night_is_judged_on_the_other_half() -> None:
    night = [0, 0, 1, 2, 2, 3, 3, 4]
    halved = [*night[:4], -1, -1, -1, -1]
    found = scorer_agreement({"a": [night], "b": [night], "c": [halved]})
    assert found.average("c", "accuracy") == (1.0, 0.0, 1)
    assert found.left_out == {"a": 0, "b": 0, "c": 4}
    counted = scorer_agreement({"a": [night], "b": [night], "c": [halved]}, missing="as_vote")
    assert counted.average("c", "accuracy")[0] == 0.5


def test_the_human_ceiling_stands_beside_the_device() -> None:
    random = np.random.default_rng(3)
    truth = random.integers(0, 5, (6, 300))

    def scorer(right: float) -> np.ndarray:
        return np.where(random.random(truth.shape) < right, truth, random.integers(0, 5, truth.shape))

    humans = {f"h{i}": scorer(0.85) for i in range(4)}
    found = scorer_agreement(humans, {"good": scorer(0.85), "poor": scorer(0.5)})
    device, low, high = found.beside("good")
    assert low - 0.05 < device < high + 0.05
    assert found.beside("poor")[0] < low
    assert found.average("scorers", "kappa")[2] == 24
    assert found.beside("good", "accuracy", "n3")[0] == found.average("good", "accuracy", "n3")[0]
    assert "poor: f1" in str(found)


def test_a_stage_that_a_night_lacks_is_undefined_and_not_zero() -> None:
    night = [0, 0, 1, 2, 2, 2]
    found = scorer_agreement({"a": [night], "b": [night], "c": [night]})
    assert found.average("a", "f1", "n3")[2] == 0
    as_source = scorer_agreement({"a": [night], "b": [night], "c": [night]}, absent="zero")
    assert as_source.average("a", "f1", "n3") == (0.0, 0.0, 1)


def test_what_is_not_accepted_is_named() -> None:
    with pytest.raises(ValueError, match="three names or more"):
        scorer_agreement({"a": [[0]], "b": [[0]]})
    with pytest.raises(ValueError, match="shares a"):
        scorer_agreement({"a": [[0]], "b": [[0]], "c": [[0]]}, {"a": [[0]]})
    with pytest.raises(ValueError, match="'c' has other nights, or nights of other lengths"):
        scorer_agreement({"a": [[0]], "b": [[0]], "c": [[0, 1]]})
    with pytest.raises(ValueError, match="`missing` must be left_out or as_vote"):
        scorer_agreement({"a": [[0]], "b": [[0]], "c": [[0]]}, missing="no")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"scorers\[1\] has no scored epoch in night '1'"):
        common_window([[[0]], [[-1]]])
    with pytest.raises(ValueError, match="No epoch of night '1'"):
        common_window([[[0, -1]], [[-1, 0]]])


@given(st.lists(st.lists(st.integers(-1, 4), min_size=6, max_size=6), min_size=3, max_size=6))
def test_the_majority_has_as_many_votes_as_any_stage(scorers: list[list[int]]) -> None:
    table = codes(*scorers)
    found = consensus(table, 5)
    for epoch in range(6):
        votes = [one[epoch] for one in scorers if one[epoch] >= 0]
        if not votes:
            assert found.codes[0, epoch] == -1
            continue
        chosen = int(found.codes[0, epoch])
        assert votes.count(chosen) == max(votes.count(stage) for stage in votes)
        assert found.share[0, epoch] == votes.count(chosen) / len(votes)
        first = next(one for one in votes if votes.count(one) == votes.count(chosen))
        assert chosen == first  # in order of rank


@given(st.permutations(range(4)))
def test_ranks_follow_the_soft_agreement(order: list[int]) -> None:
    random = np.random.default_rng(2)
    truth = random.integers(0, 5, 200)
    right = [0.95, 0.8, 0.6, 0.4]
    scored = [np.where(random.random(200) < right[i], truth, random.integers(0, 5, 200)) for i in range(4)]
    found = scorer_agreement({f"h{i}": [scored[i]] for i in order})
    assert [found.scorers[i] for i in found.ranking[0]] == ["h0", "h1", "h2", "h3"]
    ranked = found.soft_agreement[0][found.ranking[0]]
    assert all(a >= b for a, b in pairwise(ranked))
