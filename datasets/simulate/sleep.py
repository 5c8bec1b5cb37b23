"""Nights of sleep, scored by polysomnography and by two versions of a wearable, simulated with known truth.

The stages of a night are a Markov chain; what the wearable calls an epoch depends on its stage and on the
subject alone. So the sensitivity to every stage is known exactly, and with it how much sleep the wearable
counts too much. The numbers are invented; only their order of magnitude is meant to be plausible.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .draws import FloatArray, stream, truncated_normal
from .study import SimulatedStudy

NAME = "sleep_psg"
IntArray = NDArray[np.int64]

STAGES = ("wake", "n1", "n2", "n3", "rem")
UNSCORED = "unscored"
EPOCH = 30
"""Seconds of an epoch."""

CHAIN: FloatArray = np.array(
    [
        [0.880, 0.110, 0.005, 0.000, 0.005],
        [0.080, 0.720, 0.180, 0.000, 0.020],
        [0.014, 0.014, 0.938, 0.022, 0.012],
        [0.008, 0.004, 0.042, 0.944, 0.002],
        [0.018, 0.018, 0.014, 0.000, 0.950],
    ]
)
"""Probability of each stage after each stage, once sleep began. Its stationary shares are `shares()`."""

CALLS: dict[str, FloatArray] = {
    "v1": np.array(
        [
            [0.580, 0.180, 0.170, 0.010, 0.060],
            [0.180, 0.300, 0.400, 0.010, 0.110],
            [0.040, 0.070, 0.780, 0.060, 0.050],
            [0.020, 0.010, 0.270, 0.690, 0.010],
            [0.050, 0.060, 0.170, 0.010, 0.710],
        ]
    ),
    "v2": np.array(
        [
            [0.680, 0.150, 0.110, 0.010, 0.050],
            [0.170, 0.370, 0.360, 0.010, 0.090],
            [0.035, 0.055, 0.830, 0.045, 0.035],
            [0.015, 0.005, 0.230, 0.745, 0.005],
            [0.040, 0.050, 0.130, 0.010, 0.770],
        ]
    ),
}
"""Version -> how often an epoch of each stage (row) is called each stage (column), over all subjects."""

SKILL = 0.08
"""Subjects' share of calls that are moved to or from the right one: uniform within +/- this."""
STAYS = 0.85
"""Probability that an epoch is called as the one before it, where both are of one stage."""
SHARED = 0.6
"""Share of epochs in which both versions err or hit by the same draw."""
LATENCY = (6.0, 60.0)
"""Shortest and longest time from lights off to the first epoch of sleep, in minutes; log-uniform."""
HOURS = (7.0, 9.0)
"""Shortest and longest night; mean 8 h, SD 0.5 h."""
NOT_SCORED = 0.003
"""Share of epochs that the scorer left out."""
NO_OUTPUT = 0.01
"""Share of epochs in which the wearable has no stage, whatever the version."""
TWICE = 3
"""Every so many-th subject has two nights."""


def shares() -> FloatArray:
    """Stationary shares of the stages once sleep began.

    Example:
        >>> [round(float(share), 3) for share in shares()]
        [0.147, 0.092, 0.43, 0.169, 0.162]
    """
    n = len(STAGES)
    rows = np.vstack([CHAIN.T - np.eye(n), np.ones(n)])
    found, *_ = np.linalg.lstsq(rows, np.append(np.zeros(n), 1.0), rcond=None)
    return np.asarray(found, dtype=np.float64)


def sleep_psg(
    *, seed: int = 20261127, n_subjects: int = 60, calls: Mapping[str, FloatArray] = CALLS
) -> SimulatedStudy:
    """Simulate nights of sleep by polysomnography and by versions of a wearable that stages sleep.

    A night begins awake, for a latency, and goes on as the chain `CHAIN` until lights on. A version calls an
    epoch of stage i stage j with probability `calls[i, j]`, mixed, subject by subject, with the right call
    (a skilful subject) or with the wrong ones in their proportions. Within a run of one stage a call is
    mostly that of the epoch before (`STAYS`), which leaves each epoch's probabilities as they are:
    sensitivity to a stage, all epochs or each subject counting once, is exactly `calls[i, i]`. Every third
    subject has two nights. The wearable starts with the recording, and has no stage in `NO_OUTPUT` of the
    epochs.

    Tables (text keys): `subjects`: subject, age [years], sex, exclusion; `reference`: subject, night, time
    (UTC), stage (`unscored` where nobody could tell); `test` of each version: subject, night, time, stage,
    empty where it has none.

    Args:
        seed: Reproduces everything. The default is the one of the example study.
        n_subjects: Subjects; each is the same however many there are.
        calls: Version -> (5, 5) probabilities of calls by stage, rows adding up to 1.

    Returns:
        The tables, and in `truth` for each version the probabilities `calls`, `sensitivity` by stage, and
        `shares`, the stationary shares of stages in sleep.

    Raises:
        ValueError: No subjects, or probabilities that are none, or that `SKILL` would drive below zero.

    Example:
        >>> study = sleep_psg(n_subjects=3)
        >>> study.reference.select("subject", "night").unique().height
        4
        >>> study.truth["versions"]["v2"]["sensitivity"]["n3"]
        0.745
    """
    if n_subjects < 1:
        raise ValueError("a study needs at least one subject")
    for name, table in calls.items():
        _check(name, np.asarray(table))
    nights = [_Night(seed, number, night) for number in range(n_subjects) for night in _nights(number)]
    keys = pl.concat([night.keys() for night in nights])
    reference = pl.concat([pl.Series("stage", night.scored()) for night in nights])
    tables = {"subjects": _subjects(seed, n_subjects), "reference": keys.with_columns(reference)}
    versions = {}
    for name, table in calls.items():
        called = pl.concat([pl.Series("stage", night.called(name, table)) for night in nights])
        versions[name] = {"test": keys.with_columns(called)}
    return SimulatedStudy(NAME, seed, tables, versions, _truth(calls, n_subjects))


