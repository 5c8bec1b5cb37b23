"""Two binary results on the same units: the four cells, of all units or subject by subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import checks
from ..additive import subject_sums
from ..codes import binary_codes
from ..functions import arrange
from ..metric import CannotComputeError, FloatArray


@dataclass(frozen=True)
class PairedCounts:
    """Independent units by the results of two versions.

    For sensitivities, the units are reference positives and a result is "called positive"; for specificities,
    reference negatives "called negative"; for accuracies, all units "called right".

    Attributes:
        both: Units on which both versions succeed.
        candidate_only: Only the candidate does.
        baseline_only: Only the baseline does.
        neither: Neither does.

    Raises:
        ValueError: A count is negative or no whole number.
    """

    both: int
    candidate_only: int
    baseline_only: int
    neither: int

    def __post_init__(self) -> None:
        for name in ("both", "candidate_only", "baseline_only", "neither"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
                raise ValueError(f"`{name}` must be a whole number, 0 or above, not {value!r}.")
            object.__setattr__(self, name, int(value))

    @property
    def n(self) -> int:
        """All units."""
        return self.both + self.candidate_only + self.baseline_only + self.neither

    @property
    def candidate(self) -> float:
        """Proportion of the candidate; CannotComputeError without units."""
        return (self.both + self.candidate_only) / self._units()

    @property
    def baseline(self) -> float:
        """Proportion of the baseline; CannotComputeError without units."""
        return (self.both + self.baseline_only) / self._units()

    @property
    def difference(self) -> float:
        """Candidate - baseline; CannotComputeError without units."""
        return (self.candidate_only - self.baseline_only) / self._units()

    def swapped(self) -> PairedCounts:
        """The same with candidate and baseline exchanged."""
        return PairedCounts(self.both, self.baseline_only, self.candidate_only, self.neither)

    def _units(self) -> int:
        if self.n == 0:
            raise CannotComputeError("There are no units.")
        return self.n


@dataclass(frozen=True, eq=False)
class ClusteredPairs:
    """The four cells of each subject, whose units are not independent.

    Attributes:
        cells: (k, 4) counts of each subject that has units: both, candidate only, baseline only, neither.
    """

    cells: FloatArray

    def __str__(self) -> str:
        return f"{len(self.cells):,} subjects with {self.n.sum():,.0f} units, together {self.pooled()}"

    @property
    def n(self) -> FloatArray:
        """(k,) units of each subject."""
        return np.asarray(self.cells.sum(axis=1))

    @property
    def discordance(self) -> FloatArray:
        """(k,) candidate only - baseline only."""
        return np.asarray(self.cells[:, 1] - self.cells[:, 2])

    def pooled(self) -> PairedCounts:
        """The cells of all units, as if they were independent."""
        return PairedCounts(*(int(count) for count in self.cells.sum(axis=0)))


def paired_counts(
    baseline: ArrayLike, candidate: ArrayLike, *, positive: Any = None, subject: Any = None
) -> PairedCounts:
    """The four cells of independent units, from one row a unit.

    Args:
        baseline: (n,) results of the baseline.
        candidate: (n,) results of the candidate on the same units.
        positive: The value, or values, that count as success. Default: values are 0 and 1.
        subject: (n,) subject labels. Default: every row is a subject of its own.

    Raises:
        CannotComputeError: A subject has several rows, which are not independent; use `clustered_pairs`.
        ValueError: Lengths differ, a value is missing, or values need `positive`.

    Example:
        >>> paired_counts([1, 1, 0, 0, 1], [1, 0, 1, 0, 1])
        PairedCounts(both=2, candidate_only=1, baseline_only=1, neither=1)
    """
    found = clustered_pairs(baseline, candidate, positive=positive, subject=subject)
    if np.any(found.n > 1):
        raise CannotComputeError(
            "Rows are taken for independent, and subjects have several; use `clustered_pairs` with "
            "`clustered_mcnemar`, or `compare_versions`."
        )
    return found.pooled()


def clustered_pairs(
    baseline: ArrayLike, candidate: ArrayLike, *, positive: Any = None, subject: Any = None
) -> ClusteredPairs:
    """The four cells of each subject, from one row a unit. Arguments as for `paired_counts`.

    Raises:
        ValueError: Lengths differ, a value is missing, or values need `positive`.

    Example:
        >>> clustered_pairs([1, 1, 0, 0], [1, 0, 1, 0], subject=["a", "a", "b", "b"]).cells
        array([[1., 0., 1., 0.],
               [0., 1., 0., 1.]])
    """
    first = binary_codes("baseline", baseline, positive)
    second = binary_codes("candidate", candidate, positive)
    checks.same_length(len(first), {"candidate": second})
    columns, _ = arrange(first, second, subject)
    before, after = columns.reference == 1, columns.test == 1
    cells = (before & after, after & ~before, before & ~after, ~(before | after))
    return ClusteredPairs(np.stack([subject_sums(cell, columns.offsets) for cell in cells], axis=1))


def clustered_cells(cells: ArrayLike) -> ClusteredPairs:
    """The four cells of each subject, from counts: (k, 4), subjects without units left out.

    Raises:
        ValueError: Not four columns, or a count is negative or no whole number.

    Example:
        >>> clustered_cells([[1, 0, 1, 0], [0, 0, 0, 0]]).n
        array([2.])
    """
    counts = np.asarray(cells, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[1] != 4:
        raise ValueError(f"`cells` must have four columns, one subject a row; its shape is {counts.shape}.")
    if np.any(~(counts >= 0) | ~np.isfinite(counts) | (counts != np.floor(counts))):
        raise ValueError("`cells` must hold whole numbers, 0 or above.")
    return ClusteredPairs(counts[counts.sum(axis=1) > 0])
