"""Every number that the reference holds of one proportion, clustered proportions and 2 x 2 tables.

diagnostic/oracle.json, topics `proportion_ci`, `cluster_proportion` and `diagnostic_2x2`: each numeric output
is either met here, or met in the test that `ELSEWHERE` names, or has a reason in `LEFT_OUT`. A number of
another kind fails, so that nothing is left out in silence. Versions: see the tests beside this one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from diagnostic import cases, clustered, number, rows, table
from oracle import compare

from accordance import evaluators
from accordance.evaluators.classification.binary import Sensitivity
from accordance.evaluators.classification.table_intervals import (
    log_odds_ratio,
    log_ratio,
    mover_wilson,
    score_difference,
    score_ratio,
)
from accordance.evaluators.functions import arrange
from accordance.evaluators.intervals import t_interval, wilson
from accordance.evaluators.proportions.clustered import CLUSTERED, anova_icc, logit_t
from accordance.evaluators.proportions.clusters import clusters, effective_units
from accordance.evaluators.proportions.gee import gee
from accordance.evaluators.proportions.intervals import BINOMIAL
from accordance.evaluators.weights import ResamplingWeights

TOPICS = ("proportion_ci", "cluster_proportion", "diagnostic_2x2")
NORMAL = 1e15  # degrees of freedom at which Student's t is the normal distribution

ELSEWHERE = {
    r"(blaker|mid_p)\.": "test_searched_bounds_against_r_within_its_steps, test_mid_p_solves_its_equation",
    r"clubSandwich_CR[012]\.": "test_standard_errors, test_bias_reduced_error_and_its_degrees_of_freedom",
    r"gee_pkg_exchangeable\.(beta|robust_se|alpha)": "test_exchangeable_gee_against_r",
    r"svyciprop_(beta|xlogit|logit|asin)\.(lower|upper)": "test_intervals_against_r",
    r"bdpv_mercaldo_prev_": "test_predictive_values_at_a_prevalence",
    r"dtcompair_pv.prev_LRbased_\S+ppv_": "test_positive_predictive_value_by_likelihood_ratio",
    r"lr(pos|neg)_\S+\.(lower|upper)": "test_score_intervals",
    r"derived\.dor_haldane_anscombe": "test_haldane_anscombe",
    r"cluster_bootstrap\.(percentile|bca|se)": "test_bootstraps_of_clusters",
}
"""Pattern of an output -> the test of this folder or of `proportions` that meets it."""

LEFT_OUT = {
    r"contingencytables_(midp|blaker_exact)\.": "root-searched to 1e-5, as `mid_p` and `blaker`, and no more",
    r"binom_pkg\.bayes\.": "an interval of highest posterior density, not the equal-tailed one of Jeffreys",
    r"ratesci_SCAS_skewness_corrected\.": "Laud's skewness-corrected score interval is not offered",
    r"ratesci_clusterpci_skew\.(lower|est|upper)": "likewise, with an inflated variance",
    r"anova_icc\.(n0|vif_donner_klar)": "on the way to icc and wilson_vif, which are met",
    r"anova_icc\.wald_vif\.": "Wald's interval with an inflated variance is not offered; Wilson's is",
    r"geeglm_logit_exchangeable_": "geepack estimates the correlation otherwise than gee and statsmodels",
    r"geeglm_logit_independence_jack\.(se|lower|upper)": "an approximate jackknife error",
    r"gee_pkg_exchangeable\.naive_se": "the error if the working correlation were true is not offered",
    r"geeglm_\S+\.(scale|alpha)": "1, and nothing, under independence",
    r"glmer_random_intercept\.": "conditional on the subject: not the proportion",
    r"cluster_bootstrap\.basic\.": "the basic bootstrap is not offered",
    r"cluster_bootstrap\.(B|seed)": "an input",
    r"svymean\.deff_survey": "infinite, for survey compares with sampling from a finite population",
    r"svyciprop_likelihood\.": "the interval of a working likelihood is not offered",
    r"dtcompair_pv.prev_LRbased_\S+npv_": "wrong in DTComPair 1.2.2, which divides by LR-",
    r"dtcompair_pv.prev_LRbased_\S+pi$": "an input",
    r"epi.tests_agresti\.": "shrunken estimates, limits beyond 0 and 1, another interval of the ratios",
    r"epi.tests_\w+\.(youden|nndx)\.(lower|upper)": "sums of the limits of two proportions, not joint",
    r"mcc\.fisher_z_": "for two normal variables, not for two classes",
}
"""Pattern of an output -> why it is not met."""

ALL_HITS = "cluster_all_success_8x5"
"""Its outputs have no width or are NaN; see `test_every_row_a_success`."""

EPIR = {"exact": "clopper_pearson", "wilson": "wilson", "jeffreys": "jeffreys"}


def leaves(outputs: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number of nested outputs, with its path."""
    for key, value in outputs.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield from leaves(value, here)
        elif isinstance(value, int | float) or value in ("NaN", "NA", "Inf", "-Inf"):
            yield here, number(value)


