"""A day of a heart, simulated: what a subject does, how the heart rate follows, and when each beat falls.

Everything is vectorised over the day, and every draw depends on the seed and the subject alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from .draws import FloatArray, stream

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

ACTIVITIES = ("sleep", "sitting", "daily_living", "walking", "running", "cycling")
SLEEP, SITTING, DAILY, WALKING, RUNNING, CYCLING = range(len(ACTIVITIES))

EXERCISE: tuple[tuple[int, float, float], ...] = (
    (SITTING, 10.0, 0.04),
    (WALKING, 5.0, 0.26),
    (WALKING, 5.0, 0.34),
    (WALKING, 5.0, 0.42),
    (SITTING, 5.0, 0.06),
    (CYCLING, 5.0, 0.42),
    (CYCLING, 5.0, 0.52),
    (CYCLING, 5.0, 0.62),
    (SITTING, 8.0, 0.08),
    (RUNNING, 5.0, 0.62),
    (RUNNING, 5.0, 0.72),
    (RUNNING, 3.0, 0.80),
    (SITTING, 14.0, 0.10),
)
"""The supervised part: activity, minutes, share of the heart rate reserve."""

EXERCISE_HOURS = sum(minutes for _, minutes, _ in EXERCISE) / 60.0
SHORTEST = 2.0
"""Hours of the shortest day: the supervised part, and some time after it."""

TONES = (2, 9, 5, 7, 3, 10, 6, 1, 8, 4)
"""Monk tones in turn, so that any ten subjects in a row cover the scale."""

GRID = 2
"""Samples of the rate a second: enough for breathing at up to 0.4 Hz."""


@dataclass(frozen=True)
class Person:
    """A subject: what the subjects' table says, and what only the simulator knows."""

    name: str
    sex: str
    age: int
    bmi: float
    monk: int
    wrist: str
    rest: float
    reserve: float
    ectopic: float
    """Share of premature beats."""

    @property
    def row(self) -> dict[str, Any]:
        """The row of the subjects' table."""
        return {
            "subject": self.name,
            "sex": self.sex,
            "age": self.age,
            "bmi": self.bmi,
            "monk": self.monk,
            "wrist": self.wrist,
        }


@dataclass(frozen=True)
class Segments:
    """Stretches of constant demand: start in s, activity, share of the heart rate reserve."""

    start: FloatArray
    activity: IntArray
    demand: FloatArray

    def at(self, seconds: FloatArray) -> IntArray:
        """The segment of each moment."""
        return np.asarray(
            np.clip(np.searchsorted(self.start, seconds, side="right") - 1, 0, None), dtype=np.int64
        )


@dataclass(frozen=True)
class Beats:
    """The beats of a day: `time` of the R peak [s, whole milliseconds], `rr` [s], `noisy`: flagged."""

    time: FloatArray
    rr: FloatArray
    noisy: BoolArray


def person(seed: int, number: int) -> Person:
    """Subject `number`, from 1, the same however many others there are."""
    name = f"s{number:05d}"
    rng = stream(seed, name, "person")
    sex = "female" if rng.uniform() < 0.5 else "male"
    age = int(np.floor(rng.triangular(18, 34, 76)))
    bmi = float(np.round(np.exp(rng.normal(np.log(25.5), 0.16)).clip(17.0, 45.0), 1))
    rest = float(np.clip(rng.normal(61.0 if sex == "male" else 65.0, 6.5), 44.0, 84.0))
    highest = 208.0 - 0.7 * age + rng.normal(0.0, 6.0)
    ectopic = float(rng.uniform(0.002, 0.02)) if rng.uniform() < 0.2 else 0.0
    wrist = "left" if rng.uniform() < 0.8 else "right"
    monk = TONES[(number - 1) % len(TONES)]
    return Person(name, sex, age, bmi, monk, wrist, rest, highest - rest, ectopic)


