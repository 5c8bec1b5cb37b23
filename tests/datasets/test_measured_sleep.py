"""A night's sleep measures in pairs: the SRI sample through a protocol, gaps, lights, nights without one."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from accordance.datasets.pairing import pair
from accordance.evaluators import hypnogram_measures
from accordance.protocols import describe
from accordance.protocols.errors import ContractError
from accordance.protocols.load import parse
from accordance.studies.evaluate import evaluate
from accordance.studies.units import describe as units

STAGES = ("wake", "light", "deep", "rem")
TABLE = """
    key: [subject, time]
    time: time
    interval: 30 s
    columns:
      subject: {type: text}
      time: {type: number, unit: s}
      stage: {type: category, levels: [wake, light, deep, rem, unscored], indeterminate: [unscored]}
      tst: {type: number, measure: {name: tst, of: stage}}
      se: {type: number, measure: {name: se, of: stage}}
      sol: {type: number, measure: {name: sol, of: stage}}
      waso: {type: number, measure: {name: waso, of: stage}}
      light: {type: number, measure: {name: minutes_light, of: stage}}
      rem: {type: number, measure: {name: percent_rem, of: stage}}
"""
TEXT = f"""
schema: accordance/protocol/1
id: nights
version: "1.0"
title: Nights of a wearable
intended_use: Adults
objective: Agreement of sleep measures
tables:
  psg: {TABLE}
  watch: {TABLE}
pairings:
  nights: {{method: sessions, reference: psg, test: watch}}
endpoints:
  tst: {{title: TST, role: secondary, metric: bland_altman, parameters: {{truth: independent}}, reference: tst, test: tst}}
  waso: {{title: WASO, role: secondary, metric: bland_altman, parameters: {{truth: independent}}, reference: waso, test: waso}}
seed: 1
"""  # noqa: E501
ORACLE = {
    "TST": "tst", "SE": "se", "SOL": "sol", "WASO": "waso", "Light": "light", "REMPerc": "rem"
}  # fmt: skip


def frame(nights: dict[str, list[int]]) -> pl.DataFrame:
    """Rows of nights of stage codes; -1 is unscored, None leaves the row out."""
    return pl.DataFrame(
        [
            {"subject": name, "time": 30.0 * number, "stage": "unscored" if code < 0 else STAGES[code]}
            for name, night in nights.items()
            for number, code in enumerate(night)
            if code is not None
        ]
    )


def nights_of(column: str, folder: Path) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    with (folder / "sleep" / "data" / "sri_sample_14subj.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["subject"], []).append(int(row[column]))
    return found


def test_the_sri_sample_has_the_measures_of_its_pipeline(reference_data: Path) -> None:
    """Menghini et al. (2021), ebe2sleep, 14 nights on both sides: 168 values."""
    tables = [frame(nights_of(side, reference_data)) for side in ("reference", "device")]
    pairs = pair(parse(TEXT), "nights", reference=tables[0], test=tables[1], version="v1").frame
    values = json.loads((reference_data / "sleep" / "oracle.json").read_text(encoding="utf-8"))
    rows = values["menghini_sri"]["ebe2sleep_staging_digits12"]["result"]
    assert pairs.height == len(rows) == 14
    for row in rows:
        own = pairs.row(by_predicate=pl.col("subject") == row["subject"], named=True)
        for theirs, ours in ORACLE.items():
            for side, ending in (("reference", "ref"), ("test", "device")):
                expected = row[f"{theirs}_{ending}"]
                assert own[f"{side}.{ours}"] == pytest.approx(expected, abs=1e-9), (row["subject"], theirs)
    assert pairs.select(pl.col(r"^.*\.reason$").null_count()).row(0) == (14,) * 12


def test_a_night_without_sleep_says_why_and_is_counted() -> None:
    nights = {"a": [0] * 20, "b": [0] * 4 + [1] * 16, "c": [1, None, None, None, None, None, 1, 1, 1, 1]}
    tested = {"a": [1] * 20, "b": [0] * 4 + [1] * 16, "c": [1] * 10}
    protocol = parse(TEXT)
    found = pair(protocol, "nights", reference=frame(nights), test=frame(tested), version="v1")
    own = {row["subject"]: row for row in found.frame.to_dicts()}
    assert own["a"]["reference.tst"] == 0
    assert own["a"]["reference.sol"] is None
    assert own["a"]["reference.sol.reason"] == "No sleep was scored."
    assert own["b"]["reference.sol"] == 2
    assert own["c"]["reference.tst.reason"] == "More epochs than accepted are unscored."
    counted = units(protocol, {("nights", "v1"): found})
    reference, test = counted
    lost = "More epochs than accepted are unscored."
    expected = [("tst", lost), ("waso", lost), ("waso", "No sleep was scored.")]  # what endpoints compare
    assert [(one["column"], one["reason"]) for one in reference["without"]] == expected
    assert [one["n_units"] for one in reference["without"]] == [1, 1, 1]
    assert reference["without"][0]["title"] == "Total sleep time"
    assert test["without"] == []


def test_too_little_coverage_is_a_reason_of_its_own() -> None:
    nights = {"a": [-1] * 12 + [1] * 8, "b": [1] * 20}
    found = pair(
        parse(TEXT),
        "nights",
        reference=frame(nights),
        test=frame({"a": [1] * 20, "b": [1] * 20}),
        version="v1",
    )
    own = found.frame.row(by_predicate=pl.col("subject") == "a", named=True)
    assert own["reference.tst.reason"].startswith("Too little of the time is covered")
    assert own["reason"] == "low_coverage_reference"


def test_lights_off_and_on_bound_the_night() -> None:
    """Rows outside count for nothing; what the device misses inside is unscored."""
    lights = """
  lights:
    key: [subject]
    columns:
      subject: {type: text}
      off: {type: number, unit: s}
      on: {type: number, unit: s}
