"""A study of a hundred thousand rows: every page opens, and the browser gets no more than it can show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from screen import page

from accordance.app.cli import main
from accordance.app.pages import PAGES

SUBJECTS, EPOCHS = 200, 500

PROTOCOL = """\
schema: accordance/protocol/1
id: many
version: "1"
title: Heart rate on the wrist
intended_use: Heart rate at rest.
objective: Is it close enough?
tables:
  subjects:
    key: [subject]
    columns:
      subject: {type: text}
      site: {type: text}
      tone: {type: integer}
  reference:
    key: [subject, epoch]
    exclusion: exclusion
    columns:
      subject: {type: text}
      epoch: {type: integer}
      hr: {type: number, unit: beats/min, range: [20, 250]}
      exclusion: {type: text, missing: allowed}
  test:
    key: [subject, epoch]
    columns:
      subject: {type: text}
      epoch: {type: integer}
      hr: {type: number, unit: beats/min, range: [20, 250]}
exclusions:
  motion: {title: Motion, table: reference}
pairings:
  epochs: {reference: reference, test: test, method: key, on: [subject, epoch]}
missing: {sensitivity: [tipping_point]}
sites: {by: site}
subgroups:
  tone: {title: Skin tone, by: tone, bands: [1, 4, 7, 11]}
resampling: {replicates: 500}
endpoints:
  closeness:
    title: Bias of heart rate
    role: co_primary
    metric: bland_altman
    parameters: {truth: varying}
    pairing: epochs
    reference: hr
    test: hr
    subgroups: [tone]
    criterion: {statistic: bias, compare: both, operator: within, limit: [-5, 5], unit: beats/min}
  tones:
    title: Difference between tones
    role: co_primary
    metric: mean_difference
    average: pooled
    pairing: epochs
    reference: hr
    test: hr
    subgroups: [tone]
    interval: {method: cluster_t}
    disparity: {between: tone, simultaneous: none}
    criterion: {statistic: mean_difference, compare: both, operator: within, limit: [-2, 2]}
seed: 1
"""
STUDY = """\
schema: accordance/study/1
id: many
title: A study of many rows
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


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study, run once: a tenth of its rows excluded, a hundredth without output."""
    study = tmp_path_factory.mktemp("many")
    (study / "data").mkdir()
    (study / "protocol.yaml").write_text(PROTOCOL, encoding="utf-8")
    (study / "study.yaml").write_text(STUDY, encoding="utf-8")
    random = np.random.default_rng(20260401)
    rows = SUBJECTS * EPOCHS
    subjects = [f"S{number:03}" for number in range(SUBJECTS)]
    pl.DataFrame(
        {
            "subject": subjects,
            "site": [str(number % 4) for number in range(SUBJECTS)],
            "tone": [number % 10 + 1 for number in range(SUBJECTS)],
        }
    ).write_csv(study / "data" / "subjects.csv")
    keys = pl.DataFrame(
        {"subject": np.repeat(subjects, EPOCHS), "epoch": np.tile(np.arange(EPOCHS), SUBJECTS)}
    )
    rate = random.normal(75, 10, rows).clip(40, 180)
    excluded = pl.when(pl.Series(random.random(rows) < 0.1)).then(pl.lit("motion")).alias("exclusion")
    keys.with_columns(pl.Series("hr", rate.round(1)), excluded).write_csv(study / "data" / "reference.csv")
    test = keys.with_columns(pl.Series("hr", (rate + random.normal(0.5, 3, rows)).round(1)))
    test.filter(pl.Series(random.random(rows) > 0.01)).write_csv(study / "data" / "test.csv")
    assert main(["run", str(study)]) == 0
    return study


@pytest.mark.parametrize("first", PAGES)
def test_every_page_opens(first: str, many: Path) -> None:
    assert page(many, first).title


def test_only_so_many_rows_reach_the_browser(many: Path) -> None:
    test = page(many, "accounting", reason="motion")
    assert len(test.dataframe[0].value) == 1_000
    assert any("The first 1,000 rows" in str(element.value) for element in test.caption)
