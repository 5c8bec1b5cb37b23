"""Interaction of a subgroup of subjects with a slope, by a mixed model."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from diagnostic import cases
from oracle import compare

from accordance.evaluators.comparison.mixed_interaction import slope_interaction
from accordance.evaluators.metric import CannotComputeError


def test_against_lmertest(reference_data):
    """`anova(lmer(Reaction ~ Days * grp + (1 | Subject)))`, lmerTest 3.1.3 in R; sleepstudy of lme4.

    Estimates of a balanced design do not depend on the variances and agree to the last digits; lme4 finds the
    variances by search, to about 1e-7 of a standard deviation, and lmerTest differentiates numerically. The
    intercept, the subgroup's main effect and both tests of main effects are no results here: they depend on
    where the covariate has its 0.
    """
    expected = cases(reference_data)["subgroup_mean_lmm_interaction"]["outputs"]
    with (reference_data / "diagnostic" / "data" / "sleepstudy_groups.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    y, x = (np.array([float(row[name]) for row in rows]) for name in ("Reaction", "Days"))
    group, subject = ([row[name] for row in rows] for name in ("grp", "Subject"))
    result = slope_interaction(y, x, group, subject)
    fixed, f = expected["fixef"], expected["anova_satterthwaite"]["3"]
    compare(
        "mixed model, slopes of subgroups",
        [result.details["slope_A"], result.details["slope_difference"]],
        [fixed["Days"], fixed["Days:grpB"]],
    )
    compare(
        "mixed model, interaction",
        [result.details["standard_error"], result.statistic, result.p_value, result.details["df"],
         result.details["sd_within"], result.details["sd_between"]],
        [expected["se"]["Days:grpB"], f["F"], f["p"], f["DenDF"], expected["sigma"], expected["sd_subject"]],
        rel=1e-6,
    )  # fmt: skip


def made(seed=1, subjects=12, rows=6, extra=0.0):
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(subjects), rows)
    group = np.where(subject % 2, "b", "a")
    x = rng.normal(70, 10, len(subject))
    y = 0.1 * x + extra * (group == "b") * x + rng.normal(0, 2, subjects)[subject] + rng.normal(0, 1, len(x))
    return y, x, group, subject


def test_order_names_and_units_do_not_matter():
    y, x, group, subject = made()
    one = slope_interaction(y, x, group, subject)
    order = np.random.default_rng(2).permutation(len(y))
    other = slope_interaction(10 * y[order], 3 * x[order] + 5, group[order], (50 - subject)[order])
    assert other.statistic == pytest.approx(one.statistic, rel=1e-6)
    assert other.details["slope_a"] == pytest.approx(one.details["slope_a"] * 10 / 3)
    swapped = slope_interaction(y, x, np.where(group == "a", "b", "a"), subject)
    assert swapped.details["slope_difference"] == pytest.approx(-one.details["slope_difference"])


def test_a_difference_in_slope_is_seen():
    assert slope_interaction(*made(extra=0.2)).p_value < 0.001
    assert slope_interaction(*made()).p_value > 0.01


def test_what_cannot_be_computed_has_a_reason():
    y, x, group, subject = made()
    with pytest.raises(CannotComputeError, match="not 1"):
        slope_interaction(y, x, ["a"] * len(y), subject)
    with pytest.raises(CannotComputeError, match="in both subgroups"):
        slope_interaction(y, x, np.where(np.arange(len(y)) % 2, "a", "b"), subject)
    with pytest.raises(CannotComputeError, match="two subjects"):
        slope_interaction(y[:12], x[:12], group[:12], subject[:12])
    with pytest.raises(CannotComputeError, match="does not vary"):
        slope_interaction(y, np.ones(len(y)), group, subject)
    with pytest.raises(CannotComputeError, match="estimated as 0"):
        noise = np.tile([1.0, -1.0, 1.0, -1.0, 2.0, -2.0], 12)
        slope_interaction(noise, np.tile(np.arange(6.0), 12), group, subject)
    with pytest.raises(ValueError, match="3 values for 72 rows"):
        slope_interaction(y, x[:3], group, subject)
