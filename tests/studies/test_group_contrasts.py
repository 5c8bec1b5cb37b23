"""Disparity between groups, results by site, and further columns of a metric, through `evaluate`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

import accordance as ac
from accordance.evaluators import (
    bias_slope,
    bland_altman_mixed_by_condition,
    event_rate,
    event_rate_negative_binomial,
    fleiss_kappa,
    gwet_ac_raters,
    subgroup_heterogeneity,
    subgroups,
)
from accordance.evaluators.inversion import SMALLEST
from accordance.protocols import describe
from accordance.protocols.errors import ContractError
from accordance.reports.figures import builders
from accordance.studies.contrasts import compared, kind_of
from accordance.studies.explain import explain
from accordance.studies.results import Results

PROTOCOL = """\
schema: accordance/protocol/1
id: made
version: "1"
title: Oxygen saturation in groups of skin tone
intended_use: Tests.
objective: To see who is measured worse.
tables:
  subjects:
    key: [subject]
    columns:
      subject: {type: text}
      tone: {type: category, levels: [light, medium, dark, darkest], missing: allowed}
      site: {type: text, missing: allowed}
      ita: {type: number, unit: deg, missing: allowed}
  reference:
    key: [subject, window]
    columns: {subject: {type: text}, window: {type: integer}, spo2: {type: number, unit: "%"}}
  test:
    key: [subject, window]
    columns: {subject: {type: text}, window: {type: integer}, spo2: {type: number, unit: "%"}}
pairings: {all: {}}
subgroups: {tone: {by: tone}}
resampling: {replicates: 2000}
seed: 11
"""
ENDPOINT = """\
endpoints:
  bias:
    title: Bias
    role: primary
    metric: mean_difference
    average: pooled
    reference: spo2
    test: spo2
    interval: {method: cluster_t}
    criterion: {compare: both, operator: within, limit: [-3.5, 3.5], unit: "%"}
