"""Versions compared: the same units, the oracle's numbers, decisions, refusals, and what is left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from statsmodels.stats.multitest import multipletests

import accordance as ac
from accordance.evaluators import compare_versions, smallest_detectable
from accordance.protocols.canonical import canonical
from accordance.protocols.errors import ContractError, UsageError
from accordance.protocols.load import parse
from accordance.reports.comparison.blocks import unsearched
from accordance.reports.comparison.material import gather
from accordance.studies import ledger
from accordance.studies.comparison_folder import deciding_bounds, finished_comparisons

PROTOCOL = """\
schema: accordance/protocol/1
id: versions
version: "1"
title: Versions of a heart rate
intended_use: Heart rate.
objective: To compare versions.
tables:
  subjects:
    key: [subject]
    columns: {subject: {type: text}, skin: {type: category, levels: [light, dark]}}
  reference:
    key: [subject, epoch]
    columns: {subject: {type: text}, epoch: {type: integer}, rate: {type: number, unit: 1/min}}
  test:
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      rate: {type: number, unit: 1/min, missing: allowed}
pairings: {epochs: {on: [subject, epoch]}}
subgroups: {skin: {by: skin}}
resampling: {replicates: 2000}
seed: 11
endpoints:
  mae: {title: Error, role: primary, metric: mae, average: pooled,
        criterion: {compare: upper, operator: "<", limit: 10, unit: 1/min}}
  bias: {title: Bias, role: secondary, metric: bland_altman, parameters: {truth: constant}}
  median: {title: Median error, role: secondary, metric: median_absolute_error, average: pooled}
"""
SECTION = """\
comparison:
  multiplicity: {multiplicity}
  endpoints:
    mae: {{margin: 1.0}}
    bias: {{statistic: bias, margin: 1.0}}
    coverage: {{margin: 0.05, role: secondary}}
"""
STUDY = """\
schema: accordance/study/1
id: versions
title: Versions
protocol: protocol.yaml
sources:
  subjects: {file: data/subjects.csv}
  reference: {file: data/reference.csv}
algorithm:
  name: Wrist
  versions:
