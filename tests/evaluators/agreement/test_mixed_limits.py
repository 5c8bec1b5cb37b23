"""Limits of agreement from a mixed model, against lme4, nlme and statsmodels."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import compare

from accordance.evaluators import MetricResult, bland_altman, bland_altman_mixed
from accordance.evaluators import bland_altman_mixed_by_condition as by_condition
from accordance.evaluators.agreement.random_intercept import InterceptModel
from accordance.evaluators.functions import arrange
from accordance.evaluators.registry import get

DATA = ["cardiac", "sbp", "ox", "pefr", "sareps"]
Z = 1.959963984540054
RANDOM = np.random.default_rng(21)
SUBJECT = np.repeat(np.arange(10), RANDOM.integers(1, 8, size=10))
REFERENCE = RANDOM.normal(100, 15, size=len(SUBJECT))
TEST = REFERENCE + RANDOM.normal(2, 3, 10)[SUBJECT] + RANDOM.normal(0, 2, size=len(SUBJECT))
CONDITION = np.array(["rest", "walk", "run"])[RANDOM.integers(0, 3, size=len(SUBJECT))]


def ends(result: MetricResult, statistic: str) -> list[float]:
    interval = result[statistic].interval
    assert interval is not None
    return [interval.lower, interval.upper]


@pytest.mark.parametrize("estimation", ["reml", "ml"])
@pytest.mark.parametrize("data", DATA)
def test_against_lme4(oracle: Any, data: str, estimation: Any) -> None:
    """`lmer(d ~ 1 + (1 | subject), REML = TRUE | FALSE)`: lme4's optimiser stops within 1e-5."""
    entry = f"rm_lmer_{estimation}.{data}"
    values, rows = oracle.values(entry), oracle.rows(entry)
    result = bland_altman_mixed(
        rows.reference, rows.test, subject=rows.subject, estimation=estimation, replicates=50
    )
    line = f"mixed-model limits of agreement, {estimation.upper()}"
    found = [result[name].value for name in ("bias", "sd", "loa_lower", "loa_upper")]
    compare(line, found, [values["bias"], values["total_sd"], *values["loa"]], rel=1e-7)
    variances = [result[name].value ** 2 for name in ("sd_between", "sd_within")]
    compare(line, variances, [values["between_var"], values["within_var"]], rel=1e-5)
    compare(line, result["bias"].standard_error, values["bias_se"], rel=1e-5)
    half = Z * result["bias"].standard_error
    by_normal = [result["bias"].value - half, result["bias"].value + half]
    compare(line, by_normal, values["bias_ci_z"], rel=1e-5)
    nlme = values["nlme_check"]
    compare(f"{line}, nlme", [result["bias"].value, *variances], list(nlme.values()), rel=1e-5)
    if estimation == "reml":
        compare(f"{line}, Satterthwaite", ends(result, "bias"), values["bias_ci_satterthwaite"], rel=1e-5)
        columns, _ = arrange(rows.reference, rows.test, rows.subject)
        prepared: Any = get("bland_altman_mixed").prepare(columns)
        compare(
            f"{line}, Satterthwaite",
            prepared.satterthwaite_df(np.ones(1)),
            values["df_satterthwaite"],
            rel=1e-5,
        )


@pytest.mark.parametrize("data", DATA)
def test_kenward_roger_against_pbkrtest(oracle: Any, data: str) -> None:
    """`summary(fit, ddf = "Kenward-Roger")` of lmerTest, which asks pbkrtest."""
    values, rows = oracle.values(f"rm_lmer_reml.{data}"), oracle.rows(f"rm_lmer_reml.{data}")
    expected = values["kenward_roger"]
    result = bland_altman_mixed(
        rows.reference, rows.test, subject=rows.subject, ci={"bias": "kenward_roger"}, replicates=20
    )
    line = "mixed-model limits of agreement, Kenward-Roger"
    compare(line, ends(result, "bias"), expected["ci"], rel=1e-5)
    columns, _ = arrange(rows.reference, rows.test, rows.subject)
    prepared: Any = get("bland_altman_mixed").prepare(columns)
    found = prepared.model.kenward_roger(prepared.fitted.between[0], prepared.fitted.within[0], np.ones(1))
    compare(line, found, [expected["se"], expected["df"]], rel=1e-5)


