"""From a study folder to a run folder: the numbers, the files, and that they are the same twice."""

from __future__ import annotations

import hashlib
import json

import polars as pl
import pytest

import accordance as ac
from accordance.protocols.errors import ContractError, UsageError
from accordance.studies import estimating, ledger
from accordance.studies.results import Results
from accordance.studies.run import run
from accordance.studies.schema import COLUMNS, row_id


def row(results, endpoint, statistic, **place):
    wanted = {"view": "primary", "version": results.deciding_version, "by": None, "subgroup": None, **place}
    found = [
        one
        for one in results.endpoint(endpoint).iter_rows(named=True)
        if one["statistic"] == statistic and all(one[name] == value for name, value in wanted.items())
    ]
    assert len(found) == 1
    return found[0]


def bounds(one):
    return one["estimate"], one["ci_lower"], one["ci_upper"]


def test_pefr_first_readings(pefr):
    """Oracle: R 4.2.2, `t.test(test, reference, paired = TRUE)`, and Zou's MOVER with qchisq; 17 readings.

    Bland and Altman 1986, Table 1; direction mini minus large meter.
    """
    results = run(pefr)
    assert bounds(row(results, "bias", "bias")) == pytest.approx(
        (2.11764705882353, -17.8135435789981, 22.0488376966452), rel=1e-8
    )
    assert row(results, "bias", "sd")["estimate"] == pytest.approx(38.7651298736074, rel=1e-8)
    assert bounds(row(results, "lower_limit", "loa_lower")) == pytest.approx(
        (-73.8606113494646, -117.588284428852, -47.1095776724825), rel=1e-8
    )
    assert bounds(row(results, "upper_limit", "loa_upper")) == pytest.approx(
        (78.0959054671117, 51.3448717901296, 121.823578546499), rel=1e-8
    )
    assert row(results, "bias", "bias")["decision"] == "met"
    assert row(results, "lower_limit", "loa_lower")["decision"] == "not_met"
    assert results.decision == "not_met"
    assert results.document["decision_words"] == "Success criterion demonstrated: no"


def test_pefr_repeated_measures(pefr):
    """Oracle: R package SimplyAgree 0.3.0, `agree_reps` and `agree_nest` (two-sided 95%), and Zou 2013."""
    results = run(pefr)
    constant = row(results, "replicates_constant", "loa_lower")
    varying = row(results, "replicates_varying", "loa_upper")
    assert bounds(constant) == pytest.approx(
        (-67.7725981768426, -103.180303151109, -46.3666287859959), rel=1e-8
    )
    assert bounds(varying) == pytest.approx((79.7793524682145, 58.1765457545266, 115.585198707618), rel=1e-8)
    assert (varying["n_subjects"], varying["n_units"], varying["n_events"]) == (17, 34, None)


def test_spa_meets_its_goals_on_results_and_misses_one_when_no_result_is_an_alarm(spa):
    results = run(spa)
    assert results.decision == "met"
    views = {
        (endpoint, view): row(results, endpoint, endpoint, view=view)
        for endpoint in ("sensitivity", "specificity")
        for view in ("primary", "classifiable_only", "as_positive", "as_negative")
    }
    assert {place: one["decision"] for place, one in views.items()} == {
        ("sensitivity", "primary"): "met",
        ("sensitivity", "classifiable_only"): "met",
        ("sensitivity", "as_positive"): "met",
        ("sensitivity", "as_negative"): views["sensitivity", "as_negative"]["decision"],
        ("specificity", "primary"): "met",
        ("specificity", "classifiable_only"): "met",
        ("specificity", "as_positive"): "not_met",
        ("specificity", "as_negative"): "met",
    }
    same = ("estimate", "ci_lower", "ci_upper", "n_units", "n_events", "decision")
    primary, only = views["specificity", "primary"], views["specificity", "classifiable_only"]
    assert [primary[name] for name in same] == [only[name] for name in same]
    # every recording without a result is added to the denominator, and to the events of one side only
    positive, negative = views["specificity", "as_positive"], views["specificity", "as_negative"]
    assert positive["n_units"] == negative["n_units"] > only["n_units"]
    assert positive["n_events"] == only["n_events"]
    assert negative["n_events"] - only["n_events"] == negative["n_units"] - only["n_units"]
    reported = row(results, "yield", "yield")
    assert reported["n_units"] - reported["n_events"] == sum(
        views[endpoint, "as_positive"]["n_units"] - views[endpoint, "primary"]["n_units"]
        for endpoint in ("sensitivity", "specificity")
    )


