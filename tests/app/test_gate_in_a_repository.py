"""Pull requests of a scratch repository, from a branch with other outputs to the gate's exit code.

The scripts are those that `init --ci` writes, run by bash as a forge runs them.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from forge import Done, Forge

from accordance.app.cli import main

PROTOCOL = """\
schema: accordance/protocol/1
id: scratch
version: "1"
title: Fibrillation at the wrist
intended_use: Tests.
objective: To refuse a version that finds less.
tables:
  reference:
    key: [subject, recording]
    columns:
      subject: {type: text}
      recording: {type: integer}
      rhythm: {type: category, levels: [AF, SR]}
  test:
    key: [subject, recording]
    columns:
      subject: {type: text}
      recording: {type: integer}
      rhythm: {type: category, levels: [AF, SR]}
pairings:
  recordings: {reference: reference, test: test, on: [subject, recording]}
endpoints:
  sensitivity:
    title: Sensitivity
    role: primary
    metric: sensitivity
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [AF]
    interval: {method: cluster_t}
    criterion: {compare: lower, operator: ">", limit: 0.8, source: Made up.}
comparison:
  endpoints:
    sensitivity: {margin: 0.02}
seed: 11
"""
STUDY = """\
schema: accordance/study/1
id: scratch
title: Fibrillation at the wrist
protocol: protocol.yaml
sources:
  reference: {file: data/reference.csv}
algorithm:
  name: Wrist
  decides: v2
  versions:
    v1: {sources: {test: {file: data/test_v1.csv}}}
    v2: {sources: {test: {file: data/test_v2.csv}}}
    v3: {sources: {test: {file: data/test_v3.csv}}}
"""
SUBJECTS, RECORDINGS = 240, 4
HEAD = "subject,recording,rhythm\n"


def outputs(missed: set[int], subjects: int = SUBJECTS) -> str:
    """All recordings are of fibrillation; those that are missed, by their number."""
    rows = [(subject, recording) for subject in range(subjects) for recording in range(RECORDINGS)]
    return HEAD + "".join(
        f"s{subject:03},{recording},{'SR' if at in missed else 'AF'}\n"
        for at, (subject, recording) in enumerate(rows)
    )


ALL = SUBJECTS * RECORDINGS  # 960 recordings
OLD = set(range(0, ALL, 20))  # v1 misses 48 of 960: sensitivity 95%
LOWER = OLD | set(range(7, ALL, 20))  # 48 more: 90%, 5 points lower
SAME = {at if at % 80 else at + 4 for at in OLD}  # as many; 12 of them of other subjects

SMALL = {
    "reference.csv": outputs(set(), 12),
    "test_v1.csv": outputs({5, 17, 40}, 12),
    "test_v2.csv": outputs({5, 23, 30}, 12),
    "test_v3.csv": outputs({9, 23, 41}, 12),
}
"""Twelve subjects, three misses of each version."""


def git(repository: Path, *words: str) -> None:
    identity = (
        "-c",
        "user.name=A. Tester",
        "-c",
        "user.email=tester@example.org",
        "-c",
        "commit.gpgsign=false",
    )
    subprocess.run(["git", *identity, *words], cwd=repository, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose main branch holds the study, its versions alike, with both templates."""
    place = tmp_path / "repository"
    (place / "data").mkdir(parents=True)
    git(place, "init", "-b", "main")
    (place / "study.yaml").write_text(STUDY, encoding="utf-8")
    (place / "protocol.yaml").write_text(PROTOCOL, encoding="utf-8")
    (place / "data" / "reference.csv").write_text(outputs(set()), encoding="utf-8")
    for version in ("v1", "v2", "v3"):
        (place / "data" / f"test_{version}.csv").write_text(outputs(OLD), encoding="utf-8")
    for name in ("github", "gitlab"):
        assert main(["init", str(place), "--ci", name]) == 0
    git(place, "add", "--all")
    git(place, "commit", "-m", "A study with its gate")
    return place


def pull_request(repository: Path, forge: str, files: dict[str, str], **inputs: str) -> Done:
    """A branch with other outputs, and what the forge's job says of it."""
    git(repository, "checkout", "-b", "change")
    for name, text in files.items():
        (repository / "data" / name).write_text(text, encoding="utf-8")
    git(repository, "commit", "--all", "-m", "Change the outputs")
    runner = Forge(repository, repository.parent / "runner")
    return runner.github(**inputs) if forge == "github" else runner.gitlab(**inputs)


def suite(done: Done) -> dict[str, str]:
    return dict(ElementTree.parse(done.answer / "junit.xml").getroot()[0].attrib)


def summary(done: Done) -> str:
    return (done.answer / "summary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_five_points_less_are_refused(repository: Path, forge: str) -> None:
    done = pull_request(repository, forge, {"test_v2.csv": outputs(LOWER)})
    assert done.code == 1, done.log
    assert suite(done)["failures"] == "1"
    assert "**The gate is closed.** `v2` is **inferior**." in summary(done)
    line = "| 95.0% | 90.0% | −5.0 pp (−6.3 to −3.7) | 2 pp |"
    assert line in summary(done).replace("\N{NO-BREAK SPACE}", " ")
    assert done.pip.startswith("-m pip install ") and "accordance==" in done.pip
    if forge == "github":
        assert done.outputs["gate"]["exit-code"] == "1"
        assert done.page == summary(done) + "\nAll files: artefact `accordance` of this run.\n"


def test_what_loses_nothing_passes(repository: Path) -> None:
    done = pull_request(repository, "github", {"test_v2.csv": outputs(SAME)})
    assert done.code == 0, done.log
    assert (suite(done)["tests"], suite(done)["failures"], suite(done)["errors"]) == ("1", "0", "0")
    assert "`v2` is **non-inferior**" in summary(done)
    kept = {"comparison.json", "junit.xml", "summary.md", "report.html"}
    assert {file.name for file in done.answer.iterdir()} == kept
    (report,) = repository.glob("comparisons/*/report.html")
    assert f"Report: `{report.relative_to(repository)}`" in summary(done)
    assert report.with_name("junit.xml").read_bytes() == (done.answer / "junit.xml").read_bytes()


def test_twelve_subjects_are_inconclusive(repository: Path) -> None:
    done = pull_request(repository, "github", SMALL)
    assert done.code == 3, done.log
    assert suite(done)["errors"] == "1"
    assert "**The gate is closed: not decided.** `v2` is **inconclusive**." in summary(done)


def test_inputs_reach_the_commands(repository: Path) -> None:
    asked = {
        "inconclusive": "warn",
        "requirement": "accordance[x] @ a b",
        "candidate": "v2 v3",
        "overlap": "true",
    }
    done = pull_request(repository, "gitlab", SMALL, **asked, require="v3:sensitivity=inconclusive")
    assert done.code == 0, done.log
    assert (suite(done)["tests"], suite(done)["skipped"]) == ("2", "1")
    assert "accordance[x] @ a b" in done.pip
