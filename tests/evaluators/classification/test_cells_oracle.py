"""Statistics of the four cells against R: epiR, DTComPair, ratesci, contingencytables, psych, bdpv.

Values in diagnostic/oracle.json (`diag_*`, 15 digits); versions: epiR 2.0.94, DTComPair 1.2.2, bdpv 1.4,
ratesci 1.0.0, contingencytables 3.0.1. Left out on purpose, because they are wrong or mean something else:
DTComPair's `pv.prev` NPV, epiR's Youden limits (sums of one-sample limits), Fisher-z limits of the Matthews
correlation, epiR's `agresti` ratios.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from diagnostic import bounds, cases, number, rows, table
from oracle import compare

from accordance import evaluators
from accordance.evaluators.classification.table_intervals import (
    log_odds_ratio,
    log_ratio,
    mercaldo,
    mover_wilson,
    score_difference,
    score_ratio,
)
from accordance.evaluators.metric import CannotComputeError

TABLES = [
    "diag_epir_scott2008", "diag_altman_liver", "diag_paired1_y1", "diag_asah_s100b_ge_0.205", "diag_zero_fn",
    "diag_zero_fp", "diag_perfect", "diag_no_positives_predicted", "diag_empty_diseased_class", "diag_n1",
    "diag_all_wrong",
]  # fmt: skip
DERIVED = {
    "balanced_accuracy": "balanced_accuracy",
    "youden": "youden",
    "f1": "f1",
    "diagnostic_odds_ratio": "dor",
}
RATIOS = {"lr_positive": "lr.pos", "lr_negative": "lr.neg", "diagnostic_odds_ratio": "diag.or"}
PREVALENCES = ["0.01", "0.1", "0.2", "0.5"]
every_table = pytest.mark.parametrize("name", TABLES)


@pytest.fixture(scope="module")
def found(reference_data):
    return cases(reference_data)


def estimate(function, case, **options):
    (only,) = getattr(evaluators, function)(*rows(*table(case)), **options).values()
    return only


def test_no_table_is_left_out(found):
    assert set(TABLES) == {name for name, case in found.items() if case["topic"] == "diagnostic_2x2"}


def agrees(method, only, expected):
    """The same value; where R prints NaN or Inf, no value and a reason that says which."""
    wanted = number(expected)
    if math.isfinite(wanted):
        compare(method, only.value, wanted)
        return
    assert math.isnan(only.value)
    assert only.interval is None
    assert ("infinite" in only.error) == math.isinf(wanted)
    assert only.error


@every_table
@pytest.mark.parametrize("function", DERIVED)
def test_values(found, name, function):
    """Closed forms in R; DTComPair and epiR agree."""
    only = estimate(function, found[name])
    agrees(f"2x2 table, {function}", only, found[name]["outputs"]["derived"][DERIVED[function]])


@every_table
def test_matthews_correlation(found, name):
    """`psych::phi(table, 12)`, and `stats::cor` where there is one."""
    outputs = found[name]["outputs"]
    only = estimate("mcc", found[name])
    agrees("2x2 table, mcc", only, outputs["mcc"]["est"] if "mcc" in outputs else outputs["psych_phi"])


@every_table
@pytest.mark.parametrize("function", RATIOS)
def test_log_intervals(found, name, function):
    """`epiR::epi.tests(method = "exact")`: Simel's interval of the ratios, Woolf's of the odds ratio."""
    expected = found[name]["outputs"]["epi.tests_exact"][RATIOS[function]]
    only = estimate(function, found[name], ci="log")
    agrees(f"2x2 table, {function}", only, expected["est"])
    if any(not math.isfinite(end) for end in bounds(expected)) or 0 in bounds(expected):
        assert only.interval is None
    else:
        # 1 to 1 where nobody is test positive: every variance term is 0
        assert only.interval.degenerate == (name == "diag_no_positives_predicted")
        compare(f"2x2 table, {function}, log", (only.interval.lower, only.interval.upper), bounds(expected))


@every_table
def test_log_standard_errors(found, name):
    """DTComPair's `se.ln`: the linearised standard error is its sqrt(n / (n - 1)), on the log scale."""
    expected = found[name]["outputs"].get("DTComPair_acc.1test_wald", {})
    for function, key in (("lr_positive", "pdlr"), ("lr_negative", "ndlr")):
        if key not in expected or not math.isfinite(number(expected[key]["se.ln"])):
            continue
        only = estimate(function, found[name])
        n = sum(table(found[name]))
        found_error = only.standard_error / only.value * math.sqrt((n - 1) / n)
        compare(f"2x2 table, {function}, SE of the log", found_error, expected[key]["se.ln"])


