"""Versions against each other: the plain functions' numbers, the units that differ, nothing read twice."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import cohen_kappa_score, confusion_matrix

import accordance as ac
from accordance.datasets.store import Store
from accordance.evaluators import bland_altman, cohen_kappa, error_shift, registry
from accordance.evaluators.comparison.error_shift import error_quantiles, shift_of
from accordance.evaluators.metric import Columns
from accordance.evaluators.weights import ResamplingWeights
from accordance.protocols.load import parse
from accordance.studies import disagreeing
from accordance.studies.between_kept import KeptBetween
from accordance.studies.between_versions import Found, values
from accordance.studies.disagreeing import DISAGREEMENT_COLUMNS, MOST_UNITS

from .test_comparing import PROTOCOL, SECTION, outputs, write

RHYTHM = """\
schema: accordance/protocol/1
id: rhythm
version: "1"
title: Rhythm
intended_use: Rhythm.
objective: To compare versions.
tables:
  subjects:
    key: [subject]
    columns: {subject: {type: text}, skin: {type: category, levels: [light, dark]}}
  reference:
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      rate: {type: category, levels: [sinus, af, other]}
  test:
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      rate: {type: category, levels: [sinus, af, other], missing: allowed}
pairings: {epochs: {on: [subject, epoch]}}
resampling: {replicates: 1000}
seed: 11
endpoints:
  sensitivity: {title: Sensitivity, role: secondary, metric: sensitivity, average: pooled, positive: [af]}
  specificity: {title: Specificity, role: secondary, metric: specificity, average: pooled, positive: [af]}
  kappa: {title: Kappa, role: primary, metric: cohen_kappa, average: pooled,
          criterion: {compare: point, operator: ">=", limit: 0.1}}
comparison:
  endpoints:
    sensitivity: {margin: 0.1, role: secondary}
    specificity: {margin: 0.1, role: secondary}
    kappa: {margin: 0.1}
    coverage: {margin: 0.1, role: secondary}
