"""Comparisons that share one error rate: bounds, p values and verdicts agree, and false claims stay rare."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from accordance.evaluators import compare_prepared, registry
from accordance.evaluators.additive import at_together
from accordance.evaluators.comparison.family import Member, adjusted_comparisons
from accordance.evaluators.comparison.improvement import Improvement
from accordance.evaluators.comparison.logged import logged
from accordance.evaluators.comparison.simultaneous import simultaneous_intervals
from accordance.evaluators.metric import Columns, Interval, Prepared
from accordance.evaluators.weights import ResamplingWeights

ALPHA = 0.025


class Normal:
    """An improvement that is normal with a standard error of 1: every number has a closed form."""

    method = "cluster_t"

    def __init__(self, estimate: float) -> None:
        self.estimate = estimate
        self.values = np.array([estimate])

    def at(self, level: float, sides: Literal["two", "lower", "upper"]) -> Interval:
        z = stats.norm.ppf((1 + level) / 2 if sides == "two" else level)
        lower = self.estimate - z if sides != "upper" else -np.inf
        upper = self.estimate + z if sides != "lower" else np.inf
        return Interval(lower, upper, level, sides, self.method)

    def p(self, limit: float) -> float:
        return float(stats.norm.sf(self.estimate - limit))

    def p_below(self, limit: float) -> float:
        return float(stats.norm.cdf(self.estimate - limit))


def members(estimates: Any, margins: Any) -> list[Member]:
    pairs = enumerate(zip(estimates, margins, strict=True))
    return [Member(f"c{i}", Normal(x), margin) for i, (x, margin) in pairs]  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["holm", "bonferroni"])
@given(estimates=st.lists(st.floats(-4, 4), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_without_margins_it_is_the_procedure_of_statsmodels(method: Any, estimates: list[float]) -> None:
    found = adjusted_comparisons(members(estimates, [None] * len(estimates)), method=method)
    p = stats.norm.sf(estimates)
    rejected, adjusted, *_ = multipletests(p, alpha=ALPHA, method=method)
    assert [one.p_superior for one in found] == pytest.approx(adjusted.tolist(), abs=1e-9)
    near = np.abs(adjusted - ALPHA) < 1e-9
    for one, claim, close in zip(found, rejected, near, strict=True):
        assert close or (one.verdict.decision == "superior") == claim


@given(
    estimates=st.lists(st.floats(-6, 6), min_size=1, max_size=5),
    margin=st.one_of(st.none(), st.floats(0.1, 4)),
    method=st.sampled_from(["holm", "bonferroni"]),
)
@settings(max_examples=80, deadline=None)
def test_verdicts_bounds_and_p_values_say_the_same(
    estimates: list[float], margin: float | None, method: Any
) -> None:
    found = adjusted_comparisons(members(estimates, [margin] * len(estimates)), method=method)
    for one in found:
        assert one.interval is not None and one.p_superior is not None
        if abs(one.p_superior - ALPHA) > 1e-9:
            assert (one.verdict.decision == "superior") == (one.p_superior < ALPHA)
            assert (one.interval.lower >= 0) == (one.p_superior < ALPHA)
        if margin is not None:
            assert one.p_non_inferior is not None
            assert one.p_non_inferior <= one.p_superior + 1e-12
            if abs(one.p_non_inferior - ALPHA) > 1e-9:
                shown = one.verdict.decision in {"superior", "non_inferior"}
                assert shown == (one.p_non_inferior < ALPHA)
                assert (one.interval.lower >= -margin) == shown
        assert one.verdict.worse == (one.interval.upper <= 0)
        if one.verdict.decision == "inferior":
            assert margin is not None
            assert one.interval.upper <= -margin


def test_holm_is_never_less_powerful_than_bonferroni() -> None:
    random = np.random.default_rng(3)
    better = 0
    for _ in range(200):
        family = members(random.normal(2, 1.5, 4), [1.0] * 4)
        holm = adjusted_comparisons(family, method="holm")
        bonferroni = adjusted_comparisons(family, method="bonferroni")
        for one, other in zip(holm, bonferroni, strict=True):
            claims = [x.verdict.decision in {"superior", "non_inferior"} for x in (one, other)]
            assert claims[0] >= claims[1]
            better += claims[0] > claims[1]
    assert better > 0


def test_holm_keeps_the_familywise_rate_over_both_kinds_of_claims() -> None:
    """One comparison exactly at -margin, one exactly at 0, one far better: any false claim in 2.5% at most.

    Holm at -margin and Holm at 0 side by side would make one in about 3.7% of such studies.
    """
    random, false, runs = np.random.default_rng(5), 0, 1500
    for _ in range(runs):
        family = members(random.normal([-3.0, 0.0, 6.0], 1.0), [3.0, 3.0, 3.0])
        one, two, _ = adjusted_comparisons(family, method="holm")
        false += one.verdict.decision in {"superior", "non_inferior"} or two.verdict.decision == "superior"
    assert false / runs < ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / runs)


def test_a_comparison_without_an_interval_stays_in_the_family() -> None:
    """Its p is 1: the other is judged as one of two."""
    family = [Member("lost", None), *members([2.1], [None])]
    for method in ("bonferroni", "holm"):
        lost, other = adjusted_comparisons(family, method=method)  # type: ignore[arg-type]
        assert (lost.interval, lost.verdict.decision) == (None, "not_evaluable")
        assert other.p_superior == pytest.approx(2 * stats.norm.sf(2.1))
    alone = adjusted_comparisons(members([2.1], [None]), method="holm")[0]
    assert alone.p_superior == pytest.approx(stats.norm.sf(2.1))


def versions(seed: int, effects: list[float], n: int = 40) -> tuple[list[Improvement], np.ndarray]:
    """Improvements in mean absolute error of versions whose errors are a baseline's plus an effect."""
    random, mae = np.random.default_rng(seed), registry.get("mae")
    offsets = np.arange(0, 3 * n + 1, 3)
    reference = random.normal(70, 10, 3 * n)
    subject = np.repeat(random.normal(0, 1, n), 3)

    def prepared(effect: float) -> Prepared:
        own = np.repeat(random.normal(0, 1, n), 3)
        return mae.prepare(Columns(reference, reference + 8 + effect + subject + own, offsets))

    weights = ResamplingWeights([f"s{i:03}" for i in range(n)], seed=1, replicates=1000).matrix()
    base = prepared(0.0)
    return [
        Improvement.of(mae, mae.statistic("mae"), prepared(e), base, weights=weights) for e in effects
    ], weights