"""


def outputs(seed: int = 1, n: int = 24, epochs: int = 8) -> dict[str, pl.DataFrame]:
    """Subjects, reference and the outputs of four versions: v2 better than v1, v3 worse, v4 its bytes."""
    random = np.random.default_rng(seed)
    names = [f"s{i:02}" for i in range(n)]
    subject, epoch = np.repeat(names, epochs), np.tile(np.arange(epochs), n)
    rate = np.repeat(random.uniform(55, 95, n), epochs) + random.normal(0, 4, n * epochs)
    noise = np.repeat(random.normal(0, 1.5, n), epochs) + random.normal(0, 3, n * epochs)
    own = random.normal(0, 0.5, n * epochs)
    keys = {"subject": subject, "epoch": epoch}
    v1 = pl.DataFrame({**keys, "rate": rate + noise})
    return {
        "subjects": pl.DataFrame({"subject": names, "skin": ["light", "dark"] * (n // 2)}),
        "reference": pl.DataFrame({**keys, "rate": rate}),
        "v1": v1,
        "v2": pl.DataFrame({**keys, "rate": rate + 0.6 * noise + own}),
        "v3": pl.DataFrame({**keys, "rate": rate + 2.5 * noise + own}),
        "v4": v1,
    }


def write(
    folder: Path,
    *,
    section: str = SECTION.format(multiplicity="max_t"),
    protocol: str = PROTOCOL,
    tables: Mapping[str, pl.DataFrame] | None = None,
    versions: tuple[str, ...] = ("v1", "v2", "v3", "v4"),
    shuffle: int | None = None,
) -> Path:
    """Write the study; `shuffle` is the seed of another order of all rows."""
    (folder / "data").mkdir(parents=True)
    listed = "".join(f"    {v}: {{sources: {{test: {{file: data/{v}.csv}}}}}}\n" for v in versions)
    (folder / "study.yaml").write_text(STUDY + listed, encoding="utf-8")
    (folder / "protocol.yaml").write_text(protocol + section, encoding="utf-8")
    found: dict[str, Any] = dict(tables or outputs())
    for name, frame in found.items():
        mixed = frame if shuffle is None else frame.sample(fraction=1.0, shuffle=True, seed=shuffle)
        mixed.write_csv(folder / "data" / f"{name}.csv")
    return folder


def test_differences_are_those_of_the_plain_function(tmp_path: Path) -> None:
    tables = outputs()
    found = ac.compare(write(tmp_path / "s", tables=tables), baseline="v1", candidates=["v2", "v3"])
    reference = tables["reference"]["rate"].to_numpy()
    for candidate in ("v2", "v3"):
        for endpoint, metric, statistic in (("mae", "mae", "mae"), ("bias", "bland_altman", "bias")):
            oracle = compare_versions(
                metric,
                reference,
                tables["v1"]["rate"].to_numpy(),
                tables[candidate]["rate"].to_numpy(),
                subject=tables["reference"]["subject"].to_numpy(),
                statistic=statistic,
                margin=1.0,
                parameters={"truth": "constant"} if metric == "bland_altman" else None,
            )
            one = found.of(endpoint, candidate)
            assert one["difference"]["estimate"] == pytest.approx(oracle.difference.value, rel=1e-12)
            assert one["improvement"]["estimate"] == pytest.approx(oracle.improvement, rel=1e-12)
            assert oracle.interval is not None
            assert one["improvement"]["lower"] == pytest.approx(oracle.interval.lower, rel=1e-9)
            assert one["improvement"]["upper"] == pytest.approx(oracle.interval.upper, rel=1e-9)


def test_difference_of_mean_absolute_errors_by_hand(tmp_path: Path) -> None:
    """mean |v2 - reference| - mean |v1 - reference|, and the row of results says the same."""
    tables = outputs()
    found = ac.compare(write(tmp_path / "s", tables=tables), baseline="v1", candidates="v2")
    errors = [float(np.abs(tables[v]["rate"] - tables["reference"]["rate"]).mean()) for v in ("v1", "v2")]
    one = found.of("mae")
    assert (one["baseline_value"], one["candidate_value"]) == pytest.approx(tuple(errors))
    row = found.rows.filter(pl.col("row_id") == one["row_id"]).row(0, named=True)
    assert row["estimate"] == pytest.approx(errors[1] - errors[0])
    assert (row["comparator"], row["version"], row["decision"]) == ("v1", "v2", one["decision"])
    subject = found.subjects.filter(pl.col("endpoint") == "mae")
    assert subject.height == 24
    own = np.abs(tables["v2"]["rate"] - tables["reference"]["rate"]).to_numpy().reshape(24, 8).mean(axis=1)
    assert subject["candidate_value"].to_numpy() == pytest.approx(own)
    assert (subject["improvement"] == subject["baseline"] - subject["candidate_value"]).all()


def test_decisions(tmp_path: Path) -> None:
    found = ac.compare(write(tmp_path / "s"), baseline="v1")
    assert found.candidates == ("v2", "v3", "v4")
    assert found.of("mae", "v2")["decision"] == "superior"
    assert found.of("mae", "v3")["decision"] == "inferior"
    assert found.of("mae", "v3")["worse"] is True
    assert found.decision("v3") == "inferior"
    assert any(reason.startswith("mae: Inferior") for reason in found.decisions["v3"]["reasons"])
    skin = found.of("mae", "v2")["subgroups"]
    assert [one["label"] for one in skin] == ["skin=light", "skin=dark"]
    assert [one["n_subjects"] for one in skin] == [12, 12]


def test_identical_versions_are_said_and_not_judged(tmp_path: Path) -> None:
    found = ac.compare(write(tmp_path / "s"), baseline="v1", candidates=["v4", "v2"])
    assert found.document["identical"] == [["v1", "v4"]]
    one = found.of("mae", "v4")
    assert one["difference"]["estimate"] == 0
    assert one["decision"] == "not_evaluable"
    assert "identical" in one["reason"]
    assert found.decision("v4") == "not_evaluable"
    assert found.of("mae", "v2")["decision"] == "superior"  # nobody else is stopped by it


def test_same_numbers_with_workers_and_shuffled_rows(tmp_path: Path) -> None:
    documents = []
    for name, workers, shuffle in (("a", 1, None), ("b", 2, 5)):
        folder = write(tmp_path / name, shuffle=shuffle)
        document = ac.compare(folder, baseline="v1", workers=workers).document
        documents.append({k: v for k, v in document.items() if k != "run"})
    assert documents[0] == documents[1]


def lacking(tables: dict[str, pl.DataFrame], version: str, places: list[int]) -> dict[str, pl.DataFrame]:
    """The tables with some of a version's rows gone."""
    return {
        **tables,
        version: tables[version].with_row_index().filter(~pl.col("index").is_in(places)).drop("index"),
    }