@pytest.mark.parametrize("estimation", ["reml", "ml"])
@pytest.mark.parametrize("data", DATA)
def test_likelihood_against_lme4(oracle: Any, data: str, estimation: str) -> None:
    """`logLik(fit)`: at the maximum it hardly depends on where the optimiser stopped; never below lme4's."""
    entry = f"rm_lmer_{estimation}.{data}"
    values, rows = oracle.values(entry), oracle.rows(entry)
    columns, keys = arrange(rows.reference, rows.test, rows.subject)
    prepared: Any = get("bland_altman_mixed").prepare(columns, estimation=estimation)
    found = prepared.fitted.log_likelihood[0]
    compare(f"mixed-model limits of agreement, {estimation.upper()}", found, values["logLik"], rel=1e-10)
    assert len(keys) == prepared.n_subjects


@pytest.mark.parametrize("data", ["ox", "cardiac"])
def test_subject_bootstrap_against_lme4(oracle: Any, data: str) -> None:
    """1,000 refits of `lmer` with relabelled duplicates: bounds within 4 Monte-Carlo errors.

    The standard deviation of a 2.5% quantile of B normal replicates is sqrt(p (1 - p) / B) / density =
    2.67 / sqrt(B) standard errors.
    """
    values = oracle.values(f"lmer_cluster_boot.{data}", trust="monte_carlo")
    rows = oracle.rows(f"lmer_cluster_boot.{data}")
    result = bland_altman_mixed(
        rows.reference, rows.test, subject=rows.subject, ci="bootstrap_percentile", replicates=10_000
    )
    names = {"bias": "bias", "loa_lower": "loa_lower", "loa_upper": "loa_upper", "total_sd": "sd"}
    for (theirs, ours), error in zip(names.items(), values["boot_se"], strict=True):
        allowed = 4 * 2.67 / math.sqrt(values["B"]) * error * math.sqrt(1 + values["B"] / 10_000)
        compare(
            "mixed-model limits, subject bootstrap (Monte Carlo)",
            ends(result, ours), values[f"{theirs}_perc"], rel=0, abs=allowed,
        )  # fmt: skip


@pytest.mark.parametrize("data", ["ox", "cardiac"])
def test_parametric_bootstrap_against_simplyagree(oracle: Any, data: str) -> None:
    """`loa_lme(type = "perc", replicates = 1999)`, one run: within 4 Monte-Carlo errors of it and of ours."""
    entry = f"loa_lme_parametric_boot.{data}"
    values, rows = oracle.values(entry, trust="monte_carlo"), oracle.rows(entry)
    result = bland_altman_mixed(rows.reference, rows.test, subject=rows.subject, ci="parametric_bootstrap")
    for index, name in enumerate(("bias", "loa_lower", "loa_upper")):
        allowed = 4 * 2.67 / math.sqrt(1999) * values["se"][index] * math.sqrt(1 + 1999 / 10_000)
        compare(
            "mixed-model limits, parametric bootstrap (Monte Carlo)",
            ends(result, name), [values["lower"][index], values["upper"][index]], rel=0, abs=allowed,
        )  # fmt: skip