def segments(seed: int, who: Person, hours: float) -> Segments:
    """What the subject does: the supervised part, then daily life with a night in it, scaled to the hours."""
    rng = stream(seed, who.name, "day")
    parts = [(activity, 60.0 * minutes, demand) for activity, minutes, demand in EXERCISE]
    left = 3600.0 * hours - 3600.0 * EXERCISE_HOURS
    asleep = left / 3.0
    before = (left - asleep) * float(rng.uniform(0.84, 0.94))
    parts += _daily(rng, before) + _asleep(rng, asleep) + _daily(rng, left - asleep - before)
    length = np.array([seconds for _, seconds, _ in parts])
    start = np.concatenate([[0.0], np.cumsum(length)[:-1]])
    activity = np.array([activity for activity, _, _ in parts], dtype=np.int64)
    demand = np.array([demand for _, _, demand in parts])
    return Segments(start, activity, demand)


def _daily(rng: np.random.Generator, seconds: float) -> list[tuple[int, float, float]]:
    """Daily life: sitting spells, pottering, and walks, in turn until the time is over."""
    parts: list[tuple[int, float, float]] = []
    left = seconds
    while left > 0:
        kind = rng.choice([SITTING, DAILY, WALKING], p=[0.30, 0.62, 0.08])
        spell = min(left, float(rng.gamma(2.0, {SITTING: 700.0, DAILY: 900.0, WALKING: 240.0}[int(kind)])))
        left -= spell
        while spell > 0:
            step = min(
                spell, 15.0 + float(rng.exponential({SITTING: 240.0, DAILY: 75.0, WALKING: 120.0}[int(kind)]))
            )
            demand = {
                SITTING: 0.05 + 0.02 * rng.standard_normal(),
                DAILY: 0.05 + 0.12 * rng.gamma(1.6, 0.6),
                WALKING: 0.30 + 0.05 * rng.standard_normal(),
            }[int(kind)]
            parts.append((int(kind), step, float(np.clip(demand, 0.0, 0.6))))
            spell -= step
    return parts


def _asleep(rng: np.random.Generator, seconds: float) -> list[tuple[int, float, float]]:
    """A night: slow changes, and arousals of half a minute."""
    parts: list[tuple[int, float, float]] = []
    left = seconds
    while left > 0:
        step = min(left, 60.0 + float(rng.exponential(600.0)))
        parts.append((SLEEP, step, float(0.01 * rng.standard_normal() - 0.04)))
        left -= step
        if left > 0 and rng.uniform() < 0.5:
            step = min(left, 30.0)
            parts.append((SLEEP, step, float(rng.uniform(0.05, 0.12))))
            left -= step
    return parts


def rate(seed: int, who: Person, day: Segments, hours: float, start_hour: float) -> FloatArray:
    """Heart rate in 1/min, `GRID` samples a second: demand with its kinetics, the time of day, variability.

    The rate nears what is demanded exponentially, upward in about half a minute, downward in about one.
    """
    rng = stream(seed, who.name, "rate")
    t = np.arange(round(3600 * hours * GRID)) / GRID
    up, down = float(rng.uniform(22, 36)), float(rng.uniform(45, 75))
    target = who.rest + who.reserve * day.demand
    edges = np.append(day.start[1:], 3600.0 * hours)
    level = target[0]
    levels = np.empty(target.size)
    constant = np.empty(target.size)
    for place, aim in enumerate(target):
        levels[place] = level
        constant[place] = up if aim > level else down
        level = aim + (level - aim) * np.exp(-(edges[place] - day.start[place]) / constant[place])
    at = day.at(t)
    mean = target[at] + (levels - target)[at] * np.exp(-(t - day.start[at]) / constant[at])
    mean += -3.0 * np.cos(2 * np.pi * (start_hour + t / 3600.0 - 4.0) / 24.0)
    return np.asarray(np.clip(mean * (1.0 + _variability(rng, who, mean, t)), 32.0, 215.0))