def test_different_units_are_refused(tmp_path: Path) -> None:
    tables = lacking(outputs(), "v2", [0, 1, 2, 9])
    folder = write(tmp_path / "s", tables=tables)
    with pytest.raises(ContractError) as refused:
        ac.compare(folder, baseline="v1", candidates=["v2", "v3"])
    told = [str(one) for one in refused.value.violations]
    assert len(told) == 2  # mae and bias of v2; coverage is compared on all units, v3 lacks nothing
    assert all("`v2` lacks 4 units that `v1` has" in one and "--overlap" in one for one in told)
    assert all("s00 (3), s01 (1)" in one for one in told)
    assert finished_comparisons(folder) == []
    assert not any((folder / "comparisons").iterdir())


def test_overlap_compares_what_both_have(tmp_path: Path) -> None:
    tables = outputs()
    gone, other = [0, 1, 2, 9], [40]
    folder = write(tmp_path / "s", tables=lacking(lacking(tables, "v2", gone), "v1", other))
    found = ac.compare(folder, baseline="v1", candidates="v2", overlap=True)
    one = found.of("mae")
    assert one["left_out"] == {
        "baseline": 4,
        "candidate": 1,
        "subjects": [["s00", 3], ["s01", 1], ["s05", 1]],
    }
    assert one["n_units"] == 24 * 8 - 5
    keep = np.setdiff1d(np.arange(24 * 8), gone + other)
    errors = [
        np.abs(tables[v]["rate"] - tables["reference"]["rate"]).to_numpy()[keep].mean() for v in ("v1", "v2")
    ]
    assert one["difference"]["estimate"] == pytest.approx(errors[1] - errors[0])
    assert len(found.document["comparability"]["units"]) == 2
    coverage = found.of(
        "coverage"
    )  # a missing output is not a score: it counts against coverage, all units there
    assert coverage["n_units"] == 24 * 8
    assert coverage["difference"]["estimate"] == pytest.approx((24 * 8 - 4 - (24 * 8 - 1)) / (24 * 8))


@pytest.mark.parametrize("method", ["bonferroni", "holm"])
def test_adjusted_p_values_against_statsmodels(tmp_path: Path, method: str) -> None:
    """Without margins, one claim a comparison: Holm (1979) and Bonferroni over all primary pairs."""
    section = f"comparison:\n  multiplicity: {method}\n  endpoints: {{mae: {{}}, bias: {{}}}}\n"
    found = ac.compare(write(tmp_path / "s", section=section), baseline="v1", candidates=["v2", "v3"])
    p = [one["p_superior"] for one in found.comparisons]
    expected = multipletests(p, alpha=0.025, method=method)
    assert [one["adjusted"]["p_superior"] for one in found.comparisons] == pytest.approx(
        expected[1], abs=1e-6
    )
    superior = [one["decision"] == "superior" for one in found.comparisons]
    assert superior == expected[0].tolist()


@pytest.mark.parametrize("method", ["none", "bonferroni", "holm", "max_t"])
def test_bounds_p_values_and_decisions_say_the_same(tmp_path: Path, method: str) -> None:
    folder = write(tmp_path / "s", section=SECTION.format(multiplicity=method))
    found = ac.compare(folder, baseline="v1", candidates=["v2", "v3"])
    for one in found.comparisons:
        lower, upper = deciding_bounds(one)
        p = one["adjusted"] or one
        if one["endpoint"] == "coverage":  # every unit has an output in all versions: nothing varies
            assert (one["decision"], one["adjusted"]) == ("not_evaluable", None)
            continue
        if one["decision"] == "superior":
            assert p["p_superior"] <= 0.025 + 1e-12
            assert lower >= 0
        elif one["decision"] == "non_inferior":
            assert p["p_non_inferior"] <= 0.025 + 1e-12
            assert lower >= one["limit"]
        else:
            assert p["p_non_inferior"] > 0.025 - 1e-12
            assert lower <= one["limit"]
        if one["decision"] == "inferior":
            assert upper <= one["limit"]
        limit = 0.0 if one["decision"] == "superior" else one["limit"]
        assert ("whose bound stops there" in one["words"]) == (limit in (lower, upper))
        row = found.rows.filter(pl.col("row_id") == one["row_id"]).row(0, named=True)
        told = f"{lower:.6g} to {upper:.6g}"  # the row's own interval is not the one that decides
        assert (told in row["method"]) == (one["adjusted"] is not None)
        if one["adjusted"] and method != "holm":
            assert lower <= one["improvement"]["lower"]
            assert upper >= one["improvement"]["upper"]


