"""Intraclass correlations against R. Values from agreement/oracle.json; entries name package and call."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest
from oracle import compare
from scipy import special

from accordance.evaluators import MetricResult, icc, icc_raters
from accordance.evaluators.reliability.icc_forms import STATISTICS, prepare_icc

TABLES = ["shrout_fleiss", "anxiety", "sbp_JRS", "sbp_JS", "sbp_J_repeatability", "pefr"]
IRR = {
    "icc_1_1": "oneway_consistency_single",
    "icc_1_k": "oneway_consistency_average",
    "icc_c_1": "twoway_consistency_single",
    "icc_c_k": "twoway_consistency_average",
    "icc_a_1": "twoway_agreement_single",
    "icc_a_k": "twoway_agreement_average",
}
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def table(oracle: Any, name: str) -> np.ndarray:
    """The (subjects, raters) table that the entry's call was given."""
    entry = oracle.entries[f"icc_psych.{name}"]
    with (oracle.folder / "data" / entry["dataset"]).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if name in ("shrout_fleiss", "anxiety"):
        return np.array([float(row["y"]) for row in rows]).reshape(-1, 4 if name == "shrout_fleiss" else 3)
    if name == "sbp_J_repeatability":
        return np.array([float(row["J"]) for row in rows]).reshape(-1, 3)
    columns = {"sbp_JRS": "JRS", "sbp_JS": "JS"}.get(name, ("reference", "test"))
    return np.array([[float(row[key]) for key in columns] for row in rows if row["replicate"] == "1"])


def bounds(result: MetricResult, statistic: str) -> list[float]:
    interval = result[statistic].interval
    assert interval is not None
    return [interval.lower, interval.upper]


@pytest.mark.parametrize("name", TABLES)
def test_forms_against_psych(oracle: Any, name: str) -> None:
    """`psych::ICC(x, lmer = FALSE)` 2.2.9: estimates, F tests, and the intervals of Shrout & Fleiss."""
    values, ratings = oracle.values(f"icc_psych.{name}"), table(oracle, name)
    result = icc_raters(ratings, ci="shrout_fleiss")
    compare("intraclass correlations", [one.value for one in result.values()], values["ICC"])
    found = np.array([bounds(result, statistic) for statistic in STATISTICS])
    compare("intraclass correlations, Shrout & Fleiss", found[:, 0], values["lower"])
    compare("intraclass correlations, Shrout & Fleiss", found[:, 1], values["upper"])
    n = len(ratings)
    prepared = prepare_icc(ratings, np.arange(n + 1), np.ones(n), weighted=False)
    tests = [prepared.f_test(statistic) for statistic in STATISTICS]
    for field, key in (("f", "F"), ("df1", "df1"), ("df2", "df2")):
        compare("intraclass correlations, F test", [getattr(one, field) for one in tests], values[key])
    # p values are matched relative to their size, down to 1e-59
    compare("intraclass correlations, F test", [one.p_value for one in tests], values["p"], abs=0)


@pytest.mark.parametrize("name", TABLES)
def test_forms_against_irr(oracle: Any, name: str) -> None:
    """`irr::icc(x, model, type, unit)` 0.84.1: intervals, degrees of freedom and F tests of McGraw & Wong.

    irr tests the agreement forms with their Satterthwaite degrees of freedom; psych (above) does not.
    """
    values, ratings = oracle.values(f"icc_irr.{name}"), table(oracle, name)
    result = icc_raters(ratings)
    n = len(ratings)
    prepared = prepare_icc(ratings, np.arange(n + 1), np.ones(n), weighted=False)
    for statistic, key in IRR.items():
        wanted = values[key]
        got = [result[statistic].value, *bounds(result, statistic)]
        expected = [wanted["value"], wanted["lower"], wanted["upper"]]
        compare("intraclass correlations, McGraw & Wong", got, expected)
        test = prepared.f_test(statistic)
        df = prepared.agreement_df(statistic) if statistic.startswith("icc_a") else test.df2
        compare("intraclass correlations, McGraw & Wong df", [test.df1, df], [wanted["df1"], wanted["df2"]])
        p = special.fdtrc(test.df1, df, test.f)
        compare("intraclass correlations, F test", [test.f, p], [wanted["F"], wanted["p"]], abs=0)


