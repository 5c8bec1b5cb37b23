"""Calibration against R (rms, dcurves, DescTools, base glm and lowess) and by its identities.

diagnostic/oracle.json, `calib_*`: rms 6.5.0 `val.prob`, dcurves 0.5.1, DescTools 0.99.59, R 4.2.2. R's `glm`
stops when the deviance moves by less than 1e-8 and takes standard errors from the step before, which leaves
errors of up to 1e-4 in them. `stopped_early` stops as R does and matches R to 1e-8; the fits themselves run
to the end and match statsmodels there.
"""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
import statsmodels.api as sm
from diagnostic import bounds, cases
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare

from accordance.evaluators import (
    CannotComputeError,
    auc,
    brier_decomposition,
    brier_score,
    calibration_index,
    calibration_slope,
    decision_curve,
    log_loss,
    net_benefit,
    prevalence,
    registry,
    reliability_curve,
)
from accordance.evaluators.calibration.loess import loess, vertices
from accordance.evaluators.calibration.scores import NET_BENEFIT
from accordance.evaluators.metric import Columns

DATA = {
    "calib_calcurves_sim": ("calibration_calcurves.csv", "y", "p"),
    "calib_dcurves_cancerpredmarker": ("dcurves_df_binary.csv", "cancer", "cancerpredmarker"),
}
Z = 1.959963984540054
PARAMETERS = {
    "brier_score": {},
    "brier_decomposition": {"bins": 4},
    "net_benefit": {"threshold": 0.3},
    "calibration_slope": {},
    "calibration_index": {},
    "log_loss": {},
}
ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 19), st.integers(0, 4)), min_size=1, max_size=30)


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


@pytest.fixture(scope="module")
def rows(reference_data):
    made = {}
    for name, (file, outcome, predicted) in DATA.items():
        with (reference_data / "diagnostic" / "data" / file).open() as opened:
            read = list(csv.DictReader(opened))
        truth = np.array([int(row[outcome] in ("1", "TRUE")) for row in read])
        made[name] = truth, np.array([float(row[predicted]) for row in read])
    return made


@pytest.mark.parametrize("name", DATA)
def test_scores(found, rows, name):
    """`DescTools::BrierScore`, `mean(y) / mean(p)`, `rms::val.prob()["C (ROC)"]`."""
    expected, result = found[name]["outputs"], brier_score(*rows[name])
    compare("Brier score", result["brier"].value, expected["brier"])
    compare("Brier score, scaled", result["brier_scaled"].value, expected["brier_scaled"])
    compare("observed over expected", result["observed_expected"].value, expected["O_E_ratio"])
    # `rms` puts predictions into bins of 0.002 before it counts pairs
    c = expected["rms_val.prob"]["C (ROC)"]
    assert auc(*rows[name])["auc"].value == pytest.approx(c, abs=1e-4)
    compare("logarithmic score", log_loss(*rows[name])["log_loss"].value, expected["logloss"])
    share = prevalence(rows[name][0], rows[name][0])["prevalence"].value
    mean = share / result["observed_expected"].value
    compare("prevalence and mean prediction", (share, mean), (expected["prevalence"], expected["mean_pred"]))
    compare("Brier score", result["brier"].value, expected["DescTools_BrierScore"])
    compare("Brier score", result["brier"].value, expected["rms_val.prob"]["Brier"])
    ece = brier_decomposition(*rows[name])["ece"].value
    compare("expected calibration error, 10 equal bins", ece, expected["ECE_10_equal_width"])


def columns_of(y, p):
    return Columns(y, p, np.arange(len(y) + 1))


def match(line, got, expected, rel):
    """Compare; the second data set is calibrated on itself, so that its intercepts are rounding about 0."""
    for found, wanted in zip(got, expected, strict=True):
        if abs(wanted) < 1e-6:
            assert found == pytest.approx(wanted, abs=1e-7)
        else:
            compare(line, found, wanted, rel=rel)


