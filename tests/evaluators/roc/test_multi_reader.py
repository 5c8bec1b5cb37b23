"""Multi-reader multi-case areas against R (MRMCaov 0.3.0), as printed: 7 to 10 digits.

diagnostic/oracle.json, `mrmc_vandyke_obuchowski_rockette`: `mrmc(empirical_auc(truth, rating), reader,
treatment, case, data = VanDyke, cov = jackknife)`, readers and cases random. Its comparison is 1 - 2.
"""

from __future__ import annotations

import csv
import math
import re

import numpy as np
import pytest
from diagnostic import cases
from oracle import compare

from accordance.evaluators import CannotComputeError, auc, compare_auc, multi_reader_auc

NUMBER = r"-?\d+\.?\d*(?:e-?\d+)?"


@pytest.fixture(scope="module")
def printed(reference_data):
    return cases(reference_data)["mrmc_vandyke_obuchowski_rockette"]["outputs"]["text"]


@pytest.fixture(scope="module")
def vandyke(reference_data):
    with (reference_data / "diagnostic" / "data" / "mrmc_VanDyke.csv").open() as file:
        return list(csv.DictReader(file))


def analysed(rows, **options):
    return multi_reader_auc(
        [int(row["truth"]) for row in rows],
        [float(row["rating"]) for row in rows],
        version=[row["treatment"] for row in rows],
        reader=[row["reader"] for row in rows],
        case=[row["case"] for row in rows],
        **options,
    )


def line_of(printed, start):
    """Numbers of the first line that begins so, and how many digits each is printed with."""
    text = next(line for line in printed if line.startswith(start))[len(start) :]
    return [(float(word), word) for word in re.findall(NUMBER, text)]


def as_printed(method, found, expected):
    """Equal to half a unit of the last printed digit."""
    assert len(found) == len(expected)
    for value, (wanted, word) in zip(found, expected, strict=True):
        mantissa, _, exponent = word.partition("e")
        last = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
        compare(method, value, wanted, rel=0, abs=0.5000001 * last)


def test_variance_components(printed, vandyke):
    result = analysed(vandyke, covariance="jackknife")
    parts, line = result.components, "Obuchowski-Rockette, variance components (printed)"
    as_printed(line, [parts["reader"]], line_of(printed, "reader "))
    as_printed(line, [parts["version:reader"]], line_of(printed, "treatment:reader "))
    as_printed(line, [parts["error"]], line_of(printed, "Error "))
    for name in ("cov1", "cov2", "cov3"):
        found = [parts[name], parts[name] / parts["error"]]
        as_printed(line, found, line_of(printed, f"{name.capitalize()} "))


def test_global_test(printed, vandyke):
    result = analysed(vandyke, covariance="jackknife")
    squares, parts = result.mean_squares, result.components
    denominator = squares["version:reader"] + 5 * (parts["cov2"] - parts["cov3"])
    at = next(i for i, line in enumerate(printed) if "MS(T:R)" in line)
    values = [(float(word), word) for word in re.findall(NUMBER, printed[at + 1])][1:]
    found = [squares["version"], squares["version:reader"], parts["cov2"], parts["cov3"], denominator,
             result.statistic, result.df[0]]  # fmt: skip
    as_printed("Obuchowski-Rockette, F test (printed)", found, values)
    at = next(i for i, line in enumerate(printed) if line.strip().startswith("df2"))
    values = [(float(word), word) for word in re.findall(NUMBER, printed[at + 1])][1:]
    as_printed("Obuchowski-Rockette, F test (printed)", [result.df[1], result.p_value], values)


def test_differences_and_means(printed, vandyke):
    result = analysed(vandyke, covariance="jackknife")
    difference, line = result.differences["2", "1"], "Obuchowski-Rockette, intervals (printed)"
    interval = difference.interval
    found = [-difference.value, difference.standard_error, difference.df, -interval.upper, -interval.lower]
    as_printed(line, found, line_of(printed, "1      1 - 2"))
    t_value = -difference.value / difference.standard_error
    last = next(row for row in printed if row.startswith("1 -2.1"))
    values = [(float(word), word) for word in re.findall(NUMBER, last)][1:]
    as_printed(line, [t_value, difference.p_value], values)
    at = next(i for i, row in enumerate(printed) if "MS(R)" in row)
    for i, name in enumerate(("1", "2")):
        values = [(float(word), word) for word in re.findall(NUMBER, printed[at + 1 + i])][1:]
        mean, own = result.means[name], result.areas[i]
        spread = float(np.var(own, ddof=1))
        shared = (mean.standard_error**2 * 5 - spread) / 5
        found = [mean.value, spread, shared, mean.standard_error, mean.df, mean.interval.lower,
                 mean.interval.upper]  # fmt: skip
        as_printed(line, found, values)
    assert (result.n_cases, result.n_events, result.n_subjects) == (114, 45, 114)


