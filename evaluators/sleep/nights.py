"""Hypnograms of many nights as one table of stage codes, and the stages that tell apart more or fewer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import checks

Staging = Literal["five", "four", "three", "two"]
Codes = NDArray[np.int8]

STAGES: dict[str, tuple[str, ...]] = {
    "five": ("wake", "n1", "n2", "n3", "rem"),
    "four": ("wake", "light", "deep", "rem"),
    "three": ("wake", "nrem", "rem"),
    "two": ("wake", "sleep"),
}
"""Stages by code, 0 first, of each staging."""
UNSCORED, ARTEFACT, OUTSIDE = -1, -2, -9
"""Codes of epochs nobody scored, of those that could not be scored, and beyond the end of a night."""

_MERGED = {"five": (0, 1, 1, 2, 3), "four": (0, 1, 1, 2), "three": (0, 1, 1)}
"""Code in the next coarser staging."""


@dataclass(frozen=True, eq=False)
class Nights:
    """Hypnograms side by side.

    Attributes:
        codes: (N, E) stage codes; `OUTSIDE` beyond a night's last epoch.
        names: Name of each night.
        staging: Which stages the codes mean.
    """

    codes: Codes
    names: tuple[str, ...]
    staging: Staging

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, by code."""
        return STAGES[self.staging]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) epochs of each night."""
        return np.asarray((self.codes != OUTSIDE).sum(axis=1))

    @property
    def unscored(self) -> NDArray[np.int64]:
        """(N,) epochs that are unscored or artefact."""
        return np.asarray(((self.codes < 0) & (self.codes != OUTSIDE)).sum(axis=1))


def check_staging(staging: str) -> None:
    """Refuse an unknown staging.

    Raises:
        ValueError: It is none of `STAGES`.
    """
    if staging not in STAGES:
        raise ValueError(f"`staging` must be one of {', '.join(STAGES)}, not {staging!r}.")


def nights_of(name: str, stages: Any, *, staging: Staging, night: Any = None) -> Nights:
    """Hypnograms in any of three shapes as one table.

    Args:
        name: Name of the argument, for messages.
        stages: Codes of `STAGES`, -1 unscored, -2 artefact: a column with `night`, a (nights x epochs) table,
            or a sequence of columns, one a night. A column without `night` is one night.
        staging: Which stages the codes mean.
        night: Label of each row of a column; rows of a night are in the order of time.

    Raises:
        ValueError: Not whole numbers, codes that the staging does not have, or labels that do not fit.

    Example:
        >>> nights_of("stages", [[0, 1, 2], [0, 1]], staging="five").lengths
        array([3, 2])
    """
    check_staging(staging)
    if night is not None:
        flat = _whole(name, np.asarray(stages))
        if flat.ndim != 1:
            raise ValueError(
                f"`{name}` must be one column where `night` is given; its shape is {flat.shape}."
            )
        keys, label = checks.subject_labels(night, len(flat))
        order = np.argsort(label, kind="stable")
        sizes = np.bincount(label, minlength=len(keys))
        _check_codes(name, flat, staging)
        table = _filled(flat[order], sizes)
    else:
        parts = _parts(name, stages)
        flat = np.concatenate([*parts, np.zeros(0, np.int64)])
        _check_codes(name, flat, staging)
        table = _filled(flat, np.array([len(part) for part in parts]))
        keys = tuple(str(i + 1) for i in range(len(parts)))
    return Nights(table.astype(np.int8), keys, staging)


def merge_stages(stages: ArrayLike, *, staging: Staging, into: Staging) -> NDArray[np.int64]:
    """The same epochs with fewer stages: N1 and N2 become light, light and deep NREM, all sleep sleep.

    Args:
        stages: Codes of `staging`, of any shape; negative codes (unscored, artefact) stay.
        staging: What they mean: `five` (wake, N1, N2, N3, REM), `four` (wake, light, deep, REM), `three`
            (wake, NREM, REM) or `two` (wake, sleep).
        into: The staging wanted, as many stages or fewer.

    Raises:
        ValueError: An unknown staging, one with more stages, or unknown codes.

    Example:
        >>> merge_stages([0, 1, 2, 3, 4, -1], staging="five", into="four").tolist()
        [0, 1, 1, 2, 3, -1]
    """
    check_staging(staging)
    check_staging(into)
    order = list(STAGES)
    if order.index(into) < order.index(staging):
        raise ValueError(
            f"`into` is {into!r}, which has more stages than {staging!r}; stages can be merged only."
        )
    codes = _whole("stages", np.asarray(stages)).astype(np.int64)
    _check_codes("stages", codes, staging)
    return _coarser(codes, staging, into)


def merged(nights: Nights, into: Staging) -> Nights:
    """Nights with fewer stages; see `merge_stages`."""
    return Nights(_coarser(nights.codes, nights.staging, into).astype(np.int8), nights.names, into)


def _coarser(codes: NDArray[Any], staging: str, into: str) -> NDArray[np.int64]:
    order = list(STAGES)
    for step in order[order.index(staging) : order.index(into)]:
        lookup = np.array([*_MERGED[step], *range(OUTSIDE, 0)])  # negative codes index from the end
        codes = lookup[codes]
    return codes.astype(np.int64)


def windowed(nights: Nights, off: Any, on: Any) -> Nights:
    """The epochs from lights off up to lights on; outside they are as if never recorded.

    Args:
        nights: Hypnograms.
        off: First epoch (0 is the first of the recording), one number or one a night.
        on: First epoch that no longer counts, likewise. None: the end.

    Raises:
        ValueError: Not whole numbers, not as many as nights, or a window that is not within its night.
    """
    if off is None and on is None:
        return nights
    lengths = nights.lengths
    start = edges("lights_off", off, 0, len(lengths))
    end = edges("lights_on", on, lengths, len(lengths))
    bad = np.flatnonzero((start < 0) | (end > lengths) | (start > end))
    if len(bad):
        one = bad[0]
        raise ValueError(
            f"`lights_off` and `lights_on` must lie within the night and in order; in {len(bad)} of "
            f"{len(lengths)} they do not, first in night {nights.names[one]!r}: epochs {start[one]} to "
            f"{end[one]} of {lengths[one]}."
        )
    width = nights.codes.shape[1]
    place = np.arange(width)[None, :] + start[:, None]
    moved = np.take_along_axis(nights.codes, np.minimum(place, max(width - 1, 0)), axis=1)
    return Nights(
        np.where(place < end[:, None], moved, OUTSIDE).astype(np.int8), nights.names, nights.staging
    )


def compressed(codes: Codes) -> Codes:
    """Nights with their scored epochs only, moved together."""
    scored = codes >= 0
    order = np.argsort(~scored, axis=1, kind="stable")
    moved = np.take_along_axis(codes, order, axis=1)
    return np.where(np.arange(codes.shape[1]) < scored.sum(axis=1)[:, None], moved, OUTSIDE).astype(np.int8)


def _parts(name: str, stages: Any) -> list[NDArray[Any]]:
    if isinstance(stages, np.ndarray) and stages.ndim > 2:
        raise ValueError(f"`{name}` must be columns of stage codes; its shape is {stages.shape}.")
    if isinstance(stages, np.ndarray) and stages.ndim == 2:
        return list(_whole(name, stages))
    several = isinstance(stages, Sequence) and len(stages) > 0 and not np.isscalar(stages[0])
    parts = [_whole(name, np.asarray(one)) for one in (stages if several else [stages])]
    if any(part.ndim != 1 for part in parts):
        raise ValueError(f"`{name}` must be columns of stage codes, one a night.")
    return parts


def _whole(name: str, values: NDArray[Any]) -> NDArray[Any]:
    if values.size and values.dtype.kind in "f" and np.all(values == np.floor(values)):
        return values.astype(np.int64)
    if values.size and values.dtype.kind not in "iu":
        raise ValueError(
            f"`{name}` must hold whole-number stage codes, -1 where an epoch is unscored; it holds "
            f"values such as {values.ravel()[0]!r}."
        )
    return values.astype(np.int64) if not values.size else values


def _filled(values: NDArray[Any], sizes: NDArray[Any]) -> NDArray[np.int64]:
    table = np.full((len(sizes), int(sizes.max(initial=0))), OUTSIDE, dtype=np.int64)
    table[np.arange(table.shape[1]) < sizes[:, None]] = values
    return table


def _check_codes(name: str, codes: NDArray[Any], staging: str) -> None:
    known = len(STAGES[staging])
    bad = (codes >= known) | (codes < ARTEFACT)
    if np.any(bad):
        found = np.unique(codes[bad])[:5].tolist()
        words = ", ".join(f"{i} {stage}" for i, stage in enumerate(STAGES[staging]))
        raise ValueError(
            f"`{name}` holds {int(bad.sum()):,} codes that staging {staging!r} does not have, such as "
            f"{', '.join(map(str, found))}; it has {words}, -1 unscored, -2 artefact."
        )


def edges(name: str, given: Any, default: Any, count: int) -> NDArray[np.int64]:
    """(N,) epochs of lights off or on, from one number, one a night, or the default."""
    values = np.asarray(default if given is None else given)
    if values.dtype.kind not in "iu" or values.ndim > 1 or (values.ndim == 1 and len(values) != count):
        raise ValueError(
            f"`{name}` must be a whole number of epochs, one for all or one for each of {count} nights."
        )
    return np.broadcast_to(values, (count,)).astype(np.int64)