def interval(path: str, ends: tuple[float, float], estimate: float | None = None) -> dict[str, float]:
    """An interval, and its estimate, as leaves."""
    found = {f"{path}.lower": float(ends[0]), f"{path}.upper": float(ends[1])}
    return found if estimate is None else found | {f"{path}.est": estimate}


def of_proportion(inputs: dict[str, Any]) -> dict[str, float]:
    x, n, level = (inputs[key] for key in ("x", "n", "conf_level"))
    known = {"est": x / n}
    names = {
        "wilson": ("wilson", "base_prop_test_nocc", "binom_pkg.wilson", "contingencytables_wilson"),
        "wilson_cc": ("wilson_cc", "base_prop_test_cc", "contingencytables_wilson_cc"),
        "clopper_pearson": ("clopper_pearson", "base_binom_test", "binom_pkg.exact"),
        "agresti_coull": ("agresti_coull", "binom_pkg.agresti-coull"),
        "jeffreys": ("jeffreys_equal_tail", "jeffreys_plain_beta", "contingencytables_jeffreys"),
        "wald": ("wald",),
        "logit": ("logit",),
    }
    for method, outputs in names.items():
        if method != "logit" or 0 < x < n:
            for output in outputs:
                known |= interval(output, BINOMIAL[method](x, n, level))
    return known


def of_clusters(case: dict[str, Any]) -> dict[str, float]:
    inputs = case["inputs"]
    found = clusters(inputs["x_per_cluster"], inputs["n_per_cluster"])
    p, error, k = found.value, found.standard_error, len(found.units)
    events, units = int(found.events.sum()), int(found.units.sum())
    size, fit = effective_units(found)[0], gee(found, exchangeable=False)
    klar = CLUSTERED["donner_klar"](found, 0.95)
    inflation = 1 + (np.square(found.units).sum() / units - 1) * anova_icc(found)
    known = {
        "clusters": k, "N": units, "events": events, "p": p,
        "anova_icc.icc": anova_icc(found),
        "ratio_estimator.se": error, "ratio_estimator.n_eff": size,
        "ratio_estimator.deff_vs_binomial_N": units / size,
        "svymean.est": p, "svymean.se": error,
        "geeglm_logit_independence_jack.beta": fit.log_odds, "geeglm_logit_independence_jack.p": fit.value,
        "geeglm_logit_independence_san.se.beta": fit.log_odds,
        "geeglm_logit_independence_san.se.p": fit.value,
        "geeglm_logit_independence_san.se.se": fit.standard_error,
    }  # fmt: skip
    for name in ("ratesci_clusterpci_wilson", "ratesci_clusterpci_skew"):
        counts = {"totx": events, "totn": units, "x": events, "n": units}
        counts |= {"est": p, "icc": anova_icc(found), "xihat": inflation}
        known |= {f"{name}.{key}": float(value) for key, value in counts.items()}
    for name in ("asin", "beta", "logit", "mean", "xlogit"):
        known[f"svyciprop_{name}.est"] = p
    t, normal = (t_interval(p, error, df, 0.95, "two") for df in (k - 1, NORMAL))
    for name, ends in (
        ("anova_icc.wilson_vif", (klar.lower, klar.upper)),
        ("ratesci_clusterpci_wilson", (klar.lower, klar.upper)),
        ("naive_wilson_ignoring_clusters", wilson(events, units, 0.95)),
        ("ratio_estimator.wald_t_df_kminus1", t),
        ("ratio_estimator.wald_z", normal),
        ("ratio_estimator.logit_z", logit_t(p, error, NORMAL, 0.95, "two")),
        ("svyciprop_mean", t),
    ):
        known |= interval(name, ends)
    methods = {
        "ratio_estimator.wilson_neff": "rao_scott_wilson",
        "ratio_estimator.clopper_pearson_neff": "rao_scott_clopper_pearson",
        "geeglm_logit_independence_san.se": "gee_independence",
    }
    for name, method in methods.items():
        ends = CLUSTERED[method](found, 0.95)
        known |= interval(name, (ends.lower, ends.upper))
    return known


