"""Two versions of a small detector of beats: slopes, a threshold, and the width of what was found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import signal

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Detector = Callable[[FloatArray, int], tuple[FloatArray, NDArray[np.str_]]]

_BAND = (5.0, 18.0)
_LONG = 1.4
"""Seconds without a beat after which the threshold is halved."""
_WIDE = {"v1": 0.085, "v2": 0.085}  # seconds: a QRS complex wider than this is called ventricular


def fixed_threshold(found: FloatArray, rate: int) -> tuple[FloatArray, NDArray[np.str_]]:
    """Version 1: one threshold, learnt from the first ten seconds.

    Args:
        found: (n,) the signal in millivolts.
        rate: Samples a second.

    Returns:
        Times of beats in seconds, and their symbols, N or V.

    Example:
        >>> times, symbols = fixed_threshold(np.zeros(5000), 250)
        >>> len(times)
        0
    """
    filtered, slope = _slopes(found, rate)
    peaks, _ = signal.find_peaks(slope, distance=int(0.25 * rate))
    beginning = slope[peaks[peaks < 10 * rate]]
    level = 0.3 * float(np.median(np.sort(beginning)[-8:])) if len(beginning) else np.inf
    chosen = peaks[slope[peaks] > max(level, 1e-9)]
    return _described(filtered, _centred(filtered, chosen, rate), rate, early=False)


def running_threshold(found: FloatArray, rate: int) -> tuple[FloatArray, NDArray[np.str_]]:
    """Version 2: a threshold that follows the last beats, between the heights of beats and of noise.

    Args:
        found: (n,) the signal in millivolts.
        rate: Samples a second.

    Returns:
        Times of beats in seconds, and their symbols, N or V.
    """
    filtered, slope = _slopes(found, rate)
    peaks, _ = signal.find_peaks(slope, distance=int(0.25 * rate))
    beginning = slope[peaks[peaks < 10 * rate]]
    beat = float(np.median(np.sort(beginning)[-8:])) if len(beginning) else 0.0
    noise, chosen = 0.1 * beat, [0]
    for peak in peaks.tolist():
        height, apart = float(slope[peak]), (peak - chosen[-1]) / rate
        level = noise + 0.3 * (beat - noise)
        if apart > _LONG:  # a beat is due: it may have been smaller than the others
            level *= 0.5
        # a T wave comes soon after a beat, and is not as steep
        if height > level and (apart > 0.36 or height > 0.6 * beat):
            chosen.append(peak)
            beat += 0.1 * (min(height, 1.2 * beat) - beat)  # an artefact raises it little
        else:
            noise += 0.05 * (min(height, beat) - noise)
    chosen = chosen[1:]
    return _described(filtered, _centred(filtered, np.array(chosen, dtype=np.int64), rate), rate, early=True)


DETECTORS: dict[str, Detector] = {"v1": fixed_threshold, "v2": running_threshold}
"""Version -> detector."""


def _slopes(found: FloatArray, rate: int) -> tuple[FloatArray, FloatArray]:
    """The signal between 5 and 18 Hz, and its squared slope over 120 ms."""
    band = signal.butter(2, _BAND, btype="band", fs=rate, output="sos")
    filtered = np.asarray(signal.sosfiltfilt(band, found))
    window = max(1, int(0.12 * rate))
    power = np.convolve(np.square(np.gradient(filtered)), np.ones(window) / window, mode="same")
    return filtered, np.sqrt(power)


def _centred(filtered: FloatArray, peaks: IntArray, rate: int) -> IntArray:
    """The largest deflection within 100 ms of each peak of the slope; no two of one."""
    reach = int(0.1 * rate)
    found = [
        max(0, peak - reach) + int(np.argmax(np.abs(filtered[max(0, peak - reach) : peak + reach + 1])))
        for peak in peaks.tolist()
    ]
    return np.unique(np.array(found, dtype=np.int64))


def _described(
    filtered: FloatArray, peaks: IntArray, rate: int, *, early: bool
) -> tuple[FloatArray, NDArray[np.str_]]:
    """Times and symbols: V where the complex is wide and, if asked for, comes early."""
    if not len(peaks):
        return np.zeros(0), np.zeros(0, dtype=np.str_)
    reach = int(0.12 * rate)
    width = np.array(
        [
            np.count_nonzero(
                np.abs(filtered[max(0, peak - reach) : peak + reach + 1]) > 0.4 * abs(filtered[peak])
            )
            / rate
            for peak in peaks.tolist()
        ]
    )
    wide = width > _WIDE["v2" if early else "v1"]
    if early:
        interval = np.diff(peaks, prepend=peaks[0])
        usual = signal.medfilt(interval.astype(np.float64), 9)
        wide &= interval < 0.9 * np.maximum(usual, 1)
    return peaks / rate, np.where(wide, "V", "N").astype(np.str_)