@every_table
@pytest.mark.parametrize(
    ("key", "negative", "unbiased", "rel"),
    [
        ("lrpos_score_ratio_MN", False, True, 1e-8),
        ("lrpos_koopman_contingencytables", False, False, 1e-6),
        ("lrneg_koopman_contingencytables", True, False, 1e-6),
    ],
)
def test_score_intervals(found, name, key, negative, unbiased, rel):
    """`ratesci::scoreci(contrast = "RR", skew = FALSE)` to 1e-9, contingencytables (root search) to 1e-6."""
    tp, fp, fn, tn = table(found[name])
    expected = found[name]["outputs"].get(key)
    if expected is None:
        return
    groups = (fn, tp + fn, tn, fp + tn) if negative else (tp, tp + fn, fp, fp + tn)
    if groups[1] == 0 or groups[3] == 0:
        # the packages return 0 to 4e-14, or all ratios, for a group of nobody
        with pytest.raises(CannotComputeError, match="class is empty"):
            score_ratio(*groups, level=0.95, sides="two", unbiased=unbiased)
        return
    method = "miettinen_nurminen_ratio" if unbiased else "koopman"
    got = score_ratio(*groups, level=0.95, sides="two", unbiased=unbiased)
    compare(f"2x2 table, likelihood ratio, {method}", got, bounds(expected), rel=rel)
    only = estimate("lr_negative" if negative else "lr_positive", found[name], ci=method)
    if only.interval is not None:
        assert (only.interval.lower, only.interval.upper) == got


def test_infinite_ratio_still_has_a_bound(found):
    """30 of 35 against 0 of 65: Koopman's lower bound, 15.343, is in the reason."""
    only = estimate("lr_positive", found["diag_zero_fp"])
    assert "The ratio is infinite: no reference negative is test positive." in only.error
    assert "from 15.343 to infinity" in only.error


@every_table
def test_youden_and_balanced_accuracy_by_mover(found, name):
    """`ratesci::moverci(type = "wilson")` of sensitivity and 1 - specificity."""
    expected = bounds(found[name]["outputs"]["youden_newcombe_mover_wilson"])
    index, half = (estimate(f, found[name], ci="mover_wilson") for f in ("youden", "balanced_accuracy"))
    if math.isnan(expected[0]):
        assert index.interval is None
        assert "There are no reference" in index.error
        return
    compare("2x2 table, youden, mover_wilson", (index.interval.lower, index.interval.upper), expected)
    halved = [(end + 1) / 2 for end in expected]
    compare("2x2 table, balanced_accuracy, mover_wilson", (half.interval.lower, half.interval.upper), halved)


@every_table
def test_youden_and_balanced_accuracy_by_score(found, name):
    """`ratesci::scoreci(contrast = "RD", skew = FALSE)`, a root search to 1e-10."""
    expected = bounds(found[name]["outputs"]["youden_miettinen_nurminen"])
    index, half = (
        estimate(f, found[name], ci="miettinen_nurminen_difference") for f in ("youden", "balanced_accuracy")
    )
    if index.interval is None:
        # the package returns -1 or a bound without width for a group of nobody
        assert "There are no reference" in index.error
        return
    method = "2x2 table, youden, miettinen_nurminen_difference"
    compare(method, (index.interval.lower, index.interval.upper), expected, rel=1e-8)
    halved = [(end + 1) / 2 for end in expected]
    assert (half.interval.lower, half.interval.upper) == pytest.approx(halved, rel=1e-8)


@pytest.mark.parametrize(
    "name", ["indep_56_70_48_80", "indep_12_20_14_21", "indep_0_20_3_25", "indep_10_10_20_20"]
)
def test_two_independent_proportions(found, name):
    """ratesci and DescTools; statsmodels' score interval of a difference is wrong and not among them."""
    inputs, outputs = found[name]["inputs"], found[name]["outputs"]
    x1, n1, x0, n0 = (inputs[key] for key in ("x1", "n1", "x2", "n2"))
    options = {"level": inputs["conf_level"], "sides": "two"}
    for key, got in (
        ("RD_miettinen_nurminen_ratesci", score_difference(x1, n1, x0, n0, **options)),
        ("RD_mee_ratesci", score_difference(x1, n1, x0, n0, unbiased=False, **options)),
        ("RD_newcombe", [end - 1 for end in mover_wilson(x1, n1, n0 - x0, n0, **options)]),
        ("RR_miettinen_nurminen", score_ratio(x1, n1, x0, n0, unbiased=True, **options)),
    ):
        compare(f"two proportions, {key}", got, bounds(outputs[key]), rel=1e-8)
    if 0 < x1 < n1:
        compare(
            "two proportions, RR_katz_log",
            log_ratio(x1, n1, x0, n0, **options),
            bounds(outputs["RR_katz_log"]),
        )
        compare(
            "two proportions, OR_woolf",
            log_odds_ratio(x1, x0, n1 - x1, n0 - x0, **options),
            bounds(outputs["OR_woolf"]),
        )


