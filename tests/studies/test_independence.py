"""A version that was trained on its test subjects decides nothing; shared sites and dates are said."""

from __future__ import annotations

import json
from datetime import date

import polars as pl
import pytest

import accordance as ac
from accordance.app.cli import main
from accordance.protocols.errors import ContractError
from accordance.reports import report
from accordance.studies.check import check, examine
from accordance.studies.independence import TestSet, compared
from accordance.studies.lock import lock
from accordance.studies.run import run
from accordance.studies.training_manifest import training_manifest

from .conftest import ENDPOINTS, PROTOCOL, STUDY, SUBJECTS, rows

SALT = "0123456789abcdef"
UNKNOWN = "somebody-else"


def trained(make_study, subjects, *, versions=("v2",), form="yaml", **parts):
    """A study whose versions name a manifest of some subjects, and somebody who is not in the study."""
    study = STUDY
    for version in versions:
        old = f"    {version}: {{sources: {{test: {{file: data/test_{version}.csv}}}}}}\n"
        assert old in study
        manifest = f"artefact: {{training: {{manifest: training.{form}}}}}"
        study = study.replace(old, old.replace("}}}\n", f"}}}}, {manifest}}}\n"))
    folder = make_study(study=study, **parts)
    made = training_manifest([*subjects, UNKNOWN], salt=SALT)
    (folder / f"training.{form}").write_text(made.text(form))
    return folder


def judged(results, version):
    rows_ = results.rows.filter((pl.col("version") == version) & pl.col("criterion").is_not_null())
    return {(row["decision"], row["otherwise"]) for row in rows_.iter_rows(named=True)}


@pytest.mark.parametrize("form", ["yaml", "json", "csv"])
def test_one_shared_subject_is_enough(make_study, form):
    results = run(trained(make_study, ["002"], form=form))
    assert results.decision == "not_evaluable"
    assert judged(results, "v2") == {("not_evaluable", "met")}
    assert judged(results, "v1") == {("met", None)}
    (entry,) = results.document["independence"]
    assert entry["subjects"] == {"tested": 6, "overlap": 1, "keys": ["002"]}
    assert (entry["version"], entry["trained_on"], entry["independent"]) == ("v2", 2, False)
    reason = (
        f"1 of 6 test subjects is among those that v2 was trained on (002; training manifest training.{form})"
    )
    assert entry["reason"] == reason
    assert results.document["decision_reasons"] == [f"Root mean square error: {reason}"]


def test_a_version_beside_the_deciding_one_is_withheld_alone(make_study):
    results = run(trained(make_study, ["001", "002"], versions=("v1",)))
    assert results.decision == "met"
    assert judged(results, "v1") == {("not_evaluable", "met")}
    assert judged(results, "v2") == {("met", None)}


def test_nobody_shared(make_study):
    results = run(trained(make_study, [], versions=("v1", "v2")))
    assert results.decision == "met"
    assert [entry["independent"] for entry in results.document["independence"]] == [True, True]


def test_without_manifests_nothing_is_said(make_study):
    assert run(make_study()).document["independence"] == []


def test_estimates_do_not_depend_on_it(make_study):
    columns = ["row_id", "estimate", "ci_lower", "ci_upper", "p_value"]
    with_, without = run(trained(make_study, ["001"])), run(make_study("plain"))
    assert with_.rows.select(columns).equals(without.rows.select(columns))


def test_families_say_what_they_would_have_been(make_study):
    families = "families:\n  f: {endpoints: [error], procedure: holm, alpha: 0.025}\n"
    (family,) = run(trained(make_study, ["001"], endpoints=ENDPOINTS + families)).document["families"]
    assert (family["decision"], family["otherwise"]) == ("not_evaluable", "met")
    assert "trained on" in family["reasons"][0]


def test_subjects_who_are_excluded_are_no_test_subjects(make_study):
    excluded = {**SUBJECTS, "exclusion": ["withdrawn", *[None] * 5]}
    folder = trained(make_study, ["001"], tables={"subjects": excluded})
    results = run(folder)
    assert results.decision == "met"
    (entry,) = results.document["independence"]
    assert entry["subjects"] == {"tested": 5, "overlap": 0, "keys": []}
    assert main(["check", str(folder)]) == 0


