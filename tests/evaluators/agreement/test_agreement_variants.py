"""Variants that others print, against R: 1.96 and 2 SD, normal quantiles, the interval of 1986, components.

With the other tests of this folder every value is met of the entries of `agreement/oracle.json` that are
trusted as references and belong to this family, but for these:

- `rm_const.sareps`: 20 test and 18 reference readings without a partner each; we take pairs.
- `max_abs` of `error_metrics`: the largest error of a sample estimates nothing.
- `rmse_ci_z` of `err_cluster` is not offered, for with few subjects it is too narrow; it follows from values
  that are met, as below.
- `sd_ddof0_se` of `err_cluster`: our standard deviation has n - 1 in the denominator.
- `lower.PL`, `upper.PL` of `tolerance_limit`: limits of one future difference, not of a share of them; they
  follow from values that are met, as below.
- `tdi95_MethComp_approx` of `lin2002_suite`: a root that is known to stop at 1e-4; the exact one is met.
- `sd_at` and limits below zero of `ba_regression.scint`: refused, with the reason.
- What was given to the program (sizes, bounds, counts).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import compare
from scipy import special, stats

from accordance.evaluators import (
    MetricResult,
    bland_altman,
    bland_altman_mixed,
    bland_altman_percent,
    bland_altman_ratio,
    coverage_probability,
    difference_trend,
    equivalence_test,
    mae,
    mape,
    mean_difference,
    median_absolute_error,
    regression_limits,
    rmse,
    tolerance_limits,
    total_deviation_index,
)
from accordance.evaluators.agreement.bland_altman import BLAND_ALTMAN, sd_multiplier
from accordance.evaluators.agreement.limits import anova
from accordance.evaluators.agreement.limits_exact import limit_factor
from accordance.evaluators.checks import ParameterError
from accordance.evaluators.functions import arrange
from accordance.evaluators.registry import get

SIMPLE = ["pefr", "sbp", "milk", "creat", "giav", "scint"]
REPEATED = ["cardiac", "sbp", "ox", "pefr", "sareps"]
UNLINKED = ["cardiac", "sbp", "ox", "pefr"]
Z = 1.959963984540054
SCALES = {
    "ba_simple": (bland_altman, {}),
    "ba_pct_mean": (bland_altman_percent, {"of": "mean"}),
    "ba_pct_ref": (bland_altman_percent, {"of": "reference"}),
    "ba_logratio": (bland_altman_ratio, {}),
}


def ends(result: MetricResult, statistic: str) -> list[float]:
    interval = result[statistic].interval
    assert interval is not None
    return [interval.lower, interval.upper]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("data", SIMPLE)
def test_limits_as_others_print_them(oracle: Any, data: str, scale: str) -> None:
    """mean -+ 1.96 sd, -+ 2 sd; normal quantiles for t; `2 sd -+ qt * sqrt(3 sd^2 / n)` of 1986."""
    values, rows = oracle.values(f"{scale}.{data}"), oracle.rows(f"{scale}.{data}")
    function, options = SCALES[scale]
    back: Any = np.log if scale == "ba_logratio" else np.asarray

    def limits(statistic: str | None = None, **more: Any) -> Any:
        found = function(rows.reference, rows.test, truth="independent", **options, **more)
        if statistic is None:
            return back([found["loa_lower"].value, found["loa_upper"].value])
        with np.errstate(divide="ignore"):  # the open end of a ratio is 0
            return back(ends(found, statistic))

    line = "limits of agreement, 1.96 and 2 SD"
    compare(line, limits(factor="rounded"), values["loa_mult_1.96"])
    compare(line, limits(factor="two"), values["loa_mult_2"])
    compare(line, limits(), values["loa"])
    compare(line, sd_multiplier(0.95), values["z_agree"])
    for name in ("loa_lower", "loa_upper"):
        compare("limits of agreement, z", limits(name, ci="z"), values[f"{name}_ci_1999_z"])
        by_1986 = limits(name, ci="bland_1986", factor="two")
        line = "limits of agreement, Bland & Altman 1986"
        compare(line, by_1986, values[f"loa2sd_{name.removeprefix('loa_')}_ci_1986"])
        error = (by_1986[1] - by_1986[0]) / (2 * stats.t.ppf(0.975, values["n"] - 1))
        compare(line, error, values["loa_se_1986_3s2n"])
    lower, upper = limits("loa_lower"), limits("loa_upper")
    first, last = values["loa"]
    margins = [first - lower[0], lower[1] - first]
    line = "limits of agreement, MOVER margins"
    compare(line, margins, values["mover_lme_rme_two_sided"])
    compare(line, [upper[1] - last, last - upper[0]], margins)
    one_sided = first - limits("loa_lower", sides="lower")[0]
    compare(line, one_sided, values["mover_lme_one_sided"])
    compare(line, limits("loa_lower", sides="lower")[0], values["loa_lower_onesided_bound_mover"])
    compare(line, limits("loa_upper", sides="upper")[1], values["loa_upper_onesided_bound_mover"])
    factors = [limit_factor(values["n"], p, values["z_agree"]) for p in (0.025, 0.975, 0.05, 0.95)]
    expected = [*values["carkeet_nct_k"], *values["carkeet_nct_k_onesided"]]
    compare("limits of agreement, exact (noncentral t)", factors, expected)


@pytest.mark.parametrize("data", SIMPLE)
def test_logarithms_against_base_r(oracle: Any, data: str) -> None:
    """`d <- log(test / reference)`: bias, and intervals by t and noncentral t, on that scale."""
    values, rows = oracle.values(f"ba_logratio.{data}"), oracle.rows(f"ba_logratio.{data}")
    line = "limits of agreement, log ratio"
    by_t, exact = (
        bland_altman_ratio(rows.reference, rows.test, truth="independent", ci=method)
        for method in ("t", "noncentral_t")
    )
    compare(line, np.log(by_t["ratio"].value), values["bias"])
    compare(line, np.log(ends(by_t, "ratio")), values["bias_ci_t"])
    for name in ("loa_lower", "loa_upper"):
        compare(line, np.log(ends(by_t, name)), values[f"{name}_ci_1999_t"])
        compare(line, np.log(ends(exact, name)), values[f"{name}_ci_exact_carkeet"])
        compare(line, by_t[name].standard_error / by_t[name].value, values["loa_se_1999"])


def totals(rows: Any, truth: str) -> dict[str, float]:
    columns, _ = arrange(rows.reference, rows.test, rows.subject)
    prepared = BLAND_ALTMAN.prepare(columns, truth=truth)
    return dict(zip(prepared.names, prepared.totals.sum(axis=0), strict=True))


@pytest.mark.parametrize("data", UNLINKED)
def test_components_of_a_constant_truth(oracle: Any, data: str) -> None:
    """Bland & Altman 1999, section 5.2; its intervals use 1.96, here the normal quantile."""
    values, rows = oracle.values(f"rm_const.{data}"), oracle.rows(f"rm_const.{data}")
    line, t = "limits of agreement, constant truth, components", totals(rows, "constant")
    found = bland_altman(rows.reference, rows.test, subject=rows.subject, truth="constant", ci="z")
    compare(line, [t["subjects"], t["n"], t["n"]], [values["n_subjects"], values["Nx"], values["Ny"]])
    compare(line, [t["subjects"] / t["inverse"]] * 2, [values["harm_m_test"], values["harm_m_ref"]])
    between = (t["mean2"] - t["mean"] ** 2 / t["subjects"]) / (t["subjects"] - 1)
    within = [t[name] / (t["n"] - t["subjects"]) for name in ("within_test", "within_reference")]
    compare(line, between, values["var_subject_mean_diff"])
    compare(line, within, [values["within_var_test"], values["within_var_reference"]])
    compare(line, found["sd"].value ** 2, values["total_var"])
    compare("limits of agreement, z", ends(found, "bias"), values["bias_ci_z"])
    for name in ("loa_lower", "loa_upper"):
        compare("limits of agreement, z", ends(found, name), values[f"{name}_ci_1999_z"])
    margins_are_met(rows, "constant", values)


@pytest.mark.parametrize("data", REPEATED)
def test_components_of_a_varying_truth(oracle: Any, data: str) -> None:
    """One-way analysis of variance; section 5.3 of 1999; the interval of the delta method with 1.96."""
    values, rows = oracle.values(f"rm_varies.{data}"), oracle.rows(f"rm_varies.{data}")
    line, t = "limits of agreement, varying truth, components", totals(rows, "varying")
    pair = rows.reference, rows.test
    found = bland_altman(*pair, subject=rows.subject, truth="varying", ci="z")
    compare(line, [t["subjects"], t["n"]], [values["n_subjects"], values["n_pairs"]])
    compare(line, t["subjects"] / t["inverse"], values["harm_m"])
    between, within = anova(np.array(list(t.values())))
    m0 = (t["n"] - t["nn"] / t["n"]) / (t["subjects"] - 1)
    compare(line, [between, within, m0], [values["between_var_anova"], values["within_var"], values["m0"]])
    compare(line, [within + m0 * between, within], [values["MSB"], values["MSW"]])
    compare(line, max(float(between), 0.0), values["between_var_anova_truncated"])
    means = (t["mean2"] - t["mean"] ** 2 / t["subjects"]) / (t["subjects"] - 1)
    compare(line, [means, found["sd"].value ** 2], [values["var_subject_mean_diff"], values["total_var_Zou"]])
    rounded = bland_altman(*pair, subject=rows.subject, truth="varying", bias="pairs", factor="rounded")
    compare(line, rounded["sd"].value ** 2, values["total_var_BA2007"])
    compare(
        "limits of agreement, 1.96 and 2 SD",
        [rounded["loa_lower"].value, rounded["loa_upper"].value],
        values["loa_BA2007_mult_1.96"],
    )
    compare("limits of agreement, z", ends(found, "bias"), values["bias_ci_z"])
    for name in ("loa_lower", "loa_upper"):
        compare("limits of agreement, z", ends(found, name), values[f"{name}_ci_delta_z"])
    margins_are_met(rows, "varying", values)


def margins_are_met(rows: Any, truth: Any, values: dict[str, Any]) -> None:
    """Zou's lower and upper margins, and the variance they are of, at both levels."""
    for key, level in (("mover_two_sided_95", 0.95), ("mover_TOST_90", 0.9)):
        found = bland_altman(rows.reference, rows.test, subject=rows.subject, truth=truth, level=level)
        (outer, inner), limit = ends(found, "loa_lower"), found["loa_lower"].value
        expected = [values[key][name] for name in ("LME", "RME", "total_var")]
        line = "limits of agreement, MOVER margins"
        compare(line, [limit - outer, inner - limit, found["sd"].value ** 2], expected)