"""
LEVELS = ["sinus", "af", "other"]


def rhythms(seed: int = 3) -> dict[str, pl.DataFrame]:
    """The same units as categories; v2 errs more, v4 has the bytes of v1."""
    tables, random = outputs(), np.random.default_rng(seed)
    keys = tables["reference"].select("subject", "epoch")
    truth = random.choice(3, keys.height, p=[0.5, 0.35, 0.15])

    def mixed(share: float) -> pl.DataFrame:
        other = np.where(random.random(len(truth)) < share, random.choice(3, len(truth)), truth)
        return keys.with_columns(rate=pl.Series(np.array(LEVELS)[other].tolist()))

    v1, v2 = mixed(0.15), mixed(0.35)
    reference = keys.with_columns(rate=pl.Series(np.array(LEVELS)[truth].tolist()))
    return {"subjects": tables["subjects"], "reference": reference, "v1": v1, "v2": v2, "v3": v2, "v4": v1}


def of(found: ac.Comparison, candidate: str = "v2", endpoint: str = "mae") -> dict[str, Any]:
    (one,) = [
        one for one in found.between_versions if (one["candidate"], one["endpoint"]) == (candidate, endpoint)
    ]
    return one


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> tuple[ac.Comparison, dict[str, pl.DataFrame]]:
    tables = outputs()
    rounded = pl.col("rate").round(0)
    tables = {
        name: one.with_columns(rounded) if name.startswith("v") else one for name, one in tables.items()
    }
    folder = write(tmp_path_factory.mktemp("between") / "s", tables=tables)
    return ac.compare(folder, baseline="v1"), tables


@pytest.fixture(scope="module")
def categories(tmp_path_factory: pytest.TempPathFactory) -> tuple[ac.Comparison, dict[str, pl.DataFrame]]:
    tables = rhythms()
    folder = write(tmp_path_factory.mktemp("between") / "s", protocol=RHYTHM, section="", tables=tables)
    return ac.compare(folder, baseline="v1", candidates=["v2", "v4"]), tables


def test_values_are_looked_at_once(numbers: Any, categories: Any) -> None:
    """Endpoints on the same columns are one; a binary and a categorical reading of them are two."""
    assert [(one["endpoint"], one["candidate"], one["endpoints"]) for one in numbers[0].between_versions] == [
        ("mae", candidate, ["mae", "bias"]) for candidate in ("v2", "v3", "v4")
    ]
    assert [(one["endpoint"], one["endpoints"]) for one in categories[0].between_versions] == [
        *[("kappa", ["kappa"])] * 2,
        *[("sensitivity", ["sensitivity", "specificity"])] * 2,
    ]


def test_other_rows_are_other_values() -> None:
    among = PROTOCOL.replace("metric: bland_altman,", "metric: bland_altman, where: {skin: [dark]},")
    protocol = parse(among + SECTION.format(multiplicity="none"))
    assert protocol.comparison is not None
    found = values(protocol, protocol.comparison)
    assert [one.endpoints for one in found] == [("mae",), ("bias",)]


def test_limits_of_agreement_are_those_of_the_plain_function(numbers: Any) -> None:
    found, tables = numbers
    entry = of(found)
    first, second = (tables[version]["rate"].to_numpy() for version in ("v1", "v2"))
    oracle = bland_altman(
        first, second, subject=tables["v1"]["subject"], truth="varying", bias="pairs", ci="cluster_t"
    )
    for name in ("bias", "sd", "loa_lower", "loa_upper"):
        told, interval = entry["agreement"][name], oracle[name].interval
        assert interval is not None
        assert told["estimate"] == pytest.approx(oracle[name].value, rel=1e-10)
        assert (told["lower"], told["upper"]) == pytest.approx((interval.lower, interval.upper), rel=1e-10)
    assert entry["agreement"]["bias"]["estimate"] == pytest.approx(float(np.mean(second - first)))
    assert entry["equal"] == np.count_nonzero(first == second) > 0
    assert entry["share_equal"] == entry["equal"] / 192
    assert (entry["n_units"], entry["n_subjects"], entry["unit"]) == (192, 24, "1/min")


def test_the_shift_function_is_that_of_the_plain_function(numbers: Any) -> None:
    """The same seed, subjects and replicates, so the same numbers to the last bit."""
    found, tables = numbers
    columns = [tables[name]["rate"].to_numpy() for name in ("reference", "v1", "v2")]
    oracle = error_shift(*columns, subject=tables["v1"]["subject"], replicates=1000, seed=11)
    for told, point in zip(of(found)["shift"], oracle, strict=True):
        assert point.interval is not None
        assert told["probability"] == point.probability
        assert (told["baseline"], told["candidate"]) == (point.baseline, point.candidate)
        assert (told["difference"], told["lower"], told["upper"]) == (
            point.difference, point.interval.lower, point.interval.upper,
        )  # fmt: skip
    errors = [np.abs(column - columns[0]) for column in columns[1:]]
    entry = of(found)
    assert entry["nearer"] == np.count_nonzero(errors[1] < errors[0])
    assert entry["farther"] == np.count_nonzero(errors[1] > errors[0])
    assert np.sum(entry["density"]["counts"]) == 192


def test_the_largest_differences_come_first(numbers: Any) -> None:
    found, tables = numbers
    listed = found.disagreements.filter(candidate="v2")
    keys = ["subject", "epoch"]
    joined = (
        tables["reference"]
        .with_row_index("reference_row")
        .join(tables["v1"], on=keys, suffix="_one")
        .join(tables["v2"], on=keys, suffix="_two")
        .with_columns(difference=pl.col("rate_two") - pl.col("rate_one"))
        .filter(pl.col("difference") != 0)
        .sort([pl.col("difference").abs(), "subject", "reference_row"], descending=[True, False, False])
        .head(MOST_UNITS)
    )
    assert dict(listed.schema) == DISAGREEMENT_COLUMNS
    assert listed["subject"].to_list() == joined["subject"].to_list()
    assert listed["session"].to_list() == joined["epoch"].cast(pl.String).to_list()
    assert listed["difference"].to_list() == joined["difference"].to_list()
    assert listed["reference_value"].to_list() == joined["rate"].to_list()
    assert listed["error_candidate"].to_list() == pytest.approx(
        (joined["rate_two"] - joined["rate"]).abs().to_list()
    )
    said = np.sign(listed["error_candidate"] - listed["error_baseline"])
    assert [{1: "worse", -1: "better", 0: "as_far"}[one] for one in said] == listed["outcome"].to_list()
    assert of(found)["listed"] == listed.height <= MOST_UNITS
    assert of(found)["disagreeing"] == 192 - of(found)["equal"]


def test_versions_that_are_the_same_have_nothing_to_list(numbers: Any) -> None:
    entry = of(numbers[0], "v4")
    assert (entry["share_equal"], entry["disagreeing"], entry["listed"]) == (1.0, 0, 0)
    assert entry["words"] == "v4 and v1 give the same in all 192 units of 24 subjects."
    assert {one["difference"] for one in entry["shift"]} == {0.0}
    assert all("no width" in one["warning"] for one in entry["shift"])
    assert numbers[0].disagreements.filter(candidate="v4").is_empty()


def test_categories_are_crossed(categories: Any) -> None:
    found, tables = categories
    entry = of(found, endpoint="kappa")
    reference, first, second = (tables[name]["rate"].to_list() for name in ("reference", "v1", "v2"))
    assert entry["levels"] == LEVELS
    assert entry["cross"] == confusion_matrix(first, second, labels=LEVELS).tolist()
    assert entry["agreement"]["kappa"]["estimate"] == pytest.approx(cohen_kappa_score(first, second))
    plain = cohen_kappa(first, second, subject=tables["v1"]["subject"], replicates=1000, seed=11)
    interval = plain["kappa"].interval
    told = entry["agreement"]["kappa"]
    assert interval is not None
    assert (told["lower"], told["upper"]) == pytest.approx((interval.lower, interval.upper), rel=1e-9)
    apart = [one for one in zip(reference, first, second, strict=True) if one[1] != one[2]]
    assert entry["outcomes"] == {
        "baseline_right": sum(r == a for r, a, _ in apart),
        "candidate_right": sum(r == b for r, _, b in apart),
        "neither": sum(r not in (a, b) for r, a, b in apart),
    }
    assert entry["outcomes"]["neither"] > 0
    assert sum(entry["outcomes"].values()) == entry["disagreeing"] == len(apart)
    ways = Counter(apart)
    assert {(p["reference"], p["baseline"], p["candidate"]): p["units"] for p in entry["patterns"]} == dict(
        sorted(ways.items(), key=lambda one: (-one[1], [LEVELS.index(level) for level in one[0]]))[:10]
    )
    assert [p["units"] for p in entry["patterns"]] == sorted(ways.values(), reverse=True)[:10]
    assert entry["value"] == "Rate, as in \u201cKappa\u201d"
    shares = [confusion_matrix(reference, one, labels=LEVELS, normalize="true") for one in (first, second)]
    assert np.allclose(entry["moved"], shares[1] - shares[0])
    assert np.allclose(np.sum(entry["moved"], axis=1), 0)


def test_the_newly_wrong_come_first(categories: Any) -> None:
    listed = categories[0].disagreements.filter(endpoint="kappa")
    rank = listed["outcome"].replace_strict({"newly_wrong": 0, "newly_right": 1, "both_wrong": 2})
    assert rank.is_sorted()
    assert rank.n_unique() == 3
    order = pl.DataFrame({"rank": rank, "subject": listed["subject"], "row": listed["reference_row"]})
    assert order.equals(order.sort("rank", "subject", "row"))
    wrong = listed.filter(outcome="newly_wrong")
    assert (wrong["baseline_category"] == wrong["reference_category"]).all()
    assert (wrong["candidate_category"] != wrong["reference_category"]).all()
    assert listed["difference"].null_count() == listed.height


def test_a_binary_reading_knows_two_classes(categories: Any) -> None:
    entry = of(categories[0], endpoint="sensitivity")
    assert entry["levels"] == ["negative", "positive"]
    assert entry["outcomes"]["neither"] == 0
    assert "kappa" in entry["words"]
    assert "v1 was right in" in entry["words"]


def test_ties_are_broken_by_subject_and_row() -> None:
    """More ties than there is room for: the first by subject, whatever the order of the rows."""
    n = 3 * MOST_UNITS
    subject, row = np.repeat(np.arange(6), n // 6), np.arange(n)[::-1].copy()
    unit = pl.DataFrame({"subject": subject, "reference_row": row})
    candidate = np.ones(n)
    candidate[-1] = 2.0
    listed = disagreeing.of_numbers(np.zeros(n), np.zeros(n), candidate, unit)
    assert listed.height == MOST_UNITS
    assert listed["difference"].to_list() == [2.0, *[1.0] * (MOST_UNITS - 1)]
    rest = listed[1:].select("subject", "reference_row")
    assert rest.equals(unit.head(n - 1).sort("subject", "reference_row").head(MOST_UNITS - 1))


def test_same_numbers_with_workers_and_shuffled_rows(tmp_path: Path) -> None:
    told = []
    for number, (workers, shuffle) in enumerate(((1, None), (3, None), (2, 5))):
        folder = write(tmp_path / str(number), shuffle=shuffle)
        found = ac.compare(folder, baseline="v1", candidates="v2", workers=workers)
        told.append((found.between_versions, found.disagreements.drop("reference_row")))
    assert told[0][0] == told[1][0] == told[2][0]
    assert all(told[0][1].equals(one) for _, one in told)


def test_missing_outputs_that_are_filled_in_do_not_count(tmp_path: Path) -> None:
    """A worst case is nobody's output: only units that both versions measured are held against each other."""
    tables = rhythms()
    lost = pl.int_range(pl.len()) % 7 == 0
    tables["v2"] = tables["v2"].with_columns(rate=pl.when(~lost).then("rate"))
    protocol = RHYTHM.replace("comparison:", "missing: {primary: worst_case}\ncomparison:")
    folder = write(tmp_path / "s", protocol=protocol, section="", tables=tables)
    found = ac.compare(folder, baseline="v1", candidates="v2", overlap=True)
    measured = tables["v2"]["rate"].count()
    assert of(found, endpoint="kappa")["n_units"] == measured < 192
    assert found.of("kappa")["n_units"] == 192