"""


def disparity(more=""):
    return ENDPOINT + f"    disparity: {{between: tone{more}}}\n"


TONES = ["light"] * 12 + ["medium"] * 10 + ["dark"] * 8 + ["darkest"] * 3 + [None]
SITES = ["A", "B", "C"]


def tables(dark=1.0, seed=4):
    rng = np.random.default_rng(seed)
    names = [f"s{i:02}" for i in range(len(TONES))]
    units = rng.integers(3, 7, len(names))
    subject = np.repeat(names, units)
    row = np.concatenate([np.arange(n) for n in units])
    reference = rng.uniform(70, 100, len(subject)).round(1)
    own = rng.normal(0, 0.6, len(names)) + np.array([dark if tone == "dark" else 0.0 for tone in TONES])
    test = (reference + np.repeat(own, units) + rng.normal(0, 0.8, len(subject))).round(2)
    place = {"subject": subject.tolist(), "window": row.tolist()}
    return (
        {**place, "spo2": reference.tolist()},
        {**place, "spo2": test.tolist()},
        {
            "subject": names,
            "tone": TONES,
            "site": [SITES[i % 3] for i in range(len(names))],
            "ita": [None if i == 5 else round(50 - 3.2 * i, 1) for i in range(len(names))],
        },
    )


def evaluate(endpoints, *, extra="", data=None):
    reference, test, subjects = data or tables()
    return ac.evaluate(reference, test, subjects=subjects, protocol=PROTOCOL + extra + endpoints)


def by_level(found, subgroup="tone"):
    rows = found.rows.filter(found.rows["subgroup"] == subgroup).iter_rows(named=True)
    return {row["level"]: row for row in rows if row["endpoint"] == "bias"}


def differences():
    reference, test, subjects = tables()
    tone = dict(zip(subjects["subject"], subjects["tone"], strict=True))
    found: dict[str, dict[str, list[float]]] = {}
    for name, one, other in zip(reference["subject"], reference["spo2"], test["spo2"], strict=True):
        found.setdefault(str(tone[name]), {}).setdefault(name, []).append(other - one)
    return found


def mean_and_variance(group):
    """Mean over rows, and its linearised variance with subjects as clusters, n / (n - 1)."""
    sums, sizes = (np.array([f(values) for values in group.values()]) for f in (np.sum, len))
    mean = sums.sum() / sizes.sum()
    z = (sums - mean * sizes) / sizes.sum()
    return mean, len(z) / (len(z) - 1) * np.square(z).sum(), len(z)


def test_every_pair_alone_is_welch_of_clustered_means_by_hand():
    rows = by_level(evaluate(disparity(", simultaneous: none")))
    groups = differences()
    for earlier, later in (("light", "medium"), ("light", "dark"), ("medium", "dark")):
        (m1, v1, n1), (m2, v2, n2) = (mean_and_variance(groups[key]) for key in (later, earlier))
        df = (v1 + v2) ** 2 / (v1**2 / (n1 - 1) + v2**2 / (n2 - 1))
        reach = stats.t.ppf(0.975, df) * np.sqrt(v1 + v2)
        row = rows[f"{later} − {earlier}"]
        assert row["estimate"] == pytest.approx(m1 - m2, rel=1e-9)
        assert (row["ci_lower"], row["ci_upper"]) == pytest.approx((m1 - m2 - reach, m1 - m2 + reach))
        assert (row["n_subjects"], row["decision"]) == (n1 + n2, "met")
        assert row["criterion"] == "both within [-3.5, 3.5]"


def test_together_they_are_wider_and_bonferroni_is_widest():
    width = {}
    for method in ("none", "max_t", "bonferroni"):
        row = by_level(evaluate(disparity(f", simultaneous: {method}")))["dark − light"]
        width[method] = row["ci_upper"] - row["ci_lower"]
        assert row["ci_method"] == {"none": "cluster_t"}.get(method, f"bootstrap_{method}")
        assert row["ci_level"] == 0.95
    assert width["none"] < width["max_t"] < width["bonferroni"] * 1.01
    # three pairs: the normal quantile of 0.05 / 6, brought to Welch's degrees of freedom
    groups = differences()
    (_, v1, n1), (_, v2, n2) = (mean_and_variance(groups[key]) for key in ("dark", "light"))
    df = (v1 + v2) ** 2 / (v1**2 / (n1 - 1) + v2**2 / (n2 - 1))
    assert width["bonferroni"] == pytest.approx(2 * stats.t.ppf(1 - 0.05 / 6, df) * np.sqrt(v1 + v2))


def test_small_groups_stay_visible_and_the_largest_is_not_judged():
    found = evaluate(disparity())
    rows = by_level(found)
    small = rows["darkest − light"]
    assert (small["estimate"], small["decision"], small["criterion"]) == (None, "informative", None)
    assert small["error"] == "group darkest has 3 subjects, and groups of fewer than 5 are not compared"
    assert small["n_subjects"] == 15
    largest = rows["largest"]
    assert largest["estimate"] == max(
        abs(row["estimate"]) for level, row in rows.items() if " − " in level and row["estimate"] is not None
    )
    assert (largest["decision"], largest["ci_lower"]) == ("informative", None)
    assert "biased upward" in largest["warning"]
    assert "1 subjects belong to no group" in largest["warning"]
    whole = found.endpoint("bias").filter(found.endpoint("bias")["subgroup"].is_null())
    assert whole["criterion"].to_list() == [None]
    judged = [rows[f"{a} − {b}"] for a, b in (("medium", "light"), ("dark", "light"), ("dark", "medium"))]
    judged.sort(key=lambda row: 3.5 - max(-row["ci_lower"], row["ci_upper"]))
    assert found.document["endpoints"][0]["judged_rows"] == [row["row_id"] for row in judged], (
        "the pair with the least room first: it speaks for the endpoint"
    )


def test_one_pair_beyond_the_margin_is_enough_to_fail():
    assert evaluate(disparity()).decision == "met"
    found = evaluate(disparity(), data=tables(dark=4.0))
    rows = by_level(found)
    assert rows["medium − light"]["decision"] == "met"
    assert rows["dark − light"]["decision"] == "not_met"
    assert found.decision == "not_met"


def test_nothing_to_compare_is_not_evaluable_and_says_why():
    found = evaluate(disparity(", minimum: 40"))
    assert found.decision == "not_evaluable"
    assert any("fewer than 40 are not compared" in reason for reason in found.document["decision_reasons"])


def test_ratios_of_mean_absolute_errors():
    endpoint = """\
endpoints:
  bias:
    title: Error
    role: primary
    metric: mae
    average: pooled
    reference: spo2
    test: spo2
    interval: {method: cluster_t}
    disparity: {between: tone, contrast: ratio, simultaneous: SIM}
    criterion: {compare: upper, operator: "<", limit: 4}