@pytest.mark.parametrize("data", SIMPLE)
def test_conversion_and_constant_limits_of_methcomp(oracle: Any, data: str) -> None:
    """`DA.reg` solves its line for the test, test = alpha + beta reference, and prints limits at 2 SD."""
    values, rows = oracle.values(f"ba_regression.{data}"), oracle.rows(f"ba_regression.{data}")
    theirs, level = values["DA.reg"], float(values["at_mean"][2])
    found = regression_limits(rows.reference, rows.test, at=level, spread="constant")
    changing = regression_limits(rows.reference, rows.test, at=level)
    trend = difference_trend(rows.reference, rows.test, errors="independent", ci="t")
    line = "regression-based limits of agreement"
    low, high = ends(trend, "slope")
    compare(line, (high - low) / (2 * stats.t.ppf(0.975, len(rows.test) - 2)), values["slope_se"])
    compare(line, changing["sd_intercept"].value / np.sqrt(np.pi / 2), values["absresid_intercept"])
    share = 1 - found["slope"].value / 2
    converted = [found["intercept"].value / share, (2 - share) / share, found["sd"].value / share]
    line = "regression-based limits of agreement, MethComp"
    compare(line, converted, [theirs[name] for name in ("alpha", "beta", "sd.pred")])
    two = bland_altman(rows.reference, rows.test, truth="independent", factor="two")
    compare(line, [two["loa_lower"].value, two["loa_upper"].value], [theirs["LoA-lo"], theirs["LoA-up"]])


