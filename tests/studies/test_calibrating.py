"""Operating characteristics: an oracle's rates, errors near nominal, what cannot be moved, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

import accordance as ac
from accordance.protocols.errors import ContractError, UsageError
from accordance.reports import calibrations, report
from accordance.studies import ledger
from accordance.studies.calibration_folder import Calibration, finished_calibrations, lines
from accordance.studies.simulated import Draws

PROTOCOL = """\
schema: accordance/protocol/1
id: characteristics
version: "1"
title: Operating characteristics
intended_use: Heart rate and rhythm.
objective: To know the rules.
tables:
  reference:
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      rate: {type: number, unit: 1/min}
      af: {type: boolean}
      hours: {type: number, unit: h}
  test:
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      rate: {type: number, unit: 1/min, missing: allowed}
      af: {type: boolean, missing: allowed}
pairings: {epochs: {on: [subject, epoch]}}
resampling: {replicates: 300}
seed: 20
endpoints:
  bias: {title: Bias, role: co_primary, metric: bland_altman, reference: rate, test: rate,
         parameters: {truth: constant}, interval: {method: cluster_t},
         criterion: {statistic: bias, compare: both, operator: within, limit: [-2, 2], unit: 1/min}}
  sensitivity: {title: Sensitivity, role: co_primary, metric: sensitivity, average: pooled,
         reference: af, test: af, interval: {methods: {sensitivity: korn_graubard}},
         criterion: {compare: lower, operator: ">", limit: 0.8}}
  mae: {title: Error, role: secondary, metric: mae, reference: rate, test: rate, average: pooled,
        interval: {method: bootstrap_percentile}}
  correlation: {title: Correlation, role: secondary, metric: pearson, reference: rate, test: rate,
        criterion: {compare: lower, operator: ">", limit: -1.5}}
"""
COMPARISON = """\
comparison:
  multiplicity: none
  endpoints:
    mae: {margin: 0.5}
"""
STUDY = """\
schema: accordance/study/1
id: characteristics
title: Operating characteristics
protocol: protocol.yaml
sources: {reference: {file: data/reference.csv}}
algorithm:
  name: Wrist
  decides: v1
  versions:
    v1: {sources: {test: {file: data/v1.csv}}}
    v2: {sources: {test: {file: data/v2.csv}}}
"""


def tables(subjects: int = 60) -> dict[str, pl.DataFrame]:
    """Unequal numbers of epochs, errors alike within a subject, a tenth of outputs missing."""
    random = np.random.default_rng(17)
    sizes = random.integers(4, 13, subjects)
    n = int(sizes.sum())
    names = np.repeat([f"s{i:02}" for i in range(subjects)], sizes)
    epoch = np.concatenate([np.arange(size) for size in sizes])
    rate = np.repeat(random.uniform(55, 95, subjects), sizes) + random.normal(0, 4, n)
    error = np.repeat(random.normal(0.3, 2, subjects), sizes) + random.normal(0, 3, n)
    af = random.random(n) < 0.5
    found = np.repeat(random.beta(9, 1, subjects), sizes)
    said = np.where(random.random(n) < found, af, ~af)
    missing = random.random(n) < 0.1
    keys = {"subject": names, "epoch": epoch}

    def test(error: np.ndarray) -> pl.DataFrame:
        frame = pl.DataFrame({**keys, "rate": rate + error, "af": said, "missing": missing})
        gone = pl.when(~pl.col("missing"))
        return frame.select("subject", "epoch", gone.then("rate").alias("rate"), gone.then("af").alias("af"))

    return {
        "reference": pl.DataFrame({**keys, "rate": rate, "af": af, "hours": np.ones(n)}),
        "v1": test(error),
        "v2": test(0.9 * error + random.normal(0, 0.5, n)),
    }


def write(folder: Path, protocol: str = PROTOCOL + COMPARISON, subjects: int = 60) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    (folder / "protocol.yaml").write_text(protocol, encoding="utf-8")
    for name, frame in tables(subjects).items():
        frame.write_csv(folder / "data" / f"{name}.csv")
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with a run."""
    folder = write(tmp_path_factory.mktemp("calibrate") / "study")
    ac.run(folder, workers=1)
    return folder


@pytest.fixture(scope="module")
def found(study: Path) -> Calibration:
    """Its calibration."""
    return ac.calibrate(study, studies=400, workers=2, truths={"sensitivity": [0.95]})