def test_parametric_bootstrap_of_the_bias_is_its_distribution() -> None:
    """Balanced: the mean of the simulated biases has the model's standard error; seeds are fixed."""
    label = np.repeat(np.arange(15), 4)
    test = RANDOM.normal(1, 2, 15)[label] + RANDOM.normal(size=60)
    first, second = (
        bland_altman_mixed(np.zeros(60), test, subject=label, ci="parametric_bootstrap") for _ in range(2)
    )
    assert first["bias"].interval == second["bias"].interval
    half = Z * first["bias"].standard_error
    middle = first["bias"].value
    assert ends(first, "bias") == pytest.approx([middle - half, middle + half], abs=0.06 * half)
    conditions = by_condition(
        np.zeros(60), test, subject=label, condition=["a", "b"] * 30, ci="parametric_bootstrap"
    )
    assert "without conditions" in (conditions["bias"].error or "")


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100_000), st.integers(2, 7), st.integers(2, 6))
def test_balanced_reml_is_the_analysis_of_variance(seed: int, subjects: int, pairs: int) -> None:
    """Closed form: within = MSW, between = max(0, (MSB - MSW) / m); Searle et al. 1992, ch. 4."""
    random = np.random.default_rng(seed)
    d = random.normal(size=(subjects, pairs)) + random.normal(0, 1, size=(subjects, 1))
    label = np.repeat(np.arange(subjects), pairs)
    result = bland_altman_mixed(np.zeros(d.size), d.ravel(), subject=label, replicates=20)
    between = pairs * d.mean(axis=1).var(ddof=1)
    within = d.var(axis=1, ddof=1).mean()
    total = d.var() * d.size
    expected = max(0.0, (between - within) / pairs)
    left = within if between > within else total / (d.size - 1)
    assert result["bias"].value == pytest.approx(d.mean(), rel=1e-9, abs=1e-12)
    assert result["sd_within"].value ** 2 == pytest.approx(left, rel=1e-7)
    assert result["sd_between"].value ** 2 == pytest.approx(expected, rel=1e-6, abs=1e-7)
    said = "estimated as 0" in (result["sd"].warning or "")
    assert said == (result["sd_between"].value == 0)


def test_moment_estimates_are_close_where_subjects_are_alike() -> None:
    label = np.repeat(np.arange(40), 6)
    test = RANDOM.normal(0, 2, 40)[label] + RANDOM.normal(0, 1, size=240)
    mixed = bland_altman_mixed(np.zeros(240), test, subject=label, replicates=20)
    moments = bland_altman(np.zeros(240), test, subject=label, truth="varying", ci="t")
    for name in ("bias", "sd", "loa_upper"):
        assert mixed[name].value == pytest.approx(moments[name].value, rel=1e-6)


def test_standard_errors_by_the_bootstrap_of_a_large_study() -> None:
    random = np.random.default_rng(4)
    label = np.repeat(np.arange(400), random.integers(1, 6, size=400))
    test = random.normal(0, 2, 400)[label] + random.normal(0, 1, size=len(label))
    columns, _ = arrange(np.zeros(len(label)), test, label)
    prepared: Any = get("bland_altman_mixed").prepare(columns)
    weights = random.multinomial(400, np.ones(400) / 400, size=600).astype(float)
    spread = prepared.at(weights).std(axis=0, ddof=1)
    for index, name in enumerate(prepared.statistics):
        assert prepared.standard_error(name) == pytest.approx(spread[index], rel=0.15), name