@pytest.mark.parametrize("data", SIMPLE)
def test_error_metrics_against_base_r(oracle: Any, data: str) -> None:
    """`sqrt(sum(d^2) / qchisq(c(.975, .025), n))`; median(100 abs(d) / reference); mean; sd."""
    values, rows = oracle.values(f"error_metrics.{data}"), oracle.rows(f"error_metrics.{data}")
    pair, line, n = (rows.reference, rows.test), "MAE, RMSE, MAPE (base R, survey)", values["n"]
    root = rmse(*pair, ci="chi_square")
    compare("RMSE, chi-square", ends(root, "rmse"), values["rmse_chisq_ci_if_zero_bias"])
    upper = rmse(*pair, ci="chi_square", sides="upper", level=0.975)
    compare("RMSE, chi-square", ends(upper, "rmse")[1], values["rmse_chisq_ci_if_zero_bias"][1])
    assert ends(upper, "rmse")[0] == 0.0
    compare(line, root["rmse"].value, values["arms"])
    plain = bland_altman(*pair, truth="independent")
    compare(line, [plain["bias"].value, plain["sd"].value], [values["bias"], values["sd_ddof1"]])
    compare(line, np.sqrt((n - 1) / n) * plain["sd"].value, values["sd_ddof0"])
    identity = root["rmse"].value ** 2 - plain["bias"].value ** 2 - (n - 1) / n * plain["sd"].value ** 2
    assert abs(identity) < 1e-11 * root["rmse"].value ** 2
    if (rows.reference > 0).all():
        percent = median_absolute_error(np.full(n, 100.0), 100 * rows.test / rows.reference, ci="woodruff")
        compare(line, percent["median_absolute_error"].value, values["mdape_pct"])
    assert plain["bias"].counts.n_units == n