def stopped_early(x, y, offset):
    """Coefficients and standard errors of a logistic regression by the steps of R's `glm.fit`."""
    mean = (y + 0.5) / 2
    linear, before = np.log(mean / (1 - mean)), math.inf
    for _ in range(25):
        weight = mean * (1 - mean)
        root = np.sqrt(weight)
        beta = np.linalg.lstsq(x * root[:, None], root * (linear - offset + (y - mean) / weight), rcond=None)[
            0
        ]
        linear = x @ beta + offset
        mean = 1 / (1 + np.exp(-linear))
        deviance = -2 * np.sum(np.log(np.where(y == 1, mean, 1 - mean)))
        if abs(deviance - before) / (abs(deviance) + 0.1) < 1e-8:
            break
        before = deviance
    return beta, np.sqrt(np.diag(np.linalg.inv(x.T @ (x * weight[:, None]))))


@pytest.mark.parametrize("name", DATA)
def test_intercept_and_slope(found, rows, name):
    """`glm(y ~ offset(qlogis(p)))`, `glm(y ~ qlogis(p))`, `confint.default`; `rms::lrm` by `val.prob`."""
    expected, result = found[name]["outputs"], calibration_slope(*rows[name], ci="glm_wald")
    large, both, other = (
        expected[key] for key in ("calibration_in_the_large", "calibration_slope", "rms_val.prob")
    )
    value = {key: one.value for key, one in result.items()}
    error = {key: (one.interval.upper - one.value) / Z for key, one in result.items()}
    match("calibration in the large (R)", [value["in_the_large"]], [large["est"]], 1e-7)
    match("calibration intercept and slope (R)", [value["intercept"], value["slope"]],
          [both["intercept"], both["slope"]], 1e-7)  # fmt: skip
    match("calibration intercept and slope (rms)", [value["intercept"], value["slope"]],
          [other["Intercept"], other["Slope"]], 1e-7)  # fmt: skip
    y, p = rows[name]
    logit, one = np.log(p / (1 - p)), np.ones((len(p), 1))
    early = [stopped_early(one, y, logit)[1][0], *stopped_early(np.column_stack([one, logit]), y, 0.0)[1]]
    wanted = [large["se"], both["intercept_se"], both["slope_se"]]
    match("calibration, standard errors (R, stopped as R stops)", early, wanted, 1e-8)
    assert list(error.values()) == pytest.approx(wanted, rel=1e-4)
    interval = (result["slope"].interval.lower, result["slope"].interval.upper)
    match("calibration slope, glm_wald (R)", interval, bounds(both["slope_wald"]), 1e-4)
    interval = (result["in_the_large"].interval.lower, result["in_the_large"].interval.upper)
    match("calibration in the large, glm_wald (R)", interval, bounds(large["wald"]), 1e-4)
    z = value["in_the_large"] / early[0]
    match(
        "calibration in the large, z (R)",
        [z, math.erfc(abs(z) / math.sqrt(2))],
        [large["z"], large["p"]],
        1e-7,
    )


@pytest.mark.parametrize("name", DATA)
def test_fits_run_to_the_end(rows, name):
    """statsmodels GLM with its tolerance at 1e-14: coefficients and model errors."""
    y, p = rows[name]
    logit, binomial = np.log(p / (1 - p)), sm.families.Binomial()
    both = sm.GLM(y, sm.add_constant(logit), family=binomial).fit(tol=1e-14)
    large = sm.GLM(y, np.ones((len(y), 1)), offset=logit, family=binomial).fit(tol=1e-14)
    result = calibration_slope(y, p, ci="glm_wald")
    match(
        "calibration fits (statsmodels)",
        [result[key].value for key in result]
        + [(one.interval.upper - one.value) / Z for one in result.values()],
        [large.params[0], *both.params, large.bse[0], *both.bse],
        1e-8,
    )


@pytest.mark.parametrize("name", DATA)
def test_calibration_index(found, rows, name):
    """`lowess(p, y, iter = 0)`, the smoother of `rms::val.prob` (Eavg, E90, Emax)."""
    expected, result = found[name]["outputs"], calibration_index(*rows[name], replicates=100)
    smooth, other = expected["ICI_lowess_iter0"], expected["rms_val.prob"]
    compare(
        "ICI, E50, E90, Emax (lowess)",
        [result[key].value for key in ("ici", "e50", "e90", "emax")],
        [smooth[key] for key in ("ICI", "E50", "E90", "Emax")],
    )
    compare(
        "ICI, E90, Emax (rms)",
        [result[key].value for key in ("ici", "e90", "emax")],
        [other[key] for key in ("Eavg", "E90", "Emax")],
    )
    assert result["ici"].interval.lower < result["ici"].interval.upper