def test_an_improvement_is_the_comparison_at_every_level() -> None:
    (one,), _ = versions(1, [0.4])
    for level in (0.8, 0.95, 0.99):
        found = compare_prepared(
            one.metric, candidate=one.candidate, baseline=one.baseline, keys=["x"] * 40, level=level
        )
        mine = one.at(level, "two")
        assert found.interval is not None
        assert (mine.lower, mine.upper) == pytest.approx((found.interval.lower, found.interval.upper))
        assert one.estimate == pytest.approx(found.improvement)


def test_many_versions_at_once_give_what_each_gives() -> None:
    improvements, weights = versions(6, [0.0, 1.0, -1.0])
    every = [one.candidate for one in improvements]
    for found, one in zip(at_together(every, weights), every, strict=True):  # type: ignore[arg-type]
        np.testing.assert_allclose(found, one.at(weights), rtol=1e-12)


def test_maximal_t_is_that_of_simultaneous_intervals() -> None:
    improvements, weights = versions(2, [0.3, 0.0, -0.3])
    found = adjusted_comparisons([Member(str(i), one) for i, one in enumerate(improvements)], method="max_t")
    drawn = np.column_stack([one.contrasts[0].at(weights)[:, 0] for one in improvements])
    oracle = simultaneous_intervals(
        [one.contrasts[0].estimate()[0] for one in improvements],
        drawn,
        standard_errors=[one.spreads[0][0] for one in improvements],
        df=39,
    )
    for one, other in zip(found, oracle.intervals, strict=True):
        assert one.interval is not None
        assert (one.interval.lower, one.interval.upper) == pytest.approx(
            (-other.upper, -other.lower), rel=1e-9
        )


@given(
    seed=st.integers(0, 10_000), shift=st.floats(-1.5, 1.5), margin=st.floats(0.05, 1.5), many=st.booleans()
)
@settings(max_examples=60, deadline=None)
def test_maximal_t_bounds_and_p_values_never_contradict(
    seed: int, shift: float, margin: float, many: bool
) -> None:
    improvements, _ = versions(seed, [shift, 0.0] if many else [shift])
    # limits close to the bounds are where the two could differ
    plain = adjusted_comparisons([Member(str(i), one) for i, one in enumerate(improvements)], method="max_t")
    assert plain[0].interval is not None and plain[0].own_level is not None and plain[0].own_level >= 0.95
    near = [abs(plain[0].interval.lower) * factor for factor in (0.999, 1.0, 1.001)]
    for one in (margin, *(value for value in near if value > 0)):
        family = [Member(str(i), improvement, one) for i, improvement in enumerate(improvements)]
        for found in adjusted_comparisons(family, method="max_t"):
            assert found.interval is not None
            assert found.p_superior is not None and found.p_non_inferior is not None
            for p, limit in ((found.p_superior, 0.0), (found.p_non_inferior, -one)):
                if abs(found.interval.lower - limit) > 1e-9:
                    assert (p < ALPHA) == (found.interval.lower > limit), (p, found.interval.lower, limit)