def test_every_version_is_evaluated_and_one_decides(spa):
    results = run(spa)
    assert results.rows["version"].unique(maintain_order=True).to_list() == ["v1_0", "v1_1"]
    assert results.deciding_version == "v1_1"
    assert row(results, "sensitivity", "sensitivity", version="v1_0")["decision"] == "not_met"
    assert {one["version"] for one in results.deciding()} == {"v1_1"}


def test_a_run_folder_holds_what_the_contract_names(make_study):
    study = make_study()
    results = run(study)
    folder = results.folder
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert files == [
        "log.jsonl",
        "manifest.json",
        "pairs/epochs@v1.parquet",
        "pairs/epochs@v2.parquet",
        "results.json",
        "results.parquet",
    ]
    assert folder.parent == study / "runs"
    assert [path.name for path in (study / "runs").iterdir()] == [folder.name]
    assert pl.read_parquet(folder / "results.parquet").schema == pl.Schema(COLUMNS)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["protocol_sha256"] == results.document["protocol_sha256"]
    assert manifest["seed"] == 7
    inputs = {(entry["table"], entry["version"]): entry for entry in manifest["inputs"]}
    assert inputs["reference", None]["rows"] == 12
    data = (study / "data" / "test_v1.csv").read_bytes()
    assert inputs["test", "v1"]["files"][0]["sha256"] == hashlib.sha256(data).hexdigest()
    entry = ledger.read(study)[-1]
    assert entry["what"] == "run"
    assert entry["details"]["run"] == folder.name == results.run_id
    written = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert entry["details"]["manifest_sha256"] == written


def test_the_log_carries_ids_and_counts_only(make_study):
    text = (run(make_study()).folder / "log.jsonl").read_text(encoding="utf-8")
    allowed = {"time", "event", "table", "version", "rows", "pairing", "errors", "run"}
    for line in text.splitlines():
        assert set(json.loads(line)) <= allowed


def test_document_and_table_say_the_same(make_study):
    results = run(make_study())
    listed = [one for entry in results.document["endpoints"] for one in entry["rows"]]
    assert listed == results.rows.to_dicts()
    assert len({one["row_id"] for one in listed}) == len(listed)
    assert all(one["row_id"] == row_id(one) for one in listed)
    again = Results.open(results.folder)
    assert again.document == results.document
    assert again.rows.equals(results.rows)


def test_endpoints_carry_the_decision_of_the_row_that_speaks_for_them(make_study):
    document = run(make_study()).document
    by_id = {entry["id"]: entry for entry in document["endpoints"]}
    assert by_id["error"]["decision"] == "met"
    assert by_id["error"]["decision_words"] == "Met"
    assert by_id["sensitivity"]["decision"] == "informative"
    coverages = ["coverage_epochs_rate", "coverage_epochs_rhythm"]
    assert list(by_id) == ["error", "sensitivity", "yield", *coverages]
    assert list(dict.fromkeys(row["endpoint"] for row in document["coverage"])) == coverages
    assert document["yield"][0]["endpoint"] == "yield"


SAME_APART_FROM = ("run",)


def content(results):
    return {name: value for name, value in results.document.items() if name not in SAME_APART_FROM}


def test_one_worker_and_two_give_the_same_numbers(spa):
    first, second = run(spa, workers=1), run(spa, workers=2)
    assert content(first) == content(second)
    assert first.rows.equals(second.rows)
    assert first.folder != second.folder
    assert first.run_id.split("_")[1] == second.run_id.split("_")[1]


def test_shuffled_rows_give_the_same_numbers(make_study):
    study = make_study()
    first = run(study)
    for file in (study / "data").glob("*.csv"):
        frame = pl.read_csv(file, infer_schema=False)
        frame.sample(fraction=1.0, shuffle=True, seed=11).write_csv(file)
    second = run(study)
    assert content(first) == content(second)


def test_a_resampled_bound_follows_the_seed_alone(make_study):
    study = make_study()
    error = row(run(study), "error", "rmse")
    text = (study / "protocol.yaml").read_text(encoding="utf-8")
    (study / "protocol.yaml").write_text(
        text.replace("A study made for a test", "Another title"), encoding="utf-8"
    )
    retitled = row(run(study), "error", "rmse")
    (study / "protocol.yaml").write_text(text.replace("seed: 7", "seed: 8"), encoding="utf-8")
    reseeded = row(run(study), "error", "rmse")
    assert bounds(error) == bounds(retitled)
    assert error["estimate"] == reseeded["estimate"]
    assert error["ci_lower"] != reseeded["ci_lower"]
    assert error["mc_error"] > 0


