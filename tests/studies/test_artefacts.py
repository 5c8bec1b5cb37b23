"""A version as an artefact: declared, held against bytes, and carried to everything that a run writes."""

from __future__ import annotations

import hashlib
import json

import polars as pl
import pytest

from accordance.app.cli import main
from accordance.protocols.errors import ContractError
from accordance.reports import report
from accordance.studies.check import check, examine
from accordance.studies.lock import lock
from accordance.studies.run import run

from .conftest import RHYTHM_V1, STUDY, V1, rows

MODEL = b"weights of the model"
SHA256 = hashlib.sha256(MODEL).hexdigest()
ARTEFACT = f"""\
      artefact:
        code: {{repository: "https://git.example.org/wrist", commit: 4f2c91a}}
        sha256: {{models/v2.onnx: {SHA256}, elsewhere/tokens.bin: {"0" * 64}}}
        training:
          statement: 1,204 adults of two cohorts.
          from: 2021-03-01
          to: 2024-06-30
        card: {{intended_use: Rates at rest., limitations: Not for children., owner: A. Owner}}
"""
VERSION = "    v2: {sources: {test: {file: data/test_v2.csv}}}\n"


def with_artefact(artefact: str = ARTEFACT) -> str:
    return STUDY.replace(VERSION, f"    v2:\n      sources: {{test: {{file: data/test_v2.csv}}}}\n{artefact}")


@pytest.fixture
def study(make_study):
    folder = make_study(study=with_artefact())
    (folder / "models").mkdir()
    (folder / "models" / "v2.onnx").write_bytes(MODEL)
    return folder


def test_it_is_carried_to_manifest_results_and_report(study, tmp_path):
    results = run(study)
    declared = results.document["study"]["algorithm"]["versions"]["v2"]["artefact"]
    assert declared["code"] == {
        "repository": "https://git.example.org/wrist",
        "commit": "4f2c91a",
        "url": None,
    }
    assert declared["training"]["from"] == "2021-03-01"
    manifest = json.loads((results.folder / "manifest.json").read_text())
    first, second = manifest["versions"]
    assert (first["id"], first["artefact"], first["artefact_sha256"]) == ("Algorithm@v1", None, None)
    assert second["artefact"] == declared
    assert second["files"] == {"models/v2.onnx": "verified", "elsewhere/tokens.bin": "not here"}
    hashes = {(one["table"], one["version"]): one["content_sha256"] for one in manifest["inputs"]}
    assert second["outputs_sha256"] == hashes["test", "v2"]
    report(results.folder, output=tmp_path / "out", formats=("html",))
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8").replace("<wbr>", "")
    for said in (
        f"Model file models/v2.onnx</th><td>SHA-256 {SHA256}",
        "https://git.example.org/wrist, commit 4f2c91a",
        "1,204 adults of two cohorts.",
        "2021-03-01 to 2024-06-30",
        "Not for children.",
        "A. Owner",
    ):
        assert said in text


