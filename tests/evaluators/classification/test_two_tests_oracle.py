"""Two tests on the same people, each alone and their difference: DTComPair 1.2.2 in R (dx_* of the oracle).

`acc.1test` for each test, the marginal proportions and differences of `sesp.mcnemar`, `sesp.exactbinom`,
`sesp.diff.ci` and `sesp.rel`. Standard errors are sqrt(p (1 - p) / n), of which Wald's intervals are made.
"""

from __future__ import annotations

import math

import pytest
from diagnostic import cases, rows
from oracle import compare

from accordance.evaluators import lr_negative, lr_positive, npv, ppv, sensitivity, specificity

CASES = ("dx_paired1", "dx_cfpr_moskowitz_pepe")
Z = 1.959963984540054
FRACTIONS = (sensitivity, specificity, ppv, npv)
RATIOS = {"pdlr": lr_positive, "ndlr": lr_negative}


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


def called(case, number):
    """Reference and calls of test 1 or 2, one row a unit."""
    yes, no = case["inputs"]["diseased"], case["inputs"]["nondiseased"]
    own, other = f"only{number}", f"only{3 - number}"
    return rows(
        yes["both_pos"] + yes[own],
        no["both_pos"] + no[own],
        yes[other] + yes["neither"],
        no[other] + no["neither"],
    )


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_each_test_alone(found, name, number):
    printed = found[name]["outputs"][f"acc_Test{number}"]
    reference, test = called(found[name], number)
    for function in FRACTIONS:
        key = function.__name__
        estimate = function(reference, test, ci="wald")[key]
        lower, upper = estimate.interval.lower, estimate.interval.upper
        got = [estimate.value, lower, upper, (upper - lower) / (2 * Z)]
        compare(
            "2x2 table, fractions, wald (DTComPair)",
            got,
            [printed[key][k] for k in ("est", "lcl", "ucl", "se")],
        )
    for key, function in RATIOS.items():
        estimate = function(reference, test, ci="log")[function.__name__]
        lower, upper = estimate.interval.lower, estimate.interval.upper
        got = [estimate.value, lower, upper, math.log(upper / lower) / (2 * Z)]
        expected = [printed[key][k] for k in ("est", "lcl", "ucl", "se.ln")]
        compare("2x2 table, likelihood ratios, log (DTComPair)", got, expected)


@pytest.mark.parametrize("name", CASES)
def test_margins_and_differences(found, name):
    outputs = found[name]["outputs"]
    for function in (sensitivity, specificity):
        key = function.__name__
        one, two = (function(*called(found[name], number))[key].value for number in (1, 2))
        for table in ("sesp.mcnemar", "sesp.exactbinom", "sesp.diff.ci_wald", "sesp.diff.ci_tango"):
            printed = outputs[table][key]
            expected = [printed["test1"], printed["test2"], printed["diff"]]
            compare("2x2 table, two tests (DTComPair)", [one, two, two - one], expected)
    for key, function in (("ppv", ppv), ("npv", npv)):
        two = function(*called(found[name], 2))[key].value
        tables = ("pv.gs_leisenring", "pv.wgs_kosinski", "pv.rpv_moskowitz_pepe")
        compare("2x2 table, two tests (DTComPair)", [two] * 3, [outputs[t][key]["test2"] for t in tables])
    for key, function in RATIOS.items():
        values = [function(*called(found[name], number))[function.__name__].value for number in (1, 2)]
        printed = outputs["dlr.regtest"][key]
        compare("2x2 table, two tests (DTComPair)", values, [printed["test1"], printed["test2"]])