@pytest.mark.parametrize("name", DATA)
def test_calibration_index_by_loess(found, rows, name):
    """`loess(y ~ p)` with R's defaults, the code of Austin & Steyerberg (2019).

    Fitted directly at every row the four are off by up to 7%: R interpolates between a few vertices.
    """
    expected = found[name]["outputs"]["ICI_loess_austin_steyerberg"]
    result = calibration_index(*rows[name], smoother="loess", replicates=100)
    compare(
        "ICI, E50, E90, Emax (loess)",
        [result[key].value for key in ("ici", "e50", "e90", "emax")],
        [expected[key] for key in ("ICI", "E50", "E90", "Emax")],
    )
    assert result["ici"].interval.lower < result["ici"].interval.upper


@given(st.lists(st.integers(0, 400), min_size=8, max_size=120), st.tuples(*[st.floats(-3, 3)] * 3))
@settings(deadline=None)
def test_loess_of_a_parabola_is_the_parabola(places, of):
    x = np.array(places) / 100
    y = of[0] + of[1] * x + of[2] * x**2
    try:
        found = loess(y, x)
    except CannotComputeError as problem:
        assert "three different predictions" in str(problem)
        return
    np.testing.assert_allclose(found, y, atol=1e-6)
    order = np.random.default_rng(1).permutation(len(x))
    np.testing.assert_allclose(loess(y[order], x[order]), found[order], atol=1e-9)
    knots = vertices(np.sort(x))
    assert knots[0] < x.min() <= x.max() < knots[-1]


def test_loess_needs_three_places_in_reach():
    """R takes a pseudo-inverse there and warns; no number is better than that one."""
    y, p = [0, 1] * 10, [0.2, 0.8] * 10
    estimate = calibration_index(y, p, smoother="loess", replicates=100)["ici"]
    assert "three different predictions" in estimate.error
    assert (
        "three rows" in calibration_index([0, 1], [0.2, 0.4], smoother="loess", replicates=100)["ici"].error
    )
    with pytest.raises(ValueError, match="lowess, loess"):
        calibration_index(y, p, smoother="spline")


@pytest.mark.parametrize("name", DATA)
def test_decision_curve(found, rows, name):
    """`dcurves::dca`: net benefit of the prediction and of treating all; `net_intervention_avoided`."""
    expected = found[name]["outputs"]
    own, everyone = expected["dcurves_net_benefit"]["p"], expected["dcurves_net_benefit"]["Treat All"]
    curve = decision_curve(*rows[name], thresholds=own["threshold"])
    compare("net benefit", curve.net_benefit, own["net_benefit"])
    compare("net benefit, treat all", curve.treat_all, everyone["net_benefit"])
    avoided = expected["dcurves_net_intervention_avoided"]["value"]
    compare("net interventions avoided", curve.interventions_avoided, avoided, abs=1e-11)
    made = [NET_BENEFIT.prepare(columns_of(*rows[name]), threshold=t) for t in own["threshold"]]
    shares = [dict(zip(one.names, one.totals.sum(axis=0) / len(rows[name][0]), strict=True)) for one in made]
    compare("true positives of a decision curve", [share["tp"] for share in shares], own["tpr"])
    compare("false positives of a decision curve", [share["fp"] for share in shares], own["fpr"])
    one = net_benefit(*rows[name], threshold=own["threshold"][3])
    assert one["net_benefit"].value == pytest.approx(own["net_benefit"][3])
    assert one["over_treat_all"].interval.lower < one["over_treat_all"].value


def test_probabilities_of_zero_and_one(found):
    """Brier counts them; a logit of 0 or 1 is infinite, and that is said."""
    case = found["calib_p_equal_0_or_1"]
    y, p = case["inputs"]["y"], case["inputs"]["p"]
    compare("Brier score", brier_score(y, p)["brier"].value, case["outputs"]["brier"])
    slope = calibration_slope(y, p)["slope"]
    assert slope.error == "4 predicted probabilities are 0 or 1, whose logit is infinite."