"""
    alone = by_level(evaluate(endpoint.replace("SIM", "none")))
    groups = differences()

    def mae(group):
        return mean_and_variance({key: np.abs(values) for key, values in group.items()})

    (m1, v1, n1), (m2, v2, n2) = mae(groups["dark"]), mae(groups["light"])
    a, b = v1 / m1**2, v2 / m2**2
    df = (a + b) ** 2 / (a**2 / (n1 - 1) + b**2 / (n2 - 1))
    row = alone["dark / light"]
    upper = np.log(m1 / m2) + stats.t.ppf(0.975, df) * np.sqrt(a + b)
    assert row["estimate"] == pytest.approx(m1 / m2, rel=1e-9)
    assert row["ci_upper"] == pytest.approx(np.exp(upper), rel=1e-9)
    assert row["unit"] is None
    together = by_level(evaluate(endpoint.replace("SIM", "max_t")))["dark / light"]
    assert together["ci_upper"] > row["ci_upper"]
    assert together["estimate"] == row["estimate"]


@pytest.mark.parametrize("metric", ["median_absolute_error", "bland_altman"])
def test_other_routes(metric):
    parameters = "parameters: {truth: varying}" if metric == "bland_altman" else "average: pooled"
    limit = "limit: [-9, 9]"
    endpoint = (
        disparity()
        .replace("metric: mean_difference", f"metric: {metric}")
        .replace("average: pooled", parameters)
        .replace("{method: cluster_t}", "{}")
        .replace("limit: [-3.5, 3.5]", limit)
    )
    row = by_level(evaluate(endpoint))["dark − light"]
    assert row["ci_method"] == "bootstrap_max_t" and row["decision"] == "met"


def test_rows_behind_and_words():
    found = evaluate(disparity(), extra="sites: {}\n")
    rows = [row for row in found.rows.iter_rows(named=True) if row["subgroup"] is not None]
    kinds = {row["level"]: kind_of(found.protocol, row) for row in rows}
    assert {kinds[level] for level in ("light", "A", "(missing)")} == {"level"}
    assert [kinds[key] for key in ("dark − light", "largest", "poolability", "without A")] == [
        "pair", "largest", "poolability", "without_site",
    ]  # fmt: skip
    for row in rows:
        behind = found.slice(row["row_id"])
        assert (behind["subject"].n_unique(), behind.height) == (row["n_subjects"], row["n_units"]), row[
            "level"
        ]
        assert explain(found, row["row_id"])["rows"]["analysed_rows"] == row["n_units"]
        builders.build(found, row["row_id"])
    (figure,) = builders.forest(found, "bias")
    labels = [line.label for line in figure.rows]
    assert {"light", "A"} <= set(labels)
    assert not {"dark − light", "largest", "poolability", "without A"} & set(labels)
    assert set(found.slice(by_level(found)["dark − light"]["row_id"])["tone"]) == {"dark", "light"}


FAMILY = "families:\n  f: {endpoints: [bias], procedure: co_primary, alpha: 0.025}\n"
SUPPORTIVE = """\
  error:
    title: Mean absolute error
    role: secondary
    metric: mae
    average: pooled
    reference: spo2
    test: spo2
    interval: {method: bootstrap_bca}
