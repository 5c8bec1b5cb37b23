"""Versions of one wrist algorithm, and the world they are tried in: drawn and summed by `weekly`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

TONES = ("I", "II", "III", "IV", "V", "VI")
"""Fitzpatrick's skin types."""

TONE_SHARES = np.array([0.04, 0.20, 0.28, 0.20, 0.16, 0.12])
TONE_ERROR = np.array([0.96, 0.97, 1.00, 1.04, 1.10, 1.16])
"""What each type multiplies the error of every version by."""

DARK = np.array([False, False, False, False, True, True])

ACTIVITIES = ("rest", "daily", "walking", "exercise")
ACTIVITY_SHARES = np.array([0.40, 0.25, 0.20, 0.15])
ACTIVITY_ERROR = np.array([0.80, 1.00, 1.15, 1.40])
ACTIVITY_RATE = np.array([66.0, 84.0, 102.0, 138.0])
"""Mean heart rate in 1/min."""

RATE_BETWEEN, RATE_WITHIN = 8.0, 6.0
"""SD of the heart rate between subjects and, within one and an activity, between windows, in 1/min."""

RATE_RANGE = (40.0, 210.0)

FITS = ("snug", "loose")
"""How a subject wears the strap; no table says it."""

FIT_SHARES = np.array([0.75, 0.25])
HARD = np.array([[0.05, 0.10, 0.20, 0.35], [0.09, 0.18, 0.36, 0.63]])
"""Probability that a window is hard (motion, pressure), by fit and activity."""

HARD_ERROR = 1.5
"""What a hard window multiplies the error by."""

SPREAD = 4.1
"""SD of the percentage error of a subject of mean quality, of an easy window, before what multiplies it."""

BETWEEN = 0.47
"""SD of the logarithm of a subject's own multiplier of the error."""

BIAS_SHARE = 0.4
"""Share of the error's variance that stays with the subject: the correlation of two of its errors."""

ARTEFACTS = 0.01
"""Share of windows in which the reference is noisy, whatever else they are."""


@dataclass(frozen=True)
class Version:
    """How one version errs and when it answers.

    Attributes:
        title: What it is, in words.
        light: Multiplies the error on skin of type I to IV.
        dark: The same for V and VI.
        own: Share of the variance of a subject's effects that other versions do not share.
        fresh: The same of a single window's error.
        answers: Probability of an output in an easy and in a hard window.
        same_as: The version of which this is a copy, byte for byte; all else is then of no account.
    """

    title: str
    light: float = 1.0
    dark: float = 1.0
    own: float = 0.05
    fresh: float = 0.5
    answers: tuple[float, float] = (0.98, 0.75)
    same_as: str | None = None


VERSIONS: Mapping[str, Version] = {
    "v1": Version("released"),
    "v2": Version("retrained on more light skin: better overall, worse on dark skin", light=0.72, dark=1.25),
    "v3": Version("retrained from another start: the same in truth"),
    "v4": Version("pruned to half its size: worse beyond what is acceptable", light=1.4, dark=1.4),
    "v5": Version("silent where it is not sure: errs less, answers less", 0.85, 0.85, answers=(0.96, 0.35)),
    "v6": Version("rebuilt: the same outputs", same_as="v1"),
    "v7": Version("tuned: a little better", 0.94, 0.94, own=0.02, fresh=0.2),
    "v8": Version("quantised: a little worse, within what is acceptable", 1.06, 1.06, own=0.02, fresh=0.2),
}
"""The versions of the example study; `v1` is the baseline, and has what is shared and nothing of its own."""

BASELINE = "v1"
SHARED_ANSWERS = 0.7
"""Share of windows in which a version is silent for the baseline's reasons and not for its own."""


def original(versions: Mapping[str, Version], name: str) -> str:
    """The version whose outputs these are: itself, or the one that it is a copy of.

    Example:
        >>> original(VERSIONS, "v6"), original(VERSIONS, "v7")
        ('v1', 'v7')
    """
    return versions[name].same_as or name