def test_ratio_scale(tmp_path: Path) -> None:
    section = "comparison:\n  multiplicity: none\n  endpoints: {mae: {scale: ratio, margin: 1.1}}\n"
    found = ac.compare(write(tmp_path / "s", section=section), baseline="v1", candidates="v2")
    one = found.of("mae")
    ratio = one["candidate_value"] / one["baseline_value"]
    assert one["difference"]["estimate"] == pytest.approx(ratio)
    assert one["improvement"]["estimate"] == pytest.approx(-np.log(ratio))
    assert one["improvement"]["lower"] == pytest.approx(-np.log(one["difference"]["upper"]))
    assert one["limit"] == pytest.approx(-np.log(1.1))
    assert one["decision"] == "superior"


def test_what_cannot_be_searched_for_weak_spots_is_a_visible_entry(tmp_path: Path) -> None:
    section = (
        "comparison:\n  multiplicity: none\n  endpoints:\n    mae: {scale: ratio, margin: 1.1}\n"
        "    bias: {margin: 1}\n"
    )
    found = ac.compare(write(tmp_path / "s", section=section), baseline="v1", candidates="v2")
    ratio, difference = found.document["weak_spots"]["searches"]
    assert (ratio["endpoint"], ratio["carried"]) == ("mae", [])
    assert "a ratio" in ratio["error"]
    assert difference["error"] is None
    assert found.folder is not None
    told = "v2 (Mean absolute error)" if found.of("mae")["title"] == "Mean absolute error" else "v2 ("
    assert any(told in note and "a ratio" in note for note in unsearched(gather(found.folder)))


def test_another_level_in_place_of_the_protocols(tmp_path: Path) -> None:
    folder = write(tmp_path / "s")
    usual = ac.compare(folder, baseline="v1", candidates="v2").of("mae")["improvement"]
    narrow = ac.compare(folder, baseline="v1", candidates="v2", level=0.8).of("mae")["improvement"]
    assert usual["lower"] < narrow["lower"] < narrow["upper"] < usual["upper"]


def test_without_a_section_only_superiority_can_be_shown(tmp_path: Path) -> None:
    found = ac.compare(write(tmp_path / "s", section=""), baseline="v1", candidates=["v2", "v3"])
    assert [one["endpoint"] for one in found.comparisons] == ["mae", "mae"]
    assert found.of("mae", "v2")["decision"] == "superior"
    assert found.of("mae", "v3")["decision"] == "inconclusive"
    assert found.of("mae", "v3")["worse"]
    assert "no margin" in found.document["comparability"]["notes"][0]