def test_nothing_to_hold_against_each_other_is_said(tmp_path: Path) -> None:
    tables = outputs()
    tables["v2"] = tables["v2"].with_columns(rate=pl.lit(None, dtype=pl.Float64))
    folder = write(tmp_path / "s", tables=tables)
    found = ac.compare(folder, baseline="v1", candidates=["v2", "v3"], overlap=True)
    entry = of(found)
    assert entry["error"] == "no analysable rows in this part of the data"
    assert entry["words"].startswith("Not compared")
    assert of(found, "v3")["error"] is None


def test_a_defect_is_an_entry_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr("accordance.studies.between_versions.error_density", broken)
    found = ac.compare(write(tmp_path / "s"), baseline="v1", candidates="v2")
    assert of(found)["error"] == "RuntimeError: out of order"
    assert found.decision("v2") == "non_inferior"
    assert found.disagreements.is_empty()


def test_one_subject_has_no_interval_and_says_so(tmp_path: Path) -> None:
    tables = {
        name: one if name == "subjects" else one.filter(subject="s00") for name, one in outputs().items()
    }
    found = ac.compare(write(tmp_path / "s", tables=tables), baseline="v1", candidates="v2")
    entry = of(found)
    assert entry["n_subjects"] == 1
    assert {one["error"] for one in entry["shift"]} == {"An interval needs at least two subjects."}
    assert entry["agreement"]["bias"]["error"] or entry["agreement"]["bias"]["lower"] is not None
    json.dumps(entry, allow_nan=False)


