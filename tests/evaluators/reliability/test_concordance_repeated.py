"""Concordance of repeated pairs against R. Values from agreement/oracle.json; entries name the calls."""

from __future__ import annotations

import csv
import re
from typing import Any

import numpy as np
import pytest
from oracle import compare
from scipy import stats

from accordance.evaluators import ccc, ccc_longitudinal, ccc_replicates, ccc_u_statistics
from accordance.evaluators.functions import arrange
from accordance.evaluators.reliability.concordance_components import own_differences_p
from accordance.evaluators.reliability.concordance_repeated import (
    CCC_LONGITUDINAL,
    CCC_REPLICATES,
    ComponentsPrepared,
    paired_at_times,
)
from accordance.evaluators.reliability.concordance_u import CCC_U_STATISTICS
from accordance.evaluators.reliability.one_way_reml import deviance, hessian

Table = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

REPLICATES_TOLERANCE = {"ox": 1e-5, "cardiac": 2e-3, "sbp": 1e-5, "pefr": 3e-6, "bpres": 5e-5}
LONGITUDINAL_TOLERANCE = {"ox": 2e-5, "cardiac": 2e-2, "sbp": 5e-5, "pefr": 2e-4, "bdaw": 1e-3}
"""How closely cccrm's standard errors can be met: it takes the information from `nlme`, which differentiates
twice by differences, with steps of 6e-6 times the logarithm of a standard deviation. The likelihood's own
rounding, over the square of such a step, is what differs; it is largest where a logarithm is near 0 (cardiac:
0.11 to 0.19). Our information is exact, which `test_errors_against_dense_matrices` shows to 1e-7."""


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
    tolerance = REPLICATES_TOLERANCE[data]
    value, error = result["ccc"].value, result["ccc"].standard_error
    scale = 1 - value**2
    got, expected = [error, error / scale], [values["se"], values["se_z"]]
    compare(f"concordance, replicates: SE and interval ({data})", got, expected, rel=tolerance)
    compare("concordance, replicates", np.arctanh(value), values["z"], rel=1e-6)
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
    tolerance = LONGITUDINAL_TOLERANCE[data]
    value, error = result["ccc"].value, result["ccc"].standard_error
    scale = 1 - value**2
    got, expected = [error, error / scale], [values["se"], values["se_z"]]
    compare(f"concordance, longitudinal: SE and interval ({data})", got, expected, rel=tolerance)
    compare("concordance, longitudinal", np.arctanh(value), values["z"], rel=1e-6)
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
    columns, _, _, _ = paired_at_times(x, y, subject, time)
    error = CCC_U_STATISTICS.prepare(columns).cccrm_error()
    by_key = {"se": error, "z": np.arctanh(result.value), "se_z": error / (1 - result.value**2)}
    for key in by_key.keys() & values.keys():
        compare("concordance, U-statistics: error of cccrm", by_key[key], values[key])


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


def prepared_at_times(
    x: Any, y: Any, subject: Any, time: Any, errors: str, linked: bool
) -> ComponentsPrepared:
    metric = CCC_LONGITUDINAL if linked else CCC_REPLICATES
    columns, _, occasion, times = paired_at_times(x, y, subject, time)
    if not linked:
        occasion, times = np.zeros_like(occasion), 1
    return metric.at_occasions(columns, occasion, times, errors)  # type: ignore[arg-type]


