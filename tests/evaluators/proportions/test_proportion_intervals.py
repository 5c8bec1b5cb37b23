"""Intervals of one proportion: R, published values, the equations they solve, and their edges.

`DescTools::BinomCI(x, n, method = ...)`, DescTools 0.99.59, in diagnostic/oracle.json (`prop_*`, 15 digits).
Mid-P and Blaker are root-searched there, to about 1e-5 (mid-P of 83,456 in 100,000 even lies outside
Clopper-Pearson, which it cannot); here they are held to their equations, and to R within its steps.
"""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic import bounds, cases
from hypothesis import given
from hypothesis import strategies as st
from oracle import compare
from scipy import special, stats

from accordance.evaluators.intervals import METHODS, clopper_pearson, wilson
from accordance.evaluators.metric import CannotComputeError
from accordance.evaluators.proportions.beta import beta_quantile
from accordance.evaluators.proportions.intervals import (
    BINOMIAL,
    agresti_coull,
    blaker,
    jeffreys,
    logit,
    mid_p,
    wald,
    wilson_cc,
)

CLOSED = {
    "wilson": "wilson",
    "wilson_cc": "wilson_cc",
    "clopper_pearson": "clopper_pearson",
    "agresti_coull": "agresti_coull",
    "jeffreys": "jeffreys_equal_tail",
    "wald": "wald",
    "logit": "logit",
}
SEARCHED = {"mid_p": 5e-5, "blaker": 2e-5}
FRACTION = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
LEVEL = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@pytest.fixture(scope="module")
def proportions(reference_data):
    found = [case for case in cases(reference_data).values() if case["topic"] == "proportion_ci"]
    assert len(found) == 11
    return found


@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms_against_r(proportions, name):
    """All prop_* cases: 0/n, n/n, n = 1 and n = 100,000 among them."""
    for case in proportions:
        x, n, level = (case["inputs"][key] for key in ("x", "n", "conf_level"))
        if name == "logit" and x in (0, n):
            continue  # R returns NaN there; see test_logit_has_no_interval_at_the_ends
        compare(f"proportion, {name}", BINOMIAL[name](x, n, level), bounds(case["outputs"][CLOSED[name]]))


@pytest.mark.parametrize("name", SEARCHED)
def test_searched_bounds_against_r_within_its_steps(proportions, name):
    for case in proportions:
        x, n, level = (case["inputs"][key] for key in ("x", "n", "conf_level"))
        expected = case["outputs"][name]
        if expected is None or n > 10_000:
            continue
        compare(
            f"proportion, {name}", BINOMIAL[name](x, n, level), bounds(expected), rel=0, abs=SEARCHED[name]
        )


def test_continuity_correction_against_base_r(proportions):
    """`prop.test(x, n)`, base R; it corrects by at most |x - n/2|: 1 of 2 has another interval."""
    for case in proportions:
        x, n, level = (case["inputs"][key] for key in ("x", "n", "conf_level"))
        if 2 * x == n:
            continue
        compare("proportion, wilson_cc", wilson_cc(x, n, level), bounds(case["outputs"]["base_prop_test_cc"]))


@pytest.mark.parametrize(
    ("x", "n", "method", "printed"),
    [
        (81, 263, wilson_cc, (0.2535, 0.3682)),
        (15, 148, wilson_cc, (0.0598, 0.1644)),
        (0, 20, wilson_cc, (0.0, 0.2005)),
        (1, 29, wilson_cc, (0.0018, 0.1963)),
        (81, 263, mid_p, (0.2544, 0.3658)),
        (15, 148, mid_p, (0.0601, 0.1581)),
        (0, 20, mid_p, (0.0, 0.1391)),
        (1, 29, mid_p, (0.0017, 0.1585)),
    ],
)
def test_published_intervals(x, n, method, printed):
    """Newcombe 1998, table I (p. 861), printed to four decimals."""
    compare("proportion, Newcombe 1998 table I", np.round(method(x, n, 0.95), 4), printed, rel=0, abs=1e-9)


