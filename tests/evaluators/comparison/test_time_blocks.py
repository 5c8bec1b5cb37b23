"""Variances within subjects from blocks of time.

Oracles: the delete-m jackknife of Busing et al. 1999 written out in loops, the variance of a mean of equal
blocks, the variance of a mean of independent units, Smyth's moderation with degrees of freedom of its own,
and simulation with autocorrelated errors.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from accordance.evaluators.comparison.harm import rank_by_harm
from accordance.evaluators.comparison.time_blocks import MOST_BLOCKS, cut, delete_a_block, unchanged
from accordance.evaluators.comparison.unit_variances import prior_variance, subject_variances


def starts(lengths: list[int]) -> np.ndarray:
    found = np.zeros(sum(lengths), dtype=bool)
    found[np.cumsum([0, *lengths])[:-1]] = True
    return found


@pytest.mark.parametrize(
    ("rows", "lengths"),
    [
        (1, [1]),
        (3, [3]),
        (4, [2, 2]),
        (10, [3, 3, 4]),
        (100, [10] * 10),
        (10_000, [1000] * MOST_BLOCKS),
    ],
)
def test_as_many_blocks_as_they_are_long(rows: int, lengths: list[int]) -> None:
    found = cut(np.array([0, rows]))
    assert found.units.tolist() == lengths
    assert not found.subject.any()


@pytest.mark.parametrize(
    ("sessions", "lengths"),
    [
        ([10, 40, 50], [10] * 10),  # cut by their share of the rows
        ([3, 97], [3, 9, 10, 10, 9, 10, 10, 9, 10, 10, 10]),  # one too short to be cut
        ([30, 10, 20, 20, 20], [30, 10, 20, 20, 20]),  # from five on whole ones
        ([2] * 40, [8] * MOST_BLOCKS),  # more than ten: neighbours together
    ],
)
def test_blocks_hold_parts_of_a_session_or_whole_ones(sessions: list[int], lengths: list[int]) -> None:
    found = cut(np.array([0, sum(sessions)]), starts(sessions))
    assert sorted(found.units.tolist()) == sorted(lengths)
    edges = set(np.cumsum(sessions).tolist())
    for start, stop in zip(found.offsets[:-1], found.offsets[1:], strict=True):
        inside = [edge for edge in edges if start < edge < stop]
        assert not inside or ({int(start), int(stop)} <= edges | {0})


@settings(max_examples=100)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.integers(0, 2**32 - 1), st.booleans())
def test_blocks_are_of_one_subject_and_hold_every_row(rows: list[int], seed: int, single: bool) -> None:
    offsets = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
    session = np.random.default_rng(seed).random(int(offsets[-1])) < 0.1
    found = cut(offsets, session, single=single)
    assert found.offsets[0] == 0 and found.offsets[-1] == offsets[-1]
    assert (found.units > 0).all() and found.n_subjects == len(rows)
    assert np.bincount(found.subject, weights=found.units, minlength=len(rows)).tolist() == rows
    assert set(offsets.tolist()) <= set(found.offsets.tolist())


def test_every_unit_is_a_block_where_nobody_has_more_than_a_few() -> None:
    assert cut(np.array([0, 3, 4]), single=True).offsets.tolist() == [0, 1, 2, 3, 4]


def busing(whole: float, left_out: np.ndarray, m: np.ndarray) -> float:
    """Busing, Meijer & van der Leeden 1999, by loops."""
    n, g = m.sum(), len(m)
    estimate = g * whole - sum((1 - m[j] / n) * left_out[j] for j in range(g))
    total = 0.0
    for j in range(g):
        h = n / m[j]
        total += (h * whole - (h - 1) * left_out[j] - estimate) ** 2 / (h - 1)
    return total / g


def test_the_jackknife_is_the_published_one_for_unequal_blocks() -> None:
    random = np.random.default_rng(1)
    rows = [37, 4, 100, 1]
    offsets = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
    sessions = starts([13, 24, 4, 60, 40, 1])
    blocks, values = cut(offsets, sessions), random.lognormal(size=int(offsets[-1]))
    whole = np.array([np.log(values[a:b].mean()) for a, b in itertools.pairwise(offsets)])
    left_out, expected = np.full(len(blocks.subject), np.nan), []
    for i in range(len(rows)):
        own = np.flatnonzero(blocks.subject == i)
        for j in own:
            kept = [values[blocks.offsets[k] : blocks.offsets[k + 1]] for k in own if k != j]
            left_out[j] = np.log(np.concatenate(kept).mean()) if kept else np.nan
        expected.append(busing(whole[i], left_out[own], blocks.units[own]) if len(own) > 1 else np.nan)
    variance, n = delete_a_block(whole, left_out, np.ones(len(left_out), dtype=bool), blocks)
    np.testing.assert_allclose(variance, expected, rtol=1e-12)
    assert n.tolist() == [max(int((blocks.subject == i).sum()), 1) for i in range(len(rows))]


def test_unequal_blocks_of_independent_units_have_the_variance_of_their_mean() -> None:
    """E(v) = sigma^2 / n, however long the blocks are."""
    random, n = np.random.default_rng(2), 100
    drawn = random.normal(0, 2, (4000, n))
    offsets = np.arange(0, 4001 * n, n)
    blocks = cut(offsets, np.tile(starts([2, 3, 30, 65]), 4000))
    sums = np.add.reduceat(drawn.ravel(), blocks.offsets[:-1])
    total = drawn.sum(axis=1)
    left_out = (total[blocks.subject] - sums) / (n - blocks.units)
    variance, _ = delete_a_block(total / n, left_out, np.ones(len(sums), dtype=bool), blocks)
    assert {2, 3} < set(blocks.units.tolist())
    assert variance.mean() == pytest.approx(4 / n, rel=0.03)


def test_blocks_without_an_event_are_none() -> None:
    """Right answers among positives: 5 of 10 in one block, 9 of 10 in another, no positives in two."""
    blocks = cut(np.array([0, 16]))
    assert blocks.units.tolist() == [4] * 4
    right, positive = np.array([5.0, 0, 9, 0]), np.array([10.0, 0, 10, 0])
    whole = np.array([14 / 20])
    left_out = (14 - right) / (20 - positive)
    silent = unchanged(whole, left_out, blocks)
    assert silent.tolist() == [False, True, False, True]
    variance, n = delete_a_block(whole, left_out, ~silent, blocks)
    assert n.tolist() == [2]
    assert variance[0] == pytest.approx(np.var([0.5, 0.9], ddof=1) / 2)


def test_what_all_lies_in_one_block_has_no_variance() -> None:
    blocks = cut(np.array([0, 9, 18]))
    left_out = np.array([1.0, np.nan, 1.0, 2.0, 2.5, 1.5])
    whole = np.array([1.0, 2.0])
    variance, n = delete_a_block(whole, left_out, ~unchanged(whole, left_out, blocks), blocks)
    assert np.isnan(variance[0]) and np.isfinite(variance[1])
    assert n.tolist() == [1, 2]  # the block that changes nothing is none


def test_moderation_has_the_degrees_of_freedom_of_the_blocks() -> None:
    """(d0 s0^2 + df s^2) / (d0 + df) / n, s^2 = n v, df = blocks - 1 (Smyth 2004)."""
    random = np.random.default_rng(4)
    units = random.integers(50, 500, 40).astype(float)
    parts = random.integers(2, 12, 40).astype(float)
    own = random.chisquare(parts - 1) / (parts - 1) * 9 / units * random.uniform(0.2, 5, 40)
    own[3], parts[3] = np.nan, 1
    known = np.isfinite(own)
    d0, s0 = prior_variance((own * units)[known], (parts - 1)[known])
    assert np.isfinite(d0)
    expected = (d0 * s0 + np.where(known, (parts - 1) * own * units, 0)) / (d0 + parts - 1) / units
    found = subject_variances(own, units, method="moderated", df=parts - 1)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    ranked = rank_by_harm(random.normal(size=40), own, n_units=units, blocks=parts)
    np.testing.assert_allclose(ranked.variance, expected, rtol=1e-12)
    assert ranked.reasons[3] is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"blocks": [2, 2]}, "`blocks` needs `n_units`"),
        ({"n_units": [5, 5], "blocks": [0, 2]}, "`blocks` must be 1 or more; subject 1 has 0"),
        ({"n_units": [5, 5], "blocks": [2]}, "`blocks` has the shape"),
    ],
)
def test_blocks_that_are_not_acceptable_are_named(options: dict[str, list[int]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        rank_by_harm([1.0, 2.0], [1.0, 1.0], **options)


def ar1(random: np.random.Generator, subjects: int, n: int, rho: float) -> np.ndarray:
    """(subjects, n) stationary errors of variance 1 whose neighbours correlate by rho."""
    noise = random.normal(0, np.sqrt(1 - rho**2), (subjects, n))
    noise[:, 0] = random.normal(size=subjects)
    for t in range(1, n):
        noise[:, t] += rho * noise[:, t - 1]
    return noise


def test_intervals_from_blocks_cover_where_units_follow_each_other() -> None:
    """True improvements normal (SD 0.3); 400 units each with AR(1) errors, rho 0.8: a mean has the variance
    of one of 400 / 9 independent units. Posterior intervals of 95% from blocks hold about as many of the
    true improvements; from units taken for independent, about half."""
    random, subjects, n, rho = np.random.default_rng(7), 60, 400, 0.8
    hit = {"blocks": 0, "units": 0}
    studies = 40
    for _ in range(studies):
        truth = random.normal(0.2, 0.3, subjects)
        values = truth[:, None] + ar1(random, subjects, n, rho)
        blocks = cut(np.arange(0, (subjects + 1) * n, n))
        total, sums = values.sum(axis=1), np.add.reduceat(values.ravel(), blocks.offsets[:-1])
        whole, left_out = total / n, (total[blocks.subject] - sums) / (n - blocks.units)
        variance, parts = delete_a_block(whole, left_out, ~unchanged(whole, left_out, blocks), blocks)
        assert (parts == MOST_BLOCKS).all()
        for name, found in (
            ("blocks", rank_by_harm(whole, variance, n_units=np.full(subjects, n), blocks=parts)),
            ("units", rank_by_harm(whole, values.var(axis=1, ddof=1) / n, n_units=np.full(subjects, n))),
        ):
            hit[name] += int(((found.lower <= truth) & (truth <= found.upper)).sum())
    share = {name: count / (studies * subjects) for name, count in hit.items()}
    assert 0.92 < share["blocks"] < 0.97
    assert share["units"] < 0.65
    # for the raw means: half-widths too small by a factor of 3, sqrt((1 + rho) / (1 - rho))
    assert share["units"] == pytest.approx(2 * special.ndtr(1.96 / 3) - 1, abs=0.1)