def test_the_file_is_hashed_and_older_folders_do_without(numbers: Any) -> None:
    found, _ = numbers
    manifest = json.loads((found.folder / "manifest.json").read_text())
    assert disagreeing.DISAGREEMENTS_FILE in manifest["results"]
    older = ac.Comparison(
        {key: one for key, one in found.document.items() if key != "between_versions"},
        found.rows,
        found.subjects,
        folder=None,
    )
    assert older.between_versions == []
    assert older.disagreements.is_empty()
    assert dict(older.disagreements.schema) == DISAGREEMENT_COLUMNS


def test_scores_have_agreement_and_no_error(tmp_path: Path) -> None:
    """A number against a class: versions agree or not, and nobody is nearer to a class."""
    tables = outputs()
    high = pl.when(pl.col("rate") > 75).then(pl.lit("yes")).otherwise(pl.lit("no"))
    tables["reference"] = tables["reference"].with_columns(rate=high)
    protocol = PROTOCOL.replace(
        "rate: {type: number, unit: 1/min}}\n", "rate: {type: category, levels: [no, yes]}}\n"
    )
    assert protocol != PROTOCOL
    protocol = protocol[: protocol.index("  mae:")] + (
        "  auc: {title: Area, role: secondary, metric: auc, average: pooled, positive: ['yes']}\n"
        "comparison: {endpoints: {auc: {margin: 0.1}}}\n"
    )
    found = ac.compare(
        write(tmp_path / "s", protocol=protocol, section="", tables=tables), baseline="v1", candidates="v2"
    )
    entry = of(found, endpoint="auc")
    assert entry["error"] is None
    assert (entry["nearer"], entry["farther"], entry["shift"], entry["density"]) == (None,) * 4
    assert "class and not a number" in entry["shift_error"]
    assert entry["agreement"]["bias"]["estimate"] is not None
    assert found.disagreements["outcome"].null_count() == found.disagreements.height > 0
    assert found.disagreements["reference_value"].null_count() == found.disagreements.height


