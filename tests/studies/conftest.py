"""Studies for tests: the examples, and small ones made to measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from accordance.studies.start import init

PROTOCOL = """\
schema: accordance/protocol/1
id: made
version: "1"
title: A study made for a test
intended_use: Tests.
objective: To hold the machinery to its words.
tables:
  subjects:
    key: [subject]
    exclusion: exclusion
    columns:
      subject: {type: text}
      cohort: {type: category, levels: [A, B, C]}
      age: {type: integer, unit: years, range: [18, 120], missing: allowed}
      exclusion: {type: text, missing: allowed}
  reference:
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      rate: {type: number, unit: 1/min, range: [0, 300], missing: allowed}
      rhythm: {type: category, levels: [AF, SR]}
  test:
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      rate: {type: number, unit: 1/min, range: [0, 300], missing: allowed}
      rhythm: {type: category, levels: [AF, SR, unclear], indeterminate: [unclear]}
pairings:
  epochs: {reference: reference, test: test, on: [subject, epoch]}
exclusions:
  withdrawn: {title: Subject withdrew, table: subjects}
indeterminate: {primary_view: classifiable_only, rationale: The claim is for results.}
subgroups:
  age: {by: age, bands: [18, 65, 75]}
  cohort: {by: cohort}
resampling: {replicates: 500}
seed: 7
endpoints:
"""

ENDPOINTS = """\
  error:
    title: Root mean square error
    role: primary
    metric: rmse
    average: pooled
    reference: rate
    test: rate
    interval: {method: bootstrap_bca}
    criterion: {compare: upper, operator: "<", limit: 10, unit: 1/min, source: Made up.}
  sensitivity:
    title: Sensitivity
    role: secondary
    metric: sensitivity
    average: pooled
    reference: rhythm
    test: rhythm
    positive: [AF]
    interval: {method: cluster_t}
    subgroups: []
    by: [cohort]
"""

STUDY = """\
schema: accordance/study/1
id: made
title: A study made for a test
protocol: protocol.yaml
sources:
  subjects: {file: data/subjects.csv}
  reference: {file: data/reference.csv}
algorithm:
  name: Algorithm
  versions:
    v1: {sources: {test: {file: data/test_v1.csv}}}
    v2: {sources: {test: {file: data/test_v2.csv}}}
"""

SUBJECTS = {
    "subject": ["001", "002", "003", "004", "005", "006"],
    "cohort": ["A", "A", "A", "B", "B", "B"],
    "age": [20, 64, 65, 74, 75, None],
    "exclusion": [None, None, None, None, None, None],
}


def rows(**changed: list) -> dict[str, list]:
    """Two epochs of six subjects; odd subjects in AF."""
    subjects = SUBJECTS["subject"]
    made = {
        "subject": [subject for subject in subjects for _ in (1, 2)],
        "epoch": [1, 2] * 6,
        "rate": [60.0, 62, 70, 71, 80, 81, 90, 88, 55, 57, 66, 64],
        "rhythm": ["AF", "AF", "SR", "SR"] * 3,
    }
    return {**made, **changed}


V1 = [61.0, 65, 69, 74, 80, 85, 93, 88, 50, 57, 69, 63]
V2 = [61.2, 62.5, 68.7, 72.4, 80.3, 82.6, 91.9, 87.1, 53.4, 57.8, 67.5, 62.9]
RHYTHM_V1 = ["AF", "SR", "SR", "AF", "AF", "unclear", "SR", "SR", "AF", "AF", "unclear", "SR"]
RHYTHM_V2 = ["AF", "AF", "SR", "SR", "AF", "unclear", "SR", "SR", "AF", "AF", "unclear", "SR"]

PLAIN_PROTOCOL = """\
schema: accordance/protocol/1
id: made
version: "1"
title: A study made for a test
intended_use: Tests.
objective: To lose some units.
tables:
  subjects:
    key: [subject]
    columns:
      subject: {type: text}
      age: {type: integer, range: [0, 120]}
  reference:
    key: [subject]
    columns:
      subject: {type: text}
      rate: {type: number, unit: 1/min, missing: allowed}
      rhythm: {type: category, levels: [AF, SR], missing: allowed}
  test:
    key: [subject]
    columns:
      subject: {type: text}
      rate: {type: number, unit: 1/min, missing: allowed}
      rhythm: {type: category, levels: [AF, SR, poor], indeterminate: [poor], missing: allowed}
pairings: {all: {}}
indeterminate: {primary_view: classifiable_only}
seed: 3
"""
PLAIN_STUDY = """\
schema: accordance/study/1
id: made
title: A study made for a test
protocol: protocol.yaml
sources:
  subjects: {file: data/subjects.csv}
  reference: {file: data/reference.csv}
algorithm:
  name: Algorithm
  versions: {v1: {sources: {test: {file: data/test.csv}}}}
"""

MakeStudy = Callable[..., Path]


@pytest.fixture
def make_study(tmp_path: Path) -> MakeStudy:
    """A function that writes a study folder.

    Its arguments replace parts: `endpoints`, `protocol`, `study` (texts), and tables by file name.
    """

    def make(
        name: str = "made",
        *,
        endpoints: str = ENDPOINTS,
        protocol: str = PROTOCOL,
        study: str = STUDY,
        tables: Mapping[str, Mapping[str, list]] | None = None,
    ) -> Path:
        folder = tmp_path / name
        (folder / "data").mkdir(parents=True)
        (folder / "study.yaml").write_text(study, encoding="utf-8")
        (folder / "protocol.yaml").write_text(protocol + endpoints, encoding="utf-8")
        own = {
            "subjects": SUBJECTS,
            "reference": rows(),
            "test_v1": rows(rate=V1, rhythm=RHYTHM_V1),
            "test_v2": rows(rate=V2, rhythm=RHYTHM_V2),
            **(tables or {}),
        }
        for table, columns in own.items():
            pl.DataFrame(columns, strict=False).write_csv(folder / "data" / f"{table}.csv")
        return folder

    # one row a subject, one version; the text of `endpoints:` is left to the test
    make.plain = SimpleNamespace(protocol=PLAIN_PROTOCOL, study=PLAIN_STUDY)  # type: ignore[attr-defined]
    return make


@pytest.fixture
def pefr(tmp_path: Path) -> Path:
    """The example of Bland and Altman 1986."""
    folder = tmp_path / "pefr"
    init(folder, example="pefr-1986")
    return folder


@pytest.fixture
def spa(tmp_path: Path) -> Path:
    """The simulated software performance assessment."""
    folder = tmp_path / "spa"
    init(folder, example="spa-afib-ecg")
    return folder
