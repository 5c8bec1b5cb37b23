"""Electrocardiograms with beats at known times, and what two versions of a small detector find in them.

The beats of a recording are drawn; a signal is made of them, with noise and bursts of artefacts; and the two
detectors, which are programs and know nothing of the beats, read the signal. So every reference beat is true,
and what is missed or found in excess is so for the reasons that real detectors have: artefacts, T waves,
ectopic beats of another shape. The numbers are invented; only their order of magnitude is meant to be
plausible.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import signal

from .beat_detectors import DETECTORS
from .draws import FloatArray, stream
from .study import SimulatedStudy

NAME = "beat_detector"
IntArray = NDArray[np.int64]

RATE = 250
"""Samples a second."""
MINUTES = 15
"""Length of a recording, of which EC57 leaves the first five minutes for learning."""
PLACES = ("clinic", "home")
"""Where recordings are made, every other subject."""
BURSTS = {"clinic": 0.3, "home": 2.0}
"""Bursts of artefacts a minute."""
ECTOPIC = {"V": (0.001, 0.08), "S": (0.0005, 0.02)}
"""Smallest and largest share of ventricular and supraventricular ectopic beats of a subject; log-uniform."""
COUPLING = {"V": (0.55, 0.75), "S": (0.65, 0.85)}
"""How early an ectopic beat comes, as a share of the subject's interval."""
_SHARP = ((-0.028, 0.008, -0.15), (0.03, 0.010, -0.25))
WAVES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "N": ((-0.17, 0.022, 0.12), (0.0, 0.011, 1.0), (0.26, 0.05, 0.28), *_SHARP),
    "S": ((-0.12, 0.018, 0.08), (0.0, 0.011, 0.95), (0.25, 0.05, 0.26), *_SHARP),
    "V": ((-0.01, 0.030, 1.25), (0.075, 0.030, -0.55), (0.32, 0.06, -0.35)),
}
"""Class -> waves of a beat: place in seconds from its time, width (SD) in seconds, height in millivolts."""


def beat_detector(*, seed: int = 20261128, n_subjects: int = 40) -> SimulatedStudy:
    """Simulate recordings of beats and what versions of a detector find.

    Tables (text keys): `subjects`: subject, age [years], sex, place, exclusion; `records`: subject, begin and
    end of the recording in seconds; `reference`: subject, time [s], symbol (N, S or V); `test` of each
    version: subject, time, symbol (N or V).

    Args:
        seed: Reproduces everything. The default is the one of the example study.
        n_subjects: Subjects, one recording each; each is the same however many there are.

    Returns:
        The tables, and in `truth` the numbers of beats by class, and the settings they were drawn with.

    Raises:
        ValueError: No subjects.

    Example:
        >>> study = beat_detector(n_subjects=1)
        >>> study.reference.columns
        ['subject', 'time', 'symbol']
        >>> sorted(study.versions)
        ['v1', 'v2']
    """
    if n_subjects < 1:
        raise ValueError("a study needs at least one subject")
    drawn = [_Recording(seed, number) for number in range(n_subjects)]
    tables = {
        "subjects": _subjects(seed, n_subjects),
        "records": pl.DataFrame(
            {
                "subject": [one.name for one in drawn],
                "begin": [0.0] * n_subjects,
                "end": [float(MINUTES * 60)] * n_subjects,
            }
        ),
        "reference": _annotated([(one.name, one.times, one.classes) for one in drawn]),
    }
    signals = [(one.name, one.signal()) for one in drawn]
    versions = {
        version: {"test": _annotated([(name, *find(found, RATE)) for name, found in signals])}
        for version, find in DETECTORS.items()
    }
    return SimulatedStudy(NAME, seed, tables, versions, _truth(drawn))


def _annotated(found: list[tuple[str, FloatArray, NDArray[np.str_]]]) -> pl.DataFrame:
    return pl.concat(
        pl.DataFrame({"subject": [name] * len(times), "time": times.round(3), "symbol": classes.tolist()})
        for name, times, classes in found
    )