"""
TRICKY = {"light": "light", "medium": "largest", "dark": "dark − light", "darkest": "largest − light"}
TRICKY_SITES = {"A": "A", "B": "poolability", "C": "without A"}


def test_what_a_row_is_does_not_depend_on_what_levels_are_called():
    """Levels with the names of contrasts, sites with the names of tests: every number as with plain names."""
    reference, test, subjects = tables()
    renamed = {
        **subjects,
        "tone": [None if tone is None else TRICKY[tone] for tone in subjects["tone"]],
        "site": [TRICKY_SITES[site] for site in subjects["site"]],
    }
    extra = "sites: {}\n"
    plain = evaluate(disparity(), extra=extra)
    levels = "[light, medium, dark, darkest]"
    found = ac.evaluate(
        reference,
        test,
        subjects=renamed,
        protocol=PROTOCOL.replace(levels, "[light, largest, dark − light, largest − light]")
        + extra
        + disparity(),
    )
    assert found.rows["row_id"].is_unique().all()

    def told(results, subgroup):
        rows = results.rows.filter(pl.col("subgroup") == subgroup)
        return rows.with_columns(
            pl.Series("kind", [kind_of(results.protocol, row) for row in rows.iter_rows(named=True)])
        )

    numbers = ["kind", "estimate", "ci_lower", "ci_upper", "n_units", "criterion", "decision", "p_value"]
    assert told(found, "tone")[numbers].equals(told(plain, "tone")[numbers], null_equal=True)
    assert told(found, "site")[numbers].equals(told(plain, "site")[numbers], null_equal=True)
    for row in found.rows.filter(pl.col("subgroup").is_not_null()).iter_rows(named=True):
        assert found.slice(row["row_id"]).height == row["n_units"], row["level"]
    pairs = [compared(row) for row in found.rows.iter_rows(named=True) if row["contrast"] is not None]
    assert ("dark − light", "light") in pairs and ("largest", "light") in pairs


def test_rows_written_before_there_was_contrast_are_known_by_their_words(tmp_path):
    found = evaluate(disparity(), extra="sites: {}\n")
    path = tmp_path / "results.parquet"
    old = found.rows.drop("contrast").with_columns(pl.lit(2, dtype=pl.Int64).alias("schema_version"))
    old.write_parquet(path)
    (tmp_path / "results.json").write_text(json.dumps(found.document), encoding="utf-8")
    read = Results.open(tmp_path)
    for row, now in zip(read.rows.iter_rows(named=True), found.rows.iter_rows(named=True), strict=True):
        assert kind_of(read.protocol, row) == kind_of(found.protocol, now)


def test_numbers_do_not_depend_on_workers_or_order():
    reference, test, subjects = tables()
    order = np.random.default_rng(2).permutation(len(reference["window"]))
    shuffled = [{key: [values[i] for i in order] for key, values in one.items()} for one in (reference, test)]
    protocol = PROTOCOL + FAMILY + "sites: {}\n" + disparity() + SUPPORTIVE

    def rows(workers, data):
        found = ac.evaluate(*data, subjects=subjects, protocol=protocol, workers=workers)
        return found.rows, {key: value for key, value in found.document.items() if key != "run"}

    first, document = rows(1, (reference, test))
    assert first["ci_method"].str.starts_with("bootstrap").any(), "the weights of the run are in play"
    for workers, data in ((2, (reference, test)), (1, shuffled), (2, shuffled)):
        others, other = rows(workers, data)
        assert first.equals(others, null_equal=True), workers
        assert other == document, workers


def test_sites():
    found = evaluate(ENDPOINT, extra="sites: {}\n")
    rows = by_level(found, "site")
    assert list(rows) == ["A", "B", "C", "poolability", "without A", "without B", "without C"]
    reference, test, subjects = tables()
    site = dict(zip(subjects["subject"], subjects["site"], strict=True))
    labels = [site[name] for name in reference["subject"]]
    groups = subgroups(
        "mean_difference", reference["spo2"], test["spo2"], labels, subject=reference["subject"]
    )
    oracle = subgroup_heterogeneity(groups)
    assert rows["poolability"]["p_value"] == pytest.approx(oracle.p_value, rel=1e-9)
    assert rows["poolability"]["method"].startswith("Heterogeneity across subgroups, Welch")
    assert rows["A"]["estimate"] == pytest.approx(groups.estimates()["A"])
    keep = [i for i, label in enumerate(labels) if label != "B"]
    left = np.array(test["spo2"])[keep] - np.array(reference["spo2"])[keep]
    assert rows["without B"]["estimate"] == pytest.approx(left.mean())
    assert {row["decision"] for row in rows.values()} == {"informative"}
    entries = found.document["sites"]
    assert [entry["site"] for entry in entries] == ["A", "B", "C"]
    assert sum(entry["n_units"] for entry in entries) == len(labels)
    assert [entry["n_subjects"] for entry in entries] == [rows[key]["n_subjects"] for key in "ABC"]


def test_sites_that_differ_are_called_out_and_one_site_has_no_test():
    reference, test, subjects = tables()
    moved = {name for name, site in zip(subjects["subject"], subjects["site"], strict=True) if site == "C"}
    test["spo2"] = [v + 3 * (s in moved) for s, v in zip(test["subject"], test["spo2"], strict=True)]
    row = by_level(evaluate(ENDPOINT, extra="sites: {}\n", data=(reference, test, subjects)), "site")
    assert "is below 0.1: sites may differ" in row["poolability"]["warning"]
    subjects["site"] = ["A", *[None] * (len(TONES) - 1)]
    found = evaluate(ENDPOINT, extra="sites: {leave_one_out: false}\n", data=(reference, test, subjects))
    rows = by_level(found, "site")
    assert rows["poolability"]["error"] == "poolability needs at least two sites with rows"
    assert "33 subjects have no site" in rows["poolability"]["warning"]
    assert list(rows) == ["A", "(missing)", "poolability"]
    assert evaluate(ENDPOINT).document["sites"] is None


SENSITIVITY = """\
endpoints:
  bias:
    title: Sensitivity
    role: primary
    metric: sensitivity
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [AF]
    interval: {method: clopper_pearson}
    criterion: {compare: lower, operator: ">", limit: 0.5}
