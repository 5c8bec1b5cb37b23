"""Two raters: the other programs of the reference, and what of it is not compared, with the reason.

diagnostic/oracle.json, `kappa_*`: psych 2.5.3, DescTools 0.99.59, irr 0.84.1, irrCAC 1.0, epiR 2.0.94.
"""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic import cases, number
from oracle import compare

from accordance.evaluators import PairedCounts, accuracy, cohen_kappa, mcnemar, rater_agreement
from accordance.evaluators.raters.kappa import kappa_with_error

WEIGHTINGS = ["unweighted", "linear", "quadratic"]
TABLES = [
    "kappa_anxiety_r1r2", "kappa_diagnoses_r2r3", "kappa_irrCAC_4x4diagnosis", "kappa_irrCAC_3x3abstractors",
    "kappa_cass_binary", "kappa_paradox_high_prev", "kappa_perfect",
]  # fmt: skip
NULL = (
    "A test of no agreement beyond chance, with the error that holds if there is none. It says nothing about "
    "how good agreement is, and its error makes no interval (DescTools takes it for one)."
)
NOT_COMPARED = {
    "psych_2.2.9_": "Its variance of weighted kappa is wrong (0 in one table); 2.5.3 is compared.",
    "irr_kappa2_unweighted.z_null": NULL,
    "irr_kappa2_linear.p_null": NULL,
    "irr_kappam_fleiss.z": NULL,
    "DescTools_KappaM_fleiss.lwr.ci": NULL,
    "epiR_fleiss.kappa.se": NULL,
    "epiR_fleiss.z.test.statistic": NULL,
    "epiR_watson.kappa.se": "An error that is neither Fleiss, Cohen & Everitt's nor that of no agreement.",
    "epiR_cohen.pindex.se": "Errors of the indices that take the cells for independent binomials; they share "
    "one total, and the multinomial delta method is used here.",
    "epiR_cohen.prop.agree.exp": "A step on the way to kappa, which is compared.",
    "epiR_cohen.z.test.statistic": NULL,
    "irrCAC_fleiss.kappa.raw_unweighted.pe": "With p_a a step on the way to the coefficient, which is "
    "recomputed from both because irrCAC rounds it.",
    "irrCAC_krippen2.table_linear": "Absolute distance is none of Krippendorff's difference functions.",
    "irrCAC_krippen.alpha.raw_linear": "The same.",
    "irrCAC_kappa2.table_unweighted.ci": "Printed to 3 decimals with Student's t on n - 1; the asymptotic "
    "interval here is normal as in vcd, psych and DescTools. Value and error are compared.",
}
"""Beginnings of the names of outputs -> why no test compares them."""


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


def rows(table):
    cells = np.asarray(table)
    i, j = np.indices(cells.shape)
    return np.repeat(i.ravel(), cells.ravel()), np.repeat(j.ravel(), cells.ravel())


def names(value, path=""):
    if not isinstance(value, dict):
        return [path]
    return [name for key, one in value.items() for name in names(one, f"{path}.{key}" if path else key)]


def test_what_is_not_compared_exists(found):
    known = [
        name
        for case in found.values()
        if case["topic"] in ("kappa_two_raters", "kappa_many_raters")
        for name in names(case["outputs"])
    ]
    assert [start for start in NOT_COMPARED if not any(name.startswith(start) for name in known)] == []


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("case", TABLES)
def test_kappa_of_other_programs(found, case, weighting):
    """`psych::cohen.kappa`, `DescTools::CohenKappa`, `irrCAC::kappa2.table`, `irr::kappa2`."""
    table, outputs = found[case]["inputs"]["table"], found[case]["outputs"]
    value, error = kappa_with_error(table, weighting)
    units = rows(table)
    result = cohen_kappa(*units, levels=range(len(table)), weighting=weighting, ci="asymptotic")
    interval = result["kappa"].interval
    psych, desc = outputs[f"psych_2.5.3_{weighting}"], outputs[f"DescTools_{weighting}"]
    line = f"Cohen's kappa, {weighting}, other programs"
    compare(line, (value, error**2), (psych["kappa"], psych["var"]), rel=1e-8, abs=1e-15)
    for low, high in ((psych["lower"], psych["upper"]), (desc["lwr.ci"], desc["upr.ci"])):
        compare(line, (interval.lower, interval.upper), (low, min(high, 1.0)))
    gwet = outputs[f"irrCAC_kappa2.table_{weighting}"]
    compare(line, (value, error), (gwet["est"], gwet["se"]), abs=1e-11)
    compare(line, (value, value), (desc["kappa"], outputs[f"irr_kappa2_{weighting}"]["kappa"]))


@pytest.mark.parametrize("case", [*TABLES, "kappa_one_class_only"])
def test_agreement(found, case):
    """`percent_agreement`, as a share; two raters are raters."""
    units = rows(found[case]["inputs"]["table"])
    estimate = rater_agreement(np.stack(units, axis=1), levels=range(6))["rater_agreement"]
    outputs = found[case]["outputs"]
    compare("agreement of two raters", estimate.value, outputs["percent_agreement"])
    assert estimate.counts.n_units == outputs["n"]


@pytest.mark.parametrize("case", [*TABLES[4:], "kappa_one_class_only"])
def test_binary_tables_of_epir(found, case):
    """`epiR::epi.kappa`: share of agreement, kappa, McNemar without continuity correction."""
    units = rows(found[case]["inputs"]["table"])
    outputs = found[case]["outputs"]
    for name in ("fleiss", "watson", "altman", "cohen"):
        expected = outputs[f"epiR_{name}"]
        share = accuracy(*units)["accuracy"].value
        compare("agreement of two raters", share, expected["prop.agree"]["obs"])
        kappa = number(expected["kappa"]["est"])
        if np.isfinite(kappa):
            compare("Cohen's kappa (epiR)", kappa_with_error(found[case]["inputs"]["table"])[0], kappa)
        other = expected["mcnemar"]
        if np.isfinite(number(other["test.statistic"])):
            (both, b), (c, neither) = found[case]["inputs"]["table"]
            test = mcnemar(PairedCounts(both, b, c, neither), method="asymptotic")
            wanted = (other["test.statistic"], other["p.value"])
            compare("McNemar of two raters (epiR)", (test.statistic, test.p_value), wanted)
