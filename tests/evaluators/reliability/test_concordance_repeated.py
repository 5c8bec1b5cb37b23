"""Concordance of repeated pairs against R. Values from agreement/oracle.json; entries name the calls."""

from __future__ import annotations

import csv
import re
from typing import Any

import numpy as np
import pytest
from oracle import compare

from accordance.evaluators import ccc, ccc_longitudinal, ccc_replicates, ccc_u_statistics
from accordance.evaluators.functions import arrange
from accordance.evaluators.reliability.concordance_repeated import CCC_LONGITUDINAL, CCC_REPLICATES
from accordance.evaluators.reliability.one_way_reml import hessian

Table = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

ERROR_TOLERANCE = {"cardiac": 2e-2, "bdaw": 5e-4}
"""`nlme` takes the information by finite differences with steps of 6e-6 times the logarithm of a standard
deviation; near 0 (cardiac: 0.11 to 0.19) or with a small component (bdaw), rounding is left in it."""


def table(oracle: Any, name: str) -> Table:
    """Reference, test, subject, time of an entry, one row a pair."""
    entry = oracle.entries[name]
    with (oracle.folder / "data" / entry["dataset"]).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if "method" in rows[0]:
        value, when = ("dia", "replicate") if "dia" in rows[0] else ("auc", "visit")
        cells: dict[tuple[str, str], dict[str, float]] = {}
        for row in rows:
            cells.setdefault((row["subject"], row[when]), {})[row["method"]] = float(row[value])
        first, second = sorted({row["method"] for row in rows})
        pairs = [(one[first], one[second], *key) for key, one in cells.items()]
    else:
        pairs = [(float(r["reference"]), float(r["test"]), r["subject"], r["replicate"]) for r in rows]
    x, y, subject, time = zip(*pairs, strict=True)
    return np.array(x), np.array(y), np.array(subject), np.array(time)


@pytest.mark.parametrize("data", ["ox", "cardiac", "sbp", "pefr", "bpres"])
def test_replicates_against_cccrm(oracle: Any, data: str) -> None:
    """`cccrm::ccc_vc(long, "y", "ind", "met")` 3.0.5 on `nlme` REML; entries state 1e-4."""
    name = f"ccc_vc_rep.{data}"
    values = oracle.values(name)
    x, y, subject, _ = table(oracle, name)
    result = ccc_replicates(x, y, subject=subject, errors="cccrm")
    compare("concordance, replicates", result["ccc"].value, values["ccc"], rel=1e-8)
    parts = values["variance_components"]
    found = [result[key].value for key in ("var_subjects", "var_method", "var_error")]
    wanted = [parts[key] for key in ("Subjects", "Method", "Error")]
    compare("concordance, replicates: components", found, wanted, rel=1e-6)
    tolerance = ERROR_TOLERANCE.get(data, 1e-4)
    error = result["ccc"].standard_error
    compare(f"concordance, replicates: SE and interval ({data})", error, values["se"], rel=tolerance)
    interval = result["ccc"].interval
    assert interval is not None
    bounds = [interval.lower, interval.upper]
    compare(f"concordance, replicates: SE and interval ({data})", bounds, values["ci"], rel=tolerance)


@pytest.mark.parametrize("data", ["ox", "cardiac", "sbp", "pefr", "bdaw"])
def test_longitudinal_against_cccrm(oracle: Any, data: str) -> None:
    """`cccrm::ccc_vc(long, "y", "ind", "met", "time")` 3.0.5; entries state 1e-4."""
    name = f"ccc_vc_long.{data}"
    values = oracle.values(name)
    x, y, subject, time = table(oracle, name)
    result = ccc_longitudinal(x, y, subject=subject, time=time, errors="cccrm")
    compare("concordance, longitudinal", result["ccc"].value, values["ccc"], rel=1e-6)
    parts = values["variance_components"]
    keys = ("Subjects", "Subjects-Method", "Subjects-Time", "Method", "Error")
    found = [one.value for name, one in result.items() if name != "ccc"]
    # `nlme` stops at a relative change of 1e-6; a small component is then right to 1e-4
    compare("concordance, longitudinal: components", found, [parts[key] for key in keys], rel=1e-4)
    tolerance = ERROR_TOLERANCE.get(data, 1e-4)
    error = result["ccc"].standard_error
    compare(f"concordance, longitudinal: SE and interval ({data})", error, values["se"], rel=tolerance)
    interval = result["ccc"].interval
    assert interval is not None
    bounds = [interval.lower, interval.upper]
    compare(f"concordance, longitudinal: SE and interval ({data})", bounds, values["ci"], rel=tolerance)


