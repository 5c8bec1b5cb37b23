"""Powers and half-widths against simulation and brute force, where no program is known to be right."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import integrate, stats

from accordance.evaluators import (
    inflate_sample_size,
    power_equivalence,
    power_limits_of_agreement,
    power_mcnemar,
    power_mean_difference,
    power_performance_goal,
    power_proportion_difference,
    precision_ccc,
    precision_limits_of_agreement,
    precision_mean_difference,
    precision_proportion,
    precision_rmse,
    proportion_non_inferiority,
)
from accordance.evaluators.agreement.limits_exact import limit_factor
from accordance.evaluators.proportions.intervals import BINOMIAL

Z = stats.norm.ppf(0.975)


def differences(rng, studies, n, m, *, bias, sd, icc):
    """(studies, n, m) normal differences with a part of each subject."""
    own = rng.normal(0, sd * np.sqrt(icc), (studies, n, 1))
    return bias + own + rng.normal(0, sd * np.sqrt(1 - icc), (studies, n, m))


def near(found, expected, standard_error):
    """Within four Monte-Carlo standard errors, so that a right value fails once in sixteen thousand runs."""
    assert abs(found - expected) < 4 * standard_error, (found, expected, standard_error)


@pytest.mark.parametrize(
    ("bias", "sd", "allowance", "n"), [(0.001167, 0.001129, 0.004, 83), (0, 3.3, 8, 40), (1, 4, 10, 100)]
)
@pytest.mark.parametrize("ci", ["bland_altman", "noncentral_t"])
def test_exact_power_of_limits(bias, sd, allowance, n, ci):
    rng, studies = np.random.default_rng(1), 100_000
    mean = rng.normal(bias, sd / np.sqrt(n), studies)
    s = sd * np.sqrt(rng.chisquare(n - 1, studies) / (n - 1))
    if ci == "bland_altman":
        factor = Z + stats.t.ppf(0.975, n - 1) * np.sqrt(1 / n + Z**2 / (2 * (n - 1)))
    else:
        factor = limit_factor(n, 0.975, Z)
    shown = ((mean + factor * s < allowance) & (mean - factor * s > -allowance)).mean()
    got = power_limits_of_agreement(bias, sd, allowance, n=n, ci=ci).power
    near(got, shown, np.sqrt(got * (1 - got) / studies))


@pytest.mark.parametrize(("icc", "allowance"), [(0.0, 7.2), (0.3, 7.4), (0.8, 7.9)])
def test_power_of_limits_with_several_pairs_a_subject(icc, allowance):
    """Components by analysis of variance, standard error of the limit as planned, t with n - 1."""
    rng, studies, n, m = np.random.default_rng(2), 10_000, 60, 4
    d = differences(rng, studies, n, m, bias=0.5, sd=3, icc=icc)
    means = d.mean(2)
    total = means.var(1, ddof=1) + (1 - 1 / m) * d.var(2, ddof=1).mean(1)
    planned = precision_limits_of_agreement(3, n=n, rows_per_subject=m, icc=icc)
    factor = Z + planned.half_width / 3
    reach = means.mean(1) + np.array([[1], [-1]]) * factor * np.sqrt(total)
    shown = ((reach[0] < allowance) & (reach[1] > -allowance)).mean()
    got = power_limits_of_agreement(0.5, 3, allowance, n=n, rows_per_subject=m, icc=icc).power
    assert 0.3 < got < 0.97
    near(got, shown, np.sqrt(got * (1 - got) / studies) + 0.002)  # Satterthwaite's approximation
    spread = (means.mean(1) + Z * np.sqrt(total)).std()
    assert planned.half_width == pytest.approx(stats.t.ppf(0.975, n - 1) * spread, rel=0.03)


def test_expected_half_width_of_the_exact_limit():
    rng, n, studies = np.random.default_rng(3), 20, 200_000
    s = 5 * np.sqrt(rng.chisquare(n - 1, studies) / (n - 1))
    widths = s * (limit_factor(n, 0.975, Z) - limit_factor(n, 0.025, Z)) / 2
    got = precision_limits_of_agreement(5, n=n, ci="noncentral_t").half_width
    near(got, widths.mean(), widths.std() / np.sqrt(studies))


@pytest.mark.parametrize(("bias", "icc", "m"), [(0, 0, 1), (0, 0.6, 10), (1.5, 0.6, 10), (2.0, 0.1, 20)])
def test_half_width_of_arms(bias, icc, m):
    rng, studies, n = np.random.default_rng(4), 8000, 80
    d = differences(rng, studies, n, m, bias=bias, sd=np.sqrt(6.25 - bias**2), icc=icc)
    arms = np.sqrt(np.square(d).mean((1, 2)))
    planned = precision_rmse(2.5, bias=bias, rows_per_subject=m, icc=icc, n=n).half_width
    spread = planned / stats.t.ppf(0.975, n - 1)
    # a standard deviation of 8000 values is known to 0.8%; the delta method adds its own
    assert spread == pytest.approx(arms.std(), rel=0.04)


def test_half_width_of_a_bias():
    rng, studies, n, m = np.random.default_rng(5), 8000, 25, 4
    d = differences(rng, studies, n, m, bias=0, sd=5, icc=9 / 25)
    widths = stats.t.ppf(0.975, n - 1) * d.mean(2).std(1, ddof=1) / np.sqrt(n)
    got = precision_mean_difference(3, within_sd=4, rows_per_subject=m, n=n).half_width
    assert got == pytest.approx(np.sqrt(np.square(widths).mean()), rel=0.02)


def test_standard_error_of_concordance_with_a_shift():
    rng, studies, n = np.random.default_rng(6), 10_000, 100
    r, shift = 0.9 / 0.95, np.sqrt(2 / 0.95 - 2)
    x = rng.normal(size=(studies, n))
    y = r * x + np.sqrt(1 - r * r) * rng.normal(size=(studies, n)) + shift
    cov = ((x - x.mean(1)[:, None]) * (y - y.mean(1)[:, None])).mean(1)
    ccc = 2 * cov / (x.var(1) + y.var(1) + (x.mean(1) - y.mean(1)) ** 2)
    got = precision_ccc(0.9, accuracy=0.95, n=n).details
    planned = (np.arctanh(got["upper"]) - np.arctanh(got["lower"])) / (2 * Z)
    assert planned == pytest.approx(np.arctanh(ccc).std(), rel=0.05)


@pytest.mark.parametrize(("difference", "n"), [(0, 36), (0.2, 50), (-0.2, 8)])
def test_equivalence_by_another_integration(difference, n):
    """P(|mean| + t s / sqrt(n) < margin), integrated over the variance by scipy.integrate.quad."""
    t, margin = stats.t.ppf(0.95, n - 1), 0.5

    def part(v):
        reach = margin - t * np.sqrt(v / n)
        up, down = ((end - difference) * np.sqrt(n) for end in (reach, -reach))
        return (
            max(stats.norm.cdf(up) - stats.norm.cdf(down), 0) * stats.chi2.pdf(v * (n - 1), n - 1) * (n - 1)
        )

    end = n * (margin / t) ** 2
    expected = integrate.quad(part, 0, end, limit=400, epsabs=1e-12, points=[min(1, end / 2)])[0]
    assert power_equivalence(difference, 1, margin, n=n).power == pytest.approx(expected, abs=1e-8)


def test_paired_t_against_statsmodels():
    from statsmodels.stats.power import TTestPower  # noqa: PLC0415

    for effect, n, sides in ((0.5, 34, "two"), (0.2, 20, "one"), (1.2, 5, "two")):
        words = "two-sided" if sides == "two" else "larger"
        expected = TTestPower().power(effect, n, 0.05, alternative=words)
        assert power_mean_difference(effect, 1, n=n, sides=sides).power == pytest.approx(expected, abs=1e-9)
    shifted = power_mean_difference(0, 8, margin=5, sides="one")
    assert shifted.power == pytest.approx(power_mean_difference(5, 8, n=shifted.n, sides="one").power)
    assert power_mean_difference(5, 8, n=shifted.n - 1, sides="one").power < 0.8 <= shifted.power


def test_exact_mcnemar_by_brute_force():
    """Every outcome of 25 pairs, each with the two-sided binomial test."""
    n, p01, p10 = 25, 0.45, 0.05
    power = 0.0
    for b, c in product(range(n + 1), repeat=2):
        if b + c <= n and b > c and stats.binomtest(b, b + c, 0.5).pvalue <= 0.05:
            power += stats.multinomial.pmf([b, c, n - b - c], n, [p01, p10, 1 - p01 - p10])
    got = power_mcnemar(p01, p10)
    assert (got.n, got.power) == (n, pytest.approx(power, rel=1e-9))
    assert power_mcnemar(p01, p10, n=n - 1).power < 0.8
    assert power_mcnemar(p10, p01).n == n


def test_exact_power_of_non_inferiority_by_brute_force():
    got = power_proportion_difference(0.9, 0.85, margin=0.1, sides="one", n=12)
    power = sum(
        stats.binom.pmf(a, 12, 0.9) * stats.binom.pmf(b, 12, 0.85)
        for a, b in product(range(13), repeat=2)
        if proportion_non_inferiority(a, 12, b, 12, 0.1).p_value < 0.05
    )
    assert got.details["exact_power"] == pytest.approx(power, rel=1e-9)


@pytest.mark.parametrize("ci", BINOMIAL)
@pytest.mark.parametrize(("goal", "expected"), [(0.8, 0.9), (0.05, 0.3), (0.5, 0.999)])
def test_power_for_a_goal_by_enumeration(ci, goal, expected):
    """Every outcome's interval is asked; those of `logit` and `wald` at n of n have no usable one."""
    curve = power_performance_goal(goal, expected, ci=ci).curve
    for n in curve.n[:: max(1, len(curve.n) // 12)]:
        x = np.arange(n) if ci in ("logit", "wald") else np.arange(n + 1)
        x = x[x > 0]
        met = BINOMIAL[ci](x, n, 0.95)[0] > goal if len(x) else np.zeros(0, dtype=bool)
        at = n - 1
        assert curve.power[at] == pytest.approx(stats.binom.pmf(x[met], n, expected).sum(), abs=1e-10)
        assert curve.actual_alpha[at] == pytest.approx(stats.binom.pmf(x[met], n, goal).sum(), abs=1e-10)


@pytest.mark.parametrize("ci", ["clopper_pearson", "wilson", "jeffreys", "wald", "wilson_cc"])
@pytest.mark.parametrize(
    ("goal", "expected", "power"), [(0.85, 0.92, 0.8), (0.1, 0.3, 0.9), (0.6, 0.99, 0.5)]
)
def test_stable_is_stable_far_beyond_where_the_bound_takes_over(ci, goal, expected, power):
    got = power_performance_goal(goal, expected, power=power, ci=ci)
    stable, last = got.details["stable_n"], int(got.curve.n[-1])
    far = power_performance_goal(goal, expected, n=8 * last, ci=ci).curve.power
    assert (far[stable - 1 :] >= power).all()
    assert stable == 1 or far[stable - 2] < power
    assert (far[: got.n - 1] < power).all()


def test_fewer_being_better_is_the_mirror():
    up, down = power_performance_goal(0.9, 0.95), power_performance_goal(0.1, 0.05, better="lower")
    assert up.n == down.n
    assert down.details["critical"] == down.n - up.details["critical"] == 14
    np.testing.assert_allclose(up.curve.power, down.curve.power, atol=1e-12)


@pytest.mark.parametrize(
    "ci", ["wilson", "clopper_pearson", "jeffreys", "agresti_coull", "wilson_cc", "mid_p"]
)
def test_expected_half_width_falls_with_n(ci):
    widths = [precision_proportion(0.93, n=n, ci=ci).half_width for n in range(1, 120)]
    assert (np.diff(widths) < 0).all()
    lower, upper = BINOMIAL[ci](np.arange(31), 30, 0.95)
    expected = stats.binom.pmf(np.arange(31), 30, 0.93) @ (upper - lower) / 2
    assert widths[29] == pytest.approx(expected, rel=1e-9)


def test_chance_of_enough_by_enumeration():
    got = inflate_sample_size(5, 8, prevalence=0.4, inconclusive=0.1, drop_out=0.2, assurance=0.9)
    kept = 0.9 * 0.8

    def chance(n):
        probabilities = [0.4 * kept, 0.6 * kept, 1 - kept]
        return sum(
            stats.multinomial.pmf([a, b, n - a - b], n, probabilities)
            for a in range(5, n + 1)
            for b in range(8, n - a + 1)
        )

    assert got.details["chance_of_enough"] == pytest.approx(chance(got.n), rel=1e-9)
    assert chance(got.n - 1) < 0.9 <= chance(got.n)
