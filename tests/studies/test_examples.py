"""The example studies: complete folders, protocols that hold, results that say what they should."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import accordance
from accordance.datasets.published import pefr_1986
from accordance.datasets.simulate import SIMULATORS, spa_afib_ecg
from accordance.protocols import load
from accordance.protocols.source import read_yaml
from accordance.studies.check import check
from accordance.studies.evaluate import evaluate
from accordance.studies.run import run
from accordance.studies.start import init

EXAMPLES = Path(accordance.__file__).parent / "studies" / "examples"
NAMES = (
    "beat-detector",
    "bp-iso81060",
    "hr-wear",
    "hr-weekly",
    "pefr-1986",
    "sleep-psg",
    "spa-afib-ecg",
    "spo2-fda2025",
)
SECTIONS = ("background", "discussion", "limitations", "adverse_events")


def row(results, endpoint, statistic, view="primary", version=None):
    found = results.rows.filter(
        (pl.col("endpoint") == endpoint)
        & (pl.col("statistic") == statistic)
        & (pl.col("view") == view)
        & pl.col("subgroup").is_null()
        & ((pl.col("version") == version) if version else pl.lit(True))
    )
    assert found.height == 1, found
    return found.row(0, named=True)


@pytest.fixture(scope="module")
def pefr():
    table = pefr_1986()
    return evaluate(
        table.select("subject", "replicate", pefr="wright"),
        table.select("subject", "replicate", pefr="mini"),
        protocol=EXAMPLES / "pefr-1986" / "protocol.yaml",
    )


@pytest.fixture(scope="module")
def spa():
    study = spa_afib_ecg()
    protocol = EXAMPLES / "spa-afib-ecg" / "protocol.yaml"
    return {
        version: evaluate(
            study.reference, study.test(version), protocol=protocol, subjects=study.subjects, version=version
        )
        for version in study.versions
    }


@pytest.mark.parametrize("name", NAMES)
def test_folder_is_complete(name):
    folder = EXAMPLES / name
    for file in ("study.yaml", "protocol.yaml", "README.md", *(f"sections/{part}.md" for part in SECTIONS)):
        text = (folder / file).read_text(encoding="utf-8")
        assert len(text) > 100, file
    assert load.load(folder / "protocol.yaml").id == name


def test_published_table_and_example_hold_the_same_readings():
    published = pefr_1986()
    folder = EXAMPLES / "pefr-1986" / "data"
    for file, column in (("reference.csv", "wright"), ("test.csv", "mini")):
        readings = pl.read_csv(folder / file, schema_overrides={"subject": pl.String, "replicate": pl.String})
        assert readings.rows() == published.select("subject", "replicate", column).rows()
    assert published.height == 34
    # Bland & Altman 1986, Table 1, last row of the first readings: 427 (Wright), 451 (mini)
    last = published.filter(pl.col("subject") == "17", pl.col("replicate") == "1")
    assert last.select("wright", "mini").row(0) == (427, 451)


def test_pefr_first_readings_as_published(pefr):
    """Bland & Altman 1986, p. 308: mean difference 2.1 l/min (sign turned), SD 38.8 l/min.

    R: t.test(mini - wright) gives 2.117647, 95% CI -17.8135 to 22.0488; sd(mini - wright) 38.76513.
    """
    bias, sd = row(pefr, "bias", "bias"), row(pefr, "bias", "sd")
    assert bias["estimate"] == pytest.approx(2.11764705882353, rel=1e-12)
    assert sd["estimate"] == pytest.approx(38.7651282, rel=1e-7)
    assert bias["ci_lower"] == pytest.approx(-17.8135, abs=5e-5)
    assert bias["ci_upper"] == pytest.approx(22.0488, abs=5e-5)
    assert (bias["n_subjects"], bias["n_units"], bias["unit"]) == (17, 17, "l/min")
    for statistic, sign in (("loa_lower", -1), ("loa_upper", 1)):
        limit = row(pefr, "bias", statistic)["estimate"]
        assert limit == pytest.approx(bias["estimate"] + sign * 1.959963984540054 * sd["estimate"], rel=1e-12)


def test_pefr_is_not_met_because_of_its_limits_and_not_its_bias(pefr):
    """The paper's judgement: a bias near zero, and a lack of agreement that would be unacceptable."""
    assert pefr.decision == "not_met"
    assert row(pefr, "bias", "bias")["decision"] == "met"
    assert row(pefr, "lower_limit", "loa_lower")["decision"] == "not_met"
    assert row(pefr, "upper_limit", "loa_upper")["decision"] == "not_met"


def test_pefr_both_readings_under_both_assumptions(pefr):
    varying, constant = (
        row(pefr, f"replicates_{kind}", "sd")["estimate"] for kind in ("varying", "constant")
    )
    assert varying != constant
    assert varying == pytest.approx(constant, rel=0.01)
    assert row(pefr, "replicates_varying", "bias")["n_units"] == 34