def of_table(case: dict[str, Any]) -> dict[str, float]:
    tp, fp, fn, tn = cells = table(case)
    positives, negatives, n = tp + fn, fp + tn, sum(cells)
    known: dict[str, float] = {}
    fractions = {
        "ap": (tp + fp, n), "tp": (positives, n), "se": (tp, positives), "sp": (tn, negatives),
        "diag.ac": (tp + tn, n), "pv.pos": (tp, tp + fp), "pv.neg": (tn, tn + fn),
        "p.rout": (fn + tn, n), "p.rin": (tp + fp, n), "p.tpdn": (fp, negatives), "p.tndp": (fn, positives),
        "p.dntp": (fp, tp + fp), "p.dptn": (fn, tn + fn),
    }  # fmt: skip
    for program, method in EPIR.items():
        for name, (x, units) in fractions.items():
            if units:
                known |= interval(f"epi.tests_{program}.{name}", BINOMIAL[method](x, units, 0.95), x / units)
        known |= ratios(f"epi.tests_{program}.", ("diag.or", "lr.pos", "lr.neg"), cells)
    for name, (x, units) in {
        "sensitivity": fractions["se"], "specificity": fractions["sp"],
        "ppv": fractions["pv.pos"], "npv": fractions["pv.neg"],
    }.items():  # fmt: skip
        if units:
            path = f"DTComPair_acc.1test_wald.{name}"
            lower, upper = BINOMIAL["wald"](x, units, 0.95)
            known |= {f"{path}.lcl": lower, f"{path}.ucl": upper, f"{path}.est": x / units}
            known[f"{path}.se"] = float(np.sqrt(x / units * (1 - x / units) / units))
    for name, found in ratios("DTComPair_acc.1test_wald.", ("", "pdlr", "ndlr"), cells).items():
        known[name.replace(".lower", ".lcl").replace(".upper", ".ucl")] = found
    if positives and negatives:
        groups, options = (tp, positives, fp, negatives), {"level": 0.95, "sides": "two"}
        ends = np.array(mover_wilson(tp, positives, tn, negatives, **options)) - 1
        known |= interval("youden_newcombe_mover_wilson", tuple(ends))
        known |= interval("youden_miettinen_nurminen", score_difference(*groups, **options))
        known |= interval("lrpos_score_ratio_MN", score_ratio(*groups, **options, unbiased=True))
    return known | from_metrics(cells)


