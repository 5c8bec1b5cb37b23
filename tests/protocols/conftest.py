"""A protocol that uses every part of the language, and a way to spoil one place of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

BASE = """\
schema: accordance/protocol/1
id: base
version: "1"
title: Base
intended_use: Everything.
objective: To use every key once.
tables:
  subjects:
    key: [subject]
    exclusion: exclusion
    columns:
      subject: {type: text}
      sex: {type: category, levels: [female, male]}
      site: {type: text}
      age: {type: integer, unit: years, range: [18, 100]}
      bmi: {type: number, range: [10, 80]}
      enrolled: {type: date}
      pregnant: {type: boolean}
      exclusion: {type: text, missing: allowed}
  reference:
    key: [subject, epoch]
    time: time
    columns:
      subject: {type: text}
      epoch: {type: integer}
      time: {type: datetime}
      rate: {type: number, unit: beats/min, range: [20, 250]}
      rhythm: {type: category, levels: [AF, SR]}
      activity: {type: category, levels: [rest, run]}
  test:
    key: [subject, epoch]
    time: time
    columns:
      subject: {type: text}
      epoch: {type: integer}
      time: {type: datetime}
      heart_rate: {type: number, unit: beats/min, range: [20, 250]}
      ecg: {type: category, levels: [AF, SR, poor], indeterminate: [poor]}
      quality: {type: category, levels: [good, bad]}
conversions:
  - {from: 1/s, to: beats/min, factor: 60}
pairings:
  by_key:
    method: key
  by_time:
    method: nearest
    tolerance: 5 s
exclusions:
  withdrawn:
    title: Withdrew
    table: subjects
  artefact:
    title: Artefact
    table: reference
    where: {rate: {above: 220}}
populations:
  full:
    title: All
  adults:
    title: Adults
    where: {age: {at_least: 21}}
    exclude: [withdrawn]
indeterminate:
  primary_view: classifiable_only
endpoints:
  sens:
    title: Sensitivity
    role: co_primary
    metric: sensitivity
    average: pooled
    pairing: by_key
    reference: rhythm
    test: ecg
    positive: [AF]
    population: full
    by: [reference.activity]
    interval:
      method: wilson
    criterion:
      compare: lower
      operator: ">"
      limit: 0.9
  limit:
    title: Upper limit of agreement
    role: co_primary
    metric: bland_altman
    parameters: {truth: varying}
    pairing: by_time
    reference: rate
    population: adults
    criterion:
      statistic: loa_upper
      compare: upper
      operator: "<"
      limit: 10
  share:
    title: Share within
    role: secondary
    metric: share_within
    parameters: {tolerance: "max(5, 10%)"}
    average: subject_mean
    pairing: by_key
    population: full
    where: {sex: female}
    subgroups: [age]
  kappa:
    title: Kappa
    role: secondary
    metric: cohen_kappa
    pairing: by_key
    reference: rhythm
    test: ecg
    population: full
  reported:
    title: Yield
    role: secondary
    metric: yield
    average: pooled
    pairing: by_key
    reference: rhythm
    test: ecg
    population: full
subgroups:
  sex: {by: sex}
  age: {by: age, bands: [18, 65, 101]}
  running: {where: {reference.activity: run}}
resampling: {replicates: 1000, strata: [sex]}
seed: 1
"""

Spoil = Callable[[str, str], tuple[str, int, int]]


@pytest.fixture(scope="session")
def base() -> str:
    """The text of a valid protocol with every part of the language in it."""
    return BASE


@pytest.fixture(scope="session")
def spoil(base: str) -> Spoil:
    """Replace one place of the base; returns the text, with line and column of the mark `¤` in the new."""

    def spoiled(old: str, new: str) -> tuple[str, int, int]:
        if base.count(old) != 1:
            raise ValueError(f"{old!r} stands {base.count(old)} times in the base")
        text = base.replace(old, new)
        before, _, after = text.partition("¤")
        return before + after, before.count("\n") + 1, len(before) - before.rfind("\n")

    return spoiled