@given(ROWS, st.integers(1, 12))
@settings(deadline=None)
def test_parts_add_up(rows, bins):
    y, p, s = np.array(rows).T
    parts = brier_decomposition(y, p / 20, bins=bins, subject=s)
    if any(math.isnan(part.value) for part in parts.values()):
        return
    total = parts["reliability"].value - parts["resolution"].value + parts["uncertainty"].value
    brier = brier_score(y, p / 20)["brier"].value
    assert total + parts["within_bins"].value == pytest.approx(brier, abs=1e-12)
    assert parts["resolution"].value <= parts["uncertainty"].value + 1e-12
    fine = brier_decomposition(y, p / 20, bins=20)
    assert fine["within_bins"].value == pytest.approx(0, abs=1e-12)


@given(ROWS)
@settings(deadline=None)
def test_turning_outcome_and_prediction(rows):
    y, p, _ = np.array(rows).T
    first, turned = brier_score(y, p / 20)["brier"], brier_score(1 - y, 1 - p / 20)["brier"]
    assert turned.value == pytest.approx(first.value, abs=1e-12)
    slope, other = calibration_slope(y, p / 20), calibration_slope(1 - y, 1 - p / 20)
    np.testing.assert_allclose(other["slope"].value, slope["slope"].value, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(other["in_the_large"].value, -slope["in_the_large"].value, atol=1e-6)


@pytest.mark.parametrize("name", PARAMETERS)
@given(rows=ROWS, data=st.data())
@settings(deadline=None, max_examples=25)
def test_integer_weights_are_repeated_subjects(name, rows, data):
    table = np.array(sorted(rows, key=lambda row: row[2]))
    counts = np.bincount(table[:, 2], minlength=5)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    metric, parameters = registry.get(name), PARAMETERS[name]
    prepared = metric.prepare(Columns(table[:, 0], table[:, 1] / 20, offsets), **parameters)
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=5, max_size=5)))
    kept = np.repeat(table, np.repeat(weights, counts), axis=0)
    single = Columns(kept[:, 0], kept[:, 1] / 20, np.arange(len(kept) + 1))
    again = metric.prepare(single, **parameters).estimate()
    at_weights = prepared.at(weights[None, :].astype(float))[0]
    np.testing.assert_allclose(at_weights, again, rtol=1e-7, atol=1e-9)
    if name != "calibration_index":
        scaled = prepared.at(0.25 * weights[None, :])[0]
        np.testing.assert_allclose(scaled, at_weights, rtol=1e-7, atol=1e-9)


def test_robust_and_model_errors_agree_where_the_model_holds():
    rng = np.random.default_rng(6)
    p = rng.uniform(0.05, 0.95, 4000)
    y = (rng.random(4000) < p).astype(int)
    model, robust = calibration_slope(y, p, ci="glm_wald"), calibration_slope(y, p)
    for key, estimate in robust.items():
        error = (model[key].interval.upper - estimate.value) / Z
        assert estimate.standard_error == pytest.approx(error, rel=0.05)
    naive = calibration_slope(y, p, subject=np.repeat(np.arange(400), 10), ci="glm_wald")["slope"]
    assert naive.interval.independent_rows
    boot = calibration_slope(y[:300], p[:300], ci="bootstrap_percentile", replicates=400)["slope"]
    plain = calibration_slope(y[:300], p[:300])["slope"]
    assert boot.interval.lower == pytest.approx(plain.interval.lower, abs=0.1)


def test_row_weights_are_repeated_rows():
    rng = np.random.default_rng(7)
    y, p, w = rng.integers(0, 2, 60), rng.uniform(0.1, 0.9, 60), rng.integers(1, 4, 60)
    s = rng.integers(0, 15, 60)
    for function in (brier_score, brier_decomposition, calibration_slope, log_loss):
        weighted = function(y, p, subject=s, weights=w, ci="cluster_t")
        repeated = function(np.repeat(y, w), np.repeat(p, w), subject=np.repeat(s, w), ci="cluster_t")
        for key, estimate in weighted.items():
            assert estimate.value == pytest.approx(repeated[key].value, rel=1e-9, abs=1e-12)
            assert estimate.interval.lower == pytest.approx(repeated[key].interval.lower, rel=1e-7, abs=1e-9)
    assert "weighted" in calibration_slope(y, p, weights=w, ci="glm_wald")["slope"].error


