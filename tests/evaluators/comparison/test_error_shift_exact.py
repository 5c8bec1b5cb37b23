"""Quantiles read through bins are those of a plain reading, whatever ties and weights; who they rest on."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accordance.evaluators.comparison.error_shift import FEW_BEYOND, error_quantiles, error_shift

WANTED = (0.0, 0.1, 0.5, 0.95, 0.99, 1.0)


def plain(errors, counts, weights):
    """`numpy.quantile` (definition 7) of each subject's rows repeated as often as it was drawn."""
    times = np.repeat(weights, counts, axis=1)
    return np.array(
        [
            np.quantile(np.repeat(errors, one), WANTED) if one.any() else np.full(len(WANTED), np.nan)
            for one in times
        ]
    )


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    subjects=st.integers(1, 12),
    longest=st.sampled_from([1, 5, 300]),
    distinct=st.sampled_from([1, 3, 50, 10**6]),
)
def test_quantiles_are_those_of_a_plain_reading(seed, subjects, longest, distinct) -> None:
    """One subject, constant errors, ties across bins, subjects without rows, weights of zero only."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, longest + 1, subjects)
    counts[rng.integers(subjects)] = longest
    errors = rng.integers(0, distinct, counts.sum()) / 8.0
    weights = rng.integers(0, 4, (9, subjects))
    weights[0] = 0
    weights[1] = np.arange(subjects) == 0
    found = error_quantiles(errors, np.append(0, np.cumsum(counts)), weights.astype(float), WANTED)
    np.testing.assert_allclose(found.replicates, plain(errors, counts, weights), rtol=1e-12, atol=0)
    np.testing.assert_allclose(found.estimate, np.quantile(errors, WANTED), rtol=1e-12, atol=0)
    owner = np.repeat(np.arange(subjects), counts)
    expected = [len(set(owner[errors >= one])) for one in found.estimate]
    assert found.beyond.tolist() == expected


def test_a_quantile_that_rests_on_few_subjects_warns() -> None:
    """Two of thirty subjects hold all large errors; every subject has some above the median."""
    rng = np.random.default_rng(3)
    subject = np.repeat(np.arange(30), 50)
    noise = rng.uniform(0, 1, len(subject)) + np.where(subject < 2, 9.0, 0.0)
    middle, outer = error_shift(
        np.zeros(len(subject)), noise, 1.1 * noise, subject=subject, probabilities=(0.5, 0.99)
    )
    assert FEW_BEYOND <= 28
    assert middle.interval is not None and middle.interval.warning is None
    assert outer.interval is not None and outer.interval.warning is not None
    assert "only 2 subjects have errors this large" in outer.interval.warning
