"""The same nights on both sides: as long, with the same stages, and of known subjects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import checks
from .nights import OUTSIDE, STAGES, Nights, Staging, edges, merged, nights_of, windowed


@dataclass(frozen=True, eq=False)
class PairedNights:
    """The same nights by reference and device, as long as each other and with the same stages.

    Attributes:
        reference: Hypnograms of the reference.
        device: Hypnograms of the device.
        subjects: Subject of each night.
        cut: (N, 2) epochs that truncation took from the end of reference and device.
    """

    reference: Nights
    device: Nights
    subjects: tuple[str, ...]
    cut: NDArray[np.int64]


def paired_nights(
    reference: Any,
    device: Any,
    *,
    night: Any = None,
    subject: Any = None,
    staging: Staging = "five",
    device_staging: Staging | None = None,
    into: Staging | None = None,
    lights_off: Any = None,
    lights_on: Any = None,
    truncate: bool = False,
) -> PairedNights:
    """Both sides of every night, checked and brought to the same stages and length.

    Epochs are paired by their place: both sides must start at the same time. A night that is longer on one
    side is refused, because it says that they may not; with `truncate` its end is cut off and counted.

    Args:
        reference: Stage codes; see `hypnogram_measures`.
        device: Stage codes of the device, in the same shape.
        night: Label of each row, where both are columns.
        subject: Subject of each night, or of each row where `night` is given. Default: every night is a
            subject of its own.
        staging: What the codes of the reference mean.
        device_staging: What those of the device mean. Default: the same. Both are merged to the coarser one.
        into: Fewer stages to merge both to.
        lights_off: First epoch of the analysis; see `hypnogram_measures`.
        lights_on: First epoch after it.
        truncate: Whether nights of unequal length are cut to the shorter side.

    Raises:
        ValueError: Other numbers of nights, unequal lengths, a night of two subjects, or what
            `hypnogram_measures` refuses.

    Example:
        >>> paired_nights([[0, 1, 2]], [[0, 1]], truncate=True).cut.tolist()
        [[1, 0]]
    """
    first = nights_of("reference", reference, staging=staging, night=night)
    second = nights_of("device", device, staging=device_staging or staging, night=night)
    if len(first.names) != len(second.names):
        raise ValueError(f"`reference` has {len(first.names)} nights and `device` {len(second.names)}.")
    short = np.minimum(first.lengths, second.lengths)
    cut = np.column_stack([first.lengths - short, second.lengths - short])
    unequal = np.flatnonzero(cut.sum(axis=1))
    if len(unequal) and not truncate:
        one = unequal[0]
        raise ValueError(
            f"{len(unequal):,} of {len(short):,} nights have unequal numbers of epochs, first night "
            f"{first.names[one]!r}: {first.lengths[one]} by the reference and {second.lengths[one]} by the "
            f"device. `truncate=True` cuts the end of the longer one."
        )
    coarser = max(staging, device_staging or staging, into or staging, key=list(STAGES).index)
    if into is not None and coarser != into:
        raise ValueError(f"`into` is {into!r}; one side has only the stages of {coarser!r}.")
    sides = [windowed(_cut(merged(side, coarser), short), lights_off, lights_on) for side in (first, second)]
    return PairedNights(sides[0], sides[1], _subjects(subject, night, first.names), cut)


def _cut(nights: Nights, lengths: NDArray[np.int64]) -> Nights:
    width = int(lengths.max(initial=0))
    kept = np.where(np.arange(width) < lengths[:, None], nights.codes[:, :width], OUTSIDE)
    return Nights(kept.astype(np.int8), nights.names, nights.staging)


def _subjects(subject: Any, night: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    if subject is None:
        return names
    if night is None:
        keys, label = checks.subject_labels(subject, len(np.asarray(subject)))
        if len(label) != len(names):
            raise ValueError(f"`subject` has {len(label)} labels for {len(names)} nights.")
        return tuple(keys[i] for i in label)
    rows = len(np.asarray(night))
    keys, label = checks.subject_labels(subject, rows)
    _, place = checks.subject_labels(night, rows)
    found = np.full(len(names), -1, dtype=np.int64)
    found[place] = label
    mixed = np.flatnonzero(found[place] != label)
    if len(mixed):
        raise ValueError(f"Night {names[place[mixed[0]]]!r} has rows of more than one `subject`.")
    return tuple(keys[i] for i in found)


def common_window(
    scorers: Sequence[Any],
    *,
    night: Any = None,
    staging: Staging = "five",
    lights_off: Any = None,
    lights_on: Any = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """From where to where all scorers of a night have scored: first epoch, and first epoch after.

    The later of their first scored epochs to the earlier of their last, tightened by lights off and on where
    these are declared (Guillot et al. 2020).

    Args:
        scorers: Stage codes of every scorer; see `hypnogram_measures` for the shapes.
        night: Label of each row, where they are columns.
        staging: What the codes mean.
        lights_off: First epoch of the analysis, one for all or one a night.
        lights_on: First epoch after it, likewise.

    Raises:
        ValueError: A scorer has no scored epoch in some night, or there is no epoch that all have.

    Example:
        >>> start, end = common_window([[-1, 0, 1, 1, -1], [0, 0, 1, 1, 1]])
        >>> start.tolist(), end.tolist()
        ([1], [4])
    """
    tables = [nights_of(f"scorers[{i}]", one, staging=staging, night=night) for i, one in enumerate(scorers)]
    start, end = [], []
    for i, one in enumerate(tables):
        scored = one.codes >= 0
        without = np.flatnonzero(~scored.any(axis=1))
        if len(without):
            raise ValueError(f"scorers[{i}] has no scored epoch in night {one.names[without[0]]!r}.")
        start.append(scored.argmax(axis=1))
        end.append(scored.shape[1] - scored[:, ::-1].argmax(axis=1))
    names = tables[0].names
    first, last = np.max(start, axis=0), np.min(end, axis=0)
    first = np.maximum(first, edges("lights_off", lights_off, 0, len(names)))
    last = np.minimum(last, edges("lights_on", lights_on, last, len(names)))
    empty = np.flatnonzero(first >= last)
    if len(empty):
        raise ValueError(f"No epoch of night {names[empty[0]]!r} lies within what every scorer has scored.")
    return first.astype(np.int64), last.astype(np.int64)
