"""A small study to spoil, and the example studies, run once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from accordance.app.cli import main

sys.path.append(str(Path(__file__).parent))  # so that tests can say `from screen import page`

PROTOCOL = """\
schema: accordance/protocol/1
id: tiny
version: "1"
title: Heart rate on the wrist
intended_use: Heart rate at rest.
objective: Is it close enough?
tables:
  subjects:
    key: [subject]
    columns:
      subject: {type: text}
      sex: {type: category, levels: [female, male]}
  reference:
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      hr: {type: number, unit: beats/min, range: [20, 250]}
      alarm: {type: boolean}
  test:
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      hr: {type: number, unit: beats/min, range: [20, 250]}
      alarm: {type: boolean}
pairings:
  epochs: {reference: reference, test: test, method: key, on: [subject, epoch]}
endpoints:
  closeness:
    title: Bias of heart rate
    role: primary
    metric: bland_altman
    parameters: {truth: varying}
    pairing: epochs
    reference: hr
    test: hr
    criterion: {statistic: bias, compare: both, operator: within, limit: [-5, 5], unit: beats/min}
  alarms:
    title: Sensitivity of the alarm
    role: secondary
    metric: sensitivity
    average: pooled
    pairing: epochs
    reference: alarm
    test: alarm
    interval: {method: cluster_t}
seed: 1
"""

STUDY = """\
schema: accordance/study/1
id: tiny
title: A tiny study
protocol: protocol.yaml
roots: {data: data}
sources:
  subjects: {file: data/subjects.csv}
  reference: {file: data/reference.csv}
algorithm:
  name: Wrist
  versions:
    one:
      sources:
        test: {file: data/test.csv}
"""

SUBJECTS = "subject,sex\n001,female\n002,male\n003,female\n004,male\n"
HEAD = "subject,epoch,hr,alarm\n"
REFERENCE = """\
001,1,60,false
001,2,72,true
002,1,80,true
002,2,66,false
003,1,90,true
003,2,91,true
004,1,70,false
"""
TEST = """\
001,1,61,false
001,2,70,true
002,1,83,true
002,2,66,true
003,1,91,false
003,2,90,true
004,1,69,false
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A study of four subjects and seven epochs that runs and meets its goal."""
    study = tmp_path / "tiny"
    (study / "data").mkdir(parents=True)
    files = {
        "study.yaml": STUDY,
        "protocol.yaml": PROTOCOL,
        "data/subjects.csv": SUBJECTS,
        "data/reference.csv": HEAD + REFERENCE,
        "data/test.csv": HEAD + TEST,
    }
    for name, text in files.items():
        (study / name).write_text(text, encoding="utf-8")
    return study


@pytest.fixture
def change() -> Callable[[Path, str, str], None]:
    """Replace a text in a file that has to hold it."""

    def replace(path: Path, old: str, new: str) -> None:
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return replace


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both example studies, each run once; only the simulated one is locked."""
    folder = tmp_path_factory.mktemp("examples")
    for name in ("pefr-1986", "spa-afib-ecg"):
        assert main(["init", str(folder / name), "--example", name]) == 0
    assert main(["lock", str(folder / "spa-afib-ecg"), "--who", "A. Tester"]) == 0
    for name in ("pefr-1986", "spa-afib-ecg"):
        assert main(["run", str(folder / name)]) == 0
    return folder