"""


def classified(sites, units=1):
    """(hits, n, negatives) of each site; each subject with as many units."""
    names, site, truth, call = [], [], [], []
    for place, (hits, n, negatives) in enumerate(sites):
        for number in range(n + negatives):
            names.append(f"{place}-{number:03}")
            site.append("ABCD"[place])
            truth.append("AF" if number < n else "SR")
            call.append("AF" if number < hits else "SR")
    rows = {
        "subject": [name for name in names for _ in range(units)],
        "window": list(range(units)) * len(names),
    }
    kind = "{type: category, levels: [AF, SR]}"
    protocol = PROTOCOL.replace('spo2: {type: number, unit: "%"}', f"rhythm: {kind}")

    def repeated(values):
        return [value for value in values for _ in range(units)]

    return ac.evaluate(
        {**rows, "rhythm": repeated(truth)},
        {**rows, "rhythm": repeated(call)},
        subjects={"subject": names, "site": site, "tone": ["light"] * len(names), "ita": [1.0] * len(names)},
        protocol=protocol + "sites: {}\n" + SENSITIVITY,
    )


def test_poolability_has_a_value_where_a_site_makes_no_errors():
    """Oracle: scipy.stats.fisher_exact. Site C has no case of AF and is named."""
    row = by_level(classified([(20, 20, 5), (14, 20, 5), (0, 0, 6)]), "site")["poolability"]
    assert row["p_value"] == pytest.approx(stats.fisher_exact([[20, 14], [0, 6]]).pvalue, rel=1e-9)
    assert row["method"].startswith("Homogeneity of proportions, Fisher-Freeman-Halton, exact")
    assert "site C has no value and is not in the test: There are no reference positives." in row["warning"]
    assert "sites may differ" in row["warning"]


def test_poolability_of_several_units_a_subject_knows_the_subjects():
    """Units of a subject are all alike here, so three of each say no more than one (Donner 1989)."""
    three = by_level(classified([(20, 20, 0), (14, 20, 0)], units=3), "site")["poolability"]
    assert three["method"].startswith("Homogeneity of proportions, chi-square adjusted for clusters")
    chi = stats.chi2_contingency([[20, 14], [0, 6]], correction=False)
    assert three["p_value"] == pytest.approx(chi.pvalue, rel=1e-9)


def test_a_declared_subgroup_of_the_sites_column_gives_each_row_once():
    extra = "sites: {}\n"
    found = ac.evaluate(
        *tables()[:2],
        subjects=tables()[2],
        protocol=PROTOCOL.replace("{tone: {by: tone}}", "{tone: {by: tone}, site: {by: site}}")
        + extra
        + ENDPOINT,
    )
    assert found.rows["row_id"].is_unique().all()
    with pytest.raises(ContractError, match="a subgroup of the same name is something else"):
        ac.evaluate(
            *tables()[:2],
            subjects=tables()[2],
            protocol=PROTOCOL.replace("{tone: {by: tone}}", "{site: {by: tone}}") + extra + ENDPOINT,
        )


SLOPE = """\
endpoints:
  bias:
    title: Change of the bias along ITA
    role: primary
    metric: bias_slope
    parameters: {contrast: 100}
    columns: {covariate: ita}
    reference: spo2
    test: spo2
    criterion: {compare: both, operator: within, limit: [-4, 4], unit: "%"}
