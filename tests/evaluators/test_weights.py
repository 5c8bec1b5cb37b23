"""Resampling weights: what they follow from, what they do not, and that they are multinomial."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accordance.evaluators.weights import CHUNK, ResamplingWeights

KEYS = [f"s{i}" for i in range(23)]


def test_pinned_numbers() -> None:
    """These counts may never change: published results were drawn with them."""
    weights = ResamplingWeights(["a", "b", "c", "d"], seed=1, replicates=3)
    assert weights.digest == "2b0248e58e3f52960a84d02234e6f8eeb91655e0312406aeccbfc1b2847349e7"
    assert weights.matrix().tolist() == [[2, 1, 1, 0], [2, 1, 1, 0], [0, 2, 0, 2]]


@given(st.permutations(KEYS), st.integers(0, 2**63))
def test_order_of_the_keys_is_nothing(keys: list[str], seed: int) -> None:
    here = ResamplingWeights(KEYS, seed=seed, replicates=20).matrix(KEYS)
    there = ResamplingWeights(keys, seed=seed, replicates=20).matrix(KEYS)
    assert np.array_equal(here, there)


def test_more_replicates_keep_the_first() -> None:
    few = ResamplingWeights(KEYS, seed=4, replicates=CHUNK + 7).matrix()
    many = ResamplingWeights(KEYS, seed=4, replicates=3 * CHUNK).matrix()
    assert np.array_equal(few, many[: CHUNK + 7])


def test_chunks_and_copies_in_other_processes_give_the_same_numbers() -> None:
    weights = ResamplingWeights(KEYS, seed=4, replicates=2 * CHUNK + 1, strata=["x", "y", "x"] + ["y"] * 20)
    whole = weights.matrix()
    copy = pickle.loads(pickle.dumps(weights))
    for start, block in reversed(list(copy.chunks())):
        assert np.array_equal(block, whole[start : start + len(block)])


def test_matrix_beyond_the_cache_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    cached = ResamplingWeights(KEYS, seed=4, replicates=CHUNK + 3).matrix(["s3", "s0"])
    monkeypatch.setattr("accordance.evaluators.weights._CACHED_CELLS", 10)
    assert np.array_equal(ResamplingWeights(KEYS, seed=4, replicates=CHUNK + 3).matrix(["s3", "s0"]), cached)


@pytest.mark.parametrize(
    "other",
    [
        ResamplingWeights(KEYS, seed=5, replicates=50),
        ResamplingWeights([*KEYS[:-1], "new"], seed=4, replicates=50),
        ResamplingWeights(KEYS, seed=4, replicates=50, strata=["x"] * 10 + ["y"] * 13),
    ],
    ids=["seed", "keys", "strata"],
)
def test_seed_keys_and_strata_are_what_numbers_follow_from(other: ResamplingWeights) -> None:
    base = ResamplingWeights(KEYS, seed=4, replicates=50)
    assert not np.array_equal(base.matrix(), other.matrix())
    assert base.digest != other.digest


def test_one_stratum_is_no_strata() -> None:
    plain = ResamplingWeights(KEYS, seed=4, replicates=50)
    single = ResamplingWeights(KEYS, seed=4, replicates=50, strata=["all"] * 23)
    assert np.array_equal(plain.matrix(), single.matrix())


def test_strata_keep_their_sizes() -> None:
    strata = ["y" if i % 3 else "x" for i in range(23)]
    matrix = ResamplingWeights(KEYS, seed=9, replicates=200, strata=strata).matrix(KEYS)
    inside = np.array(strata) == "x"
    assert (matrix[:, inside].sum(axis=1) == inside.sum()).all()
    assert (matrix.sum(axis=1) == 23).all()


def test_counts_are_multinomial() -> None:
    """Mean 1, variance 1 - 1/S, covariance -1/S; limits are 6 standard errors."""
    size, replicates = 40, 20_000
    matrix = ResamplingWeights([str(i) for i in range(size)], seed=2, replicates=replicates).matrix()
    assert np.abs(matrix.mean(axis=0) - 1).max() < 6 / replicates**0.5
    assert abs(matrix.var() - (1 - 1 / size)) < 6 * (2 / (size * replicates)) ** 0.5
    covariance = np.cov(matrix, rowvar=False)
    between = covariance[~np.eye(size, dtype=bool)]
    assert abs(between.mean() + 1 / size) < 1e-3
    assert np.abs(between).max() < 1 / size + 6 / replicates**0.5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"subject_keys": []}, "nobody"),
        ({"subject_keys": ["a", "a", "b"]}, "more than once, first 'a'"),
        ({"subject_keys": ["a", "b"], "strata": ["x"]}, "1 labels for 2 subjects"),
        ({"subject_keys": ["a"], "replicates": 0}, "at least 1"),
        ({"subject_keys": [str(i) for i in range(70_000)]}, "65,535"),
    ],
)
def test_refuses(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ResamplingWeights(**{"seed": 1, "replicates": 10, **arguments})


def test_refuses_unknown_keys() -> None:
    with pytest.raises(ValueError, match="first 'zz'"):
        ResamplingWeights(KEYS, seed=1, replicates=10).matrix(["s1", "zz"])