def test_rates_are_those_of_an_oracle(study: Path, found: Calibration) -> None:
    """The same draws with SciPy: bias is the mean of subjects' means, with the t interval of one sample."""
    both = tables()["reference"].join(tables()["v1"], on=["subject", "epoch"], suffix="_t")
    both = both.with_columns(error=pl.col("rate_t") - pl.col("rate")).drop_nulls("error")
    own = both.group_by("subject").agg(pl.col("error").mean()).sort("subject")
    draws = Draws(own["subject"].to_list(), seed=20, studies=400, replicates=300)
    means = own["error"].to_numpy()
    for scene, truth in (("lower_limit", -2.0), ("upper_limit", 2.0), ("observed", means.mean())):
        moved = means - means.mean() + truth
        met = covered = 0
        for number in range(400):
            drawn = moved[draws.chosen(number)]
            error = stats.sem(drawn)
            low, high = stats.t.interval(0.95, len(drawn) - 1, loc=drawn.mean(), scale=error)
            met += low >= -2 and high <= 2
            covered += low <= truth <= high
        one = found.of("bias", scene)
        assert one["truth"] == pytest.approx(truth, abs=1e-8)
        assert one["decisions"]["met"]["n"] == met
        assert one["coverage"]["n"] == covered


def test_errors_and_coverage_are_near_nominal(found: Calibration) -> None:
    for scene in ("lower_limit", "upper_limit"):
        one = found.of("bias", scene)
        assert one["true_decision"] == "not_met"
        assert one["decisions"]["met"]["lower"] <= 0.025 <= one["decisions"]["met"]["upper"] + 0.01
        assert one["coverage"]["lower"] - 0.01 <= 0.95 <= one["coverage"]["upper"] + 0.01
    limit, better = found.of("sensitivity", "limit"), found.of("sensitivity", "stated")
    assert limit["truth"] == pytest.approx(0.8, abs=0.005)
    assert limit["decisions"]["met"]["rate"] <= 0.05
    assert limit["coverage"]["rate"] >= 0.92
    assert better["truth"] == pytest.approx(0.95, abs=0.005)
    assert better["true_decision"] == "met"
    assert better["decisions"]["met"]["rate"] > 0.95  # power


def test_every_row_adds_up_and_names_its_truth(found: Calibration) -> None:
    for one in found.endpoints:
        for scene in one["scenarios"]:
            if scene["error"] is None:
                assert sum(each["n"] for each in scene["decisions"].values()) == 400
                assert scene["coverage"]["of"] + scene["without_interval"] == 400
    mae = found.of("mae", "observed")
    run = ac.Results.open(next(iter(sorted((found.folder.parent.parent / "runs").iterdir()))))
    row = (
        run.endpoint("mae")
        .filter((pl.col("version") == "v1") & pl.col("subgroup").is_null())
        .row(0, named=True)
    )
    assert mae["truth"] == row["estimate"]
    assert mae["decisions"]["informative"]["rate"] == 1
    joint = found.document["joint"]["decisions"]
    assert sum(each["n"] for each in joint.values()) == 400
    weakest = min(found.of(name, "observed")["decisions"]["met"]["n"] for name in ("bias", "sensitivity"))
    assert joint["met"]["n"] <= weakest


def test_what_cannot_be_moved_is_a_row_with_its_reason(found: Calibration) -> None:
    one = found.of("correlation", "limit")
    assert "cannot be moved to -1.5" in one["error"]
    assert one["decisions"] is None
    assert any("not calibrated" in cells[2] for cells in lines(found.document) if cells[0] == "correlation")
    assert found.of("correlation", "observed")["error"] is None


def test_a_truth_is_told_with_the_decision_that_is_right_there(found: Calibration) -> None:
    judged = [one for one in found.document["endpoints"] if one["criterion"] is not None]
    scenes = [scene for one in judged for scene in one["scenarios"] if not scene["error"]]
    assert {scene["true_decision"] for scene in scenes} >= {"met"}
    truths = [cells[3] for cells in lines(found.document)]
    for scene in scenes:
        right = scene["true_decision"]
        assert right is None or any(right.replace("_", " ") in text for text in truths)


def test_the_ledger_knows_of_it(found: Calibration) -> None:
    assert found.folder is not None
    entry = ledger.read(found.folder.parent.parent)[-1]
    assert (entry["what"], entry["details"]["calibration"]) == ("calibrate", found.run_id)


def test_comparisons_at_known_improvements(found: Calibration) -> None:
    scenes = {one["scenario"]: one["lines"][0] for one in found.document["comparison"]["scenarios"]}
    assert scenes["no_difference"]["truth"] == pytest.approx(0, abs=1e-8)
    assert scenes["at_margin"]["truth"] == pytest.approx(-0.5, abs=1e-8)
    assert scenes["observed"]["truth"] > 0.1
    # errors of one side of a two-sided 95% interval
    assert scenes["no_difference"]["superior"]["lower"] <= 0.025 + 0.01
    assert scenes["at_margin"]["at_least_non_inferior"]["lower"] <= 0.025 + 0.01
    # power
    assert scenes["no_difference"]["at_least_non_inferior"]["rate"] > 0.9
    assert scenes["observed"]["superior"]["rate"] > 0.8
    for one in scenes.values():
        assert one["coverage"]["rate"] > 0.91