def test_check_prints_the_outputs_with_their_hash(study, capsys):
    assert main(["check", str(study), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    tables = examine(study).tables
    assert [one["id"] for one in answer["outputs"]] == ["Algorithm@v1", "Algorithm@v2"]
    assert [one["sha256"] for one in answer["outputs"]] == [
        tables.tests[version]["test"].content_sha256 for version in ("v1", "v2")
    ]
    assert answer["independence"] == []
    assert main(["check", str(study)]) == 0
    printed = capsys.readouterr().out
    assert "Algorithm@v2" in printed
    assert answer["outputs"][1]["sha256"][:16] in printed
    assert "1 of 2 model files verified" in printed


def test_outputs_that_are_the_same_are_said_to_be_whatever_their_file(make_study, capsys):
    own = rows(rate=V1, rhythm=RHYTHM_V1)
    folder = make_study(tables={"test_v2": own})
    pl.DataFrame(own).reverse().write_csv(folder / "data" / "test_v2.csv")
    assert [one.same_as for one in examine(folder).outputs()] == [None, "v1"]
    assert main(["check", str(folder)]) == 0
    assert "the same as v1" in capsys.readouterr().out


def test_a_model_file_that_is_another_one_is_refused(study):
    (study / "models" / "v2.onnx").write_bytes(MODEL + b".")
    with pytest.raises(ContractError) as caught:
        check(study)
    (violation,) = caught.value.violations
    assert violation.file == "models/v2.onnx"
    assert violation.key == "algorithm.versions.v2.artefact.sha256"
    assert violation.found == hashlib.sha256(MODEL + b".").hexdigest()
    assert SHA256 in violation.message


def test_a_file_outside_the_roots_is_not_looked_at(make_study, tmp_path):
    (tmp_path / "other.bin").write_bytes(b"of somebody else")
    folder = make_study(study=with_artefact(f"      artefact: {{sha256: {{../other.bin: {'0' * 64}}}}}\n"))
    (_, second) = examine(folder).outputs()
    assert second.files == {"../other.bin": "not here"}


WRONG = {
    "an unknown key": ("      artefact: {cod: x}\n", "artefact.cod", "unknown key", "code"),
    "an unknown field of the card": (
        "      artefact: {card: {limitation: x}}\n",
        "artefact.card.limitation",
        "unknown key",
        "limitations",
    ),
    "no hash": (
        "      artefact: {sha256: {m.onnx: 12ab}}\n",
        "artefact.sha256",
        "expected a SHA-256 of 64 hexadecimal digits for `m.onnx`",
        None,
    ),
    "no date": (
        "      artefact: {training: {from: spring}}\n",
        "artefact.training.from",
        "expected a date, such as 2026-03-01",
        None,
    ),
    "dates out of order": (
        "      artefact: {training: {from: 2024-01-02, to: 2024-01-01}}\n",
        "artefact.training",
        "`from` (2024-01-02) lies after `to` (2024-01-01)",
        None,
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_its_place(make_study, name):
    artefact, key, message, hint = WRONG[name]
    with pytest.raises(ContractError) as caught:
        check(make_study(study=with_artefact(artefact)))
    (violation,) = caught.value.violations
    assert violation.key == f"algorithm.versions.v2.{key}"
    assert message in violation.message
    assert violation.suggestion == hint
    assert violation.file.endswith("study.yaml") and violation.line is not None


def test_all_that_is_wrong_is_said_at_once(make_study):
    artefact = "      artefact: {cod: x, sha256: {m: 1}, card: {date: 2024}, training: {to: x, sites: [a]}}\n"
    with pytest.raises(ContractError) as caught:
        check(make_study(study=with_artefact(artefact)))
    keys = {str(one.key).rpartition("artefact.")[2] for one in caught.value.violations}
    assert keys >= {"cod", "sha256", "card.date", "training.to", "training.sites"}


def test_one_address_stands_for_the_code(make_study):
    study = check(make_study(study=with_artefact("      artefact: {code: https://x.example.org/v2}\n")))
    artefact = study.config.algorithm.versions["v2"].artefact
    assert artefact is not None and artefact.code is not None
    assert artefact.code.url == "https://x.example.org/v2"


@pytest.mark.parametrize(
    ("before", "after", "post_hoc"),
    [
        ("Not for children.", "Not for anybody.", False),  # what is said of it may be amended
        ("commit: 4f2c91a", "commit: 0000000", True),
        (f"elsewhere/tokens.bin: {'0' * 64}", f"elsewhere/tokens.bin: {'1' * 64}", True),
        (ARTEFACT, "", True),
    ],
)
def test_a_lock_fixes_code_and_model_files(study, before, after, post_hoc):
    lock(study, who="A. Author")
    text = (study / "study.yaml").read_text()
    assert before in text
    (study / "study.yaml").write_text(text.replace(before, after))
    results = run(study)
    said = [one["message"] for one in results.document["post_hoc"]]
    assert said == (["has other code or model files than the locked ones"] if post_hoc else [])
    by_version = dict(results.rows.group_by("version").agg(pl.col("pre_specified").all()).iter_rows())
    assert by_version == {"v1": True, "v2": not post_hoc}


def test_a_lock_without_artefacts_is_what_it_was(make_study):
    written = lock(make_study(), who="A. Author")
    assert written["algorithm"]["versions"] == {"v1": {"build": None}, "v2": {"build": None}}
