"""What is kept of streams is never taken for something else: a changed protocol gives what it gives anew.

Every key of a protocol is changed in turn: words and numbers, the order of lists and of named parts, and what
is left out. The runs of a group share one cache, so that each has all the others left there to mistake. Each
change takes two runs, so every third is tried, and all of them where `ACCORDANCE_ALL_CHANGES` is set.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from ruamel.yaml import YAML

from accordance.datasets import batches
from accordance.protocols.errors import ContractError
from accordance.studies.results import Results
from accordance.studies.run import run

PROTOCOL = """\
schema: accordance/protocol/1
id: wear
version: "1"
title: Heart rate in windows
intended_use: Heart rate.
objective: To estimate the error of the rate.
tables:
  subjects:
    key: [subject]
    exclusion: left
    columns:
      subject: {type: text}
      sex: {type: category, levels: [f, m]}
      age: {type: integer, unit: years}
      site: {type: category, levels: [north, south]}
      left: {type: text, missing: allowed}
  reference:
    key: [subject, time]
    time: time
    interval: 2 s
    stamp: start
    order: any
    columns:
      subject: {type: text}
      time: {type: datetime}
      rate: {type: number, unit: 1/min, range: [20, 250]}
      activity: {type: category, levels: [rest, walk]}
  test:
    key: [subject, time]
    time: time
    interval: 1 s
    columns:
      subject: {type: text}
      time: {type: datetime}
      rate: {type: number, unit: 1/min, range: [20, 250], missing: allowed}
pairings:
  rate:
    method: windows
    unit:
      length: 30 s
      origin: session
      partial: counted
      reference: {numbers: mean, min_coverage: 0.5}
      test: {numbers: mean, min_coverage: 0.3}
    alignment: {by: signals, reference: rate, test: rate, apply: false, search: 10 s}
exclusions:
  withdrew: {title: Withdrew}
  fast: {title: Fast, table: reference, where: {rate: {above: 79}}}
  far: {title: Far apart, where: {test.rate: {above: 78.5}}}
populations:
  everyone: {title: All}
  slow: {title: Slow, where: {reference.rate: {below: 78}}, exclude: [fast, far]}
requirements:
  enough: {title: Subjects, count: subjects, at_least: 3}
missing: {rationale: None expected.}
endpoints:
  bias:
    title: Bias
    role: primary
    metric: bland_altman
    parameters: {truth: varying}
    population: slow
    reference: rate
    test: rate
    by: [reference.activity]
    subgroups: [sex, age]
    criterion: {compare: both, operator: within, limit: [-5, 5], unit: 1/min}
  arms:
    title: Arms
    role: secondary
    metric: rmse
    average: pooled
    population: everyone
    reference: rate
    test: rate
    where: {reference.rate: {above: 61}}
    interval: {method: bootstrap_percentile, level: 0.95, sides: two}
subgroups:
  sex: {by: sex}
  age: {by: age, bands: [0, 45, 100]}
resampling: {replicates: 200, strata: [sex, site]}
seed: 7
"""
STUDY = """\
schema: accordance/study/1
id: wear
title: Heart rate in windows
protocol: protocol.yaml
sources:
  subjects: {file: data/subjects.parquet}
  reference: {folder: data/reference}
algorithm:
  name: v1
  versions:
    v1: {sources: {test: {folder: data/v1}}}
