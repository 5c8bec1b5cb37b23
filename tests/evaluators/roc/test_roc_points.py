"""What is read off the ROC curve, against R (pROC) and by brute force.

diagnostic/oracle.json, `roc_asah_*`: pROC 1.19.0.1 (`auc(partial.auc = )`, `coords`), average precision as
defined by scikit-learn, evaluated in R. pROC's `youden` is sensitivity + specificity; 1 is taken off here.
"""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from diagnostic import cases, number
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare

from accordance.evaluators import (
    CannotComputeError,
    auc,
    average_precision,
    npv,
    optimal_threshold,
    partial_auc,
    ppv,
    pr_auc,
    registry,
    roc_curve,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)
from accordance.evaluators.metric import Columns

NAMES = ["s100b", "wfns"]
FEW = {"replicates": 200}
METRICS = {
    "partial_auc": {"low": 0.6},
    "sensitivity_at_specificity": {"specificity": 0.7},
    "specificity_at_sensitivity": {"sensitivity": 0.7},
    "optimal_threshold": {},
    "average_precision": {},
    "pr_auc": {},
}
CALLS = {
    "partial_auc": partial_auc,
    "sensitivity_at_specificity": sensitivity_at_specificity,
    "specificity_at_sensitivity": specificity_at_sensitivity,
    "optimal_threshold": optimal_threshold,
    "average_precision": average_precision,
    "pr_auc": pr_auc,
}
ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(-4, 4), st.integers(0, 5)), min_size=1, max_size=30)


@pytest.fixture(scope="module")
def found(reference_data):
    return {name: cases(reference_data)[f"roc_asah_{name}"]["outputs"] for name in NAMES}


@pytest.fixture(scope="module")
def asah(reference_data):
    with (reference_data / "diagnostic" / "data" / "aSAH.csv").open() as file:
        rows = list(csv.DictReader(file))
    truth = np.array([row["outcome"] == "Poor" for row in rows]).astype(int)
    return {name: (truth, np.array([float(row[name]) for row in rows])) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_points_of_the_curve(found, asah, name):
    """`pROC::roc(direction = "<")`: thresholds, sensitivities, specificities, loosest first."""
    curve, expected = roc_curve(*asah[name]), found[name]["roc_points"]
    compare("ROC curve, sensitivity", curve.sensitivity[::-1], expected["sensitivities"])
    compare("ROC curve, specificity", curve.specificity[::-1], expected["specificities"])
    thresholds = [number(value) for value in expected["thresholds"]]
    compare("ROC curve, thresholds", curve.thresholds[::-1][1:-1], thresholds[1:-1])
    assert (curve.thresholds[-1], curve.thresholds[0]) == (thresholds[0], thresholds[-1])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("focus", "low"), [("spec", 0.9), ("spec", 0.8), ("sens", 0.9)])
def test_partial_area(found, asah, name, focus, low):
    """`auc(partial.auc = c(1, low), partial.auc.focus =, partial.auc.correct =)`."""
    focused = {"spec": "specificity", "sens": "sensitivity"}[focus]
    result = partial_auc(*asah[name], focus=focused, low=low, **FEW)
    expected = found[name][f"partial_auc_{focus}_1_{low:g}"]
    compare(
        "partial AUC, raw and McClish",
        (result["partial_auc"].value, result["partial_auc_corrected"].value),
        (expected["raw"], expected["corrected_mcclish"]),
    )


@pytest.mark.parametrize("name", NAMES)
def test_fixed_specificity_and_sensitivity(found, asah, name):
    """`coords(x = 0.8, input = "specificity")`, interpolated, and the largest attained at a vertex."""
    for point in found[name]["sens_at_spec"]:
        result = sensitivity_at_specificity(*asah[name], specificity=point["specificity"], **FEW)
        compare(
            "sensitivity at specificity",
            (result["sensitivity_interpolated"].value, result["sensitivity_attained"].value),
            (point["sensitivity_interpolated"], point["sens_step_max_attained"]),
        )
    for point in found[name]["spec_at_sens"]:
        result = specificity_at_sensitivity(*asah[name], sensitivity=point["sensitivity"], **FEW)
        compare(
            "specificity at sensitivity",
            (result["specificity_interpolated"].value, result["specificity_attained"].value),
            (point["specificity_interpolated"], point["spec_step_max_attained"]),
        )


