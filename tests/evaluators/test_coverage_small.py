"""Intervals cover what they claim: a corner of `make coverage`, whose results are in docs/coverage.md.

Source of every expectation: the true values of the simulated designs, which are formulas or one-dimensional
integrals (`interval_coverage.designs`), and here checked against large samples.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import special

sys.path.append(str(Path(__file__).resolve().parents[1]))

from interval_coverage import (
    areas,
    averages,
    classifications,
    designs,
    intervals,
    measurements,
    pairs,
    slopes,
    truths,
)

from accordance.evaluators import (
    bland_altman,
    cohen_kappa,
    compare_versions,
    deming,
    mae,
    mape,
    ordinary_least_squares,
    rmse,
    sensitivity,
    share_within,
)
from accordance.evaluators.intervals import METHODS
from accordance.evaluators.metric import CannotComputeError
from accordance.evaluators.resample import bca, percentile

SEED, STUDIES, REPLICATES = 20_260_101, 300, 999


def coverage(tallies: intervals.Tallies, statistic: str, method: str) -> float:
    tally = tallies.found[statistic, method]
    return tally.covered / (tally.studies - tally.missing)


@pytest.fixture(scope="module")
def measured() -> dict[float, intervals.Tallies]:
    """Forty subjects with 20 rows each and normal errors."""
    return measurements.simulate(40, "20", "normal", studies=STUDIES, replicates=REPLICATES, seed=SEED)


@pytest.fixture(scope="module")
def classified() -> dict[str, intervals.Tallies]:
    """Forty subjects with 20 rows each, very alike."""
    cases = {"sensitivity": "0.9", "kappa": "0.8, balanced"}
    return {
        kind: classifications.simulate(
            kind, case, 40, "20", 0.8, studies=STUDIES, replicates=REPLICATES, seed=SEED
        )
        for kind, case in cases.items()
    }


NAIVE = ("bias", "loa_upper", "rmse", "mae", "mape", "rmse_difference")


@pytest.mark.parametrize("statistic", NAIVE)
def test_rows_taken_for_independent_do_not_cover(measured, statistic) -> None:
    assert coverage(measured[0.8], statistic, "naive_rows") < 0.6


@pytest.mark.parametrize("statistic", [*NAIVE, "rmse_mean", "mape_mean", "share_within"])
@pytest.mark.parametrize("icc", designs.ICC)
@pytest.mark.parametrize("method", ["cluster_t", "bootstrap_bca", "bootstrap_percentile"])
def test_intervals_that_know_the_subjects_cover(measured, statistic, icc, method) -> None:
    assert coverage(measured[icc], statistic, method) >= 0.88


@pytest.mark.parametrize("icc", designs.ICC)
def test_a_share_covers_with_clusters_and_not_without(measured, icc) -> None:
    assert coverage(measured[icc], "share_within", "korn_graubard") >= 0.91
    assert (coverage(measured[icc], "share_within", "clopper_pearson") < 0.6) == (icc > 0.3)


@pytest.mark.parametrize("statistic", ["slope_least_squares", "slope_deming"])
def test_slopes_cover_with_the_jackknife_and_not_with_pairs_taken_for_independent(
    measured, statistic
) -> None:
    assert coverage(measured[0.8], statistic, "model_t") < 0.6
    assert all(coverage(measured[icc], statistic, "jackknife") >= 0.91 for icc in designs.ICC)


def test_a_difference_of_sensitivities_covers_with_clusters_and_not_without() -> None:
    found = pairs.simulate("0.05, of 0.85", 40, "20", 0.3, studies=STUDIES, replicates=REPLICATES, seed=SEED)
    assert coverage(found, pairs.NAME, "naive_rows") < 0.7
    for method in ("jackknife_t", "cluster_t", "bootstrap_percentile"):
        assert coverage(found, pairs.NAME, method) >= 0.9


def test_means_over_subjects_of_a_proportion_cover(classified) -> None:
    assert coverage(classified["sensitivity"], "sensitivity_mean", "korn_graubard") >= 0.9


@pytest.mark.parametrize("icc", designs.ICC)
def test_mover_limits_cover_for_normal_errors(measured, icc) -> None:
    assert coverage(measured[icc], "loa_upper", "mover") >= 0.9
    assert coverage(measured[icc], "loa_lower", "mover") >= 0.9


@pytest.mark.parametrize("method", ["clopper_pearson", "wilson"])
def test_binomial_intervals_of_alike_units_do_not_cover(classified, method) -> None:
    assert coverage(classified["sensitivity"], "sensitivity", method) < 0.6


@pytest.mark.parametrize("method", ["cluster_logit", "korn_graubard", "rao_scott_wilson", "bootstrap_bca"])
def test_clustered_intervals_of_a_proportion_cover(classified, method) -> None:
    assert coverage(classified["sensitivity"], "sensitivity", method) >= 0.9


def test_kappa_covers_with_clusters_and_not_without(classified) -> None:
    assert coverage(classified["kappa"], "kappa", "asymptotic") < 0.6
    assert coverage(classified["kappa"], "kappa", "cluster_t") >= 0.88
    assert coverage(classified["kappa"], "kappa", "bootstrap_bca") >= 0.88


def test_areas_cover_with_clusters_and_not_without() -> None:
    found = areas.simulate("0.8", 40, "20", 0.8, studies=150, replicates=REPLICATES, seed=SEED)
    assert coverage(found, "auc", "delong") < 0.75
    for method in ("obuchowski_logit", "cluster_t", "bootstrap_bca"):
        assert coverage(found, "auc", method) >= 0.88


def test_one_row_a_subject_has_exact_intervals() -> None:
    found = measurements.simulate(10, "1", "normal", studies=1000, replicates=199, seed=SEED)[0.0]
    assert abs(coverage(found, "bias", "t") - 0.95) < 0.03
    assert abs(coverage(found, "loa_upper", "noncentral_t") - 0.95) < 0.03


# ---- the simulation itself


@pytest.mark.parametrize("shape", designs.SHAPES)
@pytest.mark.parametrize("icc", [0.0, 0.3, 0.8])
def test_true_values_are_those_of_a_large_sample(shape, icc) -> None:
    rng = np.random.default_rng(5)
    b, e = designs.draw(shape, rng, (2, 1_000_000))
    errors = designs.BIAS + designs.SPREAD * (np.sqrt(icc) * b + np.sqrt(1 - icc) * e)
    inverse = 1 / (rng.uniform(*designs.LEVEL_RANGE, len(b)) * rng.uniform(*designs.ROW_RANGE, len(b)))
    values = {"bias": errors, "mape": 100 * np.abs(errors) * inverse, "rmse": np.square(errors)}
    truth = designs.truths(shape, icc)
    expected = {"bias": truth["bias"], "mape": truth["mape"], "rmse": truth["rmse"] ** 2}
    for name, sample in values.items():
        assert abs(sample.mean() - expected[name]) < 5 * sample.std() / 1000, name


@pytest.mark.parametrize("case", areas.AREAS)
def test_true_area_is_that_of_pairs_of_different_subjects(case) -> None:
    plan = designs.Layout(np.full(100_000, 2))
    positive = areas.classes(plan)
    score = areas.scores(case, plan, positive, 0.8, np.random.default_rng(6))
    won = score[positive == 1] > np.roll(score[positive == 0], 1)
    assert won.mean() == pytest.approx(areas.AREAS[case], abs=5 * won.std() / np.sqrt(len(won)))


@pytest.mark.parametrize("shape", designs.SHAPES)
@pytest.mark.parametrize("icc", [0.0, 0.3, 0.8])
def test_true_share_within_and_mean_of_subjects_are_those_of_a_large_sample(shape, icc) -> None:
    rng = np.random.default_rng(7)
    b, e = designs.draw(shape, rng, (50_000, 1)), designs.draw(shape, rng, (50_000, 20))
    errors = designs.BIAS + designs.SPREAD * (np.sqrt(icc) * b + np.sqrt(1 - icc) * e)
    truth = designs.truths(shape, icc)
    within = np.mean(np.abs(errors) <= designs.TOLERANCE, axis=1)
    assert abs(within.mean() - truth["share_within"]) < 5 * within.std() / np.sqrt(len(within))
    own = np.sqrt(np.square(errors).mean(axis=1))
    expected = truths.subject_rmse(shape, icc, np.array([20]))
    assert abs(own.mean() - expected) < 5 * own.std() / np.sqrt(len(own))


@pytest.mark.parametrize("n", [5, 20, 500])
def test_true_root_mean_square_of_normal_errors_is_that_of_the_noncentral_chi(n) -> None:
    # mean of the noncentral chi distribution (Johnson, Kotz & Balakrishnan 1995, ch. 29)
    ratio = np.exp(special.gammaln((n + 1) / 2) - special.gammaln(n / 2))
    chi = np.sqrt(2) * ratio * special.hyp1f1(-0.5, n / 2, -n * (designs.BIAS / designs.SPREAD) ** 2 / 2)
    found = truths.subject_rmse("normal", 0.0, np.array([n]))
    assert found == pytest.approx(designs.SPREAD / np.sqrt(n) * chi, rel=1e-8)


@pytest.mark.parametrize("shape", designs.SHAPES)
def test_true_root_mean_square_of_one_error_is_its_mean_size(shape) -> None:
    for icc in designs.ICC:
        found = truths.subject_rmse(shape, icc, np.array([1]))
        assert found == pytest.approx(designs.truths(shape, icc)["mae"], rel=5e-5)


def test_true_kappa_is_that_of_its_table() -> None:
    assert classifications.kappa_of((0.45, 0.05, 0.05, 0.45)) == pytest.approx(0.8)
    assert classifications.kappa_of((0.35, 0.15, 0.15, 0.35)) == pytest.approx(0.4)


@pytest.mark.parametrize("rows", ["20", "unequal"])
def test_totals_drawn_directly_are_those_that_the_product_prepares(rows) -> None:
    plan = designs.layout(6, rows)
    rng = np.random.default_rng(3)
    reference, errors = rng.uniform(50, 100, plan.n_rows), 3 * rng.standard_normal(plan.n_rows) + 1
    parts = measurements.templates("varying")
    one = {"subject": plan.subject.astype(str)}

    limits = intervals.studies_of(parts.limits, measurements.limit_totals(errors[None], plan), plan.counts)[0]
    expected = bland_altman(reference, reference + errors, truth="varying", ci="cluster_t", **one)
    assert limits.estimate() == pytest.approx([each.value for each in expected.values()])
    found = limits.interval("loa_upper", "cluster_t", 0.95, "two")
    assert (found.lower, found.upper) == pytest.approx(_ends(expected["loa_upper"]))

    parts, test, wide = parts.averages, reference + errors, {"tolerance": str(designs.TOLERANCE)}
    squares, percent = np.square(errors), 100 * np.abs(errors) / reference
    within = (np.abs(errors) <= designs.TOLERANCE).astype(float)
    for function, template, totals, given in (
        (rmse, parts.rmse, averages.error_totals(squares[None], plan), {}),
        (mae, parts.mae, averages.error_totals(np.abs(errors)[None], plan), {}),
        (mape, parts.mape, averages.error_totals(percent[None], plan), {}),
        (share_within, parts.share, averages.error_totals(within[None], plan, proportion=True), wide),
        (
            rmse,
            parts.rmse_mean,
            averages.own_totals(averages.error_totals(squares[None], plan), root=True),
            {"average": "subject_mean"},
        ),
        (
            mape,
            parts.mape_mean,
            averages.own_totals(averages.error_totals(percent[None], plan)),
            {"average": "subject_mean"},
        ),
    ):
        study = intervals.studies_of(template, totals, plan.counts)[0]
        for method in averages.SHARE_METHODS if function is share_within else ("cluster_t",):
            expected = function(reference, test, ci=method, **given, **one)[template.statistics[0]]
            found = study.interval(template.statistics[0], method, 0.95, "two")
            assert (found.lower, found.upper) == pytest.approx(_ends(expected))


@pytest.mark.parametrize("function", [ordinary_least_squares, deming])
def test_lines_drawn_directly_are_those_that_the_product_prepares(function) -> None:
    plan = designs.layout(6, "20")
    rng = np.random.default_rng(8)
    reference = rng.uniform(50, 100, plan.n_rows)
    test = reference + rng.standard_normal(plan.n_rows) + 1
    name = "slope_deming" if function is deming else "slope_least_squares"
    template = measurements.templates("varying").slopes[name]
    totals = slopes.moment_totals(reference[None], test[None], plan)
    study = intervals.studies_of(template, totals, plan.counts)[0]
    for method in slopes.ANALYTIC:
        expected = function(reference, test, subject=plan.subject.astype(str), ci=method)["slope"]
        found = study.interval("slope", method, 0.95, "two")
        assert (found.lower, found.upper) == pytest.approx(_ends(expected))


def test_naive_intervals_are_the_product_with_every_row_a_subject() -> None:
    rng = np.random.default_rng(3)
    reference, errors = rng.uniform(50, 100, 200), rng.standard_normal(200) + 1
    expected = rmse(reference, reference + errors, average="pooled", ci="cluster_t")["rmse"]
    lower, upper = averages.naive_rmse(np.square(errors)[None])
    assert (lower[0], upper[0]) == pytest.approx(_ends(expected))
    expected = mape(reference, reference + errors, average="pooled", ci="cluster_t")["mape"]
    lower, upper = averages.naive_mean((100 * np.abs(errors) / reference)[None])
    assert (lower[0], upper[0]) == pytest.approx(_ends(expected))


def test_bootstrap_of_many_studies_is_that_of_each() -> None:
    plan = designs.layout(8, "20")
    rng = np.random.default_rng(4)
    errors = rng.standard_normal((3, plan.n_rows))
    template = measurements.templates("varying").averages.rmse
    totals = averages.error_totals(np.square(errors), plan)
    matrix = intervals.weights(8, 500, 1)
    many = intervals.replicates_of(template.formula, totals, matrix)[..., 0]
    for i, study in enumerate(intervals.studies_of(template, totals, plan.counts)):
        assert many[:, i] == pytest.approx(study.at(matrix)[:, 0])


def test_bootstrap_intervals_of_many_studies_are_those_of_the_product() -> None:
    rng = np.random.default_rng(11)
    values = np.exp(rng.standard_normal((7, 999)))
    estimates, left_out = np.exp(0.2 * rng.standard_normal(7)), np.exp(0.1 * rng.standard_normal((7, 12)))
    values[1, :5] = np.nan  # fewer than 1% undefined
    values[2, :50] = np.nan  # too many
    values[3], left_out[3], estimates[3] = 0.5, 0.5, 0.5  # no width
    estimates[4] = 1e9  # beyond all replicates
    estimates[5] = np.nan
    left_out[6, 0] = np.nan
    many = intervals.bootstrap_ends(values, estimates, left_out)
    for i in range(7):
        for ends, compute in zip(
            many,
            (
                lambda i=i: percentile(values[i], 0.95, "two"),
                lambda i=i: bca(values[i], estimates[i], left_out[i], 0.95, "two"),
            ),
            strict=True,
        ):
            try:
                assert np.isfinite(estimates[i])
                expected = compute().lower, compute().upper
            except (CannotComputeError, AssertionError):
                expected = np.nan, np.nan
            assert (ends[0][i], ends[1][i]) == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_counts_drawn_directly_are_those_that_the_product_prepares() -> None:
    rng = np.random.default_rng(2)
    truth, call = rng.integers(0, 2, 60), rng.integers(0, 2, 60)
    subject = np.repeat(np.arange(6), 10).astype(str)
    rows = (truth, call, subject)
    cell = [np.array([np.sum((truth == t) & (call == c) & (subject == str(s))) for s in range(6)])
            for t, c in ((1, 1), (0, 1), (1, 0), (0, 0))]  # fmt: skip
    tp, _, fn, _ = cell
    study = classifications.proportions(tp[None].astype(float), (tp + fn).astype(float))[0]
    for method in ("cluster_t", "korn_graubard"):
        expected = sensitivity(rows[0], rows[1], subject=subject, ci=method)["sensitivity"]
        found = study.interval("sensitivity", method, 0.95, "two")
        assert (found.lower, found.upper) == pytest.approx(_ends(expected))
    mean = intervals.studies_of(
        classifications.template("subject_mean"),
        classifications.mean_totals(tp[None].astype(float), (tp + fn).astype(float)),
        tp + fn,
    )[0]
    for method in classifications.MEAN_METHODS:
        expected = sensitivity(truth, call, subject=subject, ci=method, average="subject_mean")["sensitivity"]
        found = mean.interval("sensitivity", method, 0.95, "two")
        assert (found.lower, found.upper) == pytest.approx(_ends(expected))
    study = classifications.agreements(np.stack(cell, axis=-1)[None].astype(float), np.full(6, 10))[0]
    for method in ("cluster_t", "asymptotic"):
        expected = cohen_kappa(truth, call, subject=subject, ci=method)["kappa"]
        found = study.interval("kappa", method, 0.95, "two")
        assert (found.lower, found.upper) == pytest.approx(_ends(expected))


def test_pairs_drawn_directly_are_those_that_the_product_prepares() -> None:
    rng = np.random.default_rng(12)
    before, after = rng.integers(0, 2, (2, 60))
    subject = np.repeat(np.arange(6), 10)
    counts = [
        np.bincount(subject, weights=cell, minlength=6)
        for cell in (before & after, after & ~before & 1, before & ~after & 1, ~(before | after) & 1)
    ]
    into = intervals.Tallies({pairs.NAME: 0.0})
    plan = designs.Layout(np.full(6, 10))
    pairs.tally(into, np.stack(counts, axis=-1)[None], plan, intervals.weights(6, 500, 1))
    for method in pairs.ANALYTIC:
        expected = compare_versions("sensitivity", np.ones(60), before, after, subject=subject, ci=method)
        width = expected.difference.interval.upper - expected.difference.interval.lower
        assert into.found[pairs.NAME, method].widths == pytest.approx([width])


def test_same_seed_same_counts() -> None:
    options = {"studies": 20, "replicates": 199, "seed": 9}
    first, again = (measurements.simulate(10, "20", "heavy", **options)[0.3].found for _ in range(2))
    assert {key: vars(tally) for key, tally in first.items()} == {
        key: vars(tally) for key, tally in again.items()
    }


def test_every_method_of_the_study_is_one_of_the_product(measured, classified) -> None:
    found = {key[1] for tallies in (measured[0.3], *classified.values()) for key in tallies.found}
    assert found - {"naive_rows"} <= set(METHODS)


def _ends(estimate) -> tuple[float, float]:
    return estimate.interval.lower, estimate.interval.upper