"""


def test_a_covariate_reaches_its_metric_and_rows_without_it_are_counted():
    found = evaluate(SLOPE)
    reference, test, subjects = tables()
    ita = dict(zip(subjects["subject"], subjects["ita"], strict=True))
    keep = [i for i, name in enumerate(reference["subject"]) if ita[name] is not None]
    names = [reference["subject"][i] for i in keep]
    oracle = bias_slope(
        [reference["spo2"][i] for i in keep], [test["spo2"][i] for i in keep],
        covariate=[ita[name] for name in names], contrast=100, subject=names,
    )["slope_contrast"]  # fmt: skip
    rows = found.endpoint("bias").filter(found.endpoint("bias")["subgroup"].is_null())
    row = rows.row(0, named=True)
    assert row["estimate"] == pytest.approx(oracle.value, rel=1e-10)
    assert (row["ci_lower"], row["ci_upper"]) == pytest.approx((oracle.interval.lower, oracle.interval.upper))
    steps = {step["code"]: step for step in found.document["endpoints"][0]["accounting"][0]["steps"]}
    assert steps["missing_further"]["n_subjects"] == 1
    assert steps["analysed"]["n_pairs"] == row["n_units"] == found.slice(row["row_id"]).height
    assert explain(found, row["row_id"])["rows"]["further_columns"] == {"covariate": "ita"}


def parse_conditions(conditions, endpoint):
    return (
        PROTOCOL.replace('spo2: {type: number, unit: "%"}}\n  test', 'spo2: {type: number, unit: "%"}, '
        f"activity: {{type: category, levels: [{conditions}]}}}}\n  test") + endpoint
    )  # fmt: skip


MIXED = """\
endpoints:
  bias:
    title: Bias by activity
    role: primary
    metric: bland_altman_mixed_by_condition
    columns: {condition: reference.activity}
    reference: spo2
    test: spo2
    criteria:
      all_of:
        - {statistic: bias_at_rest, compare: both, operator: within, limit: [-3, 3], unit: "%"}
        - {statistic: bias_walk, compare: both, operator: within, limit: [-3, 3], unit: "%"}
"""


def test_conditions_of_a_mixed_model_can_be_judged_by_name():
    reference, test, subjects = tables()
    activity = ["at rest" if i % 2 else "walk" for i in range(len(reference["spo2"]))]
    found = ac.evaluate(
        {**reference, "activity": activity},
        test,
        subjects=subjects,
        protocol=parse_conditions("at rest, walk, run", MIXED),
    )
    whole = found.endpoint("bias").filter(found.endpoint("bias")["subgroup"].is_null())
    rows = {row["statistic"]: row for row in whole.iter_rows(named=True)}
    oracle = bland_altman_mixed_by_condition(
        reference["spo2"], test["spo2"], subject=reference["subject"], condition=activity, replicates=200
    )
    for name in ("bias", "bias_at_rest", "loa_upper_walk", "sd_within"):
        assert rows[name]["estimate"] == pytest.approx(oracle[name].value, rel=1e-8)
    assert rows["bias_walk"]["ci_upper"] == pytest.approx(oracle["bias_walk"].interval.upper, rel=1e-8)
    assert rows["bias_run"]["error"] == "No rows in condition run."
    assert "the mean is over the other conditions" in rows["bias"]["warning"]
    assert (found.decision, len(found.document["endpoints"][0]["judged_rows"])) == ("met", 2)
    assert explain(found, rows["bias_walk"]["row_id"])["statistic"]["name"].startswith(
        "Bias in condition walk"
    )
    assert "bias at rest" in describe.criterion(found.protocol.endpoints["bias"])
    one = ac.evaluate(
        {**reference, "activity": ["walk"] * len(activity)},
        test,
        subjects=subjects,
        protocol=parse_conditions("at rest, walk, run", MIXED),
    )
    assert one.decision == "not_evaluable"


STAGES = """\
schema: accordance/protocol/1
id: raters
version: "1"
title: Three readers
intended_use: Tests.
objective: To see how readers agree.
tables:
  reference:
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      stage: &stage {type: category, levels: [wake, sleep]}
      third: {type: category, levels: [wake, sleep], missing: allowed}
  test:
    key: [subject, epoch]
    columns: {subject: {type: text}, epoch: {type: integer}, stage: {type: category, levels: [wake, sleep]}}
pairings: {all: {}}
endpoints:
  agreement:
    title: Agreement
    role: secondary
    metric: METRIC
    columns: {raters: [reference.third]}
    reference: stage
    test: stage