def ratios(path: str, names: tuple[str, str, str], cells: tuple[int, ...]) -> dict[str, float]:
    """Odds ratio, LR+ and LR- where they and their log intervals exist, under a program's names."""
    tp, fp, fn, tn = cells
    positives, negatives = tp + fn, fp + tn
    known, options = {}, {"level": 0.95, "sides": "two"}
    if names[0] and min(cells) > 0:
        value = tp * tn / (fp * fn)
        known |= interval(path + names[0], log_odds_ratio(tp, fp, fn, tn, **options), value)
    for name, hit, miss in ((names[1], tp, fp), (names[2], fn, tn)):
        if hit and miss:
            value = hit / positives / (miss / negatives)
            known |= interval(path + name, log_ratio(hit, positives, miss, negatives, **options), value)
            known[f"{path}{name}.se.ln"] = float(np.sqrt(1 / hit - 1 / positives + 1 / miss - 1 / negatives))
    return known


def from_metrics(cells: tuple[int, ...]) -> dict[str, float]:
    """Values by the metrics, standard errors with units as subjects less their n / (n - 1)."""
    names = {
        "accuracy": ["derived.accuracy"],
        "prevalence": ["derived.prevalence"],
        "balanced_accuracy": ["derived.balanced_accuracy"],
        "f1": ["derived.f1"],
        "mcc": ["mcc.est", "psych_phi"],
        "diagnostic_odds_ratio": ["derived.dor", *(f"epi.tests_{one}.diag.or.est" for one in EPIR)],
        "youden": [
            "derived.youden", "youden_newcombe_mover_wilson.est", "youden_miettinen_nurminen.est",
            *(f"epi.tests_{one}.youden.est" for one in EPIR),
        ],
        "lr_positive": [
            "DTComPair_acc.1test_wald.pdlr.est", "lrpos_score_ratio_MN.est",
            "lrpos_koopman_contingencytables.est", *(f"epi.tests_{one}.lr.pos.est" for one in EPIR),
        ],
        "lr_negative": [
            "DTComPair_acc.1test_wald.ndlr.est", "lrneg_koopman_contingencytables.est",
            *(f"epi.tests_{one}.lr.neg.est" for one in EPIR),
        ],
    }  # fmt: skip
    known, n = {}, sum(cells)
    for function, outputs in names.items():
        (found,) = getattr(evaluators, function)(*rows(*cells)).values()
        for output in outputs:
            known[output] = found.value
        shrink = math.sqrt((n - 1) / n)
        if function == "youden":
            known |= {
                f"epi.tests_{one}.nndx.est": 1 / found.value if found.value else math.nan for one in EPIR
            }
            known["derived.youden_wald_se"] = found.standard_error * shrink
        if function == "diagnostic_odds_ratio" and found.value:
            known["derived.log_dor_se"] = found.standard_error / found.value * shrink
    return known


OF = {
    "proportion_ci": lambda case: of_proportion(case["inputs"]),
    "cluster_proportion": of_clusters,
    "diagnostic_2x2": of_table,
}


def exempt(path: str, case: dict[str, Any]) -> str | None:
    """Why this one output of this case cannot be met, beyond `LEFT_OUT`."""
    if case["topic"] == "proportion_ci":
        x, n = case["inputs"]["x"], case["inputs"]["n"]
        end = ".lower" if x == 0 else ".upper" if x == n else None
        if path.startswith("logit.") and end:
            return "the log odds are infinite; there is no interval"
        if end and path in {f"jeffreys_plain_beta{end}", f"contingencytables_jeffreys{end}"}:
            return "without Brown, Cai and DasGupta's closed end"
        if path.startswith("contingencytables_wilson_cc") and end:
            return "marked as not to be copied: no closed end"
        if path.startswith("base_prop_test_cc") and abs(x - n / 2) < 0.5:
            return "prop.test corrects by no more than the distance from 1/2"
        if path.startswith("binom_pkg.agresti-coull") and not 0 <= value_at(case, path) <= 1:
            return "binom does not cut at 0 and 1"
    return table_exempt(path, case) if case["topic"] == "diagnostic_2x2" else None