@given(FRACTION, LEVEL)
def test_mid_p_solves_its_equation(fraction, level):
    """P(X > x) + P(X = x) / 2 is half the error at either bound."""
    x, n = fraction
    lower, upper = mid_p(x, n, level)
    tail = (1 - level) / 2
    binomial = stats.binom
    if x > 0:
        found = binomial.sf(x, n, lower) + binomial.pmf(x, n, lower) / 2
        assert found == pytest.approx(tail, rel=1e-9)
    if x < n:
        found = binomial.cdf(x - 1, n, upper) + binomial.pmf(x, n, upper) / 2
        assert found == pytest.approx(tail, rel=1e-9)


def acceptability(x, n, p):
    """Blaker's function, straight from its definition."""
    below, above = stats.binom.cdf(x, n, p), stats.binom.sf(x - 1, n, p)
    smaller = min(below, above)
    numbers = np.arange(n + 1)
    others = stats.binom.cdf(numbers, n, p) if above <= below else stats.binom.sf(numbers - 1, n, p)
    fitting = others[others <= smaller * (1 + 1e-12)]
    return min(1.0, smaller + (fitting.max() if len(fitting) else 0.0))


@given(FRACTION, LEVEL)
def test_blaker_ends_where_acceptability_does(fraction, level):
    x, n = fraction
    alpha = 1 - level
    lower, upper = blaker(x, n, level)
    outside = np.concatenate([np.linspace(0, lower, 40)[1:-1], np.linspace(upper, 1, 40)[1:-1]])
    for p in outside[(outside > 0) & (outside < 1)]:
        assert acceptability(x, n, p) <= alpha * (1 + 1e-9)
    if lower > 0:
        assert acceptability(x, n, lower + 1e-9) >= alpha * (1 - 1e-6)
    if upper < 1:
        assert acceptability(x, n, upper - 1e-9) >= alpha * (1 - 1e-6)


@given(FRACTION, LEVEL)
def test_exact_intervals_are_nested(fraction, level):
    """Blaker and mid-P lie within Clopper-Pearson, Wilson within Agresti-Coull and its corrected form."""
    for inner, outer in (
        (blaker, clopper_pearson),
        (mid_p, clopper_pearson),
        (wilson, agresti_coull),
        (wilson, wilson_cc),
    ):
        within, around = inner(*fraction, level), outer(*fraction, level)
        assert around[0] <= within[0] + 1e-12
        assert within[1] <= around[1] + 1e-12


@given(FRACTION, LEVEL, st.sampled_from(sorted(BINOMIAL)))
def test_complement_mirrors_and_sides_share_the_tail(fraction, level, name):
    x, n = fraction
    if name == "logit" and x in (0, n):
        return
    method = BINOMIAL[name]
    lower, upper = method(x, n, level)
    assert 0 <= lower <= x / n <= upper <= 1
    mirrored = method(n - x, n, level)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((lower, upper), abs=1e-12)
    if name == "blaker":
        return
    one_sided = 1 - (1 - level) / 2
    assert method(x, n, one_sided, "lower") == pytest.approx((lower, 1.0), abs=1e-12)
    assert method(x, n, one_sided, "upper") == pytest.approx((0.0, upper), abs=1e-12)


@pytest.mark.parametrize("name", BINOMIAL)
def test_arrays_are_each_their_own(name):
    x, n = np.array([3, 5, 9]), np.array([10, 12, 40])
    lower, upper = BINOMIAL[name](x, n, 0.95)
    for i in range(3):
        assert (lower[i], upper[i]) == BINOMIAL[name](int(x[i]), int(n[i]), 0.95)


@pytest.mark.parametrize("name", [name for name in BINOMIAL if name not in ("logit", "wald")])
@pytest.mark.parametrize(("x", "n"), [(0, 20), (20, 20), (0, 1), (1, 1)])
def test_nothing_and_everything_have_a_closed_end_and_a_width(name, x, n):
    lower, upper = BINOMIAL[name](x, n, 0.95)
    assert (lower == 0.0) if x == 0 else (upper == 1.0)
    assert upper - lower > 0.1