@pytest.mark.parametrize("name", TABLES)
def test_forms_against_mixed_models(oracle: Any, name: str) -> None:
    """`psych::ICC(x, lmer = TRUE)`: REML equals the analysis of variance where no component is negative.

    Where the one between raters would be (pefr), REML sets it to 0 and all forms become the one-way ones.
    """
    values = oracle.values(f"icc_psych_lmer.{name}", "cross_check")
    ratings = table(oracle, name)
    result = icc_raters(ratings)
    n = len(ratings)
    squares = prepare_icc(ratings, np.arange(n + 1), np.ones(n), weighted=False).mean_squares
    one_way = squares.raters < squares.residual
    names = [f"icc_1_{one[-1]}" if one_way else one for one in STATISTICS]
    got = [result[one].value for one in names]
    compare("intraclass correlations (cross-check)", got, values["ICC"], rel=1e-4)


def test_shrout_and_fleiss_table() -> None:
    """Shrout & Fleiss 1979, Table 4 (p. 423), as printed."""
    found = [round(one.value, 2) for one in icc_raters(SHROUT_FLEISS).values()]
    assert found == [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]


def test_long_columns_are_the_table() -> None:
    long = [(i, j, value) for i, row in enumerate(SHROUT_FLEISS) for j, value in enumerate(row)]
    order = np.random.default_rng(5).permutation(len(long))
    subject, rater, ratings = zip(*(long[i] for i in order), strict=True)
    once = icc_raters(SHROUT_FLEISS)
    again = icc_raters(ratings, subject=subject, rater=[f"r{j}" for j in rater])
    for name in once:
        assert again[name].value == pytest.approx(once[name].value, rel=1e-12)
        assert bounds(again, name) == pytest.approx(bounds(once, name), rel=1e-12)


def test_pairs_are_two_raters() -> None:
    x, y = [12.0, 15, 9, 20, 17], [13.0, 14, 10, 22, 15]
    pairs, raters = icc(x, y), icc_raters(np.column_stack([x, y]))
    for name in pairs:
        assert pairs[name].value == pytest.approx(raters[name].value, rel=1e-12)
        assert bounds(pairs, name) == pytest.approx(bounds(raters, name), rel=1e-12)


def test_a_shift_of_one_rater_moves_agreement_and_not_consistency() -> None:
    x = np.array([12.0, 15, 9, 20, 17])
    y = np.array([13.0, 14, 10, 22, 15])
    before, after = icc(x, y), icc(x, y + 10)
    assert after["icc_c_1"].value == pytest.approx(before["icc_c_1"].value, rel=1e-10)
    assert after["icc_c_k"].value == pytest.approx(before["icc_c_k"].value, rel=1e-10)
    assert after["icc_a_1"].value < before["icc_a_1"].value - 0.3


def test_several_rows_a_subject() -> None:
    rng = np.random.default_rng(11)
    subject = np.repeat(np.arange(12), 5)
    x = rng.normal(0, 3, 12)[subject] + rng.normal(0, 1, 60)
    y = x + rng.normal(0, 1, 60)
    known = icc(x, y, subject=subject)
    assert known["icc_a_1"].interval is not None
    assert known["icc_a_1"].interval.method == "cluster_fisher_z"
    asked = icc(x, y, subject=subject, ci="mcgraw_wong")["icc_a_1"]
    assert asked.interval is not None and asked.interval.independent_rows
    assert asked.interval.upper - asked.interval.lower < 1


def test_negative_estimates_are_kept_and_explained() -> None:
    found = icc([1.0, 2, 3, 4], [4.0, 3, 2, 1])
    assert found["icc_1_1"].value == pytest.approx(-1)
    assert "Negative" in (found["icc_1_1"].warning or "")


@pytest.mark.parametrize(
    ("ratings", "words"),
    [(np.empty((0, 2)), "there is 0"), ([[1.0, 2.0]], "there is 1"), (np.full((4, 3), 7.0), "do not differ")],
)
def test_no_value_says_why(ratings: Any, words: str) -> None:
    for estimate in icc_raters(ratings).values():
        assert np.isnan(estimate.value)
        assert words in (estimate.error or "")