def test_an_impossible_event_has_infinite_loss():
    """`-mean(y * log(p) + (1 - y) * log(1 - p))` in R is NaN with 0 * log(0); nothing is cut off here."""
    estimate = log_loss([0, 1, 1], [0.2, 0.0, 0.8], subject=["a", "b", "b"])["log_loss"]
    assert estimate.error.startswith("The loss is infinite: in 1 subjects")
    assert log_loss([0, 1], [0.0, 1.0])["log_loss"].value == 0.0
    assert log_loss([0], [1e-20])["log_loss"].value == 1e-20
    assert log_loss([], [])["log_loss"].error == "There are no rows."


def test_edges():
    assert brier_score([], [])["brier"].error == "There are no rows."
    only = brier_score([1, 1], [0.5, 0.6])
    assert only["brier"].value == pytest.approx(0.205)
    assert "one class only" in only["brier_scaled"].error
    assert "All predicted" in brier_score([0, 1], [0.0, 0.0])["observed_expected"].error
    assert calibration_slope([1, 1], [0.5, 0.6])["slope"].error == "There are no reference negatives."
    assert "no finite solution" in calibration_slope([0, 1, 0, 1], [0.5] * 4)["slope"].error
    apart = calibration_slope([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])["slope"]
    assert "separate" in apart.error
    assert "three rows" in calibration_index([0, 1], [0.2, 0.4], replicates=100)["ici"].error
    assert calibration_index([0, 1, 1], [0.5] * 3, replicates=100)["ici"].value == pytest.approx(1 / 6)
    one = brier_score([0, 1], [0.1, 0.8], subject=["a", "a"])["brier"]
    assert "at least two subjects" in one.error
    for bad in ([0.1, 1.2], [-0.1, 0.5]):
        with pytest.raises(ValueError, match="probabilities from 0 to 1"):
            brier_score([0, 1], bad)
    with pytest.raises(ValueError, match="threshold"):
        net_benefit([0, 1], [0.1, 0.5], threshold=1.0)
    with pytest.raises(CannotComputeError, match="no rows"):
        reliability_curve([], [])
    with pytest.raises(CannotComputeError, match="no rows"):
        decision_curve([], [], thresholds=[0.5])


def test_reliability_curve():
    curve = reliability_curve([0, 1, 1, 0], [0.05, 0.15, 0.95, 1.0], bins=10)
    assert curve.n_units.tolist() == [1, 1, 2]
    assert curve.observed.tolist() == [0.0, 1.0, 0.5]
    assert curve.lower[0] == 0.0
    assert curve.upper[1] == 1.0


def test_order_of_rows_is_nothing():
    rng = np.random.default_rng(8)
    y, p, s = rng.integers(0, 2, 50), rng.uniform(0.1, 0.9, 50), rng.integers(0, 9, 50)
    order = rng.permutation(50)
    for function, given_ in ((brier_score, {}), (calibration_slope, {}), (net_benefit, {"threshold": 0.4})):
        first = function(y, p, subject=s, **given_)
        assert repr(function(y[order], p[order], subject=s[order], **given_)) == repr(first)


def test_subjects_that_are_alike_are_marked():
    """Every subject has the same rows: no spread between them, an interval without width."""
    y, p = [0, 1, 0, 1, 1, 0] * 3, [0.2, 0.6, 0.4, 0.3, 0.8, 0.5] * 3
    for estimate in calibration_slope(y, p, subject=np.repeat([1, 2, 3], 6)).values():
        assert estimate.interval.degenerate
        assert "says nothing" in estimate.warning


def test_what_separates_the_classes_leaves_calibration_in_the_large():
    """`glm(y ~ offset(qlogis(p)))` exists; intercept and slope do not."""
    y, p = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.7, 0.9])
    result = calibration_slope(y, p)
    value = result["in_the_large"].value
    mean = 1 / (1 + np.exp(-(np.log(p / (1 - p)) + value)))
    assert mean.sum() == pytest.approx(2, abs=1e-10)
    assert "separate" in result["slope"].error
    assert "separate" in result["intercept"].error
    assert calibration_slope([0, 1, 0, 1], [0.25] * 4)["in_the_large"].value == pytest.approx(math.log(3))