def test_wald_has_no_width_at_the_ends():
    assert wald(0, 20, 0.95) == (0.0, 0.0)
    assert wald(20, 20, 0.95) == (1.0, 1.0)


@pytest.mark.parametrize("x", [0, 20])
def test_logit_has_no_interval_at_the_ends(x):
    with pytest.raises(CannotComputeError, match="use `clopper_pearson` or `wilson`"):
        logit(x, 20, 0.95)


@pytest.mark.parametrize("name", BINOMIAL)
def test_what_is_no_fraction_is_refused(name):
    with pytest.raises(CannotComputeError, match="at least one unit"):
        BINOMIAL[name](0, 0, 0.95)
    with pytest.raises(ValueError, match="between 0 and `n`"):
        BINOMIAL[name](21, 20, 0.95)
    with pytest.raises(ValueError, match="`level` must lie between"):
        BINOMIAL[name](5, 20, 95)
    assert name in METHODS


def test_blaker_refuses_one_bound():
    with pytest.raises(CannotComputeError, match="two-sided intervals only"):
        blaker(3, 20, 0.95, "lower")
    assert METHODS["blaker"].two_sided_only


def test_counts_beyond_32_bits():
    x, n = 3 * 2**31, 4 * 2**31
    for name in BINOMIAL:
        lower, upper = BINOMIAL[name](x, n, 0.95)
        assert lower < 0.75 < upper
        assert upper - lower == pytest.approx(2 * 1.959964 * np.sqrt(0.75 * 0.25 / n), rel=1e-3)


@pytest.mark.parametrize("name", ["clopper_pearson", "mid_p", "blaker", "jeffreys"])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_few_events_of_billions_are_poisson(name, level):
    """1,000 events in 3 x 10^9 units: the bounds of a Poisson mean, whose beta quantile SciPy 1.17 misses.

    `scipy.special.betaincinv(1000, 3e9 + 1, 0.025)` is 4.75e-7, above the upper bound 3.55e-7.
    """
    lower, upper = BINOMIAL[name](1000, 3_000_000_000, level)
    tail = (1 - level) / 2
    mean = stats.gamma.ppf(tail, 1000), stats.gamma.ppf(1 - tail, 1001)
    assert lower < 1 / 3e6 < upper
    assert (lower * 3e9, upper * 3e9) == pytest.approx(mean, rel=1e-3)
    mirrored = BINOMIAL[name](2_999_999_000, 3_000_000_000, level)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((lower, upper), rel=1e-7)


@given(st.floats(0.5, 1e4), st.floats(0.5, 1e10), st.sampled_from([0.005, 0.025, 0.1, 0.975]))
def test_beta_quantiles_solve_their_equation(a, b, probability):
    for first, second in ((a, b), (b, a)):
        found = float(beta_quantile(first, second, probability))
        around = [special.betainc(first, second, np.nextafter(found, end)) for end in (0.0, 1.0)]
        assert around[0] <= probability * (1 + 1e-6)
        assert around[1] >= probability * (1 - 1e-6)


def test_beta_quantiles_at_the_ends_and_of_arrays():
    assert beta_quantile([1.0, 2.0], 3.0, [0.0, 1.0]).tolist() == [0.0, 1.0]
    both = beta_quantile([1000.0, 3.0], [3e9 + 1, 8.0], 0.025)
    assert both[1] == special.betaincinv(3.0, 8.0, 0.025)
    assert special.betainc(1000.0, 3e9 + 1, both[0]) == pytest.approx(0.025, rel=1e-9)


def test_jeffreys_is_not_the_highest_density_interval():
    """`binom::binom.bayes(0, 20)` is another interval, (0, 0.0904), recorded there under `bayes`."""
    assert jeffreys(0, 20, 0.95)[1] == pytest.approx(0.116638982904875, rel=1e-10)