def test_replicates_that_cannot_be_used_stop_only_their_own_comparison() -> None:
    improvements, _ = versions(7, [1.0, 0.0])
    family = [Member(str(i), one) for i, one in enumerate(improvements)]
    usual = [one.replicates for one in improvements]
    broken = [np.where(np.arange(1000)[:, None] < 20, np.nan, usual[0]), usual[1]]
    first, second = adjusted_comparisons(family, method="max_t", replicates=broken.__getitem__)
    assert first.verdict.decision == "not_evaluable"
    assert "undefined in 20 of 1,000" in str(first.verdict.reason)
    alone = adjusted_comparisons(family[1:], method="max_t", replicates=usual[1:].__getitem__)
    assert second == alone[0]


def test_replicates_that_cannot_be_used_together_fall_back_to_bonferroni() -> None:
    improvements, _ = versions(8, [1.0, 0.0])
    family = [Member(str(i), one) for i, one in enumerate(improvements)]
    rows, usual = np.arange(1000)[:, None], [one.replicates for one in improvements]
    apart = [np.where(rows < 8, np.nan, usual[0]), np.where(rows > 992, np.nan, usual[1])]
    found = adjusted_comparisons(family, method="max_t", replicates=apart.__getitem__)
    plain = adjusted_comparisons(family, method="bonferroni")
    assert [one.interval for one in found] == [one.interval for one in plain]
    assert all("Bonferroni in place of the maximal t" in str(one.verdict.reason) for one in found)


def test_maximal_t_keeps_the_familywise_rate() -> None:
    """No version better or worse: any claim of superiority in 2.5% of studies, within Monte-Carlo error."""
    runs, false = 300, 0
    for seed in range(runs):
        improvements, _ = versions(seed, [0.0, 0.0, 0.0])
        found = adjusted_comparisons(
            [Member(str(i), one) for i, one in enumerate(improvements)], method="max_t"
        )
        false += any(one.verdict.decision == "superior" for one in found)
    assert false / runs < ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / runs)


def test_ratio_by_hand_and_against_the_bootstrap_of_the_ratio() -> None:
    (one,), weights = versions(4, [-2.0])
    ratio = Improvement.of(
        one.metric, one.statistic, one.candidate, one.baseline, weights=weights, scale="ratio"
    )
    first, second = float(one.candidate.estimate()[0]), float(one.baseline.estimate()[0])
    assert ratio.estimate == pytest.approx(-np.log(first / second))
    drawn = one.candidate.at(weights)[:, 0] / one.baseline.at(weights)[:, 0]
    assert ratio.replicates[:, 0] == pytest.approx(np.log(drawn))
    assert ratio.replicates_of(
        one.candidate.at(weights)[:, 0], one.baseline.at(weights)[:, 0]
    ) == pytest.approx(ratio.replicates)
    interval = ratio.at(0.95, "two")
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert np.exp(-interval.upper) == pytest.approx(low, rel=0.02)
    assert np.exp(-interval.lower) == pytest.approx(high, rel=0.02)
    found = compare_prepared(
        one.metric, candidate=one.candidate, baseline=one.baseline, keys=["x"] * 40, scale="ratio", margin=1.1
    )
    assert found.verdict.margin == pytest.approx(np.log(1.1))
    assert found.interval is not None
    assert (interval.lower, interval.upper) == pytest.approx((found.interval.lower, found.interval.upper))