def table_exempt(path: str, case: dict[str, Any]) -> str | None:
    """The same of a 2 x 2 table: R prints NaN, infinities, or a number for what has none."""
    tp, fp, fn, tn = table(case)
    if not math.isfinite(number(value_at(case, path))):
        return "R prints NaN or Inf: there is no value or no interval, see test_cells_oracle"
    if 0 in (tp + fn, fp + tn) and re.match(r"youden|lrpos|derived|epi.tests_\w+\.(youden|nndx)", path):
        return "the packages return something for a class of nobody"
    if re.match(r"epi.tests_(exact|jeffreys)\.\S+(lower|upper)$", path) and math.isnan(value_of(path, case)):
        return "0 of 0: all or nothing; here there is no value and no interval"
    if re.match(r"epi.tests_jeffreys\.\S+(lower|upper)$", path) and value_of(path, case) in (0.0, 1.0):
        return "epiR's Jeffreys limits have no closed ends"
    if re.match(r"\S+(lr\.\w+|diag\.or|dlr)\.(lower|upper|lcl|ucl|est)$", path) and 0 in (tp, fp, fn, tn):
        return "a ratio or a bound of 0: no logarithm" if value_at(case, path) in (0, "NaN") else None
    return None


def value_at(case: dict[str, Any], path: str) -> Any:
    return dict(leaves(case["outputs"]))[path]


def value_of(path: str, case: dict[str, Any]) -> float:
    """The estimate of the interval that an output belongs to."""
    outputs = case["outputs"]
    for key in re.match(r"(epi.tests_\w+)\.(\S+)\.\w+$", path).groups():
        outputs = outputs[key]
    return number(outputs["est"])


@pytest.fixture(scope="module")
def found(reference_data):
    return [case for case in cases(reference_data).values() if case["topic"] in TOPICS]


def test_every_output_is_met_or_has_a_reason(found):
    assert len(found) == 26
    missing = []
    for case in found:
        known = {} if case["id"] == ALL_HITS else OF[case["topic"]](case)
        for path, expected in leaves(case["outputs"]):
            if any(re.match(pattern, path) for pattern in (*ELSEWHERE, *LEFT_OUT)):
                continue
            if case["id"] == ALL_HITS:
                continue
            if exempt(path, case):
                continue
            if path not in known or not math.isfinite(known[path]):
                missing.append((case["id"], path, expected))
                continue
            # psych prints 12 digits, ratesci searches its roots to 1e-12
            compare(f"every output, {case['topic']}", known[path], expected, rel=1e-8, abs=1e-11)
    assert not missing, "\n".join(map(str, missing))


def test_reasons_are_used(found):
    """A pattern that matches nothing is a reason for nothing."""
    paths = [path for case in found for path, _ in leaves(case["outputs"])]
    for pattern in (*ELSEWHERE, *LEFT_OUT):
        assert any(re.match(pattern, path) for path in paths), pattern


@pytest.mark.parametrize("name", ["cluster_liang1992", "cluster_thyroids_pet", "cluster_orob2"])
def test_bootstraps_of_clusters(reference_data, name):
    """`boot::boot` by cluster, 20,000 replicates: percentile, BCa and standard error within its own error."""
    case = cases(reference_data)[name]
    codes, subject = clustered(case)
    expected = case["outputs"]["cluster_bootstrap"]
    columns, keys = arrange(np.ones(len(codes), dtype=np.int64), np.array(codes), subject)
    drawn = ResamplingWeights(keys, seed=1, replicates=20_000).matrix(keys)
    spread = Sensitivity().prepare(columns).at(drawn).std(ddof=1)
    assert spread == pytest.approx(expected["se"], rel=0.03)
    for method in ("percentile", "bca"):
        options = {"subject": subject, "ci": f"bootstrap_{method}", "replicates": 20_000}
        got = evaluators.sensitivity([1] * len(codes), codes, **options)["sensitivity"].interval
        for end in ("lower", "upper"):
            assert getattr(got, end) == pytest.approx(expected[method][end], abs=0.1 * expected["se"])