@pytest.mark.parametrize("data", SIMPLE)
def test_counts_of_the_tests_of_means(oracle: Any, data: str) -> None:
    """Degrees of freedom; TOSTER's third test is that of no difference."""
    values, rows = oracle.values(f"tost_paired.{data}"), oracle.rows(f"tost_paired.{data}")
    bound = values["equivalence_bound"]
    found = equivalence_test(rows.reference, rows.test, lower=-bound, upper=bound)
    paired = oracle.values(f"ttest.{data}")
    t = found.difference / found.standard_error
    compare("TOST", [t, found.df, found.df], [values["toster_t"][0], values["df"], paired["df"]])
    compare("TOST", 2 * special.stdtr(found.df, -abs(t)), values["toster_p"][0], abs=0.0)


@pytest.mark.parametrize("data", REPEATED)
def test_clustered_mean_square_error(oracle: Any, data: str) -> None:
    """`svymean(~sq, ...)`, its root by the delta method, the interval of its logarithm; single rows."""
    values, rows = oracle.values(f"err_cluster.{data}"), oracle.rows(f"err_cluster.{data}")
    found = rmse(rows.reference, rows.test, subject=rows.subject, ci="cluster_log_t")
    root, line = found["rmse"], "MAE, RMSE, MAPE (base R, survey)"
    compare(line, [root.value**2, 2 * root.value * root.standard_error], [values["mse"], values["mse_se"]])
    compare("RMSE, clustered, logarithm", ends(found, "rmse"), values["rmse_ci_log_t"])
    by_normal = [root.value + sign * Z * root.standard_error for sign in (-1, 1)]
    compare(line, by_normal, values["rmse_ci_z"])
    compare(line, [root.counts.n_subjects, root.counts.n_units], [values["n_subjects"], values["n_pairs"]])
    compare(line, rmse(rows.reference, rows.test)["rmse"].standard_error, values["naive_rmse_se_delta"])
    n, sd = values["n_pairs"], bland_altman(rows.reference, rows.test, truth="independent")["sd"].value
    compare(line, np.sqrt((n - 1) / n) * sd, values["sd_ddof0"])


@pytest.mark.parametrize("data", REPEATED)
def test_subject_means_of_differences(oracle: Any, data: str) -> None:
    """`t.test(tapply(d, subject, mean))$conf.int`."""
    values, rows = oracle.values(f"err_subject_equal.{data}"), oracle.rows(f"err_subject_equal.{data}")
    pair = rows.reference, rows.test
    means = mean_difference(*pair, subject=rows.subject, average="subject_mean", ci="t")
    compare("mean difference, subject means", means["mean_difference"].value, values["bias_of_subject_means"])
    compare("mean difference, subject means", ends(means, "mean_difference"), values["bias_ci_t"])
    limits = bland_altman(*pair, subject=rows.subject, truth="varying", ci="t")
    compare("mean difference, subject means", ends(limits, "bias"), values["bias_ci_t"])


@pytest.mark.parametrize("data", ["simplyagree_reps", "ox", "sbp_1999"])
def test_bias_behind_tolerance_limits(oracle: Any, data: str) -> None:
    """SimplyAgree: bias -+ t SEM, -+ t SEP for one future difference; df of emmeans, hence 1e-4 to 1e-3."""
    values, rows = oracle.values(f"tolerance_limit.{data}"), oracle.rows(f"tolerance_limit.{data}")
    mixed = bland_altman_mixed(rows.reference, rows.test, subject=rows.subject, replicates=20)
    limits = tolerance_limits(rows.reference, rows.test, subject=rows.subject, model="mixed")
    line, bias = "tolerance limits, mixed model", mixed["bias"]
    compare(line, bias.standard_error, values["SEM"], rel=1e-5)
    compare(line, ends(mixed, "bias"), [values["lower.CL"], values["upper.CL"]], rel=3e-4)
    factor = limits["factor"].value
    df = stats.t.ppf(0.975, values["df"])
    spread = (limits["tolerance_upper"].value - bias.value) / factor
    compare(line, [bias.value - df * spread, bias.value + df * spread],
            [values["lower.PL"], values["upper.PL"]], rel=3e-4)  # fmt: skip
    columns, _ = arrange(rows.reference, rows.test, rows.subject)
    prepared: Any = get("bland_altman_mixed").prepare(columns)
    compare(line, prepared.satterthwaite_df(np.ones(1)), values["df"], rel=1e-3)