def _check(name: str, table: FloatArray) -> None:
    n = len(STAGES)
    if table.shape != (n, n) or np.any(table < 0) or not np.allclose(table.sum(axis=1), 1):
        raise ValueError(f"`calls` of {name} must be ({n}, {n}) probabilities whose rows add up to 1")
    if np.any((np.diag(table) < SKILL) | (np.diag(table) > 1 - SKILL)):
        raise ValueError(f"`calls` of {name}: each stage must be right in {SKILL:g} to {1 - SKILL:g}")


def _truth(calls: Mapping[str, FloatArray], n_subjects: int) -> dict[str, Any]:
    stationary = shares()
    return {
        "n_subjects": n_subjects,
        "shares": dict(zip(STAGES, stationary.tolist(), strict=True)),
        "versions": {
            name: {
                "calls": np.asarray(table).tolist(),
                "sensitivity": dict(zip(STAGES, np.diag(table).tolist(), strict=True)),
            }
            for name, table in calls.items()
        },
    }


def _nights(number: int) -> tuple[int, ...]:
    return (1, 2) if number % TWICE == 0 else (1,)


def _name(number: int) -> str:
    return f"s{number + 1:03d}"


class _Night:
    """One night of one subject, drawn from streams of its own."""

    def __init__(self, seed: int, number: int, night: int) -> None:
        self.seed, self.number, self.night = seed, number, night
        rng = self._stream("night")
        hours = truncated_normal(rng, 1, mean=8.0, sd=0.5, low=HOURS[0], high=HOURS[1])[0]
        low, high = np.log(LATENCY)
        awake = round(float(np.exp(rng.uniform(low, high))) * 60 / EPOCH)
        self.n = round(float(hours) * 3600 / EPOCH)
        self.stages = _chain(rng, self.n, awake)
        self.silent = self._stream("silent").uniform(size=self.n) < NO_OUTPUT
        self.unscored = self._stream("unscored").uniform(size=self.n) < NOT_SCORED
        day = int(stream(seed, "sleep", "day", _name(number)).integers(0, 200)) + night
        begin = datetime(2026, 1, 1, 21, 30, tzinfo=UTC) + timedelta(days=day)
        self.begin = begin + timedelta(seconds=EPOCH * int(rng.integers(0, 240)))

    def _stream(self, *purpose: str) -> np.random.Generator:
        return stream(self.seed, "sleep", _name(self.number), str(self.night), *purpose)

    def keys(self) -> pl.DataFrame:
        """Subject, night and time of each epoch."""
        seconds = pl.Series(np.arange(self.n, dtype=np.int64) * EPOCH * 1_000_000)
        return pl.DataFrame({"offset": seconds}).select(
            subject=pl.lit(_name(self.number)),
            night=pl.lit(self.night, dtype=pl.Int64),
            time=pl.lit(self.begin) + pl.col("offset").cast(pl.Duration("us")),
        )

    def scored(self) -> pl.Series:
        """What the scorer wrote."""
        names = pl.Series([*STAGES, UNSCORED])
        return names.gather(np.where(self.unscored, len(STAGES), self.stages))

    def called(self, name: str, table: FloatArray) -> pl.Series:
        """What a version wrote; null where it has no stage."""
        skill = stream(self.seed, "sleep", "skill", _name(self.number)).uniform(-SKILL, SKILL)
        edges = np.cumsum(_of_subject(np.asarray(table), skill), axis=1)[:, :-1]
        common = self._stream("call").uniform(size=self.n)
        own = self._stream("call", name).uniform(size=self.n)
        shared = self._stream("shared").uniform(size=self.n) < SHARED
        drawn = np.where(shared, common, own)
        fresh = (drawn[:, None] >= edges[self.stages]).sum(axis=1)
        new = self._stream("stays").uniform(size=self.n) >= STAYS
        new[1:] |= np.diff(self.stages) != 0
        new[0] = True
        call = fresh[np.maximum.accumulate(np.where(new, np.arange(self.n), 0))]
        names = pl.Series([*STAGES, None], dtype=pl.String)
        return names.gather(np.where(self.silent, len(STAGES), call))


def _of_subject(table: FloatArray, skill: float) -> FloatArray:
    """Calls of a subject: `skill` more right ones, taken from (or given to) the wrong ones alike."""
    right = np.diag(table)
    scale = (1 - right - skill) / (1 - right)
    moved = table * scale[:, None]
    np.fill_diagonal(moved, right + skill)
    return moved


def _chain(rng: np.random.Generator, n: int, awake: int) -> IntArray:
    """A night's stages: awake, then N1, and on by the chain."""
    uniform = rng.uniform(size=n)
    edges = np.cumsum(CHAIN, axis=1)[:, :-1]
    stages = np.zeros(n, dtype=np.int64)
    stage = 1
    for place in range(min(awake, n), n):
        stages[place] = stage
        stage = int(np.searchsorted(edges[stage], uniform[place], side="right"))
    return stages


def _subjects(seed: int, n: int) -> pl.DataFrame:
    ages = [int(stream(seed, "sleep", "age", _name(one)).integers(21, 70)) for one in range(n)]
    women = [stream(seed, "sleep", "sex", _name(one)).uniform() < 0.5 for one in range(n)]
    return pl.DataFrame(
        {
            "subject": [_name(one) for one in range(n)],
            "age": ages,
            "sex": ["female" if one else "male" for one in women],
            "exclusion": pl.Series([None] * n, dtype=pl.String),
        }
    )
