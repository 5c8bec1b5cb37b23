"""Few pairs, no spread, perfect lines, ties, decimals, large numbers: a value, or why there is none."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from accordance.evaluators import (
    CannotComputeError,
    Estimate,
    correlation_p,
    deming,
    equivalence_test,
    kendall,
    mean_difference,
    non_inferiority_test,
    ordinary_least_squares,
    passing_bablok,
    passing_bablok_equivariant,
    pearson,
    registry,
    rmcorr,
    spearman,
    theil_sen,
    weighted_deming,
    weighted_least_squares,
)
from accordance.evaluators.metric import Columns
from accordance.evaluators.regression.pair_slopes import MOST_ROWS, whole_numbers

LINES: list[Any] = [
    ordinary_least_squares, weighted_least_squares, deming, weighted_deming, passing_bablok,
    passing_bablok_equivariant, theil_sen,
]  # fmt: skip
CORRELATIONS: list[Any] = [pearson, spearman, kendall, rmcorr]


def has_no_value(estimate: Estimate, words: str) -> None:
    assert math.isnan(estimate.value)
    assert estimate.interval is None
    assert words in (estimate.error or "")


def has_no_interval(estimate: Estimate, words: str) -> None:
    assert not math.isnan(estimate.value)
    assert estimate.interval is None
    assert words in (estimate.error or "")


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("method", [None, "jackknife", "bootstrap_percentile"])
def test_no_rows(line: Any, method: str | None) -> None:
    for estimate in line([], [], level_at=5, ci=method).values():
        has_no_value(estimate, "There are no rows.")
        assert estimate.counts.n_units == 0


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("pairs", [1, 4])
def test_constant_reference_has_no_line(line: Any, pairs: int) -> None:
    for estimate in line([0.1] * pairs, [5.1, 5.2, 5.4, 5.6][:pairs], level_at=5).values():
        has_no_value(estimate, "The reference has no spread")


@pytest.mark.parametrize("line", LINES)
def test_constant_test_has_a_flat_line_or_none(line: Any) -> None:
    result = line([5.0, 6.0, 7.0, 8.0], [0.1] * 4)
    if line in {passing_bablok_equivariant}:
        assert result["slope"].error
        return
    assert result["slope"].value == pytest.approx(0.0, abs=1e-12)
    assert result["intercept"].value == pytest.approx(0.1)


@pytest.mark.parametrize("line", LINES)
def test_two_pairs_have_a_line_and_no_interval(line: Any) -> None:
    result = line([10.0, 20.0], [11.0, 22.0], level_at=20)
    assert result["slope"].value == pytest.approx(1.1)
    assert result["intercept"].value == pytest.approx(0.0, abs=1e-12)
    assert result["bias_at"].value == pytest.approx(2.0)
    for estimate in result.values():
        assert estimate.interval is None or estimate.interval.degenerate
        assert estimate.error


@pytest.mark.parametrize("line", [*LINES])
@pytest.mark.parametrize("method", ["jackknife", "bootstrap_percentile", "model_t", "cluster_t", "kendall_t"])
def test_a_perfect_line_is_degenerate(line: Any, method: str) -> None:
    x = np.array([10.0, 20.0, 30.0, 45.0, 60.0, 80.0])
    try:
        result = line(x, 1.5 * x + 2, ci=method, replicates=300)
    except ValueError as refusal:
        assert "offers" in str(refusal)
        return
    assert result["slope"].value == pytest.approx(1.5)
    assert result["intercept"].value == pytest.approx(2.0)
    for estimate in result.values():
        if estimate.interval is not None:
            assert estimate.interval.degenerate
            assert "no width" in (estimate.warning or "")
        else:
            assert "undefined in" in (estimate.error or "")  # replicates of one subject only


@pytest.mark.parametrize("method", ["jackknife", "model_t", "cluster_t"])
@pytest.mark.parametrize(
    ("slope", "intercept"), [(1.0, 0.0), (1.1, 0.3), (2.0, 0.0), (0.37, 0.1), (1.003, 0.0)]
)
def test_a_perfect_line_of_decimals_is_degenerate(slope: float, intercept: float, method: str) -> None:
    """What rounding leaves of a residual is no standard error, nor is that of an intercept of 0."""
    x = np.array([0.1, 0.23, 0.35, 0.47, 0.61, 0.7, 0.93, 1.1, 1.37])
    for line in (ordinary_least_squares, weighted_least_squares, deming):
        for name, estimate in line(x, slope * x + intercept, ci=method, level_at=0.5).items():
            assert estimate.interval is not None
            assert estimate.interval.degenerate, (line, name)
            assert "no width" in (estimate.warning or "")


def test_a_hardly_scattered_line_is_not_degenerate() -> None:
    """Residuals of a millionth are told from rounding."""
    x = np.array([0.1, 0.23, 0.35, 0.47, 0.61, 0.7, 0.93, 1.1, 1.37])
    y = 1.1 * x + 0.3 + 1e-6 * np.array([1, -1, 2, 0, -2, 1, 1, -1, -1])
    for line in (ordinary_least_squares, weighted_least_squares, deming):
        for method in ("jackknife", "model_t", "cluster_t"):
            for estimate in line(x, y, ci=method).values():
                assert estimate.interval is not None
                assert not estimate.interval.degenerate
                assert 1e-7 < estimate.interval.upper - estimate.interval.lower < 1e-4


def test_a_perfect_line_of_passing_and_bablok_is_degenerate() -> None:
    x = np.arange(1.0, 12.0)
    result = passing_bablok(x, 2 * x)
    assert [estimate.value for estimate in result.values()] == [2.0, 0.0]
    for estimate in result.values():
        assert estimate.interval is not None
        assert estimate.interval.degenerate


def test_one_subject_has_a_line_and_no_clustered_interval() -> None:
    for line in LINES:
        result = line([10, 20, 30, 40], [11, 19, 33, 41], subject=["a"] * 4, ci="jackknife")
        has_no_interval(result["slope"], "at least three subjects")


def test_rows_taken_for_independent_are_marked() -> None:
    x = np.array([10.0, 20.0, 30.0, 45.0, 60.0, 80.0, 90.0, 95.0])
    y = x + np.array([1, -1, 2, 0, -2, 1, 0.5, 3])
    subject = np.repeat(list("abcd"), 2)
    for line, method in ((deming, "model_t"), (passing_bablok, "passing_bablok"), (theil_sen, "kendall_t")):
        found = line(x, y, subject=subject, ci=method)["slope"]
        assert found.interval is not None
        assert found.interval.independent_rows
        assert "independent" in (found.warning or "")
        alone = line(x, y, ci=method)["slope"]
        assert alone.interval is not None
        assert not alone.interval.independent_rows


def test_row_weights_and_intervals_that_count_pairs() -> None:
    x, y = [10, 20, 30, 45, 60.0], [11, 19, 32, 44, 61.0]
    for line, method in ((deming, "model_t"), (passing_bablok, "passing_bablok"), (theil_sen, "kendall_t")):
        has_no_interval(line(x, y, weights=[1, 2, 1, 1, 1], ci=method)["slope"], "counts pairs")


def test_shifted_numbers_lose_no_digits() -> None:
    """Values of 1e9 that differ by thousandths: the line is that of the thousandths."""
    x = np.array([1.0, 2, 3, 4, 5, 6, 7, 8]) / 1024
    y = x * 1.25 + np.array([1, -1, 0, 2, -2, 1, 0, -1]) / 8192
    near, far = deming(x, y), deming(x + 2**30, y + 2**30)
    assert far["slope"].value == pytest.approx(near["slope"].value, rel=1e-9)
    assert far["slope"].standard_error == pytest.approx(near["slope"].standard_error, rel=1e-6)
    assert pearson(x + 2**30, y + 2**30)["pearson"].value == pytest.approx(
        pearson(x, y)["pearson"].value, rel=1e-9
    )


def test_deming_without_relation() -> None:
    """Four corners of a tall rectangle: every steep line is as far, and a flat one is farther."""
    has_no_value(deming([0, 0, 1, 1], [0, 3, 0, 3])["slope"], "unrelated")
    assert deming([0, 0, 3, 3], [0, 1, 0, 1])["slope"].value == 0.0


def test_decision_levels() -> None:
    x, y = [50, 80, 110, 140.0], [52, 81, 113, 141.0]
    several = deming(x, y, level_at=[70, 126.5])
    assert list(several) == ["slope", "intercept", "bias_at_70", "bias_at_126.5"]
    assert several.parameters["level_at"] == (70.0, 126.5)
    for level in (70, 126.5):
        one = deming(x, y, level_at=level)
        assert list(one) == ["slope", "intercept", "bias_at"]
        assert one["bias_at"].value == several[f"bias_at_{level:g}"].value
        line = one["intercept"].value + (one["slope"].value - 1) * level
        assert one["bias_at"].value == pytest.approx(line, rel=1e-12)
    assert "bias_at" not in deming(x, y)
    near = deming(x, y, level_at=[100000.1, 100000.2])
    assert list(near)[2:] == ["bias_at_100000.1", "bias_at_100000.2"]
    for wrong in ([70, 70], math.nan, "70", [[1, 2]]):
        with pytest.raises(ValueError, match="level_at"):
            deming(x, y, level_at=wrong)  # type: ignore[arg-type]


def test_bias_at_zero_is_the_intercept() -> None:
    x, y = [5.0, 8, 11, 14, 18, 25], [5.2, 8.1, 11.3, 14.1, 17.5, 25.9]
    for line, method in (
        (deming, "model_t"),
        (ordinary_least_squares, "cluster_t"),
        (theil_sen, "kendall_t"),
    ):
        result = line(x, y, level_at=0, ci=method)
        for end in ("lower", "upper"):
            found = getattr(result["bias_at"].interval, end)
            assert found == pytest.approx(getattr(result["intercept"].interval, end), rel=1e-9)


@pytest.mark.parametrize("wrong", [0, -1, math.inf, "1"])
def test_error_ratio_that_is_none(wrong: Any) -> None:
    with pytest.raises(ValueError, match="error_ratio"):
        deming([1, 2, 3.0], [1, 2, 4.0], error_ratio=wrong)


def test_weighted_deming_needs_positive_levels() -> None:
    for weighting in ("iterated", "one_pass"):
        result = weighted_deming([0.0, 1, 2, 3], [0.0, 1, 2, 4], weighting=weighting)
        has_no_value(result["slope"], "in 1 rows the level is zero or below")


def test_a_zero_reference_in_one_part_undoes_the_whole() -> None:
    """Parts prepared apart: what makes one undefined is not lost where they are put together."""
    metric = registry.get("weighted_least_squares")
    good = metric.prepare(Columns(np.array([1.0, 2, 3]), np.array([1.0, 2, 4]), np.arange(4)), level_at=1)
    bad = metric.prepare(Columns(np.array([5.0, 0, 7]), np.array([5.0, 1, 7]), np.arange(4)), level_at=1)
    whole = good.concat(bad)  # type: ignore[attr-defined]
    assert np.isnan(whole.estimate()).all()
    assert "in 1 rows" in whole.reason_undefined("slope")
    without = np.ones((1, 6)) - np.eye(6)[[4]]
    assert np.isfinite(whole.at(without)).all()


def exact_passing_bablok(x: list[str], y: list[str]) -> Fraction:
    """The definition in rational arithmetic."""
    slopes = []
    for i in range(len(x)):
        for j in range(i):
            dx, dy = Fraction(x[i]) - Fraction(x[j]), Fraction(y[i]) - Fraction(y[j])
            if dx == 0:
                slopes += [Fraction(10**9)] if dy else []
            elif dy / dx != -1:
                slopes.append(dy / dx)
    slopes.sort()
    shift, n = sum(slope < -1 for slope in slopes), len(slopes)
    return (slopes[(n - 1) // 2 + shift] + slopes[n // 2 + shift]) / 2


def test_decimals_are_exact() -> None:
    """Tenths with many slopes of -1, which floating point misses: 0.3 - 0.2 is not 0.1."""
    random = np.random.default_rng(8)
    missed = 0
    for _ in range(50):
        tenths = random.integers(1, 9, size=12)
        x = [f"{value / 10:.1f}" for value in tenths]
        y = [f"{value / 10:.1f}" for value in tenths + random.integers(-2, 3, size=12)]
        expected = exact_passing_bablok(x, y)
        if expected > 10**6:
            continue
        numbers = np.array(x, dtype=float), np.array(y, dtype=float)
        assert passing_bablok(*numbers)["slope"].value == pytest.approx(float(expected), rel=1e-15)
        dx, dy = (np.subtract.outer(column, column)[np.tril_indices(12, -1)] for column in numbers)
        tenfold = (np.round(10 * column).astype(int) for column in numbers)
        wx, wy = (np.subtract.outer(column, column)[np.tril_indices(12, -1)] for column in tenfold)
        missed += int(np.count_nonzero((dy == -dx) & (dx != 0)) < np.count_nonzero((wy == -wx) & (wx != 0)))
    assert missed > 10, "the data do not test what they should"


def test_numbers_that_are_not_decimal_are_left_alone() -> None:
    x, y = np.array([1 / 3, math.pi]), np.array([0.5, 1e300])
    assert whole_numbers(x, y) == (x, y) or all(
        np.array_equal(a, b) for a, b in zip(whole_numbers(x, y), (x, y), strict=True)
    )


def test_vertical_slopes_and_identical_pairs() -> None:
    """Both points of a vertical pair count above all slopes; an identical pair does not count."""
    result = passing_bablok([1, 1, 2, 3, 3], [1, 2, 2, 3, 3])
    assert result["slope"].value == float(exact_passing_bablok(list("11233"), list("12233")))


def test_falling_lines() -> None:
    x = np.arange(1.0, 12.0)
    y = 40 - 2 * x + np.array([0.3, 1.1, -1.2, 0.2, 2.4, -2.5, 1.3, 0.4, -1.7, 1.6, -0.6]) / 10
    for line in (passing_bablok_equivariant, theil_sen):
        result = line(x, y)
        assert result["slope"].value == pytest.approx(-2, abs=0.05)
        assert result["slope"].interval.lower < -2 < result["slope"].interval.upper
        assert result["intercept"].interval.lower < 40 < result["intercept"].interval.upper
    has_no_value(passing_bablok(x, y)["slope"], "not positively related")


def test_hardly_rising_lines_are_warned_of() -> None:
    random = np.random.default_rng(1)
    x, y = random.normal(size=40), random.normal(size=40)
    assert "hardly rise together" in (passing_bablok(x, y)["slope"].warning or "")


def test_too_many_rows_for_all_pairs() -> None:
    rows = np.arange(MOST_ROWS + 1.0)
    result = passing_bablok(rows, rows)
    has_no_value(result["slope"], f"at most {MOST_ROWS:,} rows")


def test_few_pairs_have_no_rank_interval() -> None:
    has_no_interval(passing_bablok([1, 2, 3, 4.0], [1.1, 2.0, 3.2, 3.9])["slope"], "too few")
    has_no_interval(theil_sen([1, 2, 3, 4.0], [1.1, 2.0, 3.2, 3.9])["slope"], "at least five")


def test_ranked_slopes_do_not_bound_an_intercept_amid_the_reference() -> None:
    """Below a reference of 0 the steeper slope gives the higher intercept: the ends came out in reverse.

    In simulations of a reference from -1 to 1 the interval of an intercept held it 31% of times.
    """
    x = np.array([-5.0, -4.1, -3.2, -2.7, -1.9, -1.1, -0.4, 0.3, 1.2, 2.1, 2.8, 3.9])
    y = x + np.array([1, -2, 0, 3, -1, 2, -3, 1, 0, -1, 2, -2]) / 8
    for shift in (0, -5):
        found = passing_bablok(x + shift, y + shift)
        has_no_interval(found["intercept"], "the reference is not below 0")
        assert found["slope"].interval is not None
    positive = passing_bablok(x + 5, y + 5)["intercept"]
    assert positive.interval is not None
    assert positive.interval.lower < positive.value < positive.interval.upper


@pytest.mark.parametrize("sides", ["lower", "upper"])
@pytest.mark.parametrize("line", [passing_bablok, theil_sen, deming])
def test_one_sided_bounds_are_ends_of_wider_two_sided_ones(line: Any, sides: str) -> None:
    random = np.random.default_rng(3)
    x = random.uniform(50, 150, size=40).round(1)
    y = (x + random.normal(0, 3, size=40)).round(1)
    one, two = line(x, y, level=0.95, sides=sides), line(x, y, level=0.9)
    for name in ("slope", "intercept"):
        found, expected = one[name].interval, two[name].interval
        assert getattr(found, sides) == pytest.approx(getattr(expected, sides), rel=1e-12)
        assert math.isinf(found.upper if sides == "lower" else found.lower)


@pytest.mark.parametrize("function", CORRELATIONS)
def test_correlations_without_rows_or_spread(function: Any) -> None:
    words = "No subject has two rows" if function is rmcorr else "There are no rows."
    has_no_value(function([], [], subject=[])[function.__name__], words)
    flat = function([0.1, 0.1, 0.1, 0.1], [1, 2, 3, 4], subject=["a", "a", "b", "b"])
    has_no_value(flat[function.__name__], "undefined")
    flat = function([1, 2, 3, 4], [0.1, 0.1, 0.1, 0.1], subject=["a", "a", "b", "b"])
    has_no_value(flat[function.__name__], "undefined")


@pytest.mark.parametrize("function", CORRELATIONS)
@pytest.mark.parametrize(
    "method", ["jackknife_fisher_z", "cluster_fisher_z", "fisher_z", "bootstrap_percentile"]
)
def test_perfect_correlations_are_degenerate(function: Any, method: str) -> None:
    x = np.array([1.0, 2, 3, 4, 5, 7, 8, 9])
    subject = np.repeat(list("abcd"), 2)
    if function is kendall and method == "fisher_z":
        return  # tau has no row-wise interval
    found = function(x, 3 * x + 1, subject=subject, ci=method, replicates=500)[function.__name__]
    assert found.value == pytest.approx(1.0)
    if found.interval is not None:
        assert found.interval.degenerate
        assert found.interval.upper == pytest.approx(1.0)


@pytest.mark.parametrize("function", CORRELATIONS)
@pytest.mark.parametrize("method", ["jackknife_fisher_z", "cluster_fisher_z"])
def test_subjects_that_do_not_differ_leave_a_correlation_without_width(function: Any, method: str) -> None:
    """As their resampling intervals and those of concordance: an interval of no width may not decide."""
    x, y = np.tile([1.0, 2, 3, 4], 5), np.tile([1.1, 3.3, 1.9, 3.8], 5)
    found = function(x, y, subject=np.repeat(list("abcde"), 4), ci=method)[function.__name__]
    assert found.interval is not None
    assert found.interval.upper - found.interval.lower < 1e-12
    assert found.interval.degenerate
    assert "do not differ; the interval has no width" in (found.warning or "")


@pytest.mark.parametrize("method", ["jackknife_fisher_z", "cluster_fisher_z", "fisher_z"])
@pytest.mark.parametrize(("slope", "intercept"), [(1.1, 0.3), (0.37, 0.1), (1.003, 0.0)])
def test_perfect_correlations_of_decimals_are_degenerate(slope: float, intercept: float, method: str) -> None:
    """A correlation of 0.9999999999999998 is 1."""
    x = np.array([0.1, 0.23, 0.35, 0.47, 0.61, 0.7, 0.93, 1.1, 1.37])
    found = pearson(x, slope * x + intercept, ci=method)["pearson"]
    assert found.value == 1
    assert found.interval is not None
    assert found.interval.degenerate


@pytest.mark.parametrize("function", CORRELATIONS)
def test_correlations_of_few(function: Any) -> None:
    one = function([1, 2, 3], [1, 3, 2], subject=["a"] * 3)[function.__name__]
    has_no_interval(one, "at least two subjects")
    if function is kendall:
        return
    few = function([1, 2, 3], [1, 3, 2], subject=["a"] * 3, ci="fisher_z")[function.__name__]
    has_no_interval(few, "at least four")


def test_rows_of_one_subject_are_marked_in_correlations() -> None:
    x, y = [1, 2, 3, 4, 5, 6.0], [1, 3, 2, 5, 4, 6.0]
    for function in (pearson, spearman, rmcorr):
        found = function(x, y, subject=list("aabbcc"), ci="fisher_z")[function.__name__]
        assert found.interval is None or found.interval.independent_rows
        weighted = function(x, y, subject=list("aabbcc"), weights=[1, 2] * 3, ci="fisher_z")
        has_no_interval(weighted[function.__name__], "counts rows")


def test_subjects_with_one_row_do_not_count_within() -> None:
    with_single = rmcorr([1, 2, 3, 9, 5, 6, 8], [2, 1, 4, 9, 4, 5, 9], subject=list("aaabccc"))["rmcorr"]
    without = rmcorr([1, 2, 3, 5, 6, 8], [2, 1, 4, 4, 5, 9], subject=list("aaaccc"))["rmcorr"]
    assert with_single.value == pytest.approx(without.value, rel=1e-12)
    assert with_single.counts == without.counts
    assert with_single.interval == without.interval


def test_p_of_a_correlation() -> None:
    assert correlation_p(1.0, 5) == 0.0
    assert correlation_p(0.0, 5) == pytest.approx(1.0)
    with pytest.raises(CannotComputeError):
        correlation_p(0.5, 0)


def test_mean_difference_edges() -> None:
    has_no_value(mean_difference([], [])["mean_difference"], "There are no rows.")
    has_no_interval(mean_difference([1.0], [2.0])["mean_difference"], "at least two subjects")
    flat = mean_difference([0.1, 0.5, 0.7], [0.3, 0.7, 0.9])["mean_difference"]
    assert flat.interval is not None
    assert flat.interval.degenerate
    for call in (
        lambda: equivalence_test([1.0], [2.0], lower=-1, upper=1),
        lambda: equivalence_test([0.1, 0.5, 0.7], [0.3, 0.7, 0.9], lower=-1, upper=1),
    ):
        with pytest.raises(CannotComputeError):
            call()


@pytest.mark.parametrize(
    ("function", "wrong", "word"),
    [
        (equivalence_test, {"lower": 1, "upper": -1}, "lower"),
        (equivalence_test, {"lower": -1, "upper": math.inf}, "upper"),
        (equivalence_test, {"lower": -1, "upper": 1, "alpha": 0.5}, "alpha"),
        (equivalence_test, {"lower": -1, "upper": 1, "average": "median"}, "average"),
        (non_inferiority_test, {"margin": -1}, "margin"),
        (non_inferiority_test, {"margin": 1, "better": "near_zero"}, "better"),
    ],
)
def test_arguments_of_the_tests(function: Any, wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        function([1, 2, 3.0], [1, 3, 3.0], **wrong)


def test_clustered_equivalence_counts_subjects() -> None:
    """Doubling every row adds nothing: the subjects are the units."""
    reference, test, subject = np.arange(8.0), np.array([1.0, 1, 4, 4, 3, 5, 7, 9]), np.arange(8)
    once = equivalence_test(reference, test, subject=subject, lower=-2, upper=2)
    twice = equivalence_test(
        np.repeat(reference, 2), np.repeat(test, 2), subject=np.repeat(subject, 2), lower=-2, upper=2
    )
    assert twice.p == pytest.approx(once.p, rel=1e-12)
    assert (twice.n_subjects, twice.n_units) == (8, 16)
    assert "not shown" in str(equivalence_test(reference, test, lower=-0.1, upper=0.1))
    assert "one-sided: " in str(non_inferiority_test(reference, test, margin=1, better="lower"))
