"""What is refused, in words that say what would be accepted; and how results print."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from accordance import evaluators
from accordance.evaluators import (
    CannotComputeError,
    ParameterError,
    SampleSize,
    design_effect,
    inflate_sample_size,
    observed_share_for_goal,
    power_auc,
    power_auc_difference,
    power_correlation,
    power_equivalence,
    power_kappa,
    power_limits_of_agreement,
    power_mcnemar,
    power_mean_difference,
    power_performance_goal,
    power_proportion_difference,
    precision_auc,
    precision_ccc,
    precision_correlation,
    precision_icc,
    precision_kappa,
    precision_limits_of_agreement,
    precision_mean_difference,
    precision_proportion,
    precision_rmse,
    precision_sensitivity_specificity,
)

REFUSED = {
    "goal not below": (lambda: power_performance_goal(0.9, 0.9), r"accepted: an `expected` above 0\.9"),
    "goal not above": (lambda: power_performance_goal(0.1, 0.2, better="lower"), "an `expected` below 0.1"),
    "other bound": (lambda: power_performance_goal(0.8, 0.9, sides="upper"), "accepted: two, lower"),
    "one-sided blaker": (lambda: power_performance_goal(0.8, 0.9, ci="blaker", sides="lower"), "two-sided"),
    "unknown ci": (lambda: power_performance_goal(0.8, 0.9, ci="exact"), "accepted: clopper_pearson"),
    "n too large": (lambda: power_performance_goal(0.8, 0.9, n=500_000), "at most 200,000"),
    "share below goal": (lambda: observed_share_for_goal(0.9, 0.8), "an `observed` above 0.9"),
    "both": (lambda: precision_proportion(0.9, half_width=0.05, n=10), "either `half_width`"),
    "neither": (lambda: precision_correlation(0.5), "either `half_width`"),
    "wald outcomes": (lambda: precision_proportion(0.9, n=10, ci="wald"), "no width"),
    "nothing planned": (lambda: precision_sensitivity_specificity(None, None, 0.1, half_width=1), "or both"),
    "nothing needed": (lambda: inflate_sample_size(0, 0), "at least one is above 0"),
    "assurance alone": (lambda: inflate_sample_size(9, assurance=0.9), "needs a `prevalence`"),
    "everybody lost": (lambda: inflate_sample_size(9, drop_out=1), "`drop_out` must be a number at least 0"),
    "limits beyond": (lambda: power_limits_of_agreement(1, 5, 10), r"an `allowance` above 10\.8"),
    "lu with clusters": (
        lambda: power_limits_of_agreement(0, 1, 3, method="lu", rows_per_subject=2), "`method='exact'`",
    ),
    "exact with clusters": (
        lambda: precision_limits_of_agreement(1, n=9, ci="noncentral_t", rows_per_subject=2), "bland_altman",
    ),
    "bias is all": (lambda: precision_rmse(2, bias=-2, n=9), "smaller than `rmse`"),
    "no spread": (lambda: precision_mean_difference(0, n=9), "one must be above 0"),
    "no effect": (lambda: power_mean_difference(0, 1), "a `difference` other than 0"),
    "worse than margin": (lambda: power_mean_difference(-2, 1, margin=1, sides="one"), "above -1"),
    "two-sided margin": (lambda: power_mean_difference(1, 1, margin=1), "`sides='one'`"),
    "not equivalent": (lambda: power_equivalence(3, 1, 2), "a `margin` above 3"),
    "no discordance": (lambda: power_mcnemar(0.1, 0.1), "two that differ"),
    "too much discordance": (lambda: power_mcnemar(0.8, 0.5), "at most 1"),
    "inferior": (lambda: power_proportion_difference(0.7, 0.9, margin=0.1, sides="one"), "a `p1` above 0.8"),
    "area below": (lambda: power_auc(0.7, null=0.8), "an `area` above 0.8"),
    "no difference": (lambda: power_auc_difference(0, 1, 1, 0.5, 9), "accepted: any other"),
    "covariance": (lambda: power_auc_difference(0.1, 1, 1, 1, 9), "too large for the variances"),
    "same correlation": (lambda: power_correlation(0.5, null=0.5), "two that differ"),
    "same kappa": (lambda: power_kappa(0.5, 0.5, 0.3), "two that differ"),
    "kappa over the edge": (lambda: precision_kappa(0.9, 0.3, half_width=0.2), "below 0.1"),
    "accuracy": (lambda: precision_ccc(0.9, accuracy=0.9, n=9), "above the concordance"),
    "raters": (lambda: power_kappa(0.5, 0.4, 0.3, raters=7), "from 2 to 6"),
    "icc": (lambda: design_effect(0, 2), "`icc` must be a number at least 0 and at most 1"),
    "nan": (lambda: precision_auc(float("nan"), 0.5, n=9), "`area` must be a number above 0.5 and below 1"),
    "bool": (lambda: precision_auc(0.8, 0.5, n=True), "`n` must be a whole number"),
    "text": (lambda: power_auc("0.8"), "`area` must be a number"),
}  # fmt: skip
UNREACHABLE = {
    "goal": (lambda: power_performance_goal(0.9, 0.9001), r"an `expected` of 0\.90\d+ or more"),
    "goal, lower": (
        lambda: power_performance_goal(0.1, 0.0999, better="lower"), r"an `expected` of 0\.09\d+ or less",
    ),
    "observed": (lambda: observed_share_for_goal(0.9, 0.9001), "further from the goal"),
    "proportion": (lambda: precision_proportion(0.5, half_width=1e-5), "accepted is 0.00098 or more"),
    "limits": (lambda: power_limits_of_agreement(0, 1, 1.961), "that number has"),
    "mean": (lambda: power_mean_difference(1e-4, 1), "More than 1,000,000 subjects"),
    "enrolment": (lambda: inflate_sample_size(100, prevalence=1e-5), "accepted are a higher prevalence"),
    "enrolment, surely": (
        lambda: inflate_sample_size(100, prevalence=1.01e-4, assurance=0.999), "1,000,000",
    ),
    "mcnemar": (lambda: power_mcnemar(0.108, 0.1), "`method='connor'`"),
    "connor": (lambda: power_mcnemar(0.1001, 0.1, method="connor"), "1,000,000"),
    "groups": (lambda: power_proportion_difference(0.5, 0.4999), "1,000,000"),
    "area": (lambda: power_auc(0.5001), "More than 1,000,000 cases"),
    "areas": (lambda: power_auc_difference(1e-5, 0.01, 0.01, 0, 40), "More than 1,000,000 cases"),
    "icc": (lambda: precision_icc(0.5, 2, half_width=1e-4), "accepted is"),
    "kappa": (lambda: precision_kappa(0.5, 0.3, half_width=1e-4), "1,000,000"),
    "kappa, few": (lambda: precision_kappa(0.1, 0.5, n=10), "accepted are at least"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_what_would_be_accepted(name):
    call, words = REFUSED[name]
    with pytest.raises(ParameterError, match=words):
        call()


@pytest.mark.parametrize("name", UNREACHABLE)
def test_unreachable_with_what_would_be_accepted(name):
    call, words = UNREACHABLE[name]
    with pytest.raises(CannotComputeError, match=words):
        call()


def test_all_objections_at_once():
    with pytest.raises(ParameterError) as caught:
        power_performance_goal(1.2, -1, power=2, ci="x", level=0.3)
    assert len(str(caught.value).split("\n")) == 5


def test_what_is_named_as_accepted_is_accepted():
    with pytest.raises(CannotComputeError) as caught:
        precision_proportion(0.5, half_width=1e-5)
    assert "0.00098" in str(caught.value)
    assert precision_proportion(0.5, half_width=0.00098).n <= 1_000_000
    with pytest.raises(CannotComputeError, match="at least 385"):
        precision_kappa(0.1, 0.5, n=10)
    assert 0 < precision_kappa(0.1, 0.5, n=385).details["lower"] < 0.01


def test_ceilings_at_every_step_and_whole_divisions():
    each = precision_sensitivity_specificity(0.8, None, 0.1, half_width=0.07, ceilings="each")
    assert [step.value for step in each.steps] == [126, 1260, 1260]
    assert inflate_sample_size(7, prevalence=0.07).n == 100  # 7 / 0.07 is 100.00000000000001
    apart = inflate_sample_size(30, 50, inconclusive=0.2)
    assert (apart.n, [step.name for step in apart.steps][2]) == (100, "both together")


def test_one_row_a_subject_knows_no_correlation():
    plain = precision_proportion(0.9, n=50)
    assert precision_proportion(0.9, n=50, icc=0.5).half_width == plain.half_width
    assert precision_rmse(2, n=50, icc=0.5).half_width == precision_rmse(2, n=50).half_width
    assert (
        precision_limits_of_agreement(2, n=50, icc=0.5).half_width
        == precision_limits_of_agreement(2, n=50).half_width
    )
    whole = precision_rmse(2, n=50, rows_per_subject=9, icc=1.0).half_width
    assert whole == pytest.approx(precision_rmse(2, n=50).half_width)


@pytest.mark.parametrize(
    "seen",
    [power_performance_goal(0.9, 0.95), precision_sensitivity_specificity(0.9, 0.85, 0.2, half_width=0.05)],
)
def test_what_is_printed(seen):
    text = str(seen)
    assert f"needed: {seen.n:,} subjects" in text
    assert all(f"{name}=" in text.replace("\n  ", " ") for name in seen.parameters)
    assert all(step.name in text for step in seen.steps)
    assert "Source: " in text
    assert ("The power curve runs from 1 to" in text) == (seen.curve is not None)


def test_every_number_is_a_plain_one():
    """Numbers go into JSON and reports: no NumPy scalars but in curves."""
    for one in (
        power_performance_goal(0.9, 0.95), observed_share_for_goal(0.85, 0.92), power_auc(0.8),
        precision_kappa(0.4, 0.3, n=400), inflate_sample_size(50, 60, prevalence=0.3),
        power_mcnemar(0.2, 0.1), power_proportion_difference(0.9, 0.8), precision_icc(0.9, 2, n=60),
        power_limits_of_agreement(0, 1, 3), precision_rmse(2, n=9), precision_ccc(0.9, n=50),
    ):  # fmt: skip
        values = [one.n, one.power, one.half_width, one.unrounded, *one.details.values()]
        assert {type(value) for value in values} <= {int, float, type(None)}, one.title
        assert {type(step.value) for step in one.steps} <= {int, float}
        assert isinstance(one, SampleSize)


def test_a_given_number_reports_what_the_answer_has():
    for function, given in (
        (power_correlation, {"correlation": 0.3}),
        (power_kappa, {"kappa": 0.6, "null": 0.4, "prevalence": 0.3}),
        (power_mean_difference, {"difference": 0.5, "sd": 1}),
        (power_equivalence, {"difference": 0, "sd": 1, "margin": 0.5}),
        (power_mcnemar, {"p01": 0.2, "p10": 0.1}),
        (power_limits_of_agreement, {"bias": 0, "sd": 1, "allowance": 2.5}),
        (power_performance_goal, {"goal": 0.8, "expected": 0.9}),
    ):
        answer = function(**given)
        again = function(**given, n=answer.n)
        assert again.power == pytest.approx(answer.power, rel=1e-12)
        assert answer.power >= 0.8 > function(**given, n=answer.n - 1).power
        assert (answer.solved_for, again.solved_for) == ("n", "power")


def test_names_say_what_they_are():
    """Every function of the family returns the labelled record, but for the factor."""
    family = [
        getattr(evaluators, name)
        for name in evaluators.__all__
        if getattr(evaluators, name).__module__.startswith("accordance.evaluators.sample_size.")
    ]
    functions = [one for one in family if inspect.isfunction(one)]
    assert len(functions) == 24
    returned = {inspect.signature(one).return_annotation for one in functions}
    assert returned == {"SampleSize", "float"}
    assert np.isclose(design_effect(10, 0.1, size_cv=0.5), 1 + (1.25 * 10 - 1) * 0.1)