@pytest.mark.parametrize("estimation", ["reml", "ml"])
def test_conditions_against_statsmodels(estimation: Any) -> None:
    """`MixedLM.from_formula("d ~ C(condition, Sum)", groups=subject)`; it stops at a gradient of 1e-5."""
    from statsmodels.regression.mixed_linear_model import MixedLM  # noqa: PLC0415

    names = sorted(set(CONDITION))
    coding = np.array([[1, 0], [0, 1], [-1, -1]])[[names.index(one) for one in CONDITION]]
    design = np.column_stack([np.ones(len(CONDITION)), coding])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = MixedLM(TEST - REFERENCE, design, groups=SUBJECT).fit(reml=estimation == "reml", method="bfgs")
    result = by_condition(
        REFERENCE, TEST, subject=SUBJECT, condition=CONDITION, estimation=estimation, replicates=20
    )
    between, within = float(fit.cov_re[0, 0]), float(fit.scale)
    effect = fit.fe_params
    biases = [effect[0] + effect[1], effect[0] + effect[2], effect[0] - effect[1] - effect[2]]
    line = f"mixed model with conditions, statsmodels, {estimation.upper()}"
    found = [result[f"bias_{name}"].value for name in names]
    compare(line, [result["bias"].value, *found], [effect[0], *biases], rel=1e-4)
    compare(line, [result[f"sd_{name}"].value ** 2 for name in ("between", "within")], [between, within],
            rel=1e-3)  # fmt: skip
    compare(line, result["bias"].standard_error, fit.bse_fe[0], rel=1e-3)
    for name in names:
        reach = result[f"loa_upper_{name}"].value - result[f"bias_{name}"].value
        assert reach == pytest.approx(Z * result["sd"].value)
        assert ends(result, f"bias_{name}")[0] < result[f"bias_{name}"].value


def test_conditions_that_do_not_matter_leave_the_plain_bias() -> None:
    """Every subject once in every condition: the mean over conditions is the plain bias."""
    label, condition = np.repeat(np.arange(8), 3), ["a", "b", "c"] * 8
    test = RANDOM.normal(0, 2, 8)[label] + RANDOM.normal(size=24)
    plain = bland_altman_mixed(np.zeros(24), test, subject=label, replicates=20)
    result = by_condition(np.zeros(24), test, subject=label, condition=condition, replicates=20)
    assert result["bias"].value == pytest.approx(plain["bias"].value, rel=1e-9)
    mean = np.mean([result[f"bias_{name}"].value for name in "abc"])
    assert mean == pytest.approx(result["bias"].value, rel=1e-9)
    order = RANDOM.permutation(24)
    shuffled = by_condition(
        np.zeros(24), test[order], subject=label[order], condition=np.array(condition)[order], replicates=20
    )
    for name in result:
        assert shuffled[name].value == pytest.approx(result[name].value, rel=1e-12)
    with pytest.raises(ValueError, match="at least two are needed"):
        by_condition([1.0, 2], [1.0, 3], subject=["a", "a"], condition=["x", "x"])
    with pytest.raises(ValueError, match="`condition` has 1 values"):
        by_condition([1.0, 2], [1.0, 3], subject=["a", "a"], condition=["x"])


def test_unequal_subjects_weigh_by_what_they_know() -> None:
    """One pair of one subject and a hundred of another: the bias lies between both kinds of mean."""
    random = np.random.default_rng(9)
    label = np.repeat(np.arange(6), [1, 100, 2, 50, 3, 5])
    effect = np.array([4.0, -3, 2, -2, 5, 1])
    test = effect[label] + random.normal(0, 2, size=len(label))
    result = bland_altman_mixed(np.zeros(len(label)), test, subject=label, replicates=20)
    pooled, by_subject = test.mean(), np.mean([test[label == one].mean() for one in range(6)])
    assert pooled < result["bias"].value < by_subject


@pytest.mark.parametrize(
    ("test", "subject", "words"),
    [
        ([], [], "There are no pairs"),
        ([1.0, 2, 3], ["a"] * 3, "at least two subjects"),
        ([1.0, 2, 3], ["a", "b", "c"], "Every subject has one pair"),
        ([1.0, 1, 3, 3], ["a", "a", "b", "b"], "do not vary"),
        ([2.0, 2, 2, 2], ["a", "a", "b", "b"], "do not vary"),
    ],
)
def test_what_cannot_be_told_apart_has_a_reason(test: list, subject: list, words: str) -> None:
    result = bland_altman_mixed(np.zeros(len(test)), test, subject=subject, replicates=50)
    for estimate in result.values():
        assert math.isnan(estimate.value)
        assert words in (estimate.error or "")