@pytest.mark.parametrize("name", NAMES)
def test_optimal_threshold(found, asah, name):
    """`coords("best", best.method = "youden")`."""
    result, expected = optimal_threshold(*asah[name], **FEW), found[name]["coords_youden_best"]["1"]
    compare(
        "optimal threshold",
        [estimate.value for estimate in result.values()],
        (expected["threshold"], expected["youden"] - 1, expected["sensitivity"], expected["specificity"]),
    )
    assert "too good" in result["youden_index"].warning


@pytest.mark.parametrize("name", NAMES)
def test_average_precision(found, asah, name):
    """Sum of (R_k - R_k-1) P_k; the trapezoid and Davis-Goadrich's curve are other numbers."""
    result, expected = average_precision(*asah[name], **FEW), found[name]["average_precision_step"]
    compare("average precision", result["average_precision"].value, expected["value"])
    curve = roc_curve(*asah[name])
    area = np.sum(np.diff(curve.sensitivity[1:]) * (curve.precision[2:] + curve.precision[1:-1]) / 2)
    first = curve.sensitivity[1] * (1 + curve.precision[1]) / 2  # from (0, 1), as scikit-learn puts it
    compare(
        "precision-recall, trapezoid", first + area, found[name]["auprc_trapezoid_sklearn_auc_definition"]
    )


@pytest.mark.parametrize("name", NAMES)
def test_precision_recall_area(found, asah, name):
    """`PRROC::pr.curve()$auc.integral`, and its `auc.davis.goadrich`: trapezoids between true positives.

    `precrec` interpolates in a thousand places, which leaves an error of some 1e-7.
    """
    value, expected = pr_auc(*asah[name], **FEW)["pr_auc"].value, found[name]["PRROC"]
    compare("precision-recall area, integral", value, expected["auprc_integral_davis_goadrich_interp"])
    assert value == pytest.approx(found[name]["precrec"]["auprc_nonlinear_interp"], rel=1e-6)
    curve, (y, _) = roc_curve(*asah[name]), asah[name]
    tp, fp = curve.sensitivity * y.sum(), (1 - curve.specificity) * (1 - y).sum()
    steps = []
    for k in np.flatnonzero(np.diff(tp) > 1e-9):
        inside = np.arange(round(tp[k]), round(tp[k + 1]) + 1)
        line = np.interp(inside, tp[k : k + 2], fp[k : k + 2])
        with np.errstate(invalid="ignore"):
            precision = inside / (inside + line)
        precision[0] = precision[1] if inside[0] == 0 else precision[0]
        steps.append(np.sum((precision[1:] + precision[:-1]) / 2))
    compare(
        "precision-recall area, Davis-Goadrich", np.sum(steps) / y.sum(), expected["auprc_davis_goadrich"]
    )
    assert expected["auroc"] == pytest.approx(auc(*asah[name])["auc"].value, rel=1e-12)