def test_every_row_of_the_examples_has_a_value(pefr, spa):
    for results in (pefr, *spa.values()):
        failed = results.rows.filter(pl.col("error").is_not_null())
        assert failed.select("endpoint", "subgroup", "level", "error").rows() == []


def test_spa_meets_both_goals_on_classifiable_recordings(spa):
    results = spa["v1_1"]
    assert results.decision == "met"
    for endpoint, goal in (("sensitivity", 0.90), ("specificity", 0.92)):
        decided = row(results, endpoint, endpoint)
        assert (decided["decision"], decided["evidence"]) == ("met", "shown")
        assert decided["ci_method"] == "clopper_pearson"
        assert decided["ci_lower"] > goal + 0.02
        shown = row(results, endpoint, endpoint, view="classifiable_only")
        assert shown["estimate"] == decided["estimate"]


def test_spa_misses_specificity_when_indeterminate_counts_as_positive(spa):
    missed = row(spa["v1_1"], "specificity", "specificity", view="as_positive")
    assert (missed["decision"], missed["evidence"]) == ("not_met", "shown")
    assert missed["ci_upper"] < 0.92


def test_spa_earlier_version_is_not_met(spa):
    assert spa["v1_0"].decision == "not_met"


def test_spa_estimates_are_compatible_with_the_truth_they_were_drawn_from(spa):
    truth = spa_afib_ecg().truth["versions"]
    for version, results in spa.items():
        for endpoint in ("sensitivity", "specificity"):
            found = row(results, endpoint, endpoint)
            # a 99.9% band around the truth, from the binomial standard error
            value, n = truth[version][endpoint], found["n_units"]
            assert abs(found["estimate"] - value) < 3.3 * (value * (1 - value) / n) ** 0.5


def test_spa_units_add_up(spa):
    results = spa["v1_1"]
    determinate = row(results, "yield", "yield")
    both = [row(results, name, name) for name in ("sensitivity", "specificity")]
    assert determinate["n_events"] == sum(found["n_units"] for found in both)
    every = [
        row(results, name, name, view="as_positive")["n_units"] for name in ("sensitivity", "specificity")
    ]
    assert determinate["n_units"] == sum(every) == 529


def test_simulate_yaml_names_a_simulator_and_its_default_seed():
    text = (EXAMPLES / "spa-afib-ecg" / "simulate.yaml").read_text()
    stated = dict(line.split(": ") for line in text.splitlines() if line and not line.startswith("#"))
    assert SIMULATORS[stated["simulator"]]().seed == int(stated["seed"])
    assert read_yaml(text) is not None


@pytest.mark.parametrize("name", NAMES)
def test_init_makes_a_study_that_holds(tmp_path, name):
    init(tmp_path / "a study", example=name)
    study = check(tmp_path / "a study")
    assert study.config.id == name
    deciding = {"pefr-1986": "mini", "spa-afib-ecg": "v1_1", "spo2-fda2025": "v1", "bp-iso81060": "v1"}
    deciding |= {"beat-detector": "v2", "hr-wear": "v2", "hr-weekly": "v1", "sleep-psg": "v2"}
    assert study.deciding_version == deciding[name]


def endpoint_decisions(results):
    """Of the deciding endpoints."""
    entries = results.document["endpoints"]
    return {entry["id"]: entry["decision"] for entry in entries if entry["role"] == "co_primary"}


def test_the_oximeter_is_alike_across_skin_tones_and_its_predecessor_fails_only_there(tmp_path):
    folder = tmp_path / "study"
    init(folder, example="spo2-fda2025")
    assert run(folder).decision == "met"
    config = folder / "study.yaml"
    config.write_text(
        config.read_text(encoding="utf-8").replace("decides: v1", "decides: v0"), encoding="utf-8"
    )
    found = run(folder)
    assert found.decision == "not_met"
    failed = {name for name, decision in endpoint_decisions(found).items() if decision != "met"}
    assert failed == {"monk_high", "ita_high"}


def test_the_cuff_meets_both_criteria_for_both_pressures(tmp_path):
    init(tmp_path / "study", example="bp-iso81060")
    found = run(tmp_path / "study")
    assert endpoint_decisions(found) == dict.fromkeys(("sbp_1", "sbp_2", "dbp_1", "dbp_2"), "met")
    assert found.decision == "met"


def test_the_watch_meets_every_activity_and_its_predecessor_fails_while_running(tmp_path):
    init(tmp_path / "study", example="hr-wear")
    found = run(tmp_path / "study")
    assert found.decision == "met"
    rows = found.endpoint("mape").filter(pl.col("criterion").is_not_null() & pl.col("by").is_not_null())
    decided = {
        (row["version"], row["by"].split('"')[3]): row["decision"] for row in rows.iter_rows(named=True)
    }
    activities = ("sleep", "sitting", "daily_living", "walking", "running", "cycling")
    expected = {(version, one): "met" for version in ("v1", "v2") for one in activities}
    assert decided == {**expected, ("v1", "running"): "not_met"}