seed: 1
""".replace("&stage ", "")


@pytest.mark.parametrize(
    ("metric", "function"), [("fleiss_kappa", fleiss_kappa), ("gwet_ac_raters", gwet_ac_raters)]
)
def test_further_raters(metric, function):
    rng = np.random.default_rng(3)
    words = np.array(["wake", "sleep"])
    first, second, third = (words[rng.integers(0, 2, 40)].tolist() for _ in range(3))
    third[4] = None
    subject = [f"s{i // 4}" for i in range(40)]
    place = {"subject": subject, "epoch": list(range(40))}
    found = ac.evaluate(
        {**place, "stage": first, "third": third},
        {**place, "stage": second},
        protocol=STAGES.replace("METRIC", metric),
    )
    row = found.endpoint("agreement").row(0, named=True)
    ratings = [list(row) for row in zip(first, second, third, strict=True)]
    oracle = function(ratings, levels=["wake", "sleep"], subject=subject)[metric]
    assert row["estimate"] == pytest.approx(oracle.value, rel=1e-10)
    assert row["ci_lower"] == pytest.approx(oracle.interval.lower, rel=1e-8)
    assert row["n_units"] == 40
    with pytest.raises(ContractError, match="a rater needs the reference's levels in the same order"):
        wrong = STAGES.replace("METRIC", metric).replace(
            "third: {type: category, levels: [wake, sleep]", "third: {type: category, levels: [sleep, wake]"
        )
        ac.evaluate({**place, "stage": first, "third": third}, {**place, "stage": second}, protocol=wrong)


RATE = """\
schema: accordance/protocol/1
id: alarms
version: "1"
title: False alarms
intended_use: Tests.
objective: To count false alarms.
tables:
  reference:
    key: [subject, night]
    columns: {subject: {type: text}, night: {type: integer}, worn: {type: number, unit: h}}
  test:
    key: [subject, night]
    columns: {subject: {type: text}, night: {type: integer}, alarms: {type: integer}}
pairings: {all: {}}
endpoints:
  alarms:
    title: False alarms
    role: primary
    metric: event_rate
    parameters: {per: 24}
    reference: worn
    test: alarms
    criterion: {statistic: rate, compare: upper, operator: "<", limit: 12, unit: per 24 h}