def _truth(drawn: list[_Recording]) -> dict[str, Any]:
    every = np.concatenate([one.classes for one in drawn])
    return {
        "n_subjects": len(drawn),
        "beats": {name: int(np.count_nonzero(every == name)) for name in WAVES},
        "bursts_a_minute": BURSTS,
        "ectopic_shares": {name: list(ends) for name, ends in ECTOPIC.items()},
    }


def _name(number: int) -> str:
    return f"s{number + 1:03d}"


class _Recording:
    """One recording, drawn from streams of its own."""

    def __init__(self, seed: int, number: int) -> None:
        self.name, self.place = _name(number), PLACES[number % 2]
        self._seed = seed
        rng = self._stream("beats")
        interval = 60 / rng.uniform(55, 95)
        shares = {name: float(np.exp(rng.uniform(*np.log(ends)))) for name, ends in ECTOPIC.items()}
        self.times, self.classes = _beats(rng, interval, shares)

    def _stream(self, *purpose: str) -> np.random.Generator:
        return stream(self._seed, "beat_detector", self.name, *purpose)

    def signal(self) -> FloatArray:
        """The electrocardiogram in millivolts."""
        n = MINUTES * 60 * RATE
        found = np.zeros(n)
        clock = np.arange(n) / RATE
        for time, name in zip(self.times.tolist(), self.classes.tolist(), strict=True):
            low, high = max(0, int((time - 0.35) * RATE)), min(n, int((time + 0.6) * RATE))
            at = clock[low:high] - time
            for place, width, height in WAVES[name]:
                found[low:high] += height * np.exp(-(((at - place) / width) ** 2) / 2)
        rng = self._stream("noise")
        found += rng.normal(0, 0.03, n)
        found += 0.15 * np.sin(2 * np.pi * rng.uniform(0.15, 0.3) * clock + rng.uniform(0, 6))
        return found + self._artefacts(n)

    def _artefacts(self, n: int) -> FloatArray:
        """Bursts of movement: noise of 1 to 25 Hz that comes and goes."""
        rng, found = self._stream("artefacts"), np.zeros(n)
        band = signal.butter(2, [1, 25], btype="band", fs=RATE, output="sos")
        for _ in range(int(rng.poisson(BURSTS[self.place] * MINUTES))):
            length = int(rng.uniform(2, 12) * RATE)
            begin = int(rng.integers(0, n - length))
            burst = signal.sosfilt(band, rng.normal(0, 1, length)) * np.hanning(length)
            found[begin : begin + length] += burst * rng.uniform(0.05, 0.6) / 0.4
        return found


def _beats(
    rng: np.random.Generator, interval: float, shares: dict[str, float]
) -> tuple[FloatArray, NDArray[np.str_]]:
    """Times and classes of beats: a rhythm that breathes and drifts, with ectopic beats."""
    times: list[float] = []
    classes: list[str] = []
    time, drift, pause = float(rng.uniform(0.2, 1.0)), 0.0, 0.0
    while time < MINUTES * 60 - 0.5:
        drift = 0.97 * drift + rng.normal(0, 0.008)
        usual = interval * (1 + drift + 0.03 * np.sin(2 * np.pi * time / 4.2))
        draw, name = float(rng.uniform()), "N"
        if times and not pause:
            name = "V" if draw < shares["V"] else "S" if draw < shares["V"] + shares["S"] else "N"
        if name == "N":
            time += usual + pause
            pause = 0.0
        else:
            early = float(rng.uniform(*COUPLING[name]))
            time += usual * early
            pause = usual * (1 - early) if name == "V" else 0.02  # the pause after a V makes up for it
        if time < MINUTES * 60 - 0.5:
            times.append(time)
            classes.append(name)
    return np.array(times), np.array(classes, dtype=np.str_)


def _subjects(seed: int, n: int) -> pl.DataFrame:
    names = [_name(number) for number in range(n)]
    ages = [int(stream(seed, "beat_detector", "age", name).integers(25, 85)) for name in names]
    women = [stream(seed, "beat_detector", "sex", name).uniform() < 0.5 for name in names]
    return pl.DataFrame(
        {
            "subject": names,
            "age": ages,
            "sex": ["female" if one else "male" for one in women],
            "place": [PLACES[number % 2] for number in range(n)],
            "exclusion": pl.Series([None] * n, dtype=pl.String),
        }
    )
