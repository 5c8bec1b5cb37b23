"""The remaining lag of two signals that are nearly aligned, from the slope of their phase.

The generalised correlation with the weights of Hannan & Thomson (1973, Biometrika 60:581; Knapp & Carter
1976, IEEE Trans ASSP 24:320): each frequency counts by how coherent the signals are there, so that neither
slow trends nor fast noise of one device decide. The weights are the whole session's; its parts tell how sure
the maximum is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal, stats

from .estimate import LEVEL
from .grid import FloatArray

_TAPER = 0.1
_MOST_COHERENT = 0.98
_ENOUGH = 48
"""Products that a coherence is averaged over, parts times neighbouring frequencies."""
_FAR = 10.0
"""Steps on both sides that the maximum is looked for in."""
_CHANCE = 0.01
_ROUNDS = 25


@dataclass(frozen=True)
class Fit:
    """What remains between two signals, in seconds and seconds a second.

    Attributes:
        at: Offset at `middle`, and drift where it was looked for.
        half: Half the width of their intervals.
        middle: Where in `place` the two do not depend on each other.
    """

    at: FloatArray
    half: FloatArray
    middle: float


@dataclass(frozen=True)
class _Spectra:
    """Cross-spectra of the parts at the frequencies that count, with their weights."""

    cross: NDArray[np.complex128]
    omega: FloatArray
    weight: FloatArray
    inform: FloatArray


def fit(
    reference: FloatArray, test: FloatArray, place: FloatArray, step: float, *, drift: bool
) -> Fit | None:
    """Find the offset, and the drift, that remain between parts of two signals.

    Args:
        reference: Changes of the reference, (parts, points), lines over its gaps.
        test: Changes of the test signal on the same grid.
        place: Time of each part's middle, seconds.
        step: Distance of grid points, seconds.
        drift: Whether lags may change along the session.

    Returns:
        The fit; None where no frequency is coherent or no maximum lies near.
    """
    spectra = _spectra(reference, test, step)
    if spectra is None:
        return None
    middle = float(np.average(place, weights=spectra.inform))
    columns = [np.ones(len(place))]
    if drift:
        columns.append(place - middle)
    design = np.column_stack(columns)
    at = np.zeros(design.shape[1])
    at[0] = _scan(spectra, step)
    if abs(at[0]) >= (_FAR - 1) * step:
        return None
    value, scores, bend = _look(spectra, design @ at)
    for _ in range(_ROUNDS):
        hessian = (design.T * bend) @ design
        move = np.linalg.solve(_positive(hessian), design.T @ scores)
        longest = float(np.abs(design @ move).max())
        if longest > step:
            move *= step / longest
        for _ in range(10):
            tried = _look(spectra, design @ (at + move))
            if tried[0] >= value - 1e-12 * abs(value):
                break
            move = move / 2
        else:
            break
        at, (value, scores, bend) = at + move, tried
        if longest < 1e-7 * step:
            break
    half = _half_widths(design, scores, bend, spectra.inform)
    return None if half is None else Fit(at, half, middle)


def _spectra(left: FloatArray, right: FloatArray, step: float) -> _Spectra | None:
    slope = float((left * right).sum()) / max(float((left**2).sum()), 1e-300)
    noise = ((right - slope * left) ** 2).mean(axis=1)
    scale = 1 / (noise + 0.25 * float(np.median(noise)) + 1e-12 * float((right**2).mean()))
    length = left.shape[1]
    taper = signal.windows.tukey(length, 2 * _TAPER)
    size = fft.next_fast_len(length, real=True)
    one, two = (fft.rfft(values * taper, size, axis=1)[:, 1:] for values in (left, right))
    omega = 2 * np.pi * fft.rfftfreq(size, step)[1:]
    cross = np.conj(one) * two * scale[:, None]
    powers = np.abs(one) ** 2 * scale[:, None], np.abs(two) ** 2 * scale[:, None]
    parts = float(scale.sum()) ** 2 / float((scale**2).sum())
    bins = 2 * int(np.ceil(_ENOUGH / parts / 2)) + 1
    bins = min(bins, 2 * ((len(omega) - 1) // 4) + 1)
    products = max(parts * bins * length / size, 2.0)
    shared = _smooth(cross.sum(axis=0), bins)
    power = [_smooth(values.sum(axis=0), bins) for values in powers]
    coherence = _coherence(shared, power[0], power[1])
    chance = 1 - _CHANCE ** (1 / (products - 1))
    kept = _band(shared.real, (coherence > chance) & (shared.real > 0))
    if not kept.any():
        return None
    weight = _weights(coherence[kept], np.abs(shared[kept]), products)
    gain = np.abs(shared[kept]) / power[0][kept]
    inform = (powers[0][:, kept] * gain) @ (weight * omega[kept] ** 2)
    return _Spectra(cross[:, kept], omega[kept], weight, np.asarray(inform))


def _coherence(cross: Any, left: FloatArray, right: FloatArray) -> FloatArray:
    size = left * right
    found: FloatArray = np.divide(np.abs(cross) ** 2, size, out=np.zeros(cross.shape), where=size > 0)
    return found


def _weights(coherence: FloatArray, size: FloatArray, products: float) -> FloatArray:
    """Hannan and Thomson's weights, without what coherence is by chance."""
    excess = np.clip((coherence - 1 / products) / (1 - 1 / products), 0.0, _MOST_COHERENT)
    found: FloatArray = np.divide(excess / (1 - excess), size, out=np.zeros_like(size), where=size > 0)
    return found


