"""Analytic intervals: closed ends, one-sided levels, tails the right way round.

Against R: Wilson and Clopper-Pearson in test_classification_oracle.py, MOVER in test_agreement_oracle.py.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from accordance.evaluators.intervals import (
    METHODS,
    Component,
    clopper_pearson,
    mover_limit,
    mover_variance,
    t_interval,
    tail_levels,
    wilson,
)
from accordance.evaluators.metric import CannotComputeError

FRACTIONS = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
LEVELS = st.floats(0.55, 0.999)


@given(FRACTIONS, LEVELS)
def test_clopper_pearson_bounds_have_the_stated_tails(fraction: tuple[int, int], level: float) -> None:
    """At the lower bound, x or more successes have probability (1 - level) / 2; at the upper, x or fewer."""
    x, n = fraction
    lower, upper = clopper_pearson(x, n, level)
    tail = (1 - level) / 2
    if x > 0:
        assert stats.binom.sf(x - 1, n, lower) == pytest.approx(tail, rel=1e-6)
    if x < n:
        assert stats.binom.cdf(x, n, upper) == pytest.approx(tail, rel=1e-6)


@given(FRACTIONS, LEVELS)
def test_wilson_bounds_solve_the_score_equation(fraction: tuple[int, int], level: float) -> None:
    """Wilson 1927: at each bound p the standardised distance of x/n from p is the normal quantile."""
    x, n = fraction
    z = stats.norm.ppf((1 + level) / 2)
    for bound in wilson(x, n, level):
        if 0 < bound < 1:
            assert abs(x / n - bound) / (bound * (1 - bound) / n) ** 0.5 == pytest.approx(z, rel=1e-6)


@given(FRACTIONS, LEVELS)
def test_proportion_bounds_are_mirrored_ordered_and_closed(fraction: tuple[int, int], level: float) -> None:
    x, n = fraction
    for method in (wilson, clopper_pearson):
        lower, upper = method(x, n, level)
        assert 0 <= lower <= x / n <= upper <= 1
        mirrored = method(n - x, n, level)
        assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((lower, upper), abs=1e-9)
    assert wilson(0, n, level)[0] == clopper_pearson(0, n, level)[0] == 0
    assert wilson(n, n, level)[1] == clopper_pearson(n, n, level)[1] == 1


@pytest.mark.parametrize("method", [wilson, clopper_pearson])
def test_one_sided_bound_is_the_end_of_the_wider_two_sided_interval(method) -> None:
    two = method(17, 20, 0.9)
    assert method(17, 20, 0.95, "lower") == pytest.approx((two[0], 1.0))
    assert method(17, 20, 0.95, "upper") == pytest.approx((0.0, two[1]))


def test_one_sided_exact_bounds_at_the_closed_ends() -> None:
    """R: binom.test(10, 10, alternative = "greater") gives 0.05^(1/10); (0, 10, "less") its mirror."""
    assert clopper_pearson(10, 10, 0.95, "lower")[0] == pytest.approx(0.05**0.1, rel=1e-12)
    assert clopper_pearson(0, 10, 0.95, "upper")[1] == pytest.approx(1 - 0.05**0.1, rel=1e-12)


@pytest.mark.parametrize("method", [wilson, clopper_pearson])
def test_arrays_give_arrays(method) -> None:
    lower, upper = method([0, 3, 5], 5, 0.95)
    assert lower.shape == upper.shape == (3,)
    assert (lower[1], upper[1]) == method(3, 5, 0.95)
    assert isinstance(method(3, 5, 0.95)[0], float)


@pytest.mark.parametrize("method", [wilson, clopper_pearson])
def test_no_units_has_no_interval(method) -> None:
    with pytest.raises(CannotComputeError, match="at least one unit"):
        method(0, 0, 0.95)
    with pytest.raises(ValueError, match="between 0 and"):
        method(3, 2, 0.95)


def test_t_interval_is_student() -> None:
    """scipy.stats.t.interval is an independent implementation."""
    expected = stats.t.interval(0.9, 7, loc=1.5, scale=0.3)
    assert t_interval(1.5, 0.3, 7, 0.9, "two") == pytest.approx(expected, rel=1e-12)
    assert t_interval(1.5, 0.3, 7, 0.95, "lower") == (pytest.approx(expected[0]), np.inf)
    assert t_interval(1.5, 0.3, 7, 0.95, "upper") == (-np.inf, pytest.approx(expected[1]))
    with pytest.raises(CannotComputeError, match="two independent"):
        t_interval(1.5, 0.3, 0, 0.95, "two")


def test_mover_of_one_component_is_the_chi_square_interval() -> None:
    """n - 1 times the variance over chi-square quantiles, the upper quantile below."""
    lower, upper = mover_variance((Component(1.0, 4.0, 16),), 0.025, 0.975)
    assert lower == pytest.approx(4.0 * 16 / stats.chi2.ppf(0.975, 16))
    assert upper == pytest.approx(4.0 * 16 / stats.chi2.ppf(0.025, 16))
    assert mover_variance((Component(1.0, 4.0, 16),), 0.0, 1.0) == (0.0, float("inf"))


def test_mover_covers_as_often_as_it_says() -> None:
    """5,000 samples of 20 normal pairs: the 95% interval of the upper limit covers it in 95% (SE 0.3%)."""
    random = np.random.default_rng(20)
    samples = random.normal(1.0, 2.0, size=(5000, 20))
    covered = 0
    for mean, sd in zip(samples.mean(axis=1), samples.std(axis=1, ddof=1), strict=True):
        lower, upper = mover_limit(
            bias=mean,
            bias_se=sd / 20**0.5,
            components=(Component(1.0, sd**2, 19),),
            multiplier=1.96,
            level=0.95,
            sides="two",
        )
        covered += lower <= 1.0 + 1.96 * 2.0 <= upper
    assert 0.94 < covered / 5000 < 0.965


def test_levels() -> None:
    assert tail_levels(0.95, "two") == (0.025, 0.975)
    assert tail_levels(0.975, "upper") == (0.0, 0.975)
    for level in (0.5, 1.0, 95):
        with pytest.raises(ValueError, match=r"between 0\.5 and 1"):
            tail_levels(level, "two")
    with pytest.raises(ValueError, match="two, lower or upper"):
        tail_levels(0.95, "both")  # type: ignore[arg-type]


def test_every_method_names_itself_and_its_source() -> None:
    assert {
        "t", "cluster_t", "wilson", "clopper_pearson", "asymptotic", "mover", "bootstrap_percentile",
        "bootstrap_bca",
    } <= set(METHODS)  # fmt: skip
    for name, method in METHODS.items():
        assert method.name == name
        assert method.citations
        assert method.words.endswith(".")
        assert method.resampling == name.startswith("bootstrap")
