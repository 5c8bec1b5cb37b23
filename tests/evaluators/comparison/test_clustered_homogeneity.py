"""A proportion in subgroups of different subjects whose units are not independent."""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic import cases
from oracle import compare

from accordance.evaluators.comparison.clustered_homogeneity import homogeneity_of_clustered_proportions
from accordance.evaluators.comparison.heterogeneity import homogeneity_of_proportions
from accordance.evaluators.metric import CannotComputeError


def test_against_r(reference_data):
    """`aod::donner`, aod 1.3.3; litters of rats (Weil 1970). N, n and y of its table repeat the data."""
    case = cases(reference_data)["cluster_rats_donner"]
    given, expected = case["inputs"]["groups"], case["outputs"]
    events, units = (np.concatenate([one[key] for one in given.values()]) for key in ("y", "n"))
    group = np.repeat(list(given), [len(one["y"]) for one in given.values()])
    result = homogeneity_of_clustered_proportions(events, units, group)
    first, second = expected["table"].values()
    compare(
        "homogeneity of clustered proportions, Donner",
        [result.statistic, result.p_value,
         *(result.details[f"{what} {label}"] for label in given for what in ("proportion", "inflation"))],
        [expected["X2"], expected["p"], first["p"], first["C"], second["p"], second["C"]],
    )  # fmt: skip
    assert result.distribution == "chi-square, 1 df" and result.n == 32 and result.warning is None


def test_one_unit_a_subject_is_pearsons():
    events = np.array([1, 0, 1, 1, 0, 0, 1, 0, 0, 1])
    found = homogeneity_of_clustered_proportions(events, np.ones(10), list("aaaabbbccc"))
    expected = homogeneity_of_proportions([3, 1, 1], [4, 3, 3])
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.p_value)
    assert "3 subjects" in found.warning


def test_units_that_differ_more_than_by_chance_within_subjects_count_as_independent():
    """Half of each subject's units are events: the correlation is negative, and would shrink the variance."""
    found = homogeneity_of_clustered_proportions([2, 2, 2, 3, 3, 3], [4, 4, 4, 4, 4, 4], list("aaabbb"))
    assert found.details["icc"] < 0
    assert found.details["inflation a"] == 1
    assert found.statistic == pytest.approx(homogeneity_of_proportions([6, 9], [12, 12]).statistic)


def test_it_keeps_its_level_where_units_are_alike():
    """Simulated: 20 subjects a group with 10 units, no difference; Pearson's test rejects far too often."""
    rng, wrong, naive, studies = np.random.default_rng(4), 0, 0, 400
    group = np.repeat(["a", "b"], 20)
    for _ in range(studies):
        events = rng.binomial(10, rng.beta(4, 1, 40))
        wrong += homogeneity_of_clustered_proportions(events, np.full(40, 10), group).p_value < 0.05
        sums = events[:20].sum(), events[20:].sum()
        naive += homogeneity_of_proportions(sums, (200, 200)).p_value < 0.05
    assert wrong / studies <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies)
    assert naive / studies > 0.12


def test_order_names_and_empty_subjects_do_not_matter():
    events, units, group = (
        np.array([4, 3, 5, 4, 2, 1, 3, 0]),
        np.array([5, 4, 5, 5, 4, 5, 4, 4]),
        list("aaaabbbb"),
    )
    one = homogeneity_of_clustered_proportions(events, units, group)
    order = [3, 7, 1, 0, 4, 2, 6, 5]
    other = homogeneity_of_clustered_proportions(
        [*(units - events)[order], 0],
        [*units[order], 0],
        [*("yx"[label == "a"] for label in np.array(group)[order]), "z"],
    )
    assert other.statistic == pytest.approx(one.statistic)
    assert other.n == 8


def test_what_cannot_be_computed_has_a_reason():
    test = homogeneity_of_clustered_proportions
    with pytest.raises(CannotComputeError, match="At least two subgroups"):
        test([1, 2], [3, 3], ["a", "a"])
    with pytest.raises(CannotComputeError, match="No subgroup has two subjects"):
        test([1, 2], [3, 3], ["a", "b"])
    with pytest.raises(CannotComputeError, match="Every unit is an event"):
        test([3, 3, 3], [3, 3, 3], ["a", "b", "b"])
    with pytest.raises(CannotComputeError, match="At least two subgroups"):
        test([], [], [])
    with pytest.raises(ValueError, match="hold 2, 3 and 3 values"):
        test([1, 2], [3, 3, 3], ["a", "b", "b"])
    with pytest.raises(ValueError, match="between 0 and `n`"):
        test([4, 2, 1], [3, 3, 3], ["a", "b", "b"])
