"""No row, one pair, one subject, no spread, a zero reference: a value, or the reason why there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from accordance.evaluators import Estimate, bland_altman, mae, mape, rmse, share_within

TRUTHS = ["independent", "constant", "varying"]


def has_no_value(estimate: Estimate, words: str) -> None:
    assert math.isnan(estimate.value)
    assert estimate.interval is None
    assert estimate.error is not None
    assert words in estimate.error


def has_no_interval(estimate: Estimate, words: str) -> None:
    assert not math.isnan(estimate.value)
    assert estimate.interval is None
    assert estimate.error is not None
    assert estimate.error.startswith("No interval: ")
    assert words in estimate.error


@pytest.mark.parametrize("truth", TRUTHS)
def test_no_rows(truth: str) -> None:
    result = bland_altman([], [], subject=[], truth=truth)
    for estimate in result.values():
        has_no_value(estimate, "There are no pairs.")
        assert (estimate.counts.n_subjects, estimate.counts.n_units) == (0, 0)


@pytest.mark.parametrize("method", [None, "bootstrap_bca", "bootstrap_percentile"])
def test_no_rows_for_errors(method: str | None) -> None:
    for function in (mae, rmse, mape):
        has_no_value(function([], [], ci=method)[function.__name__], "There are no rows.")
    has_no_value(share_within([], [], tolerance=1, ci=method)["share_within"], "There are no rows.")


@pytest.mark.parametrize("truth", TRUTHS)
@pytest.mark.parametrize("method", [None, "t", "bootstrap_bca"])
def test_one_pair_has_a_bias_and_nothing_else(truth: str, method: str | None) -> None:
    result = bland_altman([100.0], [104.0], truth=truth, ci=method)
    assert result["bias"].value == 4.0
    interval = result["bias"].interval
    assert interval.degenerate if interval else result["bias"].error
    for name in ("sd", "loa_lower", "loa_upper"):
        has_no_value(result[name], "needs at least two")


def test_one_subject_with_many_pairs() -> None:
    reference, test, subject = [100.0, 101.0, 99.0], [104.0, 102.0, 100.0], ["only"] * 3
    for truth in ("constant", "varying"):
        result = bland_altman(reference, test, subject=subject, truth=truth)
        has_no_interval(result["bias"], "at least two subjects")
        has_no_value(result["loa_upper"], "at least two subjects; there is 1")
    pooled = bland_altman(reference, test, subject=subject, truth="independent")
    assert pooled["sd"].interval is not None
    assert pooled["sd"].interval.independent_rows
    has_no_interval(mae(reference, test, subject=subject)["mae"], "at least two subjects")
    boot = mae(reference, test, subject=subject, ci="bootstrap_percentile")["mae"]
    assert boot.interval is not None
    assert boot.interval.degenerate


@pytest.mark.parametrize("truth", TRUTHS)
@pytest.mark.parametrize("method", ["mover", "t", "cluster_t", "bootstrap_percentile", "bootstrap_bca"])
def test_no_spread_is_degenerate(truth: str, method: str) -> None:
    """Every difference is 2: limits are 2, and no interval of them may decide."""
    reference = np.repeat([50.0, 60.0, 70.0, 80.0], 2)
    subject = np.repeat(list("abcd"), 2)
    result = bland_altman(reference, reference + 2, subject=subject, truth=truth, ci=method)
    assert [estimate.value for name, estimate in result.items() if name != "sd"] == [2.0, 2.0, 2.0]
    assert result["sd"].value == 0.0
    for estimate in result.values():
        if estimate.interval is not None:
            assert estimate.interval.degenerate
            assert "no width" in (estimate.warning or "")
        else:
            assert estimate.error is not None


@pytest.mark.parametrize("truth", ["constant", "varying"])
def test_repeated_models_with_one_pair_each_are_the_independent_ones(truth: str) -> None:
    reference, test = np.arange(10.0), np.arange(10.0) + np.array([1, -1, 2, 0, 1, 1, -2, 0, 3, 1.0])
    plain = bland_altman(reference, test, truth="independent")
    for bias in ["by_truth"] + ["pairs"] * (truth == "varying"):
        repeated = bland_altman(reference, test, truth=truth, bias=bias)
        for name in plain:
            assert repeated[name].value == pytest.approx(plain[name].value, rel=1e-12)
        if bias == "by_truth":
            for name in ("sd", "loa_upper"):
                assert repeated[name].interval.upper == pytest.approx(plain[name].interval.upper, rel=1e-12)
                assert "one pair" in (repeated[name].warning or "")


def test_negative_between_variance_is_truncated_and_said() -> None:
    """Subject means are equal while pairs spread: the between-subject component comes out below 0."""
    reference = np.zeros(8)
    test = np.array([-2.0, 2.0, -1.9, 2.1, -2.1, 1.9, 2.0, -2.0])
    subject = np.repeat(list("abcd"), 2)
    result = bland_altman(reference, test, subject=subject, truth="varying", bias="pairs", ci="cluster_t")
    within = sum(((test[i : i + 2] - test[i : i + 2].mean()) ** 2).sum() for i in range(0, 8, 2)) / 4
    assert result["sd"].value == pytest.approx(within**0.5)
    assert "between-subject variance is estimated as -" in (result["loa_lower"].warning or "")
    assert "set to 0" in (result["loa_lower"].warning or "")
    assert "between-subject" not in (result["bias"].warning or "")


def test_pairs_declared_independent_though_repeated_are_said() -> None:
    result = bland_altman([1, 2, 3.0], [2, 2, 5.0], subject=["a", "a", "b"], truth="independent")
    assert "3 pairs of 2 subjects are taken for independent" in (result["sd"].warning or "")


def test_singletons_among_repeated_subjects() -> None:
    """Bland & Altman 1999 formulas by hand: subjects with 1, 2 and 3 pairs."""
    d = [np.array([1.0]), np.array([2.0, 4.0]), np.array([0.0, 1.0, -1.0])]
    subject = np.repeat(list("abc"), [1, 2, 3])
    result = bland_altman(np.zeros(6), np.concatenate(d), subject=subject, truth="varying")
    means = np.array([part.mean() for part in d])
    within = sum(((part - part.mean()) ** 2).sum() for part in d) / (6 - 3)
    variance = means.var(ddof=1) + (1 - np.mean([1, 1 / 2, 1 / 3])) * within
    assert result["bias"].value == pytest.approx(means.mean())
    assert result["sd"].value == pytest.approx(variance**0.5)


def test_zero_reference_has_no_percentage() -> None:
    for average in ("pooled", "subject_mean"):
        found = mape([0.0, 50.0, 0.0], [1.0, 51.0, 0.0], average=average)["mape"]
        has_no_value(found, "The reference is zero in 2 rows")
    weighted = mape([0.0, 50.0], [1.0, 55.0], weights=[0.0, 1.0])["mape"]
    assert weighted.value == pytest.approx(10.0), "a row without weight is not there"


def test_all_and_none_within() -> None:
    """R: binom.test(0, 4) gives [0, 0.6023646]; the clustered interval has no width and may not decide."""
    none = share_within([1, 2, 3, 4], [9, 9, 9, 9], tolerance=1, ci="clopper_pearson")["share_within"]
    assert none.value == 0.0
    assert (none.interval.lower, none.interval.upper) == (0.0, pytest.approx(0.6023646, abs=1e-7))
    assert (none.counts.n_events, none.counts.n_units) == (0, 4)
    full = share_within([1, 2, 3, 4], [1, 2, 3, 4], tolerance=1)["share_within"]
    assert full.value == 1.0
    assert full.interval.lower == pytest.approx(0.3976354, abs=1e-7), "binom.test(4, 4): the default is exact"
    clustered = share_within([1, 2, 3, 4], [1, 2, 3, 4], tolerance=1, ci="cluster_t")["share_within"]
    assert clustered.interval.degenerate


def test_lower_bound_below_zero_is_said() -> None:
    result = mae([0, 0, 0.0], [0, 0, 6.0], ci="cluster_t")["mae"]
    assert result.interval.lower < 0
    assert "below 0" in (result.warning or "")
    upper = mae([0, 0, 0.0], [0, 0, 6.0], sides="upper", ci="cluster_t")["mae"]
    assert "below 0" not in (upper.warning or "")
    assert mae([0, 0, 0.0], [0, 0, 6.0])["mae"].interval.lower > 0, "on the logarithmic scale there is none"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rmse([1, 2, 3], [1, 3, 5], subject=["a", "a", "b"], ci="t")["rmse"], "use `cluster_t`"),
        (
            lambda: share_within(
                [1, 2], [1, 2], tolerance=1, average="subject_mean", ci="wilson"
            )["share_within"],
            "average `pooled`",
        ),
        (
            lambda: share_within([1, 2], [1, 2], tolerance=1, weights=[1, 2], ci="wilson")["share_within"],
            "no row weights",
        ),
        (
            lambda: bland_altman(
                [1, 2, 3, 4.0], [1, 3, 2, 7.0], subject=list("aabb"), truth="varying", bias="pairs", ci="t"
            )["loa_lower"],
            "bias of subject means",
        ),
        (
            lambda: bland_altman([1, 2, 3.0], [1, 3, 5.0], truth="varying", ci={"bias": "mover"})["bias"],
            "offers",
        ),
    ],
)  # fmt: skip
def test_interval_that_does_not_fit(call, words: str) -> None:
    has_no_interval(call(), words)
