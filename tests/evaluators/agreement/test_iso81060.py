"""Statistics of the standards for blood pressure monitors, against tables worked by hand and R."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare

from accordance.evaluators import bland_altman, iso81060_3, sd_of_subject_means

# Errors of three subjects: a 2, 4, 6; b -1, 1; c 3.
SUBJECT = ["a", "a", "a", "b", "b", "c"]
ERRORS = np.array([2.0, 4.0, 6.0, -1.0, 1.0, 3.0])
REFERENCE = np.array([120.0, 118.0, 131.0, 95.0, 99.0, 140.0])


def test_corrected_standard_deviation_by_hand() -> None:
    """n = 6, k = 3, mean 15/6 = 2.5; subject means 4, 0, 3.

    SSB = 3 * 1.5^2 + 2 * 2.5^2 + 1 * 0.5^2 = 19.5, MSB = 9.75; SSW = 8 + 2 + 0 = 10, MSW = 10/3;
    f = (36 - 14) / (2 * 6) = 11/6; between = (9.75 - 10/3) / (11/6) = 3.5;
    s^2 = 3.5 + 10/3 = 41/6; ICC = 21/41; r = 2; N = 3 (1 + 20/41) = 183/41.
    """
    result = iso81060_3(REFERENCE, REFERENCE + ERRORS, subject=SUBJECT)
    found = [result[name].value for name in ("bias", "sd_corrected", "icc", "n_effective")]
    compare("ISO 81060-3, by hand", found, [2.5, np.sqrt(41 / 6), 21 / 41, 183 / 41])
    assert result["bias"].counts.n_subjects == 3
    assert result["bias"].counts.n_units == 6


def test_a_negative_component_is_set_to_zero_and_said() -> None:
    """Errors 1, -1 of two subjects each: MSB 0, MSW 2, f 2; the correlation is 0, all pairs count."""
    result = iso81060_3(
        [80.0] * 6, [81.0, 79.0, 81.0, 79.0, 81.0, 79.0], subject=["a", "a", "b", "b", "c", "c"]
    )
    assert result["sd_corrected"].value == pytest.approx(np.sqrt(2))
    assert result["icc"].value == 0
    assert result["n_effective"].value == 6
    assert "-1 and was set to 0" in (result["sd_corrected"].warning or "")
    assert result["bias"].warning is None or "set to 0" not in result["bias"].warning


def test_subjects_who_never_vary_are_worth_one_pair_each() -> None:
    result = iso81060_3([80.0] * 4, [81.0, 81.0, 85.0, 85.0], subject=["a", "a", "b", "b"])
    assert result["icc"].value == pytest.approx(1)
    assert result["n_effective"].value == pytest.approx(2)
    assert result["sd_corrected"].value == pytest.approx(np.sqrt(8))


@pytest.mark.parametrize("data", ["sbp", "ox", "cardiac", "pefr"])
def test_corrected_standard_deviation_is_that_of_bland_and_altman(oracle: Any, data: str) -> None:
    """`epiR::epi.ccc(rep.measure = TRUE)`: mean over pairs and one-way analysis of variance."""
    entry = f"rm_varies.{data}"
    rows = oracle.rows(entry)
    result = iso81060_3(rows.reference, rows.test, subject=rows.subject)
    other = bland_altman(rows.reference, rows.test, subject=rows.subject, truth="varying", bias="pairs")
    assert result["bias"].value == pytest.approx(other["bias"].value, rel=1e-12)
    assert result["sd_corrected"].value == pytest.approx(other["sd"].value, rel=1e-10)
    assert result["bias"].interval is not None and other["bias"].interval is not None
    assert result["bias"].interval.lower == pytest.approx(other["bias"].interval.lower, rel=1e-10)


def test_second_criterion_by_hand() -> None:
    """Subject means 4, 0, 3 about the pooled mean 2.5: (2.25 + 6.25 + 0.25) / 2 = 4.375."""
    found = sd_of_subject_means(REFERENCE, REFERENCE + ERRORS, subject=SUBJECT)["sd_of_subject_means"]
    compare("ISO 81060-2 criterion 2, by hand", found.value, np.sqrt(4.375))


def test_second_criterion_of_equal_numbers_is_the_ordinary_standard_deviation(oracle: Any) -> None:
    rows = oracle.rows("rm_varies.sbp")
    means = (rows.test - rows.reference).reshape(-1, 3).mean(axis=1)
    found = sd_of_subject_means(rows.reference, rows.test, subject=rows.subject, ci="chi_square")
    estimate = found["sd_of_subject_means"]
    assert estimate.value == pytest.approx(means.std(ddof=1), rel=1e-12)
    # sqrt(84 * var(means) / qchisq(c(.975, .025), 84)); chi-square quantiles 111.2423 and 60.53980
    assert estimate.interval is not None
    expected = np.sqrt(84 * means.var(ddof=1) / np.array([111.2423, 60.53980]))
    assert [estimate.interval.lower, estimate.interval.upper] == pytest.approx(expected, rel=1e-6)


def test_unequal_numbers_have_no_chi_square_interval() -> None:
    found = sd_of_subject_means(REFERENCE, REFERENCE + ERRORS, subject=SUBJECT, ci="chi_square")
    assert "as many pairs" in (found["sd_of_subject_means"].error or "")


def test_too_little_data_says_what_is_missing() -> None:
    for estimate in iso81060_3([], []).values():
        assert estimate.error == "There are no pairs."
    one = iso81060_3([80.0, 81.0], [82.0, 80.0], subject=["a", "a"])
    assert one["bias"].value == 0.5
    assert "two subjects" in (one["sd_corrected"].error or "")
    single = iso81060_3([80.0, 81.0, 90.0], [82.0, 80.0, 91.0])
    assert single["bias"].value == pytest.approx(2 / 3)
    assert "single pair" in (single["sd_corrected"].error or "")
    alone = sd_of_subject_means([80.0], [82.0])["sd_of_subject_means"]
    assert "there is 1" in (alone.error or "")


def test_equal_errors_have_no_spread() -> None:
    result = iso81060_3([0.1, 0.2, 0.3, 0.7], [1.1, 1.2, 1.3, 1.7], subject=["a", "a", "b", "b"])
    assert result["sd_corrected"].value == pytest.approx(0, abs=1e-12)
    criterion = sd_of_subject_means([0.1, 0.2, 0.3], [1.1, 1.2, 1.3])["sd_of_subject_means"]
    assert criterion.value == pytest.approx(0, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.integers(-15, 15).map(float), min_size=1, max_size=5), min_size=2, max_size=7
    ).filter(lambda them: any(len(one) > 1 for one in them) and len({x for one in them for x in one}) > 1)
)
def test_the_effective_number_lies_between_subjects_and_pairs(subjects: list[list[float]]) -> None:
    subject = [i for i, one in enumerate(subjects) for _ in one]
    errors = np.array([value for one in subjects for value in one])
    reference = np.linspace(60, 180, len(errors))
    result = iso81060_3(reference, reference + errors, subject=subject)
    effective = result["n_effective"].value
    assert len(subjects) - 1e-9 <= effective <= len(errors) + 1e-9
    assert result["sd_corrected"].value >= 0
    order = np.random.default_rng(1).permutation(len(errors))
    names = np.array([f"s{97 - i}" for i in subject])
    again = iso81060_3(reference[order], (reference + errors)[order], subject=names[order])
    for name in result:
        assert again[name].value == pytest.approx(result[name].value, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("function", [iso81060_3, sd_of_subject_means])
def test_row_weights_are_refused(function: Any) -> None:
    with pytest.raises(ValueError, match="without row weights"):
        function([80.0, 81.0], [82.0, 80.0], weights=[1, 2])
