"""Streams at the size of real wear: pairing 1e8 rows beside a bare scan of the same columns, and whole runs.

The floor is Polars reading the columns and doing nothing with them. What is timed of ours is everything that
a run does to the rows: reading, holding them against the contract, pairing one-to-one or making units, reason
codes and audit. Hashing the files (once, then remembered) and writing the run folder are in the whole runs.

`ACCORDANCE_BENCH_WEAR` says how many times the 40 days of the example `hr-wear` are generated: 20, or the
project's own number of 250, which takes 12 GB of disk and most of an hour to generate.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from stream_programs import PAIRS, PANDAS_NEAREST, RUN, SCAN, killed, measured, study

from accordance.datasets.simulate.heart_rate import heart_rate_wear

PARTITIONS, SUBJECTS, SECONDS, EVERY = 20, 50, 100_000, 10
ROUNDS = 3
TIMES = int(os.environ.get("ACCORDANCE_BENCH_WEAR", "20"))
Note = Callable[..., dict[str, Any]]

TABLES = """\
  reference:
    key: [subject, time]
    time: time
    interval: 10 s
    columns:
      subject: {type: text}
      time: {type: datetime}
      rate: {type: number, unit: 1/min, range: [20, 250]}
  test:
    key: [subject, time]
    time: time
    interval: 1 s
    columns:
      subject: {type: text}
      time: {type: datetime}
      rate: {type: number, unit: 1/min, range: [20, 250]}
"""
HEAD = """\
schema: accordance/protocol/1
id: bench
version: "1"
title: Benchmark
intended_use: Benchmark
objective: Benchmark
seed: 1
"""
NEAREST = f"""{HEAD}tables:
{TABLES}pairings:
  rate: {{method: nearest, tolerance: 1 s, lone_test: counted}}
endpoints:
  arms: {{title: Arms, role: secondary, metric: rmse, average: pooled, reference: rate, test: rate}}
"""
TEN = {
    "bias": "metric: bland_altman, parameters: {truth: varying}",
    "arms": "metric: rmse, average: pooled",
    "arms_resampled": "metric: rmse, average: pooled, interval: {method: bootstrap_percentile}",
    "mae": "metric: mae, average: pooled",
    "mae_mean": "metric: mae, average: subject_mean",
    "mape": "metric: mape, average: pooled",
    "mape_mean": "metric: mape, average: subject_mean",
    "within_5": "metric: share_within, parameters: {tolerance: '5'}, average: pooled",
    "within_10": "metric: share_within, parameters: {tolerance: 'max(5, 0.1*ref)'}, average: subject_mean",
    "constant": "metric: bland_altman, parameters: {truth: constant}",
}
WINDOWS = (
    f"{HEAD}tables:\n{TABLES}"
    "pairings:\n  rate: {method: windows, unit: {length: 30 s}}\nendpoints:\n"
    + "".join(
        f"  {name}: {{title: {name}, role: secondary, {words},\n    reference: rate, test: rate}}\n"
        for name, words in TEN.items()
    )
)
SOURCES = """\
schema: accordance/study/1
id: bench
title: Benchmark
protocol: protocol.yaml
sources:
  reference: {folder: data/reference}
algorithm:
  name: bench
  versions:
    v1: {sources: {test: {folder: data/test}}}