def test_subjects_whom_a_population_keeps_are_test_subjects_all_the_same(make_study):
    excluded = {**SUBJECTS, "exclusion": ["withdrawn", *[None] * 5]}
    everybody = "populations:\n  all: {title: Everybody, exclude: []}\n"
    endpoints = ENDPOINTS.replace("    metric: rmse\n", "    metric: rmse\n    population: all\n") + everybody
    folder = trained(make_study, ["001"], tables={"subjects": excluded}, endpoints=endpoints)
    assert main(["check", str(folder)]) == 4
    (entry,) = run(folder).document["independence"]
    assert entry["subjects"] == {"tested": 6, "overlap": 1, "keys": ["001"]}


def test_a_version_that_knew_test_subjects_violates_the_contract(make_study, tmp_path, capsys):
    folder = make_study()
    path = tmp_path / "t.json"
    path.write_text(training_manifest(["001", "004", UNKNOWN], salt=SALT).text("json"))
    assert main(["check", str(folder), "--training-manifest", str(path), "--json"]) == 4
    answer = json.loads(capsys.readouterr().out)
    assert (answer["exit_code"], answer["error"]["kind"], answer["error"]["exit_code"]) == (4, "contract", 4)
    assert answer["violations"] == answer["error"]["violations"]
    assert [one["key"] for one in answer["violations"]] == [f"algorithm.versions.{v}" for v in ("v1", "v2")]
    assert "2 of 6 test subjects are among those that v1" in answer["violations"][0]["message"]
    assert [entry["version"] for entry in answer["independence"]] == ["v1", "v2"]
    assert answer["independence"][0]["subjects"]["keys"] == ["001", "004"]
    assert main(["check", str(folder), "--training-manifest", f"v1={path}"]) == 4
    printed = capsys.readouterr().out
    assert "nothing can be decided about v1 on these subjects" in printed
    assert "satisfy their contract" not in printed
    assert "2 of 6 test subjects are among those that v1 was trained on (001, 004;" in " ".join(
        printed.split()
    )
    assert UNKNOWN not in printed


