"""Subject weights for the bootstrap: how often each subject is drawn, replicate by replicate.

One matrix serves every endpoint, version and confidence level of a run. It follows from the declared seed,
the resampling design and the sorted subject keys, and from nothing else: not from the order of the rows, the
number of workers, the platform, or how many replicates are asked for beyond it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .metric import FloatArray, IntArray

CHUNK = 500
"""Replicates that share one random stream. Fixed: other chunks would be other numbers."""

_DESIGN = "accordance/subject-bootstrap/1"
_CACHED_CELLS = 100_000_000  # counts are kept as 16 bits up to 200 MB, and drawn again beyond that


class ResamplingWeights:
    """Multinomial subject counts, within strata where the design says so (Davison & Hinkley 1997, ch. 3).

    Each replicate draws as many subjects as there are, with replacement; with strata, as many from each
    stratum as it has. Random bits come from PCG64 through its raw stream, which NumPy guarantees not to
    change, and are mapped to subjects by multiply and shift (a subject's probability is right to S / 2**32).

    Args:
        subject_keys: One text a subject, all different, in any order.
        seed: The protocol's declared seed.
        replicates: Number of replicates, B.
        strata: One label a subject, in the order of `subject_keys`. Default: one stratum.

    Raises:
        ValueError: No subject, a key given twice, strata of another length, or fewer than one replicate.

    Example:
        >>> weights = ResamplingWeights(["b", "a", "c"], seed=7, replicates=1000)
        >>> weights.keys
        ('a', 'b', 'c')
        >>> weights.matrix().sum(axis=1).tolist() == [3.0] * 1000
        True
        >>> bool((weights.matrix(["c", "a"])[:, 1] == weights.matrix()[:, 0]).all())
        True
    """

    def __init__(
        self,
        subject_keys: Sequence[str],
        *,
        seed: int,
        replicates: int,
        strata: Sequence[str] | None = None,
    ) -> None:
        keys = [str(key) for key in subject_keys]
        labels = [""] * len(keys) if strata is None else [str(label) for label in strata]
        _check(keys, labels, replicates)
        order = sorted(range(len(keys)), key=keys.__getitem__)
        self.keys = tuple(keys[i] for i in order)
        self.strata = tuple(labels[i] for i in order) if len(set(labels)) > 1 else None
        self.seed = seed
        self.replicates = replicates
        self._position = {key: i for i, key in enumerate(self.keys)}
        self._counts: np.ndarray[Any, np.dtype[np.uint16]] | None = None

    @property
    def n_subjects(self) -> int:
        """Number of subjects."""
        return len(self.keys)

    @property
    def digest(self) -> str:
        """SHA-256 of everything the numbers follow from: design, seed, sorted keys, strata."""
        identity = [_DESIGN, self.seed, self.keys, self.strata]
        return hashlib.sha256(json.dumps(identity, ensure_ascii=True).encode()).hexdigest()

    def matrix(self, keys: Sequence[str] | None = None) -> FloatArray:
        """All replicates, (B, S'), one column for each key in the order asked (default: sorted keys).

        Raises:
            ValueError: A key is not among the subjects.
        """
        columns = self._columns(keys)
        counts = self._all_counts()
        if counts is not None:
            chosen = counts if columns is None else counts[:, columns]
            return chosen.astype(np.float64)
        width = self.n_subjects if columns is None else len(columns)
        result = np.empty((self.replicates, width))
        for start, block in self.chunks(keys):
            result[start : start + len(block)] = block
        return result

    def chunks(self, keys: Sequence[str] | None = None) -> Iterator[tuple[int, FloatArray]]:
        """The same numbers in pieces, as (first replicate, block), for workers or for little memory.

        Raises:
            ValueError: A key is not among the subjects.
        """
        columns = self._columns(keys)
        for start in range(0, self.replicates, CHUNK):
            counts = self._draw(start)
            yield start, (counts if columns is None else counts[:, columns]).astype(np.float64)

    def __getstate__(self) -> dict[str, Any]:
        """Without the cache: a worker draws what it needs, which is quicker than sending it."""
        return {**self.__dict__, "_counts": None}

    def _columns(self, keys: Sequence[str] | None) -> IntArray | None:
        if keys is None:
            return None
        unknown = [key for key in keys if key not in self._position]
        if unknown:
            raise ValueError(
                f"{len(unknown)} of `keys` are not among the resampled subjects, first {unknown[0]!r}."
            )
        return np.array([self._position[key] for key in keys], dtype=np.int64)

    def _all_counts(self) -> np.ndarray[Any, np.dtype[np.uint16]] | None:
        if self._counts is None and self.replicates * self.n_subjects <= _CACHED_CELLS:
            self._counts = np.concatenate([self._draw(start) for start in range(0, self.replicates, CHUNK)])
        return self._counts

    def _draw(self, start: int) -> np.ndarray[Any, np.dtype[np.uint16]]:
        rows = min(CHUNK, self.replicates - start)
        counts = np.empty((rows, self.n_subjects), dtype=np.uint16)
        entropy = int(self.digest, 16)
        for h, members in enumerate(self._members()):
            stream = np.random.SeedSequence(entropy, spawn_key=(start // CHUNK, h))
            counts[:, members] = _multinomial(np.random.PCG64(stream), rows, len(members))
        return counts

    def _members(self) -> list[IntArray]:
        if self.strata is None:
            return [np.arange(self.n_subjects)]
        labels = np.array(self.strata)
        return [np.flatnonzero(labels == label) for label in sorted(set(self.strata))]


def _multinomial(bits: np.random.PCG64, rows: int, n: int) -> IntArray:
    """(rows, n) counts of n equally likely draws a row; the first rows do not depend on how many follow."""
    draws = rows * n
    raw = np.asarray(bits.random_raw((draws + 1) // 2), dtype=np.uint64)
    halves = np.empty(2 * len(raw), dtype=np.uint64)
    halves[0::2] = raw >> np.uint64(32)
    halves[1::2] = raw & np.uint64(0xFFFFFFFF)
    index = ((halves[:draws] * np.uint64(n)) >> np.uint64(32)).astype(np.int64)
    index.reshape(rows, n)[...] += (np.arange(rows) * n)[:, None]
    return np.bincount(index, minlength=draws).reshape(rows, n)


def _check(keys: list[str], labels: list[str], replicates: int) -> None:
    if not keys:
        raise ValueError("`subject_keys` is empty; there is nobody to resample.")
    repeated = [key for key, count in Counter(keys).items() if count > 1]
    if repeated:
        raise ValueError(f"`subject_keys` holds {len(repeated)} keys more than once, first {repeated[0]!r}.")
    if len(labels) != len(keys):
        raise ValueError(f"`strata` has {len(labels)} labels for {len(keys)} subjects.")
    if len(keys) > np.iinfo(np.uint16).max:
        raise ValueError(f"At most 65,535 subjects can be resampled, not {len(keys):,}.")
    if replicates < 1:
        raise ValueError(f"`replicates` must be at least 1, not {replicates}.")
