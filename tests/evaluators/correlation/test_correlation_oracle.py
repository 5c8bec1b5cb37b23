"""Correlations against R. Values from agreement/oracle.json; each entry names its package and call."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest
from oracle import compare
from scipy import stats

from accordance.evaluators import MetricResult
from accordance.evaluators.correlation.correlations import correlation_p, kendall, pearson, rmcorr, spearman

REPEATED = ["cardiac", "sbp", "ox", "pefr", "sareps"]


def bounds(result: MetricResult) -> list[float]:
    interval = result[result.metric].interval
    assert interval is not None
    return [interval.lower, interval.upper]


def test_pearson_and_spearman_against_cor_test(oracle: Any) -> None:
    """`cor.test(x, y)`, `cor(x, y, method = "spearman")`, and the three intervals by their formulas."""
    names = [name for name, entry in oracle.entries.items() if entry["method"] == "pearson_spearman"]
    assert len(names) == 14
    for name in names:
        values, rows = oracle.values(name), oracle.rows(name)
        found = pearson(rows.reference, rows.test, ci="fisher_z")
        r = found["pearson"].value
        compare("Pearson", found["pearson"].counts.n_units, values["n"])
        compare("Pearson", [r, *bounds(found)], [values["pearson_r"], *values["pearson_ci"]])
        compare("Pearson", correlation_p(r, len(rows.test) - 2), values["pearson_p"], abs=0.0)
        compare("Spearman", spearman(rows.reference, rows.test)["spearman"].value, values["spearman_rho"])
        compare("Kendall", kendall(rows.reference, rows.test)["kendall"].value, values["kendall_tau_b"])
        for method, keys in (
            ("fisher_z", ("spearman_ci_fisher", "spearman_ci_fisher_n3")),
            ("fieller_z", ("spearman_ci_fieller_1.06",)),
            ("bonett_wright", ("spearman_ci_bonett_wright",)),
        ):
            for key in set(keys) & values.keys():
                compare("Spearman", bounds(spearman(rows.reference, rows.test, ci=method)), values[key])


@pytest.mark.parametrize("data", REPEATED)
def test_repeated_measures_against_rmcorr(oracle: Any, data: str) -> None:
    """`rmcorr::rmcorr(subject, reference, test, CIs = "analytic")`."""
    values, rows = oracle.values(f"rmcorr.{data}"), oracle.rows(f"rmcorr.{data}")
    against_rmcorr(values, rows.reference, rows.test, rows.subject)


def test_repeated_measures_of_bland_and_altman_1995(oracle: Any) -> None:
    """The paper's data of 8 subjects; it prints r = -0.51 with 38 degrees of freedom."""
    path = oracle.folder / "data" / oracle.entries["rmcorr.bland1995"]["dataset"]
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    x, y = ("PaCO2", "pH") if "PaCO2" in rows[0] else ("reference", "test")
    against_rmcorr(
        oracle.values("rmcorr.bland1995"),
        np.array([float(row[x]) for row in rows]),
        np.array([float(row[y]) for row in rows]),
        np.array([row["subject"] for row in rows]),
    )


def against_rmcorr(values: Any, reference: Any, test: Any, subject: Any) -> None:
    found = rmcorr(reference, test, subject=subject, ci="fisher_z")
    r, counts = found["rmcorr"].value, found["rmcorr"].counts
    df = counts.n_units - counts.n_subjects - 1
    title = "repeated-measures correlation"
    compare(title, df, values["df"])
    compare(title, [r, *bounds(found)], [values["r"], *values["ci"]])
    compare(title, correlation_p(r, df), values["p"], abs=0.0)


@pytest.mark.parametrize("data", REPEATED)
@pytest.mark.parametrize("function", [pearson, spearman, kendall, rmcorr])
def test_clustered_intervals_by_their_definition(oracle: Any, data: str, function: Any) -> None:
    """Subjects left out by hand; the linearised error differs from the jackknife's in second order only."""
    rows = oracle.rows(f"rmcorr.{data}")
    labels, lengths = np.unique(rows.subject, return_counts=True)
    if function is rmcorr:
        labels = labels[lengths > 1]  # the others say nothing within subjects
    left_out = []
    for one in labels:
        kept = rows.subject != one
        part = function(rows.reference[kept], rows.test[kept], subject=rows.subject[kept])
        left_out.append(np.arctanh(part[part.metric].value))
    n = len(labels)
    error = np.sqrt((n - 1) / n * np.square(left_out - np.mean(left_out)).sum())
    quantile = stats.t.ppf(0.975, n - 1)
    given = (rows.reference, rows.test)
    result = function(*given, subject=rows.subject, ci="jackknife_fisher_z")
    z = np.arctanh(result[result.metric].value)
    expected = np.tanh([z - quantile * error, z + quantile * error])
    np.testing.assert_allclose(bounds(result), expected, rtol=1e-9)
    lower, upper = np.arctanh(bounds(function(*given, subject=rows.subject, ci="cluster_fisher_z")))
    assert (upper - lower) / 2 / quantile == pytest.approx(error, rel=0.6 if n < 10 else 0.2)