"""


def _partition(folder: Path, number: int) -> None:
    """Fifty subjects: 1 Hz of a device with jitter, a reference every ten seconds."""
    random = np.random.default_rng(number)
    names = [f"{number * SUBJECTS + place:04d}" for place in range(SUBJECTS)]
    for table, n, apart in (("reference", SECONDS // EVERY, EVERY), ("test", SECONDS, 1)):
        start = np.tile(np.arange(n) * apart * 1_000_000, SUBJECTS) + 1_700_000_000_000_000
        times = start + random.integers(0, 500_000, SUBJECTS * n)
        (folder / table).mkdir(parents=True, exist_ok=True)
        pl.DataFrame(
            {
                "subject": np.repeat(names, n),
                "time": pl.Series(times).cast(pl.Datetime("us", "UTC")),
                "rate": np.round(random.normal(75, 8, SUBJECTS * n), 1),
            }
        ).write_parquet(folder / table / f"{number:02d}.parquet", compression="zstd")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """1e8 device rows and 1e7 reference rows in twenty partitions, about 0.7 GB."""
    folder = tmp_path_factory.mktemp("tree")
    for number in range(PARTITIONS):
        _partition(folder / "data", number)
    yield folder
    shutil.rmtree(folder)


def test_nearest_pairing_of_a_hundred_million_rows(tree: Path, bench_row: Note) -> None:
    place = study(tree, NEAREST, SOURCES)
    ours = measured(PAIRS, place, ROUNDS)
    floor = measured(SCAN, tree / "data", ROUNDS)
    peer = measured(PANDAS_NEAREST, tree / "data", 1)
    name = "nearest in time, 1e8 x 1e7 rows"
    bench_row(f"{name}, to a bare scan", ours["s"], floor["s"], ours["s"] / floor["s"], "<= 2.5")
    bench_row(f"{name} (pandas merge_asof by partition)", ours["s"], peer["s"], peer["s"] / ours["s"], ">= 5")
    bench_row(f"{name}, memory", ours["gb"], target="< 1", unit="GB")
    # a test row may serve two reference rows in pandas; here it cannot happen: they are ten seconds apart
    assert ours["pairs"] == peer["pairs"]
    assert ours["rows"] == [10_000_000, 100_000_000]


def test_windows_of_a_hundred_million_rows(tree: Path, bench_row: Note) -> None:
    place = study(tree, WINDOWS, SOURCES)
    made = measured(PAIRS, place, ROUNDS)
    floor = measured(SCAN, tree / "data", ROUNDS)
    shutil.rmtree(place / ".accordance", ignore_errors=True)
    first = measured(RUN, place)
    again = []
    for _ in range(ROUNDS):  # files hashed and rows counted before
        shutil.rmtree(place / ".accordance" / "cache" / "store" / "pairs")
        again.append(measured(RUN, place))
    second = min(again, key=lambda one: _between(one["moments"], "table read", "evaluated"))
    name = "30-s windows over 1e8 rows"
    bench_row(f"{name}, to a bare scan", made["s"], floor["s"], made["s"] / floor["s"])
    done = _between(second["moments"], "table read", "evaluated")
    bench_row(f"{name} + 10 endpoints, each batch kept", done, floor["s"], done / floor["s"], "<= 3")
    bench_row(f"{name} + 10 endpoints, whole run", second["s"], floor["s"], second["s"] / floor["s"])
    bench_row(f"{name}, the first run (hashes 0.7 GB)", first["s"], floor["s"], first["s"] / floor["s"])
    bench_row(f"{name} + 10 endpoints, memory", max(first["gb"], second["gb"]), target="< 1.5", unit="GB")
    (place / "protocol.yaml").write_text(
        WINDOWS.replace(
            "metric: rmse, average: pooled,", "metric: rmse, average: pooled, interval: {level: 0.9},", 1
        )
    )
    third = measured(RUN, place)
    assert third["rows_read"] == 0
    assert second["rows"] == first["rows"]
    bench_row(f"{name}: another level", third["s"], target="< 2")


def _between(moments: dict[str, str], first: str, last: str) -> float:
    """Seconds between two events of a run's log."""
    start, end = (datetime.fromisoformat(moments[name]) for name in (first, last))
    return (end - start).total_seconds()


@pytest.fixture(scope="module")
def wear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Days of wear: beats of an ECG and 1 Hz of a wrist."""
    folder = tmp_path_factory.mktemp("wear")
    heart_rate_wear(n_subjects=40 * TIMES, versions=["v2"]).write(folder / "data")
    sources = """\
schema: accordance/study/1
id: wear
title: Days of wear
protocol: library:heart-rate-wear
sources:
  subjects: {file: data/subjects.parquet}
  reference: {folder: data/reference}
algorithm:
  name: wrist
  versions:
    v2: {sources: {test: {folder: data/test_v2}}}
"""
    (folder / "study.yaml").write_text(sources)
    yield folder
    shutil.rmtree(folder)


def test_days_of_wear(wear: Path, bench_row: Note) -> None:
    name = f"{40 * TIMES:,} days of wear"
    whole = measured(RUN, wear, "4GB")
    bench_row(f"{name}, whole run with clocks and tipping point, --memory 4GB", whole["s"])
    bench_row(f"{name}, peak memory", whole["gb"], target="< 4", unit="GB")
    shutil.rmtree(wear / ".accordance" / "cache" / "store")
    assert killed(RUN, wear, "4GB", whole["s"] / 2)
    rest = measured(RUN, wear, "4GB")
    assert rest["rows"] == whole["rows"]
    share = rest["s"] / whole["s"]
    bench_row(f"{name}, killed at half and begun again, of the whole", rest["s"], whole["s"], share, "< 0.6")