def test_ratio_of_what_is_not_above_zero_has_no_value() -> None:
    mae, reference, offsets = registry.get("mae"), np.arange(6.0), np.array([0, 2, 4, 6])
    exact, off = (mae.prepare(Columns(reference, reference + e, offsets)) for e in (0.0, 1.0))
    found = compare_prepared(mae, candidate=exact, baseline=off, keys=["a", "b", "c"], scale="ratio")
    assert found.verdict.decision == "not_evaluable"
    assert found.difference.error == "A ratio needs values above 0 of both versions."
    assert np.isnan(logged(exact).estimate()[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"margin": 0.9, "scale": "ratio"}, "above 1"),
        ({"statistic": "bias", "scale": "ratio"}, "best near zero"),
    ],
)
def test_ratios_that_say_nothing_are_refused(arguments: dict[str, Any], message: str) -> None:
    metric = registry.get("bland_altman" if "statistic" in arguments else "mae")
    extra = {"truth": "constant"} if metric.name == "bland_altman" else {}
    reference = np.arange(6.0)
    one = metric.prepare(Columns(reference, reference + 1.0, np.array([0, 2, 4, 6])), **extra)
    with pytest.raises(ValueError, match=message):
        compare_prepared(metric, candidate=one, baseline=one, keys=["a", "b", "c"], **arguments)


@pytest.mark.parametrize("method", ["holm", "bonferroni", "max_t"])
def test_an_interval_without_width_decides_nothing_and_counts_as_a_claim_not_made(method: Any) -> None:
    """Every subject is better by exactly 2: the subjects say nothing of others."""
    (usual,), _ = versions(3, [-0.5])
    reference, offsets = np.arange(120.0), np.arange(0, 121, 3)
    flat = (usual.metric.prepare(Columns(reference, reference + error, offsets)) for error in (1.0, 3.0))
    exact = Improvement.of(usual.metric, usual.statistic, *flat, weights=usual.weights)
    first, second = adjusted_comparisons([Member("exact", exact, 0.5), Member("v2", usual)], method=method)
    assert (first.verdict.decision, first.interval, first.p_superior) == ("not_evaluable", None, None)
    assert "no width" in str(first.verdict.reason)
    beside = adjusted_comparisons([Member("exact", None, 0.5), Member("v2", usual)], method=method)[1]
    assert second == beside


@pytest.mark.parametrize("method", ["holm", "bonferroni"])
def test_a_comparison_of_one_subject_has_its_reason(method: Any) -> None:
    mae, reference = registry.get("mae"), np.arange(2.0)
    pair = (mae.prepare(Columns(reference, reference + e, np.array([0, 2]))) for e in (1.0, [1.0, 2.0]))
    alone = Member("v2", Improvement.of(mae, mae.statistic("mae"), *pair), 0.5)
    (found,) = adjusted_comparisons([alone], method=method)
    assert found.verdict.decision == "not_evaluable"
    assert "at least two subjects" in str(found.verdict.reason)


def test_each_procedure_says_at_which_level_a_comparison_decides() -> None:
    family = members([1.0, 2.0, 6.0], [None, 1.0, 1.0])
    for method in ("bonferroni", "holm"):
        found = adjusted_comparisons(family, method=method)  # type: ignore[arg-type]
        assert [one.own_level for one in found] == pytest.approx([1 - 0.05 / 3] * 3)
    improvements, _ = versions(2, [0.3, 0.0])
    for one in adjusted_comparisons([Member(str(i), x) for i, x in enumerate(improvements)], method="max_t"):
        assert one.interval is not None
        assert one.own_level == one.interval.level


def test_holm_says_where_another_seed_might_decide_otherwise() -> None:
    """Medians are resampled: a margin at which the p value just passes is flagged, one far from it is not."""
    random, metric = np.random.default_rng(9), registry.get("median_absolute_error")
    n, offsets = 40, np.arange(0, 121, 3)
    reference = random.normal(70, 10, 3 * n)
    pair = [metric.prepare(Columns(reference, reference + random.normal(0, 4, 3 * n), offsets)) for _ in "ab"]
    weights = ResamplingWeights([f"s{i:03}" for i in range(n)], seed=1, replicates=2000).matrix()
    one = Improvement.of(metric, metric.statistic(metric.headline), pair[0], pair[1], weights=weights)
    bound = one.at(1 - ALPHA, "lower").lower
    assert bound < 0
    (near,) = adjusted_comparisons([Member("v2", one, -bound + 1e-6)], method="holm")
    (far,) = adjusted_comparisons([Member("v2", one, -bound + 20)], method="holm")
    assert near.verdict.decision == far.verdict.decision == "non_inferior"
    assert "two Monte-Carlo standard errors" in str(near.verdict.reason)
    assert near.interval is not None
    assert near.interval.mc_error is not None
    assert near.interval.mc_error[0] > 0
    assert far.verdict.reason is None
