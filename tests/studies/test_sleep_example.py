"""The example `sleep-psg`: what a run and a comparison say is what is true of the versions."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from accordance.datasets.simulate.sleep import CALLS, NO_OUTPUT, STAGES
from accordance.evaluators import hypnogram_measures, sleep_discrepancy
from accordance.studies.comparing import compare
from accordance.studies.run import run
from accordance.studies.start import init


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("nights") / "study"
    init(place, example="sleep-psg")
    return place


@pytest.fixture(scope="module")
def found(folder):
    return run(folder)


def rows(found, endpoint, statistic):
    """Version -> row of the whole."""
    own = found.endpoint(endpoint).filter(pl.col("statistic") == statistic, pl.col("view") == "primary")
    return {row["version"]: row for row in own.filter(pl.col("subgroup").is_null()).iter_rows(named=True)}


def hypnograms(folder, file):
    """Stage codes of each night, by subject and night."""
    code = {stage: place for place, stage in enumerate(STAGES)}
    table = pl.read_csv(folder / "data" / file)
    return {
        key: [code.get(stage, -1) for stage in night["stage"]]
        for key, night in table.group_by("subject", "night", maintain_order=True)
    }


def test_the_study_is_met_and_every_row_has_a_value(found):
    assert found.decision == "met"
    failed = found.rows.filter(pl.col("error").is_not_null())
    assert failed.select("endpoint", "statistic", "error").rows() == []


def test_sensitivities_are_those_that_were_drawn(folder, found):
    """Ten 95% intervals: 99.9% of studies have eight or more that hold the truth."""
    truth = json.loads((folder / "data" / "truth.json").read_text(encoding="utf-8"))["truth"]["versions"]
    hits = 0
    for stage in STAGES:
        for version, row in rows(found, stage, "sensitivity").items():
            assert row["n_subjects"] == 60
            hits += row["ci_lower"] <= truth[version]["sensitivity"][stage] <= row["ci_upper"]
    assert hits >= 8


def test_nights_have_the_measures_of_their_hypnograms(folder, found):
    definitions = {"sol": "persistent_5min"}
    names = ("tst", "se", "sol", "waso")
    for version in CALLS:
        pairs = found.pairs("nights", version)
        assert pairs.height == 80
        for side, file in (("reference", "reference.csv"), ("test", f"test_{version}.csv")):
            nights = hypnograms(folder, file)
            expected = hypnogram_measures(list(nights.values()), definitions=definitions)
            for place, (subject, night) in enumerate(nights):
                own = pairs.row(
                    by_predicate=(pl.col("subject") == subject) & (pl.col("night") == night), named=True
                )
                for name in names:
                    assert own[f"{side}.{name}"] == pytest.approx(expected[name][place], abs=1e-9), name


def test_sleep_is_overestimated_by_what_the_calls_say(found):
    """Minutes of each stage times the probability that it is called sleep, less what has no output."""
    for version, row in rows(found, "tst", "bias").items():
        pairs = found.pairs("nights", version)
        called_sleep = 1 - CALLS[version][:, 0]
        epochs = found.pairs("epochs", version)
        counts = [epochs.filter(pl.col("reference.stage") == stage).height / 2 / 80 for stage in STAGES]
        expected = (1 - NO_OUTPUT) * float(np.dot(counts, called_sleep)) - pairs["reference.tst"].mean()
        # pairs of the whole study against subjects' means: the interval is wide enough for both
        assert row["ci_lower"] < expected < row["ci_upper"], (version, expected)


def test_the_line_of_the_bias_is_that_of_the_analysis_of_discrepancies(found):
    pairs = found.pairs("nights", "v2")
    own = sleep_discrepancy(pairs["reference.tst"].to_numpy(), pairs["test.tst"].to_numpy())
    shown = rows(found, "tst_line", "slope")["v2"]
    assert shown["estimate"] == pytest.approx(own.slope.value, rel=1e-9)
    assert shown["ci_upper"] < 0


def test_the_new_version_is_superior(folder):
    document = compare(folder, baseline="v1").document
    decided = {
        (one["candidate"], one["endpoint"]): one["decision"]
        for one in document["comparisons"]
        if one["role"] == "primary"
    }
    assert decided == {("v2", "kappa"): "superior", ("v2", "wake"): "superior"}