def test_strata_change_the_resampling_and_not_the_estimate(make_study):
    study = make_study()
    plain = row(run(study), "error", "rmse")
    text = (study / "protocol.yaml").read_text(encoding="utf-8")
    text = text.replace("replicates: 500", "replicates: 500, strata: [cohort]")
    (study / "protocol.yaml").write_text(text, encoding="utf-8")
    stratified = row(run(study), "error", "rmse")
    assert plain["estimate"] == stratified["estimate"]
    assert plain["ci_lower"] != stratified["ci_lower"]


def test_a_metric_that_breaks_is_a_row_with_its_error(make_study, monkeypatch):
    """A plug-in's bug must neither stop the study nor hide."""
    original = estimating.blocks.prepare

    def broken(metric, *args, **named):
        if metric.name == "rmse":
            raise ZeroDivisionError("a bug")
        return original(metric, *args, **named)

    monkeypatch.setattr(estimating.blocks, "prepare", broken)
    results = run(make_study())
    failed = row(results, "error", "rmse")
    assert (failed["estimate"], failed["error"]) == (None, "ZeroDivisionError: a bug")
    assert results.decision == "not_evaluable"
    assert row(results, "sensitivity", "sensitivity")["estimate"] == 1.0


def test_accounting_adds_up_to_the_rows_read(make_study):
    changed = {"exclusion": ["withdrawn", None, None, None, None, None]}
    subjects = {
        "subject": ["001", "002", "003", "004", "005", "006"],
        "cohort": ["A", "A", "A", "B", "B", "B"],
        "age": [20, 64, 65, 74, 75, None],
        **changed,
    }
    results = run(make_study(tables={"subjects": subjects}))
    for entry in results.document["accounting"]:
        steps = {step["code"]: step for step in entry["steps"]}
        assert steps["withdrawn"]["n_pairs"] == 2
        whole = results.pairs(entry["pairing"], entry["version"])
        assert whole["reference_row"].n_unique() == whole["test_row"].n_unique() == 12
    assert row(results, "error", "rmse")["n_subjects"] == 5


def test_demographics_by_cohort(make_study):
    entries = run(make_study()).document["demographics"]
    ages = {(entry["version"], entry["group"]): entry for entry in entries if entry["column"] == "age"}
    whole = ages["v2", None]
    assert (whole["n_subjects"], whole["n"], whole["missing"]) == (6, 5, 1)
    # mean and SD of 20, 64, 65, 74, 75 (R: mean(), sd())
    assert (whole["mean"], whole["sd"]) == pytest.approx((59.6, 22.700220), rel=1e-6)
    assert (ages["v2", "A"]["median"], ages["v2", "B"]["maximum"]) == (64, 75)
    cohort = next(e for e in entries if e["column"] == "cohort" and e["group"] is None)
    assert cohort["levels"] == [{"level": "A", "n": 3}, {"level": "B", "n": 3}, {"level": "C", "n": 0}]


def test_output_goes_where_it_is_asked_to(make_study, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    results = run(make_study(), output=elsewhere)
    assert results.folder.parent == elsewhere
    assert Results.latest(elsewhere).run_id == results.run_id


def test_progress_runs_from_zero_to_one(make_study):
    told = []
    run(make_study(), progress=lambda what, share: told.append(share))
    assert told[0] == 0.0
    assert told[-1] == 1.0
    assert told == sorted(told)


def test_the_root_runs_a_study(make_study):
    assert ac.run(make_study()).decision == "met"


def test_no_study_there(tmp_path):
    with pytest.raises(UsageError, match=r"has no study\.yaml"):
        run(tmp_path)


def test_a_contract_violation_stops_before_anything_is_computed(make_study):
    broken = {"subject": ["001"] * 2, "epoch": [1, 2], "rate": [60, -4], "rhythm": ["AF", "VT"]}
    study = make_study(tables={"reference": broken})
    with pytest.raises(ContractError) as caught:
        run(study)
    text = str(caught.value)
    assert "rate" in text
    assert "VT" in text
    assert not (study / "runs").exists()
    assert not (study / "ledger.jsonl").exists()