def test_boundary_is_kept_and_said() -> None:
    """Subject means are equal while pairs spread."""
    test, label = [-2.0, 2.0, -1.9, 2.1, -2.1, 1.9, 2.0, -2.0], np.repeat(list("abcd"), 2)
    result = bland_altman_mixed(np.zeros(8), test, subject=label, replicates=200)
    assert result["sd_between"].value == 0.0
    assert "estimated as 0" in (result["loa_upper"].warning or "")
    assert "use a bootstrap" in (result["bias"].error or "")
    assert result["bias"].standard_error == pytest.approx(np.std(test, ddof=1) / math.sqrt(8), rel=1e-9)


def test_kenward_roger_has_its_conditions() -> None:
    options = {"subject": SUBJECT, "ci": {"bias": "kenward_roger"}, "replicates": 20}
    ml = bland_altman_mixed(REFERENCE, TEST, estimation="ml", **options)
    assert "estimation: reml" in (ml["bias"].error or "")
    test, label = [-2.0, 2.0, -1.9, 2.1, -2.1, 1.9, 2.0, -2.0], np.repeat(list("abcd"), 2)
    flat = bland_altman_mixed(np.zeros(8), test, subject=label, ci="kenward_roger", replicates=20)
    assert "use a bootstrap" in (flat["bias"].error or "")
    balanced = bland_altman_mixed(
        np.zeros(8), [1.0, 2, 5, 6, 3, 5, 9, 8], subject=label, ci="kenward_roger", replicates=20
    )
    means = np.array([1.5, 5.5, 4, 8.5])  # balanced: the t interval of the subjects' means, S - 1
    half = 3.182446305284263 * means.std(ddof=1) / 2
    assert ends(balanced, "bias") == pytest.approx([means.mean() - half, means.mean() + half], rel=1e-8)


def test_very_large_variance_between_subjects() -> None:
    label = np.repeat(np.arange(5), 3)
    test = 1e6 * np.arange(5)[label] + np.tile([-1.0, 0, 1], 5)
    result = bland_altman_mixed(np.zeros(15), test, subject=label, replicates=20)
    assert result["sd_within"].value == pytest.approx(1.0, rel=1e-6)
    assert result["sd_between"].value == pytest.approx(math.sqrt(2.5e12 - 1 / 3), rel=1e-6)


def test_row_weights_and_average_are_refused() -> None:
    columns, _ = arrange(REFERENCE, TEST, SUBJECT, np.ones(len(SUBJECT)))
    with pytest.raises(ValueError, match="not defined for a mixed model"):
        get("bland_altman_mixed").prepare(columns)
    with pytest.raises(ValueError, match="no `average`"):
        get("bland_altman_mixed").prepare(columns, average="subject_mean")


def test_search_finds_the_best_of_a_fine_grid() -> None:
    """The profile at the answer is never above that of 2,000 values of theta."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        units = random.integers(1, 9, size=6)
        label = np.repeat(np.arange(6), units)
        d = random.normal(0, random.uniform(0, 2), 6)[label] + random.normal(size=len(label))
        offsets = np.concatenate([[0], np.cumsum(units)])
        for reml in (True, False):
            model = InterceptModel.of(np.ones((len(d), 1)), d, offsets, reml=reml)
            best = model.fit(np.ones((1, 6))).log_likelihood[0]
            for theta in np.linspace(0, 0.999, 500):
                ratio = theta / (1 - theta)
                precision = 1 / (1 + units * ratio)
                means = np.array([d[label == one].mean() for one in range(6)])
                bias = (units * precision) @ means / (units @ precision)
                rest = sum(((d[label == one] - means[one]) ** 2).sum() for one in range(6))
                rest += (units * precision) @ (means - bias) ** 2
                n = len(d) - 1 if reml else len(d)
                height = n * (1 + np.log(2 * np.pi * rest / n)) + np.log(1 + units * ratio).sum()
                height += np.log(units @ precision) if reml else 0.0
                assert -0.5 * height <= best + 1e-9