def test_check_with_nobody_shared_ends_with_0(make_study, tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_text(training_manifest([UNKNOWN], salt=SALT).text("csv"))
    assert main(["check", str(make_study()), "--training-manifest", f"v2={path}"]) == 0
    assert "v2: none of 6 test subjects is among 1 that it was trained on." in capsys.readouterr().out


def test_two_manifests_for_a_version_are_refused(make_study, tmp_path, capsys):
    path = tmp_path / "t.yaml"
    path.write_text(training_manifest([UNKNOWN], salt=SALT).text())
    words = [
        "check",
        str(make_study()),
        "--training-manifest",
        str(path),
        "--training-manifest",
        f"v2={path}",
    ]
    assert main(words) == 2
    assert "version v2 has two" in " ".join(capsys.readouterr().err.split())


def test_a_broken_manifest_stops_run_and_check_with_everything_else(make_study):
    folder = trained(make_study, ["001"], tables={"reference": rows(rate=[-1.0, *rows()["rate"][1:]])})
    text = (folder / "training.yaml").read_text()
    (folder / "training.yaml").write_text(text.replace(SALT, "another salt, a wrong one"))
    for act in (check, run):
        with pytest.raises(ContractError) as caught:
            act(folder)
        assert {one.file for one in caught.value.violations} == {"training.yaml", "data/reference.csv"}


def test_a_manifest_outside_the_roots_and_one_that_is_not_there(make_study, tmp_path):
    folder = trained(make_study, ["001"])
    text = (folder / "study.yaml").read_text()
    for name, message in (("../t.yaml", "below a declared root"), ("t.yaml", "no such file")):
        (folder / "study.yaml").write_text(text.replace("training.yaml", name))
        with pytest.raises(ContractError, match=message):
            check(folder)


def test_a_manifest_that_changed_after_the_lock_is_post_hoc(make_study):
    folder = trained(make_study, [])
    lock(folder, who="A. Author")
    assert run(folder).document["post_hoc"] == []
    (folder / "training.yaml").write_text(training_manifest(["x"], salt=SALT).text())
    (difference,) = run(folder).document["post_hoc"]
    assert (difference["id"], difference["message"]) == (
        "v2",
        "has another training manifest than the locked one",
    )


def test_a_manifest_is_locked_where_there_are_no_data_yet(make_study):
    folder = trained(make_study, [])
    (folder / "data" / "test_v2.csv").rename(folder / "later.csv")
    written = lock(folder, who="A. Author", without_data=True)
    assert set(written["algorithm"]["versions"]["v2"]) == {"build", "training_manifest_sha256"}
    assert written["data"] is None
    (folder / "later.csv").rename(folder / "data" / "test_v2.csv")
    assert run(folder).document["post_hoc"] == []
    (folder / "training.yaml").write_text(training_manifest(["x"], salt=SALT).text())
    results = run(folder)
    (difference,) = results.document["post_hoc"]
    assert difference["message"] == "has another training manifest than the locked one"
    assert not results.rows.filter(pl.col("version") == "v2")["pre_specified"].any()


def test_a_broken_manifest_is_not_locked(make_study):
    folder = trained(make_study, [])
    (folder / "training.yaml").write_text("subjects: [x]\n")
    with pytest.raises(ContractError, match=r"training\.yaml"):
        lock(folder, who="A. Author", without_data=True)
    assert not (folder / "study.lock").exists()


WITHOUT_002 = {name: [*values[:2], *values[4:]] for name, values in rows().items()}


def test_who_only_counts_without_an_output_is_tested_on_too(make_study):
    folder = trained(make_study, ["002"], tables={"test_v2": WITHOUT_002})
    results = run(folder)
    coverage = results.rows.filter(pl.col("metric") == "coverage", version="v2").row(0, named=True)
    assert (coverage["n_subjects"], coverage["estimate"]) == (6, pytest.approx(10 / 12))
    assert results.decision == "not_evaluable"
    (entry,) = results.document["independence"]
    assert entry["subjects"] == {"tested": 6, "overlap": 1, "keys": ["002"]}
    found = ac.compare(folder, baseline="v1", candidates="v2", overlap=True)
    assert found.document["decisions"]["v2"]["decision"] == "not_evaluable"


def test_who_has_no_reference_and_counts_nowhere_is_not_tested_on(make_study):
    folder = trained(make_study, ["002"], tables={"reference": WITHOUT_002})
    (entry,) = run(folder).document["independence"]
    assert (entry["subjects"]["tested"], entry["independent"]) == (5, True)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_comparison_with_a_version_that_knew_test_subjects_decides_nothing(make_study, version):
    found = ac.compare(trained(make_study, ["002"], versions=(version,)), baseline="v1", candidates="v2")
    plain = ac.compare(make_study("plain"), baseline="v1", candidates="v2")
    assert plain.document["decisions"]["v2"]["decision"] != "not_evaluable"
    assert plain.document["independence"] == []
    assert found.document["decisions"]["v2"]["decision"] == "not_evaluable"
    (entry,), (free,) = found.document["comparisons"], plain.document["comparisons"]
    reason = f"1 of 6 test subjects is among those that {version} was trained on"
    assert reason in entry["words"] and reason in entry["reason"]
    assert not entry["worse"]
    assert entry["improvement"] == free["improvement"]
    assert all(one["decision"] == "not_evaluable" for one in entry["subgroups"])
    rows_ = pl.read_parquet(found.folder / "results.parquet")
    assert set(rows_["decision"]) == {"not_evaluable"}
    assert rows_["error"].str.contains(reason).all()
    assert UNKNOWN not in (found.folder / "comparison.json").read_text()


def test_the_report_says_it(make_study, tmp_path):
    results = run(trained(make_study, ["001"]))
    report(results.folder, output=tmp_path / "out", formats=("html",))
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8").replace("<wbr>", "")
    assert (
        "1 of 6 test subjects is among those that v2 was trained on (001; training manifest training.yaml)."
        in text
    )
    assert UNKNOWN not in text


def manifest(**more):
    return training_manifest(["a", "b"], salt=SALT, **more)


@pytest.mark.parametrize(
    ("first", "last", "overlap"),
    [
        ("2024-01-01", "2024-03-01", True),
        ("2024-03-31", None, True),
        (None, "2024-03-01", True),
        ("2024-04-01", None, False),
        (None, "2024-02-29", False),
        (None, None, None),
    ],
)
def test_dates(first, last, overlap):
    test = TestSet(("c",), None, date(2024, 3, 1), date(2024, 3, 31))
    entry = compared(manifest(first=first, last=last), test, "v1")
    assert entry["dates"]["overlap"] is overlap
    assert bool(entry["notes"]) is bool(overlap)
    assert entry["independent"] and entry["reason"] is None


def test_keys_that_are_written_otherwise_are_said_and_prove_nothing(make_study):
    entry = compared(
        training_manifest(["S-01", "7", "x"], salt=SALT), TestSet(("S1", "s_1", "007", "X1")), "v1"
    )
    assert entry["independent"]
    assert entry["subjects"]["keys"] == []
    (note,) = entry["notes"]
    assert note.startswith("1 of 4 test subjects would be among those that it was trained on if their keys")
    assert note.endswith(": 007")
    made = training_manifest(["s1", "A12", "00042", "zoe"], salt=SALT)
    assert made.alike(["S1", "a-12", "42", "Zoe", "s1", "A1", "4", "zoey"]) == ["42", "S1", "Zoe", "a-12"]
    results = run(trained(make_study, ["1", "4x"]))
    assert results.decision == "met"
    (entry,) = results.document["independence"]
    assert "would be among those" in entry["notes"][0] and entry["notes"][0].endswith(": 001")


def test_sites_are_compared_without_regard_to_case_and_blanks():
    entry = compared(manifest(sites=["Basel  West", "Ulm"]), TestSet(("c",), ("Bern", "basel west")), "v1")
    assert entry["sites"]["overlap"] == ["basel west"]
    assert entry["notes"] == ["1 of 2 test sites are training sites: basel west"]
    assert compared(manifest(), TestSet(("c",), ("Bern",)), "v1")["sites"] is None
    assert compared(manifest(sites=["Ulm"]), TestSet(("c",)), "v1")["sites"] is None


def test_sites_and_days_of_a_study(make_study, tmp_path, capsys):
    protocol = PROTOCOL.replace("      age: {type", "      site: {type: text}\n      age: {type").replace(
        "      rate: {type", "      day: {type: date}\n      rate: {type"
    )
    days = [f"2024-03-{day:02}" for day in range(1, 13)]
    dated = {
        name: {**rows(), "day": days if name == "reference" else days[::-1]}
        for name in ("reference", "test_v1", "test_v2")
    }
    subjects = {**SUBJECTS, "site": ["Bern", "Bern", "Ulm", "Ulm", "Ulm", "Basel"]}
    folder = make_study(protocol=protocol, tables={**dated, "subjects": subjects})
    checked = examine(folder)
    made = checked.training_manifest(SALT)
    assert (made.sites, made.first, made.last) == (("Basel", "Bern", "Ulm"), "2024-03-01", "2024-03-12")
    assert made.overlap(SUBJECTS["subject"]) == SUBJECTS["subject"]
    path = tmp_path / "t.yaml"
    path.write_text(
        training_manifest([UNKNOWN], salt=SALT, sites=["ulm"], first="2024-03-12").text(), encoding="utf-8"
    )
    assert main(["check", str(folder), "--training-manifest", f"v1={path}"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Attention: 1 of 3 test sites are training sites: Ulm." in printed
    assert (
        "Attention: test data from 2024-03-01 to 2024-03-12 were recorded while training data were "
        "(2024-03-12 to open)." in printed
    )


def test_manifests_are_written_by_the_command_line(make_study, tmp_path, capsys):
    folder, ids = make_study(), tmp_path / "ids.txt"
    ids.write_text("001\n001\nx\n")
    out = tmp_path / "t.csv"
    words = ["check", "--training-subjects", str(ids), "--write-training-manifest", str(out), "--salt", SALT]
    assert main(words) == 0
    assert "2 subjects (1 of the list repeat others)" in capsys.readouterr().out
    assert main(["check", str(folder), "--training-manifest", str(out)]) == 4
    assert main(words) == 2  # nothing is overwritten
    own = tmp_path / "own.json"
    assert main(["check", str(folder), "--write-training-manifest", str(own), "--json"]) == 0
    assert main(["check", str(folder), "--training-manifest", str(own)]) == 4
    assert main(["check", str(folder), "--training-subjects", str(ids)]) == 2
    assert main(["check", str(folder), "--write-training-manifest", str(tmp_path / "t.txt")]) == 2
    assert main([*words[:2], str(tmp_path / "none"), *words[3:4], str(tmp_path / "new.csv")]) == 4
    assert not (tmp_path / "new.csv").exists()