seed: 1
"""


def test_event_rates_in_a_protocol():
    rng = np.random.default_rng(3)
    subject = [f"s{i // 5:02}" for i in range(100)]
    worn, alarms = rng.uniform(4, 9, 100).round(1).tolist(), rng.poisson(2, 100).tolist()
    place = {"subject": subject, "night": list(range(100))}
    found = ac.evaluate({**place, "worn": worn}, {**place, "alarms": alarms}, protocol=RATE)
    row = found.endpoint("alarms").row(0, named=True)
    oracle = event_rate(alarms, worn, subject=subject, per=24)["rate"]
    assert row["estimate"] == pytest.approx(oracle.value, rel=1e-10)
    assert row["ci_upper"] == pytest.approx(oracle.interval.upper, rel=1e-9)
    assert (row["unit"], row["n_events"], found.decision) == ("per 24 h", sum(alarms), "met")
    assert explain(found, row["row_id"])["statistic"]["direction"] is None
    worn[0], alarms[0] = 0.0, 3
    broken = ac.evaluate({**place, "worn": worn}, {**place, "alarms": alarms}, protocol=RATE)
    assert broken.decision == "not_evaluable"
    assert "0 beside events in no time" in broken.endpoint("alarms").row(0, named=True)["error"]


def test_a_rate_by_the_negative_binomial_model_in_a_protocol():
    rng = np.random.default_rng(3)
    subject = [f"s{i // 5:02}" for i in range(100)]
    own = np.repeat(rng.gamma(1, 2, 20), 5)
    worn, alarms = rng.uniform(4, 9, 100).round(1).tolist(), rng.poisson(own).tolist()
    place = {"subject": subject, "night": list(range(100))}
    protocol = RATE.replace("metric: event_rate", "metric: event_rate_negative_binomial")
    found = ac.evaluate({**place, "worn": worn}, {**place, "alarms": alarms}, protocol=protocol)
    row = found.endpoint("alarms").row(0, named=True)
    oracle = event_rate_negative_binomial(alarms, worn, subject=subject, per=24)["rate"]
    assert (row["estimate"], row["ci_upper"]) == pytest.approx(
        (oracle.value, oracle.interval.upper), rel=1e-9
    )
    assert (row["unit"], row["n_events"], row["ci_method"]) == ("per 24 h", sum(alarms), "nb_wald")


@pytest.mark.parametrize("start", ["endpoints:\n  slope", "endpoints:\n  bias", "sites:"])
def test_the_examples_of_the_guide_fit_the_language(start):
    page = (Path(__file__).parents[2] / "docs" / "guide" / "protocol.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (example,) = [block for block in blocks if block.startswith(start)]
    endpoints = example if example.startswith("endpoints") else example + ENDPOINT
    assert evaluate(endpoints).decision in {"met", "not_met", "not_evaluable"}


def p_of_pairs(limit, pairs=(("light", "medium"), ("light", "dark"), ("medium", "dark"))):
    """Two one-sided Welch tests of clustered means a pair, by hand; the larger p of each."""
    groups, found = differences(), []
    for earlier, later in pairs:
        (m1, v1, n1), (m2, v2, n2) = (mean_and_variance(groups[key]) for key in (later, earlier))
        df, se = (v1 + v2) ** 2 / (v1**2 / (n1 - 1) + v2**2 / (n2 - 1)), np.sqrt(v1 + v2)
        d = m1 - m2
        found.append(max(stats.t.sf((d + limit) / se, df), stats.t.sf((limit - d) / se, df)))
    return found


@pytest.mark.parametrize("limit", [3.5, 1.7, 0.4])
def test_the_p_value_of_a_disparity_is_the_largest_over_its_pairs(limit):
    """Intersection-union: all pairs lie inside at the largest of their p values (Berger 1982)."""
    endpoint = disparity(", simultaneous: none").replace("3.5", str(limit))
    found = evaluate(endpoint, extra=FAMILY)
    own = [max(p, SMALLEST) for p in p_of_pairs(limit)]
    rows = [row for row in by_level(found).values() if row["criterion"] is not None]
    assert [row["p_value"] for row in rows] == pytest.approx(own, rel=1e-6)
    (one,) = found.document["families"][0]["hypotheses"]
    assert one["p"] == pytest.approx(max(own), rel=1e-6)
    assert one["reason"] is None and one["rejected"] == (max(own) < 0.025)


@pytest.mark.parametrize("limit", [3.5, 1.7, 2.0, 2.2, 2.5, 0.4])
@pytest.mark.parametrize("how", ["max_t", "bonferroni"])
def test_p_values_of_pairs_that_hold_together_agree_with_their_intervals(how, limit):
    found = evaluate(disparity(f", simultaneous: {how}").replace("3.5", str(limit)), extra=FAMILY)
    rows = [row for row in by_level(found).values() if row["criterion"] is not None]
    for row in rows:
        assert (row["p_value"] < 0.025) == (row["decision"] == "met"), row["level"]
    (one,) = found.document["families"][0]["hypotheses"]
    assert one["p"] == max(row["p_value"] for row in rows)
    if how == "bonferroni":
        expected = [min(1.0, 3 * p) for p in p_of_pairs(limit)]
        small = [place for place, p in enumerate(expected) if p < 0.5]
        assert [rows[place]["p_value"] for place in small] == pytest.approx(
            [expected[place] for place in small], rel=1e-6
        )


def test_a_disparity_that_compares_no_groups_has_no_p_value_and_says_why():
    found = evaluate(disparity(", minimum: 20"), extra=FAMILY)
    (one,) = found.document["families"][0]["hypotheses"]
    assert one["p"] is None and "groups of fewer than 20 are not compared" in one["reason"]
    assert found.document["families"][0]["decision"] == "not_evaluable"


def test_the_p_value_of_a_ratio_is_on_the_logarithmic_scale():
    endpoint = disparity(", simultaneous: none, contrast: ratio").replace("mean_difference", "mae")
    endpoint = endpoint.replace("[-3.5, 3.5]", "[0.2, 5]").replace(', unit: "%"', "")
    found = evaluate(endpoint, extra=FAMILY)
    rows = [row for row in by_level(found).values() if row["criterion"] is not None]
    assert rows and all((row["p_value"] < 0.025) == (row["decision"] == "met") for row in rows)
    assert all(0 < row["p_value"] < 1 for row in rows)
