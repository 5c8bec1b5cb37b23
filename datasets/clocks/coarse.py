"""The best lag in whole steps: drift first, then the lag, and whether it stands out from others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from . import parts as parting
from .estimate import MOST_DRIFT, PPM
from .grid import FloatArray
from .parts import Parts

_STANDS_OUT = 3.0
"""Standard errors that the best peak has to lie above zero and above the next best one."""
_LEAST = 0.02
"""Mean correlation of the parts by which it has to lie above them, besides."""
_PROMINENCE = 0.1
"""Share of the best peak's height by which another has to rise above what lies between them to be one."""
_BLOCKS = 16
"""Groups of parts in which drift is looked for."""


@dataclass(frozen=True)
class Coarse:
    """The best whole lag.

    Attributes:
        offset: Offset in seconds at the middle of the parts.
        drift: Drift, seconds a second.
        agreement: Correlation there.
        agreement_at_zero: Correlation with the clocks as they are; None where that is outside of the search.
        second: Offset of the next best peak.
        second_agreement: Correlation there.
        at_edge: Whether a part's lag lies at the end of the search.
        above_chance: Whether the parts agree better than by chance.
        above_second: Whether they agree better than at the next best peak.
    """

    offset: float
    drift: float
    agreement: float
    agreement_at_zero: float | None
    second: float | None
    second_agreement: float | None
    at_edge: bool
    above_chance: bool
    above_second: bool


def coarse(parts: Parts, step: float, *, drift: bool) -> Coarse:
    """Find the best whole lag of a session.

    Args:
        parts: Sums by part and lag.
        step: Distance of lags, seconds.
        drift: Whether lags may change along the session.
    """
    elapsed = parts.place - parts.place.mean()
    slope = _drift(parts, elapsed, step) if drift else 0.0
    shift = np.rint(-slope * elapsed / step).astype(np.int64)
    sums = _shifted(parts, shift)
    agreement = parting.correlation(*(one.sum(axis=0) for one in sums))
    best = int(np.argmax(agreement))
    zero = int(np.argmin(np.abs(parts.offsets)))
    second = _second(agreement, best)
    center = best + shift
    return Coarse(
        offset=float(parts.offsets[best]),
        drift=slope,
        agreement=float(agreement[best]),
        agreement_at_zero=float(parts.agreement()[zero]) if abs(parts.offsets[zero]) <= step else None,
        second=None if second is None else float(parts.offsets[second]),
        second_agreement=None if second is None else float(agreement[second]),
        at_edge=bool((center <= 0).any() or (center >= len(parts.offsets) - 1).any()),
        above_chance=_stands_out(sums, best, None),
        above_second=second is None or _stands_out(sums, best, second),
    )


def _drift(parts: Parts, elapsed: FloatArray, step: float) -> float:
    """The drift at which groups of parts agree best, to about a step at the session's ends."""
    groups = np.array_split(np.arange(len(elapsed)), min(_BLOCKS, len(elapsed)))
    cross = np.stack([parts.cross[group].sum(axis=0) for group in groups])
    when = np.array([elapsed[group].mean() for group in groups])
    far = float(np.abs(when).max())
    if far <= 0:
        return 0.0
    count = int(np.ceil(MOST_DRIFT / PPM * far / step))
    columns = np.arange(cross.shape[1])
    best, found = -np.inf, 0.0
    for slope in sorted((np.arange(-count, count + 1) * step / far).tolist(), key=abs):
        places = columns + np.rint(-slope * when / step).astype(np.int64)[:, None]
        inside = (places >= 0) & (places < cross.shape[1])
        taken = np.take_along_axis(cross, np.clip(places, 0, cross.shape[1] - 1), axis=1)
        total = float(np.where(inside, taken, 0.0).sum(axis=0).max())
        if total > best:
            best, found = total, slope
    return found


def _shifted(parts: Parts, shift: NDArray[np.int64]) -> Sequence[FloatArray]:
    """Sums with each part's lags moved, 0 where that leads out of the search."""
    whole = (parts.cross, parts.reference, parts.test)
    if not shift.any():
        return whole
    places = np.arange(parts.cross.shape[1]) + shift[:, None]
    inside = (places >= 0) & (places < parts.cross.shape[1])
    places = np.clip(places, 0, parts.cross.shape[1] - 1)
    return [np.where(inside, np.take_along_axis(one, places, axis=1), 0.0) for one in whole]


def _second(agreement: FloatArray, best: int) -> int | None:
    """The next best lag that is a peak of its own."""
    height = float(agreement[best])
    if height <= 0:
        return None
    padded = np.concatenate(([-1.0], agreement, [-1.0]))
    peaks = signal.find_peaks(padded, prominence=_PROMINENCE * height)[0] - 1
    others = [int(one) for one in peaks if one != best and agreement[one] > 0]
    return max(others, key=lambda one: float(agreement[one])) if others else None


def _stands_out(sums: Sequence[FloatArray], best: int, other: int | None) -> bool:
    """Whether parts agree clearly better at one lag than at another (or than not at all).

    Every part counts once, by its own correlation: one part full of changes is not the whole session.
    """
    gain = parting.correlation(*(one[:, best] for one in sums))
    if other is not None:
        gain = gain - parting.correlation(*(one[:, other] for one in sums))
    if len(gain) < 2:
        return False
    mean, error = float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(len(gain)))
    return mean > _STANDS_OUT * error and mean > _LEAST