"""
    text = TEXT.replace("pairings:", lights.lstrip("\n") + "pairings:").replace(
        "test: watch}", "test: watch, unit: {within: {table: lights, start: off, end: on}}}"
    )
    night = [0] * 3 + [1] * 10 + [0] * 3 + [1] * 10 + [0] * 10
    tables = {"lights": pl.DataFrame({"subject": ["a"], "off": [60.0], "on": [30.0 * 30]})}
    tested = [0] * 5 + [1] * 20 + [None] * 11
    found = pair(
        parse(text), "nights", reference=frame({"a": night}), test=frame({"a": tested}), version="v1",
        tables=tables,
    )  # fmt: skip
    own = found.frame.row(0, named=True)
    assert (own["reference.sol"], own["reference.tst"], own["reference.waso"]) == (0.5, 10.0, 3.5)
    inside = np.array([*tested[2:25], *[-1] * 5])
    for side, codes in (("reference", night[2:30]), ("test", inside)):
        expected = hypnogram_measures(codes, staging="four")
        for name, entry in (("tst", "tst"), ("se", "se"), ("sol", "sol"), ("waso", "waso")):
            assert own[f"{side}.{name}"] == pytest.approx(float(expected[entry][0])), (side, name)


def test_an_endpoint_is_estimated_and_row_order_changes_nothing() -> None:
    rng = np.random.default_rng(4)
    one = frame({f"s{i}": rng.integers(0, 4, 200).tolist() for i in range(8)})
    two = frame({f"s{i}": rng.integers(0, 4, 200).tolist() for i in range(8)})
    found = evaluate(one, two, protocol=parse(TEXT))
    shuffled = evaluate(one.sample(fraction=1, shuffle=True, seed=3), two, protocol=parse(TEXT))
    rows, other = (each.rows.filter(pl.col("statistic") == "bias") for each in (found, shuffled))
    assert rows["estimate"].to_list() == other["estimate"].to_list()
    assert rows["n_units"].to_list() == [8, 8]
    assert rows["unit"].to_list() == ["min", "min"]


def test_definitions_are_chosen_and_said() -> None:
    chosen = "{definition: within_sleep_period, onset: persistent_5min}"
    inside = f"measure: {{name: waso, of: stage, parameters: {chosen}}}"
    protocol = parse(TEXT.replace("measure: {name: waso, of: stage}", inside))
    words = [one for one in describe.made(protocol) if "`waso`" in one]
    assert "wake epochs between sleep onset and the last sleep epoch (" in words[0]
    assert "onset persistent_5min" in words[0]
    night = {"a": [0, 0, 1, 0] + [1] * 14 + [0] * 6}
    found = pair(protocol, "nights", reference=frame(night), test=frame(night), version="v1").frame
    assert found["reference.waso"].to_list() == [0.0]
    plain = pair(parse(TEXT), "nights", reference=frame(night), test=frame(night), version="v1").frame
    assert plain["reference.waso"].to_list() == [3.5]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: minutes_light", "name: minutes_n1", "it needs stages that tell n1 apart"),
        ("{name: tst, of: stage}", "{name: tst, of: stage, classes: {deep: n3}}", "of one staging"),
        ("{name: sol, of: stage}", "{name: sol, of: stage, parameters: {definition: soon}}", "any_sleep"),
    ],
)
def test_what_does_not_serve_is_refused(old: str, new: str, words: str) -> None:
    with pytest.raises(ContractError) as error:
        parse(TEXT.replace(old, new))
    assert any(words in one.message for one in error.value.violations), error.value