"""
OTHERS = {
    "windows": ("epochs",), "session": ("midnight", "epoch"), "counted": ("kept",),
    "mean": ("median", "time_weighted", "beat_weighted"), "signals": ("events",),
    "allowed": ("refused",), "start": ("end",), "any": ("sorted",), "varying": ("constant",),
    "pooled": ("subject_mean",), "two": ("lower", "upper"), "bootstrap_percentile": ("bootstrap_bca",),
    "everyone": ("slow",), "slow": ("everyone",), "sex": ("site", "age"), "age": ("sex",), "site": ("sex",),
    "2 s": ("3 s",), "1 s": ("2 s",), "30 s": ("20 s", "60 s"), "10 s": ("5 s",), "rest": ("walk",),
    "reference.activity": ("sex",), "fast": ("far",), "primary": ("secondary",), "secondary": ("primary",),
}  # fmt: skip
"""Words of the language -> others that may stand in their place."""
GROUPS = 2
EVERY = 1 if os.environ.get("ACCORDANCE_ALL_CHANGES") else 3


def changes(part: Any) -> Iterator[Any]:
    """A part of a protocol, changed in each of the ways that a key may be."""
    if isinstance(part, Mapping):
        for key in part:
            for changed in changes(part[key]):
                yield {**part, key: changed}
            yield {other: value for other, value in part.items() if other != key}
        if len(part) > 1:
            yield dict(reversed(list(part.items())))
    elif isinstance(part, list):
        for place, item in enumerate(part):
            for changed in changes(item):
                yield [*part[:place], changed, *part[place + 1 :]]
            yield [*part[:place], *part[place + 1 :]]
        if len(part) > 1:
            yield part[::-1]
    elif isinstance(part, bool):
        yield not part
    elif isinstance(part, (int, float)):
        yield part + 1
        yield part * 0.9
    elif part in OTHERS:
        yield from OTHERS[part]
    elif isinstance(part, str):
        yield f"{part} of late"


START = 1_772_352_000_000_000  # 1 March 2026
SUBJECTS = ("s1", "s2", "s3", "s4")


def write_signals(folder: Path) -> None:
    """Reference every two seconds and test every second, with gaps; a file for every two subjects."""
    random = np.random.default_rng(1)
    for name, step in (("reference", 2), ("v1", 1)):
        (folder / name).mkdir(parents=True)
        for file, subjects in enumerate((SUBJECTS[:2], SUBJECTS[2:])):
            parts = []
            for place, subject in enumerate(subjects):
                at = np.arange(0, 300 + 40 * place, step)
                kept = (at % 97 > 20) | (name == "reference")
                at = at[kept]
                truth = 70 + 10 * np.sin(at / 40)
                parts.append(
                    pl.DataFrame(
                        {
                            "subject": subject,
                            "time": pl.Series(1_772_352_000_000_000 + at * 1_000_000).cast(
                                pl.Datetime("us", "UTC")
                            ),
                            "rate": np.round(truth + random.normal(0, 2, len(at)), 1),
                            "activity": np.where(at < 160, "rest", "walk"),
                        }
                    )
                )
            whole = pl.concat(parts)
            (whole if name == "reference" else whole.drop("activity")).write_parquet(
                folder / name / f"{file}.parquet"
            )


def write_protocol(folder: Path, protocol: Any) -> None:
    with (folder / "protocol.yaml").open("w") as file:
        YAML().dump(protocol, file)


def found(results: Results) -> tuple[Any, ...]:
    """All that a run says, but for its own identity."""
    pairs = [results.pairs("rate", "v1").rows()]
    return results.rows.to_dicts(), {**results.document, "run": None}, pairs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(batches, "TARGET_ROWS", 400)
    place = tmp_path / "wear"
    write_signals(place / "data")
    people = {
        "subject": SUBJECTS,
        "sex": ["f", "m", "f", "m"],
        "age": [30, 41, 52, 63],
        "site": ["north", "north", "south", "south"],
        "left": [None, None, None, "withdrew"],
    }
    pl.DataFrame(people).write_parquet(place / "data" / "subjects.parquet")
    (place / "study.yaml").write_text(STUDY)
    return place


@pytest.mark.parametrize("group", range(GROUPS))
def test_no_change_of_a_protocol_finds_what_another_left(folder: Path, group: int) -> None:
    base = YAML(typ="safe").load(PROTOCOL)
    write_protocol(folder, base)
    run(folder)
    accepted = 0
    for changed in islice(changes(base), group, None, GROUPS * EVERY):
        write_protocol(folder, deepcopy(changed))
        try:
            kept = found(run(folder))
        except ContractError:
            continue  # no protocol, or not one for these data
        accepted += 1
        fresh = folder.parent / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(folder, fresh, ignore=shutil.ignore_patterns("runs", ".accordance", "ledger.jsonl"))
        assert kept == found(run(fresh)), changed
    assert accepted > 20
