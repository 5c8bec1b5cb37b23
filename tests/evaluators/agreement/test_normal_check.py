"""Intervals that take differences for normal say so where these are clearly not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

from accordance.evaluators import (
    bland_altman,
    bland_altman_mixed,
    bland_altman_mixed_by_condition,
    bland_altman_percent,
    bland_altman_ratio,
    coverage_probability,
    sd_of_subject_means,
    tolerance_limits,
    total_deviation_index,
)
from accordance.evaluators.agreement.limits import prepare_limits
from accordance.evaluators.agreement.normal_check import LARGEST_RATIO, interval_warning
from accordance.evaluators.blocks import prepare
from accordance.evaluators.functions import arrange
from accordance.evaluators.registry import get

Z = 1.959963984540054
RANDOM = np.random.default_rng(12)
PLACES = (np.arange(30) + 0.5) / 30
SKEWED = -2 * np.log(1 - (np.arange(60) + 0.5) / 60)  # quantiles of the exponential distribution
SUBJECT = np.repeat(np.arange(30), [2, 3, 4] * 10)
REPEATED = -3 * np.log(1 - PLACES)[SUBJECT] + RANDOM.exponential(1.0, size=len(SUBJECT))
WORDS = "differences are not normal"


def prepared(d: np.ndarray, truth: Any = "independent", subject: Any = None) -> Any:
    columns, _ = arrange(np.zeros(len(d)), d, subject)
    bias: Any = "pairs" if truth == "independent" else "subject_means"
    return prepare_limits(columns, truth=truth, bias=bias, multiplier=1.0)


def test_the_ratio_is_that_of_the_two_standard_errors_by_hand() -> None:
    """Derivatives of mean +- z sd in the weight of a difference, against sd^2 (1/n + z^2 / (2 (n - 1)))."""
    d, n = SKEWED, 60
    about, sd = d - d.mean(), d.std(ddof=1)
    found = []
    for sign in (-1, 1):
        influence = about / n + sign * Z * (about**2 - sd**2) / (2 * sd * (n - 1))
        found.append(np.sqrt(n / (n - 1) * np.square(influence - influence.mean()).sum()))
    by_normal = sd * np.sqrt(1 / n + Z**2 / (2 * (n - 1)))
    assert prepared(d).spread_ratio == pytest.approx(max(found) / by_normal, rel=1e-10)


def test_the_ratio_is_a_matter_of_skewness_and_kurtosis() -> None:
    """In a large sample (1 +- z g + z^2 (k + 2) / 4) / (1 + z^2 / 2): 1, 1.72 and 2.08."""
    random = np.random.default_rng(3)
    for d, g, k in (
        (random.normal(size=100_000), 0.0, 0.0),
        (random.uniform(size=100_000), 0.0, -1.2),
        (-random.exponential(size=100_000), 2.0, 6.0),
    ):
        expected = np.sqrt((1 + Z * g + Z**2 * (k + 2) / 4) / (1 + Z**2 / 2))
        assert prepared(d).spread_ratio == pytest.approx(expected, rel=0.02)


def test_the_ratio_knows_neither_unit_nor_order_nor_direction() -> None:
    for truth, d, subject in (("independent", SKEWED, None), ("varying", REPEATED, SUBJECT)):
        plain = prepared(d, truth, subject).spread_ratio
        assert plain > LARGEST_RATIO
        for other in (-d, 1e-3 * d, d + 1e6, 7 - 2 * d):
            assert prepared(other, truth, subject).spread_ratio == pytest.approx(plain, rel=1e-6)


def test_the_ratio_adds_up_over_parts() -> None:
    for truth, d, subject in (("independent", SKEWED, None), ("varying", REPEATED, SUBJECT)):
        whole = prepared(d, truth, subject)
        half = np.arange(whole.n_subjects) < 11
        assert whole.subset(half).concat(whole.subset(~half)).spread_ratio == pytest.approx(
            whole.spread_ratio, rel=1e-10
        )


@pytest.mark.parametrize("method", ["mover", "t", "noncentral_t", "tolerance_pair"])
def test_limits_of_skewed_differences_warn(method: str) -> None:
    result = bland_altman(np.zeros(60), SKEWED, truth="independent", ci=method)
    for name in ("loa_lower", "loa_upper"):
        assert WORDS in (result[name].warning or "")
        assert "subjects as clusters" in (result[name].warning or "")
    assert result["bias"].warning is None, "a mean needs no normal differences"
    assert (WORDS in (result["sd"].warning or "")) == (method != "cluster_t")
    normal = bland_altman(
        np.zeros(60), np.random.default_rng(1).normal(size=60), truth="independent", ci=method
    )
    assert all(estimate.warning is None for estimate in normal.values())


@pytest.mark.parametrize("method", ["cluster_t", "bootstrap_percentile", "bootstrap_bca"])
def test_intervals_that_assume_nothing_do_not_warn(method: str) -> None:
    result = bland_altman(np.zeros(60), SKEWED, truth="independent", ci=method)
    assert not any(WORDS in (estimate.warning or "") for estimate in result.values())


@pytest.mark.parametrize("truth", ["constant", "varying"])
def test_repeated_pairs_are_judged_by_subjects(truth: Any) -> None:
    result = bland_altman(np.zeros(len(SUBJECT)), REPEATED, subject=SUBJECT, truth=truth)
    assert WORDS in (result["loa_upper"].warning or "")
    alike = 3 * special.ndtri(PLACES)[SUBJECT]
    test = alike + np.random.default_rng(5).normal(size=len(SUBJECT))
    normal = bland_altman(np.zeros(len(SUBJECT)), test, subject=SUBJECT, truth=truth)
    assert normal["loa_upper"].warning is None
    declared = bland_altman(np.zeros(len(SUBJECT)), test, subject=SUBJECT, truth="independent")
    assert WORDS not in (declared["loa_upper"].warning or ""), "likeness is no lack of normality"
    assert declared["loa_upper"].interval.independent_rows


def test_relative_limits_warn_on_their_own_scale() -> None:
    reference = np.random.default_rng(6).uniform(50, 150, 80)
    test = reference * np.exp(np.random.default_rng(7).normal(0, 0.8, 80))
    assert WORDS in (bland_altman(reference, test, truth="independent")["loa_upper"].warning or "")
    assert bland_altman_ratio(reference, test, truth="independent")["loa_upper"].warning is None
    percent = bland_altman_percent(reference, test, of="reference", truth="independent")
    assert WORDS in (percent["loa_upper"].warning or "")


def test_statistics_read_from_a_normal_distribution_warn() -> None:
    rows = np.zeros(len(SUBJECT)), REPEATED
    limits = tolerance_limits(np.zeros(60), SKEWED, model="independent")
    for estimate, instead in (
        (total_deviation_index(*rows, subject=SUBJECT, share=0.9)["tdi"], "percentile_absolute_error"),
        (coverage_probability(*rows, subject=SUBJECT, allowance=5)["coverage_probability"], "share_within"),
        (tolerance_limits(*rows, subject=SUBJECT, model="mixed")["tolerance_upper"], "nonparametric_limits"),
        (
            tolerance_limits(np.zeros(60), SKEWED, model="independent")["tolerance_lower"],
            "nonparametric_limits",
        ),
    ):
        assert WORDS in (estimate.warning or "")
        assert instead in (estimate.warning or "")
    normal = np.random.default_rng(4).normal(size=60)
    assert total_deviation_index(np.zeros(60), normal, share=0.9)["tdi"].warning is None
    assert tolerance_limits(np.zeros(60), normal, model="independent")["tolerance_upper"].warning is None
    assert limits["factor"].warning is None
    weighted = {"subject": SUBJECT, "weights": np.ones(len(SUBJECT)), "share": 0.9}
    assert total_deviation_index(*rows, **weighted)["tdi"].warning is None, "not known with row weights"
    single = total_deviation_index(np.zeros(60), SKEWED, weights=np.ones(60), share=0.9)["tdi"]
    assert WORDS in (single.warning or "")


def test_the_parametric_bootstrap_warns() -> None:
    rows = np.zeros(len(SUBJECT)), REPEATED
    result = bland_altman_mixed(*rows, subject=SUBJECT, ci="parametric_bootstrap")
    assert WORDS in (result["loa_upper"].warning or "")
    assert result["bias"].warning is None
    columns, _ = arrange(*rows, SUBJECT)
    mixed: Any = get("bland_altman_mixed").prepare(columns)
    assert mixed.spread_ratio == pytest.approx(prepared(REPEATED, "varying", SUBJECT).spread_ratio, rel=1e-10)
    condition = np.where(np.arange(len(SUBJECT)) % 2, "a", "b")
    conditions = bland_altman_mixed_by_condition(*rows, subject=SUBJECT, condition=condition, replicates=20)
    assert WORDS not in (conditions["loa_upper"].warning or "")


def test_the_chi_square_interval_of_subject_means_warns() -> None:
    subject = np.repeat(np.arange(30), 2)
    options = {"subject": subject, "ci": "chi_square"}
    test = np.repeat(-np.log(1 - PLACES), 2)
    skewed = sd_of_subject_means(np.zeros(60), test, **options)["sd_of_subject_means"]
    assert "mean errors are not normal" in (skewed.warning or "")
    test = np.repeat(special.ndtri(PLACES), 2)
    normal = sd_of_subject_means(np.zeros(60), test, **options)["sd_of_subject_means"]
    assert normal.warning is None


def test_parts_and_blocks_keep_what_the_warning_needs() -> None:
    columns, _ = arrange(np.zeros(len(SUBJECT)), REPEATED, SUBJECT)
    whole: Any = get("total_deviation_index").prepare(columns, share=0.9)
    half = np.arange(30) < 13
    again = whole.subset(half).concat(whole.subset(~half))
    assert again.warning("tdi") == whole.warning("tdi")
    subject = np.sort(RANDOM.integers(0, 40, size=300_000))
    many, _ = arrange(np.zeros(300_000), RANDOM.exponential(size=300_000), subject)
    blocks: Any = prepare(get("coverage_probability"), many, allowance=3)
    assert WORDS in (blocks.warning("coverage_probability") or "")


@pytest.mark.parametrize("d", [[], [1.0], [1.0, 2.0], [3.0] * 9])
def test_little_or_no_spread_is_no_lack_of_normality(d: list[float]) -> None:
    zeros = np.zeros(len(d))
    for estimate in bland_altman(zeros, d, truth="independent").values():
        assert WORDS not in (estimate.warning or "")
    for result in (
        total_deviation_index(zeros, d, share=0.9),
        tolerance_limits(zeros, d, model="independent"),
        tolerance_limits(zeros, d, model="mixed"),
    ):
        assert all(WORDS not in (estimate.warning or "") for estimate in result.values())


@pytest.mark.parametrize(
    ("draw", "least", "most"),
    [
        (lambda random: random.normal(size=85), 0.0, 0.06),
        (lambda random: random.uniform(size=85), 0.0, 0.01),
        (lambda random: random.exponential(size=85), 0.93, 1.0),
        (lambda random: random.lognormal(0, 0.5, size=85), 0.8, 1.0),
        (lambda random: random.standard_t(3, size=85), 0.7, 1.0),
    ],
)
def test_how_often_it_warns(draw: Any, least: float, most: float) -> None:
    """300 studies of 85 subjects; `LARGEST_RATIO` and `docs/coverage.md` quote such shares."""
    random = np.random.default_rng(20)
    said = np.mean([interval_warning(prepared(draw(random)).spread_ratio) is not None for _ in range(300)])
    assert least <= said <= most