class Dense:
    """The model as one normal distribution of all values: textbook matrices, no sums or differences.

    V = sum of components times V_i = Z Z', P = V^-1 - V^-1 X (X'V^-1 X)^-1 X'V^-1, and the observed
    information of the restricted likelihood, y'P V_i P V_j P y - trace(P V_i P V_j) / 2 (Searle, Casella &
    McCulloch 1992, section 6.6).
    """

    def __init__(self, x: Any, y: Any, subject: Any, time: Any, *, linked: bool) -> None:
        n = len(x)
        self.y = np.concatenate([x, y])
        who = np.unique(subject, return_inverse=True)[1]
        when = np.unique(time, return_inverse=True)[1] if linked else np.zeros(n, dtype=int)
        method = np.repeat([0, 1], n)
        self.times, self.lift = int(when.max()) + 1, 0.0
        self.X = self._indicator(method * self.times + np.tile(when, 2))
        labels = [np.tile(who, 2)]
        if linked:
            labels += [method * n + np.tile(who, 2), np.tile(np.arange(n), 2)]
        self.parts = [one @ one.T for one in map(self._indicator, labels)] + [np.eye(2 * n)]

    @staticmethod
    def _indicator(label: Any) -> np.ndarray:
        return (label[:, None] == np.unique(label)).astype(float)

    def fixed(self, components: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Differences between methods, their variance, and P."""
        inverse = np.linalg.inv(sum(v * part for v, part in zip(components, self.parts, strict=True)))
        variance = np.linalg.inv(self.X.T @ inverse @ self.X)
        contrast = np.hstack([-np.eye(self.times), np.eye(self.times)])
        effects = variance @ self.X.T @ inverse @ self.y
        p = inverse - inverse @ self.X @ variance @ self.X.T @ inverse
        return contrast @ effects, contrast @ variance @ contrast.T, p

    def information(self, components: np.ndarray) -> np.ndarray:
        _, _, p = self.fixed(components)
        py = p @ self.y
        return np.array(
            [[py @ a @ p @ b @ py - np.trace(p @ a @ p @ b) / 2 for b in self.parts] for a in self.parts]
        )

    def score(self, components: np.ndarray) -> np.ndarray:
        _, _, p = self.fixed(components)
        return np.array([(self.y @ p @ a @ p @ self.y - np.trace(p @ a)) / 2 for a in self.parts])

    def ccc(self, components: np.ndarray, squares: float) -> float:
        """From components and squared differences; a method component below 0 is moved up to 0."""
        _, variance, _ = self.fixed(components)
        method = (squares - np.trace(variance)) / (2 * self.times) + self.lift
        shared = components[0] + (components[2] if len(components) == 4 else 0)
        return float(shared / (components.sum() + method))

    def error(self, components: np.ndarray) -> float:
        """Delta method: components and squared differences, which are independent of each other."""
        difference, variance, _ = self.fixed(components)
        squares = float(difference @ difference)
        self.lift = max((np.trace(variance) - squares) / (2 * self.times), 0.0)
        slope = np.empty(len(components))
        for i in range(len(components)):
            step = np.zeros(len(components))
            step[i] = 1e-4 * components[i]
            slope[i] = (self.ccc(components + step, squares) - self.ccc(components - step, squares)) / (
                2 * step[i]
            )
        by_squares = (self.ccc(components, squares * 1.0001) - self.ccc(components, squares * 0.9999)) / (
            2e-4 * squares
        )
        of_squares = 2 * np.trace(variance @ variance) + 4 * difference @ variance @ difference
        spread = np.linalg.inv(self.information(components))
        return float(np.sqrt(slope @ spread @ slope + by_squares**2 * of_squares))


@pytest.mark.parametrize(
    ("name", "linked"),
    [
        ("ccc_vc_rep.cardiac", False),
        ("ccc_vc_rep.pefr", False),
        ("ccc_vc_long.cardiac", True),
        ("ccc_vc_long.pefr", True),
    ],
)
def test_errors_against_dense_matrices(oracle: Any, name: str, linked: bool) -> None:
    """The likelihood is largest where we say, and the standard error exact, of unbalanced data too."""
    x, y, subject, time = table(oracle, name)
    dense = Dense(x, y, subject, time, linked=linked)
    prepared = prepared_at_times(x, y, subject, time, "delta", linked)
    found = prepared.fit(np.ones(prepared.n_subjects)).values
    components = found[[0, 1, 2, 4]] if linked else found[[0, 4]]
    assert np.abs(dense.score(components) * components).max() < 1e-7  # in units of the log-likelihood
    compare("concordance, components: SE", prepared.standard_error("ccc"), dense.error(components), rel=1e-7)


def test_components_at_their_edge_have_the_largest_likelihood() -> None:
    """Where sums and differences apart would make one negative, the others are fitted again with it at 0.

    60 sets of data without a component: no small step inside the model finds a larger restricted likelihood.
    Setting the one to 0 and leaving the others would put the coefficient off by 0.02.
    """
    rng = np.random.default_rng(7)
    subject = np.repeat(np.arange(12), [1, 2, 3, 4, 2, 3, 1, 5, 2, 2, 3, 4])
    rows, edges = len(subject), 0
    for one in range(60):
        spread = [(3.0, 0.7, 0.0), (0.0, 0.7, 1.0), (3.0, 0.0, 0.0)][one % 3]
        level = rng.normal(0, spread[0], 12)[subject] + rng.normal(0, spread[2], rows)
        own = rng.normal(0, spread[1], (2, 12))[:, subject]
        x, y = level + own + rng.normal(0, 1, (2, rows))
        prepared = CCC_LONGITUDINAL.prepare(arrange(x, y, subject)[0])
        weights = rng.integers(0, 3, 12).astype(float) if one % 2 else np.ones(12)
        found = prepared.fit(weights).values[[0, 1, 2, 4]]
        edges += bool(np.any(found == 0))

        def minus_twice_log_likelihood(v: np.ndarray, of: Any = prepared, w: np.ndarray = weights) -> float:
            a, ab, both, e = v
            return float(deviance(of.total, w, 2 * a + ab, 2 * both + e) + deviance(of.apart, w, ab, e))

        best = minus_twice_log_likelihood(found)
        for _ in range(40):
            other = np.maximum(found + 10 ** rng.uniform(-4, -1) * rng.normal(size=4), 0)
            if other[3] > 0:
                assert minus_twice_log_likelihood(other) > best - 1e-9
    assert edges > 25


def test_every_component_set_to_0_is_named() -> None:
    """Not the differences of sums only: the between-subject variance of replicates, too."""
    x, y = [10.0, 14.0, 10.2, 13.9, 9.9, 14.1], [14.0, 10.0, 13.8, 10.1, 14.2, 9.7]
    found = ccc_replicates(x, y, subject=list("aabbcc"))
    assert found["ccc"].value == 0
    for name in ("ccc", "var_subjects", "var_error"):
        assert found[name].warning == "Estimated below 0 and set to 0: var_subjects."
    assert found["var_method"].warning == "Estimated below 0 and set to 0: var_subjects, var_method."
    linked = ccc_longitudinal(x, y, subject=list("aabbcc"))
    assert "var_subjects_time" in (linked["ccc"].warning or "")


def test_offsets_of_the_subjects_are_warned_of() -> None:
    """Replicates leave out that subjects differ so and overstate the agreement; F is `scipy.stats`'s."""
    rng = np.random.default_rng(6)
    subject = np.repeat(np.arange(20), 4)
    level, noise = rng.normal(0, 3, 20)[subject], rng.normal(0, 1, (2, 80))
    offset = rng.normal(0, 1.2, (2, 20))[:, subject]
    alike, apart = level + noise, level + noise + offset
    words = "varies from subject to subject"
    assert words not in (ccc_replicates(*alike, subject=subject)["ccc"].warning or "")
    assert words in (ccc_replicates(*apart, subject=subject)["ccc"].warning or "")
    linked = ccc_longitudinal(*apart, subject=subject)["ccc"]
    assert words not in (linked.warning or "")
    assert linked.value < ccc_replicates(*apart, subject=subject)["ccc"].value - 0.01
    for x, y in (alike, apart):
        prepared = CCC_REPLICATES.prepare(arrange(x, y, subject)[0])
        groups = [(y - x)[subject == one] for one in range(20)]
        assert own_differences_p(prepared.apart) == pytest.approx(stats.f_oneway(*groups).pvalue, rel=1e-9)


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
    x = [10.0, 14.0, 20.0, 24.0, 31.0, 35.5]
    y = [14.0, 10.3, 24.0, 20.2, 35.0, 31.0]
    found = ccc_longitudinal(x, y, subject=list("aabbcc"))
    assert "var_subjects_time" in (found["ccc"].warning or "")
    assert found["ccc"].interval is None
    assert "component is 0" in (found["ccc"].error or "")


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