def _variability(rng: np.random.Generator, who: Person, mean: FloatArray, t: FloatArray) -> FloatArray:
    """Relative deviations: breathing, the wave near 0.1 Hz, and slow ones; smaller the faster the heart."""
    vagal = np.exp(-(mean - who.rest).clip(-10.0) / 30.0) * (1.25 - 0.008 * who.age)
    breath = 0.20 + 0.002 * (mean - who.rest).clip(0.0, 100.0) + 0.02 * _slow(rng, t.size, 120.0)
    breathing = 0.045 * vagal * np.sin(2 * np.pi * np.cumsum(breath) / GRID + rng.uniform(0, 6.28))
    wave = 0.03 * vagal * (1.0 + 0.5 * _slow(rng, t.size, 60.0))
    mayer = wave * np.sin(2 * np.pi * np.cumsum(0.095 + 0.008 * _slow(rng, t.size, 60.0)) / GRID)
    slow = 0.03 * np.exp(-(mean - who.rest).clip(0.0) / 80.0) * _slow(rng, t.size, 45.0)
    return np.asarray(breathing + mayer + slow)


def _slow(rng: np.random.Generator, size: int, seconds: float) -> FloatArray:
    """Standard normal values that forget in about `seconds` (first-order autoregression on the grid)."""
    keep = np.exp(-1.0 / (seconds * GRID))
    noise = rng.standard_normal(size)
    noise[0] /= np.sqrt(1.0 - keep**2)
    return np.asarray(lfilter([np.sqrt(1.0 - keep**2)], [1.0, -keep], noise))


def beats(seed: int, who: Person, day: Segments, per_minute: FloatArray) -> Beats:
    """Beats wherever the integral of the rate passes a whole number; some premature; some in noise.

    A premature beat comes 25 to 40% of its interval too early and the pause after it makes up for that. In
    noise, detections are scattered by up to a fifth of their interval, and flagged.
    """
    rng = stream(seed, who.name, "beats")
    phase = np.concatenate([[0.0], np.cumsum(per_minute) / (60.0 * GRID)])
    seconds = np.arange(phase.size) / GRID
    time = np.interp(np.arange(1, int(phase[-1])), phase, seconds)
    interval = np.diff(time, prepend=0.0)
    early = rng.uniform(size=time.size) < who.ectopic
    early[1:] &= ~early[:-1]
    time = time - np.where(early, rng.uniform(0.25, 0.40, time.size), 0.0) * interval
    noisy = _noise(rng, day, seconds[-1], time)
    time = time + np.where(noisy & ~early, rng.uniform(-0.2, 0.2, time.size), 0.0) * interval
    time = np.round(time, 3)
    return Beats(time[1:], np.round(np.diff(time), 3), noisy[1:])


def _noise(rng: np.random.Generator, day: Segments, length: float, time: FloatArray) -> BoolArray:
    """Stretches in which the ECG is poor: about one an hour at rest, and many more while running."""
    hourly = np.array([0.6, 0.8, 1.4, 3.0, 12.0, 5.0])
    n = rng.poisson(hourly.max() * length / 3600.0)
    start = np.sort(rng.uniform(0.0, length, n))
    kept = rng.uniform(size=n) < hourly[day.activity[day.at(start)]] / hourly.max()
    return inside(time, start[kept], start[kept] + (4.0 + rng.exponential(16.0, n))[kept])


def inside(time: FloatArray, start: FloatArray, end: FloatArray) -> BoolArray:
    """Whether each moment lies in any of the stretches [start, end); moments sorted.

    Example:
        >>> inside(np.arange(5.0), np.array([1.0]), np.array([3.0])).tolist()
        [False, True, True, False, False]
    """
    change = np.zeros(time.size + 1, dtype=np.int64)
    np.add.at(change, np.searchsorted(time, start), 1)
    np.add.at(change, np.searchsorted(time, end), -1)
    return np.asarray(np.cumsum(change)[:-1] > 0)
