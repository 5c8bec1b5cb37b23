"""The face: which files, where, whole or not at all; and studies that are odd, hostile or locked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from accordance.protocols.errors import IntegrityError, OutputError, UsageError
from accordance.reports import report
from accordance.studies import lock as locks
from accordance.studies import run as runs
from accordance.studies.results import Results

Plain = Callable[[str], str]
MakeStudy = Callable[..., Path]

HOSTILE = '<script>alert(1)</script> & "Größe" Ωμέγα Ждать {{ 7*7 }} ' + "very long title " * 12


def html_of(results: Results, output: Path) -> str:
    report(results.folder, output=output, formats=("html",))
    return (output / "report.html").read_text(encoding="utf-8")


def test_writes_into_the_run_folder_and_leaves_nothing_else(pefr: Results, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    shutil.copytree(pefr.folder, copied)
    before = {path.name for path in copied.iterdir()}
    written = report(copied, formats=("html",))
    assert {path.name for path in written} == {"junit.xml", "report.html"}
    assert {path.name for path in copied.iterdir()} == before | {"junit.xml", "report.html"}


def test_run_elsewhere_has_no_human_sections_unless_told(pefr: Results, tmp_path: Path, plain: Plain) -> None:
    copied = tmp_path / "run"
    shutil.copytree(pefr.folder, copied)
    assert "To be written by Safety" in plain(html_of(Results.open(copied), tmp_path / "a"))
    report(copied, output=tmp_path / "b", formats=("html",), study=pefr.folder.parent.parent)
    assert "To be written by Safety" not in plain(
        (tmp_path / "b" / "report.html").read_text(encoding="utf-8")
    )


def test_unknown_format_and_no_run_are_refused(pefr: Results, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"docx.*pdf, html"):
        report(pefr.folder, formats=("docx",), output=tmp_path)
    with pytest.raises(UsageError):
        report(tmp_path)


def test_changed_results_are_refused(pefr: Results, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    shutil.copytree(pefr.folder, copied)
    document = json.loads((copied / "results.json").read_text(encoding="utf-8"))
    document["decision"] = "met"
    (copied / "results.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(IntegrityError, match="changed after the run"):
        report(copied)


def test_output_that_cannot_be_written(pefr: Results, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot be written"):
        report(pefr.folder, output=blocker / "inside", formats=("html",))


def test_junit_has_a_case_a_criterion(pefr: Results, pefr_files: dict[str, Path]) -> None:
    root = ElementTree.parse(pefr_files["junit.xml"]).getroot()
    suites = {suite.get("name"): suite for suite in root}
    cases = suites["deciding"].findall("testcase")
    decisions = [row["decision"] for row in pefr.deciding()]
    assert len(cases) == len(decisions) == int(suites["deciding"].get("tests", ""))
    assert sum(case.find("failure") is not None for case in cases) == decisions.count("not_met")
    failed = next(case.find("failure") for case in cases if case.find("failure") is not None)
    assert failed is not None
    assert "Not met; the interval leaves the goal open" in failed.get("message", "")


def test_hostile_and_long_titles(tmp_path: Path, make_study: MakeStudy) -> None:
    place = make_study(tmp_path / "study", "pefr-1986")
    for name, key in (("protocol.yaml", "title: Agreement"), ("study.yaml", "title: Mini")):
        text = (place / name).read_text(encoding="utf-8")
        line = next(line for line in text.splitlines() if line.startswith(key))
        (place / name).write_text(text.replace(line, "title: " + json.dumps(HOSTILE)), encoding="utf-8")
    (place / "sections" / "design.md").write_text(HOSTILE, encoding="utf-8")
    results = runs.run(place, workers=1)
    written = {path.name: path for path in report(results.folder)}
    text = written["report.html"].read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "{{ 7*7 }}" in text
    assert "Ωμέγα Ждать" in text
    assert written["report.pdf"].stat().st_size > 50_000


def test_no_analysable_rows_make_a_report_that_says_so(
    tmp_path: Path, plain: Plain, make_study: MakeStudy
) -> None:
    place = make_study(
        tmp_path / "study",
        "pefr-1986",
        lambda text: text.replace('where: {replicate: "1"}', "where: {reference.pefr: {above: 999}}"),
    )
    results = runs.run(place, workers=1)
    assert results.decision == "not_evaluable"
    written = {path.name: path for path in report(results.folder)}
    page = plain(written["report.html"].read_text(encoding="utf-8"))
    assert "Success criterion demonstrated: not evaluable" in page
    assert "could not be evaluated for" in page
    assert "Not evaluable" in page
    root = ElementTree.parse(written["junit.xml"]).getroot()
    assert int(root[0].get("errors", "")) == 3


def test_one_pair_makes_a_report(tmp_path: Path, plain: Plain, make_study: MakeStudy) -> None:
    place = make_study(
        tmp_path / "study",
        "pefr-1986",
        lambda text: text.replace('where: {replicate: "1"}', 'where: {replicate: "1", subject: ["1"]}'),
    )
    results = runs.run(place, workers=1)
    page = plain(html_of(results, tmp_path / "out"))
    assert "1 pairs of 1 subjects" in page or "1 pair" in page
    assert results.decision == "not_evaluable"


def test_locked_study_says_so_and_stamps_what_differs(
    tmp_path: Path, plain: Plain, make_study: MakeStudy
) -> None:
    place = make_study(tmp_path / "study", "pefr-1986")
    locks.lock(place, who="A. Person")
    results = runs.run(place, workers=1)
    page = plain(html_of(results, tmp_path / "locked"))
    assert "the decision follows the locked plan" in page
    assert "by A. Person" in page
    assert "Nothing differs from the locked plan" in page
    assert "post hoc</span>" not in (tmp_path / "locked" / "report.html").read_text(encoding="utf-8")

    protocol = place / "protocol.yaml"
    protocol.write_text(
        protocol.read_text(encoding="utf-8").replace("[-30, 30]", "[-40, 40]"), encoding="utf-8"
    )
    after = runs.run(place, workers=1)
    text = html_of(after, tmp_path / "after")
    assert "the decision does NOT follow the locked plan" in plain(text)
    assert '<span class="stamp">post hoc</span>' in text
    changed = after.rows.filter(pl.col("pre_specified").not_())
    assert 0 < changed.height < after.rows.height
    register = plain(text).split("Appendix B. Register")[-1].split("Appendix C")[0]
    assert all(row["row_id"][:8] in register for row in changed.iter_rows(named=True))
    assert not any(
        row["row_id"][:8] in register
        for row in after.rows.filter(pl.col("pre_specified")).iter_rows(named=True)
    )


def test_report_of_a_run_stays_the_same_after_later_runs(tmp_path: Path, make_study: MakeStudy) -> None:
    place = make_study(tmp_path / "study", "pefr-1986")
    first = runs.run(place, workers=1)
    before = html_of(first, tmp_path / "before")
    runs.run(place, workers=1)
    assert html_of(first, tmp_path / "after") == before
