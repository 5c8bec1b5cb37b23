"""What a wrist shows of the heart rate, simulated: averaged, disturbed, missing, by its own clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from .draws import FloatArray, stream
from .heart_rate_body import RUNNING, WALKING, Beats, BoolArray, IntArray, Person, Segments, inside

AVERAGED = 8.0
"""Seconds before each output over which the device averages; its output so lags by half of them."""

LAG = AVERAGED / 2

NOISE = np.array([0.7, 1.1, 2.2, 3.4, 4.2, 2.8])
"""SD of the error of the better version in 1/min, by activity in the order of `ACTIVITIES`."""

LOSS = np.array([0.4, 0.6, 3.0, 5.0, 10.0, 6.0])
"""Stretches an hour without a value, of a light tone, by activity."""


@dataclass(frozen=True)
class Algorithm:
    """How one version errs.

    Attributes:
        noise: Multiplies the error.
        lock: Share of running with the steps in place of the pulse; of walking, 0.45 of it.
        loss: Multiplies the stretches without a value.
        tone: What the darkest tone adds to the error, as a share of it.
        weight: What 10 kg/m2 above 25 add to it.
    """

    noise: float
    lock: float
    loss: float
    tone: float
    weight: float


ALGORITHMS: Mapping[str, Algorithm] = {
    "v1": Algorithm(noise=1.5, lock=0.42, loss=1.0, tone=0.8, weight=0.3),
    "v2": Algorithm(noise=1.0, lock=0.05, loss=1.6, tone=0.3, weight=0.2),
}
"""v2 locks less onto steps and errs less, and leaves more seconds without a value."""


@dataclass(frozen=True)
class Clock:
    """The wrist's clock minus the reference's: `offset` s at the start of the session, plus `drift` ppm."""

    offset: float
    drift: float

    def true(self, shown: FloatArray) -> FloatArray:
        """Seconds since the start by the reference's clock, of seconds since it by the wrist's."""
        return np.asarray((shown - self.offset) / (1.0 + 1e-6 * self.drift))

    def shown(self, true: FloatArray) -> FloatArray:
        """The other way."""
        return np.asarray(true * (1.0 + 1e-6 * self.drift) + self.offset)


@dataclass(frozen=True)
class Worn:
    """What all versions share of a session: outputs at whole seconds of the wrist's clock."""

    shown: IntArray
    true: FloatArray
    segment: IntArray
    off: BoolArray


def clock(seed: int, who: Person) -> Clock:
    """Offset of a few seconds to a minute, either way, and drift of up to 60 ppm either way."""
    rng = stream(seed, who.name, "clock")
    offset = float(rng.uniform(3.0, 55.0) * rng.choice([-1.0, 1.0]))
    return Clock(round(offset, 3), round(float(rng.uniform(-60.0, 60.0)), 2))


def worn(seed: int, who: Person, day: Segments, length: float, by: Clock) -> Worn:
    """When the device wrote: not while it charged; while it was off the wrist, rows without a value."""
    rng = stream(seed, who.name, "worn")
    ends = by.shown(np.array([AVERAGED + 2.0, length]))
    shown = np.arange(int(np.ceil(ends[0])), int(np.floor(ends[1])), dtype=np.int64)
    true = by.true(shown.astype(np.float64))
    # Both happen in the unsupervised part, before the night.
    free = 3600.0 * 1.4
    span = max(0.0, 0.5 * (length - free))
    charging = free + span * float(rng.uniform(0.1, 0.9))
    minutes = float(rng.uniform(35.0, 70.0)) * min(1.0, length / 86400.0)
    kept = (true < charging) | (true >= charging + 60.0 * minutes)
    n = int(rng.poisson(1.5))
    start = np.sort(free + span * rng.uniform(0.0, 1.0, n))
    end = start + 60.0 * rng.uniform(3.0, 14.0, n) * min(1.0, length / 86400.0)
    shown, true = shown[kept], true[kept]
    return Worn(shown, true, day.at(true), inside(true, start, end))


def averaged(beats: Beats, true: FloatArray) -> FloatArray:
    """Mean rate over the `AVERAGED` seconds before each moment: beats, with the parts of beats, over time."""
    edges = np.append(beats.time[0] - beats.rr[0], beats.time)
    count = np.arange(edges.size, dtype=np.float64)
    late, early = np.interp(true, edges, count), np.interp(true - AVERAGED, edges, count)
    return np.asarray((late - early) * 60.0 / AVERAGED)


def output(
    seed: int, who: Person, day: Segments, beats: Beats, session: Worn, *, algorithm: Algorithm
) -> tuple[FloatArray, BoolArray]:
    """The value a second in whole beats a minute, and whether there is one.

    Draws are the same for every algorithm: where one locks onto steps less often, it does so in a part of the
    other's stretches.
    """
    rng = stream(seed, who.name, "output")
    darkness = (who.monk - 1) / 9.0
    hard = 1.0 + algorithm.tone * darkness + algorithm.weight * max(0.0, who.bmi - 25.0) / 10.0
    activity = day.activity[session.segment]
    true_rate = averaged(beats, session.true)
    keep = np.exp(-1.0 / 12.0)
    drawn = lfilter([np.sqrt(1.0 - keep**2)], [1.0, -keep], rng.standard_normal(activity.size))
    own = float(rng.normal(0.2, 0.5))
    value = true_rate + own + algorithm.noise * hard * NOISE[activity] * drawn
    locked, steps = _locked(rng, who, day, session, algorithm.lock * hard)
    value = np.where(locked, steps + 1.5 * drawn, value)
    missing = session.off | _lost(rng, day, session, algorithm.loss * (1.0 + 0.8 * darkness))
    return np.clip(np.rint(value), 30.0, 220.0), ~missing


def _locked(
    rng: np.random.Generator, who: Person, day: Segments, session: Worn, share: float
) -> tuple[BoolArray, FloatArray]:
    """Stretches of exercise in which the steps are taken for the pulse, and the steps a minute."""
    cadence = np.where(
        day.activity == RUNNING,
        rng.normal(164.0, 6.0) + 3.0 * rng.standard_normal(day.activity.size),
        rng.normal(112.0, 5.0) + 3.0 * rng.standard_normal(day.activity.size),
    )
    weight = np.where(day.activity == RUNNING, 1.0, np.where(day.activity == WALKING, 0.45, 0.0))
    block = 45.0
    blocks = np.floor(session.true / block).astype(np.int64)
    drawn = rng.uniform(size=int(blocks[-1]) + 2)[blocks]
    return drawn < share * weight[session.segment], cadence[session.segment]


def _lost(rng: np.random.Generator, day: Segments, session: Worn, times: float) -> BoolArray:
    """Stretches in which the signal is too poor for a value."""
    length = float(session.true[-1])
    most = 8.0 * LOSS.max()
    n = rng.poisson(most * length / 3600.0)
    start = np.sort(rng.uniform(0.0, length, n))
    expected = times * LOSS[day.activity[day.at(start)]]
    kept = rng.uniform(size=n) < expected / most
    return inside(session.true, start[kept], start[kept] + (3.0 + rng.exponential(14.0, n))[kept])
