"""Tests of calibration against R: ResourceSelection 0.3.6, rms 6.5.0, closed forms evaluated in R 4.2.2."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from diagnostic import cases
from hypothesis import given
from hypothesis import strategies as st
from oracle import compare
from scipy import special, stats

from accordance.evaluators import (
    CannotComputeError,
    auc,
    hosmer_lemeshow,
    log_loss,
    recalibration_test,
    spiegelhalter_test,
)

DATA = {
    "calib_calcurves_sim": ("calibration_calcurves.csv", "y", "p"),
    "calib_dcurves_cancerpredmarker": ("dcurves_df_binary.csv", "cancer", "cancerpredmarker"),
}
PROFILE = (
    "Profile-likelihood intervals of the model take units for independent, as `glm_wald` does; with subjects "
    "as clusters there is no likelihood to profile. `glm_wald` serves comparison, `cluster_t` the decision."
)
BINNED = "`rms` counts pairs after putting predictions into bins of 0.002; held to 2e-4."
ZERO = "The second data set is calibrated on itself: 0 but for rounding, held to 1e-7."
NOT_COMPARED = {
    "calibration_in_the_large.profile": PROFILE,
    "calibration_slope.slope_profile": PROFILE,
    "rms_val.prob.C (ROC)": BINNED,
    "rms_val.prob.Dxy": BINNED,
    "calibration_in_the_large.est": ZERO,
    "calibration_in_the_large.z": ZERO,
    "calibration_slope.intercept": ZERO,
    "rms_val.prob.Intercept": ZERO,
    "dcurves_net_benefit.Treat None": "Constants: 0 by definition.",
}
"""Beginnings of the names of outputs -> why a test does not compare them to 1e-8."""


@pytest.fixture(scope="module")
def found(reference_data):
    return {name: cases(reference_data)[name]["outputs"] for name in DATA}


@pytest.fixture(scope="module")
def rows(reference_data):
    made = {}
    for name, (file, outcome, predicted) in DATA.items():
        with (reference_data / "diagnostic" / "data" / file).open() as opened:
            read = list(csv.DictReader(opened))
        truth = np.array([int(row[outcome] in ("1", "TRUE")) for row in read])
        made[name] = truth, np.array([float(row[predicted]) for row in read])
    return made


def names(value, path=""):
    if not isinstance(value, dict):
        return [path]
    return [name for key, one in value.items() for name in names(one, f"{path}.{key}" if path else key)]


def test_what_is_not_compared_exists(found):
    known = [name for outputs in found.values() for name in names(outputs)]
    assert [start for start in NOT_COMPARED if not any(name.startswith(start) for name in known)] == []


@pytest.mark.parametrize("groups", [5, 10])
@pytest.mark.parametrize("name", DATA)
def test_hosmer_lemeshow(found, rows, name, groups):
    """`ResourceSelection::hoslem.test(y, p, g)`; `pchisq(chisq, g)` for external validation."""
    expected = found[name][f"hoslem_ResourceSelection_g{groups}"]
    result = hosmer_lemeshow(*rows[name], groups=groups)
    compare(
        "Hosmer-Lemeshow",
        (result.statistic, result.df_development, result.p_development, result.p_external),
        (
            expected["chisq"],
            expected["df_internal_gminus2"],
            expected["p_gminus2"],
            expected["p_external_df_g"],
        ),
    )
    for i in range(groups):
        seen, due = expected["observed"][str(i + 1)], expected["expected"][str(i + 1)]
        compare(
            "Hosmer-Lemeshow, groups",
            (result.observed[i], result.n_units[i] - result.observed[i], result.expected[i],
             result.n_units[i] - result.expected[i]),
            (seen["y1"], seen["y0"], due["yhat1"], due["yhat0"]),
        )  # fmt: skip
    assert (result.n_units.sum(), result.observed.sum()) == (found[name]["n"], found[name]["events"])
    if groups == 10:
        gap = np.abs(result.observed - result.expected).sum() / result.n_units.sum()
        compare("expected calibration error, 10 groups of equal size", gap, found[name]["ECE_10_quantile"])


@pytest.mark.parametrize("name", DATA)
def test_spiegelhalter(found, rows, name):
    """The closed form, and `rms::val.prob()[c("S:z", "S:p")]`."""
    result = spiegelhalter_test(*rows[name])
    own, other = found[name]["spiegelhalter_z"], found[name]["rms_val.prob"]
    compare("Spiegelhalter", (result.statistic, result.p_value), (own["z"], own["p"]))
    compare("Spiegelhalter (rms)", (result.statistic, result.p_value), (other["S:z"], other["S:p"]))


@pytest.mark.parametrize("name", DATA)
def test_recalibration_and_what_follows_from_the_likelihood(found, rows, name):
    """`rms::val.prob`: unreliability U, discrimination D, quality Q, R2 (Nagelkerke), by log likelihood.

    The second data set is calibrated on itself: its chi-square is 0.
    """
    expected, (y, p) = found[name]["rms_val.prob"], rows[name]
    result, n = recalibration_test(y, p), len(y)
    compare("recalibration test", result.statistic, expected["U:Chi-sq"], abs=1e-9)
    compare("recalibration test", result.p_value, expected["U:p"])
    u = (result.statistic - 2) / n
    share = y.mean()
    empty = 2 * n * float(special.entr([share, 1 - share]).sum())
    fitted = 2 * n * log_loss(y, p)["log_loss"].value
    d = (empty - fitted - 1) / n
    r2 = (1 - math.exp((fitted - empty) / n)) / (1 - math.exp(-empty / n))
    compare("U, D, Q, R2 (rms)", (u, d, d * n + 1, d - u, r2),
            [expected[key] for key in ("U", "D", "D:Chi-sq", "Q", "R2")])  # fmt: skip
    assert 2 * auc(y, p)["auc"].value - 1 == pytest.approx(expected["Dxy"], abs=2e-4)


def test_groups_of_equal_predictions_stay_together():
    """`quantile` gives an edge several times; what is left are fewer groups and degrees of freedom."""
    y, p = [0, 1] * 15, [0.1] * 20 + [0.3] * 4 + [0.5] * 3 + [0.9] * 3
    result = hosmer_lemeshow(y, p, groups=10)
    assert result.n_units.sum() == 30
    assert result.df_external == len(result.n_units) < 10
    assert result.df_development == result.df_external - 2
    assert "fitted to these data" in str(result)


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 50)), min_size=4, max_size=60), st.integers(3, 12)
)
def test_hosmer_lemeshow_by_its_definition(units, groups):
    y, p = np.array(units).T[0], np.array(units).T[1] / 50
    edges = np.unique(np.quantile(p, np.arange(groups + 1) / groups))
    try:
        result = hosmer_lemeshow(y, p, groups=groups)
    except CannotComputeError:
        assert len(edges) < 5  # an edge may be there twice but for rounding
        return
    assert result.n_units.sum() == len(y)
    assert result.observed.sum() == y.sum()
    assert result.expected.sum() == pytest.approx(p.sum())
    statistic = 0.0
    for o, e, n in zip(result.observed, result.expected, result.n_units, strict=True):
        for seen, due in ((o, e), (n - o, n - e)):
            if due > 1e-12:
                statistic += (seen - due) ** 2 / due
            elif seen:
                statistic = math.inf
    if math.isfinite(result.statistic):
        assert result.statistic == pytest.approx(statistic)
    assert result.p_external == pytest.approx(stats.chi2.sf(result.statistic, result.df_external))


def test_what_cannot_happen_is_refuted():
    """A positive in a group whose predictions are all 0: infinite, and the p-value is 0."""
    result = hosmer_lemeshow([1, 0, 0, 1, 0, 1, 1, 0, 1], [0] * 3 + [0.4] * 3 + [0.8] * 3, groups=3)
    assert result.statistic == math.inf
    assert result.p_external == 0.0


def test_edges():
    for function in (hosmer_lemeshow, spiegelhalter_test, recalibration_test):
        with pytest.raises(CannotComputeError, match="no rows"):
            function([], [])
        with pytest.raises(ValueError, match="probabilities from 0 to 1"):
            function([0, 1], [0.1, 1.2])
    with pytest.raises(ValueError, match="at least 3"):
        hosmer_lemeshow([0, 1], [0.1, 0.2], groups=2)
    with pytest.raises(CannotComputeError, match="form 2 groups"):
        hosmer_lemeshow([0, 1, 1], [0.1, 0.2, 0.3], groups=3) and hosmer_lemeshow([0, 1] * 4, [0.1, 0.2] * 4)
    with pytest.raises(CannotComputeError, match="no variance"):
        spiegelhalter_test([0, 1], [0.5, 1.0])
    with pytest.raises(CannotComputeError, match="logit is infinite"):
        recalibration_test([0, 1], [0.5, 1.0])
    with pytest.raises(CannotComputeError, match="positives and negatives"):
        recalibration_test([1, 1], [0.5, 0.6])
    assert "z = " in str(spiegelhalter_test([0, 1], [0.4, 0.7]))
    assert "chi-square(2)" in str(recalibration_test([0, 1, 0, 1], [0.4, 0.7, 0.6, 0.2]))
