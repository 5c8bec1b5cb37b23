"""Beats of a hundred days: matched and counted by two workers, beside the comparator of wfdb-python.

The C program takes 5.8 ms a record of 24 hours and 100,000 beats (WFDB 10.7.0, two shared cores): 0.58 s for
a hundred. The comparator of wfdb-python only matches (no classes, no RR error, no segments); it is run on a
few of the records and scaled to all.

Times are those of the processors (all workers together, over the workers), which other jobs on the machine
hardly
touch: on free cores they are the time it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from multiprocessing import get_context
from typing import Any

import numpy as np

from accordance.datasets.readers.wfdb_library import library
from accordance.evaluators.rhythm.annotations import Annotations
from accordance.evaluators.rhythm.beats import BeatCounts, compare_beats

RECORDS, BEATS, FS, HOURS, WORKERS, PART = 100, 100_000, 128, 24, 2, 4
C_SECONDS = 0.58
Note = Callable[..., dict[str, Any]]
Record = tuple[Annotations, Annotations]


def record(seed: int) -> Record:
    """A day of beats, and a detector that misses 1%, adds 1%, and is up to 30 ms off."""
    random = np.random.default_rng(seed)
    length = HOURS * 3600 * FS
    beats = np.sort(np.cumsum(random.normal(length / BEATS, 6, BEATS).clip(40)).astype(np.int64))
    symbols = random.choice(np.array(list("N" * 18 + "VA")), BEATS)
    kept = random.random(BEATS) > 0.01
    found = np.concatenate(
        [beats[kept] + random.integers(-4, 5, kept.sum()), random.integers(0, length, BEATS // 100)]
    )
    named = np.concatenate([symbols[kept], np.full(BEATS // 100, "N")])
    order = np.argsort(found, kind="stable")
    return Annotations.of(beats, symbols), Annotations.of(found[order], named[order])


RECORDS_OF_THE_RUN: list[Record] = []
"""What forked workers find in memory: nothing is sent to them but an index, and only counts come back."""


def compared(one: Record) -> BeatCounts:
    return compare_beats(*one, FS, HOURS * 3600 * FS)


def by_index(k: int) -> tuple[int, float]:
    """Beats counted, and the time it took."""
    start = time.process_time()
    counts = compared(RECORDS_OF_THE_RUN[k])
    return int(counts.matrix.sum()), time.process_time() - start


def best(run: Callable[[], Any], rounds: int = 3) -> float:
    times = []
    for _ in range(rounds):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def test_a_hundred_days(bench_row: Note) -> None:
    RECORDS_OF_THE_RUN.extend(record(seed) for seed in range(RECORDS))
    with get_context("fork").Pool(WORKERS) as pool:
        rounds = [pool.map(by_index, range(RECORDS), chunksize=5) for _ in range(3)]
    assert all(count > 0.99 * BEATS for one in rounds for count, _ in one)
    seconds = min(sum(spent for _, spent in one) for one in rounds) / WORKERS
    bench_row(
        f"beats: {RECORDS} x {HOURS} h x {BEATS:,}, beside bxb (0.58 s where it was measured)",
        seconds, C_SECONDS, seconds / C_SECONDS, "<= 5",
    )  # fmt: skip

    part = RECORDS_OF_THE_RUN[:PART]
    alone = best(lambda: [compared(one) for one in part]) / PART
    with library():
        compare = import_module("wfdb.processing").compare_annotations
        window = int(0.15 * FS)
        theirs = best(lambda: [compare(a.sample, b.sample, window) for a, b in part], rounds=1) / PART
    bench_row(
        f"beats: one of these records, one worker, beside wfdb-python's comparator (mean of {PART} records)",
        alone, theirs, theirs / alone, ">= 10",
    )  # fmt: skip
    row = bench_row(
        f"beats: all {RECORDS}, {WORKERS} workers, beside wfdb-python's comparator (scaled from {PART})",
        seconds, theirs * RECORDS, theirs * RECORDS / seconds, ">= 10",
    )  # fmt: skip
    assert row["ratio"] > 1