@every_table
def test_haldane_anscombe(found, name):
    """0.5 in every cell; log interval by Woolf with the same cells.

    The closed form gives a number for a class of nobody too (11.9 without reference positives); here there is
    none, for it would be made of what was added.
    """
    only = estimate("diagnostic_odds_ratio", found[name], correction="haldane_anscombe", ci="log")
    tp, fp, fn, tn = table(found[name])
    if tp + fn == 0 or fp + tn == 0:
        assert math.isnan(only.value)
        assert only.interval is None
        assert only.error.startswith("There are no reference ")
        return
    expected = found[name]["outputs"]["derived"]["dor_haldane_anscombe"]
    compare("2x2 table, diagnostic_odds_ratio, Haldane-Anscombe", only.value, expected)
    spread = math.sqrt(sum(1 / (cell + 0.5) for cell in table(found[name])))
    compare(
        "2x2 table, diagnostic_odds_ratio, Haldane-Anscombe",
        np.log([only.interval.lower, only.interval.upper]),
        math.log(expected) + 1.959963984540054 * spread * np.array([-1, 1]),
    )


@every_table
@pytest.mark.parametrize("prevalence", PREVALENCES)
@pytest.mark.parametrize("value", ["ppv", "npv"])
def test_predictive_values_at_a_prevalence(found, name, prevalence, value):
    """`bdpv::CIppvnpv` (Mercaldo): two-sided and the lower bound alone.

    Where a cell is 0, bdpv also replaces the estimate by that of the enlarged counts; here the estimate stays
    the plain one, and only the interval is of the enlarged counts, widened to hold the estimate.
    """
    outputs = found[name]["outputs"].get(f"bdpv_mercaldo_prev_{prevalence}")
    function = f"{value}_at_prevalence"
    options = {"prevalence": float(prevalence), "ci": "mercaldo"}
    only = estimate(function, found[name], **options)
    if outputs is None:
        assert only.interval is None
        assert "There are no reference" in only.error
        return
    expected = outputs[value]
    if 0 not in table(found[name]):
        compare(f"2x2 table, {function}", only.value, expected["est"])
    if only.interval is None:
        assert "There are no test" in only.error
        return
    cells = dict(zip(("tp", "fp", "fn", "tn"), table(found[name]), strict=True))
    cells |= {"prevalence": float(prevalence), "negative": value == "npv", "level": 0.95}
    compare(f"2x2 table, {function}, mercaldo", mercaldo(**cells, sides="two"), bounds(expected))
    lower = mercaldo(**cells, sides="lower")[0]
    compare(f"2x2 table, {function}, mercaldo", lower, expected["one_sided_lower"])
    widened = min(expected["lower"], only.value), max(expected["upper"], only.value)
    assert (only.interval.lower, only.interval.upper) == pytest.approx(widened, rel=1e-8)
    one = estimate(function, found[name], **options, sides="lower").interval
    assert one.lower == pytest.approx(min(lower, only.value), rel=1e-12)
    assert one.upper == 1.0
    zero = 0 in table(found[name])
    assert ("A cell is 0" in (only.warning or "")) == zero
    if zero:  # what is always enlarged is the same there
        always = estimate(function, found[name], **options | {"ci": "mercaldo_adjusted"}).interval
        assert (always.lower, always.upper) == (only.interval.lower, only.interval.upper)


@every_table
@pytest.mark.parametrize("prevalence", PREVALENCES)
def test_positive_predictive_value_by_likelihood_ratio(found, name, prevalence):
    """`DTComPair::pv.prev`, whose PPV is right, and NPV not; it knows no zero cells."""
    outputs = found[name]["outputs"].get(f"dtcompair_pv.prev_LRbased_{prevalence}")
    if outputs is None or 0 in table(found[name]):
        return
    only = estimate("ppv_at_prevalence", found[name], prevalence=float(prevalence), ci="mercaldo")
    compare(
        "2x2 table, ppv_at_prevalence, mercaldo",
        (only.value, only.interval.lower, only.interval.upper),
        [number(outputs[key]) for key in ("ppv_est", "ppv_lcl", "ppv_ucl")],
    )