@pytest.mark.parametrize("data", [*SIMPLE, "arsen", "ncssd", "ncsspb"])
def test_mean_squares_behind_the_deviation_index(oracle: Any, data: str) -> None:
    """Lin 2002: log of the mean squared difference and its error; relative bias squared."""
    values, rows = oracle.values(f"lin2002_suite.{data}"), oracle.rows(f"lin2002_suite.{data}")
    own, line = values["own"], "total deviation index, Lin"
    found = total_deviation_index(
        rows.reference, rows.test, share=0.9, approach="lin", ci="lin_asymptotic", sides="upper"
    )
    z = special.ndtri(0.95)
    compare(line, (found["tdi"].value / z) ** 2, own["msd_n_minus_1"])
    reach = np.log(ends(found, "tdi")[1] / found["tdi"].value)
    compare(line, 2 * reach / z, own["se_log_msd"])
    plain = bland_altman(rows.reference, rows.test, truth="independent")
    n, lost = len(rows.test), 3
    variance = plain["sd"].value ** 2 * (n - 1) / (n - lost)
    compare(line, plain["bias"].value ** 2 / variance, values["Agreement_pkg_Estimate"]["RBS"])


def test_a_factor_of_its_own_has_one_level() -> None:
    for factor in ("rounded", "two"):
        with pytest.raises(ParameterError, match=r"has to be 0\.95"):
            bland_altman([1.0, 2], [1.0, 3], truth="independent", factor=factor, agreement_level=0.9)
    with pytest.raises(ParameterError, match="accepted: normal, rounded, two"):
        bland_altman([1.0, 2], [1.0, 3], truth="independent", factor="2")  # type: ignore[arg-type]


def test_the_interval_of_1986_is_for_limits_of_independent_pairs() -> None:
    rows = [1.0, 2, 3, 4], [1.5, 2, 2, 5]
    repeated = bland_altman(*rows, subject=list("aabb"), truth="varying", ci="bland_1986")
    assert "independent pairs" in (repeated["loa_upper"].error or "")
    declared = bland_altman(*rows, subject=list("aabb"), truth="independent", ci="bland_1986")
    assert declared["loa_upper"].interval.independent_rows
    for method in ("z", "bland_1986"):
        flat = bland_altman([1.0, 2, 3], [2.0, 3, 4], truth="independent", ci=method)["loa_upper"]
        assert flat.interval.degenerate
        one = bland_altman([1.0], [2.0], truth="independent", ci=method)["loa_upper"]
        assert "at least two pairs" in (one.error or "")


