"""How much of one subject's number is chance, where its units follow each other in time.

Neighbouring seconds, epochs and beats resemble each other: taken for independent, a night of them would say
thousands of times what it says once. A subject's units are therefore cut, in time order, into a few long
blocks, and its number is worked out again without each block. Long blocks are nearly independent of each
other whatever happens inside them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..metric import Citation, FloatArray, IntArray

BUSING = Citation(
    "busing1999",
    "Busing FMTA, Meijer E, van der Leeden R. Delete-m jackknife for unequal m. Stat Comput 1999;9:3-8.",
)
KUNSCH = Citation(
    "kunsch1989",
    "Kunsch HR. The jackknife and the bootstrap for general stationary observations. Ann Stat "
    "1989;17:1217-1241.",
)
FLEGAL = Citation(
    "flegal2010",
    "Flegal JM, Jones GL. Batch means and spectral variance estimators in Markov chain Monte Carlo. Ann Stat "
    "2010;38:1034-1070.",
)

MOST_BLOCKS = 10
"""Blocks of a subject at most. Longer blocks depend less on each other, and what degrees of freedom are lost
by having few of them comes from the other subjects (`unit_variances`)."""
WHOLE_SESSIONS = 5
"""From so many sessions (nights, visits) on a block is a session, or several: what differs from night to
night is then seen, which it is not where blocks lie within nights."""
FEWEST_UNITS = 4
"""Units that make two blocks of two."""

_ROUNDING = 1e-12  # relative: a change by less than this is none


@dataclass(frozen=True)
class Blocks:
    """Rows cut into blocks, none of which holds rows of two subjects.

    Attributes:
        offsets: (N + 1,) start of each block's rows.
        subject: (N,) whose block it is, as a position.
        n_subjects: Number of subjects, those without rows included.
    """

    offsets: IntArray
    subject: IntArray
    n_subjects: int

    @property
    def units(self) -> IntArray:
        """(N,) rows of each block."""
        return np.diff(self.offsets)


def cut(offsets: IntArray, session: NDArray[np.bool_] | None = None, *, single: bool = False) -> Blocks:
    """Cut each subject's rows into blocks of consecutive ones, about as many as they are long.

    A subject with n rows has floor(sqrt(n)) blocks, at most `MOST_BLOCKS`: blocks at least as long as the
    square root of the rows leave little of what neighbours have in common (Flegal & Jones 2010).
    No block holds rows of two sessions, unless it holds whole ones: with `WHOLE_SESSIONS` sessions or more
    these are the blocks, at most `MOST_BLOCKS` of them, neighbouring ones put together where there are more.
    Fewer sessions are cut, each by its share of the rows, into blocks of two rows or more.

    Args:
        offsets: (S + 1,) start of each subject's rows, which are in time order.
        session: (n,) whether a session starts with this row. Default: a subject's rows are one session.
        single: Every row a block of its own, up to `MOST_BLOCKS`; for data of which no subject has more than
            a few rows.

    Example:
        >>> found = cut(np.array([0, 9, 11]))
        >>> found.offsets, found.subject
        (array([ 0,  3,  6,  9, 11]), array([0, 0, 0, 1]))
    """
    n_subjects, n_rows = len(offsets) - 1, int(offsets[-1])
    rows = np.diff(offsets)
    begins = np.zeros(n_rows, dtype=bool) if session is None else session.copy()
    begins[offsets[:-1][rows > 0]] = True
    start = np.flatnonzero(begins)
    length = np.diff(start, append=n_rows)
    subject = np.searchsorted(offsets[:-1], start, side="right") - 1
    sessions = np.bincount(subject, minlength=n_subjects)
    aim = rows if single else np.floor(np.sqrt(rows)).astype(np.int64)
    whole = sessions >= WHOLE_SESSIONS
    share = np.minimum(aim, MOST_BLOCKS)[subject] * length / rows[subject]
    pieces = np.clip(np.rint(share), 1, length if single else np.maximum(length // 2, 1)).astype(np.int64)
    pieces[whole[subject]] = 1
    number = _counted(pieces)
    begin = np.repeat(start, pieces) + np.repeat(length, pieces) * number // np.repeat(pieces, pieces)
    owner = np.repeat(subject, pieces)
    # sessions beyond the most blocks share one with their neighbours
    place = _counted(np.bincount(owner, minlength=n_subjects))
    many = np.bincount(owner, minlength=n_subjects)[owner]
    group = place * np.minimum(many, MOST_BLOCKS) // many
    first = np.ones(len(owner), dtype=bool)
    first[1:] = (owner[1:] != owner[:-1]) | (group[1:] != group[:-1]) | ~whole[owner[1:]]
    return Blocks(np.append(begin[first], n_rows).astype(np.int64), owner[first], n_subjects)


def _counted(sizes: IntArray) -> IntArray:
    """0, 1, ... within each of the groups of these sizes, one after the other."""
    ends = np.cumsum(sizes)
    return np.asarray(np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - sizes, sizes))


def delete_a_block(
    whole: FloatArray, left_out: FloatArray, used: NDArray[np.bool_], blocks: Blocks
) -> tuple[FloatArray, IntArray]:
    """Variance of each subject's number from its values without one block each.

    The jackknife for blocks of unequal length (Busing et al. 1999): with h_j = n / m_j and the
    pseudo-values h_j T - (h_j - 1) T_(-j), the mean of their squared deviations from
    the jackknife's estimate, each over h_j - 1. With g equal blocks it is (g - 1) / g sum (T_(-j) - mean)^2.
    Blocks that say nothing (no event in them) are none: neither n nor g counts them.

    Args:
        whole: (S,) the subjects' numbers; NaN where there is none.
        left_out: (N,) the subject's number without the block; NaN where it has none without it.
        used: (N,) whether the block says anything of the number.
        blocks: Whose blocks they are, and how long.

    Returns:
        (S,) variances, NaN with fewer than two blocks or where the number is undefined without one of them,
        0 where no block says anything; (S,) blocks that each rests on, 1 where there are no two.

    Example:
        >>> blocks = cut(np.array([0, 9]))
        >>> values = np.array([1.0, 2, 3, 2, 4, 3, 5, 4, 6])
        >>> without = (values.sum() - np.add.reduceat(values, [0, 3, 6])) / 6
        >>> variance, n = delete_a_block(np.array([values.mean()]), without, np.ones(3, dtype=bool), blocks)
        >>> bool(np.isclose(variance[0], np.var([2.0, 3.0, 5.0], ddof=1) / 3)), n
        (True, array([3]))
    """
    used, size = used | ~np.isfinite(left_out), blocks.n_subjects
    owner, m, left = blocks.subject[used], blocks.units[used].astype(np.float64), left_out[used]
    g = np.bincount(owner, minlength=size)
    n = np.bincount(owner, weights=m, minlength=size)
    with np.errstate(all="ignore"):
        h = n[owner] / m
        pseudo = h * whole[owner] - (h - 1) * left
        estimate = g * whole - np.bincount(owner, weights=(1 - 1 / h) * left, minlength=size)
        squares = np.square(pseudo - estimate[owner]) / (h - 1)
        variance = np.bincount(owner, weights=squares, minlength=size) / g
    known = np.isfinite(variance) & np.isfinite(whole) & (g > 1)
    same = np.isfinite(whole) & (g == 0)
    return np.where(known, variance, np.where(same, 0.0, np.nan)), np.where(known, g, 1).astype(np.int64)


def unchanged(whole: FloatArray, left_out: FloatArray, blocks: Blocks) -> NDArray[np.bool_]:
    """(N, k) whether leaving a block out changes the numbers of its subject by no more than rounding.

    Args:
        whole: (S, k) the subjects' numbers.
        left_out: (N, k) without each block.
        blocks: Whose blocks they are.
    """
    own = whole[blocks.subject]
    return np.asarray(np.abs(left_out - own) <= _ROUNDING * np.abs(own))