@pytest.mark.parametrize("data", ["sbp", "pefr", "bdaw"])
def test_u_statistics_against_cccrm(oracle: Any, data: str) -> None:
    """`cccrm::cccUst(long, "y", "met", "time")` 3.0.5, with its standard error."""
    name = f"cccUst_long.{data}"
    values = oracle.values(name)
    x, y, subject, time = table(oracle, name)
    result = ccc_u_statistics(x, y, subject=subject, time=time, ci="king_z")["ccc"]
    compare("concordance, U-statistics", result.value, values["ccc"])
    assert result.interval is not None
    got = [result.interval.lower, result.interval.upper]
    compare("concordance, U-statistics: interval of cccrm", got, values["ci"])


@pytest.mark.parametrize("data", ["sbp", "pefr", "bdaw"])
def test_our_error_of_the_u_statistics_is_the_jackknife_s(oracle: Any, data: str) -> None:
    """And that of cccrm is smaller: 0.047 against 0.077 for the blood pressures."""
    name = f"cccUst_long.{data}"
    x, y, subject, time = table(oracle, name)
    found = ccc_u_statistics(x, y, subject=subject, time=time)["ccc"]
    n = len(set(subject))
    left_out = []
    for one in sorted(set(subject)):
        keep = subject != one
        left_out.append(
            ccc_u_statistics(x[keep], y[keep], subject=subject[keep], time=time[keep])["ccc"].value
        )
    jackknife = np.sqrt((n - 1) / n * np.square(np.array(left_out) - np.mean(left_out)).sum())
    assert found.standard_error == pytest.approx(jackknife, rel=0.15)  # 17 subjects; the jackknife is larger
    assert oracle.values(name)["se"] < 0.95 * jackknife


def test_rows_as_subjects_is_a_trap_that_we_do_not_fall_into(oracle: Any) -> None:
    """The standard error that ignores subjects is about 0.028 for the blood pressures."""
    x, y, subject, time = table(oracle, "cccUst_long.sbp")
    for result in (
        ccc_replicates(x, y, subject=subject)["ccc"],
        ccc_longitudinal(x, y, subject=subject, time=time)["ccc"],
        ccc_u_statistics(x, y, subject=subject, time=time)["ccc"],
        ccc(x, y, subject=subject)["ccc"],
    ):
        assert result.standard_error > 0.031


def test_balanced_components_are_mean_squares() -> None:
    """One-way and linked analyses of variance in closed form, where no component is negative."""
    rng = np.random.default_rng(14)
    subject = np.repeat(np.arange(15), 4)
    level = rng.normal(0, 5, 15)[subject] + rng.normal(0, 2, 60)
    x = level + rng.normal(0, 1, 60)
    y = level + rng.normal(0, 1, 15)[subject] + 1 + rng.normal(0, 1, 60)
    result = ccc_longitudinal(x, y, subject=subject)
    total, apart = ((x + y) / np.sqrt(2)).reshape(15, 4), ((y - x) / np.sqrt(2)).reshape(15, 4)

    def components(z: np.ndarray) -> tuple[float, float]:
        within = z.var(axis=1, ddof=1).mean()
        return z.mean(axis=1).var(ddof=1) - within / 4, within

    (tau_s, omega_s), (tau_d, omega_d) = components(total), components(apart)
    expected = [(tau_s - tau_d) / 2, tau_d, (omega_s - omega_d) / 2, omega_d]
    names = ("var_subjects", "var_subjects_method", "var_subjects_time", "var_error")
    assert [result[name].value for name in names] == pytest.approx(expected, rel=1e-9)