def test_one_sided_normal_bounds() -> None:
    d = np.random.default_rng(3).normal(1, 2, size=25)
    two = bland_altman(np.zeros(25), d, truth="independent", ci="z", level=0.9)
    for index, sides in enumerate(("lower", "upper")):
        one = bland_altman(np.zeros(25), d, truth="independent", ci="z", sides=sides)  # type: ignore[arg-type]
        for name in ("bias", "sd", "loa_lower", "loa_upper"):
            assert ends(one, name)[index] == pytest.approx(ends(two, name)[index], rel=1e-12)
            assert np.isinf(ends(one, name)[1 - index])
    mixed = bland_altman_mixed(np.zeros(24), d[:24], subject=np.arange(24) // 3, ci={"bias": "z"})
    half = Z * mixed["bias"].standard_error
    assert ends(mixed, "bias")[1] - mixed["bias"].value == pytest.approx(half, rel=1e-12)


@pytest.mark.parametrize("function", [mae, rmse, mape])
def test_intervals_of_the_logarithm(function: Any) -> None:
    reference, test, subject = [50.0, 60, 70, 80, 90, 75], [50.5, 61, 75, 80, 91, 70], list("aabbcc")
    name = function.__name__
    found = function(reference, test, subject=subject, ci="cluster_log_t")
    plain, (lower, upper) = found[name], ends(found, name)
    reach = stats.t.ppf(0.975, 2) * plain.standard_error / plain.value
    assert [lower, upper] == pytest.approx([plain.value * np.exp(-reach), plain.value * np.exp(reach)])
    none = function(reference, reference, subject=subject, ci="cluster_log_t")[name]
    assert "estimate is 0" in (none.error or "")
    alone = function(reference, test, subject=["a"] * 6, ci="cluster_log_t")[name]
    assert "at least two subjects" in (alone.error or "")


def test_the_chi_square_interval_of_an_rmse_has_its_conditions() -> None:
    reference, test = [50.0, 60, 70, 80], [51.0, 61, 72, 78]
    options: list[dict[str, Any]] = [
        {"subject": list("aabb")},
        {"weights": [1, 1, 2, 1]},
        {"subject": list("aabb"), "average": "subject_mean"},
    ]
    for more, words in zip(options, ("independent", "independent", "pooled"), strict=True):
        assert words in (rmse(reference, test, ci="chi_square", **more)["rmse"].error or "")
    none = rmse(reference, reference, ci="chi_square")["rmse"]
    assert none.interval.degenerate
    assert "no width" in (none.warning or "")
    skewed = -np.log(1 - (np.arange(90) + 0.5) / 90) - 1
    assert "not normal" in (rmse(np.zeros(90), skewed, ci="chi_square")["rmse"].warning or "")
    normal = special.ndtri((np.arange(90) + 0.5) / 90)
    assert rmse(np.zeros(90), normal, ci="chi_square")["rmse"].warning is None


def test_the_chi_square_interval_of_an_rmse_covers_with_and_without_bias() -> None:
    """2,000 studies of 10: nominal without a bias, no less with one of half an SD."""
    random = np.random.default_rng(5)
    for bias, low, high in ((0.0, 0.935, 0.965), (0.5, 0.945, 0.985)):
        d = random.normal(bias, 1, size=(2000, 10))
        squares, true = np.square(d).sum(axis=1), 1 + bias**2
        factor = np.square(ends(rmse(np.zeros(10), d[0], ci="chi_square"), "rmse")) / squares[0]
        inside = (squares * factor[0] <= true) & (true <= squares * factor[1])
        assert low <= inside.mean() <= high


def test_deviations_on_a_scale_without_ends() -> None:
    d = np.random.default_rng(6).normal(0.3, 1, size=40)
    found = total_deviation_index(np.zeros(40), d, share=0.9, ci="cluster_log_t")
    error = found["tdi"].standard_error / found["tdi"].value
    reach = stats.t.ppf(0.975, 39) * error
    assert ends(found, "tdi") == pytest.approx(found["tdi"].value * np.exp([-reach, reach]), rel=1e-10)
    name = "coverage_probability"
    share = coverage_probability(np.zeros(40), d, allowance=2, ci="cluster_logit")
    value, error = share[name].value, share[name].standard_error
    reach = stats.t.ppf(0.975, 39) * error / (value * (1 - value))
    expected = special.expit(special.logit(value) + np.array([-reach, reach]))
    assert ends(share, name) == pytest.approx(expected, rel=1e-10)
    assert "infinite" in (
        coverage_probability(np.zeros(40), d, allowance=90, ci="cluster_logit")[name].error or ""
    )
    near = coverage_probability(np.zeros(40), d, allowance=3)
    assert "cluster_logit" in (near[name].warning or "")
    far = coverage_probability(np.zeros(40), d, allowance=1)
    assert far[name].warning is None


def test_a_symmetric_interval_of_a_share_near_1_promises_too_much() -> None:
    """10 normal differences, 99% of which lie within: the lower 95% bound is below that in how many of 300?

    `cluster_t` in about 73%, `cluster_logit` in about 95%.
    """
    random, allowance = np.random.default_rng(9), float(special.ndtri(0.995))
    held = {"cluster_t": 0, "cluster_logit": 0}
    for _ in range(300):
        d = random.normal(size=10)
        columns, _ = arrange(np.zeros(10), d)
        prepared: Any = get("coverage_probability").prepare(columns, allowance=allowance)
        for method in held:
            held[method] += prepared.interval("coverage_probability", method, 0.95, "lower").lower <= 0.99
    assert held["cluster_t"] / 300 < 0.82
    assert held["cluster_logit"] / 300 > 0.91