def test_a_statistic_that_fails_is_an_entry_with_its_error(tmp_path: Path) -> None:
    tables = outputs()
    empty = tables["v2"].with_columns(rate=pl.lit(None, dtype=pl.Float64))
    folder = write(tmp_path / "s", tables={**tables, "v2": empty})
    found = ac.compare(folder, baseline="v1", candidates="v2", overlap=True)
    one = found.of("mae")
    assert (one["decision"], one["n_units"]) == ("not_evaluable", 0)
    assert "no analysable rows" in one["error"]
    assert found.decision("v2") == "not_evaluable"
    assert found.of("coverage")["difference"]["estimate"] == pytest.approx(-1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"baseline": "v1", "candidates": "v1"}, "cannot be a candidate"),
        ({"baseline": "v9", "candidates": "v2"}, "there is no version `v9`"),
        ({"baseline": "v1", "candidates": ["v2", "v03"]}, "there is no version `v03`.*Did you mean `v3`"),
        ({"baseline": "v1", "candidates": "v2", "level": 95}, "between 0.5 and 1"),
    ],
)
def test_what_makes_no_comparison_is_refused(tmp_path: Path, arguments: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ac.compare(write(tmp_path / "s"), **arguments)


def test_where_nothing_decides_there_is_nothing_to_compare(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", section="", protocol=PROTOCOL.replace("role: primary", "role: secondary"))
    with pytest.raises(UsageError, match="nothing to compare"):
        ac.compare(folder, baseline="v1")


def test_more_than_fifty_candidates_are_refused(tmp_path: Path) -> None:
    versions = tuple(f"v{i}" for i in range(52))
    with pytest.raises(UsageError, match="51 candidates are more than 50"):
        ac.compare(write(tmp_path / "s", versions=versions), baseline="v0")


def test_the_folder_is_whole_and_in_the_ledger(tmp_path: Path) -> None:
    folder = write(tmp_path / "s")
    found = ac.compare(folder, baseline="v1", candidates="v2")
    assert found.folder is not None
    assert sorted(place.name for place in found.folder.iterdir()) == [
        "comparison.json", "disagreements.parquet", "log.jsonl", "manifest.json", "results.parquet",
        "subjects.parquet",
    ]  # fmt: skip
    again = ac.Comparison.latest(folder)
    assert again.document == json.loads((found.folder / "comparison.json").read_text())
    (entry,) = [one for one in ledger.read(folder) if one["what"] == "compare"]
    assert entry["details"]["comparison"] == found.run_id
    assert entry["details"]["decisions"] == {"v2": found.decision("v2")}
    manifest = json.loads((found.folder / "manifest.json").read_text())
    assert {one["version"] for one in manifest["inputs"]} == {None, "v1", "v2"}
    assert "mae" in repr(found) or "v2" in repr(found)
    assert "<table>" in found._repr_html_()


def test_protocol_is_as_written_without_the_section() -> None:
    assert "comparison" not in json.loads(canonical(parse(PROTOCOL)))


def test_an_inconclusive_comparison_says_how_many_more_subjects(tmp_path: Path) -> None:
    found = ac.compare(write(tmp_path / "s"), baseline="v1", candidates=["v2", "v3"])
    one = found.of("bias", "v3")
    assert one["decision"] == "inconclusive"
    assert one["further"]["subjects"] is None or one["further"]["subjects"] > 0
    assert "unplanned interim" in one["further"]["words"]
    assert found.of("mae", "v2")["further"] is None
    assert found.of("mae", "v2")["detectable"]["regression"] > 0


@pytest.mark.parametrize("method", ["none", "bonferroni", "holm"])
def test_the_detectable_regression_is_that_of_the_level_that_decides(tmp_path: Path, method: str) -> None:
    """Two endpoints and two candidates are four claims; a bias, of unknown sign, has half of each's error."""
    folder = write(tmp_path / "s", section=SECTION.format(multiplicity=method))
    found = ac.compare(folder, baseline="v1", candidates=["v2", "v3"])
    level = 0.95 if method == "none" else 1 - 0.05 / 4
    for endpoint, own in (("mae", level), ("bias", (1 + level) / 2)):
        one = found.of(endpoint, "v2")
        wanted = smallest_detectable(one["standard_error"], one["n_subjects"] - 1, own)
        assert one["detectable"]["regression"] == pytest.approx(wanted, rel=1e-9)


def test_a_weak_spot_is_found_in_one_half_and_confirmed_in_the_other(tmp_path: Path) -> None:
    """A version that is better in light skin and far worse in dark skin."""
    tables = outputs(n=80)
    dark = np.repeat(tables["subjects"]["skin"].to_numpy() == "dark", 8)
    reference, old = (tables[name]["rate"].to_numpy() for name in ("reference", "v1"))
    new = reference + np.where(dark, 2.0, 0.3) * (old - reference)
    tables["v2"] = tables["v2"].with_columns(rate=pl.Series(new))
    found = ac.compare(write(tmp_path / "s", tables=tables), baseline="v1", candidates=["v2", "v3"])
    searches = found.document["weak_spots"]["searches"]
    assert [(one["endpoint"], one["candidate"]) for one in searches] == [
        ("mae", "v2"), ("mae", "v3"), ("bias", "v2"), ("bias", "v3"),
    ]  # fmt: skip
    (spot,) = [one for one in searches[0]["carried"] if one["confirmed"]]
    assert spot["name"] == "skin=dark"
    assert spot["upper"] < 0
    whole, told = found.of("mae", "v2"), found.decisions["v2"]
    assert told["worse_for"].get("mae", []) == ([] if whole["worse"] else ["skin=dark"])
    assert ("worse for skin=dark (mae)" in told["words"]) == (not whole["worse"])