def test_workers_change_no_number(study: Path, found: Calibration, tmp_path: Path) -> None:
    kept = ("endpoints", "comparison", "joint")
    first, second = (
        ac.calibrate(study, studies=60, workers=n, output=tmp_path / str(n)).document for n in (1, 2)
    )
    assert json.dumps([first[k] for k in kept]) == json.dumps([second[k] for k in kept])
    # further studies do not change the first ones: rates of 60 are part of those of 400
    few = Calibration.open(next(iter((tmp_path / "1").iterdir()))).of("bias", "lower_limit")
    assert few["decisions"]["met"]["n"] <= found.of("bias", "lower_limit")["decisions"]["met"]["n"]


def test_the_folder_holds_what_it_rests_on_and_the_report_shows_it(study: Path, found: Calibration) -> None:
    assert finished_calibrations(study)
    assert {p.name for p in found.folder.iterdir()} == {"calibration.json", "manifest.json", "log.jsonl"}
    manifest = json.loads((found.folder / "manifest.json").read_text())
    assert manifest["protocol_sha256"] == found.document["protocol_sha256"]
    assert {entry["what"] for entry in ledger.read(study)} == {"run", "calibrate"}
    results = ac.Results.latest(study)
    page = next(p for p in report(results.folder, formats=("html",)) if p.suffix == ".html").read_text()
    assert 'id="operating-characteristics"' in page
    assert found.run_id in page.replace("<wbr>", "")
    assert calibrations.of_protocol(study, results.document["protocol_sha256"]) == found.document
    assert calibrations.of_protocol(study, "0" * 64) is None  # one of another protocol is never shown


def test_bad_input_is_refused_with_all_its_problems(study: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no endpoint `sensitivty`.*Did you mean `sensitivity`.*10 studies"):
        ac.calibrate(study, endpoints="sensitivty", studies=3)
    with pytest.raises(UsageError, match="no version `v3`"):
        ac.calibrate(study, candidates="v3")
    with pytest.raises(
        UsageError, match=r"not nan \(`bias`\); a truth of `mae` is stated, and only bias asked"
    ):
        ac.calibrate(study, endpoints="bias", truths={"bias": [float("nan")], "mae": [2.0]})
    with pytest.raises(UsageError, match="on all compared endpoints together"):
        ac.calibrate(study, endpoints="mae", candidates="v2")
    fresh = write(tmp_path / "fresh", subjects=6)
    with pytest.raises(UsageError, match="accordance run"):
        ac.calibrate(fresh)
    ac.run(fresh, workers=1)
    with pytest.raises(UsageError, match="6 subjects"):
        ac.calibrate(fresh)
    (fresh / "protocol.yaml").write_text(PROTOCOL.replace("[-2, 2]", "[-3, 3]"), encoding="utf-8")
    with pytest.raises(UsageError, match="another protocol"):
        ac.calibrate(fresh)
    assert not finished_calibrations(fresh)
    (tmp_path / "calibration.json").write_text('{"schema": "accordance/calibration/9"}', encoding="utf-8")
    with pytest.raises(ContractError, match="calibration/9"):
        Calibration.open(tmp_path)


def test_without_a_comparison_nothing_is_compared(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", PROTOCOL, subjects=20)
    ac.run(folder, workers=1)
    found = ac.calibrate(folder, studies=20, workers=1, endpoints=["mae"])
    assert found.document["comparison"] is None
    assert [one["endpoint"] for one in found.endpoints] == ["mae"]
    assert "not calibrated" in found.document["joint"]["error"]
    with pytest.raises(UsageError, match="it has none"):
        ac.calibrate(folder, candidates="v2")


def test_a_limit_of_zero_and_one_that_nobody_confirmed(tmp_path: Path) -> None:
    """A bias moved to 0 is at the limit but for rounding; doubt about a limit changes no rate."""
    limit = "criterion: {statistic: bias, compare: both, operator: within, limit: [-2, 2], unit: 1/min}"
    zero = 'criterion: {statistic: bias, compare: lower, operator: ">", limit: 0, unit: 1/min'
    found = []
    for name, tier in (("sure", ""), ("doubtful", ", tier: unverified")):
        folder = write(tmp_path / name, PROTOCOL.replace(limit, zero + tier + "}"))
        ac.run(folder, workers=1)
        found.append(ac.calibrate(folder, studies=50, replicates=100, workers=1, endpoints="bias"))
    at = found[0].of("bias", "limit")
    assert abs(at["truth"]) < 1e-12
    assert at["true_decision"] == "not_met"
    sure, doubtful = (one.of("bias", "observed") for one in found)
    assert sure["shown"]["n"] > 0
    assert doubtful["shown"] == sure["shown"]
    assert doubtful["decisions"] == sure["decisions"]
