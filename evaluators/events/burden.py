"""Burden: the share of the analysable time that a subject spends in episodes, such as those of AF."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..metric import FloatArray
from .matching import disjoint, interval_rows


@dataclass(frozen=True, eq=False)
class Burden:
    """Burden of each subject.

    Attributes:
        subjects: Labels, sorted.
        analysable: (S,) time that could be analysed.
        reference: (S,) share of it in episodes of the reference, 0 to 1; NaN without analysable time.
        test: (S,) the same of the test.
    """

    subjects: tuple[str, ...]
    analysable: FloatArray
    reference: FloatArray
    test: FloatArray

    @property
    def difference(self) -> FloatArray:
        """(S,) test - reference."""
        return self.test - self.reference


def episode_burden(
    reference: ArrayLike,
    test: ArrayLike,
    analysable: ArrayLike,
    *,
    reference_subject: ArrayLike | None = None,
    test_subject: ArrayLike | None = None,
    analysable_subject: ArrayLike | None = None,
) -> Burden:
    """The share of analysable time in episodes, by subject, of the reference and of the test.

    Only time that could be analysed counts, above and below: episodes are cut to it. Episodes of one side and
    subject that overlap are united. What limits of agreement or a mean difference say of the burden is then
    that of its two columns, a row a subject.

    Args:
        reference: (n, 2) starts and ends of the reference's episodes.
        test: (m, 2) starts and ends of the test's episodes.
        analysable: (k, 2) starts and ends of the time that could be analysed by both.
        reference_subject: (n,) subjects. Default: all rows are of one subject.
        test_subject: (m,) subjects.
        analysable_subject: (k,) subjects; who has none here has no burden.

    Raises:
        ValueError: Rows that are no start and end, labels for some columns only, or episodes of a subject
            without analysable time; all problems in one message.

    Example:
        >>> found = episode_burden([(0, 30)], [(10, 30), (90, 120)], [(0, 100)])
        >>> found.reference.tolist(), found.test.tolist(), found.difference.round(2).tolist()
        ([0.3], [0.3], [0.0])
    """
    problems: list[str] = []
    rows = [interval_rows(name, values, problems) for name, values in (
        ("reference", reference), ("test", test), ("analysable", analysable)
    )]  # fmt: skip
    columns = (reference_subject, test_subject, analysable_subject)
    given = dict(zip(("reference_subject", "test_subject", "analysable_subject"), columns, strict=True))
    missing = [name for name, values in given.items() if values is None]
    if 0 < len(missing) < len(given):
        listed = ", ".join(f"`{name}`" for name in missing)
        problems.append(f"Subjects are given, but not {listed}.")
    labels = []
    for (name, values), intervals in zip(given.items(), rows, strict=True):
        found = np.full(len(intervals), "") if values is None else np.asarray(values).astype(np.str_)
        if found.shape != (len(intervals),):
            problems.append(f"`{name}` has the shape {found.shape}; there are {len(intervals):,} rows.")
        labels.append(found)
    if problems:
        raise ValueError(" ".join(problems))
    subjects = np.unique(labels[2])
    for name, one in zip(("reference", "test"), labels[:2], strict=True):
        strange = np.setdiff1d(one, subjects)
        if len(strange):
            listed = ", ".join(strange[:5])
            problems.append(f"`{name}` has episodes of subjects without analysable time: {listed}.")
    if problems:
        raise ValueError(" ".join(problems))
    codes = [np.searchsorted(subjects, one) for one in labels]
    united = []
    for name, intervals, code in zip(("reference", "test", "analysable"), rows, codes, strict=True):
        whole, kept = disjoint(name, intervals, code, merge=True)
        united.append((whole[kept], code[kept]))
    length = np.diff(united[2][0], axis=1)[:, 0]
    time = np.bincount(united[2][1], length, len(subjects)).astype(np.float64)
    shares = []
    for intervals, code in united[:2]:
        inside = np.array([
            _common(intervals[code == k], united[2][0][united[2][1] == k]) for k in range(len(subjects))
        ])  # fmt: skip
        with np.errstate(invalid="ignore"):
            shares.append(inside / time)
    return Burden(tuple(subjects.tolist()), time, shares[0], shares[1])


def _common(first: FloatArray, second: FloatArray) -> float:
    """Time in both of two sets of intervals, of which none overlaps another of its set."""
    start = np.maximum(first[:, None, 0], second[None, :, 0])
    end = np.minimum(first[:, None, 1], second[None, :, 1])
    return float(np.maximum(end - start, 0).sum())