@given(ROWS)
@settings(deadline=None)
def test_precision_recall_area_by_quadrature(rows):
    y, x, _ = np.array(rows).T
    if len(set(y.tolist())) < 2:
        return
    value = pr_auc(y, x, **FEW)["pr_auc"].value
    curve = roc_curve(y, x)
    tp, fp = curve.sensitivity * y.sum(), (1 - curve.specificity) * (1 - y).sum()
    total = 0.0
    for k in np.flatnonzero(np.diff(tp) > 1e-9):
        t = tp[k] + (np.arange(4000) + 0.5) / 4000 * (tp[k + 1] - tp[k])
        total += np.mean(t / (t + np.interp(t, tp[k : k + 2], fp[k : k + 2]))) * (tp[k + 1] - tp[k])
    assert value == pytest.approx(total / y.sum(), abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_other_coordinates_of_the_curve(found, asah, name):
    """`coords("best")`: predictive values and counts at the threshold; `best.method = "closest.topleft"`."""
    y, x = asah[name]
    expected = found[name]["coords_youden_best"]["1"]
    call = (x > optimal_threshold(y, x, **FEW)["threshold"].value).astype(int)
    compare(
        "coordinates at the optimal threshold",
        (ppv(y, call)["ppv"].value, npv(y, call)["npv"].value, np.mean(y == call),
         *[np.sum((y == a) & (call == b)) for a, b in ((1, 1), (0, 1), (1, 0), (0, 0))]),
        [expected[key] for key in ("ppv", "npv", "accuracy", "tp", "fp", "fn", "tn")],
    )  # fmt: skip
    curve, closest = roc_curve(y, x), found[name]["coords_closest_topleft"]["1"]
    distance = (1 - curve.sensitivity) ** 2 + (1 - curve.specificity) ** 2
    at = int(np.argmin(distance))
    compare(
        "coordinates closest to the corner",
        (curve.thresholds[at], curve.sensitivity[at], curve.specificity[at], distance[at]),
        [closest[key] for key in ("threshold", "sensitivity", "specificity", "closest.topleft")],
    )


def test_bootstrap_of_a_fixed_specificity(found, asah):
    """`ci.se(specificities = c(0.8, 0.9), boot.n = 10000)`, stratified: Monte-Carlo and another design."""
    expected = found["s100b"]["ci_se_bootstrap"]
    for i, specificity in enumerate(expected["at"]):
        result = sensitivity_at_specificity(*asah["s100b"], specificity=specificity, replicates=4000)
        interval = result["sensitivity_interpolated"].interval
        assert interval.lower == pytest.approx(expected["lower"][i], abs=0.06)
        assert interval.upper == pytest.approx(expected["upper"][i], abs=0.06)


@given(ROWS)
@settings(deadline=None)
def test_the_whole_range_is_the_whole_area(rows):
    y, x, s = np.array(rows).T
    whole = auc(y, x, subject=s, ci="delong")["auc"].value
    for focus in ("specificity", "sensitivity"):
        part = partial_auc(y, x, focus=focus, low=0.0, subject=s, **FEW)
        np.testing.assert_allclose(part["partial_auc"].value, whole, atol=1e-12)
        np.testing.assert_allclose(part["partial_auc_corrected"].value, whole, atol=1e-12)


@given(ROWS, st.sampled_from([0.0, 0.25, 0.5, 0.8, 1.0]))
@settings(deadline=None)
def test_fixed_points_by_brute_force(rows, wanted):
    y, x, _ = np.array(rows).T
    if len(set(y.tolist())) < 2:
        return
    cuts = [-math.inf, *(np.unique(x) + 0.5)]
    sens = [np.mean(x[y == 1] > cut) for cut in cuts]
    spec = [np.mean(x[y == 0] <= cut) for cut in cuts]
    attained = max(s for s, c in zip(sens, spec, strict=True) if c >= wanted - 1e-12)
    result = sensitivity_at_specificity(y, x, specificity=wanted, **FEW)
    assert result["sensitivity_attained"].value == pytest.approx(attained, abs=1e-12)
    assert result["sensitivity_interpolated"].value >= attained - 1e-12
    attained = max(c for s, c in zip(sens, spec, strict=True) if s >= wanted - 1e-12)
    result = specificity_at_sensitivity(y, x, sensitivity=wanted, **FEW)
    assert result["specificity_attained"].value == pytest.approx(attained, abs=1e-12)
    assert result["specificity_interpolated"].value >= attained - 1e-12
    best = optimal_threshold(y, x, **FEW)
    index = max(s + c - 1 for s, c in zip(sens, spec, strict=True))
    if math.isnan(best["threshold"].value):
        assert index == pytest.approx(0, abs=1e-12)
        assert "calling every unit alike" in best["threshold"].error
    else:
        cut = best["threshold"].value
        found = np.mean(x[y == 1] > cut) + np.mean(x[y == 0] <= cut) - 1
        assert found == pytest.approx(index, abs=1e-12)
        assert best["youden_index"].value == pytest.approx(index, abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
@given(rows=ROWS, data=st.data())
@settings(deadline=None, max_examples=40)
def test_integer_weights_are_repeated_subjects(name, rows, data):
    table = np.array(sorted(rows, key=lambda row: row[2]))
    counts = np.bincount(table[:, 2], minlength=6)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    metric, parameters = registry.get(name), METRICS[name]
    prepared = metric.prepare(Columns(table[:, 0], table[:, 1].astype(float), offsets), **parameters)
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=6, max_size=6)))
    kept = np.repeat(table, np.repeat(weights, counts), axis=0)
    single = Columns(kept[:, 0], kept[:, 1].astype(float), np.arange(len(kept) + 1))
    again = metric.prepare(single, **parameters).estimate()
    at_weights = prepared.at(weights[None, :].astype(float))[0]
    np.testing.assert_allclose(at_weights, again, atol=1e-10)
    np.testing.assert_allclose(prepared.at(0.25 * weights[None, :])[0], at_weights, atol=1e-10)
    leave_out = (1 - np.eye(6))[np.diff(offsets) > 0]
    np.testing.assert_allclose(prepared.jackknife(), prepared.at(leave_out), atol=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_lower_scores_are_higher_ones_turned(name):
    rng = np.random.default_rng(8)
    y, x = rng.integers(0, 2, 40), rng.integers(0, 12, 40)
    plain = CALLS[name](y, x, **METRICS[name], **FEW)
    turned = CALLS[name](y, -x, direction="lower", **METRICS[name], **FEW)
    for key, estimate in plain.items():
        sign = -1 if key == "threshold" else 1
        assert turned[key].value == pytest.approx(sign * estimate.value, abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_order_and_names_and_edges(name):
    rng = np.random.default_rng(9)
    y, x, s = rng.integers(0, 2, 40), rng.integers(0, 12, 40), rng.integers(0, 9, 40)
    order = rng.permutation(40)
    call, parameters = CALLS[name], METRICS[name]
    plain = call(y, x, subject=s, **parameters, **FEW)
    assert repr(call(y[order], x[order], subject=s[order], **parameters, **FEW)) == repr(plain)
    smooth = name in ("partial_auc", "average_precision", "pr_auc")
    for ci in ("bootstrap_percentile", *(["bootstrap_bca"] if smooth else [])):
        for estimate in call(y, x, subject=s, ci=ci, **parameters, replicates=2000).values():
            assert estimate.interval.lower < estimate.interval.upper
    for rows, said in (([], "no rows"), ([1, 1], "no reference negatives"), ([0], "no reference positives")):
        result = call(rows, list(range(len(rows))), **parameters, **FEW)
        assert all(said in estimate.error for estimate in result.values())
    constant = call([0, 1, 0, 1], [3, 3, 3, 3], **parameters, **FEW)
    assert all(estimate.error or not math.isnan(estimate.value) for estimate in constant.values())


def test_refusals():
    with pytest.raises(ValueError, match="must lie below `high`"):
        partial_auc([0, 1], [1, 2], low=0.9, high=0.8)
    with pytest.raises(ValueError, match="at most 1"):
        sensitivity_at_specificity([0, 1], [1, 2], specificity=90)
    with pytest.raises(ValueError, match="higher, lower"):
        roc_curve([0, 1], [1, 2], direction="auto")
    with pytest.raises(CannotComputeError, match="no reference positives"):
        roc_curve([0, 0], [1, 2])


def test_rows_without_weight_make_no_vertex():
    whole = roc_curve([0, 1, 1, 0], [4, 3, 2, 1], weights=[0, 1, 1, 1])
    without = roc_curve([1, 1, 0], [3, 2, 1])
    for name in ("thresholds", "sensitivity", "specificity", "precision"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(without, name))