def test_delong_covariances_are_those_of_the_paired_comparison(vandyke):
    """`compare_auc` meets pROC's covariances; here they are averaged over pairs of readers and versions."""
    result = analysed(vandyke)
    scores = {
        (version, reader): np.array(
            [float(r["rating"]) for r in vandyke if (r["treatment"], r["reader"]) == (version, reader)]
        )
        for version in "12"
        for reader in "12345"
    }
    truth = [int(r["truth"]) for r in vandyke if (r["treatment"], r["reader"]) == ("1", "1")]
    pairs = {"cov1": [], "cov2": [], "cov3": []}
    variances = []
    for (v1, r1), one in scores.items():
        variances.append(auc(truth, one)["auc"].standard_error ** 2)
        for (v2, r2), other in scores.items():
            if (v1, r1) < (v2, r2):
                kind = "cov1" if r1 == r2 else "cov2" if v1 == v2 else "cov3"
                pairs[kind].append(compare_auc(truth, one, other).covariance)
    for name, found in pairs.items():
        assert result.components[name] == pytest.approx(np.mean(found), rel=1e-10)
    assert result.components["error"] == pytest.approx(np.mean(variances), rel=1e-10)
    jackknife = analysed(vandyke, covariance="jackknife")
    for name in ("error", "cov1", "cov2", "cov3"):
        assert jackknife.components[name] == pytest.approx(result.components[name], rel=0.02)


def test_order_names_and_direction(vandyke):
    first = analysed(vandyke)
    shuffled = [vandyke[i] for i in np.random.default_rng(0).permutation(len(vandyke))]
    assert str(analysed(shuffled)) == str(first)
    turned = [{**row, "rating": -float(row["rating"])} for row in vandyke]
    np.testing.assert_allclose(analysed(turned, direction="lower").areas, first.areas, atol=1e-12)
    assert "2 - 1: " in str(first)
    lower = analysed(vandyke, sides="lower").differences["2", "1"].interval
    assert lower.upper == 1.0
    assert lower.lower == pytest.approx(analysed(vandyke, level=0.9).differences["2", "1"].interval.lower)


def test_cases_of_a_subject_are_a_cluster(vandyke):
    """Every case twice, the second one of the same subject: as if it were there once."""
    once = analysed(vandyke)
    twice = vandyke + [{**row, "case": f"{row['case']} again"} for row in vandyke]
    knowing = analysed(twice, subject=[row["case"].removesuffix(" again") for row in twice])
    assert knowing.n_subjects == 114
    assert knowing.n_cases == 228
    for name, value in once.components.items():
        assert knowing.components[name] == pytest.approx(value, rel=1e-9)
    naive = analysed(twice)
    assert naive.components["error"] < 0.6 * once.components["error"]


def design(**changes):
    rows = [
        {
            "treatment": v,
            "reader": r,
            "case": c,
            "truth": int(c > "c"),
            "rating": ord(c) % 5 + (v == "2") * (c == "d"),
        }
        for v in "12"
        for r in "xy"
        for c in "abcdef"
    ]
    return [{**row, **changes} for row in rows]


def test_readers_who_agree_exactly():
    """No spread between readers, and none that they do not share: the normal distribution remains."""
    result = analysed(design())
    assert result.mean_squares["version:reader"] == 0.0
    assert not math.isnan(result.differences["2", "1"].value)
    perfect = analysed([{**row, "rating": row["truth"]} for row in design()])
    difference = perfect.differences["2", "1"]
    assert difference.interval.degenerate
    assert math.isnan(difference.p_value)
    assert math.isnan(perfect.statistic)
    assert perfect.means["1"].interval.degenerate


def test_refusals():
    rows = design()
    with pytest.raises(
        ValueError, match=r"1 of 24 combinations differ, first version 1, reader x, case a: 0"
    ):
        analysed(rows[1:])
    with pytest.raises(ValueError, match="case a: 2 ratings"):
        analysed([*rows, rows[0]])
    with pytest.raises(ValueError, match="`reference` differs between rows of one case"):
        analysed([{**rows[0], "truth": 1}, *rows[1:]])
    with pytest.raises(ValueError, match="`subject` differs"):
        analysed(rows, subject=range(24))
    with pytest.raises(CannotComputeError, match="1 readers; two are needed"):
        analysed([row for row in rows if row["reader"] == "x"])
    with pytest.raises(CannotComputeError, match="1 versions"):
        analysed([row for row in rows if row["treatment"] == "1"])
    with pytest.raises(CannotComputeError, match="no reference positives"):
        analysed(design(truth=0))
    with pytest.raises(CannotComputeError, match="at least two subjects each"):
        analysed([row for row in rows if row["case"] in "abd"])
    with pytest.raises(ValueError, match="delong, jackknife"):
        analysed(rows, covariance="bootstrap")
