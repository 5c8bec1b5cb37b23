"""May sites be pooled? Fisher-Freeman-Halton with one unit a subject, Donner with several, else Welch."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from accordance.evaluators import (
    homogeneity_of_clustered_proportions,
    homogeneity_of_proportions,
    poolability,
    subgroup_heterogeneity,
    subgroups,
)
from accordance.evaluators.metric import CannotComputeError


def sites(counts, metric="sensitivity", **more):
    """(hits, n) of each site, one unit a subject."""
    test, label = [], []
    for place, (hits, n) in enumerate(counts):
        test += [1] * hits + [0] * (n - hits)
        label += [f"site {place}"] * n
    return subgroups(metric, [1] * len(test), test, label, positive=1, **more)


def by_enumeration(counts):
    """Freeman and Halton 1951: all tables with these margins that are no likelier than the one observed."""
    units = [n for _, n in counts]
    total = sum(hits for hits, _ in counts)
    ways = math.comb(sum(units), total)

    def weight(hits):
        return math.prod(math.comb(n, one) for n, one in zip(units, hits, strict=True))

    own = weight([hits for hits, _ in counts])
    every = product(*(range(n + 1) for n in units))
    return sum(w for hits in every if sum(hits) == total and (w := weight(hits)) <= own) / ways


@pytest.mark.parametrize(
    "counts",
    [
        [(10, 10), (7, 10)],
        [(10, 10), (7, 10), (9, 10)],
        [(12, 12), (12, 12), (8, 10)],
        [(1, 9), (0, 7), (5, 11)],
        [(20, 20), (19, 20), (6, 8), (3, 3)],
    ],
)
def test_one_unit_a_subject_is_the_exact_test_of_freeman_and_halton(counts):
    """Oracle: whole numbers by enumeration; two groups also scipy.stats.fisher_exact."""
    found = poolability(sites(counts))
    assert found.test == "Homogeneity of proportions, Fisher-Freeman-Halton, exact"
    assert found.p_value == pytest.approx(by_enumeration(counts), rel=1e-9)
    if len(counts) == 2:
        table = [[hits for hits, _ in counts], [n - hits for hits, n in counts]]
        assert found.p_value == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-9)


def test_a_site_without_errors_is_what_welch_can_not_do():
    counts = [(40, 40), (33, 40), (38, 40)]
    with pytest.raises(CannotComputeError, match="do not differ"):
        subgroup_heterogeneity(sites(counts))
    assert 0 < poolability(sites(counts)).p_value < 0.05


@pytest.mark.parametrize("sizes", [[90] * 8, [400] * 5, [60] * 12])
def test_few_errors_at_many_sites_are_still_exact(sizes):
    """Four errors: what is rare is spread. Oracle: simulation with fixed margins, 200,000 draws."""
    counts = [(n - (2 if place < 2 else 0), n) for place, n in enumerate(sizes)]
    found = poolability(sites(counts))
    assert found.test.endswith("exact")
    rng = np.random.default_rng(5)
    drawn = rng.multivariate_hypergeometric(sizes, 4, size=200_000)
    logs = sum(
        np.array([math.log(math.comb(n, k)) for k in range(5)])[drawn[:, place]]
        for place, n in enumerate(sizes)
    )
    own = sum(math.log(math.comb(n, n - hits)) for hits, n in counts)
    share = np.mean(logs <= own + 1e-7)
    assert found.p_value == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / 200_000) + 1e-6)


def test_too_many_tables_are_pearson_and_said_so():
    """Oracle: scipy.stats.chi2_contingency without correction (chisq.test in R)."""
    counts = [(200, 400), (210, 400), (190, 400), (230, 400)]
    found = poolability(sites(counts))
    assert "Pearson" in found.test
    table = [[hits for hits, _ in counts], [n - hits for hits, n in counts]]
    assert found.p_value == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue, rel=1e-10)


def test_several_units_a_subject_are_donner():
    rng = np.random.default_rng(3)
    subject = np.repeat(np.arange(45), rng.integers(1, 5, 45))
    label = np.array([f"site {number % 3}" for number in subject])
    test = np.where(label == "site 0", 1, (rng.random(len(subject)) < 0.8).astype(int))
    found = poolability(
        subgroups("sensitivity", [1] * len(test), test.tolist(), label, subject=subject, positive=1)
    )
    events = np.bincount(subject, test)
    oracle = homogeneity_of_clustered_proportions(
        events, np.bincount(subject), [f"site {number % 3}" for number in range(45)]
    )
    assert found.p_value == pytest.approx(oracle.p_value, rel=1e-12)
    assert found.test == "Homogeneity of proportions, chi-square adjusted for clusters"
    assert found.details["proportion site 0"] == 1.0


@pytest.mark.parametrize("average", ["pooled", "subject_mean"])
def test_other_statistics_are_welch(average):
    rng = np.random.default_rng(1)
    reference = rng.normal(70, 5, 60)
    test = reference + rng.normal(0, 2, 60)
    subject = np.arange(60) % 30  # two rows each, both at the same site
    label = ["abc"[number % 3] for number in subject]
    made = subgroups("mae", reference, test, label, subject=subject, average=average)
    assert poolability(made).p_value == subgroup_heterogeneity(made).p_value


def test_the_mean_of_subjects_shares_is_their_analysis_of_variance():
    """Oracle: scipy.stats.f_oneway. The subjects of site b have the same share, so Welch has no value."""
    subject = [1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
    test = [1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0]
    made = subgroups(
        "sensitivity", [1] * 13, test, list("aaaaaaabbbbbb"), subject=subject, positive=1,
        average="subject_mean",
    )  # fmt: skip
    with pytest.raises(CannotComputeError, match="do not differ"):
        subgroup_heterogeneity(made)
    oracle = stats.f_oneway([1 / 2, 2 / 3, 1], [1 / 2, 1 / 2, 1 / 2])
    assert poolability(made).p_value == pytest.approx(oracle.pvalue, rel=1e-10)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([(10, 10), (12, 12)], "Every unit is an event"),
        ([(0, 10), (0, 12)], "No unit is an event"),
        ([(10, 12)], "At least two subgroups"),
    ],
)
def test_what_can_not_be_told_apart(counts, message):
    with pytest.raises(CannotComputeError, match=message):
        poolability(sites(counts))


def test_a_subgroup_without_units():
    made = subgroups("sensitivity", [1, 1, 1, 0, 0], [1, 0, 1, 1, 0], list("aabcc"), positive=1)
    with pytest.raises(CannotComputeError, match="Subgroup c has no value: There are no reference positives"):
        poolability(made)


def test_the_exact_test_is_the_same_for_events_and_for_the_rest():
    x, n = [10, 6, 12], [12, 9, 13]
    rest = [whole - part for part, whole in zip(x, n, strict=True)]
    one, other = (homogeneity_of_proportions(k, n, method="exact").p_value for k in (x, rest))
    assert one == pytest.approx(other, rel=1e-12)