def test_raters_who_never_differ_have_no_f_interval() -> None:
    found = icc([1.0, 2, 3, 4], [1.0, 2, 3, 4])["icc_a_1"]
    assert found.value == 1
    assert found.interval is None and "do not differ" in (found.error or "")
    constant = icc([1.0, 2, 3, 4], [3.0, 4, 5, 6])
    assert constant["icc_c_1"].value == pytest.approx(1, abs=1e-12)
    assert constant["icc_c_1"].interval is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"ratings": [1.0, 2.0]}, "one column"),
        ({"ratings": [1.0, 2.0], "subject": ["a", "b"]}, "belong together"),
        ({"ratings": [[1.0], [2.0]]}, "at least two raters"),
        ({"ratings": [1.0, 2.0, 3.0], "subject": list("aab"), "rater": list("xyx")}, "1 cells are missing"),
        ({"ratings": [1.0, 2.0, 3.0], "subject": list("aaa"), "rater": list("xyx")}, "1 are given more"),
        ({"ratings": [[1.0, float("nan")], [2.0, 3.0]]}, "NaN"),
    ],
)
def test_refusals(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        icc_raters(**arguments)


def test_row_weights_have_no_f_interval() -> None:
    found = icc([1.0, 2, 4], [1.0, 3, 4], weights=[1, 1, 2], ci="mcgraw_wong")["icc_a_1"]
    assert found.interval is None and "weighted" in (found.error or "")


# Four targets whose ratings differ more than they do; raters without a bias.
HARDLY_DIFFER = [[1.0, 4.2], [2.0, 3.1], [3.0, 2.2], [4.0, 0.9]]


def test_the_mean_of_raters_has_no_coefficient_beyond_its_pole() -> None:
    """(MSB - MSE) / (MSB + (MSC - MSE) / n) is positive, up to infinity, where the denominator is negative.

    Here it would be 4.06: perfect and better, of devices that contradict each other.
    """
    found = icc_raters(HARDLY_DIFFER)["icc_a_k"]
    assert np.isnan(found.value) and "exceed 1" in (found.error or "")
    assert found.interval is None


@pytest.mark.parametrize("method", ["mcgraw_wong", "shrout_fleiss"])
def test_a_lower_bound_that_reaches_the_pole_is_minus_infinity(method: str) -> None:
    """5 targets, mean squares 2.941 between, 1.601 residual, 0.001 between raters.

    Taken beyond the pole the formula of McGraw & Wong (and `irr`) gives a lower bound of 94.4.
    """
    found = icc([5.2, 4.1, 7.6, 5.1, 6.0], [6.3, 5.7, 7.6, 5.3, 3.0], ci=method)["icc_a_k"]
    assert found.value == pytest.approx(0.511, abs=1e-3)
    assert found.interval is not None
    assert found.interval.lower == -np.inf
    assert found.value < found.interval.upper < 1


@pytest.mark.parametrize("method", ["mcgraw_wong", "shrout_fleiss"])
def test_f_intervals_hold_their_estimate(method: str) -> None:
    """500 tables of 6 targets without and with little reliability, where formulas of ratios go wrong."""
    rng = np.random.default_rng(1)
    seen = 0
    for _ in range(500):
        level = rng.normal(0, rng.choice([0.0, 0.7]), 6)
        result = icc(level + rng.normal(0, 1, 6), level + rng.normal(0, 1, 6), ci=method)
        for estimate in result.values():
            assert np.isnan(estimate.value) or estimate.value < 1
            if estimate.interval is not None:
                assert estimate.interval.lower <= estimate.value <= estimate.interval.upper <= 1
                seen += 1
    assert seen > 2500


def test_targets_of_equal_means_leave_no_interval() -> None:
    found = icc([1.0, 2, 3, 4], [4.0, 3, 2, 1])
    assert "one degree of freedom" in (found["icc_a_1"].error or "")
    flat = found["icc_c_1"].interval
    assert flat is not None and flat.degenerate and "no width" in (found["icc_c_1"].warning or "")