def _band(agreeing: FloatArray, coherent: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The unbroken band of coherent frequencies in step around the one that has most in common.

    A device that averages over seconds turns fast changes upside down: beyond the first frequency that it
    does not pass, its phase tells nothing about its clock.
    """
    peak = int(np.argmax(np.where(coherent, agreeing, -np.inf)))
    kept = np.zeros(len(coherent), dtype=bool)
    if coherent[peak]:
        breaks = np.flatnonzero(~coherent)
        low = int(breaks[breaks < peak].max(initial=-1)) + 1
        high = int(breaks[breaks > peak].min(initial=len(coherent)))
        kept[low:high] = True
    return kept


def _smooth(values: Any, bins: int) -> Any:
    """Mean over neighbouring frequencies (the last axis), over those there are at the ends."""
    if bins <= 1:
        return values
    half, count = bins // 2, values.shape[-1]
    sums = np.cumsum(values, axis=-1)
    sums = np.concatenate([np.zeros((*values.shape[:-1], 1), dtype=sums.dtype), sums], axis=-1)
    place = np.arange(count)
    low, high = np.maximum(place - half, 0), np.minimum(place + half + 1, count)
    return (sums[..., high] - sums[..., low]) / (high - low)


def _scan(spectra: _Spectra, step: float) -> float:
    """The offset with most agreement on a fine grid."""
    tried = np.arange(-_FAR, _FAR + 0.125, 0.25) * step
    pooled = spectra.cross.sum(axis=0) * spectra.weight
    values = (np.exp(-1j * np.outer(tried, spectra.omega)) @ pooled).real
    return float(tried[np.argmax(values)])


def _look(spectra: _Spectra, lags: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Agreement, and each part's slope and bend of it by its lag."""
    turned = spectra.cross * np.exp(-1j * lags[:, None] * spectra.omega)
    value = float((turned.real @ spectra.weight).sum())
    slope = turned.imag @ (spectra.weight * spectra.omega)
    bend = turned.real @ (spectra.weight * spectra.omega**2)
    return value, slope, bend


def _positive(hessian: FloatArray) -> FloatArray:
    """The same matrix with positive eigenvalues, so that a step climbs."""
    values, vectors = np.linalg.eigh(hessian)
    floor = max(1e-300, 1e-9 * float(np.abs(values).max()))
    found: FloatArray = (vectors * np.maximum(np.abs(values), floor)) @ vectors.T
    return found


def _half_widths(
    design: FloatArray, scores: FloatArray, bend: FloatArray, inform: FloatArray
) -> FloatArray | None:
    """Half the width of each interval, from the spread of the parts' scores; None at no maximum."""
    hessian = (design.T * bend) @ design
    if not (np.linalg.eigvalsh(hessian) > 0).all():
        return None
    inverse = np.linalg.inv(hessian)
    bread = np.linalg.inv((design.T * inform) @ design)
    lever = np.minimum(np.einsum("ij,jk,ik->i", design, bread, design) * inform, 0.9)
    moved = (design * (scores / (1 - lever))[:, None]) @ inverse
    # parts side by side may have something in common; it never narrows the interval
    beside = np.maximum(2 * (moved[1:] * moved[:-1]).sum(axis=0), 0.0)
    # the band and the weights are of the same data: they count as one parameter more
    parts, spent = len(design), design.shape[1] + 1
    variance = ((moved**2).sum(axis=0) + beside) * parts / max(parts - spent, 1)
    share = (design @ inverse) ** 2 * inform[:, None]
    freedom = np.maximum(share.sum(axis=0) ** 2 / (share**2).sum(axis=0) - 1, 1.0)
    found: FloatArray = stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(variance)
    return found