def test_bootstrap_and_weights_are_repeated_subjects() -> None:
    rng = np.random.default_rng(2)
    subject = np.repeat(np.arange(8), [1, 2, 3, 4, 2, 3, 1, 5])
    level = rng.normal(0, 5, 8)[subject] + rng.normal(0, 1, 21)
    x, y = level + rng.normal(0, 1, 21), level + rng.normal(0.5, 1, 21)
    counts = np.array([1, 0, 2, 1, 3, 0, 1, 1])
    rows = [(i, copy, k) for i in range(8) for copy in range(counts[i]) for k in np.flatnonzero(subject == i)]
    again = np.array([k for _, _, k in rows])
    names = [f"{i}-{copy}" for i, copy, _ in rows]
    for metric in (CCC_REPLICATES, CCC_LONGITUDINAL):
        columns, _ = arrange(x, y, subject)
        prepared = metric.prepare(columns)
        weighted = prepared.at(counts[None, :].astype(float))[0]
        repeated = metric.prepare(arrange(x[again], y[again], names)[0]).estimate()
        np.testing.assert_allclose(weighted, repeated, rtol=1e-7, atol=1e-9)
        ones = np.ones((1, 8))
        np.testing.assert_allclose(prepared.at(3.7 * ones, relative=True)[0], prepared.estimate(), rtol=1e-9)
    result = ccc_replicates(x, y, subject=subject, ci="bootstrap_percentile", replicates=200)["ccc"]
    assert result.interval is not None
    assert result.interval.lower < result.value < result.interval.upper


def test_row_order_labels_and_units_change_nothing() -> None:
    rng = np.random.default_rng(4)
    subject = np.repeat(np.arange(10), 3)
    time = np.tile([1, 2, 3], 10)
    level = rng.normal(100, 8, 10)[subject] + rng.normal(0, 3, 30)
    x, y = level + rng.normal(0, 2, 30), level + rng.normal(1, 2, 30)
    order = rng.permutation(30)
    names = np.array([f"p{31 - one}" for one in subject])
    for function in (ccc_replicates, ccc_longitudinal, ccc_u_statistics):
        more = {} if function is ccc_replicates else {"time": time}
        mixed = {} if function is ccc_replicates else {"time": time[order]}
        once = function(x, y, subject=subject, **more)["ccc"]  # type: ignore[operator]
        again = function(7 * x[order] - 3, 7 * y[order] - 3, subject=names[order], **mixed)  # type: ignore[operator]
        assert again["ccc"].value == pytest.approx(once.value, rel=1e-8)
        assert again["ccc"].standard_error == pytest.approx(once.standard_error, rel=1e-4)


@pytest.mark.parametrize("function", [ccc_replicates, ccc_longitudinal])
@pytest.mark.parametrize(
    ("x", "y", "subject", "words"),
    [
        ([], [], [], "no rows"),
        ([1.0], [2.0], ["a"], "two rows|two subjects"),
        ([1.0, 2.0], [1.0, 2.0], ["a", "a"], "two subjects|not vary"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], ["a", "b", "c"], "not vary|two rows"),
    ],
)
def test_no_value_says_why(function: Any, x: list, y: list, subject: list, words: str) -> None:
    found = function(x, y, subject=subject)["ccc"]
    assert np.isnan(found.value)
    assert re.search(words, found.error or ""), found.error


def test_a_component_at_its_edge_has_a_value_and_no_interval() -> None:
    """Differences that vary more between rows than sums do: subject by time would be negative."""
    x = [10.0, 14.0, 20.0, 24.0, 31.0, 35.0]
    y = [14.0, 10.0, 24.0, 20.0, 35.0, 31.0]
    found = ccc_longitudinal(x, y, subject=list("aabbcc"))
    assert "set to 0" in (found["ccc"].warning or "") or found["ccc"].interval is None
    assert found["ccc"].error is None or "component" in found["ccc"].error


def test_refusals() -> None:
    with pytest.raises(ValueError, match="have several rows"):
        ccc_longitudinal([1.0, 2.0], [1.0, 2.0], subject=["a", "a"], time=[1, 1])
    with pytest.raises(ValueError, match="needs `subject`"):
        ccc_longitudinal([1.0, 2.0], [1.0, 2.0], time=[1, 2])
    with pytest.raises(ValueError, match="1 subjects do not"):
        ccc_u_statistics([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], subject=["a", "a", "b"], time=[1, 2, 1])
    with pytest.raises(ValueError, match="row weights"):
        ccc_replicates([1.0, 2.0], [1.0, 2.0], weights=[1, 2])


def test_hessian_of_a_cubic() -> None:
    found = hessian(lambda v: v[0] ** 2 * v[1], np.array([1.0, 3.0]))
    np.testing.assert_allclose(found, [[6, 2], [2, 0]], atol=1e-6)
