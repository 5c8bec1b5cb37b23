"""Sessions with clocks that the test knows: heart rate of a wrist device beside an ECG."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from accordance.datasets.clocks.grid import FloatArray, Signal


@dataclass(frozen=True)
class Known:
    """One simulated session; reference time = test time + offset + drift * (test time - half)."""

    reference: Signal
    test: Signal
    offset: float
    ppm: float
    half: float

    def at(self, moment: float) -> float:
        """The true offset at a moment of the test clock."""
        return self.offset + 1e-6 * self.ppm * (moment - self.half)


def heart_rate(rng: np.random.Generator, seconds: float) -> tuple[FloatArray, FloatArray]:
    """A true heart rate every quarter of a second: activities, slow waves, breathing."""
    n = int(seconds * 4)
    time = np.arange(n) / 4
    bouts = np.zeros(n)
    place = 0
    while place < n:
        length = int(rng.exponential(600) * 4) + 40
        bouts[place : place + length] = rng.choice([0, 5, 15, 40], p=[0.5, 0.25, 0.15, 0.1])
        place += length
    slow, wave = np.exp(-0.25 / 30), np.exp(-0.25 / 15)
    rate = 60 + 8 * np.sin(2 * np.pi * time / 86400) + lfilter([1 - slow], [1, -slow], bouts)
    rate += 3 * np.sqrt(1 - wave**2) * lfilter([1], [1, -wave], rng.normal(size=n))
    rate += 2 * np.sin(2 * np.pi * 0.22 * time + np.cumsum(rng.normal(size=n) * 0.02))
    return time, rate


def session(
    seed: int | np.random.Generator,
    *,
    seconds: float = 3600,
    offset: float = 5.0,
    ppm: float = 0.0,
    noise: float = 2.0,
    memory: float = 5.0,
    averaged: float = 8.0,
    dropout: float = 0.1,
    motion: float = 0.05,
    gap: float = 1 / 8,
    whole: bool = True,
    beats: bool = True,
    every: float = 1.0,
) -> Known:
    """Simulate a session.

    Args:
        seed: Seed or generator.
        seconds: Length.
        offset: Seconds to add to the test clock at the session's middle.
        ppm: Drift.
        noise: Standard deviation of the device's error, beats/min.
        memory: Seconds over which its error is alike.
        averaged: Seconds over which the device averages, around each output.
        dropout: Share of rows lost, in stretches of 40 s.
        motion: Share of time with an error of 15 beats/min and more, in stretches of a minute.
        gap: One stretch of this share of the session without rows.
        whole: Output in whole beats.
        beats: The reference is beats of an ECG; otherwise a value a second.
        every: Seconds between two rows of the device.
    """
    rng = np.random.default_rng(seed)
    time, rate = heart_rate(rng, seconds)
    if beats:
        phase = np.concatenate([[0], np.cumsum((rate[1:] + rate[:-1]) / 120) / 4])
        peaks = np.interp(np.arange(1, int(phase[-1])), phase, time)
        peaks += 0.008 * rng.normal(size=len(peaks))
        rr = np.diff(peaks)
        reference = Signal((peaks[1:] + peaks[:-1]) / 2, 60 / rr, rr)
    else:
        seconds_ = np.arange(0, seconds, 1.0)
        reference = Signal(seconds_, np.interp(seconds_, time, rate) + 0.5 * rng.normal(size=len(seconds_)))
    stamp = np.arange(rng.uniform(), seconds, every)
    true = stamp + offset + 1e-6 * ppm * (stamp - seconds / 2)
    half = int(averaged * 2)
    kernel = np.r_[0.5, np.ones(2 * half - 1), 0.5] / (2 * half) if half else np.ones(1)
    smooth = np.convolve(np.pad(rate, (half, half), mode="edge"), kernel, "valid")
    value = np.interp(true, time, smooth, left=np.nan, right=np.nan)
    alike = np.exp(-every / memory) if memory else 0.0
    value += noise * np.sqrt(1 - alike**2) * lfilter([1], [1, -alike], rng.normal(size=len(stamp)))
    moving = _stretches(rng, len(stamp), motion, 60 / every)
    wander = 1.5 * lfilter([1], [1, -0.9], rng.normal(size=len(stamp)))
    value = np.where(moving, value + rng.normal(15, 10) + wander, value)
    value = np.rint(value) if whole else value
    kept = np.isfinite(value) & ~_stretches(rng, len(stamp), dropout, 40 / every)
    first = int(rng.integers(0, len(stamp)))
    kept[first : first + int(gap * len(stamp))] = False
    return Known(reference, Signal(stamp[kept], value[kept]), offset, ppm, seconds / 2)


def _stretches(rng: np.random.Generator, n: int, share: float, length: float) -> np.ndarray:
    found = np.zeros(n, dtype=bool)
    place = 0
    while share and place < n:
        place += int(rng.exponential(length / share)) + 1
        lasting = int(rng.exponential(length)) + 1
        found[place : place + lasting] = True
        place += lasting
    return found