class Named:
    """Stands for what knows the names of pairs."""

    def identity(self, endpoint: Any, version: str) -> list[Any] | None:
        return None if version == "unnamed" else [str(endpoint), version]


def test_what_is_kept_comes_back_as_it_was(tmp_path: Path, numbers: Any, categories: Any) -> None:
    """Counts, prepared agreement, replicates and units; under the names of pairs and of the draws."""
    weights = ResamplingWeights(["a", "b"], seed=1, replicates=30)
    columns = Columns(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 3, 5]), np.array([0, 2, 4]))
    errors = error_quantiles(np.array([1.0, 2, 3, 4]), columns.offsets, weights.matrix())
    codes = Columns(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0]), columns.offsets, ("no", "yes"))
    made = {
        "number": Found(
            {"kind": "number", "n_units": 4},
            ("a", "b"),
            registry.get("bland_altman").prepare(columns, average="pooled", truth="varying"),
            shift_of(errors, errors),
            numbers[0].disagreements,
        ),
        "category": Found(
            {"kind": "category", "levels": ["no", "yes"]},
            ("a", "b"),
            registry.get("cohen_kappa").prepare(codes, average="pooled"),
            None,
            categories[0].disagreements,
        ),
        "nothing": Found({"kind": "number", "agreement_error": "why"}, ("a",)),
    }
    store = Store(tmp_path / "store")
    kept = KeptBetween(store, Named(), weights)  # type: ignore[arg-type]
    for name, found in made.items():
        endpoint: Any = name
        assert kept.get(endpoint, "v1", "v2") is None
        kept.put(endpoint, "v1", "v2", found)
        again = kept.get(endpoint, "v1", "v2")
        assert again is not None
        assert (again.facts, again.subjects, again.problem) == (dict(found.facts), found.subjects, None)
        assert again.units.equals(found.units)
        assert (again.agreement is None) == (found.agreement is None)
        if found.agreement is not None and again.agreement is not None:
            assert np.array_equal(again.agreement.estimate(), found.agreement.estimate())
        if found.shift is not None and again.shift is not None:
            assert again.shift.at(0.9) == found.shift.at(0.9)
        assert kept.get(endpoint, "v1", "v3") is None
        other = KeptBetween(store, Named(), ResamplingWeights(["a", "b"], seed=2, replicates=30))  # type: ignore[arg-type]
        assert other.get(endpoint, "v1", "v2") is None
        kept.put(endpoint, "unnamed", "v2", found)
        assert kept.get(endpoint, "unnamed", "v2") is None
